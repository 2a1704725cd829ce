#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""patterns.py BUILD - how fast are large tables of patterns?

Makes tables of cidr, regexp and pcre with 100,000 rules, looks keys up with
our postmap and with Debian's, and says how many microseconds one lookup takes;
the time to read the table is measured apart and taken off. Debian's gets fewer
keys: it tries one rule after the other. The exit code is 1 when a cidr table is
not a hundred times as fast."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time

RULES = 100_000


def ipv4(n):
    return ".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))


def network(rng, i):
    prefix = rng.choice([16, 20, 24, 24, 24, 28, 32])
    bits = rng.getrandbits(32) & (0xffffffff << (32 - prefix))
    return f"{ipv4(bits)}/{prefix} REJECT {i}\n"


def user(rng, i):
    return f"/^user{i}@(sub\\.)?example{i % 77}\\.com$/ REJECT {i}\n"


def address(rng):
    return ipv4(rng.getrandbits(32))


def mailbox(rng):
    n = rng.randrange(2 * RULES)
    return f"user{n}@example{n % 77}.com"


TABLES = [
    # type, rule, key, our keys, postmap's keys
    ("cidr", network, address, 1_000_000, 1000),
    ("regexp", user, mailbox, 100_000, 20),
    ("pcre", user, mailbox, 1_000_000, 100),
]


def seconds(args, keys):
    """Wall time; not finding the key is no failure."""
    text = "".join(f"{k}\n" for k in keys).encode()
    start = time.monotonic()
    subprocess.run(args, input=text, stdout=subprocess.DEVNULL, check=False)
    return time.monotonic() - start


def measure(args, keys):
    """Seconds to read the table, us for a lookup."""
    reading = min(seconds(args, keys[:1]) for _ in range(3))
    asking = seconds(args, keys) - reading
    return reading, max(asking, 1e-6) / len(keys) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    build = parser.parse_args().build
    ours_program = os.path.join(os.path.abspath(build), "src", "postmap")
    if not os.path.exists("/usr/sbin/postmap"):
        print("patterns: skipped, there is no Postfix to compare with")
        return 0
    slow = False
    rng = random.Random("patterns")
    print("table    program    read s  us/lookup")
    with tempfile.TemporaryDirectory() as top:
        config = os.path.join(top, "main.cf")
        with open(config, "w", encoding="ascii") as f:
            f.write("compatibility_level = 3.6\n")
        os.utime(config, (10**9, 10**9))
        for kind, rule, key, ours, theirs in TABLES:
            path = os.path.join(top, kind)
            with open(path, "w", encoding="ascii") as f:
                f.writelines(rule(rng, i) for i in range(RULES))
            keys = [key(rng) for _ in range(ours)]
            name = f"{kind}:{path}"
            one = measure([ours_program, "-c", top, "-q", "-", name], keys)
            print("%-8s %-8s %8.2f %10.2f" % ((kind, "chasqui") + one))
            other = measure(
                ["/usr/sbin/postmap", "-c", top, "-q", "-", name],
                keys[:theirs])
            print("%-8s %-8s %8.2f %10.2f" % ((kind, "postfix") + other))
            ratio = other[1] / one[1]
            print("%-8s ratio %22.0f" % (kind, ratio))
            slow |= kind == "cidr" and ratio < 100
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
