# SPDX-License-Identifier: ISC
"""The Debian package, in a Debian system of its own: in the place of Postfix,
on a fresh system, and off again. See test/lib/debroot.py."""

import glob
import os
import re
import subprocess

import pytest

from lib import debroot, instance
from lib.package_host import (Host, check_gone, configure_postfix,
                              postfix_is_there, program_runs)

pytestmark = pytest.mark.skipif(
    debroot.why_not() is not None, reason=debroot.why_not() or "")


@pytest.fixture
def host(package):
    with Host(package) as one:
        yield one


def check_life(host):
    """status, reload, stop, as postfix(1) has them."""
    status = host.run("postfix", "status")
    assert "the Postfix mail system is running: PID: " in status
    assert program_runs(host, "master")
    host.run("postfix", "reload")
    host.wait_for(lambda: "master" in host.log() and re.search(
        r"postfix/master\[\d+\]: reload -- version", host.log()), "no reload")
    host.smtp("tester", "after reload")
    host.wait_mail("after reload")
    host.run("postfix", "stop")
    assert host.run("postfix", "status", check=False).returncode == 1
    host.wait_for(lambda: not program_runs(host, "smtpd"), "did not stop")


def check_permissions(host):
    """Nothing for "postfix check" to complain about."""
    complaints = host.run("postfix", "check")
    assert not re.search(r"not owned|writable|not set-gid", complaints), \
        complaints
    modes = dict(reversed(line.split(" ", 1)) for line in host.sh(
        "cd /var/spool/chasqui && stat -c '%a:%U:%G %n' *").splitlines())
    assert modes["log"] == "700:chasquiq:chasquiq"
    assert modes["maildrop"] == "1730:chasqui:postdrop"
    if host.has("/usr/sbin/postdrop"):
        assert host.run("stat", "-c", "%a:%U:%G", "/usr/sbin/postdrop") == \
            "2755:root:postdrop\n"


def leave_mail(host):
    """In Postfix's queue: one message deferred, one not even picked up."""
    host.sh("""
	postfix start
	printf 'Subject: deferred\\n\\nx\\n' | sendmail you@example.net
    """)
    host.wait_for(lambda: re.search(
        r"to=<you@example\.net>.*status=deferred", host.log()),
        "not deferred")
    host.sh("""
	postfix stop
	printf 'Subject: left in maildrop\\n\\nx\\n' | sendmail boss
    """)


def check_sendmail(host):
    """From root and from a user, to a user and to an alias; while the system
    is down, too."""
    host.sh("printf 'Subject: from root\n\nx\n' | /usr/sbin/sendmail tester")
    host.wait_mail("from root")
    host.sh("""
	printf 'To: boss\nSubject: from a user\n\nx\n' >/tmp/message
	chmod 644 /tmp/message
	su tester -c '/usr/lib/sendmail -t </tmp/message'
    """)
    host.wait_mail("from a user")
    assert "\nX-Original-To: boss\n" in host.mailbox()
    assert re.search(r"postfix/pickup\[\d+\]: [0-9A-F]+: uid=\d+ "
                     r"from=<tester>", host.log())
    host.sh("""
	postfix stop
	printf 'Subject: while it was down\n\nx\n' >/tmp/message
	su tester -c 'sendmail tester </tmp/message'
	postfix start
    """)
    host.wait_mail("while it was down")


def test_in_the_place_of_postfix(host):
    if not postfix_is_there(host):
        pytest.skip("Postfix is not installed")
    configure_postfix(host)
    before = host.tree("/etc/postfix")
    assert len(before) > 4
    leave_mail(host)
    said = host.install()
    assert re.search(r"(?i)removing postfix ", said)
    assert not postfix_is_there(host)
    # What is there is the configuration; there is no second one.
    assert not host.has("/etc/chasqui")
    assert host.run("postconf", "-h", "recipient_delimiter") == "+\n"
    check_permissions(host)
    host.run("postfix", "start")
    host.wait_mail("left in maildrop")
    host.wait_for(lambda: "you@example.net" in host.run("mailq"),
                  "what Postfix could not deliver was not taken over")
    host.smtp("tester", "by smtp")
    host.wait_mail("by smtp")
    check_sendmail(host)
    check_life(host)
    said = host.remove()
    assert "There is still mail in the queue of chasqui" in said
    check_gone(host)
    assert host.tree("/etc/postfix") == before
    back_to_postfix(host, before)


def test_with_apt(host):
    """Who does not know what is installed besides: all that is Postfix's goes
    before we come."""
    if not postfix_is_there(host):
        pytest.skip("Postfix is not installed")
    parts = host.run("dpkg-query", "-W", "-f",
                     "${db:Status-Status} ${Package}\\n", "postfix-*",
                     check=False).stdout
    said = host.run("apt-get", "install", "-y", host.package)
    for name in re.findall(r"(?m)^installed (postfix-(?:cdb|[lmp]\w+|sqlite))$",
                           parts):
        assert f"\nRemoving {name} " in said
    assert said.rindex("\nRemoving postfix") < said.index("\nUnpacking chasqui")
    owners = host.sh("dpkg -L chasqui | grep /man/ | xargs dpkg -S")
    assert set(re.findall(r"(?m)^(\S+): \S+\.gz$", owners)) == {"chasqui"}
    assert host.run("dpkg", "--audit") == ""
    assert host.run("postconf", "-h", "mail_owner") == "chasqui\n"


def back_to_postfix(host, before):
    """Where its package can be had without a network."""
    archives = os.path.join(debroot.BASE, "var/cache/apt/archives")
    found = glob.glob(os.path.join(archives, "postfix_3.*.deb"))
    if not found:
        return
    archive = "/var/cache/apt/archives/" + os.path.basename(found[0])
    host.run("dpkg", "-i", archive)
    names = [line for line in before if "main.cf " in line
             or "master.cf " in line]
    assert [line for line in host.tree("/etc/postfix") if line in names] \
        == names
    unit = host.sh("readlink -f /etc/systemd/system/postfix.service "
                   "/lib/systemd/system/postfix.service")
    assert "chasqui" not in unit and "/dev/null" not in unit
    host.run("postfix", "start")
    host.wait_for(lambda: program_runs(host, "qmgr"), "no Postfix")
    host.smtp("tester", "Postfix again")
    host.wait_mail("Postfix again")
    host.run("postfix", "stop")


@pytest.fixture
def fresh(host):
    host.make_fresh()
    return host


def test_on_a_fresh_system(fresh):
    fresh.install()
    check_permissions(fresh)
    assert fresh.run("postconf", "-h", "inet_interfaces") == "loopback-only\n"
    assert "\npostmaster:" in "\n" + fresh.run("cat", "/etc/aliases")
    assert fresh.has("/etc/aliases.db")
    assert "chasqui.service" in fresh.run(
        "readlink", "/etc/systemd/system/postfix.service")
    # Where books say that it is; for users, too.
    assert fresh.run("readlink", "-f", "/etc/postfix/main.cf") == \
        "/etc/chasqui/main.cf\n"
    fresh.sh("""
	printf 'Subject: by another name\\n\\nx\\n' |
	    su tester -c 'MAIL_CONFIG=/etc/postfix sendmail tester'
    """)
    fresh.run("postfix", "start")
    fresh.smtp("tester", "fresh")
    fresh.wait_mail("fresh")
    fresh.wait_mail("by another name")
    # An upgrade keeps what was changed, and what runs.
    fresh.sh("echo '# mine' >>/etc/chasqui/main.cf; echo '# mine' "
             ">>/etc/aliases")
    first = fresh.run("cat", "/var/spool/chasqui/pid/master.pid")
    fresh.sh("dpkg -i " + fresh.package)
    assert fresh.run("tail", "-n1", "/etc/chasqui/main.cf") == "# mine\n"
    assert fresh.run("tail", "-n1", "/etc/aliases") == "# mine\n"
    assert fresh.run("cat", "/var/spool/chasqui/pid/master.pid") != first
    check_permissions(fresh)
    check_life(fresh)
    purge_keeps_mail(fresh)
    # An empty queue goes, too.
    fresh.remove(purge=True)
    check_gone(fresh)
    assert not fresh.has("/etc/chasqui")
    assert not fresh.has("/var/spool/chasqui")


def purge_keeps_mail(host):
    host.sh("postconf -e 'relayhost = [127.0.0.1]:9'; postfix start")
    host.smtp("you@example.net", "waits")
    host.wait_for(lambda: "status=deferred" in host.log(), "not deferred")
    said = host.remove(purge=True)
    assert "There is still mail in the queue of chasqui" in said
    assert "holds mail and is not removed" in said
    assert not program_runs(host, "master")
    check_gone(host)
    assert not host.has("/etc/chasqui")
    assert not host.has("/etc/postfix")
    # Back again: it is still there, and is delivered.
    host.install()
    assert "you@example.net" in host.run("mailq")
    host.sh("""
	useradd you
	postconf -e 'mydestination = $myhostname, localhost, example.net'
	postfix start
	postqueue -f
    """)
    host.wait_mail("waits", "you")
    host.wait_for(lambda: host.run("mailq") == "Mail queue is empty\n",
                  "the queue was not empty")


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_maintainer_scripts(script):
    path = os.path.join(instance.ROOT, "packaging", script)
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
