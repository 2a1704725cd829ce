/* SPDX-License-Identifier: ISC */
#include "daemon/smtpd/nets.h"

#include "os/sock.h"

struct entry {
	span name; /* of a host or (with a dot in front) a domain */
	bool negated;
	uint8_t family; /* 0: a name */
	uint8_t bits;
	uint8_t bytes[16];
};

struct nets {
	size_t count;
	struct entry *entries;
};

/* The address as bytes; 0 or the number of them. */
static uint8_t address_bytes(span text, uint8_t bytes[16])
{
	struct sock_addr a;

	if (!sock_parse(text, 0, &a))
		return 0;
	if (a.any.sa_family == AF_INET) {
		memcpy(bytes, &a.v4.sin_addr, 4);
		return 4;
	}
	memcpy(bytes, &a.v6.sin6_addr, 16);
	return 16;
}

/* "addr", "addr/bits", "[addr]", "[addr]/bits", "[addr/bits]" */
static bool parse_network(span text, struct entry *e)
{
	char plain[64];
	uint32_t bits;
	span addr;
	span rest;
	size_t n = 0;
	uint8_t size;

	for (size_t i = 0; i < text.len && n < sizeof(plain); i++)
		if (text.ptr[i] != '[' && text.ptr[i] != ']')
			plain[n++] = text.ptr[i];
	rest = span_of(plain, n);
	addr = span_cut(&rest, '/');
	size = address_bytes(addr, e->bytes);
	if (!size)
		return false;
	bits = size * 8u;
	if (rest.len && (!span_to_u32(rest, &bits) || bits > size * 8u))
		return false;
	e->family = size;
	e->bits = (uint8_t)bits;
	return true;
}

static void add(struct nets *nets, span text)
{
	struct entry e = { 0 };

	while (span_skip(&text, SPAN("!")))
		e.negated = !e.negated;
	if (!parse_network(text, &e)) {
		if (span_find(text, ':') >= 0 || span_find(text, '/') >= 0)
			return;
		e.name = text;
	}
	nets->entries = mem_resize(nets->entries, nets->count + 1, sizeof(e));
	nets->entries[nets->count++] = e;
}

struct nets *nets_new(span text)
{
	struct nets *nets = NEW(struct nets);

	for (;;) {
		span word = span_word(&text, ", \t\r\n");

		if (!word.len)
			return nets;
		add(nets, word);
	}
}

void nets_free(struct nets **nets)
{
	if (!*nets)
		return;
	mem_free((*nets)->entries);
	mem_free(STEAL(*nets));
}

static bool has_address(const struct entry *e, const uint8_t *bytes)
{
	size_t whole = e->bits / 8;
	unsigned rest = e->bits % 8;

	if (memcmp(e->bytes, bytes, whole) != 0)
		return false;
	return !rest ||
	    (e->bytes[whole] >> (8 - rest)) == (bytes[whole] >> (8 - rest));
}

static bool has_name(const struct entry *e, span name)
{
	if (e->name.ptr[0] == '.')
		return span_has_suffix_nocase(name, e->name);
	return span_eq_nocase(name, e->name);
}

bool nets_has(const struct nets *nets, span name, span addr)
{
	uint8_t bytes[16];
	uint8_t family = address_bytes(addr, bytes);

	for (size_t i = 0; i < nets->count; i++) {
		const struct entry *e = &nets->entries[i];

		if (e->family ? e->family == family && has_address(e, bytes)
		              : has_name(e, name))
			return !e->negated;
	}
	return false;
}
