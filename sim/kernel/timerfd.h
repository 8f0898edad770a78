/*
 * sim/kernel/timerfd.h - a timer that can be waited for, fired by the clock's lane.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_TIMERFD_H
#define SIM_KERNEL_TIMERFD_H

#include <stdint.h>
#include <time.h>

#include "sim/kernel/process.h"

struct timerfd {
    struct file file;
    struct timer timer;
    struct process *process; /* whose clock */
    clockid_t clock;
    uint64_t ticks;       /* expirations not read */
    uint64_t interval_ns; /* 0: once */
    uint64_t due_ns;      /* next expiration, virtual; TIME_NEVER when disarmed */
};

/* `clock` and `flags` as timerfd_create(2), already checked. */
struct file *timerfd_new(struct process *process, clockid_t clock, int flags);
/* The file whose expiration this is, or NULL. */
const struct file *timerfd_of_timer(const struct timer *timer);
bool timerfd_is(const struct file *file);
/* 0 or -EINVAL. `old` may be NULL. */
int timerfd_set(struct file *file, int flags, const struct itimerspec *value,
                struct itimerspec *old);
void timerfd_get(struct file *file, struct itimerspec *value);

#endif
