# SPDX-License-Identifier: ISC
"""mail(1) with our own sendmail and a system behind it, into a mailbox."""

import email
import email.policy
import subprocess

from lib.instance import Instance, program
from lib.mail_home import MAILX

FIELDS = ["Date", "To", "Subject", "User-Agent", "MIME-Version",
          "Content-Type", "Content-Transfer-Encoding"]


def mails(mail):
    parts = mail.mailbox().split(b"\nFrom ")
    return [email.message_from_bytes(
        p.partition(b"\n")[2], policy=email.policy.default)
        for p in parts if p.strip()]


def send(mail, tmp_path, *args, text):
    return subprocess.run(
        [MAILX, "-n", *args, mail.user], input=text.encode(),
        capture_output=True, timeout=60, check=False, cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin",
             "USER": mail.user, "LC_ALL": "C.UTF-8", "MAILRC": "/dev/null",
             "MAIL_CONFIG": mail.etc, "sendmail": program("sendmail")})


def test_delivered(tmp_path):
    content = bytes(range(256)) * 40
    (tmp_path / "bïn.dat").write_bytes(content)
    (tmp_path / "from.txt").write_bytes(b"From here\n.\nFrom there")
    with Instance() as mail:
        for args, text in (
                (["-s", "one"], "hello\n.\nFrom me\n"),
                (["-s", "zwei ü", "-a", "bïn.dat", "-a", "from.txt"],
                 "grüße\n"),
                (["-S", "metoo", "-s", "three", "-b", mail.user], "blind\n")):
            done = send(mail, tmp_path, *args, text=text)
            assert done.returncode == 0, done
        mail.wait_for(lambda: len(mails(mail)) == 3)
        found = {str(m["Subject"]): m for m in mails(mail)}
    one, two, three = (found[k] for k in ("one", "zwei ü", "three"))
    assert one.get_content().startswith("hello\n.\n")
    assert [k for k in one.keys() if k in FIELDS] == FIELDS
    assert three["Bcc"] is None
    text, binary, plain = two.iter_parts()
    assert text.get_content() == "grüße\n"
    assert binary.get_filename() == "bïn.dat"
    assert binary.get_payload(decode=True) == content
    assert plain.get_payload(decode=True) == b"From here\n.\nFrom there"


def test_verbose_and_refused(tmp_path):
    with Instance() as mail:
        done = send(mail, tmp_path, "-v", "-s", "one", text="x\n")
        assert done.returncode == 0, done
        mail.wait_for(lambda: len(mails(mail)) >= 1)
        done = send(mail, tmp_path, "-s", "two", "-O", "-bogus", text="x\n")
        assert done.returncode == 1, done
        assert b". . . message not sent.\n" in done.stderr
        assert b"dead.letter" in done.stdout
