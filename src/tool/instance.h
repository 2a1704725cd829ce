/* SPDX-License-Identifier: ISC */
/*
 * tool/instance.h - a mail system of one's own below one directory.
 */
#pragma once

#include "base/base.h"

enum { INSTANCE_PORT_BASE = 2500, INSTANCE_PORT_MAX = 65535 - 87 };

/*
 * Write DIR/etc (main.cf, master.cf), DIR/mail and DIR/log; what is there is
 * left alone. Says on stdout what was done and how to use it, on stderr what
 * went wrong. Returns an exit code of sysexits.h.
 */
int instance_make(const char *dir, unsigned port_base);
