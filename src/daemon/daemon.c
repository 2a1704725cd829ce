/* SPDX-License-Identifier: ISC */
/*
 * daemon/daemon.c - one start for all.
 *
 *	STARTING  the start pack arrives: configuration, log, sockets, peers
 *	   | GO   before_drop, confine, after_drop, then the sockets and peers
 *	   v      kept so far are handed over
 *	RUNNING   READY was sent; messages of master act at once
 *	   | STOP, or master is gone
 *	   v
 *	STOPPING  on_stop was called; daemon_end() leads out
 *
 * A loop daemon reads the control channel with a chan, a blocking worker
 * with a sync_conn and poll(); both hand messages to on_control(). What
 * master says is taken as right: a message that does not parse is a bug.
 */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hmap.h"
#include "daemon/confine.h"
#include "ipc/chan.h"
#include "ipc/msg_master.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"
#include "os/watchdog.h"

enum stage { STARTING, RUNNING, STOPPING };

enum { MAX_PATHS = 64 };

/* A descriptor that came before GO. */
struct kept {
	struct list link;
	bool listen; /* else a peer */
	uint32_t service;
	struct master_peer peer;
	int fd;
};

/* A worker's partner. */
struct partner {
	struct list link;
	struct master_peer who;
	struct sync_conn *conn;
};

struct daemon {
	const struct daemon_spec *spec;
	enum stage stage;
	bool go;
	bool end;
	struct loop *loop;
	struct chan *control;           /* loop daemons */
	struct sync_conn *sync_control; /* workers */
	struct list kept;
	struct list partners;
	struct conf *conf;
	int keys; /* until on_keys can be called; -1: none */
	struct master_go who;
	struct sandbox_path paths[MAX_PATHS];
	size_t npaths;
};

static const char *name_of(const struct daemon *d)
{
	return role_info(d->spec->role)->name;
}

static bool is_worker(const struct daemon *d)
{
	return d->spec->on_message;
}

struct loop *daemon_loop(struct daemon *d)
{
	return d->loop;
}

struct conf *daemon_conf(struct daemon *d)
{
	return d->conf;
}

struct sync_conn *daemon_partner(struct daemon *d, enum role role)
{
	LIST_FOR(it, &d->partners)
	{
		struct partner *p = CONTAINER_OF(it, struct partner, link);

		if (p->who.role == role)
			return p->conn;
	}
	return NULL;
}

uint32_t daemon_instance(struct daemon *d)
{
	return d->who.instance;
}

uint32_t daemon_uid(struct daemon *d)
{
	return d->who.uid ? d->who.uid : geteuid();
}

void daemon_allow(struct daemon *d, int fd, unsigned access)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (d->stage != STARTING || d->npaths == MAX_PATHS)
		bug("daemon_allow: too late, or too often");
	if (copy < 0)
		bug("daemon_allow: %s", strerror(errno));
	d->paths[d->npaths++] = (struct sandbox_path){ copy, access };
}

void daemon_end(struct daemon *d)
{
	d->end = true;
	if (d->loop)
		loop_stop(d->loop);
}

static void stop(struct daemon *d)
{
	if (d->stage == STOPPING)
		return;
	d->stage = STOPPING;
	if (d->spec->on_stop)
		d->spec->on_stop(d->spec->ctx);
	else
		daemon_end(d);
}

/* ---- what master says ---- */

static int take_fd(struct sync_msg *msg)
{
	if (msg->nfds != 1)
		bug("message %#x of master without its descriptor", msg->type);
	return STEAL_FD(msg->fds[0]);
}

static void on_config(struct daemon *d, struct sync_msg *msg)
{
	struct conf *conf = NULL;
	int fd = take_fd(msg);
	int r = conf_from_fd(fd, &conf);

	(void)close(fd);
	if (r != CONF_OK)
		bug("master's configuration does not decode (%d)", r);
	conf_unref(&d->conf);
	d->conf = conf;
	/* The first one waits for the log: see start(). */
	if (d->stage != STARTING && d->spec->on_conf)
		d->spec->on_conf(d->spec->ctx, conf);
}

static void hand_over_keys(struct daemon *d)
{
	if (d->keys >= 0 && d->spec->on_keys)
		d->spec->on_keys(d->spec->ctx, STEAL_FD(d->keys));
	fd_close(&d->keys);
}

static void on_keys(struct daemon *d, struct sync_msg *msg)
{
	fd_close(&d->keys);
	d->keys = take_fd(msg);
	/* The first ones wait for the log, as the configuration does. */
	if (d->stage != STARTING)
		hand_over_keys(d);
}

static void on_log_failure(void *ctx, int error UNUSED)
{
	struct daemon *d = ctx;

	if (d->control) {
		chan_send(d->control, MASTER_LOG_AGAIN);
	} else if (d->sync_control) {
		(void)sync_begin(d->sync_control, MASTER_LOG_AGAIN);
		sync_end(d->sync_control);
	}
}

static void on_log(struct daemon *d, struct sync_msg *msg)
{
	struct master_log m;

	if (!master_log_get(msg->payload, &m))
		bug("bad MASTER_LOG");
	struct log_setup setup = {
		.kind = m.kind,
		.fd = take_fd(msg),
		.host = m.host,
		.syslog_name = m.syslog_name,
		.facility = m.facility,
	};

	if (d->stage != STARTING) {
		log_change(&setup);
		return;
	}
	log_open(&setup);
	log_attach(d->loop);
	log_on_failure(on_log_failure, d);
}

static void add_partner(struct daemon *d, const struct master_peer *who, int fd)
{
	struct partner *p;

	LIST_FOR(it, &d->partners)
	{
		p = CONTAINER_OF(it, struct partner, link);
		if (p->who.role == who->role &&
		    p->who.instance == who->instance) {
			sync_free(&p->conn);
			p->conn = sync_new(fd);
			return;
		}
	}
	p = NEW(struct partner);
	p->who = *who;
	p->conn = sync_new(fd);
	list_append(&d->partners, &p->link);
}

static void hand_over(struct daemon *d, const struct kept *k)
{
	if (k->listen && d->spec->on_listen)
		d->spec->on_listen(d->spec->ctx, k->service, k->fd);
	else if (!k->listen && is_worker(d))
		add_partner(d, &k->peer, k->fd);
	else if (!k->listen && d->spec->on_peer)
		d->spec->on_peer(
		    d->spec->ctx, k->peer.role, k->peer.instance, k->fd);
	else
		(void)close(k->fd);
}

static void keep(struct daemon *d, const struct kept *k)
{
	struct kept *copy;

	if (d->stage != STARTING) {
		hand_over(d, k);
		return;
	}
	copy = NEW(struct kept);
	*copy = *k;
	list_append(&d->kept, &copy->link);
}

static void on_listen(struct daemon *d, struct sync_msg *msg)
{
	struct kept k = { .listen = true };

	if (!master_listen_get(msg->payload, &k.service))
		bug("bad MASTER_LISTEN");
	k.fd = take_fd(msg);
	keep(d, &k);
}

static void on_peer(struct daemon *d, struct sync_msg *msg)
{
	struct kept k = { .listen = false };

	if (!master_peer_get(msg->payload, &k.peer) || k.peer.role >= ROLES)
		bug("bad MASTER_PEER");
	k.fd = take_fd(msg);
	keep(d, &k);
}

static void on_unlisten(struct daemon *d, struct sync_msg *msg UNUSED)
{
	if (d->spec->on_unlisten)
		d->spec->on_unlisten(d->spec->ctx);
}

static void on_go(struct daemon *d, struct sync_msg *msg)
{
	if (!master_go_get(msg->payload, &d->who))
		bug("bad MASTER_GO");
	d->go = true;
	/* What follows waits until we are through the start. */
	if (d->control)
		chan_pause(d->control, true);
}

static void tell_ready(struct daemon *d)
{
	if (d->control) {
		chan_send(d->control, MASTER_READY);
		return;
	}
	(void)sync_begin(d->sync_control, MASTER_READY);
	sync_end(d->sync_control);
}

static void on_reloaded(struct daemon *d, struct sync_msg *msg UNUSED)
{
	tell_ready(d);
}

static void on_stop(struct daemon *d, struct sync_msg *msg UNUSED)
{
	stop(d);
}

static void on_control(struct daemon *d, struct sync_msg *msg)
{
	static const struct {
		uint16_t type;
		void (*fn)(struct daemon *d, struct sync_msg *msg);
	} handlers[] = {
		{ MASTER_KEYS, on_keys },
		{ MASTER_CONFIG, on_config },
		{ MASTER_LOG, on_log },
		{ MASTER_LISTEN, on_listen },
		{ MASTER_UNLISTEN, on_unlisten },
		{ MASTER_PEER, on_peer },
		{ MASTER_RELOADED, on_reloaded },
		{ MASTER_GO, on_go },
		{ MASTER_STOP, on_stop },
	};

	for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
		if (handlers[i].type == msg->type) {
			handlers[i].fn(d, msg);
			return;
		}
	}
	bug("message %#x of master", msg->type);
}

static void on_chan_message(void *ctx, struct chan_msg *msg)
{
	struct sync_msg m = {
		.type = msg->type,
		.nfds = msg->nfds,
		.fds = msg->fds,
		.payload = msg->payload,
	};

	on_control(ctx, &m);
}

/* Without master there is nobody to keep us company. */
static void on_chan_gone(void *ctx, int error UNUSED)
{
	struct daemon *d = ctx;

	if (d->stage == STARTING)
		daemon_end(d);
	else
		stop(d);
}

/* ---- the start ---- */

/* Before anything else: what every process of ours has in common. */
static void prepare_process(const struct daemon *d)
{
	uint64_t key[2];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* the terminal's; master decides */
	(void)signal(SIGHUP, SIG_IGN);
	(void)umask(077);
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		bug("getrandom: %s", strerror(errno));
	hash_set_key(key);
	(void)priv_limit(RLIMIT_NOFILE, role_info(d->spec->role)->nofile);
}

static const struct chan_calls control_calls = {
	.message = on_chan_message,
	.gone = on_chan_gone,
};

static int read_start_pack_loop(struct daemon *d)
{
	int r = loop_new(&d->loop);

	if (r < 0)
		return r;
	r = chan_new(d->loop, MASTER_FD, &control_calls, d, &d->control);
	while (r == 0 && !d->go && !d->end)
		r = loop_round(d->loop, USEC_NEVER);
	return r;
}

static int read_start_pack_sync(struct daemon *d)
{
	d->sync_control = sync_new(MASTER_FD);
	while (!d->go && !d->end) {
		struct sync_msg msg;
		int r = sync_recv(d->sync_control, &msg);

		if (r == SYNC_END)
			daemon_end(d);
		else if (r < 0)
			return r;
		else
			on_control(d, &msg);
	}
	return 0;
}

static struct priv_user user_of(const struct daemon *d)
{
	struct priv_user user = { .uid = d->who.uid, .gid = d->who.gid };

	while (
	    user.ngroups < d->who.ngroups && user.ngroups < PRIV_MAX_GROUPS) {
		user.groups[user.ngroups] = d->who.groups[user.ngroups];
		user.ngroups++;
	}
	return user;
}

static int apply_confinement(struct daemon *d)
{
	struct priv_user user = user_of(d);
	struct confine_plan plan = {
		.role = d->spec->role,
		.user = geteuid() == 0 && user.uid ? &user : NULL,
		.paths = d->paths,
		.npaths = d->npaths,
	};
	const char *what = "";
	int r = confine(&plan, &what);

	if (r < 0)
		log_fatal(name_of(d), "%s: %s", what, strerror(-r));
	for (size_t i = 0; i < d->npaths; i++)
		(void)close(d->paths[i].fd);
	d->npaths = 0;
	return r;
}

static void hand_over_all(struct daemon *d)
{
	struct list *it;

	while ((it = list_take(&d->kept))) {
		struct kept *k = CONTAINER_OF(it, struct kept, link);

		hand_over(d, k);
		mem_free(k);
	}
}

static int call_step(struct daemon *d, int (*step)(void *ctx, struct daemon *d))
{
	return step ? step(d->spec->ctx, d) : 0;
}

static int start(struct daemon *d)
{
	int r;

	hand_over_keys(d);
	if (d->spec->on_conf)
		d->spec->on_conf(d->spec->ctx, d->conf);
	r = call_step(d, d->spec->before_drop);
	if (r == 0)
		r = apply_confinement(d);
	if (r == 0)
		r = call_step(d, d->spec->after_drop);
	if (r < 0)
		return r;
	d->stage = RUNNING;
	hand_over_all(d);
	tell_ready(d);
	if (d->control)
		chan_pause(d->control, false);
	return 0;
}

/* ---- the worker's loop ---- */

static void drop_partner(struct partner *p)
{
	list_remove(&p->link);
	sync_free(&p->conn);
	mem_free(p);
}

/*
 * All messages that can be had from this partner without waiting. Log lines
 * leave before the answers they are about.
 */
static bool serve(struct daemon *d, struct partner *p)
{
	do {
		struct sync_msg msg;

		if (sync_recv(p->conn, &msg) != SYNC_OK ||
		    !d->spec->on_message(
		        d->spec->ctx, p->who.role, p->conn, &msg))
			return false;
	} while (sync_has_more(p->conn));
	log_flush();
	return sync_flush(p->conn) == 0;
}

static void serve_control(struct daemon *d)
{
	do {
		struct sync_msg msg;

		if (sync_recv(d->sync_control, &msg) != SYNC_OK) {
			stop(d);
			return;
		}
		on_control(d, &msg);
	} while (!d->end && sync_has_more(d->sync_control));
}

static size_t fill_poll(struct daemon *d, struct pollfd *fds, size_t max)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){ sync_fd(d->sync_control), POLLIN, 0 };
	LIST_FOR(it, &d->partners)
	{
		struct partner *p = CONTAINER_OF(it, struct partner, link);

		if (n < max)
			fds[n++] =
			    (struct pollfd){ sync_fd(p->conn), POLLIN, 0 };
	}
	return n;
}

/* Whoever has something; the control channel last: it changes the list. */
static void serve_ready(struct daemon *d, const struct pollfd *fds, size_t n)
{
	size_t i = 1;

	LIST_FOR(it, &d->partners)
	{
		struct partner *p = CONTAINER_OF(it, struct partner, link);

		if (i < n && fds[i++].revents && !serve(d, p))
			drop_partner(p);
	}
	if (fds[0].revents || sync_has_more(d->sync_control))
		serve_control(d);
}

static int run_worker(struct daemon *d)
{
	/* One for each process of a role, a few roles: far below. */
	struct pollfd fds[512];
	int r = watchdog_start(
	    conf_duration(d->conf, CONF_MAIN, SPAN("daemon_timeout")));

	if (r < 0)
		return r;
	/* What came right behind GO waits in the buffer, not in the socket. */
	if (sync_has_more(d->sync_control))
		serve_control(d);
	while (!d->end) {
		size_t n = fill_poll(d, fds, ARRAY_LEN(fds));

		log_flush();
		if (sync_flush(d->sync_control) < 0) {
			stop(d);
			continue;
		}
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			return -errno;
		watchdog_begin();
		serve_ready(d, fds, n);
		watchdog_end();
	}
	return 0;
}

/* ---- the life ---- */

static int live(struct daemon *d)
{
	int r =
	    is_worker(d) ? read_start_pack_sync(d) : read_start_pack_loop(d);

	if (r < 0 || !d->go)
		return r;
	r = start(d);
	if (r < 0)
		return r;
	return is_worker(d) ? run_worker(d) : loop_run(d->loop);
}

static void clean_up(struct daemon *d)
{
	struct list *it;

	if (d->spec->on_end)
		d->spec->on_end(d->spec->ctx);
	log_flush();
	while ((it = list_take(&d->partners)))
		drop_partner(CONTAINER_OF(it, struct partner, link));
	while ((it = list_take(&d->kept)))
		mem_free(CONTAINER_OF(it, struct kept, link));
	sync_free(&d->sync_control);
	chan_free(&d->control);
	log_done();
	loop_free(&d->loop);
	conf_unref(&d->conf);
	fd_close(&d->keys);
}

int daemon_main(int argc UNUSED, char **argv, const struct daemon_spec *spec)
{
	struct daemon d = { .spec = spec, .keys = -1 };
	struct stat st;
	int r;

	list_init(&d.kept);
	list_init(&d.partners);
	if (fstat(MASTER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		(void)fprintf(stderr,
		    "%s: this program is started by master; "
		    "use \"postfix start\"\n",
		    argv[0] ? argv[0] : name_of(&d));
		return 64;
	}
	prepare_process(&d);
	r = live(&d);
	if (r < 0)
		log_fatal(name_of(&d), "%s: %s", name_of(&d), strerror(-r));
	clean_up(&d);
	return r < 0 ? 1 : 0;
}
