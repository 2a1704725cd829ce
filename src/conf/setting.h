/* SPDX-License-Identifier: ISC */
/*
 * conf/setting.h - "name = value": in main.cf, behind -o, and in the files of
 * tables.
 */
#pragma once

#include "base/span.h"

/* NULL, or what is wrong. Both spans point into `line`, without blanks. */
const char *conf_split_setting(span line, span *ret_name, span *ret_value);
