/* SPDX-License-Identifier: ISC */
/*
 * map/inline.c - "inline:{ key=value, { key = text with blanks } }".
 */
#include "conf/words.h"
#include "mail/address.h"
#include "map/braces.h"
#include "map/memory.h"
#include "map/source.h"
#include "map/types.h"

enum { MAX_CONTENT = 1 << 28 };

/* "key = value"; the key may be quoted. False: `why` says what is wrong. */
static bool split_pair(span s, span *ret_key, span *ret_value, struct buf *why)
{
	size_t n;

	while (s.len && ascii_is_space(s.ptr[0]))
		s = span_from(s, 1);
	if (s.len == 0) {
		buf_put(
		    why, SPAN("no key found; expected format: key = value"));
		return false;
	}
	if (!source_key_end(s, '=', &n)) {
		buf_put(why, SPAN("unbalanced '\"'"));
		return false;
	}
	*ret_key = span_first(s, n);
	s = span_trim(span_from(s, n));
	if (!span_skip(&s, SPAN("="))) {
		buf_put(why, SPAN("missing '=' after attribute name"));
		return false;
	}
	*ret_value = span_trim(s);
	return true;
}

static bool add_word(
    const struct map_setup *s, struct memory_map *t, span word, struct buf *why)
{
	struct buf content = BUF_INIT(MAX_CONTENT);
	struct map_setup inner = *s;
	span key = SPAN_NONE;
	span value = SPAN_NONE;
	bool ok = word.ptr[0] != '{' || braces_strip(&word, why);

	inner.reason = why;
	ok = ok && split_pair(word, &key, &value, why);
	if (ok && (s->flags & MAP_VALUE_IS_FILE)) {
		ok = map_file_value(&inner, value, &content);
		value = buf_span(&content);
	}
	if (ok)
		ok = memory_put(t, s->flags, key, value, true) == PAIRS_PUT;
	buf_done(&content);
	return ok;
}

static bool add_all(const struct map_setup *s, struct memory_map *t, span text)
{
	struct buf why = BUF_INIT(8192);
	span word = words_next(&text);
	bool ok = word.len > 0;

	if (!ok)
		buf_put(&why, SPAN("empty table"));
	for (; ok && word.len; word = words_next(&text))
		ok = add_word(s, t, word, &why);
	if (!ok)
		buf_printf(s->reason,
		    "%.*s: \"inline:%.*s\"; need \"inline:{name=%s...}\"",
		    PRI(buf_span(&why)), PRI(s->name),
		    s->flags & MAP_VALUE_IS_FILE ? "filename" : "value");
	buf_done(&why);
	return ok;
}

static struct map *inline_open(const struct map_setup *s)
{
	struct memory_map *t;
	const char *wrong = NULL;
	span text = SPAN_NONE;

	if ((s->flags & MAP_UTF8) && !address_is_utf8(s->name))
		wrong = "bad UTF-8 syntax";
	else if (!braces_all(s->name, &text) || text.len == 0)
		wrong = "bad syntax";
	if (wrong) {
		buf_printf(s->reason,
		    "%s: \"inline:%.*s\"; need \"inline:{name=value...}\"",
		    wrong, PRI(s->name));
		return NULL;
	}
	t = memory_new();
	if (add_all(s, t, text))
		return &t->map;
	memory_close(&t->map);
	return NULL;
}

const struct map_type map_type_inline = {
	.name = "inline",
	.traits = MAP_EXACT,
	.open = inline_open,
	.find = memory_find,
	.each = memory_each,
	.close = memory_close,
};
