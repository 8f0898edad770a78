/*
 * sim/actor/verbs.h - the lines that clients and servers have in common: raw bytes, ends,
 * back-pressure.
 *
 * Owner: plain functions.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_VERBS_H
#define SIM_ACTOR_VERBS_H

#include "core/net/addr.h"
#include "sim/actor/peer.h"
#include "sim/actor/script.h"

/* Performs `event` (send, recv, eof, rst, close, reset, shutdown, pause, resume, window) on `peer`.
 * `who` is for messages. */
enum script_outcome peer_perform(struct peer *peer, const char *who,
                                 const struct scenario_event *event);

/* The host at `addr`; a new one called `name` when there is none yet. */
struct host *actor_host(const char *name, const struct addr *addr);

/* Gives `host` one more address, unless it is a wildcard or loopback. Another host's address ends
 * the run with a finding. */
void actor_host_address(struct host *host, const struct addr *addr);

#endif
