/* SPDX-License-Identifier: ISC */
/*
 * conf/setting.h - "name = value", in main.cf and behind -o.
 */
#pragma once

#include "base/span.h"

/* NULL, or what is wrong. Both spans point into `line`, without blanks. */
const char *conf_split_setting(span line, span *ret_name, span *ret_value);
