/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include "test/lib/unit.h"

int main(void)
{
	return 0;
}
