/* SPDX-License-Identifier: ISC */
/*
 * map/socketmap.c - "socketmap:inet:host:port:name": socketmap_table(5).
 *
 *	"name key"	->	"OK value" | "NOTFOUND " | "TEMP reason" | ...
 *
 * each as a netstring. Tables on the same server share one connection, which
 * is given up after ten seconds without a question, and after a hundred in
 * any case, so that a server behind a balancer can leave.
 */
#include "map/types.h"

#include "map/stream.h"
#include "os/clock.h"

enum {
	MAX_REPLY = 100000,
	MAX_QUERY = 10000,
	MAX_NAME_TOLD = 100,
	MAX_REASON_TOLD = 200,
};

struct socketmap {
	struct map map;
	struct stream *server;
	struct buf name; /* on the wire */
	struct buf request;
	uint32_t max_reply;
	uint32_t max_query;
	usec timeout;
};

/* A limit of main.cf, when there is one. */
static uint32_t limit_of(const struct map_setup *s, span name, uint32_t preset)
{
	uint32_t value;
	span text =
	    s->host->param ? s->host->param(s->host->ctx, name) : SPAN_NONE;

	return span_to_u32(text, &value) && value > 0 ? value : preset;
}

static struct map *socketmap_open(const struct map_setup *s)
{
	ssize_t colon = span_rfind(s->name, ':');
	struct socketmap *t;
	struct stream *server;

	if (s->flags & MAP_NO_UNAUTH) {
		buf_printf(s->reason,
		    "%.*s:%.*s map is not allowed for security-sensitive data",
		    PRI(s->type), PRI(s->name));
		return NULL;
	}
	if (colon < 0) {
		buf_printf(s->reason, "%.*s requires server:socketmap argument",
		    PRI(s->type));
		return NULL;
	}
	server = stream_share(span_first(s->name, (size_t)colon), s->reason);
	if (!server)
		return NULL;
	stream_lifetime(server, 10 * USEC_SEC, 100 * USEC_SEC);
	t = NEW(struct socketmap);
	t->server = server;
	t->timeout = 100 * USEC_SEC;
	t->max_reply = limit_of(s, SPAN("socketmap_max_reply_size"), MAX_REPLY);
	t->max_query = limit_of(s, SPAN("socketmap_max_query_size"), MAX_QUERY);
	buf_init(&t->name, s->name.len + 1);
	buf_put(&t->name, span_from(s->name, (size_t)colon + 1));
	buf_init(&t->request, SIZE_MAX);
	return &t->map;
}

static void socketmap_close(struct map *m)
{
	struct socketmap *t = CONTAINER_OF(m, struct socketmap, map);

	stream_unref(&t->server);
	buf_done(&t->name);
	buf_done(&t->request);
	mem_free(t);
}

/* --- the answer --- */

/* What is neither found nor not found. */
static const struct {
	span word;
	const char *class;
} failures[] = {
	{ SPAN_INIT("TEMP"), "temporary" },
	{ SPAN_INIT("TIMEOUT"), "timeout" },
	{ SPAN_INIT("PERM"), "permanent" },
};

static void warn_failure(struct socketmap *t, span word, span why)
{
	const char *class = "unknown";
	struct buf text = BUF_INIT(MAX_REASON_TOLD + 1);

	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		if (span_eq(word, failures[i].word))
			class = failures[i].class;
	while (why.len && ascii_is_space(*why.ptr))
		why = span_from(why, 1);
	stream_printable(why, MAX_REASON_TOLD, '?', &text);
	map_warn_plain(&t->map, "%.*s socketmap server %s error%s%.*s",
	    PRI(t->map.spec), class, text.len ? ": " : "",
	    PRI(buf_span(&text)));
	buf_done(&text);
}

static enum map_answer judge(struct socketmap *t, span reply, struct buf *value)
{
	span word = span_cut(&reply, ' ');

	if (span_eq(word, SPAN("NOTFOUND")))
		return MAP_NONE;
	if (!span_eq(word, SPAN("OK"))) {
		warn_failure(t, word, reply);
		return MAP_RETRY;
	}
	if (span_find(reply, '\0') >= 0) {
		map_warn_plain(&t->map,
		    "table %.*s lookup error: null byte in the result",
		    PRI(t->map.spec));
		return MAP_RETRY;
	}
	buf_put(value, reply);
	return MAP_FOUND;
}

/* --- the conversation --- */

static int ask(struct socketmap *t, usec deadline, span *ret_reply)
{
	usec now = clock_monotonic();
	int r;

	r = stream_begin(t->server, deadline > now ? deadline - now : 0);
	if (r < 0)
		return r;
	r = stream_write(t->server, buf_span(&t->request));
	if (r == 0)
		r = stream_read_netstring(t->server, t->max_reply, ret_reply);
	return r;
}

static void warn_stream(struct socketmap *t, int result)
{
	bool connected = t->server->fd >= 0;
	const char *why = stream_strerror(t->server, result);

	if (!connected)
		map_warn_plain(&t->map, "connect to %.*s: %s",
		    PRI(stream_endpoint(t->server)), why);
	map_warn_plain(
	    &t->map, "table %.*s lookup error: %s", PRI(t->map.spec), why);
}

static void build_request(struct socketmap *t, span key)
{
	buf_clear(&t->request);
	buf_put_u64(&t->request, t->name.len + 1 + key.len);
	buf_putc(&t->request, ':');
	buf_put(&t->request, buf_span(&t->name));
	buf_putc(&t->request, ' ');
	buf_put(&t->request, key);
	buf_putc(&t->request, ',');
}

static enum map_answer socketmap_find(
    struct map *m, span key, struct buf *value)
{
	struct socketmap *t = CONTAINER_OF(m, struct socketmap, map);
	usec deadline = clock_monotonic() + t->timeout;
	enum map_answer answer = MAP_RETRY;
	span reply;
	int r;

	if (key.len > t->max_query) {
		map_warn_plain(m,
		    "table %.*s query too large: '%.*s', returning 'not found'",
		    PRI(m->spec), PRI(span_first(key, MAX_NAME_TOLD)));
		return MAP_NONE;
	}
	build_request(t, key);
	r = ask(t, deadline, &reply);
	if (r == STREAM_HUNG_UP) {
		/* Once more: a server that was restarted is not noticed. */
		stream_close(t->server);
		r = ask(t, deadline, &reply);
	}
	if (r == 0)
		answer = judge(t, reply, value);
	else
		warn_stream(t, r);
	stream_end(t->server, r);
	return answer;
}

const struct map_type map_type_socketmap = {
	.name = "socketmap",
	.traits = MAP_REMOTE,
	.open = socketmap_open,
	.find = socketmap_find,
	.close = socketmap_close,
};
