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

void spin_new(struct vthread *thread, struct spin *spin)
{
    thread->spin = spin;
    thread->spin_reads = 0;
    spin->thread = thread;
    spin->grant = SPIN_ROUNDS;
    spin->is_parked = false;
    spin->next_parked = NULL;
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
    for (uint32_t i = 0; i < self->spin_reads; i++)
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

#define EVERY_BYTE UINT64_C(0x0101010101010101)

/* Not 0, which is what marks a byte that is not in use. */
static uint64_t signature_of(const volatile void *address)
{
    return (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15) >> 56 | 1;
}

/* The read of that address at the thread's point that is in the window, or NULL. Most are not in
 * it: a byte of each address, all eight compared at once, says so. */
static struct spin_read *find_read(struct vthread *self, const volatile void *address)
{
    struct spin *spin = self->spin;
    uint64_t differ = spin->signatures ^ signature_of(address) * EVERY_BYTE;

    if (self->spin_reads == 0)
        return NULL;
    /* The top bit of each byte that is zero, and of some that lie above one. */
    for (uint64_t found = (differ - EVERY_BYTE) & ~differ & EVERY_BYTE << 7; found != 0;
         found &= found - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(found) / 8;
        struct spin_read *read = &spin->reads[i];
        if (i < self->spin_reads && read->address == address && is_same_place(read, &self->next))
            return read;
    }
    return NULL;
}

static void add_read(struct vthread *self, const volatile void *address, uint64_t value)
{
    struct spin *spin = self->spin;

    if (self->spin_reads == SPIN_WINDOW)
        self->spin_reads = 0;
    if (self->spin_reads == 0)
        spin->signatures = 0;
    spin->signatures |= signature_of(address) << self->spin_reads * 8;
    spin->reads[self->spin_reads++] = (struct spin_read){
        .address = address, .pc = self->next.pc, .label = self->next.label, .value = value};
}

void spin_note_read(struct vthread *self, const volatile void *address, uint64_t value)
{
    struct spin_read *read = find_read(self, address);

    if (read == NULL) {
        add_read(self, address, value);
    } else if (read->value != value) { /* news: whatever it waits for, it saw a step of it */
        read->value = value;
        read->repeats = 0;
        self->spin->grant = SPIN_ROUNDS;
    } else if (++read->repeats >= self->spin->grant) {
        park_spinner(self);
    }
}

void spin_wake(const volatile void *address)
{
    struct spin *next;

    for (struct spin *spin = sched.spin_parked; spin != NULL; spin = next) {
        next = spin->next_parked;
        for (uint32_t i = 0; i < spin->thread->spin_reads; i++) {
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
    sched_memory_result_inline(address, found, left);
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
