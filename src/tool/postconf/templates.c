/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/templates.c - texts of delivery notices: -t as they are
 * written, -b with their $names filled in.
 *
 * Postfix asks its bounce program for them, so complaints come in the name of
 * that one.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/time.h"
#include "conf/expand.h"
#include "conf/value.h"
#include "mail/template.h"
#include "os/file.h"
#include "tool/postconf/postconf.h"

enum { FILE_MAX_BYTES = 1024 * 1024 };

static span value_of(struct postconf *pc, const char *name)
{
	span value = value_find(pc, pc->mode, span_str(name), NULL);

	return value_expand(pc, pc->mode, value, NULL);
}

static void warn_template(void *ctx, span text)
{
	struct postconf *pc = ctx;

	warn(pc, "%.*s", ALL(text));
}

static void load(struct postconf *pc, const char *path, struct templates *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct template_file file = {
		.path = span_str(path),
		.arena = &pc->arena,
		.ctx = pc,
		.warn = warn_template,
	};
	int r = fd < 0 ? -errno : file_read_all(fd, &text);

	if (fd < 0)
		fatal(pc, "open %s: %s", path, strerror(-r));
	if (r < 0)
		fatal(pc, "read %s: %s", path, strerror(-r));
	if (!templates_parse(t, &file, buf_span(&text), &error))
		fatal(pc, "%.*s", ALL(buf_span(&error)));
}

static void dump(struct postconf *pc, const struct template *t)
{
	struct buf *out = &pc->out;
	span from = t->from;

	if (!from.ptr &&
	    span_eq(value_of(pc, "header_from_format"), SPAN("obsolete")))
		from = SPAN("MAILER-DAEMON (Mail Delivery System)");
	else if (!from.ptr)
		from = SPAN("Mail Delivery System <MAILER-DAEMON>");
	buf_printf(out, "%.*s_template = <<EOF\n", ALL(t->name));
	buf_printf(out, "Charset: %.*s\nFrom: %.*s\nSubject: %.*s\n",
	    ALL(t->charset), ALL(from), ALL(t->subject));
	if (t->postmaster_subject.ptr)
		buf_printf(out, "Postmaster-Subject: %.*s\n",
		    ALL(t->postmaster_subject));
	buf_putc(out, '\n');
	buf_put(out, t->text);
	buf_put(out, SPAN("EOF\n"));
}

/* Filling in */

struct filling {
	struct postconf *pc;
	const struct template *template;
	const char *origin; /* the file, for complaints */
	bool undefined;
};

/* delay_warning_time_hours, maximal_queue_lifetime_days, ... */

static span scaled(const struct filling *f, span key, uint64_t seconds,
    const struct template_time *t)
{
	CLEANUP(buf_done) struct buf number = BUF_INIT(32);
	uint64_t n = seconds / t->seconds;
	const char *advice = NULL;

	if (n > 999 && t->seconds < 86400) {
		warn(f->pc,
		    "%s: excessive result \"%llu\" in %.*s template "
		    "conversion of parameter \"%.*s\"",
		    f->origin, (unsigned long long)n, ALL(f->template->name),
		    ALL(key));
		advice = "increase";
	} else if (n == 0 && seconds > 0 && t->seconds > 1) {
		warn(f->pc,
		    "%s: zero result in %.*s template conversion of "
		    "parameter \"%.*s\"",
		    f->origin, ALL(f->template->name), ALL(key));
		advice = "reduce";
	}
	if (advice) {
		warn(f->pc,
		    "please %s time unit \"%.*s\" of \"%.*s\" in %.*s template",
		    advice, ALL(t->unit), ALL(key), ALL(f->template->name));
		warn(f->pc, "for instructions see the bounce(5) manual");
	}
	buf_put_u64(&number, n);
	return keep(f->pc, buf_span(&number));
}

/* ptr == NULL: it is no such name. */
static span find_time(const struct filling *f, span key)
{
	struct template_time t;
	uint64_t duration = 0;
	const char *name;
	char unit;

	if (!template_time_find(key, &t))
		return SPAN_NONE;
	name = keep(f->pc, t.parameter).ptr;
	unit = name[0] == 'd' ? 'h' : 'd';
	if (!conf_parse_duration(value_of(f->pc, name), unit, &duration))
		fatal(f->pc, "bad time value: %s", name);
	if (!t.seconds)
		fatal(f->pc,
		    "%s: unrecognized suffix \"%.*s\" in parameter \"%.*s\"",
		    f->origin, ALL(t.unit), ALL(key));
	return scaled(f, key, duration / USEC_SEC, &t);
}

/* So that it is taken for text, not expanded again. */
static span as_text(struct postconf *pc, span value)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(EXPAND_MAX);

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c == '$')
			buf_putc(&text, c);
		buf_putc(&text, c >= 0 && !ascii_is_print(c) ? '_' : c);
	}
	return keep(pc, buf_span(&text));
}

static span look_up(void *ctx, span key)
{
	struct filling *f = ctx;
	span value = find_time(f, key);

	if (value.ptr)
		return value;
	value = value_find(f->pc, f->pc->mode, key, NULL);
	if (!value.ptr) {
		f->undefined = true;
		return SPAN_NONE;
	}
	return as_text(f->pc, value_expand(f->pc, f->pc->mode, value, NULL));
}

static void fill_line(struct filling *f, span line)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	struct postconf *pc = f->pc;
	const char *wrong = NULL;

	f->undefined = false;
	if (expand_text(line, look_up, f, &pc->out, &error) != EXPAND_OK) {
		warn(pc, "%.*s", ALL(buf_span(&error)));
		wrong = "bad $name syntax";
	} else if (f->undefined) {
		wrong = "undefined $name";
	}
	if (wrong)
		fatal(pc, "%s: %s in %.*s template: %.*s", f->origin, wrong,
		    ALL(f->template->name), ALL(line));
	buf_putc(&pc->out, '\n');
}

static void fill(
    struct postconf *pc, const char *origin, const struct template *t)
{
	struct filling f = { pc, t, origin, false };
	span rest = t->text;

	buf_printf(&pc->out, "expanded_%.*s_text = <<EOF\n", ALL(t->name));
	while (rest.len > 0)
		fill_line(&f, span_cut(&rest, '\n'));
	buf_put(&pc->out, SPAN("EOF\n"));
}

void templates_show(struct postconf *pc, char **files)
{
	struct templates t;
	const char *file = files[0];
	span name;

	if (file && files[1])
		fatal(
		    pc, "options -b and -t require at most one template file");
	main_read(pc);
	names_add_builtin(pc);
	if (!file)
		file = keep(pc, value_of(pc, "bounce_template_file")).ptr;
	name = keep_joined(
	    pc, value_of(pc, "syslog_name"), SPAN("/bounce"), SPAN_NONE);
	pc->program = name.ptr;
	templates_preset(&t);
	if (file[0])
		load(pc, file, &t);
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (i > 0)
			buf_putc(&pc->out, '\n');
		if (pc->mode & DUMP_TEMPLATES)
			dump(pc, &t.of[i]);
		else
			fill(pc, file[0] ? file : "[built-in]", &t.of[i]);
	}
}
