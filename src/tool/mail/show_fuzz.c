/* SPDX-License-Identifier: ISC */
/*
 * Any mbox file: its summary and its messages, as the terminal gets them. The
 * first byte says how.
 */
#include "tool/mail/show.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/width.h"
#include "os/file.h"
#include "tool/mail/headline.h"
#include "tool/mail/term.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_LIMIT = 64 << 20 };

static const char *const formats[] = {
	NULL, /* as ever */
	"%>%a%m %20f  %16d %3l/%-5o %i%S",
	"%<|%-5m|%t|%e|%f|%3d|%10s|%%|%S",
};

static char path[] = "/tmp/mail-fuzz-XXXXXX";

static void remove_file(void)
{
	(void)unlink(path);
}

static void start(struct mua *m)
{
	int fd = mkstemp(path);

	if (fd < 0 || !freopen("/dev/null", "w", stdout))
		bug("no file");
	fd_close(&fd);
	(void)atexit(remove_file);
	(void)clearenv();
	(void)setenv("LC_ALL", "C.UTF-8", 1);
	mua_init(m);
	m->no_sendmail = true;
	m->read_only = true;
	m->term = term_new(m);
}

static void put_file(span text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || file_write_all(fd, text) < 0)
		bug("it cannot be written");
	fd_close(&fd);
}

static void check(span text, enum harmless how)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t b = (uint8_t)text.ptr[i];
		bool is_line = b == '\n' || b == '\t';

		if (b == 0x7f ||
		    (b < ' ' && !(is_line && how == HARMLESS_LINES)))
			bug("a control character");
	}
}

static void show_all(struct mua *m, uint32_t i)
{
	struct buf out = BUF_INIT(TEXT_LIMIT);

	headline_put(m, i, i == 0, &out);
	check(buf_span(&out), HARMLESS_LINE);
	for (enum show_as how = SHOW_TYPE; how <= SHOW_FORWARD; how++) {
		buf_clear(&out);
		if (show_text(m, i, how, &out) == 0 && how <= SHOW_QUOTE)
			check(buf_span(&out), HARMLESS_LINES);
	}
	for (enum show_field f = SHOW_FROM; f <= SHOW_BODY; f++)
		(void)!show_field(m, i, f, &out);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mua m;
	const char *format;

	if (!m.vars)
		start(&m);
	if (!size)
		return 0;
	format = formats[data[0] % ARRAY_LEN(formats)];
	if (format)
		vars_set(m.vars, "headline", format);
	else
		(void)vars_unset(m.vars, "headline");
	put_file(span_of(data + 1, size - 1));
	if (box_change(&m, path) == 0 && m.box->folder) {
		for (uint32_t i = 0; i < MIN(m.box->count, 20U); i++)
			show_all(&m, i);
		show_folder_line(&m, stdout);
		show_headers(&m, m.box->count - 1, stdout);
	}
	return 0;
}
