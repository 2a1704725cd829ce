#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The registry tells the truth: params_check.py SRC

A parameter that is said to act is mentioned by the code that would do so
(or by the default of another one); a typed field that a daemon loads belongs
to a parameter that is said to act.

The registry is complete: each name in params_known.txt is a parameter, an old
name, a parameter of a transport, or a function; and what Debian's postconf
prints, where it is installed, has the same default here.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROW = re.compile(
    r'^\{ "(?P<name>\w+)", (?P<kind>\w+),\s*(?P<preset>(?:"(?:[^"\\]|\\.)*"'
    r'|[A-Z_]+)(?:\s*"(?:[^"\\]|\\.)*")*),\s*(?P<range>ANY|\w+\([^)]*\)),'
    r'\s*"(?P<since>[\d.]*)",\s*BY_[\w| ]+,\s*(?P<status>\w+),', re.M)
# Conversions of fields: CONF_BOOL(struct x, name), or a file's own U32(name).
FIELD = re.compile(r'\b(?:CONF_)?(?:BOOL|U32|U64|USEC|B|N|T)'
                   r'\((?:struct \w+,\s*)?(\w+)\)')
# Values that are taken as they are: a name in the source.
VALUE = re.compile(r'(?:CONF_STR\(struct \w+,\s*|\bSPAN(?:_INIT)?\("'
                   r'|\bSTR\()(\w+)["),]')
# Read to answer a question about them, not to do what they say.
ASKED = {"default_verp_delimiters", "multi_instance_directories",
         "smtpd_sender_login_maps", "verp_delimiter_filter"}
SUFFIX = re.compile(r'^(?:default|local|smtp)_(.*)$')
# For use in other values only.
TEXTS = {"mail_release_date"}
# The parts of src/conf that use values themselves.
USERS = {"conf.c", "endpoint.c", "facts.c", "master_cf.c", "networks.c",
         "personality.c", "site.c"}
# They name many, to show or to write them.
NAMING = {"postfix_settings.c"}
FUNCTIONS = {"domain_to_ascii"}
# Ours: Postfix has no such parameter.
OWN = {"queue_owner", "relay_processes", "resolv_conf", "rules_processes",
       "sendmail_personality", "smtpd_processes", "smtpd_recipient_quota",
       "smtp_destination_concurrency_limit",
       "smtp_destination_recipient_limit", "virtual_mailbox_limit_maps",
       "virtual_maildir_quota_maps"}
# Transports whose parameters Postfix documents one by one.
TRANSPORTS = ("transport", "lmtp", "relay", "virtual")
# What differs on purpose; see doc/postfix-differences.md.
OTHER_DEFAULTS = {
    # where a package puts files, and whose they are
    "command_directory", "config_directory", "daemon_directory",
    "data_directory", "mail_owner", "queue_directory",
    # of this machine and this process
    "mydomain", "myhostname", "mynetworks", "process_id", "process_name",
    "smtpd_forbid_bare_newline",
}


def sources(src):
    for path in sorted(src.rglob("*.[ch]")):
        if path.parent.name == "conf" and path.name not in USERS:
            continue
        if path.parent.name == "postconf" or path.name in NAMING:
            continue
        if not re.search(r"_(test|fuzz|cases)\.[ch]$", path.name):
            yield path.read_text(encoding="utf-8", errors="replace")


def check_statuses(src, table, rows):
    text = "\n".join(sources(src))
    words = set(re.findall(r"\w+", text))
    presets = set(re.findall(r"\$\{?(\w+)", table))
    for name, row in rows.items():
        suffix = SUFFIX.match(name)
        used = name in words | TEXTS or name in presets or (
            suffix and f'"{suffix[1]}"' in text)
        if row["status"] == "ACTS" and not used:
            yield f"{name} is said to act, but nothing mentions it"
    for name in sorted(set(FIELD.findall(text)) & set(rows)):
        if rows[name]["status"] != "ACTS":
            yield f"{name} is loaded, but not said to act"
    for name in sorted(set(VALUE.findall(text)) & set(rows) - ASKED):
        if rows[name]["status"] != "ACTS":
            yield f"{name} is read, but not said to act"


def check_names(src, rows):
    code = (src / "conf/params.c").read_text(encoding="utf-8")
    old = set(re.findall(r'\{ "(\w+)",\s*(?:NOW|GONE|EMPTIES)\(', code))
    suffixes = re.findall(r'FAMILY\("(\w+)"\)', code) + re.findall(
        r'\{ SPAN_INIT\("(\w+)"\),\s*"\w+" \}', code)
    family = {f"{t}_{s}" for t in TRANSPORTS for s in suffixes}
    text = (src / "conf/params_known.txt").read_text(encoding="utf-8")
    known = {n for n in text.split("\n") if n and n[0] != "#"}
    if len(suffixes) != 17:
        yield f"{len(suffixes)} suffixes of transports, not 17"
    for name in sorted(known - set(rows) - old - family - FUNCTIONS):
        yield f"{name} is not in the registry"
    for name in sorted((set(rows) | old) - known - OWN):
        yield f"{name} is not in params_known.txt"
    for name in sorted(old & set(rows)):
        yield f"{name} is both a parameter and an old name"


def text_of(preset):
    """The value of a C string, in pieces."""
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', preset)
    return re.sub(r"\\(.)", r"\1", "".join(pieces))


def defaults():
    """What Debian's Postfix prints, without any configuration."""
    with tempfile.TemporaryDirectory() as empty:
        for name in ("main.cf", "master.cf"):
            pathlib.Path(empty, name).touch()
        out = subprocess.run(["postconf", "-c", empty, "-d"], check=True,
                             capture_output=True, text=True).stdout
    for line in out.splitlines():
        name, _, value = line.partition(" =")
        yield name, value.strip()


def check_defaults(rows):
    theirs = dict(defaults())
    if not theirs.get("mail_version", "").startswith("3.7."):
        print("not compared: Postfix is of version "
              + theirs.get("mail_version", "?"))
        return
    for name, value in theirs.items():
        if name not in rows:
            yield f"{name} = {value} is not in the registry"
        elif rows[name]["preset"].startswith('"') and \
                name not in OTHER_DEFAULTS and \
                text_of(rows[name]["preset"]) != value:
            yield f"{name}: {rows[name]['preset']}, Postfix has {value!r}"
    for name in sorted(set(rows) - set(theirs) - OWN):
        since = rows[name]["since"]
        if not since or [int(n) for n in since.split(".")] <= [3, 7]:
            yield f"{name}: not of Postfix 3.7, but since {since!r}"


def main():
    src = pathlib.Path(sys.argv[1])
    table = (src / "conf/params.def").read_text(encoding="utf-8")
    rows = {m["name"]: m for m in ROW.finditer(table)}
    wrong = []
    if len(rows) != len(re.findall(r'^\{ "', table, re.M)):
        wrong.append("a row that this script cannot read")
    wrong.extend(check_statuses(src, table, rows))
    wrong.extend(check_names(src, rows))
    if shutil.which("postconf"):
        wrong.extend(check_defaults(rows))
    else:
        print("not compared: Postfix is not installed")
    print("\n".join(wrong) or f"{len(rows)} parameters")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
