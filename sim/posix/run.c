/*
 * sim/posix/run.c - see run.h.
 */
#include "sim/posix/run.h"

#include <string.h>

#include "sim/memory/heap.h"
#include "sim/posix/names.h"
#include "sim/posix/signal.h"
#include "sim/posix/stream.h"

/* Far from what glibc leaves in the words where a lock keeps its epoch. */
enum { EPOCH_BASE = 0x5eed0000 };

struct posix_run posix_run = {.epoch = EPOCH_BASE};

void posix_run_begin(void)
{
    uint32_t epoch = posix_run.epoch + 1;

    posix_run = (struct posix_run){.epoch = epoch == 0 ? EPOCH_BASE : epoch, .is_active = true};
    names_begin();
    heap_begin();
    sched_signal_handler = signal_handle_pending;
}

void posix_run_end(void)
{
    stream_end();
    heap_end();
    posix_run.is_active = false;
}
