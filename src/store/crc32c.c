/* SPDX-License-Identifier: ISC */
/*
 * store/crc32c.c - CRC32C (reflected polynomial 0x82f63b78).
 *
 * x86 has an instruction for it that takes eight bytes in three cycles, so a
 * message of 4 KiB costs half a microsecond. Elsewhere: eight tables, eight
 * bytes at a time ("slicing by 8"), made on first use by whoever comes first;
 * two threads making them at once write the same values, so the flag alone
 * needs to be ordered.
 */
#include "store/crc32c.h"

#include <endian.h>
#include <stdatomic.h>

enum { SLICES = 8 };

static uint32_t tables[SLICES][256];
static atomic_bool tables_are_made;
static atomic_flag tables_lock = ATOMIC_FLAG_INIT;

static void make_tables(void)
{
	while (atomic_flag_test_and_set(&tables_lock))
		;
	if (atomic_load(&tables_are_made)) {
		atomic_flag_clear(&tables_lock);
		return;
	}
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78U & (0U - (crc & 1)));
		tables[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int s = 1; s < SLICES; s++) {
			uint32_t before = tables[s - 1][i];

			tables[s][i] = before >> 8 ^ tables[0][before & 0xff];
		}
	}
	atomic_store(&tables_are_made, true);
	atomic_flag_clear(&tables_lock);
}

static uint64_t load_u64(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

uint32_t crc32c_portable(uint32_t crc, span bytes)
{
	if (!atomic_load_explicit(&tables_are_made, memory_order_acquire))
		make_tables();
	crc = ~crc;
	for (; bytes.len >= 8; bytes = span_from(bytes, 8)) {
		uint64_t word = load_u64(bytes.ptr) ^ crc;

		crc = 0;
		for (int s = 0; s < SLICES; s++, word >>= 8)
			crc ^= tables[SLICES - 1 - s][word & 0xff];
	}
	for (size_t i = 0; i < bytes.len; i++)
		crc = crc >> 8 ^
		    tables[0][(crc ^ (unsigned char)bytes.ptr[i]) & 0xff];
	return ~crc;
}

#ifdef __x86_64__

__attribute__((target("sse4.2"))) static uint32_t by_hardware(
    uint32_t crc, span bytes)
{
	uint64_t wide = ~crc;

	for (; bytes.len >= 8; bytes = span_from(bytes, 8))
		wide = __builtin_ia32_crc32di(wide, load_u64(bytes.ptr));
	crc = (uint32_t)wide;
	for (size_t i = 0; i < bytes.len; i++)
		crc = __builtin_ia32_crc32qi(crc, (unsigned char)bytes.ptr[i]);
	return ~crc;
}

uint32_t crc32c(uint32_t crc, span bytes)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_hardware(crc, bytes);
	return crc32c_portable(crc, bytes);
}

#else

uint32_t crc32c(uint32_t crc, span bytes)
{
	return crc32c_portable(crc, bytes);
}

#endif
