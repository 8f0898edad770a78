/*
 * sim/posix/assert.c - failed assertions of the code under test, its aborts, and the core's BUG_ON:
 * each ends the run with the verdict "assert: EXPR in FUNC".
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"
#include "sim/posix/run.h"
#include "sim/posix/wrap_threads.h"

static _Noreturn void fail(const void *pc, const char *expr, const char *file, unsigned line,
                           const char *func)
{
    char detail[160];

    (void)snprintf(detail, sizeof(detail), "at %s:%u\n", file, line);
    finding_fail_detail(FINDING_ASSERT, pc, detail, "assert: %s in %s", expr, func);
}

/* Also called by the simulator when it looks into the core from a lane or between steps. */
void core_bug(const char *file, int line, const char *func, const char *expr)
{
    if (!posix_run.is_active) {
        fprintf(stderr, "%s:%d: %s: broken invariant: %s\n", file, line, func, expr);
        __real_abort();
    }
    fail(WRAP_PC, expr, file, (unsigned)line, func);
}

void __wrap___assert_fail(const char *expr, const char *file, unsigned line, const char *func)
{
    if (!sched_is_simulated())
        __real___assert_fail(expr, file, line, func);
    /* C++ passes a whole signature; its title is the name alone. */
    char name[128];
    size_t len = strcspn(func, "(");
    while (len > 0 && func[len] != '\0' && func[len - 1] == ' ')
        len--;
    size_t start = len;
    while (start > 0 && func[start - 1] != ' ' && func[start - 1] != '*' && func[start - 1] != '&')
        start--;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(len - start), func + start);
    fail(WRAP_PC, expr, file, line, name);
}

void __wrap___assert_perror_fail(int err, const char *file, unsigned line, const char *func)
{
    if (!sched_is_simulated())
        __real___assert_perror_fail(err, file, line, func);
    fail(WRAP_PC, strerrorname_np(err), file, line, func);
}

void __wrap_abort(void)
{
    if (!sched_is_simulated())
        __real_abort();
    finding_fail(FINDING_ASSERT, WRAP_PC, "assert: abort() in {pc:%lx}", (unsigned long)WRAP_PC);
}
