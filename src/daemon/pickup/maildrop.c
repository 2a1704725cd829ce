/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/maildrop.c - files that postdrop has left in maildrop/.
 *
 *	seen --> FLYING --taken--> removed
 *	          |   ^    \--taken, cannot be removed--> STUCK
 *	      not |   | later
 *	    taken +-> HELD
 *
 * The directory is read at the start, when somebody knocks at public/pickup,
 * and every minute. What is a message goes to smtpd, a limited number at a
 * time; the file is removed when smtpd has said 250, and not before. What
 * smtpd cannot take now is held for a while. When that is what happened last,
 * files go one by one: the next one is likely to fare the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/pickup/drop.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

enum {
	FLYING_MAX = 64,
	NAME_LONGEST = 255,
	FAILURES_MAX = 9, /* doublings of the time to the next try */
};

static const usec pause_after_trouble = 2 * USEC_SEC;
static const usec hold_longest = 60 * USEC_SEC;
static const usec hold_first = USEC_SEC / 2;

struct maildrop {
	struct pickup *pickup;
	int dir;
	DIR *names; /* NULL: no scan goes on */
	struct hmap by_name;
	struct list drops;
	struct loop_timer timer;
	struct loop_hook scan;
	struct drop_rules rules;
	uint32_t flying;
	uint32_t limit; /* of them */
	uint64_t scans;
	usec interval; /* 0: not by itself */
	usec pause;    /* nothing flies before this time */
	usec next;     /* what is held flies then */
	bool active;   /* master.cf has a pickup line */
	bool again;    /* somebody knocked while we were reading */
};

static usec now_of(const struct maildrop *m)
{
	return loop_now(m->pickup->loop);
}

static struct lane *lane_of(struct maildrop *m)
{
	return &m->pickup->lanes[LANE_MAILDROP];
}

/* ---- files that are known ---- */

static struct drop *find(struct maildrop *m, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n;

	for (n = hmap_first(&m->by_name, hash); n; n = hmap_next(n, hash)) {
		struct drop *d = CONTAINER_OF(n, struct drop, node);

		if (span_eq(span_str(d->name), name))
			return d;
	}
	return NULL;
}

static struct drop *remember(struct maildrop *m, span name)
{
	struct drop *d = drop_new(m, name);

	hmap_put(&m->by_name, &d->node, hash_bytes(name));
	list_append(&m->drops, &d->link);
	return d;
}

static void forget(struct drop *d)
{
	hmap_remove(&d->maildrop->by_name, &d->node);
	drop_free(d);
}

static void hold(struct drop *d, usec time)
{
	struct maildrop *m = d->maildrop;

	d->state = DROP_HELD;
	d->when = now_of(m) + time;
	m->next = MIN(m->next, d->when);
}

/* Each time it was in vain. */
static void hold_longer(struct drop *d)
{
	hold(d, MIN(hold_first << d->failures, hold_longest));
	if (d->failures < FAILURES_MAX)
		d->failures++;
}

/* A file that is taken, and stays, must not be taken again. */
static void remove_file(struct drop *d, enum drop_state otherwise)
{
	struct maildrop *m = d->maildrop;
	int r = os_error(unlinkat(m->dir, d->name, 0));

	if (r == 0 || r == -ENOENT) {
		forget(d);
		return;
	}
	log_warn("pickup", "remove maildrop/%s: %s", d->name, strerror(-r));
	hold(d, hold_longest);
	d->state = (uint8_t)otherwise;
}

/* ---- flying ---- */

static void scan_soon(struct maildrop *m)
{
	if (m->active && !m->pickup->stopping)
		loop_defer(m->pickup->loop, LOOP_IPC, &m->scan);
}

/* What is left of the trouble is told by the next one. */
static void trouble(struct maildrop *m)
{
	m->limit = 1;
	m->pause = now_of(m) + pause_after_trouble;
	m->next = MIN(m->next, m->pause);
}

static void on_ended(struct mail *mail, const struct mail_end *end)
{
	struct drop *d = CONTAINER_OF(mail, struct drop, mail);
	struct maildrop *m = d->maildrop;

	drop_close(d);
	m->flying--;
	switch (end->fate) {
	case MAIL_TAKEN:
		m->limit = FLYING_MAX;
		m->pause = 0;
		remove_file(d, DROP_STUCK);
		break;
	case MAIL_REFUSED:
		drop_warn(d->name, "message not accepted: %.*s", PRI(end->why));
		hold_longer(d);
		trouble(m);
		break;
	case MAIL_LOST:
		hold_longer(d);
		trouble(m);
		break;
	}
	scan_soon(m);
}

static void fly(struct drop *d)
{
	static const struct mail_calls calls = {
		.read = drop_read,
		.ended = on_ended,
	};
	struct maildrop *m = d->maildrop;

	d->state = DROP_FLYING;
	d->mail.calls = &calls;
	m->flying++;
	lane_add(lane_of(m), &d->mail);
}

/* ---- the directory ---- */

/* Letters, digits, '_': what a queue file is called. */
static bool is_id(span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.ptr[i]) && name.ptr[i] != '_')
			return false;
	return name.len && name.len <= NAME_LONGEST;
}

static void try_file(struct drop *d)
{
	struct maildrop *m = d->maildrop;
	enum drop_look look = drop_look(d, &m->rules);

	if (look == DROP_GOOD)
		look = drop_open(d, &m->rules);
	switch (look) {
	case DROP_GOOD:
		fly(d);
		break;
	case DROP_SKIP:
		forget(d);
		break;
	case DROP_KEEP:
		hold(d, hold_longest);
		break;
	case DROP_REMOVE:
		remove_file(d, DROP_HELD);
		break;
	}
}

static void visit(struct maildrop *m, span name)
{
	struct drop *d;

	if (!is_id(name))
		return;
	d = find(m, name);
	if (!d)
		d = remember(m, name);
	d->seen = m->scans;
	if (d->state == DROP_FLYING)
		return;
	if (d->state != DROP_SEEN && d->when > now_of(m)) {
		m->next = MIN(m->next, d->when);
		return;
	}
	if (d->state == DROP_STUCK)
		remove_file(d, DROP_STUCK);
	else
		try_file(d);
}

static bool may_fly(const struct maildrop *m)
{
	return m->active && !m->pickup->stopping && m->flying < m->limit &&
	    now_of(m) >= m->pause;
}

static bool begin_scan(struct maildrop *m)
{
	int fd =
	    os_error(openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	m->names = fd < 0 ? NULL : fdopendir(fd);
	if (!m->names) {
		log_warn(
		    "pickup", "open directory maildrop: %s", strerror(errno));
		fd_close(&fd);
		return false;
	}
	m->scans++;
	m->again = false;
	m->next = USEC_NEVER;
	return true;
}

static void end_scan(struct maildrop *m)
{
	if (m->names)
		(void)closedir(m->names);
	m->names = NULL;
}

/* Somebody else has removed them. */
static void forget_unseen(struct maildrop *m)
{
	LIST_FOR(it, &m->drops)
	{
		struct drop *d = CONTAINER_OF(it, struct drop, link);

		if (d->state != DROP_FLYING && d->seen != m->scans)
			forget(d);
	}
}

static void set_timer(struct maildrop *m)
{
	/* Where all places are taken, the next one to land goes on. */
	usec when = m->flying < m->limit ? m->next : USEC_NEVER;

	if (m->interval)
		when = MIN(when, now_of(m) + m->interval);
	when = MAX(when, m->pause);
	if (when != USEC_NEVER)
		loop_timer_set(m->pickup->loop, &m->timer, when);
}

/* From where it stopped, until as many fly as may. */
static void go_on(struct maildrop *m)
{
	struct dirent *e;

	while (may_fly(m)) {
		e = readdir(m->names);
		if (!e) {
			end_scan(m);
			forget_unseen(m);
			if (m->again)
				scan_soon(m);
			break;
		}
		visit(m, span_str(e->d_name));
	}
	set_timer(m);
}

static void on_scan(void *ctx)
{
	struct maildrop *m = ctx;

	m->rules.now = loop_wall(m->pickup->loop);
	if (!may_fly(m) || (!m->names && !begin_scan(m)))
		set_timer(m);
	else
		go_on(m);
}

/* A scan that stands still because of trouble goes on; others begin. */
static void on_timer(void *ctx)
{
	maildrop_nudge(ctx);
}

void maildrop_nudge(struct maildrop *m)
{
	if (m->names)
		m->again = true;
	scan_soon(m);
}

/* ---- life ---- */

struct maildrop *maildrop_new(struct pickup *p, int dir)
{
	struct maildrop *m = NEW(struct maildrop);

	m->pickup = p;
	m->dir = dir;
	m->rules.dir = dir;
	m->rules.owner = daemon_uid(p->daemon);
	m->limit = FLYING_MAX;
	m->next = USEC_NEVER;
	m->timer.fn = on_timer;
	m->timer.ctx = m;
	m->scan.fn = on_scan;
	m->scan.ctx = m;
	list_init(&m->scan.link);
	list_init(&m->drops);
	hmap_init(&m->by_name);
	return m;
}

void maildrop_configure(struct maildrop *m, uint32_t service)
{
	struct conf *conf = m->pickup->conf;

	m->active = service != CONF_MAIN;
	if (!m->active)
		return;
	m->interval = conf_service(conf, service)->wakeup;
	m->rules.record_max =
	    (size_t)conf_number(conf, service, SPAN("line_length_limit"));
	m->rules.verp_filter =
	    conf_value(conf, service, SPAN("verp_delimiter_filter"));
	maildrop_nudge(m);
}

void maildrop_free(struct maildrop **maildrop)
{
	struct maildrop *m = STEAL(*maildrop);

	if (!m)
		return;
	end_scan(m);
	loop_timer_stop(m->pickup->loop, &m->timer);
	loop_defer_cancel(&m->scan);
	while (!list_is_empty(&m->drops))
		forget(CONTAINER_OF(m->drops.next, struct drop, link));
	hmap_done(&m->by_name);
	fd_close(&m->dir);
	mem_free(m);
}
