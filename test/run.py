#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""make test: everything that must hold, in one run.

Stages, in this order; name some of them to run only those:

    checks   layers, sizes, format
    build    gcc (as it ships) and clang (ASan and UBSan), warnings are errors
    unit     unit tests, replay of the fuzz corpora and fault tests, in the
             clang build
    system   real processes on the loopback interface (pytest: test/system,
             and the generator and sink that it uses), with the gcc build

The last line is "N passed, N failed", followed by ", N skipped" if any.
Whatever is still running at the end is a failure, and is killed.
"""

import concurrent.futures
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GCC = os.path.join(ROOT, "build-test", "gcc")
CLANG = os.path.join(ROOT, "build-test", "clang")
PR_SET_CHILD_SUBREAPER = 36
# More failures than this are no accident.
SECOND_CHANCES = 5
# More disturb each other on a small machine.
FILES_AT_ONCE = 2

sys.path.insert(0, os.path.join(ROOT, "test"))
from lib import procs  # noqa: E402


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.reasons = {}

    def ok(self, count=1):
        self.passed += count

    def fail(self, name, output="", count=1):
        self.failed += count
        self.failures.append(name)
        say(f"FAILED {name}")
        if output.strip():
            say(indent(output))

    def skip(self, name, why):
        self.skipped += 1
        self.reasons.setdefault(why, []).append(name)

    def say_skipped(self):
        """One line for each reason."""
        for why, names in self.reasons.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            say(f"skipped {names[0]}{more}: {why}")


def say(text):
    print(text, flush=True)


def indent(text, lines=60):
    tail = text.rstrip().splitlines()[-lines:]
    return "\n".join("    " + line for line in tail)


def run(command, timeout=900, **options):
    """The exit code and everything it printed."""
    options.setdefault("cwd", ROOT)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True, **options)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 1, output + f"\ntook longer than {timeout} seconds\n"
    return process.returncode, output


def check(tally, name, command, **options):
    code, output = run(command, **options)
    if code == 0:
        tally.ok()
    else:
        tally.fail(name, output)
    return code == 0


# checks

def stage_checks(tally):
    check(tally, "layers", ["tools/layers.sh"])
    check(tally, "sizes", ["tools/sizes.sh"])
    if shutil.which("clang-format-14") or shutil.which("clang-format"):
        check(tally, "format", ["make", "-s", "format-check"])
    else:
        tally.skip("format", "no clang-format")
    for script in sorted(os.listdir(os.path.join(ROOT, "tools"))):
        if script.endswith(".sh"):
            check(tally, f"syntax of tools/{script}",
                  ["sh", "-n", f"tools/{script}"])


# build

def build(tally, name, directory, compiler, options):
    # A directory of an older set-up is configured anew.
    stamp = os.path.join(directory, "options")
    wanted = " ".join([compiler] + options)
    try:
        with open(stamp, encoding="utf-8") as f:
            known = f.read() == wanted
    except FileNotFoundError:
        known = False
    if not known:
        shutil.rmtree(directory, ignore_errors=True)
        env = dict(os.environ, CC=compiler)
        if not check(tally, f"configure {name}",
                     ["meson", "setup", "--werror", *options, directory],
                     env=env):
            return
        with open(stamp, "w", encoding="utf-8") as f:
            f.write(wanted)
    check(tally, f"build {name}", ["ninja", "-C", directory])


def stage_build(tally):
    build(tally, "gcc", GCC, "gcc", [])
    if not shutil.which("clang"):
        tally.skip("build clang", "no clang")
        return
    build(tally, "clang", CLANG, "clang", [
        "-Db_sanitize=address,undefined", "-Db_lundef=false",
        "-Dc_args=-fno-sanitize-recover=all -fno-omit-frame-pointer"])


# unit, replay, fault

def count_cases(record):
    """How many cases of a cmocka program passed and failed."""
    text = (record.get("stdout") or "") + (record.get("stderr") or "")
    passed = len(re.findall(r"^\[ +OK \]", text, re.M))
    failed = len(set(re.findall(r"^\[  FAILED  \] (?!\d+ test)(.*)$",
                                text, re.M)))
    return passed, failed, text


def stage_unit(tally):
    directory = CLANG if os.path.exists(
        os.path.join(CLANG, "build.ninja")) else GCC
    log = os.path.join(directory, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    env = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
               ASAN_OPTIONS="detect_stack_use_after_return=1")
    code, output = run(["meson", "test", "-C", directory, "--no-rebuild"],
                       env=env)
    if not os.path.exists(log):
        tally.fail("unit tests", output)
        return
    with open(log, encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    if code == 0 and not records:
        tally.fail("unit tests", "there are none\n" + output)
    for record in records:
        passed, failed, text = count_cases(record)
        result = record["result"]
        if result == "OK":
            tally.ok(max(1, passed))
        elif result == "SKIP":
            tally.skip(record["name"], indent(text, 1).strip())
        else:
            tally.ok(passed)
            tally.fail(f"{record['name']} ({result})", text, max(1, failed))


# system

def pytest(report, what, env, timeout=2400):
    """Run these; the test cases, or None and what was printed."""
    if os.path.exists(report):
        os.remove(report)
    _, output = run(
        ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--tb=short", "--durations=5", f"--junitxml={report}", *what],
        env=env, timeout=timeout)
    if not os.path.exists(report):
        return None, output
    tree = xml.etree.ElementTree.parse(report)
    return list(tree.iter("testcase")), output


def trouble_of(case):
    for child in case:
        if child.tag in ("failure", "error"):
            return child.text or child.get("message", "")
    return None


def node_of(case):
    """How pytest calls it, relative to the project."""
    return (case.get("classname", "").replace(".", "/") + ".py::"
            + case.get("name", ""))


def name_of(case):
    return f"{case.get('classname', '').split('.')[-1]}.{case.get('name')}"


def second_chance(tally, failed, env):
    """A machine that does other things meanwhile can make a test fail that
    waits for something. Alone it must pass; that it needed this is said."""
    report = os.path.join(ROOT, "build-test", "again.xml")
    again, output = pytest(report, [node_of(case) for case in failed], env)
    troubles = {name_of(case): trouble_of(case) for case in again or []}
    for case in failed:
        name = name_of(case)
        if name not in troubles or troubles[name] is not None:
            tally.fail(name, trouble_of(case) if again else output)
            continue
        tally.ok()
        say(f"passed only when run again, alone: {name}")
        say(indent(trouble_of(case)))


def system_files():
    folder = os.path.join("test", "system")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if re.fullmatch(r"test_.*\.py", name)] + [
                os.path.join("test", "bench", "pair_test.py")]


def run_files(files, env):
    """The cases of them all, and what went wrong without becoming a case.
    Most tests wait most of the time: some files run beside each other."""
    def run_file(path):
        name = os.path.basename(path)[:-len(".py")]
        return path, *pytest(
            os.path.join(ROOT, "build-test", f"system-{name}.xml"), [path], env)

    cases, broken, times = [], [], []
    with concurrent.futures.ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        for path, found, output in pool.map(run_file, files):
            if not found:
                broken.append((path, output))
            cases += found or []
            times += re.findall(r"^(\d+\.\d+)s ((?:call|setup|teardown) .*)",
                                output, re.M)
    for seconds, what in sorted(times, key=lambda t: -float(t[0]))[:5]:
        say(f"    {seconds}s {what}")
    return cases, broken


def stage_system(tally):
    if not os.path.exists(os.path.join(GCC, "build.ninja")):
        tally.fail("system tests", "no build in build-test/gcc")
        return
    env = dict(os.environ, CHASQUI_BUILD=GCC)
    cases, broken = run_files(system_files(), env)
    for path, output in broken:
        tally.fail(path, output)
    failed = []
    for case in cases:
        skipped = case.find("skipped")
        if trouble_of(case) is not None:
            failed.append(case)
        elif skipped is not None:
            tally.skip(name_of(case), skipped.get("message", ""))
        else:
            tally.ok()
    if failed and len(failed) <= SECOND_CHANCES:
        second_chance(tally, failed, env)
    else:
        for case in failed:
            tally.fail(name_of(case), trouble_of(case))


STAGES = {
    "checks": stage_checks,
    "build": stage_build,
    "unit": stage_unit,
    "system": stage_system,
}


def main(names):
    unknown = [n for n in names if n not in STAGES]
    if unknown:
        sys.exit(f"run.py: no stage {unknown[0]!r}; there are "
                 + ", ".join(STAGES))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.chdir(ROOT)
    tally = Tally()
    for name in names or STAGES:
        before = time.monotonic()
        say(f"== {name}")
        STAGES[name](tally)
        say(f"   {time.monotonic() - before:.0f} s")
    procs.reap_dying(os.getpid())
    left = procs.kill_below(os.getpid())
    if left:
        tally.fail("processes left behind", "\n".join(left))
    tally.say_skipped()
    for name in tally.failures:
        say(f"FAILED {name}")
    line = f"{tally.passed} passed, {tally.failed} failed"
    say(line + (f", {tally.skipped} skipped" if tally.skipped else ""))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
