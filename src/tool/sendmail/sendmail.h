/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/sendmail.h - what the parts of sendmail(1) share.
 *
 * main.c reads the command line; enqueue.c takes a message; run.c starts the
 * programs behind the other names and options; alone.c speaks SMTP, and
 * dialogue.c speaks it to the mail system.
 */
#pragma once

#include "conf/personality.h"
#include "tool/submit.h"

enum mode {
	MODE_ENQUEUE,
	MODE_NEWALIASES,
	MODE_MAILQ,
	MODE_DAEMON,
	MODE_ALONE, /* -bs */
	MODE_FLUSH,
	MODE_IGNORE,
};

/* Bits of the attribute trace_flags. */
enum { TRACE_VERIFY = 512, TRACE_RECORD = 1024 };

struct sendmail {
	struct voice voice;
	const char *dir; /* of the configuration */
	struct conf *conf;
	struct submit_settings settings;
	enum mode mode;
	bool foreground; /* -bD: the daemon stays in front */
	unsigned verbose;
	/* the message */
	bool dot_is_text; /* -i */
	bool extract;     /* -t */
	uint32_t trace;   /* TRACE_* */
	bool remote;      /* -G */
	bool smtputf8;    /* -O smtputf8=yes */
	bool talk;        /* -v as sendmail means it: see dialogue.h */
	const char *sender;
	const char *full_name;
	const char *encoding;
	const char *envid;
	uint32_t notify;   /* enum rcpt_notify */
	uint32_t ret;      /* 1: full, 2: headers; 0: not said */
	span verp;         /* delimiters; empty: none */
	char **recipients; /* NULL at the end */
	/* other commands */
	const char *interval; /* of -q */
	const char *site;     /* -qR */
	const char *queue_id; /* -qI */
	const char *aliases;  /* -oA */
};

/*
 * Say why, and give the exit code: it is always the same one, because
 * Postfix, whatever it means to return, ends with EX_TEMPFAIL.
 */
PRINTF_LIKE(2, 3)
int sendmail_fail(struct sendmail *s, const char *format, ...);

/*
 * The exit code after a command line that is wrong, which was said: sendmail's
 * own if the personality is sendmail's.
 */
int sendmail_misuse(struct sendmail *s);

/* Whose words and codes; EX_OK, or the exit code of a wrong parameter. */
int sendmail_personality(struct sendmail *s, enum personality *ret);

/* authorized_submit_users: 0, or the exit code. */
int sendmail_check_user(struct sendmail *s);

/* Each returns the exit code. */
int sendmail_enqueue(struct sendmail *s);
int sendmail_alone(struct sendmail *s);
int sendmail_run_postqueue(
    struct sendmail *s, const char *option, const char *argument);
int sendmail_run_start(struct sendmail *s);
int sendmail_run_mailq(struct sendmail *s);
int sendmail_run_postalias(struct sendmail *s);
