/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local.c - from a recipient to its destinations, in the order
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

#include <stdarg.h>

#include "conf/words.h"
#include "daemon/rules/resolve.h"
#include "mail/address.h"
#include "mail/alias_list.h"
#include "mail/verdict.h"

enum {
	LEVELS = 100,
	POLICY_MEMORY = 1024 * 1024,
	/* For one line of addresses, and for one address. */
	LINE_MEMORY = 512 * 1024 * 1024,
	ADDRESS_MEMORY = 1024 * 1024,
	KEY_MAX = 16 * 1024 * 1024,
	TEXT_MAX = 16 * 1024,
};

/* --- small helpers --- */

span local_dup(struct local_run *r, span s)
{
	span copy = arena_dup(r->arena, s);

	r->full |= copy.ptr == NULL;
	return copy;
}

span local_join(struct local_run *r, span a, span b, span c)
{
	char *p = arena_alloc(r->arena, a.len + b.len + c.len + 1, 1);
	size_t n = 0;
	const span parts[] = { a, b, c };

	if (!p) {
		r->full = true;
		return SPAN_NONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].len)
			memcpy(p + n, parts[i].ptr, parts[i].len);
		n += parts[i].len;
	}
	return span_of(p, n);
}

static span fold(struct local_run *r, span s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(KEY_MAX);

	map_fold(r->l->fold, s, &b);
	return local_dup(r, buf_span(&b));
}

struct been {
	struct hnode node;
	span key;
};

bool local_been_here(
    struct local_run *r, const char *what, uint64_t number, span text)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(KEY_MAX);
	struct been *one;
	struct hnode *n;
	uint64_t hash;

	buf_put(&b, span_str(what));
	buf_put_u64(&b, number);
	buf_putc(&b, ' ');
	map_fold(r->l->fold, text, &b);
	hash = hash_bytes(buf_span(&b));
	for (n = hmap_first(&r->been, hash); n; n = hmap_next(n, hash))
		if (span_eq(
		        CONTAINER_OF(n, struct been, node)->key, buf_span(&b)))
			return true;
	one = arena_new(r->arena, struct been);
	if (!one) {
		r->full = true;
		return false;
	}
	one->key = local_dup(r, buf_span(&b));
	hmap_put(&r->been, &one->node, hash);
	return false;
}

struct local_step local_step_for(const struct walk *w, enum local_do kind)
{
	return (struct local_step){ .kind = (uint8_t)kind,
		.address = w->address,
		.original = w->original,
		.delivered = w->delivered,
		.sender = w->sender,
		.owned = w->owned,
		.user = w->rights.uid ? w->rights.login : SPAN_NONE };
}

void local_outcome(struct local_run *r, const struct walk *w,
    const char *status, const char *format, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TEXT_MAX);
	struct local_step s = local_step_for(w, LOCAL_OUTCOME);
	char text[TEXT_MAX / 2];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	s.class = (uint8_t)(status[0] - '0');
	s.status = span_str(status);
	s.what = local_dup(r, span_str(text));
	plan_add(r->plan, &s);
}

static int found_rights(
    struct local_run *r, const struct passwd_entry *e, struct rights *ret)
{
	ret->uid = e->uid;
	ret->login = local_dup(r, e->name);
	ret->home = local_dup(r, e->home);
	ret->shell = local_dup(r, e->shell);
	return PASSWD_OK;
}

int local_find_user(struct local_run *r, span name, struct rights *ret)
{
	struct passwd_entry e;
	int result = r->l->world->find_user(r->l->world->ctx, name, &e);

	if (result < 0)
		plan_warn(r->plan, "error looking up passwd info for %.*s: %s",
		    PRI(name), strerror(-result));
	return result == PASSWD_OK ? found_rights(r, &e, ret) : result;
}

int local_find_uid(struct local_run *r, uint32_t uid, struct rights *ret)
{
	struct passwd_entry e;
	int result = r->l->world->find_uid(r->l->world->ctx, uid, &e);

	return result == PASSWD_OK ? found_rights(r, &e, ret) : result;
}

/* --- aliases --- */

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

/* False: there is none, or it is the one that we are in: the user himself. */
static bool find_alias(struct local_run *r, struct walk w, span name)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(MAP_VALUE_MAX);

	w.level++;
	if (w.from.ptr && span_eq(fold(r, w.from), fold(r, name)))
		return false;
	if (w.level > LEVELS) {
		plan_warn(r->plan, "alias database loop for %.*s", PRI(name));
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

/* --- recipients --- */

static bool is_aliased(struct local_run *r, struct walk *w)
{
	w->unmatched = SPAN_NONE;
	if (find_alias(r, *w, w->local))
		return true;
	if (w->extension.ptr) {
		if (r->l->propagate & IN_ALIAS)
			w->unmatched = w->extension;
		if (find_alias(r, *w, w->user))
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
	if (w->owner.ptr && !span_eq(fold(r, w->owner), fold(r, w->user)))
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

/* local@domain, user+extension */
static void split_address(struct local_run *r, struct walk *w)
{
	span folded = fold(r, w->address);

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
		plan_warn(r->plan, "address with illegal extension: %.*s",
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
	address = fold(r, buf_span(&b));
	while (seen.len)
		if (span_eq(fold(r, span_trim(span_cut(&seen, '\n'))), address))
			return true;
	return false;
}

static void expand_recipient(struct local_run *r, struct walk w)
{
	w.level++;
	if (w.level > LEVELS) {
		plan_warn(r->plan, "recipient nesting limit exceeded for %.*s",
		    PRI(w.address));
		local_outcome(
		    r, &w, "5.4.6", "recipient nesting limit exceeded");
		return;
	}
	if (local_been_here(r, "recipient", w.level, w.address))
		return;
	if (is_in_loop(r, w.address)) {
		local_outcome(r, &w, "5.4.6", "mail forwarding loop for %.*s",
		    PRI(w.address));
		return;
	}
	if (!w.delivered.ptr)
		w.delivered = w.address;
	split_address(r, &w);
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
		expand_recipient(r, w);
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

/* --- what comes back with a file --- */

enum { HAS_OWNER = 1, HAS_UNMATCHED = 2, HAS_DOMAIN = 4, IS_OWNED = 8 };

static void put_place(struct buf *b, const struct walk *w)
{
	wire_put_u32(b, w->level);
	wire_put_u8(b,
	    (uint8_t)((w->owner.ptr ? HAS_OWNER : 0) |
	        (w->unmatched.ptr ? HAS_UNMATCHED : 0) |
	        (w->owned ? IS_OWNED : 0)));
	wire_put_u32(b, w->source);
	wire_put_span(b, w->address);
	wire_put_span(b, w->original);
	wire_put_span(b, w->delivered);
	wire_put_span(b, w->sender);
	wire_put_span(b, w->owner);
	wire_put_span(b, w->rights.login);
}

span local_context(struct local_run *r, const struct walk *w,
    const span *forward, uint32_t nforward, uint32_t matched)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LOCAL_MAX_CONTENT);

	put_place(&b, w);
	wire_put_u32(&b, matched);
	wire_put_u32(&b, nforward);
	for (uint32_t i = 0; i < nforward; i++)
		wire_put_span(&b, forward[i]);
	wire_put_u32(&b, r->nforwards);
	for (uint32_t i = 0; i < r->nforwards; i++)
		wire_put_span(&b, r->forwards[i]);
	return local_dup(r, buf_span(&b));
}

struct context {
	struct walk walk;
	bool unmatched;
	uint32_t matched;
	uint32_t nforward;
	span forward[LOCAL_MAX_FORWARD];
};

static span get_if(struct wire *w, bool there)
{
	span s = wire_span(w);

	return there ? s : SPAN_NONE;
}

static bool get_paths(
    struct wire *w, span *ret, uint32_t max, uint32_t *ret_count)
{
	uint32_t n = wire_u32(w);

	if (n > max)
		return false;
	for (uint32_t i = 0; i < n; i++)
		ret[i] = wire_span(w);
	*ret_count = n;
	return true;
}

static bool get_context(struct local_run *r, struct context *ret)
{
	struct wire w = wire_from(r->ask->context);
	struct walk *to = &ret->walk;
	uint8_t flags;

	*ret = (struct context){ .matched = 0 };
	to->level = wire_u32(&w);
	flags = wire_u8(&w);
	ret->unmatched = flags & HAS_UNMATCHED;
	to->owned = flags & IS_OWNED;
	to->source = wire_u32(&w);
	to->address = wire_span(&w);
	to->original = wire_span(&w);
	to->delivered = wire_span(&w);
	to->sender = wire_span(&w);
	to->owner = get_if(&w, flags & HAS_OWNER);
	to->rights.login = wire_span(&w);
	ret->matched = wire_u32(&w);
	return get_paths(&w, ret->forward, LOCAL_MAX_FORWARD, &ret->nforward) &&
	    get_paths(&w, r->forwards, LOCAL_MAX_NESTED - 1, &r->nforwards) &&
	    wire_is_done(&w);
}

/* The rights as they were, from the system once more. */
static bool restore(struct local_run *r, struct context *c)
{
	struct walk *w = &c->walk;
	span login = w->rights.login;

	w->rights = (struct rights){ .uid = 0 };
	split_address(r, w);
	if (!c->unmatched)
		w->unmatched = SPAN_NONE;
	if (login.len == 0 ||
	    local_find_user(r, login, &w->rights) == PASSWD_OK)
		return true;
	local_outcome(r, w, "4.0.0", "user lookup error");
	return false;
}

static void answer_forward(struct local_run *r, struct context *c)
{
	struct walk *w = &c->walk;
	uint32_t i = r->ask->path;

	if (i >= c->nforward) {
		local_outcome(r, w, "4.3.0", "user lookup error");
		return;
	}
	r->forwards[r->nforwards++] = c->forward[i];
	if (c->matched & 1u << i || !(r->l->propagate & IN_FORWARD))
		w->unmatched = SPAN_NONE;
	w->source = IN_FORWARD;
	w->owner = w->user;
	w->from = w->local;
	if (local_lines(r, w, r->ask->content))
		r->plan->m.expanded = true;
}

static void answer_file(struct local_run *r)
{
	struct context c;

	if (!get_context(r, &c)) {
		const struct walk w = { .address = r->ask->address,
			.sender = r->ask->sender };

		local_outcome(r, &w, "4.3.0", "broken question");
		return;
	}
	if (!restore(r, &c))
		return;
	if (r->ask->what == LOCAL_FORWARD)
		answer_forward(r, &c);
	else
		local_include_content(
		    r, c.walk, r->ask->owner, r->ask->content);
}

/* --- from outside --- */

static void answer(void *made, struct plan *p, const struct local_ask *q)
{
	struct local_run r = {
		.l = made, .plan = p, .arena = p->arena, .ask = q
	};
	const struct walk w = { .address = q->address,
		.original = q->original,
		.sender = q->sender };

	hmap_init(&r.been);
	if (q->what == LOCAL_RCPT)
		expand_recipient(&r, w);
	else
		answer_file(&r);
	hmap_done(&r.been);
	if (r.full)
		local_outcome(&r, &w, "4.3.0", "too many addresses");
}

static const struct conf_field fields[] = {
#define STR(m)  CONF_STR(struct local_settings, m)
#define BOOL(m) CONF_BOOL(struct local_settings, m)
#define U32(m)  CONF_U32(struct local_settings, m)
#define U64(m)  CONF_U64(struct local_settings, m)
	STR(alias_maps),
	STR(allow_mail_to_commands),
	STR(allow_mail_to_files),
	STR(command_execution_directory),
	STR(command_expansion_filter),
	STR(execution_directory_expansion_filter),
	STR(fallback_transport),
	STR(fallback_transport_maps),
	STR(forward_expansion_filter),
	STR(forward_path),
	STR(home_mailbox),
	STR(luser_relay),
	STR(mail_spool_directory),
	STR(mailbox_command),
	STR(mailbox_command_maps),
	STR(mailbox_transport),
	STR(mailbox_transport_maps),
	STR(propagate_unmatched_extensions),
	STR(recipient_delimiter),
	STR(double_bounce_sender),
	BOOL(expand_owner_alias),
	BOOL(frozen_delivered_to),
	BOOL(owner_request_special),
	BOOL(require_home_directory),
	BOOL(reset_owner_alias),
	BOOL(smtputf8_enable),
	U64(mailbox_size_limit),
	U32(line_length_limit),
};

/* Words for where an address may stand. */
static unsigned read_sources(span list)
{
	static const struct {
		span word;
		unsigned bit;
	} words[] = {
		{ SPAN_INIT("alias"), IN_ALIAS },
		{ SPAN_INIT("forward"), IN_FORWARD },
		{ SPAN_INIT("include"), IN_INCLUDE },
	};
	unsigned sources = 0;
	span word;

	while ((word = words_next(&list)).len)
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (span_eq_nocase(word, words[i].word))
				sources |= words[i].bit;
	return sources;
}

static void open_tables(struct local *l)
{
	const struct local_settings *s = &l->s;
	const unsigned sure =
	    MAP_NO_SUBSTITUTION | MAP_NO_UNAUTH | MAP_NO_PROXY;
	struct {
		const char *title;
		span value;
		struct table_list *list;
		unsigned flags;
	} rows[] = {
		{ "aliases", s->alias_maps, &l->aliases,
		    sure | MAP_FOLD_FIXED },
		{ "mailbox_transport_maps", s->mailbox_transport_maps,
		    &l->mailbox_transports, MAP_NO_SUBSTITUTION },
		{ "fallback_transport_maps", s->fallback_transport_maps,
		    &l->fallback_transports, MAP_NO_SUBSTITUTION },
		{ "mailbox_command_maps", s->mailbox_command_maps,
		    &l->mailbox_commands, sure },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rows[i].list->title = span_str(rows[i].title);
		if (!table_list_make(rows[i].list, l->world->rules->tables,
		        &l->arena, rows[i].value,
		        rows[i].flags | MAP_RESTS | l->fold))
			bug("%s: too long", rows[i].title);
	}
}

static void *make(const struct plan_source *source)
{
	struct local *l = NEW(struct local);

	conf_load(
	    source->conf, source->service, fields, ARRAY_LEN(fields), &l->s);
	l->name = source->name;
	l->policy = source->policy;
	l->world = source->world;
	arena_init(&l->arena, POLICY_MEMORY);
	l->fold = l->s.smtputf8_enable ? MAP_UTF8 : 0;
	l->extension = (struct extension_rules){ l->s.recipient_delimiter,
		l->s.double_bounce_sender, l->s.owner_request_special };
	l->commands = read_sources(l->s.allow_mail_to_commands);
	l->files = read_sources(l->s.allow_mail_to_files);
	l->propagate = read_sources(l->s.propagate_unmatched_extensions);
	open_tables(l);
	return l;
}

static void drop(void *made)
{
	struct local *l = made;

	arena_done(&l->arena);
	mem_free(l);
}

const struct plan_kind plan_local = {
	.program = SPAN_INIT("local"),
	.make = make,
	.answer = answer,
	.drop = drop,
};
