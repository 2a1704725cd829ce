/* SPDX-License-Identifier: ISC */
/*
 * store/spool_test.c - the spool on a real file system, with its threads.
 *
 * Power failures are in test/fault_spool.c; here: does it keep, find, move
 * and forget what it should, and does it say so when the disk did not.
 */
#include "store/spool.h"

#include "base/buf.h"
#include "test/lib/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SEGMENT = 256 * 1024,
	MOST = 20000,
	SEGMENTS_CONSTANT = 16, /* of I13, with the free ones and the heads */
};

struct world {
	char path[64];
	int dir;
	struct spool *sp;
	struct spool_config config;
	uint64_t next_id;
	usec now;
	/* What the callbacks said. */
	unsigned answers;
	int result;
	unsigned found;
	unsigned with_state;
	unsigned damages;
	unsigned lost;
	msgid last_lost;
	char digest_seen[64];
	char state_digest_seen[64];
	struct buf envelope, content, state;
	bool has_state;
	bool is_big;
};

/* --- helpers ---------------------------------------------------------------- */

static void copy_text(char to[64], span s)
{
	size_t n = MIN(s.len, (size_t)63);

	if (n)
		memcpy(to, s.ptr, n);
	to[n] = '\0';
}

static void on_found(void *ctx, const struct spool_found *f)
{
	struct world *w = ctx;

	w->found++;
	w->with_state += f->has_state;
	copy_text(w->digest_seen, f->digest);
	copy_text(w->state_digest_seen, f->state_digest);
}

static void on_damage(void *ctx, const struct spool_damage *d)
{
	struct world *w = ctx;

	w->damages++;
	w->lost += d->is_lost;
	if (d->is_lost)
		w->last_lost = d->id;
}

static void on_answer(void *ctx, int result)
{
	struct world *w = ctx;

	w->answers++;
	w->result = result;
}

static void on_read(void *ctx, int result, const struct spool_record *r)
{
	struct world *w = ctx;

	w->answers++;
	w->result = result;
	if (!r)
		return;
	buf_clear(&w->envelope);
	buf_clear(&w->content);
	buf_clear(&w->state);
	buf_put(&w->envelope, r->envelope);
	buf_put(&w->content, r->content);
	buf_put(&w->state, r->state);
	w->has_state = r->has_state;
	w->is_big = r->is_big;
}

static void open_it(struct world *w)
{
	w->found = w->with_state = 0;
	assert_int_equal(
	    spool_open(&file_ops_real, w->dir, &w->config, &w->sp), 0);
}

static void reopen(struct world *w)
{
	spool_close(&w->sp);
	open_it(w);
}

/* Let it work until `answers` have come. */
static void work(struct world *w, unsigned answers)
{
	for (int i = 0; w->answers < answers; i++) {
		struct pollfd p = { spool_eventfd(w->sp), POLLIN, 0 };

		assert_true(i < 100000);
		w->now += 1000;
		(void)spool_poll(w->sp, w->now);
		if (w->answers < answers && p.fd >= 0)
			(void)poll(&p, 1, 1);
	}
}

/* Let it do its housekeeping: simulated time passes quickly. */
static void work_on(struct world *w, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		w->now += 20000;
		(void)spool_poll(w->sp, w->now);
		if (w->config.threads)
			(void)usleep(200);
	}
}

static msgid new_id(struct world *w)
{
	uint64_t counter;

	while (!spool_grant_ids(w->sp, 1, &counter))
		work_on(w, 1);
	return msgid_make(counter, 123456);
}

static void put(struct world *w, msgid id, size_t size)
{
	struct buf content = BUF_INIT(1 << 20);
	char digest[64];
	char *room = buf_room(&content, size);
	struct spool_message m = { .id = id };

	memset(room, (int)(id >> 20), size);
	content.len = size;
	(void)snprintf(
	    digest, sizeof(digest), "digest of %llx", (unsigned long long)id);
	m.digest = span_str(digest);
	m.envelope = SPAN("from:a;to:b");
	m.content = buf_span(&content);
	spool_append(w->sp, &m, on_answer, w);
	buf_done(&content);
}

static void check(struct world *w, msgid id, size_t size)
{
	unsigned before = w->answers;

	spool_read(w->sp, id, on_read, w);
	work(w, before + 1);
	assert_int_equal(w->result, SPOOL_OK);
	assert_span_equal(buf_span(&w->envelope), SPAN("from:a;to:b"));
	assert_int_equal(w->content.len, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(w->content.data[i], (char)(id >> 20));
}

static void set_state(struct world *w, msgid id, const char *text)
{
	struct spool_state s = {
		.id = id, .digest = span_str(text), .bytes = span_str(text)
	};

	spool_put_state(w->sp, &s, NULL, NULL);
}

static int setup_with(void **state, unsigned threads)
{
	struct world *w = NEW(struct world);
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(w->path, sizeof(w->path), "%s/spool-test-XXXXXX",
	    tmp && strlen(tmp) < 32 ? tmp : P_tmpdir);
	if (!mkdtemp(w->path))
		return -1;
	w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->config = (struct spool_config){
		.segment_size = SEGMENT,
		.threads = threads,
		.calls = { on_found, on_damage },
		.ctx = w,
	};
	w->now = 1000000;
	buf_init(&w->envelope, 1 << 20);
	buf_init(&w->content, 1 << 20);
	buf_init(&w->state, 1 << 20);
	open_it(w);
	*state = w;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 3);
}

static int setup_alone(void **state)
{
	return setup_with(state, 0);
}

static int remove_one(
    const char *path, const struct stat *st, int what, struct FTW *where)
{
	(void)st;
	(void)what;
	(void)where;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	spool_close(&w->sp);
	(void)close(w->dir);
	buf_done(&w->envelope);
	buf_done(&w->content);
	buf_done(&w->state);
	(void)nftw(w->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	mem_free(w);
	return 0;
}

/* --- tests -------------------------------------------------------------------- */

static void keeps_messages(void **state)
{
	struct world *w = *state;
	msgid ids[100];

	for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
		put(w, ids[i] = new_id(w), i * 37);
	work(w, ARRAY_LEN(ids));
	assert_int_equal(w->result, SPOOL_OK);
	for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
		check(w, ids[i], i * 37);
	reopen(w);
	assert_int_equal(w->found, ARRAY_LEN(ids));
	assert_int_equal(w->with_state, 0);
	for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
		check(w, ids[i], i * 37);
	assert_int_equal(w->damages, 0);
}

static void keeps_the_newest_state(void **state)
{
	struct world *w = *state;
	msgid id = new_id(w);

	put(w, id, 1000);
	work(w, 1);
	set_state(w, id, "first");
	set_state(w, id, "second");
	check(w, id, 1000);
	assert_span_equal(buf_span(&w->state), SPAN("second"));
	work_on(w, 50);
	set_state(w, id, "third");
	reopen(w);
	assert_int_equal(w->found, 1);
	assert_int_equal(w->with_state, 1);
	assert_string_equal(w->state_digest_seen, "third");
	check(w, id, 1000);
	assert_span_equal(buf_span(&w->state), SPAN("third"));
}

static void told_when_a_state_is_durable(void **state)
{
	struct world *w = *state;
	msgid id = new_id(w);
	struct spool_state s = { .id = id, .bytes = SPAN("hold") };
	struct spool_stats stats;
	uint64_t commits;

	put(w, id, 10);
	work(w, 1);
	spool_get_stats(w->sp, &stats);
	commits = stats.commits;
	spool_put_state(w->sp, &s, on_answer, w);
	assert_int_equal(w->answers, 1);
	(void)spool_poll(w->sp, w->now); /* hurried: no time passes */
	while (w->answers < 2)
		(void)spool_poll(w->sp, w->now);
	assert_int_equal(w->result, SPOOL_OK);
	spool_get_stats(w->sp, &stats);
	assert_int_equal(stats.commits, commits + 1);
}

static void forgets_the_finished(void **state)
{
	struct world *w = *state;
	msgid a = new_id(w);
	msgid b = new_id(w);

	put(w, a, 100);
	put(w, b, 200);
	work(w, 2);
	set_state(w, a, "half");
	spool_finish(w->sp, a);
	assert_false(spool_has(w->sp, a));
	spool_finish(w->sp, a); /* twice is once */
	spool_read(w->sp, a, on_read, w);
	work(w, 3);
	assert_int_equal(w->result, SPOOL_GONE);
	reopen(w);
	assert_int_equal(w->found, 1);
	assert_true(spool_has(w->sp, b));
	check(w, b, 200);
}

static unsigned files_in(struct world *w, const char *name)
{
	int fd = openat(w->dir, name, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return n;
}

static void keeps_big_content(void **state)
{
	struct world *w = *state;
	msgid id = new_id(w);
	struct spool_message m = { .id = id, .envelope = SPAN("big") };
	struct spool_blob *unused = NULL;
	char bytes[7] = "";
	int fd = -1;

	assert_int_equal(spool_blob_new(w->sp, &unused), 0);
	assert_int_equal(spool_blob_new(w->sp, &m.blob), 0);
	assert_int_equal(pwrite(spool_blob_fd(m.blob), "content", 7, 0), 7);
	spool_append(w->sp, &m, on_answer, w);
	spool_blob_free(w->sp, &unused);
	work(w, 1);
	assert_int_equal(w->result, SPOOL_OK);
	assert_int_equal(files_in(w, "blob"), 1);
	reopen(w);
	assert_int_equal(w->found, 1);
	spool_read(w->sp, id, on_read, w);
	work(w, 2);
	assert_true(w->is_big);
	assert_int_equal(spool_open_blob(w->sp, id, &fd), 0);
	assert_int_equal(pread(fd, bytes, 7, 0), 7);
	assert_memory_equal(bytes, "content", 7);
	(void)close(fd);
	spool_finish(w->sp, id);
	for (int i = 0; i < 1000 && files_in(w, "blob"); i++)
		work_on(w, 1);
	assert_int_equal(files_in(w, "blob"), 0);
}

static void tells_a_missing_blob(void **state)
{
	struct world *w = *state;
	msgid id = new_id(w);
	struct spool_message m = { .id = id };
	char text[MSGID_TEXT_MAX];
	char path[64] = "blob/";

	assert_int_equal(spool_blob_new(w->sp, &m.blob), 0);
	assert_int_equal(pwrite(spool_blob_fd(m.blob), "content", 7, 0), 7);
	spool_append(w->sp, &m, on_answer, w);
	work(w, 1);
	(void)msgid_text(id, text);
	(void)snprintf(path, sizeof(path), "blob/%s", text);
	assert_int_equal(unlinkat(w->dir, path, 0), 0);
	assert_int_equal(mkdirat(w->dir, "blob/stray", 0700), 0);
	reopen(w);
	assert_int_equal(w->found, 0);
	assert_int_equal(w->lost, 1);
	assert_true(w->last_lost == id);
}

static void only_one_writer(void **state)
{
	struct world *w = *state;
	struct spool_config config = w->config;
	struct spool *other = NULL;
	msgid id = new_id(w);

	put(w, id, 10);
	work(w, 1);
	assert_int_equal(
	    spool_open(&file_ops_real, w->dir, &config, &other), -EBUSY);
	config.read_only = true;
	assert_int_equal(
	    spool_open(&file_ops_real, w->dir, &config, &other), -EBUSY);
	spool_close(&w->sp);

	w->config.read_only = true;
	open_it(w);
	assert_int_equal(w->found, 1);
	check(w, id, 10);
	assert_int_equal(
	    spool_open(&file_ops_real, w->dir, &config, &other), 0);
	spool_close(&other);
}

static void ids_do_not_repeat(void **state)
{
	struct world *w = *state;
	uint64_t last = 0;

	for (int i = 0; i < 20; i++) {
		uint64_t first = 0;

		for (int n = 0; n < 30; n++) {
			while (!spool_grant_ids(w->sp, 4096, &first))
				work_on(w, 1);
			assert_true(first > last);
			last = first + 4095;
		}
		reopen(w);
	}
}

static void commits_are_shared(void **state)
{
	struct world *w = *state;
	struct spool_stats before, after;

	work_on(w, 100); /* let segments be prepared */
	spool_get_stats(w->sp, &before);
	for (unsigned round = 1; round <= 20; round++) {
		for (int i = 0; i < 50; i++)
			put(w, new_id(w), 500);
		work(w, round * 50);
	}
	spool_get_stats(w->sp, &after);
	assert_int_equal(after.appended - before.appended, 1000);
	/* A group may be cut in two where a segment ends. */
	assert_in_range(after.commits - before.commits, 20, 20 + 5);
	assert_true(after.index_bytes <= 80 * 1024);
}

static void too_big_is_refused(void **state)
{
	struct world *w = *state;

	put(w, new_id(w), spool_max_record(w->sp) + 1);
	work(w, 1);
	assert_int_equal(w->result, SPOOL_TOO_BIG);
	put(w, new_id(w), spool_max_record(w->sp) - 100);
	work(w, 2);
	assert_int_equal(w->result, SPOOL_OK);
}

static void check_bounded(struct world *w)
{
	struct spool_stats st;

	spool_get_stats(w->sp, &st);
	assert_true(st.disk_bytes <=
	    2 * st.live_bytes + (uint64_t)SEGMENTS_CONSTANT * SEGMENT);
}

/*
 * A long life: most messages are finished soon, some stay and change their
 * state now and then. The disk stays bounded (I13), nothing is lost, and in
 * the end the cleaner has moved what stayed.
 */
static void a_long_life(void **state)
{
	struct world *w = *state;
	msgid stay[200];
	msgid *ids = mem_new(MOST, sizeof(msgid));
	struct spool_stats st;
	unsigned nstay = 0;

	for (unsigned i = 0; i < MOST; i++) {
		put(w, ids[i] = new_id(w), 100 + i % 3000);
		if (i % 20 == 19)
			work(w, i + 1);
		if (i >= 40 && (i - 40) % 100)
			spool_finish(w->sp, ids[i - 40]);
		else if (i >= 40)
			stay[nstay++] = ids[i - 40];
		if (nstay && i % 5 == 0)
			set_state(w, stay[i % nstay], "still waiting");
		if (i % 1000 == 999) {
			work_on(w, 100);
			check_bounded(w);
		}
	}
	work_on(w, 500);
	spool_get_stats(w->sp, &st);
	assert_true(st.cleaned_bytes > 0);
	assert_int_equal(st.damages, 0);
	reopen(w);
	assert_int_equal(w->found, nstay + 40);
	for (unsigned i = 0; i < nstay; i++)
		assert_true(spool_has(w->sp, stay[i]));
	for (unsigned i = MOST - 40; i < MOST; i++)
		check(w, ids[i], 100 + i % 3000);
	mem_free(ids);
}

/* Flip a byte of the only copy of a text somewhere in the segments. */
static void damage(struct world *w, const char *text)
{
	for (int slot = 0; slot < 64; slot++) {
		static char bytes[SEGMENT];
		char name[32];
		char *hit;
		int fd;

		(void)snprintf(name, sizeof(name), "%08X.seg", slot);
		fd = openat(w->dir, name, O_RDWR);
		if (fd < 0)
			continue;
		assert_int_equal(pread(fd, bytes, SEGMENT, 0), SEGMENT);
		hit = memmem(bytes, SEGMENT, text, strlen(text));
		if (hit)
			assert_int_equal(pwrite(fd, "X", 1, hit - bytes), 1);
		(void)close(fd);
		if (hit)
			return;
	}
	fail_msg("'%s' is nowhere", text);
}

static void put_text(struct world *w, msgid id, const char *text)
{
	struct spool_message m = {
		.id = id, .envelope = SPAN("env"), .content = span_str(text)
	};

	spool_append(w->sp, &m, on_answer, w);
	work(w, w->answers + 1);
	assert_int_equal(w->result, SPOOL_OK);
}

static void damage_is_told_and_small(void **state)
{
	struct world *w = *state;
	msgid a = new_id(w), b = new_id(w), c = new_id(w);

	put_text(w, a, "first message");
	put_text(w, b, "second message");
	put_text(w, c, "third message");
	damage(w, "second message");
	/* Found when it is read ... */
	spool_read(w->sp, b, on_read, w);
	work(w, w->answers + 1);
	assert_int_equal(w->result, SPOOL_DAMAGED);
	assert_int_equal(w->lost, 1);
	assert_true(w->last_lost == b);
	for (int i = 0; i < 1000 && !files_in(w, "corrupt"); i++)
		work_on(w, 1);
	assert_int_equal(files_in(w, "corrupt"), 1);
	/* ... or when the segment is scanned; the others are untouched. */
	w->lost = 0;
	reopen(w);
	assert_int_equal(w->lost, 1);
	assert_true(w->last_lost == b);
	assert_int_equal(w->found, 2);
	spool_read(w->sp, a, on_read, w);
	spool_read(w->sp, c, on_read, w);
	work(w, w->answers + 2);
	assert_span_equal(buf_span(&w->content), SPAN("third message"));
}

static void unknown_files_are_left_alone(void **state)
{
	struct world *w = *state;
	int fd;

	spool_close(&w->sp);
	fd = openat(w->dir, "00000007.seg", O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "not a segment", 13), 13);
	(void)close(fd);
	fd = openat(w->dir, "00000009.new", O_RDWR | O_CREAT, 0600);
	(void)close(fd);
	open_it(w);
	assert_int_equal(w->lost, 1);
	assert_int_equal(faccessat(w->dir, "00000007.seg", F_OK, 0), 0);
	assert_int_equal(faccessat(w->dir, "00000009.new", F_OK, 0), -1);
	put(w, new_id(w), 100);
	work(w, 1);
	assert_int_equal(w->result, SPOOL_OK);
}

#define WITH_BOTH(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown), \
	{ \
#test " (no threads)", test, setup_alone, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BOTH(keeps_messages),
		WITH_BOTH(keeps_the_newest_state),
		WITH_BOTH(told_when_a_state_is_durable),
		WITH_BOTH(forgets_the_finished),
		WITH_BOTH(keeps_big_content),
		WITH_BOTH(tells_a_missing_blob),
		WITH_BOTH(only_one_writer),
		WITH_BOTH(ids_do_not_repeat),
		WITH_BOTH(commits_are_shared),
		WITH_BOTH(too_big_is_refused),
		WITH_BOTH(a_long_life),
		WITH_BOTH(damage_is_told_and_small),
		WITH_BOTH(unknown_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
