# SPDX-License-Identifier: ISC
"""Addresses of all shapes, and where mail for users and for nobody may be
passed on to, as Postfix's local(8)."""

import pytest

from lib import twins

pytestmark = [pytest.mark.root, pytest.mark.users, pytest.mark.peer]

ADDRESSES = [
    "u1", "U2", "u3+ext", "nobody-here", "Nobody-here+ext", "two", "partly",
    "nobody-alias", "postmaster", "mailer-daemon", "MAILER-DAEMON+x",
    "nobody-here@localhost", "u4@[127.0.0.1]", "u5%twins.test",
    "u6%localhost@twins.test", "twins.test!u7", '"u8"@twins.test',
    '"U 9"@twins.test', "u10+", "+ext", "u11++x", "u12+a+b", '"u13+a b"',
    '"a/b"', '"u14+a/b"', '"../u15"', '".."', '"."', '"/etc/passwd"',
    '":include:/etc/passwd"', '"|id"', "u17@twins.test.", "u18@TWINS.TEST",
    '"$(id)"', '"`id`"', '"a;id"', '"-oX"', "u16-x.y+z"]
ALIASES = """\
two: u1, u2
partly: u1, nobody-here
nobody-alias: nobody-here
"""
SETTINGS = {
    "plain": [],
    "delimiters": ["recipient_delimiter = .-+"],
    "all commands": [
        "mailbox_command = echo \"$LOCAL/$EXTENSION/$USER/$RECIPIENT\" "
        ">> HERE/out/$USER"],
    "transport first": [
        "mailbox_transport_maps = inline:{u1=discard:map, u2=discard, "
        "nobody-here=discard:x}", "mailbox_transport = discard:all",
        "mailbox_command_maps = inline:{u1=exit 67}",
        "mailbox_command = exit 70"],
    "maps": [
        "mailbox_transport_maps = inline:{u1=discard:map, "
        "u1@twins.test=discard:no, nobody-here=discard:x, u4= }",
        "mailbox_command_maps = inline:{u1=exit 67, u2=exit 69, "
        "u3+ext=exit 70, u10=|exit 71}",
        "fallback_transport_maps = inline:{nobody-here=discard:fall, "
        "mailer-daemon=discard:md}", "fallback_transport = discard:rest",
        "luser_relay = u20"],
    "broken fallback": ["fallback_transport_maps = fail:x"],
}


def compare(*settings):
    g = twins.Group(settings, [f"u{i}" for i in range(1, 21)], ALIASES)
    g.sender = "origin@elsewhere.example"
    for i, address in enumerate(ADDRESSES):
        g.case(f"case-{i}", address)
    g.compare()


@pytest.mark.parametrize("name", SETTINGS)
def test_as_postfix(name):
    compare(*SETTINGS[name])
