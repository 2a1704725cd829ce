/* SPDX-License-Identifier: ISC */
/* Any bytes as a cdb file. */
#include <unistd.h>

#include "map/cdb_file.h"
#include "os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_again(void *ctx, span key, span value UNUSED)
{
	struct buf found = BUF_INIT(1 << 20);

	(void)!cdb_get(ctx, key, &found);
	buf_done(&found);
	return true;
}

static void read_all(const uint8_t *data, size_t size, bool bulk)
{
	struct buf found = BUF_INIT(1 << 20);
	struct cdb_file f;
	int fd = file_memfd("fuzz", span_of(data, size));

	if (fd < 0)
		return;
	if (cdb_open(fd, bulk, &f) != 0) {
		(void)close(fd);
		return;
	}
	(void)!cdb_get(&f, SPAN("key"), &found);
	(void)!cdb_each(&f, find_again, &f);
	cdb_close(&f);
	buf_done(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_all(data, size, false);
	read_all(data, size, true);
	return 0;
}
