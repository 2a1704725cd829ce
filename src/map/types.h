/* SPDX-License-Identifier: ISC */
/*
 * map/types.h - every type of table, each in the file of that name.
 */
#pragma once

#include "map/map.h"

extern const struct map_type map_type_btree;
extern const struct map_type map_type_cdb;
extern const struct map_type map_type_cidr;
extern const struct map_type map_type_environ;
extern const struct map_type map_type_fail;
extern const struct map_type map_type_hash;
extern const struct map_type map_type_inline;
extern const struct map_type map_type_internal;
extern const struct map_type map_type_lmdb;
extern const struct map_type map_type_memcache;
extern const struct map_type map_type_pcre;
extern const struct map_type map_type_pipemap;
extern const struct map_type map_type_proxy;
extern const struct map_type map_type_randmap;
extern const struct map_type map_type_redis;
extern const struct map_type map_type_regexp;
extern const struct map_type map_type_socketmap;
extern const struct map_type map_type_static;
extern const struct map_type map_type_tcp;
extern const struct map_type map_type_texthash;
extern const struct map_type map_type_unionmap;
extern const struct map_type map_type_unix;

/*
 * Those that need a library which is not small are modules, map-NAME.so, so
 * that nobody carries an LDAP client who has no LDAP: each exports this.
 */
#define MAP_MODULE_SYMBOL "map_module"
__attribute__((visibility("default"))) extern const struct map_type map_module;
/* A module that opens tables itself asks the program for their types: this is
 * its variable, set when it is loaded. */
#define MAP_MODULE_FINDER "map_module_finder"
typedef const struct map_type *map_type_find_fn(
    const struct map_host *host, span name, struct buf *reason);
__attribute__((
    visibility("default"))) extern map_type_find_fn *map_module_finder;
