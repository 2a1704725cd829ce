# SPDX-License-Identifier: ISC
"""Users, mailboxes, lists and commands: the workloads of the local side.

As root the benchmark has users of its own, user0 to user9999: in a mount
namespace where /etc/passwd is another file. The first hundred stand at its
top, so that looking one of them up costs the systems next to nothing.
"""

import ctypes
import os
import subprocess
import time

import measure

USERS = 10000
FIRST_UID = 70000
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 0x40000, 0x1000
LIST_TIMEOUT = 600
TEST_DOMAIN = "localhost"


def make_users(directory):
    """From now on this process and its children have more users; their homes
    are below the directory. False: not without root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
        return False
    homes = os.path.join(directory, "homes")
    os.makedirs(homes)
    os.chmod(homes, 0o755)
    passwd = os.path.join(directory, "passwd")
    with open("/etc/passwd", encoding="utf-8") as f:
        there = f.read()
    lines = [f"user{i}:x:{FIRST_UID + i}:65534::{homes}/user{i}:/bin/sh\n"
             for i in range(USERS)]
    with open(passwd, "w", encoding="utf-8") as f:
        f.write("".join(lines[:100]) + there + "".join(lines[100:]))
    os.chmod(passwd, 0o644)
    for i in range(100):
        os.mkdir(f"{homes}/user{i}", 0o700)
        os.chown(f"{homes}/user{i}", FIRST_UID + i, 65534)
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "mount --make-rprivate /")
    if libc.mount(passwd.encode(), b"/etc/passwd", None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), "mount --bind /etc/passwd")
    return True


def count_ids(path):
    with open(path, "rb") as f:
        return sum(line.startswith(b"X-Bench-Id:") for line in f)


class Mailboxes:
    """Messages in, and to users in turn: into mailbox files."""

    needs_log = True
    for_postfix = {}
    users = 1

    def __init__(self, bench):
        if not bench.homes:
            raise RuntimeError("needs users of its own, and so root")
        self.homes = bench.homes
        self.settings = {"mailbox_size_limit": "0"}
        if self.users == 1:
            # Two deliveries to one mailbox only wait for each other's lock.
            self.for_postfix = {"local_destination_concurrency_limit": "1"}
        self.recipient = f"user0@{TEST_DOMAIN}"
        self.options = ("-N", self.users)

    def names(self):
        return [f"user{i}" for i in range(self.users)]

    def prepare(self, system):
        for name in self.names():
            try:
                os.unlink(system.mailbox(name))
            except FileNotFoundError:
                pass

    def delivered(self, counts):
        return counts[1]  # status=sent

    def last(self):
        return time.monotonic()

    def verify(self, system, messages):
        return sum(count_ids(system.mailbox(name)) for name in self.names()
                   if os.path.exists(system.mailbox(name))) - messages


class Mailboxes100(Mailboxes):
    users = 100


class Maildirs(Mailboxes):
    """The same, into Maildirs in the users' homes."""

    def __init__(self, bench):
        super().__init__(bench)
        self.settings["home_mailbox"] = "Maildir/"
        self.for_postfix = {}

    def maildir(self, name):
        return os.path.join(self.homes, name, "Maildir")

    def prepare(self, _system):
        """Empty, but there: to make one is another thing than to use it."""
        for name in self.names():
            for part in ("tmp", "new"):
                path = os.path.join(self.maildir(name), part)
                for file in os.listdir(path) if os.path.exists(path) else ():
                    os.unlink(os.path.join(path, file))

    def verify(self, _system, messages):
        return sum(len(os.listdir(os.path.join(self.maildir(name), "new")))
                   for name in self.names()
                   if os.path.exists(self.maildir(name))) - messages


class Maildirs100(Maildirs):
    users = 100


class List:
    """One message to an alias that stands for 10,000 users."""

    name = "list-10000"

    def run(self, bench):
        if not bench.homes:
            raise RuntimeError("needs users of its own, and so root")
        aliases = os.path.join(bench.disk.path, "aliases")
        with open(aliases, "w", encoding="utf-8") as f:
            f.write("everybody: " + ", ".join(
                f"user{i}" for i in range(USERS)) + "\n")
        os.chmod(aliases, 0o644)
        subprocess.run(["/usr/sbin/postalias", f"hash:{aliases}"], check=True,
                       stdin=subprocess.DEVNULL)
        settings = {"alias_maps": f"hash:{aliases}",
                    "alias_database": f"hash:{aliases}",
                    "local_recipient_maps": "", "mailbox_size_limit": "0",
                    "duplicate_filter_limit": "0"}
        results = {}
        rounds = {}
        for make in bench.systems:
            with make(bench.disk.path, settings) as system:
                rounds[make.name] = [
                    self.once(bench, system)
                    for _ in range(1 if bench.options.quick else 2)]
        for name, figures in rounds.items():
            results[name] = bench.medians(figures)
            for i, figure in enumerate(figures):
                bench.say_round(self.name, i, name, figure)
        return results

    def once(self, bench, system):
        os.sync()
        measure.wait_until_quiet(bench.options.patience)
        log = system.log("status=sent", ": removed\n", "status=deferred",
                         "status=bounced")
        cpu, begun = system.cpu(), time.monotonic()
        bench.load(system.port, "-m", 1, "-l", 4096, "-r",
                   f"everybody@{TEST_DOMAIN}")
        while log.counts[1] < 1:
            log.read()
            if log.counts[2] or log.counts[3] or \
                    time.monotonic() > begun + LIST_TIMEOUT:
                raise RuntimeError(
                    f"{log.counts[0]} of {USERS} delivered\n{log.bad()}")
            time.sleep(0.01)
        seconds = time.monotonic() - begun
        if log.counts[0] < USERS:
            raise RuntimeError(f"{log.counts[0]} of {USERS} delivered")
        return {"delivered_per_s": USERS / seconds,
                "cpu_us": (system.cpu() - cpu) * 1e6 / USERS}


class Commands:
    """sendmail -t, so many times, ten at once; the mail is discarded."""

    name = "sendmail-10"
    at_once = 10
    calls = 1000

    def run(self, bench):
        calls = self.calls // 5 if bench.options.quick else self.calls
        path = os.path.join(bench.disk.path, "message")
        with open(path, "w", encoding="utf-8") as f:
            f.write("From: me@localhost\nTo: you@sink.test\n"
                    "Subject: a message\n\n" + "text of a line\n" * 60)
        rounds = {}
        running = []
        try:
            for make in bench.systems:
                system = make(bench.disk.path,
                              {"default_transport": "discard:"})
                running.append(system)
                system.start()
            for i in range(bench.options.rounds):
                for system in running:
                    figures = self.once(bench, system, path, calls)
                    rounds.setdefault(system.name, []).append(figures)
                    bench.say_round(self.name, i, system.name, figures)
        finally:
            for system in running:
                system.destroy()
        return {name: bench.medians(figures)
                for name, figures in rounds.items()}

    def once(self, bench, system, path, calls):
        os.sync()
        measure.wait_until_quiet(bench.options.patience)
        log = system.log("status=sent", "status=deferred", "status=bounced")
        begun = time.monotonic()
        self.call_all(system, path, calls)
        called = time.monotonic()
        while log.read()[0] < calls:
            if log.counts[1] or log.counts[2] or \
                    time.monotonic() > called + 120:
                raise RuntimeError(
                    f"{log.counts[0]} of {calls} delivered\n{log.bad()}")
            time.sleep(0.01)
        return {"calls_per_s": calls / (called - begun),
                "delivered_per_s": calls / (time.monotonic() - begun)}

    def call_all(self, system, path, calls):
        """Ten at a time, without a shell in between."""
        program = system.program("sendmail")
        env = {"MAIL_CONFIG": system.etc, "PATH": os.environ["PATH"]}
        actions = [(os.POSIX_SPAWN_OPEN, 0, path, os.O_RDONLY, 0)]
        running = 0
        while calls or running:
            if calls and running < self.at_once:
                os.posix_spawn(program, ["sendmail", "-t", "-i"], env,
                               file_actions=actions)
                calls -= 1
                running += 1
                continue
            _, status = os.wait()
            running -= 1
            if status:
                raise RuntimeError(f"sendmail: wait status {status}")
