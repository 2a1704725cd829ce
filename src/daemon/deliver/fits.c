/* SPDX-License-Identifier: ISC */
/*
 * Nothing is made or locked for it, and nothing is promised: what fits now may
 * not when it is delivered.
 */
#include "daemon/deliver/fits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "store/maildirsize.h"

enum { PATH_LONGEST = 8192 };

static bool fits_maildir(const struct work_item *item, const char *path)
{
	struct maildir_quota quota = { 0 };
	CLEANUP(fd_close) int root = -1;
	struct maildirsize m;
	bool fits;

	if (!(item->flags & WORK_QUOTA))
		return true;
	if (item->quota.len > 0 && !maildir_quota_parse(item->quota, &quota))
		return true;
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Perhaps nothing was delivered yet. */
	if (root < 0)
		return quota.bytes == 0 || item->size <= quota.bytes;
	maildirsize_open(&m, root, &quota);
	fits = maildirsize_admit(&m, item->size) == MAILDIRSIZE_OK;
	maildirsize_close(&m);
	return fits;
}

static bool fits_file(const struct work_item *item, int dir, const char *path)
{
	struct stat st;

	if (item->size_max == 0 || fstatat(dir, path, &st, 0) < 0 ||
	    !S_ISREG(st.st_mode))
		return true;
	return (uint64_t)st.st_size <= item->size_max &&
	    item->size <= item->size_max - (uint64_t)st.st_size;
}

static bool fits(const struct worker *w, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LONGEST);
	const char *name;

	buf_put(&path, item->path);
	if (path.failed)
		return true;
	name = buf_cstr(&path);
	if (item->kind == WORK_MAILDIR)
		return fits_maildir(item, name);
	return fits_file(
	    item, item->kind == WORK_SPOOL ? w->dir : AT_FDCWD, name);
}

void fits_tell(struct worker *w, const struct work_item *item)
{
	static const struct verdict verdicts[] = {
		{ .class = VERDICT_BOUNCED,
		    .status = SPAN_INIT("5.2.2"),
		    .text = SPAN_INIT("mailbox is full") },
		{ .class = VERDICT_SENT,
		    .status = SPAN_INIT("2.0.0"),
		    .text = SPAN_INIT("there is room") },
	};

	worker_settle(w, item->number, &verdicts[fits(w, item)]);
}
