/* SPDX-License-Identifier: ISC */
/*
 * test/lib/fuzz_replay.c - runs a fuzz target over the files named, or over
 * those in the directories named, and over the empty input.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "r");
	uint8_t *exact;
	size_t n;

	if (!f)
		return 0;
	n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	/* An exact allocation lets ASan see a read past the end. */
	exact = malloc(n ? n : 1);
	if (!exact)
		return 0;
	for (size_t i = 0; i < n; i++)
		exact[i] = bytes[i];
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static int replay_dir(DIR *dir, const char *path)
{
	struct dirent *entry;
	char name[4096];
	int count = 0;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
		    name, sizeof(name), "%s/%s", path, entry->d_name);
		count += replay_file(name);
	}
	return count;
}

int main(int argc, char **argv)
{
	static const uint8_t nothing[1];
	int count = 0;

	(void)LLVMFuzzerTestOneInput(nothing, 0);
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);

		if (dir) {
			count += replay_dir(dir, argv[i]);
			(void)closedir(dir);
		} else {
			count += replay_file(argv[i]);
		}
	}
	printf("replayed %d inputs\n", count);
	return 0;
}
