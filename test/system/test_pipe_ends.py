# SPDX-License-Identifier: ISC
"""Services that run pipe(8): what the end of a command means,
compared with Postfix."""

import os

import pytest

from lib.pipes import LONG, PLAIN, Case, Side, Smtp, compare

pytestmark = [pytest.mark.root, pytest.mark.peer]

ONE = ("{name}_destination_recipient_limit = 1",)

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

# One of these is found before the others.
REASONS = [
    Case(f"{attributes}user=nobody argv={{rec}} {argument}",
         *recipients, content=content, local=local, main=main)
    for attributes, recipients, content, main in (
        ("", ["a@{d}"], PLAIN, ()),
        ("flags=D ", ["a@{d}", "b@{d}"], PLAIN, ()),
        ("size=1 flags=O ", ["a@{d}"], PLAIN, ()),
        ("size=1 flags=D ", ["a@{d}"], "Delivered-To: a@{d}\n" + PLAIN, ONE),
        ("flags=D ", ["a@{d}"], "Delivered-To: a@{d}\n" + PLAIN, ONE))
    for local in (None, ["-bv"])
    for argument in ("", "$nobody")]
REASONS += [Case(f"user=nobody argv={{rec}} {argument}")
            for argument in ("a$", "a$/b", "${{user", "$(user", "${{}}")]

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


def test_ends(make_instance):
    compare(make_instance, ENDS)


def test_reasons(make_instance):
    compare(make_instance, REASONS, ("outcomes", "records", "warnings"))


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
