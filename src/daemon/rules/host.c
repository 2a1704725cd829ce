/* SPDX-License-Identifier: ISC */
#include "daemon/rules/host.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include "conf/site.h"
#include "conf/words.h"
#include "mail/date.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

enum { MAX_CLASSES = 256 };

/* --- what the evaluation asks of the world --- */

static int has_user(void *ctx, span name)
{
	struct host *h = ctx;

	struct passwd_entry unused;
	int r = passwd_find(h->passwd, clock_monotonic(), name, &unused);

	return r < 0 ? r : r == PASSWD_OK;
}

static void warn(void *ctx, span text)
{
	const struct host *h = ctx;

	log_warn(h->program, "%.*s", PRI(text));
}

/* A table may be described by parameters of main.cf: "ldap:name". */
static span table_param(void *ctx, span name)
{
	struct host *h = ctx;

	return conf_value(h->conf, CONF_MAIN, name);
}

/* --- life --- */

void host_init(struct host *h, const char *program)
{
	*h = (struct host){
		.program = program,
		.world = { .ctx = h,
		    .has_user = has_user,
		    .warn = warn,
		    .tables = &h->tables },
		.map_host = { .ctx = h, .warn = warn, .param = table_param },
	};
	h->passwd = passwd_new(NULL);
	tables_init(&h->tables, &h->map_host);
}

static void close_tables(struct host *h)
{
	tables_done(&h->tables);
	conf_unref(&h->conf);
}

void host_done(struct host *h)
{
	close_tables(h);
	passwd_free(&h->passwd);
}

void host_configure(struct host *h, struct conf *conf)
{
	close_tables(h);
	h->conf = conf_ref(conf);
	h->map_host.module_dir = site_daemon_dir(conf);
	tables_init(&h->tables, &h->map_host);
	h->reloaded = h->daemon != NULL;
	h->stuck = NULL;
}

/* --- policies --- */

static uint32_t load_classes(
    struct conf *conf, uint32_t service, span list, struct class_text *ret)
{
	uint32_t n = 0;
	span name;

	while (n < MAX_CLASSES && (name = words_next(&list)).len) {
		ret[n].name = name;
		ret[n].value = conf_value(conf, service, name);
		n++;
	}
	return n;
}

static uint32_t load_own(const struct conf *conf, struct network **ret)
{
	uint32_t count;
	const struct conf_address *from = conf_addresses(conf, &count);
	struct network *own = mem_new(count ? count : 1, sizeof(*own));

	for (uint32_t i = 0; i < count; i++) {
		own[i].family = from[i].family;
		own[i].prefix = from[i].family == 6 ? 128 : 32;
		memcpy(own[i].bytes, from[i].bytes, sizeof(own[i].bytes));
	}
	*ret = own;
	return count;
}

struct policy *host_policy(struct host *h, uint32_t service)
{
	struct class_text classes[MAX_CLASSES];
	struct policy_source source = { .classes = classes };
	struct network *own;
	struct policy *p;

	settings_load(h->conf, service, &source.settings);
	settings_load(h->conf, CONF_MAIN, &source.routing);
	source.nclasses = load_classes(h->conf, service,
	    source.settings.smtpd_restriction_classes, classes);
	source.nown = load_own(h->conf, &own);
	source.own = own;
	source.relay_is_preset =
	    !conf_set_value(h->conf, service, SPAN("smtpd_relay_restrictions"))
	         .ptr;
	p = policy_new(&source, file_read_named, &h->world);
	mem_free(own);
	return p;
}

/* --- tables that change --- */

/* One that cannot be used, after a reload: perhaps it could be before the
 * drop. */
static const struct table *find_broken(const struct host *h)
{
	struct hnode *n = NULL;

	while ((n = hmap_each(&h->tables.known, n))) {
		const struct table *t = CONTAINER_OF(n, struct table, node);

		if (map_error(t->map).len)
			return t;
	}
	return NULL;
}

/*
 * A table that only root may read has changed, or was named by a reload:
 * master starts another one of us, which opens it before it drops its
 * privileges. This question is still answered by the table as it was, if that
 * is of any use.
 */
bool host_refresh(struct host *h)
{
	tables_refresh(&h->tables, clock_monotonic());
	if (!h->stuck) {
		h->stuck = h->tables.stuck;
		if (!h->stuck && h->reloaded)
			h->stuck = find_broken(h);
		h->reloaded = false;
		if (h->stuck) {
			log_line(h->program,
			    "table %.*s has changed -- restarting",
			    PRI(h->stuck->spec));
			daemon_end(h->daemon);
		}
	}
	return !h->stuck || !map_error(h->stuck->map).len;
}

/* --- the start --- */

/*
 * The resolver and the user database load their modules on first use: let
 * that be now, while all files are within reach.
 */
static void load_modules(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	(void)getpwnam("root");
	if (getaddrinfo("localhost", NULL, &hints, &list) == 0)
		freeaddrinfo(list);
}

void host_allow(struct host *h, const char *path)
{
	CLEANUP(fd_close) int fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);

	if (fd >= 0)
		daemon_allow(h->daemon, fd, DAEMON_READ);
}

/* A new file will lie beside the old one. */
static void allow_directory_of(void *ctx, const char *path)
{
	struct buf dir = BUF_INIT(4096);
	ssize_t slash = span_rfind(span_str(path), '/');

	if (slash > 0) {
		buf_put(&dir, span_of(path, (size_t)slash));
		host_allow(ctx, buf_cstr(&dir));
	}
	buf_done(&dir);
}

/* What they read later, and what lists may name after a reload. */
void host_before_drop(struct host *h, struct daemon *d)
{
	static const char *const paths[] = { "/etc", "/run", "/lib", "/lib64",
		"/usr/lib", "/usr/lib64", "/var/lib/sss",
		"/var/lib/extrausers" };
	struct buf dir = BUF_INIT(4096);

	h->daemon = d;
	load_modules();
	date_init();
	tables_each_file(&h->tables, allow_directory_of, h);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		host_allow(h, paths[i]);
	buf_put(&dir, conf_dir(h->conf));
	if (dir.len)
		host_allow(h, buf_cstr(&dir));
	buf_done(&dir);
}
