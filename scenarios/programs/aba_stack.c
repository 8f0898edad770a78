/*
 * aba_stack.c - a lock-free stack that mistakes an old head for the one it knows.
 *
 * To pop, a thread reads the head and what lies below it, and swaps the head if it is still the
 * same node. Popped nodes are pushed again.
 *
 * Wrong: between reading and swapping, the other thread pops this node, pops the one below, and
 * pushes the first one back. The head is the same node again, what lies below is not: the swap
 * makes a node the head that the other thread owns, and the next pop hands it out a second
 * time.
 *
 * Right (-DFIXED): the head carries a number that each push changes.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NODES = 3 };

static struct {
    _Atomic uint32_t below; /* the number of a node; 0 is none */
    atomic_bool is_owned;
} node[NODES + 1];

/* The number of the topmost node, and how often one was pushed above it. */
static _Atomic uint64_t head;

static uint32_t pop(void)
{
    uint64_t old = atomic_load(&head);
    uint64_t new;

    do {
        if ((uint32_t)old == 0)
            return 0;
        new = (old & ~(uint64_t)UINT32_MAX) | atomic_load(&node[(uint32_t)old].below);
    } while (!atomic_compare_exchange_strong(&head, &old, new));
    assert(!atomic_exchange(&node[(uint32_t)old].is_owned, true) && "nobody else owns it");
    return (uint32_t)old;
}

static void push(uint32_t number)
{
    uint64_t old = atomic_load(&head);
    uint64_t new;

    atomic_store(&node[number].is_owned, false);
    do {
        atomic_store(&node[number].below, (uint32_t)old);
        new = (old & ~(uint64_t)UINT32_MAX) | number;
#ifdef FIXED
        new += (uint64_t)1 << 32;
#endif
    } while (!atomic_compare_exchange_strong(&head, &old, new));
}

static void *use(void *arg)
{
    uint32_t first = pop();
    uint32_t second = pop();

    if (first != 0)
        push(first);
    if (second != 0)
        push(second);
    return arg;
}

int main(void)
{
    pthread_t one, other;

    for (uint32_t number = NODES; number > 0; number--)
        push(number);
    pthread_create(&one, NULL, use, NULL);
    pthread_create(&other, NULL, use, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    return 0;
}
