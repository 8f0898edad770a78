/*
 * sim/kernel/kernel.c - the start and the end of a run's kernel; see kernel.h.
 */
#include "sim/kernel/kernel.h"

#include "sim/kernel/disk.h"
#include "sim/kernel/footprint.h"
#include "sim/kernel/mapping.h"

struct kernel *kernel;

void kernel_begin(void)
{
    kernel = arena_take(sched_arena(), sizeof(*kernel));
    footprint_install();
}

void kernel_end(void)
{
    mapping_end();
    disk_end();
    kernel = NULL;
}
