/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/names.c - the parameters that the programs know.
 */
#include "tool/postconf/postconf.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * Old spellings: the programs read them when they are set. They have no
 * default of their own and are listed only where main.cf has them.
 */
static const char *const legacy[] = {
	"authorized_verp_clients",
	"fallback_relay",
	"lmtp_per_record_deadline",
	"postscreen_blacklist_action",
	"postscreen_dnsbl_ttl",
	"postscreen_dnsbl_whitelist_threshold",
	"postscreen_whitelist_interfaces",
	"smtp_per_record_deadline",
	"smtpd_client_connection_limit_exceptions",
	"smtpd_per_record_deadline",
	"tlsproxy_client_level",
	"tlsproxy_client_policy",
	"virtual_mailbox_limit_maps",
	"virtual_maps",
};

struct name *name_find(const struct hmap *names, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n;

	for (n = hmap_first(names, hash); n; n = hmap_next(n, hash)) {
		struct name *entry = CONTAINER_OF(n, struct name, by_name);

		if (span_eq(entry->name, name))
			return entry;
	}
	return NULL;
}

struct name *name_add(
    struct postconf *pc, struct hmap *names, span name, unsigned flags)
{
	struct name *entry = keep_new(pc, 1, sizeof(*entry));

	entry->name = keep(pc, name);
	entry->flags = flags;
	entry->preset = SPAN("");
	hmap_put(names, &entry->by_name, hash_bytes(name));
	return entry;
}

struct suffix {
	const char *text;
	const char *preset;
};

static const struct suffix transport_suffixes[] = {
	{ "_recipient_limit", "$default_recipient_limit" },
	{ "_extra_recipient_limit", "$default_extra_recipient_limit" },
	{ "_recipient_refill_limit", "$default_recipient_refill_limit" },
	{ "_recipient_refill_delay", "$default_recipient_refill_delay" },
	{ "_delivery_slot_cost", "$default_delivery_slot_cost" },
	{ "_delivery_slot_loan", "$default_delivery_slot_loan" },
	{ "_delivery_slot_discount", "$default_delivery_slot_discount" },
	{ "_minimum_delivery_slots", "$default_minimum_delivery_slots" },
	{ "_initial_destination_concurrency",
	    "$initial_destination_concurrency" },
	{ "_destination_concurrency_limit",
	    "$default_destination_concurrency_limit" },
	{ "_destination_recipient_limit",
	    "$default_destination_recipient_limit" },
	{ "_destination_concurrency_positive_feedback",
	    "$default_destination_concurrency_positive_feedback" },
	{ "_destination_concurrency_negative_feedback",
	    "$default_destination_concurrency_negative_feedback" },
	{ "_destination_concurrency_failed_cohort_limit",
	    "$default_destination_concurrency_failed_cohort_limit" },
	{ "_destination_rate_delay", "$default_destination_rate_delay" },
	{ "_transport_rate_delay", "$default_transport_rate_delay" },
};

/* The registry knows some that exist only where master.cf has the service. */
static bool is_made_of_service(const struct param *p)
{
	span name = span_str(p->name);

	for (size_t i = 0; i < ARRAY_LEN(transport_suffixes); i++) {
		const struct suffix *s = &transport_suffixes[i];

		if (span_eq(span_str(p->preset), span_str(s->preset)) &&
		    span_has_suffix_nocase(name, span_str(s->text)))
			return true;
	}
	return false;
}

static void add_table(struct postconf *pc)
{
	size_t count;
	const struct param *all = params_all(&count);
	struct name *names = keep_new(pc, count, sizeof(*names));

	for (size_t i = 0; i < count; i++) {
		struct name *n = &names[i];

		n->name = span_str(all[i].name);
		if (name_find(&pc->names, n->name) ||
		    is_made_of_service(&all[i]))
			continue;
		n->preset = span_str(all[i].preset);
		n->flags = NAME_BUILTIN;
		if (all[i].kind == PARAM_RAW)
			n->flags |= NAME_RAW;
		hmap_put(&pc->names, &n->by_name, hash_bytes(n->name));
	}
}

static void add_process_facts(struct postconf *pc)
{
	static const char *const names[] = { "process_id", "process_name",
		"service_name" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		name_add(pc, &pc->names, span_str(names[i]),
		    NAME_BUILTIN | NAME_READONLY);
}

void names_add_builtin(struct postconf *pc)
{
	for (size_t i = 0; i < ARRAY_LEN(legacy); i++)
		name_add(pc, &pc->names, span_str(legacy[i]), NAME_LEGACY);
	add_process_facts(pc);
	add_table(pc);
}

static const struct suffix time_limit = { "_time_limit",
	"$command_time_limit" };

/* Which families of names a program's services have. */
static const struct {
	const char *command;
	bool transport;
	bool timed;
} programs[] = {
	{ "local", true, false },
	{ "error", true, false },
	{ "virtual", true, false },
	{ "smtp", true, false },
	{ "lmtp", true, false },
	{ "pipe", true, true },
	{ "spawn", false, true },
};

/* Some have a default of their own in the table: only the class changes. */
static void add_service_name(
    struct postconf *pc, span service, const struct suffix *suffix)
{
	span name = keep_joined(pc, service, span_str(suffix->text), SPAN_NONE);
	struct name *n = name_find(&pc->names, name);

	if (n) {
		n->flags = (n->flags & ~(unsigned)NAME_CLASSES) | NAME_SERVICE;
		return;
	}
	n = name_add(pc, &pc->names, name, NAME_SERVICE);
	n->preset = span_str(suffix->preset);
}

static void add_family(struct postconf *pc, span service, size_t program)
{
	if (programs[program].timed)
		add_service_name(pc, service, &time_limit);
	if (!programs[program].transport)
		return;
	for (size_t i = 0; i < ARRAY_LEN(transport_suffixes); i++)
		add_service_name(pc, service, &transport_suffixes[i]);
}

void names_add_services(struct postconf *pc)
{
	for (size_t i = 0; i < pc->nentries; i++) {
		const span *words = pc->entries[i].words;

		for (size_t k = 0; k < ARRAY_LEN(programs); k++)
			if (span_eq(words[FIELD_COMMAND],
			        span_str(programs[k].command)))
				add_family(pc, words[FIELD_SERVICE], k);
	}
}

static void warn_unused(struct postconf *pc, const struct dict *d,
    const char *file, const struct entry *scope)
{
	for (const struct dict_entry *e = d->first; e; e = e->next) {
		if (e->removed || name_find(&pc->names, e->name) ||
		    (scope && name_find(&scope->valid, e->name)))
			continue;
		flush(pc);
		warn(pc, "%.*s/%s: unused parameter: %.*s=%.*s", ALL(pc->dir),
		    file, ALL(e->name), ALL(e->value));
	}
}

void names_warn_unused_main(struct postconf *pc)
{
	warn_unused(pc, &pc->main_cf, "main.cf", NULL);
}

void names_warn_unused_master(struct postconf *pc)
{
	for (size_t i = 0; i < pc->nentries; i++)
		if (pc->entries[i].params)
			warn_unused(pc, pc->entries[i].params, "master.cf",
			    &pc->entries[i]);
}
