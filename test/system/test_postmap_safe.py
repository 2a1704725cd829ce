# SPDX-License-Identifier: ISC
"""Tables are replaced all at once, by the right user, and damaged ones are
harmless."""

import json
import os
import random
import resource
import subprocess
import threading
import time

import pytest

from lib import instance

POSTMAP = instance.program("postmap")
POSTALIAS = instance.program("postalias")
KINDS = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
DEBIAN = "/usr/sbin/postmap"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "main.cf").write_text("compatibility_level = 3.6\n")
    return tmp_path


def run(home, *arguments, text="", program=POSTMAP, limit=None):
    def before():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [program, "-c", "conf", *arguments], cwd=home, input=text,
        capture_output=True, text=True, errors="surrogateescape",
        timeout=60, check=False, preexec_fn=before)


def write(home, count, value):
    (home / "t").write_text("".join(f"key{i} {value}\n" for i in range(count)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_the_old_table(home, kind):
    write(home, 10, "old")
    assert run(home, f"{kind}:t").returncode == 0
    before = sorted(os.listdir(home))
    write(home, 5000, "new")
    done = run(home, f"{kind}:t", limit=20000)
    assert done.returncode != 0
    assert run(home, "-q", "key1", f"{kind}:t").stdout == "old\n"
    # A signal of the limit may end it before it cleans up; not half a table.
    left = set(os.listdir(home)) - set(before)
    assert all(name.startswith("t" + KINDS[kind] + ".") for name in left)


@pytest.mark.parametrize("kind", KINDS)
def test_readers_see_one_table_or_the_other(home, kind):
    write(home, 3000, "a")
    assert run(home, f"{kind}:t").returncode == 0
    stop = time.monotonic() + 2
    errors = []

    def write_all():
        turn = 0
        while time.monotonic() < stop:
            turn += 1
            text = "".join(f"key{i} {'ab'[turn % 2]}\n" for i in range(3000))
            (home / "t.new").write_text(text)
            os.rename(home / "t.new", home / "t")
            done = run(home, f"{kind}:t")
            if done.returncode:
                errors.append(done.stderr)

    writer = threading.Thread(target=write_all)
    writer.start()
    keys = "".join(f"key{i}\n" for i in range(3000))
    while time.monotonic() < stop:
        done = run(home, "-q", "-", f"{kind}:t", text=keys)
        values = {line.split("\t")[1] for line in done.stdout.splitlines()}
        assert len(done.stdout.splitlines()) == 3000, done.stderr
        assert len(values) == 1
    writer.join()
    assert not errors


@pytest.mark.skipif(not os.path.exists(DEBIAN), reason="needs Debian's postfix")
def test_lmdb_changes_in_place_are_seen(home):
    """Without opening the file again, while Debian's postmap writes."""
    write(home, 2000, "v0")
    assert run(home, "lmdb:t", program=DEBIAN).returncode == 0
    asking = subprocess.Popen(
        [POSTMAP, "-c", "conf", "-q", "-", "lmdb:t"], cwd=home, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)
    for turn in range(8):
        asking.stdin.write("key1999\n")
        assert asking.stdout.readline() == f"key1999\tv{turn}\n"
        # By Debian's program and by ours, in turn; all of it or one entry.
        program = POSTMAP if turn % 2 else DEBIAN
        done = run(home, "-i", "-r", "lmdb:t", program=program,
                   text=f"key1999 v{turn + 1}\nnew{turn} x\n")
        assert done.returncode == 0, done.stderr
    asking.stdin.close()
    assert asking.wait() == 0
    listed = run(home, "-s", "lmdb:t", program=DEBIAN).stdout
    assert len(listed.splitlines()) == 2008
    assert run(home, "-s", "lmdb:t").stdout == listed


@pytest.mark.skipif(not os.path.exists(DEBIAN), reason="needs Debian's postfix")
def test_lmdb_grows(home):
    """More than lmdb_map_size, in one transaction and in a new file."""
    with open(home / "conf" / "main.cf", "a") as f:
        f.write("lmdb_map_size = 65536\n")
    text = "".join(f"key{i} {'v' * 200}\n" for i in range(3000))
    (home / "t").write_text("first 1\n")
    assert run(home, "lmdb:t").returncode == 0
    done = run(home, "-i", "lmdb:t", text=text)
    assert done.returncode == 0, done.stderr
    dropped = run(home, "-d", "first", "lmdb:t")
    assert dropped.returncode == 0, dropped.stderr
    listed = run(home, "-s", "lmdb:t", program=DEBIAN).stdout
    assert len(listed.splitlines()) == 3000
    (home / "t").write_text(text)
    assert run(home, "lmdb:t").returncode == 0
    assert run(home, "-s", "lmdb:t", program=DEBIAN).stdout == listed
    assert run(home, "-i", "lmdb:t", text="one 1\n",
               program=DEBIAN).returncode == 0
    assert run(home, "-q", "one", "lmdb:t").stdout == "1\n"


@pytest.mark.parametrize("kind", ["lmdb", "cdb"])
def test_damage_is_no_crash(home, kind):
    write(home, 500, "v" * 30)
    assert run(home, f"{kind}:t").returncode == 0
    path = home / ("t" + KINDS[kind])
    good = path.read_bytes()
    choose = random.Random(7)
    keys = "".join(f"key{i}\n" for i in range(0, 500, 7))
    for turn in range(40):
        bad = bytearray(good)
        if turn % 4 == 0:
            bad = bad[:choose.randrange(len(bad))]
        for _ in range(0 if turn % 4 == 0 else 30):
            bad[choose.randrange(len(bad))] = choose.randrange(256)
        path.write_bytes(bad)
        for arguments in (["-q", "-"], ["-s"]):
            done = run(home, *arguments, f"{kind}:t", text=keys)
            assert done.returncode in (0, 1), (turn, done)
            assert "panic" not in done.stderr


def test_a_program_at_the_other_end_gets_its_answers(home):
    asking = subprocess.Popen(
        [POSTMAP, "-c", "conf", "-q", "-", "inline:{a=1,b=2}"], cwd=home,
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)
    for key, value in (("a", 1), ("b", 2), ("a", 1)):
        asking.stdin.write(f"none\n{key}\n")
        assert asking.stdout.readline() == f"{key}\t{value}\n"
    asking.stdin.close()
    assert asking.wait() == 0


def test_json(home):
    table = 'inline:{ {a = say "x" \\ y}, b=ö }'
    out = run(home, "-j", "-s", table).stdout
    pairs = [json.loads(line) for line in out.splitlines()]
    assert pairs == [{"a": 'say "x" \\ y'}, {"b": "ö"}]
    assert run(home, "-j", "-q", "b", table).stdout == '{"b": "ö"}\n'
    assert run(home, "-jq", "-", table, text="b\nc\n").stdout == '{"b": "ö"}\n'
    assert run(home, "-j", "t").stderr.endswith(
        "fatal: option -j requires -q or -s\n")
    assert run(home, "-jq", "a", "inline:{a=1}", program=POSTALIAS).stdout == \
        '{"a": "1"}\n'


# --- as root, in other people's directories ---

@pytest.fixture
def others(tmp_path):
    """A directory of user 4711 in one that all may enter."""
    for part in (tmp_path, *tmp_path.parents):
        if part.stat().st_uid == os.geteuid() and part != part.parent:
            part.chmod(part.stat().st_mode | 0o011)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "main.cf").write_text("")
    home = tmp_path / "theirs"
    home.mkdir()
    os.chown(home, 4711, 4711)
    return home


def make(home, name, arguments=(), kind="hash"):
    return subprocess.run(
        [POSTMAP, "-c", "../conf", *arguments, f"{kind}:{name}"], cwd=home,
        capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.root
@pytest.mark.parametrize("kind", KINDS)
def test_root_works_as_the_owner(others, kind):
    (others / "t").write_text("a 1\n")
    os.chown(others / "t", 4711, 4711)
    done = make(others, "t", kind=kind)
    assert done.returncode == 0, done.stderr
    st = (others / ("t" + KINDS[kind])).stat()
    assert (st.st_uid, st.st_gid) == (4711, 4711)


@pytest.mark.root
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", [0, 4711])
def test_links_lead_nowhere(others, tmp_path, kind, source):
    """The owner of a directory cannot make root write elsewhere."""
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    secret = victim / "secret"
    secret.write_text("precious")
    (others / "t").write_text("a 1\n")
    os.chown(others / "t", source, source)
    os.symlink(secret, others / ("t" + KINDS[kind]))
    os.symlink(secret, others / ("t" + KINDS[kind] + ".tmp"))
    done = make(others, "t", kind=kind)
    assert done.returncode != 0
    assert secret.read_text() == "precious"
    assert os.listdir(victim) == ["secret"]


@pytest.mark.root
def test_root_in_other_peoples_directory(others):
    (others / "t").write_text("a 1\n")
    done = make(others, "t")
    assert done.returncode == 0, done.stderr
    assert "privilege-escalation" in done.stderr
    assert (others / "t.db").stat().st_uid == 4711
    # What only root may read does not become theirs.
    (others / "u").write_text("a 1\n")
    (others / "u").chmod(0o600)
    done = make(others, "u")
    assert done.returncode != 0
    assert not (others / "u.db").exists()
    # As root all the same, if that is what root says.
    done = make(others, "u", ["-o"])
    assert done.returncode == 0
    assert (others / "u.db").stat().st_uid == 0


@pytest.mark.root
def test_owner_and_mode_stay(others):
    (others / "t").write_text("a 1\n")
    os.chown(others / "t", 4711, 4711)
    assert make(others, "t").returncode == 0
    (others / "t.db").chmod(0o600)
    assert make(others, "t").returncode == 0
    assert oct((others / "t.db").stat().st_mode) == "0o100600"
