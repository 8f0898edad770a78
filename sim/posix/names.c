/*
 * sim/posix/names.c - see names.h.
 *
 * Names given are in a hash table by address, so that giving one again costs nothing. First uses
 * are a mere list, because every lock of every run adds to it and hardly any run asks.
 */
#include "sim/posix/names.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sim/posix/run.h"

enum { NAME_BYTES = 40, SLOTS_FIRST = 64, USES_FIRST = 32 };

void core_hook_name(const volatile void *object, size_t size_bytes, const char *type,
                    const char *name);

struct object_entry {
    const volatile void *object; /* NULL: free slot */
    size_t size_bytes;
    const char *type;
    uint32_t serial; /* a later name wins where two objects share an address */
    char name[NAME_BYTES];
};

struct first_use {
    const void *object;
    const char *type;
};

static struct {
    struct object_entry *slots;
    uint32_t slot_count; /* a power of two */
    uint32_t entry_count;
    uint32_t serial;
    struct first_use *uses;
    uint32_t use_count;
    uint32_t use_capacity;
} names;

void names_begin(void)
{
    memset(&names, 0, sizeof(names));
}

static uint32_t slot_of(const volatile void *object, uint32_t slot_count)
{
    return (uint32_t)((uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
           (slot_count - 1);
}

/* The slot of that object, or a free one. A struct and its first member are two objects: the type
 * tells them apart. */
static struct object_entry *find_slot(struct object_entry *slots, uint32_t slot_count,
                                      const volatile void *object, const char *type)
{
    uint32_t i = slot_of(object, slot_count);

    while (slots[i].object != NULL &&
           (slots[i].object != object || strcmp(slots[i].type, type) != 0))
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

static void grow_slots(void)
{
    uint32_t count = names.slot_count == 0 ? SLOTS_FIRST : names.slot_count * 2;
    struct object_entry *slots = arena_take(sched_arena(), count * sizeof(*slots));

    for (uint32_t i = 0; i < names.slot_count; i++) {
        if (names.slots[i].object != NULL)
            *find_slot(slots, count, names.slots[i].object, names.slots[i].type) = names.slots[i];
    }
    names.slots = slots;
    names.slot_count = count;
}

void core_hook_name(const volatile void *object, size_t size_bytes, const char *type,
                    const char *name)
{
    if (!posix_run.is_active)
        return;
    if (names.entry_count * 2 >= names.slot_count)
        grow_slots();
    struct object_entry *entry = find_slot(names.slots, names.slot_count, object, type);
    if (entry->object == NULL)
        names.entry_count++;
    entry->object = object;
    entry->size_bytes = size_bytes;
    entry->type = type;
    entry->serial = ++names.serial;
    size_t len = 0;
    for (; len < sizeof(entry->name) - 1 && name[len] != '\0'; len++)
        entry->name[len] = name[len];
    entry->name[len] = '\0';
}

void names_first_use(const void *object, const char *type)
{
    if (names.use_count == names.use_capacity) {
        uint32_t capacity = names.use_capacity == 0 ? USES_FIRST : names.use_capacity * 2;
        struct first_use *uses = arena_take(sched_arena(), capacity * sizeof(*uses));
        if (names.use_count != 0)
            memcpy(uses, names.uses, names.use_count * sizeof(*uses));
        names.uses = uses;
        names.use_capacity = capacity;
    }
    names.uses[names.use_count++] = (struct first_use){.object = object, .type = type};
}

/* The innermost named object that covers `address`. */
static const struct object_entry *find_covering(const volatile void *address)
{
    const struct object_entry *best = NULL;
    uintptr_t at = (uintptr_t)address;

    for (uint32_t i = 0; i < names.slot_count; i++) {
        const struct object_entry *entry = &names.slots[i];
        uintptr_t start = (uintptr_t)entry->object;
        if (entry->object == NULL || at < start || at - start >= entry->size_bytes)
            continue;
        if (best == NULL || entry->size_bytes < best->size_bytes ||
            (entry->size_bytes == best->size_bytes && entry->serial > best->serial))
            best = entry;
    }
    return best;
}

/* Locks are labels already ("listener.lock"); other things read better with their type. */
static bool is_label(const char *type)
{
    return strstr(type, "lock") != NULL;
}

static bool name_by_use(const volatile void *address, char *out, size_t out_bytes)
{
    uint32_t number = 0;
    const char *type = NULL;

    for (uint32_t i = names.use_count; i-- > 0 && type == NULL;) {
        if (names.uses[i].object == address)
            type = names.uses[i].type;
        if (type != NULL) {
            for (uint32_t j = 0; j <= i; j++)
                number += strcmp(names.uses[j].type, type) == 0;
        }
    }
    if (type == NULL)
        return false;
    (void)snprintf(out, out_bytes, "%s#%u", type, number);
    return true;
}

bool object_name(const volatile void *address, char *out, size_t out_bytes)
{
    const struct object_entry *entry = find_covering(address);
    uintptr_t offset = entry == NULL ? 0 : (uintptr_t)address - (uintptr_t)entry->object;

    if (entry != NULL && offset == 0 && is_label(entry->type)) {
        (void)snprintf(out, out_bytes, "%s", entry->name);
        return true;
    }
    if (name_by_use(address, out, out_bytes))
        return true;
    if (entry == NULL) {
        (void)snprintf(out, out_bytes, "?");
        return false;
    }
    const char *blank = is_label(entry->type) ? "" : " ";
    const char *type = is_label(entry->type) ? "" : entry->type;
    if (offset == 0)
        (void)snprintf(out, out_bytes, "%s%s%s", type, blank, entry->name);
    else
        (void)snprintf(out, out_bytes, "%s%s%s+0x%lx", type, blank, entry->name,
                       (unsigned long)offset);
    return true;
}
