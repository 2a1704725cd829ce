# SPDX-License-Identifier: ISC
"""maildrop/ in trouble: nothing is lost, and little comes twice."""

import os
import re
import socket
import stat
import threading

import pytest

from lib import maildrop


def count_of(mail):
    return sorted(int(n) for n in
                  re.findall(rb"(?m)^Subject: number (\d+)$", mail.mailbox()))


def put_many(drop, user, n, first=0):
    for i in range(first, first + n):
        drop.put(maildrop.message(
            "ana", [user], f"Subject: number {i}\n\n{'x' * 500}\n"))


def test_many_files_at_start(make_instance):
    mail = make_instance()
    mail.start()
    mail.stop()
    drop = maildrop.Drop(mail)
    put_many(drop, mail.user, 3000)
    mail.start()
    drop.wait_empty(120)
    mail.wait_empty(120)
    assert count_of(mail) == list(range(3000))


def test_without_knocking(make_instance):
    """The wakeup column does it."""
    mail = make_instance()
    path = os.path.join(mail.etc, "master.cf")
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"(?m)^(pickup .*) 60 ", r"\1 1 ", f.read())
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    mail.start()
    drop = maildrop.Drop(mail)
    drop.put(maildrop.message("ana", [mail.user]))
    drop.wait_empty()


@pytest.mark.parametrize("role", ["pickup", "smtpd", "queue", "rules"])
def test_kill(make_instance, role):
    """Nothing is lost. What may come twice are messages that were on their
    way at that moment."""
    mail = make_instance()
    mail.start()
    drop = maildrop.Drop(mail)
    total, kills = 600, 3
    done = threading.Event()

    def feed():
        for i in range(total):
            put_many(drop, mail.user, 1, i)
            # It may be killed while we do.
            if i % 10 == 0:
                knock_if_possible(drop)
        done.set()
    feeder = threading.Thread(target=feed)
    feeder.start()
    for i in range(kills):
        mail.wait_for(
            lambda i=i: len(count_of(mail)) > total * i // (2 * kills), 60)
        mail.wait_for(lambda: mail.kill(role), 30)
    feeder.join()
    mail.wait_for(lambda: mail.processes("pickup"), 60)
    mail.wait_for(lambda: knock_if_possible(drop) and not drop.names(), 120)
    mail.wait_empty(120)
    got = count_of(mail)
    assert sorted(set(got)) == list(range(total))
    assert len(got) - total <= kills * 64


def knock_if_possible(drop):
    try:
        drop.knock()
    except OSError:
        pass
    return True


def test_full_disk(make_instance):
    """While there is no room it stays where it is."""
    mail = make_instance("queue_minfree = 1000000000000000")
    mail.start()
    drop = maildrop.Drop(mail)
    name = drop.send("ana", [mail.user])
    mail.wait_for(lambda: mail.log_lines(
        rf"maildrop/{name}: message not accepted: 452 4\.3\.1 "
        "Insufficient system storage"))
    assert drop.names() == [name]
    mail.configure("queue_minfree = 0")
    mail.stop()
    mail.start()
    drop.wait_empty()
    mail.wait_for(mail.mailbox)


def test_no_pickup_line(make_instance):
    """Without it maildrop/ is left alone."""
    mail = make_instance()
    path = os.path.join(mail.etc, "master.cf")
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"(?m)^pickup ", "#pickup ", f.read())
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    mail.start()
    drop = maildrop.Drop(mail)
    drop.put(maildrop.message("ana", [mail.user]), "A1")
    mail.stop()
    mail.start()
    mail.send("a@b", [mail.user])
    mail.wait_empty()
    assert drop.names() == ["A1"]
    assert not os.path.exists(
        os.path.join(drop.spool, "public", "pickup"))


def test_noise_at_the_door(mail):
    """Garbage, silence and many at once; those who knock are still heard."""
    drop = maildrop.Drop(mail)
    path = os.path.join(drop.spool, "public", "pickup")
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o666
    held = []
    for i in range(300):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        held.append(s)
        if i % 3 == 0:
            try:
                s.sendall(os.urandom(3000))
            except OSError:
                pass
    before = {p.pid for p in mail.processes("pickup")}
    drop.send("ana", [mail.user])
    mail.wait_for(mail.mailbox)
    assert {p.pid for p in mail.processes("pickup")} == before
    for s in held:
        s.close()


def test_reload(mail):
    """Sessions begin anew; what is under way is not lost."""
    drop = maildrop.Drop(mail)
    put_many(drop, mail.user, 300)
    drop.knock()
    for _ in range(3):
        mail.postfix("reload")
    drop.wait_empty()
    put_many(drop, mail.user, 10, 300)
    drop.knock()
    drop.wait_empty()
    mail.wait_empty()
    assert count_of(mail) == list(range(310))


def test_stop(mail):
    """An orderly stop loses nothing and takes nothing twice."""
    drop = maildrop.Drop(mail)
    put_many(drop, mail.user, 500)
    drop.knock()
    mail.wait_for(lambda: len(drop.names()) < 450)
    mail.stop()
    mail.start()
    drop.wait_empty()
    mail.wait_empty()
    assert count_of(mail) == list(range(500))


def test_sandbox(mail):
    """It has maildrop/ open and nothing else of the spool."""
    pickup, = mail.processes("pickup")
    names = set()
    for fd in os.listdir(f"/proc/{pickup.pid}/fd"):
        try:
            names.add(os.readlink(f"/proc/{pickup.pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    below = {n for n in names if n.startswith(mail.home)}
    assert {os.path.relpath(n, mail.home).split("/")[0] for n in below} <= {
        "spool", "log"}
    assert not [n for n in below if "/spool/" in n
                and not n.endswith("/maildrop")]
