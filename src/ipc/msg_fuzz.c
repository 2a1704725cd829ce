/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_fuzz.c - hostile payloads for all conversations. What is accepted
 * must encode to a payload that decodes to the same bytes again.
 */
#include "base/arena.h"
#include "ipc/msg_ctl.h"
#include "ipc/msg_job.h"
#include "ipc/msg_local.h"
#include "ipc/msg_master.h"
#include "ipc/msg_queue.h"
#include "ipc/msg_room.h"
#include "ipc/msg_rules.h"
#include "ipc/msg_submit.h"

enum { LIMIT = 64 * 1024 * 1024 };

static struct arena arena;

/* Decode; if it was taken, encode into out. */
#define PLAIN(name, type) \
	static bool try_##name(span in, struct buf *out) \
	{ \
		struct type m; \
		if (!name##_get(in, &m)) \
			return false; \
		name##_put(out, &m); \
		return true; \
	}
#define WITH_ARENA(name, type) \
	static bool try_##name(span in, struct buf *out) \
	{ \
		struct type m; \
		if (!name##_get(in, &arena, &m)) \
			return false; \
		name##_put(out, &m); \
		return true; \
	}

PLAIN(rules_client, rules_client)
PLAIN(rules_client_is, rules_client_is)
PLAIN(rules_check, rules_check)
WITH_ARENA(rules_verdict, rules_verdict)
PLAIN(rules_route, rules_route)
PLAIN(rules_routed, rules_routed)
PLAIN(rules_map, rules_map)
WITH_ARENA(rules_mapped, rules_mapped)
WITH_ARENA(queue_commit, queue_commit)
PLAIN(queue_ids, queue_ids)
WITH_ARENA(job, job)
WITH_ARENA(job_done, job_done)
PLAIN(local_ask, local_ask)
WITH_ARENA(local_plan, local_plan)
WITH_ARENA(submit, submit)
PLAIN(submit_result, submit_result)
PLAIN(room_ask, room_ask)
PLAIN(room_is, room_is)
WITH_ARENA(ctl_entry, ctl_entry)
PLAIN(master_log, master_log)
PLAIN(master_peer, master_peer)
PLAIN(master_go, master_go)

static bool (*const codecs[])(span in, struct buf *out) = {
	try_rules_client,
	try_rules_client_is,
	try_rules_check,
	try_rules_verdict,
	try_rules_route,
	try_rules_routed,
	try_queue_commit,
	try_queue_ids,
	try_job,
	try_job_done,
	try_ctl_entry,
	try_master_log,
	try_master_peer,
	try_master_go,
	try_rules_map,
	try_rules_mapped,
	try_local_ask,
	try_local_plan,
	try_submit,
	try_submit_result,
	try_room_ask,
	try_room_is,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = BUF_INIT(LIMIT);
	struct buf twice = BUF_INIT(LIMIT);
	size_t which;

	if (!size)
		return 0;
	which = data[0] % ARRAY_LEN(codecs);
	arena_init(&arena, LIMIT);
	if (codecs[which](span_of(data + 1, size - 1), &once)) {
		if (!codecs[which](buf_span(&once), &twice) ||
		    !span_eq(buf_span(&once), buf_span(&twice)))
			bug("codec %zu does not return what it took", which);
	}
	arena_done(&arena);
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
