/*
 * sim/memory/stray.c - a pointer given to free() that no allocator can have given out; see block.h.
 *
 * What the C library allocated for the program is not known here and goes back to it. But a stack,
 * a variable of the program, or the middle of something is nobody's to free, and glibc would end
 * the process over it.
 */
#include <stdint.h>
#include <stdio.h>

#include "sim/memory/block.h"
#include "sim/sched/sched.h"
#include "sim/vthread/identity.h"

/* The linker's: where the program's own memory begins and ends. */
extern const char __executable_start[] __attribute__((weak));
extern const char _end[] __attribute__((weak));

enum { MALLOC_ALIGNMENT = 16 };

static bool is_within(uintptr_t address, const void *low, const void *high)
{
    return address - (uintptr_t)low < (uintptr_t)high - (uintptr_t)low;
}

/* Whose stack or thread-local storage holds `address`; NULL when it is nobody's. */
static const struct vthread *find_owner(uintptr_t address)
{
    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        if (thread->identity != NULL && thread->state != VTHREAD_DONE &&
            is_within(address, thread->identity->stack_bottom, (void *)thread->identity->tls_base))
            return thread;
    }
    return NULL;
}

void block_check_stray(const void *memory, const char *what, const void *pc)
{
    uintptr_t address = (uintptr_t)memory;
    const struct vthread *owner = find_owner(address);
    unsigned long at = (unsigned long)pc;
    char detail[128] = "not at the start of anything that was allocated\n";

    if (owner != NULL)
        (void)snprintf(detail, sizeof(detail), "it is on the stack of %s\n", owner->name);
    else if (is_within(address, __executable_start, _end))
        (void)snprintf(detail, sizeof(detail), "it is a variable of the program\n");
    else if (address % MALLOC_ALIGNMENT == 0)
        return;
    finding_fail_detail(FINDING_HEAP_MISUSE, pc, detail, "invalid-%s in {pc:%lx}", what, at);
}
