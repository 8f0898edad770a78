/*
 * sim/race/tsan_access.c - what clang's -fsanitize=thread calls at plain accesses, calls and
 * returns.
 *
 * An access by a thread that already is on record for at least as much since it last gave its clock
 * out adds nothing, and cannot be to freed memory either, because freeing erases records: that is
 * the short way. Everything else goes through race_access().
 */
#include <string.h>

#include "sim/race/internal.h"
#include "sim/race/shadow.h"
#include "sim/race/tsan.h"
#include "sim/vthread/disturb.h"
#include "sim/vthread/identity.h"

enum { FRAME_FILL_BYTES = 1 << 10 };

#define LIKELY(x) __builtin_expect(!!(x), 1)

/* ---- memory points ---- */

/* On the own stack, and no other thread has been there in this run. */
static bool is_private(const struct race_thread *self, uintptr_t address)
{
    const struct identity *identity = self->thread->identity;

    if (address < (uintptr_t)identity->stack_bottom || address >= (uintptr_t)identity->stack_top)
        return false;
    const struct cell *cell = shadow_cell(address);
    for (unsigned i = 0; i < CELL_SLOTS; i++) {
        if (record_clock(cell->slots[i]) > race.base &&
            record_thread(cell->slots[i]) != self->number)
            return false;
    }
    return true;
}

static uint64_t peek(uintptr_t address, size_t size_bytes)
{
    uint64_t value = 0;

    memcpy(&value, (const void *)address, size_bytes < sizeof(value) ? size_bytes : sizeof(value));
    return value;
}

static void access_point(const volatile void *address, size_t size_bytes, bool is_write,
                         const void *pc)
{
    const void *object = (const void *)((uintptr_t)address & ~(uintptr_t)7);

    race_check_heap(address, size_bytes, is_write, pc);
    sched_point(is_write ? OP_WRITE_MEM : OP_READ_MEM, object, NULL, pc);
    race_check_heap(address, size_bytes, is_write, pc); /* others ran */
    if (is_write) {
        sched_memory_result(object, 0, 1); /* what it will leave is not known: something new */
        return;
    }
    uint64_t value = peek((uintptr_t)address, size_bytes);
    sched_memory_result(object, value, value);
}

/* ---- plain accesses ---- */

/* Whether the cell says already all that `wanted` (epoch, kind, bytes) would say. */
static inline bool is_on_record(const struct cell *cell, uint64_t wanted, uint64_t kind_bits)
{
    uint64_t same = ~UINT64_C(0) << RECORD_CLOCK_SHIFT | kind_bits << RECORD_KIND_SHIFT;

    for (unsigned i = 0; i < CELL_SLOTS; i++) {
        uint64_t record = cell->slots[i];
        if (((record ^ wanted) & same) == 0 && (wanted & 0xff & ~record) == 0)
            return true;
    }
    return false;
}

static __attribute__((noinline)) void access_with_point(struct race_thread *self,
                                                        const volatile void *address,
                                                        size_t size_bytes, bool is_write,
                                                        const void *pc)
{
    if (!shadow_covers((uintptr_t)address) || !is_private(self, (uintptr_t)address))
        access_point(address, size_bytes, is_write, pc);
    race_access(self, (uintptr_t)address, size_bytes, is_write ? KIND_WRITE : KIND_READ, pc);
}

/* `size_bytes` 1 to 8, within 8 bytes. */
__attribute__((always_inline)) static inline void
access_small(const volatile void *at, size_t size_bytes, bool is_write, const void *pc)
{
    struct race_thread *self = race_current();
    uintptr_t address = (uintptr_t)at;

    if (__builtin_expect(self == NULL || self->ignore != 0 || !shadow_covers(address), 0))
        return;
    if (__builtin_expect(race.has_points, 0)) {
        access_with_point(self, at, size_bytes, is_write, pc);
        return;
    }
    uint64_t mask = ((UINT64_C(1) << size_bytes) - 1) << (address & 7);
    uint64_t wanted = self->epoch | mask | (uint64_t)is_write << RECORD_KIND_SHIFT;
    /* A read is covered by a plain read or write, a write by a plain write only. */
    uint64_t kind_bits = is_write ? KIND_WRITE | KIND_ATOMIC : KIND_ATOMIC;
    if (LIKELY(is_on_record(shadow_cell(address), wanted, kind_bits)))
        return;
    race_access(self, address, size_bytes, is_write ? KIND_WRITE : KIND_READ, pc);
}

static void access_any(const volatile void *at, size_t size_bytes, bool is_write, const void *pc)
{
    struct race_thread *self = race_current();

    if (self == NULL || self->ignore != 0 || size_bytes == 0)
        return;
    if (race.has_points)
        access_with_point(self, at, size_bytes, is_write, pc);
    else
        race_access(self, (uintptr_t)at, size_bytes, is_write ? KIND_WRITE : KIND_READ, pc);
}

static inline void access_unaligned(const volatile void *at, size_t size_bytes, bool is_write,
                                    const void *pc)
{
    if (((uintptr_t)at & 7) + size_bytes <= 8)
        access_small(at, size_bytes, is_write, pc);
    else
        access_any(at, size_bytes, is_write, pc);
}

/* Volatile is no synchronisation, but programs that wait for such a variable mean it: a point. The
 * compiler tells them apart only when asked to (-mllvm -tsan-distinguish-volatile). */
static void access_volatile(const volatile void *at, size_t size_bytes, bool is_write,
                            const void *pc)
{
    struct race_thread *self = race_current();

    if (self != NULL)
        access_with_point(self, at, size_bytes, is_write, pc);
}

#define SMALL(bytes)                                                                               \
    void __tsan_read##bytes(void *address)                                                         \
    {                                                                                              \
        access_small(address, bytes, false, RACE_PC);                                              \
    }                                                                                              \
    void __tsan_write##bytes(void *address)                                                        \
    {                                                                                              \
        access_small(address, bytes, true, RACE_PC);                                               \
    }                                                                                              \
    void __tsan_read_write##bytes(void *address)                                                   \
    {                                                                                              \
        access_small(address, bytes, true, RACE_PC);                                               \
    }                                                                                              \
    void __tsan_read##bytes##_pc(void *address, void *pc)                                          \
    {                                                                                              \
        access_small(address, bytes, false, pc);                                                   \
    }                                                                                              \
    void __tsan_write##bytes##_pc(void *address, void *pc)                                         \
    {                                                                                              \
        access_small(address, bytes, true, pc);                                                    \
    }                                                                                              \
    void __tsan_volatile_read##bytes(void *address)                                                \
    {                                                                                              \
        access_volatile(address, bytes, false, RACE_PC);                                           \
    }                                                                                              \
    void __tsan_volatile_write##bytes(void *address)                                               \
    {                                                                                              \
        access_volatile(address, bytes, true, RACE_PC);                                            \
    }
SMALL(1)
SMALL(2)
SMALL(4)
SMALL(8)

void __tsan_read16(void *address)
{
    access_any(address, 16, false, RACE_PC);
}

void __tsan_write16(void *address)
{
    access_any(address, 16, true, RACE_PC);
}

void __tsan_read_write16(void *address)
{
    access_any(address, 16, true, RACE_PC);
}

void __tsan_read16_pc(void *address, void *pc)
{
    access_any(address, 16, false, pc);
}

void __tsan_write16_pc(void *address, void *pc)
{
    access_any(address, 16, true, pc);
}

void __tsan_volatile_read16(void *address)
{
    access_volatile(address, 16, false, RACE_PC);
}

void __tsan_volatile_write16(void *address)
{
    access_volatile(address, 16, true, RACE_PC);
}

#define UNALIGNED(bytes)                                                                           \
    void __tsan_unaligned_read##bytes(void *address)                                               \
    {                                                                                              \
        access_unaligned(address, bytes, false, RACE_PC);                                          \
    }                                                                                              \
    void __tsan_unaligned_write##bytes(void *address)                                              \
    {                                                                                              \
        access_unaligned(address, bytes, true, RACE_PC);                                           \
    }                                                                                              \
    void __tsan_unaligned_read_write##bytes(void *address)                                         \
    {                                                                                              \
        access_unaligned(address, bytes, true, RACE_PC);                                           \
    }                                                                                              \
    void __tsan_unaligned_volatile_read##bytes(void *address)                                      \
    {                                                                                              \
        access_volatile(address, bytes, false, RACE_PC);                                           \
    }                                                                                              \
    void __tsan_unaligned_volatile_write##bytes(void *address)                                     \
    {                                                                                              \
        access_volatile(address, bytes, true, RACE_PC);                                            \
    }
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

void __tsan_read_range(void *address, size_t size_bytes)
{
    access_any(address, size_bytes, false, RACE_PC);
}

void __tsan_write_range(void *address, size_t size_bytes)
{
    access_any(address, size_bytes, true, RACE_PC);
}

void __tsan_read_range_pc(void *address, size_t size_bytes, void *pc)
{
    access_any(address, size_bytes, false, pc);
}

void __tsan_write_range_pc(void *address, size_t size_bytes, void *pc)
{
    access_any(address, size_bytes, true, pc);
}

/* Constructors and destructors of C++ set the table pointer again and again to what it is. */
void __tsan_vptr_update(void **vptr, void *value)
{
    if (*vptr != value)
        access_small(vptr, sizeof(*vptr), true, RACE_PC);
}

void __tsan_vptr_read(void **vptr)
{
    access_small(vptr, sizeof(*vptr), false, RACE_PC);
}

/* ---- blocks of memory ---- */

void *__tsan_memcpy(void *to, const void *from, size_t size_bytes)
{
    access_any(from, size_bytes, false, RACE_PC);
    access_any(to, size_bytes, true, RACE_PC);
    return memcpy(to, from, size_bytes);
}

void *__tsan_memmove(void *to, const void *from, size_t size_bytes)
{
    access_any(from, size_bytes, false, RACE_PC);
    access_any(to, size_bytes, true, RACE_PC);
    return memmove(to, from, size_bytes);
}

void *__tsan_memset(void *to, int value, size_t size_bytes)
{
    access_any(to, size_bytes, true, RACE_PC);
    return memset(to, value, size_bytes);
}

/* ---- calls ---- */

static __attribute__((noinline)) void grow_frames(struct race_thread *self)
{
    uint32_t capacity = self->capacity == 0 ? FRAMES_FIRST : self->capacity * 2;
    struct race_frame *frames = arena_take(sched_arena(), capacity * sizeof(*frames));

    if (self->depth != 0)
        memcpy(frames, self->frames, self->depth * sizeof(*frames));
    self->frames = frames;
    self->capacity = capacity;
}

/* Frames below the stack pointer have been left without a word (longjmp). */
static inline void drop_left_frames(struct race_thread *self, uintptr_t stack_pointer)
{
    while (self->depth - 1 < FRAMES_MAX &&
           self->frames[self->depth - 1].stack_pointer < stack_pointer)
        self->depth--;
}

static inline __attribute__((always_inline)) void enter(const void *pc, uintptr_t stack_pointer)
{
    struct race_thread *self = race_current();

    if (__builtin_expect(self == NULL, 0))
        return;
    race_note_stack(self, stack_pointer);
    drop_left_frames(self, stack_pointer + 1);
    uint32_t depth = self->depth++;
    if (__builtin_expect(depth >= FRAMES_MAX, 0))
        return;
    if (__builtin_expect(depth == self->capacity, 0)) {
        self->depth = depth;
        grow_frames(self);
        self->depth = depth + 1;
    }
    self->frames[depth] = (struct race_frame){.pc = pc, .stack_pointer = stack_pointer};
}

/* What the runtime leaves below the function's frame is as good as any other bytes there. */
void __tsan_func_entry(void *pc)
{
    enter(pc, (uintptr_t)__builtin_frame_address(0));
    if (__builtin_expect(disturb_bits != DISTURB_NOTHING, 0))
        disturb_below(FRAME_FILL_BYTES);
}

void __tsan_func_exit(void)
{
    struct race_thread *self = race_current();

    if (__builtin_expect(self == NULL, 0))
        return;
    drop_left_frames(self, (uintptr_t)__builtin_frame_address(0));
    if (self->depth != 0)
        self->depth--;
}
