/* SPDX-License-Identifier: ISC */
/* conf/codec_fuzz.c - a hostile snapshot: what decodes must be usable. */
#include "conf/conf_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	uint32_t n;

	if (conf_decode(span_of(data, size), &conf) != CONF_OK)
		return 0;
	for (uint32_t i = 0; i < conf_services(conf); i++) {
		const struct conf_service *s = conf_service(conf, i);

		(void)conf_value(conf, i, SPAN("mydestination"));
		(void)conf_transport(conf, s->name);
	}
	(void)conf_value(conf, CONF_MAIN, SPAN("mynetworks"));
	(void)conf_addresses(conf, &n);
	return 0;
}
