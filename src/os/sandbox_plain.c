/* SPDX-License-Identifier: ISC */
#include "os/sandbox_internal.h"

void sandbox_last_orders(void)
{
}
