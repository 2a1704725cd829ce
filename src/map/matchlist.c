/* SPDX-License-Identifier: ISC */
#include "map/matchlist.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>

#include "conf/words.h"

enum {
	FILE_LIMIT = 4 * 1024 * 1024,
	FILE_DEPTH = 8,
	ADDRESS_TEXT = 64,
	VALUE_LIMIT = 1024 * 1024,
};

/* --- networks --- */

bool network_parse_address(span text, struct network *ret)
{
	bool six = span_find(text, ':') >= 0;
	char copy[ADDRESS_TEXT];

	if (text.len == 0 || text.len >= sizeof(copy) ||
	    memchr(text.ptr, '\0', text.len))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*ret =
	    (struct network){ .family = six ? 6 : 4, .prefix = six ? 128 : 32 };
	return inet_pton(six ? AF_INET6 : AF_INET, copy, ret->bytes) == 1;
}

/* The bits of byte i that belong to the network. */
static uint8_t mask_of(const struct network *net, unsigned i)
{
	unsigned bits = net->prefix > 8 * i ? net->prefix - 8 * i : 0;

	return bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
}

bool network_has(const struct network *net, const struct network *addr)
{
	unsigned n = net->family == 6 ? 16 : 4;

	if (net->family != addr->family)
		return false;
	for (unsigned i = 0; i < n; i++)
		if ((net->bytes[i] ^ addr->bytes[i]) & mask_of(net, i))
			return false;
	return true;
}

/* --- reading a list --- */

struct reader {
	struct matchlist *list;
	struct arena *arena;
	read_file_fn *read_file;
	unsigned depth;
	uint32_t room;
	bool full;
};

static span lower(struct arena *a, span s)
{
	char *p = arena_alloc(a, s.len + 1, 1);

	if (!p)
		return SPAN_NONE;
	for (size_t i = 0; i < s.len; i++)
		p[i] = ascii_lower(s.ptr[i]);
	return span_of(p, s.len);
}

static struct pattern *add(struct reader *r)
{
	struct matchlist *l = r->list;

	if (l->count == r->room) {
		uint32_t room = r->room ? 2 * r->room : 8;
		struct pattern *more =
		    arena_alloc(r->arena, room, sizeof(*more));

		if (!more) {
			r->full = true;
			return NULL;
		}
		if (l->count)
			memcpy(more, l->patterns, l->count * sizeof(*more));
		l->patterns = more;
		r->room = room;
	}
	return &l->patterns[l->count++];
}

PRINTF_LIKE(3, 4)
static void make_bad(
    struct reader *r, struct pattern *p, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		n = 0;
	p->kind = PATTERN_BAD;
	p->text = arena_dup(
	    r->arena, span_of(text, MIN((size_t)n, sizeof(text) - 1)));
	r->full |= !p->text.ptr;
}

static bool has_only(span s, const char *chars)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.ptr[i] || !strchr(chars, s.ptr[i]))
			return false;
	return true;
}

/* Names may stand beside networks: only what can be no name is taken apart. */
static bool looks_like_network(span s)
{
	if (span_find(s, ':') < 0 && span_find(s, '/') < 0)
		return false;
	return has_only(s, "0123456789abcdefABCDEF.:[]/");
}

static bool has_host_bits(const struct network *net)
{
	for (unsigned i = 0; i < sizeof(net->bytes); i++)
		if (net->bytes[i] & ~mask_of(net, i))
			return true;
	return false;
}

static void complain_host_bits(struct reader *r, struct pattern *p, span text)
{
	struct network net = p->network;
	char fixed[INET6_ADDRSTRLEN] = "";

	for (unsigned i = 0; i < sizeof(net.bytes); i++)
		net.bytes[i] &= mask_of(&net, i);
	(void)inet_ntop(net.family == 6 ? AF_INET6 : AF_INET, net.bytes, fixed,
	    sizeof(fixed));
	make_bad(r, p,
	    "non-null host address bits in \"%.*s\", "
	    "perhaps you should use \"%s/%u\" instead",
	    PRI(text), fixed, net.prefix);
}

/* [addr/len], [addr]/len, addr/len, [addr] */
static void read_network(struct reader *r, struct pattern *p, span text)
{
	span addr = text;
	span mask = SPAN_NONE;
	uint32_t bits;

	(void)span_skip(&addr, SPAN("["));
	if (span_find(addr, '/') >= 0) {
		mask = addr;
		addr = span_cut(&mask, '/');
		if (mask.len && mask.ptr[mask.len - 1] == ']')
			mask.len--;
	}
	if (addr.len && addr.ptr[addr.len - 1] == ']')
		addr.len--;
	p->kind = PATTERN_NETWORK;
	if (!network_parse_address(addr, &p->network))
		make_bad(r, p, "bad network value in \"%.*s\"", PRI(text));
	else if (!mask.ptr)
		return;
	else if (!span_to_u32(mask, &bits))
		make_bad(r, p, "bad mask value in \"%.*s\"", PRI(text));
	else if (bits > p->network.prefix)
		make_bad(r, p, "bad mask length in \"%.*s\"", PRI(text));
	else if ((p->network.prefix = (uint8_t)bits,
	             has_host_bits(&p->network)))
		complain_host_bits(r, p, text);
}

static bool is_table(span s)
{
	return s.len && s.ptr[0] != '[' && span_find(s, ':') >= 0;
}

static void read_words(struct reader *r, span value, bool negated);

/* Lines of a file; those that begin with '#' are comments. */
static void read_lines(struct reader *r, span content, bool negated)
{
	while (content.len) {
		span line = span_cut(&content, '\n');

		if (line.len && line.ptr[0] != '#')
			read_words(r, line, negated);
	}
}

static void read_list_file(struct reader *r, span path, bool negated)
{
	struct buf content = BUF_INIT(FILE_LIMIT);
	int error =
	    r->depth >= FILE_DEPTH ? -ELOOP : r->read_file(path, &content);
	span copy;
	struct pattern *p;

	if (error == 0) {
		copy = arena_dup(r->arena, buf_span(&content));
		r->full |= !copy.ptr;
		r->depth++;
		read_lines(r, copy, negated);
		r->depth--;
	} else if ((p = add(r))) {
		make_bad(
		    r, p, "open file %.*s: %s", PRI(path), strerror(-error));
	}
	buf_done(&content);
}

static void read_word(struct reader *r, span word, bool negated)
{
	struct pattern *p;

	while (span_skip(&word, SPAN("!")))
		negated = !negated;
	if (word.len && word.ptr[0] == '/') {
		read_list_file(r, word, negated);
		return;
	}
	p = add(r);
	if (!p)
		return;
	*p = (struct pattern){ .kind = PATTERN_TEXT, .negated = negated };
	if (word.len == 0) {
		make_bad(r, p, "no pattern after '!'");
	} else if (is_table(word)) {
		p->kind = PATTERN_TABLE;
		p->text = word;
		if (r->list->tables)
			p->table = tables_get(r->list->tables, word,
			    MAP_FOLD_FIXED | MAP_UTF8 | MAP_RESTS);
	} else {
		p->text = lower(r->arena, word);
		r->full |= !p->text.ptr;
		if ((r->list->flags & MATCHLIST_NETWORKS) &&
		    looks_like_network(word))
			read_network(r, p, word);
	}
}

static void read_words(struct reader *r, span value, bool negated)
{
	span word;

	while (!r->full && (word = words_next(&value)).len) {
		if (word.ptr[0] == '#') /* not a comment: said at the match */
			break;
		read_word(r, word, negated);
	}
}

bool matchlist_parse(
    struct matchlist *l, span value, struct arena *a, read_file_fn *read_file)
{
	struct reader r = { .list = l, .arena = a, .read_file = read_file };

	l->count = 0;
	l->patterns = NULL;
	read_words(&r, value, false);
	return !r.full;
}

/* --- matching --- */

void matchlist_error(const struct pattern *p, struct buf *out)
{
	buf_put(out, p->text);
	if (p->kind == PATTERN_TABLE)
		buf_put(out, SPAN(": table lookup problem"));
}

/* Whether the table has the key: the value does not matter. */
static enum matchlist_result in_table(const struct pattern *p, span key)
{
	struct buf value = BUF_INIT(VALUE_LIMIT);
	enum map_answer answer = MAP_RETRY;

	if (p->table)
		answer = map_find(p->table->map, key, &value);
	buf_done(&value);
	if (answer == MAP_RETRY)
		return MATCH_ERROR;
	return answer == MAP_FOUND ? MATCH_YES : MATCH_NO;
}

/* One pattern and one way to look at it. */
typedef enum matchlist_result match_fn(
    const struct matchlist *l, const struct pattern *p, const void *what);

static enum matchlist_result search(const struct matchlist *l, match_fn *fn,
    const void *what, const struct pattern **ret_hit)
{
	for (uint32_t i = 0; i < l->count; i++) {
		const struct pattern *p = &l->patterns[i];
		enum matchlist_result r = fn(l, p, what);

		if (r == MATCH_NO)
			continue;
		if (ret_hit)
			*ret_hit = p;
		if (r == MATCH_YES && p->negated)
			r = MATCH_NO;
		return r;
	}
	return MATCH_NO;
}

static enum matchlist_result yes_if(bool yes)
{
	return yes ? MATCH_YES : MATCH_NO;
}

/* --- strings --- */

static enum matchlist_result match_string(
    const struct matchlist *l UNUSED, const struct pattern *p, const void *what)
{
	const span *s = what;

	if (p->kind == PATTERN_BAD)
		return MATCH_ERROR;
	if (p->kind == PATTERN_TABLE)
		return in_table(p, *s);
	return yes_if(span_eq_nocase(*s, p->text));
}

enum matchlist_result matchlist_string(
    const struct matchlist *l, span s, const struct pattern **ret_hit)
{
	return search(l, match_string, &s, ret_hit);
}

/* --- domains --- */

/* x.example.org, then .example.org (with parents: example.org), ... */
static enum matchlist_result domain_in_table(
    const struct matchlist *l, const struct pattern *p, span name)
{
	bool parts = p->table && map_is_exact(p->table->map);
	span entry = name;

	while (entry.len) {
		enum matchlist_result r = in_table(p, entry);
		ssize_t dot;

		if (r != MATCH_NO || !parts)
			return r;
		dot = span_find(span_from(entry, 1), '.');
		if (dot < 0)
			break;
		entry = span_from(entry, (size_t)dot + 1);
		if (l->flags & MATCHLIST_PARENTS)
			entry = span_from(entry, 1);
	}
	return MATCH_NO;
}

static bool is_domain(
    const struct matchlist *l, const struct pattern *p, span name)
{
	size_t longer = name.len - p->text.len;

	if (span_eq_nocase(name, p->text))
		return true;
	if (name.len <= p->text.len || !span_has_suffix_nocase(name, p->text))
		return false;
	if (l->flags & MATCHLIST_PARENTS)
		return name.ptr[longer - 1] == '.';
	return p->text.len && p->text.ptr[0] == '.';
}

static enum matchlist_result match_domain(
    const struct matchlist *l, const struct pattern *p, const void *what)
{
	const span *name = what;

	if (p->kind == PATTERN_BAD)
		return MATCH_ERROR;
	if (p->kind == PATTERN_TABLE)
		return domain_in_table(l, p, *name);
	return yes_if(is_domain(l, p, *name));
}

enum matchlist_result matchlist_domain(
    const struct matchlist *l, span domain, const struct pattern **ret_hit)
{
	return search(l, match_domain, &domain, ret_hit);
}

/* --- clients --- */

struct client {
	span name;
	span addr;
	struct network net;
};

/* A bad network is of no concern to clients of the other family. */
static bool concerns(const struct pattern *p, const struct network *addr)
{
	return p->network.family == 0 || p->network.family == addr->family;
}

static enum matchlist_result match_client(
    const struct matchlist *l, const struct pattern *p, const void *what)
{
	const struct client *c = what;
	enum matchlist_result r;

	if (p->kind == PATTERN_BAD)
		return concerns(p, &c->net) ? MATCH_ERROR : MATCH_NO;
	if (p->kind == PATTERN_TABLE) {
		r = domain_in_table(l, p, c->name);
		return r == MATCH_NO ? in_table(p, c->addr) : r;
	}
	if (is_domain(l, p, c->name) || span_eq_nocase(c->addr, p->text))
		return MATCH_YES;
	return yes_if(
	    p->kind == PATTERN_NETWORK && network_has(&p->network, &c->net));
}

enum matchlist_result matchlist_client(const struct matchlist *l, span name,
    span addr, const struct pattern **ret_hit)
{
	struct client c = { .name = name, .addr = addr };

	if (!network_parse_address(addr, &c.net))
		c.net = (struct network){ 0 };
	return search(l, match_client, &c, ret_hit);
}
