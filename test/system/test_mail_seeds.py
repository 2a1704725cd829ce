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
    lessons.play_letters(host)
    lessons.play_list(host)


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
