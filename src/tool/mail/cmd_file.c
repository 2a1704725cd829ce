/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_file.c - commands about folders as a whole.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/folder_name.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum { PATH_LIMIT = 4096 };

int cmd_file(struct mua *m, const struct call *c)
{
	if (c->words.count == 0) {
		if (m->box && m->box->folder)
			show_folder_line(m, stdout);
		return 0;
	}
	(void)fflush(stdout);
	if (box_change(m, c->words.all[0]) != 0)
		return 1;
	show_arrival(m);
	return 0;
}

/* Messages that came: the first of them becomes the current one. */
int cmd_newmail(struct mua *m, const struct call *c UNUSED)
{
	struct box *b = m->box;
	uint32_t came = box_refresh(m);

	if (came == 0)
		return 1;
	for (uint32_t i = b->count - came; i < b->count; i++) {
		if (!box_is_shown(b, i))
			continue;
		box_goto(b, i);
		break;
	}
	return 0;
}

int cmd_folders(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LIMIT);
	const char *lister = vars_get(m->vars, "LISTER");
	struct words words;
	const char **argv;
	int r;

	if (c->words.count) {
		if (!mua_expand_name(m, span_str(c->words.all[0]), &path))
			return 1;
	} else if (!mua_folder_dir(m, &path)) {
		(void)printf("No value set for \"folder\"\n");
		return 1;
	}
	if (!words_split(span_str(lister), c->arena, &words))
		words.count = 0;
	argv = mem_new(words.count + 3, sizeof(*argv));
	for (size_t i = 0; i < words.count; i++)
		argv[i] = words.all[i];
	if (words.count == 0)
		argv[words.count++] = "ls";
	argv[words.count] = buf_cstr(&path);
	(void)fflush(stdout);
	r = mua_run(m, argv, -1, -1);
	mem_free(argv);
	return r != 0;
}

/* Without a terminal nobody is asked. */
static bool is_agreed(struct mua *m, const char *verb, const char *path)
{
	CLEANUP(buf_done) struct buf prompt = BUF_INIT(PATH_LIMIT + 100);
	CLEANUP(buf_done) struct buf answer = BUF_INIT(PATH_LIMIT);

	if (!term_is_interactive(m->term))
		return true;
	buf_printf(&prompt, "%s \"%s\" (y/n) ? ", verb, path);
	for (;;) {
		buf_clear(&answer);
		if (term_line(m->term, TERM_ANSWER, buf_cstr(&prompt), NULL,
		        &answer) != TERM_LINE)
			return false;
		if (answer.len && ascii_lower(answer.data[0]) == 'y')
			return true;
		if (answer.len && ascii_lower(answer.data[0]) == 'n')
			return false;
	}
}

static int empty_part(int maildir, const char *part)
{
	int fd = openat(
	    maildir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' &&
		    unlinkat(fd, entry->d_name, 0) < 0)
			r = -errno;
	}
	(void)closedir(dir);
	return r;
}

/* Folders within it are left alone, and then it stays, too. */
static int remove_maildir(const char *path)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
		if (faccessat(dir, parts[i], F_OK, 0) < 0)
			r = -EINVAL;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
		r = empty_part(dir, parts[i]);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
		if (unlinkat(dir, parts[i], AT_REMOVEDIR) < 0)
			r = -errno;
	}
	if (dir >= 0)
		(void)close(dir);
	if (r == 0 && rmdir(path) < 0)
		r = -errno;
	return r;
}

static int remove_folder(struct mua *m, const char *path)
{
	struct stat st;
	int r;

	if (box_is_at(m, path)) {
		mua_error(m, "Cannot remove current mailbox \"%s\".", path);
		return 1;
	}
	if (!is_agreed(m, "Remove", path))
		return 0;
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		r = remove_maildir(path);
	else
		r = unlink(path) < 0 ? -errno : 0;
	if (r < 0)
		mua_error(m, "%s: %s", path, strerror(-r));
	return r < 0;
}

int cmd_remove(struct mua *m, const struct call *c)
{
	int failed = 0;

	if (c->words.count == 0) {
		mua_error(m, "Syntax is: remove mailbox ...");
		return 1;
	}
	for (size_t i = 0; i < c->words.count; i++) {
		CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LIMIT);

		if (mua_expand_name(m, span_str(c->words.all[i]), &path))
			failed |= remove_folder(m, buf_cstr(&path));
		else
			failed = 1;
	}
	return failed;
}

/* Whose fault it is decides whose name is told. */
static int say_rename(
    struct mua *m, const char *from, const char *to, int error)
{
	bool is_new = error == EACCES || error == EEXIST ||
	    error == ENAMETOOLONG || error == ENOENT || error == ENOSPC ||
	    error == EXDEV;

	mua_error(m, "%s: %s", is_new ? to : from, strerror(error));
	return 1;
}

int cmd_rename(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf from = BUF_INIT(PATH_LIMIT);
	CLEANUP(buf_done) struct buf to = BUF_INIT(PATH_LIMIT);

	if (c->words.count != 2) {
		mua_error(m, "Syntax: rename old new");
		return 1;
	}
	if (!mua_expand_name(m, span_str(c->words.all[0]), &from) ||
	    !mua_expand_name(m, span_str(c->words.all[1]), &to))
		return 1;
	if (box_is_at(m, buf_cstr(&from)) || box_is_at(m, buf_cstr(&to))) {
		mua_error(m, "Cannot rename current mailbox \"%s\".",
		    buf_cstr(&from));
		return 1;
	}
	/* Nothing is ever replaced. */
	if (renameat2(AT_FDCWD, buf_cstr(&from), AT_FDCWD, buf_cstr(&to),
	        RENAME_NOREPLACE) < 0)
		return say_rename(m, buf_cstr(&from), buf_cstr(&to), errno);
	return 0;
}
