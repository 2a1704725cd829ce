# SPDX-License-Identifier: ISC
"""virtual(8): mailboxes that tables name, as Postfix delivers to them."""

import os
import re
import stat
import subprocess
import threading
import time

import pytest

import postfix_peer
from lib.instance import Smtp

UID, GID = 64100, 64101
OTHER = 64102

# address: (virtual_mailbox_maps, uid, gid); None: not in the table.
PEOPLE = {
    "mbox@v.example": ("v/mbox", UID, GID),
    "dir@v.example": ("v/dir/", UID, GID),
    "deep@v.example": ("v/some/where/deep/", UID, GID),
    "slashes@v.example": ("/v//slashes/", UID, GID),
    "ext+known@v.example": ("v/ext-known/", UID, GID),
    "ext@v.example": ("v/ext/", UID, GID),
    "@all.example": ("v/all/", UID, GID),
    "quoted name@v.example": ("v/quoted", UID, GID),
    "other-group@v.example": ("v/other-group/", UID, OTHER),
    "minimum@v.example": ("v/minimum/", 100, 100),
    "dots@v.example": ("v/..dots", UID, GID),
    "low-uid@v.example": ("v/low-uid/", 99, GID),
    "root@v.example": ("v/root/", 0, GID),
    "odd-uid@v.example": ("v/odd-uid/", "12x", GID),
    "no-uid@v.example": ("v/no-uid/", None, GID),
    "zero-gid@v.example": ("v/zero-gid/", UID, 0),
    "odd-gid@v.example": ("v/odd-gid/", UID, "-1"),
    "no-gid@v.example": ("v/no-gid/", UID, None),
    "no-directory@v.example": ("v/missing/mbox", UID, GID),
    "closed@v.example": ("closed/dir/", UID, GID),
    "closed-mbox@v.example": ("closed/mbox", UID, GID),
    "is-file@v.example": ("v/is-file/", UID, GID),
    "is-directory@v.example": ("v/is-directory", UID, GID),
    "tmp-is-file@v.example": ("v/tmp-is-file/", UID, GID),
    "new-closed@v.example": ("v/new-closed/", UID, GID),
    "no-new@v.example": ("v/no-new/", UID, GID),
    "link@v.example": ("v/link/", UID, GID),
    "dangling@v.example": ("v/dangling/", UID, GID),
    "mbox-link@v.example": ("v/mbox-link", UID, GID),
    "hard-link@v.example": ("v/hard-link", UID, GID),
    "not-mine@v.example": ("v/not-mine", UID, GID),
    "fifo@v.example": ("v/fifo", UID, GID),
    "device@v.example": ("v/device", UID, GID),
}
RECIPIENTS = [name for name in PEOPLE if name[0] != "@"] + [
    "MBOX@V.Example", "ext+unknown@v.example", "who+ever@all.example",
    "unknown@v.example", "Unknown+ext@v.example",
]
# Where Postfix 3.7 believes too much: later ones do as we do.
MISTAKES = {
    "up@v.example": ("../up/", UID, GID),
    "inside@v.example": ("v/x/../inside/", UID, GID),
    "large-uid@v.example": ("v/large-uid/", 1 << 32, GID),
    "nobody-uid@v.example": ("v/nobody-uid/", (1 << 32) - 1, GID),
}

MESSAGE = ("From: a@x\nTo: b@y\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"
           "Message-Id: <1@x>\nSubject: hello\n\n"
           "From here\n>From there\n.\n..\n\nlast, eñe\n\n")
VOLATILE = [
    (rb"\d{10}\.P\d+(Q\d+)?\.", rb"TMPNAME."),
    (rb"\d{10}\.V[0-9a-f]+I[0-9a-f]+M\d+\.", rb"NEWNAME."),
    (rb"(?m)^(From \S+  ).*$", rb"\1DATE"),
    (rb"(?<=: )[0-9A-F]{10,12}(?=: )", rb"QUEUEID"),
    (rb"(?<= id )[0-9A-F]{10,12}\b", rb"QUEUEID"),
    (rb"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", rb"DATE"),
]


def settled(text, base):
    text = text.replace(base.encode(), b"BASE")
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text


def quoted(address):
    local, _, domain = address.rpartition("@")
    return f'"{local}"@{domain}' if " " in local else address


def write_tables(home, people):
    tables = {"boxes": 0, "uids": 1, "gids": 2}
    for name, column in tables.items():
        with open(os.path.join(home, name), "w", encoding="utf-8") as f:
            for address, values in people.items():
                if values[column] is not None:
                    f.write(f"{quoted(address)} {values[column]}\n")


def own(path, uid=UID, gid=GID, mode=None):
    os.chown(path, uid, gid, follow_symlinks=False)
    if mode is not None:
        os.chmod(path, mode)


def write_file(path, text="", **who):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    own(path, **who)


def make_world(base):
    """What is there before the mail comes."""
    def at(*names):
        return os.path.join(base, *names)
    for name in ("", "v", "v/x", "v/is-directory", "v/tmp-is-file",
                 "v/new-closed", "v/new-closed/tmp", "v/new-closed/new",
                 "v/new-closed/cur", "v/no-new", "v/no-new/tmp",
                 "v/elsewhere"):
        os.mkdir(at(name))
        own(at(name), mode=0o755)
    os.chmod(at("v"), 0o777)
    os.mkdir(at("closed"), 0o755)
    write_file(at("v/is-file"))
    write_file(at("v/tmp-is-file/tmp"))
    own(at("v/new-closed/new"), uid=0, mode=0o755)
    os.chmod(at("v/no-new"), 0o555)
    os.symlink("elsewhere", at("v/link"))
    os.symlink("nowhere", at("v/dangling"))
    write_file(at("v/target"))
    os.symlink("target", at("v/mbox-link"))
    write_file(at("v/two-names"))
    os.link(at("v/two-names"), at("v/hard-link"))
    write_file(at("v/not-mine"), uid=OTHER, mode=0o666)
    os.mkfifo(at("v/fifo"))
    own(at("v/fifo"))
    os.mknod(at("v/device"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chmod(at("v/device"), 0o666)


def settings(home):
    return [
        "myhostname = mail.example.test",
        "recipient_delimiter = +",
        "virtual_mailbox_domains = v.example, all.example",
        f"virtual_mailbox_base = {home}/vmail",
        f"virtual_mailbox_maps = texthash:{home}/boxes",
        f"virtual_uid_maps = texthash:{home}/uids",
        f"virtual_gid_maps = texthash:{home}/gids",
        "smtpd_reject_unlisted_recipient = no",
        "deliver_lock_attempts = 2",
        "deliver_lock_delay = 1s",
    ]


def content_of(path, base):
    """Two messages may have come in any order."""
    with open(path, "rb") as f:
        text = settled(f.read(), base)
    return sorted(re.split(rb"(?m)^(?=From \S+  DATE)", text))


def tree(base):
    """All files below: names, modes, owners, contents."""
    result = {}
    for directory, names, files in os.walk(base):
        for name in names + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            facts = [oct(st.st_mode), st.st_uid, st.st_gid]
            if stat.S_ISREG(st.st_mode):
                facts += content_of(path, base)
            key = settled(path.encode(), base).decode()
            result.setdefault(key, []).append(facts)
    for same in result.values():
        same.sort()
    return result


def outcomes(log, base):
    """What the log says of each recipient, and the warnings."""
    said = {}
    warnings = set()
    for line in settled(log.encode(), base).decode().splitlines():
        # info_log_address_format is not ours yet.
        line = line.replace('"quoted name"', "quoted name")
        m = re.search(r"/virtual\[\d+\]: QUEUEID: (to=<(.*?)>.*?, relay=.*?), "
                      r"delay=.*?, (dsn=.*)$", line)
        if m:
            said[m[2]] = f"{m[1]}, {m[3]}"
        m = re.search(r"/virtual\[\d+\]: (warning: .*)$", line)
        if m:
            warnings.add(m[1])
    return said, warnings


def send(port, recipients, content=MESSAGE, sender="from@client.example"):
    """One message for each."""
    with Smtp(port) as smtp:
        smtp.command("EHLO client.example", 250)
        for recipient in recipients:
            smtp.envelope(sender, [quoted(recipient)])
            assert smtp.data(content).code == 250


def deliver(system, people, recipients):
    """To all of them: the outcomes, the warnings and the files."""
    base = os.path.join(system.home, "vmail")
    make_world(base)
    write_tables(system.home, people)
    system.configure(*settings(system.home))
    system.start()
    send(system.port, recipients)
    system.wait_for(lambda: len(outcomes(system.log(), base)[0])
                    >= len(recipients), 60, "not all were tried")
    return (*outcomes(system.log(), base), tree(base))


def differences(ours, theirs):
    return {key: (ours.get(key), theirs.get(key))
            for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}


@pytest.mark.root
@pytest.mark.peer
def test_as_postfix(make_instance):
    """Outcomes, the log, and each file with its owner and mode."""
    peer = postfix_peer.PostfixPeer()
    try:
        theirs = deliver(peer, PEOPLE, RECIPIENTS)
    finally:
        peer.destroy()
    ours = deliver(make_instance(), PEOPLE, RECIPIENTS)
    assert not differences(ours[0], theirs[0])
    assert len(ours[0]) == len(RECIPIENTS)
    assert ours[1] == theirs[1]
    assert not differences(ours[2], theirs[2])
    assert any("/new/" in name for name in ours[2])


@pytest.mark.root
def test_mistakes_of_tables(make_instance):
    """Nothing leads out of the base, and no number wraps around to root."""
    mail = make_instance()
    said, warnings, files = deliver(mail, MISTAKES, list(MISTAKES))
    for text in said.values():
        assert "dsn=4.3.5, status=deferred (mail system configuration" in text
    assert warnings == {
        "warning: recipient up@v.example: "
        "bad mailbox path ../up/ in virtual_mailbox_maps",
        "warning: recipient inside@v.example: "
        "bad mailbox path v/x/../inside/ in virtual_mailbox_maps",
        "warning: recipient large-uid@v.example: "
        "bad uid 4294967296 in virtual_uid_maps",
        "warning: recipient nobody-uid@v.example: "
        "bad uid 4294967295 in virtual_uid_maps",
    }
    assert not [name for name in files if "NEWNAME" in name]


@pytest.fixture
def hosting(make_instance):
    """A running system with a Maildir for everybody at all.example."""
    def make(*more, **people):
        mail = make_instance()
        base = os.path.join(mail.home, "vmail")
        os.mkdir(base)
        own(base)
        owner = os.geteuid() or UID
        write_tables(mail.home, {
            f"{name}@v.example": (path, owner, os.getegid() or GID)
            for name, path in (people or {"ana": "ana/"}).items()})
        mail.configure(*settings(mail.home), *more)
        mail.start()
        return mail, base
    return make


def statuses(mail):
    return sorted(re.findall(r"(?m)/virtual.*: to=<(.*?)>.* (dsn=.*)$",
                             mail.log()))


@pytest.mark.root
def test_quota(hosting):
    """Kept in maildirsize, for other programs to see."""
    mail, base = hosting(
        "virtual_maildir_quota_maps = inline:{ana@v.example=1500}",
        ana="ana/", bob="bob/")
    text = "Subject: x\n\n" + "x" * 98 + "\n"
    send(mail.port, ["ana+x@v.example"], text * 4)
    mail.wait_for(lambda: len(statuses(mail)) == 1)
    with open(os.path.join(base, "ana", "maildirsize"),
              encoding="ascii") as f:
        lines = f.read().splitlines()
    name, = os.listdir(os.path.join(base, "ana", "new"))
    size = os.path.getsize(os.path.join(base, "ana", "new", name))
    assert lines[0] == "1500S"
    assert lines[-1].split() == [str(size), "1"]
    send(mail.port, ["ana@v.example", "bob@v.example"], text * 8, "")
    mail.wait_for(lambda: len(statuses(mail)) == 3)
    assert statuses(mail) == [
        ("ana+x@v.example",
         "dsn=2.0.0, status=sent (delivered to maildir)"),
        ("ana@v.example", "dsn=5.2.2, status=bounced "
         "(maildir delivery failed: maildir over quota)"),
        ("bob@v.example", "dsn=2.0.0, status=sent (delivered to maildir)"),
    ]
    assert os.listdir(os.path.join(base, "ana", "new")) == [name]
    assert not os.listdir(os.path.join(base, "ana", "tmp"))
    assert not os.path.exists(os.path.join(base, "bob", "maildirsize"))


@pytest.mark.root
def test_file_size_limit(hosting):
    """virtual_mailbox_limit is for one file: a mailbox, or a message."""
    mail, base = hosting("message_size_limit = 2000",
                         "virtual_mailbox_limit = 2000",
                         ana="ana/", bob="bob")
    text = "Subject: x\n\n" + "x" * 78 + "\n"
    send(mail.port, ["ana@v.example"] * 2 + ["bob@v.example"] * 2,
         text * 10, "")
    mail.wait_for(lambda: len(statuses(mail)) == 4)
    assert statuses(mail) == [
        ("ana@v.example", "dsn=2.0.0, status=sent (delivered to maildir)"),
        ("ana@v.example", "dsn=2.0.0, status=sent (delivered to maildir)"),
        ("bob@v.example", "dsn=2.0.0, status=sent (delivered to mailbox)"),
        ("bob@v.example", "dsn=5.2.2, status=bounced (delivery failed to "
         f"mailbox {base}/bob: error writing message: File too large)"),
    ]
    assert os.path.getsize(os.path.join(base, "bob")) < 2000


@pytest.mark.root
def test_no_original_recipient(hosting):
    mail, base = hosting("enable_original_recipient = no")
    send(mail.port, ["ana+x@v.example"])
    mail.wait_for(lambda: len(statuses(mail)) == 1)
    name, = os.listdir(os.path.join(base, "ana", "new"))
    with open(os.path.join(base, "ana", "new", name), "rb") as f:
        assert f.read().startswith(
            b"Return-Path: <from@client.example>\n"
            b"Delivered-To: ana+x@v.example\nReceived: ")


@pytest.mark.root
def test_elsewhere(hosting):
    """A link that leads out of the base is followed."""
    mail, base = hosting(ana="ana/", bob="there/bob")
    other = os.path.join(mail.home, "other-disk")
    os.mkdir(other)
    own(other)
    os.symlink(other, os.path.join(base, "ana"))
    os.symlink(other, os.path.join(base, "there"))
    send(mail.port, ["ana@v.example", "bob@v.example"])
    mail.wait_for(lambda: len(statuses(mail)) == 2)
    assert [status for _, status in statuses(mail)] == [
        "dsn=2.0.0, status=sent (delivered to maildir)",
        "dsn=2.0.0, status=sent (delivered to mailbox)"]
    assert sorted(os.listdir(other)) == ["bob", "cur", "new", "tmp"]


@pytest.mark.root
def test_many_at_once(hosting):
    """Everything for everybody, exactly once."""
    people = {f"u{i}": f"u{i}/" for i in range(20)}
    mail, base = hosting(**people)
    names = [f"{name}@v.example" for name in people]
    with Smtp(mail.port) as smtp:
        smtp.command("EHLO client.example", 250)
        for number in range(10):
            smtp.envelope("from@client.example", names)
            assert smtp.data(f"X-Number: {number}\n\n").code == 250
    mail.wait_empty()
    for name in people:
        numbers = set()
        new = os.path.join(base, name, "new")
        for entry in os.listdir(new):
            with open(os.path.join(new, entry), encoding="ascii") as f:
                numbers.add(re.search(r"X-Number: (\d+)\n", f.read())[1])
        assert len(os.listdir(new)) == len(numbers) == 10
        assert not os.listdir(os.path.join(base, name, "tmp"))


@pytest.mark.root
def test_kill(hosting):
    """The worker is killed again and again: none is lost, none is half, and
    what comes again was not told as delivered."""
    mail, base = hosting("minimal_backoff_time = 1s", "queue_run_delay = 1s",
                         "maximal_backoff_time = 1s",
                         **{f"u{i}": f"u{i}/" for i in range(4)})
    count, kills = 100, 0
    done = threading.Event()

    def load():
        try:
            for i in range(count):
                send(mail.port, [f"u{i % 4}@v.example"],
                     f"X-Number: {i}\n\n" + "x" * 900 + f"\nlast {i}\n")
        finally:
            done.set()
    sender = threading.Thread(target=load)
    sender.start()
    while not done.is_set():
        kills += mail.kill("deliver-worker")
        mail.remember()
        time.sleep(0.02)
    sender.join()
    mail.wait_empty()
    numbers = []
    for user in range(4):
        new = os.path.join(base, f"u{user}", "new")
        for name in os.listdir(new):
            with open(os.path.join(new, name), encoding="ascii") as f:
                m = re.search(r"(?s)X-Number: (\d+)\n.*\n\nx{900}\nlast \1\n$",
                              f.read())
            assert m, name
            numbers.append(int(m[1]))
    assert kills > 0
    assert set(numbers) == set(range(count))
    sent = [line for line in statuses(mail) if "status=sent" in line[1]]
    assert len(sent) == count
    assert len(numbers) - count <= kills * 20


@pytest.mark.root
@pytest.mark.program("doveadm")
def test_dovecot_reads_it(hosting):
    """What we wrote is a Maildir to others, too; so is its quota."""
    mail, base = hosting("virtual_maildir_quota_maps = static:100000S,50C")
    send(mail.port, ["ana@v.example"] * 3)
    mail.wait_for(lambda: len(statuses(mail)) == 3)
    etc = os.path.join(mail.home, "dovecot.conf")
    with open(etc, "w", encoding="ascii") as f:
        f.write(f"""
            base_dir = {base}/run
            state_dir = {base}/state
            log_path = {base}/log
            ssl = no
            mail_location = maildir:{base}/ana
            mail_plugins = quota
            plugin {{
              quota = maildir:User quota
            }}
            first_valid_uid = {UID}
            """)

    def doveadm(*args):
        result = subprocess.run(
            ["doveadm", "-c", etc, *args], timeout=60, capture_output=True,
            text=True, user=UID, group=GID, extra_groups=[],
            env=dict(os.environ, USER="ana", HOME=base))
        assert result.returncode == 0, result.stderr
        return result.stdout
    assert doveadm("fetch", "hdr.subject", "ALL").count("hello") == 3
    assert "eñe" in doveadm("fetch", "text", "ALL")
    size = sum(os.path.getsize(os.path.join(path, name))
               for path, _, names in os.walk(os.path.join(base, "ana"))
               for name in names if ".V" in name)
    quota = doveadm("quota", "get")
    assert re.search(rf"STORAGE +{-(-size // 1024)} +98 ", quota), quota
    assert re.search(r"MESSAGE +3 ", quota), quota
