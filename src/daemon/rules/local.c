/* SPDX-License-Identifier: ISC */
#include "daemon/rules/local.h"

#include <stdarg.h>

#include "conf/words.h"

enum {
	POLICY_MEMORY = 1024 * 1024,
	KEY_MAX = 16 * 1024 * 1024,
	TEXT_MAX = 16 * 1024,
};

/* --- what all files of this use --- */

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

span local_fold(struct local_run *r, span s)
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
		local_recipient(&r, w);
	else
		local_content(&r);
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
	const unsigned sure = MAP_NO_SUBSTITUTION | MAP_NO_UNAUTH;
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
