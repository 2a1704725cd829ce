/* SPDX-License-Identifier: ISC */
/*
 * Restrictions on sender and recipient: form, destination, existence.
 */
#include "daemon/rules/restrict.h"

#include "conf/words.h"
#include "daemon/rules/expand.h"
#include "daemon/rules/status.h"
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
		e->resolve_result = resolve_address(e->p, e->arena,
		    e->q->sender, e->q->recipient, &e->resolved);
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

static enum status undeliverable(
    struct eval *e, const struct subject *t, uint32_t code, span preset)
{
	span text;
	span status = status_split(t->r->nexthop, preset, &text);

	status = status_for(
	    status, t->is_sender ? STATUS_OF_SENDER : STATUS_OF_RECIPIENT);
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
	span user = extension_user(&e->p->extension, local);
	int r = e->world->has_user(e->world->ctx, lower(e, local));

	if (r == 0 && user.len < local.len)
		r = e->world->has_user(e->world->ctx, lower(e, user));
	return r;
}

static bool wants_passwd(struct eval *e)
{
	span list = e->p->s.local_recipient_maps;
	span word;

	while ((word = words_next(&list)).len)
		if (policy_is_passwd(word))
			return true;
	return false;
}

/* One of the tables has the address, or a part of it. */
static enum map_answer in_tables(
    struct eval *e, const struct table_list *l, const struct subject *t)
{
	struct buf value = BUF_INIT(MAP_VALUE_MAX); /* an alias can be long */
	enum map_answer answer = lookup_address(
	    e->p, l, t->r->recipient, ADDRESS_BY_DEFAULT, &value);

	buf_done(&value);
	return answer;
}

/* The user database, then the tables of local_recipient_maps. */
static enum map_answer is_known_here(struct eval *e, const struct subject *t)
{
	int r = wants_passwd(e) ? has_login(e, local_part(t->r)) : 0;

	if (r < 0)
		restrict_warn(
		    e, "local_recipient_maps: user database: %s", strerror(-r));
	if (r != 0)
		return r < 0 ? MAP_RETRY : MAP_FOUND;
	return in_tables(e, &e->p->tables.local_recipient_maps, t);
}

static enum status check_local(struct eval *e, const struct subject *t)
{
	if (!span_trim(e->p->s.local_recipient_maps).len ||
	    extension_is_fixed(&e->p->extension, local_part(t->r)))
		return DUNNO;
	switch (is_known_here(e, t)) {
	case MAP_FOUND:
		return DUNNO;
	case MAP_RETRY:
		return restrict_retry(e, t->addr);
	case MAP_NONE:
		break;
	}
	return unknown_user(e, t, e->p->s.unknown_local_recipient_reject_code,
	    " in local recipient table");
}

/* The table of a class; without one everybody exists. */
struct class_table {
	const struct table_list *tables;
	uint32_t code;
	const char *where;
};

static enum status check_table(
    struct eval *e, const struct subject *t, const struct class_table *c)
{
	if (c->tables->count == 0)
		return DUNNO;
	switch (in_tables(e, c->tables, t)) {
	case MAP_FOUND:
		return DUNNO;
	case MAP_RETRY:
		return restrict_retry(e, t->addr);
	case MAP_NONE:
		break;
	}
	return unknown_user(e, t, c->code, c->where);
}

/* What goes to the error transport is known not to exist. */
static enum status check_transport(struct eval *e, const struct subject *t)
{
	uint32_t code = t->r->class == CLASS_ALIAS
	    ? e->p->s.unknown_virtual_alias_reject_code
	    : 550;

	if (span_eq(t->r->transport, SPAN("error")))
		return undeliverable(
		    e, t, code, t->is_sender ? SPAN("5.1.0") : SPAN("5.1.1"));
	if (span_eq(t->r->transport, SPAN("retry")))
		return undeliverable(
		    e, t, 450, t->is_sender ? SPAN("4.1.0") : SPAN("4.1.1"));
	return DUNNO;
}

static enum status check_exists(struct eval *e, const struct subject *t)
{
	const struct class_table vmail = { &e->p->tables.virtual_mailbox_maps,
		e->p->s.unknown_virtual_mailbox_reject_code,
		" in virtual mailbox table" };
	const struct class_table relay = { &e->p->tables.relay_recipient_maps,
		e->p->s.unknown_relay_recipient_reject_code,
		" in relay recipient table" };
	enum status r;

	switch (expand_knows(e->p,
	    t->is_sender ? EXPAND_SENDER : EXPAND_RECIPIENT, t->r->recipient)) {
	case MAP_FOUND:
		return DUNNO;
	case MAP_RETRY:
		return restrict_retry(e, t->addr);
	case MAP_NONE:
		break;
	}
	r = check_transport(e, t);
	if (r != DUNNO)
		return r;
	switch (t->r->class) {
	case CLASS_LOCAL:
		return check_local(e, t);
	case CLASS_VIRTUAL:
		return check_table(e, t, &vmail);
	case CLASS_RELAY:
		return check_table(e, t, &relay);
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
	switch (
	    resolve_address(e->p, e->arena, e->q->sender, e->q->sender, &r)) {
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
