#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes utf8_fold.h, the table of base/utf8.c: full case folding.

	python3 src/base/utf8_fold.py >src/base/utf8_fold.h

Runs of characters that fold to a character at the same distance, all of them
or every second one, are one row; those that fold to several characters have
one row each.
"""

import unicodedata

SURROGATES = range(0xD800, 0xE000)


def folded():
    """(character, characters it folds to), above ASCII, in order."""
    for c in range(0x80, 0x110000):
        if c in SURROGATES:
            continue
        to = [ord(x) for x in chr(c).casefold()]
        if to != [c]:
            yield c, to


def runs(pairs):
    """Rows (first, last, step, distance)."""
    row = None
    for c, to in pairs:
        distance = to - c
        if row and distance == row[3]:
            step = c - row[1]
            if step == row[2] or (row[0] == row[1] and step <= 2):
                row = (row[0], c, step, distance)
                continue
        if row:
            yield row
        row = (c, c, 1, distance)
    if row:
        yield row


def print_rows(rows, per_line=3):
    rows = list(rows)
    for i in range(0, len(rows), per_line):
        print("\t" + ", ".join(rows[i:i + per_line]) + ",")


def main():
    single = []
    several = []
    for c, to in folded():
        if len(to) == 1:
            single.append((c, to[0]))
        else:
            several.append((c, to))
    print("/* SPDX-License-Identifier: ISC */")
    print("/*")
    print(" * base/utf8_fold.h - made by utf8_fold.py from Unicode "
          f"{unicodedata.unidata_version}.")
    print(" * Do not edit.")
    print(" */")
    print("/* clang-format off */")
    print("static const struct fold_run runs[] = {")
    print_rows(f"{{ 0x{first:x}, 0x{last:x}, {step}, {distance} }}"
               for first, last, step, distance in runs(single))
    print("};")
    print()
    print("static const struct fold_long longs[] = {")
    rows = []
    for c, to in several:
        text = "".join(chr(x) for x in to).encode()
        code = "".join(f"\\x{b:02x}" for b in text)
        rows.append(f"{{ 0x{c:x}, \"{code}\" }}")
    print_rows(rows, 2)
    print("};")
    print("/* clang-format on */")


main()
