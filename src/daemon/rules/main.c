/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules - answers the questions of smtpd and queue: who is this
 * client, may this happen, where does this address go.
 *
 * A blocking worker, one question at a time; several run side by side. The
 * configuration is taken apart once per snapshot and service.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include "conf/words.h"
#include "daemon/daemon.h"
#include "daemon/rules/check.h"
#include "daemon/rules/client.h"
#include "daemon/rules/headers.h"
#include "daemon/rules/users.h"
#include "mail/date.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

enum {
	/* For one answer. */
	ANSWER_MEMORY = 1024 * 1024,
	MAPPED_MEMORY = FRAME_MAX / 2,
	MAX_CLASSES = 256,
};

struct rules {
	struct conf *conf;
	uint32_t count;           /* services */
	struct policy **policies; /* by service; the last one is main.cf's */
	struct users users;
	struct world world;
	struct map_host host; /* of the tables */
	struct tables tables;
	struct daemon *daemon;
	bool renewing; /* about to end for the sake of a table */
};

/* --- what the evaluation asks of the world --- */

static int has_user(void *ctx, span name)
{
	struct rules *r = ctx;

	return users_has(&r->users, name, clock_monotonic());
}

static void warn(void *ctx UNUSED, span text)
{
	log_warn("smtpd", "%.*s", PRI(text));
}

static void warn_of_table(void *ctx UNUSED, span text)
{
	log_warn("smtpd", "%.*s", PRI(text));
}

/* A table may be described by parameters of main.cf: "ldap:name". */
static span table_param(void *ctx, span name)
{
	struct rules *r = ctx;

	return conf_value(r->conf, CONF_MAIN, name);
}

static int read_list_file(span path, struct buf *out)
{
	CLEANUP(fd_close) int fd = -1;
	struct buf name = BUF_INIT(4096);

	buf_put(&name, path);
	fd = os_error(open(buf_cstr(&name), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	buf_done(&name);
	return fd < 0 ? fd : file_read_all(fd, out);
}

/* --- policies --- */

static void drop_policies(struct rules *r)
{
	for (uint32_t i = 0; r->policies && i <= r->count; i++)
		policy_free(&r->policies[i]);
	mem_free(r->policies);
	r->policies = NULL;
	tables_done(&r->tables);
	conf_unref(&r->conf);
}

static uint32_t load_classes(
    struct conf *conf, uint32_t service, span list, struct class_text *ret)
{
	uint32_t n = 0;
	span name;

	while (n < MAX_CLASSES && (name = words_next(&list)).len) {
		ret[n].name = name;
		ret[n].value = conf_value(conf, service, name);
		n++;
	}
	return n;
}

static uint32_t load_own(const struct conf *conf, struct network **ret)
{
	uint32_t count;
	const struct conf_address *from = conf_addresses(conf, &count);
	struct network *own = mem_new(count ? count : 1, sizeof(*own));

	for (uint32_t i = 0; i < count; i++) {
		own[i].family = from[i].family;
		own[i].prefix = from[i].family == 6 ? 128 : 32;
		memcpy(own[i].bytes, from[i].bytes, sizeof(own[i].bytes));
	}
	*ret = own;
	return count;
}

static struct policy *make_policy(struct rules *r, uint32_t service)
{
	struct class_text classes[MAX_CLASSES];
	struct policy_source source = { .classes = classes };
	struct network *own;
	struct policy *p;

	settings_load(r->conf, service, &source.settings);
	settings_load(r->conf, CONF_MAIN, &source.routing);
	source.nclasses = load_classes(r->conf, service,
	    source.settings.smtpd_restriction_classes, classes);
	source.nown = load_own(r->conf, &own);
	source.own = own;
	p = policy_new(&source, read_list_file, &r->world);
	mem_free(own);
	if (p->fatal.len && service != CONF_MAIN)
		log_fatal("smtpd", "%.*s", PRI(p->fatal));
	return p;
}

static bool takes_mail(const struct conf *conf, uint32_t i)
{
	const struct conf_service *s = conf_service(conf, i);

	return span_eq(s->command, SPAN("smtpd")) ||
	    span_eq(s->command, SPAN("pickup"));
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct rules *r = ctx;

	drop_policies(r);
	r->conf = conf_ref(conf);
	r->host.module_dir =
	    conf_value(conf, CONF_MAIN, SPAN("daemon_directory"));
	tables_init(&r->tables, &r->host);
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
		check_answer(p, &r->world, &q, a, &answer);
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
		headers_answer(p, &r->world, &q, &a, &answer);
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

/* Who may ask what. */
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
};

/*
 * A table that only root may read has changed: master starts another one of
 * us, which opens it before it drops its privileges. This question is still
 * answered by the table as it was, if that is of any use; what waits is asked
 * again there.
 */
static void renew(struct rules *r)
{
	tables_refresh(&r->tables, clock_monotonic());
	if (!r->tables.stuck || r->renewing)
		return;
	r->renewing = true;
	log_line("smtpd", "table %.*s has changed -- restarting",
	    PRI(r->tables.stuck->spec));
	daemon_end(r->daemon);
}

static bool can_answer(const struct rules *r)
{
	return !r->renewing || !map_error(r->tables.stuck->map).len;
}

static bool on_message(
    void *ctx, enum role role, struct sync_conn *conn, struct sync_msg *msg)
{
	struct rules *r = ctx;

	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct arena a;
		bool ok;

		if (questions[i].type != msg->type || questions[i].role != role)
			continue;
		renew(r);
		if (!can_answer(r))
			return true;
		arena_init(&a, ANSWER_MEMORY);
		ok = questions[i].fn(r, conn, msg->payload, &a);
		arena_done(&a);
		return ok;
	}
	return false;
}

/* --- the start --- */

/*
 * The resolver and the user database load their modules on first use: let
 * that be now, while all files are within reach.
 */
static void load_modules(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	(void)getpwnam("root");
	if (getaddrinfo("localhost", NULL, &hints, &list) == 0)
		freeaddrinfo(list);
}

/* What they read later, and what lists may name after a reload. */
static void allow(struct daemon *d, const char *path)
{
	CLEANUP(fd_close) int fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);

	if (fd >= 0)
		daemon_allow(d, fd, DAEMON_READ);
}

/* A new file will lie beside the old one. */
static void allow_directory_of(void *ctx, const char *path)
{
	struct rules *r = ctx;
	struct buf dir = BUF_INIT(4096);
	ssize_t slash = span_rfind(span_str(path), '/');

	if (slash > 0) {
		buf_put(&dir, span_of(path, (size_t)slash));
		allow(r->daemon, buf_cstr(&dir));
	}
	buf_done(&dir);
}

static int before_drop(void *ctx, struct daemon *d)
{
	static const char *const paths[] = { "/etc", "/run", "/lib", "/lib64",
		"/usr/lib", "/usr/lib64", "/var/lib/sss",
		"/var/lib/extrausers" };
	struct rules *r = ctx;
	struct buf dir = BUF_INIT(4096);

	r->daemon = d;
	load_modules();
	date_init();
	tables_each_file(&r->tables, allow_directory_of, r);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		allow(d, paths[i]);
	buf_put(&dir, conf_dir(r->conf));
	if (dir.len)
		allow(d, buf_cstr(&dir));
	buf_done(&dir);
	return 0;
}

int main(int argc, char **argv)
{
	struct rules r = {
		.world = { .ctx = &r,
		    .has_user = has_user,
		    .warn = warn,
		    .tables = &r.tables },
		.host = { .ctx = &r,
		    .warn = warn_of_table,
		    .param = table_param },
	};
	const struct daemon_spec spec = {
		.role = ROLE_RULES,
		.ctx = &r,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.on_message = on_message,
	};
	int result;

	users_init(&r.users);
	tables_init(&r.tables, &r.host);
	result = daemon_main(argc, argv, &spec);
	drop_policies(&r);
	users_done(&r.users);
	return result;
}
