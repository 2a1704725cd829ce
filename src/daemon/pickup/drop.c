/* SPDX-License-Identifier: ISC */
/*
 * maildrop/ can be written by the set-gid postdrop only, which makes regular
 * files with the user's uid and, when they are complete, the execute bit.
 * Whatever else lies there is not opened, or not believed. Texts are those of
 * Postfix's pickup(8).
 */
#include "daemon/pickup/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "mail/verp.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

enum {
	ENVELOPE_MEMORY = 256 * 1024 * 1024,
	READY = S_IRUSR | S_IWUSR | S_IXUSR,
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	/* Left over from a crash, by then. */
	UNFINISHED_MAX = 7 * DAY,
};

void drop_warn(const char *name, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_warn("pickup", "maildrop/%s: %s", name, text);
}

struct drop *drop_new(struct maildrop *m, span name)
{
	struct drop *d = NEW(struct drop);

	d->maildrop = m;
	d->name = mem_new(name.len + 1, 1);
	memcpy(d->name, name.ptr, name.len);
	d->fd = -1;
	list_init(&d->link);
	list_init(&d->mail.link);
	return d;
}

void drop_close(struct drop *d)
{
	if (d->fd < 0)
		return;
	dropfile_done(&d->file);
	arena_done(&d->arena);
	fd_close(&d->fd);
	d->mail = (struct mail){ 0 };
	list_init(&d->mail.link);
}

void drop_free(struct drop *d)
{
	drop_close(d);
	list_remove(&d->link);
	mem_free(d->name);
	mem_free(d);
}

/* ---- what it is ---- */

static uint64_t age_of(const struct drop *d, const struct drop_rules *rules)
{
	uint64_t now = rules->now / USEC_SEC;
	uint64_t made = (uint64_t)MAX(d->stat.st_mtime, (time_t)0);

	return now > made ? now - made : 0;
}

/* postdrop writes on it, or did so when the power failed. */
static enum drop_look look_at_unfinished(
    const struct drop *d, const struct drop_rules *rules)
{
	if (age_of(d, rules) < UNFINISHED_MAX)
		return DROP_SKIP;
	drop_warn(
	    d->name, "uid %u: was never finished -- removed", d->stat.st_uid);
	return DROP_REMOVE;
}

enum drop_look drop_look(struct drop *d, const struct drop_rules *rules)
{
	int r = os_error(
	    fstatat(rules->dir, d->name, &d->stat, AT_SYMLINK_NOFOLLOW));

	if (r < 0) {
		if (r != -ENOENT)
			drop_warn(d->name, "%s", strerror(-r));
		return DROP_SKIP;
	}
	if (!S_ISREG(d->stat.st_mode)) {
		drop_warn(
		    d->name, "uid %u: not a regular file", d->stat.st_uid);
		return DROP_SKIP;
	}
	if ((d->stat.st_mode & S_IRWXU) != READY)
		return look_at_unfinished(d, rules);
	return DROP_GOOD;
}

/* ---- opening it ---- */

static void warn_open(const struct drop *d, const char *why)
{
	log_warn("pickup", "open input file maildrop/%s: %s", d->name, why);
}

static bool is_passing(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	    error == -EIO || error == -EINTR || error == -EACCES ||
	    error == -EPERM;
}

/* The file that was looked at, and one that has no other name. */
static enum drop_look open_it(struct drop *d, const struct drop_rules *rules)
{
	struct stat before = d->stat;

	d->fd = os_error(openat(rules->dir, d->name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));
	if (d->fd == -ENOENT)
		return DROP_SKIP;
	if (d->fd < 0) {
		warn_open(d, strerror(-d->fd));
		return is_passing(d->fd) ? DROP_KEEP : DROP_REMOVE;
	}
	if (fstat(d->fd, &d->stat) < 0)
		return DROP_KEEP;
	if (d->stat.st_dev != before.st_dev ||
	    d->stat.st_ino != before.st_ino || !S_ISREG(d->stat.st_mode)) {
		warn_open(d, "file status changed unexpectedly");
		return DROP_KEEP;
	}
	if (d->stat.st_nlink != 1) {
		warn_open(d, "file has more than one hard link");
		return DROP_REMOVE;
	}
	return DROP_GOOD;
}

/* ---- what it says ---- */

/* What the mail system itself put there, to be sent again: no user can make
 * a file of this owner. */
static bool is_requeued(const struct drop *d, const struct drop_rules *rules)
{
	return d->stat.st_uid == rules->owner && !(d->stat.st_mode & S_IROTH);
}

/* When it was handed in; a clock that is wrong is not believed. */
static usec handed_in(const struct drop *d, const struct drop_rules *rules)
{
	int64_t now = (int64_t)(rules->now / USEC_SEC);
	int64_t made = d->stat.st_mtime;

	if (made > now + 2 * HOUR) {
		drop_warn(d->name, "dated %lld seconds into the future",
		    (long long)(made - now));
		made = now;
	} else if (made < now - DAY) {
		drop_warn(d->name, "message has been queued for %lld days",
		    (long long)((now - made) / DAY));
	}
	return (usec)MAX(made, (int64_t)0) * USEC_SEC;
}

/* What cannot be done leaves the rest as it is. */
static void check_verp(struct drop *d, const struct drop_rules *rules)
{
	struct envelope *e = &d->mail.envelope;

	if (!e->verp.len)
		return;
	if (!e->sender.len)
		drop_warn(d->name, "ignoring VERP request for null sender");
	else if (!verp_is_valid(e->verp, rules->verp_filter))
		drop_warn(d->name, "ignoring bad VERP request: \"%.*s\"",
		    PRI(span_first(e->verp, 100)));
	else
		return;
	e->verp = SPAN_NONE;
}

static void set_mail(struct drop *d, const struct drop_rules *rules)
{
	const struct dropfile_message *m = &d->file.message;
	struct mail *mail = &d->mail;

	mail->envelope = m->envelope;
	mail->has_uid = true;
	mail->uid = d->stat.st_uid;
	mail->full_name = m->full_name;
	mail->is_remote = m->is_remote;
	mail->received = handed_in(d, rules);
	check_verp(d, rules);
	if (!mail->envelope.arrival)
		mail->envelope.arrival = mail->received;
	if (is_requeued(d, rules)) {
		mail->former_id = span_str(d->name);
		mail->is_final = m->is_final;
		return;
	}
	mail->envelope.client_name = SPAN_NONE;
	mail->envelope.client_addr = SPAN_NONE;
	mail->envelope.client_port = 0;
	mail->envelope.helo = SPAN_NONE;
	mail->envelope.proto = SPAN_NONE;
}

static enum drop_look read_it(struct drop *d, const struct drop_rules *rules)
{
	const struct dropfile_source source = {
		.ctx = &d->fd,
		.read = dropfile_read_fd,
	};
	unsigned uid = d->stat.st_uid;
	int r;

	arena_init(&d->arena, ENVELOPE_MEMORY);
	dropfile_init(&d->file, &source, rules->record_max, &d->arena);
	r = dropfile_scan(&d->file);
	if (r < 0) {
		drop_warn(d->name, "uid=%u: %s", uid, strerror(-r));
		return DROP_KEEP;
	}
	if (r == DROPFILE_BAD) {
		log_warn("pickup", "uid=%u: %s", uid, d->file.fault);
		drop_warn(d->name, "removed");
		return DROP_REMOVE;
	}
	if (!d->file.message.envelope.nrcpts) {
		drop_warn(d->name, "uid=%u: no recipients specified", uid);
		return DROP_REMOVE;
	}
	set_mail(d, rules);
	return DROP_GOOD;
}

enum drop_look drop_open(struct drop *d, const struct drop_rules *rules)
{
	enum drop_look look = open_it(d, rules);

	if (look == DROP_GOOD)
		look = read_it(d, rules);
	if (look != DROP_GOOD) {
		drop_close(d);
		d->fd = -1;
	}
	return look;
}

int drop_read(struct mail *m, bool first, struct buf *out)
{
	struct drop *d = CONTAINER_OF(m, struct drop, mail);
	int r = dropfile_content(&d->file, first, out);

	/* It was good a moment ago. */
	return r == DROPFILE_BAD ? -EIO : r;
}
