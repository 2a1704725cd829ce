/* SPDX-License-Identifier: ISC */
/*
 * conf/read.c - a snapshot from the files of a directory.
 */
#include "conf/conf_internal.h"

#include <sys/stat.h>

#include "os/file.h"

static bool read_part(const char *dir, const char *name, struct buf *out,
    struct conf_report *report)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	int r;

	buf_printf(&path, "%s/%s", dir, name);
	r = file_read_named(buf_span(&path), out);
	if (r < 0)
		buf_printf(
		    &report->error, "open %s/%s: %s", dir, name, strerror(-r));
	return r == 0;
}

static bool read_into(
    struct conf *conf, const char *dir, struct conf_report *report)
{
	CLEANUP(buf_done) struct buf main_cf = BUF_INIT(CONF_FILE_MAX);
	CLEANUP(buf_done) struct buf master_cf = BUF_INIT(CONF_FILE_MAX);

	return read_part(dir, "main.cf", &main_cf, report) &&
	    read_part(dir, "master.cf", &master_cf, report) &&
	    conf_put_main(conf, buf_span(&main_cf), report) &&
	    conf_put_facts(conf, report) &&
	    conf_put_master(conf, buf_span(&master_cf), report);
}

int conf_read_unchecked(
    const char *dir, struct conf_report *report, struct conf **ret)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new(span_str(dir));

	if (!read_into(conf, dir, report))
		return CONF_BAD;
	*ret = STEAL(conf);
	return CONF_OK;
}

int conf_read_main(
    const char *dir, struct conf_report *report, struct conf **ret)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new(span_str(dir));
	CLEANUP(buf_done) struct buf main_cf = BUF_INIT(CONF_FILE_MAX);

	if (!read_part(dir, "main.cf", &main_cf, report) ||
	    !conf_put_main(conf, buf_span(&main_cf), report))
		return CONF_BAD;
	conf_put_hostname(conf);
	*ret = STEAL(conf);
	return CONF_OK;
}

int conf_read(const char *dir, struct conf_report *report, struct conf **ret)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	int r = conf_read_unchecked(dir, report, &conf);

	if (r != CONF_OK || !conf_check(conf, report))
		return CONF_BAD;
	conf_note(conf, report);
	*ret = STEAL(conf);
	return CONF_OK;
}

const char *conf_default_dir(const char *option)
{
	const char *environment = secure_getenv("MAIL_CONFIG");

	if (option)
		return option;
	if (environment && environment[0])
		return environment;
	return conf_preset_dir();
}

const char *conf_preset_dir(void)
{
	struct stat st;

	if (stat("/etc/chasqui/main.cf", &st) < 0 &&
	    stat("/etc/postfix/main.cf", &st) == 0)
		return "/etc/postfix";
	return "/etc/chasqui";
}
