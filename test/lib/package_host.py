# SPDX-License-Identifier: ISC
"""What the tests of the Debian package have in common: the package, and a
system (see debroot.py) to install it in."""

import os
import re
import subprocess
import time

from . import debroot, instance

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


def build(folder):
    """The package, of the programs that the other tests run."""
    result = subprocess.run(
        ["tools/deb.sh", instance.BUILD], cwd=instance.ROOT,
        env=dict(os.environ, DEB_DIR=str(folder), COMPRESS="-Znone"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    return result.stdout.splitlines()[-1]


class Host(debroot.DebRoot):
    """With the words that these tests are made of."""

    def __init__(self, package, systemd=False):
        super().__init__(systemd)
        self.sh(QUICK)
        self.package = self.put(package)

    def make_fresh(self):
        """A system that never had mail."""
        self.sh(r"""
	dpkg-query -W -f '${Package}\n' 'postfix*' 2>/dev/null |
	    xargs -r dpkg --force-depends --purge >/dev/null 2>&1
	rm -rf /etc/postfix /etc/chasqui /etc/aliases* /var/spool/postfix
	rm -f /etc/nail.rc /etc/s-nail.rc
	""")

    def install(self):
        """apt-get would do the same, and take five times as long. (That
        something may need a mail system is known.)"""
        if debroot.BASE != "/":
            return self.run("apt-get", "install", "-y", self.package)
        return self.sh(r"""
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'postfix*' \
	    2>/dev/null | sed -n 's/^installed //p' | xargs -r dpkg --force-depends -r
	dpkg -i "$0"
	""", self.package)

    def remove(self, purge=False):
        return self.run("dpkg", "--force-depends",
                        "--purge" if purge else "--remove", "chasqui")

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


def program_runs(host, name):
    return name in host.run("ps", "-eo", "comm").split()


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


def check_gone(host):
    """Nothing is in the way of another mail system."""
    left = host.sh("dpkg -L chasqui 2>/dev/null || true")
    for path in left.split():
        assert not host.has(path) or host.run(
            "test", "-d", path, check=False).returncode == 0 or \
            path.startswith("/etc/"), path
    for alias in ("postfix", "sendmail"):
        assert not host.has(f"/etc/systemd/system/{alias}.service")
    assert host.run("readlink", "/etc/postfix", check=False).stdout == ""
    assert "chasqui" not in host.sh(
        "ls /etc/systemd/system/*.wants 2>/dev/null || true")
    assert "postdrop" not in host.sh("dpkg-statoverride --list")
