# SPDX-License-Identifier: ISC
"""mail_spool_directory: what may lie in it, and who owns it, as Postfix's
local(8) takes it."""

import pytest

from lib import twins

pytestmark = [pytest.mark.root, pytest.mark.users]

USERS = [f"u{i}" for i in range(1, 20)]
# To be found in place of the mailboxes.
PLANTED = """
own() { chown $1:$1 mail/$2; chmod $3 mail/$2; }
echo old > mail/u2; own 62001 u2 600
echo old > mail/u3; own 62000 u3 666
ln -s HERE/out/nothing mail/u4
echo victim > out/victim; chmod 666 out/victim; ln -s HERE/out/victim out/link
mkdir mail/u5
mkfifo mail/u6
: > out/hard; ln out/hard mail/u7; own 62006 u7 600
echo old > mail/u8; own 62007 u8 444
echo old > mail/u9; own 62008 u9 660
: > mail/u10.lock
: > mail/u11.lock; touch -d '2 hours ago' mail/u11.lock
mkdir mail/u12.lock
ln -s nowhere mail/u13.lock
echo old > mail/u14; own 62013 u14 700
echo old > mail/u15; own 0 u15 600
printf 'no newline' > mail/u16; own 62015 u16 644
mknod mail/u17 c 1 3; chmod 666 mail/u17
"""
LOCKS = ["deliver_lock_attempts = 1", "deliver_lock_delay = 1s"]
SPOOLS = {
    "sticky": "chmod 1777 mail",
    "everybody": "chmod 777 mail",
    "group": "chgrp 8 mail; chmod 2775 mail",
    "root": "chmod 755 mail",
}


def group(*settings):
    g = twins.Group([*LOCKS, *settings], USERS)
    # No notices into one of the mailboxes.
    g.sender = "origin@elsewhere.example"
    return g


@pytest.mark.peer
@pytest.mark.parametrize("kind, owner", [
    ("sticky", "yes"), ("sticky", "no"), ("everybody", "yes"),
    ("group", "yes"), ("root", "yes")])
def test_planted(kind, owner):
    g = group(f"strict_mailbox_ownership = {owner}")
    g.script(PLANTED + SPOOLS[kind])
    for user in USERS:
        g.case(user, user)
    g.compare()
