/* SPDX-License-Identifier: ISC */
#include "tool/queue_print.h"

#include "mail/address.h"
#include "mail/date.h"

enum {
	ADDRESS_TEXT_MAX = 1 << 20,
	REASON_COLUMN = 76,
	/* Where sendmail cuts. */
	SENDMAIL_SENDER_MAX = 39,
	SENDMAIL_RCPT_MAX = 38,
	SENDMAIL_REASON_MAX = 60,
};

/* Who reads such listings expects this directory; nothing is there. */
#define MQUEUE "/var/spool/mqueue"

static const char *const queue_names[] = {
	[CTL_INCOMING] = "incoming",
	[CTL_ACTIVE] = "active",
	[CTL_DEFERRED] = "deferred",
	[CTL_HOLD] = "hold",
};

static const char *const queue_marks[] = {
	[CTL_INCOMING] = "",
	[CTL_ACTIVE] = "*",
	[CTL_DEFERRED] = "",
	[CTL_HOLD] = "!",
};

/* Text */

static bool is_continuation(span s, size_t at)
{
	return at < s.len && ((unsigned char)s.ptr[at] & 0xC0) == 0x80;
}

/* As Postfix judges it: a lead byte and any continuation bytes. */
static size_t utf8_length(span s)
{
	unsigned char lead = (unsigned char)s.ptr[0];
	size_t n = 1;

	if (lead < 194 || lead > 254 || !is_continuation(s, 1))
		return 0;
	while (is_continuation(s, n))
		n++;
	return n;
}

void queue_print_text(struct buf *out, span text)
{
	while (text.len > 0) {
		size_t n = ascii_is_print(text.ptr[0]) ? 1 : utf8_length(text);

		if (n > 0)
			buf_put(out, span_first(text, n));
		else
			buf_putc(out, '?');
		text = span_from(text, MAX(n, (size_t)1));
	}
}

/* In external form; the null address has a name here. */
static void put_address(struct buf *out, span address)
{
	CLEANUP(buf_done) struct buf quoted = BUF_INIT(ADDRESS_TEXT_MAX);

	if (address.len == 0)
		address = SPAN("MAILER-DAEMON");
	address_quote(&quoted, address);
	queue_print_text(out, buf_span(&quoted));
}

static void put_json_bytes(struct buf *out, span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
}

/* No control character comes this far: see queue_print_text(). */
static void put_json(struct buf *out, const char *key, span text)
{
	CLEANUP(buf_done) struct buf clean = BUF_INIT(ADDRESS_TEXT_MAX);

	queue_print_text(&clean, text);
	buf_printf(out, "\"%s\": \"", key);
	put_json_bytes(out, buf_span(&clean));
	buf_putc(out, '"');
}

static void put_json_address(struct buf *out, const char *key, span address)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(ADDRESS_TEXT_MAX);

	put_address(&text, address);
	put_json(out, key, buf_span(&text));
}

/* The forms of Postfix */

static void print_json(const struct ctl_entry *m, struct buf *out)
{
	char id[MSGID_TEXT_MAX];

	buf_putc(out, '{');
	put_json(out, "queue_name", span_str(queue_names[m->queue]));
	buf_put(out, SPAN(", "));
	put_json(out, "queue_id", msgid_text(m->id, id));
	buf_printf(out,
	    ", \"arrival_time\": %ju, \"message_size\": %ju"
	    ", \"forced_expire\": %s, ",
	    (uintmax_t)(m->arrival / USEC_SEC), (uintmax_t)m->size,
	    m->forced_expire ? "true" : "false");
	put_json_address(out, "sender", m->sender);
	buf_put(out, SPAN(", \"recipients\": ["));
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		buf_put(out, i > 0 ? SPAN(", {") : SPAN("{"));
		put_json_address(out, "address", m->rcpts[i].addr);
		if (m->rcpts[i].reason.len > 0) {
			buf_put(out, SPAN(", "));
			put_json(out, "delay_reason", m->rcpts[i].reason);
		}
		buf_putc(out, '}');
	}
	buf_put(out, SPAN("]}\n"));
}

static void print_reason(struct buf *out, span reason)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(ADDRESS_TEXT_MAX);
	int padding;

	queue_print_text(
	    &text, reason.len > 0 ? reason : SPAN("reason unavailable"));
	padding = text.len < REASON_COLUMN ? REASON_COLUMN - (int)text.len : 0;
	buf_printf(out, "%*s(", padding, "");
	buf_put(out, buf_span(&text));
	buf_put(out, SPAN(")\n"));
}

/* A reason stands above the recipients that share it. */
static void print_recipients(const struct ctl_entry *m, struct buf *out)
{
	span last = SPAN_NONE;

	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if (!span_eq(m->rcpts[i].reason, last)) {
			last = m->rcpts[i].reason;
			print_reason(out, last);
		}
		buf_printf(out, "%-11s %7s %-20s ", "", "", "");
		put_address(out, m->rcpts[i].addr);
		buf_putc(out, '\n');
	}
}

static void print_message(const struct ctl_entry *m, struct buf *out)
{
	CLEANUP(buf_done) struct buf when = BUF_INIT(DATE_MAX);
	char id[MSGID_TEXT_MAX];
	char marked[MSGID_TEXT_MAX + 4];
	span text = msgid_text(m->id, id);

	(void)snprintf(marked, sizeof(marked), "%.*s%s%s", PRI(text),
	    queue_marks[m->queue], m->forced_expire ? "#" : "");
	date_write_short(&when, m->arrival);
	buf_printf(out, "%-11s %7ju %-20.20s ", marked, (uintmax_t)m->size,
	    buf_cstr(&when));
	put_address(out, m->sender);
	buf_putc(out, '\n');
	print_recipients(m, out);
}

/* The form of sendmail */

/* What does not fit is left out: as its prtstr() counts. */
static void put_cut(struct buf *out, span text, size_t room)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool print = ascii_is_print(c);
		size_t size = print ? (c == '\\' ? 2 : 1) : 4;

		if (room < size + !print)
			break;
		if (print)
			buf_put(out, c == '\\' ? SPAN("\\\\") : span_of(&c, 1));
		else
			buf_printf(out, "\\%03o", (unsigned)(uint8_t)c);
		room -= size;
	}
}

static void put_sendmail_address(struct buf *out, span address, size_t room)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(ADDRESS_TEXT_MAX);

	if (address.len == 0) {
		buf_put(&text, SPAN("MAILER-DAEMON"));
	} else {
		buf_putc(&text, '<');
		address_quote(&text, address);
		buf_putc(&text, '>');
	}
	put_cut(out, buf_span(&text), room);
}

/* It keeps one reason for a message: that of the first recipient with one. */
static void put_sendmail_reason(const struct ctl_entry *m, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(ADDRESS_TEXT_MAX);
	size_t n;

	for (uint32_t i = 0; i < m->nrcpts && text.len == 0; i++) {
		if (m->rcpts[i].reason.len == 0)
			continue;
		buf_put(&text, SPAN("Deferred: "));
		queue_print_text(&text, m->rcpts[i].reason);
	}
	if (text.len == 0)
		return;
	n = MIN(text.len, (size_t)SENDMAIL_REASON_MAX);
	while (is_continuation(buf_span(&text), n))
		n--;
	buf_printf(
	    out, "%17s(%.*s)\n", "", PRI(span_first(buf_span(&text), n)));
}

static void print_sendmail(const struct ctl_entry *m, struct buf *out)
{
	CLEANUP(buf_done) struct buf when = BUF_INIT(DATE_MAX);
	char id[MSGID_TEXT_MAX];
	span text = msgid_text(m->id, id);

	date_write_short(&when, m->arrival);
	buf_printf(out, "%13.*s%c%8ju %.16s ", PRI(text),
	    m->queue == CTL_ACTIVE ? '*' : ' ', (uintmax_t)m->size,
	    buf_cstr(&when));
	put_sendmail_address(out, m->sender, SENDMAIL_SENDER_MAX);
	buf_putc(out, '\n');
	if (m->queue == CTL_HOLD)
		buf_put(out, SPAN("     QUARANTINE: on hold\n"));
	put_sendmail_reason(m, out);
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		buf_put(out, SPAN("\t\t\t\t\t "));
		put_sendmail_address(out, m->rcpts[i].addr, SENDMAIL_RCPT_MAX);
		buf_putc(out, '\n');
	}
}

/* Any form */

/* Those with a reason come first, otherwise the order stays. Simple,
 * quadratic only in the number of times that the two alternate. */
static void sort_recipients(struct ctl_entry *m)
{
	uint32_t sorted = 0;

	for (uint32_t i = 0; i < m->nrcpts; i++) {
		struct ctl_rcpt moved = m->rcpts[i];

		if (moved.reason.len == 0)
			continue;
		memmove(&m->rcpts[sorted + 1], &m->rcpts[sorted],
		    (i - sorted) * sizeof(moved));
		m->rcpts[sorted++] = moved;
	}
}

void queue_print_entry(
    struct queue_print *p, struct ctl_entry *entry, struct buf *out)
{
	if (p->form == QUEUE_SENDMAIL) {
		print_sendmail(entry, out);
	} else if (p->form == QUEUE_JSON) {
		sort_recipients(entry);
		print_json(entry, out);
	} else {
		sort_recipients(entry);
		buf_put(out,
		    p->messages > 0
		        ? SPAN("\n")
		        : SPAN("-Queue ID-  --Size-- ----Arrival Time---- "
		               "-Sender/Recipient-------\n"));
		print_message(entry, out);
	}
	p->messages++;
	p->bytes += entry->size;
}

void queue_print_head(const struct queue_print *p, struct buf *head)
{
	if (p->form == QUEUE_SENDMAIL && p->messages > 0)
		buf_printf(head,
		    "\t\t" MQUEUE " (%ju request%s)\n"
		    "-----Q-ID----- --Size-- -----Q-Time----- "
		    "------------Sender/Recipient-----------\n",
		    (uintmax_t)p->messages, p->messages == 1 ? "" : "s");
}

static void print_sendmail_end(const struct queue_print *p, struct buf *out)
{
	if (p->messages == 0)
		buf_put(out, SPAN(MQUEUE " is empty\n"));
	buf_printf(out, "\t\tTotal requests: %ju\n", (uintmax_t)p->messages);
}

void queue_print_end(const struct queue_print *p, struct buf *out)
{
	if (p->form == QUEUE_JSON)
		return;
	if (p->form == QUEUE_SENDMAIL)
		print_sendmail_end(p, out);
	else if (p->messages == 0)
		buf_put(out, SPAN("Mail queue is empty\n"));
	else
		buf_printf(out, "\n-- %ju Kbytes in %ju Request%s.\n",
		    (uintmax_t)(p->bytes / 1024), (uintmax_t)p->messages,
		    p->messages == 1 ? "" : "s");
}
