/* SPDX-License-Identifier: ISC */
/*
 * Restrictions on sender and recipient: form, destination, existence.
 */
#include "daemon/rules/restrict.h"

#include <errno.h>

#include "conf/words.h"
#include "mail/address.h"

static const span sender_class = SPAN_INIT("Sender address");
static const span recipient_class = SPAN_INIT("Recipient address");

/* --- form --- */

static enum status non_fqdn(struct eval *e, span addr, span class)
{
	span domain = address_domain(addr);

	if (domain.len && domain.ptr[0] == '[' &&
	    domain.ptr[domain.len - 1] == ']')
		return DUNNO;
	if (domain.len > 1 && domain.ptr[domain.len - 1] == '.' &&
	    domain.ptr[domain.len - 2] != '.')
		domain.len--;
	if (address_is_hostname(domain) && span_find(domain, '.') >= 0)
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR, e->p->s.non_fqdn_reject_code,
	    SPAN("4.5.2"),
	    "<%.*s>: %.*s rejected: need fully-qualified address", PRI(addr),
	    PRI(class));
}

enum status restrict_non_fqdn_sender(
    struct eval *e, const struct step *s UNUSED)
{
	if (!e->has_sender || !e->q->sender.len)
		return DUNNO;
	return non_fqdn(e, e->q->sender, sender_class);
}

enum status restrict_non_fqdn_recipient(
    struct eval *e, const struct step *s UNUSED)
{
	if (!e->has_recipient)
		return DUNNO;
	return non_fqdn(e, e->q->recipient, recipient_class);
}

/* A message without sender is a notice, and goes to one. */
enum status restrict_multi_recipient_bounce(
    struct eval *e, const struct step *s UNUSED)
{
	uint32_t before = e->q->stage == RULES_STAGE_RCPT ? 0 : 1;

	if (!e->has_sender || e->q->sender.len || e->q->nrcpts <= before)
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR,
	    e->p->s.multi_recipient_bounce_reject_code, SPAN("5.5.3"),
	    "<%.*s>: %.*s rejected: Multi-recipient bounce", PRI(e->reply_name),
	    PRI(e->reply_class));
}

/* --- destination --- */

bool restrict_resolve(struct eval *e, enum status *ret)
{
	if (!e->is_resolved) {
		e->resolve_result = resolve_address(
		    e->p, e->arena, e->q->recipient, &e->resolved);
		e->is_resolved = true;
		if (e->resolve_result == RESOLVE_FAIL)
			restrict_warn(e, "%.*s", PRI(e->resolved.why));
	}
	if (e->resolve_result != RESOLVE_FAIL)
		return true;
	*ret = restrict_retry(e, e->q->recipient);
	return false;
}

enum status restrict_auth_destination(
    struct eval *e, const struct step *s UNUSED)
{
	const struct resolved *r = &e->resolved;
	enum status status;

	if (!e->has_recipient)
		return DUNNO;
	if (!restrict_resolve(e, &status))
		return status;
	/* What a later host may route further is not final. */
	if (r->routed && !e->p->s.allow_untrusted_routing)
		return DUNNO;
	return e->resolve_result == RESOLVE_OK && r->class != CLASS_DEFAULT
	    ? OK
	    : DUNNO;
}

static enum status unauth_destination(struct eval *e, uint32_t code, span dsn)
{
	enum status r = restrict_auth_destination(e, NULL);

	if (!e->has_recipient)
		return DUNNO;
	if (r != DUNNO)
		return r == OK ? DUNNO : r;
	return restrict_reject(e, POLICY_ERROR, code, dsn,
	    "<%.*s>: Relay access denied", PRI(e->q->recipient));
}

enum status restrict_unauth_destination(
    struct eval *e, const struct step *s UNUSED)
{
	return unauth_destination(
	    e, e->p->s.relay_domains_reject_code, SPAN("5.7.1"));
}

enum status restrict_defer_unauth_destination(
    struct eval *e, const struct step *s UNUSED)
{
	return unauth_destination(
	    e, e->p->s.relay_domains_reject_code - 100, SPAN("4.7.1"));
}

enum status restrict_relay_domains(struct eval *e, const struct step *s)
{
	enum status r;

	restrict_warn(e,
	    "support for restriction \"%.*s\" will be removed; use "
	    "\"reject_unauth_destination\" instead",
	    PRI(s->name));
	if (!e->has_recipient)
		return DUNNO;
	if (matchlist_domain(&e->p->relay_domains, e->q->client_name, NULL) ==
	    MATCH_YES)
		return OK;
	r = restrict_auth_destination(e, s);
	if (r != DUNNO)
		return r;
	return restrict_reject(e, POLICY_ERROR,
	    e->p->s.relay_domains_reject_code, SPAN("5.7.1"),
	    "<%.*s>: %.*s rejected: Relay access denied", PRI(e->q->recipient),
	    PRI(recipient_class));
}

/* --- existence --- */

/* Whom a check is about. */
struct subject {
	span addr; /* as the client wrote it */
	span class;
	bool is_sender;
	const struct resolved *r;
};

/* "5.1.2 text" into its parts; without a status, the preset. */
static span split_status(span text, span preset, span *ret_text)
{
	span rest = text;
	span status = span_cut(&rest, ' ');
	span class = status;
	span digits;
	uint32_t n;

	digits = span_cut(&class, '.');
	*ret_text = text;
	if (digits.len != 1 || !span_to_u32(digits, &n) || (n != 4 && n != 5))
		return preset;
	digits = span_cut(&class, '.');
	if (!span_to_u32(digits, &n) || !span_to_u32(class, &n))
		return preset;
	*ret_text = span_trim(rest);
	return status;
}

/*
 * A status about a sender address while a recipient is rejected, or the other
 * way round, becomes the nearest one (RFC 3463 X.1.*).
 */
static span fix_status(span status, bool is_sender)
{
	static const struct {
		char digit;
		span sender, recipient;
	} map[] = {
		{ '1', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.1") },
		{ '2', SPAN_INIT("4.1.8"), SPAN_INIT("4.1.2") },
		{ '3', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.3") },
		{ '4', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.4") },
		{ '5', SPAN_INIT("4.1.0"), SPAN_INIT("4.1.5") },
		{ '6', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.6") },
		{ '7', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.3") },
		{ '8', SPAN_INIT("4.1.8"), SPAN_INIT("4.1.2") },
	};

	if (status.len < 5 || status.ptr[1] != '.' || status.ptr[2] != '1' ||
	    status.ptr[3] != '.')
		return status;
	for (size_t i = 0; status.len == 5 && i < ARRAY_LEN(map); i++)
		if (map[i].digit == status.ptr[4])
			return is_sender ? map[i].sender : map[i].recipient;
	return SPAN("4.1.0");
}

static enum status undeliverable(
    struct eval *e, const struct subject *t, uint32_t code, span preset)
{
	span text;
	span status = split_status(t->r->nexthop, preset, &text);

	status = fix_status(status, t->is_sender);
	return restrict_reject(e, POLICY_ERROR, code, status,
	    "<%.*s>: %.*s rejected: %.*s", PRI(t->addr), PRI(t->class),
	    PRI(text));
}

static enum status unknown_user(
    struct eval *e, const struct subject *t, uint32_t code, const char *where)
{
	return restrict_reject(e, POLICY_ERROR, code,
	    t->is_sender ? SPAN("5.1.0") : SPAN("5.1.1"),
	    "<%.*s>: %.*s rejected: User unknown%s", PRI(t->addr),
	    PRI(t->class), e->p->s.show_user_unknown_table_name ? where : "");
}

static span local_part(const struct resolved *r)
{
	span local;
	span domain;

	address_split(r->recipient, &local, &domain);
	return local;
}

/* These exist wherever mail does. */
static bool always_exists(struct eval *e, span local)
{
	return span_eq_nocase(local, e->p->s.double_bounce_sender) ||
	    span_eq_nocase(local, SPAN("postmaster")) ||
	    span_eq_nocase(local, SPAN("mailer-daemon"));
}

/* The user in user+extension; the whole when it must not be split. */
static span without_extension(struct eval *e, span local)
{
	span delimiters = e->p->s.recipient_delimiter;

	if (always_exists(e, local))
		return local;
	if (span_find(delimiters, '-') >= 0 && e->p->s.owner_request_special &&
	    (span_has_prefix_nocase(local, SPAN("owner-")) ||
	        (local.len > 8 &&
	            span_has_suffix_nocase(local, SPAN("-request")))))
		return local;
	for (size_t i = 0; i < local.len; i++)
		if (span_find(delimiters, local.ptr[i]) >= 0)
			return i ? span_first(local, i) : local;
	return local;
}

static span lower(struct eval *e, span s)
{
	char *p = arena_cstr(e->arena, s);

	for (size_t i = 0; p && i < s.len; i++)
		p[i] = ascii_lower(p[i]);
	return p ? span_of(p, s.len) : SPAN_NONE;
}

/* 1, 0, or a negative errno. */
static int has_login(struct eval *e, span local)
{
	span user = without_extension(e, local);
	int r = e->world->has_user(e->world->ctx, lower(e, local));

	if (r == 0 && user.len < local.len)
		r = e->world->has_user(e->world->ctx, lower(e, user));
	return r;
}

static bool is_passwd(span word)
{
	(void)span_skip(&word, SPAN("proxy:"));
	return span_eq(word, SPAN("unix:passwd.byname"));
}

/* alias_maps stands in local_recipient_maps by default. Until there are
 * tables, login names alone decide who is local. */
static bool is_alias_table(struct eval *e, span word)
{
	span list = e->p->s.alias_maps;
	span other;

	while ((other = words_next(&list)).len)
		if (span_eq(word, other))
			return true;
	return false;
}

/* local_recipient_maps, entry by entry. */
static enum status check_local(struct eval *e, const struct subject *t)
{
	span list = e->p->s.local_recipient_maps;
	span local = local_part(t->r);
	span word;
	int r = 0;

	if (!span_trim(list).len || always_exists(e, local))
		return DUNNO;
	while (r == 0 && (word = words_next(&list)).len) {
		if (is_passwd(word))
			r = has_login(e, local);
		else if (!is_alias_table(e, word))
			r = -ENOTSUP;
		if (r < 0)
			restrict_warn(e, "local_recipient_maps: %.*s: %s",
			    PRI(word),
			    r == -ENOTSUP
			        ? "lookup tables are not supported yet"
			        : strerror(-r));
	}
	if (r < 0)
		return restrict_retry(e, t->addr);
	if (r > 0)
		return DUNNO;
	return unknown_user(e, t, e->p->s.unknown_local_recipient_reject_code,
	    " in local recipient table");
}

static enum status check_table(
    struct eval *e, const struct subject *t, const char *param, span table)
{
	if (!span_trim(table).len)
		return DUNNO;
	restrict_warn(e, "%s: %.*s: lookup tables are not supported yet", param,
	    PRI(table));
	return restrict_retry(e, t->addr);
}

static enum status check_exists(struct eval *e, const struct subject *t)
{
	const struct settings *s = &e->p->s;
	uint32_t code = t->r->class == CLASS_ALIAS
	    ? s->unknown_virtual_alias_reject_code
	    : 550;

	if (span_eq(t->r->transport, SPAN("error")))
		return undeliverable(
		    e, t, code, t->is_sender ? SPAN("5.1.0") : SPAN("5.1.1"));
	if (span_eq(t->r->transport, SPAN("retry")))
		return undeliverable(
		    e, t, 450, t->is_sender ? SPAN("4.1.0") : SPAN("4.1.1"));
	switch (t->r->class) {
	case CLASS_LOCAL:
		return check_local(e, t);
	case CLASS_VIRTUAL:
		return check_table(
		    e, t, "virtual_mailbox_maps", s->virtual_mailbox_maps);
	case CLASS_RELAY:
		return check_table(
		    e, t, "relay_recipient_maps", s->relay_recipient_maps);
	case CLASS_ALIAS:
	case CLASS_DEFAULT:
		break;
	}
	return DUNNO;
}

enum status restrict_unlisted_recipient(struct eval *e)
{
	struct subject t = { .addr = e->q->recipient,
		.class = recipient_class,
		.r = &e->resolved };
	enum status status;

	if (e->p->no_unknown_recipient_checks || e->recipient_checked)
		return DUNNO;
	if (!e->warn_if_reject)
		e->recipient_checked = true;
	if (!restrict_resolve(e, &status))
		return status;
	return e->resolve_result == RESOLVE_OK ? check_exists(e, &t) : DUNNO;
}

enum status restrict_unlisted_sender(struct eval *e)
{
	struct resolved r;
	struct subject t = { .addr = e->q->sender,
		.class = sender_class,
		.is_sender = true,
		.r = &r };

	if (e->p->no_unknown_recipient_checks || e->sender_checked)
		return DUNNO;
	if (!e->warn_if_reject)
		e->sender_checked = true;
	switch (resolve_address(e->p, e->arena, e->q->sender, &r)) {
	case RESOLVE_OK:
		return check_exists(e, &t);
	case RESOLVE_BAD:
		return DUNNO;
	case RESOLVE_FAIL:
		break;
	}
	restrict_warn(e, "%.*s", PRI(r.why));
	return restrict_retry(e, e->q->sender);
}

enum status restrict_list_sender(struct eval *e, const struct step *s UNUSED)
{
	if (!e->has_sender || !e->q->sender.len)
		return DUNNO;
	return restrict_unlisted_sender(e);
}

enum status restrict_list_recipient(struct eval *e, const struct step *s UNUSED)
{
	if (!e->has_recipient || !e->q->recipient.len)
		return DUNNO;
	return restrict_unlisted_recipient(e);
}
