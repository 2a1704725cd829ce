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

static enum matchlist_result decide(
    const struct pattern *p, const struct pattern **ret_hit)
{
	if (ret_hit)
		*ret_hit = p;
	return p->negated ? MATCH_NO : MATCH_YES;
}

static bool is_trouble(const struct pattern *p)
{
	return p->kind == PATTERN_TABLE || p->kind == PATTERN_BAD;
}

static enum matchlist_result fail(
    const struct pattern *p, const struct pattern **ret_hit)
{
	if (ret_hit)
		*ret_hit = p;
	return MATCH_ERROR;
}

enum matchlist_result matchlist_string(
    const struct matchlist *l, span s, const struct pattern **ret_hit)
{
	for (uint32_t i = 0; i < l->count; i++) {
		const struct pattern *p = &l->patterns[i];

		if (is_trouble(p))
			return fail(p, ret_hit);
		if (span_eq_nocase(s, p->text))
			return decide(p, ret_hit);
	}
	return MATCH_NO;
}

static bool matches_domain(
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

enum matchlist_result matchlist_domain(
    const struct matchlist *l, span domain, const struct pattern **ret_hit)
{
	for (uint32_t i = 0; i < l->count; i++) {
		const struct pattern *p = &l->patterns[i];

		if (is_trouble(p))
			return fail(p, ret_hit);
		if (matches_domain(l, p, domain))
			return decide(p, ret_hit);
	}
	return MATCH_NO;
}

/* A bad network is of no concern to clients of the other family. */
static bool concerns(const struct pattern *p, const struct network *addr)
{
	return p->kind != PATTERN_BAD || p->network.family == 0 ||
	    p->network.family == addr->family;
}

static bool matches_client(const struct matchlist *l, const struct pattern *p,
    span name, span addr, const struct network *net)
{
	if (matches_domain(l, p, name) || span_eq_nocase(addr, p->text))
		return true;
	return p->kind == PATTERN_NETWORK && network_has(&p->network, net);
}

enum matchlist_result matchlist_client(const struct matchlist *l, span name,
    span addr, const struct pattern **ret_hit)
{
	struct network net;

	if (!network_parse_address(addr, &net))
		net = (struct network){ 0 };
	for (uint32_t i = 0; i < l->count; i++) {
		const struct pattern *p = &l->patterns[i];

		if (is_trouble(p) && concerns(p, &net))
			return fail(p, ret_hit);
		if (is_trouble(p))
			continue;
		if (matches_client(l, p, name, addr, &net))
			return decide(p, ret_hit);
	}
	return MATCH_NO;
}
