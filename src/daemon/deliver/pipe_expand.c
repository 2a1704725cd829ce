/* SPDX-License-Identifier: ISC */
/*
 * Macros in arguments are those of main.cf values (conf/expand.c), which
 * expands the values of names in turn. That must not happen to what a
 * stranger wrote, so all values are given to it with their dollar signs
 * doubled: what comes out is the value.
 */
#include "daemon/deliver/pipe.h"

#include <errno.h>

#include "base/utf8.h"
#include "conf/expand.h"
#include "mail/address.h"

enum {
	/* More than a value can need: quoted, folded, doubled. */
	VALUE_MAX = 8 * ADDRESS_MAX,
	DOUBLED_MAX = 2 * VALUE_MAX,
	SCRATCH_MAX = 1 << 20,
};

/* What an argument is made from. */
struct source {
	const struct pipe_line *p;
	const struct envelope *e;
	const struct rcpt *rcpt;
	struct arena *scratch;
	struct buf *warnings;
	bool no_memory;
};

/* ---- values ---- */

void pipe_fold(const struct pipe_line *p, span s, struct buf *out)
{
	if (p->flags & PIPE_UTF8) {
		utf8_fold(s, out);
		return;
	}
	for (size_t i = 0; i < s.len; i++)
		buf_putc(out, ascii_lower(s.ptr[i]));
}

/* Folded if the line has that flag. */
static void put_part(
    const struct source *s, struct buf *out, span part, unsigned flag)
{
	if (s->p->flags & flag)
		pipe_fold(s->p, part, out);
	else
		buf_put(out, part);
}

/* On the sides of the last '@'; without one, all of it counts as local. */
static void put_folded(const struct source *s, struct buf *out, span addr)
{
	ssize_t at = span_rfind(addr, '@');
	size_t local = at < 0 ? addr.len : (size_t)at;

	put_part(s, out, span_first(addr, local), PIPE_FOLD_LOCAL);
	put_part(s, out, span_from(addr, local), PIPE_FOLD_DOMAIN);
}

static void put_quoted(const struct source *s, struct buf *out, span addr)
{
	if (s->p->flags & PIPE_QUOTE)
		address_quote(out, addr);
	else
		buf_put(out, addr);
}

static void put_address(const struct source *s, struct buf *out, span addr)
{
	CLEANUP(buf_done) struct buf quoted = BUF_INIT(VALUE_MAX);

	put_quoted(s, &quoted, addr);
	put_folded(s, out, buf_span(&quoted));
}

static void put_nexthop(const struct source *s, struct buf *out)
{
	put_part(s, out, s->e->rcpts[0].nexthop, PIPE_FOLD_DOMAIN);
}

static void put_recipient(const struct source *s, struct buf *out)
{
	put_address(s, out, s->rcpt->addr);
}

static void put_original(const struct source *s, struct buf *out)
{
	put_address(s, out, s->rcpt->orig);
}

static void put_sender(const struct source *s, struct buf *out)
{
	span sender = pipe_sender(s->p, s->e);

	if (sender.len > 0)
		put_quoted(s, out, sender);
}

/* The two sides of the recipient, folded. */
static void split_recipient(
    const struct source *s, struct buf *folded, span *ret_local, span *ret)
{
	put_folded(s, folded, s->rcpt->addr);
	address_split(buf_span(folded), ret_local, ret);
	if (!ret->ptr)
		buf_printf(s->warnings, "no @ in recipient address: %.*s\n",
		    PRI(s->rcpt->addr));
}

static void put_mailbox(const struct source *s, struct buf *out)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(VALUE_MAX);
	span local;
	span domain;

	split_recipient(s, &folded, &local, &domain);
	buf_put(out, local);
}

static void put_domain(const struct source *s, struct buf *out)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(VALUE_MAX);
	span local;
	span domain;

	split_recipient(s, &folded, &local, &domain);
	buf_put(out, domain);
}

static void put_user(const struct source *s, struct buf *out)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(VALUE_MAX);
	span local;
	span domain;

	split_recipient(s, &folded, &local, &domain);
	buf_put(out, extension_user(&s->p->rules, local));
}

static void put_extension(const struct source *s, struct buf *out)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(VALUE_MAX);
	span local;
	span domain;
	span user;

	split_recipient(s, &folded, &local, &domain);
	user = extension_user(&s->p->rules, local);
	/* Behind the delimiter. */
	if (user.len < local.len)
		buf_put(out, span_from(local, user.len + 1));
}

static void put_size(const struct source *s, struct buf *out)
{
	buf_put_u64(out, s->e->size);
}

static void put_client_address(const struct source *s, struct buf *out)
{
	buf_put(out, s->e->client_addr);
}

static void put_client_helo(const struct source *s, struct buf *out)
{
	buf_put(out, s->e->helo);
}

static void put_client_hostname(const struct source *s, struct buf *out)
{
	buf_put(out, s->e->client_name);
}

static void put_client_port(const struct source *s, struct buf *out)
{
	if (s->e->client_port)
		buf_put_u64(out, s->e->client_port);
}

static void put_client_protocol(const struct source *s, struct buf *out)
{
	buf_put(out, s->e->proto);
}

static void put_queue_id(const struct source *s, struct buf *out)
{
	char id[MSGID_TEXT_MAX];

	buf_put(out, msgid_text(s->e->id, id));
}

static void put_envid(const struct source *s, struct buf *out)
{
	buf_put(out, s->e->envid);
}

/* Envelopes do not tell who logged in. */
static void put_nothing(const struct source *s, struct buf *out)
{
	(void)s;
	(void)out;
}

static const struct macro {
	span name;
	bool per_rcpt;
	void (*put)(const struct source *s, struct buf *out);
} macros[] = {
	{ SPAN_INIT("client_address"), false, put_client_address },
	{ SPAN_INIT("client_helo"), false, put_client_helo },
	{ SPAN_INIT("client_hostname"), false, put_client_hostname },
	{ SPAN_INIT("client_port"), false, put_client_port },
	{ SPAN_INIT("client_protocol"), false, put_client_protocol },
	{ SPAN_INIT("domain"), true, put_domain },
	{ SPAN_INIT("envid"), false, put_envid },
	{ SPAN_INIT("extension"), true, put_extension },
	{ SPAN_INIT("mailbox"), true, put_mailbox },
	{ SPAN_INIT("nexthop"), false, put_nexthop },
	{ SPAN_INIT("original_recipient"), true, put_original },
	{ SPAN_INIT("queue_id"), false, put_queue_id },
	{ SPAN_INIT("recipient"), true, put_recipient },
	{ SPAN_INIT("sasl_method"), false, put_nothing },
	{ SPAN_INIT("sasl_sender"), false, put_nothing },
	{ SPAN_INIT("sasl_username"), false, put_nothing },
	{ SPAN_INIT("sender"), false, put_sender },
	{ SPAN_INIT("size"), false, put_size },
	{ SPAN_INIT("user"), true, put_user },
};

static const struct macro *find_macro(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(macros); i++)
		if (span_eq(name, macros[i].name))
			return &macros[i];
	return NULL;
}

/* ---- checking an argument ---- */

struct check {
	struct pipe_arg *arg;
	struct buf *error;
};

static void check_name(void *ctx, span name)
{
	struct check *c = ctx;
	const struct macro *m = find_macro(name);

	if (!m && c->error->len == 0)
		buf_printf(c->error, "unknown macro name: \"%.*s\"", PRI(name));
	if (m && m->per_rcpt)
		c->arg->per_rcpt = true;
}

enum pipe_arg_result pipe_check_arg(struct pipe_arg *arg, struct buf *error)
{
	CLEANUP(buf_done) struct buf syntax = BUF_INIT(PIPE_ERROR_MAX);
	struct check c = { arg, error };
	bool ok = expand_scan(arg->text, check_name, &c, &syntax) == EXPAND_OK;

	if (error->len > 0)
		return PIPE_ARG_NAME;
	buf_put(error, buf_span(&syntax));
	return ok ? PIPE_ARG_OK : PIPE_ARG_SYNTAX;
}

/* ---- expansion ---- */

static span look_up(void *ctx, span name)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(VALUE_MAX);
	CLEANUP(buf_done) struct buf doubled = BUF_INIT(DOUBLED_MAX);
	struct source *s = ctx;
	const struct macro *m = find_macro(name);
	span kept;

	if (!m)
		return SPAN_NONE;
	m->put(s, &value);
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == '$')
			buf_putc(&doubled, '$');
		buf_putc(&doubled, value.data[i]);
	}
	kept = arena_dup(s->scratch, buf_span(&doubled));
	if (!kept.ptr || value.failed || doubled.failed)
		s->no_memory = true;
	return kept;
}

/* One argument. */
static int expand_one(
    struct source *s, const struct pipe_arg *arg, struct arena *a, span *ret)
{
	CLEANUP(arena_done) struct arena scratch;
	CLEANUP(buf_done) struct buf out = BUF_INIT(SCRATCH_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(PIPE_ERROR_MAX);

	arena_init(&scratch, SCRATCH_MAX);
	s->scratch = &scratch;
	/* Its syntax is right: that was checked. */
	if (expand_text(arg->text, look_up, s, &out, &error) != EXPAND_OK ||
	    s->no_memory || out.failed)
		return -ENOMEM;
	*ret = arena_dup(a, buf_span(&out));
	return ret->ptr ? 0 : -ENOMEM;
}

span pipe_sender(const struct pipe_line *p, const struct envelope *e)
{
	return e->sender.len > 0 ? e->sender : p->null_sender;
}

static uint32_t count(const struct pipe_line *p, const struct envelope *e)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nargs; i++)
		n += p->args[i].per_rcpt ? e->nrcpts : 1;
	return n;
}

int pipe_expand(const struct pipe_line *p, const struct envelope *e,
    struct arena *a, struct pipe_argv *ret, struct buf *warnings)
{
	struct source s = { .p = p, .e = e, .warnings = warnings };
	uint32_t n = count(p, e);
	span *argv = arena_alloc(a, n, sizeof(*argv));
	uint32_t at = 0;

	if (!argv)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nargs; i++) {
		uint32_t times = p->args[i].per_rcpt ? e->nrcpts : 1;

		for (uint32_t k = 0; k < times; k++) {
			int r;

			s.rcpt = &e->rcpts[k];
			r = expand_one(&s, &p->args[i], a, &argv[at++]);
			if (r < 0)
				return r;
		}
	}
	*ret = (struct pipe_argv){ n, argv };
	return 0;
}
