# SPDX-License-Identifier: ISC
"""Writing a mail on a terminal: questions, escapes, interrupts, editors. The
texts are those of Heirloom mailx 12.5."""

import os
import signal

import pytest

from lib.mail_home import MAILX, Home

KILL = "(Interrupt -- one more to kill letter)"
ABORTED = 1


@pytest.fixture(name="home", params=["edited", "plain"])
def make_home(tmp_path, request):
    rc = "set line-editor-disable\n" if request.param == "plain" else ""
    return Home(tmp_path / "h", rc=rc)


def more(home, text):
    home.rc.write_text(home.rc.read_text() + text)


def start(home, *args, subject="hello"):
    t = home.terminal("-n", *args)
    if "-s" not in args:
        t.expect("Subject: ").type(subject + "\n")
    return t


def finish(t, last=".\n"):
    t.type(last).expect("EOT")
    assert t.end() == 0


def test_plain(home):
    t = start(home, "pue")
    finish(t.type("a\nb\n"))
    mail, = home.mails()
    assert mail.args == ["-i", "--", "pue"]
    assert mail.mail["Subject"] == "hello"
    assert mail.text() == "a\nb\n"


def test_end_of_input(home):
    t = start(home, "pue", "ana", subject="")
    finish(t.type("text\n"), "\x04")
    mail, = home.mails()
    assert mail.mail["Subject"] is None
    assert mail.text() == "text\n"


def test_no_dot(home):
    more(home, "unset dot\n")
    t = start(home, "pue")
    finish(t.type("a\n.\nb\n"), "\x04")
    assert home.mails()[0].text() == "a\n.\nb\n"


def test_not_sent(home):
    home.env["sendmail"] = "/nonexistent/sendmail"
    t = start(home, "pue", subject="hello pue")
    t.type("hello pue\nthis is a message from user pue to user pue\n"
           "just ti prove mail\nbye\n.\n")
    t.expect("EOT\r\n/nonexistent/sendmail: No such file or directory\r\n"
             f'"{home.dead}" 12/275\r\n. . . message not sent.\r\n')
    assert t.end() == 1
    assert home.dead.read_bytes().endswith(b"\njust ti prove mail\nbye\n")


def test_questions_first(home):
    more(home, "set askcc askbcc\nunset bsdcompat\n")
    t = home.terminal("-n", "pue")
    t.expect("Subject: ").say("s", "Cc: ").say("c1 c2", "Bcc: ")
    finish(t.type("b1\ntext\n"))
    mail, = home.mails()
    assert mail.recipients() == ["b1", "c1", "c2", "pue"]
    assert mail.addresses("Cc") == ["c1", "c2"]


def test_questions_last(home):
    more(home, "set askcc askbcc bsdcompat\n")
    t = start(home, "pue")
    t.type("text\n").say(".", "Cc: ").say("c1", "Bcc: ").type("b1\n")
    assert t.end() == 0
    assert "EOT" not in t.text()
    assert home.mails()[0].recipients() == ["b1", "c1", "pue"]


def test_files_are_asked_for(home):
    more(home, "set askattach\n")
    (home.path / "a.txt").write_text("file\n")
    t = start(home, "pue")
    t.say(".", "filename: ").say("missing", "No such file or directory")
    t.expect("filename: ").say("a.txt", "filename: ").type("\n")
    assert t.end() == 0
    assert home.mails()[0].files() == [("a.txt", b"file\n")]


def interrupt(t, answer):
    """When all before it was read: ^C throws away what was not."""
    return t.say("~p", "(continue)").type("\x03").expect(answer)


def test_interrupts(home):
    t = interrupt(start(home, "pue").type("a\n"), KILL)
    interrupt(t.type("b\n"), KILL)
    t.type("\x03").expect(f'"{home.dead}" 2/4')
    assert t.end() == ABORTED
    assert home.dead.read_text() == "a\nb\n"
    assert home.mails() == []


def test_interrupts_ignored(home):
    more(home, "set ignore\n")
    t = interrupt(start(home, "pue").type("a\n"), "@")
    finish(interrupt(t, "@").type("b\n"))
    assert home.mails()[0].text() == "a\nb\n"


def test_interrupt_without_save(home):
    more(home, "set nosave\n")
    t = interrupt(start(home, "pue").type("a\n"), KILL).type("\x03")
    assert t.end() == ABORTED
    assert not home.dead.exists()


def test_end_of_input_ignored(home):
    more(home, "set ignoreeof\n")
    t = start(home, "pue").type("\x04")
    t.expect('Use "." to terminate letter').type("a\n")
    finish(t)
    assert home.mails()[0].text() == "a\n"


@pytest.mark.parametrize("signo", [signal.SIGHUP, signal.SIGTERM])
def test_hangup(home, signo):
    """Half a letter is kept, and not sent."""
    t = start(home, "pue").type("~s other\n~p\n").expect("(continue)")
    t.type("half a letter\n~p\n").expect("half a letter\r\n(continue)")
    t.kill(signo)
    t.end()
    assert home.dead.read_text() == "half a letter\n"
    assert home.mails() == []


def test_terminal_is_gone(home):
    """Without a signal: that end was not typed, and ends no letter."""
    t = home.terminal("-c", f"trap '' HUP; {MAILX} -n -s hello pue",
                      program="/bin/sh")
    t.type("half a letter\n~p\n").expect("half a letter\r\n(continue)")
    os.close(t.fd)
    os.waitpid(t.pid, 0)
    assert home.dead.read_text() == "half a letter\n"
    assert home.mails() == []


@pytest.mark.parametrize("escape,saved", [("~q", True), ("~x", False)])
def test_give_up(home, escape, saved):
    t = start(home, "pue").type(f"a\n{escape}\n")
    assert t.end() == ABORTED
    assert home.dead.exists() == saved
    assert home.mails() == []


def test_header_escapes(home):
    t = start(home, "pue")
    t.type("~s other\n~t a b\n~c c\n~c |cat\n").expect("a program is no")
    t.type("~b d\n~p\n").expect(
        "-------\r\nMessage contains:\r\nTo: pue a b\r\nSubject: other\r\n"
        "Cc: c\r\nBcc: d\r\n\r\n(continue)")
    finish(t, "~.\n")
    mail, = home.mails()
    assert mail.recipients() == ["a", "b", "c", "d", "pue"]
    assert mail.mail["Subject"] == "other"


def test_all_fields_are_asked_for(home):
    t = start(home, "pue")
    t.say("~h", "To: pue")
    t.say(" ana", "Cc: ").say("c", "Bcc: ").say("", "Subject: hello")
    t.say(" you", "(continue)")
    t.say("~H", "From: ").say("f@x", "Reply-To: ").say("r@x", "Sender: ")
    t.say("s@x", "Organization: ").say("Acme", "(continue)")
    finish(t.type("text\n"))
    mail, = home.mails()
    assert mail.recipients() == ["ana", "c", "pue"]
    assert [mail.mail[n] for n in
            ("Subject", "From", "Reply-To", "Sender", "Organization")] == [
                "hello you", "f@x", "r@x", "s@x", "Acme"]


def test_file_escapes(home):
    (home.path / "in").write_text("from a file\n~!touch HACKED\n")
    home.dead.write_text("from the dead\n")
    t = start(home, "pue")
    t.say("~r in", '"in" 2/27').say("~r missing", "missing: No such file")
    t.say("~r", "Interpolate what file?").say("~r .", ".: Directory")
    t.say("~d", f'"{home.dead}" 1/14').type("~<!echo from a command\n")
    t.say("~R in", '"in" 2/27')
    t.say("~w out", '"out" 6/').say("~w", "Write what file!?")
    finish(t.type("~~x\n"))
    want = ("from a file\n~!touch HACKED\nfrom the dead\nfrom a command\n"
            "> from a file\n> ~!touch HACKED\n")
    assert home.mails()[0].text() == want + "~x\n"
    assert (home.path / "out").read_text() == want
    assert not (home.path / "HACKED").exists()


def test_commands(home):
    t = start(home, "pue")
    t.say("~!echo o''k", "ok\r\n!")
    t.type("text\n").say("~| tr a-z A-Z", "(continue)")
    t.say("~| false", "(continue)").say("~| true", 'No bytes from "true" !?')
    t.say("~: set foo=bar", "(continue)").say("~_ echo x", "(continue)")
    t.say("~i foo", "bar").say("~z", "Unknown tilde escape.")
    t.say("~?", "Insert a variable")
    finish(t)
    assert home.mails()[0].text() == "TEXT\nbar\n"


def test_signs(home):
    more(home, "set sign='one\\ntwo' Sign=other\n")
    t = start(home, "pue").say("~a", "two").say("~A", "other")
    finish(t)
    assert home.mails()[0].text() == "one\ntwo\nother\n"


def test_other_escape_character(home):
    more(home, "set escape=!\n")
    finish(start(home, "pue").type("~p\n!s other\n!!x\n"))
    mail, = home.mails()
    assert (mail.mail["Subject"], mail.text()) == ("other", "~p\n!x\n")


def test_no_escapes_for_programs(home):
    """-r is what programs use, which do not look at what they pass on."""
    finish(start(home, "-r", "f@x", "pue").type("~s other\n"))
    mail, = home.mails()
    assert (mail.mail["Subject"], mail.text()) == ("hello", "~s other\n")


def test_file_list(home):
    (home.path / "a").write_text("a\n")
    (home.path / "b").write_text("b\n")
    t = start(home, "pue").type("~@ a missing\n").expect("missing: No such")
    t.say("~@", "filename: a").say("", "filename: ")
    t.say("b", "filename: ").type("\n")
    t.say("~p", "Attachments: a, b").expect("(continue)")
    finish(t)
    assert home.mails()[0].files() == [("a", b"a\n"), ("b", b"b\n")]


def editor(home, name, script):
    path = home.path / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_editors(home):
    one = editor(home, "one", 'stat -c %a "$2" >mode; echo "$1" >>"$2"')
    two = editor(home, "two", 'sed s/a/b/ "$1" >"$1~" && mv "$1~" "$1"')
    home.env["EDITOR"] = f"{one} 'an argument'"
    home.env["VISUAL"] = str(two)
    t = start(home, "pue").type("a\n").say("~e", "(continue)")
    finish(t.say("~v", "(continue)"))
    assert home.mails()[0].text() == "b\nbn argument\n"
    assert (home.path / "mode").read_text() == "600\n"


def test_editor_with_header(home):
    more(home, "set editheaders\n")
    home.env["EDITOR"] = str(editor(
        home, "ed", 'cp "$1" seen; sed -i "s/^To: .*/To: ana/; '
        's/^Subject: .*/Subject: new/" "$1"'))
    t = start(home, "-c", "c", "pue").type("a\n").say("~e", "(continue)")
    finish(t)
    mail, = home.mails()
    assert (home.path / "seen").read_text() == (
        "To: pue\nSubject: hello\nCc: c\n\na\n")
    assert mail.recipients() == ["ana", "c"]
    assert (mail.mail["Subject"], mail.text()) == ("new", "a\n")


def test_editor_fails(home):
    home.env["EDITOR"] = str(editor(home, "ed", 'echo x >"$1"; exit 3'))
    finish(start(home, "pue").type("a\n").say("~e", "(continue)"))
    assert home.mails()[0].text() == "a\n"


def test_what_was_edited_is_kept(home):
    """The editor failed, but somebody may have written there for an hour."""
    (home.path / "tmp").mkdir()
    home.env["TMPDIR"] = str(home.path / "tmp")
    home.env["EDITOR"] = str(editor(home, "ed", 'echo x >>"$1"; exit 3'))
    t = start(home, "pue").type("a\n").type("~e\n")
    t.expect("What was written is in ").expect("(continue)")
    finish(t)
    left, = (home.path / "tmp").iterdir()
    assert left.read_text() == "a\nx\n"


def test_editor_fails_with_nothing_written(home):
    (home.path / "tmp").mkdir()
    home.env["TMPDIR"] = str(home.path / "tmp")
    home.env["EDITOR"] = str(editor(home, "ed", "exit 3"))
    finish(start(home, "pue").type("a\n").say("~e", "(continue)"))
    assert os.listdir(home.path / "tmp") == []


def test_temporary_files_are_gone(home):
    (home.path / "tmp").mkdir()
    home.env["TMPDIR"] = str(home.path / "tmp")
    home.env["EDITOR"] = str(editor(home, "ed", 'ls "$TMPDIR" >seen'))
    finish(start(home, "pue").type("a\n").say("~e", "(continue)"))
    assert (home.path / "seen").read_text().startswith("mail-")
    assert os.listdir(home.path / "tmp") == []


def test_quoted_file(home):
    (home.path / "q").write_text("quoted\n")
    t = home.terminal("-n", "-q", "q", "pue").expect("Subject: ")
    t.say("s", "quoted")
    finish(t.type("text\n"))
    assert home.mails()[0].text() == "quoted\ntext\n"


def test_utf8(home):
    finish(start(home, "pue", subject="ñandú €").type("grüße\n"))
    mail, = home.mails()
    assert (mail.mail["Subject"], mail.text()) == ("ñandú €", "grüße\n")


def test_escapes_on_demand(tmp_path):
    """-~ obeys them without a terminal; nothing else does."""
    home = Home(tmp_path / "h")
    text = "a\n~s other\n~!touch made\n"
    for option in ([], ["-~"]):
        assert home.run("-n", *option, "-s", "s", "u", stdin=text)[0] == 0
        assert (home.path / "made").exists() == bool(option)
    assert [m.text() for m in home.mails()] == [text, "a\n"]
    assert home.subjects(home.sent / "1.mail") == ["other"]
