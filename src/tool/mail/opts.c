/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/opts.c - see opts.h.
 *
 * One table for the three manners: a row says in which of them it counts and
 * where its argument goes. The texts of errors are those that scripts have
 * seen from the programs whose manners these are.
 */
#include "tool/mail/opts.h"

#include <stdio.h>

enum opt_does {
	DOES_FLAG,  /* a bool is set */
	DOES_TEXT,  /* the argument is kept, the last one counts */
	DOES_LIST,  /* the argument is added */
	DOES_SET,   /* as -S, with what the row says */
	DOES_QUOTE, /* the next word, unless it is an option */
	DOES_HOPS,  /* an option with argument for sendmail */
	DOES_FILE,  /* --file[=name] */
	DOES_NOTHING,
};

enum {
	H = 1 << MANNER_HEIRLOOM,
	B = 1 << MANNER_BSD,
	G = 1 << MANNER_GNU,
	ANY = H | B | G,
	SEND = 8, /* only for sending */
	ARG = 16, /* has an argument */
};

struct opt {
	char letter;      /* 0: none */
	uint8_t flags;    /* in which manners, SEND, ARG */
	uint8_t does;     /* enum opt_does */
	uint16_t at;      /* in struct opts */
	const char *name; /* the long one, or what is set */
};

#define AT(member) offsetof(struct opts, member)

/* clang-format off */
static const struct opt options[] = {
	{ 'A', H | ARG,		DOES_TEXT, AT(account),		NULL },
	{ 'A', G | SEND | ARG,	DOES_LIST, AT(attach),		"attach" },
	{ 'B', H,		DOES_FLAG, AT(line_wise),	NULL },
	{ 'C', H | ARG,		DOES_LIST, AT(fields),		NULL },
	{ 'D', H,		DOES_SET,  0,			"disconnected" },
	{ 'E', H | B,		DOES_SET,  0,			"skipemptybody" },
	{ 'E', G | ARG,		DOES_LIST, AT(before),		"exec" },
	{ 'F', H | G | SEND,	DOES_FLAG, AT(by_name),		"byname" },
	{ 'H', H | G,		DOES_FLAG, AT(headers_only),	"headers" },
	{ 'I', B,		DOES_SET,  0,			"interactive" },
	{ 'I', H,		DOES_FLAG, AT(newsgroups),	NULL },
	{ 'L', H | ARG,		DOES_TEXT, AT(spec),		NULL },
	{ 'M', G,		DOES_NOTHING, 0,		"mime" },
	{ 'N', ANY,		DOES_FLAG, AT(no_banner),	"nosum" },
	{ 'O', H | ARG,		DOES_LIST, AT(mta),		NULL },
	{ 'R', H | G,		DOES_FLAG, AT(read_only),	NULL },
	{ 'S', H | G | ARG,	DOES_LIST, AT(settings),	NULL },
	{ 'T', H | ARG,		DOES_LIST, AT(targets),		NULL },
	{ 'V', H | G,		DOES_FLAG, AT(show_version),	"version" },
	{ 'X', H | ARG,		DOES_LIST, AT(before),		NULL },
	{ 'Y', H | ARG,		DOES_LIST, AT(after),		NULL },
	{ 'a', H | SEND | ARG,	DOES_LIST, AT(attach),		NULL },
	{ 'a', B | SEND | ARG,	DOES_LIST, AT(fields),		NULL },
	{ 'a', G | SEND | ARG,	DOES_LIST, AT(fields),		"append" },
	{ 'b', ANY | SEND | ARG, DOES_LIST, AT(bcc),		NULL },
	{ 'c', ANY | SEND | ARG, DOES_LIST, AT(cc),		NULL },
	{ 'd', ANY,		DOES_SET,  0,			"debug" },
	{ 'e', ANY,		DOES_FLAG, AT(exists_only),	"exist" },
	{ 'f', H | B,		DOES_FLAG, AT(reads_file),	NULL },
	{ 'f', G,		DOES_FILE, AT(file),		"file" },
	{ 'h', H | SEND | ARG,	DOES_HOPS, 0,			NULL },
	{ 'i', ANY,		DOES_SET,  0,			"ignore" },
	{ 'm', H | SEND | ARG,	DOES_TEXT, AT(quote),		NULL },
	{ 'n', ANY,		DOES_FLAG, AT(no_system_rc),	"norc" },
	{ 'p', G,		DOES_FLAG, AT(print_all),	"print" },
	{ 0,   G,		DOES_FLAG, AT(print_all),	"read" },
	{ 'q', H | SEND,	DOES_QUOTE, AT(quotes),		NULL },
	{ 'q', G,		DOES_NOTHING, 0,		"quit" },
	{ 'r', ANY | SEND | ARG, DOES_TEXT, AT(from),	"return-address" },
	{ 's', ANY | SEND | ARG, DOES_TEXT, AT(subject),	"subject" },
	{ 't', ANY | SEND,	DOES_FLAG, AT(from_text),	"to" },
	{ 'u', ANY | ARG,	DOES_TEXT, AT(user),		"user" },
	{ 'v', ANY,		DOES_SET,  0,			"verbose" },
	{ '~', H | B,		DOES_FLAG, AT(tilde),		NULL },
	{ ':', H | ARG,		DOES_TEXT, AT(rc),		NULL },
	{ '.', H,		DOES_FLAG, AT(force_send),	NULL },
	{ '?', G,		DOES_FLAG, AT(show_help),	"help" },
	{ 0,   G,		DOES_FLAG, AT(show_help),	"usage" },
	{ 0,   ANY,		DOES_FLAG, AT(show_help),	"help" },
	{ 0,   ANY,		DOES_FLAG, AT(show_version),	"version" },
	{ 0,   G | ARG,		DOES_NOTHING, 0,	"content-type" },
	{ 0,   G | ARG,		DOES_NOTHING, 0,	"encoding" },
	{ 0,   G | ARG,		DOES_NOTHING, 0,	"debug-level" },
	{ 0,   G | ARG,		DOES_NOTHING, 0,	"config-file" },
	{ 0,   G | ARG,		DOES_LIST, AT(settings), "set" },
	{ 0,   G,		DOES_FLAG, AT(no_system_rc), "no-site-config" },
	{ 0,   G,		DOES_NOTHING, 0,	"no-config" },
	{ 0,   G,		DOES_NOTHING, 0,	"no-user-config" },
};
/* clang-format on */

/* The words that are still to be read. */
struct reader {
	struct opts *o;
	struct arena *a;
	char *const *argv;
	int argc;
	int next;
};

enum manner opts_manner(const char *name, const char *wish)
{
	static const struct {
		const char *word;
		enum manner manner;
	} words[] = {
		{ "heirloom", MANNER_HEIRLOOM },
		{ "bsd", MANNER_BSD },
		{ "gnu", MANNER_GNU },
		{ "bsd-mailx", MANNER_BSD },
		{ "mail.mailutils", MANNER_GNU },
		{ "mail.gnu", MANNER_GNU },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (wish && !strcmp(wish, words[i].word))
			return words[i].manner;
	}
	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(name, words[i].word))
			return words[i].manner;
	}
	return MANNER_HEIRLOOM;
}

static enum opts_result wrong(struct opts *o, const char *text)
{
	(void)snprintf(o->error, sizeof o->error, "%s", text);
	return OPTS_WRONG;
}

/* ---- keeping ---- */

/* Twice the room whenever it is full: at 4, 8, 16, ... */
static bool list_put(struct reader *r, struct opts_list *l, const char *word)
{
	bool full = l->count >= 4 && (l->count & (l->count - 1)) == 0;

	if (!l->all || full) {
		size_t cap = l->all ? 2 * l->count : 4;
		const char **all = arena_alloc(r->a, cap, sizeof *all);

		if (!all)
			return false;
		if (l->count)
			memcpy(all, l->all, l->count * sizeof *all);
		l->all = all;
	}
	l->all[l->count++] = word;
	return true;
}

static enum opts_result keep(
    struct reader *r, const struct opt *opt, const char *arg)
{
	struct opts *o = r->o;
	char *place = (char *)o + opt->at;
	bool ok = true;

	o->send = o->send || (opt->flags & SEND);
	switch ((enum opt_does)opt->does) {
	case DOES_FLAG:
		*(bool *)place = true;
		break;
	case DOES_TEXT:
		*(const char **)(void *)place = arg;
		break;
	case DOES_LIST:
		ok = list_put(r, (struct opts_list *)(void *)place, arg);
		break;
	case DOES_SET:
		ok = list_put(r, &o->settings, opt->name);
		break;
	case DOES_QUOTE:
		o->quotes = true;
		if (r->next < r->argc && r->argv[r->next][0] != '-')
			o->quote = r->argv[r->next++];
		break;
	case DOES_HOPS:
		ok = list_put(r, &o->mta, "-h") && list_put(r, &o->mta, arg);
		break;
	case DOES_FILE:
		o->reads_file = true;
		if (arg)
			o->file = arg;
		break;
	case DOES_NOTHING:
		break;
	}
	return ok ? OPTS_OK : wrong(o, "too many arguments");
}

/* ---- reading ---- */

static bool counts(const struct opt *opt, const struct opts *o)
{
	return opt->flags & (1 << o->manner);
}

static enum opts_result bad_letter(struct opts *o, char letter, bool argument)
{
	static const char *const texts[3][2] = {
		{ "illegal option -- %c", "option requires an argument -- %c" },
		{ "invalid option -- '%c'",
		    "option requires an argument -- '%c'" },
		{ "unrecognized option '-%c'",
		    "option requires an argument -- '%c'" },
	};
	const char *text = texts[o->manner][argument];
	char *at;

	(void)snprintf(o->error, sizeof o->error, "%s", text);
	at = strstr(o->error, "%c");
	at[0] = ascii_is_print(letter) ? letter : '?';
	memmove(at + 1, at + 2, strlen(at + 2) + 1);
	return OPTS_WRONG;
}

static const struct opt *find_letter(const struct opts *o, char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (options[i].letter && options[i].letter == letter &&
		    counts(&options[i], o))
			return &options[i];
	}
	return NULL;
}

/* "-abc": one or several, the last of which may have its argument in the same
 * word. */
static enum opts_result short_options(struct reader *r, const char *word)
{
	while (*word) {
		char letter = *word++;
		const struct opt *opt = find_letter(r->o, letter);
		const char *arg = NULL;
		enum opts_result result;

		if (!opt)
			return bad_letter(r->o, letter, false);
		if (opt->flags & ARG) {
			if (*word)
				arg = word;
			else if (r->next < r->argc)
				arg = r->argv[r->next++];
			else
				return bad_letter(r->o, letter, true);
			word = "";
		}
		result = keep(r, opt, arg);
		if (result)
			return result;
	}
	return OPTS_OK;
}

/* The whole name, or a beginning that only one has. */
static const struct opt *find_long(const struct opts *o, span name)
{
	const struct opt *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct opt *opt = &options[i];
		span whole = span_str(opt->name);

		if (!counts(opt, o) || opt->does == DOES_SET || !opt->name)
			continue;
		if (span_eq(whole, name))
			return opt;
		if (!name.len || !span_has_prefix(whole, name))
			continue;
		if (found && strcmp(found->name, opt->name) != 0)
			return NULL;
		found = opt;
	}
	return found;
}

static enum opts_result long_option(struct reader *r, const char *word)
{
	span rest = span_str(word);
	span name = span_cut(&rest, '=');
	const struct opt *opt = find_long(r->o, name);
	const char *arg = word[name.len] == '=' ? word + name.len + 1 : NULL;

	if (!opt || (arg && !(opt->flags & ARG) && opt->does != DOES_FILE)) {
		(void)snprintf(r->o->error, sizeof r->o->error,
		    "unrecognized option '--%.*s'", PRI(name));
		return OPTS_WRONG;
	}
	if (!arg && (opt->flags & ARG)) {
		if (r->next >= r->argc) {
			(void)snprintf(r->o->error, sizeof r->o->error,
			    "option '--%s' requires an argument", opt->name);
			return OPTS_WRONG;
		}
		arg = r->argv[r->next++];
	}
	return keep(r, opt, arg);
}

/*
 * Behind "--" stand addresses, whatever they look like. Where addresses came
 * before it, and it is an option that comes first: arguments of sendmail, as
 * s-nail and older mailx have it.
 */
static enum opts_result behind_dashes(struct reader *r)
{
	struct opts_list *l = &r->o->to;

	if (r->o->manner == MANNER_HEIRLOOM && l->count && !r->o->reads_file &&
	    r->next < r->argc && r->argv[r->next][0] == '-')
		l = &r->o->mta;
	while (r->next < r->argc) {
		if (!list_put(r, l, r->argv[r->next++]))
			return wrong(r->o, "too many arguments");
	}
	return OPTS_OK;
}

static enum opts_result read_words(struct reader *r)
{
	enum opts_result result = OPTS_OK;

	while (!result && r->next < r->argc) {
		const char *word = r->argv[r->next++];

		if (!strcmp(word, "--") || r->o->force_send) {
			if (r->o->force_send)
				r->next--;
			return behind_dashes(r);
		}
		if (word[0] == '-' && word[1] == '-')
			result = long_option(r, word + 2);
		else if (word[0] == '-' && word[1])
			result = short_options(r, word + 1);
		else if (!list_put(r, &r->o->to, word))
			result = wrong(r->o, "too many arguments");
	}
	return result;
}

/* ---- what does not go together ---- */

static enum opts_result nobody(struct opts *o)
{
	static const char *const texts[] = {
		"Send options without primary recipient specified.",
		("You must specify to-addr recipients when using -s, -c, -b, "
		 "or -r"),
		"No recipients specified",
	};

	(void)wrong(o, texts[o->manner]);
	return o->manner == MANNER_HEIRLOOM ? OPTS_WRONG : OPTS_REFUSED;
}

static enum opts_result check(struct opts *o)
{
	if (o->show_help || o->show_version)
		return OPTS_OK;
	if (o->reads_file && o->to.count) {
		if (o->to.count > 1 || o->file)
			return wrong(o, "More than one file given with -f");
		o->file = o->to.all[0];
		o->to.count = 0;
	}
	if (o->send && o->reads_file)
		return wrong(o, "Cannot give -f and people to send to.");
	if (o->send && !o->from_text && !o->to.count && !o->targets.count)
		return nobody(o);
	if (o->read_only && o->to.count)
		return wrong(o, "The -R option is meaningless in send mode.");
	if (o->newsgroups && !o->reads_file)
		return wrong(o, "Need -f with -I.");
	return OPTS_OK;
}

enum opts_result opts_parse(
    struct opts *o, int argc, char *const *argv, struct arena *a)
{
	struct reader r = {
		.o = o, .a = a, .argv = argv, .argc = argc, .next = 1
	};
	enum opts_result result = read_words(&r);

	return result ? result : check(o);
}

/* ---- usage ---- */

static const char usage_heirloom[] =
    "Usage: %s -eiIUdEFntBDNHRV~ -T FILE -u USER -h hops -r address "
    "-s SUBJECT -a FILE -q FILE -f FILE -A ACCOUNT -b USERS -c USERS "
    "-S OPTION users\n";
static const char usage_bsd[] =
    "usage: %s [-dEIinv] [-a header] [-b bcc-addr] [-c cc-addr] "
    "[-r from-addr] [-s subject] [--] to-addr ...\n"
    "       %s [-dEIiNnv] -f [name]\n"
    "       %s [-dEIiNnv] [-u user]\n";
static const char usage_gnu[] =
    "Usage: %s [OPTION...] [address...]\n"
    "  or:  %s [OPTION...] [OPTION...] [file]\n"
    "  or:  %s [OPTION...] --file [OPTION...] [file]\n"
    "  or:  %s [OPTION...] --file=file [OPTION...]\n";
static const char *const usages[] = { usage_heirloom, usage_bsd, usage_gnu };

void opts_usage(const struct opts *o, struct buf *out)
{
	span rest = span_str(usages[o->manner]);

	while (rest.len) {
		if (span_skip(&rest, SPAN("%s"))) {
			buf_put(out, span_str(o->name));
		} else {
			buf_putc(out, rest.ptr[0]);
			rest = span_from(rest, 1);
		}
	}
}

int opts_wrong_code(const struct opts *o)
{
	static const int codes[] = { 2, 1, 1 };

	if (!strcmp(o->name, "s-nail"))
		return 64;
	return codes[o->manner];
}
