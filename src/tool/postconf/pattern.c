/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/pattern.c - which services, fields and parameters are meant.
 */
#include "tool/postconf/pattern.h"

static const char *const field_names[FIELDS] = {
	[FIELD_SERVICE] = "service",
	[FIELD_TYPE] = "type",
	[FIELD_PRIVATE] = "private",
	[FIELD_UNPRIVILEGED] = "unprivileged",
	[FIELD_CHROOT] = "chroot",
	[FIELD_WAKEUP] = "wakeup",
	[FIELD_MAXPROC] = "process_limit",
	[FIELD_COMMAND] = "command",
};

bool pattern_is_any(span part)
{
	return span_eq(part, SPAN("*"));
}

bool pattern_parse(
    const char *text, size_t min, size_t max, struct pattern *ret)
{
	span rest = span_str(text);
	span part;
	size_t n = 0;

	*ret = (struct pattern){ .text = text };
	if (text[0] == '/')
		return false;
	while ((part = span_word(&rest, "/")).len > 0) {
		if (n == max ||
		    (!pattern_is_any(part) && span_find(part, '*') >= 0))
			return false;
		ret->part[n++] = part;
	}
	if (n < min)
		return false;
	while (n < max)
		ret->part[n++] = SPAN("*");
	return true;
}

static bool part_matches(span part, span text)
{
	return pattern_is_any(part) || span_eq(part, text);
}

bool pattern_matches_service(const struct pattern *p, span name, span type)
{
	return part_matches(p->part[0], name) && part_matches(p->part[1], type);
}

bool pattern_matches(const struct pattern *p, const struct entry *e)
{
	return pattern_matches_service(
	    p, e->words[FIELD_SERVICE], e->words[FIELD_TYPE]);
}

const char *field_name(size_t field)
{
	return field_names[field];
}

size_t pattern_field(struct postconf *pc, span part)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (span_eq(part, span_str(field_names[i])))
			return i;
	if (!pattern_is_any(part))
		fatal(
		    pc, "invalid service attribute name: \"%.*s\"", ALL(part));
	return FIELDS;
}
