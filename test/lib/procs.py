# SPDX-License-Identifier: ISC
"""Who runs below whom, as /proc says."""

import os
import signal
import time


class Process:
    def __init__(self, pid, ppid, name, state, start):
        self.pid = pid
        self.ppid = ppid
        self.name = name
        self.state = state
        self.start = start  # tells a reused pid from the old one

    def __repr__(self):
        return f"{self.name}[{self.pid}]"

    def key(self):
        return self.pid, self.start


def read(pid):
    """The process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as f:
            text = f.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    rest = text[text.rindex(")") + 2:].split()
    return Process(int(pid), int(rest[1]), name, rest[0], int(rest[19]))


def everybody():
    found = (read(pid) for pid in os.listdir("/proc") if pid.isdigit())
    return [p for p in found if p]


def below(pid):
    """All living descendants, zombies excluded."""
    children = {}
    for p in everybody():
        children.setdefault(p.ppid, []).append(p)
    result, todo = [], [pid]
    while todo:
        for p in children.get(todo.pop(), []):
            todo.append(p.pid)
            if p.state not in "ZX":
                result.append(p)
    return result


def is_alive(process):
    now = read(process.pid)
    return (now is not None and now.start == process.start
            and now.state not in "ZX")


def kill(process, signo=signal.SIGKILL):
    if is_alive(process):
        try:
            os.kill(process.pid, signo)
        except ProcessLookupError:
            pass


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def reap_orphans():
    """Collect zombies that became our children (we may be a subreaper)."""
    for p in everybody():
        if p.ppid == os.getpid() and p.state == "Z":
            try:
                os.waitpid(p.pid, os.WNOHANG)
            except ChildProcessError:
                pass


def reap_dying(pid, patience=5):
    """Who has no memory any more is dead, but not gone: the first of a
    namespace is so until all others of it have been collected."""
    end = time.monotonic() + patience
    while time.monotonic() < end and any(
            not command_line(p.pid) for p in below(pid)):
        reap_orphans()
        time.sleep(0.05)


def kill_below(pid, patience=10):
    """Kill all descendants; returns what there was, as text."""
    left = []
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = below(pid)
        if not found:
            break
        for p in found:
            text = f"{p} {command_line(p.pid)}"
            if text not in left:
                left.append(text)
            kill(p)
        time.sleep(0.05)
    reap_orphans()
    return left
