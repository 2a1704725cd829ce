# SPDX-License-Identifier: ISC
"""Tables that change addresses of headers and envelopes, and add recipients:
compared, byte for byte, with a Postfix that has the same tables.

All mail goes to a server that writes down what it gets, one recipient at a
time.
"""

import os
import re
import socketserver
import sys
import tempfile
import threading
import time

import pytest

from lib.instance import Instance, Smtp

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "bench"))
import postfix_peer  # noqa: E402  (its folder is not a package)

TABLES = {
    "sender": """\
joe@in.example          Joe.User@out.example
chain1@in.example       chain2@in.example
chain2@in.example       common@in.example
@quiet.example          noreply@out.example
"needs quotes"@in.example  plain@out.example
weird@in.example        "so weird"@out.example
two@in.example          one@out.example, other@out.example
phrase@in.example       A Name <phrase@out.example> (text)
loop1@in.example        loop2@in.example
loop2@in.example        loop1@in.example
same@in.example         SAME@in.example
bare@in.example         bare-result
local                   local-result@out.example
semi;colon@in.example   semi@out.example
semi;colon              semi-local@out.example
tosub@in.example        u@host.masq.example
""",
    "recipient": """\
kim@in.example          Kim.Kimble@out.example
@all.example            @other.example
ext@in.example          plain@out.example
ext+full@in.example     exact@out.example
<>                      nobody@out.example
local                   local-rcpt@out.example
semi;colon@in.example   semi@out.example
semi;colon              semi-local@out.example
utf@in.example          other@out.example
""",
    "common": """\
common@in.example       Common@out.example
both@in.example         both@out.example
user@example.com        user@in.example
root                    postmaster@out.example
""",
    "sender-bcc": """\
joe@in.example          never-asked-for@bcc.example
Joe.User@out.example    joes@bcc.example
@bcc-all.example        all@bcc.example
ext@in.example          ext-bcc@bcc.example
alias@in.example        alias@alias.example
""",
    "recipient-bcc": """\
kim@in.example          never-asked-for@bcc.example
Kim.Kimble@out.example  kims@bcc.example
second@out.example      kims@bcc.example
@mapped.example         kim@in.example
sub@out.example         u@host.masq.example
always@out.example      always+x@bcc.example
listed@out.example      "with space"@bcc.example
bare@out.example        archive
""",
    "virtual": """\
semi;colon@alias.example found-without@far.example
"semi colon"@alias.example found-with@far.example
alias@alias.example     a1@far.example, a2@far.example
kims@bcc.example        kims-box@bcc.example
""",
}

SETTINGS = {
    "compatibility_level": "3.6",
    "myhostname": "mx.example.com",
    "mydomain": "example.com",
    "myorigin": "$mydomain",
    "mydestination": "$myhostname, $mydomain, localhost",
    "mynetworks": "127.0.0.0/8",
    "relayhost": "[127.0.0.1]:{PORT}",
    "local_transport": "smtp:[127.0.0.1]:{PORT}",
    "smtp_destination_recipient_limit": "1",
    "recipient_delimiter": "+",
    "local_recipient_maps": "",
    "alias_maps": "",
    "virtual_alias_domains": "alias.example",
    "virtual_alias_maps": "texthash:{T}/virtual",
    "canonical_maps": "texthash:{T}/common",
    "sender_canonical_maps": "texthash:{T}/sender",
    "recipient_canonical_maps": "texthash:{T}/recipient",
    "masquerade_domains": "!keep.masq.example masq.example",
    "masquerade_exceptions": "root, staff",
    "always_bcc": "always+x@bcc.example",
    "sender_bcc_maps": "texthash:{T}/sender-bcc",
    "recipient_bcc_maps": "texthash:{T}/recipient-bcc",
    "smtpd_peername_lookup": "no",
    "smtp_dns_support_level": "disabled",
    "append_dot_mydomain": "yes",
}

COMPLETE = "Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-Id: <x@y.example>\n"

# Each a header; also sent with their parts shuffled over From, To and so on.
VALUES = [
    "joe@in.example",
    "Joe <joe@in.example>",
    "\"Joe, User\" <joe@in.example> (a comment)",
    "joe@in.example (Joe (nested) User)",
    "(before) joe@in.example",
    "joe (in the middle) @in.example",
    "joe @ in . example",
    "JOE@IN.EXAMPLE",
    "joe+ext@in.example",
    "kim@in.example, joe@in.example, both@in.example",
    "kim@in.example,\n\tjoe@in.example,\n both@in.example",
    "Kim <kim@in.example>, Joe <joe@in.example>, Both <both@in.example>, "
    "A Longer Name <somebody@all.example>, Another <other@quiet.example>",
    "friends: kim@in.example, Joe <joe@in.example>;",
    "friends: kim@in.example, Joe <joe@in.example>;, both@in.example",
    "undisclosed-recipients:;",
    "chain1@in.example",
    "any@quiet.example, any+x@quiet.example",
    "any@all.example, any+x@all.example, \"a b\"@all.example",
    "\"needs quotes\"@in.example",
    "\"joe\"@in.example",
    "\"kim\"@in.example, <\"kim\"@in.example>",
    "\"semi;colon\"@in.example, \"semi;colon\"",
    "weird@in.example",
    "two@in.example",
    "phrase@in.example",
    "loop1@in.example",
    "same@in.example",
    "bare@in.example",
    "local",
    "local+x, local@example.com, local@mx.example.com",
    "local@localhost",
    "root",
    "user, user@mx, user@example.com",
    "ext@in.example, ext+y@in.example, ext+full@in.example",
    "ext+y+z@in.example",
    "u@host.masq.example, u@masq.example, U@A.B.MASQ.example",
    "root@host.masq.example, staff@x.masq.example, staff+x@x.masq.example",
    "u@keep.masq.example, u@sub.keep.masq.example, u@notmasq.example",
    "tosub@in.example",
    "u@host.masq.example (here)",
    "<>",
    "",
    "<joe@in.example",
    "joe@in.example>",
    "joe@in.example joe@in.example",
    "Joe User joe@in.example",
    "<@route.example:joe@in.example>",
    "joe%in.example@mx.example.com, in.example!joe",
    "joe@in.example;kim@in.example",
    "joe@in.example.",
    "joe@[127.0.0.1], user@[127.0.0.1]",
    ",,joe@in.example,,",
    "joe\\@in.example, \"joe\\\"x\"@in.example",
    "=?utf-8?q?J=C3=B6e?= <joe@in.example>",
    "J\u00f6e <joe@in.example>, j\u00f6e@quiet.example",
    "Joe.User <joe@in.example>, J. User <kim@in.example>",
    "joe@in.example, " + "x" * 300 + " <kim@in.example>",
    ", ".join(f"Number {i} <joe+{i}@in.example>" for i in range(60)),
    ", ".join(f"n{i}@all.example" for i in range(60)),
    "a@b, c@d.example, kim@in.example",
    "\"unclosed <joe@in.example>, kim@in.example",
    "(unclosed joe@in.example, kim@in.example",
    "common@in.example, both@in.example, user@example.com",
]

NAMES = ["From", "To", "Sender", "Reply-To", "Cc", "Resent-From", "Resent-To",
         "Errors-To", "Return-Receipt-To", "Apparently-To", "Resent-Reply-To",
         "Disposition-Notification-To", "Mail-Followup-To", "Resent-Sender",
         "Resent-Cc", "Bcc", "Resent-Bcc", "Return-Path", "X-Other"]


def messages():
    """Sender, recipients, content."""
    for i, value in enumerate(VALUES):
        other = NAMES[2 + i % (len(NAMES) - 2)]
        yield ("a@far.example", ["b@far.example"],
               f"From: {value}\nTo: {value}\n{other}: {value}\n{COMPLETE}"
               "\nbody\n.dot\n")
    for name in NAMES:
        yield ("a@far.example", ["b@far.example"],
               f"{name}: Joe <joe@in.example>, kim@in.example, both, "
               f"u@host.masq.example\nsubject: y\n{COMPLETE}\nbody\n")
    yield ("joe@in.example", ["b@far.example"], "Subject: no header\n\nb\n")
    yield ("u@host.masq.example", ["b@far.example"], "no header at all\n")
    yield ("joe@in.example", ["b@far.example"], "To: kim@in.example\n")
    yield ("joe@in.example", ["b@far.example"],
           "Resent-To: kim@in.example\nTo: kim@in.example\n\nresent\n")
    yield ("a@far.example", ["b@far.example"],
           ">From joe@in.example\nFrom: joe@in.example\n\nmailbox\n")
    yield ("a@far.example", ["b@far.example"],
           "".join(f"X-{i}: joe@in.example\nTo : n{i}@all.example\n"
                   for i in range(100)) + COMPLETE + "\nmany\n")
    yield ("a@far.example", ["b@far.example"],
           "To: " + ",\n ".join(f"n{i}@all.example" for i in range(4500))
           + "\nCc: " + ",\n ".join(f"n{i}@all.example" for i in range(4500))
           + "\nReply-To: joe@in.example\n" + COMPLETE + "\nlong\n"
           + "x" * 70 + "\n" * 3000)


SENDERS = ["", "joe@in.example", "joe+x@in.example", "chain1@in.example",
           "local", "u@host.masq.example", "root@host.masq.example",
           "x@quiet.example", "x@bcc-all.example", "ext+y@in.example",
           "alias@in.example", "weird@in.example", "loop1@in.example",
           "\"needs quotes\"@in.example", "mailer-daemon",
           "\"semi;colon\"@in.example", "\"semi;colon\"@bcc-all.example",
           "\"semi;colon\"", "joe\\@in.example"]
RECIPIENTS = [["kim@in.example"], ["kim@in.example", "second@out.example"],
              ["any@all.example"], ["ext+y@in.example"], ["local"],
              ["u@host.masq.example"], ["x@mapped.example"],
              ["sub@out.example"], ["always@out.example"],
              ["listed@out.example"], ["bare@out.example"],
              ["\"semi;colon\"@in.example"], ["\"semi;colon\""],
              ["\"semi;colon\"@alias.example"],
              ["\"semi colon\"@alias.example"],
              ["alias@alias.example"], ["b@far.example", "c@far.example"],
              ["always+x@bcc.example"], ["kims@bcc.example",
                                         "second@out.example"]]


def envelopes():
    for sender in SENDERS:
        yield sender, ["b@far.example"], f"{COMPLETE}From: a\nTo: b\n\nbody\n"
    for recipients in RECIPIENTS:
        yield ("a@far.example", recipients,
               f"{COMPLETE}From: a\nTo: b\n\nbody\n")
    yield ("joe@in.example", ["kim@in.example", "second@out.example",
                              "b@far.example", "listed@out.example"],
           f"{COMPLETE}From: a\nTo: b\n\nbody\n")


class Sink(socketserver.ThreadingTCPServer):
    """Keeps (MAIL, RCPT, content) by the number of the message."""

    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text):
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self):
            mail = rcpt = None
            self.say("220 sink ESMTP")
            for line in self.rfile:
                line = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
                verb = line[:4].upper()
                if verb == "EHLO":
                    self.say("250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8"
                             "\r\n250 DSN")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                elif verb == "DATA":
                    self.say("354 go on")
                    self.server.keep(mail, rcpt, self.content())
                    self.say("250 kept")
                else:
                    if verb == "MAIL":
                        mail = line
                    elif verb == "RCPT":
                        rcpt = line
                    self.say("250 ok")

        def content(self):
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines)

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.port = self.server_address[1]
        self.kept = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, mail, rcpt, content):
        queue_id = re.search(rb"^Received: .*\r\n\tby .*id (\w+)", content)[1]
        content = re.sub(rb"^Received: .*\r\n(\t.*\r\n)+", b"", content)
        content = re.sub(rb"(?m)^((?:Resent-)?Message-Id: <)[\dA-F.]+@mx",
                         rb"\1@mx", content)
        content = re.sub(rb"(?m)^((?:Resent-)?Date:).* \(UTC\)", rb"\1",
                         content)
        mail = re.sub(r" SIZE=\d+", "", mail)
        self.kept.append((queue_id.decode(), mail, rcpt, content))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def lines(tables, sink, more=()):
    settings = dict(SETTINGS, **dict(more))
    return {name: value.replace("{T}", tables).replace(
        "{PORT}", str(sink.port)) for name, value in settings.items()}


@pytest.fixture(scope="module")
def tables():
    """Not below pytest's own directory, where only root may look."""
    with tempfile.TemporaryDirectory(prefix="chasqui-tables-") as directory:
        os.chmod(directory, 0o755)
        for name, text in TABLES.items():
            with open(os.path.join(directory, name), "w",
                      encoding="utf-8") as f:
                f.write(text)
        yield directory


def deliver(system, sink, mails):
    """What arrives for each of them: a list of lists."""
    client = Smtp(system.port)
    client.command("EHLO client.example", 250)
    ids = []
    for sender, recipients, content in mails:
        client.command(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients:
            client.command(f"RCPT TO:<{recipient}>", 250)
        reply = str(client.data(content))
        assert reply.startswith("250"), (content, reply)
        ids.append(re.search(r"queued as (\w+)", reply)[1])
    client.close()
    deadline = time.monotonic() + 40
    for queue_id in ids:
        while not system.log_lines(f" {queue_id}: removed"):
            assert time.monotonic() < deadline, system.log_lines(queue_id)
            time.sleep(0.05)
    return [sorted(kept[1:] for kept in list(sink.kept) if kept[0] == queue_id)
            for queue_id in ids]


def compare(tables, mails, more=()):
    reason = postfix_peer.why_not()
    if reason:
        pytest.skip(reason)
    mails = list(mails)
    with Sink() as sink:
        settings = lines(tables, sink, more)
        with postfix_peer.PostfixPeer(settings) as peer:
            theirs = deliver(peer, sink, mails)
        with Instance(*(" = ".join(s) for s in settings.items())) as mail:
            ours = deliver(mail, sink, mails)
    wrong = []
    assert any(theirs)
    for mail, our, their in zip(mails, ours, theirs):
        if our != their:
            wrong.append(f"{mail}:\n\tPostfix {their}\n\twe      {our}")
    assert not wrong, f"{len(wrong)} of {len(mails)}\n" + "\n".join(wrong)


def test_local_clients(tables):
    compare(tables, list(messages()) + list(envelopes()))


def test_strangers(tables):
    """Their headers are left alone."""
    compare(tables, list(messages())[::3],
            {"local_header_rewrite_clients": ""})


def test_strangers_with_a_domain(tables):
    compare(tables, list(messages())[1::2], {
        "local_header_rewrite_clients": "",
        "remote_header_rewrite_domain": "domain.invalid"})


def test_other_classes(tables):
    mails = list(messages())[:20] + list(envelopes())
    compare(tables, mails, {
        "canonical_classes": "header_sender",
        "sender_canonical_classes": "envelope_sender",
        "recipient_canonical_classes": "header_recipient",
        "masquerade_classes": "envelope_recipient, header_recipient",
        "propagate_unmatched_extensions": "virtual"})


def test_no_mappings(tables):
    compare(tables, list(messages())[:10] + list(envelopes()),
            {"receive_override_options": "no_address_mappings"})


BROKEN = {"sender_canonical_maps": "fail:broken",
          "sender_canonical_classes": "header_sender"}
REFUSAL = "451 4.3.0 Error: queue file write error\r\n"


def try_broken(system):
    """The reply to three messages of one session."""
    with Smtp(system.port) as client:
        client.command("EHLO client.example", 250)
        replies = []
        for content in (f"From: joe@in.example\n{COMPLETE}\n" + "x\n" * 100000,
                        f"From: joe@in.example\n{COMPLETE}",
                        f"To: joe@in.example\n{COMPLETE}\nbody\n"):
            client.envelope("a@far.example", ["b@far.example"])
            replies.append(str(client.data(content)))
        client.command("NOOP", 250)
    return replies


def test_broken_table(tables):
    """Told at the end of the content; the session goes on."""
    with Sink() as sink:
        settings = lines(tables, sink, BROKEN)
        with Instance(*(" = ".join(s) for s in settings.items())) as mail:
            replies = try_broken(mail)
            assert replies[:2] == [REFUSAL, REFUSAL]
            assert replies[2].startswith("250")
            mail.wait_empty()
            assert len(sink.kept) == 2  # one, and always_bcc
            assert mail.log_lines(
                r"[0-9A-F]+: sender_canonical_maps map lookup problem for "
                "joe@in.example -- message not accepted, try again later")
        if not postfix_peer.why_not():
            with postfix_peer.PostfixPeer(settings) as peer:
                assert try_broken(peer)[:2] == replies[:2]


class SlowTable(socketserver.ThreadingTCPServer):
    """A table that says nothing as long as it is told so."""

    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.server.asked.append(line)
                if self.server.silent:
                    self.rfile.read()
                    return
                self.wfile.write(b"200 new@slow.example\n"
                                 if line == b"get joe@in.example\n"
                                 else b"500 no\n")

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.asked = []
        self.silent = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


@pytest.mark.parametrize("how", ["DATA", "BDAT", "BDAT in pieces"])
def test_killed_worker(tables, how):
    """The worker that was asked dies: another one is asked. What the client
    sends meanwhile waits."""
    content = (f"From: joe@in.example\nTo: kim@in.example\n{COMPLETE}\n"
               + "x" * 70 + "\n") .replace("\n", "\r\n").encode()
    content += b"y" * 998 + b"\r\n" + b"z\r\n" * 200000
    with SlowTable() as table, Sink() as sink:
        settings = lines(tables, sink, {
            "rules_processes": "1",
            "sender_canonical_maps":
                f"tcp:127.0.0.1:{table.server_address[1]}",
            "sender_canonical_classes": "header_sender"})
        with Instance(*(" = ".join(s) for s in settings.items())) as mail:
            client = Smtp(mail.port)
            client.command("EHLO client.example", 250)
            client.envelope("a@far.example", ["b@far.example"])
            if how == "DATA":
                client.command("DATA", 354)
                send = content + b".\r\nNOOP\r\n"
            elif how == "BDAT":
                send = b"BDAT %d LAST\r\n" % len(content) + content
            else:
                send = (b"BDAT 10\r\n" + content[:10] +
                        b"BDAT 100\r\n" + content[10:110] +
                        b"BDAT %d\r\n" % (len(content) - 110) +
                        content[110:] + b"BDAT 0 LAST\r\n")
            writer = threading.Thread(target=client.write, args=(send,))
            writer.start()
            mail.wait_for(lambda: table.asked, what="the table is asked")
            table.silent = False
            asked = len(table.asked)
            mail.kill("rules")
            replies = [client.reply()
                       for _ in range(how.count("BDAT in") * 3 + 1)]
            writer.join()
            assert all(reply.code == 250 for reply in replies), replies
            assert len(table.asked) > asked
            client.close()
            mail.wait_empty()
            for *_, got in sink.kept:
                assert got == content.replace(
                    b"joe@in.example", b"new@slow.example").replace(
                    b"kim@in.example", b"Kim.Kimble@out.example")
