/* SPDX-License-Identifier: ISC */
/*
 * dns/resolver.c - a cache of answers, and libunbound behind it.
 *
 * An entry of the cache is a question, by name and type. It is `open` while
 * the answer is on its way; who asks the same meanwhile waits with the first.
 * When the answer is there the entry goes to the `ready` list, and the
 * waiters hear of it from a timer of their own: libunbound may answer in the
 * middle of being asked, and must not be asked in the middle of answering.
 *
 * The cache is bounded by evicting the entry that was longest unused; open
 * and ready ones stay. A flood of different names costs what the open ones
 * cost, and the caller bounds those.
 */
#include "dns/resolver.h"

#include <fcntl.h>
#include <unbound-event.h>
#include <unbound.h>

#include "base/hmap.h"
#include "dns/events.h"
#include "dns/files.h"
#include "os/error.h"
#include "os/file.h"

enum {
	CACHE_ENTRIES_MAX = 512,
	ENTRY_MEMORY_MAX = 16 * 1024,
	FILE_MAX = 1024 * 1024,
	HOST_ANSWERS_MAX = 16,
	CLASS_IN = 1,
	/* Seconds. */
	CACHE_TTL_MAX = 3600,
	FAILURE_TTL = 2,
};

static const usec default_timeout = 30 * USEC_SEC;

struct entry {
	struct hnode node;
	struct list used;  /* in dns.used, least recently first */
	struct list ready; /* in dns.ready, or alone */
	struct list waiters;
	struct dns *dns;
	struct loop_timer timer; /* patience */
	struct arena arena;      /* of the answer */
	struct dns_answer answer;
	usec expires;
	enum dns_type type;
	int async_id;
	bool open;
	bool busy;  /* its waiters are being told */
	char *name; /* lower case */
};

struct host {
	struct dns_host host;
	span name;
};

struct dns {
	struct loop *loop;
	struct hmap entries;
	struct list used;
	struct list ready;
	struct loop_timer deliver;
	usec timeout;
	struct dns_servers servers;
	struct ub_event_base *events;
	struct ub_ctx *unbound; /* NULL until it is needed */
	/* The hosts file: */
	struct arena names;
	struct host *hosts;
	size_t nhosts;
	struct dns_record host_records[HOST_ANSWERS_MAX];
	struct dns_answer host_answer;
};

static const struct dns_answer no_such_name = { .status = DNS_NXDOMAIN };

static void free_entry(struct dns *d, struct entry *e)
{
	hmap_remove(&d->entries, &e->node);
	list_remove(&e->used);
	list_remove(&e->ready);
	loop_timer_stop(d->loop, &e->timer);
	arena_done(&e->arena);
	mem_free(e->name);
	mem_free(e);
}

static usec seconds_to_keep(const struct dns_answer *answer)
{
	if (answer->status == DNS_OK || answer->status == DNS_NODATA ||
	    answer->status == DNS_NXDOMAIN)
		return MIN(answer->ttl, (uint32_t)CACHE_TTL_MAX);
	return FAILURE_TTL;
}

static void finish(struct entry *e)
{
	struct dns *d = e->dns;

	e->open = false;
	loop_timer_stop(d->loop, &e->timer);
	e->expires = loop_now(d->loop) + seconds_to_keep(&e->answer) * USEC_SEC;
	list_remove(&e->ready);
	list_append(&d->ready, &e->ready);
	loop_timer_set(d->loop, &d->deliver, loop_now(d->loop));
}

static void fail(struct entry *e)
{
	e->answer = (struct dns_answer){ .status = DNS_AGAIN };
	finish(e);
}

static void on_ready(void *ctx)
{
	struct dns *d = ctx;
	struct list *link;

	while ((link = list_take(&d->ready))) {
		struct entry *e = CONTAINER_OF(link, struct entry, ready);
		struct list waiters;

		list_init(&waiters);
		list_splice(&waiters, &e->waiters);
		e->busy = true;
		while ((link = list_take(&waiters))) {
			struct dns_query *q =
			    CONTAINER_OF(link, struct dns_query, link);

			q->done(q->ctx, &e->answer);
		}
		e->busy = false;
	}
}

static void on_timeout(void *ctx)
{
	struct entry *e = ctx;

	(void)ub_cancel(e->dns->unbound, e->async_id);
	fail(e);
}

/* NOLINTNEXTLINE(readability-function-size): libunbound calls it so */
static void on_answer(void *ctx, int rcode, void *packet, int len, int sec,
    char *why_bogus, int was_ratelimited)
{
	struct entry *e = ctx;

	(void)sec;
	(void)why_bogus;
	(void)was_ratelimited;
	if (rcode || !packet || len < 0) {
		fail(e);
		return;
	}
	arena_done(&e->arena);
	if (!dns_packet_parse(span_of(packet, (size_t)len), span_str(e->name),
	        e->type, &e->arena, &e->answer))
		e->answer = (struct dns_answer){ .status = DNS_MALFORMED };
	finish(e);
}

/*
 * Small caches, no threads, no listening. The zones that libunbound answers
 * by itself are left to the name servers, except localhost.
 */
static int start_unbound(struct dns *d)
{
	/* clang-format off */
	static const char *const options[][2] = {
		{ "module-config:", "iterator" },
		{ "do-not-query-localhost:", "no" },
		{ "unblock-lan-zones:", "yes" },
		{ "rrset-roundrobin:", "no" },
		{ "msg-cache-size:", "64k" },
		{ "msg-cache-slabs:", "1" },
		{ "rrset-cache-size:", "128k" },
		{ "rrset-cache-slabs:", "1" },
		{ "key-cache-size:", "16k" },
		{ "key-cache-slabs:", "1" },
		{ "infra-cache-slabs:", "1" },
		{ "infra-cache-numhosts:", "64" },
		{ "outgoing-num-tcp:", "4" },
		{ "outgoing-range:", "128" },
		{ "outgoing-port-avoid:", "0-32767" },
		{ "num-queries-per-thread:", "256" },
	};
	/* clang-format on */
	static const char *const open_zones[] = { "test.", "home.arpa." };

	d->events = events_new(d->loop);
	d->unbound = ub_ctx_create_ub_event(d->events);
	if (!d->unbound)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (ub_ctx_set_option(d->unbound, options[i][0], options[i][1]))
			bug("dns: option %s", options[i][0]);
	for (uint32_t i = 0; i < d->servers.count; i++)
		if (ub_ctx_set_fwd(d->unbound, d->servers.text[i]))
			return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(open_zones); i++)
		if (ub_ctx_zone_add(d->unbound, open_zones[i], "transparent"))
			return -EINVAL;
	return 0;
}

static void stop_unbound(struct dns *d)
{
	if (d->unbound)
		ub_ctx_delete(d->unbound);
	d->unbound = NULL;
	events_free(&d->events);
}

static void open_question(struct entry *e)
{
	struct dns *d = e->dns;

	arena_done(&e->arena);
	e->open = true;
	if (!d->unbound && start_unbound(d) < 0) {
		stop_unbound(d);
		fail(e);
		return;
	}
	loop_timer_set(d->loop, &e->timer, loop_now(d->loop) + d->timeout);
	if (ub_resolve_event(d->unbound, e->name, (int)e->type, CLASS_IN, e,
	        on_answer, &e->async_id))
		fail(e);
}

static void make_room(struct dns *d)
{
	LIST_FOR(link, &d->used)
	{
		struct entry *e = CONTAINER_OF(link, struct entry, used);

		if (d->entries.count < CACHE_ENTRIES_MAX)
			return;
		if (!e->open && !e->busy && list_is_empty(&e->ready))
			free_entry(d, e);
	}
}

static struct entry *new_entry(
    struct dns *d, span name, enum dns_type type, uint64_t hash)
{
	struct entry *e;

	make_room(d);
	e = NEW(struct entry);
	e->dns = d;
	e->type = type;
	e->name = mem_new(name.len + 1, 1);
	memcpy(e->name, name.ptr, name.len);
	e->timer.fn = on_timeout;
	e->timer.ctx = e;
	arena_init(&e->arena, ENTRY_MEMORY_MAX);
	list_init(&e->ready);
	list_init(&e->waiters);
	list_append(&d->used, &e->used);
	hmap_put(&d->entries, &e->node, hash);
	return e;
}

static struct entry *find_entry(
    const struct dns *d, span name, enum dns_type type, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&d->entries, hash); n; n = hmap_next(n, hash)) {
		struct entry *e = CONTAINER_OF(n, struct entry, node);

		if (e->type == type && span_eq(name, span_str(e->name)))
			return e;
	}
	return NULL;
}

/* Lower case, without the last dot; an empty span if it cannot exist. */
static span normalize(span name, char text[DNS_QUERY_NAME_MAX])
{
	size_t label = 0;

	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len > DNS_QUERY_NAME_MAX - 2)
		return SPAN_NONE;
	for (size_t i = 0; i < name.len; i++) {
		text[i] = ascii_lower(name.ptr[i]);
		if (text[i] == '.' && !label)
			return SPAN_NONE;
		label = text[i] == '.' ? 0 : label + 1;
		if (label > 63 || !ascii_is_print(text[i]) || text[i] == '\\')
			return SPAN_NONE;
	}
	return label ? span_of(text, name.len) : SPAN_NONE;
}

const struct dns_answer *dns_ask(
    struct dns *d, span name, enum dns_type type, struct dns_query *q)
{
	char text[DNS_QUERY_NAME_MAX];
	struct entry *e;
	uint64_t hash;

	name = normalize(name, text);
	if (!name.len)
		return &no_such_name;
	hash = hash_bytes(name) ^ hash_u64(type);
	e = find_entry(d, name, type, hash);
	if (!e)
		e = new_entry(d, name, type, hash);
	list_remove(&e->used);
	list_append(&d->used, &e->used);
	if (!e->open && (e->busy || loop_now(d->loop) < e->expires))
		return &e->answer;
	list_init(&q->link);
	list_append(&e->waiters, &q->link);
	/* Ready but already stale (TTL 0): the same answer will do. */
	if (!e->open && list_is_empty(&e->ready))
		open_question(e);
	return NULL;
}

void dns_cancel(struct dns_query *q)
{
	if (q->link.next)
		list_remove(&q->link);
}

/* The hosts file */

static void count_host(void *ctx, span name, const struct dns_host *host)
{
	(void)name;
	(void)host;
	++*(size_t *)ctx;
}

static void keep_host(void *ctx, span name, const struct dns_host *host)
{
	struct dns *d = ctx;

	d->hosts[d->nhosts].host = *host;
	d->hosts[d->nhosts].name = arena_dup(&d->names, name);
	d->nhosts++;
}

const struct dns_answer *dns_hosts(struct dns *d, span name, enum dns_type type)
{
	uint32_t n = 0;

	for (size_t i = 0; i < d->nhosts && n < HOST_ANSWERS_MAX; i++) {
		const struct host *h = &d->hosts[i];

		if (h->host.is_v6 != (type == DNS_TYPE_AAAA) ||
		    !span_eq_nocase(h->name, name))
			continue;
		d->host_records[n] = (struct dns_record){ 0 };
		memcpy(d->host_records[n++].addr, h->host.addr, 16);
	}
	d->host_answer = (struct dns_answer){
		.status = DNS_OK,
		.nrecords = n,
		.records = d->host_records,
	};
	return n ? &d->host_answer : NULL;
}

/* 0 also when there is no such file. */
static int read_file(const char *path, struct buf *out)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return file_read_all(fd, out);
}

static int read_servers(struct dns *d, const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	int r = read_file(path, &text);

	if (r < 0)
		return r;
	dns_servers_parse(buf_span(&text), &d->servers);
	if (!d->servers.count)
		dns_servers_parse(SPAN("nameserver 127.0.0.1"), &d->servers);
	return 0;
}

static int read_hosts(struct dns *d, const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	size_t count = 0;
	int r;

	if (!path)
		return 0;
	r = read_file(path, &text);
	if (r < 0)
		return r;
	dns_hosts_parse(buf_span(&text), count_host, &count);
	d->hosts = mem_new(count, sizeof(*d->hosts));
	dns_hosts_parse(buf_span(&text), keep_host, d);
	return 0;
}

int dns_new(struct loop *l, const struct dns_setup *setup, struct dns **ret_dns)
{
	struct dns *d = NEW(struct dns);
	int r;

	d->loop = l;
	d->timeout = setup->timeout ? setup->timeout : default_timeout;
	d->deliver.fn = on_ready;
	d->deliver.ctx = d;
	hmap_init(&d->entries);
	list_init(&d->used);
	list_init(&d->ready);
	arena_init(&d->names, (size_t)FILE_MAX * 16);
	r = read_servers(d, setup->resolv_conf);
	if (r == 0)
		r = read_hosts(d, setup->hosts);
	if (r < 0) {
		dns_free(&d);
		return r;
	}
	*ret_dns = d;
	return 0;
}

void dns_free(struct dns **dns)
{
	struct dns *d = *dns;
	struct hnode *n;

	if (!d)
		return;
	stop_unbound(d);
	while ((n = hmap_any(&d->entries)))
		free_entry(d, CONTAINER_OF(n, struct entry, node));
	hmap_done(&d->entries);
	loop_timer_stop(d->loop, &d->deliver);
	arena_done(&d->names);
	mem_free(d->hosts);
	mem_free(d);
	*dns = NULL;
}
