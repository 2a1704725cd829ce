/* SPDX-License-Identifier: ISC */
/*
 * test/lib/folder_ask.c - a reader of mail for tests.
 *
 *	folder_ask [-oev] PATH [CHANGE...]
 *
 * Opens a folder, makes the changes, commits them (-o: the others become old,
 * -e: an empty mbox is removed), and with -v prints "FLAGS LINES/SIZE" for
 * each message. A change is the number of a message, '=' and letters: S seen,
 * O old, A answered, F flagged, T draft, D deleted; or "subject X=letters"
 * for all messages whose header has that line; or "wait", for a byte on
 * standard input, after printing "ready".
 */
#include <stdio.h>
#include <unistd.h>

#include "store/folder.h"

static const struct {
	char letter;
	uint8_t flag;
} letters[] = {
	{ 'S', FOLDER_SEEN },
	{ 'O', FOLDER_OLD },
	{ 'A', FOLDER_ANSWERED },
	{ 'F', FOLDER_FLAGGED },
	{ 'T', FOLDER_DRAFT },
	{ 'D', FOLDER_DELETED },
};

static uint8_t parse(span text)
{
	uint8_t flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if (span_find(text, letters[i].letter) >= 0)
			flags |= letters[i].flag;
	return flags;
}

static void print(struct folder *f)
{
	for (size_t i = 0; i < folder_count(f); i++) {
		const struct folder_message *m = folder_get(f, i);

		if (folder_measure(f, i) < 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(letters); k++)
			if (m->flags & letters[k].flag)
				(void)putchar(letters[k].letter);
		printf(" %ju/%ju\n", (uintmax_t)m->lines, (uintmax_t)m->size);
	}
}

static bool has_subject(struct folder *f, size_t i, span subject)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(1 << 20);
	span rest;

	if (folder_header(f, i, &header) < 0)
		return false;
	rest = buf_span(&header);
	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');

		if (span_skip(&line, SPAN("Subject: ")) &&
		    span_eq(line, subject))
			return true;
	}
	return false;
}

static void change(struct folder *f, span text)
{
	span who = span_cut(&text, '=');
	uint8_t flags = parse(text);
	uint64_t number;

	if (span_eq(who, SPAN("wait"))) {
		printf("ready\n");
		(void)fflush(stdout);
		(void)getchar();
		return;
	}
	if (span_to_u64(who, &number) && number < folder_count(f)) {
		folder_set(f, number, flags);
		return;
	}
	if (!span_skip(&who, SPAN("subject ")))
		return;
	for (size_t i = 0; i < folder_count(f); i++)
		if (has_subject(f, i, who))
			folder_set(f, i, flags | folder_get(f, i)->flags);
}

static int fail(const struct folder_trouble *t)
{
	(void)fprintf(stderr, "%.*s\n", PRI(buf_span(&t->text)));
	return 1;
}

int main(int argc, char **argv)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .home = getenv("HOME") };
	struct folder_commit c = { 0 };
	struct folder *f = NULL;
	bool verbose = false;
	int option;

	while ((option = getopt(argc, argv, "oev")) != -1) {
		c.mark_old = c.mark_old || option == 'o';
		c.remove_empty = c.remove_empty || option == 'e';
		verbose = verbose || option == 'v';
	}
	if (optind >= argc)
		return 64;
	spec.path = argv[optind++];
	if (folder_open(&f, &spec, &t) < 0)
		return fail(&t);
	for (; optind < argc; optind++)
		change(f, span_str(argv[optind]));
	if (folder_commit(f, &c, &t) < 0)
		return fail(&t);
	if (verbose)
		print(f);
	folder_close(&f);
	buf_done(&t.text);
	return 0;
}
