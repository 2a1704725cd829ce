/* SPDX-License-Identifier: ISC */
/*
 * map/map.c - what all types of tables have in common.
 */
#include "map/map.h"

#include "mail/address.h"
#include "map/index.h"
#include "map/types.h"
#include "os/clock.h"

enum {
	MAX_DEPTH = 8, /* tables within tables */
	MAX_KEY = 65536,
	MAX_REASON = 4096,
	MAX_SPEC = 65536,
	/* MAP_BULK: a lookup costs about as much as reading so many. */
	BYTES_PER_LOOKUP = 2048,
};

#define SLOW USEC_SEC
#define REST (5 * USEC_SEC)

/* --- opening --- */

static span copy_span(span s)
{
	char *copy = mem_new(s.len + 1, 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return span_of(copy, s.len);
}

static span spec_with_path(const struct map_type *type, const char *path)
{
	struct buf b = BUF_INIT(MAX_SPEC);

	buf_printf(&b, "%s:%s", type->name, path);
	return buf_span(&b); /* its memory is ours now */
}

static struct map *open_table(const struct map_setup *outer, span spec)
{
	struct buf reason = BUF_INIT(MAX_REASON);
	struct map_setup s = *outer;
	const struct map_type *type = NULL;
	struct map *m = NULL;

	s.reason = &reason;
	s.name = spec;
	s.type = span_cut(&s.name, ':');
	if (!s.type.len || !s.name.len)
		buf_printf(&reason,
		    "open dictionary: expecting \"type:name\" form instead of "
		    "\"%.*s\"",
		    PRI(spec));
	else
		type = map_type_find(s.host, s.type, &reason);
	if (type && s.depth > MAX_DEPTH)
		buf_printf(&reason, "too many tables within tables");
	else if (type)
		m = type->open(&s);
	if (!m)
		m = NEW(struct map);
	else
		m->type = type;
	m->host = s.host;
	m->spec = copy_span(spec);
	m->flags = s.flags;
	m->traits |= type ? type->traits : 0;
	m->shown = m->spec;
	if ((m->traits & MAP_SHOWN_BY_PATH) && m->path)
		m->shown = spec_with_path(type, m->path);
	buf_init(&m->fold, MAX_KEY);
	m->reason = reason;
	return m;
}

struct map *map_open(const struct map_host *host, span spec, unsigned flags)
{
	const struct map_setup s = { .host = host, .flags = flags };

	return open_table(&s, spec);
}

struct map *map_open_inner(const struct map_setup *outer, span spec)
{
	struct map_setup s = *outer;

	s.depth++;
	return open_table(&s, spec);
}

span map_error(const struct map *m)
{
	return m->type ? SPAN_NONE : buf_span(&m->reason);
}

void map_close(struct map **pm)
{
	struct map *m = STEAL(*pm);

	if (!m)
		return;
	if (m->shown.ptr != m->spec.ptr)
		mem_free((void *)(uintptr_t)m->shown.ptr);
	mem_free((void *)(uintptr_t)m->spec.ptr);
	mem_free(m->path);
	map_index_free(&m->index);
	buf_done(&m->fold);
	buf_done(&m->reason);
	if (m->type)
		m->type->close(m);
	else
		mem_free(m);
}

/* --- lookup --- */

static bool is_utf8(span s)
{
	return address_is_utf8(s);
}

static unsigned fold_flag(const struct map *m)
{
	return map_is_exact(m) ? MAP_FOLD_FIXED : MAP_FOLD_SEARCHED;
}

/* --- all of a table in memory --- */

static bool add_to_index(void *ctx, span key, span value)
{
	struct map *m = ctx;

	if (map_index_add(m->index, key, value))
		return true;
	m->no_index = true;
	return false;
}

/* For files that are searched, when as much was asked as reading it all
 * costs. */
static bool pays(const struct map *m)
{
	return m->type->writer && m->type->each && map_is_exact(m) && m->path &&
	    m->asked * BYTES_PER_LOOKUP > (uint64_t)m->size;
}

static void make_index(struct map *m)
{
	m->index = map_index_new();
	if (m->type->each(m, add_to_index, m) == MAP_RETRY)
		m->no_index = true;
	/* One key twice: the type knows which one counts. */
	if (m->no_index || !map_index_seal(m->index))
		m->no_index = true;
	if (m->no_index)
		map_index_free(&m->index);
}

static enum map_answer find_in_bulk(struct map *m, span key, struct buf *value)
{
	span found;

	m->asked++;
	if (!m->index && !m->no_index && pays(m))
		make_index(m);
	if (!m->index)
		return m->type->find(m, key, value);
	if (!map_index_find(m->index, key, &found))
		return MAP_NONE;
	buf_put(value, found);
	return MAP_FOUND;
}

static void drop_index(struct map *m)
{
	map_index_free(&m->index);
	m->no_index = true;
}

static enum map_answer find_checked(struct map *m, span key, struct buf *value)
{
	enum map_answer answer = m->flags & MAP_BULK
	    ? find_in_bulk(m, key, value)
	    : m->type->find(m, key, value);

	if (answer != MAP_FOUND)
		return answer;
	if (value->failed) {
		map_warn(m, "key \"%.*s\": value is too long", PRI(key));
		return MAP_RETRY;
	}
	if ((m->flags & MAP_UTF8) && !is_utf8(buf_span(value))) {
		map_warn(m,
		    "key \"%.*s\": non-UTF-8 value \"%.*s\": malformed UTF-8 "
		    "or invalid codepoint",
		    PRI(key), PRI(buf_span(value)));
		return MAP_RETRY;
	}
	return MAP_FOUND;
}

/*
 * A dead server is slow to be known as dead, and a few workers ask for
 * everybody.
 */
static enum map_answer find_with_rests(
    struct map *m, span key, struct buf *value)
{
	usec before = clock_monotonic();
	enum map_answer answer;
	usec now;

	if (before < m->rests_until) {
		map_warn(m, "not asked: it took long to fail before");
		return MAP_RETRY;
	}
	answer = find_checked(m, key, value);
	if (answer != MAP_RETRY)
		return answer;
	now = clock_monotonic();
	if (now - before >= SLOW)
		m->rests_until = now + REST;
	return MAP_RETRY;
}

static enum map_answer unavailable(struct map *m)
{
	struct buf line = BUF_INIT(8192);

	buf_printf(&line, "%.*s is unavailable. %.*s", PRI(m->spec),
	    PRI(buf_span(&m->reason)));
	m->host->warn(m->host->ctx, buf_span(&line));
	buf_done(&line);
	return MAP_RETRY;
}

enum map_answer map_find(struct map *m, span key, struct buf *value)
{
	buf_clear(value);
	if (!m->type)
		return unavailable(m);
	if ((m->flags & MAP_UTF8) && !is_utf8(key)) {
		map_warn(m,
		    "non-UTF-8 key \"%.*s\": malformed UTF-8 or invalid "
		    "codepoint",
		    PRI(key));
		return MAP_NONE;
	}
	if (m->flags & fold_flag(m)) {
		buf_clear(&m->fold);
		map_fold(m->flags, key, &m->fold);
		if (m->fold.failed)
			return MAP_NONE; /* longer than any key */
		key = buf_span(&m->fold);
	}
	return m->flags & MAP_RESTS ? find_with_rests(m, key, value)
	                            : find_checked(m, key, value);
}

void map_expect(struct map *m, const span *keys, size_t n)
{
	bool fold = m->type && (m->flags & fold_flag(m));
	uint64_t hashes[MAP_INDEX_AHEAD];

	if (!m->index)
		return;
	for (size_t i = 0; i < n && i < ARRAY_LEN(hashes); i++) {
		span key = keys[i];

		if (fold) {
			buf_clear(&m->fold);
			map_fold(m->flags, key, &m->fold);
			key = buf_span(&m->fold);
		}
		hashes[i] = map_index_hash(key);
	}
	map_index_expect(m->index, hashes, MIN(n, ARRAY_LEN(hashes)));
}

enum map_answer map_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	if (!m->type || !m->type->each)
		return MAP_RETRY;
	return m->type->each(m, fn, ctx);
}

/* --- change of the file --- */

/* A file that is gone for the moment is about to be replaced: no change. */
static bool is_other_file(const struct map *m)
{
	struct stat st;

	if (!m->path || stat(m->path, &st) < 0)
		return false;
	return st.st_dev != m->dev || st.st_ino != m->ino ||
	    st.st_size != m->size || st.st_mtim.tv_sec != m->mtime.tv_sec ||
	    st.st_mtim.tv_nsec != m->mtime.tv_nsec;
}

bool map_changed(struct map *m)
{
	if (!m->type)
		return true; /* perhaps it can be opened now */
	if (m->index && is_other_file(m))
		drop_index(m);
	return m->type->changed ? m->type->changed(m) : is_other_file(m);
}
