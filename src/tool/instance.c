/* SPDX-License-Identifier: ISC */
/*
 * tool/instance.c - see instance.h.
 *
 * The instance runs from where this command lies: in a build tree the
 * daemons are beside it, when it is installed they are where they belong,
 * which the defaults know.
 */
#include "tool/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/file.h"
#include "tls/selfsigned.h"

/* Uids that belong to nobody else; system users end at 999, people begin at
 * 1000, and Debian leaves these to the local administrator. */
enum { OWN_UID_FIRST = 64900, OWN_UID_LAST = 64999 };

enum { TEXT_MAX = 16384 };

struct plan {
	const char *given;
	char dir[PATH_MAX];
	unsigned base;
	bool kept; /* something was there already */
};

static int complain(const char *what, const char *path)
{
	int code = errno == EACCES || errno == EPERM ? EX_NOPERM : EX_CANTCREAT;

	(void)fprintf(
	    stderr, "chasqui: %s %s: %s\n", what, path, strerror(errno));
	return code;
}

static int make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return chmod(path, mode) == 0 ? 0 : complain("chmod", path);
	return errno == EEXIST ? 0 : complain("make directory", path);
}

static int make_sub_dir(const struct plan *p, const char *name, mode_t mode)
{
	struct buf path = BUF_INIT(PATH_MAX);
	int r;

	buf_printf(&path, "%s/%s", p->dir, name);
	r = make_dir(buf_cstr(&path), mode);
	buf_done(&path);
	return r;
}

/* A file that is not there yet. */
static int make_file(struct plan *p, const char *name, mode_t mode, span text)
{
	struct buf path = BUF_INIT(PATH_MAX);
	int code = 0;
	int fd;

	buf_printf(&path, "%s/%s", p->dir, name);
	fd = open(
	    buf_cstr(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 && errno == EEXIST) {
		p->kept = true;
	} else if (fd < 0) {
		code = complain("create", buf_cstr(&path));
	} else {
		errno = -file_write_all(fd, text);
		if (errno)
			code = complain("write", buf_cstr(&path));
		if (close(fd) < 0 && !code)
			code = complain("write", buf_cstr(&path));
	}
	buf_done(&path);
	return code;
}

/* ---- main.cf ---- */

static unsigned unused_uid(unsigned from)
{
	for (unsigned uid = from; uid <= OWN_UID_LAST; uid++)
		if (!getpwuid(uid))
			return uid;
	return OWN_UID_LAST;
}

static void put_owners(struct buf *out)
{
	unsigned mail = unused_uid(OWN_UID_FIRST);

	if (geteuid() != 0 || (getpwnam("chasqui") && getpwnam("chasquiq")))
		return;
	buf_printf(out,
	    "\n# This system has no users chasqui and chasquiq: two uids that\n"
	    "# belong to nobody stand in for them.\n"
	    "mail_owner = %u\nqueue_owner = %u\n",
	    mail, unused_uid(mail + 1));
}

/* The directory of this executable, unless it is the installed one. */
static void put_programs(struct buf *out)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	span dir = span_of(self, n > 0 ? (size_t)n : 0);

	dir = span_first(dir, (size_t)MAX(span_rfind(dir, '/'), 0));
	if (!dir.len || span_eq(dir, SPAN(COMMAND_DIR)))
		return;
	buf_printf(out,
	    "\n# The programs of a build tree.\n"
	    "daemon_directory = %.*s\ncommand_directory = %.*s\n",
	    PRI(dir), PRI(dir));
}

static void put_main_cf(struct buf *out, const struct plan *p)
{
	buf_printf(out,
	    "# A private mail system, made by \"chasqui instance\".\n"
	    "# See postconf(5); after a change: postfix -c %s/etc reload\n\n"
	    "compatibility_level = 3.6\n"
	    "queue_directory = %s/spool\n"
	    "mail_spool_directory = %s/mail\n"
	    "maillog_file = %s/log/mail.log\n"
	    "maillog_file_prefixes = %s/log, /dev/stdout\n",
	    p->dir, p->dir, p->dir, p->dir, p->dir);
	put_programs(out);
	put_owners(out);
	buf_put(out,
	    SPAN("\n# Loopback only. Mail for the users of this machine is\n"
	         "# delivered here; anything else goes where it belongs, from\n"
	         "# this machine's own clients only.\n"
	         "inet_interfaces = loopback-only\n"
	         "mynetworks = 127.0.0.0/8 [::1]/128\n"
	         "mydestination = $myhostname, localhost.$mydomain, localhost\n"
	         "alias_maps =\n"
	         "smtpd_relay_restrictions = permit_mynetworks,\n"
	         "    permit_sasl_authenticated, defer_unauth_destination\n"));
	buf_printf(out,
	    "\n# TLS for those who want it, with a certificate that nobody "
	    "but\n"
	    "# itself vouches for. Once there is a better one: reload.\n"
	    "smtpd_tls_security_level = may\n"
	    "smtpd_tls_cert_file = %s/etc/tls-cert.pem\n"
	    "smtpd_tls_key_file = %s/etc/tls-key.pem\n"
	    "smtpd_tls_loglevel = 1\n",
	    p->dir, p->dir);
}

/* ---- a certificate ---- */

static span host_name(char text[HOST_NAME_MAX + 1])
{
	if (gethostname(text, HOST_NAME_MAX) < 0)
		return SPAN("localhost");
	text[HOST_NAME_MAX] = '\0';
	return span_str(text);
}

static int make_certificate(struct plan *p)
{
	struct buf key = BUF_INIT(TEXT_MAX);
	struct buf cert = BUF_INIT(TEXT_MAX);
	char host[HOST_NAME_MAX + 1];
	int code;

	if (selfsigned_make(host_name(host), &key, &cert)) {
		code = make_file(p, "etc/tls-key.pem", 0600, buf_span(&key));
		if (!code)
			code = make_file(
			    p, "etc/tls-cert.pem", 0644, buf_span(&cert));
	} else {
		(void)fprintf(stderr,
		    "chasqui: OpenSSL cannot make a key and a certificate\n");
		code = EX_SOFTWARE;
	}
	buf_wipe(&key);
	buf_done(&cert);
	return code;
}

/* ---- master.cf ---- */

static void put_master_cf(struct buf *out, const struct plan *p)
{
	buf_printf(out,
	    "# The services of a private mail system. See master(5).\n"
	    "# ==========================================================\n"
	    "# service       type  private unpriv  chroot  wakeup  maxproc "
	    "command + args\n"
	    "# ==========================================================\n"
	    "%-15u inet  n       -       n       -       -       smtpd\n"
	    "%-15u inet  n       -       n       -       -       smtpd\n"
	    "  -o syslog_name=postfix/submission\n"
	    "  -o smtpd_client_restrictions=permit_mynetworks,reject\n"
	    "%-15u inet  n       -       n       -       -       smtpd\n"
	    "  -o syslog_name=postfix/smtps\n"
	    "  -o smtpd_tls_wrappermode=yes\n"
	    "  -o smtpd_client_restrictions=permit_mynetworks,reject\n",
	    p->base + 25, p->base + 87, p->base + 65);
	buf_put(out,
	    SPAN("pickup          unix  n       -       n       60      1      "
	         " pickup\n"
	         "smtp            unix  -       -       n       -       -      "
	         " smtp\n"
	         "relay           unix  -       -       n       -       -      "
	         " smtp\n"
	         "  -o syslog_name=postfix/$service_name\n"
	         "local           unix  -       n       n       -       -      "
	         " local\n"
	         "virtual         unix  -       n       n       -       -      "
	         " virtual\n"
	         "error           unix  -       -       n       -       -      "
	         " error\n"
	         "retry           unix  -       -       n       -       -      "
	         " error\n"
	         "discard         unix  -       -       n       -       -      "
	         " discard\n"));
}

static int make_files(struct plan *p)
{
	struct buf main_cf = BUF_INIT(TEXT_MAX);
	struct buf master_cf = BUF_INIT(TEXT_MAX);
	int code;

	put_main_cf(&main_cf, p);
	put_master_cf(&master_cf, p);
	code = make_file(p, "etc/main.cf", 0644, buf_span(&main_cf));
	if (!code)
		code =
		    make_file(p, "etc/master.cf", 0644, buf_span(&master_cf));
	buf_done(&main_cf);
	buf_done(&master_cf);
	return code;
}

static int make_all(struct plan *p)
{
	/* Each recipient writes his own mailbox: as in a classic mail spool,
	 * when there is more than one uid, anybody may add a file. */
	mode_t spool = geteuid() == 0 ? 01777 : 0755;
	int code = make_dir(p->given, 0755);

	if (code)
		return code;
	if (!realpath(p->given, p->dir))
		return complain("find", p->given);
	if (strpbrk(p->dir, " \t\n#$")) {
		(void)fprintf(stderr,
		    "chasqui: %s: a path with blanks, # or $ cannot stand in "
		    "main.cf; choose another directory\n",
		    p->dir);
		return EX_USAGE;
	}
	code = make_sub_dir(p, "etc", 0755);
	if (!code)
		code = make_sub_dir(p, "mail", spool);
	if (!code)
		code = make_sub_dir(p, "log", 0755);
	if (!code)
		code = make_files(p);
	/* One that is not ours stays whole: never a new key to it. */
	return code || p->kept ? code : make_certificate(p);
}

static void tell(const struct plan *p)
{
	struct passwd *pw = getpwuid(getuid());
	const char *user = pw ? pw->pw_name : "root";

	if (p->kept)
		(void)printf("%s: there was an instance here; its files were "
		             "kept as they are.\n\n",
		    p->dir);
	(void)printf(
	    "A private mail system lies in %s.\n\n"
	    "  start:  postfix -c %s/etc start\n"
	    "  send:   nc -C 127.0.0.1 %u\n"
	    "          swaks --server 127.0.0.1:%u --from me@example.com"
	    " --to %s\n"
	    "          echo hello | MAIL_CONFIG=%s/etc sendmail %s\n"
	    "  TLS:    openssl s_client -connect 127.0.0.1:%u -crlf -quiet\n"
	    "          openssl s_client -connect 127.0.0.1:%u -crlf -quiet "
	    "-starttls smtp\n"
	    "  read:   mailx -f %s/mail/%s\n"
	    "  queue:  postqueue -c %s/etc -p\n"
	    "  log:    %s/log/mail.log\n"
	    "  stop:   postfix -c %s/etc stop\n",
	    p->dir, p->dir, p->base + 25, p->base + 25, user, p->dir, user,
	    p->base + 65, p->base + 25, p->dir, user, p->dir, p->dir, p->dir);
}

int instance_make(const char *dir, unsigned port_base)
{
	struct plan p = { .given = dir, .base = port_base };
	int code = make_all(&p);

	if (code)
		return code;
	tell(&p);
	return EX_OK;
}
