/* SPDX-License-Identifier: ISC */
/*
 * Two paths. pass_clean() walks whole lines with memchr() and says how much
 * of the input may go out untouched; it stops at the first byte that needs
 * thought. step() thinks about one such byte. What a step must hold back
 * until the next byte decides is never stored: it is a dot (the place DOT)
 * and a number of CRs, so it can be put together again from constants.
 *
 *	START --other--> LINE --CRLF--> START
 *	  |                ^
 *	 '.' --> DOT --other (the dot is handed out first)
 *	          +--CRLF--> end
 */
#include "proto/smtp_content.h"

enum place {
	START, /* nothing of this line yet */
	DOT,   /* a dot and nothing else, held back */
	LINE,  /* inside */
};

/* A longer run of CRs than this is not taken for part of a line end. */
enum { CRS_MAX = 64 };

static const char blanks[] = "                                "
                             "                                ";

void smtp_content_init(struct smtp_content *c, enum smtp_content_kind kind)
{
	*c = (struct smtp_content){ .kind = (uint8_t)kind };
}

/*
 * Is the dot at the start of a line, in front of `rest`, an ordinary stuffed
 * one? If it may be the last dot, or nobody knows yet, step() has to look.
 */
static bool dot_is_stuffed(const struct smtp_content *c, span rest)
{
	return c->kind != SMTP_CONTENT_BDAT && rest.len &&
	    rest.ptr[0] != '\r' && rest.ptr[0] != '\n';
}

static size_t pass_clean(struct smtp_content *c, span in)
{
	const char *p = in.ptr;
	const char *end = in.ptr + in.len;

	while (p < end) {
		const char *lf;
		const char *cr;
		const char *stop;

		if (c->place == START && *p == '.') {
			if (!dot_is_stuffed(
			        c, span_of(p + 1, (size_t)(end - p) - 1)))
				break;
			c->size--;
		}
		lf = memchr(p, '\n', (size_t)(end - p));
		stop = lf ? lf : end;
		cr = memchr(p, '\r', (size_t)(stop - p));
		if (lf && cr && cr + 1 == lf) {
			c->place = START;
			c->after_bare_lf = false;
			p = lf + 1;
			continue;
		}
		stop = cr ? cr : stop;
		if (stop > p)
			c->place = LINE;
		p = stop;
		break;
	}
	c->size += (size_t)(p - in.ptr);
	return (size_t)(p - in.ptr);
}

/* Something that stands for input which was held back, or repairs it. */
static enum smtp_content_result repair(
    struct smtp_content *c, span piece, span *ret_piece)
{
	c->size += piece.len;
	*ret_piece = piece;
	return SMTP_CONTENT_PIECE;
}

/* The held dot turns out to be the first byte of a line. */
static enum smtp_content_result release_dot(
    struct smtp_content *c, span *ret_piece)
{
	c->place = LINE;
	*ret_piece = SPAN(".");
	return SMTP_CONTENT_PIECE;
}

/* `n` of the held CRs belong to no line end. */
static enum smtp_content_result stray_crs(
    struct smtp_content *c, uint32_t n, span *ret_piece)
{
	if (c->place == DOT)
		return release_dot(c, ret_piece);
	c->place = LINE;
	c->crs -= n;
	return repair(c, span_of(blanks, n), ret_piece);
}

/* The LF stands at the front of `in`; c->crs says what was before it. */
static enum smtp_content_result end_line(
    struct smtp_content *c, span *in, span *ret_piece)
{
	bool lax = c->kind == SMTP_CONTENT_LAX;
	bool bare = c->crs == 0;
	bool was_bare = c->after_bare_lf;
	enum place place = c->place;

	if (c->crs > 1 && !lax)
		return stray_crs(c, c->crs - 1, ret_piece);
	*in = span_from(*in, 1);
	c->place = START;
	c->crs = 0;
	c->after_bare_lf = bare;
	c->saw_bare_lf |= bare;
	if (place != DOT)
		return repair(c, SPAN("\r\n"), ret_piece);
	return lax || (!bare && !was_bare) ? SMTP_CONTENT_END
	                                   : SMTP_CONTENT_MORE;
}

/* One byte that pass_clean() did not take. MORE: nothing came of it yet. */
static enum smtp_content_result step(
    struct smtp_content *c, span *in, span *ret_piece)
{
	char ch = in->ptr[0];

	if (ch == '\n')
		return end_line(c, in, ret_piece);
	if (ch == '\r') {
		if (c->crs == CRS_MAX)
			return stray_crs(c, c->crs, ret_piece);
		c->crs++;
		*in = span_from(*in, 1);
		return SMTP_CONTENT_MORE;
	}
	if (c->crs)
		return stray_crs(c, c->crs, ret_piece);
	if (c->place == DOT)
		return release_dot(c, ret_piece);
	/* A dot at the start of a line: the only other byte that stops us. */
	if (c->kind == SMTP_CONTENT_BDAT)
		return release_dot(c, ret_piece);
	c->place = DOT;
	*in = span_from(*in, 1);
	return SMTP_CONTENT_MORE;
}

enum smtp_content_result smtp_content_next(
    struct smtp_content *c, span *in, span *ret_piece)
{
	enum smtp_content_result r = SMTP_CONTENT_MORE;

	while (in->len && r == SMTP_CONTENT_MORE) {
		size_t n = c->crs || c->place == DOT ? 0 : pass_clean(c, *in);

		if (n) {
			*ret_piece = span_first(*in, n);
			*in = span_from(*in, n);
			return SMTP_CONTENT_PIECE;
		}
		r = step(c, in, ret_piece);
	}
	return r;
}

enum smtp_content_result smtp_content_finish(
    struct smtp_content *c, span *ret_piece)
{
	if (c->crs)
		return stray_crs(c, c->crs, ret_piece);
	if (c->place == START)
		return SMTP_CONTENT_END;
	c->place = START;
	return repair(c, SPAN("\r\n"), ret_piece);
}
