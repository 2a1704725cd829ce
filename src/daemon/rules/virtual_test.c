/* SPDX-License-Identifier: ISC */
#include "daemon/rules/virtual.h"

#include "test/lib/policy.h"

#define BASE \
	"virtual_mailbox_base = /srv/mail\n" \
	"virtual_uid_maps = static:5000\n" \
	"virtual_gid_maps = static:5001\n"
/* Answers for all addresses. */
#define ANYBODY       BASE "virtual_mailbox_maps = static:box/\n"

#define UNKNOWN(user) "5 5.1.1 unknown user: \"" user "\"\n"
#define WRONG(warning) \
	"4 4.3.5 mail system configuration error\nwarning: " warning "\n"
#define BOX(path) "mailbox " path " 5000:5001 limit 51200000\n"
#define DIR(path) "mailbox " path " 5000:5001 limit 51200000 quota\n"

static const struct {
	const char *settings;
	const char *address;
	const char *plan;
} cases[] = {
	/* clang-format off */
	/* Which keys are asked, in which order */
	{ BASE "virtual_mailbox_maps = inline:{ana@v.example=v/ana}\n",
		"ana@v.example", BOX("/srv/mail/v/ana") },
	{ BASE "virtual_mailbox_maps = inline:{ana@v.example=v/ana}\n",
		"Ana@V.Example", BOX("/srv/mail/v/ana") },
	{ BASE "virtual_mailbox_maps = inline:{ana@v.example=v/ana}\n",
		"ana+lists@v.example", BOX("/srv/mail/v/ana") },
	{ BASE "virtual_mailbox_maps = inline:{ana+lists@v.example=v/lists/"
		" ana@v.example=v/ana}\n",
		"ana+Lists@v.example", DIR("/srv/mail/v/lists/") },
	{ BASE "virtual_mailbox_maps = inline:{@v.example=v/all/"
		" ana@v.example=v/ana/}\n",
		"ana+x@v.example", DIR("/srv/mail/v/ana/") },
	{ BASE "virtual_mailbox_maps = inline:{@v.example=v/all/"
		" ana@v.example=v/ana/}\n",
		"eva+x@v.example", DIR("/srv/mail/v/all/") },
	{ BASE "virtual_mailbox_maps = inline:{v.example=v/all/}\n",
		"eva@v.example", UNKNOWN("eva@v.example") },
	{ BASE "virtual_mailbox_maps = inline:{ana=local/ana}\n",
		"ana@v.example", UNKNOWN("ana@v.example") },
	{ BASE "virtual_mailbox_maps = inline:{ana=local/ana}\n",
		"ana@example.com", BOX("/srv/mail/local/ana") },
	{ BASE "virtual_mailbox_maps = inline:{ana=local/ana}\n",
		"ana+x@example.com", BOX("/srv/mail/local/ana") },
	{ BASE "virtual_mailbox_maps = inline:{{\"a b\"@v.example=ab}}\n",
		"a b@v.example", BOX("/srv/mail/ab") },
	{ BASE "virtual_mailbox_maps =\n",
		"Ana@v.example", UNKNOWN("ana@v.example") },
	{ BASE "virtual_mailbox_maps = inline:{x@v.example=x}"
		" inline:{y@v.example=y}\n",
		"y@v.example", BOX("/srv/mail/y") },
	/* Paths */
	{ BASE "virtual_mailbox_maps = static:/abs/path\n",
		"ana@v.example", BOX("/srv/mail//abs/path") },
	{ BASE "virtual_mailbox_maps = static:a..b/..c\n",
		"ana@v.example", BOX("/srv/mail/a..b/..c") },
	{ BASE "virtual_mailbox_maps = static:../etc/passwd\n",
		"ana@v.example", WRONG("recipient ana@v.example: bad mailbox "
		"path ../etc/passwd in virtual_mailbox_maps") },
	{ BASE "virtual_mailbox_maps = static:a/../../b/\n",
		"ana@v.example", WRONG("recipient ana@v.example: bad mailbox "
		"path a/../../b/ in virtual_mailbox_maps") },
	{ BASE "virtual_mailbox_base = /srv/../mail\n"
		"virtual_mailbox_maps = static:a\n",
		"ana@v.example", BOX("/srv/../mail/a") },
	{ BASE "virtual_mailbox_base = mail\n"
		"virtual_mailbox_maps = static:a\n",
		"ana@v.example", WRONG("do not specify relative pathname: "
		"virtual_mailbox_base = mail") },
	{ "virtual_mailbox_maps = static:a\n",
		"ana@v.example", WRONG("do not specify relative pathname: "
		"virtual_mailbox_base = ") },
	/* Whose it is */
	{ ANYBODY "virtual_uid_maps = inline:{eva@v.example=5000}\n",
		"ana@v.example",
		WRONG("recipient ana@v.example: not found in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = inline:{ana@v.example=100}\n"
		"virtual_gid_maps = inline:{@v.example=1}\n", "ana+x@v.example",
		"mailbox /srv/mail/box/ 100:1 limit 51200000 quota\n" },
	{ ANYBODY "virtual_uid_maps = static:99\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad uid 99 in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:99\nvirtual_minimum_uid = 99\n",
		"ana@v.example",
		"mailbox /srv/mail/box/ 99:5001 limit 51200000 quota\n" },
	{ ANYBODY "virtual_uid_maps = static:0\nvirtual_minimum_uid = 1\n",
		"ana@v.example", WRONG("recipient ana@v.example: bad uid 0 in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:vmail\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad uid vmail in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:5000x\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad uid 5000x in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:-5000\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad uid -5000 in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:4294967295\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad uid 4294967295 in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:4294972296\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad uid 4294972296 in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_uid_maps = static:+5000\n", "ana@v.example",
		DIR("/srv/mail/box/") },
	{ ANYBODY "virtual_gid_maps =\n", "ana@v.example",
		WRONG("recipient ana@v.example: not found in "
		"virtual_gid_maps") },
	{ ANYBODY "virtual_gid_maps = static:0\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad gid 0 in "
		"virtual_gid_maps") },
	{ ANYBODY "virtual_gid_maps = static:4294967295\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad gid 4294967295 in "
		"virtual_gid_maps") },
	/* Tables that fail */
	{ BASE "virtual_mailbox_maps = fail:x\n", "ana@v.example",
		WRONG("table virtual_mailbox_maps: lookup ana@v.example: "
		"Application error") },
	{ ANYBODY "virtual_uid_maps = fail:x\n", "ana@v.example",
		WRONG("recipient ana@v.example: not found in "
		"virtual_uid_maps") },
	{ ANYBODY "virtual_gid_maps = fail:x\n", "ana@v.example",
		WRONG("recipient ana@v.example: not found in "
		"virtual_gid_maps") },
	/* Limits */
	{ ANYBODY "virtual_mailbox_limit = 0\n", "ana@v.example",
		"mailbox /srv/mail/box/ 5000:5001 limit 0 quota\n" },
	{ ANYBODY "virtual_mailbox_limit = 1000\n", "ana@v.example",
		WRONG("configuration error: virtual_mailbox_limit is smaller "
		"than message_size_limit") },
	{ ANYBODY "message_size_limit = 0\n", "ana@v.example",
		WRONG("configuration error: virtual_mailbox_limit is limited "
		"but message_size_limit is unlimited") },
	{ ANYBODY "virtual_maildir_quota_maps = "
		"inline:{{ana@v.example = 5C,1000S}}\n", "ana+x@v.example",
		"mailbox /srv/mail/box/ 5000:5001 limit 51200000 quota "
		"1000S,5C\n" },
	{ ANYBODY "virtual_mailbox_limit_maps = inline:{ana@v.example=1000}\n",
		"ana@v.example",
		"mailbox /srv/mail/box/ 5000:5001 limit 51200000 quota "
		"1000S\n" },
	{ ANYBODY "virtual_maildir_quota_maps = static:1000\n"
		"virtual_mailbox_maps = static:box\n", "ana@v.example",
		BOX("/srv/mail/box") },
	{ ANYBODY "virtual_maildir_quota_maps = static:0\n", "ana@v.example",
		DIR("/srv/mail/box/") },
	{ ANYBODY "virtual_maildir_quota_maps = static:1M\n", "ana@v.example",
		WRONG("recipient ana@v.example: bad quota 1M in "
		"virtual_maildir_quota_maps") },
	{ ANYBODY "virtual_maildir_quota_maps = fail:x\n", "ana@v.example",
		WRONG("table virtual_maildir_quota_maps: lookup ana@v.example: "
		"Application error") },
	/* clang-format on */
};

static void describe(const struct local_step *s, struct buf *out)
{
	if (s->kind == LOCAL_OUTCOME) {
		buf_printf(out, "%u %.*s %.*s\n", s->class, PRI(s->status),
		    PRI(s->what));
		return;
	}
	assert_int_equal(s->kind, LOCAL_MAILBOX);
	assert_true(s->flags & LOCAL_VIRTUAL);
	assert_true(s->by_uid);
	buf_printf(out, "mailbox %.*s %u:%u limit %ju", PRI(s->what), s->uid,
	    s->gid, (uintmax_t)s->size_max);
	if (s->flags & LOCAL_QUOTA)
		buf_put(out, SPAN(" quota"));
	if (s->quota.len)
		buf_printf(out, " %.*s", PRI(s->quota));
	buf_putc(out, '\n');
}

static void play(struct bench *b, size_t i)
{
	const struct local_ask q = {
		.ask = 7,
		.address = span_str(cases[i].address),
		.original = SPAN("first@x.example"),
		.sender = SPAN("from@x.example"),
	};
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);
	struct virtual *v = virtual_new(b->conf, 0, b->p, &b->w.world);
	struct local_plan plan;

	assert_true(virtual_plan(v, &q, &b->a, &plan));
	virtual_free(&v);
	assert_int_equal(plan.ask, 7);
	assert_int_equal(plan.nsteps, 1);
	assert_false(plan.expanded);
	assert_span_equal(plan.steps[0].address, q.address);
	assert_span_equal(plan.steps[0].delivered, q.address);
	assert_span_equal(plan.steps[0].original, q.original);
	assert_span_equal(plan.steps[0].sender, q.sender);
	describe(&plan.steps[0], &got);
	if (plan.warning.len)
		buf_printf(&got, "warning: %.*s\n", PRI(plan.warning));
	if (!span_eq(buf_span(&got), span_str(cases[i].plan)))
		print_error("%s%s:\n", cases[i].settings, cases[i].address);
	assert_span_equal(buf_span(&got), span_str(cases[i].plan));
}

static void test_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;

		bench_init(&b, cases[i].settings);
		play(&b, i);
		bench_done(&b);
	}
}

/* A pattern must not make paths of what a stranger writes. */
static void test_no_substitution(void **state)
{
	const struct local_ask q = { .address = SPAN("..@v.example") };
	char dir[] = "/tmp/virtual-test-XXXXXX";
	char settings[256];
	struct virtual *v;
	struct local_plan plan;
	struct bench b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	test_write_file(dir, "maps", SPAN("/^(.*)@v.example$/ $1/box/\n"));
	(void)snprintf(settings, sizeof(settings),
	    BASE "virtual_mailbox_maps = regexp:%s/maps\n", dir);
	bench_init(&b, settings);
	v = virtual_new(b.conf, 0, b.p, &b.w.world);
	assert_true(virtual_plan(v, &q, &b.a, &plan));
	assert_int_equal(plan.steps[0].kind, LOCAL_OUTCOME);
	assert_span_equal(plan.steps[0].status, SPAN("5.1.1"));
	assert_true(warned(&b, "substitution is not allowed"));
	virtual_free(&v);
	bench_done(&b);
	(void)snprintf(settings, sizeof(settings), "%s/maps", dir);
	assert_int_equal(unlink(settings), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_no_substitution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
