/* SPDX-License-Identifier: ISC */
/*
 * os/sandbox.h - what a process can still do after it closed the door.
 *
 * Two locks, one behind the other: a seccomp filter (which system calls, with
 * which arguments) and a Landlock domain (which files, which TCP ports).
 * Neither can be opened again, and children inherit both. Descriptors that
 * are open stay usable; memory, time and waiting are always allowed.
 *
 * A call that is not granted is refused with EPERM, or EACCES where Landlock
 * says no; a call that only an attacker makes (ptrace, mount, bpf, ...) kills
 * the process.
 */
#pragma once

#include "base/base.h"

enum sandbox_may {
	/* accept() on a socket that listens already. */
	SANDBOX_ACCEPT = 1,
	/* New sockets, TCP and UDP, connected or bound to a port the system
	 * chooses; unix sockets too when it may also reach files. */
	SANDBOX_CONNECT = 2,
	/* Open and change files, below the paths given. */
	SANDBOX_FILES = 4,
	/* New threads. */
	SANDBOX_THREADS = 8,
	/*
	 * Start programs as other users. They must not inherit a sandbox,
	 * and set-id programs must work in them: so this grants everything,
	 * except the killing calls, which are refused; and that only for
	 * root, since nobody else may do it without giving up set-id.
	 */
	SANDBOX_EXEC = 16,
	/* Change uid and gid. */
	SANDBOX_SETUID = 32,
	/* Act on files as somebody else: setfsuid() and the like. */
	SANDBOX_FSUID = 64,
	/* Pairs of unix sockets, connected to each other. */
	SANDBOX_PAIR = 128,
	/* With SANDBOX_CONNECT: unix stream sockets, to whom their files'
	 * owners let; nothing can be bound to a path. */
	SANDBOX_UNIX = 256,
};

enum sandbox_access {
	SANDBOX_READ = 1,    /* files and directories */
	SANDBOX_WRITE = 2,   /* make, write, link, rename and remove them */
	SANDBOX_EXECUTE = 4, /* map code: loadable modules */
	/* Of a directory: make, write and remove files, and move them out. */
	SANDBOX_DRAFT = 8,
	/* See what is there, move files in, remove them. */
	SANDBOX_FILE_IN = 16,
};

/* A directory with all below it, or one file. */
struct sandbox_path {
	int fd;
	unsigned access; /* enum sandbox_access */
};

/*
 * Close the door. `may` is enum sandbox_may; the paths are of use with
 * SANDBOX_FILES only. 0, or a negative errno, and then the process must not
 * go on. A kernel without Landlock gives the other lock alone.
 */
MUST_USE int sandbox_enter(
    unsigned may, const struct sandbox_path *paths, size_t npaths);

/* The version of Landlock here, 0: none that serves. */
int sandbox_landlock(void);
