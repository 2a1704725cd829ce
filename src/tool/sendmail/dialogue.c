/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/dialogue.c - what sendmail 8.15 shows when it hands a message
 * over to the daemon of its host:
 *
 *	ana@example.com... Connecting to [127.0.0.1] via relay...
 *	220 host ESMTP ...
 *	>>> EHLO host
 *	...
 *	>>> .
 *	250 2.0.0 Ok: queued as ...
 *	ana@example.com... Sent (Ok: queued as ...)
 *	Closing connection to [127.0.0.1]
 *	>>> QUIT
 *	221 2.0.0 Bye
 *
 * The engine of our deliveries speaks; here its bytes are carried and shown,
 * one command at a time. What is shown was really said.
 */
#include "tool/sendmail/dialogue.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "mail/address.h"
#include "os/error.h"
#include "os/file.h"
#include "proto/smtp_client.h"
#include "tool/sendmail/listener.h"

enum {
	SMTP_PORT = 25,
	READ_SIZE = 16 * 1024,
	LINE_SHOWN_MAX = 4096,
	NAMES_MAX = 512, /* sendmail cuts its list, too */
	WAIT_MS = 60 * 1000,
	WAIT_DOT_MS = 600 * 1000,
};

struct dialogue {
	struct sendmail *s;
	struct held *held;
	bool *done;
	span *given;      /* recipients as they were given to us */
	struct buf names; /* the same, in one line */
	struct buf whole; /* the sender's whole address */
	struct buf heard; /* the beginning of a line */
	char host[SOCK_TEXT_MAX + 8];
	int fd;
	span content;
	uint8_t *fates;
	size_t shown; /* bytes of commands that were printed */
	bool ended;   /* nothing is to be sent any more */
	bool closing; /* QUIT was asked for */
	bool over;
	struct smtp_client smtp;
	struct smtp_message message;
};

/* ---- what is seen ---- */

/* Nothing that means something to a terminal. */
static void show(const char *before, span line)
{
	(void)fputs(before, stdout);
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];

		(void)putchar(c < ' ' || c == 0x7f ? '?' : c);
	}
	(void)putchar('\n');
	(void)fflush(stdout);
}

PRINTF_LIKE(1, 2) static void say(const char *format, ...)
{
	char line[2 * LINE_SHOWN_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	show("", span_str(line));
}

/* Lines of the server, of which the last one may not be complete. */
static void show_heard(struct dialogue *d, span input)
{
	while (input.len > 0) {
		bool ends = span_find(input, '\n') >= 0;
		span line = span_cut(&input, '\n');

		buf_put(&d->heard, line);
		if (!ends)
			return;
		line = buf_span(&d->heard);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		show("", line);
		buf_clear(&d->heard);
	}
}

static void show_commands(struct dialogue *d, span commands)
{
	span fresh = span_from(commands, d->shown);

	while (fresh.len > 0) {
		span line = span_cut(&fresh, '\n');

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		show(">>> ", line);
	}
	d->shown = commands.len;
}

/* "2.0.0 Ok" and "250 2.0.0 Ok" without the numbers. */
static span words_of(span reply)
{
	span rest = reply;

	if (rest.len >= 4 && ascii_is_digit(rest.ptr[0]) && rest.ptr[3] == ' ')
		rest = span_from(rest, 4);
	reply = rest;
	if (verdict_is_status(span_cut(&rest, ' ')))
		return rest;
	return reply;
}

static void show_outcome(struct dialogue *d, span name)
{
	const struct verdict *v = &d->smtp.outcome.verdict;
	span reply = d->smtp.outcome.said ? v->diagnostic : v->text;
	bool unknown = span_has_prefix(v->diagnostic, SPAN("550")) ||
	    span_has_prefix(v->diagnostic, SPAN("551")) ||
	    span_has_prefix(v->diagnostic, SPAN("553"));

	(void)span_skip(&reply, SPAN("smtp; "));
	switch (v->class) {
	case VERDICT_SENT:
		say("%.*s... Sent (%.*s)", PRI(name), PRI(words_of(reply)));
		return;
	case VERDICT_DEFERRED:
		say("%.*s... Deferred: %.*s", PRI(name), PRI(reply));
		return;
	case VERDICT_BOUNCED:
		if (unknown)
			say("550 5.1.1 %.*s... User unknown", PRI(name));
		else
			say("554 5.0.0 %.*s... Service unavailable", PRI(name));
		return;
	}
}

/* ---- the session ---- */

static void quit(struct dialogue *d)
{
	if (d->closing)
		return;
	d->closing = true;
	say("Closing connection to %s", d->host);
	smtp_client_quit(&d->smtp);
}

static void on_recipient(struct dialogue *d)
{
	uint32_t i = d->smtp.outcome.rcpt;

	d->done[i] = d->smtp.outcome.verdict.class == VERDICT_SENT;
	show_outcome(d, d->given[i]);
}

static void act(struct dialogue *d, enum smtp_client_event event)
{
	switch (event) {
	case SMTP_CLIENT_READY:
		if (d->smtp.given == 0)
			smtp_client_give(&d->smtp, &d->message);
		return;
	case SMTP_CLIENT_RCPT:
		on_recipient(d);
		return;
	case SMTP_CLIENT_DONE:
		d->ended = true;
		return;
	case SMTP_CLIENT_FAILED:
		d->ended = true;
		show_outcome(d, buf_span(&d->names));
		return;
	case SMTP_CLIENT_UNSENT:
		d->ended = true;
		say("%s... Deferred: Connection reset by %s",
		    buf_cstr(&d->names), d->host);
		return;
	case SMTP_CLIENT_CLOSED:
		d->over = true;
		return;
	case SMTP_CLIENT_NOTE:
	case SMTP_CLIENT_WAIT:
		return;
	}
}

static void run_engine(struct dialogue *d, span input)
{
	enum smtp_client_event event;

	show_heard(d, input);
	while (!d->over &&
	    (event = smtp_client_next(&d->smtp, &input)) != SMTP_CLIENT_WAIT)
		act(d, event);
	if (d->ended && smtp_client_step(&d->smtp) == SMTP_STEP_IDLE)
		quit(d);
}

static void send_some(struct dialogue *d)
{
	struct smtp_client_output out = smtp_client_output(&d->smtp);
	span bytes = out.content_left ? out.content : out.commands;
	ssize_t n;

	if (bytes.len == 0)
		return;
	if (out.content_left == 0)
		show_commands(d, bytes);
	n = os_size(send(d->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL));
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n < 0) {
		smtp_client_end(&d->smtp, SMTP_END_LOST);
		return;
	}
	if (out.content_left == 0)
		d->shown -= (size_t)n;
	smtp_client_sent(&d->smtp, (uint64_t)n);
}

static void receive(struct dialogue *d)
{
	char bytes[READ_SIZE];
	ssize_t n = os_size(recv(d->fd, bytes, sizeof(bytes), 0));

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0)
		smtp_client_end(&d->smtp, SMTP_END_LOST);
	else
		run_engine(d, span_of(bytes, (size_t)n));
}

static bool has_output(const struct dialogue *d)
{
	struct smtp_client_output out = smtp_client_output(&d->smtp);

	return out.content_left > 0 || out.commands.len > 0;
}

static void talk(struct dialogue *d)
{
	while (!d->over) {
		struct pollfd p = { .fd = d->fd, .events = POLLIN };
		bool dot = smtp_client_step(&d->smtp) == SMTP_STEP_DOT;
		int n;

		if (has_output(d))
			p.events |= POLLOUT;
		n = poll(&p, 1, dot ? WAIT_DOT_MS : WAIT_MS);
		if (n == 0)
			smtp_client_end(&d->smtp, SMTP_END_TIMEOUT);
		if (n > 0 && p.revents & ~POLLOUT)
			receive(d);
		if (n > 0 && p.revents & POLLOUT && !d->over)
			send_some(d);
		run_engine(d, SPAN(""));
	}
}

/* ---- before it ---- */

static void refuse(struct dialogue *d, int error)
{
	const char *names = buf_cstr(&d->names);

	if (error == -ECONNREFUSED)
		say("%s... Deferred: Connection refused by %s", names, d->host);
	else if (error == -ETIMEDOUT)
		say("%s... Deferred: Connection timed out with %s", names,
		    d->host);
	else
		say("%s... Deferred: %s", names, strerror(-error));
}

/* 0 or a negative errno. */
static int connect_to(struct dialogue *d, const struct sock_addr *at)
{
	struct pollfd p = { .events = POLLOUT };
	int n;

	p.fd = d->fd = sock_connect(at, NULL);
	if (d->fd < 0)
		return d->fd;
	n = poll(&p, 1, WAIT_MS);
	return n == 0 ? -ETIMEDOUT : sock_connected(d->fd);
}

/*
 * An address that no mail system but this one can complete gets the domain
 * that it would get there anyway.
 */
static bool put_whole(struct dialogue *d, span addr, struct buf *out)
{
	span origin = conf_value(d->s->conf, CONF_MAIN, SPAN("myorigin"));

	buf_put(out, addr);
	if (addr.len > 0 && span_find(addr, '@') < 0 &&
	    span_find(addr, '!') < 0 && span_find(addr, '%') < 0 &&
	    origin.len > 0) {
		buf_putc(out, '@');
		buf_put(out, origin);
	}
	return smtp_client_is_clean(addr) && addr.len < ADDRESS_MAX;
}

/* False: this cannot be said in SMTP. */
static bool take_recipients(struct dialogue *d)
{
	struct held *h = d->held;

	for (uint32_t i = 0; i < h->nrcpts; i++) {
		span given = d->given[i] = h->rcpts[i].addr;

		buf_clear(&d->whole);
		if (given.len == 0 || !put_whole(d, given, &d->whole))
			return false;
		h->rcpts[i].addr = arena_dup(&h->arena, buf_span(&d->whole));
		if (!h->rcpts[i].addr.ptr)
			return false;
		if (d->names.len < NAMES_MAX)
			buf_printf(
			    &d->names, "%s%.*s", i ? "," : "", PRI(given));
	}
	buf_clear(&d->whole);
	return put_whole(d, h->sender, &d->whole);
}

static bool take_content(struct dialogue *d)
{
	CLEANUP(fd_close) int fd = sink_scratch();

	return fd >= 0 && held_write(d->held, buf_span(&d->whole), fd) == 0 &&
	    file_map(fd, SIZE_MAX, &d->content) == 0;
}

static bool prepare(struct dialogue *d)
{
	struct held *h = d->held;

	d->given = arena_alloc(&h->arena, h->nrcpts, sizeof(*d->given));
	d->fates = arena_alloc(&h->arena, h->nrcpts, sizeof(*d->fates));
	if (!d->given || !d->fates || !take_recipients(d) || !take_content(d))
		return false;
	if (d->s->smtputf8)
		h->flags |= ENVELOPE_SMTPUTF8;
	d->message = (struct smtp_message){
		.sender = buf_span(&d->whole),
		.envid = h->envid,
		.flags = h->flags,
		.nrcpts = h->nrcpts,
		.rcpts = h->rcpts,
		.fates = d->fates,
		.content = d->content,
		.content_len = d->content.len,
		.utf8_headers = d->s->smtputf8,
		.size = d->content.len,
	};
	return true;
}

static void name_host(struct dialogue *d, const struct sock_addr *at)
{
	char text[SOCK_TEXT_MAX];

	(void)snprintf(d->host, sizeof(d->host), "[%s%.*s]",
	    at->any.sa_family == AF_INET6 ? "IPv6:" : "",
	    PRI(sock_text(at, text)));
}

static void converse(struct dialogue *d, const struct sock_addr *at)
{
	const struct smtp_setup setup = {
		.flags = SMTP_SETUP_ALWAYS_EHLO | SMTP_SETUP_QUOTE |
		    SMTP_SETUP_LOWER,
		.discard = SMTP_FEATURE_PIPELINING | SMTP_FEATURE_CHUNKING,
		.helo = conf_value(d->s->conf, CONF_MAIN, SPAN("myhostname")),
		.peer = span_str(d->host),
	};
	int r;

	if (sock_port(at) == SMTP_PORT)
		say("%s... Connecting to %s via relay...", buf_cstr(&d->names),
		    d->host);
	else
		say("%s... Connecting to %s port %u via relay...",
		    buf_cstr(&d->names), d->host, sock_port(at));
	r = connect_to(d, at);
	if (r < 0) {
		refuse(d, r);
		return;
	}
	smtp_client_init(&d->smtp, &setup);
	talk(d);
	smtp_client_done(&d->smtp);
}

void dialogue(struct sendmail *s, struct held *h, bool *done)
{
	struct dialogue d = { .s = s, .held = h, .done = done, .fd = -1 };
	struct sock_addr at;

	buf_init(&d.whole, (size_t)2 * ADDRESS_MAX);
	buf_init(&d.names, NAMES_MAX + 2 * ADDRESS_MAX);
	buf_init(&d.heard, LINE_SHOWN_MAX);
	if (prepare(&d)) {
		if (listener_find(s, &at)) {
			name_host(&d, &at);
			converse(&d, &at);
		} else {
			say("%s... queued", buf_cstr(&d.names));
		}
	}
	fd_close(&d.fd);
	file_unmap(&d.content);
	buf_done(&d.whole);
	buf_done(&d.names);
	buf_done(&d.heard);
}
