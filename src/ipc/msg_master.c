/* SPDX-License-Identifier: ISC */
#include "ipc/msg_master.h"

void master_log_put(struct buf *out, const struct master_log *m)
{
	wire_put_u8(out, m->kind);
	wire_put_u32(out, m->facility);
	wire_put_span(out, m->host);
	wire_put_span(out, m->syslog_name);
}

bool master_log_get(span payload, struct master_log *ret)
{
	struct wire w = wire_from(payload);

	ret->kind = wire_u8(&w);
	ret->facility = wire_u32(&w);
	ret->host = wire_span(&w);
	ret->syslog_name = wire_span(&w);
	return wire_is_done(&w);
}

void master_peer_put(struct buf *out, const struct master_peer *m)
{
	wire_put_u8(out, m->role);
	wire_put_u32(out, m->instance);
}

bool master_peer_get(span payload, struct master_peer *ret)
{
	struct wire w = wire_from(payload);

	ret->role = wire_u8(&w);
	ret->instance = wire_u32(&w);
	return wire_is_done(&w);
}

void master_go_put(struct buf *out, const struct master_go *m)
{
	wire_put_u32(out, m->instance);
	wire_put_u32(out, m->uid);
	wire_put_u32(out, m->gid);
	wire_put_u32(out, m->ngroups);
	for (uint32_t i = 0; i < m->ngroups; i++)
		wire_put_u32(out, m->groups[i]);
}

bool master_go_get(span payload, struct master_go *ret)
{
	struct wire w = wire_from(payload);

	ret->instance = wire_u32(&w);
	ret->uid = wire_u32(&w);
	ret->gid = wire_u32(&w);
	ret->ngroups = wire_u32(&w);
	if (ret->ngroups > MASTER_MAX_GROUPS)
		return false;
	for (uint32_t i = 0; i < ret->ngroups; i++)
		ret->groups[i] = wire_u32(&w);
	return wire_is_done(&w);
}

void master_listen_put(struct buf *out, uint32_t service)
{
	wire_put_u32(out, service);
}

bool master_listen_get(span payload, uint32_t *ret_service)
{
	struct wire w = wire_from(payload);

	*ret_service = wire_u32(&w);
	return wire_is_done(&w);
}
