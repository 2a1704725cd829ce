# SPDX-License-Identifier: ISC
"""A terminal on which somebody types, and what is on its screen (by tmux).

    with Terminal(directory, ["sh"], env) as t:
        t.play(text)

The text is what the screen shows at the end. What stands between « and » in
it is typed: each piece when all before it has appeared, with ENTER behind it
when a line ends there, and as a key of tmux's if it is one of KEYS.

A program that edits its lines should not do so here: what is typed before it
takes the terminal stands on the screen twice.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time

PATIENCE = 60
KEYS = {"^D": "C-d", "^C": "C-c", "TAB": "Tab", "UP": "Up", "LEFT": "Left",
        "^A": "C-a", "^Z": "C-z", "^\\": "C-\\"}


def why_not():
    return None if shutil.which("tmux") else "needs tmux"


class Terminal:
    def __init__(self, directory, command, env, size=(100, 120)):
        """The command inherits nothing but `env`."""
        # A server that was ended may still hold the last one.
        self.socket = tempfile.mktemp(dir=directory, prefix="tmux-")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(size[0]),
                  "-y", str(size[1]), "env", "-i",
                  *(f"{name}={value}" for name, value in env.items()),
                  "TERM=screen", *command)

    def tmux(self, *words):
        # Without UTF-8 tmux writes '_' for what is beyond ASCII.
        return subprocess.run(
            ["tmux", "-u", "-S", self.socket, *words], check=True, text=True,
            stdin=subprocess.DEVNULL, capture_output=True,
            env=dict(os.environ, LC_ALL="C.UTF-8")).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"],
                       check=False, capture_output=True)

    def screen(self):
        """What is to be seen, without blanks at the end of lines."""
        text = self.tmux("capture-pane", "-p", "-J")
        return re.sub(r" +$", "", text, flags=re.M).rstrip("\n")

    def type(self, text):
        if text in KEYS:
            self.tmux("send-keys", KEYS[text])
        elif text:
            self.tmux("send-keys", "-l", text)

    def wait(self, is_there):
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if is_there(screen):
                return screen
            if time.monotonic() > end:
                raise AssertionError("the screen stays:\n" + screen)
            time.sleep(0.05)

    def play(self, text, plain=lambda text: text, before=None):
        """`plain` gives what is compared; `before` is what to do before
        something is typed."""
        shown = ""
        for i, piece in enumerate(re.split(r"[«»]", text)):
            shown += piece if piece not in KEYS else ""
            if i % 2:
                (before or {}).get(piece, lambda: None)()
                self.type(piece)
                is_line = text.split("»")[i // 2 + 1].startswith("\n")
                if is_line:
                    self.tmux("send-keys", "Enter")
                continue
            want = re.sub(r" +$", "", plain(shown), flags=re.M).rstrip("\n")
            try:
                self.wait(lambda seen: plain(seen) == want)
            except AssertionError as e:
                raise AssertionError(f"{e}\n--- instead of:\n{want}") from None
