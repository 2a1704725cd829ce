/* SPDX-License-Identifier: ISC */
/*
 * daemon/daemon.h - the skeleton of every process that master starts.
 *
 * A daemon's main() fills in a struct daemon_spec and calls daemon_main().
 * In this order:
 *
 *	on_conf      the configuration has arrived
 *	before_drop  still root (if started so): open directories, read passwd,
 *	             name with daemon_allow() what to reach later
 *	             -- uid and gid dropped, sandbox closed: both for good --
 *	after_drop   first steps in the open; the queue recovers its spool here
 *	on_listen    once per listening socket
 *	on_peer      once per process this role talks to
 *	             -- master is told READY --
 *	the loop, or for a worker: wait for messages, call on_message
 *
 * Later, at any time between two events: on_peer for a partner that was
 * started again (same role and instance: the former one is dead or dying),
 * on_conf and on_listen/on_unlisten after a reload, on_stop.
 *
 * Logging (os/log.h) is set up before on_conf. When master dies the process
 * ends as if told to stop.
 */
#pragma once

#include "conf/conf.h"
#include "daemon/roles.h"
#include "ipc/sync.h"
#include "os/loop.h"

struct daemon;

enum daemon_access {
	DAEMON_READ = SANDBOX_READ,
	DAEMON_WRITE = SANDBOX_WRITE,
	DAEMON_EXEC = SANDBOX_EXECUTE, /* loadable modules */
};

struct daemon_spec {
	enum role role;
	void *ctx; /* first argument of all calls */

	/* The snapshot is borrowed: conf_ref() it to keep it. Called again on
	 * reload; sessions that run keep theirs. */
	void (*on_conf)(void *ctx, struct conf *conf);
	/* The keys of TLS (tls/files.h), for roles that get them: called
	 * before each on_conf. The descriptor is yours. */
	void (*on_keys)(void *ctx, int fd);
	/* 0 or a negative errno, which ends the process; log the reason. */
	int (*before_drop)(void *ctx, struct daemon *d);
	int (*after_drop)(void *ctx, struct daemon *d);
	/* The socket is yours: non-blocking, listening. `service` is the
	 * index of its line in the newest snapshot (CONF_MAIN: control). */
	void (*on_listen)(void *ctx, uint32_t service, int fd);
	/* Reload: close all listening sockets; on_listen follows for those
	 * that remain. */
	void (*on_unlisten)(void *ctx);
	/* Finish what must be finished, then call daemon_end(). NULL: the
	 * process ends at once. */
	void (*on_stop)(void *ctx);
	/* The last call, however it ends: the loop and the log are there for
	 * the last time. Free what uses them. */
	void (*on_end)(void *ctx);

	/* Loop daemons: one end of a socketpair, yours (for chan_new()). */
	void (*on_peer)(void *ctx, enum role role, uint32_t instance, int fd);

	/*
	 * Blocking workers set this instead of on_peer: the skeleton waits
	 * for all peers and hands out their messages one by one. Answer with
	 * sync_begin(conn, ...); what was answered leaves when no message of
	 * that peer is left. Return false to hang up on a peer that broke
	 * the rules.
	 */
	bool (*on_message)(void *ctx, enum role role, struct sync_conn *conn,
	    struct sync_msg *msg);
};

/* The whole life; the result is for main() to return. */
int daemon_main(int argc, char **argv, const struct daemon_spec *spec);

/*
 * In a worker: the line to a process of this role, to ask it something in the
 * midst of an answer; NULL: there is none now. What it says later, when nobody
 * waits for it any more, comes to on_message.
 */
struct sync_conn *daemon_partner(struct daemon *d, enum role role);
/* NULL in a worker. */
struct loop *daemon_loop(struct daemon *d);
/* The newest snapshot, borrowed. */
struct conf *daemon_conf(struct daemon *d);
/* 0, 1, ... among the processes of this role. */
uint32_t daemon_instance(struct daemon *d);
/* The uid this process has (or will have after the drop). */
uint32_t daemon_uid(struct daemon *d);
/*
 * In before_drop only: the sandbox lets this process open what is below the
 * directory (or the file) behind this descriptor. enum daemon_access bits.
 */
void daemon_allow(struct daemon *d, int fd, unsigned access);
/* Leave the loop; daemon_main() returns 0 after the log is out. */
void daemon_end(struct daemon *d);
