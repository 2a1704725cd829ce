/* SPDX-License-Identifier: ISC */
/*
 * os/child.h - starting another program with exactly what it may have.
 */
#pragma once

#include <sys/types.h>

#include "os/priv.h"

enum { CHILD_MAX_FDS = 64 };

struct child_spec {
	const char *path;
	char *const *argv;
	char *const *envp; /* the whole environment */
	/* These become 0, 1, 2, ...; no other descriptor survives. */
	const int *fds;
	size_t nfds;
	int dir; /* working directory; negative: ours */
	/* Whom it runs as; NULL: as we do. */
	const struct priv_user *user;
	bool new_session; /* out of our process group */
	/* A file that it writes may have so many bytes, then write() fails;
	 * 0: as we have it. */
	uint64_t file_max;
};

struct child {
	pid_t pid;
	int pidfd; /* close-on-exec; the caller's */
};

/*
 * fork and exec. Signals are unblocked and have their default actions (but
 * for SIGXFSZ, when there is a file_max), the umask is ours. Returns 0 once the program runs, or a negative errno,
 * whichever step failed; then nothing is left behind.
 */
MUST_USE int child_spawn(const struct child_spec *spec, struct child *ret);

/*
 * The status, as waitpid() would tell it, of a child that has ended (its
 * pidfd is readable); -1 if somebody else took it.
 */
int child_reap(int pidfd);
/* Wait for the end: 0, -ETIMEDOUT, or another negative errno. */
MUST_USE int child_wait(int pidfd, int timeout_msec, int *ret_status);
/* 0 or a negative errno: -ESRCH if it has ended. */
MUST_USE int child_kill(int pidfd, int signo);
