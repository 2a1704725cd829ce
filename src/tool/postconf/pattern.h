/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/pattern.h - "service/type/rest", where "*" matches all.
 */
#pragma once

#include "tool/postconf/postconf.h"

struct pattern {
	span part[3];
	const char *text;
	unsigned matches;
};
MUST_USE bool pattern_parse(
    const char *text, size_t min, size_t max, struct pattern *ret);
bool pattern_is_any(span part);
bool pattern_matches(const struct pattern *p, const struct entry *e);
bool pattern_matches_service(const struct pattern *p, span name, span type);
/* FIELDS stands for "*". */
size_t pattern_field(struct postconf *pc, span part);
const char *field_name(size_t field);
