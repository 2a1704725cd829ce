/* SPDX-License-Identifier: ISC */
/*
 * conf/master_cf.c - master.cf: one service per logical line.
 *
 *	name  type  private  unprivileged  chroot  wakeup  maxproc  command...
 *
 * "-" means the default of that column. Behind the command come options
 * (-o name=value, -o { name = value }, -v) and then the words that belong to
 * the program alone (pipe, spawn). Words in braces are one word. A later
 * line for the same service replaces an earlier one.
 */
#include "conf/conf_internal.h"

#include <stdarg.h>

#include "conf/endpoint.h"
#include "conf/lines.h"
#include "conf/programs.h"
#include "conf/value.h"

static const char blanks[] = " \t\r\n";

struct reader {
	struct conf *conf;
	struct conf_report *report;
	uint32_t line;
	bool chroot_preset;
	uint32_t maxproc_preset;
	span disabled; /* master_service_disable */
	struct conf_service *services;
	uint32_t count;
};

PRINTF_LIKE(2, 3)
static bool fail(struct reader *r, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buf_printf(&r->report->error, "%.*s/master.cf: line %u: %s",
	    PRI(r->conf->dir), r->line, text);
	return false;
}

/* A growing list of words, copied into the arena when complete. */
struct words {
	span *items;
	uint32_t count;
};

static void words_done(struct words *w)
{
	mem_free(w->items);
	w->items = NULL;
}

static void words_put(struct words *w, span word)
{
	w->items = mem_resize(w->items, w->count + 1, sizeof(*w->items));
	w->items[w->count++] = word;
}

static span dup(struct reader *r, span s)
{
	span copy = arena_dup(&r->conf->arena, s);

	if (!copy.ptr)
		bug("configuration larger than %d bytes", CONF_ARENA_MAX);
	return copy;
}

static const span *dup_words(struct reader *r, const struct words *w)
{
	span *copy = arena_alloc(&r->conf->arena, w->count + 1, sizeof(*copy));

	if (!copy)
		bug("configuration larger than %d bytes", CONF_ARENA_MAX);
	for (uint32_t i = 0; i < w->count; i++)
		copy[i] = dup(r, w->items[i]);
	return copy;
}

/* A column; "-" gives the preset (NULL: there is none). */
static bool take_field(struct reader *r, span *rest, const char *name,
    const char *preset, span *ret)
{
	span word = span_word(rest, blanks);

	if (word.len == 0)
		return fail(r,
		    "missing \"%s\" field; a service has eight: name, type, "
		    "private, unpriv, chroot, wakeup, maxproc, command",
		    name);
	if (!span_eq(word, SPAN("-"))) {
		*ret = word;
		return true;
	}
	if (!preset)
		return fail(r, "field \"%s\" has no default value", name);
	*ret = span_str(preset);
	return true;
}

static bool fail_field(
    struct reader *r, const char *name, span value, const char *remedy)
{
	return fail(r, "field \"%s\": bad value: \"%.*s\"; write %s", name,
	    PRI(span_first(value, 100)), remedy);
}

static bool take_flag(struct reader *r, span *rest, const char *name,
    const char *preset, bool *ret)
{
	span value = SPAN_NONE;

	if (!take_field(r, rest, name, preset, &value))
		return false;
	*ret = span_eq(value, SPAN("y"));
	if (!*ret && !span_eq(value, SPAN("n")))
		return fail_field(r, name, value, "y, n or -");
	return true;
}

static bool parse_type(struct reader *r, span value, uint8_t *ret)
{
	static const span types[] = {
		[CONF_INET] = SPAN_INIT("inet"),
		[CONF_UNIX] = SPAN_INIT("unix"),
		[CONF_FIFO] = SPAN_INIT("fifo"),
		[CONF_PASS] = SPAN_INIT("pass"),
		[CONF_UNIX_DGRAM] = SPAN_INIT("unix-dgram"),
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (span_eq(value, types[i])) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	return fail(r,
	    "bad transport type: %.*s; write inet, unix, fifo, pass or "
	    "unix-dgram",
	    PRI(span_first(value, 100)));
}

/*
 * master_service_disable: "name/type", "name.type" or "type", with "!" for
 * the opposite; the first that matches decides. What is disabled is as if
 * it were not there, mistakes included.
 */
static bool is_disabled(span list, span name, span type)
{
	span word;

	while ((word = span_word(&list, ", \t\r\n")).len > 0) {
		bool yes = true;
		ssize_t sign;

		while (span_skip(&word, SPAN("!")))
			yes = !yes;
		sign = span_rfind(word, '/');
		if (sign < 0)
			sign = span_rfind(word, '.');
		if (sign < 0 ? span_eq_nocase(word, type)
		             : span_eq_nocase(
		                   span_first(word, (size_t)sign), name) &&
		            span_eq_nocase(
		                span_from(word, (size_t)sign + 1), type))
			return yes;
	}
	return false;
}

/* A number; what follows its digits does not count, as in Postfix. */
static bool take_number(span value, uint32_t *ret)
{
	size_t n = 0;

	while (n < value.len && ascii_is_digit(value.ptr[n]))
		n++;
	return span_to_u32(span_first(value, n), ret) && *ret <= INT32_MAX;
}

static bool take_wakeup(struct reader *r, span *rest, struct conf_service *s)
{
	span value = SPAN_NONE;
	uint32_t seconds;

	if (!take_field(r, rest, "wakeup_time", "0", &value))
		return false;

	if (!take_number(value, &seconds))
		return fail_field(r, "wakeup_time", value,
		    "a number of seconds, with \"?\" behind it or without, "
		    "or -");
	s->wakeup = seconds * USEC_SEC;
	s->wakeup_if_used = seconds > 0 && value.ptr[value.len - 1] == '?';
	return true;
}

static bool take_maxproc(struct reader *r, span *rest, struct conf_service *s)
{
	span value = SPAN_NONE;

	if (!take_field(r, rest, "max_proc", "", &value))
		return false;
	if (value.len == 0) {
		s->maxproc = r->maxproc_preset;
		return true;
	}
	if (!take_number(value, &s->maxproc))
		return fail_field(
		    r, "max_proc", value, "a number (0: no limit) or -");
	return true;
}

/*
 * The word at the beginning; one that has braces ends at a blank outside of them. A word
 * that begins with a brace loses the outer pair and the blanks inside.
 */
static bool take_word(struct reader *r, span *rest, span *ret)
{
	size_t n = 0;
	size_t closed = 0; /* behind the partner of the first brace */
	unsigned level = 0;

	for (; n < rest->len; n++) {
		char c = rest->ptr[n];

		if (c == '{')
			level++;
		else if (c == '}' && level > 0)
			level--;
		else if (level == 0 && ascii_is_space(c))
			break;
		if (c == '}' && level == 0 && closed == 0)
			closed = n + 1;
	}
	*ret = span_first(*rest, n);
	*rest = span_from(*rest, n);
	if (ret->len == 0 || ret->ptr[0] != '{')
		return true;
	if (level > 0)
		return fail(
		    r, "missing '}' in \"%.*s\"", PRI(span_first(*ret, 100)));
	if (closed != ret->len)
		return fail(r, "syntax error after '}' in \"%.*s\"",
		    PRI(span_first(*ret, 100)));
	*ret = span_trim(span_of(ret->ptr + 1, ret->len - 2));
	return true;
}

static bool split_words(struct reader *r, span rest, struct words *words)
{
	span word = SPAN_NONE;

	while ((rest = span_trim(rest)).len > 0) {
		if (!take_word(r, &rest, &word))
			return false;
		/* "{}" is a word, too. */
		words_put(words, word);
	}
	return true;
}

static bool put_override(struct reader *r, struct conf_service *s, span text)
{
	struct conf_override *grown;
	const char *wrong;
	span name = SPAN_NONE;
	span value = SPAN_NONE;

	wrong = conf_split_setting(text, &name, &value);
	if (wrong)
		return fail(r,
		    "invalid \"-o %.*s\" option value: %s; write "
		    "\"-o name=value\" or \"-o { name = value }\"",
		    PRI(span_first(text, 100)), wrong);
	grown = arena_alloc(&r->conf->arena, s->noverrides + 1, sizeof(*grown));
	if (!grown)
		bug("configuration larger than %d bytes", CONF_ARENA_MAX);
	if (s->noverrides > 0)
		memcpy(grown, s->overrides, s->noverrides * sizeof(*grown));
	grown[s->noverrides].name = dup(r, name);
	grown[s->noverrides].value = dup(r, value);
	s->overrides = grown;
	s->noverrides++;
	return true;
}

/* One word of options: "-o" takes the next one, "-v" may be repeated. */
static bool take_option(struct reader *r, struct conf_service *s,
    const struct words *words, uint32_t *i)
{
	span word = words->items[(*i)++];

	if (!span_skip(&word, SPAN("-o"))) {
		for (size_t k = 1; k < word.len; k++)
			s->verbose += word.ptr[k] == 'v';
		return true;
	}
	if (word.len > 0)
		return put_override(r, s, word);
	if (*i == words->count)
		return fail(r,
		    "option requires an argument -- 'o'; write "
		    "\"-o name=value\"");
	return put_override(r, s, words->items[(*i)++]);
}

static bool take_arguments(struct reader *r, span rest, struct conf_service *s)
{
	CLEANUP(words_done) struct words words = { NULL, 0 };
	struct words behind = { NULL, 0 };
	uint32_t i = 0;

	if (!split_words(r, rest, &words))
		return false;
	while (i < words.count && words.items[i].len > 1 &&
	    words.items[i].ptr[0] == '-')
		if (!take_option(r, s, &words, &i))
			return false;
	if (i < words.count)
		behind = (struct words){ words.items + i, words.count - i };
	if (behind.count > 0 && !program_find(s->command)->takes_words)
		return fail(r,
		    "unexpected command-line argument: %.*s; a value with "
		    "blanks is written \"-o { name = value }\"",
		    PRI(span_first(behind.items[0], 100)));
	s->nargs = behind.count;
	s->args = dup_words(r, &behind);
	return true;
}

static bool take_columns(struct reader *r, span *rest, struct conf_service *s)
{
	span command = SPAN_NONE;

	if (!take_flag(r, rest, "private", "y", &s->private))
		return false;
	if (s->type == CONF_INET && s->private)
		return fail(r,
		    "inet service cannot be private; write n in "
		    "the third column");
	if (!take_flag(r, rest, "unprivileged", "y", &s->unprivileged) ||
	    !take_flag(
	        r, rest, "chroot", r->chroot_preset ? "y" : "n", &s->chroot) ||
	    !take_wakeup(r, rest, s) || !take_maxproc(r, rest, s) ||
	    !take_field(r, rest, "command", NULL, &command))
		return false;
	s->command = dup(r, command);
	return true;
}

/* What the operator can be told without asking for names. */
static bool check_endpoint(struct reader *r, const struct conf_service *s)
{
	span host;
	span port;
	const char *wrong;

	if (s->type != CONF_INET)
		return true;
	wrong = endpoint_split(s->name, &host, &port);
	if (!wrong)
		return true;
	return fail(r,
	    "%s in \"%.*s\"; write \"port\", \"host:port\" or "
	    "\"[address]:port\"",
	    wrong, PRI(span_first(s->name, 100)));
}

/* Where a service of that name and type stands, or a new place. */
static bool place_of(
    struct reader *r, const struct conf_service *s, uint32_t *ret)
{
	uint32_t i = 0;

	while (i < r->count &&
	    (r->services[i].type != s->type ||
	        !span_eq(r->services[i].name, s->name)))
		i++;
	if (i == CONF_MAX_SERVICES)
		return fail(r, "more than %d services", CONF_MAX_SERVICES);
	if (i < r->count)
		buf_printf(&r->report->notes,
		    "%.*s/master.cf: line %u: duplicate master.cf entry for "
		    "service \"%.*s\" -- using the last entry\n",
		    PRI(r->conf->dir), r->line, PRI(s->name));
	else
		r->services =
		    mem_resize(r->services, ++r->count, sizeof(*r->services));
	*ret = i;
	return true;
}

static bool read_line(struct reader *r, span line)
{
	struct conf_service s = { .line = r->line };
	span type = SPAN_NONE;
	uint32_t place = 0;

	if (span_find(line, '\0') >= 0)
		return fail(r, "a NUL byte; remove it, the file is damaged");
	if (ascii_is_space(line.ptr[0])) {
		buf_printf(&r->report->notes,
		    "%.*s/master.cf: logical line must not start with "
		    "whitespace: \"%.*s\"\n",
		    PRI(r->conf->dir), PRI(span_first(line, 30)));
		return true;
	}
	s.name = dup(r, span_word(&line, blanks));
	if (!take_field(r, &line, "transport type", NULL, &type))
		return false;
	if (is_disabled(r->disabled, s.name, type))
		return true;
	if (!parse_type(r, type, &s.type) || !check_endpoint(r, &s) ||
	    !take_columns(r, &line, &s) || !take_arguments(r, line, &s) ||
	    !place_of(r, &s, &place))
		return false;
	r->services[place] = s;
	return true;
}

/* Defaults of columns come from main.cf. */
static void set_presets(struct reader *r)
{
	struct conf *conf = r->conf;
	const struct param *limit = param_find(SPAN("default_process_limit"));
	uint64_t level = 0;
	uint64_t n = 100;

	/* A value that is wrong is conf_check()'s to complain about. */
	if (!conf_parse_level(
	        conf_value(conf, CONF_MAIN, SPAN("compatibility_level")),
	        &level))
		level = 0;
	if (!conf_convert(
	        limit, conf_value(conf, CONF_MAIN, span_str(limit->name)), &n))
		n = 100;
	r->disabled =
	    conf_value(conf, CONF_MAIN, SPAN("master_service_disable"));
	r->chroot_preset = level < 1u << 20;
	r->maxproc_preset = (uint32_t)n;
}

static bool read_lines(struct reader *r, span text)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(CONF_FILE_MAX);
	struct conf_lines lines = conf_lines_of(text);

	while (conf_lines_next(&lines, &line, &r->line))
		if (!read_line(r, buf_span(&line)))
			return false;
	return true;
}

bool conf_put_master(struct conf *conf, span text, struct conf_report *report)
{
	struct reader r = { .conf = conf, .report = report };
	struct conf_service *all;
	bool ok;

	set_presets(&r);
	ok = read_lines(&r, text);
	all = arena_alloc(&conf->arena, r.count + 1, sizeof(*all));
	if (!all)
		bug("configuration larger than %d bytes", CONF_ARENA_MAX);
	if (r.count > 0)
		memcpy(all, r.services, r.count * sizeof(*all));
	conf->services = all;
	conf->nservices = r.count;
	mem_free(r.services);
	return ok;
}
