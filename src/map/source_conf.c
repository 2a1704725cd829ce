/* SPDX-License-Identifier: ISC */
/*
 * map/source_conf.c - "name = value" lines, or main.cf with a prefix.
 *
 * Each value has memory of its own, so that pointers stay good while more are
 * asked for. A value is never shown where its name could be a password's.
 */
#include "map/source_conf.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "conf/lines.h"
#include "conf/setting.h"

enum {
	MAX_FILE = 1024 * 1024,
	MAX_NAME = 1024,
	MAX_SHOWN = 200,
};

struct source_value {
	struct source_value *next;
	span name;
	span text;
	char bytes[];
};

/* --- failures --- */

void source_conf_fail(struct source_conf *c, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (c->failed)
		return;
	c->failed = true;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_put(c->setup->reason, span_str(text));
}

static bool has(span s, const char *part)
{
	return s.len && memmem(s.ptr, s.len, part, strlen(part));
}

/* URIs may have a password in the middle. */
static bool is_secret(span name, span value)
{
	return has(name, "pass") || has(name, "_pw") || has(value, "://");
}

static span shown(span name, span value)
{
	return is_secret(name, value) ? SPAN("...")
	                              : span_first(value, MAX_SHOWN);
}

/* --- values --- */

/* The latest of a name wins, as it comes first. */
static const struct source_value *keep(
    struct source_conf *c, span name, span text)
{
	struct source_value *v =
	    mem_new(1, sizeof(*v) + name.len + text.len + 2);
	char *at = v->bytes;

	memcpy(at, name.ptr, name.len);
	v->name = span_of(at, name.len);
	at += name.len + 1;
	if (text.len)
		memcpy(at, text.ptr, text.len);
	v->text = span_of(at, text.len);
	v->next = c->values;
	c->values = v;
	return v;
}

static const struct source_value *find_kept(
    const struct source_conf *c, span name)
{
	const struct source_value *v = c->values;

	while (v && !span_eq(v->name, name))
		v = v->next;
	return v;
}

void source_conf_done(struct source_conf *c)
{
	while (c->values) {
		struct source_value *v = c->values;

		c->values = v->next;
		explicit_bzero(v->bytes, v->name.len + v->text.len + 2);
		mem_free(v);
	}
}

/* --- reading --- */

static void warn_override(
    const struct source_conf *c, uint32_t number, span name, span value)
{
	const struct map_host *host = c->setup->host;
	struct buf text = BUF_INIT(8192);

	buf_printf(&text, "%.*s, line %u: overriding earlier entry: %.*s=%.*s",
	    PRI(c->setup->name), number, PRI(name), PRI(shown(name, value)));
	host->warn(host->ctx, buf_span(&text));
	buf_done(&text);
}

static void read_line(struct source_conf *c, span line, uint32_t number)
{
	const struct source_value *old;
	const char *wrong;
	span name;
	span value;

	wrong = span_find(line, '\0') >= 0
	    ? "null byte in text"
	    : conf_split_setting(line, &name, &value);
	if (wrong) {
		/* What is no setting may still be a password: not shown. */
		source_conf_fail(
		    c, "%.*s, line %u: %s", PRI(c->setup->name), number, wrong);
		return;
	}
	old = find_kept(c, name);
	if (old && !span_eq(old->text, value))
		warn_override(c, number, name, old->text);
	(void)keep(c, name, value);
}

static void read_text(struct source_conf *c, span text)
{
	struct conf_lines lines = conf_lines_of(text);
	struct buf line = BUF_INIT(MAX_FILE);
	uint32_t number;

	while (!c->failed && conf_lines_next(&lines, &line, &number))
		read_line(c, buf_span(&line), number);
	buf_wipe(&line);
}

bool source_conf_open(
    struct source_conf *c, const struct map_setup *s, struct map *m)
{
	struct buf text = BUF_INIT(MAX_FILE);
	span name = s->name;

	*c = (struct source_conf){ .setup = s };
	if (name.len == 0) {
		source_conf_fail(c, "no name behind the type");
		return false;
	}
	c->is_file = name.ptr[0] == '/' || name.ptr[0] == '.';
	if (!c->is_file)
		return true;
	if (map_read_file(s, name, &text, m) < 0)
		c->failed = true; /* the reason is set */
	else
		read_text(c, buf_span(&text));
	buf_wipe(&text);
	return !c->failed;
}

/* --- asking --- */

/* Also gives the name as the administrator wrote it. */
static const struct source_value *ask(
    struct source_conf *c, const char *name, struct buf *ret_name)
{
	const struct map_host *host = c->setup->host;
	const struct source_value *v;
	span text;

	if (!c->is_file)
		buf_printf(ret_name, "%.*s_", PRI(c->setup->name));
	buf_put(ret_name, span_str(name));
	v = find_kept(c, buf_span(ret_name));
	if (v || c->is_file || !host->param)
		return v;
	text = host->param(host->ctx, buf_span(ret_name));
	return text.ptr ? keep(c, buf_span(ret_name), text) : NULL;
}

/* "FILE: " before a complaint; in main.cf the name itself tells. */
static void fail_at(struct source_conf *c, const char *text)
{
	if (c->is_file)
		source_conf_fail(c, "%.*s: %s", PRI(c->setup->name), text);
	else
		source_conf_fail(c, "%s", text);
}

PRINTF_LIKE(2, 3)
static void fail_value(struct source_conf *c, const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail_at(c, text);
}

span source_conf_str(
    struct source_conf *c, const char *name, const char *preset)
{
	struct buf full = BUF_INIT(MAX_NAME);
	const struct source_value *v = ask(c, name, &full);
	span text = v ? v->text : span_str(preset);

	buf_done(&full);
	return text.len == 0 && !preset ? SPAN_NONE : text;
}

span source_conf_str_needed(
    struct source_conf *c, const char *name, const char *preset)
{
	struct buf full = BUF_INIT(MAX_NAME);
	const struct source_value *v = ask(c, name, &full);
	span text = v ? v->text : span_str(preset);

	if (text.len == 0)
		fail_value(c,
		    "bad string length 0 < 1: %.*s = ", PRI(buf_span(&full)));
	buf_done(&full);
	return text;
}

static bool parse_int(span text, int *ret)
{
	bool negative = span_skip(&text, SPAN("-"));
	uint32_t n;

	if (!negative)
		(void)span_skip(&text, SPAN("+"));
	if (!span_to_u32(text, &n) || n > (uint32_t)INT_MAX)
		return false;
	*ret = negative ? -(int)n : (int)n;
	return true;
}

int source_conf_int(
    struct source_conf *c, const char *name, int preset, int min, int max)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT(MAX_NAME);
	const struct source_value *v = ask(c, name, &full);
	int n = preset;

	if (v && !parse_int(span_trim(v->text), &n))
		fail_value(c, "bad numerical configuration: %.*s = %.*s",
		    PRI(buf_span(&full)), PRI(span_first(v->text, MAX_SHOWN)));
	else if (min && n < min)
		fail_value(c, "invalid %.*s parameter value %d < %d",
		    PRI(buf_span(&full)), n, min);
	else if (max && n > max)
		fail_value(c, "invalid %.*s parameter value %d > %d",
		    PRI(buf_span(&full)), n, max);
	else
		return n;
	return preset;
}

bool source_conf_bool(struct source_conf *c, const char *name, bool preset)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT(MAX_NAME);
	const struct source_value *v = ask(c, name, &full);

	if (!v)
		return preset;
	if (span_eq_nocase(v->text, SPAN("yes")))
		return true;
	if (span_eq_nocase(v->text, SPAN("no")))
		return false;
	fail_value(c, "bad boolean configuration: %.*s = %.*s",
	    PRI(buf_span(&full)), PRI(span_first(v->text, MAX_SHOWN)));
	return preset;
}

bool source_conf_has(struct source_conf *c, const char *name)
{
	struct buf full = BUF_INIT(MAX_NAME);
	bool has = ask(c, name, &full) != NULL;

	buf_done(&full);
	return has;
}
