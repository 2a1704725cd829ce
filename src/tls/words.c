/* SPDX-License-Identifier: ISC */
/*
 * The words are those of Postfix 3.7; see postconf(5). A word that OpenSSL
 * has no bit for any more (SSLv2, old workarounds) is known and means
 * nothing.
 */
#include "tls/words.h"

#include <openssl/ssl.h>

static const char separators[] = ", \t\r\n:";

/* ---- numbers ---- */

/* With or without "0x". */
static bool parse_hex(span s, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	(void)span_skip_nocase(&s, SPAN("0x"));
	if (!s.len || s.len > 16)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = ascii_hex_value(s.ptr[i]);

		if (digit < 0)
			return false;
		n = n << 4 | (uint64_t)digit;
	}
	*ret = n;
	return n <= max;
}

/* ---- protocols ---- */

/* clang-format off */
static const struct {
	span name;
	int version;
	uint64_t bit;
} protocols[] = {
	{ SPAN_INIT("SSLv2"), 0, 0 },
	{ SPAN_INIT("SSLv3"), SSL3_VERSION, SSL_OP_NO_SSLv3 },
	{ SPAN_INIT("TLSv1"), TLS1_VERSION, SSL_OP_NO_TLSv1 },
	{ SPAN_INIT("TLSv1.1"), TLS1_1_VERSION, SSL_OP_NO_TLSv1_1 },
	{ SPAN_INIT("TLSv1.2"), TLS1_2_VERSION, SSL_OP_NO_TLSv1_2 },
	{ SPAN_INIT("TLSv1.3"), TLS1_3_VERSION, SSL_OP_NO_TLSv1_3 },
};
/* clang-format on */

static const uint64_t all_protocols = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 |
    SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3;

/* In any case, as Postfix. */
static ssize_t find_protocol(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (span_eq_nocase(protocols[i].name, name))
			return (ssize_t)i;
	return -1;
}

static bool parse_version(span name, int *ret)
{
	ssize_t i = find_protocol(name);
	uint64_t n;

	if (span_eq_nocase(name, SPAN("None"))) {
		*ret = 0;
		return true;
	}
	if (i > 0) {
		*ret = protocols[i].version;
		return true;
	}
	if (!parse_hex(name, INT32_MAX, &n))
		return false;
	*ret = (int)n;
	return true;
}

bool tls_protocols_parse(span words, struct tls_protocols *ret)
{
	struct tls_protocols p = { 0 };
	uint64_t include = 0;
	bool listed = false;

	for (;;) {
		span word = span_word(&words, separators);
		ssize_t i;

		if (!word.len)
			break;
		if (span_skip(&word, SPAN(">="))) {
			if (!parse_version(word, &p.floor))
				return false;
			continue;
		}
		if (span_skip(&word, SPAN("<="))) {
			if (!parse_version(word, &p.ceiling))
				return false;
			continue;
		}
		bool not = span_skip(&word, SPAN("!"));

		i = find_protocol(word);
		if (i < 0)
			return false;
		listed |= !not ;
		*(not ? &p.exclude : &include) |= protocols[i].bit;
	}
	/* Who lists some excludes the others. */
	if (listed)
		p.exclude |= all_protocols & ~include;
	*ret = p;
	return true;
}

/* ---- ciphers ---- */

static span grade_list(const struct tls_grades *g, span grade)
{
	const struct {
		span name;
		span list;
	} grades[] = {
		{ SPAN("high"), g->high },
		{ SPAN("medium"), g->medium },
		{ SPAN("low"), g->low },
		{ SPAN("export"), g->export },
		{ SPAN("null"), g->null },
	};

	for (size_t i = 0; i < ARRAY_LEN(grades); i++)
		if (span_eq_nocase(grades[i].name, grade))
			return grades[i].list;
	return SPAN_NONE;
}

int tls_ciphers_write(struct buf *out, const struct tls_grades *grades,
    span grade, span exclude, span *ret_bad)
{
	span list = grade_list(grades, grade);

	*ret_bad = grade;
	if (!list.len)
		return TLS_CIPHERS_GRADE;
	buf_put(out, list);
	for (;;) {
		span word = span_word(&exclude, separators);

		if (!word.len)
			return TLS_CIPHERS_OK;
		*ret_bad = word;
		if (strchr("!+-@", word.ptr[0]))
			return TLS_CIPHERS_UNARY;
		buf_put(out, SPAN(":!"));
		buf_put(out, word);
	}
}

/* ---- what to log ---- */

enum {
	LOG_1 = TLS_LOG_SUMMARY,
	LOG_2 = LOG_1 | TLS_LOG_VERBOSE | TLS_LOG_CACHE | TLS_LOG_DEBUG,
	LOG_3 = LOG_2 | TLS_LOG_HANDSHAKE_DUMP,
	LOG_4 = LOG_3 | TLS_LOG_SESSION_DUMP,
};

/* clang-format off */
static const struct {
	span name;
	unsigned bits;
} log_words[] = {
	{ SPAN_INIT("0"), 0 },
	{ SPAN_INIT("none"), 0 },
	{ SPAN_INIT("1"), LOG_1 },
	{ SPAN_INIT("routine"), LOG_1 },
	{ SPAN_INIT("2"), LOG_2 },
	{ SPAN_INIT("debug"), LOG_2 },
	{ SPAN_INIT("3"), LOG_3 },
	{ SPAN_INIT("ssl-expert"), LOG_3 },
	{ SPAN_INIT("4"), LOG_4 },
	{ SPAN_INIT("ssl-developer"), LOG_4 },
	{ SPAN_INIT("5"), LOG_4 },
	{ SPAN_INIT("6"), LOG_4 },
	{ SPAN_INIT("7"), LOG_4 },
	{ SPAN_INIT("8"), LOG_4 },
	{ SPAN_INIT("9"), LOG_4 },
	{ SPAN_INIT("summary"), TLS_LOG_SUMMARY },
	{ SPAN_INIT("untrusted"), TLS_LOG_UNTRUSTED },
	{ SPAN_INIT("peercert"), TLS_LOG_PEERCERT },
	{ SPAN_INIT("certmatch"), TLS_LOG_CERTMATCH },
	{ SPAN_INIT("verbose"), TLS_LOG_VERBOSE },
	{ SPAN_INIT("cache"), TLS_LOG_CACHE },
	{ SPAN_INIT("dane"), TLS_LOG_DANE },
	{ SPAN_INIT("ssl-debug"), TLS_LOG_DEBUG },
	{ SPAN_INIT("ssl-handshake-packet-dump"), TLS_LOG_HANDSHAKE_DUMP },
	{ SPAN_INIT("ssl-session-packet-dump"), TLS_LOG_HANDSHAKE_DUMP | TLS_LOG_SESSION_DUMP },
};
/* clang-format on */

unsigned tls_log_parse(span words)
{
	unsigned bits = 0;

	for (;;) {
		span word = span_word(&words, ", \t\r\n");

		if (!word.len)
			return bits;
		for (size_t i = 0; i < ARRAY_LEN(log_words); i++)
			if (span_eq_nocase(log_words[i].name, word))
				bits |= log_words[i].bits;
	}
}

/* ---- options ---- */

struct option {
	span name;
	uint64_t bit;
};

/* clang-format off */
static const struct option workarounds[] = {
	{ SPAN_INIT("MICROSOFT_SESS_ID_BUG"), 0 },
	{ SPAN_INIT("NETSCAPE_CHALLENGE_BUG"), 0 },
	{ SPAN_INIT("LEGACY_SERVER_CONNECT"), SSL_OP_LEGACY_SERVER_CONNECT },
	{ SPAN_INIT("NETSCAPE_REUSE_CIPHER_CHANGE_BUG"), 0 },
	{ SPAN_INIT("CVE-2010-4180"), 0 },
	{ SPAN_INIT("SSLREF2_REUSE_CERT_TYPE_BUG"), 0 },
	{ SPAN_INIT("MICROSOFT_BIG_SSLV3_BUFFER"), 0 },
	{ SPAN_INIT("MSIE_SSLV2_RSA_PADDING"), 0 },
	{ SPAN_INIT("CVE-2005-2969"), 0 },
	{ SPAN_INIT("SSLEAY_080_CLIENT_DH_BUG"), 0 },
	{ SPAN_INIT("TLS_D5_BUG"), 0 },
	{ SPAN_INIT("TLS_BLOCK_PADDING_BUG"), 0 },
	{ SPAN_INIT("TLS_ROLLBACK_BUG"), SSL_OP_TLS_ROLLBACK_BUG },
	{ SPAN_INIT("DONT_INSERT_EMPTY_FRAGMENTS"), SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS },
	{ SPAN_INIT("CRYPTOPRO_TLSEXT_BUG"), SSL_OP_CRYPTOPRO_TLSEXT_BUG },
	{ SPAN_INIT("TLSEXT_PADDING"), SSL_OP_TLSEXT_PADDING },
};

static const struct option tweaks[] = {
	{ SPAN_INIT("LEGACY_SERVER_CONNECT"), SSL_OP_LEGACY_SERVER_CONNECT },
	{ SPAN_INIT("NO_TICKET"), SSL_OP_NO_TICKET },
	{ SPAN_INIT("NO_COMPRESSION"), SSL_OP_NO_COMPRESSION },
	{ SPAN_INIT("NO_RENEGOTIATION"), SSL_OP_NO_RENEGOTIATION },
	{ SPAN_INIT("NO_SESSION_RESUMPTION_ON_RENEGOTIATION"), SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION },
	{ SPAN_INIT("PRIORITIZE_CHACHA"), SSL_OP_PRIORITIZE_CHACHA },
	{ SPAN_INIT("ENABLE_MIDDLEBOX_COMPAT"), SSL_OP_ENABLE_MIDDLEBOX_COMPAT },
};
/* clang-format on */

static bool find_option(
    const struct option *options, size_t n, span word, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (span_eq_nocase(options[i].name, word)) {
			*ret = options[i].bit;
			return true;
		}
	}
	return span_has_prefix_nocase(word, SPAN("0x")) &&
	    parse_hex(word, UINT64_MAX, ret);
}

static uint64_t parse_options(
    const struct option *options, size_t n, span words, span *bad)
{
	uint64_t bits = 0;

	for (;;) {
		span word = span_word(&words, ", \t\r\n");
		uint64_t bit = 0;

		if (!word.len)
			return bits;
		if (find_option(options, n, word, &bit))
			bits |= bit;
		else if (!bad->len)
			*bad = word;
	}
}

uint64_t tls_options_parse(span disabled, span enabled, span *ret_bad)
{
	/* Other parameters decide about these. */
	const uint64_t managed = all_protocols |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | (uint64_t)SSL_OP_ALL;
	uint64_t off;
	uint64_t on;

	*ret_bad = SPAN_NONE;
	off = parse_options(
	    workarounds, ARRAY_LEN(workarounds), disabled, ret_bad);
	on = parse_options(tweaks, ARRAY_LEN(tweaks), enabled, ret_bad);
	return ((uint64_t)SSL_OP_ALL & ~off) | (on & ~managed);
}
