# SPDX-License-Identifier: ISC
"""A private mail system for a test.

    with Instance("relayhost = [127.0.0.1]:9999") as mail:
        mail.send("me@example.com", [mail.user], "Subject: x\n\nhello\n")
        mail.wait_for(lambda: mail.mailbox(mail.user))

Everything lies in one temporary directory and listens on the loopback
interface. Whatever happens, no process stays behind: when the test ends,
fails, or is interrupted, all that the instance ever started is killed.

As root, an instance can have users of its own (users=["aca"]): it runs in a
mount namespace in which /etc/passwd is another file. The machine's own users
do not change. They have a home when make_home() made one. The directory of the
mailboxes can be a file system of its own there (spool_size="200k", or
spool_image="FILE").
"""

import atexit
import ctypes
import fcntl
import grp
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from . import procs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("CHASQUI_BUILD", os.path.join(ROOT, "build"))
PROGRAMS = os.path.join(BUILD, "src")
PR_SET_CHILD_SUBREAPER = 36
PORTS = (25, 87, 65)  # above the base: smtp, submission, smtps
FIRST_UID = 64000

# Orphans become our children, so that we find them.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
_running = []


def _clean_up():
    for instance in list(_running):
        instance.destroy()


def _interrupted(signo, _frame):
    _clean_up()
    sys.exit(128 + signo)


atexit.register(_clean_up)
signal.signal(signal.SIGTERM, _interrupted)
signal.signal(signal.SIGHUP, _interrupted)


def can_have_users():
    """Whether we may make a mount namespace."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(
        ["unshare", "--mount", "mount", "--bind", "/etc/passwd",
         "/etc/passwd"], stderr=subprocess.DEVNULL).returncode == 0


def program(name):
    return os.path.join(PROGRAMS, name)


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_base():
    """A port base whose ports nobody uses, and the lock that keeps it so:
    several test runs may go on at a time."""
    while True:
        base = random.randrange(10000, 20000, 100)
        lock = open(os.path.join(tempfile.gettempdir(),
                                 f"chasqui-ports-{base}"), "ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if all(_is_free(base + offset) for offset in PORTS):
            return base, lock
        lock.close()


class Reply(str):
    """All lines of an SMTP reply, as one string."""

    @property
    def code(self):
        return int(self[:3])


class Smtp:
    """A dialogue as one would type it."""

    def __init__(self, port, host="127.0.0.1", timeout=30, greet=True):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.banner = self.reply() if greet else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        self.socket.sendall(data)

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise EOFError("connection closed after "
                               + repr(b"".join(lines) + line))
            lines.append(line)
            if line[3:4] != b"-":
                return Reply(b"".join(lines).decode(errors="replace"))

    def command(self, text, code=None):
        self.write(text + "\r\n")
        answer = self.reply()
        if code is not None and answer.code != code:
            raise AssertionError(f"{text!r}: {answer!r}, not {code}")
        return answer

    def envelope(self, sender, recipients):
        self.command(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients:
            self.command(f"RCPT TO:<{recipient}>", 250)

    def data(self, content):
        """Content with any line ends; returns the final reply."""
        if isinstance(content, str):
            content = content.encode()
        content = re.sub(rb"\r?\n", b"\r\n", content)
        content = re.sub(rb"(?m)^\.", b"..", content)
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        self.command("DATA", 354)
        self.write(content + b".\r\n")
        return self.reply()


class Manager:
    """The service manager, which hears when all processes are ready."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "manager")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        os.unlink(self.path)

    def hears_ready(self):
        try:
            return b"READY=1\n" in self.socket.recv(4096)
        except BlockingIOError:
            return False


class Instance:
    def __init__(self, *main_cf, user=None, users=(), directory=None,
                 spool_size=None, spool_image=None):
        """Lines for main.cf; `user` runs it (default: whoever we are)."""
        self.spool = spool_size and (
            f"-t tmpfs -o mode=1777,size={spool_size} tmpfs")
        self.spool = spool_image and f"-o loop {spool_image}" or self.spool
        self.own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(
            prefix="chasqui-", dir=os.environ.get("TMPDIR", "/tmp"))
        os.chmod(self.directory, 0o755)
        self.home = os.path.join(self.directory, "mail-system")
        self.etc = os.path.join(self.home, "etc")
        self.base, self.base_lock = free_base()
        self.port = self.base + 25
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.run_as = user
        self.process = None
        self.seen = {}
        self.uids = {name: FIRST_UID + i for i, name in enumerate(users)}
        if users:
            self._write_passwd()
        if user:
            account = pwd.getpwnam(user)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            self.user = user
        _running.append(self)
        self.tool("chasqui", "instance", self.home,
                  "--port-base", str(self.base))
        self.configure(*main_cf)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.destroy()

    def _write_passwd(self):
        with open("/etc/passwd", encoding="utf-8") as f:
            text = f.read()
        for name, uid in self.uids.items():
            text += f"{name}:x:{uid}:{uid}::{self.home_of(name)}:/bin/false\n"
        with open(os.path.join(self.directory, "passwd"), "w",
                  encoding="utf-8") as f:
            f.write(text)

    def home_of(self, user):
        return os.path.join(self.directory, "home", user)

    def make_home(self, user):
        """The home directory, which is the user's own."""
        path = self.home_of(user)
        os.makedirs(path, mode=0o755)
        os.chown(path, self.uids[user], self.uids[user])
        return path

    def _command(self, name, *args):
        """Where our users exist."""
        command = [program(name), *args]
        if not self.uids:
            return command
        script = 'mount --bind "$0" /etc/passwd && exec "$@"'
        if self.spool and args[-1:] == ("start-fg",):
            script = f"mount {self.spool} {self.home}/mail && " + script
        return ["unshare", "--mount", "sh", "-c", script,
                os.path.join(self.directory, "passwd"), *command]

    def inside(self, path):
        """The path of a file in the namespace of the running instance, to be
        used from outside of it."""
        return f"/proc/{self.process.pid}/root{path}"

    # Configuration and commands

    def configure(self, *lines):
        with open(os.path.join(self.etc, "main.cf"), "a",
                  encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))

    def configure_master(self, *lines):
        with open(os.path.join(self.etc, "master.cf"), "a",
                  encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))

    def _demote(self):
        if not self.run_as:
            return None
        account = pwd.getpwnam(self.run_as)

        def demote():
            os.setgroups([g.gr_gid for g in grp.getgrall()
                          if self.run_as in g.gr_mem])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        return demote

    def tool(self, name, *args, check=True, timeout=60, **options):
        """Run one of our programs to its end."""
        result = subprocess.run(
            self._command(name, *args), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", timeout=timeout, preexec_fn=self._demote(),
            **options)
        if check and result.returncode != 0:
            raise AssertionError(
                f"{name} {' '.join(args)}: exit {result.returncode}\n"
                f"{result.stdout}{result.stderr}")
        return result

    def postfix(self, *args, **options):
        return self.tool("postfix", "-c", self.etc, *args, **options)

    def postqueue(self, *args, **options):
        return self.tool("postqueue", "-c", self.etc, *args, **options)

    # Life

    def start(self, wait=True, command=None):
        """Run it in the foreground of a child of ours."""
        if command or not wait:
            self._spawn(command or self._foreground())
        else:
            with Manager(self.directory) as manager:
                self._spawn(self._foreground(), NOTIFY_SOCKET=manager.path)
                self.wait_for(lambda: self._is_up() and manager.hears_ready(),
                              30, "not ready")
        if wait:
            self.wait_ready()

    def _foreground(self):
        return "postfix", "-c", self.etc, "start-fg"

    def _spawn(self, command, **environment):
        with open(os.path.join(self.directory, "output"), "ab") as output:
            self.process = subprocess.Popen(
                self._command(*command), env=dict(os.environ, **environment),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=self._demote(), start_new_session=True)

    def _is_up(self):
        if self.process and self.process.poll() is not None:
            raise AssertionError(
                f"ended with {self.process.returncode}:\n"
                f"{self.output()}{self.log()}")
        return True

    def wait_ready(self, timeout=30):
        """Until it greets."""
        def greeted():
            self._is_up()
            try:
                with Smtp(self.port, timeout=5) as smtp:
                    return smtp.banner.code == 220
            except (OSError, EOFError):
                return False
        self.wait_for(greeted, timeout, "no greeting")
        self.remember()

    def stop(self, timeout=30):
        """Orderly; all processes are gone afterwards."""
        self.remember()
        self.postfix("stop")
        if self.process:
            self.process.wait(timeout)
            self.process = None
        self.wait_for(lambda: not self.alive(), timeout, "still running")

    def kill_all(self):
        """SIGKILL for everybody at once."""
        end = time.monotonic() + 20
        while True:
            self.remember()
            alive = self.alive()
            if not alive:
                break
            for p in alive:
                procs.kill(p)
            if self.process:
                self.process.poll()
            if time.monotonic() > end:
                raise AssertionError(f"cannot kill {alive}")
            time.sleep(0.01)
        if self.process:
            self.process.wait()
            self.process = None
        procs.reap_orphans()

    def destroy(self):
        if self not in _running:
            return
        self.kill_all()
        self.base_lock.close()
        _running.remove(self)
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    # Processes

    def remember(self):
        """Note all our processes, to find them when they are orphans."""
        if not self.process:
            return
        master = procs.read(self.process.pid)
        for p in ([master] if master else []) + procs.below(self.process.pid):
            self.seen[p.key()] = p

    def alive(self):
        return [p for p in self.seen.values() if procs.is_alive(p)]

    def processes(self, role=None):
        """The living processes, by the name of their executable."""
        self.remember()
        return [p for p in self.alive() if role is None or p.name == role]

    def kill(self, role, signo=signal.SIGKILL):
        """All processes of a role; returns how many."""
        found = self.processes(role)
        for p in found:
            procs.kill(p, signo)
        return len(found)

    # What it did

    def wait_for(self, condition, timeout=30, what="it did not happen"):
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(
                    f"{what} within {timeout} s\n{self.output()}"
                    + "\n".join(self.log_lines()[-30:]))
            time.sleep(0.02)

    def output(self):
        try:
            with open(os.path.join(self.directory, "output"),
                      encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log(self):
        try:
            with open(os.path.join(self.home, "log", "mail.log"),
                      encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log_lines(self, pattern=""):
        return [line for line in self.log().splitlines()
                if re.search(pattern, line)]

    def mailbox_path(self, user=None):
        return os.path.join(self.home, "mail", user or self.user)

    def mailbox(self, user=None):
        """The bytes of a mailbox; empty when there is none."""
        try:
            with open(self.mailbox_path(user), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def queue(self):
        """postqueue -j, one dictionary per message."""
        import json
        return [json.loads(line) for line in
                self.postqueue("-j").stdout.splitlines()]

    def wait_empty(self, timeout=60):
        """Until the queue is."""
        self.wait_for(
            lambda: self.postqueue("-p").stdout == "Mail queue is empty\n",
            timeout, "the queue was not empty")

    # Mail

    def smtp(self, **options):
        return Smtp(self.port, **options)

    def send(self, sender, recipients, content="Subject: test\n\ntest\n"):
        """One message; returns its queue id."""
        with self.smtp() as smtp:
            smtp.command("EHLO client.example", 250)
            smtp.envelope(sender, recipients)
            answer = smtp.data(content)
            if answer.code != 250:
                raise AssertionError(answer)
            smtp.command("QUIT", 221)
        return re.search(r"queued as (\S+)", answer).group(1)
