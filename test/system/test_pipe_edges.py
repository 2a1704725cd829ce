# SPDX-License-Identifier: ISC
"""Services that run pipe(8): what is odd in lines of master.cf, in addresses
and in content, and many recipients, compared with Postfix."""

import pytest

from lib.pipes import PLAIN, Case, compare

pytestmark = [pytest.mark.root, pytest.mark.peer]

ONE = ("{name}_destination_recipient_limit = 1",)
ALL = "$recipient $original_recipient $mailbox $user $extension $domain"

ATTRIBUTES = [
    Case("eol= user=nobody argv={rec}"),
    Case("eol=\\ user=nobody argv={rec}"),
    Case("flags=FRB eol=\\0 user=nobody argv={rec}"),
    Case("eol=|\\0x user=nobody argv={rec}"),
    Case("eol=|\\400x user=nobody argv={rec}"),
    Case("eol=|\\1234\\8\\x41\\q user=nobody argv={rec}"),
    Case("flags=Bq.> eol=\\r\\n user=nobody argv={rec}",
         content="Subject: x\n\n.From x\nFrom\nFrom \nfrom x\n.\n. x\n.>From"
         "\n" + "a" * 2048 + "From x\n" + "b" * 2047 + ".x\n"),
    Case("flags=RR flags=q user=nobody: argv={rec} $sender",
         sender='"a b"@sink.example'),
    Case("flags= user=nobody argv={rec}", content="no header\n\nbody\n"),
    Case("flags=B user=nobody argv={rec} $size", content="\n"),
    Case("directory=. user=nobody argv={rec}"),
    Case("directory=/tmp/../usr/ user=nobody argv={rec}"),
    Case("{{ null_sender=a b }} flags=FRq user=nobody argv={rec} $sender",
         sender=""),
    Case("null_sender=$x flags=FRq user=nobody argv={rec} $sender",
         sender=""),
    Case("size= user=nobody argv={rec}"),
    Case("size=0 user=nobody argv={rec}"),
    Case("size=1 user=nobody argv={rec}"),
    Case("SIZE=0099999 user=nobody argv={rec} $size", content=PLAIN * 100),
]

# Jobs of 50, and each in the same order.
MANY = [
    Case("user=nobody argv={rec} $recipient $user",
         *(f"u{i * 7 % 60}@{{d}}" for i in range(60))),
    Case("user=nobody argv={rec} $recipient", "c@{d}", "A@{d}", "b@{d}"),
    Case("flags=hu user=nobody argv={rec} $recipient end", "b@{d}", "a@{d}",
         "C+@{d}", main=("{name}_destination_recipient_limit = 2",)),
]

EXTENSIONS = [Case(f"user=nobody argv={{rec}} {ALL} [$user:$extension]",
                   recipient + "@{d}")
              for recipient in (
                  "user+", "user++x", "a+b-c", "a-b+c", "postmaster+x",
                  "Mailer-Daemon+x", "double-bounce+x", "owner-a+x",
                  "OWNER-x-y", "x-request", "x-REQUEST+y")]

QUOTED = [
    Case(f"flags={flags} user=nobody argv={{rec}} {ALL} $sender",
         '"x,y;z:"@{d}', '"tab\tx"@{d}', '"a..b"@{d}', '".a"@{d}',
         '"a."@{d}', '"A@b"@{d}', sender='"a\\"b\\\\c"@sink.example')
    for flags in ("", "q", "hqu")]
QUOTED.append(Case("flags=FROD user=nobody argv={rec}", '"x,y;z:"@{d}',
                   sender='"a\\"b\\\\c"@sink.example', main=ONE))

FOLDED = [
    Case(f"flags=u user=nobody argv={{rec}} {ALL}",
         "\xc4\xd6Stra\xdfe+\u0130x@{d}"),
    Case("flags=hu user=nobody argv={rec} $recipient $domain $nexthop",
         "\xc4b+\u03c2\u03a3@{d}", nexthop="Next.Hop"),
    Case("flags=h user=nobody argv={rec} $recipient", "\xc4B@{d}"),
]

# Where it has been.
LOOPS = [Case("flags=D user=nobody argv={rec}", recipient + "@{d}",
              content=head + PLAIN, main=ONE)
         for recipient, head in (
             ("a", "Delivered-To:   A@{d}\n"),
             ("a", "Delivered-To: a@{d} \n"),
             ("a", "Delivered-To : a@{d}\n"),
             ("a", "Delivered-To: <a@{d}>\n"),
             ("a", "DELIVERED-to: b@x\nDelivered-To:\n\ta@{d}\n"),
             ("a", "Subject: x\n\nDelivered-To: a@{d}\n"),
             ("a", ("X: " + "y" * 900 + "\n") * 60
              + "Delivered-To: a@{d}\n"),
             ('"a b"', 'Delivered-To: "A b"@{d}\n'),
             ('"a b"', "Delivered-To: a b@{d}\n"),
             ("\xc4", "Delivered-To: \xe4@{d}\n"))]


def test_edges(make_instance):
    compare(make_instance, ATTRIBUTES + MANY + EXTENSIONS + QUOTED + FOLDED
            + LOOPS)


def test_other_settings(make_instance):
    compare(make_instance, EXTENSIONS + [
        Case("flags=OF user=nobody argv={rec} $original_recipient",
             main=ONE)],
        recipient_delimiter="-+", owner_request_special="no",
        enable_original_recipient="no",
        export_environment="LANG=de TZ {X=a b} PATH=/x HOME")


def test_no_utf8(make_instance):
    """In logs of Postfix, other bytes are question marks then."""
    compare(make_instance, FOLDED + LOOPS[-1:], ("records",),
            smtputf8_enable="no")
