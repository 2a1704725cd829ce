/* SPDX-License-Identifier: ISC */
/*
 * daemon/master/main.c - the process above all others.
 *
 * It reads the configuration, opens the sockets, starts the processes and
 * keeps them alive. It runs as root when there is one, so it parses nothing
 * that comes from a stranger, and of its children it understands two
 * messages without content.
 *
 * The end comes in two steps, each with a limit after which the processes
 * are killed: first those that have clients and deliveries, then queue and
 * rules, which the former need to finish.
 */
#include "daemon/master/master.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hmap.h"
#include "os/error.h"
#include "os/file.h"

enum {
	READY_LIMIT_MSEC = 100 * 1000, /* how long "postfix start" waits */
	FIRST_LIMIT = 3,               /* seconds to finish, see stop_step() */
	SECOND_LIMIT = 1,
	EX_USAGE = 64,
};

#define LAST_ROLES  (ROLE_BIT(QUEUE) | ROLE_BIT(RULES) | ROLE_BIT(EXPAND))
#define ALL_ROLES   (~0u)
#define FIRST_ROLES (ALL_ROLES & ~LAST_ROLES)

struct options {
	const char *dir;
	bool test_lock;
	bool wait;       /* go to the background, return when it is ready */
	bool foreground; /* stay where we are */
	uint32_t exit_after;
};

/* ---- the end ---- */

static void stop_step(void *ctx);

static void wait_for_stop(struct master *m, unsigned seconds)
{
	m->stop_timer.fn = stop_step;
	m->stop_timer.ctx = m;
	loop_timer_set(
	    m->loop, &m->stop_timer, loop_now(m->loop) + seconds * USEC_SEC);
}

static void begin_stop(struct master *m)
{
	if (m->stage >= STOPPING)
		return;
	m->stage = STOPPING;
	m->reloading = false;
	loop_timer_stop(m->loop, &m->reload_timer);
	notify_stopping(&m->notify);
	processes_stop(m, FIRST_ROLES);
	wait_for_stop(m, processes_running(m, FIRST_ROLES) ? FIRST_LIMIT : 0);
}

static void begin_end(struct master *m)
{
	m->stage = ENDING;
	processes_kill(m, FIRST_ROLES);
	processes_stop(m, LAST_ROLES);
	wait_for_stop(m, processes_running(m, ALL_ROLES) ? SECOND_LIMIT : 0);
}

/* Time is up, or nobody is left of those we wait for. */
static void stop_step(void *ctx)
{
	struct master *m = ctx;

	if (m->stage == STOPPING) {
		begin_end(m);
		return;
	}
	processes_kill(m, ALL_ROLES);
	loop_stop(m->loop);
}

void master_process_ended(struct master *m)
{
	unsigned waited = m->stage == STOPPING ? FIRST_ROLES : ALL_ROLES;

	if (m->stage >= STOPPING && processes_running(m, waited) == 0)
		stop_step(m);
}

static void on_exit_time(void *ctx)
{
	begin_stop(ctx);
}

static void on_signal_stop(void *ctx, int signo)
{
	struct master *m = ctx;

	/* Asked twice: do not wait for anybody ("postfix abort"). */
	if (m->stage >= STOPPING) {
		m->stage = ENDING;
		stop_step(m);
		return;
	}
	log_line("master", "terminating on signal %d", signo);
	begin_stop(m);
}

static void on_signal_reload(void *ctx, int signo UNUSED)
{
	master_reload(ctx);
}

/* ---- the start ---- */

static void tell_stderr(const char *text)
{
	(void)fprintf(stderr, "postfix/master: fatal: %s\n", text);
}

void master_give_up(struct master *m, const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	m->failed = true;
	if (m->has_log)
		log_fatal("master", "%s", text);
	tell_stderr(text);
	if (m->loop)
		begin_stop(m);
}

/* Nothing of the terminal is left once the waiting command has ended. */
static void leave_terminal(struct master *m)
{
	CLEANUP(fd_close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!m->detached || null < 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
}

void master_process_ready(struct master *m)
{
	if (m->stage != STARTING || !processes_all_ready(m))
		return;
	m->stage = RUNNING;
	if (m->monitor_fd >= 0)
		(void)!write(m->monitor_fd, "", 1);
	fd_close(&m->monitor_fd);
	notify_ready(&m->notify);
	leave_terminal(m);
	if (m->reload)
		master_reload(m);
}

/* What import_environment names, "NAME" or "NAME=value", and no more. */
static void clean_environment(struct conf *conf)
{
	span list = conf_value(conf, CONF_MAIN, SPAN("import_environment"));
	struct buf kept = BUF_INIT(65536);
	span word;
	span rest;

	while ((word = span_word(&list, ", \t\r\n")).len > 0) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(4096);
		const char *value;

		buf_put(&name, word);
		if (span_find(word, '=') < 0) {
			value = getenv(buf_cstr(&name));
			if (!value)
				continue;
			buf_printf(&name, "=%s", value);
		}
		buf_put(&kept, buf_span(&name));
		buf_putc(&kept, '\0');
	}
	(void)clearenv();
	rest = buf_span(&kept);
	while (rest.len > 0) {
		span entry = span_cut(&rest, '\0');
		span name = span_cut(&entry, '=');
		CLEANUP(buf_done) struct buf text = BUF_INIT(4096);

		buf_put(&text, name);
		(void)setenv(buf_cstr(&text), entry.ptr, 1);
	}
	buf_done(&kept);
}

/* From here on, what goes wrong stands in the log, too. */
static bool open_log(struct master *m, struct conf *conf, struct buf *error)
{
	struct log_setup log;

	if (site_open_log(conf, &log, error) != SITE_OK)
		return false;
	log_open(&log);
	m->has_log = true;
	return true;
}

static int watch_signals(struct master *m)
{
	static const struct {
		int signo;
		loop_signal_fn *fn;
	} signals[] = {
		{ SIGTERM, on_signal_stop },
		{ SIGINT, on_signal_stop },
		{ SIGHUP, on_signal_reload },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(signals) && r == 0; i++)
		r = loop_signal(m->loop, signals[i].signo, signals[i].fn, m);
	return r;
}

/* Files, directories, lock, sockets: everything that may be refused. */
static bool prepare(struct master *m, struct buf *error)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	struct conf_report report = CONF_REPORT_INIT;
	bool ok = conf_read(m->dir, &report, &conf) == CONF_OK;

	if (!ok)
		buf_put(error, buf_span(&report.error));
	conf_report_done(&report);
	if (!ok)
		return false;
	clean_environment(conf);
	/* The lock first: two masters must not share sockets and logs. */
	return open_log(m, conf, error) &&
	    site_make_dirs(conf, error) == SITE_OK &&
	    site_lock(conf, &m->lock_fd, error) == SITE_OK &&
	    setup_read(m->dir, NULL, &m->setup, error) == SITE_OK;
}

static int start(struct master *m, const struct options *options)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	uint64_t key[2];
	int r;

	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrandom(key, sizeof(key), 0) == sizeof(key))
		hash_set_key(key);
	if (!prepare(m, &error)) {
		master_give_up(m, "%s", buf_cstr(&error));
		return -EINVAL;
	}
	r = loop_new(&m->loop);
	if (r == 0)
		r = watch_signals(m);
	if (r < 0)
		return r;
	log_attach(m->loop);
	log_line("master", "daemon started -- version %.*s, configuration %s",
	    PRI(conf_value(m->setup.conf, CONF_MAIN, SPAN("mail_version"))),
	    m->dir);
	setup_tell(&m->setup);
	processes_make(m);
	processes_start(m);
	if (options->exit_after) {
		m->stop_timer.fn = on_exit_time;
		m->stop_timer.ctx = m;
		loop_timer_set(m->loop, &m->stop_timer,
		    loop_now(m->loop) + options->exit_after * USEC_SEC);
	}
	return 0;
}

static void finish(struct master *m)
{
	processes_free(m);
	setup_done(&m->setup);
	log_flush();
	log_done();
	loop_free(&m->loop);
	fd_close(&m->lock_fd);
	fd_close(&m->monitor_fd);
	notify_close(&m->notify);
}

static int run(const struct options *options, int monitor_fd)
{
	struct master m = {
		.dir = options->dir,
		.detached = !options->foreground,
		.lock_fd = -1,
		.monitor_fd = monitor_fd,
	};
	int r;

	setup_init(&m.setup);
	notify_open(&m.notify); /* before the environment is cleaned */
	r = start(&m, options);
	if (r == 0)
		r = loop_run(m.loop);
	finish(&m);
	return r < 0 || m.failed ? 1 : 0;
}

/* ---- the command line ---- */

/* Wait for the byte that says that all is well. */
static int wait_until_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&p, 1, READY_LIMIT_MSEC) > 0 && read(fd, &byte, 1) == 1)
		return 0;
	return 1;
}

static int run_in_background(const struct options *options)
{
	int ready[2];
	pid_t pid;
	int r;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return 1;
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid > 0) {
		(void)close(ready[1]);
		return wait_until_ready(ready[0]);
	}
	(void)close(ready[0]);
	(void)setsid();
	r = run(options, ready[1]);
	return r;
}

static int test_lock(const struct options *options)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	struct conf_report report = CONF_REPORT_INIT;
	int r = conf_read_unchecked(options->dir, &report, &conf);

	if (r != CONF_OK)
		tell_stderr(buf_cstr(&report.error));
	conf_report_done(&report);
	return r == CONF_OK && !site_running(conf) ? 0 : 1;
}

static int usage(void)
{
	(void)fprintf(stderr,
	    "usage: master [-c config_dir] [-D (debug)] [-d (don't detach "
	    "from terminal)] [-e exit_time] [-i (init mode)] "
	    "[-s (foreground)] [-t (test)] [-v] [-w (wait for "
	    "initialization)]\n");
	return EX_USAGE;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
	const char *dir = NULL;
	int c;

	while ((c = getopt(argc, argv, "c:Dde:istvw")) != -1) {
		if (c == 'c')
			dir = optarg;
		else if (c == 'd' || c == 'i' || c == 's')
			ret->foreground = true;
		else if (c == 't')
			ret->test_lock = true;
		else if (c == 'w')
			ret->wait = true;
		else if (c == '?' ||
		    (c == 'e' &&
		        !span_to_u32(span_str(optarg), &ret->exit_after)))
			return false;
	}
	ret->dir = conf_default_dir(dir);
	return optind == argc && !(ret->test_lock && ret->wait) &&
	    !(ret->foreground && ret->wait);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };

	if (!parse_options(argc, argv, &options))
		return usage();
	if (options.test_lock)
		return test_lock(&options);
	if (options.wait)
		return run_in_background(&options);
	return run(&options, -1);
}
