# SPDX-License-Identifier: ISC
"""What one user can ask for is limited, and is his own trouble."""

import os

import pytest

# A report about each of them would be larger than any message between our
# processes.
MANY = 100_000


@pytest.mark.root
@pytest.mark.users
def test_more_than_can_be_told(make_instance):
    """Addresses that all fail: the rest is deferred, others get their mail."""
    mail = make_instance(
        "mydestination = mail.example.test",
        "myhostname = mail.example.test", users=["ana", "bob"])
    path = os.path.join(mail.make_home("ana"), ".forward")
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(f"\\\\u{i}\n" for i in range(MANY)))
    os.chown(path, mail.uids["ana"], 0)
    mail.start()
    mail.send("", ["ana@mail.example.test"])
    mail.wait_for(
        lambda: mail.log_lines(r"dsn=4\.3\.0.*\(too many addresses\)"),
        timeout=120)
    mail.send("", ["bob@mail.example.test"])
    mail.wait_for(lambda: mail.mailbox("bob"), timeout=60)
    assert mail.log_lines(r'to=<u7@mail\.example\.test>.*status=bounced '
                          r'\(unknown user: "u7"\)')
    assert not mail.log_lines("malformed|no queue process")
