/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local_cases.h - what recipients stand for; for local_test.c
 * and for the comparison with Postfix.
 *
 * Users: ana, bob (no shell), eva (home /), root, owner-list; looking up
 * "broken" fails. A step says what differs from the question: its address,
 * whose rights, the sender, Delivered-To. (sizes: table)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct file_case {
	const char *path;
	const char *content;
	uint32_t owner;
};

struct local_case {
	const char *settings;
	const char *recipient;
	const char *plan;
	struct file_case files[4];
	const char *seen;
};

/* clang-format off */
#define ALIASES(list) "alias_maps = inline:{" list "}\n"
#define ANA_FORWARD   "/home/ana/.forward"

#define CASE(s, r, p) \
	{ \
		.settings = s, .recipient = r, .plan = p \
	}
#define FILES(s, r, p, ...) \
	{ \
		.settings = s, .recipient = r, .plan = p, \
		.files = { __VA_ARGS__ } \
	}
#define SEEN(s, r, p, x) \
	{ \
		.settings = s, .recipient = r, .plan = p, .seen = x \
	}

static const struct local_case local_cases[] = {
	/* --- users and nobody --- */
	CASE("", "ana@example.com", "mailbox /var/mail/ana\n"),
	CASE("", "Ana@Example.Com", "mailbox /var/mail/ana\n"),
	CASE("", "ana+lists@example.com", "mailbox /var/mail/ana\n"),
	CASE("", "root@example.com", "mailbox /var/mail/root\n"),
	CASE("", "nobody@example.com", "5.1.1 unknown user: \"nobody\"\n"),
	CASE("", "nobody+x@example.com", "5.1.1 unknown user: \"nobody\"\n"),
	CASE("", "broken@example.com",
		"warning: error looking up passwd info for broken: "
		"Input/output error\n4.0.0 user lookup error\n"),
	CASE("", "postmaster@example.com",
		"warning: required alias not found: postmaster\n"
		"2.0.0 discarded\n"),
	CASE("", "MAILER-DAEMON@example.com",
		"warning: required alias not found: mailer-daemon\n"
		"2.0.0 discarded\n"),
	CASE("", "ana", "warning: no @ in recipient address: ana\n"
		"mailbox /var/mail/ana\n"),
	CASE("", "@example.com",
		"5.1.3 null username in \"@example.com\"\n"),
	CASE("", "ana+a/b@example.com",
		"warning: : address with illegal extension: ana+a/b\n"
		"mailbox /var/mail/ana\n"),
	CASE("", "../etc/passwd@example.com",
		"5.1.1 unknown user: \"../etc/passwd\"\n"),
	CASE("recipient_delimiter =\n", "ana+x@example.com",
		"5.1.1 unknown user: \"ana+x\"\n"),
	CASE("recipient_delimiter = +-\n", "ana-x+y@example.com",
		"mailbox /var/mail/ana\n"),
	CASE("recipient_delimiter = -\n", "owner-list@example.com",
		"mailbox /var/mail/owner-list\n"),
	FILES("", "\\ana@example.com",
		"mailbox /var/mail/ana for ana@example.com\n", { ANA_FORWARD, "bob", 1001 }),

	/* --- aliases --- */
	CASE(ALIASES("{list=ana, bob}"), "list@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE(ALIASES("{list=ana, ana, ANA@example.com, x@far.example}"),
		"LIST@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"resend for x@far.example\n"),
	CASE(ALIASES("{list=x@far.example, X@far.example, y@far.example}"),
		"list@example.com",
		"expanded\n"
		"resend for x@far.example\n"
		"resend for y@far.example\n"),
	CASE(ALIASES("{list=nobody}"), "list@example.com",
		"expanded\n"
		"5.1.1 unknown user: \"nobody\" for nobody@example.com\n"),
	CASE(ALIASES("{ana=ana, bob}"), "ana@example.com",
		"expanded\n"
		"mailbox /var/mail/ana\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE(ALIASES("{ana=\\ana, bob}"), "ana@example.com",
		"expanded\n"
		"mailbox /var/mail/ana\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE(ALIASES("{postmaster=root} {root=ana}"), "postmaster@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"),
	CASE(ALIASES("{a=b} {b=a}"), "a@example.com",
		"expanded\n"
		"warning: alias database loop for b\n"
		"5.4.6 alias database loop for b for b@example.com\n"),
	CASE(ALIASES("{list=}"), "list@example.com",
		"expanded\n"
		"warning: no recipient in alias lookup result for list\n"
		"4.3.0 alias database unavailable\n"),
	CASE(ALIASES("{list=(nobody)}"), "list@example.com",
		"expanded\n"
		"warning: no recipient in alias lookup result for list\n"
		"4.3.0 alias database unavailable\n"),
	CASE(ALIASES("{list=ana (the first), bob}"), "list@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE(ALIASES("{list=ana;bob; friends: eva;}"), "list@example.com",
		"expanded\n"
		"warning: alias list: \";\" is taken for \",\" between "
		"addresses\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"mailbox /var/mail/bob for bob@example.com\n"
		"mailbox /var/mail/eva for eva@example.com\n"),
	CASE(ALIASES("{list=Ana <ana@example.com>, \"b o b\"@example.com}"),
		"list@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"5.1.1 unknown user: \"b o b\" for b o b@example.com\n"),
	CASE(ALIASES("{{\"a b\"}=ana}") , "a b@example.com",
		"5.1.1 unknown user: \"a b\"\n"),
	CASE("alias_maps = inline:{a=ana} inline:{b=bob}\n", "b@example.com",
		"expanded\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE("alias_maps = fail:x\n", "ana@example.com",
		"warning: fail:x: lookup of 'ana' failed\n"
		"4.3.0 alias database unavailable\n"),
	CASE("alias_maps = inline:{ana=bob} fail:x\n"
		"owner_request_special = no\n", "ana@example.com",
		"expanded\n"
		"warning: fail:x: lookup of 'bob' failed\n"
		"4.3.0 alias database unavailable for bob@example.com\n"),
	CASE("alias_maps = inline:{ana=bob} fail:x\n", "ana@example.com",
		"4.3.0 alias database unavailable\n"
		"log: fail:x lookup error for \"owner-ana\"\n"),
	CASE("alias_maps = proxy:inline:{a=b}\n", "a@example.com",
		"expanded\n"
		"5.1.1 unknown user: \"b\" for b@example.com\n"),
	CASE("alias_maps = tcp:127.0.0.1:1\n", "a@example.com",
		"warning: tcp:127.0.0.1:1: lookup of 'a' failed\n"
		"4.3.0 alias database unavailable\n"
		"log: tcp:127.0.0.1:1 is unavailable. tcp:127.0.0.1:1 map "
		"is not allowed for security sensitive data\n"),
	CASE("alias_maps = regexp:{{/^(.*)$$/ $$1-x}}\n", "a@example.com",
		"5.1.1 unknown user: \"a\"\n"
		"log: regexp map {{/^(.*)$/ $1-x}}, line 1: regular expression "
		"substitution is not allowed: skipping this rule\n"),
	CASE("alias_maps = regexp:{{/^al/ ana}}\n", "all@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"),

	/* --- addresses of all kinds; Postfix's answers --- */
	CASE(ALIASES("{list=x@alias.example, y@[192.0.2.1], z@mx.example.com,"
		" far!u, a%b.example@example.com}"), "list@example.com",
		"expanded\n"
		"resend for x@alias.example\n"
		"resend for y@[192.0.2.1]\n"
		"5.1.1 unknown user: \"z\" for z@mx.example.com\n"
		"resend for u@far\n"
		"resend for a@b.example\n"),
	CASE(ALIASES("{list=-x, \"a b\", <>, @example.com, a@,"
		" a..b@example.com, ana.}"), "list@example.com",
		"expanded\n"
		"warning: required alias not found: mailer-daemon\n"
		"5.1.3 bad recipient address syntax: -x@example.com\n"
		"5.1.1 unknown user: \"a b\" for a b@example.com\n"
		"2.0.0 discarded for MAILER-DAEMON@example.com\n"
		"5.1.3 bad recipient address syntax: a@\n"
		"5.1.1 unknown user: \"a..b\" for a..b@example.com\n"
		"5.1.1 unknown user: \"ana.\" for ana.@example.com\n"),
	CASE(ALIASES("{list=ana bob, eva (x) root}"), "list@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"mailbox /var/mail/bob for bob@example.com\n"
		"mailbox /var/mail/eva for eva@example.com\n"
		"mailbox /var/mail/root for root@example.com\n"),
	CASE(ALIASES("{list=\"\\ana\", \\bob}"), "list@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE("propagate_unmatched_extensions = forward, alias, include\n"
		ALIASES("{list=bob+y, x@far.example}"), "list+e@example.com",
		"expanded\n"
		"mailbox /var/mail/bob for bob+y+e@example.com\n"
		"resend for x+e@far.example\n"),

	/* --- extensions --- */
	CASE(ALIASES("{list=ana} {list+x=bob}"), "list+X@example.com",
		"expanded\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE(ALIASES("{list=ana, x@far.example}"), "list+x@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"resend for x@far.example\n"),
	CASE(ALIASES("{list=ana, x@far.example}")
		"propagate_unmatched_extensions = alias\n",
		"list+x@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana+x@example.com\n"
		"resend for x+x@far.example\n"),
	CASE(ALIASES("{list=ana} {list+x=bob}")
		"propagate_unmatched_extensions = alias\n",
		"list+x@example.com",
		"expanded\n"
		"mailbox /var/mail/bob for bob@example.com\n"),
	CASE(ALIASES("{ana=x@far.example, ana}")
		"propagate_unmatched_extensions = alias\n",
		"ana+x@example.com",
		"expanded\n"
		"resend for x+x@far.example\n"
		"mailbox /var/mail/ana\n"),

	/* --- commands and files --- */
	CASE(ALIASES("{prog=\"|/bin/prog -x \\\"a b\\\"\"}"), "prog@example.com",
		"expanded\n"
		"command /bin/prog -x \"a b\"\n"),
	CASE(ALIASES("{prog=|/bin/prog, /var/log/mail, /var/box/}"),
		"prog@example.com",
		"expanded\n"
		"command /bin/prog\n"
		"file /var/log/mail\n"
		"file /var/box/\n"),
	CASE(ALIASES("{prog=|/bin/prog, |/bin/prog, /a, /a}"),
		"prog@example.com",
		"expanded\n"
		"command /bin/prog\n"
		"file /a\n"),
	CASE(ALIASES("{prog=|/bin/prog, /a}")
		"allow_mail_to_commands = forward\n"
		"allow_mail_to_files = include,forward\n", "prog@example.com",
		"expanded\n"
		"5.7.1 mail to command is restricted\n"
		"5.7.1 mail to file is restricted\n"),
	CASE(ALIASES("{prog=|/bin/prog}")
		"command_execution_directory = /srv/$user/${extension:none}\n",
		"prog@example.com",
		"expanded\n"
		"command /bin/prog in /srv/prog/none\n"),
	CASE(ALIASES("{prog=|/bin/prog}")
		"command_execution_directory = /srv/${user\n",
		"prog@example.com",
		"expanded\n"
		"warning: truncated macro reference: \"/srv/${user\"\n"
		"warning: bad parameter value syntax for "
		"command_execution_directory: /srv/${user\n"
		"4.3.5 mail system configuration error\n"),
	CASE(ALIASES("{f=~/box}"), "f@example.com",
		"expanded\n"
		"warning: unknown home directory for: ~/box\n"
		"5.3.5 mail system configuration error\n"),
	CASE(ALIASES("{f=~ana/box}"), "f@example.com",
		"expanded\n"
		"warning: bad home directory syntax for: ~ana/box\n"
		"5.3.5 mail system configuration error\n"),

	/* --- owners --- */
	CASE(ALIASES("{list=ana, x@far.example} {owner-list=bob}"),
		"list@example.com",
		"expanded owned\n"
		"resend for ana@example.com from owner-list@example.com "
		"owned\n"
		"resend for x@far.example from owner-list@example.com owned\n"),
	CASE(ALIASES("{list=ana} {owner-list=bob}") "expand_owner_alias = yes\n",
		"list@example.com",
		"expanded owned\n"
		"resend for ana@example.com from bob@example.com owned\n"),
	CASE(ALIASES("{list=ana} {owner-list=bob}") "owner_request_special = no\n",
		"list@example.com",
		"expanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"),
	CASE(ALIASES("{list=inner} {owner-list=bob} {inner=ana}"),
		"list@example.com",
		"expanded owned\n"
		"resend for ana@example.com from owner-list@example.com "
		"owned\n"),
	CASE(ALIASES("{list=inner} {owner-list=bob} {inner=ana}")
		"reset_owner_alias = yes\n", "list@example.com",
		"expanded owned\n"
		"mailbox /var/mail/ana for ana@example.com from "
		"owner-list@example.com owned\n"),
	CASE(ALIASES("{list=|/bin/p, /f} {owner-list=bob}"), "list@example.com",
		"expanded owned\n"
		"command /bin/p from owner-list@example.com owned\n"
		"file /f from owner-list@example.com owned\n"),
	CASE(ALIASES("{list=nobody} {owner-list=bob}"), "list@example.com",
		"expanded owned\n"
		"resend for nobody@example.com from owner-list@example.com "
		"owned\n"),
	CASE(ALIASES("{owner-list=owner-owner} {list=ana} {owner-owner=list}"),
		"list@example.com",
		"expanded owned\n"
		"resend for ana@example.com from owner-list@example.com "
		"owned\n"),

	/* --- Delivered-To --- */
	CASE(ALIASES("{list=x@far.example, ana}") "frozen_delivered_to = no\n",
		"list@example.com",
		"expanded\n"
		"resend for x@far.example\n"
		"mailbox /var/mail/ana for ana@example.com delivered "
		"ana@example.com\n"),
	CASE(ALIASES("{list=inner} {inner=x@far.example}")
		"frozen_delivered_to = no\n", "list@example.com",
		"expanded\n"
		"resend for x@far.example delivered inner@example.com\n"),
	CASE(ALIASES("{list=inner} {inner=x@far.example}"), "list@example.com",
		"expanded\n"
		"resend for x@far.example\n"),
	SEEN("", "ana@example.com",
		"5.4.6 mail forwarding loop for ana@example.com\n", "x@far.example\nANA@example.com"),
	SEEN(ALIASES("{list=inner, bob} {inner=x@far.example}"),
		"list@example.com",
		"expanded\n"
		"5.4.6 mail forwarding loop for inner@example.com for "
		"inner@example.com\n"
		"mailbox /var/mail/bob for bob@example.com\n", "inner@example.com"),

	/* --- ~/.forward --- */
	FILES("", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"resend for x@far.example\n"
		"mailbox /var/mail/ana\n"
		"}\n", { ANA_FORWARD, "x@far.example\n\\ana", 1001 }),
	FILES("", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"resend for bob@example.com\n"
		"command /bin/vacation ana as ana\n"
		"file /home/ana/copy as ana\n"
		"file /home/ana/box/ as ana\n"
		"}\n", { ANA_FORWARD, "bob\n# nobody\n"
		"\"|/bin/vacation ana\", ~/copy\n/home/ana/box/\n", 1001 }),
	FILES("", "ana@example.com", "mailbox /var/mail/ana\n",
		{ ANA_FORWARD, "# nothing\n\n", 1001 }),
	FILES("", "ana@example.com", "mailbox /var/mail/ana\n",
		{ ANA_FORWARD, "", 1001 }),
	FILES("", "ana+x@example.com",
		"{/home/ana/.forward+x\nexpanded\nresend for bob@example.com\n}\n",
		{ "/home/ana/.forward+x", "bob", 1001 },
		  { ANA_FORWARD, "eva", 1001 }),
	FILES("", "ana+x@example.com",
		"{" ANA_FORWARD "\nexpanded\nresend for eva@example.com\n}\n",
		{ ANA_FORWARD, "eva", 1001 }),
	FILES("propagate_unmatched_extensions = forward\n", "ana+x@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"resend for eva+x@example.com\n}\n",
		{ ANA_FORWARD, "eva", 1001 }),
	FILES("propagate_unmatched_extensions = forward\n", "ana+x@example.com",
		"{/home/ana/.forward+x\nexpanded\nresend for bob@example.com\n}\n",
		{ "/home/ana/.forward+x", "bob", 1001 }),
	/* The file for the extension names the user: then the other one. */
	FILES("", "ana+x@example.com",
		"{/home/ana/.forward+x\nexpanded\n"
		"{" ANA_FORWARD "\nexpanded\n"
		"mailbox /var/mail/ana for ana@example.com\n"
		"resend for eva@example.com\n}\n}\n",
		{ "/home/ana/.forward+x", "ana", 1001 },
		  { ANA_FORWARD, "ana, eva", 1001 }),
	CASE("", "ana+../../x@example.com",
		"warning: : address with illegal extension: ana+../../x\n"
		"mailbox /var/mail/ana\n"),
	FILES("", "ana+a;b@example.com",
		"{/home/ana/.forward+a_b\nexpanded\nresend for bob@example.com\n"
		"}\n", { "/home/ana/.forward+a_b", "bob", 1001 }),
	FILES("forward_path =\n", "ana@example.com", "mailbox /var/mail/ana\n",
		{ ANA_FORWARD, "bob", 1001 }),
	FILES("forward_path = /etc/fwd/$user${extension?+$extension},"
		" /etc/fwd/${domain}/$local\n", "ana+x@example.com",
		"{/etc/fwd/example.com/ana+x\nexpanded\n"
		"resend for bob@example.com\n}\n",
		{ "/etc/fwd/example.com/ana+x", "bob", 1001 }),
	FILES(ALIASES("{all=ana, bob} {bobby=bob}"), "all@example.com",
		"expanded\n"
		"{" ANA_FORWARD "\nexpanded\nresend for bob@example.com\n"
		"resend for x@far.example\n}\n"
		"mailbox /var/mail/bob for bob@example.com\n",
		{ ANA_FORWARD, "bobby, x@far.example", 1001 }),
	FILES(ALIASES("{me=ana}"), "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\nmailbox /var/mail/ana\n}\n",
		{ ANA_FORWARD, "me", 1001 }),
	FILES(ALIASES("{bobby=bob}") "reset_owner_alias = yes\n",
		"ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"{/home/bob/.forward\nexpanded\n"
		"resend for x@far.example\n}\n}\n",
		{ ANA_FORWARD, "bobby", 1001 },
		  { "/home/bob/.forward", "x@far.example", 1002 }),
	FILES("frozen_delivered_to = no\n" ALIASES("{list=ana}"),
		"list@example.com",
		"expanded\n"
		"{" ANA_FORWARD "\nexpanded\n"
		"resend for x@far.example delivered ana@example.com\n}\n",
		{ ANA_FORWARD, "x@far.example", 1001 }),
	FILES(ALIASES("{list=ana}"), "list@example.com",
		"expanded\n"
		"{" ANA_FORWARD "\nexpanded\nresend for x@far.example\n}\n",
		{ ANA_FORWARD, "x@far.example", 1001 }),
	FILES("allow_mail_to_commands = alias\nallow_mail_to_files = alias\n",
		"ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"5.7.1 mail to command is restricted\n"
		"5.7.1 mail to file is restricted\n}\n",
		{ ANA_FORWARD, "|/bin/x\n/y", 1001 }),
	/* Aliases in a ~/.forward have the rights of the table, not ours. */
	FILES(ALIASES("{prog=|/bin/prog}"), "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"command /bin/prog for prog@example.com\n"
		"}\n", { ANA_FORWARD, "prog", 1001 }),
	FILES("", "eva@example.com",
		"{//.forward\nexpanded\nfile /box as eva\n}\n",
		{ "//.forward", "~/box", 1003 }),
	CASE("require_home_directory = yes\n", "ana@example.com",
		"mailbox /var/mail/ana needs-home\n"),
	CASE("require_home_directory = yes\n", "nobody@example.com",
		"5.1.1 unknown user: \"nobody\"\n"),

	/* --- lists --- */
	CASE(ALIASES("{list=:include:lists/x}"), "list@example.com",
		"expanded\n"
		"warning: :include:lists/x uses a relative path\n"
		"5.3.5 mail system configuration error\n"),
	CASE(ALIASES("{list=:Include:/nonexistent/list, ana}"),
		"list@example.com",
		"expanded\n"
		"warning: unable to lookup :include: file /nonexistent/list: "
		"No such file or directory\n"
		"5.3.5 mail system configuration error\n"
		"mailbox /var/mail/ana for ana@example.com\n"),
	CASE(ALIASES("{list=:include:/dev/null}"), "list@example.com",
		"expanded\n"
		"warning: :include: file /dev/null is not a regular file\n"
		"5.3.5 mail system configuration error\n"),
	CASE(ALIASES("{list=:include:/}"), "list@example.com",
		"expanded\n"
		"warning: :include: file / is not a regular file\n"
		"5.3.5 mail system configuration error\n"),
	FILES("", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"read /home/ana/list as ana\n"
		"{/home/ana/list\n"
		"resend for bob@example.com\n"
		"resend for x@far.example\n"
		"5.7.1 mail to command is restricted\n"
		"}\n}\n",
		{ ANA_FORWARD, ":include:/home/ana/list", 1001 },
		  { "/home/ana/list", "bob\nx@far.example\n|/bin/x\n", 1002 }),
	/* The rights stay the user's, whoever owns the list. */
	FILES("allow_mail_to_commands = forward, include\n"
		"allow_mail_to_files = include\n", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"read /home/ana/list as ana\n"
		"{/home/ana/list\n"
		"command /bin/x as ana\n"
		"file /home/ana/f as ana\n"
		"}\n}\n",
		{ ANA_FORWARD, ":include:/home/ana/list", 1001 },
		  { "/home/ana/list", "|/bin/x\n~/f", 0 }),
	/* ana herself: her own list does not deliver to her mailbox. */
	FILES("", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"read /home/ana/list as ana\n"
		"{/home/ana/list\n"
		"resend\n"
		"}\n}\n",
		{ ANA_FORWARD, ":include:/home/ana/list", 1001 },
		  { "/home/ana/list", "ana", 1001 }),
	FILES("", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\n"
		"read /home/ana/list as ana\n"
		"{/home/ana/list\n"
		"read /home/ana/b as ana\n"
		"{/home/ana/b\n"
		"resend for bob@example.com\n"
		"}\n}\n}\n",
		{ ANA_FORWARD, ":include:/home/ana/list", 1001 },
		  { "/home/ana/list", ":include:/home/ana/b", 1001 },
		  { "/home/ana/b", "bob", 1001 }),

	/* --- other ways to deliver --- */
	CASE("mailbox_transport = lmtp:unix:/run/lmtp\n", "ana@example.com",
		"pass lmtp:unix:/run/lmtp\n"),
	CASE("mailbox_transport = lmtp:unix:/run/lmtp\n", "nobody@example.com",
		"pass lmtp:unix:/run/lmtp\n"),
	FILES("mailbox_transport = lmtp:unix:/run/lmtp\n", "ana@example.com",
		"{" ANA_FORWARD "\nexpanded\nresend for bob@example.com\n"
		"pass lmtp:unix:/run/lmtp\n}\n",
		{ ANA_FORWARD, "bob, ana", 1001 }),
	CASE("mailbox_transport_maps = inline:{ana=a:}\n"
		"mailbox_transport = b:\n", "ana+x@example.com", "pass a:\n"),
	CASE("mailbox_transport_maps = inline:{ana=a:}\n"
		"mailbox_transport = b:\n", "bob@example.com", "pass b:\n"),
	CASE("mailbox_transport_maps = inline:{ana=a:}\n", "bob@example.com",
		"mailbox /var/mail/bob\n"),
	CASE("mailbox_transport_maps = fail:x\n", "ana@example.com",
		"4.3.0 table lookup failure\n"
		"log: fail:x lookup error for \"ana\"\n"),
	CASE("mailbox_command = /bin/procmail -a \"$EXTENSION\"\n",
		"ana+x@example.com",
		"command /bin/procmail -a \"$EXTENSION\" as ana\n"),
	CASE("mailbox_command = /bin/procmail\n", "root@example.com",
		"command /bin/procmail as root\n"),
	CASE("mailbox_command = /bin/procmail\n", "nobody@example.com",
		"5.1.1 unknown user: \"nobody\"\n"),
	CASE("mailbox_command_maps = inline:{ana=/bin/a}\n"
		"mailbox_command = /bin/b\n", "ana@example.com",
		"command /bin/a as ana\n"),
	CASE("mailbox_command_maps = inline:{ana=/bin/a}\n"
		"mailbox_command = /bin/b\n", "bob@example.com",
		"command /bin/b as bob\n"),
	CASE("mailbox_command_maps = fail:x\n", "bob@example.com",
		"4.3.0 table lookup failure\n"
		"log: fail:x lookup error for \"bob\"\n"),
	CASE("mailbox_command = /bin/x\n"
		"command_execution_directory = $home/${shell?sh}\n",
		"ana@example.com", "command /bin/x as ana in /home/ana/sh\n"),
	CASE("home_mailbox = Maildir/\n", "ana@example.com",
		"mailbox /home/ana/Maildir/\n"),
	CASE("home_mailbox = mbox\n", "ana@example.com",
		"mailbox /home/ana/mbox\n"),
	CASE("mail_spool_directory = /var/mail/\n", "ana@example.com",
		"mailbox /var/mail/ana/\n"),
	CASE("home_mailbox = box\nmailbox_command = /bin/x\n"
		"mailbox_transport = t:\n", "ana@example.com", "pass t:\n"),
	CASE("fallback_transport = t:\n", "nobody@example.com", "pass t:\n"),
	CASE("fallback_transport = t:\n", "ana@example.com",
		"mailbox /var/mail/ana\n"),
	CASE("fallback_transport = t:\n", "postmaster@example.com", "pass t:\n"),
	CASE("fallback_transport_maps = inline:{nobody=a:}\n"
		"fallback_transport = b:\n", "nobody+x@example.com",
		"pass a:\n"),
	CASE("fallback_transport_maps = inline:{nobody=a:}\n"
		"fallback_transport = b:\n", "noone@example.com", "pass b:\n"),
	CASE("fallback_transport_maps = fail:x\n", "nobody@example.com",
		"4.3.0 table lookup failure\n"
		"log: fail:x lookup error for "
		"\"nobody\"\n"),
	CASE(ALIASES("{list=nobody, ana}") "fallback_transport = t:\n",
		"list@example.com",
		"expanded\n"
		"pass t: for nobody@example.com\n"
		"mailbox /var/mail/ana for ana@example.com\n"),
	CASE("luser_relay = ana\n", "nobody+x@example.com",
		"mailbox /var/mail/ana for ana@example.com\n"),
	CASE("luser_relay = ana+$local\n", "nobody+x@example.com",
		"mailbox /var/mail/ana for ana+nobody+x@example.com\n"),
	CASE("luser_relay = $user@other.example\n", "nobody@example.com",
		"resend for nobody@other.example\n"),
	CASE("luser_relay = $user\n", "nobody@example.com",
		"5.1.1 unknown user: \"nobody\"\n"),
	CASE("luser_relay = $mailbox\n", "nobody+x@example.com",
		"5.1.1 unknown user: \"nobody\"\n"),
	CASE("luser_relay = noone\n", "nobody@example.com",
		"5.1.1 unknown user: \"noone\" for noone@example.com\n"),
	CASE("luser_relay = nobody+$user\n", "x@example.com",
		"5.1.1 unknown user: \"nobody\" for nobody+nobody@example.com\n"),
	CASE("luser_relay = ana\n", "postmaster@example.com",
		"mailbox /var/mail/ana for ana@example.com\n"),
	CASE("luser_relay = x${recipient_delimiter}y\n"
		"recipient_delimiter = -+\n", "nobody@example.com",
		"5.1.1 unknown user: \"x\" for x-y@example.com\n"),
	CASE("luser_relay = \"|/bin/sh\"\n", "nobody@example.com",
		"5.1.1 unknown user: \"|/bin/sh\" for |/bin/sh@example.com\n"),
	CASE("luser_relay = `id`\n", "$(x)@example.com",
		"5.1.1 unknown user: \"`id`\" for `id`@example.com\n"),
};
/* clang-format on */
