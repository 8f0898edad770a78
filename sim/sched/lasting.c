/*
 * sim/sched/lasting.c - what runs leave to later runs beside their results: see sched.h.
 */
#include <stdlib.h>

#include "sim/sched/sched.h"

enum { LASTING_MAX = 16 };

static struct {
    struct lasting list[LASTING_MAX];
    size_t count;
} lasting;

void sched_lasting_add(void *memory, size_t size_bytes)
{
    for (size_t i = 0; i < lasting.count; i++)
        if (lasting.list[i].memory == memory)
            return;
    if (lasting.count == LASTING_MAX)
        abort();
    lasting.list[lasting.count++] = (struct lasting){.memory = memory, .size_bytes = size_bytes};
}

size_t sched_lasting(const struct lasting **list)
{
    *list = lasting.list;
    return lasting.count;
}
