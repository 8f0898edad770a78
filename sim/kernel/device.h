/*
 * sim/kernel/device.h - the few files that exist by path: /dev/null, /dev/zero, /dev/urandom.
 *
 * Random bytes come from one draw of the run, so they are the same for the same choices.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_DEVICE_H
#define SIM_KERNEL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/kernel/file.h"

enum device_kind {
    DEVICE_NULL,
    DEVICE_ZERO,
    DEVICE_RANDOM,
    DEVICE_OUTPUT, /* has no path: what is written goes to device_output */
};

/* Set by sim/foreign; NULL: output is dropped. */
extern void (*device_output)(const void *bytes, size_t len_bytes);

struct file *device_new(enum device_kind kind, int flags);
/* NULL when the path is no device. */
struct file *device_open(const char *path, int flags);

/* What getrandom() gives. */
void device_random_bytes(const struct io_vector *to, size_t len_bytes);

#endif
