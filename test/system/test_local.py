# SPDX-License-Identifier: ISC
"""Local delivery: what ends up in a mailbox, and what must not."""

import fcntl
import os
import re
import stat
import threading

import pytest

import postfix_peer

MESSAGES = {
    "plain": "From: a@x\nTo: b@y\nSubject: plain\n\nhello\n",
    "from lines": "Subject: x\n\nFrom here\n>From there\nfrom low\n From x\n",
    "dots": "Subject: x\n\n.\n..\n.x\n\n.\n",
    "no body": "Subject: nothing\n\n",
    "no header": "just text\n",
    "blank lines at the end": "Subject: x\n\ntext\n\n\n\n",
    "long line": "Subject: x\n\n" + "y" * 3000 + "\n",
    "eight bits": "Subject: x\nMIME-Version: 1.0\n"
                  "Content-Transfer-Encoding: 8bit\n\nñandú\n",
    "many lines": "Subject: x\n\n" + "line of text\n" * 20000,
}
# What differs from one delivery to the next.
VOLATILE = [
    (rb"(?m)^(From \S+  ).*$", rb"\1DATE"),
    (rb"\b[0-9A-F]{10,12}\b", rb"QUEUEID"),
    (rb"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", rb"DATE"),
    (rb"<\d{14}\.", rb"<STAMP."),
]


def settled(text):
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text


def send_all(mail, recipients):
    for content in MESSAGES.values():
        mail.send("sender@example.com", recipients, content)


def send_to_peer(peer, recipients):
    from lib.instance import Smtp
    for content in MESSAGES.values():
        with Smtp(peer.port) as smtp:
            smtp.command("EHLO client.example", 250)
            smtp.envelope("sender@example.com", recipients)
            assert smtp.data(content).code == 250


def facts(mail, user):
    st = os.stat(mail.mailbox_path(user))
    return {"uid": st.st_uid, "gid": st.st_gid,
            "mode": oct(stat.S_IMODE(st.st_mode)), "nlink": st.st_nlink}


@pytest.mark.root
@pytest.mark.peer
@pytest.mark.parametrize("mode, group", [
    (0o1777, 0), (0o2775, 8), (0o755, 0)])
def test_as_postfix(make_instance, mode, group):
    """Bytes, owner and mode of the mailbox, in each kind of directory."""
    recipients = ["games@mail.example.test", "Games+ext@mail.example.test"]
    common = ["myhostname = mail.example.test",
              "recipient_delimiter = +"]
    mail = make_instance(*common)
    with postfix_peer.PostfixPeer({"recipient_delimiter": "+"}) as peer:
        for directory in (os.path.join(mail.home, "mail"), peer.mail):
            os.chown(directory, 0, group)
            os.chmod(directory, mode)
        mail.start()
        send_all(mail, recipients)
        send_to_peer(peer, recipients)
        mail.wait_empty()
        peer.wait_empty()
        ours, theirs = mail.mailbox("games"), peer.mailbox("games")
        # Two deliveries of one message may change places.
        def parts(text):
            return sorted(re.split(rb"(?m)^(?=From sender)", settled(text)))
        assert parts(ours) == parts(theirs)
        assert facts(mail, "games") == facts(peer, "games")
    assert os.listdir(os.path.join(mail.home, "mail")) == ["games"]


def test_unknown_user(mail):
    """Refused at once; and bounced if it got in."""
    with mail.smtp() as smtp:
        smtp.command("EHLO x", 250)
        smtp.command("MAIL FROM:<>", 250)
        answer = smtp.command("RCPT TO:<no-such-user-here>", 550)
        assert "User unknown in local recipient table" in answer


def test_unknown_user_bounces(make_instance):
    mail = make_instance("local_recipient_maps =")
    mail.start()
    queue_id = mail.send(f"{mail.user}@localhost", ["no-such-user@localhost"])
    mail.wait_for(lambda: b"unknown user" in mail.mailbox())
    assert mail.log_lines(
        rf"{queue_id}: to=<no-such-user@localhost>, relay=local, .*"
        r"dsn=5\.1\.1, status=bounced \(unknown user: \"no-such-user\"\)")


def test_loop(mail):
    """A message that was here before is bounced."""
    host = mail.smtp().banner.split()[1]
    mail.send("", [mail.user],
              f"Delivered-To: {mail.user.upper()}@{host}\n\nround and round\n")
    mail.wait_for(lambda: mail.log_lines(
        rf"status=bounced \(mail forwarding loop for {mail.user}@{host}\)"))
    assert not mail.mailbox()


def test_several_recipients_at_once(mail):
    """The same mailbox under two names gets the message twice."""
    mail.send("a@x", [mail.user, f"{mail.user}@localhost"])
    mail.wait_empty()
    assert mail.mailbox().count(b"\nSubject: test\n") == 2


def test_lock_is_honoured(make_instance):
    """While a reader has the mailbox, it does not change."""
    mail = make_instance("deliver_lock_attempts = 100",
                         "deliver_lock_delay = 1s")
    mail.start()
    mail.send("a@x", [mail.user])
    mail.wait_for(mail.mailbox)

    # Not mail.mailbox(): to close the file would give up our lock.
    def size():
        return os.path.getsize(mail.mailbox_path())
    before = size()
    with open(mail.mailbox_path(), "r+b") as box:
        fcntl.lockf(box, fcntl.LOCK_EX)
        mail.send("a@x", [mail.user])
        with pytest.raises(AssertionError):
            mail.wait_for(lambda: size() != before, 1)
    mail.wait_for(lambda: size() > before)
    mail.wait_empty()
    assert os.listdir(os.path.join(mail.home, "mail")) == [mail.user]


def test_lock_that_stays(make_instance):
    """Deferred, with the reason, as long as somebody holds the dotlock."""
    mail = make_instance("deliver_lock_attempts = 2")
    lock = mail.mailbox_path() + ".lock"
    with open(lock, "xb"):
        pass
    mail.start()
    mail.send("a@x", [mail.user])
    mail.wait_for(lambda: mail.log_lines(
        r"dsn=4\.2\.0, status=deferred \(cannot update mailbox \S+ for user "
        rf"{mail.user}\. unable to create lock file \S+: File exists\)"))
    assert not mail.mailbox()
    os.unlink(lock)
    mail.postqueue("-f")
    mail.wait_for(mail.mailbox)


@pytest.mark.parametrize("kind, reason", [
    ("symlink", r"file is a symbolic link"),
    ("hard link", r"file has 2 hard links"),
    ("fifo", r"cannot open file: No such device or address"),
    ("directory", r"cannot open file: Is a directory"),
])
def test_planted_mailbox(make_instance, kind, reason):
    """Nobody lures us into writing elsewhere."""
    mail = make_instance()
    path = mail.mailbox_path()
    victim = os.path.join(mail.home, "victim")
    with open(victim, "wb") as f:
        f.write(b"precious")
    {"symlink": lambda: os.symlink(victim, path),
     "hard link": lambda: os.link(victim, path),
     "fifo": lambda: os.mkfifo(path),
     "directory": lambda: os.mkdir(path)}[kind]()
    mail.start()
    mail.send("", [mail.user])
    mail.wait_for(lambda: mail.log_lines(
        rf"dsn=5\.2\.0, status=bounced \(cannot update mailbox \S+ for user "
        rf"{mail.user}\. {reason}\)"))
    with open(victim, "rb") as f:
        assert f.read() == b"precious"


@pytest.mark.root
@pytest.mark.users
def test_race_for_the_mailbox(make_instance):
    """While mail comes in, the recipient swaps his mailbox for a link to a
    file that is not his: that file never changes."""
    mail = make_instance(users=["mallory"])
    path = mail.mailbox_path("mallory")
    victim = os.path.join(mail.home, "victim")
    with open(victim, "wb") as f:
        f.write(b"precious")
    os.chmod(victim, 0o666)
    mail.start()
    stop = threading.Event()

    def swap():
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                os.unlink(path)
            except OSError:
                pass
            try:
                (os.symlink, os.link)[turn % 2](victim, path)
            except OSError:
                pass
            try:
                os.unlink(path)
            except OSError:
                pass
    racer = threading.Thread(target=swap)
    racer.start()
    try:
        for _ in range(100):
            mail.send("", ["mallory"])
        mail.wait_for(lambda: len(mail.log_lines(
            r"to=<mallory@.*status=")) >= 100)
    finally:
        stop.set()
        racer.join()
    with open(victim, "rb") as f:
        assert f.read() == b"precious"


def test_size_limit(make_instance):
    mail = make_instance("message_size_limit = 2000",
                         "mailbox_size_limit = 2000")
    mail.start()
    mail.send("", [mail.user], "Subject: one\n\n" + "x" * 900 + "\n")
    mail.wait_for(mail.mailbox)
    before = mail.mailbox()
    mail.send("", [mail.user], "Subject: two\n\n" + "x" * 900 + "\n")
    mail.wait_for(lambda: mail.log_lines(
        r"dsn=5\.2\.2, status=bounced \(cannot update mailbox \S+ for user "
        rf"{mail.user}\. error writing message: File too large\)"))
    assert mail.mailbox() == before
