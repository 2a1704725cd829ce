/* SPDX-License-Identifier: ISC */
/*
 * store/folder_names.h - what names of files in a Maildir say.
 *
 *	1582085435.V801I2f3M42.host:2,RS
 *	\_______ base ____________/   \_ flags
 */
#pragma once

#include "store/folder.h"

/* The part that stays when flags change. */
span folder_name_base(span name);
/* D F P R S T: FOLDER_DRAFT, _FLAGGED, (passed), _ANSWERED, _SEEN, _DELETED. */
uint8_t folder_name_flags(span name);
/*
 * The name for these flags. Letters of `name` that are not ours (P, or
 * keywords of other programs) stay, all in the order of the alphabet.
 */
void folder_name_write(span name, uint8_t flags, struct buf *out);
/* The order of messages: by the time in front, then by bytes. */
int folder_name_compare(span a, span b);
