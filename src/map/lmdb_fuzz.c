/* SPDX-License-Identifier: ISC */
/* Any bytes as an LMDB file. */
#include <unistd.h>

#include "map/lmdb_file.h"
#include "os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_again(void *ctx, span key, span value UNUSED)
{
	struct lmdb_file *f = ctx;
	struct buf found = BUF_INIT(1 << 20);

	/* Held in memory, so this may not disturb the walk. */
	(void)!lmdb_file_get(f, key, &found);
	buf_done(&found);
	return true;
}

static bool pass(void *ctx UNUSED, span key UNUSED, span value UNUSED)
{
	return true;
}

static void read_all(const uint8_t *data, size_t size, bool bulk)
{
	struct buf found = BUF_INIT(1 << 20);
	struct lmdb_file *f;
	int fd = file_memfd("fuzz", span_of(data, size));

	if (fd < 0)
		return;
	(void)!lmdb_file_check(fd);
	if (lmdb_file_open(fd, bulk, &f) != 0) {
		(void)close(fd);
		return;
	}
	(void)!lmdb_file_get(f, SPAN("key\0"), &found);
	(void)!lmdb_file_get(f, SPAN("long"), &found);
	(void)!lmdb_file_each(f, bulk ? find_again : pass, f);
	(void)!lmdb_file_refresh(f);
	lmdb_file_close(&f);
	buf_done(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_all(data, size, false);
	read_all(data, size, true);
	return 0;
}
