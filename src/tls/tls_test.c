/* SPDX-License-Identifier: ISC */
/*
 * A server of ours and a client of OpenSSL's, in one process: what one says
 * is fed to the other, cut in pieces.
 */
#include "tls/selfsigned.h"
#include "tls/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "os/file.h"
#include "test/lib/unit.h"

static struct fixture {
	struct tls_files files;
	struct tls_server_conf conf;
	struct buf heard; /* what was told */
	struct tls_ear ear;
} f;

static void hear(void *ctx UNUSED, bool warning, span line)
{
	buf_put(&f.heard, warning ? SPAN("warning: ") : SPAN(""));
	buf_put(&f.heard, line);
	buf_putc(&f.heard, '\n');
}

static bool heard(const char *text)
{
	bool found = strstr(buf_cstr(&f.heard), text);

	if (!found)
		print_message("heard: %s", buf_cstr(&f.heard));
	return found;
}

static int set_up(void **state UNUSED)
{
	struct buf key = BUF_INIT(10000);
	struct buf cert = BUF_INIT(10000);
	struct buf both = BUF_INIT(20000);
	struct buf bundle = BUF_INIT(100000);
	struct buf other = BUF_INIT(10000);
	struct buf unused = BUF_INIT(10000);
	int fd;

	tls_init();
	assert_true(selfsigned_make(SPAN("mail.example"), &key, &cert));
	assert_true(selfsigned_make(SPAN("other.example"), &other, &unused));
	buf_put(&both, buf_span(&cert));
	buf_put(&both, buf_span(&key));
	tls_files_put(&bundle, SPAN("cert"), 0, buf_span(&cert));
	tls_files_put(&bundle, SPAN("key"), 0, buf_span(&key));
	tls_files_put(&bundle, SPAN("cert+key"), 0, buf_span(&both));
	buf_clear(&both);
	buf_put(&both, buf_span(&key));
	buf_put(&both, buf_span(&cert));
	tls_files_put(&bundle, SPAN("chain"), 0, buf_span(&both));
	tls_files_put(&bundle, SPAN("other"), 0, buf_span(&other));
	tls_files_put(&bundle, SPAN("secret"), -EACCES, SPAN_NONE);
	tls_files_put(&bundle, SPAN("empty"), 0, SPAN_NONE);
	tls_files_put(&bundle, SPAN("noise"), 0,
	    SPAN("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY---"
	         "--\n"));
	assert_true(tls_files_has(buf_span(&bundle), SPAN("other")));
	assert_false(tls_files_has(buf_span(&bundle), SPAN("others")));
	fd = file_memfd("test", buf_span(&bundle));
	assert_true(fd >= 0);
	assert_int_equal(tls_files_open(&f.files, fd), 0);
	(void)close(fd);
	buf_init(&f.heard, 100000);
	f.ear.fn = hear;
	f.conf = (struct tls_server_conf){
		.service = SPAN("smtp"),
		.files = &f.files,
		.cert_file = SPAN("cert"),
		.key_file = SPAN("key"),
		.protocols = SPAN(">=TLSv1.2"),
		.grades = { .medium = SPAN("aNULL:-aNULL:HIGH:MEDIUM") },
		.grade = SPAN("medium"),
		.curves = SPAN("X25519 prime256v1"),
		.ticket_cipher = SPAN("aes-256-cbc"),
		.ticket_timeout = 3600 * USEC_SEC,
		.log = TLS_LOG_SUMMARY | TLS_LOG_CACHE,
	};
	buf_wipe(&key);
	buf_done(&cert);
	buf_wipe(&both);
	buf_wipe(&bundle);
	buf_wipe(&other);
	buf_done(&unused);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	tls_files_close(&f.files);
	buf_done(&f.heard);
	return 0;
}

/* ---- a client ---- */

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in;
	BIO *out;
	SSL_SESSION *session; /* the last one that was offered */
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

static void client_init(struct client *c, int version, SSL_SESSION *resume)
{
	*c = (struct client){ .ctx = SSL_CTX_new(TLS_client_method()) };
	SSL_CTX_set_max_proto_version(c->ctx, version);
	SSL_CTX_set_session_cache_mode(
	    c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(c->ctx, keep_session);
	c->ssl = SSL_new(c->ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	(void)SSL_set_app_data(c->ssl, c);
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
	if (resume)
		SSL_set_session(c->ssl, resume);
}

static void client_done(struct client *c)
{
	SSL_SESSION_free(c->session);
	/* Or the session would not be taken up again. */
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
}

/* What the server said goes to the client. */
static void to_client(struct tls *t, struct client *c)
{
	struct buf *out = tls_out(t);

	if (out->len)
		assert_int_equal(
		    BIO_write(c->in, out->data, (int)out->len), out->len);
	buf_clear(out);
}

/* And back, so many bytes at a time; the handshake's result. */
static enum tls_result to_server(struct tls *t, struct client *c, int cut)
{
	enum tls_result result = TLS_AGAIN;
	char piece[512];
	int n;

	while (result == TLS_AGAIN &&
	    (n = BIO_read(c->out, piece, MIN(cut, (int)sizeof(piece)))) > 0) {
		tls_feed(t, span_of(piece, (size_t)n));
		result = tls_handshake(t);
	}
	return result;
}

static enum tls_result shake_hands(struct tls *t, struct client *c, int cut)
{
	enum tls_result result = TLS_AGAIN;

	for (int i = 0; i < 10 && result == TLS_AGAIN; i++) {
		(void)SSL_do_handshake(c->ssl);
		result = to_server(t, c, cut);
		to_client(t, c);
	}
	(void)SSL_do_handshake(c->ssl);
	return result;
}

static struct tls *accept_one(struct tls_server *s)
{
	struct tls *t = tls_accept(s, SPAN("c[192.0.2.1]"), &f.ear);

	assert_non_null(t);
	return t;
}

static void send_text(struct tls *t, struct client *c, const char *text)
{
	char bytes[4096];
	char got[256];
	int n;
	size_t len;

	assert_int_equal(
	    SSL_write(c->ssl, text, (int)strlen(text)), strlen(text));
	n = BIO_read(c->out, bytes, sizeof(bytes));
	/* A record in two parts is one text. */
	tls_feed(t, span_of(bytes, 3));
	assert_int_equal(tls_read(t, got, sizeof(got), &len), TLS_AGAIN);
	tls_feed(t, span_of(bytes + 3, (size_t)n - 3));
	assert_int_equal(tls_read(t, got, sizeof(got), &len), TLS_OK);
	assert_span_equal(span_of(got, len), span_str(text));
	assert_int_equal(tls_read(t, got, sizeof(got), &len), TLS_AGAIN);
}

static void test_talk(void **state UNUSED)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static const int cuts[] = { 1, 7, 512 };
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);

	assert_non_null(s);
	for (size_t i = 0; i < ARRAY_LEN(versions) * ARRAY_LEN(cuts); i++) {
		struct tls *t = accept_one(s);
		struct client c;
		char got[64];
		size_t len;

		client_init(&c, versions[i % 2], NULL);
		assert_int_equal(shake_hands(t, &c, cuts[i / 2]), TLS_OK);
		send_text(t, &c, "EHLO there\r\n");
		assert_int_equal(tls_write(t, SPAN("250 hi\r\n")), TLS_OK);
		to_client(t, &c);
		assert_int_equal(SSL_read(c.ssl, got, sizeof(got)), 8);
		assert_memory_equal(got, "250 hi\r\n", 8);
		assert_false(tls_has_peer_cert(t));
		/* Our end, and theirs. */
		tls_close(t);
		tls_close(t);
		to_client(t, &c);
		assert_int_equal(SSL_read(c.ssl, got, sizeof(got)), 0);
		assert_int_equal(
		    SSL_get_error(c.ssl, 0), SSL_ERROR_ZERO_RETURN);
		(void)SSL_shutdown(c.ssl);
		len = (size_t)BIO_read(c.out, got, sizeof(got));
		tls_feed(t, span_of(got, len));
		assert_int_equal(
		    tls_read(t, got, sizeof(got), &len), TLS_CLOSED);
		client_done(&c);
		tls_free(&t);
	}
	tls_server_unref(&s);
}

static void test_words_about_it(void **state UNUSED)
{
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);
	struct tls *t = accept_one(s);
	struct buf out = BUF_INIT(1000);
	struct client c;

	buf_clear(&f.heard);
	client_init(&c, TLS1_3_VERSION, NULL);
	assert_int_equal(shake_hands(t, &c, 512), TLS_OK);
	assert_true(heard(
	    "Anonymous TLS connection established from c[192.0.2.1]: TLSv1.3 "
	    "with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange "
	    "X25519 server-signature ECDSA (prime256v1) server-digest "
	    "SHA256\n"));
	tls_write_received(t, &out);
	assert_span_equal(buf_span(&out),
	    SPAN("\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
	         "(256/256 bits)\r\n"
	         "\t key-exchange X25519 server-signature ECDSA (prime256v1) "
	         "server-digest SHA256)\r\n"
	         "\t(No client certificate requested)\r\n"));
	buf_done(&out);
	client_done(&c);
	tls_free(&t);
	tls_server_unref(&s);
}

/* ---- tickets ---- */

static bool resumes(struct tls_server *s, SSL_SESSION *session, int version)
{
	struct tls *t = accept_one(s);
	struct client c;
	bool resumed;

	client_init(&c, version, session);
	assert_int_equal(shake_hands(t, &c, 512), TLS_OK);
	resumed = tls_is_resumed(t);
	assert_int_equal(SSL_session_reused(c.ssl), resumed);
	client_done(&c);
	tls_free(&t);
	return resumed;
}

static SSL_SESSION *get_session(struct tls_server *s, int version)
{
	struct tls *t = accept_one(s);
	SSL_SESSION *session;
	struct client c;
	char got[8];

	client_init(&c, version, NULL);
	assert_int_equal(shake_hands(t, &c, 512), TLS_OK);
	/* TLS 1.3 gives it out behind the handshake. */
	(void)SSL_read(c.ssl, got, sizeof(got));
	session = STEAL(c.session);
	client_done(&c);
	tls_free(&t);
	return session;
}

static void test_tickets(void **state UNUSED)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct tls_server_conf other = f.conf;
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);
	struct tls_server *o;

	other.service = SPAN("submission");
	o = tls_server_new(&other, &f.ear);
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		SSL_SESSION *session = get_session(s, versions[i]);

		assert_non_null(session);
		assert_true(SSL_SESSION_has_ticket(session));
		buf_clear(&f.heard);
		assert_true(resumes(s, session, versions[i]));
		assert_true(heard("c[192.0.2.1]: Reusing old session "
		                  "(RFC 5077 session ticket)\n"));
		/* A good ticket is no good elsewhere. */
		assert_false(resumes(o, session, versions[i]));
		SSL_SESSION_free(session);
	}
	tls_server_unref(&s);
	tls_server_unref(&o);
}

/* The keys of one are given to the other: its name still keeps it out. */
static void test_ticket_of_another_name(void **state UNUSED)
{
	struct tls_server_conf other = f.conf;
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);
	struct tls_server *o;
	struct tickets *own;
	SSL_SESSION *session;

	other.service = SPAN("submission");
	o = tls_server_new(&other, &f.ear);
	session = get_session(s, TLS1_3_VERSION);
	own = o->tickets;
	o->tickets = s->tickets;
	assert_false(resumes(o, session, TLS1_3_VERSION));
	o->tickets = own;
	SSL_SESSION_free(session);
	tls_server_unref(&s);
	tls_server_unref(&o);
}

static void test_no_tickets(void **state UNUSED)
{
	struct tls_server_conf conf = f.conf;
	struct tls_server *s;

	conf.ticket_timeout = 0;
	s = tls_server_new(&conf, &f.ear);
	assert_null(get_session(s, TLS1_3_VERSION));
	tls_server_unref(&s);
	conf.ticket_timeout = USEC_SEC;
	conf.ticket_cipher = SPAN("aes-128-gcm");
	buf_clear(&f.heard);
	s = tls_server_new(&conf, &f.ear);
	assert_true(heard("warning: tls_session_ticket_cipher: invalid value"));
	assert_null(get_session(s, TLS1_3_VERSION));
	tls_server_unref(&s);
}

/* ---- what cannot be ---- */

static void test_garbage(void **state UNUSED)
{
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);
	struct tls *t = accept_one(s);

	buf_clear(&f.heard);
	tls_feed(t, SPAN("EHLO this is no TLS\r\n"));
	assert_int_equal(tls_handshake(t), TLS_FAILED);
	assert_true(heard("SSL_accept error from c[192.0.2.1]: -1\n"));
	assert_true(heard("warning: TLS library problem: "));
	tls_free(&t);
	tls_server_unref(&s);
}

static void test_old_protocol(void **state UNUSED)
{
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);
	struct tls *t = accept_one(s);
	struct client c;

	client_init(&c, TLS1_1_VERSION, NULL);
	SSL_CTX_set_security_level(c.ctx, 0);
	SSL_set_security_level(c.ssl, 0);
	SSL_set_min_proto_version(c.ssl, TLS1_VERSION);
	assert_int_equal(shake_hands(t, &c, 512), TLS_FAILED);
	client_done(&c);
	tls_free(&t);
	tls_server_unref(&s);
}

static void test_alpn(void **state UNUSED)
{
	static const struct {
		const char *offer;
		enum tls_result result;
		const char *chosen;
	} cases[] = {
		{ "\4smtp", TLS_OK, "smtp" },
		{ "\2h2\5esmtp", TLS_OK, "esmtp" },
		{ "\2h2\10http/1.1", TLS_FAILED, "" },
		{ "\5smtps", TLS_FAILED, "" },
	};
	struct tls_server *s = tls_server_new(&f.conf, &f.ear);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls *t = accept_one(s);
		const unsigned char *chosen = NULL;
		unsigned int len = 0;
		struct client c;

		client_init(&c, TLS1_3_VERSION, NULL);
		SSL_set_alpn_protos(c.ssl,
		    (const unsigned char *)cases[i].offer,
		    (unsigned)strlen(cases[i].offer));
		assert_int_equal(shake_hands(t, &c, 512), cases[i].result);
		SSL_get0_alpn_selected(c.ssl, &chosen, &len);
		assert_span_equal(
		    span_of(chosen, len), span_str(cases[i].chosen));
		client_done(&c);
		tls_free(&t);
	}
	tls_server_unref(&s);
}

/* clang-format off */
static const struct {
	const char *chain, *cert, *key, *protocols, *grade, *exclude;
	const char *says;
} bad[] = {
	{ "", "cert", "other", "", "medium", "", "warning: cannot get RSA private key from file \"other\": disabling TLS support\n" },
	{ "", "cert", "none", "", "medium", "", "warning: cannot get RSA private key from file \"none\": disabling TLS support\n" },
	{ "", "secret", "key", "", "medium", "", "warning: cannot get RSA certificate from file \"secret\": disabling TLS support\n" },
	{ "", "secret", "key", "", "medium", "", "Permission denied" },
	{ "", "cert", "noise", "", "medium", "", "warning: cannot get RSA private key from file \"noise\": disabling TLS support\n" },
	{ "", "cert", "cert", "", "medium", "", "warning: No private key found in cert\n" },
	{ "", "key", "key", "", "medium", "", "warning: No certs for key in key\n" },
	{ "", "empty", "empty", "", "medium", "", "warning: No PEM data in empty\n" },
	{ "cert", "", "", "", "medium", "", "warning: error loading chain from cert: key not first\n" },
	{ "key key", "", "", "", "medium", "", "is not followed by a certificate\n" },
	{ "chain, chain", "", "", "", "medium", "", "disabling TLS support\n" },
	{ "none", "", "", "", "medium", "", "warning: error opening chain file: none\n" },
	{ "", "cert", "key", "SSLv9", "medium", "", "warning: Invalid TLS protocol list \"SSLv9\": disabling TLS support\n" },
	{ "", "cert", "key", "", "good", "", "warning: invalid cipher grade: \"good\": disabling TLS support\n" },
	{ "", "cert", "key", "", "medium", "+RC4", "warning: invalid unary '!+-@' in cipher exclusion: +RC4: disabling TLS support\n" },
};
/* clang-format on */

static void test_bad_configurations(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct tls_server_conf conf = f.conf;

		conf.chain_files = span_str(bad[i].chain);
		conf.cert_file = span_str(bad[i].cert);
		conf.key_file = span_str(bad[i].key);
		conf.protocols = span_str(bad[i].protocols);
		conf.grade = span_str(bad[i].grade);
		conf.exclude_ciphers = span_str(bad[i].exclude);
		buf_clear(&f.heard);
		assert_null(tls_server_new(&conf, &f.ear));
		assert_true(heard(bad[i].says));
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void test_ways_to_name_a_key(void **state UNUSED)
{
	static const struct {
		const char *chain, *cert, *key;
	} good[] = {
		{ "chain", "", "" },
		{ "key cert", "", "" },
		{ "", "cert+key", "cert+key" },
		{ "", "chain", "chain" },
		{ "", "cert+key", "chain" },
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct tls_server_conf conf = f.conf;
		struct tls_server *s;

		conf.chain_files = span_str(good[i].chain);
		conf.cert_file = span_str(good[i].cert);
		conf.key_file = span_str(good[i].key);
		s = tls_server_new(&conf, &f.ear);
		assert_non_null(s);
		assert_false(resumes(s, NULL, TLS1_3_VERSION));
		tls_server_unref(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_talk),
		cmocka_unit_test(test_words_about_it),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_ticket_of_another_name),
		cmocka_unit_test(test_no_tickets),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_old_protocol),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_bad_configurations),
		cmocka_unit_test(test_ways_to_name_a_key),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
