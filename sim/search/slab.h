/*
 * sim/search/slab.h - blocks of one size, taken and given back, outside every heap.
 *
 * The explorer works in the middle of runs, where malloc belongs to the code under test.
 *
 * Owner: whoever embeds it.  Threads: one.
 */
#ifndef SIM_SEARCH_SLAB_H
#define SIM_SEARCH_SLAB_H

#include <stddef.h>

struct slab {
    size_t block_bytes; /* set by the owner: at least a pointer; the rest is zero at first */
    void *free_head;
    void *chunks;
    size_t taken; /* blocks in use */
};

/* Contents are not set. Aborts when there is no memory. */
void *slab_take(struct slab *slab);
void slab_give(struct slab *slab, void *block);
/* Gives everything back to the system. */
void slab_fini(struct slab *slab);

/* `bytes` of zeroed memory that costs nothing until it is touched; slab_unmap() gives it back. */
void *slab_map(size_t bytes);
void slab_unmap(void *memory, size_t bytes);

#endif
