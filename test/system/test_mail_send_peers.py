# SPDX-License-Identifier: ISC
"""The same calls of mail(1), in each of its manners, and of the program that
has the manner by nature: bsd-mailx to the byte, GNU mail and s-nail in what
people and programs see of the mail."""

import pytest

from lib.mail_home import Home, plain

TEXTS = ["hi\n", "two\nlines\n", "é ü €\n"]
BSD = [(args, text) for text in TEXTS for args in (
    ["-s", "test", "user@example.org"],
    ["-s", "test", "-c", "c@x", "-b", "b@x", "u@x", "a@x"],
    ["u1", "u2", "-s", "behind"],
    ["-s", "x", "-a", "X-Foo: bar", "-c", "z", "u"],
    ["-s", "x", "-a", "Content-Type: text/html", "u"],
    ["-s", "x", "-a", "Reply-To: r@x", "-a", "Cc: c@x", "u"],
    ["-r", "from@x.org", "-s", "x", "u"],
    ["-v", "-s", "x", "u"],
    ["-s", "x", "dup", "dup", "other"],
)] + [(["-s", "x", "u"], ""), (["u"], ""), (["u"], "no end"),
      (["-s", "a\nBcc: evil@x", "u"], "hi\n"),
      (["-E", "-s", "x", "u"], ""), (["-E", "-s", "x", "u"], "hi\n")]


def run_both(tmp_path, program, manner, args, text, rc=""):
    """The peer's result and ours."""
    results = []
    for name in ("peer", "ours"):
        home = Home(tmp_path / name, rc=rc)
        home.rc.write_text(rc + f"set sendmail={home.sendmail}\n")
        home.env.pop("sendmail")
        if name == "peer":
            out = home.run(
                *program[1:], *args, stdin=text, program=program[0])
        else:
            out = home.run("-n", *args, stdin=text, mail_personality=manner)
        results.append((home, out))
    return results


@pytest.mark.program("bsd-mailx")
@pytest.mark.parametrize("args,text", BSD, ids=lambda a: " ".join(a)[:40])
def test_bsd(tmp_path, args, text):
    (peer, theirs), (home, ours) = run_both(
        tmp_path, ["/usr/bin/bsd-mailx", "-n"], "bsd", args, text)
    assert ours == theirs
    want, got = peer.mails(), home.mails()
    assert len(got) == len(want)
    for a, b in zip(want, got):
        assert b.args == a.args
        assert plain(b.content) == plain(a.content)


GNU = [(args, text) for text in TEXTS for args in (
    ["-s", "test", "user@example.org"],
    ["u1@x", "u2@x", "-s", "behind"],
    ["-s", "x", "-a", "X-Foo: bar", "u@x"],
    ["-s", "x", "-a", "Cc: c@x", "u@x"],
    ["-a", "Subject: given", "u@x"],
    ["-s", "x", "-r", "f@x", "u@x"],
    ["-s", "x", "-A", "FILE", "u@x"],
    ["-s", "x", "Foo Bar <foo@x.org>, b@y.org"],
)]


def essence(sent):
    """What people and programs see of a mail."""
    part = sent.mail.get_body(("plain",)) or sent.mail
    text = part.get_payload(decode=True).decode(
        part.get_content_charset() or "utf-8")
    return (sent.recipients(), str(sent.mail["Subject"]),
            sent.addresses("To"), sent.addresses("Cc"),
            sent.mail["X-Foo"], text.rstrip("\n"), sent.files())


def with_file(args, tmp_path):
    path = tmp_path / "file.dat"
    path.write_bytes(bytes(range(256)))
    return [str(path) if a == "FILE" else a for a in args]


@pytest.mark.program("mail.mailutils")
@pytest.mark.parametrize("args,text", GNU, ids=lambda a: " ".join(a)[:40])
def test_gnu(tmp_path, args, text):
    args = with_file(args, tmp_path)
    sendmail = tmp_path / "peer" / "sendmail"
    (peer, _), (home, ours) = run_both(
        tmp_path, ["/usr/bin/mail.mailutils", "--no-config", "-E",
                   f"set sendmail=sendmail:{sendmail}"], "gnu", args, text)
    assert ours[0] == 0, ours
    want, got = peer.mails(), home.mails()
    assert [essence(s) for s in got] == [essence(s) for s in want]
    if "-r" in args:
        assert got[0].sender() == want[0].sender()


NAIL = [(args, text) for text in TEXTS for args in (
    ["-s", "test", "user@example.org"],
    ["-s", "test", "-c", "c@x", "-b", "b@x", "u@x", "a@x"],
    ["-s", "x", "-a", "FILE", "u@x"],
    ["-s", "x", "-r", "f@x", "u@x"],
    ["-s", "subjekt ä", "u@x"],
    ["-s", "x", "-S", "replyto=r@x", "u@x"],
)] + [(["-t"], "To: a@x, b@x\nCc: c@x\nSubject: s\n\nhi\n"),
      (["-E", "-s", "x", "u@x"], ""), (["-s", "x", "u@x"], "~!touch x\n")]


@pytest.mark.program("s-nail")
@pytest.mark.parametrize("args,text", NAIL, ids=lambda a: " ".join(a)[:40])
def test_s_nail(tmp_path, args, text):
    args = with_file(args, tmp_path)
    sendmail = tmp_path / "peer" / "sendmail"
    (peer, _), (home, ours) = run_both(
        tmp_path, ["/usr/bin/s-nail", "-:/", "-S", f"mta={sendmail}",
                   "-S", "sendwait"], "heirloom", args, text)
    assert ours[0] == 0, ours
    want, got = peer.mails(), home.mails()
    assert [essence(s) for s in got] == [essence(s) for s in want]
    for a, b in zip(want, got):
        assert b.sender() == a.sender()
        assert b.mail["Reply-To"] == a.mail["Reply-To"]
        assert b.mail["Bcc"] is None
