/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/reach.h"

enum { ARENA = 256 * 1024 };

void reach_init(struct reach *r)
{
	r->n = 0;
	arena_init(&r->arena, ARENA);
}

void reach_done(struct reach *r)
{
	arena_done(&r->arena);
	r->n = 0;
}

/* Without slashes at the end; "/" keeps its own. */
static span trim(span path)
{
	while (path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	return path;
}

bool reach_is_below(span path, span dir)
{
	if (dir.len == 0 || !span_skip(&path, dir))
		return false;
	return path.len == 0 || path.ptr[0] == '/' ||
	    dir.ptr[dir.len - 1] == '/';
}

static span directory_of(span path)
{
	ssize_t slash = span_rfind(trim(path), '/');

	return slash <= 0 ? SPAN("/") : trim(span_first(path, (size_t)slash));
}

bool reach_add_path(struct reach *r, span path)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (reach_is_below(path, r->paths[i]))
			return false;
	if (r->n == WORK_MAX_PATHS ||
	    path.len > r->arena.max / 2 - MIN(r->arena.max / 2, r->arena.used))
		reach_done(r);
	r->paths[r->n] = arena_dup(&r->arena, path);
	if (r->paths[r->n].ptr)
		r->n++;
	return true;
}

/* Of which directory access to the file is access to a part. */
static span root_of(span file, span home, span base)
{
	if (reach_is_below(file, base))
		return base;
	if (reach_is_below(file, home))
		return home;
	return directory_of(file);
}

bool reach_add(struct reach *r, const struct work_item *item, span base)
{
	span home = trim(item->home);
	bool is_new = false;

	base = trim(base);
	/* WORK_LOOK has none. */
	if (item->path.len > 0)
		is_new = reach_add_path(r, root_of(item->path, home, base));
	for (uint32_t i = 0; i < item->nforward; i++)
		is_new |=
		    reach_add_path(r, root_of(item->forward[i], home, base));
	return is_new;
}
