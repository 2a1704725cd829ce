/* SPDX-License-Identifier: ISC */
/*
 * tool/postdrop_rights.c - who may submit, and as whom.
 */
#include "tool/postdrop_rights.h"

#include <pwd.h>

#include "conf/site.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "map/matchlist.h"
#include "map/source.h"
#include "map/tables.h"
#include "os/file.h"
#include "tool/submit.h"

enum { LISTS_MAX = 1 << 20, TEXT_MAX = 1 << 20 };

/* The tables of one question. */
struct desk {
	struct voice *v;
	struct map_host host;
	struct tables tables;
	struct arena arena;
	unsigned flags;
	bool utf8;
	struct extension_rules extension;
};

static span value_of(const struct desk *d, span name)
{
	return conf_value(d->v->conf, CONF_MAIN, name);
}

static void on_warning(void *ctx, span text)
{
	struct desk *d = ctx;

	voice_warn(d->v, "%.*s", PRI(text));
}

static span on_param(void *ctx, span name)
{
	return value_of(ctx, name);
}

static void desk_init(struct desk *d, struct voice *v)
{
	*d = (struct desk){ .v = v };
	d->host = (struct map_host){ .ctx = d,
		.warn = on_warning,
		.param = on_param,
		.module_dir = site_daemon_dir(v->conf) };
	tables_init(&d->tables, &d->host);
	arena_init(&d->arena, LISTS_MAX);
}

/* False: a parameter makes no sense, which was said. */
static bool desk_read(struct desk *d)
{
	struct conf *conf = d->v->conf;

	d->extension.delimiters = value_of(d, SPAN("recipient_delimiter"));
	d->extension.double_bounce = value_of(d, SPAN("double_bounce_sender"));
	if (!submit_bool(d->v, conf, "smtputf8_enable", &d->utf8) ||
	    !submit_bool(d->v, conf, "owner_request_special",
	        &d->extension.owner_request_whole))
		return false;
	d->flags = MAP_FOLD_FIXED | (d->utf8 ? MAP_UTF8 : 0);
	return true;
}

static void desk_done(struct desk *d)
{
	tables_done(&d->tables);
	arena_done(&d->arena);
}

/* ---- authorized_submit_users ---- */

static enum rights ask_list(struct desk *d, span user)
{
	struct matchlist l = { .name = SPAN("authorized_submit_users"),
		.tables = &d->tables };
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	const struct pattern *hit = NULL;

	if (!matchlist_parse(
	        &l, value_of(d, l.name), &d->arena, file_read_named)) {
		voice_warn(d->v, "%.*s is too long", PRI(l.name));
		return RIGHTS_UNKNOWN;
	}
	switch (matchlist_string(&l, user, &hit)) {
	case MATCH_YES:
		return RIGHTS_OK;
	case MATCH_NO:
		return RIGHTS_NO;
	case MATCH_ERROR:
		break;
	}
	matchlist_error(hit, &error);
	voice_warn(d->v, "%.*s: %s", PRI(l.name), buf_cstr(&error));
	return RIGHTS_UNKNOWN;
}

enum rights rights_submit(struct voice *v, span user)
{
	struct desk d;
	enum rights answer;

	desk_init(&d, v);
	answer = ask_list(&d, user);
	desk_done(&d);
	return answer;
}

/* ---- local_login_sender_maps ---- */

static bool same_text(const struct desk *d, span a, span b)
{
	CLEANUP(buf_done) struct buf left = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf right = BUF_INIT(TEXT_MAX);

	if (span_eq_nocase(a, b))
		return true;
	if (!d->utf8)
		return false;
	map_fold(d->flags, a, &left);
	map_fold(d->flags, b, &right);
	return span_eq(buf_span(&left), buf_span(&right));
}

/* As it is written in a table, without its extension. */
static void put_plain_sender(const struct desk *d, span sender, struct buf *out)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT(TEXT_MAX);
	span local;
	span domain;

	address_split(sender, &local, &domain);
	buf_put(&plain, extension_user(&d->extension, local));
	if (domain.ptr)
		buf_printf(&plain, "@%.*s", PRI(domain));
	address_quote(out, buf_span(&plain));
}

static bool pattern_has(
    const struct desk *d, span pattern, span sender, span plain)
{
	span null = value_of(
	    d, SPAN("empty_address_local_login_sender_maps_lookup_key"));
	span local;
	span domain;

	if (pattern.ptr[0] == '@') {
		address_split(sender, &local, &domain);
		return domain.ptr &&
		    same_text(d, span_from(pattern, 1), domain);
	}
	if (span_eq(pattern, SPAN("*")))
		return true;
	if (span_eq_nocase(pattern, null))
		return sender.len == 0;
	return same_text(d, pattern, plain);
}

/* Blanks and commas separate, outside of quotes. */
static bool patterns_have(const struct desk *d, span patterns, span sender)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT(TEXT_MAX);

	put_plain_sender(d, sender, &plain);
	while (patterns.len > 0) {
		size_t n;

		(void)source_key_end(patterns, ',', &n);
		if (n > 0 &&
		    pattern_has(
		        d, span_first(patterns, n), sender, buf_span(&plain)))
			return true;
		patterns = span_from(patterns, MIN(n + 1, patterns.len));
	}
	return false;
}

static enum rights ask_maps(struct desk *d, span user, span sender)
{
	static const span title = SPAN_INIT("local_login_sender_maps");
	CLEANUP(buf_done) struct buf patterns = BUF_INIT(TEXT_MAX);
	struct table_list maps;

	if (!table_list_make(
	        &maps, &d->tables, &d->arena, value_of(d, title), d->flags)) {
		voice_warn(d->v, "%.*s is too long", PRI(title));
		return RIGHTS_UNKNOWN;
	}
	maps.title = title;
	switch (
	    table_list_find(&maps, user, TABLE_WHOLE_KEY, &patterns, NULL)) {
	case MAP_FOUND:
		return patterns_have(d, buf_span(&patterns), sender)
		    ? RIGHTS_OK
		    : RIGHTS_NO;
	case MAP_NONE:
		return RIGHTS_NO;
	case MAP_RETRY:
		break;
	}
	return RIGHTS_UNKNOWN;
}

enum rights rights_sender(struct voice *v, uid_t uid, span sender)
{
	const struct passwd *pw = getpwuid(uid);
	enum rights answer = RIGHTS_UNKNOWN;
	char number[64];
	struct desk d;

	(void)snprintf(number, sizeof(number), "uid:%ld", (long)uid);
	desk_init(&d, v);
	if (desk_read(&d))
		answer =
		    ask_maps(&d, span_str(pw ? pw->pw_name : number), sender);
	desk_done(&d);
	return answer;
}
