/*
 * sim/memory/alloc.c - malloc and its kin, as the code under test calls them.
 *
 * Memory that the code under test did not get from the run's heap (libc's own, or from before the
 * run) goes back to where it came from.
 */
#include "sim/memory/alloc.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "sim/memory/block.h"
#include "sim/memory/native.h"
#include "sim/posix/hook.h"
#include "sim/posix/run.h"
#include "sim/posix/wrap_threads.h"

enum { PAGE_BYTES = 4096 };

#define FRAME __builtin_frame_address(0)

static bool is_ours(void)
{
    return (sched_is_simulated() && posix_run.is_active) || __builtin_expect(heap_is_booting, 0);
}

/* `frame` is the wrapper's own. */
static inline __attribute__((always_inline)) void *
allocate(size_t size_bytes, size_t alignment, bool is_zeroed, const void *pc, const void *frame)
{
    void *memory = NULL;

    if ((heap_is_booting || !hook_alloc_fails()) && size_bytes <= HEAP_BLOCK_BYTES_MAX) {
        if (heap_has_shadow)
            memory = heap_take(size_bytes, alignment, is_zeroed, pc, frame);
        else if (is_zeroed)
            memory = native_add(__real_calloc(1, size_bytes), size_bytes, pc);
        else if (alignment > HEAP_GRANULE)
            memory = native_add(__real_memalign(alignment, size_bytes), size_bytes, pc);
        else
            memory = native_add(__real_malloc(size_bytes), size_bytes, pc);
    }
    if (memory == NULL)
        errno = ENOMEM;
    return memory;
}

static inline __attribute__((always_inline)) void give_back(void *memory, const void *pc,
                                                            const void *frame)
{
    if (memory == NULL)
        return;
    if (heap_contains(memory)) {
        if (is_ours()) /* after the run all of it is gone anyway */
            heap_give(memory, pc, frame);
        return;
    }
    if (!heap_has_shadow) {
        native_free_pc = pc;
        if (native_keep(memory))
            return;
        native_remove(memory);
    } else if (is_ours()) {
        block_check_stray(memory, "free", pc);
    }
    __real_free(memory);
}

static inline __attribute__((always_inline)) void *reallocate(void *memory, size_t size_bytes,
                                                              const void *pc, const void *frame)
{
    if (memory == NULL)
        return allocate(size_bytes, HEAP_GRANULE, false, pc, frame);
    if (size_bytes == 0) { /* so glibc */
        give_back(memory, pc, frame);
        return NULL;
    }
    if (!heap_contains(memory)) {
        if (heap_has_shadow) {
            block_check_stray(memory, "realloc", pc);
            return __real_realloc(memory, size_bytes);
        }
        void *moved = hook_alloc_fails() ? NULL : __real_realloc(memory, size_bytes);
        if (moved != NULL) {
            native_remove(memory);
            (void)native_add(moved, size_bytes, pc);
        }
        return moved;
    }
    /* It always moves: who keeps the old pointer is found out. */
    size_t old_bytes = heap_block_of(memory, "realloc", pc)->size_bytes;
    void *moved = allocate(size_bytes, HEAP_GRANULE, false, pc, frame);
    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, old_bytes < size_bytes ? old_bytes : size_bytes);
    heap_give(memory, pc, frame);
    return moved;
}

void *__wrap_malloc(size_t size_bytes)
{
    return is_ours() ? allocate(size_bytes, HEAP_GRANULE, false, WRAP_PC, FRAME)
                     : __real_malloc(size_bytes);
}

void *__wrap_calloc(size_t count, size_t size_bytes)
{
    size_t total;

    if (!is_ours())
        return __real_calloc(count, size_bytes);
    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate(total, HEAP_GRANULE, true, WRAP_PC, FRAME);
}

void *__wrap_realloc(void *memory, size_t size_bytes)
{
    return is_ours() ? reallocate(memory, size_bytes, WRAP_PC, FRAME)
                     : __real_realloc(memory, size_bytes);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size_bytes)
{
    size_t total;

    if (!is_ours())
        return __real_reallocarray(memory, count, size_bytes);
    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return reallocate(memory, total, WRAP_PC, FRAME);
}

void __wrap_free(void *memory)
{
    int saved = errno; /* so glibc */

    if (is_ours() || heap_contains(memory))
        give_back(memory, WRAP_PC, FRAME);
    else
        __real_free(memory);
    errno = saved;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size_bytes)
{
    return is_ours() ? allocate(size_bytes, alignment, false, WRAP_PC, FRAME)
                     : __real_aligned_alloc(alignment, size_bytes);
}

void *__wrap_memalign(size_t alignment, size_t size_bytes)
{
    return is_ours() ? allocate(size_bytes, alignment, false, WRAP_PC, FRAME)
                     : __real_memalign(alignment, size_bytes);
}

void *__wrap_valloc(size_t size_bytes)
{
    return is_ours() ? allocate(size_bytes, PAGE_BYTES, false, WRAP_PC, FRAME)
                     : __real_valloc(size_bytes);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size_bytes)
{
    if (!is_ours())
        return __real_posix_memalign(out, alignment, size_bytes);
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    int saved = errno;
    void *memory = allocate(size_bytes, alignment, false, WRAP_PC, FRAME);
    errno = saved;
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

size_t __wrap_malloc_usable_size(void *memory)
{
    if (memory == NULL || !is_ours() || !heap_contains(memory))
        return __real_malloc_usable_size(memory);
    return heap_block_of(memory, "malloc_usable_size", WRAP_PC)->size_bytes;
}

/* ---- for alloc.h ---- */

bool alloc_is_ours(void)
{
    return is_ours();
}

void *alloc_take(size_t size_bytes, size_t alignment, const void *pc, const void *frame)
{
    if (!is_ours())
        return alignment > HEAP_GRANULE ? __real_memalign(alignment, size_bytes)
                                        : __real_malloc(size_bytes);
    return allocate(size_bytes, alignment, false, pc, frame);
}

void *alloc_change(void *memory, size_t size_bytes, const void *pc, const void *frame)
{
    return is_ours() ? reallocate(memory, size_bytes, pc, frame)
                     : __real_realloc(memory, size_bytes);
}

void alloc_give(void *memory, const void *pc, const void *frame)
{
    if (is_ours() || heap_contains(memory))
        give_back(memory, pc, frame);
    else
        __real_free(memory);
}

/* ---- calls that allocate for their caller ---- */

static inline __attribute__((always_inline)) char *duplicate(const char *text, size_t len_bytes,
                                                             const void *pc, const void *frame)
{
    char *copy = allocate(len_bytes + 1, HEAP_GRANULE, false, pc, frame);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len_bytes);
    copy[len_bytes] = '\0';
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return is_ours() ? duplicate(text, strlen(text), WRAP_PC, FRAME) : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len_bytes_max)
{
    return is_ours() ? duplicate(text, strnlen(text, len_bytes_max), WRAP_PC, FRAME)
                     : __real_strndup(text, len_bytes_max);
}

static inline __attribute__((always_inline)) int print(char **out, const char *fmt, va_list args,
                                                       const void *pc, const void *frame)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        return len;
    char *text = allocate((size_t)len + 1, HEAP_GRANULE, false, pc, frame);
    if (text == NULL)
        return -1;
    *out = text;
    return vsnprintf(text, (size_t)len + 1, fmt, args);
}

int __wrap_vasprintf(char **out, const char *fmt, va_list args)
{
    return is_ours() ? print(out, fmt, args, WRAP_PC, FRAME) : __real_vasprintf(out, fmt, args);
}

int __wrap_asprintf(char **out, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = is_ours() ? print(out, fmt, args, WRAP_PC, FRAME) : __real_vasprintf(out, fmt, args);
    va_end(args);
    return len;
}
