/* SPDX-License-Identifier: ISC */
/*
 * A file of hostile bytes, looked up in and walked: as it is, and as if it
 * were a hash or btree file whose metadata says so.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "map/bdb_internal.h"

enum { MAX_SIZE = 1 << 20 }; /* of a value */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_bytes(void *ctx, span key, span value)
{
	size_t *n = ctx;

	for (size_t i = 0; i < key.len; i++)
		*n += (uint8_t)key.ptr[i];
	for (size_t i = 0; i < value.len; i++)
		*n += (uint8_t)value.ptr[i];
	return true;
}

static void look_up(struct bdb *db)
{
	static const span keys[] = {
		SPAN_INIT("a"),
		SPAN_INIT("a\0"),
		SPAN_INIT("k1"),
		SPAN_INIT("key77"),
		SPAN_INIT("k500"),
		SPAN_INIT(""),
		SPAN_INIT("zzzzzzzzzzzzzzzzzzzz"),
	};
	struct buf value = BUF_INIT(MAX_SIZE);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		size_t sum = 0;

		buf_clear(&value);
		if (bdb_get(db, keys[i], &value) == BDB_FOUND)
			read_bytes(&sum, keys[i], buf_span(&value));
	}
	buf_done(&value);
}

static void try_file(int fd)
{
	struct buf why = BUF_INIT(1000);
	struct bdb *db;
	size_t sum = 0;

	if (bdb_open(fd, BDB_LOCKED, &why, &db) < 0) {
		(void)close(fd);
	} else {
		look_up(db);
		if (bdb_each(db, read_bytes, &sum) == 0)
			look_up(db);
		bdb_close(&db);
	}
	buf_done(&why);
}

static void set_u32(int fd, off_t at, uint32_t n)
{
	if (pwrite(fd, &n, sizeof(n), at) < 0)
		bug("pwrite");
}

/* Past the checks that the fuzzer would take long to pass. */
static void mend(int fd, const uint8_t *data, size_t size)
{
	static const char known[] = "%$sniglet^&";
	bool hash = data[0] % 2 == 0;
	size_t page = (size_t)512 << data[1] % 4;

	set_u32(fd, META_MAGIC, hash ? BDB_HASH_MAGIC : BDB_BTREE_MAGIC);
	set_u32(fd, META_VERSION, 8 + data[0] / 2 % 3);
	set_u32(fd, META_PAGE_SIZE, (uint32_t)page);
	set_u32(fd, META_ENCRYPTION,
	    (uint32_t)(hash ? PAGE_HASH_META : PAGE_BTREE_META) << 8);
	if (ftruncate(fd, (off_t)(size - size % page)) < 0)
		bug("ftruncate");
	set_u32(fd, META_PARTS, 0);
	set_u32(fd, META_FLAGS, 0);
	if (hash) {
		set_u32(
		    fd, META_CHARKEY, bdb_hash(span_of(known, sizeof(known))));
		set_u32(fd, META_MAX_BUCKET, (uint32_t)(size / 4096));
	} else {
		set_u32(fd, META_ROOT, 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int i = 0; i < 2; i++) {
		int fd = memfd_create("fuzz", MFD_CLOEXEC);

		if (fd < 0)
			return 0;
		if (write(fd, data, size) != (ssize_t)size)
			bug("write");
		if (i == 1 && size >= 4096)
			mend(fd, data, size);
		try_file(fd);
	}
	return 0;
}
