/* SPDX-License-Identifier: ISC */
#include "daemon/rules/client.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include "mail/address.h"

static const span unknown = SPAN_INIT("unknown");

void client_unknown(struct rules_client_is *ret)
{
	ret->name = unknown;
	ret->reverse_name = unknown;
	ret->name_status = RULES_NAME_UNKNOWN;
	ret->reverse_status = RULES_NAME_UNKNOWN;
	ret->warning = SPAN_NONE;
}

static bool is_temporary(int error)
{
	return error == EAI_AGAIN || error == EAI_MEMORY || error == EAI_SYSTEM;
}

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
};

static bool parse_address(span text, struct endpoint *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret->addr;
	struct sockaddr_in *four = (struct sockaddr_in *)&ret->addr;
	char copy[INET6_ADDRSTRLEN];

	*ret = (struct endpoint){ 0 };
	if (text.len >= sizeof(copy))
		return false;
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET6, copy, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		ret->len = sizeof(*six);
		return true;
	}
	if (inet_pton(AF_INET, copy, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		ret->len = sizeof(*four);
		return true;
	}
	return false;
}

static bool is_same(const struct endpoint *e, const struct sockaddr *other)
{
	const struct sockaddr_in6 *six = (const void *)&e->addr;
	const struct sockaddr_in *four = (const void *)&e->addr;

	if (e->addr.ss_family != other->sa_family)
		return false;
	if (other->sa_family == AF_INET)
		return four->sin_addr.s_addr ==
		    ((const struct sockaddr_in *)(const void *)other)
		        ->sin_addr.s_addr;
	return !memcmp(&six->sin6_addr,
	    &((const struct sockaddr_in6 *)(const void *)other)->sin6_addr,
	    sizeof(six->sin6_addr));
}

/* 0, or an EAI_ error; a name that is none counts as not found. */
static int find_name(const struct endpoint *e, char *name, size_t size)
{
	int error = getnameinfo((const struct sockaddr *)&e->addr, e->len, name,
	    (socklen_t)size, NULL, 0, NI_NAMEREQD);

	if (error == 0 && !address_is_hostname(span_str(name)))
		return EAI_NONAME;
	return error;
}

static void not_confirmed(
    struct rules_client_is *ret, struct arena *a, span addr, const char *reason)
{
	struct buf b = BUF_INIT(2000);

	buf_printf(&b, "hostname %.*s does not resolve to address %.*s%s%s",
	    PRI(ret->reverse_name), PRI(addr), reason ? ": " : "",
	    reason ? reason : "");
	ret->warning = arena_dup(a, buf_span(&b));
	ret->name = unknown;
	buf_done(&b);
}

/* Does the name lead back? */
static void confirm(struct rules_client_is *ret, struct arena *a, span addr,
    const struct endpoint *e)
{
	const struct addrinfo hints = { .ai_family = e->addr.ss_family,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int error = getaddrinfo(ret->reverse_name.ptr, NULL, &hints, &list);

	if (error) {
		ret->name_status = is_temporary(error) ? RULES_NAME_TRYAGAIN
		                                       : RULES_NAME_FORGED;
		not_confirmed(ret, a, addr, gai_strerror(error));
		return;
	}
	for (struct addrinfo *i = list; i; i = i->ai_next) {
		if (is_same(e, i->ai_addr)) {
			freeaddrinfo(list);
			return;
		}
	}
	freeaddrinfo(list);
	ret->name_status = RULES_NAME_FORGED;
	not_confirmed(ret, a, addr, NULL);
}

void client_look_up(span addr, struct arena *a, struct rules_client_is *ret)
{
	struct endpoint e;
	char name[NI_MAXHOST];
	char *copy;
	int error;

	client_unknown(ret);
	if (!parse_address(addr, &e))
		return;
	error = find_name(&e, name, sizeof(name));
	copy = error ? NULL : arena_cstr(a, span_str(name));
	if (!copy) {
		if (is_temporary(error))
			ret->name_status = ret->reverse_status =
			    RULES_NAME_TRYAGAIN;
		return;
	}
	ret->name = ret->reverse_name = span_str(copy);
	ret->name_status = ret->reverse_status = RULES_NAME_OK;
	confirm(ret, a, addr, &e);
}
