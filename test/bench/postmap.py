#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""postmap beside Debian's: CPU time to make a table of a million entries, to
look up a million keys, and to start.

	test/bench/postmap.py BUILD [ENTRIES]

Both run in turn on the same files. The keys are random, so that tables are
made as they are in life. The exit code is 1 when a floor does not hold.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile

DEBIAN = "/usr/sbin/postmap"
KINDS = ("lmdb", "hash", "btree", "cdb")
# The least ratios of CPU time.
FLOORS = {"make lmdb": 2, "make hash": 2, "query lmdb": 3, "query hash": 3}


def cpu(command, home, given=None):
    """Seconds of CPU, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(given or os.devnull) as stdin:
        done = subprocess.run(command, cwd=home, stdin=stdin, check=False,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{command} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime
            - before.ru_utime - before.ru_stime)


def write_files(home, entries):
    choose = random.Random(5)
    keys = [f"user{n}@example{n % 977}.com"
            for n in choose.sample(range(10 ** 8), entries)]
    os.mkdir(os.path.join(home, "conf"))
    with open(os.path.join(home, "conf", "main.cf"), "w") as f:
        f.write("compatibility_level = 3.6\n")
    with open(os.path.join(home, "t"), "w") as f:
        f.writelines(f"{key}\tvalue-{i}\n" for i, key in enumerate(keys))
    choose.shuffle(keys)
    with open(os.path.join(home, "keys"), "w") as f:
        f.writelines(f"{key}\n" for key in keys)


def compare(what, programs, home, arguments, given=None, times=1):
    spent = []
    for program in programs:
        command = [program, "-c", "conf", *arguments]
        spent.append(min(sum(cpu(command, home, given) for _ in range(times))
                         for _ in range(2)) / times)
    debian, ours = spent
    ratio = debian / max(ours, 1e-6)
    holds = ratio >= FLOORS.get(what, 0)
    print(f"{what:24} postfix {debian:8.4f} s   chasqui {ours:8.4f} s   "
          f"ratio {ratio:5.1f}{'' if holds else '  TOO SLOW'}", flush=True)
    return holds


def main():
    if not os.path.exists(DEBIAN):
        print("postmap: skipped, there is no Postfix to compare with")
        return 0
    holds = True
    ours = os.path.abspath(os.path.join(sys.argv[1], "src", "postmap"))
    entries = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    with tempfile.TemporaryDirectory() as home:
        write_files(home, entries)
        keys = os.path.join(home, "keys")
        for kind in KINDS:
            table = f"{kind}:t"
            for suffix in (".db", ".lmdb", ".cdb"):
                if os.path.exists(os.path.join(home, "t" + suffix)):
                    os.unlink(os.path.join(home, "t" + suffix))
            holds &= compare(f"make {kind}", [DEBIAN, ours], home, [table])
            holds &= compare(f"query {kind}", [DEBIAN, ours], home,
                             ["-q", "-", table], given=keys)
            with open(keys, encoding="ascii") as f:
                key = f.readline().strip()
            holds &= compare(f"one query {kind}", [DEBIAN, ours], home,
                             ["-q", key, table], times=20)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
