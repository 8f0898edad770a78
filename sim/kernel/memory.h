/*
 * sim/kernel/memory.h - the kernel's memory: the run's arena, with free lists over it.
 *
 * A run may open and close many thousands of connections, so what is given back is used again;
 * what is never given back goes with the arena.
 *
 * Owner: the run.  Threads: none.
 */
#ifndef SIM_KERNEL_MEMORY_H
#define SIM_KERNEL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Our own mistake: says where and ends the process. Always compiled in. */
#define KERNEL_CHECK(expr)                                                                         \
    do {                                                                                           \
        if (__builtin_expect(!(expr), 0))                                                          \
            kernel_bug(__FILE__, __LINE__, #expr);                                                 \
    } while (0)
_Noreturn void kernel_bug(const char *file, int line, const char *expr);

enum { KMEM_CLASSES = 24 }; /* sizes 32 << 0 ... : 32 bytes to 256 MiB */

struct kmem {
    void *free[KMEM_CLASSES];
};

/* Zeroed. Never NULL. */
void *kmem_take(size_t size_bytes);
/* Not zeroed: for payload. */
void *kmem_take_raw(size_t size_bytes);
/* `size_bytes` is what was asked for. NULL is a no-op. */
void kmem_give(void *memory, size_t size_bytes);

/* Makes *array hold at least `count` elements; new ones are zero. */
void *kmem_grow(void *array, uint32_t *capacity, uint32_t count, size_t element_bytes);

#endif
