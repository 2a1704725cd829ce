/* SPDX-License-Identifier: ISC */
/* First byte: the type asked for; then the packet. */
#include "dns/packet.h"

#include <assert.h>

static const enum dns_type types[] = { DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_MX,
	DNS_TYPE_PTR, DNS_TYPE_TXT };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct dns_answer answer;
	uint32_t seen = 0;

	if (!size)
		return 0;
	arena_init(&a, 256 * 1024);
	if (dns_packet_parse(span_of(data + 1, size - 1), SPAN("x.example"),
	        types[data[0] % ARRAY_LEN(types)], &a, &answer)) {
		assert((answer.status == DNS_OK) == (answer.nrecords > 0));
		assert(answer.nrecords <= DNS_RECORDS_MAX);
		for (uint32_t i = 0; i < answer.nrecords; i++)
			for (size_t n = 0; n < answer.records[i].data.len; n++)
				seen += answer.records[i].data.ptr[n] != 0;
	}
	arena_done(&a);
	return seen == UINT32_MAX;
}
