# SPDX-License-Identifier: ISC
"""postmap beside Debian's. What is meant to differ is in
lib/tables_peer.py and in doc/postfix-differences.md."""

import pytest

from lib import tables_peer
from lib.tables_peer import Scenario, known_of_postmap

pytestmark = pytest.mark.skipif(tables_peer.why_not() is not None,
                                reason=str(tables_peer.why_not()))

KINDS = ["hash", "btree", "lmdb", "cdb"]

SOURCES = {
    "plain": "a 1\nb 2\nc 3\n",
    "case": "Key Value\nKEY2\tV2\nkEy3 Three Words Here\n",
    "twice": "a 1\nA 2\na 3\nb 4\n",
    "no value": "a\nb 2\n  \nc \t\nd\t \t4\n",
    "comments": "# x\n\n   # y\na 1\n# z\n  more\n\n  \t\nb 2 # no\n#c 3\n",
    "continued": "a 1\n 2\n\t3\n#\n 4\nb\n 5\n   \n 6\n",
    "leading": " a 1\n b 2\nc 3\n   long line that is wrong by far more than 30\n",
    "leading only": "  a 1\n",
    "quotes": "\"a b\" 1\n\"a\\\"b\" 2\na\\ b 3\n\"x\ty\" z\n\"q w e\na\"b c\"d e\n",
    "open quote": "\"abc def\ngood 1\na\" b\n",
    "backslash": "a\\\nb\\ \nc\\  d\n\\ e\n",
    "colon": "root: joe\na: b\nc:d e\n",
    "end": "a 1\nb 2",
    "crlf": "a 1\r\nb 2\r\n\r\nc\r\n",
    "controls": "a\v1\nb\f2\nc\x01 \x02\n",
    "nul": b"a 1\0x\nb\0 2\nc 3\n",
    "latin1": b"a \xe9t\xe9\nb 2\n\xe9 3\nc\xff 4\n",
    "utf8": "Ä ö\nÉCOLE x\nΑΘΗΝΑ y\nМОСКВА z\nİ i\nŁÓDŹ l\nSTRASSE 1\nstraße 2\n",
    "utf8 signs": "日本 a\nﬀ b\nǅ c\nΣΑΣ d\nK e\nẞ f\n𐐀 g\nŉ h\nͅ i\n",
    "empty": "",
    "nothing": "# nothing\n\n",
    "spaces": "a  1   2\t 3 \nb\t\t2  \n",
    "long": "a " + "v" * 3000 + "\n" + "k" * 400 + " w\nb " + "x" * 70000 + "\n",
    "addresses": "user@example.com ok\n@example.com no\n.example.com x\n<> y\n"
                 "1.2.3 z\nuser+ext@Example.COM mixed\n",
    "dollar": "a $1 ${x} %s %n\n%s %d\n",
}
KEYS = {
    "utf8": ["ä", "Ä", "école", "Αθηνα", "москва", "i̇", "łódź", "Straße"],
    "utf8 signs": ["日本", "FF", "ff", "ǆ", "σας", "ΣΑΣ", "k", "ss", "𐐨", "ʼn",
                   "ι"],
    "quotes": ['"a b"', "a b", '"A B"', "a\\ b", 'a"b c"d'],
    "case": ["Key", "KEY", "key2", "Key3"],
    "latin1": [b"a", b"\xe9", b"c\xff", b"b"],
    "addresses": ["user@example.com", "USER@EXAMPLE.COM", "@example.com", "<>",
                  "user+ext@example.com"],
}
OPTIONS = [[], ["-f"], ["-u"], ["-n"], ["-N"], ["-r"], ["-w"], ["-p"], ["-o"],
           ["-f", "-u", "-r"], ["-N", "-w"], ["-v"]]


def text_of(key):
    return tables_peer.as_bytes(key)


def builds():
    number = 0
    for source, text in SOURCES.items():
        for kind in KINDS:
            options = OPTIONS[number % len(OPTIONS)]
            number += 1
            keys = KEYS.get(source, ["a", "b", "A", "nothing"])
            table = f"{kind}:t"
            some = [o for o in options if o not in ("-r", "-w", "-p", "-o")]
            yield Scenario(
                f"build {kind} {options} {source}", {"t": text},
                [["postmap", *options, table],
                 ["postmap", *some, "-s", table],
                 (["postmap", *some, "-q", "-", table],
                  b"\n".join(map(text_of, keys)) + b"\n"),
                 (["postmap", "-q", "-", table],
                  b"\n".join(map(text_of, keys)))],
                tables=[table])
        yield Scenario(
            f"texthash {source}", {"t": text},
            [["postmap", "-s", "texthash:t"],
             ["postmap", "-w", "-f", "-s", "texthash:t"],
             ["postmap", "-r", "-u", "-s", "texthash:t"]])


def usages():
    files = {"t": "a 1\nb 2\n", "u": "b 3\nc 4\n"}
    calls = [
        ["postmap"], ["postmap", "-z"], ["postmap", "-q", "a", "-s", "t"],
        ["postmap", "-i", "-d", "x", "t"], ["postmap", "-b", "t"],
        ["postmap", "-h", "-q", "x", "t"], ["postmap", "-m", "-s", "t"],
        ["postmap", "-q", "a"], ["postmap", "-d", "a"], ["postmap", "-s"],
        ["postmap", "-i"], ["postmap", "noexist"], ["postmap", "nosuch:t"],
        ["postmap", "hash:noexist"], ["postmap", "texthash:t"],
        ["postmap", "inline:t"], ["postmap", "fail:t"],
        ["postmap", "proxy:hash:t"], ["postmap", "static:t"],
        ["postmap", "regexp:t"], ["postmap", "conf/none:t"],
        ["postmap", ":t"], ["postmap", "t:"], ["postmap", "no-conf", "-c",
                                               "nowhere", "t"],
        ["postmap", "-q", "a", "static:x", "static:y"],
        ["postmap", "-q", "a", "inline:{b=1}", "inline:{a=2}", "fail:x"],
        ["postmap", "-q"], ["postmap", "-c"],
    ]
    for number, call in enumerate(calls):
        yield Scenario(f"usage {number} {call}", files, [call])
    yield Scenario("several tables", files, [
        ["postmap", "t", "lmdb:u"],
        (["postmap", "-q", "-", "t", "lmdb:u"], "a\nb\nc\nd\n"),
        ["postmap", "-q", "c", "t", "lmdb:u"],
        ["postmap", "-d", "b", "t", "lmdb:u"],
        ["postmap", "-s", "t"], ["postmap", "-s", "lmdb:u", "t"],
        ["postmap", "-d", "nothing", "t", "lmdb:u"]],
        tables=["hash:t", "lmdb:u"])
    yield Scenario("default type", files, [
        ["postmap", "t"], ["postmap", "-q", "a", "t"]],
        main_cf="default_database_type = btree\n", tables=["btree:t"])
    yield Scenario("no utf8", {"t": SOURCES["latin1"]}, [
        ["postmap", "t"], ["postmap", "-s", "t"]],
        main_cf="smtputf8_enable = no\n", tables=["hash:t"])
    for mode in (0o600, 0o640, 0o644, 0o666, 0o755, 0o400):
        for options in ([], ["-p"]):
            for kind in KINDS:
                yield Scenario(
                    f"mode {mode:o} {options} {kind}", {"t": "a 1\n"},
                    [["postmap", *options, f"{kind}:t"]], modes={"t": mode})


def changes():
    for kind in ("hash", "btree", "lmdb"):
        table = f"{kind}:t"
        for options in ([], ["-r"], ["-w"], ["-f"], ["-n"]):
            yield Scenario(f"change {kind} {options}", {"t": "a 1\nb 2\n"}, [
                ["postmap", table],
                (["postmap", "-i", *options, table], "A 5\nc 6\nC 7\n  x\n"),
                ["postmap", "-s", table],
                (["postmap", "-d", "-", *options, table], "B\nnone\nc\n"),
                (["postmap", "-d", "-", table], "none\n"),
                ["postmap", "-s", table],
                ["postmap", "-d", "a", table], ["postmap", "-s", table],
                (["postmap", "-i", table], "x 1\n"),
            ], tables=[table])
        yield Scenario(f"new by -i {kind}", {}, [
            (["postmap", "-i", table], "a 1\nb 2\n"),
            ["postmap", "-s", table]], tables=[table])
        yield Scenario(f"bad key {kind}", {"t": "a 1\n"}, [
            ["postmap", table],
            (["postmap", "-i", table], b"\xff 1\nok 2\n"),
            (["postmap", "-q", "-", table], b"\xff\nok\n"),
            (["postmap", "-d", "-", table], b"ok\n"),
        ], tables=[table])
    yield Scenario("change cdb", {"t": "a 1\n"}, [
        ["postmap", "cdb:t"], (["postmap", "-i", "cdb:t"], "b 2\n"),
        ["postmap", "-d", "a", "cdb:t"], ["postmap", "-q", "a", "cdb:t"]])
    yield Scenario("too long", {"t": "k" * 511 + " v\n"}, [
        ["postmap", "lmdb:t"], ["postmap", "-n", "lmdb:t"],
        ["postmap", "-q", "k" * 600, "lmdb:t"]])


def files_as_values():
    files = {"t": "a one\nb one, two\nc none\nd one\tnone\n",
             "one": b"first\nfile \xff\0x", "two": "second", "u": "a b64\n",
             "bad": "a !!!\n"}
    for kind in KINDS:
        table = f"{kind}:t"
        yield Scenario(f"files {kind}", files, [
            ["postmap", "-F", table], ["postmap", "-F", "-q", "b", table],
            ["postmap", "-q", "b", table], ["postmap", "-F", "-s", table],
            (["postmap", "-F", "-q", "-", table], "b\nnone\n"),
            ["postmap", f"{kind}:bad"], ["postmap", "-F", "-q", "a",
                                         f"{kind}:bad"]],
            tables=[table])
    for name in ("texthash:t", "inline:{a=two}", "inline:{a=none}",
                 "static:two", "static:none", "randmap:{two}",
                 "randmap:{none}", "inline:{{a=two one}}", "static:{one two}"):
        yield Scenario(f"files {name}", files, [
            ["postmap", "-F", "-q", "a", name], ["postmap", "-q", "a", name]])


def test_builds(tmp_path):
    assert tables_peer.compare_all(list(builds()), tmp_path, known_of_postmap) > 400


def test_usages_and_modes(tmp_path):
    tables_peer.compare_all(list(usages()), tmp_path, known_of_postmap)


def test_changes(tmp_path):
    tables_peer.compare_all(list(changes()), tmp_path, known_of_postmap)


def test_values_are_files(tmp_path):
    tables_peer.compare_all(list(files_as_values()), tmp_path, known_of_postmap)
