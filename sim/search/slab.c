/*
 * sim/search/slab.c - see slab.h.
 */
#include "sim/search/slab.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim/sched/sched.h"

enum { CHUNK_BYTES = 1 << 18, CHUNK_HEADER_BYTES = 64 };

void *slab_map(size_t bytes)
{
    sched_bypass_begin(); /* not a call of the thread that runs */
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sched_bypass_end();

    if (memory == MAP_FAILED) {
        perror("heddle: no memory for the search");
        abort();
    }
    return memory;
}

void slab_unmap(void *memory, size_t bytes)
{
    if (memory != NULL)
        munmap(memory, bytes);
}

/* The first word of a chunk is the chunk before it, the first word of a free block the next. */
static void add_chunk(struct slab *slab)
{
    char *chunk = slab_map(CHUNK_BYTES);

    *(void **)(void *)chunk = slab->chunks;
    slab->chunks = chunk;
    for (size_t at = CHUNK_HEADER_BYTES; at + slab->block_bytes <= CHUNK_BYTES;
         at += slab->block_bytes) {
        *(void **)(void *)(chunk + at) = slab->free_head;
        slab->free_head = chunk + at;
    }
}

void *slab_take(struct slab *slab)
{
    if (slab->free_head == NULL)
        add_chunk(slab);
    void *block = slab->free_head;
    if (block == NULL)
        abort(); /* a block larger than a chunk */
    slab->free_head = *(void **)block;
    slab->taken++;
    return block;
}

void slab_give(struct slab *slab, void *block)
{
    *(void **)block = slab->free_head;
    slab->free_head = block;
    slab->taken--;
}

void slab_fini(struct slab *slab)
{
    while (slab->chunks != NULL) {
        void *chunk = slab->chunks;
        slab->chunks = *(void **)chunk;
        munmap(chunk, CHUNK_BYTES);
    }
    slab->free_head = NULL;
    slab->taken = 0;
}
