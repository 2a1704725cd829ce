/* SPDX-License-Identifier: ISC */
#include "map/mongodb_json.h"

/* Where in the template we are. */
struct place {
	bool quoted;
	bool start;    /* nothing of the string yet */
	bool operator; /* the string is, or may become, an operator's name */
	bool dynamic;  /* and has a part of the key in it */
	bool ended;    /* behind a string, which a colon would make a name */
};

static void pass_quote(struct place *p)
{
	p->ended = p->quoted;
	p->quoted = !p->quoted;
	if (!p->quoted)
		return;
	p->start = true;
	p->operator= true;
	p->dynamic = false;
}

/* `c` may be an escape's backslash: who knows what that becomes. */
static void pass(struct place *p, char c)
{
	if (c == '"') {
		pass_quote(p);
	} else if (p->quoted) {
		if (p->start)
			p->operator= c == '$' || c == '\\';
		p->start = false;
	} else if (!ascii_is_space(c)) {
		p->ended = false;
	}
}

/* The letter behind a "%". */
static const char *pass_part(struct place *p, char letter)
{
	if (letter == '%')
		pass(p, '%');
	else if (!p->quoted)
		return "a % expansion must stand in double quotes";
	else if (p->operator)
		p->dynamic = true;
	return NULL;
}

const char *mongodb_json_check(span template)
{
	struct place p = { 0 };
	const char *wrong = NULL;

	for (size_t i = 0; i < template.len && !wrong; i++) {
		char c = template.ptr[i];
		char next = i + 1 < template.len ? template.ptr[i + 1] : '\0';

		if (c == ':' && !p.quoted && p.ended && p.dynamic)
			return "a name must not begin with a % expansion";
		if (c == '%') {
			wrong = pass_part(&p, next);
			i++;
			continue;
		}
		pass(&p, c);
		if (c == '\\' && p.quoted) {
			/* It would take a part's first byte for its own. */
			if (next == '%')
				return "a backslash before a % expansion";
			i++;
		}
	}
	return wrong;
}

void mongodb_json_sample(span template, span sample, struct buf *out)
{
	for (size_t i = 0; i < template.len; i++) {
		char c = template.ptr[i];

		if (c != '%' || ++i == template.len || template.ptr[i] == '%')
			buf_putc(out, c);
		else
			mongodb_json_quote(NULL, sample, out);
	}
}

void mongodb_json_quote(void *unused UNUSED, span part, struct buf *out)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.ptr[i];

		if (c == '"' || c == '\\') {
			buf_putc(out, '\\');
			buf_putc(out, c);
		} else if ((unsigned char)c < ' ') {
			buf_printf(out, "\\u%04x", (unsigned)c);
		} else {
			buf_putc(out, c);
		}
	}
}
