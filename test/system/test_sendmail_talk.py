# SPDX-License-Identifier: ISC
"""sendmail -v with sendmail's personality: the dialogue is shown, and the
message goes its way whatever becomes of the dialogue."""

import os
import re
import socket
import subprocess

import pytest

from lib import instance

PERSONALITY = ("sendmail_personality = sendmail",
               f"command_directory = {instance.PROGRAMS}",
               "myhostname = mx.example", "myorigin = home.example",
               "mydestination = home.example, other.example")


@pytest.fixture(name="start")
def make_start(make_instance):
    def start(*lines, run=True):
        mail = make_instance(*PERSONALITY, *lines)
        if run:
            mail.start()
        else:  # sendmail wants to go there
            os.makedirs(os.path.join(mail.home, "spool", "maildrop"))
        return mail
    return start


def call(mail, *words, text="Subject: x\n\n.dot\n..\n", code=0):
    done = subprocess.run(
        ["sendmail", *words], executable=instance.program("sendmail"),
        env=dict(os.environ, MAIL_CONFIG=mail.etc), input=text.encode(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
        check=False)
    assert done.returncode == code, done
    return done.stdout.decode(), done.stderr.decode()


def answers(mail):
    """Whatever it says."""
    try:
        instance.Smtp(mail.port, timeout=5).close()
        return True
    except (OSError, EOFError):
        return False


def wait_mails(mail, count):
    mail.wait_for(lambda: len(re.findall(
        rb"(?m)^From ", mail.mailbox())) == count)
    return mail.mailbox().decode()


def test_transcript(start):
    mail = start()
    other = f"{mail.user}@other.example"
    out, errors = call(mail, "-v", "-i", mail.user, other)
    assert errors == ""
    lines = out.splitlines()
    greeting = lines.index(">>> EHLO mx.example")
    assert lines[:greeting] == [
        f"{mail.user},{other}... Connecting to [127.0.0.1] port {mail.port} via relay...",
        "220 mx.example ESMTP Postfix"]
    begin = next(i for i, line in enumerate(lines)
                 if line.startswith(">>> MAIL"))
    features = lines[greeting + 1:begin]
    assert features[0] == "250-mx.example"
    assert all(line.startswith("250-") for line in features[:-1])
    assert features[-1].startswith("250 ")
    size = re.match(r">>> MAIL From:<\S+@home\.example> SIZE=(\d+)$",
                    lines[begin])
    assert size, lines[begin]
    ok = re.match(r"250 2\.0\.0 Ok: queued as (\w+)$", lines[begin + 9])
    assert ok, lines
    taken = f"Sent (Ok: queued as {ok.group(1)})"
    assert lines[begin + 1:] == [
        "250 2.1.0 Ok",
        f">>> RCPT To:<{mail.user}@home.example>", "250 2.1.5 Ok",
        f">>> RCPT To:<{other}>", "250 2.1.5 Ok",
        ">>> DATA", "354 End data with <CR><LF>.<CR><LF>",
        ">>> .", ok.group(0),
        f"{mail.user}... {taken}", f"{other}... {taken}",
        "Closing connection to [127.0.0.1]", ">>> QUIT", "221 2.0.0 Bye"]
    assert wait_mails(mail, 2).count("\n\n.dot\n..\n") == 2
    # Twice is as good as once, and less talk is none.
    assert call(mail, "-v", "-v", "-i", mail.user)[0].count(">>> ") == 6
    assert call(mail, "-i", mail.user) == ("", "")


@pytest.mark.parametrize("text,expected", [
    # The whole name goes in where nobody says who wrote it.
    ("Subject: x\n\nbody\n", ["From: A. B <me@x.example>"]),
    ("body\n", ["From: A. B <me@x.example>"]),
    ("\nbody\n", ["From: A. B <me@x.example>"]),
    ("Subject: x\n folded\nbody\n", ["From: A. B <me@x.example>"]),
    ("From: you@y.example\n\nbody\n", ["From: you@y.example"]),
    ("Subject: x\n folded\nfrom : you@y.example\n\nbody\n",
     ["from: you@y.example"]),
    ("Resent-To: z@home.example\nFrom: w@y.example\n\nbody\n",
     ["Resent-From: me@x.example", "From: w@y.example"]),
    ("X: " + "long " * 2000 + "\nFrom: you@y.example\n\nbody\n",
     ["From: you@y.example"]),
])
def test_header(start, text, expected):
    mail = start()
    out, _ = call(mail, "-v", "-f", "me@x.example", "-F", "A. B", mail.user,
                  text=text)
    assert f"{mail.user}... Sent (Ok: queued as " in out
    got = wait_mails(mail, 1)
    header, body = got.split("\n\n", 1)
    assert body == "body\n\n"
    found = re.findall(r"(?mi)^((?:Resent-)?From *:.*)", header)
    assert sorted(found) == sorted(
        line.replace("A. B", '"A. B"') for line in expected)


def test_refused(start):
    """Who is refused comes to hear of it by mail, as without -v."""
    mail = start()
    out, errors = call(mail, "-v", mail.user, "nosuch")
    assert errors == "" and out.count("Closing connection") == 1
    refusal = ("550 5.1.1 <nosuch@home.example>: Recipient address rejected: "
               "User unknown in local recipient table\n"
               "550 5.1.1 nosuch... User unknown\n")
    assert refusal in out and f"{mail.user}... Sent (" in out
    got = wait_mails(mail, 2)  # the message, and the notice
    assert got.count("Status: 5.1.1") == 1

    out, _ = call(mail, "-v", "nosuch", "nobody-here")
    assert ">>> RSET\n" in out and "... Sent" not in out
    assert wait_mails(mail, 3).count("Status: 5.1.1") == 3


@pytest.mark.parametrize("line,expected", [
    ("smtpd_recipient_restrictions = defer",
     "{user}... Deferred: 450 4.3.2 "),
    ("smtpd_sender_restrictions = reject", "554 5.0.0 {user}... Service "),
    ("smtpd_client_restrictions = reject\nsmtpd_delay_reject = no",
     ">>> QUIT"),
    ("smtpd_end_of_data_restrictions = defer",
     "{user}... Deferred: 450 4.3.2 "),
    ("smtpd_helo_restrictions = reject\nsmtpd_delay_reject = no",
     ">>> HELO mx.example"),
])
def test_not_taken(start, line, expected):
    """What the server does not want now goes by way of maildrop/."""
    mail = start(line, run=False)
    mail.start(wait=False)
    mail.wait_for(lambda: mail.log_lines("daemon started"))
    mail.wait_for(lambda: answers(mail))
    out, errors = call(mail, "-v", mail.user)
    assert expected.format(user=mail.user) in out, out
    assert errors == "" and "... Sent" not in out
    wait_mails(mail, 1)
    assert mail.log_lines(r"pickup\[\d+\]: \w+: uid=")


def test_system_down(start):
    """Nobody is shown a message who only happens to have the port."""
    mail = start(run=False)
    with socket.create_server(("127.0.0.1", mail.port)) as server:
        server.settimeout(0)
        out, _ = call(mail, "-v", mail.user, "b")
        assert out == f"{mail.user},b... queued\n"
        with pytest.raises(BlockingIOError):
            server.accept()
    mail.start()
    wait_mails(mail, 2)  # and the notice about b


def test_without_dialogue(start):
    """What SMTP has no words for, and where nobody listens."""
    mail = start()
    for words in (["-G"], ["-XV"]):
        out, errors = call(mail, "-v", "-f", mail.user, *words, mail.user)
        assert (out, errors) == ("", "")
    out, _ = call(mail, "-v", "a\tb\x01c@x.example")
    assert ">>> " not in out
    wait_mails(mail, 3)  # and the notice

    with open(os.path.join(mail.etc, "master.cf"), encoding="utf-8") as f:
        text = f.read()
    with open(os.path.join(mail.etc, "master.cf"), "w",
              encoding="utf-8") as f:
        f.write(re.sub(r"(?m)^(\S+\s+inet\s.*)", r"#\1", text))
    assert call(mail, "-v", mail.user)[0] == f"{mail.user}... queued\n"


def test_postfix_personality(make_instance):
    mail = make_instance(f"command_directory = {instance.PROGRAMS}")
    mail.start()
    out, errors = call(mail, "-v", mail.user)
    assert out == ("Mail Delivery Status Report will be mailed to "
                   f"<{mail.user}>.\n")
    assert errors == ""
