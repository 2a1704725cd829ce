/* SPDX-License-Identifier: ISC */
#include "mail/verdict.h"

#include "test/lib/unit.h"

static void test_status(void **state)
{
	static const struct {
		span text;
		bool ok;
	} rows[] = {
		{ SPAN_INIT("2.0.0"), true },
		{ SPAN_INIT("4.7.123"), true },
		{ SPAN_INIT("5.100.999"), true },
		{ SPAN_INIT(""), false },
		{ SPAN_INIT("1.0.0"), false },
		{ SPAN_INIT("\0.0.0"), false },
		{ SPAN_INIT("5.0"), false },
		{ SPAN_INIT("5..0"), false },
		{ SPAN_INIT("5.0."), false },
		{ SPAN_INIT("5.0.1000"), false },
		{ SPAN_INIT("5.0.0 "), false },
		{ SPAN_INIT("5.0.0.0"), false },
		{ SPAN_INIT("55.0.0"), false },
		{ SPAN_INIT("5.a.0"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(verdict_is_status(rows[i].text), rows[i].ok);
}

static void put(struct buf *out, uint8_t class, const char *status)
{
	wire_put_u8(out, class);
	wire_put_span(out, span_str(status));
	wire_put_span(out, SPAN("text"));
	wire_put_span(out, SPAN("dns; h"));
	wire_put_span(out, SPAN("smtp; 550"));
	wire_put_span(out, SPAN("local"));
}

static void test_wire(void **state)
{
	struct verdict in = { .class = VERDICT_BOUNCED,
		.status = SPAN("5.1.1"),
		.text = SPAN("unknown user"),
		.remote_mta = SPAN("dns; h"),
		.diagnostic = SPAN("smtp; 550 no"),
		.relay = SPAN("h[192.0.2.1]:25"),
		.reports = true };
	struct verdict v;
	struct buf b = BUF_INIT(1000);
	struct wire w;

	(void)state;
	verdict_put(&b, &in);
	w = wire_from(buf_span(&b));
	assert_true(verdict_get(&w, &v));
	assert_true(wire_is_done(&w));
	assert_int_equal(v.class, VERDICT_BOUNCED);
	assert_true(v.reports);
	assert_span_equal(v.status, in.status);
	assert_span_equal(v.text, in.text);
	assert_span_equal(v.remote_mta, in.remote_mta);
	assert_span_equal(v.diagnostic, in.diagnostic);
	assert_span_equal(v.relay, in.relay);
	for (size_t cut = 0; cut < b.len; cut++) {
		w = wire_from(span_first(buf_span(&b), cut));
		assert_false(verdict_get(&w, &v));
	}
	buf_done(&b);
}

static void test_refused(void **state)
{
	static const struct {
		uint8_t class;
		const char *status;
	} rows[] = { { 0, "5.1.1" }, { 3, "5.1.1" }, { 5, "" }, { 5, "x" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF_INIT(1000);
		struct verdict v;
		struct wire w;

		put(&b, rows[i].class, rows[i].status);
		w = wire_from(buf_span(&b));
		assert_false(verdict_get(&w, &v));
		buf_done(&b);
	}
}

static void test_worse(void **state)
{
	static const struct verdict order[] = {
		{ .class = 0 },
		{ .class = VERDICT_SENT },
		{ .class = VERDICT_BOUNCED },
		{ .class = VERDICT_DEFERRED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k < ARRAY_LEN(order); k++)
			assert_int_equal(
			    verdict_is_worse(&order[i], &order[k]), i > k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
