/* SPDX-License-Identifier: ISC */
/*
 * The addresses of a header: completed, and changed as tables say.
 *
 * Without tables a header is taken apart, completed and written at once. With
 * them it happens twice. First the addresses are noted as questions, and the
 * header goes to c->held as it came, with a mark. When the answers are there,
 * the marked headers are taken apart once more, in the same way and so with
 * the same addresses in the same order, and each takes its answer.
 *
 * What cannot be taken apart within bounds stays as it is.
 */
#include "mail/address.h"
#include "mail/clean_internal.h"
#include "mail/token.h"

enum {
	FOLD_AT = 70,
	/* Tokens of one address header; 64 bytes each, and their texts. */
	PARSE_MEMORY = 4 * 1024 * 1024,
};

/* A header in c->held that waits for answers. */
struct mark {
	uint32_t at;
	uint32_t len;
	uint32_t name_len;
};

struct rewriter {
	const struct clean *c;
	struct arena *arena;
	struct buf *asked;   /* note questions here; or NULL */
	const span *answers; /* take them from here; or NULL */
	const span *end;
	uint32_t nasked;
	uint8_t class; /* enum clean_class */
	bool changed;
};

/* user@host.domain of plain words: nothing to complete. */
static bool is_complete(const struct token_list *l)
{
	bool at = false;
	bool dot = false;

	for (const struct token *t = l->head; t; t = t->next) {
		if (t->type == '@' && !at && t->prev)
			at = true;
		else if (t->type == '.' && t->next)
			dot |= at;
		else if (t->type != TOKEN_ATOM)
			return false;
	}
	return dot;
}

/*
 * Complete one address. The comparison is between texts, as in Postfix: an
 * address with needless quotes counts as changed.
 */
static bool complete(struct rewriter *w, struct token *addr)
{
	struct buf before = BUF_INIT(PARSE_MEMORY);
	struct buf after = BUF_INIT(PARSE_MEMORY);
	struct token whole = { .type = TOKEN_ADDR };
	struct token_list list = { &whole, &whole };
	span text;
	bool ok;

	token_write_external(&before, &addr->kids, 0);
	ok = token_scan(buf_span(&before), 0, w->arena, &whole.kids) &&
	    rewrite_tokens(w->c->rewrite, w->arena, &whole.kids);
	if (ok)
		token_write_external(&after, &list, 0);
	if (ok) {
		text = arena_dup(w->arena, buf_span(&after));
		ok = text.ptr && token_scan(text, 0, w->arena, &addr->kids);
		w->changed |= !span_eq(buf_span(&before), text);
	}
	ok = ok && !before.failed && !after.failed;
	buf_done(&before);
	buf_done(&after);
	return ok;
}

static bool note_question(struct rewriter *w, const struct token *addr)
{
	struct buf text = BUF_INIT(PARSE_MEMORY);
	bool ok;

	token_write_external(&text, &addr->kids, 0);
	wire_put_u8(w->asked, w->class);
	wire_put_span(w->asked, buf_span(&text));
	w->nasked++;
	ok = !text.failed;
	buf_done(&text);
	return ok;
}

static bool take_answer(struct rewriter *w, struct token *addr)
{
	if (w->answers == w->end)
		return false;
	if (w->answers->ptr) {
		w->changed = true;
		if (!token_scan(*w->answers, 0, w->arena, &addr->kids))
			return false;
	}
	w->answers++;
	return true;
}

static bool rewrite_one(struct rewriter *w, struct token *addr)
{
	if (!is_complete(&addr->kids) && !complete(w, addr))
		return false;
	if (w->asked)
		return note_question(w, addr);
	return !w->answers || take_answer(w, addr);
}

static bool rewrite_all(struct rewriter *w, struct token_list *l)
{
	for (struct token *t = l->head; t; t = t->next)
		if (t->type == TOKEN_ADDR && !rewrite_one(w, t))
			return false;
	return true;
}

/* One address per line becomes as many as fit. The last may be empty. */
static void fold(struct buf *text)
{
	size_t start = 0;
	size_t line = 0;

	do {
		span rest = span_from(buf_span(text), line);
		size_t end = line + span_cut(&rest, '\n').len;

		if (line > 0 && end - start < FOLD_AT)
			text->data[line - 1] = ' ';
		else
			start = line;
		line = end + 1;
	} while (line <= text->len);
}

/*
 * `text` is a whole header. With `ret`, it is written there if it has changed.
 * False: it cannot be taken apart.
 */
static bool rewrite_header(
    struct rewriter *w, span text, size_t name_len, struct buf *ret)
{
	struct arena a;
	struct token_list l;
	bool ok;

	arena_init(&a, PARSE_MEMORY);
	w->arena = &a;
	ok = token_parse(span_from(text, name_len + 1), w->c->conf->token_limit,
	         &a, &l) &&
	    rewrite_all(w, &l);
	if (ok && ret && w->changed) {
		buf_put(ret, span_first(text, name_len));
		buf_put(ret, SPAN(": "));
		token_write_external(
		    ret, &l, TOKEN_ONE_PER_LINE | TOKEN_TRUNCATE);
		fold(ret);
	}
	arena_done(&a);
	return ok;
}

/* --- at once --- */

static void put_completed(
    const struct clean *c, span text, size_t name_len, struct buf *out)
{
	struct buf changed = BUF_INIT(PARSE_MEMORY);
	struct rewriter w = { .c = c };

	if (rewrite_header(&w, text, name_len, &changed) && changed.len &&
	    !changed.failed)
		clean_put_header(c, out, buf_span(&changed));
	else
		clean_put_header(c, out, text);
	buf_done(&changed);
}

/* --- when it has been asked --- */

static bool is_asked_for(const struct clean *c, const struct header_info *info)
{
	if (!c->holding)
		return false;
	return info->flags & HEADER_HAS_SENDER ? c->conf->map_senders
	                                       : c->conf->map_recipients;
}

/* False: it has no addresses. */
static bool ask(struct clean *c, span text, size_t name_len, uint8_t class)
{
	struct rewriter w = { .c = c, .asked = &c->asked, .class = class };
	struct mark mark = { (uint32_t)c->held.len, (uint32_t)text.len,
		(uint32_t)name_len };
	size_t before = c->asked.len;

	if (!rewrite_header(&w, text, name_len, NULL) || !w.nasked) {
		if (!c->asked.failed)
			c->asked.len = before;
		return false;
	}
	c->nasked += w.nasked;
	buf_put(&c->held, text);
	buf_put(&c->marks, span_of((const char *)&mark, sizeof(mark)));
	return true;
}

void clean_put_addresses(
    struct clean *c, const struct header_info *info, span name, struct buf *out)
{
	uint8_t class =
	    info->flags & HEADER_HAS_SENDER ? CLEAN_SENDER : CLEAN_RECIPIENT;
	span text = buf_span(&c->header);

	if (!is_asked_for(c, info) || !ask(c, text, name.len, class))
		put_completed(c, text, name.len, out);
}

bool clean_next_question(struct wire *w, uint8_t *ret_class, span *ret_addr)
{
	if (!w->rest.len)
		return false;
	*ret_class = wire_u8(w);
	*ret_addr = wire_span(w);
	return !w->failed;
}

/* One marked header. False: what was possible before is so no more. */
static bool put_mapped(
    struct clean *c, struct rewriter *w, const struct mark *m, struct buf *out)
{
	struct buf changed = BUF_INIT(HELD_MAX);
	span text = span_first(span_from(buf_span(&c->held), m->at), m->len);
	bool ok;

	w->changed = false;
	ok = rewrite_header(w, text, m->name_len, &changed) && !changed.failed;
	if (w->changed)
		text = buf_span(&changed);
	if (ok)
		clean_put_header(c, out, text);
	if (!address_is_ascii(text))
		c->flags |= CLEAN_UTF8_HEADER;
	buf_done(&changed);
	return ok;
}

void clean_answer(
    struct clean *c, const span *answers, uint32_t count, struct buf *out)
{
	struct rewriter w = {
		.c = c, .answers = answers, .end = answers + count
	};
	span held = buf_span(&c->held);
	span marks = buf_span(&c->marks);
	size_t done = 0;

	c->failed |= count != c->nasked;
	while (marks.len && !c->failed) {
		struct mark m;

		memcpy(&m, marks.ptr, sizeof(m));
		marks = span_from(marks, sizeof(m));
		buf_put(out, span_first(span_from(held, done), m.at - done));
		c->failed |= !put_mapped(c, &w, &m, out);
		done = (size_t)m.at + m.len;
	}
	buf_drop(&c->held, done);
	buf_clear(&c->marks);
	buf_clear(&c->asked);
	c->nasked = 0;
	c->asking = false;
	clean_let_go(c, out);
}

void clean_let_go(struct clean *c, struct buf *out)
{
	buf_put(out, buf_span(&c->held));
	buf_clear(&c->held);
	if (c->state == STATE_BODY) {
		c->holding = false;
		buf_release(&c->held);
		buf_release(&c->marks);
		buf_release(&c->asked);
	}
	c->failed |= out->failed;
}
