# SPDX-License-Identifier: ISC
"""biff = yes: who waits for new mail is told whose, and where it begins."""

import os
import socket

import pytest

from lib.mailboxes import COMMON, body

pytestmark = [pytest.mark.root, pytest.mark.users]


@pytest.fixture
def comsat():
    try:
        port = socket.getservbyname("biff", "udp")
    except OSError:
        pytest.skip("/etc/services does not know biff")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError as error:
            pytest.skip(f"port {port}: {error.strerror}")
        s.settimeout(30)
        yield s


def told(comsat, user):
    """Other tests may have mail at the same time."""
    while True:
        data = comsat.recv(4096)
        if data.startswith(user.encode() + b"@"):
            return data


@pytest.mark.parametrize("setting", ["home_mailbox =", "home_mailbox = mbox"])
def test_biff(make_instance, comsat, setting):
    user = "biff-test"
    mail = make_instance(*COMMON, "biff = yes", setting, users=[user])
    box = mail.mailbox_path(user)
    home = mail.make_home(user)
    if "mbox" in setting:
        box = os.path.join(home, "mbox")
    mail.start()
    for number in range(3):
        before = os.path.getsize(box) if number else 0
        mail.send("", [user], body(number))
        assert told(comsat, user) == b"%s@%d\0" % (user.encode(), before)
    # Nobody hears of what is no mailbox of the system's.
    mail.configure("home_mailbox = Maildir/")
    mail.postfix("reload")
    mail.send("", [user], body(4))
    mail.wait_for(lambda: mail.log_lines("delivered to maildir"))
    comsat.settimeout(0.5)
    with pytest.raises(TimeoutError):
        told(comsat, user)
