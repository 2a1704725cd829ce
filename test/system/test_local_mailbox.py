# SPDX-License-Identifier: ISC
"""Local delivery to full disks and homes of all kinds, with files that are not
to be trusted, and with processes that are killed: none is lost or half."""

import fcntl
import os
import threading
import time

import pytest

from lib.mailboxes import COMMON, body, messages, own

pytestmark = [pytest.mark.root, pytest.mark.users]

SECRET = b"leaked@mail.example.test\n"


@pytest.mark.parametrize("kind, warning", [
    ("world", r"file \S+/\.forward is world writable"),
    ("foreign", r"file \S+/\.forward has bad owner uid {bob}"),
    ("symlink", r"file \S+/\.forward is not a regular file"),
    ("fifo", r"file \S+/\.forward is not a regular file"),
    ("directory", r"file \S+/\.forward is not a regular file"),
    ("closed", r"cannot open file \S+/\.forward: Permission denied"),
])
def test_forward_that_is_not_trusted(make_instance, kind, warning):
    """As Postfix: a warning, and delivery as if it was not there."""
    mail = make_instance(*COMMON, users=["ana", "bob"])
    path = os.path.join(mail.make_home("ana"), ".forward")
    uid, bob = mail.uids["ana"], mail.uids["bob"]
    {"world": lambda: own(path, uid, 0o666, SECRET),
     "foreign": lambda: own(path, bob, 0o644, SECRET),
     "symlink": lambda: os.symlink(own(path + "2", uid, 0o644, SECRET), path),
     "fifo": lambda: os.mkfifo(path),
     "directory": lambda: os.mkdir(path),
     "closed": lambda: own(path, uid, 0o000, SECRET)}[kind]()
    mail.start()
    mail.send("", ["ana"], body(1))
    mail.wait_for(lambda: mail.mailbox("ana"))
    assert messages(mail.mailbox("ana")) == [1]
    assert mail.log_lines("warning: " + warning.format(bob=bob))
    assert not mail.log_lines("leaked")


def test_full_disk(make_instance):
    """Deferred as by Postfix; never half a message, and none lost."""
    mail = make_instance(*COMMON, "minimal_backoff_time = 1s",
                         "queue_run_delay = 1s", "maximal_backoff_time = 1s",
                         users=["ana"], spool_size="64k")
    mail.start()
    for i in range(60):
        mail.send("", ["ana"], body(i))
    mail.wait_for(lambda: mail.log_lines(
        r"to=<ana@.* dsn=4\.3\.0, status=deferred \(cannot update mailbox "
        r"\S+/ana for user ana\. error writing message: "
        r"No space left on device\)"))
    box = mail.inside(mail.mailbox_path("ana"))
    arrived = []

    def take():
        # Whoever reads his mail locks it first.
        with open(box, "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            arrived.extend(messages(f.read()))
            f.truncate(0)
        mail.postqueue("-f")
        return set(arrived) == set(range(60))
    mail.wait_for(take, 60)
    mail.wait_empty()
    assert len(arrived) == 60


def test_home_directory(make_instance):
    mail = make_instance(*COMMON, "require_home_directory = yes",
                         "home_mailbox = mbox", users=["ana"])
    mail.start()
    mail.send("", ["ana"], body(1))
    mail.wait_for(lambda: mail.log_lines(
        r"dsn=4\.3\.0, status=deferred \(cannot access home directory "
        r"\S+/home/ana: No such file or directory\)"))
    home = mail.make_home("ana")
    mail.postqueue("-f")
    box = os.path.join(home, "mbox")
    mail.wait_for(lambda: os.path.exists(box))
    mail.wait_empty()
    with open(box, "rb") as f:
        assert messages(f.read()) == [1]
    st = os.stat(box)
    assert (st.st_uid, st.st_mode & 0o777) == (mail.uids["ana"], 0o600)


@pytest.mark.parametrize("kind", ["Maildir/", "mbox"])
def test_home_on_another_disk(make_instance, kind):
    """Below a link in the home directory."""
    mail = make_instance(*COMMON, f"home_mailbox = there/{kind}",
                         users=["ana"])
    home = mail.make_home("ana")
    far = os.path.join(mail.directory, "far")
    os.mkdir(far)
    os.chown(far, mail.uids["ana"], mail.uids["ana"])
    os.symlink(far, os.path.join(home, "there"))
    mail.start()
    for i in range(3):
        mail.send("", ["ana"], body(i))
    mail.wait_empty()
    assert len(mail.log_lines(r"to=<ana@.*status=sent")) == 3
    assert os.listdir(far) == [kind.rstrip("/")]


def in_mailbox(path):
    """The numbers of the messages there, all of them whole."""
    names = [path]
    if path.endswith("/"):
        names = [os.path.join(path, "new", name)
                 for name in os.listdir(os.path.join(path, "new"))]
    for name in names:
        with open(name, "rb") as f:
            content = f.read()
        if path.endswith("/"):
            content = b"From x  \n" + content + b"\n"
        yield from messages(content)


@pytest.mark.parametrize("role, home_mailbox", [
    ("deliver-scribe", ""), ("deliver-worker", "mbox"),
    ("deliver-filer", "Maildir/")])
def test_kill(make_instance, role, home_mailbox):
    """Whoever writes the mailbox is killed again and again: none is lost,
    none is half, and what was answered is not there twice."""
    mail = make_instance(*COMMON, f"home_mailbox = {home_mailbox}",
                         "minimal_backoff_time = 1s", "queue_run_delay = 1s",
                         "maximal_backoff_time = 1s", users=["ana"])
    box = mail.mailbox_path("ana")
    home = mail.make_home("ana")
    if home_mailbox:
        box = os.path.join(home, home_mailbox)
    mail.start()
    count, kills = 200, 0
    done = threading.Event()

    def load():
        try:
            for i in range(count):
                mail.send("", ["ana"], body(i))
        finally:
            done.set()
    sender = threading.Thread(target=load)
    sender.start()
    while not done.is_set():
        kills += mail.kill(role)
        mail.remember()
        time.sleep(0.02)
    sender.join()
    mail.wait_empty()
    found = list(in_mailbox(box))
    assert kills > 0
    assert set(found) == set(range(count))
    # Only what was written, but not yet told, may come again.
    sent = len(mail.log_lines(r"to=<ana@.*status=sent"))
    assert sent == count
    assert len(found) - count <= kills * 20
