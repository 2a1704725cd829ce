/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_local.h - what a recipient of this machine stands for.
 *
 *	deliver -> expand   LOCAL_ASK     expand -> deliver   LOCAL_PLAN
 *
 * Aliases, included lists and ~/.forward are taken apart by the expand
 * process, which is nobody in particular; deliver, which can be everybody,
 * only carries out the plan it gets back. A plan is a list of steps, in the
 * order in which the addresses stand in their files.
 *
 * Where a file has to be read that only its owner may read (~/.forward, an
 * included list), the step says so: deliver reads it as that user and asks
 * again, with the content and with the step's `context`, which it does not
 * look into. Numbers of questions are never used again; a question may be
 * asked again when the process died.
 */
#pragma once

#include "base/arena.h"
#include "base/wire.h"

enum {
	LOCAL_ASK = 0x700, /* struct local_ask */
	LOCAL_PLAN,        /* struct local_plan */
};

enum local_what {
	LOCAL_RCPT,    /* a recipient of a job */
	LOCAL_FORWARD, /* `content` of ~/.forward: the path `path` */
	LOCAL_INCLUDE, /* `content` of an included list */
};

struct local_ask {
	uint64_t ask;
	uint32_t service; /* of master.cf: local or virtual */
	uint8_t what;     /* enum local_what */
	/* LOCAL_RCPT: */
	span address;  /* internal form */
	span original; /* as the client said it */
	span sender;
	/* Values of its Delivered-To headers (external form), LF between:
	 * an address among them is in a loop. */
	span seen;
	/* The others; `seen` is needed with them, too: */
	span context;   /* of the step that wanted the file */
	uint32_t path;  /* LOCAL_FORWARD: which of its `forward` was there */
	uint32_t owner; /* LOCAL_INCLUDE: uid of the file's owner */
	span content;
};

enum local_do {
	/* Deliver into the mailbox file `what` (an absolute path; ending in
	 * '/': a Maildir). */
	LOCAL_MAILBOX,
	/* The same, named by an alias or ~/.forward: "delivered to file". */
	LOCAL_FILE,
	/* Run `what`: by the shell where it needs one. */
	LOCAL_COMMAND,
	/* A new message to `address`. All of a plan with the same `sender`
	 * and `delivered` go out as one message, once the rest is done. */
	LOCAL_RESEND,
	/* Give it to the transport `what`: "lmtp:unix:/path". */
	LOCAL_PASS,
	/* Nothing to do: `class`, `status` and `what` are its outcome. */
	LOCAL_OUTCOME,
	/* Read the list `what` as `user` and ask again; with `user` empty and
	 * not `by_uid`: as its owner, who must not be root. */
	LOCAL_READ,
};

enum local_flags {
	/* The mailbox is a user's own, in mail_spool_directory: `what` is
	 * mail_spool_directory/USER. */
	LOCAL_SPOOL = 1,
	/* Of virtual(8): texts say "delivered to maildir", no X-Original-To
	 * where local(8) has none, own locks and limit. */
	LOCAL_VIRTUAL = 2,
	/* Keep the Maildir's maildirsize and quota. */
	LOCAL_QUOTA = 4,
	/* The user's home must exist (require_home_directory). */
	LOCAL_NEEDS_HOME = 8,
};

/* NAME=value for a command's environment. */
struct local_env {
	span name;
	span value;
};

struct local_step {
	uint8_t kind;   /* enum local_do */
	uint32_t flags; /* enum local_flags */
	span address;   /* the recipient it is by now: to=<...> in the log */
	span original;  /* X-Original-To, orig_to=<...>; may be empty */
	span delivered; /* Delivered-To */
	span sender; /* of the envelope, as owner-alias may have changed it */
	/* An owner-alias: ENVID, RET and ORCPT of the original do not apply,
	 * and success is reported as "delivered", not "expanded". */
	bool owned;
	/*
	 * Whose rights: a login name, "" for default_privs, or, with
	 * `by_uid`, uid and gid as numbers (virtual, owners of tables).
	 * Never root: who asks for that gets default_privs, as in Postfix.
	 */
	span user;
	bool by_uid;
	uint32_t uid;
	uint32_t gid;
	/*
	 * Look for these files first, as `user`; the first that exists and
	 * may be trusted (a regular file of the user's or root's, not
	 * writable by all) is read and sent as LOCAL_FORWARD. Nothing
	 * found: do `kind`.
	 */
	uint32_t nforward;
	span *forward;
	span what;
	/* LOCAL_COMMAND: environment and directory (empty: none). */
	uint32_t nenv;
	struct local_env *env;
	span directory;
	uint64_t size_max; /* of a file: mailbox, message, or what a command
	                    * writes; 0: none */
	span quota;        /* LOCAL_QUOTA: "10000000S,1000C", or empty: what
			    * the Maildir's maildirsize says */
	/* LOCAL_OUTCOME: */
	uint8_t class; /* enum verdict_class */
	span status;
	span context;
};

struct local_plan {
	uint64_t ask;
	/* An alias was expanded: NOTIFY=SUCCESS is answered with "expanded"
	 * (or "delivered": `owned`) once all went well. */
	bool expanded;
	bool owned;
	/* None and not `expanded`, for a LOCAL_FORWARD: the file holds no
	 * address and is as if it was not there: do the step that wanted
	 * it. */
	uint32_t nsteps;
	struct local_step *steps; /* in the arena given */
	span warning; /* lines for the log behind "warning: ", LF between */
	bool more;    /* another LOCAL_PLAN with the rest follows */
};

enum {
	LOCAL_MAX_STEPS = 4096, /* in one LOCAL_PLAN */
	LOCAL_MAX_FORWARD = 16,
	LOCAL_MAX_ENV = 32,
	LOCAL_MAX_CONTENT = 4 * 1024 * 1024,
};

void local_ask_put(struct buf *out, const struct local_ask *m);
MUST_USE bool local_ask_get(span payload, struct local_ask *ret);
void local_plan_put(struct buf *out, const struct local_plan *m);
MUST_USE bool local_plan_get(
    span payload, struct arena *a, struct local_plan *ret);
