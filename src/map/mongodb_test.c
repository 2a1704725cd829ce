/* SPDX-License-Identifier: ISC */
#include <mongoc/mongoc.h>

#include "test/lib/unit.h"

#include "map/mongodb_guard.h"
#include "map/mongodb_json.h"
#include "map/types.h"
#include "test/lib/map_unit.h"

/* --- quoting --- */

/* clang-format off */
static const struct {
	span text;
	const char *json;
} quoted[] = {
	{ SPAN_INIT("plain@example.com"), "plain@example.com" },
	{ SPAN_INIT("o'hara"), "o'hara" },
	{ SPAN_INIT("\", \"x\": \""), "\\\", \\\"x\\\": \\\"" },
	{ SPAN_INIT("back\\slash\\"), "back\\\\slash\\\\" },
	{ SPAN_INIT("{\"$gt\": \"\"}"), "{\\\"$gt\\\": \\\"\\\"}" },
	{ SPAN_INIT("\t\n\x1f\x7f"), "\\u0009\\u000a\\u001f\x7f" },
	{ SPAN_INIT("a\0b"), "a\\u0000b" },
	{ SPAN_INIT("\xc3\xa9\xf0\x9f\x98\x80"), "\xc3\xa9\xf0\x9f\x98\x80" },
};
/* clang-format on */

/* The driver reads back what was put in. */
static void check_json(span json, span text)
{
	struct buf whole = BUF_INIT(1000);
	bson_error_t error;
	bson_iter_t it;
	bson_t *b;
	uint32_t len;
	const char *back;

	buf_printf(&whole, "{\"k\": \"%.*s\"}", PRI(json));
	b = bson_new_from_json(
	    (const uint8_t *)buf_cstr(&whole), (ssize_t)whole.len, &error);
	assert_non_null(b);
	assert_int_equal(bson_count_keys(b), 1);
	assert_true(bson_iter_init_find(&it, b, "k"));
	assert_true(BSON_ITER_HOLDS_UTF8(&it));
	back = bson_iter_utf8(&it, &len);
	assert_span_equal(span_of(back, len), text);
	bson_destroy(b);
	buf_done(&whole);
}

static void test_quoting(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(quoted); i++) {
		struct buf out = BUF_INIT(1000);

		mongodb_json_quote(NULL, quoted[i].text, &out);
		assert_span_equal(buf_span(&out), span_str(quoted[i].json));
		check_json(buf_span(&out), quoted[i].text);
		buf_done(&out);
	}
}

/* --- templates --- */

#define UNQUOTED  "a % expansion must stand in double quotes"
#define NAME      "a name must not begin with a % expansion"
#define BACKSLASH "a backslash before a % expansion"

/* clang-format off */
static const struct {
	const char *template, *wrong;
} templates[] = {
	{ "{\"a\": \"%s\"}", NULL },
	{ "{\"a\": \"x%u\\\"%d\", \"b\" : \"%%\"}", NULL },
	{ "{\"$or\": [{\"a\": \"%s\"}, {\"b\": \"%s\"}], \"n\": 1}", NULL },
	{ "{\"a.%u\": \"%s\"}", NULL },
	{ "{\"a\": {\"$oid\": \"%s\"}}", NULL },
	{ "{\"a\": %s}", UNQUOTED },
	{ "{\"a\": \"\\\"%s\", \"b\": %d}", UNQUOTED },
	{ "{\"a\": '%s'}", UNQUOTED },
	{ "%s", UNQUOTED },
	{ "{\"%s\": 1}", NAME },
	{ "{\"%s\" \t: 1}", NAME },
	{ "{\"$%s\": 1}", NAME },
	{ "{\"\\u0024%s\": 1}", NAME },
	{ "{\"a\": \"b\", \"%s$\": 1}", NAME },
	{ "{\"a\": \"\\%s\"}", BACKSLASH },
};
/* clang-format on */

static void test_templates(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
		const char *wrong =
		    mongodb_json_check(span_str(templates[i].template));

		if (templates[i].wrong)
			assert_string_equal(wrong, templates[i].wrong);
		else
			assert_null(wrong);
	}
}

static void test_samples(void **state UNUSED)
{
	struct buf out = BUF_INIT(1000);

	mongodb_json_sample(SPAN("{\"%s\": 100%%}%"), SPAN("\""), &out);
	assert_span_equal(buf_span(&out), SPAN("{\"\\\"\": 100%}%"));
	buf_done(&out);
}

/* --- messages --- */

#define MSG(len) len "\0\0\0\1\0\0\0\2\0\0\0\xdd\7\0\0\0\0\0\0\0"
#define REPLY(len, docs) \
	len "\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	    "\0\0\0\0\0\0" docs "\0\0\0"
#define NUMBER   "\x0c\0\0\0\x10n\0\1\0\0\0\0"
#define DOCUMENT "malformed document"
#define MESSAGE  "malformed message"

/* clang-format off */
static const struct {
	span bytes;
	const char *wrong;
} messages[] = {
	{ SPAN_INIT(MSG("\x21") NUMBER), NULL },
	{ SPAN_INIT(REPLY("\x30", "\1") NUMBER), NULL },
	{ SPAN_INIT(REPLY("\x30", "\2") NUMBER), MESSAGE },
	{ SPAN_INIT(MSG("\x22") NUMBER), MESSAGE },
	{ SPAN_INIT(MSG("\x22") NUMBER "\0"), DOCUMENT },
	{ SPAN_INIT(MSG("\x15")), DOCUMENT },
	{ SPAN_INIT("\x10\0\0\0\0\0\0\0\0\0\0\0\xdd\7\0\0"), MESSAGE },
	{ SPAN_INIT("\x10\0\0\0\0\0\0\0\0\0\0\0\xdc\7\0\0"),
	  "unknown kind of message" },
	{ SPAN_INIT("\x0f"), MESSAGE },
	{ SPAN_INIT(""), MESSAGE },
	{ SPAN_INIT(MSG("\x25") "\x10\0\0\0\4n\0\5\0\0\0\0\0\0\0\0"),
	  DOCUMENT },
	{ SPAN_INIT(MSG("\x22") "\x0d\0\0\0\4n\0\5\0\0\0\0\0"), NULL },
	{ SPAN_INIT(MSG("\x22") "\x0d\0\0\0\4n\0\4\0\0\0\0\0"), DOCUMENT },
	{ SPAN_INIT(MSG("\x22") "\x0d\0\0\0\3n\0\xff\xff\xff\x7f\0\0"),
	  DOCUMENT },
};
/* clang-format on */

static void test_messages(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const char *wrong = mongodb_guard_check(messages[i].bytes);

		if (messages[i].wrong && wrong)
			assert_string_equal(wrong, messages[i].wrong);
		else
			assert_ptr_equal(wrong, messages[i].wrong);
	}
}

/* --- parameters --- */

#define URI    "x_uri=mongodb://127.0.0.1:1"
#define PLACE  "x_dbname=d", "x_collection=c"
#define FILTER "x_query_filter={\"a\": \"%s\"}"
#define RESULT "x_result_attribute=b"

/* clang-format off */
static const struct {
	const char *params[8];
	const char *reason; /* NULL: it opens */
} tables[] = {
	{ { URI, PLACE, FILTER, RESULT }, NULL },
	{ { URI, PLACE, FILTER, "x_projection={\"b\": 1}" }, NULL },
	{ { URI, PLACE, "x_query_filter={\"a\": {\"$oid\": \"%s\"}}", RESULT },
	  NULL },
	{ { PLACE, FILTER, RESULT }, "uri" },
	{ { URI, "x_collection=c", FILTER, RESULT }, "dbname" },
	{ { URI, "x_dbname=d", FILTER, RESULT }, "collection" },
	{ { URI, PLACE, RESULT }, "query_filter" },
	{ { URI, PLACE, FILTER }, "exactly one of" },
	{ { URI, PLACE, FILTER, RESULT, "x_projection={}" },
	  "exactly one of" },
	{ { URI, PLACE, FILTER, "x_projection={b" }, "x: projection: " },
	{ { URI, PLACE, "x_query_filter={\"a\": \"%s\"", RESULT },
	  "x: query_filter: " },
	{ { URI, PLACE, "x_query_filter={\"a\": \"%q\"}", RESULT },
	  "Invalid query template" },
	{ { URI, PLACE, FILTER, RESULT, "x_result_format=%q" },
	  "Invalid result template" },
	{ { URI, PLACE, FILTER, RESULT, "x_expansion_limit=101" },
	  "expansion_limit" },
	{ { "x_uri=http://a", PLACE, FILTER, RESULT }, "x: uri: " },
	{ { "x_uri=mongodb://u:geh%eim@h", PLACE, FILTER, RESULT },
	  "x: uri: " },
	{ { "x_uri=mongodb://u:geh/eim@h", PLACE, FILTER, RESULT },
	  "x: uri: " },
	{ { "x_uri=mongodb://u:geh@geheim@h", PLACE, FILTER, RESULT },
	  "x: uri: " },
	{ { "x_uri=mongodb://u:geheim@h:99999", PLACE, FILTER, RESULT },
	  "x: uri: " },
};
/* clang-format on */

static void open_with(const char *const *params, const char *reason)
{
	struct buf said = BUF_INIT(1000);
	struct map_unit u;
	struct map_setup setup = { .host = &u.host,
		.type = SPAN("mongodb"),
		.name = SPAN("x"),
		.reason = &said };
	struct map *m;

	map_unit_init(&u);
	u.params = params;
	m = map_module.open(&setup);
	if (m)
		map_module.close(m);
	else
		assert_non_null(reason);
	if (reason)
		assert_non_null(strstr(buf_cstr(&said), reason));
	assert_int_equal(m != NULL, reason == NULL);
	assert_null(strstr(buf_cstr(&said), "geh"));
	assert_null(strstr(buf_cstr(&u.warnings), "geh"));
	map_unit_done(&u);
	buf_done(&said);
}

static void test_parameters(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		open_with(tables[i].params, tables[i].reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
