# SPDX-License-Identifier: ISC
"""A user whose quota of the file system is used up (EDQUOT): the message
bounces as in Postfix, and a mailbox never holds a part of one.

The file system is btrfs in a file. Where a quota is used up it refuses to cut
a file, too, so that a message that could not be written remains in the mailbox
for a while; then all mail waits until it is gone, and the lock file stays.
"""

import os
import re
import subprocess

import pytest

COUNT = 60
SIZE = 20000
TEXTS = {
    "mbox": r"cannot update mailbox \S+/ana for user ana\. "
            r"(error writing message|unable to create lock file \S+)",
    "Maildir": r"maildir delivery failed: "
               r"(error writing message|create maildir file \S+)",
}
# What fsync() says on this file system.
SAYS = {"5.2.2": "Disk quota exceeded", "5.3.0": "Input/output error",
        "5.2.0": "Input/output error"}
UNCUT = ("dsn=4.2.0, status=deferred (cannot update mailbox ",
         ". cannot remove an unfinished message: Disk quota exceeded)")
PREPARE = """
set -e
mount -o loop "$0/image" "$0/mnt"
chmod 1777 "$0/mnt"
btrfs quota enable "$0/mnt"
btrfs qgroup limit 600k "$0/mnt"
umount "$0/mnt"
"""


def make_image(directory):
    """Or skip: the kernel has no btrfs, or no loop devices."""
    image = os.path.join(directory, "image")
    with open(image, "wb") as f:
        f.truncate(128 << 20)
    os.mkdir(os.path.join(directory, "mnt"))
    subprocess.run(["mkfs.btrfs", "-q", "-M", image], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", PREPARE, directory],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        pytest.skip(f"no quota of a file system: {done.stderr.strip()}")
    return image


def body(i):
    return f"Subject: number {i}\n\n" + "x" * 99 + "\n" + (
        f"line of {i}\n" * (SIZE // 10))[:SIZE] + f"\nend of {i}\n"


def numbers(messages):
    """Which are there; each is whole."""
    found = []
    for text in messages:
        i = int(re.search(rb"(?m)^Subject: number (\d+)$", text).group(1))
        assert text.split(b"\n\n", 1)[1].rstrip(b"\n") == (
            body(i).split("\n\n", 1)[1].encode().rstrip(b"\n"))
        found.append(i)
    return found


def in_box(mail, kind):
    """Its messages."""
    box = mail.inside(mail.mailbox_path("ana"))
    if kind == "mbox":
        with open(box, "rb") as f:
            text = f.read()
        assert not text or text.startswith(b"From ")
        return re.split(rb"(?m)^From .*\n", text)[1:]
    texts = []
    for name in os.listdir(os.path.join(box, "new")):
        with open(os.path.join(box, "new", name), "rb") as f:
            texts.append(f.read())
    assert os.listdir(os.path.join(box, "tmp")) == []
    return texts


@pytest.mark.root
@pytest.mark.users
@pytest.mark.program("mkfs.btrfs")
@pytest.mark.parametrize("kind", ["mbox", "Maildir"])
def test_over_quota(make_instance, tmp_path, kind):
    image = make_image(str(tmp_path))
    mail = make_instance(
        "mydestination = here.example", "myorigin = here.example",
        "mailbox_size_limit = 0", users=["ana"], spool_image=image)
    if kind == "Maildir":
        mail.configure(f"mail_spool_directory = {mail.home}/mail/")
    mail.start()
    ids = {mail.send("", ["ana"], body(i)): i for i in range(COUNT)}

    def ended(status):
        return [ids[m.group(1)] for m in (re.search(
            rf": (\w+): to=<ana@.*status={status}", line)
            for line in mail.log_lines()) if m]

    mail.wait_for(lambda: set(ended("(sent|bounced|deferred)"))
                  == set(range(COUNT)), 60)
    refused = mail.log_lines(r"to=<ana@.*status=bounced")
    assert refused and ended("sent")
    for line in refused:
        said = re.search(
            rf"dsn=(\S+), status=bounced \({TEXTS[kind]}: (.+)\)$", line)
        assert said and said.group(3) == SAYS[said.group(1)], line
    assert any("dsn=5.2.2" in line for line in refused)
    for line in mail.log_lines(r"to=<ana@.*status=deferred"):
        assert kind == "mbox" and all(part in line for part in UNCUT), line

    # There is room again.
    subprocess.run(["btrfs", "qgroup", "limit", "none",
                    mail.inside(f"{mail.home}/mail")], check=True,
                   stdout=subprocess.DEVNULL)
    ids[mail.send("", ["ana"], body(COUNT))] = COUNT
    mail.postqueue("-f")
    mail.wait_empty()
    assert sorted(ended("sent") + ended("bounced")) == list(range(COUNT + 1))
    assert sorted(numbers(in_box(mail, kind))) == sorted(ended("sent"))
    assert COUNT in ended("sent")
