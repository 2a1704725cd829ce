# SPDX-License-Identifier: ISC
"""luser_relay, with each of its $names: mail for nobody, as Postfix's local(8)
delivers it."""

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
    '"`id`"', '"-oX"', "u16-x.y+z"]
ALIASES = """\
two: u1, u2
partly: u1, nobody-here
nobody-alias: nobody-here
"""


def compare(*settings):
    g = twins.Group(settings, [f"u{i}" for i in range(1, 21)], ALIASES)
    g.sender = "origin@elsewhere.example"
    for i, address in enumerate(ADDRESSES):
        g.case(f"case-{i}", address)
    g.compare()


@pytest.mark.parametrize("relay", [
    "$user@other.example",
    "admin+$local",  # it is not there: until the nesting is too deep
    "u20+$mailbox",
    "$user+${extension?yes}${extension:no}$recipient_delimiter$domain"
    "$home$shell@other.example",
    '"$local"@other.example'])
def test_as_postfix(relay):
    compare(f"luser_relay = {relay}")
