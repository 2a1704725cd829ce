/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/box_fixture.h - a mail command without a screen, for the tests of
 * folders and message lists: what other parts would show is left out or
 * written down.
 */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/file.h"
#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

/* What was complained of, since fixture_calm(). */
static struct buf fixture_errors = BUF_INIT(1 << 16);

void mua_error(struct mua *m UNUSED, const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	buf_put(&fixture_errors, span_str(line));
	buf_putc(&fixture_errors, '\n');
}

int source_lines(
    struct mua *m UNUSED, char *const *lines UNUSED, size_t n UNUSED)
{
	return 0;
}

bool term_interrupted(void)
{
	return false;
}

void show_headline(struct mua *m UNUSED, uint32_t i, bool current, FILE *out)
{
	(void)fprintf(out, "%c%u\n", current ? '>' : ' ', i + 1);
}

int show_text(
    struct mua *m, uint32_t i, enum show_as how UNUSED, struct buf *out)
{
	return box_content(m, i, out);
}

bool show_has_field(
    const struct mua *m UNUSED, span name UNUSED, enum show_as how UNUSED)
{
	return true;
}

int show_field(struct mua *m, uint32_t i, enum show_field what, struct buf *out)
{
	return what == SHOW_BODY ? box_content(m, i, out)
	                         : box_header(m, i, out);
}

/* ---- standard output ---- */

static int fixture_stdout = -1;
static int fixture_memory = -1;

/* What is printed from now on goes into memory. */
static inline void fixture_listen(void)
{
	(void)fflush(stdout);
	fixture_stdout = dup(STDOUT_FILENO);
	fixture_memory = memfd_create("stdout", MFD_CLOEXEC);
	if (fixture_memory < 0 || dup2(fixture_memory, STDOUT_FILENO) < 0)
		bug("no memory for what is printed");
}

/* Until now; errors behind it. */
static inline void fixture_heard(struct buf *out)
{
	(void)fflush(stdout);
	(void)dup2(fixture_stdout, STDOUT_FILENO);
	fd_close(&fixture_stdout);
	(void)lseek(fixture_memory, 0, SEEK_SET);
	if (file_read_all(fixture_memory, out) < 0)
		bug("what was printed cannot be read");
	fd_close(&fixture_memory);
	buf_put(out, buf_span(&fixture_errors));
	buf_clear(&fixture_errors);
}

/* ---- mailboxes ---- */

static inline void fixture_write(const char *path, span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || file_write_all(fd, text) < 0)
		bug("%s cannot be written", path);
	fd_close(&fd);
}

static char fixture_path[] = "/tmp/mail-test-XXXXXX";

static inline int fixture_remove(const char *path, const struct stat *st UNUSED,
    int kind UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static inline void fixture_clean(void)
{
	(void)nftw(fixture_path, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* A directory for one program; the same for all calls. */
static inline const char *fixture_directory(void)
{
	static bool made;

	if (!made && (!mkdtemp(fixture_path) || atexit(fixture_clean)))
		bug("no directory");
	made = true;
	return fixture_path;
}

static inline void fixture_start(struct mua *m)
{
	*m = (struct mua){ .name = "mail",
		.vars = vars_new(),
		.user = "pue",
		.home = fixture_directory() };
}

static inline void fixture_end(struct mua *m)
{
	box_free(&m->box);
	vars_free(&m->vars);
	dict_done(&m->shortcuts);
	buf_done(&fixture_errors);
}
