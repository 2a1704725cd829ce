/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/pipe.h - a line of master.cf that runs pipe(8):
 *
 *	uucp unix - n n - - pipe
 *	  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail
 *	  ($recipient)
 *
 * pipe_parse() reads its attributes, pipe_expand() makes the arguments of the
 * command for one message. Both are pure. What comes from a message never
 * becomes anything but part of one argument: its dollar signs are no macros,
 * an argument that comes out empty is still an argument, and no shell sees
 * it.
 */
#pragma once

#include "base/arena.h"
#include "conf/conf.h"
#include "mail/envelope.h"
#include "mail/extension.h"

enum pipe_flags {
	PIPE_FOLD_DOMAIN = 1, /* h */
	PIPE_FOLD_LOCAL = 2,  /* u */
	PIPE_QUOTE = 4,       /* q */
	PIPE_FINAL = 8,       /* X: "delivered", not "relayed" */
	PIPE_UTF8 = 16,       /* fold what is not ASCII, too */
};

enum {
	PIPE_EOL_MAX = 64,
	PIPE_ERROR_MAX = 8192,
};

struct pipe_arg {
	span text;
	bool per_rcpt; /* one for each recipient */
};

struct pipe_line {
	unsigned flags; /* enum pipe_flags */
	unsigned head;  /* enum mbox_flags: what is added to the content */
	span user;
	span group;        /* empty: the user's */
	span directory;    /* empty: the usual one */
	span eol;          /* as it is written */
	span null_sender;  /* stands for the empty sender */
	uint64_t size_max; /* 0: none */
	uint32_t nargs;
	struct pipe_arg *args;
	/* To be filled in by the caller, beside PIPE_UTF8: where $user
	 * ends. */
	struct extension_rules rules;
	/* An argument that cannot be expanded: each delivery is put off, and
	 * this says why. Empty: none. */
	span bad_arg;
	bool bad_name; /* it names a macro that there is none of */
};

/*
 * The attributes of a line; spans are those of `line` or in the arena. False:
 * it cannot be used, `error` (made with PIPE_ERROR_MAX) says why.
 */
MUST_USE bool pipe_parse(const struct conf_service *line, struct arena *a,
    struct pipe_line *ret, struct buf *error);

/* The sender as the command shall see it. */
span pipe_sender(const struct pipe_line *p, const struct envelope *e);

/* Append `s` in lower case, or rather as it is compared without case. */
void pipe_fold(const struct pipe_line *p, span s, struct buf *out);

struct pipe_argv {
	uint32_t n;
	span *words;
};

/*
 * The arguments for these recipients; all have the next hop of the first one.
 * 0, -ENOMEM when the arena is too small. `warnings` gets a line for what is
 * odd.
 */
MUST_USE int pipe_expand(const struct pipe_line *p, const struct envelope *e,
    struct arena *a, struct pipe_argv *ret, struct buf *warnings);

/* For the parser; `error` says why it is not PIPE_ARG_OK. */
enum pipe_arg_result {
	PIPE_ARG_OK,
	PIPE_ARG_SYNTAX,
	PIPE_ARG_NAME, /* it uses a name that there is none of */
};

MUST_USE enum pipe_arg_result pipe_check_arg(
    struct pipe_arg *arg, struct buf *error);
