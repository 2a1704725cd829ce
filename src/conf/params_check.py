#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The registry tells the truth: params_check.py SRC

A parameter that is said to act is mentioned by the code that would do so
(or by the default of another one); a typed field that a daemon loads belongs
to a parameter that is said to act.
"""

import pathlib
import re
import sys

ROW = re.compile(
    r'^\{ "(?P<name>\w+)", (?P<kind>\w+),\s*(?P<preset>(?:"(?:[^"\\]|\\.)*"'
    r'|[A-Z_]+)(?:\s*"(?:[^"\\]|\\.)*")*),\s*(?P<range>ANY|\w+\([^)]*\)),'
    r'\s*"[\d.]*",\s*BY_[\w| ]+,\s*(?P<status>\w+),', re.M)
# Conversions of fields: CONF_BOOL(struct x, name), or a file's own U32(name).
FIELD = re.compile(r'\b(?:CONF_)?(?:BOOL|U32|U64|USEC|B|N|T)'
                   r'\((?:struct \w+,\s*)?(\w+)\)')
SUFFIX = re.compile(r'^(?:default|local|smtp)_(.*)$')
# For use in other values only.
TEXTS = {"mail_release_date"}
# The parts of src/conf that use values themselves.
USERS = {"conf.c", "facts.c", "master_cf.c", "site.c"}


def sources(src):
    for path in sorted(src.rglob("*.[ch]")):
        if path.parent.name == "conf" and path.name not in USERS:
            continue
        if not re.search(r"_(test|fuzz|cases)\.[ch]$", path.name):
            yield path.read_text(encoding="utf-8", errors="replace")


def main():
    src = pathlib.Path(sys.argv[1])
    table = (src / "conf/params.def").read_text(encoding="utf-8")
    rows = {m["name"]: m for m in ROW.finditer(table)}
    wrong = []
    if len(rows) != len(re.findall(r'^\{ "', table, re.M)):
        wrong.append("a row that this script cannot read")
    text = "\n".join(sources(src))
    words = set(re.findall(r"\w+", text))
    presets = set(re.findall(r"\$\{?(\w+)", table))
    for name, row in rows.items():
        suffix = SUFFIX.match(name)
        used = name in words | TEXTS or name in presets or (
            suffix and f'"{suffix[1]}"' in text)
        if row["status"] == "ACTS" and not used:
            wrong.append(f"{name} is said to act, but nothing mentions it")
    for name in sorted(set(FIELD.findall(text)) & set(rows)):
        if rows[name]["status"] != "ACTS":
            wrong.append(f"{name} is loaded, but not said to act")
    print("\n".join(wrong) or f"{len(rows)} parameters")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
