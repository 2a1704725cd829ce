/* SPDX-License-Identifier: ISC */
/*
 * base/mem.c - bug() and the allocator: the only file that calls malloc.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <malloc.h>

void bug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("panic: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	abort();
}

void *mem_new(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		bug("out of memory allocating %zu * %zu bytes", n, size);
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n ? n : 1, size ? size : 1);

	if (!q)
		bug("out of memory resizing to %zu * %zu bytes", n, size);
	return q;
}

void mem_free(void *p)
{
	free(p);
}

void mem_trim(void)
{
	(void)malloc_trim(0);
}
