# SPDX-License-Identifier: ISC
"""postmap -q and what it says about names of tables, beside Debian's."""

import pytest

from lib import tables_peer
from lib.tables_peer import Scenario, known_of_postmap

pytestmark = pytest.mark.skipif(tables_peer.why_not() is not None,
                                reason=str(tables_peer.why_not()))

NAMES = [
    "inline:{}", "inline:{a}", "inline:{ {a b} }", 'inline:{ {"a b}=c }',
    "inline:{a=b}", "inline:{A=b, c = d}", "inline:{=x}", "inline:{a=}",
    "inline:x", "inline:{a=b} c", "inline:{{a=b}c}", "inline:{{a=b}",
    "inline:{a=1,a=2}", 'inline:{{"a b"=c d}}', "inline:{ , }", "inline:{{}}",
    "inline:{{a = x y }, {b=z}}", "inline:{a=b=c}", "inline:{Ä=ö}",
    'inline:{"a=b}',
    "static:a", "static:{a", "static:{a} b", "static:{ a  b }", "static:",
    "static:{}", "static:{{a}}", "static: a",
    "unionmap:{a}", "unionmap:{}", "unionmap:x", "unionmap:{static:a}",
    "unionmap:{static:a,static:b}", "unionmap:{inline:{a=1},static:b}",
    "unionmap:{static:a,{inline:{{q=b c}}}}", "unionmap:{hash:none}",
    "unionmap:{inline:{a=1}, inline:{b=2}}", "unionmap:{fail:x}",
    "unionmap:{static:a, fail:x}", "unionmap:{inline:{q=1}",
    "pipemap:{static:a,static:b}", "pipemap:{inline:{a=b},inline:{b=c}}",
    "pipemap:{inline:{a=x},inline:{b=c}}", "pipemap:{}", "pipemap:{a}",
    "pipemap:{inline:{a=A},inline:{a=c}}", "pipemap:{nosuch:a}",
    "pipemap:{unionmap:{static:a,static:b},inline:{{a,b=c}}}",
    "randmap:{}", "randmap:{a}", "randmap:x", "randmap:{a", "randmap:{{a b}}",
    "unix:foo", "unix:passwd.byname", "unix:group.byname",
    "environ:x", "internal:x", "fail:x", "nosuch:x", "regexp:", ":", "a:",
    ":a", "hash:none", "lmdb:none", "cdb:none", "btree:none", "texthash:none",
    "none", "hash:bad", "lmdb:bad", "cdb:bad", "lmdb:empty",
    "texthash:conf", "regexp:none", "cidr:none", "pcre:none",
]


def queries():
    bad = {"bad.db": b"garbage " * 2000, "bad.lmdb": b"garbage " * 2000,
           "bad.cdb": b"short"}
    for name in NAMES:
        if name == "lmdb:empty":
            continue
        yield Scenario(f"query {name}", bad, [
            ["postmap", "-q", "a", name], ["postmap", "-q", "A", name],
            ["postmap", "-fq", "A", name],
            (["postmap", "-q", "-", name], "b\nq\n\nroot\nmail\n"),
            ["postmap", "-s", name], ["postmap", "-d", "a", name],
            (["postmap", "-d", "-", name], "a\nb\n")]
            if not name.startswith(("hash:", "btree:", "lmdb:", "cdb:"))
            and name != "none"
            else [["postmap", "-q", "a", name], ["postmap", "-s", name]])


MESSAGE = """\
Received: from a
\tby b
Subject : hello
Content-Type: multipart/mixed;
  boundary="abc" (comment "x")

preamble
--abc
Content-Type: text/plain; x=y
X-Part: one

text of part one
--abc
Content-Type: message/rfc822

Subject: inner
From: x

inner body
--abcd
still? part
--abc
Content-Type: multipart/digest; boundary=in

--in

Subject: digested

digest body
--in--
between
--abc--
epilogue
"""
GARBLED = "Subject: x\nnot a header\nTo: y\n\nbody\n"


def messages():
    tables = {"static": "static:x", "case": "inline:{ {Subject: hello=yes} }",
              "regexp": "regexp:re"}
    files = {"re": "/./ line\n/^$/ blank\n"}
    for label, table in tables.items():
        for message, text in {"mime": MESSAGE, "garbled": GARBLED,
                              "empty": "", "blank": "\nx\n", "headers":
                              "a: b\n c\n", "body": "x y\n",
                              "utf8": b"Subject: \xff\n\n\xfe\n"}.items():
            for options in (["-h"], ["-b"], ["-hb"], ["-hm"], ["-bm"],
                            ["-hbm"], ["-hbmU"], ["-m"]):
                yield Scenario(f"message {label} {message} {options}", files, [
                    (["postmap", *options, "-q", "-", table], text)])


def test_queries(tmp_path):
    tables_peer.compare_all(list(queries()), tmp_path, known_of_postmap)


def test_messages(tmp_path):
    tables_peer.compare_all(list(messages()), tmp_path, known_of_postmap)
