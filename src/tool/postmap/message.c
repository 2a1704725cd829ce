/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/message.c - "postmap -q - -h -b": standard input is a message,
 * and its headers or lines are the keys.
 */
#include "mail/mime.h"
#include "map/source.h"
#include "tool/postmap/postmap.h"

struct reading {
	struct asked *asked;
	bool found;
	bool ended;
};

static void ask(struct reading *r, span key)
{
	if (asked_find(r->asked, source_text(key)))
		r->found = true;
}

static void on_header(void *ctx, enum mime_class class UNUSED, span header)
{
	ask(ctx, header);
}

static void on_body(void *ctx, span line)
{
	ask(ctx, line);
}

static void on_headers_end(void *ctx)
{
	struct reading *r = ctx;

	r->ended = true;
}

static uint32_t limit_of(struct tool *t, const char *name, uint32_t preset)
{
	span value = conf_value(t->conf, CONF_MAIN, span_str(name));
	uint32_t n;

	return span_to_u32(value, &n) ? n : preset;
}

int query_message(struct tool *t, char **names)
{
	struct reading r = { .asked = asked_new(t, names) };
	const struct mime_limits limits = {
		.header_size = limit_of(t, "header_size_limit", 102400),
		.boundary_size =
		    limit_of(t, "mime_boundary_length_limit", 2048),
		.nesting = limit_of(t, "mime_nesting_limit", 100),
	};
	/* Only the first headers: the rest need not be read. */
	const struct mime_events events = {
		.header = t->headers ? on_header : NULL,
		.headers_end = t->body || t->mime ? NULL : on_headers_end,
		.body = t->body ? on_body : NULL,
		.ctx = &r,
	};
	struct mime *m = mime_new(&limits, &events, t->mime);
	struct input in;
	span line;

	input_init(&in, t);
	while (!r.ended && input_line(&in, &line))
		mime_line(m, line);
	if (!r.ended)
		mime_end(m);
	flush_out(t, 0);
	input_done(&in);
	mime_free(&m);
	asked_free(&r.asked);
	return r.found ? 0 : 1;
}
