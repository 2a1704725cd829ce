# SPDX-License-Identifier: ISC
"""virtual(8): mailboxes that tables name, as Postfix delivers to them."""

import os
import re
import stat

import pytest

import postfix_peer
from lib.instance import Smtp

UID, GID = 64100, 64101
OTHER = 64102
LIMIT = 3000

# address: (virtual_mailbox_maps, uid, gid); None: not in the table.
PEOPLE = {
    "mbox@v.example": ("v/mbox", UID, GID),
    "dir@v.example": ("v/dir/", UID, GID),
    "deep@v.example": ("v/some/where/deep/", UID, GID),
    "slashes@v.example": ("/v//slashes/", UID, GID),
    "made@v.example": ("v/made/", UID, GID),
    "ext+known@v.example": ("v/ext-known/", UID, GID),
    "ext@v.example": ("v/ext/", UID, GID),
    "@all.example": ("v/all/", UID, GID),
    "quoted name@v.example": ("v/quoted", UID, GID),
    "other-group@v.example": ("v/other-group/", UID, OTHER),
    "minimum@v.example": ("v/minimum/", 100, 100),
    "up@v.example": ("../up/", UID, GID),
    "inside@v.example": ("v/x/../inside/", UID, GID),
    "dots@v.example": ("v/..dots", UID, GID),
    "low-uid@v.example": ("v/low-uid/", 99, GID),
    "root@v.example": ("v/root/", 0, GID),
    "odd-uid@v.example": ("v/odd-uid/", "12x", GID),
    "large-uid@v.example": ("v/large-uid/", 1 << 32, GID),
    "nobody-uid@v.example": ("v/nobody-uid/", (1 << 32) - 1, GID),
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
# What the recipients are called, and who that is.
RECIPIENTS = list(PEOPLE) + [
    "MBOX@V.Example", "ext+unknown@v.example", "who+ever@all.example",
    "unknown@v.example", "Unknown+ext@v.example", "fails@v.example",
]
RECIPIENTS.remove("@all.example")

MESSAGE = ("From: a@x\nTo: b@y\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"
           "Message-Id: <1@x>\nSubject: hello\n\n"
           "From here\n>From there\n.\n..\n\nlast, eñe\n\n")
VOLATILE = [
    (rb"(?m)^(From \S+  ).*$", rb"\1DATE"),
    (rb"\b[0-9A-F]{10,12}\b", rb"QUEUEID"),
    (rb"\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", rb"DATE"),
    (rb"\d{10}\.P\d+(Q\d+)?\.", rb"TMPNAME."),
    (rb"\d{10}\.V[0-9a-f]+I[0-9a-f]+M\d+\.", rb"NEWNAME."),
]


def settled(text, base):
    text = text.replace(base.encode(), b"BASE")
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text


def quoted(address):
    local, _, domain = address.rpartition("@")
    return f'"{local}"@{domain}' if " " in local else address


def write_tables(home):
    tables = {"boxes": 0, "uids": 1, "gids": 2}
    for name, column in tables.items():
        with open(os.path.join(home, name), "w", encoding="utf-8") as f:
            for address, values in PEOPLE.items():
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
        own(at(name))
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
    return {
        "myhostname": "mail.example.test",
        "recipient_delimiter": "+",
        "virtual_mailbox_domains": "v.example, all.example",
        "virtual_mailbox_base": os.path.join(home, "vmail"),
        "virtual_mailbox_maps":
            f"texthash:{home}/boxes, inline:{{fails@v.example=v/fails/}}",
        "virtual_uid_maps": f"texthash:{home}/uids",
        "virtual_gid_maps": f"texthash:{home}/gids",
        "virtual_mailbox_limit": "20480000",
        "smtpd_reject_unlisted_recipient": "no",
        "deliver_lock_attempts": "2",
        "deliver_lock_delay": "1s",
    }


def tree(base):
    """All files below: mode, owner, content; names as far as they count."""
    result = {}
    for directory, names, files in os.walk(base):
        for name in names + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            text = b""
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    text = settled(f.read(), base)
            key = settled(path.encode(), base)
            result.setdefault(key, []).append(
                (oct(st.st_mode), st.st_uid, st.st_gid, text))
    return {key: sorted(value) for key, value in result.items()}


def outcomes(log, base):
    """What the log says of each recipient, and the warnings."""
    said = {}
    warnings = set()
    for line in settled(log.encode(), base).decode().splitlines():
        m = re.search(r"/virtual\[\d+\]: QUEUEID: (to=<(.*?)>.*?, relay=.*?), "
                      r"delay=.*?, (dsn=.*)$", line)
        if m:
            said[m[2]] = f"{m[1]}, {m[3]}"
        m = re.search(r"/virtual\[\d+\]: (warning: .*)$", line)
        if m:
            warnings.add(m[1])
    return said, warnings


def deliver_to_peer():
    with postfix_peer.PostfixPeer() as peer:
        base = os.path.join(peer.home, "vmail")
        make_world(base)
        write_tables(peer.home)
        peer.configure(*(f"{k} = {v}"
                         for k, v in settings(peer.home).items()))
        peer.reload()
        for recipient in RECIPIENTS:
            with Smtp(peer.port) as smtp:
                smtp.command("EHLO client.example", 250)
                smtp.envelope("", [quoted(recipient)])
                assert smtp.data(MESSAGE).code == 250
        peer.wait_for(lambda: len(outcomes(peer.log(), base)[0])
                      >= len(RECIPIENTS) - 1, 60)
        return outcomes(peer.log(), base), tree(base)
