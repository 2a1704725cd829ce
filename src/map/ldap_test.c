/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "map/ldap_internal.h"

#include "map/types.h"
#include "test/lib/map_unit.h"

/* --- quoting --- */

static const struct {
	const char *text, *filter, *name;
} quoted[] = {
	{ "plain@example.com", "plain@example.com", "plain@example.com" },
	{ "*()\\", "\\2A\\28\\29\\5C", "*()\\5C" },
	{ "a b,c", "a b,c", "a\\20b\\2Cc" },
	{ "\"#+,;<>", "\"#+,;<>", "\\22\\23\\2B\\2C\\3B\\3C\\3E" },
	{ "\xc3\xa9", "\xc3\xa9", "\xc3\xa9" },
};

static void test_quoting(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(quoted); i++) {
		struct buf out = BUF_INIT(100);

		ldap_quote_filter(NULL, span_str(quoted[i].text), &out);
		assert_span_equal(buf_span(&out), span_str(quoted[i].filter));
		buf_clear(&out);
		ldap_quote_name(NULL, span_str(quoted[i].text), &out);
		assert_span_equal(buf_span(&out), span_str(quoted[i].name));
		buf_done(&out);
	}
}

/* A NUL would end the filter for the client library. */
static void test_quoting_nul(void **state UNUSED)
{
	struct buf out = BUF_INIT(100);

	ldap_quote_filter(NULL, SPAN("a\0b"), &out);
	ldap_quote_name(NULL, SPAN("\0"), &out);
	assert_span_equal(buf_span(&out), SPAN("a\\00b\\00"));
	buf_done(&out);
}

/* --- parameters --- */

struct opened {
	struct map_unit u;
	struct buf reason;
	struct map *map;
};

static struct ldap_table *open_with(struct opened *o, const char *const *params)
{
	const struct map_setup setup = { .host = &o->u.host,
		.type = SPAN("ldap"),
		.name = SPAN("x"),
		.reason = &o->reason };

	map_unit_init(&o->u);
	o->u.params = params;
	buf_init(&o->reason, 1000);
	o->map = map_module.open(&setup);
	return o->map ? CONTAINER_OF(o->map, struct ldap_table, map) : NULL;
}

static void close_it(struct opened *o)
{
	if (o->map)
		map_module.close(o->map);
	buf_done(&o->reason);
	map_unit_done(&o->u);
}

static const struct {
	const char *hosts, *urls, *warning;
} servers[] = {
	{ "localhost", "ldap://localhost:389", "" },
	{ "a, b:1  ldap://c:2", "ldap://a:389 ldap://b:1 ldap://c:2", "" },
	{ "ldapi://%2ftmp%2fx", "ldapi://%2ftmp%2fx",
	    "dict_ldap_open: URL scheme ldapi requires protocol version 3\n" },
	{ "ldap://a:x, b", "ldap://b:389",
	    "dict_ldap_open: error parsing URL ldap://a:x: 3: Bad parameter "
	    "to an ldap routine; skipping\n" },
};

static void test_servers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		char hosts[100];
		const char *const params[] = { hosts, NULL };
		struct opened o;
		struct ldap_table *t;

		(void)snprintf(
		    hosts, sizeof(hosts), "x_server_host=%s", servers[i].hosts);
		t = open_with(&o, params);
		assert_non_null(t);
		assert_string_equal(t->server.urls, servers[i].urls);
		if (i != 3) /* the library's words for it change */
			assert_span_equal(buf_span(&o.u.warnings),
			    span_str(servers[i].warning));
		else
			assert_true(o.u.warnings.len > 0);
		close_it(&o);
	}
}

static void test_sharing(void **state UNUSED)
{
	static const char *const params[] = { "x_server_host=a", "x_bind_dn=me",
		"x_bind_pw=one", NULL };
	static const char *const same[] = { "x_server_host=ldap://a:389",
		"x_bind_dn=me", "x_bind_pw=one", "x_query_filter=(x=%s)",
		NULL };
	static const char *const other[] = { "x_server_host=a", "x_bind_dn=me",
		"x_bind_pw=two", NULL };
	struct opened o[3];
	struct ldap_table *a = open_with(&o[0], params);
	struct ldap_table *b = open_with(&o[1], same);
	struct ldap_table *c = open_with(&o[2], other);

	assert_ptr_equal(a->conn, b->conn);
	assert_ptr_not_equal(a->conn, c->conn);
	assert_int_equal(a->conn->refs, 2);
	close_it(&o[0]);
	assert_int_equal(b->conn->refs, 1);
	close_it(&o[1]);
	close_it(&o[2]);
}

static const struct {
	const char *param, *reason;
} wrong[] = {
	{ "x_bind=perhaps", "x: unsupported parameter value: bind = perhaps" },
	{ "x_server_host= ,", "no usable server in server_host" },
};

static void test_wrong(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		const char *const params[] = { wrong[i].param, NULL };
		struct opened o;

		assert_null(open_with(&o, params));
		assert_span_equal(
		    buf_span(&o.reason), span_str(wrong[i].reason));
		close_it(&o);
	}
}

static void test_attributes(void **state UNUSED)
{
	static const char *const params[] = {
		"x_terminal_result_attribute=t1 t2",
		"x_leaf_result_attribute=l", "x_result_attribute=a,b",
		"x_special_result_attribute=s", "x_expansion_limit=7", NULL
	};
	static const char *const names[] = { "t1", "t2", "l", "a", "b", "s" };
	struct opened o;
	struct ldap_table *t = open_with(&o, params);

	assert_int_equal(t->attrs.terminal, 2);
	assert_int_equal(t->attrs.leaf, 1);
	assert_int_equal(t->attrs.ordinary, 5);
	assert_int_equal(t->attrs.count, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(t->attrs.names[i], names[i]);
	assert_null(t->attrs.names[t->attrs.count]);
	assert_int_equal(t->size_limit, 7);
	close_it(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_quoting_nul),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
