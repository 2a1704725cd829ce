# SPDX-License-Identifier: ISC
"""SMTP servers in many moods.

A server has a loopback address of its own for each mood (127.0.1.1,
127.0.1.2, ...), all at one port. A mood says what is different from a good
server:

    {"RCPT": "550 5.1.1 who?"}              this reply
    {"RCPT": ["250 ok", "450 4.2.1 full"]}  one after the other
    {"DOT": CLOSE}                          hangs up
    {"connect": HANG}                       says nothing from now on
    {"DOT": (2, "250 ok")}                  after two seconds

The steps are connect, EHLO, HELO, MAIL, RCPT, DATA, CONTENT (after its first
line), DOT, RSET and QUIT. A reply may have several lines; bytes are sent as
they are.
"""

import re
import socket
import threading
import time

CLOSE = object()
HANG = object()

GOOD = {
    "connect": "220 moody.example ESMTP",
    "EHLO": "250-moody.example\n250-PIPELINING\n250-SIZE 10240000\n"
            "250 8BITMIME",
    "LHLO": "250-moody.example\n250-PIPELINING\n250 8BITMIME",
    "HELO": "250 moody.example",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 End data with <CR><LF>.<CR><LF>",
    "CONTENT": "",
    "DOT": "250 2.0.0 Ok: queued as MOODY",
    "RSET": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


class Ended(Exception):
    pass


class Session:
    """One connection, from greeting to QUIT."""

    def __init__(self, server, sock, mood):
        self.server = server
        self.socket = sock
        self.file = sock.makefile("rb")
        self.mood = mood
        self.count = {}
        self.commands = []
        self.lmtp = False
        self.accepted = 0

    def say(self, step):
        """Returns the reply's first digit."""
        action = self.mood.get(step, GOOD[step])
        n = self.count[step] = self.count.get(step, -1) + 1
        if isinstance(action, list):
            action = action[min(n, len(action) - 1)]
        if isinstance(action, tuple):
            time.sleep(action[0])
            action = action[1]
        if action is CLOSE:
            raise Ended
        if action is HANG:
            self.file.read()
            raise Ended
        if isinstance(action, str) and action:
            action = (action + "\n").replace("\n", "\r\n").encode()
        if action:
            self.socket.sendall(action)
        last = (action or b"").splitlines()[-1:]
        return last[0][:1].decode() if last else ""

    def content(self):
        content = b""
        for line in self.file:
            if line == b".\r\n":
                break
            first = not content
            content += line
            if first and "CONTENT" in self.mood:
                self.say("CONTENT")
        else:
            raise Ended
        with self.server.lock:
            self.server.contents.append(content)
        for _ in range(max(1, self.accepted if self.lmtp else 1)):
            self.say("DOT")

    def command(self, line):
        verb = line.split(b" ")[0].decode(errors="replace").upper()
        self.commands.append(line.decode(errors="replace"))
        with self.server.lock:
            self.server.commands.append(line.decode(errors="replace"))
        if verb == "LHLO":
            self.lmtp = True
        if verb not in GOOD:
            self.socket.sendall(b"502 5.5.2 what?\r\n")
            return
        if verb == "MAIL":
            self.accepted = 0
        digit = self.say(verb)
        if verb == "RCPT" and digit == "2":
            self.accepted += 1
        if verb == "DATA" and digit == "3":
            self.content()
        if verb == "QUIT":
            raise Ended

    def run(self):
        try:
            self.say("connect")
            for line in self.file:
                self.command(line.rstrip(b"\r\n"))
        except (Ended, OSError):
            pass
        finally:
            self.file.close()
            self.socket.close()


class Moody:
    """with Moody([{...}, {...}]) as server: server.address(0), server.port

    Or one at a place of the caller's: Moody(place=("192.0.2.1", 25))."""

    def __init__(self, moods=({},), family=socket.AF_INET, place=None):
        self.place = place
        self.moods = list(moods)
        self.lock = threading.Lock()
        self.commands = []
        self.contents = []
        self.connections = 0
        self.sessions = []
        self.peers = []
        self.family = family
        self.port = None
        self.listeners = []

    def address(self, index):
        if self.place:
            return self.place[0]
        if self.family == socket.AF_INET6:
            return "::1"
        return f"127.0.1.{index + 1}"

    def _listen(self):
        """All at the same port."""
        listeners = []
        port = self.place[1] if self.place else 0
        for index in range(len(self.moods)):
            sock = socket.socket(self.family)
            listeners.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((self.address(index), port))
            except OSError:
                for one in listeners:
                    one.close()
                return None
            sock.listen(100)
            port = sock.getsockname()[1]
        self.port = port
        return listeners

    def __enter__(self):
        for _ in range(100):
            self.listeners = self._listen()
            if self.listeners:
                break
        for sock, mood in zip(self.listeners, self.moods):
            threading.Thread(target=self._accept, args=(sock, mood),
                             daemon=True).start()
        return self

    def __exit__(self, *_):
        for sock in self.listeners:
            sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self, listener, mood):
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                self.peers.append(peer[0])
            session = Session(self, sock, mood)
            self.sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()

    def wait_for(self, condition, timeout=30):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {timeout} s")
            time.sleep(0.02)


def plain(line):
    """A line of the log without what differs from run to run."""
    line = line.split("]: ", 1)[1]
    line = re.sub(r"^[0-9A-F]{6,}: ", "ID: ", line)
    line = re.sub(r"delay=[\d.]+, delays=[\d./]+, ", "", line)
    return line
