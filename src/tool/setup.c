/* SPDX-License-Identifier: ISC */
/*
 * tool/setup.c - see setup.h.
 *
 * The new main.cf is made in a private directory: a copy of the old one, which
 * "postconf -e" edits, so comments and all other parameters stay as they are.
 * There it is shown (diff -u) and read as the mail system will read it. Only
 * when nothing is wrong with it does it take the old one's place, which is
 * kept under another name. From the first look to the end we hold the lock
 * that other editors take.
 */
#include "tool/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "conf/edit.h"
#include "conf/site.h"
#include "os/child.h"
#include "os/file.h"

enum {
	FILE_MAX_BYTES = 4 * 1024 * 1024,
	WAIT_MSEC = 60 * 1000,
	COULD_NOT_RUN = -1,
};

struct setup {
	const struct setup_wish *wish;
	struct conf *old; /* NULL: there is none */
	struct setup_settings settings;
	struct conf_edit lock;
	char main_cf[PATH_MAX]; /* the one that counts */
	char tmp[PATH_MAX];     /* a directory; "": not made */
	char saved[PATH_MAX];   /* the old one; "": there was none */
};

PRINTF_LIKE(1, 2)
static int complain(const char *format, ...)
{
	va_list ap;

	(void)fputs("chasqui: ", stderr);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return EX_CANTCREAT;
}

/* ---- other programs ---- */

/* Words of command lines; exec wants them without const. */
static char in_dir[] = "-c";
static char edit[] = "-e";
static char check[] = "check";
static char diff[] = "diff";
static char unified[] = "-u";
static char label[] = "--label";

/* Their exit status, with our stdout and stderr; or COULD_NOT_RUN. */
static int run(const char *path, char *const *argv)
{
	CLEANUP(fd_close) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fds[] = { null, STDOUT_FILENO, STDERR_FILENO };
	struct child_spec spec = {
		.path = path,
		.argv = argv,
		.envp = environ,
		.fds = fds,
		.nfds = ARRAY_LEN(fds),
		.dir = -1,
	};
	struct child child;
	int status = 0;
	int r;

	(void)fflush(stdout);
	if (null < 0 || child_spawn(&spec, &child) < 0)
		return COULD_NOT_RUN;
	r = child_wait(child.pidfd, WAIT_MSEC, &status);
	if (r < 0)
		(void)!child_kill(child.pidfd, SIGKILL);
	(void)close(child.pidfd);
	return r == 0 && WIFEXITED(status) ? WEXITSTATUS(status)
	                                   : COULD_NOT_RUN;
}

/* A command of ours: it lies beside this one. */
static int run_ours(const char *name, char **argv)
{
	char path[PATH_MAX + 32];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	span dir = span_of(self, n > 0 ? (size_t)n : 0);

	dir = span_first(dir, (size_t)MAX(span_rfind(dir, '/'), 0));
	(void)snprintf(path, sizeof(path), "%.*s/%s", PRI(dir), name);
	argv[0] = path;
	return run(path, argv);
}

/* ---- files ---- */

static void join(char to[PATH_MAX], const char *dir, const char *name)
{
	if (snprintf(to, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		bug("a path that was opened is too long");
}

/* Nothing that is there is overwritten. */
static int copy(const char *from, const char *to, mode_t mode)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(fd_close) int in = open(from, O_RDONLY | O_CLOEXEC);
	CLEANUP(fd_close) int out = -1;
	int r = in < 0 ? -errno : file_read_all(in, &text);

	if (r < 0)
		return complain("read %s: %s", from, strerror(-r));
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	r = out < 0 ? -errno : file_write_all(out, buf_span(&text));
	return r < 0 ? complain("write %s: %s", to, strerror(-r)) : 0;
}

static int make_tmp(struct setup *s)
{
	const char *parent = getenv("TMPDIR");
	char master_cf[PATH_MAX];
	char to[PATH_MAX];
	int r = 0;

	join(s->tmp, parent && parent[0] == '/' ? parent : "/tmp",
	    "chasqui-setup-XXXXXX");
	if (!mkdtemp(s->tmp)) {
		r = complain("make directory %s: %s", s->tmp, strerror(errno));
		s->tmp[0] = '\0';
		return r;
	}
	join(to, s->tmp, "main.cf");
	r = copy(s->old ? s->main_cf : "/dev/null", to, 0644);
	if (r)
		return r;
	join(master_cf, s->wish->dir, "master.cf");
	if (access(master_cf, F_OK) < 0)
		join(master_cf, DATA_DIR, "master.cf");
	join(to, s->tmp, "master.cf");
	return copy(master_cf, to, 0644);
}

static void remove_tmp(struct setup *s)
{
	static const char *const names[] = { "main.cf", "main.cf.tmp",
		"master.cf" };
	char path[PATH_MAX];

	if (!s->tmp[0])
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		join(path, s->tmp, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(s->tmp);
}

/* ---- the steps ---- */

static int read_old(struct setup *s)
{
	struct conf_report report = CONF_REPORT_INIT;
	int code = 0;

	join(s->main_cf, s->wish->dir, "main.cf");
	if (access(s->main_cf, F_OK) == 0 &&
	    conf_read_main(s->wish->dir, &report, &s->old) != CONF_OK)
		code = complain("%s", buf_cstr(&report.error));
	conf_report_done(&report);
	return code ? EX_CONFIG : 0;
}

/* Whoever edits main.cf waits from here on; who only looks need not. */
static int take_lock(struct setup *s)
{
	int r;

	if (s->wish->dry_run)
		return 0;
	if (mkdir(s->wish->dir, 0755) < 0 && errno != EEXIST)
		return complain(
		    "make directory %s: %s", s->wish->dir, strerror(errno));
	r = conf_edit_open(&s->lock, s->main_cf);
	return r < 0 ? complain("open %s.tmp: %s", s->main_cf, strerror(-r))
	             : 0;
}

static int edit_copy(struct setup *s)
{
	char *argv[SETUP_SETTINGS_MAX + 5] = { NULL, in_dir, s->tmp, edit };
	int code;

	for (size_t i = 0; i < s->settings.n; i++)
		argv[4 + i] = s->settings.text[i];
	code = run_ours("postconf", argv);
	if (code == 0)
		return 0;
	return code == COULD_NOT_RUN ? complain("cannot run postconf")
	                             : EX_SOFTWARE;
}

/* Says whether there is one. */
static bool show_difference(struct setup *s)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	char name[PATH_MAX + 32];
	char *argv[] = { diff, unified, label, s->main_cf, label, name, from,
		to, NULL };
	int code;

	join(to, s->tmp, "main.cf");
	(void)snprintf(
	    from, sizeof(from), "%s", s->old ? s->main_cf : "/dev/null");
	(void)snprintf(name, sizeof(name), "%s (%s)", s->main_cf,
	    setup_role_name(s->wish->role));
	code = run("/usr/bin/diff", argv);
	if (code != COULD_NOT_RUN)
		return code != 0;
	for (size_t i = 0; i < s->settings.n; i++)
		(void)puts(s->settings.text[i]);
	return true;
}

/* As the mail system will read it. */
static int check_copy(struct setup *s)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	struct conf_report report = CONF_REPORT_INIT;
	int code = 0;

	if (conf_read(s->tmp, &report, &conf) != CONF_OK) {
		(void)complain("%s", buf_cstr(&report.error));
		code = EX_CONFIG;
	}
	conf_report_done(&report);
	return code;
}

/* Under a name that says when, and that nobody has. */
static int save_old(struct setup *s)
{
	char name[64] = "main.cf.old";
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;

	if (!s->old)
		return 0;
	if (stat(s->main_cf, &st) < 0)
		return complain("%s: %s", s->main_cf, strerror(errno));
	if (localtime_r(&now, &tm))
		(void)strftime(
		    name, sizeof(name), "main.cf.%Y%m%d-%H%M%S", &tm);
	join(s->saved, s->wish->dir, name);
	for (int i = 2; access(s->saved, F_OK) == 0; i++)
		(void)snprintf(s->saved, sizeof(s->saved), "%s/%s-%d",
		    s->wish->dir, name, i);
	return copy(s->main_cf, s->saved, st.st_mode & 0777);
}

/* The new files become the configuration. */
static int put_in_place(struct setup *s)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(fd_close) int fd = -1;
	char from[PATH_MAX];
	char to[PATH_MAX];
	int r;

	join(from, s->tmp, "master.cf");
	join(to, s->wish->dir, "master.cf");
	if (access(to, F_OK) < 0 && copy(from, to, 0644))
		return EX_CANTCREAT;
	join(from, s->tmp, "main.cf");
	if (!s->old && copy("/dev/null", s->main_cf, 0644))
		return EX_CANTCREAT;
	fd = open(from, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : file_read_all(fd, &text);
	if (r == 0)
		r = conf_edit_commit(&s->lock, buf_span(&text));
	return r < 0 ? complain("write %s: %s", s->main_cf, strerror(-r)) : 0;
}

/* ---- afterwards ---- */

static void tell_old(const struct setup *s)
{
	if (s->saved[0])
		(void)printf("The old file is %s.\n", s->saved);
}

static void tell_next(const struct setup *s)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	struct conf_report report = CONF_REPORT_INIT;
	const char *dir = s->wish->dir;
	bool runs = conf_read(dir, &report, &conf) == CONF_OK &&
	    site_running(conf) != 0;

	conf_report_done(&report);
	if (strcmp(dir, conf_preset_dir()) == 0)
		(void)printf("Now: postfix %s\n", runs ? "reload" : "start");
	else
		(void)printf(
		    "Now: postfix -c %s %s\n", dir, runs ? "reload" : "start");
	if (s->wish->role == SETUP_INBOUND || s->wish->role == SETUP_INTERNET)
		(void)puts("Other hosts find this one by an MX record of the "
		           "domain; let them reach port 25.");
}

/* What only the place itself can show: owners, modes, directories. */
static int check_place(const struct setup *s)
{
	char dir[PATH_MAX];
	char *argv[] = { NULL, in_dir, dir, check, NULL };

	(void)snprintf(dir, sizeof(dir), "%s", s->wish->dir);
	return run_ours("postfix", argv) == 0 ? 0 : EX_CONFIG;
}

static int carry_out(struct setup *s)
{
	int code = read_old(s);

	if (!code && !setup_settings(s->wish, s->old, &s->settings))
		code = EX_USAGE;
	if (!code)
		code = take_lock(s);
	if (!code)
		code = make_tmp(s);
	if (!code)
		code = edit_copy(s);
	if (code)
		return code;
	if (!show_difference(s)) {
		(void)printf("%s is this already.\n", s->main_cf);
		return s->wish->dry_run ? 0 : check_place(s);
	}
	code = check_copy(s);
	if (code || s->wish->dry_run)
		return code;
	code = save_old(s);
	if (!code)
		code = put_in_place(s);
	if (code)
		return code;
	tell_old(s);
	code = check_place(s);
	if (!code)
		tell_next(s);
	return code;
}

/* ---- the command line ---- */

static int usage(void)
{
	(void)fputs(
	    "usage: chasqui setup [-n] [-c DIR] [OPTION...] ROLE\n\n", stderr);
	for (enum setup_role r = 0; r < SETUP_ROLES; r++)
		(void)fprintf(stderr, "  %-12s %s\n", setup_role_name(r),
		    setup_role_what(r));
	(void)fputs("\n"
	            "  --hostname NAME    --domain NAME      --origin NAME\n"
	            "  --relayhost HOST   --networks LIST    "
	            "--interfaces LIST\n"
	            "  -n, --dry-run      show the change, make none\n",
	    stderr);
	return EX_USAGE;
}

static bool parse(int argc, char **argv, struct setup_wish *w)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "hostname", required_argument, NULL, 'H' },
		{ "domain", required_argument, NULL, 'd' },
		{ "origin", required_argument, NULL, 'o' },
		{ "relayhost", required_argument, NULL, 'r' },
		{ "networks", required_argument, NULL, 'N' },
		{ "interfaces", required_argument, NULL, 'i' },
		{ 0 },
	};
	const char **const values[256] = {
		['c'] = &w->dir,
		['H'] = &w->hostname,
		['d'] = &w->domain,
		['o'] = &w->origin,
		['r'] = &w->relayhost,
		['N'] = &w->networks,
		['i'] = &w->interfaces,
	};
	int ch;

	while ((ch = getopt_long(argc, argv, "c:n", options, NULL)) != -1) {
		if (ch == 'n')
			w->dry_run = true;
		else if (ch > 0 && ch < 256 && values[ch])
			*values[ch] = optarg;
		else
			return false;
	}
	return optind == argc - 1 && setup_role_find(argv[optind], &w->role);
}

int setup_run(int argc, char **argv)
{
	struct setup_wish wish = { 0 };
	struct setup s = { .wish = &wish, .lock = CONF_EDIT_INIT };
	int code;

	if (!parse(argc, argv, &wish))
		return usage();
	wish.dir = conf_default_dir(wish.dir);
	(void)umask(022);
	code = carry_out(&s);
	remove_tmp(&s);
	conf_edit_done(&s.lock);
	conf_unref(&s.old);
	return code;
}
