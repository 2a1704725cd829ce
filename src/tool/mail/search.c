/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/search.c - searches in the words of IMAP.
 *
 *	list = key ...				all of them
 *	key  = "(" list ")" | "not" key | "or" key key | number | word argument ...
 *
 * A search becomes a tree of nodes in the arena, and a message is tried
 * against the tree. Both walk it by recursion, so how deep it may be is
 * limited where it is parsed.
 */
#include "tool/mail/search.h"

#include <stdarg.h>

#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/people.h"
#include "tool/mail/match.h"
#include "tool/mail/show.h"

enum {
	MAX_DEPTH = 50,
	MAX_PEOPLE = 1000,
	AROUND = 16,
	HEADER_MAX = 1 << 20,
	BODY_MAX = 256 << 20,
};

struct node;
typedef bool test_fn(struct search *s, const struct node *n, uint32_t i);

enum arguments { NO_ARGUMENT, TEXT, FIELD_AND_TEXT, DATE, SIZE, FLAG };

struct key {
	const char *word;
	test_fn *test;
	enum arguments arguments;
	uint8_t value; /* what the test looks for */
	bool negated;
};

struct node {
	const struct key *key;
	span name; /* of a field */
	span text; /* folded */
	uint64_t number;
	struct node *left;
	struct node *right;
};

struct search {
	struct mua *m;
	struct arena *arena;
	struct node *root; /* NULL: everything */
	struct buf scratch;
	struct buf text;
	struct buf header;
};

/* ---- trying a message ---- */

static bool fits(struct search *s, const struct node *n, uint32_t i)
{
	return n->key->test(s, n, i) != n->key->negated;
}

static bool test_all(
    struct search *s UNUSED, const struct node *n UNUSED, uint32_t i UNUSED)
{
	return true;
}

static bool test_and(struct search *s, const struct node *n, uint32_t i)
{
	/* A list leans to the right: no recursion along it. */
	for (; n; n = n->right) {
		if (!fits(s, n->left, i))
			return false;
	}
	return true;
}

static bool test_or(struct search *s, const struct node *n, uint32_t i)
{
	return fits(s, n->left, i) || fits(s, n->right, i);
}

static bool test_not(struct search *s, const struct node *n, uint32_t i)
{
	return !fits(s, n->left, i);
}

static bool test_number(
    struct search *s UNUSED, const struct node *n, uint32_t i)
{
	return n->number == (uint64_t)i + 1;
}

static bool test_flag(struct search *s, const struct node *n, uint32_t i)
{
	return box_flags(s->m->box, i) & (n->key->value | n->number);
}

static bool test_mark(struct search *s, const struct node *n, uint32_t i)
{
	return s->m->box->all[i].marks & n->key->value;
}

static bool test_new(struct search *s, const struct node *n UNUSED, uint32_t i)
{
	return s->m->box->all[i].marks & BOX_NEW &&
	    !(box_flags(s->m->box, i) & FOLDER_SEEN);
}

static bool test_larger(struct search *s, const struct node *n, uint32_t i)
{
	uint64_t lines;
	uint64_t bytes;

	box_extent(s->m, i, &lines, &bytes);
	return bytes > n->number;
}

static bool test_smaller(struct search *s, const struct node *n, uint32_t i)
{
	uint64_t lines;
	uint64_t bytes;

	box_extent(s->m, i, &lines, &bytes);
	return bytes < n->number;
}

static bool read_field(struct search *s, span name, uint32_t i, span *ret)
{
	buf_clear(&s->header);
	return box_header(s->m, i, &s->header) == 0 &&
	    field_find(buf_span(&s->header), name, ret);
}

static bool test_field(struct search *s, const struct node *n, uint32_t i)
{
	span value;

	if (!read_field(s, n->name, i, &value))
		return false;
	buf_clear(&s->text);
	encoded_decode(&s->text, value);
	return match_text(&s->scratch, buf_span(&s->text), n->text);
}

static bool test_people(struct search *s, const struct node *n, uint32_t i)
{
	struct people people;
	struct arena arena;
	bool found = false;
	span value;

	if (!read_field(s, span_str(n->key->word), i, &value))
		return false;
	arena_init(&arena, 8 << 20);
	people_parse(value, MAX_PEOPLE, &arena, &people);
	for (size_t p = 0; p < people.count && !found; p++)
		found = match_text(&s->scratch, people.all[p].addr, n->text) ||
		    match_text(&s->scratch, people.all[p].name, n->text);
	arena_done(&arena);
	return found;
}

static bool test_part(struct search *s, const struct node *n, uint32_t i)
{
	buf_clear(&s->text);
	if (show_field(s->m, i, SHOW_BODY, &s->text) == 0 &&
	    match_text(&s->scratch, buf_span(&s->text), n->text))
		return true;
	if (!n->key->value)
		return false;
	buf_clear(&s->text);
	return show_field(s->m, i, SHOW_HEADER, &s->text) == 0 &&
	    match_text(&s->scratch, buf_span(&s->text), n->text);
}

enum { BEFORE = 1, ON = 2, SINCE = 4, SENT = 8 };

/* When it came, by its From_ line; or when it was sent, by its Date. */
static bool time_of(
    struct search *s, const struct node *n, uint32_t i, usec *ret)
{
	span line;

	if (n->key->value & SENT)
		return read_field(s, SPAN("date"), i, &line) &&
		    date_parse(line, ret);
	buf_clear(&s->text);
	if (folder_from_line(s->m->box->folder, i, &s->text) < 0)
		return false;
	line = buf_span(&s->text);
	(void)span_cut(&line, ' ');
	(void)span_cut(&line, ' ');
	return date_parse(line, ret);
}

static bool test_date(struct search *s, const struct node *n, uint32_t i)
{
	usec when;

	if (!time_of(s, n, i, &when))
		when = 0;
	if (n->key->value & BEFORE)
		return when < n->number;
	if (n->key->value & SINCE)
		return when >= n->number;
	return when >= n->number && when < n->number + USEC_DAY;
}

/* clang-format off */
static const struct key keys[] = {
	{ "all",        test_all,     NO_ARGUMENT,    0, false },
	{ "answered",   test_flag,    NO_ARGUMENT,    FOLDER_ANSWERED, false },
	{ "bcc",        test_people,  TEXT,           0, false },
	{ "before",     test_date,    DATE,           BEFORE, false },
	{ "body",       test_part,    TEXT,           false, false },
	{ "cc",         test_people,  TEXT,           0, false },
	{ "deleted",    test_flag,    NO_ARGUMENT,    FOLDER_DELETED, false },
	{ "draft",      test_flag,    NO_ARGUMENT,    FOLDER_DRAFT, false },
	{ "flagged",    test_flag,    NO_ARGUMENT,    FOLDER_FLAGGED, false },
	{ "from",       test_people,  TEXT,           0, false },
	{ "header",     test_field,   FIELD_AND_TEXT, 0, false },
	{ "keyword",    test_flag,    FLAG,           0, false },
	{ "larger",     test_larger,  SIZE,           0, false },
	{ "new",        test_new,     NO_ARGUMENT,    0, false },
	{ "old",        test_mark,    NO_ARGUMENT,    BOX_NEW, true },
	{ "on",         test_date,    DATE,           ON, false },
	{ "recent",     test_mark,    NO_ARGUMENT,    BOX_NEW, false },
	{ "seen",       test_flag,    NO_ARGUMENT,    FOLDER_SEEN, false },
	{ "sentbefore", test_date,    DATE,           SENT | BEFORE, false },
	{ "senton",     test_date,    DATE,           SENT | ON, false },
	{ "sentsince",  test_date,    DATE,           SENT | SINCE, false },
	{ "since",      test_date,    DATE,           SINCE, false },
	{ "smaller",    test_smaller, SIZE,           0, false },
	{ "subject",    test_field,   TEXT,           0, false },
	{ "text",       test_part,    TEXT,           true, false },
	{ "to",         test_people,  TEXT,           0, false },
	{ "unanswered", test_flag,    NO_ARGUMENT,    FOLDER_ANSWERED, true },
	{ "undeleted",  test_flag,    NO_ARGUMENT,    FOLDER_DELETED, true },
	{ "undraft",    test_flag,    NO_ARGUMENT,    FOLDER_DRAFT, true },
	{ "unflagged",  test_flag,    NO_ARGUMENT,    FOLDER_FLAGGED, true },
	{ "unkeyword",  test_flag,    FLAG,           0, true },
	{ "unseen",     test_flag,    NO_ARGUMENT,    FOLDER_SEEN, true },
};
/* clang-format on */

static const struct key key_and = { "and", test_and, NO_ARGUMENT, 0, false };
static const struct key key_or = { "or", test_or, NO_ARGUMENT, 0, false };
static const struct key key_not = { "not", test_not, NO_ARGUMENT, 0, false };
static const struct key key_number = { "number", test_number, NO_ARGUMENT, 0,
	false };

static const struct {
	span name;
	uint8_t flag;
} flags[] = {
	{ SPAN_INIT("\\Seen"), FOLDER_SEEN },
	{ SPAN_INIT("\\Deleted"), FOLDER_DELETED },
	{ SPAN_INIT("\\Flagged"), FOLDER_FLAGGED },
	{ SPAN_INIT("\\Answered"), FOLDER_ANSWERED },
	{ SPAN_INIT("\\Draft"), FOLDER_DRAFT },
};

/* ---- parsing ---- */

struct parser {
	struct mua *m;
	struct arena *arena;
	span spec;
	span rest;
	unsigned depth;
};

/* The complaint, and what stands around the place. */
PRINTF_LIKE(2, 3)
static bool refuse(const struct parser *p, const char *format, ...)
{
	size_t at = (size_t)(p->rest.ptr - p->spec.ptr);
	size_t start = at > AROUND ? at - AROUND : 0;
	span around = span_first(span_from(p->spec, start), (size_t)2 * AROUND);
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	va_list args;
	char *room = buf_room(&text, 2048);
	int n;

	va_start(args, format);
	n = vsnprintf(room, 2048, format, args);
	va_end(args);
	text.len = n < 0 ? 0 : MIN((size_t)n, (size_t)2047);
	mua_error(
	    p->m, "%.*s: >>> %.*s <<<", PRI(buf_span(&text)), PRI(around));
	return false;
}

static bool is_end(char c)
{
	return ascii_is_space(c) || c == '(' || c == ')';
}

static span peek_word(span s)
{
	size_t n = 0;

	while (n < s.len && !is_end(s.ptr[n]))
		n++;
	return span_first(s, n);
}

/* A bare word, or "...". */
static bool parse_string(struct parser *p, span *ret)
{
	span s = span_trim_left(p->rest);
	CLEANUP(buf_done) struct buf text = BUF_INIT(s.len + 1);
	bool in_quote = false;
	size_t i;

	if (s.len == 0 || s.ptr[0] == '(' || s.ptr[0] == ')')
		return refuse(p, "Missing string argument");
	for (i = 0; i < s.len && (in_quote || !is_end(s.ptr[i])); i++) {
		if (s.ptr[i] == '"') {
			in_quote = !in_quote;
			continue;
		}
		if (in_quote && s.ptr[i] == '\\' && i + 1 < s.len)
			i++;
		buf_putc(&text, s.ptr[i]);
	}
	p->rest = span_from(s, i);
	*ret = arena_dup(p->arena, buf_span(&text));
	return ret->ptr || refuse(p, "The search is too long");
}

static bool parse_text(struct parser *p, struct node *n)
{
	span text = SPAN_NONE;

	n->name = SPAN("subject");
	return parse_string(p, &text) &&
	    (match_fold(text, p->arena, &n->text) ||
	        refuse(p, "The search is too long"));
}

static bool parse_date(struct parser *p, struct node *n)
{
	span text = SPAN_NONE;

	if (!parse_string(p, &text))
		return false;
	if (!date_parse(text, &n->number))
		return refuse(p, "Invalid date \"%.*s\"", PRI(text));
	return true;
}

static bool parse_size(struct parser *p, struct node *n)
{
	span text = SPAN_NONE;

	if (!parse_string(p, &text))
		return false;
	if (!span_to_u64(text, &n->number))
		return refuse(p, "Invalid size");
	return true;
}

static bool parse_flag(struct parser *p, struct node *n)
{
	span text = SPAN_NONE;

	if (!parse_string(p, &text))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (span_eq_nocase(text, flags[i].name))
			n->number = flags[i].flag;
	}
	return true;
}

static bool parse_arguments(struct parser *p, struct node *n)
{
	span name;

	switch (n->key->arguments) {
	case NO_ARGUMENT:
		return true;
	case TEXT:
		return parse_text(p, n);
	case FIELD_AND_TEXT:
		if (!parse_string(p, &name) || !parse_text(p, n))
			return false;
		n->name = name;
		return true;
	case DATE:
		return parse_date(p, n);
	case SIZE:
		return parse_size(p, n);
	case FLAG:
		return parse_flag(p, n);
	}
	return false;
}

static struct node *new_node(struct parser *p, const struct key *key)
{
	struct node *n = arena_new(p->arena, struct node);

	if (n)
		n->key = key;
	else
		(void)refuse(p, "The search is too long");
	return n;
}

static struct node *parse_key(struct parser *p);

/* Up to the closing parenthesis or the end, which stays. NULL in `ret`: it is
 * empty. */
static bool parse_list(struct parser *p, struct node **ret)
{
	struct node **end = ret;

	*ret = NULL;
	for (;;) {
		span s = span_trim_left(p->rest);

		if (s.len == 0 || s.ptr[0] == ')')
			return true;
		*end = new_node(p, &key_and);
		if (!*end)
			return false;
		(*end)->left = parse_key(p);
		if (!(*end)->left)
			return false;
		end = &(*end)->right;
	}
}

static struct node *parse_group(struct parser *p)
{
	struct node *list;

	p->rest = span_from(span_trim_left(p->rest), 1);
	if (!parse_list(p, &list))
		return NULL;
	p->rest = span_trim_left(p->rest);
	if (!span_skip(&p->rest, SPAN(")"))) {
		(void)refuse(p, "Missing \")\"");
		return NULL;
	}
	return list ? list : new_node(p, &keys[0]);
}

static struct node *parse_operand(struct parser *p, const char *what)
{
	span s = span_trim_left(p->rest);

	if (s.len == 0 || s.ptr[0] == ')') {
		(void)refuse(p, "%s missing", what);
		return NULL;
	}
	return parse_key(p);
}

static struct node *parse_not(struct parser *p)
{
	struct node *n = new_node(p, &key_not);

	if (n)
		n->left = parse_operand(p, "Criterion for NOT");
	return n && n->left ? n : NULL;
}

static struct node *parse_or(struct parser *p)
{
	struct node *n = new_node(p, &key_or);

	if (n)
		n->left = parse_operand(p, "First criterion for OR");
	if (n && n->left)
		n->right = parse_operand(p, "Second criterion for OR");
	return n && n->right ? n : NULL;
}

static struct node *parse_word(struct parser *p)
{
	span s = span_trim_left(p->rest);
	span word = peek_word(s);
	const struct key *key = NULL;
	struct node *n;
	uint32_t number = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (span_eq_nocase(word, span_str(keys[i].word)))
			key = &keys[i];
	}
	if (span_to_u32(word, &number))
		key = &key_number;
	if (span_eq_nocase(word, SPAN("uid"))) {
		(void)refuse(p, "Searching for UIDs is not supported");
		return NULL;
	}
	if (!key) {
		(void)refuse(p, "Bad SEARCH criterion \"%.*s\"", PRI(word));
		return NULL;
	}
	p->rest = span_from(s, word.len);
	n = new_node(p, key);
	if (!n)
		return NULL;
	n->number = number;
	return parse_arguments(p, n) ? n : NULL;
}

static struct node *parse_key(struct parser *p)
{
	span s = span_trim_left(p->rest);
	span word = peek_word(s);
	struct node *n;

	if (p->depth == MAX_DEPTH) {
		(void)refuse(p, "The search is too deep");
		return NULL;
	}
	p->depth++;
	if (span_has_prefix(s, SPAN("("))) {
		n = parse_group(p);
	} else if (span_eq_nocase(word, SPAN("not"))) {
		p->rest = span_from(s, word.len);
		n = parse_not(p);
	} else if (span_eq_nocase(word, SPAN("or"))) {
		p->rest = span_from(s, word.len);
		n = parse_or(p);
	} else {
		n = parse_word(p);
	}
	p->depth--;
	return n;
}

/* "()" stands for the last one. */
static bool recall(struct mua *m, struct arena *a, span *spec)
{
	struct buf *last = &m->box->last_search;

	if (!span_eq(*spec, SPAN("()"))) {
		buf_clear(last);
		buf_put(last, *spec);
		return true;
	}
	if (last->len == 0) {
		mua_error(m, "No last SEARCH criteria available.");
		return false;
	}
	*spec = arena_dup(a, buf_span(last));
	return spec->ptr != NULL;
}

bool search_parse(
    struct mua *m, span spec, struct arena *a, struct search **ret)
{
	struct search *s = arena_new(a, struct search);
	struct parser p = { .m = m, .arena = a };

	if (!s || !recall(m, a, &spec))
		return false;
	s->m = m;
	s->arena = a;
	p.spec = spec;
	p.rest = spec;
	s->root = parse_group(&p);
	if (!s->root)
		return false;
	*ret = s;
	return true;
}

void search_open(struct search *s)
{
	buf_init(&s->scratch, (size_t)3 * BODY_MAX);
	buf_init(&s->text, BODY_MAX);
	buf_init(&s->header, HEADER_MAX);
}

void search_close(struct search *s)
{
	buf_done(&s->scratch);
	buf_done(&s->text);
	buf_done(&s->header);
}

bool search_matches(struct search *s, uint32_t i)
{
	return fits(s, s->root, i);
}
