/* SPDX-License-Identifier: ISC */
/*
 * The table, how a list runs, and the restrictions that need to know nothing.
 * The others: restrict_client.c, restrict_address.c.
 */
#include "daemon/rules/restrict.h"

#include <stdarg.h>

enum {
	REPLY_MAX = 510, /* with code, as long as a reply line may be */
	CLASSES_DEEP = 32,
};

/* --- replies --- */

__attribute__((format(printf, 2, 0))) static span format_text(
    struct arena *a, const char *format, va_list args)
{
	char text[REPLY_MAX + 1];
	int n = vsnprintf(text, sizeof(text), format, args);
	size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof(text) - 1);

	for (size_t i = 0; i < len; i++)
		if (!ascii_is_print(text[i]) && text[i] >= 0)
			text[i] = ' ';
	return arena_dup(a, span_of(text, len));
}

PRINTF_LIKE(2, 3)
static span make_text(struct arena *a, const char *format, ...)
{
	va_list args;
	span s;

	va_start(args, format);
	s = format_text(a, format, args);
	va_end(args);
	return s;
}

span restrict_text(struct eval *e, const char *format, ...)
{
	va_list args;
	span s;

	va_start(args, format);
	s = format_text(e->arena, format, args);
	va_end(args);
	return s;
}

void restrict_warn(struct eval *e, const char *format, ...)
{
	va_list args;

	if (e->quiet)
		return;
	va_start(args, format);
	e->world->warn(e->world->ctx, format_text(e->arena, format, args));
	va_end(args);
}

void restrict_warn_list(
    struct eval *e, const struct matchlist *l, const struct pattern *hit)
{
	struct buf what = BUF_INIT(4096);

	matchlist_error(hit, &what);
	restrict_warn(e, "%.*s: %.*s", PRI(l->name), PRI(buf_span(&what)));
	buf_done(&what);
}

void restrict_why(struct eval *e, span detail)
{
	e->v->why =
	    make_text(e->arena, "%.*s: %.*s", PRI(e->list), PRI(detail));
}

void restrict_note(struct eval *e, span verb, span text)
{
	struct rules_verdict *v = e->v;

	if (e->quiet || v->nnotes == RULES_MAX_NOTES)
		return;
	if (!v->notes)
		v->notes =
		    arena_alloc(e->arena, RULES_MAX_NOTES, sizeof(*v->notes));
	if (!v->notes)
		return;
	v->notes[v->nnotes++] = (struct rules_note){
		.verb = verb,
		.reply = make_text(e->arena, "%.*s", PRI(text)),
	};
}

/* "4.7.1 text": the first digit follows the code. */
static enum status finish_reject(
    struct eval *e, bool only_warn, uint32_t code, span text)
{
	char *first;

	if (e->p->s.soft_bounce && code >= 500)
		code -= 100;
	first = arena_cstr(e->arena, text);
	if (!first) {
		code = 451;
		text = SPAN("4.3.0 Temporary lookup failure");
	} else {
		first[0] = code >= 500 ? '5' : '4';
		text.ptr = first;
	}
	if (only_warn) {
		restrict_note(e, SPAN("reject_warning"),
		    make_text(e->arena, "%u %.*s", code, PRI(text)));
		return DUNNO;
	}
	e->v->code = (uint16_t)code;
	e->v->reply = text;
	e->v->verb = SPAN("reject");
	return REJECT;
}

enum status restrict_deferred(struct eval *e, const struct deferral *d)
{
	return restrict_reject(
	    e, POLICY_ERROR, d->code, d->dsn, "%.*s", PRI(d->text));
}

enum status restrict_reject(struct eval *e, enum severity severity,
    uint32_t code, span dsn, const char *format, ...)
{
	bool only_warn = e->warn_if_reject && severity == POLICY_ERROR;
	va_list args;
	span text;

	va_start(args, format);
	text = format_text(e->arena, format, args);
	va_end(args);
	text = make_text(e->arena, "%.*s %.*s", PRI(dsn), PRI(text));
	text = span_first(text, REPLY_MAX - 4);
	if (code < 400 || code > 599) {
		restrict_warn(e, "SMTP reply code configuration error: %u %.*s",
		    code, PRI(text));
		code = 450;
		text = SPAN("4.7.1 Service unavailable");
	}
	/* An earlier trouble may be why this is rejected at all. */
	if (!only_warn && e->if_reject.active && code >= 500) {
		e->warn_if_reject = 0;
		e->if_reject.active = false;
		return restrict_deferred(e, &e->if_reject);
	}
	return finish_reject(e, only_warn, code, text);
}

enum status restrict_broken(struct eval *e)
{
	return restrict_reject(
	    e, OUR_ERROR, 451, SPAN("4.3.5"), "Server configuration error");
}

enum status restrict_retry(struct eval *e, span name)
{
	return restrict_reject(e, OUR_ERROR, 451, SPAN("4.3.0"),
	    "<%.*s>: Temporary lookup failure", PRI(name));
}

/* --- restrictions that look at nothing --- */

static enum status run_permit(
    struct eval *e UNUSED, const struct step *s UNUSED)
{
	return OK;
}

static enum status run_reject(struct eval *e, const struct step *s UNUSED)
{
	return restrict_reject(e, POLICY_ERROR, e->p->s.reject_code,
	    SPAN("5.7.1"), "<%.*s>: %.*s rejected: Access denied",
	    PRI(e->reply_name), PRI(e->reply_class));
}

static enum status run_defer(struct eval *e, const struct step *s UNUSED)
{
	return restrict_reject(e, POLICY_ERROR, e->p->s.defer_code,
	    SPAN("4.3.2"), "<%.*s>: %.*s rejected: Try again later",
	    PRI(e->reply_name), PRI(e->reply_class));
}

static void defer_if(struct deferral *d, span text)
{
	if (d->active)
		return;
	*d = (struct deferral){ true, 450, SPAN("4.7.0"), text };
}

static span deferral_text(struct eval *e, const struct step *s)
{
	return make_text(e->arena, "<%.*s>: %.*s rejected: %.*s requested",
	    PRI(e->reply_name), PRI(e->reply_class), PRI(s->what->name));
}

static enum status run_defer_if_permit(struct eval *e, const struct step *s)
{
	span text = deferral_text(e, s);

	if (e->warn_if_reject)
		return restrict_reject(
		    e, POLICY_ERROR, 450, SPAN("4.7.0"), "%.*s", PRI(text));
	defer_if(&e->if_permit, text);
	return DUNNO;
}

static enum status run_defer_if_reject(struct eval *e, const struct step *s)
{
	defer_if(&e->if_reject, deferral_text(e, s));
	return DUNNO;
}

static enum status run_warn_if_reject(
    struct eval *e, const struct step *s UNUSED)
{
	if (!e->warn_if_reject)
		e->warn_if_reject = e->depth;
	return DUNNO;
}

static enum status run_sleep(struct eval *e, const struct step *s)
{
	uint32_t seconds = 0;

	if (span_to_u32(s->arg, &seconds) && !e->quiet)
		e->v->delay_ms += 1000 * MIN(seconds, 300u);
	return DUNNO;
}

/* Neither certificates nor logins are asked about yet. */
static enum status run_not_shown(
    struct eval *e UNUSED, const struct step *s UNUSED)
{
	return DUNNO;
}

static enum status run_plaintext(struct eval *e, const struct step *s UNUSED)
{
	if (e->q->flags & RULES_TLS)
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR, e->p->s.plaintext_reject_code,
	    SPAN("4.7.1"), "Session encryption is required");
}

/* Without a login nobody owns or misuses an address. */
static enum status run_sasl_sender(struct eval *e, const struct step *s)
{
	if (!e->p->s.smtpd_sasl_auth_enable) {
		restrict_warn(e, "restriction `%.*s' ignored: no SASL support",
		    PRI(s->name));
		return DUNNO;
	}
	if (!e->p->s.smtpd_sender_login_maps.len || !e->has_sender ||
	    !e->q->sender.len)
		return DUNNO;
	restrict_warn(e,
	    "restriction %.*s: smtpd_sender_login_maps: lookup tables are "
	    "not supported yet",
	    PRI(s->name));
	return restrict_broken(e);
}

static enum status run_pipelining(struct eval *e, const struct step *s UNUSED)
{
	if (!(e->q->flags & RULES_UNAUTH_PIPELINING))
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR, 503, SPAN("5.5.0"),
	    "<%.*s>: %.*s rejected: Improper use of SMTP command pipelining",
	    PRI(e->reply_name), PRI(e->reply_class));
}

/* What would have to ask a table, the DNS or another server. */
static enum status run_unsupported(struct eval *e, const struct step *s)
{
	restrict_warn(e, "restriction %.*s%s%.*s is not supported yet",
	    PRI(s->name), s->arg.len ? " " : "", PRI(s->arg));
	return restrict_broken(e);
}

static enum status run_unknown(struct eval *e, const struct step *s)
{
	restrict_warn(e, "unknown smtpd restriction: \"%.*s\"", PRI(s->name));
	return restrict_broken(e);
}

static enum status run_bad_argument(struct eval *e, const struct step *s)
{
	const struct restriction *r = restriction_find(s->name);
	const char *need = "maptype:mapname";

	if (r && r->takes == TAKES_SECONDS)
		need = "number";
	else if (r && r->takes == TAKES_WORD)
		need = "domain name or server";
	restrict_warn(e, "restriction %.*s: bad argument \"%.*s\": need %s",
	    PRI(s->name), PRI(s->arg), need);
	return restrict_broken(e);
}

static enum status run_bare_table(struct eval *e, const struct step *s)
{
	struct step named = *s;

	if (!e->bare) {
		restrict_warn(e,
		    "specify one of (check_client_access, "
		    "check_reverse_client_hostname_access, check_helo_access, "
		    "check_sender_access, check_recipient_access, "
		    "check_etrn_access) before %.*s restriction \"%.*s\"",
		    PRI(e->reply_class), PRI(s->arg));
		return restrict_broken(e);
	}
	named.what = e->bare;
	named.name = e->bare->name;
	return e->bare->run(e, &named);
}

static enum status run_class(struct eval *e, const struct step *s)
{
	return restrict_run(e, &s->class->steps);
}

const struct restriction restriction_class_step = { .run = run_class };
const struct restriction restriction_unknown = { .run = run_unknown };
const struct restriction restriction_bad_argument = { .run = run_bad_argument };
const struct restriction restriction_bare_table = { .run = run_bare_table };

/* --- the table --- */

#define NAME(text) SPAN_INIT(text)
#define TABLE(text) \
	{ \
		NAME(text), TAKES_TABLE, false, run_unsupported \
	}
#define SEARCH(text, fn) \
	{ \
		NAME(text), TAKES_TABLE, false, fn \
	}
#define WORD(text) \
	{ \
		NAME(text), TAKES_WORD, false, run_unsupported \
	}
#define ALONE(text) \
	{ \
		NAME(text), TAKES_NOTHING, false, run_unsupported \
	}
#define PLAIN(text, fn) \
	{ \
		NAME(text), TAKES_NOTHING, false, fn \
	}
#define GUARD(text, fn) \
	{ \
		NAME(text), TAKES_NOTHING, true, fn \
	}

/* clang-format off */
static const struct restriction table[] = {
	/* whatever it is about */
	PLAIN("permit", run_permit),
	GUARD("reject", run_reject),
	GUARD("defer", run_defer),
	GUARD("defer_if_permit", run_defer_if_permit),
	PLAIN("defer_if_reject", run_defer_if_reject),
	PLAIN("warn_if_reject", run_warn_if_reject),
	{ NAME("sleep"), TAKES_SECONDS, false, run_sleep },
	PLAIN("reject_plaintext_session", run_plaintext),
	PLAIN("reject_unauth_pipelining", run_pipelining),
	WORD("check_policy_service"),

	/* the client */
	PLAIN("permit_inet_interfaces", restrict_own_client),
	PLAIN("permit_mynetworks", restrict_mynetworks),
	PLAIN("permit_sasl_authenticated", run_not_shown),
	PLAIN("permit_tls_clientcerts", run_not_shown),
	PLAIN("permit_tls_all_clientcerts", run_not_shown),
	PLAIN("reject_unknown_client_hostname", restrict_client_name),
	PLAIN("reject_unknown_client", restrict_client_name),
	PLAIN("reject_unknown_reverse_client_hostname", restrict_reverse_name),
	SEARCH("check_client_access", restrict_client_access),
	SEARCH("check_reverse_client_hostname_access", restrict_reverse_access),
	TABLE("check_client_mx_access"),
	TABLE("check_client_ns_access"),
	TABLE("check_client_a_access"),
	TABLE("check_reverse_client_hostname_mx_access"),
	TABLE("check_reverse_client_hostname_ns_access"),
	TABLE("check_reverse_client_hostname_a_access"),
	{ NAME("check_ccert_access"), TAKES_TABLE, false, run_not_shown },
	{ NAME("check_sasl_access"), TAKES_TABLE, false, run_not_shown },
	ALONE("reject_maps_rbl"),
	WORD("reject_rbl_client"),
	WORD("reject_rbl"),
	WORD("permit_dnswl_client"),
	WORD("reject_rhsbl_client"),
	WORD("permit_rhswl_client"),
	WORD("reject_rhsbl_reverse_client"),

	/* HELO */
	PLAIN("reject_invalid_helo_hostname", restrict_invalid_helo),
	PLAIN("reject_invalid_hostname", restrict_invalid_helo),
	PLAIN("reject_non_fqdn_helo_hostname", restrict_non_fqdn_helo),
	PLAIN("reject_non_fqdn_hostname", restrict_non_fqdn_helo),
	PLAIN("permit_naked_ip_address", restrict_naked_helo),
	ALONE("reject_unknown_helo_hostname"),
	ALONE("reject_unknown_hostname"),
	SEARCH("check_helo_access", restrict_helo_access),
	TABLE("check_helo_mx_access"),
	TABLE("check_helo_ns_access"),
	TABLE("check_helo_a_access"),
	WORD("reject_rhsbl_helo"),

	/* the sender */
	PLAIN("reject_non_fqdn_sender", restrict_non_fqdn_sender),
	PLAIN("reject_unlisted_sender", restrict_list_sender),
	PLAIN("reject_sender_login_mismatch", run_sasl_sender),
	PLAIN("reject_authenticated_sender_login_mismatch", run_sasl_sender),
	PLAIN("reject_unauthenticated_sender_login_mismatch", run_sasl_sender),
	PLAIN("reject_known_sender_login_mismatch", run_sasl_sender),
	ALONE("reject_unknown_sender_domain"),
	ALONE("reject_unknown_address"),
	ALONE("reject_unverified_sender"),
	SEARCH("check_sender_access", restrict_sender_access),
	TABLE("check_sender_mx_access"),
	TABLE("check_sender_ns_access"),
	TABLE("check_sender_a_access"),
	WORD("reject_rhsbl_sender"),

	/* the recipient */
	PLAIN("permit_auth_destination", restrict_auth_destination),
	GUARD("reject_unauth_destination", restrict_unauth_destination),
	GUARD("defer_unauth_destination", restrict_defer_unauth_destination),
	GUARD("check_relay_domains", restrict_relay_domains),
	PLAIN("reject_non_fqdn_recipient", restrict_non_fqdn_recipient),
	PLAIN("reject_unlisted_recipient", restrict_list_recipient),
	PLAIN("check_recipient_maps", restrict_list_recipient),
	PLAIN("reject_multi_recipient_bounce", restrict_multi_recipient_bounce),
	ALONE("reject_unknown_recipient_domain"),
	ALONE("reject_unverified_recipient"),
	ALONE("permit_mx_backup"),
	SEARCH("check_recipient_access", restrict_recipient_access),
	TABLE("check_recipient_mx_access"),
	TABLE("check_recipient_ns_access"),
	TABLE("check_recipient_a_access"),
	WORD("reject_rhsbl_recipient"),

	/* ETRN */
	SEARCH("check_etrn_access", restrict_etrn_access),
};
/* clang-format on */

const struct restriction *restriction_find(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (span_eq_nocase(table[i].name, name))
			return &table[i];
	return NULL;
}

/* --- running a list --- */

static void end_of_warning(struct eval *e)
{
	if (e->warn_if_reject >= e->depth)
		e->warn_if_reject = 0;
}

static enum status run_steps(struct eval *e, const struct steps *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct step *s = &list->items[i];
		enum status r = s->what->run(e, s);

		if (s->what->run == run_warn_if_reject)
			continue;
		end_of_warning(e);
		if (r != DUNNO && !s->class)
			restrict_why(e, s->name);
		if (r != DUNNO)
			return r;
		/* Neither answer can be given: no need to look on. */
		if (e->if_permit.active && e->if_reject.active)
			break;
	}
	return DUNNO;
}

enum status restrict_run(struct eval *e, const struct steps *list)
{
	enum status r;

	if (e->depth >= CLASSES_DEEP) {
		restrict_warn(e, "restriction class %.*s contains itself",
		    PRI(list->name));
		return restrict_broken(e);
	}
	e->depth++;
	r = run_steps(e, list);
	e->depth--;
	/* A list that ends in warn_if_reject. */
	if (e->warn_if_reject > e->depth)
		e->warn_if_reject = 0;
	return r;
}
