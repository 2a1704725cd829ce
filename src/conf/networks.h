/* SPDX-License-Identifier: ISC */
/*
 * conf/networks.h - the default of mynetworks, without a whole snapshot.
 */
#pragma once

#include "conf/conf.h"

/*
 * What inet_interfaces, inet_protocols and mynetworks_style make of this
 * machine's addresses, into `out`. CONF_BAD when an interface is named that
 * is not there: `error` gets its name.
 */
MUST_USE int conf_networks(span interfaces, span protocols, span style,
    struct buf *out, struct buf *error);
