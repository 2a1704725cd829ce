/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/recipients.c - lists of addresses as they are typed.
 *
 * One pass over the text finds the items: quotes and comments hide commas and
 * blanks. An address is checked before anything is done with it: control
 * characters (and so new header lines), a leading "-" (an option of sendmail)
 * and a name that is really a file or a program never get further.
 */
#include "tool/mail/recipients.h"

#include <stdlib.h>

#include "mail/charset.h"

void recipients_init(struct recipients *r)
{
	*r = (struct recipients){ 0 };
	arena_init(&r->arena, RECIPIENTS_ROOM);
}

void recipients_done(struct recipients *r)
{
	mem_free(STEAL(r->all));
	r->count = r->cap = 0;
	arena_done(&r->arena);
}

/* ---- cutting ---- */

struct cutter {
	span text;
	size_t at;
	size_t depth; /* of comments */
	bool quoted;
	bool angled;
};

/* One byte further, or two behind a backslash that hides the next. */
static void step(struct cutter *c)
{
	char now = c->text.ptr[c->at++];

	if (now == '\\' && (c->quoted || c->depth) && c->at < c->text.len)
		c->at++;
	else if (c->depth)
		c->depth += now == '(' ? 1 : now == ')' ? (size_t)-1 : 0;
	else if (now == '"')
		c->quoted = !c->quoted;
	else if (c->quoted)
		return;
	else if (now == '(')
		c->depth = 1;
	else if (now == '<' || now == '>')
		c->angled = now == '<';
}

static bool is_open(const struct cutter *c)
{
	return c->depth || c->quoted || c->angled;
}

/* Behind "<a@b>" a blank ends the item, unless a comment follows. */
static bool ends_behind_angle(const struct cutter *c)
{
	size_t at = c->at;

	if (at == 0 || c->text.ptr[at - 1] != '>' || is_open(c))
		return false;
	while (at < c->text.len && ascii_is_blank(c->text.ptr[at]))
		at++;
	return at > c->at && at < c->text.len && c->text.ptr[at] != '(' &&
	    c->text.ptr[at] != ',';
}

/*
 * Up to a comma outside of everything. A quote, comment or "<" that nobody
 * closes hides nothing: from there on all commas count (`plain`), which also
 * keeps this linear.
 */
static span cut_item(span *rest, bool *plain)
{
	struct cutter c = { .text = *rest };
	bool is_pipe = span_has_prefix(*rest, SPAN("|"));
	span item;

	while (!*plain && c.at < rest->len) {
		if (!is_open(&c) && rest->ptr[c.at] == ',')
			break;
		step(&c);
		if (!is_pipe && ends_behind_angle(&c))
			break;
	}
	*plain = *plain || (c.at == rest->len && is_open(&c));
	if (*plain) {
		ssize_t comma = span_find(*rest, ',');

		c.at = comma < 0 ? rest->len : (size_t)comma;
	}
	item = span_first(*rest, c.at);
	*rest = span_from(*rest, c.at);
	(void)span_skip(rest, SPAN(","));
	return item;
}

/* Whether blanks belong to it; also where a control character makes all of it
 * suspect. */
static bool has_structure(span item)
{
	for (size_t i = 0; i < item.len; i++)
		if (strchr("\"\\(<", item.ptr[i]) ||
		    ((unsigned char)item.ptr[i] < ' ' && item.ptr[i] != '\t'))
			return true;
	return span_has_prefix(span_trim(item), SPAN("|"));
}

/* ---- the bare address ---- */

static bool between_angles(span full, span *ret)
{
	struct cutter c = { .text = full };
	size_t start = 0;

	while (c.at < full.len) {
		bool was = c.angled;

		step(&c);
		if (!was && c.angled)
			start = c.at;
		if (was && !c.angled) {
			*ret = span_of(full.ptr + start, c.at - 1 - start);
			return true;
		}
	}
	return false;
}

span recipient_bare(struct arena *a, span full)
{
	struct cutter c = { .text = full };
	span found;
	char *copy;
	size_t n = 0;

	if (recipient_is(full) == RECIPIENT_IS_PIPE)
		return full;
	if (between_angles(full, &found))
		return span_trim(found);
	if (span_find(full, '(') < 0)
		return full;
	copy = arena_alloc(a, full.len + 1, 1);
	if (!copy)
		return full;
	while (c.at < full.len) {
		size_t from = c.at;
		bool inside = c.depth > 0;

		step(&c);
		if (inside || c.depth)
			continue;
		memcpy(copy + n, full.ptr + from, c.at - from);
		n += c.at - from;
	}
	return span_trim(span_of(copy, n));
}

/* ---- the list ---- */

void recipients_append(struct recipients *r, const struct recipient *one)
{
	if (r->count == RECIPIENTS_MAX) {
		r->wrong++;
		return;
	}
	if (r->count == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->all = mem_resize(r->all, r->cap, sizeof(*r->all));
	}
	r->all[r->count++] = *one;
}

static void take_one(struct recipients *r, span item, uint8_t kind)
{
	struct recipient one = { .kind = kind };

	item = span_trim(item);
	if (item.len == 0)
		return;
	one.full = arena_dup(&r->arena, item);
	if (!one.full.ptr) {
		r->wrong++;
		return;
	}
	one.bare = recipient_bare(&r->arena, one.full);
	recipients_append(r, &one);
}

void recipients_take(struct recipients *r, span typed, enum recipient_kind kind)
{
	bool plain = false;

	while (typed.len > 0) {
		span item = SPAN_NONE;

		while (typed.len > 0 && ascii_is_space(typed.ptr[0]))
			typed = span_from(typed, 1);
		item = cut_item(&typed, &plain);
		if (has_structure(item)) {
			take_one(r, item, (uint8_t)kind);
			continue;
		}
		while (item.len > 0)
			take_one(r, span_word(&item, " \t"), (uint8_t)kind);
	}
}

/* ---- what is not an address ---- */

/* "|command": what is in the quotes, if that is all. */
static span without_quotes(span bare)
{
	if (bare.len < 2 || bare.ptr[0] != '"' || bare.ptr[bare.len - 1] != '"')
		return bare;
	return span_of(bare.ptr + 1, bare.len - 2);
}

span recipient_command(span bare)
{
	return span_from(without_quotes(bare), 1);
}

enum recipient_is recipient_is(span bare)
{
	bare = without_quotes(bare);
	if (bare.len == 0)
		return RECIPIENT_IS_ADDRESS;
	if (bare.ptr[0] == '|')
		return RECIPIENT_IS_PIPE;
	if (bare.ptr[0] == '-')
		return RECIPIENT_IS_OPTION;
	if (span_find(bare, '@') >= 0)
		return RECIPIENT_IS_ADDRESS;
	if (bare.ptr[0] == '+')
		return RECIPIENT_IS_FILE;
	for (size_t i = 0; i < bare.len; i++) {
		if (bare.ptr[i] == '!' || bare.ptr[i] == '%')
			break;
		if (bare.ptr[i] == '/')
			return RECIPIENT_IS_FILE;
	}
	return RECIPIENT_IS_ADDRESS;
}

struct look {
	bool quoted;
	bool in_literal;
	bool behind_at;
};

/* Whether `c` may not stand here. */
static bool is_bad(struct look *l, char c)
{
	bool behind_at = l->behind_at;

	l->behind_at = false;
	if ((unsigned char)c < ' ' || c == 127)
		return true;
	if (c == '"') {
		l->quoted = !l->quoted;
		return false;
	}
	if (l->quoted)
		return false;
	if (c == '@') {
		l->behind_at = true;
		return behind_at;
	}
	if (c == '[' || c == ']') {
		bool fits = c == '[' ? behind_at : l->in_literal;

		l->in_literal = c == '[';
		return !fits;
	}
	if (l->in_literal && c == ':')
		return false;
	return strchr("()<>,;:\\ ", c) != NULL;
}

static void say_bad(struct mua *m, span addr, char c)
{
	span shown = span_first(addr, 200);
	CLEANUP(buf_done) struct buf harmless = BUF_INIT(1024);

	for (size_t i = 0; i < shown.len; i++)
		buf_putc(&harmless,
		    (unsigned char)shown.ptr[i] < ' ' || shown.ptr[i] == 127
		        ? '?'
		        : shown.ptr[i]);
	if (c == '@')
		mua_error(
		    m, "%s contains invalid @@ sequence", buf_cstr(&harmless));
	else if (ascii_is_print(c))
		mua_error(m, "%s contains invalid character '%c'",
		    buf_cstr(&harmless), c);
	else
		mua_error(m, "%s contains invalid character '\\%03o'",
		    buf_cstr(&harmless), (unsigned char)c);
}

static bool is_address(struct mua *m, span addr)
{
	struct look l = { 0 };

	if (addr.len == 0) {
		mua_error(m, "An address is empty");
		return false;
	}
	for (size_t i = 0; i < addr.len; i++) {
		char c = addr.ptr[i];

		if (c == '\\' && i + 1 < addr.len &&
		    (unsigned char)addr.ptr[i + 1] >= ' ' &&
		    addr.ptr[i + 1] != 127) {
			i++;
			continue;
		}
		if (!is_bad(&l, c))
			continue;
		say_bad(m, addr, c);
		return false;
	}
	if (!charset_is_utf8(addr)) {
		mua_error(m, "An address is not UTF-8");
		return false;
	}
	return true;
}

static bool has_control(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127)
			return true;
	return false;
}

static bool is_allowed(struct mua *m, const struct recipient *one, bool expand)
{
	static const char *const what[] = {
		[RECIPIENT_IS_FILE] = "a file",
		[RECIPIENT_IS_PIPE] = "a program",
	};
	enum recipient_is is = recipient_is(one->bare);

	if (is == RECIPIENT_IS_ADDRESS)
		return is_address(m, one->bare);
	if (has_control(one->full)) {
		say_bad(m, one->full, '\n');
		return false;
	}
	if (is == RECIPIENT_IS_OPTION) {
		mua_error(m, "%.*s: an address cannot begin with \"-\"",
		    PRI(one->bare));
		return false;
	}
	if (expand && one->kind != RECIPIENT_OTHER)
		return true;
	mua_error(m,
	    "%.*s: %s is no address (\"set expandaddr\" would allow it)",
	    PRI(one->bare), what[is]);
	return false;
}

void recipients_check(struct mua *m, struct recipients *r, bool expand)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++) {
		if (is_allowed(m, &r->all[i], expand))
			r->all[kept++] = r->all[i];
		else
			r->wrong++;
	}
	r->count = kept;
}

/* ---- for sendmail ---- */

static int compare(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;
	int order = span_cmp_nocase(span_str(*x), span_str(*y));

	return order ? order : span_cmp(span_str(*x), span_str(*y));
}

size_t recipients_sorted(struct recipients *r, const char ***ret)
{
	const char **all = arena_alloc(&r->arena, r->count + 1, sizeof(*all));
	size_t n = 0;
	size_t kept = 0;

	*ret = all;
	if (!all)
		return 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct recipient *one = &r->all[i];

		if (one->silent || one->kind == RECIPIENT_OTHER ||
		    recipient_is(one->bare) != RECIPIENT_IS_ADDRESS)
			continue;
		all[n] = arena_cstr(&r->arena, one->bare);
		n += all[n] != NULL;
	}
	qsort(all, n, sizeof(*all), compare);
	/* The last of several spellings: the one in small letters. */
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n ||
		    !span_eq_nocase(span_str(all[i]), span_str(all[i + 1])))
			all[kept++] = all[i];
	all[kept] = NULL;
	return kept;
}
