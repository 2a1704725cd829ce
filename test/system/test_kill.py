# SPDX-License-Identifier: ISC
"""No acknowledged message is lost, whoever is killed, whenever.

The generator notes the id of each message that it heard 250 for; the sink,
or the mailbox, shows which ids arrived.
"""

import re
import time
from collections import Counter

import pytest

import pair

MESSAGES = 10000
SESSIONS = 20
# What arrives twice was on its way when somebody died: one for each session
# of relay, or a batch of deliver.
TWICE_PER_KILL = 20
BATCH = 100


class Run:
    """A load on its way, with its list of acknowledged messages.

    What was refused for now (4xx, while nobody could answer) is not sent
    again; a connection that was lost is, as another message.
    """

    def __init__(self, mail, tmp_path, messages=MESSAGES, recipient=None):
        self.acks = tmp_path / "acknowledged"
        self.acks.touch()
        options = ["-s", SESSIONS, "-m", messages, "-l", 2000, "--reconnect",
                   "-a", self.acks, "-T", 240]
        if recipient:
            options += ["-r", recipient]
        self.process = pair.start_load(mail.port, *options)

    def is_running(self):
        return self.process.poll() is None

    def finish(self, timeout=300):
        self.process.communicate(timeout=timeout)
        return self.acknowledged()

    def stop(self):
        if self.is_running():
            self.process.terminate()
        self.process.communicate()

    def acknowledged(self):
        text = self.acks.read_text()
        # The last line may be written just now.
        return text[:text.rfind("\n") + 1].split()


def check(acknowledged, arrived, kills):
    counts = Counter(arrived)
    missing = set(acknowledged) - set(counts)
    twice = sum(n - 1 for n in counts.values())
    print(f"{len(acknowledged)} acknowledged, {len(counts)} arrived, "
          f"{twice} twice, {kills} kills")
    assert not missing, f"{len(missing)} of {len(acknowledged)} are lost"
    assert twice <= TWICE_PER_KILL * kills + BATCH


@pytest.fixture
def sink(tmp_path):
    with pair.Sink(verify=str(tmp_path / "received")) as one:
        yield one


@pytest.fixture
def relaying(make_instance, sink):
    mail = make_instance(
        f"relayhost = [127.0.0.1]:{sink.port}",
        "mydestination =", "minimal_backoff_time = 1s",
        "maximal_backoff_time = 2s", "queue_run_delay = 1s")
    mail.start()
    return mail


def received(tmp_path):
    return (tmp_path / "received").read_text().split()


def wait_received(mail, tmp_path, acknowledged, timeout=120):
    """Until all is there, or the queue is empty."""
    wanted = set(acknowledged)
    mail.wait_for(lambda: wanted <= set(received(tmp_path)), timeout,
                  "acknowledged messages did not arrive")
    mail.wait_empty(timeout)


def kill_while(mail, run, role, every):
    kills = 0
    while run.is_running():
        time.sleep(every)
        if run.is_running():
            kills += mail.kill(role)
            mail.remember()
    return kills


@pytest.mark.parametrize("role", ["smtpd", "rules", "queue", "relay"])
def test_kill_one_role(relaying, tmp_path, role):
    """10,000 messages to the next hop while one role is killed."""
    run = Run(relaying, tmp_path)
    try:
        kills = kill_while(relaying, run, role, 0.25)
        acknowledged = run.finish()
    finally:
        run.stop()
    assert len(acknowledged) >= MESSAGES * 0.9
    wait_received(relaying, tmp_path, acknowledged)
    check(acknowledged, received(tmp_path), kills)


def test_kill_each_in_turn(relaying, tmp_path):
    """The same, with everybody but master in turn."""
    roles = ["smtpd", "rules", "queue", "relay", "deliver", "expand"]
    run = Run(relaying, tmp_path)
    kills = 0
    try:
        while run.is_running():
            time.sleep(0.25)
            kills += relaying.kill(roles[kills % len(roles)])
            relaying.remember()
        acknowledged = run.finish()
    finally:
        run.stop()
    assert len(acknowledged) >= MESSAGES * 0.9
    wait_received(relaying, tmp_path, acknowledged)
    check(acknowledged, received(tmp_path), kills)


def test_kill_everything(relaying, tmp_path):
    """All processes at once in the middle of it, twice; then the rest."""
    run = Run(relaying, tmp_path, messages=3 * MESSAGES)
    kills = 0
    try:
        for part in (1, 2):
            relaying.wait_for(
                lambda p=part: len(run.acknowledged()) > p * 2000
                or not run.is_running(), 120)
            kills += len(relaying.processes())
            relaying.kill_all()
            relaying.start()
    finally:
        run.stop()
    acknowledged = run.acknowledged()
    assert len(acknowledged) > 4000
    wait_received(relaying, tmp_path, acknowledged)
    check(acknowledged, received(tmp_path), kills)


IDS = re.compile(rb"^X-Bench-Id: (\S+)$", re.M)


def mailbox_ids(mail):
    """The ids in the mailbox, all of whose messages must be whole."""
    text = mail.mailbox()
    parts = re.split(rb"(?m)^(?=From \S+  )", text)[1:]
    for part in parts:
        assert len(IDS.findall(part)) == 1, part[:2000]
        assert part.endswith(b"\n\n"), part[-200:]
        # Bodies are all of one length.
    lengths = {len(part.partition(b"\n\n")[2]) for part in parts}
    assert len(lengths) <= 1, lengths
    return [i.decode() for i in IDS.findall(text)]


def local_check(mail, acknowledged, kills):
    wanted = set(acknowledged)
    mail.wait_for(lambda: wanted <= {
        i.decode() for i in IDS.findall(mail.mailbox())}, 120)
    mail.wait_empty()
    check(acknowledged, mailbox_ids(mail), kills)


@pytest.mark.parametrize("role", ["deliver", "deliver-scribe", "queue"])
def test_kill_local_delivery(make_instance, tmp_path, role):
    """Into a mailbox: none lost, and never half a message."""
    mail = make_instance("minimal_backoff_time = 1s",
                         "maximal_backoff_time = 2s", "queue_run_delay = 1s",
                         "mailbox_size_limit = 0")
    mail.start()
    run = Run(mail, tmp_path, recipient=f"{mail.user}@localhost")
    try:
        kills = kill_while(mail, run, role, 0.5)
        acknowledged = run.finish()
    finally:
        run.stop()
    assert kills > 0
    local_check(mail, acknowledged, kills)


def test_kill_everything_local(make_instance, tmp_path):
    mail = make_instance("minimal_backoff_time = 1s",
                         "maximal_backoff_time = 2s", "queue_run_delay = 1s",
                         "mailbox_size_limit = 0")
    mail.start()
    run = Run(mail, tmp_path, recipient=f"{mail.user}@localhost")
    try:
        mail.wait_for(lambda: len(run.acknowledged()) > 1000, 60)
        kills = len(mail.processes())
        mail.kill_all()
        mail.start()
    finally:
        run.stop()
    local_check(mail, run.acknowledged(), kills)
