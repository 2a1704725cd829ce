/* SPDX-License-Identifier: ISC */
/*
 * base/width.h - UTF-8 text in the columns of a terminal.
 *
 * Widths come from the Unicode tables (width.py writes width_table.h), not
 * from the locale. Every function takes any bytes.
 */
#pragma once

#include "base/buf.h"

/*
 * The next character; steps over it. Bytes that are no UTF-8 come out one at
 * a time as U+FFFD. Ask rest->len before.
 */
uint32_t utf8_next(span *rest);
void utf8_put(struct buf *out, uint32_t c);
/* 0: combining; 1; 2: wide. Controls have 1 (they are shown as something). */
unsigned width_of(uint32_t c);
/* Of a text that was made harmless; no line ends, no tabs. */
size_t width_text(span utf8);
/* The longest beginning that is at most `columns` wide, whole clusters. */
span width_first(span utf8, size_t columns);
/*
 * Append text of a stranger so that no terminal obeys it: C0 and C1 controls,
 * DEL, bidirectional overrides and what is no UTF-8 become U+FFFD or "?"
 * (ascii: everything above 127 too). Tab and LF stay when `lines`, else
 * become a blank; CR before LF goes.
 */
enum harmless { HARMLESS_LINE, HARMLESS_LINES };
void width_harmless(struct buf *out, span text, enum harmless how, bool ascii);
/* Append it in exactly `columns`: cut or filled with blanks (left: before). */
void width_pad(struct buf *out, span utf8, size_t columns, bool left);
