/* SPDX-License-Identifier: ISC */
#include "tool/mail/mimetype.h"

#include <fcntl.h>

#include "os/file.h"

enum { TABLE_MAX = 4 << 20, TYPE_MAX = 127 };

/* What is seen most, where there is no mime.types. */
static const char builtin[] = "application/epub+zip epub\n"
                              "application/gzip gz tgz\n"
                              "application/json json\n"
                              "application/msword doc\n"
                              "application/pdf pdf\n"
                              "application/postscript ps eps\n"
                              "application/rtf rtf\n"
                              "application/vnd.ms-excel xls\n"
                              "application/vnd.ms-powerpoint ppt\n"
                              "application/vnd.oasis.opendocument.text odt\n"
                              "application/vnd.oasis.opendocument.spreadsheet "
                              "ods\n"
                              "application/vnd.openxmlformats-officedocument."
                              "wordprocessingml.document docx\n"
                              "application/vnd.openxmlformats-officedocument."
                              "spreadsheetml.sheet xlsx\n"
                              "application/x-bzip2 bz2\n"
                              "application/x-tar tar\n"
                              "application/x-xz xz\n"
                              "application/zip zip\n"
                              "application/zstd zst\n"
                              "audio/mpeg mp3\n"
                              "audio/ogg ogg oga\n"
                              "audio/x-wav wav\n"
                              "image/bmp bmp\n"
                              "image/gif gif\n"
                              "image/jpeg jpg jpeg\n"
                              "image/png png\n"
                              "image/svg+xml svg\n"
                              "image/tiff tif tiff\n"
                              "image/webp webp\n"
                              "text/calendar ics\n"
                              "text/css css\n"
                              "text/csv csv\n"
                              "text/html html htm\n"
                              "text/plain txt log conf text asc\n"
                              "text/x-diff diff patch\n"
                              "text/xml xml\n"
                              "video/mp4 mp4\n"
                              "video/mpeg mpeg mpg\n"
                              "video/webm webm\n";

/* RFC 2045 5.1: two tokens. */
static bool is_type(span s)
{
	ssize_t slash = span_find(s, '/');

	if (slash < 1 || (size_t)slash + 1 == s.len || s.len > TYPE_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alnum(s.ptr[i]) && !strchr("/+-._", s.ptr[i]))
			return false;
	return true;
}

bool mimetype_look(span table, span extension, struct buf *out)
{
	while (table.len > 0) {
		span line = span_cut(&table, '\n');
		span type = span_word(&line, " \t\r");
		span word;

		if (!is_type(type))
			continue;
		while ((word = span_word(&line, " \t\r")).len > 0) {
			if (!span_eq_nocase(word, extension))
				continue;
			buf_put(out, type);
			return true;
		}
	}
	return false;
}

static bool look_in_file(const char *path, span extension, struct buf *out)
{
	CLEANUP(buf_done) struct buf table = BUF_INIT(TABLE_MAX);
	CLEANUP(fd_close)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	/* A part of a table that is too long is fine. */
	if (fd < 0 || (file_read_all(fd, &table) < 0 && table.len == 0))
		return false;
	return mimetype_look(buf_span(&table), extension, out);
}

void mimetype_find(struct mua *m, span name, struct buf *out)
{
	CLEANUP(buf_done) struct buf own = BUF_INIT(4096);
	ssize_t dot = span_rfind(name, '.');
	span extension = span_from(name, (size_t)(dot + 1));

	if (dot < 0 || extension.len == 0)
		return;
	buf_printf(&own, "%s/.mime.types", m->home ? m->home : "");
	if (m->home && look_in_file(buf_cstr(&own), extension, out))
		return;
	if (!look_in_file("/etc/mime.types", extension, out))
		(void)!mimetype_look(
		    span_of(builtin, sizeof(builtin) - 1), extension, out);
}
