/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/main.c - sendmail(1), mailq(1), newaliases(1): options.
 *
 * Three decades of programs call this with options that mean something to
 * some mail system. What has no meaning here is accepted and forgotten; that
 * -X and -O cannot make us write a file is a promise (SECURITY.md).
 *
 * The command line is read twice, since -C says where the configuration is
 * that the rest needs. Messages and exit codes are those of Postfix 3.7.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/words.h"
#include "mail/envelope.h"
#include "mail/verp.h"
#include "tool/sendmail/sendmail.h"

/* '+': options end with the first word that is none. */
#define OPTIONS "+A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx"

enum {
	GO_ON = -1, /* no exit code yet */
	LEAKED_MAX = 100,
	ENVID_MAX = 100,
};

int sendmail_fail(struct sendmail *s, const char *format, ...)
{
	char line[8192];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	voice_fatal(&s->voice, "%s", line);
	return EX_TEMPFAIL;
}

/* A value that is wrong is complained about where it matters. */
int sendmail_misuse(struct sendmail *s)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	enum personality p;

	if (personality_read(s->conf, &p, &error) && p == PERSONALITY_SENDMAIL)
		return EX_USAGE;
	return EX_TEMPFAIL;
}

int sendmail_check_user(struct sendmail *s)
{
	char name[256];

	switch (submit_may(
	    &s->voice, s->settings.authorized_submit_users, getuid(), name)) {
	case SUBMIT_USER_OK:
	case SUBMIT_USER_ASK: /* postdrop will */
		return EX_OK;
	case SUBMIT_USER_NO:
		return sendmail_fail(s,
		    "User %s(%ld) is not allowed to submit mail", name,
		    (long)getuid());
	case SUBMIT_USER_BAD:
		break;
	}
	return EX_TEMPFAIL;
}

/* ---- options ---- */

static int usage(struct sendmail *s)
{
	return sendmail_fail(s, "usage: %s [options]", s->voice.name);
}

static int take_body(struct sendmail *s, const char *value)
{
	if (strcmp(value, "8BITMIME") == 0)
		s->encoding = "8bit";
	else if (strcmp(value, "7BIT") == 0)
		s->encoding = "7bit";
	else
		return sendmail_fail(s, "-B option needs 8BITMIME or 7BIT");
	return GO_ON;
}

static bool find_notify(span word, uint32_t *ret)
{
	static const struct {
		span word;
		uint32_t bit;
	} words[] = {
		{ SPAN_INIT("NEVER"), RCPT_NOTIFY_NEVER },
		{ SPAN_INIT("SUCCESS"), RCPT_NOTIFY_SUCCESS },
		{ SPAN_INIT("FAILURE"), RCPT_NOTIFY_FAILURE },
		{ SPAN_INIT("DELAY"), RCPT_NOTIFY_DELAY },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (span_eq_nocase(words[i].word, word)) {
			*ret |= words[i].bit;
			return true;
		}
	}
	return false;
}

/* 0: not good. NEVER stands alone. */
static uint32_t parse_notify(struct sendmail *s, const char *value)
{
	span rest = span_str(value);
	uint32_t bits = 0;
	span word;

	while ((word = span_word(&rest, ", \t\r\n")).len > 0) {
		if (find_notify(word, &bits))
			continue;
		voice_warn(&s->voice,
		    "unknown DSN NOTIFY command value \"%.*s\" in \"%s\"",
		    PRI(word), value);
		return 0;
	}
	return bits & RCPT_NOTIFY_NEVER && bits != RCPT_NOTIFY_NEVER ? 0 : bits;
}

static void take_notify(struct sendmail *s, const char *value)
{
	s->notify = parse_notify(s, value);
	if (s->notify == 0)
		voice_warn(&s->voice, "bad -N option value -- ignored");
}

static void take_return(struct sendmail *s, const char *value)
{
	s->ret = strcasecmp(value, "full") == 0 ? 1
	    : strcasecmp(value, "hdrs") == 0    ? 2
	                                        : 0;
	if (s->ret == 0)
		voice_warn(&s->voice, "bad -R option value -- ignored");
}

static bool is_printable(span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!ascii_is_print(text.ptr[i]))
			return false;
	return text.len > 0;
}

static void take_envid(struct sendmail *s, const char *value)
{
	if (strlen(value) > ENVID_MAX)
		voice_warn(&s->voice, "too long -V option value -- ignored");
	else if (!is_printable(span_str(value)))
		voice_warn(
		    &s->voice, "bad syntax in -V option value -- ignored");
	else
		s->envid = value;
}

/* Options of other mail systems, but for two. */
static int take_setting(struct sendmail *s, const char *value)
{
	span rest = span_str(value);
	span name = span_cut(&rest, '=');
	bool enabled;
	bool yes = span_eq_nocase(rest, SPAN("yes"));

	if (!span_eq_nocase(name, SPAN("smtputf8")))
		return GO_ON;
	if (!submit_bool(&s->voice, s->conf, "smtputf8_enable", &enabled))
		return EX_TEMPFAIL;
	if (!enabled)
		voice_warn(&s->voice,
		    "'-O %s' was requested, but the configuration is "
		    "'smtputf8_enable = no'",
		    value);
	else if (yes || span_eq_nocase(rest, SPAN("no")))
		s->smtputf8 = yes;
	else
		voice_warn(&s->voice, "bad -O option: '%s' -- ignored", value);
	return GO_ON;
}

/* Only -XV; a log file (-Xfile) is not written. */
static int take_x(struct sendmail *s, const char *value)
{
	span verp = span_from(span_str(value), 1);
	span filter =
	    conf_value(s->conf, CONF_MAIN, SPAN("verp_delimiter_filter"));

	if (value[0] != 'V')
		return sendmail_fail(s, "unsupported: -X%c", value[0]);
	if (!verp_is_valid(verp, filter))
		return sendmail_fail(
		    s, "-V requires two characters from %.*s", PRI(filter));
	s->verp = verp;
	return GO_ON;
}

static void enter_daemon(struct sendmail *s)
{
	if (s->mode == MODE_FLUSH)
		voice_warn(&s->voice, "ignoring -q option in daemon mode");
	s->mode = MODE_DAEMON;
}

static int take_b(struct sendmail *s, const char *value)
{
	static const struct {
		char letter;
		enum mode mode;
	} modes[] = {
		{ 'h', MODE_IGNORE },
		{ 'H', MODE_IGNORE },
		{ 'i', MODE_NEWALIASES },
		{ 'm', MODE_ENQUEUE },
		{ 'p', MODE_MAILQ },
		{ 's', MODE_ALONE },
	};

	if (value[0] == 'd' || value[0] == 'l' || value[0] == 'D') {
		enter_daemon(s);
		s->foreground = value[0] == 'D';
		return GO_ON;
	}
	if (value[0] == 'v') {
		s->trace |= TRACE_VERIFY;
		return GO_ON;
	}
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (modes[i].letter == value[0]) {
			s->mode = modes[i].mode;
			return GO_ON;
		}
	}
	return sendmail_fail(s, "unsupported: -b%c", value[0]);
}

static int take_o(struct sendmail *s, const char *value)
{
	if (value[0] == 'i')
		s->dot_is_text = true;
	if (value[0] != 'A')
		return GO_ON;
	if (value[1] == '\0')
		return sendmail_fail(s, "-oA requires pathname");
	s->aliases = value + 1;
	return GO_ON;
}

static int take_q(struct sendmail *s, const char *value)
{
	if (ascii_is_digit(value[0]))
		s->interval = value;
	else if (value[0] == 'R')
		s->site = value + 1;
	else if (value[0] == 'I')
		s->queue_id = value + 1;
	else
		return sendmail_fail(s, "-q%c is not implemented", value[0]);
	if (s->site && !*s->site)
		return sendmail_fail(s, "specify: -qRsitename");
	if (s->queue_id && !*s->queue_id)
		return sendmail_fail(s, "specify: -qIqueueid");
	return GO_ON;
}

/* Those that cannot fail; false: another one. */
static bool take_simple(struct sendmail *s, int option, const char *value)
{
	switch (option) {
	case 'F':
		s->full_name = value;
		return true;
	case 'G':
		s->remote = true;
		return true;
	case 'I':
		s->mode = MODE_NEWALIASES;
		return true;
	case 'N':
		take_notify(s, value);
		return true;
	case 'R':
		take_return(s, value);
		return true;
	case 'V':
		take_envid(s, value);
		return true;
	case 'f':
	case 'r':
		s->sender = value;
		return true;
	case 'i':
		s->dot_is_text = true;
		return true;
	case 't':
		s->extract = true;
		return true;
	case 'v':
		s->verbose++;
		return true;
	default:
		return false;
	}
}

static int take_option(struct sendmail *s, int option, const char *value)
{
	if (take_simple(s, option, value))
		return GO_ON;
	switch (option) {
	case 'B':
		return take_body(s, value);
	case 'O':
		return take_setting(s, value);
	case 'X':
		return take_x(s, value);
	case 'b':
		return take_b(s, value);
	case 'n':
		return sendmail_fail(s, "-n option not supported");
	case 'o':
		return take_o(s, value);
	case 'q':
		return take_q(s, value);
	case '?':
		return usage(s);
	default: /* nothing to us */
		return GO_ON;
	}
}

/* ---- the command line ---- */

/* The word that getopt() looks at next; NULL: no more. */
static char *word_at(char **argv)
{
	return argv[optind > 0 ? optind : 1];
}

/* -q alone is an option, with something behind it another one. */
static bool take_bare_q(struct sendmail *s, char **argv)
{
	if (strcmp(word_at(argv), "-q") != 0)
		return false;
	if (s->mode == MODE_DAEMON)
		voice_warn(&s->voice, "ignoring -q option in daemon mode");
	else
		s->mode = MODE_FLUSH;
	optind++;
	return true;
}

/* -V was what -XV is now: "-V+=", and "-V" before a word of two letters. */
static bool take_old_verp(struct sendmail *s, char **argv)
{
	const char *word = word_at(argv);
	const char *next = argv[(optind > 0 ? optind : 1) + 1];

	if (strcmp(word, "-V") == 0 && next && strlen(next) == 2) {
		voice_warn(&s->voice,
		    "option -V is deprecated with Postfix 2.3; "
		    "specify -XV instead");
		word = "-XV";
	}
	if (strcmp(word, "-XV") != 0)
		return false;
	s->verp =
	    conf_value(s->conf, CONF_MAIN, SPAN("default_verp_delimiters"));
	optind++;
	return true;
}

/* GO_ON: it was none. */
static int take_old_verp_value(struct sendmail *s, char **argv)
{
	const char *word = word_at(argv);
	char value[] = "Vxy";

	if (strncmp(word, "-V", 2) != 0 || strlen(word) != 4)
		return GO_ON;
	voice_warn(&s->voice,
	    "option %s is deprecated with Postfix 2.3; specify -X%s instead",
	    word, word + 1);
	memcpy(value + 1, word + 2, 2);
	if (take_x(s, value) != GO_ON)
		return EX_TEMPFAIL;
	s->verp = span_of(word + 2, 2);
	optind++;
	return EX_OK;
}

static int parse(struct sendmail *s, int argc, char **argv)
{
	int code = GO_ON;
	int option;

	optind = 1;
	while (code == GO_ON && word_at(argv)) {
		int old;

		if (take_bare_q(s, argv) || take_old_verp(s, argv))
			continue;
		old = take_old_verp_value(s, argv);
		if (old == EX_OK)
			continue;
		if (old != GO_ON)
			return old;
		option = getopt(argc, argv, OPTIONS);
		if (option <= 0)
			break;
		code = take_option(s, option, optarg);
	}
	s->recipients = &argv[optind > 0 ? optind : 1];
	return code;
}

/* "/etc/postfix/main.cf" stands for its directory. */
static void cut_main_cf(char *path)
{
	char *slash = strrchr(path, '/');

	if (strcmp(slash ? slash + 1 : path, "main.cf") != 0)
		return;
	if (!slash)
		(void)snprintf(path, 2, ".");
	else if (slash == path)
		slash[1] = '\0';
	else
		*slash = '\0';
}

/* Where the configuration is; false: it was said why it is not. */
static bool find_conf(struct sendmail *s, int argc, char **argv)
{
	int option;

	s->dir = submit_dir(&s->voice, NULL, false);
	while (s->dir && word_at(argv)) {
		if (strcmp(word_at(argv), "-q") == 0) {
			optind++;
			continue;
		}
		option = getopt(argc, argv, OPTIONS);
		if (option <= 0)
			break;
		if (option != 'C')
			continue;
		cut_main_cf(optarg);
		s->dir = submit_dir(&s->voice, optarg, geteuid() != 0);
		if (s->dir)
			(void)setenv("MAIL_CONFIG", s->dir, 1);
	}
	return s->dir;
}

static int check_verify(struct sendmail *s)
{
	if (!(s->trace & TRACE_VERIFY))
		return GO_ON;
	if (s->extract)
		return sendmail_fail(s, "-t option cannot be used with -bv");
	if (s->notify)
		return sendmail_fail(s, "-N option cannot be used with -bv");
	if (s->ret)
		return sendmail_fail(s, "-R option cannot be used with -bv");
	if (s->verbose == 1)
		return sendmail_fail(s, "-v option cannot be used with -bv");
	return GO_ON;
}

static int check_conflicts(struct sendmail *s)
{
	if (s->mode != MODE_ENQUEUE && s->extract)
		return sendmail_fail(s, "-t can be used only in delivery mode");
	if (s->mode != MODE_ENQUEUE && s->site)
		return sendmail_fail(
		    s, "-qR can be used only in delivery mode");
	if (s->mode != MODE_ENQUEUE && s->queue_id)
		return sendmail_fail(
		    s, "-qI can be used only in delivery mode");
	return check_verify(s);
}

/* ---- what is to be done ---- */

static int enqueue(struct sendmail *s)
{
	if (s->site && s->recipients[0])
		return sendmail_fail(s, "flush site requires no recipient");
	if (s->site)
		return sendmail_run_postqueue(s, "-s", s->site);
	if (s->queue_id && s->recipients[0])
		return sendmail_fail(s, "flush queue_id requires no recipient");
	if (s->queue_id)
		return sendmail_run_postqueue(s, "-i", s->queue_id);
	return sendmail_enqueue(s);
}

static int flush(struct sendmail *s)
{
	return sendmail_run_postqueue(s, "-f", NULL);
}

static int ignore(struct sendmail *s)
{
	(void)s;
	return EX_OK;
}

static const struct {
	int (*run)(struct sendmail *s);
	const char *alone; /* what to say to recipients; NULL: welcome */
} modes[] = {
	[MODE_ENQUEUE] = { enqueue, NULL },
	[MODE_NEWALIASES] = { sendmail_run_postalias,
	    "alias initialization mode requires no recipient" },
	[MODE_MAILQ] = { sendmail_run_mailq,
	    "display queue mode requires no recipient" },
	[MODE_DAEMON] = { sendmail_run_start,
	    "daemon mode requires no recipient" },
	[MODE_ALONE] = { sendmail_alone,
	    "stand-alone mode requires no recipient" },
	[MODE_FLUSH] = { flush, "flush queue mode requires no recipient" },
	[MODE_IGNORE] = { ignore, NULL },
};

/*
 * What "-v" is: a report by mail, or the dialogue while it goes on. More than
 * one of them ask Postfix's programs to log more.
 */
static int take_verbose(struct sendmail *s)
{
	enum personality personality;
	int code = sendmail_personality(s, &personality);

	if (code != EX_OK)
		return code;
	if (personality == PERSONALITY_SENDMAIL) {
		s->talk = true;
	} else if (s->verbose == 1) {
		s->verbose = 0;
		s->trace |= TRACE_RECORD;
	}
	return GO_ON;
}

static int run(struct sendmail *s, int argc, char **argv)
{
	int code = parse(s, argc, argv);

	if (code == GO_ON)
		code = check_conflicts(s);
	if (code == EX_TEMPFAIL)
		return sendmail_misuse(s);
	if (code == GO_ON && s->verbose > 0 && s->mode == MODE_ENQUEUE)
		code = take_verbose(s);
	if (code != GO_ON)
		return code;
	if (s->interval && s->mode != MODE_DAEMON)
		return EX_OK;
	if (modes[s->mode].alone && s->recipients[0]) {
		(void)sendmail_fail(s, "%s", modes[s->mode].alone);
		return sendmail_misuse(s);
	}
	return modes[s->mode].run(s);
}

/* ---- start-up ---- */

static void set_mode(struct sendmail *s)
{
	static const struct {
		const char *name;
		enum mode mode;
	} names[] = {
		{ "mailq", MODE_MAILQ },
		{ "newaliases", MODE_NEWALIASES },
		{ "smtpd", MODE_DAEMON },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, s->voice.name) == 0)
			s->mode = names[i].mode;
}

/* Descriptors that a careless caller has left open. */
static void close_leaked(void)
{
	for (int fd = 3; fd < LEAKED_MAX; fd++)
		(void)close(fd);
}

/* A mail system installed it wrongly, or a set-uid program runs it. */
static bool drop_root(struct sendmail *s)
{
	if (geteuid() != 0 || getuid() == 0)
		return true;
	voice_warn(&s->voice,
	    "the Postfix sendmail command has set-uid root file permissions");
	voice_warn(
	    &s->voice, "or the command is run from a set-uid root process");
	voice_warn(&s->voice,
	    "the Postfix sendmail command must be installed without set-uid "
	    "root file permissions");
	return setgid(getgid()) == 0 && setuid(getuid()) == 0 && setuid(0) < 0;
}

/* The settings "name=value" among what import_environment lists. */
static void set_environment(struct sendmail *s)
{
	span list = conf_value(s->conf, CONF_MAIN, SPAN("import_environment"));
	struct buf name = BUF_INIT(4096);
	struct buf value = BUF_INIT(65536);
	span word;

	while ((word = words_next(&list)).len > 0) {
		if (span_find(word, '=') < 0)
			continue;
		buf_clear(&name);
		buf_clear(&value);
		buf_put(&name, span_trim(span_cut(&word, '=')));
		buf_put(&value, span_trim(word));
		(void)setenv(buf_cstr(&name), buf_cstr(&value), 1);
	}
	buf_done(&name);
	buf_done(&value);
}

static int begin(struct sendmail *s, int argc, char **argv)
{
	CLEANUP(buf_done) struct buf dir = BUF_INIT(4096);

	if (!drop_root(s))
		return EX_TEMPFAIL;
	if (!find_conf(s, argc, argv) ||
	    !submit_read(&s->voice, s->dir, &s->conf))
		return EX_TEMPFAIL;
	set_environment(s);
	if (!submit_settings(&s->voice, s->conf, &s->settings))
		return EX_TEMPFAIL;
	buf_put(&dir, s->settings.queue_directory);
	if (chdir(buf_cstr(&dir)) < 0)
		return sendmail_fail(
		    s, "chdir %s: %s", buf_cstr(&dir), strerror(errno));
	(void)signal(SIGPIPE, SIG_IGN);
	set_mode(s);
	return run(s, argc, argv);
}

int main(int argc, char **argv)
{
	struct sendmail s = { 0 };
	char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int code;

	(void)umask(022);
	if (argc < 1 || !submit_open_stdio())
		return EX_OSERR;
	close_leaked();
	if (slash && slash[1])
		argv[0] = slash + 1;
	s.voice.name = argv[0];
	if (secure_getenv("MAIL_VERBOSE"))
		s.verbose = 1;
	code = begin(&s, argc, argv);
	voice_done(&s.voice);
	conf_unref(&s.conf);
	return code;
}
