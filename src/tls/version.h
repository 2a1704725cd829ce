/* SPDX-License-Identifier: ISC */
/*
 * tls/version.h - which library speaks TLS for us, for "postconf -T".
 */
#pragma once

/* The one whose headers we were compiled with, and the one that is there. */
const char *tls_version_compiled(void);
const char *tls_version_running(void);
/* Kinds of keys that a server's certificates can have; ends with NULL. */
const char *const *tls_key_kinds(void);
