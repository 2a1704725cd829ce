# SPDX-License-Identifier: ISC
"""What courses about mail let their students type, on a system on which our
package was just installed, and what they then see: word for word but for dates,
sizes and queue ids.
With sendmail's words.

The host names, users and texts are those of the lessons, so that the columns
are as wide.
"""

import re

import pytest

from lib import classroom, lessons
from lib.classroom import Class

pytestmark = pytest.mark.skipif(classroom.WHY_NOT is not None,
                                reason=str(classroom.WHY_NOT))


@pytest.fixture(name="pue", scope="module")
def make_pue(package):
    with Class(package, "localhost.localdomain", ["pue", "pere"],
               "sendmail_personality=sendmail") as one:
        yield one


def test_two_users(pue):
    """And what only the whole system has: mqueue, an alias, ~/.forward."""
    pue.play("pue", f"""
$ «mail»
No mail for pue
$ «mail pue»
{lessons.HELLO}«.»
EOT""")
    pue.has_mail("pue", 1)
    pue.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 1 message 1 new
>N  1 pue@localhost.locald  Tue Nov  9 17:15  21/915   "hello pue"
& «q»
Held 1 message in /var/spool/mail/pue""")
    pue.play("root", """
$ «mailq»
/var/spool/mqueue is empty
                Total requests: 0
$ «sendmail -bp»
/var/spool/mqueue is empty
                Total requests: 0
$ «echo "totis: pue, pere" >> /etc/aliases»
$ «tail -1 /etc/aliases»
totis: pue, pere
$ «newaliases»
/etc/aliases: 78 aliases, longest 10 bytes, 792 bytes total""")
    pue.play("pue", lessons.TOTIS)
    pue.has_mail("pere", 1)
    pue.has_mail("pue", 2)
    pue.play("pere", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pere": 1 message 1 new
>N  1 pue@localhost.locald  Tue Nov  9 17:52  20/898   "hello totis"
& «q»
Held 1 message in /var/spool/mail/pere""")
    pue.play("pue", """
$ «echo "pere, root, profe@gmail.com" > .forward»
$ «cat .forward»
pere, root, profe@gmail.com""")
    pue.sh("su pere -c 'echo x | mail -s forwarded pue'")
    pue.has_mail("pere", 2)
    assert len(re.findall("(?m)^From ", pue.mailbox("pue"))) == 2
    assert "profe@gmail.com" in pue.run("mailq")


def test_dialogue_is_shown(pue):
    pue.play("pue", """
$ «Mail -v pere»
Subject: «hello pere»
«do you see it?»
«.»
EOT
pere... Connecting to [127.0.0.1] via relay...
220 localhost.localdomain ESMTP Postfix
>>> EHLO localhost.localdomain
250-localhost.localdomain
250-PIPELINING
250-SIZE 10240000
250-VRFY
250-ETRN
250-ENHANCEDSTATUSCODES
250-8BITMIME
250-DSN
250-SMTPUTF8
250 CHUNKING
>>> MAIL From:<pue@localhost.localdomain> SIZE=321
250 2.1.0 Ok
>>> RCPT To:<pere@localhost.localdomain>
250 2.1.5 Ok
>>> DATA
354 End data with <CR><LF>.<CR><LF>
>>> .
250 2.0.0 Ok: queued as ABCDEF
pere... Sent (Ok: queued as ABCDEF)
Closing connection to [127.0.0.1]
>>> QUIT
221 2.0.0 Bye""")
    pue.wait_mail("hello pere", "pere")
