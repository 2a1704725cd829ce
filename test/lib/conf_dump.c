/* SPDX-License-Identifier: ISC */
/*
 * test/lib/conf_dump.c - the snapshot of a configuration, as master hands it
 * to the others: conf-dump DIR >snapshot. For tests that play master.
 */
#include <stdio.h>

#include "conf/conf.h"

int main(int argc, char **argv)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf out = BUF_INIT(16 * 1024 * 1024);
	struct conf *conf = NULL;
	bool ok;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: conf-dump directory\n");
		return 64;
	}
	if (conf_read(argv[1], &report, &conf) != CONF_OK) {
		(void)fprintf(stderr, "%.*s\n", PRI(buf_span(&report.error)));
		conf_report_done(&report);
		return 1;
	}
	conf_encode(conf, &out);
	ok = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len &&
	    fflush(stdout) == 0;
	buf_done(&out);
	conf_unref(&conf);
	conf_report_done(&report);
	return ok ? 0 : 1;
}
