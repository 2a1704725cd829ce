#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes width_table.h, the table of base/width.c: columns of characters.

	python3 src/base/width.py >src/base/width_table.h

Only characters that have no column, or two, are listed; all others have one.
"""

import unicodedata

# East Asian blocks whose gaps are wide, too (EastAsianWidth.txt).
WIDE_GAPS = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
             (0x20000, 0x2FFFD), (0x30000, 0x3FFFD)]
# The vowels and final consonants of Hangul join what stands before them.
JAMO = [(0x1160, 0x11FF), (0xD7B0, 0xD7C6), (0xD7CB, 0xD7FB)]
# Of the kind "format", but seen: the soft hyphen and signs around digits.
SEEN = {0xAD, 0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890,
        0x891, 0x8E2, 0x110BD, 0x110CD}


def is_in(c, ranges):
    return any(first <= c <= last for first, last in ranges)


def width(c):
    kind = unicodedata.category(chr(c))
    if c in SEEN:
        return 1
    if kind in ("Mn", "Me", "Cf") or is_in(c, JAMO):
        return 0
    if is_in(c, WIDE_GAPS):
        return 2
    if kind == "Cn":
        return 1
    return 2 if unicodedata.east_asian_width(chr(c)) in "WF" else 1


def runs():
    """Rows (first, last, width), in order."""
    row = None
    for c in range(0x80, 0x110000):
        w = width(c)
        if row and row[2] == w:
            row = (row[0], c, w)
            continue
        if row and row[2] != 1:
            yield row
        row = (c, c, w)


def main():
    rows = [f"{{ 0x{first:x}, 0x{last:x}, {w} }}" for first, last, w in runs()]
    print("/* SPDX-License-Identifier: ISC */")
    print("/*")
    print(" * base/width_table.h - made by width.py from Unicode "
          f"{unicodedata.unidata_version}.")
    print(" * Do not edit.")
    print(" */")
    print("/* clang-format off */")
    print("static const struct width_run runs[] = {")
    for i in range(0, len(rows), 3):
        print("\t" + ", ".join(rows[i:i + 3]) + ",")
    print("};")
    print("/* clang-format on */")


main()
