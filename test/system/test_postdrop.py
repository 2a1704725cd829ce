# SPDX-License-Identifier: ISC
"""postdrop, which hostile users run with rights that they do not have."""

import concurrent.futures
import os
import pwd
import random
import resource
import shutil
import signal
import socket
import subprocess
import time

import pytest

from lib import instance, sendmail_peer

DEBIAN = "/usr/sbin/postdrop"
OURS = instance.program("postdrop")
LIMIT = 2048
ME = pwd.getpwuid(os.getuid()).pw_name


def record(kind, data=b""):
    if isinstance(data, str):
        data = data.encode()
    length, head = len(data), kind.encode()
    while True:
        bits, length = length & 0x7f, length >> 7
        head += bytes([bits | (0x80 if length else 0)])
        if not length:
            return head + data


def message(sender="a@b", recipients=("c@d",), lines=("hi",), extra=b""):
    return (extra + record("S", sender)
            + b"".join(record("R", r) for r in recipients) + record("M")
            + b"".join(record("N", line) for line in lines)
            + record("X") + record("E"))


def make_home(path, user=0):
    for name in ("etc", "q/maildrop", "q/public"):
        os.makedirs(os.path.join(path, name))
    write_main_cf(path)
    for folder, _, _ in os.walk(path):
        os.chown(folder, user, user) if user else None
    return str(path)


def write_main_cf(path, lines=""):
    name = os.path.join(path, "etc", "main.cf")
    with open(name, "w") as f:
        f.write("compatibility_level = 3.6\nmyhostname = mail.example.com\n"
                f"queue_directory = {path}/q\ndata_directory = {path}\n"
                "maillog_file = /dev/null\nmaillog_file_prefixes = /dev\n"
                + lines)
    os.utime(name, (1e9, 1e9))


@pytest.fixture(name="home")
def home_fixture(tmp_path):
    return make_home(str(tmp_path / "home"))


def drop(home, text, program=OURS, words=(), environment=None, **options):
    env = {"MAIL_CONFIG": os.path.join(home, "etc")}
    env.update(environment or {})
    return subprocess.run([program, *words], input=text, env=env,
                          capture_output=True, timeout=60, check=False,
                          **options)


def files(home):
    """What is in maildrop/, without the time of arrival."""
    found = []
    folder = os.path.join(home, "q", "maildrop")
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        data = open(path, "rb").read()
        assert data[:1] == b"T"
        found.append((oct(os.stat(path).st_mode), data[2 + data[1]:]))
        os.unlink(path)
    return found


INPUTS = (
    message(), message(""), message("a" * LIMIT), message("a" * (LIMIT + 1)),
    message(recipients=()), message(recipients=("x",) * 1000),
    message(lines=("x" * LIMIT,) * 100), message(lines=("x" * 5000,)),
    message(lines=("a\0b", "c\rd", "e\nf")), record("R", "x") + message(),
    message(extra=record("T", "1 2")), message(extra=record("F", "Full N")),
    message(extra=record("V", "+=")), message(extra=record("i", "x")),
    message(extra=record("n", "1")), message(extra=record("p", "0")),
    message(extra=record("W", "1")), message(extra=record("O", "x")),
    message(extra=record("o", "x")), message(extra=record("D", "x")),
    message(extra=record("I", "filter:x")), message(extra=record("L", "x")),
    message(extra=record(">", "x")), message(extra=record("f", "1")),
    message(extra=record("K")), message(extra=record("w", "x")),
    message(extra=record("M")),
    record("S", "a") + record("M") + record("S", "a"),
    record("S", "a") + record("R", "b") + record("M") + record("R", "c"),
    record("M") + record("X") + record("R", "x") + record("E"),
    record("S", "a") + record("M") + record("X") + record("A", "encoding=8bit")
    + record("R", "x") + record("E"),
    record("S", "a") + record("M") + record("X") + record("S", "x"),
    record("S", "a") + record("S", "b") + message(), b"", b"E\0", b"S",
    b"S\x05ab", b"S\xff\xff\xff\xff\xff\x01", b"S\x80", b"S\x80\x80\x80",
    b"S\xff\xff\xff\xff\x0f", b"S\xff\xff\x7f", b"\xff" * 100,
    message()[:-2], message()[:-1], message() + b"garbage",
    message() + message("x"), bytes(range(1, 256)),
)
ATTRIBUTES = (
    "encoding=8bit", "encoding=7bit", "encoding=none", "encoding=x",
    "encoding=", "encoding", "=x", "", " encoding = 8bit ", "x=y",
    "rewrite_context=local", "rewrite_context=remote", "rewrite_context=x",
    "envelope_id=a=b", "notify_flags=7", "notify_flags=x", "ret_flags=1",
    "dsn_orig_rcpt=rfc822;x", "create_time=1", "client_name=localhost",
    "client_address=127.0.0.1", "sasl_username=root", "log_ident=x",
    "dsn_orig_rcpt=", "encoding=8bit=8bit", "Encoding=8bit",
    "trace_flags=512", "trace_flags=1024",
)


@pytest.mark.skipif(sendmail_peer.why_not() is not None,
                    reason=str(sendmail_peer.why_not()))
def test_records_beside_debian(tmp_path):
    texts = list(INPUTS)
    texts += [message(extra=record("A", a)) for a in ATTRIBUTES]

    def play(number, program):
        home = make_home(str(tmp_path / f"{number}{program[1]}"))
        return drop(home, texts[number], program), files(home)

    # Debian's sleeps for a second when something is wrong.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        wants = list(pool.map(play, range(len(texts)), [DEBIAN] * len(texts)))
    for number, (want, want_files) in enumerate(wants):
        text = texts[number]
        got, got_files = play(number, OURS)
        if b"status\0001\0" in want.stdout:
            want_files = []  # it leaves the file of a bad message behind
        assert got_files == want_files, text[:200]
        assert got.returncode == want.returncode, text[:200]
        assert len(got.stdout) == len(want.stdout), text[:200]
        if text[:2] != b"S\xff":  # they give up on lengths a little later
            assert got.stderr == want.stderr, text[:200]


def test_breaks_in_envelopes(home):
    """Newer than Debian's."""
    for bad in ("a\nb", "a\rb", "a\0b", "\n", "\0"):
        for text in (message(bad), message(recipients=("x", bad)),
                     message(extra=record("F", bad)),
                     message(extra=record("A", "envelope_id=" + bad)),
                     message()[:-2] + record("R", bad) + record("E")):
            done = drop(home, text)
            assert done.returncode == 1, (bad, text)
            assert b"null or line break" in done.stderr
            assert done.stderr.count(b"\n") == 1
            assert files(home) == []


def test_null_record(home):
    """Newer than Debian's, too."""
    for text in (b"\0\0" + message(), message(extra=record("\0"))):
        done = drop(home, text)
        assert done.returncode == 1
        assert b"unexpected record type: 0" in done.stderr
        assert files(home) == []


def test_trace_flags(home):
    for value in ("0", "1", "513", "512 ", "-512", "0x200", "99999999999999"):
        done = drop(home, message(extra=record("A", f"trace_flags={value}")))
        assert done.returncode == 0
        if value.strip() != "512":
            assert b"ignoring attribute" in done.stderr
            assert b"trace_flags" not in files(home)[0][1]
        else:
            assert b"trace_flags=512" in files(home)[0][1]


def test_random_input(home):
    good = message(recipients=("a", "b"), lines=("x", "y") * 10)
    chance = random.Random(1)
    for _ in range(150):
        text = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            text[chance.randrange(len(text))] = chance.randrange(256)
        done = drop(home, bytes(text[:chance.randrange(1, len(text) + 1)]))
        assert done.returncode in (0, 1), done
        for mode, data in files(home):
            assert mode == "0o100744"
            assert data.endswith(b"E\0")


def test_usage(home):
    assert drop(home, b"", words=["-z"]).returncode == 1
    assert b"usage" in drop(home, b"", words=["-z"]).stderr
    assert drop(home, message(), words=["-r", "-v"]).returncode == 0
    done = drop(home, message(), words=["-c", "/nonexistent"])
    assert done.returncode == 1
    assert b"open /nonexistent/main.cf" in done.stderr


def test_environment(home):
    """Nothing of it is used, and a lot of it does no harm."""
    hostile = {"LD_LIBRARY_PATH": "/tmp", "TZ": "/etc/shadow",
               "MALLOC_CHECK_": "3", "IFS": "/", "LANG": "x" * 10000,
               "MAIL_VERBOSE": "1", "MAIL_DEBUG": "1", "PATH": ".",
               "TMPDIR": "/nonexistent", "A" * 50000: "b"}
    for i in range(1000):
        hostile[f"X{i}"] = "() { :;}; touch /tmp/x"
    assert drop(home, message(), environment=hostile).returncode == 0
    assert len(files(home)) == 1


def test_directory_and_mask(home, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = drop(home, message(), cwd=gone, preexec_fn=lambda: (
        os.umask(0o777), os.rmdir(gone)))
    assert done.returncode == 0
    assert files(home)[0][0] == "0o100744"


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2),
                                    (0, 2), (0, 1, 2)])
def test_closed_descriptors(home, closed):
    def close():
        for fd in closed:
            os.close(fd)

    drop(home, message(), preexec_fn=close)
    for mode, data in files(home):
        assert mode == "0o100744"
        assert data == message()
    assert 0 not in closed or files(home) == []


def test_many_descriptors(home):
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    done = drop(home, message(), pass_fds=fds)
    for fd in fds:
        os.close(fd)
    assert done.returncode == 0
    assert len(files(home)) == 1


@pytest.mark.parametrize("what,most", [
    (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_FSIZE, 20),
    (resource.RLIMIT_NOFILE, 3), (resource.RLIMIT_NOFILE, 4),
    (resource.RLIMIT_CPU, 1), (resource.RLIMIT_NPROC, 0),
    (resource.RLIMIT_CORE, 0), (resource.RLIMIT_STACK, 256 * 1024)])
def test_limits(home, what, most):
    done = drop(home, message(lines=("x" * 1000,) * 200),
                preexec_fn=lambda: resource.setrlimit(what, (most, most)))
    left = files(home)
    if done.returncode == 0:
        assert len(left) == 1
        assert left[0][1] == message(lines=("x" * 1000,) * 200)
    else:
        assert left == []


def owners(home, lines):
    path = os.path.join(home, "owners")
    with open(path, "w", encoding="ascii") as f:
        f.write(lines)
    write_main_cf(home, f"local_login_sender_maps = texthash:{path}\n")


def test_owner_of_a_sender(home):
    owners(home, f"{ME} a@b, @x.example\n")
    for sender, allowed in (("a@b", True), ("any@x.example", True),
                            ("c@d", False), ("", False)):
        done = drop(home, message(sender))
        assert done.returncode == 0
        assert done.stdout.endswith(
            b"status\0000\0reason\0\0\0" if allowed else
            b"status\000512\0reason\0not authorized to use sender='%s'\0\0"
            % sender.encode())
        assert len(files(home)) == allowed


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_owner_without_a_name(tmp_path):
    home = make_home(str(tmp_path), user=987654)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder.parts[2:]:
            folder.chmod(0o755)
    owners(home, "uid:987654 a@b\nunknown c@d\n")
    drop(home, message("c@d"), user=987654, group=987654)
    assert not files(home)
    drop(home, message("a@b"), user=987654, group=987654)
    assert len(files(home)) == 1


@pytest.mark.parametrize("most", range(3, 12))
def test_owners_that_cannot_be_read(home, most):
    """Who leaves no descriptors for the table gets nothing by it."""
    owners(home, f"{ME} a@b\n")
    done = drop(home, message("c@d"), preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (most, most)))
    assert b"status\0000\0" not in done.stdout
    assert not files(home)


def test_size(home):
    write_main_cf(home, "message_size_limit = 1000\n")
    done = drop(home, message(lines=("x" * 800,)))
    assert (done.returncode, len(files(home))) == (0, 1)
    for lines in (("x" * 1000,), ("x" * 1000,) * 1000):
        done = drop(home, message(lines=lines))
        assert b"status\0004\0" in done.stdout
        assert done.stderr == b"postdrop: warning: uid=%d: File too large\n" \
            % os.getuid()
        assert (done.returncode, files(home)) == (4, [])


def can_mount():
    return instance.can_have_users()


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace")
def test_full_disk(home):
    script = ('mount -t tmpfs -o size=64k tmpfs "$1/q" && '
              'mkdir -p "$1/q/maildrop" "$1/q/public" && '
              '"$2" <"$3"; code=$?; ls -l "$1/q/maildrop" | wc -l; exit $code')
    path = os.path.join(home, "message")
    with open(path, "wb") as f:
        f.write(message(lines=("x" * 1000,) * 200))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", home, OURS, path],
        env={"MAIL_CONFIG": home + "/etc", "PATH": os.environ["PATH"]},
        capture_output=True, timeout=60, check=False)
    assert done.returncode == 2, done
    assert b"No space left on device" in done.stderr
    assert b"status\0002\0" in done.stdout
    assert done.stdout.rstrip().endswith(b"1")  # "total 0"


def test_no_directory(home):
    shutil.rmtree(home + "/q/maildrop")
    done = drop(home, message())
    assert done.returncode == 1
    assert b"No such file or directory" in done.stderr
    shutil.rmtree(home + "/q")
    assert b"chdir" in drop(home, message()).stderr


def test_down_or_stuck(home):
    """Nobody listens, or nobody accepts: the message is there all the same,
    and at once."""
    public = home + "/q/public/pickup"
    assert b"unable to look up public/pickup" in drop(home, message()).stderr
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(public)
        assert drop(home, message()).stderr == b""
        listener.listen(0)
        for _ in range(5):
            begin = time.monotonic()
            done = drop(home, message())
            assert (done.returncode, done.stderr) == (0, b"")
            assert time.monotonic() - begin < 20
    os.unlink(public)
    os.mkfifo(public)
    assert drop(home, message()).returncode == 0
    os.unlink(public)
    os.symlink("/dev/null", public)
    assert b"is not a socket" in drop(home, message()).stderr
    assert len(files(home)) == 9


def test_nudge(home):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(home + "/q/public/pickup")
        listener.listen()
        assert drop(home, message()).returncode == 0
        peer, _ = listener.accept()
        with peer:
            assert peer.recv(10) == b"W\0"


def start(home, **options):
    return subprocess.Popen(
        [OURS], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={"MAIL_CONFIG": home + "/etc"}, **options)


def wait_for_file(process):
    """It has said the name of its file."""
    said = b""
    while not said.endswith(b"\0\0"):
        byte = process.stdout.read(1)
        assert byte
        said += byte


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGQUIT,
                                   signal.SIGTERM, signal.SIGHUP])
def test_signal_removes_the_file(home, signo):
    process = start(home)
    wait_for_file(process)
    process.send_signal(signo)
    assert process.wait(60) == signo
    assert files(home) == []
    process.communicate()


def test_harmless_signals(home):
    process = start(home)
    wait_for_file(process)
    for signo in (signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2,
                  signal.SIGVTALRM, signal.SIGPROF, signal.SIGPIPE,
                  signal.SIGXFSZ, signal.SIGXCPU):
        process.send_signal(signo)
    process.communicate(message())
    assert process.returncode == 0
    assert len(files(home)) == 1


def test_signal_storm(home):
    """Whenever they come: a whole file that was promised, or none."""
    chance = random.Random(2)
    kinds = [signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGHUP]
    text = message(lines=("x" * 1000,) * 100)
    for _ in range(60):
        process = start(home)
        process.stdin.write(text)
        process.stdin.close()
        time.sleep(chance.random() * 0.004)
        for _ in range(20):
            process.send_signal(chance.choice(kinds))
        out = process.stdout.read()
        process.wait(60)
        process.stdout.close()
        process.stderr.close()
        left = files(home)
        if b"status\0000\0" in out:
            assert len(left) == 1
        for mode, data in left:
            assert mode == "0o100744"
            assert data == text


def test_ignored_signals_stay_ignored(home):
    process = start(home, preexec_fn=lambda: signal.signal(
        signal.SIGHUP, signal.SIG_IGN))
    wait_for_file(process)
    process.send_signal(signal.SIGHUP)
    process.communicate(message())
    assert process.returncode == 0
    assert len(files(home)) == 1


def test_writer_goes_away(home):
    process = start(home)
    wait_for_file(process)
    process.stdin.write(message()[:-2])
    process.stdin.close()
    assert process.wait(60) == 0
    assert files(home) == []
    process.stdout.close()
    process.stderr.close()


@pytest.mark.skipif(os.geteuid() != 0 or not can_mount(),
                    reason="needs root")
def test_set_gid(home):
    """Installed as it shall be, run by somebody without rights."""
    program = os.path.join(os.path.dirname(home), "postdrop")
    shutil.copy(OURS, program)
    group = 64999
    os.chown(program, 0, group)
    os.chmod(program, 0o2755)
    for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
        os.chown(f"{home}/q/{name}", 0, group)
        os.chmod(f"{home}/q/{name}", mode)
    folder = os.path.dirname(home)
    while folder != "/":
        os.chmod(folder, os.stat(folder).st_mode | 0o055)
        folder = os.path.dirname(folder)

    def drop_as_nobody(home, **options):
        return drop(home, message(), program, cwd="/", user=65534,
                    group=65534, extra_groups=[], **options)

    # A directory of the caller's choice is refused.
    done = drop_as_nobody(home)
    assert done.returncode == 1
    assert b"unauthorized configuration directory" in done.stderr or \
        b"main.cf: No such file" in done.stderr
    done = drop_as_nobody(home, words=["-c", home + "/etc"])
    assert done.returncode == 1
    assert files(home) == []
    # The usual one is fine, and one that it lists.
    usual = os.path.join(os.path.dirname(home), "usual")
    for text, code in ((f"queue_directory = {home}/q\n", 1),
                       (f"alternate_config_directories = /x {home}/etc\n", 0)):
        os.makedirs(usual, exist_ok=True)
        with open(usual + "/main.cf", "w") as f:
            f.write(text)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c",
             'd=/etc/postfix; [ ! -d /etc/chasqui ] || d=/etc/chasqui; '
             'mount --bind "$1" $d && shift && exec setpriv --reuid 65534 '
             '--regid 65534 --clear-groups "$@"', "sh", usual, program],
            input=message(), env={"MAIL_CONFIG": home + "/etc",
                                  "PATH": os.environ["PATH"]},
            capture_output=True, timeout=60, check=False)
        assert done.returncode == code, done
    names = os.listdir(home + "/q/maildrop")
    assert len(names) == 1
    st = os.stat(f"{home}/q/maildrop/{names[0]}")
    assert (st.st_uid, st.st_gid) == (65534, group)
