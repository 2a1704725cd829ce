# SPDX-License-Identifier: ISC
"""Services that run pipe(8), ours and Postfix's: a line of master.cf, a
message through it, and what the command got and what became of it. A recording
script stands for each program."""

import os
import re
import subprocess

import postfix_peer
from . import instance, maildrop
from .instance import Smtp

# What a command got: its words, its environment, who and where it is, and its
# input.
RECORD = """#!/bin/sh
out={out}/$(basename "$0")
{{
cat /proc/$$/cmdline | tr '\\0' '\\n' | tail -n +3
echo "-- environment"
tr '\\0' '\\n' < /proc/$$/environ
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

# fail STATUS OUTPUT...
FAIL = """#!/bin/sh
cat >/dev/null
status=$1
shift
[ $# = 0 ] || printf "$@"
exit $status
"""

SIGNAL = """#!/bin/sh
cat >/dev/null
kill -$1 $$
"""

PLAIN = "From: a@x.example\nTo: b@y.example\nSubject: s\n\nhello\n"
LINES = ("Subject: s\n\n.\n..\n.x\nFrom here\n>From there\n from\nFrom\n\n"
         "last\n\n\n")
LONG = "Subject: s\n\n" + "y" * 5000 + "\n." + "z" * 3000 + "\n"
BODILESS = "Subject: nothing\n"

SENDER = "Sender@sink.example"


class Case:
    """One line of master.cf and one message through it. In texts, {d} is the
    domain of the case, {rec}, {fail} and {signal} are scripts."""

    def __init__(self, line, *recipients, sender=SENDER, content=PLAIN,
                 nexthop="", main=(), local=None, client=None):
        """`local`: options of sendmail, which is used in place of SMTP.
        `client`: where it connects to, what it says to greet, its MAIL."""
        self.line = line
        self.local = local
        self.client = client
        self.recipients = recipients or ("User+Ext@{d}",)
        self.sender = sender
        self.content = content
        self.nexthop = nexthop
        self.main = main
        self.name = None

    def fill(self, text, where=None):
        scripts = {name: os.path.join(where.scripts, f"{name}-{self.name}")
                   for name in ("rec", "fail", "signal")} if where else {}
        return text.format(d=f"{self.name}.Example", **scripts)

    def domain(self):
        return f"{self.name}.example"


# What differs from one delivery to the next.
VOLATILE = [
    (r"(?m)^(From .*  )\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}", r"\1DATE"),
    (r"\b[0-9A-F]{9,12}\b", "QUEUEID"),
    (r"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", "DATE"),
    (r"<\d{14}\.", "<STAMP."),
]


class Side:
    """An instance, ours or the peer."""

    def __init__(self, mail, cases):
        self.mail = mail
        self.home = mail.directory
        self.scripts = os.path.join(self.home, "scripts")
        self.out = os.path.join(self.home, "out")
        self.ports = {}  # of the client that brought the message of a case
        os.mkdir(self.scripts)
        os.mkdir(self.out)
        os.chmod(self.scripts, 0o755)
        os.chmod(self.out, 0o1777)
        for case in cases:
            self.prepare(case)
        table = " ".join(f"{{ {c.domain()} = {c.name}:{c.nexthop} }}"
                         for c in cases)
        mail.configure(
            "transport_maps = inline:{ { sink.example = discard: } "
            + table + " }")
        if by_ipv6(cases):
            mail.configure_master(f"[::1]:{mail.port} inet n - n - - smtpd")

    def prepare(self, case):
        for name, text in (("rec", RECORD), ("fail", FAIL),
                           ("signal", SIGNAL), ("plain", RECORD)):
            path = os.path.join(self.scripts, f"{name}-{case.name}")
            if name == "plain":
                text = text.partition("\n")[2].replace("+3", "+2")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.format(out=self.out) if "{out}" in text
                        else text)
            os.chmod(path, 0o755)
        line = case.line.replace("{plain}", os.path.join(
            self.scripts, f"plain-{case.name}"))
        self.mail.configure_master(
            f"{case.name} unix - n n - - pipe {case.fill(line, self)}")

    def sendmail(self, *args, content):
        if isinstance(self.mail, postfix_peer.PostfixPeer):
            maildrop.debian_sendmail(self.mail.etc, *args, content=content)
        else:
            subprocess.run(
                [instance.program("sendmail"), "-C", self.mail.etc, *args],
                input=content.encode(), timeout=60, check=True)

    def talk(self, case, host, greeting, sender):
        """Another client, who may say more."""
        with Smtp(self.mail.port, host=host) as smtp:
            self.ports[case.name] = smtp.socket.getsockname()[1]
            smtp.command(greeting, 250)
            smtp.command(f"MAIL FROM:{sender}", 250)
            smtp.command(f"RCPT TO:<{case.fill(case.recipients[0])}>", 250)
            assert smtp.data(case.content).code == 250

    def send(self, case):
        if case.client:
            self.talk(case, *case.client)
            return
        if case.local is not None:
            self.sendmail(*case.local, "-i", "-f", case.sender,
                          *(case.fill(r) for r in case.recipients),
                          content=case.content)
            return
        with Smtp(self.mail.port) as smtp:
            self.ports[case.name] = smtp.socket.getsockname()[1]
            smtp.command("EHLO client.example", 250)
            smtp.envelope(case.sender,
                          [case.fill(r) for r in case.recipients])
            content = case.content.replace("{d}", f"{case.name}.example")
            assert smtp.data(content).code == 250

    def settle(self, text):
        text = text.replace(self.mail.etc, "ETC")
        text = text.replace(self.queue_directory(), "SPOOL")
        text = text.replace(self.home, "HOME")
        for pattern, replacement in VOLATILE:
            text = re.sub(pattern, replacement, text)
        return text

    def queue_directory(self):
        return self.mail.tool(
            "postconf", "-c", self.mail.etc, "-h",
            "queue_directory").stdout.strip()

    def outcomes(self, case):
        """What the log says about its recipients."""
        found = []
        for line in self.mail.log_lines(rf"relay={case.name}[,:]"):
            match = re.search(r"postfix/(\w+)\[\d+\]: \w+: (to=.*, relay=\w+"
                              r"), .*(dsn=.*)", line)
            found.append(self.settle(" ".join(match.groups())))
        return sorted(set(found))

    def warnings(self, _):
        """Those of all cases: which one is meant is not always said."""
        return sorted(self.settle(line.partition("]: ")[2])
                      for line in self.mail.log_lines(r"/pipe\[.*: warning"))

    def wait_for_outcomes(self, case):
        self.mail.wait_for(
            lambda: len(self.outcomes(case)) >= len(case.recipients), 120,
            f"{case.name}: {case.line}: no outcome")

    def records(self, case):
        """What its commands got; in which order does not matter."""
        texts = []
        for name in os.listdir(self.out):
            if re.fullmatch(rf"\w+-{case.name}\.\d+", name):
                with open(os.path.join(self.out, name), "rb") as f:
                    text = self.settle(f.read().decode(
                        "utf-8", "surrogateescape"))
                texts.append(text.replace(
                    f"port={self.ports.get(case.name)}\n", "port=CLIENT\n"))
        return sorted(texts)


def by_ipv6(cases):
    return any(case.client and case.client[0] == "::1" for case in cases)


def settings_of(cases):
    """Their parameters. None is set twice: a master that complains about
    many of them waits for the process that is to write its complaints."""
    settings = {}
    for case in cases:
        for line in case.main:
            name, _, value = line.format(name=case.name).partition(" = ")
            assert settings.setdefault(name, value) == value
    if by_ipv6(cases):
        settings.update(inet_protocols="all",
                        inet_interfaces="127.0.0.1, [::1]",
                        mynetworks="127.0.0.0/8 [::1]/128")
    return settings


def compare(make_instance, cases, what=("outcomes", "records"), **settings):
    """`settings` are parameters of both."""
    for i, case in enumerate(cases):
        case.name = f"c{i}"
    common = {"recipient_delimiter": "+", "myhostname": "mail.example.test",
              "minimal_backoff_time": "1000s", **settings_of(cases),
              **settings}
    ours = Side(make_instance(*(f"{k} = {v}" for k, v in common.items())),
                cases)
    with_peer = postfix_peer.PostfixPeer(common)
    theirs = Side(with_peer, cases)
    with with_peer:
        ours.mail.start()
        sides = (ours, theirs)
        for case in cases:
            for side in sides:
                side.send(case)
        differences = []
        for case in cases:
            for side in sides:
                side.wait_for_outcomes(case)
        for case in cases:
            for name in what:
                got, want = (getattr(side, name)(case) for side in sides)
                if got != want:
                    differences.append((case.line, name, got, want))
        assert not differences, "\n".join(
            f"{line}: {name}\n  ours   {got}\n  theirs {want}"
            for line, name, got, want in differences)
