/* SPDX-License-Identifier: ISC */
/*
 * Parameters are cut off one after the other, and each goes to the one of its
 * name; of 64 names at most, so that looking them up is cheap. What RFC 2231
 * cuts in sections ("name*1*=") is collected in a list, in any order. Sorted
 * by name and section it gives the values. A parameter in the extended form
 * counts more than a plain one of that name (RFC 6266, 4.3).
 */
#include "mail/params.h"

#include "mail/charset.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/transfer.h"

enum {
	LINE_WIDTH = 76,
	/* Of parameters and sections together; what is behind is dropped. */
	SECTIONS_MAX = 100000,
};

/* --- cutting --- */

/* One parameter as it stands there. */
struct raw {
	span name;  /* with any "*0*" */
	span value; /* without quotes, backslashes still in it */
	bool quoted;
};

/* A parameter, or a section of one. */
struct section {
	uint32_t param;  /* whose: index into names */
	uint32_t number; /* sections are those of one value, from 0 */
	bool extended;   /* "name*" or "name*0": not the plain form */
	bool encoded;    /* %XX, and in the first one a character set */
	struct raw raw;
};

/* Over blanks and comments; a comment without end is one up to the end. */
static void skip_blanks(span *rest)
{
	size_t depth = 0;
	size_t i;

	for (i = 0; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (depth && c == '\\')
			i++;
		else if (c == '(')
			depth++;
		else if (depth && c == ')')
			depth--;
		else if (!depth && !field_is_blank(c))
			break;
	}
	*rest = span_from(*rest, i);
}

static span cut_quoted(span *rest)
{
	span s = span_from(*rest, 1);
	size_t i = 0;

	while (i < s.len && s.ptr[i] != '"')
		i += s.ptr[i] == '\\' ? 2 : 1;
	*rest = span_from(s, i + 1);
	return span_first(s, i);
}

static size_t word_len(span s)
{
	size_t n = 0;

	while (n < s.len && !field_is_blank(s.ptr[n]) && s.ptr[n] != ';')
		n++;
	return n;
}

/*
 * Up to a semicolon. Blanks belong to it ("filename=my file.txt"), unless a
 * comment follows, or what looks like a parameter whose semicolon is missing.
 */
static span cut_bare(span *rest)
{
	span s = *rest;
	size_t end = word_len(s);
	size_t i = end;

	while (i < s.len && field_is_blank(s.ptr[i])) {
		size_t n;

		while (i < s.len && field_is_blank(s.ptr[i]))
			i++;
		n = word_len(span_from(s, i));
		if (n == 0 || s.ptr[i] == '(' ||
		    span_find(span_first(span_from(s, i), n), '=') > 0)
			break;
		i += n;
		end = i;
	}
	*rest = span_from(s, i);
	return span_first(s, end);
}

static span cut_name(span *rest)
{
	span s = *rest;
	size_t n = 0;

	while (
	    n < s.len && !field_is_blank(s.ptr[n]) && !strchr("=;(", s.ptr[n]))
		n++;
	*rest = span_from(s, n);
	return span_first(s, n);
}

/* False: there is none left. */
static bool next_raw(span *rest, struct raw *ret)
{
	for (;;) {
		skip_blanks(rest);
		if (!rest->len)
			return false;
		ret->name = cut_name(rest);
		skip_blanks(rest);
		if (rest->len && rest->ptr[0] == '=' && ret->name.len)
			break;
		/* A semicolon, a word without value, a stray character. */
		if (!ret->name.len || (rest->len && rest->ptr[0] == ';'))
			*rest = span_from(*rest, 1);
	}
	*rest = span_from(*rest, 1);
	skip_blanks(rest);
	ret->quoted = rest->len && rest->ptr[0] == '"';
	ret->value = ret->quoted ? cut_quoted(rest) : cut_bare(rest);
	return true;
}

/* --- collecting --- */

struct collector {
	span names[PARAMS_MAX];
	uint32_t name_count;
	struct section *sections;
	size_t count;
	size_t room;
};

/* "name*1*" is section 1 of "name", encoded. */
static bool read_name(span name, struct section *ret, span *ret_name)
{
	ret->encoded = name.len && name.ptr[name.len - 1] == '*';
	if (ret->encoded)
		name.len--;
	ret->number = 0;
	ret->extended = ret->encoded || span_find(name, '*') >= 0;
	*ret_name = span_cut(&name, '*');
	if (!name.len)
		return ret_name->len > 0;
	return ret_name->len > 0 && span_to_u32(name, &ret->number);
}

/* False: there are 64 others. */
static bool find_name(struct collector *c, span name, uint32_t *ret)
{
	for (*ret = 0; *ret < c->name_count; ++*ret)
		if (span_eq_nocase(c->names[*ret], name))
			return true;
	if (c->name_count == PARAMS_MAX)
		return false;
	c->names[c->name_count++] = name;
	return true;
}

/* By parameter, the extended form first, by section; else as they came. */
static int compare(const void *a, const void *b)
{
	const struct section *x = a;
	const struct section *y = b;

	if (x->param != y->param)
		return x->param < y->param ? -1 : 1;
	if (x->extended != y->extended)
		return x->extended ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->raw.name.ptr > y->raw.name.ptr) -
	    (x->raw.name.ptr < y->raw.name.ptr);
}

static void add_section(struct collector *c, const struct section *s)
{
	if (c->count == c->room) {
		c->room = c->room * 2 + 16;
		c->sections =
		    mem_resize(c->sections, c->room, sizeof(*c->sections));
	}
	c->sections[c->count++] = *s;
}

static void collect(struct collector *c, span text)
{
	struct raw raw;

	for (size_t n = 0; n < SECTIONS_MAX && next_raw(&text, &raw); n++) {
		struct section s = { .raw = raw };
		span name;

		if (read_name(raw.name, &s, &name) &&
		    find_name(c, name, &s.param))
			add_section(c, &s);
	}
	if (c->count)
		qsort(c->sections, c->count, sizeof(*c->sections), compare);
}

/* --- values --- */

/* Nothing in it that stands for something else. */
static bool is_plain(const struct raw *r)
{
	for (size_t i = 0; i < r->value.len; i++) {
		char c = r->value.ptr[i];

		if (!ascii_is_print(c) || (r->quoted && c == '\\') ||
		    (c == '?' && i > 0 && r->value.ptr[i - 1] == '='))
			return false;
	}
	return true;
}

/*
 * Only '"' and '\' are taken out of a backslash: "C:\new.txt" means that.
 * Line ends go, as everywhere in headers.
 */
static void put_plain(struct buf *out, const struct raw *r)
{
	span s = r->value;

	for (size_t i = 0; i < s.len; i++) {
		if (r->quoted && s.ptr[i] == '\\' && i + 1 < s.len &&
		    (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\'))
			i++;
		if (s.ptr[i] != '\r' && s.ptr[i] != '\n')
			buf_putc(out, s.ptr[i]);
	}
}

/* Encoded words have no place here, but they are sent. */
static void decode_plain(struct buf *out, span bytes)
{
	if (encoded_has_word(bytes))
		encoded_decode(out, bytes);
	else
		charset_to_utf8(SPAN("unknown-8bit"), bytes, out);
}

static void put_percent(struct buf *out, span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '%' && transfer_hex(span_from(s, i + 1), &c))
			i += 2;
		buf_putc(out, c);
	}
}

/* "charset'language'" at the beginning, if it is there. */
static span cut_charset(span *value)
{
	span rest = *value;
	span charset = span_cut(&rest, '\'');

	if (span_find(rest, '\'') < 0)
		return SPAN_NONE;
	(void)span_cut(&rest, '\'');
	*value = rest;
	return charset;
}

/* The sections [0, n) of one parameter, sorted. */
static void join(const struct section *s, size_t n, struct buf *out)
{
	struct buf bytes = BUF_INIT(SIZE_MAX / 2);
	span charset = SPAN_NONE;
	bool encoded = false;

	for (size_t i = 0; i < n; i++) {
		span value = s[i].raw.value;

		if (!s[i].extended || (i > 0 && s[i].number == s[i - 1].number))
			continue;
		if (i == 0 && s[i].encoded)
			charset = cut_charset(&value);
		if (s[i].encoded)
			put_percent(&bytes, value);
		else
			put_plain(&bytes, &s[i].raw);
		encoded |= s[i].encoded;
	}
	if (encoded)
		charset_to_utf8(charset, buf_span(&bytes), out);
	else
		decode_plain(out, buf_span(&bytes));
	buf_done(&bytes);
}

static span value_of(const struct section *s, size_t n, struct arena *a)
{
	struct buf out = BUF_INIT(a->max - a->used);
	struct buf plain = BUF_INIT(s->raw.value.len);
	span value = SPAN_NONE;

	if (!s->extended && is_plain(&s->raw))
		return s->raw.value;
	if (s->extended) {
		join(s, n, &out);
	} else {
		put_plain(&plain, &s->raw);
		decode_plain(&out, buf_span(&plain));
	}
	if (!out.failed)
		value = arena_dup(a, buf_span(&out));
	buf_done(&plain);
	buf_done(&out);
	return value;
}

static void give(const struct collector *c, struct arena *a, struct params *ret)
{
	size_t n;

	ret->all = arena_alloc(a, c->name_count, sizeof(struct param));
	for (size_t i = 0; ret->all && i < c->count; i += n) {
		const struct section *s = &c->sections[i];
		span value;

		for (n = 1; i + n < c->count && s[n].param == s->param; n++)
			;
		value = value_of(s, n, a);
		if (value.ptr)
			ret->all[ret->count++] =
			    (struct param){ c->names[s->param], value };
	}
}

/* "text/plain": not there if parameters begin at once. */
static span cut_value(span *rest)
{
	span s;
	size_t n = 0;

	skip_blanks(rest);
	s = *rest;
	while (
	    n < s.len && !field_is_blank(s.ptr[n]) && !strchr(";(", s.ptr[n]))
		n++;
	if (span_find(span_first(s, n), '=') >= 0)
		return span_first(s, 0);
	*rest = span_from(s, n);
	return span_first(s, n);
}

void params_parse(span text, struct arena *a, struct params *ret)
{
	struct collector c = { 0 };

	*ret = (struct params){ 0 };
	ret->value = cut_value(&text);
	collect(&c, text);
	if (c.count)
		give(&c, a, ret);
	mem_free(c.sections);
}

span params_get(const struct params *p, span name)
{
	for (size_t i = 0; i < p->count; i++)
		if (span_eq_nocase(p->all[i].name, name))
			return p->all[i].value;
	return SPAN_NONE;
}

/* --- writing --- */

static bool is_token(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_print(s.ptr[i]) ||
		    strchr(" ()<>@,;:\\\"/[]?='*%", s.ptr[i]))
			return false;
	return s.len > 0;
}

/* What stands bare in RFC 2231's form. */
static bool is_attr_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("!#$&+-.^_`|~", c));
}

/* Nor must it look like an encoded word: readers would decode it. */
static bool is_quotable(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_print(s.ptr[i]) ||
		    (s.ptr[i] == '?' && i > 0 && s.ptr[i - 1] == '='))
			return false;
	return true;
}

/* `more`: how much of it will stand in the same line. */
static void put_start(struct buf *out, span name, size_t more)
{
	/* One column for the semicolon of the next. */
	bool fold = encoded_column(out) + 2 + name.len + more >= LINE_WIDTH;

	buf_put(out, fold ? SPAN(";\n ") : SPAN("; "));
	buf_put(out, name);
}

static size_t quoted_len(span value)
{
	size_t n = value.len + 2;

	for (size_t i = 0; i < value.len; i++)
		n += value.ptr[i] == '"' || value.ptr[i] == '\\';
	return n;
}

static void put_quoted(struct buf *out, span name, span value)
{
	put_start(out, name, quoted_len(value) + 1);
	buf_put(out, SPAN("=\""));
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '"' || value.ptr[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, value.ptr[i]);
	}
	buf_putc(out, '"');
}

static void put_percents(struct buf *out, span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		char c = bytes.ptr[i];

		if (is_attr_char(c))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)c);
	}
}

static size_t percents_len(span bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes.len; i++)
		n += is_attr_char(bytes.ptr[i]) ? 1 : 3;
	return n;
}

/* Whole characters that make at most `room`, but at least one. */
static span cut_section(span *rest, size_t room)
{
	span s = *rest;
	size_t n = 0;
	size_t len = 0;

	while (n < s.len) {
		size_t next = n + 1;

		while (next < s.len && ((uint8_t)s.ptr[next] & 0xc0) == 0x80)
			next++;
		len += percents_len(span_first(span_from(s, n), next - n));
		if (n > 0 && len > room)
			break;
		n = next;
	}
	*rest = span_from(s, n);
	return span_first(s, n);
}

static void put_extended(struct buf *out, span name, span value)
{
	static const span set = SPAN_INIT("utf-8''");
	size_t len = percents_len(value);

	if (name.len + len + set.len + 4 <= LINE_WIDTH) {
		put_start(out, name, len + set.len + 2);
		buf_put(out, SPAN("*="));
		buf_put(out, set);
		put_percents(out, value);
		return;
	}
	for (size_t i = 0; value.len; i++) {
		size_t room = LINE_WIDTH - MIN(name.len + 20, (size_t)60);

		put_start(out, name, LINE_WIDTH);
		buf_printf(out, "*%zu*=", i);
		if (i == 0)
			buf_put(out, set);
		put_percents(out, cut_section(&value, room));
	}
}

void params_write(struct buf *out, span name, span utf8)
{
	struct buf clean = BUF_INIT(SIZE_MAX / 2);

	if (is_token(utf8) && name.len + utf8.len + 3 <= LINE_WIDTH) {
		put_start(out, name, utf8.len + 1);
		buf_putc(out, '=');
		buf_put(out, utf8);
	} else if (is_quotable(utf8) &&
	    name.len + quoted_len(utf8) + 3 <= LINE_WIDTH) {
		put_quoted(out, name, utf8);
	} else {
		charset_to_utf8(SPAN("unknown-8bit"), utf8, &clean);
		put_extended(out, name, buf_span(&clean));
	}
	buf_done(&clean);
}
