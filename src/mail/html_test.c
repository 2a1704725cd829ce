/* SPDX-License-Identifier: ISC */
#include "mail/html.h"

#include "test/lib/unit.h"

static const struct {
	const char *html;
	const char *want;
} cases[] = {
	{ "", "" },
	{ "plain", "plain\n" },
	{ " a\n b\t c ", "a b c\n" },
	{ "<p>one</p><p>two</p>", "one\n\ntwo\n" },
	{ "<div><div>one</div></div><div>two</div>", "one\ntwo\n" },
	{ "a<br>b<br><br>c<br/>", "a\nb\n\nc\n" },
	{ "<b>bo</b>ld <i>it</i>", "bold it\n" },
	{ "<html><head><title>no</title><style>p { x: '<p>' }</style></head>"
	  "<body>yes<script>if (a < b) '</p>'</script></body></html>",
	    "yes\n" },
	{ "a<!-- <p>no</p> -->b<!doctype x><?php y ?>c", "abc\n" },
	{ "<!--[if mso]>no<![endif]-->yes<!--[if "
	  "!mso]><!-->too<!--<![endif]-->",
	    "yestoo\n" },
	/* characters */
	{ "&lt;&amp;&gt;&quot; &eacute;&euro;&nbsp;&#233;&#xE9;&#x1F600;",
	    "<&>\" é€ éé\xf0\x9f\x98\x80\n" },
	{ "&eacute &copy2 &copy=2 AT&T", "é &copy2 &copy=2 AT&T\n" },
	{ "&nosuch; &euro &; &#; &#x; &", "&nosuch; &euro &; &#; &#x; &\n" },
	{ "&#150;&#0;&#xd800;&#99999999999;",
	    "–\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\n" },
	{ "pre&shy;view&zwnj;&nbsp;&zwnj;&nbsp;&#847;&zwnj;x",
	    "preview\xe2\x80\x8c x\n" },
	/* lists */
	{ "<ul><li>one</li><li>two</li></ul>after", "* one\n* two\n\nafter\n" },
	{ "<ol><li>one<li>two</ol>", "1. one\n2. two\n" },
	{ "<ul><li>a<ul><li>b</ul><li>c</ul>", "* a\n  * b\n* c\n" },
	{ "<ul><li>the quick brown fox jumps over the lazy dog</ul>",
	    "* the quick brown fox jumps\n  over the lazy dog\n" },
	{ "<li>alone", "alone\n" },
	{ "<ul><li><p>a</p><p>b</p></ul>", "* a\n\n  b\n" },
	/* quotes */
	{ "<blockquote>said</blockquote>mine", "> said\n\nmine\n" },
	{ "x<blockquote><p>a</p><p>b</p><blockquote>c</blockquote>"
	  "</blockquote>y",
	    "x\n\n> a\n>\n> b\n>\n> > c\n\ny\n" },
	{ "</blockquote></ul>x", "x\n" },
	{ "<q>hi</q>, he said", "\"hi\", he said\n" },
	/* text as it stands */
	{ "<pre>\n a  b\n\n\tc\n</pre>x", " a  b\n\n        c\n\nx\n" },
	{ "<pre>this line is longer than the screen is</pre>",
	    "this line is longer than the screen is\n" },
	{ "</pre>a  b", "a b\n" },
	/* tables */
	{ "<table><tr><td>a<td>b</tr><tr><th>c</th><th>d</th></table>e",
	    "a  b\nc  d\ne\n" },
	{ "<hr>x", "------------------------------\nx\n" },
	/* links */
	{ "see <a href=\"https://a.example/?x=1&amp;y=2\">this</a>.",
	    "see this [1].\n\n[1] https://a.example/?x=1&y=2\n" },
	{ "<a href='http://a.example/'>a.example</a> "
	  "<a href=mailto:x@y>x@y</a> <a href=#top>top</a> "
	  "<a href='javascript:x()'>js</a> <a name=x>n</a>",
	    "a.example x@y top js n\n" },
	{ "<a href='http://evil.example/'>http://bank.example/</a>",
	    "http://bank.example/ [1]\n\n[1] http://evil.example/\n" },
	{ "<a href=http://x.example>one<a href=http://y.example>two",
	    "one [1]two [2]\n\n[1] http://x.example\n"
	    "[2] http://y.example\n" },
	{ "<a href=http://x.example><img src=x></a>y", "y\n" },
	{ "<a href='ht\ntp://x.ex&#10;ample'>a</a>",
	    "a [1]\n\n[1] http://x.example\n" },
	/* images */
	{ "<img src=x alt='a  &lt;cat&gt;'>y<img src=z alt=''><img>",
	    "[a <cat>]y\n" },
	/* broken */
	{ "a < b and c > d", "a < b and c > d\n" },
	{ "1<2", "1<2\n" },
	{ "text <a href=\"x>more", "text more\n" },
	{ "text <a href='x", "text <a href='x\n" },
	{ "a<p", "a<p\n" },
	{ "a</", "a</\n" },
	{ "a<!-- no end", "a\n" },
	{ "a<script>no end", "a\n" },
	{ "</p></p>a<p><p><p>b</x></y>", "a\n\nb\n" },
	{ "<P CLASS=\"a>b\">x</P>", "x\n" },
	{ "<a title='it''s' href=\"http://x.example\"b>y</a>",
	    "y [1]\n\n[1] http://x.example\n" },
	/* wrapping */
	{ "the quick brown fox jumps over the lazy dog",
	    "the quick brown fox jumps over\nthe lazy dog\n" },
	{ "averyveryverylongwordthatdoesnotfitinaline and more",
	    "averyveryverylongwordthatdoesnotfitinaline\nand more\n" },
};

static void lays_out(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(10000);

		html_to_text(&out, span_str(cases[i].html), 30);
		if (!span_eq(buf_span(&out), span_str(cases[i].want)))
			print_error("of: %s\n", cases[i].html);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
	}
}

/* What would be slow if anything was looked for again and again. */
static void is_linear(void **state UNUSED)
{
	static const char *const pieces[] = { "<", "<a ", "<a href=\"", "<!--",
		"<!", "&", "&#", "<style>", "<blockquote>", "<ul><li>",
		"</blockquote>", "<a href=\"x\">", "<pre>\n", "<q>", "</",
		"<b x='>", "\xcc\x81" };

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct buf in = BUF_INIT(4 << 20);
		struct buf out = BUF_INIT(64 << 20);

		while (in.len < 1 << 20)
			buf_put(&in, span_str(pieces[i]));
		buf_put(&in, SPAN("end"));
		html_to_text(&out, buf_span(&in), 72);
		assert_false(out.failed);
		assert_true(out.len <= 2 * in.len);
		buf_done(&in);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lays_out),
		cmocka_unit_test(is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
