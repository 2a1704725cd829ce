/* SPDX-License-Identifier: ISC */
#include "base/hmap.h"

#include "test/lib/unit.h"

int main(void)
{
	return 0;
}
