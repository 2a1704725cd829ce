/* SPDX-License-Identifier: ISC */
#include "conf/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>

#include "mail/address.h"

static bool is_address(int family, span text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address; /* room for both */

	if (text.len == 0 || text.len >= sizeof(copy) ||
	    span_find(text, '\0') >= 0)
		return false;
	(void)snprintf(copy, sizeof(copy), "%.*s", PRI(text));
	return inet_pton(family, copy, &address) == 1;
}

static bool is_number(span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!ascii_is_digit(text.ptr[i]))
			return false;
	return true;
}

/* "address]:port"; `rest` becomes ":port" or nothing. */
static const char *take_bracketed(span *rest, span *ret)
{
	bool v6 = span_skip_nocase(rest, SPAN("ipv6:"));
	ssize_t end = span_find(*rest, ']');

	if (end < 0)
		return "missing \"]\"";
	*ret = span_first(*rest, (size_t)end);
	*rest = span_from(*rest, (size_t)end + 1);
	if (rest->len > 0 && !span_skip(rest, SPAN(":")))
		return "garbage after \"]\"";
	if (v6 && !is_address(AF_INET6, *ret))
		return "malformed IPv6 address";
	return NULL;
}

const char *endpoint_split(span text, span *ret_host, span *ret_port)
{
	bool bracketed = span_skip(&text, SPAN("["));
	const char *wrong = NULL;
	span host = SPAN("");
	ssize_t colon;

	if (bracketed) {
		wrong = take_bracketed(&text, &host);
	} else if ((colon = span_rfind(text, ':')) >= 0) {
		host = span_first(text, (size_t)colon);
		text = span_from(text, (size_t)colon + 1);
	}
	if (wrong)
		return wrong;
	if (text.len == 0)
		return "missing service information";
	if ((bracketed || host.len > 0) && !address_is_hostname_utf8(host) &&
	    !is_address(AF_INET, host) && !is_address(AF_INET6, host))
		return "valid hostname or network address required";
	if (ascii_is_digit(text.ptr[0]) && !is_number(text))
		return "garbage after numerical service";
	*ret_host = host;
	*ret_port = text;
	return NULL;
}

/* known_tcp_ports: "lmtp=24, smtps=submissions=465" */
static bool find_known_port(struct conf *conf, span name, uint32_t *ret)
{
	span list = conf_value(conf, CONF_MAIN, SPAN("known_tcp_ports"));
	span entry;

	while ((entry = span_word(&list, ", \t\r\n")).len > 0) {
		ssize_t last = span_rfind(entry, '=');
		span port = span_from(entry, (size_t)(last + 1));

		while (last > 0 && entry.len > port.len)
			if (span_eq(span_cut(&entry, '='), name))
				return span_to_u32(port, ret);
	}
	return false;
}

bool endpoint_port(struct conf *conf, span name, uint16_t *ret)
{
	char text[64];
	struct servent *se;
	uint32_t port = 0;

	if (!span_to_u32(name, &port) && !find_known_port(conf, name, &port)) {
		(void)snprintf(text, sizeof(text), "%.*s", PRI(name));
		se = getservbyname(text, "tcp");
		port = se ? ntohs((uint16_t)se->s_port) : 0;
	}
	*ret = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}
