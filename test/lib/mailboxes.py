# SPDX-License-Identifier: ISC
"""Numbered messages, and mailboxes in which all of them must be whole."""

import os
import re

COMMON = ["myhostname = mail.example.test", "deliver_lock_delay = 1s",
          "deliver_lock_attempts = 2", "local_recipient_maps =",
          "bounce_size_limit = 100"]


def own(path, uid, mode, content=b""):
    with open(path, "wb") as f:
        f.write(content)
    os.chown(path, uid, uid)
    os.chmod(path, mode)
    return path


def messages(text):
    """The numbers of the messages in a mailbox, which must be whole."""
    parts = re.split(rb"(?m)^(?=From \S*  )", text)
    assert parts[0] == b""
    numbers = []
    for part in parts[1:]:
        head, _, content = part.partition(b"\n\n")
        found = re.search(rb"(?m)^Subject: number (\d+)$", head)
        assert found and content == (b"x" * 500 + b"\n") * 4 + b"end\n\n", part
        numbers.append(int(found.group(1)))
    return numbers


def body(number):
    return f"Subject: number {number}\n\n" + ("x" * 500 + "\n") * 4 + "end\n"


def settled(mail, user):
    """How many recipients have an outcome."""
    return len(mail.log_lines(rf"to=<{user}@.* status=(sent|bounced|defer)"))
