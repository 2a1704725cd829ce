/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/commands.h - the commands, and how they are called.
 */
#pragma once

#include "tool/mail/msgset.h"
#include "tool/mail/mua.h"
#include "tool/mail/words.h"

enum command_args {
	ARGS_NONE,
	ARGS_TEXT,  /* the rest of the line, as it is: call.text */
	ARGS_WORDS, /* call.words */
	ARGS_MSGS,  /* call.msgs */
	ARGS_NEXT,  /* as MSGS; empty stays empty: the command decides */
};

enum command_flags {
	CMD_SENDING = 1,     /* works without a folder */
	CMD_INTERACTIVE = 2, /* not while a file is sourced (~ escapes: no) */
	CMD_CHANGES = 4,     /* not in a folder that is read only */
	CMD_DELETED = 8,     /* its list may name deleted messages */
	CMD_PRINTS = 16,     /* autoprint follows it */
	CMD_ALWAYS = 32,     /* also in the dead branch of an if */
	CMD_OUTSIDE = 64,    /* touches files or starts programs */
};

struct call {
	const struct command *command;
	span text;
	struct words words;
	struct msgset msgs;
	struct arena *arena; /* until the command ends */
};

/* 0, or 1: it failed, which was said. */
typedef int command_fn(struct mua *m, const struct call *c);

struct command {
	const char *name;
	command_fn *fn;
	uint8_t args;     /* enum command_args */
	uint16_t flags;   /* enum command_flags */
	const char *help; /* one line: "[msglist] show messages" */
};

/* Whether there are so many; else it was said. */
bool call_has_words(const struct call *c, size_t least, size_t most);

/* By its name or any unambiguous-as-ordered abbreviation (the first in the
 * table that begins so); NULL: unknown. */
const struct command *command_find(span name);
/* In order; NULL behind the last: for help, list, completion. */
const struct command *command_at(size_t i);

/* Run one line: 0, or 1: it failed. Empty: "next", when reading. */
int commands_run(struct mua *m, span line);
/* The loop of receive mode: until quit, exit or the end of input. */
void commands_loop(struct mua *m);

/*
 * source.c: a file of commands. `must`: say so if it is not there. A command
 * that fails ends it. 0 or 1.
 */
int source_file(struct mua *m, const char *path, bool must);
int source_lines(struct mua *m, char *const *lines, size_t n);
int source_text(struct mua *m, span text);
/* Commands come from a file or a macro, not from the user. */
bool source_is_active(const struct mua *m);
/* The next line from where this one came: for "define". False: no more. */
MUST_USE bool source_next(struct mua *m, struct buf *out);
/* Whether the commands here count: not in the dead branch of an if. */
bool source_is_live(const struct mua *m);
void source_free(struct mua *m);
/* The value of mail_personality that a file sets, if it does so outside of
 * conditions; nothing is run. */
MUST_USE bool source_find_manner(const char *path, struct buf *ret);

/* ---- the commands, by file ---- */

/* cmd_state.c */
command_fn cmd_set, cmd_unset, cmd_alias, cmd_unalias, cmd_alternates;
command_fn cmd_ignore, cmd_retain, cmd_unignore, cmd_unretain;
command_fn cmd_save_ignore, cmd_save_retain, cmd_unsave_ignore;
command_fn cmd_unsave_retain, cmd_forward_ignore, cmd_forward_retain;
command_fn cmd_unforward_ignore, cmd_unforward_retain;
command_fn cmd_shortcut, cmd_unshortcut, cmd_varshow;
command_fn cmd_headerpick, cmd_commandalias, cmd_uncommandalias, cmd_environ;
command_fn cmd_setenv, cmd_unsetenv;
/* cmd_macro.c */
command_fn cmd_define, cmd_defines, cmd_undefine, cmd_call;
command_fn cmd_account, cmd_unaccount, cmd_source;
/* source.c */
command_fn cmd_if, cmd_elif, cmd_else, cmd_endif;
/* cmd_misc.c */
command_fn cmd_help, cmd_list, cmd_version, cmd_echo, cmd_cd, cmd_shell;
command_fn cmd_bang, cmd_quit, cmd_exit, cmd_noop, cmd_pwd, cmd_history;
/* cmd_mark.c */
command_fn cmd_delete, cmd_undelete, cmd_dp, cmd_hold, cmd_mbox, cmd_touch;
command_fn cmd_unread, cmd_seen, cmd_flag, cmd_unflag, cmd_answered;
command_fn cmd_unanswered, cmd_draft, cmd_undraft, cmd_size, cmd_dot, cmd_kill,
    cmd_unkill, cmd_score;
/* cmd_file.c */
command_fn cmd_file, cmd_folders, cmd_newmail, cmd_remove, cmd_rename;
/* save.c */
command_fn cmd_save, cmd_Save, cmd_copy, cmd_Copy, cmd_move, cmd_Move;
/* cmd_order.c */
command_fn cmd_sort, cmd_unsort, cmd_thread;
command_fn cmd_collapse, cmd_uncollapse;
/* show.c and its neighbours */
command_fn cmd_type, cmd_Type, cmd_next, cmd_previous, cmd_top, cmd_more;
command_fn cmd_More, cmd_headers, cmd_scroll, cmd_Scroll, cmd_from;
command_fn cmd_write, cmd_pipe, cmd_Pipe, cmd_show, cmd_mimeview;
/* reply.c, forward.c, edit.c */
command_fn cmd_mail, cmd_Mail, cmd_reply, cmd_Reply, cmd_reply_all,
    cmd_reply_sender;
command_fn cmd_followup, cmd_Followup, cmd_followup_all, cmd_followup_sender;
command_fn cmd_forward, cmd_Forward, cmd_resend, cmd_Resend, cmd_edit;
command_fn cmd_visual;
