# SPDX-License-Identifier: ISC
"""LMTP: what is said to servers in many moods, and of them, as Postfix does,
recipient by recipient."""

import os
import re
import socket

import pytest

from lib import instance
from lib.moody import CLOSE, HANG, Moody, plain
import postfix_peer

pytestmark = pytest.mark.peer

LHLO = "250-moody.example\n250-PIPELINING\n250-8BITMIME\n250 "
# Name, mood, number of recipients.
MOODS = [
    ("good", {}, 1),
    ("three recipients", {}, 3),
    ("no LHLO", {"LHLO": "500 5.5.1 what?"}, 1),
    ("LHLO 421", {"LHLO": "421 4.3.2 later"}, 1),
    ("LHLO 550", {"LHLO": "550 5.7.1 no"}, 2),
    ("LHLO 450", {"LHLO": "450 4.7.1 no"}, 2),
    ("LHLO closes", {"LHLO": CLOSE}, 1),
    ("LHLO hangs", {"LHLO": HANG}, 1),
    ("greeting 554", {"connect": "554 5.7.1 go away"}, 2),
    ("greeting 421", {"connect": "421 4.3.2 closed"}, 1),
    ("greeting 220 ESMTP", {"connect": "220 moody.example SMTP"}, 1),
    ("greeting closes", {"connect": CLOSE}, 1),
    ("greeting hangs", {"connect": HANG}, 1),
    ("no PIPELINING", {"LHLO": "250-moody\n250 8BITMIME"}, 3),
    ("MAIL 550", {"MAIL": "550 5.1.8 bad sender"}, 2),
    ("MAIL 450", {"MAIL": "450 4.1.8 later"}, 2),
    ("MAIL 421", {"MAIL": "421 4.3.2 closing"}, 2),
    ("MAIL closes", {"MAIL": CLOSE}, 2),
    ("RCPT mixed", {"RCPT": ["250 2.1.5 Ok", "550 5.1.1 who?",
                             "450 4.2.0 later"]}, 3),
    ("RCPT all 550", {"RCPT": "550 5.1.1 who?"}, 3),
    ("RCPT all 452", {"RCPT": "452 4.2.2 full"}, 3),
    ("RCPT 421", {"RCPT": ["250 2.1.5 Ok", "421 4.3.2 closing"]}, 3),
    ("RCPT closes", {"RCPT": ["250 2.1.5 Ok", CLOSE]}, 3),
    ("DATA 550", {"DATA": "550 5.7.1 no"}, 2),
    ("DATA 451", {"DATA": "451 4.3.0 later"}, 2),
    ("DATA 503 without recipients",
     {"RCPT": "550 5.1.1 who?", "DATA": "503 5.5.1 no recipients"}, 2),
    ("DATA 250", {"DATA": "250 2.0.0 sure"}, 1),
    ("DATA closes", {"DATA": CLOSE}, 2),
    ("DATA hangs", {"DATA": HANG}, 2),
    ("DOT mixed", {"DOT": ["250 2.1.5 saved", "552 5.2.2 full",
                           "451 4.2.0 later"]}, 3),
    ("DOT mixed, RCPT mixed", {
        "RCPT": ["550 5.1.1 who?", "250 2.1.5 Ok", "250 2.1.5 Ok"],
        "DOT": ["552 5.2.2 full", "250 2.1.5 saved"]}, 3),
    ("DOT closes", {"DOT": CLOSE}, 3),
    ("DOT closes after one", {"DOT": ["250 2.1.5 saved", CLOSE]}, 3),
    ("DOT closes after two", {"DOT": ["550 5.2.0 a", "250 2.0.0 b",
                                      CLOSE]}, 3),
    ("DOT hangs after one", {"DOT": ["250 2.1.5 saved", HANG]}, 3),
    ("DOT 421 after one", {"DOT": ["250 2.1.5 saved",
                                   "421 4.3.2 closing"]}, 3),
    ("DOT 354", {"DOT": ["354 more?", "250 2.0.0 Ok"]}, 2),
    ("DOT in lines", {"DOT": ["250-2.6.0 thank\n250 2.6.0 you",
                              "550-5.6.0 no\n550 5.6.0 never"]}, 2),
    ("DOT without a status", {"DOT": ["250 ok", "550 no", "450 so"]}, 3),
    ("content closes", {"CONTENT": CLOSE}, 2),
    ("SIZE too small", {"LHLO": LHLO + "SIZE 20"}, 2),
    ("SIZE none", {"LHLO": LHLO + "SIZE"}, 2),
    ("control characters", {"DOT": [b"250 2.0.0 a\tb\x01c\xff\r\n",
                                    b"550 5.0.0 \x1b[1m\r\n"]}, 2),
    ("DSN", {"LHLO": LHLO + "DSN"}, 2),
]

QUICK = {
    "lmtp_lhlo_timeout": "2s",
    "lmtp_connect_timeout": "2s",
    "lmtp_mail_timeout": "2s",
    "lmtp_rcpt_timeout": "2s",
    "lmtp_data_init_timeout": "2s",
    "lmtp_data_done_timeout": "2s",
    "myhostname": "relay.example",
    "compatibility_level": "3.6",
    "inet_protocols": "ipv4",
    "default_transport": "lmtp",
    "bounce_notice_recipient": "nobody@[127.0.9.9]",
}
SENDER = "me@relay.example"  # whose notices stay here


def send(mail, to, options="", rcpt_options="", content="hello\n"):
    with instance.Smtp(mail.port) as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.command(f"MAIL FROM:<{SENDER}>{options}", 250)
        for one in to:
            smtp.command(f"RCPT TO:<{one}>{rcpt_options}", 250)
        answer = smtp.data("Subject: x\n\n" + content)
        assert answer.code == 250, answer
        return re.search(r"queued as (\S+)", answer).group(1)


def wait_tried(mail, ids):
    """{queue id: number of recipients}"""
    mail.wait_for(lambda: all(
        len(re.findall(rf"lmtp.* {qid}: to=<.*status=", mail.log())) >= count
        for qid, count in ids.items()), 60)


def said(mail, qid, address):
    return [re.sub(r"message size \d+", "message size N",
                   plain(line).replace(qid, "ID"))
            for line in mail.log().splitlines()
            if re.search(r"/lmtp\[\d+\]: ", line)
            and (f" {qid}: " in line or f"connect to {address}[" in line)]


def both(settings, lines, act):
    """What `act` says of each of the two systems."""
    def configured(mail):
        mail.configure_master("lmtp unix - - n - - lmtp", *lines)
        mail.configure(*(f"{name} = {value}"
                         for name, value in settings.items()))
        mail.start()
        return act(mail)
    ours = instance.Instance()
    try:
        mine = configured(ours)
    finally:
        ours.destroy()
    theirs = postfix_peer.PostfixPeer()
    try:
        return mine, configured(theirs)
    finally:
        theirs.destroy()


@pytest.fixture(scope="module")
def results():
    reason = postfix_peer.why_not()
    if reason:
        pytest.skip(reason)
    with Moody([mood for _, mood, _ in MOODS]) as server:
        def send_all(mail):
            sent = [send(mail, [f"{c}@[{server.address(i)}]"
                                for c in "abc"[:count]])
                    for i, (_, _, count) in enumerate(MOODS)]
            wait_tried(mail, dict(zip(sent, (n for *_, n in MOODS))))
            return {name: said(mail, qid, server.address(i))
                    for i, (qid, (name, *_)) in enumerate(zip(sent, MOODS))}
        return both(dict(QUICK, lmtp_tcp_port=server.port), [], send_all)


@pytest.mark.parametrize("name", [name for name, _, _ in MOODS])
def test_said_as_postfix_does(name, results):
    ours, theirs = results
    assert ours[name] == theirs[name]


# What is sent

OFFERS = {
    "all": "250-moody.example\n250-PIPELINING\n250-8BITMIME\n"
           "250-SIZE 100000\n250-DSN\n250 ENHANCEDSTATUSCODES",
    "none": "250 moody.example",
}
SAYINGS = [
    ("plain", "", "", "a", "x\n"),
    ("8BITMIME", " BODY=8BITMIME", "", "a", "\xe9\n"),
    ("DSN", " RET=HDRS ENVID=e+3Dx", " NOTIFY=SUCCESS,DELAY "
     "ORCPT=rfc822;o+3Dx@y", "a", "x\n"),
    ("never", "", " NOTIFY=NEVER", "a", "x\n"),
    ("quoted", "", "", '"a b"', "x\n"),
]


def commands_for(mail, server, index):
    result = {}
    for name, options, rcpt_options, local, content in SAYINGS:
        before = len(server.commands)
        qid = send(mail, [f"{local}@[{server.address(index)}]",
                          f"b@[{server.address(index)}]"],
                   options, rcpt_options, content)
        wait_tried(mail, {qid: 2})
        result[name] = [re.sub(r"SIZE=\d+", "SIZE=N", command)
                        for command in server.commands[before:]
                        if command[:4] in ("LHLO", "MAIL", "RCPT", "RSET")]
    return result


@pytest.mark.parametrize("name", OFFERS)
def test_commands_are_those_of_postfix(name):
    with Moody([{"LHLO": OFFERS[name]}]) as server:
        settings = dict(QUICK, lmtp_tcp_port=server.port,
                        lmtp_connection_cache_on_demand="no",
                        disable_mime_output_conversion="yes")
        ours, theirs = both(settings, [], lambda mail: commands_for(
            mail, server, 0))
    assert ours == theirs


# Where it goes

def test_destinations():
    with Moody([{}, {}]) as server:
        places = [
            f"inet:127.0.1.1:{server.port}", f"inet:[127.0.1.1]:{server.port}",
            f"127.0.1.2:{server.port}", f"[127.0.1.2]:{server.port}",
            "inet:127.0.1.1", "[127.0.1.2]", "inet:[127.0.1.1]",
            "unix:sockets/lmtp", "unix:HERE/sockets/lmtp", "unix:nothing",
            "inet:[::1]:1", "inet:[127.0.9.9]:24"]
        settings = dict(QUICK, lmtp_tcp_port=server.port)

        def send_all(mail):
            queue = mail.tool("postconf", "-c", mail.etc, "-h",
                              "queue_directory").stdout.strip()
            mail.configure("transport_maps = inline:{" + ", ".join(
                "{d%d.example = lmtp:%s}" % (i, place.replace("HERE", queue))
                for i, place in enumerate(places)) + "}")
            mail.postfix("reload")
            os.mkdir(os.path.join(queue, "sockets"))
            path = os.path.join(queue, "sockets", "lmtp")
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(path)
                os.chmod(path, 0o666)
            sent = [send(mail, [f"a@d{i}.example"])
                    for i in range(len(places))]
            wait_tried(mail, {qid: 1 for qid in sent})
            return {place: [line.replace(queue, "QUEUE")
                            for line in said(mail, qid, "none")]
                    for place, qid in zip(places, sent)}
        ours, theirs = both(settings, [], send_all)
    assert ours == theirs


def test_recipient_limit():
    with Moody([{}]) as server:
        settings = dict(QUICK, lmtp_tcp_port=server.port,
                        lmtp_destination_recipient_limit="2")

        def send_one(mail):
            before = len(server.contents)
            qid = send(mail, [f"{c}@[127.0.1.1]" for c in "abcde"])
            wait_tried(mail, {qid: 5})
            return len(server.contents) - before
        assert both(settings, [], send_one) == (3, 3)
