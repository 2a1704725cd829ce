/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/quit.c - what becomes of the messages when a folder is left.
 *
 * In an incoming mailbox each message ends in one of three ways:
 *
 *	it stays	was never looked at, or "hold", or the variable hold
 *	it moves	"mbox", or was read (without the variable hold)
 *	it goes		was deleted, or saved (without keepsave)
 *
 * What moves is put into ~/mbox first, on stable storage, and only then
 * taken out of the mailbox: a crash between the two leaves it in both. In any
 * other folder messages stay unless they were deleted.
 */
#include "tool/mail/box.h"
#include "tool/mail/copy.h"

enum { PATH_LIMIT = 4096 };

enum fate { STAYS, MOVES, GOES };

static enum fate fate_of(const struct mua *m, uint32_t i)
{
	const struct box *b = m->box;
	unsigned marks = b->all[i].marks;

	if (!(marks & BOX_TOUCHED) || marks & BOX_HELD)
		return marks & BOX_MBOX ? MOVES : STAYS;
	if (box_is_deleted(b, i))
		return GOES;
	if (marks & BOX_MBOX)
		return MOVES;
	if (marks & BOX_SAVED && !vars_is_set(m->vars, "keepsave"))
		return GOES;
	return vars_is_set(m->vars, "hold") ? STAYS : MOVES;
}

/* 0 or 1. */
static int move_to_mbox(struct mua *m, const uint32_t *all, size_t count)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LIMIT);
	struct copying c = { .all = all, .count = count, .flags = FOLDER_OLD };

	if (!mua_expand_name(m, SPAN("&"), &path))
		return 1;
	c.path = buf_cstr(&path);
	if (vars_is_set(m->vars, "append") ? copy_messages(m, &c)
	                                   : prepend_messages(m, &c))
		return 1;
	if (count == 1)
		(void)printf("Saved 1 message in mbox\n");
	else
		(void)printf("Saved %zu messages in mbox\n", count);
	return 0;
}

/* 0 or a negative errno, which was said. */
static int commit(struct mua *m, struct folder_commit *c)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	int r = folder_commit(m->box->folder, c, &t);

	if (r < 0)
		mua_error(m, "%.*s", PRI(buf_span(&t.text)));
	buf_done(&t.text);
	return r;
}

static void say_held(const struct box *b, uint32_t n)
{
	if (n == 1)
		(void)printf("Held 1 message in %s\n", b->file);
	else if (n > 1)
		(void)printf("Held %u messages in %s\n", n, b->file);
}

/* Give each its fate; what moves goes into `moving`. How many stay. */
static uint32_t decide(struct mua *m, uint32_t *moving, size_t *ret_moving)
{
	struct box *b = m->box;
	uint32_t stay = 0;

	*ret_moving = 0;
	for (uint32_t i = 0; i < b->count; i++) {
		switch (fate_of(m, i)) {
		case STAYS:
			/* It may be deleted by others: that is not ours. */
			box_set_flags(b, i, 0, FOLDER_DELETED);
			stay++;
			break;
		case MOVES:
			moving[(*ret_moving)++] = i;
			break;
		case GOES:
			box_set_flags(b, i, FOLDER_DELETED, 0);
			break;
		}
	}
	return stay;
}

static int leave_system(struct mua *m)
{
	struct box *b = m->box;
	struct folder_commit c = { .mark_old = true,
		.remove_empty = !vars_is_set(m->vars, "keep") };
	uint32_t *moving = mem_new(b->count, sizeof(*moving));
	size_t nmoving;
	uint32_t stay = decide(m, moving, &nmoving);
	int r = 0;

	/* Maildirs tell more often that something is new than it is. */
	if (folder_kind(b->folder) == FOLDER_MBOX && folder_has_news(b->folder))
		(void)printf("New mail has arrived.\n");
	if (nmoving)
		r = move_to_mbox(m, moving, nmoving);
	for (size_t i = 0; r == 0 && i < nmoving; i++)
		box_set_flags(b, moving[i], FOLDER_DELETED, 0);
	mem_free(moving);
	if (r == 0)
		r = commit(m, &c);
	if (r == 0)
		say_held(b, stay);
	return r;
}

static bool has_work(const struct box *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		if (b->all[i].marks & BOX_NEW)
			return true;
	}
	return folder_is_changed(b->folder);
}

static int leave_other(struct mua *m)
{
	struct box *b = m->box;
	struct folder_commit c = { .mark_old = true,
		.remove_empty = !vars_is_set(m->vars, "emptybox") };
	bool is_bsd = vars_is_set(m->vars, "bsdcompat") ||
	    vars_is_set(m->vars, "bsdmsgs");
	bool is_gone;

	if (!has_work(b))
		return 0;
	(void)printf("\"%s\" ", b->file);
	(void)fflush(stdout);
	if (commit(m, &c) < 0)
		return 1;
	is_gone = c.ret_kept == 0 && c.remove_empty &&
	    folder_kind(b->folder) == FOLDER_MBOX;
	if (is_gone)
		(void)printf(is_bsd ? "removed\n" : "removed.\n");
	else
		(void)printf(is_bsd ? "complete\n" : "updated.\n");
	return 0;
}

int box_leave(struct mua *m, bool write)
{
	struct box *b = m->box;
	int r = 0;

	if (!b || !b->folder)
		return 0;
	if (write && !folder_is_read_only(b->folder))
		r = b->is_system ? leave_system(m) : leave_other(m);
	(void)fflush(stdout);
	if (r)
		return 1;
	box_close(b);
	return 0;
}
