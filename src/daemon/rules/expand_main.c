/* SPDX-License-Identifier: ISC */
/*
 * daemon/expand - answers the questions of deliver: what does this recipient
 * stand for?
 *
 * It lives in the folder of rules because it knows the same things: how
 * addresses are completed and where they go, the tables, the users. It is a
 * process of its own because it reads what users wrote (lists, ~/.forward)
 * and because a long list must not keep smtpd waiting.
 *
 * A blocking worker, one question at a time.
 */
#include <dirent.h>
#include <fcntl.h>

#include "daemon/rules/host.h"
#include "daemon/rules/plan.h"
#include "daemon/rules/virtual.h"
#include "os/clock.h"
#include "os/log.h"

enum {
	/* For one question: lists of a million addresses fit. */
	PLAN_MEMORY = 512 * 1024 * 1024,
	PATH_LONGEST = 256,
};

/* --- virtual(8) --- */

static void *make_virtual(const struct plan_source *s)
{
	return virtual_new(s->conf, s->service, s->policy, s->world->rules);
}

static void answer_virtual(
    void *made, struct plan *out, const struct local_ask *q)
{
	struct local_plan m;

	if (!virtual_plan(made, q, out->arena, &m)) {
		plan_defer(out, q);
		return;
	}
	while (m.warning.len) {
		span line = span_cut(&m.warning, '\n');

		plan_warn(out, "%.*s", PRI(line));
	}
	for (uint32_t i = 0; i < m.nsteps; i++)
		plan_add(out, &m.steps[i]);
}

static void drop_virtual(void *made)
{
	struct virtual *v = made;

	virtual_free(&v);
}

static const struct plan_kind plan_virtual = {
	.program = SPAN_INIT("virtual"),
	.make = make_virtual,
	.answer = answer_virtual,
	.drop = drop_virtual,
};

/* --- */

static const struct plan_kind *const kinds[] = { &plan_local, &plan_virtual };

/* A service of master.cf that delivers here. */
struct planner {
	const struct plan_kind *kind; /* NULL: it does not */
	void *made;
};

struct expand {
	struct host host;
	struct plan_world world;
	struct policy *policy; /* of main.cf */
	uint32_t count;
	struct planner *planners; /* by service */
};

/* --- what planning asks of the world --- */

static int find_user(void *ctx, span name, struct passwd_entry *ret)
{
	struct expand *e = ctx;

	return passwd_find(e->host.passwd, clock_monotonic(), name, ret);
}

static int find_uid(void *ctx, uint32_t uid, struct passwd_entry *ret)
{
	struct expand *e = ctx;

	return passwd_find_uid(e->host.passwd, clock_monotonic(), uid, ret);
}

/* --- planners --- */

static void drop_planners(struct expand *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->planners[i].kind)
			e->planners[i].kind->drop(e->planners[i].made);
	mem_free(e->planners);
	e->planners = NULL;
	e->count = 0;
	policy_free(&e->policy);
}

static const struct plan_kind *find_kind(span program)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_eq(kinds[i]->program, program))
			return kinds[i];
	return NULL;
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct expand *e = ctx;

	drop_planners(e);
	host_configure(&e->host, conf);
	e->policy = host_policy(&e->host, CONF_MAIN);
	e->count = conf_services(conf);
	e->planners = mem_new(e->count ? e->count : 1, sizeof(*e->planners));
	for (uint32_t i = 0; i < e->count; i++) {
		const struct conf_service *s = conf_service(conf, i);
		const struct plan_kind *kind = find_kind(s->command);
		const struct plan_source source = { conf, i, s->name, e->policy,
			&e->world };

		if (kind)
			e->planners[i] =
			    (struct planner){ kind, kind->make(&source) };
	}
}

/* --- questions --- */

static void send_plan(void *ctx, const struct local_plan *m)
{
	struct sync_conn *conn = ctx;

	local_plan_put(sync_begin(conn, LOCAL_PLAN), m);
	sync_end(conn);
}

static void answer(struct expand *e, struct plan *p, const struct local_ask *q)
{
	const struct planner *planner =
	    q->service < e->count ? &e->planners[q->service] : NULL;

	if (planner && planner->kind) {
		planner->kind->answer(planner->made, p, q);
	} else {
		/* Gone since a reload: the mail is routed anew. */
		plan_warn(p, "question about unknown service %u", q->service);
		plan_defer(p, q);
	}
}

static bool on_message(
    void *ctx, enum role role, struct sync_conn *conn, struct sync_msg *msg)
{
	struct expand *e = ctx;
	struct local_ask q;
	struct arena arena;
	struct plan p = { .send = send_plan, .ctx = conn };

	if (role != ROLE_DELIVER || msg->type != LOCAL_ASK ||
	    !local_ask_get(msg->payload, &q))
		return false;
	if (!host_refresh(&e->host))
		return true;
	arena_init(&arena, PLAN_MEMORY);
	if (!plan_begin(&p, q.ask, &arena))
		bug("no memory for a plan");
	answer(e, &p, &q);
	plan_end(&p);
	arena_done(&arena);
	return true;
}

/* --- the start --- */

/*
 * Lists may lie anywhere: whatever all may read, except what is no file. The
 * user that we become decides the rest.
 */
static void allow_lists(struct host *h)
{
	static const char *const left_out[] = { "dev", "proc", "sys", "root",
		"boot", "tmp", "lost+found", ".", "..", "etc", "run", "lib",
		"lib64" };
	DIR *dir = opendir("/");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char path[PATH_LONGEST + 2];
		bool take = true;

		for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
			take &= strcmp(d->d_name, left_out[i]) != 0;
		if (!take || strlen(d->d_name) >= PATH_LONGEST)
			continue;
		(void)snprintf(path, sizeof(path), "/%s", d->d_name);
		host_allow(h, path);
	}
	if (dir)
		(void)closedir(dir);
}

static int before_drop(void *ctx, struct daemon *d)
{
	struct expand *e = ctx;

	host_before_drop(&e->host, d);
	allow_lists(&e->host);
	return 0;
}

int main(int argc, char **argv)
{
	struct expand e = { .world = { .ctx = &e,
		                .find_user = find_user,
		                .find_uid = find_uid,
		                .rules = &e.host.world } };
	const struct daemon_spec spec = {
		.role = ROLE_EXPAND,
		.ctx = &e,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.on_message = on_message,
	};
	int result;

	host_init(&e.host, "local");
	result = daemon_main(argc, argv, &spec);
	drop_planners(&e);
	host_done(&e.host);
	return result;
}
