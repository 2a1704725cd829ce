/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/runner_status.h"

#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "mail/address.h"

/* How much of the output goes into the text of a success. */
enum { SUCCESS_MAX = 100 };

struct exit_meaning {
	span status;
	span text;
};

static const struct exit_meaning meanings[] = {
	[EX_USAGE - EX__BASE] = { SPAN_INIT("5.3.0"),
	    SPAN_INIT("command line usage error") },
	[EX_DATAERR -
	    EX__BASE] = { SPAN_INIT("5.6.0"), SPAN_INIT("data format error") },
	[EX_NOINPUT -
	    EX__BASE] = { SPAN_INIT("5.3.0"), SPAN_INIT("cannot open input") },
	[EX_NOUSER -
	    EX__BASE] = { SPAN_INIT("5.1.1"), SPAN_INIT("user unknown") },
	[EX_NOHOST -
	    EX__BASE] = { SPAN_INIT("5.1.2"), SPAN_INIT("host name unknown") },
	[EX_UNAVAILABLE - EX__BASE] = { SPAN_INIT("5.3.0"),
	    SPAN_INIT("service unavailable") },
	[EX_SOFTWARE - EX__BASE] = { SPAN_INIT("5.3.0"),
	    SPAN_INIT("internal software error") },
	[EX_OSERR - EX__BASE] = { SPAN_INIT("4.3.0"),
	    SPAN_INIT("system resource problem") },
	[EX_OSFILE - EX__BASE] = { SPAN_INIT("5.3.0"),
	    SPAN_INIT("critical OS file missing") },
	[EX_CANTCREAT - EX__BASE] = { SPAN_INIT("5.2.0"),
	    SPAN_INIT("can't create user output file") },
	[EX_IOERR -
	    EX__BASE] = { SPAN_INIT("5.3.0"), SPAN_INIT("input/output error") },
	[EX_TEMPFAIL -
	    EX__BASE] = { SPAN_INIT("4.3.0"), SPAN_INIT("temporary failure") },
	[EX_PROTOCOL - EX__BASE] = { SPAN_INIT("5.5.0"),
	    SPAN_INIT("remote error in protocol") },
	[EX_NOPERM -
	    EX__BASE] = { SPAN_INIT("5.7.0"), SPAN_INIT("permission denied") },
	[EX_CONFIG - EX__BASE] = { SPAN_INIT("5.3.5"),
	    SPAN_INIT("local configuration error") },
};

/* ---- output ---- */

/* Length of the UTF-8 character there, 0: none, or only ASCII. */
static size_t utf8_length(span s)
{
	unsigned char lead = (unsigned char)s.ptr[0];
	size_t n = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (n == 0 || n > s.len || !address_is_utf8(span_first(s, n)))
		return 0;
	return n;
}

span command_output_clean(char *bytes, size_t n)
{
	ssize_t nul = span_find(span_of(bytes, n), '\0');
	span all = span_of(bytes, nul >= 0 ? (size_t)nul : n);
	size_t i = 0;

	while (i < all.len) {
		size_t wide = utf8_length(span_from(all, i));

		if (wide > 0) {
			i += wide;
			continue;
		}
		if (bytes[i] == '\t' || bytes[i] == '\n')
			bytes[i] = ' ';
		else if (!ascii_is_print(bytes[i]))
			bytes[i] = '_';
		i++;
	}
	return all;
}

/* ---- verdicts ---- */

/* A sentence about the command, and what it wrote. */
static span finish_text(const struct command_end *end, struct buf *text)
{
	if (end->output.len > 0) {
		buf_put(text, SPAN(". Command output: "));
		buf_put(text, end->output);
	}
	return buf_span(text);
}

static span quote_command(const struct command_end *end, struct buf *text)
{
	buf_putc(text, '"');
	buf_put(text, end->command);
	buf_putc(text, '"');
	return finish_text(end, text);
}

/*
 * The class follows the status: a command may only choose between 4 and 5.
 * For the notice: its own words, or ours. They go behind the text, in the
 * same buffer.
 */
static void conclude(
    struct buf *text, span status, span own_words, struct verdict *ret)
{
	size_t n = text->len;
	bool later = status.ptr[0] == '4';

	if (own_words.len > 0) {
		buf_put(text, SPAN("x-unix; "));
		buf_put(text, own_words);
	}
	*ret = (struct verdict){
		.class = later ? VERDICT_DEFERRED : VERDICT_BOUNCED,
		.status = status,
		.text = span_first(buf_span(text), n),
		.diagnostic = span_from(buf_span(text), n),
	};
}

static span words_or(const struct command_end *end, span preset)
{
	return end->output.len > 0 ? end->output : preset;
}

static const span software_error = SPAN_INIT("internal software error");

static void say_timeout(
    const struct command_end *end, struct buf *text, struct verdict *ret)
{
	buf_put(text, SPAN("Command time limit exceeded: "));
	(void)quote_command(end, text);
	conclude(text, SPAN("5.3.0"), words_or(end, software_error), ret);
}

static void say_signal(
    const struct command_end *end, struct buf *text, struct verdict *ret)
{
	buf_printf(
	    text, "Command died with signal %d: ", WTERMSIG(end->status));
	(void)quote_command(end, text);
	conclude(text, SPAN("4.3.0"), words_or(end, software_error), ret);
}

/* "4.2.2 mailbox full": the command knows better than its exit status. */
static bool say_own_status(
    const struct command_end *end, struct buf *text, struct verdict *ret)
{
	span rest = end->output;
	size_t n = 0;
	span status;

	while (n < rest.len && !ascii_is_space(rest.ptr[n]))
		n++;
	status = span_first(rest, n);
	if (!verdict_is_status(status))
		return false;
	rest = span_from(rest, n);
	while (rest.len > 0 && ascii_is_space(rest.ptr[0]))
		rest = span_from(rest, 1);
	buf_put(text, rest);
	/* It failed, whatever it says. */
	if (status.ptr[0] == '2')
		status = SPAN("5.0.0");
	conclude(text, status, rest, ret);
	return true;
}

static void say_exit(
    const struct command_end *end, struct buf *text, struct verdict *ret)
{
	CLEANUP(buf_done) struct buf fake = BUF_INIT(64);
	int code = WEXITSTATUS(end->status);

	if (code >= EX__BASE && code <= EX__MAX) {
		const struct exit_meaning *m = &meanings[code - EX__BASE];

		buf_put(text, m->text);
		(void)finish_text(end, text);
		conclude(text, m->status, words_or(end, m->text), ret);
		return;
	}
	buf_printf(&fake, "unknown mail system error %d", code);
	buf_printf(text, "Command died with status %d: ", code);
	(void)quote_command(end, text);
	conclude(text, SPAN("5.3.0"), words_or(end, buf_span(&fake)), ret);
}

static void say_write_error(
    const struct command_end *end, struct buf *text, struct verdict *ret)
{
	buf_printf(text, "Command failed: error writing message: %s: ",
	    strerror(-end->write_error));
	buf_putc(text, '"');
	buf_put(text, end->command);
	buf_putc(text, '"');
	conclude(text, SPAN("5.3.0"), SPAN("input/output error"), ret);
}

bool command_succeeded(
    const struct command_end *end, struct buf *text, struct verdict *ret)
{
	if (end->timed_out)
		say_timeout(end, text, ret);
	else if (WIFSIGNALED(end->status))
		say_signal(end, text, ret);
	else if (WEXITSTATUS(end->status) == 0 && end->write_error == 0)
		return true;
	else if (WEXITSTATUS(end->status) == 0)
		say_write_error(end, text, ret);
	else if (!say_own_status(end, text, ret))
		say_exit(end, text, ret);
	return false;
}

void command_put_success(struct buf *out, span service, span output)
{
	while (output.len > 0 && ascii_is_space(output.ptr[output.len - 1]))
		output.len--;
	buf_put(out, SPAN("delivered via "));
	buf_put(out, service);
	buf_put(out, SPAN(" service"));
	if (output.len > 0)
		buf_printf(
		    out, " (%.*s)", PRI(span_first(output, SUCCESS_MAX)));
}
