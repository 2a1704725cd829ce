/* SPDX-License-Identifier: ISC */
/*
 * map/source.c - lines of tables' texts.
 *
 * Most lines stand alone: they are handed out where they lie, without a copy.
 * The rules are those of main.cf (conf/lines.h), which has no such hurry.
 */
#include "map/source.h"

#include <stdarg.h>
#include <stdio.h>

#include "mail/address.h"

enum {
	MAX_LINE = 1 << 30,
	SHOWN = 30, /* of a line that is wrong */
};

void source_init(struct source *s, const char *name, span text)
{
	*s = (struct source){ .name = name,
		.rest = text,
		.ignoring = "",
		.joined = BUF_INIT(MAX_LINE) };
}

void source_done(struct source *s)
{
	buf_done(&s->joined);
}

PRINTF_LIKE(2, 0)
static void warn_text(struct source *s, const char *format, va_list args)
{
	char text[8192];

	(void)vsnprintf(text, sizeof(text), format, args);
	s->warn(s->ctx, span_str(text));
}

PRINTF_LIKE(2, 3)
static void warn_plain(struct source *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	warn_text(s, format, args);
	va_end(args);
}

void source_warn(struct source *s, const char *format, ...)
{
	char text[6144];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	warn_plain(s, "%s, line %u: %s", s->name, s->first, text);
}

span source_text(span s)
{
	return span_first(s, s.len ? strnlen(s.ptr, s.len) : 0);
}

/* --- lines --- */

static bool is_blank(span line)
{
	while (line.len && ascii_is_space(line.ptr[0]))
		line = span_from(line, 1);
	return line.len == 0 || line.ptr[0] == '#';
}

static bool goes_on(const struct source *s)
{
	return s->rest.len &&
	    (s->rest.ptr[0] == '#' || ascii_is_space(s->rest.ptr[0]));
}

/* What may belong to a line that has begun. */
static void join(struct source *s, span *line)
{
	bool copied = false;

	while (goes_on(s)) {
		span more = span_cut(&s->rest, '\n');

		s->line++;
		if (is_blank(more))
			continue;
		if (!copied) {
			buf_clear(&s->joined);
			buf_put(&s->joined, *line);
			copied = true;
		}
		buf_put(&s->joined, more);
	}
	if (copied)
		*line = buf_span(&s->joined);
}

static bool next_line(struct source *s, span *ret)
{
	span line;

	do {
		if (s->rest.len == 0)
			return false;
		line = span_cut(&s->rest, '\n');
		s->line++;
	} while (is_blank(line));
	s->first = s->line;
	if (goes_on(s))
		join(s, &line);
	*ret = line;
	return true;
}

bool source_line(struct source *s, span *ret)
{
	while (next_line(s, ret)) {
		span text = source_text(*ret);

		if (!ascii_is_space(ret->ptr[0])) {
			*ret = text;
			return true;
		}
		warn_plain(s,
		    "%s: logical line must not start with whitespace: "
		    "\"%.*s%s\"",
		    s->name, PRI(span_first(text, SHOWN)),
		    ret->len > SHOWN ? "..." : "");
	}
	return false;
}

/* --- pairs --- */

bool source_key_end(span s, char stop, size_t *ret)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (ascii_is_space(c) || c == stop))
			break;
	}
	*ret = MIN(i, s.len);
	return !quoted;
}

static bool take_pair(
    struct source *s, span line, span *ret_key, span *ret_value)
{
	size_t n;

	if (s->utf8 && !address_is_utf8(line)) {
		source_warn(s, "non-UTF-8 input \"%.*s\" -- ignoring this line",
		    PRI(line));
		return false;
	}
	if (!source_key_end(line, ' ', &n)) {
		source_warn(s,
		    "unbalanced '\"' in '%.*s' -- ignoring this line",
		    PRI(line));
		return false;
	}
	*ret_key = span_first(line, n);
	*ret_value = span_trim(span_from(line, n));
	if (ret_key->len == 0 || ret_value->len == 0) {
		source_warn(
		    s, "expected format: key whitespace value%s", s->ignoring);
		return false;
	}
	if (ret_key->ptr[n - 1] == ':')
		source_warn(s,
		    "record is in \"key: value\" format; is this an alias "
		    "file?");
	return true;
}

bool source_pair(struct source *s, span *ret_key, span *ret_value)
{
	span line;

	while (source_line(s, &line))
		if (take_pair(s, line, ret_key, ret_value))
			return true;
	return false;
}
