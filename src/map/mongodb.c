/* SPDX-License-Identifier: ISC */
/*
 * map/mongodb.c - "mongodb:/etc/postfix/x.cf": mongodb_table(5). A module.
 *
 * The filter, filled with the key, goes to the server as a find command; the
 * strings, integers and arrays of the documents that come back, as far as the
 * projection lets them through, are the value.
 *
 * One client of the driver (libmongoc, in the way that starts no threads) is
 * kept. When it fails otherwise than by an answer of the server it is thrown
 * away, as it would not try that server again for five seconds; one that had
 * answered before is replaced at once, because the server may just have been
 * restarted.
 *
 * The driver waits for each message as long as the URI allows, or our presets;
 * the time of a lookup with many of them is limited here. Of what it or the
 * server says only text without the password goes to the log.
 */
#include <mongoc/mongoc.h>

#include "map/types.h"

#include <inttypes.h>

#include "mail/address.h"
#include "map/db_common.h"
#include "map/mongodb_guard.h"
#include "map/mongodb_json.h"
#include "os/clock.h"

enum {
	MAX_FILTER = 1024 * 1024,
	MAX_HOSTS = 4096,
	MAX_TOLD = 500,
	MAX_DEPTH = 10, /* of arrays in arrays */
	MAX_DOCUMENTS = 100000,
	WAIT_MSEC = 10000, /* for one message, unless the URI says more */
	LOOKUP_SEC = 30,
	/* What took longer was no connection that was closed meanwhile. */
	AGAIN_SEC = 1,
};

struct mongodb {
	struct map map;
	struct source_conf conf; /* owns the strings */
	struct db_common common;
	mongoc_uri_t *uri;
	struct mongodb_guard guard;
	mongoc_client_t *client; /* NULL: none yet, or the last one failed */
	bool answered;           /* that client has */
	struct buf hosts;        /* for messages */
	const char *dbname;
	const char *collection;
	span query_filter;
	span result_format;
	int expansion_limit;
	bson_t *options; /* of each find: the projection */
	struct buf filter;
};

/* --- texts for the log --- */

static bool contains(span text, span part)
{
	return part.len && text.len &&
	    memmem(text.ptr, text.len, part.ptr, part.len);
}

static span shortened(span text)
{
	return span_first(text, MIN(text.len, (size_t)MAX_TOLD));
}

/* Text of others: short, one line, and without the password. */
static void put_told(const char *password, span text, struct buf *out)
{
	if (password && contains(text, span_str(password))) {
		buf_put(out, SPAN("(not shown, it repeats the password)"));
		return;
	}
	text = shortened(text);
	for (size_t i = 0; i < text.len; i++)
		buf_putc(out, ascii_is_print(text.ptr[i]) ? text.ptr[i] : '?');
}

static void warn_error(struct mongodb *t, const bson_error_t *error)
{
	const char *text = t->guard.wrong ? t->guard.wrong : error->message;
	struct buf told = BUF_INIT(MAX_TOLD + 1);

	put_told(mongoc_uri_get_password(t->uri), span_str(text), &told);
	map_warn(&t->map, "mongodb server %.*s: %.*s", PRI(buf_span(&t->hosts)),
	    PRI(buf_span(&told)));
	buf_done(&told);
}

/* --- opening --- */

/* "user:password" of "mongodb://user:password@host/..." as it is written. A
 * password with an "@" in it is wrong, and all the more not to be shown. */
static span credentials_of(span uri)
{
	static const span scheme_end = SPAN_INIT("://");
	const char *at =
	    memmem(uri.ptr, uri.len, scheme_end.ptr, scheme_end.len);
	span rest = at ? span_from(uri, (size_t)(at - uri.ptr) + 3) : uri;
	ssize_t end = span_rfind(rest, '@');

	return end < 0 ? SPAN_NONE : span_first(rest, (size_t)end);
}

/* Nothing of the URI's secrets. Those among its options have values that the
 * driver repeats where it does not like them. */
static bool may_tell(span uri, span text)
{
	span password = credentials_of(uri);
	span user = span_cut(&password, ':');

	return !contains(text, password) && !contains(text, user) &&
	    !contains(text, SPAN("authmechanismproperties")) &&
	    !contains(text, SPAN("authMechanismProperties")) &&
	    !contains(text, SPAN("assword"));
}

struct listener {
	const struct map_setup *setup;
	span uri;
};

/* What the driver thinks of the URI's options goes through its log. */
static void on_driver_log(mongoc_log_level_t level, const char *domain UNUSED,
    const char *message, void *ctx)
{
	const struct listener *l = ctx;

	if (level <= MONGOC_LOG_LEVEL_WARNING &&
	    may_tell(l->uri, span_str(message)))
		map_setup_warn(l->setup, "%.*s:%.*s: uri: %.*s",
		    PRI(l->setup->type), PRI(l->setup->name),
		    PRI(shortened(span_str(message))));
}

static void preset_wait(mongoc_uri_t *uri, const char *option)
{
	/* 0 would be for ever. */
	if (mongoc_uri_get_option_as_int32(uri, option, 0) <= 0)
		(void)mongoc_uri_set_option_as_int32(uri, option, WAIT_MSEC);
}

static void name_hosts(struct mongodb *t)
{
	const mongoc_host_list_t *h = mongoc_uri_get_hosts(t->uri);
	const char *srv = mongoc_uri_get_srv_hostname(t->uri);

	if (srv)
		buf_printf(&t->hosts, "%s", srv);
	for (; h && !srv; h = h->next)
		buf_printf(&t->hosts, "%s%s", t->hosts.len ? "," : "",
		    h->host_and_port);
}

static mongoc_uri_t *parse_uri(struct source_conf *c, span text)
{
	bson_error_t error = { 0 };
	mongoc_uri_t *uri = mongoc_uri_new_with_error(text.ptr, &error);

	if (uri)
		return uri;
	source_conf_fail(c, "%.*s: uri: %s", PRI(c->setup->name),
	    may_tell(text, span_str(error.message))
	        ? error.message
	        : "not a MongoDB connection string");
	return NULL;
}

static void open_uri(struct mongodb *t, span text)
{
	struct source_conf *c = &t->conf;

	t->uri = parse_uri(c, text);
	if (!t->uri)
		return;
	name_hosts(t);
	/* Half of a password is not to be looked up, nor logged, as a host. */
	if (span_find(buf_span(&t->hosts), '@') >= 0)
		source_conf_fail(c,
		    "%.*s: uri: an '@' in the user name or password must be "
		    "written as %%40",
		    PRI(c->setup->name));
	/* A compressed answer could not be looked through. */
	(void)mongoc_uri_set_compressors(t->uri, NULL);
	preset_wait(t->uri, MONGOC_URI_CONNECTTIMEOUTMS);
	preset_wait(t->uri, MONGOC_URI_SOCKETTIMEOUTMS);
	preset_wait(t->uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS);
}

/* A filter that is no JSON for any key is found now. Some of its values may
 * have to be numbers or such in quotes: {"$oid": "%s"}. */
static void check_filter(struct mongodb *t)
{
	static const span samples[] = { SPAN_INIT("x"), SPAN_INIT("1"),
		SPAN_INIT("0123456789abcdef01234567") };
	const char *wrong = mongodb_json_check(t->query_filter);
	bson_error_t first = { 0 };

	for (size_t i = 0; !wrong && i < ARRAY_LEN(samples); i++) {
		bson_error_t error = { 0 };
		bson_t *query;

		buf_clear(&t->filter);
		mongodb_json_sample(t->query_filter, samples[i], &t->filter);
		query = bson_new_from_json(
		    (const uint8_t *)buf_cstr(&t->filter), -1, &error);
		if (query) {
			bson_destroy(query);
			return;
		}
		if (i == 0)
			first = error;
	}
	source_conf_fail(&t->conf, "%.*s: query_filter: %s",
	    PRI(t->conf.setup->name), wrong ? wrong : first.message);
}

static bson_t *names_to_projection(span names)
{
	bson_t *projection = bson_new();

	for (;;) {
		span name = span_word(&names, ", \t\r\n");

		if (!name.len)
			return projection;
		if (!bson_append_int32(projection, name.ptr, (int)name.len, 1))
			bug("no room for a projection");
	}
}

static void read_projection(struct mongodb *t)
{
	struct source_conf *c = &t->conf;
	span json = source_conf_str(c, "projection", NULL);
	span names = source_conf_str(c, "result_attribute", NULL);
	bson_error_t error = { 0 };
	bson_t *projection;

	if (!json.len == !names.len) {
		source_conf_fail(c,
		    "%.*s:%.*s: specify exactly one of 'projection' or "
		    "'result_attribute'",
		    PRI(c->setup->type), PRI(c->setup->name));
		return;
	}
	projection = json.len
	    ? bson_new_from_json((const uint8_t *)json.ptr, -1, &error)
	    : names_to_projection(names);
	if (!projection) {
		source_conf_fail(c, "%.*s: projection: %s", PRI(c->setup->name),
		    error.message);
		return;
	}
	if ((!bson_has_field(projection, "_id") &&
	        !BSON_APPEND_INT32(projection, "_id", 0)) ||
	    !BSON_APPEND_DOCUMENT(t->options, "projection", projection))
		bug("no room for a projection");
	bson_destroy(projection);
}

static void read_conf(struct mongodb *t)
{
	struct source_conf *c = &t->conf;
	span uri = source_conf_str_needed(c, "uri", "");

	t->dbname = source_conf_str_needed(c, "dbname", "").ptr;
	t->collection = source_conf_str_needed(c, "collection", "").ptr;
	t->query_filter = source_conf_str_needed(c, "query_filter", "");
	t->result_format = source_conf_str_needed(c, "result_format", "%s");
	t->expansion_limit = source_conf_int(c, "expansion_limit", 10, 0, 100);
	db_common_template(&t->common, c, t->query_filter, DB_QUERY, NULL);
	db_common_template(&t->common, c, t->result_format, DB_RESULT, NULL);
	db_common_domains(&t->common, c);
	if (source_conf_ok(c))
		check_filter(t);
	if (source_conf_ok(c))
		read_projection(t);
	if (source_conf_ok(c))
		open_uri(t, uri);
}

static bool new_client(struct mongodb *t, bson_error_t *error)
{
	t->client = mongoc_client_new_from_uri_with_error(t->uri, error);
	t->answered = false;
	if (!t->client)
		return false;
	mongodb_guard_attach(&t->guard, t->client);
	(void)mongoc_client_set_error_api(
	    t->client, MONGOC_ERROR_API_VERSION_2);
	return true;
}

static void drop_client(struct mongodb *t)
{
	if (t->client)
		mongoc_client_destroy(t->client);
	t->client = NULL;
}

/* It connects when it is asked for the first time. One whose servers are
 * named by the DNS has to wait for that already. */
static void first_client(struct mongodb *t)
{
	bson_error_t error = { 0 };

	if (mongoc_uri_get_srv_hostname(t->uri) || new_client(t, &error))
		return;
	source_conf_fail(&t->conf, "%.*s: uri: %s", PRI(t->conf.setup->name),
	    may_tell(
	        source_conf_str(&t->conf, "uri", ""), span_str(error.message))
	        ? error.message
	        : "not usable");
}

static void mongodb_close(struct map *m)
{
	struct mongodb *t = CONTAINER_OF(m, struct mongodb, map);

	drop_client(t);
	if (t->uri)
		mongoc_uri_destroy(t->uri);
	bson_destroy(t->options);
	db_common_done(&t->common);
	source_conf_done(&t->conf);
	buf_done(&t->hosts);
	buf_done(&t->filter);
	mem_free(t);
}

static bool setup_table(struct mongodb *t, const struct map_setup *s)
{
	struct listener listener = { .setup = s };

	if (!source_conf_open(&t->conf, s, &t->map))
		return false;
	listener.uri = source_conf_str(&t->conf, "uri", "");
	mongodb_guard_init();
	mongoc_log_set_handler(on_driver_log, &listener);
	read_conf(t);
	if (source_conf_ok(&t->conf))
		first_client(t);
	mongoc_log_set_handler(NULL, NULL);
	return source_conf_ok(&t->conf);
}

static struct map *mongodb_open(const struct map_setup *s)
{
	struct mongodb *t = NEW(struct mongodb);
	bool good;

	buf_init(&t->hosts, MAX_HOSTS);
	buf_init(&t->filter, MAX_FILTER);
	t->options = bson_new();
	db_common_init(&t->common, &t->map, s);
	good = setup_table(t, s);
	t->conf.setup = NULL;
	if (good)
		return &t->map;
	mem_free(t->map.path); /* otherwise map_close() does that */
	mongodb_close(&t->map);
	return NULL;
}

/* --- documents --- */

struct answer {
	struct mongodb *t;
	struct db_result result;
	bool odd_told;
};

static bool put_text(struct answer *a, span text)
{
	struct map *m = &a->t->map;
	span key = a->result.key;

	if (span_find(text, '\0') >= 0) {
		map_warn(m, "key \"%.*s\": null byte in the value", PRI(key));
		return false;
	}
	if (!bson_utf8_validate(text.ptr, text.len, false)) {
		map_warn(m, "key \"%.*s\": invalid UTF-8 in lookup result",
		    PRI(key));
		return false;
	}
	if (!db_result_put(&a->result, text)) {
		map_warn_plain(m,
		    "%.*s: expansion limit exceeded for key: '%.*s'",
		    PRI(m->spec), PRI(key));
		return false;
	}
	if (a->result.out->failed) {
		map_warn(m, "key \"%.*s\": the result is too long", PRI(key));
		return false;
	}
	return true;
}

static bool put_number(struct answer *a, int64_t n)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRId64, n);
	return put_text(a, span_str(digits));
}

/* Once for a lookup: there could be very many. */
static void warn_odd(struct answer *a, const bson_iter_t *it)
{
	struct buf name = BUF_INIT(MAX_TOLD + 1);

	if (a->odd_told)
		return;
	a->odd_told = true;
	put_told(NULL, span_str(bson_iter_key(it)), &name);
	map_warn(&a->t->map,
	    "failed to retrieve value of '%.*s', Unknown result type %d.",
	    PRI(buf_span(&name)), (int)bson_iter_type(it));
	buf_done(&name);
}

static bool put_fields(struct answer *a, bson_iter_t *it, unsigned depth);

static bool put_field(struct answer *a, bson_iter_t *it, unsigned depth)
{
	bson_iter_t inner;

	if (BSON_ITER_HOLDS_UTF8(it)) {
		uint32_t len;
		const char *text = bson_iter_utf8(it, &len);

		return put_text(a, span_of(text, len));
	}
	if (BSON_ITER_HOLDS_INT(it))
		return put_number(a, bson_iter_as_int64(it));
	if (!BSON_ITER_HOLDS_ARRAY(it)) {
		warn_odd(a, it);
		return true;
	}
	if (depth < MAX_DEPTH && bson_iter_recurse(it, &inner))
		return put_fields(a, &inner, depth + 1);
	map_warn(&a->t->map, "mongodb server %.*s: malformed array",
	    PRI(buf_span(&a->t->hosts)));
	return false;
}

static bool put_fields(struct answer *a, bson_iter_t *it, unsigned depth)
{
	while (bson_iter_next(it))
		if (!put_field(a, it, depth))
			return false;
	if (it->err_off == 0)
		return true;
	map_warn(&a->t->map, "mongodb server %.*s: malformed document",
	    PRI(buf_span(&a->t->hosts)));
	return false;
}

static bool put_document(struct answer *a, const bson_t *document)
{
	bson_iter_t it;

	if (bson_iter_init(&it, document))
		return put_fields(a, &it, 0);
	map_warn(&a->t->map, "mongodb server %.*s: malformed document",
	    PRI(buf_span(&a->t->hosts)));
	return false;
}

/* --- lookup --- */

enum outcome {
	ASK_DONE,
	ASK_USELESS, /* the answer is, and it was said */
	ASK_REFUSED, /* by the server: `error` */
	ASK_BROKEN,  /* there was no answer: `error` */
};

static enum outcome stop_at_limit(struct answer *a, const char *limit)
{
	map_warn(&a->t->map, "mongodb server %.*s: %s for key \"%.*s\"",
	    PRI(buf_span(&a->t->hosts)), limit, PRI(a->result.key));
	return ASK_USELESS;
}

/* A batch may be empty without being the last. */
static enum outcome take_documents(
    struct answer *a, mongoc_cursor_t *cursor, bson_error_t *error)
{
	usec deadline = clock_monotonic() + LOOKUP_SEC * USEC_SEC;
	const bson_t *document;
	int count = 0;

	for (;;) {
		bool got = mongoc_cursor_next(cursor, &document);

		if (got && !put_document(a, document))
			return ASK_USELESS;
		if (!got && mongoc_cursor_error(cursor, error))
			return error->domain == MONGOC_ERROR_SERVER
			    ? ASK_REFUSED
			    : ASK_BROKEN;
		if (!got && !mongoc_cursor_more(cursor))
			return ASK_DONE;
		if (++count > MAX_DOCUMENTS)
			return stop_at_limit(a, "too many documents");
		if (clock_monotonic() > deadline)
			return stop_at_limit(a, "too slow an answer");
	}
}

static enum outcome ask_once(
    struct answer *a, const bson_t *query, bson_error_t *error)
{
	struct mongodb *t = a->t;
	mongoc_collection_t *collection;
	mongoc_cursor_t *cursor;
	enum outcome outcome;

	a->result.count = 0;
	t->guard.wrong = NULL;
	buf_clear(a->result.out);
	if (!t->client && !new_client(t, error))
		return ASK_BROKEN;
	collection =
	    mongoc_client_get_collection(t->client, t->dbname, t->collection);
	cursor = mongoc_collection_find_with_opts(
	    collection, query, t->options, NULL);
	outcome = take_documents(a, cursor, error);
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(collection);
	if (outcome == ASK_BROKEN)
		drop_client(t);
	else
		t->answered = true;
	return outcome;
}

static enum map_answer ask(struct answer *a, const bson_t *query)
{
	usec start = clock_monotonic();
	bool answered = a->t->client && a->t->answered;
	bson_error_t error = { 0 };
	enum outcome outcome = ask_once(a, query, &error);

	if (outcome == ASK_BROKEN && answered &&
	    clock_monotonic() - start < AGAIN_SEC * USEC_SEC)
		outcome = ask_once(a, query, &error);
	if (outcome == ASK_DONE)
		return a->result.out->len ? MAP_FOUND : MAP_NONE;
	if (outcome != ASK_USELESS)
		warn_error(a->t, &error);
	buf_clear(a->result.out);
	return MAP_RETRY;
}

static bson_t *parse_filter(struct mongodb *t, span key)
{
	bson_error_t error = { 0 };
	bson_t *query;

	if (t->filter.failed) {
		map_warn(&t->map, "query is longer than %d bytes", MAX_FILTER);
		return NULL;
	}
	query = bson_new_from_json(
	    (const uint8_t *)buf_cstr(&t->filter), -1, &error);
	if (!query)
		map_warn(&t->map,
		    "failed to create a query for key \"%.*s\": %s", PRI(key),
		    error.message);
	return query;
}

static enum map_answer mongodb_find(struct map *m, span key, struct buf *value)
{
	struct mongodb *t = CONTAINER_OF(m, struct mongodb, map);
	const struct db_values v = { .value = key,
		.quote = mongodb_json_quote };
	struct answer a = { .t = t,
		.result = { .common = &t->common,
		    .format = t->result_format,
		    .key = key,
		    .limit = t->expansion_limit,
		    .out = value } };
	enum map_answer answer;
	bson_t *query;

	/* Strings in the database are UTF-8. */
	if (span_find(key, '\0') >= 0 || !address_is_utf8(key))
		return MAP_NONE;
	answer = db_common_check_key(&t->common, key);
	if (answer != MAP_FOUND)
		return answer;
	buf_clear(&t->filter);
	if (!db_common_expand(&t->common, t->query_filter, &v, &t->filter))
		return MAP_NONE;
	query = parse_filter(t, key);
	if (!query)
		return MAP_RETRY;
	answer = ask(&a, query);
	bson_destroy(query);
	return answer;
}

/* The driver reads them whenever it connects. */
static void mongodb_files(
    struct map *m, void (*fn)(void *ctx, const char *path), void *ctx)
{
	static const char *const options[] = { MONGOC_URI_TLSCAFILE,
		MONGOC_URI_TLSCERTIFICATEKEYFILE };
	struct mongodb *t = CONTAINER_OF(m, struct mongodb, map);

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *path =
		    mongoc_uri_get_option_as_utf8(t->uri, options[i], NULL);

		if (path)
			fn(ctx, path);
	}
	db_common_files(&t->common, fn, ctx);
}

__attribute__((visibility("default"))) const struct map_type map_module = {
	.name = "mongodb",
	.traits = MAP_EXACT,
	.open = mongodb_open,
	.find = mongodb_find,
	.files = mongodb_files,
	.close = mongodb_close,
};
