/* SPDX-License-Identifier: ISC */
/*
 * tls/words.h - the little languages of the TLS parameters: lists of
 * protocols, of ciphers, of options, of things to log. Pure functions.
 */
#pragma once

#include "base/buf.h"

/* "!SSLv2, !SSLv3" or ">=TLSv1.2, <=TLSv1.3" or "TLSv1.2 TLSv1.3". */
struct tls_protocols {
	int floor;        /* a version in wire form (0x0303), 0: any */
	int ceiling;      /* the same */
	uint64_t exclude; /* SSL_OP_NO_... */
};
/* False: a word that means nothing. */
MUST_USE bool tls_protocols_parse(span words, struct tls_protocols *ret);

/* What a cipher grade stands for. */
struct tls_grades {
	span high, medium, low, export, null;
};
enum tls_ciphers_result {
	TLS_CIPHERS_OK,
	TLS_CIPHERS_GRADE, /* there is no such grade */
	TLS_CIPHERS_UNARY, /* an exclusion begins with ! + - or @ */
};
/* The list for OpenSSL: "medium" without "RC4, aNULL" appends
 * "$tls_medium_cipherlist:!RC4:!aNULL". ret_bad is the word at fault. */
MUST_USE int tls_ciphers_write(struct buf *out, const struct tls_grades *grades,
    span grade, span exclude, span *ret_bad);

enum tls_log {
	TLS_LOG_SUMMARY = 1,
	TLS_LOG_UNTRUSTED = 2,
	TLS_LOG_PEERCERT = 4,
	TLS_LOG_CERTMATCH = 8,
	TLS_LOG_VERBOSE = 16,
	TLS_LOG_CACHE = 32,
	TLS_LOG_DEBUG = 64,
	TLS_LOG_HANDSHAKE_DUMP = 128,
	TLS_LOG_SESSION_DUMP = 256,
	TLS_LOG_DANE = 512,
};
/* A loglevel ("1", "summary, untrusted") as enum tls_log bits; unknown words
 * count for nothing. */
unsigned tls_log_parse(span words);

/*
 * The options that tls_disable_workarounds and tls_ssl_options leave: SSL_OP
 * bits. Words are names in any case, or numbers in hexadecimal (0x...). The
 * first word that is neither is told in ret_bad, which is empty otherwise.
 */
uint64_t tls_options_parse(span disabled, span enabled, span *ret_bad);
