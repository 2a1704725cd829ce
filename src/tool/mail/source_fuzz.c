/* SPDX-License-Identifier: ISC */
/*
 * Any start-up file is read to its end or to its first error; afterwards the
 * state is one that can be used and taken down. Nothing is started, no file
 * is touched.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool/mail/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Commands print; nobody wants to see it. */
static void be_quiet(void)
{
	static bool done;
	int null;

	if (done)
		return;
	done = true;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0)
		(void)dup2(null, 1);
	(void)close(null);
	(void)clearenv();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mua m;

	if (size < 1 || size > 65536)
		return 0;
	be_quiet();
	mua_init(&m);
	m.no_sendmail = true;
	m.is_loading = data[0] & 1;
	m.is_reading = data[0] & 2;
	(void)source_text(&m, span_of(data + 1, size - 1));
	if (source_is_active(&m))
		bug("a script has not ended");
	source_free(&m);
	mua_done(&m);
	return 0;
}
