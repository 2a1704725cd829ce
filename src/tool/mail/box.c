/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/box.c - the open folder.
 *
 * Opening reads no header: what a summary needs is read when it is shown, so
 * that a mailbox of 100,000 messages opens as fast as a small one can be
 * scanned. Only autosort and autothread have to read them all.
 */
#include "tool/mail/box.h"

#include <errno.h>
#include <sys/stat.h>

#include "mail/field.h"
#include "tool/mail/commands.h"
#include "tool/mail/folder_name.h"
#include "tool/mail/order.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum {
	PATH_LIMIT = 4096,
	REMEMBERED = 1 << 16,
	HEADER_MAX = 1 << 20,
	MAX_SENDERS = 4,
};

static struct box *box_new(void)
{
	struct box *b = NEW(struct box);

	buf_init(&b->last_subject, REMEMBERED);
	buf_init(&b->last_search, REMEMBERED);
	b->dot = BOX_NONE;
	b->previous = BOX_NONE;
	return b;
}

void box_close(struct box *b)
{
	folder_close(&b->folder);
	mem_free(b->all);
	mem_free(b->order);
	mem_free(b->rank);
	mem_free(b->path);
	if (b->file) {
		mem_free(b->previous_path);
		b->previous_path = b->file;
	}
	b->all = NULL;
	b->order = NULL;
	b->rank = NULL;
	b->path = NULL;
	b->file = NULL;
	b->count = 0;
	b->dot = BOX_NONE;
	b->previous = BOX_NONE;
	b->seen_dot = false;
	b->top = 0;
	b->order_by = BOX_AS_IS;
}

void box_free(struct box **pb)
{
	struct box *b = *pb;

	*pb = NULL;
	if (!b)
		return;
	box_close(b);
	buf_done(&b->last_subject);
	buf_done(&b->last_search);
	mem_free(b->previous_path);
	mem_free(b);
}

/* ---- messages ---- */

uint8_t box_flags(const struct box *b, uint32_t i)
{
	return folder_get(b->folder, i)->flags;
}

void box_set_flags(struct box *b, uint32_t i, uint8_t set, uint8_t clear)
{
	uint8_t now = box_flags(b, i);
	uint8_t then = (uint8_t)((now | set) & ~clear);

	if (now != then)
		folder_set(b->folder, i, then);
}

bool box_is_deleted(const struct box *b, uint32_t i)
{
	return box_flags(b, i) & FOLDER_DELETED;
}

bool box_is_shown(const struct box *b, uint32_t i)
{
	return !box_is_deleted(b, i) &&
	    !(b->all[i].marks & (BOX_HIDDEN | BOX_KILLED));
}

void box_touch(struct box *b, uint32_t i)
{
	b->all[i].marks |= BOX_TOUCHED;
	box_set_flags(b, i, FOLDER_SEEN, 0);
}

uint32_t box_next(const struct box *b, uint32_t i)
{
	for (uint32_t r = b->rank[i] + 1; r < b->count; r++) {
		if (box_is_shown(b, b->order[r]))
			return b->order[r];
	}
	return BOX_NONE;
}

uint32_t box_previous(const struct box *b, uint32_t i)
{
	for (uint32_t r = b->rank[i]; r > 0; r--) {
		if (box_is_shown(b, b->order[r - 1]))
			return b->order[r - 1];
	}
	return BOX_NONE;
}

uint32_t box_first(const struct box *b)
{
	for (uint32_t r = 0; r < b->count; r++) {
		if (box_is_shown(b, b->order[r]))
			return b->order[r];
	}
	return BOX_NONE;
}

void box_goto(struct box *b, uint32_t i)
{
	if (b->dot != i) {
		b->previous = b->dot;
		b->seen_dot = false;
	}
	b->dot = i;
	if (b->all[i].marks & BOX_HIDDEN)
		order_unfold(b, i);
}

/*
 * The letters in the order in which the variable `attrlist` has them: new,
 * unread but old, read just now, read before, saved, held, to go to mbox,
 * flagged, answered, draft, killed, with a collapsed thread below, collapsed.
 */
enum {
	LETTER_NEW,
	LETTER_UNREAD,
	LETTER_READ,
	LETTER_OLD,
	LETTER_SAVED,
	LETTER_HELD,
	LETTER_MBOX,
	LETTER_FLAGGED,
	LETTER_ANSWERED,
	LETTER_DRAFT,
	LETTER_KILLED,
	LETTER_FOLDED,
	LETTER_COLLAPSED,
	LETTERS
};

static int status_letter(uint8_t flags, bool is_new)
{
	bool is_seen = flags & FOLDER_SEEN;

	if (!is_seen)
		return is_new ? LETTER_NEW : LETTER_UNREAD;
	if (flags & FOLDER_DRAFT)
		return LETTER_DRAFT;
	if (flags & FOLDER_ANSWERED)
		return LETTER_ANSWERED;
	return is_new ? LETTER_READ : LETTER_OLD;
}

char box_letter(const struct mua *m, uint32_t i)
{
	const struct box *b = m->box;
	bool is_bsd = vars_is_set(m->vars, "bsdcompat") ||
	    vars_is_set(m->vars, "bsdflags");
	span letters = is_bsd ? SPAN("NU  *HMFATK+-") : SPAN("NUROSPMFATK+-");
	span wanted = span_str(vars_get(m->vars, "attrlist"));
	unsigned marks = b->all[i].marks;
	uint8_t flags = box_flags(b, i);
	int letter = status_letter(flags, marks & BOX_NEW);

	if (marks & BOX_SAVED)
		letter = LETTER_SAVED;
	if (marks & BOX_HELD)
		letter = LETTER_HELD;
	if (marks & BOX_MBOX)
		letter = LETTER_MBOX;
	if (flags & FOLDER_FLAGGED)
		letter = LETTER_FLAGGED;
	if (marks & BOX_KILLED)
		letter = LETTER_KILLED;
	if (marks & BOX_HIDDEN)
		letter = LETTER_COLLAPSED;
	if (marks & BOX_FOLDED)
		letter = LETTER_FOLDED;
	return (size_t)letter < wanted.len ? wanted.ptr[letter]
	                                   : letters.ptr[letter];
}

/* ---- content ---- */

int box_trouble(struct mua *m, uint32_t i, int r)
{
	if (r == -ESTALE)
		mua_error(m, "%u: Somebody else removed this message", i + 1);
	else if (r < 0)
		mua_error(m, "Message %u of %s: %s", i + 1, m->box->file,
		    strerror(-r));
	return r;
}

int box_header(struct mua *m, uint32_t i, struct buf *out)
{
	int r = folder_header(m->box->folder, i, out);

	return box_trouble(m, i, r == -EFBIG || r == -ESTALE ? 0 : r);
}

int box_content(struct mua *m, uint32_t i, struct buf *out)
{
	return box_trouble(m, i, folder_content(m->box->folder, i, out));
}

void box_extent(
    struct mua *m, uint32_t i, uint64_t *ret_lines, uint64_t *ret_bytes)
{
	struct folder *f = m->box->folder;

	*ret_lines = 0;
	*ret_bytes = 0;
	/* Of a message that is gone it stays unknown. */
	if (folder_measure(f, i) < 0)
		return;
	*ret_lines = folder_get(f, i)->lines;
	*ret_bytes = folder_get(f, i)->size;
}

static bool parse_sender(span value, struct arena *a, struct person *ret)
{
	struct people people;
	span copy = arena_dup(a, value);

	if (!copy.ptr)
		return false;
	people_parse(copy, MAX_SENDERS, a, &people);
	if (people.count == 0)
		return false;
	*ret = people.all[0];
	return true;
}

int box_sender(struct mua *m, uint32_t i, struct arena *a, struct person *ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(HEADER_MAX);
	int r = box_header(m, i, &text);
	span value;
	span word;

	if (r < 0)
		return r;
	if (field_find(buf_span(&text), SPAN("from"), &value) &&
	    parse_sender(value, a, ret))
		return 0;
	if (field_find(buf_span(&text), SPAN("sender"), &value) &&
	    parse_sender(value, a, ret))
		return 0;
	buf_clear(&text);
	r = folder_from_line(m->box->folder, i, &text);
	if (r < 0)
		return box_trouble(m, i, r);
	value = buf_span(&text);
	(void)span_word(&value, " ");
	word = arena_dup(a, span_word(&value, " "));
	*ret = (struct person){ .addr = word, .text = word };
	return word.ptr ? 0 : -ENOMEM;
}

/* ---- opening ---- */

static bool is_good_start(const struct box *b, uint32_t i, int step)
{
	uint8_t flags = box_flags(b, i);

	if (step == 1)
		return flags & FOLDER_FLAGGED;
	if (!box_is_shown(b, i))
		return false;
	if (step == 0)
		return b->all[i].marks & BOX_NEW;
	return step == 3 || !(flags & FOLDER_SEEN);
}

/* The first that is new, else flagged, else unread, else there at all. */
static uint32_t first_dot(const struct mua *m)
{
	const struct box *b = m->box;
	bool show_last = vars_is_set(m->vars, "showlast");

	for (int step = 0; step < 4; step++) {
		for (uint32_t r = 0; r < b->count; r++) {
			uint32_t i =
			    b->order[step == 3 && show_last ? b->count - 1 - r
			                                    : r];

			if (is_good_start(b, i, step))
				return i;
		}
	}
	return b->count ? 0 : BOX_NONE;
}

/* Room for the messages of the folder; those from `first` are strangers. */
static void fill(struct box *b, uint32_t first)
{
	b->count = (uint32_t)folder_count(b->folder);
	b->all = mem_resize(b->all, b->count, sizeof(*b->all));
	b->order = mem_resize(b->order, b->count, sizeof(*b->order));
	b->rank = mem_resize(b->rank, b->count, sizeof(*b->rank));
	for (uint32_t i = first; i < b->count; i++) {
		bool is_new = !(box_flags(b, i) & FOLDER_OLD);

		b->all[i] =
		    (struct box_message){ .marks = is_new ? BOX_NEW : 0 };
		b->order[i] = i;
		b->rank[i] = i;
	}
}

static bool was_interrupted(void *ctx UNUSED)
{
	return term_interrupted();
}

static int open_folder(
    struct mua *m, const char *path, bool is_system, struct folder **ret)
{
	const struct folder_spec spec = { .path = path,
		.read_only = m->read_only,
		.home = m->home,
		.interrupted = was_interrupted };
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	int r = folder_open(ret, &spec, &t);

	if (r < 0 && !(r == -ENOENT && is_system))
		mua_error(m, "%.*s", PRI(buf_span(&t.text)));
	buf_done(&t.text);
	return r;
}

bool box_is_at(const struct mua *m, const char *path)
{
	struct stat x;
	struct stat y;

	if (!m->box || !m->box->folder)
		return false;
	if (stat(m->box->file, &x) < 0 || stat(path, &y) < 0)
		return span_eq(span_str(m->box->file), span_str(path));
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What it is called in quotes. */
static char *shown_name(struct mua *m, span path)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_LIMIT);

	if (mua_folder_dir(m, &name)) {
		buf_putc(&name, '/');
		if (span_skip(&path, buf_span(&name))) {
			buf_clear(&name);
			buf_printf(&name, "+%.*s", PRI(path));
			return span_dup(buf_span(&name));
		}
	}
	return span_dup(path);
}

static void settle(struct mua *m, struct folder *f, span path, bool is_system)
{
	struct box *b = m->box;

	b->folder = f;
	b->is_system = is_system;
	b->file = span_dup(path);
	b->path = shown_name(m, path);
	fill(b, 0);
	order_at_start(m);
	b->dot = first_dot(m);
}

static void say_none(struct mua *m, const char *who)
{
	mua_error(m, "No mail for %s", who);
}

/* The new one is open; the old one is left. */
static int take_over(
    struct mua *m, struct folder *f, const char *path, bool is_system)
{
	if (box_leave(m, true)) {
		folder_close(&f);
		return -1;
	}
	settle(m, f, span_str(path), is_system);
	return 0;
}

/* ---- folder-hook ---- */

static const char *hook_of(const struct mua *m)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_LIMIT + 100);
	const char *macro;

	buf_printf(&name, "folder-hook-%s", m->box->file);
	macro = vars_get(m->vars, buf_cstr(&name));
	return macro ? macro : vars_get(m->vars, "folder-hook");
}

/* Run the macro that goes with the folder, for messages from `first`. */
static void run_hook(struct mua *m, uint32_t first)
{
	struct box *b = m->box;
	const char *name = hook_of(m);
	const struct dict_entry *macro;

	if (!name || b->in_hook)
		return;
	macro = dict_find(&m->macros, span_str(name));
	if (!macro) {
		mua_error(m,
		    "Cannot call hook for folder \"%s\": "
		    "Macro \"%s\" does not exist.",
		    b->file, name);
		return;
	}
	b->in_hook = true;
	b->hook_first = first;
	(void)source_lines(m, macro->values, macro->count);
	b->in_hook = false;
}

/* ---- another folder ---- */

static int change_to(
    struct mua *m, const char *path, bool is_system, const char *who)
{
	struct folder *f = NULL;
	int r;

	/* What is changed in it has to be in it before it is read again. */
	if (box_is_at(m, path) && box_leave(m, true))
		return -1;
	r = open_folder(m, path, is_system, &f);
	if (r == -ENOENT && is_system) {
		say_none(m, who);
		return 1;
	}
	if (r < 0 || take_over(m, f, path, is_system) < 0)
		return -1;
	run_hook(m, 0);
	m->box->dot = first_dot(m);
	if (is_system && m->box->count == 0 &&
	    !vars_is_set(m->vars, "emptystart")) {
		say_none(m, who);
		return 1;
	}
	return 0;
}

/* "%", "%user", "%:file", or a shortcut for one of them. */
static bool is_system_name(struct mua *m, span name)
{
	const struct dict_entry *e = dict_find(&m->shortcuts, name);

	if (e && e->count)
		name = span_str(e->values[0]);
	return span_has_prefix(name, SPAN("%"));
}

int box_change(struct mua *m, const char *name)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LIMIT);
	span wanted = name ? span_str(name) : SPAN("%");
	const char *who = m->user;

	if (!m->box)
		m->box = box_new();
	if (m->box->in_hook) {
		mua_error(m, "Cannot change folder from within a hook.");
		return -1;
	}
	if (span_has_prefix(wanted, SPAN("%")) && wanted.len > 1)
		who = name + 1;
	if (!mua_expand_name(m, wanted, &path))
		return -1;
	return change_to(m, buf_cstr(&path), is_system_name(m, wanted), who);
}

/* ---- new mail ---- */

static void announce(struct mua *m, uint32_t first)
{
	const struct box *b = m->box;
	uint32_t n = b->count - first;

	(void)printf("New mail has arrived.\n");
	if (n == 1)
		(void)printf("Loaded 1 new message\n");
	else
		(void)printf("Loaded %u new messages\n", n);
	run_hook(m, first);
	if (!vars_is_set(m->vars, "header"))
		return;
	for (uint32_t i = first; i < b->count; i++) {
		if (box_is_shown(b, i))
			show_headline(m, i, i == b->dot, stdout);
	}
}

uint32_t box_refresh(struct mua *m)
{
	struct box *b = m->box;
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	uint32_t before;
	size_t came = 0;
	int r;

	if (!b || !b->folder)
		return 0;
	before = b->count;
	r = folder_refresh(b->folder, &came, &t);
	if (r < 0)
		mua_error(m, "%.*s", PRI(buf_span(&t.text)));
	buf_done(&t.text);
	if (r < 0 || came == 0)
		return 0;
	fill(b, before);
	order_again(m);
	if (b->dot == BOX_NONE)
		b->dot = first_dot(m);
	announce(m, before);
	return b->count - before;
}
