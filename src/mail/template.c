/* SPDX-License-Identifier: ISC */
/*
 * mail/template.c - reading template files the way Postfix does, down to the
 * line numbers of its complaints: they count from two, and name the last
 * line of a template.
 */
#include "mail/template.h"

#include <stdarg.h>
#include <stdio.h>

#define AT_HOST "This is the mail system at host $myhostname.\n\n"
#define ASSISTANCE \
	"For further assistance, please send mail to postmaster.\n" \
	"\n" \
	"If you do so, please include this problem report. You can\n" \
	"delete your own text from the attached returned message.\n" \
	"\n"
#define SIGNATURE "                   The mail system\n"

/* clang-format off */
static const struct template presets[TEMPLATES] = {
	[TEMPLATE_FAILURE] = {
		.name = SPAN_INIT("failure"),
		.subject = SPAN_INIT("Undelivered Mail Returned to Sender"),
		.postmaster_subject =
		    SPAN_INIT("Postmaster Copy: Undelivered Mail"),
		.text = SPAN_INIT(AT_HOST
		    "I'm sorry to have to inform you that your message could not\n"
		    "be delivered to one or more recipients. It's attached below.\n"
		    "\n"
		    ASSISTANCE SIGNATURE),
	},
	[TEMPLATE_DELAY] = {
		.name = SPAN_INIT("delay"),
		.subject = SPAN_INIT("Delayed Mail (still being retried)"),
		.postmaster_subject =
		    SPAN_INIT("Postmaster Warning: Delayed Mail"),
		.text = SPAN_INIT(AT_HOST
		    "####################################################################\n"
		    "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n"
		    "####################################################################\n"
		    "\n"
		    "Your message could not be delivered for more than "
		    "$delay_warning_time_hours hour(s).\n"
		    "It will be retried until it is "
		    "$maximal_queue_lifetime_days day(s) old.\n"
		    "\n"
		    ASSISTANCE SIGNATURE),
	},
	[TEMPLATE_SUCCESS] = {
		.name = SPAN_INIT("success"),
		.subject = SPAN_INIT("Successful Mail Delivery Report"),
		.text = SPAN_INIT(AT_HOST
		    "Your message was successfully delivered to the destination(s)\n"
		    "listed below. If the message was delivered to mailbox you will\n"
		    "receive no further notifications. Otherwise you may still receive\n"
		    "notifications of mail delivery errors from other systems.\n"
		    "\n"
		    SIGNATURE),
	},
	[TEMPLATE_VERIFY] = {
		.name = SPAN_INIT("verify"),
		.subject = SPAN_INIT("Mail Delivery Status Report"),
		.text = SPAN_INIT(AT_HOST
		    "Enclosed is the mail delivery report that you requested.\n"
		    "\n"
		    SIGNATURE),
	},
};
/* clang-format on */

void templates_preset(struct templates *t)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		t->of[i] = presets[i];
		t->of[i].charset = SPAN("us-ascii");
	}
}

static const struct {
	span name;
	uint64_t seconds;
} units[] = {
	{ SPAN_INIT("seconds"), 1 },
	{ SPAN_INIT("minutes"), 60 },
	{ SPAN_INIT("hours"), 3600 },
	{ SPAN_INIT("days"), 86400 },
	{ SPAN_INIT("weeks"), 604800 },
};

static const span times[] = {
	SPAN_INIT("delay_warning_time"),
	SPAN_INIT("maximal_queue_lifetime"),
};

bool template_time_find(span name, struct template_time *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		span unit = name;

		if (!span_skip(&unit, times[i]) || !span_skip(&unit, SPAN("_")))
			continue;
		*ret = (struct template_time){ .parameter = times[i],
			.unit = unit };
		for (size_t k = 0; k < ARRAY_LEN(units); k++)
			if (span_eq(unit, units[k].name))
				ret->seconds = units[k].seconds;
		return true;
	}
	return false;
}

struct parser {
	const struct template_file *file;
	struct buf *error;
	span rest;
	unsigned line;
	bool unfinished; /* the last line taken had no end */
};

PRINTF_LIKE(2, 3)
static void warn(const struct parser *p, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	p->file->warn(p->file->ctx, span_str(text));
}

static bool take_line(struct parser *p, span *ret)
{
	if (p->rest.len == 0)
		return false;
	p->unfinished = span_find(p->rest, '\n') < 0;
	*ret = span_cut(&p->rest, '\n');
	p->line++;
	return true;
}

/* Headers */

static bool is_ascii(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0)
			return false;
	return true;
}

/* "Label: value", or false: the text begins. */
static bool split_header(span line, span *ret_label, span *ret_value)
{
	ssize_t colon = span_find(line, ':');
	span label;

	if (colon <= 0)
		return false;
	label = span_trim(span_first(line, (size_t)colon));
	if (label.len == 0 || label.ptr != line.ptr)
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!ascii_is_print(label.ptr[i]) || label.ptr[i] == ' ')
			return false;
	line = span_from(line, (size_t)colon);
	while (
	    line.len > 0 && (line.ptr[0] == ':' || ascii_is_space(line.ptr[0])))
		line = span_from(line, 1);
	*ret_label = label;
	*ret_value = line;
	return true;
}

static bool put_header(
    const struct parser *p, struct template *t, span label, span value)
{
	const char *wrong = "unknown";
	span *target = NULL;

	if (value.len == 0 || !is_ascii(value)) {
		warn(p,
		    "%.*s: %s \"%.*s\" header value in %.*s template "
		    "-- ignoring this template",
		    PRI(p->file->path), value.len == 0 ? "empty" : "non-ASCII",
		    PRI(label), PRI(t->name));
		return false;
	}
	if (span_eq_nocase(label, SPAN("charset")))
		target = &t->charset;
	else if (span_eq_nocase(label, SPAN("from")))
		target = &t->from;
	else if (span_eq_nocase(label, SPAN("subject")))
		target = &t->subject;
	else if (span_eq_nocase(label, SPAN("postmaster-subject")))
		target = &t->postmaster_subject;
	if (target == &t->postmaster_subject && !target->ptr) {
		wrong = "inapplicable";
		target = NULL;
	}
	if (target) {
		*target = value;
		return true;
	}
	warn(p,
	    "%.*s: %s \"%.*s\" header label in %.*s template "
	    "-- ignoring this template",
	    PRI(p->file->path), wrong, PRI(label), PRI(t->name));
	return false;
}

static bool parse_headers(
    const struct parser *p, struct template *t, span *text)
{
	span label = SPAN_NONE;
	span value = SPAN_NONE;

	for (;;) {
		span ahead = *text;
		span line = span_cut(&ahead, '\n');

		if (!split_header(line, &label, &value))
			return true;
		if (!put_header(p, t, label, value))
			return false;
		*text = ahead;
	}
}

static void skip_blank_lines(span *text)
{
	for (;;) {
		span ahead = *text;

		if (text->len == 0 || span_trim(span_cut(&ahead, '\n')).len > 0)
			return;
		*text = ahead;
	}
}

/* The template with all of its text checked, or untouched. */
static void put_template(
    const struct parser *p, struct template *preset, span text)
{
	struct template t = *preset;

	if (!parse_headers(p, &t, &text))
		return;
	skip_blank_lines(&text);
	if (text.len == 0) {
		warn(p,
		    "%.*s: missing message text in %.*s template "
		    "-- ignoring this template",
		    PRI(p->file->path), PRI(t.name));
		return;
	}
	if (!is_ascii(text) && span_eq_nocase(t.charset, SPAN("us-ascii"))) {
		warn(p, "%.*s: 8-bit message text in %.*s template",
		    PRI(p->file->path), PRI(t.name));
		warn(p, "please specify a charset value other than us-ascii");
		warn(p, "-- ignoring this template for now");
		return;
	}
	t.text = text;
	*preset = t;
}

/* The file */

static bool fail(struct parser *p, const char *what, span line)
{
	buf_printf(
	    p->error, "%.*s, line %u: %s", PRI(p->file->path), p->line, what);
	if (line.ptr)
		buf_printf(p->error, ": \"%.*s\"", PRI(line));
	return false;
}

enum { TEXT_MAX = 1024 * 1024 };

/* Up to the line that is `mark`, into the arena. */
static span take_text(struct parser *p, span mark)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	bool found = false;
	span line = SPAN_NONE;
	span kept;

	while (!found && take_line(p, &line)) {
		found = span_eq(line, mark);
		if (found)
			break;
		buf_put(&text, line);
		buf_putc(&text, '\n');
	}
	if (!found || p->unfinished)
		warn(p, "%.*s, line %u: missing \"%.*s\" end marker",
		    PRI(p->file->path), p->line, PRI(mark));
	kept = arena_dup(p->file->arena, buf_span(&text));
	buf_done(&text);
	return kept;
}

static bool split_line(struct parser *p, span line, span *name, span *value)
{
	span rest = span_trim(line);
	size_t n = 0;

	while (
	    n < rest.len && rest.ptr[n] != '=' && !ascii_is_space(rest.ptr[n]))
		n++;
	*name = span_first(rest, n);
	if (n == 0)
		return fail(p, "missing attribute name", line);
	rest = span_trim(span_from(rest, n));
	if (rest.len == 0 || rest.ptr[0] != '=')
		return fail(p, "missing '=' after attribute name", line);
	*value = span_trim(span_from(rest, 1));
	return true;
}

static struct template *find(struct templates *t, span name)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		span rest = name;

		if (span_skip(&rest, t->of[i].name) &&
		    span_eq(rest, SPAN("_template")))
			return &t->of[i];
	}
	return NULL;
}

static bool parse_line(struct parser *p, struct templates *t, span line)
{
	struct template *one;
	span name = SPAN_NONE;
	span value = SPAN_NONE;

	if (!split_line(p, line, &name, &value))
		return false;
	if (span_skip(&value, SPAN("<<"))) {
		value = span_trim(value);
		if (value.len == 0)
			return fail(
			    p, "missing end marker after <<", SPAN_NONE);
		if (!ascii_is_alnum(value.ptr[0]))
			return fail(
			    p, "malformed end marker after <<", SPAN_NONE);
		value = take_text(p, value);
	}
	if (!value.ptr)
		return fail(p, "the file is too large", SPAN_NONE);
	one = find(t, name);
	if (one)
		put_template(p, one, value);
	else
		warn(p,
		    "%.*s, line %u: unknown template name: %.*s "
		    "-- ignoring this template",
		    PRI(p->file->path), p->line, PRI(name));
	return true;
}

bool templates_parse(struct templates *t, const struct template_file *file,
    span text, struct buf *error)
{
	struct parser p = { .file = file, .error = error, .line = 1 };
	span line = SPAN_NONE;

	p.rest = arena_dup(file->arena, text);
	if (!p.rest.ptr)
		return fail(&p, "the file is too large", SPAN_NONE);
	while (take_line(&p, &line)) {
		span words = span_trim(line);

		if (words.len > 0 && words.ptr[0] != '#' &&
		    !parse_line(&p, t, line))
			return false;
	}
	return true;
}
