/* SPDX-License-Identifier: ISC */
/*
 * tool/postqueue.c - postqueue(1) and mailq(1): show the queue, and hurry it.
 *
 * The queue process is asked over its socket. When the mail system is down,
 * who may read the queue's files still gets a listing (queue_direct.c).
 *
 * Messages and exit codes are those of Postfix 3.7, in which every failure
 * of postqueue is EX_UNAVAILABLE, whatever it wanted to say, and every one
 * of mailq itself EX_TEMPFAIL. With "sendmail_personality = sendmail" mailq
 * has the form and the exit codes of sendmail; postqueue never has.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/personality.h"
#include "ipc/sync.h"
#include "mail/address.h"
#include "mail/date.h"
#include "os/error.h"
#include "os/sock.h"
#include "tool/queue_direct.h"
#include "tool/queue_print.h"

enum mode { MODE_NONE, MODE_LIST, MODE_JSON, MODE_FLUSH, MODE_ID, MODE_SITE };

struct command {
	const char *name; /* who complains: "postqueue" or "mailq" */
	int failure;      /* the exit code */
	const char *dir;  /* of the configuration, NULL: the usual one */
	enum mode mode;
	const char *argument;         /* of -i and -s */
	enum personality personality; /* of mailq */
	struct conf *conf;
	struct buf out;
	struct queue_print print;
};

/* sendmail's form is printed last, when it is known how many there are. */
enum { OUT_FULL = 64 * 1024, OUT_MAX = 1 << 30 };

/* Messages */

PRINTF_LIKE(2, 3)
static int fail(const struct command *c, const char *format, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: fatal: ", c->name);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return c->failure;
}

static int usage(const struct command *c)
{
	return fail(c,
	    "usage: postqueue -f | postqueue -i queueid | postqueue -j | "
	    "postqueue -p | postqueue -s site");
}

/* 0, or the exit code; a reader who has seen enough is no error. */
static int write_text(struct command *c, span text)
{
	if (fwrite(text.ptr, 1, text.len, stdout) == text.len &&
	    fflush(stdout) == 0)
		return 0;
	if (errno == EPIPE)
		return -1;
	return fail(c, "output write error: %s", strerror(errno));
}

/* Likewise, of what has come together, if it is much. */
static int write_out(struct command *c)
{
	int code;

	if (c->out.len <= OUT_FULL || c->print.form == QUEUE_SENDMAIL)
		return 0;
	code = write_text(c, buf_span(&c->out));
	buf_clear(&c->out);
	return code;
}

static int write_rest(struct command *c)
{
	CLEANUP(buf_done) struct buf head = BUF_INIT(1024);
	int code = 0;

	queue_print_head(&c->print, &head);
	queue_print_end(&c->print, &c->out);
	if (c->out.failed)
		return fail(c, "the queue is too long to be listed");
	if (head.len > 0)
		code = write_text(c, buf_span(&head));
	if (code == 0 && c->out.len > 0)
		code = write_text(c, buf_span(&c->out));
	return code;
}

/* Talking with the queue process */

static span queue_directory(const struct command *c)
{
	return conf_value(c->conf, CONF_MAIN, SPAN("queue_directory"));
}

/* A connection, or a negative errno: nobody is there. */
static int dial(const struct command *c)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct sock_addr at;
	int fd;

	buf_put(&path, queue_directory(c));
	buf_put(&path, SPAN("/public/queue"));
	if (!sock_path(buf_span(&path), &at))
		return -ENAMETOOLONG;
	fd = os_error(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return fd;
	if (connect(fd, &at.any, at.len) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static int show_entry(struct command *c, span payload)
{
	struct arena scratch;
	struct ctl_entry entry;
	bool ok;

	arena_init(&scratch, FRAME_MAX * 4);
	ok = ctl_entry_get(payload, &scratch, &entry);
	if (ok)
		queue_print_entry(&c->print, &entry, &c->out);
	arena_done(&scratch);
	if (!ok)
		return fail(c, "malformed queue server response");
	return write_out(c);
}

static int show_denied(struct command *c, span payload)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	struct wire w = wire_from(payload);

	queue_print_text(&text, wire_span(&w));
	if (c->personality == PERSONALITY_SENDMAIL)
		c->failure = EX_NOPERM;
	return fail(c, "%s", buf_cstr(&text));
}

/* One answer; *ret_end once there are no more. */
static int take_answer(struct command *c, struct sync_msg *msg, bool *ret_end)
{
	*ret_end = msg->type != CTL_ENTRY;
	if (msg->type == CTL_ENTRY)
		return show_entry(c, msg->payload);
	if (msg->type == CTL_DENIED)
		return show_denied(c, msg->payload);
	if (msg->type == CTL_END)
		return 0;
	return fail(c, "malformed queue server response");
}

static int take_answers(struct command *c, struct sync_conn *conn)
{
	struct sync_msg msg;
	bool end = false;
	int code = 0;

	while (code == 0 && !end) {
		if (sync_recv(conn, &msg) != SYNC_OK)
			return fail(
			    c, "lost connection with the queue process");
		code = take_answer(c, &msg, &end);
	}
	return code;
}

/* Listing */

static const char *mail_name(const struct command *c, struct buf *out)
{
	buf_put(out, conf_value(c->conf, CONF_MAIN, SPAN("mail_name")));
	return buf_cstr(out);
}

static void on_direct_entry(void *ctx, struct ctl_entry *entry)
{
	struct command *c = ctx;

	queue_print_entry(&c->print, entry, &c->out);
	(void)write_out(c);
}

static int list_directly(struct command *c, int error)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	int r;

	buf_put(&path, queue_directory(c));
	if (!queue_direct_may(buf_cstr(&path)))
		return fail(c,
		    "Queue report unavailable - mail system is down "
		    "(Connect to the %s showq service: %s)",
		    mail_name(c, &name), strerror(-error));
	(void)fprintf(stderr,
	    "%s: warning: Mail system is down -- accessing queue directly "
	    "(Connect to the %s showq service: %s)\n",
	    c->name, mail_name(c, &name), strerror(-error));
	r = queue_direct_list(buf_cstr(&path), on_direct_entry, c);
	if (r < 0)
		return fail(c, "cannot read the queue in %s: %s",
		    buf_cstr(&path), strerror(-r));
	return 0;
}

static int list_from(struct command *c, int fd)
{
	struct sync_conn *conn = sync_new(fd);
	int code;

	(void)sync_begin(conn, CTL_LIST);
	sync_end(conn);
	code = take_answers(c, conn);
	sync_free(&conn);
	return code;
}

static int list(struct command *c)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1024);
	int fd = dial(c);
	int code;

	if (c->mode == MODE_JSON)
		c->print.form = QUEUE_JSON;
	else if (c->personality == PERSONALITY_SENDMAIL)
		c->print.form = QUEUE_SENDMAIL;
	if (fd == -EACCES || fd == -EPERM)
		return fail(c, "Connect to the %s showq service: %s",
		    mail_name(c, &name), strerror(-fd));
	code = fd < 0 ? list_directly(c, fd) : list_from(c, fd);
	if (code == 0)
		code = write_rest(c);
	return MAX(code, 0);
}

/* Flushing */

static bool is_site(const char *text)
{
	span site = span_str(text);
	span inside;

	return site.len > 0 && site.ptr[0] == '['
	    ? address_is_literal(site, &inside)
	    : address_is_hostname(site);
}

static bool is_queue_id(const char *text)
{
	span id = span_str(text);

	if (id.len == 0 || id.len > 100)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!ascii_is_alnum(id.ptr[i]) && id.ptr[i] != '_')
			return false;
	return true;
}

static int check_argument(const struct command *c)
{
	const char *dots = "";

	if (c->argument && strlen(c->argument) > 100)
		dots = "...";
	if (c->mode == MODE_SITE && !is_site(c->argument))
		return fail(c,
		    "Cannot flush mail queue - invalid destination: "
		    "\"%.100s%s\"",
		    c->argument, dots);
	if (c->mode == MODE_ID && !is_queue_id(c->argument))
		return fail(c,
		    "Cannot flush queue ID - invalid name: \"%.100s%s\"",
		    c->argument, dots);
	return 0;
}

static int flush(struct command *c)
{
	static const uint16_t types[] = {
		[MODE_FLUSH] = CTL_FLUSH,
		[MODE_ID] = CTL_FLUSH_ID,
		[MODE_SITE] = CTL_FLUSH_SITE,
	};
	struct sync_conn *conn;
	int code = check_argument(c);
	int fd;

	if (code != 0)
		return code;
	fd = dial(c);
	if (fd < 0)
		return fail(c, "Cannot flush mail queue - mail system is down");
	conn = sync_new(fd);
	{
		struct buf *out = sync_begin(conn, types[c->mode]);

		if (c->argument)
			wire_put_span(out, span_str(c->argument));
		sync_end(conn);
	}
	code = take_answers(c, conn);
	sync_free(&conn);
	return code;
}

/* The command line */

static int set_mode(struct command *c, enum mode mode, const char *argument)
{
	if (c->mode != MODE_NONE)
		return usage(c);
	c->mode = mode;
	c->argument = argument;
	return 0;
}

static int take_option(struct command *c, int option, const char *value)
{
	switch (option) {
	case 'c':
		c->dir = value;
		return 0;
	case 'f':
		return set_mode(c, MODE_FLUSH, NULL);
	case 'i':
		return set_mode(c, MODE_ID, value);
	case 'j':
		return set_mode(c, MODE_JSON, NULL);
	case 'p':
		return set_mode(c, MODE_LIST, NULL);
	case 's':
		return set_mode(c, MODE_SITE, value);
	case 'v': /* there is nothing to say */
		return 0;
	default:
		return usage(c);
	}
}

static int parse_postqueue(struct command *c, int argc, char **argv)
{
	int code = 0;
	int option;

	opterr = 0;
	while (code == 0 && (option = getopt(argc, argv, "c:fi:jps:v")) != -1)
		code = take_option(c, option, optarg);
	if (code == 0 && (optind < argc || c->mode == MODE_NONE))
		code = usage(c);
	return code;
}

/* mailq is a name of sendmail, whose options it takes; one has a meaning. */
static int parse_mailq(struct command *c, int argc, char **argv)
{
	int option;

	c->mode = MODE_LIST;
	opterr = 0;
	while ((option = getopt(argc, argv,
	            "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx")) != -1) {
		if (option == 'C')
			c->dir = optarg;
		if (option == '?')
			return fail(c, "usage: mailq [options]");
	}
	if (optind < argc)
		return fail(c, "display queue mode requires no recipient");
	return 0;
}

static int read_conf(struct command *c)
{
	struct conf_report report = CONF_REPORT_INIT;
	int code = 0;

	if (conf_read(conf_default_dir(c->dir), &report, &c->conf) != CONF_OK)
		code = fail(c, "%.*s", PRI(span_trim(buf_span(&report.error))));
	conf_report_done(&report);
	return code;
}

static int read_personality(struct command *c)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

	if (personality_read(c->conf, &c->personality, &error))
		return 0;
	return fail(c, "%s", buf_cstr(&error));
}

/* The exit code after a wrong command line, which was complained about. */
static int misuse(struct command *c, int code)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct conf_report report = CONF_REPORT_INIT;

	if (conf_read_main(conf_default_dir(c->dir), &report, &c->conf) ==
	        CONF_OK &&
	    personality_read(c->conf, &c->personality, &error) &&
	    c->personality == PERSONALITY_SENDMAIL)
		code = EX_USAGE;
	conf_report_done(&report);
	return code;
}

static int run(struct command *c, bool mailq)
{
	int code = read_conf(c);

	c->name = "postqueue";
	c->failure = EX_UNAVAILABLE;
	if (code == 0 && mailq)
		code = read_personality(c);
	if (code == 0)
		code = c->mode == MODE_LIST || c->mode == MODE_JSON ? list(c)
		                                                    : flush(c);
	return code;
}

/* "/usr/bin/mailq", "mailq.chasqui" */
static bool is_mailq(const char *path)
{
	span name = span_str(path);

	name = span_from(name, (size_t)(span_rfind(name, '/') + 1));
	return span_eq(span_cut(&name, '.'), SPAN("mailq"));
}

int main(int argc, char **argv)
{
	bool mailq = argc > 0 && is_mailq(argv[0]);
	struct command c = {
		.name = mailq ? "mailq" : "postqueue",
		.failure = mailq ? EX_TEMPFAIL : EX_UNAVAILABLE,
	};
	int code;

	(void)signal(SIGPIPE, SIG_IGN);
	date_init();
	buf_init(&c.out, OUT_MAX);
	code = mailq ? parse_mailq(&c, argc, argv)
	             : parse_postqueue(&c, argc, argv);
	if (code == 0)
		code = run(&c, mailq);
	else if (mailq)
		code = misuse(&c, code);
	conf_unref(&c.conf);
	buf_done(&c.out);
	return code;
}
