# SPDX-License-Identifier: ISC
"""Services that run spawn(8): a command for each connection."""

import os
import pwd
import re
import socket
import stat
import time

import pytest

import postfix_peer
from lib.instance import Instance

WHO = "nobody" if os.geteuid() == 0 else None

# What a command sees of itself, and then an echo.
SCRIPT = """#!/bin/sh
id -u
id -G
ls /proc/self/fd | wc -l
env | grep -v '^PWD=' | LC_ALL=C sort | tr '\\n' ' '
echo
pwd
echo "[$#:$1:$2]"
cat
echo bye >&2
"""


def write_script(mail, name, text):
    path = os.path.join(mail.directory, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def make(lines, *main_cf):
    """An instance with these lines in master.cf; {who}, {port} and {dir} are
    filled in."""
    mail = Instance(*main_cf)
    # Beyond the ports that an instance has of its own.
    mail.spawn_port = mail.base + 30
    write_script(mail, "show", SCRIPT)
    write_script(mail, "sleep", "#!/bin/sh\necho $$\nsleep 60\n")
    write_script(mail, "fail", "#!/bin/sh\nexit 3\n")
    for line in lines:
        mail.configure_master(line.format(
            who=WHO or mail.user, port=mail.spawn_port, dir=mail.directory))
    return mail


def spool(mail):
    return mail.tool("postconf", "-c", mail.etc, "-h",
                     "queue_directory").stdout.strip()


def connect(mail, port=None):
    s = socket.create_connection(
        ("127.0.0.1", port or mail.spawn_port), 30)
    return s


def ask(s, text):
    if text:
        s.sendall(text)
    s.shutdown(socket.SHUT_WR)
    answer = b""
    while True:
        part = s.recv(65536)
        if not part:
            return answer.decode()
        answer += part


def test_a_command_for_each_connection():
    with make(["127.0.0.1:{port} inet n n n - - spawn user={who} "
               "argv={dir}/show {{a b}} {{}}"]) as mail:
        for text in (b"hello\n", b"", b"\0\xff\n"):
            with connect(mail) as s:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                lines = b""
                while not lines.endswith(b"bye\n"):
                    part = s.recv(65536)
                    assert part
                    lines += part
            lines = lines.split(b"\n", 6)
            if WHO:
                account = pwd.getpwnam(WHO)
                assert lines[0] == str(account.pw_uid).encode()
                # Its own group and no other.
                assert lines[1] == str(account.pw_gid).encode()
            assert lines[2] == b"4"  # 0, 1, 2, and the directory it reads
            names = {v.split(b"=")[0] for v in lines[3].split()}
            assert {b"PATH", b"LANG", b"MAIL_CONFIG"} <= names
            assert names <= {b"PATH", b"LANG", b"MAIL_CONFIG", b"TZ", b"_",
                             b"SHLVL", b"OLDPWD"}
            assert b"PATH=/usr/bin:/bin" in lines[3]
            assert lines[4] == spool(mail).encode()
            assert lines[5] == b"[2:a b:]"
            assert lines[6] == text + b"bye\n"


# What both systems are asked to start. {{ and }} are for words with blanks.
AS_POSTFIX = [
    "user=nobody argv={dir}/look 0 {{a b}} {{}} c",
    "user=nobody argv={dir}/look 3",
    "user=nobody:mail argv={dir}/look 0",
    "USER=nobody: ARGV=/bin/echo hi",
    "user=nobody argv=cat",
    "user=nobody argv=/bin/echo $sender a$$b ${{x}}",
    "user=nobody argv=/bin/sh -c {{echo so; kill -9 $$}}",
    "user=nobody argv=/no/such/command x",
    "user=nobody argv=no-such-command",
    "user=nobody argv=/etc/passwd",
    "user=nobody argv=",
]

LOOK = """#!/bin/sh
id -u; id -G; umask; pwd
ls /proc/self/fd | wc -l
tr '\\0' '\\n' < /proc/$$/environ
awk '{ print $1 == $6 }' /proc/$$/stat
echo "[$#:$2:$3:$4]"
cat
echo bye >&2
exit $1
"""


def start_all(mail):
    os.chmod(mail.directory, 0o755)
    write_script(mail, "look", LOOK)
    for i, line in enumerate(AS_POSTFIX):
        mail.configure_master(f"s{i} unix n n n - - spawn "
                              + line.format(dir=mail.directory))


def settled(mail, text):
    for path, name in ((mail.etc, "ETC"), (spool(mail), "SPOOL"),
                       (mail.directory, "DIR")):
        text = text.replace(path, name)
    return text


def answers(mail):
    for i in range(len(AS_POSTFIX)):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(os.path.join(spool(mail), "public", f"s{i}"))
            # Nothing is said: some would not read it.
            yield settled(mail, ask(s, b""))


def logged(mail):
    return sorted(settled(mail, line.partition("]: ")[2])
                  for line in mail.log_lines(r"postfix/spawn\["))


@pytest.mark.root
@pytest.mark.peer
def test_as_postfix():
    with Instance() as ours, postfix_peer.PostfixPeer() as theirs:
        for mail in (ours, theirs):
            mail.stop()
            start_all(mail)
            mail.start()
        assert list(answers(ours)) == list(answers(theirs))
        theirs.wait_for(lambda: len(logged(theirs)) >= 10)
        ours.wait_for(lambda: logged(ours) == logged(theirs), 60,
                      "the logs were not the same")


def test_a_unix_socket():
    with make(["private-one unix - n n - - spawn user={who} argv=/bin/cat",
               "public-one unix n n n - - spawn user={who} "
               "argv=/bin/cat"]) as mail:
        for path in ("private/private-one", "public/public-one"):
            path = os.path.join(spool(mail), path)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(30)
                s.connect(path)
                assert ask(s, b"over there\n") == "over there\n"


def test_a_limit_of_processes():
    with make(["127.0.0.1:{port} inet n n n - 2 spawn user={who} "
               "argv=/bin/cat"]) as mail:
        first = [connect(mail) for _ in range(2)]
        for s in first:
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        third = connect(mail)
        third.sendall(b"y")
        third.settimeout(0.5)
        with pytest.raises(socket.timeout):
            third.recv(1)
        first[0].close()
        third.settimeout(30)
        assert third.recv(1) == b"y"
        first[1].close()
        third.close()


def test_a_time_limit():
    with make(["slow unix n n n - - spawn user={who} argv={dir}/sleep"],
              "slow_time_limit = 1s") as mail:
        begin = time.monotonic()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(os.path.join(spool(mail), "public/slow"))
            pid = int(ask(s, b""))
        assert time.monotonic() - begin > 0.9
        mail.wait_for(lambda: mail.log_lines(
            rf"spawn\[.*{mail.directory}/sleep: process id {pid}: command "
            "time limit exceeded"))
        mail.wait_for(lambda: mail.log_lines(
            r"spawn\[.*command .*/sleep killed by signal 9"))


def test_what_cannot_be():
    lines = {
        "one": "user={who} argv=/no/such/command",
        "two": "user={who} argv={dir}/fail",
        "three": "user=no-such-user-here argv=/bin/cat",
        "four": "user={who}",
        "five": "argv=/bin/cat",
        "six": "user={who} directory=/ argv=/bin/cat",
    }
    logs = [
        r"spawn\[\d+\]: fatal: spawn_comand: execvp /no/such/command: "
        r"No such file or directory$",
        r"spawn\[\d+\]: warning: command /no/such/command exit status 1$",
        r"command .*/fail exit status 3",
        r"service three: unknown username: no-such-user-here",
        r"service four: missing argv= attribute",
        r"service five: missing user= attribute",
        r"service six: unknown attribute name: directory=/",
    ]
    if WHO:
        lines["seven"] = "user=root argv=/bin/cat"
        logs.append(r"service seven: user= command-line attribute specifies "
                    "root privileges")
    with make([f"{name} unix n n n - - spawn {rest}"
               for name, rest in lines.items()]) as mail:
        for name in lines:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(30)
                s.connect(os.path.join(spool(mail), "public", name))
                try:
                    assert ask(s, b"") == ""
                except (BrokenPipeError, ConnectionResetError, OSError):
                    pass
        for pattern in logs:
            mail.wait_for(lambda p=pattern: mail.log_lines(p), what=pattern)
        # And it still serves.
        assert mail.processes("deliver")


def test_a_reload_and_an_end():
    with make(["127.0.0.1:{port} inet n n n - 1 spawn user={who} "
               "argv=/bin/cat"]) as mail:
        before = connect(mail)
        before.sendall(b"x")
        assert before.recv(1) == b"x"
        with open(os.path.join(mail.etc, "master.cf"),
                  encoding="utf-8") as f:
            text = f.read()
        text = re.sub("- 1 spawn", "- 2 spawn", text)
        with open(os.path.join(mail.etc, "master.cf"), "w",
                  encoding="utf-8") as f:
            f.write(text)
        mail.postfix("reload")
        # The one that runs goes on, and counts.
        after = connect(mail)
        after.sendall(b"y")
        assert after.recv(1) == b"y"
        before.sendall(b"z")
        assert before.recv(1) == b"z"
        mail.postfix("stop")
        mail.process.wait(30)
        before.sendall(b"still\n")
        assert before.recv(6) == b"still\n"
        before.close()
        after.close()
        with pytest.raises(OSError):
            connect(mail)
        mail.wait_for(lambda: not mail.alive())


def test_a_crowd():
    """Many at once, some of which hang up at once."""
    with make(["127.0.0.1:{port} inet n n n - 5 spawn user={who} "
               "argv=/bin/cat"]) as mail:
        crowd = []
        for i in range(40):
            s = connect(mail)
            if i % 3 == 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
                s.close()
            else:
                crowd.append(s)
        for s in crowd:
            assert ask(s, b"here\n") == "here\n"
            s.close()
        if not WHO:
            return  # who cannot look into it
        deliver = min(mail.processes("deliver"), key=lambda p: p.start)
        mail.wait_for(lambda: len(os.listdir(
            f"/proc/{deliver.pid}/fd")) < 30)
