/* SPDX-License-Identifier: ISC */
/*
 * sink - accept SMTP messages as cheaply as can be, and count them.
 *
 * One thread, one epoll set. Everything that one read brought is handled,
 * all replies leave in one write. Content is not looked at, except for its
 * end and, with -v, for the X-Bench-Id: in its header.
 *
 * With -c the counters lie in a mapped file, see struct counters: whoever
 * maps it too sees them change, at no cost for anybody. `last` is when the
 * newest message came, so nobody needs to look often to know when it was.
 *
 * The end of the content is CR LF . CR LF; it may be cut anywhere between
 * two reads, so the last four bytes of a read are kept in front of the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE   1024
#define ID_SIZE     64
#define INPUT_SIZE  (256 * 1024)
#define OUTPUT_SIZE (64 * 1024)
#define REPLY_ROOM  256 /* more than the longest reply */
#define BACKLOG     4096
#define END         "\r\n.\r\n"
#define END_KEPT    4 /* bytes of END that may have come already */

/* The layout of the -c file; bench.py reads it. */
struct counters {
	uint64_t messages;
	uint64_t last;  /* usec of CLOCK_MONOTONIC */
	uint64_t bytes; /* of content, END included */
	uint64_t recipients;
	uint64_t connections;
};

enum stage { STAGE_COMMAND, STAGE_HEADER, STAGE_CONTENT, STAGE_QUIT };

struct client {
	int fd;
	enum stage stage;
	unsigned recipients;
	char id[ID_SIZE];    /* with -v: of the message that is coming */
	char tail[END_KEPT]; /* of the content so far */
	size_t n_unsent;     /* replies that the socket did not take */
	char *unsent;
	size_t n_line; /* of a line that is not complete */
	char line[LINE_SIZE];
};

static const char banner[] = "220 sink.test ESMTP\r\n";
static const char features[] =
    "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n";

static struct counters none, *count = &none;
static int epoll;
static FILE *verify;
static char input[INPUT_SIZE];
static char output[OUTPUT_SIZE];
static size_t n_output;
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

	(void)fputs("sink: ", stderr);
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

static void poll_for(struct client *c, int operation, uint32_t events)
{
	struct epoll_event event = { .data.ptr = c, .events = events };

	if (epoll_ctl(epoll, operation, c->fd, &event) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

static void close_client(struct client *c)
{
	close(c->fd);
	free(c->unsent);
	free(c);
}

/* What the socket does not take waits; we read no more until it is gone. */
static bool flush(struct client *c)
{
	ssize_t n;

	if (n_output == 0)
		return true;
	n = write(c->fd, output, n_output);
	if (n < 0 && errno != EAGAIN)
		return false;
	if (n < 0)
		n = 0;
	c->n_unsent = n_output - (size_t)n;
	n_output = 0;
	if (c->n_unsent == 0)
		return true;
	c->unsent = malloc(c->n_unsent);
	if (c->unsent == NULL)
		die("no memory");
	memcpy(c->unsent, output + n, c->n_unsent);
	poll_for(c, EPOLL_CTL_MOD, EPOLLOUT);
	return true;
}

static bool flush_unsent(struct client *c)
{
	ssize_t n = write(c->fd, c->unsent, c->n_unsent);

	if (n < 0)
		return errno == EAGAIN;
	c->n_unsent -= (size_t)n;
	memmove(c->unsent, c->unsent + n, c->n_unsent);
	if (c->n_unsent > 0)
		return true;
	free(c->unsent);
	c->unsent = NULL;
	poll_for(c, EPOLL_CTL_MOD, EPOLLIN);
	return c->stage != STAGE_QUIT;
}

static void reply(const char *text)
{
	while (*text != '\0')
		output[n_output++] = *text++;
}

/* Commands */

static void start_content(struct client *c)
{
	if (c->recipients == 0) {
		reply("503 5.5.1 no recipient\r\n");
		return;
	}
	reply("354 go on\r\n");
	memcpy(c->tail, "..\r\n", END_KEPT); /* an END may begin here */
	c->id[0] = '\0';
	c->stage = verify != NULL ? STAGE_HEADER : STAGE_CONTENT;
}

static void on_command(struct client *c, const char *line, size_t len)
{
	static const struct {
		const char *verb, *reply;
	} simple[] = {
		{ "EHLO", features },
		{ "HELO", "250 sink.test\r\n" },
		{ "NOOP", "250 2.0.0 ok\r\n" },
		{ "MAIL", "250 2.1.0 ok\r\n" },
		{ "RSET", "250 2.0.0 ok\r\n" },
	};

	if (len >= 4 && strncasecmp(line, "RCPT", 4) == 0) {
		reply("250 2.1.5 ok\r\n");
		c->recipients++;
		return;
	}
	if (len >= 4 && strncasecmp(line, "DATA", 4) == 0) {
		start_content(c);
		return;
	}
	if (len >= 4 && strncasecmp(line, "QUIT", 4) == 0) {
		reply("221 2.0.0 bye\r\n");
		c->stage = STAGE_QUIT;
		return;
	}
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (len < 4 || strncasecmp(line, simple[i].verb, 4) != 0)
			continue;
		reply(simple[i].reply);
		c->recipients = 0;
		return;
	}
	reply("500 5.5.2 what?\r\n");
}

/* Content */

static void end_content(struct client *c)
{
	count->recipients += c->recipients;
	count->last = now();
	__atomic_add_fetch(&count->messages, 1, __ATOMIC_RELEASE);
	if (verify != NULL)
		(void)fprintf(verify, "%s\n", c->id[0] != '\0' ? c->id : "-");
	reply("250 2.0.0 ok\r\n");
	c->recipients = 0;
	c->stage = STAGE_COMMAND;
}

static void keep_tail(struct client *c, const char *bytes, size_t n)
{
	if (n >= END_KEPT) {
		memcpy(c->tail, bytes + n - END_KEPT, END_KEPT);
		return;
	}
	memmove(c->tail, c->tail + n, END_KEPT - n);
	memcpy(c->tail + END_KEPT - n, bytes, n);
}

/* Returns how many bytes belong to this message. */
static size_t on_content(struct client *c, const char *bytes, size_t n)
{
	char seam[2 * END_KEPT];
	size_t n_seam = n < END_KEPT ? n : END_KEPT;
	const char *end;
	size_t used = n;

	memcpy(seam, c->tail, END_KEPT);
	memcpy(seam + END_KEPT, bytes, n_seam);
	end = memmem(seam, END_KEPT + n_seam, END, strlen(END));
	if (end != NULL) {
		used = (size_t)(end - seam) + strlen(END) - END_KEPT;
	} else {
		end = memmem(bytes, n, END, strlen(END));
		if (end != NULL)
			used = (size_t)(end - bytes) + strlen(END);
	}
	count->bytes += used;
	if (end != NULL)
		end_content(c);
	else
		keep_tail(c, bytes, n);
	return used;
}

static void on_header_line(struct client *c, const char *line, size_t len)
{
	static const char name[] = "X-Bench-Id:";
	size_t skip = strlen(name);

	if (len > skip && strncasecmp(line, name, skip) == 0) {
		while (skip < len && line[skip] == ' ')
			skip++;
		(void)snprintf(c->id, sizeof(c->id), "%.*s", (int)(len - skip),
		    line + skip);
		c->stage = STAGE_CONTENT;
	} else if (len == 0) {
		c->stage = STAGE_CONTENT;
	} else if (len == 1 && line[0] == '.') {
		end_content(c);
	}
}

/* A line without its CR LF: of the header, or a command. */
static void on_line(struct client *c, const char *line, size_t len)
{
	if (c->stage == STAGE_HEADER) {
		count->bytes += len + 2;
		on_header_line(c, line, len);
		memcpy(c->tail, "..\r\n", END_KEPT);
	} else {
		on_command(c, line, len);
	}
}

/* Returns how many bytes were used. A long line is cut, that is enough. */
static size_t on_line_bytes(struct client *c, const char *bytes, size_t n)
{
	const char *end = memchr(bytes, '\n', n);
	size_t used = end == NULL ? n : (size_t)(end - bytes) + 1;
	const char *line = bytes;
	size_t len = used;

	if (end == NULL || c->n_line > 0) {
		size_t room = LINE_SIZE - c->n_line;

		len = used < room ? used : room;
		memcpy(c->line + c->n_line, bytes, len);
		c->n_line += len;
		line = c->line;
		len = c->n_line;
	}
	if (end == NULL)
		return used;
	c->n_line = 0;
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	on_line(c, line, len);
	return used;
}

static bool on_bytes(struct client *c, const char *bytes, size_t n)
{
	while (n > 0 && c->stage != STAGE_QUIT) {
		size_t used = c->stage == STAGE_CONTENT
		    ? on_content(c, bytes, n)
		    : on_line_bytes(c, bytes, n);

		bytes += used;
		n -= used;
		if (n_output > OUTPUT_SIZE - REPLY_ROOM)
			return false; /* thousands of commands in one read */
	}
	return true;
}

/* Connections */

static void accept_clients(int listener)
{
	int one = 1;

	for (;;) {
		int fd =
		    accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct client *c;

		if (fd < 0)
			return;
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			die("no memory");
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		poll_for(c, EPOLL_CTL_ADD, EPOLLIN);
		count->connections++;
		reply(banner);
		if (!flush(c))
			close_client(c);
	}
}

static void on_event(struct client *c, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLOUT) {
		if (!flush_unsent(c))
			close_client(c);
		return;
	}
	n = read(c->fd, input, sizeof(input));
	if (n < 0 && errno == EAGAIN)
		return;
	n_output = 0;
	if (n <= 0 || !on_bytes(c, input, (size_t)n) || !flush(c) ||
	    (c->stage == STAGE_QUIT && c->n_unsent == 0)) {
		n_output = 0;
		close_client(c);
	}
}

static void step(int listener)
{
	struct epoll_event events[256];
	int n = epoll_wait(epoll, events, 256, 1000);
	bool clients_wait = false;

	if (n < 0 && errno != EINTR)
		die("epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == NULL)
			clients_wait = true;
		else
			on_event(events[i].data.ptr, events[i].events);
	}
	if (clients_wait)
		accept_clients(listener);
	if (verify != NULL)
		(void)fflush(verify);
}

static int listen_at(const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	struct epoll_event event = { .events = EPOLLIN };
	const char *colon = strrchr(text, ':');
	int fd, r, one = 1;
	char host[256];
	size_t len;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		die("\"%s\" is not HOST:PORT", text);
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	r = getaddrinfo(host, colon + 1, &hints, &found);
	if (r != 0)
		die("%s: %s", host, gai_strerror(r));
	fd = socket(
	    found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("%s port %s: %s", host, colon + 1, strerror(errno));
	freeaddrinfo(found);
	return fd;
}

static void map_counters(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, 0) < 0 ||
	    ftruncate(fd, sizeof(struct counters)) < 0)
		die("%s: %s", path, strerror(errno));
	count = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (count == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static void print_result(void)
{
	struct rusage used;
	double cpu;

	getrusage(RUSAGE_SELF, &used);
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
	    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	(void)printf("{\"messages\": %" PRIu64 ", \"recipients\": %" PRIu64
	             ", \"bytes\": %" PRIu64 ", \"connections\": %" PRIu64
	             ", \"last\": %.6f, \"cpu_us\": %.2f}\n",
	    count->messages, count->recipients, count->bytes,
	    count->connections, (double)count->last / 1e6,
	    count->messages > 0 ? cpu / (double)count->messages : 0);
}

static void usage(void)
{
	(void)fputs(
	    "usage: sink [-v FILE] [-c FILE] HOST:PORT\n"
	    "  -v FILE  append the X-Bench-Id of each message that came\n"
	    "           to its end, or - if it has none\n"
	    "  -c FILE  keep the counters there, mapped\n"
	    "Prints the counters when SIGTERM or SIGINT comes.\n",
	    stderr);
	exit(2);
}

static void set_up(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct rlimit limit;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die("epoll_create: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	const char *verify_path = NULL;
	const char *counter_path = NULL;
	int letter, listener;

	set_up();
	while ((letter = getopt(argc, argv, "v:c:")) != -1) {
		if (letter == 'v')
			verify_path = optarg;
		else if (letter == 'c')
			counter_path = optarg;
		else
			usage();
	}
	if (argc - optind != 1)
		usage();
	if (verify_path != NULL) {
		verify = fopen(verify_path, "ae");
		if (verify == NULL)
			die("%s: %s", verify_path, strerror(errno));
	}
	listener = listen_at(argv[optind]);
	if (counter_path != NULL) /* last: it tells that we are ready */
		map_counters(counter_path);
	while (!interrupted)
		step(listener);
	if (verify != NULL && fclose(verify) != 0)
		die("%s: %s", verify_path, strerror(errno));
	print_result();
	return 0;
}
