/* SPDX-License-Identifier: ISC */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"

enum { READ_CHUNK = 16 * 1024 };

void fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(STEAL_FD(*fd));
}

/* Is there another byte? The limit is reached, so it has no place. */
static int must_be_at_end(int fd)
{
	char byte;
	ssize_t n;

	do {
		n = os_size(read(fd, &byte, 1));
	} while (n == -EINTR);
	if (n < 0)
		return (int)n;
	return n ? -EFBIG : 0;
}

int file_read_all(int fd, struct buf *out)
{
	while (out->len < out->max) {
		size_t chunk = MIN((size_t)READ_CHUNK, out->max - out->len);
		char *room = buf_room(out, chunk);
		ssize_t n;

		if (!room)
			return -EFBIG;
		n = os_size(read(fd, room, chunk));
		if (n == 0)
			return 0;
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n > 0)
			out->len += (size_t)n;
	}
	return must_be_at_end(fd);
}

int file_read_named(span path, struct buf *out)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_MAX);
	CLEANUP(fd_close) int fd = -1;

	buf_put(&name, path);
	if (name.failed)
		return -ENAMETOOLONG;
	fd = os_error(open(buf_cstr(&name), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	return fd < 0 ? fd : file_read_all(fd, out);
}

int file_write_all(int fd, span bytes)
{
	while (bytes.len) {
		ssize_t n = os_size(write(fd, bytes.ptr, bytes.len));

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		bytes = span_from(bytes, (size_t)n);
	}
	return 0;
}

int file_memfd(const char *name, span bytes)
{
	CLEANUP(fd_close)
	int fd = os_error(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int r;

	if (fd < 0)
		return fd;
	r = file_write_all(fd, bytes);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	return STEAL_FD(fd);
}

int file_map(int fd, size_t max, span *ret)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	if (st.st_size == 0) {
		*ret = SPAN_NONE;
		return 0;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = span_of(p, (size_t)st.st_size);
	return 0;
}

void file_unmap(span *map)
{
	void *p;

	/* What we only lent out as const was ours to begin with. */
	memcpy(&p, &map->ptr, sizeof(p));
	if (map->len)
		(void)munmap(p, map->len);
	*map = SPAN_NONE;
}

int file_copy(int fd, size_t max, span *ret)
{
	enum { LARGE_PAGE = 2 << 20 };
	struct stat st;
	size_t done = 0;
	size_t size;
	char *to;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	*ret = SPAN_NONE;
	if (st.st_size == 0)
		return 0;
	size = (size_t)st.st_size;
	to = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return -errno;
	/* Fewer address translations to miss; no harm if there are none. */
	if (size >= LARGE_PAGE)
		(void)madvise(to, size, MADV_HUGEPAGE);
	while (done < size) {
		ssize_t n = pread(fd, to + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int r = -errno;

			(void)munmap(to, size);
			return r;
		}
		if (n == 0)
			break; /* zeros follow */
		done += (size_t)n;
	}
	*ret = span_of(to, size);
	return 0;
}
