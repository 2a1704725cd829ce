/* SPDX-License-Identifier: ISC */
/*
 * tool/submit.h - what sendmail and postdrop have in common: how they begin,
 * and the parameters that they read.
 */
#pragma once

#include "base/buf.h"
#include "tool/voice.h"

struct submit_settings {
	span queue_directory;
	uint64_t message_size_limit;
	uint64_t line_length_limit;
	uint64_t header_size_limit;
	span authorized_submit_users;
	span local_login_sender_maps;
};

/* Descriptors 0, 1 and 2 are open, whatever we were started with; false:
 * they cannot be. */
MUST_USE bool submit_open_stdio(void);

/*
 * The directory whose main.cf is read: `option`, $MAIL_CONFIG, or the usual
 * one. Where we have rights that our caller has not, or `untrusted` says that
 * others decided, another directory than the usual one must be listed in the
 * usual one's main.cf. NULL: it is not, which was said.
 */
const char *submit_dir(struct voice *v, const char *option, bool untrusted);

/* Read main.cf; false: it was said why not. */
MUST_USE bool submit_read(struct voice *v, const char *dir, struct conf **ret);
MUST_USE bool submit_settings(
    struct voice *v, struct conf *conf, struct submit_settings *ret);
/* A number of main.cf, which nobody has checked; false: it was said. */
MUST_USE bool submit_number(
    struct voice *v, struct conf *conf, const char *name, uint64_t *ret);
/* Likewise "yes" or "no". */
MUST_USE bool submit_bool(
    struct voice *v, struct conf *conf, const char *name, bool *ret);

enum submit_user {
	SUBMIT_USER_OK,
	SUBMIT_USER_NO,
	SUBMIT_USER_ASK, /* a table has to be asked: not here */
	SUBMIT_USER_BAD, /* it was said what is wrong */
};

/*
 * Whether authorized_submit_users has the user of this uid. `ret_name` is
 * his name, or "unknown"; it has room for 256 bytes.
 */
enum submit_user submit_may(
    struct voice *v, span list, uid_t uid, char ret_name[256]);
