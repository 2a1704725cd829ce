/* SPDX-License-Identifier: ISC */
/*
 * A command line of any words, in any manner, is understood or refused with a
 * sentence; every word that is kept is one of them, or of ours.
 */
#include "tool/mail/opts.h"
#include "tool/mail/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct opts_list *l, size_t most)
{
	if (l->count > most)
		bug("more words than letters");
	for (size_t i = 0; i < l->count; i++)
		(void)strlen(l->all[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct words w;
	struct opts o = { .name = "mail" };
	struct buf usage = BUF_INIT(65536);
	size_t most;

	if (size < 1 || size > 4096)
		return 0;
	arena_init(&a, 64 << 20);
	o.manner = (enum manner)(data[0] % 3);
	if (!words_split(span_of(data + 1, size - 1), &a, &w))
		bug("no room for the words of a line");
	/* A letter each, or a word. */
	most = 2 * size;
	if (opts_parse(&o, (int)w.count, w.all, &a) && !*o.error)
		bug("refused without a word");
	check_list(&o.to, most);
	check_list(&o.attach, most);
	check_list(&o.fields, most);
	check_list(&o.settings, most);
	check_list(&o.mta, most);
	opts_usage(&o, &usage);
	buf_done(&usage);
	arena_done(&a);
	return 0;
}
