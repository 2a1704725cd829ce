/* SPDX-License-Identifier: ISC */
#include "daemon/rules/users.h"

#include <errno.h>
#include <pwd.h>

enum {
	NAME_LEN = 256, /* longer names are nobody's */
	KEPT = 4096,
	BUFFER = 64 * 1024,
};

static const usec keep_for = 2 * USEC_SEC;

struct user {
	struct hnode node;
	struct list link;
	usec until;
	bool exists;
	size_t len;
	char name[];
};

void users_init(struct users *u)
{
	hmap_init(&u->known);
	list_init(&u->order);
	u->count = 0;
}

static void forget(struct users *u, struct user *user)
{
	hmap_remove(&u->known, &user->node);
	list_remove(&user->link);
	mem_free(user);
	u->count--;
}

void users_done(struct users *u)
{
	while (!list_is_empty(&u->order))
		forget(u, CONTAINER_OF(u->order.next, struct user, link));
	hmap_done(&u->known);
}

static struct user *find(const struct users *u, span name, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&u->known, hash); n; n = hmap_next(n, hash)) {
		struct user *user = CONTAINER_OF(n, struct user, node);

		if (span_eq(span_of(user->name, user->len), name))
			return user;
	}
	return NULL;
}

static void keep(struct users *u, span name, bool exists, usec now)
{
	struct user *user = mem_new(1, sizeof(*user) + name.len);

	if (u->count == KEPT)
		forget(u, CONTAINER_OF(u->order.next, struct user, link));
	user->until = now + keep_for;
	user->exists = exists;
	user->len = name.len;
	memcpy(user->name, name.ptr, name.len);
	hmap_put(&u->known, &user->node, hash_bytes(name));
	list_append(&u->order, &user->link);
	u->count++;
}

/* These mean that there is none, on one system or another: getpwnam(3). */
static bool means_none(int error)
{
	return error == ENOENT || error == ESRCH || error == EBADF ||
	    error == EPERM;
}

static int look_up(span name)
{
	char *buffer = mem_new(BUFFER, 1);
	char copy[NAME_LEN + 1];
	struct passwd entry;
	struct passwd *found = NULL;
	int error;

	memcpy(copy, name.ptr, name.len);
	copy[name.len] = '\0';
	error = getpwnam_r(copy, &entry, buffer, BUFFER, &found);
	mem_free(buffer);
	if (found)
		return 1;
	return error == 0 || means_none(error) ? 0 : -error;
}

int users_has(struct users *u, span name, usec now)
{
	struct user *user;
	int r;

	if (name.len == 0 || name.len > NAME_LEN ||
	    memchr(name.ptr, '\0', name.len))
		return 0;
	user = find(u, name, hash_bytes(name));
	if (user && user->until > now)
		return user->exists;
	if (user)
		forget(u, user);
	r = look_up(name);
	if (r >= 0)
		keep(u, name, r > 0, now);
	return r;
}
