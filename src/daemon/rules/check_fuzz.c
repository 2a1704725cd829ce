/* SPDX-License-Identifier: ISC */
/*
 * The input is a stranger's HELO, sender and recipient, separated by NUL; the
 * first byte turns settings on and off. Whatever he says, he gets nothing
 * sent to a domain that is not ours.
 */
#include "daemon/rules/check.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int no_file(span path UNUSED, struct buf *out UNUSED)
{
	return -ENOENT;
}

static int has_user(void *ctx UNUSED, span name)
{
	return span_eq(name, SPAN("root"));
}

static void warn(void *ctx UNUSED, span text UNUSED)
{
}

static struct settings make_settings(unsigned bits)
{
	return (struct settings){
		.myhostname = SPAN("mx.example.com"),
		.mydomain = SPAN("example.com"),
		.myorigin = SPAN("example.com"),
		.mydestination = SPAN("mx.example.com localhost example.com"),
		.mynetworks = SPAN("127.0.0.0/8"),
		.relay_domains = SPAN("relay.example"),
		.virtual_alias_domains = SPAN("alias.example"),
		/* The second one keeps what a stranger wrote. */
		.virtual_alias_maps = SPAN(
		    "inline:{ { two@alias.example = root, x@relay.example }, "
		    "{ @alias.example = @example.com }, "
		    "{ loop@example.com = two@alias.example } }"),
		.transport_maps =
		    SPAN("inline:{ { x@relay.example = local:here } }"),
		.smtpd_recipient_restrictions =
		    SPAN("check_sender_access pcre:{ {/x/ OK} "
		         "{/y/ 550 no} {/z/ reject} }"),
		.propagate_unmatched_extensions = SPAN("virtual"),
		.virtual_alias_recursion_limit = 10,
		.virtual_alias_expansion_limit = 10,
		.virtual_alias_address_length_limit = 1000,
		.proxy_interfaces = SPAN("192.0.2.10"),
		.local_transport = SPAN("local:mx.example.com"),
		.relay_transport = SPAN("relay"),
		.virtual_transport = SPAN("virtual"),
		.default_transport = SPAN("smtp"),
		.recipient_delimiter = SPAN("+"),
		.double_bounce_sender = SPAN("double-bounce"),
		.empty_address_recipient = SPAN("MAILER-DAEMON"),
		.local_recipient_maps = SPAN("unix:passwd.byname"),
		.parent_domain_matches_subdomains = SPAN("relay_domains"),
		.smtpd_helo_restrictions =
		    SPAN("warn_if_reject reject_invalid_helo_hostname "
		         "warn_if_reject reject_non_fqdn_helo_hostname"),
		.smtpd_sender_restrictions =
		    SPAN("warn_if_reject reject_non_fqdn_sender"),
		.smtpd_relay_restrictions =
		    SPAN("permit_mynetworks, permit_sasl_authenticated, "
		         "reject_unauth_destination"),
		.smtpd_delay_reject = true,
		.swap_bangpath = bits & 1,
		.allow_percent_hack = bits & 2,
		.append_at_myorigin = bits & 4,
		.append_dot_mydomain = bits & 8,
		.resolve_dequoted_address = !(bits & 16),
		.resolve_null_domain = bits & 32,
		.resolve_numeric_domain = bits & 64,
		.smtpd_reject_unlisted_sender = bits & 128,
		.relay_domains_reject_code = 554,
		.non_fqdn_reject_code = 504,
		.invalid_hostname_reject_code = 501,
		.unknown_local_recipient_reject_code = 550,
	};
}

static bool is_ours(const struct rules_verdict *v)
{
	for (uint32_t i = 0; i < v->nways; i++)
		if (!span_eq(v->ways[i].transport, SPAN("local")) &&
		    !span_eq(v->ways[i].transport, SPAN("relay")) &&
		    !span_eq(v->ways[i].transport, SPAN("error")))
			return false;
	return v->nways > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct map_host host = { .warn = warn };
	struct tables tables;
	const struct world world = {
		.has_user = has_user,
		.warn = warn,
		.tables = &tables,
	};
	struct settings s = make_settings(size ? data[0] : 0);
	struct network own = { 4, 32, { 127, 0, 0, 1 } };
	struct policy_source source = {
		.settings = s, .routing = s, .own = &own, .nown = 1
	};
	span in = span_from(span_of(data, size), 1);
	struct rules_check q = { .stage = RULES_STAGE_RCPT,
		.client_name = SPAN("unknown"),
		.client_addr = SPAN("198.51.100.7"),
		.helo = span_cut(&in, '\0'),
		.sender = span_cut(&in, '\0'),
		.recipient = in };
	struct policy *p;
	struct rules_verdict v;
	struct buf out = BUF_INIT(16 << 20);
	struct arena asker;
	struct arena a;

	tables_init(&tables, &host);
	p = policy_new(&source, no_file, &world);
	arena_init(&a, 1 << 20);
	check_answer(p, &world, &q, &a, &v);
	if (v.code == 0 && !is_ours(&v))
		bug("relayed, %u ways", v.nways);
	if (v.code != 0 && (v.code < 400 || v.code > 599))
		bug("code %u", v.code);
	rules_verdict_put(&out, &v);
	/* Whoever asked has memory of his own. */
	arena_init(&asker, 1 << 20);
	if (!rules_verdict_get(buf_span(&out), &asker, &v))
		bug("the answer does not decode");
	arena_done(&asker);
	buf_done(&out);
	arena_done(&a);
	policy_free(&p);
	tables_done(&tables);
	return 0;
}
