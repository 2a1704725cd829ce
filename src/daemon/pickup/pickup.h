/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/pickup.h - the process that brings in mail of this machine.
 *
 *	main.c      life: configuration, partners, the end
 *	lanes.c     mail that waits, and the sessions that take it
 *	session.c   one session of SMTP with an smtpd process
 *	submit.c    mail that deliver sends on; wire.c looks it over
 *	maildrop.c  the files of users; drop.c is one of them
 *	door.c      public/pickup: there is another one
 *
 * It comes from two places and leaves through one: sessions of SMTP with the
 * smtpd processes, over pairs of sockets made here, several at once so that
 * many messages share one flush to disk. A message is done when smtpd has
 * said 250, and only then does the place it came from let go of it.
 */
#pragma once

#include "daemon/daemon.h"
#include "ipc/chan.h"
#include "mail/envelope.h"

struct door;
struct lane;
struct mail;
struct maildrop;
struct session;
struct submits;

enum {
	/* Of one lane. More would not be faster, and smtpd has others to
	 * serve. */
	SESSIONS_MAX = 16,
	/* What a session has ready to be sent. */
	SESSION_OUTPUT = 64 * 1024,
};

/* ---- a message on its way ---- */

enum mail_fate {
	MAIL_TAKEN,   /* it is on stable storage */
	MAIL_REFUSED, /* not now: smtpd has said why */
	MAIL_LOST,    /* nobody has said anything: smtpd is gone */
};

struct mail_end {
	enum mail_fate fate;
	msgid id; /* MAIL_TAKEN */
	span why; /* else; until the handler returns */
};

/* What the place that a message comes from can do. */
struct mail_calls {
	/*
	 * Append the next piece of the content, in wire form: dot-stuffed,
	 * in whole lines at its end. Nothing appended: that was all. The
	 * first call begins at the front. 0 or a negative errno.
	 */
	int (*read)(struct mail *m, bool first, struct buf *out);
	/* It is yours again; may be called by lane_add(), too. */
	void (*ended)(struct mail *m, const struct mail_end *end);
};

struct mail {
	struct list link; /* while it waits */
	const struct mail_calls *calls;
	struct session *session; /* that has it */
	struct envelope envelope;
	/* A user's, from maildrop/: */
	bool has_uid;
	uint32_t uid;
	span full_name;
	span former_id;
	usec received;  /* wall clock; 0: now */
	bool is_final;  /* its addresses have been through the tables */
	bool is_remote; /* not to be completed as mail of ours */
};

/* ---- the process ---- */

enum lane_kind {
	LANE_MAILDROP, /* under the pickup line of master.cf */
	LANE_RESENT,   /* under main.cf alone */
	LANES,
};

struct smtpd_peer {
	struct list link;
	struct pickup *pickup;
	struct chan *chan;
	uint32_t instance;
	uint32_t nsessions;
};

struct lane {
	struct pickup *pickup;
	struct list ready;    /* struct mail, in the order of their coming */
	struct list sessions; /* all */
	uint32_t nsessions;
	uint32_t service; /* of the newest configuration */
	struct loop_timer retry;
};

struct pickup {
	struct daemon *daemon;
	struct loop *loop;
	struct conf *conf;
	struct list smtpds;
	struct lane lanes[LANES];
	struct submits *submits;
	struct maildrop *maildrop;
	struct door *door;
	int maildrop_dir;
	struct loop_timer stop_timer;
	bool stopping;
};

/* Nothing is under way: while stopping that is the end. */
void pickup_check_end(struct pickup *p);

/* ---- lanes.c ---- */

void lane_init(struct lane *l, struct pickup *p);
/* There is mail; m->calls->ended() is called once for it. */
void lane_add(struct lane *l, struct mail *m);
/*
 * Nobody wants to know any more how it ends: it is taken out of the lane, if
 * need be by ending its session. False: all of it has been sent; it goes its
 * way, and `ended` will be called.
 */
MUST_USE bool lane_remove(struct lane *l, struct mail *m);
/* Give waiting mail to sessions. */
void lane_run(struct lane *l);
/* The same, in a while: a session could not be had. */
void lane_run_later(struct lane *l);
/* The configuration is another: sessions begin anew. */
void lane_renew(struct lane *l, uint32_t service);
void lane_end(struct lane *l);
bool lane_is_idle(const struct lane *l);

void smtpd_add(struct pickup *p, uint32_t instance, int fd);
void smtpds_end(struct pickup *p);

/* ---- session.c ---- */

/* NULL: it cannot be had now. */
struct session *session_new(struct lane *l, struct smtpd_peer *peer);
/* It is ready for a message, and has none. */
bool session_is_idle(const struct session *s);
void session_give(struct session *s, struct mail *m);
/* It waits for its greeting. */
bool session_is_coming(const struct session *s);
/* The smtpd process is gone; if it was that of this session. */
void session_leave(struct session *s, const struct smtpd_peer *peer);
/* All of its message has been sent, and is not answered. */
bool session_has_sent(const struct session *s);
/* After this message, or now. */
void session_retire(struct session *s);
/* It ends now; its message is lost, or not told about with `forget`. */
void session_abort(struct session *s, bool forget);
struct session *session_of(struct list *link);

/* ---- maildrop.c ---- */

/* Takes the descriptor of the directory. */
struct maildrop *maildrop_new(struct pickup *p, int dir);
void maildrop_free(struct maildrop **m);
/* `service`: the pickup line, or CONF_MAIN: there is none. */
void maildrop_configure(struct maildrop *m, uint32_t service);
/* There may be another file. */
void maildrop_nudge(struct maildrop *m);

/* ---- door.c ---- */

struct door *door_new(struct pickup *p);
void door_free(struct door **d);
/* Takes the descriptor: a socket that listens. */
void door_open(struct door *d, int fd);
void door_close(struct door *d);

/* ---- submit.c ---- */

struct submits *submits_new(struct pickup *p);
void submits_free(struct submits **s);
/* The deliver process; takes the descriptor. */
void submits_peer(struct submits *s, int fd);
