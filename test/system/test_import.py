# SPDX-License-Identifier: ISC
"""chasqui import: the mail in a Postfix's queue is ours from then on."""

import os
import re
import shutil
import socket

import pytest

from lib import maildrop
from lib.instance import Smtp
import postfix_peer

pytestmark = [pytest.mark.root, pytest.mark.peer]


def queue_files(spool, *queues):
    found = []
    for queue in queues:
        for _, _, names in os.walk(os.path.join(spool, queue)):
            found += names
    return sorted(found)


def settled(text):
    text = re.sub(rb"(?m)^From \S+  .*$", b"From DATE", text)
    return sorted(re.split(rb"(?m)^(?=From DATE)", text))


def submit(peer, args, content):
    maildrop.debian_sendmail(peer.etc, "-f", "games", *args, content=content)


@pytest.fixture
def stopped(tmp_path):
    """A Postfix with mail in every queue, and what it would deliver."""
    aliases = tmp_path / "virtual"
    aliases.write_text("team@mail.example.test bin, sys\n")
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    with closed, postfix_peer.PostfixPeer({
            "defer_transports": "local",
            "virtual_alias_maps": f"texthash:{aliases}",
            "transport_maps": "inline:{gone.example=smtp:[127.0.0.1]:%d,"
            "fine.example=discard:}" % closed.getsockname()[1]}) as peer:
        submit(peer, ["-i", "games"], "Subject: plain\n\nhello\n.\n")
        submit(peer, ["team"], "Subject: alias\nTo: team\n\nhello\n")
        submit(peer, ["-F", "x", "games", "lp"],
               "Received: by me\nSubject: \xf1\n\n" + "long " * 2000 + "\n")
        submit(peer, ["a@gone.example", "b@fine.example"],
               "Subject: half done\n\nx\n")
        submit(peer, ["-N", "never", "-R", "hdrs", "games"],
               "Subject: dsn\n\nx\n")
        submit(peer, ["news"], "Subject: held\n\nx\n")
        deferred = os.path.join(peer.spool, "deferred")
        peer.wait_for(lambda: len(queue_files(peer.spool, "deferred")) == 6)
        peer.wait_for(lambda: not queue_files(
            peer.spool, "incoming", "active", "maildrop"))
        for entry in peer.queue():
            if entry["recipients"][0]["address"].startswith("news"):
                peer.postsuper("-h", entry["queue_id"])
        assert len(queue_files(peer.spool, "hold")) == 1
        peer.stop()
        # One that qmgr was at work on, one that nobody has looked at.
        names = queue_files(peer.spool, "deferred")
        for queue, name in zip(("active", "incoming"), names):
            for base, _, files in os.walk(deferred):
                if name in files:
                    shutil.move(os.path.join(base, name),
                                os.path.join(peer.spool, queue, name))
        submit(peer, ["games"], "Subject: dropped\n\nx\n")
        assert len(queue_files(peer.spool, "maildrop")) == 1
        yield peer


def run_import(mail, peer, *args, check=True):
    return mail.tool("chasqui", "import", "-c", mail.etc, *args, peer.spool,
                     check=check)


def make(make_instance):
    mail = make_instance("myhostname = mail.example.test",
                         "transport_maps = inline:{gone.example=discard:}",
                         "virtual_alias_maps = inline:{games=nobody}")
    os.chmod(os.path.join(mail.home, "mail"), 0o1777)
    mail.start()
    mail.stop()
    return mail


def test_import(make_instance, stopped, tmp_path):
    mail = make(make_instance)
    held = queue_files(stopped.spool, "hold")
    for code, args in ((64, []), (65, [str(tmp_path)]), (66, ["/nowhere"])):
        assert mail.tool("chasqui", "import", "-c", mail.etc, *args,
                         check=False).returncode == code
    # A file that is none stays, the others go.
    bad = os.path.join(stopped.spool, "deferred", "BADBAD")
    with open(bad, "wb") as f:
        f.write(b"no queue file")
    os.chmod(bad, 0o700)
    result = run_import(mail, stopped, check=False)
    assert result.returncode == 65
    assert "deferred/BADBAD: unexpected or malformed record" in result.stderr
    os.unlink(bad)
    assert result.stdout == ("maildrop: 1\nincoming: 1\nactive: 1\n"
                             "deferred: 3\nhold: 0\n")
    assert "1 messages on hold were left in" in result.stderr
    assert queue_files(stopped.spool, "maildrop", "incoming", "active",
                       "deferred", "hold") == held
    mail.start()
    drop = maildrop.Drop(mail)
    drop.wait_empty()
    mail.wait_empty()
    # Again: there is nothing.
    assert "deferred: 0" in run_import(mail, stopped).stdout
    lines = mail.log_lines(r"pickup\[\d+\]: \w+: uid=")
    assert len(lines) == 6
    assert len([line for line in lines if "orig_id=" in line]) == 5
    # Those that Postfix had are as it made them: its trace, its aliases.
    for user, count in (("games", 3), ("bin", 1), ("sys", 1), ("lp", 1)):
        text = mail.mailbox(user)
        if user == "games":
            # Only what Postfix had not seen yet goes through our tables.
            assert b"Subject: dropped" not in text
        assert len(re.findall(rb"(?m)^Subject: ", text)) == count, user
        assert len(re.findall(rb"(?m)^Message-Id: ", text)) == count
    text = mail.mailbox("bin")
    assert text.count(b"Received: ") == 1
    assert b"from userid 0)" in text
    assert b"X-Original-To: team\n" in text
    assert b"hello\n.\n" in mail.mailbox("games")
    long = mail.mailbox("lp")
    assert b"long " * 2000 + b"\n" in long
    assert long.count(b"Received: ") == 2
    # The recipient that had it does not get it again.
    assert mail.log_lines("to=<a@gone.example>")
    assert not mail.log_lines("b@fine.example")
    assert b"Subject: dropped" in mail.mailbox("nobody")
    result = run_import(mail, stopped, "--hold")
    assert "hold: 1" in result.stdout
    mail.wait_for(lambda: mail.mailbox("news"))
    stopped.start()
    result = run_import(mail, stopped, check=False)
    assert result.returncode == 75 and "is running" in result.stderr


def test_same_bytes(make_instance, stopped):
    """What we deliver is what Postfix would have delivered."""
    mail = make(make_instance)
    run_import(mail, stopped, "--keep")
    mail.start()
    maildrop.Drop(mail).wait_empty()
    mail.wait_empty()
    stopped.configure("defer_transports =")
    stopped.start()
    stopped.postqueue("-f")
    stopped.wait_for(lambda: stopped.mailbox("sys") and stopped.mailbox("lp"))
    for user in ("bin", "sys", "lp"):
        def bodies(text):
            return settled(re.sub(rb"(?m)^\tid [0-9A-F]+; ", b"\tid; ", text))
        assert bodies(mail.mailbox(user)) == bodies(stopped.mailbox(user))


def test_client_of_a_message(make_instance, tmp_path):
    """What was known of it is known here."""
    with postfix_peer.PostfixPeer({"relayhost": "[127.0.0.1]:1"}) as peer:
        with Smtp(peer.port) as smtp:
            port = smtp.socket.getsockname()[1]
            smtp.command("EHLO client.example", 250)
            smtp.envelope("me@a.example", ["you@piped.example"])
            assert smtp.data("Subject: x\n\nx\n").code == 250
        peer.wait_for(lambda: queue_files(peer.spool, "deferred"))
        peer.stop()
        mail = make_instance("transport_maps = inline:{piped.example=piped:}")
        mail.configure_master(
            "piped unix - n n - - pipe user=nobody argv=/bin/echo "
            "$client_address $client_port $client_helo $client_protocol")
        mail.start()
        mail.stop()
        run_import(mail, peer)
    mail.start()
    mail.wait_for(lambda: mail.log_lines(
        rf"delivered via piped service \(127.0.0.1 {port} client.example "
        r"ESMTP\)"))


def test_twice_before_the_start(make_instance, stopped):
    """A run that was cut off between "complete" and "remove"."""
    mail = make(make_instance)
    run_import(mail, stopped, "--keep")
    names = maildrop.Drop(mail).names()
    # And one that was cut off while it wrote.
    half = maildrop.Drop(mail).path(queue_files(stopped.spool, "deferred")[0])
    os.chmod(half, 0o600)
    os.truncate(half, 30)
    run_import(mail, stopped)
    assert maildrop.Drop(mail).names() == names
    assert not queue_files(stopped.spool, "deferred", "maildrop")
    mail.start()
    maildrop.Drop(mail).wait_empty()
    mail.wait_empty()
    assert len(re.findall(rb"(?m)^Subject: ", mail.mailbox("games"))) == 3
    assert mail.mailbox("bin").count(b"Subject: ") == 1
