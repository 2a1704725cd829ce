# SPDX-License-Identifier: ISC
"""The parts of mailx in POSIX.1-2024, and which of them need a terminal."""

# What it says about variables that are not set at the start, for a program
# that starts with more.
RC = """set noappend noask noautocollapse nocrt nodot noemptybox
set nohold noindentprefix nokeep nomarkanswered nonewmail noquote noshowname
set noshowto
"""

OPTIONS = "-e -E -f -F -H -i -n -N -s -u"
OTHERS = "address STDIN MAILRC start-up msglist"
VARIABLES = """allnet append ask asksub askbcc askcc autoprint bang cmd crt
debug dot escape flipr folder header hold ignore ignoreeof indentprefix keep
keepsave metoo onehop outfolder page prompt quiet record save screen sendwait
showto sign Sign toplines"""
ENVIRONMENT = """COLUMNS DEAD EDITOR HOME LISTER MAILRC MBOX PAGER SHELL TERM
TZ VISUAL"""
COMMANDS = """alias group alternates cd chdir copy Copy delete discard ignore
dp dt echo edit exit xit file folder folders followup Followup from headers
help hold preserve if else endif list mail mbox next pipe print type Print Type
quit Reply Respond reply respond retain save Save set shell size source top
touch unalias undelete unset visual write z ! # ="""
ESCAPES = """~! ~. ~: ~_ ~? ~A ~a ~b ~c ~d ~e ~f ~F ~h ~i ~m ~M ~p ~q ~r ~s ~t
~v ~w ~x ~| ~~"""

# Only with somebody there (or tested together with what they work with).
TTY = set("""ask asksub askbcc askcc dot ignore ignoreeof prompt PAGER TERM
~a ~A ~e ~v ~h edit visual SIGINT SIGHUP SIGTSTP crt escape""".split())


def check_complete(seen, tty):
    every = set(" ".join((OPTIONS, OTHERS, VARIABLES, ENVIRONMENT, COMMANDS,
                          ESCAPES, "SIGINT SIGHUP SIGTSTP")).split())
    wanted = TTY if tty else every - TTY
    assert not wanted - seen, sorted(wanted - seen)
