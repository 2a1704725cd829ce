# SPDX-License-Identifier: ISC
"""reply, followup, forward and resend: whom they go to, what they quote, and
what becomes of the message. The texts are those of Heirloom mailx 12.5."""

import re

import pytest

from lib.mail_home import Home, plain

BOX = """\
From pere@localhost.localdomain Tue Nov  9 17:21:36 2021
Message-ID: <1@localhost>
From: pere@localhost.localdomain
Date: Tue, 09 Nov 2021 17:21:36 +0100
To: pue@localhost.localdomain
Subject: message from pere to pue
Content-Type: text/plain; charset=us-ascii
Status: O

hi pue,
bye!

From pere@localhost.localdomain Tue Nov  9 17:22:36 2021
Return-Path: <pere@localhost.localdomain>
Message-ID: <2@localhost>
References: <0@localhost> <1@localhost>
From: Pere Pons <pere@localhost.localdomain>
Date: Tue, 09 Nov 2021 17:22:36 +0100
To: pue@localhost.localdomain, pue, Ana Paz <ana@x.org>
Cc: zoe@x.org, bob@x.org, pue
Subject: second message
X-Other: field
Status: O

hi, this is my second message to pue

i am pere

From l@x Tue Nov  9 17:23:36 2021
From: =?utf-8?Q?L=C3=A9a?= <lea@x.org>
Reply-To: other@x.org
Date: Tue, 09 Nov 2021 17:23:36 +0100
To: pue
Subject: =?utf-8?Q?RE:_caf=C3=A9?=
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

caf=C3=A9

From nobody Tue Nov  9 17:24:36 2021
Date: Tue, 09 Nov 2021 17:24:36 +0100

no header at all

From evil Tue Nov  9 17:25:36 2021
From: "a\x1b[2Jb\x7f\x9b2J\u202e" <|touch HACKED>, -oX@x, /tmp/HACKED
Reply-To: good@x.org, |touch HACKED, <-oX>, ../HACKED
Message-ID: <5@x>
 Bcc: evil@x
References: <4@x>
 X: y
Subject: =?utf-8?Q?a=0ABcc:_evil@x?=
To: pue

~!touch HACKED
~q
.
text

"""


@pytest.fixture(name="home")
def make_home(tmp_path):
    home = Home(tmp_path / "h", rc="set bsdcompat\n")
    home.box.write_text(BOX)
    return home


def more(home, text):
    home.rc.write_text(home.rc.read_text() + text)


def session(home, *lines, code=0):
    """Commands, and the text of mails, from a script; what is printed."""
    text = "".join(line + "\n" for line in lines)
    status, out, err = home.run(
        "-n", "-N", "-S", "interactive", "-f", str(home.box), stdin=text)
    assert status == code, (out, err)
    return out, err


def status(home, n):
    """The X-Status and Status lines of message n."""
    one = re.split("(?m)^From .*\n", home.box.read_text())[n]
    return re.findall(r"(?m)^(?:X-)?Status: (\w+)$", one)


SEED = """\
To: pere@localhost.localdomain pue@localhost.localdomain
Subject: Re: message from pere to pue

pere@localhost.localdomain wrote:

> hi pue,
> bye!
"""


def test_reply(home):
    out, _ = session(home, "r1", "thanks", ".", "q")
    assert SEED in out and "EOT\n" in out
    mail, = home.mails()
    assert mail.args == ["-i", "--", "pere@localhost.localdomain",
                         "pue@localhost.localdomain"]
    assert plain(mail.content) == b"""\
Date: D
To: pue@localhost.localdomain, pere@localhost.localdomain
Subject: Re: message from pere to pue
References: <1@localhost>
In-Reply-To: <1@localhost>
User-Agent: U
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

pere@localhost.localdomain wrote:

> hi pue,
> bye!
thanks
"""
    assert status(home, 1) == ["RO", "A"]


def test_reply_to_all(home):
    out, _ = session(home, "reply 2", ".", "x")
    assert ("To: ana@x.org pere@localhost.localdomain "
            "pue@localhost.localdomain\nSubject: Re: second message\n"
            "Cc: bob@x.org zoe@x.org\n\n"
            "Pere Pons <pere@localhost.localdomain> wrote:\n\n"
            "> hi, this is my second message to pue\n>\n> i am pere\n") in out
    mail, = home.mails()
    assert mail.addresses("To") == [
        "ana@x.org", "pere@localhost.localdomain",
        "pue@localhost.localdomain"]
    assert mail.addresses("Cc") == ["bob@x.org", "zoe@x.org"]
    assert mail.mail["References"] == (
        "<0@localhost> <1@localhost> <2@localhost>")
    assert mail.mail["In-Reply-To"] == "<2@localhost>"


PERE = ["pere@localhost.localdomain"]
ALL = sorted(["ana@x.org", "pere@localhost.localdomain",
              "pue@localhost.localdomain", "bob@x.org", "zoe@x.org"])
WHOM = [
    ("r", "", ALL), ("R", "", PERE), ("respond", "", ALL),
    ("Respond", "", PERE), ("replyall", "", ALL), ("replysender", "", PERE),
    ("r", "set flipr\n", PERE), ("R", "set flipr\n", ALL),
    ("r", "set Replyall\n", PERE), ("R", "set Replyall flipr\n", PERE),
    ("replyall", "set flipr\n", ALL), ("followup", "", ALL),
    ("Followup", "", PERE), ("followupall", "", ALL),
    ("followupsender", "", PERE),
    ("r", "alternates pue@localhost.localdomain zoe@x.org\n",
     sorted(["ana@x.org", "bob@x.org"] + PERE)),
    ("r", "set from=bob@x.org\n",
     sorted(set(ALL) - {"bob@x.org"})),
    ("r", "set allnet\n", sorted(set(ALL) - {"pue@localhost.localdomain"})),
]


@pytest.mark.parametrize("command,rc,people", WHOM)
def test_whom(home, command, rc, people):
    more(home, rc)
    session(home, f"{command} 2", ".", "x")
    assert home.mails()[0].recipients() == people


def test_full_names(home):
    more(home, "set fullnames\n")
    out, _ = session(home, "r2", ".", "x")
    assert ("To: Ana Paz <ana@x.org>, Pere Pons <pere@localhost.localdomain>,"
            "\n pue@localhost.localdomain\n") in out
    people = home.mails()[0].mail["To"].addresses
    assert [a.display_name for a in people] == ["", "Pere Pons", "Ana Paz"]


def test_reply_to_and_encoded_subject(home):
    out, _ = session(home, "r3", ".", "x")
    assert "To: other@x.org\nSubject: Re: café\n" in out
    assert "Léa <lea@x.org> wrote:\n\n> café\n" in out
    mail, = home.mails()
    assert mail.mail["Subject"] == "Re: café"
    assert mail.mail["References"] is None
    assert mail.text() == "Léa <lea@x.org> wrote:\n\n> café\n"


def test_several_at_once(home):
    session(home, "R 1 2", ".", "x")
    assert home.mails()[0].recipients() == PERE
    out, _ = session(home, "r 1 2", "x")
    assert "Sorry, can't reply to multiple messages at once\n" in out
    assert len(home.mails()) == 1


def test_without_header(home):
    session(home, "r4", "a subject", "text", ".", "x")
    mail, = home.mails()
    assert mail.recipients() == ["nobody"]
    assert (mail.mail["Subject"], mail.text()) == (
        "a subject", "> no header at all\ntext\n")


@pytest.mark.parametrize("rc", ["", "set expandaddr\n"])
def test_what_strangers_write(home, rc):
    """Nothing in a message is a command, a field, a file or an option, even
    where the user may name files and programs."""
    more(home, rc)
    out, err = session(home, "r5", "mine", ".", "! echo end", "x", code=1)
    assert 'an address cannot begin with "-"' in err
    assert not set(out) & set("\x1b\x7f\x9b\u202e")
    mail, = home.mails()
    assert mail.args == ["-i", "--", "good@x.org"]
    assert mail.mail["Bcc"] is None and mail.mail["X"] is None
    assert mail.mail["Subject"] == "Re: a Bcc: evil@x"
    assert "> ~!touch HACKED\n> ~q\n> .\n> text\nmine\n" in mail.text()
    assert not list(home.path.glob("**/HACKED"))
    session(home, "followup 5", ".", "x", code=1)
    assert not list(home.path.glob("**/HACKED"))
    assert not list(home.path.parent.glob("HACKED"))


QUOTES = [
    ("set noquote\n", "", "mine\n"),
    ("set quote=noheading\n", "", "> hi pue,\n> bye!\nmine\n"),
    ("set indentprefix='| '\n", "",
     "pere@localhost.localdomain wrote:\n\n| hi pue,\n| bye!\nmine\n"),
    ("set indentprefix=\n", "",
     "pere@localhost.localdomain wrote:\n\n\thi pue,\n\tbye!\nmine\n"),
]


@pytest.mark.parametrize("rc,_,text", QUOTES)
def test_quotes(home, rc, _, text):
    more(home, rc)
    session(home, "r1", "mine", ".", "x")
    assert home.mails()[0].text() == text


def test_quote_with_header(home):
    more(home, "set quote=headers\n")
    session(home, "r2", ".", "x")
    text = home.mails()[0].text()
    assert "> Subject: second message\n" in text
    assert "Message-ID" not in text and "References" not in text
    more(home, "set quote=allheaders\n")
    session(home, "r2", ".", "x")
    assert "> Message-ID: <2@localhost>\n" in home.mails()[1].text()


def test_quoting_by_escape(home):
    session(home, "mail foo", "sub", "~m 1", "~f 2", ".", "x")
    text = home.mails()[0].text()
    assert "> Subject: message from pere to pue\n" in text
    assert "> hi pue,\n> bye!\n" in text
    assert "\nSubject: second message\n" in text
    assert "\nhi, this is my second message to pue\n" in text
    assert "Message-ID" not in text
    session(home, "mail foo", "sub", "~M 2", "~U 2", "~u 2", ".", "x")
    text = home.mails()[1].text()
    assert "> Message-ID: <2@localhost>\n" in text
    assert text.endswith("> hi, this is my second message to pue\n>\n"
                         "> i am pere\nhi, this is my second message to pue"
                         "\n\ni am pere\n")
    session(home, "r1", "~m", "~m 99", ".", "x")
    assert home.mails()[2].text().count("> bye!") == 2


def test_answered_only_when_sent(home):
    home.env["sendmail"] = "/nonexistent"
    session(home, "r1", ".", "q", code=1)
    assert status(home, 1) == ["RO"]
    more(home, "set nomarkanswered\n")
    home.env["sendmail"] = str(home.sendmail)
    session(home, "r1", ".", "q")
    assert status(home, 1) == ["RO"]


@pytest.mark.parametrize("rc", [
    "", "set quote\n", "set quote=noheading\n", "set quote=headers\n",
    "set noindentprefix quote\n"])
def test_quoted_as_by_reply(home, rc):
    """~Q; without the variable, as if it had no value."""
    more(home, rc + "set nomarkanswered\n")
    session(home, "reply 2", ".", "m a@x", "s", "~Q 2", ".", "x")
    replied, written = home.mails()
    if rc:
        assert written.text() == replied.text()
    else:
        assert " wrote:\n\n" in written.text() and "\n> " in written.text()


def test_followup_is_recorded(home):
    session(home, "followup 2", "text", ".", "Mail ana@x.org", "s", ".", "x")
    assert home.subjects(home.path / "pere") == ["Re: second message"]
    assert home.subjects(home.path / "ana") == ["s"]
    assert len(home.mails()) == 2


@pytest.mark.parametrize("command", ["followup 1", "Copy 1"])
def test_an_encoded_comma_names_no_file(home, command):
    name = "=?utf-8?q?boss=40x=2C_Ana?= <ana@x.org>"
    home.box.write_text(re.sub("(?m)^From: .*", f"From: {name}", BOX))
    session(home, command, "text", ".", "x")
    assert (home.path / "ana").exists()
    assert not (home.path / "boss").exists()


def test_mail_in_a_session(home):
    session(home, "mail a b", "subject", "text", ".", "m c", "s", ".", "x")
    one, two = home.mails()
    assert one.recipients() == ["a", "b"] and one.text() == "text\n"
    assert two.recipients() == ["c"] and two.mail["Subject"] == "s"


# ---- forward and resend ----

def test_forward(home):
    out, _ = session(home, "forward 2 foo", "hello", ".", "x")
    want = ("-------- Original Message --------\n"
            "From: Pere Pons <pere@localhost.localdomain>\n"
            "Date: Tue, 09 Nov 2021 17:22:36 +0100\n"
            "To: pue@localhost.localdomain, pue, Ana Paz <ana@x.org>\n"
            "Subject: second message\n\n"
            "hi, this is my second message to pue\n\ni am pere\n")
    assert "To: foo\nSubject: Fwd: second message\n\n" + want in out
    mail, = home.mails()
    assert mail.recipients() == ["foo"]
    assert mail.mail["Subject"] == "Fwd: second message"
    assert mail.text() == want + "hello\n"


@pytest.mark.parametrize("name", ["forward-as-attachment", "mime-forward"])
def test_forward_whole(home, name):
    more(home, f"set {name}\n")
    session(home, "forward 3 foo", "hello", ".", "x")
    mail, = home.mails()
    text, whole = mail.mail.iter_parts()
    assert text.get_content() == "hello\n"
    assert whole.get_content_type() == "message/rfc822"
    inner = whole.get_payload(0)
    assert inner["Subject"] == "RE: café"
    assert inner.get_content() == "café\n"
    assert inner["Status"] is None
    assert mail.mail["Subject"] == "Fwd: RE: café"


def test_forward_heading(home):
    more(home, "set fwdheading=\n")
    session(home, "forward 1 foo", ".", "x")
    assert home.mails()[0].text().startswith("From: pere@")


def test_forward_is_recorded(home):
    session(home, "Forward 1 foo@x.org", ".", "x")
    assert home.subjects(home.path / "foo") == [
        "Fwd: message from pere to pue", "message from pere to pue"]


WRONG = [("forward 1 2 foo", "Cannot forward multiple messages at once\n"),
         ("forward", "No recipient specified.\n"),
         ("resend", "No recipient specified.\n"),
         ("resend 1 |cat", "No recipients specified\n")]


@pytest.mark.parametrize("command,why", WRONG)
def test_wrong(home, command, why):
    text = f"{command}\nx\n"
    _, out, _ = home.run("-n", "-N", "-f", str(home.box), stdin=text)
    assert why in out
    assert home.mails() == []


def test_resend(home):
    more(home, "set from=me@x.org\nalias team one two\n")
    session(home, "resend 1 2 team", "q")
    one, two = home.mails()
    assert one.args == ["-i", "--", "one", "two"]
    text = two.content.decode()
    top, _, rest = text.partition("Return-Path:")
    assert re.fullmatch(
        "Resent-Date: .*\nResent-From: me@x.org\nResent-To: one, two\n"
        "Resent-Message-ID: <.*%me@x.org>\n", top)
    body = re.split("(?m)^From .*\n", BOX)[2].replace("Status: O\n", "")
    assert "Return-Path:" + rest == body[:-1] or \
        "Return-Path:" + rest == body


def test_resend_as_it_is(home):
    session(home, "Resend 1 foo", "x")
    mail, = home.mails()
    assert mail.content.startswith(b"Message-ID: <1@localhost>\n")
    assert b"Resent" not in mail.content and b"Status" not in mail.content


def test_resend_fails(home):
    home.env["sendmail"] = "/nonexistent"
    out, err = session(home, "resend 1 foo", "x", code=1)
    assert ". . . message not sent." in err
    assert "hi pue,\nbye!\n" in home.dead.read_text()


# ---- edit ----

def test_edit_shows_a_copy(home):
    script = home.path / "ed"
    script.write_text('#!/bin/sh\ncp "$1" seen\necho changed >"$1"\n')
    script.chmod(0o755)
    home.env["EDITOR"] = home.env["VISUAL"] = str(script)
    for command in ("edit", "visual"):
        _, err = session(home, f"{command} 3", "q")
        assert "Message 3 stays as it is\n" in err
        assert "café\n" in (home.path / "seen").read_text()
    assert "changed" not in home.box.read_text()
