/* SPDX-License-Identifier: ISC */
/*
 * The threads are as many as there are files, up to a limit, and live for one
 * call: next to an fsync() they cost nothing, and nobody has to keep them. We
 * are one of them, so it works without any others.
 */
#include "store/flush.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "os/error.h"

enum {
	THREADS = 16,
	/* They call fsync() and nothing else. */
	STACK = 64 * 1024,
};

struct work {
	struct flush *files;
	size_t count;
	atomic_size_t next;
};

static void *run(void *arg)
{
	struct work *w = arg;
	size_t i;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->count) {
		struct flush *f = &w->files[i];

		f->result = os_error(fsync(f->fd));
	}
	return NULL;
}

void flush_all(struct flush *files, size_t n)
{
	struct work w = { .files = files, .count = n };
	pthread_t threads[THREADS];
	pthread_attr_t attr;
	size_t started = 0;

	if (n > 1 && pthread_attr_init(&attr) == 0) {
		(void)pthread_attr_setstacksize(&attr, STACK);
		while (started < MIN(n - 1, (size_t)THREADS) &&
		    pthread_create(&threads[started], &attr, run, &w) == 0)
			started++;
		(void)pthread_attr_destroy(&attr);
	}
	(void)run(&w);
	while (started > 0)
		(void)pthread_join(threads[--started], NULL);
}
