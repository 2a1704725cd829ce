# SPDX-License-Identifier: ISC
"""Starting, stopping, reloading, and several systems beside each other."""

import os
import re
import time

import pytest

from lib import instance, procs

ROLES = ("master", "smtpd", "rules", "queue", "relay", "deliver", "expand")


def test_start_and_stop(make_instance):
    mail = make_instance()
    assert mail.postfix("status", check=False).returncode == 1
    result = mail.postfix("start")
    pid = int(open(os.path.join(mail.home, "spool/pid/master.pid"),
                   encoding="ascii").read())
    master = procs.read(pid)
    try:
        for p in [master] + procs.below(pid):
            mail.seen[p.key()] = p
        mail.wait_for(lambda: {p.name for p in procs.below(pid)}
                      >= set(ROLES) - {"master"})
        assert mail.postfix("status").returncode == 0
        assert mail.postfix("start", check=False).returncode == 1
        with mail.smtp() as smtp:
            assert smtp.banner.code == 220
        mail.postfix("reload")
        for p in procs.below(pid):
            mail.seen[p.key()] = p
        mail.postfix("stop")
        mail.wait_for(lambda: not mail.alive(), 10)
        assert mail.postfix("stop", check=False).returncode == 1
        assert not result.stdout
    finally:
        for p in mail.alive():
            procs.kill(p)


def test_sendmail_in_front(make_instance):
    """-bD: the process that was started is the mail system."""
    mail = make_instance()
    mail.start()  # sendmail goes to the queue directory first
    mail.stop()
    mail.start(command=("sendmail", "-C", mail.etc, "-bD"))
    with open(os.path.join(mail.home, "spool/pid/master.pid"),
              encoding="ascii") as f:
        assert int(f.read()) == mail.process.pid
    mail.stop()
    refused = mail.tool("sendmail", "-C", mail.etc, "-bD", "somebody",
                        check=False)
    assert refused.returncode != 0
    assert "daemon mode requires no recipient" in refused.stderr


def test_every_process_is_there(mail):
    names = [p.name for p in mail.processes()]
    assert set(ROLES) <= set(names), names


@pytest.mark.root
def test_each_has_its_uid(mail):
    """As root: nobody but master and deliver stays root."""
    uids = {}
    for p in mail.processes():
        with open(f"/proc/{p.pid}/status", encoding="utf-8") as f:
            text = f.read()
        found = re.search(r"^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$", text, re.M)
        assert len(set(found.groups())) == 1, p
        uids.setdefault(p.name, set()).add(int(found.group(1)))
        if p.name not in ("master", "deliver"):
            assert re.search(r"^CapEff:\t0+$", text, re.M), p
            assert re.search(r"^CapPrm:\t0+$", text, re.M), p
            assert re.search(r"^NoNewPrivs:\t1$", text, re.M), p
            assert re.search(r"^Seccomp:\t2$", text, re.M), p
    assert uids["master"] == {0}
    assert uids["smtpd"] == uids["rules"] == uids["relay"] == \
        uids["expand"] != {0}
    assert uids["queue"] != {0}
    assert uids["queue"] != uids["smtpd"]


def test_without_root(make_instance):
    """The same binaries as anybody; all sandboxes are closed too."""
    options = {"user": "nobody"} if os.geteuid() == 0 else {}
    if options and not os.access(instance.PROGRAMS, os.X_OK):
        pytest.skip("the build tree is not open to other users")
    mail = make_instance(**options)
    mail.start()
    mail.send("me@example.com", [mail.user], "Subject: hello\n\nhere\n")
    mail.wait_for(lambda: b"Subject: hello\n" in mail.mailbox())
    mail.wait_empty()
    for p in mail.processes():
        with open(f"/proc/{p.pid}/status", encoding="utf-8") as f:
            text = f.read()
        assert not re.search(r"^Uid:\t0", text, re.M), p
        if p.name in ("smtpd", "rules", "queue", "relay", "expand",
                      "deliver-scribe"):
            assert re.search(r"^Seccomp:\t2$", text, re.M), p
    mail.stop()


def test_two_side_by_side(make_instance):
    """Neither sees the other's mail, nor its end."""
    one, two = make_instance(), make_instance()
    one.start()
    two.start()
    one.send("a@x", [one.user], "Subject: to one\n\n1\n")
    two.send("a@x", [two.user], "Subject: to two\n\n2\n")
    one.wait_for(one.mailbox)
    two.wait_for(two.mailbox)
    assert b"to one" in one.mailbox() and b"to two" not in one.mailbox()
    assert b"to two" in two.mailbox() and b"to one" not in two.mailbox()
    one.stop()
    two.send("a@x", [two.user], "Subject: still here\n\n3\n")
    two.wait_for(lambda: b"still here" in two.mailbox())


def test_relay_from_one_to_the_other(make_instance):
    """Over SMTP, between two of us."""
    two = make_instance("mydestination = two.test", "myhostname = two.test")
    one = make_instance(f"relayhost = [127.0.0.1]:{two.port}",
                        "myhostname = one.test")
    one.start()
    two.start()
    one.send("me@one.test", [f"{two.user}@two.test"],
             "Subject: a long way\n\n.\n..\nFrom me\n")
    two.wait_for(two.mailbox)
    text = two.mailbox().decode()
    assert "\n\n.\n..\n>From me\n\n" in text
    assert len(re.findall(r"^Received: ", text, re.M)) == 2
    one.wait_empty()
    assert one.log_lines(
        rf"postfix/smtp\[\d+\]: \w+: to=<{two.user}@two\.test>, "
        rf"relay=127\.0\.0\.1\[127\.0\.0\.1\]:{two.port}, .*dsn=2\.0\.0, "
        r"status=sent \(250 2\.0\.0 Ok: queued as \w+\)")


def test_reload_keeps_sessions(make_instance):
    mail = make_instance("myhostname = before.test")
    mail.start()
    with mail.smtp() as smtp:
        assert "before.test" in smtp.banner
        smtp.command("EHLO x", 250)
        smtp.envelope("a@x", [mail.user])
        mail.configure("myhostname = after.test",
                       "mydestination = localhost, after.test, before.test")
        mail.postfix("reload")

        def renewed():
            with mail.smtp() as other:
                return "after.test" in other.banner
        mail.wait_for(renewed)
        assert smtp.data("Subject: patience\n\nx\n").code == 250
        smtp.command("QUIT", 221)
    mail.wait_for(lambda: b"patience" in mail.mailbox())


def test_reload_under_load(make_instance):
    """No session is dropped and no message lost."""
    mail = make_instance()
    mail.start()
    sent = 0
    sessions = [mail.smtp() for _ in range(10)]
    for smtp in sessions:
        smtp.command("EHLO x", 250)
    for turn in range(20):
        if turn % 4 == 1:
            mail.postfix("reload")
        for smtp in sessions:
            smtp.envelope("a@x", [mail.user])
            assert smtp.data(f"Subject: n{sent}.\n\nx\n").code == 250
            sent += 1
    for smtp in sessions:
        smtp.command("QUIT", 221)
        smtp.close()
    mail.wait_empty()
    text = mail.mailbox()
    assert [text.count(b"Subject: n%d.\n" % n) for n in range(sent)] \
        == [1] * sent


def test_bad_configuration_changes_nothing(mail):
    with open(os.path.join(mail.etc, "main.cf"), encoding="utf-8") as f:
        lines = f.read().count("\n")
    mail.configure("smtpd_recipient_limit = many")
    result = mail.postfix("check", check=False)
    assert result.returncode != 0
    assert f"main.cf" in result.stderr and str(lines + 1) in result.stderr
    before = {p.key() for p in mail.processes()}
    mail.postfix("reload", check=False)
    time.sleep(0.5)
    assert {p.key() for p in mail.processes()} == before
    mail.send("a@x", [mail.user])
    mail.wait_for(mail.mailbox)


@pytest.mark.parametrize("role", [r for r in ROLES if r != "master"])
def test_restarted_when_killed(mail, role):
    mail.send("a@x", [mail.user], "Subject: first\n\nx\n")
    mail.wait_for(lambda: b"first" in mail.mailbox())
    old = {p.key() for p in mail.processes(role)}
    assert mail.kill(role) > 0
    mail.wait_for(lambda: len({p.key() for p in mail.processes(role)} - old)
                  >= len(old))

    def delivered():
        try:
            mail.send("a@x", [mail.user], "Subject: second\n\nx\n")
        except (OSError, EOFError, AssertionError):
            return False
        return True
    mail.wait_for(delivered)
    mail.wait_for(lambda: b"second" in mail.mailbox())
    assert mail.log_lines(r"postfix/master\[\d+\]: warning: process .*"
                          r"pid \d+ killed by signal 9")


def test_nobody_outlives_master(mail):
    mail.remember()
    procs.kill(mail.processes("master")[0])
    mail.wait_for(lambda: not mail.alive(), 10, "orphans went on")
