/* SPDX-License-Identifier: ISC */
/*
 * map/unix.c - "unix:passwd.byname" and "unix:group.byname": the system's
 * users and groups, as lines of passwd(5) and group(5).
 */
#include "map/types.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

enum { MAX_NAME = 4096 };

struct unix_map {
	struct map map;
	enum map_answer (*find)(struct map *m, const char *name, struct buf *v);
};

/* No such name; or does the data base not answer at all? */
static enum map_answer not_found(struct map *m, const char *what, bool answers)
{
	if (answers)
		return MAP_NONE;
	map_warn_plain(
	    m, "cannot access UNIX %s database: %s", what, strerror(errno));
	return MAP_RETRY;
}

static enum map_answer find_user(
    struct map *m, const char *name, struct buf *value)
{
	struct passwd *pw = getpwnam(name);

	errno = 0;
	if (!pw)
		return not_found(m, "password", getpwuid(0) || errno == 0);
	buf_printf(value, "%s:%s:%ld:%ld:%s:%s:%s", pw->pw_name, pw->pw_passwd,
	    (long)pw->pw_uid, (long)pw->pw_gid, pw->pw_gecos, pw->pw_dir,
	    pw->pw_shell);
	return MAP_FOUND;
}

static enum map_answer find_group(
    struct map *m, const char *name, struct buf *value)
{
	struct group *gr = getgrnam(name);

	errno = 0;
	if (!gr)
		return not_found(m, "group", getgrgid(0) || errno == 0);
	buf_printf(
	    value, "%s:%s:%ld:", gr->gr_name, gr->gr_passwd, (long)gr->gr_gid);
	for (char **member = gr->gr_mem; *member; member++) {
		buf_put(value, span_str(*member));
		if (member[1])
			buf_putc(value, ',');
	}
	return MAP_FOUND;
}

static struct map *unix_open(const struct map_setup *s)
{
	bool users = span_eq(s->name, SPAN("passwd.byname"));
	struct unix_map *u;

	if (!users && !span_eq(s->name, SPAN("group.byname"))) {
		buf_printf(s->reason, "unknown table: unix:%.*s", PRI(s->name));
		return NULL;
	}
	u = NEW(struct unix_map);
	u->find = users ? find_user : find_group;
	return &u->map;
}

static enum map_answer unix_find(struct map *m, span key, struct buf *value)
{
	struct unix_map *u = CONTAINER_OF(m, struct unix_map, map);
	struct buf name = BUF_INIT(MAX_NAME);
	enum map_answer answer;

	buf_put(&name, key);
	if (name.failed)
		answer = MAP_NONE;
	else
		answer = u->find(m, buf_cstr(&name), value);
	buf_done(&name);
	return answer;
}

static void unix_close(struct map *m)
{
	mem_free(CONTAINER_OF(m, struct unix_map, map));
}

const struct map_type map_type_unix = {
	.name = "unix",
	.traits = MAP_EXACT,
	.open = unix_open,
	.find = unix_find,
	.close = unix_close,
};
