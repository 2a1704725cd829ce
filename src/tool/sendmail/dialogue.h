/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/dialogue.h - "sendmail -v" with sendmail's personality: the
 * message goes to the mail system by SMTP, and its sender looks on.
 */
#pragma once

#include "tool/sendmail/held.h"

/*
 * Bring the message to the mail system and show how. done[i] becomes true for
 * each recipient that it has taken responsibility for; whatever goes wrong,
 * the others remain to be done. Their array has room for all recipients.
 */
void dialogue(struct sendmail *s, struct held *h, bool *done);
