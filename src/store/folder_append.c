/* SPDX-License-Identifier: ISC */
/*
 * Adding to an mbox is what the delivery agent does, and done by its code:
 * the mailbox is locked, written to, and cut back to what it was if anything
 * fails. A mailbox that does not end with an empty line gets one before.
 *
 * For Maildirs see folder_append_maildir.c.
 */
#include "store/folder_append.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"

enum { PIECE = 64 << 10 };

/* Output */

static void drain(struct folder_append *a)
{
	span all = buf_span(&a->out);

	if (a->out.len < PIECE && !a->is_ending)
		return;
	if (a->kind == FOLDER_MBOX)
		mailbox_put(&a->mbox, all);
	else
		folder_append_file_put(a, all);
	a->bytes += all.len;
	a->lines += span_count(all, '\n');
	buf_clear(&a->out);
}

static void end_message(struct folder_append *a)
{
	if (!a->in_message)
		return;
	a->in_message = false;
	folder_copy_finish(&a->copy, &a->out);
	a->is_ending = true;
	drain(a);
	a->is_ending = false;
	if (a->kind == FOLDER_MAILDIR)
		folder_append_file_end(a);
}

static void put_from_line(struct folder_append *a, span line)
{
	line = span_cut(&line, '\n');
	if (!span_has_prefix(line, SPAN("From ")))
		buf_put(&a->out, SPAN("From "));
	buf_put(&a->out, span_first(line, 2000));
	buf_putc(&a->out, '\n');
}

void folder_append_begin(struct folder_append *a, span from_line, uint8_t flags)
{
	end_message(a);
	a->in_message = true;
	if (a->kind == FOLDER_MBOX) {
		put_from_line(a, from_line);
		folder_copy_init(&a->copy,
		    FOLDER_COPY_STATUS | FOLDER_COPY_QUOTE | FOLDER_COPY_BLANK,
		    flags);
	} else {
		folder_append_file_begin(a, flags);
		folder_copy_init(&a->copy, 0, flags);
	}
}

void folder_append_put(struct folder_append *a, span piece)
{
	while (piece.len > 0) {
		span part = span_first(piece, PIECE);

		folder_copy_feed(&a->copy, part, &a->out);
		drain(a);
		piece = span_from(piece, part.len);
	}
}

/* Opening an mbox */

static int tell(const struct folder_append *a, struct folder_trouble *t)
{
	CLEANUP(buf_done) struct buf reason = BUF_INIT(MAILBOX_REASON_MAX);
	int error = a->trouble.error ? a->trouble.error : -EINVAL;

	/* Its sentences are for a log; the system's are enough mostly. */
	if (a->trouble.error == 0)
		buf_put(&reason, buf_span(&a->trouble.reason));
	return folder_fail(t, error, a->path, buf_cstr(&reason));
}

static int lock_once(struct folder_append *a)
{
	int r;

	mailbox_init(&a->mbox);
	r = mailbox_claim(&a->mbox, &a->spec, &a->trouble);
	if (r == MAILBOX_OK)
		r = mailbox_lock(&a->mbox, &a->spec, &a->trouble);
	if (r == MAILBOX_OK)
		return r;
	mailbox_close(&a->mbox);
	mailbox_release(&a->mbox, &a->spec);
	return r;
}

/* An empty line must be before what we add. */
static void separate(struct folder_append *a)
{
	CLEANUP(fd_close) int fd = -1;
	char tail[2] = { '\n', '\n' };
	uint64_t size = a->mbox.end;

	if (!a->mbox.is_plain || size == 0)
		return;
	fd = openat(a->place.dir, a->place.name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (folder_pread(fd, tail + (size < 2), size < 2 ? 1 : 2,
	        size - (size < 2 ? 1 : 2)) <= 0)
		return;
	if (tail[1] != '\n')
		mailbox_put(&a->mbox, SPAN("\n"));
	if (tail[1] != '\n' || tail[0] != '\n')
		mailbox_put(&a->mbox, SPAN("\n"));
}

static int open_mbox(struct folder_append *a, const struct folder_spec *spec,
    struct folder_trouble *t)
{
	usec since = clock_monotonic();
	unsigned round = 0;
	int r;

	a->spec = (struct mailbox_spec){
		.dir = a->place.dir,
		.path = a->path,
		.name = a->place.name,
		.rules = MAILBOX_ANY_OWNER | MAILBOX_ANY_FILE,
		.other = SPAN("5.2.0"),
		.maker = geteuid(),
		.locks = MAILBOX_DOTLOCK | MAILBOX_FCNTL | MAILBOX_FLOCK,
		.stale = folder_lock_stale(spec),
	};
	while ((r = lock_once(a)) == MAILBOX_LOCKED)
		if (!folder_wait(spec, since, round++))
			return folder_fail(t, -EAGAIN, a->path,
			    "somebody else has locked the mailbox");
	if (r != MAILBOX_OK)
		return tell(a, t);
	a->is_open = true;
	mailbox_begin(&a->mbox);
	separate(a);
	return 0;
}

/* Ending */

static void close_mbox(struct folder_append *a)
{
	if (!a->is_open)
		return;
	mailbox_close(&a->mbox);
	mailbox_release(&a->mbox, &a->spec);
	a->is_open = false;
}

static int commit_mbox(struct folder_append *a, struct folder_trouble *t)
{
	int r = mailbox_commit(&a->mbox, &a->trouble);

	if (r == MAILBOX_OK)
		r = mailbox_sync(&a->mbox, &a->trouble);
	if (r == MAILBOX_OK)
		return 0;
	/* It is as it was: not there. */
	if (a->is_new)
		(void)unlinkat(a->place.dir, a->place.name, 0);
	return tell(a, t);
}

static void append_free(struct folder_append *a)
{
	folder_append_files_close(a);
	close_mbox(a);
	folder_place_done(&a->place);
	buf_done(&a->trouble.reason);
	buf_done(&a->trouble.warning);
	buf_done(&a->copy.held);
	buf_done(&a->out);
	mem_free(a->path);
	mem_free(a);
}

static struct folder_append *append_new(const struct folder_spec *spec)
{
	struct folder_append *a = NEW(struct folder_append);
	size_t n = strlen(spec->path) + 1;

	a->path = mem_new(n, 1);
	memcpy(a->path, spec->path, n);
	a->place.dir = -1;
	buf_init(&a->trouble.reason, MAILBOX_REASON_MAX);
	buf_init(&a->trouble.warning, MAILBOX_REASON_MAX);
	buf_init(&a->out, (size_t)PIECE * 4);
	mailbox_init(&a->mbox);
	folder_append_files_init(a);
	return a;
}

/* What is there decides; `make` only where nothing is. */
static int find_kind(struct folder_append *a, enum folder_kind make)
{
	struct stat st;
	int r = folder_place_find(&a->place, a->path);

	a->kind = make;
	if (r < 0)
		return r;
	if (fstatat(a->place.dir, a->place.name, &st, AT_SYMLINK_NOFOLLOW) <
	    0) {
		a->is_new = errno == ENOENT;
		return a->is_new ? 0 : -errno;
	}
	a->kind = S_ISDIR(st.st_mode) ? FOLDER_MAILDIR : FOLDER_MBOX;
	return 0;
}

int folder_append_open(struct folder_append **ret,
    const struct folder_spec *spec, enum folder_kind make,
    struct folder_trouble *t)
{
	struct folder_append *a = append_new(spec);
	int r = find_kind(a, make);

	if (r < 0)
		(void)folder_fail(t, r, a->path, "");
	else if (a->kind == FOLDER_MBOX)
		r = open_mbox(a, spec, t);
	else
		r = folder_append_files_open(a, t);
	if (r < 0) {
		append_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

int folder_append_commit(struct folder_append **pa, bool *ret_is_new,
    uint64_t *ret_lines, uint64_t *ret_bytes, struct folder_trouble *t)
{
	struct folder_append *a = STEAL(*pa);
	int r;

	end_message(a);
	r = a->kind == FOLDER_MBOX ? commit_mbox(a, t)
	                           : folder_append_files_commit(a, t);
	if (r == 0) {
		*ret_is_new = a->is_new;
		*ret_lines = a->lines;
		*ret_bytes = a->bytes;
	}
	append_free(a);
	return r;
}

void folder_append_drop(struct folder_append **pa)
{
	struct folder_append *a = STEAL(*pa);

	if (!a)
		return;
	if (a->is_open) {
		mailbox_rollback(&a->mbox);
		if (a->is_new)
			(void)unlinkat(a->place.dir, a->place.name, 0);
	}
	append_free(a);
}
