/* SPDX-License-Identifier: ISC */
/*
 * A client with nothing open stays for a while, or it could begin a new
 * window by hanging up. Each open looks at the oldest of those and drops what
 * is over, so that the table does not grow with the number of clients ever
 * seen.
 */
#include "daemon/smtpd/limits.h"

enum { SWEEP = 4 };

static const usec keep = 5 * USEC_MIN;

struct limits {
	struct hmap clients;
	struct list idle; /* longest idle first */
};

struct limits *limits_new(void)
{
	struct limits *l = NEW(struct limits);

	hmap_init(&l->clients);
	list_init(&l->idle);
	return l;
}

static void drop(struct limits *l, struct limits_client *c)
{
	hmap_remove(&l->clients, &c->node);
	list_remove(&c->idle);
	mem_free(c->key);
	mem_free(c);
}

void limits_free(struct limits **l)
{
	struct hnode *n;

	if (!*l)
		return;
	while ((n = hmap_any(&(*l)->clients)))
		drop(*l, CONTAINER_OF(n, struct limits_client, node));
	hmap_done(&(*l)->clients);
	mem_free(STEAL(*l));
}

static void sweep(struct limits *l, usec now)
{
	for (int i = 0; i < SWEEP && !list_is_empty(&l->idle); i++) {
		struct limits_client *c =
		    CONTAINER_OF(l->idle.next, struct limits_client, idle);

		if (c->since + keep > now)
			break;
		drop(l, c);
	}
}

static struct limits_client *find(
    const struct limits *l, span key, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&l->clients, hash); n; n = hmap_next(n, hash)) {
		struct limits_client *c =
		    CONTAINER_OF(n, struct limits_client, node);

		if (span_eq(span_of(c->key, c->key_len), key))
			return c;
	}
	return NULL;
}

struct limits_client *limits_open(
    struct limits *l, span service, span addr, usec now)
{
	size_t len = service.len + 1 + addr.len;
	char *key = mem_new(len, 1);
	struct limits_client *c;
	uint64_t hash;

	memcpy(key, service.ptr, service.len);
	memcpy(key + service.len + 1, addr.ptr, addr.len);
	hash = hash_bytes(span_of(key, len));
	sweep(l, now);
	c = find(l, span_of(key, len), hash);
	if (c) {
		mem_free(key);
	} else {
		c = NEW(struct limits_client);
		list_init(&c->idle);
		c->key = key;
		c->key_len = len;
		c->since = now;
		hmap_put(&l->clients, &c->node, hash);
	}
	list_remove(&c->idle);
	c->open++;
	return c;
}

void limits_close(struct limits *l, struct limits_client *c, usec now)
{
	if (--c->open)
		return;
	/* From here on the window tells how long it is kept. */
	if (c->since + keep < now)
		c->since = now;
	list_append(&l->idle, &c->idle);
}

uint32_t limits_count(
    struct limits_client *c, enum limits_event what, usec unit, usec now)
{
	uint32_t *const counts[] = {
		[LIMITS_CONNECT] = &c->connects,
		[LIMITS_MESSAGE] = &c->messages,
		[LIMITS_RCPT] = &c->rcpts,
	};

	if (c->since + unit < now) {
		c->since = now;
		c->connects = 0;
		c->messages = 0;
		c->rcpts = 0;
	}
	return ++*counts[what];
}

uint32_t limits_share(uint32_t limit, uint32_t processes)
{
	uint64_t share;

	if (!limit || processes < 2)
		return limit;
	share = ((uint64_t)limit + processes - 1) / processes;
	return (uint32_t)((share + limit + 1) / 2);
}
