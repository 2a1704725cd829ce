/* SPDX-License-Identifier: ISC */
/*
 * The decoders see one byte at a time and hold back what they cannot decide
 * yet: the sextets of a quantum; a "=" with what may belong to it, or blanks
 * that a line end would take away; a line of uuencode. So it does not matter
 * where the input is cut. What comes out is collected in a small array: a
 * call per byte would cost more than the decoding.
 */
#include "mail/transfer.h"

enum {
	LINE_MAX_OUT = 76,
	LINE_BYTES = 57, /* that make such a line of base64 */
};

static const struct {
	span text;
	enum transfer kind;
} names[] = {
	/* The first of a kind is how it is written. */
	{ SPAN_INIT("7bit"), TRANSFER_7BIT },
	{ SPAN_INIT("8bit"), TRANSFER_8BIT },
	{ SPAN_INIT("binary"), TRANSFER_BINARY },
	{ SPAN_INIT("quoted-printable"), TRANSFER_QUOTED },
	{ SPAN_INIT("base64"), TRANSFER_BASE64 },
	{ SPAN_INIT("x-uuencode"), TRANSFER_UUENCODE },
	{ SPAN_INIT("7-bit"), TRANSFER_7BIT },
	{ SPAN_INIT("8-bit"), TRANSFER_8BIT },
	{ SPAN_INIT("uuencode"), TRANSFER_UUENCODE },
	{ SPAN_INIT("x-uue"), TRANSFER_UUENCODE },
	{ SPAN_INIT("uue"), TRANSFER_UUENCODE },
};

enum transfer transfer_parse(span value)
{
	span word = span_word(&value, " \t\r\n;(\"");

	if (!word.len)
		return TRANSFER_7BIT;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(names[i].text, word))
			return names[i].kind;
	return TRANSFER_UNKNOWN;
}

span transfer_name(enum transfer kind)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].kind == kind)
			return names[i].text;
	return SPAN("x-unknown");
}

/* --- decoding --- */

struct sink {
	struct buf *out;
	size_t len;
	char data[1024];
};

static void sink_flush(struct sink *s)
{
	buf_put(s->out, span_of(s->data, s->len));
	s->len = 0;
}

static void sink_putc(struct sink *s, char c)
{
	if (s->len == sizeof(s->data))
		sink_flush(s);
	s->data[s->len++] = c;
}

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* What the sextets held make: three bytes of four, one less of fewer. */
static void end_quantum(struct transfer_decoder *t, struct sink *out)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++)
		bits = bits << 6 | (i < t->held_len ? (uint8_t)t->held[i] : 0);
	for (int i = 1; i < t->held_len; i++)
		sink_putc(out, (char)(bits >> (24 - 8 * i)));
	t->held_len = 0;
}

static void base64_byte(struct transfer_decoder *t, char c, struct sink *out)
{
	int six = sextet(c);

	if (six >= 0)
		t->held[t->held_len++] = (char)six;
	if (c == '=' || t->held_len == 4)
		end_quantum(t, out);
}

bool transfer_hex(span text, char *ret)
{
	int high = text.len > 1 ? ascii_hex_value(text.ptr[0]) : -1;
	int low = text.len > 1 ? ascii_hex_value(text.ptr[1]) : -1;

	if (high < 0 || low < 0)
		return false;
	*ret = (char)(high << 4 | low);
	return true;
}

static void release(struct transfer_decoder *t, struct sink *out)
{
	for (size_t i = 0; i < t->held_len; i++)
		sink_putc(out, t->held[i]);
	t->held_len = 0;
}

static void hold(struct transfer_decoder *t, char c, struct sink *out)
{
	if (t->held_len == sizeof(t->held))
		release(t, out);
	t->held[t->held_len++] = c;
}

/* Behind "=": true if the byte belongs to it. */
static bool escape_byte(struct transfer_decoder *t, char c, struct sink *out)
{
	char last = t->held[t->held_len - 1];
	bool hex = t->held_len == 2 && ascii_hex_value(last) >= 0;

	bool more = t->held_len == 1 && ascii_hex_value(c) >= 0;

	if (hex && ascii_hex_value(c) >= 0) {
		t->held_len = 0;
		sink_putc(out,
		    (char)(ascii_hex_value(last) << 4 | ascii_hex_value(c)));
	} else if (!hex && c == '\n') {
		t->held_len = 0;
	} else if (more || (!hex && last != '\r' && ascii_is_space(c))) {
		hold(t, c, out);
	} else {
		return false;
	}
	return true;
}

/* Behind blanks: true if the byte is one more, or ends the line. */
static bool blank_byte(struct transfer_decoder *t, char c, struct sink *out)
{
	bool cr = t->held[t->held_len - 1] == '\r';

	if (c == '\n') {
		t->held_len = 0;
		if (cr)
			sink_putc(out, '\r');
		sink_putc(out, '\n');
	} else if (!cr && (c == ' ' || c == '\t' || c == '\r')) {
		hold(t, c, out);
	} else {
		return false;
	}
	return true;
}

static void quoted_byte(struct transfer_decoder *t, char c, struct sink *out)
{
	if (t->held_len) {
		if (t->held[0] == '=' ? escape_byte(t, c, out)
		                      : blank_byte(t, c, out))
			return;
		release(t, out);
	}
	if (c == '=' || c == ' ' || c == '\t')
		hold(t, c, out);
	else
		sink_putc(out, c);
}

enum uu_state { UU_BEFORE, UU_FILE, UU_AFTER };

static uint32_t uu_sextet(span line, size_t i)
{
	/* Blanks at its end may be lost: a blank is nought. */
	return i < line.len ? (uint32_t)(line.ptr[i] - ' ') & 63 : 0;
}

static void uu_line(struct transfer_decoder *t, span line, struct sink *out)
{
	uint32_t n = uu_sextet(line, 0);

	if (t->state == UU_BEFORE) {
		if (span_has_prefix(line, SPAN("begin ")))
			t->state = UU_FILE;
		return;
	}
	if (t->state == UU_AFTER)
		return;
	if (span_eq(line, SPAN("end"))) {
		t->state = UU_AFTER;
		return;
	}
	for (size_t i = 1; n > 0; i += 4) {
		uint32_t bits = uu_sextet(line, i) << 18 |
		    uu_sextet(line, i + 1) << 12 | uu_sextet(line, i + 2) << 6 |
		    uu_sextet(line, i + 3);

		for (int shift = 16; shift >= 0 && n > 0; shift -= 8, n--)
			sink_putc(out, (char)(bits >> shift));
	}
}

static void uu_byte(struct transfer_decoder *t, char c, struct sink *out)
{
	span line = span_of(t->held, t->held_len);

	if (c != '\n') {
		/* What is longer than any line has no meaning. */
		if (c != '\r' && t->held_len < sizeof(t->held))
			t->held[t->held_len++] = c;
		return;
	}
	uu_line(t, line, out);
	t->held_len = 0;
}

typedef void byte_fn(struct transfer_decoder *t, char c, struct sink *out);

static byte_fn *const decoders[] = {
	[TRANSFER_QUOTED] = quoted_byte,
	[TRANSFER_BASE64] = base64_byte,
	[TRANSFER_UUENCODE] = uu_byte,
	[TRANSFER_UNKNOWN] = NULL,
};

void transfer_init(struct transfer_decoder *t, enum transfer kind)
{
	*t = (struct transfer_decoder){ .kind = kind };
}

void transfer_decode(struct transfer_decoder *t, span piece, struct buf *out)
{
	byte_fn *decode = decoders[t->kind];
	struct sink sink;

	if (!decode) {
		buf_put(out, piece);
		return;
	}
	sink.out = out;
	sink.len = 0;
	for (size_t i = 0; i < piece.len && !out->failed; i++)
		decode(t, piece.ptr[i], &sink);
	sink_flush(&sink);
}

void transfer_finish(struct transfer_decoder *t, struct buf *out)
{
	struct sink sink;

	sink.out = out;
	sink.len = 0;
	if (t->kind == TRANSFER_BASE64)
		end_quantum(t, &sink);
	else if (t->kind == TRANSFER_UUENCODE)
		uu_byte(t, '\n', &sink);
	else if (t->held_len > 1 && ascii_hex_value(t->held[1]) >= 0)
		release(t, &sink);
	/* Else a soft line break, or blanks, whose line end is not ours. */
	t->held_len = 0;
	sink_flush(&sink);
}

/* --- encoding --- */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_quantum(char four[4], span three)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 3; i++)
		bits = bits << 8 | (i < three.len ? (uint8_t)three.ptr[i] : 0);
	for (size_t i = 0; i < 4; i++)
		four[i] =
		    i <= three.len ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
}

void transfer_base64(struct buf *out, span bytes)
{
	while (bytes.len) {
		span three = span_first(bytes, 3);
		char *four = buf_room(out, 4);

		if (!four)
			return;
		put_quantum(four, three);
		out->len += 4;
		bytes = span_from(bytes, three.len);
	}
}

static void encode_base64(struct buf *out, span body)
{
	while (body.len && !out->failed) {
		span line = span_first(body, LINE_BYTES);

		transfer_base64(out, line);
		buf_putc(out, '\n');
		body = span_from(body, line.len);
	}
}

/* Where a line begins: what relays and mailboxes would change. */
static bool is_harmful(span rest)
{
	return span_has_prefix(rest, SPAN("From ")) ||
	    span_eq(rest, SPAN(".")) || span_has_prefix(rest, SPAN(".\n"));
}

static bool is_bare(span rest, bool first)
{
	char c = rest.ptr[0];

	if (c == '=' || (first && is_harmful(rest)))
		return false;
	if (c == ' ' || c == '\t')
		return rest.len > 1 && rest.ptr[1] != '\n';
	return ascii_is_print(c);
}

static void encode_quoted(struct buf *out, span body)
{
	size_t column = 0;

	for (; body.len && !out->failed; body = span_from(body, 1)) {
		char c = body.ptr[0];
		size_t n;
		bool last;

		if (c == '\n') {
			buf_putc(out, '\n');
			column = 0;
			continue;
		}
		n = is_bare(body, column == 0) ? 1 : 3;
		/* Behind what is not last in its line comes a "=". */
		last = body.len > 1 && body.ptr[1] == '\n';
		if (column + n > LINE_MAX_OUT - (last ? 0 : 1)) {
			buf_put(out, SPAN("=\n"));
			column = 0;
			n = is_bare(body, true) ? 1 : 3;
		}
		if (n == 1)
			buf_putc(out, c);
		else
			buf_printf(out, "=%02X", (unsigned)(uint8_t)c);
		column += n;
	}
	if (column)
		buf_put(out, SPAN("=\n"));
}

void transfer_encode(struct buf *out, enum transfer kind, span body)
{
	if (kind == TRANSFER_BASE64)
		encode_base64(out, body);
	else if (kind == TRANSFER_QUOTED)
		encode_quoted(out, body);
	else
		buf_put(out, body);
}
