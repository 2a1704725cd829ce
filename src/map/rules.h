/* SPDX-License-Identifier: ISC */
/*
 * map/rules.h - the text of a table of patterns (cidr, regexp, pcre), line by
 * line.
 *
 * It is a file, or stands in the name: "{{/x/ y}, {...}}", where each inner
 * pair of braces is a line. A line that is wrong is warned about and skipped;
 * the rest of the table works.
 */
#pragma once

#include "conf/lines.h"
#include "map/map.h"

/* An "if" that waits for its "endif". */
struct rules_if {
	uint32_t line;
	uint32_t index; /* of the rule, as its table counts them */
};

struct rules {
	const struct map_setup *setup;
	struct buf text;
	struct conf_lines lines;
	struct buf line;
	uint32_t number; /* of the current line */
	struct rules_if *ifs;
	size_t depth; /* of ifs in use */
	size_t room;
};

/*
 * False: the reason is set. `m` is what map_changed() asks about. End with
 * rules_done() in both cases.
 */
MUST_USE bool rules_open(
    struct rules *r, const struct map_setup *s, struct map *m);
void rules_done(struct rules *r);

/*
 * The next line, without comments and continued lines joined, up to its first
 * NUL; it does not begin with white space. It lasts until the next call.
 */
bool rules_next(struct rules *r, span *ret_line);

/* "TYPE map NAME, line N: text", about the current line. */
PRINTF_LIKE(2, 3) void rules_warn(struct rules *r, const char *format, ...);
/* Warn with the text as it is. */
void rules_warn_plain(struct rules *r, span text);

/* Whether the line is this statement ("IF", "ENDIF"): steps over it. */
bool rules_statement(span *line, span word);
/* Step over "!" and white space: whether the pattern is negated. */
bool rules_negated(span *line);
void rules_skip_space(span *line);
span rules_trim_end(span line);

void rules_if_push(struct rules *r, uint32_t index);
/* The index of the last "if"; there must be one (r->depth > 0). */
uint32_t rules_if_pop(struct rules *r);
/* The index of the last "if", or `none`. */
uint32_t rules_if_top(const struct rules *r, uint32_t none);
/* At the end of the text: warn about each "if" that is still open. */
void rules_warn_open_ifs(struct rules *r);

/*
 * With MAP_VALUE_IS_FILE: put what the value stands for into `out` and make
 * `value` that. False: `out` is why not.
 */
MUST_USE bool rules_value(struct rules *r, span *value, struct buf *out);
