/* SPDX-License-Identifier: ISC */
/*
 * map/sql.c - which server is asked, and what becomes of its rows.
 *
 *	UNTRIED --connect--> ACTIVE --broken--> FAILED --retry_interval-->
 *	   ^                   |  ^                          (tried again)
 *	   +--idle, hung up----+  +--connect--+
 *
 * A server that hung up while we were not looking is connected again at
 * once: that is what happens when it is restarted, or when it does not like
 * idle clients.
 */
#include "map/sql.h"

#include <sys/random.h>

#include "mail/address.h"
#include "os/clock.h"

enum {
	MAX_QUERY = 1024 * 1024,
	MAX_MESSAGE = 2048,
	MAX_HOSTS = 100,
	/* After so long no further server is tried. */
	MAX_LOOKUP = 60,
	DEFAULT_INTERVAL = 60,
	DEFAULT_CONNECT = 10,
	DEFAULT_QUERY = 30,
};

static const char separators[] = ", \t\r\n";

/* --- small things --- */

char *sql_cstr(span s)
{
	char *copy = mem_new(s.len + 1, 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

void sql_flatten(span message, struct buf *out)
{
	bool blank = false;

	message = span_trim(message);
	for (size_t i = 0; i < message.len; i++) {
		char c = message.ptr[i];

		if (ascii_is_space(c)) {
			blank = true;
			continue;
		}
		if (blank)
			buf_putc(out, ' ');
		blank = false;
		buf_putc(out, c);
	}
}

unsigned sql_seconds(usec t)
{
	return MAX((unsigned)(t / USEC_SEC), 1u);
}

/* --- reading the parameters --- */

static const char *setting(struct sql *s, const char *name, const char *preset)
{
	return source_conf_str(&s->conf, name, preset).ptr;
}

static usec interval(struct sql *s, const char *name, int preset)
{
	/* A day, so that it always fits. */
	int n = source_conf_int(&s->conf, name, preset, 1, 86400);

	return (usec)n * USEC_SEC;
}

static void add_host(struct sql *s, span target)
{
	struct sql_host *h = &s->hosts[s->host_count];

	s->host_count++;
	h->shown = target;
	if (!s->driver->parse_host(&s->conf, target, h))
		source_conf_fail(
		    &s->conf, "%.*s: bad host", PRI(s->conf.setup->name));
}

static void read_hosts(struct sql *s)
{
	span list = source_conf_str(&s->conf, "hosts", "");
	span rest = list;
	uint32_t n = 0;

	while (span_word(&rest, separators).len)
		n++;
	if (n == 0) {
		list = SPAN("localhost");
		n = 1;
	}
	if (n > MAX_HOSTS) {
		source_conf_fail(&s->conf, "%.*s: more than %d hosts",
		    PRI(s->conf.setup->name), MAX_HOSTS);
		return;
	}
	s->hosts = mem_new(n, sizeof(*s->hosts));
	while (s->host_count < n)
		add_host(s, span_word(&list, separators));
}

bool sql_read(struct sql *s, const struct map_setup *setup,
    const struct sql_driver *driver)
{
	s->driver = driver;
	buf_init(&s->query, MAX_QUERY);
	buf_init(&s->expanded, MAX_QUERY);
	db_common_init(&s->common, &s->map, setup);
	if (!source_conf_open(&s->conf, setup, &s->map))
		return false;
	s->user = setting(s, "user", NULL);
	s->password = setting(s, "password", NULL);
	s->dbname = setting(s, "dbname", NULL);
	s->result_format =
	    source_conf_str_needed(&s->conf, "result_format", "%s");
	s->expansion_limit =
	    source_conf_int(&s->conf, "expansion_limit", 0, 0, 0);
	s->retry_interval = interval(s, "retry_interval", DEFAULT_INTERVAL);
	s->idle_interval = interval(s, "idle_interval", DEFAULT_INTERVAL);
	s->connect_timeout = interval(s, "connect_timeout", DEFAULT_CONNECT);
	s->query_timeout = interval(s, "query_timeout", DEFAULT_QUERY);
	read_hosts(s);
	return source_conf_ok(&s->conf);
}

bool sql_finish(struct sql *s)
{
	struct source_conf *c = &s->conf;

	if (s->query.len == 0)
		db_common_sql_query(c, &s->query);
	db_common_template(&s->common, c, buf_span(&s->query), DB_QUERY, NULL);
	db_common_template(&s->common, c, s->result_format, DB_RESULT, NULL);
	db_common_domains(&s->common, c);
	/* The setup does not outlive open(). */
	c->setup = NULL;
	return source_conf_ok(c);
}

static void disconnect(struct sql *s, struct sql_host *h)
{
	if (h->conn)
		s->driver->disconnect(STEAL(h->conn));
	h->state = SQL_UNTRIED;
	h->reused = false;
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	mem_free(text);
}

void sql_done(struct sql *s)
{
	for (uint32_t i = 0; i < s->host_count; i++) {
		struct sql_host *h = &s->hosts[i];

		disconnect(s, h);
		wipe(h->secret);
		wipe(h->name); /* perhaps with a password in it */
		mem_free(h->port);
		mem_free(h->label);
	}
	mem_free(s->hosts);
	db_common_done(&s->common);
	source_conf_done(&s->conf);
	buf_done(&s->query);
	buf_done(&s->expanded);
}

void sql_files(
    struct map *m, void (*fn)(void *ctx, const char *path), void *ctx)
{
	struct sql *s = CONTAINER_OF(m, struct sql, map);

	db_common_files(&s->common, fn, ctx);
}

/* --- choosing --- */

static bool may_ask(const struct sql *s, const struct sql_host *h,
    enum sql_kind kind, bool active)
{
	if (h->kind != kind || h->round == s->round)
		return false;
	if (active)
		return h->state == SQL_ACTIVE;
	return h->state == SQL_UNTRIED ||
	    (h->state == SQL_FAILED && clock_monotonic() >= h->retry_at);
}

static uint32_t random_below(uint32_t n)
{
	uint32_t random = 0;

	/* Any choice will do if there is no chance. */
	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint32_t)clock_monotonic();
	return random % n;
}

static struct sql_host *choose_among(
    struct sql *s, enum sql_kind kind, bool active)
{
	struct sql_host *fit[MAX_HOSTS + 1];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->host_count; i++)
		if (may_ask(s, &s->hosts[i], kind, active))
			fit[n++] = &s->hosts[i];
	if (n == 0)
		return NULL;
	return fit[n > 1 ? random_below(n) : 0];
}

static struct sql_host *choose(struct sql *s)
{
	static const enum sql_kind order[] = { SQL_UNIX, SQL_INET, SQL_URI };

	for (int active = 1; active >= 0; active--) {
		for (size_t i = 0; i < ARRAY_LEN(order); i++) {
			struct sql_host *h = choose_among(s, order[i], active);

			if (h)
				return h;
		}
	}
	return NULL;
}

/* --- asking --- */

static void fail_host(struct sql *s, struct sql_host *h)
{
	disconnect(s, h);
	h->state = SQL_FAILED;
	h->retry_at = clock_monotonic() + s->retry_interval;
	h->round = s->round;
}

static bool be_connected(struct sql *s, struct sql_host *h)
{
	usec now = clock_monotonic();

	if (h->state == SQL_ACTIVE && now - h->used >= s->idle_interval)
		disconnect(s, h);
	if (h->state == SQL_ACTIVE) {
		h->reused = true;
		return true;
	}
	h->conn = s->driver->connect(s, h);
	if (!h->conn) {
		fail_host(s, h);
		return false;
	}
	h->state = SQL_ACTIVE;
	h->used = clock_monotonic();
	return true;
}

struct escaping {
	struct sql *sql;
	struct sql_host *host;
	bool failed;
};

static void escape(void *ctx, span part, struct buf *out)
{
	struct escaping *e = ctx;

	if (!e->failed && part.len)
		e->failed = !e->sql->driver->escape(e->sql, e->host, part, out);
}

static enum sql_outcome ask_connected(
    struct sql *s, struct sql_host *h, struct db_result *r)
{
	struct escaping e = { .sql = s, .host = h };
	const struct db_values v = {
		.value = r->key, .quote = escape, .ctx = &e
	};

	buf_clear(&s->expanded);
	buf_clear(r->out);
	r->count = 0;
	if (!db_common_expand(
	        &s->common, buf_span(&s->query), &v, &s->expanded))
		return SQL_REFUSED; /* it was looked at before: cannot be */
	if (e.failed)
		return SQL_REFUSED;
	if (s->expanded.failed) {
		map_warn(&s->map, "query is longer than %d bytes", MAX_QUERY);
		return SQL_REFUSED;
	}
	return s->driver->query(s, h, buf_cstr(&s->expanded), r);
}

/* SQL_DONE, SQL_TOO_BIG, or anything else: try another one. */
static enum sql_outcome ask_host(
    struct sql *s, struct sql_host *h, struct db_result *r)
{
	enum sql_outcome outcome;

	if (!be_connected(s, h))
		return SQL_BROKEN;
	outcome = ask_connected(s, h, r);
	if (outcome == SQL_HUNG_UP && h->reused) {
		disconnect(s, h);
		if (!be_connected(s, h))
			return SQL_BROKEN;
		outcome = ask_connected(s, h, r);
	}
	if (outcome == SQL_HUNG_UP)
		s->driver->warn_hung_up(s, h);
	if (outcome == SQL_HUNG_UP || outcome == SQL_BROKEN)
		fail_host(s, h);
	else if (outcome == SQL_REFUSED)
		h->round = s->round;
	h->used = clock_monotonic();
	return outcome;
}

static enum map_answer ask_all(struct sql *s, struct db_result *r)
{
	usec deadline = clock_monotonic() + MAX_LOOKUP * USEC_SEC;
	struct sql_host *h;
	bool asked = false;

	s->round++;
	while (clock_monotonic() < deadline && (h = choose(s))) {
		enum sql_outcome outcome = ask_host(s, h, r);

		asked = true;
		if (outcome == SQL_DONE)
			return r->out->len ? MAP_FOUND : MAP_NONE;
		if (outcome == SQL_TOO_BIG)
			return MAP_RETRY;
	}
	if (!asked)
		map_warn(&s->map,
		    "no server to ask: all of them failed in the last "
		    "%u seconds",
		    sql_seconds(s->retry_interval));
	return MAP_RETRY;
}

/* Such a key is in no table, and servers do not like the question. */
static bool is_askable(span key)
{
	return span_find(key, '\0') < 0 && address_is_utf8(key);
}

enum map_answer sql_find(struct map *m, span key, struct buf *value)
{
	struct sql *s = CONTAINER_OF(m, struct sql, map);
	const struct db_values v = { .value = key };
	struct db_result result = {
		.common = &s->common,
		.format = s->result_format,
		.key = key,
		.limit = s->expansion_limit,
		.out = value,
	};
	enum map_answer answer;

	if (!is_askable(key))
		return MAP_NONE;
	answer = db_common_check_key(&s->common, key);
	if (answer != MAP_FOUND)
		return answer;
	buf_clear(&s->expanded);
	if (!db_common_expand(
	        &s->common, buf_span(&s->query), &v, &s->expanded))
		return MAP_NONE;
	answer = ask_all(s, &result);
	if (answer != MAP_FOUND)
		buf_clear(value);
	return answer;
}
