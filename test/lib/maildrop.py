# SPDX-License-Identifier: ISC
"""Files for maildrop/, made here or by Debian's sendmail and postdrop."""

import os
import socket
import subprocess
import time

SENDMAIL = "/usr/sbin/sendmail"


def record(kind, data=b""):
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    head, n = kind.encode(), len(data)
    while True:
        head += bytes([n & 127 | (128 if n >> 7 else 0)])
        n >>= 7
        if not n:
            return head + data


def message(sender, recipients, content="Subject: test\n\ntest\n", extra=(),
            arrival=None):
    """The bytes of a file; `extra` are records before the sender."""
    out = [record("T", f"{int(arrival or time.time())} 123456")]
    out += [record(*r) for r in extra]
    out += [record("A", "rewrite_context=local"), record("S", sender)]
    out += [record("R", r) for r in recipients] + [record("M")]
    for line in content.encode("utf-8", "surrogateescape").split(b"\n")[:-1]:
        while len(line) > 2048:
            out.append(record("L", line[:2048]))
            line = line[2048:]
        out.append(record("N", line))
    return b"".join(out + [record("X"), record("E")])


class Drop:
    """The maildrop/ of an instance."""

    def __init__(self, mail):
        self.mail = mail
        self.spool = os.path.join(mail.home, "spool")
        self.directory = os.path.join(self.spool, "maildrop")
        self.count = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def put(self, data, name=None, mode=0o744):
        """As postdrop does: complete with its execute bit."""
        self.count += 1
        name = name or f"{self.count:06X}"
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, data)
        os.fchmod(fd, mode)
        os.close(fd)
        return name

    def knock(self, words=b"W"):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.spool, "public", "pickup"))
            s.sendall(words)

    def send(self, *args, **options):
        name = self.put(message(*args, **options))
        self.knock()
        return name

    def names(self):
        return sorted(os.listdir(self.directory))

    def wait_empty(self, timeout=60):
        self.mail.wait_for(lambda: not self.names(), timeout,
                           "maildrop was not empty")


def debian_config(mail, directory):
    """A configuration with which Debian's sendmail finds our maildrop/."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "main.cf"), "w",
              encoding="utf-8") as f:
        f.write("compatibility_level = 3.6\n"
                "command_directory = /usr/sbin\n"
                "daemon_directory = /usr/lib/postfix/sbin\n"
                f"queue_directory = {os.path.join(mail.home, 'spool')}\n"
                "alias_maps =\n"
                "myhostname = mail.example.test\n")
    return directory


def debian_sendmail(config, *args, content="Subject: test\n\ntest\n"):
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    return subprocess.run(
        [SENDMAIL, "-C", config, *args], input=content,
        env=dict(os.environ, MAIL_CONFIG=config), timeout=60, check=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
