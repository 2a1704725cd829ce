# SPDX-License-Identifier: ISC
"""The checks check: each finds what it is there for."""

import os
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


@pytest.fixture
def tree(tmp_path):
    """A small source tree with our scripts."""
    shutil.copytree(os.path.join(ROOT, "tools"), tmp_path / "tools")
    for folder in ("src/base", "src/os", "src/proto", "src/daemon/smtpd",
                   "src/daemon/queue", "src/tool", "test"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def run(tree, script):
    return subprocess.run([tree / "tools" / script], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("path, include, allowed", [
    ("src/base/a.c", "base/b.h", True),
    ("src/base/a.c", "os/loop.h", False),
    ("src/os/a.c", "base/b.h", True),
    ("src/proto/a.c", "mail/m.h", True),
    ("src/proto/a.c", "os/loop.h", False),
    ("src/proto/a.h", "os/loop.h", False),
    ("src/proto/a_test.c", "test/lib/unit.h", True),
    ("src/proto/a.c", "test/lib/unit.h", False),
    ("src/daemon/smtpd/a.c", "daemon/daemon.h", True),
    ("src/daemon/smtpd/a.c", "daemon/smtpd/b.h", True),
    ("src/daemon/smtpd/a.c", "daemon/queue/b.h", False),
    ("src/daemon/a.c", "daemon/queue/b.h", False),
    ("src/daemon/smtpd/a.c", "store/spool.h", True),
    ("src/tool/a.c", "daemon/daemon.h", False),
    ("src/tool/a.c", "b.h", False),
    ("src/new/a.c", "base/b.h", False),
])
def test_layers(tree, path, include, allowed):
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text(f'#include "{include}"\n')
    result = run(tree, "layers.sh")
    assert (result.returncode == 0) == allowed, result.stdout
    assert (f"{path}:1: " in result.stdout) != allowed


def test_sizes(tree):
    source = tree / "src/base/a.c"
    source.write_text("int f(void)\n{\n" + "\t;\n" * 100 + "}\n")
    assert run(tree, "sizes.sh").returncode == 0
    source.write_text("int f(void)\n{\n" + "\t;\n" * 101 + "}\n")
    result = run(tree, "sizes.sh")
    assert result.returncode != 0
    assert "src/base/a.c:2: a function of 101 lines" in result.stdout

    source.write_text("\n" * 1001)
    result = run(tree, "sizes.sh")
    assert result.returncode != 0
    assert "src/base/a.c: 1001 lines" in result.stdout
    source.write_text("/* sizes: table */\n" + "\n" * 1001)
    assert run(tree, "sizes.sh").returncode == 0

    (tree / "src/base/a.h").write_text("\n" * 251)
    assert run(tree, "sizes.sh").returncode != 0


def test_install(tmp_path):
    """DESTDIR and prefix are honoured; a configuration there stays."""
    from lib import instance
    tree = tmp_path / "tree"
    env = dict(os.environ, DESTDIR=str(tree))
    install = ["meson", "install", "-C", instance.BUILD, "--no-rebuild"]
    subprocess.run(install, check=True, env=env, stdout=subprocess.DEVNULL)
    for path in ("usr/sbin/postfix", "usr/sbin/postqueue", "usr/sbin/chasqui",
                 "usr/libexec/chasqui/master", "usr/libexec/chasqui/smtpd",
                 "usr/libexec/chasqui/rules", "usr/libexec/chasqui/queue",
                 "usr/libexec/chasqui/relay", "usr/libexec/chasqui/deliver",
                 "etc/chasqui/main.cf", "etc/chasqui/master.cf",
                 "usr/share/man/man1/postqueue.1",
                 "usr/share/man/man8/chasqui.8"):
        assert (tree / path).is_file(), path
    assert os.readlink(tree / "usr/bin/mailq") == "../sbin/postqueue"
    assert (tree / "usr/bin/mailq").exists()

    (tree / "etc/chasqui/main.cf").write_text("# mine\n")
    subprocess.run(install, check=True, env=env, stdout=subprocess.DEVNULL)
    assert (tree / "etc/chasqui/main.cf").read_text() == "# mine\n"
