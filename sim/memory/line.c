/*
 * sim/memory/line.c - calls of the C library that allocate for their caller, or grow what the
 * caller allocated: the memory is the run's heap's, like any that the program frees.
 *
 * What other calls allocate (open_memstream, scandir...) is the library's own, and free() passes it
 * on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "sim/memory/alloc.h"
#include "sim/posix/wrap_threads.h"

#define FRAME __builtin_frame_address(0)

ssize_t __real_getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __real___getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __real_getline(char **line, size_t *size_bytes, FILE *stream);
ssize_t __wrap_getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __wrap___getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __wrap_getline(char **line, size_t *size_bytes, FILE *stream);
