/* SPDX-License-Identifier: ISC */
/*
 * Whatever the From lines of a message say, the sender has no blank and no
 * line break, is no longer than they are, and its hosts stand before bangs.
 */
#include <stdint.h>

#include "tool/rmail_from.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct rmail_from *f, size_t size)
{
	span user = buf_span(&f->user);
	span path = buf_span(&f->path);

	if (user.len + path.len > size + 1 || f->nearest.len > path.len)
		bug("longer than its lines");
	for (size_t i = 0; i < user.len; i++)
		if (memchr(" \t\r\n", user.ptr[i], 4))
			bug("a blank in the user: %.*s", PRI(user));
	for (size_t i = 0; i < path.len; i++)
		if (memchr(" \t\r\n", path.ptr[i], 4))
			bug("a blank in the path: %.*s", PRI(path));
	if (path.len > 0 && path.ptr[path.len - 1] != '!')
		bug("the path has no end: %.*s", PRI(path));
	if (!span_has_prefix(path, buf_span(&f->nearest)))
		bug("the nearest host is not the first");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span rest = span_of(data, size);
	enum rmail_line what = RMAIL_LINE_FROM;
	struct rmail_from f;

	rmail_from_init(&f);
	while (what == RMAIL_LINE_FROM && rest.len > 0)
		what = rmail_from_take(&f, span_cut(&rest, '\n'));
	check(&f, size);
	rmail_from_done(&f);
	return 0;
}
