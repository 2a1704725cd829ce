/* SPDX-License-Identifier: ISC */
/*
 * daemon/master/master.h - what the files of master share.
 *
 * main.c     options, start, signals, stop
 * listen.c   the listening sockets that master.cf asks for
 * keys.c     the files of TLS, for those who have no files
 * process.c  starting, watching and restarting the processes
 * apply.c    from a configuration to sockets, log and users; reload
 */
#pragma once

#include "conf/site.h"
#include "daemon/roles.h"
#include "ipc/chan.h"
#include "os/loop.h"
#include "os/notify.h"
#include "os/sock.h"

enum stage {
	STARTING, /* not all processes were ready yet */
	RUNNING,
	STOPPING, /* everybody but queue and rules was told to stop */
	ENDING,   /* those two, too */
};

struct listener {
	enum role_listen what;
	struct sock_addr addr;
	uint32_t service; /* CONF_MAIN: control */
	int fd;
};

struct listeners {
	struct listener *items;
	size_t count;
};

/* A process that should run. */
struct process {
	struct master *master;
	enum role role;
	uint32_t instance;
	pid_t pid; /* 0: it does not run */
	int pidfd;
	struct loop_watch *watch;
	struct chan *control;
	bool ready;       /* since it was started last */
	uint32_t reloads; /* that it has not taken over yet */
	usec started;
	usec delay; /* before the next restart */
	struct loop_timer restart;
};

/* Everything that follows from one reading of the files. */
struct setup {
	struct conf *conf;
	int conf_fd;        /* serialized */
	int keys_fd[ROLES]; /* struct tls_files; -1: the role gets none */
	struct buf notes;   /* warnings for the log, once it is open */
	struct buf remarks; /* the same, no warnings */
	struct log_setup log;
	struct priv_user mail_owner;
	struct priv_user queue_owner;
	struct listeners listeners;
};

struct master {
	const char *dir; /* of the configuration */
	struct loop *loop;
	enum stage stage;
	bool detached;
	bool has_log;
	bool reload; /* asked for while STARTING */
	bool reloading;
	bool failed; /* the exit status */
	struct setup setup;
	int lock_fd;
	int monitor_fd;       /* who waits for us to be ready; -1: nobody */
	struct notify notify; /* the service manager */
	struct process *processes;
	size_t nprocesses;
	struct loop_timer stop_timer;
	struct loop_timer reload_timer;
	usec log_opened;
};

/* main.c */
/* The start did not work: tell everybody who may listen, and stop. */
PRINTF_LIKE(2, 3)
void master_give_up(struct master *m, const char *format, ...);
/* Told by process.c when something changed. */
void master_process_ready(struct master *m);
void master_process_ended(struct master *m);

/* listen.c */
/*
 * The sockets that `conf` asks for; those of `old` that fit are used again
 * (duplicated). SITE_OK, or SITE_BAD with the reason. Services that
 * cannot be had are left out with a warning.
 */
MUST_USE int listeners_open(struct conf *conf, const struct listeners *old,
    struct listeners *ret, struct buf *error);
void listeners_close(struct listeners *l);

/* keys.c */
/* The keys of a role, as a memfd; or a negative errno. */
MUST_USE int keys_read(struct conf *conf, enum role role);

/* apply.c */
MUST_USE int setup_read(const char *dir, const struct setup *old,
    struct setup *ret, struct buf *error);
/* Nothing to be done about it yet. */
void setup_init(struct setup *s);
void setup_done(struct setup *s);
/* Log what the files made us remark. */
void setup_tell(struct setup *s);
/* SIGHUP. It is over when all processes have taken it over, or died. */
void master_reload(struct master *m);
/* Told by process.c when that may be so. */
void master_process_reloaded(struct master *m);
/* Open the log again and pass it on; at most once per second. */
void master_reopen_log(struct master *m);

/* process.c */
void processes_make(struct master *m);
void processes_free(struct master *m);
/* Start all that do not run. */
void processes_start(struct master *m);
/* Send the new configuration, sockets and log to all that run. */
void processes_configure(struct master *m);
void processes_send_log(struct master *m);
/* STOP for roles in the set (ROLE_BITs), or SIGKILL. */
void processes_stop(struct master *m, unsigned roles);
void processes_kill(struct master *m, unsigned roles);
/* How many of these roles run. */
size_t processes_running(const struct master *m, unsigned roles);
bool processes_all_ready(const struct master *m);
bool processes_all_reloaded(const struct master *m);
/* Complain about those that have not. */
void processes_tell_late(const struct master *m);
