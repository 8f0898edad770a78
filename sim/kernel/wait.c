/*
 * sim/kernel/wait.c - see wait.h.
 */
#include "sim/kernel/wait.h"

#include "sim/kernel/kernel.h"

static bool notify(struct watch *watch, uint32_t mask)
{
    struct file_wait *wait = watch->context;

    if (mask != 0 && (mask & wait->mask) == 0)
        return false;
    watch_remove(watch);
    if (wait->thread->state == VTHREAD_DONE)
        return false; /* killed: the wake is somebody else's */
    sched_unpark(wait->thread);
    return true;
}

struct file_wait *file_wait_begin(struct process *process, struct file *file,
                                  struct watch_list *list, uint32_t mask, bool is_exclusive)
{
    struct file_wait *wait = kmem_take(sizeof(*wait));

    wait->file = file_get(file);
    wait->thread = sched_self();
    wait->process = process;
    wait->mask = mask;
    wait->next = process->waits;
    wait->prev = &process->waits;
    if (wait->next != NULL)
        wait->next->prev = &wait->next;
    process->waits = wait;
    wait->watch.notify = notify;
    wait->watch.context = wait;
    watch_list_add(list, &wait->watch, is_exclusive);
    return wait;
}

void file_wait_end(struct file_wait *wait)
{
    struct file *file = wait->file;

    watch_remove(&wait->watch);
    *wait->prev = wait->next;
    if (wait->next != NULL)
        wait->next->prev = wait->prev;
    kmem_give(wait, sizeof(*wait));
    file_put(file);
}
