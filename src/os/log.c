/* SPDX-License-Identifier: ISC */
/*
 * os/log.c - lines gather in `lines`, one after the other, each with its
 * newline; flushing is one write() to a file, or one sendmmsg() that cuts
 * them into datagrams.
 *
 * The log is the one thing in a process that is there once and for all, so
 * its state is static here; STYLE asks for no globals, and a log handle in
 * every signature would buy nothing.
 *
 * When the sink does not take lines (a full pipe, syslogd that restarts),
 * they stay in the buffer, and a timer tries again. When the buffer is full
 * new lines are counted and dropped; the count is logged once there is room.
 */
#include "os/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/loop.h"

enum {
	BUFFER = 256 * 1024,
	BUFFER_KEEP = 16 * 1024,
	DATAGRAMS = 64, /* per call */
	NAME_MAX_LEN = 256,
	RETRY_MSEC = 100,
};

static struct {
	bool is_open;
	enum log_kind kind;
	int fd;
	char host[NAME_MAX_LEN];
	char name[NAME_MAX_LEN];
	unsigned facility;
	pid_t pid; /* 0: ask */
	struct buf lines;
	size_t lost;
	struct loop *loop;
	struct loop_hook hook;
	struct loop_timer retry;
	void (*failed)(void *ctx, int error);
	void *failed_ctx;
	usec told; /* when `failed` was last called */
	time_t second;
	char stamp[32]; /* `second` as text */
} state = { .fd = -1, .lines = BUF_INIT(BUFFER) };

/* clang-format off */
static const struct {
	const char *prefix;
	unsigned severity; /* RFC 5424 6.2.1 */
} levels[] = {
	[LOG_LEVEL_INFO]    = { "", 6 },
	[LOG_LEVEL_WARNING] = { "warning: ", 4 },
	[LOG_LEVEL_ERROR]   = { "error: ", 3 },
	[LOG_LEVEL_FATAL]   = { "fatal: ", 2 },
	[LOG_LEVEL_PANIC]   = { "panic: ", 2 },
};
/* clang-format on */

/*
 * Text
 */

/*
 * Length of the UTF-8 character at the front, 0 if there is none (RFC 3629
 * 4: no overlong forms, no surrogates). The C1 controls do not count: some
 * terminals obey them.
 */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	uint32_t c = p[0];
	size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	static const uint32_t smallest[] = { 0, 0, 0xa0, 0x800, 0x10000 };

	if (c < 0xc2 || c > 0xf4 || n < length)
		return 0;
	c &= 0x7fU >> length;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return length;
}

/* Cut on a character's boundary, so that no half one becomes a '?'. */
static span shorten(span text)
{
	size_t n = LOG_TEXT_MAX;

	if (text.len <= n)
		return text;
	for (int i = 0; i < 3 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80;
	     i++)
		n--;
	return span_first(text, n);
}

static size_t good_length(const unsigned char *p, size_t n)
{
	if (p[0] >= 0x80)
		return utf8_length(p, n);
	return p[0] >= 0x20 && p[0] < 0x7f;
}

static void put_clean(struct buf *out, span text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t start = 0;
	size_t i = 0;

	while (i < text.len) {
		size_t n = good_length(p + i, text.len - i);

		if (n) {
			i += n;
			continue;
		}
		buf_put(out, span_of(text.ptr + start, i - start));
		buf_putc(out, '?');
		start = ++i;
	}
	buf_put(out, span_from(text, start));
}

/* "Nov  5 09:01:02"; made anew once per second. */
static const char *stamp(void)
{
	time_t now = (time_t)(clock_wall() / USEC_SEC);
	struct tm tm;

	if (now != state.second && localtime_r(&now, &tm)) {
		(void)strftime(
		    state.stamp, sizeof(state.stamp), "%b %e %H:%M:%S", &tm);
		state.second = now;
	}
	return state.stamp;
}

static void put_tag(struct buf *out, span name, const char *program)
{
	if (!name.len)
		name = span_str(state.name);
	if (name.len) {
		put_clean(out, span_first(name, NAME_MAX_LEN));
		buf_putc(out, '/');
	}
	put_clean(out, span_first(span_str(program), NAME_MAX_LEN));
}

static void put_line(struct buf *out, span name, const char *program,
    enum log_level level, span text)
{
	if (state.is_open && state.kind == LOG_KIND_SYSLOG) {
		buf_putc(out, '<');
		buf_put_u64(out, state.facility * 8 + levels[level].severity);
		buf_putc(out, '>');
	}
	if (state.is_open) {
		buf_put(out, span_str(stamp()));
		buf_putc(out, ' ');
	}
	if (state.is_open && state.kind == LOG_KIND_FILE) {
		buf_put(out, span_str(state.host));
		buf_putc(out, ' ');
	}
	put_tag(out, name, program);
	if (state.is_open) {
		if (!state.pid)
			state.pid = getpid();
		buf_putc(out, '[');
		buf_put_u64(out, (uint64_t)state.pid);
		buf_putc(out, ']');
	}
	buf_put(out, SPAN(": "));
	buf_put(out, span_str(levels[level].prefix));
	put_clean(out, shorten(text));
	buf_putc(out, '\n');
}

/*
 * Sinks: send all lines and drop what was sent; 0 or a negative errno.
 */

static int send_to_file(void)
{
	while (state.lines.len) {
		ssize_t n =
		    os_size(write(state.fd, state.lines.data, state.lines.len));

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		buf_drop(&state.lines, (size_t)n);
	}
	return 0;
}

/* One datagram per line, without its newline. Returns how many there are. */
static unsigned cut_datagrams(
    span lines, struct mmsghdr msgs[DATAGRAMS], struct iovec iov[DATAGRAMS])
{
	unsigned n = 0;

	while (lines.len && n < DATAGRAMS) {
		span line = span_cut(&lines, '\n');

		iov[n].iov_base =
		    state.lines.data + (line.ptr - state.lines.data);
		iov[n].iov_len = line.len;
		msgs[n].msg_hdr.msg_iov = &iov[n];
		msgs[n].msg_hdr.msg_iovlen = 1;
		n++;
	}
	return n;
}

static int send_some_datagrams(span *lines)
{
	struct mmsghdr msgs[DATAGRAMS] = { 0 };
	struct iovec iov[DATAGRAMS];
	unsigned n = cut_datagrams(*lines, msgs, iov);
	/* A worker may wait for syslogd, a loop may not. */
	int flags = MSG_NOSIGNAL | (state.loop ? MSG_DONTWAIT : 0);
	int sent = os_error(sendmmsg(state.fd, msgs, n, flags));

	if (sent == -EMSGSIZE) {
		state.lost++;
		sent = 1;
	}
	if (sent < 0)
		return sent;
	for (int i = 0; i < sent; i++)
		(void)span_cut(lines, '\n');
	return 0;
}

static int send_to_syslog(void)
{
	span rest = buf_span(&state.lines);
	int r = 0;

	while (rest.len && (r == 0 || r == -EINTR))
		r = send_some_datagrams(&rest);
	buf_drop(&state.lines, state.lines.len - rest.len);
	return r;
}

static int (*const send_to[])(void) = {
	[LOG_KIND_FILE] = send_to_file,
	[LOG_KIND_SYSLOG] = send_to_syslog,
};

static void tell_failure(int error)
{
	usec now = clock_monotonic();

	if (!state.failed || (state.told && now < state.told + USEC_SEC))
		return;
	state.told = now;
	state.failed(state.failed_ctx, error);
}

void log_flush(void)
{
	int r;

	if (!state.is_open || !state.lines.len)
		return;
	r = send_to[state.kind]();
	if (r == 0 && state.lines.cap > BUFFER_KEEP)
		buf_release(&state.lines);
	if (r == 0)
		return;
	if (state.loop)
		loop_timer_set(state.loop, &state.retry,
		    loop_now(state.loop) + RETRY_MSEC * USEC_MSEC);
	if (r != -EAGAIN && r != -ENOBUFS)
		tell_failure(r);
}

static void on_flush(void *ctx UNUSED)
{
	log_flush();
}

/*
 * Adding a line
 */

static bool has_room(void)
{
	/* Every name may be cut, so this is more than any line takes. */
	size_t longest = LOG_TEXT_MAX + 3 * NAME_MAX_LEN + 128;

	return state.lines.len + longest <= BUFFER;
}

static void say_on_stderr(
    span name, const char *program, enum log_level level, span text)
{
	put_line(&state.lines, name, program, level, text);
	(void)!write(STDERR_FILENO, state.lines.data, state.lines.len);
	buf_clear(&state.lines);
}

static void confess(const char *program)
{
	struct buf text = BUF_INIT(100);

	buf_printf(&text, "%zu log lines were lost", state.lost);
	put_line(&state.lines, SPAN_NONE, program, LOG_LEVEL_WARNING,
	    buf_span(&text));
	buf_done(&text);
	state.lost = 0;
}

void log_text(
    span syslog_name, const char *program, enum log_level level, span text)
{
	if (!state.is_open) {
		say_on_stderr(syslog_name, program, level, text);
		return;
	}
	if (!has_room())
		log_flush();
	if (!has_room()) {
		state.lost++;
		return;
	}
	if (state.lost && state.lines.len < BUFFER / 2)
		confess(program);
	put_line(&state.lines, syslog_name, program, level, text);
	if (state.loop)
		loop_defer(state.loop, LOOP_LOG, &state.hook);
}

PRINTF_LIKE(4, 0)
static void add(span name, const char *program, enum log_level level,
    const char *format, va_list args)
{
	/* More than fits is cut by shorten() between two characters. */
	char text[LOG_TEXT_MAX + 8];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n < 0)
		n = 0;
	log_text(name, program, level,
	    span_of(text, MIN((size_t)n, sizeof(text) - 1)));
}

void log_as(span syslog_name, const char *program, enum log_level level,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(syslog_name, program, level, format, args);
	va_end(args);
}

void log_line(const char *program, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(SPAN_NONE, program, LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_warn(const char *program, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(SPAN_NONE, program, LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void log_error(const char *program, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(SPAN_NONE, program, LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void log_fatal(const char *program, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(SPAN_NONE, program, LOG_LEVEL_FATAL, format, args);
	va_end(args);
}

/*
 * Opening and closing
 */

/* Lines that wait are the parent's to write. */
static void after_fork(void)
{
	state.pid = 0;
	state.loop = NULL;
	buf_clear(&state.lines);
}

static void copy_name(char to[NAME_MAX_LEN], span from)
{
	from = span_first(from, NAME_MAX_LEN - 1);
	memcpy(to, from.ptr ? from.ptr : "", from.len);
	to[from.len] = '\0';
}

static void take_setup(const struct log_setup *setup)
{
	state.kind = setup->kind;
	state.facility = setup->facility;
	state.second = 0;
	copy_name(state.host, setup->host);
	copy_name(state.name, setup->syslog_name);
}

void log_open(const struct log_setup *setup)
{
	static bool watches_forks;

	if (!watches_forks)
		(void)pthread_atfork(NULL, NULL, after_fork);
	watches_forks = true;
	tzset();
	log_replace(setup->fd);
	take_setup(setup);
	state.pid = getpid();
	state.is_open = true;
}

void log_change(const struct log_setup *setup)
{
	span rest;

	log_flush();
	/* Lines that nobody took: another kind of log has another form. */
	rest = buf_span(&state.lines);
	while (setup->kind != state.kind && rest.len) {
		(void)span_cut(&rest, '\n');
		state.lost++;
	}
	buf_drop(&state.lines, state.lines.len - rest.len);
	take_setup(setup);
	log_replace(setup->fd);
}

void log_replace(int fd)
{
	if (state.fd >= 0)
		(void)close(state.fd);
	state.fd = fd;
	log_flush();
}

void log_attach(struct loop *l)
{
	if (state.loop) {
		loop_defer_cancel(&state.hook);
		loop_timer_stop(state.loop, &state.retry);
	}
	state.loop = l;
	state.hook.fn = on_flush;
	state.retry.fn = on_flush;
	if (l && state.lines.len)
		loop_defer(l, LOOP_LOG, &state.hook);
}

void log_on_failure(void (*fn)(void *ctx, int error), void *ctx)
{
	state.failed = fn;
	state.failed_ctx = ctx;
}

void log_done(void)
{
	log_flush();
	log_attach(NULL);
	buf_done(&state.lines);
	if (state.fd >= 0)
		(void)close(STEAL_FD(state.fd));
	state.is_open = false;
	state.name[0] = '\0';
	state.lost = 0;
	state.told = 0;
	state.failed = NULL;
}
