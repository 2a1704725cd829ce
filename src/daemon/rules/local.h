/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local.h - shared by the files that plan local delivery, the
 * program "local" of master.cf.
 *
 * local.c              settings, and a question
 * local_address.c      what one address stands for
 * local_alias.c        ... by an alias
 * local_content.c      a file that was read by somebody else
 * local_include.c      lists of addresses in files
 * local_destination.c  where it ends: mailboxes, commands, files, users that
 *                      are not there
 * local_expand.c       $user, $home, ... in parameters
 */
#pragma once

#include "base/hmap.h"
#include "daemon/rules/plan.h"

enum {
	LOCAL_LEVELS = 100, /* beyond it is a loop; struct walk's level */
	/* Files of ~/.forward within one another. */
	LOCAL_MAX_NESTED = 32,
};

/* Named as the parameters. */
struct local_settings {
	/* clang-format off */
	span alias_maps, allow_mail_to_commands, allow_mail_to_files;
	span command_execution_directory, command_expansion_filter;
	span execution_directory_expansion_filter;
	span fallback_transport, fallback_transport_maps;
	span forward_expansion_filter, forward_path, home_mailbox;
	span luser_relay, mail_spool_directory;
	span mailbox_command, mailbox_command_maps;
	span mailbox_transport, mailbox_transport_maps;
	span propagate_unmatched_extensions, recipient_delimiter;
	span double_bounce_sender;
	bool expand_owner_alias, frozen_delivered_to, owner_request_special;
	bool require_home_directory, reset_owner_alias, smtputf8_enable;
	uint64_t mailbox_size_limit;
	uint32_t line_length_limit;
	/* clang-format on */
};

/* Where an address stood; also the words of allow_mail_to_commands. */
enum local_source { IN_ALIAS = 1, IN_FORWARD = 2, IN_INCLUDE = 4 };

struct local {
	struct local_settings s;
	span name; /* of the service: transports of that name are this one */
	const struct policy *policy;
	const struct plan_world *world;
	struct arena arena;
	struct table_list aliases;
	struct table_list mailbox_transports;
	struct table_list fallback_transports;
	struct table_list mailbox_commands;
	struct extension_rules extension;
	unsigned commands;  /* enum local_source: where they may stand */
	unsigned files;     /* the same */
	unsigned propagate; /* the same: which keep extensions */
	unsigned fold;      /* enum map_flags: how case is folded */
};

/* With whose rights files and commands are used. All zero: nobody's yet, so
 * those of default_privs. */
struct rights {
	uint32_t uid;
	span login; /* ptr NULL: nobody's */
	span home;
	span shell;
};

/*
 * Everything that changes on the way from a recipient to its destinations.
 * A value: whoever looks at one of several addresses gets his own copy. What
 * is not there has ptr NULL.
 */
struct walk {
	unsigned level; /* how deep we are; counted as in Postfix */
	span address;
	span original;
	span delivered;
	span sender;
	span owner;      /* whom failures go to: not delivered here any more */
	span from;       /* the name whose expansion we are in */
	unsigned source; /* enum local_source, 0: the queue */
	bool owned;      /* an owner-alias took over */
	bool plain;      /* "\\user": past aliases and ~/.forward */
	struct rights rights;
	/* Of the address: local@domain, user+extension. */
	span local;
	span domain;
	span user;
	span extension;
	span unmatched; /* the extension, as far as it must be passed on */
};

/* One question. */
struct local_run {
	const struct local *l;
	struct plan *plan;
	struct arena *arena;
	const struct local_ask *ask;
	struct hmap been; /* what need not be done twice */
	/* The files of ~/.forward that we are inside of. */
	uint32_t nforwards;
	span forwards[LOCAL_MAX_NESTED];
	bool semicolons; /* was warned of */
	bool full;       /* no memory: the answer is worth nothing */
};

/* --- local.c --- */

/* Whether this was there before; now it was. */
bool local_been_here(
    struct local_run *r, const char *what, uint64_t number, span text);
/* Nothing to do for the address: this is its outcome. */
PRINTF_LIKE(4, 5)
void local_outcome(struct local_run *r, const struct walk *w,
    const char *status, const char *format, ...);
/* A step with what all have in common. */
struct local_step local_step_for(const struct walk *w, enum local_do kind);
/* The user's rights: PASSWD_OK, PASSWD_NONE, or a negative errno, which by
 * name is warned of. */
int local_find_user(struct local_run *r, span name, struct rights *ret);
int local_find_uid(struct local_run *r, uint32_t uid, struct rights *ret);
span local_dup(struct local_run *r, span s);
/* In lower case. */
span local_fold(struct local_run *r, span s);
/* Texts one behind the other. */
span local_join(struct local_run *r, span a, span b, span c);

/* --- local_address.c --- */

/* A recipient of ours. */
void local_recipient(struct local_run *r, struct walk w);
/* What an address in an alias, a list or ~/.forward stands for. */
void local_address(struct local_run *r, struct walk w, span text);
/* All addresses of one line (or alias value); how many there are. */
size_t local_line(struct local_run *r, const struct walk *w, span text);
/* The lines of a file. */
size_t local_lines(struct local_run *r, const struct walk *w, span content);
/* The members of `w` that are parts of its address. */
void local_split(struct local_run *r, struct walk *w);

/* --- local_alias.c --- */

/* False: there is none, or it is the one that we are in: the user himself. */
MUST_USE bool local_alias(struct local_run *r, struct walk w, span name);
/* If the address is a list with an owner, what goes wrong is the owner's.
 * False: it cannot be said now. */
MUST_USE bool local_tell_owner(struct local_run *r, struct walk *w);

/* --- local_content.c --- */

/* For the step that wants a file: one of `forward` (`matched`: which of them
 * have the extension in their names), or a list. */
span local_context(struct local_run *r, const struct walk *w,
    const span *forward, uint32_t nforward, uint32_t matched);
/* The question has the content. */
void local_content(struct local_run *r);

/* --- local_include.c --- */

void local_include(struct local_run *r, struct walk w, span path);
/* It was read as its owner (or as the user who named it). */
void local_include_content(
    struct local_run *r, struct walk w, uint32_t owner, span content);

/* --- local_destination.c --- */

void local_command(struct local_run *r, const struct walk *w, span command);
void local_file(struct local_run *r, const struct walk *w, span path);
/* "~/path" */
void local_home_file(struct local_run *r, const struct walk *w, span path);
/* A new message: it goes on through the queue. */
void local_resend(struct local_run *r, const struct walk *w);
/* The user himself: ~/.forward, mailbox; or nobody. */
void local_user(struct local_run *r, const struct walk *w);

/* --- local_expand.c --- */

/* Characters that are not in `filter` become '_'. */
span local_censor(struct local_run *r, span value, span filter);

struct local_expanded {
	span text;
	bool bad;       /* the syntax is wrong */
	bool undefined; /* a name has no value */
	bool extension; /* the extension is part of it */
};

/* `filter`: characters that values may have, others become '_'; ptr NULL:
 * any. */
struct local_expanded local_expand(
    struct local_run *r, const struct walk *w, span text, span filter);
