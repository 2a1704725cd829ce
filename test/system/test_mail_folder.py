# SPDX-License-Identifier: ISC
"""Commands of mail(1) upon a mailbox, and what they print and leave.

The dialogues are in mail_folder/*.txt, between empty lines:

	rc LINE		a line of the start-up file
	$ mail ARGS	how it is called, if not without arguments
	& COMMAND	what is typed
	> LINE		what is printed; "HOME" is the home
	! LINE		what is complained of, on the other stream
	exit N		how it ends, if not well
	= FILE TOLD	each file that is left, told as in lib/mail_reader.py

They are what Heirloom mailx 12.5 answered to the same commands with the
defaults of its nail.rc, but for the sizes behind "[New file]" and
"[Appended]": it counts Status lines that it does not write. The first line
that is printed is left out where it is FIRST.
"""

import glob
import os
import re

import pytest

from lib import mail_reader

FIRST = '"HOME/inbox": 5 messages 2 new 3 unread\n'
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mail_folder")


def dialogues():
    for path in sorted(glob.glob(os.path.join(HERE, "*.txt"))):
        with open(path, encoding="utf-8") as f:
            blocks = re.split(r"\n\n+", f.read())
        area = os.path.basename(path)[:-4]
        for block in blocks:
            lines = [x for x in block.splitlines() if not x.startswith("#")]
            if lines:
                name = "; ".join(x[2:] for x in lines if x[0] in "&r")
                yield pytest.param(lines, id=f"{area}: {name}")


def part(lines, sign):
    return [x[len(sign):].removeprefix(" ") for x in lines
            if x == sign.rstrip() or x.startswith(sign + " ")]


def as_text(lines):
    return "".join(line + "\n" for line in lines)


@pytest.mark.parametrize("lines", dialogues())
def test_dialogue(tmp_path, lines):
    reader = mail_reader.Reader(tmp_path / "home")
    rc = ["set bsdcompat quiet noheader"] + part(lines, "rc")
    args = " ".join(part(lines, "$ mail")).split()
    status, out, err = reader.run(
        as_text(part(lines, "&")), *args, rc=as_text(rc))
    assert out.removeprefix(FIRST) == as_text(part(lines, ">"))
    assert err == as_text(part(lines, "!"))
    assert [str(status)] == (part(lines, "exit") or ["0"])
    told = dict((x.partition(" ")[::2]) for x in part(lines, "="))
    want = {name: mail_reader.mbox(text) for name, text in told.items()}
    assert reader.files() == want
