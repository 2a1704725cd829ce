/* SPDX-License-Identifier: ISC */
#include "tls/selfsigned.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* A day of the past, so that a clock that is slow does not mind. */
enum { DAY = 24 * 3600, DAYS = 3650, CN_MAX = 64 };

static bool put_pem(struct buf *out, BIO *bio)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	if (n > 0)
		buf_put(out, span_of(text, (size_t)n));
	return n > 0 && !out->failed;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(cert, e, -1) > 0;
	X509_EXTENSION_free(e);
	return ok;
}

static bool set_serial(X509 *cert)
{
	uint64_t n;

	if (RAND_bytes((unsigned char *)&n, sizeof(n)) <= 0)
		return false;
	return ASN1_INTEGER_set_uint64(
	           X509_get_serialNumber(cert), n >> 1 | 1) > 0;
}

static bool set_name(X509 *cert, span host)
{
	X509_NAME *name = X509_get_subject_name(cert);

	host = span_first(host, CN_MAX);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	           (const unsigned char *)host.ptr, (int)host.len, -1, 0) > 0 &&
	    X509_set_issuer_name(cert, name) > 0;
}

static bool fill(X509 *cert, EVP_PKEY *key, span host)
{
	CLEANUP(buf_done) struct buf names = BUF_INIT(1024);

	buf_printf(&names, "DNS:%.*s,DNS:localhost", PRI(host));
	return !names.failed && X509_set_version(cert, X509_VERSION_3) > 0 &&
	    set_serial(cert) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, NULL) &&
	    X509_set_pubkey(cert, key) > 0 && set_name(cert, host) &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, NID_subject_alt_name, buf_cstr(&names)) &&
	    X509_sign(cert, key, EVP_sha256()) > 0;
}

bool selfsigned_make(span host, struct buf *ret_key, struct buf *ret_cert)
{
	EVP_PKEY *key = EVP_EC_gen("prime256v1");
	X509 *cert = X509_new();
	BIO *key_pem = BIO_new(BIO_s_secmem());
	BIO *cert_pem = BIO_new(BIO_s_mem());
	bool ok = key && cert && key_pem && cert_pem && fill(cert, key, host) &&
	    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) >
	        0 &&
	    PEM_write_bio_X509(cert_pem, cert) > 0 &&
	    put_pem(ret_key, key_pem) && put_pem(ret_cert, cert_pem);

	BIO_free(key_pem);
	BIO_free(cert_pem);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}
