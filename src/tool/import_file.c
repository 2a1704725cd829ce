/* SPDX-License-Identifier: ISC */
/*
 * A file of Postfix's queue has the records that we write, and some more: old
 * recipients, pointers to what was changed later, results of filters. What
 * matters is written anew, the content as it is.
 *
 * A file that is being written has mode 0600, which pickup leaves alone; with
 * 0700 it is complete. A half one, of a run that was interrupted, is replaced.
 */
#include "tool/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "store/dropfile.h"

enum {
	RECORD_LONGEST = 16 * 1024 * 1024,
	MEMORY = 512 * 1024 * 1024,
	PIECE = 64 * 1024,
	READY = S_IRWXU,
	UNREADY = S_IRUSR | S_IWUSR,
};

static enum import_result complain(
    const char *queue, const char *name, const char *why)
{
	(void)fprintf(stderr, "chasqui: %s/%s: %s\n", queue, name, why);
	return IMPORT_BAD;
}

/* ---- the target ---- */

/* Whether there is a file that an earlier run has completed. */
static bool is_there(const struct import_target *t, const char *name)
{
	struct stat st;

	return fstatat(t->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_uid == t->owner.uid &&
	    (st.st_mode & (S_IRWXU | S_IROTH)) == READY;
}

static int create(const struct import_target *t, const char *name, uid_t uid,
    gid_t gid, int *ret_fd)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;
	int r;

	if (fstatat(t->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && !(st.st_mode & S_IXUSR))
		(void)unlinkat(t->dir, name, 0);
	r = os_error(openat(t->dir, name, flags, UNREADY));
	if (r < 0)
		return r;
	*ret_fd = r;
	if (uid == geteuid())
		return 0;
	return os_error(fchown(*ret_fd, uid, gid));
}

int import_complete(const struct import_target *t, const char *name)
{
	struct stat st;
	int r = os_error(fstatat(t->dir, name, &st, AT_SYMLINK_NOFOLLOW));

	if (r < 0)
		return r;
	return os_error(
	    fchmodat(t->dir, name, (st.st_mode & 0777) | S_IXUSR, 0));
}

/* ---- the records ---- */

static void put_text(struct buf *out, const char *name, span value)
{
	if (value.len)
		record_put_attr(out, name, value);
}

static void put_rcpt(struct buf *out, const struct rcpt *r, span redirect)
{
	span addr = redirect.len ? redirect : r->addr;

	if (r->notify)
		record_put_attr_u64(out, RECORD_ATTR_NOTIFY, r->notify);
	put_text(out, RECORD_ATTR_ORCPT, r->orcpt);
	if (r->orig.ptr)
		record_put(out, RECORD_ORIG, r->orig);
	record_put(out, RECORD_RCPT, addr);
}

static void put_envelope(
    struct buf *out, const struct dropfile_message *m, usec arrival)
{
	const struct envelope *e = &m->envelope;
	bool redirected = m->redirect.len > 0;
	uint32_t nrcpts = redirected ? MIN(e->nrcpts, 1u) : e->nrcpts;

	if (e->flags & ENVELOPE_SMTPUTF8)
		record_printf(out, RECORD_SIZE, "%15d %15d %15d %15d %15d %15d",
		    0, 0, 0, 0, 0, 1);
	record_printf(out, RECORD_TIME, "%llu %llu",
	    (unsigned long long)(arrival / USEC_SEC),
	    (unsigned long long)(arrival % USEC_SEC));
	record_put_attr(out, DROPFILE_FINAL, SPAN("yes"));
	if (e->flags & ENVELOPE_8BIT)
		record_put_attr(out, RECORD_ATTR_ENCODING, SPAN("8bit"));
	if (e->flags & (ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS))
		record_put_attr_u64(
		    out, RECORD_ATTR_RET, e->flags & ENVELOPE_RET_FULL ? 1 : 2);
	put_text(out, RECORD_ATTR_ENVID, e->envid);
	put_text(out, "log_client_name", e->client_name);
	put_text(out, "log_client_address", e->client_addr);
	if (e->client_port)
		record_put_attr_u64(out, "log_client_port", e->client_port);
	put_text(out, "log_helo_name", e->helo);
	put_text(out, "log_protocol_name", e->proto);
	record_put(out, RECORD_FROM, e->sender);
	if (e->verp.len)
		record_put(out, RECORD_VERP, e->verp);
	for (uint32_t i = 0; i < nrcpts; i++)
		put_rcpt(out, &e->rcpts[i], m->redirect);
	record_put(out, RECORD_MESG, SPAN_NONE);
}

static int write_out(int fd, struct buf *out)
{
	int r = out->failed ? -EFBIG : file_write_all(fd, buf_span(out));

	buf_clear(out);
	return r;
}

/* 0, DROPFILE_BAD, or a negative errno. */
static int copy_content(
    struct dropfile *f, int fd, size_t line_max, struct buf *out)
{
	struct record record;
	bool first = true;
	int r;

	for (;;) {
		r = dropfile_record(f, first, &record);
		if (r != 0 || record.type == RECORD_XTRA)
			return r;
		first = false;
		record_put_content(out, &record, line_max);
		if (out->len >= PIECE)
			r = write_out(fd, out);
		if (r < 0)
			return r;
	}
}

static int write_message(
    const struct import_target *t, struct dropfile *f, int fd, usec arrival)
{
	struct buf out = BUF_INIT(MEMORY);
	int r;

	put_envelope(&out, &f->message, arrival);
	r = copy_content(f, fd, t->line_max, &out);
	record_put(&out, RECORD_XTRA, SPAN_NONE);
	record_put(&out, RECORD_END, SPAN_NONE);
	if (r == 0)
		r = write_out(fd, &out);
	buf_done(&out);
	return r;
}

/* ---- one message ---- */

/* Open a complete file; the descriptor, or negative: there is none. */
static int open_message(int from, const char *name, struct stat *ret)
{
	int fd =
	    openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) &&
	    (ret->st_mode & S_IRWXU) == READY)
		return fd;
	fd_close(&fd);
	return -1;
}

static int store(
    struct import_target *t, struct dropfile *f, const char *name, usec arrival)
{
	CLEANUP(fd_close) int fd = -1;
	int r = create(t, name, t->owner.uid, t->owner.gid, &fd);

	if (r == 0)
		r = write_message(t, f, fd, arrival);
	if (r != 0 && fd >= 0)
		(void)unlinkat(t->dir, name, 0);
	return r;
}

static usec arrival_of(const struct dropfile *f, const struct stat *st)
{
	usec said = f->message.envelope.arrival;

	return said ? said : (usec)MAX(st->st_mtime, (time_t)0) * USEC_SEC;
}

enum import_result import_message(
    struct import_target *t, int from, const char *queue, const char *name)
{
	CLEANUP(fd_close) int fd = -1;
	const struct dropfile_source source = { &fd, dropfile_read_fd };
	enum import_result result = IMPORT_DONE;
	struct dropfile f;
	struct arena a;
	struct stat st;
	int r;

	if (is_there(t, name))
		return IMPORT_THERE;
	fd = open_message(from, name, &st);
	if (fd < 0)
		return IMPORT_SKIP;
	arena_init(&a, MEMORY);
	dropfile_init(&f, &source, RECORD_LONGEST, &a);
	r = dropfile_scan(&f);
	if (r == 0 && f.message.envelope.nrcpts) {
		t->filtered += f.message.filter.len > 0;
		r = store(t, &f, name, arrival_of(&f, &st));
		result = IMPORT_OK;
	}
	if (r != 0)
		result = complain(
		    queue, name, r == DROPFILE_BAD ? f.fault : strerror(-r));
	dropfile_done(&f);
	arena_done(&a);
	return result;
}

static int copy(int from, int to)
{
	char piece[PIECE];

	for (;;) {
		ssize_t n = os_size(read(from, piece, sizeof(piece)));
		int r;

		if (n <= 0)
			return (int)n;
		r = file_write_all(to, span_of(piece, (size_t)n));
		if (r < 0)
			return r;
	}
}

/* It keeps its owner, who is told as "from userid", and its mode. */
enum import_result import_dropped(
    struct import_target *t, int from, const char *name)
{
	CLEANUP(fd_close) int in = -1;
	CLEANUP(fd_close) int out = -1;
	struct stat there;
	struct stat st;
	int r;

	in = open_message(from, name, &st);
	if (in < 0)
		return IMPORT_SKIP;
	if (fstatat(t->dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (there.st_mode & S_IRWXU) == READY && there.st_uid == st.st_uid &&
	    there.st_size == st.st_size)
		return IMPORT_THERE;
	r = create(t, name, st.st_uid, st.st_gid, &out);
	if (r == 0)
		r = copy(in, out);
	if (r == 0)
		r = os_error(fchmod(out, st.st_mode & 0777 & ~(mode_t)S_IXUSR));
	if (r == 0)
		return IMPORT_OK;
	if (out >= 0)
		(void)unlinkat(t->dir, name, 0);
	return complain("maildrop", name, strerror(-r));
}
