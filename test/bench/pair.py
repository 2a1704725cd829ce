# SPDX-License-Identifier: ISC
"""The generator and the sink, from Python.

    with Sink(verify="received") as sink:
        ...a mail system that relays to 127.0.0.1:sink.port...
        result = load(port, "-s", 20, "-m", 1000, "-a", "acknowledged")
        while sink.messages < 1000: time.sleep(0.01)

The programs are compiled when they are older than their source.
"""

import json
import mmap
import os
import struct
import subprocess
import tempfile
import time

from postfix_peer import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("CHASQUI_BUILD", os.path.join(ROOT, "build"))
CFLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra",
          "-Wshadow", "-Wconversion", "-Wno-sign-conversion"]
COUNTERS = struct.Struct("=5Q")  # struct counters of sink.c


def program(name):
    """The path of "loadgen" or "sink", compiled if need be."""
    source = os.path.join(HERE, name + ".c")
    target = os.path.join(BUILD, "bench", name)
    if (not os.path.exists(target)
            or os.path.getmtime(target) < os.path.getmtime(source)):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        fresh = f"{target}.{os.getpid()}"
        subprocess.run([os.environ.get("CC", "cc"), *CFLAGS, "-o", fresh,
                        source], check=True)
        os.rename(fresh, target)
    return target


def start_load(port, *args, **options):
    """loadgen as a process whose standard output is a pipe."""
    return subprocess.Popen(
        [program("loadgen"), *map(str, args), f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE, text=True, **options)


def load(port, *args, timeout=600):
    """Run loadgen to its end; its result as a dictionary."""
    with start_load(port, *args, stdin=subprocess.DEVNULL) as process:
        try:
            out, _ = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    if not out:
        raise RuntimeError(f"loadgen ended with {process.returncode}")
    return json.loads(out)


class Sink:
    def __init__(self, verify=None, port=None):
        """`verify`: a file for the X-Bench-Id of every message."""
        self.port = port or free_port()
        self.verify = verify
        self.process = None
        self.counters = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        with tempfile.NamedTemporaryFile(prefix="sink-") as f:
            options = ["-v", self.verify] if self.verify else []
            self.process = subprocess.Popen(
                [program("sink"), *options, "-c", f.name,
                 f"127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            # It listens before the file gets its size: see main().
            while os.path.getsize(f.name) < COUNTERS.size:
                if self.process.poll() is not None:
                    raise RuntimeError("sink did not start")
                time.sleep(0.005)
            self.counters = mmap.mmap(f.fileno(), COUNTERS.size,
                                      prot=mmap.PROT_READ)

    def _counter(self, index):
        return COUNTERS.unpack(self.counters)[index]

    @property
    def messages(self):
        return self._counter(0)

    @property
    def last(self):
        """When the newest message came; as time.monotonic()."""
        return self._counter(1) / 1e6

    @property
    def connections(self):
        return self._counter(4)

    def stop(self):
        """Its counters, as a dictionary."""
        if not self.process:
            return None
        self.process.terminate()
        out, _ = self.process.communicate()
        self.process = None
        return json.loads(out) if out else None
