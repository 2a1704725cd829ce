/* SPDX-License-Identifier: ISC */
/*
 * Names of tables that hold their content ("inline:{...}") and texts of
 * tables. The first byte says how; the rest is the name or the text.
 */
#include "map/map.h"
#include "map/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx UNUSED, span text UNUSED)
{
}

static span no_param(void *ctx UNUSED, span name UNUSED)
{
	return SPAN_NONE;
}

static bool pass(void *ctx UNUSED, span key UNUSED, span value UNUSED)
{
	return true;
}

static void open_name(const char *type, span name, unsigned flags)
{
	const struct map_host host = { .warn = ignore, .param = no_param };
	struct buf spec = BUF_INIT(1 << 20);
	struct buf value = BUF_INIT(1 << 20);
	struct map *m;

	buf_put(&spec, span_str(type));
	buf_put(&spec, name);
	m = map_open(&host, buf_span(&spec), flags);
	(void)map_find(m, SPAN("key"), &value);
	(void)map_each(m, pass, NULL);
	map_close(&m);
	buf_done(&value);
	buf_done(&spec);
}

static void read_text(span text, bool utf8)
{
	struct source s;
	span key;
	span value;

	source_init(&s, "fuzz", text);
	s.utf8 = utf8;
	s.warn = ignore;
	while (source_pair(&s, &key, &value))
		if (key.len == 0 || value.len == 0)
			bug("half a pair");
	source_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "inline:", "static:", "randmap:" };
	span rest = span_of(data, size);
	uint8_t how;

	if (size == 0)
		return 0;
	how = data[0];
	rest = span_from(rest, 1);
	if (how % 4 == 3)
		read_text(rest, how & 4);
	else
		open_name(types[how % 4], rest,
		    how & 4 ? MAP_UTF8 | MAP_FOLD_FIXED : 0);
	return 0;
}
