/* SPDX-License-Identifier: ISC */
#include "conf/networks.h"

#include "conf/conf_internal.h"

int conf_networks(span interfaces, span protocols, span style, struct buf *out,
    struct buf *error)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new(SPAN(""));
	CLEANUP(conf_report_done) struct conf_report report = CONF_REPORT_INIT;

	(void)conf_set(conf, SPAN("inet_interfaces"), interfaces, 0);
	(void)conf_set(conf, SPAN("inet_protocols"), protocols, 0);
	(void)conf_set(conf, SPAN("mynetworks_style"), style, 0);
	if (!conf_put_facts(conf, &report)) {
		buf_put(error, buf_span(&report.error));
		return CONF_BAD;
	}
	conf_put_networks(conf, CONF_MAIN, out);
	return CONF_OK;
}
