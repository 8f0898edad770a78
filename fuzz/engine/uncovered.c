/*
 * fuzz/engine/uncovered.c - what compilers make covered code call, doing nothing: for programs of a
 * fuzz build that no engine runs. Weak, so an engine's own win.
 *
 * Threads: any.
 */
#include <stdint.h>

#define WEAK __attribute__((weak, visibility("default")))

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wunused-parameter"

/* NOLINTBEGIN(bugprone-reserved-identifier): the compiler's names. */
#define EMPTY(name, ...)                                                                           \
    WEAK void __sanitizer_cov_##name(__VA_ARGS__)                                                  \
    {                                                                                              \
    }

EMPTY(8bit_counters_init, char *begin, char *end)
EMPTY(pcs_init, const uintptr_t *begin, const uintptr_t *end)
EMPTY(trace_pc_guard_init, uint32_t *begin, uint32_t *end)
EMPTY(trace_pc_guard, uint32_t *guard)
EMPTY(trace_pc_indir, uintptr_t callee)
EMPTY(trace_cmp1, uint8_t a, uint8_t b)
EMPTY(trace_cmp2, uint16_t a, uint16_t b)
EMPTY(trace_cmp4, uint32_t a, uint32_t b)
EMPTY(trace_cmp8, uint64_t a, uint64_t b)
EMPTY(trace_const_cmp1, uint8_t a, uint8_t b)
EMPTY(trace_const_cmp2, uint16_t a, uint16_t b)
EMPTY(trace_const_cmp4, uint32_t a, uint32_t b)
EMPTY(trace_const_cmp8, uint64_t a, uint64_t b)
EMPTY(trace_switch, uint64_t value, uint64_t *cases)
EMPTY(trace_div4, uint32_t value)
EMPTY(trace_div8, uint64_t value)
EMPTY(trace_gep, uintptr_t index)
/* NOLINTEND(bugprone-reserved-identifier) */

/* Thread-local in the runtime that would measure the depth of the stack. */
WEAK _Thread_local uintptr_t __sancov_lowest_stack; /* NOLINT(bugprone-reserved-identifier) */

#pragma clang diagnostic pop
