/* SPDX-License-Identifier: ISC */
/*
 *	START --other--> LINE --CR--> CR --LF--> START
 *	  |                ^
 *	  +--"."--> DOT ---+ "."
 *
 * Anything else than these steps is refused: a bare CR or LF, a line that
 * begins with one dot alone.
 */
#include "daemon/pickup/wire.h"

enum { START, DOT, LINE, CR, BROKEN };

void wire_check_init(struct wire_check *c)
{
	c->state = START;
}

/* What comes next, if it is not inside of a line. */
static uint8_t step(uint8_t state, char c)
{
	if (state == CR)
		return c == '\n' ? START : BROKEN;
	if (state == DOT)
		return c == '.' ? LINE : BROKEN;
	if (c == '\n')
		return BROKEN;
	if (c == '\r')
		return CR;
	return state == START && c == '.' ? DOT : LINE;
}

bool wire_check(struct wire_check *c, span piece)
{
	while (piece.len && c->state != BROKEN) {
		if (c->state == LINE) {
			size_t n = 0;

			while (n < piece.len && piece.ptr[n] != '\r' &&
			    piece.ptr[n] != '\n')
				n++;
			piece = span_from(piece, n);
			if (!piece.len)
				break;
		}
		c->state = step(c->state, piece.ptr[0]);
		piece = span_from(piece, 1);
	}
	return c->state != BROKEN;
}

void wire_check_end(struct wire_check *c, struct buf *out)
{
	static const span ends[] = {
		[DOT] = SPAN_INIT(".\r\n"),
		[LINE] = SPAN_INIT("\r\n"),
		[CR] = SPAN_INIT("\n"),
		[BROKEN] = SPAN_INIT(""),
	};

	buf_put(out, ends[c->state]);
	c->state = START;
}
