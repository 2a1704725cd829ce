/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local_destination.c - where a recipient ends, in Postfix's
 * order:
 *
 *	~/.forward (forward_path), if the user is one of this machine
 *	mailbox_transport_maps, mailbox_transport
 *	mailbox_command_maps, mailbox_command
 *	home_mailbox, mail_spool_directory
 *
 * and for who is no user of this machine, from the second line on:
 *
 *	fallback_transport_maps, fallback_transport, luser_relay
 */
#include "conf/words.h"
#include "daemon/rules/local.h"
#include "daemon/rules/resolve.h"
#include "mail/address.h"
#include "mail/verdict.h"

static const span table_failure = SPAN_INIT("table lookup failure");

/* A step whose ~/.forward is looked for first has the outcome only then. */
static void add_outcome(
    struct local_run *r, struct local_step s, span status, span text)
{
	s.kind = LOCAL_OUTCOME;
	s.class = (uint8_t)(status.ptr[0] - '0');
	s.status = status;
	s.what = text;
	plan_add(r->plan, &s);
}

/* --- commands --- */

static void set_environment(
    struct local_run *r, const struct walk *w, struct local_step *s)
{
	/* A stranger may have chosen the address. */
	span filter = r->l->s.command_expansion_filter;
	const struct {
		const char *name;
		span value;
		bool even_empty;
	} all[] = {
		{ "HOME", w->rights.home, w->rights.home.ptr != NULL },
		{ "LOGNAME", w->user, true },
		{ "USER", w->user, true },
		{ "SENDER", w->sender, true },
		{ "RECIPIENT", w->address, true },
		{ "LOCAL", w->local, true },
		{ "SHELL", w->rights.shell, w->rights.shell.ptr != NULL },
		{ "DOMAIN", w->domain, w->domain.ptr != NULL },
		{ "EXTENSION", w->extension, w->extension.ptr != NULL },
		{ "ORIGINAL_RECIPIENT", w->original, false },
	};

	s->env = arena_alloc(r->arena, ARRAY_LEN(all), sizeof(*s->env));
	if (!s->env) {
		r->full = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].value.len || all[i].even_empty)
			s->env[s->nenv++] =
			    (struct local_env){ span_str(all[i].name),
				    local_censor(r, all[i].value, filter) };
}

static void add_command(struct local_run *r, const struct walk *w,
    struct local_step s, span command)
{
	const struct local_settings *c = &r->l->s;
	CLEANUP(buf_done) struct buf key = BUF_INIT(SIZE_MAX);
	struct local_expanded directory;

	buf_put(&key, w->user);
	buf_putc(&key, ':');
	buf_put(&key, command);
	if (local_been_here(r, "command ", w->rights.uid, buf_span(&key)))
		return;
	directory = local_expand(r, w, c->command_execution_directory,
	    c->execution_directory_expansion_filter);
	if (directory.bad) {
		plan_warn(r->plan,
		    "bad parameter value syntax for "
		    "command_execution_directory: %.*s",
		    PRI(c->command_execution_directory));
		add_outcome(r, s, SPAN("4.3.5"),
		    SPAN("mail system configuration error"));
		return;
	}
	s.kind = LOCAL_COMMAND;
	s.what = command;
	s.size_max = c->mailbox_size_limit;
	s.directory = directory.text;
	set_environment(r, w, &s);
	plan_add(r->plan, &s);
}

void local_command(struct local_run *r, const struct walk *w, span command)
{
	if (r->l->commands & w->source)
		add_command(r, w, local_step_for(w, LOCAL_COMMAND), command);
	else
		local_outcome(r, w, "5.7.1", "mail to command is restricted");
}

/* --- files --- */

static bool ends_in_slash(span path)
{
	return path.len > 0 && path.ptr[path.len - 1] == '/';
}

void local_file(struct local_run *r, const struct walk *w, span path)
{
	struct local_step s = local_step_for(w, LOCAL_FILE);

	if (local_been_here(r, "file ", w->rights.uid, path))
		return;
	if (!(r->l->files & w->source)) {
		local_outcome(r, w, "5.7.1", "mail to file is restricted");
		return;
	}
	s.what = path;
	s.size_max = r->l->s.mailbox_size_limit;
	if (ends_in_slash(path) && !r->l->s.frozen_delivered_to)
		s.delivered = w->address;
	plan_add(r->plan, &s);
}

void local_home_file(struct local_run *r, const struct walk *w, span path)
{
	span home = w->rights.home;

	if (path.len < 2 || path.ptr[1] != '/') {
		plan_warn(
		    r->plan, "bad home directory syntax for: %.*s", PRI(path));
		local_outcome(r, w, "5.3.5", "mail system configuration error");
	} else if (!home.ptr) {
		plan_warn(
		    r->plan, "unknown home directory for: %.*s", PRI(path));
		local_outcome(r, w, "5.3.5", "mail system configuration error");
	} else {
		if (span_eq(home, SPAN("/")))
			home = SPAN_NONE;
		local_file(
		    r, w, local_join(r, home, span_from(path, 1), SPAN_NONE));
	}
}

/* --- other addresses --- */

void local_resend(struct local_run *r, const struct walk *w)
{
	const struct local_step s = local_step_for(w, LOCAL_RESEND);

	if (!local_been_here(r, "indirect ", 0, w->address))
		plan_add(r->plan, &s);
}

/* --- nobody --- */

static void relay_unknown(struct local_run *r, struct walk w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	struct local_expanded e;
	span address;
	span whole;

	w.level++;
	w.unmatched = SPAN_NONE;
	e = local_expand(r, &w, r->l->s.luser_relay, SPAN_NONE);
	address_unquote(&b, e.text);
	address = local_dup(r, buf_span(&b));
	if (resolve_rewrite(r->l->policy, r->arena, address, &whole) !=
	    RESOLVE_OK)
		whole = address;
	if (span_eq_nocase(whole, w.address))
		local_outcome(
		    r, &w, "5.1.1", "unknown user: \"%.*s\"", PRI(w.user));
	else
		local_address(r, w, address);
}

static bool is_required(span user)
{
	return span_eq_nocase(user, SPAN("mailer-daemon")) ||
	    span_eq_nocase(user, SPAN("postmaster"));
}

/* The transport of a table, or the one for all. False: there is none. */
static bool pass_on(struct local_run *r, const struct walk *w,
    struct local_step s, const struct table_list *tables, span transport)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAP_VALUE_MAX);

	switch (
	    table_list_find(tables, w->user, TABLE_WHOLE_KEY, &value, NULL)) {
	case MAP_FOUND:
		transport = local_dup(r, buf_span(&value));
		break;
	case MAP_RETRY:
		add_outcome(r, s, SPAN("4.3.0"), table_failure);
		return true;
	case MAP_NONE:
		break;
	}
	if (transport.len == 0)
		return false;
	s.kind = LOCAL_PASS;
	s.what = transport;
	plan_add(r->plan, &s);
	return true;
}

static void deliver_unknown(struct local_run *r, const struct walk *w)
{
	const struct local_settings *c = &r->l->s;

	if (local_been_here(r, "unknown ", 0, w->local))
		return;
	if (pass_on(r, w, local_step_for(w, LOCAL_PASS),
	        &r->l->fallback_transports, c->fallback_transport))
		return;
	if (c->luser_relay.len) {
		relay_unknown(r, *w);
	} else if (is_required(w->user)) {
		plan_warn(
		    r->plan, "required alias not found: %.*s", PRI(w->user));
		local_outcome(r, w, "2.0.0", "discarded");
	} else {
		local_outcome(
		    r, w, "5.1.1", "unknown user: \"%.*s\"", PRI(w->user));
	}
}

/* --- the user --- */

static bool is_inside(const struct local_run *r, span path)
{
	for (uint32_t i = 0; i < r->nforwards; i++)
		if (span_eq(r->forwards[i], path))
			return true;
	return false;
}

/*
 * Where ~/.forward may be. The file that we are inside of is there, so what
 * follows it in the list does not count: then the user means his mailbox.
 */
static void look_for_forward(
    struct local_run *r, struct walk w, struct local_step *s)
{
	const struct local_settings *c = &r->l->s;
	uint32_t matched = 0;
	span list = c->forward_path;
	span word;

	w.level++;
	if (!c->frozen_delivered_to)
		w.delivered = w.address;
	s->forward =
	    arena_alloc(r->arena, LOCAL_MAX_FORWARD, sizeof(*s->forward));
	if (!s->forward) {
		r->full = true;
		return;
	}
	while (
	    s->nforward < LOCAL_MAX_FORWARD && (word = words_next(&list)).len) {
		struct local_expanded e =
		    local_expand(r, &w, word, c->forward_expansion_filter);

		if (e.bad || e.undefined)
			continue;
		if (is_inside(r, e.text))
			break;
		if (e.extension)
			matched |= 1u << s->nforward;
		s->forward[s->nforward++] = e.text;
	}
	if (s->nforward)
		s->context =
		    local_context(r, &w, s->forward, s->nforward, matched);
}

/* A file or Maildir, in the home directory or the spool. */
static void deliver_mailbox(
    struct local_run *r, const struct walk *w, struct local_step s)
{
	const struct local_settings *c = &r->l->s;
	span spool = c->mail_spool_directory;

	s.kind = LOCAL_MAILBOX;
	s.size_max = c->mailbox_size_limit;
	if (!c->frozen_delivered_to)
		s.delivered = w->address;
	/* A spool of Maildirs comes before a file at home, as in Postfix. */
	if (ends_in_slash(spool) && !ends_in_slash(c->home_mailbox)) {
		s.what = local_join(r, spool, w->user, SPAN("/"));
	} else if (c->home_mailbox.len) {
		s.what =
		    local_join(r, w->rights.home, SPAN("/"), c->home_mailbox);
	} else {
		s.flags |= LOCAL_SPOOL;
		s.what = local_join(r, spool, SPAN("/"), w->user);
	}
	plan_add(r->plan, &s);
}

static void deliver_user(
    struct local_run *r, const struct walk *w, const struct local_step *s)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAP_VALUE_MAX);

	switch (table_list_find(
	    &r->l->mailbox_commands, w->user, TABLE_WHOLE_KEY, &value, NULL)) {
	case MAP_FOUND:
		add_command(r, w, *s, local_dup(r, buf_span(&value)));
		return;
	case MAP_RETRY:
		add_outcome(r, *s, SPAN("4.3.0"), table_failure);
		return;
	case MAP_NONE:
		break;
	}
	if (r->l->s.mailbox_command.len)
		add_command(r, w, *s, r->l->s.mailbox_command);
	else
		deliver_mailbox(r, w, *s);
}

void local_user(struct local_run *r, const struct walk *w)
{
	const struct local_settings *c = &r->l->s;
	struct local_step s = local_step_for(w, LOCAL_MAILBOX);
	struct walk user = *w;
	int found = local_find_user(r, w->user, &user.rights);

	if (found < 0) {
		local_outcome(r, w, "4.0.0", "user lookup error");
		return;
	}
	if (found == PASSWD_OK) {
		s.user = user.rights.login;
		if (!w->plain && c->require_home_directory)
			s.flags |= LOCAL_NEEDS_HOME;
		if (!w->plain && c->forward_path.len)
			look_for_forward(r, user, &s);
	}
	if (local_been_here(r, "mailbox ", 0, w->local))
		return;
	if (pass_on(r, w, s, &r->l->mailbox_transports, c->mailbox_transport))
		return;
	if (found == PASSWD_OK)
		deliver_user(r, &user, &s);
	else
		deliver_unknown(r, w);
}
