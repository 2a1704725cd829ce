/* SPDX-License-Identifier: ISC */
/*
 * What an LDAP server answers to a search, and to those that follow from it.
 * The client library takes it apart; what it makes of it is ours.
 */
#include "map/ldap_internal.h"

#include <assert.h>
#include <openldap.h>

#include "map/types.h"
#include "os/clock.h"
#include "test/lib/map_unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libldap loses its note of a request whose answer it cannot read. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:ldap_send_server_request";
}

static const char *const params[] = { "x_server_host=ldap://127.0.0.1:1",
	"x_version=3", "x_bind=no", "x_result_attribute=mail",
	"x_special_result_attribute=member", "x_leaf_result_attribute=leaf",
	"x_terminal_result_attribute=end", "x_recursion_limit=3",
	"x_result_format=<%u>", NULL };

/* Its first message has the number 1, as in the corpus. */
static int connect_to(struct ldap_table *t, span says)
{
	Sockbuf *sb = NULL;
	int ends[2];
	ssize_t n;
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	n = send(ends[1], says.ptr, says.len, MSG_DONTWAIT);
	assert(n == (ssize_t)says.len);
	(void)shutdown(ends[1], SHUT_WR);
	r = ldap_init_fd(
	    ends[0], LDAP_PROTO_TCP, "ldap://127.0.0.1:1", &t->conn->ld);
	assert(r == LDAP_SUCCESS);
	r = ldap_get_option(t->conn->ld, LDAP_OPT_SOCKBUF, &sb);
	assert(r == LDAP_OPT_SUCCESS);
	r = ldap_guard_socket(&t->conn->guard, sb);
	assert(r == 0);
	return ends[1];
}

static void search_once(struct ldap_table *t)
{
	const struct ldap_query q = { "o=x", LDAP_SCOPE_SUBTREE, "(cn=k)",
		t->attrs.names };
	struct buf value = BUF_INIT(1 << 20);
	LDAPMessage *res = NULL;

	t->deadline = clock_monotonic() + USEC_SEC;
	if (ldap_conn_search(t, &q, &res) == LDAP_SUCCESS &&
	    ldap_values_put(t, res, SPAN("key"), &value))
		assert(span_find(buf_span(&value), '\0') < 0);
	if (res)
		(void)ldap_msgfree(res);
	buf_done(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf reason = BUF_INIT(1000);
	struct map_unit u;
	struct map_setup setup = { .host = &u.host,
		.type = SPAN("ldap"),
		.name = SPAN("x"),
		.reason = &reason };
	struct ldap_table *t;
	struct map *m;
	int peer;

	map_unit_init(&u);
	u.params = params;
	m = map_module.open(&setup);
	assert(m);
	t = CONTAINER_OF(m, struct ldap_table, map);
	m->spec = SPAN("ldap:x");
	peer = connect_to(t, span_of(data, MIN(size, (size_t)16384)));
	if (peer >= 0)
		search_once(t);
	map_module.close(m);
	close(peer);
	map_unit_done(&u);
	buf_done(&reason);
	return 0;
}
