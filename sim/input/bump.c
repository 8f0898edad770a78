#include "sim/input/bump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/scenario.h"

enum { CHUNK_BYTES = 8192, ALIGN = 16 };

struct chunk {
    struct chunk *next;
    size_t used_bytes;
    size_t size_bytes;
    _Alignas(ALIGN) unsigned char bytes[];
};

struct bump {
    struct chunk *chunks; /* the newest first */
};

static void *allocate(size_t size_bytes)
{
    void *memory = malloc(size_bytes);

    if (memory == NULL) {
        fprintf(stderr, "heddle: out of memory\n");
        abort();
    }
    return memory;
}

struct bump *bump_new(void)
{
    struct bump *bump = allocate(sizeof(*bump));

    bump->chunks = NULL;
    return bump;
}

void bump_free(struct bump *bump)
{
    if (bump == NULL)
        return;
    while (bump->chunks != NULL) {
        struct chunk *chunk = bump->chunks;
        bump->chunks = chunk->next;
        free(chunk);
    }
    free(bump);
}

static void add_chunk(struct bump *bump, size_t size_bytes)
{
    struct chunk *chunk = allocate(sizeof(*chunk) + size_bytes);

    chunk->next = bump->chunks;
    chunk->used_bytes = 0;
    chunk->size_bytes = size_bytes;
    bump->chunks = chunk;
}

void *bump_take(struct bump *bump, size_t size_bytes)
{
    size_bytes = (size_bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (bump->chunks == NULL || bump->chunks->size_bytes - bump->chunks->used_bytes < size_bytes)
        add_chunk(bump, size_bytes > CHUNK_BYTES ? size_bytes : CHUNK_BYTES);
    void *memory = bump->chunks->bytes + bump->chunks->used_bytes;
    bump->chunks->used_bytes += size_bytes;
    memset(memory, 0, size_bytes);
    return memory;
}

struct bytes bump_copy(struct bump *bump, const void *data, size_t len)
{
    uint8_t *copy = bump_take(bump, len + 1);

    if (len > 0)
        memcpy(copy, data, len);
    return (struct bytes){.data = copy, .len = len};
}
