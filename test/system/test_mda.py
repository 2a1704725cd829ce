# SPDX-License-Identifier: ISC
"""Programs that take mail, as real ones: procmail, dovecot-lda, uux."""

import os
import shutil

import pytest

from lib.instance import Smtp

LDA = "/usr/lib/dovecot/dovecot-lda"
CONTENT = "From: a@x.example\nSubject: for a program\n\nFrom here\n.\nlast\n"

pytestmark = pytest.mark.root


def make(make_instance, line, **files):
    """An instance whose transport "mda" is this line; {dir} is a directory
    where its user may write, and where these files are."""
    mail = make_instance("transport_maps = inline:{ { mda.example = mda: } "
                         "{ sink.example = discard: } }",
                         "recipient_delimiter = +",
                         "mda_destination_recipient_limit = 1")
    directory = os.path.join(mail.directory, "work")
    os.mkdir(directory)
    os.chmod(directory, 0o1777)
    for name, text in files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text.replace("{dir}", directory))
    mail.configure_master(f"mda unix - n n - - pipe "
                          + line.replace("{dir}", directory))
    mail.start()
    return mail, directory


def send(mail, recipient="User+Ext@mda.example", content=CONTENT):
    with Smtp(mail.port) as smtp:
        smtp.command("EHLO client.example", 250)
        smtp.envelope("sender@sink.example", [recipient])
        assert smtp.data(content).code == 250


def wait_for_outcome(mail):
    line = mail.wait_for(lambda: mail.log_lines(r"pipe\[\d+\].*status="))[0]
    return line[line.index("dsn="):]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@pytest.mark.program("procmail")
def test_procmail(make_instance):
    mail, directory = make(
        make_instance, "flags=FR user=games argv=/usr/bin/procmail -t -m "
        "BOX=$user {dir}/rc $sender",
        rc="SHELL=/bin/sh\nDEFAULT={dir}/else\nLOGFILE={dir}/log\n"
           ":0\n* ^Subject: for a program\n{dir}/box-$BOX\n"
           ":0\n* ^Subject: refuse\n{\n EXITCODE=77\n :0\n /dev/null\n}\n")
    send(mail)
    assert wait_for_outcome(mail) == \
        "dsn=2.0.0, status=sent (delivered via mda service)"
    text = read(os.path.join(directory, "box-User"))
    assert text.startswith("From sender@sink.example  ")
    assert "\nReturn-Path: <sender@sink.example>\nReceived: " in text
    assert text.endswith("\n\n>From here\n.\nlast\n\n")
    send(mail, content="Subject: refuse\n\n")
    mail.wait_for(lambda: mail.log_lines(
        r"dsn=5.7.0, status=bounced \(permission denied\)"))


def test_dovecot_lda(make_instance):
    if not os.path.exists(LDA):
        pytest.skip("needs dovecot-lda")
    mail, directory = make(
        make_instance, "flags=DRhu user=games argv=/usr/bin/env "
        f"HOME={{dir}} USER=games {LDA} -c {{dir}}/dovecot.conf -f $sender "
        "-a $recipient",
        **{"dovecot.conf": "base_dir = {dir}/run\nstate_dir = {dir}/run\n"
           "mail_location = maildir:{dir}/Maildir\nlog_path = {dir}/log\n"
           "ssl = no\nprotocols =\nhostname = mail.example\n"
           "postmaster_address = p@mail.example\n"
           "stats_writer_socket_path =\n"})
    send(mail)
    assert wait_for_outcome(mail) == \
        "dsn=2.0.0, status=sent (delivered via mda service)", \
        read(os.path.join(directory, "log"))
    [name] = os.listdir(os.path.join(directory, "Maildir", "new"))
    text = read(os.path.join(directory, "Maildir", "new", name))
    assert text.startswith("Return-Path: <sender@sink.example>\n"
                           "Delivered-To: User+Ext@mda.example\n")
    assert text.endswith("\n\nFrom here\n.\nlast\n")


@pytest.mark.program("uux")
def test_uux(make_instance):
    """Debian's line of master.cf, told to use a spool of its own."""
    mail, directory = make(
        make_instance, "flags=Fqhu user=uucp argv=uux -I {dir}/config -r -n "
        "-z -a$sender - $nexthop!rmail ($recipient)",
        config="nodename here\nspool {dir}/spool\nlockdir {dir}\n"
               "logfile {dir}/log\nstatfile {dir}/stat\n"
               "debugfile {dir}/debug\nsysfile {dir}/sys\n",
        sys="commands rmail\nsystem mda.example\ntime any\n")
    os.mkdir(os.path.join(directory, "spool"))
    shutil.chown(os.path.join(directory, "spool"), "uucp", "uucp")
    send(mail, "User@mda.example")
    assert wait_for_outcome(mail) == \
        "dsn=2.0.0, status=sent (delivered via mda service)"
    texts = []
    for where, _, names in os.walk(os.path.join(directory, "spool")):
        texts += [read(os.path.join(where, name)) for name in names]
    [job] = [t for t in texts if t.startswith("E ")]
    [body] = [t for t in texts if "Subject: for a program" in t]
    assert job.endswith(" sender@sink.example 0 rmail user@mda.example\n")
    assert body.startswith("From sender@sink.example  ")
    assert body.endswith("\n\nFrom here\n.\nlast\n")


@pytest.mark.program("maildrop")
def test_maildrop(make_instance):
    """A filter of its own, and its exit codes."""
    mail, directory = make(
        make_instance, "flags=DRXhu user=games argv=/usr/bin/env -i "
        "HOME={dir} SENDER=$sender RCPT=$user EXT=$extension "
        "/usr/bin/maildrop {dir}/filter",
        filter='logfile "{dir}/log"\n'
               'if (/^Subject: for a program/)\n'
               '{\n\tto "{dir}/box-$RCPT-$EXT"\n}\n'
               'if (/^Subject: refuse/)\n{\n\tEXITCODE=77\n\texit\n}\n'
               'if (/^Subject: later/)\n{\n\tEXITCODE=75\n\texit\n}\n'
               'to "{dir}/else"\n')
    path = os.path.join(directory, "filter")
    shutil.chown(path, "games", "games")
    os.chmod(path, 0o600)
    send(mail)
    assert wait_for_outcome(mail) == \
        "dsn=2.0.0, status=sent (delivered via mda service)", \
        read(os.path.join(directory, "log"))
    text = read(os.path.join(directory, "box-user-ext"))
    assert text.startswith("From sender@sink.example ")
    assert "\nReturn-Path: <sender@sink.example>\n" in text
    assert "\nDelivered-To: User+Ext@mda.example\n" in text
    assert text.endswith("\n\n>From here\n.\nlast\n\n")
    send(mail, content="Subject: refuse\n\n")
    mail.wait_for(lambda: mail.log_lines(
        r"dsn=5.7.0, status=bounced \(permission denied\)"))
    send(mail, content="Subject: later\n\n")
    mail.wait_for(lambda: mail.log_lines(
        r"dsn=4.3.0, status=deferred \(temporary failure\)"))
