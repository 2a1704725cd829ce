#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The administrator's commands beside Debian's: configuration and tables.

    test/bench/tables.py [--build DIR] [--rounds N] [--only NAME] [--json FILE]

A workload makes its files in a directory of its own and gives two command
lines, ours and Debian's. Each round runs both, in turns, so that whoever else
uses the machine disturbs both alike. Printed are the medians of the elapsed
and of the CPU time, and the median of the rounds' ratios (Debian's time over
ours: above 1 we are faster). The exit code is 1 when a floor does not hold.

To add one: a function that yields Case rows, in WORKLOADS.
"""

import argparse
import dataclasses
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SBIN = "/usr/sbin"


@dataclasses.dataclass
class Case:
    name: str
    ours: list      # the command line
    debian: list
    floor: float    # least ratio of the elapsed times
    rounds: int = 15
    stdin: str = os.devnull


def program(build, name):
    return os.path.join(build, "src", name)


# ---- workloads ----

def settled(path):
    """Postfix waits for a file that was changed in this second."""
    old = time.time() - 3600
    os.utime(path, (old, old))


def large_main_cf(directory, lines):
    """Settings of every kind: known ones, the user's, tables, long lists."""
    known = subprocess.run(
        [f"{SBIN}/postconf", "-d", "-c", directory], capture_output=True,
        text=True, check=True).stdout
    settings = [line for line in known.splitlines()
                if "config_directory" not in line
                and not line.startswith(("process_", "service_name"))]
    text = [line + "\n" for line in settings[:lines // 2]]
    for number in range(lines - len(text)):
        if number % 5 == 0:
            text.append(f"user_{number} = permit_mynetworks,\n"
                        f"\tcheck_client_access cidr:/etc/x{number}\n")
        else:
            text.append(f"user_{number} = $myhostname $user_{number - 1}\n")
    with open(os.path.join(directory, "main.cf"), "w",
              encoding="ascii") as f:
        f.writelines(text)
    with open(os.path.join(directory, "master.cf"), "w",
              encoding="ascii") as f:
        f.write("smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\n")
    for name in ("main.cf", "master.cf"):
        settled(os.path.join(directory, name))


def postconf(build, directory):
    ours = [program(build, "postconf"), "-c", directory]
    debian = [f"{SBIN}/postconf", "-c", directory]
    for lines in (100, 5000):
        place = os.path.join(directory, str(lines))
        os.mkdir(place)
        large_main_cf(place, lines)
        for option in ("-n", "-nx"):
            yield Case(f"postconf {option}, {lines} lines",
                       ours[:2] + [place, option],
                       debian[:2] + [place, option], floor=1.0)
    yield Case("postconf -d", ours + ["-d"], debian + ["-d"], floor=1.0)


WORKLOADS = {"postconf": postconf}


# ---- measuring ----

def run_once(command, stdin):
    """(elapsed, CPU) in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    with open(stdin, "rb") as source:
        subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
    elapsed = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, (after.ru_utime + after.ru_stime
                     - before.ru_utime - before.ru_stime)


def measure(case, rounds):
    ours, debian = [], []
    for command in (case.ours, case.debian):
        run_once(command, case.stdin)  # so that the files are in memory
    for number in range(rounds or case.rounds):
        pair = [(ours, case.ours), (debian, case.debian)]
        for figures, command in pair if number % 2 else reversed(pair):
            figures.append(run_once(command, case.stdin))
    return {
        "name": case.name,
        "floor": case.floor,
        "ours": [statistics.median(f) for f in zip(*ours)],
        "debian": [statistics.median(f) for f in zip(*debian)],
        "ratio": statistics.median(
            d[0] / o[0] for d, o in zip(debian, ours)),
    }


def say(result):
    ours, debian = result["ours"], result["debian"]
    verdict = "" if result["ratio"] >= result["floor"] else "  TOO SLOW"
    print(f"{result['name']:32}{ours[0] * 1e3:10.1f}{ours[1] * 1e3:8.1f}"
          f"{debian[0] * 1e3:12.1f}{debian[1] * 1e3:8.1f}"
          f"{result['ratio']:9.2f}{result['floor']:8.1f}{verdict}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", action="append", choices=WORKLOADS)
    parser.add_argument("--json")
    options = parser.parse_args()
    if not os.path.exists(f"{SBIN}/postconf"):
        sys.exit("needs Debian's package postfix to compare with")
    print(f"{'':32}{'ours ms':>10}{'cpu':>8}{'Debian ms':>12}{'cpu':>8}"
          f"{'ratio':>9}{'floor':>8}")
    results = []
    for name, workload in WORKLOADS.items():
        if options.only and name not in options.only:
            continue
        directory = tempfile.mkdtemp(prefix="bench-tables-")
        try:
            for case in workload(options.build, directory):
                results.append(measure(case, options.rounds))
                say(results[-1])
        finally:
            shutil.rmtree(directory)
    if options.json:
        with open(options.json, "w", encoding="ascii") as f:
            json.dump(results, f, indent=1)
    sys.exit(any(r["ratio"] < r["floor"] for r in results))


if __name__ == "__main__":
    main()
