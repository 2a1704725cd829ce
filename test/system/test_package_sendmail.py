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
    with Class(package, "localhost.localdomain", ["pue", "pere", "henry"],
               "sendmail_personality=sendmail") as one:
        one.run("usermod", "-c", "pue", "pue")
        yield one


def test_without_sendmail(pue):
    """Whoever has the mail command only."""
    pue.run("mv", "/usr/sbin/sendmail", "/usr/sbin/sendmail.away")
    pue.play("pue", f"""
$ «mail»
No mail for pue
$ «mail pue»
{lessons.HELLO}«^D»EOT
/usr/sbin/sendmail: No such file or directory
"/home/pue/dead.letter" 12/275
. . . message not sent.""")
    pue.run("mv", "/usr/sbin/sendmail.away", "/usr/sbin/sendmail")
    pue.play("pue", f"""
$ «mail pue»
{lessons.HELLO}«^D»EOT""")
    pue.has_mail("pue", 1)
    pue.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 1 message 1 new
>N  1 pue                   Tue Nov  9 17:15  21/915   "hello pue"
& «q»
Held 1 message in /var/spool/mail/pue""")
    pue.run("rm", "/var/mail/pue")


QUEUE_IS_EMPTY = """/var/spool/mqueue is empty
                Total requests: 0"""


def test_two_users(pue):
    lessons.play_letters(pue)
    box = pue.sh("cat /var/spool/mail/pere")
    assert re.match(r"From pue@localhost\.localdomain  \w{3} .*\n"
                    r"Return-Path: <pue@localhost\.localdomain>\n", box)
    pue.play("root", f"""
$ «mailq»
{QUEUE_IS_EMPTY}
$ «sendmail -bp»
{QUEUE_IS_EMPTY}
$ «ls -l /var/spool/mqueue/»
total 0
$ «echo "totis: pue, pere" >> /etc/aliases»
$ «tail -1 /etc/aliases»
totis: pue, pere
$ «newaliases»
/etc/aliases: 78 aliases, longest 10 bytes, 792 bytes total""")
    lessons.play_list(pue)
    listing = pue.sh("ls -l /var/spool/mail/")
    for user in ("pere", "pue"):
        assert re.search(rf"(?m)^-rw-.*---\.? 1 {user} +mail +\d+ .* {user}$",
                         listing), listing


def test_forwarding(pue):
    """A copy for oneself, root, and somebody else."""
    before = len(re.findall("(?m)^From ", pue.mailbox("pue")))
    pue.play("pue", """
$ «echo "pue, root, profe@gmail.com" > .forward»
$ «cat .forward»
pue, root, profe@gmail.com""")
    pue.sh("su pere -c 'echo x | mail -s forwarded pue'")
    pue.wait_mail("forwarded", "pue")
    pue.wait_mail("forwarded", "root")
    pue.has_mail("pue", before + 1)
    assert "profe@gmail.com" in pue.run("mailq")
    pue.play("pue", "$ «rm .forward»")
    pue.sh("su pere -c 'echo x | mail -s kept pue'")
    pue.wait_mail("kept", "pue")
    assert "\nSubject: kept\n" not in pue.mailbox("root")


def test_all_kinds_of_aliases(pue):
    pue.sh(r"""
	for user in ted jaime olivia ian rita psgsupport; do
		useradd -m $user
	done
	grep -q ^totis: /etc/aliases || echo totis: pue, pere >>/etc/aliases
	cat >>/etc/aliases <<-END
		support: ted, jaime, olivia, ian, rita
		user1:   user1@ind.netdevgroup.com;user1@aus.netdevgroup.com
		aplog:   |/usr/local/bin/trackissues
		bin:     /dev/null
		boss:    /dev/null
	END
	cat >/usr/local/bin/trackissues <<-'END'
		#!/bin/sh
		cat >/tmp/issue.new && mv /tmp/issue.new /tmp/issue
	END
	chmod 755 /usr/local/bin/trackissues
	newaliases
	echo 'totis, support, psgsupport, "|/usr/bin/vacation"' \
	    >/home/henry/.forward
	chown henry: /home/henry/.forward
    """)

    def send(user):
        pue.sh(f"su pere -c 'echo x | mail -s \"to {user}\" {user}'")
    for user in ("support", "user1", "aplog", "bin", "boss"):
        send(user)
    for user in ("ted", "jaime", "olivia", "ian", "rita"):
        pue.wait_mail("to support", user)
    pue.wait_for(lambda: pue.has("/tmp/issue"), "no issue")
    assert "\nSubject: to aplog\n" in pue.run("cat", "/tmp/issue")
    pue.wait_for(lambda: len(re.findall(
        "status=sent .delivered to file: /dev/null", pue.log())) == 2,
        "nothing went to /dev/null")
    queue = pue.run("mailq")
    assert "<user1@ind.netdevgroup.com>" in queue
    assert "<user1@aus.netdevgroup.com>" in queue
    # A list, a list of lists, a user, and an answer.
    send("henry")
    for user in ("pue", "pere", "ted", "rita", "psgsupport"):
        pue.wait_mail("to henry", user)
    pue.wait_mail("Auto: to henry", "pere")


def test_words_of_sendmail(pue):
    """The options that the lessons list."""
    def send(words, user, subject):
        pue.sh(f"printf 'Subject: {subject}\nTo: {user}\n\nx\n' | "
               f"sendmail {words}")
        pue.wait_mail(subject, user)
    send("-t", "pere", "by its header")
    send("-B 8BITMIME pere", "pere", "of a type")
    send("-R hdrs -f pue pere", "pere", "with what returns")
    send("-C /etc/postfix/main.cf pere", "pere", "as configured")
    assert re.fullmatch(r"/etc/aliases: \d+ aliases, longest \d+ bytes, \d+ "
                        r"bytes total\n", pue.run("sendmail", "-bi"))
    assert pue.run("sendmail", "-bv", "pere") == \
        "Mail Delivery Status Report will be mailed to <root>.\n"
    pue.wait_for(lambda: "\nAction: deliverable\n" in pue.mailbox("root"),
                 "no report")
    pue.run("postfix", "stop")
    pue.run("sendmail", "-bd")
    send("pere", "pere", "by a daemon")
    assert pue.run("postfix", "status", check=False).returncode == 0


LETTER = """\
From: "Alicia" <alicia@paismaravillas.com>
Message-Id: <199711131704.MAA18447@paismaravillas.com>
Subject: Have you seen my white rabbit?
To: pere@localhost (Bob)
Date: Thu, 13 Nov 1997 12:04:05 -0500 (EST)
Content-Type: text

I'm most concerned. I fear he may have fallen down
a hole.

--

>>alice>>
"""


def test_a_letter_of_its_time(pue):
    pue.run("sendmail", "-t", input=LETTER)
    pue.wait_mail("Have you seen my white rabbit?", "pere")
    box = pue.mailbox("pere")
    for part in LETTER.split("\n\n", 1)[0].splitlines():
        if not part.startswith("To: "):
            assert f"\n{part}\n" in box
    assert "\nTo: pere@localhost.localdomain (Bob)\n" in box
    assert box.endswith(LETTER.split("\n\n", 1)[1] + "\n")


def test_from_a_script(pue):
    pue.run("rm", "-f", "/home/henry/.forward")
    pue.run("postconf", "-e",
            "mydestination = $myhostname, localhost.$mydomain, lab3.campus")
    pue.run("postfix", "reload")
    pue.wait_for(lambda: "reload -- version" in pue.log(), "no reload")
    pue.play("pue", """
$ «mail -s "Maintenance fail" henry@lab3.campus <<<"The maintenance script failed at `date`"»
""".rstrip("\n"))
    pue.wait_mail("Maintenance fail", "henry")


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
