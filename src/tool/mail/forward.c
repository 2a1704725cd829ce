/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/forward.c - messages go on to somebody else.
 *
 * "forward" makes a new mail around a message; "resend" passes it on as it is,
 * below fields that say who did so (RFC 5322 3.6.6).
 */
#include "mail/field.h"
#include "tool/mail/attach.h"
#include "tool/mail/build.h"
#include "tool/mail/commands.h"
#include "tool/mail/head.h"
#include "tool/mail/quote.h"
#include "tool/mail/show.h"

static const char heading_default[] = "-------- Original Message --------";

/* "[msglist] address"; without a list the current message. */
static bool cut_arguments(struct mua *m, const struct call *c,
    const char **ret_to, struct msgset *ret)
{
	span line = c->text;
	char *word;

	if (!words_cut_last(&line, c->arena, &word) || !*word) {
		printf("No recipient specified.\n");
		return false;
	}
	*ret_to = word;
	if (!m->box || m->box->count == 0) {
		printf("No applicable messages.\n");
		return false;
	}
	return msgset_parse(m, span_trim(line), 0, c->arena, ret);
}

/* ---- forward ---- */

static void put_subject(struct mua *m, uint32_t i, struct draft *d)
{
	static const char *const names[] = { "Subject", "Subj", NULL };
	CLEANUP(buf_done) struct buf was = BUF_INIT(DRAFT_LIST_MAX);
	span text;

	if (!quote_field(m, i, names, &was))
		return;
	text = span_trim(buf_span(&was));
	d->has_subject = text.len > 0;
	buf_put(&d->subject, SPAN("Fwd: "));
	buf_put(&d->subject, text);
}

static bool put_inline(struct mua *m, uint32_t i, struct draft *d)
{
	const char *heading = vars_get(m->vars, "fwdheading");

	if (!heading)
		heading = heading_default;
	if (*heading)
		buf_printf(&d->body, "%s\n", heading);
	return show_text(m, i, SHOW_FORWARD, &d->body) == 0;
}

static int forward_one(struct mua *m, uint32_t i, const char *to, bool by_name)
{
	bool whole = vars_is_set(m->vars, "forward-as-attachment") ||
	    vars_is_set(m->vars, "mime-forward");
	struct draft d;
	int r = 1;

	draft_init(&d);
	buf_put(&d.to, span_str(to));
	d.record_by_name = by_name;
	d.announce = true;
	d.about = i;
	put_subject(m, i, &d);
	quote_touch(m, i);
	if (whole)
		draft_attach_message(&d, i);
	if (whole || put_inline(m, i, &d))
		r = draft_write(m, &d);
	draft_done(&d);
	return r;
}

static int forward(struct mua *m, const struct call *c, bool by_name)
{
	struct msgset set;
	const char *to;

	if (!cut_arguments(m, c, &to, &set))
		return 1;
	if (set.count > 1) {
		printf("Cannot forward multiple messages at once\n");
		return 1;
	}
	if (set.count == 0)
		return 1;
	return forward_one(m, set.all[0], to, by_name);
}

int cmd_forward(struct mua *m, const struct call *c)
{
	return forward(m, c, false);
}

int cmd_Forward(struct mua *m, const struct call *c)
{
	return forward(m, c, true);
}

/* ---- resend ---- */

static void put_resent_fields(
    struct mua *m, const struct recipients *r, struct buf *out)
{
	span from = span_str(vars_get(m->vars, "from"));

	head_write_date(out, "Resent-Date");
	head_write_typed(m, out, "Resent-From", from, HEAD_SEND);
	head_write_typed(m, out, "Resent-Sender",
	    span_str(vars_get(m->vars, "sender")), HEAD_SEND);
	head_write_people(
	    m, out, HEAD_PEOPLE("Resent-To", r, RECIPIENT_TO), HEAD_SEND);
	if (!vars_is_set(m->vars, "stealthmua"))
		head_write_id(m, out, "Resent-Message-ID", from);
}

static int resend_one(
    struct mua *m, uint32_t i, struct recipients *r, bool with_fields)
{
	CLEANUP(buf_done) struct buf original = BUF_INIT(MESSAGE_MAX);
	CLEANUP(buf_done) struct buf message = BUF_INIT(MESSAGE_MAX);
	span header;
	span body;

	if (box_content(m, i, &original) < 0)
		return 1;
	if (with_fields)
		put_resent_fields(m, r, &message);
	field_split(buf_span(&original), &header, &body);
	attach_put_header(&message, header);
	buf_put(&message, body);
	if (message.failed) {
		mua_error(m, "Message %u is too large", i + 1);
		return 1;
	}
	return send_as_is(m, r, buf_span(&message));
}

static int resend(struct mua *m, const struct call *c, bool with_fields)
{
	struct recipients r;
	struct msgset set;
	const char *to;
	int result = 0;

	if (!cut_arguments(m, c, &to, &set))
		return 1;
	recipients_init(&r);
	recipients_take(&r, span_str(to), RECIPIENT_TO);
	send_resolve(m, &r);
	if (r.count == 0) {
		printf("No recipients specified\n");
		m->failures++;
		result = 1;
	}
	for (size_t i = 0; i < set.count && result == 0; i++)
		result = resend_one(m, set.all[i], &r, with_fields);
	recipients_done(&r);
	return result;
}

int cmd_resend(struct mua *m, const struct call *c)
{
	return resend(m, c, true);
}

int cmd_Resend(struct mua *m, const struct call *c)
{
	return resend(m, c, false);
}
