/* SPDX-License-Identifier: ISC */
#include "ipc/frame.h"

#include "ipc/stream.h"
#include "test/lib/unit.h"

/* clang-format off */
static const struct {
	const char *name;
	span bytes;
	enum frame_result result;
	uint16_t type, nfds;
	span payload;
	size_t left;
} cases[] = {
	{ "nothing", SPAN_INIT(""), FRAME_MORE, 0, 0, SPAN_INIT(""), 0 },
	{ "half a header", SPAN_INIT("\1\0\0\0\2\0\0"),
		FRAME_MORE, 0, 0, SPAN_INIT(""), 7 },
	{ "empty payload", SPAN_INIT("\0\0\0\0\2\1\0\0"),
		FRAME_OK, 0x102, 0, SPAN_INIT(""), 0 },
	{ "payload missing", SPAN_INIT("\3\0\0\0\2\0\0\0ab"),
		FRAME_MORE, 0, 0, SPAN_INIT(""), 10 },
	{ "one and the next begins", SPAN_INIT("\3\0\0\0\2\0\1\0abcd"),
		FRAME_OK, 2, 1, SPAN_INIT("abc"), 1 },
	{ "as many descriptors as may be", SPAN_INIT("\0\0\0\0\0\0\10\0"),
		FRAME_OK, 0, 8, SPAN_INIT(""), 0 },
	{ "too many descriptors", SPAN_INIT("\0\0\0\0\0\0\11\0"),
		FRAME_BROKEN, 0, 0, SPAN_INIT(""), 8 },
	{ "as long as may be", SPAN_INIT("\0\0\0\1\0\0\0\0"),
		FRAME_MORE, 0, 0, SPAN_INIT(""), 8 },
	{ "one byte too long", SPAN_INIT("\1\0\0\1\0\0\0\0"),
		FRAME_BROKEN, 0, 0, SPAN_INIT(""), 8 },
	{ "length of 4 GiB", SPAN_INIT("\377\377\377\377\0\0\0\0x"),
		FRAME_BROKEN, 0, 0, SPAN_INIT(""), 9 },
};
/* clang-format on */

static void test_parse(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		span rest = cases[i].bytes;
		struct frame f = { 0 };

		print_message("%s\n", cases[i].name);
		assert_int_equal(frame_parse(&rest, &f), cases[i].result);
		assert_int_equal(rest.len, cases[i].left);
		assert_int_equal(f.type, cases[i].type);
		assert_int_equal(f.nfds, cases[i].nfds);
		assert_span_equal(f.payload, cases[i].payload);
	}
}

static void test_peek(void **state UNUSED)
{
	struct frame_head h;

	assert_false(frame_peek(SPAN("\1\0\0\0\2\0\3"), &h));
	assert_true(frame_peek(SPAN("\1\2\0\0\2\0\3\0"), &h));
	assert_int_equal(h.length, 0x201);
	assert_int_equal(h.type, 2);
	assert_int_equal(h.nfds, 3);
}

static void test_write(void **state UNUSED)
{
	struct buf b = BUF_INIT(1000);
	size_t at;

	at = frame_begin(&b, 0x102, 3);
	buf_put(&b, SPAN("abc"));
	frame_end(&b, at);
	at = frame_begin(&b, 4, 0);
	frame_end(&b, at);
	assert_span_equal(
	    buf_span(&b), SPAN("\3\0\0\0\2\1\3\0abc\0\0\0\0\4\0\0\0"));
	buf_done(&b);
}

static void test_write_too_much(void **state UNUSED)
{
	struct buf b = BUF_INIT(FRAME_MAX + 1000);
	struct buf small = BUF_INIT(10);
	size_t at;

	for (size_t over = 0; over < 2; over++) {
		buf_clear(&b);
		at = frame_begin(&b, 1, 0);
		assert_non_null(buf_room(&b, FRAME_MAX + over));
		b.len += FRAME_MAX + over;
		frame_end(&b, at);
		assert_int_equal(b.failed, over);
	}
	at = frame_begin(&small, 1, 0);
	buf_put(&small, SPAN("abc"));
	frame_end(&small, at);
	assert_true(small.failed);
	buf_done(&b);
	buf_done(&small);
}

static void put_frame(struct buf *b, uint16_t type, span payload)
{
	size_t at = frame_begin(b, type, 0);

	buf_put(b, payload);
	frame_end(b, at);
}

/* Cut at every byte: what comes out must not depend on it. */
static void test_stream_cut_anywhere(void **state UNUSED)
{
	const span payloads[] = { SPAN_NONE, SPAN("first"), SPAN(""),
		SPAN("third, and longer than the others") };
	struct buf b = BUF_INIT(1000);

	for (uint16_t i = 1; i < ARRAY_LEN(payloads); i++)
		put_frame(&b, i, payloads[i]);
	for (size_t cut = 0; cut <= b.len; cut++) {
		span pieces[] = { span_first(buf_span(&b), cut),
			span_from(buf_span(&b), cut) };
		struct stream_in in;
		struct sync_msg m;
		uint16_t seen = 0;

		frames_in_init(&in);
		for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
			frames_feed(&in, pieces[i]);
			while (frames_next(&in, &m) == FRAME_OK) {
				assert_int_equal(m.type, ++seen);
				assert_span_equal(m.payload, payloads[seen]);
			}
			assert_false(frames_has_more(&in));
		}
		assert_int_equal(seen, 3);
		assert_false(frames_is_partial(&in));
		assert_null(in.held.data);
		frames_in_done(&in);
	}
	buf_done(&b);
}

/* Kept at a pause: the bytes fed may go, what is whole is still there. */
static void test_stream_keep(void **state UNUSED)
{
	struct buf b = BUF_INIT(1000);
	struct stream_in in;
	struct sync_msg m;

	for (uint16_t i = 1; i <= 5; i++)
		put_frame(&b, i, SPAN("payload"));
	b.len -= 3;
	frames_in_init(&in);
	frames_feed(&in, buf_span(&b));
	assert_int_equal(frames_next(&in, &m), FRAME_OK);
	frames_keep(&in);
	buf_wipe(&b);
	for (uint16_t i = 2; i <= 4; i++) {
		assert_true(frames_has_more(&in));
		assert_int_equal(frames_next(&in, &m), FRAME_OK);
		assert_int_equal(m.type, i);
		assert_span_equal(m.payload, SPAN("payload"));
		frames_keep(&in);
	}
	assert_false(frames_has_more(&in));
	assert_int_equal(frames_next(&in, &m), FRAME_MORE);
	assert_true(frames_is_partial(&in));
	frames_feed(&in, SPAN("oad"));
	assert_int_equal(frames_next(&in, &m), FRAME_OK);
	assert_span_equal(m.payload, SPAN("payload"));
	frames_in_done(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_too_much),
		cmocka_unit_test(test_stream_cut_anywhere),
		cmocka_unit_test(test_stream_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
