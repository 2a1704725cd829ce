#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Many deliveries to the mailboxes of many users while processes are killed.

    test/lib/kill_local.py [MESSAGES [KILLS_PER_SECOND [SETTING...]]]
                            100000    3

Root only: the users exist in a mount namespace. One process after the other
of deliver (its scribes and workers too), expand, queue and smtpd gets SIGKILL.
In the end every message that was acknowledged lies in its mailbox, whole, and
nothing else does. Half the users have Maildirs by their ~/.forward, and all
with "home_mailbox = Maildir/". The system tests run short ones.
"""

import os
import re
import sys
import time
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE),
                os.path.join(os.path.dirname(HERE), "bench")]

USERS = 100
LENGTH = 2000
ROLES = ("deliver", "expand", "queue", "deliver", "smtpd", "deliver")


def split(text):
    """The messages of an mbox file."""
    if not text:
        return []
    if not text.startswith(b"From ") or not text.endswith(b"\n\n"):
        raise AssertionError(f"half a message: {text[-200:]!r}")
    return re.split(rb"(?m)(?<=\n\n)(?=^From )", text)


def id_of(message, where):
    """Each message has one id, and ends as it was made."""
    ids = re.findall(rb"(?m)^X-Bench-Id: (\S+)\r?$", message)
    if len(ids) != 1 or len(message) < LENGTH:
        raise AssertionError(f"{where}: {len(ids)} ids in {message!r}")
    return ids[0].decode()


def arrived(mail):
    for i in range(USERS):
        name = f"user{i}"
        for message in split(mail.mailbox(name)):
            yield id_of(message, name)
        new = os.path.join(mail.home_of(name), "Maildir", "new")
        for file in os.listdir(new) if os.path.isdir(new) else ():
            with open(os.path.join(new, file), "rb") as f:
                yield id_of(f.read(), os.path.join(new, file))


def run(messages, rate, *settings):
    import pair
    from lib import instance
    mail = instance.Instance(
        "minimal_backoff_time = 1s", "maximal_backoff_time = 2s",
        "queue_run_delay = 1s", "mailbox_size_limit = 0", *settings,
        users=[f"user{i}" for i in range(USERS)])
    try:
        return attack(mail, pair, messages, rate)
    finally:
        mail.destroy()


def prepare(mail):
    """Every second user has a Maildir, by his ~/.forward."""
    for name, uid in mail.uids.items():
        home = mail.make_home(name)
        if int(name[4:]) % 2:
            path = os.path.join(home, ".forward")
            with open(path, "w", encoding="utf-8") as f:
                f.write("~/Maildir/\n")
            os.chown(path, uid, uid)


def attack(mail, pair, messages, rate):
    prepare(mail)
    mail.start()
    acks = os.path.join(mail.directory, "acknowledged")
    load = pair.start_load(
        mail.port, "-s", 20, "-m", messages, "-l", LENGTH, "--reconnect",
        "-a", acks, "-T", 1200, "-r", "user@localhost", "-N", USERS)
    kills = 0
    try:
        while load.poll() is None:
            time.sleep(1 / rate)
            kills += mail.kill(ROLES[kills % len(ROLES)])
            mail.remember()
        load.communicate()
    finally:
        if load.poll() is None:
            load.kill()
            load.communicate()
    mail.wait_empty(300)
    with open(acks, encoding="ascii") as f:
        acknowledged = set(f.read().split())
    counts = Counter(arrived(mail))
    missing = acknowledged - set(counts)
    twice = sum(n - 1 for n in counts.values())
    print(f"{len(acknowledged)} acknowledged, {len(counts)} arrived, "
          f"{twice} twice, {kills} killed")
    if missing:
        raise AssertionError(f"{len(missing)} are lost: {sorted(missing)[:5]}")
    if len(acknowledged) < messages * 0.9:
        raise AssertionError("few were acknowledged")
    return acknowledged, counts, kills


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 100000,
        float(sys.argv[2]) if len(sys.argv) > 2 else 3, *sys.argv[3:])
