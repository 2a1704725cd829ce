/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/step.c - one step of a plan: a mailbox, a command, an
 * address to send on to.
 *
 * Where a forward file may be, the user's worker looks for it first and reads
 * it; then it is expanded, and the step is over. Whoever writes a mailbox
 * looks before he does, so that most steps are one item; the scribe only sees
 * that there is a file, and the worker has to be sent for it.
 */
#include "daemon/deliver/run.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/deliver/biff.h"
#include "daemon/deliver/claims.h"
#include "daemon/deliver/item.h"
#include "daemon/deliver/lists.h"
#include "daemon/delivery_log.h"
#include "mail/mbox.h"
#include "os/error.h"
#include "os/log.h"

enum { TEXT_MAX = 8192 };

/* ---- each thing once ---- */

struct seen {
	struct hnode node;
	span key;
};

/* As local(8): the same mailbox, command or address is served once for a
 * recipient. */
static span key_of(struct step_run *sr)
{
	const struct local_step *s = sr->step;
	CLEANUP(buf_done) struct buf key = BUF_INIT(1024 * 1024);

	buf_printf(&key, "%u %u ", s->kind, sr->user.uid);
	switch ((enum local_do)s->kind) {
	case LOCAL_RESEND:
		buf_put(&key, s->address);
		break;
	case LOCAL_MAILBOX:
	case LOCAL_PASS:
	case LOCAL_OUTCOME:
		/* What a forward file is looked for first is another thing
		 * than the mailbox: the file may name it. */
		buf_putc(&key, s->nforward ? 'f' : 'm');
		buf_put(&key, s->address);
		buf_putc(&key, ' ');
		buf_put(&key, s->what);
		break;
	case LOCAL_COMMAND:
		buf_put(&key, s->user);
		buf_putc(&key, ' ');
		buf_put(&key, s->what);
		break;
	case LOCAL_FILE:
	case LOCAL_READ:
		buf_put(&key, s->what);
		break;
	}
	/* A ~/.forward that names its user: the mailbox behind it is not the
	 * one for which it was looked for. */
	for (uint32_t i = 0; i < s->nforward; i++) {
		buf_putc(&key, ' ');
		buf_put(&key, s->forward[i]);
	}
	for (size_t i = 0; i < key.len; i++)
		key.data[i] = ascii_lower(key.data[i]);
	return arena_dup(&sr->rr->run->arena, buf_span(&key));
}

static bool was_seen(struct rcpt_run *rr, span key)
{
	uint64_t hash = hash_bytes(key);
	struct seen *s;
	struct hnode *n;

	for (n = hmap_first(&rr->seen, hash); n; n = hmap_next(n, hash))
		if (span_eq(CONTAINER_OF(n, struct seen, node)->key, key))
			return true;
	s = run_alloc(rr->run, 1, sizeof(*s));
	s->key = key;
	hmap_put(&rr->seen, &s->node, hash);
	return false;
}

static outcome_key outcome_of(struct step_run *sr, span key)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(2 * 1024 * 1024);
	const struct job_run *run = sr->rr->run;
	const struct rcpt *rcpt = &run->job.envelope.rcpts[sr->rr->index];

	wire_put_u64(&b, run->job.envelope.id);
	wire_put_span(&b, rcpt->addr);
	wire_put_span(&b, rcpt->orig);
	wire_put_span(&b, key);
	return hash_bytes(buf_span(&b));
}

/* ---- outcomes ---- */

static void resume(struct step_run *sr, bool sent);

/* Nothing more happens for it: those who waited for it go on. */
static void leave(struct step_run *sr)
{
	struct list waiting;
	struct list *l;

	outcomes_end(&sr->rr->run->d->outcomes, &sr->under_way, &waiting);
	while ((l = list_take(&waiting)))
		resume(
		    CONTAINER_OF(l, struct step_run, under_way.link), sr->sent);
	rcpt_release(sr->rr);
}

static void end_step(struct step_run *sr, const struct verdict *v)
{
	struct job_run *run = sr->rr->run;

	sr->sent = v->class == VERDICT_SENT;
	if (sr->sent)
		outcomes_add(&run->d->outcomes, sr->key, run->epoch, false);
	rcpt_outcome(sr->rr, sr->step, v);
	leave(sr);
}

static void end_with(
    struct step_run *sr, enum verdict_class class, span status, span text)
{
	const struct verdict v = {
		.class = class,
		.status = status,
		.text = text,
	};

	end_step(sr, &v);
}

/* What would happen, for those who only want to know. */
static void tell_trial(struct step_run *sr)
{
	static const struct {
		const char *text;
		bool names;
	} says[] = {
		[LOCAL_MAILBOX] = { "delivers to mailbox", false },
		[LOCAL_FILE] = { "delivers to file: ", true },
		[LOCAL_COMMAND] = { "delivers to command: ", true },
		[LOCAL_RESEND] = { "forwards to ", true },
	};
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	const struct local_step *s = sr->step;
	const char *what = says[s->kind].text;

	if (s->kind == LOCAL_MAILBOX && (s->flags & LOCAL_VIRTUAL) &&
	    item_kind(s) == WORK_MAILDIR)
		what = "delivers to maildir";
	buf_put(&text, span_str(what));
	if (says[s->kind].names)
		buf_put(&text, s->kind == LOCAL_RESEND ? s->address : s->what);
	end_with(sr, VERDICT_SENT, SPAN("2.0.0"), buf_span(&text));
}

/* ---- whose rights ---- */

static void keep_user(struct step_run *sr, const struct user *found)
{
	sr->user = *found;
	sr->user.home = arena_dup(&sr->rr->run->arena, found->home);
}

static bool refuse_user(struct step_run *sr, const char *why)
{
	log_warn(sr->rr->run->at->program->name,
	    "error looking up passwd info for %.*s: %s", PRI(sr->step->user),
	    why);
	end_with(
	    sr, VERDICT_DEFERRED, SPAN("4.0.0"), SPAN("user lookup error"));
	return false;
}

/* Nobody plans this who is in his right mind. */
static bool refuse_claim(struct step_run *sr)
{
	log_warn(sr->rr->run->at->program->name,
	    "%.*s: not a delivery for uid %u: %.*s", PRI(sr->step->address),
	    sr->user.uid, PRI(sr->step->what));
	end_with(sr, VERDICT_DEFERRED, SPAN("4.3.5"),
	    SPAN("mail system configuration error"));
	return false;
}

static bool take_default_user(struct step_run *sr)
{
	const struct services *all = sr->rr->run->services;

	if (!all->default_fault) {
		keep_user(sr, &all->default_user);
		return true;
	}
	log_warn(sr->rr->run->at->program->name, "default_privs: %s",
	    all->default_fault);
	end_with(sr, VERDICT_DEFERRED, SPAN("4.3.5"),
	    SPAN("mail system configuration error"));
	return false;
}

/* What is root's, uid or gid, is default_privs' instead. */
static bool take_what_is_free(struct step_run *sr, const struct user *user)
{
	if (!take_default_user(sr))
		return false;
	if (user->uid != 0)
		sr->user.uid = user->uid;
	if (user->gid != 0)
		sr->user.gid = user->gid;
	return true;
}

/* A list is read as its owner, root's if root asked for it; the worker looks
 * at it more closely. */
static bool take_owner(struct step_run *sr)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	const struct service *at = sr->rr->run->at;
	span list = sr->step->what;
	const char *why = NULL;
	struct stat st;

	buf_put(&path, list);
	if (stat(buf_cstr(&path), &st) < 0)
		why = strerror(errno);
	else if (st.st_uid == 0 && !lists_named(at, list))
		why = "it belongs to root, and no alias in a text of root's "
		      "has it";
	else if (st.st_uid == 0 && !lists_is_fixed(list))
		why = "it belongs to root, and others could have put it there";
	if (!why) {
		sr->user = (struct user){ .uid = st.st_uid, .gid = st.st_gid };
		return true;
	}
	log_warn(at->program->name, "unable to lookup :include: file %.*s: %s",
	    PRI(list), why);
	end_with(sr, VERDICT_BOUNCED, SPAN("5.3.5"),
	    SPAN("mail system configuration error"));
	return false;
}

/* What may run or write anything is never done as root. */
static bool is_free(const struct local_step *s)
{
	return s->kind == LOCAL_COMMAND || s->kind == LOCAL_FILE;
}

/* False: the step has ended. */
static bool find_user(struct step_run *sr)
{
	const struct local_step *s = sr->step;
	struct deliver *d = sr->rr->run->d;
	struct user user = { .uid = s->uid, .gid = s->gid };
	int r = USERS_OK;

	if (!s->by_uid && !s->user.len)
		return s->kind == LOCAL_READ ? take_owner(sr)
		                             : take_default_user(sr);
	if (!s->by_uid)
		r = users_find(&d->users, loop_now(d->loop), s->user, &user);
	if (r < 0)
		return refuse_user(sr, strerror(-r));
	if (r == USERS_UNKNOWN)
		return refuse_user(sr, "no such user");
	if (is_free(s) && (user.uid == 0 || user.gid == 0))
		return take_what_is_free(sr, &user);
	keep_user(sr, &user);
	return claims_allow(sr->rr->run->at, s, &sr->user) || refuse_claim(sr);
}

/* ---- items ---- */

/* Which header lines go on top. */
static unsigned head_of(const struct step_run *sr, uint8_t kind)
{
	const struct service *at = sr->rr->run->at;
	unsigned head = MBOX_FILE;

	if (kind == WORK_MAILDIR)
		head = MBOX_MAILDIR;
	if (kind == WORK_COMMAND)
		head = MBOX_FROM_LINE | MBOX_MAILDIR;
	if (sr->step->flags & LOCAL_VIRTUAL)
		return head;
	if (kind == WORK_COMMAND ? !at->delivered_to.command
	                         : !at->delivered_to.file)
		head &= (unsigned)~MBOX_DELIVERED_TO;
	return head;
}

/* What the parent knows of the message and the client, beside what expand
 * said; all of it censored alike. */
static void add_env(struct step_run *sr)
{
	struct job_run *run = sr->rr->run;
	const struct envelope *e = &run->job.envelope;
	const struct work_env more[] = {
		{ SPAN("ENVID"), e->envid },
		{ SPAN("CLIENT_HOSTNAME"), e->client_name },
		{ SPAN("CLIENT_ADDRESS"), e->client_addr },
		{ SPAN("CLIENT_HELO"), e->helo },
		{ SPAN("CLIENT_PROTOCOL"), e->proto },
	};
	const struct local_step *s = sr->step;
	struct work_env *env =
	    run_alloc(run, s->nenv + ARRAY_LEN(more), sizeof(*env));
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nenv; i++)
		env[n++] = (struct work_env){ s->env[i].name, s->env[i].value };
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		if (!more[i].value.len)
			continue;
		env[n++] = (struct work_env){ more[i].name,
			services_censor(run->at, &run->arena, more[i].value) };
	}
	sr->errand.item.work.env = env;
	sr->errand.item.work.nenv = n;
}

static struct work_item *new_item(struct step_run *sr, bool look)
{
	struct work_item *w = &sr->errand.item.work;

	*w = item_for(sr->step, &sr->user, look);
	w->number = ++sr->rr->run->d->next_item;
	sr->errand.item.blob = -1;
	return w;
}

static void submit(struct step_run *sr, bool look)
{
	struct job_run *run = sr->rr->run;
	const struct local_step *s = sr->step;
	struct work_item *w = new_item(sr, look);

	sr->errand.item.blob = run->blob;
	item_aim(w, run->at, s);
	w->head = head_of(sr, w->kind);
	w->sender = s->sender;
	w->address = s->address;
	if (run->at->c.enable_original_recipient)
		w->original = s->original;
	w->delivered = s->delivered;
	w->directory = s->directory;
	w->time_limit = run->at->c.command_time_limit;
	w->message = run->message;
	w->blob = run->job.blob;
	w->content = run->job.content;
	if (w->kind == WORK_COMMAND) {
		w->eol = SPAN("\n");
		add_env(sr);
	}
	pool_submit(run->d->pool, &sr->errand.item);
}

/* Only the file is wanted, so nothing of the message goes along. */
static void submit_look(struct step_run *sr, enum work_do kind)
{
	struct work_item *w = new_item(sr, true);

	w->kind = (uint8_t)kind;
	if (sr->step->kind == LOCAL_READ)
		w->path = sr->step->what;
	pool_submit(sr->rr->run->d->pool, &sr->errand.item);
}

static void tell_pass(const struct step_run *sr, span transport)
{
	const struct job_run *run = sr->rr->run;
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	char id[MSGID_TEXT_MAX];

	buf_put(&text, msgid_text(run->job.envelope.id, id));
	buf_put(&text, SPAN(": passing <"));
	delivery_log_address(&text, sr->step->address);
	buf_printf(&text, "> to transport=%.*s", PRI(transport));
	log_text(run->at->c.syslog_name, run->at->program->name, LOG_LEVEL_INFO,
	    buf_span(&text));
}

static void pass_on(struct step_run *sr)
{
	struct rcpt_run *rr = sr->rr;
	struct job_run *run = rr->run;
	span rest = sr->step->what;
	span transport = span_cut(&rest, ':');

	tell_pass(sr, transport);
	rr->passed = true;
	rr->is_direct = rr->is_direct || rr->nsteps <= 1;
	run_add_pass(run,
	    &(struct job_pass){
	        .rcpt = rr->index,
	        .addr = sr->step->address,
	        .orig = sr->step->original,
	        .transport = transport,
	        .nexthop = rest,
	    });
	leave(sr);
}

static void tell_outcome(struct step_run *sr)
{
	const struct local_step *s = sr->step;

	end_with(sr, (enum verdict_class)s->class, s->status, s->what);
}

/* There is no forward file, or none that counts. */
static void act(struct step_run *sr)
{
	switch ((enum local_do)sr->step->kind) {
	case LOCAL_PASS:
		pass_on(sr);
		return;
	case LOCAL_OUTCOME:
		tell_outcome(sr);
		return;
	case LOCAL_MAILBOX:
	case LOCAL_FILE:
	case LOCAL_COMMAND:
		if (run_is_trial(sr->rr->run))
			tell_trial(sr);
		else
			submit(sr, false);
		return;
	case LOCAL_RESEND:
	case LOCAL_READ:
		break;
	}
	bug("step of kind %u without a file", sr->step->kind);
}

void step_go_on(struct step_run *sr)
{
	sr->rr->nsteps++;
	rcpt_hold(sr->rr);
	act(sr);
}

/* ---- answers ---- */

/* Its own file names the user, too: that means his mailbox. */
static bool is_inside(const struct step_run *sr, span file)
{
	for (const struct step_run *up = sr->from; up; up = up->from)
		if (span_eq(up->file, file))
			return true;
	return false;
}

static void take_file(struct step_run *sr, const struct work_done *found)
{
	struct rcpt_run *rr = sr->rr;
	span path;

	if (found->found == WORK_FOUND_LIST) {
		plan_expand_file(sr, LOCAL_INCLUDE, found);
		leave(sr);
		return;
	}
	path = sr->step->forward[found->which];
	if (is_inside(sr, path)) {
		act(sr);
		return;
	}
	/* Somebody else on the list has led here already. */
	if (was_seen(rr, path)) {
		leave(sr);
		return;
	}
	sr->file = path;
	plan_expand_file(sr, LOCAL_FORWARD, found);
	leave(sr);
}

static void delivered(struct step_run *sr, const struct work_done *result)
{
	const struct job_run *run = sr->rr->run;

	if (result->foreign)
		log_warn(run->at->program->name,
		    "specify \"strict_mailbox_ownership = no\" to ignore "
		    "mailbox ownership mismatch");
	if (result->verdict.class == VERDICT_SENT && run->at->c.biff &&
	    (sr->errand.item.work.kind == WORK_SPOOL ||
	        sr->errand.item.work.kind == WORK_MBOX))
		biff(run->d->biff, sr->step->user, result->offset);
	end_step(sr, &result->verdict);
}

static void on_answer(struct errand *errand, const struct work_done *result)
{
	struct step_run *sr = CONTAINER_OF(errand, struct step_run, errand);
	uint8_t kind = errand->item.work.kind;

	run_warn(sr->rr->run, result->warning);
	switch ((enum work_found)result->found) {
	case WORK_FOUND_NONE:
		delivered(sr, result);
		return;
	case WORK_FOUND_NOTHING:
		act(sr);
		return;
	case WORK_FOUND_FORWARD:
	case WORK_FOUND_LIST:
		break;
	case WORK_FOUNDS:
		bug("an answer that was not checked");
	}
	if (kind == WORK_SPOOL || kind == WORK_LOOK)
		submit_look(sr, WORK_READ);
	else
		take_file(sr, result);
}

/* ---- the beginning ---- */

static bool needs_user(const struct local_step *s)
{
	return s->kind == LOCAL_MAILBOX || s->kind == LOCAL_READ ||
	    is_free(s) || s->nforward;
}

/* Whoever delivers it looks for the file, too. */
static bool looks_itself(const struct local_step *s)
{
	return s->kind == LOCAL_MAILBOX;
}

static void start(struct step_run *sr)
{
	const struct local_step *s = sr->step;

	if (s->kind == LOCAL_RESEND && run_is_trial(sr->rr->run)) {
		tell_trial(sr);
	} else if (s->kind == LOCAL_RESEND) {
		plan_resend(sr);
		leave(sr);
	} else if (s->kind == LOCAL_READ) {
		submit_look(sr, WORK_READ);
	} else if (!s->nforward) {
		act(sr);
	} else if (looks_itself(s) && !run_is_trial(sr->rr->run)) {
		submit(sr, true);
	} else {
		submit_look(sr, WORK_LOOK);
	}
}

static void tell_before(struct step_run *sr)
{
	end_with(sr, VERDICT_SENT, SPAN("2.0.0"),
	    sr->step->kind == LOCAL_MAILBOX ? SPAN("delivered to mailbox")
	                                    : SPAN("delivered before"));
}

/* What the queue process that died has asked for is not done twice. */
static void resume(struct step_run *sr, bool sent)
{
	if (sent)
		tell_before(sr);
	else if (outcomes_begin(
	             &sr->rr->run->d->outcomes, &sr->under_way, sr->key))
		start(sr);
}

void step_begin(
    struct rcpt_run *rr, struct step_run *from, const struct local_step *step)
{
	struct step_run *sr = run_alloc(rr->run, 1, sizeof(*sr));
	span key;

	sr->rr = rr;
	sr->from = from;
	sr->step = step;
	sr->errand.done = on_answer;
	rcpt_hold(rr);
	if (needs_user(step) && !find_user(sr))
		return;
	key = key_of(sr);
	if (was_seen(rr, key)) {
		rcpt_release(rr);
		return;
	}
	sr->key = outcome_of(sr, key);
	list_append(&rr->steps, &sr->link);
	sr->under_way.epoch = rr->run->epoch;
	resume(sr, outcomes_has(&rr->run->d->outcomes, sr->key));
}
