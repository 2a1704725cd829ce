# SPDX-License-Identifier: ISC
"""The Debian package, in a Debian system of its own: in the place of Postfix,
on a fresh system, and off again. See test/lib/debroot.py."""

import glob
import os
import re
import subprocess
import time

import pytest

from lib import debroot, instance

pytestmark = pytest.mark.skipif(
    debroot.why_not() is not None, reason=debroot.why_not() or "")

# dpkg flushes every file, and man-db looks at every page: not here.
QUICK = """
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/quick
rm -f /var/lib/man-db/auto-update
getent passwd tester >/dev/null || useradd -m -s /bin/sh tester
"""
# What changes when Postfix's own packages go.
NOT_OURS = r"/etc/postfix/(dynamicmaps\.cf.*|sasl.*)"

SMTP = r"""
exec 3<>/dev/tcp/127.0.0.1/25
expect() {
	while read -r line <&3; do
		echo "$line"
		case $line in
		???-*) ;;
		$1*) return ;;
		*) exit 1 ;;
		esac
	done
	exit 1
}
say() {
	printf '%s\r\n' "$1" >&3
	expect "$2"
}
expect 220
say "EHLO client.example" 250
say "MAIL FROM:<$1>" 250
say "RCPT TO:<$2>" 250
say DATA 354
printf 'Subject: %s\r\n\r\nhello\r\n' "$3" >&3
say . 250
say QUIT 221
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Of the programs that the other tests run."""
    folder = tmp_path_factory.mktemp("deb")
    result = subprocess.run(
        ["tools/deb.sh", instance.BUILD], cwd=instance.ROOT,
        env=dict(os.environ, DEB_DIR=str(folder), COMPRESS="-Znone"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    return result.stdout.splitlines()[-1]


class Host(debroot.DebRoot):
    """With the words that these tests are made of."""

    def __init__(self, package):
        super().__init__()
        self.sh(QUICK)
        self.package = self.put(package)

    def install(self):
        return self.run("apt-get", "install", "-y", self.package)

    def has(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0

    def smtp(self, recipient, subject, sender="me@example.com"):
        return self.run("bash", "-c", SMTP, "smtp", sender, recipient,
                        subject)

    def mailbox(self, user="tester"):
        return self.run("cat", f"/var/mail/{user}", check=False).stdout

    def wait_mail(self, subject, user="tester"):
        self.wait_for(lambda: f"\nSubject: {subject}\n" in self.mailbox(user),
                      f"no mail {subject!r}")

    def wait_for(self, condition, what, timeout=60):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what} within {timeout} s\n"
                                     + self.log()[-5000:])
            time.sleep(0.05)

    def tree(self, folder):
        """Everything about the files below it that a reader can see."""
        listing = self.sh(
            f"cd / && find {folder} ! -type d -printf '%p %y %m %u %g %s %T@ %l\\n' "
            f"| sort; find {folder} -type f | sort | xargs -r md5sum")
        return [line for line in listing.splitlines()
                if not re.search(NOT_OURS, line)]


@pytest.fixture
def host(package):
    with Host(package) as one:
        yield one


def program_runs(host, name):
    return name in host.run("ps", "-eo", "comm").split()


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


def check_gone(host):
    """Nothing is in the way of another mail system."""
    left = host.sh("dpkg -L chasqui 2>/dev/null || true")
    for path in left.split():
        assert not host.has(path) or host.run(
            "test", "-d", path, check=False).returncode == 0 or \
            path.startswith("/etc/"), path
    assert not host.has("/etc/systemd/system/postfix.service")
    assert "chasqui" not in host.sh("ls /etc/systemd/system/*.wants")
    assert "postdrop" not in host.sh("dpkg-statoverride --list")


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


def postfix_is_there(host):
    return host.run("dpkg-query", "-W", "-f", "${db:Status-Status}",
                    "postfix", check=False).stdout == "installed"


def configure_postfix(host):
    """As an administrator has it; and mail that waits."""
    host.sh("""
	test -e /etc/postfix/main.cf || cp /usr/share/postfix/main.cf.debian \
	    /etc/postfix/main.cf
	postconf -e myhostname=mail.example.test mydestination=\\$myhostname,localhost \
	    inet_interfaces=loopback-only inet_protocols=ipv4 \
	    mailbox_command= 'alias_maps=hash:/etc/aliases' \
	    recipient_delimiter=+ default_transport=smtp \
	    'relayhost=[127.0.0.1]:9' smtputf8_enable=no
	echo '# the last line is mine' >>/etc/postfix/main.cf
	printf 'postmaster: root\\nboss: tester\\n' >/etc/aliases
	newaliases
    """)


def test_in_the_place_of_postfix(host):
    if not postfix_is_there(host):
        pytest.skip("Postfix is not installed")
    configure_postfix(host)
    before = host.tree("/etc/postfix")
    assert len(before) > 4
    said = host.install()
    assert "Removing postfix " in said and not postfix_is_there(host)
    # What is there is the configuration; there is no second one.
    assert not host.has("/etc/chasqui")
    assert host.run("postconf", "-h", "recipient_delimiter") == "+\n"
    check_permissions(host)
    host.run("postfix", "start")
    host.smtp("tester", "by smtp")
    host.wait_mail("by smtp")
    check_sendmail(host)
    check_life(host)
    said = host.run("apt-get", "remove", "-y", "chasqui")
    assert "There is still mail" not in said
    check_gone(host)
    assert host.tree("/etc/postfix") == before
    back_to_postfix(host, before)


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
    """A system that never had mail."""
    host.sh("""
	if dpkg -s postfix >/dev/null 2>&1; then
		apt-get purge -y postfix 'postfix-*' >/dev/null
	fi
	rm -rf /etc/postfix /etc/chasqui /etc/aliases* /var/spool/postfix
    """)
    return host


def test_on_a_fresh_system(fresh):
    fresh.install()
    check_permissions(fresh)
    assert fresh.run("postconf", "-h", "inet_interfaces") == "loopback-only\n"
    assert "\npostmaster:" in "\n" + fresh.run("cat", "/etc/aliases")
    assert fresh.has("/etc/aliases.db")
    assert "chasqui.service" in fresh.run(
        "readlink", "/etc/systemd/system/postfix.service")
    fresh.run("postfix", "start")
    fresh.smtp("tester", "fresh")
    fresh.wait_mail("fresh")
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
    fresh.run("apt-get", "purge", "-y", "chasqui")
    check_gone(fresh)
    assert not fresh.has("/etc/chasqui")
    assert not fresh.has("/var/spool/chasqui")


def purge_keeps_mail(host):
    host.sh("postconf -e 'relayhost = [127.0.0.1]:9'; postfix start")
    host.smtp("you@example.net", "waits")
    host.wait_for(lambda: "status=deferred" in host.log(), "not deferred")
    said = host.run("apt-get", "purge", "-y", "chasqui")
    assert "There is still mail in the queue of chasqui" in said
    assert "holds mail and is not removed" in said
    assert not program_runs(host, "master")
    check_gone(host)
    assert not host.has("/etc/chasqui")
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
