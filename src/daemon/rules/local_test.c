/* SPDX-License-Identifier: ISC */
/*
 * Plans as text. What deliver does with files is played here: a ~/.forward
 * or a list that a step wants is "read" from a table of files, and the plan
 * for its content follows.
 */
#include "test/lib/policy.h"

#include "daemon/rules/local.h"
#include "daemon/rules/local_cases.h"
#include "ipc/frame.h"

struct play {
	struct test_world w;
	struct plan_world world;
	struct conf *conf;
	struct policy *policy;
	void *local;
	const struct file_case *files;
	struct buf text;
	span recipient;
	span sender;
	span seen;
	unsigned rounds;
};

/* --- the world --- */

static const struct passwd_entry users[] = {
	{ SPAN_INIT("root"), 0, 0, SPAN_INIT("/root"), SPAN_INIT("/bin/sh") },
	{ SPAN_INIT("ana"), 1001, 100, SPAN_INIT("/home/ana"),
	    SPAN_INIT("/bin/sh") },
	{ SPAN_INIT("bob"), 1002, 100, SPAN_INIT("/home/bob"), SPAN_INIT("") },
	{ SPAN_INIT("eva"), 1003, 100, SPAN_INIT("/"), SPAN_INIT("/bin/sh") },
	{ SPAN_INIT("owner-list"), 1004, 100, SPAN_INIT("/home/ol"),
	    SPAN_INIT("/bin/sh") },
};

static int find_user(void *ctx UNUSED, span name, struct passwd_entry *ret)
{
	if (span_eq(name, SPAN("broken")))
		return -EIO;
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		if (span_eq(users[i].name, name)) {
			*ret = users[i];
			return PASSWD_OK;
		}
	}
	return PASSWD_NONE;
}

/* Files that we make are ana's, whoever we are. */
static int find_uid(void *ctx UNUSED, uint32_t uid, struct passwd_entry *ret)
{
	if (uid == geteuid() && uid != 0)
		uid = 1001;
	if (uid == 1099)
		return -EIO;
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		if (users[i].uid == uid) {
			*ret = users[i];
			return PASSWD_OK;
		}
	}
	return PASSWD_NONE;
}

/* --- what deliver would do --- */

static const struct file_case *find_file(const struct play *p, span path)
{
	for (const struct file_case *f = p->files; f && f->path; f++)
		if (span_eq(span_str(f->path), path))
			return f;
	return NULL;
}

static void ask(struct play *p, const struct local_ask *q);

/* Whether a ~/.forward took the place of the step. */
static bool read_forward(struct play *p, const struct local_step *s)
{
	for (uint32_t i = 0; i < s->nforward; i++) {
		const struct file_case *f = find_file(p, s->forward[i]);
		const struct local_ask q = { .ask = 1,
			.what = LOCAL_FORWARD,
			.sender = p->sender,
			.seen = p->seen,
			.address = p->recipient,
			.context = s->context,
			.path = i,
			.content = f ? span_str(f->content) : SPAN_NONE };
		size_t before = p->text.len;

		if (!f)
			continue;
		buf_printf(&p->text, "{%s\n", f->path);
		ask(p, &q);
		buf_put(&p->text, SPAN("}\n"));
		if (p->text.len - before > strlen(f->path) + 4)
			return true;
		p->text.len = before;
		return false;
	}
	return false;
}

static void read_list(struct play *p, const struct local_step *s)
{
	const struct file_case *f = find_file(p, s->what);
	const struct local_ask q = { .ask = 1,
		.what = LOCAL_INCLUDE,
		.sender = p->sender,
		.seen = p->seen,
		.address = p->recipient,
		.context = s->context,
		.owner = f ? f->owner : 0,
		.content = f ? span_str(f->content) : SPAN_NONE };

	if (!f)
		return;
	buf_printf(&p->text, "{%s\n", f->path);
	ask(p, &q);
	buf_put(&p->text, SPAN("}\n"));
}

/* --- as text --- */

static const char *const kinds[] = {
	[LOCAL_MAILBOX] = "mailbox",
	[LOCAL_FILE] = "file",
	[LOCAL_COMMAND] = "command",
	[LOCAL_RESEND] = "resend",
	[LOCAL_PASS] = "pass",
	[LOCAL_OUTCOME] = "outcome",
	[LOCAL_READ] = "read",
};

static void put_lines(struct play *p, const char *title, span lines)
{
	while (lines.len) {
		span line = span_cut(&lines, '\n');

		buf_printf(&p->text, "%s%.*s\n", title, PRI(line));
	}
}

static void put_if(struct play *p, bool put, const char *name, span value)
{
	if (put)
		buf_printf(&p->text, " %s%.*s", name, (int)value.len,
		    value.len ? value.ptr : "");
}

static void show_step(struct play *p, const struct local_step *s)
{
	struct buf *b = &p->text;
	bool uses_rights = s->kind == LOCAL_COMMAND || s->kind == LOCAL_FILE ||
	    s->kind == LOCAL_READ;

	if (s->kind == LOCAL_OUTCOME) {
		assert_int_equal(s->class, s->status.ptr[0] - '0');
		buf_printf(b, "%.*s %.*s", PRI(s->status), PRI(s->what));
	} else {
		buf_printf(b, "%s", kinds[s->kind]);
		put_if(p, s->what.len, "", s->what);
	}
	put_if(p, !span_eq(s->address, p->recipient), "for ", s->address);
	put_if(p, uses_rights && s->user.len, "as ", s->user);
	put_if(p, !span_eq(s->sender, p->sender), "from ", s->sender);
	put_if(p, s->delivered.len && !span_eq(s->delivered, p->recipient),
	    "delivered ", s->delivered);
	put_if(p, s->owned, "owned", SPAN_NONE);
	put_if(p, s->flags & LOCAL_NEEDS_HOME, "needs-home", SPAN_NONE);
	put_if(p, s->directory.len, "in ", s->directory);
	if (s->kind == LOCAL_MAILBOX)
		assert_int_equal(!!(s->flags & LOCAL_SPOOL),
		    s->what.ptr[s->what.len - 1] != '/' &&
		        span_has_prefix(s->what, SPAN("/var/mail/")));
	buf_putc(b, '\n');
}

static void on_plan(void *ctx, const struct local_plan *m)
{
	struct play *p = ctx;
	CLEANUP(buf_done) struct buf wire = BUF_INIT(FRAME_MAX);
	struct local_plan got;
	struct arena a;

	/* Everything takes the way that it takes between processes. */
	arena_init(&a, FRAME_MAX);
	local_plan_put(&wire, m);
	assert_true(local_plan_get(buf_span(&wire), &a, &got));
	if (got.expanded)
		buf_printf(&p->text, "expanded%s\n", got.owned ? " owned" : "");
	put_lines(p, "warning: ", got.warning);
	assert_true(++p->rounds < 1000);
	for (uint32_t i = 0; i < got.nsteps; i++) {
		if (read_forward(p, &got.steps[i]))
			continue;
		show_step(p, &got.steps[i]);
		if (got.steps[i].kind == LOCAL_READ)
			read_list(p, &got.steps[i]);
	}
	arena_done(&a);
}

static void ask(struct play *p, const struct local_ask *q)
{
	struct plan plan = { .send = on_plan, .ctx = p };
	struct arena a;

	arena_init(&a, 1 << 28);
	assert_true(plan_begin(&plan, q->ask, &a));
	plan_local.answer(p->local, &plan, q);
	plan_end(&plan);
	arena_done(&a);
}

/* --- one case --- */

static void play_init(struct play *p, const char *settings)
{
	struct buf main_cf = BUF_INIT(1 << 20);

	*p = (struct play){ .sender = SPAN("sender@x.example") };
	buf_put(&main_cf, SPAN("mail_spool_directory = /var/mail\n"));
	buf_put(&main_cf, span_str(settings));
	test_world_init(&p->w);
	p->conf = test_conf(buf_span(&main_cf),
	    SPAN("local unix - n n - - local\nother unix - n n - - local\n"));
	p->policy = test_policy(p->conf, &p->w);
	p->world = (struct plan_world){ p, find_user, find_uid, &p->w.world };
	const struct plan_source source = { p->conf, 1, SPAN("local"),
		p->policy, &p->world };

	p->local = plan_local.make(&source);
	buf_init(&p->text, 1 << 24);
	buf_done(&main_cf);
}

static void play_done(struct play *p)
{
	plan_local.drop(p->local);
	policy_free(&p->policy);
	conf_unref(&p->conf);
	test_world_done(&p->w);
	buf_done(&p->text);
}

static void ask_for(struct play *p, const char *recipient)
{
	const struct local_ask q = { .ask = 1,
		.what = LOCAL_RCPT,
		.address = span_str(recipient),
		.sender = p->sender,
		.seen = p->seen };

	p->recipient = q.address;
	ask(p, &q);
	put_lines(p, "log: ", buf_span(&p->w.warnings));
}

static void test_cases(void **state UNUSED)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(local_cases); i++) {
		const struct local_case *c = &local_cases[i];
		struct play p;

		play_init(&p, c->settings);
		p.files = c->files;
		p.seen = span_str(c->seen);
		ask_for(&p, c->recipient);
		if (!span_eq(buf_span(&p.text), span_str(c->plan)))
			wrong++,
			    print_error("%s%s\n--- is:\n%s"
			                "--- should be:\n%s\n",
			        c->settings, c->recipient, buf_cstr(&p.text),
			        c->plan);
		play_done(&p);
	}
	assert_int_equal(wrong, 0);
}

static void expect(struct play *p, const char *plan)
{
	assert_string_equal(buf_cstr(&p->text), plan);
	buf_clear(&p->text);
	p->rounds = 0;
}

/* --- the environment of commands --- */

static void show_environment(void *ctx, const struct local_plan *m)
{
	struct play *p = ctx;

	assert_int_equal(m->nsteps, 1);
	for (uint32_t i = 0; i < m->steps[0].nenv; i++) {
		const struct local_env *e = &m->steps[0].env[i];

		buf_printf(&p->text, "%.*s=%.*s\n", PRI(e->name),
		    (int)e->value.len, e->value.ptr);
	}
}

static void test_environment(void **state UNUSED)
{
	static const struct {
		const char *settings, *recipient, *original, *env;
	} cases[] = {
		{ "mailbox_command = /bin/x\n", "ana+A@example.com",
		    "Ana+A@Example.com",
		    "HOME=/home/ana\nLOGNAME=ana\nUSER=ana\n"
		    "SENDER=sender@x.example\n"
		    "RECIPIENT=ana+A@example.com\nLOCAL=ana+a\n"
		    "SHELL=/bin/sh\nDOMAIN=example.com\nEXTENSION=a\n"
		    "ORIGINAL_RECIPIENT=Ana+A@Example.com\n" },
		{ "mailbox_command = /bin/x\nrecipient_delimiter =\n",
		    "bob@example.com", "",
		    "HOME=/home/bob\nLOGNAME=bob\nUSER=bob\n"
		    "SENDER=sender@x.example\n"
		    "RECIPIENT=bob@example.com\nLOCAL=bob\nSHELL=\n"
		    "DOMAIN=example.com\n" },
		/* Nobody's rights; what a shell would act on is gone. */
		{ "alias_maps = static:|/bin/x\n"
		  "owner_request_special = no\n",
		    "`id`;$(x)\\'\"@example.com", "() { :;}; x\n",
		    "LOGNAME=_id____x____\nUSER=_id____x____\n"
		    "SENDER=sender@x.example\n"
		    "RECIPIENT=_id____x____@example.com\n"
		    "LOCAL=_id____x____\nDOMAIN=example.com\n"
		    "ORIGINAL_RECIPIENT=_____:____x_\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan plan = { .send = show_environment };
		const struct local_ask q = { .what = LOCAL_RCPT,
			.address = span_str(cases[i].recipient),
			.original = span_str(cases[i].original),
			.sender = SPAN("sender@x.example") };
		struct arena a;
		struct play p;

		play_init(&p, cases[i].settings);
		plan.ctx = &p;
		arena_init(&a, 1 << 24);
		assert_true(plan_begin(&plan, 1, &a));
		plan_local.answer(p.local, &plan, &q);
		plan_end(&plan);
		expect(&p, cases[i].env);
		arena_done(&a);
		play_done(&p);
	}
}

/* --- lists in real files --- */

static void put_list(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	/* ana's, as find_uid() has it. */
	if (geteuid() == 0)
		assert_int_equal(chown(path, 1001, 100), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_lists(void **state UNUSED)
{
	char dir[] = "/tmp/local-test.XXXXXX";
	char list[64];
	char settings[256];
	char plan[1024];
	struct play p;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(list, sizeof(list), "%s/list", dir);
	(void)snprintf(settings, sizeof(settings),
	    ALIASES(
	        "{all=:include:%s, bob} {inner=x@far.example}") "allow_mail_to_"
	                                                        "commands = "
	                                                        "include\n",
	    list);
	play_init(&p, settings);

	put_list(list, "# a comment, ana\ninner\n bob, |/bin/x\n/f\neva", 0644);
	ask_for(&p, "all@example.com");
	expect(&p,
	    "expanded\n"
	    "resend for x@far.example\n"
	    "resend for bob@example.com\n"
	    "command /bin/x as ana\n"
	    "5.7.1 mail to file is restricted\n"
	    "resend for eva@example.com\n"
	    "mailbox /var/mail/bob for bob@example.com\n");

	/* What others may not read is read by its owner. */
	put_list(list, "eva\n", 0600);
	ask_for(&p, "all@example.com");
	(void)snprintf(plan, sizeof(plan),
	    "expanded\nread %s as ana\n"
	    "mailbox /var/mail/bob for bob@example.com\n",
	    list);
	expect(&p, plan);

	put_list(list, "eva\n", 0666);
	ask_for(&p, "all@example.com");
	(void)snprintf(plan, sizeof(plan),
	    "expanded\nwarning: :include: file %s is world writable\n"
	    "5.3.5 mail system configuration error\n"
	    "mailbox /var/mail/bob for bob@example.com\n",
	    list);
	expect(&p, plan);

	/* A pipe: nobody waits for what comes. */
	assert_int_equal(unlink(list), 0);
	assert_int_equal(mkfifo(list, 0644), 0);
	ask_for(&p, "all@example.com");
	(void)snprintf(plan, sizeof(plan),
	    "expanded\nwarning: :include: file %s is not a regular file\n"
	    "5.3.5 mail system configuration error\n"
	    "mailbox /var/mail/bob for bob@example.com\n",
	    list);
	expect(&p, plan);
	(void)unlink(list);
	(void)rmdir(dir);
	play_done(&p);
}

/* Lists that include themselves and the next one, further than it goes. */
static void test_nested_lists(void **state UNUSED)
{
	enum { CHAIN = 200 };
	char dir[] = "/tmp/local-test.XXXXXX";
	char path[64];
	char settings[256];
	struct play p;

	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < CHAIN; i++) {
		char text[256];

		(void)snprintf(path, sizeof(path), "%s/%d", dir, i);
		(void)snprintf(text, sizeof(text),
		    "u%d@far.example\n:include:%s/%d\n:include:%s\n", i, dir,
		    i + 1, path);
		put_list(path, text, 0644);
	}
	(void)snprintf(
	    settings, sizeof(settings), ALIASES("{all=:include:%s/0}"), dir);
	play_init(&p, settings);
	ask_for(&p, "all@example.com");
	assert_non_null(strstr(buf_cstr(&p.text), "resend for u0@far"));
	/* The others are named by ana's list, and read as hers. */
	assert_non_null(strstr(buf_cstr(&p.text), "/1 as ana\n"));
	buf_clear(&p.text);

	/* Lists of root's are all read here. */
	for (int i = 0; i < CHAIN && geteuid() == 0; i++) {
		(void)snprintf(path, sizeof(path), "%s/%d", dir, i);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	if (geteuid() == 0) {
		const char *end;

		ask_for(&p, "all@example.com");
		assert_non_null(strstr(buf_cstr(&p.text), "u90@far.example"));
		assert_null(strstr(buf_cstr(&p.text), "u100@far.example"));
		end =
		    strstr(buf_cstr(&p.text), "5.4.6 :include: nesting limit");
		assert_non_null(end);
		/* The last one names itself and another. */
		end = strstr(end + 1, "5.4.6");
		assert_non_null(end);
		assert_null(strstr(end + 1, "5.4.6"));
	}
	for (int i = 0; i < CHAIN; i++) {
		(void)snprintf(path, sizeof(path), "%s/%d", dir, i);
		(void)unlink(path);
	}
	(void)rmdir(dir);
	play_done(&p);
}

/* --- whose table it is --- */

static void test_owners(void **state UNUSED)
{
	static const struct {
		uid_t owner;
		const char *plan;
	} cases[] = {
		{ 0,
		    "expanded\n"
		    "warning: unknown home directory for: ~/f\n"
		    "warning: unable to lookup :include: file "
		    "/nonexistent/l: No such file or directory\n"
		    "command /bin/x\nfile /f\n"
		    "5.3.5 mail system configuration error\n"
		    "5.3.5 mail system configuration error\n" },
		{ 1001,
		    "expanded\ncommand /bin/x as ana\nfile /f as ana\n"
		    "file /home/ana/f as ana\n"
		    "read /nonexistent/l as ana\n" },
		{ 1005,
		    "warning: cannot find alias database owner for "
		    "inline:{{all=|/bin/x, /f, ~/f, "
		    ":include:/nonexistent/l}}\n"
		    "4.3.0 cannot find alias database owner\n" },
		{ 1099,
		    "warning: cannot find alias database owner for "
		    "inline:{{all=|/bin/x, /f, ~/f, "
		    ":include:/nonexistent/l}}: Input/output error\n"
		    "4.3.0 cannot find alias database owner\n" },
		{ MAP_OWNERS,
		    "warning: deliver_alias: no owner UID for alias database "
		    "inline:{{all=|/bin/x, /f, ~/f, "
		    ":include:/nonexistent/l}}\n"
		    "4.3.0 mail system configuration error\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct play p;
		struct local *l;

		play_init(&p,
		    ALIASES("{all=|/bin/x, /f, ~/f, :include:/nonexistent/l}"));
		l = p.local;
		l->aliases.tables[0]->map->owner = cases[i].owner;
		ask_for(&p, "all@example.com");
		expect(&p, cases[i].plan);
		play_done(&p);
	}
}

/* --- much of it --- */

/* 1,000 aliases that lead to one another; 2^30 ways through a small one. */
static void test_bounds(void **state UNUSED)
{
	struct buf settings = BUF_INIT(1 << 22);
	struct play p;

	buf_put(&settings, SPAN("alias_maps = inline:{"));
	for (int i = 0; i < 1000; i++)
		buf_printf(&settings, "{c%d=c%d} ", i, i + 1);
	for (int i = 0; i < 30; i++)
		buf_printf(&settings, "{{l%d = l%d, r%d}} {{r%d = l%d, r%d}} ",
		    i, i + 1, i + 1, i, i + 1, i + 1);
	buf_put(&settings, SPAN("}\n"));
	play_init(&p, buf_cstr(&settings));
	ask_for(&p, "c0@example.com");
	expect(&p,
	    "expanded\n"
	    "warning: alias database loop for c25\n"
	    "5.4.6 alias database loop for c25 for c25@example.com\n");
	ask_for(&p, "l0@example.com");
	assert_true(p.text.len < 10000);
	play_done(&p);
	buf_done(&settings);
}

/* Pieces of a long plan. */
struct pieces {
	uint32_t steps;
	uint32_t pieces;
	bool last;
};

static void count_piece(void *ctx, const struct local_plan *m)
{
	struct pieces *p = ctx;

	assert_false(p->last);
	assert_true(m->nsteps <= LOCAL_MAX_STEPS);
	p->steps += m->nsteps;
	p->pieces++;
	p->last = !m->more;
}

static void test_long_list(void **state UNUSED)
{
	enum { MEMBERS = 20000 };
	struct buf text = BUF_INIT(1 << 22);
	char dir[] = "/tmp/local-test.XXXXXX";
	char list[64];
	char settings[128];
	struct pieces pieces = { 0 };
	struct plan plan = { .send = count_piece, .ctx = &pieces };
	const struct local_ask q = { .what = LOCAL_RCPT,
		.address = SPAN("all@example.com") };
	struct arena a;
	struct play p;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(list, sizeof(list), "%s/list", dir);
	for (int i = 0; i < MEMBERS; i++)
		buf_printf(&text, "u%d@far.example\n", i);
	put_list(list, buf_cstr(&text), 0644);
	(void)snprintf(
	    settings, sizeof(settings), ALIASES("{all=:include:%s}"), list);
	play_init(&p, settings);
	arena_init(&a, 1 << 28);
	assert_true(plan_begin(&plan, 1, &a));
	plan_local.answer(p.local, &plan, &q);
	plan_end(&plan);
	assert_int_equal(pieces.steps, MEMBERS);
	assert_true(pieces.pieces >= MEMBERS / LOCAL_MAX_STEPS);
	assert_true(pieces.last);
	(void)unlink(list);
	(void)rmdir(dir);
	arena_done(&a);
	play_done(&p);
	buf_done(&text);
}

/* What deliver hands back is not looked into by it, but it may be broken. */
static void test_broken_context(void **state UNUSED)
{
	static const char *const contexts[] = { "", "x",
		"\377\377\377\377\377\377\377\377\377\377\377" };
	struct play p;

	play_init(&p, "");
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		const struct local_ask q = { .what = LOCAL_FORWARD,
			.address = SPAN("ana@example.com"),
			.sender = p.sender,
			.context = span_str(contexts[i]),
			.content = SPAN("bob") };

		p.recipient = q.address;
		ask(&p, &q);
		expect(&p, "4.3.0 broken question\n");
	}
	play_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_nested_lists),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_broken_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
