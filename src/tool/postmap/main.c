/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/main.c - postmap(1), postalias(1) and newaliases(1): options.
 *
 * Built once for each of them, with PROGRAM as its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/personality.h"
#include "conf/site.h"
#include "mail/address.h"
#include "os/file.h"
#include "tool/postmap/postmap.h"

enum { MAX_OUT = 1 << 30, MAX_MESSAGE = 16384 };

/* What the command line asks for. */
struct request {
	const char *dir;
	const char *query;
	const char *remove;
	bool show;
	bool incremental;
	bool any_key;        /* -b, -h, -m */
	bool force_utf8;     /* -U */
	const char *aliases; /* -oA of newaliases */
};

/* --- what postmap.h promises --- */

/* How many bytes of what begins here can be shown; 0: none. */
static size_t shown(const struct tool *t, span s)
{
	uint8_t lead = (uint8_t)s.ptr[0];
	size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if (lead < 0x80)
		return ascii_is_print(s.ptr[0]);
	n = MIN(n, s.len);
	return t->utf8 && address_is_utf8(span_first(s, n)) ? n : 0;
}

/* What strangers wrote must not reach the terminal as it is. */
PRINTF_LIKE(3, 0)
static void say(
    struct tool *t, const char *what, const char *format, va_list ap)
{
	struct buf line = BUF_INIT(MAX_MESSAGE);
	char text[MAX_MESSAGE / 2];
	span rest;

	flush_out(t, 0);
	(void)vsnprintf(text, sizeof(text), format, ap);
	buf_printf(&line, "%s: %s", t->name, what);
	for (rest = span_str(text); rest.len;) {
		size_t n = shown(t, rest);

		buf_put(&line, n ? span_first(rest, n) : SPAN("?"));
		rest = span_from(rest, n ? n : 1);
	}
	buf_putc(&line, '\n');
	(void)!file_write_all(STDERR_FILENO, buf_span(&line));
	buf_done(&line);
}

void fatal(struct tool *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(t, "fatal: ", format, ap);
	va_end(ap);
	exit(t->failure);
}

void warn(struct tool *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(t, "warning: ", format, ap);
	va_end(ap);
}

void flush_out(struct tool *t, size_t keep)
{
	int r;

	if (t->out.len <= keep)
		return;
	r = file_write_all(STDOUT_FILENO, buf_span(&t->out));
	buf_clear(&t->out);
	if (r < 0)
		fatal(t, "write error: %s", strerror(-r));
}

static void put_json(struct buf *out, span s)
{
	static const char plain[] = "\b\f\n\r\t\"\\";
	static const char named[] = "bfnrt\"\\";

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		const char *at = c ? strchr(plain, c) : NULL;

		if (at) {
			buf_putc(out, '\\');
			buf_putc(out, named[at - plain]);
		} else if ((uint8_t)c < ' ' || c == 0x7f) {
			buf_printf(out, "\\u%04X", (unsigned)c);
		} else {
			buf_putc(out, c);
		}
	}
}

void print_pair(struct tool *t, span key, span value)
{
	struct buf *out = &t->out;

	if (t->json) {
		buf_put(out, SPAN("{\""));
		put_json(out, key);
		buf_put(out, SPAN("\": \""));
		put_json(out, value);
		buf_put(out, SPAN("\"}\n"));
		return;
	}
	buf_put(out, key);
	buf_put(out, t->alias ? SPAN(":\t") : SPAN("\t"));
	buf_put(out, value);
	buf_putc(out, '\n');
}

static span param(struct tool *t, const char *name)
{
	return conf_value(t->conf, CONF_MAIN, span_str(name));
}

void name_table(struct tool *t, const char *argument, struct table_name *ret)
{
	span text = span_str(argument);

	buf_init(&ret->spec, 1 << 28);
	if (span_find(text, ':') < 0) {
		buf_put(&ret->spec, param(t, "default_database_type"));
		buf_putc(&ret->spec, ':');
	}
	buf_put(&ret->spec, text);
	ret->name = span_str(buf_cstr(&ret->spec));
	ret->type = span_cut(&ret->name, ':');
}

void check_name(struct tool *t, struct table_name *name)
{
	if (name->type.len == 0 || name->name.len == 0)
		fatal(t,
		    "open dictionary: expecting \"type:name\" form instead of "
		    "\"%s\"",
		    buf_cstr(&name->spec));
}

struct map *open_table(struct tool *t, const char *argument, unsigned flags)
{
	struct table_name name;
	struct map *m;

	name_table(t, argument, &name);
	m = map_open(&t->host, buf_span(&name.spec), t->flags | flags);
	if (m->reason.len)
		fatal(t, "%s", buf_cstr(&m->reason));
	buf_done(&name.spec);
	return m;
}

/* --- options --- */

static bool is_alias_program(void)
{
	return strcmp(PROGRAM, "postmap") != 0;
}

/* sendmail -bi runs postalias by that name. */
static bool is_newaliases(const char *name)
{
	return strcmp(PROGRAM, "newaliases") == 0 ||
	    (is_alias_program() && strcmp(name, "newaliases") == 0);
}

NO_RETURN static void usage(struct tool *t)
{
	fatal(t,
	    "usage: %s [-%s] [-c config_dir] [-d key] [-q key] "
	    "[map_type:]file...",
	    t->name, t->alias ? "Nfinoprsuvw" : "bfFhimnNoprsuUvw");
}

static void choose_one(struct tool *t, const struct request *r)
{
	if (r->show || r->query || r->remove)
		fatal(t, "specify only one of -s %s-q or -d",
		    t->alias ? "" : "or ");
}

static void set_flag(struct tool *t, unsigned flag, unsigned instead_of)
{
	t->flags &= ~instead_of;
	t->flags |= flag;
}

/* Those that only postmap has. */
static void take_message_option(struct tool *t, struct request *r, int option)
{
	switch (option) {
	case 'b':
		t->body = true;
		r->any_key = true;
		return;
	case 'h':
		t->headers = true;
		r->any_key = true;
		return;
	case 'm':
		t->mime = true;
		r->any_key = true;
		return;
	case 'F':
		t->flags |= MAP_VALUE_IS_FILE;
		return;
	case 'U':
		r->force_utf8 = true;
		return;
	case 'v': /* there is nothing to say */
		return;
	default:
		usage(t);
	}
}

/* Those that say how a table is made. */
static void take_build_option(struct tool *t, struct request *r, int option)
{
	const unsigned dups = MAP_DUP_WARN | MAP_DUP_IGNORE | MAP_DUP_REPLACE;

	switch (option) {
	case 'N':
		set_flag(t, MAP_WITH_NUL, MAP_WITHOUT_NUL);
		return;
	case 'n':
		set_flag(t, MAP_WITHOUT_NUL, MAP_WITH_NUL);
		return;
	case 'r':
		set_flag(t, MAP_DUP_REPLACE, dups);
		return;
	case 'w':
		set_flag(t, MAP_DUP_IGNORE, dups);
		return;
	case 'o':
		t->as_owner = false;
		return;
	case 'p':
		t->save_mode = false;
		return;
	default:
		take_message_option(t, r, option);
	}
}

static void take_option(
    struct tool *t, struct request *r, int option, const char *value)
{
	switch (option) {
	case 'c':
		r->dir = value;
		return;
	case 'd':
		choose_one(t, r);
		r->remove = value;
		return;
	case 'q':
		choose_one(t, r);
		r->query = value;
		return;
	case 's':
		choose_one(t, r);
		r->show = true;
		return;
	case 'i':
		r->incremental = true;
		return;
	case 'f':
		t->flags &= ~(unsigned)MAP_FOLD_FIXED;
		return;
	case 'j':
		t->json = true;
		return;
	case 'u':
		t->flags &= ~(unsigned)MAP_UTF8;
		return;
	default:
		take_build_option(t, r, option);
	}
}

static void parse_options(
    struct tool *t, struct request *r, int argc, char **argv)
{
	const char *letters =
	    t->alias ? "Nc:d:fijnopq:rsuvw" : "bc:d:fFhijmnNopq:rsuUvw";
	int option;

	while ((option = getopt(argc, argv, letters)) > 0)
		take_option(t, r, option, optarg);
	if (t->json && !r->show && !r->query)
		fatal(t, "option -j requires -q or -s");
}

/* --- newaliases --- */

/* sendmail has a code for a wrong command line, others have one for all. */
NO_RETURN static void misuse(
    struct tool *t, const struct request *r, const char *text)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct conf_report report = CONF_REPORT_INIT;
	enum personality p;

	if (conf_read_main(conf_default_dir(r->dir), &report, &t->conf) ==
	        CONF_OK &&
	    personality_read(t->conf, &p, &error) && p == PERSONALITY_SENDMAIL)
		t->failure = EX_USAGE;
	fatal(t, "%s", text);
}

/* It is a name of sendmail: most of its options mean nothing here. */
static void parse_newaliases(
    struct tool *t, struct request *r, int argc, char **argv)
{
	const char *letters = "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx";
	bool extract = false;
	int option;

	t->failure = EX_TEMPFAIL;
	while ((option = getopt(argc, argv, letters)) > 0)
		if (option == 'C')
			r->dir = optarg;
	optind = 1;
	while ((option = getopt(argc, argv, letters)) > 0) {
		extract = extract || option == 't';
		if (option == '?')
			misuse(t, r, "usage: newaliases [options]");
		if (option == 'o' && optarg[0] == 'A' && !optarg[1])
			misuse(t, r, "-oA requires pathname");
		if (option == 'o' && optarg[0] == 'A')
			r->aliases = optarg + 1;
	}
	if (extract)
		misuse(t, r, "-t can be used only in delivery mode");
	if (optind < argc)
		misuse(t, r, "alias initialization mode requires no recipient");
}

/* From here on it is postalias that speaks, or sendmail. */
static void take_personality(struct tool *t)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	enum personality p;

	if (!personality_read(t->conf, &p, &error))
		fatal(t, "%s", buf_cstr(&error));
	t->announce = p == PERSONALITY_SENDMAIL;
	t->name = "postalias";
	t->failure = t->announce ? EX_OSERR : EXIT_FAILURE;
}

static int make_aliases(struct tool *t, const struct request *r)
{
	span rest =
	    r->aliases ? span_str(r->aliases) : param(t, "alias_database");
	span word;

	take_personality(t);
	while ((word = span_word(&rest, ", \t\r\n")).len) {
		struct buf name = BUF_INIT(8192);

		buf_put(&name, word);
		build_table(t, buf_cstr(&name), false);
		buf_done(&name);
	}
	return t->announce && t->bad_lines ? EX_SOFTWARE : 0;
}

/* --- the program --- */

static void host_warn(void *ctx, span text)
{
	struct tool *t = ctx;

	warn(t, "%.*s", (int)text.len, text.ptr);
}

static span host_param(void *ctx, span name)
{
	struct tool *t = ctx;

	return conf_value(t->conf, CONF_MAIN, name);
}

static void read_conf(struct tool *t, const struct request *r)
{
	struct conf_report report = CONF_REPORT_INIT;
	span utf8;

	if (conf_read_main(conf_default_dir(r->dir), &report, &t->conf) !=
	    CONF_OK)
		fatal(t, "%.*s", PRI(span_trim(buf_span(&report.error))));
	conf_report_done(&report);
	t->host = (struct map_host){ .ctx = t,
		.warn = host_warn,
		.param = host_param,
		.module_dir = site_daemon_dir(t->conf) };
	utf8 = param(t, "smtputf8_enable");
	t->utf8 = span_eq_nocase(utf8, SPAN("yes"));
	if (!t->utf8)
		t->flags &= ~(unsigned)MAP_UTF8;
}

static void check_keys(struct tool *t, const struct request *r)
{
	if (!r->any_key)
		return;
	if (!r->query || strcmp(r->query, "-") != 0)
		fatal(t, "specify -b -h or -m only with \"-q -\"");
	if (!t->body && !t->headers)
		warn(t, "ignoring -m option without -b or -h");
	else if (!r->force_utf8)
		t->flags &= ~(unsigned)MAP_UTF8;
}

static int query(struct tool *t, const struct request *r, char **names)
{
	if (strcmp(r->query, "-") != 0)
		return query_one(t, names, r->query);
	if (t->body || t->headers)
		return query_message(t, names);
	return query_stdin(t, names);
}

static int run(struct tool *t, const struct request *r, char **names)
{
	if (r->show)
		return names[0] ? show_all(t, names[0]) : 1;
	if (!names[0])
		usage(t);
	if (r->remove)
		return strcmp(r->remove, "-") == 0
		    ? remove_stdin(t, names)
		    : remove_one(t, names, r->remove);
	if (r->query)
		return query(t, r, names);
	for (; *names; names++)
		build_table(t, *names, r->incremental);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Nothing else may be opened as standard output. */
static void fill_standard(void)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) < 0 && open("/dev/null", O_RDWR) != fd)
			exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct tool t = {
		.failure = EXIT_FAILURE,
		.alias = is_alias_program(),
		.as_owner = true,
		.save_mode = true,
		.utf8 = true,
		.flags = MAP_FOLD_FIXED | MAP_UTF8 | MAP_DUP_WARN,
	};
	struct request r = { 0 };
	bool newaliases;
	int code;

	(void)umask(022);
	fill_standard();
	if (argc < 1)
		return EXIT_FAILURE;
	argv[0] = (char *)(uintptr_t)base_name(argv[0]);
	t.name = argv[0];
	newaliases = is_newaliases(t.name);
	buf_init(&t.out, MAX_OUT);
	if (newaliases)
		parse_newaliases(&t, &r, argc, argv);
	else
		parse_options(&t, &r, argc, argv);
	read_conf(&t, &r);
	check_keys(&t, &r);
	code = newaliases ? make_aliases(&t, &r) : run(&t, &r, argv + optind);
	flush_out(&t, 0);
	buf_done(&t.out);
	conf_unref(&t.conf);
	return code;
}
