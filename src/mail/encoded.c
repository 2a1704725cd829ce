/* SPDX-License-Identifier: ISC */
/*
 * Reading takes what mailers really send: words of any length, with blanks in
 * them, glued to other text; and characters cut in two by a word's end, which
 * is why the decoder of a character set stays open from word to word.
 *
 * Writing encodes from the first word that needs it to the last, as Q or B,
 * whichever is shorter for all of it. Each encoded word holds whole characters
 * and, in a set with shifts, begins and ends unshifted (RFC 2047, 5).
 */
#include "mail/encoded.h"

#include "mail/charset.h"
#include "mail/field.h"
#include "mail/transfer.h"

enum {
	LINE_WIDTH = 76,
	WORD_WIDTH = 75,
	OVERHEAD = 7, /* =??Q??= */
	/* Longer names of character sets are none. */
	NAME_MAX_LEN = 64,
	/* A text without blanks that no line may hold. */
	RUN_MAX = 900,
};

/* --- reading --- */

struct word {
	span charset;
	char encoding; /* 'b' or 'q' */
	span text;
};

struct reader {
	struct buf *out;
	struct charset *set; /* the last one, or NULL */
	span name;           /* of it */
	bool open;           /* the next word may continue its text */
	struct buf bytes;
};

static void close_text(struct reader *r)
{
	if (r->open)
		charset_decode(r->set, SPAN_NONE, true, r->out);
	r->open = false;
}

static void put_raw(struct reader *r, span text)
{
	if (!text.len)
		return;
	close_text(r);
	charset_to_utf8(SPAN("unknown-8bit"), text, r->out);
}

static void decode_q(struct buf *out, span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '=' && transfer_hex(span_from(text, i + 1), &c))
			i += 2;
		else if (c == '_')
			c = ' ';
		buf_putc(out, c);
	}
}

static void decode_b(struct buf *out, span text)
{
	struct transfer_decoder t;

	transfer_init(&t, TRANSFER_BASE64);
	transfer_decode(&t, text, out);
	transfer_finish(&t, out);
}

static void select_set(struct reader *r, span name)
{
	if (r->set && span_eq_nocase(r->name, name))
		return;
	close_text(r);
	charset_close(&r->set);
	r->set = charset_open(name);
	if (!r->set)
		r->set = charset_open(SPAN("unknown-8bit"));
	r->name = name;
}

static void put_word(struct reader *r, const struct word *w)
{
	select_set(r, w->charset);
	buf_clear(&r->bytes);
	if (w->encoding == 'q')
		decode_q(&r->bytes, w->text);
	else
		decode_b(&r->bytes, w->text);
	charset_decode(r->set, buf_span(&r->bytes), false, r->out);
	r->open = true;
}

/* "=?charset?Q?", the charset without a language (RFC 2231, 5). */
static bool cut_prefix(span *rest, struct word *ret)
{
	span near = span_first(span_from(*rest, 2), NAME_MAX_LEN);
	ssize_t n = span_find(near, '?');
	span s;

	if (n <= 0)
		return false;
	ret->charset = span_first(near, (size_t)n);
	for (size_t i = 0; i < ret->charset.len; i++)
		if (!ascii_is_print(near.ptr[i]) || near.ptr[i] == ' ')
			return false;
	s = span_from(*rest, 3 + (size_t)n);
	if (s.len < 2 || s.ptr[1] != '?')
		return false;
	ret->encoding = ascii_lower(s.ptr[0]);
	*rest = span_from(s, 2);
	ret->charset = span_cut(&ret->charset, '*');
	return ret->encoding == 'b' || ret->encoding == 'q';
}

/*
 * Whether `s`, which begins with "=?", begins with an encoded word. `ret_len`
 * is its length, or of that which surely is none: nothing is looked at twice.
 */
static bool find_word(span s, struct word *ret, size_t *ret_len)
{
	span rest = s;
	size_t i;

	*ret_len = 2;
	if (!cut_prefix(&rest, ret))
		return false;
	for (i = 0; i + 1 < rest.len; i++) {
		char c = rest.ptr[i];
		char next = rest.ptr[i + 1];
		bool ends = c == '?' && next == '=';

		if (ends)
			ret->text = span_first(rest, i);
		if (ends ||
		    (c == '=' && next == '?' &&
		        !(i + 2 < rest.len && rest.ptr[i + 2] == '='))) {
			*ret_len = s.len - rest.len + i + (ends ? 2 : 0);
			return ends;
		}
	}
	*ret_len = s.len;
	return false;
}

static bool is_blank(span s)
{
	return span_trim(s).len == 0;
}

/* Where the next "=?" is, from `at` on, or the end. */
static size_t find_mark(span text, size_t at)
{
	while (at < text.len) {
		ssize_t n = span_find(span_from(text, at), '=');

		if (n < 0)
			break;
		at += (size_t)n;
		if (at + 1 < text.len && text.ptr[at + 1] == '?')
			return at;
		at++;
	}
	return text.len;
}

bool encoded_has_word(span value)
{
	return find_mark(value, 0) < value.len;
}

static void read_words(struct reader *r, span text)
{
	size_t raw = 0; /* from here on nothing was put */
	size_t at = 0;
	bool after_word = false;

	while (!r->out->failed) {
		struct word w;
		size_t n;
		span gap;

		at = find_mark(text, at);
		if (at == text.len)
			break;
		gap = span_first(span_from(text, raw), at - raw);
		if (find_word(span_from(text, at), &w, &n)) {
			if (!after_word || !is_blank(gap))
				put_raw(r, gap);
			put_word(r, &w);
			after_word = true;
			raw = at + n;
		}
		at += n;
	}
	put_raw(r, span_from(text, raw));
	close_text(r);
}

void encoded_decode(struct buf *out, span value)
{
	struct buf flat = BUF_INIT(value.len);
	struct reader r = { .out = out, .bytes = BUF_INIT(value.len) };

	field_unfold(&flat, value);
	read_words(&r, buf_span(&flat));
	charset_close(&r.set);
	buf_done(&r.bytes);
	buf_done(&flat);
}

/* --- writing --- */

static bool is_bad_char(char c)
{
	return (c < ' ' && c != '\t') || c == 127;
}

bool encoded_is_needed(span utf8)
{
	size_t run = 0;

	for (size_t i = 0; i < utf8.len; i++) {
		char c = utf8.ptr[i];

		run = c == ' ' || c == '\t' ? 0 : run + 1;
		if (is_bad_char(c) || run > RUN_MAX ||
		    (c == '?' && i > 0 && utf8.ptr[i - 1] == '='))
			return true;
	}
	return false;
}

static bool is_atom_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_needed_for(span word, enum encoded_where where)
{
	if (where == ENCODED_PHRASE)
		for (size_t i = 0; i < word.len; i++)
			if (!is_atom_char(word.ptr[i]))
				return true;
	return encoded_is_needed(word);
}

struct writer {
	struct buf *out;
	size_t column;
	enum encoded_where where;
	span charset;
	bool use_b;
	struct buf wire; /* a piece in that charset */
};

static void put_blanks(struct writer *w, span blanks, bool fold)
{
	if (fold) {
		buf_putc(w->out, '\n');
		w->column = 0;
	}
	if (fold && !blanks.len)
		blanks = SPAN(" ");
	buf_put(w->out, blanks);
	w->column += blanks.len;
}

static span cut_blanks(span *rest)
{
	span s = *rest;
	size_t n = 0;

	while (n < s.len && (s.ptr[n] == ' ' || s.ptr[n] == '\t'))
		n++;
	*rest = span_from(s, n);
	return span_first(s, n);
}

static span cut_bare(span *rest)
{
	span s = *rest;
	size_t n = 0;

	while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '\t')
		n++;
	*rest = span_from(s, n);
	return span_first(s, n);
}

static void put_bare(struct writer *w, span text)
{
	while (text.len) {
		span blanks = cut_blanks(&text);
		span word = cut_bare(&text);
		bool fold = blanks.len && word.len && w->column > 0 &&
		    w->column + blanks.len + word.len > LINE_WIDTH;

		put_blanks(w, blanks, fold);
		buf_put(w->out, word);
		w->column += word.len;
	}
}

static bool is_q_bare(const struct writer *w, char c)
{
	if (w->where == ENCODED_PHRASE)
		return ascii_is_alnum(c) || (c && strchr("!*+-/", c));
	return ascii_is_print(c) && !strchr("=?_ ", c);
}

static size_t q_len(const struct writer *w, span bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes.len; i++)
		n += is_q_bare(w, bytes.ptr[i]) || bytes.ptr[i] == ' ' ? 1 : 3;
	return n;
}

static size_t b_len(span bytes)
{
	return (bytes.len + 2) / 3 * 4;
}

static void put_q(const struct writer *w, span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		char c = bytes.ptr[i];

		if (is_q_bare(w, c))
			buf_putc(w->out, c);
		else if (c == ' ')
			buf_putc(w->out, '_');
		else
			buf_printf(w->out, "=%02X", (unsigned)(uint8_t)c);
	}
}

/* The length of this text as one encoded word; it then lies in w->wire. */
static size_t word_len(struct writer *w, span utf8)
{
	span wire;

	buf_clear(&w->wire);
	if (charset_from_utf8(w->charset, utf8, &w->wire) != 0)
		return SIZE_MAX;
	wire = buf_span(&w->wire);
	return OVERHEAD + w->charset.len +
	    (w->use_b ? b_len(wire) : q_len(w, wire));
}

/* As many characters as make a word of at most `room`, but at least one. */
static span cut_word(struct writer *w, span *rest, size_t room)
{
	size_t ends[WORD_WIDTH];
	size_t count = 0;
	size_t low = 1;
	size_t high;
	span word;

	for (size_t i = 1; i <= rest->len && count < ARRAY_LEN(ends); i++)
		if (i == rest->len || ((uint8_t)rest->ptr[i] & 0xc0) != 0x80)
			ends[count++] = i;
	/* Not one fewer than `low` is too long, for all we know. */
	for (high = count; low < high;) {
		size_t middle = (low + high + 1) / 2;

		if (word_len(w, span_first(*rest, ends[middle - 1])) <= room)
			low = middle;
		else
			high = middle - 1;
	}
	word = span_first(*rest, ends[low - 1]);
	*rest = span_from(*rest, word.len);
	return word;
}

static void put_encoded(struct writer *w, span blanks, span text)
{
	/* The longest character there is must fit. */
	size_t least = OVERHEAD + w->charset.len + (w->use_b ? 16 : 24);
	bool fold =
	    w->column > 1 && w->column + blanks.len + least > LINE_WIDTH;

	for (; text.len; fold = true) {
		span word;
		size_t room;

		put_blanks(w, blanks, fold);
		room = w->column < LINE_WIDTH ? LINE_WIDTH - w->column : 0;
		room = MIN(room, (size_t)WORD_WIDTH);
		word = cut_word(w, &text, room);
		w->column += word_len(w, word);
		buf_put(w->out, SPAN("=?"));
		buf_put(w->out, w->charset);
		buf_put(w->out, w->use_b ? SPAN("?B?") : SPAN("?Q?"));
		if (w->use_b)
			transfer_base64(w->out, buf_span(&w->wire));
		else
			put_q(w, buf_span(&w->wire));
		buf_put(w->out, SPAN("?="));
		blanks = SPAN(" ");
	}
}

/* From the first word that needs it to the last. */
static span find_needy(const struct writer *w, span text)
{
	span rest = text;
	const char *first = NULL;
	const char *end = NULL;

	while (rest.len) {
		span word;

		(void)cut_blanks(&rest);
		word = cut_bare(&rest);
		if (!is_needed_for(word, w->where))
			continue;
		if (!first)
			first = word.ptr;
		end = word.ptr + word.len;
	}
	return first ? span_of(first, (size_t)(end - first)) : SPAN_NONE;
}

static bool is_writable_name(span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.ptr[i]) && name.ptr[i] != '-' &&
		    name.ptr[i] != '_')
			return false;
	return name.len > 0 && name.len <= NAME_MAX_LEN / 2;
}

static void write_text(struct writer *w, span text)
{
	span needy = find_needy(w, text);
	span head;
	size_t n;

	if (!needy.len) {
		put_bare(w, text);
		return;
	}
	if (!is_writable_name(w->charset) || word_len(w, needy) == SIZE_MAX) {
		w->charset = SPAN("utf-8");
		(void)word_len(w, needy);
	}
	/* Sets with escape sequences are written as B (RFC 1468). */
	w->use_b = span_find(buf_span(&w->wire), '\033') >= 0 ||
	    b_len(buf_span(&w->wire)) < q_len(w, buf_span(&w->wire));
	n = (size_t)(needy.ptr - text.ptr);
	head = span_first(text, n);
	while (n > 0 && (text.ptr[n - 1] == ' ' || text.ptr[n - 1] == '\t'))
		n--;
	put_bare(w, span_first(head, n));
	put_encoded(w, span_from(head, n), needy);
	put_bare(w, span_from(text, head.len + needy.len));
}

/* UTF-8 of one line, whatever came. */
static void clean(struct buf *out, span text)
{
	charset_to_utf8(SPAN("unknown-8bit"), text, out);
	for (size_t i = 0; i < out->len; i++)
		if (strchr("\r\n", out->data[i]))
			out->data[i] = ' ';
}

void encoded_encode(struct buf *out, span utf8, span charset,
    enum encoded_where where, size_t column)
{
	struct buf text = BUF_INIT(SIZE_MAX / 2);
	struct writer w = {
		.out = out,
		.column = column,
		.where = where,
		.charset = charset,
		.wire = BUF_INIT(SIZE_MAX / 2),
	};

	clean(&text, utf8);
	write_text(&w, buf_span(&text));
	buf_done(&w.wire);
	buf_done(&text);
}

size_t encoded_column(const struct buf *out)
{
	return out->len - (size_t)(span_rfind(buf_span(out), '\n') + 1);
}
