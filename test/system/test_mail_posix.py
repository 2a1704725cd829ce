# SPDX-License-Identifier: ISC
"""What POSIX.1-2024 says of mailx, sentence by sentence: without a terminal
here, with one in test_mail_posix_tty.py. Each row has the part of the standard
that it is about; the last test looks whether a part has been forgotten."""

import pytest

from lib import posix_mailx
from lib.mail_home import Home, message

POSIX = posix_mailx.RC


class Row:
    """One call, and what must be true afterwards. PATH is the home."""

    def __init__(self, part, says, *args, rc="", stdin="", box=None, code=None,
                 out=(), no_out=(), left=None, mbox=None, sent=None, text=(),
                 files=None, check=None, **env):
        self.part = part
        self.says = says
        self.args = args
        self.rc = rc
        self.stdin = stdin
        self.box = box
        self.code = code
        self.out = [out] if isinstance(out, str) else out
        self.no_out = [no_out] if isinstance(no_out, str) else no_out
        self.left = left
        self.mbox = mbox
        self.sent = sent
        self.text = [text] if isinstance(text, str) else text
        self.files = files or {}
        self.check = check
        self.env = env


def three():
    return [message(1), message(2), message(3)]


# Who does not wait has ended before this: it lets go of its terminal.
SLOW = """#!/bin/sh
cat >/dev/null
exec >/dev/null 2>&1
sleep 0.5
: >PATH/delivered
"""

ROWS = [
    # ---- options ----
    Row("-e", "exit 0 if there is mail, write nothing", "-e", code=0,
        check=lambda h, out: out == ""),
    Row("-e", "else greater than 0", "-e", box=[], code=1,
        check=lambda h, out: out == ""),
    Row("-E", "a mail with an empty body is not sent", "-E", "-s", "x", "a@x",
        sent=[], code=0),
    Row("-E", "others are", "-E", "-s", "x", "a@x", stdin="b\n",
        sent=[["a@x"]]),
    Row("-f", "read from the file named by the operand", "-N", "-f",
        "PATH/other", stdin="p 1\nx\n", out="Subject: in other"),
    Row("-f", "or from mbox", "-N", "-f", stdin="p 1\nx\n",
        files={"mbox": message(9, subject="in mbox")},
        out="Subject: in mbox"),
    Row("-F", "record in a file named after the first recipient", "-F",
        "eve@x", stdin="kept\n", sent=[["eve@x"]],
        check=lambda h, out: "kept" in (h.path / "eve").read_text()),
    Row("-F", "which overrides record", "-F", "eve@x", stdin="kept\n",
        rc="set record=PATH/rec\n",
        check=lambda h, out: (h.path / "eve").exists()
        and not (h.path / "rec").exists()),
    Row("-H", "write a header summary only", "-H",
        out=['"test 1"', '"test 2"', '"test 3"'], no_out=["messages", "body"],
        code=0, left=["test 1", "test 2", "test 3"]),
    Row("-i", "as if ignore were set", "-i", "a@x", stdin="x\n",
        sent=[["a@x"]]),
    Row("-n", "no system start-up file; the user's is read", "-n", "-N",
        rc="set zzz=mine\n", stdin="set\nx\n", out="mine"),
    Row("-N", "no initial header summary", "-N", stdin="x\n",
        no_out='"test 1"'),
    Row("-s", "the subject", "-s", "a subject", "a@x", stdin="x\n",
        sent=[["a@x"]], text="Subject: a subject\n"),
    Row("-u", "the system mailbox of that user", "-u", "no-such-user",
        stdin="x\n", code=1, out="No mail for no-such-user"),
    # ---- operands, standard input ----
    Row("address", "several recipients", "a@x", "b@x", stdin="x\n",
        sent=[["a@x", "b@x"]]),
    Row("STDIN", "the text is all of it, and no line of it is obeyed", "a@x",
        stdin="one\n~!touch PATH/bad\n.\n~s no\ntwo\n", sent=[["a@x"]],
        text="one\n~!touch PATH/bad\n.\n~s no\ntwo\n",
        check=lambda h, out: not (h.path / "bad").exists()),
    Row("STDIN", "commands when mail is read", "-N", stdin="p 2\nx\n",
        out="body 2"),
    Row("STDIN", "what is behind a text is read as one, not lost", "-N",
        stdin="m a@x\nthe text\n", sent=[["a@x"]], text="the text\n"),
    Row("EXIT STATUS", "0", "a@x", stdin="x\n", code=0),
    Row("EXIT STATUS", "greater than 0 if there is no mail", "-N", box=[],
        code=1, out="No mail for pue"),
    # ---- start-up ----
    Row("MAILRC", "names the start-up file", "-N", rc="set yyy=7\n",
        stdin="set\nx\n", out="7"),
    Row("MAILRC", "else it is ~/.mailrc", "-N",
        files={".mailrc": "set yyy=here\n"}, stdin="set\nx\n", out="here",
        MAILRC=None),
    Row("start-up", "an error is told and the rest of the file ignored", "-N",
        rc="set aa=first\nnonsense\nset aa=second\n", stdin="set\nx\n",
        out=["first", "nonsense"], no_out="second"),
    Row("start-up", "comments and empty lines", "-N",
        rc="# a comment\n\n#another\nset aa=seen\n", stdin="set\nx\n",
        out="seen"),
    Row("start-up", "a backslash continues the line", "-N",
        rc="set \\\naa=seen\n", stdin="set\nx\n", out="seen"),
    Row("start-up", "commands that may not stand there are refused", "-N",
        rc="!touch PATH/bad\n", stdin="x\n",
        check=lambda h, out: not (h.path / "bad").exists()),
    # ---- message lists ----
    Row("msglist", "n", "-N", stdin="p 2\nx\n", out="body 2",
        no_out=["body 1", "body 3"]),
    Row("msglist", "first-last", "-N", stdin="p 2-3\nx\n",
        out=["body 2", "body 3"], no_out="body 1"),
    Row("msglist", "*", "-N", stdin="p *\nx\n",
        out=["body 1", "body 2", "body 3"]),
    Row("msglist", "^ and $", "-N", stdin="p ^\np $\nx\n",
        out=["body 1", "body 3"], no_out="body 2"),
    Row("msglist", ".", "-N", stdin="h 3\n2\nd .\nq\n", rc="set hold\n",
        left=["test 1", "test 3"]),
    Row("msglist", "+ and -", "-N", stdin="2\nd +\n2\nd -\nq\n",
        rc="set hold\n", left=["test 2"]),
    Row("msglist", "address", "-N", stdin="p bob@x.example\nx\n",
        box=[message(1), message(2, sender="bob@x.example")],
        out="body 2", no_out="body 1"),
    Row("msglist", "/string, in subjects, without case", "-N",
        stdin="p /SECOND\nx\n", box=[message(1), message(2, subject="a second"
                                                         )],
        out="body 2", no_out="body 1"),
    Row("msglist", ":n :r :u :d :o", "-N",
        stdin="d :r\nq\n", rc="set hold\n",
        box=[message(1), message(2, status="RO"), message(3)],
        left=["test 1", "test 3"]),
    Row("msglist", ":d with undelete", "-N", stdin="d 1 3\nu :d\nq\n",
        rc="set hold\n", left=["test 1", "test 2", "test 3"]),
    Row("msglist", ":o", "-N", stdin="p :o\nx\n", out="body 2",
        no_out=["body 1", "body 3"],
        box=[message(1), message(2, status="O"), message(3)]),
    Row("msglist", ":u", "-N", stdin="p :u\nx\n", no_out="body 2",
        out="body 1", box=[message(1), message(2, status="RO")]),
    Row("msglist", "the default is the current message", "-N",
        stdin="2\nd\nq\n", rc="set hold\n", left=["test 1", "test 3"]),
    # ---- variables ----
    Row("allnet", "login names are enough", "-N", rc="set allnet\n",
        stdin="p bob\nx\n", out=["body 1", "body 2"], no_out="body 3",
        box=[message(1, sender="bob@x"), message(2, sender="bob@y"),
             message(3)]),
    Row("append", "at the end of mbox", "-N", rc="set append\n",
        stdin="p 1\nq\n", files={"mbox": message(9)},
        mbox=["test 9", "test 1"], left=["test 2", "test 3"]),
    Row("append", "not set: in front", "-N", stdin="p 1\nq\n",
        files={"mbox": message(9)}, mbox=["test 1", "test 9"]),
    Row("autoprint", "delete shows the next one", "-N", rc="set autoprint\n",
        stdin="d 1\nx\n", out="body 2"),
    Row("autoprint", "not set", "-N", stdin="d 1\nx\n", no_out="body 2"),
    Row("bang", "! is the command before", "-N", rc="set bang\n",
        stdin="!echo one\n!! two\nx\n", out="one two"),
    Row("bang", "not set: it is not", "-N", stdin="!echo one\n!echo '!'\nx\n",
        out="\n!\n"),
    Row("cmd", "the command of pipe without one", "-N",
        rc="set cmd='wc -l >PATH/count'\n", stdin="pipe\nx\n",
        check=lambda h, out: (h.path / "count").read_text().strip().isdigit()),
    Row("crt", "no pager without a terminal", "-N", rc="set crt=1\n",
        stdin="p 1\nx\n", out="body 1", PAGER="touch PATH/bad; cat",
        check=lambda h, out: not (h.path / "bad").exists()),
    Row("debug", "nothing is sent", "a@x", rc="set debug\n", stdin="x\n",
        sent=[]),
    Row("escape", "is only for terminals", "a@x", rc="set escape=!\n",
        stdin="!s no\n", text="!s no\n"),
    Row("flipr", "Reply and reply are exchanged", "-N", rc="set flipr\n",
        stdin="r 1\n", sent=[["ana@x.example"]],
        box=[message(1, Cc="dan@x.example")]),
    Row("flipr", "not set", "-N", stdin="r 1\n",
        sent=[["ana@x.example", "dan@x.example"]],
        box=[message(1, Cc="dan@x.example").replace(
            "To: pue@y.example\n", "To: pue\n")]),
    Row("folder", "+name is in it", "-N", rc="set folder=dir\n",
        stdin="s 1 +kept\nq\n",
        check=lambda h, out: h.subjects(h.path / "dir/kept") == ["test 1"]),
    Row("header", "the summary at the start", stdin="x\n", out='"test 1"'),
    Row("header", "not set", rc="set noheader\n", stdin="x\n",
        no_out='"test 1"'),
    Row("hold", "what was read stays in the mailbox", "-N", rc="set hold\n",
        stdin="p 1\nq\n", left=["test 1", "test 2", "test 3"], mbox=[]),
    Row("hold", "not set: it goes to mbox", "-N", stdin="p 1\nq\n",
        left=["test 2", "test 3"], mbox=["test 1"]),
    Row("indentprefix", "in front of what ~m inserts; see the terminal",
        "-~", "-N", rc="set indentprefix='| '\n", stdin="m a@x\n~m 1\n",
        text="| body 1"),
    Row("indentprefix", "the default is a tab", "-~", "-N",
        stdin="m a@x\n~m 1\n", text="\tbody 1"),
    Row("keep", "an empty mailbox is not removed", "-N", rc="set keep\n",
        stdin="d *\nq\n", check=lambda h, out: h.box.exists()),
    Row("keep", "not set: it is", "-N", stdin="d *\nq\n",
        check=lambda h, out: not h.box.exists()),
    Row("keepsave", "saved messages stay", "-N", rc="set keepsave hold\n",
        stdin="s 1 PATH/saved\nq\n", left=["test 1", "test 2", "test 3"]),
    Row("keepsave", "not set: they are deleted", "-N", rc="set hold\n",
        stdin="s 1 PATH/saved\nq\n", left=["test 2", "test 3"]),
    Row("metoo", "the sender stays in a group", "team",
        rc="set metoo\nalias team pue eve\n", stdin="x\n",
        sent=[["eve", "pue"]]),
    Row("metoo", "not set: not", "team", rc="alias team pue eve\n",
        stdin="x\n", sent=[["eve"]]),
    Row("onehop", "may be set", "a@x", rc="set onehop\n", stdin="x\n",
        sent=[["a@x"]]),
    Row("outfolder", "record is in folder", "a@x", stdin="kept\n",
        rc="set folder=PATH/dir outfolder record=rec\n",
        check=lambda h, out: "kept" in (h.path / "dir/rec").read_text()),
    Row("page", "a form feed behind each message", "-N", rc="set page\n",
        stdin="pipe 1-2 'cat >PATH/piped'\nx\n",
        check=lambda h, out: (h.path / "piped").read_text().count("\f") == 2),
    Row("page", "not set", "-N", stdin="pipe 1-2 'cat >PATH/piped'\nx\n",
        check=lambda h, out: "\f" not in (h.path / "piped").read_text()),
    Row("quiet", "no opening message", rc="set quiet\n", stdin="x\n",
        no_out="version"),
    Row("quiet", "not set", stdin="x\n", out="version"),
    Row("record", "a copy of what is sent", "a@x", stdin="kept\n",
        rc="set record=PATH/rec\n",
        check=lambda h, out: "kept" in (h.path / "rec").read_text()),
    Row("screen", "lines of a summary", "-N", rc="set screen=2\n",
        stdin="h\nx\n", out='"test 2"', no_out='"test 3"'),
    Row("sendwait", "wait for the end of delivery", "a@x",
        rc="set sendwait\n", stdin="x\n", sendmail="PATH/slow",
        files={"slow": SLOW},
        check=lambda h, out: (h.path / "delivered").exists()),
    Row("showto", "recipients of one's own mail", "-N", rc="set showto\n",
        stdin="h\nx\n", box=[message(1, sender="pue", Cc="x").replace(
            "From ana@x.example", "From pue").replace(
                "To: pue@y.example", "To: zoe@z.example")],
        out="zoe@z"),
    Row("sign", "what ~a inserts", "-~", "a@x", rc="set sign='me, pue'\n",
        stdin="~a\n", text="me, pue\n"),
    Row("Sign", "what ~A inserts", "-~", "a@x", rc="set Sign='P. U. E.'\n",
        stdin="~A\n", text="P. U. E.\n"),
    Row("toplines", "lines that top shows", "-N", rc="set toplines=1\n",
        box=[message(1, body="line a\nline b")], stdin="top 1\nx\n",
        no_out="line b"),
    Row("toplines", "five by default", "-N", stdin="top 1\nx\n",
        box=[message(1, body="\n".join(f"line {i}" for i in range(30)))],
        no_out="line 9"),
    # ---- environment ----
    Row("COLUMNS", "the width of a line", "-N", stdin="h\nx\n", COLUMNS="70",
        box=[message(1, subject="s" * 200)],
        check=lambda h, out: 60 < max(map(len, out.splitlines())) <= 70),
    Row("DEAD", "where a mail goes that cannot be sent", "a@x",
        stdin="lost\n", sendmail="/bin/false", code=1, DEAD="PATH/grave",
        check=lambda h, out: "lost" in (h.path / "grave").read_text()),
    Row("EDITOR", "for ~e and edit", "-~", "a@x", stdin="text\n~e\n",
        EDITOR="echo edited >>", sent=[["a@x"]], text="edited\n"),
    Row("VISUAL", "for ~v and visual", "-~", "a@x", stdin="text\n~v\n",
        VISUAL="echo seen >>", sent=[["a@x"]], text="seen\n"),
    Row("HOME", "the directory of cd", "-N", stdin="cd\n!pwd\nx\n",
        out="PATH"),
    Row("LISTER", "lists folders", "-N", rc="set folder=PATH/dir\n",
        stdin="folders\nx\n", LISTER="echo listed", out="listed"),
    Row("MBOX", "where read messages go", "-N", stdin="p 1\nq\n",
        MBOX="PATH/read", check=lambda h, out: h.subjects(
            h.path / "read") == ["test 1"]),
    Row("SHELL", "runs commands", "-N", stdin="!x\nx\n", SHELL="/bin/echo",
        out="-c x"),
    Row("TZ", "times of mails that are sent", "a@x", stdin="x\n",
        TZ="XXX-3", text="+0300"),
    # ---- commands ----
    Row("alias", "a name for addresses", "-N",
        stdin="alias g a@x b@x\nm g\nhi\n", sent=[["a@x", "b@x"]]),
    Row("alias", "lists them", "-N", rc="alias g a@x b@x\n",
        stdin="alias\nalias g\nx\n", out=["g\t", "a@x"]),
    Row("group", "the same", "-N", stdin="group g a@x\nm g\nhi\n",
        sent=[["a@x"]]),
    Row("unalias", "forgets it", "-N", rc="alias g a@x\n",
        stdin="una g\nalias g\nx\n", out="not a group"),
    Row("alternates", "other names of the user", "-N",
        stdin="alt pue@y.example\nr 1\n", sent=[["ana@x.example"]]),
    Row("alternates", "lists them", "-N", stdin="alt me@x you@x\nalt\nx\n",
        out="me@x you@x"),
    Row("cd", "the working directory", "-N", stdin="cd PATH/dir\n!pwd\nx\n",
        out="PATH/dir"),
    Row("chdir", "the same", "-N", stdin="ch PATH/dir\n!pwd\nx\n",
        out="PATH/dir"),
    Row("copy", "appends and does not mark", "-N", rc="set hold\n",
        stdin="c 1 PATH/c\nq\n", left=["test 1", "test 2", "test 3"],
        check=lambda h, out: h.subjects(h.path / "c") == ["test 1"]),
    Row("Copy", "into a file named after the author", "-N", rc="set hold\n",
        stdin="C 1\nq\n", left=["test 1", "test 2", "test 3"],
        check=lambda h, out: h.subjects(h.path / "ana") == ["test 1"]),
    Row("delete", "removes at the end", "-N", rc="set hold\n",
        stdin="d 1 2\nq\n", left=["test 3"]),
    Row("discard", "header fields that are not shown", "-N",
        stdin="di subject\np 1\nx\n", no_out="Subject:", out="From:"),
    Row("ignore", "the same", "-N", stdin="ig SUBJECT\np 1\nx\n",
        no_out="Subject:"),
    Row("retain", "the only ones that are", "-N",
        stdin="ret subject\np 1\nx\n", out="Subject: test 1", no_out="To:"),
    Row("dp", "delete and show the next", "-N", stdin="dp 1\nx\n",
        out="body 2"),
    Row("dt", "the same", "-N", stdin="dt 1\nx\n", out="body 2"),
    Row("echo", "prints its words", "-N", stdin="ec one  two\nx\n",
        out="one two\n"),
    Row("exit", "nothing changes", "-N", stdin="d *\nex\n",
        left=["test 1", "test 2", "test 3"]),
    Row("xit", "the same", "-N", stdin="d *\nx\n",
        left=["test 1", "test 2", "test 3"]),
    Row("file", "changes to another one, leaving this as quit", "-N",
        rc="set hold\n", stdin="d 1\nfi PATH/other\np 1\nx\n",
        left=["test 2", "test 3"], out="in other"),
    Row("file", "without a name: which one it is", "-N", stdin="fi\nx\n",
        out="PATH/box"),
    Row("folder", "the same", "-N", stdin="fold PATH/other\np 1\nx\n",
        out="in other"),
    Row("file", "%, #, & and +", "-N", rc="set folder=PATH\n",
        files={"mbox": message(9)},
        stdin="file +other\nfile #\nfile %\nfile &\np 1\nx\n",
        out=["test 9", "PATH/box"]),
    Row("folders", "lists the files of folder", "-N",
        rc="set folder=PATH/dir\n", files={"dir/listed": ""},
        stdin="folders\nx\n", out="listed"),
    Row("followup", "answers, recorded by the name of the author", "-N",
        stdin="fo 1\n", sent=[["ana@x.example", "pue@y.example"]],
        check=lambda h, out: (h.path / "ana").exists()),
    Row("Followup", "to the author only", "-N", stdin="F 1\n",
        sent=[["ana@x.example"]],
        check=lambda h, out: (h.path / "ana").exists()),
    Row("from", "header lines", "-N", stdin="f 2\nx\n", out='"test 2"',
        no_out='"test 1"'),
    Row("headers", "a page of them", "-N", stdin="h\nx\n",
        out=['"test 1"', '"test 3"']),
    Row("help", "a summary of commands", "-N", stdin="hel\n?\nx\n",
        out="commands"),
    Row("hold", "command: stays in the mailbox", "-N", stdin="p 1\nho 1\nq\n",
        left=["test 1", "test 2", "test 3"], mbox=[]),
    Row("preserve", "the same", "-N", stdin="p 1\npre 1\nq\n",
        left=["test 1", "test 2", "test 3"]),
    Row("if", "s and r, else, endif", "-N",
        rc="if s\nset aa=sending\nelse\nset aa=reading\nendif\n",
        stdin="set\nx\n", out="reading", no_out="sending"),
    Row("if", "s and r, when sending", "a@x", stdin="x\n",
        rc="if s\nset record=PATH/s\nelse\nset record=PATH/r\nendif\n",
        check=lambda h, out: (h.path / "s").exists()
        and not (h.path / "r").exists()),
    Row("else", "without if is an error", "-N", stdin="else\nx\n",
        out="without matching"),
    Row("endif", "without if is an error", "-N", stdin="endif\nx\n",
        out="without matching"),
    Row("list", "all commands", "-N", stdin="l\nx\n",
        out=["alternates", "undelete", "visual"]),
    Row("mail", "sends a mail", "-N", stdin="m a@x\nhi\n", sent=[["a@x"]]),
    Row("mbox", "goes to mbox at the end", "-N", stdin="mb 2\nq\n",
        mbox=["test 2"], left=["test 1", "test 3"]),
    Row("next", "the next one", "-N", stdin="1\nn\nx\n",
        out=["body 1", "body 2"], no_out="body 3"),
    Row("next", "an empty line is next", "-N", stdin="1\n\nx\n",
        out=["body 1", "body 2"], no_out="body 3"),
    Row("next", "with a list: the first of it behind this one", "-N",
        stdin="n 2-3\nx\n", out="body 2", no_out="body 3"),
    Row("pipe", "to a command", "-N", stdin="pi 1 'grep body'\nx\n", out="body 1"),
    Row("pipe", "|", "-N", stdin="| 2 'cat >PATH/piped'\nx\n",
        check=lambda h, out: "body 2" in (h.path / "piped").read_text()),
    Row("print", "shows messages", "-N", stdin="p 1 3\nx\n",
        out=["body 1", "body 3"], no_out="body 2"),
    Row("type", "the same", "-N", stdin="t 1\nx\n", out="body 1"),
    Row("Print", "with all header fields", "-N", stdin="ig subject\nP 1\nx\n",
        out="Subject: test 1"),
    Row("Type", "the same", "-N", stdin="ig subject\nT 1\nx\n",
        out="Subject: test 1"),
    Row("quit", "writes the changes", "-N", stdin="d 1\nq\n",
        left=["test 2", "test 3"]),
    Row("quit", "so does the end of input", "-N", stdin="d 1\n",
        left=["test 2", "test 3"]),
    Row("Reply", "to the author only", "-N", stdin="R 1\n",
        sent=[["ana@x.example"]], text="Subject: Re: test 1"),
    Row("Respond", "the same", "-N", stdin="Respond 1\n",
        sent=[["ana@x.example"]]),
    Row("reply", "to all", "-N", stdin="r 1\n",
        sent=[["ana@x.example", "pue@y.example"]],
        text="Subject: Re: test 1"),
    Row("respond", "the same", "-N", stdin="respond 1\n",
        sent=[["ana@x.example", "pue@y.example"]]),
    Row("save", "appends and marks", "-N", rc="set hold\n",
        stdin="s 1 3 PATH/saved\nq\n", left=["test 2"],
        check=lambda h, out: h.subjects(
            h.path / "saved") == ["test 1", "test 3"]),
    Row("save", "says where and how much", "-N", stdin="s 1 PATH/saved\nx\n",
        out='"PATH/saved"'),
    Row("Save", "into a file named after the author", "-N", rc="set hold\n",
        stdin="S 1\nq\n", left=["test 2", "test 3"],
        check=lambda h, out: h.subjects(h.path / "ana") == ["test 1"]),
    Row("set", "name, name=value, noname; alone it lists", "-N",
        stdin='set aa bb=cc "dd=e f" noquiet\nset\nx\n',
        out=["aa", "bb", "cc", "e f"]),
    Row("unset", "forgets", "-N", stdin="set aa=seen\nuns aa\nset\nx\n",
        no_out="seen"),
    Row("size", "of messages", "-N", stdin="si 1\nx\n", out="1: "),
    Row("source", "a file of commands", "-N",
        files={"cmds": "set aa=sourced\n"}, stdin="so PATH/cmds\nset\nx\n",
        out="sourced"),
    Row("top", "the first lines", "-N", stdin="to 1\nx\n",
        out="From", no_out="body 2"),
    Row("touch", "as if it had been read: to mbox", "-N",
        stdin="tou 1\nq\n", mbox=["test 1"]),
    Row("undelete", "takes it back", "-N", rc="set hold\n",
        stdin="d 1 2\nu 1\nq\n", left=["test 1", "test 3"]),
    Row("visual", "not from here", "-N", rc="visual 1\nset aa=no\n",
        stdin="set\nx\n", no_out="aa"),
    Row("edit", "not from there", "-N", rc="edit 1\nset aa=no\n",
        stdin="set\nx\n", no_out="aa"),
    Row("write", "the texts without header", "-N",
        stdin="w 1 PATH/w\nx\n",
        check=lambda h, out: (h.path / "w").read_text() == "body 1\n"),
    Row("z", "scrolls the summary", "-N", rc="set screen=2\n",
        stdin="z\nx\n", out='"test 3"'),
    Row("z", "back with z-", "-N", rc="set screen=2\n",
        stdin="z\nz-\nx\n", out=['"test 3"', '"test 1"']),
    Row("!", "a command of the shell", "-N", stdin="!echo out\nx\n",
        out="out\n"),
    Row("#", "a comment", "-N", stdin="# d 1\nq\n", rc="set hold\n",
        left=["test 1", "test 2", "test 3"]),
    Row("=", "the number of the current message", "-N", stdin="2\n=\nx\n",
        out="\n2\n"),
    Row("shell", "an interactive one", "-N", stdin="sh\nx\n",
        SHELL="PATH/shell", files={"shell": "#!/bin/sh\necho in-shell\n"},
        out="in-shell"),
    Row("unknown", "is told", "-N", stdin="xyzzy\nx\n", out="xyzzy"),
    # ---- escapes, obeyed with -~ ----
    Row("~!", "a command", "-~", "a@x", stdin="~!echo out\n", out="out"),
    Row("~:", "a command of mailx", "-~", "a@x",
        stdin="~:set sign=signed\n~a\n", text="signed\n"),
    Row("~_", "the same", "-~", "a@x", stdin="~_set sign=signed\n~a\n",
        text="signed\n"),
    Row("~?", "a summary of escapes", "-~", "a@x", stdin="~?\n", out="~"),
    Row("~.", "the end of the text", "-~", "a@x", stdin="one\n~.\ntwo\n",
        text="one\n", check=lambda h, out: "two" not in h.mails()[0].text()),
    Row("~b", "blind copies", "-~", "a@x", stdin="~b b@x\n",
        sent=[["a@x", "b@x"]]),
    Row("~c", "copies", "-~", "a@x", stdin="~c c@x\n", text="Cc: c@x",
        sent=[["a@x", "c@x"]]),
    Row("~t", "recipients", "-~", "a@x", stdin="~t t@x\n",
        sent=[["a@x", "t@x"]]),
    Row("~s", "the subject", "-~", "a@x", stdin="~s new one\n",
        text="Subject: new one"),
    Row("~d", "the dead letter", "-~", "a@x", stdin="~d\n",
        files={"dead.letter": "was dead\n"}, text="was dead\n"),
    Row("~f", "messages", "-~", "-N", stdin="m a@x\n~f 2\n", text="\nbody 2"),
    Row("~F", "with all header fields", "-~", "-N",
        stdin="ig subject\nm a@x\n~F 2\n", text="Subject: test 2"),
    Row("~m", "indented", "-~", "-N", stdin="m a@x\n~m 2\n",
        text="\tbody 2"),
    Row("~M", "with all header fields, indented", "-~", "-N",
        stdin="ig subject\nm a@x\n~M 2\n", text="\tSubject: test 2"),
    Row("~i", "a variable", "-~", "a@x", rc="set aa='a value'\n",
        stdin="~i aa\n", text="a value\n"),
    Row("~p", "the mail so far", "-~", "a@x", stdin="so far\n~p\n",
        out="so far"),
    Row("~q", "gives up, keeps it", "-~", "a@x", stdin="lost\n~q\n", sent=[],
        check=lambda h, out: "lost" in h.dead.read_text()),
    Row("save", "variable not set: it is not kept", "-~", "a@x",
        rc="set nosave\n", stdin="lost\n~q\n",
        check=lambda h, out: not h.dead.exists()),
    Row("~x", "gives up, forgets it", "-~", "a@x", stdin="lost\n~x\n",
        sent=[], check=lambda h, out: not h.dead.exists()),
    Row("~r", "a file", "-~", "a@x", stdin="~r PATH/file\n",
        files={"file": "of the file\n"}, text="of the file\n"),
    Row("~<", "the same", "-~", "a@x", stdin="~< PATH/file\n",
        files={"file": "of the file\n"}, text="of the file\n"),
    Row("~r", "!command", "-~", "a@x", stdin="~r !echo printed\n",
        text="printed\n"),
    Row("~w", "writes the text", "-~", "a@x", stdin="so far\n~w PATH/w\n",
        check=lambda h, out: (h.path / "w").read_text() == "so far\n"),
    Row("~|", "filters the text", "-~", "a@x", stdin="small\n~|tr a-z A-Z\n",
        text="SMALL\n"),
    Row("~~", "one tilde", "-~", "a@x", stdin="~~ kept\n", text="~ kept\n"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.part} {r.says}")
def test_row(tmp_path, row):
    def place(text):
        return text.replace("PATH", str(tmp_path))

    home = Home(tmp_path, place(POSIX + row.rc))
    home.fill(*(three() if row.box is None else row.box))
    (tmp_path / "dir").mkdir()
    (tmp_path / "other").write_text(message(5, subject="in other"))
    for name, content in row.files.items():
        (tmp_path / name).write_text(place(content))
        (tmp_path / name).chmod(0o755 if content.startswith("#!") else 0o644)
    for name in [n for n, v in row.env.items() if v is None]:
        del home.env[name]
    env = {n: place(v) for n, v in row.env.items() if v is not None}
    first = [] if "-n" in row.args else ["-n"]
    code, out, err = home.run(*first, *map(place, row.args),
                              stdin=place(row.stdin), **env)
    out += err
    for text in row.out:
        assert place(text) in out
    for text in row.no_out:
        assert text not in out
    if row.code is not None:
        assert code == row.code, out
    if row.left is not None:
        assert home.subjects() == row.left, out
    if row.mbox is not None:
        assert home.subjects(home.mbox) == row.mbox, out
    if row.sent is not None:
        assert [m.recipients() for m in home.mails()] == row.sent, out
    for text in row.text:
        assert place(text).encode() in home.mails()[0].content, out
    assert not row.check or row.check(home, out), out


def test_nothing_is_forgotten():
    posix_mailx.check_complete({row.part for row in ROWS}, tty=False)
