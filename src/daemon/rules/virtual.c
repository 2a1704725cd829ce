/* SPDX-License-Identifier: ISC */
/*
 * The order of the questions, and what is said when one has no good answer,
 * are those of Postfix's virtual/mailbox.c: the mailbox (nobody: bounced),
 * its path, the user, the group. All that is wrong but "no such mailbox" is
 * the administrator's mistake, told in the log; the mail waits.
 *
 * Ours is virtual_maildir_quota_maps.
 */
#include "daemon/rules/virtual.h"

#include <string.h>

#include "mail/address.h"
#include "mail/verdict.h"
#include "store/maildirsize.h"

enum {
	TABLES_MEMORY = 1 << 20,
	WARNING_MAX = 8192,
};

struct settings_of_virtual {
	span virtual_mailbox_base;
	span virtual_mailbox_maps;
	span virtual_uid_maps;
	span virtual_gid_maps;
	span virtual_maildir_quota_maps;
	uint64_t virtual_mailbox_limit;
	uint64_t message_size_limit;
	uint32_t virtual_minimum_uid;
	bool smtputf8_enable;
};

#define FIELD(kind, m) CONF_##kind(struct settings_of_virtual, m)

static const struct conf_field fields[] = {
	FIELD(STR, virtual_mailbox_base),
	FIELD(STR, virtual_mailbox_maps),
	FIELD(STR, virtual_uid_maps),
	FIELD(STR, virtual_gid_maps),
	FIELD(STR, virtual_maildir_quota_maps),
	FIELD(U64, virtual_mailbox_limit),
	FIELD(U64, message_size_limit),
	FIELD(U32, virtual_minimum_uid),
	FIELD(BOOL, smtputf8_enable),
};

struct virtual
{
	struct settings_of_virtual s;
	const struct policy *routing;
	struct arena arena;
	struct table_list mailboxes;
	struct table_list uids;
	struct table_list gids;
	struct table_list quotas;
	bool full; /* there are too many tables */
};

/* Setting up */

static void open_tables(struct virtual *v, const struct world *world)
{
	const struct {
		struct table_list *list;
		span title;
		span value;
	} rows[] = {
		{ &v->mailboxes, SPAN("virtual_mailbox_maps"),
		    v->s.virtual_mailbox_maps },
		{ &v->uids, SPAN("virtual_uid_maps"), v->s.virtual_uid_maps },
		{ &v->gids, SPAN("virtual_gid_maps"), v->s.virtual_gid_maps },
		{ &v->quotas, SPAN("virtual_maildir_quota_maps"),
		    v->s.virtual_maildir_quota_maps },
	};
	/* What they say is a path and a user to write it: nothing of that may
	 * come out of an address, or from who is not known. */
	unsigned flags = MAP_NO_SUBSTITUTION | MAP_NO_UNAUTH | MAP_RESTS;

	if (v->s.smtputf8_enable)
		flags |= MAP_UTF8;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rows[i].list->title = rows[i].title;
		v->full |= !table_list_make(rows[i].list, world->tables,
		    &v->arena, rows[i].value, flags);
	}
}

struct virtual *virtual_new(struct conf *conf, uint32_t service,
    const struct policy *routing, const struct world *world)
{
	struct virtual *v = NEW(struct virtual);

	arena_init(&v->arena, TABLES_MEMORY);
	v->routing = routing;
	conf_load(conf, service, fields, ARRAY_LEN(fields), &v->s);
	open_tables(v, world);
	return v;
}

void virtual_free(struct virtual **v)
{
	if (!*v)
		return;
	arena_done(&(*v)->arena);
	mem_free(*v);
	*v = NULL;
}

/* One recipient */

struct search {
	const struct virtual *v;
	struct local_step *step;
	struct buf key; /* the address, without case: what tables are asked */
	struct buf value;
	struct buf path;
	struct buf quota;
	struct buf warning;
};

static bool conclude(
    struct search *s, enum verdict_class class, span status, span text)
{
	s->step->kind = LOCAL_OUTCOME;
	s->step->class = (uint8_t) class;
	s->step->status = status;
	s->step->what = text;
	return false;
}

/* The reason is in the warning. */
static bool misconfigured(struct search *s)
{
	return conclude(s, VERDICT_DEFERRED, SPAN("4.3.5"),
	    SPAN("mail system configuration error"));
}

static bool bad_value(struct search *s, const char *what, span value,
    const struct table_list *table)
{
	buf_printf(&s->warning, "recipient %.*s: bad %s %.*s in %.*s",
	    PRI(buf_span(&s->key)), what, PRI(value), PRI(table->title));
	return misconfigured(s);
}

static enum map_answer look_up(struct search *s, const struct table_list *l)
{
	buf_clear(&s->value);
	return lookup_address(
	    s->v->routing, l, buf_span(&s->key), ADDRESS_BY_DEFAULT, &s->value);
}

static bool has_sane_settings(struct search *s)
{
	const struct settings_of_virtual *c = &s->v->s;

	if (!span_has_prefix(c->virtual_mailbox_base, SPAN("/"))) {
		buf_printf(&s->warning,
		    "do not specify relative pathname: "
		    "virtual_mailbox_base = %.*s",
		    PRI(c->virtual_mailbox_base));
		return misconfigured(s);
	}
	if (c->virtual_mailbox_limit > 0 &&
	    (c->message_size_limit == 0 ||
	        c->virtual_mailbox_limit < c->message_size_limit)) {
		buf_put(&s->warning,
		    c->message_size_limit == 0
		        ? SPAN("configuration error: virtual_mailbox_limit is "
		               "limited but message_size_limit is unlimited")
		        : SPAN("configuration error: virtual_mailbox_limit is "
		               "smaller than message_size_limit"));
		return misconfigured(s);
	}
	if (s->v->full) {
		buf_put(&s->warning, SPAN("too many tables of mailboxes"));
		return misconfigured(s);
	}
	return true;
}

static bool unknown_user(struct search *s, struct buf *text)
{
	buf_put(text, SPAN("unknown user: \""));
	buf_put(text, buf_span(&s->key));
	buf_put(text, SPAN("\""));
	return conclude(s, VERDICT_BOUNCED, SPAN("5.1.1"), buf_span(text));
}

/* Nothing but what is below the base. */
static bool is_below(span rest)
{
	return !memmem(rest.ptr, rest.len, "/../", 4) &&
	    span_find(rest, '\0') < 0;
}

static bool find_mailbox(struct search *s)
{
	const span base = s->v->s.virtual_mailbox_base;

	switch (look_up(s, &s->v->mailboxes)) {
	case MAP_FOUND:
		break;
	case MAP_NONE:
		return unknown_user(s, &s->path);
	case MAP_RETRY:
		buf_printf(&s->warning,
		    "table %.*s: lookup %.*s: Application error",
		    PRI(s->v->mailboxes.title), PRI(buf_span(&s->key)));
		return misconfigured(s);
	}
	buf_put(&s->path, base);
	buf_putc(&s->path, '/');
	buf_put(&s->path, buf_span(&s->value));
	if (s->path.failed ||
	    !is_below(span_from(buf_span(&s->path), base.len)))
		return bad_value(
		    s, "mailbox path", buf_span(&s->value), &s->v->mailboxes);
	s->step->what = buf_span(&s->path);
	return true;
}

/* As strtoul() reads it: blanks and a sign may come first. */
static bool read_id(span text, uint32_t *ret)
{
	while (text.len > 0 && ascii_is_space(text.ptr[0]))
		text = span_from(text, 1);
	(void)span_skip(&text, SPAN("+"));
	return span_to_u32(text, ret) && *ret != UINT32_MAX;
}

static bool find_id(struct search *s, const struct table_list *l,
    const char *what, uint32_t *ret)
{
	if (look_up(s, l) != MAP_FOUND) {
		buf_printf(&s->warning, "recipient %.*s: not found in %.*s",
		    PRI(buf_span(&s->key)), PRI(l->title));
		return misconfigured(s);
	}
	if (!read_id(buf_span(&s->value), ret))
		return bad_value(s, what, buf_span(&s->value), l);
	return true;
}

static bool find_owner(struct search *s)
{
	s->step->by_uid = true;
	if (!find_id(s, &s->v->uids, "uid", &s->step->uid))
		return false;
	if (s->step->uid < s->v->s.virtual_minimum_uid)
		return bad_value(s, "uid", buf_span(&s->value), &s->v->uids);
	if (!find_id(s, &s->v->gids, "gid", &s->step->gid))
		return false;
	if (s->step->gid == 0)
		return bad_value(s, "gid", buf_span(&s->value), &s->v->gids);
	return true;
}

static bool is_maildir(const struct search *s)
{
	return s->path.len > 0 && s->path.data[s->path.len - 1] == '/';
}

/* A Maildir without a quota of ours may still have a maildirsize file. */
static bool find_quota(struct search *s)
{
	struct maildir_quota quota;

	s->step->flags |= LOCAL_QUOTA;
	switch (look_up(s, &s->v->quotas)) {
	case MAP_FOUND:
		break;
	case MAP_NONE:
		return true;
	case MAP_RETRY:
		buf_printf(&s->warning,
		    "table %.*s: lookup %.*s: Application error",
		    PRI(s->v->quotas.title), PRI(buf_span(&s->key)));
		return misconfigured(s);
	}
	if (!maildir_quota_parse(buf_span(&s->value), &quota))
		return bad_value(
		    s, "quota", buf_span(&s->value), &s->v->quotas);
	maildir_quota_write(&quota, &s->quota);
	s->step->quota = buf_span(&s->quota);
	return true;
}

static void search(struct search *s)
{
	const struct virtual *v = s->v;

	s->step->kind = LOCAL_MAILBOX;
	if (!has_sane_settings(s) || !find_mailbox(s) || !find_owner(s))
		return;
	s->step->flags = LOCAL_VIRTUAL;
	s->step->size_max = v->s.virtual_mailbox_limit;
	if (is_maildir(s))
		(void)find_quota(s);
}

/* From the buffers into the arena. */
static bool keep(struct arena *a, span *text)
{
	if (text->len == 0)
		return true;
	*text = arena_dup(a, *text);
	return text->ptr != NULL;
}

bool virtual_plan(const struct virtual *v, const struct local_ask *q,
    struct arena *a, struct local_plan *ret)
{
	struct search s = { .v = v, .step = arena_new(a, struct local_step) };
	bool fits;

	if (!s.step)
		return false;
	buf_init(&s.key, 4 * ADDRESS_MAX);
	buf_init(&s.value, MAP_VALUE_MAX);
	buf_init(&s.path, 4 * ADDRESS_MAX + 64);
	buf_init(&s.quota, 64);
	buf_init(&s.warning, WARNING_MAX);
	s.step->address = s.step->delivered = q->address;
	s.step->original = q->original;
	s.step->sender = q->sender;
	map_fold(v->s.smtputf8_enable ? MAP_UTF8 : 0, q->address, &s.key);
	search(&s);
	*ret = (struct local_plan){ .ask = q->ask,
		.nsteps = 1,
		.steps = s.step,
		.warning = buf_span(&s.warning) };
	fits = keep(a, &s.step->what) && keep(a, &s.step->quota) &&
	    keep(a, &ret->warning);
	buf_done(&s.key);
	buf_done(&s.value);
	buf_done(&s.path);
	buf_done(&s.quota);
	buf_done(&s.warning);
	return fits;
}
