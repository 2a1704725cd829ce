/* SPDX-License-Identifier: ISC */
#include "store/folder_internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

static int system_create(int dir, const char *name)
{
	return openat(dir, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int system_rename(int dir, const char *from, const char *to)
{
	return renameat(dir, from, dir, to);
}

static int system_unlink(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

const struct folder_ops folder_system_ops = {
	.create = system_create,
	.write = pwrite,
	.fsync = fsync,
	.ftruncate = ftruncate,
	.rename = system_rename,
	.unlink = system_unlink,
};

int folder_fail(
    struct folder_trouble *t, int error, const char *path, const char *what)
{
	t->error = error;
	buf_clear(&t->text);
	buf_put(&t->text, span_first(span_str(path), 3000));
	buf_put(&t->text, SPAN(": "));
	buf_put(&t->text, *what ? span_str(what) : span_str(strerror(-error)));
	return error;
}

struct folder_item *folder_add(
    struct folder_item **items, size_t *count, size_t *room)
{
	if (*count == *room) {
		*room += *room / 2 + 16;
		*items = mem_resize(*items, *room, sizeof(**items));
	}
	return &(*items)[(*count)++];
}

uint8_t folder_wanted(const struct folder_item *item, bool mark_old)
{
	return (uint8_t)((item->m.flags | (mark_old ? FOLDER_OLD : 0)) &
	    FOLDER_FLAGS);
}

static const struct folder_methods *methods(const struct folder *f)
{
	return f->kind == FOLDER_MBOX ? &folder_mbox : &folder_maildir;
}

void folder_close(struct folder **pf)
{
	struct folder *f = STEAL(*pf);

	if (!f)
		return;
	fd_close(&f->fd);
	fd_close(&f->new_dir);
	fd_close(&f->cur_dir);
	folder_place_done(&f->place);
	buf_done(&f->names);
	mem_free(f->items);
	mem_free(f->home);
	mem_free(f->path);
	mem_free(f);
}

static struct folder *folder_new(const struct folder_spec *spec)
{
	struct folder *f = NEW(struct folder);

	f->spec = *spec;
	f->path = span_dup(span_str(spec->path));
	f->spec.path = f->path;
	f->home = spec->home ? span_dup(span_str(spec->home)) : NULL;
	f->spec.home = f->home;
	f->ops = spec->ops ? spec->ops : &folder_system_ops;
	f->read_only = spec->read_only;
	f->place.dir = f->fd = f->new_dir = f->cur_dir = -1;
	if (getrandom(&f->seed, sizeof(f->seed), 0) != sizeof(f->seed))
		bug("getrandom");
	return f;
}

static int create(struct folder *f)
{
	int fd = os_error(f->ops->create(f->place.dir, f->place.name));

	if (fd < 0)
		return fd == -EEXIST ? 0 : fd;
	(void)close(fd);
	return 0;
}

static int find_kind(struct folder *f, struct folder_trouble *t)
{
	struct stat st = { .st_mode = 0 };
	int r = folder_place_find(&f->place, f->path);

	if (r == -ELOOP)
		return folder_fail(
		    t, r, f->path, "a symbolic link that is not to be trusted");
	if (r == 0)
		r = os_error(fstatat(
		    f->place.dir, f->place.name, &st, AT_SYMLINK_NOFOLLOW));
	if (r == -ENOENT && f->spec.create && f->place.name) {
		r = create(f);
		if (r == 0)
			r = os_error(fstatat(f->place.dir, f->place.name, &st,
			    AT_SYMLINK_NOFOLLOW));
	}
	if (r < 0)
		return folder_fail(t, r, f->path, "");
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return folder_fail(t, -EINVAL, f->path, "not a mailbox");
	f->kind = S_ISDIR(st.st_mode) ? FOLDER_MAILDIR : FOLDER_MBOX;
	return 0;
}

int folder_open(struct folder **ret, const struct folder_spec *spec,
    struct folder_trouble *t)
{
	CLEANUP(folder_close) struct folder *f = folder_new(spec);
	int r = find_kind(f, t);

	if (r == 0)
		r = methods(f)->open(f, t);
	if (r < 0)
		return r;
	f->shown = f->count;
	*ret = STEAL(f);
	return 0;
}

enum folder_kind folder_kind(const struct folder *f)
{
	return f->kind;
}

size_t folder_count(const struct folder *f)
{
	return f->shown;
}

bool folder_is_read_only(const struct folder *f)
{
	return f->read_only;
}

bool folder_is_changed(const struct folder *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].m.flags != f->items[i].m.before)
			return true;
	return false;
}

const struct folder_message *folder_get(const struct folder *f, size_t i)
{
	return &f->items[i].m;
}

void folder_set(struct folder *f, size_t i, uint8_t flags)
{
	f->items[i].m.flags = flags & (FOLDER_FLAGS | FOLDER_DELETED);
}

int folder_measure(struct folder *f, size_t i)
{
	return methods(f)->measure(f, i);
}

int folder_from_line(struct folder *f, size_t i, struct buf *out)
{
	return methods(f)->from_line(f, i, out);
}

int folder_header(struct folder *f, size_t i, struct buf *out)
{
	return methods(f)->header(f, i, out);
}

/* What fits; then it is full. */
int folder_put_piece(void *ctx, span piece)
{
	struct buf *out = ctx;
	size_t room = out->max - out->len;

	buf_put(out, span_first(piece, room));
	return piece.len > room ? -EFBIG : 0;
}

int folder_convert(void *ctx, span in)
{
	struct folder_converter *c = ctx;
	ssize_t first = c->undecided ? span_find(in, '\n') : -1;
	int r = 0;

	if (first >= 0) {
		c->undecided = false;
		c->active = first > 0 && in.ptr[first - 1] == '\r';
	}
	if (!c->active)
		return c->fn(c->ctx, in);
	while (r == 0 && in.len > 0) {
		ssize_t at;

		if (c->cr && in.ptr[0] != '\n')
			r = c->fn(c->ctx, SPAN("\r"));
		c->cr = false;
		at = span_find(in, '\r');
		if (r == 0 && at != 0)
			r = c->fn(
			    c->ctx, at < 0 ? in : span_first(in, (size_t)at));
		if (at < 0)
			break;
		c->cr = true;
		in = span_from(in, (size_t)at + 1);
	}
	return r;
}

int folder_convert_end(struct folder_converter *c)
{
	return c->cr ? c->fn(c->ctx, SPAN("\r")) : 0;
}

int folder_content(struct folder *f, size_t i, struct buf *out)
{
	return methods(f)->each_piece(f, i, folder_put_piece, out);
}

int folder_each_piece(
    struct folder *f, size_t i, folder_piece_fn *fn, void *ctx)
{
	return methods(f)->each_piece(f, i, fn, ctx);
}

int folder_refresh(struct folder *f, size_t *ret_new, struct folder_trouble *t)
{
	size_t found;
	int r = methods(f)->refresh(f, &found, t);

	*ret_new = f->count - f->shown;
	f->shown = f->count;
	return r;
}

bool folder_has_news(struct folder *f)
{
	return f->count > f->shown || methods(f)->has_news(f);
}

static size_t count_kept(const struct folder *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += (f->items[i].m.state & FOLDER_GONE) == 0;
	return n;
}

int folder_commit(
    struct folder *f, struct folder_commit *c, struct folder_trouble *t)
{
	int r;

	c->ret_new = 0;
	c->ret_kept = count_kept(f);
	if (f->read_only)
		return 0;
	r = methods(f)->commit(f, c, t);
	f->shown = f->count;
	return r;
}
