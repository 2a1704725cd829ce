/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/term.c - see term.h.
 *
 * What is read ahead of a line must not be lost for a program that we start
 * ("!cat" in a script, "~e" with the terminal). A file is read in blocks and
 * set back to where the line ended before anything starts; a terminal gives a
 * line at a time; from a pipe bytes are taken one by one, except for the text
 * of a mail that is sent, which is all there is.
 *
 * Signals only leave a note. A read that they interrupt ends with -EINTR for
 * SIGINT and -EIO for SIGHUP; what is to be done then is the caller's affair.
 *
 * As long as lines are edited the terminal shows nothing by itself and gives
 * each byte as it comes, also between two lines: so what is typed ahead, or
 * pasted, appears once, when it is asked for, and a line of it may be as long
 * as it likes. The programs that we start, the shell after ^Z, and who comes
 * after us have the terminal as it was.
 */
#include "tool/mail/term.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "os/error.h"
#include "tool/mail/lines.h"

struct term {
	struct mua *m;
	struct lines *lines; /* NULL: not edited */
	bool in_tty;
	bool out_tty;
	bool utf8;
	bool seekable;
	bool considered; /* whether there shall be `lines` is known */
	unsigned lent;
	struct sigaction old_int;
	struct sigaction old_quit;
	const char *prompt; /* to be shown again when we go on after ^Z */
	size_t begin;       /* of what is left in `ahead` */
	size_t end;
	char ahead[65536];
};

static volatile sig_atomic_t got_int;
static volatile sig_atomic_t got_hup;
static volatile sig_atomic_t got_winch;
static volatile sig_atomic_t got_tstp;
/* For handlers, too: the terminal is in our way, and how others want it. */
static volatile sig_atomic_t is_held;
static struct termios others;

static void on_signal(int signo)
{
	if (signo == SIGINT)
		got_int = 1;
	else if (signo == SIGHUP || signo == SIGTERM)
		got_hup = 1;
	else if (signo == SIGWINCH)
		got_winch = 1;
	else
		got_tstp = 1;
}

/* Not if our parent wants it ignored (nohup, "&"). */
static void catch_signal(int signo, void (*handler)(int signo))
{
	struct sigaction old;
	struct sigaction now = { .sa_handler = handler };

	if (sigaction(signo, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		(void)sigaction(signo, &now, NULL);
}

/*
 * Text inside is UTF-8, whatever the terminal can show; the library that edits
 * lines goes by the locale.
 */
static bool set_locale(void)
{
	bool utf8;

	(void)setlocale(LC_CTYPE, "");
	(void)setlocale(LC_MESSAGES, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (!utf8)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	return utf8;
}

struct term *term_new(struct mua *m)
{
	struct term *t = NEW(struct term);

	t->m = m;
	t->utf8 = set_locale();
	t->in_tty = isatty(0);
	t->out_tty = isatty(1);
	t->seekable = !t->in_tty && lseek(0, 0, SEEK_CUR) >= 0;
	catch_signal(SIGINT, on_signal);
	catch_signal(SIGHUP, on_signal);
	/* What was typed is kept; a script may have us killed at once. */
	if (t->in_tty)
		catch_signal(SIGTERM, on_signal);
	if (t->in_tty && t->out_tty)
		catch_signal(SIGWINCH, on_signal);
	(void)signal(SIGPIPE, SIG_IGN);
	return t;
}

/* ---- whose way the terminal is in ---- */

/* ^Z while we are at work, or ^\\. */
static void on_leave(int signo)
{
	struct termios ours;
	int error = errno;
	bool known = tcgetattr(0, &ours) == 0;

	if (signo == SIGTSTP) {
		term_stop();
		if (known)
			(void)tcsetattr(0, TCSADRAIN, &ours);
	} else {
		(void)tcsetattr(0, TCSANOW, &others);
		(void)signal(signo, SIG_DFL);
		(void)raise(signo);
	}
	errno = error;
}

static void hold(struct term *t)
{
	if (!t->lines || is_held || tcgetattr(0, &others) < 0)
		return;
	lines_hold(t->lines, true);
	is_held = 1;
	catch_signal(SIGTSTP, on_leave);
	catch_signal(SIGQUIT, on_leave);
}

static void release(struct term *t)
{
	if (!is_held)
		return;
	catch_signal(SIGTSTP, SIG_DFL);
	catch_signal(SIGQUIT, SIG_DFL);
	is_held = 0;
	lines_hold(t->lines, false);
	(void)tcsetattr(0, TCSADRAIN, &others);
}

/* What was read and not used is there for others again. */
static void give_back(struct term *t)
{
	if (t->seekable && t->begin < t->end)
		(void)lseek(0, -(off_t)(t->end - t->begin), SEEK_CUR);
	if (t->seekable)
		t->begin = t->end = 0;
}

void term_free(struct term **pt)
{
	struct term *t = *pt;

	*pt = NULL;
	if (!t)
		return;
	give_back(t);
	release(t);
	lines_free(&t->lines);
	mem_free(t);
}

/* ---- what it is ---- */

bool term_is_interactive(const struct term *t)
{
	return t && vars_is_set(t->m->vars, "interactive");
}

bool term_in_is_tty(const struct term *t)
{
	return t && t->in_tty;
}

bool term_out_is_tty(const struct term *t)
{
	return t && t->out_tty;
}

bool term_is_utf8(const struct term *t)
{
	const char *charset = t ? vars_get(t->m->vars, "ttycharset") : "utf-8";

	if (charset)
		return span_eq_nocase(span_str(charset), SPAN("utf-8")) ||
		    span_eq_nocase(span_str(charset), SPAN("utf8"));
	return t->utf8;
}

bool term_has_colour(const struct term *t)
{
	const char *name = getenv("TERM");
	const char *no = getenv("NO_COLOR");

	return t && t->out_tty && name && *name && strcmp(name, "dumb") != 0 &&
	    !(no && *no) && !vars_is_set(t->m->vars, "colour-disable");
}

/* The environment counts more (POSIX), then what the terminal says. */
static size_t size_of(
    const struct term *t, const char *name, bool rows, size_t otherwise)
{
	struct winsize ws;
	uint64_t n;

	if (span_to_u64(span_str(getenv(name)), &n) && n > 0 && n < 65536)
		return (size_t)n;
	if (t && t->out_tty && ioctl(1, TIOCGWINSZ, &ws) == 0) {
		n = rows ? ws.ws_row : ws.ws_col;
		if (n > 0)
			return (size_t)n;
	}
	return otherwise;
}

size_t term_columns(const struct term *t)
{
	return size_of(t, "COLUMNS", false, 80);
}

size_t term_rows(const struct term *t)
{
	return size_of(t, "LINES", true, 24);
}

size_t term_screen(const struct term *t)
{
	uint64_t wish = t ? vars_number(t->m->vars, "screen", 0) : 0;
	struct termios tio;
	size_t rows = term_rows(t);

	if (wish > 0)
		return (size_t)wish;
	/* Slow lines show less at a time. */
	if (t && t->out_tty && tcgetattr(1, &tio) == 0) {
		speed_t speed = cfgetospeed(&tio);

		if (speed < B1200)
			rows = 9;
		else if (speed == B1200)
			rows = 14;
	}
	return rows > 5 ? rows - 4 : 1;
}

/* ---- signals ---- */

bool term_interrupted(void)
{
	return got_int || got_hup;
}

bool term_hung_up(void)
{
	return got_hup;
}

void term_calm(void)
{
	got_int = 0;
}

void term_stop(void)
{
	struct sigaction old;
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t set;

	got_tstp = 0;
	if (is_held)
		(void)tcsetattr(0, TCSADRAIN, &others);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTSTP);
	(void)sigaction(SIGTSTP, &standard, &old);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)kill(0, SIGTSTP);
	(void)sigaction(SIGTSTP, &old, NULL);
	if (is_held)
		(void)tcgetattr(0, &others);
}

void term_lend(struct term *t)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (!t || t->lent++)
		return;
	give_back(t);
	release(t);
	(void)sigaction(SIGINT, &ignore, &t->old_int);
	(void)sigaction(SIGQUIT, &ignore, &t->old_quit);
}

void term_take_back(struct term *t)
{
	if (!t || !t->lent || --t->lent)
		return;
	(void)sigaction(SIGINT, &t->old_int, NULL);
	(void)sigaction(SIGQUIT, &t->old_quit, NULL);
	hold(t);
}

/* ---- reading ---- */

static int interrupted(void)
{
	if (got_hup)
		return -EIO;
	return got_int ? -EINTR : 0;
}

/*
 * Until there is input, or a signal came, even if it came just before: they
 * are held back but for the moment of waiting.
 */
static int wait_for_key(enum term_event *ret_what)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	sigset_t ours;
	sigset_t before;
	int r;

	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGINT);
	(void)sigaddset(&ours, SIGHUP);
	(void)sigaddset(&ours, SIGTERM);
	(void)sigaddset(&ours, SIGWINCH);
	(void)sigaddset(&ours, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &ours, &before);
	*ret_what = TERM_BYTE;
	do {
		r = interrupted();
		if (r < 0)
			break;
		if (got_winch || got_tstp) {
			*ret_what = got_tstp ? TERM_STOP : TERM_RESIZED;
			got_winch = 0;
			break;
		}
		r = os_error(ppoll(&p, 1, NULL, &before));
	} while (r == -EINTR);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return MIN(r, 0);
}

/*
 * A terminal that is gone is at its end, and the signal that says so may come
 * later, or only to our parent: nobody typed ^D. What that end is.
 */
int term_end(void)
{
	struct termios tio;

	if (tcgetattr(0, &tio) == 0 || errno != EIO)
		return 0;
	got_hup = 1;
	return -EIO;
}

int term_byte(char *ret, enum term_event *ret_what)
{
	int r = wait_for_key(ret_what);
	ssize_t n;

	if (r < 0)
		return r;
	if (*ret_what != TERM_BYTE)
		return 1;
	n = os_size(read(0, ret, 1));
	return n == 0 ? term_end() : (int)n;
}

/* On a terminal that we do not edit. */
static int wait_for_line(struct term *t)
{
	enum term_event what;
	int r;

	while ((r = wait_for_key(&what)) == 0 && what != TERM_BYTE) {
		if (what == TERM_STOP) {
			term_stop();
			(void)fputs(t->prompt, stdout);
			(void)fflush(stdout);
		}
	}
	return r;
}

/* More bytes into `ahead`: their number, 0 at the end, or negative. */
static ssize_t fill(struct term *t, size_t most)
{
	ssize_t n;
	int r;

	t->begin = t->end = 0;
	do {
		r = t->in_tty ? wait_for_line(t) : interrupted();
		if (r < 0)
			return r;
		n = os_size(read(0, t->ahead, most));
	} while (n == -EINTR);
	if (n > 0)
		t->end = (size_t)n;
	return n == 0 && t->in_tty ? term_end() : n;
}

static size_t how_much(const struct term *t, enum term_kind kind)
{
	bool all_ours = kind == TERM_BODY && !t->m->is_reading && !t->m->tilde;

	if (t->seekable || t->in_tty || all_ours)
		return sizeof t->ahead;
	return 1;
}

/* A line as it comes. */
static int plain_line(struct term *t, enum term_kind kind, struct buf *out)
{
	bool some = false;

	for (;;) {
		span left = span_of(t->ahead + t->begin, t->end - t->begin);
		ssize_t at = span_find(left, '\n');
		ssize_t n;

		if (at >= 0) {
			buf_put(out, span_first(left, (size_t)at));
			t->begin += (size_t)at + 1;
			return TERM_LINE;
		}
		buf_put(out, left);
		some = some || left.len;
		n = fill(t, how_much(t, kind));
		if (n < 0)
			return (int)n;
		if (n == 0)
			return some ? TERM_LINE : TERM_EOF;
	}
}

void term_reconsider(struct term *t)
{
	bool edited;

	if (!t)
		return;
	edited = t->in_tty && t->out_tty &&
	    !vars_is_set(t->m->vars, "line-editor-disable");
	if (!edited) {
		release(t);
		lines_free(&t->lines);
	} else if (!t->considered) {
		t->lines = lines_new(t->m);
		hold(t);
	}
	t->considered = edited;
}

/* What is proposed cannot be edited here: an empty line takes it. */
static int plain_answer(
    struct term *t, const char *prompt, const char *preset, struct buf *out)
{
	size_t begin = out->len;
	int r;

	if (term_is_interactive(t)) {
		(void)fputs(prompt, stdout);
		if (preset)
			(void)fprintf(stdout, "(%s) ", preset);
		(void)fflush(stdout);
	}
	r = plain_line(t, TERM_ANSWER, out);
	if (r == TERM_LINE && out->len == begin && preset)
		buf_put(out, span_str(preset));
	return r;
}

int term_line(struct term *t, enum term_kind kind, const char *prompt,
    const char *preset, struct buf *out)
{
	struct sigaction stop;
	int r;

	if (!t)
		return TERM_EOF;
	(void)fflush(stdout);
	if (t->in_tty && !t->considered)
		term_reconsider(t);
	(void)sigaction(SIGTSTP, NULL, &stop);
	if (t->in_tty)
		catch_signal(SIGTSTP, on_signal);
	t->prompt = term_is_interactive(t) ? prompt : "";
	if (t->lines) {
		r = lines_get(t->lines, kind, prompt, preset, out);
	} else if (kind == TERM_ANSWER) {
		r = plain_answer(t, prompt, preset, out);
	} else {
		if (term_is_interactive(t) && (*prompt || preset)) {
			(void)fputs(prompt, stdout);
			(void)fputs(preset ? preset : "", stdout);
			(void)fflush(stdout);
		}
		if (preset)
			buf_put(out, span_str(preset));
		r = plain_line(t, kind, out);
	}
	(void)sigaction(SIGTSTP, &stop, NULL);
	got_tstp = 0;
	return r;
}

void term_history(const struct term *t, FILE *out)
{
	if (t && t->lines)
		lines_history(t->lines, out);
}
