/* SPDX-License-Identifier: ISC */
/*
 * A server stands for a line of master.cf and lives as long as the spawner:
 * commands that it started count for its limit even after a reload. What is
 * wrong with its line is said when it is read; its clients are turned away.
 */
#include "daemon/deliver/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/value.h"
#include "conf/words.h"
#include "daemon/deliver/command_user.h"
#include "daemon/deliver/runner_exec.h"
#include "daemon/deliver/spawn_line.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"
#include "os/sock.h"

enum {
	ARENA_MAX = 4 * 1024 * 1024,
	TEXT_MAX = 8192,
	KEEP_MAX = 256, /* words of export_environment */
};

struct server {
	struct list link; /* in spawner->servers */
	struct spawner *spawner;
	uint8_t type; /* enum conf_type, and its name: whose line it is */
	char *name;
	size_t name_len;
	struct list ears;     /* struct ear */
	struct list commands; /* struct child_command */
	uint32_t running;
	struct loop_timer retry;
	/* From the configuration: */
	struct arena arena;
	bool usable;
	uint32_t max; /* 0: any number */
	usec time_limit;
	struct priv_user user;
	struct command command;
};

struct ear {
	struct list link;
	struct server *server;
	int fd;
	struct loop_watch *watch;
};

struct child_command {
	struct list link;
	struct server *server;
	struct child child;
	struct loop_watch *watch;
	struct loop_timer limit;
	char name[128]; /* for the log */
};

struct spawner {
	struct loop *loop;
	struct list servers;
};

/* ---- the configuration ---- */

static void complain(const struct conf_service *line, span text)
{
	log_fatal("spawn", "master.cf line %u: service %.*s: %.*s", line->line,
	    PRI(line->name), PRI(text));
}

static bool make_environment(struct conf *conf, uint32_t service,
    struct arena *a, struct command *command)
{
	span words = conf_value(conf, service, SPAN("export_environment"));
	struct command_env *env = arena_alloc(a, KEEP_MAX, sizeof(*env));
	uint32_t n = 0;
	span word;

	while (env && n < KEEP_MAX && (word = words_next(&words)).len > 0) {
		span setting;

		if (command_env_find(word, &setting) &&
		    command_env_split(arena_dup(a, setting), &env[n]))
			n++;
	}
	command->env = env;
	command->nenv = n;
	return env != NULL;
}

/* False: `error` says why, or it is empty and there was no memory. */
static bool load(
    struct server *s, struct conf *conf, uint32_t service, struct buf *error)
{
	const struct conf_service *line = conf_service(conf, service);
	span limit = conf_transport_value(conf, line->name, SPAN("time_limit"));
	struct spawn_line at;

	if (!conf_parse_duration(limit, 's', &s->time_limit)) {
		buf_printf(error, "bad time limit: %.*s", PRI(limit));
		return false;
	}
	if (!spawn_line_parse(line, &s->arena, &at, error) ||
	    !command_user_find(conf, at.user, at.group, &s->user, error))
		return false;
	s->max = line->maxproc;
	s->command = (struct command){
		.argv = at.argv,
		.nargv = at.nargv,
		.directory = arena_dup(&s->arena,
		    conf_value(conf, service, SPAN("queue_directory"))),
		.user = geteuid() == 0 ? &s->user : NULL,
	};
	return make_environment(conf, service, &s->arena, &s->command);
}

static void configure(struct server *s, struct conf *conf, uint32_t service)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(TEXT_MAX);

	arena_done(&s->arena);
	s->usable = load(s, conf, service, &error);
	if (!s->usable)
		complain(conf_service(conf, service),
		    error.len ? buf_span(&error) : SPAN("too many words"));
}

/* ---- commands ---- */

static void listen_or_not(struct server *s)
{
	bool full = s->max > 0 && s->running >= s->max;

	LIST_FOR(l, &s->ears)
	loop_watch_set(
	    CONTAINER_OF(l, struct ear, link)->watch, full ? 0 : LOOP_IN);
}

static void end_command(struct child_command *c)
{
	loop_unwatch(&c->watch);
	loop_timer_stop(c->server->spawner->loop, &c->limit);
	fd_close(&c->child.pidfd);
	list_remove(&c->link);
	c->server->running--;
	mem_free(c);
}

static void on_end(void *ctx, int status)
{
	struct child_command *c = ctx;
	struct server *s = c->server;

	if (status != -1 && WIFSIGNALED(status))
		log_warn("spawn", "command %s killed by signal %d", c->name,
		    WTERMSIG(status));
	else if (status != -1 && WEXITSTATUS(status) != 0)
		log_warn("spawn", "command %s exit status %d", c->name,
		    WEXITSTATUS(status));
	end_command(c);
	listen_or_not(s);
}

static void on_limit(void *ctx)
{
	struct child_command *c = ctx;

	log_warn("spawn", "%s: process id %d: command time limit exceeded",
	    c->name, (int)c->child.pid);
	/* It is not reaped yet, so this is still its group. */
	if (kill(-c->child.pid, SIGKILL) < 0)
		(void)!child_kill(c->child.pidfd, SIGKILL);
}

/* It runs: keep an eye on it. */
static void watch_command(struct server *s, const struct child *child)
{
	struct child_command *c = NEW(struct child_command);
	struct loop *loop = s->spawner->loop;

	c->server = s;
	c->child = *child;
	c->limit.fn = on_limit;
	c->limit.ctx = c;
	(void)snprintf(
	    c->name, sizeof(c->name), "%.*s", PRI(s->command.argv[0]));
	list_append(&s->commands, &c->link);
	s->running++;
	if (loop_child(loop, child->pidfd, on_end, c, &c->watch) < 0) {
		/* No way to hear of its end. */
		(void)kill(-child->pid, SIGKILL);
		end_command(c);
		return;
	}
	loop_timer_set(loop, &c->limit, loop_now(loop) + s->time_limit);
}

/* As in Postfix: what cannot be executed is a command that failed. */
static void cannot_start(const struct server *s, span why)
{
	log_fatal("spawn", "%.*s", PRI(why));
	log_warn(
	    "spawn", "command %.*s exit status 1", PRI(s->command.argv[0]));
}

static void start_command(struct server *s, int fd)
{
	CLEANUP(arena_done) struct arena scratch;
	CLEANUP(buf_done) struct buf complaint = BUF_INIT(TEXT_MAX);
	const int fds[] = { fd, fd, fd };
	struct child child;
	int r;

	arena_init(&scratch, ARENA_MAX);
	r = command_start(&s->command, fds, &scratch, &child, &complaint);
	if (r == COMMAND_RUNS)
		watch_command(s, &child);
	else if (r < 0)
		log_warn("spawn", "cannot start %.*s: %s",
		    PRI(s->command.argv[0]), strerror(-r));
	else
		cannot_start(s, span_trim(buf_span(&complaint)));
}

/* ---- connections ---- */

static void on_retry(void *ctx)
{
	listen_or_not(ctx);
}

/* Too many descriptors: what waits can wait for a second. */
static void pause_listening(struct server *s, int error)
{
	struct loop *loop = s->spawner->loop;

	log_warn("spawn", "accept connection: %s", strerror(-error));
	LIST_FOR(l, &s->ears)
	loop_watch_set(CONTAINER_OF(l, struct ear, link)->watch, 0);
	loop_timer_set(loop, &s->retry, loop_now(loop) + USEC_SEC);
}

static void on_connection(void *ctx, unsigned events)
{
	struct ear *ear = ctx;
	struct server *s = ear->server;
	struct sock_addr peer;
	CLEANUP(fd_close) int fd = sock_accept(ear->fd, &peer);

	(void)events;
	if (fd == -EAGAIN || fd == -ECONNABORTED || fd == -EINTR)
		return;
	if (fd < 0) {
		pause_listening(s, fd);
		return;
	}
	/* Commands expect to wait. */
	if (s->usable && fcntl(fd, F_SETFL, 0) == 0)
		start_command(s, fd);
	listen_or_not(s);
}

static void close_ear(struct ear *ear)
{
	loop_unwatch(&ear->watch);
	fd_close(&ear->fd);
	list_remove(&ear->link);
	mem_free(ear);
}

static void close_ears(struct server *s)
{
	struct list *l;

	while ((l = list_take(&s->ears)))
		close_ear(CONTAINER_OF(l, struct ear, link));
	loop_timer_stop(s->spawner->loop, &s->retry);
}

/* ---- servers ---- */

static struct server *find_server(
    struct spawner *p, const struct conf_service *line)
{
	LIST_FOR(l, &p->servers)
	{
		struct server *s = CONTAINER_OF(l, struct server, link);

		if (s->type == line->type &&
		    span_eq(span_of(s->name, s->name_len), line->name))
			return s;
	}
	return NULL;
}

static struct server *make_server(
    struct spawner *p, const struct conf_service *line)
{
	span name = line->name;
	struct server *s = NEW(struct server);

	s->spawner = p;
	s->type = line->type;
	s->name = mem_new(name.len + 1, 1);
	s->name_len = name.len;
	memcpy(s->name, name.ptr, name.len);
	s->retry.fn = on_retry;
	s->retry.ctx = s;
	list_init(&s->ears);
	list_init(&s->commands);
	arena_init(&s->arena, ARENA_MAX);
	list_append(&p->servers, &s->link);
	return s;
}

static void free_server(struct server *s)
{
	struct list *l;

	close_ears(s);
	while (!list_is_empty(&s->commands)) {
		l = s->commands.next;
		end_command(CONTAINER_OF(l, struct child_command, link));
	}
	arena_done(&s->arena);
	mem_free(s->name);
	mem_free(s);
}

void spawner_listen(
    struct spawner *p, struct conf *conf, uint32_t service, int fd)
{
	const struct conf_service *line = conf_service(conf, service);
	struct server *s = find_server(p, line);
	struct ear *ear;
	int r;

	if (!s)
		s = make_server(p, line);
	/* The first of its sockets. */
	if (list_is_empty(&s->ears))
		configure(s, conf, service);
	ear = NEW(struct ear);
	ear->server = s;
	ear->fd = fd;
	list_append(&s->ears, &ear->link);
	r = loop_watch(p->loop, fd, LOOP_IN, on_connection, ear, &ear->watch);
	if (r < 0) {
		log_warn("spawn", "listen for %.*s: %s", PRI(line->name),
		    strerror(-r));
		close_ear(ear);
		return;
	}
	listen_or_not(s);
}

void spawner_unlisten(struct spawner *p)
{
	LIST_FOR(l, &p->servers)
	close_ears(CONTAINER_OF(l, struct server, link));
}

struct spawner *spawner_new(struct loop *loop)
{
	struct spawner *p = NEW(struct spawner);

	p->loop = loop;
	list_init(&p->servers);
	return p;
}

void spawner_free(struct spawner **spawner)
{
	struct spawner *p = STEAL(*spawner);
	struct list *l;

	if (!p)
		return;
	while ((l = list_take(&p->servers)))
		free_server(CONTAINER_OF(l, struct server, link));
	mem_free(p);
}
