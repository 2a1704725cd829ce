/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/services.h - the lines of master.cf that deliver here, and
 * what their settings mean. A job keeps the settings it began with.
 */
#pragma once

#include "base/arena.h"
#include "conf/conf.h"
#include "daemon/deliver/users.h"

struct job_run;
struct pipe_service;
struct service;
struct services;

/* local, virtual, pipe: the programs of master.cf that deliver here. */
struct program_run {
	const char *name; /* in master.cf and in the log */
	/* Start all recipients; each ends with run_settle(). */
	void (*start)(struct job_run *run);
	/* Look at the settings once. What is wrong with them, or NULL. */
	const char *(*check)(struct service *s);
};

/* The settings of a service: by their names in main.cf. */
struct deliver_conf {
	span alias_maps;
	span alias_database;
	span mail_spool_directory;
	span home_mailbox;
	span forward_path;
	uint32_t virtual_minimum_uid;
	span mailbox_delivery_lock;
	span virtual_mailbox_lock;
	uint32_t deliver_lock_attempts;
	usec deliver_lock_delay;
	usec stale_lock_time;
	uint64_t mailbox_size_limit;
	uint64_t virtual_mailbox_limit;
	uint64_t message_size_limit;
	bool strict_mailbox_ownership;
	bool enable_original_recipient;
	span prepend_delivered_header;
	span local_command_shell;
	span export_environment;
	span command_expansion_filter;
	usec command_time_limit;
	bool biff;
	usec max_idle;
	uint32_t default_process_limit;
	uint32_t delay_logging_resolution_limit;
	span syslog_name;
};

/* A line of master.cf that delivers here. */
struct service {
	const struct services *all;
	uint32_t index; /* in the configuration */
	span name;
	const struct program_run *program;
	struct deliver_conf c;
	/* The configuration cannot be: everything is deferred. */
	const char *fault;
	struct pipe_service *pipe; /* of pipe */
	unsigned locks;            /* enum mailbox_locks */
	struct delivered_headers {
		bool command, file, forward;
	} delivered_to; /* prepend_delivered_header */
};

/* All of one configuration. */
struct services {
	unsigned refs;
	struct arena arena;
	struct conf *conf;         /* what the spans are borrowed from */
	struct user default_user;  /* default_privs */
	const char *default_fault; /* why there is none, or NULL */
	uint32_t nkeep;            /* export_environment, in words */
	span *keep;
	uint32_t count;
	struct service *items;
	struct service nobody; /* for what is no service of ours */
};

struct services *services_new(struct conf *conf);
struct services *services_ref(struct services *s);
void services_unref(struct services **s);
/* By the name of a transport; never NULL. */
const struct service *services_find(const struct services *s, span transport);
/* The first one of that program, whose settings hold for the workers; or that
 * of nobody. */
const struct service *services_main(const struct services *s);
/* A value for the environment of a command: what command_expansion_filter
 * does not have becomes '_'. */
span services_censor(const struct service *s, struct arena *a, span value);
