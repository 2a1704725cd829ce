# SPDX-License-Identifier: ISC
"""Dialogues: what an SMTP client says and what it hears.

A file test/dialogue/*.smtp holds any number of them:

	# a comment
	== name of the dialogue
	! parameter = value          a setting that differs from the usual
	S: 220 mx.example.com ESMTP Postfix
	C: EHLO client               sent with CR LF
	R: EHLO client\\n             sent as it stands: \\r \\n \\0 \\\\ \\xHH
	S: 250 2.0.0 Ok: queued as *     * at the end: anything
	X:                           the server closes

{text*n} in a C or R line is text n times. Lines of C and R that follow each
other leave in one piece; what follows them waits for all S lines between. The same
files are played against the engine by src/proto/smtp_dialogue_test.c.
"""

import pathlib
import re
import socket

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "dialogue"


class Dialogue:
    def __init__(self, name):
        self.name = name
        self.settings = {}
        self.steps = []  # ("C" or "R" or "S", text), ("X", "")

    def blocks(self):
        """Pairs: bytes to send, lines to hear ("X" for the end)."""
        send, hear = b"", []
        for kind, text in self.steps:
            if kind in "CR":
                if hear:
                    yield send, hear
                    send, hear = b"", []
                send += encode(kind, text)
            else:
                hear.append(text if kind == "S" else None)
        yield send, hear


ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)")
SIMPLE = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"\\": b"\\", b"t": b"\t"}


def encode(kind, text):
    data = re.sub(r"\{([^{}]+?)\*(\d+)\}",
                  lambda m: m.group(1) * int(m.group(2)), text)
    data = data.encode("utf-8", "surrogateescape")
    if kind == "C":
        return data + b"\r\n"
    return ESCAPE.sub(
        lambda m: SIMPLE.get(m.group(1)) or bytes([int(m.group(1)[1:], 16)]),
        data)


def parse(path):
    """All dialogues of a file."""
    result = []
    for line in path.read_text(errors="surrogateescape").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            result.append(Dialogue(line[3:]))
        elif line.startswith("! "):
            name, _, value = line[2:].partition("=")
            result[-1].settings[name.strip()] = value.strip()
        elif line[1] == ":" and line[0] in "CRSX":
            result[-1].steps.append((line[0], line[3:]))
        else:
            raise ValueError(f"{path.name}: {line!r}")
    return result


def all_dialogues():
    """(file name, dialogue), of all files."""
    for path in sorted(FOLDER.glob("*.smtp")):
        for dialogue in parse(path):
            yield path.name, dialogue


def matches(want, got):
    return got.startswith(want[:-1]) if want.endswith("*") else got == want


class Peer:
    """A connection on which lines are read."""

    def __init__(self, port, host="127.0.0.1", timeout=10):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.pending = b""

    def line(self):
        """The next line without CR LF; None at the end of the connection."""
        while b"\r\n" not in self.pending:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.pending, f"half a line: {self.pending!r}"
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def close(self):
        self.sock.close()


def _send(peer, data, piece):
    """False: the server hung up while we were still talking."""
    try:
        for at in range(0, len(data), piece or len(data) or 1):
            peer.sock.sendall(data[at:at + (piece or len(data))])
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def play(dialogue, port, piece=None):
    """Play it against a server; an assertion says what was different.

    A server that hangs up before it has heard everything resets the
    connection, and its last words may be lost with it: that is no
    difference, when we were cut off in the middle of our pieces.
    """
    peer = Peer(port)
    cut = False
    try:
        for send, hear in dialogue.blocks():
            cut = cut or not _send(peer, send, piece)
            for want in hear:
                try:
                    got = peer.line()
                except ConnectionResetError:
                    assert cut, "the connection was reset"
                    return
                if want is None:
                    assert got is None, f"heard {got!r} instead of the end"
                else:
                    assert got is not None and matches(want, got), \
                        f"heard {got!r} instead of {want!r}"
    finally:
        peer.close()
