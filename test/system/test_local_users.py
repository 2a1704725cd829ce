# SPDX-License-Identifier: ISC
"""Accounts of all kinds, as Postfix's local(8) delivers to them: those of
root, homes that are none, two names for one uid, large uids."""

import pytest

from lib import twins

pytestmark = [pytest.mark.root, pytest.mark.users, pytest.mark.peer]

ALIASES = "two: zero, second\nroot: u1\n"
SETTINGS = {
    "spool": [],
    "maildir": ["home_mailbox = Maildir/", "require_home_directory = yes"],
    "command": ["mailbox_command = id -u >> HERE/out/$USER; "
                "id -g >> HERE/out/$USER; echo $HOME >> HERE/out/$USER"],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_accounts(name):
    g = twins.Group(SETTINGS[name], ["u1"], ALIASES)
    g.sender = "origin@elsewhere.example"
    g.account("zero", uid=0, home="/root/none")
    g.account("zero-group", uid=62050, gid=0)
    g.account("first", uid=62060)
    g.account("second", uid=62060)
    g.account("nonexistent", uid=62061, home="/nonexistent")
    g.account("null", uid=62062, home="/dev/null")
    g.account("empty", uid=62063, home="")
    g.account("relative", uid=62064, home="relative/home")
    g.account("slash", uid=62065, home="/")
    g.account("Upper", uid=62066)
    g.account("with.dot", uid=62067)
    g.account("no-shell", uid=62069, shell="/bin/false")
    g.account("12345", uid=62070)
    g.account("large", uid=2147483000)
    g.account("largest", uid=4294967294)
    g.script("cd homes; mkdir zero-group first second; "
             "chown 62050 zero-group; chown 62060 first second")
    for name in (*g.accounts, "two", "root"):
        g.case(f"to-{name}", name)
    g.compare()
