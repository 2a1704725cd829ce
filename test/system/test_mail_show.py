# SPDX-License-Identifier: ISC
"""mail: summaries and messages on the screen, attachments in files."""

import base64
import contextlib
import re
import time

import pytest

from lib import mail_home

FROM = "From ana@x.org  Wed Feb 19 05:10:35 2020\n"
ESCAPES = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")

PLAIN = """Return-Path: <ana@x.org>
Received: by a
\tid 5; now
From: Ana Paz <ana@x.org>
To: u@y,
  v@y
Subject: plain
Message-Id: <1@x>
Status: RO

Hello
>From me
"""
ENCODED = """From: =?utf-8?q?Jos=C3=A9?= <jose@x.org>
Subject: =?utf-8?b?w6HDqcOt?= =?iso-8859-1?q?=F1o?= x
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

se=F1or=
 es
"""
MIXED = """From: b@x.org
Subject: mixed
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

text one

--b
Content-Type: application/pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="../x.pdf"

AAECAw==

--b
Content-Type: text/html

<p>Hi <a href="http://x.org/">there</a>
--b--
"""
MINE = """From: pue
To: Bob <bob@x.org>, c@x
Subject: a very long subject that goes on and on and on and on and does not fit
X-Status: A
Status: RO

x
"""
WIDE = """From: =?utf-8?b?5bGx55Sw5aSq6YOO5bGx55Sw5aSq6YOO?= <y@x.org>
Subject: =?utf-8?b?5bGx55Sw?=

x
"""
HOSTILE = """From: "\x1b]0;x\x07" <e@x.org>
Subject: \x1b[2J =?utf-8?q?=1B[1m=C2=9B2J?= \xe2\x80\xae

\x1b[2J\x9b2J\xc2\x9b2J\x00\x7f
"""


class Reader(mail_home.Home):
    """mail(1) upon a folder of these messages."""

    def __init__(self, place):
        super().__init__(place)
        self.env.update(MAILRC="/dev/null", TERM="dumb")
        del self.env["NO_COLOR"]

    def fill(self, *messages):
        data = b"".join((FROM + m + "\n").encode("utf-8", "surrogateescape")
                        for m in messages)
        self.box.write_bytes(data)

    def words(self, *options):
        return ["-n", *options, "-f", str(self.box)]

    def prints(self, commands, *options, **env):
        """The bytes of both streams."""
        # Only Heirloom's manner has -R.
        safe = [] if "mail_personality" in env else ["-R"]
        _, out, err = self.run_bytes(*self.words(*safe, *options),
                                     stdin=commands, env=env)
        return out + err

    def run(self, commands, *options, **env):
        """What it prints, without banner and summary."""
        return self.prints(commands, "-N", *options, **env).decode()


@pytest.fixture(name="mail")
def make_mail(tmp_path):
    reader = Reader(tmp_path)
    reader.fill(PLAIN, ENCODED, MIXED, MINE, WIDE)
    return reader


def test_summary(mail):
    lines = mail.prints("").decode().splitlines()
    assert lines[1:] == [
        f'"{mail.box}": 5 messages 3 new [Read only]',
        "    1 Ana Paz               Wed Feb 19 05:10  14/194   "
        '"plain"',
        ">N  2 José                  Wed Feb 19 05:10  10/258   "
        '"áéíño x"',
        " N  3 b@x.org               Wed Feb 19 05:10  24/379   "
        '"mixed"',
        " A  4 To Bob                Wed Feb 19 05:10   9/"
        f'{len(FROM) + len(MINE) + 1}   "a very long subject t"',
        " N  5 山田太郎山田太郎      Wed Feb 19 05:10   6/136   "
        '"山田"',
    ]


@pytest.mark.parametrize("settings, line", [
    ("unset bsdcompat", " O  1 Ana Paz            Wed Feb 19 05:10   "
     "14/194   plain"),
    ("unset showname", "    1 ana@x.org             Wed Feb 19 05:10  "
     '14/194   "plain"'),
    ("set show-rcpt", "    1 To u@y                Wed Feb 19 05:10  "
     '14/194   "plain"'),
    ("set headline='%>%-3m|%5m|%8f|%3d|%l|%o|%s%%'",
     " 1  |    1|Ana Paz |Wed|  14|194  |plain%"),
    ("set headline='%20f|%5S|%e|%t'", "Ana Paz             |"
     '"pla"| 0|  1'),
])
def test_headline(mail, settings, line):
    assert mail.run(f"{settings}\nfrom 1\n") == line + "\n"


@pytest.mark.parametrize("manner, lines", [
    ("bsd", ["    1 ana@x.org          Wed Feb 19 05:10   14/194   plain",
             "    4 pue                Wed Feb 19 05:10    9/183   "
             "a very long subject that go", "Message 1:", FROM.strip(),
             "Return-Path: <ana@x.org>", "Received: by a"]),
    ("gnu", ["     1 Ana Paz            Wed Feb 19 05:10  12/152   plain",
             "     4 pue                Wed Feb 19 05:10   7/141   "
             "a very long subject that ",
             "Return-Path: <ana@x.org>", "Received: by a"]),
])
def test_manners(mail, manner, lines):
    text = mail.run("from 1 4\n1\nx\n", mail_personality=manner)
    assert text.splitlines()[:len(lines)] == lines


@pytest.mark.program("bsd-mailx")
def test_summary_is_that_of_bsd_mailx(mail):
    mail.fill(PLAIN, MINE, "Subject: no from\nStatus: O\n\nx\n",
              'From: "Q, uoted" <q@x.org>\n\nno subject\n')
    _, peer, _ = mail.run_bytes(*mail.words(), program="bsd-mailx",
                                stdin="h\n1\nx\n")
    ours = mail.prints("h\nset quiet\nx\n", mail_personality="bsd")
    count = len(ours.splitlines())
    assert ours.splitlines()[1:] == (
        peer.splitlines()[1:count])


def test_summary_is_ascii_where_it_must(mail):
    text = mail.prints("h\n", LC_ALL="C")
    assert max(text) < 128
    assert b"Jos?   " in text and b"????????   " in text


def test_message(mail):
    assert mail.run("1\n") == """Message  1:
From ana@x.org  Wed Feb 19 05:10:35 2020
Return-Path: <ana@x.org>
From: Ana Paz <ana@x.org>
To: u@y,
  v@y
Subject: plain
Status: RO

Hello
From me

"""


def test_all_fields(mail):
    text = mail.run("T 1\n")
    assert "\nReceived: by a\n\tid 5; now\n" in text
    assert "\nMessage-Id: <1@x>\n" in text


def test_retained_fields(mail):
    assert mail.run("retain subject\ntype 1\n").splitlines()[2:4] == [
        "Subject: plain", ""]


def test_decoded(mail):
    assert mail.run("p 2\n") == """Message  2:
From ana@x.org  Wed Feb 19 05:10:35 2020
From: José <jose@x.org>
Subject: áéíño x
Content-Type: text/plain; charset=iso-8859-1
Status: R

señor es

"""
    assert "se?or es\n" in mail.run("p 2\n", LC_ALL="C")


def test_base64_ends_where_its_lines_do(mail):
    mail.fill("Content-Transfer-Encoding: base64\n\naGVsbG8K\n")
    assert mail.run("1\n").endswith("Status: R\n\nhello\n")


def test_parts(mail):
    text = mail.run("3\n")
    assert text[text.index("Part 1"):] == """Part 1:
Content-Type: text/plain

text one

Part 2:
Content-Type: application/pdf
Content-Disposition: attachment; filename="../x.pdf"

[application/pdf "../x.pdf", 4 bytes]

Part 3:
Content-Type: text/html

Hi there [1]

[1] http://x.org/
"""


def test_html_viewer_is_no_shell(mail):
    text = mail.run("3\n", HTMLVIEWER="sed -n 's/<p>/$(id) ; x>y /p'")
    assert "$(id) ; x>y Hi" in text
    assert not (mail.path / "y").exists()


def test_html_viewer_that_opens_a_file(mail):
    text = mail.run("3\n", HTMLVIEWER="grep -c href %s")
    assert text.endswith("\n1\n")


def test_html_viewer_that_fails(mail):
    text = mail.run("3\n", HTMLVIEWER="/nonexistent/viewer")
    assert "Hi there [1]" in text


def test_viewer_by_type(mail):
    text = mail.run("set pipe-application/pdf='od -An -tx1'\n3\n")
    assert "\n 00 01 02 03\n" in text


def test_what_a_viewer_prints_is_harmless(mail):
    text = mail.prints(
        "set pipe-application/pdf='printf \"\\\\033[2J\"'\n3\n")
    assert b"[2J" in text and not ESCAPES.search(text)


@pytest.mark.parametrize("commands", [
    "h\n1\n", "T 1\n", "show 1\n", "top 1\n", "pipe 1 cat\n", "Pipe 1 cat\n",
    "from 1\n", "set showname\nh\n", "set headline=%f%s%S%d\nh\n"])
def test_no_escape_reaches_the_terminal(mail, commands):
    mail.fill(HOSTILE.encode("latin1").decode("utf-8", "surrogateescape"))
    for locale in "C.UTF-8", "C":
        text = mail.prints(commands, LC_ALL=locale)
        assert not ESCAPES.search(text), text
        assert "\u202e".encode() not in text
        if locale == "C":
            assert max(text) < 128


def test_show_is_raw(mail):
    text = mail.run("show 2\n")
    assert "\nSubject: =?utf-8?b?w6HDqcOt?=" in text
    assert "\nse=F1or=\n es\n" in text


def test_top(mail):
    assert mail.run("set toplines=2\ntop 1 2\n") == """Message  1:
From ana@x.org  Wed Feb 19 05:10:35 2020
Return-Path: <ana@x.org>
Received: by a
Message  2:

From ana@x.org  Wed Feb 19 05:10:35 2020
From: =?utf-8?q?Jos=C3=A9?= <jose@x.org>
Subject: =?utf-8?b?w6HDqcOt?= =?iso-8859-1?q?=F1o?= x
"""


def test_next(mail):
    assert "Message  4:" in mail.run("5\nprevious\n")
    numbers = re.findall(r"Message +(\d+):|(At EOF)",
                         mail.run("next\nn\n\nn 5\nn 1 2\nn 5\nn\n"))
    assert [a or b for a, b in numbers] == [
        "2", "3", "4", "5", "1", "5", "At EOF"]


def test_screens(mail):
    def shown(commands):
        text = mail.run(f"set screen=2\n{commands}")
        return re.findall(r"^(>?).. +(\d) |^(On|Unrec)", text, re.MULTILINE)

    assert shown("h\nz\nz\nz\n") == [
        ("", "1", ""), (">", "2", ""), (">", "3", ""), ("", "4", ""),
        (">", "5", ""), ("", "", "On"), (">", "5", "")]
    assert shown("h 4\nz-\nz-\n") == [
        (">", "3", ""), ("", "4", ""), (">", "1", ""), ("", "2", ""),
        ("", "", "On"), (">", "1", ""), ("", "2", "")]
    assert shown("z$\nz0\nz1\nz+9\nz x\n") == [
        (">", "5", ""), (">", "1", ""), ("", "2", ""), (">", "3", ""),
        ("", "4", ""), ("", "", "On"), (">", "5", ""), ("", "", "Unrec")]


def test_new_screens(mail):
    mail.fill(*[PLAIN] * 4, ENCODED, *[PLAIN] * 3)
    text = mail.run("set screen=2\nZ\n")
    assert re.findall(r"^>?.. +(\d) ", text, re.MULTILINE) == ["5", "6"]


def test_pipe(mail):
    text = mail.run("pipe 1 'tail -n 3'\n")
    assert '\nPipe to: "tail -n 3"\n' in "\n" + text
    assert "Hello\nFrom me\n\n" in text
    assert text.endswith('"tail -n 3" 11/149\n')
    assert "variable cmd not set" in mail.run("pipe\n")
    assert "Hello" in mail.run("1\nset cmd=cat\npipe\n")


def test_raw_pipe(mail):
    text = mail.run("set piperaw quiet\npipe 2 cat\n")
    assert "se=F1or=\n es\n" in text


def test_write(mail):
    assert mail.run("write 1 2 out\n") == '"out" [New file] 3/24\n'
    assert mail.run("write 1 out\n") == '"out" [Appended] 2/14\n'
    assert (mail.path / "out").read_text() == (
        "Hello\nFrom me\nseñor es\nHello\nFrom me\n")
    assert mail.run("w\n") == "No file specified.\n"


def test_attachments_of_a_stranger_overwrite_nothing(mail):
    assert '"out" [New file] 1/9\n' in mail.run("write 3 out\n")
    saved = mail.path / "x.pdf"
    assert saved.read_bytes() == bytes(range(4))
    assert not (mail.path.parent / "x.pdf").exists()
    saved.write_text("mine")
    assert "x.pdf: File exists" in mail.run("write 3 out\n")
    assert saved.read_text() == "mine"


def test_maildir(mail):
    mail.box.unlink()
    for name in "cur", "new", "tmp":
        (mail.box / name).mkdir(parents=True)
    (mail.box / "cur" / "1582089035.a:2,S").write_text(PLAIN)
    text = mail.run("h\n1\n")
    assert ">   1 Ana Paz  " in text
    assert "Hello\n" in text


def test_search_in_what_is_decoded(mail):
    def found(commands):
        return re.findall(r"^>?.. +(\d) ", mail.run(commands), re.MULTILINE)

    assert found("from /ÁÉÍÑO\n") == ["2"]
    assert found("from @body@SEÑOR\n") == ["2"]
    assert found("from @body@there\n") == ["3"]


class Terminal(mail_home.Terminal):
    """mail(1) on a terminal of its own."""

    def wait(self, pattern, limit=60):
        """Read on until this was printed behind what was last typed."""
        end = time.monotonic() + limit
        while not re.search(pattern, self.output[self.seen:]):
            assert time.monotonic() < end and self._read(), self.output
        return self.output[self.seen:]

    def type(self, text):
        self.seen = len(self.output)
        return super().type(text)


@pytest.fixture(name="on_terminal")
def make_on_terminal(mail):
    with contextlib.ExitStack() as made:
        yield lambda **env: made.enter_context(
            Terminal(mail, mail.words(), **env))


def test_pager(mail, on_terminal):
    """A long message goes through it; one that is left early hurts nobody."""
    mail.fill(PLAIN, PLAIN + "line\n" * 100000)
    term = on_terminal(PAGER="head -n 3; echo paged")
    term.wait(rb"\n& ")
    term.type("1\n")
    assert b"paged" not in term.wait(rb"From me\r\n\r\n& ")
    term.type("2\n")
    assert b"From me" not in term.wait(rb"paged\r\n(?s:.*)& ")
    term.type("unset crt\n")
    term.wait(rb"& ")
    term.type("set crt=3\n")
    term.wait(rb"& ")
    term.type("1\n")
    term.wait(rb"paged\r\n(?s:.*)& ")


def test_interrupt(mail, on_terminal):
    mail.fill(PLAIN + "line\n" * 1000000)
    term = on_terminal()
    term.wait(rb"\n& ")
    term.type("unset crt\n")
    term.wait(rb"& ")
    term.type("1\n")
    term.wait(rb"line\r\nline\r\n")
    term.type("\x03")
    term.wait(rb"& $")
    term.type("from\n")
    term.wait(rb"plain(?s:.*)& ")


def test_colours(mail, on_terminal):
    term = on_terminal(TERM="xterm")
    assert b"\x1b[1;36m>N  2" in term.wait(rb"\n& ")


@pytest.mark.parametrize("env", [
    {"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_no_colours(mail, on_terminal, env):
    shown = on_terminal(**env).wait(rb"\n& ")
    assert not re.search(rb"\x1b\[[0-9;]*m", shown), shown


def test_asks_where_attachments_go(mail, on_terminal):
    term = on_terminal()
    term.wait(rb"\n& ")
    term.type("write 3 /dev/null\n")
    term.wait(rb"Enter filename for part 2 \(application/pdf\): \(x.pdf\) ")
    term.type("saved\n")
    term.wait(rb"Enter filename for part 3 \(text/html\): ")
    term.type("\n")
    term.wait(rb"1/9")
    assert (mail.path / "saved").read_bytes() == bytes(range(4))
    term.type("write 3 /dev/null\n")
    term.wait(rb"part 2 \(application/pdf\): ")
    term.type("saved\n")
    term.wait(rb"saved exists. Overwrite it \(y/n\)\? ")
    term.type("n\n")
    term.wait(rb"part 3 \(text/html\): ")
    term.type("|tr a-z A-Z\n")
    term.wait(rb"HTTP://X.ORG/")


def test_large_parts(mail):
    """Of megabytes, and of very many."""
    body = base64.encodebytes("año \x1b[1m\n".encode() * 200000).decode()
    mail.fill("Subject: big\nContent-Type: text/plain; charset=utf-8\n"
              "Content-Transfer-Encoding: base64\n\n" + body,
              "Subject: deep\n" + "".join(
                  "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
                  % (i, i) for i in range(20000)) + "\nend\n")
    text = mail.prints("1\n2\n")
    assert text.count("año".encode()) == 200000
    assert not ESCAPES.search(text)
