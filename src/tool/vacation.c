/* SPDX-License-Identifier: ISC */
/*
 * tool/vacation.c - vacation(1): tell who writes that nobody reads it now.
 *
 * Run from ~/.forward for each message:
 *
 *	\eric, "|/usr/bin/vacation -a allman eric"
 *
 * It answers each sender once in a while, and never a program. Whom it
 * answered is written down, safely, before the answer is sent: a crash costs
 * an answer, and no loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "conf/site.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "tool/submit.h"
#include "tool/vacation.h"

enum {
	GO_ON = -1,
	NAMES_MAX = 256,
	TEMPLATE_MAX = 1 << 20,
	REPLY_MAX = 8 << 20,
};

struct vacation {
	struct voice voice;
	struct conf *conf;
	bool debug; /* -d: say why on standard error, not in the log */
	bool initialize;
	bool list;
	bool exclude;
	bool to_anybody;  /* -j */
	bool null_sender; /* -z */
	bool set_interval;
	bool no_lookup; /* -U */
	usec interval;
	const char *db_path;
	const char *message_path;
	const char *return_address; /* -R */
	const char *copy_to;        /* -c */
	const char *sender;         /* -s */
	span names[NAMES_MAX];      /* the login is the first */
	size_t nnames;
	struct passwd *user;
	struct arena arena;
	struct vacation_mail mail;
};

/* Exit codes of a failure go to the sender as a bounce: only for mistakes. */
PRINTF_LIKE(3, 4)
static int fail(struct vacation *v, int code, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	voice_fatal(&v->voice, "%s", text);
	return code;
}

static void explain(const struct vacation *v, const char *why)
{
	if (v->debug)
		(void)fprintf(stderr, "vacation: no answer: %s\n", why);
}

static int usage(struct vacation *v)
{
	return fail(v, EX_USAGE,
	    "usage: vacation [-a alias] [-c address] [-d] [-f database] [-i] "
	    "[-j] [-l] [-m message] [-R return-address] [-r interval] [-s "
	    "sender] [-t interval] [-x] [-z] [login]");
}

/* ---- options ---- */

/* Days, or a number with a unit; anything else is without end. */
static usec parse_interval(const char *text)
{
	static const struct {
		char letter;
		usec unit;
	} units[] = { { 's', USEC_SEC }, { 'm', USEC_MIN }, { 'h', USEC_HOUR },
		{ 'd', USEC_DAY }, { 'w', 7 * USEC_DAY } };
	span rest = span_str(text);
	usec unit = USEC_DAY;
	uint32_t n;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (rest.len > 1 && rest.ptr[rest.len - 1] == units[i].letter) {
			unit = units[i].unit;
			rest.len--;
			break;
		}
	}
	return span_to_u32(rest, &n) ? n * unit : USEC_NEVER;
}

/* Those that only set a flag. */
static bool *flag_of(struct vacation *v, int option)
{
	switch (option) {
	case 'i':
	case 'I':
		return &v->initialize;
	case 'd':
		return &v->debug;
	case 'j':
		return &v->to_anybody;
	case 'l':
		return &v->list;
	case 'x':
		return &v->exclude;
	case 'z':
		return &v->null_sender;
	case 'U':
		return &v->no_lookup;
	default:
		return NULL;
	}
}

static const char **text_of(struct vacation *v, int option)
{
	switch (option) {
	case 'c':
		return &v->copy_to;
	case 'f':
		return &v->db_path;
	case 'm':
		return &v->message_path;
	case 'R':
		return &v->return_address;
	case 's':
		return &v->sender;
	default:
		return NULL;
	}
}

static int take_option(struct vacation *v, int option, const char *value)
{
	bool *flag = flag_of(v, option);
	const char **text = text_of(v, option);

	if (flag)
		*flag = true;
	if (text)
		*text = value;
	if (option == 'a' && v->nnames < NAMES_MAX)
		v->names[v->nnames++] = span_str(value);
	if (option == 'r' || option == 't') {
		v->set_interval = true;
		v->interval = parse_interval(value);
	}
	/* -C and -h are accepted for the sake of other vacations. */
	return option == '?' ? usage(v) : GO_ON;
}

static int parse(struct vacation *v, int argc, char **argv)
{
	int code = GO_ON;
	int option;

	opterr = 0;
	v->nnames = 1; /* the login's place */
	while (code == GO_ON &&
	    (option = getopt(argc, argv, "a:C:c:df:h:iIjlm:R:r:s:t:Uxz")) > 0)
		code = take_option(v, option, optarg);
	if (code == GO_ON && optind + 1 < argc)
		code = usage(v);
	return code;
}

/* ---- the user ---- */

static int become(struct vacation *v)
{
	struct priv_user user;

	if (geteuid() != 0 || v->user->pw_uid == 0)
		return GO_ON;
	if (priv_find_user(span_str(v->user->pw_name), &user) != PRIV_OK ||
	    priv_drop(&user) < 0)
		return fail(
		    v, EX_NOPERM, "cannot become user %s", v->user->pw_name);
	return GO_ON;
}

static int find_user(struct vacation *v, const char *login)
{
	if (v->no_lookup && (!v->db_path || !v->message_path || !login))
		return fail(v, EX_USAGE, "-U needs -f, -m and a login");
	if (!v->no_lookup) {
		v->user = login ? getpwnam(login) : getpwuid(getuid());
		if (!v->user && login)
			return fail(v, EX_NOUSER, "no such user %s", login);
		if (!v->user)
			return fail(v, EX_NOUSER, "no user with uid %lu",
			    (unsigned long)getuid());
		login = v->user->pw_name;
	}
	v->names[0] = arena_dup(&v->arena, span_str(login));
	return v->user ? become(v) : GO_ON;
}

static int enter_home(struct vacation *v)
{
	if (v->user && chdir(v->user->pw_dir) < 0)
		return fail(v, EX_NOINPUT, "no such directory %s: %s",
		    v->user->pw_dir, strerror(errno));
	if (!v->db_path)
		v->db_path = ".vacation.db";
	if (!v->message_path)
		v->message_path = ".vacation.msg";
	return GO_ON;
}

/* ---- the database by hand ---- */

static void print_entry(void *ctx, span sender, usec when)
{
	char text[64] = "never answered\n";
	time_t t = (time_t)(when / USEC_SEC);
	struct tm tm;

	(void)ctx;
	if (when > 0 && localtime_r(&t, &tm))
		(void)strftime(
		    text, sizeof(text), "%a %b %e %H:%M:%S %Y\n", &tm);
	(void)printf("%-40.*s %s", PRI(sender), text);
}

static void exclude_lines(struct vacation_db *db)
{
	char line[2048];

	while (fgets(line, sizeof(line), stdin)) {
		span sender = span_trim(span_str(line));

		if (sender.len > 0)
			vacation_db_exclude(db, sender);
	}
}

static int manage(struct vacation *v)
{
	struct vacation_db *db = NULL;
	int r = vacation_db_open(v->db_path, v->initialize, &db);

	if (r < 0)
		return fail(v, EX_NOINPUT, "%s: %s", v->db_path, strerror(-r));
	if (v->list) {
		vacation_db_each(db, print_entry, NULL);
	} else {
		if (v->set_interval)
			vacation_db_set_interval(db, v->interval);
		if (v->exclude)
			exclude_lines(db);
		r = vacation_db_save(db);
	}
	vacation_db_close(&db);
	if (r < 0)
		return fail(
		    v, EX_CANTCREAT, "%s: %s", v->db_path, strerror(-r));
	return EX_OK;
}

/* ---- the message ---- */

/* Its beginning; the rest is read, too, since somebody is writing it. */
static void read_message(struct buf *out)
{
	char rest[16384];

	if (file_read_all(STDIN_FILENO, out) != -EFBIG)
		return;
	while (read(STDIN_FILENO, rest, sizeof(rest)) > 0)
		;
}

static const char *refusal(struct vacation *v)
{
	const struct vacation_mail *m = &v->mail;

	if (m->refusal)
		return m->refusal;
	if (!m->for_us && !v->to_anybody)
		return "neither login nor alias is in To or Cc";
	return vacation_refuses_sender(m);
}

static int look_at(struct vacation *v)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(VACATION_HEADER_MAX);
	const char *sender = v->sender ? v->sender : getenv("SENDER");

	read_message(&text);
	vacation_read(
	    buf_span(&text), v->names, v->nnames, &v->arena, &v->mail);
	if (v->sender || (!v->mail.has_sender && sender)) {
		v->mail.has_sender = true;
		v->mail.sender = span_str(sender);
	}
	if (v->mail.has_sender)
		return GO_ON;
	return fail(v, EX_DATAERR, "no initial \"From \" line");
}

/* GO_ON: an answer is due, and was noted. */
static int note(struct vacation *v)
{
	struct vacation_db *db = NULL;
	int r = vacation_db_open(v->db_path, false, &db);
	usec now = clock_wall();
	int code = GO_ON;

	if (r == 0 && v->set_interval)
		vacation_db_set_interval(db, v->interval);
	if (r == 0 && vacation_db_is_recent(db, v->mail.sender, now)) {
		explain(v, "the sender has had one");
		code = EX_OK;
	} else if (r == 0) {
		vacation_db_note(db, v->mail.sender, now);
		r = vacation_db_save(db);
	}
	vacation_db_close(&db);
	if (r < 0)
		return fail(v, EX_TEMPFAIL, "%s: %s", v->db_path, strerror(-r));
	return code;
}

/* ---- the answer ---- */

static const char usual_text[] =
    "Subject: Auto: $SUBJECT\n"
    "\n"
    "I will not be reading my mail for a while. Your message with the\n"
    "subject \"$SUBJECT\" will be read when I am back.\n";

static int read_template(struct vacation *v, struct buf *out)
{
	CLEANUP(fd_close) int fd = open(v->message_path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0 && errno == ENOENT) {
		buf_put(out, span_str(usual_text));
		return GO_ON;
	}
	r = fd < 0 ? -errno : file_read_all(fd, out);
	if (r == 0)
		return GO_ON;
	return fail(v, EX_NOINPUT, "%s: %s", v->message_path, strerror(-r));
}

static int run_sendmail(struct vacation *v, const char *from, span reply)
{
	CLEANUP(fd_close) int fd = file_memfd("reply", reply);
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	char *to = arena_cstr(&v->arena, v->mail.sender);
	char *who = arena_cstr(&v->arena, span_str(from));
	char *copy =
	    v->copy_to ? arena_cstr(&v->arena, span_str(v->copy_to)) : NULL;
	char *const argv[] = { (char[]){ "sendmail" }, (char[]){ "-oi" },
		(char[]){ "-f" }, who, (char[]){ "--" }, to, copy, NULL };
	const int fds[] = { fd, 1, 2 };
	struct child child;
	int status = 0;
	int r = fd;

	buf_put(&path, site_command_dir(v->conf));
	buf_put(&path, SPAN("/sendmail"));
	if (r >= 0) {
		struct child_spec spec = {
			.path = buf_cstr(&path),
			.argv = argv,
			.envp = environ,
			.fds = fds,
			.nfds = ARRAY_LEN(fds),
			.dir = -1,
		};

		r = child_spawn(&spec, &child);
	}
	if (r < 0)
		return fail(
		    v, EX_OSERR, "%s: %s", buf_cstr(&path), strerror(-r));
	if (child_wait(child.pidfd, -1, &status) < 0)
		status = -1;
	fd_close(&child.pidfd);
	if (status == 0)
		return EX_OK;
	return fail(v, EX_TEMPFAIL, "%s has failed", buf_cstr(&path));
}

/* "Eric Allman,Room 7,..." */
static span full_name(const struct vacation *v)
{
	span gecos = span_str(v->user ? v->user->pw_gecos : "");

	gecos = span_cut(&gecos, ',');
	return span_find(gecos, '&') < 0 ? gecos : SPAN("");
}

static int answer(struct vacation *v)
{
	CLEANUP(buf_done) struct buf template = BUF_INIT(TEMPLATE_MAX);
	CLEANUP(buf_done) struct buf text = BUF_INIT(REPLY_MAX);
	struct vacation_reply reply = {
		.to = v->mail.sender,
		.from = v->return_address ? span_str(v->return_address)
		                          : v->names[0],
		.full_name = full_name(v),
		.copy_to = span_str(v->copy_to ? v->copy_to : ""),
	};
	CLEANUP(buf_done) struct buf from = BUF_INIT(4096);
	int code = read_template(v, &template);

	if (code != GO_ON)
		return code;
	reply.template = buf_span(&template);
	vacation_write(&text, &reply, &v->mail);
	if (text.failed)
		return fail(v, EX_DATAERR, "the answer is too long");
	buf_put(&from, reply.from);
	return run_sendmail(
	    v, v->null_sender ? "<>" : buf_cstr(&from), buf_span(&text));
}

/* ---- start-up ---- */

static int handle(struct vacation *v)
{
	int code = look_at(v);
	const char *why;

	if (code != GO_ON)
		return code;
	why = refusal(v);
	if (why) {
		explain(v, why);
		return EX_OK;
	}
	code = note(v);
	return code == GO_ON ? answer(v) : code;
}

static int run(struct vacation *v, const char *login)
{
	const char *dir = submit_dir(&v->voice, NULL, false);
	int code;

	if (!dir || !submit_read(&v->voice, dir, &v->conf))
		return EX_CONFIG;
	if (v->debug)
		v->voice.tried = true;
	code = find_user(v, login);
	if (code == GO_ON)
		code = enter_home(v);
	if (code != GO_ON)
		return code;
	if (v->initialize || v->list || v->exclude)
		return manage(v);
	/* "-r" alone sets the interval, too. */
	if (v->set_interval && isatty(STDIN_FILENO))
		return manage(v);
	/* Nobody types a message; he wants to know what this is. */
	if (isatty(STDIN_FILENO))
		return usage(v);
	return handle(v);
}

int main(int argc, char **argv)
{
	struct vacation v = { .voice.name = "vacation" };
	int code;

	(void)umask(077);
	if (argc < 1 || !submit_open_stdio())
		return EX_OSERR;
	(void)signal(SIGPIPE, SIG_IGN);
	arena_init(&v.arena, 1 << 28);
	code = parse(&v, argc, argv);
	if (code == GO_ON)
		code = run(&v, optind < argc ? argv[optind] : NULL);
	arena_done(&v.arena);
	voice_done(&v.voice);
	conf_unref(&v.conf);
	return code;
}
