#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Opening a great mbox beside s-nail, and changing it.

	test/bench/folder.py BUILD [MESSAGES]

The mailbox, 10 KB a message, is made anew each time, the same each time, and
has been read once when the clock starts. Each figure is the best of three
runs. The exit code is 1 when a floor does not hold.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

RATIO = 4  # of s-nail's time to its first summary
MEMORY = 100 << 10  # KiB

HEADER = """From user{0}@example.org Wed Feb 19 05:10:35 2020
Return-Path: <user{0}@example.org>
Received: from a.example.org (a.example.org [192.0.2.1])
	by b.example.org (Postfix) with ESMTP id 4{0:010d}
	for <ana@example.org>; Wed, 19 Feb 2020 05:10:35 +0100
From: User {0} <user{0}@example.org>
To: ana@example.org
Subject: message {0}
Message-ID: <{0}@example.org>

"""


def write_mailbox(path, messages):
    choose = random.Random(1)
    words = "Far lorem ipsum dolor sit amet and the mailbox of For".split()
    bodies = ["\n".join(" ".join(choose.choices(words, k=11))
                        for _ in range(170)) for _ in range(50)]
    with open(path, "w") as f:
        for i in range(messages):
            f.write(HEADER.format(i) + bodies[i % 50] + "\n\n")


def run(command, home, given=b""):
    """Seconds and KiB."""
    before = time.monotonic()
    child = subprocess.Popen(
        command, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={"HOME": home, "PATH": "/usr/bin"})
    child.stdin.write(given)
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} failed")
    return time.monotonic() - before, usage.ru_maxrss


def best(command, home, given=b""):
    return min(run(command, home, given) for _ in range(3))


def main():
    build = os.path.abspath(sys.argv[1])
    messages = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    ask = os.path.join(build, "test", "folder-ask")
    ok = True
    with tempfile.TemporaryDirectory(prefix="bench-folder.") as home:
        write_mailbox(os.path.join(home, "m"), messages)
        size = os.path.getsize(os.path.join(home, "m"))
        run([ask, "m"], home)
        ours, memory = best([ask, "m"], home)
        print(f"{messages} messages, {size >> 20} MiB")
        print(f"open           {ours:7.3f} s  {memory >> 10} MiB")
        ok = memory <= MEMORY
        if shutil.which("s-nail"):
            theirs, their_memory = best(
                ["s-nail", "-:/", "-R", "-f", "m"], home, b"x\n")
            print(f"s-nail         {theirs:7.3f} s  {their_memory >> 10} MiB"
                  f"  ratio {theirs / ours:.1f}, floor {RATIO}")
            ok = ok and theirs / ours >= RATIO
        for name, number in (("last", messages - 1), ("first", 0)):
            spent, memory = run([ask, "m", f"{number}=S"], home)
            print(f"change {name:5}   {max(spent - ours, 0):7.3f} s  "
                  f"{memory >> 10} MiB, beyond opening it")
    sys.exit(not ok)


if __name__ == "__main__":
    main()
