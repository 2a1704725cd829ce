/* SPDX-License-Identifier: ISC */
#include "mail/header.h"

enum {
	/* A name longer than a line that Postfix reads at once is none. */
	LONGEST_NAME = 2047,
};

#define SENDER    HEADER_HAS_SENDER
#define RECIPIENT HEADER_HAS_RECIPIENT
#define RESENT    HEADER_IS_RESENT

/* clang-format off */
static const struct header_info known[] = {
	{ SPAN_INIT("To"), HEADER_TO, RECIPIENT },
	{ SPAN_INIT("From"), HEADER_FROM, SENDER },
	{ SPAN_INIT("Date"), HEADER_DATE, 0 },
	{ SPAN_INIT("Message-Id"), HEADER_MESSAGE_ID, 0 },
	{ SPAN_INIT("Received"), HEADER_RECEIVED, 0 },
	{ SPAN_INIT("Cc"), HEADER_CC, RECIPIENT },
	{ SPAN_INIT("Bcc"), HEADER_BCC, RECIPIENT },
	{ SPAN_INIT("Apparently-To"), HEADER_OTHER, RECIPIENT },
	{ SPAN_INIT("Content-Transfer-Encoding"), HEADER_ENCODING, 0 },
	{ SPAN_INIT("Disposition-Notification-To"), HEADER_OTHER, SENDER },
	{ SPAN_INIT("Errors-To"), HEADER_OTHER, SENDER },
	{ SPAN_INIT("Mail-Followup-To"), HEADER_OTHER, SENDER },
	{ SPAN_INIT("Reply-To"), HEADER_OTHER, SENDER },
	{ SPAN_INIT("Resent-Bcc"), HEADER_OTHER, RECIPIENT | RESENT },
	{ SPAN_INIT("Resent-Cc"), HEADER_RESENT_CC, RECIPIENT | RESENT },
	{ SPAN_INIT("Resent-Date"), HEADER_RESENT_DATE, RESENT },
	{ SPAN_INIT("Resent-From"), HEADER_RESENT_FROM, SENDER | RESENT },
	{ SPAN_INIT("Resent-Message-Id"), HEADER_RESENT_MESSAGE_ID, RESENT },
	{ SPAN_INIT("Resent-Reply-To"), HEADER_OTHER, RECIPIENT | RESENT },
	{ SPAN_INIT("Resent-Sender"), HEADER_OTHER, SENDER | RESENT },
	{ SPAN_INIT("Resent-To"), HEADER_RESENT_TO, RECIPIENT | RESENT },
	{ SPAN_INIT("Return-Path"), HEADER_OTHER, SENDER },
	{ SPAN_INIT("Return-Receipt-To"), HEADER_OTHER, SENDER },
	{ SPAN_INIT("Sender"), HEADER_OTHER, SENDER },
};
/* clang-format on */

const struct header_info *header_find(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq_nocase(known[i].name, name))
			return &known[i];
	return NULL;
}

size_t header_name_len(span line)
{
	size_t len = 0;
	size_t i;

	line = span_first(line, LONGEST_NAME + 1);
	while (len < line.len && line.ptr[len] > ' ' && line.ptr[len] < 127 &&
	    line.ptr[len] != ':')
		len++;
	for (i = len; i < line.len; i++)
		if (line.ptr[i] != ' ' && line.ptr[i] != '\t')
			break;
	return i < line.len && line.ptr[i] == ':' ? len : 0;
}
