# SPDX-License-Identifier: ISC
"""What the Tab key offers, as bash asks for it."""

import os
import subprocess

import pytest

from lib import instance

pytestmark = pytest.mark.program("bash")

FILE = os.path.join(instance.ROOT, "dist/bash-completion")
ASK = r"""
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
spec=$(complete -p "$1") || exit 1
function=${spec#*-F }
"${function%% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" \
    "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def offers(*words, cwd=None):
    """For a command line whose last word has been begun."""
    env = dict(os.environ,
               PATH=instance.PROGRAMS + ":" + os.environ["PATH"])
    result = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", FILE, *words], env=env, cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert result.returncode == 0 and not result.stderr, result.stderr
    return [line for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize("words, wanted", [
    (["postfix", "st"], ["start", "start-fg", "status", "stop"]),
    (["postfix", "-D", "re"], ["reload"]),
    (["postfix", "-"], ["-c", "-D", "-v"]),
    (["postconf", "smtpd_helo_r"],
     ["smtpd_helo_required", "smtpd_helo_restrictions"]),
    (["postconf", "-e", "queue_own"], ["queue_owner="]),
    (["postconf", "-C", "b"], ["builtin"]),
    (["postconf", "-T", "run"], ["run-version"]),
    (["postmap", "-q", "key", "cid"], ["cidr:"]),
    (["postlog", "-p", "wa"], ["warn", "warning"]),
    (["sendmail", "-b"], ["-bd", "-bD", "-bi", "-bl", "-bm", "-bp", "-bs",
                          "-bv"]),
    (["sendmail", "-B", "8"], ["8BITMIME"]),
    (["sendmail", "roo"], ["root"]),
    (["mail", "-s", "x", "roo"], ["root"]),
    (["mailx", "-S", "indentp"], ["indentprefix"]),
    (["Mail", "-~"], ["-~"]),
    (["chasqui", "se"], ["setup"]),
    (["chasqui", "setup", "-n", "in"], ["inbound", "internet"]),
    (["chasqui", "setup", "--re"], ["--relayhost"]),
    (["chasqui", "setup", "--interfaces", "lo"], ["loopback-only"]),
    (["chasqui", "instance", "--p"], ["--port-base"]),
    (["chasqui", "import", "--h"], ["--hold"]),
    (["vacation", "-d", "-j"], ["-j"]),
    (["postlock", "-l", "do"], ["dotlock"]),
])
def test_offers(words, wanted):
    assert offers(*words) == wanted


def test_every_command_of_the_usage_is_offered():
    usage = subprocess.run([instance.program("chasqui"), "help"], check=True,
                           capture_output=True, text=True).stdout
    names = offers("chasqui", "")
    assert {"instance", "setup", "help", "version"} <= set(names)
    assert all(f"\n  {name} " in usage for name in names)


def test_every_option_of_setup_is_offered():
    usage = subprocess.run([instance.program("chasqui"), "setup"],
                           check=False, capture_output=True, text=True).stderr
    for word in usage.replace(",", " ").split():
        if word.startswith("--"):
            assert word in offers("chasqui", "setup", "--"), word


def test_from_another_configuration(make_instance):
    mail = make_instance("queue_run_delay = 7m")
    assert offers("postconf", "-c", mail.etc, "-n", "queue_r") == \
        ["queue_run_delay"]
    assert offers("postconf", "-c", mail.etc, "-M", "dis") == ["discard/unix"]
    mail.configure("relayhost = [127.0.0.1]:9")
    mail.start()
    queue_id = mail.send("me@example.com", ["you@far.example.net"])
    mail.wait_for(lambda: mail.log_lines("status=deferred"))
    assert offers("postqueue", "-c", mail.etc, "-i", "") == [queue_id]
    assert offers("postqueue", "-c", mail.etc, "-s", "far") == \
        ["far.example.net"]


def test_files(tmp_path):
    (tmp_path / "aliases.cidr").touch()
    (tmp_path / "folder").mkdir()
    assert offers("postmap", "cidr", ":", "ali", cwd=tmp_path) == \
        ["aliases.cidr"]
    assert offers("postfix", "-c", "", cwd=tmp_path) == ["folder"]
