# SPDX-License-Identifier: ISC
"""What a tree of processes costs, and the disk to measure it on.

A process here is a number; "the system under test" is a list of them,
master and everything below it.
"""

import ctypes
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")
FLUSHES = ("fsync", "fdatasync", "msync", "sync_file_range", "syncfs", "sync")
CLONE_NEWNS = 0x20000


def cpu_seconds(pids):
    """Of the living (exact), and of their children that have ended."""
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime(~pid << 3 | 2)  # all its threads
            with open(f"/proc/{pid}/stat", encoding="utf-8",
                      errors="replace") as f:
                fields = f.read().rpartition(")")[2].split()
            total += (int(fields[13]) + int(fields[14])) * TICK
        except (OSError, ProcessLookupError):
            pass
    return total


def busy_seconds():
    """CPU time that all processes of the machine, and the kernel, used."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq = map(
            int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) * TICK


def wait_until_quiet(patience):
    """Until less than a quarter of one core is busy."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before, begun = busy_seconds(), time.monotonic()
        time.sleep(0.4)
        if busy_seconds() - before < 0.25 * (time.monotonic() - begun):
            return


def pss(pid):
    """Proportional share of memory, in bytes."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, TypeError):
        return 0


def pss_of(pids):
    """The sum; NaN when one of them may not be looked into."""
    try:
        return sum(pss(pid) for pid in pids)
    except PermissionError:
        return math.nan


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8",
                  errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


# System calls

class Calls:
    """Counts the system calls of processes, and of children they start.

    with Calls(pids) as calls: ...
    calls.total, calls.flushes, calls.switches (None where unknown)
    """

    def __init__(self, pids):
        self.pids = pids
        self.total = self.flushes = self.switches = None
        self.process = None
        self.output = tempfile.NamedTemporaryFile(prefix="calls-", mode="r")
        self.errors = tempfile.TemporaryFile()

    def __enter__(self):
        self.tool = find_tracer()
        pids = ",".join(map(str, self.pids))
        if self.tool == "perf":
            events = ["raw_syscalls:sys_enter", "context-switches"]
            events += [f"syscalls:sys_enter_{name}" for name in FLUSHES]
            command = ["perf", "stat", "-x", ";", "-o", self.output.name,
                       "-e", ",".join(events), "-p", pids]
        elif self.tool == "strace":
            command = ["strace", "-f", "-c", "-o", self.output.name,
                       "-p", pids]
        else:
            return self
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.errors)
        time.sleep(1 + len(self.pids) * 0.01)  # until all are attached
        return self

    def __exit__(self, *_):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.errors.seek(0)
        if b"not permitted" in self.errors.read():
            return  # some of them, so the counts are worth nothing
        text = self.output.read()
        if self.tool == "perf":
            self._read_perf(text)
        else:
            self._read_strace(text)

    def _read_perf(self, text):
        counts = {}
        for line in text.splitlines():
            fields = line.split(";")
            if len(fields) > 2 and fields[0].isdigit():
                counts[fields[2]] = int(fields[0])
        self.total = counts.get("raw_syscalls:sys_enter")
        self.switches = counts.get("context-switches")
        self.flushes = sum(counts.get(f"syscalls:sys_enter_{name}", 0)
                           for name in FLUSHES)

    def _read_strace(self, text):
        counts = {}
        for line in text.splitlines():
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit():
                counts[fields[-1]] = int(fields[3])
        counts.pop("total", None)
        self.total = sum(counts.values())
        self.flushes = sum(counts.get(name, 0) for name in FLUSHES)


def find_tracer():
    """The cheapest way that works here: "perf", "strace" or None."""
    tests = {
        "perf": ["perf", "stat", "-x", ";", "-e", "raw_syscalls:sys_enter",
                 "-e", "syscalls:sys_enter_fdatasync", "true"],
        "strace": ["strace", "-c", "-o", "/dev/null", "true"],
    }
    for name, command in tests.items():
        if not shutil.which(name):
            continue
        result = subprocess.run(command, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True,
                                check=False)
        if result.returncode == 0 and "not" not in result.stderr:
            return name
    return None


# The log

class LogCounter:
    """How often some strings came since we began to look."""

    def __init__(self, path, *needles):
        self.path = path
        self.needles = [needle.encode() for needle in needles]
        self.counts = [0] * len(needles)
        self.offset = os.path.getsize(path) if os.path.exists(path) else 0
        self.rest = b""

    def read(self):
        """The counts, now."""
        try:
            with open(self.path, "rb") as f:
                f.seek(self.offset)
                data = f.read()
        except FileNotFoundError:
            data = b""
        self.offset += len(data)
        data = self.rest + data
        whole = data.rfind(b"\n") + 1
        self.rest = data[whole:]
        for i, needle in enumerate(self.needles):
            self.counts[i] += data.count(needle, 0, whole)
        return self.counts


    def bad(self):
        """The last lines that do not speak of success."""
        with open(self.path, encoding="utf-8", errors="replace") as f:
            lines = [line for line in f
                     if re.search("warning|error|fatal|panic|=deferred"
                                  "|=bounced", line)]
        return "".join(lines[-5:])


# The disk

def _run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout.strip()


class Disk:
    """A journaled ext4 for both systems, or a directory where that fails.

    The image is written in full, so that the file below it never has to
    grow; direct I/O, so that it is not cached twice. The mount is private
    to us and our children, and the loop device is released with it: not
    even a kill leaves more behind than the image, and that is unlinked.
    """

    def __init__(self, directory, megabytes, want_image=True):
        self.work = tempfile.mkdtemp(prefix="disk-", dir=directory)
        os.chmod(self.work, 0o755)
        self.path = os.path.join(self.work, "mnt")
        self.megabytes = megabytes
        self.want_image = want_image
        self.device = None
        self.mounted = False
        self.kind = ""

    def __enter__(self):
        os.mkdir(self.path)
        if not self.want_image:
            self.kind = "a directory, as asked for"
        elif os.geteuid() != 0:
            self.kind = "a directory (not root: no image can be mounted)"
        else:
            try:
                self._mount()
            except (OSError, subprocess.CalledProcessError) as e:
                self.kind = "a directory (no image: " + str(
                    getattr(e, "output", None) or e).strip() + ")"
                self._unmount()
        return self

    def __exit__(self, *_):
        self._unmount()
        shutil.rmtree(self.work, ignore_errors=True)

    def _mount(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) == 0:
            _run("mount", "--make-rprivate", "/")
        image = os.path.join(self.work, "image")
        block = bytes(1 << 20)
        with open(image, "wb", buffering=0) as f:
            for _ in range(self.megabytes):
                f.write(block)
            os.fsync(f.fileno())
        direct = "direct I/O"
        try:
            self.device = _run("losetup", "--find", "--show",
                               "--direct-io=on", image)
        except subprocess.CalledProcessError:
            direct = "without direct I/O"
            self.device = _run("losetup", "--find", "--show", image)
        os.unlink(image)
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,"
             "lazy_journal_init=0,nodiscard", self.device)
        _run("mount", self.device, self.path)
        self.mounted = True
        _run("losetup", "--detach", self.device)  # when it is unmounted
        os.chmod(self.path, 0o755)
        self.kind = f"journaled ext4, {self.megabytes} MiB, loop, {direct}"

    def _unmount(self):
        if self.mounted:
            try:
                _run("umount", self.path)
            except subprocess.CalledProcessError:
                _run("umount", "--lazy", self.path)
            self.mounted = False
        elif self.device:
            subprocess.run(["losetup", "--detach", self.device], check=False)
        self.device = None

    def counters(self):
        """Bytes written and flushes, as the device saw them."""
        if not self.device:
            return None
        name = os.path.basename(self.device)
        with open(f"/sys/block/{name}/stat", encoding="ascii") as f:
            fields = [int(field) for field in f.read().split()]
        return fields[6] * 512, fields[15]
