/* SPDX-License-Identifier: ISC */
/*
 * daemon/master/process.c - the processes: start, watch, start again.
 *
 *	            fork, exec, start pack           READY
 *	[not running] ---------------> [starting] -----------> [ready]
 *	      ^  restart timer             |  dies                |  dies
 *	      +----------------------------+----------------------+
 *
 * A process that dies is started again at once; if it dies again before it
 * has lived for a minute, after 1, 2, 4, ... seconds, up to
 * service_throttle_time: whoever can make it crash has few tries. That it was
 * killed from outside once it was ready is not its fault and costs no delay.
 *
 * Each start makes new socketpairs to every partner that runs; the partner
 * gets its end of it as a PEER message.
 *
 * The only messages that master understands are READY, which also answers a
 * reload, and LOG_AGAIN.
 */
#include "daemon/master/master.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/msg_master.h"
#include "os/child.h"
#include "os/error.h"
#include "os/file.h"

enum { LONG_LIFE = 60 };

static const char *name_of(const struct process *p)
{
	return role_info(p->role)->name;
}

/* That it has ended in the meantime is as good. */
static void kill_now(const struct process *p)
{
	int r = child_kill(p->pidfd, SIGKILL);

	if (r < 0 && r != -ESRCH)
		log_warn("master", "kill %s pid %d: %s", name_of(p),
		    (int)p->pid, strerror(-r));
}

/* ---- what a process is told ---- */

static void send_config(struct process *p)
{
	const int *fd = &p->master->setup.conf_fd;

	(void)chan_begin_fds(p->control, MASTER_CONFIG, fd, 1);
	chan_end(p->control);
}

/* Before the configuration that goes with them. */
static void send_keys(struct process *p)
{
	const int *fd = &p->master->setup.keys_fd[p->role];

	if (*fd < 0)
		return;
	(void)chan_begin_fds(p->control, MASTER_KEYS, fd, 1);
	chan_end(p->control);
}

static void send_log(struct process *p)
{
	const struct log_setup *log = &p->master->setup.log;
	struct master_log m = {
		.kind = (uint8_t)log->kind,
		.facility = log->facility,
		.host = log->host,
		.syslog_name = log->syslog_name,
	};

	master_log_put(chan_begin_fds(p->control, MASTER_LOG, &log->fd, 1), &m);
	chan_end(p->control);
}

static void send_listeners(struct process *p)
{
	const struct listeners *l = &p->master->setup.listeners;

	for (size_t i = 0; i < l->count; i++) {
		const struct listener *at = &l->items[i];

		if (at->what != role_info(p->role)->inherits)
			continue;
		master_listen_put(
		    chan_begin_fds(p->control, MASTER_LISTEN, &at->fd, 1),
		    at->service);
		chan_end(p->control);
	}
}

static void send_peer(struct process *to, const struct process *who, int fd)
{
	struct master_peer m = { (uint8_t)who->role, who->instance };

	master_peer_put(chan_begin_fds(to->control, MASTER_PEER, &fd, 1), &m);
	chan_end(to->control);
}

/* A pair of sockets for each partner that runs. */
static void connect_partners(struct process *p)
{
	struct master *m = p->master;

	for (size_t i = 0; i < m->nprocesses; i++) {
		struct process *other = &m->processes[i];
		int pair[2];

		if (other == p || !other->control ||
		    !(role_info(p->role)->talks_to & 1u << other->role))
			continue;
		if (sock_pair(pair) < 0) {
			log_warn("master", "socketpair: %s", strerror(errno));
			continue;
		}
		send_peer(p, other, pair[0]);
		send_peer(other, p, pair[1]);
		fd_close(&pair[0]);
		fd_close(&pair[1]);
	}
}

/* NULL: root, or whoever we are. */
static const struct priv_user *user_of(const struct process *p)
{
	const struct setup *s = &p->master->setup;
	span user = span_str(role_info(p->role)->user);

	if (span_eq(user, SPAN("mail_owner")))
		return &s->mail_owner;
	if (span_eq(user, SPAN("queue_owner")))
		return &s->queue_owner;
	return NULL;
}

static void send_go(struct process *p)
{
	const struct priv_user *user = user_of(p);
	struct master_go m = { .instance = p->instance };

	if (user) {
		m.uid = user->uid;
		m.gid = user->gid;
		m.ngroups =
		    (uint32_t)MIN(user->ngroups, (size_t)MASTER_MAX_GROUPS);
		for (uint32_t i = 0; i < m.ngroups; i++)
			m.groups[i] = user->groups[i];
	}
	master_go_put(chan_begin(p->control, MASTER_GO), &m);
	chan_end(p->control);
}

static void send_start_pack(struct process *p)
{
	send_keys(p);
	send_config(p);
	send_log(p);
	send_listeners(p);
	connect_partners(p);
	send_go(p);
}

void processes_configure(struct master *m)
{
	for (size_t i = 0; i < m->nprocesses; i++) {
		struct process *p = &m->processes[i];

		if (!p->control)
			continue;
		send_keys(p);
		send_config(p);
		send_log(p);
		chan_send(p->control, MASTER_UNLISTEN);
		send_listeners(p);
		chan_send(p->control, MASTER_RELOADED);
		p->reloads++;
	}
}

void processes_send_log(struct master *m)
{
	for (size_t i = 0; i < m->nprocesses; i++)
		if (m->processes[i].control)
			send_log(&m->processes[i]);
}

/* ---- what it says ---- */

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct process *p = ctx;

	if (msg->type == MASTER_READY && !p->ready) {
		p->ready = true;
		master_process_ready(p->master);
	} else if (msg->type == MASTER_READY && p->reloads > 0) {
		p->reloads--;
		master_process_reloaded(p->master);
	} else if (msg->type == MASTER_LOG_AGAIN) {
		master_reopen_log(p->master);
	} else {
		log_warn("master", "%s pid %d: unexpected message %#x",
		    name_of(p), (int)p->pid, msg->type);
		chan_fail(p->control, -EPROTO);
	}
}

/* It ends, or does not want to talk: both end in its death. */
static void on_gone(void *ctx, int error)
{
	struct process *p = ctx;

	chan_free(&p->control);
	if (error && p->pid)
		kill_now(p);
}

static const struct chan_calls calls = {
	.message = on_message,
	.gone = on_gone,
};

/* ---- start ---- */

/*
 * Where its stderr goes (messages of bug() and of sanitizers): ours, or when
 * we have none any more, into a log file, or nowhere.
 */
static int stderr_for(const struct master *m, int null)
{
	if (!m->detached)
		return STDERR_FILENO;
	return m->setup.log.kind == LOG_KIND_FILE ? m->setup.log.fd : null;
}

static int spawn(struct process *p, int control)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	CLEANUP(fd_close)
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct master *m = p->master;
	char name[32];
	char *argv[] = { name, NULL };
	/* The last one is MASTER_FD. */
	int fds[] = { null, null, stderr_for(m, null), control };
	struct child_spec spec = {
		.argv = argv,
		.envp = environ,
		.fds = fds,
		.nfds = ARRAY_LEN(fds),
		.dir = -1,
	};
	struct child child;
	int r;

	(void)snprintf(name, sizeof(name), "%s", name_of(p));
	buf_put(&path, site_daemon_dir(m->setup.conf));
	buf_printf(&path, "/%s", name);
	spec.path = buf_cstr(&path);
	r = null < 0 ? -EMFILE : child_spawn(&spec, &child);
	if (r < 0)
		return r;
	p->pid = child.pid;
	p->pidfd = child.pidfd;
	return 0;
}

static void on_restart(void *ctx);
static void on_exit_status(void *ctx, int status);

static bool is_own_fault(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) != 0;
	return WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM;
}

/* `blameless`: it need not wait because of this end. */
static void restart_later(struct process *p, bool blameless)
{
	struct master *m = p->master;
	usec now = loop_now(m->loop);
	usec lived = now - p->started;
	usec most;

	if (m->stage >= STOPPING)
		return;
	most = conf_duration(
	    m->setup.conf, CONF_MAIN, SPAN("service_throttle_time"));
	blameless = blameless && p->ready;
	if (blameless || lived >= LONG_LIFE * USEC_SEC)
		p->delay = 0;
	p->restart.fn = on_restart;
	p->restart.ctx = p;
	loop_timer_set(m->loop, &p->restart, now + p->delay);
	if (!blameless)
		p->delay = MIN(p->delay ? 2 * p->delay : USEC_SEC, most);
}

static int watch_process(struct process *p, int control)
{
	struct master *m = p->master;
	int r = loop_child(m->loop, p->pidfd, on_exit_status, p, &p->watch);

	if (r < 0) {
		(void)close(control);
		return r;
	}
	return chan_new(m->loop, control, &calls, p, &p->control);
}

static int start_process(struct process *p)
{
	CLEANUP(fd_close) int ours = -1;
	CLEANUP(fd_close) int theirs = -1;
	int pair[2];
	int r = sock_pair(pair);

	if (r < 0)
		return r;
	ours = pair[0];
	theirs = pair[1];
	p->started = loop_now(p->master->loop);
	p->ready = false;
	r = spawn(p, theirs);
	if (r < 0)
		return r;
	r = watch_process(p, STEAL_FD(ours));
	if (r < 0) {
		kill_now(p);
		return r;
	}
	send_start_pack(p);
	return 0;
}

static void try_start(struct process *p)
{
	struct master *m = p->master;
	int r = start_process(p);

	if (r == 0)
		return;
	if (m->stage == STARTING) {
		master_give_up(
		    m, "start process %s: %s", name_of(p), strerror(-r));
		return;
	}
	log_warn("master", "start process %s: %s", name_of(p), strerror(-r));
	restart_later(p, false);
}

static void on_restart(void *ctx)
{
	struct process *p = ctx;

	if (!p->pid && p->master->stage < STOPPING)
		try_start(p);
}

static void forget_process(struct process *p)
{
	p->pid = 0;
	p->reloads = 0;
	loop_unwatch(&p->watch);
	fd_close(&p->pidfd);
	chan_free(&p->control);
}

static void log_end(const struct process *p, int status)
{
	span dir = site_daemon_dir(p->master->setup.conf);

	if (WIFSIGNALED(status))
		log_warn("master", "process %.*s/%s pid %d killed by signal %d",
		    PRI(dir), name_of(p), (int)p->pid, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warn("master", "process %.*s/%s pid %d exit status %d",
		    PRI(dir), name_of(p), (int)p->pid, WEXITSTATUS(status));
	if (!p->ready && p->master->stage < STOPPING)
		log_warn("master", "%.*s/%s: bad command startup -- throttling",
		    PRI(dir), name_of(p));
}

static void on_exit_status(void *ctx, int status)
{
	struct process *p = ctx;

	log_end(p, status);
	forget_process(p);
	if (p->master->stage == STARTING && !p->ready && is_own_fault(status))
		master_give_up(p->master,
		    "process %s does not start (status %#x)", name_of(p),
		    (unsigned)status);
	master_process_ended(p->master);
	master_process_reloaded(p->master);
	restart_later(p, !is_own_fault(status));
}

/* ---- all of them ---- */

static uint32_t count_of(struct conf *conf, enum role role)
{
	const char *parameter = role_info(role)->processes;
	uint64_t n = 1;

	if (parameter)
		n = conf_number(conf, CONF_MAIN, span_str(parameter));
	if (n == 0)
		n = (uint64_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	return (uint32_t)n;
}

void processes_make(struct master *m)
{
	for (enum role role = ROLE_MASTER + 1; role < ROLES; role++) {
		uint32_t n = count_of(m->setup.conf, role);

		m->processes = mem_resize(
		    m->processes, m->nprocesses + n, sizeof(*m->processes));
		for (uint32_t i = 0; i < n; i++)
			m->processes[m->nprocesses++] = (struct process){
				.master = m,
				.role = role,
				.instance = i,
				.pidfd = -1,
			};
	}
}

void processes_free(struct master *m)
{
	for (size_t i = 0; i < m->nprocesses; i++) {
		loop_timer_stop(m->loop, &m->processes[i].restart);
		forget_process(&m->processes[i]);
	}
	mem_free(m->processes);
	m->processes = NULL;
	m->nprocesses = 0;
}

void processes_start(struct master *m)
{
	for (size_t i = 0; i < m->nprocesses && m->stage < STOPPING; i++)
		if (!m->processes[i].pid)
			try_start(&m->processes[i]);
}

static bool is_in(const struct process *p, unsigned roles)
{
	return p->pid && roles & 1u << p->role;
}

void processes_stop(struct master *m, unsigned roles)
{
	for (size_t i = 0; i < m->nprocesses; i++)
		if (is_in(&m->processes[i], roles) && m->processes[i].control)
			chan_send(m->processes[i].control, MASTER_STOP);
}

void processes_kill(struct master *m, unsigned roles)
{
	for (size_t i = 0; i < m->nprocesses; i++)
		if (is_in(&m->processes[i], roles))
			kill_now(&m->processes[i]);
}

size_t processes_running(const struct master *m, unsigned roles)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nprocesses; i++)
		n += is_in(&m->processes[i], roles);
	return n;
}

bool processes_all_ready(const struct master *m)
{
	for (size_t i = 0; i < m->nprocesses; i++)
		if (!m->processes[i].ready)
			return false;
	return true;
}

bool processes_all_reloaded(const struct master *m)
{
	for (size_t i = 0; i < m->nprocesses; i++)
		if (m->processes[i].reloads > 0)
			return false;
	return true;
}

void processes_tell_late(const struct master *m)
{
	for (size_t i = 0; i < m->nprocesses; i++) {
		const struct process *p = &m->processes[i];

		if (p->reloads > 0)
			log_warn("master",
			    "reload: %s pid %d is busy, and goes on under the "
			    "former configuration until it is done",
			    name_of(p), (int)p->pid);
	}
}
