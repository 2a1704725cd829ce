/* SPDX-License-Identifier: ISC */
/*
 * MAIL and RCPT: the path (mail/address.h) and the ESMTP parameters, of which
 * each one is a line in a table.
 */
#include "proto/smtp_server_internal.h"

#include "mail/address.h"
#include "mail/verp.h"
#include "proto/xtext.h"

static const span no_dsn = SPAN_INIT("501 5.7.1 DSN support is disabled");

static bool knows(const struct smtp_server *s, enum smtp_keyword k)
{
	return !(s->conf->discard & k);
}

static bool knows_utf8(const struct smtp_server *s)
{
	return s->conf->smtputf8 && knows(s, SMTP_KEYWORD_SMTPUTF8);
}

/* --- parameters of MAIL --- */

static span take_8bitmime(struct smtp_server *s, span value)
{
	(void)value;
	s->mail.body_8bit = true;
	s->mail.body_7bit = false;
	return SPAN_NONE;
}

static span take_7bit(struct smtp_server *s, span value)
{
	(void)value;
	s->mail.body_7bit = true;
	s->mail.body_8bit = false;
	return SPAN_NONE;
}

static span take_size(struct smtp_server *s, span value)
{
	uint64_t size;

	if (!value.len)
		return SPAN("501 5.5.4 Bad message size syntax");
	for (size_t i = 0; i < value.len; i++)
		if (!ascii_is_digit(value.ptr[i]))
			return SPAN("501 5.5.4 Bad message size syntax");
	if (!span_to_u64(value, &size) || size > INT64_MAX)
		return SPAN("552 5.3.4 Message size exceeds file system "
		            "imposed limit");
	s->mail.size = size;
	return SPAN_NONE;
}

static span take_auth(struct smtp_server *s, span value)
{
	if (s->mail.auth.len)
		return SPAN("503 5.5.4 Error: multiple AUTH= options");
	if (!span_eq(value, SPAN("<>")))
		s->mail.auth = arena_dup(&s->txn, value);
	return SPAN_NONE;
}

static span take_ret(struct smtp_server *s, span value)
{
	if (!knows(s, SMTP_KEYWORD_DSN))
		return no_dsn;
	if (s->mail.ret_full || s->mail.ret_hdrs)
		return SPAN("501 5.5.4 Bad RET parameter syntax");
	s->mail.ret_full = span_eq_nocase(value, SPAN("FULL"));
	s->mail.ret_hdrs = span_eq_nocase(value, SPAN("HDRS"));
	return s->mail.ret_full || s->mail.ret_hdrs
	    ? SPAN_NONE
	    : SPAN("501 5.5.4 Bad RET parameter syntax");
}

static span take_envid(struct smtp_server *s, span value)
{
	static const span bad =
	    SPAN_INIT("501 5.5.4 Bad ENVID parameter syntax");

	if (!knows(s, SMTP_KEYWORD_DSN))
		return no_dsn;
	if (s->mail.envid.len ||
	    !xtext_decode(value, &s->txn, &s->mail.envid) || !s->mail.envid.len)
		return bad;
	for (size_t i = 0; i < s->mail.envid.len; i++)
		if (!ascii_is_print(s->mail.envid.ptr[i]))
			return bad;
	return SPAN_NONE;
}

static span take_utf8(struct smtp_server *s, span value)
{
	(void)value;
	s->mail.smtputf8 = true;
	return SPAN_NONE;
}

static span take_verp(struct smtp_server *s, span value)
{
	struct buf text = BUF_INIT(1024);

	if (verp_is_valid(value, s->conf->verp_filter)) {
		s->mail.verp = arena_dup(&s->txn, value);
	} else {
		buf_printf(&text,
		    "501 5.5.4 Error: XVERP needs two characters from %.*s",
		    PRI(s->conf->verp_filter));
		value = arena_dup(&s->cmd, buf_span(&text));
	}
	buf_done(&text);
	return s->mail.verp.len ? SPAN_NONE : value;
}

static span take_usual_verp(struct smtp_server *s, span value UNUSED)
{
	return take_verp(s, s->conf->verp_delimiters);
}

static const struct smtp_param mail_items[] = {
	{ SPAN_INIT("BODY=8BITMIME"), take_8bitmime },
	{ SPAN_INIT("BODY=7BIT"), take_7bit },
	{ SPAN_INIT("SIZE="), take_size },
	{ SPAN_INIT("SMTPUTF8"), take_utf8 },
	{ SPAN_INIT("AUTH="), take_auth },
	{ SPAN_INIT("RET="), take_ret },
	{ SPAN_INIT("ENVID="), take_envid },
	{ SPAN_INIT("XVERP="), take_verp },
	{ SPAN_INIT("XVERP"), take_usual_verp },
};

static const struct smtp_params mail_params = { mail_items,
	ARRAY_LEN(mail_items) };

/* --- parameters of RCPT --- */

static span take_notify(struct smtp_server *s, span value)
{
	static const span words[] = {
		SPAN_INIT("NEVER"),
		SPAN_INIT("SUCCESS"),
		SPAN_INIT("FAILURE"),
		SPAN_INIT("DELAY"),
	};
	static const span bad =
	    SPAN_INIT("501 5.5.4 Error: Bad NOTIFY parameter syntax");
	unsigned bits = 0;

	if (!knows(s, SMTP_KEYWORD_DSN))
		return no_dsn;
	if (s->rcpt.notify)
		return bad;
	for (;;) {
		span word = span_word(&value, ", \t\r\n");
		size_t i = 0;

		if (!word.len)
			break;
		while (i < ARRAY_LEN(words) && !span_eq_nocase(word, words[i]))
			i++;
		if (i == ARRAY_LEN(words))
			return bad;
		bits |= 1u << i;
	}
	if (!bits || (bits != 1 && (bits & 1)))
		return bad;
	s->rcpt.notify = (uint8_t)bits;
	return SPAN_NONE;
}

static span take_orcpt(struct smtp_server *s, span value)
{
	static const span bad =
	    SPAN_INIT("501 5.5.4 Error: Bad ORCPT parameter syntax");
	ssize_t semicolon = span_find(value, ';');
	span type = span_first(value, (size_t)MAX(semicolon, (ssize_t)0));
	span coded = span_from(value, type.len + 1);
	struct buf text = BUF_INIT(ADDRESS_MAX);
	span addr;

	if (!knows(s, SMTP_KEYWORD_DSN))
		return no_dsn;
	if (s->rcpt.orcpt.len || !type.len)
		return bad;
	for (size_t i = 0; i < type.len; i++)
		if ((unsigned char)type.ptr[i] <= ' ' || type.ptr[i] == 0x7f)
			return bad;
	if (!(span_eq_nocase(type, SPAN("utf-8"))
	            ? xtext_decode_utf8(coded, &s->cmd, &addr)
	            : xtext_decode(coded, &s->cmd, &addr)))
		return bad;
	buf_put(&text, type);
	buf_putc(&text, ';');
	buf_put(&text, addr);
	s->rcpt.orcpt = arena_dup(&s->cmd, buf_span(&text));
	buf_done(&text);
	return s->rcpt.orcpt.len ? SPAN_NONE : bad;
}

static const struct smtp_param rcpt_items[] = {
	{ SPAN_INIT("NOTIFY="), take_notify },
	{ SPAN_INIT("ORCPT="), take_orcpt },
};

static const struct smtp_params rcpt_params = { rcpt_items,
	ARRAY_LEN(rcpt_items) };

/* --- both --- */

/* The parameter that a word is; its value is left in `word`. */
static const struct smtp_param *find_param(
    const struct smtp_params *params, span *word)
{
	for (size_t i = 0; i < params->count; i++) {
		span name = params->items[i].name;
		bool open = name.ptr[name.len - 1] == '=';

		if (open ? span_skip_nocase(word, name)
		         : span_eq_nocase(*word, name))
			return &params->items[i];
	}
	return NULL;
}

/* To those who do not know it, it is no parameter at all. */
static bool is_for(const struct smtp_server *s, const struct smtp_param *p)
{
	if (p->take == take_utf8)
		return knows_utf8(s);
	return (p->take != take_verp && p->take != take_usual_verp) ||
	    s->may_verp || s->conf->trusted;
}

/* False: the command was refused. */
static bool take_params(struct smtp_server *s, span args,
    const struct smtp_params *params, const struct smtp_params *inside)
{
	for (;;) {
		const struct smtp_param *p;
		span word;
		span value;
		span refusal;

		word = smtp_next_word(&args);
		if (!word.len)
			return true;
		value = word;
		p = find_param(params, &value);
		if (!p && s->conf->trusted)
			p = find_param(inside, &value);
		if (!p || !is_for(s, p)) {
			smtp_replyf(
			    s, "555 5.5.4 Unsupported option: %.*s", PRI(word));
			smtp_finish(s, SMTP_DONE_ERROR);
			return false;
		}
		refusal = p->take(s, value);
		if (refusal.len) {
			smtp_refuse(s, refusal);
			return false;
		}
	}
}

/*
 * The path behind "FROM:" or "TO:", and whether what follows it says
 * SMTPUTF8: that comes last, but decides what a path may look like.
 */
static bool says_utf8(const struct smtp_server *s, span args)
{
	span word;

	if (!knows_utf8(s))
		return false;
	for (;;) {
		word = smtp_next_word(&args);
		if (!word.len)
			return false;
		if (span_eq_nocase(word, SPAN("SMTPUTF8")))
			return true;
	}
}

static unsigned path_flags(const struct smtp_server *s, bool utf8)
{
	return (s->conf->strict_rfc821 ? ADDRESS_STRICT : 0) |
	    (s->conf->allow_min_user ? ADDRESS_ALLOW_MIN_USER : 0) |
	    (s->conf->allow_numeric ? ADDRESS_ALLOW_NUMERIC : 0) |
	    (utf8 ? ADDRESS_SMTPUTF8 : 0);
}

/* False: refused. */
static bool is_declared(struct smtp_server *s, span addr)
{
	if (!s->conf->strict_smtputf8 || s->mail.smtputf8 ||
	    address_is_ascii(addr))
		return true;
	smtp_refuse(s,
	    SPAN("553 5.6.7 Must declare SMTPUTF8 to send unicode "
	         "address"));
	return false;
}

/* --- MAIL --- */

/* Who is trusted says the address in a parameter, where anything goes. */
static bool skip_empty_path(span *args)
{
	return span_skip(args, SPAN("FROM:<>")) ||
	    span_skip(args, SPAN("TO:<>"));
}

/* False: the command was refused. */
static bool parse_sender(struct smtp_server *s, span *args)
{
	struct address_path path = { 0 };
	int r;

	while (args->len && ascii_is_space(args->ptr[0]))
		*args = span_from(*args, 1);
	if (s->conf->trusted && skip_empty_path(args))
		return true;
	r = span_skip_nocase(args, SPAN("FROM:"))
	    ? address_parse_path(args,
	          path_flags(s, says_utf8(s, *args)) | ADDRESS_MAY_BE_EMPTY,
	          &s->txn, &path)
	    : ADDRESS_MISSING;
	if (r == ADDRESS_MISSING) {
		smtp_refuse(s, SPAN("501 5.5.4 Syntax: MAIL FROM:<address>"));
		return false;
	}
	if (r == ADDRESS_BAD) {
		smtp_add_note(s, SMTP_NOTE_BAD_ADDRESS, path.text);
		smtp_refuse(s, SPAN("501 5.1.7 Bad sender address syntax"));
		return false;
	}
	/* Borrowed from the line, or in s->txn already. */
	s->mail.sender = arena_dup(&s->txn, path.addr);
	return true;
}

void smtp_cmd_mail(struct smtp_server *s, span args)
{
	s->mail = (struct smtp_mail){ 0 };
	s->nrcpts = 0;
	s->overshoot = 0;
	s->rcpt_refused = false;
	s->was_cut = false;
	if (!parse_sender(s, &args) ||
	    !take_params(s, args, &mail_params, &smtp_inside_mail))
		return;
	if (s->conf->message_size_limit &&
	    s->mail.size > s->conf->message_size_limit) {
		smtp_add_note(s, SMTP_NOTE_REJECT,
		    SPAN("552 5.3.4 Message size exceeds fixed limit"));
		smtp_refuse(
		    s, SPAN("552 5.3.4 Message size exceeds fixed limit"));
		return;
	}
	if (s->mail.verp.len && !s->mail.sender.len) {
		smtp_refuse(
		    s, SPAN("503 5.5.4 Error: XVERP requires non-null sender"));
		return;
	}
	if (is_declared(s, s->mail.sender))
		smtp_question(s, SMTP_ASK_MAIL);
}

/* --- RCPT --- */

static bool parse_recipient(struct smtp_server *s, span *args)
{
	struct address_path path = { 0 };
	int r;

	while (args->len && ascii_is_space(args->ptr[0]))
		*args = span_from(*args, 1);
	if (s->conf->trusted && skip_empty_path(args))
		return true;
	r = span_skip_nocase(args, SPAN("TO:"))
	    ? address_parse_path(
	          args, path_flags(s, s->mail.smtputf8), &s->cmd, &path)
	    : ADDRESS_MISSING;
	if (r == ADDRESS_MISSING) {
		smtp_refuse(s, SPAN("501 5.5.4 Syntax: RCPT TO:<address>"));
		return false;
	}
	if (r == ADDRESS_BAD) {
		smtp_add_note(s, SMTP_NOTE_BAD_ADDRESS, path.text);
		smtp_refuse(s, SPAN("501 5.1.3 Bad recipient address syntax"));
		return false;
	}
	s->rcpt.addr = arena_dup(&s->cmd, path.addr);
	s->rcpt.orig = arena_dup(&s->cmd, path.bare);
	return true;
}

static bool has_room(struct smtp_server *s)
{
	if (!s->conf->recipient_limit || s->nrcpts < s->conf->recipient_limit)
		return true;
	smtp_reply(s, SPAN("452 4.5.3 Error: too many recipients"));
	/* An honest client that does not know the limit is no offender. */
	smtp_finish(s,
	    s->overshoot++ < s->conf->recipient_overshoot_limit
	        ? SMTP_DONE_OK
	        : SMTP_DONE_ERROR);
	return false;
}

void smtp_cmd_rcpt(struct smtp_server *s, span args)
{
	s->rcpt = (struct smtp_rcpt){ 0 };
	if (parse_recipient(s, &args) &&
	    take_params(s, args, &rcpt_params, &smtp_inside_rcpt) &&
	    has_room(s) && is_declared(s, s->rcpt.addr))
		smtp_question(s, SMTP_ASK_RCPT);
}
