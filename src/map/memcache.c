/* SPDX-License-Identifier: ISC */
/*
 * map/memcache.c - "memcache:/file.cf": memcache_table(5).
 *
 *	get KEY		->	VALUE KEY flags 5 / hello / END
 *			|	END
 *
 * memcached forgets, so there can be a `backup`: a table of another type that
 * knows everything. Then what memcached says only saves time; whatever it
 * does not know, or fails to say, is looked up there and told to memcached.
 */
#include "map/types.h"

#include <errno.h>
#include <time.h>

#include "map/db_common.h"
#include "map/source_conf.h"
#include "map/stream.h"
#include "os/clock.h"

enum {
	MAX_KEY = 250, /* memcached's own limit */
	MAX_QUERY = 64 * 1024,
	MAX_TOLD = 30, /* of a bad reply, in the log */
	MAX_TROUBLE = 4096,
	NO_TIMEOUT = 100, /* seconds that stand for "for ever" */
};

struct memcache {
	struct map map;
	struct source_conf conf; /* owns the strings */
	struct db_common common;
	struct stream *server;
	struct map *backup; /* or NULL */
	span key_format;
	int timeout;
	int ttl;
	int flags;
	int retry_pause;
	int max_try;
	int max_line;
	int max_data;
	struct buf key; /* as memcached knows it */
	struct buf request;
	struct buf trouble; /* what was wrong with the last try */
};

static void memcache_close(struct map *m)
{
	struct memcache *t = CONTAINER_OF(m, struct memcache, map);

	map_close(&t->backup);
	stream_unref(&t->server);
	db_common_done(&t->common);
	source_conf_done(&t->conf);
	buf_done(&t->key);
	buf_done(&t->request);
	buf_done(&t->trouble);
	mem_free(t);
}

static void read_conf(struct memcache *t)
{
	struct source_conf *c = &t->conf;

	t->key_format = source_conf_str(c, "key_format", "%s");
	t->timeout = source_conf_int(c, "timeout", 2, 0, 0);
	if (t->timeout == 0)
		t->timeout = NO_TIMEOUT;
	t->ttl = source_conf_int(c, "ttl", 3600, 0, 0);
	t->flags = source_conf_int(c, "flags", 0, 0, 0);
	t->retry_pause = source_conf_int(c, "retry_pause", 1, 1, 0);
	t->max_try = source_conf_int(c, "max_try", 2, 1, 0);
	t->max_line = source_conf_int(c, "line_size_limit", 1024, 1, 0);
	t->max_data = source_conf_int(c, "data_size_limit", 10240, 1, 0);
	db_common_template(&t->common, c, t->key_format, DB_QUERY, NULL);
	db_common_domains(&t->common, c);
}

static bool open_servers(struct memcache *t, const struct map_setup *s)
{
	span target =
	    source_conf_str(&t->conf, "memcache", "inet:localhost:11211");
	span backup = source_conf_str(&t->conf, "backup", NULL);

	if (!source_conf_ok(&t->conf))
		return false;
	t->server = stream_new(target, s->reason);
	if (!t->server)
		return false;
	if (!backup.len)
		return true;
	t->backup = map_open_inner(s, backup);
	return true;
}

static struct map *memcache_open(const struct map_setup *s)
{
	struct memcache *t;
	bool ok;

	if (s->flags & MAP_NO_UNAUTH) {
		buf_printf(s->reason,
		    "%.*s:%.*s map is not allowed for security-sensitive data",
		    PRI(s->type), PRI(s->name));
		return NULL;
	}
	t = NEW(struct memcache);
	buf_init(&t->key, MAX_QUERY);
	buf_init(&t->request, SIZE_MAX);
	buf_init(&t->trouble, MAX_TROUBLE);
	db_common_init(&t->common, &t->map, s);
	ok = source_conf_open(&t->conf, s, &t->map);
	if (ok)
		read_conf(t);
	if (ok && open_servers(t, s))
		return &t->map;
	mem_free(t->map.path); /* otherwise map_close() does that */
	memcache_close(&t->map);
	return NULL;
}

/* --- keys --- */

/* False: no such key can be in memcached. */
static bool build_key(struct memcache *t, span key)
{
	const struct db_values values = { .value = key };

	buf_clear(&t->key);
	if (!db_common_expand(&t->common, t->key_format, &values, &t->key))
		return false;
	if (!t->key.len || t->key.failed)
		return false;
	for (size_t i = 0; i < t->key.len; i++) {
		unsigned char c = (unsigned char)t->key.data[i];

		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return true;
}

/* --- the conversation --- */

static int line_of(struct memcache *t, span *ret)
{
	int r = stream_read_line(t->server, (size_t)t->max_line, ret);

	if (r == 0 && ret->len && ret->ptr[ret->len - 1] == '\r')
		ret->len--;
	return r;
}

/* "VALUE key flags length": about our key, and not too much. */
static bool parse_value(const struct memcache *t, span line, uint32_t *ret_len)
{
	uint32_t flags;
	uint32_t len;

	if (!span_eq(span_word(&line, " "), SPAN("VALUE")) ||
	    !span_eq(span_word(&line, " "), buf_span(&t->key)) ||
	    !span_to_u32(span_word(&line, " "), &flags) ||
	    !span_to_u32(span_word(&line, " "), &len))
		return false;
	*ret_len = len;
	return len <= (uint32_t)t->max_data;
}

static bool io_error(struct memcache *t, int result)
{
	buf_printf(&t->trouble, "database %.*s: I/O error: %s (%.*s)",
	    PRI(t->map.spec), stream_strerror(t->server, result),
	    PRI(stream_endpoint(t->server)));
	return false;
}

static bool bad_reply(struct memcache *t, const char *what, span reply)
{
	buf_printf(&t->trouble, "%.*s: %s: ", PRI(t->map.spec), what);
	stream_printable(reply, MAX_TOLD, '_', &t->trouble);
	buf_printf(&t->trouble, " (%.*s)", PRI(stream_endpoint(t->server)));
	return false;
}

static bool read_value(struct memcache *t, uint32_t len, struct buf *value)
{
	span data;
	span end;
	int r = stream_read_bytes(t->server, (size_t)len + 2, &data);

	if (r != 0)
		return io_error(t, r);
	if (!span_eq(span_from(data, len), SPAN("\r\n")) ||
	    span_find(data, '\0') >= 0)
		return bad_reply(t, "unexpected memcache server reply", data);
	buf_put(value, span_first(data, len));
	r = line_of(t, &end);
	if (r != 0 || !span_eq(end, SPAN("END")))
		stream_close(t->server); /* but the value is there */
	return true;
}

static bool read_got(
    struct memcache *t, struct buf *value, enum map_answer *ret)
{
	uint32_t len;
	span line;
	int r = line_of(t, &line);

	if (r != 0)
		return io_error(t, r);
	*ret = MAP_NONE;
	if (span_eq(line, SPAN("END")))
		return true;
	if (!parse_value(t, line, &len))
		return bad_reply(t, "unexpected memcache server reply", line);
	*ret = MAP_FOUND;
	return read_value(t, len, value);
}

static bool read_stored(
    struct memcache *t, struct buf *unused UNUSED, enum map_answer *ret)
{
	span line;
	int r = line_of(t, &line);

	*ret = MAP_FOUND;
	if (r != 0)
		return io_error(t, r);
	if (span_eq(line, SPAN("STORED")))
		return true;
	return bad_reply(t, "update failed", line);
}

typedef bool reader_fn(
    struct memcache *t, struct buf *value, enum map_answer *ret);

static void pause_for(int seconds)
{
	const struct timespec pause = { .tv_sec = seconds };

	(void)nanosleep(&pause, NULL);
}

/*
 * Send the request and read the reply, max_try times. The first failure is
 * no news: a connection that was idle for long. A server that cannot be
 * reached is not tried again.
 */
static enum map_answer ask(
    struct memcache *t, reader_fn *read_reply, struct buf *value)
{
	for (int i = 0; i < t->max_try; i++) {
		enum map_answer answer;
		bool ok;
		int r;

		if (i > 0)
			pause_for(t->retry_pause);
		buf_clear(&t->trouble);
		r = stream_begin(t->server, (usec)t->timeout * USEC_SEC);
		if (r != 0) {
			map_warn_plain(&t->map, "connect to %.*s: %s (%.*s)",
			    PRI(stream_endpoint(t->server)),
			    stream_strerror(t->server, r), PRI(t->map.spec));
			return MAP_RETRY;
		}
		r = stream_write(t->server, buf_span(&t->request));
		ok = r == 0 ? read_reply(t, value, &answer) : io_error(t, r);
		stream_end(t->server, ok ? 0 : -EPROTO);
		if (ok)
			return answer;
		if (i > 0 || t->max_try == 1)
			map_warn_plain(
			    &t->map, "%.*s", PRI(buf_span(&t->trouble)));
	}
	return MAP_RETRY;
}

static enum map_answer get(struct memcache *t, struct buf *value)
{
	if (t->key.len > MAX_KEY)
		return MAP_NONE;
	buf_clear(&t->request);
	buf_printf(&t->request, "get %.*s\r\n", PRI(buf_span(&t->key)));
	return ask(t, read_got, value);
}

/* Failing is harmless, and was said. */
static void set(struct memcache *t, span value)
{
	if (t->key.len > MAX_KEY)
		return;
	if (value.len > (size_t)t->max_data) {
		map_warn_plain(&t->map,
		    "database %.*s: data for key %.*s is too long "
		    "(data_size_limit=%d) -- not stored",
		    PRI(t->map.spec), PRI(buf_span(&t->key)), t->max_data);
		return;
	}
	buf_clear(&t->request);
	buf_printf(&t->request, "set %.*s %d %d %zu\r\n",
	    PRI(buf_span(&t->key)), t->flags, t->ttl, value.len);
	buf_put(&t->request, value);
	buf_put(&t->request, SPAN("\r\n"));
	(void)ask(t, read_stored, NULL);
}

static enum map_answer memcache_find(struct map *m, span key, struct buf *value)
{
	struct memcache *t = CONTAINER_OF(m, struct memcache, map);
	enum map_answer answer;

	if (!key.len)
		return MAP_NONE;
	answer = db_common_check_key(&t->common, key);
	if (answer != MAP_FOUND)
		return answer;
	if (!build_key(t, key))
		return MAP_NONE;
	answer = get(t, value);
	if (answer == MAP_FOUND || !t->backup)
		return answer;
	answer = map_find(t->backup, key, value);
	if (answer == MAP_FOUND)
		set(t, buf_span(value));
	return answer;
}

static enum map_answer memcache_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	struct memcache *t = CONTAINER_OF(m, struct memcache, map);

	if (t->backup)
		return map_each(t->backup, fn, ctx);
	map_warn_plain(m,
	    "database %.*s: first/next support requires backup database",
	    PRI(m->spec));
	return MAP_RETRY;
}

const struct map_type map_type_memcache = {
	.name = "memcache",
	.traits = MAP_EXACT,
	.open = memcache_open,
	.find = memcache_find,
	.close = memcache_close,
	.each = memcache_each,
};
