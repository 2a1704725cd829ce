/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/folder_name.c - names of files and folders as users write them.
 *
 * First the short forms of mail, which may stand for each other ("&" for
 * "+mbox"); then what a shell would make of the rest: ~, $variables, quotes
 * and wildcards. No shell is asked: `$(...)` and backquotes are refused, and
 * | ; & < > have no meaning.
 */
#include "tool/mail/folder_name.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/width.h"
#include "tool/mail/box.h"

enum {
	PATH_LIMIT = 4096,
	MAX_STEPS = 8, /* of short forms that stand for others */
	NAME_LIMIT = 200,
};

/* ---- the short forms ---- */

bool mua_folder_dir(struct mua *m, struct buf *out)
{
	const char *folder = vars_get(m->vars, "folder");

	if (!folder || !*folder)
		return false;
	if (span_has_prefix(span_str(folder), SPAN("~/")))
		folder += 2;
	if (*folder != '/')
		buf_printf(out, "%s/", m->home);
	buf_put(out, span_str(folder));
	while (out->len > 1 && out->data[out->len - 1] == '/')
		out->len--;
	return true;
}

bool mua_makes_maildirs(struct mua *m)
{
	return span_eq(
	    span_str(vars_get(m->vars, "newfolders")), SPAN("maildir"));
}

/* Somebody's incoming mailbox; NULL: the user's, which is $MAIL if set. */
static void put_inbox(struct mua *m, const char *user, struct buf *out)
{
	const char *mail =
	    user || m->is_pretending ? NULL : vars_get(m->vars, "MAIL");
	const char *spool = access("/var/spool/mail", F_OK) == 0
	    ? "/var/spool/mail"
	    : "/var/mail";

	if (mail && *mail)
		buf_put(out, span_str(mail));
	else
		buf_printf(out, "%s/%s", spool, user ? user : m->user);
}

static bool system_name(struct mua *m, span user, struct buf *out)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_LIMIT);
	bool is_own = user.len == 0;

	if (is_own && !m->is_pretending) {
		put_inbox(m, NULL, out);
		return true;
	}
	/* A name that somebody gave, by "%name" or -u. */
	if (is_own)
		user = span_str(m->user);
	if (user.len == 0 || user.ptr[0] == '.' || span_find(user, '/') >= 0) {
		mua_error(m, "\"%.*s\": no name of a user", PRI(user));
		return false;
	}
	buf_put(&name, user);
	put_inbox(m, buf_cstr(&name), out);
	return true;
}

static bool previous_name(struct mua *m, struct buf *out)
{
	if (!m->box || !m->box->previous_path) {
		(void)printf("No previous file\n");
		return false;
	}
	buf_put(out, span_str(m->box->previous_path));
	return true;
}

/* ---- what a shell would do ---- */

struct expansion {
	struct mua *m;
	struct buf plain;   /* what is meant, without wildcards */
	struct buf pattern; /* the same with what was quoted escaped */
	bool has_wildcard;
};

static void put_literal(struct expansion *e, span s)
{
	buf_put(&e->plain, s);
	for (size_t i = 0; i < s.len; i++) {
		if (span_find(SPAN("*?[\\"), s.ptr[i]) >= 0)
			buf_putc(&e->pattern, '\\');
		buf_putc(&e->pattern, s.ptr[i]);
	}
}

static void put_home(struct expansion *e, span *rest)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(256);
	size_t n = 1;
	const struct passwd *pw;

	while (n < rest->len && rest->ptr[n] != '/')
		n++;
	if (n == 1) {
		put_literal(e, span_str(e->m->home));
		*rest = span_from(*rest, 1);
		return;
	}
	buf_put(&name, span_first(span_from(*rest, 1), n - 1));
	pw = name.failed ? NULL : getpwnam(buf_cstr(&name));
	if (!pw)
		return; /* the tilde stays what it is */
	put_literal(e, span_str(pw->pw_dir));
	*rest = span_from(*rest, n);
}

static bool is_name_char(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* $name, ${name}; false: it is not closed, or runs a command. */
static bool put_variable(struct expansion *e, span *rest)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_LIMIT);
	bool in_braces = rest->len > 1 && rest->ptr[1] == '{';
	span s = span_from(*rest, in_braces ? 2 : 1);
	size_t n = 0;

	if (rest->len > 1 && rest->ptr[1] == '(')
		return false;
	while (n < s.len && is_name_char(s.ptr[n]))
		n++;
	if (in_braces && (n == s.len || s.ptr[n] != '}'))
		return false;
	if (n == 0) {
		put_literal(e, SPAN("$"));
		*rest = s;
		return !in_braces;
	}
	buf_put(&name, span_first(s, n));
	put_literal(e, span_str(vars_get(e->m->vars, buf_cstr(&name))));
	*rest = span_from(s, n + (in_braces ? 1 : 0));
	return true;
}

/* "..." : variables mean something, wildcards do not. */
static bool put_quoted(struct expansion *e, span *rest)
{
	char quote = rest->ptr[0];

	*rest = span_from(*rest, 1);
	while (rest->len && rest->ptr[0] != quote) {
		if (quote == '"' && rest->ptr[0] == '`')
			return false;
		if (quote == '"' && rest->ptr[0] == '$') {
			if (!put_variable(e, rest))
				return false;
			continue;
		}
		if (quote == '"' && rest->ptr[0] == '\\' && rest->len > 1)
			*rest = span_from(*rest, 1);
		put_literal(e, span_first(*rest, 1));
		*rest = span_from(*rest, 1);
	}
	if (rest->len == 0)
		return false;
	*rest = span_from(*rest, 1);
	return true;
}

static bool put_char(struct expansion *e, span *rest)
{
	char c = rest->ptr[0];

	switch (c) {
	case '\'':
	case '"':
		return put_quoted(e, rest);
	case '$':
		return put_variable(e, rest);
	case '`':
		return false;
	case '*':
	case '?':
	case '[':
		e->has_wildcard = true;
		buf_putc(&e->plain, c);
		buf_putc(&e->pattern, c);
		break;
	case '\\':
		if (rest->len > 1)
			*rest = span_from(*rest, 1);
		put_literal(e, span_first(*rest, 1));
		break;
	default:
		put_literal(e, span_first(*rest, 1));
		break;
	}
	*rest = span_from(*rest, 1);
	return true;
}

/* The one file that fits; a pattern that nothing fits is a name. */
static bool put_match(struct expansion *e, span name, struct buf *out)
{
	glob_t found = { .gl_pathc = 0 };
	bool good = true;
	int r = glob(buf_cstr(&e->pattern), GLOB_NOSORT, NULL, &found);

	if (r == 0 && found.gl_pathc > 1) {
		mua_error(e->m, "\"%.*s\": Ambiguous.", PRI(name));
		good = false;
	} else {
		buf_put(out,
		    r == 0 ? span_str(found.gl_pathv[0]) : buf_span(&e->plain));
	}
	globfree(&found);
	return good;
}

static bool put_expanded(struct expansion *e, span name, struct buf *out)
{
	span rest = name;

	if (span_has_prefix(rest, SPAN("~")))
		put_home(e, &rest);
	while (rest.len) {
		if (!put_char(e, &rest)) {
			mua_error(e->m, "Syntax error in \"%.*s\"", PRI(name));
			return false;
		}
	}
	if (e->plain.failed || e->pattern.failed) {
		mua_error(e->m, "\"%.*s\": Expansion buffer overflow.",
		    PRI(span_first(name, 200)));
		return false;
	}
	if (e->has_wildcard)
		return put_match(e, name, out);
	buf_put(out, buf_span(&e->plain));
	return true;
}

static bool expand_as_shell(struct mua *m, span name, struct buf *out)
{
	struct expansion e = { .m = m,
		.plain = BUF_INIT(PATH_LIMIT),
		.pattern = BUF_INIT((size_t)2 * PATH_LIMIT) };
	bool good = put_expanded(&e, name, out);

	buf_done(&e.plain);
	buf_done(&e.pattern);
	return good;
}

/* ---- together ---- */

/* One step: what "&" or "+x" stand for; false: nothing more to replace. */
static bool replace(struct mua *m, struct buf *name)
{
	CLEANUP(buf_done) struct buf next = BUF_INIT(PATH_LIMIT);
	span s = buf_span(name);
	const char *mbox;

	if (span_eq(s, SPAN("&"))) {
		mbox = vars_get(m->vars, "MBOX");
		buf_put(&next, mbox && *mbox ? span_str(mbox) : SPAN("~/mbox"));
	} else if (span_skip(&s, SPAN("%:")) && s.len) {
		buf_put(&next, s);
	} else if (span_skip(&s, SPAN("+")) && mua_folder_dir(m, &next)) {
		buf_putc(&next, '/');
		buf_put(&next, s);
	} else {
		return false;
	}
	buf_clear(name);
	buf_put(name, buf_span(&next));
	return true;
}

bool mua_expand_name(struct mua *m, span name, struct buf *ret_path)
{
	const struct dict_entry *e = dict_find(&m->shortcuts, name);
	CLEANUP(buf_done) struct buf text = BUF_INIT(PATH_LIMIT);
	span s;

	buf_put(&text, e && e->count ? span_str(e->values[0]) : name);
	for (int step = 0; step < MAX_STEPS && replace(m, &text); step++)
		;
	s = buf_span(&text);
	if (text.len == 0) {
		mua_error(m, "\"\": %s", strerror(ENOENT));
		return false;
	}
	if (text.failed || memchr(name.ptr ? name.ptr : "", '\0', name.len)) {
		mua_error(m, "\"%.*s\": no name of a file",
		    PRI(span_first(name, 200)));
		return false;
	}
	if (span_skip(&s, SPAN("%")))
		return system_name(m, s, ret_path);
	if (span_eq(s, SPAN("#")))
		return previous_name(m, ret_path);
	if (!expand_as_shell(m, s, ret_path))
		return false;
	if (ret_path->len == 0)
		mua_error(m, "\"%.*s\": %s", PRI(name), strerror(ENOENT));
	return ret_path->len > 0;
}

/* ---- names that others give ---- */

void mua_file_name(span addr, struct buf *out)
{
	CLEANUP(buf_done) struct buf local = BUF_INIT(4 * NAME_LIMIT);

	width_harmless(&local, span_first(span_cut(&addr, '@'), NAME_LIMIT),
	    HARMLESS_LINE, false);
	for (size_t i = 0; i < local.len; i++) {
		char c = local.data[i];
		bool is_plain = ascii_is_alnum(c) || c == '_' ||
		    (unsigned char)c > 127 ||
		    (i > 0 && span_find(SPAN(".-+="), c) >= 0);

		buf_putc(out, is_plain ? c : '_');
	}
}
