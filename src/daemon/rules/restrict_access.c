/* SPDX-License-Identifier: ISC */
/*
 * The check_*_access restrictions: what a table says of a client, a name or
 * an address, and the actions that stand in such tables (access(5)).
 */
#include "daemon/rules/restrict.h"

#include "daemon/rules/lookup.h"
#include "daemon/rules/status.h"
#include "mail/address.h"

enum {
	VALUE_MAX = 64 * 1024,
	LISTS_DEEP = 100,
};

/* One search: which table, and what replies call the thing looked for. */
struct access {
	struct eval *e;
	struct table_list list;
	span table; /* "hash:/etc/postfix/access" */
	span reply_name;
	span reply_class;
	bool found;
};

/* --- actions --- */

struct action {
	struct access *x;
	span value; /* the whole entry */
	span verb;
	span text; /* behind the verb */
	span key;
};

typedef enum status action_fn(const struct action *a);

static enum status_of status_class(span reply_class)
{
	if (span_eq(reply_class, SPAN("Sender address")))
		return STATUS_OF_SENDER;
	if (span_eq(reply_class, SPAN("Recipient address")))
		return STATUS_OF_RECIPIENT;
	return STATUS_OF_OTHER;
}

static enum status refuse(
    const struct action *a, uint32_t code, span preset, span otherwise)
{
	const struct access *x = a->x;
	span text;
	span status = status_split(a->text, preset, &text);

	status = status_for(status, status_class(x->reply_class));
	return restrict_reject(x->e, POLICY_ERROR, code, status,
	    "<%.*s>: %.*s rejected: %.*s", PRI(x->reply_name),
	    PRI(x->reply_class), PRI(text.len ? text : otherwise));
}

static enum status act_dunno(const struct action *a UNUSED)
{
	return DUNNO;
}

static enum status act_ok(const struct action *a UNUSED)
{
	return OK;
}

static enum status act_reject(const struct action *a)
{
	return refuse(a, a->x->e->p->s.access_map_reject_code, SPAN("5.7.1"),
	    SPAN("Access denied"));
}

static enum status act_defer(const struct action *a)
{
	return refuse(a, a->x->e->p->s.access_map_defer_code, SPAN("4.7.1"),
	    SPAN("Access denied"));
}

static enum status act_info(const struct action *a)
{
	restrict_note(a->x->e, SPAN("info"), a->text);
	return DUNNO;
}

static enum status act_warn(const struct action *a)
{
	restrict_note(a->x->e, SPAN("warn"), a->text);
	return DUNNO;
}

static enum status act_defer_if(
    const struct action *a, struct deferral *d, bool permit)
{
	struct access *x = a->x;
	span text;
	span status = status_split(a->text, SPAN("4.7.1"), &text);

	if (permit && x->e->warn_if_reject)
		return refuse(a, x->e->p->s.access_map_defer_code,
		    SPAN("4.7.1"), SPAN("Service unavailable"));
	if (d->active)
		return DUNNO;
	*d = (struct deferral){ true, x->e->p->s.access_map_defer_code,
		status_for(status, status_class(x->reply_class)),
		restrict_text(x->e, "<%.*s>: %.*s rejected: %.*s",
		    PRI(x->reply_name), PRI(x->reply_class),
		    PRI(text.len ? text : SPAN("Service unavailable"))) };
	return DUNNO;
}

static enum status act_defer_if_permit(const struct action *a)
{
	return act_defer_if(a, &a->x->e->if_permit, true);
}

static enum status act_defer_if_reject(const struct action *a)
{
	return act_defer_if(a, &a->x->e->if_reject, false);
}

/* What would be forgotten before the message is queued is not promised. */
static enum status act_later(const struct action *a)
{
	restrict_warn(a->x->e,
	    "access table %.*s entry \"%.*s\": action %.*s is not supported "
	    "yet",
	    PRI(a->x->table), PRI(a->key), PRI(a->verb));
	return restrict_broken(a->x->e);
}

static const struct {
	span verb;
	action_fn *act;
} actions[] = {
	{ SPAN_INIT("DUNNO"), act_dunno },
	{ SPAN_INIT("REJECT"), act_reject },
	{ SPAN_INIT("DEFER"), act_defer },
	{ SPAN_INIT("INFO"), act_info },
	{ SPAN_INIT("WARN"), act_warn },
	{ SPAN_INIT("FILTER"), act_later },
	{ SPAN_INIT("HOLD"), act_later },
	{ SPAN_INIT("DISCARD"), act_later },
	{ SPAN_INIT("REDIRECT"), act_later },
	{ SPAN_INIT("BCC"), act_later },
	{ SPAN_INIT("PREPEND"), act_later },
	{ SPAN_INIT("DEFER_IF_PERMIT"), act_defer_if_permit },
	{ SPAN_INIT("DEFER_IF_REJECT"), act_defer_if_reject },
	{ SPAN_INIT("OK"), act_ok },
	{ SPAN_INIT("RELAY"), act_ok },
};

static bool is_digits(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_digit(s.ptr[i]))
			return false;
	return s.len > 0;
}

/* "550 5.7.1 text" */
static bool is_reply(const struct action *a, uint32_t *ret_code)
{
	return a->verb.len == 3 && a->text.len &&
	    span_to_u32(a->verb, ret_code) && *ret_code >= 400 &&
	    *ret_code <= 599;
}

static enum status act_reply(const struct action *a, uint32_t code)
{
	return refuse(a, code, code < 500 ? SPAN("4.7.1") : SPAN("5.7.1"),
	    SPAN("Access denied"));
}

/* Anything else is a list of restrictions. */
static enum status act_list(const struct action *a)
{
	struct eval *e = a->x->e;
	struct steps list = { .name = e->list };
	span kept_name = e->reply_name;
	span kept_class = e->reply_class;
	enum status r;

	if (span_find(a->value, ':') >= 0) {
		restrict_warn(e,
		    "access table %.*s has entry with lookup table: %.*s",
		    PRI(a->x->table), PRI(a->value));
		restrict_warn(
		    e, "do not specify lookup tables inside SMTPD access maps");
		restrict_warn(e,
		    "define a restriction class and specify its name "
		    "instead.");
		return restrict_broken(e);
	}
	if (!policy_read_steps(
	        e->p, e->world, e->arena, arena_dup(e->arena, a->value), &list))
		return restrict_broken(e);
	if (list.count == 0) {
		restrict_warn(e, "access table %.*s entry %.*s has empty value",
		    PRI(a->x->table), PRI(a->value));
		return OK;
	}
	e->reply_name = a->x->reply_name;
	e->reply_class = a->x->reply_class;
	r = restrict_run(e, &list);
	e->reply_name = kept_name;
	e->reply_class = kept_class;
	return r;
}

static enum status act(struct access *x, span value, span key)
{
	struct action a = { .x = x, .value = value, .key = key };
	uint32_t code;
	size_t n = 0;

	while (n < value.len && value.ptr[n] != ' ' && value.ptr[n] != '\t')
		n++;
	a.verb = span_first(value, n);
	a.text = span_trim(span_from(value, n));
	x->found = true;
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (span_eq_nocase(a.verb, actions[i].verb))
			return actions[i].act(&a);
	if (is_digits(value))
		return OK;
	return is_reply(&a, &code) ? act_reply(&a, code) : act_list(&a);
}

/* --- looking up --- */

/* Act on what the table answered. */
static enum status take(
    struct access *x, enum map_answer answer, struct buf *value, span key)
{
	switch (answer) {
	case MAP_NONE:
		return DUNNO;
	case MAP_RETRY:
		return act(
		    x, SPAN("451 4.3.5 Server configuration error"), key);
	case MAP_FOUND:
		break;
	}
	return act(x, arena_dup(x->e->arena, buf_span(value)), key);
}

static enum status look_up(
    struct access *x, span key, enum table_find how, span datum)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	enum map_answer answer =
	    table_list_find(&x->list, key, how, &value, NULL);
	enum status r = take(x, answer, &value, datum);

	buf_done(&value);
	return r;
}

/* The name, then its parent domains. */
static enum status look_up_domain(struct access *x, span domain)
{
	enum table_find how = TABLE_WHOLE_KEY;
	bool is_address = address_is_ipv4(domain) || address_is_ipv6(domain);
	span name = domain;

	while (name.len) {
		enum status r = look_up(x, name, how, domain);
		ssize_t dot;

		if (x->found || is_address)
			return r;
		dot = span_find(span_from(name, 1), '.');
		if (dot < 0)
			break;
		name = span_from(name, (size_t)dot + 1);
		if (x->e->p->access_parents)
			name = span_from(name, 1);
		how = TABLE_PART_OF_KEY;
	}
	return DUNNO;
}

/* 192.0.2.1, 192.0.2, 192.0, 192 */
static enum status look_up_address(struct access *x, span addr)
{
	enum table_find how = TABLE_WHOLE_KEY;
	char separator = span_find(addr, ':') >= 0 ? ':' : '.';
	span net = addr;

	for (;;) {
		enum status r = look_up(x, net, how, addr);
		ssize_t cut;

		if (x->found)
			return r;
		cut = span_rfind(net, separator);
		if (cut < 0)
			return DUNNO;
		net = span_first(net, (size_t)cut);
		how = TABLE_PART_OF_KEY;
	}
}

/* What is left of an address when its hiding places are taken off. */
static enum status look_up_mail(struct access *x, const struct resolved *r)
{
	const struct policy *p = x->e->p;
	unsigned by = ADDRESS_BY_FULL | ADDRESS_BY_NOEXT | ADDRESS_BY_DOMAIN |
	    ADDRESS_BY_ANY_LOCAL_AT |
	    (p->access_parents ? ADDRESS_BY_PARENTS : ADDRESS_BY_DOT_PARENTS);
	struct buf value = BUF_INIT(VALUE_MAX);
	enum map_answer answer =
	    lookup_address(p, &x->list, r->recipient, by, &value);
	enum status status = take(x, answer, &value, r->recipient);

	buf_done(&value);
	return status;
}

/* --- the restrictions --- */

static void access_init(struct access *x, struct eval *e, const struct step *s)
{
	*x = (struct access){ .e = e, .table = s->table->spec };
	x->list = (struct table_list){ .title = s->table->spec,
		.count = 1,
		.tables = (struct table **)(uintptr_t)&s->table };
}

static enum status check_host(struct access *x, span name)
{
	enum status r = look_up_domain(x, name);

	return x->found ? r : look_up_address(x, x->e->q->client_addr);
}

enum status restrict_client_access(struct eval *e, const struct step *s)
{
	struct access x;

	access_init(&x, e, s);
	x.reply_name = restrict_client(e);
	x.reply_class = SPAN("Client host");
	return check_host(&x, e->q->client_name);
}

/* Whoever runs a network can name its hosts after ours. */
enum status restrict_reverse_access(struct eval *e, const struct step *s)
{
	struct access x;
	enum status r;

	access_init(&x, e, s);
	x.reply_name = e->q->client_reverse;
	x.reply_class = SPAN("Unverified Client host");
	r = check_host(&x, e->q->client_reverse);
	if (r != OK)
		return r;
	restrict_warn(e, "restriction %.*s returns OK for %.*s", PRI(s->name),
	    PRI(e->q->client_reverse));
	restrict_warn(e, "this is not allowed for security reasons");
	restrict_warn(
	    e, "use DUNNO instead of OK if you want to make an exception");
	return restrict_broken(e);
}

enum status restrict_helo_access(struct eval *e, const struct step *s)
{
	struct access x;

	if (!e->q->helo.len)
		return DUNNO;
	access_init(&x, e, s);
	x.reply_name = e->q->helo;
	x.reply_class = SPAN("Helo command");
	return look_up_domain(&x, e->q->helo);
}

enum status restrict_etrn_access(struct eval *e, const struct step *s)
{
	struct access x;

	if (e->q->stage != RULES_STAGE_ETRN)
		return DUNNO;
	access_init(&x, e, s);
	x.reply_name = e->q->recipient;
	x.reply_class = SPAN("Etrn command");
	return look_up_domain(&x, e->q->recipient);
}

enum status restrict_sender_access(struct eval *e, const struct step *s)
{
	span key = e->p->s.smtpd_null_access_lookup_key;
	struct resolved r;
	struct access x;

	if (!e->has_sender)
		return DUNNO;
	access_init(&x, e, s);
	x.reply_name = e->q->sender;
	x.reply_class = SPAN("Sender address");
	if (!e->q->sender.len)
		return look_up(&x, key, TABLE_WHOLE_KEY, key);
	switch (resolve_address(
	    e->p, e->arena, e->q->recipient, e->q->sender, &r)) {
	case RESOLVE_FAIL:
		restrict_warn(e, "%.*s", PRI(r.why));
		return restrict_retry(e, e->q->sender);
	case RESOLVE_OK:
	case RESOLVE_BAD:
		break;
	}
	return look_up_mail(&x, &r);
}

enum status restrict_recipient_access(struct eval *e, const struct step *s)
{
	struct access x;
	enum status r;

	if (!e->has_recipient)
		return DUNNO;
	if (!restrict_resolve(e, &r))
		return r;
	access_init(&x, e, s);
	x.reply_name = e->q->recipient;
	x.reply_class = SPAN("Recipient address");
	r = look_up_mail(&x, &e->resolved);
	/* What a later host may route further is not let in by a table. */
	if (r == OK && e->resolved.routed && !e->p->s.allow_untrusted_routing)
		return DUNNO;
	return r;
}
