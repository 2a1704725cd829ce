/* SPDX-License-Identifier: ISC */
/* Real commands, real pipes: what they get, and what their end means. */
#include "daemon/deliver/runner_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/date.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/lib/unit.h"

static const span message = SPAN_INIT("Subject: s\r\n\r\n..x\r\nFrom y\r\n");

struct result {
	bool sent;
	struct verdict verdict;
	struct command_end end;
	int error;
	struct buf output;
	struct buf text;
	struct buf warning;
	struct arena arena;
};

static void result_done(struct result *r)
{
	arena_done(&r->arena);
	buf_done(&r->output);
	buf_done(&r->text);
	buf_done(&r->warning);
}

static void run_with(const struct command *c, const struct command_mail *mail,
    usec limit, struct result *ret)
{
	*ret = (struct result){
		.output = BUF_INIT(COMMAND_OUTPUT_MAX),
		.text = BUF_INIT(COMMAND_TEXT_MAX),
		.warning = BUF_INIT(4096),
	};
	arena_init(&ret->arena, 1 << 20);

	const struct command_run run = {
		.command = c,
		.mail = mail,
		.time_limit = limit,
		.arena = &ret->arena,
		.output = &ret->output,
		.warning = &ret->warning,
	};

	ret->error = command_run(&run, &ret->end);
	if (ret->error == 0)
		ret->sent =
		    command_succeeded(&ret->end, &ret->text, &ret->verdict);
}

static void run(const struct command *c, struct result *ret)
{
	const struct mbox_head head = { .sender = SPAN("a@b") };
	const struct command_mail mail = { .head = &head, .content = message };

	run_with(c, &mail, 20 * USEC_SEC, ret);
}

static void run_text(const char *text, struct result *ret)
{
	const struct command c = { .program = "local", .text = span_str(text) };

	run(&c, ret);
}

static const struct {
	const char *text;
	const char *status; /* NULL: sent */
	const char *says;   /* the text, or for a success the output */
} ends[] = {
	{ "cat >/dev/null", NULL, "" },
	{ "exit 0", NULL, "" }, /* reads nothing */
	{ "cat", NULL, "Subject: s  .x From y " },
	{ "true", NULL, "" },
	{ "  true\t ", NULL, "" },
	{ "echo hi; exit 0", NULL, "hi " },
	{ "exit 67", "5.1.1", "user unknown" },
	{ "echo no such; exit 67", "5.1.1",
	    "user unknown. Command output: no such " },
	{ "exit 64", "5.3.0", "command line usage error" },
	{ "exit 65", "5.6.0", "data format error" },
	{ "exit 66", "5.3.0", "cannot open input" },
	{ "exit 68", "5.1.2", "host name unknown" },
	{ "exit 69", "5.3.0", "service unavailable" },
	{ "exit 70", "5.3.0", "internal software error" },
	{ "exit 71", "4.3.0", "system resource problem" },
	{ "exit 72", "5.3.0", "critical OS file missing" },
	{ "exit 73", "5.2.0", "can't create user output file" },
	{ "exit 74", "5.3.0", "input/output error" },
	{ "exit 75", "4.3.0", "temporary failure" },
	{ "exit 76", "5.5.0", "remote error in protocol" },
	{ "exit 77", "5.7.0", "permission denied" },
	{ "exit 78", "5.3.5", "local configuration error" },
	{ "exit 1", "5.3.0", "Command died with status 1: \"exit 1\"" },
	{ "exit 79", "5.3.0", "Command died with status 79: \"exit 79\"" },
	{ "echo a >&2; exit 2", "5.3.0",
	    "Command died with status 2: \"echo a >&2; exit 2\". "
	    "Command output: a " },
	{ "kill -9 $$", "4.3.0", "Command died with signal 9: \"kill -9 $$\"" },
	{ "kill -1 $$", "4.3.0", "Command died with signal 1: \"kill -1 $$\"" },
	{ "echo 5.7.1 go away; exit 75", "5.7.1", "go away " },
	{ "echo 4.2.2   full; exit 67", "4.2.2", "full " },
	{ "echo 4.2.2; exit 67", "4.2.2", "" },
	{ "echo 2.0.0 fine; exit 1", "5.0.0", "fine " },
	{ "echo 4.2.2x; exit 75", "4.3.0",
	    "temporary failure. Command output: 4.2.2x " },
	{ "echo ' 4.2.2 x'; exit 67", "5.1.1",
	    "user unknown. Command output:  4.2.2 x " },
	{ "echo 5.7.1 ok; exit 0", NULL, "5.7.1 ok " },
	{ "printf 'a\\001\\177\\377\\303\\244\\tb\\r'; exit 75", "4.3.0",
	    "temporary failure. Command output: a___\303\244 b_" },
	{ "printf 'a\\000b'; exit 75", "4.3.0",
	    "temporary failure. Command output: a" },
	{ "no-such-command-here 2>&-", "5.3.0",
	    "Command died with status 127: \"no-such-command-here 2>&-\"" },
	{ "/no/such/command", "4.3.0",
	    "temporary failure. Command output: local: fatal: execvp "
	    "/no/such/command: No such file or directory " },
	{ "/etc/passwd", "4.3.0",
	    "temporary failure. Command output: local: fatal: execvp "
	    "/etc/passwd: Permission denied " },
	{ "/", "4.3.0",
	    "temporary failure. Command output: local: fatal: execvp /: "
	    "Permission denied " },
	{ "", NULL, "" },
	{ "  ", NULL, "" },
};

static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct result r;

		run_text(ends[i].text, &r);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.sent, ends[i].status == NULL);
		if (r.sent) {
			assert_span_equal(r.end.output, span_str(ends[i].says));
		} else {
			assert_span_equal(
			    r.verdict.status, span_str(ends[i].status));
			assert_span_equal(
			    r.verdict.text, span_str(ends[i].says));
			assert_int_equal(r.verdict.class,
			    ends[i].status[0] == '4' ? VERDICT_DEFERRED
			                             : VERDICT_BOUNCED);
			assert_true(!*ends[i].says ||
			    span_has_prefix(
			        r.verdict.diagnostic, SPAN("x-unix; ")));
		}
		result_done(&r);
	}
}

/* What a vector of arguments is, whoever would like to be a shell. */
static void test_vector(void **state)
{
	const span argv[] = {
		SPAN("printf"),
		SPAN("<%s>"),
		SPAN(""),
		SPAN("$(id)"),
		SPAN("`id`"),
		SPAN("; touch x;"),
		SPAN("a b\nc"),
		SPAN("-x"),
		SPAN("| cat"),
		SPAN("${run{touch /tmp/x}}"),
		SPAN("\\"),
		SPAN("'\""),
		SPAN("*"),
	};
	const struct command c = {
		.program = "pipe",
		.nargv = ARRAY_LEN(argv),
		.argv = argv,
	};
	struct result r;

	(void)state;
	run(&c, &r);
	assert_true(r.sent);
	assert_span_equal(r.end.output,
	    SPAN("<><$(id)><`id`><; touch x;><a b c><-x><| cat>"
	         "<${run{touch /tmp/x}}><\\><'\"><*>"));
	result_done(&r);
}

static void test_vector_that_is_nothing(void **state)
{
	static const span names[] = { SPAN_INIT(""),
		SPAN_INIT("no-such-command-here"), SPAN_INIT("/dev/null") };
	static const char *const complaints[] = {
		"pipe: fatal: pipe_command: execvp : No such file or "
		"directory ",
		"pipe: fatal: pipe_command: execvp no-such-command-here: No "
		"such "
		"file or directory ",
		"pipe: fatal: pipe_command: execvp /dev/null: Permission "
		"denied ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct command c = {
			.program = "pipe",
			.nargv = 1,
			.argv = &names[i],
		};
		struct result r;

		run(&c, &r);
		assert_false(r.sent);
		assert_span_equal(r.end.output, span_str(complaints[i]));
		assert_span_equal(r.verdict.status, SPAN("4.3.0"));
		result_done(&r);
	}
}

/* An argument cannot be cut short by a NUL. */
static void test_nul_is_refused(void **state)
{
	const span argv[] = { SPAN("echo"), span_of("a\0b", 3) };
	const struct command c = {
		.program = "pipe", .nargv = 2, .argv = argv
	};
	const struct command t = {
		.program = "local",
		.text = span_of("echo $0\0rm", 10),
	};
	struct result r;

	(void)state;
	run(&c, &r);
	assert_int_equal(r.error, -EINVAL);
	result_done(&r);
	run(&t, &r);
	assert_int_equal(r.error, -EINVAL);
	result_done(&r);
}

static void test_chosen_shell(void **state)
{
	const struct command c = {
		.program = "local",
		.text = SPAN("a; b"),
		.shell = SPAN("printf  <%s>"),
	};
	const struct command no = {
		.program = "local",
		.text = SPAN("a"),
		.shell = SPAN("/no/shell -c"),
	};
	struct result r;

	(void)state;
	run(&c, &r);
	assert_span_equal(r.end.output, SPAN("<a; b>"));
	result_done(&r);
	run(&no, &r);
	assert_span_equal(r.verdict.text,
	    SPAN("temporary failure. Command output: local: fatal: "
	         "pipe_command: execvp /no/shell: No such file or "
	         "directory "));
	result_done(&r);
}

/* ---- what it finds ---- */

static void test_environment(void **state)
{
	const struct command_env env[] = {
		{ SPAN_INIT("LANG"), SPAN_INIT("C") },
		{ SPAN_INIT("USER"), SPAN_INIT("a") },
		{ SPAN_INIT("LANG"), SPAN_INIT("() { :;}; touch /tmp/x") },
		{ SPAN_INIT("LAN"), SPAN_INIT("") },
		{ SPAN_INIT("BAD"), { "a\0b", 3 } },
		{ SPAN_INIT("A=B"), SPAN_INIT("c") },
		{ SPAN_INIT(""), SPAN_INIT("c") },
	};
	struct command c = {
		.program = "local",
		.text = SPAN("env"),
		.env = env,
		.nenv = ARRAY_LEN(env),
	};
	struct result r;

	(void)state;
	run(&c, &r);
	assert_span_equal(r.end.output,
	    SPAN("LANG=() { :;}; touch /tmp/x USER=a LAN= "
	         "PATH=/usr/bin:/bin "));
	result_done(&r);
	c.nenv = 0;
	run(&c, &r);
	assert_span_equal(r.end.output, SPAN("PATH=/usr/bin:/bin "));
	result_done(&r);
}

static void test_path_of_the_environment(void **state)
{
	const struct command_env env = { SPAN_INIT("PATH"),
		SPAN_INIT("/nowhere::/usr/bin:/bin") };
	const struct command c = {
		.program = "local",
		.text = SPAN("env"),
		.env = &env,
		.nenv = 1,
	};
	struct result r;

	(void)state;
	run(&c, &r);
	assert_span_equal(r.end.output, SPAN("PATH=/nowhere::/usr/bin:/bin "));
	result_done(&r);
}

/* 0, 1, 2 and nothing else; no signal is blocked or ignored; its own
 * session. */
static void test_what_it_inherits(void **state)
{
	/* SIG_IGN, as spawning leaves it for a signal of the C library. */
	static const unsigned long ignored[8] = { 1 };
	int leak = dup(1);
	sigset_t all;
	sigset_t before;
	struct result r;

	(void)state;
	assert_true(leak >= 0);
	(void)syscall(SYS_rt_sigaction, 33, ignored, NULL, sizeof(uint64_t));
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	run_text("ls /proc/self/fd | tr '\\n' ' '; "
	         "grep -c 'SigBlk:\t0*$' /proc/self/status; "
	         "grep -c 'SigIgn:\t0*$' /proc/self/status; "
	         "test `cut -d' ' -f6 /proc/$$/stat` = $$ && echo leader",
	    &r);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	/* 3 is the directory that ls reads. */
	assert_span_equal(r.end.output, SPAN("0 1 2 3 1 1 leader "));
	result_done(&r);
	(void)close(leak);
}

static void test_directory(void **state)
{
	struct command c = {
		.program = "pipe",
		.text = SPAN("pwd"),
		.directory = SPAN("/usr/bin"),
	};
	struct result r;

	(void)state;
	run(&c, &r);
	assert_span_equal(r.end.output, SPAN("/usr/bin "));
	result_done(&r);
	c.directory = SPAN("/no/such");
	run(&c, &r);
	assert_span_equal(r.verdict.status, SPAN("4.3.0"));
	assert_span_equal(r.verdict.text, SPAN("temporary failure"));
	assert_true(span_has_prefix(buf_span(&r.warning),
	    SPAN("cannot change directory to \"/no/such\" for uid=")));
	result_done(&r);
	c.directory = SPAN("/etc/passwd");
	run(&c, &r);
	assert_span_equal(r.verdict.status, SPAN("4.3.0"));
	result_done(&r);
}

/* A script without "#!" is the shell's. */
static void test_script(void **state)
{
	char path[] = "/tmp/runner-test-XXXXXX";
	int fd = mkstemp(path);
	const span argv[] = { span_str(path), SPAN("a b") };
	const struct command c = {
		.program = "pipe", .nargv = 2, .argv = argv
	};
	struct result r;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(
	    file_write_all(fd, SPAN("echo \"$0\" \"$1\" | cut -c1-17,24-\n")),
	    0);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(close(fd), 0);
	run(&c, &r);
	assert_true(r.sent);
	assert_span_equal(r.end.output, SPAN("/tmp/runner-test- a b "));
	result_done(&r);
	(void)unlink(path);
}

/* ---- content ---- */

static void test_content(void **state)
{
	static const struct mbox_head head = {
		.sender = SPAN_INIT("a b@c"),
		.original_to = SPAN_INIT("o@d"),
		.delivered_to = SPAN_INIT("r@d"),
		.now = 1590303430 * USEC_SEC,
		.eol = SPAN_INIT("|"),
	};
	const struct command_mail mail = {
		.head = &head,
		.flags = 127,
		.eol = SPAN("|"),
		.content = message,
	};
	const struct command c = { .program = "pipe", .text = SPAN("cat") };
	struct result r;

	(void)state;
	run_with(&c, &mail, 20 * USEC_SEC, &r);
	assert_span_equal(r.end.output,
	    SPAN("From \"a b\"@c  Sun May 24 06:57:10 2020|"
	         "Return-Path: <\"a b\"@c>|X-Original-To: o@d|"
	         "Delivered-To: r@d|Subject: s||..x|>From y||"));
	result_done(&r);
}

static void run_large(const char *text, usec limit, struct result *ret)
{
	struct buf content = BUF_INIT(8 << 20);
	const struct mbox_head head = { .sender = SPAN("") };
	struct command_mail mail = { .head = &head };
	const struct command c = { .program = "pipe", .text = span_str(text) };

	for (int i = 0; i < 100000; i++)
		buf_put(&content, SPAN("0123456789012345678901234567890\r\n"));
	mail.content = buf_span(&content);
	run_with(&c, &mail, limit, ret);
	buf_done(&content);
}

static void test_large_content(void **state)
{
	static const struct {
		const char *text, *output;
	} cases[] = {
		{ "wc -c", "3200000 " },
		{ "head -c 10", "0123456789" },        /* and no more */
		{ "exec <&-; sleep 0.1; exit 0", "" }, /* it closes it */
	};
	struct result r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		run_large(cases[i].text, 20 * USEC_SEC, &r);
		assert_true(r.sent);
		assert_span_equal(r.end.output, span_str(cases[i].output));
		result_done(&r);
	}
	/* It says as much as it gets, at the same time. */
	run_large("cat", 20 * USEC_SEC, &r);
	assert_true(r.sent);
	assert_int_equal(r.end.output.len, COMMAND_OUTPUT_MAX);
	result_done(&r);
}

/* ---- time ---- */

static void check_timeout(const char *text, const char *output)
{
	struct result r;
	usec begin = clock_monotonic();

	run_large(text, USEC_SEC / 2, &r);
	assert_true(clock_monotonic() - begin < 10 * USEC_SEC);
	assert_true(r.end.timed_out);
	assert_int_equal(r.verdict.class, VERDICT_BOUNCED);
	assert_span_equal(r.verdict.status, SPAN("5.3.0"));
	assert_true(span_has_prefix(
	    r.verdict.text, SPAN("Command time limit exceeded: \"")));
	assert_span_equal(r.end.output, span_str(output));
	result_done(&r);
}

static void test_time_limit(void **state)
{
	(void)state;
	check_timeout("sleep 60", "");
	check_timeout("cat >/dev/null; sleep 60", "");
	check_timeout("echo a; trap '' 15 1 2; cat >/dev/null; sleep 60", "a ");
	/* What it leaves behind holds its output open. */
	check_timeout("echo b; sleep 60 & exit 0", "b ");
	/* It closes everything and stays. */
	check_timeout("exec <&- >&- 2>&-; sleep 60", "");
	check_timeout("while :; do echo y; sleep 0.1; done >/dev/null", "");
}

/* A process that left the session cannot be killed: it is not waited for. */
static void test_escape(void **state)
{
	struct result r;
	usec begin = clock_monotonic();

	(void)state;
	run_large("setsid sleep 30 & exit 0", USEC_SEC / 2, &r);
	assert_true(clock_monotonic() - begin < 10 * USEC_SEC);
	assert_true(r.end.timed_out);
	result_done(&r);
}

/* It writes megabytes: no harm to it, and none to us. */
static void test_talkative(void **state)
{
	struct result r;

	(void)state;
	run_text("head -c 5000000 /dev/zero | tr '\\0' x; exit 67", &r);
	assert_span_equal(r.verdict.status, SPAN("5.1.1"));
	assert_int_equal(r.end.output.len, COMMAND_OUTPUT_MAX);
	result_done(&r);
	run_text("head -c 5000000 /dev/urandom", &r);
	assert_true(r.sent);
	result_done(&r);
	/* For ever, in the background, once there is enough: its end counts. */
	run_text("yes & sleep 0.3; exit 0", &r);
	assert_true(r.sent);
	result_done(&r);
}

static void test_success_text(void **state)
{
	struct buf out = BUF_INIT(4096);
	char longer[150];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	command_put_success(&out, SPAN("uucp"), SPAN(" "));
	assert_span_equal(buf_span(&out), SPAN("delivered via uucp service"));
	buf_clear(&out);
	command_put_success(&out, SPAN("uucp"), SPAN(" hi  "));
	assert_span_equal(
	    buf_span(&out), SPAN("delivered via uucp service ( hi)"));
	buf_clear(&out);
	command_put_success(&out, SPAN("u"), span_of(longer, sizeof(longer)));
	assert_int_equal(out.len, strlen("delivered via u service ()") + 100);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_vector_that_is_nothing),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_chosen_shell),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_path_of_the_environment),
		cmocka_unit_test(test_what_it_inherits),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_large_content),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_talkative),
		cmocka_unit_test(test_success_text),
	};

	(void)setenv("TZ", "UTC", 1);
	(void)setenv("SECRET", "ours", 1);
	date_init();
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
