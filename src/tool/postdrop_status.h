/* SPDX-License-Identifier: ISC */
/*
 * tool/postdrop_status.h - what postdrop answers to whoever runs it.
 *
 *	protocol NUL postdrop_protocol NUL queue_id NUL ... NUL NUL
 *	status NUL ... NUL reason NUL ... NUL NUL
 *
 * The numbers are Postfix's.
 */
#pragma once

enum {
	POSTDROP_OK = 0,
	POSTDROP_BAD = 1,   /* not understood */
	POSTDROP_WRITE = 2, /* the file could not be written */
	POSTDROP_SIZE = 4,  /* too big */
	POSTDROP_NOPERM = 512,
};
