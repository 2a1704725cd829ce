# SPDX-License-Identifier: ISC
"""The same call of sendmail with Debian's program and with ours.

Each side has a configuration and a queue of its own in which nothing runs.
Compared are exit status, what is printed, and the files left in maildrop/,
byte for byte, but for the time of arrival.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile
import time

from lib import instance

DEBIAN = "/usr/sbin"
OURS = os.path.dirname(instance.program("sendmail"))
NOSLEEP = os.path.join(instance.BUILD, "test", "nosleep.so")
TIME = re.compile(rb"^T.(\d+ \d+)", re.S)
OLD = time.time() - 3600
THREADS = 4


def why_not():
    """What is missing, or None."""
    for name in ("sendmail", "postdrop"):
        if not os.path.exists(os.path.join(DEBIAN, name)):
            return "needs Debian's postfix"
    if os.geteuid() != 0:
        return "needs root: postdrop of Debian trusts nobody else"
    return None


class Call:
    """Words behind "sendmail", standard input, lines of main.cf."""

    def __init__(self, *words, text=b"Subject: x\n\nhello\n", main_cf="",
                 environment=None, name="sendmail", conf=True):
        self.words = words
        self.text = text.encode() if isinstance(text, str) else text
        self.main_cf = main_cf
        self.environment = environment or {}
        self.name = name
        self.conf = conf

    def __repr__(self):
        text = self.text if len(self.text) < 200 else self.text[:200] + b"..."
        return f"{self.name} {list(self.words)} <<< {text!r} {self.main_cf!r}"


class Side:
    def __init__(self, home, programs):
        self.home = home
        self.programs = programs
        self.etc = os.path.join(home, "etc")
        self.maildrop = os.path.join(home, "q", "maildrop")
        for name in ("etc", "q/maildrop", "q/public", "q/pid", "data"):
            os.makedirs(os.path.join(home, name))
        shutil.chown(self.maildrop, "postfix", "postdrop")
        os.chmod(self.maildrop, 0o1730)
        with open(os.path.join(self.etc, "master.cf"), "w") as f:
            f.write("pickup unix n - y 60 1 pickup\n")

    def write_main_cf(self, lines):
        path = os.path.join(self.etc, "main.cf")
        with open(path, "w") as f:
            f.write("compatibility_level = 3.6\n"
                    "myhostname = mail.example.com\n"
                    + ("" if "queue_directory" in lines else
                       f"queue_directory = {self.home}/q\n") +
                    f"data_directory = {self.home}/data\n"
                    "maillog_file = /dev/null\n"
                    "maillog_file_prefixes = /dev\n"
                    f"command_directory = {self.programs}\n"
                    + lines.replace("HOME", self.home))
        # Postfix waits for a file that has just been changed.
        os.utime(path, (OLD, OLD))

    def files(self):
        """The content of maildrop/, with its time taken out."""
        found = []
        for name in os.listdir(self.maildrop):
            path = os.path.join(self.maildrop, name)
            with open(path, "rb") as f:
                text = f.read()
            assert TIME.match(text), text[:40]
            mode = oct(os.stat(path).st_mode)
            found.append((mode, TIME.sub(b"T<time>", text, count=1)))
            os.unlink(path)
        return sorted(found)

    def run(self, call):
        self.write_main_cf(call.main_cf)
        words = [w.replace("HOME", self.home) if isinstance(w, str) else
                 w.replace(b"HOME", self.home.encode()) for w in call.words]
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith("MAIL_") and k != "NAME"}
        environment.update(call.environment)
        if self.programs == DEBIAN:
            environment["LD_PRELOAD"] = NOSLEEP
        options = ["-C", self.etc] if call.conf else []
        done = subprocess.run(
            [call.name, *options, *words],
            executable=os.path.join(self.programs, "sendmail"),
            input=call.text, capture_output=True, env=environment,
            timeout=60, check=False)
        error = done.stderr.replace(self.home.encode(), b"HOME")
        error = error.replace(self.programs.encode(), b"COMMANDS")
        return done.returncode, done.stdout, error, self.files()


def compare_all(calls, known=None):
    # In memory: each message is flushed to the disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as home:
        os.chmod(home, 0o755)
        _compare_all(calls, home, known)


def _compare_all(calls, directory, known):
    def some(part):
        home = os.path.join(directory, str(part))
        theirs = Side(os.path.join(home, "debian"), DEBIAN)
        ours = Side(os.path.join(home, "ours"), OURS)
        differences = []
        for call in calls[part::THREADS]:
            want = theirs.run(call)
            got = ours.run(call)
            if known:
                want = known(call, want)
            if want != got:
                differences.append(
                    f"{call}\n   debian {want}\n   ours   {got}")
        return differences

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        found = [text for texts in pool.map(some, range(THREADS))
                 for text in texts]
    assert not found, "\n".join(found[:30]) + f"\n({len(found)} differences)"
