# SPDX-License-Identifier: ISC
"""procmail, maildrop and dovecot-lda in mailbox_command and ~/.forward, as
their manuals have it; and that what strangers write into addresses is never
more than text to them or to the shell in between."""

import os
import re
import shutil

import pytest

from lib.instance import Smtp
from lib.mailboxes import COMMON, own

pytestmark = [pytest.mark.root, pytest.mark.users]

LDA = "/usr/lib/dovecot/dovecot-lda"
# With "touch" of a file below /DIR in each.
LOCALS = ['"ana+;touch /DIR/a;"', '"ana+$(touch /DIR/b)"',
          '"ana+`touch /DIR/c`"', '"ana+|touch /DIR/d"',
          '"ana+${run{touch /DIR/e}}"', '"ana+() { :;}; touch /DIR/f"',
          '"ana+\\" ; touch /DIR/g ; \\""', '"ana+\' ; touch /DIR/h ; \'"',
          "ana+-oX", '"ana+DEFAULT=/DIR/i"', '"ana+a\\\\"', "ana+..",
          '"ana+\t&& touch /DIR/j"', '"ana+>/DIR/k"', "ana+ext"]
SENDERS = ['"`touch /DIR/m`"@far.example', '"$(touch /DIR/n)"@far.example',
           '";touch /DIR/o;"@far.example', "-oX/DIR/p@far.example",
           '"| touch /DIR/q"@far.example', '"() { :;}; touch /DIR/r"@x.example',
           ""]
PROCMAIL = "IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #ana"
COMMANDS = {
    "procmail": ("procmail", '/usr/bin/procmail -a "$EXTENSION" '
                 "DEFAULT=$HOME/box", None),
    "procmail, a Maildir": ("procmail", "/usr/bin/procmail -a $EXTENSION "
                            "DEFAULT=$HOME/Maildir/ MAILDIR=$HOME", None),
    "procmail, forward": ("procmail", "", f'"|{PROCMAIL}"\n'),
    "maildrop": ("maildrop", "/usr/bin/maildrop", None),
    "dovecot-lda": (LDA, f'{LDA} -c DIR/dovecot.conf -f "$SENDER" '
                    '-a "$RECIPIENT"', None),
}
DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = no
mail_location = mbox:~/mail:INBOX=~/box
first_valid_uid = 1
postmaster_address = postmaster@mail.example.test
recipient_delimiter = +
sendmail_path = /bin/false
"""


def texts(directory):
    """All messages below it."""
    found = []
    for where, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                found += re.findall(rb"(?m)^X-Number: (\d+)$", f.read())
    return sorted(int(number) for number in found)


@pytest.mark.parametrize("name", COMMANDS)
def test_strangers(make_instance, name):
    program, command, forward = COMMANDS[name]
    if not shutil.which(program):
        pytest.skip(f"needs {program}")
    mail = make_instance(*COMMON, "recipient_delimiter = +",
                         "allow_min_user = yes", users=["ana"])
    home, uid = mail.make_home("ana"), mail.uids["ana"]
    canaries = os.path.join(mail.directory, "canaries")
    os.mkdir(canaries)
    os.chmod(canaries, 0o1777)
    mail.configure("mailbox_command = "
                   + command.replace("DIR", mail.directory))
    if forward:
        own(os.path.join(home, ".forward"), uid, 0o644, forward.encode())
    # A .procmailrc and a .mailfilter that look at what they are given.
    box = os.path.join(home, "box")
    own(os.path.join(home, ".procmailrc"), uid, 0o644,
        f"ARG=$1\nLOGFILE={home}/log\nDEFAULT={box}\n"
        ":0 c\n| echo \"$ARG\" > /dev/null\n".encode())
    own(os.path.join(home, ".mailfilter"), uid, 0o600,
        f'`echo "$EXTENSION" > /dev/null`\nto "{box}"\n'.encode())
    own(box, uid, 0o600)
    with open(os.path.join(mail.directory, "dovecot.conf"), "w",
              encoding="ascii") as f:
        f.write(DOVECOT.format(dir=home))
    mail.start()
    # dovecot-lda itself refuses that one.
    letters = [(local, "me@far.example") for local in LOCALS
               if program != LDA or "() {" not in local] + [
        ("ana", sender) for sender in SENDERS]
    for number, (local, sender) in enumerate(letters):
        with Smtp(mail.port) as smtp:
            smtp.command("EHLO client.example", 250)
            smtp.envelope(
                sender.replace("/DIR", canaries),
                [local.replace("/DIR", canaries) + "@mail.example.test"])
            answer = smtp.data(f"X-Number: {number}\n\nhello\n")
            assert answer.code == 250, answer
    count = len(letters)
    mail.wait_for(lambda: len(mail.log_lines(
        r"local\[.* to=<.*status=")) >= count, 60)
    assert not mail.log_lines(r"local\[.* status=(bounced|deferred)")
    # What an extension makes a path or a folder of stays in the home.
    assert sorted(set(texts(home))) == list(range(count))
    assert not os.listdir(canaries)
