# SPDX-License-Identifier: ISC
"""postqueue and mailq, also beside Postfix's."""

import json
import os
import re
import subprocess

import pytest

import postfix_peer
from lib import instance

# Nobody listens there, so mail stays.
NOBODY = "[127.0.0.1]:9"


@pytest.fixture
def full(make_instance):
    mail = make_instance(f"relayhost = {NOBODY}", "minimal_backoff_time = 1h",
                         "maximal_backoff_time = 1h")
    mail.start()
    return mail


def fill(send):
    send("me@example.com", ["you@example.net"], "Subject: one\n\n1\n")
    send("", ["a@example.net", '"first last"@example.org'],
         "Subject: two\n\n" + "2" * 3000 + "\n")


def wait_deferred(mail, count):
    mail.wait_for(lambda: len([
        m for m in mail.queue() if m["queue_name"] == "deferred"
        and all("delay_reason" in r for r in m["recipients"])]) == count)


def test_empty(mail):
    assert mail.postqueue("-p").stdout == "Mail queue is empty\n"
    assert mail.postqueue("-j").stdout == ""


def settled(text):
    text = re.sub(r"(?m)^[0-9A-F]{10,12}([*!]?) +", r"ID\1 ", text)
    text = re.sub(r"\w{3} \w{3} [ \d]\d [\d:]{8}", "WHEN", text)
    text = re.sub(r'"queue_id": "\w+"', '"queue_id": "ID"', text)
    text = re.sub(r'"arrival_time": \d+', '"arrival_time": 0', text)
    return re.sub(r'"message_size": \d+', '"message_size": 0', text)


def messages(text):
    """The messages of a listing, sorted: the order is not promised."""
    head, _, rest = text.partition("\n")
    *parts, total = rest.split("\n\n")
    return [head] + sorted(re.sub(r"(?m)^ID +\d+", "ID SIZE", p)
                           for p in parts), total


@pytest.mark.root
@pytest.mark.peer
def test_as_postfix(full):
    """The same mail gives the same listing, sizes and ids aside."""
    settings = {"relayhost": NOBODY, "minimal_backoff_time": "1h",
                "maximal_backoff_time": "1h"}
    with postfix_peer.PostfixPeer(settings) as peer:
        def send_to_peer(sender, recipients, content):
            with instance.Smtp(peer.port) as smtp:
                smtp.command("EHLO client.example", 250)
                smtp.envelope(sender, recipients)
                assert smtp.data(content).code == 250
        fill(full.send)
        fill(send_to_peer)
        wait_deferred(full, 2)
        wait_deferred(peer, 2)
        ours = settled(full.postqueue("-p").stdout)
        theirs = settled(peer.postqueue("-p").stdout)
        assert messages(ours) == messages(theirs)
        assert (sorted(settled(full.postqueue("-j").stdout).splitlines())
                == sorted(settled(peer.postqueue("-j").stdout).splitlines()))


def test_forms(full):
    fill(full.send)
    wait_deferred(full, 2)
    text = full.postqueue("-p").stdout
    lines = text.splitlines()
    assert lines[0] == ("-Queue ID-  --Size-- ----Arrival Time---- "
                        "-Sender/Recipient-------")
    assert re.fullmatch(r"[0-9A-F]{10,12} +\d+ \w{3} \w{3} [ \d]\d [\d:]{8}  "
                        r"(me@example\.com|MAILER-DAEMON)", lines[1])
    assert re.fullmatch(r" *\(connect to 127\.0\.0\.1\[127\.0\.0\.1\]:9: "
                        r"Connection refused\)", lines[2])
    assert len(lines[2]) == 78
    assert lines[3].startswith(" " * 41)
    assert re.fullmatch(r"-- \d+ Kbytes in 2 Requests\.", lines[-1])
    # mailq is the same thing under another name.
    mailq = subprocess.run(
        ["mailq", "-C", full.etc], executable=instance.program("postqueue"),
        stdout=subprocess.PIPE, text=True, check=True)
    assert mailq.stdout == text
    for line in full.postqueue("-j").stdout.splitlines():
        assert list(json.loads(line)) == [
            "queue_name", "queue_id", "arrival_time", "message_size",
            "forced_expire", "sender", "recipients"]


def test_flush(full):
    """-f, -i and -s try again at once."""
    fill(full.send)
    wait_deferred(full, 2)
    one = next(m for m in full.queue() if m["sender"] == "me@example.com")

    def tries():
        return len(full.log_lines("status=deferred"))
    for option, at_least in (("-f",), 3), (("-i", one["queue_id"]), 1), \
            (("-s", "example.net"), 1):
        before = tries()
        full.postqueue(*option)
        full.wait_for(lambda b=before, n=at_least: tries() >= b + n)


@pytest.mark.parametrize("args, text", [
    ((), "usage: postqueue -f | postqueue -i queueid | postqueue -j | "
             "postqueue -p | postqueue -s site"),
    (("-p", "-j"), "usage: "),
    (("-p", "x"), "usage: "),
    (("-i", "a/b"),
     'Cannot flush queue ID - invalid name: "a/b"'),
    (("-s", "-x"),
     'Cannot flush mail queue - invalid destination: "-x"'),
    (("-s", "y" * 200),
     'Cannot flush mail queue - invalid destination: "' + "y" * 100
     + '..."'),
    (("-f",), "Cannot flush mail queue - mail system is down"),
    (("-s", "example.com"),
     "Cannot flush mail queue - mail system is down"),
])
def test_wrong(make_instance, args, text):
    mail = make_instance()
    result = mail.postqueue(*args, check=False)
    assert result.returncode == 69
    assert result.stderr.startswith(f"postqueue: fatal: {text}")
    assert result.stdout == ""


@pytest.mark.root
@pytest.mark.peer
def test_wrong_as_postfix(make_instance):
    """The same complaints and exit codes, while the system is down."""
    mail = make_instance()
    peer = postfix_peer.PostfixPeer()
    try:
        for args in ((), ("-p", "-j"), ("-x",), ("-i", "a/b"), ("-i", ""),
                     ("-s", "a b"), ("-s", ""), ("-s", "[1.2.3]"), ("-f",)):
            ours = mail.postqueue(*args, check=False)
            theirs = peer.postqueue(*args, check=False)
            last = [line for line in theirs.stderr.splitlines()
                    if line.startswith("postqueue: ")][-1]
            assert (ours.stderr.strip(), ours.returncode) == (
                last, theirs.returncode), args
    finally:
        peer.destroy()


def test_down(full):
    """The owner still sees the queue, others do not."""
    fill(full.send)
    wait_deferred(full, 2)
    before = full.postqueue("-p").stdout
    full.stop()
    result = full.postqueue("-p")
    assert result.stdout == before
    assert re.fullmatch(
        r"postqueue: warning: Mail system is down -- accessing queue directly "
        r"\(Connect to the Postfix showq service: .*\)\n", result.stderr)
    if os.geteuid() == 0:
        result = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534",
             "--clear-groups", instance.program("postqueue"), "-c", full.etc,
             "-p"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if "Permission denied" not in result.stderr:
            assert result.stderr.startswith(
                "postqueue: fatal: Queue report unavailable - mail system is "
                "down (Connect to the Postfix showq service: ")
            assert result.returncode == 69
        assert result.stdout == ""
    full.start()
    assert full.postqueue("-p").stdout == before


@pytest.mark.root
def test_who_may(make_instance):
    mail = make_instance("authorized_mailq_users = root",
                         "authorized_flush_users = root")
    mail.start()
    for args, what in (("-p", "view"), ("-f", "flush")):
        result = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534",
             "--clear-groups", instance.program("postqueue"), "-c", mail.etc,
             args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if "Permission denied" in result.stderr:
            pytest.skip("the build tree is not open to other users")
        assert result.returncode == 69
        assert result.stderr == (
            "postqueue: fatal: User nobody(65534) is not allowed to "
            f"{what} the mail queue\n")
