#include "core/base/mpsc.h"

#include "core/base/atomic.h"

void mpsc_init(struct mpsc *queue)
{
    atomic_init(&queue->head, NULL);
}

void mpsc_push(struct mpsc *queue, struct list *link)
{
    struct list *head = atom_peek(&queue->head);

    /* pair: mpsc.push. Release: without it the taker could read `next`, or the object around the
     * link, from before this push. */
    do {
        link->next = head;
    } while (!atom_cas(&queue->head, &head, link, memory_order_release));
}

unsigned mpsc_take_all(struct mpsc *queue, struct list *out)
{
    struct list *newest, *next, oldest_first = LIST_INIT(oldest_first);
    unsigned count = 0;

    if (mpsc_is_empty(queue))
        return 0;
    /* pair: mpsc.push. Acquire: sees what each pusher wrote before its push. */
    newest = atom_exchange(&queue->head, NULL, memory_order_acquire);
    for (; newest != NULL; newest = next) {
        next = newest->next;
        list_push_head(&oldest_first, newest);
        count++;
    }
    list_splice_tail(out, &oldest_first);
    return count;
}

bool mpsc_is_empty(struct mpsc *queue)
{
    return atom_load(&queue->head) == NULL;
}

bool mpsc_peek_is_empty(const struct mpsc *queue)
{
    return atomic_load_explicit(&queue->head, memory_order_relaxed) == NULL;
}
