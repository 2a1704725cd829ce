/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/condition.c - see condition.h.
 *
 *	list	= term { ("&&" | "||") term }	from left to right
 *	term	= "!" term | "[" list "]" | test
 *	test	= operand operator operand | "-n" operand | "-z" operand | word
 *
 * Words may have variables in them, "$name" or "${name}", which are replaced
 * before they are compared.
 */
#include "tool/mail/condition.h"

#include <regex.h>
#include <stdio.h>

#include "base/utf8.h"
#include "tool/mail/term.h"

enum { MAX_DEPTH = 50, MAX_WORD = 65536 };

struct reader {
	struct mua *m;
	char *const *words;
	size_t count;
	size_t next;
	unsigned depth;
	const char *wrong; /* the word that was not understood */
};

static bool list(struct reader *r);

static const char *peek(const struct reader *r, size_t ahead)
{
	return r->next + ahead < r->count ? r->words[r->next + ahead] : "";
}

static bool at(const struct reader *r, const char *word)
{
	return r->next < r->count && !strcmp(r->words[r->next], word);
}

static bool wrong(struct reader *r, const char *word)
{
	if (!r->wrong)
		r->wrong = word;
	return false;
}

/* ---- operands ---- */

static bool is_name(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '-' || c == '?' ||
	    c == '^';
}

static void put_variable(struct reader *r, span *rest, struct buf *out)
{
	char name[256];
	size_t n = 0;
	bool braces = span_skip(rest, SPAN("{"));

	while (n < rest->len && is_name(rest->ptr[n]) && n + 1 < sizeof name) {
		name[n] = rest->ptr[n];
		n++;
	}
	name[n] = '\0';
	*rest = span_from(*rest, n);
	if (braces)
		(void)span_skip(rest, SPAN("}"));
	buf_put(out, span_str(n ? vars_get(r->m->vars, name) : "$"));
}

static void put_operand(struct reader *r, const char *word, struct buf *out)
{
	span rest = span_str(word);

	while (rest.len) {
		if (span_skip(&rest, SPAN("$"))) {
			put_variable(r, &rest, out);
			continue;
		}
		buf_putc(out, rest.ptr[0]);
		rest = span_from(rest, 1);
	}
}

/* ---- comparisons ---- */

enum { LESS = 1, EQUAL = 2, MORE = 4 };

static bool to_number(span s, int64_t *ret)
{
	bool minus = span_skip(&s, SPAN("-"));
	uint64_t n;

	if (s.len == 0) {
		*ret = 0;
		return true;
	}
	if (!span_to_u64(s, &n) || n > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static bool matches(
    struct reader *r, struct buf *text, struct buf *pattern, bool nocase)
{
	regex_t re;
	bool found;
	int flags = REG_EXTENDED | REG_NOSUB | (nocase ? REG_ICASE : 0);

	if (text->failed || pattern->failed ||
	    regcomp(&re, buf_cstr(pattern), flags) != 0)
		return wrong(r, "=~");
	found = regexec(&re, buf_cstr(text), 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static void fold(struct buf *b)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(4 * MAX_WORD);

	utf8_fold(buf_span(b), &folded);
	buf_clear(b);
	buf_put(b, buf_span(&folded));
}

static bool contains(span text, span part)
{
	return part.len == 0 ||
	    (text.len &&
	        memmem(text.ptr, text.len, part.ptr, part.len) != NULL);
}

/* clang-format off */
static const struct operator {
	const char *word;
	bool number;
	uint8_t accepts; /* LESS, EQUAL, MORE; 0: contains, or matches */
	bool turned;
	bool pattern;
} operators[] = {
	{ "==", false, EQUAL, false, false },
	{ "!=", false, LESS | MORE, false, false },
	{ "<", false, LESS, false, false },
	{ "<=", false, LESS | EQUAL, false, false },
	{ ">", false, MORE, false, false },
	{ ">=", false, MORE | EQUAL, false, false },
	{ "=@", false, 0, false, false },
	{ "!@", false, 0, true, false },
	{ "=%", false, 0, false, false },
	{ "!%", false, 0, true, false },
	{ "=~", false, 0, false, true },
	{ "!~", false, 0, true, true },
	{ "-eq", true, EQUAL, false, false },
	{ "-ne", true, LESS | MORE, false, false },
	{ "-lt", true, LESS, false, false },
	{ "-le", true, LESS | EQUAL, false, false },
	{ "-gt", true, MORE, false, false },
	{ "-ge", true, MORE | EQUAL, false, false },
};
/* clang-format on */

/* With "?" or "?case" behind it: without case. */
static const struct operator* find_operator(const char *word, bool *ret_nocase)
{
	span rest = span_str(word);
	span name = span_cut(&rest, '?');

	*ret_nocase = name.len < strlen(word);
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (span_eq(name, span_str(operators[i].word)))
			return &operators[i];
	}
	return NULL;
}

static bool compare(struct reader *r, const struct operator* op, bool nocase,
    struct buf *left, struct buf *right)
{
	int order;
	int64_t a;
	int64_t b;

	if (op->pattern)
		return matches(r, left, right, nocase) != op->turned;
	if (nocase) {
		fold(left);
		fold(right);
	}
	if (!op->accepts)
		return contains(buf_span(left), buf_span(right)) != op->turned;
	order = span_cmp(buf_span(left), buf_span(right));
	if (op->number) {
		if (!to_number(buf_span(left), &a) ||
		    !to_number(buf_span(right), &b))
			return wrong(r, op->word);
		order = a < b ? -1 : a > b;
	}
	return op->accepts & (order < 0 ? LESS : order > 0 ? MORE : EQUAL);
}

/* ---- tests ---- */

static bool comparison(struct reader *r, const struct operator* op, bool nocase)
{
	CLEANUP(buf_done) struct buf left = BUF_INIT(MAX_WORD);
	CLEANUP(buf_done) struct buf right = BUF_INIT(MAX_WORD);

	put_operand(r, peek(r, 0), &left);
	put_operand(r, peek(r, 2), &right);
	r->next += 3;
	return compare(r, op, nocase, &left, &right);
}

/* A word of its own. */
static bool keyword(struct reader *r)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAX_WORD);
	const char *word = peek(r, 0);
	int64_t n;

	r->next++;
	if (*word == '$') {
		put_operand(r, word, &value);
		return value.len > 0;
	}
	if (!strcmp(word, "true") || !strcmp(word, "yes"))
		return true;
	if (!strcmp(word, "false") || !strcmp(word, "no"))
		return false;
	switch (ascii_lower(*word)) {
	case 'r':
		return r->m->is_reading;
	case 's':
		return !r->m->is_reading;
	case 't':
		return term_in_is_tty(r->m->term);
	default:
		if (*word && to_number(span_str(word), &n))
			return n != 0;
		return wrong(r, word);
	}
}

static bool test(struct reader *r)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAX_WORD);
	bool nocase;
	const struct operator* op = find_operator(peek(r, 1), &nocase);

	if (op && r->next + 2 < r->count)
		return comparison(r, op, nocase);
	if (at(r, "-n") || at(r, "-z") || at(r, "-N") || at(r, "-Z")) {
		char letter = ascii_lower(peek(r, 0)[1]);

		put_operand(r, peek(r, 1), &value);
		r->next += 2;
		return (value.len > 0) == (letter == 'n');
	}
	return keyword(r);
}

static bool term(struct reader *r)
{
	const char *close = at(r, "[[") ? "]]" : "]";
	bool turned = false;
	bool value;

	while (at(r, "!")) {
		turned = !turned;
		r->next++;
	}
	if (!at(r, "[") && !at(r, "[["))
		return test(r) != turned;
	if (++r->depth > MAX_DEPTH)
		return wrong(r, "[");
	r->next++;
	value = list(r);
	if (!at(r, close))
		return wrong(r, "[");
	r->next++;
	r->depth--;
	return value != turned;
}

static bool list(struct reader *r)
{
	bool value = term(r);

	while (!r->wrong && (at(r, "&&") || at(r, "||"))) {
		bool both = at(r, "&&");
		bool other;

		r->next++;
		other = term(r);
		value = both ? value && other : value || other;
	}
	return value;
}

int condition_holds(struct mua *m, const struct words *words, bool *ret)
{
	struct reader r = {
		.m = m, .words = words->all, .count = words->count
	};
	bool value = list(&r);

	if (!r.wrong && r.next < r.count)
		r.wrong = peek(&r, 0);
	if (r.wrong) {
		(void)printf("Unrecognized if-keyword: \"%s\"\n", r.wrong);
		return 1;
	}
	*ret = value;
	return 0;
}
