/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/kinds.c - what there is to choose from: table types (-m),
 * mailbox locks (-l), TLS (-T). There is no SASL, so -a and -A list nothing.
 */
#include <stdlib.h>
#include <unistd.h>

#include "map/map.h"
#include "tls/version.h"
#include "tool/postconf/postconf.h"

static void show_name(void *ctx, span name)
{
	struct postconf *pc = ctx;

	buf_put(&pc->out, name);
	buf_putc(&pc->out, '\n');
}

/* A configuration that served Postfix names its programs: then, ours. */
static span module_dir(struct postconf *pc)
{
	const struct param *p = param_find(SPAN("daemon_directory"));
	span dir = dict_get(&pc->main_cf, span_str(p->name));
	span program;

	if (!dir.ptr)
		return span_str(p->preset);
	dir = value_expand(pc, pc->mode, dir, NULL);
	program = keep_joined(pc, dir, SPAN("/relay"), SPAN_NONE);
	return access(program.ptr, X_OK) == 0 ? dir : span_str(p->preset);
}

static void show_maps(struct postconf *pc)
{
	struct map_host host = { 0 };

	main_read(pc);
	names_add_builtin(pc);
	host.module_dir = module_dir(pc);
	map_types_each(&host, show_name, pc);
}

static void show_locks(struct postconf *pc)
{
	static const char *const locks[] = { "flock", "fcntl", "dotlock" };

	for (size_t i = 0; i < ARRAY_LEN(locks); i++)
		show_name(pc, span_str(locks[i]));
}

static void show_tls(struct postconf *pc, const char *what)
{
	span kind = span_str(what);

	if (span_eq(kind, SPAN("compile-version"))) {
		show_name(pc, span_str(tls_version_compiled()));
	} else if (span_eq(kind, SPAN("run-version"))) {
		show_name(pc, span_str(tls_version_running()));
	} else if (span_eq(kind, SPAN("public-key-algorithms"))) {
		for (const char *const *k = tls_key_kinds(); *k; k++)
			show_name(pc, span_str(*k));
	} else {
		warn(pc, "unknown 'postconf -T' mode: %s", what);
		exit(1);
	}
}

void kinds_show(struct postconf *pc, const char *tls)
{
	if (pc->mode & SHOW_MAPS)
		show_maps(pc);
	else if (pc->mode & SHOW_LOCKS)
		show_locks(pc);
	else if (pc->mode & SHOW_TLS)
		show_tls(pc, tls);
}
