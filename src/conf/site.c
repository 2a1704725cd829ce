/* SPDX-License-Identifier: ISC */
/*
 * conf/site.c - users, directories and the log of an instance.
 *
 * The queue directory's parts:
 *
 *	log       the queue itself; only queue_owner may look
 *	maildrop  mail submitted by local commands
 *	pid       locks of running processes
 *	private   sockets of other software for us (Dovecot puts auth here)
 *	public    sockets for our commands
 */
#include "conf/site.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/params.h"
#include "os/error.h"
#include "os/file.h"

static span value_of(struct conf *conf, const char *name)
{
	return conf_value(conf, CONF_MAIN, span_str(name));
}

PRINTF_LIKE(2, 3)
static int fail(struct buf *error, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buf_put(error, span_str(text));
	return SITE_BAD;
}

/* ---- users ---- */

int site_user(
    struct conf *conf, span parameter, struct priv_user *ret, struct buf *error)
{
	span name = conf_value(conf, CONF_MAIN, parameter);
	int r;

	if (geteuid() != 0) {
		*ret = (struct priv_user){ .uid = geteuid(), .gid = getegid() };
		return SITE_OK;
	}
	r = priv_find_user(name, ret);
	if (r == PRIV_OK && (ret->uid == 0 || ret->gid == 0))
		return fail(error,
		    "file %.*s/main.cf: parameter %.*s: user %.*s has "
		    "privileged user or group ID; name a user without "
		    "privileges",
		    PRI(conf_dir(conf)), PRI(parameter), PRI(name));
	if (r == PRIV_OK)
		return SITE_OK;
	return fail(error,
	    "file %.*s/main.cf: parameter %.*s: unknown user name value: "
	    "%.*s; create that user (useradd --system %.*s) or name another "
	    "one",
	    PRI(conf_dir(conf)), PRI(parameter), PRI(name), PRI(name));
}

/* ---- programs ---- */

/* A program that only we have tells our directory from Postfix's. */
static span program_dir(
    struct conf *conf, const char *parameter, const char *ours)
{
	const struct param *p = param_find(span_str(parameter));
	span dir = value_of(conf, parameter);
	struct buf path = BUF_INIT(4096);
	bool found;

	buf_printf(&path, "%.*s/%s", PRI(dir), ours);
	found = access(buf_cstr(&path), X_OK) == 0;
	buf_done(&path);
	return found ? dir : span_str(p->preset);
}

span site_daemon_dir(struct conf *conf)
{
	return program_dir(conf, "daemon_directory", "relay");
}

span site_command_dir(struct conf *conf)
{
	return program_dir(conf, "command_directory", "chasqui");
}

/* ---- directories ---- */

enum owner { OWNER_ROOT, OWNER_MAIL, OWNER_QUEUE, OWNERS };

static const struct part {
	const char *name;
	enum owner owner;
	bool setgid_group; /* group of the commands that submit mail */
	mode_t mode;
} parts[] = {
	/* clang-format off */
	{ "log",      OWNER_QUEUE, false, 0700 },
	{ "maildrop", OWNER_MAIL,  true,  01730 },
	{ "pid",      OWNER_ROOT,  false, 0755 },
	{ "private",  OWNER_MAIL,  false, 0700 },
	{ "public",   OWNER_ROOT,  false, 0755 },
	/* clang-format on */
};

struct owners {
	struct priv_user users[OWNERS];
	uint32_t setgid; /* 0: there is no such group */
};

static int find_owners(struct conf *conf, struct owners *ret, struct buf *error)
{
	struct group *gr;
	char name[256];
	int r;

	*ret = (struct owners){ 0 };
	if (geteuid() != 0)
		ret->users[OWNER_ROOT].uid = geteuid();
	r = site_user(conf, SPAN("mail_owner"), &ret->users[OWNER_MAIL], error);
	if (r == SITE_OK)
		r = site_user(
		    conf, SPAN("queue_owner"), &ret->users[OWNER_QUEUE], error);
	(void)snprintf(
	    name, sizeof(name), "%.*s", PRI(value_of(conf, "setgid_group")));
	gr = getgrnam(name);
	ret->setgid = gr ? gr->gr_gid : 0;
	return r;
}

static int make_path(const char *path, mode_t mode)
{
	struct buf part = BUF_INIT(4096);
	int r = 0;

	for (size_t i = 1; path[i] && r == 0; i++) {
		if (path[i] != '/')
			continue;
		buf_clear(&part);
		buf_put(&part, span_of(path, i));
		r = os_error(mkdir(buf_cstr(&part), mode));
		if (r == -EEXIST)
			r = 0;
	}
	buf_done(&part);
	if (r == 0)
		r = os_error(mkdir(path, mode));
	return r;
}

static int set_owner(int dir, const struct part *p, const struct owners *owners)
{
	const struct priv_user *user = &owners->users[p->owner];
	gid_t gid =
	    p->setgid_group && owners->setgid ? owners->setgid : user->gid;
	int r = 0;

	if (geteuid() == 0)
		r = os_error(fchownat(
		    dir, p->name, user->uid, gid, AT_SYMLINK_NOFOLLOW));
	/* mkdir() left out what the umask says. */
	return r < 0 ? r : os_error(fchmodat(dir, p->name, p->mode, 0));
}

/* Only what we have just made gets an owner: the rest is the operator's. */
static int make_part(int dir, const struct part *p, const struct owners *owners)
{
	int r = os_error(mkdirat(dir, p->name, p->mode));

	if (r == -EEXIST)
		return 0;
	return r < 0 ? r : set_owner(dir, p, owners);
}

static int open_queue_dir(struct conf *conf)
{
	struct buf path = BUF_INIT(4096);
	int fd;

	buf_put(&path, value_of(conf, "queue_directory"));
	fd =
	    os_error(open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd == -ENOENT) {
		fd = make_path(buf_cstr(&path), 0755);
		if (fd == 0)
			fd = os_error(open(buf_cstr(&path),
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
	buf_done(&path);
	return fd;
}

typedef int part_fn(int dir, const struct part *p, const struct owners *owners);

static int for_parts(struct conf *conf, part_fn *fn, struct buf *error)
{
	span queue = value_of(conf, "queue_directory");
	struct owners owners;
	int r = find_owners(conf, &owners, error);
	int dir;

	if (r != SITE_OK)
		return r;
	dir = open_queue_dir(conf);
	if (dir < 0)
		return fail(error, "open queue_directory %.*s: %s", PRI(queue),
		    strerror(-dir));
	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++) {
		r = fn(dir, &parts[i], &owners);
		if (r < 0)
			r = fail(error, "create directory %.*s/%s: %s",
			    PRI(queue), parts[i].name, strerror(-r));
	}
	(void)close(dir);
	return r;
}

int site_make_dirs(struct conf *conf, struct buf *error)
{
	return for_parts(conf, make_part, error);
}

/*
 * The one command with a privilege, where it was installed: it belongs to the
 * group that may put files into maildrop/. A build tree is its builder's.
 * False if there is nothing to look after.
 */
static bool put_setgid_command(struct conf *conf, struct buf *path)
{
	const struct param *p = param_find(SPAN("command_directory"));
	span dir = site_command_dir(conf);

	buf_printf(path, "%.*s/postdrop", PRI(dir));
	return geteuid() == 0 && span_eq(dir, span_str(p->preset)) &&
	    access(buf_cstr(path), F_OK) == 0;
}

static int set_command(struct conf *conf, struct buf *error)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	span group = value_of(conf, "setgid_group");
	struct owners owners;
	int r = find_owners(conf, &owners, error);

	if (r != SITE_OK || !put_setgid_command(conf, &path))
		return r;
	if (!owners.setgid)
		return fail(error,
		    "file %.*s/main.cf: parameter setgid_group: unknown group "
		    "name: %.*s; create that group (groupadd --system %.*s) "
		    "or name another one",
		    PRI(conf_dir(conf)), PRI(group), PRI(group));
	/* In this order: a change of the group takes the set-gid bit. */
	r = os_error(chown(buf_cstr(&path), 0, owners.setgid));
	if (r == 0)
		r = os_error(chmod(buf_cstr(&path), 02755));
	return r < 0 ? fail(error, "change owner and mode of %s: %s",
	                   buf_cstr(&path), strerror(-r))
	             : SITE_OK;
}

/* Whoever could write there could rename the parts. */
static int set_queue_dir(struct conf *conf, struct buf *error)
{
	int dir = open_queue_dir(conf);
	int r = MIN(dir, 0);

	if (r == 0 && geteuid() == 0)
		r = os_error(fchown(dir, 0, 0));
	if (r == 0)
		r = os_error(fchmod(dir, 0755));
	if (dir >= 0)
		(void)close(dir);
	return r < 0
	    ? fail(error, "change owner and mode of queue_directory %.*s: %s",
	          PRI(value_of(conf, "queue_directory")), strerror(-r))
	    : SITE_OK;
}

int site_set_permissions(struct conf *conf, struct buf *error)
{
	int r = for_parts(conf, make_part, error);

	if (r == SITE_OK)
		r = set_queue_dir(conf, error);
	if (r == SITE_OK)
		r = for_parts(conf, set_owner, error);
	return r == SITE_OK ? set_command(conf, error) : r;
}

static void check_owner(const struct stat *st, uint32_t uid, const char *who,
    const char *path, struct buf *out)
{
	if (st->st_uid != uid)
		buf_printf(out, "not owned by %s: %s\n", who, path);
}

static void check_part(struct conf *conf, const struct part *p,
    const struct owners *owners, struct buf *out)
{
	static const char *const names[] = {
		[OWNER_ROOT] = NULL,
		[OWNER_MAIL] = "mail_owner",
		[OWNER_QUEUE] = "queue_owner",
	};
	char who[256] = "root";
	struct buf path = BUF_INIT(4096);
	struct stat st;

	if (names[p->owner])
		(void)snprintf(who, sizeof(who), "%.*s",
		    PRI(value_of(conf, names[p->owner])));
	buf_printf(
	    &path, "%.*s/%s", PRI(value_of(conf, "queue_directory")), p->name);
	if (lstat(buf_cstr(&path), &st) == 0) {
		check_owner(&st, owners->users[p->owner].uid, who,
		    buf_cstr(&path), out);
		if (p->setgid_group && owners->setgid && geteuid() == 0 &&
		    st.st_gid != owners->setgid)
			buf_printf(out, "not owned by group %.*s: %s\n",
			    PRI(value_of(conf, "setgid_group")),
			    buf_cstr(&path));
		if (!p->setgid_group && st.st_mode & (S_IWGRP | S_IWOTH))
			buf_printf(out, "group or other writable: %s\n",
			    buf_cstr(&path));
	}
	buf_done(&path);
}

static void check_command(
    struct conf *conf, const struct owners *owners, struct buf *out)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct stat st;

	if (!put_setgid_command(conf, &path) || stat(buf_cstr(&path), &st) < 0)
		return;
	if (!owners->setgid || st.st_gid != owners->setgid)
		buf_printf(out, "not owned by group %.*s: %s\n",
		    PRI(value_of(conf, "setgid_group")), buf_cstr(&path));
	if ((st.st_mode & 02111) != 02111)
		buf_printf(out,
		    "not set-gid or not owner+group+world executable: %s\n",
		    buf_cstr(&path));
}

/* The queue directory itself: who can rename its parts can have the mail. */
static void check_queue_dir(struct conf *conf, uint32_t root, struct buf *out)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct stat st;

	buf_printf(&path, "%.*s/.", PRI(value_of(conf, "queue_directory")));
	if (stat(buf_cstr(&path), &st) < 0)
		return;
	check_owner(&st, root, "root", buf_cstr(&path), out);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		buf_printf(
		    out, "group or other writable: %s\n", buf_cstr(&path));
}

/* A directory of root's and the files in it. */
static void check_tree(const char *path, uint32_t root, struct buf *out)
{
	struct buf name = BUF_INIT(4096);
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		if (span_eq(span_str(entry->d_name), SPAN("..")))
			continue;
		buf_clear(&name);
		buf_printf(&name, "%s/%s", path, entry->d_name);
		if (lstat(buf_cstr(&name), &st) < 0 || S_ISLNK(st.st_mode))
			continue;
		check_owner(&st, root, "root", buf_cstr(&name), out);
		if (st.st_mode & (S_IWGRP | S_IWOTH))
			buf_printf(out, "group or other writable: %s\n",
			    buf_cstr(&name));
	}
	if (dir)
		(void)closedir(dir);
	buf_done(&name);
}

/* Programs below the installed place; a build tree is its builder's. */
static void check_root_trees(struct conf *conf, uint32_t root, struct buf *out)
{
	span daemons = site_daemon_dir(conf);
	const struct param *p = param_find(SPAN("daemon_directory"));
	struct buf path = BUF_INIT(4096);

	buf_put(&path, conf_dir(conf));
	check_tree(buf_cstr(&path), root, out);
	buf_clear(&path);
	buf_put(&path, daemons);
	if (span_eq(daemons, span_str(p->preset)))
		check_tree(buf_cstr(&path), root, out);
	buf_done(&path);
}

/* Postfix's place, where one would look first, and ours, which is in use. */
static void check_other_place(struct conf *conf, struct buf *out)
{
	static const char other[] = "/etc/postfix/main.cf";
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct stat theirs;
	struct stat ours;

	if (!span_eq(conf_dir(conf), span_str(conf_preset_dir())))
		return;
	buf_printf(&path, "%.*s/main.cf", PRI(conf_dir(conf)));
	if (stat(other, &theirs) < 0 || stat(buf_cstr(&path), &ours) < 0)
		return;
	if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
		buf_printf(out, "not used: %s, because there is %s\n", other,
		    buf_cstr(&path));
}

void site_check(struct conf *conf, struct buf *out)
{
	struct owners owners;

	if (find_owners(conf, &owners, out) != SITE_OK) {
		buf_putc(out, '\n');
		return;
	}
	check_queue_dir(conf, owners.users[OWNER_ROOT].uid, out);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		check_part(conf, &parts[i], &owners, out);
	check_command(conf, &owners, out);
	check_other_place(conf, out);
	check_root_trees(conf, owners.users[OWNER_ROOT].uid, out);
}

/* ---- the log ---- */

static bool has_good_prefix(struct conf *conf, span file)
{
	span list = value_of(conf, "maillog_file_prefixes");
	span prefix;

	while ((prefix = span_word(&list, ", \t\r\n")).len > 0)
		if (span_has_prefix(file, prefix))
			return true;
	return false;
}

static int open_syslog(void)
{
	struct sockaddr_un to = {
		.sun_family = AF_UNIX,
		.sun_path = "/dev/log",
	};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)connect(
		    fd, (const struct sockaddr *)(void *)&to, sizeof(to));
	return os_error(fd);
}

/* The mode of a new file; the value is one of a few. */
static bool parse_log_mode(span text, mode_t *ret)
{
	static const struct {
		span text;
		mode_t mode;
	} modes[] = {
		{ SPAN_INIT("600"), 0600 },
		{ SPAN_INIT("640"), 0640 },
		{ SPAN_INIT("644"), 0644 },
	};

	if (text.len == 4)
		(void)span_skip(&text, SPAN("0"));
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (span_eq(text, modes[i].text)) {
			*ret = modes[i].mode;
			return true;
		}
	}
	return false;
}

static int open_log_file(span file, mode_t mode)
{
	struct buf path = BUF_INIT(4096);
	int fd;

	buf_put(&path, file);
	if (span_eq(file, SPAN("/dev/stdout")))
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(buf_cstr(&path),
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, mode);
	fd = os_error(fd);
	buf_done(&path);
	return fd;
}

/* The numbers of syslog(3); others are not for a mail system. */
static unsigned facility_of(span name)
{
	static const struct {
		span name;
		unsigned number;
	} names[] = {
		{ SPAN_INIT("user"), 1 },
		{ SPAN_INIT("mail"), LOG_FACILITY_MAIL },
		{ SPAN_INIT("daemon"), 3 },
		{ SPAN_INIT("auth"), 4 },
		{ SPAN_INIT("syslog"), 5 },
		{ SPAN_INIT("news"), 7 },
		{ SPAN_INIT("uucp"), 8 },
		{ SPAN_INIT("cron"), 9 },
		{ SPAN_INIT("authpriv"), 10 },
		{ SPAN_INIT("local0"), 16 },
		{ SPAN_INIT("local1"), 17 },
		{ SPAN_INIT("local2"), 18 },
		{ SPAN_INIT("local3"), 19 },
		{ SPAN_INIT("local4"), 20 },
		{ SPAN_INIT("local5"), 21 },
		{ SPAN_INIT("local6"), 22 },
		{ SPAN_INIT("local7"), 23 },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(name, names[i].name))
			return names[i].number;
	return LOG_FACILITY_MAIL;
}

int site_open_log(struct conf *conf, struct log_setup *ret, struct buf *error)
{
	span file = value_of(conf, "maillog_file");
	span host = value_of(conf, "myhostname");
	span mode_text = value_of(conf, "maillog_file_permissions");
	mode_t mode;
	int fd;

	if (!parse_log_mode(mode_text, &mode))
		return fail(error,
		    "invalid maillog_file_permissions parameter value: %.*s; "
		    "write 0600, 0640 or 0644",
		    PRI(span_first(mode_text, 100)));
	if (file.len > 0 && !has_good_prefix(conf, file))
		return fail(error,
		    "maillog_file value '%.*s' does not match any prefix in "
		    "maillog_file_prefixes; add its directory there",
		    PRI(file));
	fd = file.len > 0 ? open_log_file(file, mode) : open_syslog();
	if (fd < 0)
		return fail(error, "open log %.*s: %s",
		    PRI(file.len > 0 ? file : SPAN("/dev/log")), strerror(-fd));
	*ret = (struct log_setup){
		.kind = file.len > 0 ? LOG_KIND_FILE : LOG_KIND_SYSLOG,
		.fd = fd,
		.host = span_cut(&host, '.'),
		.syslog_name = value_of(conf, "syslog_name"),
		.facility = facility_of(value_of(conf, "syslog_facility")),
	};
	return SITE_OK;
}

/* ---- the lock ---- */

static void put_pid_path(struct conf *conf, const char *name, struct buf *out)
{
	buf_printf(
	    out, "%.*s/pid/%s", PRI(value_of(conf, "queue_directory")), name);
}

static void put_lock_path(struct conf *conf, struct buf *out)
{
	put_pid_path(conf, "master.pid", out);
}

int site_lock(struct conf *conf, int *ret_fd, struct buf *error)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct buf path = BUF_INIT(4096);
	int fd;
	int r = SITE_OK;

	put_lock_path(conf, &path);
	fd = open(
	    buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		r = fail(error, "open lock file %s: %s", buf_cstr(&path),
		    strerror(errno));
	else if (fcntl(fd, F_SETLK, &lock) < 0)
		r = fail(error,
		    "open lock file %s: unable to set exclusive lock: %s",
		    buf_cstr(&path), strerror(errno));
	else if (ftruncate(fd, 0) < 0 ||
	    dprintf(fd, "%32ld\n", (long)getpid()) < 0)
		r = fail(error, "cannot update lock file %s: %s",
		    buf_cstr(&path), strerror(errno));
	buf_done(&path);
	if (r != SITE_OK && fd >= 0)
		(void)close(fd);
	if (r == SITE_OK)
		*ret_fd = fd;
	return r;
}

int site_running(struct conf *conf)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	struct buf path = BUF_INIT(4096);
	int fd;

	put_lock_path(conf, &path);
	fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
	buf_done(&path);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) < 0)
		lock.l_type = F_UNLCK;
	(void)close(fd);
	return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* ---- the end of a reload ---- */

void site_reload_done(struct conf *conf, span error)
{
	CLEANUP(buf_done) struct buf made = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	int fd;

	put_pid_path(conf, "reload.new", &made);
	put_pid_path(conf, "reload", &path);
	(void)unlink(buf_cstr(&made));
	fd = open(
	    buf_cstr(&made), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	/* Half a reason is better than an endless wait. */
	(void)!file_write_all(fd, error);
	(void)close(fd);
	(void)rename(buf_cstr(&made), buf_cstr(&path));
}

void site_reload_begin(struct conf *conf)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);

	put_pid_path(conf, "reload", &path);
	(void)unlink(buf_cstr(&path));
}

bool site_reload_ended(struct conf *conf, struct buf *error)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	int r;

	put_pid_path(conf, "reload", &path);
	r = file_read_named(buf_span(&path), error);
	return r == 0 || r == -EFBIG;
}
