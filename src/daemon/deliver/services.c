/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/services.h"

#include <string.h>

#include "conf/words.h"
#include "daemon/deliver/pipe_job.h"
#include "daemon/deliver/run.h"
#include "daemon/deliver/runner_exec.h"
#include "mail/mbox.h"
#include "os/log.h"
#include "os/priv.h"
#include "store/mailbox.h"

enum { ENV_LONGEST = 4096 };

static const struct conf_field fields[] = {
	CONF_STR(struct deliver_conf, alias_maps),
	CONF_STR(struct deliver_conf, alias_database),
	CONF_STR(struct deliver_conf, mail_spool_directory),
	CONF_STR(struct deliver_conf, home_mailbox),
	CONF_STR(struct deliver_conf, forward_path),
	CONF_U32(struct deliver_conf, virtual_minimum_uid),
	CONF_STR(struct deliver_conf, mailbox_delivery_lock),
	CONF_STR(struct deliver_conf, virtual_mailbox_lock),
	CONF_U32(struct deliver_conf, deliver_lock_attempts),
	CONF_USEC(struct deliver_conf, deliver_lock_delay),
	CONF_USEC(struct deliver_conf, stale_lock_time),
	CONF_U64(struct deliver_conf, mailbox_size_limit),
	CONF_U64(struct deliver_conf, virtual_mailbox_limit),
	CONF_U64(struct deliver_conf, message_size_limit),
	CONF_BOOL(struct deliver_conf, strict_mailbox_ownership),
	CONF_BOOL(struct deliver_conf, enable_original_recipient),
	CONF_STR(struct deliver_conf, prepend_delivered_header),
	CONF_STR(struct deliver_conf, local_command_shell),
	CONF_STR(struct deliver_conf, export_environment),
	CONF_STR(struct deliver_conf, command_expansion_filter),
	CONF_USEC(struct deliver_conf, command_time_limit),
	CONF_BOOL(struct deliver_conf, biff),
	CONF_USEC(struct deliver_conf, max_idle),
	CONF_U32(struct deliver_conf, default_process_limit),
	CONF_U32(struct deliver_conf, delay_logging_resolution_limit),
	CONF_STR(struct deliver_conf, syslog_name),
};

/* ---- local(8) and virtual(8) ---- */

static bool has_word(span text, span word)
{
	span w;

	while ((w = span_word(&text, ", \t\r\n")).len > 0)
		if (span_eq_nocase(w, word))
			return true;
	return false;
}

static const char *check_limit(const struct service *s, uint64_t limit,
    const char *unlimited, const char *smaller)
{
	if (limit == 0)
		return NULL;
	if (s->c.message_size_limit == 0)
		return unlimited;
	return limit < s->c.message_size_limit ? smaller : NULL;
}

static const char *check_local(struct service *s)
{
	if (!mailbox_locks_parse(s->c.mailbox_delivery_lock, &s->locks))
		return "mailbox_delivery_lock names no locking method: use "
		       "dotlock, fcntl, flock";
	s->delivered_to = (struct delivered_headers){
		.command =
		    has_word(s->c.prepend_delivered_header, SPAN("command")),
		.file = has_word(s->c.prepend_delivered_header, SPAN("file")),
		.forward =
		    has_word(s->c.prepend_delivered_header, SPAN("forward")),
	};
	return check_limit(s, s->c.mailbox_size_limit,
	    "mailbox_size_limit is limited but message_size_limit is "
	    "unlimited",
	    "mailbox_size_limit is smaller than message_size_limit");
}

static const char *check_virtual(struct service *s)
{
	if (!mailbox_locks_parse(s->c.virtual_mailbox_lock, &s->locks))
		return "virtual_mailbox_lock names no locking method: use "
		       "dotlock, fcntl, flock";
	return check_limit(s, s->c.virtual_mailbox_limit,
	    "virtual_mailbox_limit is limited but message_size_limit is "
	    "unlimited",
	    "virtual_mailbox_limit is smaller than message_size_limit");
}

static const struct program_run programs[] = {
	{ "local", plan_start, check_local },
	{ "virtual", plan_start, check_virtual },
	{ "pipe", pipe_start, pipe_check },
};

static const struct program_run no_program = { "local", NULL, NULL };

/* ---- all of them ---- */

static const struct program_run *find_program(span command)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (span_eq(command, span_str(programs[i].name)))
			return &programs[i];
	return NULL;
}

static void load(struct services *all, struct service *s, uint32_t index)
{
	conf_load(all->conf, index, fields, ARRAY_LEN(fields), &s->c);
	s->index = index;
	s->all = all;
	if (s->program->check)
		s->fault = s->program->check(s);
}

/* "A name, or uid:gid"; root will not do. */
static void find_default_user(struct services *all)
{
	struct conf *conf = all->conf;
	span name = conf_value(conf, CONF_MAIN, SPAN("default_privs"));
	struct priv_user user;

	if (priv_find_user(name, &user) != PRIV_OK)
		all->default_fault = "there is no such user";
	else if (user.uid == 0 || user.gid == 0)
		all->default_fault = "must not be root";
	all->default_user = (struct user){ .uid = user.uid, .gid = user.gid };
}

/* What Postfix's start-up sets, and passes on by that. */
static bool settle_word(struct services *all, span word, struct buf *out)
{
	span setting;

	if (span_eq(word, SPAN("LANG"))) {
		buf_put(out, SPAN("LANG=C"));
	} else if (span_eq(word, SPAN("MAIL_CONFIG"))) {
		buf_put(out, SPAN("MAIL_CONFIG="));
		buf_put(out,
		    conf_value(all->conf, CONF_MAIN, SPAN("config_directory")));
	} else if (command_env_find(word, &setting)) {
		buf_put(out, setting);
	}
	return out->len > 0;
}

/* export_environment, with what we have of it: those who run commands have
 * no environment of their own. */
static void split_keep(struct services *all)
{
	span text = services_main(all)->c.export_environment;
	span word;

	all->keep = mem_new(WORK_MAX_KEEP, sizeof(*all->keep));
	while (
	    all->nkeep < WORK_MAX_KEEP && (word = words_next(&text)).len > 0) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(ENV_LONGEST);
		span kept = SPAN_NONE;

		if (settle_word(all, word, &b))
			kept = arena_dup(&all->arena, buf_span(&b));
		if (kept.ptr)
			all->keep[all->nkeep++] = kept;
	}
}

struct services *services_new(struct conf *conf)
{
	struct services *all = NEW(struct services);
	uint32_t n = conf_services(conf);

	all->refs = 1;
	arena_init(&all->arena, WORK_MAX_KEEP * ENV_LONGEST);
	all->conf = conf_ref(conf);
	all->items = mem_new(n + 1, sizeof(*all->items));
	find_default_user(all);
	for (uint32_t i = 0; i < n; i++) {
		const struct conf_service *line = conf_service(conf, i);
		const struct program_run *p = find_program(line->command);
		struct service *s = &all->items[all->count];

		if (!p || line->type != CONF_UNIX)
			continue;
		s->program = p;
		s->name = line->name;
		all->count++;
		load(all, s, i);
	}
	all->nobody.program = &no_program;
	all->nobody.fault = "no such service";
	load(all, &all->nobody, CONF_MAIN);
	split_keep(all);
	return all;
}

struct services *services_ref(struct services *s)
{
	s->refs++;
	return s;
}

void services_unref(struct services **services)
{
	struct services *s = STEAL(*services);

	if (!s || --s->refs > 0)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		pipe_service_free(&s->items[i].pipe);
	conf_unref(&s->conf);
	arena_done(&s->arena);
	mem_free(s->keep);
	mem_free(s->items);
	mem_free(s);
}

const struct service *services_find(const struct services *s, span transport)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (span_eq(s->items[i].name, transport))
			return &s->items[i];
	return &s->nobody;
}

const struct service *services_main(const struct services *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (span_eq(span_str(s->items[i].program->name), SPAN("local")))
			return &s->items[i];
	return &s->nobody;
}

span services_censor(const struct service *s, struct arena *a, span value)
{
	char *copy = arena_alloc(a, value.len + 1, 1);

	for (size_t i = 0; copy && i < value.len; i++)
		copy[i] =
		    span_find(s->c.command_expansion_filter, value.ptr[i]) < 0
		    ? '_'
		    : value.ptr[i];
	return copy ? span_of(copy, value.len) : SPAN_NONE;
}
