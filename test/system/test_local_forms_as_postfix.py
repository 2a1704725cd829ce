# SPDX-License-Identifier: ISC
"""Aliases and ~/.forward as people write them: each form beside Postfix."""

import pytest

from lib import twins

USERS = [f"u{i}" for i in range(1, 31)]

# Each is mailed to by its name.
LISTS = r"""
continued: u1,
  u2,
	u3
comments: u1 (one, two), (x) u2 # not a comment
group: friends: u1, u2;
route: <@a.example,@b.example:u1@twins.test>
brackets: <u1>, "U Two" <u2>
quoted-space: "u 1"
phrase: User One u1
two-words: u1 u2
no-domain: u1@
no-user: @twins.test
domains: u1@twins.test, u2@TWINS.TEST, u3@localhost
literal: u1@[127.0.0.1]
bang: host!u1
percent: u1%twins.test
percent-far: u1%other.example@twins.test
empty-quotes: ""
empty-brackets: <>
pipe-quotes: "|echo \"a b\" > HERE/out/pq"
pipe-bare: |/bin/true
pipe-redirects: |/bin/echo>HERE/out/bare
pipe-comma: "|echo a,b > HERE/out/pc", u1
pipe-nothing: "|"
pipe-space: "| cat > HERE/out/ps"
file-twice: HERE/out/fd, HERE/out/fd, u1
file-space: "HERE/out/f q"
file-relative: ./x/y
file-zero: /dev/zero
file-full: /dev/full
file-no-dir: HERE/out/nodir/file
file-maildir: HERE/out/maildir/
home: ~/x
home-of: ~u1/x
inc-quoted: ":include:HERE/out/list"
inc-upper: :INCLUDE:HERE/out/list
inc-space: ":include: HERE/out/list"
inc-twice: :include:HERE/out/list, :include:HERE/out/list
inc-nested: :include:HERE/out/nested
inc-self: :include:HERE/out/self
inc-dir: :include:HERE/out
inc-empty: :include:HERE/out/empty
inc-nothing: :include:
inc-world: :include:HERE/out/world
inc-bad: :include:HERE/out/bad
inc-user: :include:HERE/out/of-user
inc-root: :include:HERE/out/of-root
inc-secret: u2, :include:HERE/out/secret
inc-secret-dir: ":include:HERE/out/secrets/list",u3
inc-owned: :include:HERE/out/list
owner-inc-owned: u9
own-unknown: u1, nobody-x
owner-own-unknown: nobody-y
own-two: u1
owner-own-two: u1, u2
own-far: a@elsewhere.example
owner-own-far: boss@far.example
own-pipe: u1
owner-own-pipe: |/bin/false
own-list: own-two
owner-own-list: u5
list-request: u5
owner-owner-x: u6
backslash: \u1, \\u2, u\3
backslash-alias: \continued
backslash-far: \a@elsewhere.example
backslash-here: \u1@twins.test
colon: u1: u2
utf8: ü1
plus: u1+x
plus-alias: continued+x
many: u1,u2,u3,u1,u2,u3,U1,u1@twins.test
dash: -u1, -f
null-and-user: /dev/null, u1
deep1: deep2
deep2: deep3
deep3: u1
cycle1: cycle2, u1
cycle2: cycle1, u2
Upper: u1
"quoted-name": u2
"spaced name": u3
quoted-parts: "u1", "u 2"@twins.test, u3@"twins.test"
empty:
comma: ,
trailing: u1,
u20: \u20, u1
u21: u21+copy, u1
u22: u22@elsewhere.example
u23: /dev/null
u24: nobody-z
"""

FORWARDS = (
    '"|echo $LOGNAME $HOME $SHELL $EXTENSION > ~/out$EXTENSION"',
    "|echo x", "~/Mail/x", "~/box", "/dev/null", "\\u6", "\\u6, u20", "u7",
    "U8", "u7@twins.test", "u20\n# x\n\nu21,\n u22", "nobody-q",
    "a@elsewhere.example", "~u1/x", ":include:/no/such/list",
    ":include:~/list", ":include:HERE/homes/u17/list", "\\", "\"\\u18\"",
    ",,", "\"|exit 75\", u20", "\"|exit 67\"", "u20@twins.test \n u21@",
    "HERE/homes/u24/Maildir/", "|\"/bin/echo a > ~/quoted\"",
    "\"| /bin/sh -c 'echo $SENDER $RECIPIENT $USER $DOMAIN $LOCAL "
    "$ORIGINAL_RECIPIENT $CLIENT_ADDRESS $CLIENT_PROTOCOL > ~/env'\"",
    "\"|IFS=' ' && exec cat > ~/ifs || exit 75 #u27\"")

# exit codes and what commands say
SAYINGS = {
    "later": "echo 4.2.2 full; exit 1", "fine": "echo 4.0.0 ok; exit 75",
    "lines": "echo 5.7.1 a; echo b; exit 75", "odd": "echo 9.9.9 z; exit 1",
    "empty": "echo 5.7.1; exit 1", "error": "echo err >&2; exit 1",
    "done": "echo hi; exit 0", "term": "kill -15 $$",
    "missing": "exec /nonexistent/x", "unreadable": "/etc/passwd",
    "deaf": "exec 0<&-; exit 0",
    "large": "head -c 70000 /dev/zero > HERE/out/large",
    "small": "head -c 50000 /dev/zero > HERE/out/small"}
CODES = (1, 2, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
         100, 111, 126, 127, 255)


def lists():
    g = twins.Group(users=USERS, aliases=LISTS)
    g.file("out/list", "# c\n\nu1,\n u2\n\"u3\" # trailing\nu4 (c)\n  u5\n")
    g.file("out/nested",
           ":include:HERE/out/list\n:include:HERE/out/nofile\nu6\n")
    g.file("out/self", "u1\n:include:HERE/out/self\n")
    g.file("out/empty", "")
    g.file("out/world", "u1\n", 0o666)
    g.file("out/bad", "u1\nu2@\n<u3\n(u5\nu6\n")
    g.file("out/of-user", "u1\n\"|id > HERE/out/user-id\"\n~/file\n",
           owner="u7")
    g.file("out/of-root", "u1\n\"|id > HERE/out/id\"\nHERE/out/written\n")
    for name in ("out/secret", "out/secrets/list"):
        g.file(name, "u1\nu2\n\"|id > HERE/out/secret-id\"\n", 0o600)
    names = [line.split(":")[0].strip('"') for line in LISTS.splitlines()
             if line and not line[0].isspace()]
    for name in names:
        g.case(name.replace(" ", "-"), f'"{name}"' if " " in name else name)
    g.case("more-slash", "u1+a/b")
    for name in ("u21+x", "continued+x", "owner-own-two+x", "list-request+z",
                 "nobody+x", "u1+a+b", "u1+", "+x", "u1++", "owner-nolist",
                 "nolist-request", "owner-continued", "own-far+ext",
                 "domains+ext", "pipe-bare+ext"):
        g.case("more-" + name, name)
    return g


def forwards():
    g = twins.Group(users=USERS, aliases="a1: u1\n")
    for i, text in enumerate(FORWARDS, 1):
        g.file(f"~u{i}/.forward", text + "\n")
        g.case(f"f-{i}", f"u{i}")
        if i < 7:
            g.case(f"f-{i}-ext", f"u{i}+ext")
    g.file("~u17/list", "u20\nu21\n\"|id > ~/inc\"\n")
    g.file("~u28/.forward", "u20\n", 0o666)
    g.file("~u29/.forward", "u20\n", 0o644, "u1")
    g.file("~u30/.forward+a+b", "u20\n")
    g.file("~u30/.forward+a", "u21\n")
    for name in ("u28", "u29", "u30+a+b", "u30+a", "u30+A", "u30", "u30+c"):
        g.case("g-" + name, name)
    for i, header in enumerate((
            "Delivered-To: u20@twins.test", "delivered-to : U20@TWINS.test",
            "Delivered-To: <u20@twins.test>\nDelivered-To: x")):
        g.case(f"loop-{i}", "u20", headers=header + "\n")
    g.case("no-loop", "u20", content="Delivered-To: u20@twins.test\n")
    return g


def settings():
    aliases = "".join(f"x{code}: \"|exit {code}\"\n" for code in CODES)
    aliases += "".join(f"say-{name}: \"|{what}\"\n"
                       for name, what in SAYINGS.items())
    aliases += "md: HERE/out/md/\nl: m, u1\nm: l, u2\nn: n2\nn2: u3\n"
    g = twins.Group(
        ["frozen_delivered_to = no", "home_mailbox = in/box",
         "mail_spool_directory = HERE/mail/", "duplicate_filter_limit = 100",
         "forward_path = HERE/out/$user.fwd, $home/.fw${extension?+$extension}"
         ", $home/.forward${recipient_delimiter}${extension}",
         "recipient_delimiter = +-", "expand_owner_alias = yes",
         "message_size_limit = 50000", "mailbox_size_limit = 60000"],
        USERS, aliases)
    g.file("out/u10.fwd", "u11\n", owner="u10")
    g.file("out/u12.fwd", "u11\n", owner="u11")
    g.file("~u13/.fw+x", "u14\n")
    g.file("~u13/.fw", "u15\n")
    g.file("~u16/.forward-x", "u17, md\n")
    g.file("~u16/.forward+x", "u18\n")
    for name in aliases.splitlines():
        g.case(name.split(":")[0], name.split(":")[0])
    for name in ("u10", "u12", "u13+x", "u13", "u13-x", "u16-x", "u16+x",
                 "u16", "u16-y", "u16-x+y"):
        g.case("p-" + name, name)
    return g


GROUPS = {"lists": lists, "forwards": forwards, "settings": settings}


@pytest.mark.root
@pytest.mark.users
@pytest.mark.peer
@pytest.mark.parametrize("name", GROUPS)
def test_forms(name):
    GROUPS[name]().compare()
