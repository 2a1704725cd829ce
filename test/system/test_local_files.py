# SPDX-License-Identifier: ISC
"""Files and mailboxes with limits and locks, and the header lines on top of
them, as Postfix's local(8)."""

import pytest

from lib import twins

pytestmark = [pytest.mark.root, pytest.mark.users, pytest.mark.peer]

USERS = [f"u{i}" for i in range(1, 10)]
NAMES = ["new", "open", "directory", "directory/", "none/file", "none2/md/",
         "full", "null", "link", "hard", "executable", "read-only", "fifo",
         "socket", "../out/dots", "elsewhere/file"]
PLANTED = """
cd out
echo o > open; chmod 666 open
mkdir directory
ln -s /dev/full full
ln -s /dev/null null
echo o > target; chmod 666 target; ln -s target link
echo o > twice; chmod 666 twice; ln twice hard
echo o > executable; chmod 777 executable
echo o > read-only; chmod 444 read-only
mkfifo fifo; chmod 666 fifo
mkdir other; chmod 777 other; ln -s other elsewhere
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
chmod 666 socket
"""
# Says so, and holds it.
HOLD = """exec python3 -c '
import fcntl, os, time
f = open("NAME", "ab")
fcntl.HOW(f, fcntl.LOCK_EX)
os.chown("NAME", UID, UID)
print("!", flush=True)
time.sleep(200)'
"""


def group(*settings, aliases=""):
    g = twins.Group(settings, USERS, aliases)
    g.sender = "origin@elsewhere.example"
    return g


def test_destinations():
    g = group("deliver_lock_attempts = 1", aliases="".join(
        f"f{i}: HERE/out/{name}\n" for i, name in enumerate(NAMES)))
    g.script(PLANTED)
    for i in range(len(NAMES)):
        g.case(f"f{i}", f"f{i}")
    g.compare()


@pytest.mark.parametrize("held, locks", [
    ("flock", "flock, dotlock"), ("lockf", "flock,fcntl"),
    ("flock", "fcntl, dotlock")])
def test_held_by_another(held, locks):
    """Deferred if it is one of ours, else none of our business."""
    g = group(f"mailbox_delivery_lock = {locks}", "deliver_lock_delay = 1s",
              "deliver_lock_attempts = 1", aliases="file: HERE/out/file\n")
    for name, uid in (("mail/u1", 62000), ("out/file", 65534)):
        g.script(HOLD.replace("NAME", name).replace("HOW", held)
                 .replace("UID", str(uid)))
    g.case("mailbox", "u1")
    g.case("file", "file")
    g.compare()


def test_size_limit():
    """What fits, fits to the last byte."""
    g = group("message_size_limit = 3000", "mailbox_size_limit = 3000",
              aliases="file: HERE/out/file\nmaildir: HERE/out/maildir/\n")
    # Such a message takes 330 bytes and a few.
    for i, size in enumerate((1, 2500, 2999, 3000, 3001, 2660, 2670, 2680)):
        uid = twins.FIRST_UID + i
        g.script(f"head -c {size} /dev/zero | tr '\\0' x > mail/u{i + 1}\n"
                 f"chown {uid} mail/u{i + 1}")
        g.case(f"u{i + 1}", f"u{i + 1}")
    g.script("head -c 2900 /dev/zero > out/file; chmod 666 out/file")
    g.case("file", "file")
    g.case("maildir", "maildir")
    g.compare()


ALIASES = """\
alias: u1
nested: alias
command: "|cat > HERE/out/command"
file: HERE/out/file
maildir: HERE/out/maildir/
"""


@pytest.mark.parametrize("setting", [
    "frozen_delivered_to = no", "prepend_delivered_header = "])
def test_delivered_to(setting):
    g = group(setting, aliases=ALIASES)
    g.file("~u2/.forward", "\\u2, u3\n")
    g.file("~u4/.forward", "U4\nu4+x\n")
    for name in ("u1", "u2", "u4", "alias", "nested", "command", "file",
                 "maildir"):
        g.case(f"to-{name}", name)
    g.compare()
