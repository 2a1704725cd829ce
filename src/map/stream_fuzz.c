/* SPDX-License-Identifier: ISC */
/*
 * The first byte says what reads, the second the limit; the rest is what the
 * server sends before it hangs up.
 */
#include "map/stream.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_something(
    struct stream *s, unsigned what, size_t max, span *ret)
{
	if (what % 3 == 0)
		return stream_read_line(s, max, ret);
	if (what % 3 == 1)
		return stream_read_netstring(s, max, ret);
	return stream_read_bytes(s, max, ret);
}

/* The bytes lie in the socket before anybody reads. */
static bool connect_to(struct stream *s, span says)
{
	int ends[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		return false;
	n = send(ends[1], says.ptr, says.len, MSG_NOSIGNAL);
	close(ends[1]);
	stream_attach(s, ends[0]);
	s->deadline = clock_monotonic() + USEC_SEC;
	return n == (ssize_t)says.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf reason = BUF_INIT(100);
	struct stream *s;
	size_t max;
	span got;

	if (size < 2 || size > 16384)
		return 0;
	max = (size_t)data[1] + 1;
	s = stream_new(SPAN("unix:/nonexistent"), &reason);
	if (s && connect_to(s, span_of(data + 2, size - 2))) {
		unsigned what = data[0];

		while (read_something(s, what, max, &got) == 0) {
			assert(got.len <= max);
			what = what / 3 + 1;
		}
	}
	stream_unref(&s);
	buf_done(&reason);
	return 0;
}
