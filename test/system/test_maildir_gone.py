# SPDX-License-Identifier: ISC
"""Maildirs that come and go between two messages, which who knew the old one
must notice; and the disk that is full."""

import os
import shutil

import pytest

from lib.mailboxes import COMMON, body, messages

pytestmark = [pytest.mark.root, pytest.mark.users]


def numbers(box):
    found = []
    new = os.path.join(box, "new")
    for name in os.listdir(new) if os.path.isdir(new) else ():
        with open(os.path.join(new, name), "rb") as f:
            found += messages(b"From x  \n" + f.read() + b"\n")
    return sorted(found)


def remove_maildir(box):
    shutil.rmtree(box)


def move_maildir(box):
    os.rename(box, box + ".old")


def remove_new(box):
    shutil.rmtree(os.path.join(box, "new"))


def remove_tmp(box):
    shutil.rmtree(os.path.join(box, "tmp"))


def move_home(box):
    home = os.path.dirname(box)
    st = os.stat(home)
    os.rename(home, home + ".old")
    os.mkdir(home)
    os.chown(home, st.st_uid, st.st_gid)


def link_home(box):
    home = os.path.dirname(box)
    os.rename(home, home + ".real")
    os.symlink(home + ".real", home)


def link_maildir(box):
    other = os.path.dirname(os.path.dirname(box)) + ".elsewhere"
    shutil.move(box, other)
    st = os.stat(other)
    os.symlink(other, box)
    os.lchown(box, st.st_uid, st.st_gid)


CHANGES = [remove_maildir, move_maildir, remove_new, remove_tmp, move_home,
           link_home, link_maildir]


@pytest.mark.parametrize("table", [False, True])
def test_changes(make_instance, table):
    """Of local(8), and of virtual(8): all users at once, each with a change
    of his own after the first message, and again after the second."""
    users = [change.__name__.replace("_", "-") for change in CHANGES]
    mail = make_instance(*COMMON, "home_mailbox = Maildir/", users=users)
    homes = {user: mail.make_home(user) for user in users}
    if table:
        mail.configure(
            "mydestination =", "virtual_mailbox_domains = mail.example.test",
            f"virtual_mailbox_base = {os.path.dirname(homes[users[0]])}",
            "virtual_mailbox_maps = inline:{" + ", ".join(
                f"{user}@mail.example.test={user}/Maildir/"
                for user in users) + "}",
            *(f"virtual_{what}_maps = inline:{{" + ", ".join(
                f"{user}@mail.example.test={uid}"
                for user, uid in mail.uids.items()) + "}"
              for what in ("uid", "gid")))
    mail.start()

    def deliver(number):
        mail.send("", [f"{user}@mail.example.test" for user in users],
                  body(number))
        mail.wait_for(lambda: len(mail.log_lines("to=<.*status=sent"))
                      == number * len(users))
        for user in users:
            box = os.path.join(homes[user], "Maildir")
            assert number in numbers(box), user
            assert not os.listdir(os.path.join(box, "tmp")), user
    deliver(1)
    # More than once: the first may go another way than the next.
    deliver(2)
    for change, user in zip(CHANGES, users):
        change(os.path.join(homes[user], "Maildir"))
    deliver(3)
    deliver(4)
    assert not mail.log_lines("warning: process")


@pytest.mark.parametrize("setting", [
    "home_mailbox = Maildir/", "mail_spool_directory = SPOOL/"])
def test_full_disk(make_instance, setting):
    """Deferred; nothing half is left, and none is lost."""
    mail = make_instance(*COMMON, "minimal_backoff_time = 1s",
                         "queue_run_delay = 1s", "maximal_backoff_time = 1s",
                         users=["ana"], spool_size="80k")
    spool = os.path.dirname(mail.mailbox_path("ana"))
    box = os.path.join(spool, "ana")
    mail.configure(setting.replace("SPOOL", spool))
    if "home" in setting:
        home = mail.make_home("ana")
        os.symlink(box, os.path.join(home, "Maildir"))
    mail.start()
    inside = mail.inside(box)
    os.makedirs(inside)
    os.chown(inside, mail.uids["ana"], mail.uids["ana"])
    for i in range(40):
        mail.send("", ["ana"], body(i))
    mail.wait_for(lambda: mail.log_lines(
        r"to=<ana@.* dsn=4\.3\.0, status=deferred \(maildir delivery failed: "
        r".*No space left on device\)"))
    arrived = []

    def take():
        new = os.path.join(inside, "new")
        for name in os.listdir(new):
            with open(os.path.join(new, name), "rb") as f:
                arrived.extend(messages(b"From x  \n" + f.read() + b"\n"))
            os.unlink(os.path.join(new, name))
        mail.postqueue("-f")
        return set(arrived) == set(range(40))
    mail.wait_for(take, 60)
    mail.wait_empty()
    assert sorted(arrived) == list(range(40))
    assert not os.listdir(os.path.join(inside, "tmp"))
