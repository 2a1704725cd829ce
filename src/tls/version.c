/* SPDX-License-Identifier: ISC */
#include "tls/version.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stddef.h>

const char *tls_version_compiled(void)
{
	return OPENSSL_VERSION_TEXT;
}

const char *tls_version_running(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

const char *const *tls_key_kinds(void)
{
	/* The words of Postfix, sorted. */
	static const char *const kinds[] = { "dsa", "ecdsa", "rsa", NULL };

	return kinds;
}
