/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local_alias.c - one alias. Its table decides with whose rights
 * commands and files behind it are used; an owner-alias beside it, whom
 * failures of its members are told.
 */
#include "daemon/rules/local.h"
#include "daemon/rules/resolve.h"
#include "mail/address.h"

/* The key of a local part: quoted as it would be before a domain. */
static span alias_key(struct local_run *r, span name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span with_domain = local_join(r, name, SPAN("@"), SPAN("x"));

	address_quote(&b, with_domain);
	if (b.failed || b.len < 2)
		return name;
	return local_dup(r, span_first(buf_span(&b), b.len - 2));
}

static enum map_answer get_alias(
    struct local_run *r, const struct table *t, span name, struct buf *value)
{
	span key = alias_key(r, name);
	enum map_answer answer = map_find(t->map, key, value);

	if (answer == MAP_NONE && !span_eq(key, name))
		answer = map_find(t->map, name, value);
	if (answer == MAP_RETRY)
		plan_warn(r->plan, "%.*s: lookup of '%.*s' failed",
		    PRI(t->spec), PRI(name));
	return answer;
}

/* Whose rights commands and files get: the table's owner's. */
static bool set_alias_rights(
    struct local_run *r, struct walk *w, const struct table *t)
{
	uid_t owner = t->map->owner;
	int found;

	w->rights = (struct rights){ .uid = 0 };
	if (owner == 0)
		return true;
	if (owner == MAP_OWNERS) {
		plan_warn(r->plan,
		    "deliver_alias: no owner UID for alias database %.*s",
		    PRI(t->spec));
		local_outcome(r, w, "4.3.0", "mail system configuration error");
		return false;
	}
	found = local_find_uid(r, owner, &w->rights);
	if (found == PASSWD_OK)
		return true;
	plan_warn(r->plan, "cannot find alias database owner for %.*s%s%s",
	    PRI(t->spec), found < 0 ? ": " : "",
	    found < 0 ? strerror(-found) : "");
	local_outcome(r, w, "4.3.0", "cannot find alias database owner");
	return false;
}

static span complete(struct local_run *r, span address)
{
	span whole = SPAN_NONE;

	if (resolve_rewrite(r->l->policy, r->arena, address, &whole) !=
	    RESOLVE_OK)
		return address;
	return whole;
}

/* owner-NAME, if there is one, hears of what goes wrong. False: not now. */
static bool set_owner(struct local_run *r, struct walk *w, span name)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAP_VALUE_MAX);
	enum map_answer answer = MAP_NONE;
	span owner;

	if (r->l->s.owner_request_special) {
		owner = local_join(r, SPAN("owner-"), name, SPAN_NONE);
		answer = table_list_find(
		    &r->l->aliases, owner, TABLE_WHOLE_KEY, &value, NULL);
	}
	if (answer == MAP_FOUND) {
		if (r->l->s.expand_owner_alias)
			owner = local_dup(r, buf_span(&value));
		w->sender = w->owner = complete(r, owner);
		w->owned = true;
		w->original = SPAN_NONE;
	} else if (r->l->s.reset_owner_alias) {
		w->owner = SPAN_NONE;
	}
	return answer != MAP_RETRY;
}

bool local_tell_owner(struct local_run *r, struct walk *w)
{
	struct walk list = *w;

	local_split(r, &list);
	if (!set_owner(r, &list, list.local))
		return false;
	if (!list.owned && !span_eq(list.user, list.local) &&
	    !set_owner(r, &list, list.user))
		return false;
	if (list.owned) {
		w->sender = list.sender;
		w->owned = true;
	}
	return true;
}

static void expand_alias(
    struct local_run *r, struct walk w, const struct table *t, span value)
{
	w.source = IN_ALIAS;
	if (!set_alias_rights(r, &w, t))
		return;
	if (!set_owner(r, &w, w.from)) {
		local_outcome(r, &w, "4.3.0", "alias database unavailable");
		return;
	}
	if (!r->l->s.frozen_delivered_to)
		w.delivered = w.address;
	if (r->ask->what == LOCAL_RCPT && !r->plan->m.expanded) {
		r->plan->m.expanded = true;
		r->plan->m.owned = w.owned;
	}
	if (local_line(r, &w, value))
		return;
	plan_warn(r->plan, "no recipient in alias lookup result for %.*s",
	    PRI(w.from));
	local_outcome(r, &w, "4.3.0", "alias database unavailable");
}

bool local_alias(struct local_run *r, struct walk w, span name)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAP_VALUE_MAX);

	w.level++;
	if (w.from.ptr && span_eq(local_fold(r, w.from), local_fold(r, name)))
		return false;
	if (w.level > LOCAL_LEVELS) {
		plan_warn(r->plan, "alias database loop for %.*s", PRI(name));
		w.owned = false; /* perhaps it is his alias that loops */
		local_outcome(
		    r, &w, "5.4.6", "alias database loop for %.*s", PRI(name));
		return true;
	}
	w.from = name;
	for (uint32_t i = 0; i < r->l->aliases.count; i++) {
		const struct table *t = r->l->aliases.tables[i];

		switch (get_alias(r, t, name, &value)) {
		case MAP_FOUND:
			expand_alias(r, w, t, buf_span(&value));
			return true;
		case MAP_RETRY:
			local_outcome(
			    r, &w, "4.3.0", "alias database unavailable");
			return true;
		case MAP_NONE:
			break;
		}
	}
	return false;
}
