/* SPDX-License-Identifier: ISC */
/*
 * One poll() over four things: the command's input, its output, its end, and
 * the time.
 *
 * A command need not read its input: that it closed it is nothing bad if it
 * then says that all is well. It need not say anything, but as long as it, or
 * a process that it left behind, holds its output open, more may come, and we
 * wait for that, too. Only so much of it is kept; the rest is read and
 * forgotten, so that a talkative command does not hang and is not killed by
 * its own output. Once there is enough, nobody waits for the end of it.
 *
 * Its end is seen before it is reaped: until then its process group cannot
 * be another one's, and may be killed.
 */
#include "daemon/deliver/runner_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"

enum {
	PIECE = 16 * 1024,     /* of the content, for one write */
	OUT_MAX = 128 * PIECE, /* eol= may make more of it */
	KILLED_MAX_MSEC = 10 * 1000,
};

struct running {
	const struct command_run *run;
	struct child child;
	int in;  /* we write here; -1: all is written, or it wants no more */
	int out; /* we read here; -1: it is closed */
	struct mbox mbox;
	span rest;       /* of the content */
	struct buf text; /* to be written */
	size_t written;  /* of it */
	bool finished;   /* the last of it is in `text` */
	bool ended;
	usec deadline;
	int write_error;
};

static void put_off(struct running *r)
{
	r->deadline = clock_monotonic() + r->run->time_limit;
}

/* ---- input ---- */

static void refill(struct running *r)
{
	buf_clear(&r->text);
	r->written = 0;
	if (r->rest.len > 0) {
		span piece = span_first(r->rest, PIECE);

		mbox_feed(&r->mbox, piece, &r->text);
		r->rest = span_from(r->rest, piece.len);
	} else if (!r->finished) {
		mbox_finish(&r->mbox, &r->text);
		r->finished = true;
	}
}

/* Something to write is there; false: it was all. */
static bool has_text(struct running *r)
{
	while (r->written == r->text.len) {
		if (r->finished && r->rest.len == 0)
			return false;
		refill(r);
	}
	return true;
}

static void end_input(struct running *r, int error)
{
	/* It does not want it: its exit status says what that means. */
	if (error != -EPIPE)
		r->write_error = error;
	fd_close(&r->in);
	put_off(r);
}

static void write_some(struct running *r)
{
	while (has_text(r)) {
		ssize_t n = os_size(write(r->in, r->text.data + r->written,
		    r->text.len - r->written));

		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n < 0) {
			end_input(r, (int)n);
			return;
		}
		r->written += (size_t)n;
		put_off(r);
	}
	end_input(r, 0);
}

static void begin_input(struct running *r)
{
	const struct command_mail *mail = r->run->mail;

	mbox_init(&r->mbox, mail->flags);
	r->mbox.eol = mail->eol;
	r->rest = mail->content;
	mbox_write_head(&r->text, mail->head, mail->flags);
}

/* ---- output ---- */

static bool has_enough(const struct running *r)
{
	return r->run->output->len == COMMAND_OUTPUT_MAX;
}

static void read_some(struct running *r)
{
	char bytes[4096];
	ssize_t n = os_size(read(r->out, bytes, sizeof(bytes)));

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		fd_close(&r->out);
		return;
	}
	buf_put(r->run->output,
	    span_of(bytes,
	        MIN((size_t)n, COMMAND_OUTPUT_MAX - r->run->output->len)));
}

/* ---- time and end ---- */

static bool is_over(const struct running *r)
{
	return r->ended && r->in < 0 && (r->out < 0 || has_enough(r));
}

/* For poll(): 0 when the time is up. */
static int time_left(const struct running *r)
{
	usec now = clock_monotonic();

	if (r->run->time_limit == 0)
		return -1;
	if (now >= r->deadline)
		return 0;
	return (int)MIN((r->deadline - now) / 1000 + 1, (usec)INT32_MAX);
}

/* -ETIMEDOUT when its time is up. */
static int wait_for_something(struct running *r)
{
	struct pollfd fds[] = {
		{ .fd = r->in, .events = POLLOUT },
		{ .fd = r->out, .events = POLLIN },
		{ .fd = r->ended ? -1 : r->child.pidfd, .events = POLLIN },
	};
	int left = time_left(r);
	int n = os_error(poll(fds, ARRAY_LEN(fds), left));

	if (n == -EINTR)
		return 0;
	if (n < 0)
		return n;
	/* A command that writes without end has no more time than others. */
	if (n == 0 || left == 0)
		return -ETIMEDOUT;
	if (fds[0].revents)
		write_some(r);
	if (fds[1].revents)
		read_some(r);
	if (fds[2].revents)
		r->ended = true;
	return 0;
}

/* All of its session that did not leave its process group. */
static void kill_all(const struct running *r)
{
	if (kill(-r->child.pid, SIGKILL) < 0)
		(void)!child_kill(r->child.pidfd, SIGKILL);
}

static void follow(struct running *r, struct command_end *end)
{
	int error = 0;

	put_off(r);
	while (error == 0 && !is_over(r))
		error = wait_for_something(r);
	if (error < 0) {
		kill_all(r);
		end->timed_out = true;
		/* What it wrote before. */
		while (r->out >= 0 && !has_enough(r) &&
		    poll(&(struct pollfd){ r->out, POLLIN, 0 }, 1, 0) > 0)
			read_some(r);
	}
	fd_close(&r->in);
	fd_close(&r->out);
	/* One that not even SIGKILL ends (a set-id program, a file system
	 * that hangs) is not waited for. */
	if (child_wait(r->child.pidfd, KILLED_MAX_MSEC, &end->status) < 0)
		end->status = SIGKILL;
	end->write_error = r->write_error;
}

static int open_pipes(struct running *r, int *ret_stdin, int *ret_stdout)
{
	int in[2];
	int out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	*ret_stdin = in[0];
	r->in = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	r->out = out[0];
	*ret_stdout = out[1];
	/* Our ends only: the command's are other files. */
	if (fcntl(r->in, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(r->out, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* enum command_start, or a negative errno. */
static int start(struct running *r)
{
	const struct command_run *run = r->run;
	CLEANUP(fd_close) int in = -1;
	CLEANUP(fd_close) int out = -1;
	struct buf *words = run->output;
	int fds[3];
	int s = open_pipes(r, &in, &out);

	if (s < 0)
		return s;
	fds[0] = in;
	fds[1] = fds[2] = out;
	s = command_start(run->command, fds, run->arena, &r->child, words);
	if (s == COMMAND_NO_DIRECTORY) {
		buf_put(run->warning, buf_span(words));
		buf_clear(words);
	}
	return s;
}

static void running_done(struct running *r)
{
	fd_close(&r->in);
	fd_close(&r->out);
	fd_close(&r->child.pidfd);
	buf_done(&r->text);
}

int command_run(const struct command_run *run, struct command_end *end)
{
	CLEANUP(running_done)
	struct running r = {
		.run = run,
		.child = { .pidfd = -1 },
		.in = -1,
		.out = -1,
		.text = BUF_INIT(OUT_MAX),
	};
	int s = start(&r);

	if (s < 0)
		return s;
	*end = (struct command_end){ .command = command_name(run->command) };
	if (s == COMMAND_RUNS) {
		begin_input(&r);
		follow(&r, end);
	} else {
		end->status = EX_TEMPFAIL << 8;
	}
	end->output = command_output_clean(run->output->data, run->output->len);
	return 0;
}
