/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/commands.c - from a line to the function that does it.
 *
 * The name of a command ends at the first blank, digit or punctuation mark,
 * so "p1", "d$" and "r2" need no blank. Abbreviations mean the first command
 * of the table that begins so; its order is that of POSIX and Heirloom, and
 * no name at all is "next". That makes ENTER go on and "3" show message 3.
 */
#include "tool/mail/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/mail/box.h"
#include "tool/mail/command_table.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum {
	MAX_LINE = 4 << 20,
	MAX_ARGS = 64 << 20,
	MAX_ALIASES = 10, /* one through another */
};

/* ---- finding ---- */

const struct command *command_at(size_t i)
{
	return i < command_table_count ? &command_table[i] : NULL;
}

const struct command *command_find(span name)
{
	for (size_t i = 0; i < command_table_count; i++) {
		const struct command *c = &command_table[i];

		if (span_has_prefix(span_str(c->name), name))
			return c;
	}
	return NULL;
}

/* Commands of s-nail and bsd-mailx that only adorn: in files they are passed
 * over, so that one ~/.mailrc does for several programs. */
static bool is_foreign(span name)
{
	static const char *const names[] = { "bad", "bind", "cache", "certsave",
		"charsetalias", "classify", "color", "colour", "connect",
		"Decrypt", "decrypt", "digmsg", "disconnect", "errors",
		"features", "filetype", "ghost", "good", "imap", "junk",
		"localopts", "mlist", "mlsubscribe", "mono", "mtaaliases",
		"netrc", "online", "probability", "smime", "spamclear",
		"spamforget", "spamham", "spamrate", "spamset", "spamspam",
		"tls", "unbind", "uncharsetalias", "uncolor", "uncolour",
		"unfiletype", "unghost", "ungood", "unjunk", "unmlist",
		"unmlsubscribe", "unmono", "verify", "vexpr", "vpospar",
		"xlogging", "csop", "urldecode", "urlencode", "shift", "eval",
		"return", "readall", "read", "sleep", "trap", "up", "Mlist" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (span_eq(name, span_str(names[i])))
			return true;
	}
	return false;
}

/* ---- the beginning of a line ---- */

static span take_name(span *line)
{
	static const char ends[] = " \t0123456789$^.:/-+*'\",;(`";
	span name;
	size_t n = 0;

	if (line->len && line->ptr[0] == '|')
		n = 1;
	else
		while (n < line->len && line->ptr[n] &&
		    !strchr(ends, line->ptr[n]) && line->ptr[n] != '\n')
			n++;
	name = span_first(*line, n);
	*line = span_from(*line, n);
	return name;
}

/*
 * s-nail's words in front of a command: they change how it parses or fails,
 * which is the same for all here. "\" asks for no alias.
 */
static bool skip_modifiers(span *line)
{
	static const span modifiers[] = { SPAN_INIT("wysh "),
		SPAN_INIT("ignerr "), SPAN_INIT("local "), SPAN_INIT("global "),
		SPAN_INIT("scope ") };
	bool aliases = true;
	bool again = true;

	while (again) {
		again = false;
		*line = span_trim_left(*line);
		if (span_skip(line, SPAN("\\"))) {
			aliases = false;
			again = true;
		}
		for (size_t i = 0; i < ARRAY_LEN(modifiers); i++)
			again = span_skip(line, modifiers[i]) || again;
	}
	return aliases;
}

/* "commandalias": what stands for the name, with the rest of the line. */
static bool put_alias(struct mua *m, span name, span rest, struct buf *ret_line)
{
	const struct dict_entry *e = dict_find(&m->command_aliases, name);

	if (!e)
		return false;
	buf_clear(ret_line);
	for (size_t i = 0; i < e->count; i++) {
		buf_put(ret_line, span_str(e->values[i]));
		if (i + 1 < e->count)
			buf_putc(ret_line, ' ');
	}
	buf_put(ret_line, rest);
	return !ret_line->failed;
}

/* ---- may it run? ---- */

static int refuse(const char *format, const char *name)
{
	(void)fputs("May not execute \"", stdout);
	(void)fputs(name, stdout);
	(void)puts(format);
	return 1;
}

static int check(struct mua *m, const struct command *c)
{
	bool has_box = m->box && m->box->folder;

	if (!(c->flags & CMD_SENDING)) {
		if (!m->is_reading)
			return refuse("\" while sending", c->name);
		if (!has_box) {
			(void)printf("Cannot execute \"%s\" without active "
			             "mailbox\n",
			    c->name);
			return 1;
		}
	}
	if ((c->flags & CMD_OUTSIDE) && m->no_sendmail)
		return refuse("\" in a test", c->name);
	if ((c->flags & CMD_INTERACTIVE) && source_is_active(m))
		return refuse("\" while sourcing", c->name);
	if ((c->flags & CMD_CHANGES) && has_box &&
	    (m->read_only || folder_is_read_only(m->box->folder)))
		return refuse("\" -- message file is read only", c->name);
	return 0;
}

/* ---- arguments ---- */

static bool set_args(struct mua *m, struct call *call, span rest)
{
	const struct command *c = call->command;
	unsigned flags = c->flags & CMD_DELETED ? MSGSET_DELETED : 0;

	rest = span_trim_left(rest);
	call->text = rest;
	switch ((enum command_args)c->args) {
	case ARGS_NONE:
	case ARGS_TEXT:
		return true;
	case ARGS_WORDS:
		return words_split(rest, call->arena, &call->words);
	case ARGS_MSGS:
		return msgset_parse(m, rest, flags, call->arena, &call->msgs);
	case ARGS_NEXT:
		return msgset_parse(
		    m, rest, flags | MSGSET_EMPTY, call->arena, &call->msgs);
	}
	return true;
}

static int run_command(struct mua *m, const struct command *c, span rest)
{
	struct arena a;
	struct call call = { .command = c, .arena = &a };
	int r = 1;

	arena_init(&a, MAX_ARGS);
	if (set_args(m, &call, rest))
		r = c->fn(m, &call);
	arena_done(&a);
	if (!r && (c->flags & CMD_PRINTS) && m->box && m->box->folder &&
	    vars_is_set(m->vars, "autoprint") && m->box->dot != BOX_NONE &&
	    box_is_shown(m->box, m->box->dot))
		r = show_message(m, m->box->dot);
	return r;
}

/* A line without "!", "#" and aliases. */
static int run_plain(struct mua *m, span name, span rest)
{
	const struct command *c;

	if (name.len == 0 && source_is_active(m)) {
		rest = span_trim_left(rest);
		if (rest.len == 0)
			return 0;
	}
	c = command_find(name);
	if (!source_is_live(m) && (!c || !(c->flags & CMD_ALWAYS)))
		return 0;
	if (source_is_active(m) && is_foreign(name))
		return 0;
	if (!c) {
		(void)printf("Unknown command: \"%.*s\"\n", PRI(name));
		return 1;
	}
	return check(m, c) ? 1 : run_command(m, c, rest);
}

int commands_run(struct mua *m, span line)
{
	CLEANUP(buf_done) struct buf now = BUF_INIT(MAX_LINE);
	CLEANUP(buf_done) struct buf then = BUF_INIT(MAX_LINE);
	bool aliases = skip_modifiers(&line);

	for (unsigned depth = 0;; depth++) {
		struct buf other;
		span name;

		line = span_trim_left(line);
		if (line.len && line.ptr[0] == '#')
			return 0;
		if (line.len && line.ptr[0] == '!') {
			name = span_first(line, 1);
			return run_plain(m, name, span_from(line, 1));
		}
		name = take_name(&line);
		if (!aliases || depth == MAX_ALIASES || name.len == 0 ||
		    !put_alias(m, name, line, &then))
			return run_plain(m, name, line);
		other = now;
		now = then;
		then = other;
		line = buf_span(&now);
		aliases = skip_modifiers(&line);
	}
}

/* ---- the loop ---- */

static const char *prompt(const struct mua *m)
{
	const char *set = vars_get(m->vars, "prompt");

	if (set)
		return set;
	return vars_is_set(m->vars, "bsdcompat") ? "& " : "? ";
}

/* New mail is loaded when the user is asked for the next command. */
static void look_for_mail(struct mua *m)
{
	const char *how = vars_get(m->vars, "newmail");

	if (!how)
		how = vars_get(m->vars, "autoinc");
	if (!how || !m->box || !m->box->folder || !term_in_is_tty(m->term))
		return;
	if (folder_kind(m->box->folder) == FOLDER_MAILDIR &&
	    (!strcmp(how, "nopoll") || !strcmp(how, "noimap")))
		return;
	if (folder_has_news(m->box->folder))
		(void)box_refresh(m);
}

/* A line of the user's; a backslash at its end takes the next one along. */
static int read_command(struct mua *m, bool ask, struct buf *line)
{
	int r =
	    term_line(m->term, TERM_COMMAND, ask ? prompt(m) : "", NULL, line);

	while (
	    r == TERM_LINE && line->len && line->data[line->len - 1] == '\\') {
		line->data[line->len - 1] = ' ';
		r = term_line(m->term, TERM_COMMAND, "", NULL, line);
	}
	return r;
}

void commands_loop(struct mua *m)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(MAX_LINE);
	unsigned ends = 0;

	while (!m->quitting && !m->leaving && !term_hung_up()) {
		bool ask = vars_is_set(m->vars, "interactive");
		int r;

		term_calm();
		if (ask)
			look_for_mail(m);
		buf_clear(&line);
		r = read_command(m, ask, &line);
		if (r == -EINTR) {
			mua_error(m, "Interrupt");
			continue;
		}
		if (r != TERM_LINE) {
			if (r < 0 || !ask ||
			    !vars_is_set(m->vars, "ignoreeof") || ++ends >= 25)
				break;
			(void)puts("Use \"quit\" to quit.");
			continue;
		}
		ends = 0;
		(void)commands_run(m, buf_span(&line));
		(void)fflush(stdout);
		if (term_interrupted() && !term_hung_up())
			mua_error(m, "Interrupt");
	}
}
