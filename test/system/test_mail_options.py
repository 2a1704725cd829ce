# SPDX-License-Identifier: ISC
"""mail(1) and the mailx of others, called in the same ways: what is sent, to
whom, what stays in mailboxes, and how it ends."""

import shutil

import pytest

from lib.mail_home import MAILX, Home, message

TEXT = "Hello\nand bye\n"

# Words after the program, and standard input. PATH in a word is the home.
SENDING = [
    (["pue"], TEXT),
    (["a@x", "b@x"], TEXT),
    (["-s", "one", "a@x"], TEXT),
    (["-sone", "a@x"], TEXT),
    (["-s", "", "a@x"], TEXT),
    (["-s", "two words", "a@x"], TEXT),
    (["-s", "Grüße", "a@x"], "Käse\n"),
    (["-s", "x" * 300, "a@x"], TEXT),
    (["-s", "first", "-s", "last", "a@x"], TEXT),
    (["-s", "x", "Eve Adams <eve@x>"], TEXT),
    (["-s", "x", "eve@x (Eve Adams)"], TEXT),
    (["-c", "c@x", "a@x"], TEXT),
    (["-b", "b@x", "a@x"], TEXT),
    (["-c", "c@x", "-b", "b@x", "-s", "x", "a@x"], TEXT),
    (["-c", "c@x", "-c", "d@x", "a@x"], TEXT),
    (["-b", "b@x", "-b", "e@x", "a@x"], TEXT),
    (["-r", "me@x", "a@x"], TEXT),
    (["-r", "me@x", "-s", "x", "-c", "c@x", "a@x"], TEXT),
    (["-i", "a@x"], TEXT),
    (["-v", "a@x"], TEXT),
    (["-n", "-s", "x", "a@x"], TEXT),
    (["-E", "-s", "x", "a@x"], ""),
    (["-E", "-s", "x", "a@x"], TEXT),
    (["-s", "x", "a@x"], ""),
    # The text is not obeyed.
    (["a@x"], "~s no\n~!touch PATH/bad\n.\nmore\n"),
    (["a@x"], "From here\n.\n"),
    (["a@x"], "no end of line"),
    (["a@x"], "long " * 400 + "\n"),
    (["a@x"], "\n\n\n"),
    (["a@x"], "tab\there\n"),
    (["team"], TEXT),
    (["team", "d@x"], TEXT),
    (["-c", "team", "a@x"], TEXT),
    (["nested"], TEXT),
    # Wrong.
    (["-Q"], ""),
    (["-s"], ""),
    (["-s", "x"], ""),
    (["-c", "c@x"], ""),
    (["-f", "a", "b"], ""),
]
ONLY_BSD = [
    (["-s", "x", "--", "a@x", "b@x"], TEXT),
    (["--", "a@x"], TEXT),
    (["a@x", "a@x"], TEXT),
    (["-c", "c@x,d@x", "a@x"], TEXT),
    (["-a", "X-Loop: here", "a@x"], TEXT),
    (["-a", "X-A: b", "-a", "X-C: d", "a@x"], TEXT),
    (["-s", "x", "a@x,b@x"], TEXT),
    (["-I", "a@x"], TEXT),
    (["-dE", "-s", "x"], ""),
    (["-s", "x", "a@x", "-c", "c@x"], TEXT),
    (["-a", "Reply-To: r@x", "-s", "x", "a@x"], TEXT),
    (["-u"], ""),
    (["-V"], ""),
    (["-A", "x", "a@x"], ""),
]
ONLY_S_NAIL = [
    (["-a", "PATH/note.txt", "a@x"], TEXT),
    (["-a", "PATH/note.txt", "-a", "PATH/Ä b.bin", "-s", "x", "a@x"], TEXT),
    (["-a", "PATH/missing", "a@x"], TEXT),
    (["-q", "PATH/note.txt", "a@x"], TEXT),
    (["-m", "PATH/note.txt", "a@x"], ""),
    (["-C", "X-Loop: here", "a@x"], TEXT),
    (["-t"], "To: a@x\nCc: c@x\nSubject: templ\n\nText\n"),
    (["-t"], "To: a@x\nBcc: b@x\nSubject: templ\n\nText\n"),
    (["-T", "cc: c@x", "-s", "x", "a@x"], TEXT),
    (["-S", "from=me@x", "-s", "x", "a@x"], TEXT),
    (["-S", "replyto=r@x", "a@x"], TEXT),
    (["-S", "autobcc=b@x", "a@x"], TEXT),
    (["-A", "work", "a@x"], TEXT),
    (["-A", "nobody", "a@x"], TEXT),
    (["-X", "set replyto=r@x", "a@x"], TEXT),
    (["-#", "-Q"], ""),
]

# Options, standard input; against a mailbox of four, of which one was read.
READING = [
    (["-e"], ""),
    (["-H"], ""),
    (["-N"], ""),
    (["-N"], "x\n"),
    (["-N"], "q\n"),
    (["-N"], "d 1\nq\n"),
    (["-N"], "d 1-2\nx\n"),
    (["-N"], "d *\nq\n"),
    (["-N"], "d 1 3\nq\n"),
    (["-N"], "d $\nq\n"),
    (["-N"], "d ^\nq\n"),
    (["-N"], "d /test 3\nq\n"),
    (["-N"], "d :o\nq\n"),
    (["-N"], "d :n\nq\n"),
    (["-N"], "d 3-9\nq\n"),
    (["-N"], "d 9\nq\n"),
    (["-N"], "d 0\nq\n"),
    (["-N"], "s 1 PATH/out\nq\n"),
    (["-N"], "co 1 PATH/out\nq\n"),
    (["-N"], "co 1-3 PATH/out\nq\n"),
    (["-N"], "s 2 PATH/out\ns 3 PATH/out\nq\n"),
    (["-N"], "s * PATH/out\nx\n"),
    (["-N"], "dp\nq\n"),
    (["-N"], "dt\nq\n"),
    (["-N"], "mb 1\nq\n"),
    (["-N"], "ho 1\nq\n"),
    (["-N"], "touch 1\nq\n"),
    (["-N"], "n\nn\nd\nq\n"),
    (["-N"], "xyzzy\nd 1\nq\n"),
    (["-N"], "# d 1\nq\n"),
    (["-N"], "d1\nq\n"),
    (["-N"], "d 1"),
    (["-N"], "set autoprint\nd 1\nd\nq\n"),
    (["-N", "-f", "PATH/box"], "d 1\nq\n"),
    (["-N", "-f", "PATH/none"], "q\n"),
    (["-N", "-f"], "d 1\nq\n"),
    (["-N"], "unset hold\nq\n"),
    (["-N"], "unset hold\ntype 2\nq\n"),
    (["-N"], "pre 1\nd 1\nq\n"),
    (["-N"], "source PATH/cmds\nq\n"),
    (["-N"], "if r\nd 1\nelse\nd 2\nendif\nq\n"),
    (["-N"], "if s\nd 1\nelse\nd 2\nendif\nq\n"),
    (["-N"], "!echo x >PATH/made\nq\n"),
    (["-N"], "| wc\nq\n"),
    (["-N"], "cd PATH/dir\nco 1 here\nq\n"),
    (["-N"], "file PATH/other\nd 1\nq\n"),
    (["-N"], "ex\n"),
    (["-N"], "u 1\nq\n"),
]

# s-nail stops at the first mistake, or counts on from another message, when
# nobody sits there.
READING_ONLY_BSD = [
    (["-N"], "d 2\nu 2\nq\n"),
    (["-N"], "1\n\n\nd\nq\n"),
    (["-N"], "2\nd\nd\nq\n"),
    (["-N"], "3\nd -\nq\n"),
    (["-N"], "3\nd +\nq\n"),
    (["-N"], "4\n+\nd\nq\n"),
    (["-f", "PATH/box", "-N"], "d 2\nq\n"),
    (["-N"], "r 1\nmy answer\n.\nq\n"),
    (["-N"], "R 1\nmy answer\n.\nq\n"),
    (["-N"], "m e@x\nhello\n.\nq\n"),
    (["-N"], "alias z z1@x z2@x\nm z\nhello\n.\nq\n"),
    (["-N"], "file PATH/none\nd 1\nq\n"),
]

RC = """set hold append dot
alias team t1@x t2@x
alias nested team n@x
"""


def places(words, path):
    return [w.replace("PATH", str(path)) for w in words]


def make_home(path, rc):
    """The files that the calls name."""
    home = Home(path, rc)
    home.fill(message(1), message(2), message(3, status="RO"), message(4))
    (path / "note.txt").write_text("a note\n")
    (path / "Ä b.bin").write_bytes(bytes(range(256)))
    (path / "cmds").write_text("d 2\n")
    (path / "other").write_text(message(7) + message(8))
    (path / "mbox").write_text(message(11) + message(12))
    (path / "dir").mkdir()
    return home


def sent(home):
    """What matters of the mails, whatever their layout."""
    return [{
        "to whom": one.recipients(), "sender": one.sender(),
        "To": one.addresses("To"), "Cc": one.addresses("Cc"),
        "Reply-To": one.addresses("Reply-To"),
        "Subject": str(one.mail["Subject"] or "").strip(),
        "fields": sorted((k, str(v)) for k, v in one.mail.items()
                         if k.startswith("X-")),
        "text": one.text().rstrip("\n"), "files": one.files(),
    } for one in home.mails()]


def kept(home):
    """The files, by the subjects in them."""
    found = {}
    for name in ("box", "mbox", "out", "other", "dir/here"):
        found[name] = home.subjects(home.path / name)
    for name in ("text", "bad", "made"):
        path = home.path / name
        found[name] = path.read_text() if path.exists() else None
    return found


def outcome(path, program, words, stdin, *, rc):
    home = make_home(path, rc.format(home=path))
    code, _, _ = home.run(*places(words, path), program=program,
                          stdin=places([stdin], path)[0])
    return {"code": code, "sent": sent(home), "kept": kept(home)}


def compare(tmp_path, peer, cases, *, rc, exact):
    """All cases with both; what differs is shown together."""
    different = []
    assert cases
    ours = tmp_path / peer
    ours.symlink_to(MAILX)
    for n, (words, stdin) in enumerate(cases):
        words = ["-n", *words]
        theirs = outcome(tmp_path / f"{n}.peer", shutil.which(peer), words,
                         stdin, rc=rc)
        mine = outcome(tmp_path / f"{n}.mine", str(ours), words, stdin, rc=rc)
        if not exact:
            theirs["code"] = bool(theirs["code"])
            mine["code"] = bool(mine["code"])
        for key in theirs:
            theirs_plain = str(theirs[key]).replace(f"{n}.peer", "HOME")
            mine_plain = str(mine[key]).replace(f"{n}.mine", "HOME")
            if theirs_plain != mine_plain:
                different.append(f"{words} {stdin[:60]!r}: {key}\n"
                                 f"  theirs {theirs_plain[:600]}\n"
                                 f"  ours   {mine_plain[:600]}")
    assert not different, "\n".join(different)


@pytest.mark.program("bsd-mailx")
def test_sending_as_bsd_mailx(tmp_path):
    compare(tmp_path, "bsd-mailx", SENDING + ONLY_BSD, exact=True,
            rc=RC + "set sendmail={home}/sendmail\n")


@pytest.mark.program("s-nail")
def test_sending_as_s_nail(tmp_path):
    compare(tmp_path, "s-nail", SENDING + ONLY_S_NAIL, exact=False,
            rc=RC + "set mta={home}/sendmail\n"
            "account work {{\nset replyto=work@x\n}}\n")


@pytest.mark.program("bsd-mailx")
def test_reading_as_bsd_mailx(tmp_path):
    compare(tmp_path, "bsd-mailx", READING + READING_ONLY_BSD, exact=True,
            rc=RC + "set sendmail={home}/sendmail\n")


@pytest.mark.program("s-nail")
def test_reading_as_s_nail(tmp_path):
    compare(tmp_path, "s-nail", READING, exact=False,
            rc=RC + "set mta={home}/sendmail\n")
