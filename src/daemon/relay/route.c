/* SPDX-License-Identifier: ISC */
/*
 * relay/route.c - from a next hop to addresses.
 *
 *	address ------------------------------------------------> hops
 *	name, or [name] ----------------------> A, AAAA, hosts -> hops
 *	domain -> MX -> names --(all at once)-> A, AAAA, hosts -> hops
 *	             \-> none: the domain as a name
 *
 * All names are asked for at the same time; when the last answer is there
 * they are looked at in the order of preference. The words and status codes
 * of failures are those of Postfix's smtp_addr.c: an error that may pass
 * outweighs one that is final, and the text is that of the last.
 */
#include "daemon/relay/route.h"

#include <string.h>

#include "base/hmap.h"
#include "mail/address.h"
#include "os/log.h"

struct lookup {
	struct dns_query query;
	struct route *route;
	enum dns_type type;
	bool wanted;
	enum dns_status status;
	uint32_t count;
	const struct dns_record *records; /* in the arena */
};

struct route_name {
	span host;
	uint32_t pref;
	struct lookup a;
	struct lookup aaaa;
};

enum { PORT_SMTP = 25, TEXT_MAX = 1024 };

/* Failures */

static void fail(struct route *r, span status, const char *text, span name)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	span rest = span_str(text);
	ssize_t at = span_find(rest, '%');

	/* A single % stands for the name. */
	buf_put(&b, at < 0 ? rest : span_first(rest, (size_t)at));
	if (at >= 0) {
		buf_put(&b, span_first(name, 255));
		buf_put(&b, span_from(rest, (size_t)at + 1));
	}
	r->status = status;
	r->why = arena_dup(r->arena, buf_span(&b));
	buf_done(&b);
}

static bool is_soft(const struct route *r)
{
	return r->status.len && r->status.ptr[0] == '4';
}

static span type_name(enum dns_type type)
{
	switch (type) {
	case DNS_TYPE_A:
		return SPAN("A");
	case DNS_TYPE_AAAA:
		return SPAN("AAAA");
	case DNS_TYPE_MX:
		return SPAN("MX");
	case DNS_TYPE_CNAME:
	case DNS_TYPE_SOA:
	case DNS_TYPE_PTR:
	case DNS_TYPE_TXT:
		break;
	}
	return SPAN("?");
}

/* clang-format off */
static const struct failure {
	span words;
	span hard; /* status */
	span soft;
	int weight; /* of two failures the heavier counts */
} failures[] = {
	[DNS_NXDOMAIN]  = { SPAN_INIT("Host not found"),
		SPAN_INIT("5.4.4"), SPAN_INIT("4.4.4"), 0 },
	[DNS_NODATA]    = { SPAN_INIT("Host found but no data record of requested type"),
		SPAN_INIT("5.4.4"), SPAN_INIT("4.4.4"), 0 },
	[DNS_FAILED]    = { SPAN_INIT("Non-recoverable error"),
		SPAN_INIT("5.4.3"), SPAN_INIT("4.4.3"), 1 },
	[DNS_AGAIN]     = { SPAN_INIT("Host not found, try again"),
		SPAN_INIT("4.4.3"), SPAN_INIT("4.4.3"), 2 },
	[DNS_MALFORMED] = { SPAN_INIT(""),
		SPAN_INIT("4.4.3"), SPAN_INIT("4.4.3"), 2 },
};
/* clang-format on */

static bool is_absent(enum dns_status status)
{
	return status == DNS_NXDOMAIN || status == DNS_NODATA;
}

static void fail_lookup(
    struct route *r, span name, enum dns_type type, enum dns_status status)
{
	const struct failure *f = &failures[status];
	struct buf b = BUF_INIT(TEXT_MAX);

	name = span_first(name, 255);
	if (status != DNS_MALFORMED)
		buf_put(&b, SPAN("Host or domain name not found. "));
	buf_put(&b, SPAN("Name service error for name="));
	buf_put(&b, name);
	buf_put(&b, SPAN(" type="));
	buf_put(&b, type_name(type));
	buf_put(&b, SPAN(": "));
	buf_put(&b,
	    status == DNS_MALFORMED
	        ? SPAN("Malformed or unexpected name server reply")
	        : f->words);
	r->status = is_soft(r) ? f->soft : f->hard;
	r->why = arena_dup(r->arena, buf_span(&b));
	buf_done(&b);
}

struct hop_parts hop_name(struct buf *out, const struct hop *hop)
{
	struct hop_parts parts;
	size_t start = out->len;
	char addr[SOCK_TEXT_MAX];

	buf_put(out, span_first(hop->host, 255));
	parts.host = out->len - start;
	buf_putc(out, '[');
	if (hop->addr.any.sa_family == AF_UNIX)
		buf_put(out, span_str(hop->addr.local.sun_path));
	else
		buf_put(out, sock_text(&hop->addr, addr));
	buf_putc(out, ']');
	parts.peer = out->len - start;
	if (hop->addr.any.sa_family != AF_UNIX)
		buf_printf(out, ":%u", sock_port(&hop->addr));
	return parts;
}

/* Addresses of names */

static void add_hop(
    struct route *r, const struct route_name *n, const struct sock_addr *addr)
{
	struct hop *hop = &r->hops[r->nhops];

	if (r->nhops == ROUTE_HOPS_MAX)
		return;
	hop->host = n->host;
	hop->pref = n->pref;
	hop->addr = *addr;
	sock_set_port(&hop->addr, r->next.port);
	r->nhops++;
}

static void add_records(struct route *r, const struct route_name *n,
    enum dns_type type, const struct dns_record *records, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sock_addr addr = { 0 };

		if (type == DNS_TYPE_A) {
			addr.len = sizeof(addr.v4);
			addr.v4.sin_family = AF_INET;
			memcpy(&addr.v4.sin_addr, records[i].addr, 4);
		} else {
			addr.len = sizeof(addr.v6);
			addr.v6.sin6_family = AF_INET6;
			memcpy(&addr.v6.sin6_addr, records[i].addr, 16);
		}
		add_hop(r, n, &addr);
	}
}

static bool add_hosts_file(struct route *r, const struct route_name *n)
{
	static const enum dns_type types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	uint32_t before = r->nhops;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const struct dns_answer *answer;

		if (types[i] == DNS_TYPE_A ? !r->set->use_v4 : !r->set->use_v6)
			continue;
		answer = dns_hosts(r->dns, n->host, types[i]);
		if (answer)
			add_records(
			    r, n, types[i], answer->records, answer->nrecords);
	}
	return r->nhops > before;
}

/* A name that is an address; false if it is none that we speak. */
static bool add_numeric(struct route *r, const struct route_name *n)
{
	struct sock_addr addr;

	if (!sock_parse(n->host, r->next.port, &addr))
		return false;
	if (addr.any.sa_family == AF_INET ? !r->set->use_v4 : !r->set->use_v6)
		return false;
	add_hop(r, n, &addr);
	return true;
}

static const struct lookup *heavier(const struct route_name *n)
{
	if (!n->aaaa.wanted)
		return &n->a;
	if (!n->a.wanted)
		return &n->aaaa;
	return failures[n->aaaa.status].weight >= failures[n->a.status].weight
	    ? &n->aaaa
	    : &n->a;
}

/* In the words of getaddrinfo(), which we cannot call here. */
static void fail_native(
    struct route *r, const struct route_name *n, enum dns_status status)
{
	if (status == DNS_AGAIN || is_soft(r))
		fail(r, SPAN("4.4.4"),
		    "unable to look up host %: Temporary failure in name "
		    "resolution",
		    n->host);
	else
		fail(r, SPAN("5.4.4"),
		    "unable to look up host %: Name or service not known",
		    n->host);
}

static void take_name(struct route *r, const struct route_name *n)
{
	uint32_t before = r->nhops;
	const struct lookup *worst;

	if (add_numeric(r, n))
		return;
	if (!r->set->use_dns && add_hosts_file(r, n))
		return;
	if (!n->a.wanted && !n->aaaa.wanted) {
		fail(r, is_soft(r) ? SPAN("4.4.4") : SPAN("5.4.4"),
		    "Name service error for %: invalid host or domain name",
		    n->host);
		return;
	}
	add_records(r, n, DNS_TYPE_A, n->a.records, n->a.count);
	add_records(r, n, DNS_TYPE_AAAA, n->aaaa.records, n->aaaa.count);
	if (r->nhops > before)
		return;
	worst = heavier(n);
	if (!r->set->use_dns) {
		fail_native(r, n, worst->status);
		return;
	}
	fail_lookup(r, n->host, worst->type, worst->status);
	if (!r->set->use_hosts || !is_absent(worst->status))
		return;
	if (!add_hosts_file(r, n))
		fail_native(r, n, worst->status);
}

/* The order in which they are tried */

static void shuffle(struct route *r)
{
	for (uint32_t i = r->nhops; i > 1; i--) {
		uint32_t k = (uint32_t)(hash_u64(r->seed++) % i);
		struct hop hop = r->hops[i - 1];

		r->hops[i - 1] = r->hops[k];
		r->hops[k] = hop;
	}
}

static bool is_before(
    const struct route *r, const struct hop *a, const struct hop *b)
{
	int wanted = r->set->prefer == 4 ? AF_INET : AF_INET6;

	if (a->pref != b->pref)
		return a->pref < b->pref;
	return r->set->prefer && a->addr.any.sa_family == wanted &&
	    b->addr.any.sa_family != wanted;
}

/* By insertion: the list is short, and equals keep their order. */
static void sort(struct route *r)
{
	for (uint32_t i = 1; i < r->nhops; i++) {
		struct hop hop = r->hops[i];
		uint32_t k = i;

		for (; k > 0 && is_before(r, &hop, &r->hops[k - 1]); k--)
			r->hops[k] = r->hops[k - 1];
		r->hops[k] = hop;
	}
}

/*
 * smtp_balance_inet_protocols: neither IPv4 nor IPv6 may use up all the
 * places that smtp_mx_address_limit leaves.
 */
static void balance(struct route *r)
{
	uint32_t limit =
	    MIN(r->set->smtp_mx_address_limit, (uint32_t)ROUTE_HOPS_MAX);
	uint32_t counts[2] = { 0 }; /* IPv4, IPv6 */
	uint32_t room[2];
	uint32_t kept = 0;
	bool v4_first;

	for (uint32_t i = 0; i < r->nhops; i++)
		counts[r->hops[i].addr.any.sa_family == AF_INET6]++;
	if (!counts[0] || !counts[1] || r->nhops <= limit)
		return;
	v4_first = r->hops[0].addr.any.sa_family == AF_INET;
	if (counts[1] <= limit / 2)
		room[0] = limit - counts[1];
	else if (counts[0] <= limit / 2)
		room[0] = counts[0];
	else
		room[0] = (limit + v4_first) / 2;
	room[1] = limit - room[0];
	for (uint32_t i = 0; i < r->nhops; i++) {
		uint32_t *left =
		    &room[r->hops[i].addr.any.sa_family == AF_INET6];

		if (!*left)
			continue;
		--*left;
		r->hops[kept++] = r->hops[i];
	}
	r->nhops = kept;
}

static void arrange(struct route *r)
{
	if (r->nhops < 2)
		return;
	if (r->set->smtp_randomize_addresses)
		shuffle(r);
	sort(r);
	if (r->set->smtp_mx_address_limit &&
	    r->set->smtp_balance_inet_protocols)
		balance(r);
}

/* Where mail would come back to us. */
static void stop_before_self(struct route *r)
{
	uint32_t self = 0;
	uint32_t first = r->nhops ? r->hops[0].pref : 0;
	uint32_t keep = 0;

	if (r->set->lmtp || r->next.port != PORT_SMTP)
		return;
	while (self < r->nhops && !settings_is_own(r->set, &r->hops[self].addr))
		self++;
	if (self == r->nhops)
		return;
	while (keep < r->nhops && r->hops[keep].pref != r->hops[self].pref)
		keep++;
	r->nhops = r->is_mx ? keep : 0;
	r->found_self = r->is_mx;
	if (r->nhops)
		return;
	if (r->is_mx && r->best != first)
		fail(r, SPAN("4.4.4"), "unable to find primary relay for %",
		    r->next.host);
	else
		fail(r, SPAN("5.4.6"), "mail for % loops back to myself",
		    r->next.host);
}

static void finish(struct route *r)
{
	for (uint32_t i = 0; i < r->nnames; i++)
		take_name(r, &r->names[i]);
	if (!r->nhops && r->is_mx) {
		if (r->set->smtp_defer_if_no_mx_address_found && !is_soft(r))
			r->status =
			    r->status.ptr[2] == '4' && r->status.ptr[4] == '3'
			    ? SPAN("4.4.3")
			    : SPAN("4.4.4");
		log_as(r->set->syslog_name, r->set->program, LOG_LEVEL_WARNING,
		    "no MX host for %.*s has a valid address record",
		    PRI(r->next.host));
		return;
	}
	stop_before_self(r);
	arrange(r);
}

/* Asking */

static void ready(struct route *r)
{
	if (r->pending)
		return;
	finish(r);
	if (!r->starting)
		r->done(r->ctx);
}

static void take_answer(struct lookup *l, const struct dns_answer *answer)
{
	struct dns_record *copy;

	l->status = answer->status;
	if (!answer->nrecords)
		return;
	copy = arena_alloc(l->route->arena, answer->nrecords, sizeof(*copy));
	if (!copy) {
		l->status = DNS_AGAIN;
		return;
	}
	memcpy(copy, answer->records, answer->nrecords * sizeof(*copy));
	l->records = copy;
	l->count = answer->nrecords;
}

static void on_answer(void *ctx, const struct dns_answer *answer)
{
	struct lookup *l = ctx;

	take_answer(l, answer);
	l->route->pending--;
	ready(l->route);
}

static void ask(struct route *r, span host, struct lookup *l)
{
	const struct dns_answer *answer;

	l->route = r;
	l->wanted = true;
	l->query.done = on_answer;
	l->query.ctx = l;
	answer = dns_ask(r->dns, host, l->type, &l->query);
	if (answer)
		take_answer(l, answer);
	else
		r->pending++;
}

static bool needs_asking(struct route *r, const struct route_name *n)
{
	struct sock_addr addr;

	if (sock_parse(n->host, 0, &addr) || !address_is_hostname(n->host))
		return false;
	return r->set->use_dns ||
	    (!dns_hosts(r->dns, n->host, DNS_TYPE_A) &&
	        !dns_hosts(r->dns, n->host, DNS_TYPE_AAAA));
}

static void ask_names(struct route *r)
{
	r->hops = arena_alloc(r->arena, ROUTE_HOPS_MAX, sizeof(*r->hops));
	if (!r->hops) {
		fail(r, SPAN("4.3.0"), "out of memory for %", SPAN("hosts"));
		r->nnames = 0;
		return;
	}
	for (uint32_t i = 0; i < r->nnames; i++) {
		struct route_name *n = &r->names[i];

		n->a.type = DNS_TYPE_A;
		n->aaaa.type = DNS_TYPE_AAAA;
		if (!needs_asking(r, n))
			continue;
		if (r->set->use_v4)
			ask(r, n->host, &n->a);
		if (r->set->use_v6)
			ask(r, n->host, &n->aaaa);
	}
}

/* The next hop itself is the host. */
static void ask_host(struct route *r)
{
	r->names = arena_alloc(r->arena, 1, sizeof(*r->names));
	r->nnames = r->names ? 1 : 0;
	r->is_mx = false;
	if (r->names)
		r->names[0].host = r->next.host;
	ask_names(r);
}

/* The path is that of the configuration: we are in queue_directory. */
static void take_path(struct route *r)
{
	struct hop *hop = arena_alloc(r->arena, 1, sizeof(*hop));

	if (hop && sock_path(r->next.host, &hop->addr)) {
		hop->host = r->set->myhostname;
		hop->pref = 0;
		r->hops = hop;
		r->nhops = 1;
		return;
	}
	log_as(r->set->syslog_name, r->set->program, LOG_LEVEL_WARNING,
	    "unix-domain name too long: %.*s", PRI(r->next.host));
	fail(r, SPAN("4.3.5"), "Server configuration error", SPAN_NONE);
}

static bool is_usable_name(span name)
{
	struct sock_addr addr;

	return address_is_hostname(name) || sock_parse(name, 0, &addr);
}

/* The most preferred names, in order; false: one of them is empty. */
static bool sort_names(struct route *r, const struct dns_answer *answer)
{
	for (uint32_t i = 0; i < answer->nrecords; i++) {
		const struct dns_record *record = &answer->records[i];
		struct route_name n = { .pref = record->pref };
		uint32_t k;

		if (!record->data.len)
			return false;
		if (!is_usable_name(record->data))
			continue;
		for (k = r->nnames; k > 0 && r->names[k - 1].pref > n.pref; k--)
			if (k < ROUTE_NAMES_MAX)
				r->names[k] = r->names[k - 1];
		if (k == ROUTE_NAMES_MAX)
			continue;
		n.host = arena_dup(r->arena, record->data);
		r->names[k] = n;
		r->nnames = MIN(r->nnames + 1, (uint32_t)ROUTE_NAMES_MAX);
	}
	return true;
}

static void take_mx(struct route *r, const struct dns_answer *answer)
{
	r->names = arena_alloc(r->arena, ROUTE_NAMES_MAX, sizeof(*r->names));
	if (!r->names) {
		fail(r, SPAN("4.3.0"), "out of memory for %", r->next.host);
		return;
	}
	if (!sort_names(r, answer)) {
		r->nnames = 0;
		fail(r, SPAN("5.1.0"), "Domain % does not accept mail (nullMX)",
		    r->next.host);
		return;
	}
	if (!r->nnames) {
		fail_lookup(r, r->next.host, DNS_TYPE_MX, DNS_MALFORMED);
		r->status = SPAN("5.4.4");
		return;
	}
	r->is_mx = true;
	r->best = r->names[0].pref;
	ask_names(r);
}

static void on_mx(void *ctx, const struct dns_answer *answer)
{
	struct route *r = ctx;

	r->pending--;
	if (answer->status == DNS_OK) {
		take_mx(r, answer);
	} else if (is_absent(answer->status)) {
		ask_host(r);
	} else {
		fail_lookup(r, r->next.host, DNS_TYPE_MX, answer->status);
		if (r->set->ignore_mx_lookup_error) {
			r->status = SPAN_NONE;
			ask_host(r);
		}
	}
	ready(r);
}

bool route_find(struct route *r, const struct nexthop *next)
{
	const struct dns_answer *answer;

	r->next = *next;
	r->hops = NULL;
	r->names = NULL;
	r->nhops = r->nnames = r->pending = 0;
	r->status = r->why = SPAN_NONE;
	r->is_mx = r->found_self = false;
	r->mx = (struct dns_query){ .done = on_mx, .ctx = r };
	if (next->local) {
		take_path(r);
		return true;
	}
	r->starting = true;
	if (next->literal || r->set->lmtp || !r->set->use_dns ||
	    !address_is_hostname(next->host)) {
		ask_host(r);
		ready(r);
	} else {
		r->pending = 1;
		answer = dns_ask(r->dns, next->host, DNS_TYPE_MX, &r->mx);
		if (answer)
			on_mx(r, answer);
	}
	r->starting = false;
	return r->pending == 0;
}

void route_cancel(struct route *r)
{
	dns_cancel(&r->mx);
	for (uint32_t i = 0; i < r->nnames; i++) {
		dns_cancel(&r->names[i].a.query);
		dns_cancel(&r->names[i].aaaa.query);
	}
	r->pending = 0;
}
