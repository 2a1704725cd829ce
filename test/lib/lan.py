# SPDX-License-Identifier: ISC
"""A host of debroot.py among others: a wire from it to a network in which
the calling thread is.

    with Lan(host, ZONE, ["203.0.113.9", ...], tmp_path) as lan:
        with lan.smtp("203.0.113.9") as session:
            ...

The host is 192.168.0.1, in 192.168.0.0/24, and reaches every address that is
at the other end; there is the name server, too.
"""

import contextlib
import shutil
import socket
import subprocess

from .instance import Smtp
from .network import NameServer, can_have_network, own_network

HERE = "192.168.0.1"
NAMES = "192.0.2.53"

INSIDE = f"""
ip address add {HERE}/24 dev eth0
ip link set eth0 up
ip route add default dev eth0
echo nameserver {NAMES} >/etc/resolv.conf
"""


def why_not():
    if not can_have_network() or not shutil.which("ip"):
        return "needs root and network namespaces"
    probe = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "d0", "type", "veth",
         "peer", "name", "d1"], check=False, stderr=subprocess.DEVNULL)
    return "needs veth interfaces" if probe.returncode else None


class Lan(contextlib.ExitStack):
    def __init__(self, host, zone, addresses, folder):
        super().__init__()
        try:
            self.enter_context(own_network(
                *(f"{one}/32" for one in [NAMES, *addresses])))
            for words in (
                    ["link", "add", "wire", "type", "veth", "peer", "name",
                     "eth0", "netns", host.pid],
                    ["link", "set", "wire", "up"],
                    ["route", "add", HERE, "dev", "wire"]):
                subprocess.run(["ip", *words], check=True)
            host.sh(INSIDE)
            self.enter_context(NameServer(zone, folder, (NAMES, 53)))
        except BaseException:
            self.close()
            raise

    def smtp(self, source, greeting="client.example"):
        """A session with the host, from one of the addresses."""
        session = Smtp.__new__(Smtp)
        session.socket = socket.create_connection(
            (HERE, 25), 30, source_address=(source, 0))
        session.file = session.socket.makefile("rb")
        session.banner = session.reply()
        session.command("EHLO " + greeting, 250)
        return session
