/* SPDX-License-Identifier: ISC */
/*
 * map/rules_fuzz.h - for the fuzz targets of tables of patterns.
 *
 * The first line of the input is the key, the rest the table.
 */
#pragma once

#include "map/map.h"
#include "os/file.h"

struct rules_fuzz {
	struct map_host host;
	span key;
	int fd;
	char spec[64];
};

static void rules_fuzz_warn(void *ctx UNUSED, span text)
{
	if (text.len > 0 && !text.ptr)
		bug("a warning without text");
}

static inline void rules_fuzz_init(
    struct rules_fuzz *f, const char *type, const uint8_t *data, size_t size)
{
	span rest = span_of(data, size);

	*f = (struct rules_fuzz){ .host.warn = rules_fuzz_warn };
	f->key = span_cut(&rest, '\n');
	f->fd = file_memfd("table", rest);
	if (f->fd < 0)
		bug("no file in memory");
	(void)snprintf(
	    f->spec, sizeof(f->spec), "%s:/proc/self/fd/%d", type, f->fd);
}

static inline struct map *rules_fuzz_open(struct rules_fuzz *f, unsigned flags)
{
	struct map *m = map_open(&f->host, span_str(f->spec), flags);

	if (map_error(m).len > 0)
		bug("cannot be opened: %.*s", PRI(map_error(m)));
	return m;
}

static inline void rules_fuzz_done(struct rules_fuzz *f)
{
	fd_close(&f->fd);
}

/* Trying every rule must not say anything else. */
static inline void rules_fuzz_compare(struct map *m, struct map *all, span key)
{
	struct buf value = BUF_INIT(1 << 20);
	struct buf other = BUF_INIT(1 << 20);
	enum map_answer answer = map_find(m, key, &value);
	enum map_answer want = map_find(all, key, &other);

	/* One that takes too long may be among those that need not be tried. */
	if (want != MAP_RETRY &&
	    (answer != want || !span_eq(buf_span(&value), buf_span(&other))))
		bug("\"%.*s\": %d, not %d", PRI(key), answer, want);
	buf_done(&value);
	buf_done(&other);
}
