/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/pipe.h"

#include <errno.h>

#include "mail/mbox.h"
#include "test/lib/unit.h"

enum { ARGS_MAX = 32 };

/* A line from words between blanks; '~' stands for a blank in a word, and
 * "{}" for an empty one, as master.cf would have it. */
struct line {
	struct conf_service service;
	span words[ARGS_MAX];
	char text[1024];
};

static void line_init(struct line *l, const char *text)
{
	span rest = span_str(text);
	span word;
	size_t at = 0;

	*l = (struct line){ .service = { .name = SPAN("x") } };
	while ((word = span_word(&rest, " ")).len > 0) {
		size_t begin = at;

		for (size_t i = 0; i < word.len; i++)
			l->text[at++] = word.ptr[i] == '~' ? ' ' : word.ptr[i];
		if (span_eq(word, SPAN("{}")))
			at = begin;
		l->words[l->service.nargs++] =
		    span_of(l->text + begin, at - begin);
	}
	l->service.args = l->words;
}

/* ---- attributes ---- */

struct parsed {
	struct line line;
	struct arena arena;
	struct pipe_line p;
	struct buf error;
	struct buf warnings;
	bool ok;
};

static void parse(struct parsed *x, const char *text)
{
	*x = (struct parsed){
		.error = BUF_INIT(PIPE_ERROR_MAX),
		.warnings = BUF_INIT(PIPE_ERROR_MAX),
	};
	arena_init(&x->arena, 1 << 20);
	line_init(&x->line, text);
	x->ok = pipe_parse(&x->line.service, &x->arena, &x->p, &x->error);
}

static void parsed_done(struct parsed *x)
{
	arena_done(&x->arena);
	buf_done(&x->error);
	buf_done(&x->warnings);
}

static void test_attributes(void **state)
{
	struct parsed x;

	(void)state;
	parse(&x,
	    "flags=BDFORXhqu.> USER=vmail:mail Directory=/d "
	    "eol=\\r\\n\\101\\7\\q\\\\ null_sender= size=12345 "
	    "argv=/bin/x flags=R user=root");
	assert_true(x.ok);
	assert_int_equal(x.p.flags,
	    PIPE_FOLD_DOMAIN | PIPE_FOLD_LOCAL | PIPE_QUOTE | PIPE_FINAL);
	assert_int_equal(x.p.head, 127);
	assert_span_equal(x.p.user, SPAN("vmail"));
	assert_span_equal(x.p.group, SPAN("mail"));
	assert_span_equal(x.p.directory, SPAN("/d"));
	assert_span_equal(x.p.eol, SPAN("\r\nA\7q\\"));
	assert_span_equal(x.p.null_sender, SPAN(""));
	assert_int_equal(x.p.size_max, 12345);
	assert_int_equal(x.p.nargs, 3);
	assert_span_equal(x.p.args[0].text, SPAN("/bin/x"));
	assert_span_equal(x.p.args[2].text, SPAN("user=root"));
	assert_int_equal(x.warnings.len, 0);
	parsed_done(&x);

	parse(&x, "user=u flags=R flags=q argv=");
	assert_true(x.ok);
	assert_int_equal(x.p.head, MBOX_RETURN_PATH);
	assert_int_equal(x.p.flags, PIPE_QUOTE);
	assert_span_equal(x.p.eol, SPAN("\n"));
	assert_span_equal(x.p.null_sender, SPAN("MAILER-DAEMON"));
	assert_int_equal(x.p.nargs, 1);
	assert_int_equal(x.p.args[0].text.len, 0);
	parsed_done(&x);
}

static void test_bad_attributes(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "", "missing user= command-line attribute: " },
		{ "argv=x", "missing user= command-line attribute: " },
		{ "user= argv=x", "missing user= command-line attribute: " },
		{ "user=:mail argv=x",
		    "missing user= command-line attribute: " },
		{ "user=u", "missing argv= command-line attribute: " },
		{ "user=u argv x", "unknown attribute name: argv" },
		{ "user=u /bin/x", "unknown attribute name: /bin/x" },
		{ "user=u flags=RZ argv=x", "unknown flag: Z" },
		{ "user=u chroot=/c argv=x", "chroot= is not supported; " },
		{ "user=u directory= argv=x", "directory= needs a path: " },
		{ "user=u size=1k argv=x", "bad size= value: 1k" },
		{ "user=u size=-1 argv=x", "bad size= value: -1" },
		{ "user=u size=99999999999999999999 argv=x",
		    "bad size= value: 9999" },
		{ "user=u eol=0123456789012345678901234567890123456789"
		  "0123456789012345678901234567890123456789 argv=x",
		    "eol= is too long: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed x;

		parse(&x, cases[i].line);
		assert_false(x.ok);
		assert_true(span_has_prefix(
		    buf_span(&x.error), span_str(cases[i].error)));
		parsed_done(&x);
	}
}

static void test_eol(void **state)
{
	static const struct {
		const char *said, *eol;
	} cases[] = {
		{ "eol=", "" },
		{ "eol=\\", "" },
		{ "eol=\\0", "" },
		{ "eol=a\\0b", "a" },
		{ "eol=\\400x", "" },
		{ "eol=\\1234", "S4" },
		{ "eol=\\8\\x41", "8x41" },
		{ "eol=\\\\n", "\\n" },
		{ "eol=x eol=\\t", "\t" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf text = BUF_INIT(1024);
		struct parsed x;

		buf_printf(&text, "user=u %s argv=x", cases[i].said);
		parse(&x, buf_cstr(&text));
		assert_true(x.ok);
		/* Without a line end is not what is preset. */
		assert_non_null(x.p.eol.ptr);
		assert_span_equal(x.p.eol, span_str(cases[i].eol));
		parsed_done(&x);
		buf_done(&text);
	}
}

/* The line is good, and no mail can be delivered by it. */
static void test_bad_arguments(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "user=u argv=x $nobody", "unknown macro name: \"nobody\"" },
		{ "user=u argv=$x $nobody", "unknown macro name: \"x\"" },
		{ "user=u argv=x $", "empty macro name: \"$\"" },
		{ "user=u argv=x a$/b", "empty macro name: \"a$/b\"" },
		{ "user=u argv=x ${user", "truncated macro reference: " },
		{ "user=u argv=x $(user", "truncated macro reference: " },
		{ "user=u argv=x ${}", "empty macro name: " },
		{ "user=u argv=x ${user?$mydomain}",
		    "unknown macro name: \"mydomain\"" },
		{ "user=u argv=x ${run{touch~/tmp/x}}",
		    "attribute name syntax error at: \"...run>>>{touch" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed x;

		parse(&x, cases[i].line);
		assert_true(x.ok);
		assert_true(x.p.bad_arg.len > 0);
		assert_true(
		    span_has_prefix(x.p.bad_arg, span_str(cases[i].why)));
		assert_int_equal(
		    x.p.bad_name, cases[i].why[0] == 'u' /* unknown */);
		parsed_done(&x);
	}
}

/* ---- arguments ---- */

struct mail {
	const char *sender;
	const char *nexthop;
	const char *addrs[3]; /* recipients */
	const char *origs[3];
};

static const struct mail plain = { "s@a.example", "Next.Example",
	{ "User+Ext@Dom.Example" }, { "Orig@Dom.Example" } };
static const struct mail three = { "s@a.example", "n", { "a@x", "b+e@y", "@z" },
	{ "A@x", "", "C@z" } };
static const struct mail bounce = { "", "n", { "a@x" }, { "a@x" } };
static const struct mail hostile = { "${user}$$`id`;@a", "n",
	{ "${run{touch /tmp/x}}\n;x|y@d" }, { "$sender" } };
static const struct mail odd = { "a b@c", "n", { "-oX@d" }, { "nodomain" } };
static const struct mail bare = { "s", "n", { "Bare+x" }, { "" } };
static const struct mail empty_user = { "s", "n", { "@d" }, { "+f@d" } };
static const struct mail postmaster = { "s", "n", { "postmaster+x@d" },
	{ "" } };
static const struct mail owner = { "s", "n", { "owner-a+x@d" }, { "" } };

/* The arguments are joined by '|'. */
static const struct {
	const char *line;
	const struct mail *mail;
	const char *argv;
} cases[] = {
	{ "argv=x", &plain, "x" },
	{ "argv=x a~b {} c", &plain, "x|a b||c" },
	{ "argv=x $$ $$user a$$b", &plain, "x|$|$user|a$b" },
	{ "argv=x $sender $(sender) ${sender} -f$sender.", &plain,
	    "x|s@a.example|s@a.example|s@a.example|-fs@a.example." },
	{ "argv=x $recipient $user $extension $mailbox $domain $nexthop",
	    &plain,
	    "x|User+Ext@Dom.Example|User|Ext|User+Ext|Dom.Example|"
	    "Next.Example" },
	{ "flags=h argv=x $recipient $original_recipient $mailbox $domain "
	  "$nexthop $sender",
	    &plain,
	    "x|User+Ext@dom.example|Orig@dom.example|User+Ext|dom.example|"
	    "next.example|s@a.example" },
	{ "flags=u argv=x $recipient $original_recipient $mailbox $user "
	  "$extension $domain $nexthop",
	    &plain,
	    "x|user+ext@Dom.Example|orig@Dom.Example|user+ext|user|ext|"
	    "Dom.Example|Next.Example" },
	{ "flags=hu argv=x $recipient $original_recipient $domain", &plain,
	    "x|user+ext@dom.example|orig@dom.example|dom.example" },
	{ "argv=x $size $client_address $client_helo $client_hostname "
	  "$client_protocol $client_port [$sasl_method$sasl_username"
	  "$sasl_sender] $envid",
	    &plain,
	    "x|4711|192.0.2.1|helo.example|client.example|ESMTP|65535|[]|"
	    "envid-1" },
	{ "argv=x $client_port [$client_port]", &bounce, "x||[]" },
	/* One for each recipient; what is empty keeps its place. */
	{ "argv=x -t $recipient -- y", &three, "x|-t|a@x|b+e@y|@z|--|y" },
	{ "argv=x $user", &three, "x|a|b|" },
	{ "argv=x $extension", &three, "x||e|" },
	{ "argv=x <$mailbox> $domain", &three, "x|<a>|<b+e>|<>|x|y|z" },
	{ "argv=x $original_recipient", &three, "x|A@x||C@z" },
	{ "argv=$user $sender", &three, "a|b||s@a.example" },
	{ "argv=x -u $user -e $extension", &empty_user, "x|-u||-e|" },
	{ "argv=x ($recipient)", &three, "x|(a@x)|(b+e@y)|(@z)" },
	/* ?, : */
	{ "argv=x ${extension?+$extension} ${extension:none}", &three,
	    "x||+e||none||none" },
	{ "argv=x ${sender?{yes}:{no}}", &plain, "x|yes" },
	{ "argv=x ${sender?{yes}:{no}}", &bounce, "x|yes" },
	{ "null_sender= argv=x ${sender?{yes}:{no}}", &bounce, "x|no" },
	/* The null sender */
	{ "argv=x -f $sender", &bounce, "x|-f|MAILER-DAEMON" },
	{ "null_sender= argv=x -f $sender -- $recipient", &bounce,
	    "x|-f||--|a@x" },
	{ "flags=q null_sender= argv=x -f $sender", &bounce, "x|-f|" },
	{ "null_sender=<> argv=x -f $sender", &bounce, "x|-f|<>" },
	{ "flags=q null_sender=<> argv=x -f $sender", &bounce, "x|-f|\"<>\"" },
	/* Quoting */
	{ "argv=x $sender", &odd, "x|a b@c" },
	{ "flags=q argv=x $sender $recipient $mailbox $original_recipient",
	    &odd, "x|\"a b\"@c|-oX@d|-oX|nodomain" },
	/* What a stranger wrote is nothing but text. */
	{ "argv=x $sender $recipient $original_recipient", &hostile,
	    "x|${user}$$`id`;@a|${run{touch /tmp/x}}\n;x|y@d|$sender" },
	{ "argv=x $mailbox:$user", &hostile,
	    "x|${run{touch /tmp/x}}\n;x|y:${run{touch /tmp/x}}\n;x|y" },
	{ "flags=q argv=x $sender", &hostile, "x|\"${user}$$`id`;\"@a" },
	{ "argv=x ${sender?$sender}", &hostile, "x|${user}$$`id`;@a" },
	/* No '@' */
	{ "argv=x $recipient $user $extension $mailbox $domain", &bare,
	    "x|Bare+x|Bare|x|Bare+x|" },
	{ "flags=h argv=x $recipient", &bare, "x|Bare+x" },
	{ "flags=u argv=x $recipient", &bare, "x|bare+x" },
	{ "argv=x $user $extension", &postmaster, "x|postmaster|x" },
	{ "argv=x $user $extension", &owner, "x|owner-a|x" },
};

static void fill(const struct mail *m, struct envelope *e, struct rcpt *rcpts)
{
	*e = (struct envelope){
		.sender = span_str(m->sender),
		.size = 4711,
		.client_addr = SPAN("192.0.2.1"),
		/* Notices are of nobody. */
		.client_port = m->sender[0] ? 65535 : 0,
		.client_name = SPAN("client.example"),
		.helo = SPAN("helo.example"),
		.proto = SPAN("ESMTP"),
		.envid = SPAN("envid-1"),
		.rcpts = rcpts,
	};
	while (e->nrcpts < 3 && m->addrs[e->nrcpts]) {
		rcpts[e->nrcpts] = (struct rcpt){
			.addr = span_str(m->addrs[e->nrcpts]),
			.orig = span_str(m->origs[e->nrcpts]),
			.nexthop = span_str(m->nexthop),
		};
		e->nrcpts++;
	}
}

static void join(struct buf *out, const span *argv, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(out, '|');
		buf_put(out, argv[i]);
	}
}

static void check(const char *line, const struct mail *mail, const char *want)
{
	const struct extension_rules rules = {
		.delimiters = SPAN("+"),
		.double_bounce = SPAN("double-bounce"),
		.owner_request_whole = true,
	};
	struct buf text = BUF_INIT(1024);
	struct buf got = BUF_INIT(1 << 20);
	struct rcpt rcpts[3];
	struct envelope e;
	struct parsed x;
	struct pipe_argv argv;

	buf_put(&text, SPAN("user=u "));
	buf_put(&text, span_str(line));
	fill(mail, &e, rcpts);
	parse(&x, buf_cstr(&text));
	assert_true(x.ok);
	assert_span_equal(x.p.bad_arg, SPAN(""));
	x.p.rules = rules;
	assert_int_equal(
	    pipe_expand(&x.p, &e, &x.arena, &argv, &x.warnings), 0);
	join(&got, argv.words, argv.n);
	assert_span_equal(buf_span(&got), span_str(want));
	if (mail == &bare && argv.n > 2)
		assert_true(span_has_prefix(buf_span(&x.warnings),
		    SPAN("no @ in recipient address: Bare+x\n")));
	else
		assert_int_equal(x.warnings.len, 0);
	parsed_done(&x);
	buf_done(&text);
	buf_done(&got);
}

static void test_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].line, cases[i].mail, cases[i].argv);
}

/* The lines that Debian and Postfix ship. */
static void test_stock_lines(void **state)
{
	static const struct {
		const char *line, *argv;
	} lines[] = {
		{ "flags=DRXhu argv=/usr/bin/maildrop -d ${recipient}",
		    "/usr/bin/maildrop|-d|user+ext@dom.example" },
		{ "flags=Fqhu argv=uux -r -n -z -a$sender - $nexthop!rmail "
		  "($recipient)",
		    "uux|-r|-n|-z|-as@a.example|-|next.example!rmail|"
		    "(user+ext@dom.example)" },
		{ "flags=F argv=/usr/lib/ifmail/ifmail -r $nexthop "
		  "($recipient)",
		    "/usr/lib/ifmail/ifmail|-r|Next.Example|"
		    "(User+Ext@Dom.Example)" },
		{ "flags=Fq. argv=/usr/lib/bsmtp/bsmtp -t$nexthop -f$sender "
		  "$recipient",
		    "/usr/lib/bsmtp/bsmtp|-tNext.Example|-fs@a.example|"
		    "User+Ext@Dom.Example" },
		{ "flags=R argv=/usr/lib/scalemail/bin/scalemail-store "
		  "${nexthop} ${user} ${extension}",
		    "/usr/lib/scalemail/bin/scalemail-store|Next.Example|"
		    "User|Ext" },
		{ "flags=FRX argv=/usr/lib/mailman/bin/postfix-to-mailman.py "
		  "${nexthop} ${user}",
		    "/usr/lib/mailman/bin/postfix-to-mailman.py|Next.Example|"
		    "User" },
		{ "flags=hu argv=/cyrus/bin/deliver -e -r ${sender} -m "
		  "${extension} ${user}",
		    "/cyrus/bin/deliver|-e|-r|s@a.example|-m|ext|user" },
		{ "flags=DRhu argv=/usr/lib/dovecot/deliver -f ${sender} -d "
		  "${recipient}",
		    "/usr/lib/dovecot/deliver|-f|s@a.example|-d|"
		    "user+ext@dom.example" },
		{ "flags=Rq argv=/usr/bin/spamc -f -e /usr/sbin/sendmail -oi "
		  "-f ${sender} ${recipient}",
		    "/usr/bin/spamc|-f|-e|/usr/sbin/sendmail|-oi|-f|"
		    "s@a.example|User+Ext@Dom.Example" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		check(lines[i].line, &plain, lines[i].argv);
}

/* smtputf8_enable says what letters there are. */
static void test_folding(void **state)
{
	static const struct {
		const char *text, *ascii, *utf8;
	} foldings[] = {
		{ "Ana@B", "ana@b", "ana@b" },
		{ "\303\204B\303\237@\303\226", "\303\204b\303\237@\303\226",
		    "\303\244bss@\303\266" },
		{ "A\377\304", "a\377\304", "a\377\304" },
		{ "", "", "" },
	};
	struct pipe_line p = { .flags = 0 };
	struct buf out = BUF_INIT(1024);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(foldings); i++) {
		span text = span_str(foldings[i].text);

		buf_clear(&out);
		p.flags = 0;
		pipe_fold(&p, text, &out);
		assert_span_equal(buf_span(&out), span_str(foldings[i].ascii));
		buf_clear(&out);
		p.flags = PIPE_UTF8;
		pipe_fold(&p, text, &out);
		assert_span_equal(buf_span(&out), span_str(foldings[i].utf8));
	}
	buf_done(&out);
}

static void test_no_memory(void **state)
{
	const struct extension_rules rules = { .delimiters = SPAN("+") };
	struct rcpt rcpts[3];
	struct envelope e;
	struct arena small;
	struct parsed x;
	struct pipe_argv argv;

	(void)state;
	fill(&three, &e, rcpts);
	parse(&x, "user=u argv=x $recipient");
	for (size_t max = 0; max < 64; max++) {
		int r;

		arena_init(&small, max);
		x.p.rules = rules;
		r = pipe_expand(&x.p, &e, &small, &argv, &x.warnings);
		assert_true(r == -ENOMEM || max > 32);
		arena_done(&small);
	}
	parsed_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_eol),
		cmocka_unit_test(test_bad_attributes),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_stock_lines),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
