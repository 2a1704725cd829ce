/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/main.c - the queue process: keeps the messages, decides what
 * is tried when. See queue.h for the parts.
 */
#include "daemon/queue/active.h"

#include "daemon/daemon.h"
#include "mail/date.h"
#include "os/file.h"
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>

enum {
	SPOOL_THREADS = 3,
	STOP_PATIENCE = 500 * 1000, /* master kills us after a second */
};

static const struct conf_field fields[] = {
	CONF_STR(struct queue_settings, myhostname),
	CONF_STR(struct queue_settings, myorigin),
	CONF_STR(struct queue_settings, mail_name),
	CONF_BOOL(struct queue_settings, smtputf8_enable),
	CONF_BOOL(struct queue_settings, disable_verp_bounces),
	CONF_USEC(struct queue_settings, minimal_backoff_time),
	CONF_USEC(struct queue_settings, maximal_backoff_time),
	CONF_USEC(struct queue_settings, maximal_queue_lifetime),
	CONF_USEC(struct queue_settings, bounce_queue_lifetime),
	CONF_USEC(struct queue_settings, delay_warning_time),
	CONF_U64(struct queue_settings, queue_minfree),
	CONF_U64(struct queue_settings, message_size_limit),
	CONF_U64(struct queue_settings, bounce_size_limit),
	CONF_U32(struct queue_settings, qmgr_message_active_limit),
	CONF_U32(struct queue_settings, delay_logging_resolution_limit),
	CONF_STR(struct queue_settings, authorized_mailq_users),
	CONF_STR(struct queue_settings, authorized_flush_users),
};

static void on_conf(void *ctx, struct conf *conf)
{
	struct queue *q = ctx;

	conf_ref(conf);
	conf_unref(&q->conf);
	q->conf = conf;
	conf_load(conf, CONF_MAIN, fields, ARRAY_LEN(fields), &q->set);
	texts_load(q);
	if (!q->loop)
		return;
	transport_configure(q);
	active_arm(q);
	jobs_turn_later(q);
}

/* The spool's directory was made by master and belongs to us. */
static int open_spool_dir(struct queue *q)
{
	struct buf path = BUF_INIT(4096);
	int fd;

	buf_put(&path, conf_value(q->conf, CONF_MAIN, SPAN("queue_directory")));
	buf_put(&path, SPAN("/log"));
	fd = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		log_error("qmgr", "open directory %s: %s", buf_cstr(&path),
		    strerror(-fd));
	}
	buf_done(&path);
	return fd;
}

/* Names of those who may ask: the files that getpwuid() reads. */
static void allow_passwd(struct daemon *d)
{
	static const char *const files[] = { "/etc/passwd",
		"/etc/nsswitch.conf" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP(fd_close) int fd = open(files[i], O_PATH | O_CLOEXEC);

		if (fd >= 0)
			daemon_allow(d, fd, DAEMON_READ);
	}
}

static int before_drop(void *ctx, struct daemon *d)
{
	struct queue *q = ctx;

	date_init();
	q->daemon = d;
	q->spool_dir = open_spool_dir(q);
	if (q->spool_dir < 0)
		return q->spool_dir;
	daemon_allow(d, q->spool_dir, DAEMON_READ | DAEMON_WRITE);
	allow_passwd(d);
	texts_allow(q, d);
	return 0;
}

/* ---- the spool ---- */

static void poll_spool(void *ctx)
{
	struct queue *q = ctx;
	usec when = spool_poll(q->spool, loop_now(q->loop));

	if (when != USEC_NEVER)
		loop_timer_set(q->loop, &q->poll_timer, when);
	else
		loop_timer_stop(q->loop, &q->poll_timer);
	intake_retry(q);
}

static void on_spool(void *ctx, unsigned events UNUSED)
{
	poll_spool(ctx);
}

void queue_touch_spool(struct queue *q)
{
	loop_defer(q->loop, LOOP_IPC, &q->poll);
}

static void on_found(void *ctx, const struct spool_found *found)
{
	active_found(ctx, found);
}

static void on_damaged(void *ctx UNUSED, const struct spool_damage *d)
{
	char id[MSGID_TEXT_MAX] = "?";

	if (d->id)
		(void)msgid_text(d->id, id);
	log_error("qmgr",
	    "queue file %s is damaged at %llu (%llu bytes, %s)%s%s", d->file,
	    (unsigned long long)d->at, (unsigned long long)d->length, d->what,
	    d->is_lost ? ": lost message " : "; nothing was lost",
	    d->is_lost ? id : "");
}

static int open_spool(struct queue *q)
{
	struct spool_config config = {
		.threads = SPOOL_THREADS,
		.min_free = q->set.queue_minfree,
		.calls = { .found = on_found, .damaged = on_damaged },
		.ctx = q,
	};
	int r = spool_open(&file_ops_real, q->spool_dir, &config, &q->spool);

	if (r < 0) {
		log_error("qmgr", "open the queue: %s",
		    r == -EBUSY ? "another process has it open" : strerror(-r));
		return r;
	}
	if (q->roster.by_id.count)
		log_line(
		    "qmgr", "%zu messages in the queue", q->roster.by_id.count);
	return loop_watch(q->loop, spool_eventfd(q->spool), LOOP_IN, on_spool,
	    q, &q->spool_watch);
}

/* ---- life ---- */

static int after_drop(void *ctx, struct daemon *d)
{
	struct queue *q = ctx;
	int r;

	q->loop = daemon_loop(d);
	q->poll.fn = poll_spool;
	q->poll.ctx = q;
	q->poll_timer.fn = poll_spool;
	q->poll_timer.ctx = q;
	roster_init(&q->roster);
	q->sched = sched_new();
	active_init(q);
	jobs_init(q);
	route_init(q);
	ctl_init(q);
	r = open_spool(q);
	if (r < 0)
		return r;
	intake_init(q);
	transport_configure(q);
	active_arm(q);
	return 0;
}

static void on_listen(void *ctx, uint32_t service UNUSED, int fd)
{
	ctl_listen(ctx, fd);
}

static void on_unlisten(void *ctx)
{
	ctl_unlisten(ctx);
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	struct queue *q = ctx;

	if (role == ROLE_SMTPD)
		intake_add(q, instance, fd);
	else if (role == ROLE_RULES)
		route_add_rules(q, instance, fd);
	else
		jobs_add_worker(q, role, instance, fd);
}

static void on_stop_time(void *ctx)
{
	struct queue *q = ctx;

	daemon_end(q->daemon);
}

/*
 * Master stops us when those who bring and deliver mail have ended; what they
 * said last may still be in our sockets. So we end when they are all gone,
 * or, when master itself is gone, soon.
 */
static void on_stop(void *ctx)
{
	struct queue *q = ctx;

	q->stopping = true;
	q->stop_timer.fn = on_stop_time;
	q->stop_timer.ctx = q;
	loop_timer_set(
	    q->loop, &q->stop_timer, loop_now(q->loop) + STOP_PATIENCE);
	queue_peer_gone(q);
}

void queue_peer_gone(struct queue *q)
{
	if (q->stopping && list_is_empty(&q->intakes) &&
	    list_is_empty(&q->workers))
		loop_timer_set(q->loop, &q->stop_timer, loop_now(q->loop));
}

/*
 * What is not on disk was not acknowledged; outcomes that are known go with
 * the last commit. The spool calls back while it closes, so it must be there
 * for all of us until then; smtpd hears of the last commits after that.
 */
static void on_end(void *ctx)
{
	struct queue *q = ctx;
	struct spool *spool = q->spool;

	if (!spool)
		return;
	q->stopping = true;
	ctl_end(q);
	intake_forget_blobs(q);
	active_record_all(q);
	loop_unwatch(&q->spool_watch);
	spool_close(&spool);
	q->spool = NULL;
	intake_end(q);
}

int main(int argc, char **argv)
{
	struct queue q = { .spool_dir = -1, .ctl_fd = -1 };
	const struct daemon_spec spec = {
		.role = ROLE_QUEUE,
		.ctx = &q,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.after_drop = after_drop,
		.on_listen = on_listen,
		.on_unlisten = on_unlisten,
		.on_stop = on_stop,
		.on_peer = on_peer,
		.on_end = on_end,
	};

	return daemon_main(argc, argv, &spec);
}
