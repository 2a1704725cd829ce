/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules - answers the questions of smtpd and queue: who is this
 * client, may this happen, where does this address go.
 *
 * A blocking worker, one question at a time; several run side by side. The
 * configuration is taken apart once per snapshot and service.
 */
#include "daemon/rules/check.h"
#include "daemon/rules/client.h"
#include "daemon/rules/headers.h"
#include "daemon/rules/host.h"
#include "daemon/rules/room.h"
#include "os/log.h"

enum {
	/* For one answer. */
	ANSWER_MEMORY = 1024 * 1024,
	MAPPED_MEMORY = FRAME_MAX / 2,
};

struct rules {
	struct host host;
	uint32_t count;           /* services */
	struct policy **policies; /* by service; the last one is main.cf's */
	struct room_line room;
};

/* --- policies --- */

static void drop_policies(struct rules *r)
{
	for (uint32_t i = 0; r->policies && i <= r->count; i++)
		policy_free(&r->policies[i]);
	mem_free(r->policies);
	r->policies = NULL;
}

static bool takes_mail(const struct conf *conf, uint32_t i)
{
	const struct conf_service *s = conf_service(conf, i);

	return span_eq(s->command, SPAN("smtpd")) ||
	    span_eq(s->command, SPAN("pickup"));
}

/* A policy without which nobody is safe stops the service. */
static struct policy *make_policy(struct rules *r, uint32_t service)
{
	struct policy *p = host_policy(&r->host, service);
	bool strangers = service != CONF_MAIN &&
	    !span_eq(
	        conf_service(r->host.conf, service)->command, SPAN("pickup"));

	if (p->useless || (p->fatal.len && strangers))
		log_fatal("smtpd", "%.*s", PRI(p->fatal));
	return p;
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct rules *r = ctx;

	drop_policies(r);
	host_configure(&r->host, conf);
	r->count = conf_services(conf);
	r->policies = mem_new((size_t)r->count + 1, sizeof(struct policy *));
	for (uint32_t i = 0; i < r->count; i++)
		if (takes_mail(conf, i))
			r->policies[i] = make_policy(r, i);
	r->policies[r->count] = make_policy(r, CONF_MAIN);
}

static const struct policy *find_policy(const struct rules *r, uint32_t service)
{
	/* Mail that is sent on. */
	if (service == CONF_MAIN)
		return r->policies[r->count];
	if (service < r->count && r->policies[service])
		return r->policies[service];
	return NULL;
}

/* --- mailboxes --- */

static bool has_mailboxes(const struct conf *conf, span transport)
{
	for (uint32_t i = 0; i < conf_services(conf); i++) {
		const struct conf_service *s = conf_service(conf, i);

		if (s->type == CONF_UNIX && span_eq(s->name, transport))
			return span_eq(s->command, SPAN("local")) ||
			    span_eq(s->command, SPAN("virtual"));
	}
	return false;
}

static bool is_full(void *ctx, span transport, span address, uint64_t size)
{
	struct rules *r = CONTAINER_OF(ctx, struct rules, host);
	const struct room_ask what = {
		.transport = transport,
		.address = address,
		.size = size,
	};

	return has_mailboxes(r->host.conf, transport) &&
	    room_is_full(&r->room, r->host.daemon, &what);
}

/* --- questions --- */

static bool on_client(
    struct rules *r, struct sync_conn *conn, span payload, struct arena *a)
{
	const struct policy *p;
	struct rules_client_is answer = { 0 };
	struct rules_client q;

	if (!rules_client_get(payload, &q))
		return false;
	p = find_policy(r, q.service);
	if (p && !p->s.smtpd_peername_lookup)
		client_unknown(&answer);
	else
		client_look_up(q.addr, a, &answer);
	answer.ask = q.ask;
	rules_client_is_put(sync_begin(conn, RULES_CLIENT_IS), &answer);
	sync_end(conn);
	return true;
}

/* A service that is gone since a reload: its clients try again later. */
static void answer_unknown_service(
    const struct rules_check *q, struct rules_verdict *ret)
{
	log_warn("smtpd", "question about unknown service %u", q->service);
	*ret = (struct rules_verdict){ .ask = q->ask,
		.code = 451,
		.reply = SPAN("4.3.5 Server configuration error"),
		.verb = SPAN("reject") };
}

static bool on_check(
    struct rules *r, struct sync_conn *conn, span payload, struct arena *a)
{
	const struct policy *p;
	struct rules_verdict answer;
	struct rules_check q;

	if (!rules_check_get(payload, &q))
		return false;
	p = find_policy(r, q.service);
	if (p)
		check_answer(p, &r->host.world, &q, a, &answer);
	else
		answer_unknown_service(&q, &answer);
	rules_verdict_put(sync_begin(conn, RULES_VERDICT), &answer);
	sync_end(conn);
	return true;
}

/* What it says can be longer than what it asks, so it gets more room. */
static bool on_map(struct rules *r, struct sync_conn *conn, span payload,
    struct arena *unused UNUSED)
{
	const struct policy *p;
	struct rules_mapped answer;
	struct rules_map q;
	struct arena a;

	if (!rules_map_get(payload, &q))
		return false;
	p = find_policy(r, q.service);
	answer = (struct rules_mapped){ .ask = q.ask, .failed = true };
	arena_init(&a, MAPPED_MEMORY);
	if (p)
		headers_answer(p, &r->host.world, &q, &a, &answer);
	else
		log_warn(
		    "smtpd", "question about unknown service %u", q.service);
	rules_mapped_put(sync_begin(conn, RULES_MAPPED), &answer);
	sync_end(conn);
	arena_done(&a);
	return true;
}

static bool on_route(
    struct rules *r, struct sync_conn *conn, span payload, struct arena *a)
{
	struct rules_routed answer;
	struct rules_route q;

	if (!rules_route_get(payload, &q))
		return false;
	check_route(r->policies[r->count], &q, a, &answer);
	if (!answer.transport.len)
		log_warn("trivial-rewrite", "%.*s", PRI(answer.why));
	rules_routed_put(sync_begin(conn, RULES_ROUTED), &answer);
	sync_end(conn);
	return true;
}

/* It comes too late: who asked has gone on. */
static bool on_room(struct rules *r UNUSED, struct sync_conn *conn UNUSED,
    span payload, struct arena *a UNUSED)
{
	struct room_is unused;

	return room_is_get(payload, &unused);
}

/* Who may say what. */
static const struct {
	uint16_t type;
	enum role role;
	bool (*fn)(struct rules *r, struct sync_conn *conn, span payload,
	    struct arena *a);
} questions[] = {
	{ RULES_CLIENT, ROLE_SMTPD, on_client },
	{ RULES_CHECK, ROLE_SMTPD, on_check },
	{ RULES_MAP, ROLE_SMTPD, on_map },
	{ RULES_ROUTE, ROLE_QUEUE, on_route },
	{ ROOM_IS, ROLE_DELIVER, on_room },
};

static bool on_message(
    void *ctx, enum role role, struct sync_conn *conn, struct sync_msg *msg)
{
	struct rules *r = ctx;

	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct arena a;
		bool ok;

		if (questions[i].type != msg->type || questions[i].role != role)
			continue;
		if (!host_refresh(&r->host))
			return true;
		arena_init(&a, ANSWER_MEMORY);
		ok = questions[i].fn(r, conn, msg->payload, &a);
		arena_done(&a);
		return ok;
	}
	return false;
}

/* --- the start --- */

static int before_drop(void *ctx, struct daemon *d)
{
	struct rules *r = ctx;

	host_before_drop(&r->host, d);
	return 0;
}

int main(int argc, char **argv)
{
	struct rules r = { .count = 0 };
	const struct daemon_spec spec = {
		.role = ROLE_RULES,
		.ctx = &r,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.on_message = on_message,
	};
	int result;

	host_init(&r.host, "smtpd");
	r.host.world.is_full = is_full;
	result = daemon_main(argc, argv, &spec);
	drop_policies(&r);
	host_done(&r.host);
	return result;
}
