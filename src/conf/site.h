/* SPDX-License-Identifier: ISC */
/*
 * conf/site.h - what a configuration means on this machine: its users, its
 * directories, its log, and whether it runs.
 *
 * Used by master and by the administrator's commands, not by the daemons.
 */
#pragma once

#include "conf/conf.h"
#include "os/log.h"
#include "os/priv.h"

enum site_result {
	SITE_OK,
	SITE_BAD, /* `error` says what and where */
};

/*
 * The user that a parameter names: a name, or a plain number that stands for
 * uid and gid. Never root. Without root: whoever we are.
 */
MUST_USE int site_user(struct conf *conf, span parameter, struct priv_user *ret,
    struct buf *error);

/*
 * Where our programs are: daemon_directory and command_directory, unless
 * they hold Postfix's (a configuration that served Postfix names those), then
 * the places where ours were installed.
 */
span site_daemon_dir(struct conf *conf);
span site_command_dir(struct conf *conf);

/* Make the queue directory and its parts, where they are missing. */
MUST_USE int site_make_dirs(struct conf *conf, struct buf *error);
/* Owners and modes of the parts that are there, as we would make them. */
MUST_USE int site_set_permissions(struct conf *conf, struct buf *error);
/* What is wrong with owners and modes, one line each, into `out`. */
void site_check(struct conf *conf, struct buf *out);

/*
 * Where lines go: maillog_file, or the system's log. The descriptor belongs
 * to the caller; the spans live as long as the snapshot. That nobody listens
 * at the system's log is no failure: the first line will find out, and
 * somebody may listen by then.
 */
MUST_USE int site_open_log(
    struct conf *conf, struct log_setup *ret, struct buf *error);

/*
 * The lock that a running master holds. site_lock() takes it for good (the
 * descriptor keeps it) and writes our pid; SITE_BAD if another one has it.
 */
MUST_USE int site_lock(struct conf *conf, int *ret_fd, struct buf *error);
/* The pid of the master that runs, or 0. */
int site_running(struct conf *conf);

/*
 * What became of a reload, for whoever asks for it: he begins by removing
 * pid/reload, and master puts it there when it is done, with the reason why
 * nothing was changed, or empty. Best effort: nothing but the command's answer
 * depends on it.
 */
void site_reload_begin(struct conf *conf);
void site_reload_done(struct conf *conf, span error);
bool site_reload_ended(struct conf *conf, struct buf *error);
