/* SPDX-License-Identifier: ISC */
/*
 * store/segment.h - the format of the spool's log: bytes in, facts out.
 *
 * Pure functions on memory; the only place that knows where a field lies.
 * The grammar with its reasons is in doc/queue.md 3. Bytes given to a reading
 * function may be anything: what a dying disk or an enemy left there.
 */
#pragma once

#include "base/buf.h"
#include "mail/msgid.h"

enum {
	SEGMENT_BLOCK = 4096,
	SEGMENT_DATA = 2 * SEGMENT_BLOCK, /* where groups begin */
	SEGMENT_TRAILER = 64,
	SEGMENT_MIN = 6 * SEGMENT_BLOCK,
	SEGMENT_MAX = 256 * 1024 * 1024,
	SEGMENT_DEFAULT = 16 * 1024 * 1024,
	RECORD_HEADER = 56,
	RECORD_ALIGN = 8,
	ENTRY_HEADER = 28,
};

/* --- headers ---------------------------------------------------------- */

enum segment_use { SEGMENT_FREE, SEGMENT_HOT, SEGMENT_COLD };

struct segment_header {
	uint64_t turn;  /* the valid header with the larger turn counts */
	uint64_t stamp; /* this use, or when free: the one that ended */
	uint64_t seq;   /* of the spool, when this was written */
	uint64_t mark;  /* msgid counters below may have been handed out */
	uint32_t size;
	uint8_t use;
};

enum header_result {
	HEADER_OK,
	HEADER_BLANK,   /* all zero: never written */
	HEADER_BAD,     /* does not keep its checksum */
	HEADER_FOREIGN, /* whole, but of another version */
};

/* Appends one block. */
void segment_header_put(struct buf *out, const struct segment_header *h);
MUST_USE enum header_result segment_header_get(
    span block, struct segment_header *ret);

/* --- records ---------------------------------------------------------- */

enum record_type {
	RECORD_MESSAGE = 1,
	RECORD_STATE,
	RECORD_DONE, /* payload: stamp of the message record's segment */
	RECORD_MARK, /* payload: msgid counter */
	RECORD_TORN, /* payload: offset; unreadable from there to here */
	RECORD_TYPES,
};

enum record_flags { RECORD_BIG = 1 /* the content is in a blob */ };

struct record {
	uint64_t stamp;
	uint64_t seq;
	msgid id;
	uint32_t group;  /* block where its group begins */
	uint32_t length; /* of the payload */
	uint32_t split;  /* message: length of the envelope */
	uint32_t crc;    /* of the payload */
	uint16_t digest; /* length */
	uint8_t type;
	uint8_t flags;
};

/* A record in parts, as it is made and as it is read. */
struct record_payload {
	span digest;
	span head; /* message: the envelope; state: the bytes */
	span body; /* message: the content, or the size of the blob */
};

/* Header, payload and padding. */
uint64_t record_size(uint64_t payload);
/* Append it; fills in what follows from the payload. */
void record_put(
    struct buf *out, struct record *r, const struct record_payload *p);
/* The payload of done, mark, and torn. */
void record_put_number(struct buf *out, struct record *r, uint64_t number);
/* The header alone is whole; says nothing about stamp and payload. */
MUST_USE bool record_get(span bytes, struct record *ret);
/* `bytes` begin with the record of this header: is all of it there? */
MUST_USE bool record_is_whole(span bytes, const struct record *r);
/* Of a whole record; false when its lengths contradict each other. */
MUST_USE bool record_split(
    span bytes, const struct record *r, struct record_payload *ret);
/* Of done, mark, torn; 0 when it is too short. */
uint64_t record_number(span bytes);
/* Append a copy of a whole record that belongs to another place. */
void record_put_copy(
    struct buf *out, span record, uint64_t stamp, uint32_t group);

/* --- entries: what a footer says about a record ------------------------ */

struct entry {
	msgid id;
	uint64_t seq;
	uint32_t at;     /* offset of the record */
	uint32_t length; /* of all of it: record_size() */
	uint8_t type;
	uint8_t flags;
	span digest;     /* message, state */
	uint64_t number; /* done, mark, torn */
};

size_t entry_size(const struct entry *e);
void entry_put(struct buf *out, const struct entry *e);
/* Take the next one; false at the end, or when the rest is malformed. */
MUST_USE bool entry_get(span *rest, struct entry *ret);
/* What the footer will say of this whole record at `at`. */
void entry_of_record(
    struct entry *e, span record, const struct record *r, uint32_t at);

/*
 * Append what goes into the segment's last bytes: entries and trailer, with
 * zeros before them so that the whole is a number of blocks.
 */
void segment_footer_put(struct buf *out, span entries, uint64_t stamp);
/* Bytes that takes. */
uint64_t segment_footer_size(uint64_t entries);

enum footer_result {
	FOOTER_OK,
	FOOTER_NONE,  /* not sealed, or torn while being sealed */
	FOOTER_SHORT, /* pass at least *ret_need bytes */
	FOOTER_BAD,   /* the same, the torn part being the entries */
};
/* `tail`: the last bytes of a segment. Entries are borrowed from it. */
MUST_USE enum footer_result segment_footer_get(
    span tail, uint64_t stamp, span *ret_entries, size_t *ret_need);

/* --- a segment without footer ------------------------------------------ */

/* Unreadable bytes where readable ones were. */
struct fault {
	msgid id;     /* when the record's header was readable ... */
	uint8_t type; /* ... else 0 both */
	uint32_t at;
	uint32_t length;
};

enum { SCAN_MAX_FAULTS = 1000 };

struct scan {
	struct buf entries;
	uint32_t end;        /* first block behind the last readable record */
	uint32_t last_group; /* where that record's group begins */
	uint32_t torn; /* something torn begins here, before `end`; or 0 */
	struct fault *faults;
	size_t nfaults;
	size_t nlost; /* more than SCAN_MAX_FAULTS are counted only */
};

/* `image`: the whole segment from offset 0. */
void segment_scan(span image, uint64_t stamp, struct scan *ret);
void scan_done(struct scan *s);
