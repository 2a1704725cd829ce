/* SPDX-License-Identifier: ISC */
/*
 * A run is a list of files from which whoever has nothing to do takes the
 * next: the threads, and the caller, so it works without any threads, too.
 * To start a thread costs as much as many an fsync(), so they stay.
 */
#include "store/flush.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "os/error.h"

enum {
	/* They call fsync() and nothing else. */
	STACK = 64 * 1024,
};

struct flusher {
	pthread_t threads[FLUSHER_THREADS];
	size_t nthreads;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	pthread_cond_t finished;
	struct flush *files;
	size_t count;
	size_t next; /* nobody has taken it yet */
	size_t open; /* not flushed */
	bool ending;
};

static int flush_one(struct flush *f)
{
	return os_error(fsync(f->fd));
}

/* One file, with the lock held before and after. False: there is none. */
static bool take_one(struct flusher *f)
{
	struct flush *file;

	if (f->next == f->count)
		return false;
	file = &f->files[f->next++];
	pthread_mutex_unlock(&f->lock);
	file->result = flush_one(file);
	pthread_mutex_lock(&f->lock);
	if (--f->open == 0)
		pthread_cond_signal(&f->finished);
	return true;
}

static void *thread_main(void *arg)
{
	struct flusher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->ending)
		if (!take_one(f))
			pthread_cond_wait(&f->wake, &f->lock);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* Signals are not for them. */
static void start_threads(struct flusher *f, size_t wanted)
{
	pthread_attr_t attr;
	sigset_t before;
	sigset_t all;

	if (f->nthreads >= wanted || pthread_attr_init(&attr) != 0)
		return;
	(void)pthread_attr_setstacksize(&attr, STACK);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	while (f->nthreads < wanted &&
	    pthread_create(&f->threads[f->nthreads], &attr, thread_main, f) ==
	        0)
		f->nthreads++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
}

struct flusher *flusher_new(void)
{
	struct flusher *f = NEW(struct flusher);

	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	pthread_cond_init(&f->finished, NULL);
	return f;
}

void flusher_free(struct flusher **flusher)
{
	struct flusher *f = STEAL(*flusher);

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->ending = true;
	pthread_cond_broadcast(&f->wake);
	pthread_mutex_unlock(&f->lock);
	while (f->nthreads > 0)
		(void)pthread_join(f->threads[--f->nthreads], NULL);
	pthread_cond_destroy(&f->finished);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
}

/* We are one of those who flush. */
static void wake_threads(struct flusher *f, size_t wanted)
{
	if (wanted >= f->nthreads) {
		pthread_cond_broadcast(&f->wake);
		return;
	}
	while (wanted-- > 0)
		pthread_cond_signal(&f->wake);
}

void flusher_run(struct flusher *f, struct flush *files, size_t n)
{
	if (!f || n < 2) {
		for (size_t i = 0; i < n; i++)
			files[i].result = flush_one(&files[i]);
		return;
	}
	start_threads(f, MIN(n - 1, (size_t)FLUSHER_THREADS));
	pthread_mutex_lock(&f->lock);
	f->files = files;
	f->count = f->open = n;
	f->next = 0;
	wake_threads(f, n - 1);
	while (take_one(f))
		continue;
	while (f->open > 0)
		pthread_cond_wait(&f->finished, &f->lock);
	f->count = f->next = 0;
	pthread_mutex_unlock(&f->lock);
}
