/* SPDX-License-Identifier: ISC */
/*
 * base/span.h - a borrowed run of bytes.
 *
 * No ownership and no terminating NUL; a value, passed by copy. Whoever hands
 * out a span says until when its bytes live. Nothing here looks for a NUL
 * except span_str(). Case folding is ASCII only.
 */
#pragma once

#include "base/base.h"

#include <string.h>

typedef struct span {
	const char *ptr;
	size_t len;
} span;

#define SPAN(lit) ((span){ "" lit, sizeof(lit) - 1 })
#define SPAN_INIT(lit) \
	{ \
		"" lit, sizeof(lit) - 1 \
	}
#define SPAN_NONE ((span){ NULL, 0 })
/* For printf("%.*s"): PRI(s) gives both arguments. */
#define PRI(s) (int)((s).len > 4096 ? 4096 : (s).len), (s).ptr

static inline span span_of(const void *ptr, size_t len)
{
	return (span){ (const char *)ptr, len };
}

/* NULL gives the empty span. */
static inline span span_str(const char *text)
{
	return text ? span_of(text, strlen(text)) : SPAN_NONE;
}

static inline bool span_eq(span a, span b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

static inline span span_from(span s, size_t offset)
{
	if (offset > s.len)
		offset = s.len;
	/* NULL + 0 is undefined. */
	return span_of(offset ? s.ptr + offset : s.ptr, s.len - offset);
}

static inline span span_first(span s, size_t n)
{
	return span_of(s.ptr, n < s.len ? n : s.len);
}

bool span_eq_nocase(span a, span b);
/* <0, 0, >0 by bytes; a prefix sorts first. */
int span_cmp(span a, span b);
int span_cmp_nocase(span a, span b);

bool span_has_prefix(span s, span prefix);
bool span_has_prefix_nocase(span s, span prefix);
bool span_has_suffix_nocase(span s, span suffix);
/* If `rest` starts with `prefix`, step over it. */
bool span_skip(span *rest, span prefix);
bool span_skip_nocase(span *rest, span prefix);

/* First position of c, or -1. */
ssize_t span_find(span s, char c);
ssize_t span_rfind(span s, char c);
/* How many there are. */
size_t span_count(span s, char c);

/*
 * Cut off and return what stands before the first `sep` and step over the
 * separator; without one, everything is returned and `rest` becomes empty
 * (ptr at the end). Ask `rest->len` before the call to know whether to stop.
 */
span span_cut(span *rest, char sep);
/*
 * The next word between any of the bytes in `seps` (runs of separators count
 * as one, leading ones are skipped); an empty span when there is none left.
 */
span span_word(span *rest, const char *seps);
/* Without leading and trailing space, tab, CR, LF, VT, FF. */
span span_trim(span s);
span span_trim_left(span s);
/* Step over spaces and tabs. */
void span_skip_blanks(span *rest);

/* Own memory, with a NUL behind: mem_free() it. */
char *span_dup(span s);

/* Decimal digits only, the whole span, no sign. */
MUST_USE bool span_to_u64(span s, uint64_t *ret);
MUST_USE bool span_to_u32(span s, uint32_t *ret);

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
static inline char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}
static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}
static inline bool ascii_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool ascii_is_blank(char c)
{
	return c == ' ' || c == '\t';
}
/* Of a hexadecimal digit; -1: it is none. */
static inline int ascii_hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
/* Space to tilde. */
static inline bool ascii_is_print(char c)
{
	return c >= ' ' && c <= '~';
}
