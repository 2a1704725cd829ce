# SPDX-License-Identifier: ISC
"""VERP: each recipient sees a sender of his own, as with Postfix."""

import os
import re
import subprocess

import pytest

import postfix_peer
from lib import instance
from lib.instance import Smtp
from lib.moody import Moody

HOST = "mail.example.test"
LIST = "list@origin.example"
TEXT = "Subject: x\nMessage-Id: <1@x>\nFrom: a@x\n" \
       "Date: Thu, 1 Jan 2026 00:00:00 +0000\n\nhello\n"
RECIPIENTS = [
    "late@" + HOST, "team@" + HOST, "games@" + HOST, "man+ext@" + HOST, "unknown@" + HOST, "GAMES@" + HOST,
    "other+x@" + HOST, "far@away.example", '"quoted name"@away.example',
    "near@away.example",
]
SETTINGS = {
    "myhostname": HOST,
    "mydestination": HOST,
    "recipient_delimiter": "+",
    "local_recipient_maps": "",
    "alias_maps": "inline:{{team = nobody-1, games, nobody-2}, "
                  "{late = \"|exit 75\"}}",
    "smtpd_authorized_verp_clients": "127.0.0.1",
    "smtp_dns_support_level": "disabled",
}


def is_ours(system):
    return isinstance(system, instance.Instance)


def ask_smtp(system, verp, recipients):
    with Smtp(system.port) as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.command(f"MAIL FROM:<{LIST}> {verp}", 250)
        for recipient in recipients:
            smtp.command(f"RCPT TO:<{recipient}>", 250)
        assert smtp.data(TEXT).code == 250


def ask_sendmail(system, verp, recipients):
    program = (instance.program("sendmail") if is_ours(system)
               else os.path.join(postfix_peer.SBIN, "sendmail"))
    subprocess.run(
        [program, "-C", system.etc, verp, "-f", LIST, "--", *recipients],
        input=TEXT, text=True, check=True, timeout=60)


WAYS = {
    # What would have to wait has waited long enough.
    "usual": (ask_smtp, "XVERP", {"maximal_queue_lifetime": "0"}),
    "other": (ask_smtp, "XVERP=--", {}),
    "own default": (ask_smtp, "xverp", {"default_verp_delimiters": "-="}),
    "sendmail": (ask_sendmail, "-XV", {}),
    "sendmail, other": (ask_sendmail, "-XV=+", {}),
    "one bounce": (ask_smtp, "XVERP", {"disable_verp_bounces": "yes"}),
}
VOLATILE = [
    (r"\b[0-9A-F]{10,12}\b", "QUEUEID"),
    (r"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", "DATE"),
    (r"<\d{14}\.", "<STAMP."),
    (r"QUEUEID\.\d+/", "BOUNDARY/"),
    (r"(?m)^(From \S+  ).*$", r"\1DATE"),
    (r"(?s)Received: by .*?DATE", "RECEIVED"),
    (r"(?s)Received: from .*?DATE", "RECEIVED"),
    (r"\(userid \d+\)", "(userid N)"),
    (r" XFORWARD.*| SIZE=\d+| BODY=8BITMIME", ""),
]


def settle(text, *extra):
    for pattern, to in [*extra, *VOLATILE]:
        text = re.sub(pattern, to, text)
    return text


def play(system, server, way):
    """What everybody got."""
    ask, verp, _ = WAYS[way]
    recipients = RECIPIENTS
    if way != "usual":
        recipients = [r for r in recipients if "late" not in r]
    if ask is ask_sendmail:
        recipients = [r for r in recipients if '"' not in r]
    ask(system, verp, recipients)
    if ask is ask_sendmail:
        system.wait_for(lambda: "removed" in system.log())
    system.wait_empty()
    here = (re.escape(os.path.join(system.home, "mail")
                      if is_ours(system) else system.mail), "MAIL")
    envelopes = []
    for line in (c for s in server.sessions for c in s.commands):
        if line.startswith("MAIL"):
            envelopes.append([settle(line)])
        elif line.startswith("RCPT"):
            envelopes[-1].append(re.sub(" ORCPT=.*", "", line))
    return {
        "envelopes": sorted(envelopes),
        # One that names several names them in the order of the failures.
        "contents": sorted(sorted(settle(c.decode(), here).splitlines())
                           for c in server.contents),
        "mailboxes": {user: sorted(
            settle(m, here) for m in re.split(
                "(?m)^(?=From )", system.mailbox(user).decode()))
            for user in ("games", "man")},
    }


@pytest.mark.root
@pytest.mark.peer
@pytest.mark.parametrize("way", WAYS)
def test_as_postfix(make_instance, way):
    """Who is told what, at which address; and Return-Path in a mailbox."""
    settings = dict(SETTINGS, **WAYS[way][2])
    with Moody([{}]) as ours, Moody([{}]) as theirs:
        mail = make_instance(
            *(f"{k} = {v}" for k, v in settings.items()),
            f"relayhost = [{ours.address(0)}]:{ours.port}")
        mail.start()
        settings["relayhost"] = f"[{theirs.address(0)}]:{theirs.port}"
        with postfix_peer.PostfixPeer(settings) as peer:
            got = play(mail, ours, way)
            wanted = play(peer, theirs, way)
    assert got["envelopes"] == wanted["envelopes"]
    assert got["mailboxes"] == wanted["mailboxes"]
    assert got["contents"] == wanted["contents"]
    # The test can fail: it is about something.
    text = str(got["envelopes"])
    assert ("list+unknown" in text) == (way in ("usual", "sendmail"))
    assert ("list-far-away.example" in text) == (way == "other")


SAYINGS = ["XVERP", "XVERP=+=", "XVERP=", "XVERP=+", "XVERP=+=-", "XVERP=ab",
           "XVERP=+@", "xverp=-+", "XVERPX", "XVERP=+= SIZE=5",
           "XVERP=+= XVERP=--"]


def say(port, sender):
    replies = []
    with Smtp(port) as smtp:
        replies.append(smtp.command("EHLO client.example"))
        for saying in SAYINGS:
            replies.append((saying, smtp.command(
                f"MAIL FROM:<{sender}> {saying}")))
            smtp.command("RSET")
    return replies


@pytest.mark.root
@pytest.mark.peer
@pytest.mark.parametrize("settings", [
    {}, {"smtpd_authorized_verp_clients": "127.0.0.0/8"},
    {"smtpd_authorized_verp_clients": "!127.0.0.1, 127.0.0.0/8"},
    {"authorized_verp_clients": "$mynetworks"},
    {"smtpd_authorized_verp_clients": "127.0.0.1",
     "smtpd_discard_ehlo_keywords": "verp",
     "default_verp_delimiters": "a@", "verp_delimiter_filter": "ab@"}])
def test_dialogue(make_instance, settings):
    """Who may ask, how, and what is answered to the others."""
    settings = dict(settings, myhostname=HOST, mynetworks="127.0.0.0/8",
                    smtpd_tls_security_level="none",
                    smtpd_error_sleep_time="0")
    mail = make_instance(*(f"{k} = {v}" for k, v in settings.items()))
    mail.start()
    with postfix_peer.PostfixPeer(settings) as peer:
        for sender in ("list@origin.example", ""):
            ours, theirs = say(mail.port, sender), say(peer.port, sender)
            assert ours == theirs


def leave_in(maildrop, name, delimiters, sender, recipient):
    """A file as postdrop would have written it."""
    def record(kind, data):
        data = data.encode()
        assert len(data) < 128
        return kind.encode() + bytes([len(data)]) + data
    path = os.path.join(maildrop, name)
    with open(path, "wb") as f:
        f.write(record("T", "1700000000") + record("S", sender)
                + record("V", delimiters) + record("R", recipient)
                + record("M", "") + record("N", "Subject: x")
                + record("N", "") + record("X", "") + record("E", ""))
    os.chmod(path, 0o744)


def test_bad_requests(make_instance):
    """A user's file that asks for nonsense is delivered without."""
    mail = make_instance()
    maildrop = os.path.join(
        mail.tool("postconf", "-c", mail.etc, "-h",
                  "queue_directory").stdout.strip(), "maildrop")
    mail.start()
    box = mail.mailbox_path()
    for i, (delimiters, sender, said) in enumerate([
            ("+@", LIST, 'ignoring bad VERP request: "+@"'),
            ("+", LIST, 'ignoring bad VERP request: "+"'),
            ("+=\x01", LIST, 'ignoring bad VERP request: "'),
            ("+=", "", "ignoring VERP request for null sender"),
            ("+=", LIST, None)]):
        name = f"ABCDEF{i:06}"
        leave_in(maildrop, name, delimiters, sender, mail.user)
        mail.tool("postkick", "-c", mail.etc, "public", "pickup", "W")
        mail.wait_for(lambda i=i: os.path.exists(box) and open(
            box, "rb").read().count(b"\nSubject: x\n") == i + 1)
        assert said is None or f"maildrop/{name}: {said}" in mail.log()
    paths = re.findall(r"(?m)^Return-Path: <(.*)>$",
                       mail.mailbox().decode(errors="replace"))
    assert paths == [LIST, LIST, LIST, "",
                     f"list+{mail.user}@origin.example"]
