/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local_address.c - from a recipient to its destinations, in the order
 * in which Postfix's local(8) goes:
 *
 *	recipient -> alias -> line -> address -> recipient -> ...
 *	    |                   |        \-> resend (not ours)
 *	    |                   \-> include -> line -> ...
 *	    |                   \-> command, file
 *	    \-> user: ~/.forward, mailbox      (local_destination.c)
 *
 * It is a recursion, and what bounds it is `level`, which each of these
 * functions raises by one, as there. An address is expanded once per level,
 * so lists that name each other cost as much as there are addresses and
 * levels, and not all ways through them.
 *
 * A ~/.forward is not read here. The step for its user says where it may be;
 * the answer comes back as a question with the step's context, which is the
 * state of the recursion at that point.
 */
#include "daemon/rules/local.h"
#include "daemon/rules/resolve.h"
#include "mail/address.h"
#include "mail/alias_list.h"

enum {
	/* For one line of addresses, and for one address. */
	LINE_MEMORY = 512 * 1024 * 1024,
	ADDRESS_MEMORY = 1024 * 1024,
	/* A loop of aliases is to be found by the next of them, and called
	 * that. */
	RECIPIENT_LEVELS = LOCAL_LEVELS + 10,
};

static bool is_aliased(struct local_run *r, struct walk *w)
{
	w->unmatched = SPAN_NONE;
	if (local_alias(r, *w, w->local))
		return true;
	if (w->extension.ptr) {
		if (r->l->propagate & IN_ALIAS)
			w->unmatched = w->extension;
		if (local_alias(r, *w, w->user))
			return true;
		w->unmatched = w->extension;
	}
	return false;
}

/*
 * What was found behind an owner-alias, in a list, or in somebody's
 * ~/.forward is mailed to, not delivered: it then has a queue entry of its
 * own, and whoever is responsible for the list hears of failures.
 */
static bool is_forwarded(struct local_run *r, const struct walk *w)
{
	if (w->owner.ptr &&
	    !span_eq(local_fold(r, w->owner), local_fold(r, w->user)))
		return true;
	return w->source == IN_INCLUDE;
}

static void switch_recipient(struct local_run *r, struct walk w)
{
	w.level++;
	if (w.address.len && w.address.ptr[0] == '\\') {
		w.address = span_from(w.address, 1);
		w.local = span_from(w.local, 1);
		w.user = span_from(w.user, 1);
		w.plain = true;
		local_user(r, &w);
		return;
	}
	if (is_aliased(r, &w))
		return;
	if (is_forwarded(r, &w))
		local_resend(r, &w);
	else
		local_user(r, &w);
}

void local_split(struct local_run *r, struct walk *w)
{
	span folded = local_fold(r, w->address);

	address_split(folded, &w->local, &w->domain);
	if (!w->domain.ptr)
		plan_warn(
		    r->plan, "no @ in recipient address: %.*s", PRI(w->local));
	w->user = w->local;
	w->extension = SPAN_NONE;
	if (r->l->extension.delimiters.len)
		w->user = extension_user(&r->l->extension, w->local);
	if (w->user.len < w->local.len)
		w->extension = span_from(w->local, w->user.len + 1);
	/* It would become part of a path. */
	if (w->extension.ptr && span_find(w->extension, '/') >= 0) {
		plan_warn(r->plan, ": address with illegal extension: %.*s",
		    PRI(w->local));
		w->extension = SPAN_NONE;
		w->local = w->user;
	}
	w->unmatched = w->extension;
}

static bool is_in_loop(struct local_run *r, span address)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span seen = r->ask->seen;

	if (!seen.len)
		return false;
	address_quote(&b, address);
	address = local_fold(r, buf_span(&b));
	while (seen.len)
		if (span_eq(local_fold(r, span_cut(&seen, '\n')), address))
			return true;
	return false;
}

static void end_loop(struct local_run *r, struct walk *w)
{
	if (local_tell_owner(r, w))
		local_outcome(r, w, "5.4.6", "mail forwarding loop for %.*s",
		    PRI(w->address));
	else
		local_outcome(r, w, "4.3.0", "alias database unavailable");
}

void local_recipient(struct local_run *r, struct walk w)
{
	w.level++;
	if (w.level > RECIPIENT_LEVELS) {
		plan_warn(r->plan, "recipient nesting limit exceeded for %.*s",
		    PRI(w.address));
		w.owned = false;
		local_outcome(
		    r, &w, "5.4.6", "recipient nesting limit exceeded");
		return;
	}
	if (local_been_here(r, "recipient", w.level, w.address))
		return;
	if (is_in_loop(r, w.address)) {
		end_loop(r, &w);
		return;
	}
	if (!w.delivered.ptr)
		w.delivered = w.address;
	local_split(r, &w);
	if (w.user.len == 0) {
		local_outcome(r, &w, "5.1.3", "null username in \"%.*s\"",
		    PRI(w.address));
		return;
	}
	switch_recipient(r, w);
}

/* user@domain -> user+extension@domain */
static span with_extension(
    struct local_run *r, const struct walk *w, span address)
{
	span extension =
	    span_of(w->local.ptr + w->user.len, w->local.len - w->user.len);
	ssize_t at = span_rfind(address, '@');
	size_t n = at < 0 ? address.len : (size_t)at;

	return local_join(
	    r, span_first(address, n), extension, span_from(address, n));
}

void local_address(struct local_run *r, struct walk w, span text)
{
	struct resolved to;
	struct arena a;
	enum resolve_result result;

	w.level++;
	arena_init(&a, ADDRESS_MEMORY);
	result = resolve_address(r->l->policy, &a, SPAN_NONE, text, &to);
	if (result != RESOLVE_FAIL) {
		span address = to.recipient.len ? to.recipient : text;

		address = local_dup(r, address);
		if (result == RESOLVE_OK && w.unmatched.ptr)
			address = with_extension(r, &w, address);
		if (result == RESOLVE_OK)
			w.address = address;
		text = address;
	}
	if (result == RESOLVE_FAIL)
		local_outcome(r, &w, "4.3.0", "address resolver failure");
	else if (result == RESOLVE_BAD)
		local_outcome(r, &w, "5.1.3",
		    "bad recipient address syntax: %.*s", PRI(text));
	else if (span_eq(to.transport, r->l->name))
		local_recipient(r, w);
	else
		local_resend(r, &w);
	arena_done(&a);
}

static void expand_item(
    struct local_run *r, const struct walk *w, const struct alias_item *item)
{
	span text = local_dup(r, item->text);

	switch (item->kind) {
	case ALIAS_FILE:
		local_file(r, w, text);
		break;
	case ALIAS_HOME:
		local_home_file(r, w, text);
		break;
	case ALIAS_COMMAND:
		local_command(r, w, text);
		break;
	case ALIAS_INCLUDE:
		local_include(r, *w, text);
		break;
	case ALIAS_ADDRESS:
		local_address(r, *w, text);
		break;
	}
}

size_t local_line(struct local_run *r, const struct walk *w, span text)
{
	struct alias_list list = { 0 };
	struct arena a;

	arena_init(&a, LINE_MEMORY);
	if (!alias_list_parse(text, &a, &list))
		r->full = true;
	if (list.semicolons && !r->semicolons) {
		r->semicolons = true;
		plan_warn(r->plan,
		    "alias %.*s: \";\" is taken for \",\" between addresses",
		    PRI(w->from));
	}
	for (size_t i = 0; i < list.count && !r->full; i++)
		expand_item(r, w, &list.items[i]);
	arena_done(&a);
	return list.count;
}

size_t local_lines(struct local_run *r, const struct walk *w, span content)
{
	size_t limit = r->l->s.line_length_limit;
	size_t count = 0;

	while (content.len && !r->full) {
		ssize_t end = span_find(span_first(content, limit), '\n');
		size_t n = end < 0 ? MIN(limit, content.len) : (size_t)end + 1;

		if (content.ptr[0] != '#')
			count += local_line(r, w, span_first(content, n));
		content = span_from(content, n);
	}
	return count;
}
