/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/users.h"

#include <pwd.h>
#include <unistd.h>

#include "test/lib/unit.h"

static void test_find(void **state)
{
	static const char *const nobody[] = { "no-such-user-here", "", ".",
		"..", "../root", "ro/ot", ".root" };
	struct passwd *me = getpwuid(geteuid());
	struct users users;
	struct user found;

	(void)state;
	users_init(&users);
	assert_non_null(me);
	/* Asked of the system, from memory, and after the time to keep it. */
	for (usec now = 1; now < USEC_MIN; now = now * 1000 + 1) {
		found = (struct user){ .uid = 1u << 30 };
		assert_int_equal(
		    users_find(&users, now, span_str(me->pw_name), &found),
		    USERS_OK);
		assert_int_equal(found.uid, me->pw_uid);
		assert_int_equal(found.gid, me->pw_gid);
		assert_span_equal(found.home, span_str(me->pw_dir));
	}
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
			assert_int_equal(
			    users_find(&users, 1, span_str(nobody[i]), &found),
			    USERS_UNKNOWN);
	assert_int_equal(users_find(&users, 1, span_of("root\0x", 6), &found),
	    USERS_UNKNOWN);
	users_done(&users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
