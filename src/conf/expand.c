/* SPDX-License-Identifier: ISC */
/*
 * conf/expand.c - a recursive descent over the text.
 *
 *	text        literal | "$$" | "$" name | "$(" macro ")" | "${" macro "}"
 *	macro       condition [ "?" operand [ ":" operand ] | ":" operand ]
 *	            | function "{" text "}"
 *	condition   name | "{" text "}" operator "{" text "}"
 *	operand     "{" text "}" | text to the end
 *
 * The value of a name is expanded in turn. A frame on the C stack stands for
 * each name and each pair of braces we are in; walking up the frames finds a
 * name that refers to itself, and their number bounds the stack. A few names
 * that mention each other twice can describe exponential work without any
 * output, so names looked up are counted too.
 *
 * A name tested with ? or : is set when its unexpanded value is not empty,
 * as it has always been in Postfix.
 */
#include "conf/expand.h"

#include <stdarg.h>

#include "conf/value.h"

enum { MAX_DEPTH = 100, MAX_LOOKUPS = 20000 };

struct frame {
	const struct frame *up;
	span name; /* empty for braces */
	unsigned depth;
};

struct expand {
	expand_lookup_fn *lookup;
	expand_value_fn *value;  /* not NULL: values are final */
	expand_name_fn *mention; /* not NULL: look for names only */
	void *ctx;
	struct buf *out;
	struct buf *error;
	unsigned lookups;
	bool undefined; /* a name without value was used */
};

static bool expand_span(struct expand *x, span text, const struct frame *up);

PRINTF_LIKE(2, 3)
static bool fail(struct expand *x, const char *format, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buf_put(x->error, span_str(text));
	return false;
}

static bool is_name_char(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

static span take_name(span *rest)
{
	size_t n = 0;

	while (n < rest->len && is_name_char(rest->ptr[n]))
		n++;

	span name = span_first(*rest, n);

	*rest = span_from(*rest, n);
	return name;
}

static void skip_blanks(span *rest)
{
	while (rest->len > 0 &&
	    (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' ||
	        rest->ptr[0] == '\r' || rest->ptr[0] == '\n'))
		*rest = span_from(*rest, 1);
}

static bool next_is(span rest, char c)
{
	return rest.len > 0 && rest.ptr[0] == c;
}

/*
 * `rest` starts with `open`: cut off and return what stands up to its
 * partner, without both. False when there is no partner.
 */
static bool take_bracketed(span *rest, char open, char close, span *ret)
{
	unsigned level = 0;

	for (size_t i = 0; i < rest->len; i++) {
		if (rest->ptr[i] == open)
			level++;
		if (rest->ptr[i] == close && --level == 0) {
			*ret = span_of(rest->ptr + 1, i - 1);
			*rest = span_from(*rest, i + 1);
			return true;
		}
	}
	return false;
}

/* An operand in braces, and the blanks behind it. */
static bool take_braced(struct expand *x, span *rest, span *ret)
{
	if (!take_bracketed(rest, '{', '}', ret))
		return fail(x,
		    "unbalanced {} in attribute expression: \"%.*s\"",
		    PRI(*rest));
	skip_blanks(rest);
	return true;
}

/* {text}, or all the rest; leading blanks belong to the latter only. */
static bool take_operand(struct expand *x, span *rest, span *ret)
{
	span ahead = *rest;

	skip_blanks(&ahead);
	if (next_is(ahead, '{')) {
		*rest = ahead;
		return take_braced(x, rest, ret);
	}
	*ret = *rest;
	*rest = span_from(*rest, rest->len);
	return true;
}

enum comparison { EQ, NE, LT, LE, GE, GT };

static bool take_operator(span *rest, enum comparison *ret)
{
	static const struct {
		span text;
		enum comparison op;
	} operators[] = {
		{ SPAN_INIT("=="), EQ },
		{ SPAN_INIT("!="), NE },
		{ SPAN_INIT("<="), LE },
		{ SPAN_INIT(">="), GE },
		{ SPAN_INIT("<"), LT },
		{ SPAN_INIT(">"), GT },
	};
	size_t n = 0;

	while (n < rest->len &&
	    span_find(SPAN("<>!=?+-*/~&|%"), rest->ptr[n]) >= 0)
		n++;
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (span_eq(span_first(*rest, n), operators[i].text)) {
			*ret = operators[i].op;
			*rest = span_from(*rest, n);
			return true;
		}
	}
	return false;
}

static bool holds(int order, enum comparison op)
{
	switch (op) {
	case EQ:
		return order == 0;
	case NE:
		return order != 0;
	case LT:
		return order < 0;
	case LE:
		return order <= 0;
	case GE:
		return order >= 0;
	case GT:
		return order > 0;
	}
	bug("comparison %d", (int)op);
}

static int order_of(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static bool order_levels(struct expand *x, span a, span b, int *ret)
{
	uint64_t left;
	uint64_t right;

	if (!conf_parse_level(a, &left))
		return fail(x, "malformed compatibility level syntax: \"%.*s\"",
		    PRI(span_first(a, 40)));
	if (!conf_parse_level(b, &right))
		return fail(x, "malformed compatibility level syntax: \"%.*s\"",
		    PRI(span_first(b, 40)));
	*ret = order_of(left, right);
	return true;
}

static int order_texts(span a, span b)
{
	uint64_t left;
	uint64_t right;

	if (conf_parse_number(a, &left) && conf_parse_number(b, &right))
		return order_of(left, right);
	return span_cmp(a, b);
}

static bool expand_into(
    struct expand *x, span text, const struct frame *up, struct buf *out)
{
	struct buf *saved = x->out;

	x->out = out;
	bool ok = expand_span(x, text, up);

	x->out = saved;
	return ok;
}

static bool compare(struct expand *x, span operands[2], span suffix,
    const struct frame *up, int *ret)
{
	CLEANUP(buf_done) struct buf left = BUF_INIT(EXPAND_MAX);
	CLEANUP(buf_done) struct buf right = BUF_INIT(EXPAND_MAX);

	if (!expand_into(x, operands[0], up, &left) ||
	    !expand_into(x, operands[1], up, &right))
		return false;
	if (x->mention) {
		*ret = 0;
		return true;
	}
	if (suffix.len > 0)
		return order_levels(x, buf_span(&left), buf_span(&right), ret);
	*ret = order_texts(buf_span(&left), buf_span(&right));
	return true;
}

/* {a} op {b} */
static bool take_relation(
    struct expand *x, span *rest, const struct frame *up, bool *ret)
{
	span operands[2] = { SPAN_NONE, SPAN_NONE };
	span operator;
	enum comparison op = EQ;
	int order = 0;

	if (!take_braced(x, rest, &operands[0]))
		return false;
	operator= * rest;
	/* The quotes are Postfix's. */
	if (!take_operator(rest, &op))
		return fail(x,
		    "\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or "
		    "\">\" "
		    "expected at: \"...%.*s}>>>%.*s\"",
		    PRI(operands[0]), PRI(span_first(*rest, 20)));
	operator= span_first(operator, operator.len - rest->len);

	span suffix = take_name(rest);

	if (suffix.len > 0 && !span_eq(suffix, SPAN("level")))
		return fail(x, "bad operator suffix at: \"...%.*s>>>%.*s\"",
		    PRI(operator), PRI(suffix));

	span behind = *rest;

	skip_blanks(rest);
	if (!next_is(*rest, '{'))
		return fail(x,
		    "\"{expression}\" expected at: \"...{%.*s} "
		    "%.*s>>>%.*s\"",
		    PRI(operands[0]), PRI(operator),
		    PRI(span_first(behind, 20)));
	if (!take_braced(x, rest, &operands[1]) ||
	    !compare(x, operands, suffix, up, &order))
		return false;
	*ret = holds(order, op);
	return true;
}

static bool look_up(struct expand *x, span name, bool tested, span *ret)
{
	if (++x->lookups > MAX_LOOKUPS)
		return fail(x, "too many macro calls, at \"%.*s\"", PRI(name));
	if (x->mention) {
		x->mention(x->ctx, name);
		return true;
	}
	*ret =
	    x->value ? x->value(x->ctx, name, tested) : x->lookup(x->ctx, name);
	return true;
}

/* The name refers to itself: say how. */
static bool fail_recursion(struct expand *x, const struct frame *up, span name)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(200);

	for (; up && !span_eq(up->name, name); up = up->up) {
		if (up->name.len > 0)
			buf_printf(&path, " <- %.*s", PRI(up->name));
	}
	return fail(x, "\"%.*s\" refers to itself: %.*s%.*s <- %.*s", PRI(name),
	    PRI(name), PRI(buf_span(&path)), PRI(name));
}

static bool is_inside(const struct frame *up, span name)
{
	for (; up; up = up->up)
		if (up->name.len > 0 && span_eq(up->name, name))
			return true;
	return false;
}

static bool put_value(struct expand *x, span name, const struct frame *up)
{
	struct frame here = { up, name, up->depth + 1 };
	span value = SPAN_NONE;

	if (is_inside(up, name))
		return fail_recursion(x, up, name);
	if (!look_up(x, name, false, &value))
		return false;
	if (!x->value)
		return expand_span(x, value, &here);
	x->undefined |= value.ptr == NULL;
	buf_put(x->out, value);
	return true;
}

/* The two branches behind a condition. */
static bool put_branch(
    struct expand *x, span rest, bool yes, const struct frame *up)
{
	span branches[2] = { SPAN_NONE, SPAN_NONE };
	char sign = rest.ptr[0];

	rest = span_from(rest, 1);
	if (sign == '?') {
		if (!take_operand(x, &rest, &branches[1]))
			return false;
		if (rest.len > 0 && rest.ptr[0] != ':')
			return fail(x, "\":\" expected at: \"...%.*s}>>>%.*s\"",
			    PRI(branches[1]), PRI(span_first(rest, 20)));
		sign = rest.len > 0 ? ':' : '?';
		rest = span_from(rest, 1);
	}
	if (sign == ':' && !take_operand(x, &rest, &branches[0]))
		return false;
	if (rest.len > 0)
		return fail(x, "unexpected input at: \"...%.*s}>>>%.*s\"",
		    PRI(branches[0]), PRI(span_first(rest, 20)));
	if (x->mention)
		return expand_span(x, branches[1], up) &&
		    expand_span(x, branches[0], up);
	return expand_span(x, branches[yes], up);
}

static bool put_relation(struct expand *x, span rest, const struct frame *up)
{
	bool yes = false;

	if (!take_relation(x, &rest, up, &yes))
		return false;
	if (rest.len == 0) {
		buf_put(x->out, yes ? SPAN("true") : SPAN(""));
		return true;
	}
	if (rest.ptr[0] != '?' && rest.ptr[0] != ':')
		return fail(x, "\"?\" or \":\" expected at: \"...}>>>%.*s\"",
		    PRI(span_first(rest, 20)));
	return put_branch(x, rest, yes, up);
}

/* There is one function: the form of a domain that DNS knows. */
static bool put_function(struct expand *x, span rest, const struct frame *up)
{
	CLEANUP(buf_done) struct buf domain = BUF_INIT(EXPAND_MAX);
	span text = SPAN_NONE;

	if (!take_braced(x, &rest, &text))
		return false;
	if (rest.len > 0)
		return fail(x, "unexpected input at: \"...}>>>%.*s\"",
		    PRI(span_first(rest, 20)));
	if (!expand_into(x, text, up, &domain))
		return false;
	for (size_t i = 0; i < domain.len; i++)
		if ((unsigned char)domain.data[i] > 127)
			return fail(x,
			    "domain_to_ascii: \"%.*s\" is not ASCII; write "
			    "the form that begins with \"xn--\"",
			    PRI(span_first(buf_span(&domain), 100)));
	buf_put(x->out, buf_span(&domain));
	return true;
}

/* What stands between ${ and }. */
static bool put_macro(struct expand *x, span body, const struct frame *up)
{
	struct frame here = { up, SPAN_NONE, up->depth + 1 };
	span value = SPAN_NONE;
	span rest = body;

	skip_blanks(&rest);
	if (next_is(rest, '{'))
		return put_relation(x, rest, &here);

	span name = take_name(&rest);
	span behind = rest;

	skip_blanks(&behind);
	if (behind.len == 0)
		return put_value(x, name, up);
	if (next_is(behind, '{') && span_eq(name, SPAN("domain_to_ascii")))
		return put_function(x, behind, &here);
	if (behind.ptr[0] != '?' && behind.ptr[0] != ':')
		return fail(x,
		    "attribute name syntax error at: \"...%.*s>>>%.*s\"",
		    PRI(span_first(body, body.len - rest.len)),
		    PRI(span_first(rest, 20)));
	return look_up(x, name, true, &value) &&
	    put_branch(x, behind, value.len > 0, &here);
}

/* `rest` begins behind a dollar sign in `text`. */
static bool put_dollar(
    struct expand *x, span text, span *rest, const struct frame *up)
{
	span body = SPAN_NONE;

	if (next_is(*rest, '$')) {
		buf_putc(x->out, '$');
		*rest = span_from(*rest, 1);
		return true;
	}
	if (next_is(*rest, '{') || next_is(*rest, '(')) {
		char open = rest->ptr[0];

		if (!take_bracketed(rest, open, open == '{' ? '}' : ')', &body))
			return fail(x, "truncated macro reference: \"%.*s\"",
			    PRI(text));
		if (body.len > 0)
			return put_macro(x, body, up);
	} else {
		body = take_name(rest);
	}
	if (body.len == 0)
		return fail(x, "empty macro name: \"%.*s\"", PRI(text));
	return put_value(x, body, up);
}

static bool expand_span(struct expand *x, span text, const struct frame *up)
{
	if (up->depth > MAX_DEPTH)
		return fail(x, "unreasonable macro call nesting: \"%.*s\"",
		    PRI(span_first(text, 40)));

	span rest = text;

	while (rest.len > 0) {
		ssize_t dollar = span_find(rest, '$');

		if (dollar < 0)
			dollar = (ssize_t)rest.len;
		buf_put(x->out, span_first(rest, (size_t)dollar));
		rest = span_from(rest, (size_t)dollar);
		if (rest.len == 0)
			break;
		rest = span_from(rest, 1);
		if (!put_dollar(x, text, &rest, up))
			return false;
	}
	if (x->out->failed)
		return fail(x, "the value is too long");
	return true;
}

enum expand_result expand_text(span text, expand_lookup_fn *lookup, void *ctx,
    struct buf *out, struct buf *error)
{
	struct expand x = {
		.lookup = lookup, .ctx = ctx, .out = out, .error = error
	};
	struct frame top = { NULL, SPAN_NONE, 0 };

	return expand_span(&x, text, &top) ? EXPAND_OK : EXPAND_BAD;
}

enum expand_result expand_once(span text, const struct expand_once *once,
    struct buf *out, bool *ret_undefined)
{
	struct expand x = { .value = once->value,
		.ctx = once->ctx,
		.out = out,
		.error = once->error };
	struct frame top = { NULL, SPAN_NONE, 0 };
	bool ok = expand_span(&x, text, &top);

	*ret_undefined = x.undefined;
	return ok ? EXPAND_OK : EXPAND_BAD;
}

enum expand_result expand_scan(
    span text, expand_name_fn *fn, void *ctx, struct buf *error)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(EXPAND_MAX);
	struct expand x = {
		.mention = fn, .ctx = ctx, .out = &out, .error = error
	};
	struct frame top = { NULL, SPAN_NONE, 0 };

	return expand_span(&x, text, &top) ? EXPAND_OK : EXPAND_BAD;
}

void expand_names(span text, expand_name_fn *fn, void *ctx)
{
	while (text.len > 0) {
		(void)span_cut(&text, '$');
		if (next_is(text, '$')) {
			text = span_from(text, 1);
			continue;
		}
		if (next_is(text, '{') || next_is(text, '('))
			text = span_from(text, 1);
		skip_blanks(&text);

		span name = take_name(&text);

		if (name.len > 0)
			fn(ctx, name);
	}
}
