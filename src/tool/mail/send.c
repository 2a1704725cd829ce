/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/send.c - a draft goes out.
 *
 *	fields and automatic copies -> recipients, checked and resolved
 *	-> build -> files and programs (expandaddr) -> record -> sendmail
 *
 * Whatever fails before sendmail has taken the message puts it into
 * dead.letter, whole. sendmail reads a file in memory, so neither a slow nor a
 * dead one can hold us or send us a signal; we wait for its verdict.
 *
 * Addresses are never options: none begins with "-" (recipients.c), and "--"
 * stands before them. Those of bsd-mailx's manner are in the header (-t),
 * which is ours from the first to the last byte.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/date.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/folder.h"
#include "tool/mail/build.h"
#include "tool/mail/folder_name.h"
#include "tool/mail/head.h"
#include "tool/mail/quote.h"
#include "tool/mail/run.h"

#ifndef SENDMAIL
#define SENDMAIL "/usr/sbin/sendmail"
#endif

enum { ARGS_MAX = 64 };

/* ---- sendmail ---- */

struct argv {
	const char **all;
	size_t n;
};

static void put_arg(struct argv *a, const char *arg)
{
	a->all[a->n++] = arg;
}

/* Words separated by blanks: the user's own arguments. */
static void put_words(struct argv *a, struct arena *arena, const char *text)
{
	span rest = span_str(text);
	span word;

	while (a->n < ARGS_MAX && (word = span_word(&rest, " \t")).len > 0) {
		const char *arg = arena_cstr(arena, word);

		if (arg)
			put_arg(a, arg);
	}
}

/* False: there is no memory for so many. */
static bool make_argv(struct mua *m, const struct draft *d,
    struct recipients *r, struct argv *ret)
{
	const char **people;
	size_t n = recipients_sorted(r, &people);
	bool by_header = m->manner == MANNER_BSD && d;

	ret->all = arena_alloc(&r->arena, n + ARGS_MAX + 16, sizeof(*ret->all));
	if (!ret->all || !people)
		return false;
	ret->n = 0;
	put_arg(ret, "send-mail");
	put_arg(ret, "-i");
	if (by_header)
		put_arg(ret, "-t");
	if (vars_is_set(m->vars, "metoo"))
		put_arg(ret, "-m");
	if ((d && d->verbose) || vars_is_set(m->vars, "verbose"))
		put_arg(ret, "-v");
	put_words(ret, &r->arena, vars_get(m->vars, "sendmail-arguments"));
	if (d && d->mta_args)
		put_words(ret, &r->arena, d->mta_args);
	if (d && d->envelope.len > 0) {
		const char *from = arena_cstr(&r->arena,
		    recipient_bare(&r->arena, buf_span(&d->envelope)));

		if (!from)
			return false;
		put_arg(ret, m->manner == MANNER_HEIRLOOM ? "-r" : "-f");
		put_arg(ret, from);
	}
	if (!by_header) {
		put_arg(ret, "--");
		for (size_t i = 0; i < n; i++)
			put_arg(ret, people[i]);
	}
	put_arg(ret, NULL);
	return true;
}

static bool find_sendmail(struct mua *m, struct buf *ret)
{
	const char *path = vars_get(m->vars, "sendmail");

	if (!path || !*path) {
		buf_put(ret, SPAN(SENDMAIL));
		return true;
	}
	return mua_expand_name(m, span_str(path), ret);
}

/* 0, or 1: it was said. */
static int give_to_sendmail(struct mua *m, span message, struct argv *a)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	CLEANUP(fd_close) int in = -1;
	struct run run = { .out = -1, .apart = true };
	int r;

	if (!find_sendmail(m, &path))
		return 1;
	in = file_memfd("mail", message);
	if (in < 0) {
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(-in));
		return 1;
	}
	a->all[0] = buf_cstr(&path);
	run.argv = a->all;
	run.in = in;
	r = run_program(m, &run);
	if (r < 0)
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(-r));
	else if (WIFSIGNALED(r))
		mua_error(m, "%s: %s", buf_cstr(&path), strsignal(WTERMSIG(r)));
	return r != 0;
}

static int show_arguments(const struct argv *a)
{
	printf("Sendmail arguments:");
	for (size_t i = 0; a->all[i]; i++)
		printf(" \"%s\"", a->all[i]);
	printf("\n");
	return 0;
}

/* ---- dead letters ---- */

static int not_sent(struct mua *m, span message)
{
	draft_bury(m, message);
	mua_error(m, ". . . message not sent.");
	m->failures++;
	return 1;
}

/* What there is of it, when it could not even be built. */
static int not_built(
    struct mua *m, const struct draft *d, const struct recipients *r)
{
	CLEANUP(buf_done) struct buf message = BUF_INIT(MESSAGE_MAX);
	struct draft bare = *d;
	struct build_bcc bcc;

	bare.nfiles = 0;
	if (build_message(m, &bare, r, &message, &bcc))
		return not_sent(m, buf_span(&message));
	return not_sent(m, buf_span(&d->body));
}

/* ---- copies ---- */

static void from_line(const struct mua *m, struct buf *out)
{
	buf_printf(out, "From %s ", m->user);
	date_write_ctime(out, clock_wall());
}

/* 0, or 1: it was said. */
static int append_to_folder(struct mua *m, const char *path, span message)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(1024);
	struct folder_spec spec = { .path = path, .create = true };
	struct folder_trouble t = { 0 };
	struct folder_append *a = NULL;
	uint64_t lines;
	uint64_t bytes;
	bool is_new;
	int r;

	buf_init(&t.text, 4096);
	r = folder_append_open(&a, &spec, FOLDER_MBOX, &t);
	if (r == 0) {
		from_line(m, &line);
		folder_append_begin(a, buf_span(&line), 0);
		folder_append_put(a, message);
		r = folder_append_commit(&a, &is_new, &lines, &bytes, &t);
	}
	if (r < 0)
		mua_error(m, "%s: %s", path,
		    t.text.len ? buf_cstr(&t.text) : strerror(-r));
	buf_done(&t.text);
	return r < 0;
}

/* Where a copy goes: empty for nowhere. */
static bool record_name(struct mua *m, const struct draft *d,
    const struct recipients *r, struct buf *ret)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(8192);
	const char *record = vars_get(m->vars, "record");

	if (d->record_by_name && d->author.len > 0)
		mua_file_name(buf_span(&d->author), &name);
	else if (d->record_by_name && r->count > 0)
		mua_file_name(r->all[0].bare, &name);
	else if (record && *record)
		buf_put(&name, span_str(record));
	else
		return true;
	if (vars_is_set(m->vars, "outfolder") && name.data[0] != '/' &&
	    name.data[0] != '+' && name.data[0] != '~') {
		CLEANUP(buf_done) struct buf inside = BUF_INIT(8192);

		buf_printf(&inside, "+%s", buf_cstr(&name));
		return mua_expand_name(m, buf_span(&inside), ret);
	}
	if (d->record_by_name) {
		buf_put(ret, buf_span(&name));
		return true;
	}
	return mua_expand_name(m, buf_span(&name), ret);
}

static int record(struct mua *m, const struct draft *d,
    const struct recipients *r, span message)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);

	if (!record_name(m, d, r, &path))
		return 1;
	if (path.len == 0)
		return 0;
	if (append_to_folder(m, buf_cstr(&path), message) == 0)
		return 0;
	mua_error(m, "Error while saving message to %s - message not sent",
	    buf_cstr(&path));
	return 1;
}

/* expandaddr: files and programs among the recipients. 0, or how many of them
 * failed. */
static int give_to_files(
    struct mua *m, const struct recipients *r, span message)
{
	int failed = 0;

	for (size_t i = 0; i < r->count; i++) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(65536);
		span bare = r->all[i].bare;
		enum recipient_is is = recipient_is(bare);

		if (is == RECIPIENT_IS_PIPE) {
			buf_put(&name, recipient_command(bare));
			failed +=
			    run_filter(m, buf_cstr(&name), message, NULL) != 0;
		} else if (is == RECIPIENT_IS_FILE) {
			failed += !mua_expand_name(m, bare, &name) ||
			    append_to_folder(m, buf_cstr(&name), message);
		}
	}
	return failed;
}

/* ---- the whole way ---- */

static void say_about_smtp(struct mua *m)
{
	if (!vars_is_set(m->vars, "smtp"))
		return;
	mua_error(m,
	    "smtp: this mail hands its messages to sendmail; "
	    "set relayhost in main.cf for a smarthost");
	(void)vars_unset(m->vars, "smtp");
}

/* True: there is nothing to be sent. */
static bool is_skipped(struct mua *m, const struct draft *d)
{
	bool bsd = m->manner != MANNER_HEIRLOOM ||
	    vars_is_set(m->vars, "bsdcompat") ||
	    vars_is_set(m->vars, "bsdmsgs");

	if (d->body.len > 0)
		return false;
	if (vars_is_set(m->vars, "skipemptybody"))
		return true;
	if (!d->has_subject && d->nfiles == 0)
		printf("No message, no subject; hope that's ok\n");
	else if (bsd && d->nfiles == 0)
		printf("Null message body; hope that's ok\n");
	return false;
}

static void take_recipients(
    struct mua *m, struct draft *d, struct recipients *r)
{
	bool expand = d->expand || vars_is_set(m->vars, "expandaddr");

	/* In the manner of Heirloom the copies come last. */
	recipients_take(r, buf_span(&d->to), RECIPIENT_TO);
	recipients_take(r, buf_span(&d->cc), RECIPIENT_CC);
	recipients_take(r, span_str(vars_get(m->vars, "autocc")), RECIPIENT_CC);
	recipients_take(r, buf_span(&d->bcc), RECIPIENT_BCC);
	recipients_take(
	    r, span_str(vars_get(m->vars, "autobcc")), RECIPIENT_BCC);
	recipients_resolve(m, r);
	recipients_check(m, r, expand);
}

/* From, Sender, -r: what is no address goes to nobody. */
static bool check_own(struct mua *m, const struct draft *d)
{
	const char *sender = vars_get(m->vars, "sender");
	const char *reply_to = vars_get(m->vars, "replyto");
	struct recipients r;
	bool good;

	recipients_init(&r);
	recipients_take(&r, head_from(m, d), RECIPIENT_OTHER);
	recipients_take(&r, buf_span(&d->envelope), RECIPIENT_OTHER);
	recipients_take(&r,
	    d->sender.len ? buf_span(&d->sender) : span_str(sender),
	    RECIPIENT_OTHER);
	recipients_take(&r,
	    d->reply_to.len ? buf_span(&d->reply_to) : span_str(reply_to),
	    RECIPIENT_OTHER);
	recipients_check(m, &r, false);
	good = r.wrong == 0;
	recipients_done(&r);
	return good;
}

static int transfer(
    struct mua *m, struct draft *d, struct recipients *r, span message)
{
	struct argv a;
	const char **people;

	if (recipients_sorted(r, &people) == 0)
		return 0;
	if (make_argv(m, d, r, &a))
		return give_to_sendmail(m, message, &a);
	mua_error(m, "Too many recipients");
	return 1;
}

/* -d: what would be called. Nothing is. */
static int show_call(struct mua *m, struct draft *d, struct recipients *r)
{
	struct argv a;

	if (make_argv(m, d, r, &a))
		return show_arguments(&a);
	return 1;
}

/* What others get: without Bcc, unless sendmail -t must read it. */
static span without_bcc(
    const struct mua *m, span ours, struct build_bcc bcc, struct buf *text)
{
	if (bcc.len == 0 || m->manner == MANNER_BSD)
		return ours;
	buf_put(text, span_first(ours, bcc.at));
	buf_put(text, span_from(ours, bcc.at + bcc.len));
	return buf_span(text);
}

/* Our own copy, also the one in dead.letter, says who got a blind one. */
static int send_to(struct mua *m, struct draft *d, struct recipients *r)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MESSAGE_MAX);
	CLEANUP(buf_done) struct buf ours = BUF_INIT(MESSAGE_MAX);
	struct build_bcc bcc;
	span sent;

	if (!check_own(m, d))
		return not_built(m, d, r);
	if (r->count == 0) {
		printf("No recipients specified\n");
		return not_built(m, d, r);
	}
	if (!build_message(m, d, r, &ours, &bcc))
		return not_built(m, d, r);
	if (vars_is_set(m->vars, "debug"))
		return show_call(m, d, r);
	sent = without_bcc(m, buf_span(&ours), bcc, &text);
	if (give_to_files(m, r, sent) > 0 ||
	    record(m, d, r, buf_span(&ours)) != 0 ||
	    transfer(m, d, r, sent) != 0)
		return not_sent(m, buf_span(&ours));
	return 0;
}

static int send_draft(struct mua *m, struct draft *d)
{
	struct recipients r;
	int result;

	if (!head_settle(m, d))
		return not_sent(m, buf_span(&d->body));
	if (is_skipped(m, d))
		return 0;
	say_about_smtp(m);
	recipients_init(&r);
	take_recipients(m, d, &r);
	result = send_to(m, d, &r);
	if (result == 0 && r.wrong > 0)
		m->failures++;
	recipients_done(&r);
	return result;
}

int draft_write(struct mua *m, struct draft *d)
{
	if (draft_collect(m, d) == COLLECT_ABORTED) {
		m->failures++;
		return 1;
	}
	return send_draft(m, d);
}

void send_resolve(struct mua *m, struct recipients *r)
{
	recipients_resolve(m, r);
	recipients_check(m, r, vars_is_set(m->vars, "expandaddr"));
}

int send_as_is(struct mua *m, struct recipients *r, span message)
{
	struct draft none = { 0 };
	bool kept = vars_is_set(m->vars, "record-resent");
	struct argv a;
	int result = 1;

	if (give_to_files(m, r, message) == 0 &&
	    (!kept || record(m, &none, r, message) == 0) &&
	    make_argv(m, NULL, r, &a))
		result = give_to_sendmail(m, message, &a);
	if (result != 0)
		return not_sent(m, message);
	m->failures += r->wrong > 0;
	return 0;
}
