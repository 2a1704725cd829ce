/* SPDX-License-Identifier: ISC */
#include "tool/postmap/alias.h"

#include "mail/address.h"
#include "mail/token.h"

enum { MAX_TOKENS = 1 << 30, MAX_TEXT = 1 << 28 };

void alias_lines_init(struct alias_lines *a)
{
	arena_init(&a->tokens, MAX_TOKENS);
	buf_init(&a->key, MAX_TEXT);
	buf_init(&a->value, MAX_TEXT);
}

void alias_lines_done(struct alias_lines *a)
{
	arena_done(&a->tokens);
	buf_done(&a->key);
	buf_done(&a->value);
}

static bool is_before(const struct token *t, uint16_t type)
{
	for (; t; t = t->prev)
		if (t->type == type)
			return true;
	return false;
}

/* The colon between name and value; NULL after a warning. */
static struct token *find_colon(struct source *s, const struct token_list *l)
{
	struct token *colon = token_find(l, ':');

	if (!colon || !colon->prev || !colon->next || is_before(colon, ',')) {
		source_warn(s, "need name:value pair");
		return NULL;
	}
	if (is_before(colon, '@') || is_before(colon, '%')) {
		source_warn(s, "name must be local");
		return NULL;
	}
	return colon;
}

/* What is behind the name's colon: not one in quotes or in a comment. */
static span text_of(span line)
{
	unsigned depth = 0;
	bool quoted = false;
	size_t i = 0;

	for (; i < line.len; i++) {
		char c = line.ptr[i];

		if (c == '\\')
			i++;
		else if (c == '"' && depth == 0)
			quoted = !quoted;
		else if (c == '(' && !quoted)
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == ':' && !quoted && depth == 0)
			break;
	}
	line = span_from(line, MIN(i + 1, line.len));
	while (line.len > 0 && ascii_is_space(line.ptr[0]))
		line = span_from(line, 1);
	return line;
}

static void drop_comments(struct token_list *l)
{
	for (struct token *t = l->head; t; t = t->next) {
		if (t->type != TOKEN_COMMENT)
			continue;
		*(t->prev ? &t->prev->next : &l->head) = t->next;
		*(t->next ? &t->next->prev : &l->tail) = t->prev;
	}
}

/* The name's tokens are not needed any more. */
static void measure(struct alias_lines *a, struct token_list *name, span line)
{
	drop_comments(name);
	buf_clear(&a->value);
	token_write_external(&a->value, name, 0);
	a->name_size = a->value.len;
	a->text_size = text_of(line).len;
}

static bool take_line(struct alias_lines *a, struct source *s, span line)
{
	struct token_list name;
	struct token_list value;
	struct token *colon;

	if (s->utf8 && !address_is_utf8(line)) {
		source_warn(s, "non-UTF-8 input \"%.*s\" -- ignoring this line",
		    PRI(line));
		return false;
	}
	arena_done(&a->tokens);
	if (!token_scan(line, 0, &a->tokens, &name)) {
		source_warn(s, "the line is too long -- ignoring this line");
		return false;
	}
	if (!name.head)
		return false;
	colon = find_colon(s, &name);
	if (!colon)
		return false;
	value = name;
	token_cut_to(&value, colon);
	token_cut_from(&name, colon);
	buf_clear(&a->key);
	token_write_internal(&a->key, &name);
	measure(a, &name, line);
	buf_clear(&a->value);
	token_write_external(&a->value, &value, 0);
	return !a->key.failed && !a->value.failed;
}

bool alias_next(
    struct alias_lines *a, struct source *s, span *ret_key, span *ret_value)
{
	span line;

	while (source_line(s, &line)) {
		if (!take_line(a, s, line))
			continue;
		*ret_key = buf_span(&a->key);
		*ret_value = buf_span(&a->value);
		return true;
	}
	return false;
}
