# SPDX-License-Identifier: ISC
"""What course notes have their students write into main.cf, for three roles of
the hosts of their examples."""

NULL_CLIENT = """\
myorigin = example.com
relayhost = smtp.example.com
mydestination = localhost, $myhostname, $mydomain
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
local_transport = error:local delivery is disabled"""

INBOUND = """\
myorigin = example.com
relayhost = smtp.example.com
inet_interfaces = all
local_transport = local:$myhostname
mydestination = localhost, $myhostname, $mydomain, example.com
mynetworks = 127.0.0.0/8"""

RELAY = """\
myorigin = example.com
inet_interfaces = all
mynetworks = 192.168.0.0/24, 127.0.0.0/8
local_transport = error:local delivery is disabled"""
