/* SPDX-License-Identifier: ISC */
/*
 * From a line to a command.
 *
 * Which command may come in which state is the table `commands`; what is
 * said otherwise is the table `refusals`. Handlers do not test the state.
 *
 *	GREETED --EHLO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA--> DATA
 *	   ^                ^               |              |              |
 *	   |                +------RSET-----+--------------+----dot-------+
 *	   +- RSET, when there was no HELO; STARTTLS, from anywhere
 *
 *	RCPT --BDAT--> CHUNK --all read--> BDAT --BDAT--> CHUNK ...
 *	                  +---LAST, all read---> COMMITTING --> READY
 *	any --BDAT in vain--> SKIP --> BDAT_LOST --RSET--> READY
 *
 * A command ends in exactly one call of smtp_finish(), at once or when its
 * question has been answered.
 */
#include "proto/smtp_server_internal.h"

#include "mail/address.h"

enum {
	LINE_SKIP_MAX = 65536, /* of a line that is too long anyway */
	PEEK_MAX = 100,        /* of early input, for the log */
};

enum command_flags {
	JUNK = 1,       /* smtpd_junk_command_limit counts it */
	LAST = 2,       /* nothing may be pipelined behind it, RFC 2920 3.1 */
	NEED_HELO = 4,  /* smtpd_helo_required */
	ANY_DENIED = 8, /* even after a refusal at connect */
	IN_CLEAR = 16,  /* even where TLS is a must */
};

#define ANYTIME \
	(SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_READY) | SMTP_IN(SMTP_MAIL) | \
	    SMTP_IN(SMTP_RCPT) | SMTP_IN(SMTP_BDAT) | SMTP_IN(SMTP_BDAT_LOST))
#define GROUND      (SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_READY))
#define NO_MAIL     (GROUND | SMTP_IN(SMTP_BDAT_LOST))
#define BEHIND_BDAT (SMTP_IN(SMTP_BDAT) | SMTP_IN(SMTP_BDAT_LOST))

/* clang-format off */
static const struct command {
	span verb;
	unsigned allowed;
	unsigned flags;
	smtp_command_fn *run;
} commands[SMTP_CMDS] = {
	[SMTP_CMD_HELO] = { SPAN_INIT("HELO"), ANYTIME, JUNK | LAST | IN_CLEAR, smtp_cmd_helo },
	[SMTP_CMD_EHLO] = { SPAN_INIT("EHLO"), ANYTIME, JUNK | LAST | IN_CLEAR, smtp_cmd_ehlo },
	[SMTP_CMD_XCLIENT] = { SPAN_INIT("XCLIENT"), NO_MAIL, IN_CLEAR, smtp_cmd_xclient },
	[SMTP_CMD_XFORWARD] = { SPAN_INIT("XFORWARD"), NO_MAIL, 0, smtp_cmd_xclient },
	[SMTP_CMD_STARTTLS] = { SPAN_INIT("STARTTLS"), ANYTIME, IN_CLEAR, smtp_cmd_starttls },
	[SMTP_CMD_AUTH] = { SPAN_INIT("AUTH"), ANYTIME, NEED_HELO, smtp_cmd_auth },
	[SMTP_CMD_MAIL] = { SPAN_INIT("MAIL"), GROUND, NEED_HELO, smtp_cmd_mail },
	[SMTP_CMD_RCPT] = { SPAN_INIT("RCPT"), SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_RCPT), 0, smtp_cmd_rcpt },
	[SMTP_CMD_DATA] = { SPAN_INIT("DATA"), SMTP_IN(SMTP_RCPT), LAST, smtp_cmd_data },
	[SMTP_CMD_BDAT] = { SPAN_INIT("BDAT"), ANYTIME, 0, smtp_cmd_bdat },
	[SMTP_CMD_RSET] = { SPAN_INIT("RSET"), ANYTIME, JUNK, smtp_cmd_rset },
	[SMTP_CMD_NOOP] = { SPAN_INIT("NOOP"), ANYTIME, JUNK | LAST | IN_CLEAR, smtp_cmd_noop },
	[SMTP_CMD_VRFY] = { SPAN_INIT("VRFY"), ANYTIME, JUNK | LAST, smtp_cmd_vrfy },
	[SMTP_CMD_ETRN] = { SPAN_INIT("ETRN"), NO_MAIL, JUNK | NEED_HELO, smtp_cmd_etrn },
	[SMTP_CMD_QUIT] = { SPAN_INIT("QUIT"), ANYTIME, ANY_DENIED | IN_CLEAR, smtp_cmd_quit },
	[SMTP_CMD_UNKNOWN] = { SPAN_INIT("UNKNOWN"), 0, 0, NULL },
};

/* Why not in this state; the first that fits. */
static const struct refusal {
	enum smtp_command command;
	unsigned states;
	span reply;
} refusals[] = {
	{ SMTP_CMD_MAIL, SMTP_IN_MAIL, SPAN_INIT("503 5.5.1 Error: nested MAIL command") },
	{ SMTP_CMD_MAIL, BEHIND_BDAT, SPAN_INIT("503 5.5.1 Error: MAIL after BDAT") },
	{ SMTP_CMD_RCPT, BEHIND_BDAT, SPAN_INIT("503 5.5.1 Error: RCPT after BDAT") },
	{ SMTP_CMD_RCPT, GROUND, SPAN_INIT("503 5.5.1 Error: need MAIL command") },
	{ SMTP_CMD_DATA, BEHIND_BDAT, SPAN_INIT("503 5.5.1 Error: DATA after BDAT") },
	{ SMTP_CMD_DATA, NO_MAIL, SPAN_INIT("503 5.5.1 Error: need RCPT command") },
	{ SMTP_CMD_DATA, SMTP_IN(SMTP_MAIL), SPAN_INIT("554 5.5.1 Error: no valid recipients") },
	{ SMTP_CMD_XCLIENT, SMTP_IN_MAIL, SPAN_INIT("503 5.5.1 Error: MAIL transaction in progress") },
	{ SMTP_CMD_XFORWARD, SMTP_IN_MAIL, SPAN_INIT("503 5.5.1 Error: MAIL transaction in progress") },
	{ SMTP_CMD_ETRN, SMTP_IN_MAIL, SPAN_INIT("503 Error: MAIL transaction in progress") },
};
/* clang-format on */

span smtp_command_name(enum smtp_command c)
{
	return commands[c].verb;
}

/* --- the end of a command --- */

static void count_junk(struct smtp_server *s)
{
	if (s->junk++ > s->conf->junk_command_limit)
		s->errors++;
}

void smtp_finish(struct smtp_server *s, enum smtp_outcome outcome)
{
	if (outcome == SMTP_DONE_OK)
		s->counts[s->command].ok++;
	else
		s->errors++;
	if (outcome != SMTP_DONE_OK && s->command == SMTP_CMD_RCPT)
		s->rcpt_refused = true;
	if (commands[s->command].flags & JUNK)
		count_junk(s);
}

void smtp_accept(struct smtp_server *s, span line)
{
	smtp_reply(s, line);
	smtp_finish(s, SMTP_DONE_OK);
}

void smtp_refuse(struct smtp_server *s, span line)
{
	smtp_reply(s, line);
	smtp_finish(s, SMTP_DONE_ERROR);
}

span smtp_next_word(span *args)
{
	span word;

	/* A quote that is never closed reaches to the end of the line. */
	if (!address_cut_word(args, &word))
		*args = span_from(*args, args->len);
	return word;
}

size_t smtp_count_words(span args)
{
	span word;
	size_t n = 0;

	for (;;) {
		word = smtp_next_word(&args);
		if (!word.len)
			return n;
		n++;
	}
}

span smtp_join_words(struct smtp_server *s, span args)
{
	char *text = arena_alloc(&s->cmd, args.len + 1, 1);
	size_t n = 0;
	span word;

	if (!text)
		return SPAN_NONE;
	for (;;) {
		word = smtp_next_word(&args);
		if (!word.len)
			break;
		if (n)
			text[n++] = ' ';
		memcpy(text + n, word.ptr, word.len);
		n += word.len;
	}
	return span_of(text, n);
}

/* --- lines --- */

/* A line and how it ended; the line end is cut off. */
static bool take_line(struct smtp_server *s, span *ret_line, bool *ret_bare)
{
	size_t limit = s->conf->line_length_limit;
	ssize_t lf = span_find(span_first(s->in, limit + 1), '\n');
	span line;

	if (lf < 0 && s->in.len <= limit)
		return false;
	*ret_bare = false;
	if (lf < 0 || ((size_t)lf == limit && s->in.ptr[limit - 1] != '\r')) {
		*ret_line = span_first(s->in, limit);
		s->in = span_from(s->in, limit);
		s->line_is_lost = true;
		smtp_add_note(s, SMTP_NOTE_LONG_LINE, *ret_line);
		return true;
	}
	line = span_first(s->in, (size_t)lf);
	s->in = span_from(s->in, (size_t)lf + 1);
	*ret_bare = !line.len || line.ptr[line.len - 1] != '\r';
	if (!*ret_bare)
		line.len--;
	*ret_line = line;
	return true;
}

/* The rest of a line that was too long. False: there is more of it. */
static bool skip_lost_line(struct smtp_server *s)
{
	ssize_t lf = span_find(s->in, '\n');
	size_t n = lf < 0 ? s->in.len : (size_t)lf + 1;

	s->in = span_from(s->in, n);
	s->skipped += n;
	s->line_is_lost = lf < 0;
	if (s->skipped > LINE_SKIP_MAX) {
		smtp_add_note(s, SMTP_NOTE_FLOOD, SPAN_NONE);
		smtp_set_state(s, SMTP_CLOSED);
		return true;
	}
	if (lf >= 0)
		s->skipped = 0;
	return lf >= 0;
}

/* --- dispatch --- */

static bool list_has(span list, span word)
{
	for (;;) {
		span entry = span_word(&list, ", \t\r\n");

		if (!entry.len)
			return false;
		if (span_eq_nocase(entry, word))
			return true;
	}
}

static enum smtp_command find_command(span verb)
{
	for (int i = 0; i < SMTP_CMD_UNKNOWN; i++)
		if (span_eq_nocase(commands[i].verb, verb))
			return (enum smtp_command)i;
	return SMTP_CMD_UNKNOWN;
}

/* "Subject:": somebody talks HTTP, or sends a message without DATA. */
static bool looks_like_header(span word)
{
	ssize_t colon = span_find(word, ':');

	if (colon <= 0)
		return false;
	for (ssize_t i = 0; i < colon; i++)
		if (word.ptr[i] <= ' ' || word.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool is_forbidden(const struct smtp_server *s, span verb)
{
	return looks_like_header(verb) ||
	    list_has(s->conf->forbidden_commands, verb) ||
	    (s->conf->forbid_nonletters && !ascii_is_alpha(verb.ptr[0]));
}

static span refusal_for(const struct smtp_server *s, enum smtp_command c)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].command == c &&
		    (refusals[i].states & SMTP_IN(s->state)))
			return refusals[i].reply;
	bug("smtp_server: no reply for this command in this state");
}

/*
 * The client spoke before it was its turn. It is told on once. True: that
 * was the end of the session.
 */
bool smtp_spoke_too_early(struct smtp_server *s)
{
	if (s->pipelining || !s->in.len || s->conf->trusted)
		return false;
	s->pipelining = true;
	smtp_add_note(s, SMTP_NOTE_PIPELINING, span_first(s->in, PEEK_MAX));
	if (!s->conf->forbid_unauth_pipelining)
		return false;
	smtp_reply(s, SPAN("554 5.5.0 Error: SMTP protocol synchronization"));
	smtp_set_state(s, SMTP_CLOSED);
	return true;
}

static void unknown_command(struct smtp_server *s, span line, span verb)
{
	if (is_forbidden(s, verb)) {
		smtp_add_note(s, SMTP_NOTE_NOT_SMTP, line);
		smtp_reply(s,
		    SPAN("221 2.7.0 Error: I can break rules, too. "
		         "Goodbye."));
		smtp_set_state(s, SMTP_CLOSED);
		return;
	}
	if (!s->denied) {
		smtp_reply(s, SPAN("500 5.5.2 Error: command not recognized"));
		s->errors++;
		return;
	}
	smtp_replyf(
	    s, "503 5.7.0 Error: access denied for %.*s", PRI(s->client));
	s->errors++;
}

static void run_command(struct smtp_server *s, span args)
{
	const struct command *c = &commands[s->command];

	s->where = s->command;
	if ((!s->esmtp || (c->flags & LAST)) && smtp_spoke_too_early(s))
		return;
	if ((c->flags & NEED_HELO) && s->conf->helo_required && !s->helo.len)
		smtp_refuse(s,
		    s->command == SMTP_CMD_ETRN
		        ? SPAN("503 Error: send HELO/EHLO first")
		        : SPAN("503 5.5.1 Error: send HELO/EHLO first"));
	else if (!(c->allowed & SMTP_IN(s->state)))
		smtp_refuse(s, refusal_for(s, (enum smtp_command)s->command));
	else
		c->run(s, args);
}

static void dispatch(struct smtp_server *s, span line)
{
	span args = line;
	span verb;

	verb = smtp_next_word(&args);
	if (!verb.len) {
		smtp_reply(s, SPAN("500 5.5.2 Error: bad syntax"));
		s->errors++;
		return;
	}
	if (list_has(s->conf->noop_commands, verb)) {
		smtp_reply(s, SPAN("250 2.0.0 Ok"));
		count_junk(s);
		return;
	}
	s->command = (uint8_t)find_command(verb);
	s->counts[s->command].total++;
	if (s->command == SMTP_CMD_UNKNOWN) {
		s->where = SMTP_CMD_UNKNOWN;
		unknown_command(s, line, verb);
		return;
	}
	if (s->denied && !(commands[s->command].flags & ANY_DENIED)) {
		smtp_replyf(s, "503 5.7.0 Error: access denied for %.*s",
		    PRI(s->client));
		s->errors++;
		return;
	}
	if (s->conf->tls == SMTP_TLS_ENCRYPT && !s->tls &&
	    !(commands[s->command].flags & IN_CLEAR)) {
		smtp_reply(
		    s, SPAN("530 5.7.0 Must issue a STARTTLS command first"));
		s->errors++;
		return;
	}
	run_command(s, args);
}

static void command_line(struct smtp_server *s, span line, bool bare)
{
	/* A transaction that failed was kept only to be told about. */
	if (!smtp_server_has_mail(s) && s->txn.head)
		smtp_forget_mail(s);
	arena_done(&s->cmd);
	s->saw_bare_lf |= bare;
	if (s->farewell.len) {
		smtp_reply(s, s->farewell);
		smtp_set_state(s, SMTP_CLOSED);
		return;
	}
	if (bare && s->conf->bare_lf == SMTP_BARE_LF_REJECT) {
		smtp_add_note(s, SMTP_NOTE_REJECT, SPAN("bare <LF> received"));
		smtp_replyf(s, "%u 5.5.2 %.*s Error: bare <LF> received",
		    s->conf->bare_lf_code, PRI(s->conf->myhostname));
		smtp_set_state(s, SMTP_CLOSED);
		return;
	}
	if (s->conf->smtputf8 && !address_is_utf8(line)) {
		smtp_reply(s, SPAN("500 5.5.2 Error: bad UTF-8 syntax"));
		s->errors++;
		return;
	}
	/* Postfix ignores what follows a NUL; nobody honest sends one. */
	if (span_find(line, '\0') >= 0) {
		smtp_reply(s, SPAN("500 5.5.2 Error: bad syntax"));
		s->errors++;
		return;
	}
	dispatch(s, line);
}

/* One step of reading. INPUT: nothing more can be done with what there is. */
enum smtp_ask smtp_read_command(struct smtp_server *s)
{
	span line;
	bool bare;

	if (s->errors >= s->conf->hard_error_limit) {
		s->too_many_errors = true;
		smtp_replyf(s, "421 4.7.0 %.*s Error: too many errors",
		    PRI(s->conf->myhostname));
		/* With soft_bounce or without: it is the end. */
		smtp_set_state(s, SMTP_CLOSED);
		return SMTP_GO_ON;
	}
	if (s->line_is_lost)
		return skip_lost_line(s) ? SMTP_GO_ON : SMTP_ASK_INPUT;
	if (!take_line(s, &line, &bare))
		return SMTP_ASK_INPUT;
	command_line(s, line, bare);
	return SMTP_GO_ON;
}

/* --- for the log --- */

span smtp_server_where_word(const struct smtp_server *s)
{
	switch (s->where) {
	case SMTP_WHERE_CONNECT:
		return SPAN("CONNECT");
	case SMTP_WHERE_DATA:
		return SPAN("DATA");
	case SMTP_WHERE_BDAT:
		return SPAN("BDAT");
	case SMTP_WHERE_END:
		return SPAN("END-OF-MESSAGE");
	default:
		return commands[s->where].verb;
	}
}

void smtp_server_where(const struct smtp_server *s, struct buf *out)
{
	uint64_t size = s->content.size + s->in.len;

	buf_put(out, smtp_server_where_word(s));
	if (s->where == SMTP_WHERE_DATA || s->where == SMTP_WHERE_BDAT)
		buf_printf(out, " (%llu bytes)", (unsigned long long)size);
}

void smtp_server_counts(const struct smtp_server *s, struct buf *out)
{
	uint64_t ok = 0;
	uint64_t total = 0;

	for (size_t i = 0; i < SMTP_CMDS; i++) {
		if (!s->counts[i].total)
			continue;
		buf_putc(out, ' ');
		for (size_t j = 0; j < commands[i].verb.len; j++)
			buf_putc(out, ascii_lower(commands[i].verb.ptr[j]));
		buf_printf(out, "=%u", s->counts[i].ok);
		if (s->counts[i].ok != s->counts[i].total)
			buf_printf(out, "/%u", s->counts[i].total);
		ok += s->counts[i].ok;
		total += s->counts[i].total;
	}
	buf_printf(out, " commands=%llu", (unsigned long long)ok);
	if (ok != total || !total)
		buf_printf(out, "/%llu", (unsigned long long)total);
}
