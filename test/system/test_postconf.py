# SPDX-License-Identifier: ISC
"""postconf beside Debian's: the same calls on the same directories.

Compared are the exit status, standard output, standard error and the files
that are left. Standard error is compared line by line without order: the
order of Postfix's warnings changes from run to run. doc/postfix-differences.md
lists what is meant to differ; the functions known_* below are that list.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import time

import pytest

from lib import instance

DEBIAN = "/usr/sbin/postconf"
OURS = instance.program("postconf")
CASES = os.path.join(instance.ROOT, "test", "data", "postconf")
CORPUS = os.path.join(instance.ROOT, "..", "shared", "corpora", "main.cf")
STOCK = "/usr/share/postfix"
OLD = time.time() - 86400  # Postfix waits for a file that was just changed

pytestmark = pytest.mark.program("postconf")


# ---- intended differences ----

def registry():
    """name -> (default, since) of src/conf/params.def."""
    with open(os.path.join(instance.ROOT, "src/conf/params.def")) as f:
        text = f.read()
    rows = re.findall(r'^\{ "([^"]+)", \w+,(.*?)\},?$', text, re.M | re.S)
    since = {}
    for name, row in rows:
        found = re.search(r'(?:ANY|AT_LEAST\([^)]*\)|BETWEEN\([^)]*\)),\s*'
                          r'"([^"]*)"', row)
        since[name] = found.group(1)
    return since


def known_new_names():
    """Later than 3.7, or ours."""
    def is_new(since):
        return since and [int(n) for n in since.split(".")] > [3, 7]
    return {name for name, since in registry().items() if is_new(since)} | {
        "queue_owner", "relay_processes", "resolv_conf", "rules_processes",
        "smtpd_processes"}


NEW = known_new_names()
OTHER_DEFAULTS = {
    "mail_owner",
    "smtpd_forbid_bare_newline",
}
PATHS = [  # Debian's, ours
    ("/usr/lib/postfix/sbin", "/usr/libexec/chasqui"),
    ("/usr/lib/postfix", "/usr/lib/chasqui"),
    ("/var/lib/postfix", "/var/lib/chasqui"),
    ("/var/spool/postfix", "/var/spool/chasqui"),
]


def known_paths(text):
    for debian, ours in PATHS:
        text = text.replace(debian, "PATH").replace(ours, "PATH")
    return text


def known_lines(lines):
    """Without what is said of parameters that only we know."""
    def is_new(line):
        name = re.match(r"(?:[^ =]*/)?([^ =/]+) =", line)
        unused = re.search(r"(?:unused|undefined) parameter: ([^= ]+)", line)
        return any(m and m.group(1) in NEW | OTHER_DEFAULTS
                   for m in (name, unused))
    return [line for line in lines if not is_new(line)]


# ---- one call ----

def call(program, directory, args, **options):
    """(exit status, output lines, complaint lines)"""
    # pylint: disable=consider-using-with
    p = subprocess.Popen(
        [program, "-c", directory, *args], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    out, err = p.communicate(timeout=60)

    def tidy(text):
        text = text.decode("latin-1").replace(program, "postconf")
        text = re.sub(rf"(?<=postconf.){p.pid}\b", "PID", text)
        text = re.sub(rf"(?<=process_id = ){p.pid}\b", "PID", text)
        text = text.replace(directory, "DIR")
        return known_lines(known_paths(text).split("\n"))
    return p.returncode, tidy(out), sorted(tidy(err))


def files_of(directory):
    """name -> content; without what Postfix leaves after a failure."""
    found = {}
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".tmp"):
            with open(os.path.join(directory, name), "rb") as f:
                found[name] = f.read()
    return found


def copy(source, target):
    shutil.copytree(source, target, symlinks=True)
    for name in os.listdir(target):
        path = os.path.join(target, name)
        os.chmod(path, 0o644)
        os.utime(path, (OLD, OLD))
    return target


def compare(directory, args):
    """None, or how they differ."""
    theirs = call(DEBIAN, directory, args)
    ours = call(OURS, directory, args)
    if theirs == ours:
        return None
    return f"postconf {' '.join(args)} in {directory}:\n" + difference(
        theirs, ours)


def difference(theirs, ours):
    text = []
    for what, a, b in zip(("status", "output", "errors"), theirs, ours):
        if a == b:
            continue
        if isinstance(a, int):
            text.append(f"  {what}: {a}, ours {b}")
            continue
        text += [f"  {what} - {line}" for line in a if line not in b][:8]
        text += [f"  {what} + {line}" for line in b if line not in a][:8]
        if sorted(a) == sorted(b):
            text.append(f"  {what}: another order")
    return "\n".join(text)


def compare_all(calls):
    """calls: (directory, arguments). Postfix sleeps before it fails, so many
    at a time."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        wrong = [w for w in pool.map(lambda c: compare(*c), calls) if w]
    assert not wrong, f"{len(wrong)} of {len(calls)}:\n" + "\n".join(wrong)


# ---- reading ----

SHOW = [line.split() for line in """
-n
-nf
-nx
-nh
-nH
-x
-d
-dh myhostname mydomain mynetworks notify_classes local_time_limit
-C user
-C service,user -n
-C builtin -nh
-M
-Mf
-Mx
-F
-Ff
-Fh
-FH
-Fx
-P
-Px
-Pf
-PH
-Ph
""".splitlines() if line.strip()]


def tame(source, target):
    """A copy that expands to the same text in every process."""
    with open(source, "rb") as f:
        text = f.read()
    target.write_bytes(text.replace(b"$process_id", b"$process_name"))


@pytest.fixture
def stock(tmp_path):
    home = tmp_path / "stock"
    home.mkdir()
    for source, target in (("main.cf.debian", "main.cf"),
                           ("master.cf.dist", "master.cf")):
        if not os.path.exists(os.path.join(STOCK, source)):
            pytest.skip(f"{STOCK} is not there")
        shutil.copy(os.path.join(STOCK, source), home / target)
        os.utime(home / target, (OLD, OLD))
    return str(home)


def test_stock(stock):
    compare_all([(stock, args) for args in [[], *SHOW]])


def test_corpus(tmp_path):
    if not os.path.isdir(CORPUS):
        pytest.skip("needs the corpus of real configurations")
    calls = []
    for name in sorted(os.listdir(CORPUS)):
        source = os.path.join(CORPUS, name)
        if not os.path.isdir(source):
            continue
        home = tmp_path / name
        home.mkdir()
        for file in ("main.cf", "master.cf"):
            if os.path.exists(os.path.join(source, file)):
                tame(os.path.join(source, file), home / file)
        if not (home / "master.cf").exists():
            shutil.copy(os.path.join(STOCK, "master.cf.dist"),
                        home / "master.cf")
        for file in home.iterdir():
            os.utime(file, (OLD, OLD))
        calls += [(str(home), args) for args in (
            ["-n"], ["-nxf"], ["-P"], ["-Mf"], ["-Fx"], ["-x"])]
    assert len(calls) > 200
    compare_all(calls)


@pytest.mark.parametrize("case", sorted(os.listdir(CASES)))
def test_awkward(case, tmp_path):
    home = copy(os.path.join(CASES, case), str(tmp_path / case))
    compare_all([(home, args) for args in [[], *SHOW]])
