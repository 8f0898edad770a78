/*
 * core/base/hook.h - what a simulated build tells whoever watches it.
 *
 * Compiled with -DCORE_SIMULATED the same sources announce each atomic operation before it happens
 * and its outcome after, each pool allocation, each object worth a name, and ask whether a planted
 * bug is on. The definitions are the watcher's; core never includes its headers. A native build
 * compiles all of this to nothing: its objects hold no reference to any core_hook_ symbol.
 *
 * Threads: any.
 */
#ifndef CORE_BASE_HOOK_H
#define CORE_BASE_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum core_hook_op {
    CORE_HOOK_LOAD,
    CORE_HOOK_STORE,
    CORE_HOOK_RMW,
    CORE_HOOK_CAS,
    CORE_HOOK_FENCE,
};

#ifdef CORE_SIMULATED

/* Before an atomic operation on `addr` (NULL for a fence): the caller may be descheduled here.
 * `expr` is the source text of the address, for people; it lives for ever. */
void core_hook_atomic(const volatile void *addr, enum core_hook_op op, const char *expr);

/* After it: the value found and the value left. Equal means nothing changed. */
void core_hook_result(const volatile void *addr, uint64_t found, uint64_t left);

/* A pause inside a loop that waits for another thread. */
void core_hook_relax(void);

/* `object` of `size_bytes` is a `type` named `name` (copied). Names appear in stories. */
void core_hook_name(const volatile void *object, size_t size_bytes, const char *type,
                    const char *name);

/* True when this allocation of a pooled object is to fail. `what` names the pool. */
bool core_hook_alloc_fails(const char *what);

/* True when planted bug number `plant` (enum plant) is switched on in this run. */
bool core_hook_plant(unsigned plant);

/* A rare branch was reached; `name` lives for ever. */
void core_hook_mark(const char *name);

#define HOOK_NAME(object, type, name) core_hook_name((object), sizeof(*(object)), (type), (name))
#define HOOK_ALLOC_FAILS(what) core_hook_alloc_fails(what)
#define MARK(name) core_hook_mark(name)

#else

#define HOOK_NAME(object, type, name) ((void)0)
#define HOOK_ALLOC_FAILS(what) false
#define MARK(name) ((void)0)

#endif
#endif
