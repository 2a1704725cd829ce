# SPDX-License-Identifier: ISC
"""Aliases, ~/.forward, mailboxes and commands, as Postfix's local(8): the
same outcomes in the log, the same bytes in the same files."""

import pytest

from lib import twins

USERS = [f"u{i}" for i in range(1, 30)]

ALIASES = """\
a-user: u1
a-two: u1, u2
a-case: U3
a-remote: someone@elsewhere.example
a-mixed: u4, someone@elsewhere.example
a-nested: a-two, u5
a-self: a-self, u6
u7: u7, u8
a-loop: b-loop
b-loop: a-loop
a-unknown: nobody-here
a-part-unknown: u9, nobody-here
a-backslash: \\u10
a-file: HERE/out/file
a-file-dir: HERE/out/dir/
a-null: /dev/null
a-command: "|cat > HERE/out/command"
a-command-env: "|env | grep -v PWD= | sort > HERE/out/env"
a-command-fails: "|exit 67"
a-command-temp: "|exit 75"
a-command-text: "|echo 5.7.1 not for you; exit 1"
a-command-signal: "|kill -9 $$"
a-command-missing: "|/no/such/program"
a-command-slow: "|sleep 30"
a-command-and-user: "|cat > HERE/out/command2", u11
a-include: :include:HERE/out/list
a-include-missing: :include:HERE/out/no-such-list
a-include-relative: :include:list
a-list: u12, u13
owner-a-list: u14
a-list-request: u14
a-broken-list: u12, nobody-here
owner-a-broken-list: u14
a-ext: u15
a-ext+special: u16
a-quoted: "u17"
a-comment: u18 (a comment)
a-empty-owner: u19
a-home: ~/nope
a-bad-address: u20@
"""


def local_group():
    g = twins.Group(users=USERS, aliases=ALIASES)
    g.file("out/list", "# a list\nu21, u22\nsomeone@elsewhere.example\n")
    g.file("~u23/.forward", "u24\n")
    g.file("~u25/.forward", "\\u25, u26\n")
    g.file("~u27/.forward", "~/saved\n\"|cat > ~/../u27/piped\"\n")
    g.file("~u28/.forward", "# nothing\n")
    g.file("~u29/.forward+ext", "u24, someone@elsewhere.example\n")
    for name in ("user", "two", "case", "remote", "mixed", "nested", "self",
                 "loop", "unknown", "part-unknown", "backslash", "file",
                 "file-dir", "null", "command", "command-env",
                 "command-fails", "command-temp", "command-text",
                 "command-signal", "command-missing", "command-slow",
                 "command-and-user", "include", "include-missing",
                 "include-relative", "list", "list-request", "broken-list",
                 "ext", "quoted", "comment", "home", "bad-address"):
        g.case(f"c-{name}", f"a-{name}")
    g.case("c-plain", "u1")
    g.case("c-upper", "U2")
    g.case("c-extension", "u3+ext")
    g.case("c-alias-of-own-name", "u7")
    g.case("c-ext-alias", "a-ext+special")
    g.case("c-ext-propagated", "a-ext+other")
    g.case("c-forward", "u23")
    g.case("c-forward-copy", "u25")
    g.case("c-forward-file", "u27")
    g.case("c-forward-empty", "u28")
    g.case("c-forward-ext", "u29+ext")
    g.case("c-forward-no-ext", "u29")
    g.case("c-nobody", "nobody-here")
    g.case("c-two-rcpts", "u1", "u2")
    g.case("c-several-lists", "a-two", "a-nested", "a-user")
    g.case("c-been-here", "u5", headers=f"Delivered-To: u5@{twins.DOMAIN}\n")
    g.case("c-from-line", "u6", content="From me\n>From you\n.\nend\n")
    g.case("c-postmaster", "postmaster")
    for i, local in enumerate(("\"a b\"", "\";touch x;\"", "\"$(id)\"",
                               "|id", "\"\\\\u1\"")):
        g.case(f"c-weird-{i}", local)
    return g


def maildir_group():
    g = twins.Group(["home_mailbox = Maildir/"], USERS, ALIASES)
    g.file("~u2/Maildir", "in the way\n")
    g.case("m-plain", "u1")
    g.case("m-blocked", "u2")
    g.case("m-alias", "a-two")
    g.case("m-extension", "u3+ext")
    g.case("m-from", "u4", content="From me\n.\n")
    return g


def command_group():
    g = twins.Group([
        "mailbox_command = cat > HERE/out/$USER; echo $EXTENSION $LOCAL "
        "$DOMAIN $SENDER $RECIPIENT >> HERE/out/$USER"], USERS, ALIASES)
    g.file("~u5/.forward", "u6\n")
    g.case("x-plain", "u10")
    g.case("x-alias", "a-two")
    g.case("x-extension", "u3+e")
    g.case("x-forward", "u5")
    g.case("x-unknown", "nobody-here")
    return g


def luser_group():
    g = twins.Group(["luser_relay = $user.unknown@elsewhere.example",
                     "mailbox_transport = discard:mailbox"], USERS, ALIASES)
    g.case("l-unknown", "nobody-here")
    g.case("l-plain", "u1")
    g.case("l-alias", "a-two")
    return g


def fallback_group():
    g = twins.Group(["fallback_transport = discard:fallback",
                     "home_mailbox = mbox", "expand_owner_alias = yes",
                     "prepend_delivered_header = command, forward",
                     "allow_mail_to_commands = forward",
                     "allow_mail_to_files = forward"], USERS, ALIASES)
    g.file("~u5/.forward", "\"|cat > ~/out\", ~/file\n")
    g.case("f-unknown", "nobody-here")
    g.case("f-plain", "u1")
    g.case("f-command", "a-command")
    g.case("f-file", "a-file")
    g.case("f-forward", "u5")
    g.case("f-list", "a-list")
    g.case("f-nested-unknown", "a-part-unknown")
    return g


GROUPS = {"local": local_group, "maildir": maildir_group,
          "command": command_group, "luser": luser_group,
          "fallback": fallback_group}


@pytest.mark.root
@pytest.mark.users
@pytest.mark.peer
@pytest.mark.parametrize("name", GROUPS)
def test_as_postfix(name):
    GROUPS[name]().compare()
