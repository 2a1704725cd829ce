/* SPDX-License-Identifier: ISC */
/* A runner as the parent sees it: setup and items go in, answers come out.
 * The program starts itself again as the runner. */
#include "daemon/deliver/runner.h"

#include <string.h>
#include <unistd.h>

#include "daemon/deliver/runner_exec.h"
#include "daemon/deliver/spawn.h"
#include "mail/mbox.h"
#include "os/file.h"
#include "test/lib/unit.h"

static const span message = SPAN_INIT(
    "Delivered-To: been@here\r\nSubject: s\r\n\r\n..dot\r\nFrom x\r\n");

struct runner {
	struct spawned process;
	struct sync_conn *line;
	struct sync_msg msg;
};

static void start(struct runner *r, span shell)
{
	static span keep[] = { SPAN_INIT("TZ=UTC"), SPAN_INIT("LANG = C"),
		SPAN_INIT("NOT_THERE"), SPAN_INIT("PATH=/evil") };
	const struct work_setup setup = {
		.kind = WORK_RUNNER,
		.shell = shell,
		.nkeep = ARRAY_LEN(keep),
		.keep = keep,
	};

	*r = (struct runner){ .process = SPAWNED_NONE };
	assert_int_equal(spawn_worker(WORK_RUNNER, NULL, &r->process), 0);
	r->line = sync_new(STEAL_FD(r->process.line));
	work_setup_put(sync_begin(r->line, WORK_SETUP), &setup);
	sync_end(r->line);
}

static void stop(struct runner *r)
{
	int status = -1;

	sync_free(&r->line);
	assert_int_equal(child_wait(r->process.child.pidfd, 20000, &status), 0);
	assert_int_equal(status, 0);
	spawn_done(&r->process);
}

static struct work_done ask(
    struct runner *r, const struct work_item *item, int blob)
{
	struct work_done done = { .number = 0 };

	work_item_put(item->blob ? sync_begin_fds(r->line, WORK_ITEM, &blob, 1)
	                         : sync_begin(r->line, WORK_ITEM),
	    item);
	sync_end(r->line);
	assert_int_equal(sync_recv(r->line, &r->msg), SYNC_OK);
	assert_int_equal(r->msg.type, WORK_DONE);
	assert_true(work_done_get(r->msg.payload, &done));
	assert_int_equal(done.number, item->number);
	return done;
}

static void expect(const struct work_done *done, enum verdict_class class,
    const char *status, const char *text)
{
	assert_int_equal(done->found, WORK_FOUND_NONE);
	assert_span_equal(done->verdict.text, span_str(text));
	assert_span_equal(done->verdict.status, span_str(status));
	assert_int_equal(done->verdict.class, class);
}

/* What every item here has. */
static struct work_item command(uint64_t number)
{
	return (struct work_item){
		.number = number,
		.kind = WORK_COMMAND,
		.head = MBOX_FROM_LINE,
		.sender = SPAN("s@x"),
		.address = SPAN("Been@Here"),
		.time_limit = 20 * USEC_SEC,
		.eol = SPAN("\n"),
		.content = message,
	};
}

static void test_local_commands(void **state)
{
	static struct work_env env[] = { { SPAN_INIT("USER"),
	    SPAN_INIT("() { :;}") } };
	struct work_item item = command(7);
	struct work_done done;
	struct runner r;

	(void)state;
	start(&r, SPAN(""));
	item.path = SPAN("cat >/dev/null");
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_SENT, "2.0.0",
	    "delivered to command: cat >/dev/null");

	item.number = 8;
	item.path = SPAN("head -c 8; tail -n 2; exit 67");
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_BOUNCED, "5.1.1",
	    "user unknown. Command output: From s@x.dot From x ");
	assert_span_equal(
	    done.verdict.diagnostic, SPAN("x-unix; From s@x.dot From x "));

	item.path = SPAN("env | LC_ALL=C sort | grep -v PWD; exit 75");
	item.env = env;
	item.nenv = 1;
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_DEFERRED, "4.3.0",
	    "temporary failure. Command output: LANG=C PATH=/usr/bin:/bin "
	    "TZ=UTC USER=() { :;} ");

	item.directory = SPAN("/no/such");
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_DEFERRED, "4.3.0", "temporary failure");
	assert_true(span_has_prefix(done.warning,
	    SPAN("cannot change directory to \"/no/such\" for uid=")));
	stop(&r);
}

static void test_export_environment(void **state)
{
	static const struct {
		const char *word, *setting; /* NULL: nothing */
	} cases[] = {
		{ "TZ", "TZ=UTC" },
		{ "LANG=C", "LANG=C" },
		{ "{ X = a b }", "X = a b" },
		{ "{ TZ }", "TZ=UTC" },
		{ "NOT_THERE", NULL },
		{ "T", NULL },
		{ "{", NULL },
	};
	span setting;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool found =
		    command_env_find(span_str(cases[i].word), &setting);

		assert_int_equal(found, cases[i].setting != NULL);
		if (found)
			assert_span_equal(setting, span_str(cases[i].setting));
	}
}

static void test_chosen_shell(void **state)
{
	struct work_item item = command(1);
	struct work_done done;
	struct runner r;

	(void)state;
	start(&r, SPAN("/bin/sh -c"));
	item.path = SPAN("true; exit 2");
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_BOUNCED, "5.3.0",
	    "Command died with status 2: \"true; exit 2\"");
	stop(&r);
}

static void test_pipe(void **state)
{
	static span argv[] = { SPAN_INIT("cat") };
	static span nothing[] = { SPAN_INIT("/no/such/program"),
		SPAN_INIT("a") };
	struct work_item item = command(1);
	struct work_done done;
	struct runner r;

	(void)state;
	start(&r, SPAN("/no/shell"));
	item.flags = WORK_PIPE;
	item.path = SPAN("svc");
	item.argv = argv;
	item.nargv = 1;
	item.head = MBOX_RETURN_PATH | MBOX_DOT | MBOX_QUOTE | MBOX_BLANK;
	item.eol = SPAN("\r\n");
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_SENT, "2.0.0",
	    "delivered via svc service (Return-Path: <s@x>_ Delivered-To: "
	    "been@here_ Subject: s_ _ ..dot_ >From x_ _)");
	item.head = MBOX_DOT;
	item.eol = SPAN("|");
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_SENT, "2.0.0",
	    "delivered via svc service (Delivered-To: "
	    "been@here|Subject: s||..dot|From x|)");

	item.argv = nothing;
	item.nargv = 2;
	done = ask(&r, &item, -1);
	expect(&done, VERDICT_DEFERRED, "4.3.0",
	    "temporary failure. Command output: pipe: fatal: pipe_command: "
	    "execvp /no/such/program: No such file or directory ");
	stop(&r);
}

static void test_blob(void **state)
{
	static span argv[] = { SPAN_INIT("tail"), SPAN_INIT("-n1") };
	struct work_item item = command(1);
	int blob = file_memfd("content", message);
	struct work_done done;
	struct runner r;

	(void)state;
	assert_true(blob >= 0);
	start(&r, SPAN(""));
	item.flags = WORK_PIPE;
	item.path = SPAN("svc");
	item.argv = argv;
	item.nargv = 2;
	item.blob = true;
	item.content = SPAN("");
	done = ask(&r, &item, blob);
	expect(
	    &done, VERDICT_SENT, "2.0.0", "delivered via svc service (From x)");
	stop(&r);
	(void)close(blob);
}

/* Others of its uid may not look into it: it has seen their mail. */
static void test_is_closed_to_others(void **state)
{
	struct work_item item = command(1);
	struct work_done done;
	struct runner r;

	(void)state;
	if (geteuid() == 0)
		skip(); /* root may everything */
	start(&r, SPAN(""));
	item.path = SPAN("cat /proc/$PPID/environ >/dev/null 2>&1");
	done = ask(&r, &item, -1);
	assert_int_equal(done.verdict.class, VERDICT_BOUNCED);
	stop(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_commands),
		cmocka_unit_test(test_export_environment),
		cmocka_unit_test(test_chosen_shell),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_blob),
		cmocka_unit_test(test_is_closed_to_others),
	};
	enum work_kind kind;

	if (argc == 2 && worker_kind(argv[1], &kind))
		return worker_main(kind);
	(void)setenv("TZ", "UTC", 1);
	(void)setenv("SECRET", "ours", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
