# SPDX-License-Identifier: ISC
"""How mail(1) starts: options of each manner, start-up files of other
programs, and what is read from standard input."""

import os
import subprocess

import pytest

from lib.mail_home import MAILX, Home, message


@pytest.fixture
def home(tmp_path):
    one = Home(tmp_path)
    one.fill(message(1), message(2), message(3, status="RO"))
    (tmp_path / "note.txt").write_text("a note\n")
    return one


def called(home, name):
    """The program under another name."""
    path = home.path / name
    path.symlink_to(MAILX)
    return str(path)


# ---- usage and version ----

@pytest.mark.parametrize("name, code, says", [
    ("mail", 2, "Usage: mail -eiIUdEFntBDNHRV~ -T FILE -u USER"),
    ("s-nail", 64, "Usage: s-nail"),
    ("bsd-mailx", 1, "usage: bsd-mailx [-dEIinv] [-a header]"),
    ("mail.mailutils", 1, "unrecognized option '-Q'"),
])
def test_wrong_option(home, name, code, says):
    got, out, err = home.run("-Q", program=called(home, name))
    assert (got, out) == (code, "")
    assert says in err


def test_version(home):
    assert home.run("-V") == (0, "12.5 7/5/10\n", "")
    _, out, _ = home.run("-nN", stdin="version\nx\n")
    assert out == "Version 12.5 7/5/10\n"


def test_help_of_gnu(home):
    code, out, _ = home.run("--help", mail_personality="gnu")
    assert code == 0 and out.startswith("Usage: mailx [OPTION...]")


# ---- what is asked for ----

@pytest.mark.parametrize("args, code, lines", [
    (["-H"], 0, 3), (["-H", "-f", "box"], 0, 3), (["-f", "-H", "box"], 0, 3),
    (["-L", ":n"], 0, 2), (["-L", ":r"], 0, 1), (["-L", "2"], 0, 1),
    (["-e"], 0, 0), (["-e", "-L", ":n"], 0, 0), (["-e", "-L", ":f"], 1, 0),
    (["-e", "-f", "/dev/null/x"], 1, 0), (["-e", "-u", "no-such"], 1, 0),
])
def test_questions(home, args, code, lines):
    before = home.box.read_bytes()
    got, out, err = home.run("-n", *args)
    assert (got, len(out.splitlines())) == (code, lines)
    assert "-e" not in args or err == ""
    assert home.box.read_bytes() == before


def test_options_behind_addresses(home):
    home.run("-n", "-s", "x", "a@x", "-a", "note.txt", "-c", "c@x",
             stdin="text\n")
    mail, = home.mails()
    assert mail.recipients() == ["a@x", "c@x"]
    assert mail.files() == [("note.txt", b"a note\n")]


@pytest.mark.parametrize("manner, args, files, field", [
    ("heirloom", ["-a", "note.txt"], 1, None),
    ("heirloom", ["-a", "X-Loop: here"], 0, "here"),
    ("bsd", ["-a", "X-Loop: here"], 0, "here"),
    ("gnu", ["-a", "X-Loop: here"], 0, "here"),
    ("gnu", ["-A", "note.txt"], 1, None),
    ("gnu", ["--attach=note.txt", "--append", "X-Loop: here"], 1, "here"),
])
def test_a_of_each_manner(home, manner, args, files, field):
    home.run("-n", "-s", "x", *args, "a@x", stdin="text\n",
             mail_personality=manner)
    mail, = home.mails()
    assert len(mail.files()) == files
    assert mail.mail["X-Loop"] == field


def test_a_file_that_looks_like_a_field(home):
    (home.path / "X-File: yes").write_text("content\n")
    home.run("-n", "-a", "X-File: yes", "a@x", stdin="text\n")
    assert home.mails()[0].files() == [("X-File: yes", b"content\n")]


def test_a_field_cannot_bring_others(home):
    code, _, _ = home.run("-n", "-a", "X-A: b\nBcc: evil@x", "a@x",
                          stdin="text\n")
    assert code == 1 and not home.mails()


def test_addresses_are_no_options(home):
    code, _, _ = home.run("-n", "--", "-oQ/tmp", "-v", stdin="x\n")
    assert code == 1
    assert not home.mails()


def test_long_options_of_gnu(home):
    home.run("-n", "--subject=long", "--return-address=me@x", "a@x",
             stdin="text\n", mail_personality="gnu")
    mail, = home.mails()
    assert mail.mail["Subject"] == "long" and mail.sender() == "me@x"


def test_manner_of_a_file(home):
    home.rc.write_text("set mail_personality=bsd\n")
    home.run("-n", "-a", "X-Loop: here", "a@x", stdin="text\n")
    assert home.mails()[0].mail["X-Loop"] == "here"
    assert "-t" in home.mails()[0].args


# ---- start-up files ----

S_NAIL = r"""
set autocollapse append asksend crt editheaders emptystart fullnames
set history-gabby=all history-gabby-persist hold indentprefix="> "
set followup-to-honour=ask-yes mime-counter-evidence=0b1111 keep keepsave
set recipients-in-cc reply-to-honour=ask-yes sendcharsets=utf-8,iso-8859-1
retain date sender from to cc subject message-id mail-followup-to reply-to
\headerpick type retain from_ date sender from to cc subject \
   message-id mail-followup-to reply-to
\if "$features" =@ ,+regex,
  \headerpick save ignore '^Original-.*$' '^X-.*$'
\end
\wysh set pipe-text/html='?* lynx -stdin -dump -force_html'
\if terminal && "$features" =@ +key-bindings
   \bind base $'\e',d mle-snarf-word-fwd
\endif
if [ "$TERM" == dumb ] || [ "$ttycharset" ==?case utf-8 ]
  colour mono mle-prompt ft=bold
elif ! terminal
  colour 256 mle-prompt fg=203
endif
\filetype bz2 'bzip2 -dc' 'bzip2 -zc'
commandalias sayit 'echo it was said'
charsetalias iso-8859-1 latin1
sayit
"""

BSD = """set ask askcc append dot save crt
ignore Received Message-Id Resent-Message-Id Status Mail-From Return-Path Via
alias root root@localhost
"""

HEIRLOOM = """# Heirloom's
set hold
set append
set ask
set crt
set dot
set keep
set emptybox
set indentprefix="> "
set quote
set sendcharsets=iso-8859-1,utf-8
set showname
set showto
set newmail=nopoll
set autocollapse
set markanswered
ignore received in-reply-to message-id references
ignore mime-version content-transfer-encoding
fwdretain subject date from to
account work {
	set from=me@work.example
	set smtp-auth=login
}
define shown {
	echo a macro
}
call shown
"""


@pytest.mark.parametrize("rc, out", [
    (S_NAIL, "it was said\n"), (BSD, ""), (HEIRLOOM, "a macro\n")],
    ids=["s-nail", "bsd-mailx", "Heirloom"])
def test_files_of_others(home, rc, out):
    home.rc.write_text(rc)
    assert home.run("-nN", stdin="x\n") == (0, out, "")
    assert home.run("-n", "a@x", stdin="text\n")[0] == 0
    assert len(home.mails()) == 1


@pytest.mark.parametrize("path", ["/etc/s-nail.rc", "/etc/mail.rc",
                                  "/etc/nail.rc"])
def test_files_of_this_machine(home, path):
    if not os.path.exists(path):
        pytest.skip(f"no {path}")
    assert home.run("-nN", stdin="x\n", MAILRC=path) == (0, "", "")


def test_S_counts_more_than_files(home):
    home.rc.write_text("set aa=file\nset bb=file\nunset cc\n")
    _, out, _ = home.run(
        "-nN", "-S", "aa=mine", "-Snobb", "-S", "cc=mine",
        stdin="echo $aa-$bb-$cc\nset aa=now bb=now\nunset cc\n"
        "echo $aa-$bb-$cc\nx\n")
    assert out == "mine--mine\nnow-now-\n"


def test_words_of_the_network_are_passed_over(home):
    words = ("imap cache online connect disconnect verify decrypt Decrypt "
             "certsave junk good unjunk ungood bad classify probability")
    home.rc.write_text("".join(f"{w} x\n" for w in words.split())
                       + "set last=reached\n")
    _, out, err = home.run("-nN", stdin="echo $last\nx\n")
    assert out == "reached\n" and err == ""


def test_account(home):
    home.rc.write_text("account work {\nset replyto=work@x\n}\n")
    home.run("-n", "-A", "work", "a@x", stdin="text\n")
    assert home.mails()[0].addresses("Reply-To") == ["work@x"]
    code, out, _ = home.run("-n", "-A", "none", "a@x", stdin="text\n")
    assert code == 1 and out == "Account none does not exist.\n"


def test_account_in_a_session(home):
    """The folder is left by the settings that it was opened with."""
    other = home.path / "other"
    other.write_text(message(7) + message(8))
    home.rc.write_text(f"set hold bsdannounce\naccount work {{\n"
                       f"set nohold MAIL={other}\n}}\n")
    _, out, _ = home.run("-n", stdin="p 1\naccount work\np 1\nq\n")
    assert home.subjects() == ["test 1", "test 2", "test 3"]
    assert home.subjects(home.mbox) == ["test 7"]
    at = out.index(f'"{other}": 2 messages 2 new\n>N  1 ')
    assert "body 1" in out[:at] and "body 7" in out[at:]


def test_hooks_of_folders(home):
    other = home.path / "other"
    other.write_text(message(7))
    home.rc.write_text(
        f"set folder-hook=any folder-hook-{other}=special\n"
        "define any {\necho any folder\n}\n"
        "define special {\nignore subject\n}\n")
    _, out, _ = home.run("-nN", stdin=f"p 1\nfile {other}\np 1\nx\n")
    assert out.startswith("any folder\n")
    assert "Subject: test 1" in out and "Subject: test 7" not in out
    home.rc.write_text("set folder-hook=none\n")
    code, _, err = home.run("-nN", stdin="x\n")
    assert code == 0 and 'Macro "none" does not exist.' in err


def test_a_huge_file(home):
    home.rc.write_text("# comment\n" * 200000 + "alias a b\n" * 2000
                       + "echo end\n")
    assert home.run("-nN", stdin="x\n") == (0, "end\n", "")


def test_a_file_of_garbage(home):
    home.rc.write_bytes(bytes(range(256)) * 1000)
    code, out, _ = home.run("-nN", stdin="x\n")
    assert code == 0 and out


def test_a_file_that_sources_itself(home):
    home.rc.write_text(f"source {home.rc}\n")
    code, _, err = home.run("-nN", stdin="x\n")
    assert code == 0 and "nested too deeply" in err


# ---- standard input ----

def test_programs_read_on_where_commands_end(home):
    (home.path / "in").write_text("!cat\nfor cat\nstill\n")
    with open(home.path / "in", "rb") as stdin:
        done = subprocess.run([MAILX, "-nN"], stdin=stdin, env=home.env,
                              capture_output=True, check=False)
    assert b"for cat\nstill\n" in done.stdout
    _, out, _ = home.run("-nN", stdin="!head -c 4\nabc\nversion\nx\n")
    assert out.startswith("abc\n!\nVersion")


def test_a_large_text(home):
    line = "x" * 70 + "\n"
    code, _, _ = home.run("-n", "a@x", stdin=line * 100000)
    assert code == 0
    assert home.mails()[0].text() == line * 100000


def test_a_long_line_is_pasted(home):
    with home.terminal("-n", "a@x") as t:
        t.expect("Subject: ").type("x\n~p\n").expect("(continue)")
        t.listens().type("y" * 10000 + "\n.\n").expect("EOT")
        assert t.end() == 0
    assert home.mails()[0].text() == "y" * 10000 + "\n"


def test_keys(home):
    with home.terminal("-nN") as t:
        t.expect("& ").type("versi\t").expect("on ").type("\n")
        t.expect("Version").expect("& ").type("echo he\u00e9\u4e2d\x7fllo\n")
        t.expect("\nhe\u00e9llo\r\n").expect("& ").type("\x1b[A\n")
        t.expect("\nhe\u00e9llo\r\n").expect("& ").type("set indentp\t")
        t.expect("refix ").type("\x7f=x\n").expect("& ")
        t.type("echo $indentprefix\n").expect("\nx\r\n")
        t.expect("& ").type("x\n")
        assert t.end() == 0


def test_without_the_line_editor(home):
    with home.terminal("-nN", "-S", "line-editor-disable") as t:
        t.expect("& ").type("p 1\n").expect("body 1").expect("& ")
        t.type("set noline-editor-disable\n").expect("& ")
        t.type("versi\t").expect("on ").type("\n").expect("Version")
        t.expect("& ").type("set line-editor-disable\n").expect("& ")
        t.type("p 2\n").expect("body 2").expect("& ").type("x\n")
        assert t.end() == 0


def test_history_file(home):
    home.rc.write_text("set history-file=~/typed\n")
    with home.terminal("-nN") as t:
        t.expect("& ").type("echo remembered\n").expect("& ").type("x\n")
        assert t.end() == 0
    typed = home.path / "typed"
    assert "remembered" in typed.read_text()
    assert typed.stat().st_mode & 0o777 == 0o600
    with home.terminal("-nN") as t:
        t.expect("& ").type("\x1b[A\x1b[A").expect("remembered")
        t.type("\n").expect("& ").type("x\n")
        assert t.end() == 0
