# SPDX-License-Identifier: ISC
"""mail(1) and what happens to folders around it: mail that comes meanwhile,
files that are missing or may not be touched, Maildirs, names from strangers."""

import os
import pathlib
import subprocess
import tempfile
import time

import pytest

from lib import mail_home
from lib.mail_reader import START, Reader, mbox, message

QUIET = "set bsdcompat quiet noheader\n"
LINE = '"HOME/inbox": 5 messages 2 new 3 unread\n'
HELD = "1:RO 2:O 3:O 4:RO/FA 5:O"


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path / "home")


def until(process, text):
    """Read what it prints up to a text."""
    got = b""
    while text not in got:
        piece = os.read(process.stdout.fileno(), 4096)
        assert piece, got
        got += piece
    return got


def say(process, command):
    process.stdin.write(command.encode() + b"\n")
    process.stdin.flush()


def end(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


# ---- nothing there ----

@pytest.mark.parametrize("inbox", [None, ""])
def test_no_mail(tmp_path, inbox):
    reader = Reader(tmp_path, inbox)
    assert reader.run("q\n") == (1, "", "No mail for pue\n")


def test_empty_start(tmp_path):
    reader = Reader(tmp_path, "")
    told = reader.run("p\nd\nf *\nq\n", rc=QUIET + "set emptystart")
    assert told == (0, '"HOME/inbox": 0 messages\n'
                    + "No applicable messages\n" * 3, "")


def test_empty_file(reader):
    reader.put("empty", b"")
    told = reader.run("d\nfile inbox\nq\n", "-f", "empty", rc=QUIET)
    assert told == (0, '"empty": 0 messages\nNo applicable messages\n'
                    '"inbox": 5 messages 2 new 3 unread\n"inbox" complete\n',
                    "")
    assert reader.get("empty") == b""


def test_no_mailbox(reader):
    reader.put("text", b"hello\nworld\n")
    os.mkdir(reader.path / "plain")
    assert reader.run("q\n", "-f", "text") == (
        1, "", "text: not a mailbox\n")
    assert reader.run("q\n", "-f", "plain") == (
        1, "", "plain: Is a directory\n")
    # What is open stays open.
    told = reader.run("file text\nfile none\n=\nx\n", rc=QUIET)
    assert told == (0, LINE + "2\n", "text: not a mailbox\n"
                    "none: No such file or directory\n")


def test_file_of_another(reader):
    """What is no mailbox is appended to, never replaced."""
    reader.put("text", b"hello\nworld\n")
    os.mkdir(reader.path / "plain")
    status, out, err = reader.run("c 1 text\nc 1 plain\nq\n", rc=QUIET)
    assert (status, err) == (0, "plain: Is a directory\n")
    assert '"text" [Appended]' in out
    assert reader.get("text") == b"hello\nworld\n\n" + message("1", "RO")
    assert os.listdir(reader.path / "plain") == []


# ---- meanwhile ----

def test_mail_comes_and_is_loaded(reader):
    process = reader.start(rc=QUIET)
    until(process, b"3 unread\n")
    with open(reader.box, "ab") as f:
        f.write(message("6"))
    say(process, "d 1\ninc\nf *\nd 6\ninc\nq")
    status, out, err = end(process)
    assert (status, err) == (0, b"")
    assert reader.told(out) == (
        "New mail has arrived.\nLoaded 1 new message\n"
        ' N  2 bob@y.org             Tue Nov  9 17:22  11/199   "banana"\n'
        ' U  3 ana@x.org             Tue Nov  9 17:23  12/211   "Re: apple"\n'
        ' F  4 cyd@z.org             Tue Nov  9 17:24  12/203   "cherry"\n'
        ' N  5 dan@x.org             Tue Nov  9 17:25  12/193   "date"\n'
        '>N  6 eve@x.org             Tue Nov  9 17:26  10/178   "elder"\n'
        "Held 4 messages in HOME/inbox\n")
    assert reader.get("inbox") == mbox("2:O 3:O 4:RO/FA 5:O")


def test_hook_for_mail_that_comes(reader):
    process = reader.start(rc=QUIET)
    until(process, b"3 unread\n")
    with open(reader.box, "ab") as f:
        f.write(message("6"))
    say(process, "define mark {\nflag *\nd 1\nd /nothing\n}\n"
        "set folder-hook=mark\ninc\nq")
    status, _, err = end(process)
    assert (status, err) == (0, b"")
    assert reader.get("inbox") == mbox(HELD + " 6:O/F")


@pytest.mark.parametrize("commands, kept", [
    ("q", HELD + " 6:"), ("d 1\nq", "2:O 3:O 4:RO/FA 5:O 6:"),
    ("d *\nq", "6:"), ("x", START + " 6:")])
def test_mail_comes_and_is_kept(reader, commands, kept):
    """It is still new the next time."""
    process = reader.start(rc=QUIET)
    until(process, b"3 unread\n")
    with open(reader.box, "ab") as f:
        f.write(message("6"))
    say(process, commands)
    status, out, err = end(process)
    assert (status, err) == (0, b"")
    assert (b"New mail has arrived.\n" in out) == (commands != "x")
    assert reader.get("inbox") == mbox(kept)


def test_somebody_else_deletes(reader):
    process = reader.start(rc=QUIET)
    until(process, b"3 unread\n")
    reader.put("inbox", mbox("2: 4:RO/FA"))
    say(process, "flag 2\nd 1\nc 5 out\np 5\nsort size\nsort subject\nsort\n"
        "f /cherry\nq")
    status, out, err = end(process)
    assert status == 0 and b"criterion is: subject\n" in out
    assert b"cherry" in out
    assert b"5: Somebody else removed this message\n" in err
    assert not os.path.exists(reader.path / "out")
    assert reader.get("inbox") == mbox("2:O/F 4:RO/FA")


def test_in_front(reader):
    """Without append read mail comes first, and nothing else changes."""
    old = mbox("6:RO") + b"what stands here, stays"
    reader.put("real", old)
    os.symlink("real", reader.path / "mbox")
    status, out, err = reader.run(
        "touch 1 2\nq\n", rc=QUIET + "set nohold noappend")
    assert (status, err) == (0, "")
    assert out == LINE + ("Saved 2 messages in mbox\n"
                          "Held 3 messages in HOME/inbox\n")
    assert reader.get("real") == mbox("1:RO 2:O") + old
    assert os.path.islink(reader.path / "mbox")
    reader.run("touch 1\nq\n", rc=QUIET + "set nohold noappend MBOX=new")
    assert reader.get("new") == mbox("3:O")
    assert sorted(reader.files()) == ["inbox", "mbox", "new", "real"]


def test_saved_to_itself(reader):
    status, _, err = reader.run("c 1 %\nq\n", rc=QUIET)
    assert (status, err) == (0, "")
    assert reader.get("inbox") == mbox(HELD + " 1:RO")


# ---- what cannot be written ----

def test_mbox_cannot_be_written(reader):
    status, out, err = reader.run(
        "touch 1\nq\n", rc=QUIET + "set MBOX=none/x nohold")
    assert (status, out, err) == (1, LINE, "none/x: No such file or "
                                  "directory\n")
    assert reader.get("inbox") == mbox(START)


def test_full_disk(reader):
    status, out, err = reader.run("s 1 /dev/full\nf 1\nx\n", rc=QUIET)
    assert status == 0 and "[Appended]" not in out and "/dev/full" in err
    assert "\n    1 ana@x.org" in out


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.root
def test_rights():
    """Others' mailboxes: not at all, or to be read only."""
    with tempfile.TemporaryDirectory(prefix="mail-") as open_to_all:
        os.chmod(open_to_all, 0o755)
        reader = Reader(pathlib.Path(open_to_all) / "home")
        os.chmod(reader.box, 0o600)
        told = reader.run("q\n", rc=QUIET, preexec_fn=as_nobody)
        assert told == (1, "", "HOME/inbox: Permission denied\n")
        os.chmod(reader.box, 0o644)
        told = reader.run(
            "d 1\nunread 1\n=\nq\n", rc=QUIET, preexec_fn=as_nobody)
        assert told == (
            0, LINE[:-1] + ' [Read only]\nMay not execute "delete" -- '
            "message file is read only\n1\n", "")
        assert reader.get("inbox") == mbox(START)


@pytest.mark.root
def test_link_of_a_user(reader):
    """Root follows no link that a user laid into his way."""
    os.rename(reader.box, reader.path / "secret")
    os.symlink("secret", reader.box)
    os.chown(reader.box, 65534, 65534, follow_symlinks=False)
    status, out, err = reader.run("q\n")
    assert (status, out) == (1, "")
    assert err.startswith("HOME/inbox: ") and "link" in err


def test_two_put_messages_in_front(tmp_path):
    """Of the same mbox: neither takes the other's new file away."""
    home = mail_home.Home(tmp_path / "h", rc="set nohold noappend\n")
    home.mbox.write_text(mail_home.message(0))
    lock = home.path / "mbox.lock"
    lock.touch()
    readers = []
    for n in (1, 2):
        box = home.path / f"box{n}"
        box.write_text(mail_home.message(n))
        readers.append(subprocess.Popen(
            [mail_home.MAILX, "-nN"], env=dict(home.env, MAIL=str(box)),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        readers[-1].stdin.write(b"p\nq\n")
        readers[-1].stdin.close()
    # Right however long that takes; wrong ones may be found out by it.
    time.sleep(0.5)
    lock.unlink()
    assert [r.wait() for r in readers] == [0, 0]
    assert sorted(home.subjects(home.mbox)) == ["test 0", "test 1", "test 2"]
    assert home.subjects(home.mbox)[2] == "test 0"
    assert sorted(x.name for x in home.path.glob("mbox*")) == ["mbox"]


# ---- names ----

@pytest.mark.parametrize("sender, name", [
    ("ana@x.org", "ana"), ("../../etc/x@y.org", "_.", ),
    (".profile@y.org", "_profile"), ("-rf@y.org", "_rf"),
    ("|touch@y.org", "_touch"), ("~root@y.org", "_root"),
    ("+out@y.org", "_out"), ("%root@y.org", "_root"), ("&@y.org", "_"),
    ('"a/b c"@y.org', "a_b_c"), ("$HOME@y.org", "_HOME"),
    ("*@y.org", "_"), ("x\x1b[31m@y.org", "x\ufffd_31m"),
    ("x\x9b31m@y.org", "x\ufffd31m"), ("a" * 500, "a" * 200)])
def test_names_of_senders(reader, sender, name):
    """They name a file here, whatever they are."""
    text = message("1").replace(b"From: ana@x.org",
                                b"From: " + sender.encode())
    reader.put("inbox", text)
    before = set(reader.files())
    status, out, err = reader.run("Copy 1\nx\n", rc=QUIET)
    made = set(reader.files()) - before
    assert (status, err) == (0, "")
    assert len(made) == 1 and "[New file]" in out
    made = made.pop()
    assert "/" not in made and made.startswith(name)


def test_names_in_errors(reader):
    """Whoever has a directory with us may make any name in it."""
    status, out, err = reader.run("file x\x1b[31m\x9b0m\nx\n", rc=QUIET)
    assert status == 0 and "x\ufffd[31m\ufffd0m" in err
    assert not set(out + err) & set("\x1b\x9b")


def test_names_of_users(reader):
    told = reader.run("file %../home/inbox\nfile %.\nx\n", rc=QUIET)
    assert told == (0, LINE, '"../home/inbox": no name of a user\n'
                    '".": no name of a user\n')


@pytest.mark.parametrize("user", ["../mail/x", "", ".", "/etc/passwd"])
def test_mailbox_of_nobody(reader, user):
    assert reader.run("q\n", "-u", user) == (
        1, "", f'"{user}": no name of a user\n')


def test_no_shell(reader):
    reader.run("c 1 `touch made`\nc 1 $(touch made)\nc 1 'x;touch made'\n"
               "c 1 ${HOME\nfile |touch\nx\n", rc=QUIET)
    assert not os.path.exists(reader.path / "made")


def test_asked_before_removal(reader):
    reader.put("old", mbox("1:"))
    reader.run("remove old\nn\nx\n", rc=QUIET + "set interactive")
    assert reader.get("old") == mbox("1:")
    reader.run("remove old\nwhat\ny\nx\n", rc=QUIET + "set interactive")
    assert not os.path.exists(reader.path / "old")


def test_fields_left_out(reader):
    reader.run("saveignore message-id return-path\nc 1 out\nx\n", rc=QUIET)
    text = message("1", "RO")
    for name in (b"Message-Id: <m1@x>\n", b"Return-Path: <ana@x.org>\n"):
        text = text.replace(name, b"")
    assert reader.get("out") == text


def test_fields_retained(reader):
    reader.run("saveretain from subject\nc 1 4 out\nx\n", rc=QUIET)
    assert reader.get("out") == (
        b"From ana@x.org Tue Nov  9 17:21:36 2021\n"
        b"From: ana@x.org\nSubject: apple\n\nbody\n\n"
        b"From cyd@z.org Tue Nov  9 17:24:36 2021\n"
        b"From: cyd@z.org\nSubject: cherry\n\nbody\n\n")


# ---- Maildirs ----

def maildir(path, told):
    """As mbox(), with Maildir's letters: "1:S 2: 3:"; "2!" is in new/."""
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, name))
    for word in told.split():
        number, _, letters = word.partition(":")
        new = number.endswith("!")
        number = number.rstrip("!")
        text = message(number).partition(b"\n")[2][:-1]
        name = f"160000000{number}.M1P1.host"
        name = f"new/{name}" if new else f"cur/{name}:2,{letters}"
        with open(os.path.join(path, name), "wb") as f:
            f.write(text)


def letters(path):
    """What maildir() was told, by the numbers in the names."""
    told = []
    for file in pathlib.Path(path).glob("*/*"):
        number = file.name.partition(".")[0][-1]
        new = "!" if file.parent.name == "new" else ""
        told.append(number + new + ":" + file.name.partition(":2,")[2])
    return " ".join(sorted(told))


def test_maildir(reader):
    path = reader.path / "dir"
    maildir(path, "1:S 2!: 3: 4:FRS 5!:")
    status, out, err = reader.run(
        "f *\nd 1\n2\nflag 3\nunread 4\nanswered 5\nq\n", "-f", "dir",
        rc=QUIET + "retain subject\n")
    assert (status, err) == (0, "")
    assert out.startswith('"dir": 5 messages 2 new 3 unread\n    1 ana@x.org')
    assert "\n>N  2 bob@y.org" in out and "\n U  3 ana@x.org" in out
    assert "Subject: banana\n\nbody\n" in out
    assert out.endswith('"dir" complete\n')
    assert letters(path) == "2:S 3:F 4:FR 5:R"


def test_maildir_as_inbox(reader):
    os.unlink(reader.box)
    maildir(reader.box, "1:S 2!: 3: 5!:")
    status, out, err = reader.run("touch 2\nd 1\nq\n",
                                  rc=QUIET + "set nohold\n")
    assert (status, err) == (0, "")
    assert out == ('"HOME/inbox": 4 messages 2 new 3 unread\n'
                   "Saved 1 message in mbox\nHeld 2 messages in HOME/inbox\n")
    assert letters(reader.box) == "3: 5:"
    assert reader.get("mbox").split(b"\n", 1)[1] == (
        message("2", "O").split(b"\n", 1)[1])


def test_maildir_mail_comes(reader):
    path = reader.path / "dir"
    maildir(path, "1:S")
    process = reader.start("-f", "dir", rc="set bsdcompat quiet\n")
    until(process, b'"apple"\n')
    text = message("2").partition(b"\n")[2]
    with open(os.path.join(path, "new", "1600000002.M1P1.host"), "wb") as f:
        f.write(text)
    say(process, "inc\nd 2\nq")
    status, out, err = end(process)
    assert (status, err) == (0, b"")
    assert b"Loaded 1 new message\n N  2 bob@y.org" in out
    assert letters(path) == "1:S"


def test_into_maildirs(reader):
    maildir(reader.path / "dir", "1:S")
    status, out, err = reader.run("c 2 4 dir\nc 5 made\nq\n", rc=QUIET
                                  + "set newfolders=maildir\n")
    assert (status, err) == (0, "")
    assert '"dir" [Appended]' in out and '"made" [Appended]' in out
    found = sorted((reader.path / "dir").glob("cur/*"))
    assert [x.name.endswith(":2,FRS") for x in found].count(True) == 1
    made = list((reader.path / "made").glob("*/*"))
    assert len(made) == 1
    assert made[0].read_bytes() == message("5").partition(b"\n")[2][:-1]


def test_maildir_is_removed(reader):
    maildir(reader.path / "dir", "1:S 2!:")
    assert reader.run("remove dir\nx\n", rc=QUIET) == (0, LINE, "")
    assert not os.path.exists(reader.path / "dir")
    os.mkdir(reader.path / "plain")
    reader.put("plain/file", b"")
    assert reader.run("remove plain\nx\n", rc=QUIET) == (
        0, LINE, "plain: Invalid argument\n")
    assert reader.get("plain/file") == b""


# ---- how much it takes ----

def test_many_messages(reader):
    """Nobody waits for thousands of headers that nobody sees."""
    reader.put("inbox", message("1", "RO") * 20000)
    status, out, err = reader.run(
        "d 5\nd :n\nsort subject\nd &7\nthread\nq\n", rc=QUIET)
    assert (status, err) == (0, "")
    assert out.startswith('"HOME/inbox": 20000 messages\n')
    assert out.endswith("Held 19998 messages in HOME/inbox\n")
    assert reader.get("inbox") == message("1", "RO") * 19998
