/* SPDX-License-Identifier: ISC */
/*
 * base/width.h - UTF-8 text in the columns of a terminal.
 *
 * Widths come from the Unicode tables (width.py writes width_table.h), not
 * from the locale. Every function takes any bytes.
 *
 * A cluster is what a terminal shows in one place: a character with what
 * combines with it, two regional indicators (a flag), emoji that are joined
 * or have a skin tone.
 */
#pragma once

#include "base/utf8.h"

/* 0: combining; 1; 2: wide. Controls have 1 (they are shown as something). */
unsigned width_of(uint32_t c);
/* The next cluster; steps over it. Ask rest->len before. */
span width_cluster(span *rest, unsigned *ret_columns);
/* Of a text that was made harmless; no line ends, no tabs. */
size_t width_text(span utf8);
/* The longest beginning that is at most `columns` wide, whole clusters. */
span width_first(span utf8, size_t columns);
/*
 * Append text of a stranger so that no terminal obeys it: C0 and C1 controls,
 * DEL, what embeds, overrides or isolates directions, and what is no UTF-8 or
 * no character become U+FFFD or "?" (ascii: everything above 127 too, but
 * for quotes and dashes that have a plain form, and what combines goes). Tab
 * and LF stay when `lines`, else become a blank; so do the separators of
 * lines and paragraphs. CR before LF goes, and what is beyond 30 combining
 * characters in one place.
 */
enum harmless { HARMLESS_LINE, HARMLESS_LINES };
void width_harmless(struct buf *out, span text, enum harmless how, bool ascii);
/* Append it in exactly `columns`: cut or filled with blanks (left: before). */
void width_pad(struct buf *out, span utf8, size_t columns, bool left);
