# SPDX-License-Identifier: ISC
"""postconf beside Debian's: the same calls on the same directories.

Compared are the exit status, standard output, standard error and the files
that are left. Standard error is compared line by line without order: the
order of Postfix's warnings changes from run to run. doc/postfix-differences.md
lists what is meant to differ; the functions known_* below are that list.
"""

import concurrent.futures
import difflib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest

from lib import instance

DEBIAN = "/usr/sbin/postconf"
OURS = instance.program("postconf")
CASES = os.path.join(instance.ROOT, "test", "data", "postconf")
CORPUS = os.path.join(instance.ROOT, "..", "shared", "corpora", "main.cf")
STOCK = "/usr/share/postfix"
OLD = time.time() - 86400  # Postfix waits for a file that was just changed

pytestmark = pytest.mark.program(DEBIAN)


# ---- intended differences ----

def registry():
    """name -> (default, since) of src/conf/params.def."""
    with open(os.path.join(instance.ROOT, "src/conf/params.def")) as f:
        text = f.read()
    rows = re.findall(r'^\{ "([^"]+)", \w+,(.*?)\},?$', text, re.M | re.S)
    since = {}
    for name, row in rows:
        found = re.search(r'(?:ANY|AT_LEAST\([^)]*\)|BETWEEN\([^)]*\)),\s*'
                          r'"([^"]*)"', row)
        since[name] = found.group(1)
    return since


def known_new_names():
    """Later than 3.7, or ours."""
    def is_new(since):
        return since and [int(n) for n in since.split(".")] > [3, 7]
    return {name for name, since in registry().items() if is_new(since)} | {
        "queue_owner", "relay_processes", "resolv_conf", "rules_processes",
        "sendmail_personality", "smtpd_processes", "smtpd_recipient_quota",
        "virtual_maildir_quota_maps"}


NEW = known_new_names()
OTHER_DEFAULTS = {
    "mail_owner",
    "smtpd_forbid_bare_newline",
}
PATHS = [  # Debian's, ours
    ("/usr/lib/postfix/sbin", "/usr/libexec/chasqui"),
    ("/usr/lib/postfix", "/usr/lib/chasqui"),
    ("/var/lib/postfix", "/var/lib/chasqui"),
    ("/var/spool/postfix", "/var/spool/chasqui"),
    ("/etc/postfix", "/etc/chasqui"),
]


def known_paths(text):
    for debian, ours in PATHS:
        text = text.replace(debian, "PATH").replace(ours, "PATH")
    return text


def known_lines(lines):
    """Without what is said of parameters that only we know."""
    def is_new(line):
        name = re.match(r"(?:[^ =]*/)?([^ =/]+) =", line)
        unused = re.search(r"(?:unused|undefined) parameter: ([^= ]+)", line)
        return any(m and m.group(1) in NEW | OTHER_DEFAULTS
                   for m in (name, unused))
    return [line for line in lines if not is_new(line)]


# ---- one call ----

def call(program, directory, args, **options):
    """(exit status, output lines, complaint lines)"""
    # pylint: disable=consider-using-with
    p = subprocess.Popen(
        [program, "-c", directory, *args], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    out, err = p.communicate(timeout=60)

    def known_words(text):
        """How a name that is made of itself is called, and the usage."""
        text = re.sub(r'warning: unreasonable macro call nesting: ".*"',
                      "warning: SELF", text)
        text = re.sub(r'warning: ".*" refers to itself: .*',
                      "warning: SELF", text)
        return re.sub(r"(fatal: usage: postconf) \[.*", r"\1", text)

    def tidy(text):
        text = text.decode("latin-1").replace(program, "postconf")
        text = re.sub(rf"(?<=postconf.){p.pid}\b", "PID", text)
        text = re.sub(rf"(?<=process_id = ){p.pid}\b", "PID", text)
        text = text.replace(directory, "DIR")
        return known_lines(known_words(known_paths(text)).split("\n"))
    return p.returncode, tidy(out), sorted(tidy(err))


def files_of(directory):
    """name -> content; without what Postfix leaves after a failure."""
    found = {}
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".tmp"):
            with open(os.path.join(directory, name), "rb") as f:
                found[name] = f.read()
    return found


def copy(source, target):
    shutil.copytree(source, target, symlinks=True)
    for name in os.listdir(target):
        path = os.path.join(target, name)
        os.chmod(path, 0o644)
        os.utime(path, (OLD, OLD))
    return target


def compare(directory, args):
    """None, or how they differ."""
    theirs = call(DEBIAN, directory, args)
    ours = call(OURS, directory, args)
    if theirs == ours:
        return None
    return f"postconf {' '.join(args)} in {directory}:\n" + difference(
        theirs, ours)


def difference(theirs, ours):
    text = []
    for what, a, b in zip(("status", "output", "errors"), theirs, ours):
        if a == b:
            continue
        if isinstance(a, int):
            text.append(f"  {what}: {a}, ours {b}")
            continue
        text += [f"  {what} {line}" for line in difflib.unified_diff(
            a, b, "Debian's", "ours", lineterm="", n=0)][:20]
    return "\n".join(text)


def compare_all(calls):
    """calls: (directory, arguments). Postfix sleeps before it fails, so many
    at a time."""
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        wrong = [w for w in pool.map(lambda c: compare(*c), calls) if w]
    assert not wrong, f"{len(wrong)} of {len(calls)}:\n" + "\n".join(wrong)


# ---- reading ----

SHOW = [line.split() for line in """
-n
-nf
-nx
-nh
-nH
-x
-d
-dh myhostname mydomain mynetworks notify_classes local_time_limit
-C user
-C service,user -n
-C builtin -nh
-M
-Mf
-Mx
-F
-Ff
-Fh
-FH
-Fx
-P
-Px
-Pf
-PH
-Ph
""".splitlines() if line.strip()]


def tame(source, target):
    """A copy that expands to the same text in every process."""
    with open(source, "rb") as f:
        text = f.read()
    target.write_bytes(text.replace(b"$process_id", b"$process_name"))


@pytest.fixture
def stock(tmp_path):
    home = tmp_path / "stock"
    home.mkdir()
    for source, target in (("main.cf.debian", "main.cf"),
                           ("master.cf.dist", "master.cf")):
        if not os.path.exists(os.path.join(STOCK, source)):
            pytest.skip(f"{STOCK} is not there")
        shutil.copy(os.path.join(STOCK, source), home / target)
        os.utime(home / target, (OLD, OLD))
    return str(home)


def test_stock(stock):
    compare_all([(stock, args) for args in [[], *SHOW]])


def test_corpus(tmp_path):
    if not os.path.isdir(CORPUS):
        pytest.skip("needs the corpus of real configurations")
    calls = []
    for name in sorted(os.listdir(CORPUS)):
        source = os.path.join(CORPUS, name)
        if not os.path.isdir(source):
            continue
        home = tmp_path / name
        home.mkdir()
        for file in ("main.cf", "master.cf"):
            if os.path.exists(os.path.join(source, file)):
                tame(os.path.join(source, file), home / file)
        if not (home / "master.cf").exists():
            shutil.copy(os.path.join(STOCK, "master.cf.dist"),
                        home / "master.cf")
        for file in home.iterdir():
            os.utime(file, (OLD, OLD))
        calls += [(str(home), args) for args in (
            ["-n"], ["-nxf"], ["-P"], ["-Mf"], ["-Fx"], ["-x"])]
    assert len(calls) > 200
    compare_all(calls)


@pytest.mark.parametrize("case", sorted(os.listdir(CASES)))
def test_awkward(case, tmp_path):
    home = copy(os.path.join(CASES, case), str(tmp_path / case))
    compare_all([(home, args) for args in [[], *SHOW]])


# ---- chosen names, and what is wrong with a command line ----

NAMED = [
    "myhostname", "-h myhostname mydomain", "-H myhostname nosuch",
    "nosuch", "-n biff myhostname", "-d biff nosuch virtual_maps",
    "virtual_maps fallback_relay", "-x mydestination", "-xh mydestination",
    "-f proxy_read_maps", "-fx proxy_read_maps", "process_name service_name",
    "-n greylist strict extra more", "-C user -x", "-C bogus", "-C all -n",
    "-C User,BUILTIN -nH", "-C service myhostname", "config_directory",
    "-d config_directory", "-n -o biff=yes biff", "-o nosuch biff",
    "-o a=b -o biff=$a -x biff a", "-o =x", "-p biff", "-pn biff",
    "-M smtp", "-M smtp/inet", "-M */unix", "-M smtp/* nosuch/inet", "-M /",
    "-M smtp/inet/x", "-M sm*", "-M */*", "-Mf submission smtp",
    "-F smtp", "-F smtp/inet", "-F smtp/inet/command", "-F */*/chroot",
    "-F smtp/inet/nosuch", "-F nosuch/inet/type", "-F smtp/*/*",
    "-Fh */inet/command", "-FH smtp/inet", "-Fx submission/inet/command",
    "-P smtp", "-P smtp/inet", "-P smtp/inet/mine", "-P */*/syslog_name",
    "-P smtp/inet/nosuch", "-Ph */*/content_filter", "-PH */inet",
    "-Px */*/syslog_name", "-P a/b/c/d", "-P -o x=y slow/unix/syslog_name",
    "-Mo x=y smtp", "-Mh", "-MH", "-Fe", "-Me", "-Pe", "-e", "-X", "-#",
    "-MF", "-MP", "-aA", "-lm", "-dn", "-de x=y", "-nX", "-fe a=b",
    "-xe a=b", "-hH", "-he a=b", "-do a=b", "-Md", "-Mn", "-Fn", "-FX x",
    "-F# x", "-P# x", "-bt", "-tT x", "-l x", "-an", "-Cuser -M",
    "-T", "-T bogus", "-T run-version", "-T a -T b", "-c", "-Z", "-M -C",
    "-l", "-b x y", "-t x y", "-t", "-b", "-t /nonexistent",
    "-e x", "-e =x", "-e #x=1", "-X a=b", "-X #a", "-# a=b", "-M a=b",
    "-M smtp=x", "-F smtp/inet=x", "-F smtp/inet/*=x",
    "-F smtp/inet/bogus=x", 
    "-P smtp/inet=x", "-P smtp/inet/*=x",
    "-PX smtp/inet/*", "-PX smtp", "-MX smtp", "-M# smtp", "-MX a=b",
    "-e a\nb=c", "-F smtp/inet/private=a|b", "-P smtp/inet/x=a|b",
]


@pytest.mark.parametrize("case", ["names", "params"])
def test_named(case, tmp_path):
    home = copy(os.path.join(CASES, case), str(tmp_path / case))
    compare_all([(home, [word.replace("|", " ") for word in line.split(" ")])
                 for line in NAMED])


def test_unreadable(tmp_path):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    only_main = tmp_path / "only-main"
    only_main.mkdir()
    (only_main / "main.cf").write_text("biff = no\n")
    folder = tmp_path / "folder"
    (folder / "main.cf").mkdir(parents=True)
    bad = {
        "main-1": "a = b\nnonsense\n",
        "main-2": "= b\n",
        "main-3": "a b = c\n",
        "main-4": "myhostname = ${x\nb = $\n",
        "main-5": "smtpd_banner = $a\na = $b\nb = $a\n",
        "main-6": "x = $x\nmydestination = $(a ${b}\n",
    }
    bad_master = {
        "master-1": "smtp inet n - n - -\n",
        "master-2": "smtp udp n - n - - smtpd\n",
        "master-3": "smtp inet x - n - - smtpd\n",
        "master-4": "smtp inet n - n 1h - smtpd\n",
        "master-5": "# c\n\nsmtp inet n - n - many\n  smtpd\n  -o x=y\n",
        "master-6": "smtp inet n - n - - smtpd -o {a=b -o c=d}\n",
        "master-7": "smtp inet n - n - - smtpd -o {a=b}c -o {x} -o novalue\n",
    }
    calls = []
    for name in [*bad, *bad_master]:
        home = tmp_path / name
        home.mkdir()
        (home / "main.cf").write_text(bad.get(name, "biff = no\n"))
        (home / "master.cf").write_text(
            bad_master.get(name, "smtp inet n - n - - smtpd\n"))
        for file in home.iterdir():
            os.utime(file, (OLD, OLD))
        calls += [(str(home), args) for args in (
            ["-n"], ["-nx"], ["-M"], ["-d", "biff"], ["biff"])]
    for home in (nothing, only_main, folder, tmp_path / "nonexistent"):
        calls += [(str(home), args) for args in (
            ["-n"], ["-M"], ["-d", "biff"], ["-e", "a=b"], ["-l"],
            ["-Me", "a/b=c"])]
    compare_all(calls)


# ---- editing ----

EDITS = [
    ["biff=yes"], ["biff = yes"], ["-e", "  biff  =  yes  "],
    ["-e", "relayhost="], ["relayhost=[a]:25", "biff=no"],
    ["new_one=1"], ["-e", "myhostname=a.example"],
    ["-e", "mydestination=$myhostname, localhost"],
    ["-e", "mydestination=a", "mydestination=b"],
    ["-p", "biff=no"], ["-pe", "smtpd_banner=x  y\tz"],
    ["-X", "mydestination"], ["-X", "relayhost", "nosuch"],
    ["-X", "myhostname"], ["-X", " biff "], ["-X", ""], ["-X", "empty"],
    ["-#", "mydestination"], ["-#", "relayhost"], ["-#", "biff", "empty"],
    ["-#", "smtpd_banner"], ["-#", "last_line_without_end"],
    ["-e", "a=b=c"], ["-e", "no_spaces=1"], ["biff"],
    ["-M", "smtp/inet=smtp inet n - n - - smtpd"],
    ["-Me", "smtp/inet = 2525 inet n - n - 5 smtpd -v -o a=b"],
    ["-Me", "new/unix=new unix - n n - - pipe flags=x user=y argv={a b} c"],
    ["-Me", "a/inet=smtp inet n - n - - smtpd -o {x = y z}"],
    ["-Me", "smtp/*=x unix - - n - - smtp"],
    ["-Me", "smtp/inet=x inet n - n - - smtpd", "x/unix=x unix - - - - - lmtp"],
    ["-Me", "pickup/unix=pickup unix n - n 60 1 pickup -o content_filter="],
    ["-MX", "smtp/inet"], ["-MX", "smtp/unix"], ["-MX", "nosuch/unix"],
    ["-MX", "*/unix"], ["-M#", "smtp/inet"], ["-M#", "pickup/unix"],
    ["-M#", "*/*"], ["-M#", "nosuch/inet"],
    ["-F", "smtp/inet/chroot=y"], ["-Fe", "*/*/chroot=n"],
    ["-F", "smtp/inet/command=smtpd -o x=y -vv -o { a = b c }"],
    ["-F", "pickup/unix/wakeup=30?", "smtp/inet/process_limit=7"],
    ["-F", "nosuch/inet/chroot=y"], ["-F", "smtp/unix/service=relay"],
    ["-F", "smtp/inet/type=unix"], ["-F", "smtp/inet/private="],
    ["-P", "smtp/inet/smtpd_tls_security_level=none"],
    ["-Pe", "smtp/*/syslog_name=x", "smtp/inet/a=b"],
    ["-P", "smtp/inet/new={a}"], ["-P", "pickup/unix/x="],
    ["-P", "nosuch/inet/x=y"], ["-PX", "smtp/inet/smtpd_tls_security_level"],
    ["-PX", "smtp/inet/nosuch"], ["-PX", "*/*/syslog_name"],
    ["-PX", "smtp/inet/smtpd_client_restrictions", "smtp/inet/mine"],
    ["-Me", "smtp/inet=x"], ["-F", "smtp/inet/type=bogus"],
    ["-F", "smtp/inet/private=x"], ["-F", "smtp/inet/wakeup=-5"],
    ["-F", "smtp/inet/process_limit=y"],
    ["-M", "smtp/inet=smtp inet n - - - -"],
    ["-M", "a/b=smtp nosuch n - - - - smtpd"],
]


def edited(program, source, target, args):
    copy(source, target)
    result = call(program, target, args)
    assert args[0][:2] not in ("-e", "-X", "-#") or not [
        name for name in os.listdir(target) if name.endswith(".tmp")] \
        or program == DEBIAN
    return result, files_of(target)


def with_line_end(files):
    """Postfix 3.7 glues what it adds to a last line that has no end; later
    versions end that line, as we do."""
    return {name: text if text.endswith(b"\n") else text + b"\n"
            for name, text in files.items()}


def same_text(theirs, ours, args):
    """Several settings come at the end in no order in 3.7; later versions
    sort them, as we do."""
    if len(args) > 1 and not args[0].startswith("-"):
        return sorted(theirs.split(b"\n")) == sorted(ours.split(b"\n"))
    return theirs == ours


@pytest.mark.parametrize("case", ["lines", "names", "master"])
def test_edit(case, tmp_path):
    source = copy(os.path.join(CASES, case), str(tmp_path / "source"))
    for name, text in with_line_end(files_of(source)).items():
        with open(os.path.join(source, name), "wb") as f:
            f.write(text)

    def differ(number):
        args = EDITS[number]
        theirs = edited(DEBIAN, source, str(tmp_path / f"p{number}"), args)
        ours = edited(OURS, source, str(tmp_path / f"c{number}"), args)
        wrong = difference(theirs[0], ours[0])
        for name, text in theirs[1].items():
            if not same_text(text, ours[1][name], args):
                wrong += "\n" + difference(
                    (0, text.decode("latin-1").split("\n"), []),
                    (0, ours[1][name].decode("latin-1").split("\n"), []))
        return f"postconf {' '.join(args)}:\n{wrong}" if wrong else None
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        wrong = [w for w in pool.map(differ, range(len(EDITS))) if w]
    assert not wrong, f"{len(wrong)} of {len(EDITS)}:\n" + "\n".join(wrong)


def run(*args, **options):
    return subprocess.run([OURS, *args], capture_output=True, text=True,
                          check=False, timeout=60, **options)


@pytest.fixture
def home(tmp_path):
    place = tmp_path / "home"
    place.mkdir()
    (place / "main.cf").write_text("# first\nbiff = yes\na = $b\nb = c\n")
    (place / "master.cf").write_text(
        "smtp inet n - n - - smtpd -o { x = y z }\n")
    return place


def test_edit_keeps_link_and_mode(home):
    main = home / "main.cf"
    real = home / "real.cf"
    main.rename(real)
    real.chmod(0o640)
    main.symlink_to("real.cf")
    assert run("-c", str(home), "biff=no").returncode == 0
    assert os.readlink(main) == "real.cf"
    assert real.read_text() == "# first\nbiff = no\na = $b\nb = c\n"
    assert real.stat().st_mode & 0o7777 == 0o640
    assert sorted(os.listdir(home)) == ["main.cf", "master.cf", "real.cf"]


def test_edit_adds_the_last_line_end(home):
    (home / "main.cf").write_text("biff = yes")
    assert run("-c", str(home), "a=b").returncode == 0
    assert (home / "main.cf").read_text() == "biff = yes\na = b\n"


def test_edit_adds_in_order(home):
    (home / "main.cf").write_text("biff = yes\n")
    assert run("-c", str(home), "c=1", "a=2", "biff=no").returncode == 0
    assert (home / "main.cf").read_text() == "biff = no\na = 2\nc = 1\n"


def test_edit_without_room(home):
    before = (home / "main.cf").read_text()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    result = run("-c", str(home), "biff=no", preexec_fn=limit)
    assert result.returncode == 1
    assert result.stderr == (f"{OURS}: fatal: close {home}/main.cf.tmp: "
                             "File too large\n")
    assert (home / "main.cf").read_text() == before
    assert sorted(os.listdir(home)) == ["main.cf", "master.cf"]


@pytest.mark.root
def test_without_root(home):
    """Reading needs no rights; an edit without them fails like Postfix's."""
    home.chmod(0o755)
    for folder in list(home.parents)[:3]:
        folder.chmod(0o755)
    for file in home.iterdir():
        file.chmod(0o644)
        os.utime(file, (OLD, OLD))
    copies = {}
    for program in (OURS, DEBIAN):
        copies[program] = [
            call(program, str(home), args, user="nobody", group="nogroup")
            for args in (["-n"], ["-M"], ["biff=no"], ["-MX", "smtp/inet"])]
    assert copies[OURS] == copies[DEBIAN]
    assert copies[OURS][0][0] == 0
    assert "postconf: fatal: open DIR/main.cf.tmp: Permission denied" in \
        copies[OURS][2][2]
    (home / "main.cf").chmod(0o600)
    result = run("-c", str(home), user="nobody", group="nogroup")
    assert result.stderr == (
        f"{OURS}: fatal: open {home}/main.cf: Permission denied\n")


def test_edits_at_the_same_time(home):
    """Ours and Debian's wait for each other: nothing gets lost."""
    jobs = [(program, number) for number in range(20)
            for program in (OURS, DEBIAN)]

    def edit(job):
        program, number = job
        name = ("ours" if program == OURS else "theirs") + str(number)
        return subprocess.run([program, "-c", str(home), f"{name}=1"],
                              check=False).returncode
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(edit, jobs))
    lines = (home / "main.cf").read_text().splitlines()
    assert len(lines) == 4 + len(jobs)
    assert len(set(lines)) == len(lines)


# ---- what Postfix has after 3.7 ----

def test_json(home):
    def lines(*args):
        result = run("-c", str(home), *args)
        return [json.loads(line) for line in result.stdout.splitlines()]
    assert lines("-nj") == [
        {"b": "c"}, {"biff": "yes"}, {"config_directory": str(home)}]
    assert {"myorigin": "$myhostname"} in lines("-j")
    assert lines("-Mj") == [
        {"smtp/inet": "smtp inet n - n - - smtpd -o {x=y z}"}]
    assert lines("-Fj", "smtp/inet/command") == [
        {"smtp/inet/command": "smtpd -o {x=y z}"}]
    assert lines("-Pj") == [{"smtp/inet/x": "y z"}]
    raw = run("-c", str(home), "-o", "biff=q\"\\\x01", "-j", "biff").stdout
    assert raw == '{"biff": "q\\"\\\\\\u0001"}\n'
    assert "with option -j, do not specify -h" in run("-jh").stderr


def test_quiet(home):
    assert "unused parameter: a=" in run("-c", str(home), "-n").stderr
    assert "unused parameter" not in run("-c", str(home), "-nq").stderr
    assert "unused parameter" not in run("-c", str(home), "-qM").stderr


def test_merged(home):
    result = run("-c", str(home), "-PP", "smtp/inet/biff", "smtp/inet/x")
    assert result.stdout == ("smtp/inet/biff = yes\n"
                             "smtp/inet/x = y z\n")
    everything = run("-c", str(home), "-PPx").stdout.splitlines()
    assert "smtp/inet/process_name = smtpd" in everything
    assert everything == sorted(everything, key=lambda s: s.split(" =")[0])
    assert "specify one of" in run("-PP", "-X", "a").stderr


# ---- what is ours ----

def test_map_types(home):
    with open(home / "main.cf", "a", encoding="ascii") as f:
        f.write(f"daemon_directory = {instance.PROGRAMS}\n")
    ours = run("-c", str(home), "-m").stdout.split()
    theirs = subprocess.run([DEBIAN, "-m"], capture_output=True, text=True,
                            check=True).stdout.split()
    assert ours == sorted(ours)
    assert set(theirs) - set(ours) <= {
        "mysql", "nis", "pgsql", "sqlite", "lmdb", "cdb", "ldap"}
    assert set(ours) - set(theirs) <= {
        "redis", "cdb", "lmdb", "ldap", "mongodb"}


def test_templates(home, tmp_path):
    file = tmp_path / "templates"
    file.write_text("""# comment
failure_template = <<EOF
Charset: utf-8
Subject: Hello
 there

Text $myhostname ${mydomain} $delay_warning_time_minutes
EOF

delay_template = <<XX
From: me
Bad: x

text
XX
foo_template = <<EOF
text
EOF
success_template = <<EOF
Postmaster-Subject: not here

text
EOF
verify_template = <<EOF

$maximal_queue_lifetime_seconds $maximal_queue_lifetime_weeks
EOF
""")
    for path in (file, home / "main.cf"):
        os.utime(path, (OLD, OLD))
    compare_all([(str(home), args) for args in (
        ["-t"], ["-b"], ["-t", str(file)], ["-b", str(file)])])


# ---- what we do better ----

def test_glued_option(home):
    """Postfix splits at every o."""
    (home / "master.cf").write_text(
        "smtp inet n - n - - smtpd -vomyorigin=foo\n"
        "p unix - n n - - pipe {first word} {second word} third\n")
    shown = ("smtp       inet  n       -       n       -       -       "
             "smtpd -v -o myorigin=foo\n"
             "p          unix  -       n       n       -       -       "
             "pipe {first word} {second word} third\n")
    assert run("-c", str(home), "-M").stdout == shown
    assert run("-c", str(home), "-F", "*/*/chroot=n").returncode == 0
    assert run("-c", str(home), "-M").stdout == shown


def test_full_output(home):
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [OURS, "-c", str(home), "-d"], stdout=full, check=False,
            stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith(
        "fatal: write to standard output: No space left on device\n")


def test_failure_leaves_nothing(home):
    before = files_of(home)
    for args in (["-Me", "a/inet=b"], ["-F", "smtp/inet/type=bogus"]):
        assert run("-c", str(home), *args).returncode == 1
        assert files_of(home) == before
        assert sorted(os.listdir(home)) == ["main.cf", "master.cf"]
    (home / "main.cf").unlink()
    assert run("-c", str(home), "-e", "a=b").returncode == 1
    assert os.listdir(home) == ["master.cf"]


def test_later_default_that_cannot_be_expanded(home):
    (home / "main.cf").write_text("mydomain = b\xfccher.example\n",
                                  encoding="utf-8")
    result = run("-c", str(home), "-x", "smtp_requiretls_policy", "mydomain")
    assert result.returncode == 0
    assert result.stdout.startswith("smtp_requiretls_policy = inline:{{${")


def test_interfaces(home):
    """A host is looked up when the answer is wanted, not before."""
    with open(home / "main.cf", "a", encoding="ascii") as f:
        f.write("inet_interfaces = 127.0.0.1, nosuch.invalid\n")
    assert run("-c", str(home), "-n", "biff").stdout == "biff = yes\n"
    result = run("-c", str(home), "mynetworks")
    assert result.returncode == 1
    assert result.stderr == (f"{OURS}: fatal: config variable "
                             "inet_interfaces: host not found: "
                             "nosuch.invalid\n")
