/* SPDX-License-Identifier: ISC */
/*
 * mail/html.c - the layout of HTML as text.
 *
 * Tags do not write anything: they say how many line ends or blanks are due,
 * and the next text pays them. So any nest of empty blocks is one blank line.
 * Of the tree only quotes and lists are kept, in a small stack; what is
 * deeper is counted, and not indented any more.
 */
#include "mail/html.h"

#include "base/utf8.h"
#include "mail/html_token.h"
#include "mail/wrap.h"

#include <stdlib.h>

enum {
	LEVELS_MAX = 8,
	RUN_MAX = 4096,
	ANCHOR_MAX = 300,
	URL_MAX = 2000,
	RULE_COLUMNS = 40,
	PRE_LINES_MAX = 50,
};

enum level_kind { LEVEL_QUOTE, LEVEL_BULLETS, LEVEL_NUMBERS };

struct level {
	enum level_kind kind;
	unsigned items;
};

struct html {
	struct wrap wrap;
	struct buf *out;
	struct html_lexer lexer;
	size_t width;

	struct level levels[LEVELS_MAX];
	size_t depth;
	size_t too_deep; /* levels that found no place above */
	bool bullet_due;

	bool has_text;       /* some was written */
	unsigned lines_due;  /* before the next text */
	size_t gap_depth;    /* how far empty lines are quoted */
	unsigned blanks_due; /* ... in the same line */
	unsigned cells;      /* of this row so far */
	unsigned pre;        /* depth of <pre> */
	bool pre_begins;     /* its first line end does not count */
	struct buf run;      /* text without blanks, not yet wrapped */

	bool in_anchor;
	span href;
	struct buf anchor; /* its text */
	struct buf links;  /* the list of them */
	unsigned nlinks;
};

/* ---- where lines begin ---- */

static void put_level(
    struct buf *prefix, const struct level *level, bool is_bullet)
{
	if (level->kind == LEVEL_QUOTE)
		buf_put(prefix, SPAN("> "));
	else if (level->kind == LEVEL_BULLETS)
		buf_put(prefix, is_bullet ? SPAN("* ") : SPAN("  "));
	else if (is_bullet)
		buf_printf(prefix, "%u. ", level->items);
	else
		buf_put(prefix, SPAN("   "));
}

static void set_prefix(struct html *h, size_t depth, bool has_bullet)
{
	struct buf first = BUF_INIT(WRAP_PREFIX_MAX);
	struct buf others = BUF_INIT(WRAP_PREFIX_MAX);

	for (size_t i = 0; i < depth && others.len < h->width / 2; i++) {
		put_level(&first, &h->levels[i], has_bullet && i + 1 == depth);
		put_level(&others, &h->levels[i], false);
	}
	wrap_prefix(&h->wrap, buf_span(&first), buf_span(&others));
	buf_done(&first);
	buf_done(&others);
}

static void lines(struct html *h, unsigned n)
{
	if (!h->lines_due)
		h->gap_depth = h->depth;
	h->lines_due = MAX(h->lines_due, n);
	h->blanks_due = 0;
}

/* Text comes: pay what is due. */
static void begin_text(struct html *h)
{
	if (h->has_text && h->lines_due) {
		wrap_break(&h->wrap);
		set_prefix(h, h->gap_depth, false);
		while (--h->lines_due)
			wrap_break(&h->wrap);
	}
	if (!h->has_text || !h->wrap.in_line) {
		if (!h->wrap.word.len && !h->wrap.column)
			set_prefix(h, h->depth, h->bullet_due);
		h->bullet_due = false;
	}
	h->lines_due = 0;
	h->wrap.width = h->pre ? 0 : h->width;
	if (h->blanks_due)
		wrap_blank(&h->wrap, h->blanks_due);
	h->blanks_due = 0;
	h->has_text = true;
}

static void put_run(struct html *h)
{
	if (!h->run.len)
		return;
	begin_text(h);
	wrap_text(&h->wrap, buf_span(&h->run));
	if (h->in_anchor && h->anchor.len < ANCHOR_MAX)
		buf_put(&h->anchor, buf_span(&h->run));
	buf_clear(&h->run);
}

/* ---- text ---- */

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
	    c == 0xa0;
}

/* Has no shape of its own: what newsletters fill their first lines with. */
static bool is_nothing(const struct html *h, uint32_t c)
{
	if (c == 0x200c || c == 0x200d)
		return !h->run.len;
	return c == 0xad || c == 0x34f || c == 0x200b || c == 0x2060 ||
	    c == 0xfeff;
}

static bool in_line(const struct html *h)
{
	return h->has_text && !h->lines_due;
}

static void put_pre_blank(struct html *h, uint32_t c)
{
	if (c == '\n') {
		if (!h->pre_begins && h->lines_due < PRE_LINES_MAX)
			lines(h, h->lines_due + 1);
		h->pre_begins = false;
		return;
	}
	if (c == '\t' && in_line(h)) {
		wrap_blank(&h->wrap, h->blanks_due);
		h->blanks_due =
		    (unsigned)(8 - (h->wrap.column + h->wrap.blanks) % 8);
	} else if (c != '\r' && h->blanks_due < h->width) {
		h->blanks_due += c == '\t' ? 8 : 1;
	}
}

static void put_blank(struct html *h, uint32_t c)
{
	put_run(h);
	if (h->pre)
		put_pre_blank(h, c);
	else if (in_line(h))
		h->blanks_due = MAX(h->blanks_due, 1U);
}

static void put_text(struct html *h, span text)
{
	while (text.len && !h->out->failed) {
		uint32_t c = html_char(&text);

		if (is_blank(c)) {
			put_blank(h, c);
		} else if (!is_nothing(h, c)) {
			h->pre_begins = false;
			utf8_put(&h->run, c);
		}
		if (h->run.len >= RUN_MAX - 4)
			put_run(h);
	}
}

/* ---- links ---- */

static bool is_followed(span url)
{
	static const span schemes[] = {
		SPAN_INIT("http://"),
		SPAN_INIT("https://"),
		SPAN_INIT("mailto:"),
		SPAN_INIT("ftp://"),
		SPAN_INIT("tel:"),
	};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (span_has_prefix_nocase(url, schemes[i]))
			return true;
	return false;
}

/* What people write of an address. */
static span bare_url(span url)
{
	if (!span_skip_nocase(&url, SPAN("http://")) &&
	    !span_skip_nocase(&url, SPAN("https://")) &&
	    !span_skip_nocase(&url, SPAN("mailto:")))
		(void)span_skip_nocase(&url, SPAN("tel:"));
	if (url.len && url.ptr[url.len - 1] == '/')
		url.len--;
	return url;
}

static void decode_url(struct buf *url, span href)
{
	while (href.len && url->len < URL_MAX) {
		uint32_t c = html_char(&href);

		if (c > ' ' && !is_blank(c))
			utf8_put(url, c);
	}
}

static void end_anchor(struct html *h)
{
	struct buf url = BUF_INIT(URL_MAX + 8);
	span text;

	if (!h->in_anchor)
		return;
	put_run(h);
	h->in_anchor = false;
	text = buf_span(&h->anchor);
	decode_url(&url, h->href);
	if (text.len && is_followed(buf_span(&url)) &&
	    !span_eq_nocase(bare_url(text), bare_url(buf_span(&url)))) {
		buf_printf(&h->links, "[%u] ", ++h->nlinks);
		buf_put(&h->links, buf_span(&url));
		buf_putc(&h->links, '\n');
		if (in_line(h))
			h->blanks_due = MAX(h->blanks_due, 1U);
		buf_printf(&h->run, "[%u]", h->nlinks);
		put_run(h);
	}
	buf_done(&url);
	buf_release(&h->anchor);
}

static void begin_anchor(struct html *h, span attrs)
{
	end_anchor(h);
	h->in_anchor = html_attr(attrs, SPAN("href"), &h->href);
}

/* ---- the elements ---- */

static void line(struct html *h, span attrs UNUSED)
{
	lines(h, 1);
}

static void end_line(struct html *h)
{
	lines(h, 1);
}

static void paragraph(struct html *h, span attrs UNUSED)
{
	lines(h, 2);
}

static void end_paragraph(struct html *h)
{
	lines(h, 2);
}

static void br(struct html *h, span attrs UNUSED)
{
	lines(h, h->lines_due ? 2 : 1);
}

static void hr(struct html *h, span attrs UNUSED)
{
	size_t n =
	    MIN(h->width ? h->width : RULE_COLUMNS, (size_t)RULE_COLUMNS);

	lines(h, 1);
	for (size_t i = 0; i < n; i++)
		buf_putc(&h->run, '-');
	put_run(h);
	lines(h, 1);
}

static void push(struct html *h, enum level_kind kind)
{
	if (h->depth < LEVELS_MAX)
		h->levels[h->depth++] = (struct level){ .kind = kind };
	else
		h->too_deep++;
	h->bullet_due = false;
}

static void pop(struct html *h, bool is_quote)
{
	size_t i = h->depth;

	if (h->too_deep) {
		h->too_deep--;
		return;
	}
	while (i > 0 && (h->levels[i - 1].kind == LEVEL_QUOTE) != is_quote)
		i--;
	if (i > 0)
		h->depth = i - 1;
	h->gap_depth = MIN(h->gap_depth, h->depth);
	h->bullet_due = false;
}

static bool in_list(const struct html *h)
{
	return h->depth && h->levels[h->depth - 1].kind != LEVEL_QUOTE;
}

static void quote(struct html *h, span attrs UNUSED)
{
	lines(h, 2);
	push(h, LEVEL_QUOTE);
}

static void end_quote(struct html *h)
{
	lines(h, 2);
	pop(h, true);
}

static void ul(struct html *h, span attrs UNUSED)
{
	lines(h, in_list(h) ? 1 : 2);
	push(h, LEVEL_BULLETS);
}

static void ol(struct html *h, span attrs UNUSED)
{
	lines(h, in_list(h) ? 1 : 2);
	push(h, LEVEL_NUMBERS);
}

static void end_list(struct html *h)
{
	lines(h, 1);
	pop(h, false);
	if (!in_list(h))
		lines(h, 2);
}

static void li(struct html *h, span attrs UNUSED)
{
	lines(h, 1);
	if (!in_list(h) || h->too_deep)
		return;
	h->levels[h->depth - 1].items++;
	h->bullet_due = true;
}

static void pre(struct html *h, span attrs UNUSED)
{
	lines(h, 2);
	h->pre++;
	h->pre_begins = true;
}

static void end_pre(struct html *h)
{
	if (h->pre)
		h->pre--;
	h->pre_begins = false;
	lines(h, 2);
	h->lines_due = 2;
}

static void row(struct html *h, span attrs UNUSED)
{
	lines(h, 1);
	h->cells = 0;
}

static void cell(struct html *h, span attrs UNUSED)
{
	if (h->cells++ && in_line(h))
		h->blanks_due = 2;
}

static void image(struct html *h, span attrs)
{
	span alt;

	if (!html_attr(attrs, SPAN("alt"), &alt) || !span_trim(alt).len)
		return;
	buf_putc(&h->run, '[');
	put_text(h, span_trim(alt));
	buf_putc(&h->run, ']');
	put_run(h);
}

static void q(struct html *h, span attrs UNUSED)
{
	if (h->run.len >= RUN_MAX - 4)
		put_run(h);
	buf_putc(&h->run, '"');
}

static void end_q(struct html *h)
{
	q(h, SPAN_NONE);
}

static const struct element {
	void (*begin)(struct html *h, span attrs);
	void (*end)(struct html *h);
	char name[12];
	bool is_hidden; /* what is in it is no text for people */
} elements[] = {
	{ begin_anchor, end_anchor, "a", false },
	{ line, end_line, "address", false },
	{ line, end_line, "article", false },
	{ line, end_line, "aside", false },
	{ quote, end_quote, "blockquote", false },
	{ line, end_line, "body", false },
	{ br, NULL, "br", false },
	{ line, end_line, "caption", false },
	{ line, end_line, "center", false },
	{ line, end_line, "dd", false },
	{ line, end_line, "div", false },
	{ paragraph, end_paragraph, "dl", false },
	{ line, end_line, "dt", false },
	{ line, end_line, "fieldset", false },
	{ line, end_line, "figcaption", false },
	{ paragraph, end_paragraph, "figure", false },
	{ line, end_line, "footer", false },
	{ line, end_line, "form", false },
	{ paragraph, end_paragraph, "h1", false },
	{ paragraph, end_paragraph, "h2", false },
	{ paragraph, end_paragraph, "h3", false },
	{ paragraph, end_paragraph, "h4", false },
	{ paragraph, end_paragraph, "h5", false },
	{ paragraph, end_paragraph, "h6", false },
	{ line, end_line, "header", false },
	{ hr, NULL, "hr", false },
	{ image, NULL, "img", false },
	{ li, end_line, "li", false },
	{ line, end_line, "main", false },
	{ ul, end_list, "menu", false },
	{ line, end_line, "nav", false },
	{ ol, end_list, "ol", false },
	{ line, end_line, "option", false },
	{ paragraph, end_paragraph, "p", false },
	{ pre, end_pre, "pre", false },
	{ q, end_q, "q", false },
	{ NULL, NULL, "script", true },
	{ line, end_line, "section", false },
	{ NULL, NULL, "style", true },
	{ NULL, NULL, "svg", true },
	{ line, end_line, "table", false },
	{ cell, NULL, "td", false },
	{ NULL, NULL, "template", true },
	{ cell, NULL, "th", false },
	{ NULL, NULL, "title", true },
	{ row, end_line, "tr", false },
	{ ul, end_list, "ul", false },
};

static int by_name(const void *key, const void *row_)
{
	const struct element *e = row_;

	return span_cmp_nocase(*(const span *)key, span_str(e->name));
}

static void put_tag(struct html *h, const struct html_token *t)
{
	const struct element *e = bsearch(&t->name, elements,
	    ARRAY_LEN(elements), sizeof(elements[0]), by_name);

	if (!e)
		return;
	/* <q> and links stand within words. */
	if (e->begin != q)
		put_run(h);
	if (t->kind == HTML_BEGIN && e->is_hidden)
		html_skip(&h->lexer, t->name);
	else if (t->kind == HTML_BEGIN && e->begin)
		e->begin(h, t->attrs);
	else if (t->kind == HTML_END && e->end)
		e->end(h);
}

static void put_links(struct html *h)
{
	if (h->has_text)
		wrap_break(&h->wrap);
	wrap_done(&h->wrap);
	if (!h->nlinks)
		return;
	buf_putc(h->out, '\n');
	buf_put(h->out, buf_span(&h->links));
}

void html_to_text(struct buf *out, span html, size_t width)
{
	struct html h = { .out = out, .width = width, .lexer.rest = html };
	struct html_token t;

	wrap_init(&h.wrap, out, width);
	buf_init(&h.run, RUN_MAX);
	buf_init(&h.anchor, ANCHOR_MAX + RUN_MAX);
	buf_init(&h.links, out->max);
	while (!out->failed && html_next(&h.lexer, &t)) {
		if (t.kind == HTML_TEXT)
			put_text(&h, t.text);
		else
			put_tag(&h, &t);
	}
	put_run(&h);
	end_anchor(&h);
	put_links(&h);
	buf_done(&h.run);
	buf_done(&h.anchor);
	buf_done(&h.links);
}
