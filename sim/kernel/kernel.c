/*
 * sim/kernel/kernel.c - the start and the end of a run's kernel; see kernel.h.
 */
#include "sim/kernel/kernel.h"

struct kernel *kernel;

void kernel_begin(void)
{
    kernel = arena_take(sched_arena(), sizeof(*kernel));
}

void kernel_end(void)
{
    kernel = NULL;
}
