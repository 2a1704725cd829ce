/* SPDX-License-Identifier: ISC */
/*
 * map-query [-N] [-F] [-q] type:name - look up each line of stdin: "key TAB
 * value" for those that are found, warnings on stderr. -N: no substitution;
 * -F: values are files; -q: only say how many were found and how fast.
 */
#include "map/map.h"

#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

static void warn(void *ctx UNUSED, span text)
{
	(void)fprintf(stderr, "warning: %.*s\n", (int)text.len, text.ptr);
}

static span no_param(void *ctx UNUSED, span name UNUSED)
{
	return SPAN_NONE;
}

static size_t look_up_all(struct map *m, span keys, bool quiet)
{
	struct buf value = BUF_INIT(1 << 24);
	size_t found = 0;

	while (keys.len > 0) {
		span key = span_cut(&keys, '\n');

		if (map_find(m, key, &value) != MAP_FOUND)
			continue;
		found++;
		if (!quiet)
			(void)printf(
			    "%.*s\t%.*s\n", PRI(key), PRI(buf_span(&value)));
	}
	buf_done(&value);
	return found;
}

int main(int argc, char **argv)
{
	const struct map_host host = { .warn = warn, .param = no_param };
	struct buf keys = BUF_INIT(1 << 30);
	unsigned flags = MAP_FOLD_FIXED;
	bool quiet = false;
	struct map *m;
	size_t found;
	usec start;
	int c;

	while ((c = getopt(argc, argv, "NFq")) != -1) {
		flags |= c == 'N' ? MAP_NO_SUBSTITUTION : 0;
		flags |= c == 'F' ? MAP_VALUE_IS_FILE : 0;
		quiet |= c == 'q';
	}
	if (optind + 1 != argc || file_read_all(0, &keys) < 0)
		return 2;
	start = clock_monotonic();
	m = map_open(&host, span_str(argv[optind]), flags);
	if (quiet)
		(void)printf("opened in %.1f ms\n",
		    (double)(clock_monotonic() - start) / 1000);
	start = clock_monotonic();
	found = look_up_all(m, buf_span(&keys), quiet);
	if (quiet)
		(void)printf("found %zu in %.1f ms\n", found,
		    (double)(clock_monotonic() - start) / 1000);
	map_close(&m);
	buf_done(&keys);
	return 0;
}
