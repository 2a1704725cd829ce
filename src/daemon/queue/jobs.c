/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/jobs.c - giving work to relay and deliver.
 *
 * A job goes to the scheduler (store/sched.h), and when its turn comes to
 * the process of the right role that has the fewest jobs running. Three
 * transports need no process: discard, error and retry are decided here.
 *
 * When a delivery process dies, its jobs go back to the scheduler: nothing
 * was learnt about their sites. What it had delivered without telling is
 * delivered again; that is the price of never losing one.
 */
#include "daemon/queue/active.h"

#include "mail/verp.h"
#include "os/log.h"

#include <errno.h>
#include <unistd.h>

struct worker {
	struct list link; /* in q->workers */
	struct queue *q;
	struct chan *chan;
	struct list running; /* struct qjob */
	unsigned nrunning;
	enum role role;
	unsigned instance;
	bool leaving; /* it was told to stop: gets no more */
};

/* ---- jobs ---- */

static void job_free(struct qjob *j)
{
	list_remove(&j->link);
	mem_free(j);
}

/* All recipients of the job end with this verdict, and so does the job. */
static void end_all(struct qjob *j, const struct verdict *v)
{
	struct active *a = j->active;

	for (uint32_t i = 0; i < j->nplaces; i++)
		active_outcome(a, j->places[i], v);
	job_free(j);
	a->open--;
	active_check(a);
}

/* The same, with a log line per recipient in the name of `program`. */
static void end_here(struct qjob *j, const char *program, struct verdict v)
{
	v.relay = SPAN("none");
	for (uint32_t i = 0; i < j->nplaces; i++)
		active_log_outcome(j->active, j->places[i], program, &v);
	end_all(j, &v);
}

static void defer_suspended(struct qjob *j, const struct sched_site *site)
{
	span status = site->why_status;
	struct buf text = BUF_INIT(LOG_TEXT_MAX);

	buf_put(&text, SPAN("delivery temporarily suspended: "));
	buf_put(&text, span_first(span_str(site->why), text.max - text.len));
	if (!verdict_is_status(status) || status.ptr[0] != '4')
		status = SPAN("4.0.0");
	end_here(j, "error",
	    (struct verdict){ .class = VERDICT_DEFERRED,
	        .status = status,
	        .text = buf_span(&text) });
	buf_done(&text);
}

/*
 * error and retry: the next hop is "[status] text"; without a status it is
 * 5.0.0 or 4.0.0.
 */
static void end_with_error(struct qjob *j, span transport, span nexthop)
{
	bool retry = span_eq(transport, SPAN("retry"));
	span rest = nexthop;
	span first = span_word(&rest, " ");
	struct verdict v = {
		.class = retry ? VERDICT_DEFERRED : VERDICT_BOUNCED,
		.status = retry ? SPAN("4.0.0") : SPAN("5.0.0"),
		.text = nexthop,
	};

	if (verdict_is_status(first)) {
		v.status = first;
		v.text = span_trim(rest);
		v.class =
		    first.ptr[0] == '4' ? VERDICT_DEFERRED : VERDICT_BOUNCED;
	}
	end_here(j, "error", v);
}

/* Transports that need no process. False: it needs one. */
static bool end_without_process(struct qjob *j, span transport, span nexthop)
{
	switch (transport_handling(j->active->q, transport)) {
	case BY_RELAY:
	case BY_DELIVER:
		return false;
	case BY_DISCARD:
		end_here(j, "discard",
		    (struct verdict){ .class = VERDICT_SENT,
		        .status = SPAN("2.0.0"),
		        .text = nexthop.len ? nexthop : transport });
		return true;
	case BY_ERROR:
		end_with_error(j, transport, nexthop);
		return true;
	case BY_NOBODY:
		break;
	}
	end_here(j, "error",
	    (struct verdict){ .class = VERDICT_DEFERRED,
	        .status = SPAN("4.3.0"),
	        .text = SPAN("mail transport unavailable") });
	return true;
}

void jobs_submit(struct active *a, const uint32_t *places, uint32_t n)
{
	struct qjob *j = mem_new(1, sizeof(*j) + n * sizeof(j->places[0]));
	span transport = active_target(a, places[0])->transport;
	span nexthop = active_target(a, places[0])->nexthop;

	j->active = a;
	j->nplaces = n;
	memcpy(j->places, places, n * sizeof(j->places[0]));
	list_init(&j->link);
	for (uint32_t i = 0; i < n; i++)
		active_target(a, places[i])->state = ACTIVE_IN_JOB;
	a->open++;
	if (end_without_process(j, transport, nexthop))
		return;
	if (sched_add(a->q->sched, &j->sched, transport, nexthop) ==
	    SCHED_DEAD) {
		defer_suspended(j, j->sched.site);
		return;
	}
	jobs_turn_later(a->q);
}

/* ---- handing out ---- */

static struct worker *least_busy(struct queue *q, enum role role)
{
	struct worker *best = NULL;

	LIST_FOR(l, &q->workers)
	{
		struct worker *w = CONTAINER_OF(l, struct worker, link);

		if (w->role != role || w->leaving)
			continue;
		if (!best || w->nrunning < best->nrunning)
			best = w;
	}
	return best;
}

static enum role role_of(struct queue *q, span transport)
{
	return transport_handling(q, transport) == BY_DELIVER ? ROLE_DELIVER
	                                                      : ROLE_RELAY;
}

static void put_job(struct buf *out, struct qjob *j)
{
	struct active *a = j->active;
	struct buf sender = BUF_INIT(FRAME_MAX);
	struct rcpt one;
	struct rcpt *rcpts = &one;
	struct job m = {
		.number = j->number,
		.envelope = a->envelope,
		.active = a->activated,
		.blob = a->in_blob,
		.content = a->in_blob ? SPAN_NONE : buf_span(&a->content_bytes),
	};

	if (j->nplaces > 1)
		rcpts = mem_new(j->nplaces, sizeof(*rcpts));
	for (uint32_t i = 0; i < j->nplaces; i++)
		rcpts[i] = active_address(a, j->places[i]);
	m.envelope.rcpts = rcpts;
	m.envelope.nrcpts = j->nplaces;
	if (m.envelope.verp.len) {
		verp_write(&sender, m.envelope.verp, m.envelope.sender, rcpts);
		m.envelope.sender = buf_span(&sender);
		m.envelope.verp = SPAN_NONE;
	}
	job_put(out, &m);
	buf_done(&sender);
	if (rcpts != &one)
		mem_free(rcpts);
}

/* Out of the hands of its worker, if one has it. */
static void job_release(struct queue *q, struct qjob *j)
{
	if (!j->worker)
		return;
	j->worker->nrunning--;
	j->worker = NULL;
	hmap_remove(&q->jobs, &j->node);
	list_remove(&j->link);
}

/* The job could not be given away: its recipients wait for the next time. */
static void defer_running(struct queue *q, struct qjob *j, span why)
{
	static const struct sched_end nothing = { .outcome = SCHED_UNDONE };

	job_release(q, j);
	(void)sched_done(q->sched, &j->sched, &nothing, loop_now(q->loop));
	jobs_turn_later(q);
	end_here(j, "error",
	    (struct verdict){ .class = VERDICT_DEFERRED,
	        .status = SPAN("4.3.0"),
	        .text = why });
}

static void give(struct queue *q, struct worker *w, struct qjob *j, int fd)
{
	j->worker = w;
	j->number = ++q->next_job;
	hmap_put(&q->jobs, &j->node, hash_u64(j->number));
	list_append(&w->running, &j->link);
	w->nrunning++;
	put_job(fd < 0 ? chan_begin(w->chan, JOB)
	               : chan_begin_fds(w->chan, JOB, &fd, 1),
	    j);
	chan_end(w->chan);
}

static void give_blob(struct queue *q, struct worker *w, struct qjob *j)
{
	int fd;

	if (spool_open_blob(q->spool, j->active->message->id, &fd)) {
		log_warn(
		    "qmgr", "%s: content cannot be opened", j->active->id_text);
		defer_running(q, j, SPAN("message content cannot be opened"));
		return;
	}
	give(q, w, j, fd);
	(void)close(fd);
}

/* Too much is on its way to it already, or nobody is there. */
static bool is_unable(const struct worker *w)
{
	return !w || w->q->stopping || chan_backlog(w->chan) > CHAN_HIGH_WATER;
}

static void on_content(struct active *a, void *ctx);

static void start_job(struct queue *q, struct qjob *j)
{
	struct worker *w =
	    least_busy(q, role_of(q, sched_site_transport(j->sched.site)));

	if (is_unable(w)) {
		sched_block(q->sched, j->sched.site);
		sched_putback(q->sched, &j->sched);
	} else if (j->active->in_blob) {
		give_blob(q, w, j);
	} else if (j->active->has_content) {
		give(q, w, j, -1);
	} else {
		active_need_content(j->active, on_content, j);
	}
}

static void on_content(struct active *a, void *ctx)
{
	struct qjob *j = ctx;

	if (a->has_content)
		start_job(a->q, j);
	else
		defer_running(a->q, j, SPAN("message content cannot be read"));
}

static void turn(void *ctx)
{
	struct queue *q = ctx;
	struct sched_job *s;
	usec wake;

	if (q->stopping)
		return;
	sched_unblock(q->sched);
	while ((s = sched_next(q->sched, loop_now(q->loop))))
		start_job(q, CONTAINER_OF(s, struct qjob, sched));
	wake = sched_wake(q->sched);
	if (wake != USEC_NEVER)
		loop_timer_set(q->loop, &q->wake_timer, wake);
}

void jobs_turn_later(struct queue *q)
{
	loop_defer(q->loop, LOOP_IPC, &q->turn);
}

static void on_wake(void *ctx)
{
	jobs_turn_later(ctx);
}

void jobs_init(struct queue *q)
{
	list_init(&q->workers);
	hmap_init(&q->jobs);
	q->turn.fn = turn;
	q->turn.ctx = q;
	q->wake_timer.fn = on_wake;
	q->wake_timer.ctx = q;
}

/* ---- outcomes ---- */

static struct qjob *find_job(struct queue *q, uint64_t number)
{
	uint64_t hash = hash_u64(number);

	for (struct hnode *n = hmap_first(&q->jobs, hash); n;
	     n = hmap_next(n, hash)) {
		struct qjob *j = CONTAINER_OF(n, struct qjob, node);

		if (j->number == number)
			return j;
	}
	return NULL;
}

/* The site has just died: what waits for it shares the reason. */
static void defer_waiting(struct queue *q, struct sched_site *site)
{
	struct sched_job *s;

	/* The site stays while it rests, so its reason does. */
	while ((s = sched_take(q->sched, site)))
		defer_suspended(CONTAINER_OF(s, struct qjob, sched), site);
}

/* What the job says of its site. */
static struct sched_end end_of(const struct job_done *m)
{
	static const enum sched_outcome outcomes[] = {
		[JOB_SITE_FINE] = SCHED_FINE,
		[JOB_SITE_DEAD] = SCHED_FAILED,
		[JOB_SITE_AGAIN] = SCHED_UNDONE,
	};
	struct sched_end end = { .outcome = outcomes[m->site] };

	for (uint32_t i = 0; i < m->nverdicts && !end.status.len; i++) {
		if (m->verdicts[i].class != VERDICT_DEFERRED)
			continue;
		end.why = m->verdicts[i].text;
		end.status = m->verdicts[i].status;
	}
	return end;
}

static void job_end(struct worker *w, struct qjob *j, const struct job_done *m)
{
	struct queue *q = w->q;
	struct sched_site *site = j->sched.site;
	struct active *a = j->active;
	struct sched_end end = end_of(m);
	bool is_left = legs_report(j, w->role, m);

	job_release(q, j);
	if (m->site == JOB_SITE_AGAIN)
		w->leaving = true;
	if (is_left) {
		sched_putback(q->sched, &j->sched);
	} else {
		if (sched_done(q->sched, &j->sched, &end, loop_now(q->loop)))
			defer_waiting(q, site);
		job_free(j);
	}
	if (m->npasses)
		active_submit(a);
	if (is_left)
		return;
	a->open--;
	active_check(a);
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct worker *w = ctx;
	struct queue *q = w->q;
	struct arena scratch;
	struct job_done m;
	struct qjob *j = NULL;

	arena_init(&scratch, FRAME_MAX);
	if (msg->type == JOB_DONE && job_done_get(msg->payload, &scratch, &m))
		j = find_job(q, m.number);
	if (j && j->worker == w && j->nplaces == m.nverdicts) {
		job_end(w, j, &m);
		jobs_turn_later(q);
	} else {
		log_warn("qmgr", "malformed report from %s process %u",
		    role_info(w->role)->name, w->instance);
		chan_fail(w->chan, -EPROTO);
	}
	arena_done(&scratch);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct worker *w = ctx;
	struct queue *q = w->q;

	list_remove(&w->link);
	LIST_FOR(l, &w->running)
	{
		struct qjob *j = CONTAINER_OF(l, struct qjob, link);

		job_release(q, j);
		sched_putback(q->sched, &j->sched);
	}
	chan_free(&w->chan);
	mem_free(w);
	jobs_turn_later(q);
	queue_peer_gone(q);
}

static void on_drained(void *ctx)
{
	struct worker *w = ctx;

	jobs_turn_later(w->q);
}

void jobs_add_worker(struct queue *q, enum role role, unsigned instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
		.drained = on_drained,
	};
	struct worker *w = NEW(struct worker);
	int r;

	w->q = q;
	w->role = role;
	w->instance = instance;
	list_init(&w->link);
	list_init(&w->running);
	r = chan_new(q->loop, fd, &calls, w, &w->chan);
	if (r < 0) {
		log_warn("qmgr", "%s process %u: %s", role_info(role)->name,
		    instance, strerror(-r));
		mem_free(w);
		return;
	}
	list_append(&q->workers, &w->link);
	jobs_turn_later(q);
}
