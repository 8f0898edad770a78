/*
 * sim/posix/misuse.c - see misuse.h.
 */
#include "sim/posix/misuse.h"

#include <stdarg.h>
#include <stdio.h>

#include "sim/posix/names.h"
#include "sim/posix/thread.h"

enum { WHAT_BYTES = 80 };

static _Noreturn void fail(const volatile void *object, const void *pc, const char *detail,
                           const char *what)
{
    char name[OBJECT_NAME_BYTES];

    (void)object_name(object, name, sizeof(name));
    finding_fail_detail(FINDING_LOCK_MISUSE, pc, detail, "lock-misuse: %s %s in {pc:%lx}", what,
                        name, (unsigned long)pc);
}

void misuse_fail(const volatile void *object, const void *pc, const char *what, ...)
{
    char text[WHAT_BYTES];
    va_list args;

    va_start(args, what);
    (void)vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    fail(object, pc, "", text);
}

void misuse_fail_held(const volatile void *object, const struct posix_thread *owner, const void *pc,
                      const char *what, ...)
{
    char text[WHAT_BYTES];
    char detail[FINDING_DETAIL_BYTES] = "";
    va_list args;

    va_start(args, what);
    (void)vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    const struct held_lock *held =
        owner == NULL ? NULL : held_find(owner, (const void *)(uintptr_t)object);
    if (held != NULL)
        (void)snprintf(detail, sizeof(detail), "held by %s since {pc:%lx}\n", owner->thread->name,
                       (unsigned long)held->pc);
    fail(object, pc, detail, text);
}
