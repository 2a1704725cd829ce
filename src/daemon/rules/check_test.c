/* SPDX-License-Identifier: ISC */
#include "daemon/rules/check.h"

#include "mail/address.h"
#include "test/lib/policy.h"

struct test_client {
	const char *addr, *name, *reverse;
	uint8_t name_status, reverse_status;
};

static const struct {
	const char *name;
	bool in_main; /* in main.cf; else -o of the service */
	const char *param, *value;
} settings[] = {
#define CHECK_SETTINGS
#include "daemon/rules/check_cases.h"
#undef CHECK_SETTINGS
};

static const struct {
	const char *name;
	struct test_client client;
	const char *helo;
	const char *sender, *recipient; /* external form */
	uint16_t code;
	const char *reply;
	const char *notes[3];
} cases[] = {
#include "daemon/rules/check_cases.h"
};

static struct conf *conf_of(const char *name)
{
	struct buf main_cf = BUF_INIT(10000);
	struct buf overrides = BUF_INIT(10000);
	struct conf *conf;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (strcmp(settings[i].name, name) || !settings[i].param)
			continue;
		if (settings[i].in_main)
			buf_printf(&main_cf, "%s = %s\n", settings[i].param,
			    settings[i].value);
		else
			buf_printf(&overrides, "  -o { %s = %s }\n",
			    settings[i].param, settings[i].value);
	}
	conf = test_conf(buf_span(&main_cf), buf_span(&overrides));
	buf_done(&main_cf);
	buf_done(&overrides);
	return conf;
}

static struct rules_check question(const struct test_client *c)
{
	return (struct rules_check){ .ask = 7,
		.stage = RULES_STAGE_RCPT,
		.client_name = span_str(c->name),
		.client_reverse = span_str(c->reverse),
		.client_addr = span_str(c->addr),
		.name_status = c->name_status,
		.reverse_status = c->reverse_status };
}

/* As smtpd would ask; false: it refuses the address itself. */
static bool parse(const char *text, struct arena *a, span *ret)
{
	struct buf b = BUF_INIT(1000);
	struct address_path p;
	span args;
	bool ok;

	buf_printf(&b, "<%s>", text);
	args = arena_dup(a, buf_span(&b));
	ok = address_parse_path(&args, ADDRESS_MAY_BE_EMPTY, a, &p) ==
	    ADDRESS_OK;
	*ret = p.addr;
	buf_done(&b);
	return ok;
}

static void check_notes(const struct rules_verdict *v, size_t i)
{
	uint32_t n = 0;

	for (; n < ARRAY_LEN(cases[i].notes) && cases[i].notes[n]; n++) {
		assert_true(n < v->nnotes);
		assert_span_equal(v->notes[n].verb, SPAN("reject_warning"));
		assert_span_equal(
		    v->notes[n].reply, span_str(cases[i].notes[n]));
	}
	assert_int_equal(v->nnotes, n);
}

static void play(const struct policy *p, struct test_world *w, size_t i)
{
	struct rules_check q = question(&cases[i].client);
	struct rules_verdict v;
	struct arena a;

	arena_init(&a, 1 << 20);
	q.helo = span_str(cases[i].helo);
	assert_true(parse(cases[i].sender, &a, &q.sender));
	if (parse(cases[i].recipient, &a, &q.recipient)) {
		check_answer(p, &w->world, &q, &a, &v);
	} else {
		v = (struct rules_verdict){ .ask = 7,
			.code = 501,
			.reply = SPAN("5.1.3 Bad recipient address syntax") };
	}
	if (v.code != cases[i].code ||
	    !span_eq(v.reply, span_str(cases[i].reply)))
		print_error("%s: %s <%s> <%s>\n", cases[i].name,
		    cases[i].client.addr, cases[i].sender, cases[i].recipient);
	assert_int_equal(v.code, cases[i].code);
	assert_span_equal(v.reply, span_str(cases[i].reply));
	assert_int_equal(v.ask, 7);
	check_notes(&v, i);
	if (v.code == 0)
		assert_true(v.nways == 1 && v.ways[0].transport.len &&
		    v.ways[0].nexthop.len && v.ways[0].recipient.len);
	arena_done(&a);
}

static void test_as_postfix(void **state)
{
	struct conf *conf = NULL;
	struct policy *p = NULL;
	struct test_world w;

	(void)state;
	test_world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (i == 0 || strcmp(cases[i].name, cases[i - 1].name)) {
			policy_free(&p);
			conf_unref(&conf);
			conf = conf_of(cases[i].name);
			p = test_policy(conf, &w);
		}
		play(p, &w, i);
	}
	policy_free(&p);
	conf_unref(&conf);
	test_world_done(&w);
}

/* --- one policy, one question --- */

static const struct test_client stranger = { "198.51.100.7",
	"client.example.org", "client.example.org", RULES_NAME_OK,
	RULES_NAME_OK };

static struct rules_verdict ask_as(struct bench *b, unsigned flags,
    enum rules_stage stage, const char *recipient)
{
	struct rules_check q = question(&stranger);
	struct rules_verdict v;

	q.flags |= flags;
	q.stage = (uint8_t)stage;
	q.helo = SPAN("helo.example.org");
	q.sender = SPAN("joe@example.org");
	q.recipient = span_str(recipient);
	check_answer(b->p, &b->w.world, &q, &b->a, &v);
	return v;
}

static struct rules_verdict ask(
    struct bench *b, enum rules_stage stage, const char *recipient)
{
	return ask_as(b, 0, stage, recipient);
}

/*
 * What needs tables, the DNS or other servers is a broken configuration: it
 * is named in the log, and lets nothing pass.
 */
static void test_unsupported(void **state)
{
	static const char *const names[] = {
		"reject_rbl_client zen.example",
		"reject_rhsbl_sender x.example",
		"permit_dnswl_client list.example",
		"reject_unknown_sender_domain",
		"reject_unknown_recipient_domain",
		"reject_unknown_helo_hostname",
		"reject_unverified_recipient",
		"permit_mx_backup",
		"check_policy_service inet:127.0.0.1:10023",
		"check_sender_mx_access hash:/x",
		"no_such_thing",
		"check_client_access",
		"reject_rbl_client",
		"sleep",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct buf main_cf = BUF_INIT(1000);
		struct rules_verdict v;
		struct bench b;
		char word[64];

		buf_printf(
		    &main_cf, "smtpd_client_restrictions = %s\n", names[i]);
		bench_init(&b, buf_cstr(&main_cf));
		v = ask(&b, RULES_STAGE_RCPT, "root@example.com");
		if (v.code != 451)
			fail_msg("%s: %u", names[i], v.code);
		assert_span_equal(
		    v.reply, SPAN("4.3.5 Server configuration error"));
		assert_span_equal(v.verb, SPAN("reject"));
		(void)sscanf(names[i], "%63[^ ]", word);
		if (!warned(&b, word))
			fail_msg("%s is not named", names[i]);
		bench_done(&b);
		buf_done(&main_cf);
	}
}

/* Also under warn_if_reject: our own trouble is no policy. */
static void test_unsupported_is_no_warning(void **state)
{
	struct rules_verdict v;
	struct bench b;

	(void)state;
	bench_init(
	    &b, "smtpd_client_restrictions = warn_if_reject no_such_thing\n");
	v = ask(&b, RULES_STAGE_RCPT, "root@example.com");
	assert_int_equal(v.code, 451);
	assert_int_equal(v.nnotes, 0);
	bench_done(&b);
}

/* No list stops strangers: nothing is taken from anybody but ourselves. */
static void test_never_an_open_relay(void **state)
{
	static const struct {
		const char *relay, *recipient;
		bool ok;
	} rows[] = {
		{ "", "", false },
		{ "permit_mynetworks", "", false },
		{ "permit", "permit", false },
		{ "permit, reject", "", false },
		{ "warn_if_reject reject", "", false },
		{ "permit_auth_destination", "permit_mynetworks", false },
		{ "warn_if_reject reject_unauth_destination", "permit", false },
		{ "open", "", false },
		{ "", "reject_unauth_destination", true },
		{ "defer_unauth_destination", "", true },
		{ "permit_mynetworks, reject", "permit", true },
		{ "", "permit_mynetworks, defer", true },
		{ "closed", "", true },
		{ "defer_if_permit", "", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf main_cf = BUF_INIT(1000);
		struct rules_verdict v;
		struct bench b;

		buf_printf(&main_cf,
		    "smtpd_restriction_classes = open, closed\n"
		    "open = permit_mynetworks, permit\n"
		    "closed = reject_unauth_destination\n"
		    "smtpd_relay_restrictions = %s\n"
		    "smtpd_recipient_restrictions = %s\n",
		    rows[i].relay, rows[i].recipient);
		bench_init(&b, buf_cstr(&main_cf));
		if ((b.p->fatal.len == 0) != rows[i].ok)
			fail_msg("%s / %s", rows[i].relay, rows[i].recipient);
		v = ask(&b, RULES_STAGE_RCPT, "x@elsewhere.example");
		assert_int_not_equal(v.code, 0);
		v = ask(&b, RULES_STAGE_RCPT, "root@example.com");
		if (!rows[i].ok)
			assert_span_equal(
			    v.reply, SPAN("4.3.5 Server configuration error"));
		v = ask_as(
		    &b, RULES_TRUSTED, RULES_STAGE_RCPT, "root@example.com");
		assert_int_equal(v.code, 0);
		bench_done(&b);
		buf_done(&main_cf);
	}
}

/* Without compatibility_level the preset says nothing. */
static void test_old_configuration(void **state)
{
	static const char *const rows[] = {
		"",
		"smtpd_recipient_restrictions = permit_mynetworks\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf main_cf = BUF_INIT(1000);
		struct rules_verdict v;
		struct bench b;

		buf_printf(&main_cf, "compatibility_level = 0\n%s", rows[i]);
		bench_init(&b, buf_cstr(&main_cf));
		assert_int_equal(b.p->fatal.len, 0);
		v = ask(&b, RULES_STAGE_RCPT, "x@elsewhere.example");
		assert_int_equal(v.code, 454);
		v = ask(&b, RULES_STAGE_RCPT, "root@example.com");
		assert_int_equal(v.code, 0);
		bench_done(&b);
		buf_done(&main_cf);
	}
}

static void test_classes(void **state)
{
	struct rules_verdict v;
	struct bench b;

	(void)state;
	bench_init(&b,
	    "smtpd_restriction_classes = loop\n"
	    "loop = loop\n"
	    "smtpd_client_restrictions = loop\n");
	v = ask(&b, RULES_STAGE_RCPT, "root@example.com");
	assert_int_equal(v.code, 451);
	assert_true(warned(&b, "contains itself"));
	bench_done(&b);

	bench_init(&b, "smtpd_restriction_classes = empty\n");
	assert_true(b.p->fatal.len > 0);
	bench_done(&b);
}

static void test_local_maps(void **state)
{
	static const struct {
		const char *settings, *recipient;
		uint16_t code;
	} rows[] = {
		{ "", "root@example.com", 0 },
		{ "", "nobody-here@example.com", 550 },
		{ "", "broken@example.com", 451 },
		{ "local_recipient_maps =\n", "nobody-here@example.com", 0 },
		{ "alias_maps = hash:/a\n"
		  "local_recipient_maps = proxy:unix:passwd.byname "
		  "$alias_maps\n",
		    "root@example.com", 0 },
		{ "alias_maps = hash:/a\n"
		  "local_recipient_maps = proxy:unix:passwd.byname "
		  "$alias_maps\n",
		    "nobody-here@example.com", 451 },
		{ "alias_maps = inline:{list=x}\n"
		  "local_recipient_maps = proxy:unix:passwd.byname "
		  "$alias_maps\n",
		    "nobody-here@example.com", 550 },
		{ "alias_maps = inline:{list=x}\n"
		  "local_recipient_maps = proxy:unix:passwd.byname "
		  "$alias_maps\n",
		    "LIST@example.com", 0 },
		/* Another table may know him. */
		{ "local_recipient_maps = unix:passwd.byname hash:/b\n",
		    "root@example.com", 0 },
		{ "local_recipient_maps = unix:passwd.byname hash:/b\n",
		    "nobody-here@example.com", 451 },
		{ "relay_recipient_maps = hash:/b\n", "x@relay.example", 451 },
		{ "virtual_mailbox_maps = hash:/b\n", "x@vmail.example", 451 },
		{ "recipient_delimiter = -\n", "root-x@example.com", 0 },
		{ "recipient_delimiter = -\n", "owner-root@example.com", 550 },
		{ "recipient_delimiter = -\n", "root-request@example.com",
		    550 },
		{ "recipient_delimiter = -\nowner_request_special = no\n",
		    "root-request@example.com", 0 },
		{ "recipient_delimiter = +-\n", "root-x+y@example.com", 0 },
		{ "receive_override_options = no_unknown_recipient_checks\n",
		    "nobody-here@example.com", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules_verdict v;
		struct bench b;

		bench_init(&b, rows[i].settings);
		v = ask(&b, RULES_STAGE_RCPT, rows[i].recipient);
		if (v.code != rows[i].code)
			fail_msg("%s%s: %u", rows[i].settings,
			    rows[i].recipient, v.code);
		bench_done(&b);
	}
}

/* Without smtpd_delay_reject each stage has its own list. */
static void test_stages(void **state)
{
	static const struct {
		enum rules_stage stage;
		const char *param;
		const char *reply; /* to "reject" */
	} rows[] = {
		{ RULES_STAGE_CONNECT, "smtpd_client_restrictions",
		    "5.7.1 <client.example.org[198.51.100.7]>: Client host "
		    "rejected: Access denied" },
		{ RULES_STAGE_HELO, "smtpd_helo_restrictions",
		    "5.7.1 <helo.example.org>: Helo command rejected: Access "
		    "denied" },
		{ RULES_STAGE_MAIL, "smtpd_sender_restrictions",
		    "5.7.1 <joe@example.org>: Sender address rejected: Access "
		    "denied" },
		{ RULES_STAGE_RCPT, "smtpd_recipient_restrictions",
		    "5.7.1 <root@example.com>: Recipient address rejected: "
		    "Access denied" },
		{ RULES_STAGE_VRFY, "smtpd_recipient_restrictions",
		    "5.7.1 <root@example.com>: Recipient address rejected: "
		    "Access denied" },
		{ RULES_STAGE_DATA, "smtpd_data_restrictions",
		    "5.7.1 <DATA>: Data command rejected: Access denied" },
		{ RULES_STAGE_END_OF_DATA, "smtpd_end_of_data_restrictions",
		    "5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access "
		    "denied" },
		{ RULES_STAGE_ETRN, "smtpd_etrn_restrictions",
		    "5.7.1 <root@example.com>: Etrn command rejected: Access "
		    "denied" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf main_cf = BUF_INIT(1000);
		struct bench b;

		buf_printf(&main_cf, "smtpd_delay_reject = no\n%s = reject\n",
		    rows[i].param);
		bench_init(&b, buf_cstr(&main_cf));
		for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
			struct rules_verdict v =
			    ask(&b, rows[k].stage, "root@example.com");

			if (strcmp(rows[k].param, rows[i].param)) {
				assert_int_equal(v.code, 0);
				continue;
			}
			assert_int_equal(v.code, 554);
			assert_span_equal(v.reply, span_str(rows[k].reply));
		}
		bench_done(&b);
		buf_done(&main_cf);
	}
}

/* A doubt raised early counts at RCPT, also when smtpd asked before. */
static void test_deferral_without_delay(void **state)
{
	struct rules_verdict v;
	struct bench b;

	(void)state;
	bench_init(&b,
	    "smtpd_delay_reject = no\n"
	    "smtpd_client_restrictions = defer_if_permit\n");
	v = ask(&b, RULES_STAGE_CONNECT, "");
	assert_int_equal(v.code, 0);
	v = ask(&b, RULES_STAGE_RCPT, "root@example.com");
	assert_int_equal(v.code, 450);
	assert_span_equal(v.reply,
	    SPAN("4.7.0 <client.example.org[198.51.100.7]>: Client host "
	         "rejected: defer_if_permit requested"));
	bench_done(&b);
}

static void test_accepted(void **state)
{
	struct rules_verdict v;
	struct bench b;

	(void)state;
	bench_init(&b, "smtpd_client_restrictions = sleep 2\n");
	v = ask(&b, RULES_STAGE_RCPT, "Root+x@mx.example.com");
	assert_int_equal(v.code, 0);
	assert_int_equal(v.nways, 1);
	assert_span_equal(v.ways[0].recipient, SPAN("Root+x@mx.example.com"));
	assert_span_equal(v.ways[0].transport, SPAN("local"));
	assert_span_equal(v.ways[0].nexthop, SPAN("mx.example.com"));
	assert_span_equal(v.sender, SPAN("joe@example.org"));
	assert_int_equal(v.delay_ms, 2000);
	assert_false(v.local_client);
	assert_span_equal(v.why, SPAN("local_transport"));
	bench_done(&b);
}

static void test_why(void **state)
{
	struct rules_verdict v;
	struct bench b;

	(void)state;
	bench_init(&b, "smtpd_sender_restrictions = nested\n");
	v = ask(&b, RULES_STAGE_RCPT, "x@elsewhere.example");
	assert_span_equal(
	    v.why, SPAN("smtpd_relay_restrictions: defer_unauth_destination"));
	v = ask(&b, RULES_STAGE_RCPT, "root");
	assert_span_equal(v.why,
	    SPAN("smtpd_sender_restrictions: reject_non_fqdn_recipient"));
	bench_done(&b);
}

static void test_local_client(void **state)
{
	static const struct {
		const char *settings, *addr;
		bool local;
	} rows[] = {
		{ "", "127.0.0.1", true },
		{ "", "192.0.2.10", true },
		{ "", "10.1.0.1", false },
		{ "local_header_rewrite_clients = permit_mynetworks\n",
		    "10.1.0.1", true },
		{ "local_header_rewrite_clients =\n", "127.0.0.1", false },
		{ "local_header_rewrite_clients = no_such_thing, "
		  "permit_mynetworks\n",
		    "127.0.0.1", true },
		{ "local_header_rewrite_clients = check_address_map "
		  "inline:{10.1.0.1=x}\n",
		    "10.1.0.1", true },
		{ "local_header_rewrite_clients = inline:{10.1.0.1=x}\n",
		    "10.1.0.2", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct test_client c = stranger;
		struct rules_check q;
		struct rules_verdict v;
		struct bench b;
		size_t open;

		c.addr = rows[i].addr;
		q = question(&c);
		q.recipient = SPAN("root@example.com");
		bench_init(&b, rows[i].settings);
		open = b.w.tables.known.count;
		check_answer(b.p, &b.w.world, &q, &b.a, &v);
		assert_int_equal(v.code, 0);
		assert_int_equal(v.local_client, rows[i].local);
		/* Tables are open before the first question. */
		assert_int_equal(b.w.tables.known.count, open);
		bench_done(&b);
	}
}

static void test_pipelining(void **state)
{
	struct rules_check q = question(&stranger);
	struct rules_verdict v;
	struct bench b;

	(void)state;
	bench_init(&b, "smtpd_data_restrictions = reject_unauth_pipelining\n");
	q.stage = RULES_STAGE_DATA;
	check_answer(b.p, &b.w.world, &q, &b.a, &v);
	assert_int_equal(v.code, 0);
	q.flags = RULES_UNAUTH_PIPELINING;
	check_answer(b.p, &b.w.world, &q, &b.a, &v);
	assert_int_equal(v.code, 503);
	assert_span_equal(v.reply,
	    SPAN("5.5.0 <DATA>: Data command rejected: Improper use of SMTP "
	         "command pipelining"));
	bench_done(&b);
}

/* root's mailbox takes a hundred bytes more, all others take what comes. */
static bool is_full(void *ctx, span transport, span address, uint64_t size)
{
	(void)ctx;
	assert_span_equal(transport, SPAN("local"));
	return span_has_prefix(address, SPAN("root@")) && size > 100;
}

static void test_room(void **state)
{
	static const struct {
		const char *settings, *recipient;
		uint16_t code;
	} rows[] = {
		{ "", "root@example.com", 0 },
		{ "smtpd_recipient_quota = yes\n", "root@example.com", 552 },
		{ "smtpd_recipient_quota = yes\n", "root+x@example.com", 0 },
		{ "smtpd_recipient_quota = yes\nsoft_bounce = yes\n",
		    "root@example.com", 452 },
		{ "smtpd_recipient_quota = yes\n"
		  "virtual_alias_maps = inline:{{a@example.com = root}}\n",
		    "a@example.com", 552 },
		{ "smtpd_recipient_quota = yes\n"
		  "virtual_alias_maps = inline:{{a@example.com = root bin}}\n",
		    "a@example.com", 0 },
		{ "smtpd_recipient_quota = yes\nalways_bcc = bin\n",
		    "root@example.com", 552 },
		/* Always accepted. */
		{ "smtpd_recipient_quota = yes\n"
		  "virtual_alias_maps = inline:{{postmaster = root}}\n",
		    "postmaster", 0 },
		{ "smtpd_recipient_quota = yes\nreceive_override_options = "
		  "no_unknown_recipient_checks\n",
		    "root@example.com", 0 },
		{ "smtpd_recipient_quota = yes\n", "x@elsewhere.example", 454 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules_check q = question(&stranger);
		struct rules_verdict v;
		struct bench b;

		bench_init(&b, rows[i].settings);
		b.w.world.is_full = is_full;
		q.recipient = span_str(rows[i].recipient);
		q.size = 100;
		check_answer(b.p, &b.w.world, &q, &b.a, &v);
		assert_int_not_equal(v.code, 552);
		q.size = 101;
		check_answer(b.p, &b.w.world, &q, &b.a, &v);
		if (v.code != rows[i].code)
			fail_msg("%s%s: %u", rows[i].settings,
			    rows[i].recipient, v.code);
		assert_int_equal(v.code != 0, v.nways == 0);
		if (v.code == 552)
			assert_span_equal(v.why, SPAN("smtpd_recipient_quota"));
		bench_done(&b);
	}
}

static void test_route(void **state)
{
	static const struct {
		span address, recipient, transport, nexthop;
	} rows[] = {
		{ SPAN_INIT("root"), SPAN_INIT("root@example.com"),
		    SPAN_INIT("local"), SPAN_INIT("mx.example.com") },
		{ SPAN_INIT("x@y.org"), SPAN_INIT("x@y.org"), SPAN_INIT("smtp"),
		    SPAN_INIT("y.org") },
		{ SPAN_INIT("x@"), SPAN_INIT("x@"), SPAN_INIT("error"),
		    SPAN_INIT("5.1.3 bad address syntax") },
	};
	struct bench b;

	(void)state;
	bench_init(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules_route q = { .ask = i, .address = rows[i].address };
		struct rules_routed r;

		check_route(b.p, &q, &b.a, &r);
		assert_int_equal(r.ask, i);
		assert_span_equal(r.address, rows[i].recipient);
		assert_span_equal(r.transport, rows[i].transport);
		assert_span_equal(r.nexthop, rows[i].nexthop);
	}
	bench_done(&b);

	bench_init(&b, "transport_maps = hash:/t\n");
	{
		struct rules_route q = { .address = SPAN("x@y.org") };
		struct rules_routed r;

		check_route(b.p, &q, &b.a, &r);
		assert_int_equal(r.transport.len, 0);
		assert_true(r.why.len > 0);
	}
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_postfix),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_unsupported_is_no_warning),
		cmocka_unit_test(test_never_an_open_relay),
		cmocka_unit_test(test_old_configuration),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_local_maps),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_deferral_without_delay),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_local_client),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
