/* SPDX-License-Identifier: ISC */
/*
 * daemon/master/apply.c - from files to a setup, and from one to the next.
 *
 * A reload first makes the whole new setup beside the old one; only when
 * nothing is wrong with it does it take the old one's place. So a mistake in
 * a file costs a line in the log and nothing else. Whoever asked for it is
 * answered when the processes have taken it over.
 */
#include "daemon/master/master.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

/* A process may be in the midst of a slow question; nobody waits longer. */
enum { RELOAD_LIMIT = 10 };

void setup_init(struct setup *s)
{
	*s = (struct setup){
		.conf_fd = -1,
		.notes = BUF_INIT(131072),
		.remarks = BUF_INIT(131072),
		.log = { .fd = -1 },
	};
	for (enum role r = 0; r < ROLES; r++)
		s->keys_fd[r] = -1;
}

void setup_done(struct setup *s)
{
	listeners_close(&s->listeners);
	for (enum role r = 0; r < ROLES; r++)
		fd_close(&s->keys_fd[r]);
	fd_close(&s->conf_fd);
	fd_close(&s->log.fd);
	buf_done(&s->notes);
	buf_done(&s->remarks);
	conf_unref(&s->conf);
}

void setup_tell(struct setup *s)
{
	span notes = buf_span(&s->notes);
	span remarks = buf_span(&s->remarks);

	while (notes.len > 0)
		log_text(SPAN(""), "master", LOG_LEVEL_WARNING,
		    span_cut(&notes, '\n'));
	while (remarks.len > 0)
		log_text(SPAN(""), "master", LOG_LEVEL_INFO,
		    span_cut(&remarks, '\n'));
	buf_release(&s->notes);
	buf_release(&s->remarks);
}

static int read_conf(const char *dir, struct setup *s, struct buf *error)
{
	struct conf_report report = CONF_REPORT_INIT;
	int r = conf_read(dir, &report, &s->conf);

	if (r != CONF_OK)
		buf_put(error, buf_span(&report.error));
	buf_put(&s->notes, buf_span(&report.notes));
	buf_put(&s->remarks, buf_span(&report.remarks));
	conf_report_done(&report);
	return r == CONF_OK ? SITE_OK : SITE_BAD;
}

static int find_users(struct setup *s, struct buf *error)
{
	int r = site_user(s->conf, SPAN("mail_owner"), &s->mail_owner, error);

	if (r != SITE_OK)
		return r;
	return site_user(s->conf, SPAN("queue_owner"), &s->queue_owner, error);
}

static int read_keys(struct setup *s, struct buf *error)
{
	for (enum role r = 0; r < ROLES; r++) {
		if (!role_info(r)->keys)
			continue;
		s->keys_fd[r] = keys_read(s->conf, r);
		if (s->keys_fd[r] < 0) {
			buf_printf(error, "memory for the keys of %s: %s",
			    role_info(r)->name, strerror(-s->keys_fd[r]));
			return SITE_BAD;
		}
	}
	return SITE_OK;
}

static int complete(struct setup *s, const struct setup *old, struct buf *error)
{
	int r = find_users(s, error);

	if (r == SITE_OK)
		r = site_make_dirs(s->conf, error);
	if (r == SITE_OK)
		r = site_open_log(s->conf, &s->log, error);
	if (r == SITE_OK)
		r = listeners_open(s->conf, old ? &old->listeners : NULL,
		    &s->listeners, error);
	if (r == SITE_OK)
		r = read_keys(s, error);
	if (r != SITE_OK)
		return r;
	s->conf_fd = conf_to_fd(s->conf);
	if (s->conf_fd >= 0)
		return SITE_OK;
	buf_printf(
	    error, "memory for the configuration: %s", strerror(-s->conf_fd));
	return SITE_BAD;
}

int setup_read(const char *dir, const struct setup *old, struct setup *ret,
    struct buf *error)
{
	struct setup s;
	int r;

	setup_init(&s);
	r = read_conf(dir, &s, error);
	if (r == SITE_OK)
		r = complete(&s, old, error);
	if (r != SITE_OK) {
		setup_done(&s);
		return r;
	}
	*ret = s;
	return SITE_OK;
}

/* master logs through a descriptor of its own. */
static void use_log(const struct setup *s)
{
	struct log_setup ours = s->log;

	ours.fd = fcntl(s->log.fd, F_DUPFD_CLOEXEC, 0);
	if (ours.fd >= 0)
		log_change(&ours);
}

/* `error`: why nothing was changed; empty if all is well. */
static void end_reload(struct master *m, span error)
{
	m->reloading = false;
	loop_timer_stop(m->loop, &m->reload_timer);
	site_reload_done(m->setup.conf, error);
	notify_ready(&m->notify);
}

static void refuse_reload(struct master *m, span error)
{
	log_error("master",
	    "%.*s -- nothing was changed, the mail system runs on as before",
	    PRI(error));
	/* The log may have been rotated all the same. */
	master_reopen_log(m);
	end_reload(m, error);
}

void master_process_reloaded(struct master *m)
{
	if (m->reloading && processes_all_reloaded(m))
		end_reload(m, SPAN(""));
}

static void on_reload_limit(void *ctx)
{
	struct master *m = ctx;

	processes_tell_late(m);
	end_reload(m, SPAN(""));
}

/* A new setup in the place of the old one. */
static void change_setup(struct master *m, const struct setup *next)
{
	setup_done(&m->setup);
	m->setup = *next;
	use_log(&m->setup);
	setup_tell(&m->setup);
	processes_configure(m);
	m->reloading = true;
	m->reload_timer.fn = on_reload_limit;
	m->reload_timer.ctx = m;
	loop_timer_set(m->loop, &m->reload_timer,
	    loop_now(m->loop) + RELOAD_LIMIT * USEC_SEC);
	master_process_reloaded(m);
}

void master_reload(struct master *m)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct setup next;

	m->reload = m->stage == STARTING;
	if (m->stage != RUNNING)
		return;
	notify_reloading(&m->notify);
	log_line("master", "reload -- version %.*s, configuration %s",
	    PRI(conf_value(m->setup.conf, CONF_MAIN, SPAN("mail_version"))),
	    m->dir);
	if (setup_read(m->dir, &m->setup, &next, &error) == SITE_OK)
		change_setup(m, &next);
	else
		refuse_reload(m, buf_span(&error));
}

void master_reopen_log(struct master *m)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct log_setup next;

	if (loop_now(m->loop) < m->log_opened + USEC_SEC)
		return;
	m->log_opened = loop_now(m->loop);
	if (site_open_log(m->setup.conf, &next, &error) != SITE_OK)
		return; /* it stays as it is; the next failure tries again */
	fd_close(&m->setup.log.fd);
	m->setup.log = next;
	use_log(&m->setup);
	processes_send_log(m);
}
