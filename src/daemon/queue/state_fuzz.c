/* SPDX-License-Identifier: ISC */
/* daemon/queue/state_fuzz.c - what a damaged spool may hand us. */
#include "daemon/queue/roster.h"
#include "store/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span in = span_of(data, size);
	struct buf out = BUF_INIT(1 << 24);
	struct roster_digest d;
	struct roster_state_digest sd;
	struct state s;
	struct arena a;

	arena_init(&a, 1 << 24);
	if (state_get(in, &a, &s)) {
		state_put(&out, &s);
		if (!span_eq(buf_span(&out), in))
			bug("a state does not return what it took");
	}
	if (roster_digest_get(in, &d) && d.domain.len > 255)
		bug("a domain that does not fit");
	if (roster_state_digest_get(in, &sd) && in.len != 9)
		bug("a state digest of another length");
	arena_done(&a);
	buf_done(&out);
	return 0;
}
