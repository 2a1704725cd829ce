/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/postconf.c - postconf(1): show and change main.cf, master.cf.
 *
 * Options, and which of them go together. Messages, their order and the exit
 * codes are Postfix's; scripts depend on them.
 */
#include "tool/postconf/postconf.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

enum {
	ARENA_MAX = 1024 * 1024 * 1024,
	OUT_MAX = 256 * 1024 * 1024,
	MAIN_OR_MASTER = MAIN_PARAM | MASTER_ANY,
	MAJOR_MODES = SHOW_SASL_SERVER | SHOW_SASL_CLIENT | EXPAND_TEMPLATES |
	    SHOW_LOCKS | SHOW_MAPS | DUMP_TEMPLATES | MAIN_OR_MASTER | SHOW_TLS,
};

/* clang-format off */

/* Of each group one at most. */
static const unsigned exclusive[] = {
	MAJOR_MODES,
	MASTER_MERGED | EDIT_CONF | COMMENT_OUT | EDIT_EXCL,
	SHOW_DEFS | EDIT_CONF | SHOW_NONDEF | COMMENT_OUT | EDIT_EXCL,
	FOLD_LINE | EDIT_CONF | COMMENT_OUT | EDIT_EXCL,
	SHOW_EVAL | EDIT_CONF | COMMENT_OUT | EDIT_EXCL,
	MAIN_OVERRIDE | SHOW_DEFS | EDIT_CONF | COMMENT_OUT | EDIT_EXCL,
	HIDE_NAME | EDIT_CONF | COMMENT_OUT | EDIT_EXCL | HIDE_VALUE,
};

/* With `option`, only those of `others`. */
static const struct {
	unsigned option;
	unsigned others;
} compatible[] = {
	{ SHOW_SASL_SERVER, 0 },
	{ SHOW_SASL_CLIENT, 0 },
	{ EXPAND_TEMPLATES, 0 },
	{ SHOW_LOCKS, 0 },
	{ SHOW_MAPS, 0 },
	{ SHOW_TLS, 0 },
	{ DUMP_TEMPLATES, 0 },
	{ MAIN_PARAM, EDIT_ANY | FOLD_LINE | HIDE_NAME | PARAM_CLASS |
		SHOW_EVAL | SHOW_DEFS | SHOW_NONDEF | MAIN_OVERRIDE |
		HIDE_VALUE | SHOW_JSON },
	{ MASTER_ENTRY, EDIT_ANY | FOLD_LINE | MAIN_OVERRIDE | SHOW_EVAL |
		SHOW_JSON },
	{ MASTER_FIELD, EDIT_CONF | FOLD_LINE | HIDE_NAME | MAIN_OVERRIDE |
		SHOW_EVAL | HIDE_VALUE | SHOW_JSON },
	{ MASTER_PARAM, EDIT_CONF | EDIT_EXCL | FOLD_LINE | HIDE_NAME |
		MAIN_OVERRIDE | SHOW_EVAL | HIDE_VALUE | SHOW_JSON |
		MASTER_MERGED },
	{ MASTER_MERGED, FOLD_LINE | HIDE_NAME | MAIN_OVERRIDE | SHOW_EVAL |
		HIDE_VALUE | SHOW_JSON | MASTER_PARAM },
	{ SHOW_JSON, MAIN_OR_MASTER | MAIN_OVERRIDE | SHOW_EVAL |
		SHOW_NONDEF | SHOW_DEFS | MASTER_MERGED },
	{ PARAM_CLASS, MAIN_PARAM | SHOW_DEFS | SHOW_NONDEF },
};

/* In the order in which complaints list them. */
static const struct {
	unsigned bit;
	char letters[4];
} options[] = {
	{ SHOW_SASL_SERVER, "-a" },
	{ SHOW_SASL_CLIENT, "-A" },
	{ EXPAND_TEMPLATES, "-b" },
	{ PARAM_CLASS, "-C" },
	{ SHOW_DEFS, "-d" },
	{ EDIT_CONF, "-e" },
	{ FOLD_LINE, "-f" },
	{ MASTER_FIELD, "-F" },
	{ HIDE_NAME, "-h" },
	{ HIDE_VALUE, "-H" },
	{ SHOW_JSON, "-j" },
	{ SHOW_LOCKS, "-l" },
	{ SHOW_MAPS, "-m" },
	{ MASTER_ENTRY, "-M" },
	{ SHOW_NONDEF, "-n" },
	{ MAIN_OVERRIDE, "-o" },
	{ MAIN_PARAM, "-p" },
	{ MASTER_PARAM, "-P" },
	{ DUMP_TEMPLATES, "-t" },
	{ SHOW_TLS, "-T" },
	{ SHOW_EVAL, "-x" },
	{ EDIT_EXCL, "-X" },
	{ COMMENT_OUT, "-#" },
	{ MASTER_MERGED, "-PP" },
};

static const char usage_text[] =
	" [-a (server SASL types)]"
	" [-A (client SASL types)]"
	" [-b (bounce templates)]"
	" [-c config_dir]"
	" [-c param_class]"
	" [-d (parameter defaults)]"
	" [-e (edit configuration)]"
	" [-f (fold lines)]"
	" [-F (master.cf fields)]"
	" [-h (no names)]"
	" [-H (no values)]"
	" [-j (JSON format)]"
	" [-l (lock types)]"
	" [-m (map types)]"
	" [-M (master.cf)]"
	" [-n (non-default parameters)]"
	" [-o name=value (override parameter value)]"
	" [-p (main.cf, default)]"
	" [-P (master.cf parameters)]"
	" [-q (no warnings about unused parameters)]"
	" [-t (bounce templates)]"
	" [-T compile-version|run-version|public-key-algorithms]"
	" [-v (verbose)]"
	" [-x (expand parameter values)]"
	" [-X (exclude)]"
	" [-# (comment-out)]"
	" [name...]";
/* clang-format on */

/* What the command line says beyond the modes. */
struct arguments {
	const char *dir;
	const char *tls; /* of -T */
	char **overrides;
	size_t noverrides;
	char **rest;
};

static void name_options(unsigned bits, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!(bits & options[i].bit))
			continue;
		if (out->len > 0)
			buf_putc(out, ' ');
		buf_put(out, span_str(options[i].letters));
	}
}

static void check_exclusive(struct postconf *pc)
{
	CLEANUP(buf_done) struct buf names = BUF_INIT(1024);

	for (size_t i = 0; i < ARRAY_LEN(exclusive); i++) {
		unsigned both = pc->mode & exclusive[i];

		if ((both & (both - 1)) == 0)
			continue;
		name_options(both, &names);
		fatal(pc, "specify one of %s", buf_cstr(&names));
	}
}

static void check_compatible(struct postconf *pc)
{
	CLEANUP(buf_done) struct buf option = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf excess = BUF_INIT(1024);

	for (size_t i = 0; i < ARRAY_LEN(compatible); i++) {
		unsigned more =
		    pc->mode & ~(compatible[i].option | compatible[i].others);

		if (!(pc->mode & compatible[i].option) || more == 0)
			continue;
		name_options(compatible[i].option, &option);
		name_options(more, &excess);
		fatal(pc, "with option %s, do not specify %s",
		    buf_cstr(&option), buf_cstr(&excess));
	}
}

static unsigned parse_classes(struct postconf *pc, const char *text)
{
	static const struct {
		span name;
		unsigned flags;
	} classes[] = {
		{ SPAN_INIT("builtin"), NAME_BUILTIN },
		{ SPAN_INIT("service"), NAME_SERVICE },
		{ SPAN_INIT("user"), NAME_USER },
		{ SPAN_INIT("all"), NAME_CLASSES },
	};
	span rest = span_str(text);
	span word;
	unsigned flags = 0;

	while ((word = span_word(&rest, ", \t\r\n")).len > 0) {
		size_t i = 0;

		while (i < ARRAY_LEN(classes) &&
		    !span_eq_nocase(word, classes[i].name))
			i++;
		if (i == ARRAY_LEN(classes))
			fatal(pc, "unknown -C option value \"%.*s\" in \"%s\"",
			    ALL(word), text);
		flags |= classes[i].flags;
	}
	return flags;
}

/* Options that are more than a bit of the mode. */
static void take_special(struct postconf *pc, struct arguments *a, int c)
{
	switch (c) {
	case 'c':
		a->dir = optarg;
		break;
	case 'C':
		pc->classes = parse_classes(pc, optarg);
		break;
	case 'o':
		a->overrides[a->noverrides++] = optarg;
		break;
	case 'P':
		pc->mode |= pc->mode & MASTER_PARAM ? MASTER_MERGED : 0;
		break;
	case 'q':
		pc->quiet = true;
		break;
	case 'T':
		if (pc->mode & SHOW_TLS)
			fatal(pc,
			    "At most one -T <mode> option may be specified");
		a->tls = optarg;
		break;
	case 'v':
		pc->verbose++;
		break;
	default:
		break;
	}
}

static void take_option(struct postconf *pc, struct arguments *a, int c)
{
	unsigned templates = EXPAND_TEMPLATES | DUMP_TEMPLATES;

	if (c == '?')
		fatal(pc, "usage: %s%s", pc->program, usage_text);
	if ((c == 'b' || c == 't') && (pc->mode & templates))
		fatal(pc, "specify one of -b and -t");
	take_special(pc, a, c);
	/* -C by itself chooses nothing that could be in the way. */
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].letters[1] == c &&
		    options[i].bit != PARAM_CLASS &&
		    options[i].bit != MASTER_MERGED)
			pc->mode |= options[i].bit;
}

static void parse_arguments(
    struct postconf *pc, int argc, char **argv, struct arguments *a)
{
	int c;

	a->overrides = keep_new(pc, (size_t)argc, sizeof(*a->overrides));
	while ((c = getopt(argc, argv, "+aAbc:C:deEfFhHjlmMno:pPqtT:vxX#")) > 0)
		take_option(pc, a, c);
	a->rest = argv + optind;
	if (!(pc->mode & MAJOR_MODES))
		pc->mode |= MAIN_PARAM;
	if ((pc->mode & MAIN_OR_MASTER) && a->rest[0] &&
	    strchr(a->rest[0], '='))
		pc->mode |= EDIT_CONF;
	check_exclusive(pc);
	check_compatible(pc);
	if ((pc->mode & EDIT_CONF) && !a->rest[0])
		fatal(pc, "-e requires name=value argument");
}

static void choose_dir(struct postconf *pc, const struct arguments *a)
{
	const char *environment = secure_getenv("MAIL_CONFIG");

	pc->dir = span_str(conf_default_dir(a->dir));
	/* As if main.cf had said it first. */
	if (a->dir || (environment && environment[0]))
		dict_set(pc, &pc->main_cf, SPAN("config_directory"), pc->dir);
}

static void read_main(struct postconf *pc, const struct arguments *a)
{
	main_read(pc);
	for (size_t i = 0; i < a->noverrides; i++)
		main_override(pc, span_str(a->overrides[i]));
}

static void show_master(struct postconf *pc, const struct arguments *a)
{
	master_read(pc, true);
	read_main(pc, a);
	names_add_builtin(pc);
	names_add_services(pc);
	names_add_user(pc);
	if (pc->mode & MASTER_FIELD)
		master_show_fields(pc, a->rest);
	else if (pc->mode & MASTER_PARAM)
		master_show_params(pc, a->rest);
	else
		master_show_entries(pc, a->rest);
	if (!pc->quiet)
		names_warn_unused_master(pc);
}

static void show_main(struct postconf *pc, const struct arguments *a)
{
	bool defaults = pc->mode & SHOW_DEFS;

	if (!defaults)
		read_main(pc, a);
	names_add_builtin(pc);
	master_read(pc, false);
	names_add_services(pc);
	if (!defaults)
		names_add_user(pc);
	main_show(pc, a->rest);
	if (defaults || pc->quiet)
		return;
	names_warn_unused_main(pc);
	names_warn_unused_master(pc);
}

static void edit(struct postconf *pc, const struct arguments *a)
{
	if (!a->rest[0])
		fatal(pc, "missing service argument");
	if (pc->mode & MASTER_ANY)
		edit_master(pc, a->rest);
	else
		edit_main(pc, a->rest);
}

static void run(struct postconf *pc, const struct arguments *a)
{
	if (pc->mode & (EXPAND_TEMPLATES | DUMP_TEMPLATES))
		templates_show(pc, a->rest);
	else if (!(pc->mode & MAIN_OR_MASTER))
		kinds_show(pc, a->tls);
	else if (pc->mode & EDIT_ANY)
		edit(pc, a);
	else if (pc->mode & MASTER_ANY)
		show_master(pc, a);
	else
		show_main(pc, a);
}

/* So that no file of ours becomes standard output. */
static void open_standard_files(struct postconf *pc)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) < 0 && open("/dev/null", O_RDWR) != fd)
			fatal(pc, "open /dev/null");
}

static void init(struct postconf *pc, const char *program)
{
	*pc = (struct postconf){
		.program = program,
		.classes = NAME_CLASSES,
		.out = BUF_INIT(OUT_MAX),
	};
	arena_init(&pc->arena, ARENA_MAX);
	dict_init(&pc->main_cf);
	hmap_init(&pc->names);
	hmap_init(&pc->classes_seen);
	hmap_init(&pc->tables_seen);
}

static void done(struct postconf *pc)
{
	for (size_t i = 0; i < pc->nentries; i++) {
		hmap_done(&pc->entries[i].valid);
		if (pc->entries[i].params)
			dict_done(pc->entries[i].params);
	}
	mem_free(pc->entries);
	dict_done(&pc->main_cf);
	hmap_done(&pc->names);
	hmap_done(&pc->classes_seen);
	hmap_done(&pc->tables_seen);
	buf_done(&pc->out);
	arena_done(&pc->arena);
}

int main(int argc, char **argv)
{
	struct postconf pc;
	struct arguments arguments = { 0 };

	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	init(&pc, argc > 0 ? argv[0] : "postconf");
	open_standard_files(&pc);
	parse_arguments(&pc, argc, argv, &arguments);
	choose_dir(&pc, &arguments);
	run(&pc, &arguments);
	flush(&pc);
	done(&pc);
	return 0;
}
