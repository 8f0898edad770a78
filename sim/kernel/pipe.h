/*
 * sim/kernel/pipe.h - pipes: sixteen pages, as Linux fills and drains them.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_PIPE_H
#define SIM_KERNEL_PIPE_H

#include <stdint.h>

#include "sim/kernel/file.h"

enum { PIPE_PAGES = 16, PIPE_PAGE_BYTES = 4096 };

struct pipe_page {
    uint32_t begin;
    uint32_t end;
    uint8_t *bytes; /* PIPE_PAGE_BYTES; NULL until first used */
};

struct pipe {
    struct pipe_page pages[PIPE_PAGES];
    uint32_t first;
    uint32_t used;
    struct file *reader; /* NULL when that end is closed */
    struct file *writer;
    bool is_polled; /* somebody ever asked for readiness */
};

/* Both ends, one reference each. `flags`: O_NONBLOCK. */
void pipe_new(int flags, struct file **reader, struct file **writer);

#endif
