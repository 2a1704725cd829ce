/* SPDX-License-Identifier: ISC */
/*
 * relay/relay.h - the parts of the relay process.
 *
 *	job.c      a message for some recipients, and what became of each
 *	walk.c     which host it tries next
 *	content.c  the bytes of a job, from memory or a descriptor
 *	dest.c     sessions and waiting jobs of one transport and next hop
 *	session.c  one connection and the protocol engine on it
 *	route.c    from a next hop to addresses
 *	main.c     the process
 *
 * A job looks for a session: an idle one of its destination, or one that
 * becomes free within a moment, or a new connection, host by host.
 */
#pragma once

#include "base/hmap.h"
#include "daemon/relay/route.h"
#include "daemon/relay/settings.h"
#include "ipc/chan.h"
#include "ipc/msg_job.h"
#include "proto/smtp_client.h"
#include "proto/smtp_fold.h"

struct session;

struct relay {
	struct loop *loop;
	struct dns *dns;
	struct chan *queue;    /* NULL: not there now */
	uint64_t queue_number; /* of its connection */
	struct snapshot *snapshot;
	struct hmap dests;
	struct list all_dests;
	struct list jobs; /* all */
	uint64_t seed;
	bool stopping;
	struct loop_hook ended; /* run when stopping and no job is left */
};

/* ---- content.c ---- */

struct content {
	span bytes;    /* in memory, or mapped; ptr NULL: in fd */
	span map;      /* to be unmapped */
	int fd;        /* -1 when it is in memory */
	uint64_t size; /* on the wire */
	bool open_end; /* does not end in CRLF */
	/* Lines are longer than smtp_line_length_limit: they are broken on
	 * their way, from bytes + taken on, through `chunk`. */
	bool folding;
	bool folds; /* said so in the log */
	size_t taken;
	struct smtp_fold fold;
	struct buf chunk;
};

/*
 * What a job brought: `bytes`, or a descriptor (taken; else -1). 0 or a
 * negative errno.
 */
MUST_USE int content_open(
    struct content *c, span bytes, int fd, uint32_t line_limit);
void content_close(struct content *c);
/* From the beginning, for another session. */
void content_rewind(struct content *c);
/*
 * Send what the engine has: content from where it stands, then commands. The
 * bytes that left, or a negative errno (-EAGAIN: none now; -EIO: the content
 * cannot be read). `c` may be NULL when there is no content to send.
 */
MUST_USE ssize_t content_send(
    struct content *c, int fd, const struct smtp_client_output *out);

/* ---- job.c ---- */

enum job_rcpt {
	JOB_RCPT_OPEN, /* no outcome yet */
	JOB_RCPT_KEPT, /* refused for now by one host: others may take it */
	JOB_RCPT_FINAL,
};

struct jobrun {
	struct list link;    /* in relay.jobs */
	struct list waiting; /* in dest.waiting, or alone */
	struct relay *relay;
	const struct settings *set;
	struct snapshot *snapshot;
	struct dest *dest;
	struct session *session; /* that is working on it, or NULL */
	struct session *pending; /* that is being made for it, or NULL */
	uint64_t queue;          /* relay.queue_number when it came */
	usec since;              /* waiting since, monotonic */

	struct buf bytes;
	struct arena arena;
	struct job job;
	struct content content;
	struct smtp_message message;
	uint8_t *rcpts; /* enum job_rcpt */
	struct verdict *verdicts;
	struct verdict last; /* that the engine told of */
	uint32_t nopen;      /* recipients that are not FINAL */
	char id[MSGID_TEXT_MAX];

	/* Wall clock. */
	usec handoff;
	usec setup;
	uint32_t conn_use;

	/* Where we are in the list of hosts (walk.c). */
	struct route route;
	span sites;     /* next hops left */
	bool is_backup; /* they are those of smtp_fallback_relay */
	bool last_site;
	bool final;    /* no other host after this one */
	bool complete; /* a session went through to its end */
	bool lost;     /* the session at hand did not */
	bool dead;     /* the site is not to be tried for a while */
	uint32_t hop;  /* next in route.hops */
	uint32_t hops_tried;
	uint32_t sessions_tried;
	const struct hop *current;
	struct sock_addr visited; /* by a shared session; len 0: none */
	/* The last failure of a host or site; for all that are left. */
	span status;
	span why;
	bool why_is_newer; /* ... than what single recipients heard */
};

/* A JOB has arrived. False: the queue broke the rules. */
MUST_USE bool job_start(struct relay *r, struct chan_msg *msg);
/* It is about to be given to a session. */
void job_prepare(struct jobrun *j, struct session *s);
/* An event SMTP_CLIENT_RCPT for it. */
void job_outcome(struct jobrun *j, struct session *s);
/* SMTP_CLIENT_DONE: what is left needs another host. */
void job_session_done(struct jobrun *j);
/* SMTP_CLIENT_UNSENT: as if it had just come. */
void job_unsent(struct jobrun *j);
/* All recipients without a final outcome end like this. */
void job_end_all(
    struct jobrun *j, const struct session *s, const struct verdict *v);
/* The process stops before anything was tried. */
void job_give_back(struct jobrun *j);
/* Nobody wants to know any more. */
void job_free(struct jobrun *j);
/* Who said it, for the notice to the sender. */
void job_describe(struct jobrun *j, const struct session *s, struct verdict *v);
/* Into the job's arena. */
span job_text(struct jobrun *j, span text);

/* ---- walk.c ---- */

/* It found no session to share: go from host to host. */
void walk_start(struct jobrun *j);
/* The host at hand took it not, or not for all. */
void walk_on(struct jobrun *j);
/* The connection could not be made, error is a negative errno. */
void walk_unreachable(struct jobrun *j, int error);
/* The host will not talk to us: s->client.outcome. */
void walk_refused(struct jobrun *j, struct session *s);
/* The host talks to us. */
void walk_welcome(struct jobrun *j);

/* ---- dest.c ---- */

struct dest {
	struct hnode node;
	struct list link; /* in relay.all_dests */
	struct relay *relay;
	const struct settings *set;
	struct snapshot *snapshot;
	span nexthop;
	bool reuse;    /* sessions carry more than one message */
	uint32_t jobs; /* that refer to it */
	uint32_t sessions;
	usec dot_time;    /* how long the server thinks; 0: not known yet */
	struct list idle; /* struct session, the last used first */
	struct list busy;
	struct list waiting; /* struct jobrun */
	uint32_t nwaiting;
	struct loop_timer patience;
	char text[];
};

struct dest *dest_find(
    struct relay *r, const struct settings *set, span nexthop);
/* Frees it when nothing is there any more. */
void dest_check(struct dest *d);
/* Find a session for a job: now, soon, or by walk_start(). */
void dest_offer(struct dest *d, struct jobrun *j);
/* Whether a message may wait on a session for the answer to another one. */
bool dest_is_quick(const struct dest *d);
/* The job that has waited longest, or NULL. */
struct jobrun *dest_take(struct dest *d);
/* No session stays idle. */
void dest_retire(struct dest *d);

/* ---- session.c ---- */

enum { SESSION_NAME_MAX = 256 + sizeof(struct sockaddr_un) + 16 };

/* What the timer was set for: when this changes, there was progress. */
struct session_mark {
	uint8_t step;
	uint32_t waiting;
	uint32_t given;
	uint32_t dots;
};

struct session {
	struct list link; /* in dest.idle or dest.busy */
	struct dest *dest;
	struct jobrun *job; /* that it is being made for */
	int fd;
	bool connecting;
	bool blocked;  /* waiting until the socket takes more */
	bool broken;   /* the socket takes no more at all */
	bool retiring; /* no more messages */
	bool dead;     /* freed at the end of the round */
	bool final;    /* there was no other host to try */
	usec started;
	usec dotted; /* when the last dot left; 0: it did not */
	struct sock_addr addr;
	struct loop_watch *watch;
	struct loop_timer timer;
	struct loop_hook flush;
	struct loop_hook last;
	struct session_mark mark;
	struct smtp_client client;
	uint16_t host_len;
	uint16_t peer_len;
	uint16_t name_len;
	char name[SESSION_NAME_MAX]; /* "host[addr]:port", "host[path]" */
};

/* Connect for a job, to j->current. 0 or a negative errno. */
MUST_USE int session_open(struct dest *d, struct jobrun *j);
/* An idle session gets a job. */
void session_give(struct session *s, struct jobrun *j);
/* No more messages; it ends when it is idle. */
void session_retire(struct session *s);
/* Without a word; its jobs are the caller's. */
void session_abort(struct session *s);

span session_host(const struct session *s);  /* "host" */
span session_peer(const struct session *s);  /* "host[addr]" */
span session_relay(const struct session *s); /* "host[addr]:port" */
