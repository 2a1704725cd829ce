/* SPDX-License-Identifier: ISC */
#include "tool/mail/match.h"

#include "base/utf8.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/people.h"
#include "tool/mail/show.h"

enum {
	HEADER_MAX = 1 << 20,
	BODY_MAX = 256 << 20,
};

struct matcher {
	struct mua *m;
	const struct match_rule *rules;
	size_t nrules;
	bool needs_header;
	bool only_local; /* allnet: what is before the "@" */
	struct buf header;
	struct buf text;
	struct buf folded;
	struct arena arena;
};

bool match_fold(span text, struct arena *a, span *ret)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(3 * text.len + 16);
	span copy;

	utf8_fold(text, &folded);
	copy = arena_dup(a, buf_span(&folded));
	if (!copy.ptr)
		return false;
	*ret = copy;
	return true;
}

bool match_text(struct buf *scratch, span text, span folded)
{
	buf_clear(scratch);
	utf8_fold(text, scratch);
	return folded.len == 0 ||
	    (scratch->len &&
	        memmem(scratch->data, scratch->len, folded.ptr, folded.len));
}

/* ---- rules ---- */

static bool subject_rule(
    struct mua *m, span text, struct arena *a, struct match_rule *r)
{
	struct buf *last = &m->box->last_subject;
	ssize_t colon;

	if (text.len == 0) {
		text = arena_dup(a, buf_span(last));
		if (!text.ptr)
			return false;
	} else {
		buf_clear(last);
		buf_put(last, text);
	}
	r->kind = MATCH_FIELDS;
	r->fields = SPAN("subject");
	colon = span_find(text, ':');
	if (colon >= 0 && vars_is_set(m->vars, "searchheaders")) {
		r->fields = span_first(text, (size_t)colon);
		text = span_from(text, (size_t)colon + 1);
	}
	return match_fold(text, a, &r->wanted);
}

/* Special names of @fields@text. */
static const struct place {
	span name;
	enum match_kind kind;
} places[] = {
	{ SPAN_INIT("body"), MATCH_BODY },
	{ SPAN_INIT(">"), MATCH_BODY },
	{ SPAN_INIT("header"), MATCH_HEADER },
	{ SPAN_INIT("<"), MATCH_HEADER },
	{ SPAN_INIT("text"), MATCH_MESSAGE },
	{ SPAN_INIT("="), MATCH_MESSAGE },
};

static bool field_rule(span text, struct arena *a, struct match_rule *r)
{
	span fields = span_cut(&text, '@');

	r->kind = MATCH_FIELDS;
	r->fields = fields;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (span_eq_nocase(fields, places[i].name))
			r->kind = places[i].kind;
	}
	return match_fold(text, a, &r->wanted);
}

bool match_rule(
    struct mua *m, span word, struct arena *a, struct match_rule *ret)
{
	struct match_rule r = {
		.kind = MATCH_SENDER, .text = word, .wanted = word
	};

	if (span_has_prefix(word, SPAN("/"))) {
		if (!subject_rule(m, span_from(word, 1), a, &r))
			return false;
	} else if (span_has_prefix(word, SPAN("@")) &&
	    span_find(span_from(word, 1), '@') >= 0) {
		if (!field_rule(span_from(word, 1), a, &r))
			return false;
	}
	*ret = r;
	return true;
}

/* The last <...> in References. */
static bool last_id(span references, span *ret)
{
	ssize_t start = span_rfind(references, '<');
	ssize_t end;

	if (start < 0)
		return false;
	references = span_from(references, (size_t)start);
	end = span_find(references, '>');
	if (end < 0)
		return false;
	*ret = span_first(references, (size_t)end + 1);
	return true;
}

bool match_parent(
    struct mua *m, uint32_t i, struct arena *a, struct match_rule *ret)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(HEADER_MAX);
	span ids;

	if (box_header(m, i, &header) < 0)
		return false;
	if (!field_find(buf_span(&header), SPAN("in-reply-to"), &ids)) {
		if (!field_find(buf_span(&header), SPAN("references"), &ids) ||
		    !last_id(ids, &ids))
			return false;
	}
	*ret = (struct match_rule){ .kind = MATCH_ID,
		.wanted = arena_dup(a, ids) };
	return ret->wanted.ptr != NULL;
}

/* ---- messages ---- */

struct matcher *match_open(
    struct mua *m, const struct match_rule *rules, size_t nrules)
{
	struct matcher *mt = NEW(struct matcher);

	mt->m = m;
	mt->rules = rules;
	mt->nrules = nrules;
	for (size_t n = 0; n < nrules; n++)
		mt->needs_header = mt->needs_header ||
		    rules[n].kind == MATCH_FIELDS || rules[n].kind == MATCH_ID;
	mt->only_local = vars_is_set(m->vars, "allnet");
	buf_init(&mt->header, HEADER_MAX);
	buf_init(&mt->text, BODY_MAX);
	buf_init(&mt->folded, (size_t)3 * BODY_MAX);
	arena_init(&mt->arena, HEADER_MAX);
	return mt;
}

void match_close(struct matcher **pmt)
{
	struct matcher *mt = *pmt;

	*pmt = NULL;
	if (!mt)
		return;
	buf_done(&mt->header);
	buf_done(&mt->text);
	buf_done(&mt->folded);
	arena_done(&mt->arena);
	mem_free(mt);
}

static bool is_named(span names, span name)
{
	while (names.len) {
		if (span_eq_nocase(span_trim(span_cut(&names, ',')), name))
			return true;
	}
	return false;
}

static bool match_fields(struct matcher *mt, const struct match_rule *r)
{
	span rest = buf_span(&mt->header);
	struct field f;

	while (field_next(&rest, &f)) {
		if (!is_named(r->fields, f.name))
			continue;
		buf_clear(&mt->text);
		encoded_decode(&mt->text, f.value);
		if (match_text(&mt->folded, buf_span(&mt->text), r->wanted))
			return true;
	}
	return false;
}

static span local_part(span addr)
{
	ssize_t at = span_rfind(addr, '@');

	return at < 0 ? addr : span_first(addr, (size_t)at);
}

static bool match_sender(
    struct matcher *mt, const struct match_rule *r, uint32_t i)
{
	struct person from;

	arena_done(&mt->arena);
	if (box_sender(mt->m, i, &mt->arena, &from) < 0)
		return false;
	if (mt->only_local)
		return span_eq(local_part(from.addr), local_part(r->wanted));
	return span_eq(from.addr, r->wanted) ||
	    (from.name.len && span_eq(from.name, r->wanted));
}

static bool match_id(struct matcher *mt, const struct match_rule *r)
{
	span id;

	if (!field_find(buf_span(&mt->header), SPAN("message-id"), &id) ||
	    !last_id(id, &id))
		return false;
	return memmem(r->wanted.ptr, r->wanted.len, id.ptr, id.len) != NULL;
}

static bool match_part(struct matcher *mt, const struct match_rule *r,
    uint32_t i, enum show_field part)
{
	buf_clear(&mt->text);
	if (show_field(mt->m, i, part, &mt->text) < 0)
		return false;
	return match_text(&mt->folded, buf_span(&mt->text), r->wanted);
}

static bool match_rule_fits(
    struct matcher *mt, const struct match_rule *r, uint32_t i)
{
	switch (r->kind) {
	case MATCH_SENDER:
		return match_sender(mt, r, i);
	case MATCH_FIELDS:
		return match_fields(mt, r);
	case MATCH_ID:
		return match_id(mt, r);
	case MATCH_BODY:
		return match_part(mt, r, i, SHOW_BODY);
	case MATCH_HEADER:
		return match_part(mt, r, i, SHOW_HEADER);
	case MATCH_MESSAGE:
		return match_part(mt, r, i, SHOW_HEADER) ||
		    match_part(mt, r, i, SHOW_BODY);
	}
	return false;
}

bool match_message(struct matcher *mt, uint32_t i)
{
	buf_clear(&mt->header);
	if (mt->needs_header && box_header(mt->m, i, &mt->header) < 0)
		return false;
	for (size_t n = 0; n < mt->nrules; n++) {
		if (match_rule_fits(mt, &mt->rules[n], i))
			return true;
	}
	return false;
}
