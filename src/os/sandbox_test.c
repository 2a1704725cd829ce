/* SPDX-License-Identifier: ISC */
/*
 * Each profile closes the door in a child and then tries everything: what it
 * needs must work, all else must be refused. As root and as nobody.
 */
#include "os/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/log.h"
#include "os/loop.h"
#include "os/priv.h"
#include "os/sock.h"
#include "test/lib/unit.h"

enum { STRANGER = 54321 };

/* Made before the door closes. */
static struct fixture {
	char dir[64];
	int landlock;               /* its version; nobody can ask later */
	int readable;               /* directories: granted for reading, */
	int writable;               /* for writing only, */
	int outside;                /* not at all */
	int file;                   /* an open file in `outside` */
	int listener;               /* TCP, one connection waits in it */
	int client;                 /* the other end of that connection */
	int elsewhere;              /* another listener */
	struct sock_addr at;        /* where `elsewhere` listens */
	struct sock_addr datagrams; /* address of `dgram[1]` */
	struct sock_addr local;     /* a unix socket that listens */
	int listens;
	int pair[2];
	int dgram[2];
} f;

/*
 * Probes: 0 or a negative errno.
 */

static int probe_held_descriptors(void)
{
	char byte;

	if (write(f.pair[0], "x", 1) != 1 || read(f.pair[1], &byte, 1) != 1)
		return -errno;
	if (pwrite(f.file, "hello", 5, 0) != 5 || fdatasync(f.file) < 0)
		return -errno;
	return 0;
}

static void count_hook(void *ctx)
{
	int *count = ctx;

	++*count;
}

static void count_signal(void *ctx, int signo UNUSED)
{
	count_hook(ctx);
}

static int probe_loop(void)
{
	struct loop *l = NULL;
	int count = 0;
	struct loop_timer t = { .fn = count_hook, .ctx = &count };
	struct loop_hook h = { .fn = count_hook, .ctx = &count };
	int r = loop_new(&l);

	if (r < 0)
		return r;
	r = loop_signal(l, SIGUSR1, count_signal, &count);
	loop_timer_set(l, &t, loop_now(l));
	loop_defer(l, LOOP_LOG, &h);
	(void)raise(SIGUSR1);
	if (r == 0)
		r = loop_round(l, 0);
	loop_free(&l);
	return r == 0 && count != 3 ? -EIO : r;
}

static int probe_memory(void)
{
	void *p = mem_new(1, 32 * 1024 * 1024);

	p = mem_resize(p, 1, 64 * 1024 * 1024);
	mem_free(p);
	return 0;
}

static int probe_log(void)
{
	log_line("test", "a line with the local time");
	log_flush();
	return 0;
}

static int probe_fstat(void)
{
	struct stat st;

	return os_error(fstat(f.file, &st));
}

static int closing(int fd)
{
	fd = os_error(fd);
	if (fd >= 0)
		(void)close(fd);
	return MIN(fd, 0);
}

static int probe_accept(void)
{
	return closing(accept4(f.listener, NULL, NULL, SOCK_CLOEXEC));
}

static int probe_read_granted(void)
{
	return closing(openat(f.readable, "file", O_RDONLY | O_CLOEXEC));
}

static int probe_list_granted(void)
{
	return closing(openat(f.readable, ".", O_RDONLY | O_DIRECTORY));
}

static int probe_write_where_readable(void)
{
	return closing(openat(f.readable, "file", O_WRONLY | O_CLOEXEC));
}

static int probe_create_where_readable(void)
{
	return closing(openat(f.readable, "new", O_CREAT | O_WRONLY, 0600));
}

static int probe_create_granted(void)
{
	int r = closing(
	    openat(f.writable, "new", O_CREAT | O_WRONLY | O_TRUNC, 0600));

	if (r == 0)
		r = os_error(mkdirat(f.writable, "sub", 0700));
	if (r == 0)
		r = os_error(
		    renameat(f.writable, "new", f.writable, "sub/new"));
	if (r == 0)
		r = os_error(
		    linkat(f.writable, "sub/new", f.writable, "link", 0));
	if (r == 0)
		r = os_error(unlinkat(f.writable, "link", 0));
	if (r == 0)
		r = os_error(unlinkat(f.writable, "sub/new", 0));
	if (r == 0)
		r = os_error(unlinkat(f.writable, "sub", AT_REMOVEDIR));
	return r;
}

static int probe_read_where_writable(void)
{
	return closing(openat(f.writable, "file", O_RDONLY | O_CLOEXEC));
}

static int probe_read_outside(void)
{
	return closing(openat(f.outside, "file", O_RDONLY | O_CLOEXEC));
}

static int probe_climb_out(void)
{
	return closing(
	    openat(f.readable, "../outside/file", O_RDONLY | O_CLOEXEC));
}

static int probe_follow_link_out(void)
{
	return closing(openat(f.readable, "link", O_RDONLY | O_CLOEXEC));
}

static int probe_passwd(void)
{
	return closing(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int probe_move_out(void)
{
	return os_error(renameat(f.writable, "file", f.outside, "stolen"));
}

static int probe_symlink(void)
{
	return os_error(symlinkat("/etc/passwd", f.writable, "evil"));
}

static int probe_make_unix_socket(void)
{
	struct sock_addr a;
	char path[96];
	int fd = os_error(socket(AF_UNIX, SOCK_STREAM, 0));
	int r;

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "%s/writable/sock", f.dir);
	r = sock_path(span_str(path), &a) ? 0 : -EINVAL;
	if (r == 0)
		r = os_error(bind(fd, &a.any, a.len));
	(void)close(fd);
	return r;
}

static int probe_stat(void)
{
	struct stat st;

	return os_error(lstat("/etc/passwd", &st));
}

static int probe_memfd(void)
{
	return closing(memfd_create("x", MFD_CLOEXEC));
}

static int probe_exec(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	return os_error(execve("/bin/true", argv, argv + 1));
}

static int probe_execveat(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	return os_error((int)syscall(
	    SYS_execveat, f.file, "", argv, argv + 1, AT_EMPTY_PATH));
}

static int probe_fork(void)
{
	int pid = os_error((int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));

	if (pid == 0)
		_exit(0);
	return MIN(pid, 0);
}

static void *run_thread(void *arg)
{
	return arg;
}

static int probe_thread(void)
{
	pthread_t t;
	int r = -pthread_create(&t, NULL, run_thread, NULL);

	return r == 0 ? -pthread_join(t, NULL) : r;
}

static int probe_clone3(void)
{
	return os_error((int)syscall(SYS_clone3, NULL, 0));
}

static int probe_young_call(void)
{
	return os_error((int)syscall(499, 0, 0, 0));
}

static int probe_tcp_socket(void)
{
	return closing(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int probe_udp6_socket(void)
{
	return closing(socket(
	    AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
}

static int probe_unix_socket(void)
{
	return closing(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int probe_unix_datagram(void)
{
	return closing(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int probe_connect_unix(void)
{
	return closing(sock_connect(&f.local, NULL));
}

static int probe_raw_socket(void)
{
	return closing(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int probe_packet_socket(void)
{
	return closing(socket(AF_PACKET, SOCK_DGRAM, 0));
}

static int probe_netlink_socket(void)
{
	return closing(socket(AF_NETLINK, SOCK_DGRAM, 0));
}

static int probe_sctp_socket(void)
{
	return closing(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
}

static int probe_vsock_socket(void)
{
	return closing(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int probe_socketpair(void)
{
	int pair[2];

	return os_error(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int probe_connect(void)
{
	return closing(sock_connect(&f.at, NULL));
}

/* On a socket it has: a listener cannot connect, but may not even try. */
static int probe_connect_held(void)
{
	return os_error(connect(f.dgram[0], &f.datagrams.any, f.datagrams.len));
}

static int probe_bind_chosen_port(void)
{
	struct sock_addr from;

	if (!sock_parse(SPAN("127.0.0.1"), 0, &from))
		return -EINVAL;
	return closing(sock_connect(&f.at, &from));
}

static int bind_fixed(uint16_t port)
{
	struct sock_addr from;
	int fd = os_error(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int r;

	if (fd < 0)
		return fd;
	if (!sock_parse(SPAN("127.0.0.1"), port, &from))
		return -EINVAL;
	r = os_error(bind(fd, &from.any, from.len));
	(void)close(fd);
	return r;
}

static int probe_bind_fixed_port(void)
{
	return bind_fixed(62525);
}

static int probe_listen(void)
{
	int fd = os_error(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int r;

	if (fd < 0)
		return fd;
	r = os_error(listen(fd, 1));
	(void)close(fd);
	return r;
}

static int probe_listen_held(void)
{
	return os_error(listen(f.listener, 1));
}

static int probe_send_elsewhere(void)
{
	ssize_t n = os_size(sendto(f.dgram[0], "x", 1, MSG_DONTWAIT,
	    &f.datagrams.any, f.datagrams.len));

	return (int)MIN(n, (ssize_t)0);
}

static int probe_send_to_peer(void)
{
	ssize_t n = os_size(send(f.dgram[0], "x", 1, MSG_DONTWAIT));

	return (int)MIN(n, (ssize_t)0);
}

static int probe_kill_parent(void)
{
	return os_error(kill(getppid(), 0));
}

static int probe_kill_self(void)
{
	return os_error(kill(getpid(), 0));
}

static int probe_own_fcntl(void)
{
	return os_error(fcntl(f.pair[0], F_SETOWN, getppid()));
}

static int probe_setuid(void)
{
	return os_error(setresuid(getuid(), getuid(), getuid()));
}

static int probe_dumpable(void)
{
	return os_error(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L));
}

static int probe_raise_limit(void)
{
	const struct rlimit both = { 10, 10 };

	return os_error(setrlimit(RLIMIT_NOFILE, &both));
}

static int probe_ioctl(void)
{
	return os_error(ioctl(f.pair[0], TIOCSTI, "x"));
}

static int probe_new_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	(void)munmap(p, 4096);
	return 0;
}

static int probe_code_from_data(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (p == MAP_FAILED)
		return -errno;
	r = os_error(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	(void)munmap(p, 4096);
	return r;
}

enum { NEVER = 1u << 31, NOT_THERE = 1u << 30, A_UNIX_SOCKET = 1u << 29 };

/* clang-format off */
static const struct {
	const char *name;
	int (*fn)(void);
	/* Works with these granted; 0: always. NEVER: with none. */
	unsigned needs;
	int landlock; /* refused by Landlock of this version alone */
} probes[] = {
	{ "use held descriptors", probe_held_descriptors, 0, 0 },
	{ "loop with timer, signal, hook", probe_loop, 0, 0 },
	{ "memory", probe_memory, 0, 0 },
	{ "log", probe_log, 0, 0 },
	{ "fstat", probe_fstat, 0, 0 },
	{ "send to the peer we have", probe_send_to_peer, 0, 0 },
	{ "signal ourselves", probe_kill_self, 0, 0 },

	{ "accept", probe_accept, SANDBOX_ACCEPT, 0 },

	{ "read a file granted", probe_read_granted, SANDBOX_FILES, 0 },
	{ "list a directory granted", probe_list_granted, SANDBOX_FILES, 0 },
	{ "make, rename, link, remove", probe_create_granted,
		SANDBOX_FILES, 0 },
	{ "stat", probe_stat, SANDBOX_FILES, 0 },
	{ "write where it may read", probe_write_where_readable, NEVER, 2 },
	{ "make where it may read", probe_create_where_readable, NEVER, 2 },
	{ "read where it may write", probe_read_where_writable, NEVER, 2 },
	{ "read elsewhere", probe_read_outside, NEVER, 2 },
	{ "climb out", probe_climb_out, NEVER, 2 },
	{ "follow a link out", probe_follow_link_out, NEVER, 2 },
	{ "read /etc/passwd", probe_passwd, NEVER, 2 },
	{ "move a file out", probe_move_out, NEVER, 2 },
	{ "make a symlink", probe_symlink, NEVER, 0 },
	{ "make a unix socket in a directory", probe_make_unix_socket,
		NEVER, 2 },
	{ "file in memory", probe_memfd, NEVER, 0 },

	{ "exec", probe_exec, NEVER, 0 },
	{ "exec a descriptor", probe_execveat, NEVER, 0 },
	{ "fork", probe_fork, NEVER, 0 },
	{ "thread", probe_thread, SANDBOX_THREADS, 0 },
	{ "clone3", probe_clone3, NOT_THERE, 0 },
	{ "a call of tomorrow", probe_young_call, NOT_THERE, 0 },
	{ "map new code", probe_new_code, SANDBOX_FILES, 0 },
	{ "make data code", probe_code_from_data, SANDBOX_FILES, 0 },

	{ "TCP socket", probe_tcp_socket, SANDBOX_CONNECT, 0 },
	{ "UDP socket", probe_udp6_socket, SANDBOX_CONNECT, 0 },
	{ "unix socket", probe_unix_socket,
		A_UNIX_SOCKET, 0 },
	{ "connect to a unix socket", probe_connect_unix,
		A_UNIX_SOCKET, 0 },
	{ "unix datagram socket", probe_unix_datagram,
		SANDBOX_CONNECT | SANDBOX_FILES, 0 },
	{ "raw socket", probe_raw_socket, NEVER, 0 },
	{ "packet socket", probe_packet_socket, NEVER, 0 },
	{ "netlink socket", probe_netlink_socket, NEVER, 0 },
	{ "SCTP socket", probe_sctp_socket, NEVER, 0 },
	{ "vsock socket", probe_vsock_socket, NEVER, 0 },
	{ "socketpair", probe_socketpair, SANDBOX_PAIR, 0 },
	{ "connect", probe_connect, SANDBOX_CONNECT, 0 },
	{ "connect a held socket elsewhere", probe_connect_held,
		SANDBOX_CONNECT, 0 },
	{ "connect from an address", probe_bind_chosen_port,
		SANDBOX_CONNECT, 0 },
	{ "bind to a port", probe_bind_fixed_port, NEVER, 4 },
	{ "listen", probe_listen, NEVER, 0 },
	{ "listen on a held socket", probe_listen_held, NEVER, 0 },
	{ "datagram elsewhere", probe_send_elsewhere, SANDBOX_CONNECT, 0 },

	{ "signal others", probe_kill_parent, NEVER, 0 },
	{ "signal others through a descriptor", probe_own_fcntl, NEVER, 0 },
	{ "setuid", probe_setuid, SANDBOX_SETUID, 0 },
	{ "become dumpable", probe_dumpable, NEVER, 0 },
	{ "set limits", probe_raise_limit, NEVER, 0 },
	{ "ioctl", probe_ioctl, NEVER, 0 },
};

static const struct {
	const char *name;
	unsigned may;
} profiles[] = {
	{ "nothing", 0 },
	{ "smtpd", SANDBOX_ACCEPT },
	{ "connects", SANDBOX_CONNECT },
	{ "relay", SANDBOX_CONNECT | SANDBOX_UNIX },
	{ "rules", SANDBOX_CONNECT | SANDBOX_FILES },
	{ "queue", SANDBOX_ACCEPT | SANDBOX_FILES | SANDBOX_THREADS },
	{ "writer", SANDBOX_FILES },
	{ "pickup", SANDBOX_ACCEPT | SANDBOX_FILES | SANDBOX_PAIR },
	{ "becomes another", SANDBOX_FILES | SANDBOX_SETUID },
};
/* clang-format on */

static int open_dir(const char *name, mode_t mode)
{
	char path[128];
	int fd;
	int file;

	(void)snprintf(path, sizeof(path), "%s/%s", f.dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	file = openat(fd, "file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(fchmod(file, 0666), 0);
	(void)close(file);
	return fd;
}

static int listen_somewhere(struct sock_addr *ret_at)
{
	int fd;

	assert_true(sock_parse(SPAN("127.0.0.1"), 0, ret_at));
	fd = sock_listen(ret_at, 5);
	assert_true(fd >= 0);
	assert_int_equal(sock_local(fd, ret_at), 0);
	return fd;
}

static void make_datagrams(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/dgram", f.dir);
	assert_true(sock_path(span_str(path), &f.datagrams));
	for (int i = 0; i < 2; i++) {
		f.dgram[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_true(f.dgram[i] >= 0);
	}
	assert_int_equal(
	    bind(f.dgram[1], &f.datagrams.any, f.datagrams.len), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(
	    connect(f.dgram[0], &f.datagrams.any, f.datagrams.len), 0);
}

static void make_local(void)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/stream", f.dir);
	assert_true(sock_path(span_str(path), &f.local));
	f.listens = sock_listen(&f.local, 64);
	assert_true(f.listens >= 0);
	assert_int_equal(chmod(path, 0777), 0);
}

static void setup(void)
{
	struct sock_addr at;
	int i;

	f.landlock = sandbox_landlock();
	(void)snprintf(f.dir, sizeof(f.dir), "/tmp/sandbox_test.XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	assert_int_equal(chmod(f.dir, 0755), 0);
	f.readable = open_dir("readable", 0777);
	f.writable = open_dir("writable", 0777);
	f.outside = open_dir("outside", 0777);
	assert_int_equal(symlinkat("../outside/file", f.readable, "link"), 0);
	f.file = openat(f.outside, "file", O_RDWR | O_CLOEXEC);
	f.listener = listen_somewhere(&at);
	f.elsewhere = listen_somewhere(&f.at);
	f.client = sock_connect(&at, NULL);
	assert_true(f.client >= 0);
	i = sock_pair(f.pair);
	assert_int_equal(i, 0);
	make_datagrams();
	make_local();
}

static void remove_dir(int fd, const char *name)
{
	static const char *const files[] = { "file", "link", "stolen", "new",
		"evil", "sock" };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		(void)unlinkat(fd, files[i], 0);
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/%s", f.dir, name);
	(void)rmdir(path);
}

static void teardown(void)
{
	remove_dir(f.readable, "readable");
	remove_dir(f.writable, "writable");
	remove_dir(f.outside, "outside");
	(void)unlink(f.datagrams.local.sun_path);
	(void)unlink(f.local.local.sun_path);
	(void)rmdir(f.dir);
	(void)close(f.file);
	(void)close(f.listener);
	(void)close(f.elsewhere);
	(void)close(f.listens);
	(void)close(f.client);
	for (int i = 0; i < 2; i++) {
		(void)close(f.pair[i]);
		(void)close(f.dgram[i]);
	}
}

static int close_the_door(unsigned may, bool as_root)
{
	const struct priv_user stranger = { .uid = STRANGER, .gid = STRANGER };
	const struct sandbox_path paths[] = {
		{ f.readable, SANDBOX_READ },
		{ f.writable, SANDBOX_WRITE },
	};
	const struct log_setup setup_log = { .kind = LOG_KIND_FILE,
		.fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
		.host = SPAN("h") };

	log_open(&setup_log);
	if (!as_root && geteuid() == 0 && priv_drop(&stranger) < 0)
		return -EPERM;
	return sandbox_enter(may, paths, ARRAY_LEN(paths));
}

static bool is_as_expected(size_t i, unsigned may, int got)
{
	if (probes[i].needs == NOT_THERE)
		return got == -ENOSYS;
	if (probes[i].needs == A_UNIX_SOCKET && (may & SANDBOX_CONNECT) &&
	    (may & (SANDBOX_FILES | SANDBOX_UNIX)))
		return got == 0;
	if (probes[i].needs == NEVER && probes[i].landlock > f.landlock)
		return true;
	if (probes[i].needs != NEVER &&
	    (may & probes[i].needs) == probes[i].needs)
		return got == 0;
	return got == -EPERM || got == -EACCES || got == -EXDEV;
}

/* In the child: the number of surprises. */
static int try_everything(const char *profile, unsigned may, bool as_root)
{
	int surprises = 0;
	int r = close_the_door(may, as_root);

	if (r < 0) {
		print_error("%s: sandbox_enter: %d\n", profile, r);
		return 100;
	}
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		int got = probes[i].fn();

		if (is_as_expected(i, may, got))
			continue;
		print_error("%s%s: %s: %d\n", profile, as_root ? " (root)" : "",
		    probes[i].name, got);
		surprises++;
	}
	return surprises;
}

static void run_profiles(bool as_root)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		int status;
		pid_t pid;

		setup();
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(try_everything(
			    profiles[i].name, profiles[i].may, as_root));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		teardown();
	}
}

static void test_as_stranger(void **state UNUSED)
{
	print_message("Landlock version %d\n", sandbox_landlock());
	run_profiles(false);
}

/* The sandbox holds even where the uid would not. */
static void test_as_root(void **state UNUSED)
{
	if (geteuid() != 0)
		skip();
	run_profiles(true);
}

static int killer(long call, unsigned may)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)priv_limit(RLIMIT_CORE, 0);
		if (sandbox_enter(may, NULL, 0) < 0)
			_exit(99);
		(void)syscall(call, 0L, 0L, 0L, 0L, 0L);
		_exit(errno);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static const long deadly[] = { SYS_ptrace, SYS_mount, SYS_bpf, SYS_keyctl,
	SYS_unshare, SYS_setns, SYS_io_uring_setup, SYS_kexec_load,
	SYS_process_vm_readv, SYS_init_module, SYS_reboot, SYS_userfaultfd,
	SYS_chroot, SYS_mknodat };

static void test_deadly_calls(void **state UNUSED)
{
	const unsigned everything = SANDBOX_ACCEPT | SANDBOX_CONNECT |
	    SANDBOX_FILES | SANDBOX_THREADS | SANDBOX_SETUID;

	for (size_t i = 0; i < ARRAY_LEN(deadly); i++) {
		int status = killer(deadly[i], everything);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("call %ld: status %d", deadly[i], status);
	}
}

/* Where programs are started nothing kills, and nothing is inherited that
 * would change what they can do, but these calls are refused. */
static void test_with_exec(void **state UNUSED)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
		(char[]){ "grep -q 'NoNewPrivs:.0' /proc/self/status" }, NULL };
	int status;
	pid_t pid;

	if (geteuid() == 0)
		for (size_t i = 0; i < ARRAY_LEN(deadly); i++) {
			status = killer(deadly[i], SANDBOX_EXEC);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), EPERM);
		}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(SANDBOX_EXEC | SANDBOX_SETUID, NULL, 0) == 0)
			(void)execv("/bin/sh", argv);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_bad_path(void **state UNUSED)
{
	const struct sandbox_path path = { -1, SANDBOX_READ };
	int status;
	pid_t pid;

	if (!sandbox_landlock())
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(-sandbox_enter(SANDBOX_FILES, &path, 1));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_stranger),
		cmocka_unit_test(test_as_root),
		cmocka_unit_test(test_deadly_calls),
		cmocka_unit_test(test_with_exec),
		cmocka_unit_test(test_bad_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
