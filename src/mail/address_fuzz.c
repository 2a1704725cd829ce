/* SPDX-License-Identifier: ISC */
/* The first byte is the flags, the rest the argument of MAIL or RCPT. */
#include "mail/address.h"
#include "mail/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Quoting and unquoting give back what they got. */
static void check_quoting(span addr)
{
	struct buf quoted = BUF_INIT(1 << 20);
	struct buf plain = BUF_INIT(1 << 20);

	address_quote(&quoted, addr);
	address_unquote(&plain, buf_span(&quoted));
	if (!span_eq(buf_span(&plain), addr))
		bug("quoting changed the address");
	buf_done(&quoted);
	buf_done(&plain);
}

static void check_rewriting(span addr)
{
	const struct rewrite_conf conf = { .origin = SPAN("origin.org"),
		.domain = SPAN("my.net"),
		.swap_bangpath = true,
		.percent_hack = true,
		.append_at_myorigin = true,
		.append_dot_mydomain = true };
	struct buf out = BUF_INIT(1 << 20);
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!rewrite_address(&conf, &a, addr, &out))
		bug("an address that was parsed cannot be rewritten");
	arena_done(&a);
	buf_done(&out);
}

static bool lies_within(span part, span whole)
{
	return part.ptr >= whole.ptr &&
	    part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span whole = span_of(data, size);
	span args = span_from(whole, 1);
	struct address_path p;
	struct arena a;
	int r;

	if (size < 1)
		return 0;
	arena_init(&a, 256 * 1024);
	r = address_parse_path(&args, data[0], &a, &p);
	if (!lies_within(args, whole))
		bug("the rest is not part of the input");
	if (r != ADDRESS_MISSING && p.text.len == 0)
		bug("an empty path");
	if (r == ADDRESS_OK) {
		if (!address_is_valid(p.addr, data[0]))
			bug("accepted, but not valid");
		check_quoting(p.addr);
		check_rewriting(p.addr);
	}
	arena_done(&a);
	return 0;
}
