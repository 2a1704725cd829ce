/* SPDX-License-Identifier: ISC */
/*
 * conf/facts.c - what the configuration has to know about the machine: its
 * name, its addresses, and the networks that follow from them.
 *
 * Gathered once, by whoever reads the files; the daemons get the result with
 * the snapshot and ask nobody.
 */
#include "conf/conf_internal.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

struct addresses {
	struct conf_address *items;
	uint32_t count;
};

static void addresses_done(struct addresses *a)
{
	mem_free(a->items);
	a->items = NULL;
}

static size_t address_size(const struct conf_address *a)
{
	return a->family == 6 ? 16 : 4;
}

static bool same_address(
    const struct conf_address *a, const struct conf_address *b)
{
	return a->family == b->family && a->scope == b->scope &&
	    memcmp(a->bytes, b->bytes, address_size(a)) == 0;
}

static struct conf_address *find_address(
    const struct addresses *list, const struct conf_address *a)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (same_address(&list->items[i], a))
			return &list->items[i];
	return NULL;
}

static void put_address(struct addresses *list, const struct conf_address *a)
{
	if (list->count == CONF_MAX_ADDRESSES || find_address(list, a))
		return;
	list->items =
	    mem_resize(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = *a;
}

static bool from_sockaddr(const struct sockaddr *sa, struct conf_address *ret)
{
	*ret = (struct conf_address){ 0 };
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		ret->family = 4;
		ret->prefix = 32;
		memcpy(ret->bytes, &in->sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		ret->family = 6;
		ret->prefix = 128;
		ret->scope = in6->sin6_scope_id;
		memcpy(ret->bytes, &in6->sin6_addr, 16);
		return true;
	}
	return false;
}

/* Leading one bits. */
static uint8_t mask_length(const struct conf_address *mask)
{
	uint8_t n = 0;

	while (
	    n < 8 * address_size(mask) && mask->bytes[n / 8] & (0x80 >> n % 8))
		n++;
	return n;
}

/* Every address of an interface that is up. */
static void list_interfaces(struct conf *conf, struct addresses *list)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct conf_address a;
		struct conf_address mask;

		if (!(i->ifa_flags & IFF_UP) || !i->ifa_addr ||
		    !i->ifa_netmask || !from_sockaddr(i->ifa_addr, &a) ||
		    !conf_has_family(conf, a.family))
			continue;
		if (from_sockaddr(i->ifa_netmask, &mask))
			a.prefix = mask_length(&mask);
		put_address(list, &a);
	}
	freeifaddrs(all);
}

static bool is_loopback(const struct conf_address *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	if (a->family == 4)
		return a->bytes[0] == 127;
	return memcmp(a->bytes, v6, sizeof(v6)) == 0;
}

/* The addresses of a host name or of a numeric address, "[...]" or not. */
static bool put_host(struct conf *conf, span host,
    const struct addresses *interfaces, struct addresses *list)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char name[256];

	if (span_skip(&host, SPAN("[")) && host.len > 0)
		host.len--;
	if (host.len >= sizeof(name))
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", PRI(host));
	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (struct addrinfo *i = found; i; i = i->ai_next) {
		struct conf_address a;
		const struct conf_address *own;

		if (!from_sockaddr(i->ai_addr, &a) ||
		    !conf_has_family(conf, a.family))
			continue;
		own = find_address(interfaces, &a);
		put_address(list, own ? own : &a);
	}
	freeaddrinfo(found);
	return true;
}

static bool choose(struct conf *conf, span chosen,
    const struct addresses *interfaces, struct addresses *list)
{
	span word;

	while ((word = span_word(&chosen, ", \t\r\n")).len > 0) {
		if (span_eq(word, SPAN("all")) ||
		    span_eq(word, SPAN("loopback-only"))) {
			bool all = word.len == 3;

			for (uint32_t i = 0; i < interfaces->count; i++)
				if (all || is_loopback(&interfaces->items[i]))
					put_address(
					    list, &interfaces->items[i]);
		} else if (!put_host(conf, word, interfaces, list)) {
			return false;
		}
	}
	return true;
}

static void keep_addresses(struct conf *conf, const struct addresses *list)
{
	struct conf_address *kept =
	    arena_alloc(&conf->arena, list->count + 1, sizeof(*kept));

	if (!kept)
		bug("configuration larger than %d bytes", CONF_ARENA_MAX);
	if (list->count > 0)
		memcpy(kept, list->items, list->count * sizeof(*kept));
	conf->addresses = kept;
	conf->naddresses = list->count;
}

void conf_put_hostname(struct conf *conf)
{
	char name[256] = "";

	(void)gethostname(name, sizeof(name) - 1);
	conf->hostname =
	    arena_dup(&conf->arena, span_str(name[0] ? name : "localhost"));
}

bool conf_put_facts(struct conf *conf, struct conf_report *report)
{
	CLEANUP(addresses_done) struct addresses interfaces = { NULL, 0 };
	CLEANUP(addresses_done) struct addresses list = { NULL, 0 };
	span chosen;

	conf_put_hostname(conf);
	chosen = conf_value(conf, CONF_MAIN, SPAN("inet_interfaces"));
	list_interfaces(conf, &interfaces);
	if (!choose(conf, chosen, &interfaces, &list)) {
		const struct setting *s =
		    conf_setting(conf, SPAN("inet_interfaces"));

		buf_printf(&report->error,
		    "%.*s/main.cf, line %u: inet_interfaces: host not "
		    "found: %.*s; write \"all\", \"loopback-only\", or names "
		    "and addresses of this machine",
		    PRI(conf->dir), s ? s->line : 0, PRI(chosen));
		return false;
	}
	keep_addresses(conf, &list);
	return true;
}

/* mynetworks_style = class: the network that the first bits stand for. */
static uint8_t class_prefix(const struct conf_address *a)
{
	if (a->family == 6)
		return a->prefix;
	if (a->bytes[0] < 128)
		return 8;
	if (a->bytes[0] < 192)
		return 16;
	return a->bytes[0] < 224 ? 24 : 4;
}

static void put_network(
    const struct conf_address *a, uint8_t prefix, struct buf *out)
{
	struct conf_address net = *a;
	char text[INET6_ADDRSTRLEN];

	for (size_t bit = prefix; bit < 8 * address_size(a); bit++)
		net.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	if (a->family == 4) {
		(void)inet_ntop(AF_INET, net.bytes, text, sizeof(text));
		buf_printf(out, "%s/%u", text, prefix);
	} else {
		(void)inet_ntop(AF_INET6, net.bytes, text, sizeof(text));
		buf_printf(out, "[%s]/%u", text, prefix);
	}
}

/* Whether a list of words has this one. */
static bool has_word(span list, span word)
{
	span next;

	while ((next = span_word(&list, " ")).len > 0)
		if (span_eq(next, word))
			return true;
	return false;
}

void conf_put_networks(struct conf *conf, uint32_t service, struct buf *out)
{
	span style = conf_value(conf, service, SPAN("mynetworks_style"));

	for (uint32_t i = 0; i < conf->naddresses; i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(100);
		const struct conf_address *a = &conf->addresses[i];
		uint8_t prefix = a->family == 6 ? 128 : 32;

		if (span_eq(style, SPAN("class")))
			prefix = class_prefix(a);
		else if (span_eq(style, SPAN("subnet")))
			prefix = a->prefix;
		put_network(a, prefix, &text);
		if (has_word(buf_span(out), buf_span(&text)))
			continue;
		if (out->len > 0)
			buf_putc(out, ' ');
		buf_put(out, buf_span(&text));
	}
}
