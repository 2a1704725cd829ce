/* SPDX-License-Identifier: ISC */
#include "base/heap.h"

#include "test/lib/unit.h"

int main(void)
{
	return 0;
}
