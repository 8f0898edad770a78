/*
 * fuzz/engine/uncompared.c - what covered code compares is not looked at: for targets that run so
 * much of it that libFuzzer's notes of it took a quarter of the time, and whose mutators write what
 * is compared anyway.
 *
 * The linker gives these the calls (see BUILD).
 *
 * Threads: any.
 */
#include <stdint.h>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wunused-parameter"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names of the compiler's names. */
#define EMPTY(name, ...)                                                                           \
    void __wrap___sanitizer_cov_trace_##name(__VA_ARGS__)                                          \
    {                                                                                              \
    }

EMPTY(cmp1, uint8_t a, uint8_t b)
EMPTY(cmp2, uint16_t a, uint16_t b)
EMPTY(cmp4, uint32_t a, uint32_t b)
EMPTY(cmp8, uint64_t a, uint64_t b)
EMPTY(const_cmp1, uint8_t a, uint8_t b)
EMPTY(const_cmp2, uint16_t a, uint16_t b)
EMPTY(const_cmp4, uint32_t a, uint32_t b)
EMPTY(const_cmp8, uint64_t a, uint64_t b)
EMPTY(switch, uint64_t value, uint64_t *cases)
EMPTY(div4, uint32_t value)
EMPTY(div8, uint64_t value)
EMPTY(gep, uintptr_t index)
/* NOLINTEND(bugprone-reserved-identifier) */

#pragma clang diagnostic pop
