# SPDX-License-Identifier: ISC
"""The systems under test, behind one face.

A system is made for one workload: settings are appended to its main.cf, it
is started, measured, and destroyed. Both get the same settings except for
those that speak of Postfix's one-client processes only.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

import measure
import pair
import postfix_peer
from postfix_peer import PostfixPeer, free_port

# Settings of Postfix's process model; they say nothing to chasqui.
PROCESS_MODEL = ("default_process_limit", "max_use", "max_idle",
                 "smtp_connection_cache_on_demand")

COMMON = {
    "myhostname": "mail.example.test",
    "mydestination": "$myhostname, localhost",
    "mynetworks": "127.0.0.0/8",
    "inet_protocols": "ipv4",
    "biff": "no",
    "smtpd_tls_security_level": "none",
    "smtp_tls_security_level": "none",
}


def mail_user():
    """Somebody whose mailbox we can fill: an existing user, not root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    users = [p for p in pwd.getpwall() if 1000 <= p.pw_uid < 60000]
    return users[0].pw_name if users else "games"


class System:
    """What the workloads need; see the two below."""

    name = "?"
    port = 0
    log_file = ""
    mail = ""

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def destroy(self):
        raise NotImplementedError

    def master_pid(self):
        raise NotImplementedError

    def pids(self):
        """Master and all below it."""
        pid = self.master_pid()
        if pid is None:
            return []
        return [pid] + [child for child, _ in
                        postfix_peer.descendants(pid)]

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, *_):
        self.destroy()

    def cpu(self):
        return measure.cpu_seconds(self.pids())

    def pss(self):
        return measure.pss_of(self.pids())

    def log(self, *needles):
        return measure.LogCounter(self.log_file, *needles)

    def mailbox(self, user):
        return os.path.join(self.mail, user)

    def program(self, name):
        """The path of a command that reads MAIL_CONFIG=self.etc."""
        raise NotImplementedError


class Postfix(System):
    name = "postfix"

    def __init__(self, directory, settings):
        home = os.path.join(directory, "postfix")
        shutil.rmtree(home, ignore_errors=True)
        self.peer = PostfixPeer(dict(COMMON, **settings), directory=home,
                                tuned=True)
        self.home = home
        self.port = self.peer.port
        self.log_file = self.peer.log_file
        self.mail = self.peer.mail
        self.etc = self.peer.etc

    def start(self):
        self.peer.start()

    def program(self, name):
        return os.path.join(postfix_peer.SBIN, name)

    def stop(self):
        self.peer.stop()

    def destroy(self):
        self.peer.destroy()

    def master_pid(self):
        return self.peer.master_pid() if self.peer.is_running() else None


def greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.settimeout(5)
            return s.recv(3) == b"220"
    except OSError:
        return False


class Chasqui(System):
    name = "chasqui"

    def __init__(self, directory, settings):
        self.home = os.path.join(directory, "chasqui")
        shutil.rmtree(self.home, ignore_errors=True)
        while True:
            self.base = free_port()
            if postfix_peer.is_free(self.base + 25):
                break
        self.port = self.base + 25
        self.seen = set()
        self.tool("chasqui", "instance", self.home, "--port-base",
                  str(self.base))
        self.etc = os.path.join(self.home, "etc")
        self.mail = os.path.join(self.home, "mail")
        self.log_file = os.path.join(self.home, "log", "mail.log")
        tuned = {name: value for name, value in postfix_peer.TUNED.items()
                 if name not in PROCESS_MODEL}
        with open(os.path.join(self.etc, "main.cf"), "a",
                  encoding="utf-8") as f:
            for name, value in {**COMMON, **tuned, **settings}.items():
                f.write(f"{name} = {value}\n")

    def tool(self, name, *args, timeout=60, check=True):
        command = os.path.join(pair.BUILD, "src", name)
        result = subprocess.run(
            [command, *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=timeout, check=False)
        if check and result.returncode != 0:
            raise RuntimeError(f"{name} {' '.join(args)}: exit "
                               f"{result.returncode}: {result.stdout}")
        return result.stdout

    def program(self, name):
        return os.path.join(pair.BUILD, "src", name)

    def start(self):
        self.tool("postfix", "-c", self.etc, "start")
        end = time.monotonic() + 60
        while not greets(self.port):
            if time.monotonic() > end:
                raise RuntimeError("chasqui does not greet")
            time.sleep(0.002)
        self.remember()

    def remember(self):
        pid = self.master_pid()
        if pid is not None:
            found = postfix_peer.stat(pid)
            if found:
                self.seen.add((pid, found[1]))
            self.seen.update(postfix_peer.descendants(pid))

    def alive(self):
        return [pid for pid, start in self.seen
                if (postfix_peer.stat(pid) or (0, 0))[1] == start]

    def stop(self):
        self.remember()
        self.tool("postfix", "-c", self.etc, "stop", check=False)
        self.kill(patience=10)

    def kill(self, patience=0):
        """SIGKILL for everybody who is left after `patience` seconds."""
        end = time.monotonic() + patience
        while True:
            self.remember()
            alive = self.alive()
            if not alive:
                break
            if time.monotonic() > end:
                for pid in alive:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            time.sleep(0.005)
        self.seen.clear()

    def destroy(self):
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def master_pid(self):
        try:
            with open(os.path.join(self.home, "spool", "pid", "master.pid"),
                      encoding="ascii") as f:
                pid = int(f.read().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        if postfix_peer.stat(pid) is None:
            return None
        # A stale file may name a stranger: ours has our directory in it.
        return pid if self._is_ours(pid) else None

    def _is_ours(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if self.home.encode() in f.read():
                    return True
            for what in ("cwd", "exe"):
                path = os.path.realpath(f"/proc/{pid}/{what}")
                if path.startswith((os.path.realpath(self.home) + os.sep,
                                    os.path.realpath(pair.BUILD) + os.sep)):
                    return True
        except OSError:
            pass
        return False

    def queue_pids(self):
        return [pid for pid in self.pids() if measure.name_of(pid) == "queue"]
