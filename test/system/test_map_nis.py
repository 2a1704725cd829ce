# SPDX-License-Identifier: ISC
"""Tables of a NIS domain, against rpcbind, ypserv and ypbind, beside Debian's
postmap. The servers live in namespaces of their own (network, files, domain
name, processes) and die with them."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import instance

PATH = "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ.get("PATH", "")
ASK = os.path.join(instance.BUILD, "test", "map-ask")
QUERY = os.path.join(instance.BUILD, "test", "map-query")
MAKEDBM = "/usr/lib/yp/makedbm"
DOMAIN = "chasqui.test"
LONG = "v" * 900
NAMESPACES = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork",
              "--kill-child"]

# The first process: starts the servers, then does what it is told, until
# nobody is there to tell it.
INIT = """
set -e
ip link set lo up
mount -t tmpfs none /run
mount -t tmpfs none /var/yp
mkdir /var/yp/binding /var/yp/$1
domainname $1
printf 'joe\\tjoe@x.org\\nannie\\tv  v\\nlong\\t%s\\nMixed\\tcase\\n\
joe@v.test\\tjoe@w.test\\n' $2 | $3 - /var/yp/$1/plain
printf 'joe\\tjoe@x.org\\nlong\\t%s\\n' $2 | $3 -a - /var/yp/$1/ended
echo domain $1 server 127.0.0.1 >/run/yp.conf
serve() {
    ypserv -d >/dev/null 2>&1 &
    ypserv=$!
}
rpcbind -f & rpcbind=$!
tries=50
until rpcinfo -p >/dev/null 2>&1 || [ $tries -eq 0 ]; do
    tries=$((tries - 1))
    sleep 0.1
done
serve
tries=50
until rpcinfo -p | grep -q ypserv || [ $tries -eq 0 ]; do
    tries=$((tries - 1))
    sleep 0.1
done
ypbind -foreground -i 1 -f /run/yp.conf & ypbind=$!
set +e
echo ready
while read -r line; do
    eval "$line"
    echo done
done
"""


def why_not():
    for program in ("rpcbind", "rpcinfo", "ypserv", "ypbind", "ip",
                    "domainname", "nsenter"):
        if not shutil.which(program, path=PATH):
            return f"needs {program}"
    if not os.path.exists(MAKEDBM):
        return f"needs {MAKEDBM}"
    if not os.path.isdir("/var/yp"):
        return "needs /var/yp"
    if not os.path.exists(os.path.join(instance.PROGRAMS, "map-nis.so")):
        return "built without nis"
    if not instance.can_have_users():
        return "needs root and mount namespaces"
    if subprocess.run([*NAMESPACES, "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        return "needs network namespaces"
    return None


REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def environment():
    """For our programs. AddressSanitizer puts itself before the functions of
    libtirpc and must find the real ones, which a module loads too late."""
    with open(ASK, "rb") as f:
        if b"__asan_init" not in f.read():
            return dict(os.environ)
    listed = subprocess.run(["ldd", ASK], capture_output=True,
                            encoding="utf-8", check=True).stdout.split()
    return {**os.environ, "LD_PRELOAD": " ".join(
        [path for path in listed if "/libasan" in path] + ["libtirpc.so.3"])}


class Domain:
    """A NIS domain, with one server, and a machine that is bound to it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [*NAMESPACES, "sh", "-c", INIT, "init", DOMAIN, LONG, MAKEDBM],
            env={**os.environ, "PATH": PATH}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="ascii")
        self.pid = None

    def __enter__(self):
        try:
            assert self.process.stdout.readline() == "ready\n"
            self.find_init()
            self.wait_bound()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()  # and its child with it
            self.process.wait()

    def find_init(self):
        own = self.process.pid
        with open(f"/proc/{own}/task/{own}/children", encoding="ascii") as f:
            self.pid = f.read().split()[0]

    def wait_bound(self):
        file = f"/proc/{self.pid}/root/var/yp/binding/{DOMAIN}.2"
        end = time.monotonic() + 10
        while not os.path.exists(file):
            assert time.monotonic() < end, "ypbind finds no server"
            time.sleep(0.05)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def inside(self, *command):
        return ["nsenter", "--target", self.pid, "--net", "--mount", "--uts",
                *command]

    def ask(self, *specs, options=()):
        return Ask(self.inside(ASK, "-m", instance.PROGRAMS, *options,
                               *specs))


class Ask:
    """A process with a table; ask(key) is what it says."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8", env=environment())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.stdin.closed:
            return
        self.process.kill()
        self.process.communicate()

    def ask(self, key):
        self.process.stdin.write(key + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def warnings(self):
        """Ends it."""
        _, text = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return text.splitlines()


@pytest.fixture(scope="module")
def domain():
    with Domain() as d:
        yield d


def warning(key, name, reason):
    return (f"warning: lookup {key}, NIS domain {DOMAIN}, map {name}: "
            f"{reason}")


def test_found(domain):
    with domain.ask("nis:plain") as table:
        assert table.ask("joe") == "+joe@x.org"
        assert table.ask("none") == "-"
        assert table.ask("annie") == "+v  v"
        assert table.ask("long") == "+" + LONG
        assert table.ask("jo") == "-"
        assert table.ask("JOE") == "+joe@x.org"
        assert table.ask("Mixed") == "-"
        assert table.ask("k" * 3000) == "-"
        assert table.ask("joe\0") == "-"
        assert table.warnings() == []
    with domain.ask("nis:plain", options=["-f"]) as table:
        assert table.ask("JOE") == "-"
        assert table.ask("Mixed") == "+case"
        assert table.warnings() == []


def test_ended_by_nul(domain):
    with domain.ask("nis:ended") as table:
        assert table.ask("none") == "-"
        assert table.ask("joe") == "+joe@x.org"
        assert table.ask("none") == "-"
        assert table.ask("long") == "+" + LONG
        assert table.warnings() == []


def test_no_such_map(domain):
    with domain.ask("nis:none") as table:
        assert table.ask("joe") == "?"
        assert table.ask("k" * 3000) == "?"
        assert table.warnings() == [
            warning(key, "none", "no such map in server's domain")
            for key in ("joe", "k" * 500)]


def test_locked_in(domain):
    """In the sandbox of a rules worker."""
    done = subprocess.run(
        domain.inside(QUERY, "-s", "-m", instance.PROGRAMS, "nis:ended"),
        input="joe\nnone\nlong\n", capture_output=True, encoding="utf-8",
        timeout=30, check=False, env=environment())
    assert done.stderr == ""
    assert done.stdout == f"joe\tjoe@x.org\nlong\t{LONG}\n"


MAIL_SYSTEM = """
import sys
sys.path.insert(0, sys.argv[1])
from lib.instance import Instance
with Instance("virtual_alias_domains = v.test", "default_transport = discard",
              "virtual_alias_maps = nis:plain") as mail:
    with mail.smtp() as s:
        s.command("EHLO a")
        s.command("MAIL FROM:<a@b.test>", 250)
        for name in "joe", "none", "joe":
            print(s.command(f"RCPT TO:<{name}@v.test>").code)
        print(s.data(b"Subject: x\\r\\n\\r\\n").code)
    mail.wait_for(lambda: mail.log_lines("to=<joe@w.test>.*sent"))
"""


def test_mail_system(domain):
    """The rules workers: no privileges, in their sandbox."""
    test = os.path.join(instance.ROOT, "test")
    done = subprocess.run(
        domain.inside(sys.executable, "-c", MAIL_SYSTEM, test),
        capture_output=True, encoding="utf-8", timeout=60, check=False,
        env={**environment(), "CHASQUI_BUILD": instance.BUILD})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["250", "550", "250", "250"]


def has_postmap():
    postconf = shutil.which("postconf", path=PATH)
    return postconf and "nis" in subprocess.run(
        [postconf, "-m"], capture_output=True, encoding="ascii",
        check=False).stdout.split()


def ask_postmap(domain, home, spec, key):
    """What theirs says, as ours would: the answer, the warnings."""
    done = subprocess.run(
        domain.inside(shutil.which("postmap", path=PATH), "-c", str(home),
                      "-q", key, spec),
        capture_output=True, encoding="utf-8", timeout=60, check=False)
    warnings = [line.removeprefix("postmap: ")
                for line in done.stderr.splitlines() if "warning" in line]
    if "fatal" in done.stderr:
        return "?", warnings
    if done.returncode:
        return "-", warnings
    return "+" + done.stdout.removesuffix("\n"), warnings


@pytest.mark.skipif(not has_postmap(), reason="needs a postmap with nis")
def test_as_postfix(domain, tmp_path):
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    jobs = [(f"nis:{name}", key)
            for name in ("plain", "ended", "nomap")
            for key in ("joe", "JOE", "jo", "none", "annie", "Mixed", "long",
                        "a@b.c", "ü", " ", "", "k" * 400)]

    def ours(job):
        with domain.ask(job[0]) as table:
            return table.ask(job[1]), table.warnings()

    def theirs(job):
        return ask_postmap(domain, tmp_path, *job)

    with ThreadPoolExecutor(8) as pool:
        wanted = list(pool.map(theirs, jobs))
        assert list(zip(jobs, pool.map(ours, jobs))) == list(
            zip(jobs, wanted))
    assert {answer[0] for answer, _ in wanted} == {"+", "-", "?"}


# --- what is not there ---

@pytest.mark.parametrize("name", ["(none)", "(NONE)", ""])
def test_no_domain(name):
    with Ask(["unshare", "--uts", "sh", "-c", 'domainname "$0"; exec "$@"',
              name, ASK, "-m", instance.PROGRAMS, "nis:plain"]) as table:
        assert table.ask("joe") == "-"
        assert table.warnings() == [
            "warning: dict_nis_init: NIS domain name not set - NIS lookups "
            "disabled"]


def test_dead_and_back(domain):
    """ypserv dies and comes back, on another port; the table sees it."""
    with domain.ask("nis:plain") as table:
        assert table.ask("joe") == "+joe@x.org"
        domain.tell("kill -9 $ypserv; wait $ypserv")
        assert table.ask("joe") == "?"
        domain.tell("serve")
        end = time.monotonic() + 10
        while (answer := table.ask("joe")) == "?":
            assert time.monotonic() < end
            time.sleep(0.1)
        assert answer == "+joe@x.org"
        said = set(table.warnings())
    assert said
    assert said <= {
        warning("joe", "plain", reason)
        for reason in ("RPC failure - domain has been unbound",
                       "can't bind to server on this domain",
                       "can't communicate with ypserv")}


def test_silent(domain):
    """No answer takes longer than ten seconds."""
    with domain.ask("nis:plain") as table:
        assert table.ask("joe") == "+joe@x.org"
        domain.tell("kill -STOP $ypserv")
        before = time.monotonic()
        assert table.ask("joe") == "?"
        took = time.monotonic() - before
        domain.tell("kill -CONT $ypserv")
        assert 2.5 < took < 11
        end = time.monotonic() + 10
        while table.ask("joe") == "?":
            assert time.monotonic() < end
            time.sleep(0.1)
        assert table.warnings()[0].startswith(warning("joe", "plain", ""))


def test_no_ypbind_no_portmapper():
    with Domain() as own, own.ask("nis:plain") as table:
        own.tell("kill $ypbind; wait $ypbind")
        assert table.ask("joe") == "?"
        own.tell("kill -9 $rpcbind; wait $rpcbind")
        assert table.ask("joe") == "?"
        assert table.warnings() == [
            warning("joe", "plain", "can't communicate with ypbind"),
            warning("joe", "plain", "can't communicate with portmapper")]
