/* SPDX-License-Identifier: ISC */
#include "base/wire.h"

#include "test/lib/unit.h"

int main(void)
{
	return 0;
}
