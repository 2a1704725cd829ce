/* SPDX-License-Identifier: ISC */
#include "tool/queue_direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/envelope.h"
#include "os/file.h"
#include "store/spool.h"
#include "store/state.h"

enum { SCRATCH_MAX = 256 * 1024 * 1024, SPOOL_PART_MAX = 4096 };

/* A message, to be read when all are known and in order. */
struct found {
	msgid id;
	uint8_t queue; /* enum ctl_queue */
};

struct listing {
	struct spool *spool;
	struct found *messages;
	size_t count;
	size_t room;
	const struct found *current;
	queue_direct_fn *fn;
	void *ctx;
};

bool queue_direct_may(const char *queue_directory)
{
	struct stat st;

	return geteuid() == 0 ||
	    (stat(queue_directory, &st) == 0 && st.st_uid == geteuid());
}

static void on_found(void *ctx, const struct spool_found *f)
{
	struct listing *l = ctx;

	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->messages =
		    mem_resize(l->messages, l->room, sizeof(*l->messages));
	}
	l->messages[l->count++] = (struct found){
		.id = f->id,
		.queue = f->has_state ? CTL_DEFERRED : CTL_INCOMING,
	};
}

/* What is damaged, the queue process tells when it starts. */
static void on_damaged(void *ctx, const struct spool_damage *damage)
{
	(void)ctx;
	(void)damage;
}

static int by_queue_and_age(const void *x, const void *y)
{
	const struct found *a = x;
	const struct found *b = y;

	if (a->queue != b->queue)
		return a->queue < b->queue ? -1 : 1;
	return (msgid_counter(a->id) > msgid_counter(b->id)) -
	    (msgid_counter(a->id) < msgid_counter(b->id));
}

static void show(struct listing *l, const struct spool_record *rec)
{
	struct wire w = wire_from(rec->envelope);
	struct state s = { 0 };
	struct ctl_entry entry;
	struct envelope e;
	struct arena scratch;

	arena_init(&scratch, SCRATCH_MAX);
	if (envelope_get(&w, &scratch, &e) &&
	    (!rec->has_state || state_get(rec->state, &scratch, &s))) {
		entry = (struct ctl_entry){
			.id = rec->id,
			.arrival = e.arrival,
			.size = e.size,
			.queue = l->current->queue,
			.sender = e.sender,
			.rcpts = arena_alloc(&scratch, e.nrcpts + s.nparts,
			    sizeof(*entry.rcpts)),
		};
		if (entry.rcpts) {
			entry.nrcpts = state_list(&e, &s, entry.rcpts);
			l->fn(l->ctx, &entry);
		}
	}
	arena_done(&scratch);
}

/* One that cannot be read is left out: it was reported as damaged. */
static void on_read(void *ctx, int result, const struct spool_record *record)
{
	if (result == SPOOL_OK)
		show(ctx, record);
}

static void list_all(struct listing *l)
{
	if (l->count > 1)
		qsort(l->messages, l->count, sizeof(*l->messages),
		    by_queue_and_age);
	for (size_t i = 0; i < l->count; i++) {
		l->current = &l->messages[i];
		spool_read(l->spool, l->current->id, on_read, l);
		(void)spool_poll(l->spool, 0);
	}
}

int queue_direct_list(
    const char *queue_directory, queue_direct_fn *fn, void *ctx)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(SPOOL_PART_MAX);
	CLEANUP(fd_close) int dir = -1;
	struct listing l = { .fn = fn, .ctx = ctx };
	const struct spool_config config = {
		.read_only = true,
		.calls = { .found = on_found, .damaged = on_damaged },
		.ctx = &l,
	};
	int r;

	buf_printf(&path, "%s/log", queue_directory);
	dir = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = spool_open(&file_ops_real, dir, &config, &l.spool);
	if (r == 0)
		list_all(&l);
	spool_close(&l.spool);
	mem_free(l.messages);
	return r;
}
