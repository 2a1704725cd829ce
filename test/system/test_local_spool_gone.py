# SPDX-License-Identifier: ISC
"""mail_spool_directory may not be there, or come and go."""

import os

import pytest

from lib import twins
from lib.mailboxes import COMMON, body, messages

pytestmark = [pytest.mark.root, pytest.mark.users]

USERS = [f"u{i}" for i in range(1, 6)]


def group(*settings):
    g = twins.Group(settings, USERS)
    g.sender = "origin@elsewhere.example"
    return g


@pytest.mark.peer
@pytest.mark.parametrize("spool, locks", [
    ("HERE/mail/none", "dotlock, fcntl"), ("HERE/mail/u2", "dotlock"),
    ("HERE/mail/none", "flock")])
def test_no_directory(spool, locks):
    """It bounces; but who has his mail sent on needs none."""
    g = group(f"mail_spool_directory = {spool}",
              f"mailbox_delivery_lock = {locks}")
    g.script("echo old > mail/u2")
    g.file("~u2/.forward", "someone@elsewhere.example\n")
    g.case("none", "u1")
    g.case("forward", "u2")
    g.compare()


@pytest.mark.peer
@pytest.mark.parametrize("setting", [
    "mailbox_command = cat > HERE/out/$USER", "home_mailbox = mbox"])
def test_not_needed(setting):
    g = group("mail_spool_directory = HERE/mail/none", setting)
    g.file("~u2/.forward", "someone@elsewhere.example\n")
    g.case("own", "u1")
    g.case("forward", "u2")
    g.compare()


@pytest.mark.peer
def test_maildirs_in_the_spool():
    g = group("mail_spool_directory = HERE/mail/")
    g.script("mkdir mail/u2 mail/u3; chown 62001:62001 mail/u2; : > mail/u4")
    for user in USERS[:5]:
        g.case(user, user)
    g.compare()


def test_another_directory(make_instance):
    """The next message is where the next reader looks, whatever happened to
    the directory in the meantime."""
    mail = make_instance(*COMMON, users=["ana"])
    spool = os.path.dirname(mail.mailbox_path("ana"))
    mail.start()

    def expect(number):
        mail.send("", ["ana"], body(number))
        mail.wait_for(lambda: mail.mailbox("ana"))
        assert messages(mail.mailbox("ana")) == [number]
    expect(1)
    os.rename(spool, spool + ".old")
    os.mkdir(spool)
    os.chmod(spool, 0o1777)
    expect(2)
    os.rename(spool, spool + ".older")
    mail.send("", ["ana"], body(3))
    mail.wait_for(lambda: mail.log_lines(
        r"to=<ana@.* dsn=5\.2\.0, status=bounced \(cannot update mailbox "
        r"\S+/ana for user ana\. unable to create lock file \S+/ana\.lock: "
        r"No such file or directory\)"))
    os.mkdir(spool)
    os.chmod(spool, 0o1777)
    expect(4)
    with open(spool + ".old/ana", "rb") as f:
        assert messages(f.read()) == [1]
