/* SPDX-License-Identifier: ISC */
/*
 * The commands that have nothing to do with a transaction, but may end one.
 * Replies to HELO and EHLO carry no status code (RFC 2034 3).
 */
#include "proto/smtp_server_internal.h"

#include "mail/address.h"
#include "mail/token.h"

/* --- HELO, EHLO --- */

/*
 * The name ends up in the log and in a Received header: what could be taken
 * for syntax there becomes a question mark. UTF-8 may stay if we speak it.
 */
static char *make_harmless(const struct smtp_server *s, span name)
{
	char *text = mem_new(name.len + 1, 1);

	memcpy(text, name.ptr, name.len);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' || c == 0x7f || strchr(" <>()\\\";@", c) ||
		    (c > 0x7f && !s->conf->smtputf8))
			text[i] = '?';
	}
	return text;
}

static void take_helo(struct smtp_server *s)
{
	mem_free(s->helo_text);
	s->helo_text = make_harmless(s, s->arg);
	s->helo = span_of(s->helo_text, s->arg.len);
	smtp_reset_to(s, SMTP_READY);
}

static bool announces(const struct smtp_server *s, enum smtp_keyword k)
{
	if (s->conf->discard & k)
		return false;
	if (k == SMTP_KEYWORD_VRFY)
		return !s->conf->disable_vrfy;
	if (k == SMTP_KEYWORD_STARTTLS)
		return s->conf->tls != SMTP_TLS_NONE && !s->tls;
	if (k == SMTP_KEYWORD_VERP)
		return s->may_verp;
	return k != SMTP_KEYWORD_SMTPUTF8 || s->conf->smtputf8;
}

/* clang-format off */
static const struct {
	enum smtp_keyword bit;
	span word;
} announced[] = {
	{ SMTP_KEYWORD_PIPELINING, SPAN_INIT("PIPELINING") },
	{ SMTP_KEYWORD_SIZE, SPAN_INIT("SIZE") },
	{ SMTP_KEYWORD_VRFY, SPAN_INIT("VRFY") },
	{ SMTP_KEYWORD_ETRN, SPAN_INIT("ETRN") },
	{ SMTP_KEYWORD_STARTTLS, SPAN_INIT("STARTTLS") },
	{ SMTP_KEYWORD_VERP, SPAN_INIT("XVERP") },
	{ SMTP_KEYWORD_ENHANCEDSTATUSCODES, SPAN_INIT("ENHANCEDSTATUSCODES") },
	{ SMTP_KEYWORD_8BITMIME, SPAN_INIT("8BITMIME") },
	{ SMTP_KEYWORD_DSN, SPAN_INIT("DSN") },
	{ SMTP_KEYWORD_SMTPUTF8, SPAN_INIT("SMTPUTF8") },
	{ SMTP_KEYWORD_CHUNKING, SPAN_INIT("CHUNKING") },
};

static const struct {
	enum smtp_keyword bit;
	span word;
} keywords[] = {
	{ SMTP_KEYWORD_8BITMIME, SPAN_INIT("8BITMIME") },
	{ SMTP_KEYWORD_AUTH, SPAN_INIT("AUTH") },
	{ SMTP_KEYWORD_ETRN, SPAN_INIT("ETRN") },
	{ SMTP_KEYWORD_PIPELINING, SPAN_INIT("PIPELINING") },
	{ SMTP_KEYWORD_SIZE, SPAN_INIT("SIZE") },
	{ SMTP_KEYWORD_VERP, SPAN_INIT("VERP") },
	{ SMTP_KEYWORD_VRFY, SPAN_INIT("VRFY") },
	{ SMTP_KEYWORD_XCLIENT, SPAN_INIT("XCLIENT") },
	{ SMTP_KEYWORD_XFORWARD, SPAN_INIT("XFORWARD") },
	{ SMTP_KEYWORD_STARTTLS, SPAN_INIT("STARTTLS") },
	{ SMTP_KEYWORD_ENHANCEDSTATUSCODES, SPAN_INIT("ENHANCEDSTATUSCODES") },
	{ SMTP_KEYWORD_DSN, SPAN_INIT("DSN") },
	{ SMTP_KEYWORD_SMTPUTF8, SPAN_INIT("EHLO_MASK_SMTPUTF8") },
	{ SMTP_KEYWORD_SMTPUTF8, SPAN_INIT("SMTPUTF8") },
	{ SMTP_KEYWORD_CHUNKING, SPAN_INIT("CHUNKING") },
	{ SMTP_KEYWORD_SILENT, SPAN_INIT("SILENT-DISCARD") },
};
/* clang-format on */

unsigned smtp_keywords_parse(span words)
{
	unsigned bits = 0;

	for (;;) {
		span word = span_word(&words, ", \t\r\n");

		if (!word.len)
			return bits;
		for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
			if (span_eq_nocase(keywords[i].word, word))
				bits |= keywords[i].bit;
	}
}

void smtp_keywords_write(struct buf *out, unsigned bits)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords) && bits; i++) {
		if (!(bits & keywords[i].bit))
			continue;
		bits &= ~(unsigned)keywords[i].bit;
		buf_put(out, keywords[i].word);
		if (bits)
			buf_putc(out, ' ');
	}
}

/* A line of the EHLO reply goes out when it is known whether it is the last
 * one: `held` is the line before. */
static void announce(struct smtp_server *s, span *held, span line)
{
	if (held->len)
		smtp_replyf(s, "250-%.*s", PRI(*held));
	*held = line;
}

static void reply_to_ehlo(struct smtp_server *s)
{
	span held = SPAN_NONE;
	struct buf size = BUF_INIT(64);

	buf_put(&size, SPAN("SIZE "));
	buf_put_u64(&size, s->conf->message_size_limit);
	announce(s, &held, s->conf->myhostname);
	for (size_t i = 0; i < ARRAY_LEN(announced); i++) {
		bool limited = announced[i].bit == SMTP_KEYWORD_SIZE &&
		    s->conf->message_size_limit;

		if (announces(s, announced[i].bit))
			announce(s, &held,
			    limited ? buf_span(&size) : announced[i].word);
	}
	smtp_replyf(s, "250 %.*s", PRI(held));
	buf_done(&size);
}

void smtp_helo_answered(struct smtp_server *s, unsigned code, span text)
{
	if (code) {
		smtp_replyf(s, "%u %.*s", code, PRI(text));
		smtp_finish(s, SMTP_DONE_ERROR);
		return;
	}
	take_helo(s);
	if (s->command == SMTP_CMD_HELO) {
		smtp_replyf(s, "250 %.*s", PRI(s->conf->myhostname));
	} else {
		s->esmtp = true;
		if (s->conf->discard &&
		    !(s->conf->discard &
		        (SMTP_KEYWORD_SILENT |
		            SMTP_KEYWORD_ENHANCEDSTATUSCODES)))
			smtp_add_note(s, SMTP_NOTE_DISCARDING, SPAN_NONE);
		reply_to_ehlo(s);
	}
	smtp_finish(s, SMTP_DONE_OK);
}

static void greeting(struct smtp_server *s, span args, span syntax)
{
	s->arg = smtp_join_words(s, args);
	if (!s->arg.len) {
		smtp_refuse(s, syntax);
		return;
	}
	if (s->conf->ask_helo)
		smtp_question(s, SMTP_ASK_HELO);
	else
		smtp_helo_answered(s, 0, SPAN_NONE);
}

void smtp_cmd_helo(struct smtp_server *s, span args)
{
	greeting(s, args, SPAN("501 Syntax: HELO hostname"));
}

void smtp_cmd_ehlo(struct smtp_server *s, span args)
{
	greeting(s, args, SPAN("501 Syntax: EHLO hostname"));
}

/* --- STARTTLS, RFC 3207 --- */

void smtp_cmd_starttls(struct smtp_server *s, span args)
{
	if (smtp_count_words(args)) {
		smtp_refuse(s, SPAN("501 5.5.4 Syntax: STARTTLS"));
	} else if (s->tls) {
		smtp_refuse(s, SPAN("554 5.5.1 Error: TLS already active"));
	} else if (!announces(s, SMTP_KEYWORD_STARTTLS)) {
		smtp_refuse(
		    s, SPAN("502 5.5.1 Error: command not implemented"));
	} else if (s->conf->tls_broken) {
		smtp_refuse(s,
		    SPAN("454 4.7.0 TLS not available due to local problem"));
	} else {
		smtp_reply(s, SPAN("220 2.0.0 Ready to start TLS"));
		/*
		 * What was sent behind the command was sent in the clear, by
		 * whoever: it must not be taken for what the client says
		 * once it is sure of us (CVE-2011-0411).
		 */
		s->in = SPAN_NONE;
		smtp_question(s, SMTP_ASK_TLS);
	}
}

/* All that was said in the clear is forgotten (RFC 3207 4.2). */
void smtp_tls_answered(struct smtp_server *s)
{
	s->tls = true;
	mem_free(s->helo_text);
	s->helo_text = NULL;
	s->helo = SPAN_NONE;
	s->esmtp = false;
	smtp_reset_to(s, SMTP_GREETED);
	smtp_finish(s, SMTP_DONE_OK);
}

/* --- RSET, NOOP, QUIT --- */

void smtp_cmd_rset(struct smtp_server *s, span args)
{
	if (smtp_count_words(args)) {
		smtp_refuse(s, SPAN("501 5.5.4 Syntax: RSET"));
		return;
	}
	smtp_reset(s);
	smtp_accept(s, SPAN("250 2.0.0 Ok"));
}

void smtp_cmd_noop(struct smtp_server *s, span args)
{
	(void)args;
	smtp_accept(s, SPAN("250 2.0.0 Ok"));
}

void smtp_cmd_quit(struct smtp_server *s, span args)
{
	(void)args;
	smtp_accept(s, SPAN("221 2.0.0 Bye"));
	smtp_set_state(s, SMTP_CLOSED);
}

/* --- VRFY, ETRN --- */

/* The last word "SMTPUTF8" belongs to the command, not to the address. */
static bool cut_smtputf8(const struct smtp_server *s, span *args)
{
	span rest = *args;
	span word = SPAN_NONE;
	span last;

	if (!announces(s, SMTP_KEYWORD_SMTPUTF8))
		return false;
	for (;;) {
		last = smtp_next_word(&rest);
		if (!last.len)
			break;
		word = last;
	}
	if (!span_eq_nocase(word, SPAN("SMTPUTF8")))
		return false;
	*args = span_first(*args, (size_t)(word.ptr - args->ptr));
	return true;
}

/*
 * The argument is no path but anything that has one address in it. Internal
 * form, in s->cmd; empty: there is none, or not just one.
 */
static span find_address(struct smtp_server *s, span text, unsigned flags)
{
	struct token_list list;
	struct buf addr = BUF_INIT(ADDRESS_MAX);
	span found = SPAN_NONE;
	unsigned n = 0;

	if (!token_parse(text, 0, &s->cmd, &list))
		return SPAN_NONE;
	for (struct token *t = list.head; t; t = t->next)
		if (t->type == TOKEN_ADDR && ++n == 1)
			token_write_internal(&addr, &t->kids);
	if (n == 1 && !addr.failed && address_is_valid(buf_span(&addr), flags))
		found = arena_dup(&s->cmd, buf_span(&addr));
	buf_done(&addr);
	return found;
}

void smtp_cmd_vrfy(struct smtp_server *s, span args)
{
	bool utf8 = cut_smtputf8(s, &args);
	span addr;

	if (s->conf->disable_vrfy) {
		smtp_refuse(s, SPAN("502 5.5.1 VRFY command is disabled"));
		return;
	}
	s->arg = smtp_join_words(s, args);
	if (!s->arg.len) {
		smtp_refuse(s,
		    s->conf->smtputf8
		        ? SPAN("501 5.5.4 Syntax: VRFY address [SMTPUTF8]")
		        : SPAN("501 5.5.4 Syntax: VRFY address"));
		return;
	}
	addr = find_address(s, s->arg, utf8 ? ADDRESS_SMTPUTF8 : 0);
	if (!addr.len) {
		smtp_add_note(s, SMTP_NOTE_BAD_ADDRESS, s->arg);
		smtp_refuse(s, SPAN("501 5.1.3 Bad recipient address syntax"));
		return;
	}
	if (!utf8 && s->conf->strict_smtputf8 && !address_is_ascii(addr)) {
		smtp_refuse(s,
		    SPAN("553 5.6.7 Must declare SMTPUTF8 to send "
		         "unicode address"));
		return;
	}
	s->rcpt = (struct smtp_rcpt){ .addr = addr, .orig = s->arg };
	smtp_question(s, SMTP_ASK_VRFY);
}

void smtp_cmd_etrn(struct smtp_server *s, span args)
{
	span literal;
	span site;

	if (smtp_count_words(args) != 1) {
		smtp_refuse(s, SPAN("500 Syntax: ETRN domain"));
		return;
	}
	site = smtp_next_word(&args);
	if (site.ptr[0] == '@' || site.ptr[0] == '#')
		site = span_from(site, 1);
	if (!address_is_hostname(site) && !address_is_literal(site, &literal)) {
		smtp_refuse(s, SPAN("501 Error: invalid parameter syntax"));
		return;
	}
	s->arg = arena_dup(&s->cmd, site);
	smtp_question(s, SMTP_ASK_ETRN);
}

/* --- what we do not do: as Postfix answers when it is switched off --- */

void smtp_cmd_xclient(struct smtp_server *s, span args)
{
	if (!smtp_count_words(args)) {
		smtp_replyf(s, "501 5.5.4 Syntax: %.*s attribute=value...",
		    PRI(smtp_command_name((enum smtp_command)s->command)));
		smtp_finish(s, SMTP_DONE_ERROR);
		return;
	}
	smtp_refuse(s, SPAN("550 5.7.0 Error: insufficient authorization"));
}

void smtp_cmd_auth(struct smtp_server *s, span args)
{
	(void)args;
	smtp_refuse(s, SPAN("503 5.5.1 Error: authentication not enabled"));
}
