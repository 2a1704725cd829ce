/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/host.h - what the two programs of this folder have in common:
 * the tables that are open, the users of this machine, and what both do before
 * they lock themselves in.
 */
#pragma once

#include "daemon/daemon.h"
#include "daemon/rules/policy.h"
#include "os/passwd.h"

struct host {
	const char *program; /* whose name lines in the log carry */
	struct conf *conf;
	struct passwd_db *passwd;
	struct world world;
	struct map_host map_host;
	struct tables tables;
	struct daemon *daemon;
	bool
	    reloaded; /* the tables of a new configuration were not looked at */
	const struct table *stuck; /* about to end for the sake of this one */
};

/* It must not be moved afterwards. */
void host_init(struct host *h, const char *program);
void host_done(struct host *h);
/* Another configuration: all tables are closed, so policies go first. */
void host_configure(struct host *h, struct conf *conf);
/* What routes and decides for a service; CONF_MAIN: for main.cf alone. */
struct policy *host_policy(struct host *h, uint32_t service);
/*
 * Look after tables that changed. False: one that only root may read has, and
 * is of no use as it was; what waits is asked again in another process.
 */
MUST_USE bool host_refresh(struct host *h);
/* In before_drop: load what is loaded on first use, and let in what is read
 * later. */
void host_before_drop(struct host *h, struct daemon *d);
/* What is below the directory `path`, if there is one. */
void host_allow(struct host *h, const char *path);
