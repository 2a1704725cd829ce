/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/mua.h - the state of mail(1), shared by its parts.
 *
 *	main.c      which of the modes is asked for; opts.c the command line
 *	source.c    files of commands (.mailrc), if/else/endif, macros
 *	words.c     a command line as words
 *	msgset.c    message lists: 1 3-5 :n /subject
 *	commands.c  the table of commands, and the loop that runs them
 *	cmd_*.c     the commands
 *	mua.c       errors; run.c programs that are started; folder_name.c
 *	box.c       the open folder; quit.c what becomes of it
 *	headline.c, show.c, filter.c, pager.c   showing mail
 *	draft.c, collect.c, tilde.c             writing mail
 *	build.c, send.c, dead.c                 ... and sending it
 *	reply.c, forward.c                      answers
 *	term.c      the terminal: lines in, columns, signals
 *
 * Errors are told to the user where they happen (mua_error()), once; callers
 * only pass on that something failed. All text inside is UTF-8.
 */
#pragma once

#include "tool/mail/vars.h"

#include <stdio.h>

struct box;
struct term;
struct script;

struct mua {
	const char *name; /* what we were called */
	enum manner manner;
	struct vars *vars;

	struct dict aliases;
	struct dict shortcuts; /* names of folders */
	struct dict macros;    /* "define" */
	struct dict accounts;
	struct dict command_aliases; /* "commandalias" */
	struct names alternates;
	struct names ignored; /* when a message is shown ... */
	struct names retained;
	struct names save_ignored; /* ... saved ... */
	struct names save_retained;
	struct names forward_ignored; /* ... forwarded */
	struct names forward_retained;

	struct term *term;
	struct script *script; /* where commands come from: source.c */
	struct box *box;       /* NULL: none is open, we only send */

	struct buf last_bang; /* the last command of "!" */

	const char *user; /* whose mail: the login, or -u */
	const char *home;
	const char *host;   /* the name of this host */
	bool is_pretending; /* -u: $MAIL is somebody else's */
	bool is_reading;    /* receive mode; else only sending */
	bool is_loading;    /* start-up files are being read */
	bool tilde;         /* -~: escapes are obeyed without a terminal, too */
	bool read_only;     /* -R */
	bool no_sendmail;  /* nothing may be started, no file touched: for tests
	                      of parsers */
	uint32_t failures; /* the exit code is 1 if a message was not sent */
	bool quitting;     /* the loop ends: quit */
	bool leaving;      /* ... exit: the folder stays as it is */
};

/* Before anything is read: the defaults. */
void mua_init(struct mua *m);
/* What mua_init() and commands made: not the folder, the terminal, the
 * scripts. */
void mua_done(struct mua *m);
/* "text\n" on standard error. */
PRINTF_LIKE(2, 3) void mua_error(struct mua *m, const char *format, ...);

/*
 * Names of files and folders as the user writes them: ~, +folder, %, %user, #,
 * &, shortcuts, $variables. False: there is none, which was said.
 * Nothing is ever run for it.
 */
MUST_USE bool mua_expand_name(struct mua *m, span name, struct buf *ret_path);
/* Start a program of the user's choosing: the shell with -c. The status, as
 * waitpid() tells it, or a negative errno. Descriptors of -1 are ours. */
int mua_shell(struct mua *m, const char *command, int in, int out);
/* The same without a shell. */
int mua_run(struct mua *m, const char *const *argv, int in, int out);
