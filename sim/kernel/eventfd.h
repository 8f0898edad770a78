/*
 * sim/kernel/eventfd.h - a counter that can be waited for.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_EVENTFD_H
#define SIM_KERNEL_EVENTFD_H

#include <stdint.h>

#include "sim/kernel/file.h"

struct eventfd {
    struct file file;
    uint64_t count;
    bool is_semaphore;
};

/* `flags` as eventfd(2), already checked. */
struct file *eventfd_new(uint32_t initial, int flags);

#endif
