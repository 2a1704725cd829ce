/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/mua.c - what all parts of mail(1) need: see mua.h.
 */
#include "tool/mail/mua.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/width.h"

enum { ERROR_MAX = 16384 };

/* What it names, an address or a file, may be a stranger's. */
void mua_error(struct mua *m, const char *format, ...)
{
	CLEANUP(buf_done) struct buf safe = BUF_INIT(4 * ERROR_MAX);
	char text[ERROR_MAX];
	va_list args;

	(void)m;
	(void)fflush(stdout);
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	width_harmless(&safe, span_str(text), HARMLESS_LINES, false);
	buf_putc(&safe, '\n');
	(void)fwrite(safe.data, 1, safe.len, stderr);
}

void mua_init(struct mua *m)
{
	static const char *const ignored[] = { "content-transfer-encoding",
		"in-reply-to", "message-id", "mime-version", "received",
		"references" };
	static const char *const forwarded[] = { "date", "from", "subject",
		"to" };

	*m = (struct mua){ .name = "mail", .user = "", .home = "/" };
	m->vars = vars_new();
	buf_init(&m->last_bang, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		names_add(&m->ignored, span_str(ignored[i]));
	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		names_add(&m->forward_retained, span_str(forwarded[i]));
}

void mua_done(struct mua *m)
{
	dict_done(&m->aliases);
	dict_done(&m->shortcuts);
	dict_done(&m->macros);
	dict_done(&m->accounts);
	dict_done(&m->command_aliases);
	names_done(&m->alternates);
	names_done(&m->ignored);
	names_done(&m->retained);
	names_done(&m->save_ignored);
	names_done(&m->save_retained);
	names_done(&m->forward_ignored);
	names_done(&m->forward_retained);
	buf_done(&m->last_bang);
	vars_free(&m->vars);
}
