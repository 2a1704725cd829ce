/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/runner.h"

#include <errno.h>
#include <paths.h>
#include <string.h>

#include "daemon/deliver/runner_run.h"
#include "os/clock.h"
#include "os/file.h"

enum {
	ARENA_MAX = 64 * 1024 * 1024, /* arguments, twice at most */
	CONTENT_MAX = INT32_MAX,
	WARNING_MAX = 16 * 1024,
};

/* ---- environment ---- */

/* What export_environment names, and above it what the item has. */
static int make_environment(const struct work_setup *setup,
    const struct work_item *item, struct arena *a, struct command *ret)
{
	struct command_env *env =
	    arena_alloc(a, setup->nkeep + 1 + item->nenv, sizeof(*env));
	uint32_t n = 0;

	if (!env)
		return -ENOMEM;
	for (uint32_t i = 0; i < setup->nkeep; i++) {
		if (command_env_split(setup->keep[i], &env[n]))
			n++;
	}
	env[n++] = (struct command_env){ SPAN("PATH"), SPAN(_PATH_DEFPATH) };
	for (uint32_t i = 0; i < item->nenv; i++)
		env[n++] = (struct command_env){
			.name = item->env[i].name,
			.value = item->env[i].value,
		};
	ret->env = env;
	ret->nenv = n;
	return 0;
}

/* ---- outcome ---- */

static void settle_sent(const struct work_item *item, span output,
    struct buf *text, struct verdict *ret)
{
	if (item->flags & WORK_PIPE) {
		command_put_success(text, item->path, output);
	} else {
		buf_put(text, SPAN("delivered to command: "));
		buf_put(text, item->path);
	}
	*ret = (struct verdict){
		.class = VERDICT_SENT,
		.status = SPAN("2.0.0"),
		.text = buf_span(text),
	};
}

/* Nothing was started. An argument with a NUL never can be; all else may
 * be better later. */
static void settle_not_started(int error, struct buf *text, struct verdict *ret)
{
	bool later = error != -EINVAL;

	buf_printf(text, "Delivery failed: %s", strerror(-error));
	*ret = (struct verdict){
		.class = later ? VERDICT_DEFERRED : VERDICT_BOUNCED,
		.status = later ? SPAN("4.3.0") : SPAN("5.3.0"),
		.text = buf_span(text),
		.diagnostic = later ? SPAN("x-unix; system resource problem")
		                    : SPAN("x-unix; data format error"),
	};
}

/* Everything that one item needs and leaves. */
struct attempt {
	struct arena arena;
	struct buf output;
	struct buf warning;
	struct buf text;
	span map; /* of the blob */
	struct verdict verdict;
};

static int attempt_command(struct worker *w, const struct work_item *item,
    span content, struct attempt *t)
{
	const struct mbox_head head = {
		.sender = item->sender,
		.original_to = item->original,
		.delivered_to = item->delivered,
		.now = clock_wall(),
		.eol = item->eol,
	};
	const struct command_mail mail = {
		.head = &head,
		.flags = item->head,
		.eol = item->eol,
		.content = content,
	};
	struct command command = {
		.program = item->flags & WORK_PIPE ? "pipe" : "local",
		.nargv = item->nargv,
		.argv = item->argv,
		.text = item->path,
		.shell = w->setup.shell,
		.directory = item->directory,
		.file_max = item->size_max,
	};
	const struct command_run run = {
		.command = &command,
		.mail = &mail,
		.time_limit = item->time_limit,
		.arena = &t->arena,
		.output = &t->output,
		.warning = &t->warning,
	};
	struct command_end end;
	int r = make_environment(&w->setup, item, &t->arena, &command);

	if (r == 0)
		r = command_run(&run, &end);
	if (r == 0 && command_succeeded(&end, &t->text, &t->verdict))
		settle_sent(item, end.output, &t->text, &t->verdict);
	return r;
}

static void attempt_done(struct attempt *t)
{
	file_unmap(&t->map);
	arena_done(&t->arena);
	buf_done(&t->output);
	buf_done(&t->warning);
	buf_done(&t->text);
}

void run_command(struct worker *w, const struct work_item *item, int blob)
{
	CLEANUP(attempt_done)
	struct attempt t = {
		.output = BUF_INIT(COMMAND_OUTPUT_MAX),
		.warning = BUF_INIT(WARNING_MAX),
		.text = BUF_INIT(COMMAND_TEXT_MAX),
	};
	int r = 0;

	arena_init(&t.arena, ARENA_MAX);
	if (item->blob)
		r = file_map(blob, CONTENT_MAX, &t.map);
	if (r == 0)
		r = attempt_command(
		    w, item, item->blob ? t.map : item->content, &t);
	if (r < 0)
		settle_not_started(r, &t.text, &t.verdict);
	worker_answer(w,
	    &(struct work_done){
	        .number = item->number,
	        .verdict = t.verdict,
	        .warning = buf_span(&t.warning),
	    });
}
