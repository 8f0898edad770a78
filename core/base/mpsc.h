/*
 * core/base/mpsc.h - a lock-free queue: any worker pushes, one worker takes everything at once.
 *
 * A push is one successful compare-and-swap on the head; the taker empties the queue with one
 * exchange and gets the links oldest first. As nothing is ever popped singly there is no ABA. A
 * link may be pushed only while it is in no queue: the caller elects its pusher (a QUEUED bit won
 * by CAS).
 *
 * Threads: mpsc_push any; mpsc_take_all the one consumer; mpsc_is_empty any.
 */
#ifndef CORE_BASE_MPSC_H
#define CORE_BASE_MPSC_H

#include <stdbool.h>

#include "core/base/list.h"

struct mpsc {
    _Atomic(struct list *) head; /* newest first through list.next; NULL when empty */
};

void mpsc_init(struct mpsc *queue);

/* Appends `link`; its `prev` is left alone. What was written before is seen by who takes it. */
void mpsc_push(struct mpsc *queue, struct list *link);

/* Moves all links to the tail of `out`, oldest first. Returns how many. */
unsigned mpsc_take_all(struct mpsc *queue, struct list *out);

bool mpsc_is_empty(struct mpsc *queue);

/* The same, from outside any worker: no scheduling point. */
bool mpsc_peek_is_empty(const struct mpsc *queue);

#endif
