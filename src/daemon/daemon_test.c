/* SPDX-License-Identifier: ISC */
/* The skeleton, started by a master made of a few lines. */
#include "test/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "ipc/chan.h"
#include "ipc/msg_master.h"
#include "os/file.h"
#include "os/log.h"
#include "os/sock.h"

enum { PING = 0x900, PONG };

/* ---- the daemon: it logs every call it gets ---- */

struct subject {
	struct daemon *daemon;
	struct chan *peer;
	int fail_after; /* result of after_drop */
};

static void on_conf(void *ctx UNUSED, struct conf *conf)
{
	span name = conf_value(conf, CONF_MAIN, SPAN("myhostname"));

	log_line("test", "conf %.*s", PRI(name));
}

static int before_drop(void *ctx, struct daemon *d)
{
	struct subject *s = ctx;

	s->daemon = d;
	log_line("test", "before");
	return 0;
}

static int after_drop(void *ctx, struct daemon *d)
{
	struct subject *s = ctx;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	/* A worker that may open files needs the kernel's help to be kept
	 * from this one. */
	log_line("test", "after %u %s", daemon_instance(d),
	    fd < 0 || sandbox_landlock() == 0 ? "locked" : "open");
	fd_close(&fd);
	return s->fail_after;
}

static void on_listen(void *ctx UNUSED, uint32_t service, int fd)
{
	log_line("test", "listen %u", service);
	fd_close(&fd);
}

static void on_unlisten(void *ctx UNUSED)
{
	log_line("test", "unlisten");
}

static void on_stop(void *ctx)
{
	struct subject *s = ctx;

	log_line("test", "stop");
	chan_free(&s->peer);
	daemon_end(s->daemon);
}

static void on_ping(void *ctx, struct chan_msg *msg)
{
	struct subject *s = ctx;

	log_line("test", "message %#x", msg->type);
	chan_send(s->peer, PONG);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct subject *s = ctx;

	log_line("test", "gone");
	chan_free(&s->peer);
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	static const struct chan_calls calls = { .message = on_ping,
		.gone = on_gone };
	struct subject *s = ctx;

	log_line("test", "peer %s %u", role_info(role)->name, instance);
	chan_free(&s->peer);
	if (chan_new(daemon_loop(s->daemon), fd, &calls, s, &s->peer) < 0)
		bug("chan_new");
}

static bool on_message(void *ctx UNUSED, enum role role, struct sync_conn *conn,
    struct sync_msg *msg)
{
	log_line("test", "message %#x of %s", msg->type, role_info(role)->name);
	if (msg->type != PING)
		return false;
	(void)sync_begin(conn, PONG);
	sync_end(conn);
	return true;
}

static int run_subject(bool worker, int fail_after)
{
	struct subject s = { .fail_after = fail_after };
	struct daemon_spec spec = {
		.role = worker ? ROLE_RULES : ROLE_RELAY,
		.ctx = &s,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.after_drop = after_drop,
		.on_listen = on_listen,
		.on_unlisten = on_unlisten,
		.on_stop = on_stop,
	};
	char name[] = "subject";
	char *argv[] = { name, NULL };

	if (worker)
		spec.on_message = on_message;
	else
		spec.on_peer = on_peer;
	return daemon_main(1, argv, &spec);
}

/* ---- master ---- */

struct fixture {
	pid_t pid;
	struct sync_conn *control;
	int conf_fd;
	int log_fd;
};

static int make_conf(void)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	char dir[] = "/tmp/daemon-test-XXXXXX";
	char path[64];
	struct conf_report report = CONF_REPORT_INIT;
	int fd;

	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    i ? "master.cf" : "main.cf");
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		if (i == 0)
			assert_int_equal(
			    file_write_all(fd, SPAN("myhostname = a.b\n")), 0);
		fd_close(&fd);
	}
	assert_int_equal(conf_read(dir, &report, &conf), CONF_OK);
	conf_report_done(&report);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    i ? "master.cf" : "main.cf");
		(void)unlink(path);
	}
	(void)rmdir(dir);
	fd = conf_to_fd(conf);
	assert_true(fd >= 0);
	return fd;
}

static void send_fd(struct fixture *f, uint16_t type, int fd)
{
	(void)sync_begin_fds(f->control, type, &fd, 1);
	sync_end(f->control);
}

static void send_log(struct fixture *f)
{
	struct master_log m = {
		.kind = LOG_KIND_FILE,
		.facility = LOG_FACILITY_MAIL,
		.host = SPAN("h"),
		.syslog_name = SPAN("postfix"),
	};

	master_log_put(
	    sync_begin_fds(f->control, MASTER_LOG, &f->log_fd, 1), &m);
	sync_end(f->control);
}

static void send_listen(struct fixture *f, uint32_t service)
{
	master_listen_put(
	    sync_begin_fds(f->control, MASTER_LISTEN, &f->log_fd, 1), service);
	sync_end(f->control);
}

/* Returns our end. */
static struct sync_conn *send_peer(struct fixture *f, uint32_t instance)
{
	struct master_peer m = { ROLE_QUEUE, instance };
	int pair[2];

	assert_int_equal(sock_pair(pair), 0);
	master_peer_put(
	    sync_begin_fds(f->control, MASTER_PEER, &pair[1], 1), &m);
	sync_end(f->control);
	assert_int_equal(sync_flush(f->control), 0);
	fd_close(&pair[1]);
	return sync_new(pair[0]);
}

static void send_go(struct fixture *f)
{
	struct master_go m = { .instance = 2 };

	master_go_put(sync_begin(f->control, MASTER_GO), &m);
	sync_end(f->control);
	assert_int_equal(sync_flush(f->control), 0);
}

static void start(struct fixture *f, bool worker, int fail_after)
{
	int pair[2];

	f->conf_fd = make_conf();
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(f->log_fd >= 0);
	assert_int_equal(fcntl(f->log_fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(sock_pair(pair), 0);
	(void)fflush(NULL);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		int fd = fcntl(pair[1], F_DUPFD, 20);

		(void)close(pair[0]);
		(void)dup2(fd, MASTER_FD);
		(void)close(fd);
		_exit(run_subject(worker, fail_after));
	}
	fd_close(&pair[1]);
	f->control = sync_new(pair[0]);
	send_fd(f, MASTER_CONFIG, f->conf_fd);
	send_log(f);
}

static void expect_ready(struct fixture *f)
{
	struct sync_msg msg;

	assert_int_equal(sync_recv(f->control, &msg), SYNC_OK);
	assert_int_equal(msg.type, MASTER_READY);
}

static void ping(struct sync_conn *peer)
{
	struct sync_msg msg;

	(void)sync_begin(peer, PING);
	sync_end(peer);
	assert_int_equal(sync_flush(peer), 0);
	assert_int_equal(sync_recv(peer, &msg), SYNC_OK);
	assert_int_equal(msg.type, PONG);
}

/* The exit status. */
static int finish(struct fixture *f)
{
	int status = 0;

	sync_free(&f->control);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	fd_close(&f->conf_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* What the daemon logged: the texts, one behind the other. */
static void check_log(const struct fixture *f, const char *want)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(65536);
	CLEANUP(buf_done) struct buf got = BUF_INIT(65536);
	span rest;

	assert_int_equal(lseek(f->log_fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_all(f->log_fd, &all), 0);
	rest = buf_span(&all);
	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');
		ssize_t colon = span_find(line, ']');

		assert_true(colon > 0);
		buf_printf(
		    &got, "%.*s|", PRI(span_from(line, (size_t)colon + 3)));
	}
	assert_string_equal(buf_cstr(&got), want);
}

static void test_loop_daemon(void **state UNUSED)
{
	struct fixture f;
	struct sync_conn *peer;
	struct sync_conn *second;

	start(&f, false, 0);
	send_listen(&f, 7);
	peer = send_peer(&f, 0);
	send_go(&f);
	expect_ready(&f);
	ping(peer);
	/* The partner was started again. */
	second = send_peer(&f, 0);
	ping(second);
	/* A reload. */
	send_fd(&f, MASTER_CONFIG, f.conf_fd);
	(void)sync_begin(f.control, MASTER_UNLISTEN);
	sync_end(f.control);
	send_listen(&f, 8);
	(void)sync_begin(f.control, MASTER_RELOADED);
	sync_end(f.control);
	assert_int_equal(sync_flush(f.control), 0);
	expect_ready(&f);
	(void)sync_begin(f.control, MASTER_STOP);
	sync_end(f.control);
	assert_int_equal(sync_flush(f.control), 0);
	assert_int_equal(finish(&f), 0);
	sync_free(&peer);
	sync_free(&second);
	check_log(&f,
	    "conf a.b|before|after 2 locked|listen 7|peer queue 0|message "
	    "0x900|"
	    "peer queue 0|message 0x900|conf a.b|unlisten|listen 8|stop|");
	fd_close(&f.log_fd);
}

static void test_worker(void **state UNUSED)
{
	struct fixture f;
	struct sync_conn *peer;
	struct sync_conn *other;
	struct sync_msg msg;

	start(&f, true, 0);
	peer = send_peer(&f, 0);
	send_go(&f);
	/* Right behind GO. */
	other = send_peer(&f, 1);
	expect_ready(&f);
	ping(peer);
	ping(other);
	ping(peer);
	/* Who breaks the rules is hung up on; the others are not. */
	(void)sync_begin(peer, PONG);
	sync_end(peer);
	assert_int_equal(sync_flush(peer), 0);
	assert_int_equal(sync_recv(peer, &msg), SYNC_END);
	sync_free(&peer);
	ping(other);
	/* Several questions at once, answered all. */
	for (int i = 0; i < 100; i++) {
		(void)sync_begin(other, PING);
		sync_end(other);
	}
	assert_int_equal(sync_flush(other), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sync_recv(other, &msg), SYNC_OK);
	/* A reload. */
	send_fd(&f, MASTER_CONFIG, f.conf_fd);
	(void)sync_begin(f.control, MASTER_RELOADED);
	sync_end(f.control);
	assert_int_equal(sync_flush(f.control), 0);
	expect_ready(&f);
	/* Without master it ends. */
	assert_int_equal(finish(&f), 0);
	sync_free(&other);
	fd_close(&f.log_fd);
}

static void test_log_leaves_before_the_answer(void **state UNUSED)
{
	for (int worker = 0; worker < 2; worker++) {
		struct fixture f;
		struct sync_conn *peer;

		start(&f, worker, 0);
		peer = send_peer(&f, 0);
		send_go(&f);
		expect_ready(&f);
		ping(peer);
		if (worker)
			check_log(&f,
			    "conf a.b|before|after 2 locked|"
			    "message 0x900 of queue|");
		else
			check_log(&f,
			    "conf a.b|before|after 2 locked|peer queue 0|"
			    "message 0x900|");
		assert_int_equal(finish(&f), 0);
		sync_free(&peer);
		fd_close(&f.log_fd);
	}
}

static void test_failing_start(void **state UNUSED)
{
	for (int worker = 0; worker < 2; worker++) {
		struct fixture f;
		struct sync_msg msg;

		start(&f, worker, -ENOSPC);
		send_go(&f);
		assert_int_equal(sync_recv(f.control, &msg), SYNC_END);
		assert_int_equal(finish(&f), 1);
		fd_close(&f.log_fd);
	}
}

/* master dies before the start pack is complete. */
static void test_broken_start(void **state UNUSED)
{
	for (int worker = 0; worker < 2; worker++) {
		struct fixture f;

		start(&f, worker, 0);
		assert_int_equal(sync_flush(f.control), 0);
		assert_int_equal(finish(&f), 0);
		fd_close(&f.log_fd);
	}
}

static void test_not_from_a_shell(void **state UNUSED)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, STDERR_FILENO);
		(void)dup2(null, MASTER_FD);
		_exit(run_subject(false, 0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop_daemon),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_log_leaves_before_the_answer),
		cmocka_unit_test(test_failing_start),
		cmocka_unit_test(test_broken_start),
		cmocka_unit_test(test_not_from_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
