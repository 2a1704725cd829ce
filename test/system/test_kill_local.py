# SPDX-License-Identifier: ISC
"""Mailboxes of a hundred users, while processes are killed."""

import pytest

from lib import kill_local


@pytest.mark.root
@pytest.mark.users
@pytest.mark.parametrize("settings", [[], ["home_mailbox = Maildir/"]])
def test_many_mailboxes(settings):
    """A short one; test/lib/kill_local.py alone runs as long as one likes."""
    acknowledged, counts, kills = kill_local.run(6000, 2, *settings)
    assert kills > 0
    # What arrives twice was on its way when somebody died.
    assert sum(n - 1 for n in counts.values()) < 100 + 300 * kills
