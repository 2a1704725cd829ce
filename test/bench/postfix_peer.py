# SPDX-License-Identifier: ISC
"""A private Postfix (Debian's package) to compare with.

    with PostfixPeer({"relayhost": "[127.0.0.1]:9999"}) as peer:
        smtplib.SMTP("127.0.0.1", peer.port).sendmail(...)
        peer.wait_for(lambda: peer.mailbox("nobody"))

Configuration, queue, data and mailboxes lie in one directory of its own;
nothing of a system's Postfix is read or written, and only loopback ports
above 1024 are listened on. It needs root, because Postfix does. When the
Python process ends, the instance is stopped and its directory removed.

The members have the names of test/lib/instance.py where they mean the same.

From a shell, until Enter or the end of input:

    python3 postfix_peer.py [--port N] [--dir DIR] [NAME=VALUE ...]
"""

import atexit
import json
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

SBIN = "/usr/sbin"
DAEMONS = "/usr/lib/postfix/sbin"

# How a peer is tuned for speed (doc: test/bench/README.md).
TUNED = {
    "default_process_limit": "200",
    "in_flow_delay": "0",
    "smtpd_peername_lookup": "no",
    "local_header_rewrite_clients": "",
    "smtp_destination_concurrency_limit": "20",
    "initial_destination_concurrency": "20",
    "default_destination_concurrency_positive_feedback": "1",
    "smtp_connection_cache_on_demand": "no",
    "qmgr_message_active_limit": "40000",
    "qmgr_message_recipient_limit": "40000",
    "max_use": "5000",
    "max_idle": "300s",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_client_message_rate_limit": "0",
    "smtpd_client_recipient_rate_limit": "0",
    "smtp_dns_support_level": "disabled",
    "alias_maps": "",
    "local_recipient_maps": "",
}

# name, type, private, unprivileged, wakeup, processes, command
SERVICES = """\
pickup     unix  n  -  n  60     1    pickup
cleanup    unix  n  -  n  -      0    cleanup
qmgr       unix  n  -  n  300    1    qmgr
tlsmgr     unix  -  -  n  1000?  1    tlsmgr
rewrite    unix  -  -  n  -      -    trivial-rewrite
bounce     unix  -  -  n  -      0    bounce
defer      unix  -  -  n  -      0    bounce
trace      unix  -  -  n  -      0    bounce
verify     unix  -  -  n  -      1    verify
flush      unix  n  -  n  1000?  0    flush
proxymap   unix  -  -  n  -      -    proxymap
proxywrite unix  -  -  n  -      1    proxymap
smtp       unix  -  -  n  -      -    smtp
relay      unix  -  -  n  -      -    smtp
showq      unix  n  -  n  -      -    showq
error      unix  -  -  n  -      -    error
retry      unix  -  -  n  -      -    error
discard    unix  -  -  n  -      -    discard
local      unix  -  n  n  -      -    local
virtual    unix  -  n  n  -      -    virtual
lmtp       unix  -  -  n  -      -    lmtp
anvil      unix  -  -  n  -      1    anvil
scache     unix  -  -  n  -      1    scache
postlog    unix-dgram n - n  -      1    postlogd
"""

_running = []


def why_not():
    """The reason why no peer can run here, or None."""
    if os.geteuid() != 0:
        return "Postfix needs root"
    if not os.path.exists(os.path.join(DAEMONS, "master")):
        return "Debian's postfix package is not installed"
    return None


def version():
    return subprocess.run(
        [os.path.join(SBIN, "postconf"), "-dh", "mail_version"],
        stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    while True:
        port = random.randrange(20000, 32000)
        if is_free(port):
            return port


def descendants(pid):
    """All processes below `pid`, as (pid, start time)."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            found = stat(int(name))
            if found:
                children.setdefault(found[0], []).append(
                    (int(name), found[1]))
    result, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            result.append(child)
            todo.append(child[0])
    return result


def stat(pid):
    """Parent and start time of a process that is not a zombie, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


class PostfixPeer:
    def __init__(self, main_cf=None, master_cf=(), port=None, directory=None,
                 tuned=False):
        """
        main_cf: dictionary of parameters; they win over everything here.
        master_cf: more lines for master.cf; a service given again wins.
        port: where SMTP is served, on 127.0.0.1; a free one by default.
        directory: where all of it lies (spool, mail, log ... below it); it
        is created when missing, and then removed in the end.
        tuned: with the settings of TUNED.
        """
        reason = why_not()
        if reason:
            raise RuntimeError(reason)
        self.port = port or free_port()
        if directory is None:
            self.home = tempfile.mkdtemp(prefix="postfix-peer-")
            self.own_directory = True
        else:
            self.home = os.path.abspath(directory)
            self.own_directory = not os.path.isdir(self.home)
        self.directory = self.home
        self.etc = os.path.join(self.home, "etc")
        self.spool = os.path.join(self.home, "spool")
        self.data = os.path.join(self.home, "data")
        self.mail = os.path.join(self.home, "mail")
        self.log_file = os.path.join(self.home, "log", "mail.log")
        self.seen = set()
        self._make_directories()
        self._write_main(main_cf or {}, tuned)
        self._write_master(master_cf)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, *_):
        self.destroy()

    # Configuration

    def _make_directories(self):
        postfix = pwd.getpwnam("postfix")
        for name in (self.home, self.etc, self.spool, self.data, self.mail,
                     os.path.dirname(self.log_file)):
            os.makedirs(name, exist_ok=True)
            os.chmod(name, 0o755)
        os.chown(self.data, postfix.pw_uid, postfix.pw_gid)
        os.chmod(self.data, 0o700)
        os.chmod(self.mail, 0o1777)

    def _write_main(self, overrides, tuned):
        settings = {
            "compatibility_level": "3.6",
            "command_directory": SBIN,
            "daemon_directory": DAEMONS,
            "queue_directory": self.spool,
            "data_directory": self.data,
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": self.log_file,
            "maillog_file_prefixes": self.home,
            "mail_spool_directory": self.mail,
            "myhostname": "mail.example.test",
            "mydestination": "$myhostname, localhost",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "biff": "no",
            "smtpd_tls_security_level": "none",
            "smtp_tls_security_level": "none",
        }
        if tuned:
            settings.update(TUNED)
        settings.update(overrides)
        with open(os.path.join(self.etc, "main.cf"), "w",
                  encoding="utf-8") as f:
            for name, value in settings.items():
                f.write(f"{name} = {value}\n")

    def _write_master(self, extra):
        listener = f"127.0.0.1:{self.port} inet n - n - - smtpd\n"
        with open(os.path.join(self.etc, "master.cf"), "w",
                  encoding="utf-8") as f:
            f.write(listener + SERVICES)
            f.write("".join(line.rstrip("\n") + "\n" for line in extra))

    def configure(self, *lines):
        """Append to main.cf: the last line about a parameter wins."""
        self._append("main.cf", lines)

    def configure_master(self, *lines):
        self._append("master.cf", lines)

    def _append(self, name, lines):
        with open(os.path.join(self.etc, name), "a", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))

    # Commands

    def tool(self, name, *args, check=True, timeout=60, **options):
        """One of Postfix's commands, told where the configuration is."""
        path = os.path.join(SBIN, name)
        if not os.path.exists(path):
            path = os.path.join("/usr/bin", name)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        env = dict(os.environ, MAIL_CONFIG=self.etc)
        env.update(options.pop("env", {}))
        result = subprocess.run(
            [path, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", timeout=timeout, env=env, **options)
        if check and result.returncode != 0:
            raise AssertionError(
                f"{name} {' '.join(args)}: exit {result.returncode}\n"
                f"{result.stdout}{result.stderr}")
        return result

    def postfix(self, *args, **options):
        return self.tool("postfix", "-c", self.etc, *args, **options)

    def postqueue(self, *args, **options):
        return self.tool("postqueue", "-c", self.etc, *args, **options)

    def postsuper(self, *args, **options):
        return self.tool("postsuper", "-c", self.etc, *args, **options)

    def postconf(self, *args, **options):
        return self.tool("postconf", "-c", self.etc, *args, **options)

    def sendmail(self, *args, **options):
        """sendmail(1); the message is `input`."""
        return self.tool("sendmail", "-C", self.etc, *args, **options)

    # Life

    def start(self):
        _running.append(self)
        # postfix-script looks at $config_directory only through -c.
        self.postfix("start")
        self.wait_for(self._greets, 30, "no greeting")
        self.remember()

    def _greets(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                return s.recv(3) == b"220"
        except OSError:
            return False

    def master_pid(self):
        try:
            with open(os.path.join(self.spool, "pid", "master.pid"),
                      encoding="ascii") as f:
                return int(f.read().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None

    def is_running(self):
        pid = self.master_pid()
        try:
            return pid is not None and self._is_master(pid)
        except OSError:
            return False

    def _is_master(self, pid):
        return (stat(pid) is not None
                and os.path.realpath(f"/proc/{pid}/cwd")
                == os.path.realpath(self.spool)
                and os.path.basename(os.readlink(f"/proc/{pid}/exe"))
                == "master")

    def pids(self):
        """The process ids of master and everything below it."""
        pid = self.master_pid()
        if pid is None or not self.is_running():
            return []
        return [pid] + [child for child, _ in descendants(pid)]

    def remember(self):
        """Note all processes, to find them when they are orphans."""
        pid = self.master_pid()
        if pid is not None and self.is_running():
            found = stat(pid)
            if found:
                self.seen.add((pid, found[1]))
            self.seen.update(descendants(pid))

    def alive(self):
        def lives(pid, start):
            found = stat(pid)
            return found is not None and found[1] == start
        return [pid for pid, start in self.seen if lives(pid, start)]

    def stop(self, timeout=10):
        """Orderly at first; all processes are gone afterwards."""
        self.remember()
        pid = self.master_pid()
        if pid is not None and self.is_running():
            os.kill(pid, signal.SIGTERM)
        self.kill_all(timeout)

    def kill_all(self, patience=0):
        """SIGKILL for whoever is left after `patience` seconds."""
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
            time.sleep(0.02)
        self.seen.clear()

    def reload(self):
        self.postfix("reload")

    def destroy(self):
        self.stop()
        if self in _running:
            _running.remove(self)
        if self.own_directory:
            shutil.rmtree(self.home, ignore_errors=True)

    # What it did

    def wait_for(self, condition, timeout=30, what="it did not happen"):
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(
                    f"{what} within {timeout} s\n"
                    + "\n".join(self.log_lines()[-30:]))
            time.sleep(0.02)

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log_lines(self, pattern=""):
        return [line for line in self.log().splitlines()
                if re.search(pattern, line)]

    def mailbox_path(self, user):
        return os.path.join(self.mail, user)

    def mailbox(self, user):
        """The bytes of a mailbox; empty when there is none."""
        try:
            with open(self.mailbox_path(user), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def queue(self):
        """postqueue -j, one dictionary per message."""
        return [json.loads(line) for line in
                self.postqueue("-j").stdout.splitlines()]

    def wait_empty(self, timeout=60):
        """Until the queue is."""
        self.wait_for(
            lambda: self.postqueue("-p").stdout == "Mail queue is empty\n",
            timeout, "the queue was not empty")


@atexit.register
def clean_up():
    """Stop all that runs."""
    for peer in list(_running):
        peer.destroy()


def main(args):
    options = {"port": None, "directory": None}
    while args and args[0] in ("--port", "--dir"):
        if args[0] == "--port":
            options["port"] = int(args[1])
        else:
            options["directory"] = args[1]
        args = args[2:]
    settings = dict(arg.split("=", 1) for arg in args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with PostfixPeer(settings, **options) as peer:
        print(f"SMTP on 127.0.0.1:{peer.port}, postfix -c {peer.etc}",
              flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1:])
