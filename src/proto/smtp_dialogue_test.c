/* SPDX-License-Identifier: ISC */
/*
 * Plays the files in test/dialogue (the format: test/lib/dialogue.py) against
 * the engine, with the input in pieces of several sizes. What the engine says was
 * recorded from Postfix; the driver here decides as that one was configured:
 * recipients at example.com, or without a domain, and no others.
 */
#include "proto/smtp_server.h"

#include <glob.h>
#include <stdio.h>

#include "mail/address.h"
#include "test/lib/unit.h"

enum { LINE_MAX_BYTES = 200000 };

struct play {
	struct smtp_server_conf conf;
	struct smtp_server server;
	struct buf heard;   /* what the server said since the last check */
	struct buf content; /* of the message that is coming in */
	struct buf send;    /* what the client is about to say */
	struct buf want;    /* what the dialogue says it hears */
	bool closed;
	bool want_closed;
	bool failed; /* one complaint per dialogue */
	int failures;
	size_t cut;
	const char *file;
	char name[200];
	int line;
};

/* --- the driver --- */

static void decide_rcpt(struct play *p)
{
	struct smtp_server *s = &p->server;
	span domain = address_domain(s->rcpt.addr);
	struct buf text = BUF_INIT(8192);

	if (!domain.len || span_eq_nocase(domain, SPAN("example.com"))) {
		smtp_server_answer(s, 0, SPAN_NONE);
		return;
	}
	buf_printf(
	    &text, "5.7.1 <%.*s>: Relay access denied", PRI(s->rcpt.addr));
	smtp_server_answer(s, 554, buf_span(&text));
	buf_done(&text);
}

static void decide_commit(struct play *p)
{
	span rest = buf_span(&p->content);
	int hops = 0;

	while (rest.len)
		hops +=
		    span_has_prefix(span_cut(&rest, '\n'), SPAN("Received:"));
	buf_clear(&p->content);
	if (hops > 50)
		smtp_server_answer(
		    &p->server, 554, SPAN("5.4.0 Error: too many hops"));
	else
		smtp_server_answer(&p->server, 0, SPAN("4FZ1234567"));
}

static void decide(struct play *p, enum smtp_ask ask)
{
	struct smtp_server *s = &p->server;
	struct buf text = BUF_INIT(8192);

	switch (ask) {
	case SMTP_ASK_RCPT:
	case SMTP_ASK_VRFY:
		decide_rcpt(p);
		break;
	case SMTP_ASK_ETRN:
		buf_printf(&text, "<%.*s>: service unavailable", PRI(s->arg));
		smtp_server_answer(s, 459, buf_span(&text));
		break;
	case SMTP_ASK_COMMIT:
		decide_commit(p);
		break;
	case SMTP_ASK_CHUNK:
		buf_put(&p->content, s->chunk);
		break;
	case SMTP_ASK_DROPPED:
		buf_clear(&p->content);
		break;
	case SMTP_ASK_HELO:
	case SMTP_ASK_MAIL:
	case SMTP_ASK_DATA:
	case SMTP_ASK_TLS:
	case SMTP_ASK_DELAY:
		smtp_server_answer(s, 0, SPAN_NONE);
		break;
	case SMTP_ASK_FLUSH:
		buf_put(&p->heard, buf_span(&s->out));
		buf_clear(&s->out);
		break;
	case SMTP_ASK_NOTE:
	case SMTP_ASK_INPUT:
	case SMTP_ASK_CLOSE:
		break;
	}
	buf_done(&text);
}

static void run(struct play *p)
{
	enum smtp_ask ask;

	while ((ask = smtp_server_next(&p->server)) != SMTP_ASK_INPUT &&
	    ask != SMTP_ASK_CLOSE)
		decide(p, ask);
	decide(p, SMTP_ASK_FLUSH);
	p->closed = ask == SMTP_ASK_CLOSE;
	smtp_server_park(&p->server);
}

static void feed(struct play *p, span bytes)
{
	while (bytes.len && !p->closed) {
		span piece = span_first(bytes, p->cut);
		/* Its own memory: reading past it, or later, is found out. */
		char *copy = mem_new(piece.len, 1);

		memcpy(copy, piece.ptr, piece.len);
		smtp_server_feed(&p->server, span_of(copy, piece.len));
		run(p);
		mem_free(copy);
		bytes = span_from(bytes, piece.len);
	}
}

/* --- settings --- */

static void set_bare_lf(struct smtp_server_conf *c, span value)
{
	if (span_eq(value, SPAN("no")))
		c->bare_lf = SMTP_BARE_LF_NO;
	else if (span_eq(value, SPAN("reject")))
		c->bare_lf = SMTP_BARE_LF_REJECT;
	else
		c->bare_lf = SMTP_BARE_LF_NORMALIZE;
}

static uint64_t number(span value)
{
	uint64_t n;

	assert_true(span_to_u64(value, &n));
	return n;
}

static void set(struct smtp_server_conf *c, span name, span value)
{
	bool yes = span_eq(value, SPAN("yes"));
	const struct {
		span name;
		bool *field;
	} flags[] = {
		{ SPAN("smtpd_helo_required"), &c->helo_required },
		{ SPAN("smtputf8_enable"), &c->smtputf8 },
		{ SPAN("strict_smtputf8"), &c->strict_smtputf8 },
		{ SPAN("strict_rfc821_envelopes"), &c->strict_rfc821 },
		{ SPAN("disable_vrfy_command"), &c->disable_vrfy },
		{ SPAN("soft_bounce"), &c->soft_bounce },
		{ SPAN("smtpd_forbid_unauth_pipelining"),
		    &c->forbid_unauth_pipelining },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (span_eq(name, flags[i].name)) {
			*flags[i].field = yes;
			return;
		}
	if (span_eq(name, SPAN("smtpd_forbid_bare_newline")))
		set_bare_lf(c, value);
	else if (span_eq(name, SPAN("smtpd_forbid_bare_newline_reject_code")))
		c->bare_lf_code = (uint16_t)number(value);
	else if (span_eq(name, SPAN("smtpd_discard_ehlo_keywords")))
		c->discard = smtp_keywords_parse(value);
	else if (span_eq(name, SPAN("message_size_limit")))
		c->message_size_limit = number(value);
	else if (span_eq(name, SPAN("smtpd_hard_error_limit")))
		c->hard_error_limit = (uint32_t)number(value);
	else if (span_eq(name, SPAN("smtpd_noop_commands")))
		c->noop_commands = SPAN("foo, BAR");
	else if (span_eq(name, SPAN("smtpd_forbidden_commands"))) {
		c->forbidden_commands = SPAN("FOO");
		c->forbid_nonletters = false;
	} else if (!span_eq(name, SPAN("smtpd_tls_security_level")))
		fail_msg("unknown setting %.*s", PRI(name));
}

/* --- one dialogue --- */

static void begin(struct play *p, span name)
{
	(void)snprintf(p->name, sizeof(p->name), "%.*s", PRI(name));
	p->conf = (struct smtp_server_conf){
		.myhostname = SPAN("mx.example.com"),
		.banner = SPAN("mx.example.com ESMTP Postfix"),
		.forbidden_commands = SPAN("CONNECT GET POST"),
		.forbid_nonletters = true,
		.message_size_limit = 20000,
		.line_length_limit = 2048,
		.recipient_limit = 5,
		.recipient_overshoot_limit = 2,
		.junk_command_limit = 10,
		.soft_error_limit = 10,
		.hard_error_limit = 20,
		.bare_lf = SMTP_BARE_LF_NORMALIZE,
		.bare_lf_code = 550,
		.smtputf8 = true,
		.error_sleep = true,
	};
	smtp_server_init(&p->server, &p->conf);
	buf_init(&p->heard, LINE_MAX_BYTES);
	buf_init(&p->content, LINE_MAX_BYTES);
	buf_init(&p->send, LINE_MAX_BYTES);
	buf_init(&p->want, LINE_MAX_BYTES);
	p->closed = false;
	p->failed = false;
	p->want_closed = false;
}

static bool line_matches(span want, span got)
{
	if (want.len && want.ptr[want.len - 1] == '*')
		return span_has_prefix(got, span_first(want, want.len - 1));
	return span_eq(want, got);
}

static void complain(struct play *p, span heard, span want)
{
	if (!p->failed)
		print_error("%s:%d: %s, pieces of %zu: heard \"%.*s\", "
		            "want \"%.*s\"\n",
		    p->file, p->line, p->name, p->cut, PRI(heard), PRI(want));
	p->failures += !p->failed;
	p->failed = true;
}

static void check(struct play *p)
{
	span want = buf_span(&p->want);
	span heard = buf_span(&p->heard);

	while (want.len || heard.len) {
		span w = span_cut(&want, '\n');
		span h = span_cut(&heard, '\n');

		if (h.len && h.ptr[h.len - 1] == '\r')
			h.len--;
		if (!line_matches(w, h))
			complain(p, h, w);
	}
	if (p->closed != p->want_closed)
		complain(p, p->closed ? SPAN("the end") : SPAN("no end"),
		    SPAN("the other"));
	buf_clear(&p->want);
	buf_clear(&p->heard);
}

/* Send what was gathered; before that, check what was to be heard. */
static void exchange(struct play *p)
{
	check(p);
	feed(p, buf_span(&p->send));
	buf_clear(&p->send);
}

static void end(struct play *p)
{
	check(p);
	smtp_server_done(&p->server);
	buf_done(&p->heard);
	buf_done(&p->content);
	buf_done(&p->send);
	buf_done(&p->want);
}

/* --- the file --- */

/* {text*n} */
static void expand(struct buf *out, span text)
{
	while (text.len) {
		ssize_t open = span_find(text, '{');
		span inner =
		    open < 0 ? SPAN_NONE : span_from(text, (size_t)open + 1);
		ssize_t close = span_find(inner, '}');
		span body = span_first(inner, (size_t)MAX(close, (ssize_t)0));
		ssize_t star = span_rfind(body, '*');
		uint64_t n;

		if (open < 0 || star < 0 ||
		    !span_to_u64(span_from(body, (size_t)star + 1), &n)) {
			buf_put(out, text);
			return;
		}
		buf_put(out, span_first(text, (size_t)open));
		for (uint64_t i = 0; i < n; i++)
			buf_put(out, span_first(body, (size_t)star));
		text = span_from(inner, (size_t)close + 1);
	}
}

static unsigned hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = strchr(digits, ascii_lower(c));

	assert_true(c && found);
	return (unsigned)(found - digits);
}

static void unescape(struct buf *out, span text)
{
	for (size_t i = 0; i < text.len; i++) {
		static const char names[] = "rn0t\\";
		static const char values[] = "\r\n\0\t\\";
		const char *found;

		if (text.ptr[i] != '\\') {
			buf_putc(out, text.ptr[i]);
			continue;
		}
		i++;
		found = strchr(names, text.ptr[i]);
		if (found) {
			buf_putc(out, values[found - names]);
			continue;
		}
		assert_int_equal(text.ptr[i], 'x');
		buf_putc(out,
		    (char)(hex_digit(text.ptr[i + 1]) << 4 |
		        hex_digit(text.ptr[i + 2])));
		i += 2;
	}
}

static void gather(struct play *p, char kind, span text)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	if (p->want.len || p->want_closed)
		exchange(p);
	expand(&line, text);
	if (kind == 'R') {
		unescape(&p->send, buf_span(&line));
	} else {
		buf_put(&p->send, buf_span(&line));
		buf_put(&p->send, SPAN("\r\n"));
	}
	buf_done(&line);
}

/* A setting, or the first thing said: the server starts to talk. */
static void start(struct play *p)
{
	if (p->server.state == SMTP_GREETED && !p->server.client.len) {
		smtp_server_start(
		    &p->server, SPAN("unknown[127.0.0.1]"), 0, SPAN_NONE);
		run(p);
	}
}

static void file_line(struct play *p, span line, bool *open)
{
	span text = span_from(line, 3);

	if (!line.len || line.ptr[0] == '#')
		return;
	if (span_has_prefix(line, SPAN("== "))) {
		if (*open)
			end(p);
		*open = true;
		begin(p, text);
	} else if (span_skip(&line, SPAN("! "))) {
		span name = span_trim(span_cut(&line, '='));

		set(&p->conf, name, span_trim(line));
		if (p->conf.forbid_unauth_pipelining)
			p->cut = SIZE_MAX;
	} else {
		start(p);
		if (p->send.len && (line.ptr[0] == 'S' || line.ptr[0] == 'X'))
			exchange(p);
		if (line.ptr[0] == 'S') {
			buf_put(&p->want, text);
			buf_putc(&p->want, '\n');
		} else if (line.ptr[0] == 'X') {
			p->want_closed = true;
		} else {
			gather(p, line.ptr[0], text);
		}
	}
}

static int play_file(const char *path, size_t cut)
{
	static char line[LINE_MAX_BYTES];
	struct play p = { .file = path };
	FILE *f = fopen(path, "r");
	bool open = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		span text = span_str(line);

		p.line++;
		if (text.len && text.ptr[text.len - 1] == '\n')
			text.len--;
		if (span_has_prefix(text, SPAN("== ")))
			p.cut = cut;
		file_line(&p, text, &open);
	}
	if (open)
		end(&p);
	(void)fclose(f);
	return p.failures;
}

static void test_dialogues(void **state)
{
	static const size_t cuts[] = { 1, 2, 3, 8, 15, 100, 4096, SIZE_MAX };
	int failures = 0;
	glob_t files;

	(void)state;
	assert_int_equal(glob(DIALOGUES "/*.smtp", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		for (size_t j = 0; j < ARRAY_LEN(cuts); j++)
			failures += play_file(files.gl_pathv[i], cuts[j]);
	globfree(&files);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
