# SPDX-License-Identifier: ISC
"""The course notes' dialogues with mail(1), typed on a terminal: what the
screen shows is what the notes print. Dates and sizes in bytes apart; what is
typed stands between « and »."""

import os
import re
import shutil
import subprocess

import pytest

from lib import instance, lessons, terminal

pytestmark = [
    pytest.mark.root, pytest.mark.users,
    pytest.mark.skipif(terminal.why_not() is not None,
                       reason=str(terminal.why_not()))]

GROUP = "mail"  # any that is there
NAMES = {"pue": "pue"}  # the others have no full name
SPOOL = "/var/spool/mail"


class Host:
    """A system with users who have a shell."""

    def __init__(self, mail, name):
        self.mail = mail
        self.name = name
        self.bin = os.path.join(mail.directory, "bin")
        os.mkdir(self.bin)
        for program in ("mailx", "sendmail", "postdrop", "postalias",
                        "newaliases", "postqueue", "chasqui"):
            shutil.copy(instance.program(program), self.bin)
        os.symlink("mailx", os.path.join(self.bin, "mail"))
        os.symlink("postqueue", os.path.join(self.bin, "mailq"))
        postdrop = os.path.join(self.bin, "postdrop")
        shutil.chown(postdrop, group=GROUP)
        os.chmod(postdrop, 0o2755)
        mail.tool("postconf", "-c", mail.etc, "-e",
                  f"command_directory = {self.bin}",
                  f"setgid_group = {GROUP}",
                  f"mail_spool_directory = {SPOOL}",
                  f"alias_maps = hash:{mail.etc}/aliases",
                  f"alias_database = hash:{mail.etc}/aliases")
        path = os.path.join(mail.directory, "passwd")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for user, full_name in NAMES.items():
            text = re.sub(rf"(?m)^({user}:x:\d+:\d+:):", rf"\1{full_name}:",
                          text)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        for user in mail.uids:
            mail.make_home(user)

    def start(self):
        """With a mail spool of its own, and its configuration as the usual
        one, which is the only one that postdrop takes from anybody."""
        spool = os.path.join(self.mail.directory, "var-mail")
        os.mkdir(spool)
        os.chmod(spool, 0o1777)
        self.mail.tool("postfix", "-c", self.mail.etc, "set-permissions")
        self.mail.start()
        self.inside(f"mount --bind {spool} /var/mail && "
                    "d=/etc/postfix; [ ! -d /etc/chasqui ] || d=/etc/chasqui; "
                    f"mkdir -p $d && mount --bind {self.mail.etc} $d")

    def enter(self, user=None):
        words = ["nsenter", f"--mount=/proc/{self.mail.process.pid}/ns/mnt"]
        if user:
            uid = self.mail.uids[user]
            words += ["setpriv", "--reuid", str(uid), "--regid", str(uid),
                      "--clear-groups"]
        return words

    def inside(self, script):
        subprocess.run([*self.enter(), "sh", "-ec", script], check=True,
                       stdin=subprocess.DEVNULL)

    def environment(self, user):
        home = self.mail.home_of(user)
        return {"HOME": home, "LOGNAME": user, "USER": user,
                "MAIL": f"{SPOOL}/{user}", "LC_ALL": "C.UTF-8",
                "PATH": f"{self.bin}:/usr/bin:/bin", "SHELL": "/bin/sh",
                "MAILRC": f"{home}/.mailrc", "HISTFILE": "/dev/null",
                "sendmail": f"{self.bin}/sendmail"}

    def play(self, user, text, **options):
        """The screen of a user, from his first prompt to his last."""
        prompt = f"[{user}@{self.name} ~]$ "
        home = self.mail.home_of(user)
        rc = os.path.join(home, "bashrc")
        with open(rc, "w", encoding="utf-8") as f:
            # The system-wide start-up file may be another mail command's.
            f.write(f"PS1='{prompt}'\ncd\n"
                    "mail() { command mail -n -S line-editor-disable "
                    '"$@"; }\n')
        command = [*self.enter(user), "bash", "--noprofile", "--rcfile", rc,
                   "--noediting"]
        with terminal.Terminal(home, command, self.environment(user)) as t:
            t.play(lessons.screen(prompt, text), lessons.plain, **options)

    def has_mail(self, user, count):
        def is_there():
            try:
                with open(self.mail.inside(f"/var/mail/{user}"), "rb") as f:
                    text = f.read()
            except FileNotFoundError:
                return False
            return len(re.findall(rb"(?m)^From ", text)) == count
        self.mail.wait_for(is_there)


def start(make_instance, name, users, aliases=""):
    mail = make_instance(f"myhostname = {name}", "mydomain = localdomain",
                         "append_dot_mydomain = yes", users=users)
    host = Host(mail, name.partition(".")[0])
    with open(os.path.join(mail.etc, "aliases"), "w", encoding="utf-8") as f:
        f.write(aliases)
    mail.tool("postalias", "-c", mail.etc, f"hash:{mail.etc}/aliases")
    host.start()
    return host


def test_an_alias(make_instance):
    host = start(make_instance, "centos7-1.localdomain", ["user1", "payam"],
                 "lpic1: root\nroot: payam\n")
    lessons.play_alias(host)
    host.play("payam", """
$ «mail»
No mail for payam""")


def test_forward(make_instance):
    host = start(make_instance, "centos7-1.localdomain",
                 ["user1", "user2", "payam"])
    lessons.play_forward(host)


def test_without_a_mail_system(make_instance):
    host = start(make_instance, "localhost.localdomain", ["pue"])
    home = host.mail.home_of("pue")
    host.play("pue", """
$ «mail»
No mail for pue""")
    host.play("pue", f"""
$ «export sendmail=/nowhere/sendmail»
$ «mail pue»
{lessons.HELLO}«.»
EOT
/nowhere/sendmail: No such file or directory
"{home}/dead.letter" 12/275
. . . message not sent.""")
    with open(os.path.join(home, "dead.letter"), encoding="utf-8") as f:
        assert f.read().endswith("\n\nhello pue\nthis is a message from user "
                                 "pue to user pue\njust ti prove mail\nbye\n")
    host.play("pue", f"""
$ «mail pue»
{lessons.HELLO}«.»
EOT""")
    host.has_mail("pue", 1)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 1 message 1 new
>N  1 pue                   Tue Nov  9 17:15  21/915   "hello pue"
& «q»
Held 1 message in /var/spool/mail/pue""")


def test_two_people(make_instance):
    host = start(make_instance, "localhost.localdomain", ["pue", "pere"],
                 "totis: pue, pere\n")
    host.play("pere", """
$ «mail pue»
Subject: «message from pere to pue»
«hi pue,»
«ho do you do?»
«bye!»
«^D»EOT
$ «mail»
No mail for pere""")
    host.has_mail("pue", 1)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 1 message 1 new
>N  1 pere@localhost.local  Tue Nov  9 17:21  20/877   "message from pere to pue"
& «q»
Held 1 message in /var/spool/mail/pue""")
    host.play("pere", """
$ «mail pue»
Subject: «second message»
«hi, this is my second message to pue»
«i am pere»
«bye»
«^D»EOT""")
    host.has_mail("pue", 2)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 2 messages 1 new 2 unread
 U  1 pere@localhost.local  Tue Nov  9 17:21  21/887   "message from pere to pue"
>N  2 pere@localhost.local  Tue Nov  9 17:22  20/881   "second message"
& «h»
 U  1 pere@localhost.local  Tue Nov  9 17:21  21/887   "message from pere to pue"
>N  2 pere@localhost.local  Tue Nov  9 17:22  20/881   "second message"
& «unset newmail»
& «r2»
To: pere@localhost.localdomain pue@localhost.localdomain
Subject: Re: second message

pere@localhost.localdomain wrote:

> hi, this is my second message to pue
> i am pere
> bye
«hi pere, thanks for your two messages»
«ciao»
«^D»EOT
& «1»
Message  1:
From pere@localhost.localdomain  Tue Nov  9 17:21:36 2021
Return-Path: <pere@localhost.localdomain>
X-Original-To: pue
Delivered-To: pue@localhost.localdomain
Date: Tue, 09 Nov 2021 17:21:36 +0100
To: pue@localhost.localdomain
Subject: message from pere to pue
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: pere@localhost.localdomain
Status: RO

hi pue,
ho do you do?
bye!

& «d 1»
& «h»
>A  2 pere@localhost.local  Tue Nov  9 17:22  20/881   "second message"
& «q»
New mail has arrived.
Held 1 message in /var/spool/mail/pue""",
              before={"q": lambda: host.has_mail("pue", 3)})
    host.has_mail("pere", 1)
    host.play("pere", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pere": 1 message 1 new
>N  1 pue                   Tue Nov  9 17:24  26/1098  "Re: second message"
& «1»
Message  1:
From pue@localhost.localdomain  Tue Nov  9 17:24:19 2021
Return-Path: <pue@localhost.localdomain>
X-Original-To: pere@localhost.localdomain
Delivered-To: pere@localhost.localdomain
Date: Tue, 09 Nov 2021 17:24:19 +0100
To: pue@localhost.localdomain, pere@localhost.localdomain
Subject: Re: second message
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: pue <pue@localhost.localdomain>
Status: R

pere@localhost.localdomain wrote:

> hi, this is my second message to pue
> i am pere
> bye
hi pere, thanks for your two messages
ciao

& «q»
Held 1 message in /var/spool/mail/pere""")
    host.play("pue", lessons.TOTIS)
    # The answer went to pue, too.
    host.has_mail("pue", 3)
    host.has_mail("pere", 2)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 3 messages 2 new
 A  1 pere@localhost.local  Tue Nov  9 17:22  22/904   "second message"
>N  2 pue                   Tue Nov  9 17:24  26/1098  "Re: second message"
 N  3 pue                   Tue Nov  9 17:52  20/898   "hello totis"
& «3»
Message  3:
From pue@localhost.localdomain  Tue Nov  9 17:52:03 2021
Return-Path: <pue@localhost.localdomain>
X-Original-To: totis
Delivered-To: totis@localhost.localdomain
Date: Tue, 09 Nov 2021 17:52:03 +0100
To: totis@localhost.localdomain
Subject: hello totis
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: pue <pue@localhost.localdomain>
Status: R

this is a super fashion email
to totis, that is, to lgthih
bye

& «x»""")
    host.play("pere", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pere": 2 messages 1 new
    1 pue                   Tue Nov  9 17:24  27/1099  "Re: second message"
>N  2 pue                   Tue Nov  9 17:52  20/898   "hello totis"
& «q»
Held 2 messages in /var/spool/mail/pere""")


def test_from_the_command_line(make_instance):
    """What scripts write, options behind the address among it."""
    host = start(make_instance, "localhost.localdomain", ["pue"])
    host.play("pue", """
$ «echo some text >test.txt; seq 3 >list»
$ «mail -s "subject" pue»
«from the keyboard»
«.»
EOT
$ «mail -s "subject" pue < ~/test.txt»
$ «mail -s "subject" pue -a ~/list < /dev/null»
$ «echo -e "contenido\\ndel correo" | mail -s "asunto del correo" "pue"»
$ «mail -s "Maintenance fail" pue <<<"The script failed at noon"»""")
    host.has_mail("pue", 5)
    with open(host.mail.inside("/var/mail/pue"), "rb") as f:
        text = f.read().decode()
    for part in ("\n\nfrom the keyboard\n\n", "\n\nsome text\n\n",
                 "\n\ncontenido\ndel correo\n\n",
                 "\n\nThe script failed at noon\n\n",
                 "\nSubject: asunto del correo\n",
                 "\nSubject: Maintenance fail\n",
                 '\nContent-Disposition: attachment;\n filename="list"\n'
                 "\n1\n2\n3\n"):
        assert part in text, text
    assert text.count("\nSubject: subject\n") == 3
