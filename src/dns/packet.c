/* SPDX-License-Identifier: ISC */
/*
 * dns/packet.c - reads names and records with every length checked.
 *
 * A compression pointer must point before everything read of that name so
 * far: each jump goes strictly down, so there are no loops and no pointers
 * forward. A name is at most 255 bytes on the wire, wherever its parts lie.
 *
 * A record's data must fill its RDLENGTH exactly; a record of the type asked
 * for whose data does not makes the answer malformed, one of another type is
 * skipped by its length. Only the answer section counts, and for negative
 * answers the SOA of the authority section (RFC 2308), whose damage is
 * ignored.
 */
#include "dns/packet.h"

#include <string.h>

enum {
	HEADER = 12,
	FIXED = 10, /* type, class, ttl, rdlength */
	CLASS_IN = 1,
	RECORDS_SEEN_MAX = 2000,
	/* A negative answer without SOA, and the most that a SOA may say. */
	NEGATIVE_TTL = 60,
	NEGATIVE_TTL_MAX = 3600,
};

static unsigned u16_at(span p, size_t at)
{
	return (unsigned char)p.ptr[at] << 8 | (unsigned char)p.ptr[at + 1];
}

static uint32_t u32_at(span p, size_t at)
{
	return (uint32_t)u16_at(p, at) << 16 | u16_at(p, at + 2);
}

static size_t put_label_byte(char *text, size_t len, char c)
{
	unsigned char u = (unsigned char)c;

	if (ascii_is_print(c) && c != '.' && c != '\\' && c != ' ') {
		text[len] = c;
		return len + 1;
	}
	text[len] = '\\';
	text[len + 1] = (char)('0' + u / 100);
	text[len + 2] = (char)('0' + u / 10 % 10);
	text[len + 3] = (char)('0' + u % 10);
	return len + 4;
}

static size_t put_label(char *text, size_t len, span label)
{
	if (len)
		text[len++] = '.';
	for (size_t i = 0; i < label.len; i++)
		len = put_label_byte(text, len, label.ptr[i]);
	return len;
}

bool dns_packet_name(
    span p, size_t at, char text[DNS_NAME_TEXT_MAX], size_t ret[2])
{
	size_t floor = at; /* pointers must point below */
	size_t end = 0;    /* where the name ends here; 0: not known yet */
	size_t wire = 1;
	size_t len = 0;

	for (;;) {
		unsigned n;

		if (at >= p.len)
			return false;
		n = (unsigned char)p.ptr[at];
		if (n >= 0xc0) {
			if (p.len - at < 2)
				return false;
			end = end ? end : at + 2;
			at = u16_at(p, at) & 0x3fff;
			if (at >= floor)
				return false;
			floor = at;
			continue;
		}
		if (n > 63 || p.len - at <= n)
			return false;
		if (!n)
			break;
		wire += n + 1;
		if (wire > DNS_NAME_WIRE_MAX)
			return false;
		len = put_label(text, len, span_first(span_from(p, at + 1), n));
		at += n + 1;
	}
	ret[0] = end ? end : at + 1;
	ret[1] = len;
	return true;
}

struct reader {
	span packet;
	size_t at; /* next record */
	unsigned left;
	/* The record just read: */
	char name_text[DNS_NAME_TEXT_MAX];
	span name;
	unsigned type;
	unsigned class;
	uint32_t ttl;
	size_t data;
	size_t data_len;
};

/* False: there is none left, or it is broken (then `left` stays). */
static bool next_record(struct reader *r)
{
	size_t name[2];
	size_t at;

	if (!r->left)
		return false;
	if (!dns_packet_name(r->packet, r->at, r->name_text, name))
		return false;
	at = name[0];
	if (r->packet.len - at < FIXED)
		return false;
	r->name = span_of(r->name_text, name[1]);
	r->type = u16_at(r->packet, at);
	r->class = u16_at(r->packet, at + 2);
	r->ttl = u32_at(r->packet, at + 4);
	/* RFC 2181 8: with the highest bit set it means zero. */
	if (r->ttl > INT32_MAX)
		r->ttl = 0;
	r->data = at + FIXED;
	r->data_len = u16_at(r->packet, at + 8);
	if (r->packet.len - r->data < r->data_len)
		return false;
	r->at = r->data + r->data_len;
	r->left--;
	return true;
}

/* A name that fills the rest of the data from `at` on. */
static bool read_name_data(
    const struct reader *r, size_t at, char text[DNS_NAME_TEXT_MAX], span *ret)
{
	size_t name[2];

	if (at >= r->data + r->data_len ||
	    !dns_packet_name(r->packet, at, text, name) ||
	    name[0] != r->data + r->data_len)
		return false;
	*ret = span_of(text, name[1]);
	return true;
}

enum taken { TAKEN, BROKEN, NO_ROOM };

static enum taken keep(struct arena *a, span data, struct dns_record *ret)
{
	ret->data = arena_dup(a, data);
	return ret->data.ptr ? TAKEN : NO_ROOM;
}

static enum taken take_addr(
    const struct reader *r, size_t len, struct dns_record *ret)
{
	if (r->data_len != len)
		return BROKEN;
	memcpy(ret->addr, r->packet.ptr + r->data, len);
	return TAKEN;
}

static enum taken take_txt(
    const struct reader *r, struct arena *a, struct dns_record *ret)
{
	span rest = span_first(span_from(r->packet, r->data), r->data_len);
	char *text = arena_alloc(a, rest.len + 1, 1);
	size_t len = 0;

	if (!text)
		return NO_ROOM;
	while (rest.len) {
		size_t n = (unsigned char)rest.ptr[0];

		if (rest.len <= n)
			return BROKEN;
		memcpy(text + len, rest.ptr + 1, n);
		len += n;
		rest = span_from(rest, n + 1);
	}
	ret->data = span_of(text, len);
	return TAKEN;
}

static enum taken take_record(
    const struct reader *r, struct arena *a, struct dns_record *ret)
{
	char text[DNS_NAME_TEXT_MAX];
	span name;

	*ret = (struct dns_record){ .ttl = r->ttl };
	switch (r->type) {
	case DNS_TYPE_A:
		return take_addr(r, 4, ret);
	case DNS_TYPE_AAAA:
		return take_addr(r, 16, ret);
	case DNS_TYPE_TXT:
		return take_txt(r, a, ret);
	case DNS_TYPE_MX:
		if (r->data_len < 3 ||
		    !read_name_data(r, r->data + 2, text, &name))
			return BROKEN;
		ret->pref = (uint16_t)u16_at(r->packet, r->data);
		return keep(a, name, ret);
	default: /* PTR, CNAME */
		if (!read_name_data(r, r->data, text, &name))
			return BROKEN;
		return keep(a, name, ret);
	}
}

/* One step along the chain of aliases: the records that `name` owns. */
struct step {
	span name;
	enum dns_type type;
	uint32_t ttl;
	bool aliased;
	char alias[DNS_NAME_TEXT_MAX];
	span target;
	uint32_t nrecords;
	struct dns_record records[DNS_RECORDS_MAX];
};

static enum taken take(
    const struct reader *r, struct arena *a, struct step *step)
{
	if (r->class != CLASS_IN || !span_eq_nocase(r->name, step->name))
		return TAKEN;
	if (r->type == (unsigned)step->type) {
		if (step->nrecords == DNS_RECORDS_MAX)
			return TAKEN;
		step->ttl = MIN(step->ttl, r->ttl);
		return take_record(r, a, &step->records[step->nrecords++]);
	}
	if (r->type == DNS_TYPE_CNAME && !step->aliased) {
		step->ttl = MIN(step->ttl, r->ttl);
		step->aliased = true;
		if (!read_name_data(r, r->data, step->alias, &step->target))
			return BROKEN;
	}
	return TAKEN;
}

static enum taken walk(struct reader r, struct arena *a, struct step *step)
{
	step->aliased = false;
	while (next_record(&r)) {
		enum taken taken = take(&r, a, step);

		if (taken != TAKEN)
			return taken;
	}
	return r.left ? BROKEN : TAKEN;
}

/* Steps over the questions; false: malformed. */
static bool skip_questions(struct reader *r, unsigned n)
{
	size_t name[2];

	while (n--) {
		if (!dns_packet_name(r->packet, r->at, r->name_text, name) ||
		    r->packet.len - name[0] < 4)
			return false;
		r->at = name[0] + 4;
	}
	return true;
}

/* RFC 2308 5: the lesser of the SOA's TTL and its last field. */
static uint32_t negative_ttl(struct reader r, unsigned auth)
{
	uint32_t ttl;

	while (next_record(&r))
		;
	if (r.left)
		return NEGATIVE_TTL;
	r.left = auth;
	while (next_record(&r)) {
		if (r.type != DNS_TYPE_SOA || r.data_len < 22)
			continue;
		ttl = u32_at(r.packet, r.data + r.data_len - 4);
		ttl = MIN(ttl, r.ttl);
		return MIN(ttl, (uint32_t)NEGATIVE_TTL_MAX);
	}
	return NEGATIVE_TTL;
}

static enum dns_status status_of_rcode(unsigned rcode)
{
	static const enum dns_status statuses[] = {
		DNS_OK,
		DNS_FAILED, /* FORMERR */
		DNS_AGAIN,  /* SERVFAIL */
		DNS_NXDOMAIN,
	};

	return rcode < ARRAY_LEN(statuses) ? statuses[rcode] : DNS_FAILED;
}

/* Follows the aliases; gives what stands at their end. */
static enum taken collect(
    const struct reader *start, struct arena *a, struct step *step)
{
	char owner[DNS_NAME_TEXT_MAX];

	for (int i = 0; i <= DNS_ALIASES_MAX; i++) {
		enum taken taken = walk(*start, a, step);

		if (taken != TAKEN || step->nrecords || !step->aliased)
			return taken;
		memcpy(owner, step->alias, step->target.len);
		step->name = span_of(owner, step->target.len);
	}
	return BROKEN;
}

/* Header and questions; the answer has its status, the reader its place. */
static bool begin(struct reader *r, struct dns_answer *ret)
{
	span p = r->packet;

	*ret = (struct dns_answer){ .status = DNS_MALFORMED };
	if (p.len < HEADER || !(p.ptr[2] & 0x80))
		return false;
	ret->status = status_of_rcode((unsigned char)p.ptr[3] & 15);
	if (ret->status != DNS_OK && ret->status != DNS_NXDOMAIN)
		return false;
	r->left = MIN(u16_at(p, 6), (unsigned)RECORDS_SEEN_MAX);
	if (skip_questions(r, u16_at(p, 4)))
		return true;
	ret->status = DNS_MALFORMED;
	return false;
}

static bool keep_records(
    struct arena *a, const struct step *step, struct dns_answer *ret)
{
	struct dns_record *copy = arena_alloc(a, step->nrecords, sizeof(*copy));

	if (!copy)
		return false;
	memcpy(copy, step->records, step->nrecords * sizeof(*copy));
	ret->records = copy;
	ret->nrecords = step->nrecords;
	ret->ttl = step->ttl;
	return true;
}

bool dns_packet_parse(span packet, span name, enum dns_type type,
    struct arena *a, struct dns_answer *ret)
{
	struct reader r = { .packet = packet, .at = HEADER };
	struct step step = { .name = name, .type = type, .ttl = UINT32_MAX };
	enum taken taken;

	if (!begin(&r, ret))
		return true;
	if (ret->status == DNS_OK) {
		taken = collect(&r, a, &step);
		if (taken == NO_ROOM)
			return false;
		if (taken == BROKEN)
			ret->status = DNS_MALFORMED;
		else if (step.nrecords)
			return keep_records(a, &step, ret);
		else
			ret->status = DNS_NODATA;
	}
	if (ret->status != DNS_MALFORMED)
		ret->ttl = negative_ttl(r, u16_at(packet, 8));
	return true;
}
