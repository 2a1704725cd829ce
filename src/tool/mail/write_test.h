/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/write_test.h - a mua without terminal and folder, for the tests of
 * what writes mail: errors are counted, the last one is kept.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "tool/mail/box.h"

static unsigned test_errors;
static char test_error[1024];

void mua_error(struct mua *m, const char *format, ...)
{
	va_list args;

	(void)m;
	test_errors++;
	va_start(args, format);
	(void)vsnprintf(test_error, sizeof(test_error), format, args);
	va_end(args);
}

/* No folder here, no names of files. */
int box_content(struct mua *m, uint32_t i, struct buf *out)
{
	(void)m;
	(void)i;
	(void)out;
	return -ENOENT;
}

bool mua_expand_name(struct mua *m, span name, struct buf *ret_path)
{
	(void)m;
	(void)name;
	(void)ret_path;
	return false;
}

UNUSED static void test_mua(struct mua *m, enum manner manner)
{
	*m = (struct mua){ .name = "mail",
		.manner = manner,
		.user = "pue",
		.home = "/nonexistent",
		.host = "localhost",
		.no_sendmail = true };
	m->vars = vars_new();
	vars_unset(m->vars, "bsdcompat");
	test_errors = 0;
	test_error[0] = '\0';
}

UNUSED static void test_mua_done(struct mua *m)
{
	dict_done(&m->aliases);
	names_done(&m->alternates);
	vars_free(&m->vars);
}
