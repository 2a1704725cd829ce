/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include "test/lib/unit.h"

int main(void)
{
	return 0;
}
