/* SPDX-License-Identifier: ISC */
/*
 * tool/postdrop.c - postdrop(1): a message from standard input to maildrop/.
 *
 * The only program that is installed set-gid, so everything that comes from
 * its caller is hostile: arguments, environment, descriptors, limits, current
 * directory, signals, and the message. It starts no other program and reads
 * no file that its caller could name.
 *
 * Every record is looked at: what may stand where, what an attribute may
 * say, and that nothing in an envelope has a line break or a NUL, which would
 * become lines of a header or commands of SMTP somewhere else.
 *
 * What it says, on standard output and in messages, is what Postfix's says,
 * so that either sendmail works with either postdrop.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "mail/records.h"
#include "os/error.h"
#include "tool/postdrop_file.h"
#include "tool/postdrop_rights.h"
#include "tool/postdrop_status.h"
#include "tool/submit.h"

enum { GO_ON = -1, CANCELED = -2, READ_SIZE = 64 * 1024, REASON_MAX = 4096 };

struct postdrop {
	struct voice voice;
	struct conf *conf;
	struct submit_settings settings;
	long uid;
	struct postdrop_file file;
	struct buf in; /* read, but not taken yet */
	bool eof;
	size_t at;
	enum record_group group;
	uint32_t status; /* POSTDROP_* */
	char reason[REASON_MAX];
	bool draining; /* it is lost, but who writes must not hang */
	uint32_t senders;
	uint32_t recipients;
};

PRINTF_LIKE(2, 3)
static int fail(struct postdrop *p, const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* First: a signal while we complain must leave nothing behind. */
	postdrop_file_done(&p->file);
	voice_fatal(&p->voice, "%s", text);
	return 1;
}

/* ---- reading ---- */

/* Make room at the front, then more bytes at the end. */
static void fill(struct postdrop *p)
{
	char *room;
	ssize_t n;

	buf_drop(&p->in, p->at);
	p->at = 0;
	room = buf_room(&p->in, READ_SIZE);
	do {
		n = room ? os_size(read(STDIN_FILENO, room, READ_SIZE)) : 0;
	} while (n == -EINTR);
	if (n <= 0)
		p->eof = true;
	else
		p->in.len += (size_t)n;
}

/* What is wrong with the record that begins here. */
static void tell_broken(struct postdrop *p, span rest)
{
	size_t len = 0;
	size_t at = 1;

	while (at < rest.len && at < RECORD_HEAD_MAX) {
		len |= (size_t)(rest.ptr[at] & 0x7f) << (7 * (at - 1));
		if (!((unsigned char)rest.ptr[at++] & 0x80))
			break;
	}
	if (at == RECORD_HEAD_MAX && (unsigned char)rest.ptr[at - 1] & 0x80)
		voice_warn(&p->voice,
		    "stdin: too many length bits, record type %d",
		    (unsigned char)rest.ptr[0]);
	else if ((unsigned char)rest.ptr[at - 1] & 0x80 || at == 1)
		voice_warn(&p->voice,
		    "stdin: unexpected EOF reading length, record type %d",
		    (unsigned char)rest.ptr[0]);
	else if (len > p->settings.line_length_limit)
		voice_warn(&p->voice,
		    "stdin: illegal length %zu, record type %d", len,
		    (unsigned char)rest.ptr[0]);
	else
		voice_warn(&p->voice,
		    "stdin: unexpected EOF in data, record type %d length "
		    "%zu",
		    (unsigned char)rest.ptr[0], len);
}

/* GO_ON with a record, CANCELED at the end of the input, or the exit code. */
static int next_record(struct postdrop *p, struct record *ret)
{
	for (;;) {
		span rest = span_from(buf_span(&p->in), p->at);
		span before = rest;
		enum record_result r = RECORD_MORE;

		if (rest.len > 0)
			r = record_take(
			    &rest, p->settings.line_length_limit, ret);
		if (r == RECORD_OK) {
			p->at += before.len - rest.len;
			return GO_ON;
		}
		if (r == RECORD_MORE && !p->eof) {
			fill(p);
			continue;
		}
		if (rest.len == 0)
			return CANCELED;
		tell_broken(p, rest);
		return fail(p, "uid=%ld: malformed input", p->uid);
	}
}

/* ---- records ---- */

static bool is_one_of(span value, const char *const *words)
{
	for (; *words; words++)
		if (span_eq(value, span_str(*words)))
			return true;
	return false;
}

static bool is_number_of(span value, uint32_t a, uint32_t b)
{
	uint32_t n;

	return span_to_u32(value, &n) && (n == a || n == b);
}

static bool is_any(span value)
{
	(void)value;
	return true;
}

static bool is_encoding(span value)
{
	static const char *const words[] = { "7bit", "8bit", "", NULL };

	return is_one_of(value, words);
}

static bool is_context(span value)
{
	static const char *const words[] = { "local", "remote", NULL };

	return is_one_of(value, words);
}

/* Those that sendmail -bv and -v ask for, no other ones. */
static bool is_trace(span value)
{
	return is_number_of(value, 512, 1024);
}

static const struct attribute {
	const char *name;
	bool (*may_be)(span value);
} attributes[] = {
	{ RECORD_ATTR_ENCODING, is_encoding },
	{ RECORD_ATTR_ENVID, is_any },
	{ RECORD_ATTR_NOTIFY, is_any },
	{ RECORD_ATTR_ORCPT, is_any },
	{ RECORD_ATTR_RET, is_any },
	{ "create_time", is_any },
	{ RECORD_ATTR_REWRITE, is_context },
	{ RECORD_ATTR_TRACE, is_trace },
};

static bool may_have(span name, span value)
{
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (span_eq(name, span_str(attributes[i].name)))
			return attributes[i].may_be(value);
	return false;
}

static void put_attribute(struct postdrop *p, span data)
{
	struct buf text = BUF_INIT(data.len + 1);
	span name;
	span value;

	if (!record_attr(data, &name, &value)) {
		data = span_trim(data);
		voice_warn(&p->voice,
		    "uid=%ld: ignoring malformed record: %s: %.*s", p->uid,
		    data.len == 0 || data.ptr[0] == '='
		        ? "missing attribute name"
		        : "missing '=' after attribute name",
		    PRI(span_first(data, 200)));
	} else if (!may_have(name, value)) {
		voice_warn(&p->voice,
		    "uid=%ld: ignoring attribute record: %.*s=%.*s", p->uid,
		    PRI(span_first(name, 200)), PRI(span_first(value, 200)));
	} else {
		buf_put(&text, name);
		buf_putc(&text, '=');
		buf_put(&text, value);
		record_put(&p->file.out, RECORD_ATTR, buf_span(&text));
	}
	buf_done(&text);
}

static bool has_break(span data)
{
	for (size_t i = 0; i < data.len; i++)
		if (memchr("\r\n", data.ptr[i], 3))
			return true;
	return false;
}

/* Whether its user may use it; if not, that is told at the end. */
static void check_sender(struct postdrop *p, span sender)
{
	span maps = p->settings.local_login_sender_maps;

	if (span_eq(maps, SPAN("static:*")))
		return;
	switch (rights_sender(&p->voice, (uid_t)p->uid, sender)) {
	case RIGHTS_OK:
		return;
	case RIGHTS_NO:
		p->status |= POSTDROP_NOPERM;
		(void)snprintf(p->reason, sizeof(p->reason),
		    "not authorized to use sender='%.*s'", PRI(sender));
		return;
	case RIGHTS_UNKNOWN:
		p->status |= POSTDROP_WRITE;
		(void)snprintf(p->reason, sizeof(p->reason),
		    "local_login_sender_maps table lookup error for '%.*s'",
		    PRI(maps));
		return;
	}
}

static void store(struct postdrop *p, const struct record *record)
{
	if (record->type == RECORD_FROM)
		check_sender(p, record->data);
	p->senders += record->type == RECORD_FROM;
	p->recipients += record->type == RECORD_RCPT;
	if (record->type == RECORD_ATTR)
		put_attribute(p, record->data);
	else
		record_put(&p->file.out, record->type, record->data);
	if (p->file.out.len > POSTDROP_FLUSH)
		postdrop_file_flush(&p->file);
	/* There will be no message; the rest is read and forgotten. */
	if (p->file.error < 0)
		p->draining = true;
}

/* GO_ON, or the exit code. */
static int take_record(struct postdrop *p, const struct record *record)
{
	if (!record_is_expected(p->group, RECORD_OF_USER, record->type))
		return fail(p, "uid=%ld: unexpected record type: %d", p->uid,
		    (unsigned char)record->type);
	if (p->group != RECORD_CONTENT && has_break(record->data))
		return fail(p,
		    "uid=%ld: null or line break in '%c' record type: %.*s",
		    p->uid, record->type, PRI(span_first(record->data, 200)));
	store(p, record);
	if (record->type == record_end_of(p->group))
		p->group++;
	return GO_ON;
}

static bool is_over(const struct postdrop *p, char type)
{
	return p->draining ? type == RECORD_END : p->group > RECORD_EXTRACT;
}

static int take_records(struct postdrop *p)
{
	struct record record;
	int code;

	do {
		code = next_record(p, &record);
		if (code != GO_ON)
			return code == CANCELED && p->draining ? GO_ON : code;
		if (!p->draining)
			code = take_record(p, &record);
	} while (code == GO_ON && !is_over(p, record.type));
	return code;
}

/* ---- the file ---- */

static void say_id(const struct postdrop *p)
{
	(void)printf("protocol%cpostdrop_protocol%cqueue_id%c%s%c%c", 0, 0, 0,
	    p->file.id, 0, 0);
	(void)fflush(stdout);
}

static int say_status(const struct postdrop *p)
{
	(void)printf(
	    "status%c%u%creason%c%s%c%c", 0, p->status, 0, 0, p->reason, 0, 0);
	(void)fflush(stdout);
	return (int)(p->status & 0xff);
}

static int begin_file(struct postdrop *p)
{
	struct timeval now;
	int r;

	/* The caller's idea of the time is of no interest. */
	(void)gettimeofday(&now, NULL);
	r = postdrop_file_create(&p->file);
	if (r < 0)
		return fail(p, "uid=%ld: create file in maildrop: %s", p->uid,
		    strerror(-r));
	say_id(p);
	record_printf(&p->file.out, RECORD_TIME, "%ld %ld", (long)now.tv_sec,
	    (long)now.tv_usec);
	return GO_ON;
}

static int end_file(struct postdrop *p)
{
	int r = p->file.error;

	if (r == 0 && (p->senders == 0 || p->recipients == 0))
		p->status |= POSTDROP_BAD;
	if (p->status != POSTDROP_OK) {
		postdrop_file_done(&p->file);
		return say_status(p);
	}
	if (r == 0)
		r = postdrop_file_commit(&p->file);
	if (r < 0) {
		p->status = r == -EFBIG ? POSTDROP_SIZE : POSTDROP_WRITE;
		postdrop_file_done(&p->file);
		voice_warn(&p->voice, "uid=%ld: %s", p->uid, strerror(-r));
	} else {
		postdrop_nudge(&p->voice);
	}
	return say_status(p);
}

static int run(struct postdrop *p)
{
	int code = begin_file(p);

	if (code == GO_ON)
		code = take_records(p);
	if (code == GO_ON)
		return end_file(p);
	/* The end came early: whoever wrote has changed his mind. */
	return code == CANCELED ? 0 : code;
}

/* ---- start-up ---- */

static int refuse_user(struct postdrop *p, const char *name)
{
	return fail(
	    p, "User %s(%ld) is not allowed to submit mail", name, p->uid);
}

static int check_user(struct postdrop *p)
{
	char name[256];

	switch (submit_may(
	    &p->voice, p->settings.authorized_submit_users, getuid(), name)) {
	case SUBMIT_USER_OK:
		return GO_ON;
	case SUBMIT_USER_NO:
		return refuse_user(p, name);
	case SUBMIT_USER_ASK:
		break;
	case SUBMIT_USER_BAD:
		return 1;
	}
	switch (rights_submit(&p->voice, span_str(name))) {
	case RIGHTS_OK:
		return GO_ON;
	case RIGHTS_NO:
		return refuse_user(p, name);
	case RIGHTS_UNKNOWN:
		break;
	}
	return fail(p, "authorized_submit_users: table lookup problem");
}

static int begin(struct postdrop *p, const char *option)
{
	const char *dir = submit_dir(&p->voice, option, false);
	CLEANUP(buf_done) struct buf queue = BUF_INIT(4096);

	if (!dir || !submit_read(&p->voice, dir, &p->conf) ||
	    !submit_settings(&p->voice, p->conf, &p->settings))
		return 1;
	/* Nothing here, or in the C library, is to depend on it. */
	(void)clearenv();
	postdrop_limit(p->settings.message_size_limit);
	buf_init(&p->in, p->settings.line_length_limit + 2 * READ_SIZE);
	buf_put(&queue, p->settings.queue_directory);
	if (chdir(buf_cstr(&queue)) < 0)
		return fail(
		    p, "chdir %s: %s", buf_cstr(&queue), strerror(errno));
	return check_user(p);
}

static int parse(
    struct postdrop *p, int argc, char **argv, const char **ret_dir)
{
	int option;

	while ((option = getopt(argc, argv, "+c:rv")) > 0) {
		if (option == 'c')
			*ret_dir = optarg;
		else if (option == '?')
			return fail(p, "usage: postdrop [-c config_dir] [-v]");
	}
	return GO_ON;
}

int main(int argc, char **argv)
{
	struct postdrop p = { .voice.name = "postdrop", .uid = getuid() };
	static char name[] = "postdrop";
	const char *dir = NULL;
	int code;

	(void)umask(022);
	if (argc < 1 || !submit_open_stdio())
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	argv[0] = name;
	postdrop_file_init(&p.file);
	code = parse(&p, argc, argv, &dir);
	if (code == GO_ON)
		code = begin(&p, dir);
	if (code == GO_ON)
		code = run(&p);
	postdrop_file_done(&p.file);
	buf_done(&p.in);
	voice_done(&p.voice);
	conf_unref(&p.conf);
	return code;
}
