/* SPDX-License-Identifier: ISC */
/*
 * The bytes as a server's message, which must not lead anybody astray; and as
 * a template of a filter, a line end, and a key. Whatever the key, a filter
 * that passes the check has the names that it has for the key "x": keys are
 * values and nothing else.
 */
#include <mongoc/mongoc.h>

#include "map/mongodb_guard.h"
#include "map/mongodb_json.h"

#include <assert.h>

#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_DEPTH = 20 };

static bson_t *filled(span template, span key)
{
	struct buf out = BUF_INIT(1 << 20);
	bson_error_t error;
	bson_t *b;

	mongodb_json_sample(template, key, &out);
	b = bson_new_from_json(
	    (const uint8_t *)buf_cstr(&out), (ssize_t)out.len, &error);
	buf_done(&out);
	return b;
}

/* The same shape: types, order, and names where no key goes. */
static void compare(bson_iter_t *a, bson_iter_t *b, unsigned depth)
{
	while (bson_iter_next(a)) {
		bson_iter_t inner_a, inner_b;

		assert(bson_iter_next(b));
		assert(bson_iter_type(a) == bson_iter_type(b));
		assert((bson_iter_key(a)[0] == '$') ==
		    (bson_iter_key(b)[0] == '$'));
		if (depth < MAX_DEPTH &&
		    (BSON_ITER_HOLDS_DOCUMENT(a) || BSON_ITER_HOLDS_ARRAY(a)) &&
		    bson_iter_recurse(a, &inner_a) &&
		    bson_iter_recurse(b, &inner_b))
			compare(&inner_a, &inner_b, depth + 1);
	}
	assert(!bson_iter_next(b));
}

/* To the last byte of every string. */
static void read_all(bson_iter_t *it)
{
	while (bson_iter_next(it)) {
		bson_iter_t inner;
		uint32_t len = 0;
		const char *text;

		(void)bson_iter_as_int64(it);
		if (BSON_ITER_HOLDS_UTF8(it)) {
			text = bson_iter_utf8(it, &len);
			assert(text[len] == '\0');
			(void)bson_utf8_validate(text, len, true);
		}
		if (!BSON_ITER_HOLDS_DOCUMENT(it) && !BSON_ITER_HOLDS_ARRAY(it))
			continue;
		assert(bson_iter_recurse(it, &inner));
		read_all(&inner);
	}
	assert(it->err_off == 0);
}

/* What the guard lets through can be read to its end. */
static void check_message(span message)
{
	size_t head;
	bson_iter_t it;
	bson_t b;

	if (mongodb_guard_check(message))
		return;
	assert(message.len > 21);
	head = message.ptr[12] == 1 ? 36 : 21;
	assert(bson_init_static(
	    &b, (const uint8_t *)message.ptr + head, message.len - head));
	assert(bson_iter_init(&it, &b));
	read_all(&it);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span key = span_of(data, MIN(size, (size_t)4096));
	span template = span_cut(&key, '\n');
	bson_iter_t it_plain, it_with;
	bson_t *plain;
	bson_t *with;

	check_message(span_of((const char *)data, size));
	if (!key.len || span_find(key, '\0') >= 0 || !address_is_utf8(key) ||
	    !address_is_utf8(template) || mongodb_json_check(template))
		return 0;
	plain = filled(template, SPAN("x"));
	with = plain ? filled(template, key) : NULL;
	if (with && bson_iter_init(&it_plain, plain) &&
	    bson_iter_init(&it_with, with))
		compare(&it_plain, &it_with, 0);
	bson_destroy(plain);
	bson_destroy(with);
	return 0;
}
