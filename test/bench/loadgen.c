/* SPDX-License-Identifier: ISC */
/*
 * loadgen - send SMTP messages as cheaply as can be, and say how it went.
 *
 * One thread, one epoll set, a small state per session. A step of a session
 * is one read and one writev: what the replies of one read ask for is
 * gathered and leaves together. Body and header are formatted once; only the
 * id in the header and the envelope change from message to message.
 *
 *	connect --220--> EHLO --250--> +-> MAIL --250--> RCPT --250--> DATA
 *	                               |                                 |
 *	         QUIT <--no more-------+<---250 acknowledged--- DOT <---354
 *
 * A message counts as accepted, and its id goes to the -a file, when the
 * reply to its final dot has been read and is 250, never earlier. A message
 * whose connection is lost is an error; with --reconnect it is forgotten,
 * and another one, with an id of its own, takes its place.
 *
 * With -P the commands of an envelope leave in one write, together with the
 * content of the message before it. Without, every reply is awaited, as
 * Postfix's smtp-source does.
 *
 * The result is one line of JSON; see print_result().
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RETRY_AFTER     20000 /* usec between attempts to connect */
#define OPENING_MAX     64    /* --idle: connections waiting for a reply */
#define PROBE_INTERVAL  2000  /* usec */
#define LATENCY_LIMIT   40    /* powers of two of a microsecond */
#define LATENCY_STEPS   64    /* per power of two: 1.6% */
#define LATENCY_EXACT   (2 * (size_t)LATENCY_STEPS)
#define LATENCY_BUCKETS ((size_t)LATENCY_LIMIT * LATENCY_STEPS)
#define ID_SIZE         16

static struct options {
	size_t sessions;
	uint64_t messages; /* 0: until a signal comes */
	size_t length;
	const char *sender;
	const char *recipient;
	unsigned recipients; /* 0: always the same */
	bool one_each;       /* a connection per message */
	bool pipelining;
	bool reconnect;
	size_t idle;
	unsigned probes;
	unsigned seconds; /* give up after; 0: never */
	const char *ack_file;
} opt = {
	.sessions = 1,
	.messages = 1,
	.length = 4096,
	.sender = "sender@loadgen.test",
	.recipient = "user@sink.test",
};

/* Whose reply a session waits for. */
enum stage {
	STAGE_CLOSED, /* nothing; may be opened again, see retry_at */
	STAGE_BANNER,
	STAGE_EHLO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_DOT,
	STAGE_RSET,
	STAGE_QUIT,
	STAGE_IDLE,
};

struct message {
	bool taken; /* counted as begun, not yet as finished */
	uint64_t id;
	uint64_t begun;
};

struct session {
	int fd;
	enum stage stage;
	bool polls_out;
	bool refused;      /* the current message */
	uint64_t opened;   /* when connect() was called */
	uint64_t retry_at; /* 0: never */
	struct message current, next;
	size_t n_out;
	struct iovec out[4];
	size_t n_in;
	char in[1024];
	size_t mail_len, rcpt_len, data_len; /* inside of envelope */
	char envelope[1200];
	size_t header_len;
	char header[1600];
};

struct latency {
	uint64_t n, max;
	uint64_t bucket[LATENCY_BUCKETS];
};

static struct run {
	struct sockaddr_storage address;
	socklen_t address_len;
	int epoll;
	struct session *sessions;
	size_t n_open; /* sessions that are not closed, or will be reopened */
	uint64_t started, last_accepted;
	uint64_t given; /* ids */
	uint64_t to_begin;
	uint64_t accepted, errors, lost, reconnects;
	size_t opening, idling, idle_failed;
	uint32_t run_id;
	char date[64];
	char *body;
	size_t body_len;
	FILE *acks;
	struct latency message, banner;
} run;

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(
    const char *format, ...)
{
	va_list args;

	(void)fputs("loadgen: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(2);
}

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/*
 * Latencies: a histogram, exact below LATENCY_STEPS microseconds, then with
 * LATENCY_STEPS buckets for each power of two.
 */

static size_t latency_bucket(uint64_t usec)
{
	unsigned shift = 0;

	while (usec >> shift >= LATENCY_EXACT)
		shift++;
	if (shift >= LATENCY_LIMIT - 2)
		return LATENCY_BUCKETS - 1;
	return (size_t)shift * LATENCY_STEPS + (size_t)(usec >> shift);
}

static void latency_add(struct latency *l, uint64_t usec)
{
	l->n++;
	l->bucket[latency_bucket(usec)]++;
	if (usec > l->max)
		l->max = usec;
}

static double latency_ms(const struct latency *l, double fraction)
{
	uint64_t below = 0, want = (uint64_t)((double)l->n * fraction);

	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		size_t shift = i < LATENCY_EXACT ? 0 : i / LATENCY_STEPS - 1;

		below += l->bucket[i];
		if (below > want)
			return (double)((i - shift * LATENCY_STEPS) << shift) /
			    1000;
	}
	return (double)l->max / 1000;
}

static char ehlo_line[] = "EHLO loadgen.test\r\n";
static char rset_line[] = "RSET\r\n";
static char dot_line[] = ".\r\n";
static char quit_line[] = "QUIT\r\n";

/* Output: gathered while replies are handled, then written at once. */

static void put(struct session *s, char *bytes, size_t len)
{
	if (s->n_out == sizeof(s->out) / sizeof(s->out[0]))
		die("more output than a session can have");
	s->out[s->n_out].iov_base = bytes;
	s->out[s->n_out].iov_len = len;
	s->n_out++;
}

static void put_text(struct session *s, char *text)
{
	put(s, text, strlen(text));
}

static void poll_for(struct session *s, int operation, bool output)
{
	struct epoll_event event = { .data.ptr = s,
		.events = EPOLLIN | (output ? (uint32_t)EPOLLOUT : 0) };

	if (epoll_ctl(run.epoll, operation, s->fd, &event) < 0)
		die("epoll_ctl: %s", strerror(errno));
	s->polls_out = output;
}

/* Returns false when the connection is broken. */
static bool flush(struct session *s)
{
	ssize_t n;
	size_t done = 0;

	if (s->n_out == 0)
		return true;
	n = writev(s->fd, s->out, (int)s->n_out);
	if (n < 0 && errno != EAGAIN)
		return false;
	while (n > 0 && (size_t)n >= s->out[done].iov_len) {
		n -= (ssize_t)s->out[done].iov_len;
		if (++done == s->n_out)
			break;
	}
	s->n_out -= done;
	memmove(s->out, s->out + done, s->n_out * sizeof(s->out[0]));
	if (s->n_out > 0 && n > 0) {
		s->out[0].iov_base = (char *)s->out[0].iov_base + n;
		s->out[0].iov_len -= (size_t)n;
	}
	if (s->polls_out != (s->n_out > 0))
		poll_for(s, EPOLL_CTL_MOD, s->n_out > 0);
	return true;
}

/* Messages */

static void make_body(void)
{
	size_t line = 80;

	run.body_len = opt.length + 3;
	run.body = malloc(run.body_len);
	if (run.body == NULL)
		die("no memory");
	for (size_t at = 0; at < opt.length; at += line) {
		size_t n = opt.length - at < line ? opt.length - at : line;

		memset(run.body + at, 'X', n);
		if (n >= 2)
			memcpy(run.body + at + n - 2, "\r\n", 2);
	}
	if (opt.length % line == 1) /* no line of one half */
		memcpy(run.body + opt.length - 3, "X\r\n", 3);
	memcpy(run.body + opt.length, ".\r\n", 3);
}

static bool take_message(struct message *m)
{
	if (run.to_begin == 0)
		return false;
	if (opt.messages > 0)
		run.to_begin--;
	m->taken = true;
	m->id = run.given++;
	m->begun = now();
	return true;
}

static void make_recipient(char *to, size_t size, uint64_t id)
{
	const char *at = strchr(opt.recipient, '@');

	if (opt.recipients == 0)
		(void)snprintf(to, size, "%s", opt.recipient);
	else
		(void)snprintf(to, size, "user%u%s",
		    (unsigned)(id % opt.recipients), at == NULL ? "" : at);
}

static size_t format_id(char *to, size_t size, uint64_t id)
{
	return (size_t)snprintf(
	    to, size, "%08" PRIx32 "%08" PRIx32, run.run_id, (uint32_t)id);
}

static void make_envelope(struct session *s, const struct message *m)
{
	size_t size = sizeof(s->envelope);
	char to[512];
	int n;

	make_recipient(to, sizeof(to), m->id);
	n = snprintf(s->envelope, size, "MAIL FROM:<%s>\r\n", opt.sender);
	s->mail_len = (size_t)n;
	n = snprintf(s->envelope + s->mail_len, size - s->mail_len,
	    "RCPT TO:<%s>\r\nDATA\r\n", to);
	s->data_len = 6;
	s->rcpt_len = (size_t)n - s->data_len;
}

static void make_header(struct session *s, const struct message *m)
{
	char to[512], id[ID_SIZE + 1];

	make_recipient(to, sizeof(to), m->id);
	format_id(id, sizeof(id), m->id);
	s->header_len = (size_t)snprintf(s->header, sizeof(s->header),
	    "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
	    "Message-Id: <%s@loadgen.test>\r\nSubject: from loadgen\r\n"
	    "X-Bench-Id: %s\r\n\r\n",
	    opt.sender, to, run.date, id, id);
}

static void message_accepted(struct message *m)
{
	run.last_accepted = now();
	latency_add(&run.message, run.last_accepted - m->begun);
	run.accepted++;
	m->taken = false;
	if (run.acks != NULL) {
		char id[ID_SIZE + 1];

		format_id(id, sizeof(id), m->id);
		(void)fprintf(run.acks, "%s\n", id);
	}
}

/* Refused, or lost with its connection; is another one to replace it? */
static void message_failed(struct message *m, bool replaced)
{
	if (!m->taken)
		return;
	m->taken = false;
	if (!replaced)
		run.errors++;
	else if (opt.messages > 0)
		run.to_begin++;
}

/* Sessions */

static void open_session(struct session *s)
{
	int one = 1;

	memset(s, 0, offsetof(struct session, out));
	s->n_in = 0;
	s->stage = STAGE_BANNER;
	s->opened = now();
	s->fd = socket(run.address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A refusal is reported by the first read as well. */
	if (connect(s->fd, (struct sockaddr *)&run.address, run.address_len) <
	        0 &&
	    errno != EINPROGRESS && errno != ECONNREFUSED)
		die("connect: %s", strerror(errno));
	poll_for(s, EPOLL_CTL_ADD, false);
	run.n_open++;
	if (opt.idle > 0)
		run.opening++;
}

static void close_session(struct session *s)
{
	close(s->fd);
	s->fd = -1;
	s->stage = STAGE_CLOSED;
	s->n_out = 0;
	run.n_open--;
}

/* After QUIT. */
static void end_session(struct session *s)
{
	close_session(s);
	if (opt.one_each && run.to_begin > 0 && !interrupted)
		open_session(s);
}

static bool may_retry(void)
{
	return opt.reconnect && opt.idle == 0 && !interrupted;
}

/* The peer hung up on us, or never answered the phone. */
static void lose_session(struct session *s)
{
	bool again = may_retry();

	if (s->stage == STAGE_QUIT) {
		end_session(s);
		return;
	}
	run.lost++;
	if (opt.idle > 0) {
		if (s->stage == STAGE_IDLE) {
			run.idling--;
		} else {
			run.opening--;
			run.idle_failed++;
		}
	} else if (!again && !s->current.taken) {
		run.errors++;
	}
	message_failed(&s->current, again);
	message_failed(&s->next, again);
	close_session(s);
	if (again) {
		s->retry_at = now() + RETRY_AFTER;
		run.n_open++;
	}
}

static void begin_message(struct session *s)
{
	if (s->next.taken) { /* its envelope is on the way already */
		s->current = s->next;
		s->current.begun = now();
		s->next.taken = false;
		s->stage = STAGE_MAIL;
	} else if (take_message(&s->current)) {
		make_envelope(s, &s->current);
		put(s, s->envelope,
		    s->mail_len +
		        (opt.pipelining ? s->rcpt_len + s->data_len : 0));
		s->stage = STAGE_MAIL;
	} else {
		put_text(s, quit_line);
		s->stage = STAGE_QUIT;
	}
	s->refused = false;
}

static void end_message(struct session *s)
{
	if (s->current.taken)
		message_failed(&s->current, false);
	if (opt.one_each) {
		put_text(s, quit_line);
		s->stage = STAGE_QUIT;
	} else {
		begin_message(s);
	}
}

static void send_content(struct session *s)
{
	if (s->refused) {
		put_text(s, dot_line);
		return;
	}
	make_header(s, &s->current);
	put(s, s->header, s->header_len);
	put(s, run.body, run.body_len);
	if (opt.pipelining && !opt.one_each && take_message(&s->next)) {
		make_envelope(s, &s->next);
		put(s, s->envelope, s->mail_len + s->rcpt_len + s->data_len);
	}
}

/* The replies to MAIL and RCPT. */
static void on_envelope_reply(struct session *s, int code)
{
	if (code / 100 != 2)
		s->refused = true;
	if (opt.pipelining) {
		s->stage = s->stage == STAGE_MAIL ? STAGE_RCPT : STAGE_DATA;
	} else if (s->refused) {
		put_text(s, rset_line);
		s->stage = STAGE_RSET;
	} else if (s->stage == STAGE_MAIL) {
		put(s, s->envelope + s->mail_len, s->rcpt_len);
		s->stage = STAGE_RCPT;
	} else {
		put(s, s->envelope + s->mail_len + s->rcpt_len, s->data_len);
		s->stage = STAGE_DATA;
	}
}

/* Returns false when the session is useless from here on. */
static bool on_reply(struct session *s, int code)
{
	if (code == 421)
		return false;
	switch (s->stage) {
	case STAGE_BANNER:
		latency_add(&run.banner, now() - s->opened);
		put_text(s, ehlo_line);
		s->stage = STAGE_EHLO;
		return code == 220;
	case STAGE_EHLO:
		if (code == 250 && opt.idle > 0) {
			s->stage = STAGE_IDLE;
			run.opening--;
			run.idling++;
			return true;
		}
		if (code == 250)
			begin_message(s);
		return code == 250;
	case STAGE_MAIL:
	case STAGE_RCPT:
		on_envelope_reply(s, code);
		return true;
	case STAGE_DATA:
		if (code == 354) {
			send_content(s);
			s->stage = STAGE_DOT;
		} else {
			end_message(s);
		}
		return true;
	case STAGE_DOT:
		if (code == 250 && !s->refused)
			message_accepted(&s->current);
		end_message(s);
		return true;
	case STAGE_RSET:
		end_message(s);
		return true;
	case STAGE_QUIT:
		end_session(s);
		return true;
	case STAGE_CLOSED:
	case STAGE_IDLE:
		break;
	}
	return false; /* a reply that nothing was asked for */
}

/* All complete replies in s->in. Returns false when the session is lost. */
static bool on_replies(struct session *s)
{
	size_t done = 0;
	char *end;

	while ((end = memchr(s->in + done, '\n', s->n_in - done)) != NULL) {
		const char *line = s->in + done;
		size_t len = (size_t)(end - line);
		int fd = s->fd;

		done += len + 1;
		if (len < 3 || line[0] < '2' || line[0] > '5')
			return false;
		if (line[3] == '-')
			continue;
		if (!on_reply(s,
		        (line[0] - '0') * 100 + (line[1] - '0') * 10 +
		            (line[2] - '0')))
			return false;
		if (s->fd != fd || s->stage == STAGE_BANNER)
			return true; /* closed, or another connection */
	}
	s->n_in -= done;
	memmove(s->in, s->in + done, s->n_in);
	return s->n_in < sizeof(s->in);
}

static void on_event(struct session *s, uint32_t events)
{
	bool alive = true;

	if (s->fd < 0)
		return;
	if (events & ~(uint32_t)EPOLLOUT) {
		ssize_t n =
		    read(s->fd, s->in + s->n_in, sizeof(s->in) - s->n_in);

		if (n > 0) {
			s->n_in += (size_t)n;
			alive = on_replies(s);
		} else {
			alive = n < 0 && errno == EAGAIN;
		}
	}
	if (s->fd < 0)
		return;
	if (!alive || !flush(s))
		lose_session(s);
}

/* The sessions that were lost and may try again; milliseconds to the next. */
static int reopen_sessions(void)
{
	uint64_t time, next = UINT64_MAX;

	if (!opt.reconnect)
		return 1000;
	time = now();
	for (size_t i = 0; i < opt.sessions; i++) {
		struct session *s = &run.sessions[i];

		if (s->fd >= 0 || s->retry_at == 0)
			continue;
		if (s->retry_at > time && s->retry_at < next)
			next = s->retry_at;
		if (s->retry_at > time)
			continue;
		run.n_open--;
		run.reconnects++;
		open_session(s);
	}
	return next == UINT64_MAX ? 1000 : (int)((next - time) / 1000) + 1;
}

static void step(int timeout)
{
	struct epoll_event events[256];
	int n = epoll_wait(run.epoll, events, 256, timeout);

	if (n < 0 && errno != EINTR)
		die("epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
	if (run.acks != NULL)
		(void)fflush(run.acks);
}

static bool time_is_up(void)
{
	return interrupted ||
	    (opt.seconds > 0 &&
	        now() - run.started > (uint64_t)opt.seconds * 1000000);
}

static void send_all(void)
{
	for (size_t i = 0; i < opt.sessions; i++)
		open_session(&run.sessions[i]);
	while (run.n_open > 0 && !time_is_up())
		step(reopen_sessions());
}

static double own_cpu(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
	    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void print_latency(const char *name, const struct latency *l)
{
	(void)printf(", \"%s_n\": %" PRIu64 ", \"%s_p50_ms\": %.3f"
	             ", \"%s_p99_ms\": %.3f, \"%s_max_ms\": %.3f",
	    name, l->n, name, latency_ms(l, 0.5), name, latency_ms(l, 0.99),
	    name, (double)l->max / 1000);
}

/* Times "started" and "last" are CLOCK_MONOTONIC: sink has the same. */
static void print_result(void)
{
	double seconds = (double)(run.last_accepted - run.started) / 1e6;

	if (run.accepted == 0)
		seconds = 0;
	(void)printf("{\"accepted\": %" PRIu64 ", \"errors\": %" PRIu64
	             ", \"lost_connections\": %" PRIu64
	             ", \"reconnects\": %" PRIu64
	             ", \"seconds\": %.6f, \"per_second\": %.1f"
	             ", \"started\": %.6f, \"last\": %.6f, \"cpu_us\": %.2f",
	    run.accepted, run.errors, run.lost, run.reconnects, seconds,
	    seconds > 0 ? (double)run.accepted / seconds : 0,
	    (double)run.started / 1e6, (double)run.last_accepted / 1e6,
	    run.accepted > 0 ? own_cpu() / (double)run.accepted : 0);
	print_latency("message", &run.message);
	print_latency("banner", &run.banner);
	(void)printf("}\n");
	(void)fflush(stdout);
}

/* One client after the other: how long until it is greeted? */
static void probe(struct latency *l)
{
	struct timeval patience = { .tv_sec = 60 };

	for (unsigned i = 0; i < opt.probes && !interrupted; i++) {
		char reply[512];
		uint64_t begun = now();
		int fd = socket(
		    run.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			die("socket: %s", strerror(errno));
		setsockopt(
		    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (connect(fd, (struct sockaddr *)&run.address,
		        run.address_len) == 0 &&
		    read(fd, reply, sizeof(reply)) > 3 &&
		    memcmp(reply, "220", 3) == 0) {
			latency_add(l, now() - begun);
			if (write(fd, "QUIT\r\n", 6) == 6)
				(void)!read(fd, reply, sizeof(reply));
		} else {
			run.errors++;
		}
		close(fd);
		usleep(PROBE_INTERVAL);
	}
}

static void open_idle_sessions(void)
{
	for (size_t i = 0;
	     (i < opt.idle || run.opening > 0) && !time_is_up();) {
		while (i < opt.idle && run.opening < OPENING_MAX)
			open_session(&run.sessions[i++]);
		step(1000);
	}
}

/* Until whoever holds the other end of our standard input lets go. */
static void hold_sessions(void)
{
	struct pollfd wait[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = run.epoll, .events = POLLIN },
	};
	char ignored[256];

	while (!time_is_up()) {
		if (poll(wait, 2, 1000) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		if (wait[1].revents != 0)
			step(0);
		if (wait[0].revents != 0 &&
		    read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0)
			return;
	}
}

static void run_idle(void)
{
	static struct latency probed;

	if (opt.idle > 0)
		open_idle_sessions();
	probe(&probed);
	(void)printf("{\"idle\": %zu, \"failed\": %zu, \"errors\": %" PRIu64
	             ", \"seconds\": %.6f",
	    run.idling, run.idle_failed, run.errors,
	    (double)(now() - run.started) / 1e6);
	print_latency("banner", &run.banner);
	print_latency("probe", &probed);
	(void)printf("}\n");
	(void)fflush(stdout);
	if (opt.idle == 0)
		return;
	hold_sessions();
	(void)printf(
	    "{\"idle\": %zu, \"lost\": %" PRIu64 "}\n", run.idling, run.lost);
}

/* Setting up */

static void usage(void)
{
	(void)fputs(
	    "usage: loadgen [options] HOST:PORT\n"
	    "  -s SESSIONS    connections at the same time (1)\n"
	    "  -m MESSAGES    how many; 0: until a signal (1)\n"
	    "  -l BYTES       length of the body (4096)\n"
	    "  -f SENDER -r RECIPIENT\n"
	    "  -N COUNT       recipients user0 to userCOUNT-1\n"
	    "  -d             a connection for each message\n"
	    "  -P             use pipelining\n"
	    "  -a FILE        write the ids of acknowledged messages\n"
	    "  -T SECONDS     stop after this time\n"
	    "  --reconnect    on a lost connection go on with a new message,\n"
	    "                 until MESSAGES have been acknowledged\n"
	    "  --idle COUNT   open, say EHLO, hold until standard input ends\n"
	    "  --probe COUNT  connect for the banner only, one by one\n",
	    stderr);
	exit(2);
}

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text || value > max)
		die("bad number \"%s\"", text);
	return value;
}

static void parse_address(const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	const char *colon = strrchr(text, ':');
	char host[256];
	size_t len;
	int r;

	if (colon == NULL)
		die("\"%s\": no port", text);
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		die("\"%s\": too long", text);
	memcpy(host, text, len);
	host[len] = '\0';
	r = getaddrinfo(host, colon + 1, &hints, &found);
	if (r != 0)
		die("%s: %s", host, gai_strerror(r));
	memcpy(&run.address, found->ai_addr, found->ai_addrlen);
	run.address_len = found->ai_addrlen;
	freeaddrinfo(found);
}

enum { OPTION_RECONNECT = 256, OPTION_IDLE, OPTION_PROBE };

static const struct option long_options[] = {
	{ "reconnect", no_argument, NULL, OPTION_RECONNECT },
	{ "idle", required_argument, NULL, OPTION_IDLE },
	{ "probe", required_argument, NULL, OPTION_PROBE },
	{ NULL, 0, NULL, 0 },
};

static void set_option(int letter, const char *value)
{
	/* clang-format off */
	switch (letter) {
	case 's': opt.sessions = number(value, 1000000); break;
	case 'm': opt.messages = number(value, UINT32_MAX); break;
	case 'l': opt.length = number(value, 1 << 30); break;
	case 'f': opt.sender = value; break;
	case 'r': opt.recipient = value; break;
	case 'N': opt.recipients = (unsigned)number(value, UINT32_MAX); break;
	case 'd': opt.one_each = true; break;
	case 'P': opt.pipelining = true; break;
	case 'a': opt.ack_file = value; break;
	case 'T': opt.seconds = (unsigned)number(value, 1000000); break;
	case OPTION_RECONNECT: opt.reconnect = true; break;
	case OPTION_IDLE: opt.idle = number(value, 1000000); break;
	case OPTION_PROBE: opt.probes = (unsigned)number(value, 1000000); break;
	default: usage();
	}
	/* clang-format on */
}

static void parse_options(int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv,
	            "s:m:l:f:r:N:dPa:T:", long_options, NULL)) != -1)
		set_option(letter, optarg);
	if (argc - optind != 1 || strlen(opt.sender) > 300 ||
	    strlen(opt.recipient) > 300 || opt.sessions == 0)
		usage();
	parse_address(argv[optind]);
	if (opt.length > 0 && opt.length < 3)
		opt.length = 3;
	if (opt.idle > 0)
		opt.sessions = opt.idle;
}

static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void set_up(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct timespec t;
	struct tm tm;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	allow_many_files();
	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(
	    run.date, sizeof(run.date), "%a, %d %b %Y %T +0000", &tm);
	run.run_id = (uint32_t)t.tv_sec << 12 ^ (uint32_t)t.tv_nsec ^
	    (uint32_t)getpid() << 16;
	make_body();
	run.to_begin = opt.messages > 0 ? opt.messages : UINT64_MAX;
	run.sessions = calloc(opt.sessions, sizeof(run.sessions[0]));
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run.sessions == NULL || run.epoll < 0)
		die("%s", strerror(errno));
	for (size_t i = 0; i < opt.sessions; i++)
		run.sessions[i].fd = -1;
	if (opt.ack_file != NULL) {
		run.acks = fopen(opt.ack_file, "we");
		if (run.acks == NULL)
			die("%s: %s", opt.ack_file, strerror(errno));
	}
	run.started = now();
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	set_up();
	if (opt.idle > 0 || opt.probes > 0) {
		run_idle();
		return run.errors + run.idle_failed > 0;
	}
	send_all();
	if (run.acks != NULL && fclose(run.acks) != 0)
		die("%s: %s", opt.ack_file, strerror(errno));
	print_result();
	return run.errors > 0 ||
	    (opt.messages > 0 && run.accepted < opt.messages);
}
