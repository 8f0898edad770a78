/*
 * sim/kernel/disk.h - where the contents of simulated files lie: memory that can be mapped.
 *
 * One file without a name is mapped whole, at the same address in every process. Each simulated
 * file that has contents owns an extent of it, far larger than anything that is written there, so a
 * file never moves, a shared mapping of it is a second view of the same pages, and reading and
 * writing are copies. What a run has written is wiped at its end.
 *
 * Owner: the process.  Threads: none, the engine runs on one.
 */
#ifndef SIM_KERNEL_DISK_H
#define SIM_KERNEL_DISK_H

#include <stdint.h>

enum { DISK_EXTENTS_MAX = 1024, DISK_NONE = -1 };

#define DISK_BASE UINT64_C(0x200000000000)
#define DISK_EXTENT_BYTES (INT64_C(1) << 34)

/* An extent full of zeroes, or DISK_NONE when all are taken. */
int disk_take(void);
/* Wipes it. */
void disk_give(int extent);

char *disk_bytes(int extent);
/* The caller has written, or let somebody write, below `end_bytes`. */
void disk_note_written(int extent, int64_t end_bytes);
/* From `start_bytes` on it is zeroes again. */
void disk_wipe(int extent, int64_t start_bytes);

/* For mapping a part of an extent: the system's own descriptor, and the place in it. */
int disk_fd(void);
int64_t disk_offset(int extent);

/* Gives back every extent. At the end of a run. */
void disk_end(void);

#endif
