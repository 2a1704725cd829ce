/* SPDX-License-Identifier: ISC */
/*
 * The rules for ~/.forward are those of Postfix's local(8): the first of the
 * candidates that is there counts; if it may not be trusted it is as if none
 * was there, with a warning. A scribe only sees that one is there: it acts as
 * the user, but must not read what the user wrote. A filer passes on all that
 * is not plain.
 */
#include "daemon/deliver/look.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/deliver/rights.h"
#include "os/error.h"
#include "os/file.h"

enum {
	PATH_LONGEST = 8192,
	TEXT_MAX = 2 * PATH_LONGEST,
};

static void settle(struct worker *w, const struct work_item *item,
    enum verdict_class class, span status, const struct buf *text)
{
	worker_settle(w, item->number,
	    &(struct verdict){
	        .class = class,
	        .status = status,
	        .text = buf_span(text),
	    });
}

/* The home directory */

static bool is_at_home(struct worker *w, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LONGEST);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	struct stat st;
	int r;

	if (!(item->flags & WORK_NEEDS_HOME))
		return true;
	buf_put(&path, item->home);
	r = os_error(stat(buf_cstr(&path), &st));
	if (r == 0)
		return true;
	if (w->setup.kind == WORK_FILER) {
		worker_pass(w, item->number);
		return false;
	}
	buf_printf(&text, "cannot access home directory %.*s: %s",
	    PRI(item->home), strerror(-r));
	settle(w, item, VERDICT_DEFERRED, SPAN("4.3.0"), &text);
	return false;
}

/* ~/.forward */

/* Why it cannot be read, in `warning`, or a descriptor. */
static int open_trusted(const struct work_item *item, const char *path,
    const struct stat *seen, struct buf *warning)
{
	CLEANUP(fd_close) int fd = -1;
	struct stat st;

	if (!S_ISREG(seen->st_mode)) {
		buf_printf(warning, "file %s is not a regular file", path);
		return -1;
	}
	if (seen->st_uid != 0 && seen->st_uid != item->uid) {
		buf_printf(warning, "file %s has bad owner uid %ld", path,
		    (long)seen->st_uid);
		return -1;
	}
	if (seen->st_mode & S_IWOTH) {
		buf_printf(warning, "file %s is world writable", path);
		return -1;
	}
	fd = open(
	    path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		buf_printf(
		    warning, "cannot open file %s: %s", path, strerror(errno));
		return -1;
	}
	/* Somebody put another one in its place just now. */
	if (st.st_dev != seen->st_dev || st.st_ino != seen->st_ino ||
	    st.st_mode != seen->st_mode || st.st_uid != seen->st_uid) {
		buf_printf(warning,
		    "cannot open file %s: file status changed unexpectedly",
		    path);
		return -1;
	}
	return STEAL_FD(fd);
}

static void answer_forward(struct worker *w, const struct work_item *item,
    uint32_t which, const char *path, const struct stat *st)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(WORK_MAX_BYTES);
	CLEANUP(buf_done) struct buf warning = BUF_INIT(TEXT_MAX);
	CLEANUP(fd_close) int fd = -1;
	struct work_done done = {
		.number = item->number,
		.found = WORK_FOUND_FORWARD,
		.which = which,
	};
	int r = 0;

	if (w->setup.kind != WORK_SCRIBE) {
		fd = open_trusted(item, path, st, &warning);
		r = fd < 0 ? 0 : file_read_all(fd, &bytes);
		if (r < 0)
			buf_printf(&warning, "cannot read file %s: %s", path,
			    strerror(-r));
	}
	if (warning.len > 0) {
		done.found = WORK_FOUND_NOTHING;
		done.warning = buf_span(&warning);
	} else {
		done.bytes = buf_span(&bytes);
	}
	worker_answer(w, &done);
}

static bool has_no_forward(struct worker *w, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LONGEST);

	for (uint32_t i = 0; i < item->nforward; i++) {
		struct stat st;

		buf_clear(&path);
		buf_put(&path, item->forward[i]);
		if (lstat(buf_cstr(&path), &st) < 0)
			continue;
		if (w->setup.kind == WORK_FILER)
			worker_pass(w, item->number);
		else
			answer_forward(w, item, i, buf_cstr(&path), &st);
		return false;
	}
	return true;
}

/* Become the user where we are not: 0 or a negative errno. */
static int be_user(struct worker *w, const struct work_item *item)
{
	bool wanted = item->nforward > 0 || item->flags & WORK_NEEDS_HOME;
	bool is_one =
	    w->setup.kind != WORK_SCRIBE && w->setup.kind != WORK_FILER;

	if (is_one || !wanted || geteuid() != 0)
		return 0;
	return rights_take(item->uid, item->gid);
}

bool look_first(struct worker *w, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	int r;

	r = be_user(w, item);
	if (r < 0 && w->setup.kind == WORK_FILER) {
		worker_pass(w, item->number);
		return false;
	}
	if (r < 0) {
		buf_printf(
		    &text, "cannot act as uid %u: %s", item->uid, strerror(-r));
		settle(w, item, VERDICT_DEFERRED, SPAN("4.3.0"), &text);
		return false;
	}
	return is_at_home(w, item) && has_no_forward(w, item);
}

void look_nothing(struct worker *w, const struct work_item *item, int blob)
{
	(void)blob;
	worker_answer(w,
	    &(struct work_done){
	        .number = item->number,
	        .found = WORK_FOUND_NOTHING,
	    });
}

/* Included lists */

static bool read_list(
    const struct work_item *item, struct buf *bytes, struct buf *warning)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LONGEST);
	CLEANUP(fd_close) int fd = -1;
	const char *name;
	struct stat st;
	int r;

	buf_put(&path, item->path);
	name = buf_cstr(&path);
	/* A link to a list is fine, here. */
	if (stat(name, &st) < 0) {
		buf_printf(warning, "unable to lookup :include: file %s: %s",
		    name, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		buf_printf(
		    warning, ":include: file %s is not a regular file", name);
	} else if (st.st_mode & S_IWOTH) {
		buf_printf(
		    warning, ":include: file %s is world writable", name);
	} else {
		fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = fd < 0 ? -errno : os_error(fstat(fd, &st));
		if (r == 0 && (!S_ISREG(st.st_mode) || st.st_mode & S_IWOTH))
			r = -EACCES;
		if (r == 0)
			r = file_read_all(fd, bytes);
		if (r < 0)
			buf_printf(warning, "cannot open include file %s: %s",
			    name, strerror(-r));
	}
	return warning->len == 0;
}

void look_read(struct worker *w, const struct work_item *item, int blob)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(WORK_MAX_BYTES);
	CLEANUP(buf_done) struct buf warning = BUF_INIT(TEXT_MAX);
	struct work_done done = { .number = item->number };

	if (item->path.len == 0) {
		look_nothing(w, item, blob);
		return;
	}
	if (read_list(item, &bytes, &warning)) {
		done.found = WORK_FOUND_LIST;
		done.bytes = buf_span(&bytes);
	} else {
		done.verdict = (struct verdict){
			.class = VERDICT_BOUNCED,
			.status = SPAN("5.3.5"),
			.text = SPAN("mail system configuration error"),
		};
		done.warning = buf_span(&warning);
	}
	worker_answer(w, &done);
}
