/* SPDX-License-Identifier: ISC */
#include "mail/date.h"

#include "test/lib/unit.h"

static const struct {
	const char *zone;
	uint64_t seconds;
	const char *rfc5322, *ctime;
} cases[] = {
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1590303371,
	    "Sun, 24 May 2020 08:56:11 +0200 (CEST)",
	    "Sun May 24 08:56:11 2020" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1577836800,
	    "Wed,  1 Jan 2020 01:00:00 +0100 (CET)",
	    "Wed Jan  1 01:00:00 2020" },
	{ "EST5", 1577836800, "Tue, 31 Dec 2019 19:00:00 -0500 (EST)",
	    "Tue Dec 31 19:00:00 2019" },
	{ "NST3:30", 1577836800, "Tue, 31 Dec 2019 20:30:00 -0330 (NST)",
	    "Tue Dec 31 20:30:00 2019" },
	{ "IST-5:30", 0, "Thu,  1 Jan 1970 05:30:00 +0530 (IST)",
	    "Thu Jan  1 05:30:00 1970" },
	{ "UTC", 951782399, "Mon, 28 Feb 2000 23:59:59 +0000 (UTC)",
	    "Mon Feb 28 23:59:59 2000" },
};

static void check(void (*write)(struct buf *out, usec wall), usec wall,
    const char *want, size_t len)
{
	struct buf b = BUF_INIT(DATE_MAX);

	write(&b, wall);
	assert_span_equal(buf_span(&b), span_of(want, len));
	buf_done(&b);
}

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec wall = cases[i].seconds * USEC_SEC + 999999;

		(void)setenv("TZ", cases[i].zone, 1);
		date_init();
		check(date_write, wall, cases[i].rfc5322,
		    strlen(cases[i].rfc5322));
		check(date_write_ctime, wall, cases[i].ctime, 24);
		check(date_write_short, wall, cases[i].ctime, 19);
	}
}

static void test_plain(void **state)
{
	static const char want[] = "Thu, 01 Jan 1970 05:30:00 +0530";

	(void)state;
	(void)setenv("TZ", "IST-5:30", 1);
	date_init();
	check(date_write_plain, 0, want, sizeof(want) - 1);
}

static void test_stamp(void **state)
{
	(void)state;
	(void)setenv("TZ", "EST5", 1);
	date_init();
	check(date_write_stamp, 1590303371 * USEC_SEC, "20200524065611", 14);
}

/* No time is so odd that it ends the process. */
static void test_far_future(void **state)
{
	struct buf b = BUF_INIT(1000);

	(void)state;
	date_write(&b, USEC_NEVER);
	assert_true(b.len > 0);
	buf_done(&b);
}

static const struct {
	const char *text;
	int64_t seconds; /* -1: no date */
} parsed[] = {
	{ "Tue, 09 Nov 2021 17:21:36 +0100", 1636474896 },
	{ "Tue, 9 Nov 2021 17:21:36 +0100 (CET)", 1636474896 },
	{ "9 Nov 2021 16:21:36 GMT", 1636474896 },
	{ "09-Nov-21 11:21:36 EST", 1636474896 },
	{ "Tue Nov  9 17:21:36 2021", 1636474896 },
	{ "Tue Nov  9 17:21:36 CET 2021", 1636474896 },
	{ "Tue, 09 Nov 2021\n 17:21:36\n +01:00", 1636474896 },
	{ "Tue, 9 Nov 121 16:21:36 Z", 1636474896 },
	{ "24-Feb-2020", 1582498800 },
	{ "9 Nov 2021 17:21 -0800", 1636507260 },
	{ "1 Jan 1970 00:00:00 +0000", 0 },
	{ "1 Jan 1960 00:00:00 +0000", -1 },
	{ "yesterday", -1 },
	{ "", -1 },
	{ ", , (", -1 },
	{ "9 Nov", -1 },
	{ "-", -1 },
};

static void test_parse(void **state)
{
	(void)state;
	(void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	date_init();
	for (size_t i = 0; i < ARRAY_LEN(parsed); i++) {
		usec got = 7;
		bool is_date = date_parse(span_str(parsed[i].text), &got);

		assert_int_equal(is_date, parsed[i].seconds >= 0);
		if (is_date)
			assert_int_equal(
			    got, (usec)parsed[i].seconds * USEC_SEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_far_future),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
