/*
 * core/base/attr.h - compiler attributes and the assertion that is never compiled out.
 *
 * A BUG_ON is for our own mistakes: it is evaluated in every build. In the native server it prints
 * where and aborts; in a simulated build it ends the run with the verdict "assert: EXPR in f".
 *
 * Threads: any.
 */
#ifndef CORE_BASE_ATTR_H
#define CORE_BASE_ATTR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN _Noreturn
#define UNUSED __attribute__((unused))
#define CACHE_LINE_BYTES 64
#define CACHE_ALIGNED _Alignas(CACHE_LINE_BYTES)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The object of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member)                                                            \
    ((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

/* Reports a broken invariant and does not return. In a simulated build the simulator defines it
 * (it ends the run); in the native build base/bug.c does (it prints and aborts). */
NORETURN void core_bug(const char *file, int line, const char *func, const char *expr);

#define BUG_ON(expr)                                                                               \
    do {                                                                                           \
        if (unlikely(expr))                                                                        \
            core_bug(__FILE__, __LINE__, __func__, #expr);                                         \
    } while (0)

#endif
