/* SPDX-License-Identifier: ISC */
/*
 * store/folder_append.h - what folder_append.c and folder_append_maildir.c
 * share.
 */
#pragma once

#include "store/folder_copy.h"
#include "store/folder_internal.h"

/* A file that is in tmp/, or whose name is in new/ or cur/ already. */
struct folder_append_file {
	size_t tmp_name; /* where in `names` */
	size_t name;
	bool is_flagged; /* goes to cur/ */
	bool is_shown;
};

struct folder_append {
	enum folder_kind kind;
	char *path;
	struct folder_place place;
	bool is_new; /* there was nothing */
	bool in_message;
	bool is_ending;
	struct folder_copy copy;
	struct buf out;
	uint64_t lines;
	uint64_t bytes;
	/* mbox: */
	bool is_open;
	struct mailbox_spec spec;
	struct mailbox_trouble trouble;
	struct mailbox mbox;
	/* Maildir: */
	int root;
	int dirs[3]; /* tmp/, new/, cur/ */
	int fd;      /* the file being written */
	int error;   /* the first one */
	struct folder_append_file *files;
	size_t count;
	size_t room;
	struct buf names;
	uint8_t flags;
	uint32_t serial;
};

void folder_append_files_init(struct folder_append *a);
MUST_USE int folder_append_files_open(
    struct folder_append *a, struct folder_trouble *t);
void folder_append_file_begin(struct folder_append *a, uint8_t flags);
void folder_append_file_put(struct folder_append *a, span piece);
void folder_append_file_end(struct folder_append *a);
MUST_USE int folder_append_files_commit(
    struct folder_append *a, struct folder_trouble *t);
/* What was not committed is removed. */
void folder_append_files_close(struct folder_append *a);
