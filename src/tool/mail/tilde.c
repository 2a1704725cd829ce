/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/tilde.c - one function per escape, found in one table.
 *
 * They are obeyed only where a user sits (collect.c decides). What they read
 * (files, messages, the output of commands) is text: an escape in it is none.
 */
#include "tool/mail/tilde.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "tool/mail/commands.h"
#include "tool/mail/head.h"
#include "tool/mail/quote.h"
#include "tool/mail/run.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum { NAME_LONGEST = 65536 };

struct escape {
	struct mua *m;
	struct draft *d;
	char letter;
	span rest; /* without blanks in front */
};

typedef enum tilde_result escape_fn(struct escape *e);

static void put_text(struct draft *d, span text)
{
	buf_put(&d->body, text);
	if (text.len > 0 && text.ptr[text.len - 1] != '\n')
		buf_putc(&d->body, '\n');
}

/* ---- the shell, commands ---- */

static void run_command(struct escape *e, const char *prefix)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(DRAFT_LIST_MAX);

	buf_printf(&line, "%s", prefix);
	buf_put(&line, e->rest);
	(void)commands_run(e->m, buf_span(&line));
}

static enum tilde_result do_shell(struct escape *e)
{
	run_command(e, "!");
	return TILDE_TAKEN;
}

static enum tilde_result do_command(struct escape *e)
{
	if (e->rest.len > 0)
		run_command(e, "");
	return TILDE_CONTINUE;
}

static enum tilde_result do_filter(struct escape *e)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(DRAFT_TEXT_MAX);
	CLEANUP(buf_done) struct buf command = BUF_INIT(NAME_LONGEST);
	int status;

	buf_put(&command, e->rest);
	status =
	    run_filter(e->m, buf_cstr(&command), buf_span(&e->d->body), &out);
	if (status != 0)
		return TILDE_CONTINUE;
	if (out.len == 0) {
		mua_error(e->m, "No bytes from \"%s\" !?", buf_cstr(&command));
		return TILDE_CONTINUE;
	}
	buf_clear(&e->d->body);
	put_text(e->d, buf_span(&out));
	return TILDE_CONTINUE;
}

/* ---- the end ---- */

static enum tilde_result do_end(struct escape *e)
{
	(void)e;
	return TILDE_END;
}

static enum tilde_result do_quit(struct escape *e)
{
	(void)e;
	return TILDE_QUIT;
}

static enum tilde_result do_exit(struct escape *e)
{
	(void)e;
	return TILDE_EXIT;
}

/* ---- the header ---- */

static enum tilde_result do_people(struct escape *e)
{
	struct buf *list = e->letter == 't' ? &e->d->to
	    : e->letter == 'c'              ? &e->d->cc
	                                    : &e->d->bcc;

	collect_add_people(e->m, e->d, e->rest, list);
	return TILDE_TAKEN;
}

static enum tilde_result do_subject(struct escape *e)
{
	buf_clear(&e->d->subject);
	buf_put(&e->d->subject, e->rest);
	e->d->has_subject = true;
	return TILDE_TAKEN;
}

/* Once; false: the user gave up. */
static bool ask_header(struct escape *e)
{
	const struct vars *v = e->m->vars;
	struct draft *d = e->d;
	bool early = vars_is_set(v, "bsdcompat") && vars_is_set(v, "bsdorder");

	return collect_ask_people(e->m, d, "To: ", &d->to) &&
	    (!early || collect_ask_subject(e->m, d)) &&
	    collect_ask_people(e->m, d, "Cc: ", &d->cc) &&
	    collect_ask_people(e->m, d, "Bcc: ", &d->bcc) &&
	    (early || collect_ask_subject(e->m, d));
}

static enum tilde_result do_header(struct escape *e)
{
	while (ask_header(e) && e->d->to.len == 0)
		;
	return TILDE_CONTINUE;
}

static void preset(struct escape *e, struct buf *value, const char *variable)
{
	if (value->len == 0)
		buf_put(value, span_str(vars_get(e->m->vars, variable)));
}

static enum tilde_result do_more_header(struct escape *e)
{
	struct draft *d = e->d;

	preset(e, &d->from, "from");
	preset(e, &d->reply_to, "replyto");
	preset(e, &d->sender, "sender");
	preset(e, &d->organization, "ORGANIZATION");
	if (collect_ask_people(e->m, d, "From: ", &d->from) &&
	    collect_ask_people(e->m, d, "Reply-To: ", &d->reply_to) &&
	    collect_ask_people(e->m, d, "Sender: ", &d->sender))
		(void)!collect_ask(e->m, "Organization: ", &d->organization);
	return TILDE_CONTINUE;
}

static enum tilde_result do_files(struct escape *e)
{
	span word;

	if (e->rest.len == 0)
		collect_ask_files(e->m, e->d);
	while ((word = span_word(&e->rest, " \t")).len > 0) {
		CLEANUP(buf_done) struct buf path = BUF_INIT(NAME_LONGEST);

		if (mua_expand_name(e->m, word, &path))
			(void)!draft_attach(e->m, e->d, buf_cstr(&path));
	}
	return TILDE_TAKEN;
}

/* ---- files ---- */

/* 0 or a negative errno, which was said. */
static int read_file(struct mua *m, const char *path, struct buf *out)
{
	CLEANUP(fd_close)
	int fd = os_error(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
	struct stat st;
	int r = fd;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		printf("%s: Directory\n", path);
		return -EISDIR;
	}
	if (fd >= 0)
		r = file_read_all(fd, out);
	if (r < 0)
		mua_error(m, "%s: %s", path, strerror(-r));
	return r < 0 ? r : 0;
}

static enum tilde_result take_file(struct escape *e, const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);

	if (read_file(e->m, path, &text) < 0)
		return TILDE_TAKEN;
	printf("\"%s\" %zu/%zu\n", path, span_count(buf_span(&text), '\n'),
	    text.len);
	if (e->letter == 'R')
		quote_indented(
		    &e->d->body, quote_prefix(e->m), buf_span(&text));
	else
		put_text(e->d, buf_span(&text));
	return TILDE_TAKEN;
}

static enum tilde_result do_dead(struct escape *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(NAME_LONGEST);

	draft_grave(e->m, &path);
	return take_file(e, buf_cstr(&path));
}

static enum tilde_result take_output(struct escape *e)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(DRAFT_TEXT_MAX);
	CLEANUP(buf_done) struct buf command = BUF_INIT(NAME_LONGEST);

	buf_put(&command, span_from(e->rest, 1));
	(void)!run_filter(e->m, buf_cstr(&command), SPAN_NONE, &out);
	put_text(e->d, buf_span(&out));
	return TILDE_TAKEN;
}

static enum tilde_result do_read(struct escape *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(NAME_LONGEST);

	if (e->rest.len == 0) {
		printf("Interpolate what file?\n");
		return TILDE_TAKEN;
	}
	if (e->rest.ptr[0] == '!')
		return take_output(e);
	if (!mua_expand_name(e->m, e->rest, &path))
		return TILDE_TAKEN;
	return take_file(e, buf_cstr(&path));
}

static enum tilde_result do_write(struct escape *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(NAME_LONGEST);
	CLEANUP(fd_close) int fd = -1;
	span body = buf_span(&e->d->body);
	int r;

	if (e->rest.len == 0) {
		mua_error(e->m, "Write what file!?");
		return TILDE_TAKEN;
	}
	if (!mua_expand_name(e->m, e->rest, &path))
		return TILDE_TAKEN;
	fd = os_error(open(buf_cstr(&path),
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
	r = fd < 0 ? fd : file_write_all(fd, body);
	if (r < 0)
		mua_error(e->m, "%s: %s", buf_cstr(&path), strerror(-r));
	else
		printf("\"%s\" %zu/%zu\n", buf_cstr(&path),
		    span_count(body, '\n'), body.len);
	return TILDE_TAKEN;
}

/* ---- variables ---- */

static enum tilde_result do_sign(struct escape *e)
{
	collect_put_variable(e->m, e->d, e->letter == 'a' ? "sign" : "Sign");
	return TILDE_TAKEN;
}

static enum tilde_result do_variable(struct escape *e)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LONGEST);

	buf_put(&name, e->rest);
	collect_put_variable(e->m, e->d, buf_cstr(&name));
	return TILDE_TAKEN;
}

/* ---- messages ---- */

static bool choose_messages(
    struct escape *e, struct arena *a, struct msgset *ret)
{
	if (!e->m->box || e->m->box->count == 0) {
		printf("No appropriate messages\n");
		return false;
	}
	if (e->rest.len == 0 && e->d->about != BOX_NONE &&
	    e->d->about < e->m->box->count) {
		ret->all = &e->d->about;
		ret->count = 1;
		return true;
	}
	return msgset_parse(e->m, e->rest, 0, a, ret);
}

/* False: it was said what went wrong. */
static bool put_message(struct escape *e, uint32_t i)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	bool indented =
	    e->letter == 'm' || e->letter == 'M' || e->letter == 'U';
	enum show_as how = e->letter == 'u' || e->letter == 'U' ? SHOW_QUOTE
	    : e->letter == 'M' || e->letter == 'F'              ? SHOW_ALL
	                                                        : SHOW_TYPE;

	if (e->letter == 'Q') {
		const char *quote = vars_get(e->m->vars, "quote");

		return quote_message(e->m, i, quote ? quote : "", &e->d->body);
	}
	if (show_text(e->m, i, how, &text) < 0)
		return false;
	if (indented)
		quote_indented(
		    &e->d->body, quote_prefix(e->m), buf_span(&text));
	else
		put_text(e->d, buf_span(&text));
	return true;
}

/* ~m ~M ~f ~F ~u ~U ~Q: capitals with all fields (u and U: with none). */
static enum tilde_result do_messages(struct escape *e)
{
	struct msgset set;
	struct arena a;

	arena_init(&a, 64 << 20);
	if (!choose_messages(e, &a, &set)) {
		arena_done(&a);
		return TILDE_CONTINUE;
	}
	printf("Interpolating:");
	for (size_t i = 0; i < set.count; i++) {
		printf(" %u", set.all[i] + 1);
		quote_touch(e->m, set.all[i]);
		if (!put_message(e, set.all[i]))
			break;
	}
	printf("\n");
	arena_done(&a);
	return TILDE_CONTINUE;
}

/* ---- looking and editing ---- */

static void put_file_names(const struct draft *d, struct buf *out)
{
	if (d->nfiles > 0)
		buf_put(out, SPAN("Attachments:"));
	for (size_t i = 0; i < d->nfiles; i++) {
		if (d->files[i].path)
			buf_printf(out, " %s", d->files[i].path);
		else
			buf_printf(out, " message %u", d->files[i].message + 1);
		buf_putc(out, i + 1 < d->nfiles ? ',' : '\n');
	}
}

static enum tilde_result do_print(struct escape *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	size_t before;

	buf_put(&text, SPAN("-------\nMessage contains:\n"));
	before = text.len;
	head_write_all(e->m, e->d, HEAD_SHOW, &text);
	if (text.len > before)
		buf_putc(&text, '\n');
	buf_put(&text, buf_span(&e->d->body));
	put_file_names(e->d, &text);
	(void)show_page(e->m, buf_span(&text));
	return TILDE_CONTINUE;
}

static enum tilde_result do_edit(struct escape *e)
{
	edit_draft(e->m, e->d, e->letter == 'v');
	return TILDE_CONTINUE;
}

static enum tilde_result do_help(struct escape *e);

/* ---- the table ---- */

struct row {
	char letter;
	escape_fn *run;
	const char *arguments;
	const char *help;
};

/* clang-format off */
static const struct row rows[] = {
	{ '!', do_shell,	"command",	"Run a command" },
	{ ':', do_command,	"command",	"Run a command of mail" },
	{ '_', do_command,	"command",	"The same" },
	{ '|', do_filter,	"command",	"Pipe the text through a command" },
	{ '.', do_end,		"",		"End of the text: send it" },
	{ 'q', do_quit,		"",		"Give up, keep the text in dead.letter" },
	{ 'x', do_exit,		"",		"Give up, forget the text" },
	{ '@', do_files,	"[file ...]",	"Add files, or edit the list of files" },
	{ 'a', do_sign,		"",		"Insert the variable sign" },
	{ 'A', do_sign,		"",		"Insert the variable Sign" },
	{ 'i', do_variable,	"name",		"Insert a variable" },
	{ 't', do_people,	"users",	"Add to the To list" },
	{ 'c', do_people,	"users",	"Add to the Cc list" },
	{ 'b', do_people,	"users",	"Add to the Bcc list" },
	{ 's', do_subject,	"subject",	"Set the subject" },
	{ 'h', do_header,	"",		"Ask for To, Cc, Bcc, Subject" },
	{ 'H', do_more_header,	"",		"Ask for From, Reply-To, Sender, Organization" },
	{ 'd', do_dead,		"",		"Read in dead.letter" },
	{ 'r', do_read,		"file",		"Read in a file" },
	{ '<', do_read,		"file",		"The same" },
	{ '<', do_read,		"!command",	"Read in what a command prints" },
	{ 'R', do_read,		"file",		"Read in a file, indented" },
	{ 'w', do_write,	"file",		"Append the text to a file" },
	{ 'f', do_messages,	"messages",	"Read in messages" },
	{ 'F', do_messages,	"messages",	"Read in messages with all header fields" },
	{ 'm', do_messages,	"messages",	"Read in messages, indented" },
	{ 'M', do_messages,	"messages",	"... with all header fields, indented" },
	{ 'u', do_messages,	"messages",	"Read in the texts of messages" },
	{ 'U', do_messages,	"messages",	"... indented" },
	{ 'Q', do_messages,	"messages",	"Quote messages as reply does" },
	{ 'p', do_print,	"",		"Show the mail as it is now" },
	{ 'e', do_edit,		"",		"Edit the text with $EDITOR" },
	{ 'v', do_edit,		"",		"Edit the text with $VISUAL" },
	{ '?', do_help,		"",		"Show this list" },
};
/* clang-format on */

static enum tilde_result do_help(struct escape *e)
{
	(void)e;
	printf("Escapes at the beginning of a line:\n"
	       "~~                 A line that begins with one tilde\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		printf("~%c%s%-*s %s\n", rows[i].letter,
		    rows[i].letter == '<' && rows[i].arguments[0] == '!' ? ""
		                                                         : " ",
		    rows[i].letter == '<' && rows[i].arguments[0] == '!' ? 16
		                                                         : 15,
		    rows[i].arguments, rows[i].help);
	return TILDE_TAKEN;
}

enum tilde_result tilde_run(
    struct mua *m, struct draft *d, char escape, span line)
{
	struct escape e = { m, d, 0, span_trim(span_from(line, 1)) };

	if (line.len > 0)
		e.letter = line.ptr[0];
	if (line.len > 0 && e.letter == escape)
		return TILDE_TEXT;
	for (size_t i = 0; line.len > 0 && i < ARRAY_LEN(rows); i++)
		if (rows[i].letter == e.letter)
			return rows[i].run(&e);
	printf("Unknown tilde escape.\n");
	return TILDE_TAKEN;
}
