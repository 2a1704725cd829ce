# SPDX-License-Identifier: ISC
"""LMTP to Cyrus and to Mailman 3, each with a directory of its own."""

import os
import pwd
import re
import socket
import subprocess
import tempfile
import time

import pytest

from lib import instance

CYRUS = "/usr/lib/cyrus/bin"
MAILMAN = "/usr/lib/mailman3/bin"
CONTENT = "Subject: to a server\n\nFrom here\n.\n..\nlast\n"

pytestmark = pytest.mark.root


def needs(path, package):
    return pytest.mark.skipif(not os.path.exists(path),
                              reason=f"needs the package {package}")


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
        f.write(text.replace("{dir}", directory))


def give(directory, user):
    account = pwd.getpwnam(user)
    os.chmod(directory, 0o755)
    for where, _, _ in os.walk(directory):
        os.chown(where, account.pw_uid, account.pw_gid)


def wait_for(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < end, "the server does not listen"
        time.sleep(0.05)


def stop(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def deliver(mail, *recipients):
    mail.configure_master("lmtp unix - - n - - lmtp")
    mail.start()
    with mail.smtp() as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.envelope("sender@x.example", recipients)
        assert smtp.data(CONTENT).code == 250


# Cyrus

IMAPD_CONF = """\
configdirectory: {dir}/config
defaultpartition: default
partition-default: {dir}/spool
admins: cyrus
autocreate_post: yes
autocreate_quota: 10000
duplicatesuppression: no
lmtp_downcase_rcpt: yes
lmtpsocket: {dir}/run/lmtp
idlesocket: {dir}/run/idle
notifysocket: {dir}/run/notify
master_pid_file: {dir}/run/pid
master_ready_file: {dir}/run/ready
sievedir: {dir}/config/sieve
virtdomains: off
"""
CYRUS_CONF = """\
START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {dir}/imapd.conf -r"
}
SERVICES {
  lmtpunix cmd="/usr/lib/cyrus/bin/lmtpd -C {dir}/imapd.conf -a" listen="{dir}/run/lmtp" prefork=0
}
EVENTS {
}
"""


@pytest.fixture(name="directory")
def make_directory():
    """Whose path is short, as that of a socket must be, and open to all."""
    with tempfile.TemporaryDirectory(
            prefix="lmtp-", ignore_cleanup_errors=True) as directory:
        yield directory


@pytest.fixture(name="cyrus")
def run_cyrus(directory):
    for name in ("run", "spool", *(f"config/{n}" for n in (
            "db", "lock", "log", "msg", "proc", "ptclient", "quota", "sieve",
            "socket", "user"))):
        os.makedirs(os.path.join(directory, name))
    write(directory, "imapd.conf", IMAPD_CONF)
    write(directory, "cyrus.conf", CYRUS_CONF)
    give(directory, "cyrus")
    with open(os.path.join(directory, "output"), "wb") as output:
        process = subprocess.Popen(
            [f"{CYRUS}/master", "-C", f"{directory}/imapd.conf", "-M",
             f"{directory}/cyrus.conf", "-p", f"{directory}/run/pid", "-D"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(lambda: os.path.exists(f"{directory}/run/lmtp"), process)
        yield directory
    finally:
        stop(process)


@needs(f"{CYRUS}/lmtpd", "cyrus-imapd")
def test_cyrus(make_instance, cyrus):
    mail = make_instance(
        f"transport_maps = inline:{{ {{ box.example = "
        f"lmtp:unix:{cyrus}/run/lmtp }} }}")
    deliver(mail, "Ana@box.example", "bob@box.example", "no!such@box.example")
    mail.wait_for(lambda: len(mail.log_lines(
        r"to=<(Ana|bob)@box\.example>.* dsn=2\.\d\.\d, status=sent "
        r"\(250 2\.1\.5 (Ok|Success)")) == 2)
    mail.wait_for(lambda: mail.log_lines(
        r"to=<no!such@box\.example>.* status=deferred .*451 4\.3\.0 Invalid "
        r"mailbox name \(in reply to RCPT TO command"))
    texts = []
    for where, _, names in os.walk(os.path.join(cyrus, "spool")):
        for name in names:
            if name == "1.":
                with open(os.path.join(where, name), "rb") as f:
                    texts.append(f.read())
    assert len(texts) == 2
    for text in texts:
        assert text.startswith(b"Return-Path: <sender@x.example>\r\n")
        assert text.endswith(b"\r\n\r\nFrom here\r\n.\r\n..\r\nlast\r\n")


# Mailman

MAILMAN_CFG = """\
[mailman]
layout: here
site_owner: postmaster@list.example
[paths.here]
var_dir: {dir}/var
bin_dir: /usr/lib/mailman3/bin
queue_dir: {dir}/var/queue
list_data_dir: {dir}/var/lists
log_dir: {dir}/var/logs
lock_dir: {dir}/var/locks
data_dir: {dir}/var/data
cache_dir: {dir}/var/cache
etc_dir: {dir}
messages_dir: {dir}/var/messages
archive_dir: {dir}/var/archives
template_dir: {dir}/var/templates
pid_file: {dir}/var/master.pid
lock_file: {dir}/var/locks/master.lck
[mta]
incoming: mailman.mta.null.NullMTA
lmtp_host: 127.0.0.1
lmtp_port: PORT
[webservice]
port: 1
"""


def as_list(directory, *command, **options):
    account = pwd.getpwnam("list")
    return subprocess.Popen(
        command, user=account.pw_uid, group=account.pw_gid, extra_groups=[],
        cwd=directory, env={"HOME": directory, "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, **options)


@pytest.fixture(name="mailman")
def run_mailman(directory):
    base, lock = instance.free_base()
    write(directory, "mailman.cfg", MAILMAN_CFG.replace("PORT", str(base + 87)))
    give(directory, "list")
    cfg = f"{directory}/mailman.cfg"
    process = None
    with open(os.path.join(directory, "output"), "wb") as output, lock:
        made = as_list(directory, f"{MAILMAN}/mailman", "-C", cfg, "create",
                       "talk@list.example", stdout=output, stderr=output)
        if made.wait(120) != 0:
            with open(output.name, encoding="utf-8") as f:
                pytest.skip(f"Mailman makes no list: {f.read()[-500:]}")
        process = as_list(directory, f"{MAILMAN}/runner", "-C", cfg,
                          "--runner=lmtp:0:1", stdout=output, stderr=output)
        try:
            def listens():
                with socket.socket() as s:
                    return s.connect_ex(("127.0.0.1", base + 87)) == 0
            wait_for(listens, process)
            yield directory, base + 87
        finally:
            stop(process)


@needs(f"{MAILMAN}/runner", "mailman3")
def test_mailman(make_instance, mailman):
    directory, port = mailman
    mail = make_instance(
        f"transport_maps = inline:{{ {{ list.example = "
        f"lmtp:[127.0.0.1]:{port} }} }}", "recipient_delimiter = +")
    names = ("talk", "talk-join", "talk-owner", "talk-request",
             "talk-confirm+0123456789abcdef")
    deliver(mail, *(f"{name}@list.example" for name in names),
            "nobody@list.example")
    mail.wait_for(lambda: len(mail.log_lines(
        r"to=<talk\S*@list\.example>.* status=sent \(250 Ok\)"))
        == len(names))
    mail.wait_for(lambda: mail.log_lines(
        r"to=<nobody@list\.example>.* status=bounced .*550 "))
    queued = {}
    for where, _, files in os.walk(os.path.join(directory, "var", "queue")):
        for name in files:
            with open(os.path.join(where, name), "rb") as f:
                queued.setdefault(os.path.basename(where), []).append(f.read())
    assert {q: len(texts) for q, texts in queued.items()} == {
        "in": 2, "command": 3}, queued.keys()
    for text in sum(queued.values(), []):
        assert re.search(rb"From here\r?\n\.\r?\n\.\.\r?\nlast\r?\n", text), text
