# SPDX-License-Identifier: ISC
"""What smtpd does beyond the dialogues: the log, limits, time, large content,
partners that die."""

import random
import re
import socket
import threading
import time

import pytest

from lib.instance import Smtp

QUIET = ["smtpd_peername_lookup = no", "default_transport = discard:",
         "local_transport = discard:"]
STRANGERS = ["mynetworks = 192.0.2.0/24", "mydestination = example.com",
             "local_recipient_maps =",
             "smtpd_relay_restrictions = "
             "permit_mynetworks, reject_unauth_destination"]


@pytest.fixture
def quiet(make_instance):
    """An instance that throws mail away, with more lines for main.cf."""
    def make(*main_cf):
        one = make_instance(*QUIET, *main_cf)
        one.start()
        return one
    return make


def texts(mail, program="smtpd"):
    """What a program said, without time and number."""
    return [line.split("]: ", 1)[1] for line in
            mail.log_lines(rf"postfix/{program}\[\d+\]: ")]


def hello(mail):
    smtp = mail.smtp()
    smtp.command("EHLO client.example", 250)
    return smtp


# The log

def test_log_of_a_message(quiet):
    mail = quiet()
    # The connection that saw whether it is up.
    mail.wait_for(lambda: mail.log_lines("disconnect from"))
    before = len(texts(mail))
    qid = mail.send("a@example.net", ["b@example.com"])
    mail.wait_for(lambda: len(texts(mail)) >= before + 3)
    assert texts(mail)[before:] == [
        "connect from unknown[127.0.0.1]",
        f"{qid}: client=unknown[127.0.0.1]",
        "disconnect from unknown[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=1 "
        "quit=1 commands=5"]
    assert re.fullmatch(rf"{qid}: message-id=<\d{{14}}\.{qid}@\S+>",
                        texts(mail, "cleanup")[-1])


def test_log_of_refusals(quiet):
    mail = quiet(*STRANGERS)
    with hello(mail) as smtp:
        smtp.command("MAIL FROM:<a@example.net> SIZE=99999999", 552)
        smtp.command("MAIL FROM:<>", 250)
        smtp.command('RCPT TO:<"x y"@example.org>', 554)
        smtp.command("RCPT TO:<b@example.com>", 250)
        smtp.command("RCPT TO:<c@example.org>", 554)
        smtp.command("MAIL FROM:<x", 503)
        smtp.command("FOO", 500)
        smtp.command("RSET", 250)
        smtp.command("MAIL FROM:<x", 501)
        smtp.command("GET / HTTP/1.0", 221)
    mail.wait_for(lambda: mail.log_lines("disconnect .* unknown=0/2"))
    said = texts(mail)
    who = "unknown[127.0.0.1]"
    assert (f"NOQUEUE: reject: MAIL from {who}: 552 5.3.4 Message size "
            "exceeds fixed limit; from=<a@example.net> proto=ESMTP "
            "helo=<client.example>") in said
    assert (f"NOQUEUE: reject: RCPT from {who}: 554 5.7.1 <x y@example.org>: "
            'Relay access denied; from=<> to=<"x y"@example.org> proto=ESMTP '
            "helo=<client.example>") in said
    qid = re.search(r"(\w+): client=", mail.log()).group(1)
    assert (f"{qid}: reject: RCPT from {who}: 554 5.7.1 <c@example.org>: "
            "Relay access denied; from=<> to=<c@example.org> proto=ESMTP "
            "helo=<client.example>") in said
    assert (f"warning: Illegal address syntax from {who} in MAIL command: "
            "<x") in said
    assert f"warning: non-SMTP command from {who}: GET / HTTP/1.0" in said
    assert (f"disconnect from {who} ehlo=1 mail=1/4 rcpt=1/3 rset=1 "
            "unknown=0/2 commands=4/11") in said


def test_lost_connections(quiet):
    mail = quiet()
    with mail.smtp():
        pass
    mail.wait_for(lambda: mail.log_lines(
        r"lost connection after CONNECT from unknown\[127"))
    with hello(mail) as smtp:
        smtp.envelope("a@example.net", ["b@example.com"])
        smtp.command("DATA", 354)
        smtp.write("Subject: x\r\n\r\nhel")
        time.sleep(0.2)
    mail.wait_for(lambda: mail.log_lines(
        r"lost connection after DATA \(17 bytes\) from unknown\[127"))
    assert not mail.queue()


def test_speaks_too_early(quiet):
    mail = quiet()
    with hello(mail) as smtp:
        smtp.write("NOOP\r\nNOOP\r\n")
        assert smtp.reply().code == smtp.reply().code == 250
    mail.wait_for(lambda: mail.log_lines(
        r"improper command pipelining after NOOP from unknown\[127.0.0.1\]: "
        r"NOOP\\r\\n$"))


def test_nothing_of_a_stranger_reaches_the_log_raw(quiet):
    mail = quiet()
    with mail.smtp() as smtp:
        smtp.write(b"EHLO a\x1b[31m\x07(b)\r\n")
        assert smtp.reply().code == 250
        smtp.write(b"MAIL FROM:<\x1b\x08x\r\n")
        assert smtp.reply().code == 501
    mail.wait_for(lambda: mail.log_lines("Illegal address syntax"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", mail.log())


# Limits

def test_connection_count(quiet):
    mail = quiet("smtpd_client_connection_count_limit = 2",
                 "smtpd_processes = 1",
                 "smtpd_client_event_limit_exceptions =")
    time.sleep(0.2)  # the one that saw whether it is up
    with mail.smtp(), mail.smtp():
        with mail.smtp(greet=False) as third:
            assert re.fullmatch(r"421 4\.7\.0 \S+ Error: too many "
                                r"connections from 127\.0\.0\.1\r\n",
                                third.reply())
            with pytest.raises(EOFError):
                third.reply()
    assert mail.log_lines(
        r"warning: Connection concurrency limit exceeded: 3 from "
        rf"unknown\[127\.0\.0\.1\] for service {mail.port}$")

    def is_open_again():
        with mail.smtp() as again:
            return again.banner.code == 220
    mail.wait_for(is_open_again)


def test_exempt_clients_are_not_limited(quiet):
    mail = quiet("smtpd_client_connection_count_limit = 1",
                 "smtpd_processes = 1")
    with mail.smtp(), mail.smtp(), mail.smtp():
        pass


def test_message_and_recipient_rates(quiet):
    mail = quiet("smtpd_client_message_rate_limit = 2",
                 "smtpd_client_recipient_rate_limit = 2",
                 "smtpd_processes = 1",
                 "smtpd_client_event_limit_exceptions =")
    with hello(mail) as smtp:
        smtp.command("MAIL FROM:<a@example.net>", 250)
        smtp.command("RCPT TO:<b@example.com>", 250)
        smtp.command("RCPT TO:<b@example.com>", 250)
        assert smtp.command("RCPT TO:<b@example.com>") == \
            "450 4.7.1 Error: too many recipients from 127.0.0.1\r\n"
        smtp.command("RSET", 250)
        smtp.command("MAIL FROM:<a@example.net>", 250)
        smtp.command("RSET", 250)
        assert smtp.command("MAIL FROM:<a@example.net>") == \
            "450 4.7.1 Error: too much mail from 127.0.0.1\r\n"
    mail.wait_for(lambda: mail.log_lines(
        "warning: Message delivery request rate limit exceeded: 3 from "))
    assert mail.log_lines(
        "warning: Recipient address rate limit exceeded: 3 from ")


def test_errors_are_slow(quiet):
    mail = quiet("smtpd_soft_error_limit = 2", "smtpd_hard_error_limit = 4",
                 "smtpd_error_sleep_time = 1s")
    with mail.smtp() as smtp:
        began = time.monotonic()
        for _ in range(2):
            smtp.command("FOO", 500)
        assert time.monotonic() - began < 0.5
        smtp.command("FOO", 500)
        assert 0.9 < time.monotonic() - began < 1.9
        smtp.command("FOO", 500)
        assert smtp.reply().startswith("421 4.7.0 ")
        assert time.monotonic() - began > 1.9
        with pytest.raises(EOFError):
            smtp.reply()
    mail.wait_for(lambda: mail.log_lines("too many errors after UNKNOWN from"))


def test_timeout(quiet):
    mail = quiet("smtpd_timeout = 1s")
    with hello(mail) as smtp:
        began = time.monotonic()
        assert re.fullmatch(
            r"421 4\.4\.2 \S+ Error: timeout exceeded\r\n", smtp.reply())
        assert 0.9 < time.monotonic() - began < 3
        with pytest.raises(EOFError):
            smtp.reply()
    mail.wait_for(lambda: mail.log_lines(
        r"timeout after EHLO from unknown\[127\.0\.0\.1\]"))


def test_a_slow_client_has_its_time(quiet):
    mail = quiet("smtpd_timeout = 2s")
    with hello(mail) as smtp:
        for byte in "NOOP\r\n":
            time.sleep(0.7)
            smtp.write(byte)
        assert smtp.reply().code == 250


def test_a_command_has_its_time_as_a_whole(quiet):
    mail = quiet("smtpd_timeout = 2s", "smtpd_per_request_deadline = yes")
    with hello(mail) as smtp:
        began = time.monotonic()
        with pytest.raises((EOFError, OSError)):
            for byte in "NOOP foo\r\n":
                time.sleep(0.7)
                smtp.write(byte)
            assert smtp.reply().code == 421
            smtp.reply()
        assert time.monotonic() - began < 9


# Content

def content_of(size, seed=1):
    """Lines of all kinds, with dots in front and 8-bit bytes."""
    chance = random.Random(seed)
    lines = []
    while sum(map(len, lines)) + 2 * len(lines) < size:
        line = chance.choice(["", ".", "..", ".x", "From x",
                              "x" * chance.randrange(1, 3000)])
        lines.append(line + chance.choice(["", "\xe9", " "]))
    return "\n".join(["Subject: content", ""] + lines) + "\n"


@pytest.mark.parametrize("size", [1, 3000, 120_000, 131_000, 140_000,
                                  1_000_000, 9_000_000])
def test_content_arrives_as_it_was(make_instance, size):
    mail = make_instance("smtpd_peername_lookup = no",
                         "mailbox_size_limit = 0")
    mail.start()
    content = content_of(size).encode("latin-1")
    mail.send("a@example.net", [mail.user], content)
    mail.wait_for(lambda: mail.mailbox().endswith(b"\n\n"))
    body = mail.mailbox().split(b"\n\n", 1)[1]
    want = content.split(b"\n\n", 1)[1]
    want = re.sub(rb"(?m)^(>*From )", rb">\1", want) + b"\n"
    assert body == want


def test_message_too_big(quiet):
    mail = quiet("message_size_limit = 300000")
    with hello(mail) as smtp:
        smtp.envelope("a@example.net", ["b@example.com"])
        assert smtp.data("Subject: x\n\n" + "x" * 400_000 + "\n") == \
            "552 5.3.4 Error: message file too big\r\n"
        smtp.envelope("a@example.net", ["b@example.com"])
        assert smtp.data("Subject: x\n\nsmall\n").code == 250
    mail.wait_for(lambda: mail.log_lines(
        r"warning: \w+: queue file size limit exceeded"))


def test_bdat(make_instance):
    mail = make_instance("smtpd_peername_lookup = no")
    mail.start()
    with hello(mail) as smtp:
        smtp.envelope("a@example.net", [mail.user])
        smtp.write(b"BDAT 17\r\nSubject: x\r\n\r\n.\r\n"
                   b"BDAT 7 LAST\r\n\nend\r\n.")
        assert smtp.reply() == "250 2.0.0 Ok: 17 bytes\r\n"
        assert re.fullmatch(r"250 2\.0\.0 Ok: 2\d bytes queued as \w+\r\n",
                            smtp.reply())
    mail.wait_for(lambda: mail.mailbox().endswith(b"\n\n"))
    assert mail.mailbox().split(b"\n\n", 1)[1] == b".\n\nend\n.\n\n"


SMUGGLED = ["\n.\n", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r",
            "\n.\r", "\r.\n", "\r\n\0.\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n"]


@pytest.mark.parametrize("mode", ["normalize", "reject"])
def test_smuggling(quiet, mode):
    mail = quiet(*STRANGERS, f"smtpd_forbid_bare_newline = {mode}")
    taken = 0
    for end in SMUGGLED:
        with hello(mail) as smtp:
            smtp.envelope("a@example.net", ["b@example.com"])
            smtp.command("DATA", 354)
            smtp.write(f"Subject: x\r\n\r\nhello{end}"
                       "MAIL FROM:<evil@example.net>\r\n"
                       "RCPT TO:<b@example.com>\r\nDATA\r\n"
                       "Subject: smuggled\r\n\r\n\r\n.\r\n")
            answer = smtp.reply()
            if mode == "normalize":
                assert answer.code == 250
            taken += answer.code == 250
            # Nothing else was a command.
            smtp.command("NOOP", 250)
            smtp.command("QUIT", 221)
    mail.wait_empty()
    assert len(mail.log_lines("status=sent")) == taken
    assert not mail.log_lines("evil")


def test_typed_by_hand(quiet):
    """Those in mynetworks may use nc, which sends bare line feeds."""
    mail = quiet()
    with mail.smtp() as smtp:
        smtp.write("EHLO a\n")
        assert smtp.reply().code == 250
        smtp.write("MAIL FROM:<a@example.net>\nRCPT TO:<b@example.com>\n"
                   "DATA\n")
        assert [smtp.reply().code for _ in range(3)] == [250, 250, 354]
        smtp.write("hello\n.\n")
        assert smtp.reply().code == 250


@pytest.mark.parametrize("allow, minus, numeric", [("no", 501, 501),
                                                   ("yes", 250, 250)])
def test_addresses_that_are_allowed(make_instance, allow, minus, numeric):
    mail = make_instance(*QUIET, f"allow_min_user = {allow}",
                         f"resolve_numeric_domain = {allow}",
                         "smtpd_reject_unlisted_recipient = no")
    mail.start()
    with mail.smtp() as smtp:
        smtp.command("EHLO a", 250)
        smtp.command("MAIL FROM:<-x@example.net>", minus)
        smtp.command("RSET", 250)
        smtp.command("MAIL FROM:<a@192.0.2.1>", numeric)
        smtp.command("RSET", 250)
        smtp.command("MAIL FROM:<>", 250)
        smtp.command("RCPT TO:<-x@localhost>", minus)
        smtp.command("RCPT TO:<a@127.0.0.1>", numeric)


# Restrictions that act before RCPT, and after

def test_refused_at_connect(make_instance):
    mail = make_instance(*QUIET)
    port = mail.base + 26
    mail.configure_master(
        f"127.0.0.1:{port} inet n - n - - smtpd",
        "    -o smtpd_delay_reject=no -o smtpd_client_restrictions=reject")
    mail.start()
    who = "unknown[127.0.0.1]"
    with Smtp(port) as smtp:
        assert smtp.banner == (f"554 5.7.1 <{who}>: Client host rejected: "
                               "Access denied\r\n")
        assert smtp.command("EHLO a") == \
            f"503 5.7.0 Error: access denied for {who}\r\n"
        smtp.command("QUIT", 221)
    mail.wait_for(lambda: mail.log_lines("disconnect .* commands=1/2"))
    assert (f"NOQUEUE: reject: CONNECT from {who}: 554 5.7.1 <{who}>: Client "
            "host rejected: Access denied; proto=SMTP") in texts(mail)


def test_refused_at_helo(quiet):
    mail = quiet("smtpd_delay_reject = no",
                 "smtpd_helo_restrictions = reject_invalid_helo_hostname")
    who = "unknown[127.0.0.1]"
    with mail.smtp() as smtp:
        reply = "501 5.5.2 <a..b>: Helo command rejected: Invalid name"
        assert smtp.command("EHLO a..b") == reply + "\r\n"
        smtp.command("EHLO a.b", 250)
    mail.wait_for(lambda: mail.log_lines("disconnect from .* ehlo=1/2"))
    assert (f"NOQUEUE: reject: EHLO from {who}: {reply}; proto=SMTP "
            "helo=<a..b>") in texts(mail)


def test_refused_at_mail(quiet):
    mail = quiet("smtpd_delay_reject = no",
                 "smtpd_sender_restrictions = reject_non_fqdn_sender")
    with hello(mail) as smtp:
        reply = ("504 5.5.2 <a>: Sender address rejected: need "
                 "fully-qualified address")
        assert smtp.command("MAIL FROM:<a>") == reply + "\r\n"
        smtp.command("MAIL FROM:<a@b.example>", 250)
    mail.wait_for(lambda: mail.log_lines("disconnect from .* mail=1/2"))
    assert (f"NOQUEUE: reject: MAIL from unknown[127.0.0.1]: {reply}; "
            "from=<a> proto=ESMTP helo=<client.example>") in texts(mail)


def test_refused_at_data(quiet):
    mail = quiet("smtpd_data_restrictions = reject_multi_recipient_bounce")
    with hello(mail) as smtp:
        smtp.envelope("", ["a@example.com", "b@example.com"])
        assert smtp.command("DATA").code == 550
        smtp.command("RSET", 250)
        smtp.envelope("", ["a@example.com"])
        assert smtp.data("Subject: x\n\nx\n").code == 250
    mail.wait_for(lambda: mail.log_lines("disconnect from .* data=1/2"))
    assert mail.log_lines(r": \w+: reject: DATA from unknown\[127.0.0.1\]: "
                          "550 .*; from=<> to=<a@example.com> proto=ESMTP")


def test_refused_at_the_end(quiet):
    mail = quiet("smtpd_end_of_data_restrictions = reject")
    with hello(mail) as smtp:
        smtp.envelope("a@example.net", ["b@example.com"])
        assert smtp.data("Subject: x\n\n" + 1000 * "x\n").code == 554
        smtp.envelope("a@example.net", ["b@example.com"])
        assert smtp.data("x" * 400_000 + "\n").code == 554
    mail.wait_for(lambda: mail.log_lines("disconnect from .* data=0/2"))
    assert mail.log_lines(r": \w+: reject: END-OF-MESSAGE from unknown")
    assert not mail.queue()


def test_no_room_in_the_queue(quiet):
    mail = quiet("queue_minfree = 1000000000000000")
    reply = "452 4.3.1 Insufficient system storage"

    def is_refused():
        with hello(mail) as smtp:
            return smtp.command("MAIL FROM:<a@example.net>") == reply + "\r\n"
    mail.wait_for(is_refused)
    mail.wait_for(lambda: mail.log_lines("disconnect from .* mail=0/1"))
    assert (f"NOQUEUE: reject: MAIL from unknown[127.0.0.1]: {reply}; "
            "from=<a@example.net> proto=ESMTP helo=<client.example>"
            ) in texts(mail)


# Partners

def test_rules_die(quiet):
    mail = quiet()
    with hello(mail) as smtp:
        smtp.command("MAIL FROM:<a@example.net>", 250)
        for _ in range(3):
            mail.kill("rules")
            # Somebody else is asked, or it is "try again" after a while.
            assert smtp.command("RCPT TO:<b@example.com>").code in (250, 451)

        def recovered():
            return smtp.command("RCPT TO:<b@example.com>").code == 250
        mail.wait_for(recovered, 60)
        assert smtp.data("Subject: x\n\nx\n").code == 250
    mail.wait_empty()


def test_queue_dies(quiet):
    mail = quiet()
    with hello(mail) as smtp:
        smtp.envelope("a@example.net", ["b@example.com"])
        smtp.command("DATA", 354)
        smtp.write("Subject: x\r\n\r\n" + "x" * 200_000)
        mail.kill("queue")
        smtp.write("\r\n.\r\n")
        assert smtp.reply() == \
            "451 4.3.0 Error: queue file write error\r\n"
        # The session goes on, and so does the mail.
        mail.wait_for(lambda: smtp.command("MAIL FROM:<a@example.net>"))

        def accepted():
            if smtp.command("RCPT TO:<b@example.com>").code != 250:
                return False
            return smtp.data("Subject: x\n\nx\n").code == 250 or \
                smtp.command("MAIL FROM:<a@example.net>", 250) and False
        mail.wait_for(accepted)
    mail.wait_empty()


def test_reload_is_for_new_sessions(quiet):
    mail = quiet("message_size_limit = 20000000")
    with hello(mail) as old:
        mail.configure("message_size_limit = 1000000", "myhostname = new.test")

        def is_new():
            # A system that has just started may not hear the first one.
            mail.postfix("reload")
            time.sleep(0.3)
            with mail.smtp() as smtp:
                return smtp.banner.startswith("220 new.test ")
        mail.wait_for(is_new)
        with mail.smtp() as smtp:
            assert "250-SIZE 1000000\r\n" in smtp.command("EHLO a", 250)
        assert "250-SIZE 20000000\r\n" in old.command("EHLO a", 250)
        old.envelope("a@example.net", ["b@example.com"])
        assert old.data("Subject: x\n\nx\n").code == 250


def test_stop_lets_content_end(quiet):
    mail = quiet()
    with hello(mail) as idle, hello(mail) as busy:
        busy.envelope("a@example.net", ["b@example.com"])
        busy.command("DATA", 354)
        busy.write("Subject: x\r\n\r\nhel")
        stopping = threading.Thread(target=mail.postfix, args=("stop",))
        stopping.start()
        assert idle.reply().startswith("421 4.3.2 ")
        busy.write("lo\r\n.\r\n")
        answer = busy.reply()
        stopping.join()
    assert answer.code in (250, 451), answer


# Size

def memory_of(processes):
    total = 0
    for p in processes:
        with open(f"/proc/{p.pid}/smaps_rollup", encoding="ascii") as f:
            total += int(re.search(r"^Pss: +(\d+)", f.read(), re.M).group(1))
    return total


@pytest.mark.root
def test_idle_sessions_are_small(quiet):
    count = 2000
    mail = quiet("smtpd_client_connection_count_limit = 0")
    socks = []

    def open_one():
        sock = socket.create_connection(("127.0.0.1", mail.port))
        assert sock.recv(1000).startswith(b"220")
        sock.sendall(b"EHLO client.example\r\n")
        assert sock.recv(1000).startswith(b"250")
        socks.append(sock)
    try:
        for _ in range(50):
            open_one()
        before = memory_of(mail.processes("smtpd"))
        for _ in range(count):
            open_one()
        each = (memory_of(mail.processes("smtpd")) - before) / count
    finally:
        for sock in socks:
            sock.close()
    print(f"{each:.2f} KiB for a session")
    assert each < 4
