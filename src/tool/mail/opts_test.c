/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <string.h>

#include "tool/mail/opts.h"
#include "tool/mail/words.h"

static void put_list(
    struct buf *out, const char *name, const struct opts_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		buf_printf(out, "%s<%s> ", name, l->all[i]);
}

static void put_text(struct buf *out, const char *name, const char *value)
{
	if (value)
		buf_printf(out, "%s<%s> ", name, value);
}

static void put_flag(struct buf *out, const char *name, bool value)
{
	if (value)
		buf_printf(out, "%s ", name);
}

/* All that was understood, in one line. */
static void describe(const struct opts *o, struct buf *out)
{
	put_list(out, "to", &o->to);
	put_list(out, "cc", &o->cc);
	put_list(out, "bcc", &o->bcc);
	put_text(out, "s", o->subject);
	put_text(out, "from", o->from);
	put_list(out, "attach", &o->attach);
	put_list(out, "field", &o->fields);
	put_list(out, "set", &o->settings);
	put_list(out, "mta", &o->mta);
	put_list(out, "before", &o->before);
	put_list(out, "target", &o->targets);
	put_flag(out, "f", o->reads_file);
	put_text(out, "file", o->file);
	put_text(out, "user", o->user);
	put_text(out, "account", o->account);
	put_flag(out, "q", o->quotes);
	put_text(out, "quote", o->quote);
	put_text(out, "spec", o->spec);
	put_text(out, "rc", o->rc);
	put_flag(out, "t", o->from_text);
	put_flag(out, "H", o->headers_only);
	put_flag(out, "e", o->exists_only);
	put_flag(out, "N", o->no_banner);
	put_flag(out, "n", o->no_system_rc);
	put_flag(out, "R", o->read_only);
	put_flag(out, "~", o->tilde);
	put_flag(out, "F", o->by_name);
	put_flag(out, "p", o->print_all);
	put_flag(out, "V", o->show_version);
	put_flag(out, "help", o->show_help);
}

#define H MANNER_HEIRLOOM
#define B MANNER_BSD
#define G MANNER_GNU

static const struct {
	enum manner manner;
	const char *line;
	const char *want; /* what was understood; NULL: nothing */
	const char *error;
} cases[] = {
	{ H, "mail", "", NULL },
	{ H, "mail u v", "to<u> to<v> ", NULL },
	{ H, "mail -s 'a b' u", "to<u> s<a b> ", NULL },
	{ H, "mail -sx -c c -b b u", "to<u> cc<c> bcc<b> s<x> ", NULL },
	/* Options behind addresses. */
	{ H, "mail -s x u -a /file", "to<u> s<x> attach</file> ", NULL },
	{ H, "mail u -- -v w", "to<u> mta<-v> mta<w> ", NULL },
	{ H, "mail u -- w", "to<u> to<w> ", NULL },
	{ H, "mail -- -v", "to<-v> ", NULL },
	{ H, "mail -", "to<-> ", NULL },
	{ H, "mail -ni u", "to<u> set<ignore> n ", NULL },
	{ H, "mail -E -v -d u",
	    "to<u> set<skipemptybody> set<verbose> set<debug> ", NULL },
	{ H, "mail -S x=1 -Snoask u", "to<u> set<x=1> set<noask> ", NULL },
	{ H, "mail -h 5 u", "to<u> mta<-h> mta<5> ", NULL },
	{ H, "mail -q u", NULL,
	    "Send options without primary recipient specified." },
	{ H, "mail -q f u", "to<u> q quote<f> ", NULL },
	{ H, "mail -q -s x u", "to<u> s<x> q ", NULL },
	{ H, "mail -A work -a X:y u", "to<u> attach<X:y> account<work> ",
	    NULL },
	{ H, "mail -r me@x u", "to<u> from<me@x> ", NULL },
	{ H, "mail -t", "t ", NULL },
	{ H, "mail -f", "f ", NULL },
	{ H, "mail -f box", "f file<box> ", NULL },
	{ H, "mail -f -N box", "f file<box> N ", NULL },
	{ H, "mail -fR", "f R ", NULL },
	{ H, "mail -f a b", NULL, "More than one file given with -f" },
	{ H, "mail -s x -f b", NULL, "Cannot give -f and people to send to." },
	{ H, "mail -s x", NULL,
	    "Send options without primary recipient specified." },
	{ H, "mail -R u", NULL, "The -R option is meaningless in send mode." },
	{ H, "mail -I", NULL, "Need -f with -I." },
	{ H, "mail -Q", NULL, "illegal option -- Q" },
	{ H, "mail -s", NULL, "option requires an argument -- s" },
	{ H, "mail --subject=x u", "to<u> s<x> ", NULL },
	{ H, "mail --append=x u", NULL, "unrecognized option '--append'" },
	{ H, "mail -u o -H", "user<o> H ", NULL },
	{ H, "mail -e -L :n", "spec<:n> e ", NULL },
	{ H, "mail -:/ -X 'set x' -~ u", "to<u> before<set x> rc</> ~ ", NULL },
	{ H, "mail -C 'X-A: b' -T 'cc: d' -. -x",
	    "to<-x> field<X-A: b> target<cc: d> ", NULL },
	{ H, "mail -V", "V ", NULL },
	{ H, "mail -FO -oem u", "to<u> mta<-oem> F ", NULL },
	{ B, "bsd-mailx -a 'X-A: b' -r f u", "to<u> from<f> field<X-A: b> ",
	    NULL },
	{ B, "bsd-mailx -I -E u",
	    "to<u> set<interactive> "
	    "set<skipemptybody> ",
	    NULL },
	{ B, "bsd-mailx u -- -v", "to<u> to<-v> ", NULL },
	{ B, "bsd-mailx -s x", NULL,
	    "You must specify to-addr recipients when using -s, -c, -b, or "
	    "-r" },
	{ B, "bsd-mailx -Q", NULL, "invalid option -- 'Q'" },
	{ B, "bsd-mailx -s", NULL, "option requires an argument -- 's'" },
	{ B, "bsd-mailx -A f u", NULL, "invalid option -- 'A'" },
	{ G, "mail -A f -a 'X: y' u", "to<u> attach<f> field<X: y> ", NULL },
	{ G, "mail --subject=x --attach f --append 'X: y' u",
	    "to<u> s<x> attach<f> field<X: y> ", NULL },
	{ G, "mail --sub x u --to", "to<u> s<x> t ", NULL },
	{ G, "mail -E 'set x' -p", "before<set x> p ", NULL },
	{ G, "mail --file=box", "f file<box> ", NULL },
	{ G, "mail --file box", "f file<box> ", NULL },
	{ G, "mail --exist --user=o", "user<o> e ", NULL },
	{ G, "mail --return-address=a u", "to<u> from<a> ", NULL },
	{ G, "mail -?", "help ", NULL },
	{ G, "mail -s x", NULL, "No recipients specified" },
	{ G, "mail -Q", NULL, "unrecognized option '-Q'" },
	{ G, "mail --nope", NULL, "unrecognized option '--nope'" },
	{ G, "mail --subject", NULL,
	    "option '--subject' requires an "
	    "argument" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		struct words w;
		struct opts o = { .name = "mail", .manner = cases[i].manner };
		struct buf got = BUF_INIT(65536);
		enum opts_result r;

		arena_init(&a, 1 << 20);
		assert_true(words_split(span_str(cases[i].line), &a, &w));
		r = opts_parse(&o, (int)w.count, w.all, &a);
		if (cases[i].error) {
			if (r == OPTS_OK)
				fail_msg("%s: no error", cases[i].line);
			assert_span_equal(
			    span_str(o.error), span_str(cases[i].error));
		} else {
			describe(&o, &got);
			assert_span_equal(
			    buf_span(&got), span_str(cases[i].want));
			assert_int_equal(r, OPTS_OK);
		}
		buf_done(&got);
		arena_done(&a);
	}
}

/* Many in one word. */
static void test_many(void **state)
{
	struct arena a;
	struct words w;
	struct opts o = { .name = "mail" };
	struct buf line = BUF_INIT(65536);

	(void)state;
	arena_init(&a, 1 << 20);
	buf_put(&line, SPAN("mail -"));
	for (size_t i = 0; i < 1000; i++)
		buf_putc(&line, 'v');
	buf_put(&line, SPAN(" u"));
	assert_true(words_split(buf_span(&line), &a, &w));
	assert_int_equal(opts_parse(&o, (int)w.count, w.all, &a), OPTS_OK);
	assert_int_equal(o.settings.count, 1000);
	assert_string_equal(o.settings.all[999], "verbose");
	buf_done(&line);
	arena_done(&a);
}

static void test_manner(void **state)
{
	(void)state;
	assert_int_equal(opts_manner("mail", NULL), MANNER_HEIRLOOM);
	assert_int_equal(opts_manner("bsd-mailx", NULL), MANNER_BSD);
	assert_int_equal(opts_manner("mail.mailutils", NULL), MANNER_GNU);
	assert_int_equal(opts_manner("bsd-mailx", "gnu"), MANNER_GNU);
	assert_int_equal(opts_manner("mail", "bsd"), MANNER_BSD);
	assert_int_equal(opts_manner("bsd-mailx", "x"), MANNER_BSD);
}

static void test_codes(void **state)
{
	struct opts o = { .name = "mail" };

	(void)state;
	assert_int_equal(opts_wrong_code(&o), 2);
	o.name = "s-nail";
	assert_int_equal(opts_wrong_code(&o), 64);
	o = (struct opts){ .name = "bsd-mailx", .manner = MANNER_BSD };
	assert_int_equal(opts_wrong_code(&o), 1);
	o.manner = MANNER_GNU;
	assert_int_equal(opts_wrong_code(&o), 1);
}

static void test_usage(void **state)
{
	struct opts o = { .name = "me", .manner = MANNER_BSD };
	struct buf out = BUF_INIT(65536);

	(void)state;
	opts_usage(&o, &out);
	assert_true(span_has_prefix(
	    buf_span(&out), SPAN("usage: me [-dEIinv] [-a header]")));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_manner),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
