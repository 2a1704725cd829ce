/* SPDX-License-Identifier: ISC */
/*
 * An item ends in one of three ways: refused before anything was written
 * (answered at once), failed and undone while it was written (the same), or
 * written. Those written are answered when the flush has come back; if it
 * fails, or if nobody is there to be answered, all of them are undone.
 */
#include "daemon/deliver/batch.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "daemon/deliver/claims.h"
#include "daemon/deliver/loops.h"
#include "mail/address.h"
#include "mail/mbox.h"
#include "os/clock.h"
#include "os/error.h"

enum {
	/* Larger than any header: loops are looked for in the first one. */
	CHUNK = 256 * 1024,
	OUT_FULL = 256 * 1024,
	OUT_MAX = 4 * CHUNK,
	TEXT_MAX = 3 * MAILBOX_REASON_MAX,
};

void batch_init(struct batch *b)
{
	*b = (struct batch){ .head_flags = MBOX_FILE };
	buf_init(&b->name, ADDRESS_MAX);
	buf_init(&b->trouble.reason, MAILBOX_REASON_MAX);
	buf_init(&b->out, OUT_MAX);
	buf_init(&b->chunk, CHUNK);
	mailbox_init(&b->mailbox);
}

void batch_done(struct batch *b)
{
	buf_done(&b->name);
	buf_done(&b->trouble.reason);
	buf_done(&b->out);
	buf_done(&b->chunk);
}

/* Answers */

static void answer(struct batch *b, const struct work_done *done)
{
	work_done_put(sync_begin(b->line, WORK_DONE), done);
	sync_end(b->line);
}

static void answer_sent(struct batch *b, uint64_t number)
{
	answer(b, &(struct work_done){
	    .number = number,
	    .verdict = {
		.class = VERDICT_SENT,
		.status = SPAN("2.0.0"),
		.text = SPAN("delivered to mailbox"),
	    },
	});
}

static void answer_loop(struct batch *b, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	buf_put(&text, SPAN("mail forwarding loop for "));
	buf_put(&text, item->address);
	answer(b, &(struct work_done){
	    .number = item->number,
	    .verdict = {
		.class = VERDICT_BOUNCED,
		.status = SPAN("5.4.6"),
		.text = buf_span(&text),
	    },
	});
}

static void answer_trouble(struct batch *b, uint64_t number)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	bool again = b->trouble.status.ptr[0] == '4';

	buf_printf(&text, "cannot update mailbox %s/%s for user %s. ",
	    b->spec.path, b->spec.name, b->spec.name);
	buf_put(&text, buf_span(&b->trouble.reason));
	answer(b, &(struct work_done){
	    .number = number,
	    .verdict = {
		.class = again ? VERDICT_DEFERRED : VERDICT_BOUNCED,
		.status = b->trouble.status,
		.text = buf_span(&text),
	    },
	    .foreign = b->trouble.foreign,
	});
}

/* The mailbox */

static int claim_once(struct batch *b)
{
	if (b->claims)
		return claims_ask(
		    b->claims, b->spec.name, &b->mailbox, &b->trouble);
	return mailbox_claim(&b->mailbox, &b->spec, &b->trouble);
}

static void release(struct batch *b)
{
	bool damaged = b->mailbox.damaged;

	mailbox_close(&b->mailbox);
	if (b->claims)
		claims_give_back(b->claims, &b->mailbox, damaged);
	else if (damaged)
		mailbox_abandon(&b->mailbox);
	else
		mailbox_release(&b->mailbox, &b->spec);
}

static int claim(struct batch *b)
{
	int r;

	mailbox_init(&b->mailbox);
	b->trouble.foreign = false;
	r = claim_once(b);
	for (uint32_t i = 1; r == MAILBOX_LOCKED && i < b->spec.attempts; i++) {
		/* What is answered already need not wait with us. A line
		 * that is gone shows at the next receive. */
		(void)!sync_flush(b->line);
		mailbox_wait(&b->spec);
		r = claim_once(b);
	}
	return r;
}

static void open_mailbox(struct batch *b, span name)
{
	buf_clear(&b->name);
	buf_put(&b->name, name);
	b->spec.name = buf_cstr(&b->name);
	b->is_refused = true;
	if (claim(b) != MAILBOX_OK)
		return;
	if (mailbox_lock(&b->mailbox, &b->spec, &b->trouble) != MAILBOX_OK) {
		release(b);
		return;
	}
	b->is_refused = false;
	b->is_open = true;
}

/* Nobody would hear of what we did, and it would be done again. */
static bool is_alone(const struct batch *b)
{
	struct pollfd p = { .fd = sync_fd(b->line) };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static void finish(struct batch *b)
{
	int r = MAILBOX_OK;

	if (is_alone(b)) {
		mailbox_undo(&b->mailbox);
		b->nwritten = 0;
	} else {
		r = mailbox_sync(&b->mailbox, &b->trouble);
	}
	release(b);
	for (size_t i = 0; i < b->nwritten; i++) {
		if (r == MAILBOX_OK)
			answer_sent(b, b->written[i]);
		else
			answer_trouble(b, b->written[i]);
	}
}

void batch_end(struct batch *b)
{
	if (b->is_open)
		finish(b);
	b->nwritten = 0;
	b->is_open = false;
	b->is_refused = false;
	buf_clear(&b->name);
	buf_release(&b->out);
	buf_release(&b->chunk);
}

/* One message */

/* Fill the chunk; 0 or a negative errno. At the end it is empty. */
static int read_chunk(struct batch *b, int blob, uint64_t at)
{
	char *room;
	ssize_t n;

	buf_clear(&b->chunk);
	room = buf_room(&b->chunk, CHUNK);
	do
		n = os_size(pread(blob, room, CHUNK, (off_t)at));
	while (n == -EINTR);
	if (n < 0)
		return (int)n;
	b->chunk.len = (size_t)n;
	return 0;
}

static void drain(struct batch *b, size_t keep)
{
	if (b->out.len <= keep)
		return;
	mailbox_put(&b->mailbox, buf_span(&b->out));
	buf_clear(&b->out);
}

static int copy_blob(struct batch *b, struct mbox *form, int blob)
{
	uint64_t at = 0;
	int r;

	while ((r = read_chunk(b, blob, at)) == 0 && b->chunk.len > 0) {
		at += b->chunk.len;
		mbox_feed(form, buf_span(&b->chunk), &b->out);
		drain(b, OUT_FULL);
	}
	return r;
}

static int copy_content(
    struct batch *b, struct mbox *form, const struct work_item *item, int blob)
{
	span rest = item->content;

	if (item->blob)
		return copy_blob(b, form, blob);
	while (rest.len > 0) {
		mbox_feed(form, span_first(rest, CHUNK), &b->out);
		rest = span_from(rest, CHUNK);
		drain(b, OUT_FULL);
	}
	return 0;
}

static int refuse_read(struct batch *b, int error)
{
	mailbox_rollback(&b->mailbox);
	b->trouble.status = SPAN("4.3.0");
	buf_clear(&b->trouble.reason);
	buf_printf(
	    &b->trouble.reason, "error reading message: %s", strerror(-error));
	return MAILBOX_REFUSED;
}

static int append(struct batch *b, const struct work_item *item, int blob)
{
	const struct mbox_head head = {
		.sender = item->sender,
		.original_to = item->original,
		.delivered_to = item->address,
		.now = clock_wall(),
	};
	struct mbox form;
	int r;

	b->trouble.foreign = false;
	buf_clear(&b->out);
	mailbox_begin(&b->mailbox);
	mbox_write_head(&b->out, &head, b->head_flags);
	mbox_init(&form, b->head_flags);
	r = copy_content(b, &form, item, blob);
	if (r < 0)
		return refuse_read(b, r);
	mbox_finish(&form, &b->out);
	drain(b, 0);
	return mailbox_commit(&b->mailbox, &b->trouble);
}

static bool is_looping(struct batch *b, const struct work_item *item, int blob)
{
	CLEANUP(buf_done) struct buf address = BUF_INIT(2 * ADDRESS_MAX + 2);
	span head = item->content;

	address_quote(&address, item->address);
	if (item->blob) {
		/* A blob that cannot be read shows when it is copied. */
		if (read_chunk(b, blob, 0) < 0)
			return false;
		head = buf_span(&b->chunk);
	}
	return loops_has(head, buf_span(&address));
}

void batch_add(struct batch *b, const struct work_item *item, int blob)
{
	if (is_looping(b, item, blob)) {
		answer_loop(b, item);
		return;
	}
	if (b->name.len > 0 && !span_eq(buf_span(&b->name), item->name))
		batch_end(b);
	if (b->name.len == 0)
		open_mailbox(b, item->name);
	if (b->is_refused || append(b, item, blob) != MAILBOX_OK) {
		answer_trouble(b, item->number);
		return;
	}
	b->written[b->nwritten++] = item->number;
	if (b->nwritten == BATCH_MAX)
		batch_end(b);
}
