/*
 * sim/kernel/memory.c - see memory.h.
 */
#include "sim/kernel/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/kernel.h"

enum { KMEM_SHIFT_MIN = 5 };

_Noreturn void kernel_bug(const char *file, int line, const char *expr)
{
    fprintf(stderr, "heddle: bug in the simulated kernel: %s:%d: %s\n", file, line, expr);
    abort();
}

static unsigned class_of(size_t size_bytes)
{
    unsigned shift;

    if (size_bytes <= (size_t)1 << KMEM_SHIFT_MIN)
        return 0;
    shift = 64u - (unsigned)__builtin_clzll((unsigned long long)size_bytes - 1);
    KERNEL_CHECK(shift < KMEM_SHIFT_MIN + KMEM_CLASSES);
    return shift - KMEM_SHIFT_MIN;
}

static size_t class_bytes(unsigned class)
{
    return (size_t)1 << (class + KMEM_SHIFT_MIN);
}

void *kmem_take_raw(size_t size_bytes)
{
    unsigned class = class_of(size_bytes);
    void *memory = kernel->memory.free[class];

    if (memory == NULL)
        return arena_take(sched_arena(), class_bytes(class));
    memcpy(&kernel->memory.free[class], memory, sizeof(void *));
    return memory;
}

void *kmem_take(size_t size_bytes)
{
    unsigned class = class_of(size_bytes);
    void *memory = kernel->memory.free[class];

    if (memory == NULL)
        return arena_take(sched_arena(), class_bytes(class));
    memcpy(&kernel->memory.free[class], memory, sizeof(void *));
    memset(memory, 0, size_bytes);
    return memory;
}

void kmem_give(void *memory, size_t size_bytes)
{
    unsigned class = class_of(size_bytes);

    if (memory == NULL)
        return;
    memcpy(memory, &kernel->memory.free[class], sizeof(void *));
    kernel->memory.free[class] = memory;
}

void *kmem_grow(void *array, uint32_t *capacity, uint32_t count, size_t element_bytes)
{
    uint32_t grown = *capacity == 0 ? 8 : *capacity;
    void *larger;

    if (count <= *capacity)
        return array;
    while (grown < count)
        grown *= 2;
    larger = kmem_take(grown * element_bytes);
    if (array != NULL) {
        memcpy(larger, array, *capacity * element_bytes);
        kmem_give(array, *capacity * element_bytes);
    }
    *capacity = grown;
    return larger;
}
