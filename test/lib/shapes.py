# SPDX-License-Identifier: ISC
"""Mail for addresses of all shapes, through both of test/lib/twins.py."""

from lib import twins

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


def compare(*settings, leave_out=()):
    g = twins.Group(settings, [f"u{i}" for i in range(1, 21)], ALIASES)
    g.sender = "origin@elsewhere.example"
    for i, address in enumerate(ADDRESSES):
        if address not in leave_out:
            g.case(f"case-{i}", address)
    g.compare()
