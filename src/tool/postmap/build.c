/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/build.c - make a table from its source, or add to one.
 *
 * Run by root for somebody else's source, it works as that user, so that
 * links he leaves in his folder lead nowhere where he could not go himself.
 * The source of root in somebody else's folder is made as the folder's owner,
 * if he may read the source; otherwise there is nothing that could be done
 * safely.
 *
 * While a table is made signals wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "map/source.h"
#include "os/error.h"
#include "os/file.h"
#include "tool/postmap/alias.h"
#include "tool/postmap/postmap.h"

enum {
	MAX_SOURCE = INT32_MAX,
	MAX_CONTENT = 1 << 28,
	MAX_KEY = 1 << 20,
};

struct build {
	struct tool *tool;
	const struct map_type *type;
	struct table_name table;
	struct map_writer *writer; /* NULL: of "fail" */
	struct source source;
	struct buf text;
	struct buf folded;
	struct buf content; /* of files that values name */
	struct buf reason;
	bool replace;
	bool keep_owner;
	mode_t mode;
	/* what sendmail tells of a table of aliases */
	uint64_t aliases;
	uint64_t longest;
	uint64_t bytes;
};

/* --- as whom --- */

static void become(struct tool *t, uid_t uid, gid_t gid)
{
	if (geteuid() != 0 && seteuid(0) < 0)
		fatal(t, "set_eugid: seteuid(0): %s", strerror(errno));
	if (setegid(gid) < 0)
		fatal(t, "set_eugid: setegid(%ld): %s", (long)gid,
		    strerror(errno));
	if (setgroups(1, &gid) < 0)
		fatal(t, "set_eugid: setgroups(%ld): %s", (long)gid,
		    strerror(errno));
	if (uid != 0 && seteuid(uid) < 0)
		fatal(t, "set_eugid: seteuid(%ld): %s", (long)uid,
		    strerror(errno));
}

static void stat_folder(struct tool *t, span name, struct stat *ret)
{
	struct buf folder = BUF_INIT(8192);
	ssize_t slash = span_rfind(name, '/');

	buf_put(&folder,
	    slash < 0 ? SPAN(".") : span_first(name, (size_t)slash + 1));
	if (stat(buf_cstr(&folder), ret) < 0)
		fatal(t, "stat %s: %s", buf_cstr(&folder), strerror(errno));
	buf_done(&folder);
}

static void choose_user(struct build *b, const struct stat *source)
{
	struct tool *t = b->tool;
	span name = b->table.name;
	struct stat folder;

	if (!t->as_owner || getuid() != 0)
		return;
	if (source->st_uid != 0) {
		become(t, source->st_uid, source->st_gid);
		return;
	}
	stat_folder(t, name, &folder);
	if (folder.st_uid == 0)
		return;
	warn(t,
	    "Creating database file(s) %.*s.* as the owner of the directory: "
	    "Files %s, %.*s.*, and their directory should have the same "
	    "owner. Please fix ownership to avoid a privilege-escalation "
	    "attack.",
	    PRI(name), b->source.name, PRI(name));
	if (!(source->st_mode & S_IROTH))
		fatal(t,
		    "%s is private to root, but its directory belongs to user "
		    "%ld: change the owner of one of them",
		    b->source.name, (long)folder.st_uid);
	become(t, folder.st_uid, folder.st_gid);
	/* He cannot give files to root. */
	b->keep_owner = false;
}

static void be_root_again(struct tool *t)
{
	if (getuid() == 0 && geteuid() != 0)
		become(t, 0, getgid());
}

/* --- entries --- */

static void warn_of_source(void *ctx, span text)
{
	struct tool *t = ctx;

	t->bad_lines = true;
	warn(t, "%.*s", PRI(text));
}

/* How Postfix's drivers call themselves when a key is there twice. */
static void warn_twice(struct build *b, span key)
{
	span type = b->table.type;
	span name = b->table.name;

	if (span_eq(type, SPAN("lmdb")))
		warn(b->tool, "lmdb:%.*s: duplicate entry: \"%.*s\"", PRI(name),
		    PRI(key));
	else if (span_eq(type, SPAN("cdb")))
		warn(b->tool, "%.*s: duplicate entry: \"%.*s\"", PRI(name),
		    PRI(key));
	else
		warn(b->tool, "%.*s%s: duplicate entry: \"%.*s\"", PRI(name),
		    b->type->writer->suffix, PRI(key));
}

static void put(struct build *b, span key, span value)
{
	int r;

	if (!b->writer)
		fatal(b->tool, "table %s: write error: Application error",
		    buf_cstr(&b->table.spec));
	if (b->tool->flags & MAP_FOLD_FIXED) {
		buf_clear(&b->folded);
		map_fold(b->tool->flags, key, &b->folded);
		key = buf_span(&b->folded);
	}
	r = b->writer->ops->put(b->writer, key, value, b->replace);
	if (r < 0)
		fatal(b->tool, "%s", buf_cstr(&b->reason));
	if (r == MAP_PUT_THERE && !(b->tool->flags & MAP_DUP_IGNORE))
		warn_twice(b, key);
}

static bool read_value(struct build *b, span *value)
{
	struct buf why = BUF_INIT(8192);
	const struct map_setup s = { .host = &b->tool->host, .reason = &why };
	bool ok;

	buf_clear(&b->content);
	ok = map_file_value(&s, *value, &b->content);
	if (ok)
		*value = buf_span(&b->content);
	else
		source_warn(&b->source, "%.*s: skipping this entry",
		    PRI(buf_span(&why)));
	buf_done(&why);
	return ok;
}

static void put_pairs(struct build *b)
{
	span key;
	span value;

	while (source_pair(&b->source, &key, &value)) {
		if ((b->tool->flags & MAP_VALUE_IS_FILE) &&
		    !read_value(b, &value))
			continue;
		put(b, key, value);
	}
}

static void put_plain(struct build *b, const char *key, span value)
{
	const struct map_writer_ops *ops = b->writer->ops;
	int r;

	if (ops->put_plain)
		r = ops->put_plain(b->writer, span_str(key), value, b->replace);
	else
		r = ops->put(b->writer, span_str(key), value, b->replace);
	if (r < 0)
		fatal(b->tool, "%s", buf_cstr(&b->reason));
}

/* By the source's text, not by what becomes of it; twice is two. */
static void count_alias(struct build *b, const struct alias_lines *lines)
{
	b->aliases++;
	b->longest = MAX(b->longest, (uint64_t)lines->text_size);
	b->bytes += lines->name_size + lines->text_size;
}

static void announce(struct build *b)
{
	struct buf *out = &b->tool->out;

	buf_put(out, b->table.name);
	buf_printf(out,
	    ": %" PRIu64 " aliases, longest %" PRIu64 " bytes, %" PRIu64
	    " bytes total\n",
	    b->aliases, b->longest, b->bytes);
}

static void put_aliases(struct build *b, bool incremental)
{
	struct alias_lines lines;
	char now[32];
	span key;
	span value;

	alias_lines_init(&lines);
	while (alias_next(&lines, &b->source, &key, &value)) {
		put(b, key, value);
		count_alias(b, &lines);
	}
	alias_lines_done(&lines);
	/* For sendmail: the table is complete. And for NIS, never with a NUL:
	 * its age and home. */
	if (incremental)
		b->replace = true;
	put(b, SPAN("@"), SPAN("@"));
	(void)snprintf(now, sizeof(now), "%010" PRId64, (int64_t)time(NULL));
	put_plain(b, "YP_LAST_MODIFIED", span_str(now));
	put_plain(b, "YP_MASTER_NAME",
	    conf_value(b->tool->conf, CONF_MAIN, SPAN("myhostname")));
}

/* --- the whole --- */

/* The text, and what is to be known of its file. */
static void read_source(struct build *b, const char *name, struct stat *ret)
{
	struct tool *t = b->tool;
	CLEANUP(fd_close) int fd = -1;
	int from = STDIN_FILENO;
	int r;

	if (name) {
		fd = os_error(open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY));
		if (fd < 0)
			fatal(t, "open %s: %s", name, strerror(-fd));
		from = fd;
	}
	if (fstat(from, ret) < 0)
		fatal(t, "fstat %s: %s", b->source.name, strerror(errno));
	if (S_ISREG(ret->st_mode) && ret->st_size < MAX_SOURCE)
		(void)buf_room(&b->text, (size_t)ret->st_size + 1);
	r = file_read_all(from, &b->text);
	if (r < 0)
		fatal(t, "read %s: %s", b->source.name, strerror(-r));
}

static void begin_table(struct build *b, bool incremental)
{
	struct tool *t = b->tool;
	struct map_write w = { .host = &t->host,
		.name = b->table.name,
		.flags = t->flags,
		.keep = incremental,
		.mode = b->mode,
		.keep_owner = b->keep_owner,
		.reason = &b->reason };

	b->type = map_type_find(&t->host, b->table.type, &b->reason);
	if (!b->type)
		fatal(t, "%s", buf_cstr(&b->reason));
	if (span_eq(b->table.type, SPAN("fail")))
		return;
	if (!b->type->writer)
		fatal(t,
		    "unsupported dictionary type: %s does not support "
		    "bulk-mode creation.",
		    b->type->name);
	b->writer = b->type->writer->begin(&w);
	if (!b->writer)
		fatal(t, "%s", buf_cstr(&b->reason));
}

static void fill_table(struct build *b, bool incremental)
{
	struct source *s = &b->source;

	s->rest = buf_span(&b->text);
	s->utf8 = b->tool->flags & MAP_UTF8;
	s->warn = warn_of_source;
	s->ctx = b->tool;
	b->replace = b->tool->flags & MAP_DUP_REPLACE;
	if (b->tool->alias)
		put_aliases(b, incremental);
	else
		put_pairs(b);
	if (b->writer && b->writer->ops->commit(STEAL(b->writer)) < 0)
		fatal(b->tool, "%s", buf_cstr(&b->reason));
}

static mode_t mode_for(const struct tool *t, const struct stat *source)
{
	if (t->save_mode && S_ISREG(source->st_mode))
		return 0644 & (source->st_mode | 0700);
	return 0644;
}

void build_table(struct tool *t, const char *argument, bool incremental)
{
	struct build b = { .tool = t,
		.keep_owner = true,
		.text = BUF_INIT(MAX_SOURCE),
		.folded = BUF_INIT(MAX_KEY),
		.content = BUF_INIT(MAX_CONTENT),
		.reason = BUF_INIT(8192) };
	struct buf path = BUF_INIT(8192);
	struct stat st;
	sigset_t all;
	sigset_t before;

	name_table(t, argument, &b.table);
	if (!incremental && span_eq(b.table.type, SPAN("proxy")))
		fatal(t, "can't create maps via the proxy service");
	buf_put(&path, b.table.name);
	source_init(
	    &b.source, incremental ? "stdin" : buf_cstr(&path), SPAN_NONE);
	read_source(&b, incremental ? NULL : buf_cstr(&path), &st);
	b.mode = mode_for(t, &st);
	choose_user(&b, &st);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	begin_table(&b, incremental);
	fill_table(&b, incremental);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	be_root_again(t);
	if (t->announce)
		announce(&b);
	source_done(&b.source);
	buf_done(&b.text);
	buf_done(&b.folded);
	buf_done(&b.content);
	buf_done(&b.reason);
	buf_done(&b.table.spec);
	buf_done(&path);
}
