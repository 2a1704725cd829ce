/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/query.c - look up keys, and list tables.
 */
#include <errno.h>

#include "mail/address.h"
#include "map/source.h"
#include "tool/postmap/postmap.h"

enum {
	OUT_FULL = 64 * 1024,
	/* So much at once: there is more where that came from. */
	MUCH = 48 * 1024,
	AT_ONCE = 32,
};

/* --- base64, of postmap -F --- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool decode_base64(span s, struct buf *out)
{
	if (s.len % 4)
		return false;
	for (; s.len; s = span_from(s, 4)) {
		uint32_t bits = 0;
		size_t n = 4;

		while (s.len == 4 && n > 2 && s.ptr[n - 1] == '=')
			n--;
		for (size_t i = 0; i < 4; i++) {
			int d = i < n ? digit(s.ptr[i]) : 0;

			if (d < 0)
				return false;
			bits = bits << 6 | (uint32_t)d;
		}
		for (size_t i = 0; i + 1 < n; i++)
			buf_putc(out, (char)(bits >> (16 - 8 * i)));
	}
	return true;
}

/* What a value stands for with -F: false after a warning. */
static bool unpack(
    struct tool *t, struct map *m, span key, span *value, struct buf *out)
{
	if (!(t->flags & MAP_VALUE_IS_FILE))
		return true;
	buf_clear(out);
	if (decode_base64(*value, out)) {
		*value = source_text(buf_span(out));
		return true;
	}
	warn(t, "table %.*s: key %.*s: malformed BASE64 value: %.*s",
	    PRI(m->shown), PRI(key), PRI(span_first(*value, 30)));
	return false;
}

/* --- one answer --- */

static void warn_empty(struct tool *t, struct map *m, span key)
{
	warn(t, "table %.*s: key %.*s: empty string result is not allowed",
	    PRI(m->shown), PRI(key));
	warn(t, "table %.*s should return NO RESULT in case of NOT FOUND",
	    PRI(m->shown));
}

NO_RETURN static void fail(
    struct tool *t, struct map *m, const char *doing, const struct buf *value)
{
	const char *why = errno ? strerror(errno) : "Application error";

	if (value && (m->flags & MAP_UTF8) && value->len &&
	    !address_is_utf8(buf_span(value)))
		fatal(t, "table %.*s: %s error", PRI(m->shown), doing);
	fatal(t, "table %.*s: %s error: %s", PRI(m->shown), doing, why);
}

/* True: there is a value. */
static bool look_up(
    struct tool *t, struct map *m, span key, struct buf *found, span *ret)
{
	static struct buf unpacked = BUF_INIT(MAP_VALUE_MAX);
	enum map_answer answer;

	errno = 0;
	answer = map_find(m, key, found);
	if (answer == MAP_RETRY)
		fail(t, m, "query", found);
	if (answer == MAP_NONE)
		return false;
	*ret = buf_span(found);
	if (!unpack(t, m, key, ret, &unpacked))
		fatal(t, "table %.*s: query error", PRI(m->shown));
	if (ret->len == 0)
		warn_empty(t, m, key);
	return true;
}

int query_one(struct tool *t, char **names, const char *key)
{
	struct buf found = BUF_INIT(MAP_VALUE_MAX);
	span value;

	for (; *names; names++) {
		struct map *m = open_table(t, *names, 0);
		bool there = look_up(t, m, span_str(key), &found, &value);

		if (there && t->json) {
			print_pair(t, span_str(key), value);
		} else if (there) {
			buf_put(&t->out, value);
			buf_putc(&t->out, '\n');
		}
		map_close(&m);
		if (there)
			break;
	}
	buf_done(&found);
	flush_out(t, 0);
	return *names ? 0 : 1;
}

/* --- several tables --- */

struct asked {
	struct tool *tool;
	char **names;
	size_t count;
	struct map **maps; /* NULL: not opened yet */
	unsigned flags;
	struct buf found;
};

struct asked *asked_new(struct tool *t, char **names)
{
	struct asked *a = NEW(struct asked);

	a->tool = t;
	a->names = names;
	while (names[a->count])
		a->count++;
	a->maps = mem_new(a->count, sizeof(a->maps[0]));
	buf_init(&a->found, MAP_VALUE_MAX);
	return a;
}

void asked_free(struct asked **pa)
{
	struct asked *a = STEAL(*pa);

	for (size_t i = 0; i < a->count; i++)
		map_close(&a->maps[i]);
	mem_free(a->maps);
	buf_done(&a->found);
	mem_free(a);
}

bool asked_find(struct asked *a, span key)
{
	span value;

	for (size_t i = 0; i < a->count; i++) {
		if (!a->maps[i])
			a->maps[i] = open_table(a->tool, a->names[i], a->flags);
		if (!look_up(a->tool, a->maps[i], key, &a->found, &value))
			continue;
		print_pair(a->tool, key, value);
		flush_out(a->tool, OUT_FULL);
		return true;
	}
	return false;
}

void asked_expect_many(struct asked *a)
{
	a->flags = MAP_BULK;
}

/* Between two pieces of input tables may change. */
static void on_read(void *ctx, size_t last)
{
	struct asked *a = ctx;

	if (last >= MUCH)
		asked_expect_many(a);
	for (size_t i = 0; i < a->count && a->flags; i++)
		if (a->maps[i])
			(void)map_changed(a->maps[i]);
}

int query_stdin(struct tool *t, char **names)
{
	struct asked *a = asked_new(t, names);
	struct input in;
	bool found = false;
	span lines[AT_ONCE];
	size_t n;

	input_init(&in, t);
	in.on_read = on_read;
	in.ctx = a;
	while ((n = input_lines(&in, lines, ARRAY_LEN(lines)))) {
		for (size_t i = 0; i < n; i++)
			lines[i] = source_text(lines[i]);
		if (a->maps[0])
			map_expect(a->maps[0], lines, n);
		for (size_t i = 0; i < n; i++)
			if (asked_find(a, lines[i]))
				found = true;
	}
	flush_out(t, 0);
	input_done(&in);
	asked_free(&a);
	return found ? 0 : 1;
}

/* --- all of a table --- */

struct showing {
	struct tool *tool;
	struct map *map;
	struct buf unpacked;
};

static bool show_pair(void *ctx, span key, span value)
{
	struct showing *s = ctx;

	if (key.len == 0)
		warn(s->tool,
		    "table %.*s: empty lookup key value is not allowed",
		    PRI(s->map->shown));
	else if (value.len == 0)
		warn_empty(s->tool, s->map, key);
	if (unpack(s->tool, s->map, key, &value, &s->unpacked))
		print_pair(s->tool, key, value);
	flush_out(s->tool, OUT_FULL);
	return true;
}

int show_all(struct tool *t, const char *name)
{
	struct showing s = { .tool = t, .unpacked = BUF_INIT(MAP_VALUE_MAX) };
	enum map_answer answer;

	s.map = open_table(t, name, 0);
	if (!s.map->type->each)
		fatal(t, "table %.*s: sequence operation is not supported",
		    PRI(s.map->shown));
	errno = 0;
	answer = map_each(s.map, show_pair, &s);
	flush_out(t, 0);
	if (answer == MAP_RETRY)
		fail(t, s.map, "sequence", NULL);
	map_close(&s.map);
	buf_done(&s.unpacked);
	return 0;
}
