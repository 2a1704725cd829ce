/* SPDX-License-Identifier: ISC */
#include "tool/mail/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/width.h"
#include "os/child.h"
#include "os/error.h"
#include "os/file.h"
#include "tool/mail/run.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum {
	HELD_MAX = 256 * 1024, /* more is long, however few its lines */
	PIECE = 64 * 1024,
	PLAIN_MAX = 4 * PIECE,
};

static const char default_pager[] =
    "command -v less >/dev/null && exec less; exec more";

void pager_open(struct pager *p, struct mua *m, enum pager_when when)
{
	const char *crt = vars_get(m->vars, "crt");

	*p = (struct pager){ .m = m, .fd = -1, .pidfd = -1 };
	buf_init(&p->held, HELD_MAX + PIECE);
	p->may_start = when != PAGER_NEVER && !m->no_sendmail &&
	    term_is_interactive(m->term) && term_out_is_tty(m->term);
	if (when == PAGER_IF_LONG) {
		p->may_start = p->may_start && crt;
		p->limit = vars_number(m->vars, "crt", term_rows(m->term));
	}
}

static void ignore_sigpipe(struct pager *p)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, &p->old_sigpipe);
}

/* 0 or a negative errno. */
static int spawn(struct pager *p, const char *command)
{
	CLEANUP(fd_close) int from = -1;
	CLEANUP(fd_close) int to = -1;
	const char *argv[] = { run_shell(p->m), "-c", command, NULL };
	struct child child;
	int ends[2];
	int r;

	r = os_error(pipe2(ends, O_CLOEXEC));
	if (r < 0)
		return r;
	from = ends[0];
	to = ends[1];
	r = run_start(&(struct run){ argv, from, -1, false }, &child);
	if (r < 0)
		return r;
	p->fd = STEAL_FD(to);
	p->pidfd = child.pidfd;
	return 0;
}

static void start(struct pager *p)
{
	const char *command = vars_get(p->m->vars, "PAGER");
	int r;

	if (!command || !*command)
		command = default_pager;
	p->may_start = false;
	(void)fflush(stdout);
	(void)fflush(stderr);
	term_lend(p->m->term);
	r = spawn(p, command);
	if (r < 0) {
		term_take_back(p->m->term);
		mua_error(p->m, "%s: %s", command, strerror(-r));
		return;
	}
	ignore_sigpipe(p);
}

/* A pager that was left early is no failure, nor is a user who interrupts. */
static void give_up(struct pager *p, int error)
{
	p->is_over = true;
	if (p->fd >= 0)
		return;
	clearerr(stdout);
	if (error != -EINTR)
		p->failed = true;
}

static void send(struct pager *p, span text)
{
	int r = 0;

	if (p->fd >= 0)
		r = file_write_all(p->fd, text);
	else if (text.len && fwrite(text.ptr, 1, text.len, stdout) != text.len)
		r = errno ? -errno : -EIO;
	if (r < 0)
		give_up(p, r);
}

static void send_held(struct pager *p)
{
	send(p, buf_span(&p->held));
	buf_release(&p->held);
}

/* Rows of the screen; of a line that is not complete all but the last. */
static size_t count_rows(const struct pager *p, span text)
{
	size_t columns = term_columns(p->m->term);
	size_t n = 0;

	while (text.len) {
		bool is_whole = span_find(text, '\n') >= 0;
		size_t width = width_text(span_cut(&text, '\n'));

		if (columns && width)
			n += (width - 1) / columns;
		n += is_whole;
	}
	return n;
}

static void put_piece(struct pager *p, span piece)
{
	if (!p->may_start) {
		send(p, piece);
		return;
	}
	p->rows += count_rows(p, piece);
	buf_put(&p->held, piece);
	if (p->rows <= p->limit && p->held.len <= HELD_MAX)
		return;
	start(p);
	send_held(p);
}

void pager_put_safe(struct pager *p, span text)
{
	while (text.len && !pager_is_over(p)) {
		span piece = span_first(text, PIECE);

		if (term_interrupted())
			p->is_over = true;
		else
			put_piece(p, piece);
		text = span_from(text, piece.len);
	}
}

/* The longest piece of at most PIECE bytes that ends with a character. */
static span whole_characters(span text)
{
	span piece = span_first(text, PIECE);

	while (piece.len && piece.len < text.len &&
	    ((uint8_t)text.ptr[piece.len] & 0xc0) == 0x80)
		piece.len--;
	return piece.len ? piece : span_first(text, PIECE);
}

void pager_put(struct pager *p, span text)
{
	if (term_is_utf8(p->m->term)) {
		pager_put_safe(p, text);
		return;
	}
	while (text.len && !pager_is_over(p)) {
		CLEANUP(buf_done) struct buf plain = BUF_INIT(PLAIN_MAX);
		span piece = whole_characters(text);

		width_harmless(&plain, piece, HARMLESS_LINES, true);
		pager_put_safe(p, buf_span(&plain));
		text = span_from(text, piece.len);
	}
}

bool pager_is_over(const struct pager *p)
{
	return p->is_over;
}

static void end_child(struct pager *p)
{
	int status;
	int r;

	fd_close(&p->fd);
	do {
		r = child_wait(p->pidfd, -1, &status);
	} while (r == -EINTR);
	fd_close(&p->pidfd);
	(void)sigaction(SIGPIPE, &p->old_sigpipe, NULL);
	term_take_back(p->m->term);
}

int pager_close(struct pager *p)
{
	if (!p->is_over)
		send_held(p);
	if (p->fd >= 0)
		end_child(p);
	else if (fflush(stdout) != 0)
		give_up(p, -errno);
	buf_done(&p->held);
	if (p->failed)
		mua_error(p->m, "standard output: cannot write");
	return p->failed ? 1 : 0;
}

int show_page(struct mua *m, span text)
{
	struct pager p;

	pager_open(&p, m, PAGER_IF_LONG);
	pager_put(&p, text);
	return pager_close(&p);
}
