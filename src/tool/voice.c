/* SPDX-License-Identifier: ISC */
/*
 * tool/voice.c - see voice.h.
 *
 * The log is opened when the first line is due: a command that has nothing
 * to complain of does not pay for it.
 */
#include "tool/voice.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/site.h"
#include "mail/address.h"

enum { VOICE_MAX = 8192 };

static const struct {
	const char *word;
	enum log_level level;
} levels[] = {
	[LOG_LEVEL_WARNING] = { "warning: ", LOG_LEVEL_WARNING },
	[LOG_LEVEL_ERROR] = { "error: ", LOG_LEVEL_ERROR },
	[LOG_LEVEL_FATAL] = { "fatal: ", LOG_LEVEL_FATAL },
};

static void open_log(struct voice *v)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct log_setup log;

	v->tried = true;
	if (site_open_log(v->conf, &log, &error) != SITE_OK)
		return;
	log_open(&log);
	v->has_log = true;
}

/* How many bytes of what begins here can be shown; 0: none. */
static size_t shown(span s)
{
	uint8_t lead = (uint8_t)s.ptr[0];
	size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if (lead < 0x80)
		return ascii_is_print(s.ptr[0]);
	n = MIN(n, s.len);
	return address_is_utf8(span_first(s, n)) ? n : 0;
}

static void put_shown(struct buf *out, span text)
{
	while (text.len) {
		size_t n = shown(text);

		if (n)
			buf_put(out, span_first(text, n));
		else
			buf_putc(out, '?');
		text = span_from(text, MAX(n, (size_t)1));
	}
}

PRINTF_LIKE(3, 0)
static void say(
    struct voice *v, enum log_level level, const char *format, va_list ap)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(4 * VOICE_MAX);
	char text[VOICE_MAX];
	size_t head;

	(void)vsnprintf(text, sizeof(text), format, ap);
	buf_printf(&line, "%s: %s", v->name, levels[level].word);
	head = strlen(v->name) + 2 + strlen(levels[level].word);
	put_shown(&line, span_str(text));
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s\n", buf_cstr(&line));
	if (v->conf && !v->tried)
		open_log(v);
	if (!v->has_log)
		return;
	log_text(SPAN(""), v->name, levels[level].level,
	    span_from(buf_span(&line), head));
	log_flush();
}

void voice_warn(struct voice *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(v, LOG_LEVEL_WARNING, format, ap);
	va_end(ap);
}

void voice_error(struct voice *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(v, LOG_LEVEL_ERROR, format, ap);
	va_end(ap);
}

void voice_fatal(struct voice *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(v, LOG_LEVEL_FATAL, format, ap);
	va_end(ap);
}

void voice_done(struct voice *v)
{
	if (v->has_log)
		log_done();
	*v = (struct voice){ .name = v->name };
}
