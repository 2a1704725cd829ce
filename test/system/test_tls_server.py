# SPDX-License-Identifier: ISC
"""TLS as clients of smtpd see it: wrapped, and with STARTTLS."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from lib import instance

TLS = r"TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256/256 bits\)"
# ssl has no word for the group, so ECDSA and X25519 come from our side.
DETAILS = (r"key-exchange X25519 server-signature ECDSA \(prime256v1\) "
           r"server-digest SHA256")


def context(**settings):
    c = ssl.create_default_context()
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(c, name, value)
    return c


class Secure(instance.Smtp):
    """A dialogue inside TLS."""

    def __init__(self, sock, greet, **options):
        # pylint: disable=super-init-not-called
        self.socket = context(**options.pop("context", {})).wrap_socket(
            sock, **options)
        self.file = self.socket.makefile("rb")
        self.banner = self.reply() if greet else None


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), 10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def wrapped(mail, **options):
    return Secure(connect(mail.base + 65), True, **options)


def starttls(mail, behind="", port=None, **options):
    smtp = instance.Smtp(port or mail.port)
    smtp.command("EHLO client.example", 250)
    smtp.write("STARTTLS\r\n" + behind)
    assert smtp.reply() == "220 2.0.0 Ready to start TLS\r\n"
    return Secure(smtp.socket, False, **options)


def box_of(mail):
    return mail.mailbox().decode()


def certificate(port):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        with context().wrap_socket(s) as t:
            return t.getpeercert(binary_form=True)


@pytest.fixture
def mail(make_instance):
    return make_instance()


def test_both_ways(mail):
    mail.configure("smtpd_tls_received_header = yes")
    mail.start()
    with wrapped(mail) as smtp:
        assert "STARTTLS" not in smtp.command("EHLO one.example", 250)
        smtp.envelope("me@example.com", [mail.user])
        assert smtp.data("Subject: wrapped\n\nhello\n").code == 250
        smtp.command("QUIT", 221)
    with starttls(mail) as smtp:
        assert "STARTTLS" not in smtp.command("EHLO two.example", 250)
        smtp.envelope("me@example.com", [mail.user])
        assert smtp.data("Subject: by command\n\n"
                         + "x" * 70000 + "\n").code == 250
        smtp.command("QUIT", 221)
    box = mail.wait_for(lambda: "by command" in (
        b := box_of(mail).replace("\t", " ")) and b)
    for name in ("one", "two"):
        assert re.search(
            rf"(?m)^Received: from {name}\.example \(\S+ \[127\.0\.0\.1\]\)\n"
            rf" \(using {TLS}\n  {DETAILS}\)\n"
            r" \(No client certificate requested\)\n"
            r" by \S+ \(Postfix\) with ESMTPS id \w+\n for <", box)
    for counts in ("ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
                   "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"):
        mail.wait_for(lambda: mail.log_lines(f" {counts}"))
    assert mail.log_lines(r"postfix/smtps/smtpd\[\d+\]: Anonymous TLS "
                          rf"connection established from \S+: {TLS} "
                          rf"{DETAILS}$")


def test_old_and_new(mail):
    mail.configure("smtpd_tls_protocols = >=TLSv1.2",
                   "smtpd_tls_received_header = yes")
    mail.start()
    with starttls(mail, context={
            "maximum_version": ssl.TLSVersion.TLSv1_2}) as smtp:
        smtp.command("HELO old.example", 250)
        smtp.envelope("me@example.com", [mail.user])
        smtp.data("Subject: x\n\nhello\n")
    box = mail.wait_for(lambda: box_of(mail))
    assert re.search(r"\(using TLSv1\.2 with cipher ECDHE-ECDSA-AES256-GCM-"
                     r"SHA384 \(256/256 bits\)\)\n\s+\(No client certificate "
                     r"requested\)\n\s+by \S+ \(Postfix\) with SMTP id", box)
    # Nobody may speak what is not allowed.
    old = context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.options &= ~ssl.OP_NO_TLSv1_1
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    smtp = instance.Smtp(mail.port)
    smtp.command("STARTTLS", 220)
    with pytest.raises(ssl.SSLError):
        old.wrap_socket(smtp.socket)
    # The mandatory ones are another list; as it is, it allows this.
    old.wrap_socket(connect(mail.base + 65)).close()


def test_what_is_pipelined_behind_starttls_is_lost(mail):
    mail.start()
    with starttls(mail, behind="EHLO evil\r\nMAIL FROM:<evil@example.com>\r\n"
                  "RCPT TO:<root>\r\nDATA\r\n") as smtp:
        assert smtp.command("DATA").code == 503
        assert smtp.command(f"RCPT TO:<{mail.user}>").code == 503
        smtp.command("MAIL FROM:<me@example.com>", 250)
        assert smtp.command("STARTTLS") == \
            "554 5.5.1 Error: TLS already active\r\n"
    assert "evil" not in mail.log()


def test_a_transaction_ends_with_starttls(mail):
    mail.start()
    smtp = instance.Smtp(mail.port)
    smtp.command("EHLO a", 250)
    smtp.envelope("me@example.com", [mail.user])
    smtp.command("STARTTLS", 220)
    smtp = Secure(smtp.socket, False)
    assert smtp.command("DATA").code == 503
    smtp.command("EHLO b", 250)
    smtp.envelope("me@example.com", [mail.user])
    assert smtp.data("Subject: after\n\nx\n").code == 250
    mail.wait_for(lambda: "with ESMTPS" in box_of(mail))
    assert box_of(mail).count("Received:") == 1


def test_much_at_once(mail):
    """More than one record, more than a socket takes, and pipelined."""
    mail.configure("smtpd_junk_command_limit = 100000")
    mail.start()
    with wrapped(mail) as smtp:
        smtp.command("EHLO c", 250)
        n = 20000

        def feed():
            smtp.write("RSET\r\n" * n + "QUIT\r\n")
        t = threading.Thread(target=feed)
        t.start()
        time.sleep(0.5)
        for _ in range(n):
            assert smtp.reply().code == 250
        assert smtp.reply().code == 221
        assert smtp.file.read() == b""
        t.join()


def unread(port, client):
    """How many bytes of the client wait for the server to read them."""
    ends = f":{port:04X} 0100007F:{client.getsockname()[1]:04X} "
    with open("/proc/net/tcp", encoding="ascii") as f:
        line = next(line for line in f if ends in line)
    return int(line.split()[4].split(":")[1], 16)


@pytest.mark.parametrize("port, tls", [(25, False), (65, True)])
def test_a_client_that_does_not_listen_for_a_while(mail, port, tls):
    """It is not read from then, but again when it listens."""
    mail.configure("smtpd_junk_command_limit = 1000000",
                   "smtpd_timeout = 10s")
    mail.start()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", mail.base + port))
        s = context().wrap_socket(s) if tls else s
        s.settimeout(9)
        file = s.makefile("rb")
        assert file.readline().startswith(b"220 ")
        sent = 0

        def is_ignored(wait):
            time.sleep(wait)
            return unread(mail.base + port, s)
        # A batch of replies is less than the server waits to send.
        while not (is_ignored(0.003) and is_ignored(0.1)):
            s.sendall(b"EHLO c\r\n" * 90)
            sent += 90
            assert sent < 100000
        for _ in range(sent):
            while not (line := file.readline()).startswith(b"250 "):
                assert line.startswith(b"250-")
        file.close()


def test_encrypt(mail):
    mail.configure("smtpd_tls_security_level = encrypt")
    mail.start()
    must = "530 5.7.0 Must issue a STARTTLS command first\r\n"
    with instance.Smtp(mail.port) as smtp:
        assert "STARTTLS" in smtp.command("EHLO c", 250)
        for command in ("MAIL FROM:<me@example.com>", "RSET", "VRFY root"):
            assert smtp.command(command) == must
        smtp.command("NOOP", 250)
        assert smtp.command("STARTTLS now").code == 501
        smtp.command("QUIT", 221)
    with starttls(mail) as smtp:
        smtp.command("EHLO c", 250)
        smtp.command("MAIL FROM:<me@example.com>", 250)
    assert "starttls=0/1" in mail.log()


def test_off(mail):
    mail.configure("smtpd_tls_security_level =")
    mail.start()
    with instance.Smtp(mail.port) as smtp:
        assert "STARTTLS" not in smtp.command("EHLO c", 250)
        assert smtp.command("STARTTLS") == \
            "502 5.5.1 Error: command not implemented\r\n"
    # The old spelling, and the port that has TLS in any case.
    mail.configure("smtpd_use_tls = yes")
    mail.postfix("reload")
    mail.wait_for(lambda: "STARTTLS" in ehlo(mail))
    wrapped(mail).close()


def ehlo(mail):
    with instance.Smtp(mail.port) as smtp:
        return smtp.command("EHLO c", 250)


def test_bad_key_then_a_good_one(mail):
    """Both ways stay closed, but for plain mail; a reload is enough."""
    key = os.path.join(mail.etc, "tls-key.pem")
    shutil.move(key, key + ".kept")
    with open(key, "w", encoding="ascii") as f:
        f.write("no key\n")
    mail.start()
    with instance.Smtp(mail.port) as smtp:
        smtp.command("EHLO c", 250)
        assert smtp.command("STARTTLS") == \
            "454 4.7.0 TLS not available due to local problem\r\n"
        smtp.command("MAIL FROM:<me@example.com>", 250)
    with connect(mail.base + 65) as s:
        assert s.recv(100) == b""
    log = mail.log()
    assert f'warning: cannot get RSA private key from file "{key}": ' \
        "disabling TLS support" in log
    assert re.search(
        r"warning: Wrapper-mode request dropped from \S+ for service \d+\. "
        "TLS context initialization failed. For details see earlier warnings "
        "in your logs.", log)
    shutil.move(key + ".kept", key)
    mail.postfix("reload")

    def works():
        try:
            wrapped(mail).close()
            return True
        except OSError:
            return False
    mail.wait_for(works)
    starttls(mail).close()


def test_reload_with_a_new_certificate(mail):
    mail.start()
    old = certificate(mail.base + 65)
    session = wrapped(mail)
    for name in ("tls-key.pem", "tls-cert.pem"):
        os.remove(os.path.join(mail.etc, name))
    other = os.path.join(mail.directory, "other")
    mail.tool("chasqui", "instance", other)
    for name in ("tls-key.pem", "tls-cert.pem"):
        shutil.copy(os.path.join(other, "etc", name), mail.etc)
    assert certificate(mail.base + 65) == old
    mail.postfix("reload")
    mail.wait_for(lambda: certificate(mail.base + 65) != old)
    with open(os.path.join(other, "etc", "tls-cert.pem"),
              encoding="ascii") as f:
        assert certificate(mail.base + 65) == \
            ssl.PEM_cert_to_DER_cert(f.read())
    # Those who were there stay.
    session.command("EHLO still", 250)
    session.close()


def test_tickets_are_for_one_service(mail):
    """TLS 1.2: Python only shows its session there before any data."""
    mail.configure("smtpd_processes = 1")
    mail.configure_master(
        f"127.0.0.1:{mail.base + 66} inet n - n - - smtpd",
        "  -o smtpd_tls_wrappermode=yes")
    mail.start()
    c = context(maximum_version=ssl.TLSVersion.TLSv1_2)
    first = c.wrap_socket(connect(mail.base + 65))
    session = first.session
    assert session.has_ticket
    for port, reused in ((65, True), (66, False), (65, True)):
        with c.wrap_socket(connect(mail.base + port), session=session) as t:
            assert t.session_reused is reused
            assert t.recv(3) == b"220"
    first.close()
    # A reload makes new keys.
    mail.postfix("reload")

    def forgotten():
        with c.wrap_socket(connect(mail.base + 65), session=session) as t:
            return not t.session_reused
    mail.wait_for(forgotten)


def test_bad_clients(mail):
    """Garbage, half a handshake, slow ones: nobody else notices."""
    mail.configure("smtpd_starttls_timeout = 2s")
    mail.start()
    slow = connect(mail.base + 65)
    silent = instance.Smtp(mail.port)
    silent.command("EHLO c", 250)
    silent.command("STARTTLS", 220)
    began = time.monotonic()
    hello = client_hello()

    def drip():
        """A byte now and then does not buy time."""
        try:
            for byte in hello:
                slow.sendall(bytes([byte]))
                time.sleep(0.2)
        except OSError:
            pass
    t = threading.Thread(target=drip)
    t.start()
    for text in (b"EHLO clear text\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 300,
                 b"\x80" * 1000, hello[:-7], b""):
        with connect(mail.base + 65) as s:
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            while s.recv(1000):
                pass
    with wrapped(mail) as smtp:
        smtp.command("NOOP", 250)
    assert silent.file.read() == b""
    assert 1.5 < time.monotonic() - began < 8
    t.join()
    log = mail.wait_for(
        lambda: mail.log().count("Connection timed out") == 2 and mail.log())
    assert "SSL_accept error from localhost[127.0.0.1]: lost connection" in log
    assert "SSL_accept error from localhost[127.0.0.1]: -1" in log
    assert "warning: TLS library problem: error:0A00010B:SSL routines::" \
        "wrong version number:" in log
    assert "lost connection after STARTTLS from localhost[127.0.0.1]" in log
    assert "lost connection after CONNECT from localhost[127.0.0.1]" in log
    assert "starttls=0/1" in log
    assert "exit status" not in log and "killed by" not in log


def client_hello():
    """What a client says first."""
    to_server = ssl.MemoryBIO()
    client = context().wrap_bio(ssl.MemoryBIO(), to_server)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return to_server.read()


@pytest.mark.program("openssl")
def test_no_renegotiation(mail):
    mail.start()
    with subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{mail.base + 65}",
             "-tls1_2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as client:
        watchdog = threading.Timer(20, client.kill)
        watchdog.start()
        said = b""
        while b"220 " not in said:  # or it would hinder the handshake
            said += client.stdout.read1() or pytest.fail(repr(said))
        client.stdin.write(b"R\n")
        client.stdin.flush()
        said += client.stdout.read()  # it gives up by itself
        watchdog.cancel()
    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said
    assert b"Compression: NONE" in said


@pytest.mark.program("openssl")
def test_client_certificates(mail):
    key, cert = (os.path.join(mail.directory, n) for n in ("key", "cert"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
         "-subj", "/CN=a) client (x"], stderr=subprocess.DEVNULL, check=True)
    os.chmod(key, 0o644)
    mail.configure(
        "smtpd_tls_received_header = yes", "smtpd_tls_req_ccert = yes",
        "smtpd_tls_security_level = encrypt", f"smtpd_tls_CAfile = {cert}")
    mail.start()
    with starttls(mail) as smtp:
        assert re.fullmatch(r"421 4\.7\.1 \S+ Error: No client certificate "
                            r"presented\r\n", smtp.command("EHLO x"))
    c = context()
    c.load_cert_chain(cert, key)
    smtp = instance.Smtp(mail.port)
    smtp.command("STARTTLS", 220)
    smtp.socket = c.wrap_socket(smtp.socket)
    smtp.file = smtp.socket.makefile("rb")
    smtp.command("EHLO x", 250)
    smtp.envelope("me@example.com", [mail.user])
    assert smtp.data("Subject: x\n\nhello\n").code == 250
    box = mail.wait_for(lambda: box_of(mail))
    assert '(Client CN "a? client (x", Issuer "a? client (x" ' \
        "(verified OK))" in box
    assert "client-signature ECDSA (prime256v1) client-digest SHA256" in box
    log = mail.log()
    assert "Trusted TLS connection established from" in log
    assert "NOQUEUE: abort: TLS from localhost[127.0.0.1]: " \
        "No client certificate presented" in log


@pytest.mark.root
def test_who_has_the_keys(mail):
    """smtpd cannot read the key, and nobody else was given it."""
    mail.start()
    wrapped(mail).close()
    holders = set()
    for p in mail.processes():
        links = [os.readlink(f"/proc/{p.pid}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{p.pid}/fd")]
        with open(f"/proc/{p.pid}/maps", encoding="ascii") as f:
            links.append(f.read())
        if any("memfd:keys" in text for text in links):
            holders.add(p.name)
        if p.name == "smtpd":
            with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
                status = f.read()
            assert re.search(r"(?m)^Uid:\t[1-9]", status)
            assert re.search(r"(?m)^Seccomp:\t2", status)
    assert holders == {"master", "smtpd"}
    key = os.path.join(mail.etc, "tls-key.pem")
    assert os.stat(key).st_mode & 0o777 == 0o600
