/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/main.c - mail(1), also known as mailx and Mail.
 *
 * The command line says which of these it will be:
 *
 *	addresses, -t, ...	write one mail and send it
 *	-e			say by the exit code whether there is mail
 *	-H, -L list		print header lines
 *	else			read mail, command by command
 *
 * Before that the start-up files are read. What -S says stands against them;
 * afterwards everything can be changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/draft.h"
#include "tool/mail/msgset.h"
#include "tool/mail/opts.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"
#include "tool/mail/version.h"

enum { MAX_ARGS = 64 << 20 };

/* ---- who and where we are ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	if (a && *a)
		return a;
	return b && *b ? b : c;
}

/* Names that live as long as the process. */
static void find_ourselves(struct mua *m, struct arena *a)
{
	const struct passwd *pw = getpwuid(getuid());
	char host[256] = "localhost";

	m->user = first_of(
	    getenv("USER"), getenv("LOGNAME"), pw ? pw->pw_name : "nobody");
	m->home = first_of(getenv("HOME"), pw ? pw->pw_dir : NULL, "/");
	(void)gethostname(host, sizeof host - 1);
	m->user = arena_cstr(a, span_str(m->user));
	m->home = arena_cstr(a, span_str(m->home));
	m->host = arena_cstr(a, span_str(host));
}

/* ---- start-up files ---- */

static const char *user_rc(struct mua *m, struct buf *path)
{
	const char *name = getenv("MAILRC");

	if (!name)
		name = getenv("NAILRC");
	if (!name)
		name = "~/.mailrc";
	buf_clear(path);
	if (!*name || !mua_expand_name(m, span_str(name), path))
		return NULL;
	return buf_cstr(path);
}

static const char *const system_rc[] = { "/etc/mail.rc", "/etc/nail.rc" };

/* Files may ask for other manners, which change what options mean: so this is
 * looked for before they are read in earnest. */
static enum manner find_manner(struct mua *m)
{
	CLEANUP(buf_done) struct buf wish = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	const char *set = getenv("mail_personality");
	const char *rc;

	if (set && *set)
		return opts_manner(m->name, set);
	for (size_t i = 0; i < ARRAY_LEN(system_rc); i++)
		(void)!source_find_manner(system_rc[i], &wish);
	rc = user_rc(m, &path);
	if (rc)
		(void)!source_find_manner(rc, &wish);
	return opts_manner(m->name, wish.len ? buf_cstr(&wish) : NULL);
}

static void load_system(struct mua *m)
{
	if (!strcmp(m->name, "s-nail")) {
		(void)source_file(m, "/etc/s-nail.rc", false);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(system_rc); i++)
		(void)source_file(m, system_rc[i], false);
}

static void load_extra(struct mua *m)
{
	static const char *const names[] = { "NAIL_EXTRA_RC",
		"mailx-extra-rc" };
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *name = vars_get(m->vars, names[i]);

		buf_clear(&path);
		if (name && *name && !getenv(names[i]) &&
		    mua_expand_name(m, span_str(name), &path))
			(void)source_file(m, buf_cstr(&path), false);
	}
}

static void load_files(struct mua *m, const struct opts *o)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	const char *rc;

	m->is_loading = true;
	if (!o->no_system_rc && (!o->rc || strpbrk(o->rc, "sS")))
		load_system(m);
	if (!o->rc || strpbrk(o->rc, "uU")) {
		rc = user_rc(m, &path);
		if (rc)
			(void)source_file(m, rc, false);
		load_extra(m);
	}
	m->is_loading = false;
	m->quitting = m->leaving = false;
}

/* -S, and options that are short for it. */
static void fix_settings(struct mua *m, const struct opts *o)
{
	if (o->no_banner)
		vars_fix_unset(m->vars, "header");
	for (size_t i = 0; i < o->settings.count; i++) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(1 << 20);
		const char *word = o->settings.all[i];
		const char *value = strchr(word, '=');

		buf_put(&name,
		    value ? span_of(word, (size_t)(value - word))
		          : span_str(word));
		if (!value && span_has_prefix(buf_span(&name), SPAN("no")))
			vars_fix_unset(m->vars, buf_cstr(&name) + 2);
		else if (name.len)
			vars_fix(
			    m->vars, buf_cstr(&name), value ? value + 1 : NULL);
	}
	if (o->from)
		vars_fix(m->vars, "from", o->from);
}

static int start_up(struct mua *m, const struct opts *o)
{
	m->manner = o->manner;
	vars_preset(m->vars, m->manner);
	/* The others show all fields until a file says otherwise. */
	if (m->manner != MANNER_HEIRLOOM)
		names_done(&m->ignored);
	m->read_only = o->read_only;
	m->tilde = o->tilde;
	m->is_reading = !o->to.count && !o->from_text && !o->targets.count &&
	    !o->force_send;
	if (o->user) {
		m->user = o->user;
		m->is_pretending = true;
	}
	if (o->line_wise)
		(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (term_in_is_tty(m->term) && !o->exists_only && !o->headers_only &&
	    !o->spec)
		vars_set(m->vars, "interactive", NULL);
	fix_settings(m, o);
	load_files(m, o);
	if (o->account) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(4096);

		m->is_loading = true;
		buf_printf(&line, "account \"%s\"", o->account);
		if (commands_run(m, buf_span(&line)))
			return 1;
		m->is_loading = false;
	}
	vars_thaw(m->vars);
	/* From now on what is typed ahead is not shown twice. */
	if (vars_is_set(m->vars, "interactive"))
		term_reconsider(m->term);
	for (size_t i = 0; i < o->before.count; i++)
		(void)commands_run(m, span_str(o->before.all[i]));
	return 0;
}

/* ---- sending ---- */

static void put_list(struct buf *out, const struct opts_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (out->len)
			buf_put(out, SPAN(", "));
		buf_put(out, span_str(l->all[i]));
	}
}

/* -T "cc: somebody" */
static bool put_target(struct mua *m, struct draft *d, const char *word)
{
	static const span names[] = { SPAN_INIT("to"), SPAN_INIT("cc"),
		SPAN_INIT("bcc") };
	struct buf *lists[] = { &d->to, &d->cc, &d->bcc };
	span rest = span_str(word);
	span name = span_trim(span_cut(&rest, ':'));

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!span_eq_nocase(name, names[i]))
			continue;
		if (lists[i]->len)
			buf_put(lists[i], SPAN(", "));
		buf_put(lists[i], span_trim(rest));
		return true;
	}
	mua_error(m, "%s: not \"to: address\" or the like", word);
	return false;
}

/* "Name: value", as a header field begins. */
static bool is_field(const char *word)
{
	size_t n = 0;

	while (ascii_is_alnum(word[n]) || word[n] == '-' || word[n] == '_')
		n++;
	return n > 0 && word[n] == ':' && !strpbrk(word, "\r\n");
}

static bool put_field(struct mua *m, struct draft *d, const char *word)
{
	if (!is_field(word)) {
		mua_error(m, "%s: not \"Name: value\"", word);
		return false;
	}
	buf_put(&d->fields, span_str(word));
	buf_putc(&d->fields, '\n');
	return true;
}

/* -a of mailx: a file, but also a field, as other programs understand it. */
static bool put_attachment(struct mua *m, struct draft *d, const char *word)
{
	if (m->manner == MANNER_HEIRLOOM && access(word, R_OK) < 0 &&
	    errno == ENOENT && is_field(word))
		return put_field(m, d, word);
	return draft_attach(m, d, word);
}

static bool put_quote(struct mua *m, struct draft *d, const char *name)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	CLEANUP(fd_close) int fd = -1;
	int r;

	if (!mua_expand_name(m, span_str(name), &path))
		return false;
	fd = os_error(open(buf_cstr(&path), O_RDONLY | O_CLOEXEC));
	r = fd < 0 ? fd : file_read_all(fd, &d->body);
	if (r < 0) {
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(-r));
		return false;
	}
	if (d->body.len && d->body.data[d->body.len - 1] != '\n')
		buf_putc(&d->body, '\n');
	return true;
}

static bool fill_draft(struct mua *m, const struct opts *o, struct draft *d)
{
	bool ok = true;

	put_list(&d->to, &o->to);
	put_list(&d->cc, &o->cc);
	put_list(&d->bcc, &o->bcc);
	for (size_t i = 0; ok && i < o->targets.count; i++)
		ok = put_target(m, d, o->targets.all[i]);
	for (size_t i = 0; ok && i < o->attach.count; i++)
		ok = put_attachment(m, d, o->attach.all[i]);
	for (size_t i = 0; ok && i < o->fields.count; i++)
		ok = put_field(m, d, o->fields.all[i]);
	if (ok && o->quote)
		ok = put_quote(m, d, o->quote);
	d->has_subject = o->subject != NULL;
	buf_put(&d->subject, span_str(o->subject));
	buf_put(&d->envelope, span_str(o->from));
	d->from_header = o->from_text;
	d->record_by_name = o->by_name;
	return ok;
}

static int send_one(struct mua *m, const struct opts *o)
{
	CLEANUP(buf_done) struct buf mta = BUF_INIT(1 << 20);
	struct draft d;
	int r = 1;

	draft_init(&d);
	for (size_t i = 0; i < o->mta.count; i++)
		buf_printf(&mta, "%s%s", i ? " " : "", o->mta.all[i]);
	if (mta.len) {
		d.mta_args = mem_new(mta.len + 1, 1);
		memcpy(d.mta_args, mta.data, mta.len);
	}
	if (fill_draft(m, o, &d))
		r = draft_write(m, &d);
	draft_done(&d);
	return r || m->failures;
}

/* ---- reading ---- */

/* 0; 1: nothing there; -1: an error. */
static int open_box(struct mua *m, const struct opts *o)
{
	if (!o->reads_file)
		return box_change(m, NULL);
	return box_change(m, o->file ? o->file : "&");
}

/* -e, -H, -L: what a script wants to know. */
static int answer(struct mua *m, const struct opts *o)
{
	struct arena a;
	struct msgset set = { 0 };
	int r = 1;

	arena_init(&a, MAX_ARGS);
	if (o->spec &&
	    !msgset_parse(m, span_str(o->spec), MSGSET_EMPTY, &a, &set))
		set.count = 0;
	if (o->spec)
		r = set.count == 0;
	for (size_t i = 0; i < set.count && !o->exists_only; i++)
		show_headline(m, set.all[i], false, stdout);
	if (!o->spec) {
		for (uint32_t i = box_first(m->box);
		     i != BOX_NONE && !o->exists_only; i = box_next(m->box, i))
			show_headline(m, i, false, stdout);
		r = 0;
	}
	arena_done(&a);
	return r;
}

static void greet(struct mua *m, const struct opts *o)
{
	static const char *const banners[] = {
		"Heirloom Mail version " MAIL_LIKE ".  Type ? for help.",
		"Mail version 8.1.2 01/15/2001.  Type ? for help.", NULL
	};
	const char *banner = banners[m->manner];

	if (o->no_banner)
		return;
	if (m->manner == MANNER_HEIRLOOM && !vars_is_set(m->vars, "bsdcompat"))
		banner =
		    "Heirloom mailx version " MAIL_LIKE ".  Type ? for help.";
	if (banner && !vars_is_set(m->vars, "quiet"))
		(void)puts(banner);
	show_folder_line(m, stdout);
	if (m->box->count && vars_is_set(m->vars, "header"))
		show_headers(m, m->box->dot, stdout);
}

static void say_nothing(void)
{
	CLEANUP(fd_close) int null = -1;

	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, 1);
		(void)dup2(null, 2);
	}
}

static int read_mail(struct mua *m, const struct opts *o)
{
	int r;

	if (o->exists_only)
		say_nothing();
	r = open_box(m, o);
	if (r < 0)
		return 1;
	if (o->exists_only && (r || !o->spec))
		return r;
	if (r && !vars_is_set(m->vars, "emptystart"))
		return !o->headers_only;
	if (o->headers_only || o->spec)
		return answer(m, o);
	greet(m, o);
	(void)fflush(stdout);
	for (size_t i = 0; i < o->after.count && !m->quitting && !m->leaving;
	     i++)
		(void)commands_run(m, span_str(o->after.all[i]));
	if (o->print_all)
		m->quitting = commands_run(m, SPAN("type *")) >= 0;
	commands_loop(m);
	if (term_hung_up())
		return 1;
	r = box_leave(m, !m->leaving);
	return r || m->failures;
}

/* ---- the whole ---- */

static int complain(const struct opts *o, enum opts_result result)
{
	CLEANUP(buf_done) struct buf usage = BUF_INIT(65536);

	if (o->manner == MANNER_HEIRLOOM && ascii_is_alpha(*o->error) &&
	    ascii_upper(*o->error) == *o->error)
		(void)fprintf(stderr, "%s\n", o->error);
	else
		(void)fprintf(stderr, "%s: %s\n", o->name, o->error);
	if (result == OPTS_WRONG && o->manner != MANNER_GNU) {
		opts_usage(o, &usage);
		(void)fputs(buf_cstr(&usage), stderr);
	}
	return opts_wrong_code(o);
}

static int inform(const struct opts *o)
{
	CLEANUP(buf_done) struct buf usage = BUF_INIT(65536);

	if (o->show_version) {
		(void)puts(MAIL_LIKE);
		return 0;
	}
	opts_usage(o, &usage);
	(void)fputs(buf_cstr(&usage), stdout);
	return 0;
}

static int run(struct mua *m, const struct opts *o)
{
	if (start_up(m, o))
		return 1;
	/* By -X. */
	if (m->quitting || m->leaving)
		return 0;
	return m->is_reading ? read_mail(m, o) : send_one(m, o);
}

int main(int argc, char **argv)
{
	struct arena a;
	struct mua m;
	struct opts o = { 0 };
	enum opts_result result;
	int code;

	arena_init(&a, MAX_ARGS);
	mua_init(&m);
	find_ourselves(&m, &a);
	m.name = last_part(argc > 0 ? argv[0] : "mail");
	o.name = m.name;
	o.manner = find_manner(&m);
	result = opts_parse(&o, argc, argv, &a);
	if (result) {
		code = complain(&o, result);
	} else if (o.show_help || o.show_version) {
		code = inform(&o);
	} else {
		m.term = term_new(&m);
		code = run(&m, &o);
		box_free(&m.box);
		term_free(&m.term);
	}
	if (fflush(stdout) != 0 && code == 0)
		code = 1;
	source_free(&m);
	mua_done(&m);
	arena_done(&a);
	return code;
}
