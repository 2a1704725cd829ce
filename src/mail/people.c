/* SPDX-License-Identifier: ISC */
/*
 * First the text is cut into pieces, one for each person, at commas and
 * semicolons that stand in no quotes, comments, encoded words or routes. Then
 * each piece is looked at by itself: a name before an address in brackets, or
 * an address with a comment. Only an address that is more than plain
 * characters goes through mail/token, and a name that is more than words is
 * put together in a buffer and decoded.
 *
 * A quote or comment without end is an ordinary character. The cutter
 * remembers that there is no end, so that it does not look for it again.
 */
#include "mail/people.h"

#include "mail/address.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/token.h"

enum {
	/* The tokens of the longest address there is. */
	TOKENS_MAX = 1024 * 1024,
};

/* --- stretches that belong together --- */

struct cutter {
	span rest;
	bool in_group;
	bool words; /* blanks separate */
	/* What was looked for in vain, up to the end. */
	bool no_quote;
	bool no_comment;
	bool no_literal;
	bool no_angle;
	const char *no_word; /* no encoded word ends before this */
};

static size_t quote_len(span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == '"')
			return i + 1;
		if (s.ptr[i] == '\\')
			i++;
	}
	return 0;
}

static size_t comment_len(span s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\')
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

static size_t until_len(span s, char end)
{
	ssize_t at = span_find(s, end);

	return at < 0 ? 0 : (size_t)at + 1;
}

/* "<@a,@b:c@d>": its commas separate nobody. */
static bool is_route(span s)
{
	s = span_trim(span_first(span_from(s, 1), 16));
	return s.len && s.ptr[0] == '@';
}

/* "=?charset?Q?a,b?=": a comma in it is a mistake that is often made. */
static size_t encoded_len(span s, const char **no_word)
{
	int marks = 0;
	size_t i;

	if (s.len < 2 || s.ptr[1] != '?' || s.ptr < *no_word)
		return 0;
	for (i = 2; i < s.len && !ascii_is_space(s.ptr[i]); i++) {
		if (s.ptr[i] != '?')
			continue;
		if (++marks > 2 && i + 1 < s.len && s.ptr[i + 1] == '=')
			return i + 2;
	}
	*no_word = s.ptr + i;
	return 0;
}

static size_t known_len(size_t n, bool *missing)
{
	*missing = !n;
	return n;
}

/*
 * The length of the quoted string, comment, literal, route or encoded word at
 * the beginning; or 1 for any other character, or 2 with a backslash.
 */
static size_t stretch_len(struct cutter *c, span s)
{
	size_t n = 0;

	switch (s.ptr[0]) {
	case '\\':
		return s.len > 1 ? 2 : 1;
	case '"':
		n = c->no_quote ? 0 : known_len(quote_len(s), &c->no_quote);
		break;
	case '(':
		n = c->no_comment ? 0
		                  : known_len(comment_len(s), &c->no_comment);
		break;
	case '[':
		n = c->no_literal
		    ? 0
		    : known_len(until_len(s, ']'), &c->no_literal);
		break;
	case '<':
		if (!c->no_angle && is_route(s))
			n = known_len(until_len(s, '>'), &c->no_angle);
		break;
	case '=':
		n = encoded_len(s, &c->no_word);
		break;
	default:
		break;
	}
	return n ? n : 1;
}

/* --- one piece after the other --- */

static void cutter_init(struct cutter *c, span value)
{
	*c = (struct cutter){ .rest = value, .words = true };
	for (size_t i = 0; i < value.len && c->words; i++)
		c->words = !value.ptr[i] || !strchr(",;:\"\\(<|", value.ptr[i]);
}

/* Whether a piece ends before this character. */
static bool separates(struct cutter *c, char ch)
{
	if (ch == ';')
		c->in_group = false;
	return ch == ',' || ch == ';' || (c->words && ascii_is_space(ch));
}

/*
 * Where the piece ends; it begins at `ret_start`, behind the name of a group:
 * "team: ana, bob;", but neither "@a:bob@b" nor "<x:y>" is one.
 */
static size_t piece_end(struct cutter *c, span s, size_t *ret_start)
{
	bool angle = false;
	char first = '\0'; /* that is no blank */
	size_t i = 0;

	*ret_start = 0;
	while (i < s.len && !separates(c, s.ptr[i])) {
		char ch = s.ptr[i];

		angle = ch == '<' || (angle && ch != '>');
		if (ch == ':' && !angle && !c->in_group && first &&
		    first != '@') {
			c->in_group = true;
			*ret_start = i + 1;
		}
		if (!first && !ascii_is_space(ch))
			first = ch;
		i += stretch_len(c, span_from(s, i));
	}
	return MIN(i, s.len);
}

static bool next_piece(struct cutter *c, span *ret)
{
	while (c->rest.len) {
		span s = c->rest;
		size_t start;
		size_t end = piece_end(c, s, &start);

		c->rest = span_from(s, end + 1);
		*ret = span_trim(span_from(span_first(s, end), start));
		if (ret->len)
			return true;
	}
	return false;
}

/* --- one person --- */

/* What a piece consists of. */
struct look {
	span before; /* the bracket; all, if there is none */
	span inner;  /* between the brackets; ptr NULL: there are none */
	span comment;
};

/* The last bracket counts: `a <b> <c@d>`. */
static void look_at(span piece, struct look *ret)
{
	struct cutter c = { .rest = piece };
	bool open = false;
	size_t n;

	*ret = (struct look){ .before = piece };
	for (size_t i = 0; i < piece.len; i += n) {
		span s = span_from(piece, i);

		n = stretch_len(&c, s);
		if (s.ptr[0] == '(' && n > 2 && !ret->comment.len)
			ret->comment = span_of(s.ptr + 1, n - 2);
		if (s.ptr[0] == '<') {
			ret->before = span_first(piece, i);
			ret->inner = span_from(s, 1);
			/* A route is one stretch, with its bracket. */
			open = n == 1;
			if (!open)
				ret->inner.len = n - 2;
		} else if (s.ptr[0] == '>' && open) {
			open = false;
			ret->inner.len = (size_t)(s.ptr - ret->inner.ptr);
		}
	}
}

static bool is_plain_address(span s)
{
	size_t ats = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c >= 0 && c <= ' ') || c == 127 ||
		    strchr("\"()<>,;:\\[]", c))
			return false;
		ats += c == '@';
	}
	return s.len && ats < 2 && s.ptr[0] != '@';
}

/* Without what would end a header's line, or a name. */
static span flat_dup(struct arena *a, span text)
{
	char *p = arena_alloc(a, text.len, 1);
	size_t n = 0;

	for (size_t i = 0; p && i < text.len; i++)
		if (!memchr("\r\n", text.ptr[i], 3))
			p[n++] = text.ptr[i];
	return p ? span_of(p, n) : SPAN_NONE;
}

/* False: it is not just one address. */
static bool token_address(span text, struct buf *out)
{
	const struct token *addr = NULL;
	struct token_list l;
	struct arena a;
	size_t count = 0;

	arena_init(&a, TOKENS_MAX);
	if (text.len <= ADDRESS_MAX && token_parse(text, 0, &a, &l)) {
		for (const struct token *t = l.head; t; t = t->next) {
			count += t->type != TOKEN_COMMENT;
			if (t->type == TOKEN_ADDR)
				addr = t;
		}
	}
	if (count == 1 && addr)
		token_write_internal(out, &addr->kids);
	arena_done(&a);
	return out->len > 0;
}

/* The internal form; ptr NULL: the arena is full. */
static span parse_address(span text, struct arena *a)
{
	struct buf out = BUF_INIT(ADDRESS_QUOTED_MAX);
	ssize_t colon;
	span addr;

	text = span_trim(text);
	colon = span_find(text, ':');
	if (text.len && text.ptr[0] == '@' && colon >= 0)
		text = span_trim(span_from(text, (size_t)colon + 1));
	if (is_plain_address(text))
		return text;
	if (token_address(text, &out) && !out.failed)
		text = buf_span(&out);
	addr = flat_dup(a, text);
	buf_done(&out);
	return addr;
}

static void put_unescaped(struct buf *out, span text)
{
	for (size_t i = 0; i < text.len; i++) {
		i += text.ptr[i] == '\\' && i + 1 < text.len;
		buf_putc(out, text.ptr[i]);
	}
}

/* Quotes and backslashes off, comments out, one blank for many. */
static void put_phrase(struct buf *out, span text)
{
	struct cutter c = { .rest = text };
	size_t n;

	for (; text.len; text = span_from(text, n)) {
		char ch = text.ptr[0];

		n = stretch_len(&c, text);
		if (ch == '"' && n > 1) {
			put_unescaped(
			    out, span_first(span_from(text, 1), n - 2));
		} else if (ch == '\\' && n > 1) {
			buf_putc(out, text.ptr[1]);
		} else if (ascii_is_space(ch)) {
			if (out->len && out->data[out->len - 1] != ' ')
				buf_putc(out, ' ');
		} else if (ch != '(' || n == 1) {
			buf_put(out, span_first(text, n));
		}
	}
}

/* It says what it is: nothing to take off or to decode. */
static bool is_plain_name(span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!ascii_is_print(c) || strchr("\"\\(=", c) ||
		    (c == ' ' && s.ptr[i - 1] == ' '))
			return false;
	}
	return true;
}

typedef void put_fn(struct buf *out, span text);

static span parse_name(span text, put_fn *put, struct arena *a)
{
	struct buf raw = BUF_INIT(text.len);
	struct buf name = BUF_INIT(a->max - a->used);

	text = span_trim(text);
	if (is_plain_name(text))
		return text.len ? text : SPAN("");
	put(&raw, text);
	encoded_decode(&name, buf_span(&raw));
	text = name.failed ? SPAN_NONE : arena_dup(a, buf_span(&name));
	buf_done(&raw);
	buf_done(&name);
	return text;
}

/* False: the arena is full. */
static bool parse_person(span piece, struct arena *a, struct person *ret)
{
	struct look l;

	look_at(piece, &l);
	ret->text = piece;
	ret->name = SPAN("");
	if (l.inner.ptr)
		ret->name = parse_name(l.before, put_phrase, a);
	if (ret->name.ptr && !ret->name.len)
		ret->name = parse_name(l.comment, put_unescaped, a);
	ret->addr = parse_address(l.inner.ptr ? l.inner : piece, a);
	return ret->name.ptr && ret->addr.ptr;
}

void people_parse(span value, size_t limit, struct arena *a, struct people *ret)
{
	struct cutter c;
	size_t count = 0;
	span piece;

	*ret = (struct people){ 0 };
	cutter_init(&c, value);
	while (count < limit && next_piece(&c, &piece))
		count++;
	ret->truncated = count == limit && next_piece(&c, &piece);
	/* Half of the arena is for what they are called. */
	if (count > (a->max - a->used) / 2 / sizeof(struct person)) {
		count = (a->max - a->used) / 2 / sizeof(struct person);
		ret->truncated = true;
	}
	ret->all = arena_alloc(a, count, sizeof(struct person));
	if (!ret->all)
		return;
	cutter_init(&c, value);
	while (count-- > 0 && next_piece(&c, &piece)) {
		struct person *p = &ret->all[ret->count];

		if (!parse_person(piece, a, p)) {
			ret->truncated = true;
			return;
		}
		if (p->addr.len || p->name.len)
			ret->count++;
	}
}

/* --- writing --- */

/* Atoms; bytes above 127 may stand in them, too. */
static bool is_bare_phrase(span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == ' ' && i > 0 && i + 1 < s.len && s.ptr[i - 1] != ' ')
			continue;
		if (!ascii_is_alnum(c) && c >= 0 &&
		    !(c && strchr("!#$%&'*+-/=?^_`{|}~", c)))
			return false;
	}
	return true;
}

/* Control characters become blanks: it stays one line. */
static void put_quoted(struct buf *out, span s)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, (c >= 0 && c < ' ') || c == 127 ? ' ' : c);
	}
	buf_putc(out, '"');
}

/* A user who types "|" first means a program. */
static void put_name(struct buf *out, span name)
{
	if (is_bare_phrase(name) && name.ptr[0] != '|')
		buf_put(out, name);
	else
		put_quoted(out, name);
}

/* A domain that can stand there as it is, a literal too. */
static bool is_writable_domain(span s)
{
	bool literal = s.len > 1 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';

	if (literal)
		s = span_first(span_from(s, 1), s.len - 2);
	for (size_t i = 0; i < s.len; i++)
		if ((s.ptr[i] >= 0 && s.ptr[i] <= ' ') || s.ptr[i] == 127 ||
		    strchr("\"()<>,;\\[]", s.ptr[i]) ||
		    (s.ptr[i] == ':' && !literal))
			return false;
	return true;
}

/* What is no address is quoted as a whole: it must not become several. */
static void put_address(struct buf *out, span addr)
{
	struct buf flat = BUF_INIT(addr.len);

	for (size_t i = 0; i < addr.len; i++)
		if (!memchr("\r\n", addr.ptr[i], 3))
			buf_putc(&flat, addr.ptr[i]);
	addr = buf_span(&flat);
	if (!addr.len)
		return;
	if (addr.ptr[0] != '@' && is_writable_domain(address_domain(addr)))
		address_quote(out, addr);
	else
		put_quoted(out, addr);
	buf_done(&flat);
}

void people_write_as(struct buf *out, const struct person *p, span charset)
{
	bool encode = encoded_is_needed(p->name);

	if (!p->name.len) {
		put_address(out, p->addr);
		return;
	}
	if (encode)
		encoded_encode(
		    out, p->name, charset, ENCODED_PHRASE, encoded_column(out));
	else
		put_name(out, p->name);
	buf_put(out,
	    encode && encoded_column(out) + p->addr.len > 72 ? SPAN("\n ")
	                                                     : SPAN(" "));
	buf_putc(out, '<');
	put_address(out, p->addr);
	buf_putc(out, '>');
}

void people_write(struct buf *out, const struct person *p)
{
	people_write_as(out, p, SPAN("utf-8"));
}

static void decode_person(struct buf *out, span piece)
{
	struct person p;
	struct arena a;

	arena_init(&a, piece.len * 8 + TOKENS_MAX);
	if (!encoded_has_word(piece) && piece.ptr[0] != '|') {
		encoded_decode(out, piece);
	} else if (!parse_person(piece, &a, &p)) {
		field_unfold(out, piece);
	} else if (p.name.len) {
		put_name(out, p.name);
		buf_put(out, SPAN(" <"));
		put_address(out, p.addr);
		buf_putc(out, '>');
	} else {
		put_address(out, p.addr);
	}
	arena_done(&a);
}

void people_decode(struct buf *out, span value)
{
	struct cutter c;
	bool first = true;
	span piece;

	cutter_init(&c, value);
	while (!out->failed && next_piece(&c, &piece)) {
		if (!first)
			buf_put(out, SPAN(", "));
		decode_person(out, piece);
		first = false;
	}
}
