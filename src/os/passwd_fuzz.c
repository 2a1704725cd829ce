/* SPDX-License-Identifier: ISC */
/*
 * The input is /etc/passwd. Whom the index knows, and as what, is what the C
 * library makes of the file: for each of its entries, and for a name that
 * nobody has. Where the index would ask the system it is not asked.
 */
#include "os/passwd.c"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_one(struct passwd_db *db, const struct passwd *pw)
{
	struct passwd_entry e;

	if (passwd_find(db, 1, span_str(pw->pw_name), &e) != PASSWD_OK)
		bug("%s is not found", pw->pw_name);
	if (!span_eq(e.name, span_str(pw->pw_name)))
		bug("%s is somebody else", pw->pw_name);
	if (passwd_find_uid(db, 1, pw->pw_uid, &e) != PASSWD_OK ||
	    e.uid != pw->pw_uid)
		bug("uid %u is not found", pw->pw_uid);
}

/* The first entry of a name is the one that counts. */
static void check_first(struct passwd_db *db, const struct passwd *pw)
{
	struct passwd_entry e;

	if (passwd_find(db, 1, span_str(pw->pw_name), &e) != PASSWD_OK ||
	    e.uid != pw->pw_uid || e.gid != pw->pw_gid ||
	    !span_eq(e.home, span_str(pw->pw_dir)) ||
	    !span_eq(e.shell, span_str(pw->pw_shell)))
		bug("%s is not as the system has it", pw->pw_name);
}

static void compare(struct passwd_db *db, span text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text.ptr, text.len, "r");
	struct passwd_entry e;
	struct passwd *pw;
	size_t n = 0;

	if (!f)
		return;
	while ((pw = fgetpwent(f))) {
		if (n++ == 0)
			check_first(db, pw);
		check_one(db, pw);
	}
	(void)fclose(f);
	if (n != db->count)
		bug("%zu entries, not %zu", db->count, n);
	if (span_find(text, '%') < 0 &&
	    passwd_find(db, 1, SPAN("%"), &e) != PASSWD_NONE)
		bug("found who is not there");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_memfd("passwd", span_of(data, size));
	char path[64];
	struct passwd_files files = { path, "/nonexistent" };
	struct passwd_db *db;

	if (fd < 0)
		bug("no file");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	db = passwd_new(&files);
	refresh(db, 1);
	if (db->sources == SOURCES_FILE_ONLY && !db->odd && size > 0)
		compare(db, span_of(data, size));
	passwd_free(&db);
	(void)close(fd);
	return 0;
}
