/* SPDX-License-Identifier: ISC */
/*
 * conf/codec.c - a snapshot as bytes, for the daemons.
 *
 *	u32 magic | span dir | span hostname
 *	u32 n | settings: u32 line, span name, span value
 *	u32 n | services
 *	u32 n | addresses
 *
 * master and daemons come from one build; the magic number guards against
 * mixing builds, which an upgrade in place can do.
 */
#include "conf/conf_internal.h"

#include "base/wire.h"
#include "os/error.h"
#include "os/file.h"

enum { MAGIC = 0x63710001 };

static void put_service(struct buf *out, const struct conf_service *s)
{
	wire_put_span(out, s->name);
	wire_put_span(out, s->command);
	wire_put_u8(out, s->type);
	wire_put_u8(out,
	    (uint8_t)(s->private | s->unprivileged << 1 | s->chroot << 2 |
	        s->wakeup_if_used << 3));
	wire_put_u64(out, s->wakeup);
	wire_put_u32(out, s->maxproc);
	wire_put_u32(out, s->verbose);
	wire_put_u32(out, s->line);
	wire_put_u32(out, s->noverrides);
	for (uint32_t i = 0; i < s->noverrides; i++) {
		wire_put_span(out, s->overrides[i].name);
		wire_put_span(out, s->overrides[i].value);
	}
	wire_put_u32(out, s->nargs);
	for (uint32_t i = 0; i < s->nargs; i++)
		wire_put_span(out, s->args[i]);
}

static void put_settings(struct buf *out, const struct conf *conf)
{
	struct hnode *n = NULL;

	wire_put_u32(out, (uint32_t)conf->settings.count);
	while ((n = hmap_each(&conf->settings, n))) {
		const struct setting *s =
		    CONTAINER_OF(n, struct setting, by_name);

		wire_put_u32(out, s->line);
		wire_put_span(out, s->name);
		wire_put_span(out, s->value);
	}
}

static void put_addresses(struct buf *out, const struct conf *conf)
{
	wire_put_u32(out, conf->naddresses);
	for (uint32_t i = 0; i < conf->naddresses; i++) {
		const struct conf_address *a = &conf->addresses[i];

		wire_put_u8(out, a->family);
		wire_put_u8(out, a->prefix);
		wire_put_span(out, span_of(a->bytes, sizeof(a->bytes)));
		wire_put_u32(out, a->scope);
	}
}

void conf_encode(const struct conf *conf, struct buf *out)
{
	wire_put_u32(out, MAGIC);
	wire_put_span(out, conf->dir);
	wire_put_span(out, conf->hostname);
	put_settings(out, conf);
	wire_put_u32(out, conf->nservices);
	for (uint32_t i = 0; i < conf->nservices; i++)
		put_service(out, &conf->services[i]);
	put_addresses(out, conf);
}

struct decoder {
	struct wire wire;
	struct conf *conf;
};

static span get_span(struct decoder *d)
{
	span copy = arena_dup(&d->conf->arena, wire_span(&d->wire));

	if (!copy.ptr)
		d->wire.failed = true;
	return copy;
}

/*
 * A count of items that take at least `least` bytes each: more than the
 * input can hold is a failure, so that it bounds what we allocate.
 */
static uint32_t get_count(struct decoder *d, size_t least)
{
	uint32_t n = wire_u32(&d->wire);

	if (d->wire.failed || n > d->wire.rest.len / least) {
		d->wire.failed = true;
		return 0;
	}
	return n;
}

static void *get_array(struct decoder *d, uint32_t n, size_t size)
{
	void *items = arena_alloc(&d->conf->arena, (size_t)n + 1, size);

	if (!items)
		d->wire.failed = true;
	return items;
}

static void get_settings(struct decoder *d)
{
	uint32_t n = get_count(d, 12);

	for (uint32_t i = 0; i < n && !d->wire.failed; i++) {
		uint32_t line = wire_u32(&d->wire);
		span name = wire_span(&d->wire);
		span value = wire_span(&d->wire);

		if (!d->wire.failed)
			(void)conf_set(d->conf, name, value, line);
	}
}

static void get_overrides(struct decoder *d, struct conf_service *s)
{
	uint32_t n = get_count(d, 8);
	struct conf_override *all = get_array(d, n, sizeof(*all));

	for (uint32_t i = 0; i < n && !d->wire.failed; i++) {
		all[i].name = get_span(d);
		all[i].value = get_span(d);
	}
	s->overrides = all;
	s->noverrides = d->wire.failed ? 0 : n;
}

static void get_args(struct decoder *d, struct conf_service *s)
{
	uint32_t n = get_count(d, 4);
	span *all = get_array(d, n, sizeof(*all));

	for (uint32_t i = 0; i < n && !d->wire.failed; i++)
		all[i] = get_span(d);
	s->args = all;
	s->nargs = d->wire.failed ? 0 : n;
}

static void get_service(struct decoder *d, struct conf_service *s)
{
	uint8_t flags;

	s->name = get_span(d);
	s->command = get_span(d);
	s->type = wire_u8(&d->wire);
	if (s->type > CONF_UNIX_DGRAM)
		d->wire.failed = true;
	flags = wire_u8(&d->wire);
	s->private = flags & 1;
	s->unprivileged = flags & 2;
	s->chroot = flags & 4;
	s->wakeup_if_used = flags & 8;
	s->wakeup = wire_u64(&d->wire);
	s->maxproc = wire_u32(&d->wire);
	s->verbose = wire_u32(&d->wire);
	s->line = wire_u32(&d->wire);
	get_overrides(d, s);
	get_args(d, s);
}

static void get_services(struct decoder *d)
{
	uint32_t n = get_count(d, 40);
	struct conf_service *all = get_array(d, n, sizeof(*all));

	for (uint32_t i = 0; i < n && !d->wire.failed; i++)
		get_service(d, &all[i]);
	d->conf->services = all;
	d->conf->nservices = d->wire.failed ? 0 : n;
}

static void get_address(struct decoder *d, struct conf_address *a)
{
	span bytes;

	a->family = wire_u8(&d->wire);
	a->prefix = wire_u8(&d->wire);
	bytes = wire_span(&d->wire);
	a->scope = wire_u32(&d->wire);
	if ((a->family != 4 && a->family != 6) ||
	    a->prefix > (a->family == 4 ? 32 : 128) ||
	    bytes.len != sizeof(a->bytes))
		d->wire.failed = true;
	else
		memcpy(a->bytes, bytes.ptr, sizeof(a->bytes));
}

static void get_addresses(struct decoder *d)
{
	uint32_t n = get_count(d, 26);
	struct conf_address *all = get_array(d, n, sizeof(*all));

	for (uint32_t i = 0; i < n && !d->wire.failed; i++)
		get_address(d, &all[i]);
	d->conf->addresses = all;
	d->conf->naddresses = d->wire.failed ? 0 : n;
}

int conf_decode(span bytes, struct conf **ret_conf)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new(SPAN(""));
	struct decoder d = { .wire = wire_from(bytes), .conf = conf };

	if (bytes.len > CONF_FILE_MAX || wire_u32(&d.wire) != MAGIC)
		return CONF_BAD;
	conf->dir = get_span(&d);
	conf->hostname = get_span(&d);
	get_settings(&d);
	get_services(&d);
	get_addresses(&d);
	if (!wire_is_done(&d.wire))
		return CONF_BAD;
	*ret_conf = STEAL(conf);
	return CONF_OK;
}

int conf_to_fd(const struct conf *conf)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(CONF_FILE_MAX);

	conf_encode(conf, &bytes);
	if (bytes.failed)
		return -EFBIG;
	return file_memfd("configuration", buf_span(&bytes));
}

int conf_from_fd(int fd, struct conf **ret_conf)
{
	CLEANUP(file_unmap) span map = SPAN_NONE;
	int r = file_map(fd, CONF_FILE_MAX, &map);

	if (r < 0)
		return r;
	return conf_decode(map, ret_conf);
}
