/* SPDX-License-Identifier: ISC */
/*
 * tls/selfsigned.h - a key, and a certificate that only itself vouches for:
 * enough for encryption, until there is a better one.
 */
#pragma once

#include "base/buf.h"

/*
 * ECDSA on prime256v1, good for ten years, for this host (the certificate
 * also names localhost). Both as PEM, appended. False: OpenSSL cannot.
 */
MUST_USE bool selfsigned_make(
    span host, struct buf *ret_key, struct buf *ret_cert);
