# SPDX-License-Identifier: ISC
"""sendmail beside Debian's: what it leaves in maildrop/, what it says."""

import pytest

from lib import sendmail_peer
from lib.sendmail_peer import Call

pytestmark = pytest.mark.skipif(sendmail_peer.why_not() is not None,
                                reason=str(sendmail_peer.why_not()))


def options():
    for words in (
            # who sends
            ["-f", "me@example.com", "x"], ["-fme@example.com", "x"],
            ["-r", "me", "x"], ["-rme", "x"], ["-f", "", "x"],
            ["-f", "<>", "x"], ["-f", "<a@b>", "x"],
            ["-f", "A B <a@b>", "x"], ["-f", "a b@c", "x"],
            ["-f", '"a b"@c', "x"], ["-f", "a@b, c@d", "x"],
            ["-f", "a@b (c)", "x"], ["-f", "@x:a@b", "x"],
            ["-f", "a!b!c", "x"], ["-f", "ä@ö", "x"], ["-f", "-x", "y"],
            ["-f", "a", "-f", "b", "x"], ["-f", "a", "-r", "b", "x"],
            ["-F", "Full Name", "x"], ["-FCronDaemon", "x"], ["-F", "", "x"],
            ["-F", "a <b@c>", "x"], ["-f", "a;b", "x"], ["-f", ";", "x"],
            # to whom
            ["x@y"], ["x@y", "z"], ["x@y,z", "q"], ["x y"], ["x, y"],
            ["A B <x@y>"], [""], [",", "x"], ["<>"], ["(comment)"], ["a b c"],
            ["x@y (z)"], ["'x'@y"], ['"x y"@z'], ["x@[1.2.3.4]"], ["a@b@c"],
            ["\\x@y"], ["x\\"], ["@a,@b:c@d"], ["g: a, b@c;"], ["<a>,<b>"],
            ["|touch /tmp/x"], ["/etc/passwd"], [":include:/x"], ["ä@ö"],
            ["--", "-x"], ["--", "-x", "-f", "y"], ["x", "-f", "y"],
            ["--", "-oQ/tmp"], ["-i", "--", "-t"], ["x;y"], ["x y z@a"],
            ["${run{touch /tmp/x}}@y"], ["`x`@y"], ["$(x)@y"], ["a%b@c"],
            ["a" * 5000], ["a" * 300 + "@" + "b" * 300], ["root", "root"],
            # how it is written
            ["-B", "8BITMIME", "x"], ["-B7BIT", "x"], ["-B8BITMIME", "x"],
            ["-B", "8bitmime", "x"], ["-B", "", "x"], ["-BX", "x"],
            # notices
            ["-N", "success", "x"], ["-N", "success,delay,failure", "x", "y"],
            ["-N", "never", "x"], ["-Nnever,delay", "x"], ["-N", "x", "x"],
            ["-N", "", "x"], ["-N", "FAILURE delay", "x"],
            ["-N", "success,", "x"], ["-N", "success,what,delay", "x"],
            ["-R", "hdrs", "x"], ["-R", "FULL", "x"], ["-R", "x", "x"],
            ["-Rhdrs", "-Nnever", "-Venv", "x"], ["-R", "", "x"],
            ["-V", "envid-1", "x"], ["-V", "a b", "x"], ["-V", "a" * 100, "x"],
            ["-V", "a" * 101, "x"], ["-V", "ä", "x"], ["-V", "a\tb", "x"],
            ["-V", "a\x01", "x"], ["-V", "", "x"],
            # VERP
            ["-XV", "x"], ["-XV+=", "x"], ["-XVab", "x"], ["-XV+", "x"],
            ["-XV-=", "-f", "a@b", "x"], ["-XV", "-f", "", "x"], ["-V+=", "x"],
            ["-V", "ab", "x"], ["-Vab", "x"], ["-V-+", "x"], ["-XV+=-", "x"],
            # reports
            ["-v", "x"], ["-v", "-f", "a@b", "x"], ["-v", "-f", "", "x"],
            ["-bv", "x"], ["-bv", "x", "y@z", "q"], ["-bv", "-f", "", "x"],
            ["-bv", "-f", "a@b", "x y", "z"], ["-bv", "-v", "x"],
            ["-bv", "-N", "never", "x"], ["-bv", "-R", "full", "x"],
            ["-bv", "-t"], ["-bv"], ["-bv", "-F", "x", "y"],
            # without a meaning
            ["-Am", "x"], ["-Ac", "x"], ["-A", "x", "y"], ["-G", "x"],
            ["-h", "5", "x"], ["-h5", "x"], ["-L", "label", "x"], ["-m", "x"],
            ["-U", "x"], ["-c", "x"], ["-e", "m", "x"], ["-em", "x"],
            ["-x", "x"], ["-p", "x", "y"], ["-o7", "x"], ["-o8", "x"],
            ["-om", "x"], ["-oem", "x"], ["-o", "em", "x"], ["-oi", "x"],
            ["-o", "i", "x"], ["-odb", "x"], ["-oQ/tmp/q", "x"], ["-oX", "x"],
            ["-O", "QueueDirectory=/tmp", "x"], ["-O", "x", "y"],
            ["-OQueueDirectory=/tmp", "x"], ["-O", "DeliveryMode=b", "x"],
            ["-bm", "x"], ["-bh"], ["-bH", "x"], ["-i", "-i", "x"],
            ["-itx"], ["-oitx", "x"], ["-im", "x"], ["-oi", "-oem", "x"],
            ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"],
            ["-oi", "-f", "me@x", "-F", "Me", "-t"],
            # wrong
            ["-n", "x"], ["-z", "x"], ["-bx"], ["-b"], ["-f"], ["-B"], ["-X"],
            ["-Xlog", "x"], ["-X/var/www/x.php", "x"], ["-X", "V", "x"],
            ["--help"], ["--version"], ["-?"], ["-h"], ["-bd", "x"],
            ["-bl", "x"], ["-bp", "x"], ["-bi", "x"], ["-q", "x"],
            ["-I", "x"], ["-q", "-bd", "x"], ["-bd", "-q", "x"],
            ["-qX"], ["-qR"], ["-qI"], ["-qRx", "y"], ["-qIx", "y"],
            ["-qSx"], ["-q1h"], ["-q30m", "x"], ["-q1", "-t"], ["-t", "-bp"],
            ["-t", "-q"], ["-bp", "-qRx"], ["-bi", "-qIx"], ["-oA"],
            ["-t", "-bi"], [], ["-f", "a"], ["-t"], ["-it"], ["-i", "-t"],
    ):
        yield Call(*words)
    yield Call("x", name="/usr/lib/sendmail")
    yield Call("x", name="send-mail")
    yield Call(name="send-mail")
    for name in ("mailq", "newaliases"):
        yield Call("x", name=name)
        yield Call("-z", name=name)
        yield Call("-t", name=name)
        yield Call("-bm", "x", name=name)
    yield Call("x", environment={"NAME": "Some One"})
    yield Call("x", environment={"NAME": ""})
    yield Call("-F", "b", "x", environment={"NAME": "a"})
    yield Call("x", environment={"LOGNAME": "bin", "USER": "bin"})
    yield Call("-C", "HOME/etc/main.cf", "x", conf=False)
    yield Call("-CHOME/etc/", "x", conf=False)
    yield Call("-CHOME/nowhere", "x", conf=False)
    yield Call("-q", "-CHOME/etc", "x", conf=False)
    yield Call("x", "-CHOME/etc", conf=False,
               environment={"MAIL_CONFIG": "/nonexistent"})


HEADERS = (
    "To: a\n\nb\n", "To: a, b,c\n\n", "To: a\nCc: b\nBcc: c\n\nx\n",
    "to:a\n\n", "TO : a\n\n", "To\t : a\n\n", "To:a\n b\n\n", "To:\n a,\n\tb\n\n",
    "To: A B <a@b>, C <c@d>\n\n", 'To: "A, B" <a@b>\n\n', "To: a (b, c), d\n\n",
    "To: g: a, b;, c\n\n", "To: undisclosed-recipients:;\n\n", "To: <>\n\n",
    "To:\n\n", "Cc: a\n\n", "Bcc: a\nbcc: b\n\n", "Apparently-To: a\n\n",
    "Resent-To: a\nTo: b\n\n", "To: b\nResent-To: a\n\n", "Resent-Bcc: a\n\n",
    "Resent-Cc: a\nResent-To: b\nCc: c\n\n", "Resent-From: a\nTo: b\n\n",
    "Resent-Reply-To: a\nTo: b\n\n", "X-To: a\n\n", "Subject: x\n\nTo: a\n",
    "To: a\nno header\nCc: b\n\n", "no header\nTo: a\n", "\nTo: a\n", "To: a",
    "To: a\nCc: b", "To: a\n\nb", "To: a\n\n", "To: a\n.\nCc: b\n", ".\n", "",
    "To: a\n\n.\nx\n", "To: a\r\nCc: b\r\n\r\nx\r\n", "To: a\r\n\r\n.\r\nx\r\n",
    "To: a\r\r\n\r\nb\r\r\n", "To: a\rb\n\n", "From x\nTo: a\n\n",
    ">From x\nTo: a\n\n", "From x\n>From y\nTo: a\n\n", "From: x\nTo: a\n\n",
    "From x\r\nTo: a\r\n\r\n", "To: a\nFrom x\n\n", "To: a\n\nFrom x\n",
    "From x", "To: @a:b@c\n\n", "To: a b c\n\n", "To: a@b c@d\n\n",
    "To: a;b\n\n", "To: \"a\n\n", "To: (a\n\n", "To: <a\n\n", "To: a>\n\n",
    "To: a,,b\n\n", "To: ,a\n\n", "To: a@b@c\n\n", "To: [a]\n\n",
    "To: a\0b\n\n", "To: a\n b\0c\n d\n\n", "X: a\0b\nTo: c\n\n", "To\0: a\n\n",
    "X: y\nTo: a\nTo: b\n\nx\0y\n", "To: =?utf-8?q?a?= <a@b>\n\n",
    "To: ä@ö\n\n", "To: \\a\n\n", "To: a\n \nb\n\n", "To: a\n\t\n\n",
    ": a\nTo: b\n\n", "To: a\n : b\n\n", "To: " + "a" * 3000 + "\n\n",
    "To: " + ", ".join(f"user{i}@example.com" for i in range(500)) + "\n\n",
    "To: " + ",\n ".join(f"user{i}@example.com" for i in range(5000)) + "\n\n",
    "X: " + "y" * 2046 + "\nTo: a\n\n", "X: " + "y" * 2045 + "\nTo: a\n\n",
    "X: " + "y" * 2044 + "\nTo: a\n\n", "X" * 2048 + ": y\nTo: a\n\n",
    "X" * 2100 + ": y\nTo: a\n\n", "X: " + "y" * 110000 + "\nTo: a\n\n",
    "To: a\nX:" + "\n " * 60000 + "\n\n", "To: a\n\n" + "z" * 2048 + "\n",
    "To: a\n\n" + "z" * 5000 + "\nx\n", "To: a\n\n" + "z" * 2048 + "\n.\n",
    "To: a\nX: " + "y" * 200000 + "\n\n",
    "X: " + "y" * 102396 + "\n z\nTo: a\n\n",
    "To: a\n" + "".join(f"X-{i}: y\n" for i in range(2000)) + "\n",
    "Content-Type: multipart/mixed; boundary=x\nTo: a\n\n--x\nTo: b\n\n--x--\n",
    "Content-Type: message/rfc822\nTo: a\n\nTo: b\n\nx\n",
)


def extractions():
    for text in HEADERS:
        yield Call("-t", text=text)
        yield Call("-t", "-i", "q@r", text=text)
    for text in HEADERS[:8]:
        yield Call("-t", "-N", "delay", "-f", "", text=text)
        yield Call("-t", "-v", text=text)
    yield Call("-t", text="X: " + "y" * 50 + "\n " + "z" * 50 + "\n a\nTo: a\n\n",
               main_cf="header_size_limit = 60\n")
    for end in ("", "\n", "\n\n"):
        yield Call("-t", text="To: " + "a" * 100 + end,
                   main_cf="header_size_limit = 60\n")
    yield Call("-t", text="To: " + "a" * 1000 + "\n\n" + "b" * 1100 + "\n",
               main_cf="line_length_limit = 512\n")


BODIES = (
    "", "\n", "x", "x\n", ".", ".\n", "a\n.\nb\n", "a\n..\nb\n", "a\n.b\n",
    "a\r\n.\r\nb\r\n", "a\n.", "a\n.\r", "a\r\nb\n", "a\nb\r\n", "\r\n", "\r",
    "a\rb\r\n", "a\r\r\r\n", "\0\n", "a\0b\n", "From x\na\n", "from x\na\n",
    ">>>From x\na\n", "> From x\na\n", "From x\n\nFrom y\n", "From\n", "From ",
    "x" * 2047 + "\n", "x" * 2048 + "\n", "x" * 2049 + "\n", "x" * 2048,
    "x" * 2048 + "\n.\n", "x" * 2048 + ".\ny\n", "x" * 4096 + "\n",
    "x" * 2047 + "\r\n", "x" * 2048 + "\r\n", "x" * 2046 + "\r\r\n",
    "x" * 100000 + "\n", "x\n" * 50000, "From " + "x" * 3000 + "\na\n",
    "ä\nö\n", b"\xff\xfe\n", b"\x80" * 3000, ".\n.\n", "..\n",
    "x" * 65536 + "\n" + "y" * 65535 + "\n", "a\n.\n" + "b\n" * 100,
)


def contents():
    for text in BODIES:
        yield Call("x", text=text)
        yield Call("-i", "x", text=text)
    for text in BODIES[:20]:
        for value in ("strict", "never"):
            yield Call("x", text=text,
                       main_cf=f"sendmail_fix_line_endings = {value}\n")
    yield Call("x", main_cf="sendmail_fix_line_endings = Always\n")
    yield Call("x", text="a" * 3000 + "\n", main_cf="line_length_limit = 512\n")
    for size in (90, 100, 4000, 5000, 70000, 200000):
        yield Call("x", text="a" * size, main_cf="message_size_limit = 5000\n")
    yield Call("x", text="a" * 200000, main_cf="message_size_limit = 0\n")


def configurations():
    for value in ("", "root", "!root", "!root, static:all", "static:all",
                  "bin, root", "bin", "Root", "!bin, static:all", "HOME/list",
                  "!HOME/list, static:x", "HOME/none", "!!root", "root, !root",
                  "unknown", "!unknown, static:any", "inline:{root=x}",
                  "regexp:{{/^ro+t/ x}}", "bin, inline:{bin=x}, root"):
        yield Call("x", main_cf=f"authorized_submit_users = {value}\n")
    for line in ("message_size_limit = x", "queue_directory = /nonexistent",
                 "line_length_limit = y", "default_verp_delimiters = -+"):
        yield Call("-XV", "x", main_cf=line + "\n")


OWNED = ("*", "root", "ROOT@Mail.Example.com", "@a.example", "@A.EXAMPLE x",
         "<>", "@", '"a b"@c.example', '"a b"@c.example,<>', "us\\,er@x",
         "{a+b@c.example}", "a@c.example, root@mail.example.com,@d.example",
         "\u00e9t\u00e9@\u00c9t\u00e9.example", "x@*", "uid:0", "<x@y>", "+x@y")
SENDERS = ("root", "", "root+ext", "Root@mail.example.com", "a@a.example",
           "a@sub.a.example", "a b@c.example", "a+b@c.example",
           "\u00e9t\u00e9@\u00e9T\u00e9.example", "us,er@x", "x@y", "+x@y",
           "owner-a+b@c.example", "double-bounce+x")


def owners():
    """local_login_sender_maps: who may send as whom."""
    for owned in OWNED:
        for sender in SENDERS:
            yield Call("-f", sender, "x", main_cf="recipient_delimiter = +-\n"
                       "local_login_sender_maps = inline:{ { root = %s } }\n"
                       % owned)
    null = "empty_address_local_login_sender_maps_lookup_key = "
    for maps in ("static:*", "static:root", "", "inline:{bin=*}", "static:{*}",
                 "inline:{bin=x}, inline:{Root=*}", "fail:x",
                 "inline:{ROOT=x}, inline:{root=*}",
                 "regexp:{{/^r/ x@y, root}}"):
        for sender in ("root", "x@y", ""):
            for lines in ("", null + "none\n", "smtputf8_enable = no\n"):
                yield Call("-f", sender, "x", main_cf=
                           f"local_login_sender_maps = {maps}\n{lines}")
    for words in (("-t",), ("-bv", "x"), ("-G", "x"), ("-v", "x")):
        yield Call(*words, text="To: x\n\nhello\n",
                   main_cf="local_login_sender_maps = static:x\n")
    yield Call("-t", text="no header\n",
               main_cf="local_login_sender_maps = static:x\n")


def test_options():
    sendmail_peer.compare_all(list(options()))


def test_extractions():
    sendmail_peer.compare_all(list(extractions()))


def test_contents():
    sendmail_peer.compare_all(list(contents()))


def without_halves(_, want):
    """Debian's postdrop leaves what it refuses, for pickup to remove."""
    code, out, error, files = want
    return code, out, error, [f for f in files if f[0] != "0o100644"]


def test_owners():
    sendmail_peer.compare_all(list(owners()), without_halves)


@pytest.mark.parametrize("line, says", [
    ("authorized_submit_users = inline:{bin=x}",
     "User root(0) is not allowed to submit mail"),
    ("authorized_submit_users = !inline:{root=x}, static:all",
     "User root(0) is not allowed to submit mail"),
    ("authorized_submit_users = bin, hash:/nonexistent",
     "open database /nonexistent.db: No such file or directory"),
    ("local_login_sender_maps = hash:/nonexistent, static:*",
     "open database /nonexistent.db: No such file or directory"),
    ("local_login_sender_maps = static: *",
     'open dictionary: expecting "type:name" form instead of "static:"'),
    ("local_login_sender_maps = unknown:x",
     "unsupported dictionary type: unknown"),
])
def test_tables_that_refuse(tmp_path, line, says):
    """Debian's says it in fewer lines."""
    for programs in (sendmail_peer.DEBIAN, sendmail_peer.OURS):
        side = sendmail_peer.Side(
            str(tmp_path / programs.replace("/", "_")), programs)
        code, out, error, files = side.run(Call("x", main_cf=line + "\n"))
        assert (code, out, without_halves(None, (0, b"", b"", files))[3]) == \
            (75, b"", [])
        assert says in error.decode(), error


def test_configurations():
    sendmail_peer.compare_all(list(configurations()))
