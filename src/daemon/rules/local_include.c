/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local_include.c - lists of addresses in files.
 *
 * Postfix reads a list with the rights of whoever named it: the user whose
 * ~/.forward or alias table it stands in, else root. We are nobody in
 * particular. A list that an administrator named and all may read is read
 * here; the others are read by a process that is that user, or the owner of
 * the list.
 *
 * What a list may do is decided by its owner, who is therefore looked at in
 * the file that is open, not in the one that had the name before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "daemon/rules/local.h"
#include "os/error.h"
#include "os/file.h"

enum { LIST_MAX = 128 * 1024 * 1024, PATH_LONGEST = 4096 };

static const char configuration_error[] = "mail system configuration error";

/* To be read by somebody else. */
static void read_elsewhere(
    struct local_run *r, const struct walk *w, span path, span user)
{
	struct local_step s = local_step_for(w, LOCAL_READ);

	s.user = user;
	s.what = path;
	s.context = local_context(r, w, NULL, 0, 0);
	plan_add(r->plan, &s);
}

/* What is in it is for the rights of its owner. */
static bool take_rights(
    struct local_run *r, struct walk *w, uint32_t owner, span path)
{
	struct rights rights = { .uid = 0 };
	int found;

	if (w->rights.uid)
		return true;
	found = local_find_uid(r, owner, &rights);
	if (found != PASSWD_OK) {
		plan_warn(r->plan, "cannot find username for uid %lu%s%s",
		    (unsigned long)owner, found < 0 ? ": " : "",
		    found < 0 ? strerror(-found) : "");
		plan_warn(r->plan,
		    "%.*s: cannot find :include: file owner username",
		    PRI(path));
		local_outcome(r, w, "4.3.5", configuration_error);
		return false;
	}
	if (rights.uid)
		w->rights = rights;
	return true;
}

static void expand_content(struct local_run *r, struct walk w, span content)
{
	w.source = IN_INCLUDE;
	if (!w.owner.ptr)
		w.owner = w.address;
	if (!(r->l->propagate & IN_INCLUDE))
		w.unmatched = SPAN_NONE;
	(void)local_lines(r, &w, content);
}

PRINTF_LIKE(3, 4)
static void refuse(
    struct local_run *r, const struct walk *w, const char *format, ...)
{
	char text[PATH_LONGEST + 256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	plan_warn(r->plan, "%s", text);
	local_outcome(r, w, "5.3.5", configuration_error);
}

/* False: it was refused. */
static bool may_be_list(
    struct local_run *r, const struct walk *w, span path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		refuse(r, w, ":include: file %.*s is not a regular file",
		    PRI(path));
	else if (st->st_mode & S_IWOTH)
		refuse(
		    r, w, ":include: file %.*s is world writable", PRI(path));
	else
		return true;
	return false;
}

/* It is open and we may read it. */
static void read_here(struct local_run *r, struct walk *w, span path, int fd)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(LIST_MAX);
	struct stat st;
	int result;

	if (fstat(fd, &st) < 0) {
		refuse(r, w, "unable to lookup :include: file %.*s: %s",
		    PRI(path), strerror(errno));
		return;
	}
	if (!may_be_list(r, w, path, &st) ||
	    !take_rights(r, w, st.st_uid, path))
		return;
	/* That we may read it does not mean that its owner's friends may. */
	if (w->rights.uid && !(st.st_mode & S_IROTH)) {
		read_elsewhere(r, w, path, w->rights.login);
		return;
	}
	result = file_read_all(fd, &content);
	if (result < 0) {
		plan_warn(r->plan, "read include file %.*s: %s", PRI(path),
		    strerror(-result));
		local_outcome(r, w, "4.3.0",
		    "error reading forwarding file: %s", strerror(-result));
		return;
	}
	expand_content(r, *w, buf_span(&content));
}

/* We may not read it: perhaps its owner may. */
static void read_as_owner(
    struct local_run *r, struct walk *w, span path, const char *cpath)
{
	struct stat st;

	if (stat(cpath, &st) < 0) {
		if (errno == EACCES)
			read_elsewhere(r, w, path, SPAN_NONE);
		else
			refuse(r, w, "unable to lookup :include: file %.*s: %s",
			    PRI(path), strerror(errno));
		return;
	}
	if (!may_be_list(r, w, path, &st) ||
	    !take_rights(r, w, st.st_uid, path))
		return;
	read_elsewhere(r, w, path, w->rights.uid ? w->rights.login : SPAN_NONE);
}

static void read_list(struct local_run *r, struct walk *w, span path)
{
	CLEANUP(fd_close) int fd = -1;
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_LONGEST);
	const char *cpath;

	buf_put(&name, path);
	cpath = buf_cstr(&name);
	if (name.failed) {
		refuse(r, w, "unable to lookup :include: file %.*s: %s",
		    PRI(path), strerror(ENAMETOOLONG));
		return;
	}
	fd =
	    os_error(open(cpath, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
	if (fd >= 0)
		read_here(r, w, path, fd);
	else if (fd == -EACCES)
		read_as_owner(r, w, path, cpath);
	else if (fd == -ENXIO) /* a socket, or a pipe without reader */
		refuse(r, w, ":include: file %.*s is not a regular file",
		    PRI(path));
	else
		refuse(r, w, "unable to lookup :include: file %.*s: %s",
		    PRI(path), strerror(-fd));
}

void local_include(struct local_run *r, struct walk w, span path)
{
	w.level++;
	if (w.level > LOCAL_LEVELS) {
		plan_warn(r->plan, ":include: nesting limit exceeded for %.*s",
		    PRI(path));
		w.owned = false;
		local_outcome(
		    r, &w, "5.4.6", ":include: nesting limit exceeded");
		return;
	}
	if (local_been_here(r, "include ", w.rights.uid, path))
		return;
	w.from = w.local;
	if (path.len == 0 || path.ptr[0] != '/')
		refuse(r, &w, ":include:%.*s uses a relative path", PRI(path));
	else if (w.rights.uid)
		read_elsewhere(r, &w, path, w.rights.login);
	else
		read_list(r, &w, path);
}

void local_include_content(
    struct local_run *r, struct walk w, uint32_t owner, span content)
{
	w.from = w.local;
	if (take_rights(r, &w, owner, SPAN("list")))
		expand_content(r, w, content);
}
