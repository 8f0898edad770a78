/*
 * fuzz/engine/coverage.c - see coverage.h.
 *
 * AFL++ finds its map by a pointer, which looks elsewhere meanwhile. libFuzzer's counters are
 * counted by the code itself, so they are put back as they were.
 */
#include "fuzz/engine/coverage.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): AFL++'s and the linker's names. */
extern uint8_t *__afl_area_ptr __attribute__((weak));
extern uint32_t __afl_map_size __attribute__((weak));
extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));

static struct {
    uint8_t *map; /* AFL++'s own */
    uint8_t *nowhere;
    uint32_t nowhere_bytes;
    uint8_t *counters; /* as they were */
} paused;

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);

    if (memory == NULL)
        abort();
    return memory;
}

/* The map may have grown since: guards are handed out until the fork server starts. */
static void pause_map(void)
{
    if (paused.nowhere_bytes < __afl_map_size) {
        free(paused.nowhere);
        paused.nowhere = allocate(__afl_map_size);
        paused.nowhere_bytes = __afl_map_size;
    }
    paused.map = __afl_area_ptr;
    __afl_area_ptr = paused.nowhere;
}

static size_t counter_bytes(void)
{
    return (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs);
}

void coverage_pause(void)
{
    if (&__afl_area_ptr != NULL && &__afl_map_size != NULL)
        pause_map();
    if (counter_bytes() == 0)
        return;
    if (paused.counters == NULL)
        paused.counters = allocate(counter_bytes());
    memcpy(paused.counters, __start___sancov_cntrs, counter_bytes());
}

void coverage_resume(void)
{
    if (paused.map != NULL)
        __afl_area_ptr = paused.map;
    paused.map = NULL;
    if (counter_bytes() != 0)
        memcpy(__start___sancov_cntrs, paused.counters, counter_bytes());
}
/* NOLINTEND(bugprone-reserved-identifier) */
