/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/transport.c - what main.cf and master.cf say of transports:
 * who carries them, and how much at a time.
 */
#include "daemon/queue/queue.h"

#include "daemon/queue/forms.h"

static const struct {
	span command;
	enum handling handling;
} commands[] = {
	{ SPAN_INIT("smtp"), BY_RELAY },
	{ SPAN_INIT("lmtp"), BY_RELAY },
	{ SPAN_INIT("local"), BY_DELIVER },
	{ SPAN_INIT("virtual"), BY_DELIVER },
	{ SPAN_INIT("pipe"), BY_DELIVER },
	{ SPAN_INIT("discard"), BY_DISCARD },
	{ SPAN_INIT("error"), BY_ERROR },
};

enum handling transport_handling(struct queue *q, span transport)
{
	uint32_t service = conf_transport(q->conf, transport);

	if (service == CONF_MAIN)
		return BY_NOBODY;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (span_eq(conf_service(q->conf, service)->command,
		        commands[i].command))
			return commands[i].handling;
	return BY_NOBODY;
}

/* ---- limits ---- */

static span setting(struct queue *q, span transport, const char *suffix)
{
	return conf_transport_value(q->conf, transport, span_str(suffix));
}

static uint32_t setting_u32(
    struct queue *q, span transport, const char *suffix, uint32_t preset)
{
	uint32_t n;

	return span_to_u32(setting(q, transport, suffix), &n) ? n : preset;
}

/* Names of parameters are made of names of services only: those of anything
 * else, which a stranger may have chosen, would be kept for ever. */
uint32_t transport_recipient_limit(struct queue *q, span transport)
{
	uint32_t n = 0;

	if (transport_handling(q, transport) != BY_NOBODY)
		n = setting_u32(
		    q, transport, "destination_recipient_limit", 50);
	return n ? n : UINT32_MAX;
}

/* A command for each job: so many at a time, and to so many hosts, as the
 * configuration says. */
static bool runs_commands(struct queue *q, uint32_t service)
{
	return span_eq(conf_service(q->conf, service)->command, SPAN("pipe"));
}

static struct sched_limits limits_of(
    struct queue *q, uint32_t service, enum handling h)
{
	span name = conf_service(q->conf, service)->name;
	struct sched_limits l = {
		.initial =
		    setting_u32(q, name, "initial_destination_concurrency", 5),
		.window =
		    setting_u32(q, name, "destination_concurrency_limit", 20),
		.total = conf_service(q->conf, service)->maxproc,
		.cohorts = setting_u32(
		    q, name, "destination_concurrency_failed_cohort_limit", 1),
		.pause = q->set.minimal_backoff_time,
	};

	if (!form_duration(
	        setting(q, name, "destination_rate_delay"), &l.rate_delay))
		l.rate_delay = 0;
	/* As in Postfix: one after the other. */
	if (l.rate_delay)
		l.window = 1;
	l.positive = form_feedback(
	    setting(q, name, "destination_concurrency_positive_feedback"));
	l.negative = form_feedback(
	    setting(q, name, "destination_concurrency_negative_feedback"));
	/*
	 * One deliver process serves each mailbox by one worker, whatever the
	 * number of messages waiting for it: a window would only keep it from
	 * storing many with one flush.
	 */
	if (h != BY_RELAY && !runs_commands(q, service)) {
		l.window = 0;
		l.total = 0;
	}
	/* This machine is always there. */
	if (h != BY_RELAY)
		l.cohorts = 0;
	return l;
}

void transport_configure(struct queue *q)
{
	for (uint32_t i = 0; i < conf_services(q->conf); i++) {
		span name = conf_service(q->conf, i)->name;
		enum handling h = transport_handling(q, name);
		struct sched_limits l;

		if (h == BY_NOBODY || conf_transport(q->conf, name) != i)
			continue;
		l = limits_of(q, i, h);
		sched_limits(q->sched, name, &l);
	}
}
