/* SPDX-License-Identifier: ISC */
/* A row of records: name, errno, content. */
#include "tls/files.h"

#include <errno.h>

#include "base/wire.h"
#include "os/file.h"

struct record {
	span name;
	span content;
	int error;
};

void tls_files_put(struct buf *out, span name, int error, span content)
{
	wire_put_span(out, name);
	wire_put_u32(out, (uint32_t)-error);
	wire_put_span(out, content);
}

static bool next_record(struct wire *w, struct record *ret)
{
	if (w->failed || !w->rest.len)
		return false;
	ret->name = wire_span(w);
	ret->error = -(int)(wire_u32(w) & INT32_MAX);
	ret->content = wire_span(w);
	return !w->failed;
}

static bool find(span bundle, span name, struct record *ret)
{
	struct wire w = wire_from(bundle);

	while (next_record(&w, ret))
		if (span_eq(ret->name, name))
			return true;
	return false;
}

bool tls_files_has(span bundle, span name)
{
	struct record r;

	return find(bundle, name, &r);
}

int tls_files_open(struct tls_files *f, int fd)
{
	return file_map(fd, TLS_FILES_MAX, &f->map);
}

void tls_files_close(struct tls_files *f)
{
	file_unmap(&f->map);
}

int tls_files_get(const struct tls_files *f, span name, span *ret_content)
{
	struct record r;

	if (!find(f->map, name, &r))
		return -ENOENT;
	if (r.error < 0)
		return r.error;
	*ret_content = r.content;
	return 0;
}
