/* SPDX-License-Identifier: ISC */
/*
 * tool/postlog.c - postlog(1): a line in the mail log, from a script.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/site.h"
#include "os/file.h"
#include "tool/sendmail/input.h"
#include "tool/submit.h"

enum { LINE_MAX_LEN = 1 << 16 };

struct postlog {
	struct voice voice;
	enum log_level level;
	const char *tag; /* NULL: the usual one */
	const char *dir;
	struct conf *conf;
};

static const char *const words[] = {
	[LOG_LEVEL_INFO] = "",
	[LOG_LEVEL_WARNING] = "warning: ",
	[LOG_LEVEL_ERROR] = "error: ",
	[LOG_LEVEL_FATAL] = "fatal: ",
	[LOG_LEVEL_PANIC] = "panic: ",
};

static bool find_level(const char *name, enum log_level *ret)
{
	static const struct {
		span name;
		enum log_level level;
	} levels[] = {
		{ SPAN_INIT("info"), LOG_LEVEL_INFO },
		{ SPAN_INIT("warn"), LOG_LEVEL_WARNING },
		{ SPAN_INIT("warning"), LOG_LEVEL_WARNING },
		{ SPAN_INIT("error"), LOG_LEVEL_ERROR },
		{ SPAN_INIT("err"), LOG_LEVEL_ERROR },
		{ SPAN_INIT("fatal"), LOG_LEVEL_FATAL },
		{ SPAN_INIT("crit"), LOG_LEVEL_FATAL },
		{ SPAN_INIT("panic"), LOG_LEVEL_PANIC },
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (span_eq_nocase(levels[i].name, span_str(name))) {
			*ret = levels[i].level;
			return true;
		}
	}
	return false;
}

static bool parse(struct postlog *p, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+c:ip:t:v")) > 0) {
		if (option == 'c')
			p->dir = optarg;
		if (option == 't')
			p->tag = optarg;
		if (option == 'p' && !find_level(optarg, &p->level)) {
			voice_fatal(&p->voice, "bad severity: \"%s\"", optarg);
			return false;
		}
		if (option == '?') {
			voice_fatal(&p->voice,
			    "usage: postlog [-c config_dir] [-i] "
			    "[-p priority] [-t tag] [-v] [text]");
			return false;
		}
	}
	return true;
}

static bool begin_log(struct postlog *p)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct log_setup setup;

	if (site_open_log(p->conf, &setup, &error) != SITE_OK) {
		voice_fatal(&p->voice, "%s", buf_cstr(&error));
		return false;
	}
	/* Who names himself has a name of his own. */
	if (p->tag)
		setup.syslog_name = SPAN("");
	log_open(&setup);
	return true;
}

static void write_line(const struct postlog *p, span text)
{
	const char *name = p->tag ? p->tag : "postlog";
	span prefix = p->tag
	    ? SPAN("")
	    : conf_value(p->conf, CONF_MAIN, SPAN("syslog_name"));

	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "%.*s%s%s: %s%.*s\n", PRI(prefix),
		    prefix.len ? "/" : "", name, words[p->level], PRI(text));
	log_text(SPAN(""), name, p->level, text);
	log_flush();
}

static void write_words(const struct postlog *p, char **argv)
{
	struct buf text = BUF_INIT(1 << 22);

	for (; *argv; argv++) {
		buf_put(&text, span_str(*argv));
		if (argv[1])
			buf_putc(&text, ' ');
	}
	write_line(p, buf_span(&text));
	buf_done(&text);
}

static void write_input(const struct postlog *p)
{
	struct input in;
	span text;

	input_init(&in, STDIN_FILENO, LINE_MAX_LEN);
	while (input_next(&in, LINE_MAX_LEN, &text) != INPUT_END)
		write_line(p, text);
	input_done(&in);
}

static bool begin(struct postlog *p)
{
	const char *dir = submit_dir(&p->voice, p->dir, false);

	return dir && submit_read(&p->voice, dir, &p->conf) && begin_log(p);
}

int main(int argc, char **argv)
{
	struct postlog p = { .voice.name = "postlog" };
	static char name[] = "postlog";
	bool ok;

	(void)umask(022);
	if (argc < 1 || !submit_open_stdio())
		return 1;
	argv[0] = name;
	ok = parse(&p, argc, argv);
	/* This log is ours, not that of complaints. */
	p.voice.tried = true;
	ok = ok && begin(&p);
	if (ok && optind < argc)
		write_words(&p, argv + optind);
	else if (ok)
		write_input(&p);
	log_done();
	conf_unref(&p.conf);
	return ok ? 0 : 1;
}
