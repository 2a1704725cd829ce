/* SPDX-License-Identifier: ISC */
/* An envelope that was decoded encodes to the bytes it came from. */
#include "mail/envelope.h"
#include "mail/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_envelope(span bytes)
{
	struct wire w = wire_from(bytes);
	struct buf again = BUF_INIT(64 << 20);
	struct envelope e;
	struct arena a;

	arena_init(&a, 16 << 20);
	if (envelope_get(&w, &a, &e)) {
		envelope_put(&again, &e);
		if (!span_eq(buf_span(&again),
		        span_first(bytes, bytes.len - w.rest.len)))
			bug("envelope: not the same bytes");
	}
	arena_done(&a);
	buf_done(&again);
}

static void check_verdict(span bytes)
{
	struct wire w = wire_from(bytes);
	struct buf again = BUF_INIT(64 << 20);
	struct verdict v;

	if (verdict_get(&w, &v)) {
		verdict_put(&again, &v);
		if (!span_eq(buf_span(&again),
		        span_first(bytes, bytes.len - w.rest.len)))
			bug("verdict: not the same bytes");
	}
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_envelope(span_of(data, size));
	check_verdict(span_of(data, size));
	return 0;
}
