/* SPDX-License-Identifier: ISC */
#include "tool/sendmail/sink.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/site.h"
#include "conf/words.h"
#include "os/child.h"
#include "os/error.h"
#include "os/file.h"
#include "os/sock.h"
#include "tool/postdrop_status.h"

enum { ENV_MAX = 128, ANSWER_MAX = 64 * 1024 };

/* postdrop ended with an exit code. */
static const char close_error[] = "mail_stream_cleanup: close error";

/* ---- postdrop ---- */

struct environment {
	struct buf text;
	char *list[ENV_MAX + 1];
	size_t at[ENV_MAX];
	size_t count;
};

static void add_variable(struct environment *e, span word)
{
	struct buf name = BUF_INIT(4096);
	const char *value = NULL;
	size_t at = e->text.len;

	buf_put(&name, word);
	if (span_find(word, '=') < 0)
		value = getenv(buf_cstr(&name));
	if (span_find(word, '=') >= 0)
		buf_put(&e->text, word);
	else if (value)
		buf_printf(&e->text, "%s=%s", buf_cstr(&name), value);
	buf_done(&name);
	if (e->text.len == at || e->count == ENV_MAX)
		return;
	buf_putc(&e->text, '\0');
	e->at[e->count++] = at;
}

/* What export_environment lists. */
static void fill_environment(struct environment *e, struct conf *conf)
{
	span list = conf_value(conf, CONF_MAIN, SPAN("export_environment"));
	span word;

	buf_init(&e->text, 1 << 20);
	while ((word = words_next(&list)).len > 0)
		add_variable(e, word);
	for (size_t i = 0; i < e->count; i++)
		e->list[i] = e->text.data + e->at[i];
}

static void postdrop_path(const struct sink *k, struct buf *out)
{
	buf_put(out, site_command_dir(k->s->conf));
	buf_put(out, SPAN("/postdrop"));
}

/* NUL-terminated texts, of which the last one is empty: all of them are
 * there. Appended to `out`. */
static int read_answer(int fd, struct buf *out)
{
	while (out->len < 2 || out->data[out->len - 1] != '\0' ||
	    out->data[out->len - 2] != '\0') {
		char *room = buf_room(out, 1);
		ssize_t n;

		if (!room)
			return -EPROTO;
		n = os_size(read(fd, room, 1));
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		out->len++;
	}
	return 0;
}

/* The value of an attribute in an answer; ptr == NULL: it has none. */
static span answer_value(span answer, span name)
{
	while (answer.len > 0) {
		span key = span_cut(&answer, '\0');
		span value = span_cut(&answer, '\0');

		if (span_eq(key, name))
			return value;
	}
	return SPAN_NONE;
}

/* Take its end; it is over or will be soon. */
static int end_postdrop(struct sink *k)
{
	int status = 0;

	fd_close(&k->fd);
	if (k->pidfd >= 0 && child_wait(k->pidfd, -1, &status) < 0)
		status = -1;
	fd_close(&k->pidfd);
	return status;
}

static int greet(struct sink *k, const char *path)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX);
	int status;

	if (read_answer(k->fd, &answer) == 0 &&
	    span_eq(answer_value(buf_span(&answer), SPAN("protocol")),
	        SPAN("postdrop_protocol"))) {
		span id = answer_value(buf_span(&answer), SPAN("queue_id"));

		(void)snprintf(k->id, sizeof(k->id), "%.*s", PRI(id));
		return 0;
	}
	status = end_postdrop(k);
	if (status != 0)
		voice_warn(&k->s->voice,
		    "command \"%s -r\" exited with status %d", path, status);
	return -EPROTO;
}

static int start_postdrop(struct sink *k)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct environment e = { .count = 0 };
	char *const argv[] = { (char[]){ "postdrop" }, (char[]){ "-r" }, NULL };
	struct child child;
	int fds[2];
	int r;

	postdrop_path(k, &path);
	fill_environment(&e, k->s->conf);
	r = sock_pair(fds);
	if (r == 0) {
		const int theirs[] = { fds[1], fds[1], STDERR_FILENO };
		struct child_spec spec = {
			.path = buf_cstr(&path),
			.argv = argv,
			.envp = e.list,
			.fds = theirs,
			.nfds = ARRAY_LEN(theirs),
			.dir = -1,
		};

		r = child_spawn(&spec, &child);
		(void)close(fds[1]);
		if (r < 0)
			(void)close(fds[0]);
	}
	buf_done(&e.text);
	if (r < 0)
		return r;
	k->fd = fds[0];
	k->pidfd = child.pidfd;
	k->started = true;
	return greet(k, buf_cstr(&path));
}

/* ---- one or the other ---- */

/* May we write there ourselves, with the same outcome? */
static bool may_write(const struct sendmail *s)
{
	return span_has_prefix(
	           s->settings.authorized_submit_users, SPAN("static:")) &&
	    span_eq(s->settings.local_login_sender_maps, SPAN("static:*")) &&
	    faccessat(AT_FDCWD, "maildrop", W_OK | X_OK, AT_EACCESS) == 0;
}

static void put_time(struct sink *k)
{
	struct timeval now;

	(void)gettimeofday(&now, NULL);
	record_printf(&k->file.out, RECORD_TIME, "%ld %ld", (long)now.tv_sec,
	    (long)now.tv_usec);
}

static void init(struct sink *k, struct sendmail *s)
{
	*k = (struct sink){ .s = s, .fd = -1, .pidfd = -1 };
	k->postdrop = (struct voice){ .name = "postdrop", .conf = s->conf };
	postdrop_file_init(&k->file);
	buf_init(&k->reason, ANSWER_MAX);
}

int sink_open(struct sink *k, struct sendmail *s)
{
	init(k, s);
	k->direct = may_write(s);
	if (!k->direct)
		return start_postdrop(k);
	put_time(k);
	return 0;
}

/* In /tmp, which is cleaned by others; without one, in memory. */
int sink_scratch(void)
{
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("message", MFD_CLOEXEC);
	return os_error(fd);
}

int sink_hold(struct sink *k, struct sendmail *s)
{
	init(k, s);
	k->held = true;
	k->fd = sink_scratch();
	return k->fd < 0 ? k->fd : 0;
}

void sink_close(struct sink *k)
{
	postdrop_file_done(&k->file);
	if (k->fd >= 0)
		(void)end_postdrop(k);
	buf_done(&k->reason);
	voice_done(&k->postdrop);
}

static void flush(struct sink *k)
{
	struct buf *out = &k->file.out;

	if (k->error == 0 && k->direct && !k->started) {
		k->error = postdrop_file_create(&k->file);
		k->started = k->error == 0;
		(void)snprintf(k->id, sizeof(k->id), "%s", k->file.id);
	}
	if (k->error == 0 && k->direct)
		postdrop_file_flush(&k->file);
	else if (k->error == 0)
		k->error = file_write_all(k->fd, buf_span(out));
	buf_clear(out);
}

int sink_held(struct sink *k, span *ret)
{
	flush(k);
	return k->error < 0 ? k->error : file_map(k->fd, SIZE_MAX, ret);
}

static void flush_some(struct sink *k)
{
	if (k->file.out.len > POSTDROP_FLUSH)
		flush(k);
}

void sink_put_content(struct sink *k, char type, span data)
{
	record_put(&k->file.out, type, data);
	flush_some(k);
}

void sink_put_raw(struct sink *k, span records)
{
	buf_put(&k->file.out, records);
	flush_some(k);
}

static bool is_one_line(span data)
{
	for (size_t i = 0; i < data.len; i++)
		if (memchr("\r\n", data.ptr[i], 3))
			return false;
	return true;
}

/* postdrop looks by itself, and says the same. */
static void check(struct sink *k, char type, size_t len, span data)
{
	if (!k->direct || k->refused)
		return;
	if (len > k->s->settings.line_length_limit) {
		k->refused = true;
		voice_warn(&k->postdrop,
		    "stdin: illegal length %zu, record type %d", len, type);
		voice_fatal(
		    &k->postdrop, "uid=%ld: malformed input", (long)getuid());
	} else if (!is_one_line(data)) {
		k->refused = true;
		voice_fatal(&k->postdrop,
		    "uid=%ld: null or line break in '%c' record type: %.*s",
		    (long)getuid(), type, PRI(span_first(data, 200)));
	}
}

void sink_put(struct sink *k, char type, span data)
{
	check(k, type, data.len, data);
	sink_put_content(k, type, data);
}

void sink_put_attr(struct sink *k, const char *name, span value)
{
	check(k, RECORD_ATTR, strlen(name) + 1 + value.len, value);
	record_put_attr(&k->file.out, name, value);
	flush_some(k);
}

int sink_error(const struct sink *k)
{
	/* Of a file the outcome tells. */
	return k->direct ? 0 : k->error;
}

static uint32_t status_of(int error)
{
	if (error == 0)
		return POSTDROP_OK;
	return error == -EFBIG ? POSTDROP_SIZE : POSTDROP_WRITE;
}

static void finish_file(struct sink *k)
{
	if (!k->refused)
		flush(k);
	if (!k->refused && k->error == 0)
		k->error = postdrop_file_commit(&k->file);
	k->status = k->refused ? POSTDROP_WRITE : status_of(k->error);
	if (k->error < 0)
		voice_warn(&k->postdrop, "uid=%ld: %s", (long)getuid(),
		    strerror(-k->error));
	if (k->status != POSTDROP_OK)
		voice_warn(&k->s->voice, "%s", close_error);
	else
		postdrop_nudge(&k->postdrop);
}

static void finish_postdrop(struct sink *k)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX);
	uint32_t status;

	k->status = POSTDROP_WRITE;
	flush(k);
	if (read_answer(k->fd, &answer) == 0 &&
	    span_to_u32(
	        answer_value(buf_span(&answer), SPAN("status")), &status)) {
		k->status = status;
		buf_put(&k->reason,
		    answer_value(buf_span(&answer), SPAN("reason")));
	}
	if (end_postdrop(k) != 0)
		voice_warn(&k->s->voice, "mail_stream_cleanup: close error");
}

void sink_finish(struct sink *k)
{
	if (k->direct)
		finish_file(k);
	else
		finish_postdrop(k);
}
