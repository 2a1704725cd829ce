# SPDX-License-Identifier: ISC
"""A Debian system of a test's own, to install packages in.

    with DebRoot() as root:
        root.run("apt-get", "install", "-y", root.put("chasqui.deb"))

It is a copy-on-write view of this machine's files (or of the directory named
by CHASQUI_DEBROOT, which "make test-package" makes with debootstrap), with
processes, network, host name and mounts of its own: nothing that happens in it
is seen outside, and all of it is gone at the end.

It has no service manager, and what is sent to /dev/log is kept; or, with
DebRoot(systemd=True), systemd is its first process, without the services of
this machine and without those that would change the kernel's settings.
"""

import os
import shutil
import subprocess
import tempfile
import time

START = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay \
    -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work" "$work/root"
cd "$work/root"
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
while read -r name major minor; do
	mknod -m 666 "dev/$name" c "$major" "$minor"
done <<-END
	null 1 3
	zero 1 5
	full 1 7
	random 1 8
	urandom 1 9
	tty 5 0
END
mkdir -m 1777 dev/shm
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
ip link set lo up 2>/dev/null || true
hostname mail.example.test
printf '127.0.0.1 localhost\n127.0.0.1 mail.example.test mail\n' >etc/hosts
printf 'nameserver 127.0.0.1\n' >tmp/resolv.conf
rm -f etc/resolv.conf && cp tmp/resolv.conf etc/resolv.conf
if [ "$systemd" ]; then
	rm -f usr/sbin/policy-rc.d
	rm -rf etc/systemd/system/*.wants
	for unit in $masked; do
		ln -sf /dev/null "etc/systemd/system/$unit"
	done
	ln -sf /lib/systemd/system/basic.target \
	    etc/systemd/system/default.target
	mount -t sysfs sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mount --bind proc/sys proc/sys
	mount -o remount,bind,ro proc/sys
	mount -o remount,ro sys
	echo ready
	exec env -i container=chasqui PATH="$PATH" \
	    chroot . /lib/systemd/systemd --system --show-status=false \
	    >/dev/null 2>&1
fi
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
echo ready
exec 1>&-
# The first process of this system takes in the orphans.
sleep infinity &
while :; do
	wait
done
"""
LISTENER = r"""
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
os.chmod("/dev/log", 0o666)
print("ready", flush=True)
with open("/tmp/syslog", "ab", 0) as f:
    while True:
        f.write(s.recv(65536) + b"\n")
"""
# What is the machine's business, or wants to talk to it.
MASKED = """
    dev-hugepages.mount packagekit.service polkit.service
    sys-fs-fuse-connections.mount sys-kernel-debug.mount
    sys-kernel-tracing.mount systemd-binfmt.service
    systemd-journald-audit.socket systemd-modules-load.service
    systemd-random-seed.service systemd-remount-fs.service
    systemd-sysctl.service systemd-timesyncd.service systemd-udevd.service
    systemd-udev-trigger.service
"""
BASE = os.environ.get("CHASQUI_DEBROOT", "/")


def why_not():
    """The reason why there can be none here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for name in ("unshare", "nsenter", "dpkg-deb", "dpkg-shlibdeps"):
        if not shutil.which(name):
            return f"needs {name}"
    if not os.path.exists(os.path.join(BASE, "etc/debian_version")):
        return "needs a Debian system"
    probe = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--uts", "--fork", "sh", "-ec",
         "mount --make-rprivate /; mount -t tmpfs tmpfs /mnt;"
         "mkdir /mnt/u /mnt/w /mnt/r;"
         "mount -t overlay overlay -o lowerdir=" + BASE
         + ",upperdir=/mnt/u,workdir=/mnt/w /mnt/r"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return "needs overlayfs and namespaces" if probe.returncode else None


def has_systemd():
    return os.path.exists(os.path.join(BASE, "lib/systemd/systemd"))


class NoSystemd(Exception):
    pass


class DebRoot:
    def __init__(self, systemd=False):
        self.systemd = systemd
        self.work = tempfile.mkdtemp(prefix="chasqui-root-")
        self.root = os.path.join(self.work, "root")
        self.init = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc",
             "--cgroup", "--fork", "--kill-child", "sh", "-c", START],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, base=BASE, work=self.work,
                     systemd="yes" if systemd else "", masked=MASKED))
        try:
            if self.init.stdout.readline() != "ready\n":
                raise AssertionError("the system did not start")
            self.pid = self._first_process()
            if not systemd:
                self._start_log()
            elif not self._booted():
                raise NoSystemd
        except BaseException:
            self.destroy()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.destroy()

    def _booted(self):
        """False if systemd does not come up in a place like this."""
        for _ in range(600):
            state = self.run("systemctl", "is-system-running",
                             check=False).stdout.strip()
            if state in ("running", "degraded"):
                return True
            if self.init.poll() is not None:
                return False
            time.sleep(0.1)
        return False

    def _first_process(self):
        path = f"/proc/{self.init.pid}/task/{self.init.pid}/children"
        with open(path, encoding="ascii") as f:
            return f.read().split()[0]

    def command(self, *command, user=None):
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid",
                  "--net", "--uts", "--ipc", "--cgroup", "chroot"]
        if user:
            inside.append(f"--userspec={user}")
        return inside + [
            self.root, "env", "-i", "HOME=/", "LC_ALL=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
            "/bin", "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, *command, check=True, user=None, timeout=120, **options):
        """Stdout and stderr in one string; the result when not checked."""
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        result = subprocess.run(
            self.command(*command, user=user), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=timeout, **options)
        if not check:
            return result
        if result.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit "
                                 f"{result.returncode}\n{result.stdout}")
        return result.stdout

    def sh(self, script, *words, **options):
        return self.run("sh", "-ec", script, *words, **options)

    def _start_log(self):
        self.log_process = subprocess.Popen(
            self.command("/usr/bin/perl", "-e", LISTENER_PERL)
            if not os.path.exists(os.path.join(BASE, "usr/bin/python3"))
            else self.command("/usr/bin/python3", "-c", LISTENER),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.log_process.stdout.readline() == "ready\n"

    def log(self):
        if self.systemd:
            return self.run("journalctl", "--no-pager", "--output=short")
        return self.run("cat", "/tmp/syslog")

    def put(self, source, target=None):
        """A file into it; returns its name there."""
        target = target or "/tmp/" + os.path.basename(source)
        with open(source, "rb") as f:
            subprocess.run(self.command("sh", "-c", 'cat >"$0"', target),
                           stdin=f, check=True)
        return target

    def destroy(self):
        self.init.kill()
        self.init.wait()
        self.init.stdout.close()
        if hasattr(self, "log_process"):
            self.log_process.wait()
            self.log_process.stdout.close()
        shutil.rmtree(self.work, ignore_errors=True)


# A debootstrap root has perl only.
LISTENER_PERL = r"""
use Socket;
socket(S, AF_UNIX, SOCK_DGRAM, 0) or die;
bind(S, sockaddr_un("/dev/log")) or die;
chmod 0666, "/dev/log";
$| = 1;
print "ready\n";
open(F, ">>", "/tmp/syslog") or die;
select(F);
$| = 1;
while (defined(recv(S, $text, 65536, 0))) { print F "$text\n" }
"""
