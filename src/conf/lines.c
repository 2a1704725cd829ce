/* SPDX-License-Identifier: ISC */
#include "conf/lines.h"

static bool is_skipped(span line)
{
	span text = span_trim(line);

	return text.len == 0 || text.ptr[0] == '#';
}

/* Whether what comes next may still belong to the line begun. */
static bool is_open(span rest)
{
	return rest.len > 0 &&
	    (rest.ptr[0] == '#' || ascii_is_space(rest.ptr[0]));
}

bool conf_lines_next(
    struct conf_lines *lines, struct buf *out, uint32_t *ret_line)
{
	buf_clear(out);
	while (lines->rest.len > 0) {
		span line = span_cut(&lines->rest, '\n');

		lines->line++;
		if (!is_skipped(line)) {
			if (out->len == 0)
				*ret_line = lines->line;
			buf_put(out, line);
		}
		if (out->len > 0 && !is_open(lines->rest))
			break;
	}
	return out->len > 0;
}
