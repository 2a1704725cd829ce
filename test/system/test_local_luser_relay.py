# SPDX-License-Identifier: ISC
"""luser_relay, with each of its $names: mail for nobody, as Postfix's local(8)
delivers it."""

import pytest

from lib.shapes import compare

pytestmark = [pytest.mark.root, pytest.mark.users, pytest.mark.peer]


@pytest.mark.parametrize("relay", [
    "$user@other.example",
    "admin+$local",  # it is not there: until the nesting is too deep
    "u20+$mailbox",
    "$user+${extension?yes}${extension:no}$recipient_delimiter$domain"
    "$home$shell@other.example",
    '"$local"@other.example'])
def test_as_postfix(relay):
    # In the result Postfix sees a comment, and the end of a group.
    compare(f"luser_relay = {relay}", leave_out=('"$(id)"', '"a;id"'))
