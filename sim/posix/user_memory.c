/*
 * sim/posix/user_memory.c - memory of the code under test that a call reads or writes for it: the
 * access is judged as if the code had made it, by whatever judges memory in this build.
 */
#include "sim/memory/heap.h"
#include "sim/posix/io.h"

void *__asan_region_is_poisoned(void *address, size_t size_bytes) __attribute__((weak));
void __asan_report_load_n(void *address, size_t size_bytes) __attribute__((weak));
void __asan_report_store_n(void *address, size_t size_bytes) __attribute__((weak));
/* sim/race/race.h. Not the __tsan_ functions where both are: these are points when plain accesses
 * are, and nobody may come in the middle of a call. */
void race_range(const volatile void *address, size_t size_bytes, bool is_write, const void *pc)
    __attribute__((weak));
void __tsan_read_range_pc(void *address, size_t size_bytes, void *pc) __attribute__((weak));
void __tsan_write_range_pc(void *address, size_t size_bytes, void *pc) __attribute__((weak));

const void *io_pc;

static void check(const void *memory, size_t len_bytes, bool is_write)
{
    void *address = (void *)(uintptr_t)memory;
    void *pc = (void *)(uintptr_t)io_pc;

    if (!sched_is_simulated() || len_bytes == 0)
        return; /* an actor's */
    heap_check_range(memory, len_bytes, is_write, pc);
    if (__asan_region_is_poisoned != NULL &&
        __asan_region_is_poisoned(address, len_bytes) != NULL) {
        if (is_write)
            __asan_report_store_n(address, len_bytes);
        else
            __asan_report_load_n(address, len_bytes);
    }
    if (race_range != NULL)
        race_range(memory, len_bytes, is_write, pc);
    else if (is_write && __tsan_write_range_pc != NULL)
        __tsan_write_range_pc(address, len_bytes, pc);
    else if (!is_write && __tsan_read_range_pc != NULL)
        __tsan_read_range_pc(address, len_bytes, pc);
}

__attribute__((constructor)) static void watch_user_memory(void)
{
    io_check_user = check;
}
