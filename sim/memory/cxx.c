/*
 * sim/memory/cxx.c - operator new and delete, in every form, from the run's heap.
 *
 * They are definitions and not wrapped calls: the C++ library allocates what the program frees and
 * the other way round, and takes these for its own too. A program of C never meets them. With a
 * sanitizer that has its own malloc its own operators serve.
 *
 * Threads: any.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/memory/alloc.h"
#include "sim/posix/wrap_threads.h"

#if !defined(HEDDLE_BUILD_ASAN) && !defined(HEDDLE_BUILD_TSAN)

/* Of the C++ library. */
void _ZSt17__throw_bad_allocv(void) __attribute__((weak));        /* std::__throw_bad_alloc() */
void (*_ZSt15get_new_handlerv(void))(void) __attribute__((weak)); /* std::get_new_handler() */

enum { ALIGNMENT_DEFAULT = 16 };

/* A program may have its own, and then means them. */
#define REPLACEABLE __attribute__((weak))

/* No memory: whoever the program named for it makes some and this returns true, or it is over. */
static bool make_room(void)
{
    void (*handler)(void) = _ZSt15get_new_handlerv == NULL ? NULL : _ZSt15get_new_handlerv();

    if (handler != NULL)
        handler();
    return handler != NULL;
}

static void *take(size_t size_bytes, size_t alignment, const void *pc)
{
    for (;;) {
        void *memory =
            alloc_take(size_bytes == 0 ? 1 : size_bytes, alignment, pc, __builtin_frame_address(0));
        if (memory != NULL || !make_room())
            return memory;
    }
}

static void *take_or_throw(size_t size_bytes, size_t alignment, const void *pc)
{
    void *memory = take(size_bytes, alignment, pc);

    if (memory == NULL && _ZSt17__throw_bad_allocv != NULL)
        _ZSt17__throw_bad_allocv();
    if (memory == NULL)
        abort();
    return memory;
}

#define NEW(name)                                                                                  \
    REPLACEABLE void *name(size_t size_bytes);                                                     \
    void *name(size_t size_bytes)                                                                  \
    {                                                                                              \
        return take_or_throw(size_bytes, ALIGNMENT_DEFAULT, WRAP_PC);                              \
    }                                                                                              \
    REPLACEABLE void *name##RKSt9nothrow_t(size_t size_bytes, const void *tag);                    \
    void *name##RKSt9nothrow_t(size_t size_bytes, const void *tag)                                 \
    {                                                                                              \
        (void)tag;                                                                                 \
        return take(size_bytes, ALIGNMENT_DEFAULT, WRAP_PC);                                       \
    }                                                                                              \
    REPLACEABLE void *name##St11align_val_t(size_t size_bytes, size_t alignment);                  \
    void *name##St11align_val_t(size_t size_bytes, size_t alignment)                               \
    {                                                                                              \
        return take_or_throw(size_bytes, alignment, WRAP_PC);                                      \
    }                                                                                              \
    REPLACEABLE void *name##St11align_val_tRKSt9nothrow_t(size_t size_bytes, size_t alignment,     \
                                                          const void *tag);                        \
    void *name##St11align_val_tRKSt9nothrow_t(size_t size_bytes, size_t alignment,                 \
                                              const void *tag)                                     \
    {                                                                                              \
        (void)tag;                                                                                 \
        return take(size_bytes, alignment, WRAP_PC);                                               \
    }
NEW(_Znwm)
NEW(_Znam)

#define DELETE(name, ...)                                                                          \
    REPLACEABLE void name(void *memory, ##__VA_ARGS__);                                            \
    void name(void *memory, ##__VA_ARGS__)                                                         \
    {                                                                                              \
        alloc_give(memory, WRAP_PC, __builtin_frame_address(0));                                   \
    }

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#define DELETES(name)                                                                              \
    DELETE(name)                                                                                   \
    DELETE(name##m, size_t size_bytes)                                                             \
    DELETE(name##RKSt9nothrow_t, const void *tag)                                                  \
    DELETE(name##St11align_val_t, size_t alignment)                                                \
    DELETE(name##mSt11align_val_t, size_t size_bytes, size_t alignment)                            \
    DELETE(name##St11align_val_tRKSt9nothrow_t, size_t alignment, const void *tag)
DELETES(_ZdlPv)
DELETES(_ZdaPv)
#pragma clang diagnostic pop

#endif
