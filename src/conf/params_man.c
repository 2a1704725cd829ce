/* SPDX-License-Identifier: ISC */
/*
 * conf/params_man.c - prints postconf(5) from the registry. Part of the build:
 * the page cannot say something else than the program knows.
 */
#include <stdio.h>

#include "conf/params.h"

/* Where the default depends on the machine, or on the process that asks. */
static const struct {
	const char *name;
	const char *what;
} computed[] = {
	{ "config_directory", "the directory that main.cf lies in" },
	{ "mydomain", "the host name without its first part" },
	{ "myhostname", "the name of this host, completed with the domain" },
	{ "mynetworks", "by mynetworks_style, the networks of this host" },
	{ "process_id", "the number of the process" },
	{ "process_name", "the name of the process" },
	{ "service_name", "the name of the service in master.cf" },
};

static const char introduction[] =
    ".Sh NAME\n"
    ".Nm postconf\n"
    ".Nd parameters of the mail system, in main.cf\n"
    ".Sh SYNOPSIS\n"
    ".Nm\n"
    ".Ar parameter ...\n"
    ".Nm\n"
    ".Fl e\n"
    ".Ar parameter Ns = Ns Ar value ...\n"
    ".Sh DESCRIPTION\n"
    "The file\n"
    ".Pa main.cf\n"
    "sets parameters; what it does not set has the default below.\n"
    "After a change, let\n"
    ".Ql postfix check\n"
    "look at it, and\n"
    ".Ql postfix reload\n"
    "use it.\n"
    ".Bl -bullet\n"
    ".It\n"
    "A line is\n"
    ".Ar parameter Li = Ar value ;\n"
    "blanks around the equals sign mean nothing.\n"
    "If a parameter is set twice, the last one counts.\n"
    ".It\n"
    "A line that begins with a blank continues the one before.\n"
    "Empty lines, and those whose first character is\n"
    ".Sq # ,\n"
    "are comments, also between the lines of a value.\n"
    ".It\n"
    "In a value,\n"
    ".Li $name , ${name}\n"
    "and\n"
    ".Li $(name)\n"
    "stand for the value of another parameter.\n"
    ".Li \"${name?{text}}\"\n"
    "is the text if that one is not empty,\n"
    ".Li \"${name:{text}}\"\n"
    "if it is empty, and\n"
    ".Li \"${name?{this}:{that}}\"\n"
    "one or the other.\n"
    "In place of the name there may be a comparison:\n"
    ".Li \"${{$a} == {$b} ? {this} : {that}}\" ,\n"
    "with\n"
    ".Li == , != , < , <= , >=\n"
    "or\n"
    ".Li > .\n"
    ".Li $$\n"
    "is a dollar sign.\n"
    ".It\n"
    "A name that no parameter has may be set, too, for use in others.\n"
    ".It\n"
    "A time is a number with\n"
    ".Li s , m , h , d\n"
    "or\n"
    ".Li w\n"
    "behind it: seconds to weeks.\n"
    "Without a letter, the unit of the default is meant.\n"
    ".It\n"
    "A list is separated by blanks or commas.\n"
    ".It\n"
    "Services of\n"
    ".Xr master 5\n"
    "can have values of their own.\n"
    ".El\n"
    ".Pp\n"
    "The names and defaults are those of Postfix 3.7.\n"
    "What came later says since when.\n"
    "Not all of them act: that, and what to do instead, stands with each.\n"
    ".Sh PARAMETERS\n"
    ".nh\n"
    ".Bl -tag -width Ds\n";

static const char transports[] =
    ".El\n"
    ".Sh PARAMETERS OF TRANSPORTS\n"
    "For each transport of\n"
    ".Xr master 5\n"
    "there are parameters that begin with its name and\n"
    ".Sq _ .\n"
    "Where they are not set, they have the value of the parameter that begins\n"
    "with\n"
    ".Sq default_ ,\n"
    "or, where noted, of another one:\n"
    ".Bl -tag -width Ds\n";

static const char old_names[] = ".El\n"
                                ".Sh OLD NAMES\n"
                                "Names of earlier versions of Postfix:\n"
                                ".Bl -tag -width Ds\n";

static const char end[] = ".El\n"
                          ".Sh SEE ALSO\n"
                          ".Xr postconf 1 ,\n"
                          ".Xr postfix 1 ,\n"
                          ".Xr access 5 ,\n"
                          ".Xr aliases 5 ,\n"
                          ".Xr master 5 ,\n"
                          ".Xr chasqui 8\n";

/* As it is, to the last character, whatever roff would make of it. */
static void put_text(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			(void)fputs("\\e", stdout);
			break;
		case '-':
			(void)fputs("\\-", stdout);
			break;
		case '\'':
			(void)fputs("\\(aq", stdout);
			break;
		case '`':
			(void)fputs("\\(ga", stdout);
			break;
		case '^':
			(void)fputs("\\(ha", stdout);
			break;
		case '~':
			(void)fputs("\\(ti", stdout);
			break;
		case '"':
			(void)fputs("\\(dq", stdout);
			break;
		default:
			(void)putchar(*text);
		}
	}
}

static void put_sentence(const char *text)
{
	if (text[0] == '.')
		(void)fputs("\\&", stdout);
	put_text(text);
	(void)putchar('\n');
}

static void put_default(const struct param *p)
{
	for (size_t i = 0; i < ARRAY_LEN(computed); i++) {
		if (span_eq(span_str(p->name), span_str(computed[i].name))) {
			(void)printf("Default: %s.\n", computed[i].what);
			return;
		}
	}
	if (!p->preset[0]) {
		(void)puts("Default: empty.");
		return;
	}
	(void)fputs("Default: \\(lq", stdout);
	put_text(p->preset);
	(void)puts("\\(rq.");
}

static void put_range(const struct param *p)
{
	bool text = p->kind == PARAM_STR || p->kind == PARAM_RAW;
	const char *unit = text ? " characters" : "";

	if (p->kind == PARAM_TIME)
		unit = " s";
	if (p->min == 1 && text)
		(void)puts("It cannot be empty.");
	else if (p->min > 0)
		(void)printf(
		    "At least %llu%s.\n", (unsigned long long)p->min, unit);
	if (p->max > 0)
		(void)printf(
		    "At most %llu%s.\n", (unsigned long long)p->max, unit);
}

static void put_status(const struct param *p)
{
	static const char *const words[] = {
		[PARAM_ACTS] = NULL,
		[PARAM_IDLE] = "It has no effect here:",
		[PARAM_MISSING] = "It does not act:",
	};

	if (!words[p->status])
		return;
	(void)printf(".Em \\&%s\n", words[p->status]);
	put_text(p->note);
	(void)puts(".");
}

static void put_param(const struct param *p)
{
	(void)printf(".It Va %s\n", p->name);
	put_sentence(p->doc);
	put_status(p);
	put_default(p);
	put_range(p);
	if (p->since[0])
		(void)printf("In Postfix since version %s.\n", p->since);
}

static void put_transports(void)
{
	size_t n;
	const struct param *all = params_all(&n);

	for (size_t i = 0; i < n; i++) {
		span suffix = span_str(all[i].name);
		bool plain = span_skip(&suffix, SPAN("default_"));
		const struct param *p = param_of_transport(suffix);

		if (span_eq(suffix, SPAN("command_time_limit"))) {
			suffix = SPAN("time_limit");
			p = param_of_transport(suffix);
		}
		if (p != &all[i])
			continue;
		(void)printf(".It Ar transport Ns Va _%.*s\n%s", PRI(suffix),
		    plain ? "" : "Default:\n");
		(void)printf("%s%s%s", plain ? "See\n" : "", ".Va ", p->name);
		(void)puts(" .");
	}
}

static void put_old(void)
{
	size_t n;
	const struct param_old *all = params_old(&n);

	for (size_t i = 0; i < n; i++) {
		(void)printf(".It Va %s\n", all[i].name);
		if (all[i].now) {
			(void)printf("Now\n.Va %s ,\nwhose default is its "
			             "value.\n",
			    all[i].now);
		} else {
			(void)fputs("Without effect: ", stdout);
			put_text(all[i].note);
			(void)puts(".");
		}
	}
}

int main(void)
{
	size_t n;
	const struct param *all = params_all(&n);

	(void)puts(".\\\" SPDX-License-Identifier: ISC\n"
	           ".\\\" Made from src/conf/params.def.\n"
	           ".Dd November 21, 2026\n"
	           ".Dt POSTCONF 5\n"
	           ".Os chasqui");
	(void)fputs(introduction, stdout);
	for (size_t i = 0; i < n; i++)
		put_param(&all[i]);
	(void)fputs(transports, stdout);
	put_transports();
	(void)fputs(old_names, stdout);
	put_old();
	(void)fputs(end, stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
