# SPDX-License-Identifier: ISC
"""Mailboxes as readers use them: rights, kills, and what other readers of
Debian make of what we wrote (and we of theirs)."""

import os
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

ASK = os.path.join(os.path.abspath(os.environ.get("CHASQUI_BUILD", "build")),
                   "test", "folder-ask")
FROM = "From ana@example.org Wed Feb 19 05:10:35 2020\n"
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def message(number, header="", body="text\n"):
    return f"{FROM}Subject: {number}\n{header}\n{body}\n"


def ask(*arguments, cwd=None, user=None, home=None, check=True):
    done = subprocess.run(
        [ASK, *arguments], cwd=cwd, user=user, group=user,
        extra_groups=[] if user else None, capture_output=True, text=True,
        check=False, env={"HOME": str(home or "/nonexistent")})
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def spool(tmp_path):
    """/var/mail as Debian has it: users may not make files there."""
    os.chmod(tmp_path, 0o711)
    for above in tmp_path.parents[:2]:
        os.chmod(above, 0o711)
    path = tmp_path / "spool"
    path.mkdir()
    os.chown(path, 0, 8)
    os.chmod(path, 0o2755)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    return path


def own(path, content):
    path.write_text(content)
    os.chown(path, NOBODY, 8)
    os.chmod(path, 0o660)


@needs_root
def test_directory_that_users_cannot_write_to(spool):
    box = spool / "u"
    home = spool.parent / "home"
    own(box, message(1) + message(2) + message(3))
    inode = box.stat().st_ino
    ask("-o", str(box), "0=S", "1=D", user=NOBODY, home=home)
    assert box.read_text() == (
        message(1, "Status: RO\n") + message(3, "Status: O\n"))
    after = box.stat()
    assert after.st_ino == inode
    assert (after.st_uid, after.st_gid) == (NOBODY, 8)
    assert stat.S_IMODE(after.st_mode) == 0o660
    assert os.listdir(spool) == ["u"] and os.listdir(home) == []


@needs_root
def test_nowhere_to_keep_a_journal(spool):
    box = spool / "u"
    own(box, message(1) + message(2))
    done = ask(str(box), "0=S", user=NOBODY, check=False)
    assert done.returncode == 1
    assert done.stderr == f"{box}: Permission denied\n"
    assert box.read_text() == message(1) + message(2)


@needs_root
def test_root_replaces_with_the_rights_of_the_user(spool):
    box = spool / "u"
    own(box, message(1) + message(2))
    ask(str(box), "0=S")
    assert box.read_text() == message(1, "Status: R\n") + message(2)
    after = box.stat()
    assert (after.st_uid, after.st_gid) == (NOBODY, 8)
    assert stat.S_IMODE(after.st_mode) == 0o660


@needs_root
def test_root_follows_no_link_of_a_user(spool):
    os.chmod(spool, 0o1777)
    victim = spool.parent / "victim"
    victim.write_text(message(1))
    link = spool / "u"
    link.symlink_to(victim)
    os.lchown(link, NOBODY, NOBODY)
    done = ask("-o", str(link), check=False)
    assert done.returncode == 1
    assert "symbolic link that is not to be trusted" in done.stderr
    assert victim.read_text() == message(1)


@needs_root
def test_root_writes_to_no_second_name(spool):
    os.chmod(spool, 0o1777)
    victim = spool.parent / "victim"
    victim.write_text(message(1))
    os.link(victim, spool / "u")
    done = ask("-o", str(spool / "u"), check=False)
    assert done.returncode == 1
    assert victim.read_text() == message(1)


@needs_root
def test_names_taken_by_a_stranger(spool):
    """He cannot keep the user from noting what he read."""
    os.chmod(spool, 0o1777)
    box = spool / "u"
    home = spool.parent / "home"
    own(box, message(1) + message(2))
    for name in (".u.new", ".u.journal"):
        (spool / name).write_text("mine")
        os.chown(spool / name, 1, 1)
    ask(str(box), "0=S", user=NOBODY, home=home)
    assert box.read_text() == message(1, "Status: R\n") + message(2)
    assert (spool / ".u.new").read_text() == "mine"


@needs_root
def test_journal_of_a_stranger_is_not_believed(spool):
    os.chmod(spool, 0o1777)
    box = spool / "u"
    own(box, message(1))
    planted = spool / ".u.journal"
    planted.write_text("chasqui-journal 1 0 0 0 0 0 0 0 0\n" + "\0" * 2000)
    os.chown(planted, 1, 1)
    os.chmod(planted, 0o600)
    ask("-o", str(box))
    assert box.read_text() == message(1, "Status: O\n")
    assert planted.exists()


@pytest.mark.parametrize("linked", [False, True], ids=["replaced", "in place"])
def test_killed(tmp_path, linked):
    """At some moment, many times: the old or the new mailbox is there."""
    def write():
        for old in tmp_path.iterdir():
            old.unlink()
        box.write_text(before)
        if linked:
            os.link(box, tmp_path / "second")

    box = tmp_path / "m"
    before = "".join(message(i, body=f"{i} line\n" * 2000) for i in range(60))
    write()
    ask("-o", "m", "1=D", cwd=tmp_path)
    after = box.read_text()
    started = time.monotonic()
    write()
    ask("-o", "m", "1=D", cwd=tmp_path)
    usual = time.monotonic() - started
    killed = 0
    for i in range(24):
        write()
        child = subprocess.Popen([ASK, "-o", "m", "1=D"], cwd=tmp_path)
        time.sleep(usual * (i + 1) / 24)
        child.send_signal(signal.SIGKILL)
        killed += child.wait() != 0
        ask("m", cwd=tmp_path)
        assert box.read_text() in (before, after)
    # On a machine that is busy some end before; never all of them.
    assert killed


WRITES = ("openat", "pwrite64", "fsync", "renameat", "ftruncate", "linkat",
          "unlinkat", "utimensat")


@pytest.mark.parametrize("linked", [False, True], ids=["replaced", "in place"])
def test_killed_at_each_call(tmp_path, linked):
    """The same, at every call that writes."""
    def write():
        for old in tmp_path.iterdir():
            old.unlink()
        box.write_text(before)
        if linked:
            os.link(box, tmp_path / "second")

    def run(*prefix):
        return subprocess.run([*prefix, ASK, "-o", "m", "1=D"], cwd=tmp_path,
                              capture_output=True, check=False).returncode

    if not shutil.which("strace"):
        pytest.skip("no strace")
    box = tmp_path / "m"
    before = "".join(message(i, body="line\n" * 300) for i in range(8))
    write()
    if run("strace", "-o", "/dev/null") != 0:
        pytest.skip("strace may not trace here")
    after = box.read_text()
    seen = set()
    for call in WRITES:
        for n in range(1, 200):
            write()
            if run("strace", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                   f"inject={call}:signal=KILL:when={n}") == 0:
                break
            ask("m", cwd=tmp_path)
            assert box.read_text() in (before, after), (call, n)
            assert not list(tmp_path.glob(".m.journal*"))
            seen.add(box.read_text())
    assert seen == {before, after}


def peers():
    return [name for name in ("s-nail", "bsd-mailx") if shutil.which(name)]


def peer(name, home, path, commands):
    quiet = ["-:/"] if name == "s-nail" else ["-n"]
    return subprocess.run(
        [name, *quiet, "-f", path], input=commands, cwd=home, text=True,
        capture_output=True, check=False,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C",
             "TERM": "dumb", "USER": "u", "LOGNAME": "u"}).stdout


@pytest.mark.parametrize("name", ["s-nail", "bsd-mailx"])
def test_others_read_what_we_wrote(tmp_path, name):
    if name not in peers():
        pytest.skip(f"no {name}")
    box = tmp_path / "m"
    box.write_text("".join(message(i) for i in range(1, 5)))
    ask("-o", "m", "0=S", "2=D", cwd=tmp_path)
    shown = peer(name, tmp_path, "m", "h\nx\n")
    assert "3 messages" in shown
    assert re.findall(r"(?m)^.?([A-Z ]) +\d+ ana@", shown)[:3] == [
        "O" if name == "s-nail" else " ", "U", "U"]


@pytest.mark.parametrize("name", ["s-nail", "bsd-mailx"])
def test_we_read_what_others_wrote(tmp_path, name):
    if name not in peers():
        pytest.skip(f"no {name}")
    box = tmp_path / "m"
    box.write_text("".join(message(i) for i in range(1, 5)))
    peer(name, tmp_path, "m", "type 1\ndelete 3\nquit\n")
    lines = ask("-v", "m", cwd=tmp_path).stdout.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["SO", "O", "O"]


def test_both_at_once(tmp_path):
    """s-nail changed the mailbox while we had it open."""
    if "s-nail" not in peers():
        pytest.skip("no s-nail")
    box = tmp_path / "m"
    box.write_text("".join(message(i) for i in range(1, 6)))
    child = subprocess.Popen(
        [ASK, "m", "1=D", "4=F", "wait="], cwd=tmp_path, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == "ready\n"
    peer("s-nail", tmp_path, "m", "delete 1\ndelete 4\nquit\n")
    with open(box, "a") as f:
        f.write(message(6))
    child.communicate("\n")
    assert child.returncode == 0
    assert re.findall(r"Subject: (\d)", box.read_text()) == ["3", "5", "6"]
    assert "Subject: 5\nStatus: O\nX-Status: F\n" in box.read_text()
