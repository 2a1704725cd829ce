# SPDX-License-Identifier: ISC
"""What POSIX.1-2024 says of mailx where somebody sits at a terminal: the rest
of test_mail_posix.py. The names of tests begin with the part they are about."""

import re
import signal

import pytest

from lib import posix_mailx
from lib.mail_home import MAILX, Home, message


@pytest.fixture
def home(tmp_path):
    one = Home(tmp_path, posix_mailx.RC)
    one.fill(message(1), message(2), message(3))
    return one


def with_rc(home, text):
    home.rc.write_text(posix_mailx.RC + text)
    return home


def write(home, *args, **env):
    """A mail that is being written."""
    return home.terminal("-n", *args, **env)


def begin(home, rc=""):
    """The same, where the program is known to listen."""
    t = write(with_rc(home, rc + "set ask\n"), "a@x")
    return t.expect("Subject: ").type("s\n").expect("\n")


def sent(home):
    mails = home.mails()
    assert len(mails) == 1
    return mails[0]


# ---- variables ----

def test_ask(home):
    with write(with_rc(home, "set ask\n"), "a@x") as t:
        t.expect("Subject: ").say("my subject", "\n").type("text\n")
        t.type("\x04")
        assert t.end() == 0
    assert sent(home).mail["Subject"] == "my subject"
    assert sent(home).text() == "text\n"


def test_ask_not_set(home):
    with write(home, "a@x") as t:
        t.type("text\n\x04")
        assert t.end() == 0
        assert "Subject" not in t.text()
    assert sent(home).text() == "text\n"


def test_ask_not_with_s(home):
    with write(with_rc(home, "set ask\n"), "-s", "given", "a@x") as t:
        t.type("text\n\x04")
        assert t.end() == 0
    assert sent(home).mail["Subject"] == "given"


def test_asksub(home):
    with write(with_rc(home, "set asksub\n"), "a@x") as t:
        t.expect("Subject: ").say("another", "\n").type("\x04")
        assert t.end() == 0
    assert sent(home).mail["Subject"] == "another"


def test_askcc(home):
    with write(with_rc(home, "set askcc dot\n"), "a@x") as t:
        t.type("text\n.\n").expect("Cc: ").type("c@x\n")
        assert t.end() == 0
    assert sent(home).recipients() == ["a@x", "c@x"]


def test_askbcc(home):
    with write(with_rc(home, "set askbcc dot\n"), "a@x") as t:
        t.type("text\n.\n").expect("Bcc: ").type("b@x\n")
        assert t.end() == 0
    assert sent(home).recipients() == ["a@x", "b@x"]
    assert b"b@x" not in sent(home).content


def test_dot(home):
    with write(with_rc(home, "set dot\n"), "a@x") as t:
        t.type("text\n.\n")
        assert t.end() == 0
    assert sent(home).text() == "text\n"


def test_dot_not_set(home):
    with write(home, "a@x") as t:
        t.type("text\n.\nmore\n\x04")
        assert t.end() == 0
    assert sent(home).text() == "text\n.\nmore\n"


def test_escape(home):
    with write(with_rc(home, "set escape=!\n"), "a@x") as t:
        t.type("!s by bang\n~s is text\n\x04")
        assert t.end() == 0
    assert sent(home).mail["Subject"] == "by bang"
    assert sent(home).text() == "~s is text\n"


def test_ignore(home):
    with begin(home, "set ignore\n") as t:
        t.type("one\n~p\n").expect("(continue)").type("\x03").expect("@")
        t.type("two\n~p\n").expect("(continue)").type("\x03").expect("@")
        t.type("\x04")
        assert t.end() == 0
    assert sent(home).text() == "one\ntwo\n"


def test_ignoreeof(home):
    with write(with_rc(home, "set ignoreeof\n"), "-N") as t:
        t.expect("& ").type("\x04").expect("Use \"quit\" to quit.")
        t.expect("& ").type("q\n")
        assert t.end() == 0


def test_ignoreeof_in_a_mail(home):
    with write(with_rc(home, "set ignoreeof dot\n"), "a@x") as t:
        t.say("text", "text").type("\x04").expect("\".\"")
        t.type(".\n")
        assert t.end() == 0
    assert sent(home).text() == "text\n"


def test_prompt(home):
    with write(with_rc(home, "set prompt='what now: '\n"), "-N") as t:
        t.expect("what now: ").type("x\n")
        assert t.end() == 0


def test_prompt_by_default(home):
    with write(with_rc(home, "unset bsdcompat\n"), "-N") as t:
        t.expect("? ").type("x\n")
        assert t.end() == 0


def test_crt(home):
    with write(with_rc(home, "set crt=3\n"), "-N", PAGER="cat -A") as t:
        t.expect("& ").say("p 1", "body 1$")
        t.expect("& ").type("x\n")
        assert t.end() == 0


def test_crt_and_a_short_message(home):
    with write(with_rc(home, "set crt=100\n"), "-N", PAGER="cat -A") as t:
        t.expect("& ").say("p 1", "body 1")
        t.expect("& ").type("x\n")
        assert t.end() == 0
        assert "body 1$" not in t.text()


def test_PAGER(home):
    with write(with_rc(home, "set crt=1\n"), "-N",
               PAGER="sed 's/^/paged: /'") as t:
        t.expect("& ").say("p 2", "paged: body 2")
        t.expect("& ").type("x\n")
        assert t.end() == 0


@pytest.mark.parametrize("name", ["dumb", "", "no-such-terminal", "vt100"])
def test_TERM(home, name):
    with write(home, "-N", TERM=name) as t:
        t.expect("& ").say("p 1", "body 1")
        t.expect("& ").type("x\n")
        assert t.end() == 0


# ---- escapes and editors, which are obeyed here without -~ ----

def test_a(home):
    with write(with_rc(home, "set sign=mine\n"), "a@x") as t:
        t.type("~a\n\x04")
        assert t.end() == 0
    assert sent(home).text() == "mine\n"


def test_A(home):
    with write(with_rc(home, "set Sign=longer\n"), "a@x") as t:
        t.type("~A\n\x04")
        assert t.end() == 0
    assert sent(home).text() == "longer\n"


def test_e(home):
    with write(home, "a@x", EDITOR="echo by-editor >>") as t:
        t.type("text\n~e\n").expect("(continue)").type("more\n\x04")
        assert t.end() == 0
    assert sent(home).text() == "text\nby-editor\nmore\n"


def test_v(home):
    with write(home, "a@x", VISUAL="echo by-visual >>") as t:
        t.type("text\n~v\n").expect("(continue)").type("\x04")
        assert t.end() == 0
    assert sent(home).text() == "text\nby-visual\n"


def test_h(home):
    with write(home, "a@x") as t:
        t.type("~h\n").expect("To: ").type(", b@x\n")
        t.expect("Cc: ").type("c@x\n").expect("Bcc: ").type("\n")
        t.expect("Subject: ").type("asked\n")
        t.expect("(continue)").type("text\n\x04")
        assert t.end() == 0
    assert sent(home).mail["Subject"] == "asked"
    assert sent(home).recipients() == ["a@x", "b@x", "c@x"]


def test_edit(home):
    with write(home, "-N", EDITOR="grep -h body") as t:
        t.expect("& ").type("e 2 3\n").expect("body 2")
        t.expect("Edit message 3").type("y\n").expect("body 3")
        t.expect("& ").type("x\n")
        assert t.end() == 0


def test_visual(home):
    with write(home, "-N", VISUAL="grep -h body") as t:
        t.expect("& ").type("v 1\n").expect("body 1")
        t.expect("& ").type("x\n")
        assert t.end() == 0


# ---- signals ----

def test_SIGINT_twice_ends_a_mail(home):
    with begin(home) as t:
        t.type("lost text\n~p\n").expect("(continue)").type("\x03")
        t.expect("one more to kill letter").type("\x03")
        assert t.end() == 1
    assert not home.mails()
    assert home.dead.read_text() == "lost text\n"


def test_SIGINT_once_does_not(home):
    with begin(home) as t:
        t.type("one\n~p\n").expect("(continue)").type("\x03")
        t.expect("one more to kill letter").type("two\n~p\n")
        t.expect("(continue)").type("\x04")
        assert t.end() == 0
    assert sent(home).text() == "one\ntwo\n"


def test_SIGINT_ends_a_command(home):
    with write(home, "-N") as t:
        t.expect("& ").type("half a comm\x03").expect("Interrupt")
        t.expect("& ").say("p 1", "body 1").expect("& ").type("x\n")
        assert t.end() == 0


def test_SIGINT_is_for_the_program_that_runs(home):
    with write(home, "-N") as t:
        t.expect("& ").type("!echo be''gun; exec sed -u s/^/got-/\n")
        t.expect("begun").type("line\n").expect("got-line").type("\x03")
        t.expect("& ").type("p 1\n").expect("body 1")
        t.expect("& ").type("x\n")
        assert t.end() == 0


def test_SIGHUP_leaves_everything(home):
    before = home.box.read_bytes()
    with write(with_rc(home, "set hold\n"), "-N") as t:
        t.expect("& ").type("d 1\n").expect("& ").kill(signal.SIGHUP)
        assert t.end() == 1
    assert home.box.read_bytes() == before


def test_SIGHUP_keeps_a_mail(home):
    with begin(home) as t:
        t.type("unsent\n").expect("unsent").type("~p\n").expect("(continue)")
        t.kill(signal.SIGHUP)
        assert t.end() != 0
    assert not home.mails()
    assert home.dead.read_text() == "unsent\n"


def test_SIGTSTP(home):
    """A shell, for without one nothing stops."""
    with home.terminal("-mc", f"{MAILX} -nN; echo it stopped; fg",
                       program="/bin/sh") as t:
        t.expect("& ").type("p \x1a").expect("it stopped")
        t.expect("& ").type("2\n").expect("body 2").expect("& ").type("x\n")
        assert t.end() == 0


# ---- the end of input ----

def test_eof_ends_reading(home):
    with write(with_rc(home, "set hold\n"), "-N") as t:
        t.expect("& ").type("d 1\n").expect("& ").type("\x04")
        assert t.end() == 0
    assert home.subjects() == ["test 2", "test 3"]


def test_eof_ends_a_mail(home):
    with write(home, "a@x") as t:
        t.type("text\n\x04").expect("EOT")
        assert t.end() == 0
    assert sent(home).text() == "text\n"


def test_nothing_is_forgotten():
    parts = {name.removeprefix("test_").split("_")[0]
             for name in globals() if name.startswith("test_")}
    seen = set()
    for part in parts:
        seen.add("~" + part if re.fullmatch("[a-zA-Z]", part) else part)
    posix_mailx.check_complete(seen, tty=True)
