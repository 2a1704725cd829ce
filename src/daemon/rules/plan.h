/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/plan.h - answers to "what does this recipient stand for?",
 * and who makes them: one plan_kind for each program of master.cf that
 * delivers here.
 *
 * A plan can be long, so it leaves in pieces while it is being made. Spans of
 * a step must live until plan_end(): they lie in the plan's arena, the
 * question or the configuration.
 */
#pragma once

#include "daemon/rules/policy.h"
#include "ipc/msg_local.h"
#include "os/passwd.h"

struct plan {
	struct arena *arena; /* for this one question */
	struct local_plan m; /* the piece that is being collected */
	uint32_t room;       /* for steps */
	struct buf warning;
	size_t bytes; /* of the steps collected, about */
	void (*send)(void *ctx, const struct local_plan *m);
	void *ctx;
};

/* False: the arena is full. */
MUST_USE bool plan_begin(struct plan *p, uint64_t ask, struct arena *a);
/* The step is copied, what its spans and arrays point to is not. */
void plan_add(struct plan *p, const struct local_step *s);
/* A line for the log of deliver, behind "warning: "; ": text" gets the id of the
 * message in front. */
PRINTF_LIKE(2, 3) void plan_warn(struct plan *p, const char *format, ...);
/* It cannot be planned: try again later. */
void plan_defer(struct plan *p, const struct local_ask *q);
/* Send what is left. */
void plan_end(struct plan *p);

/* What planning needs from outside; tests put their own in. */
struct plan_world {
	void *ctx;
	/* PASSWD_OK, PASSWD_NONE, or a negative errno; as os/passwd.h. */
	int (*find_user)(void *ctx, span name, struct passwd_entry *ret);
	int (*find_uid)(void *ctx, uint32_t uid, struct passwd_entry *ret);
	const struct world *rules; /* tables and warnings */
};

struct plan_source {
	struct conf *conf;
	uint32_t service;            /* a line of master.cf */
	span name;                   /* what it is called there */
	const struct policy *policy; /* of main.cf; outlives what is made */
	const struct plan_world *world;
};

struct plan_kind {
	span program; /* "local" */
	/* Once per snapshot and service. Never NULL. */
	void *(*make)(const struct plan_source *source);
	void (*answer)(void *made, struct plan *out, const struct local_ask *q);
	void (*drop)(void *made);
};

extern const struct plan_kind plan_local;
