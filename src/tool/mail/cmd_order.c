/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_order.c - sort, thread and their opposites.
 */
#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/order.h"
#include "tool/mail/show.h"

static void summarize(struct mua *m, uint32_t around)
{
	if (m->box->count && !m->box->in_hook && vars_is_set(m->vars, "header"))
		show_headers(m, around, stdout);
}

static int put_in_order(struct mua *m, enum box_order by, uint32_t around)
{
	if (!order_by(m, by))
		return 1;
	summarize(m, around);
	return 0;
}

/* The one around which the summary is shown. */
static uint32_t first_of(const struct mua *m, const struct call *c)
{
	return c->msgs.count ? c->msgs.all[0] : m->box->dot;
}

int cmd_sort(struct mua *m, const struct call *c)
{
	enum box_order by;

	if (c->words.count == 0) {
		(void)printf("Current sorting criterion is: %s\n",
		    order_name(m->box->order_by));
		return 0;
	}
	if (!order_named(span_str(c->words.all[0]), &by)) {
		mua_error(m, "Unknown sorting method \"%s\"", c->words.all[0]);
		return 1;
	}
	return put_in_order(m, by, m->box->dot);
}

int cmd_unsort(struct mua *m, const struct call *c)
{
	return put_in_order(m, BOX_AS_IS, first_of(m, c));
}

int cmd_thread(struct mua *m, const struct call *c)
{
	if (m->box->order_by != BOX_BY_THREAD)
		return put_in_order(m, BOX_BY_THREAD, first_of(m, c));
	summarize(m, first_of(m, c));
	return 0;
}

/* What a message list finds, as summary lines. */
static int fold(struct mua *m, const struct call *c,
    void (*change)(struct box *b, uint32_t i))
{
	if (m->box->order_by != BOX_BY_THREAD) {
		(void)printf("Not in threaded mode.\n");
		return 1;
	}
	for (size_t n = 0; n < c->msgs.count; n++)
		change(m->box, c->msgs.all[n]);
	return 0;
}

int cmd_collapse(struct mua *m, const struct call *c)
{
	return fold(m, c, order_fold);
}

int cmd_uncollapse(struct mua *m, const struct call *c)
{
	return fold(m, c, order_unfold);
}
