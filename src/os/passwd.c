/* SPDX-License-Identifier: ISC */
/*
 * os/passwd.c - an index of /etc/passwd beside getpwnam_r().
 *
 * Whether the file still is the one that was read is looked at once a second,
 * and before it is said that somebody is not in it: who was just added is
 * there at once. A line that does not look like a user's is left to the
 * system, which then is asked for everybody who was not found. So is a file
 * with lines that begin with + or -: they mean other sources.
 */
#include "os/passwd.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hmap.h"
#include "base/list.h"
#include "os/file.h"

enum {
	FILE_MAX_BYTES = 256 * 1024 * 1024,
	NSSWITCH_MAX = 1024 * 1024,
	NAME_LEN = 256, /* longer names are nobody's */
	KEPT = 4096,
	SPACE_MAX = 1024 * 1024,
	SPACE_FIRST = 4096,
};

#define LOOK_EVERY USEC_SEC
#define KEEP       (2 * USEC_SEC)

struct state_of_file {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
	struct timespec ctime;
	bool there;
};

struct line {
	struct hnode by_name;
	struct hnode by_uid;
	struct passwd_entry entry;
};

/* An answer of the system. */
struct answer {
	struct hnode node;
	struct list link;
	usec until;
	bool by_uid;
	bool exists;
	span key; /* the name */
	struct passwd_entry entry;
	char bytes[];
};

enum sources {
	SOURCES_SYSTEM,     /* the file may not be asked first */
	SOURCES_FILE_FIRST, /* others follow */
	SOURCES_FILE_ONLY,
};

struct passwd_db {
	const char *passwd;
	const char *nsswitch;
	enum sources sources;
	struct state_of_file passwd_state;
	struct state_of_file nsswitch_state;
	usec looked;
	struct buf text; /* of the file */
	struct line *lines;
	size_t count;
	struct hmap names;
	struct hmap uids;
	bool odd; /* a line that only the system understands */
	/* What the system said. */
	struct hmap answers;
	struct list order; /* oldest first */
	size_t nanswers;
};

/* --- answers of the system --- */

static void forget(struct passwd_db *db, struct answer *a)
{
	hmap_remove(&db->answers, &a->node);
	list_remove(&a->link);
	mem_free(a);
	db->nanswers--;
}

static void forget_answers(struct passwd_db *db)
{
	while (!list_is_empty(&db->order))
		forget(db, CONTAINER_OF(db->order.next, struct answer, link));
}

static char *put(char *at, span s, span *ret)
{
	if (s.len)
		memcpy(at, s.ptr, s.len);
	*ret = span_of(at, s.len);
	return at + s.len;
}

static uint64_t hash_of(bool by_uid, span name, uid_t uid)
{
	return by_uid ? hash_u64(uid) : hash_bytes(name);
}

static struct answer *find_answer(
    const struct passwd_db *db, bool by_uid, span name, uid_t uid)
{
	uint64_t hash = hash_of(by_uid, name, uid);
	struct hnode *n;

	for (n = hmap_first(&db->answers, hash); n; n = hmap_next(n, hash)) {
		struct answer *a = CONTAINER_OF(n, struct answer, node);

		if (a->by_uid == by_uid &&
		    (by_uid ? a->entry.uid == uid : span_eq(a->key, name)))
			return a;
	}
	return NULL;
}

struct question {
	bool by_uid;
	span name;
	uid_t uid;
	usec now;
};

/* `found` may be NULL: there is nobody. */
static const struct answer *keep(
    struct passwd_db *db, const struct question *q, const struct passwd *found)
{
	span name = found ? span_str(found->pw_name) : SPAN_NONE;
	span home = found ? span_str(found->pw_dir) : SPAN_NONE;
	span shell = found ? span_str(found->pw_shell) : SPAN_NONE;
	struct answer *a = mem_new(
	    1, sizeof(*a) + q->name.len + name.len + home.len + shell.len);
	char *at = a->bytes;

	while (db->nanswers >= KEPT)
		forget(db, CONTAINER_OF(db->order.next, struct answer, link));
	a->until = q->now + KEEP;
	a->by_uid = q->by_uid;
	a->exists = found != NULL;
	at = put(at, q->name, &a->key);
	at = put(at, name, &a->entry.name);
	at = put(at, home, &a->entry.home);
	(void)put(at, shell, &a->entry.shell);
	a->entry.uid = found ? found->pw_uid : q->uid;
	a->entry.gid = found ? found->pw_gid : 0;
	hmap_put(&db->answers, &a->node, hash_of(q->by_uid, q->name, q->uid));
	list_append(&db->order, &a->link);
	db->nanswers++;
	return a;
}

/* These mean that there is none, on one system or another: getpwnam(3). */
static bool means_none(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH ||
	    error == EBADF || error == EPERM;
}

static int ask_system(const struct question *q, struct buf *space,
    struct passwd *entry, struct passwd **ret_found)
{
	char name[NAME_LEN + 1];
	size_t size = SPACE_FIRST;
	int error;

	if (q->name.len)
		memcpy(name, q->name.ptr, q->name.len);
	name[q->name.len] = '\0';
	do {
		char *room = buf_room(space, size);

		if (!room)
			return -ERANGE;
		*ret_found = NULL;
		error = q->by_uid
		    ? getpwuid_r(q->uid, entry, room, size, ret_found)
		    : getpwnam_r(name, entry, room, size, ret_found);
		size *= 2;
	} while (error == ERANGE);
	return *ret_found || means_none(error) ? 0 : -error;
}

static int find_in_system(
    struct passwd_db *db, const struct question *q, struct passwd_entry *ret)
{
	CLEANUP(buf_done) struct buf space = BUF_INIT(SPACE_MAX);
	const struct answer *a = find_answer(db, q->by_uid, q->name, q->uid);
	struct passwd entry;
	struct passwd *found = NULL;
	int r;

	if (a && a->until <= q->now) {
		forget(db, (struct answer *)(uintptr_t)a);
		a = NULL;
	}
	if (!a) {
		r = ask_system(q, &space, &entry, &found);
		if (r < 0)
			return r;
		a = keep(db, q, found);
	}
	if (!a->exists)
		return PASSWD_NONE;
	*ret = a->entry;
	return PASSWD_OK;
}

/* --- the file --- */

static struct state_of_file look(const char *path)
{
	struct state_of_file s = { .there = false };
	struct stat st;

	if (stat(path, &st) < 0)
		return s;
	s.there = true;
	s.dev = st.st_dev;
	s.ino = st.st_ino;
	s.size = st.st_size;
	s.mtime = st.st_mtim;
	s.ctime = st.st_ctim;
	return s;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(
    const struct state_of_file *a, const struct state_of_file *b)
{
	return a->there == b->there &&
	    (!a->there ||
	        (a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	            is_same_time(a->mtime, b->mtime) &&
	            is_same_time(a->ctime, b->ctime)));
}

/* name:password:uid:gid:gecos:home:shell */
static bool parse_line(span line, struct passwd_entry *ret)
{
	span fields[7] = { SPAN_NONE };
	size_t n = 0;
	uint32_t uid;
	uint32_t gid;

	while (n < 6 && span_find(line, ':') >= 0)
		fields[n++] = span_cut(&line, ':');
	fields[n] = line;
	if (n != 6 || fields[0].len == 0 || fields[0].len > NAME_LEN ||
	    span_find(line, ':') >= 0 || !span_to_u32(fields[2], &uid) ||
	    !span_to_u32(fields[3], &gid))
		return false;
	*ret =
	    (struct passwd_entry){ fields[0], uid, gid, fields[5], fields[6] };
	return true;
}

static struct line *find_line(const struct passwd_db *db, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n;

	for (n = hmap_first(&db->names, hash); n; n = hmap_next(n, hash)) {
		struct line *l = CONTAINER_OF(n, struct line, by_name);

		if (span_eq(l->entry.name, name))
			return l;
	}
	return NULL;
}

static struct line *find_line_of(const struct passwd_db *db, uid_t uid)
{
	uint64_t hash = hash_u64(uid);
	struct hnode *n;

	for (n = hmap_first(&db->uids, hash); n; n = hmap_next(n, hash)) {
		struct line *l = CONTAINER_OF(n, struct line, by_uid);

		if (l->entry.uid == uid)
			return l;
	}
	return NULL;
}

/* The first line counts, as everywhere. */
static void add_line(struct passwd_db *db, span text)
{
	struct line *l = &db->lines[db->count];

	if (text.len == 0 || text.ptr[0] == '#')
		return;
	if (text.ptr[0] == '+' || text.ptr[0] == '-') {
		db->sources = SOURCES_SYSTEM;
		return;
	}
	/* The C library skips blanks before a name. */
	if (ascii_is_space(text.ptr[0]) || memchr(text.ptr, '\0', text.len) ||
	    !parse_line(text, &l->entry)) {
		db->odd = true;
		return;
	}
	db->count++;
	if (!find_line(db, l->entry.name))
		hmap_put(&db->names, &l->by_name, hash_bytes(l->entry.name));
	if (!find_line_of(db, l->entry.uid))
		hmap_put(&db->uids, &l->by_uid, hash_u64(l->entry.uid));
}

static void drop_lines(struct passwd_db *db)
{
	hmap_done(&db->names);
	hmap_done(&db->uids);
	hmap_init(&db->names);
	hmap_init(&db->uids);
	mem_free(db->lines);
	db->lines = NULL;
	db->count = 0;
	db->odd = false;
	buf_clear(&db->text);
}

/* "passwd: files systemd" */
static enum sources read_sources(const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(NSSWITCH_MAX);
	span rest;

	if (file_read_named(span_str(path), &text) < 0)
		return SOURCES_FILE_ONLY; /* the system's own preset */
	rest = buf_span(&text);
	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');
		span word;

		line = span_trim(span_cut(&line, '#'));
		if (!span_skip(&line, SPAN("passwd")))
			continue;
		line = span_trim(line);
		if (!span_skip(&line, SPAN(":")))
			continue;
		word = span_word(&line, " \t");
		if (!span_eq(word, SPAN("files")) &&
		    !span_eq(word, SPAN("compat")))
			return SOURCES_SYSTEM;
		return span_trim(line).len ? SOURCES_FILE_FIRST
		                           : SOURCES_FILE_ONLY;
	}
	return SOURCES_FILE_ONLY;
}

static void read_again(struct passwd_db *db)
{
	span rest;

	drop_lines(db);
	forget_answers(db);
	db->sources = read_sources(db->nsswitch);
	if (db->sources == SOURCES_SYSTEM)
		return;
	if (file_read_named(span_str(db->passwd), &db->text) < 0) {
		db->sources = SOURCES_SYSTEM;
		buf_clear(&db->text);
		return;
	}
	rest = buf_span(&db->text);
	db->lines = mem_new(span_count(rest, '\n') + 1, sizeof(*db->lines));
	while (rest.len > 0)
		add_line(db, span_cut(&rest, '\n'));
}

/* Read what changed. The state is taken first: what is written meanwhile is
 * then read once more. */
static void refresh(struct passwd_db *db, usec now)
{
	struct state_of_file passwd = look(db->passwd);
	struct state_of_file nsswitch = look(db->nsswitch);
	bool first = db->looked == 0;

	db->looked = now ? now : 1;
	if (!first && is_same(&passwd, &db->passwd_state) &&
	    is_same(&nsswitch, &db->nsswitch_state))
		return;
	db->passwd_state = passwd;
	db->nsswitch_state = nsswitch;
	read_again(db);
}

/* --- from outside --- */

struct passwd_db *passwd_new(const struct passwd_files *files)
{
	struct passwd_db *db = NEW(struct passwd_db);

	db->passwd = files && files->passwd ? files->passwd : "/etc/passwd";
	db->nsswitch =
	    files && files->nsswitch ? files->nsswitch : "/etc/nsswitch.conf";
	buf_init(&db->text, FILE_MAX_BYTES);
	hmap_init(&db->names);
	hmap_init(&db->uids);
	hmap_init(&db->answers);
	list_init(&db->order);
	return db;
}

void passwd_free(struct passwd_db **pdb)
{
	struct passwd_db *db = STEAL(*pdb);

	if (!db)
		return;
	forget_answers(db);
	hmap_done(&db->answers);
	hmap_done(&db->names);
	hmap_done(&db->uids);
	mem_free(db->lines);
	buf_done(&db->text);
	mem_free(db);
}

static struct line *find_in_file(
    const struct passwd_db *db, const struct question *q)
{
	if (db->sources == SOURCES_SYSTEM)
		return NULL;
	return q->by_uid ? find_line_of(db, q->uid) : find_line(db, q->name);
}

static int find(
    struct passwd_db *db, const struct question *q, struct passwd_entry *ret)
{
	const struct line *l;

	if (db->looked == 0 || q->now - db->looked >= LOOK_EVERY)
		refresh(db, q->now);
	l = find_in_file(db, q);
	if (!l) {
		refresh(db, q->now);
		l = find_in_file(db, q);
	}
	if (l) {
		*ret = l->entry;
		return PASSWD_OK;
	}
	if (db->sources == SOURCES_FILE_ONLY && !db->odd)
		return PASSWD_NONE;
	return find_in_system(db, q, ret);
}

int passwd_find(
    struct passwd_db *db, usec now, span name, struct passwd_entry *ret)
{
	const struct question q = { .name = name, .now = now };

	if (name.len == 0 || name.len > NAME_LEN ||
	    memchr(name.ptr, '\0', name.len))
		return PASSWD_NONE;
	return find(db, &q, ret);
}

int passwd_find_uid(
    struct passwd_db *db, usec now, uid_t uid, struct passwd_entry *ret)
{
	const struct question q = { .by_uid = true, .uid = uid, .now = now };

	return find(db, &q, ret);
}
