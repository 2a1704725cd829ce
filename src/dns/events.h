/* SPDX-License-Identifier: ISC */
/*
 * dns/events.h - our loop, dressed as the event library libunbound wants.
 */
#pragma once

#include "os/loop.h"

struct ub_event_base;

struct ub_event_base *events_new(struct loop *l);
void events_free(struct ub_event_base **base);
