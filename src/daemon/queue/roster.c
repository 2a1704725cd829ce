/* SPDX-License-Identifier: ISC */
#include "daemon/queue/roster.h"

#include "base/wire.h"

void roster_init(struct roster *x)
{
	pool_init(&x->messages, sizeof(struct message));
	hmap_init(&x->by_id);
	hmap_init(&x->domains);
	heap_init(&x->retry);
}

void roster_done(struct roster *x)
{
	struct hnode *n;

	while ((n = hmap_any(&x->by_id)))
		roster_remove(x, CONTAINER_OF(n, struct message, node));
	hmap_done(&x->by_id);
	hmap_done(&x->domains);
	pool_done(&x->messages);
	heap_done(&x->retry);
}

struct message *roster_add(struct roster *x, msgid id)
{
	struct message *m = pool_take(&x->messages);

	m->id = id;
	hmap_put(&x->by_id, &m->node, hash_u64(id));
	return m;
}

struct message *roster_find(const struct roster *x, msgid id)
{
	uint64_t hash = hash_u64(id);

	for (struct hnode *n = hmap_first(&x->by_id, hash); n;
	     n = hmap_next(n, hash)) {
		struct message *m = CONTAINER_OF(n, struct message, node);

		if (m->id == id)
			return m;
	}
	return NULL;
}

static void domain_release(struct roster *x, struct message *m)
{
	struct domain *d = STEAL(m->domain);

	if (!d || --d->users)
		return;
	hmap_remove(&x->domains, &d->node);
	mem_free(d);
}

void roster_remove(struct roster *x, struct message *m)
{
	domain_release(x, m);
	heap_remove(&x->retry, &m->retry);
	hmap_remove(&x->by_id, &m->node);
	pool_give(&x->messages, m);
}

static struct domain *domain_get(struct roster *x, span name)
{
	uint64_t hash = hash_bytes_nocase(name);
	struct domain *d;

	for (struct hnode *n = hmap_first(&x->domains, hash); n;
	     n = hmap_next(n, hash)) {
		d = CONTAINER_OF(n, struct domain, node);
		if (span_eq_nocase(span_of(d->text, d->len), name))
			return d;
	}
	d = mem_new(1, sizeof(*d) + name.len);
	d->len = (unsigned char)name.len;
	memcpy(d->text, name.ptr, name.len);
	hmap_put(&x->domains, &d->node, hash);
	return d;
}

void roster_set_domain(struct roster *x, struct message *m, span domain)
{
	struct domain *d = NULL;

	if (domain.len) {
		d = domain_get(x, span_first(domain, 255));
		d->users++;
	}
	domain_release(x, m);
	m->domain = d;
}

void roster_digest_put(struct buf *out, const struct roster_digest *d)
{
	wire_put_u8(out, d->many);
	wire_put_span(out, span_first(d->domain, 255));
}

bool roster_digest_get(span bytes, struct roster_digest *ret)
{
	struct wire w = wire_from(bytes);

	ret->many = wire_u8(&w) != 0;
	ret->domain = wire_span(&w);
	return wire_is_done(&w) && ret->domain.len <= 255;
}

void roster_state_digest_put(
    struct buf *out, const struct roster_state_digest *d)
{
	wire_put_u64(out, d->retry);
	wire_put_u8(out, d->flags);
}

bool roster_state_digest_get(span bytes, struct roster_state_digest *ret)
{
	struct wire w = wire_from(bytes);

	ret->retry = wire_u64(&w);
	ret->flags = wire_u8(&w);
	return wire_is_done(&w);
}
