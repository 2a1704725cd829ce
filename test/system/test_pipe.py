# SPDX-License-Identifier: ISC
"""Services that run pipe(8): what the command gets, and what its end means,
compared with Postfix. A recording script stands for each program."""

import os
import re

import pytest

import postfix_peer
from lib.instance import Smtp

pytestmark = [pytest.mark.root, pytest.mark.peer]

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
                 nexthop="", main=()):
        self.line = line
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


ONE = ("{name}_destination_recipient_limit = 1",)

# The lines that Debian's and Postfix's master.cf have, and others of old.
STOCK = [
    Case("flags=DRXhu user=nobody argv={rec} -d ${{recipient}}", main=ONE),
    Case("flags=DRhu user=nobody argv={rec} -d ${{recipient}}", main=ONE),
    Case("flags=Fqhu user=uucp argv={rec} -r -n -z -a$sender - "
         "$nexthop!rmail ($recipient)", "A@{d}", "b+c@{d}"),
    Case("flags=F user=games argv={rec} -r $nexthop ($recipient)"),
    Case("flags=Fq. user=games argv={rec} -t$nexthop -f$sender $recipient",
         "a@{d}", "b@{d}", content=LINES),
    Case("flags=R user=games argv={rec} ${{nexthop}} ${{user}} "
         "${{extension}}"),
    Case("flags=FRX user=list argv={rec} ${{nexthop}} ${{user}}"),
    Case("flags=hu user=games argv={rec} -e -r ${{sender}} -m "
         "${{extension}} ${{user}}"),
    Case("flags=DRhu user=mail:mail argv={rec} -f ${{sender}} -d "
         "${{recipient}}", main=ONE),
    Case("flags=Rq user=nobody argv={rec} -f -e /usr/sbin/sendmail -oi -f "
         "${{sender}} ${{recipient}}", "a@{d}", "b@{d}"),
    Case("flags=q user=nobody argv={rec} -a ${{extension}} -d ${{user}}"),
]

FORMS = [Case(f"flags={flags} user=nobody argv={{rec}}", content=content,
              main=ONE)
         for flags, content in (
             ("", LINES), ("B", PLAIN), ("B", BODILESS), (".", LINES),
             (">", LINES), (".>", LINES), ("F", LINES), ("R", PLAIN),
             ("D", PLAIN), ("O", PLAIN), ("FROD", PLAIN), ("BFRODhqu.>",
                                                           LINES),
             ("", LONG), (".", LONG), ("", BODILESS))]
FORMS += [
    Case("flags=FRODB. eol=\\r\\n user=nobody argv={rec}", content=LINES,
         main=ONE),
    Case("flags=FR. eol=\\073\\\\a\\t user=nobody argv={rec}", content=LINES),
    # An address that must be quoted in header lines.
    Case("flags=FROD user=nobody argv={rec} $sender $recipient",
         '"a b"@{d}', sender='"c d"@sink.example', main=ONE),
    Case("flags=qFROD user=nobody argv={rec} $sender $recipient "
         "$original_recipient $mailbox $user",
         '"a b"@{d}', sender='"c d"@sink.example', main=ONE),
]

NULL = [Case(f"flags=FRq {attribute}user=nobody argv={{rec}} -f $sender -- "
             "$recipient", "a@{d}", sender="")
        for attribute in ("", "null_sender= ", "null_sender=<> ",
                          "null_sender=x@y.z ")]

ARGUMENTS = [
    Case("user=nobody argv={rec} $recipient $original_recipient $user "
         "$extension $mailbox $domain $nexthop $sender $size"),
    Case("flags=h user=nobody argv={rec} $recipient $original_recipient "
         "$domain $nexthop $mailbox"),
    Case("flags=u user=nobody argv={rec} $recipient $original_recipient "
         "$domain $user $extension $mailbox"),
    Case("flags=hu user=nobody argv={rec} $recipient $domain $nexthop",
         nexthop="Next.Hop"),
    Case("user=nobody argv={rec} $client_address $client_helo "
         "$client_hostname $client_protocol"),
    Case("user=nobody argv={rec} [$sasl_method$sasl_username$sasl_sender]"),
    Case("user=nobody argv={rec} $$ $$user a$$b $(user) x${{user}}y"),
    Case("user=nobody argv={rec} {{ a b }} {{}} {{ ${{user}} c}} last {{}}"),
    Case("user=nobody argv={rec} $recipient -- $user", "a@{d}", "b+x@{d}",
         "c@{d}"),
    Case("user=nobody argv={rec} <$mailbox> $extension end", "a@{d}",
         "b+x@{d}", "c@{d}"),
    Case("user=nobody argv={rec} a $extension b $extension", "a@{d}"),
    # What strangers may write into an address.
    Case("user=nobody argv={rec} $recipient $user",
         '"${{run{{touch /tmp/x}}}}"@{d}'),
    Case("user=nobody argv={rec} $recipient $user", '";touch x;"@{d}'),
    Case("user=nobody argv={rec} $recipient", "`id`@{d}"),
    Case("user=nobody argv={rec} $recipient $mailbox", '"$(id)"@{d}'),
    Case("flags=q user=nobody argv={rec} $recipient", '"$(id)"@{d}'),
    Case("user=nobody argv={rec} $recipient", "|x@{d}"),
    Case("user=nobody argv={rec} $recipient", "/etc/passwd@{d}"),
    Case("user=nobody argv={rec} $recipient", "$user@{d}"),
    Case("user=nobody argv={rec} $recipient", '"a\\\\"@{d}'),
    Case("user=nobody argv={rec} $recipient", '"*"@{d}'),
    Case("user=nobody argv={rec} $sender", sender="a'`@sink.example"),
    Case("user=nobody argv={rec} $sender", sender="${{user}}@sink.example"),
]

PROCESS = [
    Case("user=nobody directory=/usr argv={rec}"),
    Case("user=games argv={rec}"),
    Case("user=nobody:mail argv={rec}"),
    Case("USER=nobody FLAGS=R ARGV={rec} a"),
    # Found by the path.
    Case("user=nobody argv=sh {rec} a"),
    # No "#!": the shell's.
    Case("user=nobody argv={plain} a b"),
]

ENDS = [Case("user=nobody argv={fail} " + end, "a@{d}")
        for end in (
            "0", "0 {{all is well}}", "0 {{5.1.1 yet}}", "0 {{a\\n\\tb\\n}}",
            "1", "1 {{it did not work}}", "64", "65", "66", "67",
            "67 {{no such user\\n}}", "68", "69", "70", "71", "72", "73",
            "74", "75", "75 {{later\\n}}", "76", "77", "78", "79", "99",
            "126", "127", "255 {{what?}}",
            "75 {{5.7.1 go away}}", "67 {{4.2.2 full\\n}}",
            "1 {{4.2.2full}}", "1 {{ 4.2.2 full}}", "1 {{4.2.2}}",
            "1 {{a\\001b\\377c\\303\\244}}", "1 {{a\\000b}}",
            "1 %01000d 7", "0 %0300d 7")]
ENDS += [Case(f"user=nobody argv={{signal}} {signo}", "a@{d}")
         for signo in (1, 9, 15)]
ENDS += [
    Case("user=nobody argv=/no/such/program x", "a@{d}"),
    Case("user=nobody argv=no-such-program-here", "a@{d}"),
    Case("user=nobody argv=/etc/passwd", "a@{d}"),
    Case("user=nobody argv=/etc", "a@{d}"),
    Case("user=nobody argv=", "a@{d}"),
    Case("user=nobody directory=/no/such argv=/bin/cat", "a@{d}"),
    Case("user=nobody directory=/root argv=/bin/cat", "a@{d}"),
    Case("user=nobody argv=/bin/sleep 60", "a@{d}",
         main=("{name}_time_limit = 1s",)),
    Case("user=nobody argv=/bin/sh -c {{echo wait; exec sleep 60}}",
         "a@{d}", main=("{name}_time_limit = 1s",)),
    # It leaves one behind that holds its output.
    Case("user=nobody argv=/bin/sh -c {{sleep 60 & exit 0}}",
         "a@{d}", main=("{name}_time_limit = 1s",)),
    Case("user=nobody argv=/bin/true", "a@{d}", content=LONG * 50),
    Case("user=nobody argv=/bin/false", "a@{d}", content=LONG * 50),
    Case("user=nobody size=10 argv=/bin/cat", "a@{d}"),
    Case("user=nobody size=100000 argv={rec}", "a@{d}"),
    Case("flags=D user=nobody argv={rec}", "a@{d}", "b@{d}"),
    Case("flags=O user=nobody argv={rec}", "a@{d}", "b@{d}"),
    Case("flags=D user=nobody argv={rec}", "a@{d}", main=ONE,
         content="Delivered-To: A@{d}\n" + PLAIN),
    Case("user=nobody argv={rec}", "a@{d}",
         content="Delivered-To: A@{d}\n" + PLAIN),
    Case("user=nobody argv={rec} $nobody", "a@{d}"),
    Case("user=nobody argv={rec} a$", "a@{d}"),
    Case("user=nobody argv={rec} ${{user", "a@{d}"),
]

# The line cannot be used: the mail waits, and the log says why.
BROKEN = [
    ("argv={rec}", "missing user= command-line attribute"),
    ("user=nobody", "missing argv= command-line attribute"),
    ("user=no-such-user-here argv={rec}",
     "unknown username: no-such-user-here"),
    ("user=nobody:no-such-group argv={rec}", "unknown group: no-such-group"),
    ("user=root argv={rec}",
     "user= command-line attribute specifies root privileges"),
    ("user=nobody:root argv={rec}",
     "user= command-line attribute specifies privileged group id 0"),
    ("user=postfix argv={rec}",
     "user= command-line attribute specifies mail system owner postfix"),
    ("user=nobody:postfix argv={rec}",
     "user= command-line attribute specifies mail system owner postfix "
     r"group id \d+"),
    ("user=nobody:postdrop argv={rec}",
     "user= command-line attribute specifies mail system postdrop "
     r"group id \d+"),
    ("user=0 argv={rec}", "unknown username: 0"),
    ("user=nobody what=x argv={rec}", "unknown attribute name: what=x"),
    ("user=nobody size=x argv={rec}", "bad size= value: x"),
    ("user=nobody flags argv={rec}", "unknown attribute name: flags"),
    ("user=nobody flags=RZ argv={rec}", "unknown flag: Z"),
    ("user=nobody chroot=/ argv={rec}", "chroot= is not supported"),
]

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
        self.mail.configure(*(line.format(name=case.name)
                              for line in case.main))

    def send(self, case):
        with Smtp(self.mail.port) as smtp:
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

    def wait_for_outcomes(self, case):
        self.mail.wait_for(
            lambda: len(self.outcomes(case)) >= len(case.recipients), 25,
            f"{case.name}: {case.line}: no outcome")

    def records(self, case):
        """What its commands got; in which order does not matter."""
        texts = []
        for name in os.listdir(self.out):
            if re.fullmatch(rf"\w+-{case.name}\.\d+", name):
                with open(os.path.join(self.out, name), "rb") as f:
                    texts.append(self.settle(f.read().decode(
                        "utf-8", "surrogateescape")))
        return sorted(texts)


def compare(make_instance, cases):
    for i, case in enumerate(cases):
        case.name = f"c{i}"
    common = {"recipient_delimiter": "+", "myhostname": "mail.example.test",
              "minimal_backoff_time": "1000s"}
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
            for what in ("outcomes", "records"):
                got, want = (getattr(side, what)(case) for side in sides)
                if got != want:
                    differences.append((case.line, what, got, want))
        assert not differences, "\n".join(
            f"{line}: {what}\n  ours   {got}\n  theirs {want}"
            for line, what, got, want in differences)


def test_stock_lines(make_instance):
    compare(make_instance, STOCK)


def test_forms(make_instance):
    compare(make_instance, FORMS + NULL)


def test_arguments(make_instance):
    compare(make_instance, ARGUMENTS + PROCESS)


def test_ends(make_instance):
    compare(make_instance, ENDS)


def test_broken_lines(make_instance):
    cases = [Case(line, "a@{d}") for line, _ in BROKEN]
    for i, case in enumerate(cases):
        case.name = f"c{i}"
    ours = Side(make_instance("mail_owner = postfix",
                              "setgid_group = postdrop"), cases)
    ours.mail.start()
    for case in cases:
        ours.send(case)
    for case, (_, why) in zip(cases, BROKEN):
        ours.wait_for_outcomes(case)
        [outcome] = ours.outcomes(case)
        assert outcome.endswith("dsn=4.3.5, status=deferred (mail system "
                                "configuration error)")
        assert ours.mail.log_lines(
            rf"pipe\[\d+\]: fatal: .*service {case.name}: {why}"), why
    assert os.listdir(ours.out) == []


@pytest.mark.parametrize("flags, action", [("R", "relayed"),
                                           ("RX", "delivered")])
def test_a_notice_of_success(make_instance, flags, action):
    case = Case(f"flags={flags} user=nobody argv={{fail}} 0 fine")
    case.name = "c0"
    mail = make_instance()
    Side(mail, [case])
    mail.start()
    with Smtp(mail.port) as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.command(f"MAIL FROM:<{mail.user}>", 250)
        smtp.command("RCPT TO:<a@c0.example> NOTIFY=SUCCESS", 250)
        assert smtp.data(PLAIN).code == 250
    mail.wait_for(lambda: mail.mailbox())
    notice = mail.mailbox().decode()
    assert f"\nAction: {action}\n" in notice
    assert "\nStatus: 2.0.0\n" in notice
    assert "delivered via c0 service (fine)" in notice


def test_services_do_not_wait_for_each_other(make_instance):
    """As many commands at a time as the line says, whatever others do."""
    cases = [Case("user=nobody argv=/bin/sh -c {{cat >/dev/null; echo x >> "
                  "{rec}.began; until test -e {rec}.go; do sleep 0.05; "
                  "done}}"),
             Case("user=nobody argv={fail} 0")]
    for i, case in enumerate(cases):
        case.name = f"c{i}"
    mail = make_instance("c0_destination_concurrency_limit = 3",
                         "c0_initial_destination_concurrency = 3")
    side = Side(mail, cases)
    began = cases[0].fill("{rec}.began", side)
    os.chmod(side.scripts, 0o777)
    mail.start()
    for _ in range(6):
        side.send(cases[0])

    def count():
        if not os.path.exists(began):
            return 0
        with open(began, encoding="utf-8") as f:
            return len(f.readlines())
    mail.wait_for(lambda: count() == 3)
    side.send(cases[1])
    side.wait_for_outcomes(cases[1])
    assert count() == 3
    with open(cases[0].fill("{rec}.go", side), "w", encoding="utf-8"):
        pass
    mail.wait_empty()
    assert count() == 6
