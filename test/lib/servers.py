# SPDX-License-Identifier: ISC
"""Private servers that tables ask: slapd, redis-server, memcached, and fake
ones that do what no honest server does.

    with Redis(password="x") as redis:
        redis.command("SET", "key", "value")

Each lies in a temporary directory and listens on a unix socket there and on a
loopback port. It is stopped at the end, whatever happens. why_not() of a
class says why it cannot be had here, or None.
"""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from . import instance

_running = []


def _clean_up():
    for server in list(_running):
        server.destroy()


atexit.register(_clean_up)


class Server:
    """One process and its directory."""

    program = None
    paths = "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ.get("PATH", "")

    @classmethod
    def why_not(cls):
        if not shutil.which(cls.program, path=cls.paths):
            return f"needs {cls.program}"
        return None

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="chasqui-server-")
        os.chmod(self.home, 0o755)
        self.base, self.lock = instance.free_base()
        self.port = self.base + 99
        self.socket = os.path.join(self.home, "socket")
        self.process = None
        _running.append(self)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.destroy()

    def command_line(self):
        raise NotImplementedError

    def start(self):
        program, *args = self.command_line()
        log = open(os.path.join(self.home, "output"), "ab")
        self.process = subprocess.Popen(
            [shutil.which(program, path=self.paths), *args],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home)
        log.close()
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + 20
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.program}: {self.output()}")
            time.sleep(0.02)

    def is_ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def output(self):
        with open(os.path.join(self.home, "output"), encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def destroy(self):
        self.stop()
        if self in _running:
            _running.remove(self)
        shutil.rmtree(self.home, ignore_errors=True)
        self.lock.close()


class Redis(Server):
    program = "redis-server"

    def __init__(self, password=None, users=()):
        super().__init__()
        self.password = password
        self.users = users

    def command_line(self):
        line = [self.program, "--port", str(self.port), "--bind", "127.0.0.1",
                "--unixsocket", self.socket, "--unixsocketperm", "777",
                "--save", "", "--appendonly", "no", "--dir", self.home]
        for user in self.users:
            line += ["--user", *user.split()]
        if self.password:
            line += ["--requirepass", self.password]
        return line

    def command(self, *words):
        """One command; its answer as redis writes it."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            f = s.makefile("rb")
            if self.password:
                self._send(s, ["AUTH", self.password])
                assert f.readline() == b"+OK\r\n"
            if words[0] == "SELECT":
                self._send(s, words[:2])
                assert f.readline() == b"+OK\r\n"
                words = words[2:]
            self._send(s, words)
            return f.readline()

    @staticmethod
    def _send(s, words):
        data = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else word.encode()
            data += b"$%d\r\n%s\r\n" % (len(word), word)
        s.sendall(data)


class Memcached(Server):
    program = "memcached"

    def command_line(self):
        line = [self.program, "-l", "127.0.0.1", "-p", str(self.port), "-m",
                "8", "-t", "1"]
        if os.geteuid() == 0:
            line += ["-u", "root"]
        return line

    def set(self, key, value):
        value = value if isinstance(value, bytes) else value.encode()
        return self.command(b"set %s 0 0 %d\r\n%s"
                            % (key.encode(), len(value), value))

    def get(self, key):
        answer = self.command(b"get " + key.encode(), until=b"END\r\n")
        return answer.split(b"\r\n")[1] if answer != b"END\r\n" else None

    def command(self, line, until=b"\r\n"):
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(line + b"\r\n")
            data = b""
            while not data.endswith(until):
                data += s.recv(65536)
            return data


SLAPD = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {home}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
allow bind_v2
threads 4
{extra}
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw secret
directory {home}/data
{access}
"""


class Slapd(Server):
    """dc=example,dc=com; cn=admin,dc=example,dc=com has the password
    "secret"."""

    program = "slapd"

    @classmethod
    def why_not(cls):
        if not os.path.exists("/etc/ldap/schema/inetorgperson.schema"):
            return "needs slapd's schemas"
        return super().why_not()

    def __init__(self, ldif, extra="", access="", tls=False):
        super().__init__()
        self.tls_port = self.base + 98
        self.tls = tls
        self.ca = os.path.join(self.home, "ca.pem")
        self.key = os.path.join(self.home, "key.pem")
        os.mkdir(os.path.join(self.home, "data"))
        if tls:
            self._make_certificate()
            extra += (f"\nTLSCertificateFile {self.ca}"
                      f"\nTLSCertificateKeyFile {self.key}\n")
        self.conf = os.path.join(self.home, "slapd.conf")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(SLAPD.format(home=self.home, extra=extra, access=access))
        subprocess.run(
            [shutil.which("slapadd", path=self.paths), "-q", "-f", self.conf],
            input=ldif, encoding="utf-8", check=True)

    def _make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out",
             self.ca], check=True, stderr=subprocess.DEVNULL)

    @property
    def ldapi(self):
        return "ldapi://" + self.socket.replace("/", "%2f")

    def command_line(self):
        urls = f"ldap://127.0.0.1:{self.port} {self.ldapi}"
        if self.tls:
            urls += f" ldaps://127.0.0.1:{self.tls_port}"
        return [self.program, "-f", self.conf, "-h", urls, "-d", "0"]


class Fake:
    """A server that runs `talk(socket, number of the connection)` in a thread
    for each connection."""

    def __init__(self, talk, path=None):
        self.talk = talk
        self.connections = 0
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
        else:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(20)
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in [self.listener, *self.open]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(s)
            threading.Thread(target=self._serve, args=(s, self.connections),
                             daemon=True).start()

    def _serve(self, s, number):
        try:
            self.talk(s, number)
        except OSError:
            pass
        finally:
            s.close()


def silent(s, _number):
    """Takes everything and says nothing."""
    while s.recv(4096):
        pass


def says(*answers):
    """To each line, whatever it is, the next of the answers."""
    def talk(s, _number):
        f = s.makefile("rb")
        for answer in answers:
            if not f.readline():
                return
            s.sendall(answer)
        f.readline()
    return talk
