# SPDX-License-Identifier: ISC
"""LMTP over unix sockets: to a server that is this program, and to Dovecot."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import threading

import pytest

from lib import instance


class Lmtp:
    """A server on a unix socket: replies to RCPT and to the dot by the local
    part, "name-450" is refused at RCPT, "name.552" after the content."""

    def __init__(self, path):
        self.heard = []
        self.sessions = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        with conn, conn.makefile("rwb") as f:
            def say(*lines):
                for line in lines:
                    f.write(line.encode() + b"\r\n")
                f.flush()
            rcpts, content = [], False
            say("220 lmtp.example LMTP")
            for line in f:
                line = line.decode().rstrip("\r\n")
                self.heard.append(line)
                if content:
                    if line == ".":
                        content = False
                        say(*(self._after(r) for r in rcpts))
                        rcpts = []
                elif line.startswith("LHLO"):
                    say("250-lmtp.example", "250-PIPELINING",
                        "250-ENHANCEDSTATUSCODES", "250 8BITMIME")
                elif line.startswith("RCPT"):
                    refused = re.search(r"-(\d)(\d\d)@", line)
                    if refused:
                        say(f"{refused[1]}{refused[2]} {refused[1]}.1.1 no")
                    else:
                        rcpts.append(line)
                        say("250 2.1.5 OK")
                elif line == "DATA":
                    content = True
                    say("354 OK")
                elif line == "QUIT":
                    return  # who says so may not wait for an answer
                else:
                    say("250 2.0.0 OK")

    @staticmethod
    def _after(rcpt):
        refused = re.search(r"\.(\d)(\d\d)@", rcpt)
        if refused:
            return f"{refused[1]}{refused[2]} {refused[1]}.2.2 full"
        return "250 2.0.0 " + re.search("<(.*)@", rcpt)[1] + " saved"


@pytest.fixture
def system():
    one = instance.Instance(
            "mydestination =", "relay_domains = lmtp.example",
            "transport_maps = inline:{{lmtp.example="
            "lmtp:unix:private/lmtp}}",
            "minimal_backoff_time = 1s", "maximal_backoff_time = 1s",
            "queue_run_delay = 1s")
    one.configure_master("lmtp unix - - n - - lmtp")
    with one:
        yield one


def setting(system, name):
    return system.tool("postconf", "-c", system.etc, "-h",
                       name).stdout.strip()


def private(system):
    path = os.path.join(setting(system, "queue_directory"), "private")
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o755)
    return path


def outcomes(system, pattern):
    """Outcomes without ids and times, sorted."""
    return sorted(re.sub(r".*lmtp\[\d+\]: \w+: |(, delay)=.*?(, dsn)",
                         r"\1\2", line)
                  for line in system.log_lines(pattern))


def test_each_recipient_hears_its_own(system):
    server = Lmtp(os.path.join(private(system), "lmtp"))
    system.send("me@lmtp.example", ["a@lmtp.example", "b-550@lmtp.example",
                                    "c.552@lmtp.example", "d@lmtp.example"])
    system.wait_for(lambda: len(system.log_lines(" status=")) >= 5)
    peer = f"{setting(system, 'myhostname')}[private/lmtp]"
    where, said = "relay=" + peer, "host " + peer
    found = [line for line in outcomes(system, r" status=")
             if "to=<me@" not in line]
    assert found == [
        f"to=<a@lmtp.example>, {where}, delay, dsn=2.0.0, status=sent "
        "(250 2.0.0 a saved)",
        f"to=<b-550@lmtp.example>, {where}, delay, dsn=5.1.1, "
        f"status=bounced ({said} said: 550 5.1.1 no "
        "(in reply to RCPT TO command))",
        f"to=<c.552@lmtp.example>, {where}, delay, dsn=5.2.2, "
        f"status=bounced ({said} said: 552 5.2.2 full "
        "(in reply to end of DATA command))",
        f"to=<d@lmtp.example>, {where}, delay, dsn=2.0.0, status=sent "
        "(250 2.0.0 d saved)"]
    system.wait_empty()
    server.close()


def test_session_is_reused(system):
    server = Lmtp(os.path.join(private(system), "lmtp"))
    for i in range(5):
        system.send("me@lmtp.example", [f"{i}@lmtp.example"])
        system.wait_for(
            lambda: len(system.log_lines("status=sent")) > i)
    assert server.sessions == 1
    assert system.log_lines("conn_use=5")
    server.close()


def test_nobody_is_there(system):
    where = os.path.join(private(system), "lmtp")
    system.send("me@lmtp.example", ["a@lmtp.example"])
    line, = system.wait_for(lambda: system.log_lines("status=deferred"))[:1]
    assert re.search(
        r"relay=none, .*dsn=4\.4\.1, status=deferred \(connect to "
        r"\S+\[private/lmtp\]: No such file or directory\)$", line)
    # Nobody listens any more, but the file is still there.
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(where)
        os.chmod(where, 0o666)
    system.wait_for(lambda: system.log_lines(
        r"connect to \S+\[private/lmtp\]: Connection refused"))
    os.unlink(where)
    server = Lmtp(where)
    system.wait_for(lambda: system.log_lines("status=sent"))
    server.close()


# Dovecot

DOVECOT = """\
protocols = lmtp
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = no
first_valid_uid = 1
postmaster_address = postmaster@lmtp.example
default_client_limit = 100
default_vsz_limit = 0
mail_location = maildir:{dir}/mail/%n
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={dir}/mail/%n allow_all_users=yes
}}
service lmtp {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""


@pytest.fixture
def dovecot(system, tmp_path_factory):
    lmtp = "/usr/lib/dovecot/lmtp"
    if os.geteuid() != 0 or not os.path.exists(lmtp):
        pytest.skip("needs root and Debian's dovecot-lmtpd")
    place = os.path.join(system.directory, "dovecot")
    os.makedirs(os.path.join(place, "mail"))
    nobody = pwd.getpwnam("nobody")
    os.chown(os.path.join(place, "mail"), nobody.pw_uid, nobody.pw_gid)
    path = os.path.join(private(system), "lmtp")
    conf = os.path.join(place, "dovecot.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(DOVECOT.format(dir=place, socket=path))
    with open(os.path.join(place, "output"), "wb") as output:
        process = subprocess.Popen(
            [shutil.which("dovecot"), "-F", "-c", conf],
            stdin=subprocess.DEVNULL, stderr=output, stdout=output)
    try:
        system.wait_for(lambda: os.path.exists(path))
        yield place
    finally:
        process.terminate()
        process.wait(30)


def test_dovecot(system, dovecot):
    content = "Subject: test\r\n\r\n" + "line\r\n..dot\r\n" * 50000
    system.send("me@lmtp.example", ["ana@lmtp.example", "ben@lmtp.example"],
                "Subject: small\r\n\r\nhello\r\n")
    system.send("me@lmtp.example", ["ana@lmtp.example"], content)
    system.wait_for(lambda: len(system.log_lines("status=sent")) == 3)
    assert all("Saved" in line for line in system.log_lines("status=sent"))
    stored = {}
    for name in "ana", "ben":
        new = os.path.join(dovecot, "mail", name, "new")
        stored[name] = []
        for one in os.listdir(new):
            with open(os.path.join(new, one), "rb") as f:
                stored[name].append(f.read())
    assert len(stored["ben"]) == 1
    small, big = sorted(stored["ana"], key=len)
    assert b" with LMTP\n" in small
    assert small.replace(b"\r\n", b"\n").endswith(b"\n\nhello\n")
    assert big.replace(b"\r\n", b"\n").endswith(
        b"\n\n" + b"line\n..dot\n" * 50000)


# Behind local delivery

@pytest.fixture
def users(make_instance):
    mail = make_instance(
        "mydestination = mail.example.test", "myhostname = mail.example.test",
        "myorigin = mail.example.test", "local_recipient_maps =",
        "mailbox_transport = lmtp:unix:private/lmtp",
        "alias_maps = inline:{{list=ana, bob-550, eva} {me=\\ana}}",
        "minimal_backoff_time = 1s", "maximal_backoff_time = 1s",
        users=["ana", "bob-550", "eva"])
    mail.configure_master("lmtp unix - - n - - lmtp")
    mail.start()
    return mail


@pytest.mark.root
@pytest.mark.users
def test_mailbox_transport(users):
    """Each member of a list by himself, one that fails is told of."""
    server = Lmtp(os.path.join(private(users), "lmtp"))
    users.send("far@other.example", ["list@mail.example.test"])
    users.wait_for(lambda: len(users.log_lines("lmtp.*status=")) == 3)
    found = {re.search("to=<(.*?)>", line)[1]:
             re.search("status=.*", line)[0]
             for line in users.log_lines("lmtp.*status=")}
    peer = "mail.example.test[private/lmtp]"
    assert found == {
        "ana@mail.example.test": "status=sent (250 2.0.0 ana saved)",
        "eva@mail.example.test": "status=sent (250 2.0.0 eva saved)",
        "bob-550@mail.example.test":
            f"status=bounced (host {peer} said: 550 5.1.1 no (in reply to "
            "RCPT TO command))"}
    assert all("orig_to=<list@mail.example.test>" in line
               for line in users.log_lines("lmtp.*status="))
    users.wait_for(lambda: users.log_lines("non-delivery notification"))
    server.close()


@pytest.mark.root
@pytest.mark.users
def test_mailbox_transport_that_is_not_there(users):
    users.send("far@other.example", ["eva@mail.example.test"])
    users.wait_for(lambda: users.log_lines(
        "lmtp.*to=<eva@mail.example.test>.*status=deferred"))
    assert "No such file or directory" in users.postqueue("-p").stdout
    server = Lmtp(os.path.join(private(users), "lmtp"))
    users.wait_for(lambda: users.log_lines("lmtp.*status=sent"))
    users.wait_empty()
    server.close()


@pytest.mark.root
@pytest.mark.users
def test_sendmail_bv(users):
    """What would become of a list, told to who asked."""
    server = Lmtp(os.path.join(private(users), "lmtp"))
    users.configure("mailbox_transport =")
    users.postfix("reload")
    users.tool("sendmail", "-C", users.etc, "-f", "ana@mail.example.test",
               "-bv", "list@mail.example.test",
               "no-such-user@mail.example.test")
    text = users.wait_for(lambda: users.mailbox("ana")).decode()
    assert "Subject: Mail Delivery Status Report" in text
    blocks = [dict(line.split(": ", 1) for line in block.splitlines())
              for block in text.split("\n\n")
              if block.startswith("Final-Recipient")]
    assert sorted((b["Final-Recipient"], b["Original-Recipient"], b["Action"])
                  for b in blocks) == [
        ("rfc822; ana@mail.example.test",
         "rfc822;list@mail.example.test", "deliverable"),
        ("rfc822; bob-550@mail.example.test",
         "rfc822;list@mail.example.test", "deliverable"),
        ("rfc822; eva@mail.example.test",
         "rfc822;list@mail.example.test", "deliverable"),
        ("rfc822; no-such-user@mail.example.test",
         "rfc822;no-such-user@mail.example.test", "undeliverable")]
    assert not users.mailbox("eva")
    assert server.sessions == 0
    server.close()
