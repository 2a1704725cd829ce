# SPDX-License-Identifier: ISC
"""mail(1) whose lines are edited, as the screen shows it. To a user who does not
wait: what is typed ahead is there once, at its place, and goes to whom it is
for."""

import os

import pytest

from lib import terminal
from lib.mail_home import MAILX, Home, message

pytestmark = pytest.mark.skipif(terminal.why_not() is not None,
                                reason=str(terminal.why_not()))

MODES = "stty -a | grep -o -e '-*icanon' -e '-*echo '"


@pytest.fixture(name="home")
def make_home(tmp_path):
    home = Home(tmp_path / "h", "set quiet noheader\n")
    home.fill(message(1), message(2))
    os.mkfifo(home.path / "go")
    return home


def sit_down(home, *command):
    env = dict(home.env, PS1="sh: ", ENV="")
    if command:
        del env["MAIL"]  # the shell has an eye on it, too
    return terminal.Terminal(home.path, command or [MAILX, "-n"], env)


def wait_in_sendmail(home):
    home.sendmail.write_text(f"#!/bin/sh\ncat >/dev/null\ncd {home.path}\n"
                             ": >started\nread x <go\n")


def shows(t, text):
    """This, and nothing else."""
    try:
        t.wait(lambda seen: seen.endswith(text))
    except AssertionError as e:
        raise AssertionError(f"{e}\n--- instead of:\n{text}") from None
    assert t.screen().split("\n", 1)[1] == text


def test_while_a_mail_is_sent(home):
    wait_in_sendmail(home)
    with sit_down(home) as t:
        t.wait(lambda seen: seen.endswith("\n&"))
        t.type("mail a@x\rhello\rtext\r.\r")
        t.wait(lambda seen: (home.path / "started").exists())
        t.type("echo one\recho twp\bo\recho three")
        # Whoever shows it too early does so before a later key is there.
        (home.path / "go").write_text("\n")
        shows(t, "& mail a@x\nSubject: hello\ntext\n.\nEOT\n& echo one\none\n"
              "& echo two\ntwo\n& echo three")


def test_many_lines_at_once(home):
    words = [f"{n:03} " + "x" * 40 for n in range(200)]
    with sit_down(home) as t:
        t.wait(lambda seen: seen.endswith("\n&"))
        t.type("".join(f"echo {word}\r" for word in words))
        want = "".join(f"& echo {word}\n{word}\n" for word in words) + "&"
        lines = want.splitlines()
        t.wait(lambda seen: seen.endswith("\n".join(lines[-3:])))
        assert t.screen().splitlines() == lines[-len(t.screen().splitlines()):]


def test_for_a_program(home):
    with sit_down(home) as t:
        t.wait(lambda seen: seen.endswith("\n&"))
        t.type("!read a; read b; echo $b.$a\rone\rtwo\recho mine\r")
        t.wait(lambda seen: seen.endswith("& echo mine\nmine\n&"))
        assert "\ntwo.one\n!\n" in t.screen()


def test_others_find_the_terminal_as_it_was(home):
    with sit_down(home, "/bin/sh") as t:
        t.wait(lambda seen: seen == "sh:")
        t.type(f"{MAILX} -n -f {home.box}\r")
        t.wait(lambda seen: seen.endswith("\n&"))
        t.type(f"!{MODES}\r")
        t.wait(lambda seen: seen.endswith("\nicanon\necho\n!\n&"))
        t.type("^Z")
        t.wait(lambda seen: seen.endswith("\nsh:"))
        t.type(f"{MODES}\r")
        t.wait(lambda seen: seen.endswith("\nicanon\necho\nsh:"))
        t.type("fg\r")
        t.wait(lambda seen: seen.endswith("\n&"))
        t.type(f"!echo for\rquit\r{MODES}\r")
        t.wait(lambda seen: seen.endswith("\nsh: icanon\necho\nsh:"))
        t.type(f"{MAILX} -n -S sendmail=/none a@x\r")
        t.wait(lambda seen: seen.endswith("\nSubject:"))
        t.type("s\rtext\r.\r")
        t.wait(lambda seen: seen.endswith("not sent.\nsh:"))
        t.type(f"{MODES}\r")
        t.wait(lambda seen: seen.endswith("\nicanon\necho\nsh:"))


def test_stopped_while_it_works(home):
    """^Z that no line editor sees, and then ^\\."""
    wait_in_sendmail(home)
    with sit_down(home, "/bin/sh") as t:
        t.wait(lambda seen: seen == "sh:")
        t.type(f"ulimit -c 0; {MAILX} -n a@x\r")
        t.wait(lambda seen: seen.endswith("\nSubject:"))
        t.type("s\rtext\r.\r")
        t.wait(lambda seen: (home.path / "started").exists())
        t.type("^Z")
        t.wait(lambda seen: seen.endswith("\nsh:"))
        t.type(f"{MODES}\r")
        t.wait(lambda seen: seen.endswith("\nicanon\necho\nsh:"))
        t.type("fg\r")
        t.wait(lambda seen: seen.endswith("a@x"))
        t.type("^\\")
        t.wait(lambda seen: seen.endswith("\nsh:"))
        t.type(f"{MODES}\r")
        t.wait(lambda seen: seen.endswith("\nicanon\necho\nsh:"))
        (home.path / "go").write_text("\n")


def test_another_width(home):
    with sit_down(home) as t:
        t.wait(lambda seen: seen.endswith("\n&"))
        t.type("echo ")
        text = "echo "
        for width in (60, 110, 40):
            t.tmux("resize-window", "-x", str(width), "-y", "50")
            t.type("x")
            text += "x"
            t.wait(lambda seen: seen.endswith(f"\n& {text}") and
                   seen.count("&") == 1)
