# SPDX-License-Identifier: ISC
"""A network and a name server of a test's own.

    with own_network("192.168.0.1/24"), NameServer(
            {("example.com", "MX"): ["10 mail.example.com"],
             ("mail.example.com", "A"): ["127.0.1.1"]}, folder) as names:
        mail = make_instance(f"resolv_conf = {names.resolv_conf}")

What is started inside (processes, threads, sockets) is in the new network,
which has the loopback interface, with these addresses too, and nothing else.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000
TYPES = {"A": 1, "MX": 15, "AAAA": 28}
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def can_have_network():
    return os.geteuid() == 0 and bool(shutil.which("ip")) and \
        subprocess.run(["unshare", "--net", "true"],
                       stderr=subprocess.DEVNULL).returncode == 0


@contextlib.contextmanager
def own_network(*addresses):
    """For the calling thread, and what it starts."""
    with open("/proc/thread-self/ns/net", "rb") as before:
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            for one in addresses:
                subprocess.run(["ip", "address", "add", one, "dev", "lo"],
                               check=True)
            yield
        finally:
            _check(_libc.setns(before.fileno(), CLONE_NEWNET))


def _name(text):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.split(".") if label) + b"\0"


def _data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    preference, host = value.split()
    return struct.pack(">H", int(preference)) + _name(host)


class NameServer:
    """{(name, type): [value, ...]}; all else does not exist."""

    def __init__(self, records, folder, place=("127.0.0.1", 0)):
        self.records = {(name.lower(), kind): values
                        for (name, kind), values in records.items()}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(place)
        self.resolv_conf = os.path.join(str(folder), "resolv.conf")
        with open(self.resolv_conf, "w", encoding="ascii") as f:
            f.write("nameserver {}@{}\n".format(*self.socket.getsockname()))

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Wakes the thread, whatever the call itself thinks of it.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
                if not query:
                    return
                self.socket.sendto(self._answer(query), peer)
            except OSError:
                return

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        question = query[12:at + 5]
        number, = struct.unpack(">H", query[at + 1:at + 3])
        name = ".".join(labels)
        known = any(key[0] == name for key in self.records)
        answers = b""
        count = 0
        for kind, value in TYPES.items():
            if value != number:
                continue
            for text in self.records.get((name, kind), []):
                data = _data(kind, text)
                answers += struct.pack(">HHHIH", 0xc00c, number, 1, 60,
                                       len(data)) + data
                count += 1
        flags = 0x8180 | (0 if known else 3)
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) \
            + question + answers
