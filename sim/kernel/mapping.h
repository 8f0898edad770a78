/*
 * sim/kernel/mapping.h - memory that code under test maps: anonymous, or a simulated file.
 *
 * Mappings are the system's own, at addresses that are the same in every run and are not used
 * twice in one, so that a pointer into what was unmapped is a crash. All are undone at the end of
 * the run.
 *
 * Owner: the run.  Threads: none.
 */
#ifndef SIM_KERNEL_MAPPING_H
#define SIM_KERNEL_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kernel/inode.h"

#define MAPPING_BASE UINT64_C(0x300000000000)
#define MAPPING_BYTES (UINT64_C(1) << 44)

/* Whether [address, address + len_bytes) was given out by mapping_new(). */
bool mapping_covers(const void *address, size_t len_bytes);

/* As mmap(): 0 or -errno. `inode` is NULL for anonymous memory. */
int mapping_new(void *address, size_t len_bytes, int protection, int flags, struct inode *inode,
                int64_t offset, bool may_write, void **out);
int mapping_remove(void *address, size_t len_bytes);
/* As mremap(). */
int mapping_move(void *address, size_t old_bytes, size_t new_bytes, int flags, void **out);

void mapping_end(void);

#endif
