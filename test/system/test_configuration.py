# SPDX-License-Identifier: ISC
"""Files that were made for Postfix: every form is understood, what does
nothing here is told once, what is wrong is told as Postfix tells it, and a
mistake never touches a running system."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from lib import instance

# The services of the stock master.cf files, by the versions that have them.
BASE = """\
pickup    unix  n       -       {c}       60      1       pickup
cleanup   unix  n       -       {c}       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       {c}       1000?   1       tlsmgr
rewrite   unix  -       -       {c}       -       -       trivial-rewrite
bounce    unix  -       -       {c}       -       0       bounce
defer     unix  -       -       {c}       -       0       bounce
trace     unix  -       -       {c}       -       0       bounce
verify    unix  -       -       {c}       -       1       verify
flush     unix  n       -       {c}       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       {c}       -       -       smtp
relay     unix  -       -       {c}       -       -       smtp
{relay}showq     unix  n       -       {c}       -       -       showq
error     unix  -       -       {c}       -       -       error
retry     unix  -       -       {c}       -       -       error
discard   unix  -       -       {c}       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       {c}       -       -       lmtp
anvil     unix  -       -       {c}       -       1       anvil
scache    unix  -       -       {c}       -       1       scache
"""
POSTLOG = "postlog   unix-dgram n  -       n       -       1       postlogd\n"
PIPES = """\
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
uucp      unix  -       n       n       -       -       pipe
  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)
# Other external delivery methods.
ifmail    unix  -       n       n       -       -       pipe
  flags=F user=ftn argv=/usr/lib/ifmail/ifmail -r $nexthop ($recipient)
scalemail-backend unix	-	n	n	-	2	pipe
  flags=R user=scalemail argv=/usr/lib/scalemail/bin/scalemail-store ${nexthop} \
${user} ${extension}
cyrus     unix  -       n       n       -       -       pipe
  flags=DRX user=cyrus argv=/cyrus/bin/deliver -e -r ${sender} -m ${extension} \
${user}
"""
# What the comments of these files offer, on other ports.
SUBMISSION = """\
[127.0.0.1]:{0} inet n -       {c}       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_forbid_unauth_pipelining=no
  -o smtpd_reject_unlisted_recipient=no
  -o local_header_rewrite_clients=static:all
  -o smtpd_client_restrictions=$mua_client_restrictions
  -o smtpd_helo_restrictions=
  -o smtpd_relay_restrictions=permit_mynetworks,reject
  -o milter_macro_daemon_name=ORIGINATING
127.0.0.1:{1} inet n      -       n       -       10      smtpd
  -o content_filter= -o { syslog_name = postfix/reinject }
"""
STOCK = {
    "2.3": {"old": True},
    "2.11": {},
    "3.3": {"relay": "        -o syslog_name=postfix/$service_name\n"},
    "3.4": {"relay": "        -o syslog_name=postfix/$service_name\n",
            "more": POSTLOG},
    "3.11": {"relay": "        -o syslog_name=${multi_instance_name?"
             "{$multi_instance_name}:{postfix}}/$service_name\n",
             "more": POSTLOG},
    "debian": {"relay": "        -o syslog_name=postfix/$service_name\n",
               "chroot": "y", "more": POSTLOG + PIPES},
}


def stock(port, base, relay="", chroot="n", more="", old=False):
    text = f"{port} inet n - {chroot} - - smtpd\n" + BASE.replace(
        "{c}", chroot).replace("{relay}", relay) + more
    if old:
        # pickup and qmgr were named pipes then.
        text = re.sub(r"(?m)^((?:pickup|qmgr) +)unix", r"\1fifo", text)
    return text + SUBMISSION.replace("{0}", str(base + 71)).replace(
        "{1}", str(base + 72)).replace("{c}", chroot)


def write(mail, name, text):
    mode = "wb" if isinstance(text, bytes) else "w"
    with open(os.path.join(mail.etc, name), mode) as f:
        f.write(text)


def read(mail, name):
    with open(os.path.join(mail.etc, name), encoding="utf-8") as f:
        return f.read()


def check(mail):
    """The lines of postfix check, without whose they are."""
    result = mail.postfix("check", check=False)
    return result.returncode, [
        re.sub(r"^\S+/postfix-script: ", "", line).replace(mail.etc, "DIR")
        for line in result.stderr.splitlines()]


@pytest.mark.parametrize("version", STOCK)
def test_stock_services(make_instance, version):
    mail = make_instance("mua_client_restrictions = permit_mynetworks,reject")
    write(mail, "master.cf", stock(mail.port, mail.base, **STOCK[version]))
    code, lines = check(mail)
    assert code == 0
    # Programs are told once, not for each service, and nothing else is.
    rest = [line for line in lines if not re.match(
        r"warning: DIR/master.cf: line \d+: \w+ is not supported: |"
        r"DIR/master.cf: no process of its own here: |"
        r"warning: DIR/master.cf: line \d+: milter_macro_daemon_name is ",
        line)]
    assert not rest, rest
    told = re.findall(r"line \d+: (\S+) is not supported", "\n".join(lines))
    assert len(told) == len(set(told))
    if version not in ("2.3", "debian"):
        return
    mail.start()
    with mail.smtp():
        pass
    with instance.Smtp(mail.base + 72) as smtp:
        assert smtp.banner.code == 220
    mail.send("me@example.com", [mail.user])
    mail.wait_for(lambda: mail.mailbox(mail.user))


def test_services_of_their_own(make_instance):
    """Several smtpd, each with its own overrides."""
    mail = make_instance("mua_helo = reject", "twice = ${thrice?{no}:{b}}",
                         "smtpd_banner = main", "smtpd_client_restrictions =",
                         "smtpd_delay_reject = no")
    a, b, c = (mail.base + n for n in (71, 72, 73))
    mail.configure_master(
        f"[127.0.0.1]:{a} inet n - n - 5 smtpd -o smtpd_banner=first",
        "# a comment between",
        "  -o smtpd_helo_restrictions=$mua_helo",
        f"127.0.0.1:{b} inet n - n - 0 smtpd -v",
        "  -o { smtpd_banner = { second } $twice $service_name }",
        f"localhost:{c} inet n - n - - smtpd -D -o mynetworks=",
        "  -o smtpd_helo_required=yes")
    mail.start()
    for port, banner in ((mail.port, "220 main"), (a, "220 first"),
                         (b, f"220 {{ second }} b 127.0.0.1:{b}"),
                         (c, "220 main")):
        with instance.Smtp(port) as smtp:
            assert smtp.banner.strip() == banner
    with instance.Smtp(a) as smtp:
        assert smtp.command("HELO x").startswith("554 5.7.1 <x>: Helo")
    with instance.Smtp(c) as smtp:
        smtp.command("MAIL FROM:<a@example.com>", 503)
        smtp.command("EHLO x", 250)
        smtp.command("MAIL FROM:<a@example.com>", 250)
        # Nobody is in an empty mynetworks.
        smtp.command("RCPT TO:<a@elsewhere.example>", 454)


def test_one_address_twice(make_instance):
    """Written in two ways: one service, and the last line counts."""
    mail = make_instance()
    port = mail.base + 71
    mail.configure_master(
        f"127.0.0.1:{port} inet n - n - - smtpd -o smtpd_banner=first",
        f"[127.0.0.1]:{port} inet n - n - - smtpd -o smtpd_banner=last")
    mail.start()
    with instance.Smtp(port) as smtp:
        assert smtp.banner.strip() == "220 last"
    assert re.search(r'warning: \S+/master.cf: line \d+: duplicate master.cf '
                     r'entry for service "\[127.0.0.1\]:\d+" -- using the '
                     r'last entry', mail.log())


def test_no_address_at_all(make_instance):
    mail = make_instance("inet_interfaces =")
    mail.configure_master(f"{mail.base + 71} inet n - n - - smtpd")
    result = mail.postfix("start", check=False)
    assert result.returncode == 1
    assert "service definition requires valid host name or address, or " \
        "non-empty inet_interfaces setting" in result.stderr


def test_told_once(make_instance):
    mail = make_instance("qmqpd_timeout = 5s", "max_use = 7",
                         "queue_run_delay = 300s",
                         "virtual_maps =", "never_used = 1")
    mail.configure_master(
        f"{mail.base + 71} inet n - n - - smtpd -o qmqpd_timeout=6s",
        f"{mail.base + 72} inet n - n - - smtpd -o qmqpd_timeout=7s",
        "  -o max_use=8", "a unix - n n - - mailer", "b unix - n n - - mailer")
    number = read(mail, "main.cf").splitlines().index("qmqpd_timeout = 5s") + 1
    code, lines = check(mail)
    text = "\n".join(lines)
    assert code == 0
    assert (f"warning: DIR/main.cf, line {number}: qmqpd_timeout is not "
            "supported: QMQP is not part of this version; use SMTP") in lines
    assert "warning: DIR/main.cf, line {}: unused parameter: never_used=1" \
        .format(number + 4) in lines
    assert "DIR/main.cf: without effect here: max_use (our processes serve " \
        "many clients each and stay)" in lines
    for name in ("qmqpd_timeout", "max_use", "never_used", "virtual_maps",
                 " mailer "):
        assert text.count(name) == 1, name
    # Set to its default.
    assert "queue_run_delay" not in text
    logged = len(mail.log())  # by the check itself
    mail.start()
    log = mail.log()[logged:]
    for line in lines:
        assert log.count(line.replace("DIR", mail.etc)) == 1, line
    mail.postfix("reload")
    mail.wait_for(lambda: mail.log()[logged:].count("qmqpd_timeout") == 2)


# Each of them is refused by both in the same words, but ours say where, and
# what to write instead.
WRONG = [
    "default_process_limit = 0", "default_process_limit = -3",
    "default_process_limit = x", "default_process_limit =",
    "ipc_timeout = 5x", "ipc_timeout = 0", "helpful_warnings = maybe",
    "myhostname =", "inet_protocols = ipv4, foo", "mynetworks_style = foo",
    "syslog_name =", "message_size_limit = 99999999999999999999",
    "foo bar", "= bar", "inet_interfaces = no.such.host.invalid",
    "maillog_file = /no/such/prefix", "mail_owner = no-such-user",
]


def start_postmap(directory, line):
    """It sleeps before it ends, so that several of them are started."""
    os.mkdir(directory)
    with open(os.path.join(directory, "main.cf"), "w", encoding="utf-8") as f:
        f.write(line + "\n")
    return subprocess.Popen(
        ["postmap", "-c", directory, "-q", "x", "static:y"], text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.skipif(not shutil.which("postmap"),
                    reason="Postfix is not installed")
def test_errors_are_postfix_errors(make_instance):
    mail = make_instance()
    main_cf = read(mail, "main.cf")
    running = [start_postmap(os.path.join(mail.directory, f"theirs{i}"), line)
               for i, line in enumerate(WRONG)]
    for line, process in zip(WRONG, running):
        says = process.communicate()[1]
        assert process.returncode == 1, line
        fatal = re.search(r"fatal: (.*)", says)[1]
        # Where it stands is said in another place.
        fatal = re.sub(r"^(file )?\S+/main.cf(, line \d+)?: ", "", fatal)
        fatal = fatal.replace("config variable ", "")
        write(mail, "main.cf", main_cf + line + "\n")
        if line.startswith("mail_owner") and os.geteuid() != 0:
            continue
        ours = mail.postfix("check", check=False)
        assert ours.returncode == 1, line
        assert fatal.strip() in ours.stderr, (fatal, ours.stderr)


def test_odd_files(make_instance):
    """Long, large, damaged, and no files."""
    mail = make_instance()
    good = read(mail, "main.cf").encode()
    for text, code, says in (
            (good.replace(b"\n", b"\r\n"), 0, ""),
            (good.rstrip(b"\n"), 0, ""),
            (good + b"relayhost = a\0b\n", 1, "a NUL byte"),
            (good + b"x = " + b"y" * 1000000 + b"\nmyorigin = $mydomain\n", 0,
             "unused parameter: x=yyy"),
            (good + b"x = a\n" + b"  b\n" * 100000, 0,
             "unused parameter: x=a"),
            (good + b"".join(b"x%d = $x%d\n" % (n, n + 1)
                             for n in range(100000)), 1,
             "unreasonable macro call nesting"),
            (good + b"".join(b"x%d = 1\n" % n for n in range(100000)), 0,
             "and more of this kind")):
        write(mail, "main.cf", text)
        begin = time.monotonic()
        result = mail.postfix("check", check=False)
        assert result.returncode == code, result.stderr[-500:]
        assert says in result.stderr, result.stderr[-500:]
        assert time.monotonic() < begin + 5
    write(mail, "main.cf", good)
    for name in ("main.cf", "master.cf"):
        path = os.path.join(mail.etc, name)
        os.rename(path, path + ".old")
        result = mail.postfix("check", check=False)
        assert result.returncode == 1
        assert f"fatal: open {path}: No such file" in result.stderr
        os.mkdir(path)
        result = mail.postfix("check", check=False)
        assert result.returncode == 1
        assert f"fatal: open {path}: Is a directory" in result.stderr
        os.rmdir(path)
        os.rename(path + ".old", path)
    assert mail.postfix("check").returncode == 0


def banner(mail):
    with mail.smtp() as smtp:
        return smtp.banner.strip()


def test_bad_reload(make_instance):
    """All or nothing: a mistake leaves the running system as it is."""
    mail = make_instance("smtpd_banner = old")
    mail.start()
    other = mail.base + 71
    good = {name: read(mail, name) for name in ("main.cf", "master.cf")}
    # A new service, and a new banner: neither may come to life.
    new = {"main.cf": good["main.cf"] + "smtpd_banner = new\n",
           "master.cf": good["master.cf"] +
           f"127.0.0.1:{other} inet n - n - - smtpd\n"}
    taken = socket.create_server(("127.0.0.1", mail.base + 72))
    wrong = (
        ("main.cf", "smtpd_recipient_limit = 0\n",
         "invalid smtpd_recipient_limit parameter value 0 < 1"),
        ("main.cf", "what is this\n", "missing '=' after attribute name"),
        ("main.cf", "relayhost = ${x\n", "truncated macro reference"),
        ("master.cf", "x tcp n - n - - smtpd\n", "bad transport type: tcp"),
        ("master.cf", "[::1 inet n - n - - smtpd\n", 'missing "]"'),
        ("master.cf", "no-such-port inet n - n - - smtpd\n", "unknown port"),
        ("master.cf", "no.such.host.invalid:25 inet n - n - - smtpd\n",
         "bad hostname or network address"),
        ("master.cf", f"127.0.0.1:{mail.base + 72} inet n - n - - smtpd\n",
         "Address already in use"),
    )
    master = mail.process.pid
    for name, line, says in wrong:
        for file, text in new.items():
            write(mail, file, text + (line if file == name else ""))
        logged = len(mail.log())
        os.kill(master, signal.SIGHUP)
        mail.wait_for(lambda: "nothing was changed" in mail.log()[logged:])
        assert says in mail.log()[logged:], mail.log()[logged:]
        assert banner(mail) == "220 old"
        with pytest.raises(ConnectionRefusedError):
            instance.Smtp(other)
    taken.close()
    # The command sees it before it asks master.
    write(mail, "main.cf", new["main.cf"] + "smtpd_timeout = x\n")
    assert mail.postfix("reload", check=False).returncode == 1
    assert mail.postfix("status", check=False).returncode == 0
    assert banner(mail) == "220 old"
    for file, text in new.items():
        write(mail, file, text)
    mail.postfix("reload")
    mail.wait_for(lambda: banner(mail) == "220 new")
    with instance.Smtp(other) as smtp:
        assert smtp.banner.code == 220


# As courses on Postfix write them.
LESSONS = [
    "myorigin = example.com\nrelayhost = smtp.example.com\n"
    "mydestination = localhost, $myhostname, $mydomain\n"
    "mynetworks = 127.0.0.0/8\ninet_interfaces = loopback-only\n"
    "local_transport = error:local delivery is disabled\n",
    "myorigin = example.com\n\n \nrelayhost = smtp.example.com (the way out)\n"
    "inet_interfaces = all\nlocal_transport = local:$myhostname\n"
    "mydestination = localhost, $myhostname, $mydomain, example.com\n"
    "mynetworks = 127.0.0.0/8\n",
    "myorigin = example.com\ninet_interfaces = all\n"
    "mynetworks = 192.168.0.0/24, 127.0.0.0/8\n"
    "local_transport = error:local delivery is disabled\n",
    # postconf -n of the stock file of CentOS 7
    "debug_peer_level = 2\ndebugger_command = PATH=/bin:/usr/bin ddd "
    "$daemon_directory/$process_name $process_id & sleep 5\n"
    "html_directory = no\ninet_interfaces = localhost\ninet_protocols = all\n"
    "mailq_path = /usr/bin/mailq.postfix\nmanpage_directory = /usr/share/man\n"
    "mydestination = $myhostname, localhost.$mydomain, localhost\n"
    "newaliases_path = /usr/bin/newaliases.postfix\n"
    "readme_directory = /usr/share/doc/postfix-2.10.1/README_FILES\n"
    "sendmail_path = /usr/sbin/sendmail.postfix\n"
    "unknown_local_recipient_reject_code = 550\n",
]


@pytest.mark.parametrize("lesson", LESSONS)
def test_lessons(make_instance, lesson):
    mail = make_instance()
    # What an instance must have to be private comes last and counts.
    private = [line for line in read(mail, "main.cf").splitlines()
               if re.match(r"\w+_(directory|owner)|maillog", line)]
    write(mail, "main.cf", lesson + "\n".join(private) + "\n")
    code, lines = check(mail)
    assert code == 0, lines
    rest = [line for line in lines if not re.match(
        r"DIR/main.cf: without effect here: |"
        r"DIR/master.cf: no process of its own here: |"
        r"warning: DIR/master.cf: line \d+: \w+ is not supported: |"
        r"warning: DIR/main.cf, line \d+: overriding earlier entry: ", line)]
    assert not rest, rest


# Files of real systems, where they lie beside the source.
CORPUS = os.path.join(instance.ROOT, "..", "shared", "corpora", "main.cf")


def ask_postfix(mail, name):
    """Whether Debian's Postfix takes these files: it is slow to refuse."""
    directory = os.path.join(mail.directory, name)
    shutil.copytree(mail.etc, directory)
    return [subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in (
                ("postmap", "-c", directory, "-q", "x", "static:y"),
                ("postconf", "-c", directory, "-M"))]


@pytest.mark.skipif(not os.path.isdir(CORPUS),
                    reason="no configurations of real systems here")
def test_real_files(make_instance):
    mail = make_instance()
    private = [line for line in read(mail, "main.cf").splitlines()
               if re.match(r"\w+_(directory|owner)|maillog", line)]
    wrong = []
    refused = []
    count = 0
    for name in sorted(os.listdir(CORPUS)):
        main_cf = os.path.join(CORPUS, name, "main.cf")
        master_cf = os.path.join(CORPUS, name, "master.cf")
        if not os.path.exists(main_cf):
            continue
        count += 1
        with open(main_cf, "rb") as f:
            write(mail, "main.cf",
                  f.read() + ("\n" + "\n".join(private) + "\n").encode())
        if os.path.exists(master_cf):
            shutil.copyfile(master_cf, os.path.join(mail.etc, "master.cf"))
        else:
            write(mail, "master.cf", stock(mail.port, mail.base))
        code, lines = check(mail)
        if code != 0:
            refused.append((name, lines[-1], ask_postfix(mail, name)
                            if shutil.which("postmap") else []))
        wrong.extend((name, line) for line in lines if code == 0 and
                     not re.match(r"(warning: )?DIR/(main|master).cf", line))
    for name, line, asked in refused:
        if not any([process.wait(30) for process in asked]):
            wrong.append((name, line))
    assert not wrong
    assert count > 50
