# SPDX-License-Identifier: ISC
"""maildrop/: what users leave there gets in, once, and nothing else does."""

import os
import re
import socket
import time

import pytest

from lib import maildrop
import postfix_peer

VOLATILE = [
    (r"(?m)^(From \S+  ).*$", r"\1DATE"),
    (r"\b[0-9A-F]{10,12}\.\d+/", r"BOUNDARY/"),
    (r"\b[0-9A-F]{10,12}\b", r"QUEUEID"),
    (r"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", r"DATE"),
    (r"<\d{14}\.", r"<STAMP."),
]

# What users say to sendmail: options, message.
CASES = [
    (["games"], "Subject: x\n\nhello\n"),
    (["-F", "Ana Bell", "games"], "Subject: x\n\nhello\n"),
    (["-F", 'Ana (B.) "Q" Bell', "games"], "Subject: x\n\nhello\n"),
    (["-F", "Ana <x@y>, Bell", "games"], "Subject: x\n\nhello\n"),
    (["-F", "Añá", "games"], "Subject: x\n\nhello\n"),
    (["-f", "", "games"], "Subject: x\n\nhello\n"),
    (["-t"], "To: games\nBcc: games@mail.example.test\n\nhello\n"),
    (["-i", "games"], " no header\n\nbody\n.\n..\n.x\n"),
    (["-i", "games"], ""),
    (["-i", "games"], "From foo\nSubject: y\n\nFrom bar\n>From baz\n"),
    (["-i", "games"], "Subject: y\r\nX: z\r\n\r\ncrlf\r\n"),
    (["-i", "games"], "Subject: y\n\nbare \r cr\nx\rno end"),
    (["-i", "games"], b"Subject: \xc3\xb1\n\n8bit \xff\n\x00nul\n"),
    (["-i", "games"], "Subject: " + "x" * 5000 + "\n\n" + "y" * 5000 + "\n"),
    (["-i", "games"], "To: a, b@c, (comment) d\n\n"),
    (["-i", "-B", "8BITMIME", "games"], "Subject: y\n\nbody\n"),
    (["-i", ""], "Subject: y\n\nnobody\n"),
    (["-i", "no-such-user"], "Subject: comes back\n\nbody\n"),
    (["-i", "bad@-x..y"], "Subject: y\n\nbad domain\n"),
    (["-i", "--", "-bad"], "Subject: y\n\nno user\n"),
    (["-i", 'games (comment), "x, y" <games>'], "Subject: y\n\nlist\n"),
    (["-i", "games"], "Received: a\n" * 51 + "Subject: y\n\nhops\n"),
    (["-i", "games"], "Resent-From: zoe\nSubject: y\n\nresent\n"),
    (["-i", "games"], "Message-Id: <a\1b@c>\nResent-Message-Id: <r@s>\n"
                      "Return-Path: <a>\nBcc: c\nContent-Length: 3\n\nx\n"),
    (["-i", "-G", "games"], "To: a\nSubject: gateway\n\nx\n"),
    (["-i", "-N", "never", "no-such-user"], "\nx\n"),
]


def settled(text):
    text = text.decode(errors="surrogateescape")
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text


def parts(mailbox):
    return sorted(re.split(r"(?m)^(?=From \S+  DATE)", settled(mailbox)))


@pytest.mark.root
@pytest.mark.peer
def test_as_postfix(make_instance):
    """Debian's sendmail and postdrop, our pickup: the mailbox is Postfix's,
    byte for byte, and so are the notices that come back."""
    mail = make_instance("myhostname = mail.example.test",
                         "mydomain = example.test")
    os.chmod(os.path.join(mail.home, "mail"), 0o1777)
    mail.start()
    config = maildrop.debian_config(mail, os.path.join(mail.directory, "d"))
    with postfix_peer.PostfixPeer({}) as peer:
        for args, content in CASES:
            if "-f" not in args:
                args = ["-f", "games"] + args
            for etc in (config, peer.etc):
                maildrop.debian_sendmail(etc, *args, content=content)
        for one in (mail, peer):
            one.wait_for(lambda one=one: not os.listdir(
                os.path.join(one.home, "spool", "maildrop")), 60)
            one.wait_empty()
        ours, theirs = mail.mailbox("games"), peer.mailbox("games")
        assert parts(ours) == parts(theirs)
        assert len(parts(ours)) == len(CASES)


def test_log(mail):
    """The lines of a message, in Postfix's words and order."""
    drop = maildrop.Drop(mail)
    drop.send("ana", [mail.user])
    mail.wait_for(mail.mailbox)
    drop.wait_empty()
    mail.wait_empty()
    queue_id = re.search(r"id ([0-9A-F]+);",
                         mail.mailbox().decode()).group(1)
    uid = os.getuid()
    told = [line.split(": ", 1)[1] for line in mail.log_lines(queue_id)]
    expected = [
        rf"{queue_id}: uid={uid} from=<ana>",
        rf"{queue_id}: message-id=<\d+\.{queue_id}@\S+>",
        rf"{queue_id}: from=<ana@\S+>, size=\d+, nrcpt=1 \(queue active\)",
        rf"{queue_id}: to=<{mail.user}@\S+>, orig_to=<{mail.user}>, .*sent.*",
        rf"{queue_id}: removed"]
    assert len(told) == len(expected)
    for line, pattern in zip(told, expected):
        assert re.fullmatch(pattern, line), (line, pattern)
    assert mail.log_lines(r"postfix/pickup\[\d+\]: \w+: uid=")
    assert not mail.log_lines(r"connect from (?!localhost)")


def test_double_bounce(mail):
    """Who cannot be told of a failed notice of failure is not told."""
    maildrop.Drop(mail).send("ana", ["Double-Bounce"])
    mail.wait_for(lambda: mail.log_lines(
        r"status=sent \(undeliverable postmaster notification discarded\)"))
    mail.wait_empty()
    assert not mail.log_lines("status=bounced")


def test_header(mail):
    """Unqualified is completed; the trace names the user."""
    drop = maildrop.Drop(mail)
    drop.send("ana", [mail.user], "To: bob\nSubject: x\n\ny\n",
              extra=[("F", "Ana Bell")])
    text = mail.wait_for(mail.mailbox).decode()
    host = mail.smtp().banner.split()[1]
    assert f"\nReturn-Path: <ana@{host}>\n" in text
    assert re.search(rf"\nReceived: by {host} \(Postfix, from userid "
                     rf"{os.getuid()}\)\n\tid [0-9A-F]+; ", text)
    assert f"\nTo: bob@{host}\n" in text
    assert f"\nFrom: Ana Bell <ana@{host}>\n" in text


def test_tables(make_instance, tmp_path):
    """Canonical addresses, aliases and copies as for mail from outside;
    not with receive_override_options of the pickup line."""
    table = tmp_path / "virtual"
    user = make_instance().user
    table.write_text(f"team {user}, {user}+two\n")
    bcc = tmp_path / "bcc"
    bcc.write_text(f"zoe@new.example {user}+copy\n")
    canonical = tmp_path / "canonical"
    canonical.write_text("ana zoe@new.example\n")
    for override in ("", "  -o receive_override_options=no_address_mappings"):
        mail = make_instance(
            f"virtual_alias_maps = texthash:{table}",
            f"sender_bcc_maps = texthash:{bcc}",
            f"sender_canonical_maps = texthash:{canonical}",
            "recipient_delimiter = +")
        path = os.path.join(mail.etc, "master.cf")
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"(?m)^(pickup .*)$", r"\1\n" + override, f.read())
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        mail.start()
        maildrop.Drop(mail).send("ana", ["team"])
        line = mail.wait_for(lambda: mail.log_lines("queue active"))[0]
        if override:
            assert "from=<ana@" in line and "nrcpt=1 " in line
        else:
            assert "from=<zoe@new.example>" in line and "nrcpt=3 " in line


def test_restrictions_do_not_matter(make_instance):
    mail = make_instance(
        "smtpd_client_restrictions = reject",
        "smtpd_recipient_restrictions = reject",
        "smtpd_data_restrictions = reject",
        "smtpd_end_of_data_restrictions = reject",
        "smtpd_recipient_limit = 2", "smtpd_error_sleep_time = 60s")
    mail.start()
    drop = maildrop.Drop(mail)
    drop.send("ana", [mail.user, f"{mail.user}@localhost", "root", "bin"])
    mail.wait_for(mail.mailbox)
    drop.wait_empty()


def test_many_recipients(make_instance):
    mail = make_instance("smtpd_recipient_limit = 10",
                         "default_transport = discard:",
                         "defer_transports = discard")
    mail.start()
    drop = maildrop.Drop(mail)
    drop.send("ana", [f"user{i}@example.org" for i in range(5000)])
    drop.wait_empty()
    assert mail.wait_for(lambda: mail.log_lines("nrcpt=5000 .queue active"))


# ---- what does not get in ----

BAD = {
    "no end": maildrop.message("a", ["b"])[:-2],
    "cut": maildrop.message("a", ["b"])[:-30],
    "empty": b"",
    "garbage": bytes(range(256)) * 20,
    "huge record": maildrop.record("T", "1") + b"S\xff\xff\xff\x7f",
    "long record": maildrop.record("S", "a" * 100000),
    "no sender": maildrop.record("T", "1") + maildrop.record("R", "b")
                 + maildrop.record("M") + maildrop.record("X")
                 + maildrop.record("E"),
    "two senders": maildrop.record("S", "x") + maildrop.message("a", ["b"]),
    "no recipient": maildrop.message("a", []),
    "text": b"Subject: this is no record\n\n",
}


def test_bad_files(mail):
    """Removed with a warning, as Postfix does; good ones get through."""
    drop = maildrop.Drop(mail)
    for i, data in enumerate(BAD.values()):
        drop.put(data, f"BAD{i:03}")
    drop.send("ana", [mail.user])
    mail.wait_for(mail.mailbox)
    drop.wait_empty()
    for i, what in enumerate(BAD):
        assert mail.log_lines(rf"warning: maildrop/BAD{i:03}: "), what
    assert mail.log_lines(
        "warning: uid=.*: unexpected or malformed record type -1")
    mail.wait_empty()
    assert mail.mailbox().count(b"Received:") == 1


def test_strange_files(mail):
    """What postdrop would not make is not opened, and nothing waits for
    it."""
    drop = maildrop.Drop(mail)
    secret = os.path.join(mail.directory, "secret")
    with open(secret, "wb") as f:
        f.write(maildrop.message("a", [mail.user], "Subject: secret\n\nx\n"))
    os.chmod(secret, 0o744)
    os.symlink(secret, drop.path("LINK"))
    os.symlink("/nowhere", drop.path("NOWHERE"))
    os.mkfifo(drop.path("FIFO"), 0o744)
    os.mkdir(drop.path("DIR"), 0o744)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(drop.path("SOCKET"))
    os.chmod(drop.path("SOCKET"), 0o744)
    os.link(secret, drop.path("HARD"))
    drop.put(maildrop.message("a", [mail.user]), "with.dot")
    drop.put(maildrop.message("a", [mail.user]), "UNREADY", mode=0o644)
    drop.send("ana", [mail.user], "Subject: good\n\nx\n")
    mail.wait_for(mail.mailbox)
    mail.wait_for(lambda: mail.log_lines("maildrop/HARD: file has more"))
    for name in ("LINK", "NOWHERE", "FIFO", "DIR", "SOCKET"):
        mail.wait_for(lambda name=name: mail.log_lines(
            rf"maildrop/{name}: uid \d+: not a regular file"))
    mail.wait_empty()
    assert mail.mailbox().count(b"Subject: ") == 1
    assert b"Subject: good" in mail.mailbox()
    assert drop.names() == ["DIR", "FIFO", "LINK", "NOWHERE", "SOCKET",
                            "UNREADY", "with.dot"]
    # When it is complete it goes.
    os.chmod(drop.path("UNREADY"), 0o744)
    drop.knock()
    mail.wait_for(lambda: mail.mailbox().count(b"Subject: ") == 2)


def test_left_over(mail):
    """What was never finished is removed after a week."""
    drop = maildrop.Drop(mail)
    drop.put(b"half", "OLD", mode=0o600)
    drop.put(b"half", "YOUNG", mode=0o600)
    os.utime(drop.path("OLD"), (1, time.time() - 8 * 24 * 3600))
    drop.knock()
    mail.wait_for(lambda: drop.names() == ["YOUNG"])
    assert mail.log_lines("maildrop/OLD: .*never finished")


def test_injection(mail):
    """Line ends and commands in addresses and content stay what they are."""
    drop = maildrop.Drop(mail)
    evil = ("x\r\n.\r\nQUIT\r\nMAIL FROM:<> XUID=0\r\nRCPT TO:<> XTO=%s\r\n"
            "DATA\r\nSubject: smuggled\r\n\r\n.\r\n" % mail.user)
    data = (maildrop.record("T", "1700000000 1")
            + maildrop.record("F", evil) + maildrop.record("S", evil)
            + maildrop.record("R", mail.user) + maildrop.record("R", evil)
            + maildrop.record("M") + maildrop.record("N", "Subject: x" + evil)
            + maildrop.record("N") + maildrop.record("N", evil)
            + maildrop.record("N", ".") + maildrop.record("N", "QUIT")
            + maildrop.record("L", "x\r\n") + maildrop.record("L", ".\r")
            + maildrop.record("L", "\n") + maildrop.record("N", "end")
            + maildrop.record("X") + maildrop.record("E"))
    drop.put(data)
    drop.knock()
    drop.wait_empty()
    text = mail.wait_for(mail.mailbox).decode()
    mail.wait_for(lambda: b"end\n" in mail.mailbox())
    assert not re.search(r"(?m)^Subject: smuggled", text)
    assert len(mail.log_lines(r"pickup\[\d+\]: \w+: uid=")) == 1


# ---- what comes back ----

def test_too_big(make_instance):
    """A notice for the sender, with the beginning; the file is gone."""
    mail = make_instance("message_size_limit = 200000",
                         "mailbox_size_limit = 10000000")
    mail.start()
    drop = maildrop.Drop(mail)
    drop.send(mail.user, ["x@example.org"],
              "Subject: big\n\n" + "0123456789\n" * 30000)
    text = mail.wait_for(mail.mailbox)
    drop.wait_empty()
    mail.wait_empty()
    assert b"message file too big" in text
    assert b"Subject: big" in text
    assert mail.log_lines("warning: .*: queue file size limit exceeded")
    assert mail.log_lines(
        r"dsn=5\.3\.4, status=bounced \(message file too big\)")


def test_large(make_instance):
    mail = make_instance("message_size_limit = 50000000",
                         "mailbox_size_limit = 0")
    mail.start()
    drop = maildrop.Drop(mail)
    body = "0123456789abcdef" * 60 + "\n"
    drop.send("ana", [mail.user], "Subject: large\n\n" + body * 20000)
    drop.wait_empty()
    mail.wait_empty()
    assert mail.mailbox().count(body.encode()) == 20000


def test_postkick_is_let_go(mail):
    """Postfix's programs wait until the service hangs up."""
    mail.tool("postkick", "-c", mail.etc, "public", "pickup", "W", timeout=20)
