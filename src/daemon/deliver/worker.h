/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/worker.h - the life of a process that does the work: a
 * scribe, a filer, a worker or a runner (work.h says what they are).
 *
 * It blocks. It is started as the user it is for, closes the doors behind
 * itself, and then takes item after item from its line:
 *
 *	what all items have in common (look.c): loops, the home
 *	    directory, ~/.forward
 *	then the function of the item's kind, from the table in worker.c
 *	when nothing more waits: all that was put off is flushed and answered
 */
#pragma once

#include "daemon/deliver/grant.h"
#include "daemon/deliver/work.h"
#include "ipc/sync.h"

struct batch;
struct maildirs;

/* The content of a message, which several items may share. */
struct content {
	unsigned refs;
	uint64_t message; /* its number, or 0 */
	struct buf bytes;
	int blob; /* or -1: then it is in `bytes` */
};

struct content *content_new(void);
struct content *content_ref(struct content *c);
/* Nulls the caller's pointer; NULL is fine. */
void content_unref(struct content **c);

/* What the functions of the kinds get. */
struct worker {
	struct sync_conn *line;
	struct arena arena; /* of the setup */
	struct work_setup setup;
	int dir; /* scribe: mail_spool_directory if it is there; else -1 */
	struct grants grants;
	struct batch *batch;
	struct maildirs *maildirs; /* NULL until there is mail for one */
	/* Of the present item, and perhaps of the next. */
	struct content *content;
};

/*
 * Do it, and answer with worker_answer(): exactly once for each item, now or
 * later, but before the process waits for more to do, or for the time that it
 * asked for. Everything in `item` is the function's to use until it returns;
 * `blob` is -1 unless item->blob.
 */
typedef void work_fn(struct worker *w, const struct work_item *item, int blob);

void worker_answer(struct worker *w, const struct work_done *done);
/* The same, with a verdict and nothing else. */
void worker_settle(
    struct worker *w, uint64_t number, const struct verdict *verdict);
/* A filer: the user's own worker shall do it. A scribe: the next one, who will
 * have the directory that is there now. */
void worker_pass(struct worker *w, uint64_t number);
/* The parent is gone: nobody would hear of what we did, and it would be done
 * again. */
bool worker_is_alone(const struct worker *w);

enum { WORKER_OPTION_MAX = 16 };
/* "--scribe" and so on. */
const char *worker_option(enum work_kind kind);
/* False: it is none of them. */
MUST_USE bool worker_kind(const char *option, enum work_kind *ret);

/* The whole life; the result is for main() to return. */
int worker_main(enum work_kind kind);
