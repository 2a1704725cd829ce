/* SPDX-License-Identifier: ISC */
/*
 * map/source_conf.h - the parameters of a table that asks a server.
 *
 * "ldap:/etc/x.cf" reads them from that file, as "hosts = localhost" lines;
 * "ldap:x" takes them from main.cf, where they are called x_hosts and so on.
 *
 * A wrong value is a sticky failure: the preset is returned, the reason is
 * the setup's, and source_conf_ok() says it once at the end.
 */
#pragma once

#include "base/buf.h"
#include "map/map.h"

struct source_value;

struct source_conf {
	const struct map_setup *setup;
	bool is_file;
	bool failed;
	struct source_value *values; /* of the file, and those asked for */
};

/*
 * Read the file, if it is one. `m`, when not NULL, is told which file, for
 * map_changed(). False: the reason is set. source_conf_done() in both cases.
 */
MUST_USE bool source_conf_open(
    struct source_conf *c, const struct map_setup *s, struct map *m);
/* Wipes the values: there may be passwords among them. */
void source_conf_done(struct source_conf *c);

/*
 * Strings end in a NUL behind the span, so that .ptr is a C string, and
 * live until source_conf_done(). A preset of NULL gives SPAN_NONE where
 * nothing, or an empty string, is set.
 */
span source_conf_str(
    struct source_conf *c, const char *name, const char *preset);
/* The same, where an empty string is an error. */
span source_conf_str_needed(
    struct source_conf *c, const char *name, const char *preset);
/* min, max: 0 is no limit. */
int source_conf_int(
    struct source_conf *c, const char *name, int preset, int min, int max);
bool source_conf_bool(struct source_conf *c, const char *name, bool preset);
/* Whether it is set at all. */
bool source_conf_has(struct source_conf *c, const char *name);

/* For checks of the caller's own: the first failure gives the reason. */
PRINTF_LIKE(2, 3)
void source_conf_fail(struct source_conf *c, const char *format, ...);

static inline bool source_conf_ok(const struct source_conf *c)
{
	return !c->failed;
}
