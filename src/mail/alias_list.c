/* SPDX-License-Identifier: ISC */
#include "mail/alias_list.h"

#include "mail/token.h"

/* --- ';' for ',' --- */

/*
 * Where we are in the text, as far as it matters for a ';': "name: a, b;" is
 * a group, ":include:" is none.
 */
struct place {
	bool word;  /* something stands before this in the same address */
	bool colon; /* the address began with a ':' */
	bool group;
};

static void step_over(struct place *p, char c)
{
	if (c == ',' || c == ';') {
		p->word = p->colon = false;
		p->group = p->group && c == ',';
	} else if (c == ':') {
		p->group |= p->word && !p->colon;
		p->colon |= !p->word;
	} else if (!ascii_is_space(c)) {
		p->word = true;
	}
}

/* The length of what is protected by quotes, brackets or a backslash. */
static size_t protected(span rest)
{
	char c = rest.ptr[0];
	char end = c == '[' ? ']' : c == '(' ? ')' : c == '"' ? '"' : '\0';
	size_t depth = 0;
	size_t i = 0;

	if (c == '\\')
		return MIN((size_t)2, rest.len);
	if (!end)
		return 0;
	for (; i < rest.len; i++) {
		if (rest.ptr[i] == '\\')
			i++;
		else if (rest.ptr[i] == '(' && c == '(')
			depth++;
		else if (i && rest.ptr[i] == end && (c != '(' || !--depth))
			break;
	}
	return MIN(i + 1, rest.len);
}

static bool replace_semicolons(span *text, struct arena *a, bool *ret_any)
{
	struct place place = { 0 };
	char *copy;

	if (span_find(*text, ';') < 0)
		return true;
	copy = arena_alloc(a, text->len, 1);
	if (!copy)
		return false;
	memcpy(copy, text->ptr, text->len);
	for (size_t i = 0; i < text->len; i++) {
		size_t n = protected(span_from(*text, i));

		if (n) {
			place.word |= copy[i] != '(';
			i += n - 1;
			continue;
		}
		if (copy[i] == ';' && !place.group) {
			copy[i] = ',';
			*ret_any = true;
		}
		step_over(&place, text->ptr[i]);
	}
	*text = span_of(copy, text->len);
	return true;
}

/* --- one after the other --- */

static struct alias_item classify(span text)
{
	static const struct {
		span prefix;
		enum alias_kind kind;
		bool keep; /* the prefix belongs to it */
	} kinds[] = {
		{ SPAN_INIT("/"), ALIAS_FILE, true },
		{ SPAN_INIT("~"), ALIAS_HOME, true },
		{ SPAN_INIT("|"), ALIAS_COMMAND, false },
		{ SPAN_INIT(":include:"), ALIAS_INCLUDE, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		span rest = text;

		if (span_skip_nocase(&rest, kinds[i].prefix))
			return (struct alias_item){ kinds[i].kind,
				kinds[i].keep ? text : rest };
	}
	return (struct alias_item){ ALIAS_ADDRESS, text };
}

static bool add_item(
    const struct token *addr, struct arena *a, struct alias_list *l)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	span text;

	token_write_internal(&b, &addr->kids);
	text = arena_dup(a, buf_span(&b));
	buf_done(&b);
	if (!text.ptr)
		return false;
	l->items[l->count++] = classify(text);
	return true;
}

bool alias_list_parse(span text, struct arena *a, struct alias_list *ret)
{
	struct alias_list l = { 0 };
	struct token_list tokens;
	size_t n = 0;

	text = span_cut(&text, '\0');
	if (!replace_semicolons(&text, a, &l.semicolons) ||
	    !token_parse(text, 0, a, &tokens))
		return false;
	for (const struct token *t = tokens.head; t; t = t->next)
		n += t->type == TOKEN_ADDR;
	l.items = n ? arena_alloc(a, n, sizeof(*l.items)) : NULL;
	if (n && !l.items)
		return false;
	for (const struct token *t = tokens.head; t; t = t->next)
		if (t->type == TOKEN_ADDR && !add_item(t, a, &l))
			return false;
	*ret = l;
	return true;
}
