/* SPDX-License-Identifier: ISC */
/*
 * test/lib/spool_world.c - a spool on a file system that fails, and what its
 * callers were told. The first half of test/fault_spool.c, which includes it.
 */
#include "store/spool.h"

#include "base/buf.h"
#include "test/lib/faultfs.h"
#include "test/lib/unit.h"

#include <errno.h>
#include <fcntl.h>

enum { SEGMENT = 24 * 1024, MOST = 1000, BIG = 20000 };

/* What we know about a message. */
struct letter {
	struct world *w;
	msgid id;
	size_t size;
	bool big;
	bool answered;
	int result;
	unsigned order;    /* of the append */
	unsigned states;   /* put so far: the newest has this number */
	unsigned durable;  /* the newest that we were told is */
	unsigned finished; /* order of the finish, or 0 */
	/* Of the last recovery: */
	bool found;
	bool expected; /* whatever happens: it was believed once (I11) ... */
	bool gone;     /* ... or was not there */
	unsigned found_state;
};

/* We shall be told when this state is durable. */
struct promise {
	struct letter *l;
	unsigned state;
};

struct world {
	struct faultfs *fs;
	struct spool *sp;
	struct spool_config config;
	usec now;
	struct letter letters[MOST];
	unsigned n;
	struct promise promises[MOST];
	unsigned npromises;
	unsigned order;         /* of calls that write */
	unsigned durable_order; /* calls up to this are durable */
	bool in_order;          /* no errors so far: the above holds */
	unsigned ticks;
	struct letter *doomed[16];
	uint64_t seed;
	unsigned ndoomed;
	uint64_t highest; /* id counter seen */
	unsigned damages;
	unsigned lost;
	char last_damage[100];
	unsigned answers;
	/* For the message when something does not hold. */
	const char *scenario;
	unsigned nth;
	unsigned ending;
};

/* An assertion with an invariant's number, that says where we are. */
#define HOLDS(w, invariant, condition) \
	do { \
		if (!(condition)) \
			fail_msg("%s broken at line %d: %s; \"%s\", call %u, " \
			         "ending %u%s", \
			    invariant, __LINE__, #condition, (w)->scenario, \
			    (w)->nth, (w)->ending, (w)->last_damage); \
	} while (0)

/* --- callbacks ------------------------------------------------------------ */

static struct letter *letter_of(struct world *w, msgid id)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->letters[i].id == id)
			return &w->letters[i];
	return NULL;
}

static void digest_text(char text[64], msgid id, unsigned state)
{
	(void)snprintf(text, 64, "%llx/%u", (unsigned long long)id, state);
}

static void on_found(void *ctx, const struct spool_found *f)
{
	struct world *w = ctx;
	struct letter *l = letter_of(w, f->id);
	char want[64];

	/* I2: nothing that was never sent, and once. */
	HOLDS(w, "I2", l && !l->found);
	l->found = true;
	digest_text(want, l->id, 0);
	assert_span_equal(f->digest, span_str(want));
	assert_int_equal(f->is_big, l->big);
	l->found_state = 0;
	if (!f->has_state)
		return;
	for (unsigned k = 1; k <= l->states; k++) {
		digest_text(want, l->id, k);
		if (span_eq(f->state_digest, span_str(want)))
			l->found_state = k;
	}
	/* A state that was put, whole. */
	HOLDS(w, "I5", l->found_state);
}

static void on_damage(void *ctx, const struct spool_damage *d)
{
	struct world *w = ctx;
	struct letter *l = letter_of(w, d->id);

	w->damages++;
	w->lost += d->is_lost;
	(void)snprintf(w->last_damage, sizeof(w->last_damage),
	    "; damage: %s in %s at %llu", d->what, d->file,
	    (unsigned long long)d->at);
	if (l && d->is_lost)
		l->found = false;
}

static void on_appended(void *ctx, int result)
{
	struct letter *l = ctx;

	HOLDS(l->w, "I1", !l->answered);
	l->answered = true;
	l->result = result;
	l->w->answers++;
	if (result == SPOOL_OK && l->order > l->w->durable_order)
		l->w->durable_order = l->order;
}

static void on_state(void *ctx, int result)
{
	const struct promise *p = ctx;

	p->l->w->answers++;
	if (result == SPOOL_OK && p->state > p->l->durable)
		p->l->durable = p->state;
}

/* --- the world ---------------------------------------------------------------- */

static struct world *world_new(const char *scenario)
{
	struct world *w = NEW(struct world);

	w->scenario = scenario;
	w->fs = faultfs_new();
	w->now = 1000000;
	w->config = (struct spool_config){
		.segment_size = SEGMENT,
		.calls = { on_found, on_damage },
		.ctx = w,
	};
	w->in_order = true;
	return w;
}

static void world_free(struct world *w)
{
	spool_close(&w->sp);
	faultfs_free(w->fs);
	mem_free(w);
}

static bool open_it(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		w->letters[i].found = false;
	return spool_open(faultfs_ops(w->fs), faultfs_root(w->fs), &w->config,
	           &w->sp) == 0;
}

/* Until it has nothing more to do soon; two retries after errors. */
static void work(struct world *w)
{
	int patience = 2;

	for (int i = 0; i < 100; i++) {
		usec due = spool_poll(w->sp, w->now);

		if (due > w->now + 2 * USEC_SEC)
			break;
		if (due > w->now + USEC_SEC / 2 && !patience--)
			break;
		w->now = MAX(due, w->now + 1);
	}
}

static msgid new_id(struct world *w)
{
	uint64_t counter;

	for (int i = 0; i < 3; i++) {
		if (spool_grant_ids(w->sp, 1, &counter)) {
			HOLDS(w, "I9", counter > w->highest);
			w->highest = counter;
			return msgid_make(counter, 42);
		}
		work(w);
	}
	return 0;
}

/* Content is cut out of one long noise, elsewhere for each message. */
static const char *content_of(const struct letter *l)
{
	static char noise[1 << 16];

	for (size_t i = 0; !noise[0] && i < sizeof(noise); i++)
		noise[sizeof(noise) - 1 - i] = (char)(i * i * 31 + i / 7 + 1);
	return noise + (l->id >> 20) * 7919 % (sizeof(noise) - BIG);
}

static void fill_content(const struct letter *l, struct buf *b)
{
	buf_put(b, span_of(content_of(l), l->size));
}

static struct letter *letter_new(struct world *w, size_t size)
{
	struct letter *l = &w->letters[w->n];

	assert_true(w->n < MOST);
	*l = (struct letter){ .w = w, .id = new_id(w), .size = size };
	if (!l->id)
		return NULL; /* nothing can be granted: as good as full */
	l->order = ++w->order;
	w->n++;
	return l;
}

/* NULL: could not even begin. */
static struct letter *send(struct world *w, size_t size)
{
	struct letter *l = letter_new(w, size);
	struct buf content = BUF_INIT(1 << 20);
	struct spool_message m = { .envelope = SPAN("the envelope") };
	char digest[64];

	if (!l)
		return NULL;
	fill_content(l, &content);
	digest_text(digest, l->id, 0);
	m.id = l->id;
	m.digest = span_str(digest);
	m.content = buf_span(&content);
	spool_append(w->sp, &m, on_appended, l);
	assert_false(l->answered);
	buf_done(&content);
	return l;
}

static struct letter *send_big(struct world *w, bool abandon)
{
	const struct file_ops *ops = faultfs_ops(w->fs);
	struct spool_message m = { .envelope = SPAN("the envelope") };
	struct buf content = BUF_INIT(1 << 20);
	struct letter *l;
	char digest[64];
	int r;

	if (spool_blob_new(w->sp, &m.blob))
		return NULL;
	l = letter_new(w, BIG);
	if (!l) {
		spool_blob_free(w->sp, &m.blob);
		return NULL;
	}
	l->big = true;
	fill_content(l, &content);
	r = ops->write(ops->fs, spool_blob_fd(m.blob), buf_span(&content), 0);
	buf_done(&content);
	digest_text(digest, l->id, 0);
	m.id = l->id;
	m.digest = span_str(digest);
	if (abandon || r < 0) {
		l->answered = true;
		l->result = -ECANCELED;
		spool_blob_free(w->sp, &m.blob);
	} else {
		spool_append(w->sp, &m, on_appended, l);
	}
	return l;
}

static bool is_live(const struct letter *l)
{
	return l && l->answered && l->result == SPOOL_OK && !l->finished;
}

/* With `fn`, tell it. */
static void put_state_to(struct letter *l, spool_done_fn *fn)
{
	struct world *w = l->w;
	struct promise *p = &w->promises[w->npromises];
	struct spool_state s;
	char text[64];

	digest_text(text, l->id, ++l->states);
	s = (struct spool_state){ l->id, span_str(text), span_str(text) };
	w->order++;
	if (fn) {
		assert_true(w->npromises++ < MOST);
		*p = (struct promise){ l, l->states };
	}
	spool_put_state(w->sp, &s, fn, p);
}

static void put_state(struct letter *l, bool tell)
{
	if (is_live(l))
		put_state_to(l, tell ? on_state : NULL);
}

static void finish(struct letter *l)
{
	if (!is_live(l))
		return;
	l->finished = ++l->w->order;
	spool_finish(l->w->sp, l->id);
}
