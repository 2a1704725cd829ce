# SPDX-License-Identifier: ISC
"""Addresses of all shapes, and where mail for users and for nobody may be
passed on to, as Postfix's local(8)."""

import pytest

from lib.shapes import compare

pytestmark = [pytest.mark.root, pytest.mark.users, pytest.mark.peer]

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


@pytest.mark.parametrize("name", SETTINGS)
def test_as_postfix(name):
    compare(*SETTINGS[name])
