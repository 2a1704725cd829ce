/* SPDX-License-Identifier: ISC */
#include "daemon/delivery_log.h"

#include "mail/address.h"
#include "os/log.h"

static const usec powers[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };

/* How many decimals leave two significant digits. */
static unsigned decimals(usec delay, unsigned resolution)
{
	unsigned n = 0;

	resolution = MIN(resolution, 6U);
	if (delay >= 10 * USEC_SEC)
		return 0;
	if (delay >= USEC_SEC)
		return MIN(1U, resolution);
	while (n < resolution && delay < powers[n])
		n++;
	return MIN(n + 1, resolution);
}

void delivery_log_delay(struct buf *out, usec delay, unsigned resolution)
{
	unsigned n = decimals(delay, resolution);
	usec unit = powers[n];
	usec rounded = (delay + unit / 2) / unit;
	usec scale = USEC_SEC / unit;
	usec fraction = rounded % scale;

	buf_put_u64(out, rounded / scale);
	if (!fraction)
		return;
	while (fraction % 10 == 0) {
		fraction /= 10;
		n--;
	}
	buf_printf(out, ".%0*llu", (int)n, (unsigned long long)fraction);
}

static usec between(usec from, usec to)
{
	return from && to > from ? to - from : 0;
}

static void put_delays(struct buf *out, const struct delivery_log *d)
{
	/* A stage that did not happen took no time. */
	usec active = d->active ? d->active : d->arrival;
	usec handoff = d->handoff ? d->handoff : active;
	usec setup = d->setup ? d->setup : d->end;
	const usec delays[] = {
		between(d->arrival, active),
		between(active, handoff),
		between(handoff, setup),
		between(setup, d->end),
	};

	buf_put(out, SPAN(", delay="));
	delivery_log_delay(out, between(d->arrival, d->end), d->resolution);
	buf_put(out, SPAN(", delays="));
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		if (i)
			buf_putc(out, '/');
		delivery_log_delay(out, delays[i], d->resolution);
	}
}

static span status_word(enum verdict_class class, bool verify)
{
	if (verify)
		return class == VERDICT_SENT ? SPAN("deliverable")
		                             : SPAN("undeliverable");
	switch (class) {
	case VERDICT_SENT:
		return SPAN("sent");
	case VERDICT_DEFERRED:
		return SPAN("deferred");
	case VERDICT_BOUNCED:
		break;
	}
	return SPAN("bounced");
}

void delivery_log_address(struct buf *out, span addr)
{
	if (addr.len)
		address_quote(out, addr);
}

void delivery_log(const struct delivery_log *d)
{
	const struct verdict *v = d->verdict;
	char id[MSGID_TEXT_MAX];
	struct buf b = BUF_INIT(65536);

	buf_put(&b, msgid_text(d->id, id));
	buf_put(&b, SPAN(": to=<"));
	delivery_log_address(&b, d->rcpt->addr);
	if (d->rcpt->orig.len &&
	    !span_eq_nocase(d->rcpt->orig, d->rcpt->addr)) {
		buf_put(&b, SPAN(">, orig_to=<"));
		delivery_log_address(&b, d->rcpt->orig);
	}
	buf_put(&b, SPAN(">, relay="));
	buf_put(&b, d->relay.len ? d->relay : SPAN("none"));
	if (d->conn_use > 1)
		buf_printf(&b, ", conn_use=%u", d->conn_use);
	put_delays(&b, d);
	buf_put(&b, SPAN(", dsn="));
	buf_put(&b, v->status);
	buf_put(&b, SPAN(", status="));
	buf_put(&b, status_word(v->class, d->verify));
	buf_put(&b, SPAN(" ("));
	buf_put(&b, v->text);
	buf_putc(&b, ')');
	log_text(d->syslog_name, d->program, LOG_LEVEL_INFO, buf_span(&b));
	buf_done(&b);
}
