/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/smtpd.h - the process that talks to strangers.
 *
 *	main.c     life: configuration, sockets, partners, the end
 *	listen.c   connections come in
 *	inside.c   sessions of our own processes do
 *	service.c  what a line of master.cf asks of us
 *	session.c  one client: bytes in and out, waiting, time, the end
 *	handshake.c the same through TLS; secure.c: whether there is any
 *	steps.c    what the engine asks for, one function each
 *	verdict.c  what the rules processes answered
 *	ask.c      questions to the rules processes
 *	message.c  a transaction: recipients and content
 *	handover.c the conversation with the queue process
 *	limits.c   how much one client does; nets.c: who is exempt
 *	forms.c    the lines we log
 *
 * The protocol is proto/smtp_server.h. Nothing here blocks, opens a file or
 * a socket.
 */
#pragma once

#include "daemon/daemon.h"
#include "daemon/smtpd/limits.h"
#include "ipc/chan.h"
#include "tls/files.h"

struct asks;
struct handover;
struct service;
struct session;

enum {
	/* Read at once; shared by all sessions, so large. Less when it is
	 * commands: what is pipelined behind a question must be kept. */
	SMTPD_INPUT = 64 * 1024,
	SMTPD_INPUT_COMMANDS = 8 * 1024,
	/* Message content in memory, of all sessions together: above the
	 * first no more DATA, above the second messages fail. */
	SMTPD_CONTENT_HIGH = 128 * 1024 * 1024,
	SMTPD_CONTENT_MAX = 256 * 1024 * 1024,
	/* A command of a process of ours, with all its parameters. */
	SMTPD_INSIDE_LINE = 32 * 1024,
};

/* A service that is in no master.cf any more. */
#define SMTPD_NO_SERVICE (UINT32_MAX - 1)

struct smtpd {
	struct daemon *daemon;
	struct loop *loop;
	struct conf *conf; /* the newest */
	struct list listeners;
	struct list services; /* of all snapshots in use */
	struct list sessions;
	struct asks *asks;
	struct handover *handover;
	struct chan *pickup; /* NULL: there is no such process */
	struct limits *limits;
	struct loop_timer stop_timer;
	struct loop_timer accept_timer;
	char *input;
	char *plain; /* what it decrypts to; NULL until somebody has TLS */
	struct tls_files keys;
	size_t content_bytes; /* message content in memory */
	uint32_t nsessions;
	uint32_t max_sessions; /* as many as there are descriptors for */
	uint32_t nreceiving;   /* sessions that are receiving content */
	uint32_t processes;    /* of our kind */
	bool stopping;
};

/* ---- listen.c ---- */

void listen_add(struct smtpd *p, uint32_t service, int fd);
void listen_close_all(struct smtpd *p);
/* No descriptors left, or there are some again. */
void listen_pause(struct smtpd *p, bool pause);

/* ---- inside.c ---- */

/* The process that brings mail of this machine; takes the descriptor. */
void inside_peer(struct smtpd *p, int fd);
void inside_end(struct smtpd *p);

/* ---- session.c, as far as others start or end one ---- */

/* Takes the descriptor. `addr` is numeric, borrowed. */
void session_new(
    struct smtpd *p, struct service *service, int fd, span addr, uint16_t port);
/* The same for a process of ours. */
void session_new_inside(struct smtpd *p, struct service *service, int fd);
/* No more commands; content that is coming in may end. */
void session_stop(struct session *s);
void session_kill(struct session *s);

/* The last session is gone while we stop, or it was the last descriptor. */
void smtpd_session_gone(struct smtpd *p);
