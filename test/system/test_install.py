# SPDX-License-Identifier: ISC
"""What "make install" brings, and how the service manager sees us."""

import os
import pwd
import re
import shutil
import socket
import stat
import subprocess

import pytest

from lib import instance

COMMANDS = {"chasqui", "postconf", "postfix", "postmap", "postalias",
            "postqueue"}
DAEMONS = {"master", "smtpd", "rules", "queue", "relay", "deliver"}


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The files of an installation, below a directory."""
    dest = tmp_path_factory.mktemp("root")
    result = run("meson", "install", "-C", instance.BUILD, "--no-rebuild",
                 "--quiet", env=dict(os.environ, DESTDIR=str(dest)))
    assert result.returncode == 0, result.stdout + result.stderr
    return dest


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_programs(root):
    assert COMMANDS <= set(os.listdir(root / "usr/sbin"))
    assert DAEMONS <= set(os.listdir(root / "usr/libexec/chasqui"))
    assert {"mailq", "newaliases"} <= set(os.listdir(root / "usr/bin"))
    for folder in ("usr/sbin", "usr/bin", "usr/libexec/chasqui"):
        for name in os.listdir(root / folder):
            path = root / folder / name
            if path.is_symlink():
                assert path.resolve().exists(), f"{path} leads nowhere"
            else:
                # Set-gid is given by "postfix set-permissions" alone.
                assert mode(path) == 0o755, path
                assert path.is_file()


def test_configuration_is_kept(root, tmp_path):
    """A second installation over a changed one."""
    shutil.copytree(root / "etc", tmp_path / "etc")
    main_cf = tmp_path / "etc/chasqui/main.cf"
    main_cf.write_text("# mine\n")
    os.unlink(tmp_path / "etc/chasqui/master.cf")
    script = os.path.join(instance.ROOT, "dist/install-conf.sh")
    result = run("sh", script, "/etc/chasqui",
                 env=dict(os.environ, DESTDIR=str(tmp_path)))
    assert result.returncode == 0 and "is kept" in result.stdout
    assert main_cf.read_text() == "# mine\n"
    assert (tmp_path / "etc/chasqui/master.cf").read_text() == \
        (root / "etc/chasqui/master.cf").read_text()


def test_configuration_of_postfix_stays_in_charge(tmp_path):
    """/etc/chasqui would hide it."""
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_text("# Postfix's\n")
    script = os.path.join(instance.ROOT, "dist/install-conf.sh")
    result = run("sh", script, "/etc/chasqui",
                 env=dict(os.environ, DESTDIR=str(tmp_path)))
    assert result.returncode == 0
    assert os.listdir(tmp_path / "etc") == ["postfix"]
    assert os.listdir(tmp_path / "etc/postfix") == ["main.cf"]


def test_stock_configuration_is_right(root, tmp_path):
    """Neither an error nor a warning."""
    shutil.copytree(root / "etc/chasqui", tmp_path / "etc")
    with open(tmp_path / "etc/main.cf", "a", encoding="utf-8") as f:
        f.write(f"queue_directory = {tmp_path}/spool\n"
                f"maillog_file = {tmp_path}/log\n"
                f"maillog_file_prefixes = {tmp_path}\n"
                f"daemon_directory = {instance.PROGRAMS}\n"
                f"command_directory = {instance.PROGRAMS}\n"
                "mail_owner = 64900\nqueue_owner = 64901\n")
    result = run(instance.program("postfix"), "-c", str(tmp_path / "etc"),
                 "check")
    assert result.returncode == 0, result.stderr
    complaints = [line for line in result.stderr.splitlines()
                  if f"{tmp_path}/etc" not in line]
    assert os.geteuid() != 0 or not complaints, complaints


@pytest.mark.program("systemd-analyze")
def test_unit(root, tmp_path):
    unit = tmp_path / "chasqui.service"
    text = (root / "usr/lib/systemd/system/chasqui.service").read_text()
    assert re.search(r"^ExecStart=/usr/sbin/postfix start-fg$", text, re.M)
    assert re.search(r"^Type=notify$", text, re.M)
    assert re.search(r"^Alias=postfix.service$", text, re.M)
    # The programs and pages of this build need not be installed here.
    text = re.sub(r"/usr/sbin/postfix", instance.program("postfix"), text)
    text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
    unit.write_text(text)
    result = run("systemd-analyze", "verify", "--recursive-errors=no",
                 str(unit))
    assert result.returncode == 0 and not result.stderr, result.stderr


@pytest.mark.root
@pytest.mark.program("systemd-sysusers")
def test_users(root, tmp_path):
    (tmp_path / "etc").mkdir()
    result = run("systemd-sysusers", f"--root={tmp_path}",
                 str(root / "usr/lib/sysusers.d/chasqui.conf"))
    assert result.returncode == 0, result.stderr
    names = re.findall(r"^(\w+):", (tmp_path / "etc/passwd").read_text(),
                       re.M)
    groups = re.findall(r"^(\w+):", (tmp_path / "etc/group").read_text(),
                        re.M)
    assert {"chasqui", "chasquiq"} <= set(names)
    assert {"chasqui", "chasquiq", "postdrop"} <= set(groups)


def test_scripts(root):
    for name in ("usr/libexec/chasqui/post-install",):
        text = (root / name).read_text()
        assert "@" not in re.sub(r'"\$@"', "", text), "not filled in"
        assert run("sh", "-n", str(root / name)).returncode == 0


# Manual pages

# Of other packages.
OTHERS = {"crypt(3)", "diff(1)", "editrc(5)", "fcntl(2)", "flock(2)", "locale(7)",
          "procmail(1)", "regex(7)", "sd_notify(3)",
          "uux(1)", "uuxqt(8)", "uucico(8)",
          "strftime(3)", "syslog(3)", "syslogd(8)", "systemd(1)",
          "sysexits(3)", "umask(2)", "utime(2)"}


def pages(root):
    """{"postfix(1)": path}"""
    folder = root / "usr/share/man"
    return {f"{path.stem}({path.suffix[1:]})": path
            for path in folder.glob("man*/*")}


def test_everything_has_a_page(root):
    there = pages(root)
    for folder in ("usr/sbin", "usr/bin"):
        for name in os.listdir(root / folder):
            assert {f"{name}(1)", f"{name}(8)"} & set(there), name
    for name in os.listdir(root / "usr/libexec/chasqui"):
        if "." not in name and name != "post-install":
            assert {f"{name}(8)", f"chasqui-{name}(8)"} & set(there), name
    for name in ("aliases", "access", "bounce", "canonical", "master",
                 "postconf", "relocated", "transport", "virtual"):
        assert f"{name}(5)" in there
    for name in ("lmtp", "local", "master", "pickup", "pipe", "qmgr", "smtp",
                 "smtpd", "spawn", "virtual"):
        assert f"{name}(8)" in there
    for path in there.values():
        assert path.resolve().exists(), f"{path} leads nowhere"


def test_pages_point_to_pages(root):
    there = pages(root)
    for name, path in there.items():
        found = set(re.findall(r"^\.(?:.* )?Xr (\S+) (\d)",
                               path.read_text(), re.M))
        for other, section in found:
            key = f"{other}({section})"
            assert key in there or key in OTHERS, f"{name} names {key}"


@pytest.mark.program("mandoc")
def test_pages_have_no_mistakes(root):
    files = sorted(str(path) for path in pages(root).values())
    result = run("mandoc", "-Tlint", "-Wwarning", *files)
    assert result.returncode == 0, result.stdout


def test_the_page_of_parameters_is_complete(root):
    """Each one that postconf knows, with its default."""
    text = pages(root)["postconf(5)"].read_text()
    entries = dict(re.findall(r"^\.It Va (\w+)\n((?:(?!\.It|\.El).*\n)*)",
                              text, re.M))
    result = run(instance.program("postconf"), "-d", "-c", "/nonexistent")
    known = dict(line.split(" =", 1) for line in result.stdout.splitlines())
    assert len(known) > 900 and set(known) <= set(entries)
    for name, preset in known.items():
        if re.fullmatch(r" [\w/]+", preset) and "(lq" in entries[name]:
            assert f"\\(lq{preset.strip()}\\(rq" in entries[name], name


# The service manager

class Manager:
    """What systemd hears."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.settimeout(30)

    def hears(self):
        text = self.socket.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.splitlines())


@pytest.fixture
def manager(tmp_path, monkeypatch):
    one = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", one.path)
    yield one
    one.socket.close()


def test_service_manager_is_told(make_instance, manager):
    mail = make_instance()
    mail.start(wait=False)
    assert manager.hears()["READY"] == "1"
    # All run: it takes mail at once.
    with mail.smtp() as smtp:
        assert smtp.banner.code == 220
    mail.remember()
    mail.postfix("reload")
    assert int(manager.hears()["MONOTONIC_USEC"]) > 0
    assert manager.hears()["READY"] == "1"
    mail.stop()
    assert manager.hears()["STOPPING"] == "1"


def test_a_reload_that_fails_ends_too(make_instance, manager):
    mail = make_instance()
    mail.start(wait=False)
    assert manager.hears()["READY"] == "1"
    mail.remember()
    mail.configure("smtpd_timeout = nonsense")
    os.kill(mail.process.pid, 1)
    assert manager.hears()["RELOADING"] == "1"
    assert manager.hears()["READY"] == "1"
    mail.wait_for(lambda: mail.log_lines("nothing was changed"))


def test_processes_do_not_know_the_manager(make_instance, manager):
    mail = make_instance("import_environment = MAIL_CONFIG NOTIFY_SOCKET")
    mail.start(wait=False)
    assert manager.hears()["READY"] == "1"
    processes = mail.processes()
    assert len(processes) > 4
    for p in processes:
        if p.name in DAEMONS - {"master"}:
            with open(f"/proc/{p.pid}/environ", "rb") as f:
                assert b"NOTIFY_SOCKET" not in f.read(), p


# Owners and modes

@pytest.mark.root
def test_permissions_are_checked_and_set(make_instance):
    mail = make_instance()
    mail.postfix("set-permissions")
    spool = os.path.join(mail.home, "spool")
    assert "spool" not in mail.postfix("check").stderr
    right = {name: (os.lstat(os.path.join(spool, name)).st_uid,
                    mode(os.path.join(spool, name)))
             for name in [".", *os.listdir(spool)]}
    assert len(right) > 4
    os.chmod(spool, 0o777)
    for name in right:
        os.chown(os.path.join(spool, name), 12345, 12345)
    os.chmod(os.path.join(spool, "private"), 0o777)
    complaints = mail.postfix("check").stderr
    for text in (f"not owned by root: {spool}/.\n",
                 f"group or other writable: {spool}/.\n",
                 f"group or other writable: {spool}/private\n",
                 f"not owned by root: {spool}/pid\n"):
        assert f"postfix/postfix-script: warning: {text}" in complaints
    for name in ("log", "maildrop", "private"):
        assert re.search(rf"warning: not owned by \S+: {spool}/{name}\n",
                         complaints)
    mail.postfix("set-permissions")
    assert {name: (os.lstat(os.path.join(spool, name)).st_uid,
                   mode(os.path.join(spool, name)))
            for name in right} == right
    assert "spool" not in mail.postfix("check").stderr


@pytest.mark.root
def test_permissions_for_somebody_else(make_instance):
    """set-permissions name=value, as post-install has it."""
    mail = make_instance(f"command_directory = {instance.PROGRAMS}")
    spool = os.path.join(mail.home, "other")
    mail.postfix("set-permissions")

    def lines():
        with open(os.path.join(mail.etc, "main.cf"), encoding="utf-8") as f:
            return f.read()
    before = lines()
    for bad in ("mail_owner", "mail_owner=", "mail owner=games", "x=y",
                "queue_directory=spool", "myhostname=x.example", "start",
                "mail_owner=nobody-at-all", "setgid_group=nobody-at-all"):
        done = mail.postfix("set-permissions", "mail_owner=games", bad,
                            check=False)
        assert done.returncode == 1 and f"'{bad}'" in done.stderr, done
    owner = mail.tool("postconf", "-c", mail.etc, "-h", "mail_owner").stdout
    mail.postfix("set-permissions", f"mail_owner={owner.strip()}",
                 "upgrade-permissions", "html_directory=no",
                 "html_directory=no")
    assert lines().replace("html_directory = no\n", "") == before

    mail.postfix("set-permissions", "mail_owner=games",
                 f"queue_directory={spool}")
    assert mail.tool("postconf", "-c", mail.etc, "mail_owner",
                     "queue_directory").stdout == (
        f"mail_owner = games\nqueue_directory = {spool}\n")
    games = pwd.getpwnam("games").pw_uid
    assert os.lstat(os.path.join(spool, "private")).st_uid == games


def test_missing_directories_are_made(make_instance):
    mail = make_instance()
    mail.postfix("check")
    shutil.rmtree(os.path.join(mail.home, "spool"))
    mail.postfix("check")
    assert {"maildrop", "public", "private", "pid"} <= \
        set(os.listdir(os.path.join(mail.home, "spool")))
