# SPDX-License-Identifier: ISC
"""mail(1) on mailboxes of a few messages, with commands on standard input.

A mailbox is told as "1:RO 2: 3:O 4:RO/FA": number, Status, X-Status of each
message, in this order. MESSAGES has what is in them.
"""

import os

from lib import mail_home

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


class Reader(mail_home.Home):
    """A user with a home and a mailbox."""

    def __init__(self, path, inbox=START):
        super().__init__(path, box="inbox")
        self.own = {"rc", "sendmail"}
        self.env.update(TZ="CET-1", LINES="24", COLUMNS="80")
        if inbox is not None:
            self.put("inbox", mbox(inbox))

    def put(self, name, content):
        (self.path / name).write_bytes(content)

    def get(self, name):
        return (self.path / name).read_bytes()

    def files(self):
        """All files but those of the test, by name."""
        found = {}
        for top, _, names in os.walk(self.path):
            for name in names:
                path = os.path.join(top, name)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, self.path)] = f.read()
        return {k: v for k, v in found.items() if k not in self.own}

    def start(self, *args, rc="", **options):
        """mail without the files of this machine."""
        self.rc.write_text(rc)
        return super().start("-n", "-S", "sendmail=/bin/false", *args,
                             **options)

    def run(self, commands, *args, **options):
        """Exit status, standard output, errors; HOME stands for the home."""
        code, out, err = self.run_bytes(*args, stdin=commands, **options)
        return code, self.told(out), self.told(err)

    def told(self, text):
        return text.decode(errors="replace").replace(str(self.path), "HOME")
