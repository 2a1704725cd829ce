/* SPDX-License-Identifier: ISC */
/* What comes out was compared with "postconf -x" of Postfix 3.7.11. */
#include "test/lib/unit.h"

#include "conf/expand.h"

static const struct {
	span name;
	span value;
} values[] = {
	{ SPAN_INIT("empty"), SPAN_INIT("") },
	{ SPAN_INIT("blank"), SPAN_INIT("$empty") },
	{ SPAN_INIT("foo"), SPAN_INIT("bar") },
	{ SPAN_INIT("indirect"), SPAN_INIT("<$foo>") },
	{ SPAN_INIT("level"), SPAN_INIT("3.6") },
	{ SPAN_INIT("self"), SPAN_INIT("a $self") },
	{ SPAN_INIT("ping"), SPAN_INIT("$pong") },
	{ SPAN_INIT("pong"), SPAN_INIT("${ping}") },
	{ SPAN_INIT("b0"), SPAN_INIT("") },
	{ SPAN_INIT("b1"), SPAN_INIT("$b0$b0$b0$b0$b0$b0$b0$b0$b0$b0") },
	{ SPAN_INIT("b2"), SPAN_INIT("$b1$b1$b1$b1$b1$b1$b1$b1$b1$b1") },
	{ SPAN_INIT("b3"), SPAN_INIT("$b2$b2$b2$b2$b2$b2$b2$b2$b2$b2") },
	{ SPAN_INIT("b4"), SPAN_INIT("$b3$b3$b3$b3$b3$b3$b3$b3$b3$b3") },
	{ SPAN_INIT("b5"), SPAN_INIT("$b4$b4$b4$b4$b4$b4$b4$b4$b4$b4") },
};

static span look_up(void *ctx UNUSED, span name)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (span_eq(values[i].name, name))
			return values[i].value;
	return SPAN_NONE;
}

static const struct {
	const char *text;
	const char *want;
} good[] = {
	{ "", "" },
	{ "plain", "plain" },
	{ "$foo", "bar" },
	{ "${foo}", "bar" },
	{ "$(foo)", "bar" },
	{ "${ foo }", "bar" },
	{ "$foo.x $foo_y|", "bar.x |" },
	{ "$$foo $$", "$foo $" },
	{ "$nothing|", "|" },
	{ "$indirect", "<bar>" },
	{ "${foo?yes}${empty?yes}", "yes" },
	{ "${foo:no}${empty:no}${nothing:no}", "nono" },
	/* The test looks at the text before expansion. */
	{ "${blank?set}|${blank}|", "set||" },
	{ "${foo?$foo-$foo}", "bar-bar" },
	{ "${foo?{a}:{b}}${empty?{a}:{b}}", "ab" },
	{ "${foo ? { a } : { b }}", " a " },
	/* Of Postfix 3.11. */
	{ "${domain_to_ascii{$foo}}={a}", "bar={a}" },
	{ "${domain_to_ascii {xn--bcher-kva.example}}",
	    "xn--bcher-kva.example" },
	{ "${foo??foo:{b}ar}", "?foo:{b}ar" },
	{ "${foo?a:b}", "a:b" },
	{ "${{a}=={a}}|${{a}=={b}}|", "true||" },
	{ "${{a} == {a} ? {yes} : {no}}", "yes" },
	{ "${{a} != {a} ? {yes} : {no}}", "no" },
	{ "${{10}<{9}?{t}:{f}} ${{x10}<{x9}?{t}:{f}}", "f t" },
	{ "${{2}<={2}?{t}:{f}}${{3}>={4}?{t}:{f}}${{3}>{2}?{t}:{f}}", "tft" },
	{ "${{$foo}=={bar}?{a b}}", "a b" },
	{ "${{$foo}=={bar}:{a b}}", "" },
	{ "${{$level} <level {3.10} ? {old} : {new}}", "old" },
	{ "${{$level} >=level {3.6} ? {new}}", "new" },
	{ "${{$level}<{3.10}?{t}:{f}}", "f" }, /* as text */
	{ "${{${foo?{$foo}}} == {bar} ? {${{1}=={1}?{in}}}}", "in" },
};

static void test_good(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
		CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

		if (expand_text(span_str(good[i].text), look_up, NULL, &out,
		        &error) != EXPAND_OK)
			fail_msg("%s: %s", good[i].text, buf_cstr(&error));
		if (!span_eq(buf_span(&out), span_str(good[i].want)))
			fail_msg("%s: got \"%s\", want \"%s\"", good[i].text,
			    buf_cstr(&out), good[i].want);
	}
}

static const struct {
	const char *text;
	const char *says; /* part of the message */
} bad[] = {
	{ "${foo", "truncated macro reference" },
	{ "$(foo", "truncated macro reference" },
	{ "$", "empty macro name" },
	{ "$ x", "empty macro name" },
	{ "${}", "empty macro name" },
	{ "${f-oo}", "attribute name syntax error" },
	{ "${upper{a}}", "syntax error at: \"...upper>>>{a}\"" },
	{ "${domain_to_ascii{a}b}", "unexpected input" },
	{ "${domain_to_ascii{\303\266.example}}", "is not ASCII" },
	{ "${domain_to_ascii{a}", "truncated macro" },
	{ "${foo?{a}b}", "\":\" expected" },
	{ "${foo:{a}b}", "unexpected input" },
	{ "${foo?{a}:{b}c}", "unexpected input" },
	{ "${{a}~{b}}", "expected at" },
	{ "${{a}===b}", "expected at" },
	{ "${{a}==(b)}", "\"{expression}\" expected" },
	{ "${{a}=={b}x}", "\"?\" or \":\" expected" },
	{ "${{a}==size{b}}", "bad operator suffix" },
	{ "${{x} <level {3.6}}", "malformed compatibility level" },
	/* The same words as Postfix. */
	{ "a${foo$(b", "truncated macro reference: \"a${foo$(b\"" },
	{ "a $", "empty macro name: \"a $\"" },
	{ "${ f-oo?x}", "at: \"... f>>>-oo?x\"" },
	{ "${foo?{a}b:c}", "\":\" expected at: \"...a}>>>b:c\"" },
	{ "${nope:{a}bc}", "unexpected input at: \"...a}>>>bc\"" },
	{ "${{a}== (b)}", "at: \"...{a} ==>>> (b)\"" },
	{ "${{a}==size{b}}", "suffix at: \"...==>>>size\"" },
	{ "$self", "self <- self" },
	{ "$ping", "refers to itself" },
	{ "$b5", "too many macro calls" },
	{ "${{$b5}=={}}", "too many macro calls" },
};

/* Names as they are mentioned, and what the scan ends with. */
static const struct {
	const char *text;
	const char *names;
	const char *says; /* "": the text is fine */
} scans[] = {
	{ "", "", "" },
	{ "a $b ${c} $(d) $$e", "b c d ", "" },
	{ "${a?{$b}:{$c}} ${d:$e}", "a b c d e ", "" },
	{ "${{$a}=={$b}?{$c}:{$d}}", "a b c d ", "" },
	{ "${{$a} <level {x}?$c}", "a c ", "" },
	{ "${ } ${?$y}", "  y ", "" },
	{ "$a ${b $c", "a ", "truncated macro reference" },
	{ "$a ${b?{$c}d}", "a b ", "\":\" expected" },
};

static void put_name(void *ctx, span name)
{
	buf_put(ctx, name);
	buf_putc(ctx, ' ');
}

static void test_scan(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(scans); i++) {
		CLEANUP(buf_done) struct buf names = BUF_INIT(4096);
		CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
		enum expand_result r = expand_scan(
		    span_str(scans[i].text), put_name, &names, &error);

		assert_int_equal(r, scans[i].says[0] ? EXPAND_BAD : EXPAND_OK);
		assert_string_equal(buf_cstr(&names), scans[i].names);
		assert_non_null(strstr(buf_cstr(&error), scans[i].says));
	}
}

static void test_bad(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
		CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

		if (expand_text(span_str(bad[i].text), look_up, NULL, &out,
		        &error) != EXPAND_BAD)
			fail_msg("%s: accepted as \"%s\"", bad[i].text,
			    buf_cstr(&out));
		if (!strstr(buf_cstr(&error), bad[i].says))
			fail_msg(
			    "%s: says \"%s\"", bad[i].text, buf_cstr(&error));
	}
}

/* Braces in braces, deeper than the stack should go. */
static void test_depth(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(100000);
	CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

	for (int i = 0; i < 5000; i++)
		buf_put(&text, SPAN("${foo?{"));
	for (int i = 0; i < 5000; i++)
		buf_put(&text, SPAN("}}"));
	assert_int_equal(
	    expand_text(buf_span(&text), look_up, NULL, &out, &error),
	    EXPAND_BAD);
	assert_non_null(strstr(buf_cstr(&error), "nesting"));
}

static void test_too_long(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(5);
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

	assert_int_equal(
	    expand_text(SPAN("$foo$foo"), look_up, NULL, &out, &error),
	    EXPAND_BAD);
}

static void note_name(void *ctx, span name)
{
	buf_printf(ctx, "%.*s ", PRI(name));
}

static void test_names(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);

	expand_names(SPAN("$a x ${b?{$c}:{$(d)}} $$e ${{$f}=={x}?y} ${ g } $"),
	    note_name, &got);
	assert_string_equal(buf_cstr(&got), "a b c d f g ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
