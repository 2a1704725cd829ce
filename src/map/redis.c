/* SPDX-License-Identifier: ISC */
/*
 * map/redis.c - "redis:/file.cf": man/redis_table.5.
 *
 * One GET, or HGET, per lookup, in Redis's own protocol (RESP 2). A
 * connection begins with AUTH and SELECT where the table wants them.
 *
 * Hosts are like those of the SQL tables: the one we are connected to, else
 * any, in random order; one that failed is left alone for retry_interval. A
 * connection that breaks under a question is made anew once, because the
 * server may just have been restarted.
 */
#include "map/types.h"

#include <errno.h>

#include "map/db_common.h"
#include "map/source_conf.h"
#include "map/stream.h"
#include "os/clock.h"

enum {
	MAX_HOSTS = 32,
	MAX_KEY = 64 * 1024,
	MAX_REQUEST = 4 * 64 * 1024,
	MAX_LINE = 1024,
	MAX_TOLD = 100, /* of an error reply, in the log */
};

struct redis_host {
	struct stream *server;
	usec not_before; /* it failed: not to be asked again until then */
};

struct redis {
	struct map map;
	struct source_conf conf; /* owns the strings */
	struct db_common common;
	struct redis_host hosts[MAX_HOSTS];
	size_t host_count;
	span username;
	span password;
	int db;
	span key_format;
	span hash_format; /* HGET's first argument; empty: GET */
	span result_format;
	int timeout;
	int retry_interval;
	int expansion_limit;
	int max_data;
	struct buf key;
	struct buf hash;
	struct buf request;
};

/* Beside the results of a stream: the server said no, and it was told. */
enum { REFUSED = 100 };

/* The kinds of reply that matter here. */
enum reply { REPLY_OK, REPLY_VALUE, REPLY_NULL, REPLY_ERROR };

static void redis_close(struct map *m)
{
	struct redis *t = CONTAINER_OF(m, struct redis, map);

	for (size_t i = 0; i < t->host_count; i++)
		stream_unref(&t->hosts[i].server);
	db_common_done(&t->common);
	source_conf_done(&t->conf);
	buf_done(&t->key);
	buf_done(&t->hash);
	buf_wipe(&t->request);
	mem_free(t);
}

/* --- parameters --- */

/* "inet:host:port", "unix:/path"; also "host:port", "host", "/path". */
static struct stream *new_host(span word, struct buf *reason)
{
	struct buf target = BUF_INIT(4096);
	struct stream *s;

	if (span_has_prefix(word, SPAN("/")))
		buf_printf(&target, "unix:%.*s", PRI(word));
	else if (span_has_prefix(word, SPAN("unix:")) ||
	    span_has_prefix(word, SPAN("inet:")))
		buf_put(&target, word);
	else if (span_find(word, ':') < 0 || word.ptr[word.len - 1] == ']')
		buf_printf(&target, "inet:%.*s:6379", PRI(word));
	else
		buf_printf(&target, "inet:%.*s", PRI(word));
	s = stream_new(buf_span(&target), reason);
	buf_done(&target);
	return s;
}

static bool open_hosts(struct redis *t, span list, struct buf *reason)
{
	for (;;) {
		span word = span_word(&list, ", \t\r\n");
		struct stream *s;

		if (!word.len)
			return true;
		if (t->host_count == MAX_HOSTS) {
			buf_printf(reason, "more than %d hosts", MAX_HOSTS);
			return false;
		}
		s = new_host(word, reason);
		if (!s)
			return false;
		t->hosts[t->host_count++].server = s;
	}
}

static void read_command(struct redis *t)
{
	struct source_conf *c = &t->conf;
	span command = source_conf_str(c, "command", "GET");
	bool is_hash = span_eq_nocase(command, SPAN("HGET"));

	t->key_format = source_conf_str(c, "key_format", "%s");
	t->hash_format = source_conf_str(c, "hash_format", NULL);
	if (!is_hash && !span_eq_nocase(command, SPAN("GET")))
		source_conf_fail(c,
		    "unsupported parameter value: command = %.*s",
		    PRI(command));
	if (is_hash && !t->hash_format.len)
		source_conf_fail(c, "command = HGET needs hash_format");
	if (!is_hash && t->hash_format.len)
		source_conf_fail(c, "hash_format needs command = HGET");
}

static void read_conf(struct redis *t)
{
	struct source_conf *c = &t->conf;

	t->username = source_conf_str(c, "username", NULL);
	t->password = source_conf_str(c, "password", NULL);
	t->db = source_conf_int(c, "db", 0, 0, 0);
	t->timeout = source_conf_int(c, "timeout", 5, 1, 3600);
	t->retry_interval = source_conf_int(c, "retry_interval", 60, 1, 0);
	t->expansion_limit = source_conf_int(c, "expansion_limit", 0, 0, 0);
	t->max_data = source_conf_int(c, "data_size_limit", 65536, 1, 0);
	t->result_format = source_conf_str(c, "result_format", "%s");
	read_command(t);
	if (t->username.len && !t->password.len)
		source_conf_fail(c, "username without password");
	db_common_template(&t->common, c, t->key_format, DB_QUERY, NULL);
	db_common_template(&t->common, c, t->hash_format, DB_QUERY, NULL);
	db_common_template(&t->common, c, t->result_format, DB_RESULT, NULL);
	db_common_domains(&t->common, c);
}

/* Whoever can write to the server decides what such a table says. */
static bool is_allowed(const struct redis *t, const struct map_setup *s)
{
	if (!(s->flags & MAP_NO_UNAUTH) || t->password.len)
		return true;
	buf_printf(s->reason,
	    "%.*s:%.*s map without password is not allowed for "
	    "security-sensitive data",
	    PRI(s->type), PRI(s->name));
	return false;
}

static bool redis_setup(struct redis *t, const struct map_setup *s)
{
	if (!source_conf_open(&t->conf, s, &t->map))
		return false;
	read_conf(t);
	if (!source_conf_ok(&t->conf) || !is_allowed(t, s))
		return false;
	return open_hosts(t,
	    source_conf_str(&t->conf, "hosts", "inet:localhost:6379"),
	    s->reason);
}

static struct map *redis_open(const struct map_setup *s)
{
	struct redis *t = NEW(struct redis);

	buf_init(&t->key, MAX_KEY);
	buf_init(&t->hash, MAX_KEY);
	buf_init(&t->request, MAX_REQUEST);
	db_common_init(&t->common, &t->map, s);
	if (redis_setup(t, s))
		return &t->map;
	mem_free(t->map.path); /* otherwise map_close() does that */
	redis_close(&t->map);
	return NULL;
}

/* --- the protocol --- */

static void put_count(struct redis *t, size_t words)
{
	buf_clear(&t->request);
	buf_printf(&t->request, "*%zu\r\n", words);
}

static void put_word(struct redis *t, span word)
{
	buf_printf(&t->request, "$%zu\r\n", word.len);
	buf_put(&t->request, word);
	buf_put(&t->request, SPAN("\r\n"));
}

static int read_line(struct stream *s, span *ret)
{
	int r = stream_read_line(s, MAX_LINE, ret);

	if (r != 0)
		return r;
	if (!ret->len || ret->ptr[ret->len - 1] != '\r')
		return STREAM_MALFORMED;
	ret->len--;
	return 0;
}

/* "$5" was read: 5 bytes and a line end follow; "$-1" is no value. */
static int read_bulk(
    struct redis *t, struct stream *s, span length, enum reply *ret, span *text)
{
	uint32_t n;
	int r;

	*ret = REPLY_NULL;
	*text = SPAN_NONE;
	if (span_eq(length, SPAN("-1")))
		return 0;
	if (!span_to_u32(length, &n))
		return STREAM_MALFORMED;
	if (n > (uint32_t)t->max_data)
		return STREAM_TOO_LONG;
	r = stream_read_bytes(s, (size_t)n + 2, text);
	if (r != 0)
		return r;
	if (!span_eq(span_from(*text, n), SPAN("\r\n")))
		return STREAM_MALFORMED;
	text->len = n;
	*ret = REPLY_VALUE;
	return 0;
}

/* 0: a reply of one of the kinds; else what is wrong with the stream. */
static int read_reply(
    struct redis *t, struct stream *s, enum reply *ret, span *ret_text)
{
	span line;
	int r = read_line(s, &line);

	if (r != 0)
		return r;
	*ret_text = span_from(line, 1);
	if (span_has_prefix(line, SPAN("$")))
		return read_bulk(t, s, *ret_text, ret, ret_text);
	*ret = span_has_prefix(line, SPAN("-")) ? REPLY_ERROR : REPLY_OK;
	if (*ret == REPLY_ERROR || span_has_prefix(line, SPAN("+")))
		return 0;
	return STREAM_MALFORMED;
}

static int converse(
    struct redis *t, struct stream *s, enum reply *ret, span *ret_text)
{
	int r = stream_write(s, buf_span(&t->request));

	return r == 0 ? read_reply(t, s, ret, ret_text) : r;
}

/* --- troubles --- */

static void warn_stream(struct redis *t, struct stream *s, int result)
{
	map_warn(&t->map, "redis server %.*s: %s", PRI(stream_endpoint(s)),
	    stream_strerror(s, result));
}

/*
 * What a server says to AUTH could repeat the password: of that only a known
 * first word is told.
 */
static void warn_error(
    struct redis *t, struct stream *s, const char *command, span text)
{
	static const span known[] = { SPAN_INIT("DENIED"), SPAN_INIT("ERR"),
		SPAN_INIT("LOADING"), SPAN_INIT("NOAUTH"), SPAN_INIT("NOPERM"),
		SPAN_INIT("WRONGPASS") };
	struct buf told = BUF_INIT(MAX_TOLD + 1);
	span rest = text;
	span word = span_word(&rest, " ");

	if (!span_eq(span_str(command), SPAN("AUTH")))
		stream_printable(text, MAX_TOLD, '?', &told);
	for (size_t i = 0; !told.len && i < ARRAY_LEN(known); i++)
		if (span_eq(word, known[i]))
			buf_put(&told, word);
	map_warn(&t->map, "redis server %.*s refused %s: %.*s",
	    PRI(stream_endpoint(s)), command, PRI(buf_span(&told)));
	buf_done(&told);
}

/* --- connecting --- */

/* One command whose answer is "+OK": 0, or the result of the stream,
 * or REFUSED. */
static int command_ok(struct redis *t, struct stream *s, const char *name)
{
	enum reply reply;
	span text;
	int r = converse(t, s, &reply, &text);

	if (r != 0)
		return r;
	if (reply == REPLY_OK)
		return 0;
	if (reply != REPLY_ERROR)
		return STREAM_MALFORMED;
	warn_error(t, s, name, text);
	return REFUSED;
}

static int authenticate(struct redis *t, struct stream *s)
{
	int r;

	if (!t->password.len)
		return 0;
	put_count(t, t->username.len ? 3 : 2);
	put_word(t, SPAN("AUTH"));
	if (t->username.len)
		put_word(t, t->username);
	put_word(t, t->password);
	r = command_ok(t, s, "AUTH");
	buf_wipe(&t->request);
	return r;
}

static int select_db(struct redis *t, struct stream *s)
{
	char number[16];

	if (!t->db)
		return 0;
	put_count(t, 2);
	put_word(t, SPAN("SELECT"));
	(void)snprintf(number, sizeof(number), "%d", t->db);
	put_word(t, span_str(number));
	return command_ok(t, s, "SELECT");
}

static int connect_host(struct redis *t, struct stream *s)
{
	int r = stream_begin(s, (usec)t->timeout * USEC_SEC);

	if (r != 0 || s->reused)
		return r;
	r = authenticate(t, s);
	return r == 0 ? select_db(t, s) : r;
}

/* --- lookup --- */

static int ask_once(
    struct redis *t, struct stream *s, enum reply *ret, span *ret_text)
{
	int r = connect_host(t, s);

	if (r != 0)
		return r;
	put_count(t, t->hash_format.len ? 3 : 2);
	put_word(t, t->hash_format.len ? SPAN("HGET") : SPAN("GET"));
	if (t->hash_format.len)
		put_word(t, buf_span(&t->hash));
	put_word(t, buf_span(&t->key));
	return converse(t, s, ret, ret_text);
}

/* False: this server did not give an answer, and it was said why. */
static bool ask(
    struct redis *t, struct stream *s, enum reply *ret, span *ret_text)
{
	int r = ask_once(t, s, ret, ret_text);

	if (r == STREAM_HUNG_UP) {
		stream_end(s, r);
		r = ask_once(t, s, ret, ret_text);
	}
	if (r == 0 && *ret == REPLY_ERROR)
		warn_error(
		    t, s, t->hash_format.len ? "HGET" : "GET", *ret_text);
	else if (r == 0 && *ret == REPLY_OK)
		warn_stream(t, s, STREAM_MALFORMED);
	else if (r == 0)
		return true;
	else if (r != REFUSED)
		warn_stream(t, s, r);
	stream_end(s, -EPROTO);
	return false;
}

/*
 * One that is connected, else any that has not failed lately (the clock is
 * random enough), or NULL.
 */
static struct redis_host *choose(struct redis *t, usec now)
{
	struct redis_host *chosen = NULL;
	unsigned candidates = 0;

	for (size_t i = 0; i < t->host_count; i++) {
		struct redis_host *h = &t->hosts[i];

		if (h->not_before > now)
			continue;
		if (h->server->fd >= 0)
			return h;
		candidates++;
		if (now % candidates == 0)
			chosen = h;
	}
	return chosen;
}

static enum map_answer judge(
    struct redis *t, enum reply reply, span text, span key, struct buf *value)
{
	struct db_result result = { .common = &t->common,
		.format = t->result_format,
		.key = key,
		.limit = t->expansion_limit,
		.out = value };

	if (reply == REPLY_NULL)
		return MAP_NONE;
	if (span_find(text, '\0') >= 0) {
		map_warn(
		    &t->map, "key \"%.*s\": null byte in the value", PRI(key));
		return MAP_RETRY;
	}
	if (!db_result_put(&result, text)) {
		map_warn(&t->map, "Expansion limit exceeded for key: '%.*s'",
		    PRI(key));
		return MAP_RETRY;
	}
	return value->len ? MAP_FOUND : MAP_NONE;
}

static bool build_names(struct redis *t, span key)
{
	const struct db_values values = { .value = key };

	buf_clear(&t->key);
	buf_clear(&t->hash);
	if (!db_common_expand(&t->common, t->key_format, &values, &t->key))
		return false;
	if (t->hash_format.len &&
	    !db_common_expand(&t->common, t->hash_format, &values, &t->hash))
		return false;
	return !t->key.failed && !t->hash.failed;
}

static enum map_answer redis_find(struct map *m, span key, struct buf *value)
{
	struct redis *t = CONTAINER_OF(m, struct redis, map);
	enum map_answer answer = db_common_check_key(&t->common, key);
	struct redis_host *h;
	bool tried = false;

	if (answer != MAP_FOUND)
		return answer;
	if (!build_names(t, key))
		return MAP_NONE;
	while ((h = choose(t, clock_monotonic()))) {
		enum reply reply;
		span text;

		tried = true;
		if (ask(t, h->server, &reply, &text)) {
			answer = judge(t, reply, text, key, value);
			stream_end(h->server, 0);
			return answer;
		}
		h->not_before =
		    clock_monotonic() + (usec)t->retry_interval * USEC_SEC;
	}
	if (!tried)
		map_warn(m, "all redis servers failed less than %d seconds ago",
		    t->retry_interval);
	return MAP_RETRY;
}

const struct map_type map_type_redis = {
	.name = "redis",
	.traits = MAP_EXACT,
	.open = redis_open,
	.find = redis_find,
	.close = redis_close,
};
