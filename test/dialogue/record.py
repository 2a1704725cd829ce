#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""record.py CONFIG_DIR PORT [FILE...] - ask a Postfix what it says.

Plays the client's side of the dialogues against a running private Postfix
and writes what it answers into the files, in place of the S and X lines. The
Postfix has the main.cf of README; settings of a dialogue are put into it.
"""

import pathlib
import re
import select
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import dialogue  # noqa: E402

QUIET = 0.08


def hear(sock):
    """Lines until it is quiet; the last one is None at the end."""
    data = b""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        wait = QUIET if data.endswith(b"\r\n") else 0.4
        if not select.select([sock], [], [], wait)[0]:
            break
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            return data.decode("utf-8", "surrogateescape").splitlines() + [None]
        data += more
    return data.decode("utf-8", "surrogateescape").splitlines()


def record(talk, port):
    sock = socket.create_connection(("127.0.0.1", port))
    steps = []
    heard = []

    def listen():
        nonlocal heard
        heard = hear(sock)
        for line in heard:
            if line is None:
                steps.append(("X", ""))
            else:
                steps.append(("S", re.sub(r"(queued as ).*", r"\1*", line)))

    if talk.steps[0][0] in "SX":
        listen()
    blocks = []
    for kind, text in talk.steps:
        if kind in "CR":
            if not blocks or blocks[-1][1]:
                blocks.append(([], []))
            blocks[-1][0].append((kind, text))
        elif blocks:
            blocks[-1][1].append(text)
    for sends, _ in blocks:
        steps.extend(sends)
        try:
            sock.sendall(b"".join(dialogue.encode(*s) for s in sends))
        except OSError:
            pass
        listen()
        if heard and heard[-1] is None:
            break
    sock.close()
    return steps


def configure(config, settings, names):
    changes = [f"{n} = {settings[n]}" for n in settings]
    gone = [n for n in names if n not in settings]
    if gone:
        subprocess.run(["postconf", "-c", config, "-X", *gone], check=True)
    for name, value in BASE.items():
        if name in gone:
            changes.append(f"{name} = {value}")
    if changes:
        subprocess.run(["postconf", "-c", config, "-e", *changes], check=True)
    subprocess.run(["postfix", "-c", config, "reload"], check=True,
                   stderr=subprocess.DEVNULL)
    time.sleep(0.7)


BASE = {}


def main():
    config, port = sys.argv[1], int(sys.argv[2])
    for line in pathlib.Path(config, "main.cf").read_text().splitlines():
        name, _, value = line.partition("=")
        BASE[name.strip()] = value.strip()
    files = [pathlib.Path(f) for f in sys.argv[3:]] or \
        sorted(dialogue.FOLDER.glob("*.smtp"))
    current = {}
    for path in files:
        head = [line for line in path.read_text().splitlines()
                if line.startswith("#")]
        talks = dialogue.parse(path)
        for talk in sorted(talks, key=lambda t: sorted(t.settings.items())):
            if talk.settings != current:
                configure(config, talk.settings, list(current))
                current = talk.settings
            talk.steps = record(talk, port)
        out = head
        for talk in talks:
            out += ["", "== " + talk.name]
            out += [f"! {n} = {v}" for n, v in talk.settings.items()]
            out += [f"{kind}: {text}" if text or kind == "S" else f"{kind}:"
                    for kind, text in talk.steps]
        path.write_text("\n".join(out) + "\n", errors="surrogateescape")
        print(path.name, len(talks))
    if current:
        configure(config, {}, list(current))


if __name__ == "__main__":
    main()
