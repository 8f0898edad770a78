/*
 * sim/memory/native.c - see native.h.
 *
 * Records are in order of allocation; a hash table by address finds them. Both grow by mmap: the
 * sanitizer must not see them come and go as the run's.
 */
#include "sim/memory/native.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/posix/wrap_threads.h"
#include "sim/sched/sched.h"

/* Only TSan's runtime has them. */
void *__tsan_get_current_report(void) __attribute__((weak));
void __tsan_write_range(void *address, unsigned long size_bytes) __attribute__((weak));
/* Only a runtime with an allocator of its own has it. */
size_t __sanitizer_get_allocated_size(const volatile void *memory) __attribute__((weak));

enum { RECORDS_MAX = 1 << 22, SLOTS = 1 << 23 };

struct record {
    void *memory; /* NULL: given back */
    size_t size_bytes;
    const void *pc;
    const struct process *process;
    uint32_t slot;
    bool is_kept; /* given back by the code under test, still the allocator's */
};

const void *native_free_pc;

static struct {
    struct record *records;
    uint32_t record_count;
    uint32_t *slots; /* index of a record and one; 0 is free */
} native;

bool native_is_used(void)
{
    return __sanitizer_get_allocated_size != NULL;
}

static void *map_bytes(size_t size_bytes)
{
    void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED) {
        perror("heddle: cannot reserve memory for the table of blocks");
        __real_abort();
    }
    return base;
}

void native_begin(void)
{
    if (native.records == NULL) {
        native.records = map_bytes(RECORDS_MAX * sizeof(*native.records));
        native.slots = map_bytes(SLOTS * sizeof(*native.slots));
    }
    native.record_count = 0;
}

static uint32_t slot_of(const void *memory)
{
    return (uint32_t)((uint64_t)(uintptr_t)memory * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
           (SLOTS - 1);
}

/* The living record of that address, or NULL. */
static struct record *find(const void *memory)
{
    for (uint32_t i = slot_of(memory); native.slots[i] != 0; i = (i + 1) & (SLOTS - 1)) {
        struct record *record = &native.records[native.slots[i] - 1];
        if (record->memory == memory)
            return record;
    }
    return NULL;
}

void native_end(void)
{
    for (uint32_t i = 0; i < native.record_count; i++) {
        native.slots[native.records[i].slot] = 0;
        if (native.records[i].memory != NULL)
            __real_free(native.records[i].memory);
    }
    native.record_count = 0;
}

void *native_add(void *memory, size_t size_bytes, const void *pc)
{
    if (memory == NULL || native.records == NULL || native.record_count == RECORDS_MAX)
        return memory;
    /* The slot of a record that was given back is as good as a free one. */
    uint32_t i = slot_of(memory);
    while (native.slots[i] != 0 && native.records[native.slots[i] - 1].memory != NULL)
        i = (i + 1) & (SLOTS - 1);
    native.records[native.record_count] = (struct record){.memory = memory,
                                                          .size_bytes = size_bytes,
                                                          .pc = pc,
                                                          .process = sched_self()->process,
                                                          .slot = i};
    native.slots[i] = ++native.record_count;
    return memory;
}

void native_remove(const void *memory)
{
    struct record *record = native.records == NULL ? NULL : find(memory);

    if (record != NULL)
        record->memory = NULL;
}

bool native_keep(const void *memory)
{
    struct record *record = native.records == NULL ? NULL : find(memory);

    if (record == NULL || __tsan_get_current_report == NULL)
        return false;
    if (record->is_kept) {
        /* Given back twice: the sanitizer is to see both, and says so at the second. */
        record->memory = NULL;
        __real_free((void *)(uintptr_t)memory);
        return false;
    }
    record->is_kept = true;
    __tsan_write_range(record->memory, record->size_bytes);
    return true;
}

void native_each(const struct process *process,
                 void (*each)(void *context, const void *pc, size_t size_bytes), void *context)
{
    for (uint32_t i = 0; i < native.record_count; i++) {
        const struct record *record = &native.records[i];
        if (record->memory != NULL && !record->is_kept &&
            (process == NULL || record->process == process))
            each(context, record->pc, record->size_bytes);
    }
}
