/* SPDX-License-Identifier: ISC */
/*
 * base/base.h - the handful of macros every file may use.
 *
 * Errors: a function that can fail returns 0 or a negative errno (the
 * environment), or a positive value of its own enum (an expected outcome).
 * A bug ends the process: see bug().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NO_RETURN         __attribute__((noreturn))
#define UNUSED            __attribute__((unused))

/* Run fn(&variable) when the variable goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hand out an owned pointer and forget it here. */
#define STEAL(p) \
	({ \
		__auto_type steal_ptr_ = &(p); \
		__auto_type steal_val_ = *steal_ptr_; \
		*steal_ptr_ = NULL; \
		steal_val_; \
	})

/* The same for a descriptor: -1 stays behind. */
#define STEAL_FD(fd) \
	({ \
		int *steal_fd_ = &(fd); \
		int steal_val_ = *steal_fd_; \
		*steal_fd_ = -1; \
		steal_val_; \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MIN(a, b) \
	({ \
		__auto_type min_a_ = (a); \
		__auto_type min_b_ = (b); \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define MAX(a, b) \
	({ \
		__auto_type max_a_ = (a); \
		__auto_type max_b_ = (b); \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})

/* Checked arithmetic: true when the result did not fit. */
#define ADD_OVERFLOWS(a, b, ret) __builtin_add_overflow((a), (b), (ret))
#define MUL_OVERFLOWS(a, b, ret) __builtin_mul_overflow((a), (b), (ret))

/*
 * Something that cannot happen has happened. Says so on stderr and aborts;
 * the supervisor starts a fresh process.
 */
NO_RETURN PRINTF_LIKE(1, 2) void bug(const char *format, ...);

/* Memory, zeroed. These never return NULL: no memory is a bug(). */
void *mem_new(size_t n, size_t size);
void *mem_resize(void *p, size_t n, size_t size);
void mem_free(void *p);
/* A lot was freed: give to the system what it can take back. */
void mem_trim(void);
#define NEW(T) ((T *)mem_new(1, sizeof(T)))
