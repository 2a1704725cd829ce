# SPDX-License-Identifier: ISC
"""Aliases as clients see them: who is a recipient of this machine."""

import os
import subprocess

import pytest

from lib import instance

ALIASES = """\
# name: what it stands for
postmaster: games
list: games, far@other.example
"first last": games
list+x: games
"""


def nis_domain():
    with open("/proc/sys/kernel/domainname", encoding="utf-8") as f:
        return f.read().strip()


def newaliases(mail, text):
    path = os.path.join(mail.etc, "aliases")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run([instance.program("postalias"), "-c", mail.etc,
                    f"hash:{path}"], check=True)


def start(make_instance, *lines):
    mail = make_instance(
        "mydestination = mail.example.test", "recipient_delimiter = +",
        "myhostname = mail.example.test")
    mail.configure(f"alias_maps = hash:{mail.etc}/aliases", *lines)
    newaliases(mail, ALIASES)
    mail.start()
    return mail


@pytest.mark.root
@pytest.mark.users
def test_plan(make_instance):
    """Members of all kinds; one that fails does not keep the rest."""
    mail = make_instance(
        "mydestination = mail.example.test", "recipient_delimiter = +",
        "myhostname = mail.example.test",
        "allow_mail_to_files = alias, include", users=["ana", "bob", "eva"])
    mail.configure(f"alias_maps = hash:{mail.etc}/aliases")
    drop = os.path.join(mail.directory, "drop")
    os.mkdir(drop)
    os.chown(drop, mail.uids["ana"], mail.uids["ana"])
    members = os.path.join(mail.etc, "members")
    with open(members, "w", encoding="utf-8") as f:
        f.write(f"# of a list\nbob\n{drop}/file\n")
    os.chown(members, mail.uids["ana"], 0)
    newaliases(mail, f"""\
all: ana, nobody-here, inner; "|cat >{drop}/nobody"
inner: :include:{members}, \\eva
owner-all: ana
""")
    mail.start()
    mail.send("sender@mail.example.test", ["inner@mail.example.test"])
    mail.wait_empty()
    assert b"Delivered-To: inner@mail.example.test" in mail.mailbox("eva")
    assert b"Delivered-To: bob@mail.example.test" in mail.mailbox("bob")
    with open(os.path.join(drop, "file"), "rb") as f:
        assert b"X-Original-To: inner@mail.example.test" in f.read()
    assert mail.log_lines(r"to=<inner@mail\.example\.test>, .*"
                          r"status=sent \(forwarded as \w+\)")
    assert not mail.mailbox("ana")

    mail.send("sender@mail.example.test", ["all@mail.example.test"])
    mail.wait_for(lambda: mail.mailbox("eva").count(b"\nFrom ") == 1
                  and b"Undelivered Mail" in mail.mailbox("ana"))
    mail.wait_empty()
    assert b"Return-Path: <owner-all@mail.example.test>" in mail.mailbox("eva")
    assert mail.log_lines('";" is taken for "," between addresses')
    # As nobody, who may not write there.
    assert mail.log_lines(r'status=bounced \(Command died with status \d+: '
                          r'"cat >\S+/nobody"')
    assert os.listdir(drop) == ["file"]


@pytest.mark.root
@pytest.mark.users
@pytest.mark.parametrize("forward, ana, bob", [
    ("\\ana, bob\n", 1, 1), ("me, bob, \"ana\"\n", 1, 1), ("bob\n", 0, 1),
    ("bob\nana+x\nana+x\n", 1, 1), ("# bob\n", 1, 0)])
def test_forward_names_its_user(make_instance, forward, ana, bob):
    """A copy stays; each mailbox gets one."""
    mail = make_instance(
        "mydestination = mail.example.test", "recipient_delimiter = +",
        "myhostname = mail.example.test", "alias_maps = inline:{me=ana}",
        users=["ana", "bob"])
    path = os.path.join(mail.make_home("ana"), ".forward")
    with open(path, "w", encoding="utf-8") as f:
        f.write(forward)
    os.chown(path, mail.uids["ana"], 0)
    mail.start()
    mail.send("sender@mail.example.test", ["ana@mail.example.test"])
    mail.wait_empty()
    assert [mail.mailbox(user).count(b"\nDelivered-To:")
            for user in ("ana", "bob")] == [ana, bob + (bob and 1)]


@pytest.mark.root
@pytest.mark.users
def test_list_of_a_user(make_instance):
    """A list that only its owner may read, in a directory that only he may
    enter, is read as him; what it names is done as him. Root's own are not
    read."""
    mail = make_instance(
        "mydestination = mail.example.test",
        "myhostname = mail.example.test", "allow_mail_to_commands = include",
        users=["ana"])
    home = mail.make_home("ana")
    os.chmod(home, 0o700)
    paths = [os.path.join(home, "list"), os.path.join(mail.etc, "secret")]
    for path, owner in zip(paths, (mail.uids["ana"], 0)):
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"\"|id -u >{home}/id\"\n")
        os.chown(path, owner, owner)
        os.chmod(path, 0o600)
    mail.configure("alias_maps = inline:{"
                   f"{{all=:include:{paths[0]}}} "
                   f"{{secret=:include:{paths[1]}}}}}")
    mail.start()
    mail.send("", ["all@mail.example.test"])
    mail.send("", ["secret@mail.example.test"])
    mail.wait_empty()
    with open(os.path.join(home, "id"), encoding="ascii") as f:
        assert f.read() == f"{mail.uids['ana']}\n"
    assert mail.log_lines(r"to=<secret@mail\.example\.test>, .*dsn=5\.3\.5, "
                          r"status=bounced \(mail system configuration error")


def answers(smtp, verb, addresses):
    return {a: smtp.command(f"{verb}{a}").code for a in addresses}


def test_recipients(make_instance):
    mail = start(make_instance)
    with mail.smtp() as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.command("MAIL FROM:<sender@x.example>", 250)
        assert answers(smtp, "RCPT TO:", [
            "<postmaster@mail.example.test>", "<list@mail.example.test>",
            "<LIST@mail.example.test>", "<list+y@mail.example.test>",
            "<\"first last\"@mail.example.test>",
            "<games@mail.example.test>", "<nobody-here@mail.example.test>",
            "<owner-list@mail.example.test>",
        ]) == {
            "<postmaster@mail.example.test>": 250,
            "<list@mail.example.test>": 250,
            "<LIST@mail.example.test>": 250,
            "<list+y@mail.example.test>": 250,
            "<\"first last\"@mail.example.test>": 250,
            "<games@mail.example.test>": 250,
            "<nobody-here@mail.example.test>": 550,
            "<owner-list@mail.example.test>": 550,
        }
        smtp.command("RSET", 250)
        assert answers(smtp, "VRFY ", ["list", "nobody-here"]) == {
            "list": 252, "nobody-here": 550}


def test_a_new_table_counts(make_instance):
    mail = start(make_instance)

    def code():
        with mail.smtp() as smtp:
            smtp.command("EHLO client.example", 250)
            return smtp.command("VRFY new@mail.example.test").code
    assert code() == 550
    newaliases(mail, ALIASES + "new: games\n")
    mail.wait_for(lambda: code() == 252)


def test_no_table_no_answer(make_instance):
    """A table that cannot be read says neither yes nor no."""
    mail = make_instance("mydestination = mail.example.test",
                         "myhostname = mail.example.test")
    mail.configure(f"alias_maps = hash:{mail.etc}/aliases")
    mail.start()
    with mail.smtp() as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.command("MAIL FROM:<sender@x.example>", 250)
        smtp.command("RCPT TO:<games@mail.example.test>", 250)
        smtp.command("RCPT TO:<nobody-here@mail.example.test>", 451)


@pytest.mark.skipif(nis_domain() not in ("", "(none)"),
                    reason="this machine has a NIS domain")
def test_nis_without_domain(make_instance):
    """The preset of alias_maps has nis:mail.aliases: where there is no NIS
    nothing is found there, and unknown is unknown. The table is named by a
    reload, when those who use it cannot load its module any more."""
    mail = start(make_instance)
    mail.configure(f"alias_maps = hash:{mail.etc}/aliases, nis:mail.aliases")
    mail.postfix("reload")
    mail.wait_for(lambda: "NIS domain name not set" in mail.log())

    def codes():
        with mail.smtp() as smtp:
            smtp.command("EHLO client.example", 250)
            return list(answers(smtp, "VRFY ", ["list", "nobody-here"])
                        .values())
    mail.wait_for(lambda: codes() == [252, 550])
