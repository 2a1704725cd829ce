# SPDX-License-Identifier: ISC
"""A system with students who sit at terminals: our package was just installed
on it. See debroot.py."""

import os
import re

from . import debroot, lessons, terminal
from .package_host import Host

WHY_NOT = debroot.why_not() or terminal.why_not()

# What changes besides dates and sizes, on both sides of a comparison.
VARIES = (
    (r"(?m)^[0-9A-F]{6,} +\d+ " + lessons.DAY + r":\d\d ", "ID SIZE DATE "),
    (r"queued as [0-9A-F]+", "queued as ID"),
    (r" SIZE=\d+", " SIZE=N"),
    (r"\d+ aliases, longest \d+ bytes, \d+ bytes total", "ALIASES"),
)


def plain(text):
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return lessons.plain(text)


class Class(Host):
    """A system with students."""

    def __init__(self, package, name, users, *settings):
        super().__init__(package)
        self.name = name.partition(".")[0]
        self.make_fresh()
        self.sh(r"""
	echo set line-editor-disable >/etc/mail.rc
	hostname "$0"
        """, name)
        self.install()
        self.sh(r"""
	update-alternatives --set mailx /usr/bin/chasqui-mailx
	for user in $0; do
		useradd -m -s /bin/bash $user
	done
	postconf -e myhostname=$1 mydomain=localdomain \
	    append_dot_mydomain=yes
        """, " ".join(users), name)
        for setting in settings:
            self.run("postconf", "-e", setting)
        self.run("postfix", "start")

    def play(self, user, text, **options):
        """The screen of a user, from his first prompt to his last: see
        terminal.py."""
        prompt = f"[{user}@{self.name} ~]" + ("# " if user == "root" else "$ ")
        self.sh("""
	cat >/tmp/rc <<-END
		PS1='$1'
		MAIL=/var/spool/mail/$0
		cd
	END
        """, user, prompt)
        command = self.command(
            "su", user, "--session-command",
            "exec bash --noprofile --rcfile /tmp/rc --noediting")
        with terminal.Terminal(self.work, command, {
                "PATH": os.environ["PATH"]}, size=(120, 120)) as t:
            t.play(lessons.screen(prompt, text), plain, **options)

    def has_mail(self, user, count):
        def count_now():
            return len(re.findall("(?m)^From ", self.mailbox(user)))
        self.wait_for(lambda: count_now() == count,
                      f"{count} messages for {user}, not {count_now()}")
