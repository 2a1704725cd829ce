/* SPDX-License-Identifier: ISC */
/*
 * conf/endpoint.h - where a service of type inet listens, as written:
 *
 *	port   host:port   address:port   [address]:port   [ipv6:address]:port
 *
 * The port is a number or a name.
 */
#pragma once

#include "base/span.h"

/*
 * Both parts of the text, without the brackets; no host is empty. NULL, or
 * what is wrong in the words of Postfix.
 */
MUST_USE const char *endpoint_split(span text, span *ret_host, span *ret_port);
