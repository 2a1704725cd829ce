/* SPDX-License-Identifier: ISC */
/*
 * Adding to a Maildir: all files are written to tmp/, flushed, and then shown
 * one after the other; if one cannot be shown, those before it are removed.
 * Messages that were read go to cur/, with their flags in the name.
 *
 * Names are made as in store/maildir.c.
 */
#include "store/folder_append.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "store/folder_names.h"
#include "store/maildir.h"

enum { TMP, NEW_DIR, CUR };
enum { NAMES_MAX = 1 << 30, NAME_LENGTH = 512, FLUSH_EACH = 16 };

static const char *const dir_names[] = { "tmp", "new", "cur" };

void folder_append_files_init(struct folder_append *a)
{
	a->root = a->fd = -1;
	for (size_t i = 0; i < ARRAY_LEN(a->dirs); i++)
		a->dirs[i] = -1;
	buf_init(&a->names, NAMES_MAX);
}

/* Opening */

static int open_or_make(int at, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = os_error(openat(at, name, flags));
	int r;

	if (fd != -ENOENT)
		return fd;
	r = os_error(mkdirat(at, name, 0700));
	if (r < 0 && r != -EEXIST)
		return r;
	return os_error(openat(at, name, flags));
}

int folder_append_files_open(struct folder_append *a, struct folder_trouble *t)
{
	int r = a->root = open_or_make(a->place.dir, a->place.name);

	/* No other directory becomes one because mail is sent there. */
	if (r >= 0 && !a->is_new &&
	    (faccessat(r, dir_names[NEW_DIR], F_OK, 0) < 0 ||
	        faccessat(r, dir_names[CUR], F_OK, 0) < 0))
		r = -EISDIR;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(a->dirs); i++)
		r = a->dirs[i] = open_or_make(a->root, dir_names[i]);
	return r < 0 ? folder_fail(t, r, a->path, "") : 0;
}

/* Names */

static size_t keep_name(struct folder_append *a, span name)
{
	size_t at = a->names.len;

	buf_put(&a->names, name);
	buf_putc(&a->names, '\0');
	if (a->names.failed)
		a->error = -EFBIG;
	return at;
}

static const char *name_at(const struct folder_append *a, size_t at)
{
	return a->names.data + at;
}

static void make_tmp_name(struct folder_append *a, struct buf *out)
{
	buf_printf(out, "%ju.P%dQ%u.", (uintmax_t)clock_wall() / USEC_SEC,
	    (int)getpid(), a->serial++);
	maildir_put_host(out);
}

/* The serial keeps the order of what was copied in one second. */
static int make_name(
    struct folder_append *a, const char *tmp_name, struct buf *out)
{
	struct stat st;
	usec now = clock_wall();

	if (fstatat(a->dirs[TMP], tmp_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	buf_printf(out, "%ju.M%06juQ%06uV%jxI%jx.", (uintmax_t)now / USEC_SEC,
	    (uintmax_t)now % USEC_SEC, a->serial, (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	maildir_put_host(out);
	return 0;
}

/* One message */

static struct folder_append_file *current(struct folder_append *a)
{
	return &a->files[a->count - 1];
}

void folder_append_file_begin(struct folder_append *a, uint8_t flags)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LENGTH);

	a->flags = flags;
	if (a->error < 0)
		return;
	make_tmp_name(a, &name);
	a->fd = os_error(openat(a->dirs[TMP], buf_cstr(&name),
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	if (a->fd < 0) {
		a->error = a->fd;
		return;
	}
	if (a->count == a->room) {
		a->room = a->room ? a->room * 2 : 16;
		a->files = mem_resize(a->files, a->room, sizeof(*a->files));
	}
	a->files[a->count++] = (struct folder_append_file){
		.tmp_name = keep_name(a, buf_span(&name)),
		.is_flagged = flags != 0,
	};
}

void folder_append_file_put(struct folder_append *a, span piece)
{
	if (a->error == 0)
		a->error = file_write_all(a->fd, piece);
}

void folder_append_file_end(struct folder_append *a)
{
	CLEANUP(buf_done) struct buf base = BUF_INIT(NAME_LENGTH);
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LENGTH);
	struct folder_append_file *file;

	if (a->error == 0 && a->count <= FLUSH_EACH)
		a->error = os_error(fsync(a->fd));
	fd_close(&a->fd);
	if (a->error < 0)
		return;
	file = current(a);
	a->error = make_name(a, name_at(a, file->tmp_name), &base);
	if (file->is_flagged)
		folder_name_write(buf_span(&base), a->flags, &name);
	else
		buf_put(&name, buf_span(&base));
	if (a->error == 0)
		file->name = keep_name(a, buf_span(&name));
}

/* All of them */

static int where(
    const struct folder_append *a, const struct folder_append_file *file)
{
	return a->dirs[file->is_flagged ? CUR : NEW_DIR];
}

static int show(struct folder_append *a, struct folder_append_file *file)
{
	const char *from = name_at(a, file->tmp_name);
	const char *to = name_at(a, file->name);
	int r =
	    os_error(maildir_rename(a->dirs[TMP], from, where(a, file), to));

	file->is_shown = r == 0;
	return r;
}

int folder_append_files_commit(
    struct folder_append *a, struct folder_trouble *t)
{
	/* One flush of the file system is cheaper than many of files. */
	if (a->error == 0 && a->count > FLUSH_EACH)
		a->error = os_error(syncfs(a->root));
	for (size_t i = 0; a->error == 0 && i < a->count; i++)
		a->error = show(a, &a->files[i]);
	for (size_t i = NEW_DIR; a->error == 0 && i <= CUR; i++)
		a->error = os_error(fsync(a->dirs[i]));
	if (a->error < 0)
		return folder_fail(t, a->error, a->path, "");
	a->count = 0;
	return 0;
}

void folder_append_files_close(struct folder_append *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct folder_append_file *file = &a->files[i];

		if (file->is_shown)
			(void)unlinkat(
			    where(a, file), name_at(a, file->name), 0);
		else
			(void)unlinkat(
			    a->dirs[TMP], name_at(a, file->tmp_name), 0);
	}
	fd_close(&a->fd);
	for (size_t i = 0; i < ARRAY_LEN(a->dirs); i++)
		fd_close(&a->dirs[i]);
	fd_close(&a->root);
	buf_done(&a->names);
	mem_free(a->files);
}
