/*
 * sim/sched/spin.c - spinning is blocking (design D7).
 *
 * A thread that keeps reading the same values at the same places and gets nothing else done is
 * parked until somebody changes one of the values it read. When everybody waits, parked spinners
 * are let loose for longer and longer, so that a loop with a bound comes to its end while an
 * endless one is recognised after a bounded number of steps.
 *
 * A write that leaves what it found (a failed exchange of a lock, an OR of a bit that is set)
 * counts as a read: nothing changed.
 */
#include <string.h>

#include "sim/sched/internal.h"

void spin_new(struct vthread *thread)
{
    thread->spin = arena_take(&sched.arena, sizeof(*thread->spin));
    thread->spin->thread = thread;
    thread->spin->grant = SPIN_ROUNDS;
}

void spin_unpark(struct vthread *thread)
{
    struct spin *spin = thread->spin;

    if (spin == NULL || !spin->is_parked)
        return;
    spin->is_parked = false;
    struct spin **link = &sched.spin_parked;
    while (*link != spin)
        link = &(*link)->next_parked;
    *link = spin->next_parked;
}

static void park_spinner(struct vthread *self)
{
    struct spin *spin = self->spin;
    struct op op = self->next;

    spin->is_parked = true;
    spin->next_parked = sched.spin_parked;
    sched.spin_parked = spin;
    sched.strategy->yielded(&sched.run, self);
    (void)sched_park(&op, NULL, TIME_NEVER, true);
    spin_unpark(self);
    for (uint32_t i = 0; i < spin->read_count; i++)
        spin->reads[i].repeats = 0;
}

/* Compilers copy loops, each in its own way, and one place becomes several addresses. What the
 * source says is the same in every build, and so is the run then. */
static bool is_same_place(const struct spin_read *read, const struct op *op)
{
    if (read->label == NULL || op->label == NULL)
        return read->pc == op->pc;
    return read->label == op->label || strcmp(read->label, op->label) == 0;
}

static void note_read(struct vthread *self, const volatile void *address, uint64_t value)
{
    struct spin *spin = self->spin;

    for (uint32_t i = 0; i < spin->read_count; i++) {
        struct spin_read *read = &spin->reads[i];
        if (read->address != address || !is_same_place(read, &self->next))
            continue;
        if (read->value != value) { /* news: whatever it waits for, it saw a step of it */
            read->value = value;
            read->repeats = 0;
            spin->grant = SPIN_ROUNDS;
            return;
        }
        if (++read->repeats >= spin->grant)
            park_spinner(self);
        return;
    }
    if (spin->read_count == SPIN_WINDOW)
        spin->read_count = 0;
    spin->reads[spin->read_count++] = (struct spin_read){
        .address = address, .pc = self->next.pc, .label = self->next.label, .value = value};
}

static void wake_spinners(const volatile void *address)
{
    struct spin *next;

    for (struct spin *spin = sched.spin_parked; spin != NULL; spin = next) {
        next = spin->next_parked;
        for (uint32_t i = 0; i < spin->read_count; i++) {
            if (spin->reads[i].address == address) {
                spin->grant = SPIN_ROUNDS;
                spin_unpark(spin->thread);
                sched_unpark(spin->thread);
                break;
            }
        }
    }
}

void sched_memory_result(const volatile void *address, uint64_t found, uint64_t left)
{
    struct vthread *self = sched.self;

    if (found != left) {
        if (sched.spin_parked != NULL)
            wake_spinners(address);
        if (self != NULL)
            spin_progress(self);
    } else if (self != NULL && self->next.kind != OP_STORE) {
        note_read(self, address, found);
    }
}

bool spin_retry_all(void)
{
    bool has_retry = false;

    while (sched.spin_parked != NULL) {
        struct spin *spin = sched.spin_parked;
        if (spin->grant > SPIN_GRANT_MAX)
            break;
        spin->grant *= 4;
        spin_unpark(spin->thread);
        sched_unpark(spin->thread);
        has_retry = true;
    }
    return has_retry;
}
