/*
 * sim/race/tsan_atomic.c - what clang's -fsanitize=thread makes of C11 atomic operations.
 *
 * Each is a scheduling point unless core_hook_atomic() announced it, which made the point already
 * and will tell the outcome (core/base/atomic.h). The operations themselves are plain C: one OS
 * thread runs all of the code under test, and switches only at points.
 *
 * Where nothing is simulated the program has threads of its own: then they are the real operations,
 * sequentially consistent whatever is asked for.
 */
#include "sim/race/internal.h"
#include "sim/race/shadow.h"
#include "sim/race/tsan.h"

#define LOCK_ELISION_MASK 0x7fff /* above are hints for transactional memory */

/* Whether the point for this operation was made by a hook. Points of the hooks have a label, ours
 * have none. */
static inline bool is_announced(const struct race_thread *self, const volatile void *address)
{
    const struct op *op = &self->thread->next;

    return op->object == address && op->kind >= OP_LOAD && op->kind <= OP_FENCE &&
           op->label != NULL;
}

/* Before the operation. True when its outcome is ours to tell. */
static bool begin(struct race_thread *self, enum op_kind kind, const volatile void *address,
                  size_t size_bytes, const void *pc)
{
    bool is_point = race.has_atomic_points && !is_announced(self, address);
    bool is_write = kind != OP_LOAD;

    if (is_point)
        sched_point(kind, (const void *)address, NULL, pc);
    if (self->ignore != 0)
        return is_point;
    uintptr_t at = (uintptr_t)address;
    unsigned access = KIND_ATOMIC | (is_write ? KIND_WRITE : 0);
    if (size_bytes <= 8 && (at & 7) + size_bytes <= 8 && shadow_covers(at)) {
        /* The short way of tsan_access.c. */
        uint64_t wanted = self->epoch | ((UINT64_C(1) << size_bytes) - 1) << (at & 7);
        const struct cell *cell = shadow_cell(at);
        for (unsigned i = 0; i < CELL_SLOTS; i++) {
            uint64_t record = cell->slots[i];
            if ((record ^ wanted) >> RECORD_CLOCK_SHIFT == 0 && (wanted & 0xff & ~record) == 0 &&
                kind_covers(record_kind(record), access))
                return is_point;
        }
    }
    race_access(self, at, size_bytes, access, pc);
    return is_point;
}

/* Code on a virtual thread is alone; every other caller is a thread among threads. */
#define IS_NATIVE(self) __builtin_expect((self) == NULL, 0)

/* ---- the real operations ---- */

#define NATIVE(bits, type)                                                                         \
    static inline type native_load##bits(const volatile type *address)                             \
    {                                                                                              \
        return __atomic_load_n(address, __ATOMIC_SEQ_CST);                                         \
    }                                                                                              \
    static inline void native_store##bits(volatile type *address, type value)                      \
    {                                                                                              \
        __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                                        \
    }                                                                                              \
    static inline bool native_exchange##bits(volatile type *address, type *expected, type desired) \
    {                                                                                              \
        return __atomic_compare_exchange_n(address, expected, desired, false, __ATOMIC_SEQ_CST,    \
                                           __ATOMIC_SEQ_CST);                                      \
    }
/* NOLINTBEGIN(readability-non-const-parameter): builtins write through them. */
NATIVE(8, uint8_t)
NATIVE(16, uint16_t)
NATIVE(32, uint32_t)
NATIVE(64, uint64_t)
/* NOLINTEND(readability-non-const-parameter) */

/* 16 bytes have one instruction, which compares and exchanges; the compiler would call a library.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static bool native_exchange128(volatile unsigned __int128 *address, unsigned __int128 *expected,
                               unsigned __int128 desired)
{
    uint64_t low = (uint64_t)*expected;
    uint64_t high = (uint64_t)(*expected >> 64);
    bool is_equal;

    __asm__ volatile("lock cmpxchg16b %[address]"
                     : "=@ccz"(is_equal), [address] "+m"(*address), "+a"(low), "+d"(high)
                     : "b"((uint64_t)desired), "c"((uint64_t)(desired >> 64))
                     : "memory");
    *expected = (unsigned __int128)high << 64 | low;
    return is_equal;
}

static unsigned __int128 native_load128(const volatile unsigned __int128 *address)
{
    unsigned __int128 found = 0;

    (void)native_exchange128((volatile unsigned __int128 *)(uintptr_t)address, &found, 0);
    return found;
}

static void native_store128(volatile unsigned __int128 *address, unsigned __int128 value)
{
    unsigned __int128 found = 0;

    while (!native_exchange128(address, &found, value))
        ;
}

/* ---- the interface ---- */

#define BITS(value) ((uint64_t)(value))

#define LOAD_STORE(bits, type)                                                                     \
    type __tsan_atomic##bits##_load(const volatile type *address, int order)                       \
    {                                                                                              \
        struct race_thread *self = race_current();                                                 \
        if (IS_NATIVE(self))                                                                       \
            return native_load##bits(address);                                                     \
        bool is_ours = begin(self, OP_LOAD, address, sizeof(type), RACE_PC);                       \
        type value = *address;                                                                     \
        race_order_load(self, address, order &LOCK_ELISION_MASK);                                  \
        if (is_ours)                                                                               \
            sched_memory_result(address, BITS(value), BITS(value));                                \
        return value;                                                                              \
    }                                                                                              \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order)                \
    {                                                                                              \
        struct race_thread *self = race_current();                                                 \
        if (IS_NATIVE(self)) {                                                                     \
            native_store##bits(address, value);                                                    \
            return;                                                                                \
        }                                                                                          \
        bool is_ours = begin(self, OP_STORE, address, sizeof(type), RACE_PC);                      \
        type found = *address;                                                                     \
        *address = value;                                                                          \
        race_order_store(self, address, order &LOCK_ELISION_MASK);                                 \
        if (is_ours)                                                                               \
            sched_memory_result(address, BITS(found), BITS(value));                                \
    }

#define RMW(bits, type, name, expression)                                                          \
    type __tsan_atomic##bits##_##name(volatile type *address, type value, int order)               \
    {                                                                                              \
        struct race_thread *self = race_current();                                                 \
        if (IS_NATIVE(self)) {                                                                     \
            type found = native_load##bits(address);                                               \
            while (!native_exchange##bits(address, &found, (type)(expression)))                    \
                ;                                                                                  \
            return found;                                                                          \
        }                                                                                          \
        bool is_ours = begin(self, OP_RMW, address, sizeof(type), RACE_PC);                        \
        type found = *address;                                                                     \
        type left = (type)(expression);                                                            \
        *address = left;                                                                           \
        race_order_rmw(self, address, order &LOCK_ELISION_MASK);                                   \
        if (is_ours)                                                                               \
            sched_memory_result(address, BITS(found), BITS(left));                                 \
        return found;                                                                              \
    }

/* Weak exchanges fail only when the value differs: that they may fail for nothing is left to the
 * hardware, and no caller can tell it from a change that was taken back. */
#define EXCHANGE(bits, type)                                                                       \
    static inline bool compare_exchange##bits(volatile type *address, type *expected,              \
                                              type desired, int order, int failure_order,          \
                                              const void *pc)                                      \
    {                                                                                              \
        struct race_thread *self = race_current();                                                 \
        if (IS_NATIVE(self))                                                                       \
            return native_exchange##bits(address, expected, desired);                              \
        bool is_ours = begin(self, OP_CAS, address, sizeof(type), pc);                             \
        type found = *address;                                                                     \
        bool is_equal = found == *expected;                                                        \
        if (is_equal)                                                                              \
            *address = desired;                                                                    \
        else                                                                                       \
            *expected = found;                                                                     \
        if (is_equal)                                                                              \
            race_order_rmw(self, address, order &LOCK_ELISION_MASK);                               \
        else                                                                                       \
            race_order_load(self, address, failure_order &LOCK_ELISION_MASK);                      \
        if (is_ours)                                                                               \
            sched_memory_result(address, BITS(found), BITS(is_equal ? desired : found));           \
        return is_equal;                                                                           \
    }                                                                                              \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type *address, type *expected,      \
                                                      type desired, int order, int failure_order)  \
    {                                                                                              \
        return compare_exchange##bits(address, expected, desired, order, failure_order, RACE_PC);  \
    }                                                                                              \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile type *address, type *expected,        \
                                                    type desired, int order, int failure_order)    \
    {                                                                                              \
        return compare_exchange##bits(address, expected, desired, order, failure_order, RACE_PC);  \
    }                                                                                              \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected,         \
                                                    type desired, int order, int failure_order)    \
    {                                                                                              \
        (void)compare_exchange##bits(address, &expected, desired, order, failure_order, RACE_PC);  \
        return expected;                                                                           \
    }

#define ATOMIC(bits, type)                                                                         \
    LOAD_STORE(bits, type)                                                                         \
    RMW(bits, type, exchange, value)                                                               \
    RMW(bits, type, fetch_add, found + value)                                                      \
    RMW(bits, type, fetch_sub, found - value)                                                      \
    RMW(bits, type, fetch_and, found &value)                                                       \
    RMW(bits, type, fetch_or, found | value)                                                       \
    RMW(bits, type, fetch_xor, found ^ value)                                                      \
    RMW(bits, type, fetch_nand, ~(found & value))                                                  \
    EXCHANGE(bits, type)

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
ATOMIC(128, unsigned __int128)

void __tsan_atomic_thread_fence(int order)
{
    struct race_thread *self = race_current();

    if (IS_NATIVE(self)) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return;
    }
    if (race.has_atomic_points && !is_announced(self, NULL))
        sched_point(OP_FENCE, NULL, NULL, RACE_PC);
    race_order_fence(self, order & LOCK_ELISION_MASK);
}

/* Between a thread and its own signal handler: nothing that another thread could see. */
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
