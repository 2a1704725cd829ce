/* SPDX-License-Identifier: ISC */
/*
 * The input holds the words of a line, a NUL between. There is a user and a
 * command, or a reason; and the words of the command are those of the line.
 */
#include "daemon/deliver/spawn_line.h"

enum { WORDS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conf_service *line, const struct spawn_line *s)
{
	uint32_t at = line->nargs - s->nargv;

	if (s->user.len == 0 || s->nargv == 0 || s->nargv > line->nargs)
		bug("something is missing");
	if (span_find(s->user, ':') >= 0)
		bug("the user has a group");
	for (uint32_t i = 0; i < s->nargv; i++)
		if (!span_eq(s->argv[i],
		        span_from(line->args[at + i], i == 0 ? 5 : 0)))
			bug("a word was changed");
	for (uint32_t i = 0; i < at; i++)
		if (!span_has_prefix_nocase(line->args[i], SPAN("user=")))
			bug("a word was skipped");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	span rest = span_of(data, size);
	span args[WORDS_MAX];
	struct conf_service line = { .name = SPAN("x"), .args = args };
	struct spawn_line s;
	struct arena arena;

	while (line.nargs < WORDS_MAX && rest.len > 0)
		args[line.nargs++] = span_cut(&rest, '\0');
	/* Some lines do not fit. */
	arena_init(&arena, size % 3 ? 1 << 20 : 256);
	if (spawn_line_parse(&line, &arena, &s, &error))
		check(&line, &s);
	else if (error.len == 0 && size % 3)
		bug("no reason");
	arena_done(&arena);
	return 0;
}
