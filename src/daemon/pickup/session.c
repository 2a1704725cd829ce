/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/session.c - one session of SMTP with an smtpd process.
 *
 *	COMING --220--> IDLE --give--> ENVELOPE --354--> CONTENT --> SENT
 *	                  ^               |                            |
 *	                  +---- RESET <---+ refused            250, 4xx|
 *	                  +--------------------------------------------+
 *
 * The commands of a message leave at once, MAIL, all RCPTs and DATA; smtpd
 * answers 354 only if it took all of them (proto/smtp_server_inside.c), so
 * that a message is either taken for all of its recipients or for none. What
 * a reply says matters only if it is no; the last one of each group decides.
 *
 * A session that ends frees itself at the end of the round.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/pickup/pickup.h"
#include "ipc/msg_submit.h"
#include "os/error.h"
#include "os/log.h"
#include "os/sock.h"
#include "proto/smtp_reply.h"

enum {
	INPUT = 16 * 1024,
	OUTPUT_MAX = 4 * SESSION_OUTPUT + 16 * 1024 * 1024,
	ADDRESS_CUT = 2048, /* longer than any that works */
	WHY_MAX = 512,
};

enum state {
	COMING,
	IDLE,
	ENVELOPE,
	CONTENT,
	SENT,
	RESET,
	DEAD,
};

struct session {
	struct list link; /* in lane->sessions */
	struct lane *lane;
	struct smtpd_peer *peer; /* NULL: gone */
	int fd;
	struct loop_watch *watch;
	struct loop_hook flush;
	struct loop_hook last;
	struct smtp_reply reply;
	struct buf out;
	struct buf why; /* the first refusal of this message */
	struct mail *mail;
	uint32_t next_rcpt;
	uint64_t unanswered; /* commands */
	uint16_t code;       /* of the last reply */
	uint8_t state;       /* enum state */
	bool is_writing;
	bool said_data;
	bool started; /* the content was asked for */
	bool retired;
};

struct session *session_of(struct list *link)
{
	return CONTAINER_OF(link, struct session, link);
}

bool session_is_idle(const struct session *s)
{
	return s->state == IDLE && !s->retired;
}

bool session_is_coming(const struct session *s)
{
	return s->state == COMING;
}

bool session_has_sent(const struct session *s)
{
	return s->state == SENT;
}

void session_leave(struct session *s, const struct smtpd_peer *peer)
{
	if (s->peer == peer)
		s->peer = NULL;
}

/* ---- the end ---- */

static void free_session(void *ctx)
{
	struct session *s = ctx;

	smtp_reply_done(&s->reply);
	buf_done(&s->out);
	buf_done(&s->why);
	mem_free(s);
}

/* The mail goes back to where it came from. */
static void end_mail(struct session *s, const struct mail_end *end)
{
	struct mail *m = STEAL(s->mail);

	if (!m)
		return;
	m->session = NULL;
	m->calls->ended(m, end);
}

void session_abort(struct session *s, bool forget)
{
	const struct mail_end lost = { .fate = MAIL_LOST };
	struct pickup *p = s->lane->pickup;

	if (s->state == DEAD)
		return;
	s->state = DEAD;
	loop_unwatch(&s->watch);
	loop_defer_cancel(&s->flush);
	(void)close(s->fd);
	list_remove(&s->link);
	s->lane->nsessions--;
	if (s->peer)
		s->peer->nsessions--;
	s->last.fn = free_session;
	s->last.ctx = s;
	loop_defer(p->loop, LOOP_LAST, &s->last);
	if (forget)
		s->mail = NULL;
	else
		end_mail(s, &lost);
}

/* Those who wait for a session may get another one. */
static void lose(struct session *s)
{
	struct lane *l = s->lane;
	/* One that never came would be made again and again. */
	bool again = s->state != COMING;

	session_abort(s, false);
	if (again)
		lane_run(l);
	else
		lane_run_later(l);
	pickup_check_end(l->pickup);
}

void session_retire(struct session *s)
{
	s->retired = true;
	if (s->state == IDLE)
		session_abort(s, false);
}

/* ---- what we say ---- */

/* As xtext (RFC 3461 4), but nothing that any parser might take for more. */
static void put_text(struct buf *out, const char *name, span text)
{
	buf_put(out, span_str(name));
	text = span_first(text, ADDRESS_CUT);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ' || c == 0x7f)
			c = '?';
		if (ascii_is_alnum((char)c) || strchr("@._-", c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "+%02X", c);
	}
}

static void put_optional(struct buf *out, const char *name, span text)
{
	if (text.len)
		put_text(out, name, text);
}

static void put_mail(struct session *s)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = {
		{ ENVELOPE_8BIT, " BODY=8BITMIME" },
		{ ENVELOPE_SMTPUTF8, " SMTPUTF8" },
		{ ENVELOPE_RET_FULL, " RET=FULL" },
		{ ENVELOPE_RET_HDRS, " RET=HDRS" },
		{ ENVELOPE_TRACE, " XTRACE" },
		{ ENVELOPE_VERIFY, " XVERIFY" },
	};
	const struct mail *m = s->mail;
	const struct envelope *e = &m->envelope;
	struct buf *out = &s->out;

	buf_put(out, SPAN("MAIL FROM:<>"));
	put_optional(out, " XFROM=", e->sender);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (e->flags & words[i].flag)
			buf_put(out, span_str(words[i].word));
	if (m->has_uid)
		buf_printf(out, " XUID=%u", m->uid);
	if (e->arrival)
		buf_printf(
		    out, " XARRIVAL=%llu", (unsigned long long)e->arrival);
	if (m->received)
		buf_printf(
		    out, " XRECEIVED=%llu", (unsigned long long)m->received);
	buf_put(out, m->is_final ? SPAN(" XFINAL") : SPAN_NONE);
	buf_put(out, m->is_remote ? SPAN(" XREMOTE") : SPAN_NONE);
	put_optional(out, " XFULLNAME=", m->full_name);
	put_optional(out, " XFORMERID=", m->former_id);
	put_optional(out, " XENVID=", e->envid);
	if (e->verp.len)
		buf_printf(out, " XVERP=%.*s", PRI(e->verp));
	put_optional(out, " XNAME=", e->client_name);
	put_optional(out, " XADDR=", e->client_addr);
	if (e->client_port)
		buf_printf(out, " XPORT=%u", e->client_port);
	put_optional(out, " XHELO=", e->helo);
	put_optional(out, " XPROTO=", e->proto);
	buf_put(out, SPAN("\r\n"));
}

static void put_notify(struct buf *out, unsigned notify)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
		"DELAY" };
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!(notify & 1u << i))
			continue;
		buf_put(out, span_str(before));
		buf_put(out, span_str(words[i]));
		before = ",";
	}
}

static void put_rcpt(struct session *s)
{
	const struct rcpt *r = &s->mail->envelope.rcpts[s->next_rcpt++];

	put_text(&s->out, "RCPT TO:<> XTO=", r->addr);
	put_optional(&s->out, " XGIVEN=", r->orig);
	put_optional(&s->out, " XORCPT=", r->orcpt);
	put_notify(&s->out, r->notify);
	buf_put(&s->out, SPAN("\r\n"));
	s->unanswered++;
}

static void fill_envelope(struct session *s)
{
	while (s->next_rcpt < s->mail->envelope.nrcpts &&
	    s->out.len < SESSION_OUTPUT)
		put_rcpt(s);
	if (s->next_rcpt < s->mail->envelope.nrcpts || s->said_data)
		return;
	buf_put(&s->out, SPAN("DATA\r\n"));
	s->unanswered++;
	s->said_data = true;
}

static int fill_content(struct session *s)
{
	while (s->state == CONTENT && s->out.len < SESSION_OUTPUT) {
		size_t before = s->out.len;
		bool first = !s->started;
		int r;

		s->started = true;
		r = s->mail->calls->read(s->mail, first, &s->out);
		if (r < 0 || s->out.failed)
			return r < 0 ? r : -EFBIG;
		if (s->out.len > before)
			continue;
		buf_put(&s->out, SPAN(".\r\n"));
		s->unanswered++;
		s->state = SENT;
	}
	return 0;
}

/* 0, or a negative errno: the message cannot be read. */
static int fill(struct session *s)
{
	if (s->state == ENVELOPE)
		fill_envelope(s);
	return s->state == CONTENT ? fill_content(s) : 0;
}

/* ---- the socket ---- */

static void watch(struct session *s, bool writing)
{
	if (writing == s->is_writing)
		return;
	s->is_writing = writing;
	loop_watch_set(s->watch, LOOP_IN | (writing ? LOOP_OUT : 0u));
}

/* As much as the socket takes. */
static int send_some(struct session *s)
{
	while (s->out.len) {
		ssize_t n =
		    os_size(send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL));

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		buf_drop(&s->out, (size_t)n);
	}
	return 0;
}

static void on_flush(void *ctx)
{
	struct session *s = ctx;
	int r = 0;

	while (r == 0 && s->state != DEAD) {
		r = fill(s);
		if (r < 0) {
			log_warn("pickup", "read a message: %s", strerror(-r));
			break;
		}
		if (!s->out.len)
			break;
		r = send_some(s);
	}
	if (s->state == DEAD)
		return;
	if (r < 0 && r != -EAGAIN) {
		lose(s);
		return;
	}
	watch(s, r == -EAGAIN);
	if (!s->out.len)
		buf_release(&s->out);
}

static void flush_later(struct session *s)
{
	loop_defer(s->lane->pickup->loop, LOOP_PEER, &s->flush);
}

/* ---- what smtpd says ---- */

static void become_idle(struct session *s)
{
	struct lane *l = s->lane;

	s->state = IDLE;
	if (s->retired)
		session_abort(s, false);
	lane_run(l);
	pickup_check_end(l->pickup);
}

/* "2.0.0 Ok: queued as 4FZ..." */
static bool find_id(span text, msgid *ret)
{
	ssize_t blank = span_rfind(text, ' ');

	return msgid_parse(span_from(text, (size_t)(blank + 1)), ret);
}

static void on_taken(struct session *s)
{
	struct mail_end end = { .fate = MAIL_TAKEN };

	if (!find_id(smtp_reply_text(&s->reply), &end.id)) {
		lose(s);
		return;
	}
	s->state = IDLE;
	end_mail(s, &end);
	become_idle(s);
}

static void on_refused(struct session *s)
{
	struct mail_end end = {
		.fate = MAIL_REFUSED,
		.why = buf_span(&s->why),
	};
	bool in_envelope = s->state == ENVELOPE;

	/* smtpd has a transaction still. */
	s->state = in_envelope ? RESET : IDLE;
	if (in_envelope) {
		buf_put(&s->out, SPAN("RSET\r\n"));
		s->unanswered++;
		flush_later(s);
	}
	end_mail(s, &end);
	if (s->state == IDLE)
		become_idle(s);
}

/* All that was asked is answered. */
static void on_answered(struct session *s)
{
	switch ((enum state)s->state) {
	case COMING:
	case RESET:
		if (s->code / 100 == 2)
			become_idle(s);
		else
			lose(s);
		break;
	case ENVELOPE:
		if (!s->said_data)
			break;
		if (s->code != 354) {
			on_refused(s);
			break;
		}
		s->state = CONTENT;
		flush_later(s);
		break;
	case SENT:
		if (s->code / 100 == 2)
			on_taken(s);
		else
			on_refused(s);
		break;
	case IDLE:
	case CONTENT:
	case DEAD:
		lose(s);
		break;
	}
}

static void on_reply(struct session *s)
{
	s->code = s->reply.code;
	if (!s->unanswered || s->code == 421) {
		lose(s);
		return;
	}
	s->unanswered--;
	if (s->code >= 400 && !s->why.len)
		buf_put(
		    &s->why, span_first(smtp_reply_text(&s->reply), WHY_MAX));
	if (!s->unanswered)
		on_answered(s);
}

static void take_replies(struct session *s, span in)
{
	while (s->state != DEAD) {
		switch (smtp_reply_take(&s->reply, &in)) {
		case SMTP_REPLY_MORE:
			return;
		case SMTP_REPLY_LINE:
			break;
		case SMTP_REPLY_DONE:
			on_reply(s);
			break;
		case SMTP_REPLY_GARBAGE:
		case SMTP_REPLY_TOO_LONG:
			lose(s);
			break;
		}
	}
}

static void on_event(void *ctx, unsigned events)
{
	struct session *s = ctx;
	char input[INPUT];
	ssize_t n;

	if (events & LOOP_OUT)
		on_flush(s);
	if (s->state == DEAD || !(events & (LOOP_IN | LOOP_HUP)))
		return;
	n = os_size(read(s->fd, input, sizeof(input)));
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0)
		lose(s);
	else
		take_replies(s, span_of(input, (size_t)n));
}

/* ---- the beginning ---- */

void session_give(struct session *s, struct mail *m)
{
	s->mail = m;
	m->session = s;
	s->state = ENVELOPE;
	s->next_rcpt = 0;
	s->said_data = false;
	s->started = false;
	buf_clear(&s->why);
	put_mail(s);
	s->unanswered++;
	flush_later(s);
}

/* The other end goes to smtpd. */
static int connect_to(struct lane *l, struct smtpd_peer *peer, int *ret_fd)
{
	int pair[2];
	int r = sock_pair(pair);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 2 && r == 0; i++)
		r = sock_nonblock(pair[i]);
	if (r == 0) {
		wire_put_u32(
		    chan_begin_fds(peer->chan, SUBMIT_SESSION, &pair[1], 1),
		    l->service);
		chan_end(peer->chan);
	}
	(void)close(pair[1]);
	if (r < 0)
		(void)close(pair[0]);
	else
		*ret_fd = pair[0];
	return r;
}

struct session *session_new(struct lane *l, struct smtpd_peer *peer)
{
	struct session *s;
	int fd;
	int r = connect_to(l, peer, &fd);

	if (r < 0) {
		log_warn("pickup", "socketpair: %s", strerror(-r));
		return NULL;
	}
	s = NEW(struct session);
	s->lane = l;
	s->peer = peer;
	s->fd = fd;
	s->unanswered = 1;
	s->flush.fn = on_flush;
	s->flush.ctx = s;
	list_init(&s->flush.link);
	list_init(&s->last.link);
	smtp_reply_init(&s->reply);
	buf_init(&s->out, OUTPUT_MAX);
	buf_init(&s->why, WHY_MAX);
	list_append(&l->sessions, &s->link);
	l->nsessions++;
	peer->nsessions++;
	r = loop_watch(l->pickup->loop, fd, LOOP_IN, on_event, s, &s->watch);
	if (r == 0)
		return s;
	session_abort(s, true);
	return NULL;
}
