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
 *	-s	locked in as a worker of the rules daemon is
 *	-o n=v	a parameter of main.cf
 *	-m dir	the modules; else ../src as seen from this program
 */
#include "map/map.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "map/tables.h"
#include "os/clock.h"
#include "os/sandbox.h"

enum { MAX_PARAMS = 32, MAX_PATHS = 32 };

struct query {
	const char *params[MAX_PARAMS];
	size_t nparams;
	struct map_host host;
	span spec;
	unsigned flags;
	bool quiet;
	bool tells_retry;
	bool reopens;
	bool is_locked_in;
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

/* --- the sandbox --- */

struct paths {
	struct sandbox_path all[MAX_PATHS];
	size_t n;
};

static void let_in(struct paths *p, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);

	if (fd >= 0 && p->n < MAX_PATHS)
		p->all[p->n++] =
		    (struct sandbox_path){ .fd = fd, .access = SANDBOX_READ };
}

static void let_directory_in(void *ctx, const char *path)
{
	struct buf dir = BUF_INIT(PATH_MAX);
	ssize_t slash = span_rfind(span_str(path), '/');

	if (slash > 0) {
		buf_put(&dir, span_of(path, (size_t)slash));
		let_in(ctx, buf_cstr(&dir));
	}
	buf_done(&dir);
}

/* As daemon/rules does it. */
static bool lock_in(struct map *m)
{
	static const char *const usual[] = { "/etc", "/run", "/lib", "/lib64",
		"/usr/lib", "/usr/lib64" };
	struct paths paths = { .n = 0 };

	if (m->path)
		let_directory_in(&paths, m->path);
	if (m->type && m->type->files)
		m->type->files(m, let_directory_in, &paths);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		let_in(&paths, usual[i]);
	return sandbox_enter(
	           SANDBOX_CONNECT | SANDBOX_FILES, paths.all, paths.n) == 0;
}

/* --- lookups --- */

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
	q->is_locked_in |= c == 's';
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
	while ((c = getopt(argc, argv, "NFUqrcso:m:")) != -1)
		if (!take_option(&q, c))
			return 2;
	if (optind + 1 != argc)
		return 2;
	q.spec = span_str(argv[optind]);
	start = clock_monotonic();
	m = map_open(&q.host, q.spec, q.flags);
	tell_time(&q, "opened", start);
	if (q.is_locked_in && !lock_in(m))
		return 3;
	start = clock_monotonic();
	m = look_up_all(&q, m);
	(void)snprintf(found, sizeof(found), "found %zu", q.found);
	tell_time(&q, found, start);
	map_close(&m);
	return q.failed && q.tells_retry;
}
