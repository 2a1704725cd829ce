# SPDX-License-Identifier: ISC
"""Tables in SQL: mysql, pgsql, sqlite. Against the real servers, beside
Debian's postmap, and against servers that are dead, silent or wrong."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

import pytest

from lib import instance, servers, sql_servers

ASK = os.path.join(instance.BUILD, "test", "map-ask")
QUERY = os.path.join(instance.BUILD, "test", "map-query")

ROWS = [
    ("joe", "joe@x.org"), ("twice", "a@x"), ("twice", "b@x"),
    ("o'hara", "q"), ("back\\slash", "bs"), ("nul", None), ("leer", ""),
    ("é@ü.de", "ö"), ('say"it', "dq"), ("u@d.e.org", "u-val@v.org"),
    ("many", "1"), ("many", "2"), ("many", "3"), ("one%two", "percent"),
]

KEYS = ["joe", "JOE", "twice", "o'hara", "back\\slash", "nul", "leer",
        "é@ü.de", 'say"it', "u@d.e.org", "u@f.org", "@d.e.org", "u@",
        "one%two", "%s", "%", "x' or 1=1 -- ", "x\\' or 1=1 -- ", "\\", "'",
        "''", "\\'", "'; drop table users; -- ", "x'/*", "none", "many", "",
        "a@b.c.d.e.f", "k" * 2000]

ORDERED = "query = select v from users where k='%s' order by n"

# Every way to make a query and a value.
WAYS = {
    "query": ORDERED,
    "parts": "table = users\nselect_field = v\nwhere_field = k\n"
             "additional_conditions = order by n",
    "columns": "query = select v, k, v from users where k='%s' order by n",
    "format": "query = select v from users where k='%s' order by n\n"
              "result_format = %u=%d=%s=%S=%U=%D=%1=%2=%%",
    "labels": "query = select '%1 %2 %3 %u %d %s %%' from users limit 1",
    "domain": ORDERED + "\ndomain = e.org, d.e.org",
    "not-domain": ORDERED + "\ndomain = !f.org, d.e.org, .org",
    "limit-3": ORDERED + "\nexpansion_limit = 3",
}

# What a server might say that is none.
LIES = {
    "nothing": b"", "zeros": bytes(100), "ones": b"\xff" * 70000,
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half": b"\x0a\0\0\0\x0a5.5\0abcde",
}


def sql_text(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def statements(backslash="\\"):
    yield "create table users(k varchar(2000), v varchar(2000), n integer)"
    for n, (k, v) in enumerate(ROWS):
        k = k.replace("\\", backslash)
        yield (f"insert into users values({sql_text(k)}, {sql_text(v)}, {n})")


class Place:
    """A directory with the files of tables."""

    def __init__(self, kind, common):
        self.kind = kind
        self.common = common
        self.home = tempfile.mkdtemp(prefix="chasqui-sql-")
        self.count = 0

    def table(self, body, **changes):
        """Its type:name; `changes` replace common parameters."""
        self.count += 1
        path = os.path.join(self.home, f"{self.count}.cf")
        values = dict(self.common, **changes)
        with open(path, "w", encoding="utf-8") as f:
            for name, value in values.items():
                if value is not None:
                    f.write(f"{name} = {value}\n")
            f.write(body + "\n")
        # Postfix waits until a file is no longer fresh.
        old = time.time() - 60
        os.utime(path, (old, old))
        return f"{self.kind}:{path}"

    def destroy(self):
        shutil.rmtree(self.home)


class Lite:
    """What stands for a server."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="chasqui-sqlite-")
        self.path = os.path.join(self.home, "db")

    def sql(self, text):
        with sqlite3.connect(self.path) as db:
            db.executescript(text)
        db.close()

    def destroy(self):
        shutil.rmtree(self.home)


def make_sqlite():
    db = Lite()
    db.sql(";\n".join(statements()))
    return db, {"dbpath": db.path}


def make_pgsql():
    db = sql_servers.Postgres()
    db.start()
    db.sql(";\n".join(statements())
           + ";create function look(text) returns setof text as "
           "$$ select v from users where k = $1 order by n $$ language sql")
    return db, {"user": "admin", "password": "secret", "dbname": "mail",
                "hosts": f"127.0.0.1:{db.port}"}


def make_mysql():
    db = sql_servers.MariaDb()
    db.start()
    db.sql("set names utf8mb4;" + ";\n".join(statements("\\\\")) + """;
delimiter //
create procedure one(in x varchar(200))
begin select v from users where k=x order by n; end//
create procedure two(in x varchar(200))
begin select v from users where k=x; select 1; end//
create procedure zero(in x varchar(200)) begin set @a=1; end//
delimiter ;""")
    return db, {"user": "admin", "password": "secret", "dbname": "mail",
                "hosts": f"unix:{db.socket}"}


MAKERS = {
    "sqlite": (make_sqlite, None),
    "pgsql": (make_pgsql, sql_servers.Postgres),
    "mysql": (make_mysql, sql_servers.MariaDb),
}


def need(kind):
    server = MAKERS[kind][1]
    if server and server.why_not():
        pytest.skip(server.why_not())
    if not os.path.exists(os.path.join(instance.PROGRAMS, f"map-{kind}.so")):
        pytest.skip(f"built without {kind}")


@pytest.fixture(scope="module")
def backends():
    """Servers and their places, made when somebody asks for them."""
    made = {}

    def get(kind):
        need(kind)
        if kind not in made:
            db, common = MAKERS[kind][0]()
            made[kind] = db, Place(kind, common)
        return made[kind]

    yield get
    for db, place in made.values():
        place.destroy()
        db.destroy()


@pytest.fixture(params=MAKERS)
def backend(request, backends):
    return backends(request.param)


@pytest.fixture(params=["pgsql", "mysql"])
def server(request, backends):
    db, place = backends(request.param)
    if not db.process:
        db.start()
    return db, place


class Ask:
    """A process with one table."""

    def __init__(self, table, *options):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8",
                                          errors="replace")
        self.process = subprocess.Popen(
            [ASK, "-m", instance.PROGRAMS, *options, table],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            encoding="utf-8", errors="surrogateescape")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0
        self.log.close()

    def ask(self, key="joe"):
        """"+VALUE", "-" or "?"."""
        self.process.stdin.write(key + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def timed(self, key="joe"):
        start = time.monotonic()
        return self.ask(key), time.monotonic() - start

    def warnings(self):
        self.log.seek(0)
        return [line.removeprefix("warning: ").rstrip("\n")
                for line in self.log]


def run(command, keys):
    done = subprocess.run(
        command, input="".join(key + "\n" for key in keys), check=False,
        encoding="utf-8", errors="surrogateescape", timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode in (0, 1), done.stderr
    return (done.stdout,
            [line.removeprefix("postmap: ")
             for line in done.stderr.splitlines()])


def ours(table, keys, *options):
    return run([QUERY, "-r", *options, table], keys)


def theirs(table, keys):
    return run(["postmap", "-q", "-", table], keys)


def found(output):
    return dict(line.split("\t", 1) for line in output.splitlines())


# --- answers ---

@pytest.mark.program("postmap")
@pytest.mark.parametrize("way", WAYS)
def test_same_as_postfix(backend, way):
    _, place = backend
    # What Debian's speaks; it cannot be told.
    table = place.table(WAYS[way], encoding="LATIN1", charset="latin1")
    keys = [key for key in KEYS if key.isascii()]
    assert ours(table, keys) == theirs(table, keys)


def test_nothing_is_injected(backend):
    _, place = backend
    output, _ = ours(place.table(ORDERED), KEYS)
    assert found(output) == {
        "joe": "joe@x.org", "JOE": "joe@x.org", "twice": "a@x,b@x",
        "o'hara": "q", "back\\slash": "bs", "é@ü.de": "ö", 'say"it': "dq",
        "u@d.e.org": "u-val@v.org", "many": "1,2,3", "one%two": "percent",
    }


def test_no_utf8_is_nowhere(backend):
    _, place = backend
    output, warnings = ours(place.table(ORDERED), ["\udcff", "a\udc80", "joe"])
    assert found(output) == {"joe": "joe@x.org"}
    assert not warnings


def test_expansion_limit(backend):
    _, place = backend
    table = place.table(ORDERED + "\nexpansion_limit = 2")
    with Ask(table) as t:
        assert t.ask("twice") == "+a@x,b@x"
        assert t.ask("many") == "?"
        assert t.ask("joe") == "+joe@x.org"
        assert "Expansion limit exceeded for key" in t.warnings()[0]


def test_main_cf(backend):
    _, place = backend
    options = []
    for name, value in place.common.items():
        options += ["-o", f"own_{name}={value}"]
    query = ORDERED.removeprefix("query = ")
    with Ask(f"{place.kind}:own", *options, "-o", f"own_query={query}") as t:
        assert t.ask() == "+joe@x.org"
    with Ask(f"{place.kind}:own", *options) as t:
        assert t.ask() == "?"
        assert t.warnings() == [
            f"{place.kind}:own is unavailable. bad string length 0 < 1: "
            "own_table = "]


@pytest.mark.parametrize("body, reason", [
    ("query = select '%z'", "db_common_parse: {file}: Invalid query "
     "template: select '%z'"),
    ("query = select 1\nresult_format = %", "db_common_parse: {file}: Invalid "
     "result template: %"),
    ("query = select 1\nexpansion_limit = 1x", "{file}: bad numerical "
     "configuration: expansion_limit = 1x"),
    ("query = select 1\nresult_format =", "{file}: bad string length 0 < 1: "
     "result_format = "),
    ("nonsense", "{file}, line {line}: missing '=' after attribute name"),
])
def test_what_is_wrong_is_said(backend, body, reason):
    _, place = backend
    table = place.table(body)
    reason = reason.format(file=table.split(":", 1)[1],
                           line=len(place.common) + 1)
    with Ask(table) as t:
        assert t.ask() == "?"
        assert t.warnings() == [f"{table} is unavailable. {reason}"]


def test_list_of_domains_in_a_table(backend):
    _, place = backend
    path = os.path.join(place.home, "domains")
    with open(path, "w", encoding="utf-8") as f:
        f.write("d.e.org x\n")
    with Ask(place.table(ORDERED + f"\ndomain = texthash:{path}")) as t:
        assert t.ask("u@d.e.org") == "+u-val@v.org"
        assert t.ask("u@f.org") == "-"
        assert t.ask("joe") == "-"
    with Ask(place.table(ORDERED + "\ndomain = fail:x")) as t:
        assert t.ask("u@d.e.org") == "?"
        assert "'domain' pattern match failed" in t.warnings()[-1]


def test_a_table_that_asks_itself(backend):
    _, place = backend
    table = place.table("")
    with open(table.split(":", 1)[1], "a", encoding="utf-8") as f:
        f.write(f"query = select '%d'\ndomain = {table}\n")
    with Ask(table) as t:
        assert t.ask("u@d.e.org") == "-"


@pytest.mark.parametrize("by", ["unix", "tcp"])
def test_in_the_sandbox(backend, by):
    """Connected, and found, after the door was closed."""
    db, place = backend
    changes = {}
    if place.kind == "pgsql" and by == "unix":
        where = db.home.replace("/", "%2f")
        changes["hosts"] = (f"postgresql://admin:secret@{where}:{db.port}"
                            "/mail")
    elif by == "tcp" and place.kind != "sqlite":
        changes["hosts"] = f"localhost:{db.port}"
        if place.kind == "mysql":  # where localhost is something else
            changes["hosts"] = f"127.0.0.1:{db.port}"
    table = place.table(ORDERED, **changes)
    output, warnings = ours(table, KEYS, "-s")
    assert found(output)["twice"] == "a@x,b@x"
    assert (output, warnings) == ours(table, KEYS)


# --- servers that fail ---

def test_restart(server):
    db, place = server
    with Ask(place.table(ORDERED)) as t:
        assert t.ask() == "+joe@x.org"
        db.restart()
        assert t.ask() == "+joe@x.org"
        assert t.warnings() == []


def test_death_and_return(server):
    db, place = server
    with Ask(place.table(ORDERED + "\nretry_interval = 1")) as t:
        assert t.ask() == "+joe@x.org"
        db.stop()
        assert t.ask() == "?"
        assert t.ask("nobody") == "?"
        db.start()
        time.sleep(1.1)
        assert t.ask() == "+joe@x.org"
        assert t.ask("nobody") == "-"
        assert t.warnings()[0].startswith(
            f"connect to {place.kind} server {place.common['hosts']}: ")
        assert t.warnings()[1].startswith(f"{t.process.args[-1]}: no server")


def test_idle_connection_is_closed(server):
    _, place = server
    own = {"pgsql": "query = select pg_backend_pid()::text || '%s'",
           "mysql": "query = select concat(connection_id(), '%s')"}
    with Ask(place.table(own[place.kind] + "\nidle_interval = 1")) as t:
        first = t.ask("x")
        assert t.ask("x") == first
        time.sleep(1.1)
        assert t.ask("x") != first
        assert t.warnings() == []


def test_wrong_password(server):
    _, place = server
    with Ask(place.table(ORDERED, password="sesame99")) as t:
        assert t.ask() == "?"
        assert t.ask() == "?"
        assert t.warnings()[0].startswith(f"connect to {place.kind} server ")
        assert not any("sesame" in line for line in t.warnings())


def test_wrong_query_spoils_only_itself(server):
    db, place = server
    with Ask(place.table("query = select v from later where k='%s'")) as t:
        assert t.ask() == "?"
        assert "later" in t.warnings()[0]
        db.sql("create table later as select * from users")
        assert t.ask() == "+joe@x.org"
    db.sql("drop table later")


def test_slow_query(server):
    _, place = server
    sleep = {"pgsql": "pg_sleep", "mysql": "sleep"}[place.kind]
    table = place.table(f"query = select {sleep}(case when '%s' = 'slow' "
                        "then 6 else 0 end), 'x'\nquery_timeout = 1\n"
                        "retry_interval = 1")
    with Ask(table) as t:
        assert t.ask("fast").endswith("x")
        answer, took = t.timed("slow")
        assert answer == "?" and took < 4
        time.sleep(1.1)
        assert t.ask("fast").endswith("x")


@pytest.mark.parametrize("kind", ["pgsql", "mysql"])
def test_silent_server(backends, kind):
    _, place = backends(kind)
    with servers.Fake(servers.silent) as fake:
        table = place.table(ORDERED + "\nconnect_timeout = 1",
                            hosts=f"127.0.0.1:{fake.port}")
        with Ask(table) as t:
            answer, took = t.timed()
            assert answer == "?" and took < 4
            answer, took = t.timed()
            assert answer == "?" and took < 0.5
            assert str(fake.port) in t.warnings()[0]


@pytest.mark.parametrize("kind", ["pgsql", "mysql"])
@pytest.mark.parametrize("lie", LIES)
def test_lying_server(backends, kind, lie):
    _, place = backends(kind)

    def talk(s, _number):
        s.sendall(LIES[lie])
        s.recv(4096)

    with servers.Fake(talk) as fake:
        table = place.table(ORDERED + "\nconnect_timeout = 1",
                            hosts=f"127.0.0.1:{fake.port}")
        with Ask(table) as t:
            answer, took = t.timed()
            assert answer == "?" and took < 4
            assert t.warnings()


def test_one_of_two_is_dead(server):
    _, place = server
    for order in ("127.0.0.1:1 {}", "{}, 127.0.0.1:1"):
        hosts = order.format(place.common["hosts"])
        with Ask(place.table(ORDERED, hosts=hosts)) as t:
            for _ in range(5):
                assert t.ask() == "+joe@x.org"
            assert len(t.warnings()) <= 1


# --- only here ---

def test_pgsql_uri(backends):
    db, place = backends("pgsql")
    where = f"127.0.0.1:{db.port}/mail"
    common = {"user": None, "password": None, "dbname": None}
    with Ask(place.table(ORDERED, **common,
                         hosts=f"postgresql://admin:secret@{where}")) as t:
        assert t.ask() == "+joe@x.org"
    with Ask(place.table(ORDERED, **common,
                         hosts=f"postgresql://admin:sesame99@{where}")) as t:
        assert t.ask() == "?"
        assert f"server postgresql://{where}: " in t.warnings()[0]
        assert not any("sesame" in line for line in t.warnings())
    with Ask(place.table(ORDERED, **common,
                         hosts="postgresql://admin:sesame99%00@x")) as t:
        assert t.ask() == "?"
        assert not any("sesame" in line for line in t.warnings())
    with Ask(place.table(ORDERED, dbname=None)) as t:
        assert t.ask() == "?"
        assert "requires dbname setting" in t.warnings()[0]


def test_pgsql_function(backends):
    _, place = backends("pgsql")
    with Ask(place.table("select_function = look")) as t:
        assert t.ask("twice") == "+a@x,b@x"


def test_mysql_procedures(backends):
    _, place = backends("mysql")
    with Ask(place.table("query = call one('%s')")) as t:
        for _ in range(3):
            assert t.ask("twice") == "+a@x,b@x"
            assert t.ask("none") == "-"
    with Ask(place.table("query = call two('%s')")) as t:
        assert t.ask() == "?"
        assert "multiple result sets" in t.warnings()[0]
    with Ask(place.table("query = call zero('%s')")) as t:
        assert t.ask() == "?"
        assert "no result set" in t.warnings()[0]
    with Ask(place.table("query = call zero('%s')\n"
                         "require_result_set = no")) as t:
        assert t.ask() == "-"


def test_mysql_without_backslash_escapes(backends):
    """What escapes a quote is a matter of the session."""
    db, place = backends("mysql")
    before = db.sql("select @@global.sql_mode").strip()
    db.sql("set global sql_mode = 'NO_BACKSLASH_ESCAPES'")
    try:
        output, warnings = ours(place.table(ORDERED), KEYS)
    finally:
        db.sql(f"set global sql_mode = '{before}'")
    assert found(output)["o'hara"] == "q"
    assert found(output)["back\\slash"] == "bs"
    assert len(found(output)) == 10
    assert not any("query failed" in line for line in warnings)


def test_mysql_plugin_in_the_sandbox(backends):
    """The library loads a module to log in, after the door was closed."""
    db, place = backends("mysql")
    try:
        db.sql("install soname 'auth_ed25519'; create user ed@localhost "
               "identified via ed25519 using password('curve'); "
               "grant select on mail.* to ed@localhost")
    except RuntimeError as why:
        pytest.skip(f"server without ed25519: {why}")
    table = place.table(ORDERED, user="ed", password="curve")
    assert ours(table, ["joe"], "-s") == ("joe\tjoe@x.org\n", [])


def test_sqlite_is_replaced(backends):
    db, place = backends("sqlite")
    path = os.path.join(place.home, "other")
    shutil.copy(db.path, path)
    table = place.table(ORDERED, dbpath=path)
    done = subprocess.Popen([QUERY, "-c", table], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, encoding="utf-8")

    def ask():
        done.stdin.write("joe\n")
        done.stdin.flush()
        return done.stdout.readline()

    assert ask() == "joe\tjoe@x.org\n"
    shutil.copy(db.path, path + ".new")
    with sqlite3.connect(path + ".new") as new:
        new.execute("update users set v='new' where k='joe'")
    new.close()
    os.rename(path + ".new", path)
    assert ask() == "joe\tnew\n"
    done.communicate()


def test_sqlite_is_locked(backends):
    db, place = backends("sqlite")
    with Ask(place.table(ORDERED)) as t:
        assert t.ask() == "+joe@x.org"
        writer = sqlite3.connect(db.path, isolation_level=None)
        writer.execute("begin exclusive")
        assert t.ask() == "?"
        writer.execute("rollback")
        writer.close()
        assert t.ask() == "+joe@x.org"
        assert "database is locked" in t.warnings()[0]


def test_sqlite_errors(backends):
    db, place = backends("sqlite")
    with Ask(place.table(ORDERED, dbpath=db.path + "-no")) as t:
        assert t.ask() == "?"
        assert "unable to open database file" in t.warnings()[0]
    with Ask(place.table("query = select v from gone where k='%s'")) as t:
        assert t.ask() == "?"
        assert "no such table: gone" in t.warnings()[0]
        db.sql("create table gone as select * from users")
        assert t.ask() == "+joe@x.org"
        db.sql("drop table gone")
        assert t.ask() == "?"
    with Ask(place.table("query = delete from users where k='%s'")) as t:
        assert t.ask() == "?"
        assert "readonly database" in t.warnings()[0]
    with Ask(place.table("query = select v from users where k=%s")) as t:
        t.ask()
        assert "without the recommended '' quotes" in t.warnings()[0]


# --- speed ---

@pytest.mark.program("postmap")
def test_speed(backend):
    _, place = backend
    table = place.table(ORDERED)
    keys = [f"user{i}@d.e.org" for i in range(1000)]
    start = time.monotonic()
    assert ours(table, keys) == ("", [])
    middle = time.monotonic()
    assert theirs(table, keys) == ("", [])
    end = time.monotonic()
    print(f"{place.kind}: {middle - start:.3f} s, postmap {end - middle:.3f} s")
    assert middle - start < 3 * (end - middle) + 1
