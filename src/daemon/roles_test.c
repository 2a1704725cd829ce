/* SPDX-License-Identifier: ISC */
/* The table of privileges, looked at as a whole. */
#include "test/lib/unit.h"

#include "conf/params.h"
#include "daemon/roles.h"

static void test_names(void **state UNUSED)
{
	for (enum role r = 0; r < ROLES; r++) {
		enum role found = ROLES;

		assert_non_null(role_info(r)->name);
		assert_true(role_find(span_str(role_info(r)->name), &found));
		assert_int_equal(found, r);
	}

	enum role none;

	assert_false(role_find(SPAN("init"), &none));
}

/* Who talks is talked to. */
static void test_conversations(void **state UNUSED)
{
	for (enum role a = 0; a < ROLES; a++)
		for (enum role b = 0; b < ROLES; b++)
			if (!(role_info(a)->talks_to & 1u << b) !=
			    !(role_info(b)->talks_to & 1u << a))
				fail_msg("%s and %s", role_info(a)->name,
				    role_info(b)->name);
}

static void test_parameters(void **state UNUSED)
{
	for (enum role r = 0; r < ROLES; r++) {
		const struct role_info *i = role_info(r);
		const struct param *p;

		if (i->user)
			assert_non_null(param_find(span_str(i->user)));
		if (!i->processes)
			continue;
		p = param_find(span_str(i->processes));
		assert_non_null(p);
		assert_int_equal(p->kind, PARAM_INT);
		assert_true(p->max > 0);
	}
}

/*
 * What SECURITY.md promises of those who read what strangers wrote: no
 * root, no programs, and no door that the others do not need.
 */
static void test_promises(void **state UNUSED)
{
	const struct role_info *smtpd = role_info(ROLE_SMTPD);
	const struct role_info *relay = role_info(ROLE_RELAY);
	const struct role_info *queue = role_info(ROLE_QUEUE);

	assert_int_equal(smtpd->may, SANDBOX_ACCEPT);
	assert_int_equal(relay->may, SANDBOX_CONNECT | SANDBOX_UNIX);
	assert_false(queue->may & (SANDBOX_CONNECT | SANDBOX_EXEC));
	for (enum role r = ROLE_MASTER + 1; r < ROLES; r++) {
		const struct role_info *i = role_info(r);

		if (r != ROLE_DELIVER) {
			assert_non_null(i->user);
			assert_false(i->may & (SANDBOX_EXEC | SANDBOX_SETUID));
		}
		/* Keys go to those who speak TLS, and to nobody else. */
		if (r == ROLE_SMTPD)
			assert_string_equal(i->keys, "smtpd_tls_");
		else if (r != ROLE_RELAY)
			assert_null(i->keys);
		if (r != ROLE_QUEUE && i->user)
			assert_string_not_equal(i->user, queue->user);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
