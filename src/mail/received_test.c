/* SPDX-License-Identifier: ISC */
#include "mail/received.h"

#include "mail/date.h"
#include "test/lib/unit.h"

static const struct received plain = {
	.helo = SPAN_INIT("client.example.net"),
	.client_name = SPAN_INIT("localhost"),
	.client_addr = SPAN_INIT("127.0.0.1"),
	.myhostname = SPAN_INIT("mx.example.com"),
	.mail_name = SPAN_INIT("Postfix"),
	.with = SPAN_INIT("ESMTP"),
	.id = (msgid)0xAC2470 << 20 | 0x1B440,
	.when = 1590303371 * USEC_SEC,
};

static void check(const struct received *r, const char *want)
{
	struct buf out = BUF_INIT(10000);

	received_write(&out, r);
	assert_span_equal(buf_span(&out), span_str(want));
	buf_done(&out);
}

static void test_several_recipients(void **state)
{
	(void)state;
	check(&plain,
	    "Received: from client.example.net (localhost [127.0.0.1])\r\n"
	    "\tby mx.example.com (Postfix) with ESMTP id 1B440AC2470;\r\n"
	    "\tSun, 24 May 2020 06:56:11 +0000 (UTC)\r\n");
}

static void test_one_recipient(void **state)
{
	struct received r = plain;

	(void)state;
	r.rcpt = SPAN("first last@x.org");
	r.client_addr = SPAN("2001:db8::1");
	r.client_name = SPAN("unknown");
	r.helo = SPAN("");
	r.with = SPAN("SMTP");
	check(&r,
	    "Received: from unknown (unknown [IPv6:2001:db8::1])\r\n"
	    "\tby mx.example.com (Postfix) with SMTP id 1B440AC2470\r\n"
	    "\tfor <\"first last\"@x.org>; "
	    "Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n");
}

static void test_tls_and_auth(void **state)
{
	struct received r = plain;

	(void)state;
	r.tls = SPAN("\t(using TLSv1.3)\r\n\t(No client certificate "
	             "requested)\r\n");
	r.auth = SPAN("joe");
	r.with = SPAN("ESMTPSA");
	check(&r,
	    "Received: from client.example.net (localhost [127.0.0.1])\r\n"
	    "\t(using TLSv1.3)\r\n"
	    "\t(No client certificate requested)\r\n"
	    "\t(Authenticated sender: joe)\r\n"
	    "\tby mx.example.com (Postfix) with ESMTPSA id 1B440AC2470;\r\n"
	    "\tSun, 24 May 2020 06:56:11 +0000 (UTC)\r\n");
}

static void test_inside(void **state)
{
	struct received r = plain;

	(void)state;
	r.by = RECEIVED_USER;
	r.uid = 1000;
	check(&r,
	    "Received: by mx.example.com (Postfix, from userid 1000)\r\n"
	    "\tid 1B440AC2470; Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n");
	r.by = RECEIVED_RESENT;
	check(&r,
	    "Received: by mx.example.com (Postfix)\r\n"
	    "\tid 1B440AC2470; Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_recipients),
		cmocka_unit_test(test_one_recipient),
		cmocka_unit_test(test_tls_and_auth),
		cmocka_unit_test(test_inside),
	};

	(void)setenv("TZ", "UTC", 1);
	date_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
