/* SPDX-License-Identifier: ISC */
/*
 * test/lib/policy.h - policies from configuration texts, for tests.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/words.h"
#include "daemon/rules/policy.h"
#include "test/lib/unit.h"

/* The configuration that Postfix had when the tables were made. */
#define RULES_TEST_MAIN_CF \
	"compatibility_level = 3.6\n" \
	"myhostname = mx.example.com\n" \
	"mydomain = example.com\n" \
	"myorigin = $mydomain\n" \
	"mydestination = $myhostname, localhost.$mydomain, localhost,\n" \
	"    $mydomain, list.example\n" \
	"inet_interfaces = 127.0.0.1\n" \
	"proxy_interfaces = 192.0.2.10\n" \
	"mynetworks = 127.0.0.1/32 !10.2.3.4 10.1.0.0/16, 10.2.0.0/16\n" \
	"    [2001:db8::]/32 [2001:db9::1] friend.example.net\n" \
	"    .friends.example\n" \
	"relay_domains = relay.example, .dotrelay.example\n" \
	"virtual_alias_domains = alias.example\n" \
	"virtual_mailbox_domains = vmail.example\n" \
	"recipient_delimiter = +\n" \
	"local_recipient_maps = unix:passwd.byname\n" \
	"alias_maps =\n" \
	"smtpd_restriction_classes = strict, nested\n" \
	"strict = reject_non_fqdn_sender, reject_non_fqdn_recipient\n" \
	"nested = strict\n"

/* Warnings end up here. */
struct test_world {
	struct world world;
	struct buf warnings;
	struct map_host host;
	struct tables tables;
};

static inline int test_has_user(void *ctx UNUSED, span name)
{
	static const span users[] = { SPAN_INIT("root"), SPAN_INIT("news"),
		SPAN_INIT("mail"), SPAN_INIT("daemon") };

	if (span_eq(name, SPAN("broken")))
		return -EIO;
	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		if (span_eq(name, users[i]))
			return 1;
	return 0;
}

static inline void test_warn(void *ctx, span text)
{
	struct test_world *w = ctx;

	buf_put(&w->warnings, text);
	buf_putc(&w->warnings, '\n');
}

static inline span test_no_param(void *ctx UNUSED, span name UNUSED)
{
	return SPAN_NONE;
}

static inline void test_world_init(struct test_world *w)
{
	w->host = (struct map_host){
		.ctx = w, .warn = test_warn, .param = test_no_param
	};
	tables_init(&w->tables, &w->host);
	w->world = (struct world){
		.ctx = w,
		.has_user = test_has_user,
		.warn = test_warn,
		.tables = &w->tables,
	};
	buf_init(&w->warnings, 1 << 20);
}

static inline void test_world_done(struct test_world *w)
{
	tables_done(&w->tables);
	buf_done(&w->warnings);
}

static inline void test_write_file(const char *dir, const char *name, span text)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.ptr, text.len), text.len);
	(void)close(fd);
}

/* main.cf, with more lines behind it, and one service with -o overrides. */
static inline struct conf *test_conf(span main_more, span overrides)
{
	char dir[] = "/tmp/rules-test-XXXXXX";
	struct conf_report report = CONF_REPORT_INIT;
	struct conf *conf = NULL;
	struct buf main_cf = BUF_INIT(65536);
	struct buf master_cf = BUF_INIT(65536);
	char path[64];

	assert_non_null(mkdtemp(dir));
	buf_put(&main_cf, SPAN(RULES_TEST_MAIN_CF));
	buf_put(&main_cf, main_more);
	buf_put(&master_cf, SPAN("smtp inet n - n - - smtpd\n"));
	buf_put(&master_cf, overrides);
	test_write_file(dir, "main.cf", buf_span(&main_cf));
	test_write_file(dir, "master.cf", buf_span(&master_cf));
	if (conf_read(dir, &report, &conf) != CONF_OK)
		fail_msg("%s", buf_cstr(&report.error));
	(void)snprintf(path, sizeof(path), "%s/main.cf", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/master.cf", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	conf_report_done(&report);
	buf_done(&main_cf);
	buf_done(&master_cf);
	return conf;
}

static inline int test_read_file(span path, struct buf *out)
{
	if (!span_eq(path, SPAN("/networks")))
		return -ENOENT;
	buf_put(out, SPAN("# comment\n10.0.0.0/8, 192.0.2.1\n!10.1.1.1\n"));
	return 0;
}

/* The spans of the policy live as long as the conf. */
static inline struct policy *test_policy(
    struct conf *conf, struct test_world *w)
{
	struct class_text classes[8];
	struct network own = {
		.family = 4, .prefix = 32, .bytes = { 127, 0, 0, 1 }
	};
	struct policy_source source = {
		.classes = classes,
		.own = &own,
		.nown = 1,
		.relay_is_preset =
		    !conf_set_value(conf, 0, SPAN("smtpd_relay_restrictions"))
		         .ptr,
	};
	span list;
	span name;

	settings_load(conf, 0, &source.settings);
	settings_load(conf, CONF_MAIN, &source.routing);
	list = source.settings.smtpd_restriction_classes;
	while ((name = words_next(&list)).len &&
	    source.nclasses < ARRAY_LEN(classes)) {
		classes[source.nclasses].name = name;
		classes[source.nclasses++].value = conf_value(conf, 0, name);
	}
	return policy_new(&source, test_read_file, &w->world);
}

/* A policy and the memory for answers. */
struct bench {
	struct conf *conf;
	struct policy *p;
	struct test_world w;
	struct arena a;
};

static inline void bench_init(struct bench *b, const char *main_cf)
{
	test_world_init(&b->w);
	arena_init(&b->a, 1 << 20);
	b->conf = test_conf(span_str(main_cf), SPAN_NONE);
	b->p = test_policy(b->conf, &b->w);
}

static inline void bench_done(struct bench *b)
{
	policy_free(&b->p);
	conf_unref(&b->conf);
	arena_done(&b->a);
	test_world_done(&b->w);
}

static inline bool warned(const struct bench *b, const char *text)
{
	return b->w.warnings.len &&
	    memmem(b->w.warnings.data, b->w.warnings.len, text, strlen(text));
}
