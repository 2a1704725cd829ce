/* SPDX-License-Identifier: ISC */
/*
 * Addresses of headers, and the recipients that tables add.
 */
#include "daemon/rules/headers.h"

#include "daemon/rules/check.h"
#include "mail/clean.h"
#include "test/lib/policy.h"

static struct rules_mapped map(
    struct bench *b, const char *const *addrs, uint32_t count)
{
	struct buf questions = BUF_INIT(1 << 20);
	struct rules_map q = { .ask = 7, .id = (uint64_t)0xABC << 20 };
	struct rules_mapped m;

	for (uint32_t i = 0; i < count; i++) {
		wire_put_u8(&questions, i % 2 ? CLEAN_RECIPIENT : CLEAN_SENDER);
		wire_put_span(&questions, span_str(addrs[i]));
	}
	q.count = count;
	q.addrs = buf_span(&questions);
	headers_answer(b->p, &b->w.world, &q, &b->a, &m);
	assert_int_equal(m.ask, 7);
	buf_done(&questions);
	return m;
}

/* Of a sender and of a recipient; NULL: as it was. */
static const struct {
	const char *settings, *addr, *sender, *recipient;
} cases[] = {
	{ "", "x@y.org", NULL, NULL },
	{ "canonical_maps = inline:{x@y.org=a@b.org}\n", "x@y.org", "a@b.org",
	    "a@b.org" },
	{ "canonical_maps = inline:{x@y.org=a@b.org}\n"
	  "canonical_classes = header_recipient, envelope_sender\n",
	    "x@y.org", NULL, "a@b.org" },
	{ "sender_canonical_maps = inline:{x@y.org=a@b.org}\n"
	  "canonical_maps = inline:{a@b.org=c@d.org}\n",
	    "x@y.org", "c@d.org", NULL },
	{ "recipient_canonical_maps = inline:{x@y.org=a@b.org}\n"
	  "recipient_delimiter = +\n",
	    "x+e@y.org", NULL, "a+e@b.org" },
	{ "canonical_maps = inline:{x@y.org=a@b.org}\n"
	  "propagate_unmatched_extensions = virtual\n",
	    "x+e@y.org", "a@b.org", "a@b.org" },
	{ "canonical_maps = inline:{@y.org=@b.org}\n", "\"a b\"@y.org",
	    "\"a b\"@b.org", "\"a b\"@b.org" },
	{ "canonical_maps = inline:{a@y.org=bare}\n", "a@y.org",
	    "bare@example.com", "bare@example.com" },
	{ "masquerade_domains = y.org\n"
	  "canonical_maps = inline:{a@b.org=x@h.y.org}\n",
	    "a@b.org", "x@y.org", "x@y.org" },
	{ "masquerade_domains = y.org\nmasquerade_exceptions = root\n",
	    "root@h.y.org", NULL, NULL },
	{ "masquerade_domains = y.org\nmasquerade_classes = header_sender\n",
	    "x@h.y.org", "x@y.org", NULL },
};

static void check(span got, const char *want)
{
	if (!want)
		assert_null(got.ptr);
	else
		assert_span_equal(got, span_str(want));
}

static void test_mapped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *both[] = { cases[i].addr, cases[i].addr };
		struct rules_mapped m;
		struct bench b;

		bench_init(&b, cases[i].settings);
		m = map(&b, both, 2);
		assert_false(m.failed);
		assert_int_equal(m.count, 2);
		check(m.addrs[0], cases[i].sender);
		check(m.addrs[1], cases[i].recipient);
		bench_done(&b);
	}
}

static void test_broken(void **state)
{
	static const struct {
		const char *settings, *title;
	} rows[] = {
		{ "canonical_maps = fail:x\n", "canonical_maps" },
		{ "sender_canonical_maps = fail:x\n", "sender_canonical_maps" },
		{ "recipient_canonical_maps = fail:x\n",
		    "recipient_canonical_maps" },
		{ "masquerade_domains = y.org\n"
		  "masquerade_exceptions = fail:x\n",
		    "masquerade_exceptions" },
	};
	const char *both[] = { "x@h.y.org", "x@h.y.org" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char line[200];
		struct rules_mapped m;
		struct bench b;

		bench_init(&b, rows[i].settings);
		m = map(&b, both, 2);
		assert_true(m.failed);
		assert_int_equal(m.count, 0);
		(void)snprintf(line, sizeof(line),
		    ": %s map lookup problem for x@h.y.org -- message not "
		    "accepted, try again later",
		    rows[i].title);
		assert_true(warned(&b, line));
		bench_done(&b);
	}
}

/* A count that is not that of the questions, from a smtpd gone mad. */
static void test_count(void **state)
{
	struct rules_map q = { .count = 2, .addrs = SPAN("0123456789") };
	struct rules_mapped m;
	struct bench b;

	(void)state;
	bench_init(&b, "");
	headers_answer(b.p, &b.w.world, &q, &b.a, &m);
	assert_true(m.failed);
	bench_done(&b);
}

/* --- recipients that are added --- */

static struct rules_verdict ask(
    struct bench *b, enum rules_stage stage, uint32_t nrcpts)
{
	struct rules_check q = { .stage = (uint8_t)stage,
		.client_addr = SPAN("127.0.0.1"),
		.client_name = SPAN("localhost"),
		.helo = SPAN("helo.example.org"),
		.sender = SPAN("joe@example.org"),
		.recipient = SPAN("kim@y.org"),
		.nrcpts = nrcpts };
	struct rules_verdict v;

	check_answer(b->p, &b->w.world, &q, &b->a, &v);
	return v;
}

#define ALL_BCC \
	"always_bcc = all\n" \
	"sender_bcc_maps = inline:{joe@example.org=s@z.org}\n" \
	"recipient_bcc_maps = inline:{kim@y.org=r@z.org}\n" \
	"virtual_alias_maps = inline:{ {s@z.org = s1@z.org, s2@z.org} }\n"

static const struct {
	const char *settings;
	enum rules_stage stage;
	uint32_t nrcpts;
	const char *ways; /* kind, ORIGINAL/, recipient */
} bccs[] = {
	{ "", RULES_STAGE_RCPT, 0, "0 /kim@y.org;" },
	{ ALL_BCC, RULES_STAGE_RCPT, 0,
	    "1 s@z.org/s1@z.org;1 s@z.org/s2@z.org;0 /kim@y.org;"
	    "1 r@z.org/r@z.org;2 all@example.com/all@example.com;" },
	{ ALL_BCC, RULES_STAGE_RCPT, 1, "0 /kim@y.org;1 r@z.org/r@z.org;" },
	{ ALL_BCC, RULES_STAGE_VRFY, 0, "0 /kim@y.org;" },
	{ ALL_BCC "receive_override_options = no_address_mappings\n",
	    RULES_STAGE_RCPT, 0, "0 /kim@y.org;" },
};

static void test_bcc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bccs); i++) {
		struct buf got = BUF_INIT(10000);
		struct rules_verdict v;
		struct bench b;

		bench_init(&b, bccs[i].settings);
		v = ask(&b, bccs[i].stage, bccs[i].nrcpts);
		assert_int_equal(v.code, 0);
		for (uint32_t k = 0; k < v.nways; k++)
			buf_printf(&got, "%u %.*s/%.*s;", v.ways[k].kind,
			    PRI(v.ways[k].orig), PRI(v.ways[k].recipient));
		assert_span_equal(buf_span(&got), span_str(bccs[i].ways));
		buf_done(&got);
		bench_done(&b);
	}
}

static void test_broken_bcc(void **state)
{
	static const char *const names[] = { "sender_bcc_maps",
		"recipient_bcc_maps" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char line[200];
		struct rules_verdict v;
		struct bench b;

		(void)snprintf(line, sizeof(line), "%s = fail:x\n", names[i]);
		bench_init(&b, line);
		v = ask(&b, RULES_STAGE_RCPT, 0);
		assert_int_equal(v.code, 451);
		assert_int_equal(v.nways, 0);
		(void)snprintf(
		    line, sizeof(line), "%s map lookup problem", names[i]);
		assert_true(warned(&b, line));
		bench_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_bcc),
		cmocka_unit_test(test_broken_bcc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
