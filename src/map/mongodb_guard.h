/* SPDX-License-Identifier: ISC */
/*
 * map/mongodb_guard.h - a layer between libmongoc and its connections.
 *
 * The driver gets a message only when all of it is there and it is what it
 * says to be: it crashes over some that are not. What is read has a size limit
 * and each message a deadline.
 */
#pragma once

#include <mongoc/mongoc.h>

#include "base/span.h"

struct mongodb_guard {
	mongoc_client_t *client;
	const char *wrong; /* with the last message that was refused, or NULL */
};

/* Start the driver; as often as you like. */
void mongodb_guard_init(void);
/* Watch all connections of `client`, which `g` has to outlive. */
void mongodb_guard_attach(struct mongodb_guard *g, mongoc_client_t *client);

/* A whole message: what is wrong with it, or NULL. */
MUST_USE const char *mongodb_guard_check(span message);
