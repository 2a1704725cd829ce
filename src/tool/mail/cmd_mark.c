/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_mark.c - commands that change what is known of messages.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/msgset.h"
#include "tool/mail/show.h"
#include "tool/mail/words.h"

/* The nearest one behind `i` that is not deleted, or before it. */
static uint32_t nearest(const struct box *b, uint32_t i)
{
	for (uint32_t r = b->rank[i]; r < b->count; r++) {
		if (!box_is_deleted(b, b->order[r]))
			return b->order[r];
	}
	for (uint32_t r = b->rank[i]; r > 0; r--) {
		if (!box_is_deleted(b, b->order[r - 1]))
			return b->order[r - 1];
	}
	return BOX_NONE;
}

bool box_leave_deleted(struct box *b, uint32_t last)
{
	uint32_t next;

	box_goto(b, last);
	next = nearest(b, last);
	box_goto(b, next == BOX_NONE ? 0 : next);
	return next != BOX_NONE;
}

/* False: none is left. */
static bool delete_all(struct box *b, const struct msgset *set)
{
	for (size_t n = 0; n < set->count; n++) {
		box_touch(b, set->all[n]);
		box_set_flags(b, set->all[n], FOLDER_DELETED, 0);
		b->all[set->all[n]].marks &=
		    (uint16_t) ~(BOX_HELD | BOX_SAVED | BOX_MBOX);
	}
	return box_leave_deleted(b, set->all[set->count - 1]);
}

int cmd_delete(struct mua *m, const struct call *c)
{
	if (c->msgs.count)
		(void)delete_all(m->box, &c->msgs);
	return 0;
}

int cmd_dp(struct mua *m, const struct call *c)
{
	struct box *b = m->box;
	uint32_t before = b->dot;

	if (c->msgs.count == 0)
		return 0;
	if (!delete_all(b, &c->msgs)) {
		(void)printf("No more messages\n");
		return 0;
	}
	if (b->rank[b->dot] <= b->rank[before]) {
		(void)printf("At EOF\n");
		return 0;
	}
	return show_message(m, b->dot) != 0;
}

/* Flags and marks to set and to clear, each message becoming the current. */
struct change {
	uint8_t set;
	uint8_t clear;
	uint16_t mark;
	uint16_t unmark;
	bool was_seen; /* ENTER goes on to the next */
};

static int apply(
    struct mua *m, const struct call *c, const struct change *change)
{
	struct box *b = m->box;

	for (size_t n = 0; n < c->msgs.count; n++) {
		uint32_t i = c->msgs.all[n];

		box_goto(b, i);
		box_set_flags(b, i, change->set, change->clear);
		b->all[i].marks |= change->mark;
		b->all[i].marks &= (uint16_t)~change->unmark;
		if (change->was_seen)
			b->seen_dot = true;
	}
	return 0;
}

int cmd_undelete(struct mua *m, const struct call *c)
{
	static const struct change undelete = { .set = FOLDER_SEEN,
		.clear = FOLDER_DELETED,
		.mark = BOX_TOUCHED,
		.unmark = BOX_SAVED };

	return apply(m, c, &undelete);
}

int cmd_hold(struct mua *m, const struct call *c)
{
	static const struct change hold = {
		.mark = BOX_HELD, .unmark = BOX_MBOX, .was_seen = true
	};

	if (!m->box->is_system) {
		(void)printf("Cannot \"preserve\" in edit mode\n");
		return 1;
	}
	return apply(m, c, &hold);
}

int cmd_mbox(struct mua *m, const struct call *c)
{
	static const struct change mbox = { .mark = BOX_TOUCHED | BOX_MBOX,
		.unmark = BOX_HELD,
		.was_seen = true };

	return apply(m, c, &mbox);
}

int cmd_touch(struct mua *m, const struct call *c)
{
	static const struct change touch = {
		.mark = BOX_TOUCHED, .unmark = BOX_HELD, .was_seen = true
	};

	return apply(m, c, &touch);
}

int cmd_unread(struct mua *m, const struct call *c)
{
	static const struct change unread = {
		.clear = FOLDER_SEEN, .unmark = BOX_TOUCHED, .was_seen = true
	};

	return apply(m, c, &unread);
}

int cmd_seen(struct mua *m, const struct call *c)
{
	static const struct change seen = { .set = FOLDER_SEEN,
		.mark = BOX_TOUCHED };

	return apply(m, c, &seen);
}

int cmd_flag(struct mua *m, const struct call *c)
{
	static const struct change flag = { .set = FOLDER_FLAGGED };

	return apply(m, c, &flag);
}

int cmd_unflag(struct mua *m, const struct call *c)
{
	static const struct change unflag = { .clear = FOLDER_FLAGGED };

	return apply(m, c, &unflag);
}

int cmd_answered(struct mua *m, const struct call *c)
{
	static const struct change answered = { .set = FOLDER_ANSWERED };

	return apply(m, c, &answered);
}

int cmd_unanswered(struct mua *m, const struct call *c)
{
	static const struct change unanswered = { .clear = FOLDER_ANSWERED };

	return apply(m, c, &unanswered);
}

int cmd_draft(struct mua *m, const struct call *c)
{
	static const struct change draft = { .set = FOLDER_DRAFT };

	return apply(m, c, &draft);
}

int cmd_undraft(struct mua *m, const struct call *c)
{
	static const struct change undraft = { .clear = FOLDER_DRAFT };

	return apply(m, c, &undraft);
}

/* ---- scores: of this session only ---- */

static void kill_one(struct box *b, uint32_t i)
{
	b->all[i].marks |= BOX_KILLED;
}

static void unkill_one(struct box *b, uint32_t i)
{
	b->all[i].marks &= (uint16_t)~BOX_KILLED;
}

int cmd_kill(struct mua *m, const struct call *c)
{
	for (size_t n = 0; n < c->msgs.count; n++) {
		kill_one(m->box, c->msgs.all[n]);
		m->box->all[c->msgs.all[n]].score = -INFINITY;
	}
	return 0;
}

int cmd_unkill(struct mua *m, const struct call *c)
{
	for (size_t n = 0; n < c->msgs.count; n++) {
		unkill_one(m->box, c->msgs.all[n]);
		m->box->all[c->msgs.all[n]].score = 0;
	}
	return 0;
}

static bool parse_score(const char *word, float *ret)
{
	char *end;
	double n = strtod(word, &end);

	if (end == word || *end || isnan(n))
		return false;
	*ret = (float)MAX(MIN(n, (double)FLT_MAX), (double)-FLT_MAX);
	return true;
}

/* At 0 it stays what it was; so does what "kill" killed. */
static void add_score(struct box *b, uint32_t i, float more)
{
	struct box_message *one = &b->all[i];

	if (isinf(one->score))
		return;
	one->score = MIN(MAX(one->score + more, -FLT_MAX), FLT_MAX);
	if (one->score < 0)
		kill_one(b, i);
	else if (one->score > 0)
		unkill_one(b, i);
	if (one->score >= 0)
		box_goto(b, i);
}

int cmd_score(struct mua *m, const struct call *c)
{
	span list = span_trim(c->text);
	struct msgset set;
	float more;
	char *word;

	if (list.len == 0 || !words_cut_last(&list, c->arena, &word)) {
		mua_error(m, "No score given.");
		return 1;
	}
	if (!parse_score(word, &more)) {
		mua_error(m, "Invalid score: \"%s\"", word);
		return 1;
	}
	if (!msgset_parse(m, list, 0, c->arena, &set))
		return 1;
	for (size_t n = 0; n < set.count; n++)
		add_score(m->box, set.all[n], more);
	return 0;
}

int cmd_size(struct mua *m, const struct call *c)
{
	for (size_t n = 0; n < c->msgs.count; n++) {
		uint64_t lines;
		uint64_t bytes;

		box_extent(m, c->msgs.all[n], &lines, &bytes);
		(void)printf("%u: %llu/%llu\n", c->msgs.all[n] + 1,
		    (unsigned long long)lines, (unsigned long long)bytes);
	}
	return 0;
}

int cmd_dot(struct mua *m, const struct call *c UNUSED)
{
	/* "0" in an empty folder: BOX_NONE is one less than that. */
	(void)printf("%u\n", m->box->dot + 1);
	return 0;
}
