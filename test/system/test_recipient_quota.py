# SPDX-License-Identifier: ISC
"""smtpd_recipient_quota: who has no room for a message is refused at RCPT."""

import os
import re
import signal
import time

import pytest

from lib.instance import Smtp

UID = 64100
TEXT = "Subject: x\n\n" + ("x" * 98 + "\n") * 10
FULL = "552 5.2.2 <{}>: Recipient address rejected: Mailbox is full\r\n"
YES = "smtpd_recipient_quota = yes"


def own(path):
    if os.geteuid() == 0:
        os.chown(path, UID, UID)


@pytest.fixture
def hosting(make_instance):
    """A running system with virtual mailboxes."""
    def make(*more, quota="1500S", boxes="ana ana/, bob bob/, eva eva"):
        uid = UID if os.geteuid() == 0 else os.geteuid()
        mail = make_instance()
        mail.base_directory = os.path.join(mail.home, "vmail")
        os.mkdir(mail.base_directory)
        own(mail.base_directory)
        table = " ".join("{{{}@v.example = {}}}".format(*box.split())
                         for box in boxes.split(","))
        mail.configure(
            "virtual_mailbox_domains = v.example",
            f"virtual_mailbox_base = {mail.base_directory}",
            f"virtual_mailbox_maps = inline:{{{table}}}",
            f"virtual_uid_maps = static:{uid}",
            f"virtual_gid_maps = static:{uid if uid else 1}",
            f"virtual_maildir_quota_maps = inline:{{ana@v.example={quota}}}",
            *more)
        mail.start()
        return mail
    return make


def ask(mail, *recipients, size=None):
    """What the server says to each."""
    with Smtp(mail.port) as smtp:
        smtp.command("EHLO client.example", 250)
        announced = "" if size is None else f" SIZE={size}"
        smtp.command(f"MAIL FROM:<s@client.example>{announced}", 250)
        return [smtp.command(f"RCPT TO:<{r}>") for r in recipients]


def deliver(mail, *recipients, text=TEXT):
    mail.send("s@client.example", list(recipients), text)
    mail.wait_empty()


def is_full(reply, recipient):
    if reply.code == 552:
        assert str(reply) == FULL.format(recipient), reply
    else:
        assert reply.code == 250, reply
    return reply.code == 552


@pytest.mark.root
def test_maildir(hosting):
    """By what is in it now, and what the client says is to come."""
    mail = hosting(YES)
    # One that is not there yet cannot hold more than its quota either.
    assert not is_full(*ask(mail, "ana@v.example"), "ana@v.example")
    assert is_full(*ask(mail, "ana@v.example", size=5000), "ana@v.example")
    assert not os.path.exists(os.path.join(mail.base_directory, "ana"))
    deliver(mail, "ana@v.example")
    assert not is_full(*ask(mail, "ana@v.example"), "ana@v.example")
    assert not is_full(*ask(mail, "ana@v.example", size=100), "ana@v.example")
    ana, bob = ask(mail, "ana@v.example", "bob@v.example", size=900)
    assert is_full(ana, "ana@v.example")
    assert not is_full(bob, "bob@v.example")
    assert re.search(
        r"(?m)postfix/smtpd\[\d+\]: NOQUEUE: reject: RCPT from \S+: 552 5\.2\.2"
        r" <ana@v\.example>: Recipient address rejected: Mailbox is full;"
        r" from=<s@client\.example> to=<ana@v\.example> proto=ESMTP"
        r" helo=<client\.example>$", mail.log())
    # Who deletes mail gets mail; if his program does not say so, after a
    # quarter of an hour.
    box = os.path.join(mail.base_directory, "ana")
    name, = os.listdir(os.path.join(box, "new"))
    os.unlink(os.path.join(box, "new", name))
    assert is_full(*ask(mail, "ana@v.example", size=900), "ana@v.example")
    earlier = time.time() - 16 * 60
    os.utime(os.path.join(box, "maildirsize"), (earlier, earlier))
    assert not is_full(*ask(mail, "ana@v.example", size=900), "ana@v.example")


@pytest.mark.root
def test_count(hosting):
    """A quota may be one of messages."""
    mail = hosting(YES, quota="2C")
    for _ in range(2):
        assert not is_full(*ask(mail, "ana@v.example"), "ana@v.example")
        deliver(mail, "ana@v.example", text="Subject: x\n\nx\n")
    assert is_full(*ask(mail, "ana@v.example"), "ana@v.example")


@pytest.mark.root
def test_mailbox_file(hosting):
    """virtual_mailbox_limit, of a mailbox file."""
    mail = hosting(YES, "message_size_limit = 1500",
                   "virtual_mailbox_limit = 1500")
    deliver(mail, "eva@v.example")
    assert not is_full(*ask(mail, "eva@v.example"), "eva@v.example")
    assert is_full(*ask(mail, "eva@v.example", size=900), "eva@v.example")


@pytest.mark.root
def test_not_asked(hosting):
    """A list goes to all who have room; added recipients count for nothing;
    and who has been let in is not asked again by what is behind a filter."""
    mail = hosting(
        YES, "virtual_alias_maps = inline:{"
        "{two@v.example = ana@v.example bob@v.example} "
        "{one@v.example = ana@v.example}}",
        "always_bcc = bob@v.example", quota="10S")
    assert is_full(*ask(mail, "ana@v.example", size=20), "ana@v.example")
    assert is_full(*ask(mail, "one@v.example", size=20), "one@v.example")
    assert not is_full(*ask(mail, "two@v.example", size=20), "two@v.example")
    mail.configure("receive_override_options = no_unknown_recipient_checks")
    mail.postfix("reload")
    mail.wait_for(lambda: not is_full(
        *ask(mail, "ana@v.example", size=20), "ana@v.example"))


@pytest.mark.root
def test_default(hosting):
    """Without it the mail is accepted, and bounces."""
    mail = hosting(quota="10S")
    assert not is_full(*ask(mail, "ana@v.example", size=20), "ana@v.example")
    deliver(mail, "ana@v.example")
    assert "dsn=5.2.2, status=bounced (maildir delivery failed: " \
        "maildir over quota)" in mail.log()


@pytest.mark.root
def test_soft_bounce(hosting):
    """Then it is for later."""
    mail = hosting(YES, "soft_bounce = yes", quota="10S")
    reply, = ask(mail, "ana@v.example", size=20)
    assert str(reply) == FULL.format("ana@v.example").replace("5", "4", 1) \
        .replace(" 5.", " 4.", 1)


def test_local(make_instance):
    """mailbox_size_limit, whoever we are."""
    mail = make_instance(YES, "message_size_limit = 1500",
                         "mailbox_size_limit = 1500")
    mail.start()
    me = f"{mail.user}@localhost"
    mail.configure("mydestination = localhost")
    mail.postfix("reload")
    mail.wait_for(lambda: ask(mail, me)[0].code == 250)
    deliver(mail, me)
    assert not is_full(*ask(mail, me), me)
    assert is_full(*ask(mail, me, size=900), me)


@pytest.mark.users
def test_forward(make_instance):
    """Mail that a ~/.forward sends elsewhere needs no room."""
    mail = make_instance(YES, "message_size_limit = 1500",
                         "mailbox_size_limit = 1500",
                         "mydestination = localhost", users=["ana", "bob"])
    home = mail.make_home("ana")
    mail.start()
    deliver(mail, "ana@localhost")
    assert is_full(*ask(mail, "ana@localhost", size=900), "ana@localhost")
    with open(os.path.join(home, ".forward"), "w", encoding="ascii") as f:
        f.write("bob\n")
    os.chown(f.name, mail.uids["ana"], mail.uids["ana"])
    assert not is_full(*ask(mail, "ana@localhost", size=900), "ana@localhost")
    os.unlink(f.name)
    assert is_full(*ask(mail, "ana@localhost", size=900), "ana@localhost")


@pytest.mark.root
def test_no_answer(hosting):
    """Nobody waits long for a deliver that says nothing, nor for one that was
    killed; mail is accepted meanwhile."""
    mail = hosting(YES, quota="10S")
    assert is_full(*ask(mail, "ana@v.example", size=20), "ana@v.example")
    stopped = mail.processes("deliver")
    assert mail.kill("deliver", signal.SIGSTOP)
    start = time.monotonic()
    try:
        assert not is_full(
            *ask(mail, "ana@v.example", size=20), "ana@v.example")
        assert time.monotonic() - start < 20
        # The next one does not wait again; nor is he asked about.
        assert not is_full(
            *ask(mail, "ana@v.example", size=20), "ana@v.example")
    finally:
        for p in stopped:
            os.kill(p.pid, signal.SIGCONT)
    assert "cannot ask whether the mailbox of ana@v.example is full: " \
        "Connection timed out" in mail.log()
    # What it says late confuses nobody.
    mail.wait_for(lambda: is_full(
        *ask(mail, "ana@v.example", size=20), "ana@v.example"))
    assert mail.kill("deliver")
    mail.wait_for(lambda: is_full(
        *ask(mail, "ana@v.example", size=20), "ana@v.example"))
