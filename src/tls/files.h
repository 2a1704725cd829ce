/* SPDX-License-Identifier: ISC */
/*
 * tls/files.h - the certificate and key files of a configuration, as one
 * piece of memory.
 *
 * Processes that talk TLS have no files and no right to read keys. master,
 * which has, reads what the configuration names and passes the bundle in a
 * sealed memfd. A file that could not be read is in it, too, with its errno.
 */
#pragma once

#include "base/buf.h"

struct tls_files {
	span map;
};

enum { TLS_FILES_MAX = 32 * 1024 * 1024 };

/* Append a file; `error` is 0 or a negative errno. */
void tls_files_put(struct buf *out, span name, int error, span content);
/* Whether a bundle under construction has the file. */
bool tls_files_has(span bundle, span name);

/*
 * The bundle behind a memfd that nobody can change any more; the descriptor
 * stays yours. 0 or a negative errno.
 */
MUST_USE int tls_files_open(struct tls_files *f, int fd);
/* Idempotent. */
void tls_files_close(struct tls_files *f);

/*
 * A file by the name that the configuration gives it: 0, or the negative
 * errno of reading it (-ENOENT: nobody read it). The content lives as long
 * as the bundle.
 */
MUST_USE int tls_files_get(
    const struct tls_files *f, span name, span *ret_content);
