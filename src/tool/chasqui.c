/* SPDX-License-Identifier: ISC */
/*
 * tool/chasqui.c - the command for what Postfix has no command for.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/span.h"
#include "tool/import.h"
#include "tool/instance.h"
#include "tool/setup.h"

typedef int command_fn(int argc, char **argv);

static command_fn cmd_instance;
static command_fn cmd_help;
static command_fn cmd_version;

static const struct command {
	const char *name;
	command_fn *run;
	const char *usage;
	const char *what;
} commands[] = {
	{ "instance", cmd_instance, "DIR [--port-base N]",
	    "make a private mail system below DIR (SMTP on port N+25,\n"
	    "        submission on N+87; N is 2500 unless given)" },
	{ "import", import_run, "[-c DIR] [--keep] [--hold] QUEUE_DIRECTORY",
	    "take over the mail in the queue of a Postfix that is stopped" },
	{ "setup", setup_run, "[-n] [OPTION...] ROLE",
	    "write a main.cf for a null-client, an inbound server, a relay\n"
	    "        or an internet host; \"chasqui setup\" tells the "
	    "options" },
	{ "help", cmd_help, "", "print this" },
	{ "version", cmd_version, "", "print the version" },
};

static void usage(FILE *to)
{
	(void)fputs("usage: chasqui COMMAND [ARGUMENT...]\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(to, "  %s %s\n        %s\n", commands[i].name,
		    commands[i].usage, commands[i].what);
	(void)fputs("\nSee chasqui(8). The mail system itself is run by "
	            "postfix(1).\n",
	    to);
}

static int wrong(const char *what, const char *word)
{
	(void)fprintf(stderr, "chasqui: %s%s%s\n", what, word ? ": " : "",
	    word ? word : "");
	usage(stderr);
	return EX_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	if (argc > 1)
		return wrong("unexpected argument", argv[1]);
	usage(stdout);
	return EX_OK;
}

static int cmd_version(int argc, char **argv)
{
	if (argc > 1)
		return wrong("unexpected argument", argv[1]);
	(void)puts("chasqui " VERSION);
	return EX_OK;
}

static bool parse_base(const char *text, uint32_t *ret)
{
	return span_to_u32(span_str(text), ret) && *ret >= 1 &&
	    *ret <= INSTANCE_PORT_MAX;
}

static int cmd_instance(int argc, char **argv)
{
	static const span option = SPAN_INIT("--port-base");
	uint32_t base = INSTANCE_PORT_BASE;
	const char *dir = NULL;

	for (int i = 1; i < argc; i++) {
		span word = span_str(argv[i]);
		const char *value = NULL;

		if (span_eq(word, option))
			value = i + 1 < argc ? argv[++i] : "";
		else if (span_skip(&word, option) &&
		    span_skip(&word, SPAN("=")))
			value = word.ptr;
		else if (argv[i][0] == '-')
			return wrong("unknown option", argv[i]);
		else if (dir)
			return wrong("unexpected argument", argv[i]);
		else
			dir = argv[i];
		if (value && !parse_base(value, &base))
			return wrong("--port-base takes a number from 1 to "
			             "65448, not",
			    value);
	}
	if (!dir || !*dir)
		return wrong("instance: which directory?", NULL);
	return instance_make(dir, base);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name)
		return wrong("which command?", NULL);
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(argc - 1, argv + 1);
	return wrong("unknown command", name);
}
