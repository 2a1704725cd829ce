/* SPDX-License-Identifier: ISC */
/* proto/smtp_server_internal.h - shared by the files of the server engine. */
#pragma once

#include "proto/smtp_server.h"

#define SMTP_IN(state) (1u << (state))

enum {
	/* A transaction is open: s->mail says what it is. */
	SMTP_IN_MAIL = SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_RCPT) |
	    SMTP_IN(SMTP_DATA) | SMTP_IN(SMTP_BDAT) | SMTP_IN(SMTP_CHUNK) |
	    SMTP_IN(SMTP_COMMITTING),
	/* s->where, beyond the commands themselves */
	SMTP_WHERE_CONNECT = SMTP_CMDS,
	SMTP_WHERE_DATA,
	SMTP_WHERE_BDAT,
	SMTP_WHERE_END,
};

/* Why content is thrown away, the gravest last. */
enum smtp_discarded {
	SMTP_KEPT,
	SMTP_TOO_BIG,
	SMTP_HAS_BARE_LF,
};

typedef void smtp_command_fn(struct smtp_server *s, span args);

smtp_command_fn smtp_cmd_helo;
smtp_command_fn smtp_cmd_ehlo;
smtp_command_fn smtp_cmd_xclient;
smtp_command_fn smtp_cmd_starttls;
smtp_command_fn smtp_cmd_auth;
smtp_command_fn smtp_cmd_mail;
smtp_command_fn smtp_cmd_rcpt;
smtp_command_fn smtp_cmd_data;
smtp_command_fn smtp_cmd_bdat;
smtp_command_fn smtp_cmd_rset;
smtp_command_fn smtp_cmd_noop;
smtp_command_fn smtp_cmd_vrfy;
smtp_command_fn smtp_cmd_etrn;
smtp_command_fn smtp_cmd_quit;

/* The one writer of s->state. */
void smtp_set_state(struct smtp_server *s, enum smtp_state state);
/* GREETED or READY. */
enum smtp_state smtp_ground_state(const struct smtp_server *s);
/* The transaction is over; the state is the ground state. */
void smtp_reset(struct smtp_server *s);
/* The same, but where to go is said. */
void smtp_reset_to(struct smtp_server *s, enum smtp_state state);
/* Free what was known about the transaction. */
void smtp_forget_mail(struct smtp_server *s);

/* One line, code and all, without CRLF. */
void smtp_reply(struct smtp_server *s, span line);
PRINTF_LIKE(2, 3)
void smtp_replyf(struct smtp_server *s, const char *format, ...);

enum smtp_outcome { SMTP_DONE_OK, SMTP_DONE_ERROR };
/* The command is over: counts, errors, junk. */
void smtp_finish(struct smtp_server *s, enum smtp_outcome outcome);
/* Reply and finish. */
void smtp_accept(struct smtp_server *s, span line);
void smtp_refuse(struct smtp_server *s, span line);

void smtp_question(struct smtp_server *s, enum smtp_ask ask);
void smtp_add_note(struct smtp_server *s, enum smtp_note note, span text);

/* The next word of a command line, or empty: there is none. */
span smtp_next_word(span *args);
/* The words left, joined by one blank each, in s->cmd. */
span smtp_join_words(struct smtp_server *s, span args);
size_t smtp_count_words(span args);

/* A parameter of MAIL or RCPT: "NAME=value", or "NAME". The function returns
 * an empty span, or the reply that refuses the command. */
typedef span smtp_param_fn(struct smtp_server *s, span value);
struct smtp_param {
	span name; /* with its "=", if it has one */
	smtp_param_fn *take;
};
struct smtp_params {
	const struct smtp_param *items;
	size_t count;
};
/* Those of trusted sessions. */
extern const struct smtp_params smtp_inside_mail;
extern const struct smtp_params smtp_inside_rcpt;

/* The answers to questions: code 0 is yes. */
void smtp_helo_answered(struct smtp_server *s, unsigned code, span text);
void smtp_tls_answered(struct smtp_server *s);
void smtp_data_answered(struct smtp_server *s, unsigned code, span text);
void smtp_commit_answered(struct smtp_server *s, unsigned code, span text);

/* What a step of reading returns when there is nothing to tell the driver. */
#define SMTP_GO_ON SMTP_ASK_FLUSH

/* A line of input, content, or a chunk to be skipped. */
enum smtp_ask smtp_read_command(struct smtp_server *s);
enum smtp_ask smtp_read_content(struct smtp_server *s);
enum smtp_ask smtp_read_skip(struct smtp_server *s);

/* The client sent more before it was its turn. True: the session is over. */
bool smtp_spoke_too_early(struct smtp_server *s);
