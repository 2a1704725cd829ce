/* SPDX-License-Identifier: ISC */
/*
 * map/rules.c - the text of a table of patterns.
 */
#include "map/rules.h"

#include <stdarg.h>
#include <stdio.h>

#include "map/braces.h"

enum {
	MAX_TEXT = 1 << 30,
	MAX_LINE = 1 << 20,
	MAX_WARNING = 1 << 21,
	SHOWN = 30, /* bytes of a line that is out of place */
};

/* --- lines within the name --- */

#define BLANKS_AND_COMMA ", \t\r\n"

/* The next word; a separator between braces does not end it. */
static span next_braced(span *rest)
{
	size_t level = 0;
	size_t i = 0;
	span word;

	while (rest->len && strchr(BLANKS_AND_COMMA, rest->ptr[0]))
		*rest = span_from(*rest, 1);
	for (; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (c == '{')
			level++;
		else if (c == '}' && level > 0)
			level--;
		else if (level == 0 && strchr(BLANKS_AND_COMMA, c))
			break;
	}
	word = span_first(*rest, i);
	*rest = span_from(*rest, i);
	return word;
}

static bool unfold_name(struct rules *r, struct buf *why)
{
	span inner = r->setup->name;
	span line;

	if (!braces_strip(&inner, why))
		return false;
	while ((line = next_braced(&inner)).len > 0) {
		if (!braces_strip(&line, why))
			return false;
		buf_put(&r->text, line);
		buf_putc(&r->text, '\n');
	}
	return true;
}

static bool is_inline(const struct rules *r)
{
	return r->setup->name.len > 0 && r->setup->name.ptr[0] == '{';
}

static bool open_inline(struct rules *r)
{
	struct buf why = BUF_INIT(MAX_WARNING);
	bool ok = unfold_name(r, &why);

	if (!ok) {
		buf_put(r->setup->reason, r->setup->type);
		buf_put(r->setup->reason, SPAN(" map: "));
		buf_put(r->setup->reason, buf_span(&why));
	}
	buf_done(&why);
	return ok;
}

/* --- the text --- */

bool rules_open(struct rules *r, const struct map_setup *s, struct map *m)
{
	*r = (struct rules){ .setup = s };
	buf_init(&r->text, MAX_TEXT);
	buf_init(&r->line, MAX_LINE);
	if (is_inline(r) ? !open_inline(r)
	                 : map_read_file(s, s->name, &r->text, m) < 0)
		return false;
	r->lines = conf_lines_of(buf_span(&r->text));
	return true;
}

void rules_done(struct rules *r)
{
	buf_done(&r->text);
	buf_done(&r->line);
	mem_free(r->ifs);
	r->ifs = NULL;
}

static void warn_out_of_place(struct rules *r, span line)
{
	struct buf text = BUF_INIT(MAX_WARNING);

	buf_put(&text, is_inline(r) ? SPAN("unknown_stream") : r->setup->name);
	buf_put(
	    &text, SPAN(": logical line must not start with whitespace: \""));
	buf_put(&text, span_first(line, SHOWN));
	buf_put(&text, line.len > SHOWN ? SPAN("...\"") : SPAN("\""));
	rules_warn_plain(r, buf_span(&text));
	buf_done(&text);
}

static span up_to_nul(span s)
{
	return span_first(s, s.len ? strnlen(s.ptr, s.len) : 0);
}

bool rules_next(struct rules *r, span *ret_line)
{
	while (conf_lines_next(&r->lines, &r->line, &r->number)) {
		span line = buf_span(&r->line);

		if (r->line.failed) {
			rules_warn(r, "line is too long: skipping this rule");
		} else if (ascii_is_space(line.ptr[0])) {
			warn_out_of_place(r, up_to_nul(line));
		} else {
			*ret_line = up_to_nul(line);
			return true;
		}
	}
	return false;
}

void rules_warn_plain(struct rules *r, span text)
{
	const struct map_host *host = r->setup->host;

	host->warn(host->ctx, text);
}

void rules_warn(struct rules *r, const char *format, ...)
{
	struct buf line = BUF_INIT(MAX_WARNING);
	char text[8192];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_put(&line, r->setup->type);
	buf_put(&line, SPAN(" map "));
	buf_put(&line, r->setup->name);
	buf_printf(&line, ", line %u: %s", r->number, text);
	rules_warn_plain(r, buf_span(&line));
	buf_done(&line);
}

/* --- parts of lines --- */

bool rules_statement(span *line, span word)
{
	if (!span_has_prefix_nocase(*line, word))
		return false;
	if (line->len > word.len && ascii_is_alnum(line->ptr[word.len]))
		return false;
	*line = span_from(*line, word.len);
	return true;
}

bool rules_negated(span *line)
{
	bool negated = false;

	while (line->len > 0) {
		if (line->ptr[0] == '!')
			negated = !negated;
		else if (!ascii_is_space(line->ptr[0]))
			break;
		*line = span_from(*line, 1);
	}
	return negated;
}

void rules_skip_space(span *line)
{
	while (line->len > 0 && ascii_is_space(line->ptr[0]))
		*line = span_from(*line, 1);
}

span rules_trim_end(span line)
{
	while (line.len > 0 && ascii_is_space(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

bool rules_value(struct rules *r, span *value, struct buf *out)
{
	struct map_setup s = *r->setup;

	if (!(s.flags & MAP_VALUE_IS_FILE))
		return true;
	s.reason = out;
	if (!map_file_value(&s, *value, out))
		return false;
	*value = buf_span(out);
	return true;
}

/* --- if and endif --- */

void rules_if_push(struct rules *r, uint32_t index)
{
	if (r->depth == r->room) {
		r->room = r->room ? r->room * 2 : 8;
		r->ifs = mem_resize(r->ifs, r->room, sizeof(*r->ifs));
	}
	r->ifs[r->depth++] = (struct rules_if){ r->number, index };
}

uint32_t rules_if_pop(struct rules *r)
{
	if (r->depth == 0)
		bug("endif without if");
	return r->ifs[--r->depth].index;
}

uint32_t rules_if_top(const struct rules *r, uint32_t none)
{
	return r->depth ? r->ifs[r->depth - 1].index : none;
}

void rules_warn_open_ifs(struct rules *r)
{
	while (r->depth > 0) {
		r->number = r->ifs[--r->depth].line;
		rules_warn(r, "IF has no matching ENDIF");
	}
}
