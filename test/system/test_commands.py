# SPDX-License-Identifier: ISC
"""Commands of aliases, of ~/.forward and of mailbox_command: what they get,
and that nothing that a stranger writes is more than text; compared with
Postfix."""

import os
import re

import pytest

import postfix_peer
from lib.instance import Smtp

pytestmark = [pytest.mark.root, pytest.mark.peer]

RECORD = """#!/bin/sh
out={out}/$(basename "$0")
{{
echo "-- words"
tr '\\0' '\\n' < /proc/$$/cmdline | tail -n +3
echo "-- environment"
tr '\\0' '\\n' < /proc/$$/environ | LC_ALL=C sort
echo "-- process"
id -u
id -G
umask
pwd
echo "-- input"
cat
}} > $out.$$.tmp
mv $out.$$.tmp $out.$$
"""

CONTENT = ("From: a@x.example\nSubject: s\n\n.\n..\nFrom here\n>From there\n\n"
           "last\n")
SENDER = "Sender@sink.example"

VOLATILE = [
    (r"(?m)^(From .*  )\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}", r"\1DATE"),
    (r"\b[0-9A-F]{9,12}\b", "QUEUEID"),
    (r"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", "DATE"),
    (r"<\d{14}\.", "<STAMP."),
]

# Name of an alias, its right side; {rec} is the script. Each is its own.
ALIASES = {
    "plain": "|{rec}",
    "words": '"|{rec} a  b\tc"',
    "shell": '"|{rec} a; {rec} b"',
    "quotes": "\"|{rec} 'a b' \\\"c d\\\" $USER\"",
    "redirect": '"|{rec} >/dev/null 2>&1"',
    "exit0": '"|exit 0"',
    "exit67": '"|echo who is that; exit 67"',
    "exit75": '"|exit 75"',
    "exit1": '"|echo no; exit 1"',
    "status": '"|echo 5.7.1 not here; exit 75"',
    "killed": '"|kill -9 $$"',
    "missing": "|/no/such/program",
    "nopath": "|no-such-program-here",
    "notprogram": "|/etc/passwd",
    "blank": '"| {rec} x"',
    "unread": '"|true"',
    "several": '"|{rec} one", "|{rec} two"',
}
# Recipients of these are what a stranger may write.
HOSTILE = ["plain+${{run{{touch}}}}", '"plain+;touch x;"', "plain+`id`",
           '"plain+$(id)"', "plain+-oX", "plain+|x", "plain+/etc/passwd",
           '"plain+() {{ :;}}; x"', '"plain+a b"', "plain+$USER",
           '"plain+\\\\"', '"plain+*"']
SENDERS = ["", "`id`@sink.example", "$(id)@sink.example", "a-oX@sink.example",
           '"() {{ :;}}; x"@sink.example', "|x@sink.example"]


class Side:
    def __init__(self, mail, main=()):
        self.mail = mail
        self.home = mail.directory
        self.scripts = os.path.join(self.home, "scripts")
        self.out = os.path.join(self.home, "out")
        for path, mode in ((self.scripts, 0o755), (self.out, 0o1777)):
            os.mkdir(path)
            os.chmod(path, mode)
        self.rec = os.path.join(self.scripts, "rec")
        with open(self.rec, "w", encoding="utf-8") as f:
            f.write(RECORD.format(out=self.out))
        os.chmod(self.rec, 0o755)
        aliases = os.path.join(self.home, "aliases")
        with open(aliases, "w", encoding="utf-8") as f:
            for name, value in ALIASES.items():
                f.write(f"{name}: {value.replace('{rec}', self.rec)}\n")
        mail.configure(
            f"alias_maps = hash:{aliases}",
            "transport_maps = inline:{ { sink.example = discard: } }",
            *(line.replace("{rec}", self.rec) for line in main))
        mail.tool("postalias", "-c", mail.etc, f"hash:{aliases}")

    def send(self, recipients, sender=SENDER, content=CONTENT):
        with Smtp(self.mail.port) as smtp:
            smtp.command("EHLO client.example", 250)
            smtp.envelope(sender, recipients)
            assert smtp.data(content).code == 250

    def settle(self, text):
        spool = self.mail.tool("postconf", "-c", self.mail.etc, "-h",
                               "queue_directory").stdout.strip()
        for path, name in ((self.mail.etc, "ETC"), (spool, "SPOOL"),
                           (self.home, "HOME")):
            text = text.replace(path, name)
        for pattern, replacement in VOLATILE:
            text = re.sub(pattern, replacement, text)
        return text

    def outcomes(self):
        found = []
        for line in self.mail.log_lines(r"postfix/local\[\d+\]: \w+: to="):
            match = re.search(r": (to=.*, relay=\w+), .*(dsn=.*)", line)
            found.append(self.settle(" ".join(match.groups())))
        return sorted(found)

    def records(self):
        texts = []
        for name in os.listdir(self.out):
            if not name.endswith(".tmp"):
                with open(os.path.join(self.out, name), "rb") as f:
                    texts.append(self.settle(f.read().decode(
                        "utf-8", "surrogateescape")))
        return sorted(texts)


def differences(name, ours, theirs):
    import difflib
    return "".join(line + "\n" for line in difflib.unified_diff(
        "\n".join(theirs).split("\n"), "\n".join(ours).split("\n"),
        f"Postfix's {name}", "ours", lineterm="", n=2))


def compare(make_instance, messages, main=()):
    """messages: (recipients, sender); each recipient has one outcome, or as
    many as its alias has commands."""
    common = {"recipient_delimiter": "+", "myhostname": "mail.example.test",
              "minimal_backoff_time": "1000s"}
    ours = Side(make_instance(*(f"{k} = {v}" for k, v in common.items())),
                main)
    peer = postfix_peer.PostfixPeer(common)
    theirs = Side(peer, main)
    with peer:
        ours.mail.start()
        for side in (ours, theirs):
            for recipients, sender in messages:
                side.send(recipients, sender)
        count = sum(2 if r == "several" else 1
                    for recipients, _ in messages for r in recipients)
        for side in (ours, theirs):
            side.mail.wait_for(
                lambda s=side: len(s.outcomes()) >= count, 120,
                f"no {count} outcomes")
        text = ""
        for what in ("outcomes", "records"):
            got, want = (getattr(s, what)() for s in (ours, theirs))
            if got != want:
                text += differences(what, got, want)
        assert not text, "\n" + text
        assert ours.records()


def plainly(text):
    return text.replace("{{", "{").replace("}}", "}")


def test_commands_of_aliases(make_instance):
    """And nothing that strangers write is more than text to them."""
    compare(make_instance,
            [([name], SENDER) for name in ALIASES] +
            [([plainly(r)], SENDER) for r in HOSTILE] +
            [(["plain"], plainly(s)) for s in SENDERS])


def test_settings_of_commands(make_instance):
    compare(make_instance, [
        (["plain"], SENDER), (["shell"], SENDER), (["games"], SENDER),
        (["games+x"], SENDER), (['"games+;id;$(id)`id`"'], SENDER)], [
            "mailbox_command = {rec} -a \"$EXTENSION\" $DOMAIN $USER",
            "local_command_shell = /bin/sh -c",
            "export_environment = LANG { X = a b } NOT_THERE",
            "command_execution_directory = /usr/bin",
            "prepend_delivered_header = file, forward",
            "default_privs = games"])


def test_commands_do_not_wait_for_each_other(make_instance):
    """Two of one at a time, whatever others of the same user do."""
    mail = make_instance()
    work = os.path.join(mail.directory, "work")
    os.mkdir(work)
    os.chmod(work, 0o1777)
    aliases = os.path.join(mail.directory, "aliases")
    with open(aliases, "w", encoding="utf-8") as f:
        f.write(f'hangs: "|echo x >> {work}/began; until test -e {work}/go; '
                f'do sleep 0.05; done"\nquick: "|exit 0"\n')
    mail.configure(f"alias_maps = hash:{aliases}")
    mail.tool("postalias", "-c", mail.etc, f"hash:{aliases}")
    mail.start()

    def count():
        try:
            with open(os.path.join(work, "began"), encoding="utf-8") as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0
    for _ in range(4):
        mail.send(SENDER, ["hangs"])
    mail.wait_for(lambda: count() == 2)
    mail.send(SENDER, ["quick"])
    mail.wait_for(lambda: mail.log_lines(r"to=<quick@.*status=sent"))
    assert count() == 2
    with open(os.path.join(work, "go"), "w", encoding="utf-8"):
        pass
    mail.wait_empty()
    assert count() == 4


@pytest.mark.parametrize("code,runs", [(0, 1), (75, 2)])
def test_queue_process_dies_meanwhile(make_instance, code, runs):
    """Its successor sends the same job again: what is under way is waited
    for, and done again only if it fails."""
    mail = make_instance()
    work = os.path.join(mail.directory, "work")
    os.mkdir(work)
    os.chmod(work, 0o1777)
    aliases = os.path.join(mail.directory, "aliases")
    with open(aliases, "w", encoding="utf-8") as f:
        f.write(f'hangs: "|test -e {work}/began && echo x >> {work}/began && '
                f'exit 0; echo x >> {work}/began; until test -e {work}/go; '
                f'do sleep 0.05; done; exit {code}"\n')
    mail.configure(f"alias_maps = hash:{aliases}")
    mail.tool("postalias", "-c", mail.etc, f"hash:{aliases}")
    mail.start()
    began = os.path.join(work, "began")

    mail.send(SENDER, ["hangs"])
    mail.wait_for(lambda: os.path.exists(began))
    old = {p.pid for p in mail.processes("queue")}
    mail.kill("queue")
    mail.wait_for(lambda: {p.pid for p in mail.processes("queue")} - old)
    # Read back from the spool, and sent to deliver.
    mail.wait_for(lambda: '"queue_name": "active"' in mail.postqueue(
        "-j", check=False).stdout)
    with open(os.path.join(work, "go"), "w", encoding="utf-8"):
        pass
    mail.wait_empty()
    with open(began, encoding="utf-8") as f:
        assert len(f.readlines()) == runs
    assert len(mail.log_lines("status=sent")) == (2 if runs == 1 else 1)
    assert len(mail.log_lines("status=deferred")) == runs - 1
