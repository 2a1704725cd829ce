# SPDX-License-Identifier: ISC
"""What courses about mail let their students type, on a system on which our
package was just installed, and what they then see: word for word but for dates,
sizes and queue ids.

The host names, users and texts are those of the lessons, so that the columns
are as wide.
"""

import re
import subprocess

import pytest

from lib import classroom, lessons
from lib.classroom import Class, plain

pytestmark = pytest.mark.skipif(classroom.WHY_NOT is not None,
                                reason=str(classroom.WHY_NOT))


# Aliases, ~/.forward and mailq, with Postfix

@pytest.fixture(name="lpic", scope="module")
def make_lpic(package):
    with Class(package, "centos7-1.localdomain",
               ["user1", "user2", "payam"]) as one:
        yield one


def test_aliases_and_forward(lpic):
    lpic.sh(r"""
	cat >/etc/aliases <<-END
		mailer-daemon:	postmaster
		postmaster:	root
		bin:		root
		lpic1:  root
		# Person who should get root's mail
		root:    payam
	END
    """)
    lpic.play("root", """
$ «newaliases»
$ «mailq»
Mail queue is empty""")
    # Without a name server this takes a while.
    lpic.sh("su payam -c 'echo x | mail -s test test@gmail.com'")
    lessons.play_alias(lpic)
    lpic.play("user1", """
$ «pwd»
/home/user1
$ «ls -la | grep -i forward»""")
    lessons.play_forward(lpic)
    lpic.wait_for(lambda: "Host not found" in lpic.run("mailq"),
                  "it was not deferred")
    lpic.play("root", """
$ «mailq»
-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
E085461E470C      473 Wed Feb 19 06:39:07  payam@centos7-1.localdomain
(Host or domain name not found. Name service error for name=gmail.com type=MX: Host not found, try again)
                                         test@gmail.com

-- 0 Kbytes in 1 Request.""")


def test_ways_to_send(lpic):
    """From files, from commands, with an attachment; as root, with the quotes
    that the notes have."""
    lpic.sh(r"""
	id ejemplo >/dev/null 2>&1 || useradd -m ejemplo
	destinations='$myhostname, localhost.$mydomain, localhost'
	postconf -e "mydestination = $destinations, domain.com, ejemplo.com"
	postfix reload
	mkdir -p /root /path/to
	echo 'the file' >/root/test.txt
	echo 'an attachment' >/path/to/file
	rm -f /home/user1/.forward /var/mail/user1
    """)
    lpic.wait_for(lambda: "reload -- version" in lpic.log(), "no reload")
    lpic.play("root", """
$ «mail -s “subject” user1@domain.com»
«from the keyboard»
«^D»EOT
$ «mail -s “subject” user1@domain.com < /root/test.txt»
$ «mail -s “subject” user1@domain.com -a /path/to/file»
«with a file»
«^D»EOT
$ «echo -e "contenido del correo" | mail -s "asunto del correo" "ejemplo@ejemplo.com"»""")
    lpic.has_mail("user1", 3)
    box = lpic.mailbox("user1")
    for text in ("from the keyboard", "the file", "with a file",
                 "an attachment"):
        assert f"\n\n{text}\n" in box
    assert 'filename="file"' in box
    lpic.wait_mail("asunto del correo", "ejemplo")
    assert "\n\ncontenido del correo\n" in lpic.mailbox("ejemplo")
    lpic.play("user1", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/user1": 3 messages 3 new
>N  1 root                  Sat Nov 21 22:19  18/634   "“subject”"
 N  2 root                  Sat Nov 21 22:19  18/625   "“subject”"
 N  3 root                  Sat Nov 21 22:19  36/1137  "“subject”"
& «x»""")


# SMTP by hand, postalias, postconf, with Postfix

@pytest.fixture(name="aca", scope="module")
def make_aca(package):
    with Class(package, "centos7.localdomain", ["aca"],
               "smtpd_tls_security_level=", "inet_interfaces=localhost"
               ) as one:
        yield one


DIALOGUE = (
    (None, "220 centos7.localdomain ESMTP Postfix"),
    ("ehlo mydom.com", "250-centos7.localdomain"),
    ("MAIL FROM:yo@ mydom.com", "250 2.1.0 Ok"),
    ("RCPT TO:aca", "250 2.1.5 Ok"),
    ("DATA", "354 End data with <CR><LF>.<CR><LF>"),
    ("Hola Alejandro,\nespero que todo vaya bien\n.",
     "250 2.0.0 Ok: queued as "),
    ("QUIT", "221 2.0.0 Bye"),
)


def has_program(host, name):
    return host.run("sh", "-c", f"command -v {name}",
                    check=False).returncode == 0


@pytest.mark.parametrize("client", ["nc -C", "nc", "telnet"])
def test_smtp_by_hand(aca, client):
    """Line by line, each when the answer to the one before is there."""
    if not has_program(aca, client.split()[0]):
        pytest.skip(f"no {client} there")
    with subprocess.Popen(
            aca.command(*client.split(), "localhost", "25"), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as talk:
        heard = ""
        for typed, answer in DIALOGUE:
            if typed:
                talk.stdin.write(typed + "\n")
                talk.stdin.flush()
            line = ""
            while not line.startswith(answer):
                line = talk.stdout.readline()
                assert line, heard
                heard += line.replace("\r", "")
        talk.stdin.close()
        heard += talk.stdout.read().replace("\r", "")
    for feature in ("250-PIPELINING", "250-SIZE 10240000", "250-VRFY",
                    "250-ETRN", "250-ENHANCEDSTATUSCODES", "250-8BITMIME"):
        assert feature + "\n" in heard
    aca.has_mail("aca", 1)
    assert re.fullmatch(
        r"From yo@mydom\.com  DATE\n"
        r"Return-Path: <yo@mydom\.com>\n"
        r"X-Original-To: aca\n"
        r"Delivered-To: aca@centos7\.localdomain\n"
        r"Received: from mydom\.com \(localhost \[(IPv6:::1|127\.0\.0\.1)\]\)\n"
        r"\tby centos7\.localdomain \(Postfix\) with ESMTP id ([0-9A-F]+)\n"
        r"\tfor <aca>; DATE\n"
        r"Message-Id: <\d{14}\.\2@centos7\.localdomain>\n"
        r"Date: DATE\n"
        r"From: yo@mydom\.com\n\n"
        r"Hola Alejandro,\nespero que todo vaya bien\n\n",
        plain(aca.mailbox("aca"))), aca.mailbox("aca")
    aca.play("aca", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/aca": 1 message 1 new
>N  1 yo@mydom.com          Sun May 24 08:57  14/507
& «1»
Message  1:
From yo@mydom.com  Sun May 24 08:57:10 2020
Return-Path: <yo@mydom.com>
X-Original-To: aca
Delivered-To: aca@centos7.localdomain
Date: Sun, 24 May 2020 08:56:11 +0200 (CEST)
From: yo@mydom.com
Status: R

Hola Alejandro,
espero que todo vaya bien

& «d»
& «q»""")
    aca.has_mail("aca", 0)


def test_administration(aca):
    aca.sh("echo 'alejandro: aca' >>/etc/aliases; rm /etc/aliases.db")
    assert aca.run("postalias", "/etc/aliases") == ""
    assert aca.sh("ls /etc/aliases*").split() == [
        "/etc/aliases", "/etc/aliases.db"]
    assert aca.sh("postfix check; echo $?").splitlines()[-1] == "0"
    assert "inet_interfaces = localhost\n" in aca.run("postconf", "-n")
    assert aca.sh("postconf mail_spool_directory queue_directory") == (
        "mail_spool_directory = /var/mail\n"
        "queue_directory = /var/spool/chasqui\n")
    # Virtual domains.
    aca.sh(r"""
	mkdir -p /etc/postfix
	printf 'aca@rrhh.mindns.es aca\nphb@ventas.mindns.es aca\n' \
	    >/etc/postfix/virtual
	postmap /etc/postfix/virtual
	postconf -e 'virtual_alias_domains = rrhh.mindns.es, ventas.mindns.es' \
	    virtual_alias_maps=hash:/etc/postfix/virtual
	postfix reload
    """)
    aca.wait_for(lambda: "reload -- version" in aca.log(), "no reload")
    aca.smtp("phb@ventas.mindns.es", "virtual")
    aca.smtp("alejandro", "alias")
    aca.wait_mail("virtual", "aca")
    aca.wait_mail("alias", "aca")
    assert aca.run("postmap", "-q", "phb@ventas.mindns.es",
                   "hash:/etc/postfix/virtual") == "aca\n"
    aca.run("postfix", "stop")
    assert aca.run("postfix", "status", check=False).returncode == 1
