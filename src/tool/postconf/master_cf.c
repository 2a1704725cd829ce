/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/master_cf.c - the services of master.cf, as words.
 *
 * A service keeps the words it was written with ("-" stays "-"); only the
 * command's options are brought into one form: "-o" and "name=value" are two
 * words, and braces around a word are taken off. Printing puts them back
 * where a word holds blanks.
 */
#include <errno.h>
#include <fcntl.h>

#include "conf/lines.h"
#include "conf/setting.h"
#include "os/file.h"
#include "tool/postconf/pattern.h"

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool word_is_option(span word)
{
	return word.len > 0 && word.ptr[0] == '-' && !span_eq(word, SPAN("--"));
}

bool word_wants_value(span word)
{
	return word.len == 1 || (word.len > 1 && word.ptr[1] == 'o');
}

/* Up to a blank outside of braces. */
static span take_word(span *rest)
{
	unsigned level = 0;
	size_t n = 0;
	span word;

	while (rest->len > 0 && is_blank(rest->ptr[0]))
		*rest = span_from(*rest, 1);
	for (; n < rest->len; n++) {
		char c = rest->ptr[n];

		if (c == '{')
			level++;
		else if (c == '}' && level > 0)
			level--;
		else if (level == 0 && is_blank(c))
			break;
	}
	word = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return word;
}

/* The words of an entry, which may grow in the middle. */

static void insert_word(
    struct postconf *pc, struct entry *e, size_t at, span word)
{
	span *words = keep_new(pc, e->count + 1, sizeof(*words));

	memcpy(words, e->words, at * sizeof(*words));
	words[at] = word;
	if (at < e->count)
		memcpy(words + at + 1, e->words + at,
		    (e->count - at) * sizeof(*words));
	e->words = words;
	e->count++;
}

static void remove_words(struct entry *e, size_t at, size_t n)
{
	memmove(e->words + at, e->words + at + n,
	    (e->count - at - n) * sizeof(*e->words));
	e->count -= n;
}

static void append_words(struct postconf *pc, struct entry *e, span text)
{
	size_t room = text.len / 2 + 1;
	span *words = keep_new(pc, e->count + room, sizeof(*words));
	span word;

	if (e->count > 0)
		memcpy(words, e->words, e->count * sizeof(*words));
	e->words = words;
	while ((word = take_word(&text)).len > 0)
		words[e->count++] = word;
}

/* Options */

size_t braced_length(span word)
{
	unsigned level = 0;

	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] == '{')
			level++;
		else if (word.ptr[i] == '}' && --level == 0)
			return i + 1;
	}
	return 0;
}

static span strip_braces(struct postconf *pc, span word)
{
	size_t n = braced_length(word);

	if (n == 0) {
		warn(pc, "master.cf: missing '}' in \"%.*s\"", ALL(word));
		return span_trim(span_from(word, 1));
	}
	if (n < word.len)
		warn(pc, "master.cf: syntax error after '}' in \"%.*s\"",
		    ALL(word));
	return span_trim(span_of(word.ptr + 1, n - 2));
}

/* "{ name = value }" becomes "name=value". */
static span join_setting(struct postconf *pc, span text)
{
	span name = SPAN_NONE;
	span value = SPAN_NONE;
	const char *wrong = conf_split_setting(text, &name, &value);

	if (!wrong)
		return keep_joined(pc, name, SPAN("="), value);
	warn(pc, "master.cf: %s: \"%.*s\"", wrong, ALL(text));
	return text;
}

/* "-vo" becomes "-v" and "-o". */
static void split_cluster(struct postconf *pc, struct entry *e, size_t at)
{
	span word = e->words[at];

	if (word_wants_value(word))
		return;
	for (size_t i = 2; i < word.len; i++) {
		if (word.ptr[i] != 'o')
			continue;
		insert_word(pc, e, at + 1,
		    keep_joined(pc, SPAN("-"), span_from(word, i), SPAN_NONE));
		e->words[at] = span_first(word, i);
		return;
	}
}

/* The option at `at`; returns where its last word is. */
static size_t normalize_option(struct postconf *pc, struct entry *e, size_t at)
{
	span word;

	split_cluster(pc, e, at);
	word = e->words[at];
	if (!word_wants_value(word))
		return at;
	if (word.len > 2) {
		insert_word(pc, e, at + 1, span_from(word, 2));
		e->words[at] = span_first(word, 2);
	}
	if (at + 1 == e->count)
		return at;
	at++;
	if (e->words[at].ptr[0] != '{')
		return at;
	e->words[at] = strip_braces(pc, e->words[at]);
	if (word.len > 1)
		e->words[at] = join_setting(pc, e->words[at]);
	return at;
}

static void normalize(struct postconf *pc, struct entry *e)
{
	size_t i = FIELDS;

	for (; i < e->count && word_is_option(e->words[i]); i++)
		i = normalize_option(pc, e, i);
	for (; i < e->count; i++)
		if (e->words[i].ptr[0] == '{')
			e->words[i] = strip_braces(pc, e->words[i]);
}

/* Fields */

NO_RETURN
static void fail_field(struct postconf *pc, size_t field, span value, span line)
{
	char *text = keep_new(pc, line.len + 1, 1);

	for (size_t i = 0; i < line.len; i++)
		text[i] = line.ptr[i] == '\n' ? ' ' : line.ptr[i];
	fatal(pc, "invalid %s field \"%.*s\" in \"%s\"", field_name(field),
	    ALL(value), text);
}

static bool is_type(span word)
{
	static const char *const types[] = { "unix", "fifo", "inet", "pass",
		"unix-dgram" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_eq(word, span_str(types[i])))
			return true;
	return false;
}

static bool is_flag(span word)
{
	return word.len == 0 ||
	    (word.len == 1 && span_find(SPAN("yn-"), word.ptr[0]) >= 0);
}

static bool is_number(span word)
{
	size_t n = 0;

	while (n < word.len && ascii_is_digit(word.ptr[n]))
		n++;
	return n == word.len || span_eq(word, SPAN("-"));
}

static bool is_wakeup(span word)
{
	if (word.len > 0 && word.ptr[word.len - 1] == '?')
		word.len--;
	return is_number(word);
}

static void check_fields(struct postconf *pc, const struct entry *e, span line)
{
	static bool (*const checks[FIELDS])(span word) = {
		[FIELD_TYPE] = is_type,
		[FIELD_PRIVATE] = is_flag,
		[FIELD_UNPRIVILEGED] = is_flag,
		[FIELD_CHROOT] = is_flag,
		[FIELD_WAKEUP] = is_wakeup,
		[FIELD_MAXPROC] = is_number,
	};

	for (size_t i = 0; i < FIELDS; i++)
		if (checks[i] && !checks[i](e->words[i]))
			fail_field(pc, i, e->words[i], line);
}

const char *master_parse(struct postconf *pc, span line, struct entry *ret)
{
	line = keep(pc, line);
	*ret = (struct entry){ 0 };
	hmap_init(&ret->valid);
	append_words(pc, ret, line);
	if (ret->count < FIELDS)
		return "bad field count";
	check_fields(pc, ret, line);
	normalize(pc, ret);
	ret->space = keep_joined(
	    pc, ret->words[FIELD_SERVICE], SPAN("/"), ret->words[FIELD_TYPE]);
	return NULL;
}

/* Changes */

void master_set_field(
    struct postconf *pc, struct entry *e, size_t field, span value)
{
	if (field == FIELD_COMMAND) {
		e->count = FIELD_COMMAND;
		append_words(pc, e, value);
		normalize(pc, e);
	} else {
		e->words[field] = value;
	}
	check_fields(pc, e, value);
}

static bool sets(span word, span name)
{
	return word.len > name.len && word.ptr[name.len] == '=' &&
	    span_has_prefix(word, name);
}

/* The next "-o NAME=..." from *at on; if there is none, where options end. */
static bool find_param(const struct entry *e, span name, size_t *at)
{
	size_t i = *at;

	while (i < e->count && word_is_option(e->words[i])) {
		bool pair = word_wants_value(e->words[i]) && i + 1 < e->count;

		*at = i;
		if (pair && span_eq(e->words[i], SPAN("-o")) &&
		    sets(e->words[i + 1], name))
			return true;
		i += pair ? 2 : 1;
	}
	*at = i;
	return false;
}

void master_set_param(
    struct postconf *pc, struct entry *e, span name, span value)
{
	span setting = keep_joined(pc, name, SPAN("="), value);
	bool found = false;
	size_t at = FIELDS;

	while (find_param(e, name, &at)) {
		found = true;
		if (!value.ptr) {
			remove_words(e, at, 2);
			continue;
		}
		e->words[at + 1] = setting;
		at += 2;
	}
	if (found || !value.ptr)
		return;
	insert_word(pc, e, at, SPAN("-o"));
	insert_word(pc, e, at + 1, setting);
}

/* The file */

static void add_entry(
    struct postconf *pc, const char *path, uint32_t line, const char *text)
{
	const char *wrong;

	if (ascii_is_space(text[0])) {
		warn_stray_line(pc, path, text);
		return;
	}
	pc->entries =
	    mem_resize(pc->entries, pc->nentries + 1, sizeof(*pc->entries));
	wrong = master_parse(pc, span_str(text), &pc->entries[pc->nentries]);
	if (wrong)
		fatal(pc, "file %s: line %u: %s", path, line, wrong);
	pc->nentries++;
}

void master_read(struct postconf *pc, bool must_exist)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(buf_done) struct buf line = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(fd_close) int fd = -1;
	span path = keep_joined(pc, pc->dir, SPAN("/master.cf"), SPAN_NONE);
	struct conf_lines lines;
	uint32_t number = 0;

	fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (must_exist)
			fatal(pc, "open %s: %s", path.ptr, strerror(errno));
		warn(pc, "open %s: %s", path.ptr, strerror(errno));
		return;
	}
	/* What cannot be read is taken for empty, as in Postfix. */
	if (file_read_all(fd, &text) < 0)
		buf_clear(&text);
	lines = conf_lines_of(buf_span(&text));
	while (conf_lines_next(&lines, &line, &number))
		add_entry(pc, path.ptr, number, buf_cstr(&line));
}
