/* SPDX-License-Identifier: ISC */
/*
 * Routes, against a name service that is the table below. Asked at once it
 * answers at once, or (`later`) when the test lets it.
 */
#include "daemon/relay/route.h"

#include <stdio.h>
#include <string.h>

#include "os/log.h"
#include "test/lib/unit.h"

struct entry {
	const char *name;
	enum dns_type type;
	enum dns_status status;
	const char *data; /* "10 mx1, 20 mx2"; "1.2.3.4, 5.6.7.8"; "::1" */
};

static const struct entry zone[] = {
	{ "two.example", DNS_TYPE_MX, DNS_OK, "20 b.example, 10 a.example" },
	{ "a.example", DNS_TYPE_A, DNS_OK, "10.0.0.1, 10.0.0.2" },
	{ "a.example", DNS_TYPE_AAAA, DNS_OK, "2001:db8::1" },
	{ "b.example", DNS_TYPE_A, DNS_OK, "10.0.0.3" },
	{ "c.example", DNS_TYPE_A, DNS_OK, "192.0.2.25" }, /* ourselves */
	{ "d.example", DNS_TYPE_A, DNS_OK, "10.0.0.4" },
	{ "null.example", DNS_TYPE_MX, DNS_OK, "0 ." },
	{ "backup.example", DNS_TYPE_MX, DNS_OK,
	    "10 a.example, 20 c.example, 30 d.example" },
	{ "self.example", DNS_TYPE_MX, DNS_OK, "10 c.example, 20 d.example" },
	{ "lost.example", DNS_TYPE_MX, DNS_OK,
	    "10 none.example, 20 c.example" },
	{ "broken.example", DNS_TYPE_MX, DNS_AGAIN, "" },
	{ "broken.example", DNS_TYPE_A, DNS_OK, "10.0.0.9" },
	{ "refused.example", DNS_TYPE_MX, DNS_FAILED, "" },
	{ "odd.example", DNS_TYPE_MX, DNS_MALFORMED, "" },
	{ "nowhere.example", DNS_TYPE_MX, DNS_OK, "10 none.example" },
	{ "shaky.example", DNS_TYPE_MX, DNS_OK,
	    "10 none.example, 20 again.example" },
	{ "again.example", DNS_TYPE_A, DNS_AGAIN, "" },
	{ "badmx.example", DNS_TYPE_MX, DNS_OK, "10 a!b.example" },
	{ "literal.example", DNS_TYPE_MX, DNS_OK, "10 10.0.0.7" },
	{ "nodata.example", DNS_TYPE_MX, DNS_NODATA, "" },
	{ "nodata.example", DNS_TYPE_A, DNS_NODATA, "" },
	{ "nodata.example", DNS_TYPE_AAAA, DNS_NODATA, "" },
};

static struct dns_record records[10];
static struct dns_answer answer;
static char names[10][64];
static bool later;
static struct {
	struct dns_query *query;
	const struct entry *entry;
} asked[200];
static size_t nasked;

static void fill(struct dns_record *r, span word, enum dns_type type, size_t i)
{
	struct sock_addr addr;
	uint32_t pref = 0;

	*r = (struct dns_record){ .ttl = 60 };
	if (type == DNS_TYPE_MX) {
		assert_true(span_to_u32(span_word(&word, " "), &pref));
		r->pref = (uint16_t)pref;
		word = span_word(&word, " ");
		(void)snprintf(names[i], sizeof(names[i]), "%.*s", PRI(word));
		r->data = span_str(names[i]);
		if (span_eq(word, SPAN(".")))
			r->data.len = 0;
		return;
	}
	assert_true(sock_parse(span_trim(word), 0, &addr));
	if (type == DNS_TYPE_A)
		memcpy(r->addr, &addr.v4.sin_addr, 4);
	else
		memcpy(r->addr, &addr.v6.sin6_addr, 16);
}

static const struct dns_answer *answer_of(const struct entry *e)
{
	span rest = span_str(e ? e->data : "");
	uint32_t n = 0;

	while (rest.len) {
		fill(&records[n], span_cut(&rest, ','), e->type, n);
		n++;
	}
	answer = (struct dns_answer){ .status = e ? e->status : DNS_NXDOMAIN,
		.nrecords = n,
		.records = records };
	return &answer;
}

const struct dns_answer *dns_ask(
    struct dns *d, span name, enum dns_type type, struct dns_query *q)
{
	const struct entry *found = NULL;

	(void)d;
	for (size_t i = 0; i < ARRAY_LEN(zone); i++)
		if (zone[i].type == type &&
		    span_eq_nocase(name, span_str(zone[i].name)))
			found = &zone[i];
	if (!later)
		return answer_of(found);
	asked[nasked].query = q;
	asked[nasked++].entry = found;
	return NULL;
}

void dns_cancel(struct dns_query *q)
{
	for (size_t i = 0; i < nasked; i++)
		if (asked[i].query == q)
			asked[i].query = NULL;
}

const struct dns_answer *dns_hosts(struct dns *d, span name, enum dns_type type)
{
	static const struct entry host = { "filter", DNS_TYPE_A, DNS_OK,
		"10.1.1.1" };

	(void)d;
	if (type == DNS_TYPE_A && span_eq(name, SPAN("filter")))
		return answer_of(&host);
	return NULL;
}

bool settings_is_own(const struct settings *s, const struct sock_addr *addr)
{
	struct sock_addr own;

	(void)s;
	return sock_parse(SPAN("192.0.2.25"), 0, &own) &&
	    sock_same_host(&own, addr);
}

static const struct settings usual = {
	.program = "smtp",
	.use_dns = true,
	.use_v4 = true,
	.use_v6 = true,
	.smtp_balance_inet_protocols = true,
	.smtp_mx_address_limit = 5,
};

static bool is_done;

static void on_done(void *ctx)
{
	(void)ctx;
	is_done = true;
}

/* The hops as text, or "status text". */
static void describe(const struct route *r, char *out, size_t max)
{
	char addr[SOCK_TEXT_MAX];
	size_t len = 0;

	if (!r->nhops)
		(void)snprintf(
		    out, max, "%.*s %.*s", PRI(r->status), PRI(r->why));
	for (uint32_t i = 0; i < r->nhops; i++)
		len += (size_t)snprintf(out + len, max - len, "%s%.*s=%.*s:%u",
		    i ? " " : "", PRI(r->hops[i].host),
		    PRI(sock_text(&r->hops[i].addr, addr)),
		    sock_port(&r->hops[i].addr));
}

static void release_answers(void)
{
	for (size_t i = 0; i < nasked; i++) {
		struct dns_query *q = asked[i].query;

		asked[i].query = NULL;
		if (q)
			q->done(q->ctx, answer_of(asked[i].entry));
	}
	nasked = 0;
}

static void check_as(
    const struct settings *set, const char *nexthop, const char *wanted)
{
	for (later = false;; later = true) {
		struct arena arena;
		struct route r = {
			.set = set, .arena = &arena, .done = on_done
		};
		struct nexthop next;
		span list = span_str(nexthop);
		char got[2000];
		bool now;

		arena_init(&arena, 1 << 20);
		is_done = false;
		assert_int_equal(
		    nexthop_next(&list, SPAN("25"), set->lmtp, &next),
		    NEXTHOP_OK);
		now = route_find(&r, &next);
		release_answers();
		assert_int_equal(now, !is_done);
		describe(&r, got, sizeof(got));
		assert_string_equal(got, wanted);
		arena_done(&arena);
		if (later)
			break;
	}
}

#define NS "Host or domain name not found. Name service error for name="

static const struct {
	const char *nexthop;
	const char *wanted;
} cases[] = {
	{ "two.example",
	    "a.example=10.0.0.1:25 a.example=10.0.0.2:25 "
	    "a.example=2001:db8::1:25 b.example=10.0.0.3:25" },
	{ "two.example:26",
	    "a.example=10.0.0.1:26 a.example=10.0.0.2:26 "
	    "a.example=2001:db8::1:26 b.example=10.0.0.3:26" },
	{ "[a.example]:587",
	    "a.example=10.0.0.1:587 a.example=10.0.0.2:587 "
	    "a.example=2001:db8::1:587" },
	{ "d.example", "d.example=10.0.0.4:25" }, /* no MX: the name itself */
	{ "[10.9.8.7]", "10.9.8.7=10.9.8.7:25" },
	{ "[ipv6:2001:db8::9]:26", "2001:db8::9=2001:db8::9:26" },
	{ "literal.example", "10.0.0.7=10.0.0.7:25" },
	{ "null.example",
	    "5.1.0 Domain null.example does not accept mail (nullMX)" },
	/* Ourselves. */
	{ "backup.example",
	    "a.example=10.0.0.1:25 a.example=10.0.0.2:25 "
	    "a.example=2001:db8::1:25" },
	{ "backup.example:26",
	    "a.example=10.0.0.1:26 a.example=10.0.0.2:26 "
	    "a.example=2001:db8::1:26 c.example=192.0.2.25:26 "
	    "d.example=10.0.0.4:26" },
	{ "self.example", "5.4.6 mail for self.example loops back to myself" },
	{ "[c.example]", "5.4.6 mail for c.example loops back to myself" },
	{ "lost.example",
	    "4.4.4 unable to find primary relay for lost.example" },
	/* Errors. */
	{ "missing.example",
	    "5.4.4 " NS "missing.example type=AAAA: Host not found" },
	{ "nodata.example",
	    "5.4.4 " NS "nodata.example type=AAAA: Host found but no data "
	    "record of requested type" },
	{ "[again.example]",
	    "4.4.3 " NS "again.example type=A: Host not found, try again" },
	{ "broken.example",
	    "4.4.3 " NS "broken.example type=MX: Host not found, try again" },
	{ "refused.example",
	    "5.4.3 " NS "refused.example type=MX: Non-recoverable error" },
	{ "odd.example",
	    "4.4.3 Name service error for name=odd.example type=MX: "
	    "Malformed or unexpected name server reply" },
	{ "badmx.example",
	    "5.4.4 Name service error for name=badmx.example type=MX: "
	    "Malformed or unexpected name server reply" },
	{ "nowhere.example",
	    "5.4.4 " NS "none.example type=AAAA: Host not found" },
	{ "shaky.example",
	    "4.4.3 " NS "again.example type=A: Host not found, try again" },
	{ "a!b",
	    "5.4.4 Name service error for a!b: invalid host or domain "
	    "name" },
};

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_as(&usual, cases[i].nexthop, cases[i].wanted);
}

static void test_settings(void **state)
{
	struct settings set = usual;

	(void)state;
	set.ignore_mx_lookup_error = true;
	check_as(&set, "broken.example", "broken.example=10.0.0.9:25");
	set = usual;
	set.smtp_defer_if_no_mx_address_found = true;
	check_as(&set, "nowhere.example",
	    "4.4.4 " NS "none.example type=AAAA: Host not found");
	set = usual;
	set.prefer = 6;
	check_as(&set, "[a.example]",
	    "a.example=2001:db8::1:25 a.example=10.0.0.1:25 "
	    "a.example=10.0.0.2:25");
	set.prefer = 4;
	set.smtp_mx_address_limit = 2; /* one of each */
	check_as(&set, "[a.example]",
	    "a.example=10.0.0.1:25 a.example=2001:db8::1:25");
	set = usual;
	set.use_v6 = false;
	check_as(
	    &set, "[a.example]", "a.example=10.0.0.1:25 a.example=10.0.0.2:25");
	check_as(&set, "missing.example",
	    "5.4.4 " NS "missing.example type=A: Host not found");
	check_as(&set, "[::1]",
	    "5.4.4 Name service error for ::1: invalid host or domain name");
	set = usual;
	set.lmtp = true;
	check_as(&set, "inet:c.example:24", "c.example=192.0.2.25:24");
}

static void test_hosts_file(void **state)
{
	struct settings set = usual;

	(void)state;
	check_as(
	    &set, "filter", "5.4.4 " NS "filter type=AAAA: Host not found");
	set.use_hosts = true;
	check_as(&set, "filter", "filter=10.1.1.1:25");
	check_as(&set, "nobody",
	    "5.4.4 unable to look up host nobody: Name or service not known");
	set.use_dns = false;
	check_as(&set, "filter", "filter=10.1.1.1:25");
	check_as(&set, "two.example",
	    "5.4.4 unable to look up host two.example: Name or service not "
	    "known");
	check_as(&set, "d.example", "d.example=10.0.0.4:25");
}

/* Equals come in any order, the unequal in theirs. */
static void test_random_order(void **state)
{
	struct settings set = usual;
	unsigned first[3] = { 0 };

	(void)state;
	set.smtp_randomize_addresses = true;
	later = false;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct arena arena;
		struct route r = {
			.set = &set, .arena = &arena, .seed = seed * 1000
		};
		struct nexthop next;
		span list = SPAN("two.example");

		arena_init(&arena, 1 << 20);
		assert_int_equal(
		    nexthop_next(&list, SPAN("25"), false, &next), NEXTHOP_OK);
		assert_true(route_find(&r, &next));
		assert_int_equal(r.nhops, 4);
		assert_span_equal(r.hops[3].host, SPAN("b.example"));
		if (r.hops[0].addr.any.sa_family == AF_INET6)
			first[2]++;
		else
			first[ntohl(r.hops[0].addr.v4.sin_addr.s_addr) & 1]++;
		arena_done(&arena);
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(first[i], 60, 140);
}

static void test_cancel(void **state)
{
	struct arena arena;
	struct route r = { .set = &usual, .arena = &arena, .done = on_done };
	struct nexthop next;
	span list = SPAN("[a.example]");

	(void)state;
	later = true;
	is_done = false;
	arena_init(&arena, 1 << 20);
	assert_int_equal(
	    nexthop_next(&list, SPAN("25"), false, &next), NEXTHOP_OK);
	assert_false(route_find(&r, &next));
	route_cancel(&r);
	release_answers();
	assert_false(is_done);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_hosts_file),
		cmocka_unit_test(test_random_order),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
