# SPDX-License-Identifier: ISC
"""The three roles of course notes, on a system on which our package was just
installed, with other hosts around it: with the notes' own lines of main.cf,
and as "chasqui setup" makes them."""

import re

import pytest

from lib import debroot, lan
from lib.moody import Moody
from lib.package_host import Host
from lib.roles import INBOUND, NULL_CLIENT, RELAY

WHY_NOT = debroot.why_not() or lan.why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

RELAY_HOST = "198.51.100.25"
FAR_MX = "203.0.113.25"
NEIGHBOUR = "192.168.0.7"
STRANGER = "203.0.113.9"
ZONE = {
    ("smtp.example.com", "A"): [RELAY_HOST],
    ("far.example.net", "MX"): ["10 mx.example.net"],
    ("mx.example.net", "A"): [FAR_MX],
}
SENT = r"2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued as MOODY\)"
BY_RELAY_HOST = rf"smtp\.example\.com\[{RELAY_HOST}\]:25, {SENT}"
BY_MX = rf"mx\.example\.net\[{FAR_MX}\]:25, {SENT}"
BOUNCED = r"none, 5\.0\.0, status=bounced \(local delivery is disabled\)"
NO_USERS = r"550 5\.1\.1 <.*>: Recipient address rejected: " \
    r"local delivery is disabled\r\n"
NO_RELAY = r"454 4\.7\.1 <.*>: Relay access denied\r\n"


class Site:
    """The host, and the servers of others."""

    def __init__(self, host, network, relay_host, far):
        self.host = host
        self.network = network
        self.relay_host = relay_host
        self.far = far
        self.writing = 0

    def start(self):
        """With what the host is now, and nothing to complain about."""
        said = self.host.run("postfix", "check")
        assert not re.search("error|fatal|not |unused", said), said
        self.host.run("postfix", "start")

    def stop(self):
        self.host.wait_for(
            lambda: self.host.run("mailq") == "Mail queue is empty\n",
            "the queue was not empty")
        self.host.run("postfix", "stop")

    def main_cf(self):
        return self.host.run("cat", "/etc/postfix/main.cf")

    def setup(self, *words):
        return self.host.run("chasqui", "setup", *words)

    def ears(self):
        """The addresses at which this host takes mail."""
        text = self.host.run("ss", "-Hltn", "sport = :25")
        return {line.split()[3].rpartition(":")[0]
                for line in text.splitlines()}

    def user_writes(self, name):
        """A message of his, to a user or an address; what became of it."""
        self.writing += 1
        user, at, domain = name.partition("@")
        address = f"{user}+{self.writing}{at}{domain}"
        self.host.sh('su tester -c "echo hi | mail -s hello $0"', address)
        return self.outcome(address)

    def outcome(self, address):
        pattern = rf"to=<{re.escape(address)}(?:@[^>]*)?>,.* relay=([^,]*)," \
                  r".* dsn=(\S+) (status=.*)"
        self.host.wait_for(lambda: re.search(pattern, self.host.log()),
                           f"nothing became of {address}")
        return "{}, {} {}".format(*re.findall(pattern,
                                              self.host.log())[-1])

    def asks(self, source, recipient):
        """The answer to a client about a recipient."""
        with self.network.smtp(source) as smtp:
            smtp.command("MAIL FROM:<you@far.example.net>", 250)
            return smtp.command(f"RCPT TO:<{recipient}>")

    def delivers(self, source, recipient, sender="you@far.example.net"):
        """A client's message; what became of it."""
        self.writing += 1
        user, _, domain = recipient.partition("@")
        address = f"{user}+{self.writing}@{domain}"
        with self.network.smtp(source) as smtp:
            smtp.envelope(sender, [address])
            assert smtp.data("Subject: by smtp\n\nx\n").code == 250
        return self.outcome(address)


@pytest.fixture
def site(package, tmp_path):
    addresses = [RELAY_HOST, FAR_MX, NEIGHBOUR, STRANGER]
    with Host(package) as host:
        host.make_fresh()
        host.install()
        with lan.Lan(host, ZONE, addresses, tmp_path) as network, \
                Moody(place=(RELAY_HOST, 25)) as relay_host, \
                Moody(place=(FAR_MX, 25)) as far:
            yield Site(host, network, relay_host, far)


def write_lines(site, hostname, lines, alone=False):
    """By hand, below what is there or in its place."""
    site.host.sh("""
	hostname "$0"
	[ ! "$2" ] || rm /etc/postfix/main.cf
	printf '%s\n' "$1" 'recipient_delimiter = +' >>/etc/postfix/main.cf
    """, hostname, lines, "alone" if alone else "")


def localhost(alone):
    """Without compatibility_level, it is localhost.example.com."""
    return [] if alone else ["tester@localhost"]


def set_up(site, hostname, role, *options):
    """By the command: what it shows is what it does; then nothing is left to
    do. Returns main.cf from before."""
    site.host.run("hostname", hostname)
    before = site.main_cf()
    shown = site.setup("-n", *options, role)
    assert site.main_cf() == before
    said = site.setup(*options, role)
    assert said.startswith(shown)
    assert f"+++ /etc/chasqui/main.cf ({role})\n" in said
    assert said.endswith("Now: postfix start\n") or \
        "\nNow: postfix start\nOther hosts find" in said
    after = site.main_cf()
    removed = set(re.findall(r"(?m)^-([^-].*)", shown))
    assert removed == set(before.splitlines()) - set(after.splitlines())
    added = set(re.findall(r"(?m)^\+([^+].*)", shown))
    assert added == set(after.splitlines()) - set(before.splitlines())
    assert site.setup(*options, role) == \
        "/etc/chasqui/main.cf is this already.\n"
    site.host.run("postconf", "-e", "recipient_delimiter = +")
    return before


def undo(site, before):
    """As chasqui(8) has it."""
    site.host.sh("""
	cd /etc/chasqui
	set -- main.cf.2*
	[ $# -eq 1 ]
	mv "$1" main.cf
    """)
    assert site.main_cf() == before
    site.start()
    site.host.smtp("tester", "as before")
    site.host.wait_mail("as before")
    site.stop()


def check_null_client(site, *names):
    assert site.ears() <= {"127.0.0.1", "[::1]"}
    with pytest.raises(ConnectionRefusedError):
        site.network.smtp(NEIGHBOUR)
    for name in ("you@far.example.net", "boss@example.org"):
        assert re.fullmatch(BY_RELAY_HOST, site.user_writes(name))
    assert any(c.startswith("MAIL FROM:<tester@example.com>")
               for c in site.relay_host.commands)
    content = site.relay_host.contents[-1]
    assert b"\r\nSubject: hello\r\n" in content
    assert b"\r\nFrom: tester@example.com\r\n" in content
    assert not site.far.connections
    # Nothing is delivered here.
    for name in ("tester@desktop20.example.com", *names):
        assert re.fullmatch(BOUNCED, site.user_writes(name))
    assert not site.host.has("/var/mail/tester")


@pytest.mark.parametrize("alone", [False, True], ids=["added", "alone"])
def test_null_client(site, alone):
    write_lines(site, "desktop20.example.com", NULL_CLIENT, alone)
    site.start()
    check_null_client(site, "tester@example.com", *localhost(alone))


def test_setup_null_client(site):
    before = set_up(site, "desktop20.example.com", "null-client")
    site.start()
    check_null_client(site, "tester@localhost")
    # The domain's mail is somebody else's affair.
    for name in ("tester", "tester@example.com"):
        assert re.fullmatch(BY_RELAY_HOST, site.user_writes(name))
    site.stop()
    undo(site, before)


def check_inbound(site, *names):
    assert site.ears() & {"0.0.0.0", "*"}
    taken = ("tester@example.com", "tester@mail.example.com", *names)
    for recipient in taken:
        assert site.delivers(STRANGER, recipient) == \
            "local, 2.0.0, status=sent (delivered to mailbox)"
    assert site.host.mailbox().count("\nSubject: by smtp\n") == len(taken)
    assert site.user_writes("tester") == \
        "local, 2.0.0, status=sent (delivered to mailbox)"
    assert re.fullmatch(r"550 5\.1\.1 <nobody-here@example\.com>: Recipient "
                        "address rejected: User unknown in local recipient "
                        r"table\r\n", site.asks(STRANGER,
                                                "nobody-here@example.com"))
    # It is no relay, not even for the neighbours.
    for source in (STRANGER, NEIGHBOUR):
        assert re.fullmatch(NO_RELAY, site.asks(source, "me@far.example.net"))
    # Its own users' mail to others goes by the relay host.
    assert re.fullmatch(BY_RELAY_HOST, site.user_writes("you@far.example.net"))
    assert not site.far.connections


@pytest.mark.parametrize("alone", [False, True], ids=["added", "alone"])
def test_inbound(site, alone):
    write_lines(site, "mail.example.com", INBOUND, alone)
    site.start()
    check_inbound(site, *localhost(alone))


def test_setup_inbound(site):
    before = set_up(site, "mail.example.com", "inbound")
    site.start()
    check_inbound(site, "tester@localhost")
    site.stop()
    undo(site, before)


def check_relay(site, *names):
    assert site.ears() & {"0.0.0.0", "*"}
    assert re.fullmatch(BY_MX, site.delivers(
        NEIGHBOUR, "you@far.example.net", "ana@example.com"))
    assert "MAIL FROM:<ana@example.com>" in site.far.commands[1]
    assert re.fullmatch(BY_MX, site.user_writes("you@far.example.net"))
    assert re.fullmatch(NO_RELAY, site.asks(STRANGER, "you@far.example.net"))
    assert not site.relay_host.connections
    for name in ("tester@smtp.example.com", *names):
        assert re.fullmatch(NO_USERS, site.asks(NEIGHBOUR, name))
        assert re.fullmatch(NO_USERS, site.asks(STRANGER, name))
        assert re.fullmatch(BOUNCED, site.user_writes(name))
    assert not site.host.has("/var/mail/tester")


@pytest.mark.parametrize("alone", [False, True], ids=["added", "alone"])
def test_relay(site, alone):
    write_lines(site, "smtp.example.com", RELAY, alone)
    site.start()
    check_relay(site, *localhost(alone))


def test_setup_relay(site):
    before = set_up(site, "smtp.example.com", "relay")
    # The network was found.
    assert site.host.run("postconf", "-h", "mynetworks") == \
        "192.168.0.0/24, 127.0.0.0/8, [::1]/128\n"
    site.start()
    check_relay(site, "tester@localhost")
    site.stop()
    undo(site, before)


def test_setup_internet(site):
    before = set_up(site, "www.example.com", "internet")
    site.start()
    assert site.ears() & {"0.0.0.0", "*"}
    assert site.delivers(STRANGER, "tester@www.example.com") == \
        "local, 2.0.0, status=sent (delivered to mailbox)"
    assert re.fullmatch(BY_MX, site.user_writes("you@far.example.net"))
    for source in (STRANGER, NEIGHBOUR):
        assert re.fullmatch(NO_RELAY, site.asks(source, "you@far.example.net"))
    site.stop()
    undo(site, before)


def test_setup_again(site):
    """One role after another, while the system runs."""
    site.host.run("hostname", "desktop20.example.com")
    site.setup("null-client")
    site.start()
    said = site.setup("internet")
    assert "\nNow: postfix reload\n" in said
    site.host.run("postfix", "reload")
    everybody = {"0.0.0.0", "*"}
    site.host.wait_for(lambda: site.ears() & everybody, "it hears nobody")
    site.network.smtp(STRANGER).close()
    site.host.smtp("tester@desktop20.example.com", "a role later")
    site.host.wait_mail("a role later")
    # And back.
    site.setup("null-client")
    site.host.run("postfix", "reload")
    site.host.wait_for(lambda: not site.ears() & everybody, "it hears all")
    assert site.ears() and not re.search("error|fatal", site.host.log())
    with pytest.raises(ConnectionRefusedError):
        site.network.smtp(NEIGHBOUR)
    assert re.fullmatch(BY_RELAY_HOST, site.user_writes("you@far.example.net"))
