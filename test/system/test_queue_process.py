# SPDX-License-Identifier: ISC
"""The queue process alone; see test/lib/fakemaster.py."""

import os
import random
import re
import signal
import struct
import subprocess
import time

import pytest

from lib import instance
from lib.fakemaster import (
    AGAIN, CTL_ENTRY, CTL_FLUSH, CTL_FLUSH_ID, CTL_FLUSH_SITE, CTL_LIST,
    DEAD, DELAY, ERROR, FAILURE, FINE, FULL, JOB, JOB_DONE, MASTER_STOP,
    NEVER, OK, QUEUE_COMMIT, QUEUE_DROP, QUEUE_EXPECT, QUEUE_MORE_IDS,
    QUEUE_SPACE, QUEUE_WANT_BLOB, RULES_ROUTE, RULES_ROUTED, SUCCESS,
    Envelope, QueueProcess, Rcpt, Verdict, bounced, deferred, sent, text, u8,
    u32, u64)

ME, YOU, HER = "me@a.example", "you@b.example", "her@c.example"
CONTENT = b"Subject: test\r\n\r\n..dot\r\nend\r\n"


# Life of a message

def test_message_reaches_relay_and_is_removed(q):
    ident = q.smtpd().send_mail(ME, [YOU], CONTENT, client_name="c.example",
                                ident="<1@a.example>", envid="e1")
    job = q.relay().job()
    assert (job.id, job.content) == (ident, CONTENT)
    assert job.addresses == [YOU]
    assert job.envelope.sender == ME
    assert job.envelope.envid == "e1"
    assert job.envelope.rcpts[0].nexthop == "b.example"
    job.report(sent())
    q.wait_log("removed")
    assert q.listing() == []
    q.stop()
    assert q.lines() == [
        f"postfix/qmgr: {ident}: from=<{ME}>, size={len(CONTENT)}, nrcpt=1 "
        "(queue active)",
        f"postfix/qmgr: {ident}: removed"]
    q.start()
    assert q.relay().is_idle()
    assert q.listing() == []


def test_acknowledged_survives_a_crash(q):
    """Between the commit and the outcome, and with no time to breathe."""
    ids = []
    for i in range(5):
        ids.append(q.smtpd().send_mail(f"{i}@a.example", [YOU], CONTENT))
    q.crash()
    jobs = q.relay().jobs(5)
    assert sorted(j.id for j in jobs) == sorted(ids)
    assert all(j.content == CONTENT for j in jobs)
    assert sorted(q.asked) == [YOU] * 5  # routed afresh
    for job in jobs:
        job.report(sent())
    q.wait_log("removed", 5)
    q.recorded()
    q.crash()
    assert q.relay().is_idle()


def test_the_port_of_the_client(q):
    """It is in the spool, beside messages of programs that knew of none."""
    ports = {q.smtpd().send_mail(ME, [YOU], CONTENT, client_port=port): port
             for port in (0, 1, 40000, 65535)}
    for _ in range(2):
        jobs = q.relay().jobs(4)
        assert {j.id: j.envelope.client_port for j in jobs} == ports
        assert {j.addresses[0] for j in jobs} == {YOU}
        q.crash()


def test_recipients_of_a_job_are_in_order(q):
    """By domain in any case, then by address; as Postfix has them."""
    wanted = ["b@A.example", "B@B.example", "a@b.example", "c@B.example",
              "z"]
    q.smtpd().send_mail(ME, [Rcpt(addr, nexthop="next")
                             for addr in reversed(wanted)], CONTENT)
    assert q.relay().job().addresses == wanted


@pytest.mark.program("strace")
def test_flushed_before_it_is_acknowledged(make_queue, tmp_path):
    trace = tmp_path / "trace"
    q = make_queue(wrapper=[
        "/usr/bin/strace", "-f", "-o", str(trace),
        "-e", "trace=fdatasync,sendmsg"])
    q.smtpd().is_quiet(seconds=0.2)
    calls = trace.read_text()
    _, tag = q.smtpd().commit(ME, [YOU], CONTENT)
    assert q.smtpd().done(tag) == OK
    q.relay().job()
    calls = trace.read_text()[len(calls):]
    flush = re.search(r"fdatasync\(.*= 0|fdatasync resumed.*= 0", calls)
    answer = calls.index(r"\t\0\0\0\6\2")  # nine bytes of QUEUE_DONE
    assert flush.end() < answer
    q.stop()


def test_blob(q):
    content = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 60000
    ident = q.smtpd().send_big(ME, [YOU, HER], content)
    jobs = q.relay().jobs(2)
    assert all(j.blob and j.content == content for j in jobs)
    blobs = os.path.join(q.spool, "log", "blob")
    assert os.listdir(blobs) == [ident]
    q.crash()
    jobs = q.relay().jobs(2)
    assert all(j.blob and j.content == content for j in jobs)
    for job in jobs:
        job.report(sent())
    q.wait_log("removed")
    q.wait_for(lambda: not os.listdir(blobs))


def test_blob_that_is_dropped(q):
    smtpd = q.smtpd()
    for _ in range(3):
        _, fds = smtpd.want_blob(7)
        os.close(fds[0])
        smtpd.send(QUEUE_DROP, u64(7))
    smtpd.send(QUEUE_DROP, u64(8))  # never heard of
    smtpd.send_mail(ME, [YOU], CONTENT, tag=7)
    assert q.relay().job().content == CONTENT


def test_recipients_share_a_job_by_site(make_queue):
    q = make_queue(smtp_destination_recipient_limit="2")
    q.smtpd().send_mail(ME, [
        "1@b.example", "2@c.example", "3@B.EXAMPLE", "4@b.example",
        Rcpt("5@b.example", "relay")])
    jobs = q.relay().jobs(4)
    assert sorted(sorted(j.addresses) for j in jobs) == [
        ["1@b.example", "3@B.EXAMPLE"], ["2@c.example"], ["4@b.example"],
        ["5@b.example"]]


# Later

def test_deferred_is_tried_again_at_its_time(q):
    q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(deferred("450 busy"))
    began = time.monotonic()
    q.relay().job().report(deferred("450 still busy"))
    assert time.monotonic() - began > 0.9
    q.wait_for(lambda: q.listing()[0]["rcpts"] == {YOU: "450 still busy"})
    q.relay().job().report(sent())
    q.wait_log("removed")
    assert len(q.lines(r"nrcpt=1 \(queue active\)")) == 3


def test_reason_and_time_survive_a_crash(make_queue):
    q = make_queue(minimal_backoff_time="4s",
                   maximal_backoff_time="4s")
    ident = q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(deferred("450 busy"))
    began = time.monotonic()
    q.wait_disk(b"450 busy")
    q.crash()
    entry, = q.listing()
    assert entry["id"] == ident
    assert entry["rcpts"] == {YOU: "450 busy"}
    assert entry["queue"] == 2 or time.monotonic() - began > 3  # deferred
    q.relay().job().report(sent())
    assert time.monotonic() - began > 3.5
    q.wait_log("removed")


def test_done_recipients_are_not_tried_again(q):
    """Several sites, some outcomes, a crash."""
    q.smtpd().send_mail(ME, [YOU, HER, "x@d.example", "y@e.example"])
    by_address = {j.addresses[0]: j for j in q.relay().jobs(4)}
    by_address[YOU].report(sent())
    by_address[HER].report(deferred("450 her"))
    by_address["x@d.example"].report(bounced())
    q.wait_disk(b"no such user")
    q.crash()
    jobs = q.relay().jobs(2)
    assert sorted(j.addresses[0] for j in jobs) == [HER, "y@e.example"]
    # The reason is still known while it is tried again.
    assert q.listing()[0]["rcpts"][HER] == "450 her"
    q.crash()
    assert q.listing()[0]["rcpts"][HER] == "450 her"
    for job in q.relay().jobs(2):
        job.report(sent())
    notice = q.relay().job()
    assert notice.addresses == [ME]
    assert b"<x@d.example>" in notice.content
    assert b"y@e.example" not in notice.content
    notice.report(sent())
    q.wait_log("removed", 2)


def until_notice(q, verdict):
    """As often as the message is tried before its sender is told: that is
    for the clock to say."""
    while True:
        job = q.relay().job()
        if not job.envelope.sender:
            return job
        job.report(verdict)


def test_expired(make_queue):
    q = make_queue(maximal_queue_lifetime="1s", bounce_queue_lifetime="0")
    ident = q.smtpd().send_mail(ME, [YOU])
    notice = until_notice(q, deferred("450 busy"))
    assert notice.addresses == [ME]
    assert b"Action: failed" in notice.content
    assert b"Status: 4.4.1" in notice.content
    q.wait_log(f"qmgr: {ident}: from=<{ME}>, status=expired, returned to "
               "sender")
    # The notice itself is not kept long, and nobody hears of it.
    notice.report(deferred("450 busy"))
    q.wait_log("removed", 2)
    q.wait_log(f"qmgr: {notice.id}: from=<>, status=expired, returned to "
               "sender")
    assert q.relay().is_idle()


def test_delay_notice_once(make_queue):
    q = make_queue(delay_warning_time="1s")
    q.smtpd().send_mail(ME, [YOU])
    notice = until_notice(q, deferred("450 busy"))
    assert notice.addresses == [ME]
    assert b"Action: delayed" in notice.content
    notice.report(sent())
    q.wait_log("sender delay notification")
    q.recorded()
    q.crash()
    job = q.relay().job()
    assert job.addresses == [YOU]
    job.report(deferred("450 busy"))
    assert q.relay().is_idle()


# Notices

def test_bounce(q):
    ident = q.smtpd().send_mail(ME, [YOU, HER], CONTENT)
    jobs = {j.addresses[0]: j for j in q.relay().jobs(2)}
    jobs[YOU].report(sent())
    jobs[HER].report(bounced("550 no her"))
    notice = q.relay().job()
    assert notice.envelope.sender == ""
    assert notice.addresses == [ME]
    assert notice.envelope.rcpts[0].nexthop == "a.example"
    assert notice.envelope.size == len(notice.content)
    assert b"\r\nTo: me@a.example\r\n" in notice.content
    assert b"<her@c.example>: 550 no her" in notice.content
    assert b"you@b.example" not in notice.content
    assert CONTENT in notice.content
    notice.report(sent())
    q.wait_log("removed", 2)
    assert q.lines() == [
        f"postfix/qmgr: {ident}: from=<{ME}>, size={len(CONTENT)}, nrcpt=2 "
        "(queue active)",
        f"postfix/cleanup: {notice.id}: message-id="
        + re.search(rb"Message-Id: (.*)\r", notice.content)[1].decode(),
        f"postfix/bounce: {ident}: sender non-delivery notification: "
        + notice.id,
        f"postfix/qmgr: {ident}: removed",
        f"postfix/qmgr: {notice.id}: from=<>, size={len(notice.content)}, "
        "nrcpt=1 (queue active)",
        f"postfix/qmgr: {notice.id}: removed"]


def test_no_notice_for_the_null_sender(q):
    q.smtpd().send_mail("", [YOU])
    q.relay().job().report(bounced())
    q.wait_log("removed")
    assert q.relay().is_idle()
    assert q.asked == []


def test_notify(q):
    q.smtpd().send_mail(ME, [
        Rcpt("never@b.example", notify=NEVER),
        Rcpt("failure@c.example", notify=FAILURE),
        Rcpt("success@d.example", notify=SUCCESS | FAILURE),
        Rcpt("delay@e.example", notify=DELAY)])
    for job in q.relay().jobs(4):
        job.report(sent() if job.addresses == ["success@d.example"]
                   else bounced())
    notices = q.relay().jobs(2)
    failure, = (n for n in notices if b"Action: failed" in n.content)
    success, = (n for n in notices if b"Action: failed" not in n.content)
    assert b"failure@c.example" in failure.content
    for other in b"never", b"success", b"delay":
        assert other + b"@" not in failure.content
    assert b"success@d.example" in success.content
    assert b"never@" not in success.content
    for notice in notices:
        notice.report(sent())
    q.wait_log("removed", 3)
    q.wait_log("sender delivery status notification")


def test_next_hop_reports_success(q):
    """It speaks DSN, so it was asked to; two reports would be one too many."""
    q.smtpd().send_mail(ME, [Rcpt("success@d.example", notify=SUCCESS)])
    handed = sent()
    handed.kind |= 0x80
    q.relay().job().report(handed)
    q.wait_log("removed")
    assert not q.lines("notification")
    assert q.relay().is_idle()


def test_never_bounces_without_a_word(q):
    q.smtpd().send_mail(ME, [Rcpt(YOU, notify=NEVER)])
    q.relay().job().report(bounced())
    q.wait_log("removed")
    assert not q.lines("notification")
    assert q.relay().is_idle()


def test_bounce_of_a_blob(q):
    content = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n"
    content += b"line\r\n" * 60000
    q.smtpd().send_big(ME, [YOU], content)
    q.relay().job().report(bounced())
    notice = q.relay().job()
    # Larger than bounce_size_limit: its header alone.
    assert b"Subject: big" in notice.content
    assert b"line\r\nline" not in notice.content
    notice.report(sent())
    q.wait_log("removed", 2)


def test_notice_larger_than_a_record(make_queue):
    """Whatever bounce_size_limit says, the sender hears of it."""
    q = make_queue(bounce_size_limit="100000000",
                   message_size_limit="30000000")
    content = b"Subject: big\r\n\r\n" + (b"x" * 98 + b"\r\n") * 200000
    q.smtpd().send_big(ME, [YOU], content)
    q.relay().job().report(bounced())
    notice = q.relay().job()
    assert b"Subject: big" in notice.content
    assert b"xxxx\r\nxxxx" not in notice.content
    notice.report(sent())
    q.wait_log("removed", 2)


def test_many_bounces_with_long_reasons(q):
    """More than one notice can hold: several, and each recipient once."""
    said = "550 " + "no " * 1300
    rcpts = [f"{i}@b.example" for i in range(1500)]
    q.smtpd().send_mail(ME, rcpts)
    for _ in range(30):
        q.relay().job().report(bounced(said))
    named = []
    while len(named) < 1500:
        notice = q.relay().job()
        named += re.findall(rb"Final-Recipient: rfc822; (\S+)",
                            notice.content)
        notice.report(sent())
    assert sorted(named) == sorted(r.encode() for r in rcpts)
    assert len(q.wait_log("removed", 3)) < 10


def test_notice_waits_for_rules(q):
    q.rules_silent = True
    q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(bounced())
    q.rules().recv(RULES_ROUTE)
    q.rules().close()
    assert q.relay().is_idle()
    q.rules_silent = False
    q.add("rules", 0)
    notice = q.relay().job()
    assert notice.addresses == [ME]
    notice.report(sent())
    q.wait_log("removed", 2)


def test_notice_is_sent_again_after_a_crash(q):
    """The bounce was recorded, the notice not yet made."""
    q.rules_silent = True
    q.smtpd().send_mail(ME, [YOU, HER])
    for job in q.relay().jobs(2):
        job.report(bounced())
    q.rules().recv(RULES_ROUTE)
    q.recorded()
    q.rules_silent = False
    q.crash()
    notice = q.relay().job()
    assert notice.addresses == [ME]
    assert q.asked == [ME]
    notice.report(sent())
    q.wait_log("removed", 2)


def test_sender_that_cannot_be_routed_today(q):
    q.routes[ME] = ("", "")
    q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(bounced())
    q.wait_for(lambda: len(q.asked) >= 2)
    q.routes.clear()
    notice = q.relay().job()
    assert notice.addresses == [ME]
    notice.report(sent())
    q.wait_log("removed", 2)


# Transports that need no process, and the one that does

@pytest.mark.parametrize("transport, nexthop, line", [
    ("discard", "b.example", "discard: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=2.0.0, status=sent (b.example)"),
    ("discard", "silently", "discard: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=2.0.0, status=sent (silently)"),
    ("error", "5.7.1 go away", "error: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=5.7.1, status=bounced (go away)"),
    ("error", "go away", "error: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=5.0.0, status=bounced (go away)"),
    ("error", "4.7.1 later", "error: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=4.7.1, status=deferred (later)"),
    ("retry", "busy here", "error: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=4.0.0, status=deferred (busy here)"),
    ("uucp", "b.example", "error: ID: to=<you@b.example>, relay=none, "
     "delay=D, delays=D, dsn=4.3.0, status=deferred "
     "(mail transport unavailable)"),
])
def test_transports_of_our_own(q, transport, nexthop, line):
    ident = q.smtpd().send_mail(ME, [Rcpt(YOU, transport, nexthop)])
    q.wait_log("status=")
    found = [re.sub("(delays?)=[0-9./]+", r"\1=D", one).replace(ident, "ID")
             for one in q.lines("status=")]
    assert found == ["postfix/" + line]
    if "deferred" not in line:
        q.wait_log(f"{ident}: removed")
    if "bounced" in line:
        q.relay().job().report(sent())


def test_local_goes_to_deliver(q):
    q.smtpd().send_mail(ME, [Rcpt("me@here", "local", "here"), YOU])
    q.deliver().job().report(sent())
    job = q.relay().job()
    assert job.addresses == [YOU]
    job.report(sent())
    q.wait_log("removed")


def test_route_of_today_counts(q):
    q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(deferred())
    q.routes["b.example"] = ("local", "here")
    job = q.deliver().job()
    assert job.envelope.rcpts[0].nexthop == "here"
    job.report(sent())
    q.wait_log("removed")


# Workers

def test_jobs_of_a_dead_relay_go_to_another(make_queue):
    q = make_queue(peers=("smtpd", "rules", "relay", "relay", "deliver"))
    ids = {q.smtpd().send_mail(ME, [f"x@{i}.example"]) for i in range(6)}
    first, second = q.relay(0).jobs(3), q.relay(1).jobs(3)
    assert {j.id for j in first + second} == ids
    q.relay(0).close()
    again = q.relay(1).jobs(3)
    assert {j.id for j in again} == {j.id for j in first}
    for job in second + again:
        job.report(sent())
    q.wait_log("removed", 6)
    q.add("relay", 0)
    q.smtpd().send_mail(ME, [YOU])
    q.smtpd().send_mail(ME, [HER])
    q.relay(0).job()
    q.relay(1).job()


def test_mail_waits_for_a_relay(q):
    q.relay().close()
    q.smtpd().send_mail(ME, [YOU])
    q.wait_log("queue active")
    q.add("relay", 0).job().report(sent())
    q.wait_log("removed")


def test_relay_that_stops_keeps_what_it_did(q):
    q.smtpd().send_mail(ME, ["1@b.example", "2@b.example", "3@b.example"])
    job = q.relay().job()
    verdict = {"1@b.example": sent(), "2@b.example": deferred("4.3.2"),
               "3@b.example": bounced()}
    job.report(*(verdict[a] for a in job.addresses), site=AGAIN)
    assert q.relay().is_idle()  # it is leaving
    rest = q.add("relay").job()
    assert rest.addresses == ["2@b.example"]
    rest.report(sent())
    notice = q.relay(1).job()
    assert b"3@b.example" in notice.content
    assert b"1@b.example" not in notice.content


def test_dead_site(make_queue):
    q = make_queue(smtp_initial_destination_concurrency="1",
                   smtp_destination_concurrency_limit="1",
                   minimal_backoff_time="4s", maximal_backoff_time="4s")
    for i in range(4):
        q.smtpd().send_mail(ME, [f"{i}@b.example"])
    other = q.smtpd().send_mail(ME, [HER])
    jobs = q.relay().jobs(2)
    job, = (j for j in jobs if j.id != other)
    job.report(deferred("connect to b.example: refused"), site=DEAD)
    lines = q.wait_log("delivery temporarily suspended", 3)
    for line in lines:
        assert re.search(r"postfix/error: \S+: to=<\d@b.example>, relay=none, "
                         r"delay=[\d.]+, delays=[\d./]+, dsn=4.4.1, "
                         r"status=deferred \(delivery temporarily suspended: "
                         r"connect to b.example: refused\)$", line)
    # One that comes now shares it; other sites do not care.
    q.smtpd().send_mail(ME, ["late@b.example"])
    q.wait_log("to=<late@b.example>.*suspended")
    q.smtpd().send_mail(ME, ["other@c.example"])
    for job in jobs:
        if job.id == other:
            job.report(sent())
    job = q.relay().job()
    assert job.addresses == ["other@c.example"]
    job.report(sent())
    # Its rest over, all go one after the other.
    for i in range(5):
        job = q.relay().job()
        assert job.addresses[0].endswith("@b.example")
        job.report(sent())
    q.wait_log("removed", 7)


def test_window_is_not_larger_than_its_limit(make_queue):
    q = make_queue(smtp_destination_concurrency_limit="2")
    for _ in range(5):
        q.smtpd().send_mail(ME, [YOU])
    jobs = q.relay().jobs(2)
    assert q.relay().is_idle()
    jobs[0].report(sent())
    q.relay().job()
    assert q.relay().is_idle()
    q.reload(smtp_destination_concurrency_limit="1")
    jobs[1].report(sent())
    assert q.relay().is_idle()


def test_maxproc_of_a_transport(q):
    for i in range(3):
        q.smtpd().send_mail(ME, [Rcpt(f"x@{i}.example", "slow")])
    for _ in range(3):
        job = q.relay().job()
        assert q.relay().is_idle(0.1)
        job.report(sent())
    q.wait_log("removed", 3)


# Limits

def test_active_limit(make_queue):
    q = make_queue(qmgr_message_active_limit="5",
                   smtp_destination_concurrency_limit="100",
                   smtp_initial_destination_concurrency="100")
    tags = [q.smtpd().commit(ME, [YOU])[1] for _ in range(50)]
    for tag in tags:
        assert q.smtpd().done(tag) == OK
    seen = set()
    while len(seen) < 50:
        job = q.relay().job()
        assert job.id not in seen
        seen.add(job.id)
        job.report(sent())
    q.wait_log("removed", 50)
    # All at once, and outcomes that leave nothing to do for a while.
    q.relay().close()
    tags = [q.smtpd().commit(ME, [YOU])[1] for _ in range(20)]
    for tag in tags:
        assert q.smtpd().done(tag) == OK
    q.wait_log("queue active", 55)
    q.add("relay", 0)
    jobs = q.relay().jobs(5)
    assert q.relay().is_idle(0.2)
    q.reload(qmgr_message_active_limit="100",
             smtp_destination_concurrency_limit="100",
             smtp_initial_destination_concurrency="100")
    jobs += q.relay().jobs(15)
    for job in jobs:
        job.report(sent())
    q.wait_log("removed", 70)


def test_messages_that_wait_start_when_others_end(make_queue):
    """Nothing new arrives that could wake them."""
    q = make_queue(qmgr_message_active_limit="1")
    for _ in range(3):
        q.smtpd().send_mail(ME, [YOU])
    for _ in range(3):
        q.relay().job().report(sent())
    q.wait_log("removed", 3)


def test_ids_never_end(q):
    smtpd = q.smtpd()
    seen = set()
    for _ in range(9000):
        number = smtpd.new_id() >> 20
        assert number not in seen
        seen.add(number)
    # Ids of a former range are still good.
    smtpd.send_mail(ME, [YOU], id=min(seen) << 20 | 5)
    q.crash()
    q.smtpd().send_mail(ME, [HER])
    # So are those that the former process granted.
    q.smtpd().send_mail(ME, [HER], id=min(seen) << 20 | 6)
    assert q.smtpd().new_id() >> 20 not in seen
    assert len(q.relay().jobs(3)) == 3


def test_full_disk(make_queue):
    """Nothing new is taken; what is there can still be finished."""
    q = make_queue()
    q.smtpd().send_mail(ME, [YOU, HER])
    q.relay().jobs(2)
    q.kill()
    q.configure(queue_minfree=str(1 << 50))
    q.start()
    smtpd = q.smtpd()
    assert smtpd.recv(QUEUE_SPACE).wire.u64() == 0
    number, tag = smtpd.commit(ME, [YOU])
    assert smtpd.done(tag) == FULL
    assert smtpd.want_blob(50)[0] == FULL
    jobs = {j.addresses[0]: j for j in q.relay().jobs(2)}
    jobs[YOU].report(sent())
    jobs[HER].report(bounced())
    q.wait_log("bounce: warning: .*notification postponed")
    assert [e["rcpts"] for e in q.listing()] == [{HER: "no such user"}]
    q.wait_disk(b"no such user")
    q.kill()
    q.configure()
    q.start()
    notice = q.relay().job()
    assert notice.addresses == [ME]
    notice.report(sent())
    q.wait_log("removed", 2)
    # The id of what was refused is free.
    assert q.smtpd().recv(QUEUE_SPACE).wire.u64() > 0
    q.smtpd().send_mail(ME, [YOU], id=number)


# Commands

def test_listing(q):
    ids = [q.smtpd().send_mail(f"{i}@a.example", [YOU, HER])
           for i in range(3)]
    q.relay().jobs(6)
    entries = q.listing()
    assert [e["id"] for e in entries] == ids
    assert [e["sender"] for e in entries] == [f"{i}@a.example"
                                              for i in range(3)]
    assert all(e["rcpts"] == {YOU: "", HER: ""} for e in entries)
    assert all(e["queue"] == 1 for e in entries)
    assert all(e["size"] == 23 for e in entries)


def test_long_listing_to_a_slow_reader(make_queue):
    """More than the high water mark; some of it from the spool."""
    q = make_queue(qmgr_message_active_limit="50")
    rcpts = [f"{'x' * 50}{i}@b.example" for i in range(150)]
    tags = [q.smtpd().commit(ME, rcpts)[1] for _ in range(400)]
    for tag in tags:
        assert q.smtpd().done(tag) == OK
    command = q.command(CTL_LIST)
    command.is_deaf = True
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        q.pump(0.05)
    command.is_deaf = False
    entries = command.entries()
    assert len(entries) == 400
    assert sum(len(e["rcpts"]) for e in entries) == 400 * 150
    # And one that goes away in the middle, and one that says too much.
    for _ in range(5):
        command = q.command(CTL_LIST)
        q.pump(0.05)
        command.close()
    command = q.command(CTL_LIST)
    command.send(CTL_LIST)
    command.wait_gone()
    assert len(q.listing()) == 400


def test_flush(make_queue):
    q = make_queue(minimal_backoff_time="1h", maximal_backoff_time="1h",
                   smtp_destination_concurrency_failed_cohort_limit="100")
    ids = [q.smtpd().send_mail(ME, [to]) for to in (YOU, HER, "x@b.example")]
    for job in q.relay().jobs(3):
        job.report(deferred())
    q.wait_for(lambda: [e["queue"] for e in q.listing()] == [2, 2, 2])
    assert q.relay().is_idle(0.1)
    assert q.command(CTL_FLUSH_ID, text(ids[0])).count() == 1
    job = q.relay().job()
    assert job.id == ids[0]
    job.report(deferred())
    q.wait_for(lambda: [e["queue"] for e in q.listing()] == [2, 2, 2])
    assert q.command(CTL_FLUSH_ID, text("FFFFF123456")).count() == 0
    assert q.command(CTL_FLUSH_SITE, text("B.example")).count() == 2
    for job in q.relay().jobs(2):
        assert job.id in (ids[0], ids[2])
        job.report(deferred(), site=DEAD)
    q.wait_for(lambda: [e["queue"] for e in q.listing()] == [2, 2, 2])
    # Dead sites are tried, too.
    assert q.command(CTL_FLUSH).count() == 3
    for job in q.relay().jobs(3):
        job.report(sent())
    q.wait_log("removed", 3)
    assert q.command(CTL_FLUSH).count() == 0


def test_crowd_of_commands(q):
    silent = [q.command() for _ in range(80)]
    assert q.listing() == []
    for one in silent:
        one.close()


def test_garbage_from_a_command(q):
    for data in (b"GET / HTTP/1.0\r\n\r\n" * 10, b"\xff" * 100,
                 struct.pack("<IHH", 0, 0x4ff, 0),
                 struct.pack("<IHH", 0, CTL_ENTRY, 0)):
        command = q.command()
        command.send_raw(data)
        command.wait_gone()
    assert q.command(CTL_FLUSH_ID, b"\xff\xff").count() == 0
    assert q.command(CTL_FLUSH_SITE).count() == 0
    assert q.listing() == []


# Hostile peers: only their own connection ends

def commit(tag, envelope, blob=0, content=b"x\r\n", tail=b""):
    body = envelope if isinstance(envelope, bytes) else envelope.encode()
    return QUEUE_COMMIT, [u64(tag), u8(blob), text(content), body, tail]


def envelope(smtpd, number=None, rcpts=(YOU,)):
    return Envelope(smtpd.new_id() if number is None else number, ME, rcpts)


def twice(smtpd):
    e = envelope(smtpd)
    smtpd.send(commit(1, e)[0], *commit(1, e)[1])
    return commit(2, e)


def again(smtpd):
    number, tag = smtpd.commit(ME, [YOU])
    assert smtpd.done(tag) == OK
    return commit(9, envelope(smtpd, number))


def blob_and_content(smtpd):
    _, fds = smtpd.want_blob(1)
    os.close(fds[0])
    return commit(1, envelope(smtpd), 1, b"x\r\n")


def blob_not_said(smtpd):
    _, fds = smtpd.want_blob(1)
    os.close(fds[0])
    return commit(1, envelope(smtpd), 0)


def blob_twice(smtpd):
    _, fds = smtpd.want_blob(1)
    os.close(fds[0])
    return QUEUE_WANT_BLOB, [u64(1)]


def blob_used_twice(smtpd):
    _, fds = smtpd.want_blob(1)
    os.close(fds[0])
    smtpd.send(*flat(commit(1, envelope(smtpd), 1, b"")))
    return commit(1, envelope(smtpd), 1, b"")


def flat(message):
    return message[0], *message[1]


def count_that_lies(smtpd):
    body = envelope(smtpd, rcpts=()).encode()
    return commit(1, body[:-4] + u32(0x7FFFFFFF))


HOSTILE = {
    "no such type": lambda s: (0x2FF, []),
    "not its type": lambda s: (QUEUE_SPACE, [u64(1)]),
    "a job": lambda s: (JOB, []),
    "empty commit": lambda s: (QUEUE_COMMIT, []),
    "no recipients": lambda s: commit(1, envelope(s, rcpts=())),
    "count that lies": count_that_lies,
    "bytes behind it": lambda s: commit(1, envelope(s), tail=b"x"),
    "cut": lambda s: commit(1, envelope(s).encode()[:-1]),
    "id 0": lambda s: commit(1, envelope(s, 0)),
    "small id": lambda s: commit(1, envelope(s, 5 << 20)),
    "largest id": lambda s: commit(1, envelope(s, 2 ** 64 - 1)),
    "id of the other": lambda s: commit(
        1, envelope(s, s.q.smtpd(1).new_id())),
    "id twice on its way": twice,
    "id twice": again,
    "blob without blob": lambda s: commit(1, envelope(s), 1, b""),
    "blob and content": blob_and_content,
    "blob not said": blob_not_said,
    "blob tag twice": blob_twice,
    "blob used twice": blob_used_twice,
    "too much content": lambda s: commit(
        1, envelope(s), 0, b"x" * 1000000),
    "cut tag": lambda s: (QUEUE_DROP, [b"123"]),
    "long tag": lambda s: (QUEUE_WANT_BLOB, [u64(1), u8(0)]),
    "cut hint": lambda s: (QUEUE_EXPECT, [b"1"]),
    "ids with a wish": lambda s: (QUEUE_MORE_IDS, [u8(1)]),
    "huge frame": lambda s: (None, [struct.pack("<IHH", 1 << 25,
                                                QUEUE_COMMIT, 0)]),
    "descriptors announced": lambda s: (None, [struct.pack(
        "<IHH", 0, QUEUE_MORE_IDS, 3)]),
}


@pytest.fixture(scope="module")
def shared_queue(tmp_path_factory):
    """One that outlives all its enemies."""
    q = QueueProcess(tmp_path_factory.mktemp("shared") / "queue",
                     peers=("smtpd", "smtpd", "rules", "relay", "relay"))
    with q:
        yield q
        q.stop()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_smtpd(shared_queue, name):
    q = shared_queue
    before = len(q.lines("malformed"))
    evil, good = q.add("smtpd", 0), q.smtpd(1)
    kind, parts = HOSTILE[name](evil)
    if kind is None:
        evil.send_raw(b"".join(parts))
    else:
        evil.send(kind, *parts)
    evil.wait_gone()
    if kind is not None:
        q.wait_log("malformed message from smtpd process 0", before + 1)
    ident = good.send_mail(ME, [HER])
    deliver_all(q)
    q.wait_log(f"{ident}: removed")
    evil.close()


def deliver_all(q):
    """Whatever is there."""
    quiet = 0
    while quiet < 3:
        q.pump(0.02)
        quiet += 1
        for relay in q.peers["relay"]:
            while frame := relay.take(JOB):
                relay.inbox.insert(0, frame)
                relay.job().report(sent())
                quiet = 0


def test_smtpd_that_hangs_up_anywhere(q):
    """A blob half written, commits under way: they are delivered."""
    smtpd = q.smtpd()
    _, fds = smtpd.want_blob(99)
    os.close(fds[0])
    ids = [smtpd.commit(ME, [YOU])[0] for _ in range(3)]
    smtpd.close()
    jobs = q.relay().jobs(3)
    assert sorted(j.envelope.id for j in jobs) == sorted(ids)
    q.add("smtpd", 0).send_mail(ME, [YOU])
    q.relay().job()


def test_smtpd_asks_for_ids_without_end(q):
    smtpd = q.smtpd()
    first = smtpd.new_id() >> 20
    for _ in range(20000):
        smtpd.send(QUEUE_MORE_IDS)
    q.smtpd().send_mail(ME, [YOU])
    time.sleep(1.2)
    q.pump(0)
    assert (smtpd.new_id() >> 20) - first < 4096 * 200


def test_smtpd_asks_for_blobs_without_end(q):
    smtpd = q.smtpd()
    results = []
    for tag in range(1, 5001):
        result, fds = smtpd.want_blob(tag)
        results.append(result)
        for fd in fds:
            os.close(fd)
    assert results == [OK] * 4096 + [ERROR] * 904
    assert q.add("smtpd").want_blob(1)[0] == OK
    smtpd.close()


@pytest.mark.parametrize("rcpts", [1, 2])
def test_hostile_relay(q, rcpts):
    good = q.add("relay")
    nothing_else = u32(0) + u32(0)  # no passes, no parts
    verdicts = u32(rcpts) + sent().encode() * rcpts + nothing_else
    attacks = [
        lambda mine, theirs: [0x3FF],
        lambda mine, theirs: [JOB, u64(mine)],
        lambda mine, theirs: [JOB_DONE],
        lambda mine, theirs: [JOB_DONE, u64(theirs), u8(0), verdicts],
        lambda mine, theirs: [JOB_DONE, u64(mine + 1000), u8(0), verdicts],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(3), verdicts],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), u32(0)],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), u32(0xFFFFFFF0)],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), u32(rcpts + 1),
                              sent().encode() * (rcpts + 1) + nothing_else],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), verdicts[:-8],
                              u32(1), u32(rcpts), text(YOU), text(YOU),
                              text("smtp"), text("x"),
                              u32(0)],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), verdicts[:-8],
                              u32(0), u32(0xFFFFFFF0)],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), verdicts[:-1]],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), u32(rcpts),
                              Verdict(3, "2.0.0", "x").encode() * rcpts
                              + nothing_else],
        lambda mine, theirs: [JOB_DONE, u64(mine), u8(0), u32(rcpts),
                              Verdict(2, "hello", "x").encode() * rcpts
                              + nothing_else],
    ]
    for n, attack in enumerate(attacks):
        # Both have a job; the evil one also answers for the other's.
        ids = {q.smtpd().send_mail(ME, [f"{i}@{n}{k}.example"
                                        for i in range(rcpts)])
               for k in range(2)}
        evil = q.relay(0)
        mine, theirs = evil.job(), good.job()
        assert {mine.id, theirs.id} == ids
        evil.send(*attack(mine.number, theirs.number))
        evil.wait_gone()
        evil.close()
        retried = good.job()
        assert retried.id == mine.id
        theirs.report(sent())
        retried.report(sent())
        q.wait_log("removed", 2 * n + 2)
        q.add("relay", 0)
    q.wait_log("malformed report from relay process 0", len(attacks))


def test_relay_answers_twice(q):
    q.smtpd().send_mail(ME, [YOU])
    job = q.relay().job()
    job.report(sent())
    job.report(sent())
    q.relay().wait_gone()
    q.wait_log("removed")


def test_relay_with_a_lot_to_say(q):
    """What is done stays done, however long the reasons of the others."""
    q.smtpd().send_mail(ME, [YOU, HER, "x@d.example"])
    jobs = {j.addresses[0]: j for j in q.relay().jobs(3)}
    huge = "450 " + "x" * 7000000
    jobs[HER].report(Verdict(4, "4.0.0", huge, huge[:100], ""))
    jobs["x@d.example"].report(Verdict(4, "4.0.0", "y", "", huge))
    jobs[YOU].report(sent())
    q.recorded()
    q.crash()
    again = q.relay().jobs(2)
    assert sorted(j.addresses[0] for j in again) == [HER, "x@d.example"]
    assert q.listing()[0]["rcpts"][HER].startswith("450 xxxx")
    for job in again:
        job.report(sent())
    q.wait_log("removed")


def test_site_with_a_lot_to_say(make_queue):
    q = make_queue(smtp_destination_concurrency_limit="1")
    for _ in range(2):
        q.smtpd().send_mail(ME, [YOU])
    q.relay().job().report(deferred("x" * 100000, "5.5.5"), site=DEAD)
    line, = q.wait_log("suspended: xxxx")
    assert "dsn=4.0.0" in line


def test_hostile_rules(q):
    for payload in (b"", b"\xff" * 40,
                    u64(1) + text("a") + text("smtp") + text("b") + b"x",
                    text("a") + text("smtp") + text("x" * 5000000) + text("")):
        q.rules().close()
        q.rules_silent = True
        evil = q.add("rules", 0)
        q.smtpd().send_mail(ME, [YOU])
        q.relay().job().report(bounced())
        ask = evil.recv(RULES_ROUTE)
        # An answer to nothing is no sin: the question may be gone.
        evil.send(RULES_ROUTED, u64(99), text("a"), text("smtp"), text("b"),
                  text(""))
        if len(payload) > 1000:
            payload = ask.payload[:8] + payload
        evil.send(RULES_ROUTED, payload)
        evil.wait_gone()
        assert q.relay().is_idle(0.1)
        q.rules_silent = False
        q.add("rules", 0)
        notice = q.relay().job()
        assert notice.envelope.sender == ""
        notice.report(sent())
    q.wait_log("removed", 8)


# The end

def test_stop_with_things_under_way(make_queue):
    """Whoever is told anything is told the truth."""
    q = make_queue(smtp_initial_destination_concurrency="20")
    smtpd = q.smtpd()
    smtpd.send_mail(ME, [YOU, HER])
    jobs = {j.addresses[0]: j for j in q.relay().jobs(2)}
    _, fds = smtpd.want_blob(1)
    os.close(fds[0])
    tags = [smtpd.commit(ME, ["x@d.example"])[1] for _ in range(20)]
    jobs[YOU].report(sent())
    q.control.send(MASTER_STOP)
    status = q.wait_end()
    q.wait_for(lambda: smtpd.gone)
    assert status == 0
    done = [tag for tag in tags if smtpd.results.get(tag) == [OK]]
    q._forget()
    q.start()
    # There may be some whose acknowledgement did not reach us.
    addresses = []
    while HER not in addresses or addresses.count("x@d.example") < len(done):
        addresses += q.relay().job().addresses
    assert YOU not in addresses


def test_last_words_of_the_others_count(q):
    q.smtpd().send_mail(ME, [YOU, HER])
    jobs = {j.addresses[0]: j for j in q.relay().jobs(2)}
    os.kill(q.pid, signal.SIGSTOP)
    q.control.send(MASTER_STOP)
    jobs[YOU].report(sent())
    for role in ("smtpd", "relay", "deliver"):
        q.peers[role][0].close()
    os.kill(q.pid, signal.SIGCONT)
    assert q.wait_end() == 0
    q._forget()
    q.start()
    assert q.relay().job().addresses == [HER]


def test_end_without_master(q):
    q.smtpd().send_mail(ME, [YOU])
    q.control.close()
    assert q.wait_end() == 0


def test_stop_in_the_middle_of_everything(q):
    """Reads, notices, commands: nothing needs the spool that is closed."""
    for i in range(30):
        q.smtpd().commit(ME, [Rcpt(YOU, "error", "5.0.0 no"), HER,
                              Rcpt("x@d", "discard", "x")])
    q.command(CTL_LIST)
    q.command(CTL_FLUSH)
    q.smtpd().send(QUEUE_WANT_BLOB, u64(5))
    q.stop()
    q.start()
    q.command(CTL_LIST)
    q.stop()


def test_no_process_of_ours_runs_alone():
    """Started by hand it says so."""
    result = subprocess.run([instance.program("queue")], close_fds=True,
                            stderr=subprocess.PIPE, text=True)
    assert result.returncode == 64
    assert "master" in result.stderr


# Everything at once

class Chaos:
    """
    Random things happen to all of them, then all is well again. Whatever
    was acknowledged reaches everybody, and nobody twice but for a crash.
    """

    UNSURE = 1.0  # seconds: what a crash may forget

    def __init__(self, q, seed):
        self.q = q
        self.random = random.Random(seed)
        self.promised = {}  # id -> addresses
        self.settled = {}  # (id, address) -> when it was reported
        self.crashes = []
        self.jobs = []
        self.serial = 0

    def address(self):
        return f"{self.random.randrange(40)}@{self.random.choice('bcdef')}.x"

    def commit(self):
        self.serial += 1
        rcpts = sorted({self.address()
                        for _ in range(self.random.choice((1, 1, 2, 6)))})
        rcpts = [Rcpt(a, "discard" if a.startswith("7@") else None)
                 for a in rcpts]
        sender = self.random.choice(("", f"s{self.serial}@a.x"))
        smtpd = self.random.choice(self.q.peers["smtpd"])
        send = smtpd.send_big if self.random.random() < .2 else smtpd.send_mail
        ident = send(sender, rcpts, b"Subject: x\r\n\r\nx\r\n")
        self.promised[ident] = [r.addr for r in rcpts
                                if r.transport != "discard"]

    def collect(self):
        self.q.pump(0.005)
        for relay in self.q.peers["relay"]:
            while frame := relay.take(JOB):
                relay.inbox.insert(0, frame)
                job = relay.job()
                for address in job.addresses:
                    before = self.settled.pop((job.id, address), None)
                    assert before is None or self.is_forgotten(before), (
                        f"{job.id} {address} twice")
                self.jobs.append(job)

    def is_forgotten(self, when):
        return any(0 <= crash - when < self.UNSURE for crash in self.crashes)

    def report(self):
        if not self.jobs:
            return
        job = self.jobs.pop(self.random.randrange(len(self.jobs)))
        if job.worker.gone or job.worker not in self.q.channels:
            return
        choice = self.random.choice
        verdicts = [choice((sent, sent, deferred, bounced))()
                    for _ in job.addresses]
        site = choice((FINE, FINE, FINE, DEAD))
        if site == DEAD:
            verdicts = [deferred() for _ in job.addresses]
        self.settle(job, verdicts)
        job.report(*verdicts, site=site)

    def settle(self, job, verdicts):
        for address, verdict in zip(job.addresses, verdicts):
            if verdict.kind != 4:
                self.settled[job.id, address] = time.monotonic()

    def replace(self, role):
        number = self.random.randrange(len(self.q.peers[role]))
        self.q.peers[role][number].close()
        self.q.add(role, number)

    def relay_stops(self):
        """It gives back what it has, some of it done."""
        number = self.random.randrange(len(self.q.peers["relay"]))
        relay = self.q.relay(number)
        self.collect()
        for job in [j for j in self.jobs if j.worker is relay]:
            verdicts = [self.random.choice((sent, deferred))()
                        for _ in job.addresses]
            self.settle(job, verdicts)
            job.report(*verdicts, site=AGAIN)
            self.jobs.remove(job)
        self.q.wait_for(self.heard)
        relay.close()
        self.q.add("relay", number)

    def heard(self):
        """It has read what we wrote: it answers to something later."""
        return self.q.command(CTL_FLUSH_ID, text("")).count() == 0

    def crash(self):
        self.crashes.append(time.monotonic())
        self.jobs.clear()
        self.q.crash()

    def stop(self):
        self.collect()
        self.jobs.clear()
        self.q.stop()
        self.q.start()

    def ask(self):
        command = self.q.command(self.random.choice((CTL_LIST, CTL_FLUSH)))
        if self.random.random() < .5:
            command.close()

    def reload(self):
        self.q.reload(
            qmgr_message_active_limit=str(self.random.choice((3, 50))),
            smtp_destination_concurrency_limit=str(
                self.random.choice((1, 20))))

    def step(self):
        what = self.random.random()
        for chance, do in (
                (.40, self.commit), (.85, self.report), (.88, self.ask),
                (.91, self.reload), (.94, self.relay_stops),
                (.96, lambda: self.replace("relay")),
                (.97, lambda: self.replace("smtpd")),
                (.98, lambda: self.replace("rules")),
                (.99, self.stop), (1, self.crash)):
            if what < chance:
                do()
                break
        self.collect()

    def heal(self):
        """Everybody answers, everything is delivered."""
        def all_done():
            self.collect()
            for job in self.jobs:
                if not job.worker.gone and job.worker in self.q.channels:
                    self.settle(job, [sent()] * len(job.addresses))
                    job.report(sent())
            self.jobs.clear()
            command = self.q.command(CTL_FLUSH)
            command.count()
            command.close()
            return not self.q.listing()
        self.q.wait_for(all_done, 30, "mail is left over")


@pytest.mark.parametrize("seed", range(2))
def test_chaos(make_queue, seed):
    q = make_queue(peers=("smtpd", "smtpd", "rules", "rules", "relay",
                          "relay", "relay", "deliver"))
    chaos = Chaos(q, seed)
    for _ in range(250):
        chaos.step()
    chaos.heal()
    missing = [(ident, address) for ident, rcpts in chaos.promised.items()
               for address in rcpts if (ident, address) not in chaos.settled]
    assert not missing
    q.stop()
    assert not q.lines(": (warning|error|fatal|panic): ")
