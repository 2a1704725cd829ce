/* SPDX-License-Identifier: ISC */
/*
 * Packets are put together by hand, so that each length can lie.
 */
#include "dns/packet.h"

#include "base/buf.h"
#include "test/lib/unit.h"

static struct buf packet;

static void put16(unsigned n)
{
	buf_putc(&packet, (char)(n >> 8));
	buf_putc(&packet, (char)n);
}

static void put32(uint32_t n)
{
	put16(n >> 16);
	put16(n & 0xffff);
}

/* "mx.example" as labels; a trailing "*12" is a pointer to offset 12. */
static void put_name(const char *text)
{
	span rest = span_str(text);

	while (rest.len) {
		span label = span_cut(&rest, '.');

		if (label.ptr[0] == '*') {
			uint32_t at;

			assert_true(span_to_u32(span_from(label, 1), &at));
			put16(0xc000 | at);
			return;
		}
		buf_putc(&packet, (char)label.len);
		buf_put(&packet, label);
	}
	buf_putc(&packet, 0);
}

static void put_header(unsigned rcode, unsigned answers, unsigned auth)
{
	buf_clear(&packet);
	put16(1);
	put16(0x8180 | rcode);
	put16(1);
	put16(answers);
	put16(auth);
	put16(0);
}

static void put_question(const char *name, unsigned type)
{
	put_name(name);
	put16(type);
	put16(1);
}

static void put_fixed(const char *name, unsigned type, uint32_t ttl, unsigned n)
{
	put_name(name);
	put16(type);
	put16(1);
	put32(ttl);
	put16(n);
}

static void put_a(const char *name, uint32_t ttl, uint32_t addr)
{
	put_fixed(name, DNS_TYPE_A, ttl, 4);
	put32(addr);
}

/* rdlength is right for names without pointers. */
static void put_cname(const char *name, const char *target)
{
	put_fixed(name, DNS_TYPE_CNAME, 100, (unsigned)strlen(target) + 2);
	put_name(target);
}

static void put_mx(const char *name, unsigned pref, const char *target)
{
	put_fixed(name, DNS_TYPE_MX, 300,
	    2 + (target[0] ? (unsigned)strlen(target) + 2 : 1));
	put16(pref);
	put_name(target);
}

/* Exactly as long as it is, so that ASan sees one byte too many. */
static struct dns_answer parse_as(
    struct arena *a, const char *name, enum dns_type type)
{
	struct dns_answer answer;
	char *exact = mem_new(packet.len, 1);

	assert_false(packet.failed);
	memcpy(exact, packet.data, packet.len);
	assert_true(dns_packet_parse(
	    span_of(exact, packet.len), span_str(name), type, a, &answer));
	mem_free(exact);
	return answer;
}

static enum dns_status status_as(const char *name, enum dns_type type)
{
	struct arena a;
	enum dns_status status;

	arena_init(&a, 1 << 20);
	status = parse_as(&a, name, type).status;
	arena_done(&a);
	return status;
}

static void test_a(void **state)
{
	struct arena a;
	struct dns_answer answer;

	(void)state;
	arena_init(&a, 1 << 20);
	put_header(0, 3, 0);
	put_question("x.example", DNS_TYPE_A);
	put_a("*12", 300, 0x01020304);
	put_a("X.eXample", 200, 0x05060708);
	put_a("y.example", 1, 0x09090909); /* not ours */
	answer = parse_as(&a, "x.EXAMPLE", DNS_TYPE_A);
	assert_int_equal(answer.status, DNS_OK);
	assert_int_equal(answer.nrecords, 2);
	assert_int_equal(answer.ttl, 200);
	assert_memory_equal(answer.records[0].addr, "\1\2\3\4", 4);
	assert_memory_equal(answer.records[1].addr, "\5\6\7\10", 4);
	arena_done(&a);
}

static void test_mx(void **state)
{
	struct arena a;
	struct dns_answer answer;

	(void)state;
	arena_init(&a, 1 << 20);
	put_header(0, 3, 0);
	put_question("x.example", DNS_TYPE_MX);
	put_mx("*12", 10, "a.x.example");
	put_fixed("*12", DNS_TYPE_MX, 300, 2 + 4);
	put16(20);
	put_name("b.*12");
	put_mx("*12", 0, "");
	answer = parse_as(&a, "x.example", DNS_TYPE_MX);
	assert_int_equal(answer.status, DNS_OK);
	assert_int_equal(answer.nrecords, 3);
	assert_int_equal(answer.records[0].pref, 10);
	assert_span_equal(answer.records[0].data, SPAN("a.x.example"));
	assert_span_equal(answer.records[1].data, SPAN("b.x.example"));
	assert_span_equal(answer.records[2].data, SPAN(""));
	arena_done(&a);
}

static void test_txt(void **state)
{
	struct arena a;
	struct dns_answer answer;

	(void)state;
	arena_init(&a, 1 << 20);
	put_header(0, 1, 0);
	put_question("x", DNS_TYPE_TXT);
	put_fixed("*12", DNS_TYPE_TXT, 1, 8);
	buf_put(&packet, SPAN("\3abc\0\2de"));
	answer = parse_as(&a, "x", DNS_TYPE_TXT);
	assert_int_equal(answer.status, DNS_OK);
	assert_span_equal(answer.records[0].data, SPAN("abcde"));
	/* 64 KB of empty strings. */
	put_header(0, 1, 0);
	put_question("x", DNS_TYPE_TXT);
	put_fixed("*12", DNS_TYPE_TXT, 1, 65000);
	for (int i = 0; i < 65000; i++)
		buf_putc(&packet, 0);
	answer = parse_as(&a, "x", DNS_TYPE_TXT);
	assert_int_equal(answer.status, DNS_OK);
	assert_int_equal(answer.records[0].data.len, 0);
	/* The last string claims more than there is. */
	put_header(0, 1, 0);
	put_question("x", DNS_TYPE_TXT);
	put_fixed("*12", DNS_TYPE_TXT, 1, 3);
	buf_put(&packet, SPAN("\3ab"));
	assert_int_equal(status_as("x", DNS_TYPE_TXT), DNS_MALFORMED);
	arena_done(&a);
}

/* RDLENGTH short, long, past the end, for every type we read. */
static void test_lengths(void **state)
{
	static const struct {
		enum dns_type type;
		span data;
	} cases[] = {
		{ DNS_TYPE_A, SPAN_INIT("\1\2\3\4") },
		{ DNS_TYPE_AAAA, SPAN_INIT("0123456789abcdef") },
		{ DNS_TYPE_MX, SPAN_INIT("\0\12\1a\0") },
		{ DNS_TYPE_PTR, SPAN_INIT("\1a\0") },
		{ DNS_TYPE_TXT, SPAN_INIT("\2ab") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned right = (unsigned)cases[i].data.len;

		for (unsigned len = 0; len < 40; len++) {
			put_header(0, 1, 0);
			put_question("x", cases[i].type);
			put_fixed("*12", cases[i].type, 1, len);
			buf_put(&packet, cases[i].data);
			/* A TXT may be empty: no string at all. */
			if (cases[i].type == DNS_TYPE_TXT && len == 0)
				continue;
			assert_int_equal(status_as("x", cases[i].type),
			    len == right ? DNS_OK : DNS_MALFORMED);
		}
		/* Long, with bytes there to be read. */
		put_header(0, 1, 0);
		put_question("x", cases[i].type);
		put_fixed("*12", cases[i].type, 1, right + 2);
		buf_put(&packet, cases[i].data);
		buf_put(&packet, SPAN("zz"));
		assert_int_equal(status_as("x", cases[i].type), DNS_MALFORMED);
	}
}

static void test_every_truncation(void **state)
{
	size_t whole;

	(void)state;
	put_header(0, 2, 0);
	put_question("x.example", DNS_TYPE_MX);
	put_mx("*12", 10, "a.x.example");
	put_mx("*12", 10, "b.x.example");
	whole = packet.len;
	for (size_t n = 0; n < whole; n++) {
		packet.len = n;
		assert_int_equal(
		    status_as("x.example", DNS_TYPE_MX), DNS_MALFORMED);
	}
	packet.len = whole;
	assert_int_equal(status_as("x.example", DNS_TYPE_MX), DNS_OK);
}

static void put_labels(size_t count, size_t len)
{
	while (count--) {
		buf_putc(&packet, (char)len);
		for (size_t i = 0; i < len; i++)
			buf_putc(&packet, 'a');
	}
}

static bool name_at(size_t at, span *ret)
{
	static char text[DNS_NAME_TEXT_MAX];
	size_t name[2];

	if (!dns_packet_name(buf_span(&packet), at, text, name))
		return false;
	*ret = span_of(text, name[1]);
	return true;
}

static void test_names(void **state)
{
	span name = SPAN_NONE;

	(void)state;
	/* A label of 63 is one, 64 is none (and 0x80 neither). */
	for (unsigned len = 62; len < 200; len++) {
		buf_clear(&packet);
		put_labels(1, len);
		buf_putc(&packet, 0);
		assert_int_equal(name_at(0, &name), len <= 63);
	}
	/* 255 bytes on the wire are a name, 256 are not. */
	buf_clear(&packet);
	put_labels(3, 63);
	put_labels(1, 61);
	buf_putc(&packet, 0);
	assert_int_equal(packet.len, 255);
	assert_true(name_at(0, &name));
	assert_int_equal(name.len, 253);
	buf_clear(&packet);
	put_labels(3, 63);
	put_labels(1, 62);
	buf_putc(&packet, 0);
	assert_false(name_at(0, &name));
	/* The same, in two parts. */
	buf_clear(&packet);
	put_labels(3, 63);
	buf_putc(&packet, 0);
	put_labels(1, 61);
	put16(0xc000);
	assert_true(name_at(193, &name));
	buf_clear(&packet);
	put_labels(3, 63);
	buf_putc(&packet, 0);
	put_labels(1, 62);
	put16(0xc000);
	assert_false(name_at(193, &name));
}

static void test_pointers(void **state)
{
	span name = SPAN_NONE;

	(void)state;
	buf_clear(&packet);
	put16(0xc000); /* to itself */
	assert_false(name_at(0, &name));
	buf_clear(&packet);
	put_labels(1, 1);
	put16(0xc000); /* a.a.a.a... */
	assert_false(name_at(0, &name));
	buf_clear(&packet);
	put16(0xc002); /* forward */
	put_name("a");
	assert_false(name_at(0, &name));
	buf_clear(&packet);
	put_name("a");
	put16(0xc000);
	put16(0xc003);
	put16(0xc005);
	assert_true(name_at(7, &name)); /* down, down, down */
	assert_span_equal(name, SPAN("a"));
	buf_clear(&packet);
	put_labels(1, 1);
	buf_putc(&packet, (char)0xc0); /* half a pointer */
	assert_false(name_at(0, &name));
}

static void test_odd_bytes(void **state)
{
	span name = SPAN_NONE;

	(void)state;
	buf_clear(&packet);
	buf_put(&packet, SPAN("\6a.b\\\0\xff\0"));
	assert_true(name_at(0, &name));
	assert_span_equal(name, SPAN("a\\046b\\092\\000\\255"));
}

static void test_aliases(void **state)
{
	char from[8] = "aa";
	char to[8] = "ab";

	(void)state;
	put_header(0, 3, 0);
	put_question("a", DNS_TYPE_A);
	put_cname("a", "b");
	put_cname("b", "c");
	put_a("c", 300, 1);
	assert_int_equal(status_as("a", DNS_TYPE_A), DNS_OK);
	/* Out of order. */
	put_header(0, 3, 0);
	put_question("a", DNS_TYPE_A);
	put_a("c", 300, 1);
	put_cname("b", "c");
	put_cname("a", "b");
	assert_int_equal(status_as("a", DNS_TYPE_A), DNS_OK);
	/* Nowhere. */
	put_header(0, 2, 0);
	put_question("a", DNS_TYPE_A);
	put_cname("a", "b");
	put_a("c", 300, 1);
	assert_int_equal(status_as("a", DNS_TYPE_A), DNS_NODATA);
	/* Round and round. */
	put_header(0, 2, 0);
	put_question("a", DNS_TYPE_A);
	put_cname("a", "b");
	put_cname("b", "a");
	assert_int_equal(status_as("a", DNS_TYPE_A), DNS_MALFORMED);
	/* A thousand of them. */
	put_header(0, 600, 0);
	put_question("aa", DNS_TYPE_A);
	for (int i = 0; i < 600; i++) {
		put_cname(from, to);
		memcpy(from, to, sizeof(from));
		to[1] = (char)('a' + (i + 2) % 26);
		to[0] = (char)('a' + (i + 2) / 26);
	}
	assert_int_equal(status_as("aa", DNS_TYPE_A), DNS_MALFORMED);
}

static void put_soa(const char *name, uint32_t ttl, uint32_t minimum)
{
	put_fixed(name, DNS_TYPE_SOA, ttl, 22);
	put_name("");
	put_name("");
	for (int i = 0; i < 4; i++)
		put32(1);
	put32(minimum);
}

static void test_negative(void **state)
{
	struct arena a;
	struct dns_answer answer;

	(void)state;
	arena_init(&a, 1 << 20);
	put_header(3, 0, 1);
	put_question("x.example", DNS_TYPE_MX);
	put_soa("example", 500, 400);
	answer = parse_as(&a, "x.example", DNS_TYPE_MX);
	assert_int_equal(answer.status, DNS_NXDOMAIN);
	assert_int_equal(answer.ttl, 400);
	put_header(0, 0, 1);
	put_question("x.example", DNS_TYPE_MX);
	put_soa("example", 300, 400000);
	answer = parse_as(&a, "x.example", DNS_TYPE_MX);
	assert_int_equal(answer.status, DNS_NODATA);
	assert_int_equal(answer.ttl, 300);
	arena_done(&a);
	put_header(2, 0, 0);
	put_question("x", DNS_TYPE_A);
	assert_int_equal(status_as("x", DNS_TYPE_A), DNS_AGAIN);
	put_header(5, 0, 0);
	put_question("x", DNS_TYPE_A);
	assert_int_equal(status_as("x", DNS_TYPE_A), DNS_FAILED);
	/* A query is no answer. */
	put_header(0, 0, 0);
	packet.data[2] = 0;
	assert_int_equal(status_as("x", DNS_TYPE_A), DNS_MALFORMED);
}

static void test_too_many(void **state)
{
	struct arena a;
	struct dns_answer answer;

	(void)state;
	arena_init(&a, 1 << 20);
	put_header(0, 1500, 0);
	put_question("x", DNS_TYPE_A);
	for (uint32_t i = 0; i < 1500; i++)
		put_a("*12", 300, i);
	answer = parse_as(&a, "x", DNS_TYPE_A);
	assert_int_equal(answer.status, DNS_OK);
	assert_int_equal(answer.nrecords, DNS_RECORDS_MAX);
	arena_done(&a);
	/* An arena that is too small is said, not survived by luck. */
	arena_init(&a, 64);
	assert_false(dns_packet_parse(
	    buf_span(&packet), SPAN("x"), DNS_TYPE_A, &a, &answer));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a),
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_txt),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_odd_bytes),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_negative),
		cmocka_unit_test(test_too_many),
	};
	int failed;

	buf_init(&packet, 1 << 20);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&packet);
	return failed;
}
