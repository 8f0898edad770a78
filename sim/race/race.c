/*
 * sim/race/race.c - threads of the detector, and what an access is checked against; see race.h.
 *
 * The algorithm is FastTrack (Flanagan and Freund, PLDI 2009) by the byte: an access is dropped
 * from a cell once a later one, ordered after it, would clash with all that it could clash with. So
 * the first race of a run is never missed, and a cell holds few records. What does not fit into its
 * four slots goes to an extension in the run's arena.
 */
#include "sim/race/race.h"

#include <string.h>

#include "sim/race/internal.h"
#include "sim/race/shadow.h"
#include "sim/vthread/identity.h"

enum { MORE_RECORDS = 7, MORE_FIRST = 64 };

/* The rest of a cell whose last slot says so: kind 3, no bytes, and where the stack would be the
 * number of the extension. */
struct more {
    uint64_t records[MORE_RECORDS];
    struct more *next;
};

struct race race = {.has_atomic_points = true};

static struct {
    struct more **table;
    uint32_t count;
    uint32_t capacity;
} extensions;

void race_points_set(bool is_on)
{
    race.has_points = is_on;
}

void race_atomic_points_set(bool is_on)
{
    race.has_atomic_points = is_on;
}

void race_keep_going_set(bool is_on)
{
    race.is_keep_going = is_on;
}

/* ---- threads ---- */

static void begin_run(void)
{
    shadow_init();
    race.run++;
    race.base = race.clock_max;
    race.thread_count = 0;
    race.seen_count = 0;
    extensions.table = NULL;
    extensions.count = 0;
    extensions.capacity = 0;
    race_order_begin();
    race_benign_begin();
    if (race.base > RACE_CLOCK_MAX / 2 || race.run == 0) {
        shadow_wipe();
        race.base = 0;
        race.clock_max = 0;
        race.run = 1;
    }
}

static void set_clock(struct race_thread *self, uint32_t clock)
{
    self->clock.at[self->number] = clock;
    self->epoch = (uint64_t)self->number << RECORD_THREAD_SHIFT | (uint64_t)clock
                                                                      << RECORD_CLOCK_SHIFT;
    if (clock > race.clock_max)
        race.clock_max = clock;
}

void race_tick(struct race_thread *self)
{
    uint32_t clock = self->clock.at[self->number];

    if (__builtin_expect(clock == RACE_CLOCK_MAX, 0))
        finding_fail(FINDING_STEP_BOUND, NULL, "step-bound: %u releases in one run",
                     clock - race.base);
    set_clock(self, clock + 1);
}

/* A number whose thread has ended; the last one when there is none, at the price of races unseen.
 */
static uint32_t used_number(void)
{
    for (uint32_t i = 0; i < RACE_THREADS_MAX; i++) {
        if (race.threads[i]->thread->state == VTHREAD_DONE)
            return i;
    }
    return RACE_THREADS_MAX - 1;
}

struct race_thread *race_thread_new(struct vthread *thread)
{
    struct race_thread *self = arena_take(sched_arena(), sizeof(*self));
    uint32_t clock = race.base + 1;

    if (race.thread_count < RACE_THREADS_MAX) {
        self->number = race.thread_count++;
    } else {
        self->number = used_number();
        clock = race.threads[self->number]->clock.at[self->number] + 1;
    }
    race.threads[self->number] = self;
    self->thread = thread;
    self->stack_bottom = (uintptr_t)thread->identity->stack_bottom;
    self->stack_low = (uintptr_t)thread->identity->stack_top;
    vclock_grow(&self->clock, self->number + 1);
    set_clock(self, clock);
    return self;
}

/* Other threads of this run had the same stack: what they did there is over. */
static void forget_borrowed_stack(const struct vthread *thread)
{
    const struct identity *identity = thread->identity;
    uintptr_t bottom = (uintptr_t)identity->stack_bottom;
    uintptr_t top = (uintptr_t)identity->stack_top;
    uintptr_t low = top;

    for (uint32_t i = 0; i < race.thread_count; i++) {
        const struct race_thread *other = race.threads[i];
        if (other->thread != thread && other->stack_bottom == bottom && other->stack_low < low)
            low = other->stack_low;
    }
    if (low == top)
        return;
    if (identity->tls_base > top) /* thread-local storage lies above the stack */
        top = identity->tls_base;
    shadow_clear(low, top - low, race.run);
}

struct race_thread *race_attach(struct vthread *thread)
{
    /* The first thread made in a run, and its `race` is nobody else's: it marks the run. */
    if (sched.clock_lane->race == NULL) {
        begin_run();
        sched.clock_lane->race = &race;
    }
    forget_borrowed_stack(thread);
    struct race_thread *self = race_thread_new(thread);
    thread->race = self;
    return self;
}

uint32_t race_stack(struct race_thread *self, const void *pc)
{
    uint32_t depth = self->depth < FRAMES_MAX ? self->depth : FRAMES_MAX;
    uint32_t known = depth;

    while (known != 0 && self->frames[known - 1].stack == 0)
        known--;
    uint32_t stack = known == 0 ? 0 : self->frames[known - 1].stack;
    for (; known < depth; known++) {
        stack = callstack_push(stack, self->frames[known].pc);
        self->frames[known].stack = stack;
    }
    return callstack_push(stack, pc);
}

size_t race_callers(const void *pc, const void **out, size_t out_max)
{
    struct race_thread *self = race_current();

    return self == NULL ? 0 : callstack_pcs(race_stack(self, pc), out, out_max);
}

/* ---- one cell ---- */

/* An access on its way into a cell. */
struct probe {
    struct race_thread *self;
    uintptr_t address; /* of the cell */
    uint64_t now;
    const char *what;
    const void *pc;
    uint64_t *free; /* a slot that may be used */
    bool is_merged;
};

static bool is_ordered(const struct race_thread *self, uint64_t record)
{
    uint32_t thread = record_thread(record);
    uint32_t known = thread < self->clock.count ? self->clock.at[thread] : race.base;

    return record_clock(record) <= known;
}

static void probe_slot(struct probe *probe, uint64_t *slot)
{
    uint64_t record = *slot;
    uint32_t mask = record_mask(probe->now);

    if (record_clock(record) <= race.base) {
        probe->free = slot;
        return;
    }
    if (!probe->is_merged && ((record ^ probe->now) & ~UINT64_C(0xff)) == 0) {
        *slot = record | mask;
        probe->is_merged = true;
        return;
    }
    if ((record_mask(record) & mask) == 0)
        return;
    if (!is_ordered(probe->self, record)) {
        if (kinds_clash(record_kind(record), record_kind(probe->now)))
            race_report(probe->self, probe->address, record, probe->now, probe->what, probe->pc);
    } else if ((record_mask(record) & ~mask) == 0 &&
               kind_covers(record_kind(probe->now), record_kind(record))) {
        *slot = 0;
        probe->free = slot;
    }
}

static struct more *more_new(uint32_t *number)
{
    if (extensions.count == extensions.capacity) {
        uint32_t capacity = extensions.capacity == 0 ? MORE_FIRST : extensions.capacity * 2;
        struct more **table = arena_take(sched_arena(), capacity * sizeof(struct more *));
        if (extensions.count != 0)
            memcpy((void *)table, (const void *)extensions.table,
                   extensions.count * sizeof(struct more *));
        extensions.table = table;
        extensions.capacity = capacity;
    }
    struct more *more = arena_take(sched_arena(), sizeof(*more));
    *number = extensions.count++;
    extensions.table[*number] = more;
    return more;
}

static struct more *more_of(uint64_t slot)
{
    if (record_mask(slot) != 0 || record_clock(slot) <= race.base)
        return NULL;
    return extensions.table[record_stack(slot)];
}

/* No slot is free: the last one moves into an extension and says where it is. */
static void extend(struct cell *cell, struct more *last, uint64_t record)
{
    uint64_t *slot = &cell->slots[CELL_SLOTS - 1];
    uint32_t number;
    struct more *more = more_new(&number);

    more->records[0] = record;
    if (last != NULL) {
        last->next = more;
        return;
    }
    more->records[1] = *slot;
    *slot = (uint64_t)(race.base + 1) << RECORD_CLOCK_SHIFT |
            (uint64_t)number << RECORD_STACK_SHIFT |
            (KIND_ATOMIC | KIND_WRITE) << RECORD_KIND_SHIFT;
}

static void probe_cell(struct probe *probe, struct cell *cell)
{
    struct more *more = more_of(cell->slots[CELL_SLOTS - 1]);
    struct more *last = NULL;
    uint32_t slot_count = more == NULL ? CELL_SLOTS : CELL_SLOTS - 1;

    probe->free = NULL;
    probe->is_merged = false;
    for (uint32_t i = slot_count; i-- > 0;)
        probe_slot(probe, &cell->slots[i]);
    for (; more != NULL; last = more, more = more->next) {
        for (uint32_t i = 0; i < MORE_RECORDS; i++)
            probe_slot(probe, &more->records[i]);
    }
    if (probe->is_merged)
        return;
    if (probe->free != NULL)
        *probe->free = probe->now;
    else
        extend(cell, last, probe->now);
}

/* ---- accesses ---- */

/* Part of an access, or of a free, that covers whole cells of one region. */
struct span {
    struct race_thread *self;
    struct cell *cells;
    size_t count;
    uintptr_t address; /* of the first */
    uint64_t now;
    const char *what; /* not NULL: nothing is noted, what was is erased */
    const void *pc;
};

/* Nothing in the cell is unordered with the thread, and no extension hangs on it. */
static inline bool is_settled(const struct race_thread *self, const struct cell *cell)
{
    for (unsigned i = 0; i < CELL_SLOTS; i++) {
        uint64_t record = cell->slots[i];
        if (record_clock(record) > race.base &&
            (!is_ordered(self, record) || record_mask(record) == 0))
            return false;
    }
    return true;
}

static void probe_one(const struct span *span, size_t index)
{
    struct probe probe = {.self = span->self,
                          .address = span->address + index * 8,
                          .now = span->now,
                          .what = span->what,
                          .pc = span->pc};

    probe_cell(&probe, &span->cells[index]);
}

/* All bytes of all cells are written: of what is ordered nothing needs to stay. */
static void write_span(const struct span *span)
{
    uint64_t left = span->what == NULL ? span->now : 0;

    for (size_t i = 0; i < span->count; i++) {
        if (!is_settled(span->self, &span->cells[i]))
            probe_one(span, i);
        span->cells[i] = (struct cell){.slots = {left}};
    }
}

static void read_span(const struct span *span)
{
    for (size_t i = 0; i < span->count; i++) {
        struct cell *cell = &span->cells[i];
        uint64_t live = 0;
        for (unsigned j = 0; j < CELL_SLOTS; j++)
            live |= (uint64_t)(record_clock(cell->slots[j]) > race.base);
        if (live == 0)
            cell->slots[0] = span->now;
        else
            probe_one(span, i);
    }
}

/* Marks the blocks of [address, end), which lies in one region, as used in this run. */
static void touch(uintptr_t address, uintptr_t end)
{
    uint32_t *touched = shadow_touched(address);
    size_t count = ((end - 1) >> BLOCK_SHIFT) - (address >> BLOCK_SHIFT) + 1;

    for (size_t i = 0; i < count; i++)
        touched[i] = race.run;
}

/* The whole cells from `address` on, `end` not among them, as far as the region goes. Returns where
 * it stopped. */
static uintptr_t access_span(struct span *span, uintptr_t address, uintptr_t end)
{
    uintptr_t region_end = ((address >> REGION_SHIFT) + 1) << REGION_SHIFT;

    end = end < region_end ? end & ~(uintptr_t)7 : region_end;
    touch(address, end);
    span->cells = shadow_cell(address);
    span->count = (end - address) / 8;
    span->address = address;
    if (record_kind(span->now) == KIND_WRITE)
        write_span(span);
    else
        read_span(span);
    return end;
}

/* The usual way of an access within one cell: what is there is of earlier runs, or ordered and
 * covered, or about other bytes. False, with nothing changed but what is covered gone, when more
 * must be looked at. */
static inline bool access_one(const struct race_thread *self, struct cell *cell, uint64_t now)
{
    uint32_t mask = record_mask(now);
    uint64_t *place = NULL;
    uint64_t *same = NULL; /* but for its bytes */

    for (unsigned i = CELL_SLOTS; i-- > 0;) {
        uint64_t record = cell->slots[i];
        if (record_clock(record) <= race.base) {
            place = &cell->slots[i];
            continue;
        }
        if ((record ^ now) < 0x100) {
            same = &cell->slots[i];
            continue;
        }
        uint32_t other = record_mask(record);
        if (other != 0 && (other & mask) == 0)
            continue;
        if (other == 0 || !is_ordered(self, record))
            return false;
        if ((other & ~mask) == 0 && kind_covers(record_kind(now), record_kind(record))) {
            cell->slots[i] = 0;
            place = &cell->slots[i];
        }
    }
    if (same != NULL)
        *same |= mask;
    else if (place != NULL)
        *place = now;
    return same != NULL || place != NULL;
}

/* `key` is a record without bytes. */
static void access_cells(struct race_thread *self, uintptr_t address, size_t size_bytes,
                         uint64_t key, const char *what, const void *pc)
{
    struct span span = {.self = self, .now = key | 0xff, .what = what, .pc = pc};
    uintptr_t end = address + size_bytes;

    while (address < end) {
        uintptr_t base = address & ~(uintptr_t)7;
        if (address == base && end - address >= 16 && (record_kind(key) & KIND_ATOMIC) == 0) {
            address = access_span(&span, address, end);
            continue;
        }
        uint32_t mask = 0xff << (address - base) & 0xff;
        if (end < base + 8)
            mask &= 0xff >> (base + 8 - end);
        struct probe probe = {
            .self = self, .address = base, .now = key | mask, .what = what, .pc = pc};
        *shadow_touched(base) = race.run;
        probe_cell(&probe, shadow_cell(base));
        address = base + 8;
    }
}

static uint64_t record_key(struct race_thread *self, unsigned kind, const void *pc)
{
    return self->epoch | (uint64_t)race_stack(self, pc) << RECORD_STACK_SHIFT |
           (uint64_t)kind << RECORD_KIND_SHIFT;
}

/* The first thread of the run before any other was made: whatever it does comes before all that
 * they will do, since it is it that makes them. Nothing needs to be noted. */
static bool is_alone(void)
{
    if (__builtin_expect(race.seen_count == sched.run.thread_count, 1))
        return race.is_alone;
    race.seen_count = sched.run.thread_count;
    uint32_t count = 0;
    for (uint32_t i = 0; i < sched.run.thread_count; i++)
        count += !sched.threads[i]->is_lane;
    race.is_alone = count == 1;
    return race.is_alone;
}

void race_access(struct race_thread *self, uintptr_t address, size_t size_bytes, unsigned kind,
                 const void *pc)
{
    if (__builtin_expect(
            (address & 7) + size_bytes <= 8 && size_bytes != 0 && shadow_covers(address), 1)) {
        if (heap_check != NULL)
            heap_check((const volatile void *)address, size_bytes, (kind & KIND_WRITE) != 0, pc);
        if (is_alone())
            return;
        race_note_stack(self, address);
        uint64_t key = record_key(self, kind, pc);
        struct cell *cell = shadow_cell(address);
        *shadow_touched(address) = race.run;
        if (!access_one(self, cell, key | ((UINT64_C(1) << size_bytes) - 1) << (address & 7)))
            access_cells(self, address, size_bytes, key, NULL, pc);
        return;
    }
    if (!shadow_covers(address) || !shadow_covers(address + size_bytes) || size_bytes == 0)
        return;
    race_check_heap((const volatile void *)address, size_bytes, (kind & KIND_WRITE) != 0, pc);
    if (is_alone())
        return;
    race_note_stack(self, address);
    access_cells(self, address, size_bytes, record_key(self, kind, pc), NULL, pc);
}

void race_range(const volatile void *address, size_t size_bytes, bool is_write, const void *pc)
{
    struct race_thread *self = race_current();

    if (self != NULL && self->ignore == 0)
        race_access(self, (uintptr_t)address, size_bytes, is_write ? KIND_WRITE : KIND_READ, pc);
}

void race_fresh(const void *address, size_t size_bytes)
{
    shadow_clear((uintptr_t)address, size_bytes, race.run);
}

void race_freed(const volatile void *address, size_t size_bytes, const void *pc)
{
    struct race_thread *self = race_current();
    uintptr_t start = (uintptr_t)address;
    uintptr_t end = start + size_bytes;

    if (self == NULL || !shadow_covers(end))
        return;
    for (uintptr_t at = start; at < end && self->ignore == 0;) {
        uintptr_t next = ((at >> BLOCK_SHIFT) + 1) << BLOCK_SHIFT;
        if (next > end)
            next = end;
        if (*shadow_touched(at) == race.run)
            access_cells(self, at, next - at, record_key(self, KIND_WRITE, pc), "free", pc);
        at = next;
    }
    shadow_clear(start, size_bytes, race.run);
}
