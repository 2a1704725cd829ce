/* SPDX-License-Identifier: ISC */
/*
 * conf/personality.h - whose words mailq, newaliases and sendmail use, and
 * whose exit codes they have.
 */
#pragma once

#include "conf/conf.h"

enum personality {
	PERSONALITY_POSTFIX,
	PERSONALITY_SENDMAIL,
};

/*
 * sendmail_personality, also of a configuration that nobody has checked.
 * False: `error` says what is wrong with it.
 */
MUST_USE bool personality_read(
    struct conf *conf, enum personality *ret, struct buf *error);
