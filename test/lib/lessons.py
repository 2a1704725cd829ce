# SPDX-License-Identifier: ISC
"""What course notes about mail print, for every kind of system on which it
is typed: see terminal.py. A host has play(user, text) and
has_mail(user, count), which waits for that many messages.
"""

import re

WEEKDAY = r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
MONTH = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
DAY = rf"{WEEKDAY} {MONTH} [ \d]\d \d\d:\d\d"
TIME = rf" {MONTH} \d{{4}} \d\d:\d\d:\d\d [-+]\d{{4}}"
# What changes from day to day, on both sides of a comparison.
VARIES = (
    (DAY + r"(:\d\d \d{4}\b|\b(?!:))", "DATE"),
    (WEEKDAY + r", [ \d]\d" + TIME + r" \(\w+\)", "DATE"),  # the mail system
    (WEEKDAY + r", \d\d" + TIME, "DATE"),
    (r"(DATE +\d\d)/\d{3,4}\b *", r"\1/BYTES"),
)


def plain(text):
    """Without dates, and without sizes in bytes in lists of messages."""
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return text


def screen(prompt, text):
    """What a user sees from his first prompt to his last, where lines of
    the text that begin with "$ " are commands."""
    text = text.strip("\n").replace("\n$ ", "\n" + prompt)
    return prompt + text.removeprefix("$ ") + "\n" + prompt


def play_alias(host):
    """lpic1, who is root, who is payam."""
    host.play("user1", """
$ «mail lpic1@localhost»
Subject: «test lpic1»
«Hi this is my first email.»
«I am sending it to lpic1 email address.»
«^D»EOT""")
    host.has_mail("payam", 1)
    host.play("payam", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/payam": 1 message 1 new
>N  1 user1@centos7-1.loca  Wed Feb 19 05:10  19/683   "test lpic1"
& «1»
Message  1:
From user1@centos7-1.localdomain  Wed Feb 19 05:10:35 2020
Return-Path: <user1@centos7-1.localdomain>
X-Original-To: lpic1@localhost
Delivered-To: lpic1@localhost.localdomain
Date: Wed, 19 Feb 2020 05:10:35 -0500
To: lpic1@localhost.localdomain
Subject: test lpic1
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: user1@centos7-1.localdomain
Status: R

Hi this is my first email.
I am sending it to lpic1 email address.

& «d»
& «q»""")


def play_forward(host):
    """From user1 to user2."""
    host.play("user1", """
$ «echo user2 >.forward»
$ «cat .forward»
user2""")
    host.play("payam", """
$ «mail user1@localhost»
Subject: «mail to user1»
«Hello!!!»
«^D»EOT""")
    host.has_mail("user2", 1)
    host.play("user1", """
$ «mail»
No mail for user1""")
    host.play("user2", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/user2": 1 message 1 new
>N  1 payam@centos7-1.loca  Wed Feb 19 06:33  21/771   "mail to user1"
& «1»
Message  1:
From payam@centos7-1.localdomain  Wed Feb 19 06:33:28 2020
Return-Path: <payam@centos7-1.localdomain>
X-Original-To: user1@localhost
Delivered-To: user2@centos7-1.localdomain
Delivered-To: user1@localhost.localdomain
Date: Wed, 19 Feb 2020 06:33:27 -0500
To: user1@localhost.localdomain
Subject: mail to user1
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: payam@centos7-1.localdomain
Status: R

Hello!!!

& «d»
& «q»""")


# To be ended with a dot or ^D.
HELLO = """Subject: «hello pue»
«hello pue»
«this is a message from user pue to user pue»
«just ti prove mail»
«bye»
"""

TOTIS = """
$ «mail totis»
Subject: «hello totis»
«this is a super fashion email»
«to totis, that is, to lgthih»
«bye»
«^D»EOT"""


def play_letters(host):
    """From pere to pue, who answers one and deletes the other."""
    host.play("pere", """
$ «mail pue»
Subject: «message from pere to pue»
«hi pue,»
«ho do you do?»
«bye!»
«^D»EOT
$ «mail»
No mail for pere""")
    host.has_mail("pue", 1)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 1 message 1 new
>N  1 pere@localhost.local  Tue Nov  9 17:21  20/877   "message from pere to pue"
& «q»
Held 1 message in /var/spool/mail/pue""")
    host.play("pere", """
$ «mail pue»
Subject: «second message»
«hi, this is my second message to pue»
«i am pere»
«bye»
«^D»EOT""")
    host.has_mail("pue", 2)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 2 messages 1 new 2 unread
 U  1 pere@localhost.local  Tue Nov  9 17:21  21/887   "message from pere to pue"
>N  2 pere@localhost.local  Tue Nov  9 17:22  20/881   "second message"
& «h»
 U  1 pere@localhost.local  Tue Nov  9 17:21  21/887   "message from pere to pue"
>N  2 pere@localhost.local  Tue Nov  9 17:22  20/881   "second message"
& «unset newmail»
& «r2»
To: pere@localhost.localdomain pue@localhost.localdomain
Subject: Re: second message

pere@localhost.localdomain wrote:

> hi, this is my second message to pue
> i am pere
> bye
«hi pere, thanks for your two messages»
«ciao»
«^D»EOT
& «1»
Message  1:
From pere@localhost.localdomain  Tue Nov  9 17:21:36 2021
Return-Path: <pere@localhost.localdomain>
X-Original-To: pue
Delivered-To: pue@localhost.localdomain
Date: Tue, 09 Nov 2021 17:21:36 +0100
To: pue@localhost.localdomain
Subject: message from pere to pue
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: pere@localhost.localdomain
Status: RO

hi pue,
ho do you do?
bye!

& «d 1»
& «h»
>A  2 pere@localhost.local  Tue Nov  9 17:22  20/881   "second message"
& «q»
New mail has arrived.
Held 1 message in /var/spool/mail/pue""",
              before={"q": lambda: host.has_mail("pue", 3)})
    host.has_mail("pere", 1)
    host.play("pere", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pere": 1 message 1 new
>N  1 pue                   Tue Nov  9 17:24  26/1098  "Re: second message"
& «1»
Message  1:
From pue@localhost.localdomain  Tue Nov  9 17:24:19 2021
Return-Path: <pue@localhost.localdomain>
X-Original-To: pere@localhost.localdomain
Delivered-To: pere@localhost.localdomain
Date: Tue, 09 Nov 2021 17:24:19 +0100
To: pue@localhost.localdomain, pere@localhost.localdomain
Subject: Re: second message
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: pue <pue@localhost.localdomain>
Status: R

pere@localhost.localdomain wrote:

> hi, this is my second message to pue
> i am pere
> bye
hi pere, thanks for your two messages
ciao

& «q»
Held 1 message in /var/spool/mail/pere""")


def play_list(host):
    """Then: to both of them, by an alias."""
    host.play("pue", TOTIS)
    # The answer went to pue, too.
    host.has_mail("pue", 3)
    host.has_mail("pere", 2)
    host.play("pue", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pue": 3 messages 2 new
 A  1 pere@localhost.local  Tue Nov  9 17:22  22/904   "second message"
>N  2 pue                   Tue Nov  9 17:24  26/1098  "Re: second message"
 N  3 pue                   Tue Nov  9 17:52  20/898   "hello totis"
& «3»
Message  3:
From pue@localhost.localdomain  Tue Nov  9 17:52:03 2021
Return-Path: <pue@localhost.localdomain>
X-Original-To: totis
Delivered-To: totis@localhost.localdomain
Date: Tue, 09 Nov 2021 17:52:03 +0100
To: totis@localhost.localdomain
Subject: hello totis
User-Agent: Heirloom mailx 12.5 7/5/10
Content-Type: text/plain; charset=us-ascii
From: pue <pue@localhost.localdomain>
Status: R

this is a super fashion email
to totis, that is, to lgthih
bye

& «x»""")
    host.play("pere", """
$ «mail»
Heirloom Mail version 12.5 7/5/10.  Type ? for help.
"/var/spool/mail/pere": 2 messages 1 new
    1 pue                   Tue Nov  9 17:24  27/1099  "Re: second message"
>N  2 pue                   Tue Nov  9 17:52  20/898   "hello totis"
& «q»
Held 2 messages in /var/spool/mail/pere""")
