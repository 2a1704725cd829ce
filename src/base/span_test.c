/* SPDX-License-Identifier: ISC */
#include "base/span.h"

#include "test/lib/unit.h"

int main(void)
{
	return 0;
}
