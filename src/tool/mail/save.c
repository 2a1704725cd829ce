/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/save.c - save, copy, move and their sisters with a capital letter,
 * which name the file after the sender.
 *
 * Such a name comes from a stranger: it is a plain name of a file, in the
 * folder directory (outfolder) or the current one, and is never expanded.
 */
#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/copy.h"
#include "tool/mail/folder_name.h"

#include <unistd.h>

enum { PATH_LIMIT = 4096, ARENA_LIMIT = 1 << 20 };

struct saving {
	const char *verb;
	bool by_sender;
	uint8_t marks;
	uint8_t flags;
};

static bool sender_path(
    struct mua *m, uint32_t i, const char *verb, struct buf *out)
{
	struct person from;
	struct arena arena;
	span name;

	arena_init(&arena, ARENA_LIMIT);
	name = box_sender(m, i, &arena, &from) < 0 ? SPAN_NONE : from.addr;
	if (name.len && vars_is_set(m->vars, "outfolder") &&
	    mua_folder_dir(m, out))
		buf_putc(out, '/');
	mua_file_name(name, out);
	arena_done(&arena);
	if (name.len == 0)
		(void)printf("Cannot determine message sender to %s.\n", verb);
	return name.len > 0 && !out->failed;
}

static void mark_saved(
    struct mua *m, const struct msgset *set, const struct saving *s)
{
	for (size_t n = 0; n < set->count; n++) {
		uint32_t i = set->all[n];

		box_touch(m->box, i);
		m->box->all[i].marks |= s->marks;
		box_set_flags(m->box, i, s->flags, 0);
	}
	if (s->flags & FOLDER_DELETED)
		(void)box_leave_deleted(m->box, set->all[set->count - 1]);
}

static int save_set(struct mua *m, const struct msgset *set, const char *path,
    const struct saving *s)
{
	struct copying c = {
		.path = path, .all = set->all, .count = set->count
	};

	if (copy_messages(m, &c))
		return 1;
	(void)printf("\"%s\" %s %llu/%llu\n", path,
	    c.is_new && !c.is_maildir ? "[New file]" : "[Appended]",
	    (unsigned long long)c.lines, (unsigned long long)c.bytes);
	mark_saved(m, set, s);
	return 0;
}

static int save_by_sender(
    struct mua *m, const struct call *c, const struct saving *s)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LIMIT);
	struct msgset set;

	if (!msgset_parse(m, c->text, 0, c->arena, &set))
		return 1;
	if (!sender_path(m, set.all[0], s->verb, &path))
		return 1;
	return save_set(m, &set, buf_cstr(&path), s);
}

static int save(struct mua *m, const struct call *c, const struct saving *s)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LIMIT);
	char *name = NULL;
	span list = span_trim(c->text);
	struct msgset set;

	if (!m->box || m->box->count == 0) {
		(void)printf("No messages to %s.\n", s->verb);
		return 1;
	}
	if (s->by_sender)
		return save_by_sender(m, c, s);
	if (list.len && !words_cut_last(&list, c->arena, &name)) {
		mua_error(m, "\"%.*s\": no name of a file", PRI(list));
		return 1;
	}
	if (!msgset_parse(m, list, 0, c->arena, &set) ||
	    !mua_expand_name(m, name ? span_str(name) : SPAN("&"), &path))
		return 1;
	return save_set(m, &set, buf_cstr(&path), s);
}

int cmd_save(struct mua *m, const struct call *c)
{
	static const struct saving how = { .verb = "save", .marks = BOX_SAVED };

	return save(m, c, &how);
}

int cmd_Save(struct mua *m, const struct call *c)
{
	static const struct saving how = {
		.verb = "save", .marks = BOX_SAVED, .by_sender = true
	};

	return save(m, c, &how);
}

int cmd_copy(struct mua *m, const struct call *c)
{
	static const struct saving how = { .verb = "copy" };

	return save(m, c, &how);
}

int cmd_Copy(struct mua *m, const struct call *c)
{
	static const struct saving how = { .verb = "copy", .by_sender = true };

	return save(m, c, &how);
}

int cmd_move(struct mua *m, const struct call *c)
{
	static const struct saving how = {
		.verb = "move", .marks = BOX_SAVED, .flags = FOLDER_DELETED
	};

	return save(m, c, &how);
}

int cmd_Move(struct mua *m, const struct call *c)
{
	static const struct saving how = { .verb = "move",
		.marks = BOX_SAVED,
		.flags = FOLDER_DELETED,
		.by_sender = true };

	return save(m, c, &how);
}
