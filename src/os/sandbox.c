/* SPDX-License-Identifier: ISC */
/*
 * os/sandbox.c - the seccomp filter, and the order in which the door closes.
 *
 * The filter is a list of what is allowed; anything else fails with EPERM.
 * Two groups are exceptions: what only an attacker would call kills, and
 * what the C library tries first and can do without is "not there"
 * (ENOSYS), so that it falls back to a call whose arguments the filter can
 * see. Calls younger than this file are not there either.
 *
 * A filter sees numbers, not what pointers point to: it can tell the family
 * of a new socket but not the address that a sendmsg() carries, and that a
 * file is opened but not which. The second is Landlock's part.
 */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/priv.h"
#include "os/sandbox_internal.h"

enum {
	/* Numbers are the same on all architectures from 424 on. */
	FIRST_YOUNG_CALL = 450,
	LAST_YOUNG_CALL = 511,
	SOCK_TYPE_BITS = 0xf,
	BINARY_TREE = 2, /* how libseccomp arranges a long list */
};

struct rule {
	int call;
	unsigned may;    /* all of these are granted; 0: always */
	unsigned unless; /* and none of these */
	struct scmp_arg_cmp if_arg;
};

#define S(name) SCMP_SYS(name)
#define EQ(n, value) \
	{ \
		(n), SCMP_CMP_EQ, (scmp_datum_t)(value), 0 \
	}
/* Of the bits in `mask`, exactly `value`. */
#define BITS(n, mask, value) \
	{ \
		(n), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), \
		    (scmp_datum_t)(value) \
	}

/* clang-format off */

/* Allowed always: what acts on our memory, our time, our descriptors. */
static const int harmless[] = {
	S(read), S(write), S(readv), S(writev), S(pread64), S(pwrite64),
	S(preadv), S(pwritev), S(preadv2), S(pwritev2), S(sendfile),
	S(lseek), S(_llseek), S(close), S(close_range), S(dup), S(dup2),
	S(dup3), S(fstat), S(fstat64), S(fsync), S(fdatasync),
	S(sync_file_range), S(ftruncate), S(ftruncate64), S(fallocate),
	S(fadvise64), S(flock), S(pipe2),

	S(recvmsg), S(recvfrom), S(recvmmsg), S(recv), S(sendmsg),
	S(sendmmsg), S(send), S(getsockopt), S(setsockopt), S(getsockname),
	S(getpeername), S(shutdown),

	S(epoll_create1), S(epoll_ctl), S(epoll_wait), S(epoll_pwait),
	S(poll), S(ppoll), S(ppoll_time64), S(select), S(_newselect),
	S(pselect6), S(pselect6_time64), S(eventfd2), S(signalfd4),
	S(timerfd_create), S(timerfd_settime), S(timerfd_gettime),

	S(brk), S(munmap), S(mremap), S(madvise), S(msync), S(membarrier),
	S(futex), S(futex_time64), S(set_robust_list), S(get_robust_list),
	S(rseq), S(set_tid_address), S(arch_prctl), S(getrandom),

	S(clock_gettime), S(clock_gettime64), S(clock_getres),
	S(clock_nanosleep), S(clock_nanosleep_time64), S(nanosleep),
	S(gettimeofday), S(time), S(times), S(alarm), S(setitimer),
	S(getitimer),

	S(getpid), S(gettid), S(getppid), S(getuid), S(geteuid), S(getgid),
	S(getegid), S(getresuid), S(getresgid), S(getgroups), S(getpgrp),
	S(getrlimit), S(ugetrlimit), S(getrusage), S(sysinfo), S(uname),
	S(getcpu), S(sched_yield), S(sched_getaffinity), S(capget),

	S(rt_sigaction), S(rt_sigprocmask), S(rt_sigreturn), S(sigreturn),
	S(rt_sigpending), S(rt_sigsuspend), S(rt_sigtimedwait),
	S(sigaltstack), S(pause), S(restart_syscall), S(exit),
	S(exit_group),
};

/* With SANDBOX_FILES. */
static const int for_files[] = {
	S(open), S(openat), S(creat), S(access), S(faccessat), S(stat),
	S(stat64), S(lstat), S(lstat64), S(newfstatat), S(fstatat64),
	S(statx), S(statfs), S(statfs64), S(fstatfs), S(fstatfs64),
	S(readlink), S(readlinkat), S(getdents), S(getdents64), S(getcwd),
	S(chdir), S(fchdir), S(umask), S(mkdir), S(mkdirat), S(rmdir),
	S(unlink), S(unlinkat), S(rename), S(renameat), S(renameat2),
	S(link), S(linkat), S(chmod), S(fchmod), S(fchmodat), S(chown),
	S(fchown), S(fchownat), S(lchown), S(truncate), S(truncate64),
	S(utimensat), S(utime), S(utimes), S(copy_file_range), S(readahead),
	S(mmap), S(mmap2), S(mprotect),
};

/* Allowed under a condition. */
static const struct rule rules[] = {
	{ S(accept), SANDBOX_ACCEPT, 0, { 0 } },
	{ S(accept4), SANDBOX_ACCEPT, 0, { 0 } },

	{ S(socketpair), SANDBOX_PAIR, 0, EQ(0, AF_UNIX) },

	{ S(connect), SANDBOX_CONNECT, 0, { 0 } },
	{ S(bind), SANDBOX_CONNECT, 0, { 0 } },
	/* Otherwise without an address: to the peer we have. */
	{ S(sendto), SANDBOX_CONNECT, 0, { 0 } },
	{ S(sendto), 0, SANDBOX_CONNECT, EQ(4, 0) },

	/* No new code, unless it comes from a file it may reach. */
	{ S(mmap), 0, SANDBOX_FILES, BITS(2, PROT_EXEC, 0) },
	{ S(mmap2), 0, SANDBOX_FILES, BITS(2, PROT_EXEC, 0) },
	{ S(mprotect), 0, SANDBOX_FILES, BITS(2, PROT_EXEC, 0) },
	/* fstat() is this call in glibc. */
	{ S(newfstatat), 0, SANDBOX_FILES,
		BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH) },

	{ S(clone), SANDBOX_THREADS, 0,
		BITS(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM) },

	{ S(setuid), SANDBOX_SETUID, 0, { 0 } },
	{ S(setgid), SANDBOX_SETUID, 0, { 0 } },
	{ S(setreuid), SANDBOX_SETUID, 0, { 0 } },
	{ S(setregid), SANDBOX_SETUID, 0, { 0 } },
	{ S(setresuid), SANDBOX_SETUID, 0, { 0 } },
	{ S(setresgid), SANDBOX_SETUID, 0, { 0 } },
	{ S(setgroups), SANDBOX_SETUID, 0, { 0 } },
	{ S(setgroups), SANDBOX_FSUID, 0, { 0 } },
	{ S(setfsuid), SANDBOX_FSUID, 0, { 0 } },
	{ S(setfsgid), SANDBOX_FSUID, 0, { 0 } },

	{ S(fcntl), 0, 0, EQ(1, F_DUPFD) },
	{ S(fcntl), 0, 0, EQ(1, F_DUPFD_CLOEXEC) },
	{ S(fcntl), 0, 0, EQ(1, F_GETFD) },
	{ S(fcntl), 0, 0, EQ(1, F_SETFD) },
	{ S(fcntl), 0, 0, EQ(1, F_GETFL) },
	{ S(fcntl), 0, 0, EQ(1, F_SETFL) },
	{ S(fcntl), 0, 0, EQ(1, F_GETLK) },
	{ S(fcntl), 0, 0, EQ(1, F_SETLK) },
	{ S(fcntl), 0, 0, EQ(1, F_SETLKW) },
	{ S(fcntl), 0, 0, EQ(1, F_OFD_GETLK) },
	{ S(fcntl), 0, 0, EQ(1, F_OFD_SETLK) },
	{ S(fcntl), 0, 0, EQ(1, F_OFD_SETLKW) },
	{ S(fcntl), 0, 0, EQ(1, F_GET_SEALS) },

	{ S(ioctl), 0, 0, EQ(1, FIONREAD) },
	{ S(prctl), 0, 0, EQ(0, PR_SET_NAME) },
	{ S(prctl), 0, 0, EQ(0, PR_GET_NAME) },
	{ S(prctl), 0, 0, EQ(0, 0x53564d41) }, /* PR_SET_VMA */
	/* Ask, but do not set. */
	{ S(prlimit64), 0, 0, EQ(2, 0) },
};

/* Sockets to be made with SANDBOX_CONNECT: no protocol that is rarely used
 * and rarely looked at. */
static const struct {
	int family;
	unsigned may;
	int type;
	int protocol;
} sockets[] = {
	{ AF_INET, 0, SOCK_STREAM, 0 },
	{ AF_INET, 0, SOCK_STREAM, IPPROTO_TCP },
	{ AF_INET, 0, SOCK_DGRAM, 0 },
	{ AF_INET, 0, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_INET6, 0, SOCK_STREAM, 0 },
	{ AF_INET6, 0, SOCK_STREAM, IPPROTO_TCP },
	{ AF_INET6, 0, SOCK_DGRAM, 0 },
	{ AF_INET6, 0, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_UNIX, SANDBOX_FILES, SOCK_STREAM, 0 },
	{ AF_UNIX, SANDBOX_UNIX, SOCK_STREAM, 0 },
	{ AF_UNIX, SANDBOX_FILES, SOCK_DGRAM, 0 },
};

/* "Not there": the C library knows another way. */
static const int dispensable[] = {
	S(clone3), S(openat2), S(faccessat2), S(epoll_pwait2),
	S(futex_waitv),
};

/* Nothing we do needs these; whoever calls them took the process over. */
static const int deadly[] = {
	S(ptrace), S(process_vm_readv), S(process_vm_writev),
	S(process_madvise), S(pidfd_getfd), S(kcmp),
	S(mount), S(umount), S(umount2), S(pivot_root), S(chroot),
	S(move_mount), S(fsopen), S(fsconfig), S(fsmount), S(fspick),
	S(open_tree), S(mount_setattr), S(setns), S(unshare),
	S(open_by_handle_at), S(name_to_handle_at), S(quotactl),
	S(quotactl_fd), S(swapon), S(swapoff), S(acct), S(mknod),
	S(mknodat),
	S(bpf), S(perf_event_open), S(userfaultfd), S(io_uring_setup),
	S(io_uring_enter), S(io_uring_register), S(keyctl), S(add_key),
	S(request_key), S(memfd_secret), S(modify_ldt), S(iopl), S(ioperm),
	S(kexec_load), S(kexec_file_load), S(init_module),
	S(finit_module), S(delete_module), S(create_module), S(reboot),
	S(syslog), S(settimeofday), S(clock_settime), S(clock_settime64),
	S(adjtimex), S(clock_adjtime), S(sethostname), S(setdomainname),
	S(vhangup), S(nfsservctl), S(lookup_dcookie), S(uselib),
	S(_sysctl), S(personality),
};
/* clang-format on */

/* A call that this architecture does not have needs no rule. */
static int add(scmp_filter_ctx f, uint32_t action, int call, unsigned n,
    const struct scmp_arg_cmp *args)
{
	int r = seccomp_rule_add_array(f, action, call, n, args);

	return r == -EDOM ? 0 : r;
}

static int add_all(
    scmp_filter_ctx f, uint32_t action, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add(f, action, calls[i], 0, NULL);
	return r;
}

static int add_rules(scmp_filter_ctx f, unsigned may)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(rules) && r == 0; i++) {
		const struct rule *rule = &rules[i];
		bool bare = rule->if_arg.op == 0;

		if ((rule->may & may) == rule->may && !(rule->unless & may))
			r = add(f, SCMP_ACT_ALLOW, rule->call, bare ? 0 : 1,
			    &rule->if_arg);
	}
	return r;
}

static int add_sockets(scmp_filter_ctx f, unsigned may)
{
	int r = 0;

	if (!(may & SANDBOX_CONNECT))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(sockets) && r == 0; i++) {
		const struct scmp_arg_cmp args[] = {
			EQ(0, sockets[i].family),
			BITS(1, SOCK_TYPE_BITS, sockets[i].type),
			EQ(2, sockets[i].protocol),
		};

		if ((sockets[i].may & may) == sockets[i].may)
			r = add(f, SCMP_ACT_ALLOW, S(socket), ARRAY_LEN(args),
			    args);
	}
	return r;
}

/* Signals go to ourselves only: abort() and raise(). */
static int add_own_signals(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp self = EQ(0, getpid());
	int r = add(f, SCMP_ACT_ALLOW, S(tgkill), 1, &self);

	return r == 0 ? add(f, SCMP_ACT_ALLOW, S(kill), 1, &self) : r;
}

static int add_young(scmp_filter_ctx f)
{
	int r = 0;

	for (int nr = FIRST_YOUNG_CALL; nr <= LAST_YOUNG_CALL && r == 0; nr++)
		r = add(f, SCMP_ACT_ERRNO(ENOSYS), nr, 0, NULL);
	return r;
}

static int fill_strict(scmp_filter_ctx f, unsigned may)
{
	int r = add_all(f, SCMP_ACT_ALLOW, harmless, ARRAY_LEN(harmless));

	if (r == 0 && may & SANDBOX_FILES)
		r = add_all(f, SCMP_ACT_ALLOW, for_files, ARRAY_LEN(for_files));
	if (r == 0)
		r = add_rules(f, may);
	if (r == 0)
		r = add_sockets(f, may);
	if (r == 0)
		r = add_own_signals(f);
	if (r == 0)
		r = add_all(f, SCMP_ACT_ERRNO(ENOSYS), dispensable,
		    ARRAY_LEN(dispensable));
	if (r == 0)
		r = add_young(f);
	if (r == 0)
		r = add_all(
		    f, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly));
	return r;
}

static int fill(scmp_filter_ctx f, unsigned may)
{
	int r;

	/* We speak of errors as the kernel does, and of no other machine. */
	r = seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	if (r == 0)
		r = seccomp_attr_set(
		    f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* sandbox_enter() sets it where it is wanted. */
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0);
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r < 0)
		return r;
	if (may & SANDBOX_EXEC)
		return add_all(
		    f, SCMP_ACT_ERRNO(EPERM), deadly, ARRAY_LEN(deadly));
	return fill_strict(f, may);
}

int sandbox_lock_calls(unsigned may)
{
	scmp_filter_ctx f = seccomp_init(
	    may & SANDBOX_EXEC ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!f)
		return -ENOMEM;
	r = fill(f, may);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

int sandbox_enter(unsigned may, const struct sandbox_path *paths, size_t npaths)
{
	int r;

	if (may & SANDBOX_EXEC) {
		r = sandbox_lock_calls(may);
		return r == -EACCES ? 0 : r;
	}
	sandbox_last_orders();
	r = priv_no_new();
	if (r == 0)
		r = sandbox_lock_files(may, paths, npaths);
	if (r == 0)
		r = sandbox_lock_calls(may);
	return r;
}
