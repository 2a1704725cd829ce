/* SPDX-License-Identifier: ISC */
/*
 * Any mailbox, with flags that the first bytes choose: what a commit makes of
 * it has the same messages without the deleted ones, with these flags, and
 * looks as the commit believes.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "os/file.h"
#include "store/folder_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOICES = 16, SEED = 7 };

static int make_file(span bytes)
{
	int fd = memfd_create("mbox", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, bytes) < 0)
		bug("memfd");
	return fd;
}

static void check_item(
    const struct folder_item *want, const struct folder_item *got)
{
	if (want->hash != got->hash)
		bug("another message");
	if (want->m.flags != got->m.flags)
		bug("flags %x, not %x", got->m.flags, want->m.flags);
	if (want->at != got->at || want->m.size != got->m.size ||
	    want->m.lines != got->m.lines || want->head != got->head)
		bug("its place or size");
}

static void check_result(const struct folder *f, span content)
{
	CLEANUP(fd_close) int fd = make_file(content);
	struct folder_item *items = NULL;
	size_t count = 0;

	if (folder_mbox_scan(fd, SEED, &items, &count) < 0)
		bug("no mailbox any more");
	if (count != f->count)
		bug("%zu messages, not %zu", count, f->count);
	for (size_t i = 0; i < count; i++)
		check_item(&f->items[i], &items[i]);
	mem_free(items);
}

static void commit(struct folder *f, int fd, span content)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct folder_plan p;

	if (folder_plan_make(&p, f, fd) < 0)
		bug("no plan");
	buf_put(&out, span_first(content, folder_plan_from(&p)));
	if (folder_plan_stream(&p, fd, folder_put_piece, &out) < 0)
		bug("no new file");
	if (out.len != p.new_size)
		bug("another size");
	folder_plan_apply(&p, f);
	check_result(f, buf_span(&out));
	folder_plan_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span content = span_from(span_of(data, size), CHOICES);
	struct folder f = { .stamp = { .size = (off_t)content.len } };
	int fd;

	if (size < CHOICES || size > 8192)
		return 0;
	fd = make_file(content);
	if (folder_mbox_scan(fd, SEED, &f.items, &f.count) == 0) {
		for (size_t i = 0; i < f.count; i++)
			f.items[i].m.flags = data[i % CHOICES] & 63;
		commit(&f, fd, content);
	}
	mem_free(f.items);
	(void)close(fd);
	return 0;
}
