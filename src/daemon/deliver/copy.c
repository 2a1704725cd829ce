/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/copy.h"

#include <unistd.h>

#include "mail/mbox.h"
#include "os/clock.h"
#include "os/error.h"

enum {
	CHUNK = 256 * 1024,
	OUT_FULL = 256 * 1024,
	OUT_MAX = 4 * CHUNK,
};

void copy_init(struct copy *c)
{
	buf_init(&c->out, OUT_MAX);
	buf_init(&c->chunk, CHUNK);
}

void copy_release(struct copy *c)
{
	buf_release(&c->out);
	buf_release(&c->chunk);
}

/* One copy on its way. */
struct way {
	struct copy *c;
	struct mbox form;
	copy_put_fn *put;
	void *ctx;
};

/* Fill the chunk; 0 or a negative errno. At the end it is empty. */
static int read_chunk(struct copy *c, int blob, uint64_t at)
{
	char *room;
	ssize_t n;

	buf_clear(&c->chunk);
	room = buf_room(&c->chunk, CHUNK);
	do
		n = os_size(pread(blob, room, CHUNK, (off_t)at));
	while (n == -EINTR);
	if (n < 0)
		return (int)n;
	c->chunk.len = (size_t)n;
	return 0;
}

static void drain(struct way *w, size_t keep)
{
	if (w->c->out.len <= keep)
		return;
	w->put(w->ctx, buf_span(&w->c->out));
	buf_clear(&w->c->out);
}

static void feed(struct way *w, span bytes)
{
	mbox_feed(&w->form, bytes, &w->c->out);
	drain(w, OUT_FULL);
}

static int copy_blob(struct way *w, int blob)
{
	uint64_t at = 0;
	int r;

	while ((r = read_chunk(w->c, blob, at)) == 0 && w->c->chunk.len > 0) {
		at += w->c->chunk.len;
		feed(w, buf_span(&w->c->chunk));
	}
	return r;
}

static void copy_content(struct way *w, span content)
{
	while (content.len > 0) {
		feed(w, span_first(content, CHUNK));
		content = span_from(content, CHUNK);
	}
}

int copy_item(struct copy *c, const struct work_item *item, int blob,
    copy_put_fn *put, void *ctx)
{
	const struct mbox_head head = {
		.sender = item->sender,
		.original_to = item->original,
		.delivered_to = item->delivered,
		.now = clock_wall(),
	};
	struct way w = { .c = c, .put = put, .ctx = ctx };
	int r = 0;

	buf_clear(&c->out);
	mbox_write_head(&c->out, &head, item->head);
	mbox_init(&w.form, item->head);
	if (item->blob)
		r = copy_blob(&w, blob);
	else
		copy_content(&w, item->content);
	if (r < 0)
		return r;
	mbox_finish(&w.form, &c->out);
	drain(&w, 0);
	return 0;
}
