/* SPDX-License-Identifier: ISC */
/* The messages between the parent and those who work for it. */
#include "daemon/deliver/work.h"
#include "test/lib/unit.h"

enum { ROOM = 100000 };

static void test_setup(void **state)
{
	static span paths[] = { SPAN_INIT("/home/ana"), SPAN_INIT("") };
	static span keep[] = { SPAN_INIT("TZ"), SPAN_INIT("LANG=C") };
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(ROOM);
	CLEANUP(arena_done) struct arena arena;
	const struct work_setup setup = {
		.kind = WORK_RUNNER,
		.npaths = ARRAY_LEN(paths),
		.paths = paths,
		.attempts = 20,
		.delay = 7,
		.stale = 8,
		.any_owner = true,
		.shell = SPAN("/bin/sh -c"),
		.nkeep = ARRAY_LEN(keep),
		.keep = keep,
	};
	struct work_setup back;

	(void)state;
	arena_init(&arena, ROOM);
	work_setup_put(&bytes, &setup);
	assert_true(work_setup_get(buf_span(&bytes), &arena, &back));
	assert_int_equal(back.kind, WORK_RUNNER);
	assert_int_equal(back.npaths, 2);
	assert_span_equal(back.paths[0], paths[0]);
	assert_span_equal(back.paths[1], paths[1]);
	assert_int_equal(back.attempts, 20);
	assert_int_equal(back.delay, 7);
	assert_int_equal(back.stale, 8);
	assert_true(back.any_owner);
	assert_span_equal(back.shell, setup.shell);
	assert_int_equal(back.nkeep, 2);
	assert_span_equal(back.keep[1], keep[1]);
	for (size_t n = 0; n < bytes.len; n++)
		assert_false(work_setup_get(
		    span_first(buf_span(&bytes), n), &arena, &back));
	bytes.data[0] = WORK_KINDS;
	assert_false(work_setup_get(buf_span(&bytes), &arena, &back));
}

static span forward[] = { SPAN_INIT("/h/.forward+x"),
	SPAN_INIT("/h/.forward") };
static span argv[] = { SPAN_INIT("/bin/cat"), SPAN_INIT(""), SPAN_INIT("-") };
static struct work_env env[] = { { SPAN_INIT("HOME"), SPAN_INIT("/h") } };

static const struct work_item example = {
	.number = 5,
	.kind = WORK_COMMAND,
	.flags = WORK_NEEDS_HOME | WORK_PIPE,
	.uid = 1000,
	.gid = 1001,
	.user = SPAN_INIT("ana"),
	.home = SPAN_INIT("/h"),
	.nforward = ARRAY_LEN(forward),
	.forward = forward,
	.path = SPAN_INIT("/bin/cat '' -"),
	.locks = 3,
	.size_max = 9,
	.quota = SPAN_INIT("10S"),
	.head = 63,
	.sender = SPAN_INIT("s@x"),
	.address = SPAN_INIT("ana@x"),
	.original = SPAN_INIT("Ana"),
	.delivered = SPAN_INIT("ana+d@x"),
	.nargv = ARRAY_LEN(argv),
	.argv = argv,
	.nenv = ARRAY_LEN(env),
	.env = env,
	.directory = SPAN_INIT("/tmp"),
	.time_limit = USEC_HOUR,
	.eol = SPAN_INIT("\r\n"),
	.message = 77,
	.content = SPAN_INIT("Subject: x\r\n\r\n"),
};

static void expect_example(const struct work_item *back)
{
	assert_int_equal(back->number, 5);
	assert_int_equal(back->kind, WORK_COMMAND);
	assert_int_equal(back->flags, example.flags);
	assert_int_equal(back->uid, 1000);
	assert_int_equal(back->gid, 1001);
	assert_span_equal(back->user, example.user);
	assert_span_equal(back->home, example.home);
	assert_int_equal(back->nforward, 2);
	assert_span_equal(back->forward[0], forward[0]);
	assert_span_equal(back->forward[1], forward[1]);
	assert_span_equal(back->path, example.path);
	assert_int_equal(back->locks, 3);
	assert_int_equal(back->size_max, 9);
	assert_span_equal(back->quota, SPAN("10S"));
	assert_int_equal(back->head, 63);
	assert_span_equal(back->sender, example.sender);
	assert_span_equal(back->address, example.address);
	assert_span_equal(back->original, example.original);
	assert_span_equal(back->delivered, example.delivered);
	assert_int_equal(back->nargv, 3);
	/* An empty word keeps its place. */
	assert_span_equal(back->argv[1], SPAN(""));
	assert_span_equal(back->argv[2], argv[2]);
	assert_int_equal(back->nenv, 1);
	assert_span_equal(back->env[0].name, env[0].name);
	assert_span_equal(back->env[0].value, env[0].value);
	assert_span_equal(back->directory, example.directory);
	assert_int_equal(back->time_limit, USEC_HOUR);
	assert_span_equal(back->eol, example.eol);
	assert_int_equal(back->message, 77);
	assert_false(back->same);
	assert_false(back->blob);
	assert_span_equal(back->content, example.content);
}

static void test_item(void **state)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(ROOM);
	CLEANUP(arena_done) struct arena arena;
	struct work_item back;

	(void)state;
	arena_init(&arena, ROOM);
	work_item_put(&bytes, &example);
	assert_true(work_item_get(buf_span(&bytes), &arena, &back));
	expect_example(&back);
	for (size_t n = 0; n < bytes.len; n++)
		assert_false(work_item_get(
		    span_first(buf_span(&bytes), n), &arena, &back));
	bytes.data[sizeof(uint64_t)] = WORK_DOS;
	assert_false(work_item_get(buf_span(&bytes), &arena, &back));
}

static void test_too_many(void **state)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(ROOM);
	CLEANUP(arena_done) struct arena arena;
	span many[WORK_MAX_FORWARD + 1] = { 0 };
	struct work_item item = { .nforward = WORK_MAX_FORWARD,
		.forward = many };

	(void)state;
	arena_init(&arena, ROOM);
	work_item_put(&bytes, &item);
	assert_true(work_item_get(buf_span(&bytes), &arena, &item));
	buf_clear(&bytes);
	item.nforward++;
	item.forward = many;
	work_item_put(&bytes, &item);
	assert_false(work_item_get(buf_span(&bytes), &arena, &item));
}

static void test_done(void **state)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(ROOM);
	struct work_done done = {
		.number = 5,
		.verdict = {
			.class = VERDICT_DEFERRED,
			.status = SPAN("4.2.0"),
			.text = SPAN("no"),
		},
		.foreign = true,
		.warning = SPAN("look out"),
		.offset = 77,
	};
	struct work_done back;

	(void)state;
	work_done_put(&bytes, &done);
	assert_true(work_done_get(buf_span(&bytes), &back));
	assert_int_equal(back.found, WORK_FOUND_NONE);
	assert_int_equal(back.verdict.class, VERDICT_DEFERRED);
	assert_span_equal(back.verdict.text, SPAN("no"));
	assert_true(back.foreign);
	assert_span_equal(back.warning, done.warning);
	assert_int_equal(back.offset, 77);

	buf_clear(&bytes);
	done = (struct work_done){
		.number = 6,
		.found = WORK_FOUND_FORWARD,
		.which = 1,
		.bytes = SPAN("\\ana, bob"),
	};
	work_done_put(&bytes, &done);
	assert_true(work_done_get(buf_span(&bytes), &back));
	assert_int_equal(back.found, WORK_FOUND_FORWARD);
	assert_int_equal(back.which, 1);
	assert_span_equal(back.bytes, done.bytes);
	for (size_t n = 0; n < bytes.len; n++)
		assert_false(
		    work_done_get(span_first(buf_span(&bytes), n), &back));
	bytes.data[sizeof(uint64_t)] = WORK_FOUNDS;
	assert_false(work_done_get(buf_span(&bytes), &back));
}

static void test_reach(void **state)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(ROOM);
	const struct work_reach reach = { 9, SPAN("/data/ana") };
	struct work_reach back;

	(void)state;
	work_reach_put(&bytes, &reach);
	assert_true(work_reach_get(buf_span(&bytes), &back));
	assert_int_equal(back.number, 9);
	assert_span_equal(back.path, reach.path);
	assert_false(
	    work_reach_get(span_first(buf_span(&bytes), bytes.len - 1), &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_item),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_done),
		cmocka_unit_test(test_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
