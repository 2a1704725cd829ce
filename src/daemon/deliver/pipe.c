/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/pipe.h"

#include "conf/value.h"
#include "mail/mbox.h"

struct parser {
	const struct conf_service *line;
	struct arena *arena;
	struct pipe_line *p;
	struct buf *error;
	bool has_argv;
};

static bool fail(struct parser *x, const char *what, span value)
{
	buf_printf(x->error, "%s: %.*s", what, PRI(value));
	return false;
}

static bool take_flags(struct parser *x, span value)
{
	static const struct {
		char letter;
		unsigned head;
		unsigned flags;
	} known[] = {
		{ 'B', MBOX_BLANK, 0 },
		{ 'D', MBOX_DELIVERED_TO, 0 },
		{ 'F', MBOX_FROM_LINE, 0 },
		{ 'O', MBOX_ORIGINAL_TO, 0 },
		{ 'R', MBOX_RETURN_PATH, 0 },
		{ 'X', 0, PIPE_FINAL },
		{ '.', MBOX_DOT, 0 },
		{ '>', MBOX_QUOTE, 0 },
		{ 'h', 0, PIPE_FOLD_DOMAIN },
		{ 'q', 0, PIPE_QUOTE },
		{ 'u', 0, PIPE_FOLD_LOCAL },
	};

	for (size_t i = 0; i < value.len; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && known[k].letter != value.ptr[i])
			k++;
		if (k == ARRAY_LEN(known))
			return fail(x, "unknown flag",
			    span_first(span_from(value, i), 1));
		x->p->head |= known[k].head;
		x->p->flags |= known[k].flags;
	}
	return true;
}

static bool take_user(struct parser *x, span value)
{
	x->p->user = span_cut(&value, ':');
	x->p->group = value;
	return true;
}

static bool take_directory(struct parser *x, span value)
{
	/* There is no such directory, in Postfix either. */
	if (value.len == 0)
		return fail(x, "directory= needs a path", value);
	x->p->directory = value;
	return true;
}

/* Whoever runs the command is its user, and has no right to do that; to run
 * it without would be worse than not to run it. */
static bool refuse_chroot(struct parser *x, span value)
{
	return fail(x,
	    "chroot= is not supported; let the command change its root "
	    "directory, and remove chroot=",
	    value);
}

/* ---- eol= ---- */

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* What stands behind a backslash: as in C; anything else is itself. */
static char take_escape(span *rest)
{
	static const span letters = SPAN_INIT("abfnrtv");
	static const span meanings = SPAN_INIT("\a\b\f\n\r\t\v");
	char c = rest->ptr[0];
	ssize_t at = span_find(letters, c);
	unsigned octal = 0;
	size_t n = 0;

	if (!is_octal(c)) {
		*rest = span_from(*rest, 1);
		return at >= 0 ? meanings.ptr[at] : c;
	}
	while (n < 3 && n < rest->len && is_octal(rest->ptr[n]))
		octal = octal * 8 + (unsigned)(rest->ptr[n++] - '0');
	*rest = span_from(*rest, n);
	return (char)(octal & 0xff);
}

static bool take_eol(struct parser *x, span value)
{
	CLEANUP(buf_done) struct buf eol = BUF_INIT(PIPE_EOL_MAX);
	span rest = value;

	while (rest.len > 0) {
		char c = rest.ptr[0];

		rest = span_from(rest, 1);
		if (c != '\\')
			buf_putc(&eol, c);
		else if (rest.len > 0)
			buf_putc(&eol, take_escape(&rest));
	}
	if (eol.failed)
		return fail(x, "eol= is too long", value);
	/* As in Postfix, an octal zero ends it. */
	rest = buf_span(&eol);
	x->p->eol = arena_dup(x->arena, span_cut(&rest, '\0'));
	return x->p->eol.ptr || fail(x, "no memory for", value);
}

static bool take_null_sender(struct parser *x, span value)
{
	x->p->null_sender = value;
	return true;
}

static bool take_size(struct parser *x, span value)
{
	/* As in Postfix, nothing is zero. */
	if (value.len == 0)
		return true;
	if (!conf_parse_number(value, &x->p->size_max))
		return fail(x, "bad size= value", value);
	return true;
}

/* `first` and all words from `i` on. */
static bool take_argv(struct parser *x, span first, uint32_t i)
{
	uint32_t n = x->line->nargs - i;
	CLEANUP(buf_done) struct buf why = BUF_INIT(PIPE_ERROR_MAX);
	struct pipe_arg *args = arena_alloc(x->arena, n, sizeof(*args));

	if (!args)
		return fail(x, "no memory for", first);
	for (uint32_t k = 0; k < n; k++) {
		enum pipe_arg_result r = PIPE_ARG_OK;

		args[k].text = k == 0 ? first : x->line->args[i + k];
		if (x->p->bad_arg.len == 0)
			r = pipe_check_arg(&args[k], &why);
		if (r == PIPE_ARG_OK)
			continue;
		x->p->bad_name = r == PIPE_ARG_NAME;
		x->p->bad_arg = arena_dup(x->arena, buf_span(&why));
		if (x->p->bad_arg.len == 0)
			return fail(x, "no memory for", first);
	}
	x->p->args = args;
	x->p->nargs = n;
	x->has_argv = true;
	return true;
}

static const struct {
	span name;
	bool (*take)(struct parser *x, span value);
} attributes[] = {
	{ SPAN_INIT("flags="), take_flags },
	{ SPAN_INIT("user="), take_user },
	{ SPAN_INIT("directory="), take_directory },
	{ SPAN_INIT("chroot="), refuse_chroot },
	{ SPAN_INIT("eol="), take_eol },
	{ SPAN_INIT("null_sender="), take_null_sender },
	{ SPAN_INIT("size="), take_size },
};

static bool take_word(struct parser *x, span word)
{
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (span_skip_nocase(&word, attributes[i].name))
			return attributes[i].take(x, word);
	return fail(x, "unknown attribute name", word);
}

bool pipe_parse(const struct conf_service *line, struct arena *a,
    struct pipe_line *ret, struct buf *error)
{
	struct parser x = {
		.line = line,
		.arena = a,
		.p = ret,
		.error = error,
	};

	*ret = (struct pipe_line){
		.eol = SPAN("\n"),
		.null_sender = SPAN("MAILER-DAEMON"),
	};
	for (uint32_t i = 0; i < line->nargs && !x.has_argv; i++) {
		span word = line->args[i];

		if (span_skip_nocase(&word, SPAN("argv="))
		        ? !take_argv(&x, word, i)
		        : !take_word(&x, word))
			return false;
	}
	if (ret->user.len == 0)
		return fail(&x, "missing user= command-line attribute",
		    SPAN("write user=NAME or user=NAME:GROUP"));
	if (!x.has_argv)
		return fail(&x, "missing argv= command-line attribute",
		    SPAN("write argv=COMMAND... at the end"));
	return true;
}
