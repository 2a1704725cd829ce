#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes html_names.h, the table of mail/html.c: characters by name.

	python3 src/mail/html_names.py >src/mail/html_names.h

All names of HTML 5 that are one character and at most 8 letters: what is in
mail, without the more obscure mathematics.
"""

from html.entities import html5, name2codepoint


def names():
    for name, text in html5.items():
        name = name.rstrip(";")
        if len(text) == 1 and (name in name2codepoint or len(name) <= 8):
            yield name, ord(text)


def main():
    rows = [f"{{ \"{name}\", 0x{c:x} }}" for name, c in sorted(set(names()))]
    print("/* SPDX-License-Identifier: ISC */")
    print("/*")
    print(" * mail/html_names.h - made by html_names.py. Do not edit.")
    print(" * sizes: table")
    print(" */")
    print("/* clang-format off */")
    print("static const struct html_name html_names[] = {")
    for i in range(0, len(rows), 3):
        print("\t" + ", ".join(rows[i:i + 3]) + ",")
    print("};")
    print("/* clang-format on */")


main()
