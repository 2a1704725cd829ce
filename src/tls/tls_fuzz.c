/* SPDX-License-Identifier: ISC */
/*
 * A server against whatever comes: the first byte says how it is cut. After
 * an end nothing more may come out, and all that is fed is consumed.
 */
#include "tls/selfsigned.h"
#include "tls/tls.h"

#include <unistd.h>

#include "os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *ctx, bool warning UNUSED, span line)
{
	size_t *heard = ctx;

	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] >= 0 && !ascii_is_print(line.ptr[i]))
			bug("a line that is none");
	*heard += line.len;
}

static struct tls_server *make_server(const struct tls_ear *ear)
{
	struct buf key = BUF_INIT(10000);
	struct buf cert = BUF_INIT(10000);
	struct buf bundle = BUF_INIT(30000);
	struct tls_files files = { 0 };
	struct tls_server_conf conf = {
		.service = SPAN("smtp"),
		.files = &files,
		.cert_file = SPAN("cert"),
		.key_file = SPAN("key"),
		.protocols = SPAN(">=TLSv1"),
		.grades = { .medium = SPAN("ALL") },
		.grade = SPAN("medium"),
		.curves = SPAN("X25519 prime256v1"),
		.fingerprint_digest = SPAN("sha256"),
		.ticket_cipher = SPAN("aes-256-cbc"),
		.ticket_timeout = USEC_HOUR,
		.log = ~0u,
		.ask_cert = true,
	};
	struct tls_server *s;
	int fd;

	tls_init();
	if (!selfsigned_make(SPAN("mail.example"), &key, &cert))
		bug("no certificate");
	tls_files_put(&bundle, SPAN("cert"), 0, buf_span(&cert));
	tls_files_put(&bundle, SPAN("key"), 0, buf_span(&key));
	fd = file_memfd("fuzz", buf_span(&bundle));
	if (fd < 0 || tls_files_open(&files, fd) < 0)
		bug("no files");
	(void)close(fd);
	s = tls_server_new(&conf, ear);
	if (!s)
		bug("no server");
	tls_files_close(&files);
	buf_wipe(&key);
	buf_done(&cert);
	buf_wipe(&bundle);
	return s;
}

/* False: it is over. */
static bool feed(struct tls *t, span piece, bool *done)
{
	enum tls_result result = TLS_OK;
	char text[100];
	size_t n;

	tls_feed(t, piece);
	if (!*done) {
		result = tls_handshake(t);
		*done = result == TLS_OK;
	}
	while (*done && result == TLS_OK)
		result = tls_read(t, text, sizeof(text), &n);
	buf_clear(tls_out(t));
	return result == TLS_AGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_server *server;
	static size_t heard;
	const struct tls_ear ear = { hear, &heard };
	struct tls *t;
	bool done = false;
	span in;

	if (!size)
		return 0;
	if (!server)
		server = make_server(&ear);
	in = span_of(data + 1, size - 1);
	t = tls_accept(server, SPAN("c[192.0.2.1]"), &ear);
	while (in.len) {
		span piece = span_first(in, data[0] % 64u * 16 + 1);

		in = span_from(in, piece.len);
		if (!feed(t, piece, &done))
			break;
	}
	tls_close(t);
	tls_free(&t);
	return 0;
}
