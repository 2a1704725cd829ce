# SPDX-License-Identifier: ISC
"""From the programs that send mail, through sendmail, to a mailbox."""

import glob
import os
import shutil
import stat
import subprocess

import pytest

from lib import instance
from lib.instance import Instance


@pytest.fixture(name="mail", scope="module")
def make_mail():
    with Instance() as mail:
        yield mail


def send(mail, *words, text, name="sendmail", code=0, cwd=None):
    done = subprocess.run(
        [instance.program(name), *words], input=text.encode(),
        env=dict(os.environ, MAIL_CONFIG=mail.etc), capture_output=True,
        timeout=60, check=False, cwd=cwd)
    assert done.returncode == code, done
    return done


def arrives(mail, word):
    def look():
        return mail.mailbox(mail.user).decode()

    mail.wait_for(lambda: word in look())
    return [m for m in look().split("\nFrom ") if word in m][0]


def test_plain(mail):
    send(mail, mail.user, text="Subject: plain-1\n\nhello\n")
    got = arrives(mail, "plain-1")
    assert "\nFrom: " in got and "\nDate: " in got and "\nMessage-I" in got
    assert "(Postfix, from userid " in got


# How programs call it.
WAYS = {
    "cron": (["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "USER"],
             "From: root (Cron Daemon)\nTo: USER\nSubject: WORD\n\nx\n"),
    "cronie": (["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f",
                "USER"], "To: USER\nSubject: WORD\n\nx\n"),
    "git": (["-i", "USER@localhost"],
            "From: me <me@example.com>\nTo: USER@localhost\n"
            "Subject: [PATCH] WORD\n\n---\n"),
    "mdadm": (["-t"], "From: mdadm monitoring <USER>\nTo: USER\n"
              "Subject: WORD\n\nx\n"),
    "logwatch": (["-t"], "To: USER\nFrom: USER\nSubject: WORD\n"
                 "Precedence: bulk\n\nx\n"),
    "php": (["-t", "-i"], "To: USER\r\nSubject: WORD\r\n"
            "X-PHP-Originating-Script: 0:x.php\r\n\r\nx\r\n"),
    "php -f": (["-t", "-i", "-fme@example.com"],
               "To: USER\r\nSubject: WORD\r\n\r\nx\r\n"),
    "mutt": (["-oem", "-oi", "-f", "me@example.com", "--", "USER"],
             "From: me@example.com\nTo: USER\nSubject: WORD\n\nx\n"),
    "mailx": (["-i", "USER"], "To: USER\nSubject: WORD\n\nx\n"),
    "heirloom": (["-i", "-r", "me@example.com", "USER"],
                 "To: USER\nSubject: WORD\n\nx\n"),
    "fail2ban": (["-f", "fail2ban", "USER"], "Subject: WORD\nTo: USER\n\nx\n"),
    "smartd": (["-oi", "-t"], "To: USER\nSubject: WORD\n\nx\n"),
    "debian-bug": (["-oi", "-oem", "-t"], "Bcc: USER\nSubject: WORD\n\nx\n"),
    "at": (["-i", "-oem", "USER"], "Subject: WORD\nTo: USER\n\nx\n"),
    "sudo": (["-t"], "To: USER\nFrom: USER\nAuto-Submitted: auto-generated\n"
             "Subject: WORD\n\nx\n"),
    "uucp": (["-G", "-oee", "-odq", "-oi", "-pUUCP:h.UUCP", "-fh!u", "USER"],
             "Subject: WORD\nTo: USER\n\nx\n"),
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_ways(mail, way):
    words, text = WAYS[way]
    word = "way-" + way.replace(" ", "")
    send(mail, *[w.replace("USER", mail.user) for w in words],
         text=text.replace("USER", mail.user).replace("WORD", word))
    got = arrives(mail, word)
    assert "\r" not in got
    assert "\nBcc" not in got


def test_rmail(mail):
    send(mail, mail.user, name="rmail",
         text="From u Mon Jan  1 00:00:00 2024 remote from h\n"
              "Subject: rmail-1\n\nx\n")
    arrives(mail, "rmail-1")


def test_alone(mail):
    send(mail, "-bs", text=f"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<{mail.user}>"
         "\r\nDATA\r\nSubject: alone-1\r\n\r\n..\r\n.\r\nQUIT\r\n")
    assert "\n\n." in arrives(mail, "alone-1")


def test_mailq(mail):
    assert send(mail, "-bp", text="").stdout == b"Mail queue is empty\n"
    send(mail, "-q", text="")


INJECTIONS = (
    ["-t", "-i", "-fattacker", "-X/DIR/x.php"],
    ["-t", "-i", "-f", "a", "-OQueueDirectory=/DIR", "-X", "/DIR/x.php"],
    ["-t", "-i", "-oQ/DIR", "-Xx.php"], ["-t", "-i", "-C/DIR/main.cf", "-v"],
    ["-t", "-i", "-oA/DIR/x"], ["-t", "-i", "-D/DIR/x"],
    ["-t", "-i", "-be", "${run{touch /DIR/x}}"],
    ["-t", "-i", "-bi", "-oA/DIR/x"], ["-i", "|touch /DIR/x"],
    ["-i", "/DIR/x"], ["-i", "--", "-X/DIR/x"], ["-i", "${run{touch /DIR/x}}"],
    ["-i", "`touch /DIR/x`"], ["-i", ";touch /DIR/x;"], ["-i", ":include:/DIR/x"],
    ["-f", "a;touch /DIR/x", "-i", "nobody@invalid.invalid"],
    ["-F", "$(touch /DIR/x)", "-i", "nobody@invalid.invalid"],
)


def test_injections_write_nothing(mail, tmp_path):
    tmp_path.chmod(0o777)
    for words in INJECTIONS:
        words = [w.replace("/DIR", str(tmp_path)) for w in words]
        subprocess.run(
            [instance.program("sendmail"), *words],
            input=b"To: nobody@invalid.invalid\nSubject: <?php x ?>\n\nx\n",
            env=dict(os.environ, MAIL_CONFIG=mail.etc), capture_output=True,
            timeout=60, check=False, cwd=tmp_path)
        assert os.listdir(tmp_path) == [], words
    folder = os.path.join(mail.home, "queue", "maildrop")
    mail.wait_for(lambda: not glob.glob(folder + "/*"))
    send(mail, mail.user, text="Subject: after-injections\n\nx\n")
    arrives(mail, "after-injections")
    assert os.listdir(tmp_path) == []


def real(*names):
    missing = [n for n in names if not shutil.which(n)]
    return pytest.mark.skipif(bool(missing),
                              reason="needs " + ", ".join(missing))


def wrapper(mail, tmp_path):
    """A sendmail that programs which clean their environment can run."""
    path = tmp_path / "sendmail"
    path.write_text(f"#!/bin/sh\nMAIL_CONFIG={mail.etc} "
                    f"exec {instance.program('sendmail')} \"$@\"\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP)
    return str(path)


@real("s-nail")
def test_s_nail(mail, tmp_path):
    subprocess.run(
        ["s-nail", "-n", "-S", f"mta={wrapper(mail, tmp_path)}", "-s",
         "s-nail-1", mail.user], input=b"hello\n", check=True, timeout=60,
        env=dict(os.environ, HOME=str(tmp_path)))
    arrives(mail, "s-nail-1")


@real("mutt")
def test_mutt(mail, tmp_path):
    subprocess.run(
        ["mutt", "-n", "-F", "/dev/null", "-e",
         f"set sendmail='{wrapper(mail, tmp_path)} -oem -oi' copy=no",
         "-s", "mutt-1", mail.user], input=b"hello\n", check=True,
        timeout=60, env=dict(os.environ, HOME=str(tmp_path)))
    arrives(mail, "mutt-1")


@real("php")
def test_php(mail, tmp_path):
    subprocess.run(
        ["php", "-d", f"sendmail_path={wrapper(mail, tmp_path)} -t -i", "-r",
         f'exit(mail("{mail.user}", "php-1", "hello") ? 0 : 1);'],
        check=True, timeout=60)
    arrives(mail, "php-1")


@pytest.mark.root
@real("logwatch")
def test_logwatch(mail, tmp_path):
    """Which knows one path of sendmail: ours lies there, for it alone."""
    if not os.path.exists("/usr/sbin/sendmail"):
        pytest.skip("needs a file /usr/sbin/sendmail")
    if not instance.can_have_users():
        pytest.skip("needs mount namespaces")
    log = tmp_path / "log"
    log.mkdir()
    (log / "mail.log").write_text(
        "".join(f"Jan  1 00:00:{i:02} h postfix/local[1]: 4A1B2{i:02}: "
                f"to=<a{i}@x.example>, relay=local, delay=0.1, dsn=2.0.0, "
                "status=sent (delivered to mailbox)\n" for i in range(9)))
    subprocess.run(
        ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" '
         '/usr/sbin/sendmail && mount -t tmpfs tmpfs /var/cache && '
         'mkdir /var/cache/logwatch && exec "$@"', wrapper(mail, tmp_path), "logwatch", "--output", "mail",
         "--mailto", mail.user, "--service", "postfix", "--range", "all",
         "--hostname", "logwatch-1", "--logdir", str(log)],
        check=True, timeout=120, stdout=subprocess.DEVNULL)
    got = arrives(mail, "Subject: Logwatch for logwatch-1")
    assert "Delivered" in got and "Logwatch End" in got
