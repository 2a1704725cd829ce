# SPDX-License-Identifier: ISC
"""The three roles of the course notes, with the notes' own lines; and
"chasqui setup", which writes such files."""

import os
import re
import socket
import stat
import subprocess

import pytest

from lib import instance
from lib.moody import Moody
from lib.network import NameServer, can_have_network, own_network
from lib.roles import INBOUND, NULL_CLIENT, RELAY

HERE = "192.168.0.1"
CLIENT = "192.168.0.7"
STRANGER = "203.0.113.9"
ZONE = {
    ("smtp.example.com", "A"): ["127.0.1.1"],
    ("far.example.net", "MX"): ["10 mx.example.net"],
    ("mx.example.net", "A"): ["127.0.1.1"],
}

needs_network = pytest.mark.skipif(
    not can_have_network() or not instance.can_have_users(),
    reason="needs root and namespaces")


@pytest.fixture
def site(make_instance, tmp_path):
    """What makes a host with these lines; and the server of others."""
    with own_network(f"{HERE}/24", f"{CLIENT}/24", f"{STRANGER}/24"), \
            Moody() as server, NameServer(ZONE, tmp_path) as names:
        def make(hostname, lines):
            mail = make_instance(
                f"myhostname = {hostname}", f"resolv_conf = {names.resolv_conf}",
                f"smtp_tcp_port = {server.port}", "alias_maps =",
                *lines.splitlines(), users=["ana"])
            mail.start()
            mail.server = server
            return mail
        yield make


def smtp_from(mail, source, host=HERE):
    """A session with a host of the network, from another one."""
    session = instance.Smtp.__new__(instance.Smtp)
    session.socket = socket.create_connection(
        (host, mail.port), 30, source_address=(source, 0))
    session.file = session.socket.makefile("rb")
    assert session.reply().code == 220
    session.command("EHLO client.example", 250)
    return session


def outcome(mail, queue_id, recipient):
    line = mail.wait_for(lambda: mail.log_lines(
        rf"{queue_id}: to=<{re.escape(recipient)}>.*status="))[0]
    return re.sub(r".*(relay=[^,]*),.*(dsn=.*)", r"\1, \2", line)


RELAYED = (r"relay=%s\[127\.0\.1\.1\]:\d+, dsn=2\.0\.0, status=sent "
           r"\(250 2\.0\.0 Ok: queued as MOODY\)")


def is_refused(mail, address):
    with mail.smtp() as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.command("MAIL FROM:<root@far.example.net>", 250)
        answer = smtp.command(f"RCPT TO:<{address}>")
        if answer.code == 250:
            return False
        assert re.fullmatch(r"550 5\.1\.1 <.*>: Recipient address rejected: "
                            r"local delivery is disabled\r\n", answer)
        return True


def bounces(mail, *addresses):
    """An SMTP client hears it at once; mail that is in comes back."""
    for address in addresses:
        assert is_refused(mail, address)
    mail.configure("smtpd_reject_unlisted_recipient = no")
    mail.postfix("reload")
    mail.wait_for(lambda: not is_refused(mail, addresses[0]))
    for address in addresses:
        queue_id = mail.send("root@far.example.net", [address])
        assert outcome(mail, queue_id, address) == \
            "relay=none, dsn=5.0.0, status=bounced (local delivery is " \
            "disabled)"


@needs_network
def test_null_client(site):
    mail = site("desktop20.example.com", NULL_CLIENT)
    bounces(mail, "ana@localhost", "ana@desktop20.example.com",
            "ana@example.com")
    queue_id = mail.send("ana", ["you@far.example.net"])
    assert re.fullmatch(RELAYED % r"smtp\.example\.com",
                        outcome(mail, queue_id, "you@far.example.net"))
    # The notices and the mail, all by the relay host, as from the domain.
    mail.wait_empty()
    assert len(mail.server.contents) == 4
    assert any("FROM:<ana@example.com>" in c for c in mail.server.commands)
    assert not mail.mailbox("ana")
    with pytest.raises(ConnectionRefusedError):
        smtp_from(mail, CLIENT)


@needs_network
def test_inbound(site):
    mail = site("mail.example.com", INBOUND)
    for address in ("ana@example.com", "ana@mail.example.com",
                    "ana@localhost"):
        with smtp_from(mail, STRANGER) as smtp:
            smtp.envelope("you@far.example.net", [address])
            assert smtp.data("Subject: in\n\nx\n").code == 250
    mail.wait_empty()
    assert mail.mailbox("ana").count(b"\nSubject: in\n") == 3
    with smtp_from(mail, STRANGER) as smtp:
        smtp.command("MAIL FROM:<you@far.example.net>", 250)
        answer = smtp.command("RCPT TO:<me@elsewhere.example.org>")
        assert answer.code in (454, 554) and "Relay access denied" in answer
    assert not mail.server.contents
    # Its own users' mail to others goes through the relay host.
    queue_id = mail.send("ana", ["you@far.example.net"])
    assert re.fullmatch(RELAYED % r"smtp\.example\.com",
                        outcome(mail, queue_id, "you@far.example.net"))


@needs_network
def test_relay(site):
    mail = site("smtp.example.com", RELAY)
    for source, host in ((CLIENT, HERE), ("127.0.0.1", "127.0.0.1")):
        with smtp_from(mail, source, host) as smtp:
            smtp.envelope("ana@example.com", ["you@far.example.net"])
            answer = smtp.data("Subject: out\n\nx\n")
        queue_id = answer.split()[-1]
        assert re.fullmatch(RELAYED % r"mx\.example\.net",
                            outcome(mail, queue_id, "you@far.example.net"))
    with smtp_from(mail, STRANGER) as smtp:
        smtp.command("MAIL FROM:<ana@example.com>", 250)
        answer = smtp.command("RCPT TO:<you@far.example.net>")
        assert answer.code in (454, 554) and "Relay access denied" in answer
    assert len(mail.server.contents) == 2
    bounces(mail, "ana@smtp.example.com", "ana@localhost")
    assert not mail.mailbox("ana")


# chasqui setup

def run_setup(mail, *args, **options):
    return mail.tool("chasqui", "setup", "-c", mail.etc, *args, **options)


def read(mail, name="main.cf"):
    with open(os.path.join(mail.etc, name), encoding="utf-8") as f:
        return f.read()


def settings(mail):
    text = mail.tool("postconf", "-c", mail.etc, "-n").stdout
    return dict(line.split(" =", 1) for line in text.splitlines())


def value(mail, name):
    return settings(mail)[name].strip()


def backups(mail):
    return [n for n in os.listdir(mail.etc) if n.startswith("main.cf.")]


ROLES = {
    "null-client": (["--relayhost", "smtp.example.com"], {
        "myorigin": "$mydomain", "relayhost": "smtp.example.com",
        "mydestination": "localhost, $myhostname",
        "mynetworks": "127.0.0.0/8, [::1]/128",
        "inet_interfaces": "loopback-only",
        "local_transport": "error:local delivery is disabled"}),
    "inbound": (["--relayhost=smtp.example.com"], {
        "myorigin": "$mydomain", "relayhost": "smtp.example.com",
        "mydestination": "localhost, $myhostname, $mydomain",
        "mynetworks": "127.0.0.0/8, [::1]/128",
        "inet_interfaces": "all", "local_transport": "local:$myhostname"}),
    "relay": (["--networks", "192.168.0.0/24, 127.0.0.0/8"], {
        "myorigin": "$mydomain", "relayhost": "",
        "mynetworks": "192.168.0.0/24, 127.0.0.0/8",
        "inet_interfaces": "all",
        "local_transport": "error:local delivery is disabled"}),
    "internet": ([], {
        "myorigin": "$myhostname", "relayhost": "",
        "mydestination": "$myhostname, localhost.$mydomain, localhost",
        "mynetworks": "127.0.0.0/8, [::1]/128",
        "inet_interfaces": "all", "local_transport": "local:$myhostname"}),
}


@pytest.mark.parametrize("role", ROLES)
def test_setup(make_instance, role):
    options, wanted = ROLES[role]
    mail = make_instance("# a comment that stays",
                         "queue_run_delay = 7m")
    os.chmod(os.path.join(mail.etc, "main.cf"), 0o640)
    before = read(mail)
    result = run_setup(mail, *options, "--hostname", "h.example.com", role)
    now = settings(mail)
    assert {k: now[k].strip() for k in wanted} == wanted
    assert now["myhostname"].strip() == "h.example.com"
    assert "# a comment that stays\nqueue_run_delay = 7m\n" in read(mail)
    # The difference, the old file, what comes next.
    assert f"+++ {mail.etc}/main.cf ({role})" in result.stdout
    assert "\n+myhostname = h.example.com\n" in result.stdout
    saved, = backups(mail)
    assert read(mail, saved) == before
    assert f"The old file is {mail.etc}/{saved}." in result.stdout
    assert f"Now: postfix -c {mail.etc} start\n" in result.stdout
    assert stat.S_IMODE(os.stat(
        os.path.join(mail.etc, "main.cf")).st_mode) == 0o640
    # Again: nothing to do.
    text = read(mail)
    result = run_setup(mail, *options, "--hostname", "h.example.com", role)
    assert result.stdout == f"{mail.etc}/main.cf is this already.\n"
    assert read(mail) == text and backups(mail) == [saved]


def test_what_is_written_works(make_instance):
    mail = make_instance("myhostname = h.example.com")
    run_setup(mail, "--interfaces=loopback-only", "internet")
    mail.configure("alias_maps =")
    mail.start()
    mail.send("a@example.com", [mail.user])
    mail.wait_for(mail.mailbox)
    result = run_setup(mail, "--relayhost", "[127.0.0.1]:9", "null-client")
    assert f"Now: postfix -c {mail.etc} reload\n" in result.stdout
    mail.postfix("reload")
    mail.wait_for(lambda: is_refused(mail, f"{mail.user}@h.example.com"))


def test_one_role_after_another(make_instance):
    mail = make_instance()
    host = ["--hostname", "h.example.com"]
    run_setup(mail, *host, "--relayhost", "smtp.example.com", "null-client")
    # What only the operator knows stays for a role that needs it.
    run_setup(mail, "inbound")
    assert value(mail, "relayhost") == "smtp.example.com"
    assert value(mail, "myhostname") == "h.example.com"
    assert value(mail, "local_transport") == "local:$myhostname"
    run_setup(mail, "internet")
    assert value(mail, "relayhost") == ""
    assert len(backups(mail)) == 3


def test_dry_run(make_instance):
    mail = make_instance()
    before = read(mail), sorted(os.listdir(mail.etc))
    for option in ("-n", "--dry-run"):
        result = run_setup(mail, option, "--origin", "example.org", "internet")
        assert "\n+myorigin = example.org\n" in result.stdout
        assert (read(mail), sorted(os.listdir(mail.etc))) == before


def test_nothing_bad_is_written(make_instance):
    mail = make_instance()
    before = read(mail), sorted(os.listdir(mail.etc))
    for options, says in (
            (["--hostname", "a b"], "a b"),
            (["--interfaces", "no-such-host.invalid"], "no-such-host"),
            (["--origin", "a\nb = c"], "multi-line")):
        result = run_setup(mail, *options, "internet", check=False)
        assert result.returncode != 0 and says in result.stderr
        assert (read(mail), sorted(os.listdir(mail.etc))) == before


def test_a_broken_file_is_left_alone(make_instance):
    mail = make_instance("nonsense")
    before = read(mail)
    result = run_setup(mail, "internet", check=False)
    assert result.returncode == 78 and "nonsense" in result.stderr
    assert read(mail) == before and not backups(mail)


def test_relay_host_must_be_known(make_instance):
    mail = make_instance("myhostname = h.nowhere.invalid")
    before = read(mail)
    result = run_setup(mail, "null-client", check=False)
    assert result.returncode == 64
    assert "which relay host? There is no smtp.nowhere.invalid: say " \
        "--relayhost HOST" in result.stderr
    assert read(mail) == before


def test_wrong_command_lines(make_instance):
    mail = make_instance()
    for words in ([], ["no-such-role"], ["internet", "relay"],
                  ["--no-such-option", "internet"]):
        result = run_setup(mail, *words, check=False)
        assert result.returncode == 64
        assert "usage: chasqui setup" in result.stderr


@pytest.mark.skipif(not can_have_network(), reason="needs a network namespace")
def test_networks_are_found(make_instance):
    """Private ones, without the bits of the host; no others."""
    with own_network("192.168.7.9/24", "10.1.2.3/8", "203.0.113.9/24"):
        for words in (["link", "add", "d0", "type", "veth", "peer", "name", "d1"],
                      ["address", "add", "192.168.8.9/22", "dev", "d0"],
                      ["address", "add", "192.168.9.9/22", "dev", "d0"],
                      ["address", "add", "198.51.100.7/24", "dev", "d0"],
                      ["address", "add", "fd12::7/64", "dev", "d0"],
                      ["link", "set", "d0", "up"]):
            done = subprocess.run(["ip", *words], check=False,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip("no interface to play with: " + done.stderr.strip())
        mail = make_instance()
        run_setup(mail, "--hostname=h.example.com", "relay")
        assert value(mail, "mynetworks") == \
            "192.168.8.0/22, [fd12::]/64, 127.0.0.0/8, [::1]/128"


def test_first_configuration(make_instance, tmp_path):
    """A directory that is not there yet: with the stock master.cf."""
    mail = make_instance()
    stock = os.path.join(instance.ROOT, "dist/master.cf")
    target = tmp_path / "new"
    target.mkdir()
    (target / "master.cf").write_text(open(stock, encoding="utf-8").read())
    result = mail.tool("chasqui", "setup", "-c", str(target),
                       "--hostname=h.example.com", "internet", check=False)
    text = (target / "main.cf").read_text()
    assert "compatibility_level = 3.6\n" in text
    assert "alias_maps = hash:/etc/aliases\n" in text
    assert "The old file" not in result.stdout
