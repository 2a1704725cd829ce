/* SPDX-License-Identifier: ISC */
/*
 * store/segment.c - encoding and decoding of the log (doc/queue.md 3).
 *
 * Headers, trailers and entries go through base/wire; record headers, of
 * which every message has several on its way, are laid out by hand. Sizes
 * are checked with wide types before anything is believed.
 */
#include "store/segment.h"

#include "base/wire.h"
#include "store/crc32c.h"

#include <endian.h>

enum {
	FORMAT_VERSION = 1,
	HEADER_MAGIC = 0x67735143,  /* "CQsg" */
	RECORD_MAGIC = 0x63725143,  /* "CQrc" */
	TRAILER_MAGIC = 0x6c745143, /* "CQtl" */

	HEADER_LENGTH = 49,
	/* Where the fields of a record's header lie. */
	AT_MAGIC = 0,
	AT_CRC = 4,
	AT_STAMP = 8,
	AT_SEQ = 16,
	AT_ID = 24,
	AT_GROUP = 32,
	AT_LENGTH = 36,
	AT_SPLIT = 40,
	AT_PAYLOAD_CRC = 44,
	AT_DIGEST = 48,
	AT_TYPE = 50,
	AT_FLAGS = 51,
	/* 52: four zeros, to end on the alignment */
	NUMBER_LENGTH = 8,
};

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static void put_zeros(struct buf *out, size_t n)
{
	char *p = buf_room(out, n);

	if (!p)
		return;
	memset(p, 0, n);
	out->len += n;
}

/* --- headers ---------------------------------------------------------- */

/* Of everything but itself; the same in all versions. */
static uint32_t header_crc(span header)
{
	uint32_t crc = crc32c(0, span_first(header, 8));

	header = span_first(header, HEADER_LENGTH);
	return crc32c(crc, span_from(header, 12));
}

void segment_header_put(struct buf *out, const struct segment_header *h)
{
	size_t start = out->len;
	uint32_t crc;

	wire_put_u32(out, HEADER_MAGIC);
	wire_put_u32(out, FORMAT_VERSION);
	wire_put_u32(out, 0);
	wire_put_u64(out, h->turn);
	wire_put_u64(out, h->stamp);
	wire_put_u64(out, h->seq);
	wire_put_u64(out, h->mark);
	wire_put_u32(out, h->size);
	wire_put_u8(out, h->use);
	if (out->failed)
		return;
	crc = htole32(header_crc(span_of(out->data + start, HEADER_LENGTH)));
	memcpy(out->data + start + 8, &crc, sizeof(crc));
	put_zeros(out, SEGMENT_BLOCK - (out->len - start));
}

static bool is_blank(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i])
			return false;
	return true;
}

enum header_result segment_header_get(span block, struct segment_header *ret)
{
	struct wire w = wire_from(block);
	struct segment_header h;
	uint32_t version;
	uint32_t crc;

	if (wire_u32(&w) != HEADER_MAGIC)
		return is_blank(block) ? HEADER_BLANK : HEADER_BAD;
	version = wire_u32(&w);
	crc = wire_u32(&w);
	if (block.len < HEADER_LENGTH || header_crc(block) != crc)
		return HEADER_BAD;
	if (version != FORMAT_VERSION)
		return HEADER_FOREIGN;
	h.turn = wire_u64(&w);
	h.stamp = wire_u64(&w);
	h.seq = wire_u64(&w);
	h.mark = wire_u64(&w);
	h.size = wire_u32(&w);
	h.use = wire_u8(&w);
	if (w.failed || h.use > SEGMENT_COLD || h.size < SEGMENT_MIN ||
	    h.size > SEGMENT_MAX || h.size % SEGMENT_BLOCK)
		return HEADER_BAD;
	*ret = h;
	return HEADER_OK;
}

/* --- records ---------------------------------------------------------- */

static void set_u32(char *p, uint32_t n)
{
	n = htole32(n);
	memcpy(p, &n, sizeof(n));
}

static void set_u64(char *p, uint64_t n)
{
	n = htole64(n);
	memcpy(p, &n, sizeof(n));
}

static uint32_t get_u32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

static uint64_t get_u64(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

uint64_t record_size(uint64_t payload)
{
	return align_up(RECORD_HEADER + payload, RECORD_ALIGN);
}

static void seal_record_header(char *p)
{
	set_u32(p + AT_CRC,
	    crc32c(0, span_of(p + AT_STAMP, RECORD_HEADER - AT_STAMP)));
}

static void put_record_header(char *p, const struct record *r)
{
	memset(p, 0, RECORD_HEADER);
	set_u32(p + AT_MAGIC, RECORD_MAGIC);
	set_u64(p + AT_STAMP, r->stamp);
	set_u64(p + AT_SEQ, r->seq);
	set_u64(p + AT_ID, r->id);
	set_u32(p + AT_GROUP, r->group);
	set_u32(p + AT_LENGTH, r->length);
	set_u32(p + AT_SPLIT, r->split);
	set_u32(p + AT_PAYLOAD_CRC, r->crc);
	p[AT_DIGEST] = (char)(r->digest & 0xff);
	p[AT_DIGEST + 1] = (char)(r->digest >> 8);
	p[AT_TYPE] = (char)r->type;
	p[AT_FLAGS] = (char)r->flags;
	seal_record_header(p);
}

void record_put(
    struct buf *out, struct record *r, const struct record_payload *p)
{
	uint64_t payload = (uint64_t)p->digest.len + p->head.len + p->body.len;
	uint64_t size = record_size(payload);
	char *to;

	if (payload > SEGMENT_MAX || p->digest.len > UINT16_MAX) {
		out->failed = true;
		return;
	}
	to = buf_room(out, size);
	if (!to)
		return;
	r->length = (uint32_t)payload;
	r->split = (uint32_t)p->head.len;
	r->digest = (uint16_t)p->digest.len;
	r->crc = crc32c(crc32c(crc32c(0, p->digest), p->head), p->body);
	put_record_header(to, r);
	out->len += RECORD_HEADER;
	buf_put(out, p->digest);
	buf_put(out, p->head);
	buf_put(out, p->body);
	put_zeros(out, size - RECORD_HEADER - payload);
}

void record_put_number(struct buf *out, struct record *r, uint64_t number)
{
	char bytes[NUMBER_LENGTH];
	struct record_payload p = { .head = span_of(bytes, sizeof(bytes)) };

	set_u64(bytes, number);
	record_put(out, r, &p);
}

bool record_get(span bytes, struct record *ret)
{
	const char *p = bytes.ptr;
	struct record r;

	if (bytes.len < RECORD_HEADER || get_u32(p) != RECORD_MAGIC)
		return false;
	if (get_u32(p + AT_CRC) !=
	    crc32c(0, span_of(p + AT_STAMP, RECORD_HEADER - AT_STAMP)))
		return false;
	r.stamp = get_u64(p + AT_STAMP);
	r.seq = get_u64(p + AT_SEQ);
	r.id = get_u64(p + AT_ID);
	r.group = get_u32(p + AT_GROUP);
	r.length = get_u32(p + AT_LENGTH);
	r.split = get_u32(p + AT_SPLIT);
	r.crc = get_u32(p + AT_PAYLOAD_CRC);
	r.digest =
	    (uint16_t)((uint8_t)p[AT_DIGEST] | (uint8_t)p[AT_DIGEST + 1] << 8);
	r.type = (uint8_t)p[AT_TYPE];
	r.flags = (uint8_t)p[AT_FLAGS];
	if (r.type == 0 || r.type >= RECORD_TYPES)
		return false;
	*ret = r;
	return true;
}

bool record_is_whole(span bytes, const struct record *r)
{
	if (bytes.len < record_size(r->length))
		return false;
	return crc32c(0, span_of(bytes.ptr + RECORD_HEADER, r->length)) ==
	    r->crc;
}

bool record_split(
    span bytes, const struct record *r, struct record_payload *ret)
{
	struct wire w =
	    wire_from(span_first(span_from(bytes, RECORD_HEADER), r->length));
	struct record_payload p;

	p.digest = wire_raw(&w, r->digest);
	p.head = wire_raw(&w, r->split);
	if (w.failed)
		return false;
	p.body = w.rest;
	*ret = p;
	return true;
}

uint64_t record_number(span bytes)
{
	if (bytes.len < RECORD_HEADER + NUMBER_LENGTH)
		return 0;
	return get_u64(bytes.ptr + RECORD_HEADER);
}

void record_put_copy(
    struct buf *out, span record, uint64_t stamp, uint32_t group)
{
	size_t start = out->len;

	buf_put(out, record);
	if (out->failed)
		return;
	set_u64(out->data + start + AT_STAMP, stamp);
	set_u32(out->data + start + AT_GROUP, group);
	seal_record_header(out->data + start);
}

/* --- entries ----------------------------------------------------------- */

static bool has_number(uint8_t type)
{
	return type != RECORD_MESSAGE && type != RECORD_STATE;
}

size_t entry_size(const struct entry *e)
{
	return ENTRY_HEADER +
	    (has_number(e->type) ? NUMBER_LENGTH : e->digest.len);
}

void entry_put(struct buf *out, const struct entry *e)
{
	wire_put_u64(out, e->id);
	wire_put_u64(out, e->seq);
	wire_put_u32(out, e->at);
	wire_put_u32(out, e->length);
	wire_put_u16(
	    out, has_number(e->type) ? NUMBER_LENGTH : (uint16_t)e->digest.len);
	wire_put_u8(out, e->type);
	wire_put_u8(out, e->flags);
	if (has_number(e->type))
		wire_put_u64(out, e->number);
	else
		buf_put(out, e->digest);
}

bool entry_get(span *rest, struct entry *ret)
{
	struct wire w = wire_from(*rest);
	struct entry e = { 0 };
	uint16_t n;

	if (!rest->len)
		return false;
	e.id = wire_u64(&w);
	e.seq = wire_u64(&w);
	e.at = wire_u32(&w);
	e.length = wire_u32(&w);
	n = wire_u16(&w);
	e.type = wire_u8(&w);
	e.flags = wire_u8(&w);
	e.digest = wire_raw(&w, n);
	if (w.failed || e.type == 0 || e.type >= RECORD_TYPES)
		return false;
	if (has_number(e.type)) {
		if (n != NUMBER_LENGTH)
			return false;
		e.number = get_u64(e.digest.ptr);
		e.digest = SPAN_NONE;
	}
	*rest = w.rest;
	*ret = e;
	return true;
}

void entry_of_record(
    struct entry *e, span record, const struct record *r, uint32_t at)
{
	struct record_payload p = { 0 };

	if (!record_split(record, r, &p))
		p.digest = SPAN_NONE;
	*e = (struct entry){
		.id = r->id,
		.seq = r->seq,
		.at = at,
		.length = (uint32_t)record_size(r->length),
		.type = r->type,
		.flags = r->flags,
	};
	if (has_number(r->type))
		e->number =
		    r->length < NUMBER_LENGTH ? 0 : record_number(record);
	else
		e->digest = p.digest;
}

/* --- footers ------------------------------------------------------------ */

uint64_t segment_footer_size(uint64_t entries)
{
	return align_up(entries + SEGMENT_TRAILER, SEGMENT_BLOCK);
}

void segment_footer_put(struct buf *out, span entries, uint64_t stamp)
{
	uint64_t size = segment_footer_size(entries.len);
	size_t start;

	put_zeros(out, size - SEGMENT_TRAILER - entries.len);
	buf_put(out, entries);
	start = out->len;
	wire_put_u32(out, TRAILER_MAGIC);
	wire_put_u32(out, 0);
	wire_put_u32(out, FORMAT_VERSION);
	wire_put_u64(out, stamp);
	wire_put_u32(out, (uint32_t)entries.len);
	wire_put_u32(out, crc32c(0, entries));
	if (out->failed)
		return;
	put_zeros(out, SEGMENT_TRAILER - (out->len - start));
	if (out->failed)
		return;
	set_u32(out->data + start + 4,
	    crc32c(0, span_of(out->data + start + 8, SEGMENT_TRAILER - 8)));
}

enum footer_result segment_footer_get(
    span tail, uint64_t stamp, span *ret_entries, size_t *ret_need)
{
	struct wire w;
	span entries;
	uint32_t length;
	uint32_t crc;

	if (tail.len < SEGMENT_TRAILER)
		return FOOTER_NONE;
	w = wire_from(span_from(tail, tail.len - SEGMENT_TRAILER));
	if (wire_u32(&w) != TRAILER_MAGIC)
		return FOOTER_NONE;
	crc = wire_u32(&w);
	if (crc32c(0, w.rest) != crc)
		return FOOTER_NONE;
	if (wire_u32(&w) != FORMAT_VERSION || wire_u64(&w) != stamp)
		return FOOTER_NONE;
	length = wire_u32(&w);
	crc = wire_u32(&w);
	if (length > tail.len - SEGMENT_TRAILER) {
		*ret_need = (size_t)length + SEGMENT_TRAILER;
		return FOOTER_SHORT;
	}
	entries =
	    span_of(tail.ptr + tail.len - SEGMENT_TRAILER - length, length);
	if (crc32c(0, entries) != crc)
		return FOOTER_BAD;
	*ret_entries = entries;
	return FOOTER_OK;
}

/* --- scanning ------------------------------------------------------------ */

struct scanner {
	span image;
	uint64_t stamp;
	struct scan *out;
	uint64_t last_end;   /* of the last record, readable or not */
	uint64_t last_whole; /* end of the last readable record */
	uint64_t last_group; /* where the last readable record's group begins */
};

static void note_fault(
    struct scanner *s, const struct record *r, uint64_t at, uint64_t end)
{
	struct scan *out = s->out;

	if (out->nfaults == SCAN_MAX_FAULTS) {
		out->nlost++;
		return;
	}
	if (!(out->nfaults & (out->nfaults - 1)))
		out->faults = mem_resize(out->faults,
		    out->nfaults ? out->nfaults * 2 : 1, sizeof(struct fault));
	out->faults[out->nfaults++] = (struct fault){
		.id = r ? r->id : 0,
		.type = r ? r->type : 0,
		.at = (uint32_t)at,
		.length = (uint32_t)(end - at),
	};
}

/*
 * The bytes from the last record to this one: the padding of a group, a
 * hole, or the record before was unreadable and ended earlier than it said.
 */
static void check_gap(struct scanner *s, uint64_t at, const struct record *r)
{
	uint64_t group = (uint64_t)r->group * SEGMENT_BLOCK;
	uint64_t from = s->last_end;

	if (at < from) {
		struct scan *out = s->out;

		if (out->nfaults && at > out->faults[out->nfaults - 1].at)
			out->faults[out->nfaults - 1].length =
			    (uint32_t)(at - out->faults[out->nfaults - 1].at);
		return;
	}
	if (group >= from)
		from = align_up(from, SEGMENT_BLOCK);
	if (at > from)
		note_fault(s, NULL, from, at);
}

/* What a torn record explains was never acknowledged: no damage. */
static void forget_torn(struct scan *out, uint64_t from)
{
	while (out->nfaults && out->faults[out->nfaults - 1].at >= from)
		out->nfaults--;
}

/* Returns where to look for the next one. */
static uint64_t take_record(
    struct scanner *s, uint64_t at, const struct record *r)
{
	span bytes = span_from(s->image, at);
	uint64_t size = record_size(r->length);
	struct entry e;

	check_gap(s, at, r);
	s->last_end = at + size;
	if (!record_is_whole(bytes, r)) {
		/* Its length may cover what was written later over a torn
		 * record: look inside. */
		note_fault(s, r, at, at + size);
		return at + RECORD_HEADER;
	}
	s->last_whole = at + size;
	s->last_group = (uint64_t)r->group * SEGMENT_BLOCK;
	if (r->type == RECORD_TORN)
		forget_torn(s->out, record_number(bytes));
	entry_of_record(&e, bytes, r, (uint32_t)at);
	entry_put(&s->out->entries, &e);
	return s->last_end;
}

static bool find_record(
    const struct scanner *s, uint64_t at, struct record *ret)
{
	span bytes = span_from(s->image, at);

	return record_get(bytes, ret) && ret->stamp == s->stamp &&
	    record_size(ret->length) <= bytes.len &&
	    (uint64_t)ret->group * SEGMENT_BLOCK <= at;
}

/*
 * Faults from the start of the last group on are its torn tail: nobody was
 * told about it. Those from `end` on will be overwritten and are nothing.
 */
static void settle_tail(struct scanner *s)
{
	struct scan *out = s->out;

	out->end = (uint32_t)align_up(s->last_whole, SEGMENT_BLOCK);
	out->last_group = (uint32_t)s->last_group;
	while (
	    out->nfaults && out->faults[out->nfaults - 1].at >= s->last_group) {
		const struct fault *f = &out->faults[--out->nfaults];

		if (f->at < out->end)
			out->torn = f->at;
	}
}

void segment_scan(span image, uint64_t stamp, struct scan *ret)
{
	struct scanner s = {
		.image = image,
		.stamp = stamp,
		.out = ret,
		.last_end = SEGMENT_DATA,
		.last_whole = SEGMENT_DATA,
		.last_group = SEGMENT_DATA,
	};
	uint64_t at = SEGMENT_DATA;
	struct record r;

	*ret = (struct scan){ .entries = BUF_INIT(SEGMENT_MAX) };
	while (at + RECORD_HEADER <= image.len) {
		if (find_record(&s, at, &r))
			at = take_record(&s, at, &r);
		else
			at += RECORD_ALIGN;
	}
	settle_tail(&s);
}

void scan_done(struct scan *s)
{
	buf_done(&s->entries);
	mem_free(s->faults);
	*s = (struct scan){ 0 };
}
