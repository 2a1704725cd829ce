/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/version.h - the mailx whose behaviour is kept.
 */
#pragma once

#define MAIL_LIKE "12.5 7/5/10"
