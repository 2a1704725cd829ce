# SPDX-License-Identifier: ISC
"""The same commands on the same files, with Debian's programs and ours.

A scenario is a directory of files and a list of calls made in it one after
the other. Compared are exit status, standard output and standard error of
each call, the modes of the files made, and what Debian's postmap reads in
the tables that ours made.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import time

from lib import instance

DEBIAN = "/usr/sbin"
OURS = os.path.dirname(instance.program("postmap"))
OLD = time.time() - 3600  # Postfix waits for texts that were just changed
BINARY = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
NOSLEEP = os.path.join(instance.BUILD, "test", "nosleep.so")
# Each of them mostly waits for a processor.
THREADS = 24


def why_not():
    """What is missing, or None."""
    for program in ("postmap", "postalias"):
        if not os.path.exists(os.path.join(DEBIAN, program)):
            return "needs Debian's postfix"
    for kind in ("lmdb", "cdb", "pcre"):
        if not os.path.exists(f"/usr/lib/postfix/postfix-{kind}.so"):
            return f"needs postfix-{kind}"
    return None


class Scenario:
    def __init__(self, name, files=None, calls=(), main_cf="", tables=(),
                 modes=None):
        self.name = name
        self.files = files or {}
        self.calls = [(c + (b"",))[:2] if isinstance(c, tuple) else (c, b"")
                      for c in calls]
        self.main_cf = main_cf
        self.tables = tables  # read with Debian's postmap afterwards
        self.modes = modes or {}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def prepare(scenario, home):
    os.makedirs(os.path.join(home, "conf"))
    with open(os.path.join(home, "conf", "main.cf"), "w") as f:
        f.write("compatibility_level = 3.6\n"
                "myhostname = mail.example.com\n"
                + scenario.main_cf.replace("HOME", home))
    for name, text in scenario.files.items():
        path = os.path.join(home, name)
        with open(path, "wb") as f:
            f.write(as_bytes(text))
        os.chmod(path, scenario.modes.get(name, 0o644))
        os.utime(path, (OLD, OLD))


def call(programs, home, arguments, text):
    option = "-C" if arguments[0] == "newaliases" else "-c"
    words = [arguments[0], option, os.path.join(home, "conf"), *arguments[1:]]
    if arguments[1:2] == ["no-conf"]:
        words = [arguments[0], *arguments[2:]]
    words = [word.replace("HOME", home) if isinstance(word, str) else word
             for word in words]
    environment = dict(os.environ)
    if programs == DEBIAN:
        environment["LD_PRELOAD"] = NOSLEEP
    folder = "/usr/bin" if words[0] == "newaliases" and programs == DEBIAN \
        else programs
    done = subprocess.run(
        [os.path.join(folder, words[0]), *words[1:]], cwd=home,
        env=environment, input=as_bytes(text), capture_output=True, timeout=60, check=False)
    error = b"\n".join(line for line in done.stderr.splitlines()
                       if not line.startswith(b"BDB"))
    out = done.stdout
    if "-s" in arguments:  # the order is that of the file, or none
        out = b"\n".join(sorted(out.splitlines()))
    return done.returncode, out, error.replace(home.encode(), b"HOME")


def play(scenario, programs, home):
    prepare(scenario, home)
    results = [call(programs, home, arguments, text)
               for arguments, text in scenario.calls]
    modes = {name: oct(os.stat(os.path.join(home, name)).st_mode)
             for name in sorted(os.listdir(home)) if name != "conf"}
    return results, modes


def read_back(home, table):
    kind, name = table.split(":", 1)
    if kind == "cdb":  # Postfix cannot list them
        kind, text = "cdb", open(os.path.join(home, name + ".cdb"), "rb").read()
        return text
    return call(DEBIAN, home, ["postmap", "-s", "-f", "-u", table], b"")


def compare(scenario, tmp, known):
    """What differs, as text; `known` may change what Debian's said."""
    theirs, ours = (os.path.join(tmp, side) for side in ("debian", "ours"))
    want, want_modes = play(scenario, DEBIAN, theirs)
    got, got_modes = play(scenario, OURS, ours)
    for (arguments, _), w, g in zip(scenario.calls, want, got):
        w = known(arguments, w) if known else w
        if w is not None and w[2] is None:
            g = (*g[:2], None)
        if w is not None and w != g:
            yield (f"{scenario.name}: {arguments}\n"
                   f"   debian {w}\n   ours   {g}")
    if want_modes != got_modes:
        yield f"{scenario.name}: modes {want_modes} != {got_modes}"
    for table in scenario.tables:
        w, g = (read_back(home, table) for home in (theirs, ours))
        if w != g:
            yield f"{scenario.name}: {table}\n   debian {w}\n   ours   {g}"


def compare_all(scenarios, tmp_path, known=None):
    names = [s.name for s in scenarios]
    assert len(set(names)) == len(names), "two scenarios with one name"

    def one(item):
        number, scenario = item
        home = os.path.join(tmp_path, str(number))
        try:
            return list(compare(scenario, home, known))
        finally:
            shutil.rmtree(home, ignore_errors=True)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        found = [text for texts in pool.map(one, enumerate(scenarios))
                 for text in texts]
    assert not found, "\n".join(found[:40]) + f"\n({len(found)} differences)"
    return sum(len(s.calls) for s in scenarios)


def known_of_postmap(arguments, result):
    """Where we mean to differ: what Debian's would have to say."""
    status, out, error = result
    if "-s" in arguments and arguments[-1].startswith("cdb:"):
        return None  # we can list them
    if any(word in ("-v", "-vv") for word in arguments):
        error = None  # we have nothing to say
    else:
        error = re.sub(rb"\. Is the postfix-\S* package installed\?", b"",
                       error)
    if error and b"dict_cdb_open: inappropriate open flags" in error:
        error = b"postmap: fatal: unsupported non-bulk change request"
    return status, out, error
