# SPDX-License-Identifier: ISC
"""Services that run pipe(8): what the command gets, compared with Postfix."""

import pytest

from lib.pipes import LINES, LONG, PLAIN, BODILESS, Case, compare

pytestmark = [pytest.mark.root, pytest.mark.peer]

ONE = ("{name}_destination_recipient_limit = 1",)

# The lines that Debian's and Postfix's master.cf have, and others of old.
STOCK = [
    Case("flags=DRXhu user=nobody argv={rec} -d ${{recipient}}", main=ONE),
    Case("flags=DRhu user=nobody argv={rec} -d ${{recipient}}", main=ONE),
    Case("flags=Fqhu user=uucp argv={rec} -r -n -z -a$sender - "
         "$nexthop!rmail ($recipient)", "A@{d}", "b+c@{d}"),
    Case("flags=F user=games argv={rec} -r $nexthop ($recipient)"),
    Case("flags=Fq. user=games argv={rec} -t$nexthop -f$sender $recipient",
         "a@{d}", "b@{d}", content=LINES),
    Case("flags=R user=games argv={rec} ${{nexthop}} ${{user}} "
         "${{extension}}"),
    Case("flags=FRX user=list argv={rec} ${{nexthop}} ${{user}}"),
    Case("flags=hu user=games argv={rec} -e -r ${{sender}} -m "
         "${{extension}} ${{user}}"),
    Case("flags=DRhu user=mail:mail argv={rec} -f ${{sender}} -d "
         "${{recipient}}", main=ONE),
    Case("flags=Rq user=nobody argv={rec} -f -e /usr/sbin/sendmail -oi -f "
         "${{sender}} ${{recipient}}", "a@{d}", "b@{d}"),
    Case("flags=q user=nobody argv={rec} -a ${{extension}} -d ${{user}}"),
]

FORMS = [Case(f"flags={flags} user=nobody argv={{rec}}", content=content,
              main=ONE)
         for flags, content in (
             ("", LINES), ("B", PLAIN), ("B", BODILESS), (".", LINES),
             (">", LINES), (".>", LINES), ("F", LINES), ("R", PLAIN),
             ("D", PLAIN), ("O", PLAIN), ("FROD", PLAIN), ("BFRODhqu.>",
                                                           LINES),
             ("", LONG), (".", LONG), ("", BODILESS))]
FORMS += [
    Case("flags=FRODB. eol=\\r\\n user=nobody argv={rec}", content=LINES,
         main=ONE),
    Case("flags=FR. eol=\\073\\\\a\\t user=nobody argv={rec}", content=LINES),
    # An address that must be quoted in header lines.
    Case("flags=FROD user=nobody argv={rec} $sender $recipient",
         '"a b"@{d}', sender='"c d"@sink.example', main=ONE),
    Case("flags=qFROD user=nobody argv={rec} $sender $recipient "
         "$original_recipient $mailbox $user",
         '"a b"@{d}', sender='"c d"@sink.example', main=ONE),
]

NULL = [Case(f"flags=FRq {attribute}user=nobody argv={{rec}} -f $sender -- "
             "$recipient", "a@{d}", sender="")
        for attribute in ("", "null_sender= ", "null_sender=<> ",
                          "null_sender=x@y.z ")]

ARGUMENTS = [
    Case("user=nobody argv={rec} $recipient $original_recipient $user "
         "$extension $mailbox $domain $nexthop $sender $size"),
    Case("flags=h user=nobody argv={rec} $recipient $original_recipient "
         "$domain $nexthop $mailbox"),
    Case("flags=u user=nobody argv={rec} $recipient $original_recipient "
         "$domain $user $extension $mailbox"),
    Case("flags=hu user=nobody argv={rec} $recipient $domain $nexthop",
         nexthop="Next.Hop"),
    Case("user=nobody argv={rec} $client_address $client_helo "
         "$client_hostname $client_protocol"),
    Case("user=nobody argv={rec} [$sasl_method$sasl_username$sasl_sender]"),
    Case("user=nobody argv={rec} $$ $$user a$$b $(user) x${{user}}y"),
    Case("user=nobody argv={rec} {{ a b }} {{}} {{ ${{user}} c}} last {{}}"),
    Case("user=nobody argv={rec} $recipient -- $user", "a@{d}", "b+x@{d}",
         "c@{d}"),
    Case("user=nobody argv={rec} <$mailbox> $extension end", "a@{d}",
         "b+x@{d}", "c@{d}"),
    Case("user=nobody argv={rec} a $extension b $extension", "a@{d}"),
    # What strangers may write into an address.
    Case("user=nobody argv={rec} $recipient $user",
         '"${{run{{touch /tmp/x}}}}"@{d}'),
    Case("user=nobody argv={rec} $recipient $user", '";touch x;"@{d}'),
    Case("user=nobody argv={rec} $recipient", "`id`@{d}"),
    Case("user=nobody argv={rec} $recipient $mailbox", '"$(id)"@{d}'),
    Case("flags=q user=nobody argv={rec} $recipient", '"$(id)"@{d}'),
    Case("user=nobody argv={rec} $recipient", "|x@{d}"),
    Case("user=nobody argv={rec} $recipient", "/etc/passwd@{d}"),
    Case("user=nobody argv={rec} $recipient", "$user@{d}"),
    Case("user=nobody argv={rec} $recipient", '"a\\\\"@{d}'),
    Case("user=nobody argv={rec} $recipient", '"*"@{d}'),
    Case("user=nobody argv={rec} $sender", sender="a'`@sink.example"),
    Case("user=nobody argv={rec} $sender", sender="${{user}}@sink.example"),
]

# Who brought the message: a client, a local command, an alias, local(8).
CLIENT = ("user=nobody argv={rec} port=$client_port $client_address "
          "$client_hostname $client_protocol $client_helo")
CLIENTS = [
    Case(CLIENT),
    Case(CLIENT, "a@{d}", "b@{d}"),
    Case(CLIENT, local=()),
    Case("user=nobody argv={rec} $client_port end", local=()),
    Case(CLIENT, client=("::1", "EHLO [IPv6:::1]", "<a@sink.example>")),
    Case(CLIENT, client=("127.0.0.1", "HELO x$client_port`id`",
                         "<a@sink.example>")),
    Case(CLIENT, client=("127.0.0.1", "EHLO x", "<a@sink.example> SMTPUTF8")),
    Case(CLIENT, "team@mail.example.test",
         main=("alias_maps = inline:{{team=a@{name}.example}}",)),
    Case(CLIENT, "nobody@mail.example.test",
         main=("mailbox_transport_maps = inline:{{nobody={name}:next}}",)),
]

PROCESS = [
    Case("user=nobody directory=/usr argv={rec}"),
    Case("user=games argv={rec}"),
    Case("user=nobody:mail argv={rec}"),
    Case("USER=nobody FLAGS=R ARGV={rec} a"),
    # Found by the path.
    Case("user=nobody argv=sh {rec} a"),
    # No "#!": the shell's.
    Case("user=nobody argv={plain} a b"),
]


def test_what_commands_get(make_instance):
    compare(make_instance,
            STOCK + FORMS + NULL + ARGUMENTS + CLIENTS + PROCESS)
