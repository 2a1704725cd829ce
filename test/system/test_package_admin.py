# SPDX-License-Identifier: ISC
"""What courses about Postfix let administrators type and write, on a system
on which our package was just installed."""

import re
import ssl

import pytest

from lib import debroot, lan
from lib.package_host import Host

WHY_NOT = debroot.why_not() or lan.why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

# What "postconf -n" says on the notes' own machine.
OLD_MAIN_CF = """\
alias_database = hash:/etc/aliases
alias_maps = hash:/etc/aliases
command_directory = /usr/sbin
config_directory = /etc/postfix
daemon_directory = /usr/libexec/postfix
data_directory = /var/lib/postfix
debug_peer_level = 2
debugger_command = PATH=/bin:/usr/bin:/usr/local/bin:/usr/X11R6/bin ddd \
$daemon_directory/$process_name $process_id & sleep 5
html_directory = no
inet_interfaces = localhost
inet_protocols = all
mail_owner = postfix
mailq_path = /usr/bin/mailq.postfix
manpage_directory = /usr/share/man
mydestination = $myhostname, localhost.$mydomain, localhost
newaliases_path = /usr/bin/newaliases.postfix
queue_directory = /var/spool/postfix
readme_directory = /usr/share/doc/postfix-2.10.1/README_FILES
sample_directory = /usr/share/doc/postfix-2.10.1/samples
sendmail_path = /usr/sbin/sendmail.postfix
setgid_group = postdrop
unknown_local_recipient_reject_code = 550
"""

ALIASES = """\
#
#  Aliases in this file will NOT be expanded in the header from
#  Mail, but WILL be visible over networks or from /bin/mail.
#
#	>>>>>>>>>>	The program "newaliases" must be run after
#	>> NOTE >>	this file is updated for any changes to
#	>>>>>>>>>>	show through to sendmail.
#

# Basic system aliases -- these MUST be present.
mailer-daemon:	postmaster
postmaster:	root

# General redirections for pseudo accounts.
bin:		root
daemon:		root
adm:		root
lp:		root
sync:		root
shutdown:	root
halt:		root
mail:		root
ftp:		root
nobody:		root
amandabackup:		root
xfs:		root
gdm:		root


lpic1:  root


# trap decode to catch security attacks
decode:		root

# Person who should get root's mail
#root:		marc
root:    tester
fakename: realname
"""
FROM_ALIASES = ("mailer-daemon", "postmaster", "bin", "gdm", "lpic1", "decode")


@pytest.fixture
def host(package):
    with Host(package) as one:
        one.make_fresh()
        one.run("hostname", "centos7.localdomain")
        one.install()
        one.sh("""
	useradd -m realname
	postconf -e append_dot_mydomain=yes
        """)
        yield one


def status(host):
    return host.run("postfix", "status", check=False).returncode


def test_commands(host):
    """postfix, postqueue, postconf."""
    assert status(host) == 1
    assert host.sh("postfix check; echo $?") == "0\n"
    host.run("postfix", "start")
    assert status(host) == 0
    assert host.run("postfix", "flush") == ""
    assert host.run("postfix", "reload") == ""
    assert host.run("mailq") == host.run("postqueue", "-p") == \
        "Mail queue is empty\n"
    assert host.run("postqueue", "-f") == ""
    host.run("postfix", "stop")
    assert status(host) == 1
    host.run("postfix", "start")
    host.run("postfix", "abort")
    host.wait_for(lambda: status(host) == 1, "it was not aborted")

    presets = host.run("postconf", "-d").splitlines()
    assert "inet_interfaces = all" in presets and len(presets) > 900
    values = host.run("postconf", "-v").splitlines()
    assert "inet_interfaces = loopback-only" in values
    assert len(values) == len(presets)
    assert host.run("postconf", "-e", "mydestination=mindns.es") == ""
    assert host.run("postconf", "-n", "mydestination") == \
        "mydestination = mindns.es\n"
    # Where users and units look.
    host.run("postfix", "start")
    host.sh("printf 'Subject: from bin\\n\\nx\\n' | "
            "su tester -c '/usr/bin/sendmail tester@mindns.es'")
    host.wait_mail("from bin")


def test_two_configurations(host):
    """What does not count is named."""
    assert "not used" not in host.run("postfix", "check")
    host.sh("""
	rm /etc/postfix
	mkdir /etc/postfix
	echo myorigin = example.com >/etc/postfix/main.cf
    """)
    assert host.run("postfix", "check") == (
        "postfix/postfix-script: warning: not used: /etc/postfix/main.cf, "
        "because there is /etc/chasqui/main.cf\n")


def test_where_the_log_is(host):
    """A reload changes it, to a file of our own and back."""
    host.run("postfix", "start")
    host.run("postconf", "-e", "maillog_file = /var/log/maillog")
    host.run("postfix", "reload")

    def in_file():
        return host.run("cat", "/var/log/maillog", check=False).stdout
    host.wait_for(lambda: "reload -- version" in host.log(), "no reload")
    host.smtp("tester", "into the file")
    host.wait_mail("into the file")
    for program in ("smtpd", "qmgr", "local"):
        host.wait_for(lambda p=program: f" postfix/{p}[" in in_file(),
                      f"{program} is silent")
    host.run("postconf", "-e", "maillog_file =", "syslog_name = letters")
    host.run("postfix", "reload")
    host.wait_for(lambda: "reload -- version" in in_file(), "no reload")
    host.smtp("tester", "into the other")
    host.wait_mail("into the other")
    for program in ("smtpd", "qmgr", "local"):
        host.wait_for(lambda p=program: f" letters/{p}[" in host.log(),
                      f"{program} is silent")
    assert "letters" not in in_file()


def test_an_old_main_cf(host):
    """As Postfix 2.10 had it: its places, its owner, no lists."""
    host.sh("cat >/etc/postfix/main.cf", input=OLD_MAIN_CF)
    assert host.run("postconf", "-n") == OLD_MAIN_CF
    # Such a machine has the user.
    host.sh("useradd --system postfix")
    assert "fatal" not in host.run("postfix", "check")
    host.run("postfix", "start")
    host.smtp("tester", "by smtp")
    host.wait_mail("by smtp")
    host.sh("printf 'Subject: by hand\\n\\nx\\n' | "
            "su tester -c 'sendmail tester'")
    host.wait_mail("by hand")
    assert host.has("/var/spool/postfix/log")
    assert host.sh("postconf -m | grep -w sqlite || true") == "sqlite\n"


def test_a_configuration_that_stops_smtp_only(host):
    """Nothing guards against relaying: local users write all the same."""
    host.run("postconf", "-e", "smtpd_relay_restrictions =")
    host.run("postfix", "start")
    host.sh("printf 'Subject: local\\n\\nx\\n' | sendmail tester")
    host.wait_mail("local")
    said = host.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/25; printf "
                    "'EHLO x\\r\\nMAIL FROM:<a@b.example>\\r\\n"
                    "RCPT TO:<tester>\\r\\nQUIT\\r\\n' >&3; cat <&3")
    assert "\n451 4.3.5 " in said.replace("\r", "")
    assert "specify at least one working instance" in host.log()


def listed(host, pattern):
    """Both may be of the same moment: sorted by name, not by time."""
    return sorted(
        re.match(r"-rw-r--r--\.? 1 root root +\d+ .* (\S+)$", line)[1]
        for line in host.sh(f"ls -ltr {pattern}").splitlines())


@pytest.mark.parametrize("command", [["newaliases"],
                                     ["postalias", "/etc/aliases"]])
def test_aliases(host, command):
    host.sh("rm /etc/aliases.db; cat >/etc/aliases", input=ALIASES)
    assert host.run(*command) == ""
    assert listed(host, "/etc/aliases*") == ["/etc/aliases", "/etc/aliases.db"]
    host.run("postfix", "start")
    for name in FROM_ALIASES:
        host.smtp(name, f"to {name}")
    for name in FROM_ALIASES:
        host.wait_mail(f"to {name}")
    host.smtp("fakename", "a name")
    host.wait_mail("a name", "realname")


def test_virtual_domains(host):
    host.sh("cat >/etc/postfix/virtual",
            input="tester@rrhh.mindns.es tester\n"
                  "phb@ventas.mindns.es tester\n")
    host.sh("""
	postmap /etc/postfix/virtual
	postconf -e 'virtual_alias_domains = rrhh.mindns.es, ventas.mindns.es' \\
	    'virtual_alias_maps = hash:/etc/postfix/virtual'
    """)
    assert listed(host, "/etc/postfix/virtual*") == \
        ["/etc/postfix/virtual", "/etc/postfix/virtual.db"]
    host.run("postfix", "start")
    for address in ("tester@rrhh.mindns.es", "phb@ventas.mindns.es"):
        host.smtp(address, f"to {address}")
        host.wait_mail(f"to {address}")


def test_limits(host):
    """Of messages, when they are announced; of mailboxes."""
    host.run("postconf", "-e", "message_size_limit = 3000",
             "mailbox_size_limit = 4000")
    host.run("postfix", "start")
    said = host.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/25; printf "
                    "'EHLO x\\r\\nMAIL FROM:<a@b.example> SIZE=3001\\r\\n"
                    "QUIT\\r\\n' >&3; cat <&3").replace("\r", "")
    assert "\n250-SIZE 3000\n" in said
    assert "\n552 5.3.4 Message size exceeds fixed limit\n" in said
    text = "Subject: {}\n\n" + ("x" * 69 + "\n") * 36
    host.run("sendmail", "tester", input=text.format("fits"))
    host.wait_mail("fits")
    host.run("sendmail", "tester", input=text.format("does not"))
    host.wait_for(lambda: re.search(
        r"dsn=5\.2\.2, status=bounced \(cannot update mailbox "
        r"/var/mail/tester for user tester\. error writing message: "
        r"File too large\)", host.log()), "it was not bounced")
    assert "Subject: does not" not in host.mailbox()


# TLS: a certificate, a key, and how much of it is wanted

CERTIFICATE = """
cd /etc/postfix
openssl req -new -x509 -nodes -newkey rsa:2048 -days 365 \
    -subj /CN=centos7.localdomain -keyout key.pem -out cert.pem 2>/dev/null
chmod 600 key.pem
postconf -e smtpd_tls_cert_file=/etc/postfix/cert.pem \
    smtpd_tls_key_file=/etc/postfix/key.pem \
    inet_interfaces=all "smtpd_tls_security_level=$0"
postfix start
"""


def start_tls(session):
    session.command("STARTTLS", 220)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session.file.close()
    session.socket = context.wrap_socket(session.socket)
    session.file = session.socket.makefile("rb")


@pytest.mark.parametrize("level", ["may", "encrypt"])
def test_tls(host, level, tmp_path):
    if host.run("sh", "-c", "command -v openssl", check=False).returncode:
        pytest.skip("no openssl there")
    host.sh(CERTIFICATE, level)
    with lan.Lan(host, {}, ["203.0.113.9"], tmp_path) as network:
        with network.smtp("203.0.113.9") as smtp:
            assert "250-STARTTLS" in smtp.command("EHLO mydom.com", 250)
            plain = smtp.command("MAIL FROM:<yo@mydom.com>")
        with network.smtp("203.0.113.9") as smtp:
            start_tls(smtp)
            assert "STARTTLS" not in smtp.command("EHLO mydom.com", 250)
            smtp.envelope("yo@mydom.com", ["tester@centos7.localdomain"])
            assert smtp.data("Subject: secret\n\nx\n").code == 250
    if level == "may":
        assert plain.code == 250
    else:
        assert plain == "530 5.7.0 Must issue a STARTTLS command first\r\n"
    host.wait_mail("secret")
    assert "(Postfix) with ESMTPS id" in host.mailbox()
