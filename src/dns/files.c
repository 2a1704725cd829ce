/* SPDX-License-Identifier: ISC */
#include "dns/files.h"

#include <string.h>

#include "os/sock.h"

static span cut_comment(span line, const char *marks)
{
	for (size_t i = 0; i < line.len; i++)
		if (strchr(marks, line.ptr[i]))
			return span_first(line, i);
	return line;
}

static bool is_server(span text)
{
	struct sock_addr addr;
	ssize_t at = span_rfind(text, '@');
	uint32_t port = 53;

	if (at >= 0) {
		if (!span_to_u32(span_from(text, (size_t)at + 1), &port))
			return false;
		text = span_first(text, (size_t)at);
	}
	return port > 0 && port <= UINT16_MAX &&
	    sock_parse(text, (uint16_t)port, &addr);
}

void dns_servers_parse(span text, struct dns_servers *ret)
{
	*ret = (struct dns_servers){ 0 };
	while (text.len && ret->count < DNS_SERVERS_MAX) {
		span line = cut_comment(span_cut(&text, '\n'), "#;");
		span server;

		if (!span_eq(span_word(&line, " \t\r"), SPAN("nameserver")))
			continue;
		server = span_word(&line, " \t\r");
		if (!is_server(server) || server.len >= sizeof(ret->text[0]))
			continue;
		memcpy(ret->text[ret->count++], server.ptr, server.len);
	}
}

void dns_hosts_parse(span text, dns_hosts_fn *fn, void *ctx)
{
	while (text.len) {
		span line = cut_comment(span_cut(&text, '\n'), "#");
		struct dns_host host = { 0 };
		struct sock_addr addr;
		span name;

		if (!sock_parse(span_word(&line, " \t\r"), 0, &addr))
			continue;
		host.is_v6 = addr.any.sa_family == AF_INET6;
		if (host.is_v6)
			memcpy(host.addr, &addr.v6.sin6_addr, 16);
		else
			memcpy(host.addr, &addr.v4.sin_addr, 4);
		while ((name = span_word(&line, " \t\r")).len)
			fn(ctx, name, &host);
	}
}
