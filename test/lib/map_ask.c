/* SPDX-License-Identifier: ISC */
/*
 * map-ask [-f] [-u] [-m DIR] [-o NAME=VALUE] TYPE:NAME... - a dialogue with
 * tables, for tests that do something between two lookups. Each line of stdin
 * is a key, asked of all the tables; for each a line comes at once: "+VALUE",
 * "-" or "?" (try later). Warnings go to stderr.
 *
 * -f: do not fold keys; -u: the tables are security-sensitive; -m: where the
 * modules are; -o: a parameter of main.cf.
 */
#include "map/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_PARAMS = 64, MAX_TABLES = 16, MAX_VALUE = 16 * 1024 * 1024 };

struct ask {
	const char *params[MAX_PARAMS];
	size_t nparams;
	struct map *tables[MAX_TABLES];
	size_t ntables;
};

static void warn(void *ctx UNUSED, span text)
{
	(void)fprintf(stderr, "warning: %.*s\n", (int)text.len, text.ptr);
}

static span param(void *ctx, span name)
{
	const struct ask *a = ctx;

	for (size_t i = 0; i < a->nparams; i++) {
		span value = span_str(a->params[i]);

		if (span_eq(span_cut(&value, '='), name))
			return value;
	}
	return SPAN_NONE;
}

static void print_answer(struct map *m, span key, struct buf *value)
{
	switch (map_find(m, key, value)) {
	case MAP_FOUND:
		(void)putchar('+');
		(void)fwrite(value->data, 1, value->len, stdout);
		(void)putchar('\n');
		break;
	case MAP_NONE:
		(void)puts("-");
		break;
	case MAP_RETRY:
		(void)puts("?");
		break;
	}
	(void)fflush(stdout);
}

static void talk(struct ask *a)
{
	struct buf value = BUF_INIT(MAX_VALUE);
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		span key = span_of(line, (size_t)len);

		if (key.ptr[key.len - 1] == '\n')
			key.len--;
		for (size_t i = 0; i < a->ntables; i++)
			print_answer(a->tables[i], key, &value);
	}
	free(line);
	buf_done(&value);
}

int main(int argc, char **argv)
{
	struct ask a = { 0 };
	struct map_host host = { .ctx = &a, .warn = warn, .param = param };
	unsigned flags = MAP_FOLD_FIXED;
	int c;

	while ((c = getopt(argc, argv, "fum:o:")) != -1) {
		if (c == 'f')
			flags &= ~(unsigned)MAP_FOLD_FIXED;
		else if (c == 'u')
			flags |= MAP_NO_UNAUTH;
		else if (c == 'm')
			host.module_dir = span_str(optarg);
		else if (c == 'o' && a.nparams < MAX_PARAMS)
			a.params[a.nparams++] = optarg;
		else
			return 2;
	}
	for (; optind < argc && a.ntables < MAX_TABLES; optind++)
		a.tables[a.ntables++] =
		    map_open(&host, span_str(argv[optind]), flags);
	talk(&a);
	for (size_t i = 0; i < a.ntables; i++)
		map_close(&a.tables[i]);
	return 0;
}
