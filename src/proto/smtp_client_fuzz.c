/* SPDX-License-Identifier: ISC */
/*
 * A hostile server, and a driver that does things at the worst moment.
 *
 * The input is a program: a byte of 0x80 or more is followed by that many
 * (less 0x80) bytes of the server; below that it is something the driver
 * does. Checked: each message given comes back exactly once; no recipient
 * has two outcomes; nothing is reported as sent before all of its content
 * has left; and no line of ours has a control character.
 */
#include "proto/smtp_client.h"

#include <assert.h>

enum { MESSAGES = 4, RCPTS = 3, CONTENT = 1000 };

struct play {
	struct smtp_client client;
	struct smtp_message messages[MESSAGES];
	uint8_t fates[MESSAGES][RCPTS];
	uint8_t outcomes[MESSAGES][RCPTS];
	uint64_t left[MESSAGES]; /* of the content */
	bool away[MESSAGES];     /* with the engine */
	bool closed;
};

static const struct rcpt rcpts[RCPTS] = {
	{ .addr = SPAN_INIT("a@x"), .orig = SPAN_INIT("o@x"), .notify = 15 },
	{ .addr = SPAN_INIT("b c@x"), .orcpt = SPAN_INIT("rfc822;x@y") },
	{ .addr = SPAN_INIT("\xc3\xa9@x") },
};
static char content[CONTENT];

static void on_rcpt(struct play *p, size_t i)
{
	const struct smtp_outcome *o = &p->client.outcome;

	assert(p->away[i]);
	assert(o->rcpt < p->messages[i].nrcpts);
	assert(p->outcomes[i][o->rcpt]++ == 0);
	assert(verdict_is_status(o->verdict.status));
	assert(o->verdict.text.len);
	/* No success without the content, and no content without the wish. */
	if (p->messages[i].flags & ENVELOPE_VERIFY)
		assert(p->left[i] == CONTENT);
	else if (o->verdict.class == VERDICT_SENT)
		assert(p->left[i] == 0);
}

static void on_back(struct play *p, size_t i, bool done)
{
	assert(p->away[i]);
	p->away[i] = false;
	for (size_t r = 0; done && r < p->messages[i].nrcpts; r++)
		assert(p->outcomes[i][r] == 1);
}

static void drain(struct play *p, span input)
{
	enum smtp_client_event event;

	while ((event = smtp_client_next(&p->client, &input))) {
		size_t i = p->client.message
		    ? (size_t)(p->client.message - p->messages)
		    : 0;

		assert(!p->closed);
		if (event == SMTP_CLIENT_RCPT)
			on_rcpt(p, i);
		else if (event == SMTP_CLIENT_DONE)
			on_back(p, i, true);
		else if (event == SMTP_CLIENT_UNSENT)
			on_back(p, i, false);
		else if (event == SMTP_CLIENT_CLOSED)
			p->closed = true;
	}
	assert(!input.len);
}

static void check_lines(span s)
{
	while (s.len) {
		span line = span_cut(&s, '\n');

		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		assert(smtp_client_is_clean(line));
	}
}

static void send_some(struct play *p, uint64_t n)
{
	struct smtp_client_output o = smtp_client_output(&p->client);

	n = MIN(n, o.content_left + o.commands.len);
	check_lines(o.commands);
	if (o.content_left)
		p->left[p->client.cur - p->messages] -= MIN(n, o.content_left);
	smtp_client_sent(&p->client, n);
	drain(p, SPAN_NONE);
}

static void give(struct play *p, uint8_t how)
{
	size_t i = 0;

	while (i < MESSAGES && p->away[i])
		i++;
	if (i == MESSAGES || !smtp_client_has_room(&p->client))
		return;
	memset(p->fates[i], 0, RCPTS);
	memset(p->outcomes[i], 0, RCPTS);
	p->left[i] = CONTENT;
	p->away[i] = true;
	p->messages[i] = (struct smtp_message){
		.sender = how & 1 ? SPAN("s@y") : SPAN(""),
		.flags = (how & 2 ? ENVELOPE_SMTPUTF8 | ENVELOPE_8BIT : 0) |
		    (how & 16 ? ENVELOPE_VERIFY : 0),
		.nrcpts = 1 + (how >> 2) % RCPTS,
		.rcpts = rcpts,
		.fates = p->fates[i],
		.content = span_of(content, CONTENT),
		.content_len = CONTENT,
		.size = how & 32 ? 1000000 : CONTENT,
	};
	smtp_client_give(&p->client, &p->messages[i]);
	drain(p, SPAN_NONE);
}

static void act(struct play *p, uint8_t what)
{
	if (what >= 64) {
		give(p, what);
	} else if (what >= 32) {
		send_some(p, what - 31U);
	} else if (what >= 16) {
		send_some(p, UINT64_MAX);
	} else if (what == 0) {
		smtp_client_quit(&p->client);
	} else if (what < 4) {
		smtp_client_end(&p->client, (enum smtp_end)(what - 1));
	}
	drain(p, SPAN_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;
	struct smtp_setup setup = {
		.flags = size ? data[0] : 0,
		.helo = SPAN("me"),
		.myhostname = SPAN("me"),
		.peer = SPAN("h[1.2.3.4]"),
		.nexthop = SPAN("x"),
	};

	p = (struct play){ 0 };
	smtp_client_init(&p.client, &setup);
	for (size_t i = 1; i < size;) {
		size_t n = data[i] & 0x7f;

		if (data[i++] < 0x80) {
			act(&p, (uint8_t)n);
			continue;
		}
		n = MIN(n, size - i);
		drain(&p, span_of(data + i, n));
		i += n;
	}
	smtp_client_end(&p.client, SMTP_END_LOST);
	drain(&p, SPAN_NONE);
	assert(p.closed);
	for (size_t i = 0; i < MESSAGES; i++)
		assert(!p.away[i]);
	smtp_client_done(&p.client);
	return 0;
}
