/*
 * core/proxy/stop.h - signals, and the two ways to stop.
 *
 * Soft: the listeners accept what the kernel still has and close; sessions between two requests are
 * closed, the others say "Connection: close" with their next response; each worker acknowledges,
 * and all leave together when there is no job left. After hard-stop-after it becomes a hard stop.
 *
 * Hard: everything ends under isolation.
 *
 * Threads: said at each function.
 */
#ifndef CORE_PROXY_STOP_H
#define CORE_PROXY_STOP_H

#include <signal.h>

#include "core/base/attr.h"
#include "core/rt/rt.h"

struct proxy;

/* What the signal handlers and mask were before. */
struct stop_signals {
    struct sigaction actions[8];
    sigset_t mask;
};

/* Fills in the callbacks of the instance. */
void stop_init(struct proxy *proxy, struct rt_callbacks *callbacks);

/* Makes the task that bounds a soft stop. -ERR_MEMORY. The caller has entered the instance. */
MUST_CHECK int stop_new_task(struct proxy *proxy);

/* Installs our handlers, and blocks their signals until worker 0 runs. And the reverse. */
void stop_begin_signals(struct stop_signals *before);
void stop_end_signals(const struct stop_signals *before);

/* From now on the calling thread, and those that it makes, leave the signals pending until worker 0
 * runs, and again once it has ended. */
void stop_hold_signals(void);

/* Lets the calling thread, worker 0, be interrupted. */
void stop_unblock_signals(void);

#endif
