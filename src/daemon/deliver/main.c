/* SPDX-License-Identifier: ISC */
/*
 * deliver - mail for the users of this machine.
 *
 * The parent keeps root, if it has it, to start processes as the recipients;
 * it parses what the queue and its workers say and nothing else. A job's recipients are looked up
 * (job.c), and each goes to the worker of its uid (pool.c), which is this
 * program again, started with "--worker" (worker.c). There, as the
 * recipient, the message is looked into and written.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/deliver/deliver.h"
#include "daemon/deliver/spawner.h"
#include "daemon/deliver/worker.h"
#include "ipc/msg_job.h"
#include "mail/mbox.h"
#include "os/log.h"
#include "store/mailbox.h"

/* Above this the queue has to wait, until half of it is done. */
enum { HELD_MAX = 64 * 1024 * 1024 };

static const struct conf_field fields[] = {
	CONF_STR(struct deliver_conf, mail_spool_directory),
	CONF_STR(struct deliver_conf, mailbox_delivery_lock),
	CONF_U32(struct deliver_conf, deliver_lock_attempts),
	CONF_USEC(struct deliver_conf, deliver_lock_delay),
	CONF_USEC(struct deliver_conf, stale_lock_time),
	CONF_U64(struct deliver_conf, mailbox_size_limit),
	CONF_U64(struct deliver_conf, message_size_limit),
	CONF_BOOL(struct deliver_conf, strict_mailbox_ownership),
	CONF_BOOL(struct deliver_conf, enable_original_recipient),
	CONF_STR(struct deliver_conf, prepend_delivered_header),
	CONF_STR(struct deliver_conf, recipient_delimiter),
	CONF_BOOL(struct deliver_conf, owner_request_special),
	CONF_USEC(struct deliver_conf, max_idle),
	CONF_U32(struct deliver_conf, default_process_limit),
	CONF_U32(struct deliver_conf, delay_logging_resolution_limit),
	CONF_STR(struct deliver_conf, syslog_name),
};

/* Why mail cannot be delivered under this configuration, or NULL. */
static const char *find_fault(const struct deliver_conf *c, unsigned *locks)
{
	span dir = c->mail_spool_directory;

	if (!mailbox_locks_parse(c->mailbox_delivery_lock, locks))
		return "mailbox_delivery_lock names no locking method: use "
		       "dotlock, fcntl, flock";
	if (dir.len == 0 || dir.ptr[dir.len - 1] == '/')
		return "mail_spool_directory ends in \"/\", which asks for "
		       "maildir delivery: remove the \"/\"";
	if (c->mailbox_size_limit == 0)
		return NULL;
	if (c->message_size_limit == 0)
		return "mailbox_size_limit is limited but "
		       "message_size_limit is unlimited";
	if (c->mailbox_size_limit < c->message_size_limit)
		return "mailbox_size_limit is smaller than "
		       "message_size_limit";
	return NULL;
}

static bool has_word(span text, span word)
{
	span w;

	while ((w = span_word(&text, ", \t\r\n")).len > 0)
		if (span_eq_nocase(w, word))
			return true;
	return false;
}

/* The header lines on top of a mailbox file's messages. */
static unsigned head_of(const struct deliver_conf *c)
{
	unsigned head = MBOX_FILE;

	if (!c->enable_original_recipient)
		head &= ~MBOX_ORIGINAL_TO;
	if (!has_word(c->prepend_delivered_header, SPAN("file")))
		head &= ~MBOX_DELIVERED_TO;
	return head;
}

static void configure_pool(struct deliver *d)
{
	const struct deliver_conf *c = &d->c;
	const struct pool_conf conf = {
		.mail_spool_directory = c->mail_spool_directory,
		.setup = {
			.attempts = c->deliver_lock_attempts,
			.delay = c->deliver_lock_delay,
			.stale = c->stale_lock_time,
			.any_owner = !c->strict_mailbox_ownership,
		},
		.max_idle = c->max_idle,
		.max_workers = c->default_process_limit,
	};

	d->head = head_of(c);
	pool_configure(d->pool, &conf);
}

static void apply_conf(struct deliver *d)
{
	uint32_t service = conf_transport(d->conf, SPAN("local"));
	const char *fault;

	conf_load(d->conf, service, fields, ARRAY_LEN(fields), &d->c);
	d->rules = (struct recipient_rules){
		.delimiters = d->c.recipient_delimiter,
		.owner_request = d->c.owner_request_special,
	};
	fault = find_fault(&d->c, &d->locks);
	d->misconfigured = fault != NULL;
	if (fault)
		log_fatal("local", "configuration error: %s", fault);
	else
		configure_pool(d);
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct deliver *d = ctx;
	struct conf *old = d->conf;

	d->conf = conf_ref(conf);
	if (d->pool)
		apply_conf(d);
	conf_unref(&old);
}

static int before_drop(void *ctx, struct daemon *daemon)
{
	struct deliver *d = ctx;
	const struct pool_setup setup = {
		.loop = daemon_loop(daemon),
		.calls = { .done = job_answered },
		.ctx = d,
	};

	d->daemon = daemon;
	d->loop = setup.loop;
	d->pool = pool_new(&setup);
	d->spawner = spawner_new(d->loop);
	apply_conf(d);
	return 0;
}

/* The queue */

static void on_queue_message(void *ctx, struct chan_msg *msg)
{
	struct deliver *d = ctx;

	if (msg->type != JOB || !job_start(d, msg)) {
		log_warn("local", "malformed job from the queue process");
		chan_fail(d->queue, -EPROTO);
		return;
	}
	if (d->held > HELD_MAX)
		chan_pause(d->queue, true);
}

static void on_queue_gone(void *ctx, int error)
{
	struct deliver *d = ctx;

	(void)error;
	chan_free(&d->queue);
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_queue_message,
		.gone = on_queue_gone,
	};
	struct deliver *d = ctx;
	int r;

	(void)instance;
	if (role != ROLE_QUEUE) {
		(void)close(fd);
		return;
	}
	chan_free(&d->queue);
	outcomes_new_epoch(&d->outcomes);
	r = chan_new(d->loop, fd, &calls, d, &d->queue);
	if (r < 0)
		log_warn("local", "cannot talk to the queue process: %s",
		    strerror(-r));
}

/* Services that run spawn(8) */

static void on_listen(void *ctx, uint32_t service, int fd)
{
	struct deliver *d = ctx;

	spawner_listen(d->spawner, daemon_conf(d->daemon), service, fd);
}

static void on_unlisten(void *ctx)
{
	struct deliver *d = ctx;

	spawner_unlisten(d->spawner);
}

/* At the end of a round, when the last reports have left. */
static void finish(void *ctx)
{
	struct deliver *d = ctx;

	pool_free(&d->pool);
	spawner_free(&d->spawner);
	chan_free(&d->queue);
	daemon_end(d->daemon);
}

static void end_if_done(struct deliver *d)
{
	if (d->stopping && d->njobs == 0)
		loop_defer(d->loop, LOOP_LAST, &d->finish);
}

void deliver_job_ended(struct deliver *d)
{
	if (d->queue && d->held <= HELD_MAX / 2)
		chan_pause(d->queue, false);
	end_if_done(d);
}

static void on_stop(void *ctx)
{
	struct deliver *d = ctx;

	d->stopping = true;
	spawner_unlisten(d->spawner);
	end_if_done(d);
}

int main(int argc, char **argv)
{
	static struct deliver d = { .finish = { .fn = finish, .ctx = &d } };
	const struct daemon_spec spec = {
		.role = ROLE_DELIVER,
		.ctx = &d,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.on_stop = on_stop,
		.on_peer = on_peer,
		.on_listen = on_listen,
		.on_unlisten = on_unlisten,
	};
	enum work_kind kind;
	int r;

	if (argc == 2 && worker_kind(argv[1], &kind))
		return worker_main(kind);
	list_init(&d.finish.link);
	users_init(&d.users);
	r = daemon_main(argc, argv, &spec);
	users_done(&d.users);
	conf_unref(&d.conf);
	return r;
}
