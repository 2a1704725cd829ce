/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/session.h - one client, from accept to close.
 *
 * A session is small: what it holds beyond this struct (input, output, a
 * transaction) exists only while there is some. Between two events it waits
 * for exactly one thing (enum session_wait), and whoever brings that thing
 * calls session_resume().
 *
 * A session ends in session_end() alone, which runs from an event of its own
 * (socket, timer, end of the round): nobody else's pointer to it dies while
 * it is in use. Those who hold one are told to forget it: asks, handover and
 * the message.
 */
#pragma once

#include "daemon/smtpd/message.h"
#include "daemon/smtpd/service.h"
#include "ipc/msg_rules.h"
#include "proto/smtp_server.h"

enum session_wait {
	WAIT_NOTHING, /* it is running */
	WAIT_INPUT,   /* for the client */
	WAIT_TLS,     /* for the client, in a handshake */
	WAIT_ANSWER,  /* for a rules process: s->question */
	WAIT_PAUSE,   /* until the timer fires: a verdict that takes time */
	WAIT_DELAY,   /* until the timer fires: a reply is held */
	WAIT_QUEUE,   /* for ids, a blob, room, or the end of a commit */
	WAIT_FLUSH,   /* until the client has taken what we said */
	WAIT_END,     /* the same, and then it is over */
};

enum question_kind { QUESTION_CLIENT, QUESTION_CHECK, QUESTION_MAP };

struct worker;

/* The one question a session may have open: ask.c. */
struct question {
	struct hnode node; /* by number, while it is open */
	struct list link;  /* in the worker's list, or among the orphans */
	struct worker *worker;
	uint64_t number;
	usec since;     /* it has been without a worker */
	uint8_t kind;   /* enum question_kind */
	uint8_t stage;  /* enum rules_stage */
	uint8_t deaths; /* of workers that had it */
	bool open;
};

struct session {
	struct list link; /* in smtpd->sessions */
	struct smtpd *p;
	struct service *service;
	struct smtp_server engine;
	struct tls *tls; /* NULL: in the clear */
	struct loop_watch *watch;
	struct loop_timer timer;
	struct loop_hook flush;
	usec deadline;
	size_t got; /* bytes of the last read */
	int fd;
	uint16_t port;
	uint8_t wait;    /* enum session_wait */
	bool is_reading; /* the socket is watched for input */
	bool is_writing; /* ... for room */
	bool greeted;
	bool trusted;        /* a process of ours */
	bool stopping;       /* the process ends */
	bool ended;          /* TLS: nothing follows what was read */
	uint8_t name_status; /* enum rules_name */
	uint8_t reverse_status;
	char *who; /* the memory of the next four */
	span addr;
	span name;
	span reverse;
	span namaddr;                 /* "name[addr]" */
	struct limits_client *client; /* NULL: not counted */
	struct question question;
	struct buf held;         /* a verdict, until WAIT_PAUSE is over */
	struct message *message; /* while a transaction is open */
	struct list waiting;     /* in a list of handover.c */
};

/* What was waited for is there. */
void session_resume(struct session *s);
/* Who it is; says so in the log. */
void session_set_name(struct session *s, span name, span reverse);
/* What logs and commands are told; a Received header tells more. */
static inline span session_protocol(const struct session *s)
{
	return s->engine.esmtp ? SPAN("ESMTP") : SPAN("SMTP");
}
/* In the clear no longer: the handshake begins, or the session ends. */
void session_secure(struct session *s);
/* It is over without another word. */
void session_drop(struct session *s);
/* Look for input before the greeting. False: the client has gone. */
bool session_read_early(struct session *s);
/* Send what there is: true if all of it went. */
bool session_flush(struct session *s);
bool session_wait_input(struct session *s);
/* Wait for this; for WAIT_PAUSE and WAIT_DELAY so long. Always false. */
bool session_wait_for(struct session *s, enum session_wait what);
bool session_wait_time(struct session *s, enum session_wait what, usec time);

/* ---- steps.c: what the engine asks for ---- */

/* True: go on. False: the session waits for something now. */
typedef bool step_fn(struct session *s);
step_fn *step_for(enum smtp_ask ask);

void step_begin(struct session *s);
/* Say hello, or refuse the client. */
void step_greet(struct session *s, unsigned code, span text);
/* A wrapped session has shaken hands; `farewell`: but may not stay. */
void step_secured(struct session *s, span farewell);
/* The addresses of the header are known; NULL: they cannot be. */
void step_mapped(struct session *s, const struct rules_mapped *m);
/* The name of the client is known. */
void step_named(struct session *s, const struct rules_client_is *m);

/* ---- verdict.c ---- */

/* A verdict is there: act on it and go on. */
void step_verdict(struct session *s, span payload);
/* WAIT_PAUSE is over. */
void step_pause_over(struct session *s);

/* ---- ask.c ---- */

struct asks *asks_new(struct smtpd *p);
void asks_free(struct asks **a);
/* A rules process; takes the descriptor. */
void asks_worker(struct asks *a, uint32_t instance, int fd);

void ask_client(struct session *s);
void ask_check(struct session *s, enum rules_stage stage);
/* What clean.asked holds. */
void ask_map(struct session *s);
/* Nobody waits for the answer any more. */
void ask_forget(struct session *s);
