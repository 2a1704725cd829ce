/* SPDX-License-Identifier: ISC */
/*
 * os/landlock.c - which files and TCP ports a process can reach.
 *
 * Everything that this kernel can deny is denied, then the paths are let in.
 * The numbers are the kernel's (include/uapi/linux/landlock.h); they stand
 * here because the headers we are built with may be older than the kernel
 * we run on. Each version of Landlock added a line to the tables below.
 *
 * Version 1 could not allow a rename from one directory to another, which
 * the spool needs: it counts as none.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/sandbox_internal.h"

/* clang-format off */
enum {
	FS_EXECUTE     = 1 << 0,
	FS_WRITE_FILE  = 1 << 1,
	FS_READ_FILE   = 1 << 2,
	FS_READ_DIR    = 1 << 3,
	FS_REMOVE_DIR  = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR    = 1 << 7,
	FS_MAKE_REG    = 1 << 8,
	FS_REFER       = 1 << 13,
	FS_TRUNCATE    = 1 << 14,
	FS_IOCTL_DEV   = 1 << 15,

	NET_BIND_TCP    = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,

	SCOPE_ABSTRACT_UNIX = 1 << 0,
	SCOPE_SIGNAL        = 1 << 1,

	/* What makes sense for something that is no directory. */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE |
	    FS_TRUNCATE | FS_IOCTL_DEV,

	RULE_PATH = 1,
	RULE_PORT = 2,
	ASK_VERSION = 1,
	FIRST_USEFUL = 2,
};

/* What a version can deny: all rights up to there. */
static const struct {
	int version;
	uint64_t fs, net, scoped;
} abilities[] = {
	{ 2, (1 << 14) - 1, 0, 0 },
	{ 3, (1 << 15) - 1, 0, 0 },
	{ 4, (1 << 15) - 1, NET_BIND_TCP | NET_CONNECT_TCP, 0 },
	{ 5, (1 << 16) - 1, NET_BIND_TCP | NET_CONNECT_TCP, 0 },
	{ 6, (1 << 16) - 1, NET_BIND_TCP | NET_CONNECT_TCP,
		SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL },
};

static const struct {
	unsigned access;
	uint64_t rights;
} grants[] = {
	{ SANDBOX_READ, FS_READ_FILE | FS_READ_DIR },
	{ SANDBOX_WRITE, FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE |
		FS_MAKE_DIR | FS_MAKE_REG | FS_REFER | FS_TRUNCATE },
	{ SANDBOX_EXECUTE, FS_EXECUTE | FS_READ_FILE },
	{ SANDBOX_DRAFT, FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG |
		FS_REFER },
	{ SANDBOX_FILE_IN, FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG |
		FS_REFER },
};
/* clang-format on */

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct __attribute__((packed)) path_rule {
	uint64_t allowed;
	int32_t parent;
};

struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

int sandbox_landlock(void)
{
	long version =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);

	return version < FIRST_USEFUL ? 0 : (int)version;
}

static struct ruleset deniable(int version)
{
	struct ruleset all = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(abilities); i++)
		if (abilities[i].version <= version)
			all = (struct ruleset){ abilities[i].fs,
				abilities[i].net, abilities[i].scoped };
	return all;
}

static int allow_path(
    int ruleset, const struct ruleset *denied, const struct sandbox_path *p)
{
	struct path_rule rule = { .parent = p->fd };
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(grants); i++)
		if (p->access & grants[i].access)
			rule.allowed |= grants[i].rights;
	if (fstat(p->fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FS_OF_FILES;
	rule.allowed &= denied->fs;
	if (!rule.allowed)
		return 0;
	return os_error(
	    (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0));
}

/* Port 0 is what asks the system to choose one. */
static int allow_chosen_port(int ruleset, const struct ruleset *denied)
{
	struct port_rule rule = { .allowed = denied->net };

	if (!denied->net)
		return 0;
	return os_error(
	    (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0));
}

int sandbox_lock_files(
    unsigned may, const struct sandbox_path *paths, size_t npaths)
{
	struct ruleset denied = deniable(sandbox_landlock());
	CLEANUP(fd_close) int fd = -1;
	int r = 0;

	if (!denied.fs)
		return 0;
	if (may & SANDBOX_CONNECT)
		denied.net &= NET_BIND_TCP;
	fd = os_error((int)syscall(
	    SYS_landlock_create_ruleset, &denied, sizeof(denied), 0));
	if (fd < 0)
		return fd;
	for (size_t i = 0; may & SANDBOX_FILES && i < npaths && r == 0; i++)
		r = allow_path(fd, &denied, &paths[i]);
	if (may & SANDBOX_CONNECT && r == 0)
		r = allow_chosen_port(fd, &denied);
	if (r < 0)
		return r;
	return os_error((int)syscall(SYS_landlock_restrict_self, fd, 0));
}
