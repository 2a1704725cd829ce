# SPDX-License-Identifier: ISC
"""A home for mail(1) and its peers: a mailbox, a sendmail that only notes
what it gets, and a terminal to sit at."""

import email
import email.policy
import email.utils
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from lib import instance

MAILX = os.path.join(instance.PROGRAMS, "mailx")
LIMIT = int(os.environ.get("MAIL_LIMIT", "60"))  # seconds: only a hang takes so long

SENDMAIL = """#!/bin/sh
n=$(ls "{sent}" | grep -c args)
for word; do printf '%s\\0' "$word"; done >"{sent}/$n.args"
cat >"{sent}/$n.mail"
exit {code}
"""


def message(n, subject=None, sender=None, body=None, status="", **fields):
    """One of an mbox."""
    head = "".join(f"{name.replace('_', '-')}: {value}\n"
                   for name, value in fields.items())
    return (f"From ana@x.example Wed Feb 19 05:10:{n % 60:02} 2020\n"
            f"From: {sender or 'Ana Moreno <ana@x.example>'}\n"
            "To: pue@y.example\n"
            f"Date: Wed, 19 Feb 2020 05:10:{n % 60:02} -0500\n"
            f"Subject: {subject or f'test {n}'}\n{head}"
            f"{f'Status: {status}' + chr(10) if status else ''}"
            f"\n{body or f'body {n}'}\n\n")


def plain(content):
    """A mail without what changes from call to call."""
    content = re.sub(rb"(?m)^Date: .*", b"Date: D", content)
    content = re.sub(rb"(?m)^(Message-ID: <)[^%@\n]*", rb"\1ID", content)
    content = re.sub(rb"(?m)^(User-Agent: ).*", rb"\1U", content)
    return re.sub(rb"=_[0-9a-f]+\.[0-9A-Za-z_-]{48}", b"BOUNDARY", content)


class Sent:
    """One call of sendmail."""

    def __init__(self, args, content):
        self.args = args
        self.content = content
        self.mail = email.message_from_bytes(
            content, policy=email.policy.default)

    def addresses(self, *names):
        values = [str(v) for n in names for v in self.mail.get_all(n, [])]
        return sorted(a for _, a in email.utils.getaddresses(values) if a)

    def recipients(self):
        """Of the envelope, as sendmail would understand it."""
        words = []
        rest = list(self.args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                words += rest
                break
            if word in ("-f", "-r", "-F", "-h"):
                rest = rest[1:]
            elif not word.startswith("-"):
                words.append(word)
        if "-t" in self.args:
            words += self.addresses("To", "Cc", "Bcc")
        return sorted(words)

    def sender(self):
        for option in ("-f", "-r"):
            if option in self.args:
                return self.args[self.args.index(option) + 1]
        return None

    def text(self):
        part = self.mail.get_body(("plain",)) or self.mail
        return part.get_content()

    def files(self):
        return [(p.get_filename(), p.get_payload(decode=True))
                for p in self.mail.walk()
                if p.get_content_disposition() == "attachment"]


class Home:
    """Programs run here with nothing of ours around them."""

    def __init__(self, path, rc="", exit_code=0, box="box"):
        self.path = path
        path.mkdir(exist_ok=True)
        self.sent = path / "sent"
        self.sent.mkdir(exist_ok=True)
        self.box = path / box
        self.mbox = path / "mbox"
        self.dead = path / "dead.letter"
        self.sendmail = path / "sendmail"
        self.sendmail.write_text(
            SENDMAIL.format(sent=self.sent, code=exit_code))
        self.sendmail.chmod(0o755)
        self.rc = path / "rc"
        self.rc.write_text(rc)
        self.env = {
            "HOME": str(path), "PATH": os.environ["PATH"], "USER": "pue",
            "LOGNAME": "pue", "SHELL": "/bin/sh", "MAIL": str(self.box),
            "MAILRC": str(self.rc), "DEAD": str(self.dead),
            "MBOX": str(self.mbox), "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "TERM": "xterm", "NO_COLOR": "1", "sendmail": str(self.sendmail),
            # libedit keeps the names of its functions for ever.
            "ASAN_OPTIONS": "detect_leaks=0",
        }

    def fill(self, *messages):
        self.box.write_text("".join(messages))
        return self

    def start(self, *args, program=MAILX, env=None, **options):
        """The program, with pipes."""
        return subprocess.Popen(
            [program, *args], cwd=self.path, env=dict(self.env, **(env or {})),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **options)

    def run_bytes(self, *args, stdin=b"", **options):
        """(exit code, standard output, standard error)"""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        with self.start(*args, **options) as process:
            try:
                out, err = process.communicate(stdin, timeout=LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, out, err

    def run(self, *args, stdin=b"", program=MAILX, **env):
        """The same as text."""
        code, out, err = self.run_bytes(*args, stdin=stdin, program=program,
                                        env=env)
        return (code, out.decode(errors="replace"),
                err.decode(errors="replace"))

    def mails(self):
        """What sendmail got, in order."""
        return [Sent(
            (self.sent / f"{i}.args").read_bytes().decode().split("\0")[:-1],
            (self.sent / f"{i}.mail").read_bytes())
            for i in range(len(list(self.sent.glob("*.args"))))]

    def subjects(self, path=None):
        """Of the messages in an mbox."""
        path = path or self.box
        if not path.exists():
            return []
        return re.findall(r"^Subject: (.*)$", path.read_text(), re.M)

    def terminal(self, *args, **options):
        return Terminal(self, args, **options)


class Terminal:
    """A program on a terminal: type() and expect(), in turns."""

    def __init__(self, home, args, program=MAILX, rows=24, columns=80, **env):
        self.output = b""
        self.seen = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(home.path)
                os.execve(program, [program, *args], dict(home.env, **env))
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _read(self):
        """False at the end."""
        if not select.select([self.fd], [], [], 1)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def text(self):
        """All of it, without what moves the cursor."""
        plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.output)
        return plain.decode(errors="replace").replace("\r", "")

    def expect(self, wanted):
        """Wait until this text comes, behind what was expected before."""
        wanted = wanted.encode()
        end = time.monotonic() + LIMIT
        while True:
            at = self.output.find(wanted, self.seen)
            if at >= 0:
                self.seen = at + len(wanted)
                return self
            more = self._read()
            assert time.monotonic() < end and (
                more or wanted in self.output[self.seen:]), \
                f"no {wanted!r} in {self.output[self.seen:]!r}"

    def listens(self):
        """Wait until the line editor has the terminal: before, it keeps 4095
        bytes of a line at most."""
        end = time.monotonic() + LIMIT
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            assert time.monotonic() < end, "nobody edits lines"
            time.sleep(0.01)
        return self

    def type(self, keys):
        data = keys.encode()
        while data:
            n = os.write(self.fd, data[:1000])
            data = data[n:]
        return self

    def say(self, line, answer):
        """Type a line, wait for this."""
        return self.type(line + "\n").expect(answer)

    def kill(self, signo):
        os.kill(self.pid, signo)
        return self

    def end(self):
        """Wait for the end: the exit code."""
        end = time.monotonic() + LIMIT
        while self._read():
            assert time.monotonic() < end, f"no end: {self.output!r}"
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)
