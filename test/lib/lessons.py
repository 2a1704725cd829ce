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
