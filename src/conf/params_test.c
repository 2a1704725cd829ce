/* SPDX-License-Identifier: ISC */
/* The registry keeps its promises about itself. */
#include "test/lib/unit.h"

#include "conf/conf_internal.h"
#include "conf/expand.h"

static const struct param *all;
static size_t count;

static int set_up(void **state UNUSED)
{
	all = params_all(&count);
	return 0;
}

static void test_sorted(void **state UNUSED)
{
	assert_true(count > 300);
	for (size_t i = 1; i < count; i++)
		if (strcmp(all[i - 1].name, all[i].name) >= 0)
			fail_msg("%s stands before %s", all[i - 1].name,
			    all[i].name);
	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(param_find(span_str(all[i].name)), &all[i]);
	assert_null(param_find(SPAN("smtpd_timeou")));
	assert_null(param_find(SPAN("")));
}

static void test_documented(void **state UNUSED)
{
	for (size_t i = 0; i < count; i++) {
		const struct param *p = &all[i];
		span doc = span_str(p->doc);

		if (doc.len < 10 || doc.ptr[doc.len - 1] != '.')
			fail_msg("%s: no sentence: \"%s\"", p->name, p->doc);
		if ((p->status == PARAM_ACTS) != !p->note)
			fail_msg("%s: status and note disagree", p->name);
		if (!p->readers || p->readers > BY_ALL)
			fail_msg("%s: read by nobody", p->name);
		if (p->max && p->min > p->max)
			fail_msg("%s: range", p->name);
	}
}

/* Computed ones have no preset in the table. */
static bool is_computed(span name)
{
	static const char *const names[] = { "config_directory", "mydomain",
		"myhostname", "mynetworks", "process_id", "process_name",
		"service_name" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq(name, span_str(names[i])))
			return true;
	return false;
}

static span preset_of(void *ctx UNUSED, span name)
{
	const struct param *p = param_find(name);

	if (is_computed(name))
		return SPAN("computed.example");
	return p ? span_str(p->preset) : SPAN_NONE;
}

static void test_presets(void **state UNUSED)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_done) struct buf value = BUF_INIT(65536);
		CLEANUP(buf_done) struct buf error = BUF_INIT(1024);
		const struct param *p = &all[i];
		uint64_t n;

		if (p->kind == PARAM_RAW)
			buf_put(&value, span_str(p->preset));
		else if (expand_text(span_str(p->preset), preset_of, NULL,
		             &value, &error) != EXPAND_OK)
			fail_msg("%s: %s", p->name, buf_cstr(&error));
		if (p->status == PARAM_ACTS &&
		    !is_computed(span_str(p->name)) &&
		    !conf_convert(p, buf_span(&value), &n))
			fail_msg("%s: default out of range: \"%s\"", p->name,
			    buf_cstr(&value));
	}
}

static void test_transport_suffixes(void **state UNUSED)
{
	assert_true(
	    param_is_transport_suffix(SPAN("destination_recipient_limit")));
	assert_true(param_is_transport_suffix(SPAN("time_limit")));
	assert_false(param_is_transport_suffix(SPAN("limit")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_documented),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_transport_suffixes),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
