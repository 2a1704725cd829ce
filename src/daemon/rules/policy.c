/* SPDX-License-Identifier: ISC */
#include "daemon/rules/policy.h"

#include <stdarg.h>

#include "conf/words.h"
#include "daemon/rules/restrict.h"
#include "mail/address.h"

enum {
	POLICY_MEMORY = 64 * 1024 * 1024,
	CLASSES_DEEP = 32,
	WARNING_MAX = 1000,
};

struct builder {
	struct policy *p;
	const struct policy_source *source;
	read_file_fn *read_file;
	const struct world *world;
	bool full;
};

PRINTF_LIKE(2, 3)
static void warn(struct builder *b, const char *format, ...)
{
	char text[WARNING_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0)
		b->world->warn(b->world->ctx,
		    span_of(text, MIN((size_t)n, sizeof(text) - 1)));
}

/* --- name and network lists --- */

/* A parameter listed in parent_domain_matches_subdomains. */
static bool has_parents(const struct builder *b, span param)
{
	span list = b->p->r.parent_domain_matches_subdomains;
	span word;

	while ((word = words_next(&list)).len)
		if (span_eq_nocase(word, param))
			return true;
	return false;
}

static void make_list(struct builder *b, struct matchlist *l, span param,
    span value, unsigned flags)
{
	l->name = param;
	l->flags = flags;
	l->tables = b->world->tables;
	if ((flags & MATCHLIST_PARENTS) && !has_parents(b, param))
		l->flags &= ~(unsigned)MATCHLIST_PARENTS;
	b->full |= !matchlist_parse(l, value, &b->p->arena, b->read_file);
}

static void make_lists(struct builder *b)
{
	struct policy *p = b->p;
	const struct settings *r = &p->r;

	make_list(
	    b, &p->mydestination, SPAN("mydestination"), r->mydestination, 0);
	make_list(b, &p->mynetworks, SPAN("mynetworks"), p->s.mynetworks,
	    MATCHLIST_NETWORKS | MATCHLIST_PARENTS);
	make_list(b, &p->relay_domains, SPAN("relay_domains"), r->relay_domains,
	    MATCHLIST_PARENTS);
	make_list(b, &p->virtual_alias_domains, SPAN("virtual_alias_domains"),
	    r->virtual_alias_domains, 0);
	make_list(b, &p->virtual_mailbox_domains,
	    SPAN("virtual_mailbox_domains"), r->virtual_mailbox_domains, 0);
	make_list(b, &p->masquerade_exceptions, SPAN("masquerade_exceptions"),
	    r->masquerade_exceptions, 0);
}

/* --- our own addresses --- */

static uint32_t count_words(span list)
{
	uint32_t n = 0;

	while (words_next(&list).len)
		n++;
	return n;
}

static void make_own(struct builder *b)
{
	const struct policy_source *source = b->source;
	span list = b->p->r.proxy_interfaces;
	uint32_t n = source->nown;
	struct network *own =
	    arena_alloc(&b->p->arena, n + count_words(list) + 1, sizeof(*own));
	span word;

	if (!own) {
		b->full = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		own[i] = source->own[i];
	while ((word = words_next(&list)).len) {
		span addr = word;

		if (word.ptr[0] == '[' && word.ptr[word.len - 1] == ']')
			addr = span_first(span_from(word, 1), word.len - 2);
		if (network_parse_address(addr, &own[n]))
			n++;
		else
			warn(b, "proxy_interfaces: bad address: %.*s",
			    PRI(word));
	}
	b->p->own = own;
	b->p->nown = n;
}

bool policy_is_own(const struct policy *p, span addr)
{
	struct network a;

	if (!network_parse_address(addr, &a))
		return false;
	for (uint32_t i = 0; i < p->nown; i++)
		if (p->own[i].family == a.family &&
		    !memcmp(p->own[i].bytes, a.bytes, sizeof(a.bytes)))
			return true;
	return false;
}

/* --- tables --- */

static unsigned table_flags(const struct policy *p, unsigned more)
{
	unsigned utf8 = p->r.smtputf8_enable ? MAP_UTF8 : 0;

	return MAP_FOLD_FIXED | MAP_RESTS | utf8 | more;
}

struct table *policy_table(
    const struct policy *p, const struct world *world, span spec)
{
	return tables_get(world->tables, spec, table_flags(p, 0));
}

static void open_tables(struct builder *b)
{
	struct policy_tables *t = &b->p->tables;
	const struct settings *r = &b->p->r;
	const struct settings *s = &b->p->s;
	const struct {
		const char *title;
		span value;
		struct table_list *list;
		unsigned flags;
	} rows[] = {
		{ "canonical_maps", r->canonical_maps, &t->canonical_maps, 0 },
		{ "recipient_canonical_maps", r->recipient_canonical_maps,
		    &t->recipient_canonical_maps, 0 },
		{ "sender_canonical_maps", r->sender_canonical_maps,
		    &t->sender_canonical_maps, 0 },
		{ "sender_bcc_maps", r->sender_bcc_maps, &t->sender_bcc_maps,
		    0 },
		{ "recipient_bcc_maps", r->recipient_bcc_maps,
		    &t->recipient_bcc_maps, 0 },
		{ "virtual_alias_maps", r->virtual_alias_maps,
		    &t->virtual_alias_maps, 0 },
		{ "relay_recipient_maps", s->relay_recipient_maps,
		    &t->relay_recipient_maps, 0 },
		{ "virtual_mailbox_maps", s->virtual_mailbox_maps,
		    &t->virtual_mailbox_maps, 0 },
		{ "transport_maps", r->transport_maps, &t->transport_maps,
		    MAP_NO_SUBSTITUTION },
		{ "relocated_maps", r->relocated_maps, &t->relocated_maps, 0 },
		{ "sender_dependent_relayhost_maps",
		    r->sender_dependent_relayhost_maps,
		    &t->sender_dependent_relayhost_maps, MAP_NO_SUBSTITUTION },
		{ "sender_dependent_default_transport_maps",
		    r->sender_dependent_default_transport_maps,
		    &t->sender_dependent_default_transport_maps,
		    MAP_NO_SUBSTITUTION },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rows[i].list->title = span_str(rows[i].title);
		b->full |= !table_list_make(rows[i].list, b->world->tables,
		    &b->p->arena, rows[i].value,
		    table_flags(b->p, rows[i].flags));
	}
}

/* "unix:passwd.byname" is answered by users.c. */
bool policy_is_passwd(span word)
{
	(void)span_skip(&word, SPAN("proxy:"));
	return span_eq(word, SPAN("unix:passwd.byname"));
}

static bool has_word(span list, span wanted)
{
	span word;

	while ((word = words_next(&list)).len)
		if (span_eq(word, wanted))
			return true;
	return false;
}

/* local_recipient_maps without the user database. */
static void open_local_tables(struct builder *b)
{
	struct policy *p = b->p;
	struct table_list *l = &p->tables.local_recipient_maps;
	span value = p->s.local_recipient_maps;
	span word;

	l->title = SPAN("local_recipient_maps");
	l->tables =
	    arena_alloc(&p->arena, count_words(value) + 1, sizeof(*l->tables));
	if (!l->tables) {
		b->full = true;
		return;
	}
	while ((word = words_next(&value)).len)
		if (!policy_is_passwd(word))
			l->tables[l->count++] = policy_table(p, b->world, word);
}

static unsigned read_classes(span list)
{
	static const struct {
		span word;
		unsigned class;
	} words[] = {
		{ SPAN_INIT("envelope_sender"), ENVELOPE_SENDER },
		{ SPAN_INIT("envelope_recipient"), ENVELOPE_RECIPIENT },
		{ SPAN_INIT("header_sender"), HEADER_SENDER },
		{ SPAN_INIT("header_recipient"), HEADER_RECIPIENT },
	};
	unsigned classes = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (has_word(list, words[i].word))
			classes |= words[i].class;
	return classes;
}

/* Asked by name (restrict_client.c), but opened here: before the drop. */
static void open_client_tables(struct builder *b)
{
	span value = b->p->s.local_header_rewrite_clients;
	span word;

	while ((word = words_next(&value)).len)
		if (span_find(word, ':') >= 0)
			(void)policy_table(b->p, b->world, word);
}

static void read_table_settings(struct builder *b)
{
	struct policy *p = b->p;
	const struct settings *r = &p->r;

	p->extension = (struct extension_rules){ r->recipient_delimiter,
		r->double_bounce_sender, r->owner_request_special };
	p->transport_parents = has_parents(b, SPAN("transport_maps"));
	p->access_parents = has_parents(b, SPAN("smtpd_access_maps"));
	p->propagate_canonical =
	    has_word(r->propagate_unmatched_extensions, SPAN("canonical"));
	p->propagate_virtual =
	    has_word(r->propagate_unmatched_extensions, SPAN("virtual"));
	p->canonical = read_classes(r->canonical_classes);
	p->sender_canonical = read_classes(r->sender_canonical_classes);
	p->recipient_canonical = read_classes(r->recipient_canonical_classes);
	p->masquerade = read_classes(r->masquerade_classes);
	p->no_address_mappings = has_word(
	    p->s.receive_override_options, SPAN("no_address_mappings"));
}

/* --- restrictions --- */

static bool is_number(span s)
{
	uint32_t n;

	return span_to_u32(s, &n);
}

/* Whether this word may stand behind a restriction of that kind. */
static bool is_argument(uint8_t takes, span word)
{
	switch ((enum restriction_takes)takes) {
	case TAKES_NOTHING:
		return true;
	case TAKES_WORD:
		return word.len > 0;
	case TAKES_TABLE:
		return span_find(word, ':') >= 0;
	case TAKES_SECONDS:
		return is_number(word);
	}
	return false;
}

static const struct restriction_class *find_class(
    const struct policy *p, span name)
{
	for (uint32_t i = 0; i < p->nclasses; i++)
		if (span_eq(p->classes[i].name, name))
			return &p->classes[i];
	return NULL;
}

static struct step make_step(
    const struct policy *p, const struct world *world, span word, span *rest)
{
	struct step s = { .name = word };

	if (span_find(word, ':') >= 0) {
		s.what = &restriction_bare_table;
		s.arg = word;
		s.table = policy_table(p, world, word);
		return s;
	}
	s.what = restriction_find(word);
	if (s.what && s.what->takes) {
		s.arg = words_next(rest);
		if (!is_argument(s.what->takes, s.arg))
			s.what = &restriction_bad_argument;
		else if (s.what->takes == TAKES_TABLE)
			s.table = policy_table(p, world, s.arg);
	} else if (!s.what) {
		s.class = find_class(p, word);
		s.what =
		    s.class ? &restriction_class_step : &restriction_unknown;
	}
	return s;
}

/* What follows these is never reached. */
static bool ends_list(const struct steps *list, uint32_t i)
{
	static const span last[] = { SPAN_INIT("permit"), SPAN_INIT("reject"),
		SPAN_INIT("defer"), SPAN_INIT("check_relay_domains") };

	if (i > 0 &&
	    span_eq_nocase(list->items[i - 1].name, SPAN("warn_if_reject")))
		return false;
	for (size_t k = 0; k < ARRAY_LEN(last); k++)
		if (span_eq_nocase(list->items[i].name, last[k]))
			return true;
	return false;
}

static void warn_unreachable(struct builder *b, const struct steps *list)
{
	for (uint32_t i = 0; i + 1 < list->count; i++)
		if (ends_list(list, i))
			warn(b, "restriction `%.*s' after `%.*s' is ignored",
			    PRI(list->items[i + 1].name),
			    PRI(list->items[i].name));
}

bool policy_read_steps(const struct policy *p, const struct world *world,
    struct arena *a, span value, struct steps *ret)
{
	uint32_t room = count_words(value);
	span word;

	ret->count = 0;
	if (room == 0)
		return true;
	ret->items = arena_alloc(a, room, sizeof(*ret->items));
	if (!ret->items)
		return false;
	while (ret->count < room && (word = words_next(&value)).len)
		ret->items[ret->count++] = make_step(p, world, word, &value);
	return true;
}

static void make_steps(
    struct builder *b, struct steps *list, span param, span value)
{
	list->name = param;
	b->full |=
	    !policy_read_steps(b->p, b->world, &b->p->arena, value, list);
	warn_unreachable(b, list);
}

/* First the names, so that a class may use one defined further down. */
static void make_classes(struct builder *b)
{
	const struct policy_source *source = b->source;
	struct policy *p = b->p;

	p->classes = source->nclasses
	    ? arena_alloc(&p->arena, source->nclasses, sizeof(*p->classes))
	    : NULL;
	if (source->nclasses && !p->classes) {
		b->full = true;
		return;
	}
	p->nclasses = source->nclasses;
	for (uint32_t i = 0; i < p->nclasses; i++)
		p->classes[i].name = source->classes[i].name;
	for (uint32_t i = 0; i < p->nclasses; i++)
		make_steps(b, &p->classes[i].steps, source->classes[i].name,
		    source->classes[i].value);
}

static void make_restrictions(struct builder *b)
{
	struct policy *p = b->p;
	const struct settings *s = &p->s;

	make_classes(b);
	make_steps(b, &p->client, SPAN("smtpd_client_restrictions"),
	    s->smtpd_client_restrictions);
	make_steps(b, &p->helo, SPAN("smtpd_helo_restrictions"),
	    s->smtpd_helo_restrictions);
	make_steps(b, &p->sender, SPAN("smtpd_sender_restrictions"),
	    s->smtpd_sender_restrictions);
	make_steps(b, &p->relay, SPAN("smtpd_relay_restrictions"),
	    s->smtpd_relay_restrictions);
	make_steps(b, &p->recipient, SPAN("smtpd_recipient_restrictions"),
	    s->smtpd_recipient_restrictions);
	make_steps(b, &p->data, SPAN("smtpd_data_restrictions"),
	    s->smtpd_data_restrictions);
	make_steps(b, &p->end_of_data, SPAN("smtpd_end_of_data_restrictions"),
	    s->smtpd_end_of_data_restrictions);
	make_steps(b, &p->etrn, SPAN("smtpd_etrn_restrictions"),
	    s->smtpd_etrn_restrictions);
}

/* --- never an open relay --- */

/* One that stops strangers, where it can be reached. */
static bool has_guard(const struct steps *list, unsigned depth)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct step *s = &list->items[i];

		if (span_eq_nocase(s->name, SPAN("warn_if_reject")) &&
		    i + 1 < list->count) {
			i++;
			continue;
		}
		if (span_eq_nocase(s->name, SPAN("permit")))
			return false;
		if (s->what->guard)
			return true;
		if (s->class && depth < CLASSES_DEEP &&
		    has_guard(&s->class->steps, depth + 1))
			return true;
	}
	return false;
}

/*
 * In a main.cf without compatibility_level, as it was before Postfix 3, the
 * preset of smtpd_relay_restrictions is empty, and a short one has no other
 * list. Postfix then takes no mail; we take the list that it had since 2.10.
 */
static void check_guard(struct builder *b)
{
	if (has_guard(&b->p->recipient, 0) || has_guard(&b->p->relay, 0))
		return;
	if (b->source->relay_is_preset) {
		make_steps(b, &b->p->relay, SPAN("smtpd_relay_restrictions"),
		    SPAN("permit_mynetworks, permit_sasl_authenticated, "
		         "defer_unauth_destination"));
		return;
	}
	b->p->fatal =
	    SPAN("in parameter smtpd_relay_restrictions or "
	         "smtpd_recipient_restrictions, specify at least one working "
	         "instance of: reject_unauth_destination, "
	         "defer_unauth_destination, reject, defer, defer_if_permit or "
	         "check_relay_domains");
}

static void check_classes(struct builder *b)
{
	for (uint32_t i = 0; i < b->source->nclasses; i++)
		if (!span_trim(b->source->classes[i].value).len)
			b->p->fatal = SPAN("a restriction class of "
			                   "smtpd_restriction_classes needs "
			                   "a definition");
}

struct policy *policy_new(const struct policy_source *source,
    read_file_fn *read_file, const struct world *world)
{
	struct policy *p = NEW(struct policy);
	struct builder b = { p, source, read_file, world, false };

	arena_init(&p->arena, POLICY_MEMORY);
	p->s = source->settings;
	p->r = source->routing;
	p->rewrite = (struct rewrite_conf){ .origin = p->r.myorigin,
		.domain = p->r.mydomain,
		.swap_bangpath = p->r.swap_bangpath,
		.percent_hack = p->r.allow_percent_hack,
		.append_at_myorigin = p->r.append_at_myorigin,
		.append_dot_mydomain = p->r.append_dot_mydomain };
	p->no_unknown_recipient_checks = has_word(
	    p->s.receive_override_options, SPAN("no_unknown_recipient_checks"));
	read_table_settings(&b);
	make_lists(&b);
	make_own(&b);
	open_tables(&b);
	open_local_tables(&b);
	open_client_tables(&b);
	make_restrictions(&b);
	check_guard(&b);
	check_classes(&b);
	if (b.full)
		p->fatal = SPAN("lists of main.cf are too long");
	p->useless = b.full;
	return p;
}

void policy_free(struct policy **p)
{
	if (!*p)
		return;
	arena_done(&(*p)->arena);
	mem_free(*p);
	*p = NULL;
}
