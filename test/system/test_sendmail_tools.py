# SPDX-License-Identifier: ISC
"""postlog, postkick, postlock and rmail, where possible beside Debian's."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib import instance, sendmail_peer

DEBIAN = "/usr/sbin"


@pytest.fixture(name="home")
def make_home(tmp_path):
    (tmp_path / "etc").mkdir()
    for name in ("q/maildrop", "q/public", "q/private", "data", "work"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc" / "main.cf").write_text(
        "compatibility_level = 3.6\nmyhostname = mail.example.com\n"
        f"queue_directory = {tmp_path}/q\ndata_directory = {tmp_path}/data\n"
        f"maillog_file = {tmp_path}/log\nmaillog_file_prefixes = /\n"
        f"command_directory = {instance.PROGRAMS}\n"
        "deliver_lock_attempts = 2\ndeliver_lock_delay = 1s\n")
    os.utime(tmp_path / "etc" / "main.cf", (1e9, 1e9))
    return tmp_path


def run(home, program, *words, text=b"", folder=None, check=None):
    environment = dict(os.environ, MAIL_CONFIG=str(home / "etc"))
    done = subprocess.run(
        [program, *words], executable=os.path.join(
            folder or instance.PROGRAMS, program),
        input=text, capture_output=True, env=environment, timeout=60,
        check=False, cwd=home / "work")
    if check is not None:
        assert done.returncode == check, done
    return done.returncode, done.stdout, done.stderr


def same(home, *words):
    want = run(home, *words, folder=DEBIAN)
    got = run(home, *words)
    assert got == want, words


@pytest.mark.skipif(sendmail_peer.why_not() is not None,
                    reason=str(sendmail_peer.why_not()))
def test_beside_debian(home):
    same(home, "postkick")
    same(home, "postkick", "-z")
    same(home, "postkick", "a", "b")
    same(home, "postkick", "public", "pickup", "W")
    same(home, "postkick", "..", "etc/main.cf", "W")
    same(home, "postkick", "-c", "/nonexistent", "a", "b", "c")
    same(home, "postlock")
    same(home, "postlock", "f")
    same(home, "postlock", "f", "sh", "-c", "ls; exit 3")
    same(home, "postlock", "-l", "dotlock", "f", "ls")
    same(home, "postlock", "-l", "fcntl", "f", "ls")
    same(home, "postlock", "-l", "flock, dotlock", "f", "ls")
    same(home, "postlock", "-l", "wrong", "f", "ls")
    same(home, "postlock", "-l", "", "f", "ls")
    same(home, "postlock", "-l", "dotlock", "d/f", "true")
    same(home, "postlock", "f", "nonexistent")
    same(home, "postlock", "f", "sh", "-c", "kill -9 $$")
    same(home, "postlock", "/dev/null", "true")
    (home / "work" / "dir").mkdir()
    same(home, "postlock", "dir", "true")


def test_lock_is_held(home):
    script = 'postlock -l "$1" f postlock -l "$1" f true'
    path = instance.PROGRAMS + ":" + os.environ["PATH"]
    for style in ("dotlock", "flock", "fcntl"):
        code, _, error = run(home, "sh", "-c",
                             f"PATH={path}; {script}", "sh", style,
                             folder="/bin")
        assert code == 75, (style, error)
        assert b"f" in error
    assert not (home / "work" / "f.lock").exists()
    run(home, "postlock", "f", "true", check=0)


def test_kick_arrives(home):
    got = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "q" / "public" / "qmgr"))
        listener.listen()

        def serve():
            peer, _ = listener.accept()
            with peer:
                got.append(peer.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        run(home, "postkick", "public", "qmgr", "AF", check=0)
        thread.join()
    assert got == [b"AF\0"]


def test_kick_fifo(home):
    path = home / "q" / "private" / "x"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    run(home, "postkick", "private", "x", "W", check=0)
    assert os.read(reader, 10) == b"W"
    os.close(reader)
    assert run(home, "postkick", "private", "x", "W")[0] == 1


def test_log(home):
    run(home, "postlog", "hello", "world", check=0)
    run(home, "postlog", "-p", "warn", "-i", text=b"a\nb\x01\n", check=0)
    run(home, "postlog", "-t", "my/tag", "-p", "fatal", "x", check=0)
    run(home, "postlog", "-t", "tag", "-p", "ERR", "--", "-x", check=0)
    run(home, "postlog", text=b"", check=0)
    assert run(home, "postlog", "-p", "loud", "x")[0] == 1
    assert run(home, "postlog", "-z")[0] == 1
    lines = (home / "log").read_text().splitlines()
    said = [line.split(None, 4)[4] for line in lines]
    said = [text[:text.index("[")] + text[text.index("]") + 1:]
            for text in said]
    assert said == [
        "postfix/postlog: hello world", "postfix/postlog: warning: a",
        "postfix/postlog: warning: b?", "my/tag: fatal: x",
        "tag: error: -x"]


def records(home):
    """The message in maildrop, as (type, data)."""
    (path,) = (home / "q" / "maildrop").iterdir()
    data = path.read_bytes()
    path.unlink()
    at = 0
    while at < len(data):
        kind = data[at:at + 1].decode()
        length = shift = 0
        while True:
            at += 1
            length |= (data[at] & 0x7f) << shift
            shift += 7
            if not data[at] & 0x80:
                break
        yield kind, data[at + 1:at + 1 + length]
        at += 1 + length


FROM = (
    (b"From a!b!c Mon Jan  1 remote from host\n", b"host!a!b!c"),
    (b"From c Mon remote from h\n>From d Mon remote from i\n", b"h!i!d"),
    (b"From h!c Mon Jan\n", b"h!c"),
    (b"From c@d Mon Jan\n", b"c@d"),
    (b"From c remote from h\nFrom b!d x\n", b"h!b!d"),
    (b"From -oX/tmp/x remote from -q\n", b"-q!-oX/tmp/x"),
    (b"From a`touch x` b\n", b"a`touch"),
)


def test_rmail(home):
    for lines, sender in FROM:
        run(home, "rmail", "u@v", "w,x", text=lines + b"Subject: x\n\nhi\n.\n",
            check=0)
        found = list(records(home))
        assert dict(found)["S"] == sender
        assert [d for k, d in found if k == "R"] == [b"u@v", b"w,x"]
        assert [d for k, d in found if k == "N"] == [
            b"Subject: x", b"", b"hi", b"."]
        assert ("A", b"rewrite_context=remote") in found


def test_rmail_refuses(home):
    for text, words, code in (
            (b"From !c\nx\n", ["u"], 65), (b"From \nx\n", ["u"], 65),
            (b"Subject: x\n\n", ["u"], 65), (b"", ["u"], 65),
            (b"From a b\nx\n", ["-u"], 64), (b"From a b\nx\n", [], 64),
            (b"From a b\nx\n", ["--", "-u"], 64)):
        assert run(home, "rmail", *words, text=text)[0] == code
    assert list((home / "q" / "maildrop").iterdir()) == []


def test_rmail_tells_failure(home):
    (home / "q" / "maildrop").rmdir()
    code, _, error = run(home, "rmail", "u", text=b"From a b\nx\n")
    assert code == 75
    assert b"terminated with 75" in error


DIALOGUE = (
    b"EHLO x\r\nMAIL FROM:<a@b> BODY=8BITMIME RET=HDRS ENVID=x+2By\r\n"
    b"RCPT TO:<c@d> NOTIFY=DELAY ORCPT=rfc822;x+2By\r\nRCPT TO:<e>\r\n"
    b"DATA\r\nSubject: x\r\n\r\n..dot\r\n.." + b"y" * 5000
    + b"\r\nend\r\n.\r\nQUIT\r\n")


def test_alone(home):
    code, out, error = run(home, "sendmail", "-bs", text=DIALOGUE)
    assert code == 0, error
    codes = [line[:4] for line in out.decode().splitlines()]
    assert codes[0] == "220 " and codes[-1] == "221 "
    assert b"\r\n250 2.0.0 Ok: queued as " in out
    found = list(records(home))
    assert found[1:] == [
        ("A", b"envelope_id=x+y"), ("A", b"ret_flags=2"),
        ("A", b"rewrite_context=local"), ("S", b"a@b"),
        ("A", b"encoding=8bit"), ("A", b"notify_flags=8"),
        ("A", b"dsn_orig_rcpt=rfc822;x+y"), ("R", b"c@d"), ("R", b"e"),
        ("M", b""), ("N", b"Subject: x"), ("N", b""), ("N", b".dot"),
        ("L", b"." + b"y" * 2046), ("L", b"y" * 2048),
        ("N", b"y" * (5000 - 2046 - 2048)), ("N", b"end"), ("X", b""),
        ("E", b"")]


def test_alone_without_an_end(home):
    for text in (DIALOGUE[:-9], DIALOGUE[:60], b"", b"x" * 100000,
                 DIALOGUE.replace(b".\r\nQUIT", b"QUIT")):
        code, _, _ = run(home, "sendmail", "-bs", text=text)
        assert code == 0
        assert list((home / "q" / "maildrop").iterdir()) == []


def test_alone_takes_several(home):
    one = b"MAIL FROM:<>\r\nRCPT TO:<x>\r\nDATA\r\n\r\nhi\r\n.\r\n"
    _, out, _ = run(home, "sendmail", "-bs",
                    text=b"HELO x\r\n" + one * 5 + b"RSET\r\n" + one)
    assert out.count(b"queued as") == 6
    assert len(list((home / "q" / "maildrop").iterdir())) == 6


def test_alone_too_big(home):
    with open(home / "etc" / "main.cf", "a") as f:
        f.write("message_size_limit = 1000\n")
    _, out, _ = run(home, "sendmail", "-bs", text=DIALOGUE)
    assert b"\r\n552 5.3.4 " in out
    assert list((home / "q" / "maildrop").iterdir()) == []


def test_alone_as_somebody_else(home):
    with open(home / "etc" / "main.cf", "a") as f:
        f.write("local_login_sender_maps = static:a@b\n")
    one = b"RCPT TO:<x>\r\nDATA\r\n\r\nhi\r\n.\r\n"
    _, out, _ = run(home, "sendmail", "-bs",
                    text=b"HELO x\r\nMAIL FROM:<b@a>\r\n" + one
                    + b"MAIL FROM:<a@b>\r\n" + one)
    assert out.count(b"\r\n550 5.7.1 Error: service denied\r\n") == 1
    assert out.count(b"queued as") == 1
    assert len(list((home / "q" / "maildrop").iterdir())) == 1


def test_sendmail_is_interrupted(home):
    """What it has written itself goes with it."""
    maildrop = home / "q" / "maildrop"
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with subprocess.Popen(
                [instance.program("sendmail"), "x"], stdin=subprocess.PIPE,
                env=dict(os.environ, MAIL_CONFIG=str(home / "etc"))) as done:
            done.stdin.write(b"x" * 1000 * 200 + b"\n")
            done.stdin.flush()
            end = time.monotonic() + 60
            while not list(maildrop.iterdir()):
                assert time.monotonic() < end
                time.sleep(0.01)
            done.send_signal(signo)
            assert done.wait(60) == signo
            done.stdin.close()
        assert list(maildrop.iterdir()) == []
