/* SPDX-License-Identifier: ISC */
/*
 * store/workers.c - two lanes of jobs and the list of finished ones.
 *
 * The eventfd is written when the list of finished jobs becomes non-empty
 * and read when it is emptied, so a burst costs one of each.
 */
#include "store/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lane {
	struct list waiting;
	pthread_cond_t wake;
};

struct workers {
	pthread_mutex_t lock; /* guards what follows, up to `busy` */
	struct lane lanes[LANES];
	struct list finished;
	pthread_cond_t something_finished;
	bool signalled; /* the eventfd was written and not yet read */
	bool ending;

	size_t busy; /* the loop's thread only, as all below */
	int eventfd;
	pthread_t *threads;
	unsigned nthreads;
	struct worker *args;
};

struct worker {
	struct workers *w;
	enum worker_lane lane;
};

static struct job *take_job(struct workers *w, struct lane *lane)
{
	while (list_is_empty(&lane->waiting) && !w->ending)
		pthread_cond_wait(&lane->wake, &w->lock);
	if (list_is_empty(&lane->waiting))
		return NULL;
	return CONTAINER_OF(list_take(&lane->waiting), struct job, link);
}

static void finish_job(struct workers *w, struct job *job)
{
	static const uint64_t one = 1;
	bool tell = !w->signalled;

	list_append(&w->finished, &job->link);
	w->signalled = true;
	pthread_cond_signal(&w->something_finished);
	/* Under the lock, so that it cannot follow the reader's read. */
	if (tell && write(w->eventfd, &one, sizeof(one)) < 0)
		bug("eventfd: %d", errno);
}

static void *worker_main(void *arg)
{
	struct worker *me = arg;
	struct workers *w = me->w;
	struct job *job;

	pthread_mutex_lock(&w->lock);
	while ((job = take_job(w, &w->lanes[me->lane]))) {
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
		finish_job(w, job);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals belong to the loop. */
static int start_threads(struct workers *w, unsigned threads)
{
	sigset_t all;
	sigset_t before;
	int r = 0;

	w->threads = mem_new(threads, sizeof(pthread_t));
	w->args = mem_new(threads, sizeof(struct worker));
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	for (unsigned i = 0; i < threads && !r; i++) {
		w->args[i] = (struct worker){ w, i ? LANE_FILE : LANE_LOG };
		r = pthread_create(
		    &w->threads[i], NULL, worker_main, &w->args[i]);
		w->nthreads += !r;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int workers_new(unsigned threads, struct workers **ret_workers)
{
	struct workers *w = NEW(struct workers);
	int r = 0;

	w->eventfd = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->something_finished, NULL);
	list_init(&w->finished);
	for (int i = 0; i < LANES; i++) {
		list_init(&w->lanes[i].waiting);
		pthread_cond_init(&w->lanes[i].wake, NULL);
	}
	if (threads) {
		w->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = w->eventfd < 0 ? -errno
		                   : start_threads(w, MAX(threads, 2U));
	}
	if (r < 0)
		workers_free(&w);
	else
		*ret_workers = w;
	return r;
}

void workers_free(struct workers **workers)
{
	struct workers *w = *workers;

	*workers = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	for (int i = 0; i < LANES; i++)
		pthread_cond_broadcast(&w->lanes[i].wake);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->nthreads; i++)
		(void)pthread_join(w->threads[i], NULL);
	if (w->busy)
		bug("workers_free: %zu jobs were not collected", w->busy);
	for (int i = 0; i < LANES; i++)
		pthread_cond_destroy(&w->lanes[i].wake);
	pthread_cond_destroy(&w->something_finished);
	pthread_mutex_destroy(&w->lock);
	if (w->eventfd >= 0)
		(void)close(w->eventfd);
	mem_free(w->threads);
	mem_free(w->args);
	mem_free(w);
}

void workers_submit(struct workers *w, enum worker_lane lane, struct job *job)
{
	w->busy++;
	pthread_mutex_lock(&w->lock);
	list_append(&w->lanes[lane].waiting, &job->link);
	pthread_cond_signal(&w->lanes[lane].wake);
	pthread_mutex_unlock(&w->lock);
}

static void take_finished(struct workers *w, struct list *to)
{
	uint64_t count;

	pthread_mutex_lock(&w->lock);
	list_splice(to, &w->finished);
	if (w->signalled && read(w->eventfd, &count, sizeof(count)) < 0)
		bug("eventfd: %d", errno);
	w->signalled = false;
	pthread_mutex_unlock(&w->lock);
}

/*
 * Without threads: do now what threads would have done meanwhile. It is
 * finished at the next call only, so that, as with threads, other things can
 * happen between the two.
 */
static void run_waiting(struct workers *w)
{
	struct list *link;

	for (int i = 0; i < LANES && !w->nthreads; i++) {
		while ((link = list_take(&w->lanes[i].waiting))) {
			struct job *job = CONTAINER_OF(link, struct job, link);

			job->run(job);
			list_append(&w->finished, link);
		}
	}
}

bool workers_collect(struct workers *w)
{
	struct list finished = LIST_INIT(finished);
	struct list *link;
	bool any = false;

	take_finished(w, &finished);
	while ((link = list_take(&finished))) {
		struct job *job = CONTAINER_OF(link, struct job, link);

		w->busy--;
		any = true;
		job->done(job);
	}
	run_waiting(w);
	return any;
}

void workers_wait(struct workers *w)
{
	if (!w->nthreads || !w->busy)
		return;
	pthread_mutex_lock(&w->lock);
	while (list_is_empty(&w->finished))
		pthread_cond_wait(&w->something_finished, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

size_t workers_busy(const struct workers *w)
{
	return w->busy;
}

int workers_eventfd(const struct workers *w)
{
	return w->eventfd;
}
