# SPDX-License-Identifier: ISC
"""Tables of patterns against Debian's postmap: the same values and the same
warnings, byte for byte."""

import os
import random
import subprocess

import pytest

from lib import instance

pytestmark = [pytest.mark.program("postmap")]

QUERY = os.path.join(instance.BUILD, "test", "map-query")

# Tables that say a lot, most of it wrong.
REGEXP_AND_PCRE = r"""
# comment
/^a(b+)c$/            one $1
/^A(B+)D$/i           two ${1} $$1 $(1)
/x.y/                 three
!/[a-z]/              four
! !/plus\+plus/       five
|a/b|                 six
/con
 tinued/              seven
   and more
/slash\/ed/           eight
/^(u)(v)?(w)?$/       nine $1-$2-$3.
!!!/[0-9a-z .+\/:=@]/ ten
/nothing/x/y/         eleven
/dollar/              $$$$
/brace/               ${1
/brace(2)/            $(1
/empty()/             [$1]
/empty/               $
/empty/               ${}
/name(x)/             a $x b $y ${z}
/name(x)/             ${x} ${y} $z
/nest(e)d/            ${{1}}
/zero(x)/             $0
/big(x)/              $99999999999999999999 $4294967297
/wrap(x)/             wrapped $4294967297
/neg(x)/              $4294967295
/many(x)/             $2
/two(x)(y)/           $2$1
!/neg(ative)/         $1
/broken(/             x
/broken[/             x
/broken\
/open
/flag/Q               x
/flag/!               x
!
! !
if
if /^if:/
/^if:a/               if a
if !/b/
/^if:c/               if not b
endif extra
/^if:d/               if d
ENDIF
if /^If:/i
/e$/                  if e
endif
endif
iffy
endiffy
word /x/ y
if /z/ extra text
/zz/                  zz
endif
if /broken(/
/^after/              after
endif
If/^glued/
/glued:(.*)/          glued $1
EndIf
if!/z|glued/
/zcd/                 never
/no z/                no zed
endif
/last/                last
if /open/
/open:x/              x
if !/^more/
/open:y/              y
if /^never/
/open:z/              z
"""

REGEXP_ONLY = r"""
/^two:/!/bad/         two but not bad
/^two:/!/bad/i extra  never
/^three:/ !/bad/      text
/^four:/i!!/good/     four
/^five:(.)/!/x/       five $1
/^six:/!/(/           x
/^seven:/!            x
/^eight:/!/x          x
if /^nine:/!/x/
/^nine:(.*)$/         nine $1
endif
/^a{2,3}$/            interval
/^a\{4\}$/x           basic
/\(x\)\1/x            again
/(y)\1/               again
/\<word\>/            word
/\bWORD\b/i           WORD
/^m1$/m               lines
/[[:digit:]]\{2\}/x   digits
/[[:digit:]]{2}/      digits
/[[:foo:]]/           x
/a**b/                stars
/*x/                  x
/a{3,2}/              x
/a{70000}/            x
/trailing\
"""

PCRE_ONLY = r"""
/^a{2,3}$/            interval
/^(?:x|y)z/           group
/(?i)CASE/i           case
/look(?=ahead)/       ahead
/look(?!ahead)/       not ahead
/(?<=be)hind/         behind
/(?<name>na)me/       name $1
/\d+\s\w+/            classes
/\Qa.b\E/             quoted
/sp ace # x/x         x
/^anchored/A          a
/end$/E               end
/(u+)(u*)/U           $1
/obsolete/X           obsolete
/obsolete/ZX          obsolete
/(*ACCEPT)nothing/    x
/verb(*ACCEPT)x/      verb
/\x41\x42/i           hex
/tab\there/           tab
/(r)(?1)/             recursion
/(?x) spaced out /    spaced
/back(s)\1/           back
/[[:<:]]bound/        bound
/[]x]y/               bracket
/[^]x]q/              no bracket
/[\]]r/               escaped bracket
/[\c]]s/              control
/[/                   x
/x{2}{3}/             six
/(?#comment)comment/  comment
/possessive++x/       possessive
/lazy+?x/             lazy
/u\+2?/               maybe
/\p{Lu}/              x
/\8/                  x
"""

KEYS = r"""
abc ABBC abbd ABBD x y x.y xay 1234 plus+plus a/b xa/by continued slash/ed
u uv uvw UVW \\\ : 0 nothing dollar brace brace2 empty emptyx namex nested
zerox bigx wrapx negx manyx twoxy negative broken open flag if:a if:c if:bc
if:d if:e If:e if:be z zz zzz after glued:rest Glued:Rest zcd last open:x
open:y more:open:y open:z open x:open:
two: two:bad three:bad four: four:good FOUR:GOOD five:a five:x six: seven:
eight: nine:x nine: aa aaa aaaa xx yy word WORD sword 12 1 a**b a*b ab b
trailing xz yz CASE case look lookahead lookout behind hind name 1=a a.b axb
space sp_ace anchored xanchored end uuuu obsolete verb verbx AB ab rr r
spacedout backss backs bound unbound ]y xy ]q aq ]r \s ]s xxxxxx xxxxx comment
possessivex possessiveex lazyx lazyyx u+ u+2 user@example.com 192.0.2.1 -
"""

CIDR = r"""
# comment
192.0.2.0/24          a
192.0.2.128/25        never
192.0.3.1/24          x
192.0.3.0/33          x
192.0.3.0/x           x
192.0.3.0/            x
/24                   x
192.0.3/24            x
192.0.3               x
300.0.0.1             x
192.0.4.1             b
192.0.4.2
[192.0.4.3]           c
[192.0.4.4]/32        d
[192.0.4.4/31]        e
[192.0.4.8/31]/32     x
[192.0.4.8]x          x
[192.0.4.8            x
[]                    x
!
! !192.0.5.0/24       f g
2001:db8::/32         six
2001:DB8:1::          never
[2001:db9::]/32       brackets
[2001:db9::1]/32      x
2001:db9::1/127       x
::1                   loop
::ffff:192.0.2.1      mapped
fe80::1%lo            x
if 10.0.0.0/8
10.1.0.0/16           ten one
192.0.6.0/24          never
2001:db8::/16         x
!10.2.0.0/16          not ten two
if 10.2.0.0/24
0.0.0.0/0             all of ten two zero
endif
if !10.2.1.0/24
10.2.0.0/16           not ten two one
endif
endif garbage
ENDIF
endif
if
if !
if 10.0.0.0/8 x
if 10.0.0.1/8
IF![fc00::]/7
::/1                  low
fc00::/7              never
8000::/1              high
endif
iffy 1
endiffy
if !192.0.7.0/24
192.0.0.0/16          sixteen
192.0.7.1             never
if !fd00::/8
fc00::/7              unique
"""

ADDRESSES = """
192.0.2.1 192.0.2.200 192.0.3.1 192.0.4.1 192.0.4.2 192.0.4.3 192.0.4.4
192.0.4.5 192.0.4.8 192.0.5.1 192.0.6.1 192.0.7.1 2001:db8::1 2001:db8:1::
2001:db9::1 2001:0DB9:0::1 ::1 ::ffff:192.0.2.1 ::ffff:c000:201 fe80::1
10.1.2.3 10.2.0.1 10.2.1.1 10.2.2.1 10.3.0.0 10.0.0.0 10.255.255.255 9.9.9.9
11.0.0.0 0.0.0.0 255.255.255.255 fc00::1 fd00::1 fbff::1 fe00::1 :: 1.2.3
ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 7fff::1 8000::1 1.2.3.4.5 01.2.3.4
name [192.0.2.1] 192.0.2.1/32 192.0.8.8 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:8:9
"""


@pytest.fixture
def compare(tmp_path):
    """Both programs, on the same table with the same keys."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    # Of one that is young Postfix waits for the end.
    os.utime(tmp_path / "main.cf", (10**9, 10**9))

    def run(args, keys):
        done = subprocess.run(args, input="".join(f"{k}\n" for k in keys),
                              capture_output=True, text=True, timeout=60)
        return done.stdout, done.stderr

    def compare(table, keys):
        theirs, said = run(
            ["postmap", "-c", str(tmp_path), "-q", "-", table], keys)
        assert "fatal" not in said, said
        said = [line.removeprefix("postmap: ") for line in said.splitlines()
                if "NO RESULT" not in line and "empty string" not in line
                or "using empty" in line]
        found, warnings = run([QUERY, table], keys)
        # What is not printable is the host's business.
        warnings = warnings.replace("\t", "?").splitlines()
        assert (found, warnings) == (theirs, said)
        return theirs
    compare.path = tmp_path / "table"
    return compare


def compare_text(compare, kind, text, keys):
    compare.path.write_text(text)
    return compare(f"{kind}:{compare.path}", keys)


@pytest.mark.parametrize("kind", ["regexp", "pcre", "cidr"])
@pytest.mark.parametrize("text", [
    "REGEXP_AND_PCRE", "REGEXP_ONLY", "PCRE_ONLY", "CIDR"])
def test_whole_table(compare, kind, text):
    text = globals()[text]
    keys = KEYS.split() + ADDRESSES.split() + ["no z", "sp ace", "a b c"]
    compare_text(compare, kind, text, keys)


@pytest.mark.parametrize("kind", ["regexp", "pcre", "cidr"])
def test_odd_lines(compare, kind):
    text = (" /lead/ ing\n\n\t# comment\n  more of the same line, which is "
            "long\n/a/ b\r\n10.0.0.1 x \t \n/c/\x0b d\n# one\n \n  e\n"
            "/nul/ be\0fore\n10.0.0.2 be\0fore\n\0\n/last/ line")
    compare_text(compare, kind, text,
                 ["lead", "a", "c", "nul", "last", "10.0.0.1", "10.0.0.2"])


@pytest.mark.parametrize("kind,name", [
    ("regexp", "{{/x/ y}, {/a(.)/ b$1}}"),
    ("regexp", "{,{ /x{1,2}y/ z },, {if /a/} {/x/ y} {endif}}"),
    ("regexp", "{{/x/ y} {if /a/} {/ab/ c} {endif} {/ad/ e}}"),
    ("pcre", "{{/x/ y}\t{/\\d/ n}, {oops}}"),
    ("cidr", "{{10.0.0.1 a}, {10.0.0.0/8 b},{if 11.0.0.0/8}}"),
    ("cidr", "{ }"), ("pcre", "{}"), ("regexp", "{{}}"),
    ("regexp", "{{ # x}, {\t/a/ b}}")])
def test_inline(compare, kind, name):
    compare(f"{kind}:{name}", ["x", "xy", "ab", "ad", "7", "10.0.0.1",
                               "10.0.0.2"])


def test_cannot_be_opened(compare):
    """All at once: postmap sleeps a second before it ends."""
    names = ["{{/x/ y}", "{{/x/ y}}x", "{{/x/ y}x}", "{/x/ y}",
             "/nonexistent/table"]
    theirs = [subprocess.Popen(
        ["postmap", "-c", str(compare.path.parent), "-q", "x",
         f"regexp:{name}"], stderr=subprocess.PIPE, text=True)
        for name in names]
    for name, one in zip(names, theirs):
        reason = one.communicate()[1].replace("postmap: fatal: ", "")
        ours = subprocess.run([QUERY, f"regexp:{name}"], input="x\n",
                              capture_output=True, text=True).stderr
        assert ours == f"warning: regexp:{name} is unavailable. {reason}"


def random_pattern(rng, depth=0):
    """A pattern over few letters, so that much of it matches."""
    parts = []
    for _ in range(rng.randint(1, 4)):
        part = rng.choice("abcdABC.") * rng.randint(1, 2)
        kind = rng.random()
        if kind < 0.2 and depth < 3:
            part = "(%s)" % random_pattern(rng, depth + 1)
        elif kind < 0.3 and depth < 3:
            part = "(%s|%s)" % (random_pattern(rng, depth + 1),
                                random_pattern(rng, depth + 1))
        elif kind < 0.4:
            part = rng.choice(["[ab]", "[^a]", "[.]", "\\.", "[a-c]",
                               "[[:alpha:]]", "^", "$", "|", "[]a]"])
        if part not in ("^", "$", "|") and rng.random() < 0.3:
            part += rng.choice(["*", "+", "?", "{0,2}", "{2}", "{0}", "+?"])
        parts.append(part)
    return "".join(parts)


def random_table(rng):
    lines = []
    for i in range(40):
        what = rng.random()
        flags = rng.choice(["", "", "i", "m"])
        start = rng.choice(["", "", "^"])
        end = rng.choice(["", "", "$"])
        pattern = "/%s%s%s/%s" % (start, random_pattern(rng), end, flags)
        if what < 0.1:
            lines.append("if %s%s" % (rng.choice(["", "!"]), pattern))
        elif what < 0.18:
            lines.append("endif")
        elif what < 0.22:
            lines.append("!%s no %d" % (pattern, i))
        else:
            lines.append("%s v%d %s" % (pattern, i,
                                        rng.choice(["", "$1", "${1}$2"])))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_random_patterns(compare, kind):
    rng = random.Random(f"chasqui {kind}")
    found = 0
    for _ in range(40):
        keys = ["".join(rng.choices("abcdABCD.", k=rng.randint(1, 8)))
                for _ in range(80)]
        found += len(compare_text(compare, kind, random_table(rng), keys))
    assert found


def random_network(rng):
    if rng.random() < 0.5:
        prefix = rng.choice([0, 1, 2, 3, 4, 6, 8, 31, 32])
        bits = rng.getrandbits(32) & 0xff0000ff
        bits &= ~((1 << (32 - prefix)) - 1)
        text = ".".join(str(bits >> s & 255) for s in (24, 16, 8, 0))
    else:
        prefix = rng.choice([0, 1, 2, 3, 4, 8, 64, 127, 128])
        bits = rng.getrandbits(8) << 120 | rng.getrandbits(3)
        bits &= ~((1 << (128 - prefix)) - 1)
        text = ":".join("%x" % (bits >> s & 65535)
                        for s in range(112, -1, -16))
    return text, prefix


def test_random_networks(compare):
    rng = random.Random("chasqui cidr")
    found = 0
    for _ in range(40):
        lines = []
        for i in range(60):
            start = rng.choices(["", "if ", "endif"], [6, 1, 1])[0]
            network = "%s%s/%d" % ((rng.choice(["", "", "!"]),)
                                   + random_network(rng))
            lines.append("endif" if start == "endif" else
                         start + network + ("" if start else f" v{i}"))
        keys = [random_network(rng)[0] for _ in range(200)]
        found += len(compare_text(compare, "cidr", "\n".join(lines), keys))
    assert found


@pytest.mark.parametrize("kind", ["regexp", "pcre", "cidr"])
def test_values_from_files(tmp_path, kind):
    pattern = "10.0.0.1" if kind == "cidr" else "/x/"
    (tmp_path / "one").write_bytes(b"one\xff")
    (tmp_path / "two").write_bytes(b"two\n")
    table = tmp_path / "table"
    table.write_text(f"{pattern} {tmp_path}/one, {tmp_path}/two\n"
                     f"{pattern} {tmp_path}/none\n{pattern} ,\n")
    done = subprocess.run([QUERY, "-F", f"{kind}:{table}"],
                          input="x\n10.0.0.1\n", capture_output=True,
                          text=True)
    assert done.stdout.split("\t")[1] == "b25l/wp0d28K\n"
    assert done.stderr == (
        f"warning: {kind} map {table}, line 2: open {tmp_path}/none: "
        "No such file or directory: skipping this rule\n"
        f"warning: {kind} map {table}, line 3: empty pathname list: "
        ">>,<<': skipping this rule\n")
