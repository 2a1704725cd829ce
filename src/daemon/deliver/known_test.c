/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/known.h"

#include "test/lib/unit.h"

struct place {
	struct known known;
	struct work_setup setup;
	struct work_maildir room[WORK_MAX_MAILDIRS];
	char path[64];
};

static int setup(void **state)
{
	struct place *p = NEW(struct place);

	known_init(&p->known);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	known_done(&p->known);
	mem_free(p);
	return 0;
}

static struct work_item mail_for(struct place *p, unsigned user)
{
	(void)snprintf(p->path, sizeof(p->path), "/home/u%u/Maildir/", user);
	return (struct work_item){
		.uid = 1000 + user,
		.gid = 100,
		.path = span_str(p->path),
	};
}

static enum known_place find(struct place *p, unsigned user, usec now)
{
	const struct work_item item = mail_for(p, user);

	return known_find(&p->known, &item, now);
}

static void learn(struct place *p, unsigned user, usec now)
{
	const struct work_item item = mail_for(p, user);

	known_learn(&p->known, &item, now);
}

static void avoid(struct place *p, unsigned user, usec now)
{
	const struct work_item item = mail_for(p, user);

	known_avoid(&p->known, &item, now);
}

static void praise(struct place *p, unsigned user)
{
	struct work_item item = mail_for(p, user);

	item.nforward = 1;
	known_praise(&p->known, &item);
}

/* How many it is granted. */
static unsigned grant(struct place *p, usec now)
{
	known_grant(&p->known, &p->setup, p->room, now);
	return p->setup.nmaildirs;
}

static void test_life(void **state)
{
	struct place *p = *state;
	struct work_item other;
	usec now = USEC_HOUR;

	assert_int_equal(find(p, 1, now), KNOWN_NOT);
	learn(p, 1, now);
	learn(p, 1, now);
	assert_int_equal(find(p, 1, now), KNOWN_SOON);
	assert_int_equal(grant(p, now), 1);
	assert_int_equal(p->room[0].uid, 1001);
	assert_int_equal(p->room[0].gid, 100);
	assert_span_equal(p->room[0].path, SPAN("/home/u1/Maildir/"));
	assert_int_equal(find(p, 1, now), KNOWN_GRANTED);

	/* The same directory is another thing for another user. */
	other = mail_for(p, 1);
	other.uid = 1002;
	assert_int_equal(known_find(&p->known, &other, now), KNOWN_NOT);

	/* The next filer has to wait. */
	learn(p, 2, now);
	assert_int_equal(find(p, 2, now), KNOWN_NOT);
	assert_int_equal(find(p, 1, now), KNOWN_GRANTED);
	now += USEC_SEC;
	assert_int_equal(find(p, 2, now), KNOWN_SOON);
	assert_int_equal(grant(p, now), 2);
	assert_int_equal(find(p, 2, now), KNOWN_GRANTED);
}

/* Who disappoints again and again is left alone for longer and longer. */
static void test_shy(void **state)
{
	struct place *p = *state;
	usec now = USEC_HOUR;
	usec last = 0;

	learn(p, 1, now);
	learn(p, 2, now);
	assert_int_equal(grant(p, now), 2);
	for (int i = 0; i < 5; i++) {
		usec begun = now;

		assert_int_equal(find(p, 1, now), KNOWN_GRANTED);
		avoid(p, 1, now);
		avoid(p, 1, now);
		while (find(p, 1, now) == KNOWN_NOT)
			now += 100 * USEC_MSEC;
		assert_true(now - begun > last);
		last = now - begun;
		assert_int_equal(grant(p, begun), 1);
		assert_int_equal(find(p, 2, now), KNOWN_GRANTED);
		assert_int_equal(grant(p, now), 2);
		now += USEC_SEC;
	}
	/* After something that went well it is an accident. */
	praise(p, 1);
	avoid(p, 1, now);
	assert_int_equal(find(p, 1, now), KNOWN_SOON);
	/* Nobody knows it: nothing happens. */
	avoid(p, 3, now);
	assert_int_equal(grant(p, now), 2);
}

static void test_full(void **state)
{
	struct place *p = *state;
	usec now = USEC_HOUR;

	for (unsigned i = 0; i < WORK_MAX_MAILDIRS + 10; i++)
		learn(p, i, now);
	assert_int_equal(grant(p, now), WORK_MAX_MAILDIRS);
	assert_int_equal(find(p, WORK_MAX_MAILDIRS, now), KNOWN_NOT);
	/* Later those that nobody needs give way. */
	now += USEC_HOUR;
	assert_int_equal(find(p, 0, now), KNOWN_GRANTED);
	learn(p, WORK_MAX_MAILDIRS, now);
	assert_int_equal(find(p, WORK_MAX_MAILDIRS, now), KNOWN_SOON);
	assert_int_equal(find(p, 0, now), KNOWN_GRANTED);
	assert_int_equal(find(p, 1, now), KNOWN_NOT);
	assert_int_equal(grant(p, now), WORK_MAX_MAILDIRS);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_life),
		CASE(test_shy),
		CASE(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
