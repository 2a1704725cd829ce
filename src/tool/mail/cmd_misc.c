/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_misc.c - help, version, the shell, and the ways out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"
#include "tool/mail/version.h"

enum { MAX_TEXT = 1 << 20 };

bool call_has_words(const struct call *c, size_t least, size_t most)
{
	if (c->words.count < least) {
		(void)printf("%s requires at least %zu arg(s)\n",
		    c->command->name, least);
		return false;
	}
	if (c->words.count > most) {
		(void)printf("%s takes no more than %zu arg(s)\n",
		    c->command->name, most);
		return false;
	}
	return true;
}

/* ---- help ---- */

/* As mailx has always explained itself. */
static const char *const help_lines[][2] = {
	{ "type <message list>", "type messages" },
	{ "next", "goto and type next message" },
	{ "from <message list>", "give head lines of messages" },
	{ "headers", "print out active message headers" },
	{ "delete <message list>", "delete messages" },
	{ "undelete <message list>", "undelete messages" },
	{ "save <message list> folder",
	    "append messages to folder and mark as saved" },
	{ "copy <message list> folder",
	    "append messages to folder without marking them" },
	{ "write <message list> file",
	    "append message texts to file, save attachments" },
	{ "preserve <message list>",
	    "keep incoming messages in mailbox even if saved" },
	{ "Reply <message list>", "reply to message senders" },
	{ "reply <message list>",
	    "reply to message senders and all recipients" },
	{ "mail addresses", "mail to specific recipients" },
	{ "file folder", "change to another folder" },
	{ "quit", "quit and apply changes to folder" },
	{ "xit", "quit and discard changes made to folder" },
	{ "!", "shell escape" },
	{ "cd <directory>", "chdir to directory or home if none given" },
	{ "list", "list names of all available commands" },
};

static int help_on(const char *name)
{
	const struct command *c = command_find(span_str(name));

	if (!c) {
		(void)printf("Unknown command: \"%s\"\n", name);
		return 1;
	}
	(void)printf("%s %s\n", c->name, c->help);
	return 0;
}

int cmd_help(struct mua *m, const struct call *c)
{
	int r = 0;

	for (size_t i = 0; i < c->words.count; i++)
		r |= help_on(c->words.all[i]);
	if (c->words.count)
		return r;
	(void)printf("               %s commands\n", m->name);
	for (size_t i = 0; i < ARRAY_LEN(help_lines); i++)
		(void)printf("%-31s %s\n", help_lines[i][0], help_lines[i][1]);
	(void)printf("\nA <message list> consists of integers, ranges of same, "
	             "or other criteria\nseparated by spaces.  If omitted, %s "
	             "uses the last message typed.\n",
	    m->name);
	return 0;
}

int cmd_list(struct mua *m, const struct call *c)
{
	const struct command *command;
	const struct command *next;
	size_t column = 0;

	(void)m;
	(void)c;
	(void)puts("Commands are:");
	for (size_t i = 0; (command = command_at(i)); i++) {
		column += strlen(command->name) + 2;
		if (column > 72) {
			(void)putchar('\n');
			column = strlen(command->name) + 2;
		}
		next = command_at(i + 1);
		(void)printf("%s%s", command->name, next ? ", " : "\n");
	}
	return 0;
}

int cmd_version(struct mua *m, const struct call *c)
{
	(void)m;
	(void)c;
	(void)puts("Version " MAIL_LIKE);
	return 0;
}

int cmd_noop(struct mua *m, const struct call *c)
{
	(void)m;
	(void)c;
	return 0;
}

/* ---- echo ---- */

/* One of echo's escapes behind a backslash; false: "\c". */
static bool put_escape(span *rest, struct buf *out)
{
	static const char letters[] = "abfnrtv";
	static const char bytes[] = "\a\b\f\n\r\t\v";
	char c = rest->len ? rest->ptr[0] : '\0';
	const char *at = c ? strchr(letters, c) : NULL;
	unsigned n = 0;

	*rest = span_from(*rest, 1);
	if (c == 'c')
		return false;
	if (at) {
		buf_putc(out, bytes[at - letters]);
	} else if (c == '0') {
		for (int i = 0; i < 3 && rest->len && rest->ptr[0] >= '0' &&
		     rest->ptr[0] <= '7';
		     i++) {
			n = n * 8 + (unsigned)(rest->ptr[0] - '0');
			*rest = span_from(*rest, 1);
		}
		buf_putc(out, (char)n);
	} else if (c) {
		buf_putc(out, c);
	}
	return true;
}

int cmd_echo(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(MAX_TEXT);
	bool newline = true;

	for (size_t i = 0; i < c->words.count; i++) {
		CLEANUP(buf_done) struct buf word = BUF_INIT(MAX_TEXT);
		span rest;

		/* Escapes are ours, not a shell's. */
		if (strchr(c->words.all[i], '\\'))
			buf_put(&word, span_str(c->words.all[i]));
		else if (!mua_expand_name(m, span_str(c->words.all[i]), &word))
			continue;
		if (i)
			buf_putc(&out, ' ');
		rest = buf_span(&word);
		while (rest.len) {
			if (!span_skip(&rest, SPAN("\\"))) {
				buf_putc(&out, rest.ptr[0]);
				rest = span_from(rest, 1);
			} else if (!put_escape(&rest, &out)) {
				newline = false;
			}
		}
	}
	if (newline)
		buf_putc(&out, '\n');
	(void)fwrite(out.data, 1, out.len, stdout);
	return 0;
}

/* ---- directories ---- */

int cmd_cd(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);

	if (!call_has_words(c, 0, 1))
		return 1;
	if (c->words.count == 0)
		buf_put(&path, span_str(m->home));
	else if (!mua_expand_name(m, span_str(c->words.all[0]), &path))
		return 1;
	if (chdir(buf_cstr(&path)) < 0) {
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(errno));
		return 1;
	}
	return 0;
}

int cmd_pwd(struct mua *m, const struct call *c)
{
	char path[4096];

	(void)c;
	if (!getcwd(path, sizeof path)) {
		mua_error(m, "%s", strerror(errno));
		return 1;
	}
	(void)puts(path);
	return 0;
}

/* ---- the shell ---- */

/*
 * With "bang" set, "!" stands for the command before; "\!" is always one
 * exclamation mark. True: something was replaced.
 */
static bool put_command(struct mua *m, span text, struct buf *out)
{
	bool bang = vars_is_set(m->vars, "bang");
	bool changed = false;

	while (text.len) {
		if (span_skip(&text, SPAN("\\!"))) {
			buf_putc(out, '!');
			changed = true;
		} else if (bang && span_skip(&text, SPAN("!"))) {
			buf_put(out, buf_span(&m->last_bang));
			changed = true;
		} else {
			buf_putc(out, text.ptr[0]);
			text = span_from(text, 1);
		}
	}
	return changed;
}

int cmd_bang(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf command = BUF_INIT(MAX_TEXT);
	int r;

	if (put_command(m, c->text, &command))
		(void)printf("!%.*s\n", PRI(buf_span(&command)));
	if (command.failed) {
		mua_error(m, "The command is too long.");
		return 1;
	}
	buf_clear(&m->last_bang);
	buf_put(&m->last_bang, buf_span(&command));
	r = mua_shell(m, buf_cstr(&command), -1, -1);
	if (r < 0)
		mua_error(m, "%s", strerror(-r));
	(void)puts("!");
	return 0;
}

int cmd_shell(struct mua *m, const struct call *c)
{
	const char *shell = vars_get(m->vars, "SHELL");
	const char *argv[] = { shell && *shell ? shell : "/bin/sh", NULL };
	int r = mua_run(m, argv, -1, -1);

	(void)c;
	if (r < 0)
		mua_error(m, "%s: %s", argv[0], strerror(-r));
	(void)putchar('\n');
	return 0;
}

/* ---- the end ---- */

int cmd_quit(struct mua *m, const struct call *c)
{
	(void)c;
	/* In a file it only ends the file. */
	if (source_is_active(m))
		return 1;
	m->quitting = true;
	return 0;
}

int cmd_exit(struct mua *m, const struct call *c)
{
	(void)c;
	if (source_is_active(m))
		return 1;
	m->leaving = true;
	return 0;
}

int cmd_history(struct mua *m, const struct call *c)
{
	(void)c;
	term_history(m->term, stdout);
	return 0;
}
