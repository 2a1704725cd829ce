# SPDX-License-Identifier: ISC
"""What tables decide, compared with a Postfix that has the same tables.

Texts (texthash, cidr, pcre) that both read as they are; all mail ends in the
discard transport, whose log lines say where it would have gone.
"""

import os
import re
import socket
import sys
import tempfile
import time

import pytest

from lib.instance import Instance, Smtp

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "bench"))
import postfix_peer  # noqa: E402  (its folder is not a package)

TABLES = {
    "domains": """\
relay.example      yes
.sub.example       yes
parent.example     yes
""",
    "alias-domains": """\
alias.example      yes
list.example       yes
""",
    "vmail-domains": """\
vmail.example      yes
""",
    "vmail": """\
joe@vmail.example  joe/
@all.vmail.example all/
"joe doe"@vmail.example  quoted/
""",
    "relay-users": """\
kim@relay.example  x
@parent.example    x
""",
    "virtual": """\
one@alias.example          kim@relay.example
two@alias.example          joe@vmail.example, kim@relay.example
three@alias.example        two@alias.example, one@alias.example, far@far.example
self@alias.example         self@alias.example, joe@vmail.example
loop1@alias.example        loop2@alias.example
loop2@alias.example        loop1@alias.example
ext@alias.example          kim@far.example
bare@alias.example         kim
comment@alias.example      Kim Kimble <kim@far.example> (a comment)
bang@alias.example         far.example!kim
empty@alias.example        <>
@list.example              @far.example
up@ALIAS.example           never@far.example
root@example.com           kim@far.example
kim                        local-kim@far.example
"a b"@alias.example        quoted@far.example
""",
    "transport": """\
hop.example             discard:[10.9.9.9]:2525
.hop.example            discard:dot
only.example            :[next.example]
nothing.example         :
plain.example           discard
kim+x@special.example   discard:kim-x
kim@special.example     discard:kim
special.example         discard:special
gone.example            error:5.1.2 gone for good
gone2.example           error:
later.example           retry:4.4.9 come back
""",
    "relocated": """\
moved@example.com       new@far.example
moved@vmail.example     somewhere else
@all-moved.example      Mars
""",
    "canonical": """\
old@example.com         new@far.example
@old.example            @far.example
chain1@far.example      chain2@far.example
chain2@far.example      chain3@far.example
""",
    "sender-relay": """\
rich@sender.example     [rich.example]
@cheap.example          [cheap.example]:26
dunno@sender.example    DUNNO
<>                      [bounce.example]
""",
    "sender-transport": """\
special@sender.example  discard:by-sender
<>                      discard:null-sender
""",
    "access": """\
evil@sender.example     REJECT
text@sender.example     REJECT go away
status@sender.example   REJECT 5.7.77 my status
later@sender.example    DEFER
later2@sender.example   DEFER 4.9.9 not today
code@sender.example     550 just no
code2@sender.example    450 4.2.2 come again
code3@sender.example    550 5.1.1 no such sender
digits@sender.example   1234567
ok@sender.example       OK
dunno@sender.example    DUNNO
warn@sender.example     WARN be careful
info@sender.example     INFO just so
permit@sender.example   permit
list@sender.example     reject_non_fqdn_recipient, permit
maybe@sender.example    DEFER_IF_PERMIT perhaps later
maybe2@sender.example   DEFER_IF_REJECT perhaps not
class@sender.example    strict
table@sender.example    check_sender_access texthash:/nowhere
nonsense@sender.example no_such_action
evil.example            REJECT the domain
.dot.example            REJECT below dot
parent.example          REJECT parent
postmaster@             REJECT any postmaster
user+ext@sender.example REJECT with extension
user@sender.example     REJECT without
<>                      REJECT null sender
""",
    "rcpt-access": """\
secret@vmail.example    550 5.7.1 not for you
kim@far.example         OK
open.example            OK
""",
    "helo-access": """\
bad.helo.example        REJECT helo
helo.example            WARN parent of the helo
.wild.example           550 wild
[10.1.1.1]              REJECT literal
""",
    "open": "open.example OK\n",
    "networks": "10.0.0.0/8 x\n127.0.0.2 x\n",
}

SETTINGS = {
    "compatibility_level": "3.6",
    "myhostname": "mx.example.com",
    "mydomain": "example.com",
    "myorigin": "$mydomain",
    "mydestination": "$myhostname, $mydomain, localhost",
    "mynetworks": "cidr:{T}/networks",
    "relay_domains": "texthash:{T}/domains",
    "virtual_alias_domains": "texthash:{T}/alias-domains",
    "virtual_mailbox_domains":
        "texthash:{T}/vmail-domains, all.vmail.example",
    "virtual_mailbox_maps": "texthash:{T}/vmail",
    "relay_recipient_maps": "texthash:{T}/relay-users",
    "virtual_alias_maps": "texthash:{T}/virtual",
    "transport_maps": "texthash:{T}/transport",
    "relocated_maps": "texthash:{T}/relocated",
    "recipient_canonical_maps": "texthash:{T}/canonical",
    "recipient_canonical_classes": "envelope_recipient",
    "sender_dependent_relayhost_maps": "texthash:{T}/sender-relay",
    "sender_dependent_default_transport_maps":
        "texthash:{T}/sender-transport",
    "recipient_delimiter": "+",
    "local_recipient_maps": "",
    "alias_maps": "",
    "local_transport": "discard:local",
    "virtual_transport": "discard:virtual",
    "relay_transport": "discard:relay",
    "default_transport": "discard",
    "smtpd_peername_lookup": "no",
    "smtpd_restriction_classes": "strict",
    "strict": "reject",
    "smtpd_helo_restrictions": "check_helo_access texthash:{T}/helo-access",
    "smtpd_sender_restrictions": "check_sender_access texthash:{T}/access",
    "smtpd_relay_restrictions":
        "check_helo_access texthash:{T}/open, "
        "check_recipient_access texthash:{T}/rcpt-access, "
        "reject_unauth_destination",
    "smtpd_recipient_restrictions": "",
    "smtpd_client_restrictions": "",
    "smtpd_error_sleep_time": "0",
    "smtpd_soft_error_limit": "1000",
    "smtpd_hard_error_limit": "1000",
}

# From whom, to whom.
QUESTIONS = [("me@sender.example", rcpt) for rcpt in """\
    kim@relay.example kim+x@relay.example joe@relay.example
    kim@x.sub.example kim@sub.example kim@x.relay.example
    any@parent.example any@x.parent.example
    joe@vmail.example joe+x@vmail.example kim@vmail.example
    any@all.vmail.example "joe\\ doe"@vmail.example secret@vmail.example
    secret+x@vmail.example
    one@alias.example ONE@Alias.Example none@alias.example two@alias.example
    three@alias.example self@alias.example
    ext+more@alias.example bare@alias.example comment@alias.example
    bang@alias.example any@list.example "a\\ b"@alias.example up@alias.example
    one+x@alias.example root root@example.com kim kim@example.com
    kim@far.example kim+y@far.example x@far.example x@open.example
    x@sub.open.example moved@example.com moved+x@example.com
    moved@vmail.example any@all-moved.example old@example.com
    kim%far.example@example.com @far.example:kim@example.com
    x@gone.example x@10.9.9.9 x@[10.9.9.9] postmaster""".replace(
        "\\ ", "\0").split()] + [(sender, "joe@vmail.example") for sender in """\
    evil@sender.example text@sender.example status@sender.example
    later@sender.example later2@sender.example code@sender.example
    code2@sender.example code3@sender.example digits@sender.example
    ok@sender.example dunno@sender.example warn@sender.example
    info@sender.example permit@sender.example list@sender.example
    maybe@sender.example maybe2@sender.example class@sender.example
    table@sender.example nonsense@sender.example x@evil.example
    x@sub.evil.example x@dot.example x@sub.dot.example x@parent.example
    x@a.b.parent.example postmaster@any.example user+ext@sender.example
    user@sender.example user+other@sender.example EVIL@SENDER.example
    evil+x@sender.example""".split()] + [
        ("", "joe@vmail.example"), ("maybe2@sender.example", "x@far.example"),
        ("list@sender.example", "joe"), ("bare", "joe@vmail.example")]

HELOS = ["ok.example", "bad.helo.example", "x.helo.example", "wild.example",
         "x.wild.example", "[10.1.1.1]", "10.1.1.1", "bad.helo.example."]

# With relaying allowed: where does it go?
ROUTES = [("me@sender.example", rcpt) for rcpt in """\
    x@far.example x@hop.example x@a.hop.example x@a.b.hop.example
    x@only.example x@nothing.example x@plain.example kim+x@special.example
    kim+y@special.example kim@special.example joe@special.example
    old@example.com any@old.example chain1@far.example
    two@alias.example three@alias.example self@alias.example
    ext+more@alias.example bare@alias.example any@list.example
    joe@vmail.example kim@relay.example nobody@example.com
    kim+z@example.com""".split()] + [
        (sender, "x@far.example") for sender in (
            "rich@sender.example", "rich+x@sender.example", "any@cheap.example",
            "dunno@sender.example", "special@sender.example", "")]


def lines(tables):
    return [f"{name} = {value.replace('{T}', tables)}"
            for name, value in SETTINGS.items()]


@pytest.fixture(scope="module")
def tables():
    """Not below pytest's own directory, where only root may look."""
    with tempfile.TemporaryDirectory(prefix="chasqui-tables-") as directory:
        os.chmod(directory, 0o755)
        for name, text in TABLES.items():
            with open(os.path.join(directory, name), "w",
                      encoding="utf-8") as f:
                f.write(text)
        yield directory


@pytest.fixture(scope="module")
def peer(tables):
    reason = postfix_peer.why_not()
    if reason:
        pytest.skip(reason)
    settings = dict(line.split(" = ", 1) for line in lines(tables))
    with postfix_peer.PostfixPeer(settings) as it:
        yield it


@pytest.fixture(scope="module")
def ours(tables):
    with Instance(*lines(tables)) as it:
        yield it


def ask(system, questions, helo="client.example"):
    """The reply to RCPT for each question."""
    client = Smtp(system.port)
    client.command(f"EHLO {helo}")
    answers = []
    for sender, rcpt in questions:
        rcpt = rcpt.replace("\0", " ")
        client.command("RSET")
        client.command(f"MAIL FROM:<{sender}>")
        answers.append(client.command(f"RCPT TO:<{rcpt}>"))
    client.close()
    return answers


def compare(ours, theirs, questions):
    wrong = [f"{q}:\n\tPostfix {t}\n\twe      {o}"
             for q, o, t in zip(questions, ours, theirs) if o != t]
    assert not wrong, "\n".join(wrong)


def test_decisions(ours, peer):
    compare(ask(ours, QUESTIONS), ask(peer, QUESTIONS), QUESTIONS)


def test_endless_alias(ours, peer):
    """Postfix finds out after the content; nobody is told more than that."""
    question = [("me@sender.example", "loop1@alias.example")]
    assert ask(ours, question) == [
        "451 4.3.0 <loop1@alias.example>: Temporary lookup failure\r\n"]
    assert ours.log_lines("unreasonable virtual_alias_maps map nesting")


def test_helo(ours, peer):
    questions = [("me@sender.example", "joe@vmail.example")]
    compare([ask(ours, questions, helo) for helo in HELOS],
            [ask(peer, questions, helo) for helo in HELOS], HELOS)


LOGGED = re.compile(
    r"/(discard|error|virtual|smtp|local)\[\d+\]: \w+: (to=<.*?>, "
    r"(?:orig_to=<.*?>, )?)relay=.*?, .*(dsn=[\d.]+, status=.*)")


def where(system, number, sender, rcpt):
    """Send it, and read from the log where it went."""
    client = Smtp(system.port)
    client.command("EHLO open.example")
    client.command(f"MAIL FROM:<{sender}>")
    reply = client.command(f"RCPT TO:<{rcpt}>")
    if not str(reply).startswith("250"):
        client.close()
        return [str(reply)]
    reply = client.data(f"Subject: {number}\n\ntext\n")
    client.close()
    queue_id = re.search(r"queued as (\w+)", str(reply)).group(1)
    log = []
    deadline = time.monotonic() + 10
    while (time.monotonic() < deadline and
           not any(line.endswith(": removed") for line in log)):
        time.sleep(0.02)
        log = system.log_lines(f" {queue_id}: ")
    found = [LOGGED.search(line) for line in log]
    return sorted(" ".join(match.groups()) for match in found if match)


def test_ways(ours, peer):
    wrong = []
    for number, (sender, rcpt) in enumerate(ROUTES):
        theirs = where(peer, number, sender, rcpt)
        our = where(ours, number, sender, rcpt)
        if our != theirs:
            wrong.append(
                f"{sender} {rcpt}:\n\tPostfix {theirs}\n\twe      {our}")
    assert not wrong, "\n".join(wrong)


def replace_file(path, text, mode):
    """As postmap does: readers see the old one or the new one."""
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def until(client, rcpt, code, seconds=20):
    """Ask again and again in one session until this is the answer."""
    deadline = time.monotonic() + seconds
    while True:
        client.command("RSET", 250)
        client.command("MAIL FROM:<me@sender.example>", 250)
        reply = client.command(f"RCPT TO:<{rcpt}>")
        if reply.code == code:
            return
        assert time.monotonic() < deadline, reply
        time.sleep(0.1)


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_replaced_table(mode):
    """A new table counts soon, and no session notices. As root: also when
    nobody else may read it."""
    with tempfile.TemporaryDirectory(prefix="chasqui-tables-") as directory:
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "access")
        replace_file(path, "root@ REJECT\n", mode)
        with Instance("smtpd_recipient_restrictions = "
                      f"check_recipient_access texthash:{path}",
                      "smtpd_soft_error_limit = 1000",
                      "smtpd_hard_error_limit = 1000") as ours:
            client = Smtp(ours.port)
            client.command("EHLO client.example", 250)
            until(client, "root", 554)
            replace_file(path, "nobody@ REJECT\n", mode)
            until(client, "root", 250)
            replace_file(path, "root@ 550 no\n", mode)
            until(client, "root", 550)
            client.command("QUIT", 221)


def test_dead_table():
    """Nobody is told anything, and the log says which table it was."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        table = "tcp:127.0.0.1:%d" % s.getsockname()[1]
    with Instance(f"virtual_alias_maps = {table}") as ours:
        client = Smtp(ours.port)
        client.command("EHLO client.example", 250)
        client.command("MAIL FROM:<me@sender.example>", 250)
        client.command("RCPT TO:<root>", 451)
        # Known as dead, it is not waited for again.
        before = time.monotonic()
        client.command("RCPT TO:<root>", 451)
        assert time.monotonic() - before < 5
        ours.wait_for(lambda: ours.log_lines(re.escape(table)),
                      what="the table is named")
