/* SPDX-License-Identifier: ISC */
/*
 * Restrictions on who the client is and what it calls itself.
 */
#include "conf/words.h"
#include "daemon/rules/restrict.h"
#include "mail/address.h"

static const span helo_class = SPAN_INIT("Helo command");

/* --- name and address --- */

span restrict_client(struct eval *e)
{
	struct buf b = BUF_INIT(2000);
	span s;

	buf_put(&b, e->q->client_name);
	buf_putc(&b, '[');
	buf_put(&b, e->q->client_addr);
	buf_putc(&b, ']');
	s = b.failed ? SPAN("unknown") : arena_dup(e->arena, buf_span(&b));
	buf_done(&b);
	return s;
}

enum status restrict_client_name(struct eval *e, const struct step *s UNUSED)
{
	if (e->q->name_status == RULES_NAME_OK)
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR,
	    e->q->name_status == RULES_NAME_TRYAGAIN
	        ? 450
	        : e->p->s.unknown_client_reject_code,
	    SPAN("4.7.25"),
	    "Client host rejected: cannot find your hostname, [%.*s]",
	    PRI(e->q->client_addr));
}

enum status restrict_reverse_name(struct eval *e, const struct step *s UNUSED)
{
	if (e->q->reverse_status == RULES_NAME_OK)
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR,
	    e->q->reverse_status == RULES_NAME_UNKNOWN
	        ? e->p->s.unknown_client_reject_code
	        : 450,
	    SPAN("4.7.1"),
	    "Client host rejected: cannot find your reverse hostname, [%.*s]",
	    PRI(e->q->client_addr));
}

enum status restrict_own_client(struct eval *e, const struct step *s UNUSED)
{
	return policy_is_own(e->p, e->q->client_addr) ? OK : DUNNO;
}

enum status restrict_mynetworks(struct eval *e, const struct step *s UNUSED)
{
	const struct pattern *hit;

	switch (matchlist_client(
	    &e->p->mynetworks, e->q->client_name, e->q->client_addr, &hit)) {
	case MATCH_YES:
		return OK;
	case MATCH_NO:
		return DUNNO;
	case MATCH_ERROR:
		break;
	}
	restrict_warn_list(e, &e->p->mynetworks, hit);
	return restrict_retry(e, e->reply_name);
}

/* --- HELO --- */

static span without_final_dot(span name)
{
	if (name.len > 1 && name.ptr[name.len - 1] == '.' &&
	    name.ptr[name.len - 2] != '.')
		name.len--;
	return name;
}

/* 1.2.3.4 or IPv6:::1, bare or in brackets. */
static bool is_mail_address(span helo)
{
	span addr = helo;

	if (helo.len > 2 && helo.ptr[0] == '[' && helo.ptr[helo.len - 1] == ']')
		addr = span_first(span_from(helo, 1), helo.len - 2);
	if (span_skip_nocase(&addr, SPAN("IPv6:")))
		return address_is_ipv6(addr);
	return address_is_ipv4(addr);
}

static enum status invalid_address(struct eval *e)
{
	if (is_mail_address(e->q->helo))
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR,
	    e->p->s.invalid_hostname_reject_code, SPAN("5.5.2"),
	    "<%.*s>: %.*s rejected: invalid ip address", PRI(e->q->helo),
	    PRI(helo_class));
}

enum status restrict_invalid_helo(struct eval *e, const struct step *s UNUSED)
{
	span name = without_final_dot(e->q->helo);

	if (!name.len)
		return DUNNO;
	if (name.ptr[0] == '[')
		return invalid_address(e);
	if (address_is_hostname(name) || address_is_ipv4(name) ||
	    address_is_ipv6(name))
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR,
	    e->p->s.invalid_hostname_reject_code, SPAN("5.5.2"),
	    "<%.*s>: %.*s rejected: Invalid name", PRI(e->q->helo),
	    PRI(helo_class));
}

enum status restrict_non_fqdn_helo(struct eval *e, const struct step *s UNUSED)
{
	span name = without_final_dot(e->q->helo);

	if (!name.len)
		return DUNNO;
	if (name.ptr[0] == '[')
		return invalid_address(e);
	if (address_is_hostname(name) && span_find(name, '.') >= 0)
		return DUNNO;
	return restrict_reject(e, POLICY_ERROR, e->p->s.non_fqdn_reject_code,
	    SPAN("5.5.2"),
	    "<%.*s>: %.*s rejected: need fully-qualified hostname",
	    PRI(e->q->helo), PRI(helo_class));
}

static bool is_naked(span helo)
{
	for (size_t i = 0; i < helo.len; i++)
		if (!ascii_is_digit(helo.ptr[i]) && helo.ptr[i] != '.' &&
		    helo.ptr[i] != ':')
			return false;
	return helo.len > 0;
}

enum status restrict_naked_helo(struct eval *e, const struct step *s)
{
	enum status r;

	restrict_warn(e,
	    "restriction %.*s is deprecated. Use permit_mynetworks or "
	    "permit_sasl_authenticated instead",
	    PRI(s->name));
	if (!is_naked(e->q->helo))
		return DUNNO;
	r = invalid_address(e);
	return r == DUNNO ? OK : r;
}

/* --- whose unqualified headers are completed --- */

static enum status by_table(struct eval *e, span word)
{
	struct table *t = policy_table(e->p, e->world, word);
	struct buf value = BUF_INIT(4096);
	enum map_answer answer = map_find(t->map, e->q->client_addr, &value);

	buf_done(&value);
	if (answer != MAP_RETRY)
		return answer == MAP_FOUND ? OK : DUNNO;
	restrict_warn(e,
	    "local_header_rewrite_clients: %.*s: table lookup problem",
	    PRI(word));
	return restrict_reject(
	    e, OUR_ERROR, 451, SPAN("4.3.0"), "Temporary lookup error");
}

/* One word of the list. */
static enum status is_local_by(struct eval *e, span word)
{
	static const struct {
		span name;
		restriction_fn *run; /* NULL: nobody has shown that yet */
	} known[] = {
		{ SPAN_INIT("permit_inet_interfaces"), restrict_own_client },
		{ SPAN_INIT("permit_mynetworks"), restrict_mynetworks },
		{ SPAN_INIT("permit_sasl_authenticated"), NULL },
		{ SPAN_INIT("permit_tls_clientcerts"), NULL },
		{ SPAN_INIT("permit_tls_all_clientcerts"), NULL },
		{ SPAN_INIT("check_address_map"), NULL }, /* a table follows */
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq_nocase(word, known[i].name))
			return known[i].run ? known[i].run(e, NULL) : DUNNO;
	if (span_find(word, ':') >= 0)
		return by_table(e, word);
	restrict_warn(e,
	    "parameter local_header_rewrite_clients: invalid request: %.*s",
	    PRI(word));
	return DUNNO;
}

bool restrict_is_local_client(struct eval *e, bool *ret)
{
	span list = e->p->s.local_header_rewrite_clients;
	enum status r = DUNNO;
	span word;

	while (r == DUNNO && (word = words_next(&list)).len)
		r = is_local_by(e, word);
	*ret = r == OK;
	return r != REJECT;
}
