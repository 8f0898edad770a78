/*
 * fuzz/feedback/map.c - see map.h.
 *
 * libFuzzer clears and reads a section of bytes at each run. AFL++ has one map, of which its
 * runtime gives out pieces to whoever initialises guards before the fork server starts. Without
 * either the section is ours alone.
 */
#include "fuzz/feedback/map.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/feedback/feedback.h"

_Static_assert(FEEDBACK_COUNTERS <= 1 << 16, "libFuzzer's features would run into each other");

__attribute__((used,
               section("__libfuzzer_extra_counters"))) static uint8_t extra[FEEDBACK_COUNTERS];

extern uint8_t *__afl_area_ptr __attribute__((weak));
extern void __sanitizer_cov_trace_pc_guard_init(uint32_t *begin, uint32_t *end)
    __attribute__((weak));

/* libFuzzer's counters of code, one byte an edge. */
extern uint8_t code_first[] __asm__("__start___sancov_cntrs") __attribute__((weak));
extern uint8_t code_end[] __asm__("__stop___sancov_cntrs") __attribute__((weak));

static uint32_t guards[FEEDBACK_COUNTERS];

/* Before main(), when AFL++'s map may still grow. libFuzzer has the second function too, and ends
 * the process when it is called: hence the first test. */
__attribute__((constructor(101))) static void reserve(void)
{
    if (&__afl_area_ptr != NULL && __sanitizer_cov_trace_pc_guard_init != NULL)
        __sanitizer_cov_trace_pc_guard_init(guards, guards + FEEDBACK_COUNTERS);
}

void map_hit(uint16_t number, uint8_t count)
{
    if (&__afl_area_ptr != NULL && guards[number] != 0)
        __afl_area_ptr[guards[number]] = count;
    extra[number] = count;
}

void map_clear(uint16_t number)
{
    extra[number] = 0;
}

uint8_t map_counter(uint16_t number)
{
    return extra[number];
}

bool map_has_new_code(void)
{
    static uint8_t *seen; /* as long as the process */
    const size_t count = code_first == NULL ? 0 : (size_t)(code_end - code_first);
    bool is_new = count == 0;

    if (seen == NULL && count != 0)
        seen = calloc(count, 1);
    if (count != 0 && seen == NULL)
        abort();
    for (size_t at = 0; at < count; at++) {
        uint64_t eight = 1;
        if (at % 8 == 0 && count - at >= 8)
            memcpy(&eight, code_first + at, 8);
        if (eight == 0) {
            at += 7;
            continue;
        }
        is_new |= code_first[at] != 0 && seen[at] == 0;
        seen[at] |= code_first[at];
    }
    return is_new;
}
