/* SPDX-License-Identifier: ISC */
/*
 * test/lib/faultfs.c - two images of everything, and a die that is loaded.
 *
 * Inodes live until the file system is freed: a name that comes back after a
 * power failure finds its bytes. A directory keeps its entries twice and, in
 * order, the changes that were not flushed; each of them happens on the disk
 * or not. Descriptors are positions in a table; directories have them, too.
 */
#include "test/lib/faultfs.h"

#include <errno.h>
#include <fcntl.h>

enum { SECTOR = 512, MAX_FDS = 256, NAME = 40, MAX_INODES = 4096 };

struct name {
	char text[NAME];
	struct inode *inode;
};

struct names {
	struct name *items;
	size_t n;
};

struct change {
	char remove[NAME]; /* or empty */
	struct name add;   /* inode NULL: nothing */
};

struct inode {
	bool is_dir;
	/* File: */
	char *seen, *disk;
	size_t seen_size, disk_size;
	unsigned char *dirty; /* per sector of `seen` */
	size_t capacity;
	/* Directory: */
	struct names names, disk_names;
	struct change *changes;
	size_t nchanges;
};

struct faultfs {
	struct file_ops ops;
	struct inode *root;
	struct inode *inodes[MAX_INODES];
	size_t ninodes;
	struct inode *fds[MAX_FDS];
	bool locked[MAX_FDS];
	uint64_t seed;
	uint64_t randoms;
	uint64_t capacity;
	unsigned calls;
	unsigned nth;
	enum fault fault;
	unsigned meanwhile; /* calls so far */
	unsigned meanwhile_every;
	void (*meanwhile_fn)(void *ctx);
	void *meanwhile_ctx;
	bool struck;
	bool dead;
	bool full;
};

static uint64_t dice(struct faultfs *fs)
{
	fs->seed ^= fs->seed << 13;
	fs->seed ^= fs->seed >> 7;
	fs->seed ^= fs->seed << 17;
	return fs->seed;
}

static bool coin(struct faultfs *fs)
{
	return dice(fs) >> 33 & 1;
}

/* --- inodes ------------------------------------------------------------- */

static struct inode *inode_new(struct faultfs *fs, bool is_dir)
{
	struct inode *i = NEW(struct inode);

	if (fs->ninodes == MAX_INODES)
		bug("faultfs: too many inodes");
	i->is_dir = is_dir;
	fs->inodes[fs->ninodes++] = i;
	return i;
}

static void inode_room(struct inode *i, size_t size)
{
	size_t cap = (size + SECTOR - 1) / SECTOR * SECTOR;

	if (cap <= i->capacity)
		return;
	i->seen = mem_resize(i->seen, cap, 1);
	i->disk = mem_resize(i->disk, cap, 1);
	i->dirty = mem_resize(i->dirty, cap / SECTOR, 1);
	memset(i->seen + i->capacity, 0, cap - i->capacity);
	memset(i->disk + i->capacity, 0, cap - i->capacity);
	memset(
	    i->dirty + i->capacity / SECTOR, 0, (cap - i->capacity) / SECTOR);
	i->capacity = cap;
}

static void sector_to_disk(struct inode *i, size_t s)
{
	memcpy(i->disk + s * SECTOR, i->seen + s * SECTOR, SECTOR);
	i->dirty[s] = 0;
	i->disk_size =
	    MAX(i->disk_size, MIN(i->seen_size, (s + 1) * (size_t)SECTOR));
}

static void all_to_disk(struct inode *i)
{
	for (size_t s = 0; s < i->capacity / SECTOR; s++)
		if (i->dirty[s])
			sector_to_disk(i, s);
	i->disk_size = i->seen_size;
}

/* A flush that failed, or the power while writing: any part, and the rest
 * is forgotten. One in sixteen sectors ends as garbage. */
static void some_to_disk(struct faultfs *fs, struct inode *i)
{
	for (size_t s = 0; s < i->capacity / SECTOR; s++) {
		if (!i->dirty[s])
			continue;
		if (coin(fs)) {
			sector_to_disk(i, s);
		} else if (dice(fs) >> 20 & 1 && coin(fs) && coin(fs) &&
		    coin(fs)) {
			memset(
			    i->disk + s * SECTOR, (int)(dice(fs) >> 8), SECTOR);
			i->disk_size = MAX(i->disk_size,
			    MIN(i->seen_size, (s + 1) * (size_t)SECTOR));
		}
		i->dirty[s] = 0;
	}
}

/* --- names -------------------------------------------------------------- */

static struct name *find_name(const struct names *d, const char *text)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->items[i].text, text))
			return &d->items[i];
	return NULL;
}

static void remove_name(struct names *d, const char *text)
{
	struct name *n = find_name(d, text);

	if (n)
		*n = d->items[--d->n];
}

static void add_name(struct names *d, const char *text, struct inode *inode)
{
	remove_name(d, text);
	d->items = mem_resize(d->items, d->n + 1, sizeof(d->items[0]));
	(void)snprintf(d->items[d->n].text, NAME, "%s", text);
	d->items[d->n++].inode = inode;
}

static void apply(struct names *d, const struct change *c)
{
	if (c->remove[0])
		remove_name(d, c->remove);
	if (c->add.inode)
		add_name(d, c->add.text, c->add.inode);
}

static void change(
    struct inode *dir, const char *remove, const char *add, struct inode *inode)
{
	struct change *c;

	dir->changes = mem_resize(
	    dir->changes, dir->nchanges + 1, sizeof(dir->changes[0]));
	c = &dir->changes[dir->nchanges++];
	*c = (struct change){ 0 };
	if (remove)
		(void)snprintf(c->remove, NAME, "%s", remove);
	if (add) {
		(void)snprintf(c->add.text, NAME, "%s", add);
		c->add.inode = inode;
	}
	apply(&dir->names, c);
}

static void flush_changes(struct faultfs *fs, struct inode *dir, bool all)
{
	for (size_t i = 0; i < dir->nchanges; i++)
		if (all || coin(fs))
			apply(&dir->disk_names, &dir->changes[i]);
	dir->nchanges = 0;
}

static void copy_names(struct names *to, const struct names *from)
{
	to->items = mem_resize(to->items, from->n, sizeof(to->items[0]));
	if (from->n)
		memcpy(to->items, from->items, from->n * sizeof(to->items[0]));
	to->n = from->n;
}

/* --- space -------------------------------------------------------------- */

static bool is_open(const struct faultfs *fs, const struct inode *i)
{
	for (size_t fd = 0; fd < MAX_FDS; fd++)
		if (fs->fds[fd] == i)
			return true;
	return false;
}

static bool has_name(const struct faultfs *fs, const struct inode *i)
{
	for (size_t d = 0; d < fs->ninodes; d++)
		for (size_t n = 0; n < fs->inodes[d]->names.n; n++)
			if (fs->inodes[d]->names.items[n].inode == i)
				return true;
	return false;
}

static uint64_t used(const struct faultfs *fs)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < fs->ninodes; i++)
		if (has_name(fs, fs->inodes[i]) || is_open(fs, fs->inodes[i]))
			bytes += fs->inodes[i]->seen_size;
	return bytes;
}

static uint64_t space(const struct faultfs *fs)
{
	uint64_t bytes = used(fs);

	return fs->full || bytes >= fs->capacity ? 0 : fs->capacity - bytes;
}

/* --- faults ------------------------------------------------------------- */

/* What becomes of this call. */
static enum fault strike(struct faultfs *fs)
{
	if (fs->meanwhile_every && ++fs->meanwhile % fs->meanwhile_every == 0)
		fs->meanwhile_fn(fs->meanwhile_ctx);
	if (fs->dead)
		return FAULT_ERROR;
	if (!fs->nth || ++fs->calls != fs->nth) {
		fs->calls += !fs->nth;
		return FAULT_NONE;
	}
	fs->struck = true;
	fs->dead = fs->fault == FAULT_POWER;
	if (fs->fault == FAULT_FULL) {
		fs->full = true;
		return FAULT_NONE;
	}
	return fs->fault;
}

/* Calls that have no middle, and never lack space. */
static bool fails(struct faultfs *fs)
{
	return strike(fs) != FAULT_NONE;
}

/* --- the calls ---------------------------------------------------------- */

static int new_fd(struct faultfs *fs, struct inode *inode)
{
	for (int fd = 0; fd < MAX_FDS; fd++) {
		if (!fs->fds[fd]) {
			fs->fds[fd] = inode;
			return fd;
		}
	}
	return -EMFILE;
}

static struct inode *at_fd(struct faultfs *fs, int fd)
{
	if (fd < 0 || fd >= MAX_FDS || !fs->fds[fd])
		bug("faultfs: bad descriptor %d", fd);
	return fs->fds[fd];
}

static int fs_open(void *ctx, int dirfd, const char *name, int flags, mode_t m)
{
	struct faultfs *fs = ctx;
	enum fault fault = strike(fs);
	struct inode *dir;
	struct name *found;

	(void)m;
	if (fault != FAULT_NONE)
		return fault == FAULT_NOSPC && (flags & O_CREAT) ? -ENOSPC
		                                                 : -EIO;
	dir = at_fd(fs, dirfd);
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return fs->full ? -ENOSPC : new_fd(fs, inode_new(fs, false));
	found = find_name(&dir->names, name);
	if (found && (flags & O_EXCL))
		return -EEXIST;
	if (!found && !(flags & O_CREAT))
		return -ENOENT;
	if (!found && fs->full)
		return -ENOSPC;
	if (!found)
		change(dir, NULL, name, inode_new(fs, false));
	found = find_name(&dir->names, name);
	if (flags & O_TRUNC)
		found->inode->seen_size = 0;
	return new_fd(fs, found->inode);
}

static int fs_close(void *ctx, int fd)
{
	struct faultfs *fs = ctx;

	if (fd >= 0 && fd < MAX_FDS && fs->fds[fd]) {
		fs->fds[fd] = NULL;
		fs->locked[fd] = false;
	}
	return 0;
}

static ssize_t fs_read(void *ctx, int fd, void *to, size_t n, uint64_t at)
{
	struct faultfs *fs = ctx;
	struct inode *i;

	if (fails(fs))
		return -EIO;
	i = at_fd(fs, fd);
	if (at >= i->seen_size)
		return 0;
	n = MIN(n, i->seen_size - (size_t)at);
	memcpy(to, i->seen + at, n);
	return (ssize_t)n;
}

static void do_write(struct inode *i, span bytes, uint64_t at)
{
	if (!bytes.len)
		return;
	inode_room(i, at + bytes.len);
	memcpy(i->seen + at, bytes.ptr, bytes.len);
	i->seen_size = MAX(i->seen_size, (size_t)at + bytes.len);
	for (size_t s = at / SECTOR; s <= (at + bytes.len - 1) / SECTOR; s++)
		i->dirty[s] = 1;
}

static int fs_write(void *ctx, int fd, span bytes, uint64_t at)
{
	struct faultfs *fs = ctx;
	bool was_dead = fs->dead;
	enum fault fault = strike(fs);
	struct inode *i;
	uint64_t more;

	if (was_dead)
		return -EIO;
	i = at_fd(fs, fd);
	if (fault == FAULT_POWER)
		do_write(i, bytes, at);
	if (fault == FAULT_SHORT)
		do_write(i, span_first(bytes, bytes.len / 2), at);
	if (fault != FAULT_NONE)
		return fault == FAULT_NOSPC ? -ENOSPC : -EIO;
	more =
	    at + bytes.len > i->seen_size ? at + bytes.len - i->seen_size : 0;
	if (more && more > space(fs)) {
		do_write(i, span_first(bytes, space(fs)), at);
		return -ENOSPC;
	}
	do_write(i, bytes, at);
	return 0;
}

static int fs_flush(void *ctx, int fd)
{
	struct faultfs *fs = ctx;
	bool was_dead = fs->dead;
	enum fault fault = strike(fs);

	if (was_dead)
		return -EIO;
	if (fault == FAULT_NONE) {
		all_to_disk(at_fd(fs, fd));
		return 0;
	}
	if (!fs->dead) /* a power failure throws its dice later */
		some_to_disk(fs, at_fd(fs, fd));
	return fault == FAULT_NOSPC ? -ENOSPC : -EIO;
}

static int fs_uncache(void *ctx, int fd)
{
	struct faultfs *fs = ctx;
	struct inode *i;

	if (fails(fs))
		return -EIO;
	i = at_fd(fs, fd);
	for (size_t s = 0; s < i->capacity / SECTOR; s++)
		if (!i->dirty[s])
			memcpy(
			    i->seen + s * SECTOR, i->disk + s * SECTOR, SECTOR);
	return 0;
}

static int fs_flush_dir(void *ctx, int dir)
{
	struct faultfs *fs = ctx;

	if (fails(fs))
		return -EIO;
	flush_changes(fs, at_fd(fs, dir), true);
	return 0;
}

static int fs_size(void *ctx, int fd, uint64_t *ret)
{
	struct faultfs *fs = ctx;

	if (fails(fs))
		return -EIO;
	*ret = at_fd(fs, fd)->seen_size;
	return 0;
}

/* A change of names; with FAULT_POWER it may still happen. */
static int rename_or_so(struct faultfs *fs, int dir, const char *remove,
    const char *add, struct inode *inode)
{
	bool was_dead = fs->dead;
	enum fault fault = strike(fs);

	if (was_dead)
		return -EIO;
	if (fault == FAULT_NONE || fault == FAULT_POWER)
		change(at_fd(fs, dir), remove, add, inode);
	if (fault == FAULT_NOSPC && add)
		return -ENOSPC;
	return fault == FAULT_NONE ? 0 : -EIO;
}

static int fs_mkdir(void *ctx, int dir, const char *name)
{
	struct faultfs *fs = ctx;

	if (!fs->dead && find_name(&at_fd(fs, dir)->names, name))
		return fails(fs) ? -EIO : -EEXIST;
	return rename_or_so(fs, dir, NULL, name, inode_new(fs, true));
}

static int fs_link(void *ctx, int fd, int dir, const char *name)
{
	struct faultfs *fs = ctx;

	if (!fs->dead && find_name(&at_fd(fs, dir)->names, name))
		return fails(fs) ? -EIO : -EEXIST;
	return rename_or_so(fs, dir, NULL, name, at_fd(fs, fd));
}

static int fs_rename(void *ctx, int dir, const char *from, const char *to)
{
	struct faultfs *fs = ctx;
	struct name *found = find_name(&at_fd(fs, dir)->names, from);

	if (!found)
		return fails(fs) ? -EIO : -ENOENT;
	return rename_or_so(fs, dir, from, to, found->inode);
}

static int fs_unlink(void *ctx, int dir, const char *name)
{
	struct faultfs *fs = ctx;

	if (!find_name(&at_fd(fs, dir)->names, name))
		return fails(fs) ? -EIO : -ENOENT;
	return rename_or_so(fs, dir, name, NULL, NULL);
}

static int fs_list(void *ctx, int dir, file_name_fn *fn, void *fn_ctx)
{
	struct faultfs *fs = ctx;
	struct inode *d;

	if (fails(fs))
		return -EIO;
	d = at_fd(fs, dir);
	for (size_t i = 0; i < d->names.n; i++)
		if (!fn(fn_ctx, d->names.items[i].text))
			break;
	return 0;
}

static int fs_space(void *ctx, int dir, uint64_t *ret)
{
	struct faultfs *fs = ctx;

	(void)dir;
	if (fails(fs))
		return -EIO;
	*ret = space(fs);
	return 0;
}

static int fs_lock(void *ctx, int fd, bool exclusive)
{
	struct faultfs *fs = ctx;

	if (fails(fs))
		return -EIO;
	for (int other = 0; other < MAX_FDS; other++)
		if (other != fd && fs->locked[other] && exclusive &&
		    fs->fds[other] == fs->fds[fd])
			return -EWOULDBLOCK;
	fs->locked[fd] = true;
	return 0;
}

static int fs_random(void *ctx, void *to, size_t n)
{
	struct faultfs *fs = ctx;

	/* Never the same again, whatever the dice are set to. */
	for (size_t i = 0; i < n; i++) {
		fs->randoms = fs->randoms * 6364136223846793005U + 1;
		((char *)to)[i] = (char)(fs->randoms >> 40);
	}
	return 0;
}

/* --- the test's side ------------------------------------------------------ */

struct faultfs *faultfs_new(void)
{
	struct faultfs *fs = NEW(struct faultfs);

	fs->ops = (struct file_ops){
		.fs = fs,
		.open = fs_open,
		.close = fs_close,
		.read = fs_read,
		.write = fs_write,
		.flush = fs_flush,
		.uncache = fs_uncache,
		.flush_dir = fs_flush_dir,
		.size = fs_size,
		.mkdir = fs_mkdir,
		.link = fs_link,
		.rename = fs_rename,
		.unlink = fs_unlink,
		.list = fs_list,
		.space = fs_space,
		.lock = fs_lock,
		.random = fs_random,
	};
	fs->seed = 88172645463325252U;
	fs->capacity = UINT64_MAX / 4;
	fs->root = inode_new(fs, true);
	fs->fds[0] = fs->root;
	return fs;
}

void faultfs_free(struct faultfs *fs)
{
	for (size_t i = 0; i < fs->ninodes; i++) {
		struct inode *n = fs->inodes[i];

		mem_free(n->seen);
		mem_free(n->disk);
		mem_free(n->dirty);
		mem_free(n->names.items);
		mem_free(n->disk_names.items);
		mem_free(n->changes);
		mem_free(n);
	}
	mem_free(fs);
}

const struct file_ops *faultfs_ops(struct faultfs *fs)
{
	return &fs->ops;
}

int faultfs_root(const struct faultfs *fs)
{
	(void)fs;
	return 0;
}

void faultfs_arm(struct faultfs *fs, unsigned nth, enum fault fault)
{
	fs->calls = 0;
	fs->nth = nth;
	fs->fault = fault;
	fs->struck = false;
	fs->full = false;
}

void faultfs_meanwhile(
    struct faultfs *fs, unsigned every, void (*fn)(void *ctx), void *ctx)
{
	fs->meanwhile_every = every;
	fs->meanwhile_fn = fn;
	fs->meanwhile_ctx = ctx;
}

unsigned faultfs_calls(const struct faultfs *fs)
{
	return fs->calls;
}

bool faultfs_struck(const struct faultfs *fs)
{
	return fs->struck;
}

static void lose_power(struct faultfs *fs, struct inode *i, enum restart how)
{
	if (how == RESTART_EVERYTHING) {
		all_to_disk(i);
		flush_changes(fs, i, true);
	} else if (how == RESTART_ANYTHING) {
		some_to_disk(fs, i);
		flush_changes(fs, i, false);
	}
	if (i->capacity) {
		memcpy(i->seen, i->disk, i->capacity);
		memset(i->dirty, 0, i->capacity / SECTOR);
	}
	i->seen_size = i->disk_size;
	copy_names(&i->names, &i->disk_names);
	i->nchanges = 0;
}

void faultfs_restart(struct faultfs *fs, enum restart how, uint64_t seed)
{
	fs->seed = seed * 0x9e3779b97f4a7c15U + 1;
	for (int fd = 1; fd < MAX_FDS; fd++)
		(void)fs_close(fs, fd);
	fs->dead = false;
	fs->full = false;
	fs->nth = 0;
	fs->calls = 0;
	for (size_t i = 0; i < fs->ninodes && how != RESTART_PROCESS; i++)
		lose_power(fs, fs->inodes[i], how);
}

void faultfs_set_capacity(struct faultfs *fs, uint64_t bytes)
{
	fs->capacity = bytes;
}

bool faultfs_rot(struct faultfs *fs, const char *name, uint64_t at)
{
	struct name *n = find_name(&fs->root->names, name);

	if (!n || at >= n->inode->seen_size)
		return false;
	n->inode->seen[at] ^= 0x20;
	n->inode->disk[at] ^= 0x20;
	return true;
}

span faultfs_content(const struct faultfs *fs, const char *name)
{
	const struct name *n = find_name(&fs->root->names, name);

	return n ? span_of(n->inode->seen, n->inode->seen_size) : SPAN_NONE;
}
