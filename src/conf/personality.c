/* SPDX-License-Identifier: ISC */
#include "conf/personality.h"

#include "conf/special.h"

bool personality_read(
    struct conf *conf, enum personality *ret, struct buf *error)
{
	const span name = SPAN("sendmail_personality");
	span value = span_trim(conf_value(conf, CONF_MAIN, name));

	if (!special_check(name, value, error))
		return false;
	*ret = span_eq_nocase(value, SPAN("sendmail")) ? PERSONALITY_SENDMAIL
	                                               : PERSONALITY_POSTFIX;
	return true;
}
