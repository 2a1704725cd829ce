/* SPDX-License-Identifier: ISC */
#include "conf/networks.h"

#include "conf/conf_internal.h"

/* Whether there are such interfaces. */
static bool set(struct conf *conf, span interfaces)
{
	CLEANUP(conf_report_done) struct conf_report report = CONF_REPORT_INIT;

	(void)conf_set(conf, SPAN("inet_interfaces"), interfaces, 0);
	return conf_put_facts(conf, &report);
}

int conf_networks(span interfaces, span protocols, span style, struct buf *out,
    struct buf *error)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new(SPAN(""));
	span word;

	(void)conf_set(conf, SPAN("inet_protocols"), protocols, 0);
	(void)conf_set(conf, SPAN("mynetworks_style"), style, 0);
	if (set(conf, interfaces)) {
		conf_put_networks(conf, CONF_MAIN, out);
		return CONF_OK;
	}
	while ((word = span_word(&interfaces, ", \t\r\n")).len > 0) {
		CLEANUP(conf_unrefp) struct conf *one = conf_new(SPAN(""));

		(void)conf_set(one, SPAN("inet_protocols"), protocols, 0);
		if (!set(one, word)) {
			buf_put(error, word);
			break;
		}
	}
	return CONF_BAD;
}
