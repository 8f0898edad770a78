/*
 * sim/race/litmus.c - see litmus.h. Every shared access has a line of its own.
 */
#include "sim/race/litmus.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

static struct {
    int data;
    int more;
    _Atomic int flag;
    _Atomic int turn;
    _Atomic int x;
    _Atomic int y;
    _Atomic(int *) pointer;
    int object;
    int *plain_pointer;
    _Atomic int count;
    char bytes[16];
    long wide[32];
    _Atomic char small[8];
} shared;

static _Thread_local volatile int sink;

#define NO_SANITIZE __attribute__((noinline, disable_sanitizer_instrumentation))

NO_SANITIZE void litmus_reset(void)
{
    volatile char *bytes = (volatile char *)&shared;

    for (size_t i = 0; i < sizeof(shared); i++)
        bytes[i] = 0;
}

static int get(_Atomic int *from, memory_order order)
{
    if (order == memory_order_acquire)
        return atomic_load_explicit(from, memory_order_acquire);
    if (order == memory_order_seq_cst)
        return atomic_load_explicit(from, memory_order_seq_cst);
    return atomic_load_explicit(from, memory_order_relaxed);
}

/* ---- nothing shared but data ---- */

static void plain_write(void)
{
    shared.data = 1;
}

static void plain_read(void)
{
    sink = shared.data;
}

static void write_byte_0(void)
{
    shared.bytes[0] = 1;
}

static void write_byte_1(void)
{
    shared.bytes[1] = 1;
}

static void write_all_bytes(void)
{
    memset(shared.bytes, 2, sizeof(shared.bytes));
}

static void write_unaligned(void)
{
    uint32_t value = 7;

    memcpy(shared.bytes + 6, &value, sizeof(value)); /* bytes 6 to 9: two cells */
}

static void write_byte_9(void)
{
    shared.bytes[9] = 1;
}

static void write_byte_10(void)
{
    shared.bytes[10] = 1;
}

static void atomic_write(void)
{
    atomic_store_explicit((_Atomic int *)&shared.data, 1, memory_order_relaxed);
}

static void atomic_read(void)
{
    sink = atomic_load_explicit((_Atomic int *)&shared.data, memory_order_relaxed);
}

/* ---- message passing ---- */

static void send_release(void)
{
    shared.data = 1;
    atomic_store_explicit(&shared.flag, 1, memory_order_release);
}

static void send_relaxed(void)
{
    shared.data = 1;
    atomic_store_explicit(&shared.flag, 1, memory_order_relaxed);
}

static void send_seq_cst(void)
{
    shared.data = 1;
    atomic_store(&shared.flag, 1);
}

static void send_fence(void)
{
    shared.data = 1;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&shared.flag, 1, memory_order_relaxed);
}

static void send_late_fence(void)
{
    atomic_thread_fence(memory_order_release);
    shared.data = 1; /* after the fence: not given out by it */
    atomic_store_explicit(&shared.flag, 1, memory_order_relaxed);
}

static void receive_acquire(void)
{
    if (get(&shared.flag, memory_order_acquire) != 0)
        sink = shared.data;
}

static void receive_relaxed(void)
{
    if (get(&shared.flag, memory_order_relaxed) != 0)
        sink = shared.data;
}

static void receive_seq_cst(void)
{
    if (get(&shared.flag, memory_order_seq_cst) != 0)
        sink = shared.data;
}

static void receive_fence(void)
{
    if (get(&shared.flag, memory_order_relaxed) != 0) {
        atomic_thread_fence(memory_order_acquire);
        sink = shared.data;
    }
}

static void receive_fence_seq_cst(void)
{
    if (get(&shared.flag, memory_order_relaxed) != 0) {
        atomic_thread_fence(memory_order_seq_cst);
        sink = shared.data;
    }
}

static void receive_early_fence(void)
{
    atomic_thread_fence(memory_order_acquire); /* before the load: learns nothing from it */
    if (get(&shared.flag, memory_order_relaxed) != 0)
        sink = shared.data;
}

static void receive_spinning(void)
{
    while (get(&shared.flag, memory_order_acquire) == 0)
        continue;
    sink = shared.data;
}

static void receive_any_exchange(void)
{
    if (atomic_exchange_explicit(&shared.flag, 0, memory_order_acquire) != 0)
        sink = shared.data;
}

static void receive_failed_exchange(void)
{
    int expected = 5;

    if (!atomic_compare_exchange_strong_explicit(&shared.flag, &expected, 6, memory_order_relaxed,
                                                 memory_order_acquire) &&
        expected == 1)
        sink = shared.data;
}

static void receive_failed_exchange_relaxed(void)
{
    int expected = 5;

    if (!atomic_compare_exchange_strong_explicit(&shared.flag, &expected, 6, memory_order_acq_rel,
                                                 memory_order_relaxed) &&
        expected == 1)
        sink = shared.data;
}

/* ---- release sequences ---- */

static void add_relaxed(void)
{
    atomic_fetch_add_explicit(&shared.flag, 1, memory_order_relaxed);
}

static void receive_2(void)
{
    if (get(&shared.flag, memory_order_acquire) == 2)
        sink = shared.data;
}

/* Another thread's plain relaxed store ends the sequence. */
static void overwrite_relaxed(void)
{
    if (get(&shared.flag, memory_order_relaxed) == 1)
        atomic_store_explicit(&shared.flag, 2, memory_order_relaxed);
}

/* In C11 the same thread's relaxed store continues it. */
static void send_twice(void)
{
    shared.data = 1;
    atomic_store_explicit(&shared.flag, 1, memory_order_release);
    atomic_store_explicit(&shared.flag, 2, memory_order_relaxed);
}

/* What is written in between is not given out, though. */
static void send_twice_more(void)
{
    atomic_store_explicit(&shared.flag, 1, memory_order_release);
    shared.data = 1;
    atomic_store_explicit(&shared.flag, 2, memory_order_relaxed);
}

/* Two threads release into one sequence; then the second stores relaxed: only its part goes on. */
static void head_second(void)
{
    while (get(&shared.flag, memory_order_relaxed) != 1)
        continue;
    shared.more = 1;
    atomic_fetch_or_explicit(&shared.flag, 2, memory_order_release);
    atomic_store_explicit(&shared.flag, 4, memory_order_relaxed);
}

static void receive_4_data(void)
{
    if (get(&shared.flag, memory_order_acquire) == 4)
        sink = shared.data;
}

static void receive_4_more(void)
{
    if (get(&shared.flag, memory_order_acquire) == 4)
        sink = shared.more;
}

static void two_heads_a(void)
{
    shared.data = 1;
    atomic_fetch_or_explicit(&shared.flag, 1, memory_order_release);
}

static void two_heads_b(void)
{
    shared.more = 1;
    atomic_fetch_or_explicit(&shared.flag, 2, memory_order_release);
}

static void two_heads_reader(void)
{
    if (get(&shared.flag, memory_order_acquire) == 3) {
        sink = shared.data;
        sink = shared.more;
    }
}

/* ---- mutual exclusion by hand ---- */

static void dekker_0(void)
{
    atomic_store(&shared.x, 1);
    if (get(&shared.y, memory_order_seq_cst) == 0)
        shared.data++;
    atomic_store(&shared.x, 0);
}

static void dekker_1(void)
{
    atomic_store(&shared.y, 1);
    if (get(&shared.x, memory_order_seq_cst) == 0)
        shared.data++;
    atomic_store(&shared.y, 0);
}

static void dekker_relaxed_0(void)
{
    atomic_store_explicit(&shared.x, 1, memory_order_relaxed);
    if (get(&shared.y, memory_order_relaxed) == 0)
        shared.data++;
    atomic_store_explicit(&shared.x, 0, memory_order_relaxed);
}

static void dekker_relaxed_1(void)
{
    atomic_store_explicit(&shared.y, 1, memory_order_relaxed);
    if (get(&shared.x, memory_order_relaxed) == 0)
        shared.data++;
    atomic_store_explicit(&shared.y, 0, memory_order_relaxed);
}

static void peterson(int me, _Atomic int *mine, _Atomic int *other)
{
    atomic_store(mine, 1);
    atomic_store(&shared.turn, 1 - me);
    while (atomic_load(other) == 1 && atomic_load(&shared.turn) == 1 - me)
        continue;
    shared.data++;
    atomic_store(mine, 0);
}

static void peterson_0(void)
{
    peterson(0, &shared.x, &shared.y);
}

static void peterson_1(void)
{
    peterson(1, &shared.y, &shared.x);
}

static void spin_lock(void)
{
    while (atomic_exchange_explicit(&shared.flag, 1, memory_order_acquire) != 0)
        continue;
    shared.data++;
    atomic_store_explicit(&shared.flag, 0, memory_order_release);
}

static void spin_lock_leaky(void)
{
    while (atomic_exchange_explicit(&shared.flag, 1, memory_order_acquire) != 0)
        continue;
    shared.data++;
    atomic_store_explicit(&shared.flag, 0, memory_order_relaxed);
}

static void ticket_lock(void)
{
    int mine = atomic_fetch_add_explicit(&shared.x, 1, memory_order_relaxed);

    while (get(&shared.y, memory_order_acquire) != mine)
        continue;
    shared.data++;
    atomic_store_explicit(&shared.y, mine + 1, memory_order_release);
}

/* ---- initialised once ---- */

static void init_once(void)
{
    int *object = atomic_load_explicit(&shared.pointer, memory_order_acquire);

    if (object == NULL) {
        while (atomic_exchange_explicit(&shared.flag, 1, memory_order_acquire) != 0)
            continue;
        object = atomic_load_explicit(&shared.pointer, memory_order_relaxed);
        if (object == NULL) {
            shared.object = 42;
            object = &shared.object;
            atomic_store_explicit(&shared.pointer, object, memory_order_release);
        }
        atomic_store_explicit(&shared.flag, 0, memory_order_release);
    }
    sink = *object;
}

static void init_once_relaxed(void)
{
    int *object = atomic_load_explicit(&shared.pointer, memory_order_relaxed);

    if (object == NULL) {
        while (atomic_exchange_explicit(&shared.flag, 1, memory_order_acquire) != 0)
            continue;
        object = atomic_load_explicit(&shared.pointer, memory_order_relaxed);
        if (object == NULL) {
            shared.object = 42;
            object = &shared.object;
            atomic_store_explicit(&shared.pointer, object, memory_order_relaxed);
        }
        atomic_store_explicit(&shared.flag, 0, memory_order_release);
    }
    sink = *object;
}

/* The textbook's mistake: the first look is not atomic at all. */
static void init_once_plain(void)
{
    int *object = shared.plain_pointer;

    if (object == NULL) {
        while (atomic_exchange_explicit(&shared.flag, 1, memory_order_acquire) != 0)
            continue;
        if (shared.plain_pointer == NULL) {
            shared.object = 42;
            shared.plain_pointer = &shared.object;
        }
        object = &shared.object;
        atomic_store_explicit(&shared.flag, 0, memory_order_release);
    }
    sink = *object;
}

/* ---- references ---- */

/* 0 stands for a count of two. Whoever drops the last one writes, as freeing would. */
static void drop_acq_rel(void)
{
    sink = shared.data;
    if (atomic_fetch_add_explicit(&shared.count, 1, memory_order_acq_rel) == 1)
        shared.data = -1;
}

static void drop_relaxed(void)
{
    sink = shared.data;
    if (atomic_fetch_add_explicit(&shared.count, 1, memory_order_relaxed) == 1)
        shared.data = -1;
}

static void drop_release_fence(void)
{
    sink = shared.data;
    if (atomic_fetch_add_explicit(&shared.count, 1, memory_order_release) == 1) {
        atomic_thread_fence(memory_order_acquire);
        shared.data = -1;
    }
}

static void drop_release_only(void)
{
    sink = shared.data;
    if (atomic_fetch_add_explicit(&shared.count, 1, memory_order_release) == 1)
        shared.data = -1;
}

/* ---- many at once ---- */

static void read_all(void)
{
    for (size_t i = 0; i < 32; i++)
        sink = (int)shared.wide[i];
}

static void count_and_write(void)
{
    read_all();
    if (atomic_fetch_add_explicit(&shared.count, 1, memory_order_acq_rel) == 3) {
        for (size_t i = 0; i < 32; i++)
            shared.wide[i] = 1;
    }
}

/* Two flags in one word of memory: releasing one says nothing to who acquires the other. */
static void send_small_0(void)
{
    shared.data = 1;
    atomic_store_explicit(&shared.small[0], 1, memory_order_release);
}

static void receive_small_1(void)
{
    if (atomic_load_explicit(&shared.small[1], memory_order_acquire) == 0)
        sink = shared.data;
}

static void receive_small_0(void)
{
    if (atomic_load_explicit(&shared.small[0], memory_order_acquire) != 0)
        sink = shared.data;
}

static void barrier_by_hand(void)
{
    shared.wide[atomic_fetch_add_explicit(&shared.count, 1, memory_order_acq_rel)] = 1;
    atomic_fetch_add_explicit(&shared.turn, 1, memory_order_acq_rel);
    while (get(&shared.turn, memory_order_acquire) != 3)
        continue;
    sink = (int)(shared.wide[0] + shared.wide[1] + shared.wide[2]);
}

#define T(...) {__VA_ARGS__}

const struct litmus litmus_table[] = {
    {"two reads", false, T(plain_read, plain_read)},
    {"write against read", true, T(plain_write, plain_read)},
    {"write against write", true, T(plain_write, plain_write)},
    {"different bytes of a word", false, T(write_byte_0, write_byte_1)},
    {"a byte against the whole", true, T(write_byte_1, write_all_bytes)},
    {"unaligned, its last byte", true, T(write_unaligned, write_byte_9)},
    {"unaligned, the byte after", false, T(write_unaligned, write_byte_10)},
    {"atomic write against plain read", true, T(atomic_write, plain_read)},
    {"atomic read against plain write", true, T(atomic_read, plain_write)},
    {"atomic read against plain read", false, T(atomic_read, plain_read)},
    {"atomic write against atomic read", false, T(atomic_write, atomic_read)},

    {"release, acquire", false, T(send_release, receive_acquire)},
    {"relaxed, acquire", true, T(send_relaxed, receive_acquire)},
    {"release, relaxed", true, T(send_release, receive_relaxed)},
    {"relaxed, relaxed", true, T(send_relaxed, receive_relaxed)},
    {"seq_cst both", false, T(send_seq_cst, receive_seq_cst)},
    {"seq_cst, acquire", false, T(send_seq_cst, receive_acquire)},
    {"release, spinning", false, T(send_release, receive_spinning)},
    {"relaxed, spinning", true, T(send_relaxed, receive_spinning)},
    {"release, acquire by exchange", false, T(send_release, receive_any_exchange)},
    {"release, acquire by failed exchange", false, T(send_release, receive_failed_exchange)},
    {"release, relaxed failed exchange", true, T(send_release, receive_failed_exchange_relaxed)},

    {"fence, fence", false, T(send_fence, receive_fence)},
    {"fence, acquire", false, T(send_fence, receive_acquire)},
    {"release, fence", false, T(send_release, receive_fence)},
    {"release, seq_cst fence", false, T(send_release, receive_fence_seq_cst)},
    {"late release fence", true, T(send_late_fence, receive_fence)},
    {"early acquire fence", true, T(send_fence, receive_early_fence)},
    {"fence, relaxed", true, T(send_fence, receive_relaxed)},
    {"relaxed, fence", true, T(send_relaxed, receive_fence)},

    {"sequence through a relaxed addition", false, T(send_release, add_relaxed, receive_2)},
    {"sequence from a fence", false, T(send_fence, add_relaxed, receive_2)},
    {"sequence from a relaxed store", true, T(send_relaxed, add_relaxed, receive_2)},
    {"sequence ended by a store", true, T(send_release, overwrite_relaxed, receive_2)},
    {"sequence continued by its thread", false, T(send_twice, receive_2)},
    {"what comes within is not given", true, T(send_twice_more, receive_2)},
    {"two heads of one sequence", false, T(two_heads_a, two_heads_b, two_heads_reader)},
    {"one head stores, its own part", false, T(two_heads_a, head_second, receive_4_more)},
    {"one head stores, the other's part", true, T(two_heads_a, head_second, receive_4_data)},

    {"Dekker, seq_cst", false, T(dekker_0, dekker_1)},
    {"Dekker, relaxed", true, T(dekker_relaxed_0, dekker_relaxed_1)},
    {"Peterson, seq_cst", false, T(peterson_0, peterson_1)},
    {"spin lock", false, T(spin_lock, spin_lock, spin_lock)},
    {"spin lock with a relaxed unlock", true, T(spin_lock_leaky, spin_lock_leaky)},
    {"ticket lock", false, T(ticket_lock, ticket_lock, ticket_lock)},

    {"initialised once", false, T(init_once, init_once, init_once)},
    {"initialised once, relaxed", true, T(init_once_relaxed, init_once_relaxed)},
    {"initialised once, plain", true, T(init_once_plain, init_once_plain)},

    {"last reference, acq_rel", false, T(drop_acq_rel, drop_acq_rel)},
    {"last reference, relaxed", true, T(drop_relaxed, drop_relaxed)},
    {"last reference, release and fence", false, T(drop_release_fence, drop_release_fence)},
    {"last reference, release only", true, T(drop_release_only, drop_release_only)},

    {"four readers, then a writer", false,
     T(count_and_write, count_and_write, count_and_write, count_and_write)},
    {"flags side by side, the other", true, T(send_small_0, receive_small_1)},
    {"flags side by side, the same", false, T(send_small_0, receive_small_0)},
    {"a barrier of additions", false, T(barrier_by_hand, barrier_by_hand, barrier_by_hand)},
};
const size_t litmus_count = sizeof(litmus_table) / sizeof(litmus_table[0]);

/* ---- call stacks, the heap, benchmarks ---- */

static jmp_buf jump;

static __attribute__((noinline)) void jump_out(int depth)
{
    if (depth == 0)
        longjmp(jump, 1);
    jump_out(depth - 1);
    sink = depth;
}

static __attribute__((noinline)) void write_after_jump(void)
{
    shared.data = 3;
    sink = 1;
}

void litmus_jump(void)
{
    for (int i = 0; i < 5; i++) {
        if (_setjmp(jump) == 0)
            jump_out(40);
    }
    write_after_jump();
    sink = 2;
}

void litmus_touch_heap(char *memory)
{
    memory[3] = 1;
    sink = memory[3];
}

void litmus_touch_one(unsigned long count)
{
    volatile int *data = &shared.data;

    for (unsigned long i = 0; i < count; i++)
        *data = 1;
}

void litmus_touch_many(unsigned long count)
{
    volatile long *wide = shared.wide;

    for (unsigned long i = 0; i < count; i++)
        wide[i % 32] = (long)i;
}

/* Loads alone would be a loop that waits for somebody. */
void litmus_atomic_store_load(unsigned long count)
{
    for (unsigned long i = 0; i < count; i += 2) {
        atomic_store_explicit(&shared.flag, (int)i, memory_order_release);
        sink = atomic_load_explicit(&shared.flag, memory_order_acquire);
    }
}

void litmus_atomic_add(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        atomic_fetch_add_explicit(&shared.flag, 1, memory_order_acq_rel);
}

static __attribute__((noinline)) void called(void)
{
    sink = 1;
}

void litmus_call(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        called();
}
