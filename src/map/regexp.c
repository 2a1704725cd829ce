/* SPDX-License-Identifier: ISC */
/*
 * map/regexp.c - "regexp:/file": the C library's regular expressions.
 *
 * A compiled one takes some 5 KiB, so most are compiled to see whether they
 * are right and once more when a subject comes that they may match.
 */
#include "map/rules_table.h"
#include "map/types.h"

#include <regex.h>

static unsigned option(char flag)
{
	switch (flag) {
	case 'i':
		return REG_ICASE;
	case 'm':
		return REG_NEWLINE;
	case 'x':
		return REG_EXTENDED;
	default:
		return 0;
	}
}

static enum rules_syntax syntax(unsigned options)
{
	return options & REG_EXTENDED ? RULES_ERE : RULES_OPAQUE;
}

static void put_error(int error, const regex_t *code, struct buf *why)
{
	char text[256];

	(void)regerror(error, code, text, sizeof(text));
	buf_put(why, span_str(text));
}

static bool compile(
    struct rules_pattern *p, uint32_t *ret_groups, struct buf *why)
{
	regex_t *code = NEW(regex_t);
	unsigned options = p->options | (p->groups ? 0 : REG_NOSUB);
	int error = regcomp(code, p->text.ptr, (int)options);

	if (error) {
		put_error(error, code, why);
		mem_free(code);
		return false;
	}
	*ret_groups = (uint32_t)code->re_nsub;
	p->code = code;
	return true;
}

static void free_code(void *code)
{
	regfree(code);
	mem_free(code);
}

static enum rules_match match(void *state UNUSED, const struct rules_pattern *p,
    span subject, struct rules_group *groups, struct buf *why)
{
	regmatch_t *found = NULL;
	int error;

	if (p->groups)
		found = mem_new((size_t)p->groups + 1, sizeof(*found));
	error = regexec(
	    p->code, subject.ptr, p->groups ? p->groups + 1 : 0, found, 0);
	for (uint32_t i = 1; error == 0 && i <= p->groups; i++) {
		bool is_set = found[i].rm_so >= 0;

		groups[i].from = is_set ? (size_t)found[i].rm_so : 0;
		groups[i].end = is_set ? (size_t)found[i].rm_eo : 0;
	}
	mem_free(found);
	if (error == 0)
		return RULES_YES;
	if (error == REG_NOMATCH)
		return RULES_NO;
	put_error(error, p->code, why);
	return RULES_ERROR;
}

static const struct rules_engine engine = {
	.options = REG_EXTENDED | REG_ICASE,
	.option = option,
	.obsolete = "",
	.second_pattern = true,
	.lazy = true,
	.ends_at_backslash = true,
	.not_closed = "skipping",
	.out_of_range = "out-of-range",
	.syntax = syntax,
	.compile = compile,
	.match = match,
	.free_code = free_code,
};

static struct map *regexp_open(const struct map_setup *s)
{
	return rules_table_open(&engine, s);
}

const struct map_type map_type_regexp = {
	.name = "regexp",
	.traits = MAP_FILE,
	.open = regexp_open,
	.find = rules_table_find,
	.close = rules_table_close,
};
