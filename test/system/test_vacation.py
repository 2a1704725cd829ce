# SPDX-License-Identifier: ISC
"""vacation: who gets an answer, and what it is."""

import os
import shutil
import subprocess
import threading

import pytest

from lib import instance


@pytest.fixture(name="home")
def make_home(tmp_path):
    (tmp_path / "etc").mkdir()
    for name in ("q/maildrop", "q/public", "work"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc" / "main.cf").write_text(
        "compatibility_level = 3.6\nmyhostname = mail.example.com\n"
        f"queue_directory = {tmp_path}/q\nmaillog_file = {tmp_path}/log\n"
        "maillog_file_prefixes = /\n"
        f"command_directory = {instance.PROGRAMS}\n")
    (tmp_path / "work" / "msg").write_text(
        "Subject: away (was: $SUBJECT)\nFrom: eric@example.com\n\n"
        "Dear $FROM, later.\n")
    return tmp_path


def vacation(home, *words, text=b"", code=0, login="eric"):
    environment = dict(os.environ, MAIL_CONFIG=str(home / "etc"))
    environment.pop("SENDER", None)
    done = subprocess.run(
        [instance.program("vacation"), "-d", "-U", "-f", "db", "-m", "msg",
         *words, login],
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True, env=environment, timeout=60, check=False,
        cwd=home / "work")
    assert done.returncode == code, done
    return done


def answers(home):
    """Sender, recipient, lines of what was submitted."""
    found = []
    for path in (home / "q" / "maildrop").iterdir():
        data, at, records = path.read_bytes(), 0, []
        path.unlink()
        while at < len(data):
            kind, length, shift = chr(data[at]), 0, 0
            while True:
                at += 1
                length |= (data[at] & 0x7f) << shift
                shift += 7
                if not data[at] & 0x80:
                    break
            records.append((kind, data[at + 1:at + 1 + length].decode()))
            at += 1 + length
        found.append((dict(records)["S"],
                      [d for k, d in records if k == "R"],
                      "\n".join(d for k, d in records if k == "N")))
    return found


MAIL = ("From joe@remote.example Mon Jan  1 00:00:00 2024\n"
        "Return-Path: <joe@remote.example>\n"
        "To: Eric <eric@example.com>\nSubject: lunch\n"
        "Message-Id: <1@remote.example>\n\nhi\n")


def test_answer(home):
    vacation(home, text=MAIL)
    assert answers(home) == [("eric", ["joe@remote.example"], (
        "To: joe@remote.example\n"
        "Subject: away (was: lunch)\nFrom: eric@example.com\n"
        "Auto-Submitted: auto-replied\nPrecedence: bulk\n"
        "In-Reply-To: <1@remote.example>\n"
        "References: <1@remote.example>\n\n"
        "Dear joe@remote.example, later."))]
    # not again
    done = vacation(home, text=MAIL)
    assert answers(home) == []
    assert b"has had one" in done.stderr
    vacation(home, "-r", "0", text=MAIL)
    assert len(answers(home)) == 1
    vacation(home, "-t", "1h", text=MAIL)
    assert not answers(home)
    vacation(home, "-t0s", text=MAIL)
    assert len(answers(home)) == 1
    # another one, though
    vacation(home, text=MAIL.replace("joe", "jim"))
    assert len(answers(home)) == 1


def test_sender_of_answer(home):
    vacation(home, "-z", text=MAIL)
    assert answers(home)[0][0] == ""
    vacation(home, "-R", "away@example.com", "-r0", text=MAIL)
    assert answers(home)[0][0] == "away@example.com"
    vacation(home, "-s", "boss@x", text=MAIL)
    assert answers(home)[0][1] == ["boss@x"]


def test_copy(home):
    vacation(home, "-c", "deputy@example.com", "-h", "host", text=MAIL)
    ((_, recipients, text),) = answers(home)
    assert recipients == ["joe@remote.example", "deputy@example.com"]
    assert text.startswith("To: joe@remote.example\n"
                           "Cc: deputy@example.com\nSubject: ")


def test_built_in_text(home):
    (home / "work" / "msg").unlink()
    vacation(home, text=MAIL)
    ((_, _, text),) = answers(home)
    assert "\nSubject: Auto: lunch\n" in text
    assert "I will not be reading my mail" in text


def changed(**fields):
    text = MAIL
    for name, value in fields.items():
        name = name.replace("_", "-")
        lines = [line for line in text.split("\n")
                 if not line.startswith(name + ":")]
        if value is not None:
            lines.insert(1, f"{name}: {value}")
        text = "\n".join(lines)
    return text


SILENT = (
    changed(To="erica@example.com"), changed(To="list@example.com"),
    changed(Return_Path="<>"), changed(Return_Path="<MAILER-DAEMON@x>"),
    changed(Return_Path="<owner-list@x>"), changed(Return_Path="<a-request@x>"),
    changed(Return_Path="<list-bounces@x>"), changed(Return_Path="<postmaster>"),
    changed(Return_Path="<eric@example.com>"), changed(Precedence="bulk"),
    changed(Precedence="LIST"), changed(Precedence="junk"),
    changed(Auto_Submitted="auto-replied"),
    changed(Auto_Submitted="auto-generated (cron)"),
    changed(List_Id="x <y.z>"), changed(List_Unsubscribe="<mailto:x@y>"),
    changed(X_Spam_Flag="Yes"), changed(X_Auto_Response_Suppress="All"),
    changed(Content_Type="multipart/report; report-type=delivery-status"),
)


def test_silence(home):
    for text in SILENT:
        done = vacation(home, text=text)
        assert answers(home) == [], text
        assert b"no answer" in done.stderr
    assert not (home / "work" / "db").exists()


def test_who_it_is_for(home):
    vacation(home, text=changed(To="allman@x"))
    assert answers(home) == []
    for words, to in ((["-a", "allman"], "allman@x"), (["-j"], "list@x"),
                      (["-a", "a@x", "-a", "b"], "b@z"),
                      (["-a", "a@x"], "A@X"), ([], "eric+ext@y")):
        vacation(home, "-r0", *words, text=changed(To=to))
        assert len(answers(home)) == 1, to
    vacation(home, "-a", "a@x", text=changed(To="a@y"))
    assert answers(home) == []


HOSTILE = (
    changed(Subject="x\r\n\tBcc: victim@x"), changed(Subject="x\rBcc: v@x"),
    changed(Subject="$FROM $SUBJECT `touch x` $(touch x)"),
    changed(Subject="a\0b"), changed(Subject="\x1b[2Jx"),
    changed(Message_Id="<x>\r\n\tBcc: v@x"),
    changed(Message_Id="<a b>"), changed(References="<\n\tBcc: v@x>"),
    changed(Subject="a" * 100000), changed(References="<a@b> " * 50000),
    changed(Return_Path="<-oQ/tmp@x>"), changed(Return_Path="<|touch x@x>"),
    changed(To="(" * 50000 + "eric"), changed(To='"' * 1001 + ", eric"),
)


def test_hostile(home):
    for number, text in enumerate(HOSTILE):
        vacation(home, "-r0", "-j", text=text)
        for _, recipients, answer in answers(home):
            assert len(recipients) == 1
            head = answer.split("\n\n", 1)[0]
            assert "\nBcc" not in head and "\r" not in answer, number
            assert len(head) < 30000
    assert sorted(os.listdir(home / "work")) == ["db", "msg"]


def test_no_sender(home):
    vacation(home, text="To: eric\n\n", code=65)
    vacation(home, text="", code=65)


def test_database(home):
    vacation(home, "-i", "-r", "3")
    vacation(home, text=MAIL)
    vacation(home, "-x", text="spam@x\n@rude.example\n")
    lines = vacation(home, "-l").stdout.decode().splitlines()
    assert sorted(line.split()[0] for line in lines) == [
        "@rude.example", "joe@remote.example", "spam@x"]
    vacation(home, "-r0", text=MAIL.replace("joe@remote", "a@rude"))
    assert len(answers(home)) == 1  # joe's
    vacation(home, "-i")
    assert vacation(home, "-l").stdout == b""
    assert oct((home / "work" / "db").stat().st_mode) == "0o100600"


@pytest.mark.skipif(not shutil.which("db5.3_dump"),
                    reason="needs db5.3-util")
def test_database_is_a_hash(home):
    vacation(home, text=MAIL)
    dump = subprocess.run(["db5.3_dump", "-p", str(home / "work" / "db")],
                          capture_output=True, check=True).stdout
    assert b"type=hash" in dump
    assert b" joe@remote.example\n" in dump


def test_damaged_database(home):
    (home / "work" / "db").write_bytes(b"not a database" * 100)
    vacation(home, text=MAIL, code=75)
    assert answers(home) == []


def test_many_at_a_time(home):
    """One answer to one sender, whatever comes together."""
    threads = [threading.Thread(target=vacation, args=(home,),
                                kwargs={"text": MAIL}) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers(home)) == 1


def test_usage(home):
    vacation(home, "-y", code=64)
    vacation(home, "x", code=64)
    done = subprocess.run(
        [instance.program("vacation"), "nobody-of-that-name"], input=b"",
        env=dict(os.environ, MAIL_CONFIG=str(home / "etc")),
        capture_output=True, check=False, timeout=60)
    assert done.returncode == 67
