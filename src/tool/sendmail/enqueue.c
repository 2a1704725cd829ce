/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/enqueue.c - a message from standard input to maildrop/.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "mail/token.h"
#include "os/file.h"
#include "tool/postdrop_status.h"
#include "tool/sendmail/dialogue.h"
#include "tool/sendmail/extract.h"
#include "tool/sendmail/input.h"
#include "tool/sendmail/sink.h"

enum { ARENA_MAX = 1 << 29, ADDRESS_BUF = 1 << 24 };

enum strip { STRIP_UNKNOWN, STRIP_YES, STRIP_NO };

struct job {
	struct sendmail *s;
	struct sink sink;
	uid_t uid;
	struct buf sender; /* internal form */
	size_t recipients;
	enum strip strip;
	struct extract extract;
	struct input input;
};

/* The same beginning in all complaints: who sends, and his number. */
#define FAIL(job, format, ...) \
	sendmail_fail((job)->s, "%s(%ld): " format, buf_cstr(&(job)->sender), \
	    (long)(job)->uid, ##__VA_ARGS__)

/* ---- who sends ---- */

/* The first of the addresses that somebody gave to -f. */
static void take_sender(struct job *j, const char *text)
{
	struct arena arena;
	struct token_list list;
	size_t count = 0;

	arena_init(&arena, ARENA_MAX);
	if (token_parse(span_str(text), 0, &arena, &list)) {
		for (struct token *t = list.head; t; t = t->next)
			if (t->type == TOKEN_ADDR && count++ == 0)
				token_write_internal(&j->sender, &t->kids);
	}
	arena_done(&arena);
	if (count > 1)
		voice_warn(&j->s->voice,
		    "-f option specified malformed sender: %s", text);
}

/* 0, or the exit code. */
static int find_sender(struct job *j)
{
	struct passwd *pw;

	if (j->s->sender) {
		take_sender(j, j->s->sender);
		return EX_OK;
	}
	pw = getpwuid(j->uid);
	if (!pw)
		return sendmail_fail(j->s,
		    "no login name found for user ID %lu",
		    (unsigned long)j->uid);
	buf_put(&j->sender, span_str(pw->pw_name));
	return EX_OK;
}

/* "&" in the password file stands for the login name. */
static void put_gecos(const struct passwd *pw, struct buf *out)
{
	for (const char *p = pw->pw_gecos; *p && !strchr(",;%", *p); p++) {
		if (*p != '&') {
			buf_putc(out, *p);
		} else if (pw->pw_name[0]) {
			buf_putc(out, ascii_upper(pw->pw_name[0]));
			buf_put(out, span_str(pw->pw_name + 1));
		}
	}
}

static void put_full_name(struct job *j)
{
	struct buf name = BUF_INIT(1 << 20);
	const char *given = j->s->full_name;
	struct passwd *pw = NULL;

	if (!given)
		given = secure_getenv("NAME");
	if (!given)
		pw = getpwuid(j->uid);
	if (given)
		buf_put(&name, span_str(given));
	if (pw)
		put_gecos(pw, &name);
	if (given || pw)
		sink_put(&j->sink, RECORD_FULL, buf_span(&name));
	buf_done(&name);
}

/* ---- envelope ---- */

static void put_number(struct job *j, const char *name, uint32_t value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", value);
	sink_put_attr(&j->sink, name, span_str(text));
}

/* Of a queue file; only the last number says something here. */
static void put_options(struct job *j)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "%15ld %15ld %15ld %15ld %15ld %15ld", -1L, -1L, -1L, -1L, -1L, 1L);
	sink_put(&j->sink, RECORD_SIZE, span_str(text));
}

static void put_envelope(struct job *j)
{
	const struct sendmail *s = j->s;

	if (s->smtputf8)
		put_options(j);
	if (s->envid)
		sink_put_attr(&j->sink, RECORD_ATTR_ENVID, span_str(s->envid));
	if (s->ret)
		put_number(j, RECORD_ATTR_RET, s->ret);
	sink_put_attr(&j->sink, RECORD_ATTR_REWRITE,
	    s->remote ? SPAN("remote") : SPAN("local"));
	put_full_name(j);
	sink_put(&j->sink, RECORD_FROM, buf_span(&j->sender));
	if (s->encoding)
		sink_put_attr(
		    &j->sink, RECORD_ATTR_ENCODING, span_str(s->encoding));
	if (s->trace)
		put_number(j, RECORD_ATTR_TRACE, s->trace);
	if (s->verp.len > 0)
		sink_put(&j->sink, RECORD_VERP, s->verp);
}

static void put_recipient(struct job *j, span address)
{
	if (j->s->notify)
		put_number(j, RECORD_ATTR_NOTIFY, j->s->notify);
	sink_put(&j->sink, RECORD_RCPT, address);
	j->recipients++;
}

/* As if it stood in a header: some programs give a list, or a name, too. */
static void put_argument(struct job *j, const char *text)
{
	struct buf address = BUF_INIT(ADDRESS_BUF);
	struct arena arena;
	struct token_list list;
	bool some = false;

	arena_init(&arena, ARENA_MAX);
	if (!token_parse(span_str(text), 0, &arena, &list))
		list.head = NULL;
	for (struct token *t = list.head; t; t = t->next) {
		if (t->type != TOKEN_ADDR)
			continue;
		buf_clear(&address);
		token_write_internal(&address, &t->kids);
		put_recipient(j, buf_span(&address));
		some = true;
	}
	if (!some) {
		sink_put(&j->sink, RECORD_RCPT, SPAN(""));
		j->recipients++;
	}
	arena_done(&arena);
	buf_done(&address);
}

/* ---- content ---- */

/* "-bv": a message that says itself what it is. */
static void put_probe(struct job *j)
{
	struct buf line = BUF_INIT(ADDRESS_BUF);

	if (j->sender.len > 0) {
		buf_printf(&line, "From: %s", buf_cstr(&j->sender));
		sink_put_content(&j->sink, RECORD_NORM, buf_span(&line));
	}
	sink_put_content(&j->sink, RECORD_NORM, SPAN("Subject: probe"));
	sink_put_content(&j->sink, RECORD_CONT, SPAN("To:"));
	for (char **r = j->s->recipients; *r; r++) {
		buf_clear(&line);
		buf_putc(&line, '\t');
		buf_put(&line, span_str(*r));
		if (r[1])
			buf_putc(&line, ',');
		sink_put_content(&j->sink, RECORD_NORM, buf_span(&line));
	}
	buf_done(&line);
}

static bool find_strip(struct job *j, span *ret_value)
{
	static const struct {
		span word;
		enum strip strip;
	} words[] = {
		{ SPAN_INIT("always"), STRIP_YES },
		{ SPAN_INIT("strict"), STRIP_UNKNOWN },
		{ SPAN_INIT("never"), STRIP_NO },
	};

	*ret_value = conf_value(
	    j->s->conf, CONF_MAIN, SPAN("sendmail_fix_line_endings"));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (span_eq(words[i].word, *ret_value)) {
			j->strip = words[i].strip;
			return true;
		}
	}
	return false;
}

/* An mbox is not a message: its first line goes, quoted or not. */
static bool is_from_line(span text)
{
	while (span_skip(&text, SPAN(">")))
		;
	return span_has_prefix(text, SPAN("From "));
}

static span strip_cr(struct job *j, span text)
{
	bool has = text.len > 0 && text.ptr[text.len - 1] == '\r';

	if (j->strip == STRIP_UNKNOWN)
		j->strip = has ? STRIP_YES : STRIP_NO;
	while (j->strip == STRIP_YES && text.len > 0 &&
	    text.ptr[text.len - 1] == '\r')
		text.len--;
	return text;
}

static int too_long(struct job *j)
{
	return FAIL(j,
	    "unable to extract recipients: message header length exceeds "
	    "safety limit");
}

/* 0, or the exit code. */
static int put_piece(struct job *j, enum input_piece kind, span text)
{
	int r;

	if (j->s->extract && !extract_piece(&j->extract, kind, text))
		return too_long(j);
	if (!j->s->extract)
		sink_put_content(&j->sink,
		    kind == INPUT_PART ? RECORD_CONT : RECORD_NORM, text);
	r = sink_error(&j->sink);
	if (r < 0)
		return FAIL(j, "error writing queue file: %s", strerror(-r));
	return EX_OK;
}

static int put_content(struct job *j)
{
	size_t max = j->s->settings.line_length_limit;
	enum input_piece before = INPUT_LINE;
	enum input_piece kind;
	bool first = true;
	int code = EX_OK;
	span text;

	while (code == EX_OK &&
	    (kind = input_next(&j->input, max, &text)) != INPUT_END) {
		bool starts = before == INPUT_LINE;

		before = kind;
		if (kind == INPUT_LINE && j->strip == STRIP_UNKNOWN)
			(void)strip_cr(j, text);
		if (first && kind == INPUT_LINE && is_from_line(text))
			continue;
		first = false;
		if (kind == INPUT_LINE)
			text = strip_cr(j, text);
		if (!j->s->dot_is_text && starts && span_eq(text, SPAN(".")))
			break;
		code = put_piece(j, kind, text);
	}
	if (code == EX_OK && j->s->extract && !extract_end(&j->extract))
		return too_long(j);
	return code;
}

static int put_message(struct job *j)
{
	span value;

	sink_put(&j->sink, RECORD_MESG, SPAN(""));
	if (j->s->trace & TRACE_VERIFY) {
		put_probe(j);
		return EX_OK;
	}
	if (!find_strip(j, &value))
		return sendmail_fail(j->s,
		    "invalid sendmail_fix_line_endings value: %.*s",
		    PRI(value));
	return put_content(j);
}

static void put_extracted(struct job *j)
{
	span list = extract_recipients(&j->extract);

	while (list.len > 0)
		put_recipient(j, span_cut(&list, '\0'));
}

/* ---- the end ---- */

static const char *status_text(uint32_t status)
{
	if (status & POSTDROP_BAD)
		return "internal protocol error";
	if (status & POSTDROP_SIZE)
		return "message file too big";
	if (status & POSTDROP_WRITE)
		return "queue file write error";
	return "service denied";
}

static int open_sink(struct job *j, struct sink *sink)
{
	int r = sink_open(sink, j->s);

	if (r < 0)
		return FAIL(j, "unable to execute %.*s/postdrop -r: %s",
		    PRI(conf_value(
		        j->s->conf, CONF_MAIN, SPAN("command_directory"))),
		    r == -EPROTO ? "Success" : strerror(-r));
	return EX_OK;
}

static int finish_sink(struct job *j, struct sink *sink)
{
	sink_finish(sink);
	if (sink->status != POSTDROP_OK)
		return FAIL(j, "%s",
		    sink->reason.len ? buf_cstr(&sink->reason)
		                     : status_text(sink->status));
	return EX_OK;
}

/* What remains to be done goes the usual way. */
static int drop(struct job *j, const struct held *h, const bool *done)
{
	struct sink sink;
	int code = EX_OK;
	bool all = true;

	for (uint32_t i = 0; i < h->nrcpts; i++)
		all &= done[i];
	if (all)
		return EX_OK;
	code = open_sink(j, &sink);
	if (code == EX_OK) {
		held_replay(h, done, &sink);
		code = finish_sink(j, &sink);
	}
	sink_close(&sink);
	return code;
}

static int converse(struct job *j)
{
	struct held held;
	span records;
	bool *done;
	int code;
	int r = sink_held(&j->sink, &records);

	if (r < 0)
		return FAIL(j, "error writing queue file: %s", strerror(-r));
	if (!held_init(&held, records)) {
		code = FAIL(j, "too many recipients");
	} else {
		done = mem_new(held.nrcpts, sizeof(*done));
		dialogue(j->s, &held, done);
		code = drop(j, &held, done);
		mem_free(done);
	}
	held_done(&held);
	file_unmap(&records);
	return code;
}

static int finish(struct job *j)
{
	int code;

	if (j->sink.held)
		return converse(j);
	code = finish_sink(j, &j->sink);
	if (code != EX_OK)
		return code;
	if (j->s->trace)
		(void)printf("Mail Delivery Status Report will be mailed to "
		             "<%s>.\n",
		    buf_cstr(&j->sender));
	return EX_OK;
}

static int put_all(struct job *j)
{
	int code;

	put_envelope(j);
	if (j->s->verp.len > 0 && j->sender.len == 0)
		return FAIL(j, "-V option requires non-null sender address");
	for (char **r = j->s->recipients; *r; r++)
		put_argument(j, *r);
	code = put_message(j);
	if (code != EX_OK)
		return code;
	sink_put(&j->sink, RECORD_XTRA, SPAN(""));
	put_extracted(j);
	if (j->recipients == 0 && j->s->extract)
		return FAIL(
		    j, "No recipient addresses found in message header");
	if (j->recipients == 0) {
		(void)FAIL(j,
		    "Recipient addresses must be specified on the command "
		    "line or via the -t option");
		return sendmail_misuse(j->s);
	}
	sink_put(&j->sink, RECORD_END, SPAN(""));
	if (j->input.error < 0)
		return FAIL(
		    j, "error reading input: %s", strerror(-j->input.error));
	return finish(j);
}

/*
 * A dialogue has no words for -G, VERP and -bv; and where postdrop has to say
 * who may submit, it is asked.
 */
static bool may_talk(struct sendmail *s)
{
	char name[256];

	return s->talk && !s->remote && s->verp.len == 0 && s->trace == 0 &&
	    span_eq(s->settings.local_login_sender_maps, SPAN("static:*")) &&
	    submit_may(&s->voice, s->settings.authorized_submit_users, getuid(),
	        name) == SUBMIT_USER_OK;
}

static int take(struct job *j)
{
	int r = may_talk(j->s) ? sink_hold(&j->sink, j->s) : -ENOSYS;
	int code = EX_OK;

	if (r < 0)
		code = open_sink(j, &j->sink);
	return code == EX_OK ? put_all(j) : code;
}

int sendmail_enqueue(struct sendmail *s)
{
	struct job j = { .s = s,
		.uid = getuid(),
		.sink.fd = -1,
		.sink.pidfd = -1,
		.sink.file.fd = -1 };
	int code;

	buf_init(&j.sender, ADDRESS_BUF);
	code = sendmail_check_user(s);
	postdrop_limit(s->settings.message_size_limit);
	if (code == EX_OK)
		code = find_sender(&j);
	extract_init(&j.extract, &j.sink, &s->settings);
	input_init(&j.input, STDIN_FILENO, s->settings.line_length_limit);
	if (code == EX_OK)
		code = take(&j);
	sink_close(&j.sink);
	input_done(&j.input);
	extract_done(&j.extract);
	buf_done(&j.sender);
	return code;
}
