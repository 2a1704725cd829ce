/* SPDX-License-Identifier: ISC */
/*
 * A line with a key, a line with a value, then the file of a table: its query
 * and its result are filled in.
 */
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "map/db_common.h"
#include "os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void warn(void *ctx UNUSED, span text UNUSED)
{
}

static void quote(void *ctx UNUSED, span part, struct buf *out)
{
	for (size_t i = 0; i < part.len; i++) {
		if (part.ptr[i] == '\'')
			buf_putc(out, '\'');
		buf_putc(out, part.ptr[i]);
	}
}

static void fill_in(
    struct db_common *d, struct source_conf *c, span key, span value)
{
	struct buf query = BUF_INIT(65536);
	struct buf out = BUF_INIT(65536);
	span format = source_conf_str_needed(c, "result_format", "%s");
	struct db_result r = { .common = d,
		.format = format,
		.key = key,
		.limit = source_conf_int(c, "expansion_limit", 0, 0, 0),
		.out = &out };
	const struct db_values v = { .value = key, .quote = quote };

	db_common_sql_query(c, &query);
	db_common_template(d, c, buf_span(&query), DB_QUERY, NULL);
	db_common_template(d, c, format, DB_RESULT, NULL);
	db_common_domains(d, c);
	if (source_conf_ok(c) && db_common_check_key(d, key) == MAP_FOUND &&
	    db_common_expand(d, buf_span(&query), &v, &out)) {
		buf_clear(&out);
		for (int i = 0; i < 3 && db_result_put(&r, value); i++)
			;
	}
	buf_done(&query);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct map_host host = { .warn = warn };
	struct map m = { .host = &host, .spec = SPAN("x:t") };
	struct buf reason = BUF_INIT(4096);
	struct map_setup s = {
		.host = &host, .type = SPAN("x"), .reason = &reason
	};
	struct source_conf c;
	struct db_common d;
	span rest = span_of(data, size);
	span key = span_cut(&rest, '\n');
	span value = span_cut(&rest, '\n');
	char path[64];
	int fd;

	/* No /file and no type:table of this machine. */
	if (rest.len &&
	    (memchr(rest.ptr, ':', rest.len) ||
	        memchr(rest.ptr, '/', rest.len)))
		return 0;
	fd = file_memfd("cf", rest);
	if (fd < 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	s.name = span_str(path);
	db_common_init(&d, &m, &s);
	if (source_conf_open(&c, &s, NULL))
		fill_in(&d, &c, key, value);
	source_conf_done(&c);
	db_common_done(&d);
	buf_done(&reason);
	close(fd);
	return 0;
}
