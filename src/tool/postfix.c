/* SPDX-License-Identifier: ISC */
/*
 * tool/postfix.c - postfix(1): start, stop and look after the mail system.
 *
 * Messages and exit codes are those of Postfix's postfix-script. Complaints
 * always go to stderr and to the log; plain news to stderr only if that is a
 * terminal, except for what was asked for ("status").
 *
 * Postfix reserves this command for root. Here it also serves a user with an
 * instance of his own: whoever owns the queue directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf/site.h"
#include "conf/value.h"
#include "tool/postfix_settings.h"

/* Longer than master waits for its processes. */
enum { RELOAD_LIMIT_MSEC = 15 * 1000 };

struct command_line {
	const char *dir; /* of the configuration */
	struct conf *conf;
	struct conf_report *report;
	char **args; /* behind the command, NULL at the end */
	bool has_log;
};

/* ---- messages ---- */

enum voice { NEWS, ANSWER, WARNING, FATAL };

static void say_text(const struct command_line *c, enum voice v, span text)
{
	static const struct {
		const char *word;
		enum log_level level;
	} voices[] = {
		[NEWS] = { "", LOG_LEVEL_INFO },
		[ANSWER] = { "", LOG_LEVEL_INFO },
		[WARNING] = { "warning: ", LOG_LEVEL_WARNING },
		[FATAL] = { "fatal: ", LOG_LEVEL_FATAL },
	};
	span name = conf_value(c->conf, CONF_MAIN, SPAN("syslog_name"));

	if (v != NEWS || isatty(STDERR_FILENO))
		(void)fprintf(stderr, "%.*s/postfix-script: %s%.*s\n",
		    PRI(name), voices[v].word, PRI(text));
	if (!c->has_log)
		return;
	log_text(SPAN(""), "postfix-script", voices[v].level, text);
	log_flush();
}

PRINTF_LIKE(3, 4)
static void say(
    const struct command_line *c, enum voice v, const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	say_text(c, v, span_str(text));
}

static void say_lines(const struct command_line *c, enum voice v, span lines)
{
	while (lines.len > 0)
		say_text(c, v, span_cut(&lines, '\n'));
}

/* ---- helpers ---- */

/* The pid of master, or 0 after having complained. */
static pid_t need_running(const struct command_line *c)
{
	pid_t pid = site_running(c->conf);

	if (!pid)
		say(c, FATAL, "the Postfix mail system is not running");
	return pid;
}

static void put_program(span dir, const char *name, struct buf *out)
{
	buf_put(out, dir);
	buf_printf(out, "/%s", name);
}

static void exec_program(const struct command_line *c, span dir,
    const char *name, const char *option)
{
	struct buf path = BUF_INIT(PATH_MAX);
	char words[4][PATH_MAX];
	char *const argv[] = { words[0], words[1], words[2], words[3], NULL };

	(void)snprintf(words[0], PATH_MAX, "%s", name);
	(void)snprintf(words[1], PATH_MAX, "-c");
	(void)snprintf(words[2], PATH_MAX, "%s", c->dir);
	(void)snprintf(words[3], PATH_MAX, "%s", option);
	put_program(dir, name, &path);
	log_flush();
	(void)execv(buf_cstr(&path), argv);
	say(c, FATAL, "cannot execute %s: %s", buf_cstr(&path),
	    strerror(errno));
	buf_done(&path);
}

/* Its exit status; 1 if it did not end by itself. */
static int run_master(const struct command_line *c, const char *option)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		exec_program(c, site_daemon_dir(c->conf), "master", option);
		_exit(1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void sleep_msec(long msec)
{
	struct timespec t = { msec / 1000, msec % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* Wait for the end of master; false if it has not come by then. */
static bool has_ended(const struct command_line *c, int msec)
{
	for (; msec > 0; msec -= 20) {
		if (!site_running(c->conf))
			return true;
		sleep_msec(20);
	}
	return !site_running(c->conf);
}

/* ---- commands ---- */

static bool check_fatal(const struct command_line *c)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf master = BUF_INIT(PATH_MAX);

	put_program(site_daemon_dir(c->conf), "master", &master);
	if (access(buf_cstr(&master), X_OK) < 0) {
		say(c, FATAL, "no Postfix master program %s!",
		    buf_cstr(&master));
		return false;
	}
	if (site_make_dirs(c->conf, &error) == SITE_OK)
		return true;
	say_text(c, FATAL, buf_span(&error));
	return false;
}

static void check_warn(const struct command_line *c)
{
	CLEANUP(buf_done) struct buf found = BUF_INIT(1 << 20);

	site_check(c->conf, &found);
	say_lines(c, WARNING, buf_span(&found));
}

static int cmd_check(struct command_line *c)
{
	if (!check_fatal(c))
		return 1;
	check_warn(c);
	say_lines(c, WARNING, buf_span(&c->report->notes));
	say_lines(c, ANSWER, buf_span(&c->report->remarks));
	return 0;
}

/* Everything but the start itself. */
static bool prepare_start(const struct command_line *c)
{
	if (site_running(c->conf)) {
		say(c, FATAL, "the Postfix mail system is already running");
		return false;
	}
	if (!check_fatal(c)) {
		say(c, FATAL, "Postfix integrity check failed!");
		return false;
	}
	check_warn(c);
	say(c, NEWS, "starting the Postfix mail system");
	return true;
}

static int cmd_start(struct command_line *c)
{
	span file = conf_value(c->conf, CONF_MAIN, SPAN("maillog_file"));

	if (span_eq(file, SPAN("/dev/stdout"))) {
		say(c, FATAL,
		    "maillog_file = /dev/stdout needs a foreground: "
		    "use \"postfix start-fg\"");
		return 1;
	}
	if (!prepare_start(c))
		return 1;
	if (run_master(c, "-w") == 0)
		return 0;
	say(c, FATAL, "mail system startup failed");
	return 1;
}

static int cmd_start_fg(struct command_line *c)
{
	if (prepare_start(c))
		exec_program(c, site_daemon_dir(c->conf), "master",
		    getpid() == 1 ? "-i" : "-s");
	return 1;
}

static void kill_hard(pid_t pid)
{
	(void)kill(getpgid(pid) == pid ? -pid : pid, SIGKILL);
}

static int cmd_stop(struct command_line *c)
{
	pid_t pid = need_running(c);

	if (!pid)
		return 1;
	say(c, NEWS, "stopping the Postfix mail system");
	(void)kill(pid, SIGTERM);
	for (int i = 0; i < 5; i++) {
		if (has_ended(c, 1000))
			return 0;
		say(c, NEWS,
		    "waiting for the Postfix mail system to terminate");
	}
	say(c, WARNING, "stopping the Postfix mail system with force");
	kill_hard(pid);
	return has_ended(c, 1000) ? 0 : 1;
}

static int cmd_abort(struct command_line *c)
{
	pid_t pid = need_running(c);

	if (!pid)
		return 1;
	say(c, NEWS, "aborting the Postfix mail system");
	/* Two different ones: master does not wait after the second. */
	(void)kill(pid, SIGTERM);
	(void)kill(pid, SIGINT);
	return 0;
}

/* Until it has ended, or the mail system has. */
static int wait_for_reload(const struct command_line *c)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(65536);

	for (int msec = 0; msec < RELOAD_LIMIT_MSEC; msec += 10) {
		if (site_reload_ended(c->conf, &error)) {
			if (error.len == 0)
				return 0;
			say_lines(c, FATAL, buf_span(&error));
			return 1;
		}
		if (!need_running(c))
			return 1;
		sleep_msec(10);
	}
	say(c, WARNING, "master does not say whether it has reloaded");
	return 0;
}

static int cmd_reload(struct command_line *c)
{
	pid_t pid = need_running(c);

	if (!pid)
		return 1;
	site_reload_begin(c->conf);
	say(c, NEWS, "refreshing the Postfix mail system");
	if (kill(pid, SIGHUP) < 0)
		return 1;
	return wait_for_reload(c);
}

static int cmd_flush(struct command_line *c)
{
	exec_program(c, site_command_dir(c->conf), "postqueue", "-f");
	return 1;
}

static int cmd_status(struct command_line *c)
{
	pid_t pid = site_running(c->conf);

	if (!pid) {
		say(c, ANSWER, "the Postfix mail system is not running");
		return 1;
	}
	say(c, ANSWER, "the Postfix mail system is running: PID: %d", (int)pid);
	return 0;
}

/* main.cf has changed meanwhile; false: it does not do any more. */
static bool read_again(struct command_line *c)
{
	struct conf *conf = NULL;

	if (conf_read(c->dir, c->report, &conf) != CONF_OK) {
		say_text(c, FATAL, buf_span(&c->report->error));
		return false;
	}
	conf_unref(&c->conf);
	c->conf = conf;
	return true;
}

static int cmd_set_permissions(struct command_line *c)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	int r = settings_write(c->conf, c->dir, c->args, &error);

	if (r == SETTINGS_WRITTEN && !read_again(c))
		return 1;
	if (r != SETTINGS_BAD &&
	    site_set_permissions(c->conf, &error) == SITE_OK)
		return 0;
	say_text(c, FATAL, buf_span(&error));
	return 1;
}

/* The stock configuration of any earlier version works as it is. */
static int cmd_upgrade(struct command_line *c)
{
	return cmd_set_permissions(c);
}

static bool rotated_name(
    const struct command_line *c, const char *file, struct buf *out)
{
	struct buf format = BUF_INIT(1024);
	char suffix[256];
	time_t now = time(NULL);
	struct tm tm;
	size_t n = 0;

	buf_put(&format,
	    conf_value(c->conf, CONF_MAIN, SPAN("maillog_file_rotate_suffix")));
	/* The operator's own format; he cannot be warned about it here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (localtime_r(&now, &tm))
		n = strftime(suffix, sizeof(suffix), buf_cstr(&format), &tm);
#pragma GCC diagnostic pop
	buf_done(&format);
	buf_printf(out, "%s.%.*s", file, (int)n, suffix);
	return n > 0;
}

static int compress_file(const struct command_line *c, const char *file)
{
	span program =
	    conf_value(c->conf, CONF_MAIN, SPAN("maillog_file_compressor"));
	char words[2][PATH_MAX];
	char *const argv[] = { words[0], words[1], NULL };
	int status = 1;
	pid_t pid;

	(void)snprintf(words[0], PATH_MAX, "%.*s", PRI(program));
	(void)snprintf(words[1], PATH_MAX, "%s", file);
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	return status == 0 ? 0 : 1;
}

static int rotate(const struct command_line *c, const char *file)
{
	CLEANUP(buf_done) struct buf to = BUF_INIT(PATH_MAX);
	pid_t pid = site_running(c->conf);

	if (!rotated_name(c, file, &to)) {
		say(c, FATAL,
		    "empty 'maillog_file_rotate_suffix' parameter value - "
		    "logfile rotation failed");
		return 1;
	}
	if (rename(file, buf_cstr(&to)) < 0) {
		say(c, FATAL, "logfile '%s' rotation failed: %s", file,
		    strerror(errno));
		return 1;
	}
	if (pid)
		(void)kill(pid, SIGHUP);
	sleep_msec(1000); /* lines on their way end up in the old file */
	if (compress_file(c, buf_cstr(&to)) == 0)
		return 0;
	say(c, FATAL,
	    "logfile '%s' rotation failed: it was renamed to %s "
	    "but not compressed",
	    file, buf_cstr(&to));
	return 1;
}

static int cmd_logrotate(struct command_line *c)
{
	CLEANUP(buf_done) struct buf file = BUF_INIT(PATH_MAX);

	buf_put(&file, conf_value(c->conf, CONF_MAIN, SPAN("maillog_file")));
	if (file.len == 0) {
		say(c, FATAL,
		    "empty 'maillog_file' parameter value - "
		    "logfile rotation failed");
		return 1;
	}
	if (span_has_prefix(buf_span(&file), SPAN("/dev/"))) {
		say(c, FATAL, "not rotating '%s'", buf_cstr(&file));
		return 1;
	}
	return rotate(c, buf_cstr(&file));
}

static const struct command {
	const char *name;
	int (*run)(struct command_line *c);
	bool any_conf; /* works in spite of mistakes in the files */
} commands[] = {
	{ "abort", cmd_abort, true },
	{ "check", cmd_check, false },
	{ "flush", cmd_flush, false },
	{ "logrotate", cmd_logrotate, false },
	{ "reload", cmd_reload, false },
	{ "set-permissions", cmd_set_permissions, false },
	{ "start", cmd_start, false },
	{ "start-fg", cmd_start_fg, false },
	{ "status", cmd_status, true },
	{ "stop", cmd_stop, true },
	{ "upgrade-configuration", cmd_upgrade, false },
};

/* NULL if there is none. */
static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int run_command(struct command_line *c, const char *name)
{
	const struct command *command = find_command(name);

	if (command)
		return command->run(c);
	say(c, FATAL,
	    "unknown command: '%s'. Usage: postfix start (or stop, reload, "
	    "abort, flush, check, status, set-permissions, "
	    "upgrade-configuration, logrotate)",
	    name);
	return 1;
}

/* ---- start-up ---- */

static int fail(const char *text)
{
	(void)fprintf(stderr, "postfix: fatal: %s\n", text);
	return 1;
}

/* Somebody else's mail system is none of our business. */
static bool is_ours(struct conf *conf)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	struct stat st;

	if (geteuid() == 0)
		return true;
	buf_put(&path, conf_value(conf, CONF_MAIN, SPAN("queue_directory")));
	return stat(buf_cstr(&path), &st) < 0 || st.st_uid == geteuid();
}

/* Defaults of an older version are in effect: say so, as Postfix does. */
static void tell_level(struct conf *conf)
{
	uint64_t level = 0;
	uint64_t last = 0;

	if (!isatty(STDERR_FILENO) || !conf_parse_level(SPAN("3.6"), &last) ||
	    !conf_parse_level(
	        conf_value(conf, CONF_MAIN, SPAN("compatibility_level")),
	        &level) ||
	    level >= last)
		return;
	(void)fprintf(stderr,
	    "postfix: Postfix is using backwards-compatible default "
	    "settings\n"
	    "postfix: To disable backwards compatibility use \"postconf "
	    "compatibility_level=3.6\" and \"postfix reload\"\n");
}

/* Without a log nothing is started, but what runs can be stopped. */
static bool open_log(struct command_line *c, bool must)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct log_setup log;

	c->has_log = site_open_log(c->conf, &log, &error) == SITE_OK;
	if (c->has_log) {
		log_open(&log);
		return true;
	}
	(void)fprintf(stderr, "postfix: %s: %s\n", must ? "fatal" : "warning",
	    buf_cstr(&error));
	return !must;
}

static int run(const char *dir, const char *command, char **args)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct command_line c = {
		.dir = dir,
		.report = &report,
		.args = args,
	};
	const struct command *known = find_command(command);
	int r = known && known->any_conf
	    ? conf_read_unchecked(dir, &report, &c.conf)
	    : conf_read(dir, &report, &c.conf);

	if (r != CONF_OK) {
		r = 1;
		(void)fail(buf_cstr(&report.error));
	} else if (!is_ours(c.conf)) {
		r = 1;
		(void)fail("the postfix command is reserved for the superuser");
	} else {
		tell_level(c.conf);
		r = 1;
		if (open_log(&c, known && !known->any_conf))
			r = run_command(&c, command);
		if (c.has_log)
			log_done();
	}
	conf_report_done(&report);
	conf_unref(&c.conf);
	return r;
}

int main(int argc, char **argv)
{
	const char *option = NULL;
	char dir[PATH_MAX];
	int ch;

	(void)umask(022);
	while ((ch = getopt(argc, argv, "+c:Dv")) != -1) {
		if (ch == 'c')
			option = optarg;
		else if (ch == 'D')
			(void)setenv("MAIL_DEBUG", "", 1);
		else if (ch == 'v')
			(void)setenv("MAIL_VERBOSE", "", 1);
		else
			return fail(
			    "usage: postfix [-c config_dir] [-Dv] command");
	}
	option = conf_default_dir(option);
	if (!realpath(option, dir)) {
		(void)fprintf(stderr,
		    "postfix: fatal: no Postfix configuration directory "
		    "%s: %s\n",
		    option, strerror(errno));
		return 1;
	}
	(void)setenv("MAIL_CONFIG", dir, 1);
	if (optind == argc)
		return run(dir, "", argv + argc);
	return run(dir, argv[optind], argv + optind + 1);
}
