# SPDX-License-Identifier: ISC
"""What master and the postfix command say and do when things are not as they
should be."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from lib import instance, procs


def pid_of(mail):
    with open(os.path.join(mail.home, "spool/pid/master.pid"),
              encoding="ascii") as f:
        return int(f.read())


def refused(mail, *words):
    """"postfix start" fails and says all these words."""
    result = mail.postfix("start", check=False)
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr, result.stderr
    return result.stderr


@pytest.mark.parametrize("line, says", [
    ("nonsense", "main.cf, line {n}: missing '=' after attribute name: "
     "\"nonsense\"; write \"name = value\""),
    ("smtpd_timeout = 5x", "main.cf, line {n}: parameter smtpd_timeout: "
     "bad time value or unit: 5x; write a number"),
    ("mail_owner =", "main.cf, line {n}: bad string length 0 < 1: "
     "mail_owner ="),
    ("a = $b\nb = ${a}", "refers to itself"),
])
def test_wrong_values(make_instance, line, says):
    mail = make_instance()
    with open(os.path.join(mail.etc, "main.cf"), encoding="utf-8") as f:
        number = len(f.readlines()) + 1
    mail.configure(line)
    refused(mail, says.format(n=number))
    assert mail.postfix("check", check=False).returncode == 1


def test_wrong_service(make_instance):
    mail = make_instance()
    mail.configure_master("smtp tcp n - n - - smtpd")
    refused(mail, "master.cf: line ", ": bad transport type: tcp; write inet")


def test_port_in_use(make_instance):
    mail = make_instance()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", mail.port))
        s.listen()
        refused(mail, f"bind 127.0.0.1 port {mail.port}: Address already in "
                "use", "mail system startup failed")
    assert "fatal: bind 127.0.0.1 port" in mail.log()
    mail.start()


def test_no_program(make_instance):
    """A process that cannot be started makes the start fail."""
    mail = make_instance()
    programs = os.path.join(mail.directory, "programs")
    os.mkdir(programs)
    for name in ("master", "smtpd", "queue", "relay", "deliver", "chasqui"):
        shutil.copy(instance.program(name), programs)
    mail.configure(f"daemon_directory = {programs}")
    result = mail.postfix("start", check=False, timeout=120)
    assert result.returncode == 1
    assert "start process rules: No such file" in mail.log()
    assert mail.postfix("status", check=False).returncode == 1


def test_stdout_needs_a_foreground(make_instance):
    mail = make_instance()
    mail.configure("maillog_file = /dev/stdout")
    refused(mail, 'use "postfix start-fg"')
    mail.start()
    mail.wait_for(lambda: re.search(
        r"postfix/master\[\d+\]: daemon started -- version 3\.7\.11, "
        r"configuration ", mail.output()))


def test_stop_in_spite_of_a_mistake(make_instance):
    mail = make_instance()
    mail.start()
    mail.configure("smtpd_timeout = 5x")
    assert mail.postfix("status", check=False).returncode == 0
    assert mail.postfix("reload", check=False).returncode == 1
    mail.stop()


def test_a_reload_counts_when_it_returns(make_instance):
    mail = make_instance("smtpd_processes = 3")
    mail.start()
    for number in range(5):
        mail.configure(f"smtpd_banner = {number}")
        mail.postfix("reload")
        for _ in range(6):
            with mail.smtp() as smtp:
                assert smtp.banner == f"220 {number}\r\n"


def test_a_reload_says_why_it_did_nothing(make_instance):
    mail = make_instance("smtpd_banner = old")
    mail.start()
    taken = socket.create_server(("127.0.0.1", mail.base + 72))
    mail.configure("smtpd_banner = new")
    mail.configure_master(
        f"127.0.0.1:{mail.base + 72} inet n - n - - smtpd")
    result = mail.postfix("reload", check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "postfix/postfix-script: fatal: bind 127.0.0.1 port "
        f"{mail.base + 72}: Address already in use; stop the program that "
        "listens there\n")
    with mail.smtp() as smtp:
        assert smtp.banner == "220 old\r\n"
    taken.close()
    mail.postfix("reload")
    with mail.smtp() as smtp:
        assert smtp.banner == "220 new\r\n"


def test_a_reload_waits_for_nobody_for_ever(make_instance):
    """One process hangs, then it is killed."""
    mail = make_instance()
    mail.start()
    rules = next(p for p in mail.processes() if p.name == "rules")
    os.kill(rules.pid, signal.SIGSTOP)
    began = time.monotonic()
    mail.postfix("reload")
    assert 9 < time.monotonic() - began < 14
    assert (f"master[{mail.process.pid}]: warning: reload: rules pid "
            f"{rules.pid} is busy") in mail.log()
    reload = subprocess.Popen(
        [instance.program("postfix"), "-c", mail.etc, "reload"])
    mail.wait_for(lambda: mail.log().count("reload -- version") == 2)
    assert reload.poll() is None
    os.kill(rules.pid, signal.SIGKILL)
    assert reload.wait(5) == 0


def test_an_end_is_the_end_of_a_reload(make_instance):
    mail = make_instance()
    mail.start()
    rules = next(p for p in mail.processes() if p.name == "rules")
    os.kill(rules.pid, signal.SIGSTOP)
    reload = subprocess.Popen(
        [instance.program("postfix"), "-c", mail.etc, "reload"],
        stderr=subprocess.PIPE)
    mail.wait_for(lambda: "reload -- version" in mail.log())
    mail.postfix("stop")
    assert reload.communicate(timeout=5)[1].endswith(
        b"fatal: the Postfix mail system is not running\n")
    assert reload.returncode == 1


def test_unknown_command(make_instance):
    mail = make_instance()
    result = mail.postfix("frobnicate", check=False)
    assert result.returncode == 1
    assert "unknown command: 'frobnicate'. Usage: postfix start" in \
        result.stderr


def test_unknown_services_are_told_about(make_instance):
    mail = make_instance()
    mail.configure_master("screen unix - - n - - postscreen")
    mail.start()
    assert re.search(r'warning: \S+/master.cf: line \d+: postscreen is not '
                     r'supported: let smtpd listen there \(screen\)', mail.log())


def test_addresses(make_instance):
    """Names, numbers, both IP versions, and master_service_disable."""
    mail = make_instance()
    other = mail.base + 70
    mail.configure(f"master_service_disable = {other + 2}/inet",
                   f"known_tcp_ports = mine={other + 1}")
    mail.configure_master(f"[::1]:{other} inet n - n - - smtpd",
                          "localhost:mine inet n - n - - smtpd",
                          f"{other + 2} inet n - n - - smtpd")
    mail.start()
    for host, port in (("127.0.0.1", mail.port), ("::1", mail.port),
                       ("::1", other), ("127.0.0.1", other + 1)):
        with instance.Smtp(port, host) as smtp:
            assert smtp.banner.code == 220
    for host, port in (("127.0.0.1", other), ("127.0.0.1", other + 2)):
        with pytest.raises(ConnectionRefusedError):
            instance.Smtp(port, host)


def test_postfix_directories(make_instance):
    """Those of a configuration that served Postfix hold other programs."""
    mail = make_instance()
    result = mail.tool("postfix", "-c", mail.etc, "check")
    assert result.returncode == 0
    mail.configure("daemon_directory = /usr/lib/postfix/sbin")
    result = mail.postfix("start", check=False)
    # What is installed, if anything: never Postfix's master.
    if result.returncode == 1:
        assert "no Postfix master program /usr/libexec/chasqui/master" in \
            result.stderr
    else:
        mail.postfix("stop")


def test_logrotate(make_instance):
    mail = make_instance("maillog_file_rotate_suffix = old")
    mail.start()
    mail.postfix("logrotate")
    names = os.listdir(os.path.join(mail.home, "log"))
    assert "mail.log.old.gz" in names, names
    mail.send("me@example.com", [mail.user])
    mail.wait_empty()
    # The new file has it all, from every process.
    for program in ("smtpd", "cleanup", "qmgr", "local"):
        assert mail.log_lines(rf"postfix/{program}\["), program


def test_abort(make_instance):
    mail = make_instance()
    mail.start()
    with mail.smtp():
        begin = time.monotonic()
        mail.postfix("abort")
        mail.process.wait(5)
        mail.process = None
        assert time.monotonic() - begin < 2.5
    mail.wait_for(lambda: not mail.alive(), 5)


def test_crashes_are_slowed_down(make_instance):
    """At once the first time, then after a second, two, ..."""
    mail = make_instance()
    mail.start()
    mail.wait_empty()  # the queue answers: the start is over

    def crash():
        before = {p.pid for p in mail.processes("queue")}
        mail.kill("queue", signal.SIGABRT)
        begin = time.monotonic()
        mail.wait_for(lambda: {p.pid for p in mail.processes("queue")}
                      - before, 15)
        return time.monotonic() - begin

    assert crash() < 0.8
    assert 0.8 < crash() < 1.8
    assert 1.8 < crash() < 3.5
    assert len(mail.log_lines(r"warning: process \S+/queue pid \d+ killed by "
                              "signal 6")) == 3


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
def test_foreground_ends_on_a_signal(make_instance, signo):
    mail = make_instance()
    mail.start()
    assert pid_of(mail) == mail.process.pid
    procs.kill(procs.read(mail.process.pid), signo)
    assert mail.process.wait(10) == 0
    mail.process = None
    assert mail.log_lines(rf"terminating on signal {int(signo)}")
    mail.wait_for(lambda: not mail.alive(), 5)
