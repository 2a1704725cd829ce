/* SPDX-License-Identifier: ISC */
/*
 * test/lib/nosleep.c - for LD_PRELOAD: Postfix's commands sleep for a second
 * before they end with an error, which makes a thousand of them slow to watch.
 */
#include <unistd.h>

unsigned sleep(unsigned seconds)
{
	(void)seconds;
	return 0;
}
