/* SPDX-License-Identifier: ISC */
/*
 * tool/postfix_settings.h - "postfix set-permissions name=value ...": where
 * and whose the mail system is, from now on.
 */
#pragma once

#include "conf/conf.h"

enum settings_result {
	SETTINGS_SAME,    /* there are none, or they are so already */
	SETTINGS_WRITTEN, /* main.cf is a new one: read it again */
	SETTINGS_BAD,     /* `error` says why */
};

/*
 * `args` ends with NULL. What is wrong with one is found before anything is
 * written.
 */
MUST_USE int settings_write(
    struct conf *conf, const char *dir, char **args, struct buf *error);
