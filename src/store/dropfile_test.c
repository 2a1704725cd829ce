/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "store/dropfile.h"

enum { LONGEST = 100, MEMORY = 1 << 20 };

struct made {
	struct buf file;
	struct dropfile f;
	struct arena arena;
};

static ssize_t read_buf(void *ctx, char *to, size_t n, uint64_t at)
{
	const struct buf *b = ctx;
	span part = span_first(span_from(buf_span(b), at), n);

	if (part.len)
		memcpy(to, part.ptr, part.len);
	return (ssize_t)part.len;
}

/* "S ana" is a record; a '|' ends it. */
static void make(struct made *m, const char *text)
{
	span rest = span_str(text);

	buf_init(&m->file, MEMORY);
	while (rest.len) {
		span line = span_cut(&rest, '|');

		record_put(&m->file, line.ptr[0],
		    span_from(line, line.len > 1 ? 2 : 1));
	}
}

static int scan(struct made *m)
{
	const struct dropfile_source source = { &m->file, read_buf };

	arena_init(&m->arena, MEMORY);
	dropfile_init(&m->f, &source, LONGEST, &m->arena);
	return dropfile_scan(&m->f);
}

static void done(struct made *m)
{
	dropfile_done(&m->f);
	arena_done(&m->arena);
	buf_done(&m->file);
}

static void check_content(struct made *m, const char *want)
{
	struct buf out = BUF_INIT(MEMORY);
	size_t before;
	bool first = true;

	do {
		before = out.len;
		assert_int_equal(dropfile_content(&m->f, first, &out), 0);
		first = false;
	} while (out.len > before);
	assert_span_equal(buf_span(&out), span_str(want));
	buf_done(&out);
}

static void test_envelope(void **state UNUSED)
{
	struct made m;
	const struct envelope *e = &m.f.message.envelope;

	make(&m,
	    "T 1700000000 123456|A envelope_id=e1|A ret_flags=2|"
	    "A rewrite_context=local|F Ana Bell|S ana|V +=|V --|A "
	    "encoding=8bit|"
	    "A trace_flags=1024|A notify_flags=4|R bob|O given|"
	    "A dsn_orig_rcpt=rfc822;c@d|R carol@x|M|N Subject: x|X|"
	    "A notify_flags=1|R late|E");
	assert_int_equal(scan(&m), 0);
	assert_span_equal(e->sender, SPAN("ana"));
	assert_span_equal(e->envid, SPAN("e1"));
	assert_span_equal(e->verp, SPAN("+="));
	assert_span_equal(m.f.message.full_name, SPAN("Ana Bell"));
	assert_true(e->arrival == 1700000000123456);
	assert_int_equal(
	    e->flags, ENVELOPE_8BIT | ENVELOPE_RET_HDRS | ENVELOPE_TRACE);
	assert_int_equal(e->nrcpts, 3);
	assert_span_equal(e->rcpts[0].addr, SPAN("bob"));
	assert_null(e->rcpts[0].orig.ptr);
	assert_int_equal(e->rcpts[0].notify, RCPT_NOTIFY_FAILURE);
	assert_span_equal(e->rcpts[1].addr, SPAN("carol@x"));
	assert_span_equal(e->rcpts[1].orig, SPAN("given"));
	assert_span_equal(e->rcpts[1].orcpt, SPAN("rfc822;c@d"));
	assert_int_equal(e->rcpts[1].notify, 0);
	assert_span_equal(e->rcpts[2].addr, SPAN("late"));
	assert_int_equal(e->rcpts[2].notify, RCPT_NOTIFY_NEVER);
	check_content(&m, "Subject: x\r\n");
	done(&m);
}

static void test_content(void **state UNUSED)
{
	static const struct {
		const char *records;
		const char *want;
	} cases[] = {
		{ "S a|R b|M|X|E", "" },
		{ "S a|R b|M|N|N .|N ..x|X|E", "\r\n..\r\n...x\r\n" },
		{ "S a|R b|M|L ab|L .c|N .d|X|E", "ab.c.d\r\n" },
		{ "S a|R b|M|L|L .|L|N x|X|E", "..x\r\n" },
		/* A line that does not end ends all the same. */
		{ "S a|R b|M|N x|L abc|X|E", "x\r\nabc\r\n" },
		/* What is no line end is none. */
		{ "S a|R b|M|N x\n.|N \r\n.\r|X|E", "x .\r\n  . \r\n" },
		{ "S a|R b|M|w 000|N x|w 0|X|E", "x\r\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made m;

		make(&m, cases[i].records);
		assert_int_equal(scan(&m), 0);
		check_content(&m, cases[i].want);
		check_content(&m, cases[i].want);
		done(&m);
	}
}

static void test_bad(void **state UNUSED)
{
	static const struct {
		const char *records;
		const char *fault;
	} cases[] = {
		{ "", "unexpected or malformed record type -1" },
		{ "S a|R b|M|N x|X", "unexpected or malformed record type -1" },
		{ "S a|N x|M|X|E", "unexpected or malformed record type 78" },
		{ "S a|M|R x|X|E", "unexpected or malformed record type 82" },
		{ "S a|M|X|N x|E", "unexpected or malformed record type 78" },
		{ "S a|p x|M|X|E", "unexpected or malformed record type -2" },
		{ "R b|S a|M|X|E", "envelope recipient precedes sender" },
		{ "S a|S a|M|X|E", "multiple envelope sender records" },
		{ "M|X|E", "no envelope sender" },
		{ "S a|A x|M|X|E", "malformed attribute" },
		{ "S a|A ret_flags=9|M|X|E", "bad DSN RET record" },
		{ "S a|A rewrite_context=x|M|X|E", "bad rewriting context" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made m;

		make(&m, cases[i].records);
		assert_int_equal(scan(&m), DROPFILE_BAD);
		assert_string_equal(m.f.fault, cases[i].fault);
		done(&m);
	}
}

/* Cut anywhere it is bad, and never good. */
static void test_cut(void **state UNUSED)
{
	struct made m;

	make(&m, "T 1|S a|R b|M|N x|X|R c|E");
	assert_int_equal(scan(&m), DROPFILE_OK);
	while (m.file.len) {
		dropfile_done(&m.f);
		arena_done(&m.arena);
		m.file.len--;
		assert_int_equal(scan(&m), DROPFILE_BAD);
	}
	dropfile_done(&m.f);
	arena_done(&m.arena);
	buf_done(&m.file);
}

/* A recipient that was added later lies behind the end. */
static void test_pointers(void **state UNUSED)
{
	struct made m;

	make(&m,
	    "S a|R b|p              49|M|N x|p               0|X|E|R c|"
	    "p              23");
	assert_int_equal(scan(&m), 0);
	assert_int_equal(m.f.message.envelope.nrcpts, 2);
	assert_span_equal(m.f.message.envelope.rcpts[1].addr, SPAN("c"));
	check_content(&m, "x\r\n");
	done(&m);
}

/* One that points to itself. */
static void test_loop(void **state UNUSED)
{
	struct made m;

	make(&m, "S a|p               3|M|X|E");
	assert_int_equal(scan(&m), DROPFILE_BAD);
	done(&m);
}

/* Who brought it: the first that is said counts, and may be nonsense. */
static void test_client(void **state UNUSED)
{
	static const struct {
		const char *records;
		uint16_t port;
	} cases[] = {
		{ "A log_client_port=40000|A log_client_port=2|", 40000 },
		{ "A log_client_port=unknown|A log_client_port=25|", 25 },
		{ "A log_client_port=65536|", 0 },
		{ "A log_client_port=|", 0 },
		{ "A client_port=25|", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf text = BUF_INIT(MEMORY);
		struct made m;

		buf_put(&text, span_str(cases[i].records));
		buf_put(&text,
		    SPAN("A log_client_address=192.0.2.1|"
		         "S a|R b|M|X|E"));
		make(&m, buf_cstr(&text));
		assert_int_equal(scan(&m), 0);
		assert_int_equal(
		    m.f.message.envelope.client_port, cases[i].port);
		assert_span_equal(
		    m.f.message.envelope.client_addr, SPAN("192.0.2.1"));
		done(&m);
		buf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
