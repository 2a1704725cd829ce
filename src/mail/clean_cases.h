/* SPDX-License-Identifier: ISC */
/*
 * What Postfix 3.7.11 made of these messages, with our queue id and date put
 * in place of its own and without its Received header.
 */
/* sizes: table */
/* clang-format off */
{ LOCAL, "seed 001", "yo@mydom.com",
  "Hola Alejandro,\r\n"
  "espero que todo vaya bien\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: yo@mydom.com\r\n"
  "\r\n"
  "Hola Alejandro,\r\n"
  "espero que todo vaya bien\r\n" },
{ LOCAL, "empty message", "yo@mydom.com",
  "",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: yo@mydom.com\r\n" },
{ LOCAL, "only an empty line", "yo@mydom.com",
  "\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: yo@mydom.com\r\n"
  "\r\n" },
{ LOCAL, "complete header", "a@b.org",
  "From: a@b.org\r\n"
  "To: c@d.org\r\n"
  "Date: Sun, 24 May 2020 08:56:11 +0200\r\n"
  "Message-Id: <x@y>\r\n"
  "Subject: s\r\n"
  "\r\n"
  "body\r\n",
  NULL },
{ LOCAL, "header without body", "a@b.org",
  "Subject: s\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n" },
{ LOCAL, "header ends in text", "a@b.org",
  "Subject: s\r\n"
  "no header this is\r\n"
  "body\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "no header this is\r\n"
  "body\r\n" },
{ LOCAL, "null sender", "",
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: MAILER-DAEMON\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "sender needs quotes", "\"first last\"@b.org",
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: \"first last\"@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "unqualified from and to", "a@b.org",
  "From: joe\r\n"
  "To: jane, jim@host, ok@x.org\r\n"
  "\r\n"
  "b\r\n",
  "From: joe@example.com\r\n"
  "To: jane@example.com, jim@host, ok@x.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "name and comment", "a@b.org",
  "From: Joe User <joe>\r\n"
  "To: jane (Jane Roe), \"Q, Jim\" <jim@host>\r\n"
  "\r\n"
  "b\r\n",
  "From: Joe User <joe@example.com>\r\n"
  "To: jane@example.com (Jane Roe), \"Q, Jim\" <jim@host>\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "folded list", "a@b.org",
  "To: one,\r\n"
  "\ttwo,\r\n"
  "  three@x.org\r\n"
  "\r\n"
  "b\r\n",
  "To: one@example.com, two@example.com, three@x.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "long list folds", "a@b.org",
  "To: recipient00, recipient01, recipient02, recipient03, recipi"
  "ent04, recipient05, recipient06, recipient07, recipient08, rec"
  "ipient09, recipient10, recipient11, recipient12, recipient13, "
  "recipient14, recipient15, recipient16, recipient17, recipient1"
  "8, recipient19, recipient20, recipient21, recipient22, recipie"
  "nt23, recipient24, recipient25, recipient26, recipient27, reci"
  "pient28, recipient29\r\n"
  "\r\n"
  "b\r\n",
  "To: recipient00@example.com, recipient01@example.com,\r\n"
  "\trecipient02@example.com, recipient03@example.com,\r\n"
  "\trecipient04@example.com, recipient05@example.com,\r\n"
  "\trecipient06@example.com, recipient07@example.com,\r\n"
  "\trecipient08@example.com, recipient09@example.com,\r\n"
  "\trecipient10@example.com, recipient11@example.com,\r\n"
  "\trecipient12@example.com, recipient13@example.com,\r\n"
  "\trecipient14@example.com, recipient15@example.com,\r\n"
  "\trecipient16@example.com, recipient17@example.com,\r\n"
  "\trecipient18@example.com, recipient19@example.com,\r\n"
  "\trecipient20@example.com, recipient21@example.com,\r\n"
  "\trecipient22@example.com, recipient23@example.com,\r\n"
  "\trecipient24@example.com, recipient25@example.com,\r\n"
  "\trecipient26@example.com, recipient27@example.com,\r\n"
  "\trecipient28@example.com, recipient29@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "long list untouched", "a@b.org",
  "To: recipient00@example.org, recipient01@example.org, recipien"
  "t02@example.org, recipient03@example.org, recipient04@example."
  "org, recipient05@example.org, recipient06@example.org, recipie"
  "nt07@example.org, recipient08@example.org, recipient09@example"
  ".org, recipient10@example.org, recipient11@example.org, recipi"
  "ent12@example.org, recipient13@example.org, recipient14@exampl"
  "e.org, recipient15@example.org, recipient16@example.org, recip"
  "ient17@example.org, recipient18@example.org, recipient19@examp"
  "le.org, recipient20@example.org, recipient21@example.org, reci"
  "pient22@example.org, recipient23@example.org, recipient24@exam"
  "ple.org, recipient25@example.org, recipient26@example.org, rec"
  "ipient27@example.org, recipient28@example.org, recipient29@exa"
  "mple.org\r\n"
  "\r\n"
  "b\r\n",
  "To: recipient00@example.org, recipient01@example.org, recipien"
  "t02@example.org, recipient03@example.org, recipient04@example."
  "org, recipient05@example.org, recipient06@example.org, recipie"
  "nt07@example.org, recipient08@example.org, recipient09@example"
  ".org, recipient10@example.org, recipient11@example.org, recipi"
  "ent12@example.org, recipient13@example.org, recipient14@exampl"
  "e.org, recipient15@example.org, recipient16@example.org, recip"
  "ient17@example.org, recipient18@example.org, recipient19@examp"
  "le.org, recipient20@example.org, recipient21@example.org, reci"
  "pient22@example.org, recipient23@example.org, recipient24@exam"
  "ple.org, recipient25@example.org, recipient26@example.org, rec"
  "ipient27@example.org, recipient28@example.org, recipient29@exa"
  "mple.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "group", "a@b.org",
  "To: friends: joe, jane@host; , last\r\n"
  "\r\n"
  "b\r\n",
  "To: friends: joe@example.com, jane@host;, last@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "empty group", "a@b.org",
  "To: undisclosed-recipients:;\r\n"
  "\r\n"
  "b\r\n",
  "To: undisclosed-recipients:;\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "missing comma", "a@b.org",
  "To: joe jane\r\n"
  "\r\n"
  "b\r\n",
  "To: joe@example.com, jane@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "needless quotes", "a@b.org",
  "To: \"joe\"@x.org\r\n"
  "\r\n"
  "b\r\n",
  "To: joe@x.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "quoted local part", "a@b.org",
  "To: \"joe user\", \"a@b\"@x.org\r\n"
  "\r\n"
  "b\r\n",
  "To: \"joe user\"@example.com, \"a@b\"@x.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "percent and bang", "a@b.org",
  "To: user%host, site!user, a%b@c.org\r\n"
  "\r\n"
  "b\r\n",
  "To: user@host, user@site, a%b@c.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "source route", "a@b.org",
  "To: <@relay.org:user@host>, @a,@b:c\r\n"
  "\r\n"
  "b\r\n",
  "To: <user@host>, \"\"@a, c@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "trailing dots", "a@b.org",
  "To: user@host., user@x.org., user@x.org.., user@.\r\n"
  "\r\n"
  "b\r\n",
  "To: user@host, user@x.org, user@x.org.., user@.\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "at signs", "a@b.org",
  "To: user@, @, @host, a@b@c\r\n"
  "\r\n"
  "b\r\n",
  "To: user@, \"\", \"\"@host, \"a@b\"@c\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "literal", "a@b.org",
  "To: user@[1.2.3.4], user@[IPv6:::1], [x]\r\n"
  "\r\n"
  "b\r\n",
  "To: user@[1.2.3.4], user@[IPv6:::1], \"[x]\"@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "phrase with dot", "a@b.org",
  "To: John Q. Public <john>\r\n"
  "\r\n"
  "b\r\n",
  "To: John Q.Public <john@example.com>\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "nested comments", "a@b.org",
  "To: (a (b (c) d) \\) e) joe (f)\r\n"
  "\r\n"
  "b\r\n",
  "To: joe@example.com (a (b (c) d) \\) e) (f)\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "unclosed things", "a@b.org",
  "To: \"unclosed joe\r\n"
  "Cc: <jane\r\n"
  "Reply-To: joe (x\r\n"
  "\r\n"
  "b\r\n",
  "To: \"unclosed joe\"@example.com\r\n"
  "Cc: \"<jane\"@example.com\r\n"
  "Reply-To: joe@example.com (x\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "stray brackets", "a@b.org",
  "To: joe>, <<jane>>, ) x ( y\r\n"
  "\r\n"
  "b\r\n",
  "To: joe@example.com>, < <\"jane>\"@example.com>, \")x\"@exampl"
  "e.com ( y\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "too many names", "a@b.org",
  "To: word000 word001 word002 word003 word004 word005 word006 wo"
  "rd007 word008 word009 word010 word011 word012 word013 word014 "
  "word015 word016 word017 word018 word019 word020 word021 word02"
  "2 word023 word024 word025 word026 word027 word028 word029 word"
  "030 word031 word032 word033 word034 word035 word036 word037 wo"
  "rd038 word039 word040 word041 word042 word043 word044 word045 "
  "word046 word047 word048 word049 <joe>\r\n"
  "\r\n"
  "b\r\n",
  "To: <joe@example.com>\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "empty brackets", "a@b.org",
  "From: <>\r\n"
  "To: joe <>, jim\r\n"
  "\r\n"
  "b\r\n",
  "From: <>\r\n"
  "To: joe <>, jim@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "backslashes", "a@b.org",
  "To: a\\ b, \\\"x\\\"@y.org, a\\@b\r\n"
  "\r\n"
  "b\r\n",
  "To: \"a b\"@example.com, \"\\\"x\\\"\"@y.org, \"a@b\"@example."
  "com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "8 bit in names", "a@b.org",
  "To: J\303\266rg <joerg>\r\n"
  "Subject: \374\r\n"
  "\r\n"
  "b\374dy\r\n",
  "To: J\303\266rg <joerg@example.com>\r\n"
  "Subject: \374\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\374dy\r\n" },
{ LOCAL, "dropped headers", "a@b.org",
  "Bcc: x@y.org\r\n"
  "Return-Path: <z@y>\r\n"
  "Content-Length: 12\r\n"
  "Resent-Bcc: q@y.org\r\n"
  "BCC: other\r\n"
  "\tfolded\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "Resent-Message-Id: <20200524065611.1B440AC2470@mx.example.com"
  ">\r\n"
  "Resent-Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "Resent-From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "resent", "a@b.org",
  "Resent-To: joe\r\n"
  "From: x\r\n"
  "Message-Id: <1@2>\r\n"
  "\r\n"
  "b\r\n",
  "Resent-To: joe@example.com\r\n"
  "From: x@example.com\r\n"
  "Message-Id: <1@2>\r\n"
  "Resent-Message-Id: <20200524065611.1B440AC2470@mx.example.com"
  ">\r\n"
  "Resent-Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "Resent-From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "resent complete", "a@b.org",
  "Resent-To: joe@x.org\r\n"
  "Resent-From: x@x.org\r\n"
  "Resent-Date: today\r\n"
  "Resent-Message-Id: <9@8>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ LOCAL, "all address headers", "a@b.org",
  "From: joe\r\n"
  "Sender: joe\r\n"
  "Reply-To: joe\r\n"
  "Errors-To: joe\r\n"
  "Return-Receipt-To: joe\r\n"
  "Disposition-Notification-To: joe\r\n"
  "Mail-Followup-To: joe\r\n"
  "To: joe\r\n"
  "Cc: joe\r\n"
  "Apparently-To: joe\r\n"
  "Resent-From: joe\r\n"
  "Resent-Sender: joe\r\n"
  "Resent-Reply-To: joe\r\n"
  "Resent-To: joe\r\n"
  "Resent-Cc: joe\r\n"
  "X-Other: joe\r\n"
  "\r\n"
  "b\r\n",
  "From: joe@example.com\r\n"
  "Sender: joe@example.com\r\n"
  "Reply-To: joe@example.com\r\n"
  "Errors-To: joe@example.com\r\n"
  "Return-Receipt-To: joe@example.com\r\n"
  "Disposition-Notification-To: joe@example.com\r\n"
  "Mail-Followup-To: joe@example.com\r\n"
  "To: joe@example.com\r\n"
  "Cc: joe@example.com\r\n"
  "Apparently-To: joe@example.com\r\n"
  "Resent-From: joe@example.com\r\n"
  "Resent-Sender: joe@example.com\r\n"
  "Resent-Reply-To: joe@example.com\r\n"
  "Resent-To: joe@example.com\r\n"
  "Resent-Cc: joe@example.com\r\n"
  "X-Other: joe\r\n"
  "Resent-Message-Id: <20200524065611.1B440AC2470@mx.example.com"
  ">\r\n"
  "Resent-Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "blank before colon", "a@b.org",
  "Subject \t : s\r\n"
  "X-Odd  :y\r\n"
  "To : joe\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "X-Odd:y\r\n"
  "To: joe@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "no name", "a@b.org",
  ": x\r\n"
  "\r\n"
  "b\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  ": x\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "blank in name", "a@b.org",
  "Not a: header\r\n"
  "\r\n"
  "b\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "Not a: header\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "first line blank", "a@b.org",
  " Subject: s\r\n"
  "To: x\r\n"
  "\r\n"
  "b\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  " Subject: s\r\n"
  "To: x\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "first line a tab", "a@b.org",
  "\tx\r\n"
  "\r\n"
  "b\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "\tx\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "from line", "a@b.org",
  "From joe Sun May 24 08:57:10 2020\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: From joe Sun May 24 08:57:10 2020\r\n"
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "quoted from lines", "a@b.org",
  ">From joe Sun\r\n"
  "From jane\r\n"
  "To: joe\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: >From joe Sun\r\n"
  "X-Mailbox-Line: From jane\r\n"
  "To: joe@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "from line then blank", "a@b.org",
  "From joe Sun\r\n"
  " x\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: From joe Sun\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  " x\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "from line only", "a@b.org",
  "From joe Sun\r\n",
  "X-Mailbox-Line: From joe Sun\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n" },
{ LOCAL, "dots", "a@b.org",
  "..dotted: header\r\n"
  "To: joe\r\n"
  "\r\n"
  "..\r\n"
  "...\r\n"
  "..x\r\n"
  ".. \r\n"
  "b\r\n",
  "..dotted: header\r\n"
  "To: joe@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "..\r\n"
  "...\r\n"
  "..x\r\n"
  ".. \r\n"
  "b\r\n" },
{ LOCAL, "dot body without header", "a@b.org",
  "..x\r\n"
  "b\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "..x\r\n"
  "b\r\n" },
{ LOCAL, "body from lines", "a@b.org",
  "Subject: s\r\n"
  "\r\n"
  "From here\r\n"
  "\r\n"
  ">From there\r\n"
  "From\r\n"
  "Fromage\r\n"
  "From\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "From here\r\n"
  "\r\n"
  ">From there\r\n"
  "From\r\n"
  "Fromage\r\n"
  "From\r\n" },
{ LOCAL, "message ids", "a@b.org",
  "Message-Id: <1@a>\r\n"
  "Message-ID:<2@b>  \r\n"
  "\r\n"
  "b\r\n",
  "Message-Id: <1@a>\r\n"
  "Message-ID:<2@b>  \r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "folded message id", "a@b.org",
  "Message-Id:\r\n"
  " <folded@a>\r\n"
  "\r\n"
  "b\r\n",
  "Message-Id:\r\n"
  " <folded@a>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "header of a tab", "a@b.org",
  "Subject:\r\n"
  "\t\r\n"
  "To: joe\r\n"
  "\t,jane\r\n"
  "\r\n"
  "b\r\n",
  "Subject:\r\n"
  "\t\r\n"
  "To: joe@example.com, jane@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "blank line of spaces", "a@b.org",
  "Subject: s\r\n"
  "   \r\n"
  "To: joe\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "   \r\n"
  "To: joe@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "cte", "a@b.org",
  "Content-Transfer-Encoding: 8bit\r\n"
  "Content-Type: text/plain; charset=utf-8\r\n"
  "\r\n"
  "\303\266\r\n",
  "Content-Transfer-Encoding: 8bit\r\n"
  "Content-Type: text/plain; charset=utf-8\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "\303\266\r\n" },
{ LOCAL, "cut in a long list", "a@b.org",
  "Cc: a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org, b@bbbbbbbbbbb"
  "bbbbbbbbbbbbb.org,c\r\n"
  "\r\n"
  "b\r\n",
  "Cc: a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org,\r\n"
  "\tb@bbbbbbbbbbbbbbbbbbbbbbbb.org, c@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "to is empty", "a@b.org",
  "To:\r\n"
  "Cc: \r\n"
  "\r\n"
  "b\r\n",
  "To:\r\n"
  "Cc: \r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "colon in address", "a@b.org",
  "To: a:b, c@d:e, ;x\r\n"
  "\r\n"
  "b\r\n",
  "To: a: b@example.com, c@d: e@example.com, ;, x@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "pipes", "a@b.org",
  "To: |prog, joe | x\r\n"
  "\r\n"
  "b\r\n",
  "To: |prog@example.com, joe|x@example.com\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ LOCAL, "nested mime headers", "a@b.org",
  "MIME-Version: 1.0\r\n"
  "Content-Type: multipart/mixed; boundary=x\r\n"
  "\r\n"
  "--x\r\n"
  "Content-Type: text/plain\r\n"
  "To: joe\r\n"
  "Bcc: jim\r\n"
  "\r\n"
  "b\r\n"
  "--x--\r\n",
  "MIME-Version: 1.0\r\n"
  "Content-Type: multipart/mixed; boundary=x\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "--x\r\n"
  "Content-Type: text/plain\r\n"
  "To: joe\r\n"
  "Bcc: jim\r\n"
  "\r\n"
  "b\r\n"
  "--x--\r\n" },
{ REMOTE, "seed 001", "yo@mydom.com",
  "Hola Alejandro,\r\n"
  "espero que todo vaya bien\r\n",
  "\r\n"
  "Hola Alejandro,\r\n"
  "espero que todo vaya bien\r\n" },
{ REMOTE, "empty message", "yo@mydom.com",
  "",
  NULL },
{ REMOTE, "only an empty line", "yo@mydom.com",
  "\r\n",
  NULL },
{ REMOTE, "complete header", "a@b.org",
  "From: a@b.org\r\n"
  "To: c@d.org\r\n"
  "Date: Sun, 24 May 2020 08:56:11 +0200\r\n"
  "Message-Id: <x@y>\r\n"
  "Subject: s\r\n"
  "\r\n"
  "body\r\n",
  NULL },
{ REMOTE, "header without body", "a@b.org",
  "Subject: s\r\n",
  NULL },
{ REMOTE, "header ends in text", "a@b.org",
  "Subject: s\r\n"
  "no header this is\r\n"
  "body\r\n",
  "Subject: s\r\n"
  "\r\n"
  "no header this is\r\n"
  "body\r\n" },
{ REMOTE, "null sender", "",
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "sender needs quotes", "\"first last\"@b.org",
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "unqualified from and to", "a@b.org",
  "From: joe\r\n"
  "To: jane, jim@host, ok@x.org\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "name and comment", "a@b.org",
  "From: Joe User <joe>\r\n"
  "To: jane (Jane Roe), \"Q, Jim\" <jim@host>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "folded list", "a@b.org",
  "To: one,\r\n"
  "\ttwo,\r\n"
  "  three@x.org\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "long list folds", "a@b.org",
  "To: recipient00, recipient01, recipient02, recipient03, recipi"
  "ent04, recipient05, recipient06, recipient07, recipient08, rec"
  "ipient09, recipient10, recipient11, recipient12, recipient13, "
  "recipient14, recipient15, recipient16, recipient17, recipient1"
  "8, recipient19, recipient20, recipient21, recipient22, recipie"
  "nt23, recipient24, recipient25, recipient26, recipient27, reci"
  "pient28, recipient29\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "long list untouched", "a@b.org",
  "To: recipient00@example.org, recipient01@example.org, recipien"
  "t02@example.org, recipient03@example.org, recipient04@example."
  "org, recipient05@example.org, recipient06@example.org, recipie"
  "nt07@example.org, recipient08@example.org, recipient09@example"
  ".org, recipient10@example.org, recipient11@example.org, recipi"
  "ent12@example.org, recipient13@example.org, recipient14@exampl"
  "e.org, recipient15@example.org, recipient16@example.org, recip"
  "ient17@example.org, recipient18@example.org, recipient19@examp"
  "le.org, recipient20@example.org, recipient21@example.org, reci"
  "pient22@example.org, recipient23@example.org, recipient24@exam"
  "ple.org, recipient25@example.org, recipient26@example.org, rec"
  "ipient27@example.org, recipient28@example.org, recipient29@exa"
  "mple.org\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "group", "a@b.org",
  "To: friends: joe, jane@host; , last\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "empty group", "a@b.org",
  "To: undisclosed-recipients:;\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "missing comma", "a@b.org",
  "To: joe jane\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "needless quotes", "a@b.org",
  "To: \"joe\"@x.org\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "quoted local part", "a@b.org",
  "To: \"joe user\", \"a@b\"@x.org\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "percent and bang", "a@b.org",
  "To: user%host, site!user, a%b@c.org\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "source route", "a@b.org",
  "To: <@relay.org:user@host>, @a,@b:c\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "trailing dots", "a@b.org",
  "To: user@host., user@x.org., user@x.org.., user@.\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "at signs", "a@b.org",
  "To: user@, @, @host, a@b@c\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "literal", "a@b.org",
  "To: user@[1.2.3.4], user@[IPv6:::1], [x]\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "phrase with dot", "a@b.org",
  "To: John Q. Public <john>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "nested comments", "a@b.org",
  "To: (a (b (c) d) \\) e) joe (f)\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "unclosed things", "a@b.org",
  "To: \"unclosed joe\r\n"
  "Cc: <jane\r\n"
  "Reply-To: joe (x\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "stray brackets", "a@b.org",
  "To: joe>, <<jane>>, ) x ( y\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "too many names", "a@b.org",
  "To: word000 word001 word002 word003 word004 word005 word006 wo"
  "rd007 word008 word009 word010 word011 word012 word013 word014 "
  "word015 word016 word017 word018 word019 word020 word021 word02"
  "2 word023 word024 word025 word026 word027 word028 word029 word"
  "030 word031 word032 word033 word034 word035 word036 word037 wo"
  "rd038 word039 word040 word041 word042 word043 word044 word045 "
  "word046 word047 word048 word049 <joe>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "empty brackets", "a@b.org",
  "From: <>\r\n"
  "To: joe <>, jim\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "backslashes", "a@b.org",
  "To: a\\ b, \\\"x\\\"@y.org, a\\@b\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "8 bit in names", "a@b.org",
  "To: J\303\266rg <joerg>\r\n"
  "Subject: \374\r\n"
  "\r\n"
  "b\374dy\r\n",
  NULL },
{ REMOTE, "dropped headers", "a@b.org",
  "Bcc: x@y.org\r\n"
  "Return-Path: <z@y>\r\n"
  "Content-Length: 12\r\n"
  "Resent-Bcc: q@y.org\r\n"
  "BCC: other\r\n"
  "\tfolded\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "resent", "a@b.org",
  "Resent-To: joe\r\n"
  "From: x\r\n"
  "Message-Id: <1@2>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "resent complete", "a@b.org",
  "Resent-To: joe@x.org\r\n"
  "Resent-From: x@x.org\r\n"
  "Resent-Date: today\r\n"
  "Resent-Message-Id: <9@8>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "all address headers", "a@b.org",
  "From: joe\r\n"
  "Sender: joe\r\n"
  "Reply-To: joe\r\n"
  "Errors-To: joe\r\n"
  "Return-Receipt-To: joe\r\n"
  "Disposition-Notification-To: joe\r\n"
  "Mail-Followup-To: joe\r\n"
  "To: joe\r\n"
  "Cc: joe\r\n"
  "Apparently-To: joe\r\n"
  "Resent-From: joe\r\n"
  "Resent-Sender: joe\r\n"
  "Resent-Reply-To: joe\r\n"
  "Resent-To: joe\r\n"
  "Resent-Cc: joe\r\n"
  "X-Other: joe\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "blank before colon", "a@b.org",
  "Subject \t : s\r\n"
  "X-Odd  :y\r\n"
  "To : joe\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "X-Odd:y\r\n"
  "To: joe\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "no name", "a@b.org",
  ": x\r\n"
  "\r\n"
  "b\r\n",
  "\r\n"
  ": x\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "blank in name", "a@b.org",
  "Not a: header\r\n"
  "\r\n"
  "b\r\n",
  "\r\n"
  "Not a: header\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "first line blank", "a@b.org",
  " Subject: s\r\n"
  "To: x\r\n"
  "\r\n"
  "b\r\n",
  "\r\n"
  " Subject: s\r\n"
  "To: x\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "first line a tab", "a@b.org",
  "\tx\r\n"
  "\r\n"
  "b\r\n",
  "\r\n"
  "\tx\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "from line", "a@b.org",
  "From joe Sun May 24 08:57:10 2020\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: From joe Sun May 24 08:57:10 2020\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "quoted from lines", "a@b.org",
  ">From joe Sun\r\n"
  "From jane\r\n"
  "To: joe\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: >From joe Sun\r\n"
  "X-Mailbox-Line: From jane\r\n"
  "To: joe\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "from line then blank", "a@b.org",
  "From joe Sun\r\n"
  " x\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: From joe Sun\r\n"
  "\r\n"
  " x\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n" },
{ REMOTE, "from line only", "a@b.org",
  "From joe Sun\r\n",
  "X-Mailbox-Line: From joe Sun\r\n" },
{ REMOTE, "dots", "a@b.org",
  "..dotted: header\r\n"
  "To: joe\r\n"
  "\r\n"
  "..\r\n"
  "...\r\n"
  "..x\r\n"
  ".. \r\n"
  "b\r\n",
  NULL },
{ REMOTE, "dot body without header", "a@b.org",
  "..x\r\n"
  "b\r\n",
  "\r\n"
  "..x\r\n"
  "b\r\n" },
{ REMOTE, "body from lines", "a@b.org",
  "Subject: s\r\n"
  "\r\n"
  "From here\r\n"
  "\r\n"
  ">From there\r\n"
  "From\r\n"
  "Fromage\r\n"
  "From\r\n",
  NULL },
{ REMOTE, "message ids", "a@b.org",
  "Message-Id: <1@a>\r\n"
  "Message-ID:<2@b>  \r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "folded message id", "a@b.org",
  "Message-Id:\r\n"
  " <folded@a>\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "header of a tab", "a@b.org",
  "Subject:\r\n"
  "\t\r\n"
  "To: joe\r\n"
  "\t,jane\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "blank line of spaces", "a@b.org",
  "Subject: s\r\n"
  "   \r\n"
  "To: joe\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "cte", "a@b.org",
  "Content-Transfer-Encoding: 8bit\r\n"
  "Content-Type: text/plain; charset=utf-8\r\n"
  "\r\n"
  "\303\266\r\n",
  NULL },
{ REMOTE, "cut in a long list", "a@b.org",
  "Cc: a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org, b@bbbbbbbbbbb"
  "bbbbbbbbbbbbb.org,c\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "to is empty", "a@b.org",
  "To:\r\n"
  "Cc: \r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "colon in address", "a@b.org",
  "To: a:b, c@d:e, ;x\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "pipes", "a@b.org",
  "To: |prog, joe | x\r\n"
  "\r\n"
  "b\r\n",
  NULL },
{ REMOTE, "nested mime headers", "a@b.org",
  "MIME-Version: 1.0\r\n"
  "Content-Type: multipart/mixed; boundary=x\r\n"
  "\r\n"
  "--x\r\n"
  "Content-Type: text/plain\r\n"
  "To: joe\r\n"
  "Bcc: jim\r\n"
  "\r\n"
  "b\r\n"
  "--x--\r\n",
  NULL },
{ ALWAYS, "seed 001", "yo@mydom.com",
  "Hola Alejandro,\r\n"
  "espero que todo vaya bien\r\n",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: yo@mydom.com\r\n"
  "\r\n"
  "Hola Alejandro,\r\n"
  "espero que todo vaya bien\r\n" },
{ ALWAYS, "empty message", "yo@mydom.com",
  "",
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: yo@mydom.com\r\n" },
{ ALWAYS, "header ends in text", "a@b.org",
  "Subject: s\r\n"
  "no header this is\r\n"
  "body\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "no header this is\r\n"
  "body\r\n" },
{ ALWAYS, "null sender", "",
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: MAILER-DAEMON\r\n"
  "\r\n"
  "b\r\n" },
{ ALWAYS, "unqualified from and to", "a@b.org",
  "From: joe\r\n"
  "To: jane, jim@host, ok@x.org\r\n"
  "\r\n"
  "b\r\n",
  "From: joe\r\n"
  "To: jane, jim@host, ok@x.org\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "\r\n"
  "b\r\n" },
{ ALWAYS, "dropped headers", "a@b.org",
  "Bcc: x@y.org\r\n"
  "Return-Path: <z@y>\r\n"
  "Content-Length: 12\r\n"
  "Resent-Bcc: q@y.org\r\n"
  "BCC: other\r\n"
  "\tfolded\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "Subject: s\r\n"
  "Resent-Message-Id: <20200524065611.1B440AC2470@mx.example.com"
  ">\r\n"
  "Resent-Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "Resent-From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ ALWAYS, "resent", "a@b.org",
  "Resent-To: joe\r\n"
  "From: x\r\n"
  "Message-Id: <1@2>\r\n"
  "\r\n"
  "b\r\n",
  "Resent-To: joe\r\n"
  "From: x\r\n"
  "Message-Id: <1@2>\r\n"
  "Resent-Message-Id: <20200524065611.1B440AC2470@mx.example.com"
  ">\r\n"
  "Resent-Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "Resent-From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
{ ALWAYS, "from line", "a@b.org",
  "From joe Sun May 24 08:57:10 2020\r\n"
  "Subject: s\r\n"
  "\r\n"
  "b\r\n",
  "X-Mailbox-Line: From joe Sun May 24 08:57:10 2020\r\n"
  "Subject: s\r\n"
  "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
  "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
  "From: a@b.org\r\n"
  "\r\n"
  "b\r\n" },
