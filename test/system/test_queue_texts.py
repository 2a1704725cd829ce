# SPDX-License-Identifier: ISC
"""The queue process alone: texts of notices from bounce_template_file."""

import os

import pytest

from lib.fakemaster import QueueProcess, bounced, sent

ME, YOU = "me@a.example", "you@b.example"

TEMPLATE = """\
failure_template = <<EOF
Charset: utf-8
From: Poste <poste@a.example>
Subject: {subject}

Ici $myhostname, {name}, $maximal_queue_lifetime_weeks.
EOF
"""


@pytest.fixture
def q(tmp_path):
    path = tmp_path / "bounce.cf"
    path.write_text(TEMPLATE.format(subject="Retour", name="$mail_name"))
    os.chmod(tmp_path, 0o755)
    with QueueProcess(tmp_path / "queue", bounce_template_file=str(path),
                      maximal_queue_lifetime="15d") as process:
        process.template = path
        yield process


def notice(q):
    q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(bounced())
    job = q.relay().job()
    job.report(sent())
    return job.content


def test_texts_of_a_file(q):
    found = notice(q)
    assert b"\r\nFrom: Poste <poste@a.example>\r\nSubject: Retour\r\n" in found
    assert (b"\r\n\r\nIci q.example, Postfix, 2.\r\n\r\n<you@b.example>: "
            in found)
    assert b"This is the mail system" not in found


def test_changed_file_counts_after_a_reload(q):
    q.template.write_text(TEMPLATE.format(subject="Encore", name="x"))
    assert b"\r\nSubject: Retour\r\n" in notice(q)
    q.reload(bounce_template_file=str(q.template))
    q.wait_for(lambda: b"\r\nSubject: Encore\r\n" in notice(q))
    assert not q.lines("warning")


@pytest.mark.parametrize("name, complaint", [
    ("$nothing_of_that_name", "undefined $name in failure template"),
    ("${mail_name", "bad $name syntax in failure template")])
def test_wrong_text_is_not_used(q, name, complaint):
    q.template.write_text(TEMPLATE.format(subject="x", name=name))
    q.reload(bounce_template_file=str(q.template))
    q.wait_for(lambda: [line for line in q.lines("bounce: warning")
                        if complaint in line])
    found = notice(q)
    assert b"Subject: Undelivered Mail Returned to Sender\r\n" in found
    assert b"This is the mail system at host q.example.\r\n" in found


def test_missing_file_is_said(q):
    q.reload(bounce_template_file="/nonexistent/bounce.cf")
    q.wait_log("bounce: warning: open /nonexistent/bounce.cf: ")
    assert b"This is the mail system at host q.example." in notice(q)
