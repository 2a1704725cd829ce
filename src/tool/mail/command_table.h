/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/command_table.h - all commands, in the order in which their
 * abbreviations are looked for.
 */
#pragma once

#include "tool/mail/commands.h"

extern const struct command command_table[];
extern const size_t command_table_count;
