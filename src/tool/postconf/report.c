/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/report.c - messages, output, and memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "tool/postconf/postconf.h"

enum { BLOCK = 4096 };

/* A terminal is not told all that a file says. */
PRINTF_LIKE(3, 0)
static void say(
    struct postconf *pc, const char *what, const char *format, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = mem_new((size_t)n + 1, 1);
	(void)vsnprintf(text, (size_t)n + 1, format, ap);
	for (int i = 0; i < n; i++)
		if (!ascii_is_print(text[i]))
			text[i] = '?';
	(void)fprintf(stderr, "%s: %s%s\n", pc->program, what, text);
	mem_free(text);
}

void warn(struct postconf *pc, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(pc, "warning: ", format, ap);
	va_end(ap);
}

void info(struct postconf *pc, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(pc, "", format, ap);
	va_end(ap);
}

void fatal(struct postconf *pc, const char *format, ...)
{
	va_list ap;

	/* Half an answer is none: as in Postfix, only full blocks go out. */
	pc->out.len -= pc->out.len % BLOCK;
	flush(pc);
	va_start(ap, format);
	say(pc, "fatal: ", format, ap);
	va_end(ap);
	exit(1);
}

void flush(struct postconf *pc)
{
	int r;

	if (pc->out.len == 0)
		return;
	r = file_write_all(STDOUT_FILENO, buf_span(&pc->out));
	buf_clear(&pc->out);
	/* A reader who has seen enough is no error. */
	if (r < 0 && r != -EPIPE)
		fatal(pc, "write to standard output: %s", strerror(-r));
}

void *keep_new(struct postconf *pc, size_t n, size_t size)
{
	void *p = arena_alloc(&pc->arena, n, size);

	if (!p)
		fatal(pc, "the configuration is too large");
	return p;
}

span keep(struct postconf *pc, span s)
{
	span copy = arena_dup(&pc->arena, s);

	if (!copy.ptr)
		fatal(pc, "the configuration is too large");
	return copy;
}

span keep_joined(struct postconf *pc, span a, span b, span c)
{
	char *all = keep_new(pc, a.len + b.len + c.len + 1, 1);

	if (a.len > 0)
		memcpy(all, a.ptr, a.len);
	if (b.len > 0)
		memcpy(all + a.len, b.ptr, b.len);
	if (c.len > 0)
		memcpy(all + a.len + b.len, c.ptr, c.len);
	return span_of(all, a.len + b.len + c.len);
}
