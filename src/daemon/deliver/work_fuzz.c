/* SPDX-License-Identifier: ISC */
/*
 * What a worker or its parent may be told, and the header of a message. The
 * first byte chooses.
 */
#include "daemon/deliver/loops.h"
#include "daemon/deliver/recipient.h"
#include "daemon/deliver/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_recipient(span input)
{
	CLEANUP(buf_done) struct buf user = BUF_INIT(1 << 16);
	const struct recipient_rules rules = {
		.delimiters = span_cut(&input, '\n'),
		.owner_request = true,
	};
	int r = recipient_user(&rules, input, &user);

	if ((r == RECIPIENT_NULL) != (user.len == 0) && !user.failed)
		bug("a user without a name");
}

/* What was decoded, encoded again, is what came in. */
static void fuzz_item(span input)
{
	CLEANUP(buf_done) struct buf again = BUF_INIT(1 << 20);
	struct work_item item;

	if (!work_item_get(input, &item))
		return;
	work_item_put(&again, &item);
	if (!again.failed && again.len != input.len)
		bug("an item changed its size");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct work_claimed claimed;
	struct work_setup setup;
	struct work_done done;
	span input;

	if (size == 0)
		return 0;
	input = span_of(data + 1, size - 1);
	if (data[0] == 0)
		(void)!work_setup_get(input, &setup);
	else if (data[0] == 1)
		fuzz_item(input);
	else if (data[0] == 2)
		(void)!work_done_get(input, &done);
	else if (data[0] == 3)
		(void)!work_claimed_get(input, &claimed);
	else if (data[0] == 4)
		fuzz_recipient(input);
	else
		(void)loops_has(input, SPAN("ana@example.com"));
	return 0;
}
