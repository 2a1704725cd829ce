/* SPDX-License-Identifier: ISC */
/*
 * map/pcre.c - "pcre:/file": Perl's regular expressions, by PCRE2.
 *
 * A pattern that is tried often is translated to machine code, if this
 * process may have new machine code: its sandbox may forbid it. When that
 * code finds its stack too small, the interpreter decides. Both give up
 * after a number of steps, and the interpreter when it has used too much
 * memory: the answer then is that nothing can be said.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "map/rules_table.h"
#include "map/types.h"

#include <pcre2.h>

enum { WORTH_TRANSLATING = 16, MAX_HEAP_KIB = 256 * 1024 };

struct code {
	pcre2_code *pattern;
	uint32_t uses;
};

/* Of a table. */
struct state {
	pcre2_match_data *data;
	uint32_t groups; /* for which `data` has room */
	pcre2_match_context *limits;
	bool no_machine_code;
};

static unsigned option(char flag)
{
	static const struct {
		char flag;
		unsigned bits;
	} options[] = {
		{ 'i', PCRE2_CASELESS },
		{ 'm', PCRE2_MULTILINE },
		{ 's', PCRE2_DOTALL },
		{ 'x', PCRE2_EXTENDED },
		{ 'A', PCRE2_ANCHORED },
		{ 'E', PCRE2_DOLLAR_ENDONLY },
		{ 'U', PCRE2_UNGREEDY },
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].flag == flag)
			return options[i].bits;
	return 0;
}

static enum rules_syntax syntax(unsigned options)
{
	return options & PCRE2_EXTENDED ? RULES_OPAQUE : RULES_PCRE;
}

static void put_error(int error, struct buf *why)
{
	PCRE2_UCHAR text[256];
	int n = pcre2_get_error_message(error, text, sizeof(text));

	if (n > 0)
		buf_put(why, span_of(text, (size_t)n));
	else
		buf_printf(why, "unexpected pcre2 error code %d", error);
}

static bool compile(
    struct rules_pattern *p, uint32_t *ret_groups, struct buf *why)
{
	pcre2_code *pattern;
	PCRE2_SIZE offset;
	struct code *c;
	int error;

	pattern = pcre2_compile((PCRE2_SPTR)p->text.ptr, p->text.len,
	    p->options, &error, &offset, NULL);
	if (!pattern) {
		buf_printf(why, "error in regex at offset %zu: ", offset);
		put_error(error, why);
		return false;
	}
	(void)pcre2_pattern_info(pattern, PCRE2_INFO_CAPTURECOUNT, ret_groups);
	c = NEW(struct code);
	c->pattern = pattern;
	p->code = c;
	return true;
}

static void free_code(void *code)
{
	struct code *c = code;

	pcre2_code_free(c->pattern);
	mem_free(c);
}

static void translate(struct state *s, struct code *c)
{
	if (s->no_machine_code || ++c->uses != WORTH_TRANSLATING)
		return;
	if (pcre2_jit_compile(c->pattern, PCRE2_JIT_COMPLETE) ==
	    PCRE2_ERROR_NOMEMORY)
		s->no_machine_code = true;
}

/* Nobody else has the data: a larger one takes its place. */
static void make_room(struct state *s, uint32_t groups)
{
	if (s->data && groups <= s->groups)
		return;
	pcre2_match_data_free(s->data);
	s->data = pcre2_match_data_create(groups + 1, NULL);
	if (!s->data)
		bug("out of memory for %u groups", groups);
	s->groups = groups;
}

static int run(
    struct state *s, const struct code *c, span subject, uint32_t how)
{
	return pcre2_match(c->pattern, (PCRE2_SPTR)subject.ptr, subject.len, 0,
	    how, s->data, s->limits);
}

static void take_groups(
    const struct state *s, uint32_t count, struct rules_group *groups)
{
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(s->data);

	for (size_t i = 1; i <= count; i++) {
		bool is_set = found[2 * i] != PCRE2_UNSET;

		groups[i].from = is_set ? found[2 * i] : 0;
		groups[i].end = is_set ? found[2 * i + 1] : 0;
	}
}

static enum rules_match match(void *state, const struct rules_pattern *p,
    span subject, struct rules_group *groups, struct buf *why)
{
	struct state *s = state;
	struct code *c = p->code;
	int r;

	make_room(s, p->groups);
	translate(s, c);
	r = run(s, c, subject, 0);
	if (r == PCRE2_ERROR_JIT_STACKLIMIT)
		r = run(s, c, subject, PCRE2_NO_JIT);
	if (r == PCRE2_ERROR_NOMATCH)
		return RULES_NO;
	if (r < 0) {
		put_error(r, why);
		return RULES_ERROR;
	}
	take_groups(s, p->groups, groups);
	return RULES_YES;
}

static void *begin(void)
{
	struct state *s = NEW(struct state);

	s->limits = pcre2_match_context_create(NULL);
	if (!s->limits)
		bug("out of memory");
	(void)pcre2_set_heap_limit(s->limits, MAX_HEAP_KIB);
	return s;
}

static void end(void *state)
{
	struct state *s = state;

	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->limits);
	mem_free(s);
}

static const struct rules_engine engine = {
	.options = PCRE2_CASELESS | PCRE2_DOTALL,
	.option = option,
	.obsolete = "X",
	.not_closed = "ignoring",
	.out_of_range = "out of range",
	.syntax = syntax,
	.begin = begin,
	.end = end,
	.compile = compile,
	.match = match,
	.free_code = free_code,
};

static struct map *pcre_open(const struct map_setup *s)
{
	return rules_table_open(&engine, s);
}

const struct map_type map_type_pcre = {
	.name = "pcre",
	.traits = MAP_FILE,
	.open = pcre_open,
	.find = rules_table_find,
	.close = rules_table_close,
};
