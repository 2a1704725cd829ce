/* SPDX-License-Identifier: ISC */
/*
 * tool/postfix_settings.c - what Postfix's post-install does with its
 * arguments: parameters of an installation, which are written into main.cf.
 * postconf does it, as it would for the administrator.
 */
#include "tool/postfix_settings.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "conf/site.h"
#include "os/child.h"
#include "os/file.h"

enum { ARGS_MAX = 64, WORD_MAX = 8192 };

enum kind { PATH, PATH_OR_NO, USER, GROUP };

static const struct installation {
	span name;
	enum kind kind;
} installation[] = {
	{ SPAN_INIT("command_directory"), PATH },
	{ SPAN_INIT("daemon_directory"), PATH },
	{ SPAN_INIT("data_directory"), PATH },
	{ SPAN_INIT("html_directory"), PATH_OR_NO },
	{ SPAN_INIT("mail_owner"), USER },
	{ SPAN_INIT("mailq_path"), PATH },
	{ SPAN_INIT("manpage_directory"), PATH },
	{ SPAN_INIT("meta_directory"), PATH },
	{ SPAN_INIT("newaliases_path"), PATH },
	{ SPAN_INIT("queue_directory"), PATH },
	{ SPAN_INIT("queue_owner"), USER },
	{ SPAN_INIT("readme_directory"), PATH_OR_NO },
	{ SPAN_INIT("sample_directory"), PATH_OR_NO },
	{ SPAN_INIT("sendmail_path"), PATH },
	{ SPAN_INIT("setgid_group"), GROUP },
	{ SPAN_INIT("shlib_directory"), PATH_OR_NO },
};

/* What post-install takes besides; all of it is done in any case. */
static const span words[] = {
	SPAN_INIT("create-missing"),
	SPAN_INIT("set-perm"),
	SPAN_INIT("upgrade-conf"),
	SPAN_INIT("upgrade-package"),
	SPAN_INIT("upgrade-perm"),
	SPAN_INIT("upgrade-source"),
};

static int fail(struct buf *error, const char *what, span arg)
{
	buf_printf(error, "%s: '%.*s'", what, PRI(arg));
	return SETTINGS_BAD;
}

static const struct installation *find(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(installation); i++)
		if (span_eq(installation[i].name, name))
			return &installation[i];
	return NULL;
}

static bool is_word(span arg)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_has_prefix(arg, words[i]))
			return true;
	return false;
}

/* NULL, or what is wrong with it. */
static const char *check_value(enum kind kind, const char *value)
{
	uint32_t number;

	switch (kind) {
	case USER:
		/* A number stands for uid and gid. */
		return span_to_u32(span_str(value), &number) || getpwnam(value)
		    ? NULL
		    : "unknown user";
	case GROUP:
		return getgrnam(value) ? NULL : "unknown group";
	case PATH_OR_NO:
		if (strcmp(value, "no") == 0)
			return NULL;
		break;
	case PATH:
		break;
	}
	return value[0] == '/' ? NULL : "should be an absolute path name";
}

/* SETTINGS_WRITTEN: it has to be. */
static int check(struct conf *conf, const char *text, struct buf *error)
{
	const struct installation *known;
	const char *wrong;
	span arg = span_str(text);
	span value = arg;
	span name = span_cut(&value, '=');

	for (size_t i = 0; i < arg.len; i++)
		if (ascii_is_space(arg.ptr[i]))
			return fail(error, "argument contains whitespace", arg);
	if (name.len == arg.len && is_word(arg))
		return SETTINGS_SAME;
	known = find(name);
	if (!known || name.len == arg.len)
		return fail(error, "not a parameter of an installation", arg);
	if (value.len == 0)
		return fail(error, "a value is missing", arg);
	wrong = check_value(known->kind, text + name.len + 1);
	if (wrong)
		return fail(error, wrong, arg);
	if (span_eq(conf_value(conf, CONF_MAIN, name), value))
		return SETTINGS_SAME;
	return SETTINGS_WRITTEN;
}

static int edit(struct conf *conf, char **argv, struct buf *error)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	static const int fds[] = { 0, 1, 2 };
	struct child child;
	int status = 1;
	int r;

	buf_put(&path, site_command_dir(conf));
	buf_put(&path, SPAN("/postconf"));
	{
		const struct child_spec spec = {
			.path = buf_cstr(&path),
			.argv = argv,
			.envp = environ,
			.fds = fds,
			.nfds = ARRAY_LEN(fds),
			.dir = -1,
		};

		r = child_spawn(&spec, &child);
	}
	if (r == 0) {
		r = child_wait(child.pidfd, -1, &status);
		fd_close(&child.pidfd);
	}
	if (r == 0 && status == 0)
		return SETTINGS_WRITTEN;
	buf_printf(error, "%s could not change main.cf%s%s", buf_cstr(&path),
	    r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	return SETTINGS_BAD;
}

int settings_write(
    struct conf *conf, const char *dir, char **args, struct buf *error)
{
	char word[4][WORD_MAX] = { "postconf", "-c", "", "-e" };
	char *argv[ARGS_MAX + ARRAY_LEN(word) + 1];
	size_t n = 0;

	(void)snprintf(word[2], sizeof(word[2]), "%s", dir);
	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		argv[n++] = word[i];
	for (; *args; args++) {
		int r = check(conf, *args, error);

		if (r == SETTINGS_BAD)
			return r;
		if (r == SETTINGS_SAME)
			continue;
		if (n == ARRAY_LEN(argv) - 1)
			return fail(error, "too many arguments", SPAN("..."));
		argv[n++] = *args;
	}
	argv[n] = NULL;
	return n > ARRAY_LEN(word) ? edit(conf, argv, error) : SETTINGS_SAME;
}
