# SPDX-License-Identifier: ISC
"""Local delivery among hostile users: nothing is written where it should not
be, and nothing is read that its owner did not show."""

import os
import subprocess
import sys

import pytest

from lib import instance
from lib.mailboxes import COMMON, body, messages, own, settled

pytestmark = [pytest.mark.root, pytest.mark.users]

PRECIOUS = b"precious\n"
SECRET = b"leaked@mail.example.test\n"

# What a hostile user does as fast as he can, as himself: the names given
# become links, fifos, directories and files, and change places.
RACER = r"""
import os, sys
uid = int(sys.argv[1])
targets, names = sys.argv[2].split(":"), sys.argv[3:]
os.setgroups([uid]); os.setgid(uid); os.setuid(uid)
os.umask(0)
print("ready", flush=True)

def remove(name):
    for f in (os.unlink, os.rmdir):
        try:
            f(name)
        except OSError:
            pass

def make(name):
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))

def swap(name):
    # In one step: what was looked at is not what is opened.
    other = name + ".racer"
    os.symlink(targets[0], other)
    os.rename(other, name)

turn = 0
while True:
    for name in names:
        turn += 1
        target = targets[turn // 7 % len(targets)]
        step = [lambda: os.symlink(target, name), lambda: os.link(target, name),
                lambda: os.mkfifo(name), lambda: os.mkdir(name),
                lambda: make(name), lambda: swap(name),
                lambda: os.symlink("/dev/zero", name)][turn % 7]
        try:
            step()
        except OSError:
            pass
        remove(name)
"""


class Racer:
    def __init__(self, uid, targets, names):
        self.process = subprocess.Popen(
            [sys.executable, "-c", RACER, str(uid), ":".join(targets), *names],
            stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.process.poll() is None, "the racer gave up"
        self.process.kill()
        self.process.communicate()


ROUNDS = 60


@pytest.mark.parametrize("mode, locks", [
    (0o1777, "dotlock, fcntl"), (0o1777, "fcntl"), (0o2775, "dotlock"),
    (0o755, "fcntl, dotlock")])
def test_race_for_mailboxes(make_instance, mode, locks):
    """In each kind of mail directory: mailboxes and lock files, his own and
    those of others, turn into whatever mallory can make."""
    mail = make_instance(*COMMON, f"mailbox_delivery_lock = {locks}",
                         users=["mallory", "bob"])
    spool = os.path.join(mail.home, "mail")
    os.chown(spool, 0, 8)
    os.chmod(spool, mode)
    secret = own(os.path.join(mail.directory, "root-file"), 0, 0o666, PRECIOUS)
    mine = own(os.path.join(mail.directory, "bob-file"), mail.uids["bob"],
               0o666, PRECIOUS)
    mail.start()
    # His mailbox is there before the race, else bob would wait for ever.
    mail.send("", ["bob"], body(0))
    mail.wait_for(lambda: mail.mailbox("bob"))
    names = [os.path.join(spool, n) for n in
             ("mallory", "mallory.lock", "bob.lock")]
    with Racer(mail.uids["mallory"], [secret, mine], names):
        for i in range(1, ROUNDS + 1):
            mail.send("", ["mallory", "bob"], body(i))
        mail.wait_for(lambda: settled(mail, "mallory") >= ROUNDS
                      and settled(mail, "bob") >= ROUNDS + 1, 60)
    for path in (secret, mine):
        with open(path, "rb") as f:
            assert f.read() == PRECIOUS
    # Nothing of mallory's belongs to anybody else.
    victims = [os.stat(path).st_ino for path in (secret, mine)]
    for name in os.listdir(spool):
        st = os.lstat(os.path.join(spool, name))
        if name.startswith("mallory") and st.st_ino not in victims:
            assert st.st_uid == mail.uids["mallory"], name
    for name in os.listdir(spool):
        # A lock that somebody left would hold for stale_lock_time.
        if name.startswith("bob."):
            os.unlink(os.path.join(spool, name))
    mail.wait_for(lambda: mail.postqueue("-f") and sorted(
        messages(mail.mailbox("bob"))) == list(range(ROUNDS + 1)))
    st = os.lstat(os.path.join(spool, "bob"))
    assert st.st_uid == mail.uids["bob"]


def test_planted_for_others(make_instance):
    """What mallory puts where bob's mailbox will be is not written to."""
    mail = make_instance(*COMMON, users=["mallory", "bob"])
    path = own(mail.mailbox_path("bob"), mail.uids["mallory"], 0o666, PRECIOUS)
    mail.start()
    mail.send("", ["bob"], body(1))
    mail.wait_for(lambda: mail.log_lines(
        r"to=<bob@.* dsn=4\.2\.0, status=deferred \(cannot update mailbox "
        r"\S+/bob for user bob\. destination \S+/bob is not owned by "
        r"recipient\)"))
    assert mail.log_lines('specify "strict_mailbox_ownership = no" to ignore')
    with open(path, "rb") as f:
        assert f.read() == PRECIOUS


def test_race_for_maildirs(make_instance):
    """mallory's Maildir is known to the filer, which acts as anybody: what he
    makes of it leads nowhere, and bob's mail does not wait for it."""
    mail = make_instance(*COMMON, "home_mailbox = Maildir/",
                         users=["mallory", "bob"])
    maildir = os.path.join(mail.make_home("mallory"), "Maildir")
    bobs = os.path.join(mail.make_home("bob"), "Maildir", "new")
    roots = os.path.join(mail.directory, "root-dir")
    os.mkdir(roots)
    os.chmod(roots, 0o777)
    mail.start()
    for i in range(4):
        mail.send("", ["mallory", "bob"], body(i))
        mail.wait_empty()
    assert mail.processes("deliver-filer")
    for path in (os.path.dirname(os.path.dirname(bobs)),
                 os.path.dirname(bobs), bobs):
        os.chmod(path, 0o777)
    names = [os.path.join(maildir, n) for n in ("tmp", "new")]
    os.rename(names[1], names[1] + ".old")
    with Racer(mail.uids["mallory"], [bobs, roots], [*names, maildir]):
        for i in range(4, ROUNDS):
            mail.send("", ["mallory", "bob"], body(i))
        mail.wait_for(lambda: settled(mail, "mallory") >= ROUNDS
                      and settled(mail, "bob") >= ROUNDS, 60)
    assert len(mail.log_lines("to=<bob@.*status=sent")) == ROUNDS
    assert not os.listdir(roots)
    owners = [os.stat(os.path.join(bobs, name)).st_uid
              for name in os.listdir(bobs)]
    assert owners == [mail.uids["bob"]] * ROUNDS


def has_leaked(mail):
    return mail.log_lines("leaked")


def test_race_for_forward(make_instance):
    """What mallory's .forward leads to is read with his rights, and the file
    that was looked at is the one that is read."""
    mail = make_instance(*COMMON, users=["mallory", "bob"])
    home = mail.make_home("mallory")
    bobs = own(os.path.join(mail.directory, "bob-secret"), mail.uids["bob"],
               0o600, SECRET)
    roots = own(os.path.join(mail.directory, "root-secret"), 0, 0o600, SECRET)
    mail.start()
    with Racer(mail.uids["mallory"], [bobs, roots],
               [os.path.join(home, ".forward")]):
        for i in range(ROUNDS):
            mail.send("", ["mallory"], body(i))
        mail.wait_for(lambda: settled(mail, "mallory") >= ROUNDS, 60)
        # Nobody else waits for him.
        mail.send("", ["bob"], body(1))
        mail.wait_for(lambda: mail.mailbox("bob"))
    assert not has_leaked(mail)


def test_race_for_include(make_instance):
    """A list of mallory's in the aliases is read as mallory."""
    mail = make_instance(*COMMON, users=["mallory", "bob"])
    home = mail.make_home("mallory")
    roots = own(os.path.join(mail.directory, "root-secret"), 0, 0o600, SECRET)
    bobs = own(os.path.join(mail.directory, "bob-secret"), mail.uids["bob"],
               0o600, SECRET)
    aliases = own(os.path.join(mail.etc, "aliases"), 0, 0o644,
                  f"list: :include:{home}/list\n".encode())
    subprocess.run([instance.program("postalias"), "-c", mail.etc,
                    f"hash:{aliases}"], check=True)
    mail.configure(f"alias_maps = hash:{aliases}")
    mail.start()
    with Racer(mail.uids["mallory"], [roots, bobs],
               [os.path.join(home, "list")]):
        for i in range(ROUNDS):
            mail.send("", ["list"], body(i))
        mail.wait_for(lambda: settled(mail, "list") >= ROUNDS, 60)
    assert not has_leaked(mail)
