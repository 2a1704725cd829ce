/* SPDX-License-Identifier: ISC */
/*
 * map-query [options] type:name - look up each line of stdin: "key TAB value"
 * for those that are found, warnings on stderr. Each answer is written at
 * once, so that a test can do things in between.
 *
 *	-N	no substitution
 *	-F	values are files
 *	-U	keys and values must be UTF-8
 *	-q	only say how many were found and how fast
 *	-r	"retry: key" on stderr for what cannot be said now, and 1 as
 *		exit status
 *	-c	look before each key whether the table has changed
 *	-o n=v	a parameter of main.cf
 *	-m dir	the modules; else ../src as seen from this program
 */
#include "map/map.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"

enum { MAX_PARAMS = 32 };

struct query {
	const char *params[MAX_PARAMS];
	size_t nparams;
	struct map_host host;
	span spec;
	unsigned flags;
	bool quiet;
	bool tells_retry;
	bool reopens;
	bool failed;
	size_t found;
};

static void warn(void *ctx UNUSED, span text)
{
	(void)fprintf(stderr, "warning: %.*s\n", (int)text.len, text.ptr);
}

static span param(void *ctx, span name)
{
	const struct query *q = ctx;

	for (size_t i = 0; i < q->nparams; i++) {
		span value = span_str(q->params[i]);

		if (span_eq(span_cut(&value, '='), name))
			return value;
	}
	return SPAN_NONE;
}

static void look_up(struct query *q, struct map *m, span key, struct buf *value)
{
	switch (map_find(m, key, value)) {
	case MAP_FOUND:
		q->found++;
		if (!q->quiet)
			(void)printf(
			    "%.*s\t%.*s\n", PRI(key), PRI(buf_span(value)));
		break;
	case MAP_RETRY:
		q->failed = true;
		if (q->tells_retry)
			(void)fprintf(stderr, "retry: %.*s\n", PRI(key));
		break;
	case MAP_NONE:
		break;
	}
	if (!q->quiet)
		(void)fflush(stdout);
}

static struct map *look_up_all(struct query *q, struct map *m)
{
	struct buf value = BUF_INIT(1 << 24);
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		span key = span_of(line, (size_t)n);

		if (key.ptr[key.len - 1] == '\n')
			key.len--;
		if (q->reopens && map_changed(m)) {
			map_close(&m);
			m = map_open(&q->host, q->spec, q->flags);
		}
		look_up(q, m, key, &value);
	}
	free(line);
	buf_done(&value);
	return m;
}

static const char *default_modules(void)
{
	static char path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return ".";
	path[n] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(slash, 16, "/../src");
	return path;
}

/* False: no such option. */
static bool take_option(struct query *q, int c)
{
	q->flags |= c == 'N' ? MAP_NO_SUBSTITUTION : 0;
	q->flags |= c == 'F' ? MAP_VALUE_IS_FILE : 0;
	q->flags |= c == 'U' ? MAP_UTF8 : 0;
	q->quiet |= c == 'q';
	q->tells_retry |= c == 'r';
	q->reopens |= c == 'c';
	if (c == 'o' && q->nparams < MAX_PARAMS)
		q->params[q->nparams++] = optarg;
	if (c == 'm')
		q->host.module_dir = span_str(optarg);
	return c != '?';
}

static void tell_time(const struct query *q, const char *what, usec start)
{
	if (q->quiet)
		(void)printf("%s in %.1f ms\n", what,
		    (double)(clock_monotonic() - start) / 1000);
}

int main(int argc, char **argv)
{
	struct query q = { .flags = MAP_FOLD_FIXED };
	char found[64];
	struct map *m;
	usec start;
	int c;

	q.host = (struct map_host){ .ctx = &q,
		.warn = warn,
		.param = param,
		.module_dir = span_str(default_modules()) };
	while ((c = getopt(argc, argv, "NFUqrco:m:")) != -1)
		if (!take_option(&q, c))
			return 2;
	if (optind + 1 != argc)
		return 2;
	q.spec = span_str(argv[optind]);
	start = clock_monotonic();
	m = map_open(&q.host, q.spec, q.flags);
	tell_time(&q, "opened", start);
	start = clock_monotonic();
	m = look_up_all(&q, m);
	(void)snprintf(found, sizeof(found), "found %zu", q.found);
	tell_time(&q, found, start);
	map_close(&m);
	return q.failed && q.tells_retry;
}
