# SPDX-License-Identifier: ISC
"""Tables that ask servers: tcp, socketmap, memcache, redis, ldap. Against the
real servers, beside Debian's postmap where it has the type, and against fake
ones that die, keep silent and lie."""

import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import instance, servers

ASK = os.path.join(instance.BUILD, "test", "map-ask")


def needs(server):
    reason = server.why_not()
    return pytest.mark.skipif(reason is not None, reason=str(reason))


needs_postmap = pytest.mark.skipif(
    not shutil.which("postmap", path=servers.Server.paths),
    reason="needs postmap")
needs_ldap = pytest.mark.skipif(
    not os.path.exists(os.path.join(instance.PROGRAMS, "map-ldap.so")),
    reason="built without ldap")


class Ask:
    """A process with tables; ask(key) is what the first of them says."""

    def __init__(self, *specs, options=()):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.count = len(specs)
        self.process = subprocess.Popen(
            [ASK, "-m", instance.PROGRAMS, *options, *specs],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            encoding="utf-8", errors="surrogateescape")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0
        self.log.close()

    def send(self, key):
        self.process.stdin.write(key + "\n")
        self.process.stdin.flush()

    def answer(self):
        lines = [self.process.stdout.readline().rstrip("\n")
                 for _ in range(self.count)]
        return lines[0] if self.count == 1 else lines

    def ask(self, key):
        self.send(key)
        return self.answer()

    def warnings(self):
        self.log.seek(0)
        return [line.removeprefix("warning: ").rstrip("\n")
                for line in self.log]


@pytest.fixture
def cf(tmp_path):
    """Writes the file of a table; its path."""
    def write(text, name="table.cf"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)
    return write


@pytest.fixture(scope="module")
def postmap(tmp_path_factory):
    """Debian's: key to value for those it finds, and what it warned."""
    home = tmp_path_factory.mktemp("postfix")
    (home / "main.cf").write_text("compatibility_level = 3.6\n")

    def query(spec, keys):
        done = subprocess.run(
            [shutil.which("postmap", path=servers.Server.paths), "-c",
             str(home), "-q", "-", spec], input="\n".join(keys) + "\n",
            capture_output=True, encoding="utf-8", errors="surrogateescape")
        found = dict(line.split("\t", 1)
                     for line in done.stdout.split("\n") if line)
        return found, done.stderr
    return query


POOL = ThreadPoolExecutor(12)


def compare(postmap, tables, keys):
    """Ours say what theirs say, key by key; what ours said. The first error
    ends theirs (and it sleeps before that): the keys that ours could not look
    up are asked alone, three of them."""
    said = list(POOL.map(lambda spec: ask_all(spec, keys), tables))
    jobs = []
    for spec, answers in zip(tables, said):
        fine = [key for key in keys if answers[key] != "?"]
        jobs.append((spec, fine))
        jobs += [(spec, [key]) for key in keys if key not in fine][:3]
    results = POOL.map(lambda job: postmap(*job), jobs)
    said = dict(zip(tables, said))
    for (spec, wanted), (found, stderr) in zip(jobs, results):
        for key in wanted:
            theirs = "+" + found[key] if key in found else "-"
            if "fatal" in stderr:
                theirs = "?"
            assert said[spec][key] == theirs, (
                open(spec.split(":")[1]).read() if ".cf" in spec else spec,
                key, stderr)
    return said


def ask_all(spec, keys):
    with Ask(spec) as table:
        return {key: table.ask(key) for key in keys}


# --- tcp ---

def tcp_table(values):
    def talk(s, _number):
        for line in s.makefile("rb"):
            verb, key = line.rstrip(b"\n").split(b" ", 1)
            assert verb == b"get"
            s.sendall(values.get(key, b"500 no") + b"\n")
    return talk


TCP = {b"simple": b"200 value", b"a%20b%25%0C": b"200 x%20y%25z",
       b"empty": b"200 ", b"%C3%A9": b"200 %C3%A9", b"later": b"400 later",
       b"broken": b"200 %zz", b"odd": b"700 what", b"short": b"200",
       b"long": b"200 " + b"x" * 4091, b"longer": b"200 " + b"x" * 4092}


@needs_postmap
def test_tcp_beside_postfix(postmap):
    with servers.Fake(tcp_table(TCP)) as server:
        spec = f"tcp:127.0.0.1:{server.port}"
        said = compare(postmap, [spec],
                       ["simple", "SIMPLE", "a b%\f", "empty", "é", "later",
                        "broken", "odd", "short", "long", "none"])[spec]
    assert said["a b%\f"] == "+x y%z"
    assert said["later"] == said["broken"] == "?"
    assert len(said["long"]) == 4092


def test_tcp_restart():
    """Connections are kept; one that breaks is made again."""
    def talk(s, number):
        f = s.makefile("rb")
        for i in range(2):
            line = f.readline()
            if number == 2 and i == 1:
                return
            s.sendall(b"200 %d.%d.%s" % (number, i, line[4:]))
    with servers.Fake(talk) as server, \
            Ask(f"tcp:127.0.0.1:{server.port}") as table:
        assert table.ask("a") == "+1.0.a"
        assert table.ask("b") == "+1.1.b"
        assert table.ask("c") == "+2.0.c"
        assert table.ask("d") == "+3.0.d"
        assert table.warnings() == []


# --- socketmap ---

def socketmap(values):
    def talk(s, _number):
        f = s.makefile("rb")
        while True:
            size = b""
            while not size.endswith(b":"):
                c = f.read(1)
                if not c:
                    return
                size += c
            query = f.read(int(size[:-1]))
            assert f.read(1) == b","
            reply = values.get(query, b"NOTFOUND ")
            if reply is None:
                return
            s.sendall(b"%d:%s," % (len(reply), reply))
    return talk


SOCKETMAP = {b"t simple": b"OK value", b"t spaced key": b"OK  a b ",
             b"u simple": b"OK other", b"t big": b"OK " + b"x" * 99997,
             b"t bigger": b"OK " + b"x" * 99998, b"t temp": b"TEMP busy",
             b"t timeout": b"TIMEOUT slow", b"t perm": b"PERM no\x01no",
             b"t odd": b"WHAT ever", b"t empty": b"", b"t gone": None}


@needs_postmap
def test_socketmap_beside_postfix(postmap, tmp_path):
    path = str(tmp_path / "socket")
    with servers.Fake(socketmap(SOCKETMAP), path=path), \
            servers.Fake(socketmap(SOCKETMAP)) as tcp:
        os.chmod(path, 0o777)
        specs = [f"socketmap:unix:{path}:t",
                 f"socketmap:inet:127.0.0.1:{tcp.port}:t"]
        said = compare(
            postmap, specs,
            ["simple", "spaced key", "big", "bigger", "temp", "timeout",
             "perm", "odd", "empty", "none", "gone"])
        for spec in specs:
            assert said[spec]["big"] == "+" + "x" * 99997
            assert said[spec]["none"] == "-"


def test_socketmap_says_why():
    with servers.Fake(socketmap(SOCKETMAP)) as server:
        spec = f"socketmap:inet:127.0.0.1:{server.port}:t"
        with Ask(spec) as table:
            for key in ("temp", "timeout", "perm", "odd", "bigger", "gone"):
                assert table.ask(key) == "?"
            assert table.warnings() == [
                f"{spec} socketmap server temporary error: busy",
                f"{spec} socketmap server timeout error: slow",
                f"{spec} socketmap server permanent error: no?no",
                f"{spec} socketmap server unknown error: ever",
                f"table {spec} lookup error: input exceeds size limit",
                f"table {spec} lookup error: unexpected disconnect"]


def test_socketmap_shares_and_returns(tmp_path):
    path = str(tmp_path / "socket")
    specs = [f"socketmap:unix:{path}:{name}" for name in "tu"]
    with Ask(*specs) as tables:
        assert tables.ask("simple") == ["?", "?"]
        with servers.Fake(socketmap(SOCKETMAP), path=path) as server:
            assert tables.ask("simple") == ["+value", "+other"]
            assert tables.ask("simple") == ["+value", "+other"]
            assert server.connections == 1
        os.unlink(path)
        assert tables.ask("simple") == ["?", "?"]
        with servers.Fake(socketmap(SOCKETMAP), path=path):
            assert tables.ask("simple") == ["+value", "+other"]


# --- memcache ---

@pytest.fixture(scope="module")
def memcached():
    with servers.Memcached() as server:
        yield server


@needs(servers.Memcached)
@needs_postmap
def test_memcache_beside_postfix(memcached, postmap, cf):
    for key, value in (("k", "v v"), ("t:k", "formatted"), ("empty", ""),
                       ("utf", "é"), ("big", "x" * 200), ("k@ex.com", "a"),
                       ("ex.com/k", "b"), ("com", "c")):
        memcached.set(key, value)
    where = f"memcache = inet:127.0.0.1:{memcached.port}\nretry_pause = 1\n"
    texts = ("", "key_format = t:%s", "data_size_limit = 200",
             "key_format = %d/%u", "key_format = %1", "domain = ex.com",
             "data_size_limit = 199\nmax_try = 1")
    compare(postmap, ["memcache:" + cf(where + text, f"{i}.cf")
                      for i, text in enumerate(texts)],
            ["k", "K", "none", "empty", "utf", "a b", "big", "k@ex.com",
             "k@other.com", "@ex.com", "é"])


@needs(servers.Memcached)
def test_memcache_backup(memcached, cf):
    """What the backup knows is told to memcached, formatted."""
    where = f"memcache = inet:127.0.0.1:{memcached.port}\n"
    spec = "memcache:" + cf(
        where + "backup = inline:{ {a = one}, {b = two} }\nkey_format = b:%s\n")
    memcached.set("b:b", "newer")
    with Ask(spec) as table:
        assert table.ask("a") == "+one"
        assert memcached.get("b:a") == b"one"
        assert table.ask("b") == "+newer"
        assert table.ask("c") == "-"
        assert table.ask("x" * 300) == "-"
        assert table.warnings() == []


@needs(servers.Memcached)
def test_memcache_dies_and_returns(cf):
    with servers.Memcached() as server:
        text = f"memcache = inet:127.0.0.1:{server.port}\n"
        spec = "memcache:" + cf(text)
        server.set("k", "v")
        with Ask(spec) as table:
            assert table.ask("k") == "+v"
            server.restart()
            server.set("k", "w")
            assert table.ask("k") == "+w"
            server.stop()
            assert table.ask("k") == "?"
            server.start()
            assert table.ask("k") == "-"
            assert table.warnings() == [
                f"connect to 127.0.0.1:{server.port}: Connection refused "
                f"({spec})"]


MEMCACHE_LIES = [b"VALUE k 0 5\r\nhello", b"VALUE other 0 1\r\nx\r\nEND\r\n",
                 b"VALUE k 0 99999999999\r\n", b"VALUE k 0 -1\r\n",
                 b"VALUE k 0 1\r\nxyz\r\nEND\r\n", b"VALUE\r\n", b"\r\n",
                 b"VALUE k 0 3\r\na\0b\r\nEND\r\n", b"x" * 2000,
                 b"SERVER_ERROR out of memory\r\n", b""]


def test_memcache_lies(cf):
    for i, lie in enumerate(MEMCACHE_LIES):
        def talk(s, _number, lie=lie):
            s.makefile("rb").readline()
            s.sendall(lie)
        with servers.Fake(talk) as server:
            spec = "memcache:" + cf(
                f"memcache = inet:127.0.0.1:{server.port}\nmax_try = 1\n",
                f"{i}.cf")
            with Ask(spec) as table:
                assert table.ask("k") == "?", lie
                assert len(table.warnings()) == 1
                assert spec in table.warnings()[0]
                assert str(server.port) in table.warnings()[0]


# --- redis ---

@pytest.fixture(scope="module")
def redis():
    with servers.Redis() as server:
        yield server


@needs(servers.Redis)
def test_redis(redis, cf):
    redis.command("SET", "k", "v w")
    redis.command("SET", "p:k", "prefixed")
    redis.command("SET", "empty", "")
    redis.command("SET", "é", "ü")
    redis.command("SET", "nul", b"a\0b")
    redis.command("SET", "big", "x" * 1000)
    redis.command("LPUSH", "list", "x")
    redis.command("HSET", "ex.com", "k", "field")
    redis.command("SELECT", "3", "SET", "k", "in three")
    redis.command("SET", "u@ex.com", "to@other.com")
    for hosts in (f"inet:127.0.0.1:{redis.port}", f"unix:{redis.socket}",
                  redis.socket, f"127.0.0.1:{redis.port}"):
        def check(text, *pairs):
            with Ask("redis:" + cf(f"hosts = {hosts}\n{text}\n"
                                   "retry_interval = 1\n")) as table:
                for key, value in pairs:
                    assert table.ask(key) == value, (text, key)
                return table.warnings()
        check("", ("k", "+v w"), ("K", "+v w"), ("none", "-"), ("é", "+ü"),
              ("a b\r", "-"), ("", "-"))
        check("key_format = p:%s", ("k", "+prefixed"), ("none", "-"))
        check("db = 3", ("k", "+in three"), ("é", "-"))
        check("command = HGET\nhash_format = %d\nkey_format = %u",
              ("k@ex.com", "+field"), ("x@ex.com", "-"), ("k@y", "-"),
              ("k", "-"))
        check("result_format = <%u at %d>", ("u@ex.com", "+<to at other.com>"))
        check("domain = other.com", ("u@ex.com", "-"), ("k", "-"))
        assert "empty lookup result" in check("", ("empty", "-"))[0]
    warnings = check("", ("list", "?"))
    assert "refused GET: WRONGTYPE" in warnings[0]
    assert "null byte" in check("", ("nul", "?"))[0]
    assert "exceeds size limit" in check("data_size_limit = 999",
                                         ("big", "?"))[0]
    check("data_size_limit = 1000", ("big", "+" + "x" * 1000))


@needs(servers.Redis)
def test_redis_password(cf):
    with servers.Redis(password="geheim",
                       users=["bob on >seins ~* +get"]) as server:
        server.command("SET", "k", "v")
        where = f"hosts = inet:127.0.0.1:{server.port}\nretry_interval = 1\n"
        good = "redis:" + cf(where + "password = geheim\n", "good.cf")
        bob = "redis:" + cf(
            where + "username = bob\npassword = seins\n", "bob.cf")
        wrong = "redis:" + cf(where + "password = falsch\n", "wrong.cf")
        none = "redis:" + cf(where, "none.cf")
        with Ask(good, bob, wrong, none) as tables:
            assert tables.ask("k") == ["+v", "+v", "?", "?"]
            warnings = tables.warnings()
        assert warnings == [
            f"{wrong}: redis server 127.0.0.1:{server.port} refused AUTH: "
            "WRONGPASS",
            f"{none}: redis server 127.0.0.1:{server.port} refused GET: "
            "NOAUTH Authentication required."]
        with Ask(good, none, options=["-u"]) as tables:
            assert tables.ask("k") == ["+v", "?"]
            assert "not allowed" in tables.warnings()[0]


@needs(servers.Redis)
def test_redis_dies_and_returns(cf):
    with servers.Redis() as server, servers.Redis() as other:
        server.command("SET", "k", "v")
        other.command("SET", "k", "v")
        text = (f"hosts = inet:127.0.0.1:{server.port}\n"
                "retry_interval = 1\n")
        one = "redis:" + cf(text, "one.cf")
        both = "redis:" + cf(
            text.replace("\n", f", inet:127.0.0.1:{other.port}\n", 1),
            "both.cf")
        with Ask(one, both) as tables:
            assert tables.ask("k") == ["+v", "+v"]
            server.restart()
            server.command("SET", "k", "v")
            assert tables.ask("k") == ["+v", "+v"]
            assert tables.warnings() == []
            server.stop()
            assert tables.ask("k") == ["?", "+v"]
            assert tables.ask("k") == ["?", "+v"]
            server.start()
            server.command("SET", "k", "v")
            time.sleep(1.1)
            assert tables.ask("k") == ["+v", "+v"]
            warnings = [w for w in tables.warnings() if w.startswith(one)]
        assert warnings == [
            f"{one}: redis server 127.0.0.1:{server.port}: Connection "
            "refused",
            f"{one}: all redis servers failed less than 1 seconds ago"]


REDIS_LIES = [b"$5\r\nhel", b"$99999999999\r\n", b"$-2\r\n", b"$5\r\nhelloxx",
              b"*1\r\n$1\r\nx\r\n", b":1\r\n", b"+OK\r\n", b"-ERR no\r\n",
              b"\r\n", b"$1\nx\n", b"x" * 2000, b"$\r\n", b"-\r\n",
              b"$1000000\r\n", b""]


def test_redis_lies(cf):
    for i, lie in enumerate(REDIS_LIES):
        def talk(s, _number, lie=lie):
            s.recv(4096)
            s.sendall(lie)
        with servers.Fake(talk) as server:
            spec = "redis:" + cf(f"hosts = inet:127.0.0.1:{server.port}\n",
                                 f"{i}.cf")
            with Ask(spec) as table:
                assert table.ask("k") == "?", lie
                assert len(table.warnings()) == 1
                assert spec in table.warnings()[0]
                assert str(server.port) in table.warnings()[0]


def test_redis_tells_no_password(cf):
    """A server that gives back what it was told."""
    def talk(s, _number):
        said = s.recv(4096).split(b"\r\n")
        s.sendall(b"-" + b" ".join(said) + b"\r\n")
    with servers.Fake(talk) as server:
        spec = "redis:" + cf(f"hosts = inet:127.0.0.1:{server.port}\n"
                             "password = geheim\n")
        with Ask(spec) as table:
            assert table.ask("k") == "?"
            assert "refused AUTH" in table.warnings()[0]
            assert "geheim" not in "".join(table.warnings())


# --- ldap ---

def entry(dn, **attrs):
    lines = [f"dn: {dn}"]
    for name, values in attrs.items():
        for value in values if isinstance(values, list) else [values]:
            lines.append(f"{name}: {value}")
    return "\n".join(lines) + "\n"


BASE = "dc=example,dc=com"


def person(name, **attrs):
    return entry(f"cn={name},ou=people,{BASE}", objectClass="inetOrgPerson",
                 cn=name, sn=name, **attrs)


LDIF = "\n".join([
    entry(BASE, objectClass=["dcObject", "organization"], dc="example",
          o="example"),
    entry(f"ou=people,{BASE}", objectClass="organizationalUnit", ou="people"),
    entry(f"ou=groups,{BASE}", objectClass="organizationalUnit", ou="groups"),
    person("aca", mail=["aca@example.com", "second@example.com"]),
    person("bob", mail="bob@example.com", description="bob@else.org"),
    person("star", mail="*()\\@example.com"),
    person("esc", mail='"a+b, c"@example.com'),
    person("é", mail="é@example.com"),
    person("url", mail="url@example.com",
           labeledURI=f"ldap:///ou=people,{BASE}?mail?sub?(sn=a*)"),
    person("badurl", mail="badurl@example.com",
           labeledURI=f"ldap:///ou=people,{BASE}?mail?wrong?(((("),
    person("nourl", mail="nourl@example.com",
           labeledURI=f"ldap:///ou=people,{BASE}?cn?sub?(sn=a*)"),
    entry(f"cn=two,ou=groups,{BASE}", objectClass="groupOfNames", cn="two",
          member=[f"cn=aca,ou=people,{BASE}", f"cn=bob,ou=people,{BASE}"],
          description="leaf value"),
    entry(f"cn=nested,ou=groups,{BASE}", objectClass="groupOfNames",
          cn="nested", member=[f"cn=two,ou=groups,{BASE}",
                               f"cn=missing,ou=people,{BASE}"]),
    entry(f"cn=loop,ou=groups,{BASE}", objectClass="groupOfNames", cn="loop",
          member=[f"cn=loop,ou=groups,{BASE}"]),
])
ADMIN = f"bind_dn = cn=admin,{BASE}\nbind_pw = secret\n"
KEYS = ["aca@example.com", "ACA@EXAMPLE.COM", "bob@example.com", "none@x.org",
        "*", "*@example.com", "*()\\@example.com", "\\2a", ")(mail=*",
        "aca", '"a+b, c"@example.com', "é@example.com", "@example.com",
        "two", "nested", "loop", "url", "badurl", "nourl", "a\udcffb"]
BY_MAIL = "query_filter = (mail=%s)\nresult_attribute = mail\n"
BY_NAME = "query_filter = (cn=%s)\nresult_attribute = mail\n"
SPECIAL = "special_result_attribute = member, labeledURI\n"

LDAP_TABLES = {
    "plain": BY_MAIL,
    "no bind": BY_MAIL + "bind = no\n",
    "version 2": BY_MAIL + "version = 2\n",
    "more attributes": "query_filter = (mail=%s)\n"
    "result_attribute = mail, sn cn\n",
    "no values": "query_filter = (mail=%s)\nresult_attribute = title\n",
    "names": "query_filter = (&(sn=%u)(mail=*@%d))\n"
    "result_attribute = mail\nresult_format = <%u|%d|%S>\n",
    "labels": "query_filter = (&(dc=%2)(dc=%1))\nresult_attribute = o\n",
    "old name": BY_MAIL + "result_filter = %s!\n",
    "domain": BY_MAIL + "domain = example.com\n",
    "other domain": BY_MAIL + "domain = example.org\n",
    "two at most": BY_MAIL + "expansion_limit = 2\n",
    "one at most": BY_MAIL + "expansion_limit = 1\n",
    "size": "query_filter = (objectClass=*)\nresult_attribute = sn\n"
    "size_limit = 3\n",
    "base": BY_MAIL + f"search_base = cn=aca,ou=people,{BASE}\nscope = base\n",
    "one level": BY_MAIL + f"search_base = ou=people,{BASE}\nscope = one\n",
    "one level too high": BY_MAIL + "scope = one\n",
    "odd scope": BY_MAIL + "scope = all\n",
    "made base": BY_MAIL + f"search_base = cn=%u,ou=people,{BASE}\n",
    "no such base": BY_MAIL + f"search_base = ou=nowhere,{BASE}\n",
    "groups": BY_NAME + SPECIAL,
    "groups, short": BY_NAME + SPECIAL + "recursion_limit = 2\n",
    "groups, limited": BY_NAME + SPECIAL + "expansion_limit = 2\n",
    "leaf": BY_NAME + SPECIAL + "leaf_result_attribute = description\n",
    "terminal": BY_NAME + SPECIAL
    + "terminal_result_attribute = description\n",
    "bad filter": "query_filter = (mail=%s\nresult_attribute = mail\n",
    "no attribute": "query_filter = (mail=%s)\n",
}


@pytest.fixture(scope="module")
def slapd():
    with servers.Slapd(LDIF, tls=True) as server:
        yield server


def ldap_conf(slapd, text, url=None):
    conf = {"server_host": url or f"ldap://127.0.0.1:{slapd.port}",
            "version": "3", "search_base": BASE, "timeout": "5"}
    for line in (ADMIN + text).splitlines():
        name, value = line.split(" = ", 1)
        conf[name] = value
    return "".join(f"{name} = {value}\n" for name, value in conf.items())


def ldap_table(slapd, cf, text, url=None, name="table.cf"):
    return "ldap:" + cf(ldap_conf(slapd, text, url), name)


@needs(servers.Slapd)
@needs_ldap
@needs_postmap
def test_ldap_beside_postfix(slapd, postmap, cf):
    compare(postmap, [ldap_table(slapd, cf, text, name=f"{name}.cf")
                      for name, text in LDAP_TABLES.items()], KEYS)


@needs(servers.Slapd)
@needs_ldap
def test_ldap_ways_to_connect(slapd, cf):
    ca = f"tls_require_cert = yes\ntls_ca_cert_file = {slapd.ca}\n"
    ldaps = f"ldaps://127.0.0.1:{slapd.tls_port}"
    named = f"ldap://127.0.0.1:{slapd.port}"
    good = [
        ("", slapd.ldapi), ("", f"127.0.0.1:{slapd.port}"),
        ("server_port = %d\n" % slapd.port, "127.0.0.1"),
        ("", f"ldap://127.0.0.1:1 ldap://127.0.0.1:{slapd.port}"),
        ("start_tls = yes\n", named), ("start_tls = yes\n" + ca, named),
        ("", ldaps), (ca, ldaps),
        ("bind = sasl\nsasl_mechs = EXTERNAL\n", slapd.ldapi)]
    bad = [
        ("tls_require_cert = yes\n", ldaps),
        ("start_tls = yes\ntls_require_cert = yes\n", named),
        (ca, ldaps.replace("127.0.0.1", "localhost")),
        (f"tls_ca_cert_file = {slapd.home}/none\n", ldaps),
        ("bind = sasl\nsasl_mechs = EXTERNAL\n", named),
        ("bind = maybe\n", named), ("", "http://localhost"),
        ("", "ldap://127.0.0.1:1")]
    for wanted, cases in (("+aca@example.com,second@example.com", good),
                          ("?", bad)):
        for text, url in cases:
            spec = ldap_table(slapd, cf, BY_MAIL + text, url)
            with Ask(spec) as table:
                assert table.ask("aca@example.com") == wanted, (text, url)
                if wanted == "?":
                    assert spec in table.warnings()[-1]


@needs(servers.Slapd)
@needs_ldap
def test_ldap_looks_at_no_other_files(slapd, cf, monkeypatch, tmp_path):
    (tmp_path / "ldaprc").write_text("URI ldap://127.0.0.1:1\nSIZELIMIT 1\n")
    (tmp_path / ".ldaprc").write_text("DEREF never\nTLS_REQCERT demand\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LDAPRC", str(tmp_path / "ldaprc"))
    monkeypatch.setenv("LDAPREFERRALS", "on")
    monkeypatch.chdir(tmp_path)
    spec = ldap_table(slapd, cf, "query_filter = (mail=%s*)\n"
                      "result_attribute = sn\n",
                      f"ldaps://localhost:{slapd.tls_port}")
    assert ask_all(spec, ["a"]) == {"a": "+aca"}


@needs(servers.Slapd)
@needs_ldap
def test_ldap_wrong_password(slapd, cf):
    url = f"ldap://127.0.0.1:{slapd.port}"
    for level in ("0", "-1"):
        spec = ldap_table(slapd, cf, BY_MAIL + "bind_pw = geheim\n"
                          f"debuglevel = {level}\n")
        with Ask(spec) as table:
            assert table.ask("aca@example.com") == "?"
            warnings = table.warnings()
            assert (f"dict_ldap_connect: Unable to bind to server {url} with "
                    f"dn cn=admin,{BASE}: 49 (Invalid credentials) ({spec} "
                    f"at {url})") in warnings
            assert (len(warnings) > 1) == (level != "0")
            assert "geheim" not in "".join(warnings)


@needs(servers.Slapd)
@needs_ldap
def test_ldap_dies_and_returns(cf):
    with servers.Slapd(LDIF) as server:
        one = ldap_table(server, cf, BY_MAIL, name="one.cf")
        two = ldap_table(server, cf, BY_NAME, name="two.cf")
        with Ask(one, two) as tables:
            assert tables.ask("bob") == ["-", "+bob@example.com"]
            server.restart()
            assert tables.ask("bob") == ["-", "+bob@example.com"]
            assert tables.warnings() == []
            server.stop()
            assert tables.ask("bob") == ["?", "?"]
            assert tables.ask("bob") == ["?", "?"]
            assert "Can't contact LDAP server" in tables.warnings()[0]
            server.start()
            assert tables.ask("bob") == ["-", "+bob@example.com"]


@needs(servers.Slapd)
@needs_ldap
def test_ldap_referral(slapd, cf):
    """It is not followed unless the table says so."""
    referral = "\n".join([LDIF, entry(
        f"ou=away,{BASE}", objectClass=["referral", "extensibleObject"],
        ou="away", ref=f"ldap://127.0.0.1:{slapd.port}/ou=people,{BASE}")])
    with servers.Slapd(referral) as server:
        where = f"search_base = ou=away,{BASE}\n"
        off = ldap_table(server, cf, BY_MAIL + where, name="off.cf")
        on = ldap_table(server, cf, BY_MAIL + where
                        + "chase_referrals = yes\n", name="on.cf")
        with Ask(off, on) as tables:
            assert tables.ask("bob@example.com") == ["?", "+bob@example.com"]
            assert "Search error 10: Referral" in tables.warnings()[0]


# Answers to a bind, the first thing an LDAP server hears.
BIND_OK = bytes.fromhex("300c02010161070a010004000400")
LDAP_LIES = [
    b"\x30\x84\xff\xff\xff\xff", b"\x30\x80\x00\x00", b"\x30\x00",
    b"HTTP/1.0 200 OK\r\n\r\n", b"\0" * 100, b"\xff" * 100, b"",
    bytes.fromhex("300c02010161070a010104000400"),
    # To the search: an entry cut short, one with lengths that lie, one whose
    # attribute has no end, a NUL in a value.
    BIND_OK + bytes.fromhex("3010020102640b0403613d62300430020400"),
    BIND_OK + bytes.fromhex("3014020102640f0403613d623008300604046d61696c"),
    BIND_OK + bytes.fromhex("301a02010264150403613d62300e300c04046d61696c"
                            "3104047f6162"),
    BIND_OK + bytes.fromhex("301c02010264170403613d623010300e04046d61696c"
                            "31060404" + b"a\0bc".hex()
                            + "300c02010265070a010004000400"),
]


@needs_ldap
def test_ldap_lies(cf):
    for i, lie in enumerate(LDAP_LIES):
        def talk(s, _number, lie=lie):
            s.recv(4096)
            s.sendall(lie[:14])
            s.recv(4096)
            s.sendall(lie[14:])
        with servers.Fake(talk) as server:
            spec = ldap_table(server, cf, BY_MAIL + "timeout = 1\n",
                              name=f"{i}.cf")
            with Ask(spec) as table:
                assert table.ask("k") == "?", lie
                assert len(table.warnings()) >= 1
                assert spec in table.warnings()[0]


# --- silence ---

def stalls(s, _number):
    """The beginning of a TLS answer, and no more."""
    s.recv(4096)
    s.sendall(b"\x16\x03\x03\x40\x00\x02")
    servers.silent(s, 0)


def drips(s, _number):
    """A byte now and then, so that no single wait is long."""
    while True:
        s.sendall(b"1")
        time.sleep(0.2)


def test_nobody_waits_for_ever(cf):
    """All at the same time; each has a timeout of a second."""
    tables = []
    closing = []
    for i, talk in enumerate((servers.silent, stalls, drips)):
        server = servers.Fake(talk)
        closing.append(server)
        port = server.port
        ldap = f"server_host = ldap%s://127.0.0.1:{port}\nversion = 3\n"
        for name, spec, text in (
                ("memcache", "memcache:", f"memcache = inet:127.0.0.1:{port}\n"
                 "max_try = 1\n"),
                ("redis", "redis:", f"hosts = inet:127.0.0.1:{port}\n"),
                ("ldap", "ldap:", ldap % ""), ("ldaps", "ldap:", ldap % "s"),
                ("starttls", "ldap:", ldap % "" + "start_tls = yes\n"),
                ("nobind", "ldap:", ldap % "" + "bind = no\n")):
            if spec == "ldap:" and not os.path.exists(
                    os.path.join(instance.PROGRAMS, "map-ldap.so")):
                continue
            tables.append((name, talk, Ask(spec + cf(
                text + "timeout = 1\n", f"{name}{i}.cf"))))
    began = time.monotonic()
    for _, _, table in tables:
        table.send("k")
    for name, talk, table in tables:
        assert table.answer() == "?"
        assert time.monotonic() - began < 4, (name, talk)
        assert table.warnings(), (name, talk)
        table.__exit__()
    for server in closing:
        server.__exit__()


# --- in a daemon ---

@needs(servers.Slapd)
@needs(servers.Redis)
@needs(servers.Memcached)
@needs_ldap
def test_in_the_sandbox(slapd, memcached, make_instance):
    """rules asks them all after it gave up its rights: connections come and
    go there too."""
    with servers.Redis() as redis, \
            servers.Fake(tcp_table({b"tcp@e.com": b"200 REJECT%20tcp"})) \
            as tcp, \
            servers.Fake(socketmap({b"t map@e.com": b"OK REJECT map"})) as sm:
        redis.command("SET", "redis@e.com", "REJECT redis")
        memcached.set("s:memcache@e.com", "REJECT memcache")
        ca = f"tls_require_cert = yes\ntls_ca_cert_file = {slapd.ca}\n"
        by_mail = ca + BY_MAIL + "result_format = REJECT ldap %s\n"
        mail = make_instance()
        tables = {
            "redis": f"hosts = unix:{redis.socket}\nretry_interval = 1\n",
            "memcache": f"memcache = inet:127.0.0.1:{memcached.port}\n"
                        "key_format = s:%s\n",
            "ldap": ldap_conf(slapd, by_mail,
                              f"ldaps://127.0.0.1:{slapd.tls_port}")}
        for name, text in tables.items():
            with open(os.path.join(mail.etc, name + ".cf"), "w",
                      encoding="utf-8") as f:
                f.write(text)
        mail.configure(
            "smtpd_recipient_restrictions = " + ", ".join(
                f"check_recipient_access {name}:{mail.etc}/{name}.cf"
                for name in tables)
            + f", check_recipient_access tcp:127.0.0.1:{tcp.port}"
            + f", check_recipient_access socketmap:inet:127.0.0.1:{sm.port}:t"
            + ", permit_mynetworks, reject_unauth_destination")
        mail.start()
        wanted = {"redis@e.com": "redis", "memcache@e.com": "memcache",
                  "tcp@e.com": "tcp", "map@e.com": "map",
                  "bob@example.com": "ldap bob@example.com"}

        def check():
            with mail.smtp() as smtp:
                smtp.command("EHLO client", 250)
                smtp.command("MAIL FROM:<>", 250)
                for rcpt, text in wanted.items():
                    answer = smtp.command(f"RCPT TO:<{rcpt}>")
                    assert answer.startswith("554 5.7.1"), answer
                    assert text in answer
        check()
        redis.restart()
        redis.command("SET", "redis@e.com", "REJECT redis")
        slapd.restart()
        check()
