/* SPDX-License-Identifier: ISC */
/*
 * daemon/master/keys.c - certificates and keys for those who talk TLS.
 *
 * They have no files, and the user they run as may not read keys. master may;
 * it reads what the configuration names, without looking at what is in it,
 * and hands it over in a sealed memfd: at the start, and again at each
 * reload, when a renewed certificate is picked up. Which role gets which keys
 * stands in the table of roles. (Had the process itself opened them before it
 * dropped its uid, it would have to be started again for a new certificate,
 * and a reload would drop sessions.)
 *
 * What cannot be read is told by the process that needs it, where it says
 * what follows from that.
 */
#include "daemon/master/master.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/file.h"
#include "tls/files.h"

enum { FILE_LIMIT = 4 * 1024 * 1024, HASH_DIGITS = 8 };

static void put_file(struct buf *out, span name, int at, const char *path)
{
	CLEANUP(fd_close)
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct buf content = BUF_INIT(FILE_LIMIT);
	int r = fd < 0 ? -errno : file_read_all(fd, &content);

	tls_files_put(out, name, r, r < 0 ? SPAN_NONE : buf_span(&content));
	buf_wipe(&content);
}

/* "9a8b7c6d.0": how OpenSSL would find a certificate in a directory. */
static bool is_hashed(span name)
{
	size_t n = 0;

	while (n < name.len && n < HASH_DIGITS &&
	    (ascii_is_digit(name.ptr[n]) ||
	        (name.ptr[n] >= 'a' && name.ptr[n] <= 'f')))
		n++;
	return n == HASH_DIGITS && name.len > n + 1 && name.ptr[n] == '.' &&
	    ascii_is_digit(name.ptr[n + 1]);
}

/* All that OpenSSL would find there, as one file. */
static void put_directory(struct buf *out, span name, const char *path)
{
	struct buf all = BUF_INIT(FILE_LIMIT);
	DIR *dir = opendir(path);
	int r = dir ? 0 : -errno;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(fd_close) int fd = -1;

		if (!is_hashed(span_str(e->d_name)))
			continue;
		fd = openat(dirfd(dir), e->d_name,
		    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0 && file_read_all(fd, &all) == 0)
			buf_putc(&all, '\n');
	}
	if (dir)
		(void)closedir(dir);
	tls_files_put(out, name, r, buf_span(&all));
	buf_done(&all);
}

static void put_named(
    struct conf *conf, span name, bool directory, struct buf *out)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);

	if (tls_files_has(buf_span(out), name))
		return;
	/* Where Postfix's daemons would look. */
	if (name.ptr[0] != '/')
		buf_printf(&path, "%.*s/",
		    PRI(conf_value(conf, CONF_MAIN, SPAN("queue_directory"))));
	buf_put(&path, name);
	if (path.failed)
		return;
	if (directory)
		put_directory(out, name, buf_cstr(&path));
	else
		put_file(out, name, AT_FDCWD, buf_cstr(&path));
}

enum names { ONE_FILE, FILES, DIRECTORY };

/* clang-format off */
static const struct {
	span suffix; /* of parameters; the prefix is in the table of roles */
	enum names what;
} parameters[] = {
	{ SPAN_INIT("chain_files"), FILES },
	{ SPAN_INIT("cert_file"), ONE_FILE },
	{ SPAN_INIT("key_file"), ONE_FILE },
	{ SPAN_INIT("dcert_file"), ONE_FILE },
	{ SPAN_INIT("dkey_file"), ONE_FILE },
	{ SPAN_INIT("eccert_file"), ONE_FILE },
	{ SPAN_INIT("eckey_file"), ONE_FILE },
	{ SPAN_INIT("CAfile"), ONE_FILE },
	{ SPAN_INIT("CApath"), DIRECTORY },
	{ SPAN_INIT("dh1024_param_file"), ONE_FILE },
};
/* clang-format on */

static void put_value(
    struct conf *conf, span value, enum names what, struct buf *out)
{
	span word;

	if (what != FILES) {
		if (value.len)
			put_named(conf, value, what == DIRECTORY, out);
		return;
	}
	while ((word = span_word(&value, ", \t\r\n")).len)
		put_named(conf, word, false, out);
}

/* Of one service, or of main.cf. */
static void put_keys_of(
    struct conf *conf, uint32_t service, const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(256);

		buf_printf(&name, "%s%.*s", prefix, PRI(parameters[i].suffix));
		put_value(conf, conf_value(conf, service, buf_span(&name)),
		    parameters[i].what, out);
	}
}

int keys_read(struct conf *conf, enum role role)
{
	struct buf files = BUF_INIT(TLS_FILES_MAX);
	const char *prefix = role_info(role)->keys;
	int fd;

	put_keys_of(conf, CONF_MAIN, prefix, &files);
	for (uint32_t i = 0; i < conf_services(conf); i++)
		put_keys_of(conf, i, prefix, &files);
	fd = files.failed ? -EFBIG : file_memfd("keys", buf_span(&files));
	buf_wipe(&files);
	return fd;
}
