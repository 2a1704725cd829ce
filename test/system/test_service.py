# SPDX-License-Identifier: ISC
"""The service under systemd, in a system of its own (test/lib/debroot.py)."""

import pytest

from lib import debroot
from lib.package_host import (Host, build, check_gone, configure_postfix,
                              postfix_is_there, program_runs)

pytestmark = pytest.mark.skipif(
    debroot.why_not() is not None, reason=debroot.why_not() or "")


def test_the_service(tmp_path):
    """Under systemd: in the place of Postfix, started, hardened, back."""
    if not debroot.has_systemd():
        pytest.skip("needs systemd")
    try:
        host = Host(build(tmp_path), systemd=True)
    except debroot.NoSystemd:
        pytest.skip("systemd does not start in a namespace here")
    with host:
        if not postfix_is_there(host):
            pytest.skip("Postfix is not installed")
        configure_postfix(host)
        host.run("systemctl", "restart", "postfix")
        host.wait_for(lambda: program_runs(host, "qmgr"), "no Postfix")
        host.install()
        assert not program_runs(host, "qmgr")
        check_unit(host)
        check_commands_of_users(host)
        check_restart(host)
        host.remove()
        assert not program_runs(host, "master")
        check_gone(host)


def show(host, *properties):
    text = host.run("systemctl", "show", "chasqui",
                    *(f"-p{name}" for name in properties))
    return dict(line.split("=", 1) for line in text.splitlines())


def check_unit(host):
    """Running and enabled, under both names, and known to be ready."""
    assert host.run("systemctl", "is-active", "chasqui", "postfix",
                    "sendmail") == "active\n" * 3
    assert host.run("systemctl", "is-enabled", "chasqui") == "enabled\n"
    assert show(host, "StatusText", "SubState") == {
        "StatusText": "running", "SubState": "running"}
    host.run("systemctl", "reload", "postfix")
    host.wait_for(lambda: "reload -- version" in host.log(), "no reload")
    assert show(host, "SubState") == {"SubState": "running"}
    check_sendmail_of(host, "by systemd")
    # The third name, for those who learned it so.
    host.run("systemctl", "stop", "sendmail")
    assert not program_runs(host, "master")
    host.run("systemctl", "start", "sendmail")
    said = host.run("systemctl", "status", "sendmail")
    assert "   Active: active (running) since " in said
    assert "; enabled; " in said and "Main PID: " in said
    check_sendmail_of(host, "by another name")


def check_sendmail_of(host, subject):
    host.sh(f"printf 'Subject: {subject}\\n\\nx\\n' | sendmail tester")
    host.wait_mail(subject)


def check_commands_of_users(host):
    """They are the user, may be set-gid, and write the home directory; the
    system's directories are closed to them."""
    host.sh(r"""
	cat >/home/tester/.forward <<-'END'
	\tester, "|/home/tester/command"
	END
	cat >/home/tester/command <<-'END'
	#!/bin/sh
	cd
	id -un >who
	cat >message
	touch /usr/local/x 2>/dev/null || echo closed >place
	printf 'Subject: from a command\n\nx\n' | /usr/sbin/sendmail root
	mv place done
	END
	chmod 755 /home/tester/command
	chown tester: /home/tester/.forward /home/tester/command
    """)
    check_sendmail_of(host, "with a command")
    host.wait_for(lambda: host.has("/home/tester/done"), "no command")
    assert host.run("cat", "/home/tester/who") == "tester\n"
    assert host.run("cat", "/home/tester/done") == "closed\n"
    assert "Subject: with a command" in host.run("cat",
                                                 "/home/tester/message")
    host.wait_mail("from a command", "root")
    host.run("rm", "/home/tester/.forward")


def check_restart(host):
    """After a crash; not after a stop. An upgrade is a restart."""
    def pid():
        return show(host, "MainPID")["MainPID"]
    first = pid()
    host.run("kill", "-9", first)
    host.wait_for(lambda: pid() not in ("0", first) and
                  show(host, "SubState")["SubState"] == "running",
                  "not started again")
    second = pid()
    host.sh("dpkg -i " + host.package)
    host.wait_for(lambda: pid() not in ("0", second) and
                  show(host, "SubState")["SubState"] == "running",
                  "not started after the upgrade")
    check_sendmail_of(host, "after the upgrade")
    host.run("systemctl", "stop", "postfix")
    assert show(host, "ActiveState", "Result") == {
        "ActiveState": "inactive", "Result": "success"}
