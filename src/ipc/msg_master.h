/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_master.h - between master and each process it started, over the
 * control channel (descriptor MASTER_FD of the process).
 *
 *	master -> daemon   KEYS, CONFIG, LOG, LISTEN..., PEER..., GO    at the
 *	                                          start; KEYS to some only
 *	master -> daemon   PEER                     a partner was started again
 *	master -> daemon   KEYS, CONFIG, LOG, UNLISTEN, LISTEN..., RELOADED
 *	                           a reload; READY answers when it is in force
 *	master -> daemon   LOG                            the log was reopened
 *	master -> daemon   STOP
 *	daemon -> master   READY, LOG_AGAIN
 *
 * Only master decides: nothing a daemon can say makes it do more than note
 * that the process is up, or open its own log file again.
 */
#pragma once

#include "base/wire.h"

enum { MASTER_FD = 3 };

enum {
	MASTER_CONFIG = 0x500, /* empty; one descriptor: serialized snapshot */
	MASTER_LOG,            /* struct master_log; one descriptor */
	MASTER_LISTEN,         /* u32 service; one descriptor */
	MASTER_UNLISTEN,       /* empty: close all of them */
	MASTER_PEER,           /* struct master_peer; one descriptor */
	MASTER_GO,        /* struct master_go: the start pack is complete */
	MASTER_STOP,      /* empty */
	MASTER_READY,     /* empty */
	MASTER_LOG_AGAIN, /* empty: lines cannot be written */
	MASTER_KEYS,      /* empty; one descriptor: struct tls_files */
	MASTER_RELOADED,  /* empty: that was all of a reload */
};

struct master_log {
	uint8_t kind; /* enum log_kind */
	uint32_t facility;
	span host;
	span syslog_name;
};

struct master_peer {
	uint8_t role; /* enum role */
	uint32_t instance;
};

enum { MASTER_MAX_GROUPS = 64 };

struct master_go {
	uint32_t instance;
	/* Who to become, when started as root; 0: stay. */
	uint32_t uid;
	uint32_t gid;
	uint32_t ngroups; /* supplementary ones */
	uint32_t groups[MASTER_MAX_GROUPS];
};

void master_log_put(struct buf *out, const struct master_log *m);
MUST_USE bool master_log_get(span payload, struct master_log *ret);
void master_peer_put(struct buf *out, const struct master_peer *m);
MUST_USE bool master_peer_get(span payload, struct master_peer *ret);
void master_go_put(struct buf *out, const struct master_go *m);
MUST_USE bool master_go_get(span payload, struct master_go *ret);
void master_listen_put(struct buf *out, uint32_t service);
MUST_USE bool master_listen_get(span payload, uint32_t *ret_service);
