/* SPDX-License-Identifier: ISC */
/*
 * Names come from strangers, and iconv_open() would load whatever converter
 * such a name asks for, with suffixes that change how it works. So only sets
 * that occur in mail are known here, each with the name that iconv gets.
 *
 * Reading is generous where writers were careless: who says ISO-8859-1 means
 * windows-1252, who says GB2312 means GB18030, and so on; what these add are
 * only codes that the smaller set does not have. Writing is exact.
 *
 * UTF-8, windows-1252 and unlabelled text need no iconv. In the latter each
 * sequence that is UTF-8 counts as that, and every other byte as
 * windows-1252, so that it can be read in pieces, without looking ahead.
 */
#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>

#include "base/utf8.h"

enum kind {
	KIND_GUESS,
	KIND_UTF8,
	KIND_1252,
	KIND_ICONV,
};

enum {
	/* More than any incomplete character or escape sequence has. */
	HELD_MAX = 32,
	CHUNK = 4096,
};

#define REPLACEMENT SPAN("\357\277\275")

/* A known name, without "-", "_" and ":". */
struct known {
	const char *name;
	enum kind kind;
	uint8_t unit; /* bytes of what is skipped if it is wrong; 0: 1 */
	/* For iconv. Without `write` the text is written as `read` says. */
	const char *read;
	const char *write;
};

/* "big5tw" and "eucgb2312cn" are how Python's email package calls these. */
/* clang-format off */
static const struct known sets[] = {
	{ "utf8", KIND_UTF8, 0, NULL, "UTF-8" },
	{ "usascii", KIND_GUESS, 0, NULL, "US-ASCII" },
	{ "ascii", KIND_GUESS, 0, NULL, "US-ASCII" },
	{ "ansix3.41968", KIND_GUESS, 0, NULL, "US-ASCII" },
	{ "ansix3.4", KIND_GUESS, 0, NULL, "US-ASCII" },
	{ "iso646us", KIND_GUESS, 0, NULL, "US-ASCII" },
	{ "unknown8bit", KIND_GUESS, 0, NULL, NULL },
	{ "xunknown", KIND_GUESS, 0, NULL, NULL },
	{ "unknown", KIND_GUESS, 0, NULL, NULL },
	{ "xuserdefined", KIND_GUESS, 0, NULL, NULL },
	{ "8bit", KIND_GUESS, 0, NULL, NULL },
	{ "iso88591", KIND_1252, 0, NULL, "ISO-8859-1" },
	{ "iso885911987", KIND_1252, 0, NULL, "ISO-8859-1" },
	{ "latin1", KIND_1252, 0, NULL, "ISO-8859-1" },
	{ "l1", KIND_1252, 0, NULL, "ISO-8859-1" },
	{ "windows1252", KIND_1252, 0, NULL, "CP1252" },
	{ "cp1252", KIND_1252, 0, NULL, "CP1252" },
	{ "iso88592", KIND_ICONV, 0, "ISO-8859-2", NULL },
	{ "latin2", KIND_ICONV, 0, "ISO-8859-2", NULL },
	{ "iso88593", KIND_ICONV, 0, "ISO-8859-3", NULL },
	{ "iso88594", KIND_ICONV, 0, "ISO-8859-4", NULL },
	{ "iso88595", KIND_ICONV, 0, "ISO-8859-5", NULL },
	{ "iso88596", KIND_ICONV, 0, "ISO-8859-6", NULL },
	{ "iso88597", KIND_ICONV, 0, "ISO-8859-7", NULL },
	{ "iso88598", KIND_ICONV, 0, "ISO-8859-8", NULL },
	{ "iso88598i", KIND_ICONV, 0, "ISO-8859-8", NULL },
	{ "iso88598e", KIND_ICONV, 0, "ISO-8859-8", NULL },
	{ "iso88599", KIND_ICONV, 0, "CP1254", "ISO-8859-9" },
	{ "latin5", KIND_ICONV, 0, "CP1254", "ISO-8859-9" },
	{ "iso885910", KIND_ICONV, 0, "ISO-8859-10", NULL },
	{ "iso885911", KIND_ICONV, 0, "CP874", "ISO-8859-11" },
	{ "iso885913", KIND_ICONV, 0, "ISO-8859-13", NULL },
	{ "iso885914", KIND_ICONV, 0, "ISO-8859-14", NULL },
	{ "iso885915", KIND_ICONV, 0, "ISO-8859-15", NULL },
	{ "latin9", KIND_ICONV, 0, "ISO-8859-15", NULL },
	{ "iso885916", KIND_ICONV, 0, "ISO-8859-16", NULL },
	{ "windows1250", KIND_ICONV, 0, "CP1250", NULL },
	{ "windows1251", KIND_ICONV, 0, "CP1251", NULL },
	{ "windows1253", KIND_ICONV, 0, "CP1253", NULL },
	{ "windows1254", KIND_ICONV, 0, "CP1254", NULL },
	{ "windows1255", KIND_ICONV, 0, "CP1255", NULL },
	{ "windows1256", KIND_ICONV, 0, "CP1256", NULL },
	{ "windows1257", KIND_ICONV, 0, "CP1257", NULL },
	{ "windows1258", KIND_ICONV, 0, "CP1258", NULL },
	{ "windows874", KIND_ICONV, 0, "CP874", NULL },
	{ "cp1250", KIND_ICONV, 0, "CP1250", NULL },
	{ "cp1251", KIND_ICONV, 0, "CP1251", NULL },
	{ "cp1253", KIND_ICONV, 0, "CP1253", NULL },
	{ "cp1254", KIND_ICONV, 0, "CP1254", NULL },
	{ "cp1255", KIND_ICONV, 0, "CP1255", NULL },
	{ "cp1256", KIND_ICONV, 0, "CP1256", NULL },
	{ "cp1257", KIND_ICONV, 0, "CP1257", NULL },
	{ "cp1258", KIND_ICONV, 0, "CP1258", NULL },
	{ "cp874", KIND_ICONV, 0, "CP874", NULL },
	{ "tis620", KIND_ICONV, 0, "CP874", "TIS-620" },
	{ "koi8r", KIND_ICONV, 0, "KOI8-R", NULL },
	{ "koi8u", KIND_ICONV, 0, "KOI8-U", NULL },
	{ "ibm437", KIND_ICONV, 0, "IBM437", NULL },
	{ "cp437", KIND_ICONV, 0, "IBM437", NULL },
	{ "ibm850", KIND_ICONV, 0, "IBM850", NULL },
	{ "cp850", KIND_ICONV, 0, "IBM850", NULL },
	{ "ibm852", KIND_ICONV, 0, "IBM852", NULL },
	{ "cp852", KIND_ICONV, 0, "IBM852", NULL },
	{ "ibm866", KIND_ICONV, 0, "IBM866", NULL },
	{ "cp866", KIND_ICONV, 0, "IBM866", NULL },
	{ "macintosh", KIND_ICONV, 0, "MACINTOSH", NULL },
	{ "xmacroman", KIND_ICONV, 0, "MACINTOSH", NULL },
	{ "viscii", KIND_ICONV, 0, "VISCII", NULL },
	{ "gb2312", KIND_ICONV, 0, "GB18030", "EUC-CN" },
	{ "euccn", KIND_ICONV, 0, "GB18030", "EUC-CN" },
	{ "eucgb2312cn", KIND_ICONV, 0, "GB18030", "EUC-CN" },
	{ "gbk", KIND_ICONV, 0, "GB18030", "GBK" },
	{ "xgbk", KIND_ICONV, 0, "GB18030", "GBK" },
	{ "cp936", KIND_ICONV, 0, "GB18030", "GBK" },
	{ "gb18030", KIND_ICONV, 0, "GB18030", NULL },
	{ "big5", KIND_ICONV, 0, "CP950", NULL },
	{ "xbig5", KIND_ICONV, 0, "CP950", NULL },
	{ "big5tw", KIND_ICONV, 0, "CP950", NULL },
	{ "cp950", KIND_ICONV, 0, "CP950", NULL },
	{ "big5hkscs", KIND_ICONV, 0, "BIG5-HKSCS", NULL },
	{ "shiftjis", KIND_ICONV, 0, "CP932", NULL },
	{ "xsjis", KIND_ICONV, 0, "CP932", NULL },
	{ "sjis", KIND_ICONV, 0, "CP932", NULL },
	{ "mskanji", KIND_ICONV, 0, "CP932", NULL },
	{ "windows31j", KIND_ICONV, 0, "CP932", NULL },
	{ "cp932", KIND_ICONV, 0, "CP932", NULL },
	{ "eucjp", KIND_ICONV, 0, "EUC-JP-MS", "EUC-JP" },
	{ "xeucjp", KIND_ICONV, 0, "EUC-JP-MS", "EUC-JP" },
	{ "iso2022jp", KIND_ICONV, 0, "ISO-2022-JP", NULL },
	{ "iso2022jp1", KIND_ICONV, 0, "ISO-2022-JP-2", NULL },
	{ "iso2022jp2", KIND_ICONV, 0, "ISO-2022-JP-2", NULL },
	{ "iso2022kr", KIND_ICONV, 0, "ISO-2022-KR", NULL },
	{ "euckr", KIND_ICONV, 0, "UHC", "EUC-KR" },
	{ "ksc56011987", KIND_ICONV, 0, "UHC", "EUC-KR" },
	{ "ksc5601", KIND_ICONV, 0, "UHC", "EUC-KR" },
	{ "uhc", KIND_ICONV, 0, "UHC", NULL },
	{ "cp949", KIND_ICONV, 0, "UHC", NULL },
	{ "utf7", KIND_ICONV, 0, "UTF-7", NULL },
	{ "unicode11utf7", KIND_ICONV, 0, "UTF-7", NULL },
	{ "utf16", KIND_ICONV, 2, "UTF-16", "UTF-16BE" },
	{ "utf16be", KIND_ICONV, 2, "UTF-16BE", NULL },
	{ "utf16le", KIND_ICONV, 2, "UTF-16LE", NULL },
	{ "iso10646ucs2", KIND_ICONV, 2, "UTF-16BE", NULL },
	{ "utf32", KIND_ICONV, 4, "UTF-32", "UTF-32BE" },
	{ "utf32be", KIND_ICONV, 4, "UTF-32BE", NULL },
	{ "utf32le", KIND_ICONV, 4, "UTF-32LE", NULL },
};
/* clang-format on */

static const struct known guess = { "", KIND_GUESS, 0, NULL, NULL };

/* windows-1252 from 0x80; 0 has no meaning. Above it is ISO-8859-1. */
static const uint16_t high_1252[32] = { 0x20ac, 0, 0x201a, 0x0192, 0x201e,
	0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
	0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178 };

struct charset {
	const struct known *set;
	iconv_t cd; /* KIND_ICONV */
	size_t held_len;
	char held[HELD_MAX]; /* the beginning of a character */
};

static bool is_name(span name, const char *plain)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);

		if (c == '-' || c == '_' || c == ':')
			continue;
		if (*plain != c || c == '\0')
			return false;
		plain++;
	}
	return *plain == '\0';
}

static const struct known *find_set(span name)
{
	name = span_trim(name);
	if (!name.len)
		return find_set(SPAN("us-ascii"));
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (is_name(name, sets[i].name))
			return &sets[i];
	return NULL;
}

/* NULL: this system does not have it. */
static iconv_t converter(const char *to, const char *from)
{
	iconv_t cd = iconv_open(to, from);

	return (intptr_t)cd == -1 ? NULL : cd;
}

static struct charset *open_set(const struct known *set)
{
	iconv_t cd = NULL;
	struct charset *c;

	if (set->kind == KIND_ICONV) {
		cd = converter("UTF-8", set->read);
		if (!cd)
			return NULL;
	}
	c = NEW(struct charset);
	c->set = set;
	c->cd = cd;
	return c;
}

struct charset *charset_open(span name)
{
	const struct known *set = find_set(name);

	return set ? open_set(set) : NULL;
}

void charset_close(struct charset **pc)
{
	struct charset *c = *pc;

	if (c && c->set->kind == KIND_ICONV)
		(void)iconv_close(c->cd);
	mem_free(c);
	*pc = NULL;
}

/* --- without iconv --- */

static void put_1252(struct buf *out, char byte)
{
	uint8_t b = (uint8_t)byte;
	uint16_t c = b >= 0x80 && b < 0xa0 ? high_1252[b - 0x80] : b;

	if (b < 0x80)
		buf_putc(out, byte);
	else
		utf8_put(out, c ? c : 0xfffd);
}

static void decode_1252(span text, struct buf *out)
{
	for (size_t i = 0; i < text.len && !out->failed; i++)
		put_1252(out, text.ptr[i]);
}

/* Which bytes may follow this first byte of a character, and how many. */
static int utf8_tail(uint8_t lead, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead < 0x80)
		return 0;
	if (lead < 0xc2 || lead > 0xf4)
		return -1;
	return lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
}

/*
 * The length of the character at the beginning; 0: it goes on behind the end
 * of `s`; negative: so many bytes are the beginning of none.
 */
static int utf8_len(span s)
{
	uint8_t low;
	uint8_t high;
	int tail = utf8_tail((uint8_t)s.ptr[0], &low, &high);

	for (int i = 1; i <= tail; i++) {
		uint8_t b;

		if ((size_t)i == s.len)
			return 0;
		b = (uint8_t)s.ptr[i];
		if (b < low || b > high)
			return -i;
		low = 0x80;
		high = 0xbf;
	}
	return tail + 1 > 0 ? tail + 1 : -1;
}

static size_t good_utf8(span s)
{
	size_t i = 0;

	while (i < s.len) {
		int n = s.ptr[i] >= 0 ? 1 : utf8_len(span_from(s, i));

		if (n <= 0)
			break;
		i += (size_t)n;
	}
	return i;
}

static void put_bad(const struct charset *c, span bytes, struct buf *out)
{
	if (c->set->kind == KIND_GUESS)
		decode_1252(bytes, out);
	else
		buf_put(out, REPLACEMENT);
}

static void drop_held(struct charset *c, size_t n)
{
	c->held_len -= n;
	memmove(c->held, c->held + n, c->held_len);
}

/* What is held, as far as it can be decided. */
static void settle_utf8(struct charset *c, struct buf *out)
{
	while (c->held_len) {
		span held = span_of(c->held, c->held_len);
		int n = utf8_len(held);

		if (n == 0)
			return;
		if (n > 0)
			buf_put(out, span_first(held, (size_t)n));
		else
			put_bad(c, span_first(held, (size_t)-n), out);
		drop_held(c, (size_t)(n > 0 ? n : -n));
	}
}

static void decode_utf8(
    struct charset *c, span text, bool last, struct buf *out)
{
	while (text.len && !out->failed) {
		size_t n = c->held_len ? 0 : good_utf8(text);

		buf_put(out, span_first(text, n));
		text = span_from(text, n);
		if (!text.len)
			break;
		c->held[c->held_len++] = text.ptr[0];
		text = span_from(text, 1);
		settle_utf8(c, out);
	}
	if (last && c->held_len) {
		put_bad(c, span_of(c->held, c->held_len), out);
		c->held_len = 0;
	}
}

/* --- with iconv --- */

/* iconv() wants it writable, but does not write. */
static char *start_of(span text)
{
	char *p;

	memcpy(&p, &text.ptr, sizeof(p));
	return p;
}

/* What remains of `text` is the beginning of a character. */
static void convert(struct charset *c, span *text, struct buf *out)
{
	size_t unit = MAX(c->set->unit, (uint8_t)1);

	while (text->len && !out->failed) {
		char chunk[CHUNK];
		char *from = start_of(*text);
		char *to = chunk;
		size_t from_len = text->len;
		size_t room = sizeof(chunk);
		size_t r = iconv(c->cd, &from, &from_len, &to, &room);
		bool stuck = from_len == text->len && to == chunk;
		int err = r == (size_t)-1 ? errno : 0;

		buf_put(out, span_of(chunk, (size_t)(to - chunk)));
		*text = span_from(*text, text->len - from_len);
		if (err == EINVAL)
			return;
		if (err == EILSEQ || stuck) {
			buf_put(out, REPLACEMENT);
			*text = span_from(*text, unit);
		}
	}
}

/* What is held with as many bytes as it takes to understand it. */
static void complete_held(struct charset *c, span *text, struct buf *out)
{
	while (c->held_len && text->len && !out->failed) {
		span held;

		if (c->held_len == sizeof(c->held)) {
			buf_put(out, REPLACEMENT);
			drop_held(c, 1);
		}
		c->held[c->held_len++] = text->ptr[0];
		*text = span_from(*text, 1);
		held = span_of(c->held, c->held_len);
		convert(c, &held, out);
		drop_held(c, c->held_len - held.len);
	}
}

static void end_iconv(struct charset *c, struct buf *out)
{
	char chunk[CHUNK];
	char *to = chunk;
	size_t room = sizeof(chunk);

	if (c->held_len)
		buf_put(out, REPLACEMENT);
	c->held_len = 0;
	/* Some hold a letter back that a mark may follow. */
	(void)iconv(c->cd, NULL, NULL, &to, &room);
	buf_put(out, span_of(chunk, (size_t)(to - chunk)));
}

static void decode_iconv(
    struct charset *c, span text, bool last, struct buf *out)
{
	complete_held(c, &text, out);
	convert(c, &text, out);
	if (text.len && !out->failed) {
		c->held_len = MIN(text.len, sizeof(c->held));
		memcpy(c->held, text.ptr, c->held_len);
	}
	if (last)
		end_iconv(c, out);
}

void charset_decode(struct charset *c, span text, bool last, struct buf *out)
{
	switch (c->set->kind) {
	case KIND_GUESS:
	case KIND_UTF8:
		decode_utf8(c, text, last, out);
		break;
	case KIND_1252:
		decode_1252(text, out);
		break;
	case KIND_ICONV:
		decode_iconv(c, text, last, out);
		break;
	}
}

void charset_to_utf8(span name, span text, struct buf *out)
{
	struct charset *c = charset_open(name);

	if (!c)
		c = open_set(&guess);
	charset_decode(c, text, true, out);
	charset_close(&c);
}

/* --- from UTF-8 --- */

static int encode_some(iconv_t cd, span *text, struct buf *out)
{
	char chunk[CHUNK];
	char *from = start_of(*text);
	char *to = chunk;
	size_t room = sizeof(chunk);
	/* Without text it writes what leads back to the first state. */
	size_t r = iconv(cd, text->len ? &from : NULL, &text->len, &to, &room);
	int err = r == (size_t)-1 ? errno : 0;

	text->ptr = from;
	if (out)
		buf_put(out, span_of(chunk, (size_t)(to - chunk)));
	/* Above 0 it has put other characters in place of some. */
	if (err == E2BIG && to > chunk)
		return 0;
	return r == 0 ? 0 : -EILSEQ;
}

/* `out` may be NULL: only whether it can be done. */
static int encode(const struct known *set, span utf8, struct buf *out)
{
	const char *name = set->write ? set->write : set->read;
	iconv_t cd;
	int r = 0;

	if (!name)
		return -ENOENT;
	if (set->kind == KIND_UTF8) {
		if (!charset_is_utf8(utf8))
			return -EILSEQ;
		if (out)
			buf_put(out, utf8);
		return 0;
	}
	cd = converter(name, "UTF-8");
	if (!cd)
		return -ENOENT;
	while (r == 0 && utf8.len && !(out && out->failed))
		r = encode_some(cd, &utf8, out);
	if (r == 0 && !utf8.len)
		r = encode_some(cd, &utf8, out);
	(void)iconv_close(cd);
	return r;
}

int charset_from_utf8(span name, span utf8, struct buf *out)
{
	const struct known *set = find_set(name);
	size_t before = out->len;
	int r = set ? encode(set, utf8, out) : -ENOENT;

	if (r)
		out->len = before;
	return r;
}

span charset_choose(span list, span utf8)
{
	span name;

	if (utf8_is_ascii(utf8))
		return SPAN("us-ascii");
	while ((name = span_word(&list, ", \t\r\n")).len) {
		const struct known *set = find_set(name);

		if (set && encode(set, utf8, NULL) == 0)
			return name;
	}
	return SPAN("utf-8");
}

bool charset_is_utf8(span text)
{
	return good_utf8(text) == text.len;
}
