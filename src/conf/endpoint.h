/* SPDX-License-Identifier: ISC */
/*
 * conf/endpoint.h - where a service of type inet listens, as written:
 *
 *	port   host:port   address:port   [address]:port   [ipv6:address]:port
 *
 * The port is a number or a name.
 */
#pragma once

#include "conf/conf.h"

/*
 * Both parts of the text, without the brackets; no host is empty. NULL, or
 * what is wrong in the words of Postfix.
 */
MUST_USE const char *endpoint_split(span text, span *ret_host, span *ret_port);

/* The number of a port: by known_tcp_ports, or /etc/services. */
MUST_USE bool endpoint_port(struct conf *conf, span name, uint16_t *ret);
