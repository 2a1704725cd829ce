# SPDX-License-Identifier: ISC
"""Mail to next hops: servers in many moods, the way to them, and what is said
about it, compared with Postfix where there is one."""

import os
import random
import re
import socket
import subprocess
import time

import pytest

from lib import instance
from lib.moody import CLOSE, HANG, Moody, plain
import postfix_peer

# Name, mood, number of recipients.
MOODS = [
    ("good", {}, 1),
    ("three recipients", {}, 3),
    ("no ESMTP", {"EHLO": "500 5.5.1 what?"}, 1),
    ("no PIPELINING", {"EHLO": "250-moody\n250 8BITMIME"}, 3),
    ("no PIPELINING, refused", {"EHLO": "250 moody",
                                "MAIL": "550 5.7.1 no"}, 2),
    ("DSN", {"EHLO": "250-moody\n250-PIPELINING\n250 DSN"}, 1),
    ("greeting 554", {"connect": "554 5.7.1 go away"}, 2),
    ("greeting 554 in lines", {"connect": "554-go\n554 5.7.1 away"}, 1),
    ("greeting 421", {"connect": "421 4.3.2 closed"}, 1),
    ("greeting 450", {"connect": "450 later"}, 1),
    ("greeting closes", {"connect": CLOSE}, 1),
    ("greeting hangs", {"connect": HANG}, 1),
    ("EHLO closes", {"EHLO": CLOSE}, 1),
    ("EHLO hangs", {"EHLO": HANG}, 1),
    ("EHLO 421", {"EHLO": "421 4.7.0 not now"}, 1),
    ("HELO 550", {"EHLO": "502 5.5.1 no", "HELO": "550 5.7.1 bad name"}, 1),
    ("HELO 450", {"EHLO": "502 5.5.1 no", "HELO": "450 4.7.1 later"}, 1),
    ("MAIL 550", {"MAIL": "550 5.1.8 bad sender"}, 2),
    ("MAIL 450", {"MAIL": "450 4.1.8 later"}, 2),
    ("MAIL 421", {"MAIL": "421 4.3.2 closing"}, 1),
    ("MAIL closes", {"MAIL": CLOSE}, 2),
    ("MAIL hangs", {"MAIL": HANG}, 1),
    ("MAIL 354", {"MAIL": "354 what"}, 1),
    ("RCPT 550", {"RCPT": "550 5.1.1 who?"}, 1),
    ("RCPT 550 in lines", {"RCPT": "550-5.1.1 who\n550 5.1.1 is that?"}, 1),
    ("RCPT 550 without a status", {"RCPT": "550 who?"}, 1),
    ("RCPT 550 with a wrong status", {"RCPT": "550 4.1.1 who?"}, 1),
    ("RCPT 452", {"RCPT": "452 4.2.2 full"}, 1),
    ("RCPT mixed", {"RCPT": ["250 2.1.5 Ok", "550 5.1.1 who?",
                             "450 4.2.0 later"]}, 3),
    ("RCPT closes", {"RCPT": ["250 2.1.5 Ok", CLOSE]}, 3),
    ("RCPT hangs", {"RCPT": HANG}, 1),
    ("DATA 550", {"DATA": "550 5.7.1 no"}, 2),
    ("DATA 451", {"DATA": "451 4.3.0 later"}, 2),
    ("DATA 250", {"DATA": "250 2.0.0 sure"}, 1),
    ("DATA closes", {"DATA": CLOSE}, 1),
    ("DATA hangs", {"DATA": HANG}, 1),
    ("DOT 550", {"DOT": "550 5.7.1 spam"}, 2),
    ("DOT 451", {"DOT": "451 4.3.0 later"}, 1),
    ("DOT 354", {"DOT": "354 more?"}, 1),
    ("DOT without text", {"DOT": "250"}, 1),
    ("DOT in lines", {"DOT": "250-2.6.0 thank\n250 2.6.0 you"}, 1),
    ("DOT closes", {"DOT": CLOSE}, 2),
    ("DOT hangs", {"DOT": HANG}, 1),
    ("SIZE too small", {"EHLO": "250-moody\n250-PIPELINING\n250 SIZE 20"}, 1),
    ("control characters", {"RCPT": b"550 5.1.1 a\tb\x01c\xff\r\n"}, 1),
    ("UTF-8", {"RCPT": "550 5.1.1 qui\xe9n?".encode() + b"\r\n"}, 1),
    ("LF only", {"RCPT": b"550 5.1.1 who?\n"}, 1),
]

QUICK = {
    "smtp_helo_timeout": "2s",
    "smtp_mail_timeout": "2s",
    "smtp_rcpt_timeout": "2s",
    "smtp_data_init_timeout": "2s",
    "smtp_data_done_timeout": "2s",
    "myhostname": "relay.example",
    "compatibility_level": "3.6",
    "smtp_address_preference": "ipv4",
}


def recipients(domain, count):
    return [f"{name}@{domain}" for name in "abc"[:count]]


def send(port, sender, to, content="Subject: x\n\nhello\n"):
    with instance.Smtp(port) as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.envelope(sender, to)
        answer = smtp.data(content)
        assert answer.code == 250, answer
        return re.search(r"queued as (\S+)", answer).group(1)


def outcome(lines, qid, address):
    """What was said about one message, and about its server."""
    return [re.sub(r"message size \d+", "message size N", plain(line))
            for line in lines
            if re.search(r"/smtp\[\d+\]: ", line)
            and (f" {qid}: " in line or f"connect to {address}[" in line)]


def send_all(mail, server):
    """One message for each mood; {name: lines of the log}."""
    sent = []
    for i, (name, _, count) in enumerate(MOODS):
        address = server.address(i)
        qid = send(mail.port, "me@example.com",
                   recipients(f"[{address}]", count))
        sent.append((name, qid, address, count))

    def is_done(qid, count):
        return len(re.findall(rf" {qid}: to=<.*status=", mail.log())) >= count

    mail.wait_for(lambda: all(is_done(qid, count)
                              for _, qid, _, count in sent), 60)
    lines = mail.log().splitlines()
    return {name: outcome(lines, qid, address)
            for name, qid, address, _ in sent}


@pytest.fixture(scope="module")
def moody():
    with Moody([mood for _, mood, _ in MOODS]) as server:
        yield server


@pytest.fixture(scope="module")
def ours(moody):
    lines = [f"{name} = {value}" for name, value in QUICK.items()]
    with instance.Instance(*lines, f"smtp_tcp_port = {moody.port}") as mail:
        yield send_all(mail, moody)


@pytest.fixture(scope="module")
def theirs(moody):
    reason = postfix_peer.why_not()
    if reason:
        pytest.skip(reason)
    with postfix_peer.PostfixPeer(
            dict(QUICK, smtp_tcp_port=str(moody.port))) as peer:
        yield send_all(peer, moody)


@pytest.mark.peer
@pytest.mark.parametrize("name", [name for name, _, _ in MOODS])
def test_said_as_postfix_does(name, ours, theirs):
    assert ours[name] == theirs[name]


# What is sent

COMMANDS = [
    ("plain", "", "me@example.com", "you", "x\n"),
    ("null sender", "", "", "you", "x\n"),
    ("8BITMIME", " BODY=8BITMIME", "me@example.com", "you", "\xe9\n"),
    ("quoted", "", '"a b"@example.com', '"c\\"d"', "x\n"),
    ("strange", "", "a+b=c/d@example.com", "!#$%&'*+-/=?^_`{|}~", "x\n"),
]


def commands_for(port, server):
    result = {}
    for name, options, sender, local, content in COMMANDS:
        before = len(server.commands)
        with instance.Smtp(port) as smtp:
            smtp.command("EHLO client.example", 250)
            smtp.command(f"MAIL FROM:<{sender}>{options}", 250)
            smtp.command(f"RCPT TO:<{local}@[{server.address(0)}]>", 250)
            assert smtp.data("Subject: x\n\n" + content).code == 250
        server.wait_for(lambda: "DATA" in server.commands[before:])
        result[name] = [re.sub(r"SIZE=\d+", "SIZE=N", command)
                        for command in server.commands[before:]
                        if command[:4] in ("MAIL", "RCPT")]
    return result


@pytest.mark.peer
@pytest.mark.parametrize("keywords", [
    "PIPELINING", "8BITMIME", "8BITMIME\n250-SIZE 99999"])
def test_commands_are_those_of_postfix(make_instance, keywords):
    """But without 8BITMIME Postfix converts, and then gives no SIZE."""
    mood = {"EHLO": f"250-moody\n250-{keywords}\n250 HELP"}
    with Moody([mood]) as server:
        settings = dict(QUICK, smtp_tcp_port=str(server.port))
        mail = make_instance(*(f"{k} = {v}" for k, v in settings.items()))
        mail.start()
        ours = commands_for(mail.port, server)
        with postfix_peer.PostfixPeer(settings) as peer:
            assert ours == commands_for(peer.port, server)


# Sessions

def relay_to(server, *lines):
    return (f"relayhost = [{server.address(0)}]:{server.port}", *lines)


def statuses(mail):
    return [plain(line) for line in mail.log_lines(r"/smtp\[\d+\]: .*status=")]


def test_sessions_are_reused(make_instance):
    with Moody() as server:
        mail = make_instance(*relay_to(server))
        mail.start()
        with mail.smtp() as smtp:
            smtp.command("EHLO client.example", 250)
            for _ in range(100):
                smtp.envelope("me@example.com", ["you@example.net"])
                assert smtp.data("Subject: x\n\nhello\n").code == 250
        server.wait_for(lambda: len(server.contents) == 100)
        assert server.connections < 30
        mail.wait_empty()
        assert mail.log_lines(r", conn_use=\d+, delay=")
        server.wait_for(lambda: server.commands.count("QUIT")
                        == server.connections)


def test_a_server_that_wants_few_messages_per_session(make_instance):
    mood = {"MAIL": ["250 2.1.0 Ok", "250 2.1.0 Ok",
                     "421 4.7.0 that is enough"]}
    with Moody([mood]) as server:
        mail = make_instance(*relay_to(server))
        mail.start()
        for _ in range(7):
            mail.send("me@example.com", ["you@example.net"])
        mail.wait_empty()
        assert len(server.contents) == 7
        assert all("status=sent" in line for line in statuses(mail))


def test_slow_servers_get_many_sessions(make_instance):
    with Moody([{"DOT": (1, "250 2.0.0 Ok")}]) as server:
        mail = make_instance(*relay_to(
            server, "initial_destination_concurrency = 20"))
        mail.start()
        begun = time.monotonic()
        for _ in range(20):
            mail.send("me@example.com", ["you@example.net"])
        mail.wait_empty()
        assert time.monotonic() - begun < 8


def test_one_message_per_session_if_asked(make_instance):
    with Moody() as server:
        mail = make_instance(*relay_to(
            server, "smtp_connection_cache_on_demand = no"))
        mail.start()
        for _ in range(5):
            mail.send("me@example.com", ["you@example.net"])
        mail.wait_empty()
        assert server.connections == 5


# Settings

def test_bind_address(make_instance):
    with Moody() as server:
        mail = make_instance(*relay_to(
            server, "smtp_bind_address = 127.0.0.9"))
        mail.start()
        mail.send("me@example.com", ["you@example.net"])
        mail.wait_empty()
        assert server.peers == ["127.0.0.9"]


def test_soft_bounce(make_instance):
    with Moody([{"RCPT": "550 5.1.1 who?"}]) as server:
        mail = make_instance(*relay_to(server, "soft_bounce = yes"))
        mail.start()
        mail.send("me@example.com", ["you@example.net"])
        mail.wait_for(lambda: statuses(mail))
        assert ", dsn=4.1.1, status=deferred (host " in statuses(mail)[0]


def test_fallback_and_overrides(make_instance):
    """The settings of one transport are not those of another."""
    with Moody([{}, {}]) as server:
        mail = make_instance(
            "relay_domains = relayed.example", "relay_transport = polite",
            f"smtp_tcp_port = {server.port}",
            "default_transport = smtp:[127.0.1.99]")
        mail.configure_master(
            "polite unix - - n - - smtp",
            f" -o smtp_fallback_relay=[127.0.1.2]:{server.port}",
            " -o smtp_helo_name=polite.example",
            " -o syslog_name=postfix/polite",
            " -o relayhost=")
        mail.configure("relay_transport = polite:[127.0.1.98]")
        mail.start()
        mail.send("me@example.com", ["a@relayed.example", "b@other.example"])
        mail.wait_for(lambda: len(statuses(mail)) == 2)
        assert mail.log_lines(r"postfix/polite/smtp\[\d+\]: .*to=<a@.*"
                              r"relay=127\.0\.1\.2.*status=sent")
        assert mail.log_lines(r"postfix/smtp\[\d+\]: .*to=<b@.*relay=none, "
                              r".*status=deferred \(connect to ")
        assert "EHLO polite.example" in server.commands


def test_lmtp(make_instance):
    mood = {"DOT": ["250 2.1.5 saved", "452 4.2.2 full"]}
    with Moody([mood]) as server:
        mail = make_instance(
            f"default_transport = lmtp:[127.0.1.1]:{server.port}",
            "lmtp_destination_recipient_limit = 10")
        mail.configure_master("lmtp unix - - n - - lmtp")
        mail.start()
        mail.send("me@example.com", ["a@example.net", "b@example.net"])
        lines = mail.wait_for(
            lambda: len(mail.log_lines(r"/lmtp\[\d+\]: .*status=")) == 2
            and mail.log_lines(r"/lmtp\[\d+\]: "))
        assert "status=sent (250 2.1.5 saved)" in lines[0]
        assert ("status=deferred (host 127.0.1.1[127.0.1.1] said: 452 4.2.2 "
                "full (in reply to end of DATA command))") in lines[1]


# Content

def test_large_content_arrives_unchanged(make_instance):
    lines = ["%064x" % random.getrandbits(256) for _ in range(50000)]
    lines[7] = ".dot"
    lines[8] = "."
    content = "Subject: x\n\n" + "\n".join(lines) + "\n"
    with Moody() as server:
        mail = make_instance(*relay_to(server))
        mail.start()
        mail.send("me@example.com", ["you@example.net"], content)
        mail.wait_empty()
        body = server.contents[0].decode().split("\r\n\r\n", 1)[1]
        wanted = "\r\n".join(lines) + "\r\n"
        assert body == re.sub(r"(?m)^\.", "..", wanted)


@pytest.mark.peer
@pytest.mark.parametrize("size", [998, 999, 1995, 1996, 5000, 200000])
def test_long_lines_are_broken_as_postfix_does(make_instance, size):
    content = "Subject: x\n\n." + "x" * (size - 1) + "\nend\n"
    bodies = []
    with Moody() as server:
        settings = dict(QUICK, relayhost=f"[{server.address(0)}]:"
                                         f"{server.port}")
        mail = make_instance(*(f"{k} = {v}" for k, v in settings.items()))
        mail.start()
        with postfix_peer.PostfixPeer(settings) as peer:
            for one in mail, peer:
                send(one.port, "me@example.com", ["you@example.net"], content)
                server.wait_for(lambda: server.contents)
                bodies.append(server.contents.pop().split(b"\r\n\r\n", 1)[1])
    assert bodies[0] == bodies[1]


# Trouble of our own

def test_a_killed_relay_loses_nothing(make_instance):
    with Moody([{"DOT": (0.2, "250 2.0.0 Ok")}]) as server:
        mail = make_instance(*relay_to(server))
        mail.start()
        for i in range(30):
            mail.send("me@example.com", [f"you{i}@example.net"])
            if i % 10 == 5:
                mail.kill("relay")
        mail.wait_empty()
        seen = {re.search(rb"for <(you\d+)@", c).group(1)
                for c in server.contents}
        assert len(seen) == 30


def test_a_killed_queue_does_not_double_what_was_not_accepted(make_instance):
    """The relay gives up what the server had not yet got to the end of."""
    with Moody([{"DATA": [(3, "354 go on"), "354 go on"]}]) as server:
        mail = make_instance(*relay_to(server))
        mail.start()
        mail.send("me@example.com", ["you@example.net"])
        server.wait_for(lambda: "DATA" in server.commands)
        mail.kill("queue")
        mail.wait_for(lambda: mail.processes("queue"))
        mail.wait_empty()
        time.sleep(1)
        assert len(server.contents) == 1


def test_stop_lets_a_message_finish(make_instance):
    with Moody([{"DOT": (1.5, "250 2.0.0 Ok: finished")}]) as server:
        mail = make_instance(*relay_to(server))
        mail.start()
        mail.send("me@example.com", ["you@example.net"])
        server.wait_for(lambda: server.contents)
        mail.stop()
        assert "finished" in statuses(mail)[0]
        mail.start()
        mail.wait_empty()
        assert len(server.contents) == 1


# The way there

class Names:
    """A name server (unbound) that knows `records` and nothing else."""

    def __init__(self, directory, records):
        self.directory = str(directory)
        self.port = postfix_peer.free_port()
        self.resolv_conf = os.path.join(self.directory, "resolv.conf")
        with open(self.resolv_conf, "w", encoding="utf-8") as f:
            f.write(f"nameserver 127.0.0.1@{self.port}\n")
        self.conf = os.path.join(self.directory, "unbound.conf")
        data = "".join(f'    local-data: "{record}"\n' for record in records)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f'''server:
    directory: "{self.directory}"
    chroot: ""
    username: ""
    pidfile: ""
    do-daemonize: no
    use-syslog: no
    logfile: ""
    interface: 127.0.0.1@{self.port}
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    module-config: "iterator"
    local-zone: "." static
    local-zone: "refused.example." refuse
    local-zone: "mute.example." deny
{data}
remote-control:
    control-enable: no
''')

    def __enter__(self):
        self.process = subprocess.Popen(
            ["unbound", "-c", self.conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        query = b"\1\2\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(0.1)
                s.connect(("127.0.0.1", self.port))
                try:
                    s.send(query)
                    s.recv(500)
                    return self
                except OSError:
                    assert time.monotonic() < end, "unbound does not answer"
                    time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


ZONE = [
    "two.example. MX 10 one.two.example.",
    "two.example. MX 20 other.two.example.",
    "one.two.example. A 127.0.1.1",
    "other.two.example. A 127.0.1.2",
    "dead.example. MX 10 dead.dead.example.",
    "dead.example. MX 20 other.two.example.",
    "dead.dead.example. A 127.0.1.99",
    "later.example. MX 10 later.later.example.",
    "later.example. MX 20 other.two.example.",
    "later.later.example. A 127.0.1.3",
    "plain.example. A 127.0.1.1",
    "alias.example. CNAME two.example.",
    "null.example. MX 0 .",
    "hollow.example. MX 10 nobody.example.",
    "text.example. TXT nothing",
]

NOT_FOUND = ("Host or domain name not found. Name service error for name=%s "
             "type=%s: Host not found")

WAYS = [
    ("two.example", ["to=<you@two.example>, relay=one.two.example[127.0.1.1]"
                     ":PORT, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as "
                     "MOODY)"]),
    ("plain.example", ["to=<you@plain.example>, relay=plain.example"
                       "[127.0.1.1]:PORT, dsn=2.0.0, status=sent (250 2.0.0 "
                       "Ok: queued as MOODY)"]),
    ("alias.example", ["to=<you@alias.example>, relay=one.two.example"
                       "[127.0.1.1]:PORT, dsn=2.0.0, status=sent (250 2.0.0 "
                       "Ok: queued as MOODY)"]),
    ("dead.example", ["connect to dead.dead.example[127.0.1.99]:PORT: "
                      "Connection refused",
                      "to=<you@dead.example>, relay=other.two.example"
                      "[127.0.1.2]:PORT, dsn=2.0.0, status=sent (250 2.0.0 "
                      "Ok: queued as MOODY)"]),
    ("later.example", ["host later.later.example[127.0.1.3] said: 450 4.2.0 "
                       "later (in reply to RCPT TO command)",
                       "to=<you@later.example>, relay=other.two.example"
                       "[127.0.1.2]:PORT, dsn=2.0.0, status=sent (250 2.0.0 "
                       "Ok: queued as MOODY)"]),
    ("null.example", ["to=<you@null.example>, relay=none, dsn=5.1.0, "
                      "status=bounced (Domain null.example does not accept "
                      "mail (nullMX))"]),
    ("missing.example", ["to=<you@missing.example>, relay=none, dsn=5.4.4, "
                         "status=bounced ("
                         + NOT_FOUND % ("missing.example", "AAAA") + ")"]),
    ("text.example", ["to=<you@text.example>, relay=none, dsn=5.4.4, "
                      "status=bounced (Host or domain name not found. Name "
                      "service error for name=text.example type=AAAA: Host "
                      "found but no data record of requested type)"]),
    ("hollow.example", ["warning: no MX host for hollow.example has a valid "
                        "address record",
                        "to=<you@hollow.example>, relay=none, dsn=5.4.4, "
                        "status=bounced ("
                        + NOT_FOUND % ("nobody.example", "AAAA") + ")"]),
    ("refused.example", ["to=<you@refused.example>, relay=none, dsn=4.4.3, "
                         "status=deferred ("
                         + NOT_FOUND % ("refused.example", "MX")
                         + ", try again)"]),
]


@pytest.mark.program("unbound")
def test_ways(make_instance, tmp_path):
    moods = [{}, {}, {"RCPT": "450 4.2.0 later"}]
    with Moody(moods) as server, Names(tmp_path, ZONE) as names:
        mail = make_instance(f"smtp_tcp_port = {server.port}",
                             f"resolv_conf = {names.resolv_conf}",
                             "compatibility_level = 3.6")
        mail.start()
        for domain, wanted in WAYS:
            before = len(mail.log_lines(r"/smtp\["))
            mail.send("", [f"you@{domain}"])
            mail.wait_for(lambda: mail.log_lines(
                rf"/smtp\[\d+\]: .*to=<you@{domain}>.*status="), 60)
            lines = mail.log_lines(r"/smtp\[")[before:]
            got = [re.sub("^ID: |:%d" % server.port,
                          lambda m: "" if m.group() == "ID: " else ":PORT",
                          plain(line)) for line in lines]
            assert got == wanted


@pytest.mark.program("unbound")
def test_exchangers_of_equal_preference_share(make_instance, tmp_path):
    zone = ["equal.example. MX 10 a.equal.example.",
            "equal.example. MX 10 b.equal.example.",
            "a.equal.example. A 127.0.1.1", "b.equal.example. A 127.0.1.2"]
    with Moody([{}, {}]) as server, Names(tmp_path, zone) as names:
        mail = make_instance(f"smtp_tcp_port = {server.port}",
                             f"resolv_conf = {names.resolv_conf}",
                             "smtp_connection_cache_on_demand = no")
        mail.start()
        for _ in range(30):
            mail.send("me@example.com", ["you@equal.example"])
        mail.wait_empty()
        for host in "ab":
            found = mail.log_lines(f"relay={host}.equal.example")
            assert 4 < len(found) < 26


def test_a_numeric_next_hop_needs_no_names(make_instance):
    with Moody() as server:
        mail = make_instance(*relay_to(
            server, "resolv_conf = /nonexistent/resolv.conf"))
        mail.start()
        mail.send("me@example.com", ["you@example.net"])
        mail.wait_empty()
        assert len(server.contents) == 1


def test_ipv6(make_instance):
    with Moody(family=socket.AF_INET6) as server:
        mail = make_instance(f"relayhost = [::1]:{server.port}")
        mail.start()
        mail.send("me@example.com", ["you@example.net"])
        mail.wait_empty()
        assert f"relay=::1[::1]:{server.port}, " in statuses(mail)[0]
