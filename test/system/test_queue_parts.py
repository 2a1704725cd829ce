# SPDX-License-Identifier: ISC
"""The queue process alone: recipients that are more than one address, that
go on by another transport, and mail whose sender wants to hear of its way."""

import re

import pytest

from lib.fakemaster import (
    AGAIN, FAILURE, NEVER, SUCCESS, Part, Pass, Rcpt, bounced, deferred, sent)

ME, LIST = "me@a.example", "list@here.example"
VERIFY, TRACE = 32, 64  # enum envelope_flags
OWNER = "owner-list@here.example"


def local(addr, **options):
    return Rcpt(addr, "local", "here.example", **options)


def fields(notice):
    """The per-recipient blocks of the report, as dictionaries."""
    part = notice.content.decode().split("Content-Description: Delivery"
                                         " report")[1]
    blocks = part.split("\r\n\r\n")[2:]
    return [dict(line.split(": ", 1) for line in
                 re.sub(r"\r\n +", " ", b).split("\r\n") if ": " in line)
            for b in blocks if b.startswith("Final-Recipient")]


def people(notice):
    """The lines for people: "<address>: reason"."""
    part = notice.content.decode().split("Content-Description: Delivery")[0]
    return [re.sub(r"\r\n +", " ", b.strip())
            for b in part.split("\r\n\r\n") if b.startswith("<")]


# Passes

def test_passed_recipient_goes_on_at_once(q):
    ident = q.smtpd().send_mail(ME, [local("1@here.example"),
                                     local("2@here.example")])
    jobs = q.deliver().jobs(2)
    for job in jobs:
        job.report(sent(), passes=[Pass(0, "lmtp", "unix:private/lmtp")])
    for job in q.relay().jobs(2):
        assert job.id == ident
        rcpt, = job.envelope.rcpts
        assert (rcpt.transport, rcpt.nexthop) == ("lmtp", "unix:private/lmtp")
        job.report(sent())
    q.wait_log("removed")
    assert not q.lines("status=")  # nothing was decided here


def test_passed_without_a_next_hop_keeps_its_own(q):
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(sent(), passes=[Pass(0, "smtp")])
    job = q.relay().job()
    assert job.envelope.rcpts[0].nexthop == "here.example"
    job.report(sent())
    q.wait_log("removed")


@pytest.mark.parametrize("transport, nexthop, line, ends", [
    ("error", "5.7.1 go away", "error: ID: to=<list@here.example>, relay=none,"
     " delay=D, delays=D, dsn=5.7.1, status=bounced (go away)", True),
    ("discard", "", "discard: ID: to=<list@here.example>, relay=none, "
     "delay=D, delays=D, dsn=2.0.0, status=sent (here.example)", True),
    ("retry", "4.2.1 busy", "error: ID: to=<list@here.example>, relay=none, "
     "delay=D, delays=D, dsn=4.2.1, status=deferred (busy)", False),
    ("nowhere", "x", "error: ID: to=<list@here.example>, relay=none, "
     "delay=D, delays=D, dsn=4.3.0, status=deferred "
     "(mail transport unavailable)", False),
])
def test_passed_to_what_needs_no_process(q, transport, nexthop, line, ends):
    q.routes[LIST] = ("local", "here.example")
    ident = q.smtpd().send_mail("", [local(LIST)])
    q.deliver().job().report(sent(), passes=[Pass(0, transport, nexthop)])
    q.wait_log("status=")
    found = [re.sub("(delays?)=[0-9./]+", r"\1=D", one).replace(ident, "ID")
             for one in q.lines("status=")]
    assert found == ["postfix/" + line]
    if ends:
        q.wait_log("removed")
        return
    # From the start again.
    job = q.deliver().job()
    assert job.envelope.rcpts[0].transport == "local"
    job.report(sent())
    q.wait_log("removed")


def test_pass_in_a_circle_ends(q):
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST)])
    for _ in range(11):
        q.deliver().job().report(sent(), passes=[Pass(0, "local")])
    q.wait_log("is passed from transport to transport without end")
    q.wait_log(r"error: .* dsn=4.3.5, status=deferred \(mail system "
               r"configuration error\)")
    q.wait_for(lambda: q.listing()[0]["rcpts"][LIST]
               == "mail system configuration error")
    q.deliver().job().report(sent())  # the next time
    q.wait_log("removed")


def test_pass_is_forgotten_by_a_restart(q):
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(sent(), passes=[Pass(0, "lmtp", "inet:x")])
    q.relay().job()
    q.crash()
    job = q.deliver().job()
    assert job.envelope.rcpts[0].transport == "local"
    job.report(sent())
    q.wait_log("removed")


def test_reason_after_a_pass(q):
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(sent(), passes=[Pass(0, "lmtp", "unix:x")])
    q.relay().job().report(deferred("connect to x: refused"))
    q.wait_for(lambda: q.listing()[0]["rcpts"]
               == {LIST: "connect to x: refused"})


def test_stopping_process_passes_and_gives_back(q):
    q.smtpd().send_mail(ME, ["1@b.example", "2@b.example", "3@b.example"])
    job = q.relay().job()
    numbers = {a: i for i, a in enumerate(job.addresses)}
    job.report(*(sent() if a == "2@b.example" else deferred()
                 for a in job.addresses), site=AGAIN,
               passes=[Pass(numbers["2@b.example"], "local", "here")])
    passed = q.deliver().job()
    assert passed.addresses == ["2@b.example"]
    passed.report(sent())
    rest = q.add("relay").job()
    assert sorted(rest.addresses) == ["1@b.example", "3@b.example"]
    rest.report(sent())
    q.wait_log("removed")


def test_users_on_a_list_go_on_each_for_himself(q):
    q.smtpd().send_mail(ME, [local(LIST, notify=SUCCESS | FAILURE)])
    q.deliver().job().report(sent("alias expanded"), passes=[
        Pass(0, "lmtp", "unix:x", "1@here.example", "list"),
        Pass(0, "lmtp", "unix:x", "2@here.example", "list"),
        Pass(0, "smtp", "elsewhere", "3@c.example", "list")],
        parts=[Part(0, LIST, sent("alias expanded"), action="expanded")])
    jobs = {tuple(j.addresses): j for j in q.relay().jobs(2)}
    both = jobs["1@here.example", "2@here.example"]
    assert {r.orig for r in both.envelope.rcpts} == {"list"}
    assert {r.notify for r in both.envelope.rcpts} == {FAILURE}
    assert both.envelope.rcpts[0].nexthop == "unix:x"
    both.report(sent(), bounced("no 2"))
    # The list is not done before all are.
    assert q.listing()[0]["rcpts"] == {LIST: ""}
    jobs["3@c.example",].report(sent())
    notices = q.relay().jobs(1)
    assert people(notices[0]) == [
        "<2@here.example> (expanded from <list@here.example>): no 2"]
    notices[0].report(sent())
    q.wait_log("removed", 2)


def test_success_of_a_list_whose_users_go_on(q):
    q.smtpd().send_mail(ME, [local(LIST, notify=SUCCESS)])
    q.deliver().job().report(sent("alias expanded"), passes=[
        Pass(0, "lmtp", "unix:x", "1@here.example"),
        Pass(0, "lmtp", "unix:x", "2@here.example")],
        parts=[Part(0, LIST, sent("alias expanded"), action="expanded")])
    job = q.relay().job()
    assert {r.notify for r in job.envelope.rcpts} == {NEVER}
    job.report(sent())
    notice = q.relay().job()
    assert people(notice) == [
        "<list@here.example>: delivery via local: alias expanded"]
    assert fields(notice)[0]["Action"] == "expanded"
    notice.report(sent())
    q.wait_log("removed", 2)


def test_who_was_reached_by_another_transport_is_not_again(q):
    q.routes[LIST] = ("local", "here.example")
    ident = q.smtpd().send_mail(ME, [local(LIST)])
    passes = [Pass(0, "lmtp", "unix:x", f"{i}@here.example")
              for i in range(4)]
    q.deliver().job().report(sent("alias expanded"), passes=passes)
    q.relay().job().report(sent(), deferred("busy"), bounced("no 2"), sent())
    q.wait_for(lambda: {"1@here.example": "busy", LIST: ""} in [
        e["rcpts"] for e in q.listing()])
    notice = q.relay().job()
    assert people(notice) == [
        "<2@here.example> (expanded from <list@here.example>): no 2"]
    notice.report(sent())
    q.recorded()
    q.crash()
    q.deliver().job().report(sent("alias expanded"), passes=passes)
    job = q.relay().job()
    assert job.addresses == ["1@here.example", "2@here.example"]
    job.report(sent(), bounced("no 2"))
    q.wait_log(f"{ident}: removed")
    assert q.relay().is_idle()


def test_leg_that_is_a_list_itself(q):
    """Its own outcome is no proof that those behind it were reached."""
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST)])
    for reached in ({}, {"b@here.example"}):
        q.deliver().job().report(sent("alias expanded"), passes=[
            Pass(0, "local", "", "sub@here.example"),
            Pass(0, "discard", "", "d@here.example")])
        sub = q.deliver().job()
        assert sub.addresses == ["sub@here.example"]
        sub.report(sent("alias expanded"), passes=[
            Pass(0, "lmtp", "unix:x", "a@here.example"),
            Pass(0, "lmtp", "unix:x", "b@here.example")])
        job = q.relay().job()
        if reached:
            assert job.addresses == ["a@here.example"]
            job.report(sent())
        else:
            assert job.addresses == ["a@here.example", "b@here.example"]
            job.report(deferred("busy"), sent())
    q.wait_log("removed")
    assert len(q.lines("to=<d@here.example>.*status=sent")) == 1


def test_worst_leg_counts(q):
    """Also when the recipient itself did badly."""
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(
        deferred("busy 1"), parts=[Part(0, "1@b.example",
                                        deferred("busy 1"))],
        passes=[Pass(0, "error", "5.7.1 no", "2@here.example")])
    notice = q.relay().job()
    assert people(notice) == [
        "<2@here.example> (expanded from <list@here.example>): no"]
    q.wait_for(lambda: {"1@b.example": "busy 1", LIST: ""} in [
        e["rcpts"] for e in q.listing()])
    q.deliver().job().report(sent())
    notice.report(sent())
    q.wait_log("removed", 2)


# Parts

def test_failed_part_is_told_though_the_recipient_is_done(q):
    q.smtpd().send_mail(ME, [local(LIST, orig="list")])
    q.deliver().job().report(
        sent(), parts=[Part(0, "x@y.example", bounced("no x"))])
    notice = q.relay().job()
    assert notice.addresses == [ME]
    assert people(notice) == ["<x@y.example> (expanded from <list>): no x"]
    block, = fields(notice)
    assert block["Final-Recipient"] == "rfc822; x@y.example"
    assert block["Original-Recipient"] == "rfc822;list"
    assert block["Action"] == "failed"
    assert block["Status"] == "5.1.1"
    notice.report(sent())
    q.wait_log("removed", 2)


def test_owner_hears_of_the_list(q):
    """And the sender of those that have none; each once."""
    q.smtpd().send_mail(ME, [local(LIST)], envid="e1")
    q.deliver().job().report(sent(), parts=[
        Part(0, "1@y.example", bounced("no 1"), sender=OWNER),
        Part(0, "2@y.example", bounced("no 2"), sender=OWNER),
        Part(0, "3@y.example", bounced("no 3")),
        Part(0, "4@y.example", bounced("no 4"), sender="other@here.example"),
        Part(0, "5@y.example", bounced("no 5"), sender="")])
    notices = {n.addresses[0]: n for n in q.relay().jobs(3)}
    assert people(notices[ME]) == [
        "<3@y.example> (expanded from <list@here.example>): no 3"]
    owner = notices[OWNER]
    assert people(owner) == ["<1@y.example>: no 1", "<2@y.example>: no 2"]
    assert b"\r\nTo: owner-list@here.example\r\n" in owner.content
    assert b"X-Postfix-Sender: rfc822; " + ME.encode() in owner.content
    assert b"Original-Recipient" not in owner.content
    assert b"Original-Envelope-Id" not in owner.content
    assert b"Original-Envelope-Id: e1" in notices[ME].content
    assert people(notices["other@here.example"]) == ["<4@y.example>: no 4"]
    for notice in notices.values():
        notice.report(sent())
    q.wait_log("removed", 4)


def test_owner_hears_of_a_message_without_sender(q):
    q.smtpd().send_mail("", [local(LIST)])
    q.deliver().job().report(sent(), parts=[
        Part(0, "1@y.example", bounced("no 1"), sender=OWNER),
        Part(0, "2@y.example", bounced("no 2"))])
    notice = q.relay().job()
    assert notice.addresses == [OWNER]
    notice.report(sent())
    q.wait_log("removed", 2)
    assert q.relay().is_idle()


def test_parts_speak_for_their_recipient(q):
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(bounced("one failed"), parts=[
        Part(0, "1@y.example", bounced("no 1"))])
    notice = q.relay().job()
    assert [b["Final-Recipient"] for b in fields(notice)] == [
        "rfc822; 1@y.example"]
    notice.report(sent())
    q.wait_log("removed", 2)


def test_failure_is_told_once_while_the_rest_waits(q):
    q.routes[LIST] = ("local", "here.example")
    ident = q.smtpd().send_mail(ME, [local(LIST)])
    parts = [Part(0, "1@y.example", bounced("no 1")),
             Part(0, "2@y.example", deferred("busy 2"))]
    q.deliver().job().report(deferred("busy 2"), parts=parts)
    notice = q.relay().job()
    assert [b["Final-Recipient"] for b in fields(notice)] == [
        "rfc822; 1@y.example"]
    notice.report(sent())
    q.wait_for(lambda: q.listing()[0]["rcpts"] == {
        "2@y.example": "busy 2", LIST: ""})
    q.deliver().job().report(deferred("busy 2"), parts=parts)
    q.recorded()
    q.crash()
    assert q.listing()[0]["rcpts"] == {"2@y.example": "busy 2", LIST: ""}
    q.deliver().job().report(sent(), parts=parts[:1])
    q.wait_log(f"{ident}: removed")
    assert q.relay().is_idle()


def test_notice_about_parts_survives_a_crash(q):
    q.rules_silent = True
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(sent(), parts=[
        Part(0, "1@y.example", bounced("no 1")),
        Part(0, "2@y.example", bounced("no 2"), sender=OWNER)])
    q.wait_for(lambda: q.rules().inbox)  # the notice wants its route
    q.recorded()
    q.rules_silent = False
    q.crash()
    notices = {n.addresses[0]: n for n in q.relay().jobs(2)}
    assert people(notices[ME]) == [
        "<1@y.example> (expanded from <list@here.example>): no 1"]
    assert people(notices[OWNER]) == ["<2@y.example>: no 2"]
    # The recipient itself was done.
    assert q.deliver().is_idle()


def test_delay_warning_names_what_waits(make_queue):
    q = make_queue(delay_warning_time="1s")
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST), "plain@b.example"])
    parts = [Part(0, "2@y.example", deferred("busy 2"))]
    notice = None
    while not notice:
        job = q.wait_for(lambda: q.deliver().inbox or q.relay().inbox)
        if q.deliver().inbox:
            q.deliver().job().report(deferred("busy 2"), parts=parts)
            continue
        job = q.relay().job()
        if job.envelope.sender:
            job.report(deferred("busy b"))
        else:
            notice = job
    assert sorted(people(notice)) == [
        "<2@y.example> (expanded from <list@here.example>): busy 2",
        "<plain@b.example>: busy b"]
    assert {b["Action"] for b in fields(notice)} == {"delayed"}


def test_parts_expire(make_queue):
    q = make_queue(maximal_queue_lifetime="1s", bounce_queue_lifetime="0")
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST)])
    parts = [Part(0, "1@y.example", deferred("busy 1")),
             Part(0, "2@y.example", deferred("busy 2"), sender=OWNER)]
    while not q.relay().inbox:  # once or twice, until a second is over
        q.wait_for(lambda: q.relay().inbox or q.deliver().inbox)
        if q.deliver().inbox:
            q.deliver().job().report(deferred("busy"), parts=parts)
    notices = {n.addresses[0]: n for n in q.relay().jobs(2)}
    assert people(notices[ME]) == [
        "<1@y.example> (expanded from <list@here.example>): busy 1"]
    assert people(notices[OWNER]) == ["<2@y.example>: busy 2"]
    assert fields(notices[ME])[0]["Status"] == "4.4.1"


def test_many_parts(q):
    """More than one notice can hold."""
    said = "550 " + "no " * 1300
    q.smtpd().send_mail(ME, [local(LIST)])
    q.deliver().job().report(sent(), parts=[
        Part(0, f"{i}@y.example", bounced(said)) for i in range(1500)])
    named = []
    while len(named) < 1500:
        notice = q.relay().job()
        named += [b["Final-Recipient"] for b in fields(notice)]
        notice.report(sent())
    assert len(set(named)) == 1500
    q.wait_log("removed", 3)


# Reports of success

@pytest.mark.parametrize("action", ["expanded", "delivered"])
def test_success_of_an_alias(q, action):
    q.smtpd().send_mail(ME, [local(LIST, notify=SUCCESS)])
    q.deliver().job().report(
        sent("alias expanded"),
        parts=[Part(0, LIST, sent("alias expanded"), action=action)])
    notice = q.relay().job()
    assert people(notice) == [
        "<list@here.example>: delivery via local: alias expanded"]
    block, = fields(notice)
    assert block["Action"] == action
    assert block["Status"] == "2.0.0"
    notice.report(sent())
    q.wait_log("removed", 2)


def test_success_report_that_cannot_be_written_at_once(q):
    q.routes[ME] = ("", "")
    q.smtpd().send_mail(ME, [Rcpt("you@b.example", notify=SUCCESS)])
    q.relay().job().report(sent())
    q.wait_for(lambda: q.asked)
    q.recorded()
    q.crash()
    assert q.listing()[0]["rcpts"] == {}
    q.routes.clear()
    notice = q.relay().job()
    assert notice.addresses == [ME]
    assert fields(notice)[0]["Final-Recipient"] == "rfc822; you@b.example"
    notice.report(sent())
    q.wait_log("removed", 2)


# sendmail -bv and -v

def test_verify(q):
    """Nothing is tried twice, nothing bounces."""
    ident = q.smtpd().send_mail(ME, [
        local("1@here.example"), "2@b.example", "3@c.example",
        Rcpt("4@d.example", "error", "5.7.1 go away")], flags=VERIFY)
    assert q.deliver().job().envelope.flags == VERIFY
    q.routes.update({"here.example": ("local", "here.example"),
                     "d.example": ("error", "5.7.1 go away")})
    q.crash()
    q.deliver().job().report(sent("delivers to mailbox"))
    for job in q.relay().jobs(2):
        assert job.envelope.flags == VERIFY
        if job.addresses == ["2@b.example"]:
            verdict = sent("250 2.1.5 Ok")
            verdict.relay = "mx.b.example[192.0.2.1]:25"
            job.report(verdict)
        else:
            job.report(deferred("busy"))
    notice = q.relay().job()
    assert b"\r\nSubject: Mail Delivery Status Report\r\n" in notice.content
    assert (b"Enclosed is the mail delivery report that you requested."
            in notice.content)
    assert people(notice) == [
        "<1@here.example>: delivery via local: delivers to mailbox",
        "<2@b.example>: delivery via mx.b.example[192.0.2.1]:25: "
        "250 2.1.5 Ok",
        "<3@c.example>: busy", "<4@d.example>: go away"]
    assert [(b["Action"], b["Status"]) for b in fields(notice)] == [
        ("deliverable", "2.0.0"), ("deliverable", "2.0.0"),
        ("undeliverable", "4.4.1"), ("undeliverable", "5.7.1")]
    assert notice.envelope.flags & (VERIFY | TRACE) == 0
    notice.report(sent())
    q.wait_log("removed", 2)
    q.wait_log("error: .*status=undeliverable .go away")
    assert len(q.lines(f"{ident}: sender delivery status notification")) == 1


def test_trace_tells_of_the_first_attempt(q):
    q.routes[LIST] = ("local", "here.example")
    q.smtpd().send_mail(ME, [local(LIST), "2@b.example", "3@c.example"],
                        flags=TRACE)
    q.deliver().job().report(sent(), parts=[
        Part(0, "1@here.example", sent("delivered to mailbox")),
        Part(0, "no@here.example", bounced("no no"))])
    for job in q.relay().jobs(2):
        job.report(sent() if job.addresses == ["2@b.example"]
                   else deferred("busy"))
    failure, report = q.relay().jobs(2)
    assert [b["Final-Recipient"] for b in fields(failure)] == [
        "rfc822; no@here.example"]
    assert sorted((b["Final-Recipient"], b["Action"])
                  for b in fields(report)) == [
        ("rfc822; 1@here.example", "delivered"),
        ("rfc822; 2@b.example", "delivered"),
        ("rfc822; 3@c.example", "delayed"),
        ("rfc822; no@here.example", "failed")]
    failure.report(sent())
    report.report(sent())
    q.recorded()
    q.crash()
    again = q.relay().job()
    assert again.addresses == ["3@c.example"]
    again.report(sent())
    q.wait_log("removed", 3)
    assert q.relay().is_idle()


def test_trace_survives_a_crash(q):
    q.rules_silent = True
    q.smtpd().send_mail(ME, ["2@b.example", "3@c.example"], flags=TRACE)
    for job in q.relay().jobs(2):
        job.report(sent())
    q.wait_for(lambda: q.rules().inbox)
    q.recorded()
    q.rules_silent = False
    q.crash()
    report = q.relay().job()
    assert [b["Action"] for b in fields(report)] == ["delivered", "delivered"]
    report.report(sent())
    q.wait_log("removed", 2)
