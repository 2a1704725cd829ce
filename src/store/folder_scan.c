/* SPDX-License-Identifier: ISC */
/*
 * Three states:
 *
 *	TOP --From_--> HEAD --empty line--> BODY --empty line, From_--> HEAD
 *
 * Nearly all bytes of a mailbox are body, and nothing is asked of them but
 * how many lines they are and where a line begins with F behind an empty one.
 * So they are looked at sixteen at a time, and again for the hash while they
 * are in the processor's cache.
 *
 * The hash finds a message again after the file was rewritten. It leaves out
 * what readers and writers change: Status lines, the empty line that ends the
 * header (a reader adds it where it is missing), newlines at the end.
 */
#include "store/folder_scan.h"

#include <string.h>

enum { TOP, HEAD, BODY, ALIEN };
enum { FROM_LINE_MAX = 2048, FIELD_NAME_MAX = 1024 };

static const span from_word = SPAN_INIT("From ");

/* The hash */

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void hash_init(struct folder_hash *h, uint64_t seed)
{
	static const uint64_t odd = 0x9e3779b97f4a7c15;

	*h = (struct folder_hash){ .length = 0 };
	for (size_t i = 0; i < ARRAY_LEN(h->key); i++)
		h->key[i] = mix(seed + (i + 1) * odd, odd ^ seed) ^ odd << i;
	h->lane[0] = h->key[0];
	h->lane[1] = h->key[2];
}

static uint64_t load(const void *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/* Whole blocks of 32 bytes. */
static void hash_blocks(struct folder_hash *h, const char *p, size_t n)
{
	uint64_t a = h->lane[0];
	uint64_t b = h->lane[1];

	for (; n >= sizeof(h->part); p += sizeof(h->part)) {
		a = mix(load(p) ^ h->key[0] ^ a, load(p + 8) ^ h->key[1]);
		b = mix(load(p + 16) ^ h->key[2] ^ b, load(p + 24) ^ h->key[3]);
		n -= sizeof(h->part);
	}
	h->lane[0] = a;
	h->lane[1] = b;
}

static void hash_bytes_in(struct folder_hash *h, span s)
{
	size_t whole;

	h->length += s.len;
	if (h->used > 0) {
		size_t n = MIN(sizeof(h->part) - h->used, s.len);

		memcpy(h->part + h->used, s.ptr, n);
		h->used += n;
		s = span_from(s, n);
		if (h->used < sizeof(h->part))
			return;
		hash_blocks(h, (const char *)h->part, sizeof(h->part));
		h->used = 0;
	}
	whole = s.len - s.len % sizeof(h->part);
	hash_blocks(h, s.ptr, whole);
	h->used = s.len - whole;
	if (h->used > 0)
		memcpy(h->part, s.ptr + whole, h->used);
}

/* Newlines wait until something follows them. */
static void hash_put(struct folder_hash *h, span s)
{
	size_t end = s.len;

	while (end > 0 && s.ptr[end - 1] == '\n')
		end--;
	if (end > 0) {
		for (; h->newlines > 0; h->newlines--)
			hash_bytes_in(h, SPAN("\n"));
		hash_bytes_in(h, span_first(s, end));
	}
	h->newlines += s.len - end;
}

static uint64_t hash_end(struct folder_hash *h)
{
	memset(h->part + h->used, 0, sizeof(h->part) - h->used);
	hash_blocks(h, (const char *)h->part, sizeof(h->part));
	return mix(h->lane[0] ^ h->key[1] ^ h->length, h->lane[1] ^ h->key[3]);
}

/* Vectors */

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static bytes16 load16(const char *p)
{
	bytes16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t sum16(bytes16 v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(v); i++)
		sum += v[i];
	return sum;
}

/*
 * Blocks of 64 bytes, at most 63 of them (the counters have a byte each),
 * until one has a newline with F behind it in it. Reads one byte more.
 */
static size_t skip_blocks(const char *p, size_t n, uint64_t *lines)
{
	const bytes16 newline = { '\n', '\n', '\n', '\n', '\n', '\n', '\n',
		'\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n' };
	const bytes16 letter = { 'F', 'F', 'F', 'F', 'F', 'F', 'F', 'F', 'F',
		'F', 'F', 'F', 'F', 'F', 'F', 'F' };
	bytes16 count = { 0 };
	size_t done = 0;

	for (size_t k = 0; k < 63 && n - done > 64; k++, done += 64) {
		bytes16 any = { 0 };
		bytes16 here = { 0 };
		words2 test;

		for (size_t i = 0; i < 64; i += 16) {
			bytes16 end =
			    (bytes16)(load16(p + done + i) == newline);

			any |=
			    end & (bytes16)(load16(p + done + i + 1) == letter);
			here -= end;
		}
		test = (words2)any;
		if (test[0] | test[1])
			break;
		count += here;
	}
	*lines += sum16(count);
	return done;
}

/*
 * The length up to and with the first newline that has F behind it, or of all
 * there is; and how many newlines that are.
 */
static size_t skip_body(const char *p, size_t n, uint64_t *lines)
{
	size_t done = 0;

	while (done < n) {
		size_t stop;

		done += skip_blocks(p + done, n - done, lines);
		stop = n - done > 64 ? done + 64 : n;
		for (; done < stop; done++) {
			if (p[done] != '\n')
				continue;
			(*lines)++;
			if (done + 1 < n && p[done + 1] == 'F')
				return done + 1;
		}
	}
	return n;
}

/* Lines */

static char before(const struct folder_scan *s, span in, size_t p, size_t n)
{
	return p >= n ? in.ptr[p - n] : s->back[3 + p - n];
}

/* Whether a line begins here, and the one before is empty. */
static bool is_behind_empty(const struct folder_scan *s, span in, size_t p)
{
	if (before(s, in, p, 1) != '\n')
		return false;
	return before(s, in, p, 2) == '\n' ||
	    (before(s, in, p, 2) == '\r' && before(s, in, p, 3) == '\n');
}

static bool has_time(span line)
{
	for (size_t i = 2; i + 2 < line.len; i++)
		if (line.ptr[i] == ':' && ascii_is_digit(line.ptr[i - 2]) &&
		    ascii_is_digit(line.ptr[i - 1]) &&
		    ascii_is_digit(line.ptr[i + 1]) &&
		    ascii_is_digit(line.ptr[i + 2]))
			return true;
	return false;
}

static bool is_field(span line)
{
	size_t i = 0;

	while (i < line.len && (unsigned char)line.ptr[i] > ' ' &&
	    line.ptr[i] != ':' && line.ptr[i] != 0x7f)
		i++;
	if (i == 0)
		return false;
	while (i < line.len && ascii_is_blank(line.ptr[i]))
		i++;
	return i < line.len && line.ptr[i] == ':';
}

/*
 * As old systems forwarded mail: ">From ana remote from there". A second
 * From_ line is taken so, too: an empty line before it would make it another
 * message.
 */
static bool belongs_to_header(span line)
{
	if (is_field(line))
		return true;
	(void)span_skip(&line, SPAN(">"));
	return span_has_prefix(line, from_word);
}

static bool skip_name(span *line, span name)
{
	span rest = *line;

	if (!span_skip_nocase(&rest, name))
		return false;
	while (rest.len > 0 && ascii_is_blank(rest.ptr[0]))
		rest = span_from(rest, 1);
	if (!span_skip(&rest, SPAN(":")))
		return false;
	*line = rest;
	return true;
}

/*
 * A header field: that the line above is a From_ line is believed then. Not
 * so for Status lines, which come and go.
 */
static bool is_first_field(span line)
{
	return is_field(line) && !skip_name(&line, SPAN("Status")) &&
	    !skip_name(&line, SPAN("X-Status"));
}

/* The length of a From_ line with its end, or 0. */
static size_t from_line(span in, bool at_top)
{
	span rest = in;
	span line;
	ssize_t end;

	if (!span_has_prefix(in, from_word))
		return 0;
	end = span_find(span_first(in, FROM_LINE_MAX), '\n');
	if (end < 0 && in.len > FROM_LINE_MAX)
		return 0;
	line = span_cut(&rest, '\n');
	if (!at_top && !has_time(line) &&
	    !is_first_field(span_first(rest, FIELD_NAME_MAX)))
		return 0;
	return in.len - rest.len;
}

static bool is_long_enough(span in, bool is_last)
{
	return is_last || in.len >= FOLDER_SCAN_KEEP;
}

/* Messages */

static void end_message(struct folder_scan *s)
{
	s->item.m.size = s->pos - s->item.at;
	s->item.m.before = s->item.m.flags;
	s->item.hash = hash_end(&s->hash);
	s->calls->found(s->ctx, &s->item);
}

static void begin_message(struct folder_scan *s, span line)
{
	s->item = (struct folder_item){
		.m = { .from = (uint16_t)line.len },
		.at = s->pos,
	};
	s->item.m.lines = line.ptr[line.len - 1] == '\n';
	if (line.len > 1 && line.ptr[line.len - 2] == '\r')
		s->item.m.form = FOLDER_CRLF;
	hash_init(&s->hash, s->seed);
	hash_put(&s->hash, line);
	s->state = HEAD;
	s->kind = FOLDER_OTHER;
	s->only_status = true;
	s->in_line = false;
}

static void end_header(struct folder_scan *s, size_t length)
{
	s->item.head = s->pos + length - s->item.at;
	s->state = BODY;
}

static uint8_t parse_flags(span value, enum folder_line kind)
{
	static const struct {
		char letter;
		uint8_t kind;
		uint8_t flag;
	} letters[] = {
		{ 'R', FOLDER_STATUS, FOLDER_SEEN },
		{ 'O', FOLDER_STATUS, FOLDER_OLD },
		{ 'F', FOLDER_XSTATUS, FOLDER_FLAGGED },
		{ 'A', FOLDER_XSTATUS, FOLDER_ANSWERED },
		{ 'T', FOLDER_XSTATUS, FOLDER_DRAFT },
	};
	uint8_t flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if (letters[i].kind == kind &&
		    span_find(value, letters[i].letter) >= 0)
			flags |= letters[i].flag;
	return flags;
}

static enum folder_line classify(struct folder_scan *s, span line)
{
	enum folder_line kind = FOLDER_OTHER;

	if (line.len && ascii_is_blank(line.ptr[0]))
		return s->kind;
	if (skip_name(&line, SPAN("Status")))
		kind = FOLDER_STATUS;
	else if (skip_name(&line, SPAN("X-Status")))
		kind = FOLDER_XSTATUS;
	if (kind != FOLDER_OTHER)
		s->item.m.flags |= parse_flags(line, kind);
	return kind;
}

static size_t empty_line(span in)
{
	if (in.len >= 1 && in.ptr[0] == '\n')
		return 1;
	return in.len >= 2 && in.ptr[0] == '\r' && in.ptr[1] == '\n' ? 2 : 0;
}

/* The beginning of a line of the header; false: more is needed to tell. */
static bool begin_line(struct folder_scan *s, span in, bool is_last)
{
	ssize_t end = span_find(span_first(in, FOLDER_SCAN_KEEP), '\n');
	span line = span_first(in, end < 0 ? FOLDER_SCAN_KEEP : (size_t)end);

	if (end < 0 && !is_long_enough(in, is_last))
		return false;
	s->kind = (uint8_t)classify(s, line);
	if (s->kind == FOLDER_OTHER && s->only_status) {
		s->only_status = false;
		if (!belongs_to_header(line)) {
			s->item.m.form |= FOLDER_BARE;
			end_header(s, 0);
			return true;
		}
	}
	s->line_at = s->pos;
	s->in_line = true;
	return true;
}

/* Each of these consumes something, or returns 0: more is needed. */

static void tell_status(struct folder_scan *s, uint64_t end)
{
	if (s->kind != FOLDER_OTHER && s->calls->status)
		s->calls->status(s->ctx, (enum folder_line)s->kind, s->line_at,
		    end - s->line_at);
}

static size_t step_line(struct folder_scan *s, span in)
{
	ssize_t end = span_find(in, '\n');
	size_t n = end < 0 ? in.len : (size_t)end + 1;

	if (s->kind == FOLDER_OTHER)
		hash_put(&s->hash, span_first(in, n));
	if (end < 0)
		return n;
	s->item.m.lines++;
	s->in_line = false;
	tell_status(s, s->pos + n);
	return n;
}

static size_t step_head(struct folder_scan *s, span in, bool is_last)
{
	size_t n = s->in_line ? 0 : empty_line(in);

	if (n > 0) {
		s->item.m.lines++;
		end_header(s, n);
		return n;
	}
	if (!s->in_line && !begin_line(s, in, is_last))
		return 0;
	return s->in_line ? step_line(s, in) : 0;
}

static size_t step_top(struct folder_scan *s, span in, bool is_last)
{
	size_t n = empty_line(in);

	if (n > 0)
		return n;
	if (!is_long_enough(in, is_last))
		return 0;
	n = from_line(in, true);
	if (n > 0)
		begin_message(s, span_first(in, n));
	else
		s->state = ALIEN;
	return n;
}

static size_t step_body(struct folder_scan *s, span in, size_t p, bool is_last)
{
	span rest = span_from(in, p);
	uint64_t lines = 0;
	size_t n;

	if (rest.ptr[0] == 'F' && is_behind_empty(s, in, p)) {
		if (!is_long_enough(rest, is_last))
			return 0;
		n = from_line(rest, false);
		if (n > 0) {
			end_message(s);
			begin_message(s, span_first(rest, n));
			return n;
		}
	}
	n = skip_body(rest.ptr, rest.len, &lines);
	s->item.m.lines += lines;
	hash_put(&s->hash, span_first(rest, n));
	return n;
}

static size_t step(struct folder_scan *s, span in, size_t p, bool is_last)
{
	if (s->state == BODY)
		return step_body(s, in, p, is_last);
	if (s->state == HEAD)
		return step_head(s, span_from(in, p), is_last);
	if (s->state == TOP)
		return step_top(s, span_from(in, p), is_last);
	return 0;
}

static void remember(struct folder_scan *s, span in, size_t consumed)
{
	char kept[3];

	for (size_t i = 0; i < sizeof(kept); i++)
		kept[i] = before(s, in, consumed, sizeof(kept) - i);
	memcpy(s->back, kept, sizeof(kept));
}

void folder_scan_init(struct folder_scan *s, uint64_t seed,
    const struct folder_scan_calls *calls, void *ctx)
{
	*s = (struct folder_scan){
		.calls = calls, .ctx = ctx, .seed = seed, .state = TOP
	};
}

size_t folder_scan_feed(struct folder_scan *s, span in, bool is_last)
{
	size_t p = 0;

	if (s->state == ALIEN)
		return in.len;
	while (p < in.len) {
		uint8_t state = s->state;
		size_t n = step(s, in, p, is_last);

		if (n == 0 && s->state == ALIEN)
			return in.len;
		if (n == 0 && s->state == state)
			break;
		p += n;
		s->pos += n;
	}
	remember(s, in, p);
	return p;
}

bool folder_scan_end(struct folder_scan *s)
{
	if (s->state == HEAD) {
		if (s->in_line)
			tell_status(s, s->pos);
		s->item.m.form |= FOLDER_CUT;
		end_header(s, 0);
	}
	if (s->state == BODY) {
		if (s->back[2] != '\n')
			s->item.m.lines++;
		end_message(s);
	}
	return s->state != ALIEN;
}
