# SPDX-License-Identifier: ISC
"""Names and files of strangers in mail(1): whom an answer goes to, how names
are written, and what is saved."""

import base64
import email.header
import email.utils

import pytest

from lib.mail_home import Home, message


def encoded(name):
    return f"=?utf-8?b?{base64.b64encode(name.encode()).decode()}?="


# From, To of the message; who gets the answer, in its To.
ANSWERS = [
    ("Ana Paz <ana@x.example>", "pue@y.example", ["Ana Paz/ana@x.example"]),
    # An encoded comma, bracket or line end is part of the name.
    (encoded("Paz, Jürg") + " <j@x.example>", "pue@y.example",
     ["Paz, Jürg/j@x.example"]),
    (encoded("e <evil@e.example>, Jürg") + " <j@x.example>", "pue@y.example",
     ["e <evil@e.example>, Jürg/j@x.example"]),
    (encoded("a\nBcc: evil@e.example") + " <j@x.example>", "pue@y.example",
     ["a Bcc: evil@e.example/j@x.example"]),
    (encoded('"Jürg" \\') + " <j@x.example>", "pue@y.example",
     ['"Jürg" \\/j@x.example']),
    # In a comment; in a group; several.
    (f"j@x.example ({encoded('Jürg (Paz)')})", "pue@y.example",
     ["Jürg (Paz)/j@x.example"]),
    ("ana@x.example", f"team: {encoded('B, ö')} <b@x.example>, c@x.example;",
     ["/ana@x.example", "B, ö/b@x.example", "/c@x.example"]),
    ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= <j@x.example>", "pue@y.example",
     ["日本/j@x.example"]),
]


def people(mail, name):
    """name/address of each."""
    raw = [v for k, v in mail.raw_items() if k == name]
    return [f"{email.header.make_header(email.header.decode_header(n))}/{a}"
            for n, a in email.utils.getaddresses(
                x.replace("\n", "") for x in raw)]


@pytest.mark.parametrize("sender, to, wanted", ANSWERS)
def test_answer(tmp_path, sender, to, wanted):
    home = Home(tmp_path / "home", "set fullnames\nalternates pue@y.example\n")
    home.fill(message(1, sender=sender).replace("pue@y.example", to))
    assert home.run("-f", str(home.box), stdin="reply 1\nyes\n")[0] == 0
    [sent] = home.mails()
    assert sorted(people(sent.mail, "To")) == sorted(wanted)
    assert sent.recipients() == sorted(x.split("/")[-1] for x in wanted)
    assert sent.mail["Bcc"] is None
    header = sent.content.partition(b"\n\n")[0]
    assert all(len(x) <= 78 for x in header.splitlines())


@pytest.mark.parametrize("sender", [
    "|touch pwned", '"|touch pwned"', "<|touch pwned>", "|touch pwned <a@x>",
    encoded("|touch pwned;") + " <a@x>", encoded("|touch pwned"),
    "./pwned", "a@x, ./pwned"])
def test_an_answer_starts_and_writes_nothing(tmp_path, sender):
    home = Home(tmp_path / "home", "set fullnames expandaddr\n")
    home.fill(message(1, sender=sender, Reply_To=sender, Cc=sender))
    home.run("-f", str(home.box), stdin="reply 1\nyes\n")
    assert not (home.path / "pwned").exists()


def test_long_lists_are_folded(tmp_path):
    home = Home(tmp_path / "home", "set fullnames\nalternates pue@y.example\n")
    names = [f"Jürgen Größenwahn der {i}." for i in range(100)]
    to = ",\n ".join(f"{encoded(n)} <j{i}@x.example>"
                     for i, n in enumerate(names))
    home.fill(message(1).replace("pue@y.example", to))
    assert home.run("-f", str(home.box), stdin="reply 1\nyes\n")[0] == 0
    [sent] = home.mails()
    wanted = [f"{n}/j{i}@x.example" for i, n in enumerate(names)]
    assert sorted(people(sent.mail, "To")) == sorted(
        wanted + ["Ana Moreno/ana@x.example"])
    header = sent.content.partition(b"\n\n")[0]
    assert all(len(x) <= 78 for x in header.splitlines())


def test_files_are_saved_in_their_character_set(tmp_path):
    home = Home(tmp_path / "home")
    text = "größe;1\r\n"
    body = "".join(
        "--b\n"
        f"Content-Type: {kind}; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: base64\n"
        f"{disposition}\n"
        + base64.encodebytes(text.encode("latin-1")).decode() + "\n"
        for kind, disposition in (
            ("text/plain", ""),
            ("text/csv", "Content-Disposition: attachment; filename=a.csv\n"),
            ("application/x", "Content-Disposition: inline; filename=b.x\n")))
    home.fill(message(1, MIME_Version="1.0", body=body + "--b--\n",
                      Content_Type="multipart/mixed; boundary=b"))
    assert home.run("-f", str(home.box), stdin="write 1 text\n")[0] == 0
    # What is read here is UTF-8; files are somebody's.
    assert (home.path / "text").read_bytes() == "größe;1\n".encode()
    assert (home.path / "a.csv").read_bytes() == "größe;1\n".encode("latin-1")
    assert (home.path / "b.x").read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize("name, wanted", [
    ("|touch pwned", "_touch pwned"), ("~root", "_root"), ("-rf", "_rf")])
def test_a_name_that_is_proposed_is_a_file(tmp_path, name, wanted):
    """Who says yes to what a stranger wrote runs nothing."""
    home = Home(tmp_path / "home", "set line-editor-disable\n")
    body = ("--b\n\ntext\n--b\nContent-Type: application/x\n"
            f'Content-Disposition: attachment; filename="{name}"\n\n'
            "data\n--b--\n")
    home.fill(message(1, MIME_Version="1.0", body=body,
                      Content_Type="multipart/mixed; boundary=b"))
    with home.terminal("-N", "-f", str(home.box)) as t:
        t.expect("& ").type("write 1 text\n").expect("Enter filename")
        t.expect(f"({wanted})").type("\n").expect("text")
        t.expect("& ").type("x\n")
        assert t.end() == 0
    assert (home.path / wanted).read_text() == "data"
    assert not (home.path / "pwned").exists()
