/*
 * sim/posix/hook.c - atomics, plants, marks and allocation faults of the core: see hook.h and
 * core/base/hook.h, whose names these are.
 */
#include "sim/posix/hook.h"

#include <stddef.h>
#include <string.h>

#include "sim/memory/heap.h"
#include "sim/posix/thread.h"
#include "sim/sched/internal.h"

/* As core/base/hook.h has them under CORE_SIMULATED. */
enum core_hook_op { HOOK_LOAD, HOOK_STORE, HOOK_RMW, HOOK_CAS, HOOK_FENCE };
void core_hook_atomic(const volatile void *addr, enum core_hook_op op, const char *expr);
void core_hook_result(const volatile void *addr, uint64_t found, uint64_t left);
void core_hook_relax(void);
bool core_hook_alloc_fails(const char *what);
bool core_hook_plant(unsigned plant);
void core_hook_mark(const char *name);

_Static_assert(OP_STORE - OP_LOAD == HOOK_STORE && OP_RMW - OP_LOAD == HOOK_RMW &&
                   OP_CAS - OP_LOAD == HOOK_CAS && OP_FENCE - OP_LOAD == HOOK_FENCE,
               "same order");

/* ---- atomics ---- */

void core_hook_atomic(const volatile void *addr, enum core_hook_op op, const char *expr)
{
    const void *pc = __builtin_return_address(0);

    sched_point_inline((enum op_kind)(OP_LOAD + (unsigned)op), (const void *)(uintptr_t)addr, expr,
                       pc);
    heap_check(addr, 1, op != HOOK_LOAD, pc);
}

void core_hook_result(const volatile void *addr, uint64_t found, uint64_t left)
{
    sched_memory_result_inline(addr, found, left);
}

void core_hook_relax(void)
{
    sched_yield_point("cpu_relax", __builtin_return_address(0));
}

/* ---- plants ---- */

enum { WORD_BITS = 64 };

static uint64_t plants[HOOK_PLANTS_MAX / WORD_BITS];

void hook_plants_set(const uint64_t *mask, unsigned count)
{
    memset(plants, 0, sizeof(plants));
    for (unsigned i = 0; mask != NULL && i < count && i < HOOK_PLANTS_MAX; i++)
        plants[i / WORD_BITS] |= mask[i / WORD_BITS] & UINT64_C(1) << (i % WORD_BITS);
}

bool core_hook_plant(unsigned plant)
{
    return plant < HOOK_PLANTS_MAX && (plants[plant / WORD_BITS] >> (plant % WORD_BITS) & 1) != 0;
}

/* ---- allocation faults ---- */

void hook_alloc_fail_nth(struct process *process, uint32_t nth)
{
    posix_process_of(process)->alloc_fail_countdown = nth;
}

bool hook_alloc_fails(void)
{
    struct posix_process *process = posix_self()->process;

    if (process->alloc_fail_countdown != 0) {
        process->alloc_fail_countdown--;
        if (process->alloc_fail_countdown == 0)
            return true;
    }
    return choice_draw(CHOICE_ALLOC, 2) != 0;
}

bool core_hook_alloc_fails(const char *what)
{
    (void)what;
    return sched_is_simulated() && hook_alloc_fails();
}

/* ---- marks ---- */

enum { MARKS_MAX = 512 };

/* By the address of the name; the same words in two files are two entries, added up in answers. */
static struct {
    const char *name;
    uint64_t count;
} marks[MARKS_MAX];

void (*mark_passed)(const char *name);

void core_hook_mark(const char *name)
{
    size_t slot = (size_t)((uintptr_t)name >> 3) % MARKS_MAX;

    if (mark_passed != NULL)
        mark_passed(name);
    for (size_t i = 0; i < MARKS_MAX; i++, slot = (slot + 1) % MARKS_MAX) {
        if (marks[slot].name == NULL)
            marks[slot].name = name;
        if (marks[slot].name == name) {
            marks[slot].count++;
            return;
        }
    }
}

uint64_t marks_count(const char *name)
{
    uint64_t count = 0;

    for (size_t i = 0; i < MARKS_MAX; i++) {
        if (marks[i].name != NULL && strcmp(marks[i].name, name) == 0)
            count += marks[i].count;
    }
    return count;
}

void marks_each(void (*each)(void *context, const char *name, uint64_t count), void *context)
{
    for (size_t i = 0; i < MARKS_MAX; i++) {
        bool is_first = marks[i].name != NULL;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = marks[j].name == NULL || strcmp(marks[j].name, marks[i].name) != 0;
        if (is_first)
            each(context, marks[i].name, marks_count(marks[i].name));
    }
}

void marks_reset(void)
{
    memset(marks, 0, sizeof(marks));
}
