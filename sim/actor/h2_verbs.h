/*
 * sim/actor/h2_verbs.h - the lines that H2 clients and servers share: frames said and expected.
 *
 * Owner: plain functions.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_H2_VERBS_H
#define SIM_ACTOR_H2_VERBS_H

#include "sim/actor/h2_end.h"
#include "sim/actor/script.h"

bool h2_is_verb(enum scenario_form form);

/* `stream` is the one that is meant when the line names none; NULL: the newest. */
enum script_outcome h2_perform(struct h2_end *h2, const struct h2_stream *stream,
                               const struct scenario_event *event);

#endif
