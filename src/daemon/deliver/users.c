/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/users.h"

#include <errno.h>
#include <pwd.h>

#include "base/buf.h"

enum {
	KNOWN_MAX = 1000,
	NAME_LONGEST = 256,
	PASSWD_MAX = 64 * 1024,
};

#define KEEP (5 * USEC_SEC)

struct known {
	struct hnode node;
	struct user user;
	bool exists;
	usec until;
	size_t len;
	struct buf texts; /* home and shell */
	char name[];
};

void users_init(struct users *u)
{
	hmap_init(&u->known);
}

static void forget(struct users *u, struct known *k)
{
	hmap_remove(&u->known, &k->node);
	buf_done(&k->texts);
	mem_free(k);
}

static void forget_all(struct users *u)
{
	struct hnode *n;

	while ((n = hmap_any(&u->known)))
		forget(u, CONTAINER_OF(n, struct known, node));
}

void users_done(struct users *u)
{
	forget_all(u);
	hmap_done(&u->known);
}

static struct known *find_known(struct users *u, span name, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&u->known, hash); n; n = hmap_next(n, hash)) {
		struct known *k = CONTAINER_OF(n, struct known, node);

		if (span_eq(span_of(k->name, k->len), name))
			return k;
	}
	return NULL;
}

static const struct known *keep(
    struct users *u, span name, const struct known *answer)
{
	struct known *k;

	if (u->known.count >= KNOWN_MAX)
		forget_all(u);
	k = mem_new(1, sizeof(*k) + name.len);
	k->user = answer->user;
	k->exists = answer->exists;
	k->until = answer->until;
	k->texts = answer->texts;
	k->len = name.len;
	memcpy(k->name, name.ptr, name.len);
	hmap_put(&u->known, &k->node, hash_bytes(name));
	return k;
}

/* The errors that getpwnam_r() knows for "there is none". */
static bool means_unknown(int error)
{
	return error == ENOENT || error == ESRCH || error == EBADF ||
	    error == EPERM;
}

static void keep_texts(struct known *k, const struct passwd *entry)
{
	size_t home = strlen(entry->pw_dir);

	buf_put(&k->texts, span_str(entry->pw_dir));
	buf_put(&k->texts, span_str(entry->pw_shell));
	k->user = (struct user){
		.uid = entry->pw_uid,
		.gid = entry->pw_gid,
		.home = span_first(buf_span(&k->texts), home),
		.shell = span_from(buf_span(&k->texts), home),
	};
}

static int ask_system(const char *name, struct known *ret)
{
	CLEANUP(buf_done) struct buf space = BUF_INIT(PASSWD_MAX);
	struct passwd entry;
	struct passwd *found = NULL;
	char *text = buf_room(&space, PASSWD_MAX);
	int error;

	error = getpwnam_r(name, &entry, text, PASSWD_MAX, &found);
	ret->exists = found != NULL;
	if (found) {
		keep_texts(ret, &entry);
		return 0;
	}
	return error == 0 || means_unknown(error) ? 0 : -error;
}

/* What the mailbox will be called too: no slash, nothing hidden. */
static bool is_sane(span name)
{
	return name.len > 0 && name.len < NAME_LONGEST && name.ptr[0] != '.' &&
	    span_find(name, '/') < 0 && span_find(name, '\0') < 0;
}

int users_find(struct users *u, usec now, span name, struct user *ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(NAME_LONGEST);
	uint64_t hash = hash_bytes(name);
	struct known *k = find_known(u, name, hash);
	struct known answer = {
		.until = now + KEEP,
		.texts = BUF_INIT(PASSWD_MAX),
	};
	int r;

	if (k && now < k->until) {
		*ret = k->user;
		return k->exists ? USERS_OK : USERS_UNKNOWN;
	}
	if (k)
		forget(u, k);
	if (!is_sane(name))
		return USERS_UNKNOWN;
	buf_put(&text, name);
	r = ask_system(buf_cstr(&text), &answer);
	if (r < 0)
		return r;
	*ret = keep(u, name, &answer)->user;
	return answer.exists ? USERS_OK : USERS_UNKNOWN;
}
