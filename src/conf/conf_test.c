/* SPDX-License-Identifier: ISC */
/* Files in, values out, over the serialized form. */
#include "test/lib/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf_internal.h"

static char dir[] = "/tmp/conf-test-XXXXXX";

static int set_up(void **state UNUSED)
{
	return mkdtemp(dir) ? 0 : -1;
}

static void path_of(const char *name, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/%s", dir, name);
}

static int tear_down(void **state UNUSED)
{
	char path[64];

	path_of("main.cf", path, sizeof(path));
	(void)unlink(path);
	path_of("master.cf", path, sizeof(path));
	(void)unlink(path);
	return rmdir(dir);
}

static void write_file(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	path_of(name, path, sizeof(path));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void report_free(struct conf_report **r)
{
	conf_report_done(*r);
}

/* What a daemon would see of these files. */
static struct conf *read_both(
    const char *main_cf, const char *master_cf, struct conf_report *report)
{
	struct conf *conf = NULL;
	struct conf *copy = NULL;
	int fd;

	write_file("main.cf", main_cf);
	write_file("master.cf", master_cf);
	if (conf_read(dir, report, &conf) != CONF_OK)
		return NULL;
	fd = conf_to_fd(conf);
	assert_true(fd >= 0);
	assert_int_equal(conf_from_fd(fd, &copy), CONF_OK);
	(void)close(fd);
	conf_unref(&conf);
	return copy;
}

static struct conf *must_read(const char *main_cf, const char *master_cf)
{
	struct conf_report report = CONF_REPORT_INIT;
	CLEANUP(report_free) struct conf_report *r UNUSED = &report;
	struct conf *conf = read_both(main_cf, master_cf, &report);

	if (!conf)
		fail_msg("%s", buf_cstr(&report.error));
	return conf;
}

static void check_value(
    struct conf *conf, uint32_t service, const char *name, const char *want)
{
	span got = conf_value(conf, service, span_str(name));

	if (!span_eq(got, span_str(want)) || !got.ptr != !want)
		fail_msg("%s = \"%.*s\", want \"%s\"", name, PRI(got),
		    want ? want : "(nothing)");
}

static void test_values(void **state UNUSED)
{
	CLEANUP(conf_unrefp)
	struct conf *conf = must_read("# a comment\n"
	                              "myhostname = mail.example.org\n"
	                              "mydestination = $myhostname,\n"
	                              "# inside\n"
	                              "  localhost.$mydomain\n"
	                              "relayhost=first\n"
	                              "relayhost =\n"
	                              "own = ${relayhost:none} $nothing\n"
	                              "smtpd_reject_footer = \\c $localtime\n",
	    "");

	check_value(conf, CONF_MAIN, "mydomain", "example.org");
	check_value(conf, CONF_MAIN, "mydestination",
	    "mail.example.org,  localhost.example.org");
	check_value(conf, CONF_MAIN, "relayhost", "");
	check_value(conf, CONF_MAIN, "own", "none ");
	check_value(conf, CONF_MAIN, "nothing", NULL);
	check_value(
	    conf, CONF_MAIN, "smtpd_banner", "mail.example.org ESMTP Postfix");
	/* Not expanded when read. */
	check_value(conf, CONF_MAIN, "smtpd_reject_footer", "\\c $localtime");
	check_value(conf, CONF_MAIN, "config_directory", dir);
	assert_null(conf_set_value(conf, CONF_MAIN, SPAN("smtpd_banner")).ptr);
	assert_int_equal(
	    conf_duration(conf, CONF_MAIN, SPAN("maximal_queue_lifetime")),
	    5 * USEC_DAY);
	assert_true(conf_bool(conf, CONF_MAIN, SPAN("smtpd_delay_reject")));
	assert_int_equal(
	    conf_number(conf, CONF_MAIN, SPAN("message_size_limit")), 10240000);
}

static void test_levels(void **state UNUSED)
{
	CLEANUP(conf_unrefp) struct conf *old = must_read("", "");
	CLEANUP(conf_unrefp)
	struct conf *new = must_read(
	    "compatibility_level = 3.6\n", "smtp inet n - - - - smtpd\n");

	check_value(old, CONF_MAIN, "append_dot_mydomain", "yes");
	check_value(old, CONF_MAIN, "mynetworks_style", "subnet");
	check_value(new, CONF_MAIN, "append_dot_mydomain", "no");
	check_value(new, CONF_MAIN, "mynetworks_style", "host");
	assert_false(conf_service(new, 0)->chroot);
}

/* A value that asks for itself through another one is empty there. */
static void test_own_domain(void **state UNUSED)
{
	struct conf_report report = CONF_REPORT_INIT;
	CLEANUP(report_free) struct conf_report *r UNUSED = &report;
	CLEANUP(conf_unrefp) struct conf *conf = NULL;

	write_file("main.cf", "myhostname = mx.$mydomain\n");
	write_file("master.cf", "");
	assert_int_equal(conf_read(dir, &report, &conf), CONF_BAD);
	assert_int_equal(conf_read_unchecked(dir, &report, &conf), CONF_OK);
	check_value(conf, CONF_MAIN, "myhostname", "mx.");
	check_value(conf, CONF_MAIN, "mydomain", "");
}

static const char services[] =
    "smtp inet n - y - - smtpd\n"
    "[::1]:2525 inet n - n - 5 smtpd -v\n"
    "  -o smtpd_timeout=5m -o smtpd_timeout=10\n"
    "  # a comment\n"
    "  -o { mynetworks = 192.0.2.0/24 198.51.100.1 } -o content_filter=\n"
    "relay unix - - n 60? 0 smtp -vv -o syslog_name=postfix/$service_name\n"
    "pipes unix - n n 60 1 pipe\n"
    "  flags=DRhu user=vmail argv=/bin/x -o x{a b}c {} $recipient { }\n"
    "postlog unix-dgram n - n - 1 postlogd\n";

static void test_services(void **state UNUSED)
{
	CLEANUP(conf_unrefp) struct conf *conf = must_read("", services);
	const struct conf_service *s;

	assert_int_equal(conf_services(conf), 5);
	s = conf_service(conf, 0);
	assert_int_equal(s->type, CONF_INET);
	assert_true(s->chroot);
	assert_int_equal(s->maxproc, 100);
	s = conf_service(conf, 1);
	assert_span_equal(s->name, SPAN("[::1]:2525"));
	assert_int_equal(s->maxproc, 5);
	assert_int_equal(s->verbose, 1);
	assert_int_equal(s->noverrides, 4);
	assert_int_equal(s->line, 2);
	check_value(conf, 1, "smtpd_timeout", "10");
	check_value(conf, 1, "content_filter", "");
	/* Seen inside values of main.cf, too. */
	check_value(conf, 1, "smtpd_client_event_limit_exceptions",
	    "192.0.2.0/24 198.51.100.1");
	check_value(conf, 0, "smtpd_timeout", "300s");
	s = conf_service(conf, 2);
	assert_int_equal(s->verbose, 2);
	assert_true(s->wakeup == 60 * USEC_SEC && s->wakeup_if_used);
	check_value(conf, 2, "syslog_name", "postfix/relay");
	check_value(conf, 2, "process_name", "smtp");
	s = conf_service(conf, 3);
	assert_int_equal(s->nargs, 8);
	assert_span_equal(s->args[0], SPAN("flags=DRhu"));
	assert_span_equal(s->args[3], SPAN("-o"));
	assert_true(s->wakeup == 60 * USEC_SEC && !s->wakeup_if_used);
	assert_int_equal(conf_service(conf, 4)->type, CONF_UNIX_DGRAM);
	assert_int_equal(conf_transport(conf, SPAN("relay")), 2);
	assert_int_equal(conf_transport(conf, SPAN("smtp")), CONF_MAIN);
	assert_null(conf_service(conf, 5));
}

/* Forms that real files have. */
static const struct {
	const char *main_cf;
	const char *master_cf;
	uint32_t service;
	const char *name;
	const char *value;
} forms[] = {
	{ "", "s inet n - n - - smtpd -o relayhost=\n", 0, "relayhost", "" },
	{ "", "s inet n - n - - smtpd -orelayhost=a\n", 0, "relayhost", "a" },
	{ "", "s inet n - n - - smtpd -o {relayhost=a b}\n", 0, "relayhost",
	    "a b" },
	{ "", "s inet n - n - - smtpd -o { relayhost =a }\n", 0, "relayhost",
	    "a" },
	{ "", "s inet n - n - - smtpd -v -D -o relayhost=a -v\n", 0,
	    "relayhost", "a" },
	{ "mua_x = permit_mynetworks,\n\treject\n",
	    "s inet n - n - - smtpd\n\t-o smtpd_helo_restrictions=$mua_x\n", 0,
	    "smtpd_helo_restrictions", "permit_mynetworks,\treject" },
	{ "", "s inet n - n - - smtpd -o a=$b -o b=1\n", 0, "a", "1" },
	{ "", "s inet n - n - - smtpd\r\n  -o relayhost=a\r\n", 0, "relayhost",
	    "a" },
	{ "relayhost = a\r\n", "", CONF_MAIN, "relayhost", "a" },
	{ "relayhost = a", "", CONF_MAIN, "relayhost", "a" },
	{ "relayhost = a,\n#x\n  #y\n\n b\n#z\n", "", CONF_MAIN, "relayhost",
	    "a, b" },
	{ "relayhost = a # b\n", "", CONF_MAIN, "relayhost", "a # b" },
	{ "relayhost=a=b\n", "", CONF_MAIN, "relayhost", "a=b" },
	{ "relayhost = a\nrelayhost = b\n", "", CONF_MAIN, "relayhost", "b" },
	{ "relayhost = x$(y)$$\ny = ${z?{1}:{2}}\n", "", CONF_MAIN, "relayhost",
	    "x2$" },
	{ "", "s fifo n - n 60? 1 pickup\nt inet n - n 5m 0 smtpd -o a=b\n", 1,
	    "a", "b" },
	/* As if they were not there, mistakes included. */
	{ "master_service_disable = !a/inet, INET, b.unix\n",
	    "s inet x\nb unix\na inet n - n - - smtpd -o a=b\n", 0, "a", "b" },
};

static void test_forms(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		CLEANUP(conf_unrefp)
		struct conf *conf =
		    must_read(forms[i].main_cf, forms[i].master_cf);

		check_value(
		    conf, forms[i].service, forms[i].name, forms[i].value);
	}
}

/* What Postfix takes for zero. */
static void test_negative(void **state UNUSED)
{
	CLEANUP(conf_unrefp)
	struct conf *conf = must_read("message_size_limit = -1\n", "");

	assert_int_equal(
	    conf_number(conf, CONF_MAIN, SPAN("message_size_limit")), 0);
}

static void test_transport_values(void **state UNUSED)
{
	CLEANUP(conf_unrefp)
	struct conf *conf =
	    must_read("slow_destination_concurrency_limit = 1\n"
	              "default_destination_recipient_limit = 7\n",
	        "slow unix - - n - - smtp\n");
	static const span limit = SPAN_INIT("destination_concurrency_limit");

	assert_span_equal(
	    conf_transport_value(conf, SPAN("slow"), limit), SPAN("1"));
	assert_span_equal(
	    conf_transport_value(conf, SPAN("other"), limit), SPAN("20"));
	assert_span_equal(
	    conf_transport_value(conf, SPAN("local"), limit), SPAN("2"));
	assert_span_equal(conf_transport_value(conf, SPAN("smtp"),
	                      SPAN("destination_recipient_limit")),
	    SPAN("7"));
}

struct loaded {
	span smtpd_banner;
	bool smtpd_helo_required;
	uint32_t smtpd_recipient_limit;
	uint64_t message_size_limit;
	usec smtpd_timeout;
};

static const struct conf_field fields[] = {
	CONF_STR(struct loaded, smtpd_banner),
	CONF_BOOL(struct loaded, smtpd_helo_required),
	CONF_U32(struct loaded, smtpd_recipient_limit),
	CONF_U64(struct loaded, message_size_limit),
	CONF_USEC(struct loaded, smtpd_timeout),
};

static void test_load(void **state UNUSED)
{
	CLEANUP(conf_unrefp)
	struct conf *conf = must_read("smtpd_helo_required = Yes\n"
	                              "smtpd_banner = hello\n",
	    "smtp inet n - y - - smtpd -o smtpd_recipient_limit=3\n"
	    "  -osmtpd_timeout=1h -o message_size_limit=9000000000\n");
	struct loaded main_cf;
	struct loaded service;

	conf_load(conf, CONF_MAIN, fields, ARRAY_LEN(fields), &main_cf);
	conf_load(conf, 0, fields, ARRAY_LEN(fields), &service);
	assert_span_equal(main_cf.smtpd_banner, SPAN("hello"));
	assert_true(main_cf.smtpd_helo_required);
	assert_int_equal(main_cf.smtpd_recipient_limit, 1000);
	assert_int_equal(main_cf.smtpd_timeout, 300 * USEC_SEC);
	assert_int_equal(service.smtpd_recipient_limit, 3);
	assert_int_equal(service.smtpd_timeout, USEC_HOUR);
	assert_true(service.message_size_limit == 9000000000);
}

/* DIR stands for the directory. */
static const struct {
	const char *main_cf;
	const char *master_cf;
	const char *says;
} bad[] = {
	{ "\nfoo bar\n", "",
	    "main.cf, line 2: missing '=' after attribute name: \"foo bar\"" },
	{ "= bar\n", "", "main.cf, line 1: missing attribute name: \"= bar\"" },
	{ "\n\nsmtpd_timeout = 5x\n", "",
	    "main.cf, line 3: parameter smtpd_timeout: bad time value or "
	    "unit: 5x; "
	    "write a number with s, m, h, d or w behind it, at least 1s" },
	{ "smtpd_recipient_limit = 0\n", "",
	    "main.cf, line 1: invalid smtpd_recipient_limit parameter value "
	    "0 < 1; write a whole number, at least 1" },
	{ "smtpd_recipient_limit = -1\n", "",
	    "main.cf, line 1: invalid smtpd_recipient_limit parameter value "
	    "-1 < 1; write a whole number" },
	{ "smtpd_recipient_limit = 1k\n", "",
	    "main.cf, line 1: bad numerical configuration: "
	    "smtpd_recipient_limit = 1k; write a whole number" },
	/* Whether it acts or not. */
	{ "max_use = many\n", "",
	    "main.cf, line 1: bad numerical configuration: max_use = many" },
	{ "", "smtp inet n - y - - smtpd -o relayhost={a b} c\n",
	    "master.cf: line 1: unexpected command-line argument: c; a value "
	    "with blanks is written \"-o { name = value }\"" },
	{ "mydomain = .x\n", "",
	    "main.cf, line 1: parameter mydomain: bad parameter value: .x; "
	    "write the name of a domain" },
	{ "myhostname =\n", "",
	    "main.cf, line 1: bad string length 0 < 1: myhostname = ;" },
	{ "inet_protocols = ipv4, ipv5\n", "",
	    "main.cf, line 1: unknown inet_protocols value \"ipv5\" in "
	    "\"ipv4, ipv5\"; write some of: all ipv4 ipv6" },
	{ "allow_mail_to_commands = alias, none\n", "",
	    "main.cf, line 1: unknown allow_mail_to_commands value \"none\" in "
	    "\"alias, none\"; write some of: alias forward include" },
	{ "", "local unix - n n - - local\n  -o prepend_delivered_header=all\n",
	    "master.cf: line 1: unknown prepend_delivered_header value" },
	{ "mynetworks_style = host subnet\n", "",
	    "main.cf, line 1: bad mynetworks mask style value: host subnet; "
	    "specify exactly one value" },
	{ "compatibility_level = new\n", "",
	    "main.cf, line 1: malformed compatibility level" },
	{ "smtpd_timeout = 0\n", "",
	    "main.cf, line 1: invalid smtpd_timeout: 0 (min 1); write" },
	{ "bounce_queue_lifetime = 101d\n", "",
	    "main.cf, line 1: invalid bounce_queue_lifetime: 8726400 (max "
	    "8640000); write" },
	{ "smtpd_helo_required = maybe\n", "",
	    "main.cf, line 1: bad boolean configuration: "
	    "smtpd_helo_required = maybe; write yes or no" },
	{ "mail_owner =\n", "",
	    "main.cf, line 1: bad string length 0 < 1: mail_owner = ; write a "
	    "text "
	    "that is not empty" },
	{ "a = $b\nb = x $a\n", "", "refers to itself" },
	{ "myorigin = ${x\n", "",
	    "main.cf, line 1: myorigin: truncated macro reference" },
	{ "", "smtp inet n - y - - smtpd -o smtpd_timeout=x\n",
	    "master.cf: line 1: parameter smtpd_timeout: bad time value" },
	{ "", "smtp\n", "master.cf: line 1: missing \"transport type\" field" },
	{ "", "#\n\nsmtp tcp n - y - - smtpd\n",
	    "master.cf: line 3: bad transport type: tcp" },
	{ "", "[::1:25 inet n - y - - smtpd\n",
	    "master.cf: line 1: missing \"]\" in \"[::1:25\"; write" },
	{ "", "smtp inet - - y - - smtpd\n",
	    "master.cf: line 1: inet service cannot be private" },
	{ "", "smtp inet n x y - - smtpd\n",
	    "master.cf: line 1: field \"unprivileged\": bad value: \"x\"" },
	{ "", "smtp inet n - y z - smtpd\n",
	    "master.cf: line 1: field \"wakeup_time\": bad value: \"z\"" },
	{ "", "smtp inet n - y ? - smtpd\n",
	    "master.cf: line 1: field \"wakeup_time\": bad value: \"?\"" },
	{ "", "smtp inet n - y - -1 smtpd\n",
	    "master.cf: line 1: field \"max_proc\": bad value: \"-1\"" },
	{ "", "smtp inet n - y - -\n",
	    "master.cf: line 1: missing \"command\" field" },
	{ "", "smtp inet n - y - - -\n",
	    "master.cf: line 1: field \"command\" has no default value" },
	{ "", "smtp inet n - y - - smtpd -o\n",
	    "master.cf: line 1: option requires an argument" },
	{ "", "smtp inet n - y - - smtpd -o x\n",
	    "master.cf: line 1: invalid \"-o x\" option value: missing '=' "
	    "after attribute name" },
	{ "", "smtp inet n - y - - smtpd -o { x = y\n",
	    "master.cf: line 1: missing '}' in \"{ x = y\"" },
	{ "", "smtp inet n - y - - smtpd -o {x=y}z\n",
	    "master.cf: line 1: syntax error after '}' in \"{x=y}z\"" },
	{ "inet_interfaces = no.such.host.invalid\n", "",
	    "main.cf, line 1: inet_interfaces: host not found" },
};

static void test_bad(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_report report = CONF_REPORT_INIT;
		CLEANUP(report_free) struct conf_report *r UNUSED = &report;
		struct conf *conf =
		    read_both(bad[i].main_cf, bad[i].master_cf, &report);

		if (conf)
			fail_msg(
			    "accepted: %s%s", bad[i].main_cf, bad[i].master_cf);
		if (!strstr(buf_cstr(&report.error), bad[i].says))
			fail_msg("%s%s: says %s", bad[i].main_cf,
			    bad[i].master_cf, buf_cstr(&report.error));
	}
}

static const struct {
	const char *main_cf;
	const char *master_cf;
	const char *says; /* NULL: no note at all */
} noted[] = {
	{ "relayhost = a\nrelayhost = b\n", "",
	    "main.cf, line 2: overriding earlier entry: relayhost=a\n" },
	{ "relayhost = a\nrelayhost = a\n", "", NULL },
	{ " x = y\n", "", "logical line must not start with whitespace" },
	{ "nonsense = 1\n", "",
	    "main.cf, line 1: unused parameter: nonsense=1" },
	{ "a = 1\nrelayhost = $a\n", "", NULL },
	{ "mua = permit\n",
	    "s inet n - n - - smtpd -o smtpd_sender_restrictions=$mua\n",
	    NULL },
	{ "smtpd_restriction_classes = mine\nmine = reject\n", "", NULL },
	{ "slow_destination_rate_delay = 1s\n", "slow unix - - n - - smtp\n",
	    NULL },
	{ "smtpd_use_tls = no\nsmtpd_milters =\n", "", NULL },
	{ "enable_errors_to = yes\n", "",
	    "main.cf, line 1: enable_errors_to is not a parameter any more: "
	    "errors are returned to the envelope sender\n" },
	{ "smtpd_restriction_classes = mine\n"
	  "mine = check_relay_domains, reject_maps_rbl\n"
	  "smtpd_recipient_restrictions = mine, CHECK_RELAY_DOMAINS, "
	  "permit_mynetworks\n",
	    "",
	    "main.cf, line 2: support for restriction "
	    "\"check_relay_domains\" has been removed from Postfix; instead, "
	    "specify \"permit_mynetworks, reject_unauth_destination\"\n" },
	/* The parameters of a table in main.cf itself. */
	{ "virtual_maps = ldap:people, proxy:mysql:my\n"
	  "people_server_host = a\nmy_hosts = b\n",
	    "", NULL },
	{ "virtual_maps = ldap:people\nmy_hosts = b\n", "",
	    "main.cf, line 2: unused parameter: my_hosts=b\n" },
	{ "", "s pass - - n - - smtpd\n",
	    "master.cf: line 1: smtpd is not supported here: it listens on "
	    "services of type inet (s)\n" },
	{ "",
	    "a unix - - n - - local\nb unix - n n - - what\n"
	    "c unix - n n - - what argv=x\n",
	    "master.cf: line 2: what is not supported: this version has no "
	    "program of that name (b, c)\n" },
	{ "", "s unix - - n - - smtp\ns unix - - n - - lmtp\n",
	    "duplicate master.cf entry for service \"s\"" },
};

static void test_notes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(noted); i++) {
		struct conf_report report = CONF_REPORT_INIT;
		CLEANUP(report_free) struct conf_report *r UNUSED = &report;
		CLEANUP(conf_unrefp)
		struct conf *conf =
		    read_both(noted[i].main_cf, noted[i].master_cf, &report);

		if (!conf)
			fail_msg("%s", buf_cstr(&report.error));
		if (noted[i].says
		        ? !strstr(buf_cstr(&report.notes), noted[i].says)
		        : report.notes.len > 0)
			fail_msg("%s%s: notes: %s", noted[i].main_cf,
			    noted[i].master_cf, buf_cstr(&report.notes));
	}
}

/* A text parameter with that status; NULL if there is none any more. */
static const struct param *param_with(enum param_status status)
{
	size_t n;
	const struct param *all = params_all(&n);

	for (size_t i = 0; i < n; i++)
		if (all[i].status == status && all[i].kind == PARAM_STR)
			return &all[i];
	return NULL;
}

static size_t count_of(span text, const char *what)
{
	size_t n = 0;

	for (; text.len > 0; text = span_from(text, 1))
		n += span_has_prefix(text, span_str(what));
	return n;
}

/* Set in main.cf and in two services: told once, where it stands first. */
static void test_missing_parameter(void **state UNUSED)
{
	struct conf_report report = CONF_REPORT_INIT;
	CLEANUP(report_free) struct conf_report *r UNUSED = &report;
	const struct param *p = param_with(PARAM_MISSING);
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	char main_cf[256];
	char master_cf[512];
	char says[1024];

	if (!p)
		skip();
	(void)snprintf(main_cf, sizeof(main_cf), "\n%s = /x\n", p->name);
	(void)snprintf(master_cf, sizeof(master_cf),
	    "a inet n - n - - smtpd -o %s=/y\n"
	    "b inet n - n - - smtpd -o %s=/y\n",
	    p->name, p->name);
	(void)snprintf(says, sizeof(says),
	    "main.cf, line 2: %s is not supported: %s\n", p->name, p->note);
	conf = read_both(main_cf, master_cf, &report);
	assert_non_null(conf);
	assert_non_null(strstr(buf_cstr(&report.notes), says));
	assert_int_equal(count_of(buf_span(&report.notes), p->name), 1);
	assert_int_equal(report.remarks.len, 0);
}

/* What is without effect because it is not needed. */
static const struct {
	const char *main_cf;
	const char *master_cf;
	const char *says; /* all of it, DIR left out; NULL: nothing */
} remarked[] = {
	{ "", "smtp inet n - n - - smtpd\n", NULL },
	{ "max_use = 100\n", "", NULL },
	{ "mailq_path = /x\nmax_use = 5\nhtml_directory = no\n",
	    "smtp unix - - n - - smtp -o max_use=6\n",
	    "/main.cf: without effect here: html_directory, mailq_path (only "
	    "scripts that install packages read it)\n"
	    "/main.cf: without effect here: max_use (our processes serve "
	    "many clients each and stay)\n" },
	{ "virtual_maps = static:x\nfallback_relay = y\n", "",
	    "/main.cf: old names: fallback_relay (now smtp_fallback_relay), "
	    "virtual_maps (now virtual_alias_maps)\n" },
	{ "smtpd_helo_restrictions = reject_invalid_hostname,\n"
	  "  reject_invalid_hostname reject_unknown_hostname\n",
	    "",
	    "/main.cf: old names: reject_invalid_hostname (now "
	    "reject_invalid_helo_hostname), reject_unknown_hostname (now "
	    "reject_unknown_helo_hostname)\n" },
	{ "",
	    "qmgr fifo n - n 300 1 qmgr\na unix n - n 300 1 qmgr\n"
	    "b unix - - n - 0 anvil\n",
	    "/master.cf: no process of its own here: qmgr, anvil\n" },
	{ "", "s inet n - n - - smtpd -v\nt inet n - n - - smtpd -v -v\n",
	    "/master.cf: without effect here: -v (there is one level of "
	    "logging; record a session with tcpdump)\n" },
};

static void test_remarks(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(remarked); i++) {
		CLEANUP(buf_done) struct buf got = BUF_INIT(65536);
		struct conf_report report = CONF_REPORT_INIT;
		CLEANUP(report_free) struct conf_report *r UNUSED = &report;
		CLEANUP(conf_unrefp)
		struct conf *conf = read_both(
		    remarked[i].main_cf, remarked[i].master_cf, &report);
		span rest = buf_span(&report.remarks);

		if (!conf)
			fail_msg("%s", buf_cstr(&report.error));
		while (rest.len > 0) {
			assert_true(span_skip(&rest, span_str(dir)));
			buf_put(&got, span_cut(&rest, '\n'));
			buf_putc(&got, '\n');
		}
		if (strcmp(buf_cstr(&got),
		        remarked[i].says ? remarked[i].says : "") != 0)
			fail_msg("case %zu: remarks: %s", i, buf_cstr(&got));
	}
}

/* Old names act: the default of the new one refers to them. */
static void test_old_names(void **state UNUSED)
{
	size_t n;
	const struct param_old *old = params_old(&n);

	for (size_t i = 0; i < n; i++) {
		char main_cf[256];

		assert_null(param_find(span_str(old[i].name)));
		if (!old[i].now)
			continue;

		const struct param *now = param_find(span_str(old[i].now));
		const char *text;

		assert_non_null(now);
		text = now->kind == PARAM_BOOL ? "yes" : "7";
		(void)snprintf(
		    main_cf, sizeof(main_cf), "%s = %s\n", old[i].name, text);

		CLEANUP(conf_unrefp) struct conf *conf = must_read(main_cf, "");
		span value = conf_value(conf, CONF_MAIN, span_str(old[i].now));

		if (!span_has_prefix(value, span_str(text)))
			fail_msg("%s: %s = %.*s", old[i].name, old[i].now,
			    PRI(value));
	}
}

/* Every prefix, and every byte changed, is refused or harmless. */
static void test_decode_damaged(void **state UNUSED)
{
	CLEANUP(conf_unrefp)
	struct conf *conf = must_read("a = b\n", "s unix - - n - - pipe x\n");
	CLEANUP(buf_done) struct buf good = BUF_INIT(65536);

	conf_encode(conf, &good);
	for (size_t n = 0; n < good.len; n++) {
		struct conf *got = NULL;

		assert_int_equal(
		    conf_decode(span_first(buf_span(&good), n), &got),
		    CONF_BAD);
		good.data[n] ^= 0x55;
		if (conf_decode(buf_span(&good), &got) == CONF_OK)
			(void)conf_value(got, 0, SPAN("mydestination"));
		conf_unref(&got);
		good.data[n] ^= 0x55;
	}
}

static void test_missing_files(void **state UNUSED)
{
	struct conf_report report = CONF_REPORT_INIT;
	CLEANUP(report_free) struct conf_report *r UNUSED = &report;
	struct conf *conf = NULL;

	assert_int_equal(conf_read("/nonexistent", &report, &conf), CONF_BAD);
	assert_string_equal(buf_cstr(&report.error),
	    "open /nonexistent/main.cf: No such file or directory");
}

/* The networks follow the style; addresses of this machine vary. */
static void test_networks(void **state UNUSED)
{
	CLEANUP(conf_unrefp)
	struct conf *host = must_read("inet_interfaces = 127.0.0.1\n"
	                              "mynetworks_style = host\n",
	    "");
	CLEANUP(conf_unrefp)
	struct conf *subnet = must_read("inet_interfaces = 127.0.0.1\n"
	                                "inet_protocols = ipv4\n"
	                                "mynetworks_style = subnet\n",
	    "");
	CLEANUP(conf_unrefp)
	struct conf *class = must_read("inet_interfaces = [127.0.0.1]\n"
	                               "mynetworks_style = class\n",
	    "");
	uint32_t n;

	check_value(host, CONF_MAIN, "mynetworks", "127.0.0.1/32");
	check_value(subnet, CONF_MAIN, "mynetworks", "127.0.0.0/8");
	check_value(class, CONF_MAIN, "mynetworks", "127.0.0.0/8");
	assert_int_equal(conf_addresses(subnet, &n)->family, 4);
	assert_int_equal(n, 1);
	assert_false(conf_has_family(subnet, 6));
	assert_true(conf_has_family(host, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_own_domain),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_negative),
		cmocka_unit_test(test_transport_values),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_missing_parameter),
		cmocka_unit_test(test_remarks),
		cmocka_unit_test(test_old_names),
		cmocka_unit_test(test_decode_damaged),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
