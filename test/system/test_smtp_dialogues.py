# SPDX-License-Identifier: ISC
"""The dialogues recorded from Postfix (test/dialogue), held with the daemon.

One instance serves them all: each set of settings is a service of its own.
"""

import pytest

from lib import dialogue, instance

DIALOGUES = list(dialogue.all_dialogues())
SETTINGS = sorted({tuple(d.settings.items()) for _, d in DIALOGUES})
FILES = sorted({name for name, _ in DIALOGUES})

MAIN_CF = """
myhostname = mx.example.com
mydestination = example.com
myorigin = example.com
mynetworks =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = none
local_recipient_maps =
local_transport = discard:
default_transport = discard:
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
message_size_limit = 20000
smtpd_recipient_limit = 5
smtpd_recipient_overshoot_limit = 2
smtpd_hard_error_limit = 20
smtpd_junk_command_limit = 10
""".strip().splitlines()


@pytest.fixture(scope="module")
def ports():
    """The port for each set of settings."""
    one = instance.Instance(*MAIN_CF)
    # The first ports of its hundred are not used otherwise.
    ports = {settings: one.base + i for i, settings in enumerate(SETTINGS)}
    for settings, port in ports.items():
        one.configure_master(
            f"127.0.0.1:{port} inet n - n - - smtpd",
            *(f"    -o {{ {name} = {value} }}" for name, value in settings))
    one.start()
    yield ports
    one.destroy()


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("piece", [None, 5])
def test_dialogues(ports, file, piece):
    differences = []
    for name, talk in DIALOGUES:
        if name != file:
            continue
        # Where it matters that two commands come at once.
        if piece and "smtpd_forbid_unauth_pipelining" in talk.settings:
            continue
        port = ports[tuple(talk.settings.items())]
        try:
            dialogue.play(talk, port, piece)
        except (AssertionError, OSError) as error:
            differences.append(f"{talk.name}: {error}")
    assert not differences, "\n".join(differences)
