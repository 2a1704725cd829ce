# SPDX-License-Identifier: ISC
"""sendmail_personality = sendmail: its forms and exit codes, byte for byte.

What is expected here was read off the listings of sendmail 8.15: the formats
of its queue.c and alias.c.
"""

import os
import re
import subprocess

import pytest

from lib import instance

NOBODY = "[127.0.0.1]:9"  # so mail stays
EMPTY = "/var/spool/mqueue is empty\n\t\tTotal requests: 0\n"
HEADING = ("-----Q-ID----- --Size-- -----Q-Time----- "
           "------------Sender/Recipient-----------\n")


@pytest.fixture(name="start")
def make_start(make_instance):
    def start(personality="sendmail", *lines, run=True):
        mail = make_instance(
            f"relayhost = {NOBODY}", "minimal_backoff_time = 1h",
            "maximal_backoff_time = 1h",
            f"command_directory = {instance.PROGRAMS}",
            f"sendmail_personality = {personality}", *lines)
        if run:
            mail.start()
        else:  # sendmail wants to go there
            os.mkdir(os.path.join(mail.home, "spool"), 0o755)
        return mail
    return start


def call(mail, name, *words, code=0, **options):
    """By the name that a link would give it."""
    program = "postqueue" if name == "mailq" else name
    done = subprocess.run(
        [name, *words], executable=instance.program(program),
        env=dict(os.environ, MAIL_CONFIG=mail.etc), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False, **options)
    assert done.returncode == code, done
    return done.stdout, done.stderr


def wait_deferred(mail, count):
    mail.wait_for(lambda: len([
        m for m in mail.queue() if m["queue_name"] == "deferred"
        and all("delay_reason" in r for r in m["recipients"])]) == count)


# The queue

def test_mailq(start):
    mail = start()
    assert call(mail, "mailq") == (EMPTY, "")
    assert call(mail, "mailq", "-v") == (EMPTY, "")
    assert call(mail, "sendmail", "-bp") == (EMPTY, "")
    assert call(mail, "sendmail", "-v", "-bp") == (EMPTY, "")
    assert mail.postqueue("-p").stdout == "Mail queue is empty\n"

    mail.send("me@example.com", ["you@example.net"], "Subject: 1\n\n1\n")
    wait_deferred(mail, 1)
    text, _ = call(mail, "mailq")
    assert text.startswith("\t\t/var/spool/mqueue (1 request)\n" + HEADING)
    mail.send("", ["a@example.net", '"first last"@example.org'],
              "Subject: 2\n\n2\n")
    wait_deferred(mail, 2)
    text, errors = call(mail, "mailq")
    assert errors == ""
    assert call(mail, "sendmail", "-bp") == (text, "")

    head = "\t\t/var/spool/mqueue (2 requests)\n" + HEADING
    end = "\t\tTotal requests: 2\n"
    assert text.startswith(head) and text.endswith(end)
    entries = re.sub(r"(?m)^ *\w{10,13} +\d+ (\w{3} \w{3} [ \d]\d \d\d:\d\d) ",
                     "ID SIZE WHEN ", text[len(head):-len(end)])
    reason = (" " * 17 + "(Deferred: connect to 127.0.0.1[127.0.0.1]:9: "
              "Connection refu)\n")
    to = "\t\t\t\t\t "
    one = "ID SIZE WHEN <me@example.com>\n" + reason + (
        to + "<you@example.net>\n")
    two = "ID SIZE WHEN MAILER-DAEMON\n" + reason + (
        to + "<a@example.net>\n" + to + '<"first last"@example.org>\n')
    assert entries in (one + two, two + one)
    for line in text.splitlines():
        if "@example.com" in line:
            assert line.index("<me@") == 40
            assert line[13] == " " and line[22] == " "

    out, errors = call(mail, "sendmail", code=os.EX_USAGE)
    assert out == "" and "Recipient addresses must be specified" in errors
    # Postfix's commands keep Postfix's form.
    assert mail.postqueue("-p").stdout.startswith("-Queue ID-  --Size-- ")
    assert len(mail.postqueue("-j").stdout.splitlines()) == 2


def test_postfix_personality(start):
    """The default, and not only when it is left out."""
    mail = start("postfix")
    for words in (["mailq"], ["sendmail", "-bp"]):
        assert call(mail, *words) == ("Mail queue is empty\n", "")
    assert call(mail, "mailq", "-z", code=75)[0] == ""
    assert call(mail, "sendmail", "-z", code=75)[0] == ""
    assert call(mail, "sendmail", code=75)[0] == ""


def test_exit_codes(start):
    mail = start(run=False)
    for words in (["mailq", "-z"], ["mailq", "x"], ["newaliases", "-z"],
                  ["newaliases", "x"], ["newaliases", "-t"],
                  ["newaliases", "-oA"], ["sendmail", "-z"],
                  ["sendmail", "-bp", "x"], ["sendmail", "-bi", "x"],
                  ["sendmail", "-bv", "-t"]):
        out, errors = call(mail, *words, code=os.EX_USAGE)
        assert out == "" and f"{words[0]}: fatal: " in errors
    assert mail.postqueue("-z", check=False).returncode == os.EX_UNAVAILABLE
    # The queue of a system that is down, for who may read it.
    out, errors = call(mail, "mailq")
    assert out == EMPTY
    assert "warning: Mail system is down" in errors


@pytest.mark.root
def test_no_permission(start):
    mail = start("sendmail", "authorized_mailq_users = root")
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    out, errors = call(mail, "mailq", code=os.EX_NOPERM, **nobody)
    assert out == "" and "is not allowed to view the mail queue" in errors
    assert call(mail, "mailq") == (EMPTY, "")


def test_wrong_value(start):
    mail = start("exim", run=False)
    for words in (["mailq"], ["sendmail", "-bp"], ["sendmail", "-bi"],
                  ["newaliases"]):
        out, errors = call(mail, *words, code=os.EX_TEMPFAIL)
        assert out == ""
        assert ('unknown sendmail_personality value "exim" in "exim"; write '
                "one of: postfix sendmail") in errors


# Aliases

# A file like those of distributions, with the last line of the example.
TO_ROOT = """
    abuse adm amandabackup apache bin canna daemon dbus decode desktop dovecot
    dumper fax ftp games gdm gopher halt hostmaster ident ingres ldap lp mail
    mailnull manager mysql named netdump news nfsnobody nobody noc nscd ntp nut
    operator pcap pcp postfix postgres postmaster privoxy pvm quagga radiusd
    radvd rpc rpcuser rpm security shutdown smmsp squid sshd sync system toor
    uucp vcsa webalizer webmaster wnn xfs""".split()
OTHERS = """mailer-daemon:\tpostmaster
newsadm:\tnews
newsadmin:\tnews
usenet:\t\tnews
ftpadm:\t\tftp
ftpadmin:\tftp
ftp-adm:\tftp
ftp-admin:\tftp
www:\t\twebmaster
info:\t\tpostmaster
marketing:\tpostmaster
sales:\t\tpostmaster
support:\tpostmaster
"""
CASES = [
    # The counts of the example.
    ("# comment\n\n" + OTHERS + "".join(f"{n}:\t\troot\n" for n in TO_ROOT)
     + "totis: pue, pere\n", (78, 10, 792)),
    ("", (0, 0, 0)),
    ("a:b\n", (1, 1, 2)),
    # Blanks before the text do not count, those in and behind it do.
    ("a:   b , c \nbb\t:d\n", (2, 6, 7 + 3)),
    # A line goes on with its blanks, without its end.
    ("a: b,\n  c,\n\td\nb: c\n", (2, 8, 9 + 2)),
    # A name counts as it is written, a comment behind it is none of it.
    ('"a b": c\nd(e:f): g\n"h:i": "|/bin/j k"\n', (3, 11, 6 + 2 + 16)),
    # Twice is two; the table has the first.
    ("a: b\na: cc\n", (2, 2, 5)),
]


def write_aliases(mail, text, name="aliases"):
    path = os.path.join(mail.home, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


@pytest.fixture(name="mail")
def make_mail(start):
    mail = start(run=False)
    mail.configure(f"alias_database = hash:{mail.home}/aliases")
    return mail


def test_newaliases(mail):
    for text, (count, longest, total) in CASES:
        path = write_aliases(mail, text)
        want = (f"{path}: {count} aliases, longest {longest} bytes, {total} "
                "bytes total\n")
        for words in (["newaliases"], ["sendmail", "-bi"], ["sendmail", "-I"],
                      ["sendmail", "-v", "-bi"]):
            assert call(mail, *words)[0] == want, text
        assert mail.tool("postalias", "-c", mail.etc,
                         f"hash:{path}").stdout == ""


def test_several_files(mail):
    one = write_aliases(mail, "a: b\n")
    two = write_aliases(mail, "c: dd\ne: f\n", "two")
    mail.configure(f"alias_database = hash:{one}, hash:{two}")
    both = (f"{one}: 1 aliases, longest 1 bytes, 2 bytes total\n"
            f"{two}: 2 aliases, longest 2 bytes, 5 bytes total\n")
    assert call(mail, "newaliases") == (both, "")
    assert call(mail, "sendmail", "-bi") == (both, "")
    only = both.splitlines(True)[1]
    assert call(mail, "newaliases", f"-oAhash:{two}") == (only, "")
    assert call(mail, "sendmail", "-bi", f"-oAhash:{two}") == (only, "")


def test_bad_lines(mail):
    path = write_aliases(mail, "a: b\nwrong\n: c\nd: e\n")
    for words in (["newaliases"], ["sendmail", "-bi"]):
        out, errors = call(mail, *words, code=os.EX_SOFTWARE)
        assert out == f"{path}: 2 aliases, longest 1 bytes, 4 bytes total\n"
        assert errors.count("need name:value pair") == 2


def test_no_file(mail):
    for words in (["newaliases"], ["sendmail", "-bi"]):
        out, errors = call(mail, *words, code=os.EX_OSERR)
        assert out == ""
        assert errors == (f"postalias: fatal: open {mail.home}/aliases: No "
                          "such file or directory\n")


def test_newaliases_of_postfix(mail):
    write_aliases(mail, "a: b\nwrong\n")
    mail.configure("sendmail_personality = postfix")
    for words in (["newaliases"], ["sendmail", "-bi"]):
        assert call(mail, *words)[0] == ""
