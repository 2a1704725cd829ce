/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/opts.h - the command line of mail(1), for each of its manners.
 *
 * Options may stand behind addresses, too. Nothing is looked at but the words
 * themselves: whether "-a X" names a file is for main.c to find out.
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/mua.h"

struct opts_list {
	const char **all;
	size_t count;
};

struct opts {
	const char *name; /* what we were called, without folders */
	enum manner manner;

	bool show_version;
	bool show_help;
	bool send;         /* an option was given that only sending knows */
	bool force_send;   /* -. */
	bool from_text;    /* -t */
	bool by_name;      /* -F: recorded in a file named after the first */
	bool headers_only; /* -H */
	bool exists_only;  /* -e */
	bool no_banner;    /* -N */
	bool no_system_rc; /* -n */
	bool read_only;    /* -R */
	bool tilde;        /* -~ */
	bool line_wise;    /* -B */
	bool print_all;    /* -p of GNU: type everything, leave */
	bool newsgroups;   /* -I of Heirloom */
	bool quotes;       /* -q, perhaps without a file */
	bool reads_file;   /* -f */

	const char *file;    /* -f: NULL is "&" */
	const char *user;    /* -u */
	const char *account; /* -A */
	const char *from;    /* -r */
	const char *subject; /* -s */
	const char *quote;   /* -q, -m: a file in front of the text */
	const char *spec;    /* -L: a message list */
	const char *rc;      /* -: which start-up files */

	struct opts_list to;
	struct opts_list cc;
	struct opts_list bcc;
	struct opts_list
	    attach; /* -a: files; in MANNER_HEIRLOOM perhaps fields */
	struct opts_list fields;   /* "Name: value" */
	struct opts_list targets;  /* -T "cc: address" */
	struct opts_list settings; /* "name=value", "noname", in order */
	struct opts_list mta;      /* arguments for sendmail */
	struct opts_list before;   /* -X: commands */
	struct opts_list after;    /* -Y */

	char error[256]; /* without our name */
};

enum opts_result {
	OPTS_OK,
	OPTS_WRONG,   /* say opts->error, then the usage */
	OPTS_REFUSED, /* say opts->error only */
};

/* How the program behaves by the name it is called with; `wish` is the value
 * of mail_personality or NULL, and counts more. */
enum manner opts_manner(const char *name, const char *wish);
/*
 * Lists are in the arena, words are those of argv. `name` and `manner` are
 * the caller's, the rest is zero.
 */
MUST_USE enum opts_result opts_parse(
    struct opts *o, int argc, char *const *argv, struct arena *a);
/* What stands behind "illegal option" and -h; with line ends. */
void opts_usage(const struct opts *o, struct buf *out);
/* The exit code of a wrong command line. */
int opts_wrong_code(const struct opts *o);
