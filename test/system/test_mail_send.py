# SPDX-License-Identifier: ISC
"""Mails that mail(1) sends without a terminal: what sendmail is called with
and what it gets, to the byte where programs with that manner agree on it.

In Heirloom's manner the expected texts are what Heirloom mailx 12.5 wrote for
the same calls; bsd-mailx, s-nail and GNU mail are asked themselves.
"""

import base64
import os
import quopri
import re

import pytest

from lib.mail_home import Home, plain

PLAIN = ("MIME-Version: 1.0",
         "Content-Type: text/plain; charset=us-ascii",
         "Content-Transfer-Encoding: 7bit")
AGENT = "User-Agent: Heirloom mailx 12.5 7/5/10"


def kind(text, encoding):
    return ("MIME-Version: 1.0", f"Content-Type: {text}",
            f"Content-Transfer-Encoding: {encoding}")


QP = kind("text/plain; charset=us-ascii", "quoted-printable")
BINARY = kind("application/octet-stream", "base64")
UTF8 = kind("text/plain; charset=utf-8", "8bit")
LATIN = kind("text/plain; charset=iso-8859-1", "8bit")
MANY = [f"user{i}@example.org" for i in range(1, 10)]

# arguments, text, who sendmail gets, fields between Date and User-Agent,
# fields about the body, the body
HEIRLOOM = [
    ("-s test user@example.org", "hi\n", "user@example.org",
     ["To: user@example.org", "Subject: test"], PLAIN, "hi\n"),
    ("u", "hi\n", "u", ["To: u"], PLAIN, "hi\n"),
    ("-s test -c c@x -b b@x u@x a@x", "hi\n", "a@x b@x c@x u@x",
     ["To: a@x, u@x", "Cc: c@x", "Subject: test"], PLAIN, "hi\n"),
    ("u1 u2 u3", "hi\n", "u1 u2 u3", ["To: u3, u2, u1"], PLAIN, "hi\n"),
    ("-s x a,b c", "hi\n", "a b c", ["To: c, b, a", "Subject: x"], PLAIN,
     "hi\n"),
    ("-s x dup dup DUP dup@x", "hi\n", "dup dup@x",
     ["To: dup@x, DUP, dup, dup", "Subject: x"], PLAIN, "hi\n"),
    ("-s x u", "", "u", ["To: u", "Subject: x"], QP, "=\n"),
    ("-s x u", "no end", "u", ["To: u", "Subject: x"], QP, "no end=\n"),
    ("-s x u", "a\nb", "u", ["To: u", "Subject: x"], QP, "a\nb=\n"),
    ("-s x u", "tab\tff\f\n", "u", ["To: u", "Subject: x"], PLAIN,
     "tab\tff\f\n"),
    ("-s x u", "a\x1b[1mb\n", "u", ["To: u", "Subject: x"], BINARY,
     "YRtbMW1iCg==\n"),
    ("-s x u", "a\0b\n", "u", ["To: u", "Subject: x"], BINARY, "YQBiCg==\n"),
    ("-s x u", "a\r\nb\r\n", "u", ["To: u", "Subject: x"], BINARY,
     "YQ0KYg0K\n"),
    ("-s x u", "x" * 948 + "\n", "u", ["To: u", "Subject: x"], PLAIN,
     "x" * 948 + "\n"),
    ("-s x u", "é\n", "u", ["To: u", "Subject: x"], UTF8, "é\n"),
    ("-S sendcharsets=iso-8859-1,utf-8 -s x u", "é\n", "u",
     ["To: u", "Subject: x"], LATIN, b"\xe9\n"),
    ("-S sendcharsets=iso-8859-1,utf-8 -s x u", "€\n", "u",
     ["To: u", "Subject: x"], UTF8, "€\n"),
    ("-S sendcharsets=iso-8859-1,utf-8 -s Héllo u", "hi\n", "u",
     ["To: u", "Subject: =?iso-8859-1?Q?H=E9llo?="], PLAIN, "hi\n"),
    ("-S encoding=quoted-printable -s x u", "é\n", "u",
     ["To: u", "Subject: x"],
     kind("text/plain; charset=utf-8", "quoted-printable"), "=C3=A9\n"),
    ("-s € u", "hi\n", "u", ["To: u", "Subject: =?utf-8?B?4oKs?="], PLAIN,
     "hi\n"),
    ("-s RE:/it u", "hi\n", "u", ["To: u", "Subject: Re: it"], PLAIN,
     "hi\n"),
    ("-s x -r from@x.org u", "hi\n", "-r from@x.org -- u",
     ["From: from@x.org", "To: u", "Subject: x",
      "Message-ID: <ID%from@x.org>"], PLAIN, "hi\n"),
    ("-s x -v u", "hi\n", "-v -- u", ["To: u", "Subject: x"], PLAIN, "hi\n"),
    ("-S metoo -s x u", "hi\n", "-m -- u", ["To: u", "Subject: x"], PLAIN,
     "hi\n"),
    ("-h 3 -s x u", "hi\n", "-h 3 -- u", ["To: u", "Subject: x"], PLAIN,
     "hi\n"),
    ("-S from=f@x -S replyto=r@x -S sender=s@x u", "hi\n", "u",
     ["From: f@x", "Reply-To: r@x", "Sender: s@x", "To: u",
      "Message-ID: <ID%f@x>"], PLAIN, "hi\n"),
    ("-S hostname=h.org u", "hi\n", "u",
     ["To: u", "Message-ID: <ID@h.org>"], PLAIN, "hi\n"),
    ("-S ORGANIZATION=Acme/Inc -S from=f u", "hi\n", "u",
     ["From: f", "Organization: Acme Inc", "To: u"], PLAIN, "hi\n"),
    ("-S autocc=c@x -S autobcc=b@x u", "hi\n", "b@x c@x u",
     ["To: u", "Cc: c@x"], PLAIN, "hi\n"),
    ("-S bsdcompat -s x -c c u", "hi\n", "c u",
     ["To: u", "Subject: x", "Cc: c"], PLAIN, "hi\n"),
    ("-s x " + " ".join(MANY), "hi\n", " ".join(MANY),
     ["To: user9@example.org, user8@example.org, user7@example.org,\n"
      " user6@example.org, user5@example.org, user4@example.org,\n"
      " user3@example.org, user2@example.org, user1@example.org",
      "Subject: x"], PLAIN, "hi\n"),
    ("-s x u", "~!touch HACKED\n~q\n.\nmore\n", "u",
     ["To: u", "Subject: x"], PLAIN, "~!touch HACKED\n~q\n.\nmore\n"),
    ("-s x team u", "hi\n", "ana bob u", ["To: u, ana, bob", "Subject: x"],
     PLAIN, "hi\n"),
    ("-s x all", "hi\n", "ana bob carl", ["To: carl, ana, bob", "Subject: x"],
     PLAIN, "hi\n"),
    ("-s x \\team", "hi\n", "team", ["To: team", "Subject: x"], PLAIN,
     "hi\n"),
    ("-s x us", "hi\n", "other", ["To: pue, other", "Subject: x"], PLAIN,
     "hi\n"),
    ("-t", "To: a, b\nCc: c\nSubject: s\n\nhi\n", "a b c",
     ["To: b, a", "Cc: c", "Subject: s"], PLAIN, "hi\n"),
    ("-t -s old x", "To: a\nFrom: f@x\n\nhi\n", "a",
     ["From: f@x", "To: a", "Message-ID: <ID%f@x>"], PLAIN, "hi\n"),
]
ALIASES = "alias team ana bob\nalias all carl team\nalias us pue other\n"


def words(text):
    return [w.replace("/", " ") if "=" in w or "RE:" in w else w
            for w in text.split()]


@pytest.mark.parametrize("case", HEIRLOOM, ids=lambda c: c[0][:40])
def test_heirloom(tmp_path, case):
    args, text, people, fields, about_body, body = case
    home = Home(tmp_path / "h", rc="unset bsdcompat\n" + ALIASES)
    code, _, err = home.run("-n", *words(args), stdin=text)
    assert (code, err) == (0, "")
    sent = home.mails()
    assert len(sent) == 1
    options, dashes, rest = people.rpartition("-- ")
    assert sent[0].args == ["-i", *options.split(), "--", *rest.split()]
    ends = [f for f in fields if f.startswith("Message-ID")]
    fields = [f for f in fields if f not in ends]
    want = "\n".join(["Date: D", *fields, *ends, "User-Agent: U",
                      *about_body, "", ""]).encode()
    want += body if isinstance(body, bytes) else body.encode()
    assert plain(sent[0].content) == want
    assert AGENT.encode() in sent[0].content
    assert not (home.path / "HACKED").exists()


def test_long_lines(tmp_path):
    home = Home(tmp_path / "h")
    for text in ("x" * 949 + "\n", "ü" * 3000 + "\n" + "y" * 20):
        assert home.run("-n", "-s", "x", "u", stdin=text)[0] == 0
        content = home.mails()[-1].content
        assert b"quoted-printable" in content
        assert max(map(len, content.split(b"\n"))) <= 76
        body = content.partition(b"\n\n")[2]
        assert quopri.decodestring(body).decode() == text


def test_long_subject(tmp_path):
    home = Home(tmp_path / "h")
    for subject in ("word " * 60, "wörter " * 60, "x" * 500, "ß" * 500):
        assert home.run("-n", "-s", subject, "u", stdin="hi\n")[0] == 0
        mail = home.mails()[-1]
        assert str(mail.mail["Subject"]) == subject.strip()
    for line in home.mails()[1].content.split(b"\n"):
        assert len(line) <= 78


NAMES = [
    ("Foo Bár <foo@x.org>", "Foo Bár", "foo@x.org"),
    ("foo@x.org (Foo Bár)", "Foo Bár", "foo@x.org"),
    ('"Bár, Foo \\"F\\"" <foo@x.org>', 'Bár, Foo "F"', "foo@x.org"),
    ("=?iso-8859-1?Q?B=E1r?= <foo@x.org>", "Bár", "foo@x.org"),
]


@pytest.mark.parametrize("typed,name,address", NAMES)
def test_names(tmp_path, typed, name, address):
    home = Home(tmp_path / "h")
    assert home.run("-n", "-s", "x", typed, "z@y", stdin="hi\n")[0] == 0
    mail = home.mails()[0]
    people = {a.addr_spec: a.display_name for a in mail.mail["To"].addresses}
    assert people == {address: name, "z@y": ""}
    assert mail.content.isascii()
    assert mail.recipients() == [address, "z@y"]


# ---- files ----

FILES = {
    "plain.txt": b"text\n",
    "end.txt": b"no end",
    "empty.txt": b"",
    "from.txt": b"From here\n>From there\n.\n\nFrom\n",
    "dos.txt": b"a\r\nb\r\n",
    "cr.txt": b"a\rb\n\r",
    "utf8.txt": "ünïcödé €\n".encode(),
    "latin1.txt": b"\xe9t\xe9\n",
    "nul.txt": b"a\0b\n",
    "long.txt": b"x" * 5000 + b"\n",
    "blank.txt": b"blank \nat\t\nend   ",
    "all.bin": bytes(range(256)) * 9,
    "page.html": b"<p>x</p>\n",
    "x.pdf": b"%PDF-1.4\n",
    "no-extension": b"#!/bin/sh\n",
    "equals.txt": b"=20=\n=\n==3D\n",
}
ODD_NAMES = [
    "with blank.txt", "quote\".txt", "back\\slash.txt", "semi;colon.txt",
    "ünï.txt", "日本語の名前.pdf", "per%cent'apos*.txt", "x" * 200 + ".txt",
    "ñ" * 100 + ".bin", "tab\there.txt", "new\nline.txt", "|pipe", "-dash",
    "=?utf-8?Q?fake?=.txt", "(paren)", "a@b", "trailing.", ".hidden",
]


def test_files_round_trip(tmp_path):
    home = Home(tmp_path / "h")
    args = []
    for name, content in FILES.items():
        (home.path / name).write_bytes(content)
        args += ["-a", name]
    code, out, err = home.run("-n", "-s", "x", *args, "u", stdin="body\n")
    assert (code, out, err) == (0, "", "")
    mail = home.mails()[0]
    assert dict(mail.files()) == FILES
    assert [n for n, _ in mail.files()] == list(FILES)
    types = {p.get_filename(): p.get_content_type() for p in mail.mail.walk()}
    assert types["x.pdf"] == "application/pdf"
    assert types["page.html"] == "text/html"
    assert types["plain.txt"] == "text/plain"
    assert types["all.bin"] == "application/octet-stream"
    assert types["no-extension"] == "text/plain"
    assert mail.mail.get_body().get_content() == "body\n"
    assert mail.content.isascii()


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda n: ascii(n)[:30])
def test_odd_names(tmp_path, name):
    home = Home(tmp_path / "h")
    (home.path / name).write_bytes(b"\0content")
    code, _, err = home.run(
        "-n", "-s", "x", "-a", f"./{name}", "u", stdin="")
    assert (code, err) == (0, "")
    mail = home.mails()[0]
    got = mail.files()[0]
    assert got[1] == b"\0content"
    assert got[0] == name
    assert max(map(len, mail.content.split(b"\n"))) <= 78


def test_files_only(tmp_path):
    home = Home(tmp_path / "h")
    (home.path / "f").write_text("x\n")
    assert home.run("-n", "-s", "x", "-a", "f", "u")[0] == 0
    assert plain(home.mails()[0].content).endswith(b"""
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="BOUNDARY"

This is a multi-part message in MIME format.

--BOUNDARY
Content-Type: text/plain;
 charset=us-ascii
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment;
 filename="f"

x

--BOUNDARY--
""")


def test_mime_types_of_the_user(tmp_path):
    home = Home(tmp_path / "h")
    (home.path / ".mime.types").write_text("text/x-mine foo bar\n")
    (home.path / "a.bar").write_text("x\n")
    assert home.run("-n", "-a", "a.bar", "u", stdin="x\n")[0] == 0
    types = [p.get_content_type() for p in home.mails()[0].mail.walk()]
    assert types == ["multipart/mixed", "text/plain", "text/x-mine"]


def test_no_such_file(tmp_path):
    home = Home(tmp_path / "h")
    code, _, err = home.run("-n", "-a", "missing", "u", stdin="x\n")
    assert code == 1
    assert err == "missing: No such file or directory\n"
    code, _, err = home.run("-n", "-a", ".", "u", stdin="x\n")
    assert (code, err) == (1, ".: Is a directory\n")
    assert home.mails() == []


def test_a_field_or_a_file(tmp_path):
    home = Home(tmp_path / "h")
    assert home.run("-n", "-a", "X-Foo: bar", "u", stdin="x\n")[0] == 0
    (home.path / "X-Foo: bar").write_text("file\n")
    assert home.run("-n", "-a", "X-Foo: bar", "u", stdin="x\n")[0] == 0
    first, second = home.mails()
    assert (first.mail["X-Foo"], first.files()) == ("bar", [])
    assert second.mail["X-Foo"] is None
    assert second.files() == [("X-Foo: bar", b"file\n")]


def test_html_by_field(tmp_path):
    home = Home(tmp_path / "h")
    (home.path / "f").write_text("x\n")
    for more in ([], ["-a", "f"]):
        assert home.run("-n", "-C", "Content-Type: text/html", *more, "u",
                        stdin="<p>x\n")[0] == 0
    one, two = home.mails()
    assert one.mail.get_content_type() == "text/html"
    assert [p.get_content_type() for p in two.mail.walk()] == [
        "multipart/mixed", "text/html", "text/plain"]
    assert len(one.mail.get_all("Content-Type")) == 1


# ---- copies ----

def test_record(tmp_path):
    home = Home(tmp_path / "h", rc="set record=~/sent.mbox\n")
    for n in (1, 2):
        assert home.run("-n", "-s", f"n{n}", "-b", "blind@x", "u",
                        stdin="From x\n")[0] == 0
    text = (home.path / "sent.mbox").read_text()
    assert len(re.findall("(?m)^From pue ", text)) == 2
    assert text.count("Bcc: blind@x\n") == 2
    assert text.count("\n>From x\n\n") == 2
    assert home.mails()[0].mail["Bcc"] is None


def test_record_is_what_was_sent(tmp_path):
    """With the blind copies, and without a difference beyond them."""
    home = Home(tmp_path / "h", rc="set record=~/sent.mbox hostname=h.x\n")
    (home.path / "f").write_text("file\n")
    assert home.run("-n", "-s", "x", "-a", "f", "-c", "c@x", "-b",
                    "b@x", "u", stdin="text\n")[0] == 0
    copy = (home.path / "sent.mbox").read_bytes()
    ours = copy.split(b"\n", 1)[1].removesuffix(b"\n")
    sent, = home.mails()
    assert b"Message-ID: <" in sent.content and b"boundary=" in sent.content
    assert ours.replace(b"\nBcc: b@x\n", b"\n", 1) == sent.content
    assert ours != sent.content


def test_a_dead_letter_knows_who_was_to_get_it(tmp_path):
    home = Home(tmp_path / "h", exit_code=1)
    assert home.run("-n", "-b", "b@x", "u", stdin="text\n")[0] == 1
    assert "\nBcc: b@x\n" in home.dead.read_text()


def test_outfolder(tmp_path):
    home = Home(tmp_path / "h", rc="set folder=~/mail outfolder record=out\n")
    (home.path / "mail").mkdir()
    assert home.run("-n", "-s", "x", "u", stdin="x\n")[0] == 0
    assert home.subjects(home.path / "mail" / "out") == ["x"]


def test_record_by_name(tmp_path):
    home = Home(tmp_path / "h")
    for address in ("ana@x.org", "../../up@x.org", "-rf@x", "a/b@x"):
        code, _, _ = home.run("-n", "-F", "-s", "x", "--", address,
                              stdin="x\n")
        assert code == (1 if address == "-rf@x" else 0)
    names = {p.name for p in home.path.iterdir()}
    assert {"ana", "_._.._up", "a_b"} <= names or \
        {"ana", "_.._.._up", "a_b"} <= names, names
    assert not (tmp_path / "up").exists()


def test_record_fails(tmp_path):
    home = Home(tmp_path / "h", rc="set record=/nonexistent/x\n")
    code, out, err = home.run("-n", "-s", "x", "u", stdin="x\n")
    assert code == 1
    assert "Error while saving message to /nonexistent/x - message not " \
        "sent\n. . . message not sent.\n" in err
    assert "dead.letter" in out
    assert home.mails() == []


def test_signature(tmp_path):
    home = Home(tmp_path / "h", rc="set signature=~/sig\n")
    (home.path / "sig").write_text("-- \nPue")
    assert home.run("-n", "u", stdin="x\n")[0] == 0
    assert home.mails()[0].text() == "x\n-- \nPue\n"
    (home.path / "sig").unlink()
    code, _, err = home.run("-n", "u", stdin="x\n")
    assert code == 0 and "sig: No such file or directory" in err


# ---- what goes wrong ----

def test_no_sendmail(tmp_path):
    home = Home(tmp_path / "h")
    home.env["sendmail"] = "/nonexistent/sendmail"
    code, out, err = home.run("-n", "-s", "x", "u", stdin="a\nb\n")
    dead = home.dead.read_bytes()
    assert code == 1
    assert err == ("/nonexistent/sendmail: No such file or directory\n"
                   ". . . message not sent.\n")
    assert out == f'"{home.dead}" 10/{len(dead)}\n'
    assert plain(dead).startswith(b"Date: D\nTo: u\nSubject: x\n")
    assert dead.endswith(b"\n\na\nb\n")
    assert home.dead.stat().st_mode & 0o777 == 0o600
    home.run("-n", "-s", "x", "u", stdin="a\nb\n")
    assert len(home.dead.read_bytes()) == 2 * len(dead)


def test_sendmail_fails(tmp_path):
    home = Home(tmp_path / "h", exit_code=75)
    code, out, err = home.run("-n", "-s", "x", "u", stdin="a\n")
    assert (code, err) == (1, ". . . message not sent.\n")
    assert home.dead.read_text() in home.mails()[0].content.decode()
    assert out.startswith(f'"{home.dead}" 9/')


def test_no_room_for_dead_letters(tmp_path):
    """Better anywhere than nowhere."""
    home = Home(tmp_path / "h", exit_code=75)
    (home.path / "tmp").mkdir()
    home.env.update(DEAD="/dev/full", TMPDIR=str(home.path / "tmp"))
    code, out, err = home.run("-n", "-s", "x", "u", stdin="a\n")
    left, = (home.path / "tmp").iterdir()
    assert code == 1
    assert err == ("/dev/full: No space left on device\n"
                   ". . . message not sent.\n")
    assert out.startswith(f'"{left}" ')
    assert left.read_text() in home.mails()[0].content.decode()
    assert left.stat().st_mode & 0o777 == 0o600


def test_nobody_reads_dead_letters(tmp_path):
    """From a pipe: that would be no reason to wait for somebody."""
    home = Home(tmp_path / "h", exit_code=75)
    (home.path / "tmp").mkdir()
    os.mkfifo(home.dead)
    home.env["TMPDIR"] = str(home.path / "tmp")
    code, _, err = home.run("-n", "-s", "x", "u", stdin="a\n")
    assert code == 1 and "dead.letter: No such device" in err
    assert len(list((home.path / "tmp").iterdir())) == 1


def test_smtp_is_said_once(tmp_path):
    home = Home(tmp_path / "h", rc="set smtp=mail.example.org\n")
    code, _, err = home.run("-n", "u", stdin="x\n")
    assert code == 0
    assert err.count("smtp: ") == 1 and "relayhost" in err
    assert len(home.mails()) == 1


def test_debug(tmp_path):
    home = Home(tmp_path / "h", rc="set record=~/sent.mbox expandaddr\n")
    code, out, _ = home.run("-n", "-d", "b", f"{home.path}/f", stdin="x\n")
    assert code == 0
    assert out == 'Sendmail arguments: "send-mail" "-i" "--" "b"\n'
    assert home.mails() == [] and not (home.path / "sent.mbox").exists()
    assert not (home.path / "f").exists()


REFUSED = [
    ("|touch HACKED", "a program is no address"),
    ("/tmp/HACKED", "a file is no address"),
    ("./HACKED", "a file is no address"),
    ("+HACKED", "a file is no address"),
    ("~/HACKED", "a file is no address"),
    ("Foo <|touch HACKED>", "a program is no address"),
    ("-oX/tmp/HACKED", 'an address cannot begin with "-"'),
    ("Foo <-bs>", 'an address cannot begin with "-"'),
    ("a\nBcc: evil@x", "contains invalid character"),
    ("<a\rb@x>", "contains invalid character"),
    ("a@@b", "contains invalid @@ sequence"),
    ("a;b", "contains invalid character ';'"),
    ("bad", "a program is no address"),
    ("worse", 'an address cannot begin with "-"'),
]
BAD_ALIASES = "alias bad '|touch HACKED'\nalias worse -oX\n"


@pytest.mark.parametrize("address,why", REFUSED, ids=lambda a: ascii(a)[:30])
def test_refused(tmp_path, address, why):
    home = Home(tmp_path / "h", rc=BAD_ALIASES)
    code, out, err = home.run("-n", "-s", "x", "--", address, stdin="x\n")
    assert code == 1
    assert why in err
    assert out.startswith("No recipients specified\n")
    assert home.mails() == []
    # The others get it, and it still counts.
    code, _, err = home.run(
        "-n", "-s", "x", "--", address, "good@x", stdin="x\n")
    assert code == 1 and why in err
    assert home.mails()[-1].args[-1] == "good@x"
    assert not list(tmp_path.glob("**/HACKED"))


def test_aliases_that_never_end(tmp_path):
    rc = "alias a b b\nalias b a a\n" + "".join(
        f"alias n{i} {' '.join([f'n{i + 1}'] * 10)}\n" for i in range(20))
    home = Home(tmp_path / "h", rc=rc)
    for name, why in (("a", "to depth larger"), ("n0", "recipients")):
        code, _, err = home.run("-n", name, stdin="x\n")
        assert code == 1 and why in err


def test_expandaddr(tmp_path):
    home = Home(tmp_path / "h", rc="set expandaddr\n")
    code, _, err = home.run(
        "-n", "-s", "x", f"{home.path}/copy", "|cat > piped", "u",
        stdin="hi\n")
    assert (code, err) == (0, "")
    assert home.subjects(home.path / "copy") == ["x"]
    assert (home.path / "piped").read_bytes().endswith(b"\n\nhi\n")
    assert home.mails()[0].args == ["-i", "--", "u"]
    assert "copy" not in str(home.mails()[0].mail["To"])


HEADERS = [
    ["-s", "x\nBcc: evil@x"], ["-s", "x\r\n\r\nbody"],
    ["-S", "from=a@x\nBcc: evil@x"], ["-S", "replyto=a@x\nX: y"],
    ["-S", "ORGANIZATION=a\nBcc: evil@x"], ["-S", "hostname=a\nBcc: evil@x"],
    ["-r", "a@x\nBcc: evil@x"], ["-C", "X: y\nBcc: evil@x"],
]


@pytest.mark.parametrize("manner", ["heirloom", "bsd", "gnu"])
@pytest.mark.parametrize("args", HEADERS, ids=lambda a: ascii(a[1]))
def test_no_new_fields(tmp_path, args, manner):
    if manner == "bsd" and args[0] in ("-S", "-C"):
        pytest.skip("bsd-mailx has no such option")
    if manner == "gnu" and args[0] == "-C":
        pytest.skip("GNU mail has no such option")
    home = Home(tmp_path / "h")
    home.run("-n", *args, "u", stdin="hi\n", mail_personality=manner)
    for sent in home.mails():
        assert sent.mail["Bcc"] is None and sent.mail["X"] is None
        assert "evil@x" not in sent.recipients()
        assert sent.text() == "hi\n"


def test_bsd_text_that_smtp_cannot_carry(tmp_path):
    home = Home(tmp_path / "h")
    for text in ("a\0b\n", "x" * 5000 + "\n", "a\rb\n"):
        assert home.run("-n", "u", stdin=text, mail_personality="bsd")[0] == 0
        mail = home.mails()[-1].mail
        assert mail.get_payload(decode=True).decode() == text


def test_large(tmp_path):
    home = Home(tmp_path / "h")
    text = b"a line of text, not too long\n" * 300000
    (home.path / "f").write_bytes(bytes(range(256)) * 20000)
    assert home.run("-n", "-a", "f", "u", stdin=text)[0] == 0
    mail = home.mails()[0]
    assert text in mail.content
    part = mail.content.rsplit(b"\n\n", 2)[1]
    assert base64.b64decode(part) == (home.path / "f").read_bytes()
