# SPDX-License-Identifier: ISC
"""The queue process alone, with this program as everybody else.

    with QueueProcess(directory, minimal_backoff_time="1s") as q:
        q.smtpd().send("me@a.example", ["you@b.example"], b"Subject: x\r\n")
        job = q.relay().job()
        job.report(sent())
        q.wait_log("removed")

The other ends of all socketpairs are here: master's control channel, smtpd,
rules, relay, deliver, and commands on the control socket. What arrives is
read whenever something is waited for; rules answers by itself, from
`q.routes`. Frames and messages are those of src/ipc/*.h.
"""

import array
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time

from . import instance

ROLE = {"master": 0, "smtpd": 1, "rules": 2, "queue": 3, "relay": 4,
        "deliver": 5}

RULES_ROUTE, RULES_ROUTED = 0x104, 0x105
(QUEUE_IDS, QUEUE_MORE_IDS, QUEUE_SPACE, QUEUE_WANT_BLOB, QUEUE_BLOB,
 QUEUE_COMMIT, QUEUE_DONE, QUEUE_DROP, QUEUE_EXPECT) = range(0x200, 0x209)
JOB, JOB_DONE = 0x300, 0x301
(CTL_LIST, CTL_FLUSH, CTL_FLUSH_ID, CTL_FLUSH_SITE, CTL_ENTRY, CTL_END,
 CTL_DENIED) = range(0x400, 0x407)
(MASTER_CONFIG, MASTER_LOG, MASTER_LISTEN, MASTER_UNLISTEN, MASTER_PEER,
 MASTER_GO, MASTER_STOP, MASTER_READY, MASTER_LOG_AGAIN) = range(0x500, 0x509)

OK, FULL, ERROR = range(3)  # enum queue_result
FINE, DEAD, AGAIN = range(3)  # enum job_site
NEVER, SUCCESS, FAILURE, DELAY = 1, 2, 4, 8  # enum rcpt_notify
CONF_MAIN = 0xFFFFFFFF
PATIENCE = 20
BARRIER = "barrier.example"  # QueueProcess.recorded()

MASTER_CF = """\
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
slow      unix  -       -       n       -       1       smtp
local     unix  -       n       n       -       -       local
lmtp      unix  -       -       n       -       -       lmtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
"""


# Bytes

def u8(n):
    return struct.pack("<B", n)


def u16(n):
    return struct.pack("<H", n)


def u32(n):
    return struct.pack("<I", n)


def u64(n):
    return struct.pack("<Q", n)


def text(s):
    data = s if isinstance(s, bytes) else s.encode()
    return u32(len(data)) + data


class Wire:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def _take(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def u8(self):
        return self._take("<B")

    def u16(self):
        return self._take("<H")

    def u32(self):
        return self._take("<I")

    def u64(self):
        return self._take("<Q")

    def bytes(self):
        n = self.u32()
        self.at += n
        assert self.at <= len(self.data)
        return self.data[self.at - n:self.at]

    def text(self):
        return self.bytes().decode(errors="surrogateescape")

    def is_done(self):
        return self.at == len(self.data)


# Messages

class Rcpt:
    def __init__(self, addr, transport=None, nexthop=None, notify=0, orig=""):
        self.addr = addr
        self.orig = orig or addr
        self.orcpt = ""
        self.notify = notify
        self.transport = "smtp" if transport is None else transport
        self.nexthop = (addr.rpartition("@")[2] if nexthop is None
                        else nexthop)

    def encode(self):
        return (text(self.addr) + text(self.orig) + text(self.orcpt)
                + u8(self.notify) + text(self.transport) + text(self.nexthop))

    @classmethod
    def decode(cls, wire):
        r = cls("")
        r.addr, r.orig, r.orcpt = wire.text(), wire.text(), wire.text()
        r.notify = wire.u8()
        r.transport, r.nexthop = wire.text(), wire.text()
        return r


class Envelope:
    TEXTS = ("envid", "client_name", "client_addr", "helo", "proto", "ident")
    HAS_CLIENT_PORT = 1 << 30

    def __init__(self, id=0, sender="", rcpts=(), size=0, arrival=None,
                 client_port=0, **texts):
        """Without a port it is what older programs wrote."""
        self.id = id
        self.arrival = (time.time_ns() // 1000 if arrival is None
                        else arrival)
        self.sender = sender
        self.size = size
        self.flags = 0
        self.client_port = client_port
        self.rcpts = [r if isinstance(r, Rcpt) else Rcpt(r) for r in rcpts]
        for name in self.TEXTS:
            setattr(self, name, texts.get(name, ""))

    def encode(self):
        flags = self.flags | (self.HAS_CLIENT_PORT if self.client_port else 0)
        return b"".join(
            [u64(self.id), u64(self.arrival), text(self.sender),
             u64(self.size), u32(flags)]
            + [text(getattr(self, name)) for name in self.TEXTS]
            + [u32(len(self.rcpts))] + [r.encode() for r in self.rcpts]
            + ([u16(self.client_port)] if self.client_port else []))

    @classmethod
    def decode(cls, wire):
        e = cls(wire.u64(), arrival=wire.u64())
        e.sender, e.size, e.flags = wire.text(), wire.u64(), wire.u32()
        for name in cls.TEXTS:
            setattr(e, name, wire.text())
        e.rcpts = [Rcpt.decode(wire) for _ in range(wire.u32())]
        if e.flags & cls.HAS_CLIENT_PORT:
            e.client_port = wire.u16()
        return e

    @property
    def addresses(self):
        return [r.addr for r in self.rcpts]


def id_text(number):
    return f"{number & 0xFFFFF:05X}{number >> 20:X}"


class Verdict:
    def __init__(self, kind, status, said, mta="", diagnostic="", relay=""):
        self.kind, self.status, self.said = kind, status, said
        self.mta, self.diagnostic, self.relay = mta, diagnostic, relay

    def encode(self):
        return (u8(self.kind) + text(self.status) + text(self.said)
                + text(self.mta) + text(self.diagnostic) + text(self.relay))


def sent(said="250 ok"):
    return Verdict(2, "2.0.0", said)


def deferred(said="try later", status="4.4.1"):
    return Verdict(4, status, said)


def bounced(said="no such user", status="5.1.1"):
    return Verdict(5, status, said, "dns; mx.b.example",
                   f"smtp; 550 {status} {said}")


class Pass:
    """The recipient (a number), or an address behind it, goes on by another
    transport."""

    def __init__(self, rcpt, transport, nexthop="", addr=None, orig=None):
        self.rcpt, self.transport, self.nexthop = rcpt, transport, nexthop
        self.addr, self.orig = addr, orig

    def encode(self, rcpts):
        own = rcpts[self.rcpt]
        return (u32(self.rcpt) + text(self.addr or own.addr)
                + text(self.orig or own.orig)
                + text(self.transport) + text(self.nexthop))


class Part:
    """What an address behind the recipient (a number) came to."""

    def __init__(self, rcpt, addr, verdict, sender=None, action=""):
        self.rcpt, self.addr, self.verdict = rcpt, addr, verdict
        self.sender, self.action = sender, action

    def encode(self):
        return (u32(self.rcpt) + text(self.addr)
                + u8(self.sender is not None) + text(self.sender or "")
                + text(self.action) + self.verdict.encode())


# Conversations

class Gone(AssertionError):
    pass


class Frame:
    def __init__(self, type, payload, fds):
        self.type, self.payload, self.fds = type, payload, fds
        self.wire = Wire(payload)

    def __repr__(self):
        return f"<{self.type:#x} {self.payload[:60]!r}>"


class Channel:
    """Our end of a socketpair."""

    def __init__(self, q, sock):
        self.q = q
        self.sock = sock
        self.sock.setblocking(False)
        self.data = b""
        self.fds = []
        self.inbox = []
        self.gone = False
        self.is_deaf = False  # read nothing for now
        q.channels.append(self)

    def close(self):
        if self in self.q.channels:
            self.q.channels.remove(self)
        for fd in self.fds + [fd for f in self.inbox for fd in f.fds]:
            os.close(fd)
        self.fds, self.inbox = [], []
        self.sock.close()
        self.gone = True

    def send(self, type, *parts, fds=()):
        payload = b"".join(parts)
        self.send_raw(struct.pack("<IHH", len(payload), type, len(fds))
                      + payload, fds)

    def send_raw(self, data, fds=()):
        """Reads meanwhile, so that nobody waits for the other."""
        end = time.monotonic() + PATIENCE
        while data:
            try:
                if fds:
                    n = socket.send_fds(self.sock, [data], fds)
                else:
                    n = self.sock.send(data)
            except BlockingIOError:
                assert time.monotonic() < end, "the queue does not read"
                self.q.pump(0.01)
                continue
            except (BrokenPipeError, ConnectionResetError) as e:
                raise Gone("hung up") from e
            data, fds = data[n:], ()

    def read(self):
        """What is there; called by QueueProcess.pump()."""
        try:
            data, ancillary, _, _ = self.sock.recvmsg(
                1 << 20, socket.CMSG_SPACE(64 * 4), socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, ancillary = b"", []
        for level, kind, numbers in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(numbers[:len(numbers) // 4 * 4])
                self.fds += fds
        if not data:
            self.gone = True
        self.data += data
        self._split()

    def _split(self):
        at = 0
        while len(self.data) - at >= 8:
            length, kind, nfds = struct.unpack_from("<IHH", self.data, at)
            if len(self.data) - at - 8 < length:
                break
            payload = self.data[at + 8:at + 8 + length]
            fds, self.fds = self.fds[:nfds], self.fds[nfds:]
            assert len(fds) == nfds
            at += 8 + length
            self.on_frame(Frame(kind, payload, fds))
        self.data = self.data[at:]

    def on_frame(self, frame):
        self.inbox.append(frame)

    def take(self, *types):
        """The first of these types that has arrived, or None."""
        for frame in self.inbox:
            if frame.type in types:
                self.inbox.remove(frame)
                return frame
        return None

    def recv(self, *types, timeout=PATIENCE):
        def arrived():
            frame = self.take(*types)
            if not frame and self.gone:
                raise Gone(f"hung up; left: {self.inbox}")
            return frame
        return self.q.wait_for(arrived, timeout,
                               f"no message of {[hex(t) for t in types]}")

    def wait_gone(self, timeout=PATIENCE):
        self.q.wait_for(lambda: self.gone, timeout, "did not hang up")

    def is_quiet(self, *types, seconds=0.3):
        """Whether nothing of these types comes for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.q.pump(0.02)
            frame = self.take(*types)
            if frame:
                self.inbox.insert(0, frame)
                return False
        return True


class Rules(Channel):
    """Answers from q.routes: address or domain -> (transport, nexthop)."""

    def on_frame(self, frame):
        if frame.type != RULES_ROUTE or self.q.rules_silent:
            self.inbox.append(frame)
            return
        self.answer(frame)

    def answer(self, frame):
        wire = Wire(frame.payload)
        ask, _sender, address = wire.u64(), wire.text(), wire.text()
        domain = address.rpartition("@")[2]
        route = self.q.routes.get(address) or self.q.routes.get(domain)
        if domain == BARRIER:
            route = ("discard", "x")
        else:
            self.q.asked.append(address)
        self.send(RULES_ROUTED, u64(ask), text(address),
                  *(text(part) for part in route or ("smtp", domain)),
                  text(""))


class Smtpd(Channel):
    def __init__(self, q, sock):
        super().__init__(q, sock)
        self.next = self.end = 0
        self.tag = 0
        self.results = {}

    def on_frame(self, frame):
        if frame.type == QUEUE_IDS:
            self.next = frame.wire.u64()
            self.end = self.next + frame.wire.u32()
        elif frame.type == QUEUE_DONE:
            tag = frame.wire.u64()
            self.results.setdefault(tag, []).append(frame.wire.u8())
        else:
            self.inbox.append(frame)

    def new_id(self):
        if self.next == self.end:
            if self.end:
                self.send(QUEUE_MORE_IDS)
            self.q.wait_for(lambda: self.next < self.end, PATIENCE, "no ids")
        self.next += 1
        return (self.next - 1) << 20 | time.time_ns() // 1000 % 1000000

    def new_tag(self):
        self.tag += 1
        return self.tag

    def commit(self, sender, rcpts, content=b"Subject: test\r\n\r\ntest\r\n",
               **options):
        """Returns (id, tag); envelope= to say all of it."""
        tag = options.pop("tag", None) or self.new_tag()
        envelope = options.pop("envelope", None)
        blob = options.pop("blob", False)
        flags = options.pop("flags", 0)
        if not envelope:
            envelope = Envelope(
                options.pop("id", None) or self.new_id(), sender, rcpts,
                options.pop("size", len(content)), **options)
            envelope.flags = flags
        self.send(QUEUE_COMMIT, u64(tag), u8(blob),
                  text(b"" if blob else content), envelope.encode())
        return envelope.id, tag

    def done(self, tag):
        """How the commit ended."""
        def arrived():
            if tag not in self.results and self.gone:
                raise Gone("hung up before DONE")
            return self.results.get(tag)
        results = self.q.wait_for(arrived, PATIENCE, "no DONE")
        assert len(results) == 1
        return results[0]

    def send_mail(self, sender, rcpts, *args, **options):
        """Committed for good; returns the queue id as text."""
        number, tag = self.commit(sender, rcpts, *args, **options)
        assert self.done(tag) == OK
        return id_text(number)

    def want_blob(self, tag):
        self.send(QUEUE_WANT_BLOB, u64(tag))
        frame = self.recv(QUEUE_BLOB)
        assert frame.wire.u64() == tag
        result = frame.wire.u8()
        assert len(frame.fds) == (1 if result == OK else 0)
        return result, frame.fds

    def send_big(self, sender, rcpts, content, **options):
        tag = self.new_tag()
        result, fds = self.want_blob(tag)
        assert result == OK
        write_all(fds[0], content)
        os.close(fds[0])
        return self.send_mail(sender, rcpts, content, tag=tag, blob=True,
                              **options)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


class Job:
    def __init__(self, worker, frame):
        wire = frame.wire
        self.worker = worker
        self.number = wire.u64()
        self.active = wire.u64()
        self.blob = wire.u8()
        self.content = wire.bytes()
        self.envelope = Envelope.decode(wire)
        assert wire.is_done()
        assert len(frame.fds) == self.blob
        if self.blob:
            with os.fdopen(frame.fds[0], "rb") as f:
                self.content = os.pread(f.fileno(), 1 << 28, 0)

    @property
    def id(self):
        return id_text(self.envelope.id)

    @property
    def addresses(self):
        return self.envelope.addresses

    def report(self, *verdicts, site=FINE, passes=(), parts=()):
        """One verdict for all recipients, or one for each."""
        if len(verdicts) == 1:
            verdicts *= len(self.envelope.rcpts)
        self.worker.send(JOB_DONE, u64(self.number), u8(site),
                         u32(len(verdicts)), *(v.encode() for v in verdicts),
                         u32(len(passes)), *(p.encode(self.envelope.rcpts)
                                          for p in passes),
                         u32(len(parts)), *(p.encode() for p in parts))


class Worker(Channel):
    def job(self, timeout=PATIENCE):
        return Job(self, self.recv(JOB, timeout=timeout))

    def jobs(self, count):
        return [self.job() for _ in range(count)]

    def is_idle(self, seconds=0.3):
        return self.is_quiet(JOB, seconds=seconds)


class Command(Channel):
    """postqueue."""

    def entries(self):
        """Until the end of the listing."""
        self.recv(CTL_END)
        found = []
        while frame := self.take(CTL_ENTRY):
            wire = frame.wire
            entry = {"id": id_text(wire.u64()), "arrival": wire.u64(),
                     "size": wire.u64(), "queue": wire.u8(),
                     "forced_expire": wire.u8(), "sender": wire.text()}
            entry["rcpts"] = {}
            for _ in range(wire.u32()):
                addr, _, reason = wire.text(), wire.text(), wire.text()
                entry["rcpts"][addr] = reason
            assert wire.is_done()
            found.append(entry)
        return found

    def count(self):
        return self.recv(CTL_END).wire.u32()


PEERS = {"smtpd": Smtpd, "rules": Rules, "relay": Worker, "deliver": Worker}


class QueueProcess:
    def __init__(self, directory, peers=("smtpd", "rules", "relay", "deliver"),
                 wrapper=(), **parameters):
        self.directory = str(directory)
        self.etc = os.path.join(self.directory, "etc")
        self.spool = os.path.join(self.directory, "spool")
        self.log_path = os.path.join(self.directory, "log")
        self.roles = peers
        self.wrapper = list(wrapper)
        self.routes = {}
        self.asked = []
        self.barriers = []
        self.rules_silent = False
        self.pid = 0
        self.channels = []
        self.peers = {}
        self.control = None
        self.listener = None
        os.makedirs(os.path.join(self.spool, "log"))
        os.makedirs(self.etc)
        self.configure(**parameters)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.destroy()

    # Life

    def configure(self, **parameters):
        settings = {"compatibility_level": "3.6", "myhostname": "q.example",
                    "mydestination": "", "inet_interfaces": "loopback-only",
                    "mynetworks": "127.0.0.0/8", "queue_minfree": "0",
                    "minimal_backoff_time": "1s",
                    "maximal_backoff_time": "2s",
                    "queue_directory": self.spool}
        settings.update(parameters)
        with open(os.path.join(self.etc, "main.cf"), "w",
                  encoding="utf-8") as f:
            f.write("".join(f"{k} = {v}\n" for k, v in settings.items()))
        with open(os.path.join(self.etc, "master.cf"), "w",
                  encoding="utf-8") as f:
            f.write(MASTER_CF)

    def _send_config(self):
        snapshot = subprocess.run(
            [os.path.join(instance.BUILD, "test", "conf-dump"), self.etc],
            stdout=subprocess.PIPE, check=True).stdout
        fd = os.memfd_create("conf", os.MFD_CLOEXEC)
        write_all(fd, snapshot)
        self.control.send(MASTER_CONFIG, fds=[fd])
        os.close(fd)

    def reload(self, **parameters):
        self.configure(**parameters)
        self._send_config()

    def start(self):
        ours, theirs = socket.socketpair()
        self.control = Channel(self, ours)
        program = [*self.wrapper, instance.program("queue")]
        self.pid = os.posix_spawn(
            program[0], program, os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        theirs.close()
        self._send_config()
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                      0o600)
        self.control.send(MASTER_LOG, u8(0), u32(2), text("host"),
                          text("postfix"), fds=[log])
        os.close(log)
        path = os.path.join(self.directory, "socket")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.control.send(MASTER_LISTEN, u32(CONF_MAIN),
                          fds=[self.listener.fileno()])
        for role in self.roles:
            self.add(role)
        self.control.send(MASTER_GO, u32(0), u32(0), u32(0), u32(0))
        self.control.recv(MASTER_READY)

    def add(self, role, number=None):
        """A new process of that role."""
        ours, theirs = socket.socketpair()
        peer = PEERS[role](self, ours)
        mine = self.peers.setdefault(role, [])
        if number is None:
            number = len(mine)
            mine.append(peer)
        else:
            mine[number] = peer
        self.control.send(MASTER_PEER, u8(ROLE[role]), u32(number),
                          fds=[theirs.fileno()])
        theirs.close()
        return peer

    def smtpd(self, number=0):
        return self.peers["smtpd"][number]

    def relay(self, number=0):
        return self.peers["relay"][number]

    def deliver(self):
        return self.peers["deliver"][0]

    def rules(self):
        return self.peers["rules"][0]

    def command(self, type=None, *parts):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(os.path.join(self.directory, "socket"))
        command = Command(self, sock)
        if type is not None:
            command.send(type, *parts)
        return command

    def listing(self):
        command = self.command(CTL_LIST)
        entries = command.entries()
        command.close()
        return [e for e in entries if e["id"] not in self.barriers]

    def _forget(self):
        for channel in list(self.channels):
            channel.close()
        if self.listener:
            self.listener.close()
        self.peers, self.listener = {}, None

    def wait_end(self, timeout=PATIENCE):
        """The wait status."""
        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None
        status, = self.wait_for(ended, timeout, "did not end")
        self.pid = 0
        return status

    def stop(self):
        """As master does: the others first, then the queue."""
        for role in ("smtpd", "relay", "deliver"):
            for peer in self.peers.get(role, []):
                peer.close()
        self.control.send(MASTER_STOP)
        status = self.wait_end()
        self._forget()
        assert status == 0, f"wait status {status}\n{self.log()}"

    def kill(self):
        """What ended without us has failed."""
        pid, status = self.pid, 0
        if pid:
            self.pid = 0
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self._forget()
        assert status == 0, f"had ended: wait status {status}\n{self.log()}"

    def crash(self):
        """The power of the process fails; then it runs again."""
        self.kill()
        self.start()

    def destroy(self):
        self.kill()

    # Waiting

    def recorded(self):
        """All that was said to the queue until now is on the disk. Outcomes
        are gathered for 30 ms, and records are written in their order. So:
        wait until all is read, then for that time, then for two messages:
        the first may come in the same round as the timer, the second is
        acknowledged behind what the timer wrote. Nobody sees them."""
        for _ in range(2):
            self.listing()
        time.sleep(0.04)
        for _ in range(2):
            number, tag = self.smtpd().commit(
                "", [Rcpt("x@" + BARRIER, "discard", "x")])
            self.barriers.append(id_text(number))
            assert self.smtpd().done(tag) == OK

    def wait_disk(self, data):
        """Until some record has these bytes."""
        directory = os.path.join(self.spool, "log")

        def found():
            for name in os.listdir(directory):
                path = os.path.join(directory, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        if data in f.read():
                            return True
            return False
        self.wait_for(found, what=f"no {data!r} in the spool")

    def pump(self, timeout):
        """Read what arrived for whom ever."""
        readers = {c.sock: c for c in self.channels
                   if not c.gone and not c.is_deaf}
        for sock in select.select(list(readers), [], [], timeout)[0]:
            try:
                readers[sock].read()
            except Gone:
                # It hung up before it heard our answer to what it said.
                readers[sock].gone = True

    def wait_for(self, condition, timeout=PATIENCE, what="it did not happen"):
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            assert time.monotonic() < end, (
                f"{what} within {timeout} s\n" + self.log()[-3000:])
            self.pump(0.01)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def lines(self, pattern=""):
        """The lines, without time and host."""
        found = [re.sub(r"^\w+ [ \d]\d [\d:]+ host (\S+?)\[\d+\]", r"\1",
                        line) for line in self.log().splitlines()]
        return [line for line in found if re.search(pattern, line)
                and not any(ident in line for ident in self.barriers)]

    def wait_log(self, pattern, count=1, timeout=PATIENCE):
        return self.wait_for(
            lambda: len(self.lines(pattern)) >= count and self.lines(pattern),
            timeout, f"no {pattern!r} in the log")
