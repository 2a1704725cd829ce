# SPDX-License-Identifier: ISC
"""The course notes' first lesson: a dialogue typed into nc, and the mailbox
in which it ends."""

import re
import subprocess
import time

import pytest

pytestmark = [pytest.mark.root, pytest.mark.users]

HOST = "centos7.localdomain"
# What is typed, and the replies that follow. An address with a blank in it
# is what the notes show, and what Postfix takes.
DIALOGUE = [
    (None, [f"220 {HOST} ESMTP Postfix"]),
    ("ehlo mydom.com", [f"250-{HOST}"]),
    ("MAIL FROM:yo@ mydom.com", ["250 2.1.0 Ok"]),
    ("RCPT TO:aca", ["250 2.1.5 Ok"]),
    ("DATA", ["354 End data with <CR><LF>.<CR><LF>"]),
    ("Hola Alejandro,\nespero que todo vaya bien\n.",
     ["250 2.0.0 Ok: queued as "]),
    ("QUIT", ["221 2.0.0 Bye"]),
]
MAILBOX = re.compile(
    r"From yo@mydom\.com  (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\n"
    r"Return-Path: <yo@mydom\.com>\n"
    r"X-Original-To: aca\n"
    r"Delivered-To: aca@centos7\.localdomain\n"
    r"Received: from mydom\.com \(localhost \[127\.0\.0\.1\]\)\n"
    r"\tby centos7\.localdomain \(Postfix\) with ESMTP id ([0-9A-F]+)\n"
    r"\tfor <aca>; (\w{3}, +\d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4} "
    r"\([A-Z]+\))\n"
    r"Message-Id: <\d{14}\.\2@centos7\.localdomain>\n"
    r"Date: \3\n"
    r"From: yo@mydom\.com\n"
    r"\n"
    r"Hola Alejandro,\n"
    r"espero que todo vaya bien\n"
    r"\n")


@pytest.fixture
def course(make_instance):
    one = make_instance(
        f"myhostname = {HOST}", "mydomain = localdomain",
        "mynetworks = 127.0.0.0/8", users=["aca"])
    one.start()
    return one


def expect_mailbox(mail):
    mail.wait_for(lambda: mail.mailbox("aca"))
    text = mail.mailbox("aca").decode()
    found = MAILBOX.fullmatch(text)
    assert found, text
    return found.group(2)


def test_typed(course):
    with course.smtp(greet=False) as smtp:
        for line, replies in DIALOGUE:
            if line is not None:
                smtp.write(line.replace("\n", "\r\n") + "\r\n")
            answer = smtp.reply()
            assert answer.startswith(replies[0]), answer
    queue_id = expect_mailbox(course)

    # What the log says about it, as Postfix would.
    log = "\n".join(course.log_lines())
    for pattern in (
            r"postfix/smtpd\[\d+\]: connect from localhost\[127\.0\.0\.1\]",
            rf"postfix/smtpd\[\d+\]: {queue_id}: "
            r"client=localhost\[127\.0\.0\.1\]",
            rf"postfix/cleanup\[\d+\]: {queue_id}: message-id=<\d+\.{queue_id}"
            rf"@{HOST}>",
            rf"postfix/qmgr\[\d+\]: {queue_id}: from=<yo@mydom\.com>, "
            r"size=\d+, nrcpt=1 \(queue active\)",
            rf"postfix/local\[\d+\]: {queue_id}: to=<aca@{HOST}>, "
            r"orig_to=<aca>, relay=local, delay=[\d.]+, "
            r"delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, dsn=2\.0\.0, status=sent "
            r"\(delivered to mailbox\)",
            rf"postfix/qmgr\[\d+\]: {queue_id}: removed",
            r"postfix/smtpd\[\d+\]: disconnect from localhost\[127\.0\.0\.1\] "
            r"ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"):
        course.wait_for(lambda p=pattern: course.log_lines(p), 5,
                        f"{pattern!r} was not logged:\n{log}\n")


@pytest.mark.program("nc")
def test_nc(course):
    """The same through the program of the notes, line ends and all."""
    text = "".join(line + "\n" for line, _ in DIALOGUE if line is not None)
    with subprocess.Popen(
            ["nc", "-C", "127.0.0.1", str(course.port)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as nc:
        for line in text.splitlines(keepends=True):
            nc.stdin.write(line)
            nc.stdin.flush()
            time.sleep(0.02)
        output, _ = nc.communicate(timeout=30)
    for _, replies in DIALOGUE:
        assert replies[0] in output
    expect_mailbox(course)
