# SPDX-License-Identifier: ISC
"""mail(1) on mailboxes of a few messages, with commands on standard input.

A mailbox is told as "1:RO 2: 3:O 4:RO/FA": number, Status, X-Status of each
message, in this order. MESSAGES has what is in them.
"""

import os
import subprocess

from lib import instance

MAIL = instance.program("mailx")

MESSAGES = {
    "1": ("ana@x.org", "apple", "", "body\n"),
    "2": ("bob@y.org", "banana", "In-Reply-To: <m1@x>\n", "body\n"),
    "3": ("ana@x.org", "Re: apple", "References: <m1@x>\n", "body\n"),
    "4": ("cyd@z.org", "cherry", "", "body\n"),
    "5": ("dan@x.org", "date", "", "hello\n>From here\nend\n"),
    "6": ("eve@x.org", "elder", "", "late\n"),
}
START = "1:RO 2: 3:O 4:RO/FA 5:"


def message(number, status="", x_status=""):
    """As it stands in an mbox."""
    sender, subject, extra, body = MESSAGES[number]
    day = f"17:2{number}:36"
    status = f"Status: {status}\n" if status else ""
    x_status = f"X-Status: {x_status}\n" if x_status else ""
    return (f"From {sender} Tue Nov  9 {day} 2021\n"
            f"Return-Path: <{sender}>\nFrom: {sender}\nTo: pue@localhost\n"
            f"Subject: {subject}\nMessage-Id: <m{number}@x>\n"
            f"Date: Tue, 09 Nov 2021 {day} +0100\n"
            f"{extra}{status}{x_status}\n{body}\n").encode()


def mbox(told):
    """The bytes of the mailbox that is told so."""
    text = b""
    for word in told.split():
        number, _, flags = word.partition(":")
        text += message(number, *flags.split("/"))
    return text


class Reader:
    """A user with a home and a mailbox."""

    def __init__(self, home, inbox=START):
        self.home = str(home)
        self.inbox = os.path.join(self.home, "inbox")
        os.makedirs(self.home, exist_ok=True)
        if inbox is not None:
            self.put("inbox", mbox(inbox))

    def path(self, name):
        return os.path.join(self.home, name)

    def put(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content)

    def get(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def files(self):
        """All files but those of the test, by name."""
        found = {}
        for top, _, names in os.walk(self.home):
            for name in names:
                path = os.path.join(top, name)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, self.home)] = f.read()
        found.pop("rc", None)
        return found

    def start(self, *args, rc="", env=None, **kwargs):
        """mail without the files of this machine, with pipes."""
        self.put("rc", rc.encode())
        all_env = {"HOME": self.home, "MAIL": self.inbox, "USER": "pue",
                   "LOGNAME": "pue", "MAILRC": self.path("rc"),
                   "PATH": "/usr/bin:/bin", "TZ": "CET-1", "LC_ALL": "C.UTF-8",
                   "LINES": "24", "COLUMNS": "80"}
        all_env.update(env or {})
        return subprocess.Popen(
            [MAIL, "-n", "-S", "sendmail=/bin/false", *args], env=all_env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.home, **kwargs)

    def run(self, commands, *args, rc="", env=None, **kwargs):
        """Exit status, standard output, errors; HOME stands for the home."""
        process = self.start(*args, rc=rc, env=env, **kwargs)
        out, err = process.communicate(commands.encode(), timeout=60)
        return (process.returncode, self.told(out), self.told(err))

    def told(self, text):
        return text.decode(errors="replace").replace(self.home, "HOME")
