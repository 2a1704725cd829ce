/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/spawn_line.h"

/* All words from number i on; the first one is behind "argv=". */
static bool take_argv(struct spawn_line *s, const struct conf_service *line,
    uint32_t i, struct arena *a)
{
	s->nargv = line->nargs - i;
	s->argv = arena_alloc(a, s->nargv, sizeof(*s->argv));
	for (uint32_t k = 0; s->argv && k < s->nargv; k++) {
		s->argv[k] = arena_dup(a,
		    span_from(line->args[i + k], k == 0 ? strlen("argv=") : 0));
		if (!s->argv[k].ptr)
			return false;
	}
	return s->argv != NULL;
}

bool spawn_line_parse(const struct conf_service *line, struct arena *a,
    struct spawn_line *ret, struct buf *error)
{
	*ret = (struct spawn_line){ .nargv = 0 };
	for (uint32_t i = 0; i < line->nargs && ret->nargv == 0; i++) {
		span word = line->args[i];

		if (span_skip_nocase(&word, SPAN("user="))) {
			ret->user = span_cut(&word, ':');
			ret->group = word;
		} else if (!span_has_prefix_nocase(word, SPAN("argv="))) {
			buf_printf(
			    error, "unknown attribute name: %.*s", PRI(word));
			return false;
		} else if (!take_argv(ret, line, i, a)) {
			return false;
		}
	}
	if (ret->user.len == 0)
		buf_printf(error, "missing user= attribute");
	else if (ret->nargv == 0)
		buf_printf(error, "missing argv= attribute");
	return error->len == 0;
}
