/* SPDX-License-Identifier: ISC */
/*
 * conf/files_fuzz.c - main.cf and master.cf, separated by a line "---". What
 * is accepted must give typed values, and come back from its serialized form
 * with the same values.
 */
#include "conf/conf_internal.h"

static const span line = SPAN_INIT("---\n");

static span cut_file(span *rest)
{
	for (size_t i = 0; i + line.len <= rest->len; i++) {
		if (span_has_prefix(span_from(*rest, i), line)) {
			span file = span_first(*rest, i);

			*rest = span_from(*rest, i + line.len);
			return file;
		}
	}

	span file = *rest;

	*rest = SPAN("");
	return file;
}

static void compare(struct conf *a, struct conf *b)
{
	size_t n;
	const struct param *all = params_all(&n);

	for (size_t i = 0; i < n; i++) {
		span name = span_str(all[i].name);
		uint32_t service = conf_services(a) ? 0 : CONF_MAIN;

		if (!span_eq(conf_value(a, service, name),
		        conf_value(b, service, name)))
			bug("%s differs", all[i].name);
	}
}

static void check_accepted(struct conf *conf, struct conf_report *report)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(CONF_FILE_MAX);
	CLEANUP(conf_unrefp) struct conf *copy = NULL;

	for (uint32_t i = 0; i < conf_services(conf); i++)
		(void)conf_duration(conf, i, SPAN("smtpd_timeout"));
	conf_note(conf, report);
	conf_encode(conf, &bytes);
	if (conf_decode(buf_span(&bytes), &copy) != CONF_OK)
		bug("does not decode");
	compare(conf, copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new(SPAN("/etc/x"));
	struct conf_report report = CONF_REPORT_INIT;
	span rest = span_of(data, size);
	span main_cf = cut_file(&rest);

	conf->hostname = SPAN("host.example");
	if (conf_put_main(conf, main_cf, &report) &&
	    conf_put_master(conf, rest, &report) && conf_check(conf, &report))
		check_accepted(conf, &report);
	else if (report.error.len == 0)
		bug("refused without a reason");
	conf_report_done(&report);
	return 0;
}
