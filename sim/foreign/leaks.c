/*
 * sim/foreign/leaks.c - see leaks.h.
 */
#include "sim/foreign/leaks.h"

#include "sim/foreign/image.h"
#include "sim/foreign/settings.h"
#include "sim/memory/heap.h"
#include "sim/sched/sched.h"
#include "sim/vthread/identity.h"

enum { TEXT_BYTES = 1024 };

static void reach_between(const void *low, const void *high)
{
    if (low < high)
        heap_reach(low, (size_t)((const char *)high - (const char *)low));
}

/* Stacks as far as they are used; the caller's from `frame` on. */
static void reach_threads(const struct process *process, const void *frame)
{
    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        if (thread->is_lane || thread->process != process || thread->state == VTHREAD_DONE)
            continue;
        const void *low = thread == sched_self() ? frame : thread->stack_pointer;
        reach_between(low, thread->identity->stack_top);
        image_reach_tls(thread->identity);
    }
}

void leaks_check(const struct process *process)
{
    static char text[TEXT_BYTES]; /* not on the stack, where old pointers would show through it */
    uintptr_t registers[5];

    if (heap_stats().live_count == 0)
        return;
    __asm__ volatile("movq %%rbx, 0(%0)\n\t"
                     "movq %%r12, 8(%0)\n\t"
                     "movq %%r13, 16(%0)\n\t"
                     "movq %%r14, 24(%0)\n\t"
                     "movq %%r15, 32(%0)"
                     :
                     : "r"(registers)
                     : "memory");
    heap_reach_begin();
    heap_reach(registers, sizeof(registers));
    image_reach();
    settings_reach();
    reach_threads(process, __builtin_frame_address(0));
    /* What calls keep for the program: values of keys, epoll data, arguments of threads. */
    heap_reach(sched_arena()->base, sched_arena()->used_bytes);
    if (heap_leaks_unreachable(process, text, sizeof(text)) != 0)
        finding_fail(FINDING_LEAK, NULL, "leak: %s", text);
}
