# SPDX-License-Identifier: ISC
"""Aliases, owners, lists and ~/.forward that lead to themselves or are nested
deeper than anybody means: each ends, with few notices."""

import os

import pytest

from lib.mailboxes import COMMON, body, own

pytestmark = [pytest.mark.root, pytest.mark.users]

ALIASES = """\
self: self
cycle1: cycle2
cycle2: cycle1
owner-a: a
a: owner-a
owner-b: b
b: "|exit 1"
owner-c: owner-d
owner-d: owner-c
c: nobody-here
d: nobody-here
owner-e: nobody-here
e: nobody-here
owner-f: f
f: /no/such/directory/file
owner-g: g
g: g, nobody-here, :include:HERE/me
list-self: :include:HERE/me
list-mutual: :include:HERE/mutual1
chain: :include:HERE/chain0
"""
LISTS = {"me": ":include:HERE/me, me", "mutual1": ":include:HERE/mutual2",
         "mutual2": ":include:HERE/mutual1, mutual1"}
DEEP = 10000


def write_lists(directory, uid=None):
    lists = dict(LISTS, **{
        f"chain{i}": f":include:HERE/chain{i + 1}" for i in range(DEEP)})
    for name, text in lists.items():
        path = os.path.join(directory, name)
        own(path, uid or 0, 0o644,
            (text.replace("HERE", directory) + "\n").encode())


def test_all_end(make_instance):
    users = ["ana", "bob", "eva", "me", "mutual1", "origin"]
    mail = make_instance(*COMMON, "command_time_limit = 5s", users=users)
    homes = {user: mail.make_home(user) for user in users}
    lists = os.path.join(mail.directory, "lists")
    os.mkdir(lists)
    write_lists(lists)
    write_lists(homes["ana"], mail.uids["ana"])
    for user, forward in (
            ("ana", f":include:{homes['ana']}/chain0\n"),
            ("bob", "eva\n"), ("eva", "bob\n"),
            ("me", f":include:{homes['me']}/.forward, bob\n")):
        own(os.path.join(homes[user], ".forward"), mail.uids[user], 0o644,
            forward.encode())
    aliases = os.path.join(mail.directory, "aliases")
    with open(aliases, "w", encoding="ascii") as f:
        f.write(ALIASES.replace("HERE", lists))
    mail.configure(f"alias_maps = hash:{aliases}",
                   "notify_classes = resource, software, 2bounce")
    mail.tool("postalias", "-c", mail.etc, f"hash:{aliases}")
    mail.start()
    names = [line.split(":")[0] for line in ALIASES.splitlines()] + users
    for sender in "", "origin@mail.example.test":
        for number, name in enumerate(names):
            mail.send(sender, [f"{name}@mail.example.test"], body(number))
    mail.wait_empty()
    # One for each, one about its notice, and what lists send on.
    assert len(mail.log_lines("message-id=<")) < 12 * len(names)
