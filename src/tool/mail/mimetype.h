/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/mimetype.h - the type of a file by its name.
 */
#pragma once

#include "tool/mail/mua.h"

/*
 * ~/.mime.types, /etc/mime.types, then a table of our own. Nothing is appended
 * if the name says nothing.
 */
void mimetype_find(struct mua *m, span name, struct buf *out);
/* One file of lines "type ext ext ..."; true: it was found. */
MUST_USE bool mimetype_look(span table, span extension, struct buf *out);
