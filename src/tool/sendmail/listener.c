/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/listener.c - the first line of master.cf that is an smtpd
 * for all who come, and an address that it listens at.
 *
 * Below port 1024 only the administrator can have put a program there. Above,
 * a message is only shown to who answers if the mail system runs, which then
 * has the port.
 */
#include "tool/sendmail/listener.h"

#include "conf/endpoint.h"
#include "conf/site.h"

enum { FIRST_FREE_PORT = 1024 };

/* TLS from the first byte is not for us. */
static bool is_plain(struct conf *conf, uint32_t i)
{
	const struct conf_service *s = conf_service(conf, i);

	return s->type == CONF_INET && span_eq(s->command, SPAN("smtpd")) &&
	    !span_eq_nocase(conf_value(conf, i, SPAN("smtpd_tls_wrappermode")),
	        SPAN("yes"));
}

static bool loopback(struct conf *conf, uint16_t port, struct sock_addr *ret)
{
	span protocols = conf_value(conf, CONF_MAIN, SPAN("inet_protocols"));
	bool v6 = span_eq_nocase(span_trim(protocols), SPAN("ipv6"));

	return sock_parse(v6 ? SPAN("::1") : SPAN("127.0.0.1"), port, ret);
}

static bool is_loopback_name(span word)
{
	return span_eq_nocase(word, SPAN("localhost")) ||
	    span_eq_nocase(word, SPAN("loopback-only")) ||
	    span_eq_nocase(word, SPAN("all"));
}

/* One of inet_interfaces; of several addresses, the first one. */
static bool interface(struct conf *conf, uint16_t port, struct sock_addr *ret)
{
	span list = conf_value(conf, CONF_MAIN, SPAN("inet_interfaces"));
	bool found = false;
	span word;

	while ((word = span_word(&list, ", \t\r\n")).len > 0) {
		if (is_loopback_name(word))
			return loopback(conf, port, ret);
		if (span_skip(&word, SPAN("[")))
			word = span_cut(&word, ']');
		found = found || sock_parse(word, port, ret);
	}
	return found;
}

static bool find(struct conf *conf, struct sock_addr *ret)
{
	for (uint32_t i = 0; i < conf_services(conf); i++) {
		uint16_t port;
		span host;
		span name;

		if (!is_plain(conf, i) ||
		    endpoint_split(conf_service(conf, i)->name, &host, &name) ||
		    !endpoint_port(conf, name, &port))
			continue;
		if (host.len > 0 && is_loopback_name(host))
			return loopback(conf, port, ret);
		if (host.len > 0)
			return sock_parse(host, port, ret);
		return interface(conf, port, ret);
	}
	return false;
}

bool listener_find(struct sendmail *s, struct sock_addr *ret)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf *conf = NULL;
	bool ok;

	ok = conf_read_unchecked(s->dir, &report, &conf) == CONF_OK &&
	    find(conf, ret) &&
	    (sock_port(ret) < FIRST_FREE_PORT || site_running(conf) > 0);
	conf_unref(&conf);
	conf_report_done(&report);
	return ok;
}
