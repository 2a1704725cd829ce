/* SPDX-License-Identifier: ISC */
/*
 * conf/main_cf.c - main.cf: "name = value", one per logical line.
 */
#include "conf/conf_internal.h"

#include <stdarg.h>

#include "conf/lines.h"

struct reader {
	struct conf *conf;
	struct conf_report *report;
	uint32_t line;
};

PRINTF_LIKE(2, 3)
static bool fail(struct reader *r, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buf_printf(&r->report->error, "%.*s/main.cf, line %u: %s",
	    PRI(r->conf->dir), r->line, text);
	return false;
}

static void note_override(struct reader *r, const struct setting *old)
{
	buf_printf(&r->report->notes,
	    "%.*s/main.cf, line %u: overriding earlier entry: %.*s=%.*s\n",
	    PRI(r->conf->dir), r->line, PRI(old->name),
	    PRI(span_first(old->value, 200)));
}

static bool read_line(struct reader *r, span line)
{
	const struct setting *old;
	const char *wrong;
	span name = SPAN_NONE;
	span value = SPAN_NONE;

	if (span_find(line, '\0') >= 0)
		return fail(r, "a NUL byte; remove it, the file is damaged");
	if (ascii_is_space(line.ptr[0])) {
		buf_printf(&r->report->notes,
		    "%.*s/main.cf: logical line must not start with "
		    "whitespace: \"%.*s\"\n",
		    PRI(r->conf->dir), PRI(span_first(line, 30)));
		return true;
	}
	wrong = conf_split_setting(line, &name, &value);
	if (wrong)
		return fail(r, "%s: \"%.*s\"; write \"name = value\"", wrong,
		    PRI(span_first(line, 200)));
	if (value.len > CONF_VALUE_MAX)
		return fail(r, "the value of %.*s is longer than %d bytes",
		    PRI(span_first(name, 100)), CONF_VALUE_MAX);
	old = conf_set(r->conf, name, value, r->line);
	if (old && !span_eq(old->value, value))
		note_override(r, old);
	return true;
}

bool conf_put_main(struct conf *conf, span text, struct conf_report *report)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(CONF_FILE_MAX);
	struct conf_lines lines = conf_lines_of(text);
	struct reader reader = { .conf = conf, .report = report };

	while (conf_lines_next(&lines, &line, &reader.line))
		if (!read_line(&reader, buf_span(&line)))
			return false;
	return true;
}
