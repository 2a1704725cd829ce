/* SPDX-License-Identifier: ISC */
/*
 * The first line holds the words of a line of master.cf, between blanks; the
 * second the sender, the others recipients. However odd they are, there are
 * as many arguments as the words ask for, "$recipient" is the recipient, and
 * a word without a dollar sign is itself.
 */
#include "daemon/deliver/pipe.h"

#include <errno.h>

enum { WORDS_MAX = 64, RCPTS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_args(const struct pipe_line *p, const struct envelope *e,
    const span *argv, uint32_t n)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < p->nargs; i++) {
		span text = p->args[i].text;
		uint32_t times = p->args[i].per_rcpt ? e->nrcpts : 1;

		if (times > n - at)
			bug("too few arguments");
		if (span_find(text, '$') < 0 && !span_eq(text, argv[at]))
			bug("a plain word was changed");
		for (uint32_t k = 0; k < times; k++)
			if (span_eq(text, SPAN("$recipient")) && !p->flags &&
			    !span_eq(argv[at + k], e->rcpts[k].addr))
				bug("a recipient was changed");
		at += times;
	}
	if (at != n)
		bug("too many arguments");
}

static void run(struct conf_service *line, const struct envelope *e)
{
	const struct extension_rules rules = { .delimiters = SPAN("+-") };
	struct buf error = BUF_INIT(PIPE_ERROR_MAX);
	struct buf warnings = BUF_INIT(1 << 20);
	struct arena arena;
	struct pipe_line p;
	struct pipe_argv argv;

	arena_init(&arena, 1 << 20);
	if (!pipe_parse(line, &arena, &p, &error)) {
		if (error.len == 0)
			bug("no reason");
	} else if (p.bad_arg.len == 0) {
		int r;

		p.rules = rules;
		r = pipe_expand(&p, e, &arena, &argv, &warnings);

		if (r == 0)
			check_args(&p, e, argv.words, argv.n);
		else if (r != -ENOMEM)
			bug("an error that does not exist");
	}
	arena_done(&arena);
	buf_done(&error);
	buf_done(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span rest = span_of(data, size);
	span words = span_cut(&rest, '\n');
	span args[WORDS_MAX];
	struct rcpt rcpts[RCPTS_MAX];
	struct conf_service line = { .name = SPAN("x"), .args = args };
	struct envelope e = { .rcpts = rcpts };
	span word;

	while (
	    line.nargs < WORDS_MAX && (word = span_word(&words, " ")).len > 0)
		args[line.nargs++] = word;
	e.sender = span_first(span_cut(&rest, '\n'), 4096);
	do {
		span addr = span_first(span_cut(&rest, '\n'), 4096);

		rcpts[e.nrcpts++] = (struct rcpt){
			.addr = addr,
			.orig = e.sender,
			.nexthop = addr,
		};
	} while (rest.len > 0 && e.nrcpts < RCPTS_MAX);
	run(&line, &e);
	return 0;
}
