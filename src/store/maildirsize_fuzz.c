/* SPDX-License-Identifier: ISC */
/*
 * Whatever a maildirsize file holds, its sums are of use or it is counted
 * anew, and a quota survives being written down.
 */
#include "store/maildirsize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_quota(const struct maildir_quota *q)
{
	struct buf text = BUF_INIT(64);
	struct maildir_quota again = { 0 };

	maildir_quota_write(q, &text);
	if (text.failed)
		bug("a long quota");
	if (text.len && !maildir_quota_parse(buf_span(&text), &again))
		bug("a quota that cannot be read back");
	if (again.bytes != q->bytes || again.count != q->count)
		bug("a quota that changed");
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maildirsize m;

	if (size > 5120)
		return 0;
	maildirsize_init(&m);
	maildirsize_parse(&m, span_of(data, size));
	check_quota(&m.quota);
	if (!m.stale && (m.lines == 0 || m.bytes < 0 || m.count < 0))
		bug("impossible sums");
	return 0;
}
