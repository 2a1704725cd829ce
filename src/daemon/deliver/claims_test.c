/* SPDX-License-Identifier: ISC */
/* What is done as root, and what is not, whatever a plan says. */
#include "daemon/deliver/claims.h"
#include "test/lib/unit.h"

static const struct program_run local = { .name = "local" };
static const struct program_run virtual = { .name = "virtual" };

static struct service service(const char *home_mailbox, const char *spool)
{
	return (struct service){
		.program = &local,
		.c = {
			.home_mailbox = span_str(home_mailbox),
			.mail_spool_directory = span_str(spool),
			.forward_path = SPAN("/var/forward/$user, "
			                     "$home/.forward${x?+}$x"),
			.virtual_minimum_uid = 100,
		},
	};
}

static const struct user root = { .home = SPAN_INIT("/root") };
static const struct user ana = {
	.uid = 1000,
	.gid = 1000,
	.home = SPAN_INIT("/home/ana"),
};

static bool asks(const struct service *at, enum local_do kind, const char *what)
{
	const struct local_step step = {
		.kind = (uint8_t)kind,
		.user = SPAN("root"),
		.what = span_str(what),
	};

	/* Other users may have what they want. */
	assert_true(claims_allow(at, &step, &ana));
	return claims_allow(at, &step, &root);
}

static void test_mailboxes_of_root(void **state)
{
	const struct service home = service("Mail/new", "/var/mail");
	const struct service spool = service("", "/var/spool/maildirs/");
	const struct local_step box = {
		.kind = LOCAL_MAILBOX,
		.flags = LOCAL_SPOOL,
		.what = SPAN("/var/mail/root"),
		.user = SPAN("root"),
	};

	(void)state;
	assert_true(asks(&home, LOCAL_MAILBOX, "/root/Mail/new"));
	assert_false(asks(&home, LOCAL_MAILBOX, "/root/Mail/newer"));
	assert_false(asks(&home, LOCAL_MAILBOX, "/root/.ssh/authorized_keys"));
	assert_false(asks(&home, LOCAL_MAILBOX, "/etc/cron.d/x"));
	assert_false(asks(&home, LOCAL_MAILBOX, "/var/mail/root"));
	assert_true(asks(&spool, LOCAL_MAILBOX, "/var/spool/maildirs/root/"));
	assert_false(asks(&spool, LOCAL_MAILBOX, "/var/spool/maildirs/root"));
	assert_false(asks(&spool, LOCAL_MAILBOX, "/var/spool/maildirs/"));
	assert_false(asks(&spool, LOCAL_MAILBOX, "/root/Mail/new"));
	assert_true(claims_allow(&home, &box, &root));
}

static void test_files_read_as_root(void **state)
{
	const struct service at = service("", "/var/mail");

	(void)state;
	assert_false(asks(&at, LOCAL_READ, "/etc/shadow"));
	assert_true(asks(&at, LOCAL_OUTCOME, "no such user"));
}

static void test_forward_of_root(void **state)
{
	static const struct {
		const char *path;
		bool fine;
	} cases[] = {
		{ "/root/.forward", true },
		{ "/root/.forward+x", true },
		{ "/var/forward/root", true },
		{ "/etc/shadow", false },
		{ "/root", false },
		{ "/rootless/.forward", false },
		{ "/root/../etc/shadow", false },
		{ "/var/forward/../../etc/shadow", false },
		{ "", false },
	};
	const struct service at = service("", "/var/mail");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		span path = span_str(cases[i].path);
		const struct local_step step = {
			.kind = LOCAL_PASS,
			.user = SPAN("root"),
			.nforward = 1,
			.forward = &path,
		};

		if (claims_allow(&at, &step, &root) != cases[i].fine)
			fail_msg("%s", cases[i].path);
	}
}

static void test_numbers(void **state)
{
	struct service at = service("", "/var/mail");
	const struct local_step step = {
		.kind = LOCAL_MAILBOX,
		.by_uid = true,
		.what = SPAN("/vmail/x"),
	};

	(void)state;
	/* local(8) knows its users by name. */
	assert_false(claims_allow(&at, &step, &ana));
	at.program = &virtual;
	assert_true(claims_allow(&at, &step, &ana));
	assert_false(claims_allow(&at, &step, &root));
	assert_false(
	    claims_allow(&at, &step, &(struct user){ .uid = 99, .gid = 99 }));
	assert_false(claims_allow(&at, &step, &(struct user){ .uid = 1000 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mailboxes_of_root),
		cmocka_unit_test(test_files_read_as_root),
		cmocka_unit_test(test_forward_of_root),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
