/* SPDX-License-Identifier: ISC */
/*
 * A recipient, the value of every alias, and what every file holds that is
 * asked for, separated by NUL; the first byte turns settings on and off. The
 * owner of the table is a user, so no file is opened here.
 *
 * Whatever they say: the plan ends, it can be told to deliver, a mailbox of
 * the spool is one of that directory, and nothing is done as root.
 */
#include "daemon/rules/local.h"
#include "mail/verdict.h"

enum { FILES = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const struct local *l;
	span content;
	unsigned files; /* that were asked for */
	span context[FILES];
	uint8_t what[FILES];
	uint32_t nforward[FILES];
	struct arena arena; /* of the contexts */
};

static void warn(void *ctx UNUSED, span text UNUSED)
{
}

static int no_file(span path UNUSED, struct buf *out UNUSED)
{
	return -1;
}

static int has_user(void *ctx UNUSED, span name UNUSED)
{
	return 0;
}

static const struct passwd_entry root = { SPAN_INIT("root"), 0, 0,
	SPAN_INIT("/root"), SPAN_INIT("/bin/sh") };
static const struct passwd_entry ana = { SPAN_INIT("ana"), 1001, 100,
	SPAN_INIT("/home/ana"), SPAN_INIT("/bin/sh") };

static int find_user(void *ctx UNUSED, span name, struct passwd_entry *ret)
{
	*ret = span_eq(name, root.name) ? root : ana;
	return span_eq(name, ret->name) ? PASSWD_OK : PASSWD_NONE;
}

static int find_uid(void *ctx UNUSED, uint32_t uid, struct passwd_entry *ret)
{
	*ret = uid ? ana : root;
	return PASSWD_OK;
}

static void check_step(const struct local_step *s)
{
	span name = s->what;

	if (s->kind == LOCAL_OUTCOME && !verdict_is_status(s->status))
		bug("no status: %.*s", PRI(s->status));
	if ((s->kind == LOCAL_FILE || s->kind == LOCAL_READ) &&
	    span_eq(s->user, SPAN("root")))
		bug("as root");
	if (s->kind != LOCAL_MAILBOX || !(s->flags & LOCAL_SPOOL))
		return;
	if (!span_skip(&name, SPAN("/var/mail/")) || span_find(name, '/') >= 0)
		bug("mailbox %.*s", PRI(s->what));
}

static void on_plan(void *ctx, const struct local_plan *m)
{
	struct fuzz *f = ctx;
	struct buf wire = BUF_INIT(1 << 28);
	struct local_plan got;
	struct arena a;

	arena_init(&a, 1 << 28);
	local_plan_put(&wire, m);
	if (!local_plan_get(buf_span(&wire), &a, &got))
		bug("the plan does not decode");
	for (uint32_t i = 0; i < got.nsteps; i++) {
		const struct local_step *s = &got.steps[i];

		check_step(s);
		if (f->files == FILES ||
		    (s->nforward == 0 && s->kind != LOCAL_READ))
			continue;
		f->what[f->files] = s->nforward ? LOCAL_FORWARD : LOCAL_INCLUDE;
		f->nforward[f->files] = s->nforward;
		f->context[f->files++] = arena_dup(&f->arena, s->context);
	}
	arena_done(&a);
	buf_done(&wire);
}

static void ask(struct fuzz *f, const struct local_ask *q)
{
	struct plan plan = { .send = on_plan, .ctx = f };
	struct arena a;

	arena_init(&a, 1 << 28);
	if (!plan_begin(&plan, 1, &a))
		bug("no memory");
	plan_local.answer((void *)(uintptr_t)f->l, &plan, q);
	plan_end(&plan);
	arena_done(&a);
}

static void ask_all(const struct local *l, span recipient, span content)
{
	struct fuzz f = { .l = l };
	const struct local_ask q = { .what = LOCAL_RCPT,
		.address = recipient,
		.original = recipient,
		.sender = SPAN("x@y.example") };

	arena_init(&f.arena, 1 << 28);
	ask(&f, &q);
	for (unsigned i = 0; i < f.files; i++) {
		struct local_ask file = q;

		file.what = f.what[i];
		file.context = f.context[i];
		file.path = f.nforward[i] ? f.nforward[i] - 1 : 0;
		file.owner = 1001;
		file.content = content;
		ask(&f, &file);
	}
	arena_done(&f.arena);
}

static struct policy *make_policy(const struct world *world)
{
	static const struct settings s = {
		.myhostname = SPAN_INIT("mx.example.com"),
		.mydomain = SPAN_INIT("example.com"),
		.myorigin = SPAN_INIT("example.com"),
		.mydestination = SPAN_INIT("example.com"),
		.local_transport = SPAN_INIT("local:mx.example.com"),
		.relay_transport = SPAN_INIT("relay"),
		.virtual_transport = SPAN_INIT("virtual"),
		.default_transport = SPAN_INIT("smtp"),
		.recipient_delimiter = SPAN_INIT("+"),
		.empty_address_recipient = SPAN_INIT("MAILER-DAEMON"),
		.swap_bangpath = true,
		.allow_percent_hack = true,
		.append_at_myorigin = true,
		.append_dot_mydomain = true,
		.resolve_dequoted_address = true,
	};
	const struct policy_source source = { .settings = s, .routing = s };

	return policy_new(&source, no_file, world);
}

static void set_up(struct local *l, unsigned bits)
{
	const unsigned all = IN_ALIAS | IN_FORWARD | IN_INCLUDE;

	l->s = (struct local_settings){
		.forward_path = SPAN("$home/.forward${recipient_delimiter}"
		                     "${extension}, $home/.forward"),
		.forward_expansion_filter = SPAN("abcdefghijklmnopqrstuvwxyz"
		                                 "0123456789.+-_/"),
		.command_expansion_filter = SPAN("abcdefghijklmnopqrstuvwxyz@"),
		.mail_spool_directory = SPAN("/var/mail"),
		.mailbox_command = bits & 1 ? SPAN("/bin/x") : SPAN(""),
		.luser_relay = bits & 2 ? SPAN("x+$local") : SPAN(""),
		.recipient_delimiter = bits & 4 ? SPAN("+-") : SPAN("+"),
		.expand_owner_alias = bits & 8,
		.frozen_delivered_to = bits & 16,
		.owner_request_special = bits & 32,
		.reset_owner_alias = bits & 64,
		.line_length_limit = 2048,
	};
	l->name = SPAN("local");
	l->extension = (struct extension_rules){ l->s.recipient_delimiter,
		SPAN("double-bounce"), l->s.owner_request_special };
	l->propagate = bits & 128 ? all : 0;
	l->commands = l->files = all;
	l->fold = MAP_UTF8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct map_host host = { .warn = warn };
	struct tables tables;
	const struct world world = {
		.has_user = has_user, .warn = warn, .tables = &tables
	};
	const struct plan_world plan_world = { NULL, find_user, find_uid,
		&world };
	span in = span_from(span_of(data, size), 1);
	span recipient = span_cut(&in, '\0');
	struct buf spec = BUF_INIT(1 << 20);
	struct local l = { .world = &plan_world };
	struct table *alias = NULL;

	tables_init(&tables, &host);
	l.policy = make_policy(&world);
	set_up(&l, size ? data[0] : 0);
	buf_put(&spec, SPAN("static:"));
	buf_put(&spec, span_cut(&in, '\0'));
	alias = tables_get(&tables, buf_span(&spec), 0);
	alias->map->owner = 1001;
	if (spec.len > strlen("static:"))
		l.aliases = (struct table_list){ SPAN("aliases"), 1, &alias };
	ask_all(&l, recipient, in);
	policy_free((struct policy **)(uintptr_t)&l.policy);
	tables_done(&tables);
	buf_done(&spec);
	return 0;
}
