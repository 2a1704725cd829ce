/* SPDX-License-Identifier: ISC */
/*
 * tls/tickets.c - the keys under which clients keep their sessions.
 *
 * The keys are random, belong to one service in one process, and are never
 * written down. One encrypts new tickets for half of the time that a session
 * may be taken up again, and is good for decryption as long once more; then
 * it is wiped, and nobody can read the tickets any more. A client whose
 * ticket meets the key of another process makes a full handshake, that is
 * all.
 */
#include "tls/tls_internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "os/clock.h"

enum { NAME = 16, KEY = 32, IV = 16, KEYS = 2 };

struct ticket_key {
	unsigned char name[NAME];
	unsigned char cipher[KEY];
	unsigned char mac[KEY];
	usec made; /* 0: there is none */
};

struct tickets {
	EVP_CIPHER *cipher;
	usec half;
	struct ticket_key keys[KEYS]; /* the newest first */
};

static void age(struct tickets *t, usec now)
{
	for (size_t i = 0; i < KEYS; i++)
		if (t->keys[i].made && now - t->keys[i].made >= 2 * t->half)
			OPENSSL_cleanse(&t->keys[i], sizeof(t->keys[i]));
}

/* NULL: there are no random bytes. */
static const struct ticket_key *newest(struct tickets *t, usec now)
{
	struct ticket_key *k = &t->keys[0];
	struct ticket_key fresh = { .made = now };

	if (k->made && now - k->made < t->half)
		return k;
	if (RAND_bytes(fresh.name, NAME) <= 0 ||
	    RAND_priv_bytes(fresh.cipher, KEY) <= 0 ||
	    RAND_priv_bytes(fresh.mac, KEY) <= 0)
		return NULL;
	t->keys[1] = *k;
	*k = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return k;
}

static const struct ticket_key *find(
    const struct tickets *t, const unsigned char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (t->keys[i].made && !memcmp(t->keys[i].name, name, NAME))
			return &t->keys[i];
	return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct ticket_key *k)
{
	unsigned char key[KEY];
	char digest[] = "sha256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
		    OSSL_MAC_PARAM_KEY, key, sizeof(key)),
		OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	bool ok;

	memcpy(key, k->mac, sizeof(key));
	ok = EVP_MAC_CTX_set_params(mac, params) > 0;
	OPENSSL_cleanse(key, sizeof(key));
	return ok;
}

static void tell(
    const struct tls *conn, const struct ticket_key *k, const char *what)
{
	usec left =
	    k->made + 2 * conn->server->tickets->half - clock_monotonic();

	if (conn->server->log & TLS_LOG_CACHE)
		tls_tell(&conn->ear, false,
		    "%.*s: %s session ticket, key expiration: %llu",
		    PRI(conn->peer), what,
		    (unsigned long long)((clock_wall() + left) / USEC_SEC));
}

/* 0: without a ticket; 1: it is good. */
static int encrypt_ticket(struct tls *conn, unsigned char *name,
    unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tickets *t = conn->server->tickets;
	const struct ticket_key *k = newest(t, clock_monotonic());

	if (!k || RAND_bytes(iv, IV) <= 0 || !set_mac(mac, k) ||
	    EVP_EncryptInit_ex2(cipher, t->cipher, k->cipher, iv, NULL) <= 0)
		return 0;
	memcpy(name, k->name, NAME);
	tell(conn, k, "Issuing");
	return 1;
}

static int decrypt_ticket(struct tls *conn, const unsigned char *name,
    const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tickets *t = conn->server->tickets;
	const struct ticket_key *k;

	age(t, clock_monotonic());
	k = find(t, name);
	if (!k || !set_mac(mac, k) ||
	    EVP_DecryptInit_ex2(cipher, t->cipher, k->cipher, iv, NULL) <= 0)
		return 0;
	conn->ticketed = true;
	tell(conn, k, "Decrypting");
	return 1;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct tls *conn = SSL_get_app_data(ssl);

	return encrypt ? encrypt_ticket(conn, name, iv, cipher, mac)
	               : decrypt_ticket(conn, name, iv, cipher, mac);
}

static bool serves(const EVP_CIPHER *c)
{
	return c && EVP_CIPHER_get_mode(c) == EVP_CIPH_CBC_MODE &&
	    EVP_CIPHER_get_iv_length(c) == IV &&
	    EVP_CIPHER_get_key_length(c) >= IV &&
	    EVP_CIPHER_get_key_length(c) <= KEY;
}

struct tickets *tickets_new(
    SSL_CTX *ctx, span cipher, usec timeout, const struct tls_ear *ear)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(256);
	struct tickets *t = NEW(struct tickets);

	buf_put(&name, cipher);
	t->half = MAX(timeout / 2, USEC_SEC);
	t->cipher = EVP_CIPHER_fetch(NULL, buf_cstr(&name), NULL);
	if (!serves(t->cipher)) {
		tls_tell(ear, true,
		    "tls_session_ticket_cipher: invalid value: %.*s; session "
		    "tickets disabled",
		    PRI(cipher));
		ERR_clear_error();
		tickets_free(&t);
		return NULL;
	}
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	/* A mail client comes back with one connection at a time. */
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	/* Longer than the keys live: it is they who end a session. */
	(void)SSL_CTX_set_timeout(ctx, (long)(2 * timeout / USEC_SEC));
	return t;
}

void tickets_free(struct tickets **tickets)
{
	struct tickets *t = STEAL(*tickets);

	if (!t)
		return;
	EVP_CIPHER_free(t->cipher);
	OPENSSL_cleanse(t->keys, sizeof(t->keys));
	mem_free(t);
}
