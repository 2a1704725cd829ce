/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/lists.h - which lists are read as root.
 */
#pragma once

#include "daemon/deliver/services.h"

/*
 * Whether an alias of root's has ":include:path". Who asks for the list reads
 * what strangers and users write, so his word is not enough: the name must
 * stand in the text of one of our alias tables, which nobody but root can
 * have written.
 */
bool lists_named(const struct service *at, span path);
/*
 * Whether nobody but root can say what lies there: it is a plain file of
 * root's, no part of its path is a link, and no directory on the way lets
 * others put another one in its place.
 */
bool lists_is_fixed(span path);
