/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/item.h"

static span base_name(span path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.ptr[i - 1] == '/')
			return span_from(path, i);
	return path;
}

static bool is_maildir(const struct local_step *s)
{
	return s->what.len > 0 && s->what.ptr[s->what.len - 1] == '/';
}

enum work_do item_kind(const struct local_step *s)
{
	switch ((enum local_do)s->kind) {
	case LOCAL_MAILBOX:
		if (is_maildir(s))
			return WORK_MAILDIR;
		return s->flags & LOCAL_SPOOL ? WORK_SPOOL : WORK_MBOX;
	case LOCAL_FILE:
		return is_maildir(s) ? WORK_MAILDIR : WORK_FILE;
	case LOCAL_COMMAND:
		return WORK_COMMAND;
	case LOCAL_READ:
	case LOCAL_RESEND:
	case LOCAL_PASS:
	case LOCAL_OUTCOME:
		break;
	}
	return WORK_READ;
}

static uint32_t flags_of(const struct local_step *s)
{
	return (s->kind == LOCAL_MAILBOX ? WORK_OWN : 0U) |
	    (s->flags & LOCAL_VIRTUAL ? WORK_VIRTUAL : 0U) |
	    (s->flags & LOCAL_QUOTA ? WORK_QUOTA : 0U) |
	    (s->flags & LOCAL_NEEDS_HOME ? WORK_NEEDS_HOME : 0U);
}

struct work_item item_for(
    const struct local_step *s, const struct user *user, bool look)
{
	return (struct work_item){
		.kind = (uint8_t)item_kind(s),
		.flags = flags_of(s),
		.uid = user->uid,
		.gid = user->gid,
		.user = s->user,
		.home = user->home,
		.nforward = look ? s->nforward : 0,
		.forward = s->forward,
	};
}

void item_aim(
    struct work_item *w, const struct service *at, const struct local_step *s)
{
	w->path = w->kind == WORK_SPOOL ? base_name(s->what) : s->what;
	w->locks = at->locks;
	w->size_max = s->size_max;
	w->quota = s->quota;
}
