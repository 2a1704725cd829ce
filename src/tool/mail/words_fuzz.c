/* SPDX-License-Identifier: ISC */
/*
 * Any line becomes words; quoted again they are the same words; the last one
 * is the one that is cut off.
 */
#include "base/buf.h"
#include "tool/mail/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quote(struct buf *out, const char *word)
{
	buf_putc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_put(out, SPAN("'\\''"));
		else
			buf_putc(out, *word);
	}
	buf_put(out, SPAN("' "));
}

/* A backslash before a quote means something there: not those. */
static bool has_backslash(const struct words *w)
{
	for (size_t i = 0; i < w->count; i++) {
		if (strchr(w->all[i], '\\'))
			return true;
	}
	return false;
}

static void check_again(const struct words *w, struct arena *a)
{
	struct buf line = BUF_INIT(16 << 20);
	struct words again;

	for (size_t i = 0; i < w->count; i++)
		quote(&line, w->all[i]);
	if (!words_split(buf_span(&line), a, &again))
		bug("words that do not fit any more");
	if (again.count != w->count)
		bug("%zu words became %zu", w->count, again.count);
	for (size_t i = 0; i < w->count; i++) {
		if (strcmp(w->all[i], again.all[i]) != 0)
			bug("a word changed");
	}
	buf_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct words w;
	span line = span_of(data, size);
	char *last;

	if (size > 65536)
		return 0;
	arena_init(&a, 64 << 20);
	if (!words_split(line, &a, &w))
		bug("no room for the words of a line");
	if (words_cut_last(&line, &a, &last) != (w.count > 0))
		bug("a last word that is none");
	if (w.count && strcmp(last, w.all[w.count - 1]) != 0)
		bug("another last word");
	if (!has_backslash(&w))
		check_again(&w, &a);
	arena_done(&a);
	return 0;
}
