# SPDX-License-Identifier: ISC
"""mongodb: tables, through the real driver, against a server of our own that
can also die, keep silent and lie."""

import os
import struct
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import instance, servers
from lib.mongo_server import Long, Mongo, Odd, encode, error, reply

ASK = os.path.join(instance.BUILD, "test", "map-ask")
QUERY = os.path.join(instance.BUILD, "test", "map-query")

pytestmark = pytest.mark.skipif(
    not os.path.exists(os.path.join(instance.PROGRAMS, "map-mongodb.so")),
    reason="built without mongodb")

BY_NAME = 'query_filter = {"name": "%s"}\nresult_attribute = mail\n'


class Ask:
    """A process with a table; ask(key) is what it says."""

    def __init__(self, spec):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8",
                                          errors="surrogateescape")
        self.process = subprocess.Popen(
            [ASK, "-m", instance.PROGRAMS, spec], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, encoding="utf-8",
            errors="surrogateescape")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait()
        self.log.close()
        assert status == 0

    def send(self, key):
        self.process.stdin.write(key + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, key):
        self.send(key)
        return self.answer()

    def warnings(self):
        self.log.seek(0)
        return [line.removeprefix("warning: ").rstrip("\n")
                for line in self.log]


def uri(port, user="", options=""):
    return f"mongodb://{user}127.0.0.1:{port}/{options}"


@pytest.fixture
def cf(tmp_path):
    """Writes the file of a table; its spec."""
    def write(where, text=BY_NAME, name="table.cf"):
        path = tmp_path / name
        path.write_text(f"uri = {where}\ndbname = mail\ncollection = box\n"
                        + text)
        return f"mongodb:{path}"
    return write


PEOPLE = [
    {"_id": 1, "name": "joe", "mail": "joe@x.org", "uid": 1000, "active": 1},
    {"_id": 2, "name": "o'hara", "mail": "q"},
    {"_id": 3, "name": 'say "hi"', "mail": "dq"},
    {"_id": 4, "name": "back\\slash", "mail": "bs"},
    {"_id": 5, "name": "back\\", "mail": "end"},
    {"_id": 6, "name": "jürgen", "mail": "jürgen@ü.org"},
    {"_id": 7, "name": "twice", "mail": "a@x"},
    {"_id": 8, "name": "twice", "mail": "b@x"},
    {"_id": 9, "name": "list", "mail": ["a@x", "b@x", ["c@x", 4]]},
    {"_id": 10, "name": "empty", "mail": ""},
    {"_id": 11, "name": "bare"},
    {"_id": 12, "name": "none", "mail": None},
    {"_id": 13, "name": "float", "mail": [1.5, "after"]},
    {"_id": 14, "name": "long", "mail": [Long(-2**63), 2**40, -1, 0]},
    {"_id": 15, "name": "nul", "mail": "a\0b"},
    {"_id": 16, "name": "latin", "mail": "\udce9"},
    {"_id": 17, "name": "bad", "mail": ["fine", "\udcff"]},
    {"_id": 18, "name": "tab\there", "mail": "tab"},
    {"_id": 19, "name": "1", "mail": "one"},
    {"_id": 20, "name": "many", "mail": [str(i) for i in range(11)]},
    {"_id": 21, "name": "emoji😀", "mail": "e"},
    {"_id": 22, "name": "deep", "mail": [[[[[[[[[[[["x"]]]]]]]]]]]]},
    {"_id": 23, "user": "ann", "dom": "x.org", "alias": [
        {"address": "a.nn@x.org"}, {"address": "anne@x.org"}],
     "box": "ann@store.x.org"},
]


@pytest.fixture(scope="module", name="mongo")
def start_mongo():
    with Mongo(PEOPLE) as server:
        yield server


def test_lookups(mongo, cf):
    spec = cf(uri(mongo.port))
    before = mongo.connections
    with Ask(spec) as table:
        for key, value in (
                ("joe", "+joe@x.org"), ("JOE", "+joe@x.org"), ("nobody", "-"),
                ("o'hara", "+q"), ('say "hi"', "+dq"),
                ("back\\slash", "+bs"), ("back\\", "+end"),
                ("jürgen", "+jürgen@ü.org"), ("emoji😀", "+e"),
                ("tab\there", "+tab"), ("twice", "+a@x,b@x"),
                ("list", "+a@x,b@x,c@x,4"), ("bare", "-"), ("1", "+one"),
                ("long", f"+{-2**63},{2**40},-1,0"), ("\udce9", "-"),
                ("", "-")):
            assert table.ask(key) == value, key
        assert table.warnings() == [
            f'table "{spec}": empty query string -- ignored']
    assert mongo.connections == before + 1
    request = mongo.finds[-1]
    assert request["$db"] == "mail" and request["find"] == "box"
    assert request["projection"] == {"mail": 1, "_id": 0}


def test_odd_values(mongo, cf):
    spec = cf(uri(mongo.port))
    odd = f"{spec}: failed to retrieve value of '%s', Unknown result type %d."
    with Ask(spec) as table:
        for key, value, warning in (
                ("empty", "-", f'table "{spec}": empty lookup result for: '
                 '"empty" -- ignored'),
                ("none", "-", odd % ("mail", 10)),
                ("float", "+after", odd % ("0", 1)),
                ("nul", "?", f'{spec}: key "nul": null byte in the value'),
                ("latin", "?", f'{spec}: key "latin": invalid UTF-8 in '
                 'lookup result'),
                ("bad", "?", f'{spec}: key "bad": invalid UTF-8 in lookup '
                 'result'),
                ("many", "?", f"{spec}: expansion limit exceeded for key: "
                 "'many'"),
                ("deep", "?", f"{spec}: mongodb server "
                 f"127.0.0.1:{mongo.port}: malformed array")):
            assert table.ask(key) == value, key
            assert table.warnings()[-1] == warning
        assert len(table.warnings()) == 8
        assert table.ask("joe") == "+joe@x.org"


INJECTIONS = ['{"$gt": ""}', '"}', '", "name": {"$gt": ""}, "x": "',
              '"}, {"$ne": "', '{"$ne": 1}', "$gt", '\\", "$where": "1',
              "\\u0022", '\\"', "' || 1 || '", "*", ".*", "null", "[]"]


def test_injection(mongo, cf):
    """None of these finds anything, and each arrives as it is."""
    with Ask(cf(uri(mongo.port))) as table:
        for key in INJECTIONS:
            assert table.ask(key) == "-", key
            assert mongo.finds[-1]["filter"] == {"name": key}
        assert table.warnings() == []


def test_templates(mongo, cf):
    where = uri(mongo.port)
    address = ('query_filter = {"$or": [{"user": "%u", "dom": "%d"}, '
               '{"alias.address": "%s"}]}\n')
    for text, answers in (
            (address + "result_attribute = box",
             {"ann@x.org": "+ann@store.x.org", "a.nn@x.org":
              "+ann@store.x.org", "anne@y.org": "-", "ann": "-"}),
            (address + "result_attribute = box\nresult_format = <%u %d %S %2>",
             {"anne@x.org": "+<ann store.x.org anne@x.org x>"}),
            (address + "result_attribute = user, dom box",
             {"anne@x.org": "+ann,x.org,ann@store.x.org"}),
            (address + "result_attribute = box\ndomain = y.org",
             {"ann@x.org": "-"}),
            (address + 'projection = {"user": 1, "box": 1}',
             {"anne@x.org": "+ann,ann@store.x.org"}),
            ('query_filter = {"name": "%s", "active": 1}\n'
             "result_attribute = uid", {"joe": "+1000", "twice": "-"}),
            ('query_filter = {"name": "%s", "n": "100%%"}\n'
             "result_attribute = uid", {"joe": "-"}),
            (BY_NAME + "expansion_limit = 1",
             {"joe": "+joe@x.org", "twice": "?", "list": "?"}),
            (BY_NAME + "expansion_limit = 0",
             {"many": "+" + ",".join(str(i) for i in range(11))})):
        with Ask(cf(where, text + "\n")) as table:
            for key, value in answers.items():
                assert table.ask(key) == value, (text, key)
    assert {"name": "joe", "n": "100%"} in [f["filter"] for f in mongo.finds]


def test_refused(mongo, cf):
    spec = cf(uri(mongo.port), 'query_filter = {"name": {"$near": "%s"}}\n'
              "result_attribute = mail\n")
    with Ask(spec) as table:
        assert table.ask("joe") == "?"
        assert table.warnings() == [
            f"{spec}: mongodb server 127.0.0.1:{mongo.port}: unknown "
            "operator: $near"]


def test_batches(cf):
    """Also those in which there is nothing."""
    def on_find(server, request):
        if request["filter"]["name"] != "gap":
            return None
        server.cursors[7] = [{"mail": "late"}]
        return {"cursor": {"firstBatch": [], "id": Long(7),
                           "ns": "mail.box"}, "ok": 1.0}
    people = [{"name": "all", "mail": str(i)} for i in range(7)]
    with Mongo(people, batch=3, on_find=on_find) as server, \
            Ask(cf(uri(server.port))) as table:
        assert table.ask("all") == "+0,1,2,3,4,5,6"
        assert table.ask("gap") == "+late"
        assert server.commands.count("getMore") == 3
        assert server.connections == 1


def table_reason(spec):
    with Ask(spec) as table:
        assert table.ask("joe") == "?"
        return "\n".join(table.warnings()).replace(
            os.path.dirname(spec.removeprefix("mongodb:")), "")


@pytest.mark.parametrize("text, reason", [
    (BY_NAME + "projection = {}\n", "specify exactly one of"),
    (BY_NAME + "x\n", "table.cf, line 6: missing '=' after attribute name"),
    ('query_filter = {"name": "%s"\nresult_attribute = mail\n',
     "table.cf: query_filter: "),
    ('query_filter = {"name": %s}\nresult_attribute = mail\n',
     "table.cf: query_filter: a % expansion must stand in double quotes"),
    ('query_filter = {"name": "%s"}\nprojection = {"a":}\n',
     "table.cf: projection: "),
    (BY_NAME + "expansion_limit = 101\n", "expansion_limit"),
    (BY_NAME + "dbname =\n", "dbname"),
])
def test_wrong_file(cf, text, reason):
    said = table_reason(cf("mongodb://u:geheim@127.0.0.1:1", text))
    assert reason in said
    assert "geheim" not in said


@pytest.mark.parametrize("where, reason", [
    ("mongodb://bob:ge%heim@h", "uri: Invalid % escape sequence"),
    ("mongodb://u:ge@heim@h", "must be written as %40"),
    ("http://u:geheim@h", "uri: Invalid URI Schema"),
    ("mongodb://u:geheim@h/?tls=geheim", "uri: "),
    ("mongodb://127.0.0.1:1/?waitHeim=1",
     'uri: Unsupported URI option "waitheim"'),
    ("mongodb://u:geheim@h/?authMechanismProperties=geheim:1", ""),
])
def test_wrong_uri(cf, where, reason):
    said = table_reason(cf(where + ("&" if "?" in where else "/?")
                           + "serverSelectionTimeoutMS=10"))
    assert reason in said
    assert "geheim" not in said and "heim@h" not in said


def test_password(cf):
    with Mongo(PEOPLE, users={"bob": "geh eim"}) as server:
        with Ask(cf(uri(server.port, "bob:geh%20eim@",
                        "?authSource=admin"))) as table:
            assert table.ask("joe") == "+joe@x.org"
            assert table.warnings() == []
        for user in "bob:geheim@", "sesame:geheim@":
            spec = cf(uri(server.port, user, "?authSource=admin"))
            with Ask(spec) as table:
                assert table.ask("joe") == "?"
                assert table.warnings() == [
                    f"{spec}: mongodb server 127.0.0.1:{server.port}: "
                    "Authentication failed."]
        spec = cf(uri(server.port))
        with Ask(spec) as table:
            assert table.ask("joe") == "?"
            assert "requires authentication" in table.warnings()[0]


def test_password_repeated(cf):
    """A server that says the password back is not repeated."""
    def on_find(_server, _request):
        return error(2, "you said geheim\nfatal: \x1b[1mline two")
    with Mongo(PEOPLE, on_find=on_find) as server:
        for user, said in (("x:geheim@", "repeats the password"),
                           ("", "you said geheim?fatal: ?[1mline two")):
            where = uri(server.port, user, "?authMechanism=SCRAM-SHA-256")
            server.users = {"x": "geheim"} if user else {}
            spec = cf(where if user else uri(server.port))
            with Ask(spec) as table:
                assert table.ask("joe") == "?"
                assert len(table.warnings()) == 1
                assert said in table.warnings()[0]


def test_dies_and_returns(cf):
    with Mongo(PEOPLE) as server:
        spec = cf(uri(server.port))
        with Ask(spec) as table:
            assert table.ask("joe") == "+joe@x.org"
            server.restart()
            assert table.ask("joe") == "+joe@x.org"
            assert table.warnings() == []
            server.stop()
            assert table.ask("joe") == "?"
            assert table.ask("joe") == "?"
            assert len(table.warnings()) == 2
            for line in table.warnings():
                assert line.startswith(
                    f"{spec}: mongodb server 127.0.0.1:{server.port}: ")
                assert "Failed to connect to target host" in line
            server.start()
            assert table.ask("joe") == "+joe@x.org"
            assert len(table.warnings()) == 2


def test_dies_in_mid_lookup(cf):
    """Between two batches, or before the answer: asked again once."""
    state = {"deaths": 1}

    def on_find(_server, _request):
        if state["deaths"] > 0:
            state["deaths"] -= 1
            return b""
        return None
    with Mongo(PEOPLE, on_find=on_find) as server:
        spec = cf(uri(server.port))
        with Ask(spec) as table:
            assert table.ask("joe") == "+joe@x.org"
            state["deaths"] = 1
            assert table.ask("joe") == "+joe@x.org"
            assert table.warnings() == []
            state["deaths"] = 100
            assert table.ask("joe") == "?"
            assert state["deaths"] > 90
            assert len(table.warnings()) == 1
            state["deaths"] = 0
            assert table.ask("joe") == "+joe@x.org"
        many = [{"name": "all", "mail": str(i)} for i in range(9)]
        server.documents, server.batch = many, 3
        with Ask(spec) as table:
            server.do_getMore = lambda *_: b""
            assert table.ask("all") == "?"
            del server.do_getMore
            assert table.ask("all") == "+0,1,2,3,4,5,6,7,8"


def cursor(batch):
    return encode({"cursor": {"firstBatch": batch, "id": Long(0),
                              "ns": "mail.box"}, "ok": 1.0})


GOOD = cursor([{"mail": "x"}])
SHORT = {"mail": Odd(2, struct.pack("<i", 9999) + b"x\0")}
LIES = [
    b"", b"\0" * 100, b"\xff" * 100, b"HTTP/1.0 200 OK\r\n\r\n",
    struct.pack("<iiii", 15, 0, 0, 2013),
    struct.pack("<iiii", -1, 0, 0, 2013),
    struct.pack("<iiii", 2**31 - 1, 0, 0, 2013) + b"x" * 1000,
    struct.pack("<iiii", 40000000, 0, 0, 2013) + b"x" * 1000,
    reply(2013, 0, b""), reply(2013, 0, b"\x05\0\0\0"),
    reply(2013, 0, b"\xff\xff\xff\x7f" + GOOD[4:]),
    reply(2013, 0, GOOD[:-1] + b"\x01"), reply(2013, 0, GOOD[:30]),
    reply(2013, 0, cursor([SHORT])),
    reply(2013, 0, cursor([{"mail": Odd(2, struct.pack("<i", -1) + b"\0")}])),
    reply(2013, 0, cursor([{"mail": Odd(2, struct.pack("<i", 2) + b"xx")}])),
    reply(2013, 0, cursor([{"mail": Odd(4, struct.pack("<i", 4))}])),
    reply(2013, 0, cursor([{"mail": Odd(4, struct.pack("<i", 2**30))}])),
    reply(2013, 0, cursor([{"mail": Odd(4, b"\x06\0\0\0\x02\0")}])),
    reply(2013, 0, cursor([{"mail": Odd(0x77, b"what")}])),
    reply(2013, 0, encode({"ok": 1.0})),
    reply(2013, 0, encode({"cursor": 1, "ok": 1.0})),
    reply(2013, 0, encode({"cursor": {"firstBatch": "x", "id": Long(0)},
                           "ok": 1.0})),
    reply(2013, 0, encode({"cursor": {"id": Long(0)}, "ok": 1.0})),
    reply(2013, 0, encode({})), reply(2013, 0, encode({"ok": "x"})),
]


OPTIONS = "?socketTimeoutMS=300&connectTimeoutMS=300"


def lie_to_the_question(cf, number, lie):
    with Mongo(PEOPLE, on_find=lambda *_: lie) as server:
        spec = cf(uri(server.port, options=OPTIONS), name=f"q{number}.cf")
        with Ask(spec) as table:
            assert table.ask("joe") == "?", lie
            assert len(table.warnings()) == 1
            assert table.warnings()[0].startswith(
                f"{spec}: mongodb server 127.0.0.1:{server.port}: "), lie
            server.on_find = None
            assert table.ask("joe") == "+joe@x.org", lie


def lie_to_the_greeting(cf, number, lie):
    with Mongo(PEOPLE) as server:
        server.do_isMaster = server.do_hello = lambda *_: lie
        spec = cf(uri(server.port, options=OPTIONS), name=f"g{number}.cf")
        with Ask(spec) as table:
            assert table.ask("joe") == "?", lie
            assert len(table.warnings()) == 1
            assert str(server.port) in table.warnings()[0]


@pytest.mark.parametrize("tell", [lie_to_the_question, lie_to_the_greeting])
def test_lies(cf, tell):
    with ThreadPoolExecutor(8) as pool:
        for job in [pool.submit(tell, cf, i, lie)
                    for i, lie in enumerate(LIES)]:
            job.result()


def drips(s, _number):
    """A byte now and then, so that no single wait is long."""
    s.sendall(struct.pack("<iiii", 10000, 0, 1, 1))
    while True:
        s.sendall(b"1")
        time.sleep(0.1)


def test_nobody_waits_for_ever(cf):
    options = "?socketTimeoutMS=1000&connectTimeoutMS=1000"
    with servers.Fake(servers.silent) as silent, \
            servers.Fake(drips) as dripping, \
            Mongo(PEOPLE, on_find=lambda *_: time.sleep(9)) as slow:
        began = time.monotonic()
        tables = [Ask(cf(uri(server.port, options=options),
                         name=f"{server.port}.cf"))
                  for server in (silent, dripping, slow)]
        for table in tables:
            table.send("joe")
        for table in tables:
            assert table.answer() == "?"
            assert time.monotonic() - began < 5
            assert len(table.warnings()) == 1
            table.__exit__()


def test_locked_in(mongo, cf):
    """As a worker of the rules daemon is."""
    spec = cf(uri(mongo.port))
    done = subprocess.run(
        [QUERY, "-s", "-m", instance.PROGRAMS, spec],
        input="joe\nnobody\nlist\n", capture_output=True, encoding="utf-8",
        check=True)
    assert done.stdout == "joe\tjoe@x.org\nlist\ta@x,b@x,c@x,4\n"
    assert done.stderr == ""


def test_tls_locked_in(cf, tmp_path):
    """The driver reads the certificates when it connects."""
    for name in "good", "other":
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", f"{tmp_path}/{name}.key",
             "-out", f"{tmp_path}/{name}.pem"], check=True,
            stderr=subprocess.DEVNULL)
    with Mongo(PEOPLE, tls=(f"{tmp_path}/good.pem",
                            f"{tmp_path}/good.key")) as server:
        for name, output in ("good", "joe\tjoe@x.org\n"), ("other", ""):
            spec = cf(uri(server.port, options="?tls=true&tlsCAFile="
                          f"{tmp_path}/{name}.pem"))
            done = subprocess.run(
                [QUERY, "-s", "-m", instance.PROGRAMS, spec], input="joe\n",
                capture_output=True, encoding="utf-8", check=False)
            assert done.stdout == output, done.stderr
            assert (done.stderr == "") == (name == "good")


def test_in_the_sandbox(make_instance):
    """In the daemon; the connection is made anew there too."""
    people = [{"name": "bad@e.com", "mail": "REJECT mongo says"}]
    with Mongo(people, users={"bob": "geheim"}) as server:
        mail = make_instance()
        with open(os.path.join(mail.etc, "mongo.cf"), "w",
                  encoding="utf-8") as f:
            f.write(f"uri = {uri(server.port, 'bob:geheim@')}\n"
                    f"dbname = mail\ncollection = box\n{BY_NAME}")
        mail.configure(
            "smtpd_recipient_restrictions = check_recipient_access "
            f"mongodb:{mail.etc}/mongo.cf, permit_mynetworks, "
            "reject_unauth_destination")
        mail.start()

        def check(wanted):
            with mail.smtp() as smtp:
                smtp.command("EHLO client", 250)
                smtp.command("MAIL FROM:<>", 250)
                answer = smtp.command("RCPT TO:<bad@e.com>")
                assert answer.startswith(wanted), answer
        check("554 5.7.1")
        server.restart()
        check("554 5.7.1")
        server.stop()
        check("451 4.3.5")
        server.start()
        check("554 5.7.1")
