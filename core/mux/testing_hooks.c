#include "core/mux/testing_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/hook.h"

static struct testing_refusal refusal;

struct testing_refusal *testing_refusal(void)
{
    return &refusal;
}

bool core_hook_alloc_fails(const char *what)
{
    static const char *const of_messages[] = {"nghttp2", "stream", "head", "buffer"};
    bool counts = refusal.has_all;

    for (size_t i = 0; i < ARRAY_LEN(of_messages); i++)
        counts |= strcmp(what, of_messages[i]) == 0;
    if (!refusal.is_on || !counts || refusal.left == 0)
        return false;
    refusal.left--;
    refusal.has_failed |= refusal.left == 0;
    return refusal.left == 0;
}

void core_hook_atomic(const volatile void *addr, enum core_hook_op op, const char *expr)
{
    (void)addr;
    (void)op;
    (void)expr;
}

void core_hook_result(const volatile void *addr, uint64_t found, uint64_t left)
{
    (void)addr;
    (void)found;
    (void)left;
}

void core_hook_relax(void)
{
}

void core_hook_name(const volatile void *object, size_t size_bytes, const char *type,
                    const char *name)
{
    (void)object;
    (void)size_bytes;
    (void)type;
    (void)name;
}

bool core_hook_plant(unsigned plant)
{
    (void)plant;
    return false;
}

void core_hook_mark(const char *name)
{
    (void)name;
}

NORETURN void core_bug(const char *file, int line, const char *func, const char *expr)
{
    (void)fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}
