/* SPDX-License-Identifier: ISC */
/*
 * The server engine, with a driver that answers at random. The same input is
 * played twice, whole and in pieces; the answers depend on what was asked and
 * on how many questions there were, so that both must come to the same end.
 *
 * Checked all the way: after any reply but 354, no sender means no
 * recipients; the output has no bare CR or LF; what is held is bounded; the
 * content is in wire form.
 *
 * Input: settings (2 bytes), seed of the answers, size of the pieces, what
 * the client says.
 */
#include "proto/smtp_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	OUT_MAX = 1 << 23,
	HANDSHAKE = 0x16, /* in the input: where a handshake would be */
};

struct play {
	struct smtp_server s;
	struct buf out;     /* all that was said */
	struct buf content; /* all that was received */
	size_t kept;        /* ... as whole messages */
	uint32_t seed;
	uint32_t asked;
	bool mail; /* the driver's own idea of the transaction */
	uint32_t rcpts;
};

static unsigned dice(struct play *p)
{
	p->asked++;
	p->seed = p->seed * 1664525u + 1013904223u + p->asked;
	return p->seed >> 16;
}

static void check_output(span s)
{
	for (size_t i = 0; i < s.len; i++) {
		bool cr = i && s.ptr[i - 1] == '\r';

		if ((s.ptr[i] == '\n') != cr)
			bug("a bare CR or LF in the output");
	}
}

static void check_model(const struct play *p)
{
	const struct smtp_server *s = &p->s;

	if (!smtp_server_has_mail(s) && !smtp_server_is_closed(s) &&
	    s->ask == SMTP_ASK_INPUT && !s->drop_now && !s->drop_after &&
	    s->nrcpts)
		bug("recipients without a sender");
	if (s->state == SMTP_RCPT &&
	    (!s->nrcpts || (!s->first_rcpt.len && !s->conf->trusted)))
		bug("no recipient in state RCPT");
	if (s->state == SMTP_MAIL && s->nrcpts)
		bug("a recipient in state MAIL");
	if (s->nrcpts > s->conf->recipient_limit)
		bug("too many recipients");
}

static void drain(struct play *p)
{
	buf_put(&p->out, buf_span(&p->s.out));
	buf_clear(&p->s.out);
}

static void answer(struct play *p, enum smtp_ask ask)
{
	static const struct {
		unsigned code;
		span text;
	} answers[] = {
		{ 0, SPAN_INIT("4FZ1234567") },
		{ 0, SPAN_INIT("4FZ1234567") },
		{ 0, SPAN_INIT("4FZ1234567") },
		{ 554, SPAN_INIT("5.7.1 <x>: no\r\n250 evil") },
		{ 451, SPAN_INIT("4.3.0 later") },
		{ 421, SPAN_INIT("4.7.0 go away") },
	};
	unsigned n = dice(p);
	size_t i = n % 97 == 0 ? 5 : n % 5;
	bool yes = answers[i].code == 0;

	if (ask == SMTP_ASK_MAIL && yes)
		p->mail = true;
	if (ask == SMTP_ASK_RCPT && yes)
		p->rcpts++;
	if ((ask == SMTP_ASK_RCPT || ask == SMTP_ASK_DATA ||
	        ask == SMTP_ASK_COMMIT) &&
	    !p->mail)
		bug("asked without a transaction");
	if (ask == SMTP_ASK_DATA && !p->rcpts)
		bug("content without a recipient");
	smtp_server_answer(&p->s, answers[i].code, answers[i].text);
	if (ask == SMTP_ASK_COMMIT) {
		p->kept = p->content.len;
		p->mail = false;
		p->rcpts = 0;
	}
}

static void decide(struct play *p, enum smtp_ask ask)
{
	switch (ask) {
	case SMTP_ASK_HELO:
	case SMTP_ASK_MAIL:
	case SMTP_ASK_RCPT:
	case SMTP_ASK_VRFY:
	case SMTP_ASK_ETRN:
	case SMTP_ASK_DATA:
	case SMTP_ASK_COMMIT:
		answer(p, ask);
		break;
	case SMTP_ASK_TLS:
		if (p->s.in.len)
			bug("input of before TLS is kept");
		smtp_server_answer(&p->s, 0, SPAN_NONE);
		break;
	case SMTP_ASK_DELAY:
		smtp_server_answer(&p->s, 0, SPAN_NONE);
		break;
	case SMTP_ASK_CHUNK:
		if (!p->mail)
			bug("content without a transaction");
		buf_put(&p->content, p->s.chunk);
		break;
	case SMTP_ASK_DROPPED:
		if (!p->mail)
			bug("nothing to drop");
		p->content.len = p->kept;
		p->mail = false;
		p->rcpts = 0;
		break;
	case SMTP_ASK_FLUSH:
		drain(p);
		break;
	case SMTP_ASK_NOTE:
	case SMTP_ASK_INPUT:
	case SMTP_ASK_CLOSE:
		break;
	}
}

static bool run(struct play *p)
{
	enum smtp_ask ask;

	while ((ask = smtp_server_next(&p->s)) != SMTP_ASK_INPUT &&
	    ask != SMTP_ASK_CLOSE) {
		decide(p, ask);
		check_model(p);
	}
	drain(p);
	smtp_server_park(&p->s);
	if (p->s.held.len > p->s.conf->line_length_limit + 1)
		bug("too much is held");
	return ask != SMTP_ASK_CLOSE;
}

/* What is left of it when TLS begins is lost, as it would be in life. */
static bool play_phase(struct play *p, span in, size_t cut)
{
	bool tls = p->s.tls;

	while (in.len && p->s.tls == tls) {
		span piece = span_first(in, cut);
		char *copy = mem_new(piece.len, 1);
		bool open;

		memcpy(copy, piece.ptr, piece.len);
		in = span_from(in, piece.len);
		smtp_server_feed(&p->s, span_of(copy, piece.len));
		open = run(p);
		mem_free(copy);
		if (!open)
			return false;
	}
	return true;
}

static void play(struct play *p, span in, size_t cut)
{
	smtp_server_start(&p->s, SPAN("h[192.0.2.1]"), 0, SPAN_NONE);
	if (!run(p))
		return;
	while (in.len && play_phase(p, span_cut(&in, HANDSHAKE), cut))
		;
}

static void set_up(struct smtp_server_conf *c, const uint8_t *settings)
{
	unsigned bits = settings[0];

	*c = (struct smtp_server_conf){
		.myhostname = SPAN("h.example"),
		.banner = SPAN("h.example ESMTP"),
		.forbidden_commands = SPAN("GET POST"),
		.noop_commands = SPAN("foo"),
		.verp_delimiters = SPAN("+="),
		.verp_filter = SPAN("+="),
		.message_size_limit = bits & 1 ? 300 : 0,
		.line_length_limit = bits & 2 ? 100 : 2048,
		.recipient_limit = 3,
		.recipient_overshoot_limit = 1,
		.junk_command_limit = 10,
		.soft_error_limit = 2,
		.hard_error_limit = bits & 4 ? 5 : 1000,
		.bare_lf = (uint8_t)(bits >> 3 & 3),
		.bare_lf_code = 550,
		.ask_helo = (bits & 32) != 0,
		.smtputf8 = (bits & 64) != 0,
		.soft_bounce = (bits & 128) != 0,
		.strict_rfc821 = (settings[1] & 1) != 0,
		.strict_smtputf8 = (settings[1] & 2) != 0,
		.allow_min_user = (bits & 4) != 0,
		.allow_numeric = (bits & 128) != 0,
		.helo_required = (settings[1] & 4) != 0,
		.error_sleep = (settings[1] & 8) != 0,
		.disable_vrfy = (settings[1] & 16) != 0,
		.discard = settings[1] & 32
		    ? SMTP_KEYWORD_DSN | SMTP_KEYWORD_SMTPUTF8
		    : 0,
		.forbid_nonletters = (settings[1] & 64) != 0,
		.tls = settings[1] & 128 ? SMTP_TLS_ENCRYPT
		    : settings[1] & 32   ? SMTP_TLS_MAY
		                         : SMTP_TLS_NONE,
	};
	/* A process of ours; what is too big is cut, anywhere. */
	c->trusted = (settings[1] & 7) == 7;
	if (c->trusted)
		c->message_size_limit = 0;
}

static void begin(
    struct play *p, const struct smtp_server_conf *conf, uint8_t seed)
{
	*p = (struct play){ .seed = seed,
		.out = BUF_INIT(OUT_MAX),
		.content = BUF_INIT(OUT_MAX) };
	smtp_server_init(&p->s, conf);
	p->s.may_verp = seed & 1;
}

static void end(struct play *p)
{
	smtp_server_done(&p->s);
	buf_done(&p->out);
	buf_done(&p->content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_server_conf conf;
	struct buf counts = BUF_INIT(4096);
	struct play whole;
	struct play cut;
	span in;

	if (size < 4)
		return 0;
	set_up(&conf, data);
	in = span_of(data + 4, size - 4);
	begin(&whole, &conf, data[2]);
	begin(&cut, &conf, data[2]);
	play(&whole, in, in.len + 1);
	play(&cut, in, data[3] % 40 + 1u);
	check_output(buf_span(&whole.out));
	check_output(buf_span(&whole.content));
	if (!span_eq(buf_span(&whole.out), buf_span(&cut.out)))
		bug("cutting changes what is said");
	/* Of a message that is too big more or less may have been stored. */
	if (!span_eq(span_first(buf_span(&whole.content), whole.kept),
	        span_first(buf_span(&cut.content), cut.kept)))
		bug("cutting changes what is received");
	smtp_server_counts(&whole.s, &counts);
	smtp_server_where(&whole.s, &counts);
	buf_done(&counts);
	end(&whole);
	end(&cut);
	return 0;
}
