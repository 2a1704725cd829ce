/* SPDX-License-Identifier: ISC */
/*
 * tool/setup_roles.c - what each role sets, and what can be found out.
 *
 * The roles are those that courses teach: a null client only sends, to a
 * relay host; an inbound server delivers what is for its domain and gives the
 * rest to a relay host; an outbound relay takes mail of its networks and finds
 * the next hop itself; an Internet host does both.
 *
 * A role sets all parameters of the table below, so that one role can follow
 * another. What is disabled is delivery to this host's own names: mail for the
 * rest of the domain, and so what cron sends to root, goes on.
 * What the operator alone can know and has written down before
 * (myorigin, relayhost) stays, unless an option says otherwise.
 */
#include "tool/setup.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 255 };

#define LOOPBACK "127.0.0.0/8, [::1]/128"
#define DISABLED "error:local delivery is disabled"
#define NOBODY   ""
#define RELAY    NULL /* has to be known */
#define OURS     NULL /* is found out */

static const struct role {
	const char *name;
	const char *what;
	const char *origin;
	const char *destination;
	const char *networks;
	const char *interfaces;
	const char *relayhost;
	const char *local_transport;
	bool has_users; /* delivers to mailboxes, so it needs aliases */
} roles[SETUP_ROLES] = {
	[SETUP_NULL_CLIENT] = { "null-client",
	    "sends all mail to a relay host; receives none", "$mydomain",
	    "localhost, $myhostname", LOOPBACK, "loopback-only", RELAY,
	    DISABLED, false },
	[SETUP_INBOUND] = { "inbound",
	    "delivers mail for its domain; sends the rest to a relay host",
	    "$mydomain", "localhost, $myhostname, $mydomain", LOOPBACK, "all",
	    RELAY, "local:$myhostname", true },
	[SETUP_RELAY] = { "relay",
	    "sends mail of its networks to the Internet; delivers none",
	    "$mydomain", "localhost, $myhostname", OURS, "all", NOBODY,
	    DISABLED, false },
	[SETUP_INTERNET] = { "internet",
	    "delivers mail for this host; sends the rest itself", "$myhostname",
	    "$myhostname, localhost.$mydomain, localhost", LOOPBACK, "all",
	    NOBODY, "local:$myhostname", true },
};

const char *setup_role_name(enum setup_role role)
{
	return roles[role].name;
}

const char *setup_role_what(enum setup_role role)
{
	return roles[role].what;
}

bool setup_role_find(const char *name, enum setup_role *ret)
{
	for (enum setup_role r = 0; r < SETUP_ROLES; r++) {
		if (strcmp(name, roles[r].name) == 0) {
			*ret = r;
			return true;
		}
	}
	return false;
}

/* ---- what can be found out ---- */

/* What comes first: an option, what stands in main.cf, the role's own. */
static const char *choose(
    const char *option, const char *now, const char *preset)
{
	if (option)
		return option;
	return now ? now : preset;
}

/* The value that main.cf has; NULL if it has none. */
static const char *value_now(
    const struct conf *old, const char *name, char text[SETUP_TEXT_MAX])
{
	span value =
	    old ? conf_set_value(old, CONF_MAIN, span_str(name)) : SPAN_NONE;

	if (value.len == 0 || value.len >= SETUP_TEXT_MAX)
		return NULL;
	(void)snprintf(text, SETUP_TEXT_MAX, "%.*s", PRI(value));
	return text;
}

/*
 * The host's full name where the bare one lacks its domain: as the resolver
 * (/etc/hosts, DNS) tells it. NULL: the bare one will do, or nobody knows.
 */
static const char *full_host_name(char text[NAME_MAX_LEN + 1])
{
	struct addrinfo hints = {
		.ai_flags = AI_CANONNAME,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char host[NAME_MAX_LEN + 1] = "";
	bool full;

	if (gethostname(host, NAME_MAX_LEN) < 0 || strchr(host, '.'))
		return NULL;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		found = NULL;
	full = found && found->ai_canonname &&
	    strchr(found->ai_canonname, '.') &&
	    strlen(found->ai_canonname) <= NAME_MAX_LEN &&
	    strncmp(found->ai_canonname, "localhost", 9) != 0;
	if (full)
		(void)snprintf(
		    text, NAME_MAX_LEN + 1, "%s", found->ai_canonname);
	if (found)
		freeaddrinfo(found);
	if (full)
		return text;
	(void)fprintf(stderr,
	    "chasqui: warning: the host name \"%s\" has no domain; say "
	    "--hostname %s.example.com if this host has one\n",
	    host, host);
	return NULL;
}

static bool host_exists(const char *name)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool is_private_4(const uint8_t *a)
{
	return a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 192 && a[1] == 168);
}

/* A network of our own, whose hosts nobody else can be: or else false. */
static bool parse_network(const struct ifaddrs *i, int *ret_family,
    uint8_t address[16], uint8_t mask[16])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (!i->ifa_addr || !i->ifa_netmask || i->ifa_flags & IFF_LOOPBACK)
		return false;
	*ret_family = i->ifa_addr->sa_family;
	if (*ret_family == AF_INET) {
		memcpy(&in, i->ifa_addr, sizeof(in));
		memcpy(address, &in.sin_addr, 4);
		memcpy(&in, i->ifa_netmask, sizeof(in));
		memcpy(mask, &in.sin_addr, 4);
		return is_private_4(address);
	}
	if (*ret_family != AF_INET6)
		return false;
	memcpy(&in6, i->ifa_addr, sizeof(in6));
	memcpy(address, &in6.sin6_addr, 16);
	memcpy(&in6, i->ifa_netmask, sizeof(in6));
	memcpy(mask, &in6.sin6_addr, 16);
	return (address[0] & 0xfe) == 0xfc;
}

/* "192.168.0.0/24" or "[fd00::]/64"; once each. */
static void put_network(struct buf *out, const struct ifaddrs *i)
{
	uint8_t address[16];
	uint8_t mask[16];
	char text[INET6_ADDRSTRLEN];
	char network[INET6_ADDRSTRLEN + 8];
	unsigned bits = 0;
	int family;
	size_t n;

	if (!parse_network(i, &family, address, mask))
		return;
	n = family == AF_INET ? 4 : 16;
	for (size_t k = 0; k < n; k++) {
		address[k] &= mask[k];
		bits += (unsigned)__builtin_popcount(mask[k]);
	}
	if (!inet_ntop(family, address, text, sizeof(text)))
		return;
	(void)snprintf(network, sizeof(network),
	    family == AF_INET ? "%s/%u, " : "[%s]/%u, ", text, bits);
	if (out->len == 0 || !strstr(buf_cstr(out), network))
		buf_put(out, span_str(network));
}

static void put_networks(struct buf *out)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		all = NULL;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		put_network(out, i);
	if (all)
		freeifaddrs(all);
	if (out->len == 0)
		(void)fputs("chasqui: warning: this host has no private "
		            "network; say --networks whose mail it relays\n",
		    stderr);
	buf_put(out, SPAN(LOOPBACK));
}

/* The domain that mydomain will have; false if there is none. */
static bool find_domain(const struct setup_wish *wish, const struct conf *old,
    const char *host, char text[NAME_MAX_LEN + 1])
{
	char now[SETUP_TEXT_MAX];
	char bare[NAME_MAX_LEN + 1] = "";
	const char *known =
	    choose(wish->domain, value_now(old, "mydomain", now), NULL);
	const char *dot;

	if (known) {
		(void)snprintf(text, NAME_MAX_LEN + 1, "%s", known);
		return true;
	}
	if (!host && gethostname(bare, NAME_MAX_LEN) == 0)
		host = bare;
	dot = host ? strchr(host, '.') : NULL;
	if (!dot || !dot[1])
		return false;
	(void)snprintf(text, NAME_MAX_LEN + 1, "%s", dot + 1);
	return true;
}

/* ---- the settings ---- */

static void set(struct setup_settings *s, const char *name, const char *value)
{
	if (s->n == SETUP_SETTINGS_MAX)
		bug("more settings than a role has");
	(void)snprintf(s->text[s->n++], SETUP_TEXT_MAX, "%s=%s", name, value);
}

static bool set_relayhost(const struct setup_wish *wish, const struct conf *old,
    const char *host, struct setup_settings *s)
{
	const struct role *role = &roles[wish->role];
	const char *preset = role->relayhost;
	const char *now = NULL;
	char text[SETUP_TEXT_MAX];
	char domain[NAME_MAX_LEN + 1];
	char guess[NAME_MAX_LEN + 8] = "";

	if (preset == RELAY)
		now = value_now(old, "relayhost", text);
	if (!wish->relayhost && preset == RELAY && !now) {
		if (find_domain(wish, old, host, domain))
			(void)snprintf(guess, sizeof(guess), "smtp.%s", domain);
		if (!guess[0] || !host_exists(guess)) {
			(void)fprintf(stderr,
			    "chasqui: which relay host?%s%s%s say "
			    "--relayhost HOST\n",
			    guess[0] ? " There is no " : "", guess,
			    guess[0] ? ":" : "");
			return false;
		}
		preset = guess;
	}
	set(s, "relayhost", choose(wish->relayhost, now, preset));
	return true;
}

static void set_aliases(const struct conf *old, struct setup_settings *s)
{
	static const char *const names[] = { "alias_database", "alias_maps" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!old ||
		    !conf_set_value(old, CONF_MAIN, span_str(names[i])).ptr)
			set(s, names[i], "hash:/etc/aliases");
}

static void set_names(const struct setup_wish *wish, const struct conf *old,
    const char *host, struct setup_settings *s)
{
	char text[SETUP_TEXT_MAX];

	if (!old)
		set(s, "compatibility_level", "3.6");
	if (wish->hostname || (host && !value_now(old, "myhostname", text)))
		set(s, "myhostname", host);
	if (wish->domain)
		set(s, "mydomain", wish->domain);
	set(s, "myorigin",
	    choose(wish->origin, value_now(old, "myorigin", text),
	        roles[wish->role].origin));
}

bool setup_settings(const struct setup_wish *wish, const struct conf *old,
    struct setup_settings *ret)
{
	CLEANUP(buf_done) struct buf networks = BUF_INIT(SETUP_TEXT_MAX);
	const struct role *role = &roles[wish->role];
	char name[SETUP_TEXT_MAX];
	char found[NAME_MAX_LEN + 1];
	const char *host =
	    choose(wish->hostname, value_now(old, "myhostname", name), NULL);

	if (!host)
		host = full_host_name(found);
	ret->n = 0;
	set_names(wish, old, host, ret);
	if (!wish->networks && role->networks == OURS)
		put_networks(&networks);
	else
		buf_put(&networks,
		    span_str(choose(wish->networks, NULL, role->networks)));
	set(ret, "mydestination", role->destination);
	set(ret, "mynetworks", buf_cstr(&networks));
	set(ret, "inet_interfaces",
	    choose(wish->interfaces, NULL, role->interfaces));
	set(ret, "local_transport", role->local_transport);
	if (role->has_users)
		set_aliases(old, ret);
	return set_relayhost(wish, old, host, ret);
}
