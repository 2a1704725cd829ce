# SPDX-License-Identifier: ISC
"""postalias and newaliases beside Debian's."""

import re

import pytest

from lib import tables_peer
from lib.tables_peer import Scenario

pytestmark = pytest.mark.skipif(tables_peer.why_not() is not None,
                                reason=str(tables_peer.why_not()))

KINDS = ["hash", "lmdb", "btree", "cdb"]
SOURCES = {
    "plain": "root: joe\nPostmaster: root\nnews : a, b,c\n",
    "programs": 'x: "|/bin/cat >> /tmp/x y", |/bin/y\ny: /var/mail/y\n'
                'z: :include:/etc/list, "|a \\"b\\" c"\n',
    "quoted": '"a b": x\n"A@b": y\n"c:d": z\n"e\\"f": w\n"": x\n"q"."r": s\n',
    "comments": "# x\na: b # c\nd: (note) e (more (nested))\nf(n): g\n",
    "continued": "a: b,\n\tc,\n # no\n d\ne:\n f\n g: h\n",
    "wrong": "a\nb:\n: c\nd@e: f\ng%h: i\nj, k: l\n  m: n\n",
    "addresses": "a: <b@c>, d e <f@g>, h!i, @j:k@l, m@[1.2.3.4];\nn: o@p.q;\n",
    "twice": "a: b\nA: c\na: d\n",
    "utf8": "ä: ö\nÄ: x\nМир: a@б.com\n",
    "latin1": b"a\xe9: b\nc: d\xe9\ne: f\n",
    "domain": "a: [1.2.3], [x\\]y]\nb: c@[d e]\n",
    "escapes": "a\\ b: c\\,d\ne: f\\\n",
    "signs": "a;b: c\nd.e: f.g\n.h: i\nj+k: l+m\n<n>: o\np=q: r\n",
    "nul": b"a: b\0c\nd\0: e\n",
    "empty": "",
    "long": "a: " + ", ".join(f"user{i}@example.com" for i in range(900)) + "\n",
    "semicolons": "a: b; c\nd: e;f\ng: h:i;\n",
}
STAMP = re.compile(rb"(YP_LAST_MODIFIED:?\t)\d+")


def known(arguments, result):
    status, out, error = result
    if "-s" in arguments and arguments[-1].startswith("cdb:"):
        return None  # we can list them
    return status, out, error


def builds():
    number = 0
    options = [[], ["-f"], ["-u"], ["-n"], ["-N"], ["-r"], ["-w"], ["-p"]]
    for source, text in SOURCES.items():
        for kind in KINDS:
            chosen = options[number % len(options)]
            number += 1
            table = f"{kind}:t"
            yield Scenario(f"{source} {kind}", {"t": text}, [
                ["postalias", *chosen, table],
                ["postalias", "-q", "a", table],
                ["postalias", "-q", "A B", table],
                (["postalias", "-q", "-", table],
                 b"a\nroot\nA\na b\nx\n\xc3\x84\n@\nYP_MASTER_NAME\n\n"),
                ["postmap", "-q", "@", table]])


def changes():
    for kind in KINDS[:3]:
        table = f"{kind}:t"
        for option in ([], ["-r"], ["-w"], ["-n"]):
            yield Scenario(f"change {kind} {option}", {"t": "a: b\nc: d\n"}, [
                ["postalias", table],
                (["postalias", "-i", *option, table], "A: x\ne: f\nwrong\n"),
                ["postalias", "-q", "a", table],
                ["postalias", "-d", "C", table],
                (["postalias", "-d", "-", table], "c\ne\nnone\n"),
                (["postalias", "-q", "-", table], "a\nc\ne\n@\n")])


def usages():
    calls = [["postalias"], ["postalias", "-z"], ["postalias", "-b", "t"],
             ["postalias", "none"], ["postalias", "-s"],
             ["postalias", "texthash:t"], ["postalias", "proxy:hash:t"],
             ["postalias", "-q", "a", "-d", "b", "t"],
             ["postalias", "-q", "a", "hash:none"],
             ["postalias", "-q", "a", "static:x"],
             ["postalias", "-s", "inline:{a=b}"],
             ["newaliases"], ["newaliases", "x"], ["newaliases", "-z"], ["newaliases", "-t"],
             ["newaliases", "-oAlmdb:HOME/t"], ["newaliases", "-oA"],
             ["newaliases", "-m", "-oi", "-oAhash:HOME/u"],
             ["newaliases", "-oAhash:HOME/none"],
             ["newaliases", "no-conf", "-C", "nowhere"]]
    for number, call in enumerate(calls):
        yield Scenario(f"usage {number} {call}",
                       {"t": "a: b\n", "u": "wrong\nb: c\n"}, [call],
                       main_cf="alias_database = hash:HOME/t, btree:HOME/u\n")


def without_stamp(results):
    return [(s, STAMP.sub(rb"\1", o), e) for s, o, e in results]


@pytest.fixture(autouse=True)
def no_stamps(monkeypatch):
    """When a table was made differs."""
    call = tables_peer.call

    def stampless(*arguments):
        return without_stamp([call(*arguments)])[0]

    monkeypatch.setattr(tables_peer, "call", stampless)


def test_builds(tmp_path):
    tables_peer.compare_all(list(builds()), tmp_path, known)


def test_changes(tmp_path):
    tables_peer.compare_all(list(changes()), tmp_path, known)


def test_usages(tmp_path):
    tables_peer.compare_all(list(usages()), tmp_path)


def test_tables_for_postfix(tmp_path):
    scenarios = [
        Scenario(f"{source} {kind}", {"t": text},
                 [["postalias", f"{kind}:t"]], tables=[f"{kind}:t"])
        for source, text in SOURCES.items() for kind in KINDS[:2]]
    tables_peer.compare_all(scenarios, tmp_path)
