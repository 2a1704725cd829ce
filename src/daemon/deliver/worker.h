/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/worker.h - the process that is one recipient and writes his
 * mailboxes.
 *
 * It blocks. It is started as the recipient already, and reaches nothing but
 * its two lines and the mail directory.
 */
#pragma once

#include "base/base.h"

/* The whole life; the result is for main() to return. */
int worker_main(void);
