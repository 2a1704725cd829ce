/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/main_cf.c - the parameters of main.cf.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "conf/setting.h"
#include "conf/value.h"
#include "os/file.h"
#include "tool/postconf/postconf.h"

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

void main_read(struct postconf *pc)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(fd_close) int fd = -1;
	span path = keep_joined(pc, pc->dir, SPAN("/main.cf"), SPAN_NONE);
	int r;

	fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fatal(pc, "open %s: %s", path.ptr, strerror(errno));
	r = file_read_all(fd, &text);
	if (r < 0)
		fatal(pc, "read %s: %s", path.ptr, strerror(-r));
	dict_load(pc, &pc->main_cf, path.ptr, buf_span(&text));
}

void main_override(struct postconf *pc, span setting)
{
	span name = SPAN_NONE;
	span value = SPAN_NONE;
	const char *wrong = conf_split_setting(setting, &name, &value);

	if (wrong)
		fatal(pc, "invalid parameter override: %.*s: %s", ALL(setting),
		    wrong);
	dict_set(pc, &pc->main_cf, name, value);
}

static void put_json(struct postconf *pc, span name, span value)
{
	buf_put(&pc->out, SPAN("{\""));
	print_quoted_json(&pc->out, name);
	buf_put(&pc->out, SPAN("\": \""));
	print_quoted_json(&pc->out, value);
	buf_put(&pc->out, SPAN("\"}\n"));
}

/*
 * Defaults of versions after 3.7 are left as they are where they cannot be
 * expanded: what did no harm there does none here.
 */
static bool may_fail(const struct postconf *pc, span name)
{
	const struct param *p = param_find(name);
	uint64_t since = 0;
	uint64_t limit = 0;

	return p && conf_parse_level(span_str(p->since), &since) &&
	    conf_parse_level(SPAN("3.7"), &limit) && since > limit &&
	    !dict_find(&pc->main_cf, name);
}

static span expanded(struct postconf *pc, const struct name *n, span value)
{
	if (!(pc->mode & SHOW_EVAL) || (n->flags & NAME_RAW) ||
	    (may_fail(pc, n->name) && !value_can_expand(pc, value, NULL)))
		return value;
	return value_expand(pc, pc->mode, value, NULL);
}

static void show(struct postconf *pc, const struct name *n)
{
	span value = value_find(pc, pc->mode, n->name, NULL);

	if (!value.ptr)
		return;
	if (pc->mode & HIDE_VALUE) {
		print_line(pc, n->name);
		return;
	}
	value = expanded(pc, n, value);
	if (pc->mode & SHOW_JSON)
		put_json(pc, n->name, value);
	else if (pc->mode & HIDE_NAME)
		print_line(pc, value);
	else
		print_line(pc, keep_joined(pc, n->name, SPAN(" = "), value));
}

static int by_name(const void *a, const void *b)
{
	const struct name *const *x = a;
	const struct name *const *y = b;

	return span_cmp((*x)->name, (*y)->name);
}

static void show_all(struct postconf *pc)
{
	size_t count = 0;
	const struct name **list =
	    keep_new(pc, pc->names.count + 1, sizeof(const struct name *));

	for (struct hnode *n = hmap_each(&pc->names, NULL); n;
	     n = hmap_each(&pc->names, n)) {
		const struct name *name = CONTAINER_OF(n, struct name, by_name);

		if (name->flags & pc->classes)
			list[count++] = name;
	}
	qsort(list, count, sizeof(const struct name *), by_name);
	for (size_t i = 0; i < count; i++)
		show(pc, list[i]);
}

void main_show(struct postconf *pc, char **names)
{
	if (!names[0])
		show_all(pc);
	for (size_t i = 0; names[i]; i++) {
		const struct name *n =
		    name_find(&pc->names, span_str(names[i]));

		if (n)
			show(pc, n);
		else
			warn(pc, "%s: unknown parameter", names[i]);
	}
}
