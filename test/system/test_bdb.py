# SPDX-License-Identifier: ISC
"""Berkeley DB files: ours for its own tools and for Postfix, theirs for us."""

import fcntl
import os
import subprocess
import time

import pytest

from lib import instance

TOOL = os.path.join(instance.BUILD, "test", "bdb-tool")
KINDS = ["hash", "btree"]


def run(*command, text=""):
    done = subprocess.run(command, input=text, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def pairs_of_all_sizes(count):
    """A few of them need pages of their own."""
    for i in range(count):
        key = f"key{i * 7919 % count}" + "k" * ((i % 90 == 5) * (i * 13 % 5000))
        yield key, f"value{i}" + "v" * ((i % 40 == 7) * (i * 31 % 9000))


def lines(pairs, between="\t"):
    return "".join(f"{key}{between}{value}\n" for key, value in pairs)


# --- what the library wrote ---

SHAPES = {
    "plain": [],
    "small pages": ["db_pagesize=512"],
    "large pages": ["db_pagesize=65536"],
    "other byte order": ["db_lorder=4321", "db_pagesize=2048"],
    "sums": ["chksum=1", "db_pagesize=1024"],
    "sums, other byte order": ["chksum=1", "db_lorder=4321"],
    "duplicates": ["duplicates=1", "db_pagesize=512"],
    "sorted duplicates": ["duplicates=1", "dupsort=1", "db_pagesize=1024"],
    "duplicates, other byte order": ["duplicates=1", "db_lorder=4321"],
}


def load(path, kind, options, pairs):
    command = ["db5.3_load", "-T", "-t", kind]
    for option in options:
        command += ["-c", option]
    run(*command, str(path), text=lines(pairs, "\n"))


def dump(path):
    """As the library's cursor goes."""
    text = run("db5.3_dump", "-p", str(path))
    items = [line[1:] for line in text.splitlines() if line.startswith(" ")]
    return list(zip(items[::2], items[1::2]))


@pytest.mark.program("db5.3_load")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_reads_the_librarys_files(tmp_path, kind, shape):
    path = tmp_path / "x.db"
    pairs = list(pairs_of_all_sizes(1500))
    if "duplicates" in shape:
        pairs += [(f"key{i % 7}", f"again{i}") for i in range(700)]
        pairs += [("few", f"{i}") for i in range(5)]
    load(path, kind, SHAPES[shape], pairs)
    there = dump(path)
    assert len(there) == len(pairs)
    assert run(TOOL, "dump", str(path), "raw") == lines(there)
    first = {}
    for key, value in there:
        first.setdefault(key, value)
    keys = "".join(f"{key}\nno{key}\n" for key in first)
    assert run(TOOL, "get", str(path), "raw", text=keys) == lines(first.items())


@pytest.mark.program("db5.3_load")
@pytest.mark.parametrize("options, why", [
    (["database=one"], "a file of several databases"),
    (["recnum=1"], None),
])
def test_what_is_not_for_us(tmp_path, options, why):
    path = tmp_path / "x.db"
    load(path, "btree", options, [("a", "b")])
    done = subprocess.run([TOOL, "dump", str(path), "raw"], text=True,
                          capture_output=True, check=False)
    if why:
        assert done.returncode == 1 and why in done.stderr
    else:
        assert done.stdout == "a\tb\n"


@pytest.mark.program("db5.3_load")
def test_a_wrong_sum_is_noticed(tmp_path):
    path = tmp_path / "x.db"
    load(path, "hash", ["chksum=1"], pairs_of_all_sizes(20))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    done = subprocess.run([TOOL, "dump", str(path), "raw"], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1 and "Bad message" in done.stderr


# --- what we wrote ---

@pytest.fixture(name="postmap")
def fixture_postmap(tmp_path):
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")

    def call(*args, text=""):
        done = subprocess.run(
            ["postmap", "-c", str(tmp_path), *args], input=text,
            capture_output=True, text=True, timeout=60, check=False)
        return done.stdout
    return call


def check_same(tmp_path, kind, postmap, pairs):
    """Both sides find all of it, and walk in the same order."""
    path = tmp_path / "x.db"
    run("db5.3_verify", "-q", str(path))
    ours = run(TOOL, "dump", str(path))
    assert sorted(ours.splitlines()) == sorted(lines(pairs).splitlines())
    assert postmap("-s", f"{kind}:{tmp_path}/x") == ours
    keys = "".join(f"{key}\n" for key in pairs_keys(pairs))
    assert run(TOOL, "get", str(path), text=keys) == lines(pairs)
    assert postmap("-q", "-", f"{kind}:{tmp_path}/x", text=keys) == lines(pairs)


def pairs_keys(pairs):
    return [key for key, _ in pairs]


@pytest.mark.program("db5.3_verify")
@pytest.mark.parametrize("kind", KINDS)
def test_the_library_reads_our_files(tmp_path, kind):
    """Keys that begin with another are in an order of their own."""
    path = tmp_path / "x.db"
    pairs = list(pairs_of_all_sizes(3000))
    pairs += [("p" * i, str(i)) for i in range(1, 100)]
    run(TOOL, "make", kind, str(path), "raw", text=lines(pairs, " "))
    run("db5.3_verify", "-q", str(path))
    there = dump(path)
    assert sorted(there) == sorted(pairs)
    assert run(TOOL, "dump", str(path), "raw") == lines(there)


@pytest.mark.program("db5.3_verify")
@pytest.mark.program("postmap")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 4000])
def test_the_library_changes_our_files(tmp_path, postmap, kind, count):
    table = f"{kind}:{tmp_path}/x"
    pairs = list(pairs_of_all_sizes(count))
    run(TOOL, "make", kind, str(tmp_path / "x.db"), text=lines(pairs, " "))
    check_same(tmp_path, kind, postmap, pairs)

    # It grows and splits...
    more = [(f"new{key}", value) for key, value in pairs_of_all_sizes(3000)]
    postmap("-i", table, text=lines(more, " "))
    pairs += more
    check_same(tmp_path, kind, postmap, pairs)

    # ...and has free pages.
    gone = pairs_keys(pairs[::3] + pairs[1::3])
    postmap("-d", "-", table, text="".join(f"{key}\n" for key in gone))
    check_same(tmp_path, kind, postmap, pairs[2::3])


# --- together ---

@pytest.mark.parametrize("kind", KINDS)
def test_waits_for_who_writes(tmp_path, kind):
    path = tmp_path / "x.db"
    run(TOOL, "make", kind, str(path), text="a b\n")
    with open(path, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen([TOOL, "dump", str(path)], text=True,
                              stdout=subprocess.PIPE) as reader:
            time.sleep(0.3)
            assert reader.poll() is None
            fcntl.flock(held, fcntl.LOCK_UN)
            assert reader.communicate(timeout=10)[0] == "a\tb\n"
