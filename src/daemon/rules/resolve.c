/* SPDX-License-Identifier: ISC */
/*
 * First the domains that are ours are stripped off, one after the other: each
 * may uncover another address in the local part (user%other@here, or
 * "user@other"@here), which is then completed and looked at in turn. What
 * remains is a local part here, or an address elsewhere. This loop is what
 * stands between a clever local part and an open relay, so it follows
 * Postfix's step by step.
 *
 * Then the domain decides the class, and the class the transport.
 */
#include "daemon/rules/resolve.h"

#include "daemon/rules/route_tables.h"
#include "mail/address.h"

struct resolver {
	const struct policy *p;
	struct arena *arena;
	struct resolved *r;
	span sender;
	struct token_list addr;  /* what is left of the address */
	struct token_list saved; /* "@domain" stripped last */
	const struct pattern *hit;
};

/* --- texts in the arena --- */

static span joined(struct arena *a, span one, const char *glue, span two)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span s;

	buf_put(&b, one);
	buf_put(&b, span_str(glue));
	buf_put(&b, two);
	s = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	return s;
}

static span internal_text(struct arena *a, const struct token_list *l)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span s;

	token_write_internal(&b, l);
	s = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	return s;
}

static bool fail_match(struct resolver *v, const struct matchlist *l)
{
	struct buf what = BUF_INIT(4096);

	matchlist_error(v->hit, &what);
	v->r->why = joined(v->arena, l->name, ": ", buf_span(&what));
	buf_done(&what);
	return false;
}

/* --- which domains are ours --- */

static span without_dot(span domain)
{
	if (domain.len && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	return domain;
}

static bool is_own_literal(const struct policy *p, span domain)
{
	span addr;

	return address_is_literal(domain, &addr) && policy_is_own(p, addr);
}

enum matchlist_result resolve_is_local(
    const struct policy *p, span domain, const struct pattern **ret_hit)
{
	enum matchlist_result m;

	domain = without_dot(domain);
	if (domain.len == 0 || domain.ptr[domain.len - 1] == '.')
		return MATCH_NO;
	m = matchlist_string(&p->mydestination, domain, ret_hit);
	if (m != MATCH_NO)
		return m;
	return is_own_literal(p, domain) ? MATCH_YES : MATCH_NO;
}

static enum matchlist_result is_local(struct resolver *v, span domain)
{
	enum matchlist_result m = resolve_is_local(v->p, domain, &v->hit);

	if (m == MATCH_ERROR)
		(void)fail_match(v, &v->p->mydestination);
	return m;
}

/* --- stripping them --- */

enum strip {
	STRIP_DONE,   /* what is left is local */
	STRIP_REMOTE, /* the last @domain is not ours */
	STRIP_AGAIN,
	STRIP_FAIL,
};

static void strip_dot(struct token_list *l)
{
	struct token *last = l->tail;

	if (last && last->type == '.' && token_rfind(l, '@') &&
	    last->prev->type != '.' && last->prev->type != '@')
		token_cut_from(l, last);
}

static enum strip strip_domain(struct resolver *v)
{
	struct token *at = token_rfind(&v->addr, '@');
	struct token_list domain;

	if (!at)
		return STRIP_AGAIN;
	domain = (struct token_list){ at, v->addr.tail };
	if (at->next) {
		struct token_list name = { at->next, v->addr.tail };
		span text = internal_text(v->arena, &name);
		enum matchlist_result m = is_local(v, text);

		if (!text.ptr || m == MATCH_ERROR)
			return STRIP_FAIL;
		if (m == MATCH_NO)
			return STRIP_REMOTE;
	}
	token_cut_from(&v->addr, at);
	v->saved = domain;
	return STRIP_AGAIN;
}

static bool is_routed(const struct resolver *v)
{
	const struct settings *s = &v->p->r;

	return token_rfind(&v->addr, '@') ||
	    (s->swap_bangpath && token_rfind(&v->addr, '!')) ||
	    (s->allow_percent_hack && token_rfind(&v->addr, '%'));
}

/* The routing operator that a quoted local part hides, or NULL. */
static const char *hidden_operator(const struct resolver *v)
{
	const struct settings *s = &v->p->r;
	const struct token *t = v->addr.head;
	const bool wanted[] = { true, s->allow_percent_hack, s->swap_bangpath };

	if (!s->resolve_dequoted_address || !t || t->next ||
	    t->type != TOKEN_QUOTED)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		ssize_t at = wanted[i] ? span_rfind(t->text, "@%!"[i]) : -1;

		if (at >= 0)
			return t->text.ptr + at;
	}
	return NULL;
}

/* Take the quotes off and look at what was in them. */
static bool crack_quotes(struct resolver *v, const char *op)
{
	span text = v->addr.head->text;
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	char *copy = arena_cstr(v->arena, text);
	span plain;

	if (!copy)
		return false;
	if (*op == '%')
		copy[op - text.ptr] = '@';
	if (*op == '!')
		buf_put(&b, text);
	else
		address_quote(&b, span_of(copy, text.len));
	plain = b.failed ? SPAN_NONE : arena_dup(v->arena, buf_span(&b));
	buf_done(&b);
	return plain.ptr && token_scan(plain, 0, v->arena, &v->addr) &&
	    rewrite_tokens(&v->p->rewrite, v->arena, &v->addr);
}

/* Nothing, or "", stands for the local MAILER-DAEMON. */
static bool is_empty(const struct token_list *l)
{
	return !l->head ||
	    (l->head == l->tail && l->head->type == TOKEN_QUOTED &&
	        l->head->text.len == 0);
}

static bool append_myhostname(struct resolver *v)
{
	struct token *at = token_new(v->arena, '@', SPAN_NONE);
	struct token_list host;

	if (!at || !token_scan(v->p->r.myhostname, 0, v->arena, &host))
		return false;
	token_append(&v->addr, at);
	token_append_list(&v->addr, &host);
	return true;
}

static enum strip strip_once(struct resolver *v)
{
	enum strip s;
	const char *op;
	bool ok;

	strip_dot(&v->addr);
	if (v->p->r.resolve_null_domain && v->addr.tail &&
	    v->addr.tail->type == '@')
		token_cut_from(&v->addr, v->addr.tail);
	s = strip_domain(v);
	if (s != STRIP_AGAIN)
		return s;
	op = hidden_operator(v);
	if (is_routed(v))
		ok = rewrite_tokens(&v->p->rewrite, v->arena, &v->addr);
	else if (op)
		ok = crack_quotes(v, op);
	else if (is_empty(&v->addr))
		ok = token_scan(
		    v->p->r.empty_address_recipient, 0, v->arena, &v->addr);
	else if (!v->saved.head)
		ok = append_myhostname(v);
	else
		return STRIP_DONE;
	return ok ? STRIP_AGAIN : STRIP_FAIL;
}

/* True: `remote` says what is left. */
static bool strip_local_domains(
    struct resolver *v, size_t len, bool *ret_remote)
{
	/* Each round takes something away; this is against the unforeseen. */
	for (size_t rounds = len + 100; rounds > 0; rounds--) {
		enum strip s = strip_once(v);

		if (s == STRIP_AGAIN)
			continue;
		*ret_remote = s == STRIP_REMOTE;
		return s != STRIP_FAIL;
	}
	v->r->why = SPAN("address resolves without end");
	return false;
}

/* --- what is left --- */

/* The domain is a bare address: x@1.2.3.4, with resolve_numeric_domain. */
static bool take_numeric(struct resolver *v, bool *remote)
{
	struct resolved *r = v->r;
	span local = span_first(r->recipient, r->recipient.len - r->domain.len);
	enum matchlist_result m;

	if (!v->p->r.resolve_numeric_domain ||
	    !(address_is_ipv4(r->domain) || address_is_ipv6(r->domain)))
		return false;
	r->recipient = joined(
	    v->arena, joined(v->arena, local, "[", r->domain), "]", SPAN_NONE);
	if (!r->recipient.ptr)
		return false;
	r->domain = address_domain(r->recipient);
	m = is_local(v, r->domain);
	*remote = m != MATCH_YES;
	return m != MATCH_ERROR;
}

static bool check_domain(struct resolver *v, bool *remote)
{
	struct resolved *r = v->r;
	span addr;

	if (r->domain.len && r->domain.ptr[0] == '[')
		return address_is_literal(r->domain, &addr);
	if (!address_is_utf8(r->recipient))
		return false;
	return address_is_hostname_utf8(r->domain) || take_numeric(v, remote);
}

/* Any of @!% in the local part: a later host may route on it. */
static bool local_part_routes(const struct resolved *r)
{
	size_t local = r->recipient.len - r->domain.len - 1;

	for (size_t i = 0; i < local; i++)
		if (strchr("@!%", r->recipient.ptr[i]))
			return true;
	return false;
}

/* --- class, transport, next hop --- */

struct way {
	span transport;
	span param;
};

static bool in_list(
    struct resolver *v, const struct matchlist *l, bool domains, bool *failed)
{
	enum matchlist_result m = domains
	    ? matchlist_domain(l, v->r->domain, &v->hit)
	    : matchlist_string(l, v->r->domain, &v->hit);

	if (m == MATCH_ERROR)
		*failed = !fail_match(v, l);
	return m == MATCH_YES;
}

static struct way user_unknown(struct resolver *v)
{
	v->r->nexthop = v->p->r.show_user_unknown_table_name
	    ? SPAN("5.1.1 User unknown in virtual alias table")
	    : SPAN("5.1.1 User unknown");
	return (struct way){ SPAN("error"), SPAN("virtual_alias_domains") };
}

/* Not ours to deliver: the relay host, if there is one, knows more. */
static struct way elsewhere(struct resolver *v, bool relayed, bool *failed)
{
	const struct settings *s = &v->p->r;
	struct resolved *r = v->r;
	struct way way = { s->relay_transport, SPAN("relay_transport") };
	span found = SPAN_NONE;

	if (!relayed) {
		way = (struct way){ s->default_transport,
			SPAN("default_transport") };
		*failed = !route_sender_transport(
		    v->p, v->arena, v->sender, r, &found);
		if (found.len)
			way = (struct way){ found,
				SPAN("sender_dependent_default_transport_"
				     "maps") };
	}
	found = SPAN_NONE;
	if (!*failed)
		*failed = !route_sender_relayhost(
		    v->p, v->arena, v->sender, r, &found);
	if (found.len)
		r->nexthop = found;
	else if (s->relayhost.len)
		r->nexthop = s->relayhost;
	return way;
}

static struct way choose_remote(struct resolver *v, bool *failed)
{
	const struct policy *p = v->p;
	struct resolved *r = v->r;

	if (in_list(v, &p->virtual_alias_domains, false, failed)) {
		r->class = CLASS_ALIAS;
		return user_unknown(v);
	}
	if (!*failed &&
	    in_list(v, &p->virtual_mailbox_domains, false, failed)) {
		r->class = CLASS_VIRTUAL;
		return (struct way){ p->r.virtual_transport,
			SPAN("virtual_transport") };
	}
	if (!*failed && in_list(v, &p->relay_domains, true, failed))
		r->class = CLASS_RELAY;
	if (*failed)
		return (struct way){ SPAN_NONE, SPAN_NONE };
	return elsewhere(v, r->class == CLASS_RELAY, failed);
}

/* "transport" or "transport:nexthop". */
static bool split_way(struct resolver *v, struct way way)
{
	struct resolved *r = v->r;
	span rest = way.transport;

	r->transport = span_cut(&rest, ':');
	if (rest.len)
		r->nexthop = rest;
	r->why = way.param;
	if (r->transport.len && r->nexthop.len)
		return true;
	r->why = joined(
	    v->arena, way.param, ": ", SPAN("null transport is not allowed"));
	return false;
}

static enum resolve_result choose(struct resolver *v, bool remote)
{
	struct resolved *r = v->r;
	bool failed = false;
	struct way way = { v->p->r.local_transport, SPAN("local_transport") };

	r->nexthop = r->domain;
	r->class = remote ? CLASS_DEFAULT : CLASS_LOCAL;
	if (remote)
		way = choose_remote(v, &failed);
	if (failed || !split_way(v, way))
		return RESOLVE_FAIL;
	if ((r->class != CLASS_ALIAS && !route_transport(v->p, v->arena, r)) ||
	    !route_relocated(v->p, v->arena, r))
		return RESOLVE_FAIL;
	if (!v->p->r.allow_min_user && r->recipient.ptr[0] == '-')
		return RESOLVE_BAD;
	return RESOLVE_OK;
}

/* --- from outside --- */

/*
 * user@host.domain of characters that mean nothing special: there is nothing
 * to complete and nothing to uncover.
 */
static bool is_plain(span addr)
{
	bool at = false;
	bool dot = false;
	char prev = '@';

	for (size_t i = 0; i < addr.len; i++) {
		char c = addr.ptr[i];

		if (c == '@') {
			if (at || prev == '.' || prev == '@')
				return false;
			at = true;
		} else if (c == '.') {
			if (prev == '.' || prev == '@')
				return false;
			dot |= at;
		} else if (!ascii_is_alnum(c) && !(c && strchr("-_+=", c))) {
			return false;
		}
		prev = c;
	}
	return dot && prev != '.' && prev != '@';
}

static enum resolve_result resolve_plain(struct resolver *v, span address)
{
	enum matchlist_result m;

	v->r->recipient = address;
	v->r->domain = address_domain(address);
	m = is_local(v, v->r->domain);
	if (m == MATCH_ERROR)
		return RESOLVE_FAIL;
	return choose(v, m == MATCH_NO);
}

/* The external form is parsed: quotes protect what they should. */
static bool scan_address(struct resolver *v, span address)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span text;

	address_quote(&b, address);
	text = b.failed ? SPAN_NONE : arena_dup(v->arena, buf_span(&b));
	buf_done(&b);
	return text.ptr && token_scan(text, 0, v->arena, &v->addr);
}

static enum resolve_result resolve_any(struct resolver *v, span address)
{
	struct resolved *r = v->r;
	bool remote = false;

	r->why = SPAN("address is too long");
	if (!scan_address(v, address) ||
	    !strip_local_domains(v, address.len, &remote))
		return RESOLVE_FAIL;
	if (!remote)
		token_append_list(&v->addr, &v->saved);
	r->recipient = internal_text(v->arena, &v->addr);
	if (!r->recipient.ptr)
		return RESOLVE_FAIL;
	r->domain = address_domain(r->recipient);
	if (!check_domain(v, &remote))
		return RESOLVE_BAD;
	r->routed = local_part_routes(r);
	return choose(v, remote);
}

enum resolve_result resolve_rewrite(
    const struct policy *p, struct arena *a, span address, span *ret)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	bool ok;

	*ret = address;
	if (address.len == 0 || is_plain(address))
		return RESOLVE_OK;
	ok = rewrite_address(&p->rewrite, a, address, &b) && !b.failed;
	if (ok)
		*ret = arena_dup(a, buf_span(&b));
	buf_done(&b);
	return ok && ret->ptr ? RESOLVE_OK : RESOLVE_FAIL;
}

enum resolve_result resolve_address(const struct policy *p, struct arena *a,
    span sender, span address, struct resolved *ret)
{
	struct resolver v = { .p = p, .arena = a, .r = ret, .sender = sender };
	span complete;

	*ret = (struct resolved){ 0 };
	if (resolve_rewrite(p, a, address, &complete) != RESOLVE_OK) {
		ret->why = SPAN("address is too long");
		return RESOLVE_FAIL;
	}
	if (is_plain(complete) && address_is_hostname(address_domain(complete)))
		return resolve_plain(&v, complete);
	return resolve_any(&v, complete);
}
