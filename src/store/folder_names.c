/* SPDX-License-Identifier: ISC */
#include "store/folder_names.h"

static const struct {
	char letter;
	uint8_t flag;
} letters[] = {
	{ 'D', FOLDER_DRAFT },
	{ 'F', FOLDER_FLAGGED },
	{ 'R', FOLDER_ANSWERED },
	{ 'S', FOLDER_SEEN },
	{ 'T', FOLDER_DELETED },
};

/* Where ":2," begins, or -1; other kinds of info are part of the base. */
static ssize_t find_info(span name)
{
	ssize_t at = span_rfind(name, ':');

	if (at < 0 ||
	    !span_has_prefix(span_from(name, (size_t)at), SPAN(":2,")))
		return -1;
	return at;
}

span folder_name_base(span name)
{
	ssize_t at = find_info(name);

	return at < 0 ? name : span_first(name, (size_t)at);
}

static span info(span name)
{
	ssize_t at = find_info(name);

	return at < 0 ? SPAN_NONE : span_from(name, (size_t)at + 3);
}

static uint8_t flag_of(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if (letters[i].letter == letter)
			return letters[i].flag;
	return 0;
}

uint8_t folder_name_flags(span name)
{
	span rest = info(name);
	uint8_t flags = 0;

	for (size_t i = 0; i < rest.len; i++)
		flags |= flag_of(rest.ptr[i]);
	return flags;
}

/* Bytes of the name that are no flag of ours, and those that are wanted. */
void folder_name_write(span name, uint8_t flags, struct buf *out)
{
	bool wanted[256] = { false };
	span rest = info(name);

	for (size_t i = 0; i < rest.len; i++)
		wanted[(unsigned char)rest.ptr[i]] = !flag_of(rest.ptr[i]);
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		wanted[(unsigned char)letters[i].letter] =
		    flags & letters[i].flag;
	buf_put(out, folder_name_base(name));
	buf_put(out, SPAN(":2,"));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (wanted[i])
			buf_putc(out, (char)i);
}

static uint64_t leading_number(span name)
{
	uint64_t n = 0;

	for (size_t i = 0; i < name.len && ascii_is_digit(name.ptr[i]); i++) {
		if (n > UINT64_MAX / 10 - 1)
			return UINT64_MAX;
		n = n * 10 + (uint64_t)(name.ptr[i] - '0');
	}
	return n;
}

int folder_name_compare(span a, span b)
{
	uint64_t x = leading_number(a);
	uint64_t y = leading_number(b);

	if (x != y)
		return x < y ? -1 : 1;
	return span_cmp(folder_name_base(a), folder_name_base(b));
}
