#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""make bench: Postfix and chasqui in turn on the same work.

The figures of one run may be compared with each other, and with nothing
else: machines differ, and so do their afternoons. What is measured, and how
the floors came about: README.md.
"""

import argparse
import ctypes
import json
import math
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

import local
import measure
import pair
import postfix_peer
import systems
from pair import Sink, load, start_load

sys.path.insert(0, os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
from lib import procs  # noqa: E402

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

NEXT_HOP = "sink.test"
DRAIN_TIMEOUT = 300


# What is counted in the log. REMOVED comes last in the life of a message.
NEEDLES = (": removed\n", "status=sent", "status=deferred",
           "status=bounced")
REMOVED, SENT, DEFERRED, BOUNCED = range(4)


class Relay:
    """Messages in, messages out to the sink."""

    needs_log = False  # to know what is delivered
    for_postfix = {}  # more settings

    def __init__(self, bench):
        self.sink = bench.sink
        self.settings = {"relayhost": f"[127.0.0.1]:{self.sink.port}"}
        self.recipient = f"user@{NEXT_HOP}"

    def prepare(self, system):
        self.base = self.sink.messages

    def delivered(self, _counts):
        return self.sink.messages - self.base

    def last(self):
        return self.sink.last

    def verify(self, _system, messages):
        return self.sink.messages - self.base - messages


class Discard:
    """Messages in; the transport throws them away."""

    needs_log = True
    for_postfix = {}

    def __init__(self, _bench):
        self.settings = {"default_transport": "discard:"}
        self.recipient = f"user@{NEXT_HOP}"

    def prepare(self, system):
        pass

    def delivered(self, counts):
        return counts[SENT]

    def last(self):
        return time.monotonic()

    def verify(self, _system, _messages):
        return 0


class Mbox(Discard):
    """Messages in, appended to one mailbox of an existing user."""

    def __init__(self, bench):
        super().__init__(bench)
        self.user = bench.options.user
        self.settings = {"mailbox_size_limit": "0"}
        # Two deliveries to one mailbox only wait for each other's lock.
        self.for_postfix = {"local_destination_concurrency_limit": "1"}
        self.recipient = f"{self.user}@localhost"

    def prepare(self, system):
        try:
            os.unlink(system.mailbox(self.user))
        except FileNotFoundError:
            pass

    def verify(self, system, messages):
        found = 0
        with open(system.mailbox(self.user), "rb") as f:
            found = sum(line.startswith(b"X-Bench-Id:") for line in f)
        return found - messages


class Throughput:
    """A way for messages, so many sessions, so much content."""

    def __init__(self, name, way, sessions, length, counts, options=()):
        self.name = name
        self.options = options  # of loadgen
        self.way = way
        self.sessions = sessions
        self.length = length
        self.counts = counts  # Postfix, chasqui: about ten seconds each

    def messages(self, bench, system):
        n = bench.options.messages or self.counts[system != "postfix"]
        return max(n // 5, 200) if bench.options.quick else n

    def run(self, bench):
        way = self.way(bench)
        with Several() as running:
            for make in bench.systems:
                running.add(make(bench.disk.path, self.settings(
                    bench, make, way)))
            for system in running.items:
                self.once(bench, system, way, 5 * self.sessions + 500)
            rounds = {system.name: [] for system in running.items}
            for i in range(bench.options.rounds):
                for system in running.items:
                    figures = self.once(bench, system, way,
                                        self.messages(bench, system.name))
                    rounds[system.name].append(figures)
                    say_round(self.name, i, system.name, figures)
            for system in running.items:
                rounds[system.name].append(
                    self.count_calls(bench, system, way))
            return {name: medians(figures)
                    for name, figures in rounds.items()}

    def settings(self, bench, make, way):
        if make is not systems.Postfix:
            return way.settings
        return {**way.settings, **way.for_postfix, **bench.extra}

    def load_options(self, way, messages):
        return ("-s", self.sessions, "-m", messages, "-l", self.length,
                "-r", way.recipient, "-T", DRAIN_TIMEOUT, *self.options,
                *getattr(way, "options", ()))

    def once(self, bench, system, way, messages):
        """One run, from a quiet system to a quiet system."""
        way.prepare(system)
        os.sync()
        measure.wait_until_quiet(bench.options.patience)
        log = system.log(*NEEDLES)
        disk = bench.disk.counters()
        cpu, begun = system.cpu(), time.monotonic()
        others = measure.busy_seconds() - bench.cpu() - cpu
        generator = start_load(system.port,
                               *self.load_options(way, messages),
                               stdin=subprocess.DEVNULL)
        try:
            last = self.wait(way, log, generator, messages)
            out = generator.communicate()[0]
        finally:
            if generator.poll() is None:
                generator.kill()
                generator.wait()
        cpu_now = system.cpu()
        others = measure.busy_seconds() - bench.cpu() - cpu_now - others
        cpu = cpu_now - cpu
        result = json.loads(out)
        if result["accepted"] != messages:
            raise RuntimeError(f"{system.name} refused messages: {out}")
        extra = way.verify(system, messages)
        if extra < 0:
            raise RuntimeError(f"{system.name} lost {-extra} messages")
        figures = {
            "received_per_s": messages / result["seconds"],
            "delivered_per_s": messages / (last - result["started"]),
            "cpu_us": cpu * 1e6 / messages,
            "message_p50_ms": result["message_p50_ms"],
            "message_p99_ms": result["message_p99_ms"],
            "duplicates": extra,
            "deferred": log.counts[DEFERRED] / messages,
            "other_cores": others / (time.monotonic() - begun),
        }
        if disk:
            written, flushes = bench.disk.counters()
            figures["disk_kib"] = (written - disk[0]) / 1024 / messages
            figures["disk_flushes"] = (flushes - disk[1]) / messages
        return figures

    def wait(self, way, log, generator, messages):
        """Until all is delivered and forgotten; when it was delivered."""
        begun = looked = time.monotonic()
        last = None
        while True:
            now = time.monotonic()
            if way.needs_log or last or now > looked + 1:
                log.read()
                looked = now
            if last is None and way.delivered(log.counts) >= messages:
                last = way.last()
            if last and log.counts[REMOVED] >= messages:
                return last
            self.check_progress(log, generator, now - begun)
            time.sleep(0.01)

    def check_progress(self, log, generator, seconds):
        if generator.poll() not in (None, 0):
            raise RuntimeError(
                f"the generator failed: {generator.stdout.read()}")
        if log.counts[BOUNCED] > 0 or seconds > DRAIN_TIMEOUT:
            raise RuntimeError(
                "after {:.0f} s the log has {} removed, {} sent, {} deferred"
                ", {} bounced\n{}".format(seconds, *log.counts, log.bad()))

    def count_calls(self, bench, system, way):
        messages = max(self.messages(bench, system.name) // 4, 200)
        with measure.Calls(system.pids()) as calls:
            self.once(bench, system, way, messages)
        return {name: value / messages for name, value in (
            ("calls", calls.total), ("flushes", calls.flushes),
            ("switches", calls.switches)) if value is not None}


class Idle:
    """Many clients that say EHLO and then nothing."""

    name = "idle-sessions"
    sessions = {"postfix": 1000, "chasqui": 10000}

    def run(self, bench):
        results = {}
        for make in bench.systems:
            sessions = self.sessions[make.name]
            if bench.options.quick:
                sessions //= 5
            settings = {"default_process_limit": str(sessions + 100)}
            if make.name != "postfix":
                settings = {}
            with make(bench.disk.path, settings) as system:
                results[make.name] = self.measure(system, sessions)
            say_round(self.name, 0, make.name, results[make.name])
        return results

    def measure(self, system, sessions):
        time.sleep(1)
        before, cpu = system.pss(), system.cpu()
        generator = start_load(system.port, "--idle", sessions, "-T", 600,
                               stdin=subprocess.PIPE)
        try:
            opened = json.loads(generator.stdout.readline())
            cpu = system.cpu() - cpu
            time.sleep(1)
            memory = system.pss() - before
            probed = load(system.port, "--probe", 300)
            out = generator.communicate("")[0]
        finally:
            if generator.poll() is None:
                generator.kill()
                generator.wait()
        if opened["idle"] != sessions or json.loads(out)["lost"] > 0:
            raise RuntimeError(f"not all sessions were held: {opened} {out}")
        return {
            "sessions": sessions,
            "kib_per_session": memory / 1024 / sessions,
            "cpu_us_per_session": cpu * 1e6 / sessions,
            "opening_banner_p99_ms": opened["banner_p99_ms"],
            "banner_p50_ms": probed["probe_p50_ms"],
            "banner_p99_ms": probed["probe_p99_ms"],
        }


class IdleSystem:
    """Started, and nothing to do."""

    name = "idle-system"

    def run(self, bench):
        results = {}
        for make in bench.systems:
            with make(bench.disk.path, {}) as system:
                # One message, so that whoever is needed has been started.
                load(system.port, "-m", 1, "-r",
                     f"{bench.options.user}@localhost")
                time.sleep(3)
                results[make.name] = {
                    "pss_mib": system.pss() / (1 << 20),
                    "processes": len(system.pids()),
                }
            say_round(self.name, 0, make.name, results[make.name])
        return results


class Queued:
    """Deferred messages in memory, and how soon a restart has them back."""

    name = "queued"

    def run(self, bench):
        if systems.Chasqui not in bench.systems:
            return {}
        messages = 100000  # fewer measure what the process is without any
        settings = {
            "relayhost": f"[127.0.0.1]:{postfix_peer.free_port()}",
            "minimal_backoff_time": "4h",
            "maximal_backoff_time": "4h",
        }
        with systems.Chasqui(bench.disk.path, settings) as system:
            empty = self.restart(system, system.stop)
            figures = self.fill(system, messages)
            figures["start_empty_s"] = empty
            figures["start_s"] = self.restart(system, system.stop)
            self.check(system, messages)
            figures["start_after_kill_s"] = self.restart(system, system.kill)
            self.check(system, messages)
        say_round(self.name, 0, "chasqui", figures)
        return {"chasqui": figures}

    def fill(self, system, messages):
        load(system.port, "-m", 20)  # whoever is needed has been started
        time.sleep(2)
        queue = system.queue_pids()
        before, before_all = measure.pss_of(queue), system.pss()
        log = system.log("status=deferred")
        result = load(system.port, "-s", 100, "-m", messages, "-l", 1024)
        if result["accepted"] != messages:
            raise RuntimeError(f"messages were refused: {result}")
        end = time.monotonic() + DRAIN_TIMEOUT
        while log.read()[0] < messages:
            if time.monotonic() > end:
                raise RuntimeError(f"{log.counts[0]} messages deferred")
            time.sleep(0.1)
        time.sleep(5)
        memory = measure.pss_of(queue) - before
        memory_all = system.pss() - before_all
        return {
            "messages": messages,
            "bytes_per_message": (memory if queue else memory_all) / messages,
            "bytes_all_processes": memory_all / messages,
            "received_per_s": messages / result["seconds"],
        }

    def restart(self, system, stop):
        """From the start command until a new message has its 250."""
        stop()
        os.sync()
        begun = time.monotonic()
        system.start()
        result = load(system.port, "-m", 1)
        if result["accepted"] != 1:
            raise RuntimeError(f"no message after the restart: {result}")
        return result["last"] - begun

    def check(self, system, messages):
        out = system.tool("postqueue", "-c", system.etc, "-j", timeout=300)
        found = out.count('"queue_id"')
        if found < messages:
            raise RuntimeError(f"{found} of {messages} after the restart")


class Calibration:
    """The generator straight into the sink: what is there to be had."""

    name = "calibration"
    runs = ((1, 4096, 10000), (20, 4096, 100000), (100, 4096, 100000),
            (20, 65536, 20000), (100, 65536, 20000))

    def run(self, bench):
        results = {}
        for sessions, length, messages in self.runs:
            if bench.options.quick:
                messages //= 5
            what = f"{sessions} sessions, {length // 1024} KiB"
            with Sink() as sink:
                result = load(sink.port, "-s", sessions, "-m", messages,
                              "-l", length)
                cpu = sink.stop()["cpu_us"]
            results[f"loadgen, sink: {what}"] = {
                "per_s": result["per_second"],
                "generator_cpu_us": result["cpu_us"], "sink_cpu_us": cpu}
        if shutil.which("smtp-source") and shutil.which("smtp-sink"):
            for sessions, options in ((20, ["-d"]), (100, ["-d"]), (20, [])):
                what = (f"{sessions} sessions, 4 KiB"
                        + ("" if options else ", a connection each"))
                results[f"smtp-source, smtp-sink: {what}"] = self.postfix(
                    sessions, options, 4000 if bench.options.quick else 20000)
        for what, figures in results.items():
            say(f"  {what:55}{figures['per_s']:9.0f}/s   CPU "
                f"{figures['generator_cpu_us']:5.1f} + "
                f"{figures['sink_cpu_us']:5.1f} us")
        return results

    def postfix(self, sessions, options, messages):
        port = postfix_peer.free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        sink = subprocess.Popen(
            ["smtp-sink", *user, f"127.0.0.1:{port}", "1000"],
            stdin=subprocess.DEVNULL)
        try:
            while not systems.greets(port):
                time.sleep(0.01)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = measure.cpu_seconds([sink.pid])
            begun = time.monotonic()
            subprocess.run(
                ["smtp-source", "-s", str(sessions), "-m", str(messages),
                 "-l", "4096", *options, f"127.0.0.1:{port}"], check=True)
            seconds = time.monotonic() - begun
            cpu = measure.cpu_seconds([sink.pid]) - cpu
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        finally:
            sink.kill()
            sink.wait()
        own = (after.ru_utime + after.ru_stime
               - before.ru_utime - before.ru_stime)
        return {"per_s": messages / seconds,
                "generator_cpu_us": own * 1e6 / messages,
                "sink_cpu_us": cpu * 1e6 / messages}


WORKLOADS = (
    Calibration(),
    Throughput("relay-4k-20", Relay, 20, 4096, (8000, 50000)),
    Throughput("relay-4k-100", Relay, 100, 4096, (5000, 60000)),
    Throughput("relay-64k-20", Relay, 20, 65536, (4000, 20000)),
    Throughput("relay-connect-20", Relay, 20, 4096, (6000, 30000), ("-d",)),
    Throughput("relay-connect-100", Relay, 100, 4096, (5000, 30000),
               ("-d",)),
    Throughput("discard-4k-100", Discard, 100, 4096, (8000, 80000)),
    Throughput("mbox-4k-20", Mbox, 20, 4096, (6000, 30000)),
    Throughput("mbox-100-users", local.Mailboxes100, 20, 4096,
               (6000, 30000)),
    Throughput("maildir-1-user", local.Maildirs, 20, 4096, (5000, 20000)),
    Throughput("maildir-100-users", local.Maildirs100, 20, 4096,
               (5000, 20000)),
    local.List(),
    local.Commands(),
    Idle(),
    Queued(),
    IdleSystem(),
)

# What must hold: workload, figure, "ratio to Postfix" or a limit.
RATIO, AT_MOST = "ratio", "at most"
FLOORS = (
    ("relay-4k-20", "delivered_per_s", RATIO, 7),
    ("relay-4k-100", "delivered_per_s", RATIO, 12),
    ("relay-64k-20", "delivered_per_s", RATIO, 4),
    ("discard-4k-100", "delivered_per_s", RATIO, 8),
    ("mbox-4k-20", "delivered_per_s", RATIO, 4),
    ("mbox-100-users", "delivered_per_s", RATIO, 4),
    ("maildir-1-user", "delivered_per_s", RATIO, 5),
    ("maildir-100-users", "delivered_per_s", RATIO, 5),
    ("list-10000", "delivered_per_s", RATIO, 5),
    ("sendmail-10", "calls_per_s", RATIO, 3),
    ("sendmail-10", "delivered_per_s", RATIO, 3),
    ("relay-4k-20", "cpu_us", AT_MOST, 200),
    ("relay-4k-100", "cpu_us", AT_MOST, 200),
    ("relay-4k-20", "calls", AT_MOST, 30),
    ("relay-4k-100", "calls", AT_MOST, 30),
    ("relay-4k-20", "flushes", AT_MOST, 0.2),
    ("relay-4k-100", "flushes", AT_MOST, 0.05),
    ("idle-sessions", "kib_per_session", AT_MOST, 12),
    ("idle-sessions", "banner_p99_ms", AT_MOST, 50),
    ("queued", "bytes_per_message", AT_MOST, 200),
    ("queued", "start_s", AT_MOST, 1),
    ("queued", "start_after_kill_s", AT_MOST, 1),
    ("idle-system", "pss_mib", AT_MOST, 25),
)

COLUMNS = (
    ("received_per_s", "recv/s", "{:.0f}"),
    ("delivered_per_s", "end2end/s", "{:.0f}"),
    ("cpu_us", "CPU us", "{:.0f}"),
    ("calls", "calls", "{:.1f}"),
    ("flushes", "flushes", "{:.3f}"),
    ("switches", "switches", "{:.1f}"),
    ("disk_flushes", "dsk flush", "{:.3f}"),
    ("disk_kib", "dsk KiB", "{:.1f}"),
    ("other_cores", "others", "{:.2f}"),
    ("message_p50_ms", "p50 ms", "{:.1f}"),
    ("message_p99_ms", "p99 ms", "{:.1f}"),
)


class Several:
    """Systems that run at the same time; only one of them has work."""

    def __init__(self):
        self.items = []

    def add(self, system):
        self.items.append(system)
        system.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for system in self.items:
            system.destroy()


def medians(rounds):
    names = {name for figures in rounds for name in figures}
    result = {name: statistics.median(
        [figures[name] for figures in rounds if name in figures])
        for name in names}
    result["rounds"] = rounds
    return result


# What is printed

def say(text=""):
    print(text, flush=True)


def say_round(name, i, system, figures):
    say(f"  {name} {i + 1} {system:8} " + "  ".join(
        f"{key} {value:.4g}" for key, value in figures.items()))


def ratio(results, name, figure):
    """chasqui to Postfix: the median of the rounds' ratios, so that only
    what was measured one right after the other is compared."""
    try:
        chasqui, postfix = (results[name][system]["rounds"]
                            for system in ("chasqui", "postfix"))
        return statistics.median(
            ours[figure] / theirs[figure]
            for ours, theirs in zip(chasqui, postfix)
            if figure in ours and figure in theirs)
    except (KeyError, ZeroDivisionError, statistics.StatisticsError):
        return None


def print_throughput(results):
    names = [w.name for w in WORKLOADS
             if isinstance(w, Throughput) and results.get(w.name)]
    if not names:
        return
    say()
    say(f"{'medians':26}"
        + "".join(f"{title:>10}" for _, title, _ in COLUMNS))
    for name in names:
        for system, figures in results[name].items():
            cells = [form.format(figures[key]) if key in figures else "-"
                     for key, _, form in COLUMNS]
            say(f"{name:18}{system:8}"
                + "".join(f"{cell:>10}" for cell in cells))
        cells = [ratio(results, name, key) for key, _, _ in COLUMNS]
        if any(cells):
            say(f"{'':18}{'ratio':8}" + "".join(
                f"{'-' if cell is None else f'{cell:.2f}':>10}"
                for cell in cells))


def print_others(results):
    for name in (local.List.name, local.Commands.name, Idle.name,
                 Queued.name, IdleSystem.name):
        for system, figures in results.get(name, {}).items():
            say(f"{name:18}{system:8}  " + ", ".join(
                f"{key} {value:.4g}" for key, value in figures.items()
                if key != "rounds"))


def print_floors(results):
    """Returns how many do not hold; None when nothing could be judged."""
    failed, judged = 0, 0
    say()
    for name, figure, kind, limit in FLOORS:
        if kind == RATIO:
            value = ratio(results, name, figure)
        else:
            value = results.get(name, {}).get("chasqui", {}).get(figure)
        if value is None or math.isnan(value):
            continue
        judged += 1
        good = value >= limit if kind == RATIO else value <= limit
        failed += not good
        what = (f"{value:.2f}x, at least {limit}x" if kind == RATIO
                else f"{value:.4g}, at most {limit}")
        say(f"{'pass' if good else 'FAIL'}  {name:18}{figure:20}{what}")
    return failed if judged else None


class Bench:
    def __init__(self, options):
        self.options = options
        self.systems = []
        self.extra = dict(item.split("=", 1) for item in options.postfix_set)
        self.results = {}
        self.errors = []
        self.disk = self.sink = self.homes = None

    medians = staticmethod(lambda rounds: medians(rounds))
    say_round = staticmethod(lambda *args: say_round(*args))
    load = staticmethod(load)

    def find_systems(self):
        if not self.options.no_postfix:
            reason = postfix_peer.why_not()
            if reason:
                say(f"no Postfix to compare with: {reason}")
            else:
                self.systems.append(systems.Postfix)
        if not self.options.no_chasqui:
            self.systems.append(systems.Chasqui)

    def chosen(self):
        return [w for w in WORKLOADS if not self.options.only or any(
            w.name.startswith(name) for name in self.options.only)]

    def cpu(self):
        """What we and our two programs have used so far."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (time.process_time() + used.ru_utime + used.ru_stime
                + measure.cpu_seconds([self.sink.process.pid]))

    def run(self):
        self.find_systems()
        for name in ("loadgen", "sink"):
            pair.program(name)
        say(f"{os.cpu_count()} cores, Linux {os.uname().release}, load "
            + " ".join(f"{x:.1f}" for x in os.getloadavg())
            + f"; system calls counted by {measure.find_tracer()}")
        if systems.Postfix in self.systems:
            say(f"Postfix {postfix_peer.version()}")
        with measure.Disk(self.options.work, self.options.disk,
                          not self.options.no_disk) as self.disk, \
                Sink() as self.sink:
            say(f"spools on {self.disk.kind}")
            if local.make_users(self.disk.path):
                self.homes = os.path.join(self.disk.path, "homes")
            for workload in self.chosen():
                self.run_one(workload)

    def run_one(self, workload):
        say(workload.name)
        try:
            self.results[workload.name] = workload.run(self)
        except (RuntimeError, AssertionError, OSError,
                subprocess.SubprocessError) as e:
            self.errors.append(workload.name)
            say(f"  FAILED: {e}")

    def report(self):
        print_throughput(self.results)
        print_others(self.results)
        failed = print_floors(self.results)
        if self.errors:
            say("not measured: " + " ".join(self.errors))
        if failed is not None:
            say(f"{failed} floors do not hold" if failed
                else "all floors that were measured hold")
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as f:
                json.dump({"results": self.results, "errors": self.errors,
                           "disk": self.disk.kind if self.disk else None},
                          f, indent=1)
                f.write("\n")
        return 1 if failed or self.errors else 0


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description="Postfix and chasqui in turn on the same work.",
        epilog="workloads: " + " ".join(w.name for w in WORKLOADS))
    add = parser.add_argument
    add("--build", default=pair.BUILD, help="where chasqui was built")
    add("--work", help="where the disk image is made (BUILD/bench)")
    add("--only", action="append", default=[], metavar="NAME",
        help="workloads whose name begins so; may be repeated")
    add("--rounds", type=int, help="of each workload (3)")
    add("--messages", type=int, help="per round, for both systems")
    add("--quick", action="store_true",
        help="one round, a fifth of the messages: for a first look")
    add("--json", metavar="FILE", help="write all figures there, too")
    add("--no-postfix", action="store_true")
    add("--no-chasqui", action="store_true")
    add("--no-disk", action="store_true", help="a plain directory will do")
    add("--disk", type=int, default=3072, metavar="MIB",
        help="size of the image")
    add("--patience", type=float, default=10, metavar="SECONDS",
        help="wait so long for a quiet machine before each round (10)")
    add("--user", default=systems.mail_user(), help="owner of the mailbox")
    add("--postfix-set", action="append", default=[], metavar="NAME=VALUE",
        help="try other settings for Postfix")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    pair.BUILD = os.path.abspath(options.build)
    options.work = options.work or os.path.join(pair.BUILD, "bench")
    os.makedirs(options.work, exist_ok=True)
    return options


def wait_for_turn():
    """Two benchmarks at once measure each other. The name is taken for as
    long as we live; it is in no file system."""
    turn = socket.socket(socket.AF_UNIX)
    said = False
    while True:
        try:
            turn.bind("\0chasqui-bench")
            return turn
        except OSError:
            if not said:
                say("waiting for another benchmark to end")
            said = True
            time.sleep(1)


# We are two: the one who works, and a guard who outlives it and kills what
# it may leave behind, so that even a kill -9 of either leaves nothing.

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def work_in_child(work, directory):
    for signo in STOP_SIGNALS:
        signal.signal(signo, lambda signo, _: sys.exit(128 + signo))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    code = 1
    try:
        code = work()
    except SystemExit as e:
        code = e.code
    except BaseException:
        traceback.print_exc()
    finally:
        postfix_peer.clean_up()
        shutil.rmtree(directory, ignore_errors=True)
        sys.stdout.flush()
        os._exit(code)


def guard(work, directory):
    """Run work() in a child; returns its exit code."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        work_in_child(work, directory)
    for signo in STOP_SIGNALS:
        signal.signal(signo, lambda signo, _: os.kill(child, signo))
    while True:
        pid, status = os.wait()  # orphans come to us, too
        if pid == child:
            break
    procs.kill_below(os.getpid())
    return os.waitstatus_to_exitcode(status)


def main(arguments):
    options = parse_options(arguments)
    with tempfile.TemporaryDirectory(
            prefix="work-", dir=options.work) as options.work:
        os.chmod(options.work, 0o755)
        return guard(lambda: run(options), options.work)


def run(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    turn = wait_for_turn()
    bench = Bench(options)
    bench.run()
    turn.close()
    return bench.report()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1:]))
