/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/spawn.h"

#include <signal.h>
#include <unistd.h>

#include "daemon/deliver/worker.h"
#include "os/file.h"
#include "os/sock.h"

extern char **environ;

/* "TZ=..." of our environment, or NULL. */
static char *time_zone(void)
{
	for (char **e = environ; e && *e; e++)
		if (span_has_prefix(span_str(*e), SPAN("TZ=")))
			return *e;
	return NULL;
}

int spawn_worker(
    enum work_kind kind, const struct priv_user *user, struct spawned *ret)
{
	static char name[] = "deliver";
	CLEANUP(spawn_done) struct spawned s = SPAWNED_NONE;
	CLEANUP(fd_close) int line = -1;
	char option[WORKER_OPTION_MAX];
	char *const argv[] = { name, option, NULL };
	char *const env[] = { time_zone(), NULL };
	int fds[] = { 0, 1, 2, -1 };
	const struct child_spec spec = {
		/* Even if the file was replaced since: what we are. */
		.path = "/proc/self/exe",
		.argv = argv,
		.envp = env,
		.fds = fds,
		.nfds = ARRAY_LEN(fds),
		.dir = -1,
		.user = user,
	};
	int pair[2];
	int r = sock_pair(pair);

	if (r < 0)
		return r;
	s.line = pair[0];
	line = fds[WORK_LINE_FD] = pair[1];
	(void)snprintf(option, sizeof(option), "%s", worker_option(kind));
	r = child_spawn(&spec, &s.child);
	if (r < 0)
		return r;
	*ret = s;
	s = SPAWNED_NONE;
	return 0;
}

void spawn_kill(const struct spawned *s)
{
	/* -ESRCH: it has just ended. */
	if (s->child.pidfd >= 0)
		(void)!child_kill(s->child.pidfd, SIGKILL);
}

void spawn_done(struct spawned *s)
{
	fd_close(&s->child.pidfd);
	fd_close(&s->line);
}
