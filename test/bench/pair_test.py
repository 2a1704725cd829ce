# SPDX-License-Identifier: ISC
"""The crash tests rely on the generator and the sink: so do they hold?

    python3 -m pytest test/bench/pair_test.py
"""

import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pair  # noqa: E402

CONTENTS = (
    b"X-Bench-Id: first\r\n\r\nhi\r\n.\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"x\r\n..\r\n\r\n.x\r\n.\r\n",
    b"Subject: " + b"x" * 3000 + b"\r\nX-Bench-Id:second\r\n.\r\n",
    b"y" * 30000 + b"\r\n.\r\n",
)
ENVELOPE = b"MAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\n"
DIALOGUE = (b"EHLO x\r\n" + b"".join(ENVELOPE + c for c in CONTENTS)
            + b"QUIT\r\n")


def lines(path):
    with open(path, encoding="ascii") as f:
        return f.read().split()


def play(port, pieces):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            s.sendall(piece)
        return re.findall(rb"(?m)^(\d\d\d) ", s.makefile("rb").read())


def test_sink_input_may_be_cut_anywhere(tmp_path):
    seen = str(tmp_path / "seen")
    with pair.Sink(verify=seen) as sink:
        for size in (1, 2, 3, 5, 7, 4096, 100000):
            codes = play(sink.port, [DIALOGUE[i:i + size] for i in
                                     range(0, len(DIALOGUE), size)])
            assert codes == ([b"220", b"250"]
                             + [b"250", b"250", b"354", b"250"] * 6
                             + [b"221"]), size
        assert sink.messages == 7 * len(CONTENTS)
    assert lines(seen) == ["first", "-", "-", "-", "second", "-"] * 7


def test_a_message_that_is_cut_off_does_not_count(tmp_path):
    seen = str(tmp_path / "seen")
    with pair.Sink(verify=seen) as sink:
        play_only = ENVELOPE + b"X-Bench-Id: lost\r\n\r\nhi\r\n"
        with socket.create_connection(("127.0.0.1", sink.port)) as s:
            s.sendall(play_only)
            time.sleep(0.1)
        assert play(sink.port, [b"QUIT\r\n"]) == [b"220", b"221"]
        assert sink.messages == 0
    assert lines(seen) == []


def crash_and_go_on(tmp_path, *options):
    seen, acks = str(tmp_path / "seen"), str(tmp_path / "acks")
    sink = pair.Sink(verify=seen)
    sink.start()
    generator = pair.start_load(sink.port, "-s", 20, "-m", 20000, "-a", acks,
                                "-T", 60, "--reconnect", *options)
    for _ in range(4):
        time.sleep(0.05)
        sink.stop()
        time.sleep(0.05)
        sink.start()
    generator.communicate()
    sink.stop()
    assert generator.returncode == 0
    acknowledged = lines(acks)
    assert len(acknowledged) == 20000
    assert len(set(acknowledged)) == 20000
    assert set(acknowledged) <= set(lines(seen))


def test_reconnect(tmp_path):
    crash_and_go_on(tmp_path)


def test_reconnect_with_pipelining(tmp_path):
    crash_and_go_on(tmp_path, "-P")


def test_reconnect_with_a_connection_each(tmp_path):
    crash_and_go_on(tmp_path, "-d")


def test_lengths():
    with pair.Sink() as sink:
        before = 0
        sizes = []
        for length in (0, 3, 80, 81, 82, 4096, 100000):
            pair.load(sink.port, "-l", length)
            sizes.append(sink._counter(2) - before - length)
            before = sink._counter(2)
    assert len(set(sizes)) == 1, sizes  # the header and the dot


def test_without_anybody_there():
    result = pair.load(1, "-s", 3, "-m", 100)
    assert result["accepted"] == 0 and result["errors"] == 3
