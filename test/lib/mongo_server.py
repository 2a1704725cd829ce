# SPDX-License-Identifier: ISC
"""A MongoDB server, as much of it as lookups need: OP_MSG (and OP_QUERY for
the greeting) over real BSON, find with equality filters, operators that tests
care about, projections, batches, and SCRAM-SHA-256.

    with Mongo([{"name": "joe", "mail": "joe@x.org"}]) as server:
        f"mongodb://127.0.0.1:{server.port}"

`on_find(server, request)` may return another reply document, raw bytes to be
sent instead of a reply, or None for the usual one.
"""

import base64
import hashlib
import hmac
import itertools
import os
import socket
import ssl
import struct
import threading

OP_QUERY, OP_REPLY, OP_MSG = 2004, 1, 2013


class Long(int):
    """An int64, whatever its size."""


class Odd:
    """An element that tables do not understand: BSON's type and bytes."""

    def __init__(self, kind, data):
        self.kind = kind
        self.data = data


def _element(name, value):
    # pylint: disable=too-many-return-statements
    name = name.encode() + b"\0"
    if isinstance(value, Odd):
        return bytes([value.kind]) + name + value.data
    if isinstance(value, bool):
        return b"\x08" + name + bytes([value])
    if isinstance(value, Long) or \
            isinstance(value, int) and not -2**31 <= value < 2**31:
        return b"\x12" + name + struct.pack("<q", value)
    if isinstance(value, int):
        return b"\x10" + name + struct.pack("<i", value)
    if isinstance(value, float):
        return b"\x01" + name + struct.pack("<d", value)
    if value is None:
        return b"\x0a" + name
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape") + b"\0"
        return b"\x02" + name + struct.pack("<i", len(value)) + value
    if isinstance(value, bytes):
        return b"\x05" + name + struct.pack("<iB", len(value), 0) + value
    if isinstance(value, dict):
        return b"\x03" + name + encode(value)
    return b"\x04" + name + encode(
        {str(i): item for i, item in enumerate(value)})


def encode(document):
    body = b"".join(_element(k, v) for k, v in document.items()) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def _value(kind, data, at):
    # pylint: disable=too-many-return-statements
    if kind == 0x01:
        return struct.unpack_from("<d", data, at)[0], at + 8
    if kind == 0x02:
        n, = struct.unpack_from("<i", data, at)
        return data[at + 4:at + 3 + n].decode(), at + 4 + n
    if kind in (0x03, 0x04):
        n, = struct.unpack_from("<i", data, at)
        inner = decode(data[at:at + n])
        return inner if kind == 3 else list(inner.values()), at + n
    if kind == 0x05:
        n, = struct.unpack_from("<i", data, at)
        return data[at + 5:at + 5 + n], at + 5 + n
    if kind == 0x07:
        return data[at:at + 12], at + 12
    if kind == 0x08:
        return data[at] != 0, at + 1
    if kind == 0x0a:
        return None, at
    if kind == 0x10:
        return struct.unpack_from("<i", data, at)[0], at + 4
    if kind in (0x09, 0x11, 0x12):
        return struct.unpack_from("<q", data, at)[0], at + 8
    raise ValueError(f"BSON type {kind}")


def decode(data):
    size, = struct.unpack_from("<i", data)
    assert size == len(data) and data[-1] == 0
    document, at = {}, 4
    while data[at]:
        end = data.index(0, at + 1)
        name = data[at + 1:end].decode()
        document[name], at = _value(data[at], data, end + 1)
    return document


# --- queries ---

def _reach(value, path):
    """All values at a dotted path, through arrays."""
    if not path:
        return [value] + (value if isinstance(value, list) else [])
    found = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and path[0] in item:
            found += _reach(item[path[0]], path[1:])
    return found


def _compare(found, wanted):
    if isinstance(wanted, dict) and any(k.startswith("$") for k in wanted):
        for operator, value in wanted.items():
            if operator == "$gt":
                if not any(type(f) is type(value) and f > value
                           for f in found):
                    return False
            elif operator == "$ne":
                if value in found:
                    return False
            else:
                raise ValueError(f"unknown operator: {operator}")
        return True
    return any(type(f) is type(wanted) and f == wanted for f in found)


def matches(document, query):
    for name, wanted in query.items():
        if name == "$or":
            good = any(matches(document, q) for q in wanted)
        elif name.startswith("$"):
            raise ValueError(f"unknown top level operator: {name}")
        else:
            good = _compare(_reach(document, name.split(".")), wanted)
        if not good:
            return False
    return True


def project(document, projection):
    wanted = {k for k, v in projection.items() if v}
    keeps = (lambda k: k in wanted or k == "_id") if wanted else \
        (lambda k: True)
    return {k: v for k, v in document.items()
            if keeps(k) and projection.get(k, 1)}


# --- the server ---

class Mongo:
    # pylint: disable=too-many-instance-attributes
    def __init__(self, documents=(), users=None, port=0, on_find=None,
                 batch=101, tls=None, hello=None):
        self.documents = list(documents)
        self.users = users or {}
        self.on_find = on_find
        self.batch = batch
        self.hello = hello or {}
        self.finds = []
        self.commands = []
        self.connections = 0
        self.cursors = {}
        self.numbers = itertools.count(1)
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.port = port
        self.listener = None
        self.open = []
        self.start()

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.listener.listen(20)
        threading.Thread(target=self._accept, args=(self.listener,),
                         daemon=True).start()

    def stop(self):
        for s in [self.listener, *self.open]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.open = []

    def restart(self):
        self.stop()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _accept(self, listener):
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(s)
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        try:
            if self.tls:
                s = self.tls.wrap_socket(s, server_side=True)
                self.open.append(s)
            f = s.makefile("rb")
            state = {"authenticated": not self.users}
            while True:
                head = f.read(16)
                if len(head) < 16:
                    return
                size, number, _, code = struct.unpack("<iiii", head)
                answer = self._message(code, f.read(size - 16), state)
                if isinstance(answer, bytes):
                    s.sendall(answer)
                    return
                s.sendall(reply(code, number, answer))
        except (OSError, ValueError):
            pass
        finally:
            s.close()

    def _message(self, code, body, state):
        if code == OP_QUERY:
            name_end = body.index(0, 4)
            start = name_end + 9
        else:
            assert code == OP_MSG and body[4] == 0
            start = 5
        size, = struct.unpack_from("<i", body, start)
        request = decode(body[start:start + size])
        name = next(iter(request))
        self.commands.append(name)
        handler = getattr(self, "do_" + name, None)
        if not handler:
            return error(59, f"no such command: '{name}'")
        if not state["authenticated"] and name in ("find", "getMore"):
            return error(13, "command find requires authentication")
        return handler(request, state)

    def do_hello(self, _request, _state):
        return {"ismaster": True, "isWritablePrimary": True,
                "maxBsonObjectSize": 16 * 2**20,
                "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000,
                "minWireVersion": 0, "maxWireVersion": 17, "readOnly": False,
                "saslSupportedMechs": ["SCRAM-SHA-256"],
                "ok": 1.0, **self.hello}

    do_isMaster = do_ismaster = do_hello

    def do_ping(self, _request, _state):
        return {"ok": 1.0}

    do_endSessions = do_ping

    def do_killCursors(self, request, _state):
        for cursor in request["cursors"]:
            self.cursors.pop(cursor, None)
        return {"ok": 1.0}

    def do_find(self, request, _state):
        self.finds.append(request)
        if self.on_find:
            special = self.on_find(self, request)
            if special is not None:
                return special
        try:
            found = [project(d, request.get("projection", {}))
                     for d in self.documents
                     if matches(d, request["filter"])]
        except ValueError as why:
            return error(2, str(why))
        return self._batch(request, "firstBatch", found, Long(0))

    def do_getMore(self, request, _state):
        found = self.cursors.pop(request["getMore"], None)
        if found is None:
            return error(43, "cursor id not found")
        request["find"] = request["collection"]
        return self._batch(request, "nextBatch", found, Long(0))

    def _batch(self, request, name, found, cursor):
        batch, rest = found[:self.batch], found[self.batch:]
        if rest:
            cursor = Long(next(self.numbers))
            self.cursors[cursor] = rest
        return {"cursor": {name: batch, "id": cursor,
                           "ns": f"{request['$db']}.{request['find']}"},
                "ok": 1.0}

    # SCRAM-SHA-256, RFC 7677

    def do_saslStart(self, request, state):
        bare = bytes(request["payload"]).decode().split(",", 2)[2]
        fields = dict(part.split("=", 1) for part in bare.split(","))
        state["user"] = fields["n"]
        state["salt"] = os.urandom(28)
        state["nonce"] = fields["r"] + base64.b64encode(
            os.urandom(18)).decode()
        first = (f"r={state['nonce']},s="
                 f"{base64.b64encode(state['salt']).decode()},i=4096")
        state["signed"] = f"{bare},{first}"
        return {"conversationId": 1, "done": False, "payload": first.encode(),
                "ok": 1.0}

    def do_saslContinue(self, request, state):
        final = bytes(request["payload"]).decode()
        if not final:
            return {"conversationId": 1, "done": True, "payload": b"",
                    "ok": 1.0}
        without, proof = final.rsplit(",p=", 1)
        signed = f"{state['signed']},{without}".encode()
        password = self.users.get(state["user"], "").encode()
        salted = hashlib.pbkdf2_hmac("sha256", password, state["salt"], 4096)
        client = hmac.digest(salted, b"Client Key", "sha256")
        stored = hashlib.sha256(client).digest()
        signature = hmac.digest(stored, signed, "sha256")
        wanted = bytes(a ^ b for a, b in zip(client, signature))
        if base64.b64decode(proof) != wanted:
            return error(18, "Authentication failed.")
        state["authenticated"] = True
        server = hmac.digest(salted, b"Server Key", "sha256")
        verifier = hmac.digest(server, signed, "sha256")
        return {"conversationId": 1, "done": True, "ok": 1.0,
                "payload": b"v=" + base64.b64encode(verifier)}


def error(code, text):
    return {"ok": 0.0, "errmsg": text, "code": code}


def reply(code, number, document):
    """A message; the document may be bytes already."""
    if isinstance(document, dict):
        document = encode(document)
    if code == OP_QUERY:
        body = struct.pack("<iqii", 8, 0, 0, 1) + document
        code = OP_REPLY
    else:
        body = struct.pack("<iB", 0, 0) + document
    return struct.pack("<iiii", len(body) + 16, 0, number, code) + body
